"""A bot in several processes keeps the promise of one: nothing is lost silently, nothing doubled."""

from bot.model.delivery import DeliveryState
from tests.faults.split import open_split_town
from tests.faults.town import settle_discord, settle_telegram
from tests.faults.verdict import check_chats


async def test_workers_compose_and_one_process_sends(tmp_path, database_url):
    """Two workers hold the rounds of 50 chats, and the bot sends what they planned."""
    async with open_split_town(tmp_path, database_url) as town:
        await town.subscribe(*settle_telegram(town.telegram), *settle_discord(town.discord))
        async with town.starting("worker") as one, town.starting("worker") as other:
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
