"""Everything that a storage can hold, generated; and everything that it can be asked.

Each way of writing is in `WRITES`, each way of reading in `READS`: a method that is added to the port and not here fails a
test, so that nothing is forgotten when data is moved.
"""

from datetime import UTC, date, datetime, timedelta

from hypothesis import strategies as st

from bot.errors import SourceFault
from bot.model.card import Mark, MarkedPaper
from bot.model.chat import Chat
from bot.model.day import Addition, DayPhase, DayState
from bot.model.delivery import Delivery, DeliveryState, Progress
from bot.model.digest import Digest, DigestPaper, Score
from bot.model.follow import Follow, Version
from bot.model.listing import Record
from bot.model.page import Page
from bot.model.paper import AnnouncedPaper, AnnounceType, ArxivId, Paper
from bot.model.subscription import Subscription
from bot.model.summary import Summary, TextSource, Usage
from tests.adapters.test_storage_round_trip import (
    BATCHES,
    DELIVERY_FIELDS,
    INSTANTS,
    MARKED_FIELDS,
    PAGE_FIELDS,
    PAPER_FIELDS,
    PROGRESS_FIELDS,
    RECORD_FIELDS,
    SUBSCRIPTION_FIELDS,
    VERSION_FIELDS,
    texts,
)
from tests.build import make_batch, make_paper

LINES = st.lists(texts(), max_size=2).map(tuple)
SUMMARIES = st.builds(
    Summary,
    *(
        texts().map(ArxivId),
        st.integers(1, 9),
        texts(),
        texts(),
        texts(),
        st.sampled_from(TextSource),
        INSTANTS,
        texts(),
    ),
    *(LINES, LINES, LINES, LINES, LINES, texts(), st.integers(0, 9)),
)
STATES = st.builds(
    DayState,
    texts(),
    st.dates(),
    phase=st.sampled_from(DayPhase),
    since=st.none() | INSTANTS,
    probes=st.integers(0, 9),
    asked=st.none() | INSTANTS,
    came=st.none() | INSTANTS,
    papers=st.integers(0, 99),
    is_first=st.booleans(),
    is_empty=st.booleans(),
    checked=st.none() | INSTANTS,
    listed=st.none() | st.integers(0, 99),
    lacked=st.integers(0, 9),
    recovered=st.integers(0, 9),
    is_cut=st.booleans(),
    is_reopened=st.booleans(),
    additions=st.lists(
        st.builds(Addition, INSTANTS, st.lists(texts().map(ArxivId), max_size=2).map(tuple)), max_size=2
    ).map(tuple),
    fault=st.none() | st.sampled_from(SourceFault),
    until=st.none() | INSTANTS,
)
CHATS = tuple(Chat(*each) for each in (("telegram", "-100200", "5"), ("telegram", "-100200"), ("discord", "é🙂 x")))
CHOICE = st.sampled_from(CHATS)
DAYS = st.sampled_from([date.min, date(2026, 8, 3), date(2026, 8, 4), date.max])
PEOPLE = st.sampled_from(["77", 'A"b,', ""])
IDS = st.lists(texts().map(ArxivId), max_size=3)
FOLLOWS = st.builds(Follow, st.builds(Version, **VERSION_FIELDS), st.booleans(), LINES)


async def _subscribe(storage, chat, fields):
    await storage.change_subscription(chat, lambda _: Subscription(chat, **fields))


async def _mark(storage, chat, person, marked):
    await storage.change_marks(chat, person, marked.id, marked.title, lambda _: marked.marks, marked.day)


async def _follow(storage, chat, follow):
    await storage.change_follow(chat, follow.known.id, lambda _: follow)


async def _plan(storage, chat, progress, planned):
    await storage.plan(chat, progress, [Delivery(chat, **each) for each in planned])


async def _record(storage, chat):
    for each in await storage.get_deliveries(chat):
        await storage.record(
            Delivery(chat, each.day, each.part, each.first, each.planned_at, NOON, papers=each.papers, state=SENT)
        )


async def _note(storage, key, text):
    await storage.change_note(key, lambda _: text)


async def _show(storage, chat, fields):
    await storage.save_page(Page(chat=chat, **fields))


NOON, SENT = datetime(2026, 8, 3, 12, tzinfo=UTC), DeliveryState.SENT
WRITES = {
    "change_subscription": (_subscribe, CHOICE, st.fixed_dictionaries(SUBSCRIPTION_FIELDS)),
    "add_seen": (lambda storage, *given: storage.add_seen(*given), CHOICE, IDS, DAYS),
    "change_marks": (_mark, CHOICE, PEOPLE, st.builds(MarkedPaper, **MARKED_FIELDS)),
    "change_follow": (_follow, CHOICE, FOLLOWS),
    "save_records": (
        lambda storage, *given: storage.save_records(*given),
        st.lists(st.builds(Record, **RECORD_FIELDS), max_size=2),
        DAYS,
    ),
    "set_note": (lambda storage, *given: storage.set_note(*given), texts(), texts()),
    "save_batch": (lambda storage, *given: storage.save_batch(*given), BATCHES),
    "save_day": (lambda storage, *given: storage.save_day(*given), STATES, st.none() | BATCHES),
    "plan": (
        _plan,
        CHOICE,
        st.builds(Progress, **PROGRESS_FIELDS),
        st.lists(st.fixed_dictionaries(DELIVERY_FIELDS), max_size=3),
    ),
    "record": (_record, CHOICE),
    "save_summary": (lambda storage, *given: storage.save_summary(*given), SUMMARIES),
    "reserve_tokens": (lambda storage, *given: storage.reserve_tokens(*given, 10**9), DAYS, st.integers(0, 9999)),
    "settle_tokens": (
        lambda storage, *given: storage.settle_tokens(*given),
        DAYS,
        st.integers(0, 99),
        texts(),
        st.dictionaries(texts(), st.builds(Usage, st.integers(0, 999), st.integers(0, 999)), max_size=2),
    ),
    "count_hits": (lambda storage, *given: storage.count_hits(*given), DAYS, st.integers(0, 9)),
    "change_note": (_note, texts(), texts()),
    "save_page": (_show, CHOICE, st.fixed_dictionaries(PAGE_FIELDS)),
    "save_archive": (
        lambda storage, *given: storage.save_archive(*given),
        DAYS,
        st.lists(
            st.builds(AnnouncedPaper, st.builds(Paper, **PAPER_FIELDS), st.sampled_from(AnnounceType), DAYS), max_size=2
        ),
    ),
}
"""By method: how to call it, and with what."""

ALWAYS = date.min
READS = {
    "get_subscription": lambda storage, chat: storage.get_subscription(chat),
    "get_subscriptions": lambda storage, _: storage.get_subscriptions(),
    "get_seen": lambda storage, chat: storage.get_seen(chat),
    "get_marks": lambda storage, chat: storage.get_marks(chat, "77"),
    "get_chat_marks": lambda storage, chat: storage.get_chat_marks(chat),
    "get_follows": lambda storage, chat: storage.get_follows(chat),
    "get_followers": None,
    "get_followed": None,
    "get_record": None,
    "get_note": None,
    "get_days": lambda storage, _: storage.get_days(ALWAYS),
    "get_announcements": lambda storage, _: storage.get_announcements(ALWAYS),
    "get_progress": lambda storage, chat: storage.get_progress(chat),
    "get_all_progress": lambda storage, _: storage.get_all_progress(),
    "get_deliveries": lambda storage, chat: storage.get_deliveries(chat),
    "get_open_chats": lambda storage, _: storage.get_open_chats(),
    "count_deliveries": lambda storage, _: storage.count_deliveries(ALWAYS),
    "get_summary": None,
    "get_spending": lambda storage, _: storage.get_spending(ALWAYS),
    "get_notes": lambda storage, _: storage.get_notes(""),
    "get_page": None,
    "get_pages": lambda storage, chat: storage.get_pages(chat, 99),
    "get_page_neighbours": None,
    "get_archived_days": lambda storage, _: storage.get_archived_days(),
    "get_archive": lambda storage, _: storage.get_archive(date(2026, 8, 3)),
    "find_archived": None,
}
"""By method: how to call it, for a chat. None: asked for by a key, and told by the rows themselves."""

STEPS = st.one_of(*(st.tuples(st.just(name), st.tuples(*given)) for name, (_, *given) in WRITES.items()))
ANYTHING = st.lists(STEPS, max_size=12)
"""A history of a storage: what was written, one after the other."""


async def live(storage, history):
    """Write all of it."""
    for name, given in history:
        await WRITES[name][0](storage, *given)


async def one_of_each(storage):
    """Write something by every method."""
    chat, day, paper, other = CHATS[0], date(2026, 8, 3), ArxivId("2608.00001"), ArxivId("2608.00002")
    shown = AnnouncedPaper(make_paper(paper), AnnounceType.NEW, day)
    await storage.change_subscription(chat, lambda _: Subscription(chat, NOON, ("cs.CL",), ("teapot",)))
    await storage.add_seen(chat, [other], day)
    await storage.change_marks(chat, "77", paper, "Teapots", lambda _: frozenset({Mark.UP}), day)
    await storage.change_follow(chat, paper, lambda _: Follow(Version(paper, 1, "Teapots")))
    await storage.save_records([Record(make_paper(paper), day, day)], day)
    await storage.set_note("a note", "said")
    await storage.save_batch(make_batch(make_paper(paper), day=day))
    await storage.save_day(DayState("cs.CL", day, DayPhase.COMPLETE, NOON))
    await storage.plan(chat, Progress(day, NOON), [Delivery(chat, day, 1, 1, NOON, NOON, "text", (paper,))])
    await storage.save_summary(Summary(paper, 1, "en", "m", "p", TextSource.HTML, NOON, "Short."))
    await storage.reserve_tokens(day, 10, 100)
    await storage.settle_tokens(day, 10, "m", {"g": Usage(3, 4)})
    await storage.count_hits(day + timedelta(days=1), 2)
    await storage.change_note("another note", lambda _: "said")
    await storage.save_page(
        Page("a" * 22, chat, NOON, "en", Digest(day, ("cs.CL",), (DigestPaper(1, shown, Score(1.0)),), {}))
    )
    await storage.save_archive(day, [shown])


async def rows_of(storage):
    return [each async for each in storage.dump()]


async def answers_of(storage):
    """What it answers to every question, in an order that does not matter."""
    found = {}
    for name, ask in READS.items():
        if ask is not None:
            for chat in CHATS:
                found[name, chat] = await ask(storage, chat)
    return found
