"""Servers of our own on this machine: started beside us, known by their command line, ended by their process id.

Linux: a process is known by its ``/proc`` entry.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path

POLL_SECONDS = 0.1


def spawn(command: Sequence[str], console: Path) -> int:
    """The process id of ``command``, which writes to ``console`` and leads a session of its own: Ctrl-C in the caller's
    terminal does not reach it.
    """
    output = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    return os.posix_spawn(
        command[0],
        list(command),
        os.environ,
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, str(console), output, 0o644),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
        setsid=True,
    )


def runs(pid: int, words: Sequence[str]) -> bool:
    """Whether the process is the one meant: all ``words`` are arguments of its command line.

    A zombie has no command line, and for an instant neither has a process that just became another program or is just
    ending.
    """
    for _ in range(10):
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)
        try:
            arguments = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except (FileNotFoundError, ProcessLookupError):
            return False
        if arguments != [b""]:
            return all(os.fsencode(word) in arguments for word in words)
        time.sleep(0.01)
    return False


def end(pid: int, words: Sequence[str], patience: float) -> bool:
    """Whether the process has ended: SIGTERM first, SIGKILL after ``patience`` seconds, as many again for that."""
    for sign in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, sign)
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            if not runs(pid, words):
                return True
            time.sleep(POLL_SECONDS)
    return False
