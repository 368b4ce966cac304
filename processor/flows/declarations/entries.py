"""What counters count, made of stages reached, contributions made and answers given. Columns as the counters name."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import polars as pl

from processor.engine.counters import DAY_MINUTES
from processor.flows.declarations import areas
from processor.flows.declarations.content import CONTROL, PLATFORM_ZONE
from processor.flows.declarations.lifecycle import LANES, STAGES
from processor.flows.declarations.rules.vocabulary import EARLIEST_DAY, IDENTIFIER, LATEST_DAY
from processor.reference import Reference

c = pl.col
PLATFORM_OFFSET_MS = 8 * 3_600_000
"""Of PLATFORM_ZONE, in all years that events may be of."""
DOUBLINGS = 2 ** np.arange(5, 62)
DAY_MS = 86_400_000
WHEN = ("source", "sign", "minute", "live", "time_zone", "flow", "jurisdiction")
"""Every entry of a declaration has these."""
WORTH = ("items", "value", "net_mass", "unconverted")
WHOLE = ("channel", "procedure", "mode", "e_commerce")
TOOK_EFFECT = ("ACCEPTED", "ACCEPTED_WITH_WARNINGS", "PARKED")
EARLIEST, LATEST = EARLIEST_DAY * DAY_MS, LATEST_DAY * DAY_MS
"""Sent outside of these (ms), an event is of nobody's day."""

Entries = Mapping[str, pl.DataFrame]


def maker(reference: Reference, *carried: str) -> Callable[[pl.DataFrame, pl.DataFrame], Entries]:
    """``Flow.entries`` of this flow; ``carried``: fields of the document that entries are to have, too."""
    when = (*WHEN, *carried)

    def entries(stages: pl.DataFrame, contributions: pl.DataFrame) -> Entries:
        stages = stages.filter(c("stage") != "")
        declared = contributions.filter(c("flow") != CONTROL)
        statistical = declared.filter("statistical")
        return {
            "stage": stages,
            "lane": stages.filter(c("stage") == "ACCEPTED").with_columns_seq(_lane()),
            "clearance": _clearance(when, stages.filter(c("stage") == "RELEASED")),
            "trade": _trade(when, statistical),
            "group": _groups(when, statistical, reference.groups),
            "duty": _listed(when, declared, "duties", "amount"),
            "permit": _listed(when, declared, "permits", "permits"),
            "enterprise": declared.filter(c("trader") != ""),
            "control": _controls(contributions.filter(c("flow") == CONTROL)),
        }

    return entries


def _lane() -> pl.Expr:
    return c("tag").replace_strict(dict(enumerate(LANES)), return_dtype=pl.String).alias("lane")


def _clearance(when: tuple[str, ...], released: pl.DataFrame) -> pl.DataFrame:
    """Two entries each: from lodgement, from acceptance; in whole seconds, none below 0."""
    arrival = pl.when(c("arrival") > c("mark_0")).then(pl.lit("PRE_ARRIVAL")).otherwise(pl.lit("ARRIVED"))
    released = released.select_seq("office", "at", "mark_0", "mark_1", *when, _lane(), arrival.alias("arrival"))
    spans = [
        released.with_columns_seq(
            interval=pl.lit(interval), seconds=(c("at") - c(mark)).floordiv(1000).clip(lower_bound=0)
        )
        for interval, mark in (("LODGED_TO_RELEASED", "mark_0"), ("ACCEPTED_TO_RELEASED", "mark_1"))
    ]
    both = pl.concat(spans)
    return both.hstack([bucket(both["seconds"])])


def bucket(seconds: pl.Series) -> pl.Series:
    """Upper bound in seconds, as text, of the bucket of each (Int64): single seconds below 16, then sixteen buckets to
    every doubling, so that no bound is off by more than a sixteenth.
    """
    values = seconds.to_numpy()
    shift = np.searchsorted(DOUBLINGS, values, side="right")
    return pl.Series("bucket", ((values >> shift) + 1) << shift).cast(pl.String)


def _signed(entries: pl.DataFrame, *measures: str) -> pl.DataFrame:
    """What is taken away is negative."""
    return entries.with_columns_seq(c(name) * c("sign") for name in measures)


def _together(entries: pl.DataFrame, *alike: str) -> pl.DataFrame:
    """Entries of one day that are alike, added up: counters that keep no minutes lose nothing, and it saves time."""
    day = c("minute").floordiv(DAY_MINUTES) * DAY_MINUTES
    return entries.group_by(*alike, day.alias("minute"), maintain_order=True).agg(c("sign", *WORTH).sum())


def _trade(when: tuple[str, ...], contributions: pl.DataFrame) -> pl.DataFrame:
    """One entry per code a declaration has in a breakdown, those of the whole declaration added up."""
    alike = [name for name in when if name not in ("sign", "minute")]
    whole = _signed(contributions.select_seq(*when, *WORTH, *WHOLE, "areas"), *WORTH)
    whole = _together(whole, *alike, *WHOLE, "areas").with_columns_seq(quantity=pl.lit(0, pl.Int64))
    columns = ("breakdown", "code", *when, *WORTH, "quantity")
    named = {
        "TOTAL": whole.with_columns_seq(code=pl.lit("ALL")),
        "CHANNEL": whole.with_columns_seq(code="channel"),
        "PROCEDURE": whole.with_columns_seq(code="procedure"),
        "MODE": whole.with_columns_seq(code="mode"),
        "E_COMMERCE": whole.filter("e_commerce").with_columns_seq(code="procedure"),
        "AREA": areas.split(whole, "code"),
    }
    parts = contributions.select_seq(*when, "parts").explode("parts").unnest("parts")
    parts = _signed(parts.cast({"items": pl.Int64, "unconverted": pl.Int64}), *WORTH, "quantity").select_seq(columns)
    return pl.concat(
        [*(frame.with_columns_seq(breakdown=pl.lit(of)).select_seq(columns) for of, frame in named.items()), parts]
    )


def _groups(when: tuple[str, ...], contributions: pl.DataFrame, groups: pl.DataFrame) -> pl.DataFrame:
    """One entry per group, membership and area that a declaration has any item in, added up."""
    alike = [name for name in when if name not in ("sign", "minute")] + ["areas"]
    known = groups["known_from"].unique().sort()
    partners = (
        contributions.select_seq(*when, "counted_when", "areas", "parts").with_row_index("entry").explode("parts")
    )
    partners = partners.unnest("parts").filter(c("breakdown") == "PARTNER")
    partners = partners.with_columns_seq(
        known=known.search_sorted(partners["counted_when"], side="right"),
        several=c("entry").is_duplicated(),
    )
    partners = _signed(partners.cast({"items": pl.Int64, "unconverted": pl.Int64}), *WORTH)
    single = _together(partners.filter(~c("several")), *alike, "code", "known")
    single = _of_groups(single.select_seq(*when, "areas", *WORTH, "code", "known"), groups, known)
    several = _of_groups(partners.filter("several"), groups, known)
    several = several.group_by("entry", "group", "membership", maintain_order=True).agg(
        c([*when, "areas"]).first(), c("items", "value", "net_mass").sum(), _furthest(c("unconverted"))
    )
    columns = ("group", "membership", *when, "areas", *WORTH)
    return areas.by_area(pl.concat([single.select_seq(columns), several.select_seq(columns)]))


def _furthest(flag: pl.Expr) -> pl.Expr:
    """Of a signed flag: 1 or -1 if it is up anywhere."""
    return flag.sum().clip(-1, 1)


def _of_groups(partners: pl.DataFrame, groups: pl.DataFrame, known: pl.Series) -> pl.DataFrame:
    """For each group its partner (``code``) is in, as the table was ``known``: DATED on its day, CONSTANT still."""
    dated_groups = groups.with_columns_seq(since=known.search_sorted(groups["known_from"]))
    members = partners.join(dated_groups, left_on="code", right_on="country").filter(c("since") < c("known"))
    day = c("minute").floordiv(DAY_MINUTES)
    dated = members.filter((c("from_day") <= day) & (c("to_day").is_null() | (day <= c("to_day"))))
    constant = members.filter(c("to_day").is_null())
    return pl.concat(
        [dated.with_columns_seq(membership=pl.lit("DATED")), constant.with_columns_seq(membership=pl.lit("CONSTANT"))]
    )


def _listed(when: tuple[str, ...], contributions: pl.DataFrame, name: str, measure: str) -> pl.DataFrame:
    """One entry per element of a list."""
    some = contributions.select_seq(*when, name).filter(c(name).list.len() > 0)
    return _signed(some.explode(name).unnest(name).cast({measure: pl.Int64}), measure)


def _controls(contributions: pl.DataFrame) -> pl.DataFrame:
    """What senders say they sent on a day."""
    said = (
        contributions.select_seq("source", "sign", "live", "time_zone", "day", "controls")
        .explode("controls")
        .unnest("controls")
    )
    return said.select_seq(
        "sender",
        "step",
        "source",
        "sign",
        "live",
        "time_zone",
        minute=c("day") * DAY_MINUTES,
        received=pl.lit(0, pl.Int64),
        declared=c("declared") * c("sign"),
        received_value=pl.lit(0, pl.Int64),
        declared_value=c("value") * c("sign"),
        received_net_mass=pl.lit(0, pl.Int64),
        declared_net_mass=c("net_mass") * c("sign"),
    )


def answered(answers: pl.DataFrame, findings: pl.DataFrame, sums: pl.DataFrame) -> Entries:
    """``Flow.answered`` of this flow: answers, findings, and what came of each sender."""
    told = findings.join(
        answers.select_seq("row", "source", "record", minute=_platform_minute("appended")), on="row", how="left"
    )
    alike = _alike(answers, sums)
    return {
        "answer": _tallied(
            alike.group_by("source", "sender", "record", "outcome", "minute").agg(
                events=c("events").sum(), first_revision=c("first_revision").sum()
            )
        ),
        "finding": _tallied(
            told.group_by("source", "rule", "severity", "record", "minute").agg(
                findings=pl.len().cast(pl.Int64), events=c("row").n_unique().cast(pl.Int64)
            )
        ),
        "control": _tallied(_received(alike)),
    }


def _alike(answers: pl.DataFrame, hashes: pl.DataFrame) -> pl.DataFrame:
    """Answers that differ in nothing that is counted, added up: few, in place of a row for each event."""
    sums = ("hash_value", "hash_net_mass")
    in_range = c("sent_at").is_between(EARLIEST, LATEST)
    rows = answers.join(hashes, on="row", how="left").select_seq(
        "source",
        "record",
        "outcome",
        "kind",
        *sums,
        sender="sender_id",
        minute=_platform_minute("appended"),
        sent_minute=pl.when(in_range).then(_platform_minute("sent_at")),
        first_revision=c("revision") == 1,
        numbered=c("sender_sequence") > 0,
    )
    return rows.group_by("source", "sender", "record", "outcome", "kind", "minute", "sent_minute").agg(
        c("first_revision", "numbered", *sums).sum().cast(pl.Int64), events=pl.len().cast(pl.Int64)
    )


def _received(alike: pl.DataFrame) -> pl.DataFrame:
    """What came of each sender on a day of its sending: events that took effect by step, and numbers."""
    sent = alike.drop_nulls("sent_minute").with_columns_seq(minute="sent_minute")
    nothing = pl.lit(0, pl.Int64)
    steps = sent.filter(c("outcome").is_in(TOOK_EFFECT) & (c("record") != "ControlRecord")).select_seq(
        "source",
        "sender",
        "minute",
        step=c("kind").replace_strict(STAGES, return_dtype=pl.String),
        received="events",
        received_value="hash_value",
        received_net_mass="hash_net_mass",
    )
    numbers = sent.filter((c("numbered") > 0) & (c("outcome") != "DUPLICATE")).select_seq(
        "source",
        "sender",
        "minute",
        step=pl.lit("SEQUENCES"),
        received="numbered",
        received_value=nothing,
        received_net_mass=nothing,
    )
    came = pl.concat([steps, numbers]).group_by("source", "sender", "step", "minute").agg(c("^received.*$").sum())
    return came.with_columns_seq(declared=nothing, declared_value=nothing, declared_net_mass=nothing)


def _tallied(frame: pl.DataFrame) -> pl.DataFrame:
    """As entries in the platform's own time; a sender that is no identifier is ``?``."""
    if "sender" in frame.columns:
        frame = frame.with_columns_seq(
            sender=pl.when(c("sender").str.contains(IDENTIFIER)).then("sender").otherwise(pl.lit("?"))
        )
    return frame.with_columns_seq(sign=pl.lit(1, pl.Int64), live=pl.lit(value=False), time_zone=pl.lit(PLATFORM_ZONE))


def _platform_minute(moment: str) -> pl.Expr:
    """The first of its day in the platform's own time."""
    return (c(moment) + PLATFORM_OFFSET_MS).floordiv(DAY_MS).cast(pl.Int32) * DAY_MINUTES
