"""Builders of events for tests: valid by default, every field open to change, numbers with right check digits."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
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
    """One goods item: one piece at the price `total` (scale 2), 500 kg, from CN."""
    return {
        "sequence": sequence,
        "commodity_code": commodity_code,
        "quantity": 100_000,
        "unit": "035",
        "unit_price": total * 100,
        "total": total,
        "net_mass": 500_000,
        "origin_country": "CN",
        **changes,
    }


def declaration(number: str = number(), version: int = 1, **changes: Any) -> Record:
    """A declaration that breaks no rule: CN import by water from KZ, one item of chapter 87 at USD 1,000.00, 500 kg.

    Its date is in the year that a number of 18 digits names, its identity is its own unless `event_id` says otherwise.
    """
    year = int(number[4:8]) if len(number) == 18 and number.isdigit() else 2025
    return {
        "sender_id": "AGENT-1",
        "event_id": f"{number}/v{version}",
        "revision": 1,
        "sent_at": at("2025-03-01T09:59:00+08:00"),
        "declaration_number": number,
        "version": version,
        "jurisdiction": "CN",
        "flow": "EXPORT" if number[8:9] == "0" else "IMPORT",
        "declaration_office": "4200",
        "declaration_date": (datetime(max(year, 1), 3, 1) - datetime(1970, 1, 1)).days,  # noqa: DTZ001 - a date
        "procedure": "0110",
        "trader_id": uscc(),
        "partner_country": "KZ",
        "transport_mode": "2",
        "conveyance": "EVER GIVEN/025W",
        "packages": 1,
        "gross_mass": 600_000,
        "net_mass": 500_000,
        "currency": "USD",
        "containerised": False,
        "containers": [],
        "items": [item()],
        "synthetic": True,
        "event_time": at("2025-03-01T10:00:00+08:00"),
        **changes,
    }


def status(number: str = number(), step: str = "ACCEPTED", version: int = 1, **changes: Any) -> Record:
    """A step customs took with a declaration, one hour after the declaration's default time."""
    return {
        "sender_id": "CUSTOMS",
        "event_id": f"{number}/v{version}/{step}",
        "revision": 1,
        "sent_at": at("2025-03-01T11:00:00+08:00"),
        "declaration_number": number,
        "version": version,
        "status": step,
        "office": "4200",
        "synthetic": True,
        "event_time": at("2025-03-01T11:00:00+08:00"),
        **changes,
    }


def name_of(record: Record) -> str:
    """Which of the two records of the input topic this is."""
    return "DeclarationStatus" if "status" in record else "CustomsDeclaration"


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
    return Raw(record["declaration_number"].encode(), encode(record, confluent=confluent))


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
