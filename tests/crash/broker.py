"""A Kafka of the crash tests' own, to be killed and started again."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path

from deploy import local_kafka


class Broker:
    """One broker with its data in ``home`` and, from its first start on, always the same port."""

    def __init__(self, home: Path) -> None:
        self.home, self.port, self.bootstrap = home, 0, ""

    def start(self) -> None:
        """Afterwards it answers, with the data of the last time."""
        self.bootstrap = local_kafka.start(self.home, self.port, heap_mb=384).bootstrap
        self.port = int(self.bootstrap.rpartition(":")[2])

    def kill(self) -> None:
        """kill -9."""
        running = local_kafka.status(self.home)
        assert running is not None
        os.kill(running.pid, signal.SIGKILL)

    def dispose(self) -> None:
        local_kafka.stop(self.home)
        shutil.rmtree(self.home, ignore_errors=True)
