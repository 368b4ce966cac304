"""What the generation before has published in one partition of the totals: read once, when its place is taken."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from connectors import subscribe
from processor.refold import read


@dataclass(frozen=True)
class Published:
    """A ``publishing.Former``, of what is committed now. Blocking; raises TopicError or KafkaError."""

    bootstrap: str
    prefix: str
    generation: int
    partition: int

    def reached(self, flow: str) -> Mapping[int, int]:
        """Position it includes of each source partition."""
        found = subscribe.progress(bootstrap=self.bootstrap, prefix=self.prefix)
        return {
            key.source_partition: position
            for key, (position, _) in found.items()
            if (key.flow, key.generation, key.totals_partition) == (flow, self.generation, self.partition)
        }

    def rows(self, topic: str) -> Mapping[bytes, bytes]:
        """Rows of one counter as subscribers have them now, by key."""
        newest: dict[bytes, bytes] = {}
        for records in read(self.bootstrap, self.prefix + topic, self.partition):
            for record in records:
                if record.value is None:
                    newest.pop(record.key, None)
                else:
                    newest[record.key] = record.value
        return newest
