"""What must hold when an outbox is empty, whatever happened on the way."""

import re
from collections import Counter

from bot.model.delivery import DeliveryState

WORDS = {
    DeliveryState.SENT: "sent",
    DeliveryState.UNCERTAIN: "uncertain",
    DeliveryState.FAILED: "failed",
    DeliveryState.DEAD: "given up",
}


async def check_chats(town, told):
    """Compare what is stored with what arrived, chat by chat; how many parts ended in each state, by platform.

    `told` is what some chats were answered to /status.

    All chats of a platform have the same digest. So the one in which most arrived shows what the parts are, and every
    other has some of them, each once, in the same order.
    """
    states = Counter()
    async with town.stored() as storage:
        for platform in sorted({chat.platform for chat in town.chats}):
            chats = [chat for chat in town.chats if chat.platform == platform]
            digest = max((town.arrived(chat) for chat in chats), key=len)
            for chat in chats:
                deliveries = await storage.get_deliveries(chat)
                assert len(deliveries) == len(digest) == len(set(digest)), chat.key
                check_chat(chat, deliveries, [digest.index(text) + 1 for text in town.arrived(chat)])
                shown = {paper for each in deliveries if each.state is DeliveryState.SENT for paper in each.papers}
                assert set(await storage.get_seen(chat)) == shown, chat.key
                if chat in told:
                    check_status(told[chat], deliveries)
                states.update((platform, each.state) for each in deliveries)
        assert await storage.get_open_chats() == ()
    return states


def check_chat(chat, deliveries, arrived):
    """`arrived`: the numbers of the parts that did, in the order in which they came."""
    assert arrived == sorted(set(arrived)), f"{chat.key} got parts {arrived}"
    for each in deliveries:
        told = f"{chat.key} part {each.part} is {each.state}, arrived: {arrived}"
        if each.state is DeliveryState.SENT:
            assert each.part in arrived, told
        elif each.state in {DeliveryState.FAILED, DeliveryState.DEAD}:
            assert each.part not in arrived, told
        else:
            assert each.state is DeliveryState.UNCERTAIN, told


def check_status(text, deliveries):
    """/status counts the parts that have papers, by what became of them, and offers to send again what is uncertain."""
    counts = Counter(WORDS[each.state] for each in deliveries if each.papers)
    said = re.search(r"Its parts: ([^.]*)\.", text)
    assert said, text
    assert {f"{count} {word}" for word, count in counts.items()} == set(said[1].split(", ")), text
