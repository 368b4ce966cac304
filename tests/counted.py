"""Records of the counter trade as the worker writes them, for tests of those who read them."""

from typing import Any

import schemas

MIDNIGHT = 1_714_492_800_000  # 2024-05-01T00:00+08:00 is 2024-04-30T16:00 UTC
DAY = {"window": "DAY", "window_start": MIDNIGHT}


def key(partner: str = "KZ", **changes: Any) -> bytes:
    """The Kafka key: all time, unless ``DAY`` or another window is given."""
    named = {"counter": "trade", "breakdown": "PARTNER", "code": partner, "flow": "IMPORT", "jurisdiction": "CN"}
    return schemas.encode("TradeKey", {**named, "window": "ALL_TIME", "window_start": None, **changes})


def value(**changes: Any) -> bytes:
    """The total: 3 declarations with 4 items of 12.34 yuan and 5 kg, revision 7, generation 1."""
    figures = {"declarations": 3, "items": 4, "value": 1_234, "net_mass": 5_000, "quantity": 0, "unconverted": 0}
    about = {"source_positions": [4, 0, 3, 0, 0, 0, 0, 0], "watermark": 1_700_000_000_123, "definition": 1}
    stands = {"window_end": None, "time_zone": "Asia/Shanghai", "revision": 7, "generation": 1, "status": "PROVISIONAL"}
    return schemas.encode("Trade", {**figures, **about, **stands, **changes})
