"""Senders are upgraded before workers: old and new schemas mixed, unknown ones kept, then deployed and replayed."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any
from zlib import crc32

import fastavro
import pytest

import schemas
from connectors import dead_letters
from connectors.simulator.messages import DECLARATION, Message
from connectors.simulator.traffic import Plan, generate
from tests.crash.scene import Scene, told

pytestmark = [pytest.mark.chaos, pytest.mark.kafka]

EVENTS = 1_200
ADDED: dict[int, dict[str, Any]] = {
    2: {"name": "customs_note", "type": ["null", "string"], "default": None},
    3: {"name": "priority", "type": "int", "default": 0},
}
"""What each version of the declaration adds to the one before, at its end."""

WRITTEN = {2: b"\x02\x0ahello", 3: b"\x54"}
"""And how a sender writes it there: Avro, "hello" and 42."""


def deploy(home: Path, newest: int) -> Path:
    """A copy of the package ``schemas`` with declarations up to version ``newest``: where it lies."""
    place = home / f"v{newest}"
    shutil.copytree(schemas.HERE, place / "schemas", ignore=shutil.ignore_patterns("__pycache__"))
    for version in range(2, newest + 1):
        (place / "schemas" / f"{DECLARATION}.v{version}.avsc").write_text(json.dumps(schema(version)), "utf-8")
    return place


def schema(version: int) -> dict[str, Any]:
    text: dict[str, Any] = json.loads(schemas.versions(DECLARATION)[0].text)
    text["fields"] += [ADDED[number] for number in range(2, version + 1)]
    return text


def header(version: int) -> bytes:
    form = fastavro.schema.to_parsing_canonical_form(schema(version))
    return schemas.SINGLE_OBJECT + bytes.fromhex(fastavro.schema.fingerprint(form, "CRC-64-AVRO"))


def version_of(message: Message) -> int:
    """A third of the declarations each; an event sent again is written as it was at first."""
    if message.fact is None or message.fact.record != DECLARATION:
        return 1
    return 1 + crc32(repr(message.fact.identity).encode()) % 3


def written(message: Message) -> Message:
    """The same event as its sender's version writes it."""
    version = version_of(message)
    if version == 1:
        return message
    assert message.value is not None
    more = b"".join(WRITTEN[number] for number in range(2, version + 1))
    return message._replace(value=header(version) + message.value[10:] + more)


@pytest.mark.usefixtures("only_long")
def test_versions_are_mixed_and_what_an_unknown_one_wrote_counts_when_it_is_deployed_and_replayed(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    # senders: v1, v2 and v3 mixed -------------------------- | replay of dead letters
    # worker:  knows v1 and v2: v3 is a dead letter - stops - | knows v3, too: all is counted
    sent = [written(message) for message in generate(Plan(EVENTS, seed=23, bad=0.0))]
    unknown = [message for message in sent if version_of(message) == 3]
    assert len(unknown) > EVENTS // 20
    first = [
        message._replace(fact=None, undecodable="unknown_schema") if version_of(message) == 3 else message
        for message in sent
    ]
    scene.play(replace(told([*first, *unknown]), messages=tuple(first)))
    scene.publish()
    monkeypatch.setenv("PYTHONSAFEPATH", "1")
    monkeypatch.setenv("PYTHONPATH", str(deploy(scene.home, 2)))
    worker = scene.worker()
    scene.counted(worker)
    worker.stop()
    letters = dead_letters.list_(scene.bootstrap, scene.prefix, EVENTS)
    assert {letter.reason for letter in letters} == {"unknown_schema"}
    assert len(letters) == len(unknown)

    monkeypatch.setenv("PYTHONPATH", str(deploy(scene.home, 3)))
    worker = scene.worker()
    assert dead_letters.replay(scene.bootstrap, scene.prefix, reason="unknown_schema") == len(unknown)
    scene.check(worker)
    assert dead_letters.replay(scene.bootstrap, scene.prefix) == 0, "each is sent again once"
