"""Builders of events for tests: valid by default, every field open to change, numbers with right check digits.

A part (item, container, charge ...) has a builder of its own, to be given to declaration(): ``items=[item(), ...]``,
``**charge("freight", "3", "500", "USD")``.
"""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from stdnum import iso6346
from stdnum.cn import uscc as stdnum_uscc

import schemas
from tests.oracle_decode import LogRecord, partition_of

Record = dict[str, Any]


class Raw(NamedTuple):
    """Bytes for the log as they are. Without a partition: the one of its key, 0 for a null key."""

    key: bytes | None
    value: bytes | None
    partition: int | None = None


def at(moment: str) -> int:
    """An ISO 8601 moment with its offset ("2025-03-01T23:50+08:00"), as ms since 1970 UTC."""
    parsed = datetime.fromisoformat(moment)
    assert parsed.tzinfo is not None, f"{moment} has no offset"
    return round(parsed.timestamp() * 1000)


def number(serial: int = 1, office: str = "4200", year: int = 2025, flow: str = "IMPORT") -> str:
    """A declaration number of 18 digits that agrees with office, year and flow (D01, D02)."""
    return f"{office}{year:04d}{'1' if flow == 'IMPORT' else '0'}{serial:09d}"


def uscc(serial: int = 1) -> str:
    """A valid unified social credit code, registered in Qingdao."""
    body = f"91370200MA{serial:07d}"
    return f"{body}{stdnum_uscc.calc_check_digit(body)}"


def container(serial: int = 305438, owner: str = "CSQ") -> str:
    """A valid container number of ISO 6346."""
    body = f"{owner}U{serial:06d}"
    return f"{body}{iso6346.calc_check_digit(body)}"


def item(sequence: int = 1, commodity_code: str = "8703800000", total: int = 100_000, **changes: Any) -> Record:
    """One goods item: one piece at the price `total` in yuan (scale 2), 500 kg, from KZ."""
    return {
        "sequence": sequence,
        "commodity_code": commodity_code,
        "description": None,
        "model": None,
        "quantity": 100_000,
        "unit": "001",
        "quantity_1": None,
        "unit_1": None,
        "quantity_2": None,
        "unit_2": None,
        "net_mass": 500_000,
        "unit_price": total * 100,
        "total": total,
        "currency": "CNY",
        "origin_country": "KZ",
        "destination_country": None,
        "duty_mode": "1",
        **changes,
    }


def equipment(number: str = container(), **changes: Any) -> Record:
    """One container of a declaration: full, without seals."""
    return {"number": number, "size_type": "22G1", "empty": False, "seal_count": None, "seals": [], **changes}


def house(gross_mass: int, number: str = "HB-1") -> Record:
    """One house document over `gross_mass` g."""
    return {"number": number, "gross_mass": gross_mass}


def rate(currency: str, yuan: str) -> Record:
    """A declared exchange rate: so many yuan for one unit."""
    return {"currency": currency, "rate": _scaled(yuan, 10)}


def charge(name: str, mark: str | None, amount: str | None, currency: str | None = None) -> Record:
    """The three fields of a charge (freight, insurance, other_charges); `amount` as on the form: per cent or money."""
    return {f"{name}_mark": mark, name: amount and _scaled(amount, 4), f"{name}_currency": currency}


def duty(kind: str = "VAT", amount: int = 13_000, item: int | None = 1) -> Record:
    """One tax of `amount` yuan (scale 2)."""
    return {"kind": kind, "item": item, "base": 100_000, "amount": amount}


def permit(agency: str = "GACC-QUARANTINE", state: str = "GRANTED") -> Record:
    return {"agency": agency, "number": f"{agency}-1", "state": state}


def _scaled(text: str, places: int) -> int:
    scaled = Decimal(text).scaleb(places)
    assert scaled == int(scaled), f"{text} has more than {places} decimals"
    return int(scaled)


def declaration(number: str = number(), version: int = 1, **changes: Any) -> Record:
    """A declaration that breaks no rule: CN import by water from KZ, CIF, one item of chapter 87 at 1,000.00 yuan.

    An export is FOB, and its partner is KZ too. Its date is in the year that a number of 18 digits names, its identity
    is its own unless `event_id` says otherwise. Every array but the items is empty, and what may be null and is needed
    by no rule is null.
    """
    year = int(number[4:8]) if len(number) == 18 and number.isdigit() else 2025
    flow = changes.get("flow", "EXPORT" if number[8:9] == "0" else "IMPORT")
    return {
        **_envelope("AGENT-1", f"{number}/v{version}", at("2025-03-01T09:59:00+08:00")),
        "declaration_number": number,
        "functional_reference": None,
        "jurisdiction": "CN",
        "version": version,
        "flow": flow,
        "channel": "PLATFORM",
        "declaration_office": "4200",
        "border_office": None,
        "declaration_date": (datetime(max(year, 1), 3, 1) - datetime(1970, 1, 1)).days,  # noqa: DTZ001 - a date
        "movement_date": None,
        "procedure": "0110",
        "duty_regime": "101",
        "manual": None,
        "contract": None,
        "remark": None,
        "declarant_id": None,
        "trader_id": uscc(),
        "trader_code": None,
        "owner_id": None,
        "trader_zone": None,
        "trader_district": None,
        "trader_city": None,
        "trader_province": None,
        "trade_country": "KZ",
        "transport_mode": "2",
        "conveyance": "EVER GIVEN",
        "voyage": "025W",
        "transport_document": "COSU6123456780",
        "arrival_time": None,
        "trade_terms": "1" if flow == "IMPORT" else "3",
        **charge("freight", None, None),
        **charge("insurance", None, None),
        **charge("other_charges", None, None),
        "exchange_rates": [],
        "packages": 1,
        "package_kind": None,
        "gross_mass": 600_000,
        "net_mass": 500_000,
        "used_goods": False,
        "risk_lane": "UNASSIGNED",
        "containerised": False,
        "containers": [],
        "house_documents": [],
        "items": [item()],
        "duties": [],
        "permits": [],
        "synthetic": True,
        "event_time": at("2025-03-01T10:00:00+08:00"),
        **changes,
    }


def status(number: str = number(), step: str = "ACCEPTED", version: int = 1, **changes: Any) -> Record:
    """A step customs took with a declaration, one hour after the declaration's default time."""
    return {
        **_envelope("CUSTOMS", f"{number}/v{version}/{step}", at("2025-03-01T11:00:00+08:00")),
        "declaration_number": number,
        "version": version,
        "status": step,
        "lane": "UNASSIGNED",
        "office": "4200",
        "estimated_arrival": None,
        "synthetic": True,
        "event_time": at("2025-03-01T11:00:00+08:00"),
        **changes,
    }


def control(sender: str = "AGENT-1", day: str = "2025-03-01", version: int = 1, **changes: Any) -> Record:
    """A sender's count of a day, made half an hour after its end in Shanghai: nothing was sent, unless it says so."""
    number = f"{sender}/{day}"
    made = at(f"{day}T00:30+08:00") + 86_400_000
    return {
        **_envelope(sender, f"{number}/v{version}", made),
        "control_number": number,
        "version": version,
        "date": (datetime.fromisoformat(day) - datetime(1970, 1, 1)).days,  # noqa: DTZ001 - a date
        "first_sequence": 0,
        "last_sequence": 0,
        "counts": [],
        "synthetic": True,
        "event_time": made,
        **changes,
    }


def count(step: str, events: int = 1, value: int = 0, net_mass: int = 0) -> Record:
    """What a control record says of one step."""
    return {"step": step, "events": events, "value": value, "net_mass": net_mass}


def _envelope(sender: str, event: str, sent_at: int) -> Record:
    return {"sender_id": sender, "event_id": event, "revision": 1, "sent_at": sent_at, "sender_sequence": 0}


def name_of(record: Record) -> str:
    """Which of the three records of the input topic this is."""
    if "control_number" in record:
        return "ControlRecord"
    return "DeclarationStatus" if "status" in record else "CustomsDeclaration"


def key_of(record: Record) -> str:
    """The number that is its key."""
    name = "control_number" if "control_number" in record else "declaration_number"
    key: str = record[name]
    return key


def encode(record: Record, *, confluent: bool = False) -> bytes:
    """The value of a log record: single-object encoding, or Confluent framing with the pinned id."""
    name = name_of(record)
    single = schemas.encode(name, record)
    if not confluent:
        return single
    ids = {schema: pinned for pinned, schema in schemas.confluent_ids().items()}
    return schemas.CONFLUENT + ids[schemas.latest(name).id].to_bytes(4, "big") + single[10:]


def raw(record: Record, *, confluent: bool = False) -> Raw:
    """Key and value of an event as a sender that does everything right would write them."""
    return Raw(key_of(record).encode(), encode(record, confluent=confluent))


def log(entries: Iterable[tuple[Record | Raw, int]]) -> list[LogRecord]:
    """(event or bytes, append time in ms) of each record, in order, as the log holds them: partition, offset, time."""
    ends: Counter[int] = Counter()
    records = []
    for what, appended_at in entries:
        bare = what if isinstance(what, Raw) else raw(what)
        partition = bare.partition
        if partition is None:
            partition = partition_of(bare.key) if bare.key is not None else 0
        records.append(LogRecord(partition, ends[partition], appended_at, bare.key, bare.value))
        ends[partition] += 1
    return records
