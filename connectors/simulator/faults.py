"""Breaks records on purpose: one function per way of breaking a rule, under the ids the processor must report.

The ledger believes these ids, so each fault breaks the rules it names and no other.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from connectors.simulator import world
from connectors.simulator.messages import Message, Record
from connectors.simulator.partitions import partition_of

Fault = tuple[str, Callable[[Record, Random], None]]
"""(ids of the errors, blank-separated; what breaks the record in place)."""

YEAR_1999_MS = 915_148_800_000
MIB = 1 << 20


def _set(field: str, *values: object) -> Callable[[Record, Random], None]:
    """Puts one of the values into a field."""

    def broken(record: Record, rng: Random) -> None:
        record[field] = rng.choice(values)

    return broken


def _item(**fields: object) -> Callable[[Record, Random], None]:
    """Puts values into fields of one item, which becomes a new one."""

    def broken(record: Record, rng: Random) -> None:
        items = list(record["items"])
        place = rng.randrange(len(items))
        items[place] = {**items[place], **fields}
        record["items"] = items

    return broken


def _code(*codes: str) -> Callable[[Record, Random], None]:
    def broken(record: Record, rng: Random) -> None:
        _item(commodity_code=rng.choice(codes))(record, rng)

    return broken


def _number(change: Callable[[str], str]) -> Callable[[Record, Random], None]:
    def broken(record: Record, _: Random) -> None:
        record["declaration_number"] = change(record["declaration_number"])

    return broken


def _other_office(record: Record, rng: Random) -> None:
    record["declaration_office"] = rng.choice(sorted(set(world.OFFICES["CN"]) - {record["declaration_office"]}))


def _unknown_office(record: Record, _: Random) -> None:
    record["declaration_office"] = "4299"
    record["declaration_number"] = "4299" + record["declaration_number"][4:]


def _last_year(record: Record, _: Random) -> None:
    record["declaration_date"] -= 366


def _trader(change: Callable[[str], str]) -> Callable[[Record, Random], None]:
    def broken(record: Record, _: Random) -> None:
        record["trader_id"] = change(record["trader_id"] or world.uscc("91370281MA3000000"))

    return broken


def _other_check(code: str) -> str:
    return code[:-1] + ("0" if code[-1] != "0" else "1")


def _too_heavy(record: Record, rng: Random) -> None:
    record["net_mass"] = record["gross_mass"] = 999
    if rng.random() < 0.7:
        record["gross_mass"] = 1_000 + rng.randrange(100_000)
        record["net_mass"] = record["gross_mass"] + 1


def _gap(record: Record, rng: Random) -> None:
    items = [dict(item) for item in record["items"]]
    items[-1]["sequence"] += rng.choice((1, -1))
    record["items"] = items if rng.random() < 0.8 else []


def _box(*numbers: str) -> Callable[[Record, Random], None]:
    def broken(record: Record, rng: Random) -> None:
        record["containerised"] = True
        record["containers"] = [world.container("COSU123456"), rng.choice(numbers)]

    return broken


def _no_box(record: Record, _: Random) -> None:
    record["containerised"] = not record["containerised"]
    if record["containerised"]:
        record["containers"] = []


def _crowd(record: Record, _: Random) -> None:
    record["items"] = [{**record["items"][0], "sequence": place} for place in range(1, 1001)]


ENVELOPE: tuple[Fault, ...] = (
    ("S01", _set("sender_id", "", "x" * 65, "agent\u00e9")),
    ("S01", _set("event_id", "", "E" * 65, "\uff25123")),
    ("S01", _set("revision", 0, -1, 10_000)),
    ("S01", _set("version", 0, 10_000)),
    ("S01", _set("event_time", YEAR_1999_MS)),
)
ANYWHERE: tuple[Fault, ...] = (
    ("D05", _set("currency", "RMB", "usd", "")),
    ("D05", _set("partner_country", "UK", "CHN", "ru")),
    ("D05", _item(origin_country="XX")),
    ("D05", _set("transport_mode", "", "RAIL", "\uff13")),
    ("D05", _set("jurisdiction", "US")),
    ("D16", _code("8703", "999999", "870380001\uff10", "9999990000", "87O3800010", "87038000100")),
    ("D17", _item(quantity=300_000, unit_price=123_400, total=3_704)),
    ("D17", _item(quantity=300_000, unit_price=123_400, total=3_700)),
    ("D18", _gap),
    ("C01", _box("COSU1234561", "cosu1234560", "C_QU3054383", "COSU123456", "")),
    ("C02", _no_box),
    *ENVELOPE,
    ("S01", _item(quantity=None, total=1_000_000_000_000_001)),
    ("S01", _item(unit_price=None, total=-1)),
    ("S01", _item(net_mass=-1)),
    ("S01", _item(net_mass=1_000_000_000_001)),
)
CHINESE: tuple[Fault, ...] = (
    ("D01", _number(lambda n: n[:-1])),
    ("D01", _number(lambda n: n[:-1] + "A")),
    ("D01", _other_office),
    ("D01", _unknown_office),
    ("D01", _last_year),
    ("D01 S01", _number(lambda n: n + "0" * 15)),
    ("D01 D05", _set("declaration_office", "42-8", "", "qd")),
    ("D02", _number(lambda n: n[:8] + ("0" if n[8] == "1" else "1") + n[9:])),
    ("D02", _number(lambda n: n[:8] + "7" + n[9:])),
    ("D03", _trader(_other_check)),
    ("D03", _trader(str.lower)),
    ("D03", _trader(lambda code: code[:17])),
    ("D03", _trader(lambda code: "I" + code[1:])),
    ("D05", _set("procedure", "110", "011O", "\uff10110")),
    ("D06", _too_heavy),
)
RARE: tuple[Fault, ...] = (("S01", _crowd),)
"""Large records: a few are enough."""

STEPS: tuple[Fault, ...] = (*ENVELOPE, ("S01", _set("office", "42-8", "", "QD4258000")))


def _by_rule(faults: tuple[Fault, ...]) -> dict[str, tuple[Fault, ...]]:
    rules = sorted({fault[0].split()[0] for fault in faults})
    return {rule: tuple(fault for fault in faults if fault[0].split()[0] == rule) for rule in rules}


DECLARATIONS = {"CN": _by_rule(ANYWHERE + CHINESE), "KR": _by_rule(ANYWHERE)}


def breaks(record: Record, rng: Random) -> tuple[Record, tuple[str, ...]]:
    """(a copy of the record that breaks a rule drawn at random, the ids of the rules it breaks)."""
    if "status" in record:
        faults = STEPS
    else:
        rules = DECLARATIONS[record["jurisdiction"]]
        faults = RARE if rng.random() < 0.005 else rules[rng.choice(tuple(rules))]
    ids, spoil = rng.choice(faults)
    broken = dict(record)
    spoil(broken, rng)
    return broken, tuple(ids.split())


UNDECODABLE = ("null_value", "unknown_framing", "unknown_schema", "undecodable", "wrong_partition", "wrong_key")
OVERSIZED_SHARE = 0.02


def undecodable(good: Message, rng: Random, partitions: int) -> Message:
    """A record that is answered by a dead letter, made from an event. One reason each."""
    assert good.key
    assert good.value
    assert good.fact
    reason = "oversized" if rng.random() < OVERSIZED_SHARE else rng.choice(UNDECODABLE)
    key: bytes | None = good.key
    value: bytes | None = good.value
    partition: int | None = None
    match reason:
        case "null_value":
            value = None
        case "oversized":
            value = good.value + bytes(MIB)
        case "unknown_framing":
            value = rng.choice((b'{"declaration_number": "1"}', b"<declaration/>", b"", b"\xff" + good.value))
        case "unknown_schema":
            value = b"\xc3\x01" + rng.randbytes(8) + good.value[10:]
        case "undecodable":
            cut = rng.randrange(12, len(good.value) - 1)
            sender = good.fact.identity[0].encode()
            value = good.value[:cut] if rng.random() < 0.5 else good.value.replace(sender, b"\xff" * len(sender))
        case "wrong_partition":
            partition = (partition_of(good.key, partitions) + 1) % partitions
        case _:
            key = rng.choice((None, b"", b"4258", good.key + b" "))
            partition = partition_of(key, partitions) if key is not None else rng.randrange(partitions)
    return Message(key, value, partition, None, reason)
