"""The real process as machines see it: its pages on PORT, and one id in its log from a command to the delivery."""

import asyncio
import json
import re
import signal
import socket
from datetime import UTC, datetime

import pytest
from aiohttp import ClientSession

from bot.calendar import latest_day
from tests.adapters.arxiv_server import ArxivServer, make_feed, make_item
from tests.cluster import running_cluster
from tests.faults.process import ADA, run_process
from tests.places import Place
from tests.servers import discord, sentry, telegram

TODAY = latest_day(datetime.now(UTC))
FEED = make_feed("cs.CL", make_item("2608.00001", title="Small KV caches", day=TODAY), day=TODAY)


def read_lines(bot):
    """The log as objects, without a line that is being written."""
    lines = bot.said().splitlines(keepends=True)
    return [json.loads(line) for line in lines if line.startswith("{") and line.endswith("\n")]


async def get(url, status):
    """The body, once the server is there and answers with this status."""
    async with asyncio.timeout(60), ClientSession() as session:
        while True:
            try:
                async with session.get(url) as answer:
                    if answer.status == status:
                        return await answer.text()
            except OSError:
                pass
            await asyncio.sleep(0.1)


async def until_logged(bot, is_it):
    async with asyncio.timeout(60):
        while not (found := [line for line in read_lines(bot) if is_it(line)]):
            await asyncio.sleep(0.1)
    return found[0]


async def test_one_trace_over_a_restart(tmp_path, unused_tcp_port):
    """What a command planned while Telegram was down is sent by the next process under the command's id; meanwhile the
    pages say how things are, and hold no secret and no chat.
    """
    url, texts = f"http://127.0.0.1:{unused_tcp_port}", []
    async with (
        ArxivServer(feeds={"cs.CL": FEED}) as arxiv,
        telegram.TelegramServer() as on_telegram,
        discord.serve() as on_discord,
    ):
        environment = {"PORT": str(unused_tcp_port), "LOG_FORMAT": "json", "LOG_LEVEL": "INFO"}
        async with run_process(Place(tmp_path), arxiv, on_telegram, on_discord, **environment) as bot:
            await on_telegram.say(ADA, ADA, "/categories add cs.CL")
            await on_telegram.replies(ADA, seconds=60)
            await get(f"{url}/healthz", 200)
            report = json.loads(await get(f"{url}/readyz", 200))
            assert set(report["platforms"]) == {"telegram", "discord"}
            assert "cs.CL" in report["announcements"]
            on_telegram.script("sendMessage", *[telegram.Fault(429, "Too Many Requests", retry_after=300)] * 9)
            await on_telegram.say(ADA, ADA, "/owner announce We move tonight")
            announced = await until_logged(bot, lambda line: line["event"].startswith("announced "))
            texts += [await get(f"{url}/metrics", 200), json.dumps(report)]
            await bot.stop(signal.SIGKILL)
        on_telegram.scripts.clear()
        systemd = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        systemd.bind(str(tmp_path / "notify"))
        environment["NOTIFY_SOCKET"] = str(tmp_path / "notify")
        async with run_process(Place(tmp_path), arxiv, on_telegram, on_discord, **environment) as bot:
            trace = announced["trace"]
            await until_logged(bot, lambda line: line["event"].startswith("delivered ") and line["trace"] == trace)
            texts.append(await get(f"{url}/metrics", 200))
            assert await bot.stop() == 0
    with systemd:
        systemd.settimeout(5)
        said = []
        while b"STOPPING=1" not in said:
            said.append(systemd.recv(100))
    assert said[:2] == [b"READY=1", b"WATCHDOG=1"]
    assert 'paperround_deliveries_total{outcome="sent",platform="telegram"}' in texts[-1]
    for text in texts:
        for secret in (telegram.TOKEN, discord.TOKEN, "We move", "Small KV"):
            assert secret not in text
        # As a number of its own: any digits may stand in a measured one.
        assert not re.search(rf"(?<![\d.]){ADA}(?!\d)", text)


async def test_a_worker_has_a_door_for_machines_and_no_other(tmp_path, unused_tcp_port):
    """It says that it goes on, whether its database answers, and tells systemd; pages and posts are not for it."""
    url = f"http://127.0.0.1:{unused_tcp_port}"
    systemd = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    systemd.bind(str(tmp_path / "notify"))
    systemd.settimeout(10)
    environment = {
        "PORT": str(unused_tcp_port),
        "PUBLIC_URL": "https://bot.example.org",
        "METRICS_TOKEN": "a-metrics-token",
        "NOTIFY_SOCKET": str(tmp_path / "notify"),
        "LOG_LEVEL": "INFO",
    }
    with systemd, running_cluster() as cluster:
        if cluster is None:
            pytest.skip("PostgreSQL is not installed")
        async with ArxivServer() as arxiv, telegram.TelegramServer() as on_telegram, discord.serve() as on_discord:
            environment["DATABASE_URL"] = cluster.new_database()
            async with run_process(Place(tmp_path), arxiv, on_telegram, on_discord, "worker", **environment) as worker:
                assert await get(f"{url}/healthz", 200) == "ok"
                report = json.loads(await get(f"{url}/readyz", 200))
                assert (report["storage"], report["platforms"], report["reasons"]) == ("ok", {}, [])
                await get(f"{url}/metrics", 401)
                for path in ("", f"d/{'a' * 22}", f"telegram/{telegram.TOKEN}"):
                    await get(f"{url}/{path}", 404)
                assert on_telegram.calls == []
                cluster.stop("immediate")
                report = json.loads(await get(f"{url}/readyz", 503))
                assert report["storage"] == "failed"
                assert [each.partition(":")[0] for each in report["reasons"]] == ["storage"]
                assert await get(f"{url}/healthz", 200) == "ok"
                cluster.start()
                await get(f"{url}/readyz", 200)
                assert await worker.stop() == 0
        assert [systemd.recv(100) for _ in range(2)] == [b"READY=1", b"WATCHDOG=1"]


async def test_errors_reach_sentry(tmp_path):
    """A bot whose token is refused says so to Sentry, too; neither the token nor what was said is in what was sent."""
    wrong = "987654321:BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB"
    async with (
        ArxivServer() as arxiv,
        telegram.TelegramServer() as on_telegram,
        discord.serve() as on_discord,
        sentry.serve() as on_sentry,
    ):
        environment = {"TELEGRAM_BOT_TOKEN": wrong, "SENTRY_DSN": on_sentry.dsn}
        async with run_process(Place(tmp_path), arxiv, on_telegram, on_discord, **environment) as bot:
            await on_sentry.until(lambda: on_sentry.events, 60)
            assert await bot.stop() == 0
        assert {each["logentry"]["message"] for each in on_sentry.events} == {"owner alert text=%r"}
        for secret in (wrong, "is switched off", on_sentry.dsn):
            assert secret not in "".join(on_sentry.bodies)
