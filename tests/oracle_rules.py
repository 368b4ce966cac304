"""The rules as the oracle reads them: one small function a rule, one record at a time, no columns.

Every function yields the pointers of what is wrong, in the order of the rule's text and, within that, of the items.
Coded fields are in oracle_codes.py, ranges in oracle_limits.py.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Context, Decimal, localcontext
from typing import Any

from stdnum import iso6346
from stdnum.cn import uscc

from tests.oracle_codes import d05, d05_unverified
from tests.oracle_limits import outside, s01_control, s01_declaration, s01_status
from tests.oracle_reference import Reference, date_of

Finding = tuple[str, str, str]
"""(rule, severity, pointer)."""

Fields = dict[str, Any]

FUTURE_GRACE_MS = 15 * 60_000
STEPS = {"LODGED", "AMENDED", "ACCEPTED", "INSPECTED", "RELEASED", "CLEARED", "REJECTED", "CANCELLED"}
CHARGES = ("freight", "insurance", "other_charges")
NEEDED_CHARGES = {
    ("IMPORT", "2"): ("insurance",),
    ("IMPORT", "3"): ("freight", "insurance"),
    ("IMPORT", "4"): ("freight",),
    ("IMPORT", "7"): ("freight", "insurance"),
    ("EXPORT", "1"): ("freight", "insurance"),
    ("EXPORT", "2"): ("freight",),
    ("EXPORT", "4"): ("insurance",),
    ("EXPORT", "7"): ("freight",),
}
"""Charges that must be declared, by flow and terms: what the other side pays is not in the price."""

UNMANAGED_REGIMES = {"0110": "101", "3339": "101", "1300": "299", "1427": "299", "4561": "299"}
MANUAL_LETTERS = {"0214": "BE", "0255": "BE", "0615": "CE", "0654": "CE", "5014": "H"}
BULK, BARE = "00", "01"
_EXACT = Context(prec=100)


def year_of(days: int) -> int:
    """Gregorian year of a date given in days since 1970-01-01, for any number of days (the era is 400 years)."""
    era, day_of_era = divmod(days + 719_468, 146_097)
    year_of_era = (day_of_era - day_of_era // 1_460 + day_of_era // 36_524 - day_of_era // 146_096) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    return era * 400 + year_of_era + (day_of_year >= 306)  # these years begin on 1 March


def d01(d: Fields, _: Reference) -> Iterator[str]:
    number, office = d["declaration_number"], d["declaration_office"]
    if not (
        re.fullmatch("[0-9]{18}", number)
        and number[:4] == office
        and int(number[4:8]) == year_of(d["declaration_date"])
    ):
        yield "/declaration_number"


def d01_unknown(d: Fields, reference: Reference) -> Iterator[str]:
    if re.fullmatch("[0-9]{4}", d["declaration_office"]) and d["declaration_office"] not in reference.offices:
        yield "/declaration_office"


def d02(d: Fields, _: Reference) -> Iterator[str]:
    number = d["declaration_number"]
    if len(number) >= 9 and number[8] != {"IMPORT": "1", "EXPORT": "0"}[d["flow"]]:
        yield "/declaration_number"


def d03(d: Fields, _: Reference) -> Iterator[str]:
    for name in ("declarant_id", "trader_id", "owner_id"):
        code = d[name]
        if code is None or (name == "owner_id" and code == "NO"):
            continue
        form = re.fullmatch("[0-9A-HJ-NP-RTUWXY]{2}[0-9]{6}[0-9A-HJ-NP-RTUWXY]{10}", code)
        if not (form and uscc.calc_check_digit(code[:17]) == code[17]):
            yield f"/{name}"


def d04(d: Fields, _: Reference) -> Iterator[str]:
    if d["trader_code"] is not None and not re.fullmatch("[0-9]{4}[0-9A-Z]{6}", d["trader_code"]):
        yield "/trader_code"


def d06(d: Fields, _: Reference) -> Iterator[str]:
    gross, net = d["gross_mass"], d["net_mass"]
    known = [mass for mass in (gross, net) if mass is not None]
    if any(mass < 1000 for mass in known) or (len(known) == 2 and net > gross):
        yield "/net_mass"


def d07(d: Fields, _: Reference) -> Iterator[str]:
    packages = d["packages"]
    if packages is not None and (packages < 1 or (d["package_kind"] in {BULK, BARE} and packages != 1)):
        yield "/packages"


def d08(d: Fields, _: Reference) -> Iterator[str]:
    yield from _undeclared(d, "IMPORT")


def d09(d: Fields, _: Reference) -> Iterator[str]:
    yield from _undeclared(d, "EXPORT")


def _undeclared(d: Fields, flow: str) -> Iterator[str]:
    if d["flow"] == flow:
        needed = NEEDED_CHARGES.get((flow, d["trade_terms"]), ())
        yield from (f"/{name}_mark" for name in needed if d[f"{name}_mark"] is None)


def d10(d: Fields, _: Reference) -> Iterator[str]:
    for name in CHARGES:
        mark, amount, currency = d[f"{name}_mark"], d[name], d[f"{name}_currency"]
        by_money = mark == "3" or (mark == "2" and name == "freight")
        if (mark == "1" or by_money) and amount is None:
            yield f"/{name}"
        if by_money and currency is None:
            yield f"/{name}_currency"
    if d["freight_mark"] == "2" and d["gross_mass"] is None:
        yield "/gross_mass"


def d11(d: Fields, _: Reference) -> Iterator[str]:
    for name in CHARGES:
        amount = d[name]
        if d[f"{name}_mark"] == "1" and amount is not None:
            size = abs(amount) if name == "other_charges" else amount
            if outside(size, 1, 990_000):
                yield f"/{name}"


def d11_usual(d: Fields, _: Reference) -> Iterator[str]:
    if d["insurance_mark"] == "1" and d["insurance"] is not None and d["insurance"] != 3000:
        yield "/insurance"


def d12(d: Fields, _: Reference) -> Iterator[str]:
    if d["transport_mode"] == "2":
        yield from (f"/{name}" for name in ("conveyance", "voyage", "transport_document") if not d[name])


def d13(d: Fields, _: Reference) -> Iterator[str]:
    regime = UNMANAGED_REGIMES.get(d["procedure"])
    if d["manual"] is None and regime is not None and d["duty_regime"] != regime:
        yield "/duty_regime"


def d14(d: Fields, _: Reference) -> Iterator[str]:
    if d["flow"] == "EXPORT" and d["procedure"] in {"0654", "0657", "1427"}:
        destinations = {item["destination_country"] for item in d["items"]}
        if d["trade_country"] != "CN" or destinations - {None, "CN"}:
            yield "/trade_country"


def d15(d: Fields, _: Reference) -> Iterator[str]:
    letters = MANUAL_LETTERS.get(d["procedure"])
    if letters and d["manual"] is not None and d["manual"][:1] not in [*letters]:
        yield "/manual"


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


def d19(d: Fields, _: Reference) -> Iterator[str]:
    if d["gross_mass"] is not None and sum(house["gross_mass"] for house in d["house_documents"]) > d["gross_mass"]:
        yield "/gross_mass"


def d20(d: Fields, _: Reference) -> Iterator[str]:
    if d["flow"] == "EXPORT" and d["procedure"] == "0214" and not d["remark"]:
        yield "/remark"


def d21(d: Fields, reference: Reference) -> Iterator[str]:
    imported = d["flow"] == "IMPORT"
    concerned = {
        "9": imported,
        "8": not imported,
        "6": imported and d["used_goods"],
        "A": imported and not d["permits"],
    }
    for place, item in enumerate(d["items"], 1):
        flags = reference.conditions_of(d["flow"], item["commodity_code"])
        yield from (f"/items/{place}/commodity_code" for flag in flags if concerned.get(flag))


def c01(d: Fields, _: Reference) -> Iterator[str]:
    for place, container in enumerate(d["containers"], 1):
        number = container["number"]
        if not (re.fullmatch("[A-Z]{3}[UJZR][0-9]{7}", number) and iso6346.is_valid(number)):
            yield f"/containers/{place}/number"


def c02(d: Fields, _: Reference) -> Iterator[str]:
    if d["containerised"] != bool(d["containers"]):
        yield "/containers"


def c03(d: Fields, _: Reference) -> Iterator[str]:
    for place, container in enumerate(d["containers"], 1):
        count, seals = container["seal_count"], container["seals"]
        if (count is not None and count != len(seals)) or len(set(seals)) < len(seals) or "" in seals:
            yield f"/containers/{place}/seals"


def e01(d: Fields, _: Reference) -> Iterator[str]:
    expected = d["estimated_arrival"]
    if d["status"] == "RELEASED" and expected is not None and expected <= d["event_time"]:
        yield "/estimated_arrival"


def k01(d: Fields, _: Reference) -> Iterator[str]:
    day, steps = date_of(d["date"]), [count["step"] for count in d["counts"]]
    if not day or d["control_number"] != f"{d['sender_id']}/{day.isoformat()}":
        yield "/control_number"
    if not 0 <= d["first_sequence"] <= d["last_sequence"]:
        yield "/last_sequence"
    for place, step in enumerate(steps, 1):
        if step not in STEPS or step in steps[: place - 1]:
            yield f"/counts/{place}/step"


def w02(d: Fields, _: Reference) -> Iterator[str]:
    if d["transport_mode"] == "3" and not re.fullmatch("X[89][0-9]{3}", d["conveyance"] or ""):
        yield "/conveyance"


@dataclass(frozen=True)
class Rule:
    """`only` names the jurisdiction a rule is limited to; None: it holds everywhere."""

    id: str
    wrong: Callable[[Fields, Reference], Iterator[str]]
    only: str | None = None
    severity: str = "ERROR"


RULES: dict[str, tuple[Rule, ...]] = {
    "CustomsDeclaration": (
        *(Rule(f"D0{n}", wrong, only="CN") for n, wrong in enumerate((d01, d02, d03, d04), 1)),
        Rule("D01", d01_unknown, only="CN", severity="WARNING"),
        Rule("D05", d05),
        Rule("D05", d05_unverified, only="CN", severity="WARNING"),
        *(Rule(f"D{n:02}", wrong, only="CN") for n, wrong in enumerate((d06, d07, d08, d09, d10, d11), 6)),
        Rule("D11", d11_usual, only="CN", severity="WARNING"),
        Rule("D12", d12, only="CN"),
        Rule("D13", d13, only="CN", severity="WARNING"),
        Rule("D14", d14, only="CN"),
        Rule("D15", d15, only="CN", severity="WARNING"),
        Rule("D16", d16),
        Rule("D17", d17),
        Rule("D18", d18),
        Rule("D19", d19, only="CN"),
        Rule("D20", d20, only="CN"),
        Rule("D21", d21, only="CN", severity="WARNING"),
        Rule("C01", c01),
        Rule("C02", c02),
        Rule("C03", c03),
        Rule("S01", s01_declaration),
    ),
    "DeclarationStatus": (Rule("E01", e01), Rule("S01", s01_status)),
    "ControlRecord": (Rule("K01", k01), Rule("S01", s01_control)),
}
LATE_RULES = {"CustomsDeclaration": (Rule("W02", w02, only="CN", severity="WARNING"),)}


def judge(name: str, fields: Fields, appended_at: int, reference: Reference) -> list[Finding]:
    """All findings of one record, in the order of the rule table. Lifecycle findings are not among them."""
    findings = _findings(RULES[name], fields, reference)
    if fields["event_time"] > appended_at + FUTURE_GRACE_MS:
        findings.append(("W01", "WARNING", "/event_time"))
    return findings + _findings(LATE_RULES.get(name, ()), fields, reference)


def _findings(rules: tuple[Rule, ...], fields: Fields, reference: Reference) -> list[Finding]:
    return [
        (rule.id, rule.severity, pointer)
        for rule in rules
        if rule.only is None or rule.only == fields["jurisdiction"]
        for pointer in rule.wrong(fields, reference)
        if not re.match("/[a-z_]+/[0-9]{4}", pointer)  # parts beyond the 999th are not looked at one by one
    ]
