"""Files become events row by row: a row that cannot be a record is reported with its line, the neighbours go on."""

import csv
import gzip
import io
import json
import random
import re
from pathlib import Path
from typing import Any

import fastavro
import pytest
from hypothesis import given
from hypothesis import strategies as st

import schemas
from connectors import mapping, publish, sources
from connectors.records import KEYS, SCALES, RecordError, canonical, decode, scaled
from connectors.sources import SourceError
from tests import events
from tests.korea_recount import KOREA, recount

SENT_AT = 1_700_000_000_000


def published(path: Path, **how: Any) -> tuple[list[dict[str, Any]], publish.PublishResult]:
    """The records a file would put on the topic, and the account of its rows."""
    result = publish.PublishResult()
    how = {"mapping": None, "record": None} | how
    sent = [e for row in publish.events(path, now_ms=SENT_AT, result=result, **how) for e in row]
    records = [decode(event.value) for event in sent]
    assert [event.key.decode() for event in sent] == [events.key_of(r) for r in records]
    return records, result


def lines(path: Path, *rows: Any) -> Path:
    path.write_bytes(b"".join((r if isinstance(r, bytes) else json.dumps(r).encode()) + b"\n" for r in rows))
    return path


def test_json_lines_are_the_records_they_say(tmp_path: Path) -> None:
    wanted = [events.declaration(), events.status(), events.control()]
    rows = [{"record": events.name_of(r), **r} for r in wanted]
    assert published(lines(tmp_path / "a.jsonl", *rows)) == (wanted, publish.PublishResult(read=3))


def test_human_forms_are_the_canonical_ones_exactly(tmp_path: Path) -> None:
    wanted = events.declaration(
        sent_at=SENT_AT,
        arrival_time=events.at("2025-02-28T08:00:00+08:00"),
        movement_date=20_147,
        exchange_rates=[events.rate("USD", "7.1234567891")],
        house_documents=[events.house(250_000)],
        duties=[events.duty()],
        **events.charge("freight", "3", "12.3456", "USD"),
    )
    human = wanted | {
        "declaration_date": "2025-03-01",
        "movement_date": "2025-02-28",
        "event_time": "2025-03-01T10:00:00.000+08:00",
        "arrival_time": "2025-02-28T00:00:00Z",
        "gross_mass": "600",
        "net_mass": "500.000",
        "freight": "12.3456",
        "exchange_rates": [{"currency": "USD", "rate": "7.1234567891"}],
        "house_documents": [wanted["house_documents"][0] | {"gross_mass": "250.0"}],
        "duties": [wanted["duties"][0] | {"base": "1000.00", "amount": "130"}],
        "items": [wanted["items"][0] | {"quantity": "1", "unit_price": "1000.0000", "total": "1000.00"}],
    }
    human["items"][0]["net_mass"] = "500.0"
    del human["sent_at"]
    records, _ = published(lines(tmp_path / "a.jsonl", human), record="CustomsDeclaration")
    assert records == [wanted]


def test_a_control_record_is_keyed_by_its_own_number_and_may_count_in_natural_units(tmp_path: Path) -> None:
    wanted = events.control(counts=[{"step": "LODGED", "events": 3, "value": 1_234, "net_mass": 5_000}])
    human = wanted | {"date": "2025-03-01", "counts": [wanted["counts"][0] | {"value": "12.34", "net_mass": "5"}]}
    assert published(lines(tmp_path / "a.jsonl", human), record="ControlRecord")[0] == [wanted]


def scaled_fields(schema: Any) -> dict[str, set[int]]:
    """Decimals of every long whose doc says that it is scaled, by name, all records within."""
    found: dict[str, set[int]] = {}
    for field in schema["fields"] if schema["type"] == "record" else ():
        kind, said = field["type"], re.search(r"\bscale (\d+)\b", field["doc"])
        if isinstance(kind, dict) and kind["type"] == "array" and isinstance(kind["items"], dict):
            found |= scaled_fields(kind["items"])
        elif "long" in kind and (said or "grams" in field["doc"]):
            found.setdefault(field["name"], set()).add(int(said[1]) if said else 3)
    return found


@pytest.mark.parametrize("name", publish.EVENTS)
def test_scales_and_keys_are_those_the_schemas_tell(name: str) -> None:
    schema = json.loads(schemas.latest(name).text)
    told = scaled_fields(schema)
    assert told == {field: {SCALES[field]} for field in told}
    assert KEYS[name] in {field["name"] for field in schema["fields"]}
    assert told.keys() <= SCALES.keys()


def test_fields_with_a_default_may_be_left_out(tmp_path: Path) -> None:
    short = events.declaration()
    for optional in ("trader_id", "conveyance", "packages", "gross_mass", "net_mass"):
        del short[optional]
    ((record,), _) = published(lines(tmp_path / "a.jsonl", short), record="CustomsDeclaration")
    assert (record["trader_id"], record["net_mass"]) == (None, None)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"items": [events.item() | {"total": "12.345"}]}, "/items/0/total: '12.345' has more than 2 decimals"),
        ({"items": [events.item() | {"total": 12.5}]}, '/items/0/total: a string such as "12.34" .* not 12.5'),
        ({"items": [events.item(), 7]}, "/items/1: an object was expected, not 7"),
        ({"net_mass": "1e3"}, "/net_mass: '1e3' is not a decimal number"),
        ({"net_mass": "\uff11"}, "/net_mass: .* is not a decimal number"),
        ({"net_mass": str(1 << 63)}, "/net_mass: does not fit 64 bits"),
        ({"net_mass": True}, "/net_mass: a string .* not true"),
        ({"packages": 1 << 31}, "/packages: does not fit 32 bits"),
        ({"version": None}, "/version: an integer was expected, not null"),
        ({"version": "1"}, "/version: an integer was expected, not '1'"),
        ({"flow": "import"}, "/flow: one of IMPORT, EXPORT was expected"),
        ({"synthetic": 1}, "/synthetic: true or false was expected, not 1"),
        ({"trade_country": 398}, "/trade_country: a string was expected, not 398"),
        ({"exchange_rates": [{"currency": "USD", "rate": 7.1}]}, "/exchange_rates/0/rate: a string such as"),
        ({"exchange_rates": [{"currency": "USD", "rate": "7.12345678912"}]}, "/exchange_rates/0/rate: .* 10 decimals"),
        ({"channel": "platform"}, "/channel: one of PLATFORM, OTHER was expected"),
        ({"permits": [events.permit() | {"state": None}]}, "/permits/0/state: one of .* was expected, not null"),
        ({"containers": "CSQU3054383"}, "/containers: a list was expected"),
        ({"event_time": "2025-03-01T10:00:00"}, "/event_time: .* has no time zone"),
        ({"event_time": "2025-03-01T10:00:00.0001Z"}, "/event_time: .* is finer than a millisecond"),
        ({"event_time": "1 March"}, "/event_time: .* is not an ISO 8601 moment"),
        ({"declaration_date": "2025-02-29"}, "/declaration_date: .* is not an ISO date"),
        ({"gros_mass": 1}, "/gros_mass: unknown field; CustomsDeclaration has "),
        ({"trader_id": "\ud800"}, "not valid UTF-8"),
        ({"conveyance": "x" * (1 << 20)}, "bytes, more than the 1048576"),
        ({"record": "Receipt"}, "the row names the record 'Receipt'; one of CustomsDeclaration, "),
    ],
)
def test_a_row_that_cannot_be_a_record_is_refused_and_its_neighbours_go_on(
    tmp_path: Path, changes: dict[str, Any], why: str
) -> None:
    good = {"record": "CustomsDeclaration", **events.declaration()}
    records, result = published(lines(tmp_path / "a.jsonl", good, good | changes, good))
    assert (len(records), result.read, result.refused) == (2, 3, 1)
    ((line, reason),) = result.refused_rows
    assert line == 2
    assert re.search(why, reason)


def test_a_missing_field_is_named(tmp_path: Path) -> None:
    row = events.declaration()
    del row["trade_country"]
    _, result = published(lines(tmp_path / "a.jsonl", row), record="CustomsDeclaration")
    assert result.refused_rows == [(1, "/trade_country: missing")]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b"{", "not JSON"),
        (b"[]", "not a JSON object"),
        (b"\xff\xfe", "not JSON"),
        (b'{"version": 1, "version": 2}', "'version' is said twice"),
        (b'{"record": 3}', "/record: not a string"),
        (b'{"version": ' + b"9" * 5000 + b"}", "not JSON"),
        (b"[" * 200_000, "nested too deeply"),
        (b'"' + b"x" * (16 << 20) + b'"', "longer than 16777216 bytes"),
        (b"{}", "does not name its record"),
    ],
    ids=range(9),
)
def test_a_line_that_is_no_row_is_refused_and_the_next_one_read(tmp_path: Path, line: bytes, why: str) -> None:
    good = {"record": "DeclarationStatus", **events.status()}
    records, result = published(lines(tmp_path / "a.jsonl", line, b"", good))
    assert len(records) == 1
    assert [n for n, _ in result.refused_rows] == [1]
    assert why in result.refused_rows[0][1]


def test_refused_rows_are_all_counted_and_a_thousand_kept(tmp_path: Path) -> None:
    _, result = published(lines(tmp_path / "a.jsonl", *[{}] * 1200))
    assert (result.read, result.refused, len(result.refused_rows)) == (1200, 1200, publish.REPORTED_ROWS)


def test_compressed_json_lines_are_read_like_plain_ones(tmp_path: Path) -> None:
    row = events.status()
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(json.dumps(row).encode()))
    assert published(tmp_path / "a.jsonl.gz", record="DeclarationStatus")[0] == [row]


def defined_once(part: Any, known: set[str]) -> Any:
    """A schema whose types are defined where they come first and named from there on, as Avro wants it."""
    if isinstance(part, list):
        return [defined_once(each, known) for each in part]
    if not isinstance(part, dict):
        return part
    if part.get("type") in ("enum", "record"):
        name = f"singlewindow.v1.{part['name']}"
        if name in known:
            return name
        known.add(name)
    return {name: defined_once(each, known) if name in ("fields", "type", "items") else each
            for name, each in part.items()}  # fmt: skip


@pytest.mark.parametrize("codec", ["null", "deflate"])
def test_an_avro_container_of_all_records_is_read_in_order(tmp_path: Path, codec: str) -> None:
    wanted = [events.declaration(), events.status(), events.control(), events.declaration(events.number(2))]
    union = defined_once([json.loads(schemas.latest(name).text) for name in publish.EVENTS], set())
    with (tmp_path / "a.avro").open("wb") as out:
        fastavro.writer(out, union, wanted, codec=codec, sync_interval=1)
    assert published(tmp_path / "a.avro") == (wanted, publish.PublishResult(read=4))


def test_an_avro_container_of_one_record_is_read(tmp_path: Path) -> None:
    with (tmp_path / "a.avro").open("wb") as out:
        fastavro.writer(out, schemas.latest("DeclarationStatus").parsed, [events.status()])
    assert published(tmp_path / "a.avro")[0] == [events.status()]


def test_a_container_of_a_strange_schema_is_not_read(tmp_path: Path) -> None:
    nothings = {"name": "a", "type": {"type": "array", "items": "null"}}
    strange = {"type": "record", "name": "Strange", "fields": [nothings]}
    with (tmp_path / "a.avro").open("wb") as out:
        fastavro.writer(out, strange, [{"a": [None]}])
    with pytest.raises(SourceError, match="Strange that is not one of schemas/"):
        published(tmp_path / "a.avro")


def test_a_container_whose_schema_is_none_is_told(tmp_path: Path) -> None:
    with (tmp_path / "a.avro").open("wb") as out:
        fastavro.writer(out, schemas.latest("DeclarationStatus").parsed, [events.status()])
    spoilt = (tmp_path / "a.avro").read_bytes().replace(b'"singlewindow.v1.Status"', b'"singlewindow.v1.Lane"  ')
    (tmp_path / "a.avro").write_bytes(spoilt)
    with pytest.raises(SourceError, match="redefined named type"):
        published(tmp_path / "a.avro")


def test_a_torn_container_gives_what_is_whole_and_reports_the_rest(tmp_path: Path) -> None:
    whole = io.BytesIO()
    wanted = [events.status(events.number(n)) for n in range(50)]
    fastavro.writer(whole, schemas.latest("DeclarationStatus").parsed, wanted, sync_interval=500)
    (tmp_path / "a.avro").write_bytes(whole.getvalue()[:-300])
    records, result = published(tmp_path / "a.avro")
    assert records == wanted[: len(records)]
    assert 0 < len(records) < 50
    assert result.refused == 1
    assert "the rest of the file" in result.refused_rows[0][1]


def test_csv_rows_of_the_wrong_shape_are_refused_with_their_lines(tmp_path: Path) -> None:
    header = "Declaration ID,Date,Office ID,Import Type,Mode of Transport,Declarant ID,Importer ID,HS6 Code,"
    header += "Country of Departure,Country of Origin,Net Mass,Item Price"
    good = "1,2020-01-01,30,11,10,P,Q,440890,BE,BE,1.0,2.0"
    rows = [header, good, good + ",x", good.replace("1.0", "one"), "", good.replace(",Q,", ',"Q\nR",'), good]
    (tmp_path / "a.csv").write_text("\ufeff" + "\r\n".join(rows), encoding="utf-8", newline="")
    records, result = published(tmp_path / "a.csv", mapping=mapping.find("korea-import"))
    assert len(records) == 9
    assert result.refused_rows == [
        (3, "13 columns, the header has 12"),
        (4, "/net_mass: 'one' is not a decimal number such as 12.34"),
    ]


@pytest.mark.parametrize("name", ["a.xml", "a", "a.avro.gz"])
def test_a_file_of_another_format_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(SourceError):
        published(tmp_path / name)


def test_csv_needs_a_mapping_and_only_csv(tmp_path: Path) -> None:
    with pytest.raises(mapping.MappingError):
        published(tmp_path / "a.csv")
    with pytest.raises(mapping.MappingError):
        published(tmp_path / "a.jsonl", mapping=mapping.find("korea-import"))


@given(number=st.integers(-(10**18), 10**18), scale=st.sampled_from([2, 3, 4, 5]))
def test_a_scaled_number_survives_its_decimal_text(number: int, scale: int) -> None:
    sign, digits = "-" * (number < 0), str(abs(number)).rjust(scale + 1, "0")
    assert scaled(f"{sign}{digits[:-scale]}.{digits[-scale:]}", scale) == number


@given(st.dictionaries(st.text(max_size=5), st.none() | st.booleans() | st.integers() | st.text(max_size=9)))
def test_any_object_is_a_record_or_refused(values: dict[str, Any]) -> None:
    with pytest.raises(RecordError):
        canonical("DeclarationStatus", values)


@pytest.mark.skipif(not KOREA.exists(), reason=f"{KOREA} is not on this machine")
def test_every_row_of_the_korean_file_becomes_three_events_that_add_up_to_the_recount() -> None:
    records, result = published(KOREA, mapping=mapping.find("korea-import"))
    counted = recount()
    assert (result.read, result.refused, len(records)) == (counted.rows, 0, 3 * counted.rows)
    declarations = [r for r in records if "status" not in r]
    with KOREA.open(encoding="utf-8-sig", newline="") as file:
        ids = [f"KR{row['Declaration ID']}" for row in csv.DictReader(file)]
    assert [d["declaration_number"] for d in declarations] == ids
    released = {r["declaration_number"] for r in records if r.get("status") == "RELEASED"}
    assert released == set(ids)
    all_time = {key[:-2]: total for key, total in counted.of("trade").items() if key[-2] == "ALL_TIME"}
    accepted, _, value, mass, *_ = all_time["TOTAL", "ALL", "IMPORT", "KR"]
    assert accepted == counted.accepted
    for breakdown in ("PARTNER", "CHAPTER", "SECTION", "CHANNEL", "PROCEDURE", "MODE"):
        parts = [total for key, total in all_time.items() if key[0] == breakdown]
        assert [sum(of) for of in zip(*parts, strict=True)][2:4] == [value, mass]
    ((_, _, price, _, received, _),) = [of for key, of in counted.told.items() if key[1][1] == "LODGED"]
    assert mass == received
    assert 0 <= price <= sum(d["items"][0]["total"] for d in declarations)


@pytest.mark.parametrize("name", ["a.jsonl.gz", "a.csv.gz"])
def test_of_a_compressed_file_that_is_cut_short_all_that_can_be_read_is_and_the_end_is_told(
    tmp_path: Path, name: str
) -> None:
    rows = [b"number,noise\n", *(b"%d,%s\n" % (n, random.Random(n).randbytes(40).hex().encode()) for n in range(9_999))]
    whole = gzip.compress(b"".join(rows))
    path = tmp_path / name
    path.write_bytes(whole[: len(whole) // 2])
    *read, last = sources.csv_rows(path) if "csv" in name else sources.json_lines(path)
    assert 4_000 < len(read) < 6_000
    assert isinstance(last, sources.Unreadable)
    assert (last.line, last.reason[:34]) == (read[-1].line + 1, "the rest of the file cannot be rea")
    path.write_bytes(b"".join(rows))
    with pytest.raises(sources.SourceError, match=r"[Nn]ot a gzipped file"):
        next(sources.csv_rows(path) if "csv" in name else sources.json_lines(path))
