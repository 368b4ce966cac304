"""The journal: what is packed batch by batch comes back as one, every entry with its document."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from processor.engine import journal

NUMBER = st.integers(-(2**63), 2**63 - 1)
DOCUMENTS = st.lists(st.binary(max_size=40), min_size=1, max_size=6)
Entry = tuple[int, bytes, int, int]


@st.composite
def batches(draw: st.DrawFn) -> tuple[list[Entry], list[Entry], list[bytes]]:
    """Stages and contributions, each entry with its document, and documents some of which no entry names."""
    documents = draw(DOCUMENTS)
    entry = st.tuples(NUMBER, st.integers(0, len(documents) - 1), NUMBER, NUMBER)
    stages = draw(st.lists(entry, max_size=8))
    moved = draw(st.lists(entry, max_size=4)) if stages else []
    return stages, moved, documents


def table(entries: list[Entry]) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
    return np.array(entries, np.int64).reshape(-1, 4)


def named(entries: np.ndarray[tuple[int, ...], np.dtype[np.int64]], documents: list[bytes]) -> list[Entry]:
    return [(a, documents[place], b, c) for a, place, b, c in entries.tolist()]


@given(st.lists(batches(), max_size=4))
def test_entries_come_back_with_their_documents(written: list[tuple[list[Entry], list[Entry], list[bytes]]]) -> None:
    packed = [journal.pack(table(stages), table(moved), documents) for stages, moved, documents in written]
    found = journal.unpack([each for each in packed if each])
    expected = [[entry for batch in written for entry in named(table(batch[part]), batch[2])] for part in (0, 1)]
    assert named(found.stages, found.documents) == expected[0]
    assert named(found.contributions, found.documents) == expected[1]


def test_a_batch_that_added_nothing_is_not_journalled() -> None:
    assert journal.pack(table([]), table([]), [b"unused"]) == b""
    nothing = journal.unpack([])
    assert (nothing.stages.shape, nothing.contributions.shape, nothing.documents) == ((0, 4), (0, 4), [])


def test_documents_no_entry_names_are_left_out() -> None:
    found = journal.unpack([journal.pack(table([(1, 2, 3, 4)]), table([]), [b"no", b"no", b"yes"])])
    assert found.documents == [b"yes"]
