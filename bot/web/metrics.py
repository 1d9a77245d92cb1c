"""What Prometheus collects: everything is read when it asks, from what the bot counts and keeps anyhow.

Every label has few values, whoever uses the bot and whatever they send: platforms, states, categories of arXiv's taxonomy,
templates of routes.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.exposition import generate_latest

from bot.delivery.lane import Lane
from bot.health import Snapshot
from bot.model.day import DayPhase
from bot.model.delivery import DeliveryState
from bot.summarising import Summaries
from bot.tally import Spread
from bot.web.times import RequestTimes

PREFIX = "paperround_"
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_ENDS = (DeliveryState.SENT, DeliveryState.FAILED, DeliveryState.UNCERTAIN, DeliveryState.DEAD)
_ARXIV = ("ok", "redirected", "refused", "held", "failed", "unreachable")
_CALLS = ("ok", "failed", "refused", "no-budget", "crashed")

_Row = tuple[Sequence[str], float]


@dataclass(frozen=True, slots=True)
class Counted:
    """What is counted in memory: the lanes by platform, requests to arXiv by outcome, summaries, and answers over HTTP.

    `summaries` None: there is no language model; `budget` is what it may use on a day, in tokens.
    """

    version: str
    lanes: Mapping[str, Lane]
    arxiv: Mapping[str, int]
    summaries: Summaries | None
    budget: int
    times: RequestTimes


@dataclass(slots=True, eq=False)
class Metrics:
    """Writes everything in Prometheus' text format."""

    counted: Counted
    _registry: CollectorRegistry = field(default_factory=lambda: CollectorRegistry(auto_describe=False))
    _snapshot: Snapshot | None = None

    def __post_init__(self) -> None:
        ProcessCollector(registry=self._registry)
        self._registry.register(self)

    def render(self, snapshot: Snapshot) -> bytes:
        """All metrics, with what the snapshot says."""
        self._snapshot = snapshot
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        """For the registry alone; nothing before the first snapshot."""
        if self._snapshot is not None:
            yield from _collect_counted(self.counted)
            yield from _collect_snapshot(self._snapshot)


def _collect_counted(counted: Counted) -> Iterator[Metric]:
    yield InfoMetricFamily(f"{PREFIX}build", "The version that runs.", {"version": counted.version})
    lanes = counted.lanes
    yield _counter(
        "deliveries", "Parts of digests and notices that came to an end since the start.", ("platform", "outcome"),
        (((name, state), lane.ended[state]) for name, lane in lanes.items() for state in _ENDS),
    )  # fmt: skip
    yield _counter(
        "deliveries_delayed", "Requests that did not send a part at once since the start, by what was done about it.",
        ("platform", "remedy"),
        (((name, kind), count) for name, lane in lanes.items() for kind, count in sorted(lane.outcomes.items())),
    )  # fmt: skip
    yield _histogram(
        "lane_wait_seconds", "From planning a part to its first request.", ("platform",),
        (((name,), lane.waits) for name, lane in lanes.items()),
    )  # fmt: skip
    yield _histogram(
        "send_seconds", "How long the platform took to answer a request that sends a part.", ("platform",),
        (((name,), lane.answers) for name, lane in lanes.items()),
    )  # fmt: skip
    yield _counter(
        "arxiv_requests", "Requests to arXiv since the start.", ("outcome",),
        (((each,), counted.arxiv.get(each, 0)) for each in _ARXIV),
    )  # fmt: skip
    yield _histogram(
        "http_request_seconds", "How long our answers over HTTP took.", ("route", "method", "status"),
        sorted(counted.times.spreads.items()),
    )  # fmt: skip
    if counted.summaries is not None:
        outcomes = counted.summaries.outcomes
        yield _counter(
            "llm_calls", "Single summaries asked of the language model since the start.", ("outcome",),
            (((each,), outcomes[each]) for each in _CALLS),
        )  # fmt: skip
        yield _gauge("llm_budget_tokens", "Tokens that summaries may use on a UTC day.", (), [((), counted.budget)])


def _collect_snapshot(found: Snapshot) -> Iterator[Metric]:
    yield _gauge("ready", "1 where /readyz finds nothing wrong.", (), [((), not found.reasons())])
    yield _gauge("storage_up", "1 where the storage takes durable writes.", (), [((), not found.trouble)])
    yield _gauge(
        "clockwork_stalled", "Jobs that should go on by themselves and do not.", (), [((), len(found.stalled))]
    )
    yield _gauge(
        "platform_last_contact_timestamp_seconds", "When the platform last answered us.", ("platform",),
        (((each.name,), each.last_contact.timestamp()) for each in found.platforms if each.last_contact),
    )  # fmt: skip
    if found.trouble:
        return
    yield _gauge(
        "chats", "Chats with a subscription.", ("platform", "state"),
        (((name, "paused" if paused else "active"), count) for (name, paused), count in sorted(found.chats.items())),
    )  # fmt: skip
    yield _gauge(
        "outbox_parts", "Parts that wait in the outbox, or are under way.", ("platform",),
        (((name,), count) for name, count in sorted(found.waiting.items())),
    )  # fmt: skip
    age = found.seconds_since(found.oldest) if found.oldest else 0.0
    yield _gauge("outbox_oldest_seconds", "How long the oldest part has waited in the outbox.", (), [((), age)])
    yield _gauge(
        "announcement_state", "1 for how a category stands on the newest announcement day.", ("category", "state"),
        (((each.category, phase), phase is each.phase) for each in found.days for phase in DayPhase),
    )  # fmt: skip
    yield _gauge(
        "announcement_papers", "Papers of the newest announcement day that are here.", ("category",),
        (((each.category,), each.papers) for each in found.days),
    )  # fmt: skip
    yield _gauge(
        "announcement_last_timestamp_seconds", "When the newest announcement that brought papers was here.", ("category",),
        (((each.category,), _stamp(each.came)) for each in found.last if each.came),
    )  # fmt: skip
    yield _gauge(
        "llm_tokens_today", "Tokens that summaries used on this UTC day.", ("kind",),
        (((kind,), count) for kind, count in found.tokens.items()),
    )  # fmt: skip


def _stamp(moment: datetime) -> float:
    return moment.timestamp()


def _gauge(name: str, text: str, labels: Sequence[str], rows: Iterable[_Row]) -> Metric:
    family = GaugeMetricFamily(PREFIX + name, text, labels=labels)
    for values, value in rows:
        family.add_metric([str(each) for each in values], float(value))
    return family


def _counter(name: str, text: str, labels: Sequence[str], rows: Iterable[_Row]) -> Metric:
    family = CounterMetricFamily(PREFIX + name, text, labels=labels)
    for values, value in rows:
        family.add_metric([str(each) for each in values], float(value))
    return family


def _histogram(name: str, text: str, labels: Sequence[str], rows: Iterable[tuple[Sequence[str], Spread]]) -> Metric:
    family = HistogramMetricFamily(PREFIX + name, text, labels=labels)
    for values, spread in rows:
        bounds = [*map(str, spread.bounds), "+Inf"]
        counts = [float(each) for each in spread.cumulated]
        family.add_metric(list(values), list(zip(bounds, counts, strict=True)), spread.total)
    return family
