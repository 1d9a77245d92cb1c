"""A bot in several processes keeps the promise of one: nothing is lost silently, nothing doubled.

PAPERROUND_SPLIT_KILLS says how often processes are killed; 100 take about half an hour.
"""

import asyncio
import os
import signal
from collections import Counter
from contextlib import AsyncExitStack
from datetime import UTC, date, datetime, timedelta
from random import Random

from bot.calendar import previous_day
from bot.model.chat import Chat
from bot.model.delivery import DeliveryState, Progress
from bot.summaries.ladder import Dialect, Ladder
from tests.adapters.arxiv_server import Canned
from tests.build import make_subscription
from tests.cluster import running_cluster
from tests.faults.split import Balancer, lay_wire, open_split_town
from tests.faults.town import IDS, TODAY, make_private, settle_discord, settle_telegram
from tests.faults.verdict import check_chats
from tests.servers import openai

KILLS = int(os.environ.get("PAPERROUND_SPLIT_KILLS", "2"))
KILLS_A_ROUND = 4
JITTER = 0.1
PAGE = (
    b'<article class="ltx_document"><section class="ltx_section"><h2 class="ltx_title ltx_title_section">1 Introduction</h2>'
    b'<p class="ltx_p">'
    + b"We count teapots, and then we count them again. The rest is tea. " * 60
    + b"</p></section></article>"
)


async def subscribe_all(town):
    await town.subscribe(*settle_telegram(town.telegram), *settle_discord(town.discord))
    town.telegram.jitter = town.discord.jitter = JITTER


def check_states(states):
    """Where an answer was lost, Telegram's part is uncertain, and Discord's is found again by its nonce."""
    assert {state for _, state in states} <= {DeliveryState.SENT, DeliveryState.UNCERTAIN}
    assert states["discord", DeliveryState.UNCERTAIN] == 0
    assert states["telegram", DeliveryState.SENT] > states["telegram", DeliveryState.UNCERTAIN]


async def test_workers_compose_and_one_process_sends(tmp_path, database_url):
    """Two workers hold the rounds of 50 chats, and the bot sends what they planned, with links to the pages that they kept."""
    async with open_split_town(tmp_path, database_url) as town:
        await subscribe_all(town)
        world = {"PUBLIC_URL": "https://bot.example.org"}
        async with town.starting("worker", **world) as one, town.starting("worker", **world) as other:
            await one.until_said("worker status=started", 60)
            await other.until_said("worker status=started", 60)
            async with town.starting("run") as bot:
                await town.until_done()
                assert await bot.stop() == 0
            assert "round chat=" not in bot.said()
            assert (one.said() + other.said()).count("round chat=") == len(town.chats)
            assert await one.stop() == 0
            assert await other.stop() == 0
        states = await check_chats(town, {})
        assert {state for _, state in states} == {DeliveryState.SENT}
        async with town.stored() as storage:
            assert {len(await storage.get_pages(chat, 2)) for chat in town.chats} == {1}


async def test_a_sender_that_is_told_to_stop_hears_its_answers(tmp_path, database_url):
    """What is under way ends in order, and the next one goes on at once: nothing is uncertain."""
    async with open_split_town(tmp_path, database_url) as town:
        await subscribe_all(town)
        async with town.starting() as bot:
            await town.until_sending(10)
            assert await bot.stop() == 0
        async with town.starting() as bot:
            await town.until_done()
            assert await bot.stop() == 0
        states = await check_chats(town, {})
        assert {state for _, state in states} == {DeliveryState.SENT}


async def test_two_senders_by_mistake_send_once(tmp_path, database_url):
    """Of two bots one sends, without any worker; when it stands still for longer than its right lasts, the other does.

    When it goes on, in the middle of whatever it was doing, it finds that its right has ended.
    """
    async with open_split_town(tmp_path, database_url) as town:
        await subscribe_all(town)
        async with town.starting() as one, town.starting() as other:
            await town.until_sending()
            first, second = (one, other) if "name=telegram token=1" in one.said() else (other, one)
            assert "name=telegram token" not in second.said()
            first.process.send_signal(signal.SIGSTOP)
            await second.until_said("lease name=telegram token=2 status=taken", 60)
            first.process.send_signal(signal.SIGCONT)
            await town.until_done()
            assert await second.stop() == 0
            assert await first.stop() == 0
        check_states(await check_chats(town, {}))


async def test_a_dead_sender_is_replaced_within_30_seconds(tmp_path, database_url):
    """One that waits takes over all that the dead one did."""
    async with open_split_town(tmp_path, database_url) as town:
        await subscribe_all(town)
        async with AsyncExitStack() as stack:
            one = await stack.enter_async_context(town.starting())
            await town.until_sending()
            other = await stack.enter_async_context(town.starting())
            await other.until_said("lease name=telegram status=waiting", 60)
            await one.stop(signal.SIGKILL)
            loop = asyncio.get_running_loop()
            died = loop.time()
            await other.until_said("lease name=telegram token=2 status=taken", 60)
            took = loop.time() - died
            await town.until_done()
            assert await other.stop() == 0
        check_states(await check_chats(town, {}))
        assert took < 30


async def test_a_database_that_restarts_in_mid_round_costs_time_and_nothing_else(tmp_path):
    """Killed while digests are composed and sent, it is found again by all, and what was under way is done once."""
    with running_cluster() as cluster:
        async with open_split_town(tmp_path, cluster.new_database()) as town:
            await subscribe_all(town)
            async with town.starting("worker") as worker:
                await worker.until_said("worker status=started", 60)
                async with town.starting() as bot:
                    await town.until_sending(10)
                    cluster.stop("immediate")
                    await asyncio.sleep(2)
                    cluster.start()
                    await town.until_done()
                    assert await bot.stop() == 0
                assert await worker.stop() == 0
            check_states(await check_chats(town, {}))


async def test_whoever_is_cut_off_from_the_database_is_replaced(tmp_path, cluster, database_url):
    """The sender and a worker can no longer reach it, and nobody tells them; others go on, and when the wire is mended
    what they still had on their lips is not heard.
    """
    async with open_split_town(tmp_path, database_url) as town, lay_wire(cluster, database_url) as (wire, by_wire):
        await subscribe_all(town)
        async with (
            town.starting("worker", DATABASE_URL=by_wire) as far,
            town.starting(DATABASE_URL=by_wire) as cut_off,
        ):
            await far.until_said("worker status=started", 60)
            await town.until_sending()
            async with town.starting("worker") as near, town.starting() as other:
                wire.cut()
                await other.until_said("lease name=telegram token=2 status=taken", 90)
                before = cut_off.said().count("delivered chat=")
                await town.until_done()
                wire.mend()
                await cut_off.until_said("lease name=telegram token=1 status=lost", 90)
                assert cut_off.said().count("delivered chat=") <= before
                for each in (other, near):
                    assert await each.stop() == 0
                # These may still be held up by what the cut left behind.
                for each in (cut_off, far):
                    assert await each.stop() in {0, 1}
        check_states(await check_chats(town, {}))


async def test_whoever_is_cut_off_from_the_database_still_ends_when_told_to(tmp_path, cluster, database_url):
    """However long the database would keep it waiting, a process is gone before its host would kill it."""
    async with open_split_town(tmp_path, database_url) as town, lay_wire(cluster, database_url) as (wire, by_wire):
        await subscribe_all(town)
        async with (
            town.starting("worker", DATABASE_URL=by_wire) as worker,
            town.starting(DATABASE_URL=by_wire) as bot,
        ):
            await worker.until_said("worker status=started", 60)
            await town.until_sending()
            wire.cut()
            await asyncio.sleep(2)
            assert {*await asyncio.gather(worker.stop(), bot.stop())} <= {0, 1}
            for each in (worker, bot):
                assert "stopped" in each.said()


async def strike(town, process, random):
    """Kill a process at a random moment, from its start until it has sent for a while."""
    await asyncio.sleep(random.choice((random.uniform(0, 3), random.uniform(2, 8))))
    await process.stop(signal.SIGKILL)


async def hold_round(folder, url, random, kills):
    """One round of 50 chats; whatever is killed is started again."""
    folder.mkdir()
    async with open_split_town(folder, url) as town:
        await subscribe_all(town)
        async with AsyncExitStack() as stack:
            commands = ["worker", "worker", "run", "run"]
            running = [await stack.enter_async_context(town.starting(each)) for each in commands]
            for _ in range(kills):
                if await town.is_done():
                    break
                victim = random.randrange(len(commands))
                await strike(town, running[victim], random)
                running[victim] = await stack.enter_async_context(town.starting(commands[victim]))
            await town.until_done()
            for each in running:
                # One that was started a moment ago does not listen to signals yet.
                assert await each.stop() in {0, -signal.SIGTERM}
        return await check_chats(town, {})


async def test_kill_9_of_any_process_neither_loses_nor_doubles(tmp_path, cluster):
    """However often and whenever one of two bots and two workers is killed."""
    killed, turn, tally = 0, 0, Counter()
    while killed < KILLS:
        kills = min(KILLS_A_ROUND, KILLS - killed)
        url = cluster.new_database()
        tally += await hold_round(tmp_path / str(turn), url, Random(turn), kills)
        cluster.drop(url)
        killed, turn = killed + kills, turn + 1
    print(f"kills={killed} rounds={turn}", *(f"{where}-{state}={count}" for (where, state), count in tally.items()))  # noqa: T201
    check_states(tally)


async def test_each_summary_is_made_once_for_all(tmp_path, database_url):
    """Two workers compose for 50 chats; of each paper one text is fetched and one summary is made, and every digest has them.

    However many processes read arXiv, it sees one request at a time.
    """
    async with openai.serve() as llm, open_split_town(tmp_path, database_url) as town:
        await subscribe_all(town)
        given = {"OPENAI_API_KEY": openai.TOKEN, "OPENAI_BASE_URL": llm.url}
        async with town.starting("worker", **given) as one, town.starting("worker", **given) as other:
            await one.until_said("worker status=started", 60)
            await other.until_said("worker status=started", 60)
            async with town.starting(**given) as bot:
                await town.until_done()
                assert "summary id=" not in bot.said()
                for each in (bot, one, other):
                    assert await each.stop() == 0
        asked = Counter(each["messages"][1]["content"] for each in llm.bodies)
        assert set(asked.values()) == {1}
        shown = {sum(text.count("AI summary, from the abstract") for text in town.arrived(chat)) for chat in town.chats}
        assert shown == {len(asked)}
        assert not any(each.overlaps for each in town.arxiv.seen)
        check_states(await check_chats(town, {}))


async def subscribe_for_later(town, *chats):
    """Chats that had yesterday's digest, and whose next one is hours away; and a model server that was asked before."""
    town.chats, now = chats, datetime.now(UTC)
    hour = f"{(now + timedelta(hours=6)):%H}:00"
    async with town.stored() as storage:
        for chat in chats:
            made = make_subscription(chat=chat, created=now, schedule=hour)
            await storage.change_subscription(chat, lambda _, made=made: made)
            await storage.plan(chat, Progress(previous_day(TODAY), now))


async def wait_for(condition, seconds=60.0):
    async with asyncio.timeout(seconds):
        while not await condition():
            await asyncio.sleep(0.1)


async def test_what_workers_gather_is_sent_in_one_batch_whoever_is_killed(tmp_path, database_url):
    """A worker gathers summaries of digests that are hours away; whoever keeps time sends them, is killed, and the next one
    takes in what the batch brought. Of each paper one summary is asked for.
    """
    async with openai.serve() as llm, open_split_town(tmp_path, database_url) as town:
        for each in IDS:
            town.arxiv.pages[f"/html/{each}v1"] = Canned(PAGE, 200, "text/html")
        await subscribe_for_later(town, *settle_telegram(town.telegram)[:10])
        async with town.stored() as storage:
            await Ladder(llm.url, "gpt-5.4-mini", storage.get_note, storage.set_note).settle(
                Dialect(limit="max_completion_tokens")
            )
        given = {"OPENAI_API_KEY": openai.TOKEN, "OPENAI_BASE_URL": llm.url, "LLM_BATCH": "on"}

        async def is_gathered():
            async with town.stored() as storage:
                return len(await storage.get_gathered()) == len(IDS)

        async with town.starting("worker", **given) as worker:
            await worker.until_said("worker status=started", 60)
            async with town.starting(**given) as bot:
                await wait_for(is_gathered, 90)
                await bot.stop(signal.SIGKILL)
            await worker.stop(signal.SIGKILL)
        async with town.starting(**given) as bot:
            await bot.until_said(f"status=sent papers={len(IDS)}", 90)
            await bot.stop(signal.SIGKILL)
        async with town.starting(**given) as bot:
            await bot.until_said(f"status=ended papers={len(IDS)} made={len(IDS)}", 90)
            assert await bot.stop() == 0
        [batch] = llm.batches.made.values()
        assert len({each["custom_id"] for each in batch["lines"]}) == len(batch["lines"]) == len(IDS)
        assert llm.calls == 0
        async with town.stored() as storage:
            spent = await storage.get_spending(date.min)
        assert (sum(each.calls for each in spent), sum(each.reserved for each in spent)) == (len(IDS), 0)


async def test_a_talk_goes_on_in_whichever_process_it_reaches(tmp_path, database_url, unused_tcp_port_factory):
    """Behind a balancer, each question of /start, and whether to forget everything, is answered to the other process."""
    ports = unused_tcp_port_factory(), unused_tcp_port_factory()
    person = 1001
    chat = Chat("telegram", str(person))
    async with AsyncExitStack() as stack:
        town = await stack.enter_async_context(open_split_town(tmp_path, database_url))
        balancer = await stack.enter_async_context(Balancer(ports[0], unused_tcp_port_factory()).at_work())
        town.telegram.rooms[person] = make_private(person)
        processes = [
            await stack.enter_async_context(town.starting(PORT=str(port), PUBLIC_URL=balancer.url)) for port in ports
        ]
        for each in processes:
            await each.until_said("telegram status=connected", 60)
        storage = await stack.enter_async_context(town.stored())

        async def say(port, words, answer, line):
            """What is said to one process has this answer, after which the person is asked for the rest of `line`."""
            balancer.port = port
            await town.telegram.say(person, person, words)
            await town.telegram.until(lambda: any(answer in text for text in town.arrived(chat)), 60)

            async def is_asked():
                asked = await storage.get_question(chat, str(person))
                return (asked.line if asked else "") == line

            await wait_for(is_asked)

        one, other = ports
        await say(one, "/start", "1 of 3", "/start fields")
        await say(other, "cs.CL", "2 of 3", "/start topics")
        await say(one, "teapots", "3 of 3", "/start time")
        await say(other, "/forgetme", "This erases", "/forgetme")
        assert (await storage.get_subscription(chat)).topics == ("teapots",)
        await say(one, "yes", "is erased", "")
        assert await storage.get_subscription(chat) is None
        for each, usages in zip(processes, ({"/start": 2, "/forgetme": 1}, {"/start": 1, "/forgetme": 1}), strict=True):
            assert {name: each.said().count(f"command usage={name} ") for name in usages} == usages
            assert await each.stop() == 0
