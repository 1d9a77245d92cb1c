"""The real process on a PostgreSQL server that ends and comes back in the middle of a round."""

import asyncio

import pytest

from bot.model.delivery import DeliveryState
from tests.faults.town import open_town, settle_discord, settle_telegram
from tests.faults.verdict import check_chats
from tests.places import Place


@pytest.fixture
async def town(cluster, tmp_path):
    place = Place(tmp_path, cluster)
    async with open_town(place) as town:
        yield town
    place.leave()


@pytest.mark.parametrize("mode", ["fast", "immediate"])
async def test_the_server_is_restarted_in_the_middle_of_a_round(town, mode):
    """In order, or as by a crash: the process goes on with what was written down, and every part arrives, once."""
    town.telegram.jitter = town.discord.jitter = 0.1
    await town.subscribe(*settle_telegram(town.telegram), *settle_discord(town.discord))
    async with town.running(LOG_LEVEL="INFO"):
        await town.telegram.until(lambda: town.tries() > 30, 60)
        await asyncio.to_thread(town.place.cluster.stop, mode)
        await asyncio.sleep(1.0)
        await asyncio.to_thread(town.place.cluster.start)
        before = town.tries()
        await town.telegram.until(lambda: town.tries() > before, 60)
    states = await check_chats(town, await town.drain())
    # The process was killed at the end, perhaps in the middle of a request.
    assert {state for _, state in states} <= {DeliveryState.SENT, DeliveryState.UNCERTAIN}
    assert "status=retried" in (town.place.folder / "stderr").read_text(encoding="utf-8")
