"""Settings, from the environment (SINGLE_WINDOW_...). All errors are told at once, before anything starts."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from processor.engine.shelf import shelf


class WrongSettings(ValueError):
    """Every wrong setting with what is wrong about it, one a line."""


class Settings(BaseSettings):
    """What can be set. Field names are the variables' names without the prefix, in lower case."""

    model_config = SettingsConfigDict(env_prefix="SINGLE_WINDOW_", extra="ignore")

    kafka: str = Field("127.0.0.1:9092", description="bootstrap servers, host:port[,host:port]")
    topic_prefix: str = Field("", pattern=r"^[a-zA-Z0-9._-]{0,64}$", description="put before every topic name")
    group: str = Field("single-window", pattern=r"^[a-zA-Z0-9._-]{1,64}$", description="consumer group of the workers")
    generation: int = Field(1, ge=1, le=1_000_000, description="raised to fold the past anew")
    replaces: int = Field(0, ge=0, description="generation to fold beside and take over from; 0: the one before")
    take_over: bool = Field(default=False, description="take over from it, as soon as this one has come as far")
    state_dir: Path = Field(Path(".local/state"), description="stores of this worker; one worker, one directory")
    metrics_host: str = Field("127.0.0.1", description="where /metrics, /healthz and /readyz are served")
    metrics_port: int = Field(9464, ge=0, le=65_535, description="0: any free port")
    poll_records: int = Field(24_000, ge=1, le=100_000, description="records a fetch hands over at most")
    publish_seconds: float = Field(0.25, gt=0, le=60, description="how often counters are published")
    lagging_seconds: float = Field(30.0, gt=0, le=600, description="the same while batches wait")
    session_seconds: float = Field(10.0, ge=1, le=300, description="a worker silent for longer loses its partitions")
    cache_mb: int = Field(48, ge=1, le=65_536, description="RocksDB block cache of all stores together")
    buffers_mb: int = Field(48, ge=8, le=65_536, description="RocksDB write buffers of all stores together")
    instance: str = Field(
        "",
        pattern=r"^[a-zA-Z0-9._-]{0,64}$",
        description="name of this worker in its group, the same after a restart: its partitions wait for it "
        "(static membership); empty: others take them when it stops",
    )
    snapshots: str = Field("", description="where copies of stores are kept: a directory, s3://bucket/path, ...")
    snapshot_seconds: float = Field(600.0, ge=1, le=86_400, description="how often they are taken")
    log_level: str = Field("info", pattern=r"^(debug|info|warning|error)$")
    crash_at: str = Field("", description="for tests: point:flow:n, the process kills itself there the n-th time")

    @field_validator("kafka")
    @classmethod
    def _bootstrap(cls, value: str) -> str:
        for server in value.split(","):
            host, _, port = server.strip().rpartition(":")
            if not host or not port.isdigit() or not 0 < int(port) < 65_536:
                raise ValueError(f"{server!r} is not host:port")
        return value

    @field_validator("replaces")
    @classmethod
    def _succession(cls, value: int, others: ValidationInfo) -> int:
        if value and value >= others.data.get("generation", value + 1):
            raise ValueError(f"generation {others.data['generation']} can only replace one before it")
        return value

    @field_validator("snapshots")
    @classmethod
    def _shelf(cls, value: str) -> str:
        if value:
            shelf(value)
        return value

    @property
    def group_id(self) -> str:
        """The consumer group of this generation."""
        return self._group_of(self.generation)

    @property
    def generation_before(self) -> int:
        """The generation this one folds beside and may take over from; 0 for none."""
        return self.replaces or self.generation - 1

    @property
    def group_before(self) -> str:
        """The consumer group of the generation before; empty for none."""
        return self._group_of(self.generation_before) if self.generation_before else ""

    def _group_of(self, generation: int) -> str:
        return f"{self.topic_prefix}{self.group}-g{generation}"


def read() -> Settings:
    """Settings from the environment. Raises WrongSettings with all errors."""
    try:
        return Settings()
    except ValidationError as errors:
        lines = [
            f"SINGLE_WINDOW_{'_'.join(map(str, e['loc'])).upper()}: {e['msg']} (got {e.get('input')!r})"
            for e in errors.errors()
        ]
        raise WrongSettings("\n".join(lines)) from None
