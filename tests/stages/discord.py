"""The stage of Discord: a channel of a server on loopback."""

import re

from bot.errors import Remedy
from bot.model.chat import Chat
from handlers.discord.markup import unbroken
from handlers.discord.messenger import DiscordMessenger
from handlers.discord.rest import DiscordRest
from tests.servers.discord import TOKEN, serve
from tests.servers.discord_data import Answer
from tests.servers.discord_rules import texts_of, walk
from tests.stages.stage import FLOOD_SECONDS, Refusal, Stage

ROOM = "5000"
VIA = {"Via": "1.1 google"}
ANSWERS = {
    Refusal.MARKUP: Answer(400, {"code": 50035, "message": "Invalid Form Body"}),
    Refusal.BLOCKED: Answer(403, {"code": 50007, "message": "Cannot send messages to this user"}),
    Refusal.UNKNOWN_CHAT: Answer(404, {"code": 10003, "message": "Unknown Channel"}),
    Refusal.FLOOD: Answer(429, {"message": "Slow down", "retry_after": FLOOD_SECONDS, "global": False}, VIA),
    Refusal.FLOOD_UNTOLD: Answer(429, {"message": "Slow down"}, VIA),
    Refusal.FAILING: Answer(500, {"code": 0, "message": "500: Internal Server Error"}),
    Refusal.PROXY: Answer(502, page="<html>Bad Gateway</html>"),
    Refusal.LOST: Answer(lost=True),
    Refusal.GARBLED: Answer(page="<html>Welcome to this hotel's network</html>"),
    Refusal.TOKEN: Answer(401, {"code": 0, "message": "401: Unauthorized"}),
}
LINK_TARGET = re.compile(r"\]\(https://\S+?\)")


class DiscordStage(Stage):
    name = "discord"
    secret = TOKEN
    lost = frozenset({Remedy.REPEAT})
    chat = Chat("discord", ROOM)

    async def __aenter__(self):
        self._serving = serve()
        self.server = await self._serving.__aenter__()
        self.messenger = DiscordMessenger(DiscordRest(TOKEN, f"{self.server.base}/api/v10"))
        await self.messenger.__aenter__()
        return self

    async def __aexit__(self, *_):
        await self.messenger.__aexit__(None, None, None)
        await self._serving.__aexit__(None, None, None)
        assert self.server.refusals == []
        for _, path, body in self.server.requests:
            if path.endswith("/messages") and body:
                assert body["allowed_mentions"] == {"parse": []}

    async def refuse(self, refusal):
        if refusal is Refusal.UNREACHABLE:
            await self.server.hang_up()
        else:
            self.server.plan("POST", "/messages$", ANSWERS[refusal])

    def sent(self):
        """The messages in the channel, and in the threads that start from them."""
        messages = self.server.messages(ROOM)
        for thread in [each for each in self.server.places.values() if each.get("parent_id") == ROOM]:
            messages = messages + self.server.messages(thread["id"])
        return messages

    def received(self):
        return [LINK_TARGET.sub("]", unbroken("\n".join(texts_of(each)))) for each in self.sent()]

    def labels(self):
        return [each["label"] for message in self.sent() for each in walk(message["components"]) if each["type"] == 2]
