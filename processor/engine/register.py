"""Register rows between the store (one Avro record per key) and the arrays of the fold."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from processor.engine.decode import Columns
from processor.engine.lifecycle import ACCEPTED, NEVER, PARKED, Events, Folded, Ints, Parked, Rows
from processor.engine.model import View

PREFIX = b"r"


@dataclass(frozen=True)
class Loaded:
    """The register before a batch. ``stored``: one row per key as read (defaults where absent), with ``k``;
    ``documents``: every content that can play a part: stored ones, the batch's, parked ones, in this order.
    """

    stored: pl.DataFrame
    documents: pl.Series
    rows: Rows
    parked: Parked


class Register:
    """Reads and writes the rows of one flow. ``document``: Avro record of the content a row keeps: what counters need
    (dimensions, measures, lines), exactly as counted.
    """

    def __init__(self, document: dict[str, Any]) -> None:
        self.columns = Columns(json.dumps(_row_schema(document)))
        self.document = self.columns.empty.schema["document"]
        self.absent = self.columns.write(
            pl.DataFrame(
                {name: [default] for name, default in _DEFAULTS.items()},
                schema=self.columns.empty.schema,
            )
        )[0]

    def load(self, keys: pl.Series, brought: pl.Series, view: View) -> Loaded:
        """Rows of ``keys`` (distinct) from the store. ``brought``: contents of the batch (struct, null for none)."""
        values = view.read([PREFIX + key for key in keys.cast(pl.Binary).to_list()])
        stored = self.columns.frame([v or self.absent for v in values]).with_row_index("k")
        n, m = len(stored), len(brought)
        waiting = stored.filter(pl.col("parked").list.len() > 0).select("k", "parked")
        waiting = waiting.explode("parked").unnest("parked") if len(waiting) else waiting.clear()
        contents = [stored["document"], brought.cast(self.document)]
        parked = Parked()
        if len(waiting):
            contents.append(waiting["document"])
            has = waiting["document"].is_not_null().to_list()
            places = [n + m + i if ok else -1 for i, ok in enumerate(has)]
            parked = Parked(
                waiting["k"].to_list(),
                waiting["kind"].to_list(),
                waiting["version"].to_list(),
                waiting["at"].to_list(),
                places,
                [True] * len(waiting),
            )
        rows = Rows(
            state=_ints(stored["state"]),
            version=_ints(stored["version"]),
            touched=np.where([v is None for v in values], NEVER, _ints(stored["touched"])),
            document=np.where(stored["document"].is_not_null().to_numpy(), np.arange(n), -1),
            counted=stored["counted_at"].is_not_null().to_numpy().copy(),
            counted_at=_ints(stored["counted_at"].fill_null(0)),
            born=np.zeros(n, np.int64),
            parked=_ints(stored["parked"].list.len()),
        )
        return Loaded(stored, pl.concat(contents), rows, parked)

    def rows(self, loaded: Loaded, folded: Folded, events: Events, identity: Ints) -> tuple[pl.Series, list[bytes]]:
        """The changed rows: key indices and Avro payloads. ``identity``: identity hash of each event."""
        k = np.nonzero(folded.written)[0]
        rows = folded.rows
        frame = pl.DataFrame(
            {
                "k": k.astype(np.uint32),
                "state": rows.state[k].astype(np.int32),
                "version": rows.version[k].astype(np.int32),
                "touched": rows.touched[k],
                "counted_at": pl.Series(rows.counted_at[k]).set(pl.Series(~rows.counted[k]), None),
                "document": loaded.documents.gather(_places(rows.document[k])),
            }
        )
        # what took effect, unless the row expired after it within this very batch
        fresh = np.isin(folded.verdict, (ACCEPTED, PARKED)) & (events.appended >= rows.born[events.key])
        new = (
            pl.DataFrame(
                {
                    "k": events.key[fresh].astype(np.uint32),
                    "new_ids": identity[fresh],
                    "new_contents": events.content[fresh],
                }
            )
            .group_by("k", maintain_order=True)
            .agg("new_ids", "new_contents")
        )
        old = loaded.stored.select("k", "ids", "contents")
        expired = np.nonzero(rows.born)[0]
        if len(expired):
            gone = pl.Series(expired.astype(np.uint32))
            old = old.filter(~pl.col("k").is_in(gone.implode()))
        frame = (
            frame.join(old, on="k", how="left", maintain_order="left")
            .join(new, on="k", how="left", maintain_order="left")
            .with_columns(pl.col("ids", "contents", "new_ids", "new_contents").fill_null([]))
            .with_columns(
                ids=pl.concat_list("ids", "new_ids"),
                contents=pl.concat_list("contents", "new_contents"),
            )
        )
        frame = self._with_parked(frame, loaded, folded)
        return frame["k"], self.columns.write(frame)

    def _with_parked(self, frame: pl.DataFrame, loaded: Loaded, folded: Folded) -> pl.DataFrame:
        parked = folded.parked
        alive = [i for i, a in enumerate(parked.alive) if a]
        kind = self.columns.empty.schema["parked"]
        if not alive:
            return frame.with_columns(pl.lit([], dtype=kind).alias("parked"))
        waiting = (
            pl.DataFrame(
                {
                    "k": [parked.key[i] for i in alive],
                    "kind": [parked.kind[i] for i in alive],
                    "version": [parked.version[i] for i in alive],
                    "at": [parked.at[i] for i in alive],
                    "document": loaded.documents.gather(_places(np.array([parked.document[i] for i in alive]))),
                },
                schema_overrides={"k": pl.UInt32, "kind": pl.Int32, "version": pl.Int32, "at": pl.Int64},
            )
            .group_by("k", maintain_order=True)
            .agg(pl.struct("kind", "version", "at", "document").alias("parked"))
        )
        joined = frame.join(waiting, on="k", how="left", maintain_order="left")
        return joined.with_columns(pl.col("parked").fill_null([]).cast(kind))


_DEFAULTS: dict[str, Any] = {
    "state": 0,
    "version": 0,
    "touched": 0,
    "counted_at": None,
    "ids": [],
    "contents": [],
    "document": None,
    "parked": [],
}


def _row_schema(document: dict[str, Any]) -> dict[str, Any]:
    longs = {"type": "array", "items": "long"}
    waiting = [
        {"name": "kind", "type": "int"},
        {"name": "version", "type": "int"},
        {"name": "at", "type": "long"},
        {"name": "document", "type": ["null", _renamed(document, "Parked")]},
    ]
    parked = {"type": "array", "items": {"type": "record", "name": "ParkedEvent", "fields": waiting}}
    fields = [
        {"name": "state", "type": "int"},
        {"name": "version", "type": "int"},
        {"name": "touched", "type": "long"},
        {"name": "counted_at", "type": ["null", "long"]},
        {"name": "ids", "type": longs},
        {"name": "contents", "type": longs},
        {"name": "document", "type": ["null", document]},
        {"name": "parked", "type": parked},
    ]
    return {"type": "record", "name": "Row", "fields": fields}


def _renamed(schema: Any, prefix: str) -> Any:
    """The schema with every named type under another name: Avro allows a name to be defined once."""
    if isinstance(schema, dict):
        copy = {key: _renamed(value, prefix) for key, value in schema.items()}
        if schema.get("type") in ("record", "enum"):
            copy["name"] = prefix + schema["name"]
        return copy
    return [_renamed(part, prefix) for part in schema] if isinstance(schema, list) else schema


def _ints(column: pl.Series) -> Ints:
    return column.cast(pl.Int64).to_numpy().copy()


def _places(indices: Ints) -> pl.Series:
    """Indices for gather, null where negative."""
    places = pl.Series(indices, dtype=pl.Int64)
    return places.set(places < 0, None).cast(pl.UInt32)
