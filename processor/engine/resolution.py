"""Avro's schema resolution on columns: what was written under one version of a schema, as another version reads it.

For versions that ``schemas.compatibility`` lets pass: records, nullable fields, arrays, enums, primitives. Fields go by
name; a field the writer did not have gets its default, one the reader does not have goes; a number becomes a wider one;
a symbol the reader does not know becomes its enum's default.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc


def resolved(batch: pa.RecordBatch, writer: Any, reader: Any, columns: pa.Schema) -> pa.RecordBatch:
    """``batch``, read with the record ``writer``, as the record ``reader``, whose columns are ``columns``."""
    return pa.RecordBatch.from_struct_array(_record(batch.to_struct_array(), writer, reader, pa.struct(columns)))


def _record(values: pa.StructArray, writer: Any, reader: Any, kind: pa.StructType) -> pa.StructArray:
    written = {field["name"]: field["type"] for field in writer["fields"]}
    fields = [
        _values(pc.struct_field(values, field["name"]), written[field["name"]], field["type"], to.type)
        if field["name"] in written
        else pa.array([field["default"]], to.type).take(np.zeros(len(values), np.int64))
        for field, to in zip(reader["fields"], kind, strict=True)
    ]
    return pa.StructArray.from_arrays(fields, fields=list(kind), mask=values.is_null())


def _values(values: pa.Array, writer: Any, reader: Any, kind: pa.DataType) -> pa.Array:
    writer, reader = _present(writer), _present(reader)
    match reader["type"] if isinstance(reader, dict) else reader:
        case "record":
            return _record(values, writer, reader, kind)
        case "array":
            items = _values(values.flatten(), writer["items"], reader["items"], kind.value_type)
            ends = pc.cumulative_sum(pc.fill_null(pc.list_value_length(values), 0))
            offsets = pa.concat_arrays([pa.array([0], ends.type), ends])
            return pa.ListArray.from_arrays(offsets, items, kind, mask=values.is_null())
        case "enum" if {*writer["symbols"]} - {*reader["symbols"]}:
            known = pc.is_in(values, pa.array(reader["symbols"], kind))
            return pc.if_else(pc.or_(known, values.is_null()), values, reader["default"])
    return values.cast(kind)


def _present(schema: Any) -> Any:
    """The type a nullable value has when it is there."""
    return next(branch for branch in schema if branch != "null") if isinstance(schema, list) else schema
