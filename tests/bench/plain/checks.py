"""The rules, quickly: what is right is seen to be right at once; only what is not is looked at field by field.

Values that come again (codes, numbers of traders) are judged once and remembered.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from stdnum.cn import uscc

from tests import oracle_rules as slow
from tests.bench.plain.worth import Worth
from tests.oracle_codes import CODED, CODED_IN_CHINA, d05
from tests.oracle_limits import MASS, MONEY, PARTS, QUANTITY, SEALS, TEXT, WORTH, s01_control, s01_declaration
from tests.oracle_limits import s01_status as limits_of_status
from tests.oracle_reference import shipped
from tests.oracle_windows import FIRST_MOMENT, LAST_MOMENT

Fields = dict[str, Any]
Finding = tuple[str, str, str]
ERROR, WARNING = "ERROR", "WARNING"
REFERENCE = shipped()
REMEMBERED = 200_000

_number = re.compile("[0-9]{18}").fullmatch
_trader_code = re.compile("[0-9]{4}[0-9A-Z]{6}").fullmatch
_credit_code = re.compile("[0-9A-HJ-NP-RTUWXY]{2}[0-9]{6}[0-9A-HJ-NP-RTUWXY]{10}").fullmatch
_of_a_crowd = re.compile("/[a-z_]+/[0-9]{4}").match
_reference = re.compile("[0-9A-Z]{18}").fullmatch
_container = re.compile("[A-Z]{3}[UJZR][0-9]{7}").fullmatch
_train = re.compile("X[89][0-9]{3}").fullmatch
_text_32, _text_64 = re.compile("[ -~]{1,32}").fullmatch, re.compile("[ -~]{1,64}").fullmatch
_office = re.compile("[0-9A-Z]{1,8}").fullmatch


class Known(dict[Any, Any]):
    """What a value comes to, worked out when it is first met."""

    def __init__(self, of: Callable[[Any], Any]) -> None:
        super().__init__()
        self.of = of

    def __missing__(self, value: Any) -> Any:
        if len(self) >= REMEMBERED:
            self.clear()
        found = self[value] = self.of(value)
        return found


def _coded(fields: tuple[Any, ...]) -> tuple[list[tuple[str, Known]], dict[str, list[tuple[str, Known]]]]:
    """(header fields, fields by array), each with what is right for it; no value is right."""
    header: dict[str, Known] = {}
    arrays: dict[str, dict[str, Known]] = {}
    for coded in fields:
        array, _, name = coded.path.rpartition(" ")
        right = Known(lambda value, right=coded.right: value is None or right(value, REFERENCE))
        (arrays.setdefault(array, {}) if array else header)[name] = right  # the closer one, which comes later
    return list(header.items()), {array: list(named.items()) for array, named in arrays.items()}


CHINA, ELSEWHERE = _coded((*CODED, *CODED_IN_CHINA)), _coded(CODED)
YEARS = Known(slow.year_of)
CREDIT_CODES = Known(lambda code: bool(_credit_code(code)) and uscc.calc_check_digit(code[:17]) == code[17])
COMMODITIES = Known(
    lambda at: not any(slow.d16({"jurisdiction": at[0], "items": [{"commodity_code": at[1]}]}, REFERENCE))
)
CONDITIONS = Known(lambda at: REFERENCE.conditions_of(*at))
_LETTERS = {c: n for n, c in enumerate("0123456789A?BCDEFGHIJK?LMNOPQRSTU?VWXYZ") if c != "?"}


def container_number(number: str) -> bool:
    """ISO 6346: the check digit is the sum of the others' values, doubled by place, modulo 11 and then 10."""
    if not _container(number):
        return False
    total = 0
    for place in range(10):
        total += _LETTERS[number[place]] << place
    return total % 11 % 10 == int(number[10])


def codes_right(d: Fields, coded: Any) -> bool:
    header, arrays = coded
    for name, right in header:
        if not right[d[name]]:
            return False
    for array, named in arrays.items():
        for part in d[array]:
            for name, right in named:
                if not right[part[name]]:
                    return False
    return True


def envelope_right(d: Fields) -> bool:
    return (
        1 <= d["version"] <= 9999
        and 1 <= d["revision"] <= 9999
        and 0 <= d["sender_sequence"] <= 10**15
        and FIRST_MOMENT <= d["sent_at"] <= LAST_MOMENT
        and FIRST_MOMENT <= d["event_time"] <= LAST_MOMENT
        and bool(_text_64(d["sender_id"]) and _text_64(d["event_id"]))
    )


def limits_kept(d: Fields, value: Worth) -> bool:
    """Nothing of a declaration is outside of S01."""
    if not envelope_right(d) or not _text_32(d["declaration_number"]):
        return False
    for name, most in (("gross_mass", MASS), ("net_mass", MASS), ("freight", MONEY), ("insurance", MONEY)):
        if not 0 <= (d[name] or 0) <= most:
            return False
    if not -MONEY <= (d["other_charges"] or 0) <= MONEY or not -WORTH <= sum(value.values) <= WORTH:
        return False
    if len(d["contract"] or "") > TEXT or len(d["remark"] or "") > TEXT or not _text_64(d["trader_id"] or " "):
        return False
    for name in ("items", "containers", "house_documents", "exchange_rates", "duties", "permits"):
        if len(d[name]) > PARTS:
            return False
    if sum(item["net_mass"] or 0 for item in d["items"]) > MASS:
        return False
    for item, price in zip(d["items"], value.prices, strict=True):
        if not (
            0 <= item["total"] <= MONEY
            and 0 <= (price or 0) <= MONEY
            and 0 <= (item["net_mass"] or 0) <= MASS
            and 0 <= (item["quantity"] or 0) <= QUANTITY
            and 0 <= (item["quantity_1"] or 0) <= QUANTITY
            and 0 <= (item["quantity_2"] or 0) <= QUANTITY
            and 0 <= (item["unit_price"] or 0) <= QUANTITY
            and len(item["description"] or "") <= TEXT
            and len(item["model"] or "") <= TEXT
        ):
            return False
    return (
        all(1 <= rate["rate"] <= 10**13 for rate in d["exchange_rates"])
        and all(0 <= duty["base"] <= MONEY and 0 <= duty["amount"] <= MONEY for duty in d["duties"])
        and all(0 <= house["gross_mass"] <= MASS for house in d["house_documents"])
        and all(len(container["seals"]) <= SEALS for container in d["containers"])
        and all(_text_32(permit["agency"]) for permit in d["permits"])
    )


def products_right(items: list[Fields]) -> bool:
    """D17: total (scale 2) is quantity (5) times unit price (4), to a cent."""
    for item in items:
        quantity, price = item["quantity"], item["unit_price"]
        if quantity is not None and price is not None and abs(item["total"] * 10**7 - quantity * price) > 10**7:
            return False
    return True


def containers_right(containers: list[Fields]) -> bool:
    for container in containers:
        count, seals = container["seal_count"], container["seals"]
        if not container_number(container["number"]) or (count is not None and count != len(seals)):
            return False
        if seals and (len(set(seals)) < len(seals) or "" in seals):
            return False
    return True


def judge_declaration(d: Fields, appended_at: int, value: Worth) -> list[Finding]:
    """All findings of a declaration."""
    found: list[Finding] = []

    def tell(rule: str, wrong: Callable[..., Any], severity: str = ERROR) -> None:
        found.extend((rule, severity, pointer) for pointer in wrong(d, REFERENCE) if not _of_a_crowd(pointer))

    china = d["jurisdiction"] == "CN"
    if china:
        _judge_in_china(d, tell)
    elif not codes_right(d, ELSEWHERE):
        tell("D05", d05)
    items = d["items"]
    jurisdiction = d["jurisdiction"]
    for place, item in enumerate(items, 1):
        if place <= PARTS and not COMMODITIES[jurisdiction, item["commodity_code"]]:
            found.append(("D16", ERROR, f"/items/{place}/commodity_code"))
    if not items or any(item["sequence"] != place for place, item in enumerate(items, 1)):
        tell("D18", slow.d18)
    if not products_right(items):
        tell("D17", slow.d17)
    containers = d["containers"]
    if not containers_right(containers):
        tell("C01", slow.c01)
        tell("C03", slow.c03)
    if d["containerised"] != bool(containers):
        tell("C02", slow.c02)
    if not limits_kept(d, value):
        outside = s01_declaration(d, REFERENCE.at(appended_at))
        found += [("S01", ERROR, pointer) for pointer in outside if not _of_a_crowd(pointer)]
    if d["event_time"] > appended_at + slow.FUTURE_GRACE_MS:
        found.append(("W01", WARNING, "/event_time"))
    if china and d["transport_mode"] == "3" and not _train(d["conveyance"] or ""):
        found.append(("W02", WARNING, "/conveyance"))
    return found


def _judge_in_china(d: Fields, tell: Callable[..., None]) -> None:
    number, office, imported, procedure = (
        d["declaration_number"],
        d["declaration_office"],
        d["flow"] == "IMPORT",
        d["procedure"],
    )
    if not (_number(number) and number[:4] == office and int(number[4:8]) == YEARS[d["declaration_date"]]):
        tell("D01", slow.d01)
    if office not in REFERENCE.offices:
        tell("D01", slow.d01_unknown, WARNING)
    if number[8:9] != ("1" if imported else "0"):
        tell("D02", slow.d02)
    for name in ("declarant_id", "trader_id", "owner_id"):
        code = d[name]
        if code is not None and not CREDIT_CODES[code]:
            tell("D03", slow.d03)
            break
    if d["trader_code"] is not None and not _trader_code(d["trader_code"]):
        tell("D04", slow.d04)
    if not codes_right(d, CHINA):
        tell("D05", d05)
    if d["functional_reference"] is not None and not _reference(d["functional_reference"]):
        tell("D05", slow.d05_unverified, WARNING)
    gross, net, packages = d["gross_mass"], d["net_mass"], d["packages"]
    if (gross is not None and gross < 1000) or (
        net is not None and (net < 1000 or (gross is not None and net > gross))
    ):
        tell("D06", slow.d06)
    if packages is not None and (packages < 1 or (packages > 1 and d["package_kind"] in {slow.BULK, slow.BARE})):
        tell("D07", slow.d07)
    tell_charges(d, imported, tell)
    if d["transport_mode"] == "2" and not (d["conveyance"] and d["voyage"] and d["transport_document"]):
        tell("D12", slow.d12)
    if procedure in slow.UNMANAGED_REGIMES:
        tell("D13", slow.d13, WARNING)
    if procedure in {"0654", "0657", "1427"}:
        tell("D14", slow.d14)
    if procedure in slow.MANUAL_LETTERS:
        tell("D15", slow.d15, WARNING)
    if d["house_documents"]:
        tell("D19", slow.d19)
    if procedure == "0214":
        tell("D20", slow.d20)
    flow = d["flow"]
    for item in d["items"]:
        if CONDITIONS[flow, item["commodity_code"]]:
            tell("D21", slow.d21, WARNING)
            break


def tell_charges(d: Fields, imported: bool, tell: Callable[..., None]) -> None:
    needed = slow.NEEDED_CHARGES.get((d["flow"], d["trade_terms"]), ())
    for name in needed:
        if d[f"{name}_mark"] is None:
            tell(*(("D08", slow.d08) if imported else ("D09", slow.d09)))
            break
    marks = d["freight_mark"], d["insurance_mark"], d["other_charges_mark"]
    if marks != (None, None, None):
        tell("D10", slow.d10)
        if "1" in marks:
            tell("D11", slow.d11)
            tell("D11", slow.d11_usual, WARNING)


def judge_status(d: Fields, appended_at: int) -> list[Finding]:
    found: list[Finding] = []
    if d["status"] == "RELEASED":
        expected = d["estimated_arrival"]
        if expected is not None and expected <= d["event_time"]:
            found.append(("E01", ERROR, "/estimated_arrival"))
    if not (envelope_right(d) and _text_32(d["declaration_number"]) and _office(d["office"])):
        found += [("S01", ERROR, pointer) for pointer in limits_of_status(d, REFERENCE)]
    if d["event_time"] > appended_at + slow.FUTURE_GRACE_MS:
        found.append(("W01", WARNING, "/event_time"))
    return found


def judge_control(d: Fields, appended_at: int) -> list[Finding]:
    found = [("K01", ERROR, pointer) for pointer in slow.k01(d, REFERENCE) if not _of_a_crowd(pointer)]
    found += [("S01", ERROR, pointer) for pointer in s01_control(d, REFERENCE) if not _of_a_crowd(pointer)]
    if d["event_time"] > appended_at + slow.FUTURE_GRACE_MS:
        found.append(("W01", WARNING, "/event_time"))
    return found
