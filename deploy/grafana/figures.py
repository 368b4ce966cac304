"""What the dashboard shows of the trade: the business figures, each of which a test holds to the ledger."""

from __future__ import annotations

from deploy.grafana.panel import (
    BARS,
    COUNT,
    FIGURE,
    HERE,
    KILOGRAMS,
    LINES,
    PER_SECOND,
    SECONDS,
    SHARE,
    STACKED,
    YUAN,
    Panel,
    counted,
    most,
    sorted_,
)

STATISTICAL = "Imports at release, CIF; exports at clearance, FOB; procedures outside the statistics are left out."
APPLIED = "Each event where it happened, whatever the procedure; never taken back."
ESTIMATED = "Estimated from ten buckets. Over all offices."


def _trade(title: str, breakdown: str, measure: str = "value_yuan", unit: str = YUAN, says: str = "") -> Panel:
    query = most(counted(f"trade_{measure}", "code, flow", breakdown=breakdown))
    return Panel(title, query, "{{code}} {{flow}}", BARS, unit, says=says or STATISTICAL)


def _whole(title: str, query: str, unit: str, says: str) -> Panel:
    return Panel(title, query, "{{flow}}", FIGURE, unit, width=6, says=says)


def _staged(title: str, measure: str, unit: str = COUNT, says: str = APPLIED) -> Panel:
    query = sorted_(counted(f"declarations_by_stage_{measure}", "flow, stage"))
    return Panel(title, query, "{{flow}} {{stage}}", BARS, unit, says=says)


def _office(title: str, stage: str) -> Panel:
    query = most(counted("declarations_by_stage_declarations", "flow, office", stage=stage))
    return Panel(title, query, "{{office}} {{flow}}", BARS, says=f"{APPLIED} By office of declaration.")


def _group(title: str, measure: str, unit: str = COUNT) -> Panel:
    query = counted(f"trade_with_groups_{measure}", "flow, group", membership="$membership", area="$area")
    says = (
        f"Groups overlap: never add them up. {STATISTICAL} Members as of each declaration's own day, or, constant, "
        "today's members at all times. Area: of the trader's registration; a country is its whole trade."
    )
    return Panel(title, sorted_(query), "{{group}} {{flow}}", BARS, unit, width=6, says=says)


def _quantile(of: float, by: str, **only: str) -> str:
    return f"histogram_quantile({of}, {counted('clearance_seconds_bucket', f'le, {by}', **only)})"


def _clearance(title: str, query: str, legend: str, says: str) -> Panel:
    return Panel(title, query, legend, BARS, SECONDS, width=6, says=says)


def _control(title: str, measure: str, unit: str = COUNT) -> Panel:
    said = [
        (
            f'sum by (step) (key:single_window_sender_control_{side}{measure}:sum{{period="today"}})',
            f"{{{{step}}}} {side}",
        )
        for side in ("received", "declared")
    ]
    says = (
        "Of all senders, sent today in Asia/Shanghai. Most declare a day when it is over: "
        "single-window reconcile SENDER --day DAY is exact for any."
    )
    return Panel(title, *said[0], BARS, unit, width=6, says=says, more=(said[1],))


DECLARATIONS = (
    _staged("Declarations by stage", "declarations"),
    _office("Lodged by office", "LODGED"),
    _office("Released by office", "RELEASED"),
    _staged("Value by stage", "value_yuan", YUAN),
    _staged("Without a rate, by stage", "unconverted", says="Declarations whose value in yuan lacks what had no rate."),
    Panel(
        "Declarations a second by stage",
        'stage:single_window_declarations:rate5m{jurisdiction="$jurisdiction"}',
        "{{flow}} {{stage}}",
        STACKED,
        PER_SECOND,
        says="Five minutes' mean. A worker that adds up its counters anew shows as a peak.",
    ),
)
TRADE = (
    _whole("Trade", counted("trade_value_yuan", "flow", breakdown="TOTAL"), YUAN, STATISTICAL),
    _whole("Declarations that count", counted("trade_declarations", "flow", breakdown="TOTAL"), COUNT, STATISTICAL),
    _whole(
        "Share without a rate",
        f"flow:single_window_trade_unconverted:ratio{{{HERE}}}",
        SHARE,
        "Of the declarations that count: their value in yuan lacks what no rate was known for.",
    ),
    _whole(
        "Breakdowns beside the total",
        f"max by (flow) (abs(breakdown:single_window_trade_value_yuan:difference{{{HERE}}}))",
        YUAN,
        "Partners, chapters, sections, channels, procedures and modes each add up to the total. What differs is being "
        "counted, or is wrong: an alert tells them apart.",
    ),
    _trade("Trade by partner", "PARTNER", says=f"{STATISTICAL} Imports by origin, exports by destination."),
    _trade("Net mass by partner", "PARTNER", "net_mass_kilograms", KILOGRAMS),
    _trade("Trade by section", "SECTION"),
    _trade("Trade by chapter", "CHAPTER"),
    _trade("Net mass by chapter", "CHAPTER", "net_mass_kilograms", KILOGRAMS),
    _trade("Trade by watched heading", "HEADING", says=f"{STATISTICAL} Watched headings only."),
    _trade("Trade by area", "AREA", says=f"{STATISTICAL} By registration of the trader. Areas lie in each other."),
    _trade("Trade by procedure", "PROCEDURE"),
    _trade(
        "Trade by mode of transport", "MODE", says=f"{STATISTICAL} UN Rec 19: 1 sea, 2 rail, 3 road, 4 air, 5 mail."
    ),
    _trade("Trade by channel", "CHANNEL", says=f"{STATISTICAL} Through the platform, or otherwise."),
    _trade("Without a rate, by partner", "PARTNER", "unconverted", COUNT, "Declarations whose yuan are too few."),
    _trade("Items by chapter", "CHAPTER", "items", COUNT),
)
GOODS = (
    _trade("New three", "NEW_THREE", says=f"{STATISTICAL} Electric vehicles, solar cells, lithium batteries."),
    _trade("New three, net mass", "NEW_THREE", "net_mass_kilograms", KILOGRAMS),
    _trade("Used cars", "USED_CARS"),
    _trade("Used cars, vehicles", "USED_CARS", "quantity_units", COUNT, "What was declared by vehicle or by set."),
    _trade("E-commerce by procedure", "E_COMMERCE"),
    _trade("E-commerce, declarations", "E_COMMERCE", "declarations", COUNT),
)
GROUPS = (
    _group("Trade with groups", "value_yuan", YUAN),
    _group("Net mass with groups", "net_mass_kilograms", KILOGRAMS),
    _group("Declarations with groups", "declarations"),
    _group("Without a rate, by group", "unconverted"),
)
ARRIVED = f"{ESTIMATED} Goods that had arrived when they were lodged."
CLEARANCE = (
    _clearance(
        "Median time by lane",
        _quantile(0.5, "interval, lane", arrival="ARRIVED"),
        "{{interval}} {{lane}}",
        ARRIVED,
    ),
    _clearance(
        "90 of 100 within, by lane",
        _quantile(0.9, "interval, lane", arrival="ARRIVED"),
        "{{interval}} {{lane}}",
        ARRIVED,
    ),
    _clearance(
        "Median time by arrival",
        _quantile(0.5, "interval, arrival"),
        "{{interval}} {{arrival}}",
        f"{ESTIMATED} Lodged before the goods arrived, or after.",
    ),
    _clearance(
        "Mean time by arrival",
        f"{counted('clearance_seconds_sum', 'interval, arrival')}\n"
        f"/ {counted('clearance_seconds_count', 'interval, arrival')}",
        "{{interval}} {{arrival}}",
        "Exact. A few long ones make it longer than the median.",
    ),
    Panel(
        "Lanes against expected",
        f"lane:single_window_lanes:ratio{{{HERE}}}",
        "{{lane}}",
        BARS,
        SHARE,
        says="Of the declarations accepted in a lane. Expected: processor/reference/lanes.csv.",
        more=(("lane:single_window_lane_expected_share:max", "{{lane}} expected"),),
    ),
    Panel(
        "Drift of lanes",
        f"lane:single_window_lanes:drift{{{HERE}}}",
        "{{lane}}",
        LINES,
        SHARE,
        says="How much more than expected, of all: 0.02 is two points.",
    ),
    Panel(
        "Lanes by office",
        most(counted("lanes_declarations", "lane, office")),
        "{{office}} {{lane}}",
        BARS,
        says="Declarations accepted, with those in no lane (UNASSIGNED).",
    ),
)
OTHERS = (
    Panel(
        "Active enterprises",
        most(counted("enterprises_enterprises", "area, flow", channel="ALL")),
        "{{area}} {{flow}}",
        BARS,
        width=6,
        says="Different traders with a declaration that counts. Areas lie in each other; who imports and exports is in "
        "both. Not counted by day.",
    ),
    Panel(
        "Active enterprises through the platform",
        most(counted("enterprises_enterprises", "area, flow", channel="PLATFORM")),
        "{{area}} {{flow}}",
        BARS,
        width=6,
        says="As before, of declarations through the platform. Not counted by day.",
    ),
    Panel(
        "Duties and taxes",
        sorted_(counted("duties_amount_currency_units", "flow, kind")),
        "{{kind}} {{flow}}",
        BARS,
        width=6,
        says="In the jurisdiction's currency, as declared; of all declarations that count, whatever the procedure.",
    ),
    Panel(
        "Permits by agency",
        most(counted("permits_permits", "agency, state")),
        "{{agency}} {{state}}",
        BARS,
        width=6,
        says="Of all declarations that count, whatever the procedure.",
    ),
)
CONTROL = (
    _control("Events by sender control", ""),
    _control("Values by sender control", "_value_currency_units"),
    _control("Net mass by sender control", "_net_mass_kilograms", KILOGRAMS),
    Panel(
        "Declared and not received",
        'step:single_window_sender_control:missing{period="today"}',
        "{{step}}",
        BARS,
        width=6,
        says="Above 0: it did not arrive, or was refused. Below 0: some have not declared yet.",
    ),
)
