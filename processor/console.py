"""What all commands share: where they write, how they tell of errors and of progress, and their settings."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import typer
from rich.console import Console
from rich.markup import escape

INPUT = "customs.declarations"

out = Console()
err = Console(stderr=True)


def tell(kind: str, said: object) -> None:
    """An error, on stderr; what is ``said`` is text, whatever it looks like."""
    err.print(f"[red]{kind}:[/] {escape(str(said))}", highlight=False)


@contextmanager
def plainly() -> Iterator[None]:
    """Errors a user can meet, as one line and exit status 1, without a traceback."""
    from aiokafka.errors import KafkaError

    from connectors.topic_io import TopicError
    from deploy.jars import LocalKafkaError
    from deploy.topics import ClusterUnreachableError, TopicMismatchError
    from processor.demo.run import DemoError

    known = (
        LocalKafkaError,
        TopicMismatchError,
        ClusterUnreachableError,
        TopicError,
        DemoError,
        KafkaError,
        ValueError,
    )
    try:
        yield
    except known as error:
        tell(type(error).__name__, error)
        raise typer.Exit(1) from None
    except OSError as error:
        if error.filename is None:
            raise
        tell(str(error.strerror), error.filename)
        raise typer.Exit(1) from None


def settings() -> Any:
    """Settings from the environment; all errors at once, exit status 2."""
    from processor.settings import WrongSettings, read

    try:
        return read()
    except WrongSettings as errors:
        err.print(f"[red]wrong settings:[/]\n{escape(str(errors))}", highlight=False)
        raise typer.Exit(2) from None


@contextmanager
def progress(what: str, quiet: bool = False) -> Iterator[Callable[[int, int | None], None]]:
    """A progress bar on stderr; call it with what is done and of how many."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    with Progress(*columns, console=err, disable=quiet, transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def tell_as_of(counter: str, as_of: Any) -> None:
    """As of which positions a counter is, on stderr."""
    positions = " ".join(map(str, as_of.positions))
    err.print(
        f"{counter} as of positions {positions}, {as_of.watermark:%Y-%m-%d %H:%M:%S} UTC, "
        f"generation {as_of.generation}",
        highlight=False,
        soft_wrap=True,
    )


def conclude(counter: str, found: Any, as_json: bool, show: Callable[[dict[str, Any]], object]) -> NoReturn:
    """Tell what was found out about a counter, as JSON or as ``show`` does; exit status 1 unless it agrees."""
    from connectors.export import text

    tell_as_of(counter, found.as_of)
    if as_json:
        typer.echo(json.dumps(found.as_dict(), default=text))
    else:
        show(found.as_dict())
    raise typer.Exit(0 if found.agrees else 1)


def quietly() -> None:
    """Let the client's own log be: an error ends the command and is told once."""
    logging.getLogger("aiokafka").addHandler(logging.NullHandler())
