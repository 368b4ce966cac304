"""Trade with groups of partners, by the day and as they are now; and by where the trader is registered."""

from dataclasses import replace
from datetime import datetime
from typing import Any

import polars as pl
import pytest

from processor.reference import Reference
from tests.entries import APPENDED, Counted, counts, enterprises, entries, tables, totals
from tests.events import Record, at, declaration, item, uscc


def groups(record: Record, moment: str = "2025-03-01T10:00+08:00", **more: Any) -> set[str]:
    """Group and membership it is counted under, for its whole jurisdiction."""
    found = entries([Counted(record, at=at(moment))], **more)
    here = {key.split()[0] + " " + key.split()[1] for key in totals("trade-with-groups", found)}
    assert set(totals("trade-with-groups", found)) == {f"{key} CN IMPORT CN" for key in here}
    return here


def from_(*partners: str, **changes: Any) -> Record:
    return declaration(
        **{"items": [item(n, origin_country=partner) for n, partner in enumerate(partners, start=1)], **changes}
    )


#   Belarus joined the SCO on 2024-07-04; the United Kingdom's last day in the EU was 2020-01-31
@pytest.mark.parametrize(
    ("partner", "moment", "group", "memberships"),
    [
        ("BY", "2024-07-03T23:59:59.999+08:00", "SCO", {"CONSTANT"}),
        ("BY", "2024-07-04T00:00+08:00", "SCO", {"CONSTANT", "DATED"}),
        ("GB", "2020-01-31T23:59:59.999+08:00", "EU", {"DATED"}),
        ("GB", "2020-02-01T00:00+08:00", "EU", set()),
        ("GB", "2000-01-01T00:00+08:00", "EU", {"DATED"}),
        ("DE", "2025-03-01T00:00+08:00", "EU", {"CONSTANT", "DATED"}),
        ("DE", "2025-03-01T00:00+08:00", "SCO", set()),
        ("CN", "2025-03-01T00:00+08:00", "RCEP", set()),
    ],
)
def test_membership_is_that_of_the_day_or_that_of_today(
    partner: str, moment: str, group: str, memberships: set[str]
) -> None:
    found = groups(from_(partner), moment)
    assert {key.split()[1] for key in found if key.startswith(group + " ")} == memberships
    both = groups(from_(partner, "US"), moment)
    assert both == found, "whatever else it brings"


def test_a_partner_is_in_each_of_its_groups() -> None:
    every = {"SCO", "SCO_PARTNERS", "BELT_AND_ROAD", "ASEAN", "RCEP", "CENTRAL_ASIA", "EU"}
    assert {key.split()[0] for key in groups(from_("KZ"))} == {"SCO", "BELT_AND_ROAD", "CENTRAL_ASIA"}
    assert {key.split()[0] for key in groups(from_("VN"))} == {"BELT_AND_ROAD", "ASEAN", "RCEP"}
    assert groups(from_("US")) == set()
    assert set(tables().groups["group"]) == every


def test_two_partners_of_one_group_are_one_declaration() -> None:
    record = declaration(
        items=[
            item(1, total=1, net_mass=10, origin_country="KZ"),
            item(2, total=2, net_mass=20, origin_country="UZ"),
            item(3, total=4, net_mass=40, origin_country="KZ", currency="XAU"),
            item(4, total=8, net_mass=80, origin_country="UZ", currency="XAU"),
            item(5, total=16, net_mass=160, origin_country="RU"),
        ]
    )
    found = counts("trade-with-groups", Counted(record))
    assert found["SCO DATED CN IMPORT CN"] == (1, 5, 19, 310, 1)
    assert found["CENTRAL_ASIA DATED CN IMPORT CN"] == (1, 4, 3, 150, 1)
    assert found["CENTRAL_ASIA CONSTANT CN IMPORT CN"] == (1, 4, 3, 150, 1)
    away = counts("trade-with-groups", Counted(record, -1))
    assert away == {key: tuple(-n for n in amounts) for key, amounts in found.items()}


def with_groups(*rows: tuple[str, str, int, str, str | None]) -> Reference:
    """The tables with these groups: group, country, known_from, first and last day."""
    days = [
        (group, country, known, *((datetime.fromisoformat(d) - datetime(1970, 1, 1)).days if d else None for d in span))  # noqa: DTZ001 - dates
        for group, country, known, *span in rows
    ]
    return replace(tables(), groups=pl.DataFrame(days, schema=tables().groups.schema, orient="row"))


def test_a_row_counts_for_what_came_to_count_after_it_was_known() -> None:
    known = with_groups(
        ("OLD", "KZ", APPENDED, "2001-01-01", None),
        ("NEW", "KZ", APPENDED + 1, "2001-01-01", None),
        ("NEW", "UZ", APPENDED + 1, "2001-01-01", None),
    )
    assert groups(from_("KZ"), known=known) == {"OLD DATED", "OLD CONSTANT"}
    for partners in (("KZ",), ("KZ", "UZ")):
        since = [
            Counted(from_(*partners), sign, since=APPENDED + since)
            for sign, since in ((1, 0), (-1, 0), (1, 1), (-1, 1))
        ]
        for both in (since[:2], since[2:], since):
            found = totals("trade-with-groups", entries(both, known=known))
            assert set(found.values()) == {(0,) * 5}, "what was counted is taken away, whenever that is"


def test_a_partner_that_left_and_came_back_is_counted_once() -> None:
    known = with_groups(("G", "KZ", 0, "2001-01-01", "2010-12-31"), ("G", "KZ", 0, "2012-01-01", None))
    for moment, memberships in (("2005-05-05", 2), ("2011-05-05", 1), ("2015-05-05", 2)):
        for partners in (("KZ",), ("KZ", "US")):
            found = totals(
                "trade-with-groups", entries([Counted(from_(*partners), at=at(f"{moment}T00:00Z"))], known=known)
            )
            assert [n[:2] for n in found.values()] == [(1, 1)] * memberships


EVERYWHERE = {
    "trader_province": "37",
    "trader_city": "3702",
    "trader_district": "370281",
    "trader_zone": "SCODA",
}


def test_trade_with_groups_is_counted_for_the_jurisdiction_and_each_watched_area() -> None:
    found = counts("trade-with-groups", Counted(from_("KZ", **EVERYWHERE)), Counted(from_("KZ", trader_city="3702")))
    sco = {key.split()[2]: n[0] for key, n in found.items() if key.startswith("SCO DATED")}
    assert sco == {"CN": 2, "37": 1, "3702": 2, "370281": 1, "SCODA": 1}


def test_an_area_named_twice_is_one_area() -> None:
    twice = from_("KZ", trader_province="37", trader_zone="37")
    found = entries([Counted(twice)])
    assert totals("trade", found)["AREA 37 IMPORT CN"][0] == 1
    assert totals("trade-with-groups", found)["SCO DATED 37 IMPORT CN"][0] == 1
    assert "37 ALL IMPORT CN " + uscc() in enterprises(found)


def test_areas_nobody_watches_are_not_counted() -> None:
    record = from_("KZ", trader_province="11", trader_city="1101", trader_district="110101", trader_zone="X")
    assert {key.split()[2] for key in counts("trade-with-groups", Counted(record))} == {"CN"}
    assert not [key for key in counts("trade", Counted(record)) if key.startswith("AREA")]


def test_an_enterprise_is_in_all_channels_and_if_it_came_through_it_on_the_platform() -> None:
    first, second, third = (uscc(n) for n in (1, 2, 3))
    city = declaration(trader_id=first, trader_city="3702")
    declared = [
        Counted(city),
        Counted(city),
        Counted(city, -1),
        Counted(declaration(trader_id=second, channel="OTHER", flow="EXPORT")),
        Counted(declaration(trader_id=third, procedure="0255")),
        Counted(declaration(trader_id=None)),
    ]
    assert enterprises(entries(declared)) == {
        f"CN ALL IMPORT CN {first}": (1,),
        f"CN PLATFORM IMPORT CN {first}": (1,),
        f"3702 ALL IMPORT CN {first}": (1,),
        f"3702 PLATFORM IMPORT CN {first}": (1,),
        f"CN ALL EXPORT CN {second}": (1,),
        f"CN ALL IMPORT CN {third}": (1,),
        f"CN PLATFORM IMPORT CN {third}": (1,),
    }
