"""Settings come from the environment, and whatever is wrong with them is told at once."""

from pathlib import Path

import pytest

from processor.settings import Settings, WrongSettings, read


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"SINGLE_WINDOW_{name.upper()}", raising=False)


def test_nothing_need_be_set() -> None:
    settings = read()
    assert settings.kafka == "127.0.0.1:9092"
    assert settings.topic_prefix == ""
    assert settings.group_id == "single-window-g1"
    assert settings.state_dir == Path(".local/state")
    assert settings.metrics_host == "127.0.0.1"
    assert settings.crash_at == ""


def test_every_setting_says_what_it_is_unless_its_name_does() -> None:
    for name, field in Settings.model_fields.items():
        assert field.description or name == "log_level"


def test_the_environment_says_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SINGLE_WINDOW_KAFKA", "a.example:9092, 127.0.0.1:9093")
    monkeypatch.setenv("SINGLE_WINDOW_TOPIC_PREFIX", "test.")
    monkeypatch.setenv("SINGLE_WINDOW_GENERATION", "3")
    monkeypatch.setenv("SINGLE_WINDOW_STATE_DIR", "/somewhere")
    monkeypatch.setenv("SINGLE_WINDOW_UNKNOWN", "ignored")
    settings = read()
    assert settings.kafka == "a.example:9092, 127.0.0.1:9093"
    assert settings.group_id == "test.single-window-g3", "another generation is another consumer group"
    assert settings.state_dir == Path("/somewhere")


def test_all_errors_are_told_at_once_one_a_line_with_what_was_given(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = {
        "KAFKA": "somewhere",
        "TOPIC_PREFIX": "a b",
        "GENERATION": "2",
        "REPLACES": "2",
        "METRICS_PORT": "70000",
        "PUBLISH_SECONDS": "soon",
        "LOG_LEVEL": "loud",
    }
    for name, value in wrong.items():
        monkeypatch.setenv(f"SINGLE_WINDOW_{name}", value)
    with pytest.raises(WrongSettings) as told:
        read()
    lines = str(told.value).splitlines()
    del wrong["GENERATION"]  # it is not wrong by itself
    assert [line.partition(": ")[0] for line in lines] == [f"SINGLE_WINDOW_{name}" for name in wrong]
    for line, value in zip(lines, wrong.values(), strict=True):
        assert f"(got {value!r})" in line


@pytest.mark.parametrize("server", ["", "host", ":9092", "host:", "host:0", "host:65536", "a:1,b", "a:1,,b:2", "a:x"])
def test_a_bootstrap_server_is_a_host_and_a_port(monkeypatch: pytest.MonkeyPatch, server: str) -> None:
    monkeypatch.setenv("SINGLE_WINDOW_KAFKA", server)
    with pytest.raises(WrongSettings, match=r"^SINGLE_WINDOW_KAFKA: .*is not host:port"):
        read()


def test_a_generation_replaces_the_one_before_unless_another_one_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (read().generation_before, read().group_before) == (0, "")
    monkeypatch.setenv("SINGLE_WINDOW_GENERATION", "3")
    assert read().group_before == "single-window-g2"
    monkeypatch.setenv("SINGLE_WINDOW_REPLACES", "1")
    assert read().group_before == "single-window-g1"
    monkeypatch.setenv("SINGLE_WINDOW_REPLACES", "3")
    with pytest.raises(WrongSettings, match="can only replace one before it"):
        read()


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("SNAPSHOTS", "bogus://bucket/path", "Unable to recognise URL"),
        ("SNAPSHOT_SECONDS", "0", "greater than or equal to 1"),
        ("INSTANCE", "worker 0", "should match pattern"),
    ],
)
def test_a_place_or_a_name_that_cannot_be_is_told_before_anything_starts(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    monkeypatch.setenv(f"SINGLE_WINDOW_{name}", value)
    with pytest.raises(WrongSettings, match=f"SINGLE_WINDOW_{name}: .*{said}"):
        read()
