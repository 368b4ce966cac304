"""Commands that look into what was counted: read it, reconcile it, explain it, and see what would be answered anew."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.table import Table

from processor.console import INPUT, conclude, out, plainly, progress, quietly, settings, tell_as_of

app = typer.Typer()


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
