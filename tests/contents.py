"""What drawn declarations and control records say: contents that bring every counter, rate, charge and rule to bear."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from tests.events import Record, at, charge, count, duty, equipment, house, item, permit, rate, uscc

HOUR = 3_600_000
EDGES = (
    at("2025-03-01T00:00+08:00"),
    at("2025-03-01T00:00+09:00"),
    at("2025-03-01T00:00+00:00"),
    at("2024-02-29T00:00+08:00"),
    at("2026-01-01T00:00+08:00"),
    at("2026-01-01T00:00+09:00"),
    at("2026-01-01T00:00+00:00"),
    at("2023-07-04T00:00+08:00"),
)
"""First instants of days, months and years in Shanghai, Seoul and UTC; and the day a group got a member."""

DAYS = {day: date.fromisoformat(day).toordinal() - date(1970, 1, 1).toordinal() for day in ("2025-01-31", "2025-12-31")}


SEVEN = ("8703230000", "0101210000", "2701120000", "5201000000", "8541420000", "8507600000", "9701210000")
GOODS: tuple[list[Record], ...] = (
    [item()],
    [item(total=90_000)],
    [item(origin_country="UZ", destination_country="RU")],
    [item(origin_country="IR"), item(2, origin_country="CN", destination_country="CN"), item(3, total=33_333)],
    [item(), item(2, "2701120000", 4_000, net_mass=None)],
    [item(), item(2, "8703600000", 25_000, net_mass=25_000, quantity=250_000, unit="003", unit_price=1_000_000)],
    [item(commodity_code="0101210000", total=0, net_mass=None)],
    [item(total=0), item(2, total=0, origin_country="IN")],
    [item(currency="USD"), item(2, total=1, currency="JPY"), item(3, "8541430000", 7, currency="EUR")],
    [item(currency="KGS", origin_country="KG"), item(2, "8507600000", 70_001, origin_country="GB")],
    [item(n, code, 10**n + n, currency="USD") for n, code in enumerate(SEVEN, 1)],
    [item(total=99_999, currency="KRW", destination_country="KR"), item(2, total=3, unit="035")],
)
HEADERS: tuple[dict[str, Any], ...] = (
    {},
    {"trade_country": "UZ"},
    {"flow": "EXPORT"},
    {"flow": "IMPORT"},
    {"jurisdiction": "KR"},
    {"jurisdiction": "KR", "declaration_office": "030", "flow": "EXPORT", "transport_mode": "10"},
    {"transport_mode": "3"},
    {"transport_mode": "5"},
    {"trade_terms": "3", **charge("freight", "3", "150.55", "USD"), **charge("insurance", "1", "0.3")},
    {"trade_terms": "7", **charge("freight", "2", "40.01", "USD"), **charge("insurance", "3", "33.34", "CNY")},
    {"trade_terms": "1", **charge("freight", "1", "5", None), **charge("insurance", "1", "0.31")},
    {"trade_terms": "2", **charge("freight", "3", "1000", "KGS"), **charge("insurance", "1", "0.3")},
    {"trade_terms": "4", **charge("freight", "3", "7", "KGS"), **charge("insurance", "3", "0.07", "EUR")},
    {"trade_terms": "6", **charge("freight", "3", "7", "KGS"), **charge("other_charges", "1", "99")},
    {"trade_terms": "3", **charge("freight", "2", "9999.9999", "EUR"), **charge("insurance", "3", "9999", "EUR")},
    {"exchange_rates": [rate("USD", "7.2"), rate("USD", "1")]},
    {"exchange_rates": [rate("KGS", "0.0834567891"), rate("CNY", "0.5")]},
    {"exchange_rates": [rate("JPY", "0.5"), rate("EUR", "8.0000000001")]},
    {"declaration_date": DAYS["2025-01-31"]},
    {"declaration_date": DAYS["2025-12-31"]},
    {"gross_mass": None},
    {"gross_mass": 1_250_000, "net_mass": None},
    {"procedure": "4561", "duty_regime": "299"},
    {"procedure": "1210"},
    {"procedure": "9610", "channel": "OTHER"},
    {"procedure": "0214", "manual": "B12345678901", "remark": "fee: 100"},
    {"used_goods": True},
    {"risk_lane": "GREEN"},
    {"risk_lane": "RED"},
    {"channel": "OTHER"},
    {"trader_id": uscc(2)},
    {"trader_id": None},
    {"trader_province": "37", "trader_city": "3702", "trader_district": "370281", "trader_zone": "SCODA"},
    {"trader_province": "11", "trader_district": "370214", "trader_zone": "a zone"},
    {"trader_province": "37", "trader_zone": "37", "channel": "OTHER"},
    {"arrival_time": EDGES[0] + HOUR},
    {"arrival_time": EDGES[0] - HOUR},
    {"duties": [duty("DUTY", 10_000), duty("VAT", 1), duty("VAT", 13_000, item=None)]},
    {"duties": [duty("VAT", 5), duty("OTHER", 0)], "permits": [permit("CIQ", "PENDING")]},
    {"permits": [permit("CIQ"), permit("CIQ"), permit("MEE", "REFUSED")]},
    {"containerised": True, "containers": [equipment(seals=["1", "2"], seal_count=2)]},
    {"house_documents": [house(300_000), house(300_000, "HB-2")]},
)
"""What a declaration is about, and what else it says. Most is right where number and jurisdiction allow it."""

LANES = ("UNASSIGNED", "UNASSIGNED", "GREEN", "YELLOW", "RED", "BLUE")
CONTROLS: tuple[dict[str, Any], ...] = (
    {},
    {"counts": [count("LODGED", 1, 100_000, 500_000)], "first_sequence": 1, "last_sequence": 4},
    {"counts": [count("LODGED", 2, 190_000, 10**6), count("AMENDED", 1), count("RELEASED", 3)]},
    {"counts": [count("ACCEPTED", 0)], "first_sequence": 4, "last_sequence": 4},
    {"first_sequence": 0, "last_sequence": 3},
)
"""What a control record says."""


@dataclass(frozen=True)
class Content:
    """What a declaration says: one of GOODS and some of HEADERS, the later ones over the earlier."""

    goods: int = 0
    headers: tuple[int, ...] = ()

    def fields(self) -> Record:
        """The fields it sets."""
        merged: Record = {"items": GOODS[self.goods]}
        for which in self.headers:
            merged |= HEADERS[which]
        return merged


PLAIN = Content()
"""What the builder says of itself."""
