"""A Kafka of the crash tests' own, to be killed and started again."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path

from deploy import local_kafka


class Broker:
    """One broker with its data in ``home`` and always the same port."""

    def __init__(self, home: Path) -> None:
        self.home, self.port = home, local_kafka.free_port()
        self.bootstrap = f"127.0.0.1:{self.port}"

    def start(self) -> None:
        """Afterwards it answers, with the data of the last time."""
        local_kafka.start(self.home, self.port, heap_mb=384)

    def kill(self) -> None:
        """kill -9."""
        running = local_kafka.status(self.home)
        assert running is not None
        os.kill(running.pid, signal.SIGKILL)

    def dispose(self) -> None:
        local_kafka.stop(self.home)
        shutil.rmtree(self.home, ignore_errors=True)
