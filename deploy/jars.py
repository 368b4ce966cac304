"""The jars the local broker runs on, fetched once by Maven from ``deploy/kafka/pom.xml``."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

POM = Path(__file__).parent / "kafka" / "pom.xml"
MARKER = ".complete"
"""Written last; holds the SHA-256 of the pom the jars were fetched for."""

MISSING = (
    "{program} is not installed: run `apt-get install openjdk-17-jre-headless maven`, "
    "or use `docker compose up` instead, or name a Kafka of your own in SINGLE_WINDOW_KAFKA"
)


class LocalKafkaError(RuntimeError):
    """The local broker cannot be had. The message says what was wrong and what to do."""


def program(name: str) -> str:
    """The path of a program on PATH. Raises LocalKafkaError with one line that says what to install."""
    found = shutil.which(name)
    if found is None:
        raise LocalKafkaError(MISSING.format(program=name))
    return found


def ensure(directory: Path) -> None:
    """Afterwards ``directory`` holds exactly the jars the pom asks for, and the marker.

    Returns at once, without Maven and without the network, when they are there. A fetch that breaks off leaves no
    marker and is done again. Raises LocalKafkaError without Maven or when Maven fails.
    """
    wanted = hashlib.sha256(POM.read_bytes()).hexdigest()
    marker = directory / MARKER
    if marker.is_file() and marker.read_text(encoding="ascii") == wanted:
        return
    maven = program("mvn")
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    command = [
        maven,
        "-q",
        "-B",
        "-f",
        str(POM),
        "dependency:copy-dependencies",
        f"-DoutputDirectory={directory.resolve()}",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 (own arguments only)
    if done.returncode != 0:
        raise LocalKafkaError(
            f"Maven could not fetch the Kafka jars into {directory}:\n{_tail(done.stdout + done.stderr)}"
        )
    marker.write_text(wanted, encoding="ascii")


def _tail(text: str, lines: int = 8) -> str:
    return "\n".join([line for line in text.splitlines() if line.strip()][-lines:])


if __name__ == "__main__":
    try:
        ensure(Path(".local/jars"))
    except LocalKafkaError as error:
        sys.exit(str(error))
