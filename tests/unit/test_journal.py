"""The journal: what is packed batch by batch comes back as one, every entry with its document, every frame whole."""

from typing import NamedTuple

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from processor.engine import journal
from processor.engine.lifecycle import CONTRIBUTION_COLUMNS, STAGE_COLUMNS, Ints

NUMBER = st.integers(-(2**63), 2**63 - 1)
TEXT = st.text(max_size=6)
Entry = tuple[int | bytes, ...]


class Packed(NamedTuple):
    """What a batch adds: entries as numbers, documents some of which no entry names, and frames."""

    stages: Ints
    contributions: Ints
    documents: list[bytes]
    answered: dict[str, pl.DataFrame]

    def packed(self) -> bytes:
        return journal.pack(self.stages, self.contributions, self.documents, self.answered)


def table(width: int, entries: list[tuple[int, ...]]) -> Ints:
    return np.array(entries, np.int64).reshape(-1, width)


def frame(rows: list[tuple[str, int | None, bool]]) -> pl.DataFrame:
    return pl.DataFrame(rows, {"sender": pl.String, "minute": pl.Int32, "live": pl.Boolean}, orient="row")


FRAMES = st.lists(st.tuples(TEXT, st.none() | st.integers(-5, 5), st.booleans()), max_size=3).map(frame)


@st.composite
def batches(draw: st.DrawFn) -> Packed:
    documents = draw(st.lists(st.binary(max_size=40), min_size=1, max_size=6))

    def entries(width: int, most: int) -> Ints:
        place = st.integers(0, len(documents) - 1)
        entry = st.tuples(NUMBER, place, *[NUMBER] * (width - 2))
        return table(width, draw(st.lists(entry, max_size=most)))

    answered = draw(st.dictionaries(st.sampled_from(["answer", "finding", "control"]), FRAMES))
    return Packed(entries(len(STAGE_COLUMNS), 8), entries(len(CONTRIBUTION_COLUMNS), 4), documents, answered)


def named(entries: Ints, documents: list[bytes]) -> list[Entry]:
    """Entries with their documents instead of where those are."""
    return [(first, documents[place], *others) for first, place, *others in entries.tolist()]


@given(st.lists(st.lists(batches(), max_size=3), max_size=3))
def test_entries_come_back_with_their_documents_and_frames_whole(journals: list[list[Packed]]) -> None:
    found = journal.unpack([[each.packed() for each in written] for written in journals])
    written = [(source, each) for source, some in enumerate(journals) for each in some]
    assert named(found.stages, found.documents) == [e for _, w in written for e in named(w.stages, w.documents)]
    assert found.stage_source.tolist() == [source for source, w in written for _ in w.stages]
    moved = [e for _, w in written for e in named(w.contributions, w.documents)]
    assert named(found.contributions, found.documents) == moved
    assert found.contribution_source.tolist() == [source for source, w in written for _ in w.contributions]
    assert set(found.answered) == {of for _, w in written for of in w.answered}
    for of, together in found.answered.items():
        assert together.schema == frame([]).with_columns(source=pl.lit(0, pl.Int64)).schema
        rows = [(*row, source) for source, w in written if of in w.answered for row in w.answered[of].rows()]
        assert together.rows() == rows


def test_an_entry_is_as_wide_as_the_lifecycle_makes_it() -> None:
    stage, moved = (tuple(range(100, 100 + len(columns))) for columns in (STAGE_COLUMNS, CONTRIBUTION_COLUMNS))
    assert (STAGE_COLUMNS[1], CONTRIBUTION_COLUMNS[1]) == ("document", "document")
    documents = [b"%d" % n for n in range(102)]
    found = journal.unpack([[Packed(table(len(stage), [stage]), table(len(moved), [moved]), documents, {}).packed()]])
    assert found.stages.tolist() == [[100, 0, *stage[2:]]]
    assert found.contributions.tolist() == [[100, 0, *moved[2:]]]
    assert found.documents == [b"101"], "the document at 101, and no other"


def test_nothing_comes_of_nothing() -> None:
    empty = table(len(STAGE_COLUMNS), []), table(len(CONTRIBUTION_COLUMNS), [])
    for journalled in ([], [[]], [[Packed(*empty, [b"unused"], {}).packed()] * 2]):
        nothing = journal.unpack(journalled)
        assert (nothing.stages.shape, nothing.contributions.shape) == (empty[0].shape, empty[1].shape)
        assert (nothing.documents, nothing.answered) == ([], {})


def test_a_batch_may_have_been_answered_and_change_nothing() -> None:
    empty = table(len(STAGE_COLUMNS), []), table(len(CONTRIBUTION_COLUMNS), [])
    said = {"answer": frame([("a", 1, True)]), "finding": frame([])}
    found = journal.unpack([[Packed(*empty, [], {}).packed(), Packed(*empty, [], said).packed()]])
    assert {of: rows.rows() for of, rows in found.answered.items()} == {"answer": [("a", 1, True, 0)], "finding": []}
