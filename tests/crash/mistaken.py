"""The program with a mistake in its rules: it forgets one, and has one too many. `python -m tests.crash.mistaken`."""

from dataclasses import replace

import polars as pl

from processor.cli import app
from processor.engine.flow import Flow
from processor.engine.rules import Rule
from processor.flows import declarations
from processor.reference import Reference

FORGOTTEN = ("D05", "/transport_mode")
INVENTED = Rule(
    id="D99",
    on="declaration",
    pointer="/transport_mode",
    text="no goods by water",
    text_zh="不得水运",
    holds=pl.col("transport_mode") != "2",
    source="a mistake",
)

_right = declarations.flow


def mistaken(reference: Reference) -> Flow:
    flow = _right(reference)
    return replace(flow, rules=(*(rule for rule in flow.rules if (rule.id, rule.pointer) != FORGOTTEN), INVENTED))


if __name__ == "__main__":
    declarations.flow = mistaken
    app()
