"""One record of the log, and what the simulator knows about it: the facts the ledger is folded from."""

from __future__ import annotations

from operator import itemgetter
from typing import NamedTuple

import schemas
from connectors.simulator import layout
from connectors.simulator.layout import Record

KINDS = {
    "ACCEPTED": "ACCEPT",
    "INSPECTED": "INSPECT",
    "RELEASED": "RELEASE",
    "CLEARED": "CLEAR",
    "REJECTED": "REJECT",
    "CANCELLED": "CANCEL",
}
"""Status of a step -> kind of event."""

STATUSES = {kind: status for status, kind in KINDS.items()}
DECLARATION, STATUS, CONTROL = "CustomsDeclaration", "DeclarationStatus", "ControlRecord"


class Item(NamedTuple):
    """What the counters need of a goods item, as declared: units, scales and nulls are the schema's."""

    code: str
    total: int
    currency: str
    origin: str
    destination: str | None
    net_mass: int | None
    quantity: int | None
    unit: str | None


class Charge(NamedTuple):
    """Freight or insurance as declared."""

    mark: str | None = None
    amount: int | None = None
    currency: str | None = None


class Content(NamedTuple):
    """What the counters need of a CustomsDeclaration, as declared.

    ``date``: declaration_date, days since 1970. ``rates``: (currency, yuan for one unit at scale 10). ``duties``:
    (kind, amount). ``permits``: (agency, state).
    """

    jurisdiction: str
    flow: str
    channel: str
    office: str
    date: int
    procedure: str
    mode: str
    trade_country: str
    trader: str | None
    province: str | None
    city: str | None
    district: str | None
    zone: str | None
    arrival: int | None
    terms: str | None
    gross_mass: int | None
    net_mass: int | None
    used: bool
    freight: Charge
    insurance: Charge
    rates: tuple[tuple[str, int], ...]
    items: tuple[Item, ...]
    duties: tuple[tuple[str, int], ...]
    permits: tuple[tuple[str, str], ...]


class Count(NamedTuple):
    """A ControlRecord. ``date``: days since 1970; ``steps``: (step, events, value, net mass)."""

    date: int
    first: int
    last: int
    steps: tuple[tuple[str, int, int, int], ...]


class Fact(NamedTuple):
    """A decodable event as the simulator meant it.

    ``record``: its schema's name. ``number``: the Kafka key. ``identity`` is (sender_id, event_id, revision), ``body``
    the encoded content without the envelope; times are UTC ms. ``content`` is None for statuses and for events with
    errors. ``errors`` and ``warnings`` are the ids of the rules that were broken on purpose, one for each finding.
    """

    record: str
    number: str
    identity: tuple[str, str, int]
    body: bytes
    kind: str
    version: int
    event_time: int
    sent_at: int
    sequence: int
    lane: str = "UNASSIGNED"
    content: Content | Count | None = None
    errors: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


class Message(NamedTuple):
    """One Kafka record. ``partition`` None means murmur2 of the key; ``fact`` None means undecodable, for a reason."""

    key: bytes | None
    value: bytes | None
    partition: int | None
    fact: Fact | None
    undecodable: str | None = None


def _framings(name: str) -> tuple[bytes, bytes]:
    """The prefix of a record in single-object encoding, and in Confluent framing."""
    schema = schemas.latest(name)
    ids = {schema_id: number for number, schema_id in schemas.confluent_ids().items()}
    return schema.header, schemas.CONFLUENT + ids[schema.id].to_bytes(4, "big")


_FRAMINGS = {name: _framings(name) for name in (DECLARATION, STATUS, CONTROL)}


def message(
    record: Record,
    errors: tuple[str, ...] = (),
    warnings: tuple[str, ...] = (),
    *,
    confluent: bool = False,
) -> Message:
    """The event of a record in single-object encoding (or Confluent framing), keyed by its number.

    A record with a ``status`` is a DeclarationStatus, one with a ``control_number`` a ControlRecord, any other a
    CustomsDeclaration.
    """
    version: int = record["version"]
    found: Content | Count | None = None
    lane = "UNASSIGNED"
    if "status" in record:
        name, number, kind, lane = STATUS, record["declaration_number"], KINDS[record["status"]], record["lane"]
        body = layout.step(record)
    elif "control_number" in record:
        name, number, kind = CONTROL, record["control_number"], "STATE" if version <= 1 else "RESTATE"
        body = layout.control(record)
        found = None if errors else _count(record)
    else:
        name, number, kind = DECLARATION, record["declaration_number"], "LODGE" if version <= 1 else "AMEND"
        body, lane = layout.declaration(record), record["risk_lane"]
        found = None if errors else content(record)
    fact = Fact(
        name,
        number,
        (record["sender_id"], record["event_id"], record["revision"]),
        body,
        kind,
        version,
        record["event_time"],
        record["sent_at"],
        record["sender_sequence"],
        lane,
        found,
        errors,
        warnings,
    )
    return Message(number.encode(), _FRAMINGS[name][confluent] + layout.envelope(record) + body, None, fact)


_DECLARED = itemgetter(
    *("jurisdiction", "flow", "channel", "declaration_office", "declaration_date", "procedure", "transport_mode"),
    *("trade_country", "trader_id", "trader_province", "trader_city", "trader_district", "trader_zone"),
    *("arrival_time", "trade_terms", "gross_mass", "net_mass", "used_goods"),
)
_FREIGHT = itemgetter("freight_mark", "freight", "freight_currency")
_INSURANCE = itemgetter("insurance_mark", "insurance", "insurance_currency")
_ITEM = itemgetter(
    *("commodity_code", "total", "currency", "origin_country", "destination_country", "net_mass", "quantity", "unit"),
)


def content(record: Record) -> Content:
    """What the counters need of a CustomsDeclaration."""
    return Content._make(
        (
            *_DECLARED(record),
            Charge._make(_FREIGHT(record)),
            Charge._make(_INSURANCE(record)),
            tuple([(rate["currency"], rate["rate"]) for rate in record["exchange_rates"]]),
            tuple([Item._make(_ITEM(item)) for item in record["items"]]),
            tuple([(duty["kind"], duty["amount"]) for duty in record["duties"]]),
            tuple([(permit["agency"], permit["state"]) for permit in record["permits"]]),
        ),
    )


def _count(record: Record) -> Count:
    steps = tuple((c["step"], c["events"], c["value"], c["net_mass"]) for c in record["counts"])
    return Count(record["date"], record["first_sequence"], record["last_sequence"], steps)
