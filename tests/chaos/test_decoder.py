"""No bytes crash the decoder, stop it for a second or fill its memory, and both of its paths judge them alike."""

import hashlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from processor import heap
from tests.chaos.decoding import CALL_SECONDS
from tests.chaos.mutations import mutated

SEED = 20_261_122
SHORT, LONG = 1_500, 60_000
GROWN_MB = 200

pytestmark = pytest.mark.chaos


def of_the_message(place: str) -> str:
    """What was decoded at a place: enough to make it again, and to know it."""
    what, number, *_ = [*place.split(), ""]
    if what != "mutated":
        return place
    values = [mutated(SEED, int(number), newly=newly).raw.value or b"" for newly in (False, True)]
    return f"{place}: " + " or ".join(f"sha256 {hashlib.sha256(v).hexdigest()} ({len(v)} bytes)" for v in values)


@pytest.mark.timeout(7_200)
def test_mutated_messages_and_arbitrary_bytes_are_judged_alike_by_both_paths_and_harm_nothing(
    tmp_path: Path, *, long: bool
) -> None:
    place, count = tmp_path / "place", LONG if long else SHORT
    done = subprocess.run(
        [sys.executable, "-m", "tests.chaos.decoding", str(SEED), str(count), str(place)],
        cwd=Path(__file__).parents[2],
        env={**os.environ, **heap.ENVIRONMENT},
        capture_output=True,
        check=False,
        text=True,
    )
    if done.returncode:
        at = of_the_message(place.read_text())
        died = {-signal.SIGPROF: f"took more than {CALL_SECONDS} s"}.get(-abs(done.returncode), "")
        pytest.fail(f"seed {SEED}, {at}; status {done.returncode} {died}\n{done.stderr[-4_000:]}")
    figures = json.loads(done.stdout)
    print(json.dumps(figures, indent=1))
    assert figures["messages"] == sum(sum(figures[reader].values()) for reader in ("released", "unreleased"))
    for reader in ("released", "unreleased"):
        assert min(figures[reader][path] for path in ("fast", "slow")) > count / 200, (
            "both paths have something to take"
        )
    assert figures["slowest_seconds"] < CALL_SECONDS
    assert figures["grown_mb"] < GROWN_MB
