"""A store goes on only with the log and the program it was folded with; every refusal says why and what to do."""

import json
from dataclasses import replace
from typing import Any

import pytest

from processor.engine import identity
from processor.engine.identity import Foreign, Log
from processor.engine.model import LogRecord
from processor.engine.store import Mark

LAST = LogRecord(41, 1_000, b"key", b"value")
MARK = Mark("cluster", "topic-id", 8, 1, "definition", "tables", 42, 1_000, identity.fingerprint(LAST))
LOG = Log("cluster", "topic-id", 8, 0, 50)


def check(mark: Mark = MARK, log: Log = LOG, *, compacted: bool = False) -> None:
    identity.check(mark, log, 8, compacted, "definition", "tables")


def test_a_store_goes_on_with_its_own_log() -> None:
    check()
    check(log=replace(LOG, end=42))
    check(log=replace(LOG, start=42))
    identity.check_last(MARK, LAST, compacted=False)


def test_an_empty_store_fits_any_log_that_still_has_its_beginning() -> None:
    check(Mark())
    check(Mark(), Log("other", "id", 8, 0, 0))
    identity.check_last(Mark(), None, compacted=False)


@pytest.mark.parametrize(
    ("mark", "log", "said"),
    [
        (MARK, replace(LOG, partitions=9), r"9 partitions, this program was built for 8: .*schemas/topics\.yaml"),
        (Mark(), replace(LOG, partitions=1), "1 partitions, this program was built for 8"),
        (Mark(), replace(LOG, start=1), "the log starts at 1: what came before is gone"),
        (replace(MARK, cluster="old"), LOG, "belongs to cluster old, this is cluster: .*docs/runbook"),
        (
            replace(MARK, topic="old"),
            LOG,
            "belongs to topic old, this is topic-id: .*Another log under the same name",
        ),
        (replace(MARK, definition="old"), LOG, "counters or the lifecycle differ .*raise SINGLE_WINDOW_GENERATION"),
        (replace(MARK, tables="old"), LOG, "reference rows known then differ .*raise SINGLE_WINDOW_GENERATION"),
        (MARK, replace(LOG, end=41), "the store stands at 42, the log ends at 41: records were lost"),
        (MARK, replace(LOG, start=43), "the store stands at 42, the log starts at 43: records between are gone"),
    ],
)
def test_a_store_of_another_log_or_program_is_refused(mark: Mark, log: Log, said: str) -> None:
    with pytest.raises(Foreign, match=said):
        check(mark, log)


def test_a_compacted_log_may_have_lost_what_was_replaced() -> None:
    check(Mark(), replace(LOG, start=5), compacted=True)
    check(log=replace(LOG, start=43), compacted=True)
    identity.check_last(MARK, None, compacted=True)
    identity.check_last(MARK, LAST._replace(offset=42), compacted=True)
    with pytest.raises(Foreign, match="records were lost"):
        check(log=replace(LOG, end=41), compacted=True)


@pytest.mark.parametrize("found", [None, LAST._replace(offset=42)])
def test_the_last_record_folded_must_still_be_there(found: LogRecord | None) -> None:
    with pytest.raises(Foreign, match="the record at offset 41, the last one folded, is gone"):
        identity.check_last(MARK, found, compacted=False)


@pytest.mark.parametrize("compacted", [False, True])
@pytest.mark.parametrize("change", [{"timestamp": 1_001}, {"key": b"kez"}, {"value": b"valuf"}, {"value": None}])
def test_the_last_record_folded_must_be_the_same(change: dict[str, Any], compacted: bool) -> None:
    with pytest.raises(Foreign, match="the record at offset 41 is not the one this store folded"):
        identity.check_last(MARK, LAST._replace(**change), compacted=compacted)


@pytest.mark.parametrize("committed", [0, 50])
def test_what_is_committed_lies_within_the_log(committed: int) -> None:
    identity.check_committed(committed, LOG)
    with pytest.raises(Foreign, match="51 is committed, the log ends at 50: records were lost"):
        identity.check_committed(51, LOG)


def test_an_error_is_told_by_its_kind_and_place_without_its_text() -> None:
    with pytest.raises(ValueError, match="COSU1234560") as raised:
        int("COSU1234560")
    assert identity.where(raised.value).startswith("ValueError at test_identity.py:")
    assert identity.where(KeyError("secret")) == "KeyError"


def test_a_mark_is_written_and_read_whole_whatever_an_older_one_held_beside() -> None:
    for mark in (Mark(), MARK):
        assert Mark.load(mark.dump()) == mark
    assert Mark.load(json.dumps({"position": 7, "restated": True}).encode()) == Mark(position=7)
