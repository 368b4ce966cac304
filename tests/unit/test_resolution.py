"""Columns of an older version are what fastavro makes of the same payloads, record by record."""

import io
import json
from typing import Any

import fastavro
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from processor.engine.decode import Columns
from processor.engine.resolution import resolved
from schemas.compatibility import obstacles


def enum(*symbols: str, **more: str) -> dict[str, Any]:
    return {"type": "enum", "name": "Colour", "symbols": [*symbols], **more}


def record(name: str, /, **types: Any) -> dict[str, Any]:
    """A record; a field with a default is given as (type, default)."""
    fields = [
        {"name": field, "type": kind[0], "default": kind[1]}
        if isinstance(kind, tuple)
        else {"name": field, "type": kind}
        for field, kind in types.items()
    ]
    return {"type": "record", "name": name, "fields": fields}


def array(items: Any) -> dict[str, Any]:
    return {"type": "array", "items": items}


NOTHING = ["null", "long"], None
WRITER = record(
    "Parcel",
    number="string",
    revision="int",
    gone="boolean",
    note="string",
    first=(["null", record("First", at="int", gone="long")], None),
    parts=array(
        record(
            "Part",
            name="string",
            weight=(["null", "int"], None),
            colour=enum("RED", "GREEN", "PUCE"),
            marks=array("string"),
            gone="long",
        )
    ),
)
READER = record(  # other order, wider numbers, a symbol less, and new fields: a value, null, an array
    "Parcel",
    parts=array(
        record(
            "Part",
            marks=array("string"),
            kind=("string", "件"),
            colour=enum("BLUE", "GREEN", "RED", default="BLUE"),
            weight=NOTHING,
            name=(["null", "string"], None),
            price=NOTHING,
            sizes=(array(record("Size", height="long")), []),
        )
    ),
    revision="long",
    checked=("boolean", True),
    first=(["null", record("First", price=NOTHING, at="long")], None),
    number="string",
    note=(["null", "string"], None),
    sealed=(["null", "string"], None),
)

PARTS = st.fixed_dictionaries(
    {
        "name": st.text(max_size=5),
        "weight": st.none() | st.integers(-(2**31), 2**31 - 1),
        "colour": st.sampled_from(["RED", "GREEN", "PUCE"]),
        "marks": st.lists(st.text(max_size=3), max_size=3),
        "gone": st.integers(-(2**63), 2**63 - 1),
    }
)
PARCELS = st.fixed_dictionaries(
    {
        "number": st.text(max_size=5),
        "revision": st.integers(-(2**31), 2**31 - 1),
        "gone": st.booleans(),
        "parts": st.lists(PARTS, max_size=3),
        "note": st.text(max_size=5),
        "first": st.none() | st.fixed_dictionaries({"at": st.integers(-5, 5), "gone": st.just(1)}),
    }
)
OLD, NEW = Columns(json.dumps(WRITER)), Columns(json.dumps(READER))
PARSED = fastavro.parse_schema(WRITER), fastavro.parse_schema(READER)


@given(st.lists(PARCELS, min_size=1, max_size=6))
def test_an_older_version_becomes_the_newest_as_fastavro_reads_it(parcels: list[dict[str, Any]]) -> None:
    payloads = []
    for parcel in parcels:
        out = io.BytesIO()
        fastavro.schemaless_writer(out, PARSED[0], parcel)
        payloads.append(out.getvalue())
    batch = resolved(OLD.read(payloads), OLD.parsed, NEW.parsed, NEW.arrow)
    batch.validate(full=True)
    assert batch.schema.equals(NEW.arrow)
    assert pl.DataFrame(pl.from_arrow(batch)).rows(named=True) == [
        fastavro.schemaless_reader(io.BytesIO(payload), *PARSED) for payload in payloads
    ]


def test_the_versions_compared_are_such_as_may_follow_each_other() -> None:
    assert not obstacles(READER, WRITER)
