"""What machines see of the bot: over the real server, from a world of fakes."""

import json
import re
from collections import Counter
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import ClientSession
from prometheus_client.parser import text_string_to_metric_families

from bot.delivery.watch import PlatformState
from bot.errors import DeliveryError, Remedy, StorageError
from bot.health import Health
from bot.model.chat import Chat
from bot.model.day import DayPhase
from bot.model.subscription import PauseReason
from bot.web import WebServer
from bot.web.health import MetricsAccess, routes
from bot.web.metrics import Counted, Metrics
from tests.build import CHAT, make_batch, make_paper
from tests.fakes import FakeStorage
from tests.world import World

TOKEN = "a-metrics-token"
TALKER = Chat("telegram", "987654321")


class WatchedStorage(FakeStorage):
    """Counts the looks at it, and fails while there is `trouble`."""

    looks, trouble = 0, ""

    async def check(self):
        self.looks += 1
        if self.trouble:
            raise StorageError(self.trouble)
        await super().check()


class Site:
    """A world with its pages for machines, and how its two platforms do."""

    def __init__(self, port, **access):
        batch = make_batch(make_paper(title="Secret teapots"))
        self.world = World(batch, storage=WatchedStorage(), summaries_budget=5_000)
        self.heard = {"telegram": self.world.now, "discord": self.world.now}
        self.seconds, self.arxiv = 0.0, Counter(ok=3, held=1)
        pipeline = self.world.services.pipeline
        self.health = Health(pipeline, self.states, timer=lambda: self.seconds)
        self.web = WebServer(port, "127.0.0.1")
        self.stalled = ()
        self.health.stalled = self.web.stalled = lambda: self.stalled
        self.web.add_post("/telegram/0123456789abcdef", lambda headers, body: 200)
        self.metrics = Metrics(
            Counted("1.2.3", {"console": self.world.lane}, self.arxiv, self.world.summaries, 5_000, self.web.times)
        )
        self.web.add_routes(routes(self.health, self.metrics, MetricsAccess(**access)))
        self.url = f"http://127.0.0.1:{port}"

    def states(self):
        return [PlatformState(name, heard, {}) for name, heard in self.heard.items()]

    def later(self, **delta):
        """Time goes by, and the platforms answer."""
        self.world.later(**delta)
        self.heard = dict.fromkeys(self.heard, self.world.now)
        self.seconds += 60

    async def get(self, path, **headers):
        async with self.session.get(self.url + path, headers=headers) as answer:
            return answer.status, await answer.text()

    async def ready(self):
        self.seconds += 60
        status, text = await self.get("/readyz")
        report = json.loads(text)
        assert report["ready"] == (status == 200) == (not report["reasons"])
        return report

    async def samples(self, **headers):
        """Every sample by name and labels."""
        self.seconds += 60
        status, text = await self.get("/metrics", **headers)
        assert status == 200
        families = text_string_to_metric_families(text)
        return {(each.name, *sorted(each.labels.values())): each.value for one in families for each in one.samples}


@pytest.fixture
def open_site(unused_tcp_port):
    @asynccontextmanager
    async def opened(**access):
        site = Site(unused_tcp_port, **access)
        await site.world.storage.open()
        async with site.web, ClientSession() as site.session:
            yield site

    return opened


async def test_alive_as_long_as_everything_goes_on(open_site):
    """What stands still is named, with 503, so that a host may start us again."""
    async with open_site() as site:
        assert await site.get("/healthz") == (200, "ok")
        site.stalled = ("rounds", "pull")
        assert await site.get("/healthz") == (503, "stalled: rounds, pull")
        assert (await site.ready())["reasons"] == ["rounds does not go on", "pull does not go on"]


async def test_ready_with_how_everything_is(open_site):
    """Every platform, the outbox, the storage, and each category that is followed."""
    async with open_site() as site:
        await site.world.ask("/categories add cs.CL")
        await site.world.tick()
        report = await site.ready()
        assert report["ready"]
        assert report["storage"] == "ok"
        assert report["platforms"]["telegram"] == {"last_contact": "2026-11-20T12:00:00+00:00", "seconds": 0}
        assert report["outbox"] == {"parts": 0, "oldest_seconds": 0}
        assert report["announcements"]["cs.CL"] == {
            "day": "2026-11-20", "state": "complete", "papers": 1, "last": "2026-11-20",
        }  # fmt: skip
        site.later(days=3)
        today = (await site.ready())["announcements"]["cs.CL"]
        assert (today["day"], today["state"], today["last"]) == ("2026-11-23", "expected", "2026-11-20")


async def test_a_platform_that_does_not_answer(open_site):
    """Before its first answer, and ten minutes after its last one."""
    async with open_site() as site:
        site.heard["telegram"] = None
        assert (await site.ready())["reasons"] == ["telegram has not answered yet"]
        site.heard["telegram"] = site.world.now
        assert (await site.ready())["ready"]
        site.world.later(minutes=10)
        site.heard["telegram"] = site.world.now
        assert (await site.ready())["reasons"] == ["discord has not answered for 600 seconds"]


async def test_a_part_that_waits(open_site):
    """Half an hour in the outbox is too long; the chat is not named."""
    async with open_site() as site:
        await site.world.ask("/categories add cs.CL", chat=TALKER)
        site.world.messenger.script[TALKER.key].extend([DeliveryError(Remedy.RETRY, "later", retry_after=9_000)] * 3)
        await site.world.ask("/owner announce Hello", is_owner=True)
        await site.world.send()
        site.later(minutes=29)
        assert (await site.ready())["outbox"] == {"parts": 1, "oldest_seconds": 29 * 60}
        site.later(minutes=1)
        assert (await site.ready())["reasons"] == ["a part has waited in the outbox for 1800 seconds"]


async def test_who_does_not_send_is_ready_whatever_waits(open_site):
    """A worker cannot mend that, and says how much waits all the same."""
    async with open_site() as site:
        site.health.sends = False
        await site.world.ask("/categories add cs.CL", chat=TALKER)
        site.world.messenger.script[TALKER.key].extend([DeliveryError(Remedy.RETRY, "later", retry_after=9_000)] * 3)
        await site.world.ask("/owner announce Hello", is_owner=True)
        await site.world.send()
        site.later(minutes=31)
        report = await site.ready()
        assert (report["reasons"], report["outbox"]["parts"]) == ([], 1)


async def test_a_storage_that_takes_no_writes(open_site):
    """Both pages answer all the same, and do not repeat what the storage said, which may be an address."""
    async with open_site() as site:
        site.world.storage.trouble = "postgresql://me:password@db failed"
        report = await site.ready()
        assert (report["storage"], report["reasons"]) == ("failed", ["storage: it takes no durable writes"])
        samples = await site.samples()
        assert samples["paperround_storage_up",] == samples["paperround_ready",] == 0
        assert not any(name == "paperround_chats" for name, *_ in samples)


async def test_many_who_ask_cost_one_look(open_site):
    """Within five seconds everybody is shown the same look, and a minute passes between two writes of it."""
    async with open_site() as site:
        for _ in range(20):
            await site.get("/readyz")
            await site.get("/metrics")
        assert site.world.storage.looks == 1
        site.heard["telegram"] = None
        assert (await site.get("/readyz"))[0] == 200
        site.seconds += 5
        assert (await site.get("/readyz"))[0] == 503
        assert site.world.storage.looks == 1
        site.seconds += 55
        await site.get("/readyz")
        assert site.world.storage.looks == 2


async def test_metrics_tell_what_happened(open_site):
    """Chats, announcements, parts by outcome and how long they waited, summaries, arXiv, and answers over HTTP."""
    async with open_site() as site:
        world = site.world
        await world.ask("/categories add cs.CL")
        await world.pull()
        await world.ask("/categories add cs.CL", chat=TALKER)
        world.messenger.script[TALKER.key].append(DeliveryError(Remedy.PAUSE, "no", pause=PauseReason.BLOCKED))
        await world.ask("/owner announce Hello", is_owner=True)
        world.later(seconds=40)
        await world.send()
        await site.get("/healthz")
        samples = await site.samples()
        assert (
            samples["paperround_chats", "active", "console"] == samples["paperround_chats", "paused", "telegram"] == 1
        )
        assert samples["paperround_deliveries_total", "console", "sent"] == 1
        assert samples["paperround_deliveries_total", "console", "failed"] == 1
        assert samples["paperround_deliveries_delayed_total", "console", "pause the bot was blocked"] == 1
        assert samples["paperround_lane_wait_seconds_bucket", "15.0", "console"] == 0
        assert samples["paperround_lane_wait_seconds_bucket", "60.0", "console"] == 2
        assert samples["paperround_lane_wait_seconds_sum", "console"] == 80
        assert samples["paperround_send_seconds_count", "console"] == 2
        assert samples["paperround_announcement_state", "complete", "cs.CL"] == 1
        assert samples["paperround_announcement_state", "cs.CL", "waiting"] == 0
        assert samples["paperround_announcement_papers", "cs.CL"] == 1
        assert samples["paperround_announcement_last_timestamp_seconds", "cs.CL"] > 1.7e9
        assert samples["paperround_arxiv_requests_total", "held"] == 1
        assert samples["paperround_arxiv_requests_total", "unreachable"] == 0
        assert samples["paperround_http_request_seconds_count", "/healthz", "2xx", "GET"] == 1
        assert samples["paperround_outbox_parts", "console"] == samples["paperround_outbox_oldest_seconds",] == 0
        assert samples["paperround_build_info", "1.2.3"] == 1
        assert samples["process_resident_memory_bytes",] > 0


async def test_metrics_tell_what_summaries_used(open_site):
    """Tokens of the day by kind, the budget, and the calls by outcome."""
    async with open_site() as site:
        world = site.world
        await world.ask("/categories add cs.CL")
        await world.tick()
        await world.ask("/summary 2611.00001")
        [paper] = (await world.services.pipeline.announcements())[0].papers.values()
        await world.summaries.wait([paper], "en", 5)
        samples = await site.samples()
        assert samples["paperround_llm_calls_total", "ok"] == 1
        assert samples["paperround_llm_tokens_today", "prompt"] == 800
        assert samples["paperround_llm_tokens_today", "completion"] == 200
        assert samples["paperround_llm_budget_tokens",] == 5_000


async def test_no_path_and_no_chat_in_metrics(open_site):
    """However many addresses are asked for, they are one series; a secret path shows by its name alone."""
    async with open_site() as site:
        await site.world.ask("/topics add my private topic", chat=TALKER)
        await site.world.ask("/categories add cs.CL", chat=TALKER)
        await site.world.tick()
        before = len(await site.samples())
        for number in range(30):
            await site.get(f"/f/secret-{number}.atom")
        async with site.session.post(f"{site.url}/telegram/0123456789abcdef", data=b"{}") as answer:
            assert answer.status == 200
        async with site.session.request("PROPFIND", f"{site.url}/coffee") as answer:
            assert answer.status in {404, 405}
        _, text = await site.get("/metrics")
        site.seconds += 60
        _, text = await site.get("/metrics")
        for secret in (
            "secret-",
            "0123456789abcdef",
            TALKER.id,
            "private topic",
            "Secret teapots",
            "PROPFIND",
            "coffee",
        ):
            assert secret not in text
        samples = await site.samples()
        assert samples["paperround_http_request_seconds_count", "4xx", "GET", "unmatched"] == 30
        assert samples["paperround_http_request_seconds_count", "2xx", "POST", "webhook"] == 1
        assert len(samples) - before < 80
        _, report = await site.get("/readyz")
        assert TALKER.id not in report


async def test_who_may_read_metrics(open_site):
    """With a token whoever shows it; the answer does not tell how near a guess was."""
    async with open_site(token=TOKEN) as site:
        assert await site.samples(Authorization=f"Bearer {TOKEN}")
        for wrong in ({}, {"Authorization": "Bearer no"}, {"Authorization": TOKEN}, {"Authorization": "Bearer ü"}):
            assert (await site.get("/metrics", **wrong))[0] == 401


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "Via", "X-Real-IP"])
async def test_without_a_token_only_from_here(open_site, header):
    """This machine may ask, but not a proxy on it, behind which anybody may be."""
    async with open_site() as site:
        assert await site.samples()
        assert (await site.get("/metrics", **{header: "127.0.0.1"}))[0] == 403


async def test_a_public_server_wants_a_token(open_site):
    """Where the world reaches the server, being near proves nothing."""
    async with open_site(is_public=True) as site:
        status, text = await site.get("/metrics")
        assert status == 403
        assert "METRICS_TOKEN" in text


DASHBOARD = json.loads(Path("docs/grafana.json").read_text(encoding="utf-8"))
QUERIES = [target["expr"] for panel in DASHBOARD["panels"] for target in panel.get("targets", ())]
ALERTS = Path("docs/alerts.yml").read_text(encoding="utf-8")
MANUAL = Path("docs/operations.md").read_text(encoding="utf-8")


def names_in(text):
    return set(re.findall(r"\b(?:paperround|process)_[a-z_]+", text))


async def test_the_dashboard_and_the_alerts_ask_for_what_there_is(open_site):
    """Every name in the examples is a metric that is served; every metric of ours is in the manual."""
    async with open_site() as site:
        await site.world.ask("/categories add cs.CL")
        site.world.messenger.script[CHAT.key].append(DeliveryError(Remedy.RETRY, "later"))
        await site.world.pull()
        await site.world.ask("/owner announce Hello", is_owner=True)
        await site.world.send()
        await site.get("/healthz")
        served = {name for name, *_ in await site.samples()}
    assert len(QUERIES) > 10
    for query in QUERIES:
        assert names_in(query), query
        assert names_in(query) <= served, query
    assert names_in(ALERTS) <= served
    for name in served:
        if name.startswith("paperround_"):
            assert re.sub(r"_(bucket|sum|count|created)$", "", name) in MANUAL, name


def test_labels_are_what_the_alerts_ask_for():
    """The states in the queries are states there are."""
    for state in re.findall('state="([a-z]+)"', " ".join([*QUERIES, ALERTS])):
        assert state in {*DayPhase, "active", "paused"}
