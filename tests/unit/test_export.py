"""What is written can be read back, exactly, in every format."""

import csv
import io
import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.counters import COUNTERS, TRADE, TradeKey, TradeMeasures
from connectors.export import Csv, JsonLines, columns, decimal, export, in_order, parquet, whole
from connectors.records import scaled
from connectors.table import AsOf, Snapshot, Table
from connectors.totals import Change, Counter, Total, fields
from tests.counted import DAY, MIDNIGHT, key, value

AS_OF = AsOf(1, (4, 0, 3, 0, 0, 0, 0, 0), datetime(2024, 5, 1, 1, 2, 3, 4_000, tzinfo=UTC))
LARGEST = 2**63 - 1
DAY_END = MIDNIGHT + 86_400_000
MEASURES = fields(TradeMeasures)

Taken = Snapshot[TradeKey, TradeMeasures]


def taken(*records: tuple[bytes, bytes]) -> Taken:
    table = Table(TRADE)
    for raw_key, raw_value in records:
        table.apply(raw_key, raw_value)
    return Snapshot(table.rows, AS_OF)


def three() -> Taken:
    """All time of KZ and RU, and a day of KZ, with the largest figures and the smallest."""
    return taken(
        (key("RU"), value(value=LARGEST, net_mass=LARGEST, declarations=LARGEST, quantity=-LARGEST)),
        (key(), value(value=-5, net_mass=-LARGEST - 1)),
        (key(**DAY), value(window_end=DAY_END, status="FINAL", value=-LARGEST - 1)),
    )


def puts(rows: list[Total[TradeKey, TradeMeasures]]) -> list[Change[TradeKey, TradeMeasures]]:
    return [Change(row.key, row, None) for row in rows]


def time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def read_back(row: dict[str, Any]) -> Total[TradeKey, TradeMeasures]:
    """The row that was written as these texts and numbers."""
    positions = row["source_positions"]
    key = (row["breakdown"], row["code"], row["flow"], row["jurisdiction"], row["window"], time(row["window_start"]))
    scaled_to = {"value": 2, "quantity": 5}
    figures = (scaled(row[name], scaled_to[name]) if name in scaled_to else int(row[name]) for name in MEASURES)
    return Total(
        TradeKey(*key),
        TradeMeasures(*figures),
        time(row["window_end"]),
        row["time_zone"],
        int(row["revision"]),
        int(row["generation"]),
        row["status"],
        tuple(positions if isinstance(positions, list) else map(int, positions.split())),
        datetime.fromisoformat(row["watermark"]),
        int(row["definition"]),
    )


def test_rows_come_back_from_json_lines_followed_by_their_positions() -> None:
    out, rows = io.StringIO(), in_order(three())
    writer = JsonLines(out, TRADE, changes=False)
    writer.write(puts(rows))
    writer.as_of(AS_OF)
    writer.as_of(AS_OF)
    *lines, last = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [read_back(line) for line in lines] == rows
    assert all(list(line) == columns(TRADE, changes=False) for line in lines)
    assert last == {
        "as_of": {"generation": 1, "positions": list(AS_OF.positions), "watermark": "2024-05-01T01:02:03.004+00:00"}
    }
    assert lines[0]["value"] == "-92233720368547758.08"
    assert lines[0]["net_mass"] == 5_000


def test_rows_come_back_from_csv() -> None:
    out, rows = io.StringIO(), in_order(three())
    writer = Csv(out, TRADE, changes=False)
    writer.write(puts(rows))
    writer.as_of(AS_OF)
    lines = list(csv.DictReader(io.StringIO(out.getvalue())))
    assert [read_back(line) for line in lines] == rows
    assert list(lines[0]) == columns(TRADE, changes=False)


def test_rows_come_back_from_parquet_with_exact_types_and_their_positions(tmp_path: Path) -> None:
    path, rows = tmp_path / "a.parquet", in_order(three())
    parquet(TRADE, three(), path)
    found = pq.read_table(path)
    assert [
        found.schema.field(name).type for name in ("value", "quantity", "net_mass", "window_start", "watermark")
    ] == [
        pa.decimal128(19, 2),
        pa.decimal128(19, 5),
        pa.int64(),
        pa.timestamp("ms", tz="UTC"),
        pa.timestamp("ms", tz="UTC"),
    ]
    assert found.column_names == columns(TRADE, changes=False)
    for line, row in zip(found.to_pylist(), rows, strict=True):
        assert line["value"] == Decimal(row.measures.value) / 100
        moments = {name: line[name] and line[name].isoformat() for name in ("window_start", "window_end", "watermark")}
        assert read_back({**line, **moments, **{name: f"{line[name]:f}" for name in ("value", "quantity")}}) == row
    said = {name.decode(): text.decode() for name, text in found.schema.metadata.items()}
    assert said["single_window.counter"] == "trade"
    assert json.loads(said["single_window.as_of"])["positions"] == list(AS_OF.positions)
    assert found.schema.field("value").metadata == {b"description": TRADE.docs["value"].encode()}
    assert [p.name for p in tmp_path.iterdir()] == ["a.parquet"]


@pytest.mark.parametrize("known", COUNTERS, ids=lambda known: known.name)
def test_every_counter_is_written_in_every_format_with_the_same_columns(tmp_path: Path, known: Counter) -> None:
    whole_key = {name: 2 if name == "slice" else None if name == "window_start" else name for name in fields(known.key)}
    measures = known.measures(*(-(10**12) - n for n in range(len(fields(known.measures)))))
    row = Total(known.key(**(whole_key | {"window": "ALL_TIME"})), measures, None, "UTC", 7, 1, "FINAL", (4, 0),
                AS_OF.watermark, 1)  # fmt: skip
    names = columns(known, changes=False)
    lines, cells = io.StringIO(), io.StringIO()
    JsonLines(lines, known, changes=False).write([Change(row.key, row, None)])
    Csv(cells, known, changes=False).write([Change(row.key, row, None)])
    parquet(known, Snapshot({row.key: row}, AS_OF), tmp_path / "a.parquet")
    told, (table,) = json.loads(lines.getvalue()), pq.read_table(tmp_path / "a.parquet").to_pylist()
    (cell,) = csv.DictReader(io.StringIO(cells.getvalue()))
    assert list(told) == list(cell) == list(table) == names
    for name, number in measures._asdict().items():
        scale = known.scales[name]
        exact = Decimal(number).scaleb(-scale)
        assert (Decimal(told[name]), Decimal(cell[name]), table[name]) == (exact, exact, exact)
        assert isinstance(told[name], str if scale else int)


def test_an_empty_table_is_a_file_with_its_columns(tmp_path: Path) -> None:
    parquet(TRADE, taken(), tmp_path / "a.parquet")
    found = pq.read_table(tmp_path / "a.parquet")
    assert (found.num_rows, found.column_names) == (0, columns(TRADE, changes=False))


def test_equal_tables_are_equal_files_whatever_order_they_were_read_in(tmp_path: Path) -> None:
    records = [(key(partner, **window), value()) for partner in ("KZ", "RU") for window in ({}, DAY)]
    parquet(TRADE, taken(*records), tmp_path / "a")
    parquet(TRADE, taken(*reversed(records)), tmp_path / "b")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert [(row.key.code, row.key.window) for row in in_order(taken(*records))] == [
        ("KZ", "DAY"),
        ("KZ", "ALL_TIME"),
        ("RU", "DAY"),
        ("RU", "ALL_TIME"),
    ]


def test_a_delete_has_its_key_and_its_old_revision_only() -> None:
    table = Table(TRADE)
    changes = [*table.apply(key(**DAY), value(window_end=DAY_END)), *table.apply(key(**DAY), None)]
    lines, cells = io.StringIO(), io.StringIO()
    JsonLines(lines, TRADE, changes=True).write(changes)
    Csv(cells, TRADE, changes=True).write(changes)
    put, delete = (json.loads(line) for line in lines.getvalue().splitlines())
    assert (put["change"], put["old_revision"], put["revision"]) == ("put", None, 7)
    assert {name: said for name, said in delete.items() if said is not None} == {
        "change": "delete",
        "old_revision": 7,
        "breakdown": "PARTNER",
        "code": "KZ",
        "flow": "IMPORT",
        "jurisdiction": "CN",
        "window": "DAY",
        "window_start": "2024-04-30T16:00:00.000+00:00",
    }
    assert [
        (row["change"], row["old_revision"], row["value"]) for row in csv.DictReader(io.StringIO(cells.getvalue()))
    ] == [
        ("put", "", "12.34"),
        ("delete", "7", ""),
    ]


@given(st.integers(-LARGEST - 1, LARGEST), st.integers(0, 18))
def test_a_scaled_integer_is_a_decimal_string_with_all_its_decimals_and_back(number: int, scale: int) -> None:
    text = f"{decimal(number, scale):f}"
    assert scaled(text, scale) == number
    assert len(text.partition(".")[2]) == scale


def test_a_file_that_fails_half_way_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("old")
    with pytest.raises(UnicodeEncodeError), whole(path) as part:
        part.write_text("half\ud800", encoding="utf-8")
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [("a.csv", "old")]


class Fixed:
    """A subscription that has a table and no changes."""

    counter = TRADE

    def snapshot(self) -> Taken:
        return three()

    def updates(self) -> list[Any]:
        return []


def test_parquet_without_a_file_or_with_follow_is_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="it needs --output"):
        export(Fixed(), io.StringIO(), print, form="parquet")
    with pytest.raises(ValueError, match="it cannot --follow"):
        export(Fixed(), io.StringIO(), print, form="parquet", output=tmp_path / "a", follow=True)


@pytest.mark.parametrize("form", ["jsonl", "csv", "parquet"])
def test_a_file_that_cannot_be_written_is_told_with_the_reason(tmp_path: Path, form: Any) -> None:
    with pytest.raises(ValueError, match=r"cannot write .*nowhere/a: No such file or directory"):
        export(Fixed(), io.StringIO(), print, form=form, output=tmp_path / "nowhere" / "a")


@pytest.mark.parametrize("follow", [False, True])
def test_a_file_has_what_stdout_would_have_had(tmp_path: Path, follow: bool) -> None:
    out: io.StringIO = io.StringIO()
    told: list[AsOf] = []
    export(Fixed(), out, told.append, form="csv", follow=follow)
    export(Fixed(), io.StringIO(), told.append, form="csv", follow=follow, output=tmp_path / "a.csv", snapshot=True)
    assert (tmp_path / "a.csv").read_text() == out.getvalue()
    assert told == [AS_OF, AS_OF]
    assert len(out.getvalue().splitlines()) == 4
