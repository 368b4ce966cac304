"""A real Prometheus beside a real worker: every query of the dashboard and every recording rule answers, and business
figures are the ledger's.
"""

import json
import math
import re
import shutil
import urllib.parse
import urllib.request
import uuid
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml

from connectors.topic_io import end_offsets
from deploy import local_prometheus, topics
from deploy.grafana import dashboard
from processor.business import BOUNDS
from processor.demo import compare
from processor.flows.declarations.counters import COUNTERS
from processor.reference import load
from tests.crash.scene import INPUT, Scene
from tests.crash.worker import wait_for

pytestmark = [
    pytest.mark.kafka,
    pytest.mark.skipif(
        shutil.which("prometheus") is None,
        reason="prometheus is not installed: apt-get install --no-install-recommends prometheus",
    ),
]
RECORDED = [
    rule["record"]
    for group in yaml.safe_load((local_prometheus.RULES / "recording.yml").read_text(encoding="utf-8"))["groups"]
    for rule in group["rules"]
]
ALL_TIME = {"period": "all_time", "jurisdiction": "CN", "membership": "DATED", "area": "CN"}
SCOPES = {
    "all time": ALL_TIME,
    "this year": {**ALL_TIME, "period": "year"},
    "today": {**ALL_TIME, "period": "today"},
    "the zone, constant members": {**ALL_TIME, "membership": "CONSTANT", "area": "SCODA"},
    "Korea": {**ALL_TIME, "jurisdiction": "KR", "area": "KR"},
}
"""What is chosen on the dashboard: the values of its variables."""

EVERY = "10s"
"""Between scrapes, and what one may take: on a busy machine some fail, so tests wait for the next."""

Labels = tuple[tuple[str, str], ...]
Vector = dict[Labels, float]
Chosen = Mapping[str, str]


@dataclass(frozen=True)
class Said:
    """What the ledger says: a measure of a counter, added up ``by`` dimensions, of the keys with values ``only``."""

    counter: str
    measure: str
    by: tuple[str, ...]
    only: Mapping[str, str | tuple[str, ...]]

    def of(self, watched: "Watched", chosen: Chosen) -> Vector:
        """In the unit that is shown."""
        place = [measure for measure, _ in COUNTER[self.counter].measures].index(self.measure)
        total = Counter[Labels]()
        for labels, measures in watched.figures(self.counter, self.only, chosen):
            total[tuple((name, labels[name]) for name in sorted(self.by))] += measures[place]
        _, size = compare.UNITS.get(self.measure, ("", 1))
        return {labels: figure / size for labels, figure in total.items()}


@dataclass(frozen=True)
class Share:
    """Each figure of ``over`` by the figure of ``under`` with the labels both have."""

    over: Said
    under: Said

    def of(self, watched: "Watched", chosen: Chosen) -> Vector:
        whole = self.under.of(watched, chosen)
        return {
            labels: part / whole[tuple(pair for pair in labels if pair[0] in self.under.by)]
            for labels, part in self.over.of(watched, chosen).items()
        }


@dataclass(frozen=True)
class Drift:
    """How much more than expected."""

    share: Share

    def of(self, watched: "Watched", chosen: Chosen) -> Vector:
        return {labels: share - EXPECTED[labels] for labels, share in self.share.of(watched, chosen).items()}


@dataclass(frozen=True)
class Lanes:
    """What is expected."""

    def of(self, _: "Watched", __: Chosen) -> Vector:
        return EXPECTED


@dataclass(frozen=True)
class Even:
    """Nothing but noughts."""

    def of(self, _: "Watched", __: Chosen) -> Vector:
        return {}


@dataclass(frozen=True)
class Within:
    """The time in which a share of declarations was released, as Prometheus estimates it from the shown buckets."""

    share: float
    by: tuple[str, ...]
    only: Mapping[str, str | tuple[str, ...]]

    def of(self, watched: "Watched", chosen: Chosen) -> Vector:
        found: defaultdict[Labels, Counter[float]] = defaultdict(Counter)
        for labels, (declarations, _) in watched.figures("clearance-times", self.only, chosen):
            bound = next((float(bound) for bound in BOUNDS if int(labels["bucket"]) <= bound), math.inf)
            found[tuple((name, labels[name]) for name in sorted(self.by))][bound] += declarations
        return {labels: self._estimated(buckets) for labels, buckets in found.items()}

    def _estimated(self, buckets: Counter[float]) -> float:
        rank = self.share * buckets.total()
        below = 0
        for lower, upper in pairwise((0.0, *map(float, BOUNDS))):
            if below + buckets[upper] >= rank:
                return lower + (upper - lower) * (rank - below) / buckets[upper]
            below += buckets[upper]
        return float(BOUNDS[-1])


COUNTER = {counter.name: counter for counter in COUNTERS}
EXPECTED = {(("lane", lane),): share for lane, share in load().lanes.select("lane", "expected_share").iter_rows()}
HERE = {"jurisdiction": "$jurisdiction"}
LANES = ("GREEN", "YELLOW", "RED", "BLUE")
RIGHT = ("ACCEPTED", "ACCEPTED_WITH_WARNINGS", "PARKED")


def staged(measure: str, by: str = "stage", **only: str) -> tuple[Said]:
    return (Said("declarations-by-stage", measure, ("flow", by), {**HERE, **only}),)


def trade(breakdown: str, measure: str = "value") -> tuple[Said]:
    return (Said("trade", measure, ("code", "flow"), {**HERE, "breakdown": breakdown}),)


def whole(measure: str) -> Said:
    return Said("trade", measure, ("flow",), {**HERE, "breakdown": "TOTAL"})


def groups(measure: str) -> tuple[Said]:
    only = {**HERE, "membership": "$membership", "area": "$area"}
    return (Said("trade-with-groups", measure, ("flow", "group"), only),)


def cleared(measure: str) -> Said:
    return Said("clearance-times", measure, ("interval", "arrival"), HERE)


def hits(severity: str) -> tuple[Said]:
    return (Said("rule-hits", "events", ("rule",), {"severity": severity}),)


def first(*outcomes: str) -> Said:
    return Said("answers", "first_revision", ("record",), {"outcome": outcomes})


def enterprises(channel: str) -> tuple[Said]:
    return (Said("enterprises", "enterprises", ("area", "flow"), {**HERE, "channel": channel}),)


def control(measure: str) -> tuple[Said, Said]:
    said, came = (
        Said("sender-control", f"{side}{measure}", ("step",), {"period": "today"}) for side in ("received", "declared")
    )
    return said, came


IN_LANE = Share(
    Said("lanes", "declarations", ("lane",), {**HERE, "lane": LANES}),
    Said("lanes", "declarations", (), {**HERE, "lane": LANES}),
)
BUSINESS: dict[str, tuple[Any, ...]] = {
    "Declarations by stage": staged("declarations"),
    "Lodged by office": staged("declarations", "office", stage="LODGED"),
    "Released by office": staged("declarations", "office", stage="RELEASED"),
    "Value by stage": staged("value"),
    "Without a rate, by stage": staged("unconverted"),
    "Trade": (whole("value"),),
    "Declarations that count": (whole("declarations"),),
    "Share without a rate": (Share(whole("unconverted"), whole("declarations")),),
    "Breakdowns beside the total": (Even(),),
    "Trade by partner": trade("PARTNER"),
    "Net mass by partner": trade("PARTNER", "net_mass"),
    "Trade by section": trade("SECTION"),
    "Trade by chapter": trade("CHAPTER"),
    "Net mass by chapter": trade("CHAPTER", "net_mass"),
    "Trade by watched heading": trade("HEADING"),
    "Trade by area": trade("AREA"),
    "Trade by procedure": trade("PROCEDURE"),
    "Trade by mode of transport": trade("MODE"),
    "Trade by channel": trade("CHANNEL"),
    "Without a rate, by partner": trade("PARTNER", "unconverted"),
    "Items by chapter": trade("CHAPTER", "items"),
    "New three": trade("NEW_THREE"),
    "New three, net mass": trade("NEW_THREE", "net_mass"),
    "Used cars": trade("USED_CARS"),
    "Used cars, vehicles": trade("USED_CARS", "quantity"),
    "E-commerce by procedure": trade("E_COMMERCE"),
    "E-commerce, declarations": trade("E_COMMERCE", "declarations"),
    "Trade with groups": groups("value"),
    "Net mass with groups": groups("net_mass"),
    "Declarations with groups": groups("declarations"),
    "Without a rate, by group": groups("unconverted"),
    "Median time by lane": (Within(0.5, ("interval", "lane"), {**HERE, "arrival": "ARRIVED"}),),
    "90 of 100 within, by lane": (Within(0.9, ("interval", "lane"), {**HERE, "arrival": "ARRIVED"}),),
    "Median time by arrival": (Within(0.5, ("interval", "arrival"), HERE),),
    "Mean time by arrival": (Share(cleared("seconds"), cleared("declarations")),),
    "Lanes against expected": (IN_LANE, Lanes()),
    "Drift of lanes": (Drift(IN_LANE),),
    "Lanes by office": (Said("lanes", "declarations", ("lane", "office"), HERE),),
    "Active enterprises": enterprises("ALL"),
    "Active enterprises through the platform": enterprises("PLATFORM"),
    "Duties and taxes": (Said("duties", "amount", ("flow", "kind"), HERE),),
    "Permits by agency": (Said("permits", "permits", ("agency", "state"), HERE),),
    "Events by sender control": control(""),
    "Values by sender control": control("_value"),
    "Net mass by sender control": control("_net_mass"),
    "First-pass acceptance": (Share(first(*RIGHT), first(*RIGHT, "REFUSED", "CONFLICT")),),
    "Answers": (Said("answers", "events", ("outcome", "record"), {}),),
    "Refusals by rule": hits("ERROR"),
    "Warnings by rule": hits("WARNING"),
}
"""Panel: what the ledger says of each of its queries."""


class Watched:
    """Traffic of the ledger, a worker that has counted it all, and a Prometheus that has seen it work."""

    def __init__(self, scene: Scene, url: str) -> None:
        self.scene, self.url = scene, url

    def query(self, query: str) -> Vector:
        """The instant vector of a query: sorted labels without the name -> value."""
        found = self._get("query", query=query)
        assert found["resultType"] == "vector", query
        return {
            tuple(sorted((k, v) for k, v in row["metric"].items() if k != "__name__")): float(row["value"][1])
            for row in found["result"]
        }

    def until(self, query: str, condition: Callable[[Vector], Any] = bool) -> None:
        """Wait until what a query finds fulfils the condition; at least, that it finds something."""
        wait_for(query, lambda: condition(self.query(query)), tell=lambda: f"found {self.query(query)}")

    def rules(self) -> list[dict[str, Any]]:
        """All rules, with their health."""
        return [rule for group in self._get("rules")["groups"] for rule in group["rules"]]

    def _get(self, path: str, **asked: str) -> Any:
        with urllib.request.urlopen(f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(asked)}", timeout=30) as answer:
            return json.load(answer)["data"]

    def figures(
        self, counter: str, only: Mapping[str, str | tuple[str, ...]], chosen: Chosen
    ) -> Iterator[tuple[dict[str, str], tuple[int, ...]]]:
        """The ledger's keys of a counter in a period, with the labels they show by; a bucket is none, but told."""
        wanted = {name: filled(values, chosen) for name, values in {"period": "$period", **only}.items()}
        dimensions, now = COUNTER[counter].dimensions, datetime.now(UTC)
        for (name, window, start, values), measures in self.scene.traffic.figures.items():
            if name != counter:
                continue
            key = dict(zip(dimensions, values, strict=True))
            zone = compare.ZONES.get(key.get("jurisdiction", ""), compare.PLATFORM_ZONE)
            labels = {"period": compare._period(window, start, zone, now), "bucket": key.get("bucket")}
            labels |= compare._labels(name, key, self.scene.traffic.labels)
            if all(labels[name] in values for name, values in wanted.items()):
                yield labels, measures

    def unsure(self, counter: str, period: str) -> bool:
        """Whether the present window of ``answers`` or ``rule-hits`` depends on when exactly the broker appended."""
        present = compare._present(compare.PLATFORM_ZONE, datetime.now(UTC)).items()
        return any(self.scene.traffic.ledger.unsure((counter, *window, ())) for window, p in present if p == period)


@pytest.fixture(scope="module")
def watched(kafka: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """Half of the traffic is counted before Prometheus looks, half while it does: rates have something to show."""
    prefix, home = f"t{uuid.uuid4().hex[:8]}.", tmp_path_factory.mktemp("dashboard")
    topics.create(kafka, prefix)
    scene = Scene(kafka, prefix, home)
    try:
        worker = scene.worker()
        scene.publish(0.5)
        scene.counted(worker)
        assert worker.url is not None
        started = local_prometheus.start(home / "prometheus", [worker.url.removeprefix("http://")], every=EVERY)
        made = Watched(scene, started.url)
        name = "single_window_records_total"
        made.until(f"count_over_time({name}[1m]) > 1")
        scene.publish()
        scene.check(worker)
        made.until(f'sum({name}{{flow="declarations"}}) == {len(scene.traffic.messages)}')
        yield made
    finally:
        local_prometheus.stop(home / "prometheus")
        scene.dispose()
        topics.delete(kafka, prefix)


def recorded(watched: Watched) -> compare.Comparison:
    """Every recorded key of every counter against the ledger, both ways."""
    named = {sample.removesuffix("_total"): sample for of in compare._SAMPLES.values() for sample in of}
    samples = {}
    for record in RECORDED:
        if record.startswith("key:"):
            name = record.removeprefix("key:").removesuffix(":sum")
            for labels, value in watched.query(record).items():
                samples[named.get(name, name), tuple((k, v) for k, v in labels if k != "job")] = value
    traffic, result = watched.scene.traffic, compare.Comparison()
    compare.metrics(traffic.figures, traffic.ledger.unsure, traffic.labels, samples, datetime.now(UTC), result)
    return result


def filled(value: str | tuple[str, ...], chosen: Chosen) -> tuple[str, ...]:
    """With the dashboard's variables; as several."""
    values = (value,) if isinstance(value, str) else value
    return tuple(re.sub(r"\$(\w+)", lambda name: chosen[name[1]], each) for each in values)


def test_every_recorded_key_is_the_ledger_s(watched: Watched) -> None:
    wait_for("no mismatch", lambda: not recorded(watched).mismatches, tell=lambda: str(recorded(watched).examples))
    assert recorded(watched).compared > 1_000


def test_every_rule_is_evaluated_and_every_recording_rule_answers(watched: Watched) -> None:
    wait_for(
        "all rules", lambda: all(rule["health"] == "ok" for rule in watched.rules()), tell=lambda: str(watched.rules())
    )
    for record in RECORDED:
        watched.until(record, lambda found: found and not any(map(math.isnan, found.values())))


@pytest.mark.parametrize("query", [query for _, query in dashboard.queries()])
def test_every_query_of_the_dashboard_answers(watched: Watched, query: str) -> None:
    watched.until(*filled(query, ALL_TIME))


def test_every_panel_that_reads_keys_is_held_to_the_ledger() -> None:
    reads = {title for title, query in dashboard.queries() if "key:" in query}
    assert reads <= BUSINESS.keys()


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("title", BUSINESS)
def test_business_panels_show_the_ledger_s_figures(watched: Watched, title: str, scope: str) -> None:
    queries = [query for panel, query in dashboard.queries() if panel == title]
    for query, said in zip(queries, BUSINESS[title], strict=True):
        if isinstance(said, Said | Share) and watched.unsure(
            getattr(said, "over", said).counter, SCOPES[scope]["period"]
        ):
            pytest.skip("an hour before or after midnight: the windows of answers depend on the broker")
        assert scope != "all time" or isinstance(said, Even) or said.of(watched, ALL_TIME), "the ledger has something"
        wait_for(
            title,
            lambda query=query, said=said: same(watched, query, said, SCOPES[scope]),
            tell=lambda query=query, said=said: (
                f"{said.of(watched, SCOPES[scope])}\n{shown(watched, query, SCOPES[scope])}"
            ),
        )


def same(watched: Watched, query: str, said: Any, chosen: Chosen) -> bool:
    """Whether a query shows what the ledger says at this moment: a day may end."""
    expected, found = said.of(watched, chosen), shown(watched, query, chosen)
    bars = int(query.removeprefix("topk(").partition(",")[0]) if query.startswith("topk(") else None
    greatest = sorted(filter(None, expected.values()), reverse=True)[:bars]
    figures = sorted(filter(None, found.values()), reverse=True)
    return figures == pytest.approx(greatest) and all(
        figure == pytest.approx(expected.get(labels, 0)) for labels, figure in found.items()
    )


def shown(watched: Watched, query: str, chosen: Chosen) -> Vector:
    """What a panel shows, without what was chosen."""
    found = watched.query(*filled(query, chosen)).items()
    return {
        tuple(pair for pair in labels if pair[0] not in ("period", "jurisdiction")): value for labels, value in found
    }


def test_trade_by_each_breakdown_is_the_whole_trade(watched: Watched) -> None:
    apart = "breakdown:single_window_trade_value_yuan:difference"
    watched.until(f"max(abs({apart}))", lambda found: list(found.values()) == [0])
    compared = {(row["breakdown"], row["flow"]) for row in map(dict, watched.query(f'{apart}{{jurisdiction="CN"}}'))}
    breakdowns = ("PARTNER", "CHAPTER", "SECTION", "CHANNEL", "PROCEDURE", "MODE")
    assert compared == {(breakdown, flow) for breakdown in breakdowns for flow in ("IMPORT", "EXPORT")}


def test_what_is_missing_is_what_senders_declare_and_did_not_send(watched: Watched) -> None:
    received, declared = (said.of(watched, ALL_TIME) for said in control(""))
    wanted = {labels: declared.get(labels, 0) - n for labels, n in received.items()}
    watched.until('sum by (step) (step:single_window_sender_control:missing{period="today"})', wanted.__eq__)


def test_dead_letters_since_the_start_are_the_ledger_s(watched: Watched) -> None:
    query = dict(dashboard.queries())["Dead letters since the workers started"]
    wanted = {(("reason", reason),): n for reason, n in watched.scene.traffic.ledger.dead_letters.items()}
    watched.until(query, wanted.__eq__)


def test_positions_are_the_ends_of_the_log(watched: Watched) -> None:
    ends = end_offsets(watched.scene.bootstrap, watched.scene.prefix + INPUT)
    watched.until(
        dict(dashboard.queries())["Position by partition"],
        lambda found: {int(dict(labels)["partition"]): position for labels, position in found.items()} == ends,
    )


def test_no_critical_alert_fires_or_waits_to_beside_a_worker_that_is_well(watched: Watched) -> None:
    watched.until('ALERTS{severity="critical"}', lambda found: not found)


def test_prometheus_listens_on_the_loopback_address_only_and_ends_when_stopped(tmp_path: Path) -> None:
    started = local_prometheus.start(tmp_path, ["127.0.0.1:1"])
    try:
        again = local_prometheus.start(tmp_path, ["127.0.0.1:2"])
        assert again.pid != started.pid
        assert local_prometheus.status(tmp_path) == again
        assert not Path(f"/proc/{started.pid}").exists()
        arguments = Path(f"/proc/{again.pid}/cmdline").read_text(encoding="utf-8").split("\0")
        listen = [argument for argument in arguments if "listen-address" in argument]
        assert listen == [f"--web.listen-address={again.url.removeprefix('http://')}"]
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+", again.url)
    finally:
        assert local_prometheus.stop(tmp_path)
    assert local_prometheus.status(tmp_path) is None
    assert not local_prometheus.stop(tmp_path)
