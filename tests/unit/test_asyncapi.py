"""The AsyncAPI document: current, valid by the schema that AsyncAPI publishes, and whole."""

import hashlib
import json
import re
from importlib import metadata
from typing import Any

import jsonschema
import yaml

from schemas import asyncapi
from schemas.example_json import changed


def test_the_asyncapi_document_is_what_topics_and_schemas_make_it() -> None:
    written = asyncapi.PATH.read_text(encoding="utf-8")
    assert written == asyncapi.text(), "write it with `python -m schemas.asyncapi`"
    assert yaml.safe_load(written) == asyncapi.document()


def test_the_asyncapi_document_is_valid_by_the_published_schema_of_asyncapi() -> None:
    """A package from PyPI carries that schema; the digest was taken of it when it was the same as in the npm package
    @asyncapi/specs 6.11.1 of AsyncAPI's own, but for two references in an example of an operation.
    """
    path = metadata.distribution("xstate-statemachine").locate_file("xstate_statemachine/eda/_asyncapi_schema.json")
    published = json.loads(path.read_text(encoding="utf-8"))
    packed = json.dumps(published, sort_keys=True, separators=(",", ":")).encode()
    assert hashlib.sha256(packed).hexdigest() == "ab3a11d9da97e0619e02eb0a2e9f1d259ed45570b0eeccc8df38a0f02dc912ba"
    validator = jsonschema.Draft7Validator(published)
    assert [error.message for error in validator.iter_errors(asyncapi.document())] == []
    for pointer, wrong in (
        ("/components/schemas/Trade.v1/schema/fields/0/name", "no name"),
        ("/channels/counters.trade/bindings/kafka/partitions", 0),
        ("/operations/totals-flow.send.counters.trade/action", "produce"),
    ):
        assert not validator.is_valid(changed(asyncapi.document(), pointer, wrong)), pointer


def test_all_that_the_asyncapi_document_refers_to_is_there() -> None:
    document = asyncapi.document()
    references = re.findall(r'"\$ref": "#/([^"]+)"', json.dumps(document))
    assert references
    for reference in references:
        place: Any = document
        for part in reference.split("/"):
            place = place[part]
