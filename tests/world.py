"""The whole bot but its edges: real commands, use cases and rankers over fakes."""

from datetime import UTC, date, datetime, timedelta
from random import Random

from bot import judgements, vectors
from bot.archive import Archive
from bot.backfill import Backfill
from bot.delivery.lane import Lane
from bot.delivery.outbox import Outbox
from bot.delivery.pacing import Pacer
from bot.delivery.rounds import Rounds
from bot.errands import Purse, Rest
from bot.errors import UserError
from bot.following import Following
from bot.judgements import Judgements
from bot.managing import Managing
from bot.meaning import Meaning
from bot.pipeline import Pipeline
from bot.prices import Price, Prices
from bot.ranking.classic import ClassicRanker
from bot.ranking.rules import RulesRanker
from bot.subscriptions import Subscriptions
from bot.suggestions import read_suggestions
from bot.summarising import Summaries
from bot.taxonomy import Taxonomy
from bot.throttle import Throttle
from bot.vectors import Vectors
from config.settings import read_bundled
from handlers.command import Reply, Request, Services
from handlers.commands import COMMANDS
from handlers.execution import execute, parse_line
from tests import places
from tests.build import CHAT, NOW, make_batch
from tests.fake_meaning import FakeBlobCache, FakeEmbedder, FakeJudge
from tests.fake_messenger import FakeMessenger
from tests.fake_source import FakeArxiv, FakeSource
from tests.fake_summaries import FakeSummarizer, FakeTexts

FRIDAY, MONDAY = date(2026, 11, 20), date(2026, 11, 23)
MORNING = datetime(2026, 11, 23, 6, tzinfo=UTC)
"""The Monday's, on which its papers come."""
PLENTY = 10_000_000
"""A budget of tokens that is never spent."""
TAXONOMY = Taxonomy.from_toml(read_bundled("categories.toml"))


def answer(value):
    """What a platform says when asked about a person's rights."""

    async def ask():
        return value

    return ask


class Killed(BaseException):
    """What becomes of a process in the middle of anything."""


class World:
    """One chat, a clock that stands still until it is moved, and an arXiv that says what it is told to."""

    def __init__(
        self,
        *batches,
        sample=None,
        storage=None,
        is_throttled=False,
        source=None,
        lookup=None,
        summaries_budget=0,
        meaning_budget=0,
        messenger=None,
    ):
        self.now = NOW
        self.storage = storage or places.make_storage()
        self.source = source or FakeSource(*batches)
        self.remarks = []
        pipeline = Pipeline(
            self.storage,
            self.source,
            {"rules": RulesRanker(), "classic": ClassicRanker()},
            lambda: self.now,
            ("cs.AI", "cs.CL"),
            sample,
        )
        self.embedder, self.judge = FakeEmbedder(), FakeJudge()
        self.meaning = pipeline.meaning = self._make_meaning(meaning_budget) if meaning_budget else None
        self.arxiv = FakeArxiv(self.source)
        pipeline.checking.listings = pipeline.checking.lookup = pipeline.checking.records = self.arxiv
        subscriptions = Subscriptions(self.storage, TAXONOMY, lambda: self.now)
        self.messenger = messenger or FakeMessenger()
        self.outbox = Outbox(self.storage, self.storage.move_chat)
        messengers = dict.fromkeys(("console", "telegram", "discord"), self.messenger)
        self.writer, self.summaries = FakeSummarizer(), None
        if summaries_budget:
            self.summaries = Summaries(self.storage, FakeTexts(), self.writer, lambda: self.now, summaries_budget)
        self.rounds = Rounds(pipeline, subscriptions, messengers, wake=self.outbox.wake, summaries=self.summaries)
        self.backfill = Backfill(self.storage, lambda: self.now, lookup or self.arxiv)
        self.following = Following(pipeline, self.rounds, self.backfill)
        self.services = Services(
            subscriptions,
            pipeline,
            Throttle(self.storage, lambda: self.now) if is_throttled else None,
            self.rounds,
            read_suggestions(read_bundled("suggestions.toml")),
            Managing(self.storage, lambda: self.now),
            backfill=self.backfill,
            summaries=self.summaries,
            archive=Archive(pipeline),
            prices=Prices(models={"fake-1": Price(1.0, 10.0)}),
        )
        self.lane = Lane(
            self.storage, self.messenger, Pacer(self.messenger.limits), lambda: self.now, Random(1),
            subscriptions.pause_for, self.outbox.move,
        )  # fmt: skip

    def _make_meaning(self, budget):
        """What papers mean, by vectors and by a judge; by the fakes."""
        meaning, cache = Meaning(), FakeBlobCache()

        def purse_and_rest(group):
            return Purse(self.storage, lambda: self.now, budget, group), Rest(group, lambda: self.now)

        meaning.vectors = Vectors(cache, self.embedder, *purse_and_rest(vectors.GROUP), meaning.finished.set)
        meaning.judgements = Judgements(cache, self.judge, *purse_and_rest(judgements.GROUP), meaning.finished.set)
        return meaning

    async def pull(self):
        """Look at arXiv for all that is followed, as the bot does every minute."""
        await self.storage.open()
        brought = await self.services.pipeline.look()
        await self.services.pipeline.check()
        return brought

    async def tick(self, *, pull=True):
        """What happens every minute; then the outbox is emptied, as far as that needs no waiting. The digests planned."""
        if pull:
            await self.pull()
        planned = await self.rounds.hold_due()
        await self.following.look()
        await self.send()
        return planned

    async def wake_on_monday(self, *papers):
        """Deal with what there is, and go on in the morning on which these papers come in cs.CL."""
        await self.tick()
        self.source.batches = {"cs.CL": make_batch(*papers, day=MONDAY)}
        self.now = MORNING

    async def close(self):
        """End what is being made of papers."""
        for each in (self.summaries, self.meaning):
            if each is not None:
                await each.__aexit__()

    async def send(self):
        """Let every chat's lane go on until it is done or has to wait."""
        for chat in await self.storage.get_open_chats():
            while (step := await self.lane.step(chat)).again_in == 0.0 and not step.platform_pause:
                pass

    def got(self, chat=CHAT):
        """What has arrived in the chat unasked."""
        return self.messenger.bodies(chat)

    def later(self, **delta):
        self.now += timedelta(**delta)

    async def ask(
        self, line, *, is_admin=True, chat=CHAT, person="ada", is_owner=False, is_press=False, is_private=True
    ) -> Reply:
        await self.storage.open()
        try:
            invocation = parse_line(COMMANDS, line)
        except UserError as error:
            return Reply(str(error))
        request = Request(
            chat,
            person,
            answer(is_admin),
            invocation.args,
            self.remarks.append,
            is_owner,
            is_press=is_press,
            is_private=is_private,
        )
        return await execute(invocation, self.services, request)

    async def say(self, *lines, **asked) -> str:
        """The text of the reply to the last of these lines."""
        replies = [await self.ask(line, **asked) for line in lines]
        return replies[-1].text
