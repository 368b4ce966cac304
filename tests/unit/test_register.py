"""Register rows: what a fold leaves is what the next batch loads."""

from collections.abc import Iterator, Sequence

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from processor.engine import register
from processor.engine.lifecycle import (
    ACCEPTED,
    CONTRIBUTION_COLUMNS,
    DUPLICATE,
    MARKS,
    NEVER,
    PARKED,
    STAGE_COLUMNS,
    Events,
    Folded,
    Ints,
    Parked,
)
from processor.engine.register import HEAD, WAITING, Brought, Loaded


class Entries:
    """A store's reading side."""

    position = watermark = posted_watermark = 0

    def __init__(self) -> None:
        self.entries: dict[bytes, bytes] = {}

    def read(self, keys: Sequence[bytes]) -> list[bytes | None]:
        return [self.entries.get(key) for key in keys]

    def scan(self, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        return ((key, value) for key, value in self.entries.items() if key.startswith(prefix))


def ints(*values: int) -> Ints:
    return np.array(values, np.int64)


def load(view: Entries, *keys: bytes, documents: list[bytes] | None = None) -> Loaded:
    brought = documents or []
    return register.load(keys, Brought(brought, ints(*([1] * len(brought)))), view.read)


def save(view: Entries, loaded: Loaded, keys: Sequence[bytes], verdicts: list[tuple[int, int, int, int]]) -> None:
    """Write the rows of `loaded`; `verdicts`: (key index, verdict, identity, content) of each event."""
    columns = [ints(*column) for column in zip(*verdicts, strict=True)]
    key, verdict, identity, content = columns
    zeros = np.zeros(len(key), np.int64)
    yes = np.ones(len(key), np.bool_)
    appended = zeros + 1_000
    events = Events(key, zeros, zeros, zeros, appended, yes, zeros, content, zeros, ~yes, zeros, zeros)
    written = np.zeros(len(keys), np.bool_)
    written[key] = True
    stages, moved = (np.zeros((0, len(entry)), np.int64) for entry in (STAGE_COLUMNS, CONTRIBUTION_COLUMNS))
    folded = Folded(verdict, zeros, stages, zeros[:0], moved, zeros[:0], written, loaded.rows, loaded.parked)
    view.entries.update(register.rows(keys, loaded, folded, events, identity))


def test_a_key_never_seen_has_an_empty_row() -> None:
    loaded = load(Entries(), b"a", b"b")
    rows = loaded.rows
    assert rows.state.tolist() == rows.version.tolist() == rows.parked.tolist() == rows.tag.tolist() == [0, 0]
    assert rows.marks.tolist() == [[0] * MARKS] * 2
    assert rows.counted.tolist() == [False, False]
    assert rows.document.tolist() == [-1, -1]
    assert rows.touched.tolist() == [NEVER, NEVER]
    assert loaded.known(ints(0, 1), ints(7, 7))[0].tolist() == [False, False]


def test_state_document_and_identities_come_back() -> None:
    view, keys = Entries(), (b"a", b"b")
    loaded = load(view, *keys, documents=[b"first"])
    loaded.rows.state[0], loaded.rows.version[0], loaded.rows.touched[0] = 3, 2, 1_000
    loaded.rows.document[0], loaded.rows.counted[0] = 2, True
    save(view, loaded, keys, [(0, ACCEPTED, 11, 111), (0, DUPLICATE, 11, 111), (0, PARKED, 12, 112)])
    again = load(view, *reversed(keys))
    rows = again.rows
    assert (rows.state[1], rows.version[1], rows.touched[1], rows.counted[1]) == (3, 2, 1_000, True)
    assert again.documents[rows.document[1]] == b"first"
    assert again.basis[rows.document[1]] == 1
    is_known, content = again.known(ints(1, 1, 0, 1), ints(11, 12, 11, 13))
    assert is_known.tolist() == [True, True, False, False]
    assert content.tolist()[:2] == [111, 112]


@given(
    st.lists(st.integers(-(2**63), 2**63 - 1), min_size=2 + MARKS, max_size=2 + MARKS),
    st.integers(0, 2**31 - 1),
)
def test_moments_marks_and_tag_come_back_whole(moments: list[int], tag: int) -> None:
    view, keys = Entries(), (b"a", b"b", b"c")
    loaded = load(view, *keys)
    loaded.rows.counted_at[1], loaded.rows.counted_when[1], *marks = moments
    loaded.rows.marks[1], loaded.rows.tag[1] = marks, tag
    save(view, loaded, keys, [(0, ACCEPTED, 1, 1), (1, ACCEPTED, 2, 2), (2, ACCEPTED, 3, 3)])
    rows = load(view, *keys).rows
    found = np.column_stack([rows.counted_at, rows.counted_when, rows.marks, rows.tag])
    assert found.tolist() == [[0] * found.shape[1], [*moments, tag], [0] * found.shape[1]]


def test_a_row_without_document_or_parked_events_is_its_head_and_what_was_seen() -> None:
    view = Entries()
    save(view, load(view, b"a"), (b"a",), [(0, ACCEPTED, 1, 1), (0, PARKED, 2, 2)])
    (row,) = view.entries.values()
    assert len(row) == HEAD.itemsize + 2 * register.PAIR
    assert np.frombuffer(row, HEAD, 1)[0]["document"] == register.NOTHING


def test_parked_events_come_back_in_order_with_what_they_bring() -> None:
    view, keys = Entries(), (b"a", b"b")
    loaded = load(view, *keys, documents=[b"later"])
    for kind, document in ((4, -1), (1, 2), (5, -1)):
        loaded.parked.add((1, kind, kind * 10, kind * 100, document, kind + 1))
    loaded.parked.alive[2] = False
    loaded.rows.parked[1] = 2
    save(view, loaded, keys, [(1, PARKED, 1, 1)])
    again = load(view, *keys)
    parked = again.parked
    columns = (parked.key, parked.kind, parked.version, parked.at, parked.tag)
    assert [*zip(*columns, strict=True)] == [(1, 4, 40, 400, 5), (1, 1, 10, 100, 2)]
    brought = [None if place < 0 else again.documents[place] for place in parked.document]
    assert brought == [None, b"later"]
    assert again.basis[parked.document[1]] == 1
    (row,) = view.entries.values()
    assert len(row) == HEAD.itemsize + register.PAIR + 2 * WAITING.itemsize + len(b"later")


def test_what_was_seen_before_a_row_expired_is_forgotten() -> None:
    view, keys = Entries(), (b"a",)
    loaded = load(view, *keys)
    save(view, loaded, keys, [(0, ACCEPTED, 1, 1)])
    loaded = load(view, *keys)
    loaded.rows.born[0] = 900
    save(view, loaded, keys, [(0, ACCEPTED, 2, 2)])
    assert load(view, *keys).known(ints(0, 0), ints(1, 2))[0].tolist() == [False, True]


def test_parked_is_empty_by_default() -> None:
    assert load(Entries(), b"a").parked == Parked()
