"""Changes to a valid event, each at or just over the edge of one rule: what senders get wrong, and nearly wrong."""

from dataclasses import dataclass
from typing import Any

from tests.events import container, item, uscc
from tests.oracle_rules import FIRST_MOMENT, LAST_MOMENT


@dataclass(frozen=True, repr=False)
class Spoil:
    """Fields and what they become. Printed short: a thousand items would drown a failing example."""

    changes: dict[str, Any]

    def __repr__(self) -> str:
        return f"Spoil({str(self.changes)[:100]})"


INT, LONG = 2**31 - 1, 2**63 - 1
_BOTH: tuple[dict[str, Any], ...] = (
    {"version": 0},
    {"version": 9999},
    {"version": 10_000},
    {"version": -INT - 1},
    {"revision": 0},
    {"revision": 9999},
    {"revision": INT},
    {"sender_id": ""},
    {"sender_id": "x" * 64},
    {"sender_id": "x" * 65},
    {"sender_id": "a sender"},
    {"sender_id": "青岛海关"},
    {"event_id": "\x1f"},
    {"event_id": "\x7f"},
    {"event_id": "id\n"},
    {"event_time": FIRST_MOMENT},
    {"event_time": FIRST_MOMENT - 1},
    {"event_time": LAST_MOMENT},
    {"event_time": LAST_MOMENT + 1},
    {"event_time": LONG},
    {"event_time": -LONG - 1},
    {"sent_at": LONG},
    {"sent_at": -LONG - 1},
    {"synthetic": False},
)
_STATUS: tuple[dict[str, Any], ...] = (
    {"office": ""},
    {"office": "ABCDEFGH"},
    {"office": "ABCDEFGHI"},
    {"office": "４２００"},  # noqa: RUF001
)
_HEADER: tuple[dict[str, Any], ...] = (
    {"declaration_number": ""},
    {"declaration_number": "42002025"},
    {"declaration_number": "420020251"},
    {"declaration_number": "x" * 32},
    {"declaration_number": "x" * 33},
    {"declaration_number": "42002025100000000１"},  # noqa: RUF001
    {"declaration_number": "420020251000000001\n"},
    {"declaration_number": "999920251000000001", "declaration_office": "9999"},
    {"declaration_date": 20_453},  # 2025-12-31
    {"declaration_date": 20_454},  # 2026-01-01
    {"declaration_date": INT},
    {"declaration_date": -INT - 1},
    {"declaration_office": ""},
    {"declaration_office": "4240"},
    {"declaration_office": "４２００"},  # noqa: RUF001
    {"declaration_office": "ABCDEFGHI"},
    {"jurisdiction": "RU"},
    {"jurisdiction": "cn"},
    {"jurisdiction": ""},
    {"procedure": "110"},
    {"procedure": "٠١١٠"},  # noqa: RUF001
    {"procedure": "0110\n"},
    {"trader_id": None},
    {"trader_id": ""},
    {"trader_id": uscc(7)},
    {"trader_id": uscc().lower()},
    {"trader_id": f" {uscc()}"},
    {"trader_id": uscc()[:17] + "Z"},
    {"trader_id": uscc()[:17] + ("0" if uscc()[17] != "0" else "1")},
    {"trader_id": "9137020\n" + uscc()[8:]},
    {"partner_country": "kz"},
    {"partner_country": "XK"},
    {"partner_country": "EU"},
    {"transport_mode": ""},
    {"transport_mode": "G"},
    {"transport_mode": "3", "conveyance": None},
    {"transport_mode": "3", "conveyance": "X8050"},
    {"transport_mode": "3", "conveyance": "x8050"},
    {"transport_mode": "3", "conveyance": "X7050"},
    {"transport_mode": "3", "conveyance": "X80500"},
    {"gross_mass": None},
    {"net_mass": None},
    {"gross_mass": None, "net_mass": None},
    {"net_mass": 999},
    {"net_mass": 1000},
    {"gross_mass": 999, "net_mass": None},
    {"net_mass": 600_000},
    {"net_mass": 600_001},
    {"gross_mass": 10**12},
    {"gross_mass": 10**12 + 1},
    {"net_mass": -LONG - 1},
    {"currency": "usd"},
    {"currency": "USD\n"},
    {"currency": "DEM"},
    {"currency": "XXX"},
    {"packages": -1},
    {"conveyance": "中欧班列"},
)
_CONTAINERS: tuple[dict[str, Any], ...] = (
    {"containerised": True},
    {"containers": [container()]},
    {"containerised": True, "containers": [container(), container(1, "MSK")]},
    {"containerised": True, "containers": [container().lower()]},
    {"containerised": True, "containers": ["CSQU3054384", container(), "CSQU 305438 3"]},
    {"containerised": True, "containers": ["C_QU3054383"]},
    {"containerised": True, "containers": ["CSQU305438３"]},  # noqa: RUF001
    {"containerised": True, "containers": ["HLXU1000007", "TGHU0000008"]},
    {"containerised": True, "containers": ["CSQR3054380", "CSQX3054383", "1SQU3054383", ""]},
    {"containerised": True, "containers": [container()] * 999},
    {"containerised": True, "containers": [container()] * 1000},
)
_ITEMS: tuple[list[dict[str, Any]], ...] = (
    [],
    [item(0)],
    [item(2)],
    [item(1), item(1)],
    [item(2), item(1)],
    [item(1), item(2), item(4)],
    [item(n) for n in range(1, 1000)],
    [item(n) for n in range(1, 1001)],
    [item(commodity_code="870380")],
    [item(commodity_code="8703800")],
    [item(commodity_code="87038000000")],
    [item(commodity_code="8703809x")],
    [item(commodity_code="8703800000\n")],
    [item(commodity_code="８７０３８０００００")],  # noqa: RUF001
    [item(commodity_code="9999990000")],
    [item(commodity_code="7700000000")],
    [item(commodity_code="")],
    [item(total=100_001, unit_price=10_000_000)],
    [item(total=100_002, unit_price=10_000_000)],
    [item(total=99_999, unit_price=10_000_000)],
    [item(total=99_998, unit_price=10_000_000)],
    [item(total=100_000, unit_price=10_000_001, quantity=1_009_999)],
    [item(total=101, unit_price=33_333, quantity=30_000_0)],
    [item(total=5, quantity=None)],
    [item(total=5, unit_price=None)],
    [item(total=0)],
    [item(total=-1, quantity=None)],
    [item(total=10**13, quantity=None)],
    [item(total=10**13 + 1, quantity=None)],
    [item(total=LONG, quantity=LONG, unit_price=LONG)],
    [item(total=-LONG - 1, quantity=-LONG - 1, unit_price=LONG)],
    [item(total=10**13, quantity=10**14, unit_price=10**14)],
    [item(quantity=10**14 + 1, unit_price=-1)],
    [item(net_mass=10**12), item(2, net_mass=10**12 + 1), item(3, net_mass=-1)],
    [item(net_mass=LONG), item(2, net_mass=LONG)],
    [item(origin_country="XX"), item(2), item(3, origin_country="cn")],
)
STATUS_SPOILS = tuple(Spoil(changes) for changes in (*_BOTH, *_STATUS))
DECLARATION_SPOILS = tuple(
    Spoil(changes) for changes in (*_BOTH, *_HEADER, *_CONTAINERS, *({"items": items} for items in _ITEMS))
)
