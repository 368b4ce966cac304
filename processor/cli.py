"""The command line: `single-window`. Every command imports what it needs when it runs, so that --help is quick."""

from __future__ import annotations

import gc
import json
import os
import signal
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from processor import looks
from processor.console import INPUT, err, out, plainly, progress, settings

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="The single window: checks each event of trade once, answers it, and counts it.",
)
kafka = typer.Typer(no_args_is_help=True, help="The local Kafka: one real broker on the loopback address.")
topics = typer.Typer(no_args_is_help=True, help="The topics of the platform.")
dead_letters = typer.Typer(no_args_is_help=True, help="Records that could not be taken as events.")
app.add_typer(looks.app)
app.add_typer(kafka, name="kafka")
app.add_typer(topics, name="topics")
app.add_typer(dead_letters, name="dead-letters")


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
        err.print(f"line {line}: {reason}", markup=False, highlight=False)
    raise typer.Exit(1 if result.refused else 0)


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
        table.add_row(
            f"{letter.partition}/{letter.offset}", letter.reason, source, str(letter.size), Text(letter.message)
        )
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
