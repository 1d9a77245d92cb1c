"""The whole bot but its edges: real commands, use cases and rankers over fakes."""

from datetime import timedelta

from bot.errors import PlatformError, UserError
from bot.managing import Managing
from bot.pipeline import Pipeline
from bot.ranking.classic import ClassicRanker
from bot.ranking.rules import RulesRanker
from bot.subscriptions import Subscriptions
from bot.suggestions import read_suggestions
from bot.taxonomy import Taxonomy
from bot.throttle import Throttle
from config.settings import read_bundled
from handlers.command import Reply, Request, Services, execute, parse_line
from handlers.commands import COMMANDS
from tests.build import CHAT, NOW
from tests.fake_source import FakeSource
from tests.fakes import FakeStorage

TAXONOMY = Taxonomy.from_toml(read_bundled("categories.toml"))


def answer(value):
    """What a platform says when asked about a person's rights."""

    async def ask():
        return value

    return ask


class World:
    """One chat, a clock that stands still until it is moved, and an arXiv that says what it is told to."""

    def __init__(self, *batches, sample=None, storage=None, is_throttled=False):
        self.now = NOW
        self.storage = storage or FakeStorage()
        self.source = FakeSource(*batches)
        self.remarks = []
        pipeline = Pipeline(
            self.storage,
            self.source,
            {"rules": RulesRanker(), "classic": ClassicRanker()},
            lambda: self.now,
            ("cs.AI", "cs.CL"),
            sample,
        )
        self.announced = []
        self.services = Services(
            Subscriptions(self.storage, TAXONOMY, lambda: self.now),
            pipeline,
            Throttle(lambda: self.now) if is_throttled else None,
            self.announce,
            read_suggestions(read_bundled("suggestions.toml")),
            self.sleep,
            Managing(lambda: self.now),
        )

    async def announce(self, chat, text):
        """Every chat but those of a platform called broken gets it."""
        if chat.platform == "broken":
            raise PlatformError("no answer")
        self.announced.append((chat, text))

    async def sleep(self, seconds):
        self.later(seconds=seconds)

    def later(self, **delta):
        self.now += timedelta(**delta)

    async def ask(self, line, *, is_admin=True, chat=CHAT, person="ada", is_owner=False) -> Reply:
        await self.storage.open()
        try:
            invocation = parse_line(COMMANDS, line)
        except UserError as error:
            return Reply(str(error))
        request = Request(chat, person, answer(is_admin), invocation.args, self.remarks.append, is_owner)
        return await execute(invocation, self.services, request)

    async def say(self, *lines, **asked) -> str:
        """The text of the reply to the last of these lines."""
        replies = [await self.ask(line, **asked) for line in lines]
        return replies[-1].text
