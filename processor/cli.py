"""The command line: `single-window`."""

from __future__ import annotations

import sys

import typer

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


@app.command()
def worker() -> None:
    """Run one worker until SIGTERM."""
    from processor import logs, settings

    try:
        wanted = settings.read()
    except settings.WrongSettings as errors:
        sys.stderr.write(f"wrong settings:\n{errors}\n")
        raise typer.Exit(2) from None
    logs.configure(wanted.log_level)
    from processor.app import work

    raise typer.Exit(work(wanted))


@app.callback()
def main() -> None:
    """Single window."""
