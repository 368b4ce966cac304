"""Rule D05 as the oracle reads it: the form of every coded field, or the list its codes are of."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from tests.oracle_reference import Reference

Fields = dict[str, Any]


@dataclass(frozen=True)
class Coded:
    """A field and what its value must be. `path`: "field", or "array field" for one of each part. A null is no code
    and breaks nothing.
    """

    path: str
    right: Callable[[str, Reference], bool]

    def values(self, d: Fields) -> Iterator[tuple[str, str]]:
        """(pointer, value) of all there is to judge."""
        array, _, name = self.path.rpartition(" ")
        parts = [(f"/{array}/{place}", part) for place, part in enumerate(d[array], 1)] if array else [("", d)]
        for pointer, part in parts:
            if part[name] is not None:
                yield f"{pointer}/{name}", part[name]


def like(pattern: str) -> Callable[[str, Reference], bool]:
    """All of the value, in ASCII, is of the pattern."""
    return lambda value, _: re.fullmatch(pattern, value) is not None


def one_of(*codes: str) -> Callable[[str, Reference], bool]:
    return lambda value, _: value in codes


def currency(value: str, reference: Reference) -> bool:
    return value in reference.currencies


def country(value: str, reference: Reference) -> bool:
    return value in reference.countries


CODED = (
    Coded("jurisdiction", lambda value, reference: value in reference.zones),
    Coded("trade_country", country),
    Coded("items currency", currency),
    Coded("items origin_country", country),
    Coded("items destination_country", country),
    Coded("declaration_office", like("[0-9A-Z]{1,8}")),
    Coded("procedure", like("[0-9A-Z]{1,8}")),
    Coded("transport_mode", like("[0-9A-Z]{1,2}")),
    Coded("duties kind", one_of("DUTY", "VAT", "CONSUMPTION_TAX", "ANTI_DUMPING", "OTHER")),
)
CODED_IN_CHINA = (
    Coded("procedure", like("[0-9]{4}")),
    Coded("transport_mode", like("[0-9GHLTWXYZ]")),
    Coded("border_office", like("[0-9]{4}")),
    Coded("duty_regime", like("[0-9]{3}")),
    Coded("manual", like("[0-9A-Z]{12}")),
    Coded("trader_district", like("[0-9]{6}")),
    Coded("trader_city", like("[0-9]{4}")),
    Coded("trader_province", like("[0-9]{2}")),
    Coded("transport_document", like("[ -~]{1,32}")),
    Coded("trade_terms", like("[1-7]")),
    Coded("freight_mark", like("[123]")),
    Coded("insurance_mark", like("[13]")),
    Coded("other_charges_mark", like("[13]")),
    Coded("freight_currency", currency),
    Coded("insurance_currency", currency),
    Coded("other_charges_currency", currency),
    Coded("exchange_rates currency", currency),
    Coded("package_kind", like("[0-9A-Z]{2}")),
    Coded("containers size_type", like("[0-9A-Z]{4}")),
    Coded("items unit", like("[0-9]{3}")),
    Coded("items unit_1", like("[0-9]{3}")),
    Coded("items unit_2", like("[0-9]{3}")),
    Coded("items duty_mode", like("[1-9]")),
)
"""There they are more closely bound; what is bound at all is wrong once."""

UNVERIFIED = Coded("functional_reference", like("[0-9A-Z]{18}"))


def d05(d: Fields, reference: Reference) -> Iterator[str]:
    coded = (*CODED, *CODED_IN_CHINA) if d["jurisdiction"] == "CN" else CODED
    wrong = (pointer for field in coded for pointer, value in field.values(d) if not field.right(value, reference))
    yield from dict.fromkeys(wrong)


def d05_unverified(d: Fields, reference: Reference) -> Iterator[str]:
    yield from (pointer for pointer, value in UNVERIFIED.values(d) if not UNVERIFIED.right(value, reference))
