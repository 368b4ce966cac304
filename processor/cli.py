"""The command line: `single-window`. Every command imports what it needs when it runs, so that --help is quick."""

from __future__ import annotations

import gc
import json
import logging
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn

import typer
from rich.console import Console
from rich.table import Table

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="The single window: checks each event of trade once, answers it, and counts it.",
)
kafka = typer.Typer(no_args_is_help=True, help="The local Kafka: one real broker on the loopback address.")
topics = typer.Typer(no_args_is_help=True, help="The topics of the platform.")
dead_letters = typer.Typer(no_args_is_help=True, help="Records that could not be taken as events.")
app.add_typer(kafka, name="kafka")
app.add_typer(topics, name="topics")
app.add_typer(dead_letters, name="dead-letters")

out = Console()
err = Console(stderr=True)

INPUT = "customs.declarations"


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
        err.print(f"[red]{type(error).__name__}:[/] {error}", highlight=False)
        raise typer.Exit(1) from None
    except FileNotFoundError as error:
        err.print(f"[red]no such file:[/] {error.filename}", highlight=False)
        raise typer.Exit(1) from None


def settings() -> Any:
    """Settings from the environment; all errors at once, exit status 2."""
    from processor.settings import WrongSettings, read

    try:
        return read()
    except WrongSettings as errors:
        err.print(f"[red]wrong settings:[/]\n{errors}", highlight=False)
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


@kafka.command("start")
def kafka_start(
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1.")] = 9092,
    heap_mb: Annotated[int, typer.Option(help="Java heap.")] = 512,
) -> None:
    """Start the broker, or say that it runs."""
    from deploy import local_kafka

    with plainly():
        broker = local_kafka.start(port=port, heap_mb=heap_mb)
        out.print(f"Kafka answers at {broker.bootstrap}, process {broker.pid}, data in {broker.home}", highlight=False)


@kafka.command("stop")
def kafka_stop() -> None:
    """Stop the broker; its data stays."""
    from deploy import local_kafka

    out.print("stopped" if local_kafka.stop() else "it did not run")


@kafka.command("status")
def kafka_status() -> None:
    """Whether the broker runs; exit status 3 if not."""
    from deploy import local_kafka

    broker = local_kafka.status()
    if broker is None:
        out.print("not running")
        raise typer.Exit(3)
    out.print(f"running at {broker.bootstrap}, process {broker.pid}", highlight=False)


@topics.command("create")
def topics_create() -> None:
    """Create the topics that are missing; refuse where one differs from schemas/topics.yaml."""
    from deploy import topics as deployed

    wanted = settings()
    with plainly():
        created = deployed.create(wanted.kafka, wanted.topic_prefix)
    out.print("\n".join(f"created {name}" for name in created) or "nothing to create", highlight=False)


@topics.command("describe")
def topics_describe() -> None:
    """Show topics, partitions, end offsets and policies."""
    from deploy import topics as deployed

    wanted = settings()
    with plainly():
        described = deployed.describe(wanted.kafka, wanted.topic_prefix)
    table = Table("topic", "partitions", "end offsets", "config")
    for topic in described:
        config = ", ".join(f"{key}={value}" for key, value in topic["config"].items())
        table.add_row(topic["name"], str(topic["partitions"]), str(topic["end_offsets"]), config)
    out.print(table)


@app.command()
def worker() -> None:
    """Run one worker until SIGTERM."""
    wanted = settings()
    from processor import logs
    from processor.app import work

    logs.configure(wanted.log_level)
    raise typer.Exit(work(wanted))


@app.command()
def publish(
    file: Annotated[Path, typer.Argument(help="JSON lines, Avro container or CSV; .gz too.")],
    mapping: Annotated[str | None, typer.Option(help="How a CSV's columns become fields; a name or a file.")] = None,
    record: Annotated[str | None, typer.Option(help="Record of JSON lines that do not name theirs.")] = None,
    topic: Annotated[str, typer.Option(help="Without prefix.")] = INPUT,
) -> None:
    """Publish a file's rows as events. Rows that cannot become one are told with their line; exit status 1."""
    from connectors import mapping as mappings
    from connectors import publish as publisher

    wanted = settings()
    with plainly(), progress("publishing") as bar:
        result = publisher.publish(
            file,
            bootstrap=wanted.kafka,
            topic=wanted.topic_prefix + topic,
            mapping=None if mapping is None else mappings.find(mapping),
            record=record,
            on_progress=lambda _, sent: bar(sent, None),
        )
    out.print(f"{result.read} rows read, {result.sent} events sent, {result.refused} rows refused", highlight=False)
    for line, reason in result.refused_rows:
        err.print(f"line {line}: {reason}", highlight=False)
    raise typer.Exit(1 if result.refused else 0)


@app.command()
def subscribe(
    counter: Annotated[str, typer.Argument(help="Its name, such as trade; an unknown one names all there are.")],
    snapshot: Annotated[bool, typer.Option("--snapshot", help="The table as it stands: the default.")] = False,
    follow: Annotated[bool, typer.Option("--follow", help="Changes until interrupted; --snapshot: after it.")] = False,
    form: Annotated[
        Literal["jsonl", "csv", "parquet"], typer.Option("--format", help="How rows are written.")
    ] = "jsonl",
    output: Annotated[
        Path | None, typer.Option(help="A file instead of stdout. Without --follow it appears whole or not at all.")
    ] = None,
) -> None:
    """Read a counter: its rows, their changes, and as of which positions of the input they stand.

    Money is a decimal ("12.34"), masses are grams, moments UTC. A row that is not there is zero. Rows are written as
    they are published: those of enterprises come in slices, to be added up over `slice`.

    With --follow, `change` is put or delete (the window has expired, or a newer generation does not have it), and
    `old_revision` that of the row before it. Parquet needs --output and is for snapshots.

    As of which positions, per partition of the input: on stderr; in JSON lines as {"as_of": ...} after the rows it is
    about, in Parquet as metadata single_window.as_of. Rows include every event before these positions, perhaps more.
    """
    from connectors.client import Subscription
    from connectors.counters import counter as named
    from connectors.export import export

    if not follow:  # a follower waits, and says for what
        quietly()
    wanted = settings()
    with plainly():
        chosen = named(counter)
        try:
            with Subscription(chosen, wanted.kafka, wanted.topic_prefix) as subscription:
                export(
                    subscription,
                    sys.stdout,
                    lambda as_of: tell_as_of(counter, as_of),
                    form=form,
                    output=output,
                    snapshot=snapshot or not follow,
                    follow=follow,
                )
        except KeyboardInterrupt:
            raise typer.Exit(0) from None


@app.command()
def reconcile(
    sender: Annotated[str, typer.Argument(help="Its sender id.")],
    day: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="Of sent_at, in Asia/Shanghai.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Hold what a sender's control record declares against what was received of it: exit status 1 if they differ.

    By step of the lifecycle: events, their hash total (item totals, whatever the currencies) and net mass. SEQUENCES:
    the numbers a sender gives its events; what is missing has not come, or not yet: see as of which positions.
    """
    from connectors import reconcile as control
    from connectors.client import Subscription
    from connectors.counters import SENDER_CONTROL

    quietly()
    wanted = settings()
    with plainly(), Subscription(SENDER_CONTROL, wanted.kafka, wanted.topic_prefix) as subscription:
        found = control.reconcile(subscription.snapshot(), sender, day.date())
    conclude(
        SENDER_CONTROL.name,
        found,
        as_json,
        lambda said: out.print(*_reconciled(said), sep="\n", markup=False, highlight=False),
    )


def _reconciled(found: dict[str, Any]) -> list[Table | str]:
    """A reconciliation for people: what it comes to, and the figures if there are any."""
    table = Table("step", "figure", "received", "declared", "difference")
    for step in found["steps"]:
        for figure in ("events", "value", "net_mass"):
            numbers = step[figure].values()
            if any(numbers):
                table.add_row(step["step"], figure.replace("_", " "), *(f"{number:,}" for number in numbers))
    whose = f"{found['sender']}, {found['day']}"
    if not found["steps"]:
        return [f"{whose}: nothing received, nothing declared"]
    said = [f"{found[what]:,} sequence numbers {what}" for what in ("missing", "surplus") if found[what]]
    return [table, "; ".join([f"{whose}: {'as declared' if found['agrees'] else 'not as declared'}", *said])]


@app.command()
def explain(
    counter: Annotated[str, typer.Argument(help="Its name, such as trade; an unknown one names all there are.")],
    dimensions: Annotated[list[str], typer.Argument(metavar="DIMENSION=VALUE...", help="Each of its dimensions.")],
    window: Annotated[Literal["DAY", "MONTH", "YEAR", "ALL_TIME"], typer.Option(help="Kind of window.")],
    start: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The window's first day, in its own time zone.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """List the contributions a total is made of, and hold their sum against it: exit status 1 if they differ.

    A contribution is a declaration that was counted (+1) or taken away again (-1), the local minute it belongs to, and
    what it added to each measure: money as a decimal, masses in grams. Of enterprises, traders are not named: the sum
    is the number of different ones with more + than -.

    The whole log is folded again for it, up to the positions told on stderr: as long as a new worker would take, with
    the rows of one partition in memory. While more is being counted, a total may be ahead of them: ask again.
    """
    from functools import partial

    from connectors.client import Subscription
    from processor import explain as explaining
    from processor.refold import read

    quietly()
    wanted = settings()
    with plainly():
        asked = explaining.ask(counter, dimensions, window, start and start.date())
        with Subscription(asked.published, wanted.kafka, wanted.topic_prefix) as subscription:
            taken = subscription.snapshot()
        log = partial(read, wanted.kafka, wanted.topic_prefix + INPUT)
        with progress("folding") as bar:
            found = explaining.explain(asked, taken, log, bar)
    conclude(counter, found, as_json, lambda said: typer.echo("\n".join(_explained(said))))


def _explained(found: dict[str, Any]) -> Iterator[str]:
    """An explanation for people: contributions, what they come to, and what is published; by lines, there are many."""

    def figures(of: dict[str, Any]) -> list[str]:
        return [f"{of[name]:,}" if name in of else "" for name in found["sum"]]

    rows = [["number", "sign", "minute", *found["sum"]]]
    rows += [[one["number"], f"{one['sign']:+}", one["minute"], *figures(one)] for one in found["contributions"]]
    rows += [[name, "", "", *figures(found[name])] for name in ("sum", "published")]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for first, *others in rows:
        right = (cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True))
        yield "  ".join([first.ljust(widths[0]), *right])
    yield f"{len(found['contributions']):,} contributions: {'as published' if found['agrees'] else 'not as published'}"


@app.command()
def differences(
    limit: Annotated[int, typer.Option(min=0, help="Events told one by one, at most.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """List what this program would answer otherwise than was answered: exit status 1 if anything.

    The log is folded again for it, in memory and in silence, with the rules, tables and schemas of this program; what
    it makes of each event is held against the receipts. To be run before a new generation takes over.
    """
    from connectors.topic_io import end_offsets
    from processor import differences as differing
    from processor import reference
    from processor.refold import read

    quietly()
    wanted = settings()

    def log(topic: str, partition: int, end: int) -> Iterator[Any]:
        return read(wanted.kafka, wanted.topic_prefix + topic, partition, end)

    with plainly():
        answers = differing.Answers(reference.load())
        ends = end_offsets(wanted.kafka, wanted.topic_prefix + answers.flow.receipts)
        with progress("folding") as bar:
            found = answers.differences([end for _, end in sorted(ends.items())], log, bar)
    if as_json:
        typer.echo(json.dumps(found.as_dict(limit)))
    else:
        for part in _differing(found.as_dict(limit)):
            out.print(part, markup=False, highlight=False)
    raise typer.Exit(1 if len(found.found) else 0)


def _differing(found: dict[str, Any]) -> list[Table | str]:
    """Differences for people: by kind, then the first of them."""
    kinds, events = Table("events", "was", "rules", "now", "rules"), Table("event", "number", "was", "now")
    for kind in found["kinds"]:
        kinds.add_row(f"{kind['events']:,}", kind["was"], kind["was_rules"], kind["now"], kind["now_rules"])
    for one in found["events"]:
        events.add_row(f"{one['partition']}/{one['offset']}", one["number"], one["was"], one["now"])
    said = f"{found['differ']:,} of {found['compared']:,} answers would differ"
    return [kinds, events, said] if found["differ"] else [said]


@dead_letters.command("list")
def dead_letters_list(limit: Annotated[int, typer.Option(help="At most.")] = 100) -> None:
    """Show dead letters, oldest first; never their payloads."""
    from connectors import dead_letters as letters

    wanted = settings()
    with plainly():
        found = letters.list_(wanted.kafka, wanted.topic_prefix, limit)
    table = Table("dead letter", "reason", "record", "bytes", "message")
    for letter in found:
        source = f"{letter.source_partition}/{letter.source_offset}"
        table.add_row(f"{letter.partition}/{letter.offset}", letter.reason, source, str(letter.size), letter.message)
    out.print(table)


@dead_letters.command("replay")
def dead_letters_replay(
    reason: Annotated[str | None, typer.Option(help="Only these.")] = None,
    limit: Annotated[int | None, typer.Option(help="At most.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Those replayed before, too.")] = False,
) -> None:
    """Send dead letters' bytes to the input topic again, each once."""
    from connectors import dead_letters as letters

    wanted = settings()
    with plainly():
        sent = letters.replay(wanted.kafka, wanted.topic_prefix, reason=reason, limit=limit, everything=everything)
    out.print(f"{sent} sent again", highlight=False)


@app.command()
def simulate(
    rate: Annotated[float, typer.Option(min=0.1, help="Events a second.")] = 100.0,
    events: Annotated[int, typer.Option(min=0, help="0: until interrupted.")] = 0,
    seed: Annotated[int, typer.Option(min=0)] = 1,
    errors: Annotated[float, typer.Option(min=0, max=0.3, help="Share that breaks a rule.")] = 0.02,
    duplicates: Annotated[float, typer.Option(min=0, max=0.3)] = 0.01,
    late: Annotated[float, typer.Option(min=0, max=0.3)] = 0.01,
    amend: Annotated[float, typer.Option(min=0, max=0.3)] = 0.03,
    cancel: Annotated[float, typer.Option(min=0, max=0.3)] = 0.02,
) -> None:
    """Publish simulated traffic, all of it marked synthetic; a declaration's steps are compressed to seconds."""
    from connectors.simulator.send import publish as send
    from connectors.simulator.traffic import Plan, live

    wanted = settings()
    plan = Plan(events, seed, errors=errors, duplicates=duplicates, late=late, amend=amend, cancel=cancel)
    traffic = live(plan, lambda: int(datetime.now(UTC).timestamp() * 1000))
    with plainly(), progress("simulating") as bar:
        try:
            sent = send(
                traffic,
                wanted.kafka,
                wanted.topic_prefix + INPUT,
                rate=rate,
                on_progress=lambda done: bar(done, events or None),
            )
        except KeyboardInterrupt:
            raise typer.Exit(0) from None
    out.print(f"{sent} events sent", highlight=False)


@app.command()
def demo(
    events: Annotated[int, typer.Option(min=100, help="Events of the backlog.")] = 20_000,
    seed: Annotated[int, typer.Option(min=0)] = 1,
    once: Annotated[bool, typer.Option(help="Compare every figure with the ledger, then stop.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    rate: Annotated[float, typer.Option(min=1, help="Events a second after the backlog, without --once.")] = 200.0,
) -> None:
    """Watch traffic go through a real Kafka into counters; with --once, prove them right: exit status 0 if all are."""
    from processor.demo import live, run

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)  # whoever ends us, the worker goes with us
    gc.disable()  # the ledger holds millions of objects and makes no cycles
    cluster = os.environ.get("SINGLE_WINDOW_KAFKA")
    with plainly():
        if not once:
            live.show(events, seed, cluster, rate, out)
            return
        with progress("starting", quiet=as_json) as bar:
            report, result = run.once(events, seed, cluster, lambda _, done, total: bar(done, total))
    if as_json:
        typer.echo(json.dumps(report.as_dict()))
    else:
        table = Table("what", "figure")
        for name, figure in report.as_dict().items():
            table.add_row(name.replace("_", " "), f"{figure:,}")
        out.print(table)
    for where, expected, found in result.examples:
        err.print(f"{where}: the ledger says {expected}, found {found}", highlight=False)
    raise typer.Exit(1 if result.mismatches else 0)
