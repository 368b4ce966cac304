"""Rules of containers."""

from __future__ import annotations

import polars as pl

from processor.engine.rules import Rule
from processor.flows.declarations import checks
from processor.flows.declarations.rules.vocabulary import ISO_CONTAINERS, TECHNICAL, c

ON = "container"


def rules() -> list[Rule]:
    seals, count = c("seals"), c("seal_count")
    return [
        Rule(
            "C01",
            ON,
            "/containers/{place}/number",
            "no container number with a right check digit",
            "集装箱号或其校验码有误",
            c("number").map_batches(checks.container_numbers, pl.Boolean),
            f"{ISO_CONTAINERS}; {TECHNICAL}, R0028",
            expected="owner (4 letters), serial (6), check digit; upper case",
        ),
        Rule(
            "C02",
            "declaration",
            "/containers",
            "the container flag and the containers disagree",
            "集装箱标志与集装箱信息不一致",
            c("containerised") == (c("containers").list.len() > 0),
            f"{TECHNICAL}, C0055",
            expected="containerised exactly when a container is named",
        ),
        Rule(
            "C03",
            ON,
            "/containers/{place}/seals",
            "not as many seals as declared, or a seal is empty or named twice",
            "封志数量与封志号不一致，或封志号为空、重复",
            (count.is_null() | (count == seals.list.len().cast(pl.Int64)))
            & (seals.list.n_unique() == seals.list.len())
            & ~seals.list.contains(""),
            f"{TECHNICAL}, R0106",
            expected="each seal once, as many as seal_count",
        ),
    ]
