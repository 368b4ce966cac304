"""Rules of statuses and control records, and warnings about clocks and trains."""

from __future__ import annotations

import polars as pl

from processor.engine.rules import WARNING, Rule
from processor.flows.declarations.lifecycle import STAGES
from processor.flows.declarations.rules.vocabulary import (
    CN,
    OWN,
    TECHNICAL,
    c,
    one_of,
)

CONTROL = "own: the form of a control record"
CLOCK_SKEW_MS = 15 * 60_000
WRITTEN_DAYS = (-719_162, 2_932_896)
"""0001-01-01 and 9999-12-31, days since 1970: ISO 8601 has four digits for a year."""


def rules() -> list[Rule]:
    return [_arrival(), *_control(), *_clocks(), _train()]


def _arrival() -> Rule:
    return Rule(
        "E01",
        "status",
        "/estimated_arrival",
        "released after its estimated arrival",
        "预计抵达时间不晚于放行时间",
        c("estimated_arrival") > c("event_time"),
        f"{TECHNICAL}, R0004",
        applies=(c("status") == "RELEASED") & c("estimated_arrival").is_not_null(),
        expected="later than the event time of the release",
    )


def _control() -> list[Rule]:
    day = pl.from_epoch(c("date").clip(*WRITTEN_DAYS), time_unit="d").dt.to_string("%Y-%m-%d")
    return [
        Rule(
            "K01",
            "control",
            "/control_number",
            "not the number of this sender's day",
            "对账记录编号与发送方及日期不符",
            (c("control_number") == pl.concat_str("sender_id", pl.lit("/"), day)) & c("date").is_between(*WRITTEN_DAYS),
            CONTROL,
            expected="sender_id/date, the date as 2025-03-01",
        ),
        Rule(
            "K01",
            "control",
            "/last_sequence",
            "no range of sequences",
            "报文序号范围有误",
            (c("first_sequence") >= 0) & (c("first_sequence") <= c("last_sequence")),
            CONTROL,
            expected="0 <= first_sequence <= last_sequence; both 0: none",
        ),
        Rule(
            "K01",
            "count",
            "/counts/{place}/step",
            "no step, or one counted before",
            "统计环节名称有误或重复",
            one_of(c("step"), tuple(STAGES.values())) & pl.struct("row", "step").is_first_distinct(),
            CONTROL,
            expected="each once: " + ", ".join(STAGES.values()),
        ),
    ]


def _clocks() -> list[Rule]:
    return [
        Rule(
            "W01",
            on,
            "/event_time",
            "lies in the future of the broker's clock: check yours",
            "事件时间晚于平台时钟，请核对本机时钟",
            c("at") <= c("appended") + CLOCK_SKEW_MS,
            OWN,
            WARNING,
            expected="at most 15 minutes after the broker's time of arrival",
        )
        for on in ("declaration", "status", "control")
    ]


def _train() -> Rule:
    return Rule(
        "W02",
        "declaration",
        "/conveyance",
        "no train number of the China-Europe (X8...) or Central Asia (X9...) lines",
        "不是中欧班列或中亚班列的车次",
        c("conveyance").str.contains(r"^X[89][0-9]{3}$"),
        OWN,
        WARNING,
        applies=CN & (c("transport_mode") == "3"),
        expected="X8 or X9 and three digits",
    )
