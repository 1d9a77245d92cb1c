"""The stage of Telegram: a private chat on the strict Bot API server."""

from bot.model.chat import Chat
from handlers.telegram.messenger import TelegramMessenger
from handlers.telegram.text import without_joiners
from tests.servers.telegram import BOT, TOKEN, Fault, Room, TelegramServer
from tests.stages.stage import FLOOD_SECONDS, Refusal, Stage

ADA = 501
FAULTS = {
    Refusal.MARKUP: Fault(400, "Bad Request: can't parse entities: Unexpected end tag at byte offset 5"),
    Refusal.BLOCKED: Fault(403, "Forbidden: bot was blocked by the user"),
    Refusal.UNKNOWN_CHAT: Fault(400, "Bad Request: chat not found"),
    Refusal.FLOOD: Fault(429, f"Too Many Requests: retry after {FLOOD_SECONDS}", retry_after=FLOOD_SECONDS),
    Refusal.FLOOD_UNTOLD: Fault(429, "Too Many Requests"),
    Refusal.FAILING: Fault(500, "Internal Server Error"),
    Refusal.PROXY: Fault(502, body="<html>Bad Gateway</html>"),
    Refusal.LOST: Fault(is_lost=True),
    Refusal.GARBLED: Fault(body="<html>Welcome to this hotel's network</html>"),
    Refusal.TOKEN: Fault(401, "Unauthorized"),
}


class TelegramStage(Stage):
    name = "telegram"
    secret = TOKEN
    chat = Chat("telegram", str(ADA))

    async def __aenter__(self):
        self.server = await TelegramServer().__aenter__()
        self.server.rooms[ADA] = Room(ADA, members={ADA: "member", BOT["id"]: "member"})
        self.messenger = TelegramMessenger(TOKEN, self.server.url, self._ignore_move)
        await self.messenger.__aenter__()
        return self

    async def __aexit__(self, *_):
        await self.messenger.__aexit__(None, None, None)
        await self.server.__aexit__()
        assert self.server.complaints == []

    async def _ignore_move(self, old, new):
        pass

    async def refuse(self, refusal):
        if refusal is Refusal.UNREACHABLE:
            await self.server.hang_up()
        else:
            self.server.script("sendMessage", FAULTS[refusal])

    def received(self):
        return [without_joiners(each.text) for each in self.server.sent(ADA)]

    def labels(self):
        return [label for each in self.server.sent(ADA) for row in each.labels for label in row]
