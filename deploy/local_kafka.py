"""A real Apache Kafka on this machine: one KRaft node on the loopback address, in a process group of its own.

Everything lies under ``home``: ``server.properties``, ``data/`` (survives stops and crashes), ``logs/`` and
``broker.json`` (process id and port). The jars lie beside it in ``home.parent / "jars"`` and serve every home there.
"""

from __future__ import annotations

import base64
import contextlib
import fcntl
import json
import socket
import subprocess
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from deploy import process
from deploy.jars import LocalKafkaError, ensure, program
from deploy.probe import answers

JVM = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Djava.awt.headless=true")
"""A broker for one machine: the optimising compiler took as much of two cores as all the rest of the broker."""

HERE = Path(__file__).parent / "kafka"
HOME = Path(".local/kafka")
LOOPBACK = "127.0.0.1"
START_SECONDS = 60.0
STOP_SECONDS = 20.0
PORT_SECONDS = 2.0
TRIES = 4
IN_USE = "Address already in use"


@dataclass(frozen=True)
class LocalKafka:
    """A running broker: its process id, ``host:port`` for clients, and its directory."""

    pid: int
    bootstrap: str
    home: Path


def start(home: Path = HOME, port: int = 9092, heap_mb: int = 512) -> LocalKafka:
    """The broker of ``home``, answering clients; started when it does not run, with the data of the last time.

    A broker of this home that runs already is returned as it is, whatever its port. ``port`` 0 is any free one. The
    first time fetches the jars (a minute) and formats ``data/``. Raises LocalKafkaError when the port is taken, Java
    or Maven is missing, or the broker does not answer within 60 s; one that was started in vain is stopped again.
    """
    home = home.resolve()
    home.mkdir(parents=True, exist_ok=True)
    with _alone(home.parent):
        running = status(home)
        if running is not None and _comes_up(running):
            return running
        java = [program("java"), f"-Xms{heap_mb // 2}m", f"-Xmx{heap_mb}m", *JVM]
        jars = home.parent / "jars"
        ensure(jars)
        java += ["-cp", f"{jars}/*", f"-Dkafka.logs.dir={home / 'logs'}"]
        java += [f"-Dlog4j2.configurationFile={HERE / 'log4j2.xml'}"]
        for _ in range(TRIES):  # a free port may be another's before the broker has it
            started = _started(home, port or free_port(), java)
            if started is not None:
                return started
            if IN_USE not in _last_words(home, 100):
                break
        raise LocalKafkaError(f"the broker ended while starting; the end of {_last_words(home)}")


def _started(home: Path, port: int, java: list[str]) -> LocalKafka | None:
    """The broker, or None when it ended while starting. Raises LocalKafkaError when it neither ends nor answers."""
    _refuse_taken(port)
    _configure(home, port)
    _format(home, java)
    started = _spawn(home, port, java)
    try:
        return started if _comes_up(started) else None
    except LocalKafkaError:
        stop(home)
        raise


def stop(home: Path = HOME) -> bool:
    """Afterwards no broker of ``home`` runs. True when one ran. SIGTERM first, SIGKILL after 20 s."""
    running = status(home)
    if running is None:
        return False
    if process.end(running.pid, _words(running.home), STOP_SECONDS):
        (running.home / "broker.json").unlink(missing_ok=True)
        return True
    raise LocalKafkaError(f"the broker of {home} (process {running.pid}) does not end, not even by SIGKILL")


def status(home: Path = HOME) -> LocalKafka | None:
    """The running broker of ``home``, or None. A recycled process id, or a stale file of a killed broker, is None."""
    home = home.resolve()
    try:
        noted = json.loads((home / "broker.json").read_text(encoding="ascii"))
    except (FileNotFoundError, ValueError):
        return None
    if not process.runs(noted["pid"], _words(home)):
        return None
    return LocalKafka(noted["pid"], f"{LOOPBACK}:{noted['port']}", home)


@contextlib.contextmanager
def _alone(directory: Path) -> Iterator[None]:
    """One start at a time among the homes of a directory: they share the jars. Released by the kernel on any death."""
    with (directory / "kafka.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _words(home: Path) -> list[str]:
    """What tells this home's process from any other."""
    return ["kafka.Kafka", str(home / "server.properties")]


def _free(port: int) -> bool:
    with socket.socket() as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def free_port() -> int:
    """A loopback port nobody listens on at this moment."""
    with socket.socket() as trial:
        trial.bind((LOOPBACK, 0))
        return int(trial.getsockname()[1])


def _refuse_taken(port: int) -> None:
    """Raises LocalKafkaError unless the port is free or becomes so: a killed broker holds its port for a moment."""
    deadline = time.monotonic() + PORT_SECONDS
    while not _free(port):
        if time.monotonic() < deadline:
            time.sleep(process.POLL_SECONDS)
            continue
        raise LocalKafkaError(
            f"port {port} of {LOOPBACK} is taken by another program: stop that, choose another port, "
            f"or set SINGLE_WINDOW_KAFKA={LOOPBACK}:{port} if it is the Kafka to use"
        )


def _configure(home: Path, port: int) -> None:
    controller = free_port()
    own = {
        "listeners": f"PLAINTEXT://{LOOPBACK}:{port},CONTROLLER://{LOOPBACK}:{controller}",
        "advertised.listeners": f"PLAINTEXT://{LOOPBACK}:{port}",
        "controller.quorum.voters": f"1@{LOOPBACK}:{controller}",
        "log.dirs": str(home / "data"),
    }
    lines = [
        (HERE / "server.properties").read_text(encoding="utf-8"),
        *(f"{key}={value}" for key, value in own.items()),
    ]
    (home / "server.properties").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (home / "logs").mkdir(exist_ok=True)


def _format(home: Path, java: list[str]) -> None:
    """Gives a new ``data/`` its cluster id. One that broke off half-way is finished."""
    if (home / "data" / "meta.properties").is_file():
        return
    cluster_id = base64.urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode()
    command = [*java, "kafka.tools.StorageTool", "format", f"--cluster-id={cluster_id}", "--ignore-formatted"]
    command += ["--config", str(home / "server.properties")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 (own arguments only)
    if done.returncode != 0:
        raise LocalKafkaError(f"{home / 'data'} could not be formatted:\n{(done.stdout + done.stderr).strip()}")


def _spawn(home: Path, port: int, java: list[str]) -> LocalKafka:
    pid = process.spawn([*java, *_words(home)], home / "logs" / "console.log")
    (home / "broker.json").write_text(json.dumps({"pid": pid, "port": port}), encoding="ascii")
    return LocalKafka(pid, f"{LOOPBACK}:{port}", home)


def _comes_up(broker: LocalKafka) -> bool:
    """True once it answers clients, False when its process ended. Raises LocalKafkaError after 60 s of neither."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if not process.runs(broker.pid, _words(broker.home)):
            return False
        if answers(broker.bootstrap):
            return True
        time.sleep(process.POLL_SECONDS)
    raise LocalKafkaError(
        f"the broker (process {broker.pid}) does not answer within {START_SECONDS:.0f} s; the end of "
        f"{_last_words(broker.home)}"
    )


def _last_words(home: Path, lines: int = 8) -> str:
    said = [path for path in (home / "logs" / "server.log", home / "logs" / "console.log") if path.is_file()]
    path = next((path for path in said if path.stat().st_size), home / "logs" / "console.log")
    text = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
    return f"{path}:\n" + "\n".join(text.splitlines()[-lines:])
