"""Records that are no events: each is answered by a dead letter, for one reason."""

from __future__ import annotations

from random import Random

from connectors.simulator.messages import Message
from connectors.simulator.partitions import partition_of

UNDECODABLE = ("null_value", "unknown_framing", "unknown_schema", "undecodable", "wrong_partition", "wrong_key")
OVERSIZED_SHARE = 0.02
MIB = 1 << 20


def undecodable(good: Message, rng: Random, partitions: int) -> Message:
    """A record that is answered by a dead letter, made from an event. One reason each."""
    assert good.key
    assert good.value
    assert good.fact
    reason = "oversized" if rng.random() < OVERSIZED_SHARE else rng.choice(UNDECODABLE)
    key: bytes | None = good.key
    value: bytes | None = good.value
    partition: int | None = None
    match reason:
        case "null_value":
            value = None
        case "oversized":
            value = good.value + bytes(MIB)
        case "unknown_framing":
            value = rng.choice((b'{"declaration_number": "1"}', b"<declaration/>", b"", b"\xff" + good.value))
        case "unknown_schema":
            value = b"\xc3\x01" + rng.randbytes(8) + good.value[10:]
        case "undecodable":
            cut = rng.randrange(12, len(good.value) - 1)
            sender = good.fact.identity[0].encode()
            value = good.value[:cut] if rng.random() < 0.5 else good.value.replace(sender, b"\xff" * len(sender))
        case "wrong_partition":
            partition = (partition_of(good.key, partitions) + 1) % partitions
        case _:
            key = rng.choice((None, b"", b"4258", good.key + b" "))
            partition = partition_of(key, partitions) if key is not None else rng.randrange(partitions)
    return Message(key, value, partition, None, reason)
