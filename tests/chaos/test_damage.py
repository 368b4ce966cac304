"""A disk that lost or changed what was written: the worker says so, puts the store aside, and counts what is right."""

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.crash.scene import Scene, traffic

pytestmark = [pytest.mark.chaos, pytest.mark.kafka]


FEW = 1_200


def spoilt(state: Path, flow: str, pattern: str, spoil: Callable[[Path], None]) -> int:
    """Spoil files of all stores of a flow that has some; in how many stores."""
    stores = {file.parent for file in files(state, flow, pattern)}
    for file in files(state, flow, pattern):
        spoil(file)
    return len(stores)


def files(state: Path, flow: str, pattern: str) -> Iterator[Path]:
    return (state / "g1").glob(f"{flow}-[0-9]/{pattern}")


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size * 3 // 5])


def flip(file: Path) -> None:
    raw = bytearray(file.read_bytes())
    for place in range(len(raw) // 4, len(raw) // 4 + 256):
        raw[place] ^= 0xFF
    file.write_bytes(raw)


SPOILS = {
    "files_of_rows": ("*.sst", flip),
    "lists_of_files": ("MANIFEST-*", cut),
    "CURRENT": ("CURRENT", Path.unlink),
}


@pytest.mark.parametrize(
    ("flow", "what"),
    [("declarations", "files_of_rows"), ("totals", "lists_of_files"), ("declarations", "CURRENT")],
)
def test_a_damaged_store_is_told_of_moved_aside_and_folded_again(
    scene: Scene, flow: str, what: str, long: bool
) -> None:
    # work -> stop: rows are in files -> work on -> kill -> the disk damages stores -> start: says so -> work on
    if what == "CURRENT" and not long:
        pytest.skip("only with --long")
    scene.play(traffic(FEW))
    scene.publish(0.4)
    first = scene.worker()
    scene.counted(first)
    first.stop()
    scene.publish(0.2)
    second = scene.worker(CRASH_AT=f"after_store:{flow}:6")
    assert second.ends() == -signal.SIGKILL, second.tail()
    pattern, spoil = SPOILS[what]
    damaged = spoilt(second.state, flow, pattern, spoil)
    assert damaged > 0
    scene.publish()
    third = scene.worker()
    scene.check(third)
    told = {line["partition"] for line in third.told(event="partition", error="Damaged", flow=flow)}
    aside = list((third.state / "g1").glob(f"{flow}-*.broken-1"))
    assert len(told) == len(aside), f"{told} told, {aside} aside\n{third.tail()}"
    assert aside, third.tail()
