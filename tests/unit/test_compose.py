"""docker-compose.yml, the Dockerfile, the Makefile and what Prometheus and Grafana read name only what exists."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = ("topics", "worker")
BROKER_OWN = {  # depends on the machine, or on what only a local broker that is often killed needs
    "listener.security.protocol.map",
    "log.cleaner.dedupe.buffer.size",
    "log.cleaner.backoff.ms",
    "log.segment.delete.delay.ms",
    "broker.session.timeout.ms",
    "broker.heartbeat.interval.ms",
}


def commands() -> set[tuple[str, ...]]:
    """Every command of the command line, groups included: ("worker",), ("topics", "create") ..."""
    import typer.main  # noqa: PLC0415 (the command line pulls in everything)

    from processor.cli import app  # noqa: PLC0415

    def below(command: Any, path: tuple[str, ...]) -> set[tuple[str, ...]]:
        subs = getattr(command, "commands", {})
        return {path}.union(*(below(sub, (*path, name)) for name, sub in subs.items()))

    return below(typer.main.get_command(app), ())


def test_the_services_are_kafka_topics_worker_prometheus_and_grafana() -> None:
    assert set(SERVICES) == {"kafka", "topics", "worker", "prometheus", "grafana"}
    assert SERVICES["topics"]["depends_on"] == {"kafka": {"condition": "service_healthy"}}
    assert SERVICES["worker"]["depends_on"] == {"topics": {"condition": "service_completed_successfully"}}


def test_ports_are_published_on_the_loopback_address_only() -> None:
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert published == {
        "kafka": ["127.0.0.1:9092:29092"],
        "worker": ["127.0.0.1:9464:9464"],
        "prometheus": ["127.0.0.1:9090:9090"],
        "grafana": ["127.0.0.1:3000:3000"],
    }


def test_images_are_pinned() -> None:
    foreign = {service["image"] for service in SERVICES.values() if "build" not in service}
    foreign |= set(re.findall(r"^FROM (\S+)", (ROOT / "deploy/Dockerfile").read_text(), re.MULTILINE))
    for image in foreign:
        assert re.search(r":v?[0-9]+\.[0-9]+", image), f"{image} has no version"


def test_kafka_is_the_version_of_the_local_broker() -> None:
    pom = (ROOT / "deploy/kafka/pom.xml").read_text(encoding="utf-8")
    (version,) = re.findall(r"<kafka.version>(.*?)</kafka.version>", pom)
    assert SERVICES["kafka"]["image"] == f"apache/kafka:{version}"


def test_kafka_is_configured_as_the_local_broker() -> None:
    lines = (ROOT / "deploy/kafka/server.properties").read_text(encoding="utf-8").splitlines()
    local = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    composed = SERVICES["kafka"]["environment"]
    for key, value in local.items():
        if key not in BROKER_OWN:
            assert str(composed["KAFKA_" + key.upper().replace(".", "_")]) == value, key


def test_clients_are_told_an_address_they_can_reach() -> None:
    advertised = SERVICES["kafka"]["environment"]["KAFKA_ADVERTISED_LISTENERS"].split(",")
    assert advertised == ["PLAINTEXT://kafka:9092", "HOST://127.0.0.1:9092"]
    assert {SERVICES[name]["environment"]["SINGLE_WINDOW_KAFKA"] for name in OURS} == {"kafka:9092"}


@pytest.mark.parametrize("service", OURS)
def test_our_services_run_commands_that_exist(service: str) -> None:
    program, *arguments = SERVICES[service]["command"]
    assert program == "single-window"
    assert tuple(arguments) in commands()


def test_the_image_and_the_makefile_run_commands_that_exist() -> None:
    (image,) = re.findall(r"^CMD (.*)$", (ROOT / "deploy/Dockerfile").read_text(), re.MULTILINE)
    used = [tuple(yaml.safe_load(image)[1:])]
    used += [
        tuple(line.split()) for line in re.findall(r"\$\(BIN\)/single-window (.*)", (ROOT / "Makefile").read_text())
    ]
    assert used
    assert set(used) <= commands()


@pytest.mark.parametrize("service", OURS)
def test_our_services_set_settings_that_exist(service: str) -> None:
    from processor.settings import Settings  # noqa: PLC0415 (the settings pull in pydantic)

    environment = {key: str(value) for key, value in SERVICES[service]["environment"].items()}
    start = "SINGLE_WINDOW_"
    assert {key.removeprefix(start).lower() for key in environment if key.startswith(start)} <= set(
        Settings.model_fields
    )
    assert all(key.startswith(start) for key in environment)


def test_volumes_are_declared_and_mounted_directories_exist() -> None:
    for service in SERVICES.values():
        for volume in service.get("volumes", ()):
            source = volume.split(":")[0]
            assert (ROOT / source).is_dir() if source.startswith("./") else source in COMPOSE["volumes"], volume
        if "build" in service:
            assert (ROOT / service["build"]["dockerfile"]).is_file()


def test_the_worker_keeps_its_state_on_a_volume() -> None:
    worker = SERVICES["worker"]
    assert worker["volumes"] == [f"state:{worker['environment']['SINGLE_WINDOW_STATE_DIR']}"]


def test_prometheus_scrapes_the_worker_where_it_serves() -> None:
    prometheus = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text(encoding="utf-8"))
    (job,) = prometheus["scrape_configs"]
    environment = SERVICES["worker"]["environment"]
    assert job["static_configs"] == [{"targets": [f"worker:{environment['SINGLE_WINDOW_METRICS_PORT']}"]}]
    assert environment["SINGLE_WINDOW_METRICS_HOST"] == "0.0.0.0"


def mounted(service: str, path: str) -> Path:
    """Where a path within a service's container lies in this repository."""
    for volume in SERVICES[service]["volumes"]:
        source, target, *_ = volume.split(":")
        if source.startswith("./") and Path(path).is_relative_to(target):
            return ROOT / source / Path(path).relative_to(target)
    raise AssertionError(f"nothing is mounted at {path} of {service}")


def test_prometheus_finds_its_configuration_and_grafana_its_data_source_and_dashboard() -> None:
    assert mounted("prometheus", "/etc/prometheus/prometheus.yml").is_file()
    provisioning = mounted("grafana", "/etc/grafana/provisioning")
    (source,) = yaml.safe_load((provisioning / "datasources/prometheus.yml").read_text())["datasources"]
    assert source["url"] == "http://prometheus:9090"
    (provider,) = yaml.safe_load((provisioning / "dashboards/single-window.yml").read_text())["providers"]
    boards = [path.name for path in mounted("grafana", provider["options"]["path"]).iterdir()]
    assert boards == ["single-window.json"]
    home = SERVICES["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert mounted("grafana", home).is_file()
