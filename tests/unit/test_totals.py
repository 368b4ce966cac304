"""Totals: the newest of what each source partition says, added up; when they are final, and when minutes go."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import schemas
from processor.engine.counters import PREFIX, SEPARATOR
from processor.engine.model import Batch, Due, LogRecord, Outcome, Source
from processor.engine.partials import Writer
from processor.engine.presence import Told
from processor.engine.totals import TotalsFold
from processor.engine.totals_rows import Counted
from processor.flows.declarations.counters import COUNTERS
from tests.engine import Memory
from tests.events import at

SOURCES = 2
WIDTH = max(len(counter.measures) for counter in COUNTERS)
FOLD = TotalsFold([Counted("declarations", COUNTERS, SOURCES)], 1)
WRITER = Writer("declarations", COUNTERS, 1)
HERE = Source("counters.partials", 0, 1)

MINUTE = "m.29013720.declarations-by-stage.LODGED.4200.IMPORT.CN.Asia/Shanghai"
DAY, MONTH, EVER = (
    f"{window}.declarations-by-stage.LODGED.4200.IMPORT.CN.Asia/Shanghai" for window in ("d.20148", "n.24302", "a.0")
)
"""The minute 10:00, the day, and the month of 2025-03-01 in China; and all time."""
HOUR = 3_600_000
BEGIN, MIDNIGHT = at("2025-03-01T10:00+08:00"), at("2025-03-02T00:00+08:00")
Measures = Sequence[int]


@dataclass
class Totals:
    """One totals partition, which adds up two source partitions; and the topics it writes."""

    log: list[LogRecord] = field(default_factory=list)
    store: Memory = field(default_factory=Memory)
    positions: dict[int, int] = field(default_factory=lambda: dict.fromkeys(range(SOURCES), 0))
    topics: dict[str, dict[bytes, bytes | None]] = field(default_factory=dict)

    def say(
        self,
        source: int,
        said: Mapping[str, Measures] | None = None,
        watermark: int = BEGIN,
        *,
        position: int | None = None,
        generation: int = 1,
        cut: bool = False,
    ) -> None:
        """A source partition publishes counters, ten positions further on, and its progress, unless that is `cut`."""
        position = self.positions[source] + 10 if position is None else position
        self.positions[source] = max(self.positions[source], position)
        keys = [key.replace(".", SEPARATOR).encode() for key in said or {}]
        values = [[*measures, *[0] * (WIDTH - len(measures))] for measures in (said or {}).values()]
        told = Told(keys, np.array(values, np.int64).reshape(-1, WIDTH), keys, np.zeros(len(keys), np.int64))
        of = Source("customs.declarations", source, SOURCES, generation)
        ((message,),) = WRITER.messages([Due(of, [], position, watermark, self.store)], [told])
        for key, value in zip(message.keys, message.values, strict=True):
            self.log.append(LogRecord(len(self.log), watermark, key, value))
        if cut:
            del self.log[-1]

    def fold(self, most: int = 10_000) -> list[tuple[str, Any, Any]]:
        """Take in what has been said; (topic, key, value) of what is published, in order."""
        published = []
        end = self.log[-1].offset + 1 if self.log else 0
        batch = Batch([r for r in self.log if r.offset >= self.store.position], self.store.position, end)
        while batch.records:
            now = batch.first(most)
            outcome = FOLD.step(HERE, now, self.store)
            silent = FOLD.step(HERE, now, self.store, silent=True)
            assert (silent.messages, silent.puts, silent.deletes) == ([], outcome.puts, outcome.deletes)
            self.store.write(outcome)
            for message in outcome.messages:
                if message.topic == HERE.topic:  # the topic it reads: it meets them again
                    end = self.log[-1].offset + 1
                    self.log += [LogRecord(end + n, BEGIN, key, None) for n, key in enumerate(message.keys)]
                    continue
                topic = self.topics.setdefault(message.topic, {})
                for key, value in zip(message.keys, message.values, strict=True):
                    assert key is not None
                    topic[key] = value
                    read = None if value is None else schemas.decode(value)[1]
                    published.append((message.topic, schemas.decode(key)[1], read))
            batch = batch.since(now.end)
        return published

    def told(self, most: int = 10_000) -> dict[str, Any]:
        """By window what is newly published of counters: (status, declarations), None for a tombstone."""
        return {
            key["window"]: None if value is None else (value["status"], value["declarations"])
            for topic, key, value in self.fold(most)
            if topic == "counters.declarations-by-stage"
        }

    def figures(self) -> dict[bytes, tuple[Any, ...]]:
        """The figures of all rows there are, by key."""
        found = {}
        for topic, rows in self.topics.items():
            for key, value in rows.items():
                if topic != "counters.progress" and value is not None:
                    total = schemas.decode(value)[1]
                    names = list(total)
                    found[key] = tuple(total[name] for name in names[2 : names.index("revision")])
        return found


def test_a_total_is_the_sum_of_what_the_sources_say_and_says_where_it_stands() -> None:
    totals = Totals()
    totals.say(0, {DAY: (2, 100, 7, 1)}, BEGIN, position=10)
    totals.say(1, {DAY: (3, 50, 1, 0)}, BEGIN + 5, position=4)
    ((key, value),) = [(key, value) for topic, key, value in totals.fold() if topic == "counters.declarations-by-stage"]
    moments = {name: round(key.pop(name).timestamp() * 1000) for name in ("window_start",)}
    moments |= {name: round(value.pop(name).timestamp() * 1000) for name in ("window_end", "watermark")}
    assert key == {
        "counter": "declarations-by-stage",
        "stage": "LODGED",
        "office": "4200",
        "flow": "IMPORT",
        "jurisdiction": "CN",
        "window": "DAY",
    }
    assert moments == {"window_start": MIDNIGHT - 24 * HOUR, "window_end": MIDNIGHT, "watermark": BEGIN}
    assert value == {
        "declarations": 5,
        "value": 150,
        "net_mass": 8,
        "unconverted": 1,
        "time_zone": "Asia/Shanghai",
        "revision": 14,
        "generation": 1,
        "source_positions": [10, 4],
        "definition": 1,
        "status": "PROVISIONAL",
    }


def test_what_a_source_says_later_takes_the_place_of_what_it_said_before() -> None:
    totals = Totals()
    totals.say(0, {EVER: (5,)})
    totals.say(1, {EVER: (2,)})
    totals.say(0, {EVER: (4,)})
    assert totals.told() == {"ALL_TIME": ("PROVISIONAL", 6)}
    totals.say(1, {EVER: (0,)})
    assert totals.told() == {"ALL_TIME": ("PROVISIONAL", 4)}


def test_what_stands_behind_what_is_known_changes_nothing() -> None:
    totals = Totals()
    totals.say(0, {EVER: (5,)}, position=20)
    totals.say(0, {EVER: (9,)}, position=19)
    assert totals.told() == {"ALL_TIME": ("PROVISIONAL", 9)}, (
        "of one batch the last counts: fencing keeps them in order"
    )
    totals.say(0, {EVER: (7,)}, position=20)
    totals.fold()
    totals.say(0, {EVER: (9,)}, position=19)
    assert totals.told() == {"ALL_TIME": ("PROVISIONAL", 7)}


#   sources at    23:00  23:00  |  01:00 00:59:59.999  |  01:00 01:00  |  02:00 01:00
#   the day is    PROVISIONAL   |  PROVISIONAL         |  FINAL        |  REVISED, if it changes
def test_a_window_is_final_an_hour_after_its_end_by_the_slowest_source() -> None:
    totals = Totals()
    totals.say(0, {DAY: (1,), EVER: (1,)}, MIDNIGHT - HOUR)
    totals.say(1, {}, MIDNIGHT - HOUR)
    assert totals.told() == {"DAY": ("PROVISIONAL", 1), "ALL_TIME": ("PROVISIONAL", 1)}
    totals.say(0, {}, MIDNIGHT + HOUR)
    totals.say(1, {}, MIDNIGHT + HOUR - 1)
    assert totals.told() == {}
    totals.say(1, {}, MIDNIGHT + HOUR)
    assert totals.told() == {"DAY": ("FINAL", 1)}, "said without a change of figures"
    totals.say(0, {}, MIDNIGHT + 2 * HOUR)
    assert totals.told() == {}
    totals.say(0, {DAY: (2,), EVER: (2,)}, MIDNIGHT + 2 * HOUR)
    assert totals.told() == {"DAY": ("REVISED", 2), "ALL_TIME": ("PROVISIONAL", 2)}


def test_a_window_that_is_heard_of_after_its_end_is_final_at_once_and_revised_after() -> None:
    totals = Totals()
    for source in range(SOURCES):
        totals.say(source, {}, MIDNIGHT + 5 * HOUR)
    totals.fold()
    totals.say(0, {DAY: (1,)}, MIDNIGHT + 5 * HOUR)
    assert totals.told() == {"DAY": ("FINAL", 1)}
    totals.say(1, {DAY: (1,)}, MIDNIGHT + 5 * HOUR)
    assert totals.told() == {"DAY": ("REVISED", 2)}


def test_a_source_that_has_said_nothing_holds_everything_back() -> None:
    totals = Totals()
    totals.say(0, {DAY: (1,)}, MIDNIGHT + 99 * HOUR)
    assert totals.told() == {"DAY": ("PROVISIONAL", 1)}
    totals.say(1, {}, MIDNIGHT + 99 * HOUR)
    assert totals.told() == {"DAY": ("FINAL", 1)}


#   the minute 10:00 ends at 10:01: final at 11:01, gone two days after 10:01
def test_a_minute_goes_with_a_tombstone_two_days_after_its_end() -> None:
    totals, end = Totals(), BEGIN + 60_000
    gone = end + 48 * HOUR
    totals.say(0, {MINUTE: (1,), MONTH: (1,)}, BEGIN)
    totals.say(1, {}, BEGIN)
    assert totals.told() == {"MINUTE": ("PROVISIONAL", 1), "MONTH": ("PROVISIONAL", 1)}
    for source in range(SOURCES):
        totals.say(source, {}, gone - 1)
    assert totals.told() == {"MINUTE": ("FINAL", 1)}
    totals.say(0, {}, gone)
    assert totals.told() == {}
    totals.say(1, {}, gone)
    said = {record.key for record in totals.log if record.key and record.key.endswith(b"Asia/Shanghai")}
    assert totals.told() == {"MINUTE": None}
    (tombstone,) = [record.key for record in totals.log if record.value is None]
    assert tombstone in said, "nor does it stay in the log of what was said of it"
    assert SEPARATOR.encode() + b"m" + SEPARATOR.encode() in tombstone
    assert [key[1:2] for key in totals.store.entries if key.startswith(b"t")] == [b"n"]
    totals.say(0, {MINUTE: (2,)}, gone)
    assert totals.told() == {}, "nothing comes back"


def test_a_window_stays_until_its_moment_even_when_the_totals_stop_in_between() -> None:
    totals = Totals()
    totals.say(0, {MINUTE: (1,), DAY: (1,)}, BEGIN)
    totals.say(1, {}, BEGIN)
    for source in range(SOURCES):
        totals.say(source, {}, MIDNIGHT + 99 * HOUR)
    assert totals.told(most=1) == {"MINUTE": None, "DAY": ("FINAL", 1)}
    together = Totals(log=totals.log)
    assert together.told() == {"DAY": ("FINAL", 1)}, "a minute that is gone before it was told is never told"


def test_progress_is_told_of_every_source_when_all_of_a_publication_has_come() -> None:
    totals = Totals()
    totals.say(0, {EVER: (1,)}, BEGIN, position=10)
    totals.say(1, {EVER: (1,)}, BEGIN + 1, position=20, cut=True)
    (key, value), *more = [(key, value) for topic, key, value in totals.fold() if topic == "counters.progress"]
    assert not more
    assert key == {"flow": "declarations", "generation": 1, "totals_partition": 0, "source_partition": 0}
    assert value == {"position": 10, "watermark": value["watermark"]}
    totals.say(1, {}, BEGIN + 1, position=20)
    progress = {k["source_partition"]: v["position"] for topic, k, v in totals.fold() if topic == "counters.progress"}
    assert progress == {1: 20}


def test_another_generation_another_counter_and_a_tombstone_are_no_business_of_these_totals() -> None:
    totals = Totals()
    totals.say(0, {EVER: (9,)}, generation=2)
    totals.say(0, {"a.0.trade-by-partner.KZ.IMPORT.CN.USD.Asia/Shanghai": (9,)})
    totals.log.append(LogRecord(len(totals.log), BEGIN, totals.log[-2].key, None))
    published = totals.fold()
    assert {topic for topic, _, _ in published} == {"counters.progress"}
    assert {key["generation"] for _, key, _ in published} == {1}
    assert not [key for key in totals.store.entries if key.startswith(b"t")]


def test_measures_keep_their_order_however_many_a_counter_has() -> None:
    totals = Totals()
    said = {
        "d.20148.sender-control.AGENT-1.LODGED.Asia/Shanghai": (1, 2, 3, 4, 5, 6),
        "a.0.permits.GACC.GRANTED.IMPORT.CN.Asia/Shanghai": (-7,),
        "d.20148.trade.PARTNER.KZ.IMPORT.CN.Asia/Shanghai": (2**62, 2, 3, 4, 5, -(2**62)),
        "d.20148.clearance-times.LODGED_TO_RELEASED.ARRIVED.RED.9.4200.IMPORT.CN.Asia/Shanghai": (1, 8),
    }
    totals.say(0, said)
    totals.say(1, {key: [1] * len(measures) for key, measures in said.items()})
    totals.fold()
    assert sorted(totals.figures().values()) == sorted(tuple(n + 1 for n in measures) for measures in said.values())
    entry = Counted("declarations", COUNTERS, SOURCES).entry
    rows = [value for key, value in totals.store.entries.items() if key.startswith(b"t")]
    assert {len(row) for row in rows} == {SOURCES * entry.itemsize}
    assert entry["measures"].shape == (WIDTH,) == (6,)


def test_there_is_a_topic_of_its_own_for_every_counter() -> None:
    totals = Totals()
    totals.say(
        0,
        {
            f"a.0.{counter.name}.{'.'.join(str(n) for n in range(len(counter.dimensions)))}.UTC": (1,)
            for counter in COUNTERS
            if counter.distinct is None
        },
    )
    totals.fold()
    assert set(totals.topics) == {f"counters.{c.name}" for c in COUNTERS if not c.distinct} | {"counters.progress"}
    for counter in COUNTERS:
        for key in totals.topics.get(f"counters.{counter.name}", {}):
            named = schemas.decode(key)[1]
            assert named["counter"] == counter.name
            assert [named[name] for name in counter.dimensions] == [str(n) for n in range(len(counter.dimensions))]


def test_totals_are_published_with_the_batch_that_changed_them_and_never_posted() -> None:
    assert FOLD.posts([Due(HERE, [PREFIX], 5, BEGIN, Memory())]) == [Outcome(5, BEGIN)]


SAYINGS = st.lists(
    st.tuples(
        st.integers(0, SOURCES - 1),
        st.dictionaries(st.sampled_from([MINUTE, DAY, EVER]), st.integers(-5, 5).map(lambda n: (n,)), max_size=3),
        st.sampled_from([0, 1, HOUR, 30 * HOUR]),
    ),
    max_size=8,
)


@settings(max_examples=30)
@given(SAYINGS, st.integers(1, 7))
def test_any_batches_and_a_compacted_log_give_the_same_totals(
    sayings: list[tuple[int, dict[str, Measures], int]], most: int
) -> None:
    whole, now = Totals(), BEGIN
    newest: dict[tuple[str, int], int] = {}
    for source, said, gap in sayings:
        now += gap
        whole.say(source, said, now)
        newest |= {(key, source): measures[0] for key, measures in said.items() if key != MINUTE}
    parts = Totals(log=[*whole.log])
    whole.fold()
    compacted = Totals(log=sorted({r.key: r for r in whole.log}.values()))
    parts.fold(most)
    compacted.fold()
    sums = sorted(sum(n for (key, _), n in newest.items() if key == name) for name in {key for key, _ in newest})
    figures = whole.figures()
    assert sorted(found[0] for key, found in figures.items() if schemas.decode(key)[1]["window"] != "MINUTE") == sums
    assert parts.figures() == figures == compacted.figures()
    assert {k: v for k, v in parts.store.entries.items() if k[:1] in b"tg"} == {
        k: v for k, v in whole.store.entries.items() if k[:1] in b"tg"
    }
