"""The command line as a user has it: a process of its own, its settings in the environment."""

import os
import subprocess
import sys
from pathlib import Path

PATIENCE = 240.0
"""Seconds a command may take on a busy machine."""


def single_window(
    *arguments: str, kafka: str = "127.0.0.1:1", prefix: str = "", status: int = 0, **settings: str
) -> subprocess.CompletedProcess[str]:
    """Run `single-window` with these arguments; fails unless it ends with `status`. The default Kafka is nowhere."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("SINGLE_WINDOW_")}
    wanted = {"KAFKA": kafka, "TOPIC_PREFIX": prefix, **settings}
    environment |= {f"SINGLE_WINDOW_{key}": value for key, value in wanted.items()}
    environment |= {"COLUMNS": "200", "NO_COLOR": "1", "TERM": "dumb"}
    ended = subprocess.run(
        [Path(sys.executable).with_name("single-window"), *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert ended.returncode == status, f"status {ended.returncode}\n{ended.stdout}\n{ended.stderr}"
    return ended
