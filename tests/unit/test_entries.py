"""What the declarations flow counts of stages and contributions, worked by hand."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import schemas
from processor.engine.counters import count
from processor.engine.model import Due, Source
from processor.flows.declarations.counters import COUNTERS
from processor.flows.declarations.entries import bucket
from tests.engine import PARTITIONS, TOTALS, Memory, folds
from tests.entries import APPENDED, AT, WIDTH, Counted, Reached, counts, enterprises, entries, steps, tables, totals
from tests.events import at, charge, control, declaration, duty, item, permit, uscc


@pytest.mark.parametrize(
    ("seconds", "bound"),
    [
        *((s, s + 1) for s in range(32)),
        *((32, 34), (33, 34), (34, 36), (62, 64), (63, 64), (64, 68), (67, 68), (127, 128), (128, 136)),
        *((3_600, 3_712), (86_400, 90_112), (2**40 - 1, 2**40), (2**40, 17 * 2**36)),
    ],
)
def test_a_time_falls_into_the_bucket_below_its_bound(seconds: int, bound: int) -> None:
    assert bucket(pl.Series([seconds])).to_list() == [str(bound)]


def by_bits(seconds: int) -> int:
    """Five leading bits, and one more: what lies above all numbers with the same."""
    rest = max(0, seconds.bit_length() - 5)
    return ((seconds >> rest) + 1) << rest


SECONDS = st.one_of(
    st.integers(0, 2**40), st.builds(lambda e, d: max(0, 2**e + d), st.integers(0, 40), st.integers(-2, 2))
)


@given(st.lists(SECONDS, max_size=40))
@example([])
def test_buckets_are_the_five_leading_bits(seconds: list[int]) -> None:
    bounds = [int(bound) for bound in bucket(pl.Series(seconds, dtype=pl.Int64)).to_list()]
    assert bounds == [by_bits(s) for s in seconds]
    for s, bound in zip(seconds, bounds, strict=True):
        assert s < bound <= s + 1 + s / 16
        assert by_bits(bound) > bound, "the bound itself is in the next one"


def test_a_stage_counts_with_the_declarations_value_whatever_its_procedure() -> None:
    lodged = declaration(items=[item(total=500), item(2, total=700, net_mass=None)])
    outside = declaration(procedure="0255", declaration_office="4201", flow="EXPORT")
    assert not tables().procedures.filter(pl.col("code") == "0255")["statistical"].any()
    assert steps("declarations-by-stage", Reached("LODGED", lodged), Reached("LODGED", lodged)) == {
        "LODGED 4200 IMPORT CN": (2, 2_400, 1_000_000, 0)
    }
    assert steps("declarations-by-stage", Reached("LODGED", outside), Reached("CLEARED", lodged)) == {
        "LODGED 4201 EXPORT CN": (1, 100_000, 500_000, 0),
        "CLEARED 4200 IMPORT CN": (1, 1_200, 500_000, 0),
    }


def test_a_stage_of_a_declaration_with_a_price_or_charge_without_a_rate_is_unconverted() -> None:
    mixed = declaration(items=[item(total=500), item(2, total=700, currency="XAU")])
    charged = declaration(trade_terms="3", **charge("freight", "3", "5", "XAU"))
    found = steps("declarations-by-stage", Reached("LODGED", mixed), Reached("LODGED", charged))
    assert found == {"LODGED 4200 IMPORT CN": (2, 100_500, 1_500_000, 2)}


def test_a_senders_own_count_reaches_no_stage() -> None:
    found = entries(reached=[Reached("", control())])
    assert totals("declarations-by-stage", found) == totals("lanes", found) == totals("clearance-times", found) == {}


def test_lanes_are_those_of_acceptance() -> None:
    one = declaration()
    found = steps(
        "lanes",
        Reached("LODGED", one, lane="BLUE"),
        Reached("ACCEPTED", one, lane="RED"),
        Reached("ACCEPTED", one, lane="RED"),
        Reached("ACCEPTED", one),
        Reached("RELEASED", one, lane="GREEN"),
    )
    assert found == {"RED 4200 IMPORT CN": (2,), "UNASSIGNED 4200 IMPORT CN": (1,)}


#   lodged 10:00   accepted 10:30   arrives 11:00   released 11:30
def test_a_release_has_two_times_from_lodgement_and_from_acceptance() -> None:
    lodged, accepted, arrives, released = (
        at(f"2025-03-01T{time}+08:00") for time in ("10:00", "10:30", "11:00", "11:30")
    )
    expected = declaration(arrival_time=arrives)
    found = steps("clearance-times", Reached("RELEASED", expected, released, "GREEN", lodged, accepted))
    assert found == {
        f"LODGED_TO_RELEASED PRE_ARRIVAL GREEN {by_bits(5_400)} 4200 IMPORT CN": (1, 5_400),
        f"ACCEPTED_TO_RELEASED PRE_ARRIVAL GREEN {by_bits(3_600)} 4200 IMPORT CN": (1, 3_600),
    }
    assert steps("clearance-times", Reached("CLEARED", expected, released, "GREEN", lodged, accepted)) == {}


@pytest.mark.parametrize(
    ("arrives", "arrival"), [(AT + 1, "PRE_ARRIVAL"), (AT, "ARRIVED"), (AT - 1, "ARRIVED"), (None, "ARRIVED")]
)
def test_goods_that_arrive_after_lodgement_were_declared_before(arrives: int | None, arrival: str) -> None:
    found = steps("clearance-times", Reached("RELEASED", declaration(arrival_time=arrives)))
    assert {key.split()[1] for key in found} == {arrival}


@pytest.mark.parametrize(("ms", "seconds"), [(0, 0), (999, 0), (1_000, 1), (1_999, 1), (-1, 0), (-5_000, 0)])
def test_times_are_whole_seconds_and_never_negative(ms: int, seconds: int) -> None:
    found = steps("clearance-times", Reached("RELEASED", declaration(), AT + ms))
    assert set(found.values()) == {(1, seconds)}
    assert {key.split()[3] for key in found} == {str(seconds + 1)}


def test_trade_has_an_entry_for_each_code_of_each_breakdown() -> None:
    record = declaration(
        items=[
            item(1, "8703800000", 1_000, net_mass=10, origin_country="KZ", quantity=300_000, unit="001"),
            item(2, "8703600000", 2_000, net_mass=20, origin_country="UZ", quantity=200_000, unit="035"),
            item(3, "0101210000", 4_000, net_mass=None, origin_country="KZ"),
        ],
        used_goods=True,
        procedure="1210",
        transport_mode="3",
        channel="OTHER",
        trader_province="37",
        trader_city="3702",
        trader_district="370281",
        trader_zone="NOWHERE",
    )
    whole, watched = (1, 3, 7_000, 30, 0, 0), tables().watched_headings["heading"].to_list()
    cars = (1, 2, 3_000, 30, 0, 0)
    assert "8703" in watched
    assert counts("trade", Counted(record)) == {
        f"{view} IMPORT CN": amounts
        for view, amounts in {
            "TOTAL ALL": whole,
            "PARTNER KZ": (1, 2, 5_000, 10, 0, 0),
            "PARTNER UZ": (1, 1, 2_000, 20, 0, 0),
            "CHAPTER 87": cars,
            "CHAPTER 01": (1, 1, 4_000, 0, 0, 0),
            "SECTION XVII": cars,
            "SECTION I": (1, 1, 4_000, 0, 0, 0),
            "HEADING 8703": cars,
            "NEW_THREE ELECTRIC_VEHICLES": cars,
            "USED_CARS ALL": (1, 2, 3_000, 30, 300_000, 0),
            "AREA 37": whole,
            "AREA 3702": whole,
            "AREA 370281": whole,
            "CHANNEL OTHER": whole,
            "PROCEDURE 1210": whole,
            "MODE 2": whole,
            "E_COMMERCE 1210": whole,
        }.items()
    }


def test_the_partner_of_an_export_is_where_it_goes() -> None:
    record = declaration(
        flow="EXPORT",
        trade_country="RU",
        items=[item(total=1, origin_country="CN"), item(2, total=2, origin_country="CN", destination_country="BY")],
    )
    found = counts("trade", Counted(record))
    assert {key: n[:3] for key, n in found.items() if key.startswith("PARTNER")} == {
        "PARTNER RU EXPORT CN": (1, 1, 1),
        "PARTNER BY EXPORT CN": (1, 1, 2),
    }


@pytest.mark.parametrize(("unit", "quantity"), [("001", 7), ("003", 7), ("035", 0), (None, 0)])
def test_used_cars_are_counted_in_vehicles_only(unit: str | None, quantity: int) -> None:
    record = declaration(items=[item(unit=unit, quantity=7)], used_goods=True)
    assert counts("trade", Counted(record))["USED_CARS ALL IMPORT CN"][4] == quantity
    for other in (declaration(items=[item(unit=unit)]), declaration(items=[item(1, "2701120000")], used_goods=True)):
        assert "USED_CARS ALL IMPORT CN" not in counts("trade", Counted(other))


def test_a_part_is_unconverted_by_its_own_items_and_the_whole_by_any() -> None:
    record = declaration(items=[item(total=5), item(2, "2701120000", 7, currency="XAU", origin_country="UZ")])
    found = counts("trade", Counted(record))
    assert {key.removesuffix(" IMPORT CN") for key, amounts in found.items() if amounts[-1] == 0} == {
        "PARTNER KZ",
        "CHAPTER 87",
        "SECTION XVII",
        "HEADING 8703",
        "NEW_THREE ELECTRIC_VEHICLES",
    }
    assert found["TOTAL ALL IMPORT CN"] == (1, 2, 5, 1_000_000, 0, 1)


def test_procedures_outside_statistics_count_as_no_trade_but_in_duties_permits_and_enterprises() -> None:
    found = entries([Counted(declaration(procedure="0255", duties=[duty()], permits=[permit()]))])
    assert totals("trade", found) == totals("trade-with-groups", found) == {}
    assert totals("duties", found).keys() == {"VAT IMPORT CN"}
    assert totals("permits", found).keys() == {"GACC-QUARANTINE GRANTED IMPORT CN"}
    assert enterprises(found).keys() == {f"CN {channel} IMPORT CN {uscc()}" for channel in ("ALL", "PLATFORM")}


def test_another_jurisdiction_has_its_own_entries_and_its_own_clock() -> None:
    korean = declaration("04025-25-1234567", jurisdiction="KR", declaration_office="040", flow="IMPORT")
    midnight = at("2025-03-01T00:00+09:00")
    found = entries([Counted(korean, at=midnight), Counted(declaration(), at=midnight)])
    assert totals("trade", found)["TOTAL ALL IMPORT KR"][0] == 1
    days = totals("trade", found, "d")
    assert (days["20148 TOTAL ALL IMPORT KR"][0], days["20147 TOTAL ALL IMPORT CN"][0]) == (1, 1)


def test_duties_are_added_up_by_kind_and_permits_by_agency_and_state() -> None:
    record = declaration(
        duties=[duty("VAT", 5), duty("VAT", 7, 2), duty("DUTY", 11, None)],
        permits=[permit("A"), permit("A"), permit("A", "PENDING"), permit("B")],
    )
    assert counts("duties", Counted(record), Counted(record)) == {
        "VAT IMPORT CN": (2, 24),
        "DUTY IMPORT CN": (2, 22),
    }
    assert counts("permits", Counted(record), Counted(record), Counted(record, -1)) == {
        "A GRANTED IMPORT CN": (2,),
        "A PENDING IMPORT CN": (1,),
        "B GRANTED IMPORT CN": (1,),
    }


def test_entries_of_nothing_are_nothing() -> None:
    found = entries()
    assert count([counter for counter in COUNTERS if counter.distinct is None], found, WIDTH).keys == []
    assert enterprises(found) == {}
    assert {counter.of for counter in COUNTERS} == {*found, "answer", "finding"}


RECORDS = st.builds(
    lambda base, changes: declaration(**{**base, **changes}),
    st.sampled_from([{"flow": "IMPORT"}, {"flow": "EXPORT"}, {"procedure": "0255"}, {"procedure": "1210"}]),
    st.fixed_dictionaries(
        {
            "items": st.lists(
                st.builds(
                    lambda code, partner, unit, total, currency: item(
                        1,
                        code,
                        total,
                        origin_country=partner,
                        destination_country=partner,
                        unit=unit,
                        currency=currency,
                    ),
                    st.sampled_from(["8703800000", "8507600000", "2701120000", "0101210000"]),
                    st.sampled_from(["KZ", "UZ", "BY", "GB", "VN", "US"]),
                    st.sampled_from(["001", "035"]),
                    st.integers(0, 10**6),
                    st.sampled_from(["CNY", "CNY", "XAU"]),
                ),
                min_size=1,
                max_size=4,
            ),
            "used_goods": st.booleans(),
            "channel": st.sampled_from(["PLATFORM", "OTHER"]),
            "trader_province": st.sampled_from([None, "37"]),
            "trader_city": st.sampled_from([None, "3702", "1101"]),
            "duties": st.lists(st.builds(duty, st.sampled_from(["VAT", "DUTY"]), st.integers(0, 9)), max_size=2),
            "permits": st.lists(st.builds(permit, st.sampled_from("AB")), max_size=2),
        }
    ),
)
MOVED = st.builds(
    Counted,
    record=RECORDS,
    sign=st.sampled_from([1, 1, -1]),
    at=st.sampled_from([AT, AT + 1, at("2024-07-03T23:59+08:00"), at("2024-07-04T00:00+08:00")]),
    since=st.sampled_from([APPENDED, APPENDED, 0]),
)


ADDED = [counter for counter in COUNTERS if counter.of in {"trade", "group", "duty", "permit"}]


def amounts(moved: Sequence[Counted]) -> dict[bytes, Any]:
    """All that contributions add to counters, by key."""
    changes = count(ADDED, entries(moved), WIDTH)
    return dict(zip(changes.keys, changes.amounts, strict=True))


@settings(max_examples=10)
@given(st.lists(MOVED, min_size=2, max_size=4))
def test_contributions_together_count_as_one_by_one(moved: list[Counted]) -> None:
    alone = [amounts([each]) for each in moved]
    sums: defaultdict[bytes, Any] = defaultdict(lambda: np.zeros(WIDTH, np.int64))
    for each in alone:
        for key, added in each.items():
            sums[key] = sums[key] + added
    found = {key: n.tolist() for key, n in amounts(moved).items()}
    assert found == {key: n.tolist() for key, n in sums.items()}


def test_a_posting_without_entries_says_how_far_it_is_and_changes_nothing() -> None:
    view = Memory()
    (outcome,) = folds()[0].posts([Due(Source("customs.declarations", 3, PARTITIONS), [], 7, APPENDED, view)])
    assert (outcome.position, outcome.watermark, outcome.puts, outcome.deletes) == (7, APPENDED, [], [])
    assert [len(message.values) for message in outcome.messages] == [1] * TOTALS
    for message in outcome.messages:
        assert message.values[0] is not None
        partial = schemas.decode(message.values[0])[1]
        assert (partial["counter_key"], partial["position"], partial["measures"]) == ("", 7, [])
