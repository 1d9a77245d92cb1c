"""Pull -> rank -> digest: the way of a paper from arXiv to a reader."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from bot.checking import Checking
from bot.days import Here, States, late_of, only_papers
from bot.digests import Verdict, candidates, compose, judge_by, latest_announcement
from bot.keeping import Keeping
from bot.lessons import Lessons
from bot.meaning import Meaning
from bot.model.announcement import Announcement, merge_batches
from bot.model.chat import Chat
from bot.model.digest import Digest, Score
from bot.model.paper import AnnouncedPaper, ArxivId
from bot.model.subscription import Subscription
from bot.ports import Clock, PaperSource, Ranker, Storage
from bot.pulling import Attempt, Progress, Pulling
from bot.similar import NO_SIMILAR, Known

SEEN_DAYS = 180
"""How long it is remembered that a chat got a paper, in days."""
SUMMARY_DAYS = 90
"""How long summaries are kept, and what they cost, and pages, in days."""
RETRY_SOON = timedelta(minutes=1)
"""How long a person's request does not ask arXiv again for what it just refused or did not have."""
_PAUSED = "pulls paused"


@dataclass(frozen=True, slots=True)
class Reading:
    """A digest with every verdict behind it. `digest` is None where nothing has been announced yet.

    `is_coming`: something is being made that may change the order.
    """

    digest: Digest | None
    verdicts: tuple[Verdict, ...] = ()
    is_coming: bool = False


@dataclass(slots=True)
class Pipeline:
    """The one path from announcement to digest.

    `sample` is shown on request and, if `sample_stands_in`, where arXiv cannot be reached and nothing was ever pulled.
    `default_categories` are pulled for chats that follow topics and name no category, `published` whatever anybody follows.
    `checking` has the sources beside the feeds, once they are set. `meaning` None: papers are ranked by their words alone.
    """

    storage: Storage
    source: PaperSource
    rankers: Mapping[str, Ranker]
    clock: Clock
    default_categories: tuple[str, ...]
    sample: PaperSource | None = None
    sample_stands_in: bool = True
    published: tuple[str, ...] = ()
    meaning: Meaning | None = None
    keeping: Keeping = field(init=False)
    pulling: Pulling = field(init=False)
    checking: Checking = field(init=False)
    _known: Known = field(init=False, default_factory=Known)

    def __post_init__(self) -> None:
        self.keeping = Keeping(self.storage, self.clock)
        self.pulling = Pulling(self.keeping, self.source)
        self.checking = Checking(self.keeping)

    @property
    def attempts(self) -> Mapping[str, Attempt]:
        """The last time that each category was asked for since the process began."""
        return self.pulling.attempts

    def categories_of(self, subscription: Subscription) -> tuple[str, ...]:
        """The categories that are pulled for this subscription."""
        return subscription.categories or (self.default_categories if subscription.topics else ())

    async def followed_categories(self) -> tuple[str, ...]:
        """Every category that some chat or a publication needs, sorted: of a paper that is followed, one at least."""
        needed = set(self.published) | {
            code for each in await self.storage.get_subscriptions() for code in self.categories_of(each)
        }
        for _, categories in sorted((await self.storage.get_followed()).items()):
            if categories and needed.isdisjoint(categories):
                needed.add(categories[0])
        return tuple(sorted(needed))

    async def pull(
        self, categories: Sequence[str], progress: Progress = lambda _: None, *, pause: timedelta = RETRY_SOON
    ) -> int:
        """Fetch those of `categories` whose newest announcement is not here yet; how many papers that brought.

        What was asked for less than `pause` ago is not asked for again. What fails is remembered in `attempts` and not
        raised. One pull at a time: a second one waits for the first and then finds its work done.
        """
        return await self.pulling.pull(categories, await self.followed_categories(), progress, pause)

    async def look(self) -> int:
        """What is done every minute: look at the feeds that it is time to look at; how many papers that brought."""
        await self.pulling.close_days(has_lists=self.checking.listings is not None)
        categories = await self.followed_categories()
        return await self.pulling.pull(categories, categories, lambda _: None, None)

    async def check(self) -> None:
        """What is done beside that, and takes its time: compare with arXiv's lists, and catch up on missed days."""
        categories = await self.followed_categories()
        await self.checking.check(categories)
        await self.checking.catch_up(categories)

    async def batch_sizes(self, since: date) -> dict[str, int]:
        """How many papers the categories announced on `since` or later, for those that are here."""
        states = await self.keeping.states()
        sizes = {code: each.papers for (code, day), each in states.items() if day >= since and each.came is not None}
        return dict(sorted(sizes.items()))

    async def states(self) -> States:
        """The state of every category and day that is kept."""
        return await self.keeping.states()

    async def here(self) -> Here:
        """What delivery may count on: for a day, the categories whose batch of it, or of a later day, is here."""
        states = await self.keeping.states()
        behind, undecided = await self.checking.behind(), await self.checking.undecided()
        return Here(states, self.clock(), behind, undecided, late_of(states.values()))

    async def announcements(self) -> tuple[Announcement, ...]:
        """Everything kept, oldest first; read once and held until something new is saved."""
        return await self.keeping.announcements()

    async def recent(self, categories: Sequence[str]) -> tuple[Announcement, ...]:
        """The announcements of the last days, oldest first; the sample where arXiv gave nothing, ever."""
        announcements = await self.announcements()
        if not self.sample_stands_in or any(each.papers for each in announcements):
            return announcements
        if not any(self.attempts[code].error for code in categories if code in self.attempts):
            return announcements
        return await self.sample_announcements(categories)

    async def sample_announcements(self, categories: Sequence[str]) -> tuple[Announcement, ...]:
        """The bundled invented papers of these categories, as if announced."""
        if self.sample is None:
            return ()
        return merge_batches([await self.sample.fetch(category) for category in categories])

    async def read(
        self,
        subscription: Subscription,
        *,
        progress: Progress = lambda _: None,
        only_sample: bool = False,
        with_delivered: bool = False,
    ) -> Reading:
        """The digest this subscription would get now, arXiv asked first for what is not here yet.

        `with_delivered`: what the chat got already is shown, too.
        """
        categories = self.categories_of(subscription)
        if only_sample:
            announcements = await self.sample_announcements(categories)
        else:
            await self.pull(categories, progress)
            announcements = await self.recent(categories)
        latest = latest_announcement(announcements, subscription.categories)
        if latest is None:
            return Reading(None)
        delivered = {} if with_delivered else await self.delivered(subscription.chat)
        verdicts, _ = await self._judge(subscription, announcements, announcements, delivered)
        return Reading(compose(latest.day, categories, verdicts, is_sample=latest.is_sample), verdicts)

    async def read_days(
        self, subscription: Subscription, after: date, until: date, papers: frozenset[ArxivId] = frozenset()
    ) -> Reading:
        """The one digest of all announcements after `after` up to `until`, from what is here; None where they had nothing.

        Of these papers alone, if there are any.
        """
        known = await self.announcements()
        kept = [each for each in known if each.day <= until]
        chosen = [only_papers(each, papers) for each in kept] if papers else kept
        latest = latest_announcement(chosen, subscription.categories)
        if latest is None or latest.day <= after:
            return Reading(None)
        since = min(each.day for each in chosen if each.day > after and each.papers_for(subscription.categories))
        delivered = await self.delivered(subscription.chat)
        verdicts, is_coming = await self._judge(subscription, chosen, kept, delivered, after, known, is_scheduled=True)
        digest = compose(latest.day, self.categories_of(subscription), verdicts, since=since)
        return Reading(digest, verdicts, is_coming)

    async def judge_day(self, subscription: Subscription, day: date) -> tuple[Verdict, ...]:
        """What would become of the papers of this day alone, by what is known now, had none been delivered."""
        recent = await self.recent(self.categories_of(subscription))
        verdicts, _ = await self._judge(subscription, [each for each in recent if each.day == day], recent, {})
        return verdicts

    async def verdicts(self, subscription: Subscription, announcements: Sequence[Announcement]) -> Sequence[Verdict]:
        """The verdicts on everything that is a candidate among these announcements, delivered or not."""
        verdicts, _ = await self._judge(subscription, announcements, announcements, {})
        return verdicts

    async def _judge(  # noqa: PLR0913, PLR0917 - all that verdicts depend on
        self,
        subscription: Subscription,
        chosen: Sequence[Announcement],
        recent: Sequence[Announcement],
        delivered: Mapping[ArxivId, date],
        after: date | None = None,
        known: Sequence[Announcement] | None = None,
        *,
        is_scheduled: bool = False,
    ) -> tuple[tuple[Verdict, ...], bool]:
        """The verdicts, and whether something is being made that may change them. `known`: all announcements, if at hand."""
        feedback = await Lessons(self.storage).get(subscription.chat, recent)
        ranker = self.rankers[subscription.ranker]
        # Of all that is kept, so that it is found once for all chats, whatever days they ask for.
        kept = await self.announcements() if known is None else known

        def score() -> tuple[tuple[AnnouncedPaper, ...], Sequence[Score]]:
            papers = candidates(subscription, chosen, after)
            return papers, ranker.rank(papers, subscription.active_topics, recent, feedback)

        def judge(papers: Sequence[AnnouncedPaper], scores: Sequence[Score]) -> tuple[Verdict, ...]:
            similar = self._known.similar(kept) if ranker.is_broad else NO_SIMILAR
            return judge_by(ranker, subscription, papers, scores, delivered, similar)

        # Ranking is pure computing, hundreds of milliseconds on a busy day: the event loop must go on meanwhile.
        if self.meaning is None:
            return await asyncio.to_thread(lambda: judge(*score())), False
        papers, scores = await asyncio.to_thread(score)
        refined = await self.meaning.refine(
            subscription, papers, scores, recent, feedback, delivered, is_scheduled=is_scheduled
        )
        return await asyncio.to_thread(judge, papers, refined.scores), refined.is_coming

    async def find(
        self, subscription: Subscription, topic: str, papers: Sequence[AnnouncedPaper], recent: Sequence[Announcement]
    ) -> tuple[AnnouncedPaper, ...]:
        """Those of the papers that the topic alone matches, or leaves out, as this chat's ranker sees it."""
        scores = await asyncio.to_thread(self.rankers[subscription.ranker].rank, papers, [topic], recent)
        pairs = zip(papers, scores, strict=True)
        return tuple(announced for announced, score in pairs if score.points > 0 or score.excluded_by)

    async def learned(self, subscription: Subscription) -> tuple[Sequence[str], Sequence[str]]:
        """The terms that the chat's marks taught for and against, the strongest first."""
        announcements = await self.announcements()
        feedback = await Lessons(self.storage).get(subscription.chat, announcements)
        return await asyncio.to_thread(self.rankers[subscription.ranker].learned, announcements, feedback)

    async def delivered(self, chat: Chat) -> Mapping[ArxivId, date]:
        """The papers that the chat got, and those that are on their way to it or may be there, each with the day."""
        unsettled = {
            paper: each.day
            for each in await self.storage.get_deliveries(chat)
            if each.is_unsettled
            for paper in each.papers
        }
        return unsettled | dict(await self.storage.get_seen(chat))

    async def mark_seen(self, chat: Chat, digest: Digest) -> None:
        """Remember that the chat got the papers of this digest."""
        await self.storage.add_seen(chat, [each for shown in digest.papers for each in shown.ids], self.clock().date())

    async def is_paused(self) -> bool:
        """Whether the owner paused what is pulled on schedule; what people ask for is pulled all the same."""
        return await self.storage.get_note(_PAUSED) is not None

    async def set_paused(self, *, paused: bool) -> None:
        """Pause what is pulled on schedule, or go on with it; kept over restarts."""
        await self.storage.set_note(_PAUSED, "yes" if paused else "")

    async def prune(self) -> None:
        """Drop what is older than it is kept for."""
        today = self.clock().date()
        await self.keeping.prune(today - timedelta(days=SEEN_DAYS), today - timedelta(days=SUMMARY_DAYS))
        if self.meaning is not None:
            await self.meaning.prune(self.keeping.oldest)
