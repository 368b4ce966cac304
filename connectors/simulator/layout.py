"""Writes the three events as their schemas lay them out, field by field; a test holds the bytes to the general writer.

What many records have in common is encoded once: runs of fields with few different values are remembered together.
"""

from __future__ import annotations

from functools import lru_cache
from operator import itemgetter
from typing import Any

from connectors.simulator.avro import (
    BOOLEANS,
    END,
    NULL,
    SOME,
    array,
    enum,
    long,
    maybe_long,
    maybe_text,
    maybe_word,
    moment,
    small,
    text,
    word,
)

Record = dict[str, Any]

FLOWS = enum("IMPORT", "EXPORT")
CHANNELS = enum("PLATFORM", "OTHER")
LANES = enum("UNASSIGNED", "GREEN", "YELLOW", "RED", "BLUE")
STATUSES = enum("ACCEPTED", "INSPECTED", "RELEASED", "CLEARED", "REJECTED", "CANCELLED")
PERMIT_STATES = enum("PENDING", "GRANTED", "REFUSED")

_remembered = lru_cache(maxsize=1 << 15)


def envelope(record: Record) -> bytes:
    """sender_id, event_id, revision, sent_at, sender_sequence of any event."""
    sender, event, revision, sent_at, sequence = _ENVELOPE(record)
    return b"".join((word(sender), text(event), small(revision), moment(sent_at), long(sequence)))


def step(record: Record) -> bytes:
    """The content of a DeclarationStatus: all fields after the envelope."""
    return b"".join(
        (
            text(record["declaration_number"]),
            _stage(_STAGE(record)),
            maybe_long(record["estimated_arrival"]),
            BOOLEANS[record["synthetic"]],
            moment(record["event_time"]),
        ),
    )


def control(record: Record) -> bytes:
    """The content of a ControlRecord: all fields after the envelope."""
    return b"".join(
        (
            text(record["control_number"]),
            long(record["version"]),
            long(record["date"]),
            long(record["first_sequence"]),
            long(record["last_sequence"]),
            array([_count(*_COUNT(count)) for count in record["counts"]]) if record["counts"] else END,
            BOOLEANS[record["synthetic"]],
            moment(record["event_time"]),
        ),
    )


def declaration(record: Record) -> bytes:
    """The content of a CustomsDeclaration: all fields after the envelope."""
    number, reference, manual, contract, remark, conveyance, voyage, document, arrival, terms = _SINGULAR(record)
    freight, insurance, other = _FREIGHT(record), _INSURANCE(record), _OTHER_CHARGES(record)
    packages, kind, gross, net, synthetic, event_time = _NUMBERS(record)
    rates, containers, houses, items, duties, permits = _ARRAYS(record)
    return b"".join(
        (
            text(number),
            NULL if reference is None else SOME + text(reference),
            _head(_HEAD(record)),
            NULL if manual is None else SOME + text(manual),
            NULL if contract is None else SOME + text(contract),
            NULL if remark is None else SOME + text(remark),
            _parties(_PARTIES(record)),
            _way(_WAY(record)),
            maybe_word(conveyance),
            maybe_word(voyage),
            NULL if document is None else SOME + text(document),
            NULL if arrival is None else SOME + long(arrival),
            maybe_word(terms),
            NO_CHARGE if freight == NOTHING else _charge(*freight),
            NO_CHARGE if insurance == NOTHING else _charge(*insurance),
            NO_CHARGE if other == NOTHING else _charge(*other),
            array([_rate(_RATE(rate)) for rate in rates]) if rates else END,
            maybe_long(packages),
            maybe_word(kind),
            NULL if gross is None else SOME + long(gross),
            NULL if net is None else SOME + long(net),
            _state(_STATE(record)),
            array([_container(*_CONTAINER(container)) for container in containers]) if containers else END,
            array([text(house["number"]) + long(house["gross_mass"]) for house in houses]) if houses else END,
            array([_item(item) for item in items]) if items else END,
            array([_duty(*_DUTY(duty)) for duty in duties]) if duties else END,
            array([_permit(*_PERMIT(permit)) for permit in permits]) if permits else END,
            BOOLEANS[synthetic],
            moment(event_time),
        ),
    )


NO_CHARGE = bytes(3)
NOTHING = (None,) * 3
_ENVELOPE = itemgetter("sender_id", "event_id", "revision", "sent_at", "sender_sequence")
_SINGULAR = itemgetter(
    "declaration_number",
    "functional_reference",
    "manual",
    "contract",
    "remark",
    "conveyance",
    "voyage",
    "transport_document",
    "arrival_time",
    "trade_terms",
)
_HEAD = itemgetter(
    "jurisdiction",
    "version",
    "flow",
    "channel",
    "declaration_office",
    "border_office",
    "declaration_date",
    "movement_date",
    "procedure",
    "duty_regime",
)
_PARTIES = itemgetter(
    "declarant_id",
    "trader_id",
    "trader_code",
    "owner_id",
    "trader_zone",
    "trader_district",
    "trader_city",
    "trader_province",
)
_WAY = itemgetter("trade_country", "transport_mode")
_FREIGHT = itemgetter("freight_mark", "freight", "freight_currency")
_INSURANCE = itemgetter("insurance_mark", "insurance", "insurance_currency")
_OTHER_CHARGES = itemgetter("other_charges_mark", "other_charges", "other_charges_currency")
_RATE = itemgetter("currency", "rate")
_NUMBERS = itemgetter("packages", "package_kind", "gross_mass", "net_mass", "synthetic", "event_time")
_ARRAYS = itemgetter("exchange_rates", "containers", "house_documents", "items", "duties", "permits")
_STATE = itemgetter("used_goods", "risk_lane", "containerised")
_CONTAINER = itemgetter("number", "size_type", "empty", "seal_count", "seals")
_GOODS = itemgetter("sequence", "commodity_code", "description", "model")
_AMOUNTS = itemgetter(
    *("quantity", "unit", "quantity_1", "unit_1", "quantity_2", "unit_2", "net_mass", "unit_price", "total"),
)
_TERMS = itemgetter("currency", "origin_country", "destination_country", "duty_mode")
_DUTY = itemgetter("kind", "item", "base", "amount")
_PERMIT = itemgetter("agency", "number", "state")
_STAGE = itemgetter("version", "status", "lane", "office")
_COUNT = itemgetter("step", "events", "value", "net_mass")


@_remembered
def _head(fields: tuple[Any, ...]) -> bytes:
    jurisdiction, version, flow, channel, office, border, day, moved, procedure, regime = fields
    return b"".join(
        (
            text(jurisdiction),
            long(version),
            FLOWS[flow],
            CHANNELS[channel],
            text(office),
            maybe_text(border),
            long(day),
            maybe_long(moved),
            text(procedure),
            maybe_text(regime),
        ),
    )


@_remembered
def _parties(fields: tuple[str | None, ...]) -> bytes:
    return b"".join(map(maybe_text, fields))


@_remembered
def _way(fields: tuple[str, str]) -> bytes:
    return text(fields[0]) + text(fields[1])


@_remembered
def _rate(fields: tuple[str, int]) -> bytes:
    return text(fields[0]) + long(fields[1])


@_remembered
def _state(fields: tuple[bool, str, bool]) -> bytes:
    used, lane, containerised = fields
    return BOOLEANS[used] + LANES[lane] + BOOLEANS[containerised]


@_remembered
def _goods(fields: tuple[int, str, str | None, str | None]) -> bytes:
    sequence, code, description, model = fields
    return long(sequence) + text(code) + maybe_text(description) + maybe_text(model)


@_remembered
def _terms(fields: tuple[str, str, str | None, str | None]) -> bytes:
    currency, origin, destination, duty_mode = fields
    return text(currency) + text(origin) + maybe_text(destination) + maybe_text(duty_mode)


@_remembered
def _stage(fields: tuple[int, str, str, str]) -> bytes:
    version, status, lane, office = fields
    return long(version) + STATUSES[status] + LANES[lane] + text(office)


def _charge(mark: str | None, amount: int | None, currency: str | None) -> bytes:
    return maybe_word(mark) + maybe_long(amount) + maybe_word(currency)


def _container(number: str, size: str | None, empty: bool, count: int | None, seals: list[str]) -> bytes:
    return b"".join(
        (
            text(number),
            maybe_word(size),
            BOOLEANS[empty],
            maybe_long(count),
            array([text(seal) for seal in seals]) if seals else END,
        ),
    )


def _item(item: Record) -> bytes:
    quantity, unit, first, first_unit, second, second_unit, mass, price, total = _AMOUNTS(item)
    return b"".join(
        (
            _goods(_GOODS(item)),
            NULL if quantity is None else SOME + long(quantity),
            maybe_word(unit),
            NULL if first is None else SOME + long(first),
            maybe_word(first_unit),
            NULL if second is None else SOME + long(second),
            maybe_word(second_unit),
            NULL if mass is None else SOME + long(mass),
            NULL if price is None else SOME + long(price),
            long(total),
            _terms(_TERMS(item)),
        ),
    )


def _duty(kind: str, item: int | None, base: int, amount: int) -> bytes:
    return word(kind) + maybe_long(item) + long(base) + long(amount)


def _permit(agency: str, number: str, state: str) -> bytes:
    return word(agency) + text(number) + PERMIT_STATES[state]


def _count(step: str, events: int, value: int, net_mass: int) -> bytes:
    return word(step) + long(events) + long(value) + long(net_mass)
