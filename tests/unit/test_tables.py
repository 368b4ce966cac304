"""Rows are typed as the schemas say, and a table is what the log makes it."""

import json
from datetime import UTC, datetime, timedelta

import pytest

import schemas
from connectors.counters import (
    COUNTERS,
    ENTERPRISES,
    TRADE,
    EnterpriseKey,
    EnterpriseMeasures,
    TradeKey,
    TradeMeasures,
    added_up,
    counter,
)
from connectors.subscribe import ProgressKey
from connectors.table import AsOf, Table, as_of
from connectors.totals import Change, Counter, Total, fields
from tests.counted import DAY, MIDNIGHT, key, value

KZ = TradeKey("PARTNER", "KZ", "IMPORT", "CN", "ALL_TIME", None)


def partners() -> Table[TradeKey, TradeMeasures]:
    return Table(TRADE)


def told(changes: list[Change[TradeKey, TradeMeasures]]) -> list[tuple[str, int | None, int | None]]:
    """(partner, old revision, new revision) of each change; no new one for a delete."""
    return [(c.key.code, c.old_revision, None if c.row is None else c.row.revision) for c in changes]


@pytest.mark.parametrize("known", COUNTERS, ids=lambda known: known.name)
def test_types_have_the_fields_of_the_schemas_in_their_order(known: Counter) -> None:
    topic = schemas.topic(known.topic)
    of_key, of_value = (
        [field["name"] for field in json.loads(schemas.latest(name).text)["fields"]]
        for name in (topic.key, *topic.values)
    )
    assert ["counter", *fields(known.key)] == of_key
    assert [name for name in of_value if name not in Total._fields] == list(fields(known.measures))
    assert set(of_value) == {*Total._fields, *fields(known.measures)} - {"key", "measures"}


def test_there_is_a_type_for_every_counter_topic() -> None:
    topics = {topic.name for topic in schemas.topics() if topic.name.startswith("counters.")}
    assert {known.topic for known in COUNTERS} == topics - {"counters.partials", "counters.progress"}
    with pytest.raises(ValueError, match="no counter progress; there are: declarations-by-stage, trade, "):
        counter("progress")


def test_scales_are_those_the_schemas_tell() -> None:
    scaled = {known.name: {name: scale for name, scale in known.scales.items() if scale} for known in COUNTERS}
    assert {name: scales for name, scales in scaled.items() if scales} == {
        "declarations-by-stage": {"value": 2},
        "trade": {"value": 2, "quantity": 5},
        "trade-with-groups": {"value": 2},
        "duties": {"amount": 2},
        "sender-control": {"received_value": 2, "declared_value": 2},
    }


def test_a_total_is_read_whole_and_typed() -> None:
    raw = key(**DAY)
    read = TRADE.read_key(raw)
    assert read == TradeKey("PARTNER", "KZ", "IMPORT", "CN", "DAY", datetime(2024, 4, 30, 16, tzinfo=UTC))
    end = MIDNIGHT + 86_400_000
    assert TRADE.read(read, value(window_end=end, value=-(10**18) - 1, status="REVISED")) == Total(
        key=read,
        measures=TradeMeasures(declarations=3, items=4, value=-(10**18) - 1, net_mass=5_000, quantity=0, unconverted=0),
        window_end=datetime(2024, 5, 1, 16, tzinfo=UTC),
        time_zone="Asia/Shanghai",
        revision=7,
        generation=1,
        status="REVISED",
        source_positions=(4, 0, 3, 0, 0, 0, 0, 0),
        watermark=datetime(2023, 11, 14, 22, 13, 20, 123_000, tzinfo=UTC),
        definition=1,
    )


def test_all_time_has_no_start_and_no_end() -> None:
    read = TRADE.read_key(key())
    assert (read.window_start, TRADE.read(read, value()).window_end) == (None, None)


def test_enterprises_are_added_up_over_their_slices() -> None:
    def row(area: str, part: int, enterprises: int) -> Total[EnterpriseKey, EnterpriseMeasures]:
        found = EnterpriseKey(area, "ALL", "IMPORT", "CN", part, "ALL_TIME", None)
        moment = datetime(2024, 5, 1, tzinfo=UTC)
        return Total(
            found, EnterpriseMeasures(enterprises), None, "Asia/Shanghai", 7, 1, "PROVISIONAL", (1,), moment, 1
        )

    rows = [row("CN", 0, 5), row("CN", 3, 2), row("37", 0, 1), row("CN", 1, 0)]
    whole = added_up({each.key: each for each in rows})
    assert {(found.area, found.slice): n for found, n in whole.items()} == {("CN", None): 7, ("37", None): 1}
    assert "slice" in ENTERPRISES.docs


def test_bytes_of_another_making_are_not_taken_for_a_row() -> None:
    with pytest.raises(ValueError, match="not a single-object payload"):
        partners().apply(b"KZ", b"{}")


def test_a_put_tells_the_revision_before_it_and_the_one_it_has() -> None:
    table = partners()
    assert told(table.apply(key(), value(revision=7))) == [("KZ", None, 7)]
    assert told(table.apply(key(), value(revision=9))) == [("KZ", 7, 9)]
    assert told(table.apply(key(), value(revision=9, status="FINAL"))) == [("KZ", 9, 9)]
    assert table.rows[KZ].status == "FINAL"


def test_a_tombstone_deletes_a_row_once() -> None:
    table = partners()
    table.apply(key(), value(revision=7))
    (gone,) = table.apply(key(), None)
    assert (gone.deleted, gone.key, gone.old_revision) == (True, KZ, 7)
    assert table.rows == {}
    assert table.apply(key(), None) == []


def test_a_tombstone_of_a_row_that_compaction_took_is_no_change() -> None:
    assert partners().apply(key(), None) == []


def test_a_newer_generation_takes_the_place_of_the_one_before_row_by_row() -> None:
    # generation 1: KZ 7, RU 8 -> generation 2: KZ 2; RU nought, gone
    table = partners()
    table.apply(key(), value(revision=7))
    table.apply(key("RU"), value(revision=8))
    switch = [(key(), value(generation=2, revision=2)), (key("RU"), value(generation=2)), (key("RU"), None)]
    changes = [told(table.apply(*record)) for record in switch]
    assert changes == [[("KZ", 7, 2)], [("RU", 8, 7)], [("RU", 7, None)]]
    assert [row.generation for row in table.rows.values()] == [2]


def test_a_compacted_log_gives_the_same_table() -> None:
    log = [
        (key("RU"), value(revision=1)),
        (key(), value(revision=2)),
        (key("UZ"), value(revision=3)),
        (key("RU"), value(generation=2, revision=1)),
        (key(), value(revision=5)),
        (key("UZ"), None),
        (key("UZ"), value(generation=2, revision=2)),
        (key("AM"), value(generation=2, revision=2)),
        (key("AM"), None),
    ]
    whole, compacted = partners(), partners()
    for record in log:
        whole.apply(*record)
    newest = {raw: place for place, (raw, _) in enumerate(log)}
    for place in sorted(newest.values()):
        compacted.apply(*log[place])
    assert whole.rows == compacted.rows
    assert {found.code for found in whole.rows} == {"KZ", "RU", "UZ"}


def test_a_table_is_as_of_what_every_totals_partition_includes() -> None:
    reached = {ProgressKey("declarations", 1, t, s): (10 + t, 1_000 + s) for t in range(4) for s in range(8)}
    reached[ProgressKey("declarations", 1, 2, 5)] = (3, 400)
    found = as_of(reached)
    assert found == AsOf(1, (10, 10, 10, 10, 10, 3, 10, 10), datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=0.4))
    del reached[ProgressKey("declarations", 1, 3, 0)]
    assert as_of(reached).positions[0] == 0


def test_a_table_is_as_of_what_serves_in_each_totals_partition() -> None:
    # generation 2 has taken over in two of four
    reached = {ProgressKey("declarations", 1, t, s): (10, 1) for t in range(4) for s in range(8)}
    reached |= {ProgressKey("declarations", 2, t, s): (12, 1) for t in range(2) for s in range(8)}
    reached |= {ProgressKey("other", 7, t, s): (99, 1) for t in range(4) for s in range(8)}
    assert (as_of(reached).positions, as_of(reached).generation) == ((10,) * 8, 1)
    reached |= {ProgressKey("declarations", 2, t, s): (11, 1) for t in (2, 3) for s in range(8)}
    assert (as_of(reached).positions, as_of(reached).generation) == ((11,) * 8, 2)
    assert as_of({}) == AsOf(0, (0,) * 8, datetime(1970, 1, 1, tzinfo=UTC))
