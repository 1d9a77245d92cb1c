"""The real process, killed again and again in the middle of a round: nothing is lost silently, nothing doubled.

PAPERROUND_KILLS says how often; 200 take about five minutes.
"""

import asyncio
import os
import signal
from collections import Counter
from dataclasses import dataclass, field
from random import Random

from bot.model.chat import Chat
from bot.model.delivery import DeliveryState
from tests.faults.town import open_town, settle_discord, settle_telegram
from tests.faults.verdict import check_chats

KILLS = int(os.environ.get("PAPERROUND_KILLS", "12"))
KILLS_A_ROUND = 6
AT_ONCE = 4 if KILLS > 20 else 2
"""How many rounds go on at the same time, each with a process and servers of its own."""
START_SECONDS, SENDING_SECONDS = 0.8, (0.6, 0.6, 1.2, 1.2, 5.0)
"""How long a process may live, after its start, or after it first sent something; the longest takes it past the last part."""
JITTER = 0.1


@dataclass
class Tally:
    """What came of all rounds."""

    kills: int = 0
    rounds: int = 0
    states: Counter = field(default_factory=Counter)


async def strike(town, bot, random):
    """Wait for a random moment, before anything is planned, while parts are sent, or when all is done; then kill."""
    if random.random() < 0.2:
        await asyncio.sleep(random.uniform(0, START_SECONDS))
    else:
        before, loop = town.tries(), asyncio.get_running_loop()
        give_up = loop.time() + 5.0
        while town.tries() == before and loop.time() < give_up:
            await asyncio.sleep(0.005)
        await asyncio.sleep(random.uniform(0, random.choice(SENDING_SECONDS)))
    await bot.stop(signal.SIGKILL)


async def is_done(town):
    """Whether the round was held, and nothing waits any more."""
    if await town.without_round():
        return False
    async with town.stored() as storage:
        return not await storage.get_open_chats()


async def hold_round(place, random, tally):
    """One round of 50 chats with some kills; then the last process finishes it."""
    async with open_town(place) as town:
        town.telegram.jitter = town.discord.jitter = JITTER
        await town.subscribe(*settle_telegram(town.telegram), *settle_discord(town.discord))
        killed = 0
        while killed < KILLS_A_ROUND and tally.kills < KILLS and not (killed and await is_done(town)):
            async with town.running(LOG_LEVEL="INFO") as bot:
                await strike(town, bot, random)
            killed += 1
            tally.kills += 1
        told = await town.drain((Chat("telegram", "1001"), Chat("telegram", "1002"), Chat("discord", "5001")))
        tally.rounds += 1
        tally.states += await check_chats(town, told)


async def test_kill_9_neither_loses_nor_doubles(each_place):
    """However often and whenever the process is killed: each part ends sent, once and in its place, or visibly uncertain.

    Where a kill fell between a request and its answer, Telegram's part is uncertain, and Discord's is found or repeated
    under its nonce; the seen papers are those of sent parts; /status and /owner status say what is stored.
    """
    tally, turns = Tally(), iter(range(10_000))

    async def go_on():
        while tally.kills < KILLS:
            turn = next(turns)
            await hold_round(each_place.room(str(turn)), Random(turn), tally)

    async with asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(go_on())
    counts = sorted(tally.states.items())
    # The figures that the tests are run for.
    print(  # noqa: T201
        f"kills={tally.kills} rounds={tally.rounds}", *(f"{where}-{state}={count}" for (where, state), count in counts)
    )
    assert tally.states["discord", DeliveryState.UNCERTAIN] == 0
    assert {state for _, state in tally.states} <= {DeliveryState.SENT, DeliveryState.UNCERTAIN}
    assert tally.states["telegram", DeliveryState.SENT] > tally.states["telegram", DeliveryState.UNCERTAIN]
