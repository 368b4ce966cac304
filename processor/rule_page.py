"""The page of the rules, made of their table: ``python -m processor.rule_page`` writes ``docs/rules.md``."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import schemas
from processor import reference
from processor.engine.receipts import LIFECYCLE_FINDINGS
from processor.engine.rules import ERROR, Rule
from processor.flows.declarations.rules import rules
from processor.flows.declarations.rules.vocabulary import CN

WRITTEN = Path(__file__).parents[1] / "docs" / "rules.md"
EXAMPLES = "../schemas/examples/rules"
RECORDS = {"status": "DeclarationStatus", "control": "ControlRecord", "count": "ControlRecord"}
"""Records by the frame a rule is evaluated on; of any other frame: CustomsDeclaration."""

HEAD = """# Rules

Every event is judged by these rules as it comes, one at a time; what they find is told in its receipt, in this order.
An **error** refuses the event. A **warning** is told and changes nothing: what no source confirms only warns. Made from
the rule table by `python -m processor.rule_page`. GAC is the General Administration of Customs of China.

Fields are those of CustomsDeclaration unless another record is named; `{place}` is the place of a part in its record,
from 1. Scope is the jurisdiction a rule is limited to. An example is a valid message of `schemas/examples`, and what is
changed in it to break this rule and no other.
"""
COLUMNS = ("field", "scope", "severity", "wrong when", "错误", "right", "source")
LIFECYCLE = """
Told by the lifecycle (`processor/flows/declarations/lifecycle.py`), which knows what came before.

"""


def page() -> str:
    """The page, as text."""
    parts = [HEAD]
    for number, some in groupby(rules(reference.load()), key=lambda rule: rule.id):
        parts.append(f"\n## {number}\n\n" + _table(COLUMNS, (_cells(rule) for rule in some)))
        parts.append("\n" + "Examples: " + ", ".join(_examples(number)) + "\n")
    parts.append("\n## E03, E05\n" + LIFECYCLE)
    told = sorted(LIFECYCLE_FINDINGS.values())
    lines = ((number, ERROR, text, text_zh, right) for number, _, text, text_zh, right in told)
    parts.append(_table(("rule", "severity", "wrong when", "错误", "right"), lines))
    return "".join(parts)


def _cells(rule: Rule) -> tuple[str, ...]:
    record = RECORDS.get(rule.on, "")
    told = (rule.severity, rule.text, rule.text_zh, rule.expected, rule.source)
    return f"{record} `{rule.pointer}`".strip(), _scope(rule), *told


def _scope(rule: Rule) -> str:
    if rule.applies is None or "jurisdiction" not in rule.applies.meta.root_names():
        return ""
    return "not CN" if rule.applies.meta.eq(~CN) else "CN"


def _table(head: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> str:
    lines = (head, ("---",) * len(head), *rows)
    return "".join("| " + " | ".join(cells) + " |\n" for cells in lines)


def _examples(number: str) -> Iterator[str]:
    for path in sorted((schemas.EXAMPLES / "rules").glob(f"{number}-*.json")):
        yield f"[{path.stem.partition('-')[2].replace('-', ' ')}]({EXAMPLES}/{path.name})"


if __name__ == "__main__":
    WRITTEN.write_text(page(), encoding="utf-8")
