"""The stage of the terminal: what is written there."""

from bot.model.chat import Chat
from handlers.console.messenger import ConsoleMessenger
from tests.stages.stage import Stage


class ConsoleStage(Stage):
    name = "console"
    chat = Chat("console", "local")
    has_buttons = False

    async def __aenter__(self):
        self.written = []
        self.messenger = await ConsoleMessenger(self.written.append).__aenter__()
        return self

    async def __aexit__(self, *_):
        await self.messenger.__aexit__(None, None, None)

    def received(self):
        return list(self.written)
