"""Hand-written stand-ins for the ports; the contract suites check them like the real ones."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple, replace
from datetime import UTC, date, timedelta

from bot.errors import StorageError
from bot.model.announcement import Announcement, Batch, merge_batches
from bot.model.card import Mark, MarkedPaper
from bot.model.chat import Chat
from bot.model.day import DayState
from bot.model.delivery import Delivery, DeliveryState, Progress
from bot.model.follow import Follow, Version
from bot.model.listing import Record
from bot.model.moves import merge_follows, merge_seen, merge_subscriptions, renumber_deliveries
from bot.model.page import Page
from bot.model.paper import ArxivId
from bot.model.subscription import Subscription
from bot.model.summary import Spending, Usage
from bot.ports import Revisions


class FakeStorage:
    """In memory; closing and opening again keeps everything, as a restart would."""

    def __init__(self) -> None:
        self._is_open = False
        self._revisions = Revisions()
        self._subscriptions: dict[Chat, Subscription] = {}
        self._seen: dict[Chat, dict[ArxivId, date]] = {}
        self._marks: dict[tuple[Chat, str], dict[ArxivId, MarkedPaper]] = {}
        self._follows: dict[Chat, dict[ArxivId, Follow]] = {}
        self._records: dict[tuple[ArxivId, int], tuple[date, Record]] = {}
        self._notes: dict[str, str] = {}
        self._archive = {}
        self._batches: dict[tuple[date, str], Batch] = {}
        self._days: dict[tuple[date, str], DayState] = {}
        self._progress: dict[Chat, Progress] = {}
        self._deliveries: dict[tuple[Chat, date, int], Delivery] = {}
        self._summaries = {}
        self._spending = {}
        self._pages: dict[str, Page] = {}
        self._choices = {}
        self._questions = {}
        self._gathered = {}
        self._minutes = {}

    async def open(self) -> None:
        self._is_open = True

    async def close(self) -> None:
        self._is_open = False

    async def get_subscription(self, chat: Chat) -> Subscription | None:
        self._require_open()
        return self._subscriptions.get(chat)

    async def get_subscriptions(self) -> tuple[Subscription, ...]:
        self._require_open()
        return tuple(sorted(self._subscriptions.values(), key=lambda each: each.chat.key))

    async def change_subscription(
        self, chat: Chat, change: Callable[[Subscription | None], Subscription]
    ) -> Subscription:
        self._require_open()
        changed = change(self._subscriptions.get(chat))
        if changed.chat != chat:
            raise ValueError(f"a change of {chat.key} made a subscription of {changed.chat.key}")
        self._subscriptions[chat] = changed
        return changed

    async def forget_chat(self, chat: Chat) -> None:
        self._require_open()
        self._subscriptions.pop(chat, None)
        self._seen.pop(chat, None)
        self._marks = {key: marked for key, marked in self._marks.items() if key[0] != chat}
        self._follows.pop(chat, None)
        self._progress.pop(chat, None)
        self._deliveries = {key: each for key, each in self._deliveries.items() if key[0] != chat}
        self._pages = {key: each for key, each in self._pages.items() if each.chat != chat}
        self._choices = {key: each for key, each in self._choices.items() if key[0] != chat}
        self._questions = {key: each for key, each in self._questions.items() if key[0] != chat}

    async def move_chat(self, old: Chat, new: Chat) -> None:
        self._require_open()
        if old == new:
            return
        subscription = self._subscriptions.pop(old, None)
        if subscription:
            self._subscriptions[new] = merge_subscriptions(new, subscription, self._subscriptions.get(new))
        self._seen[new] = merge_seen(self._seen.pop(old, {}), self._seen.get(new, {}))
        for chat, person in list(self._marks):
            if chat == old:
                moved = self._marks.pop((old, person))
                present = self._marks.get((new, person), {})
                self._marks[new, person] = {key: moved[key] for key in moved if key not in present} | present
        self._follows[new] = merge_follows(self._follows.pop(old, {}), self._follows.get(new, {}))
        progress = self._progress.pop(old, None)
        if progress:
            self._progress.setdefault(new, progress)
        moved_deliveries = renumber_deliveries(new, self._deliveries_of(old), self._deliveries_of(new))
        self._deliveries = {key: each for key, each in self._deliveries.items() if key[0] != old}
        self._keep(*moved_deliveries)
        self._pages = {key: replace(each, chat=new) if each.chat == old else each for key, each in self._pages.items()}
        moved = {(new, person): each for (here, person), each in self._choices.items() if here == old}
        choices = moved | {key: each for key, each in self._choices.items() if key[0] != old}
        self._choices = {key: replace(each, chat=new) if each.chat == old else each for key, each in choices.items()}
        self._questions = {key: each for key, each in self._questions.items() if key[0] != old}

    async def get_seen(self, chat: Chat) -> Mapping[ArxivId, date]:
        self._require_open()
        return dict(self._seen.get(chat, {}))

    async def add_seen(self, chat: Chat, ids: Sequence[ArxivId], day: date) -> None:
        self._require_open()
        self._seen[chat] = dict.fromkeys(ids, day) | self._seen.get(chat, {})

    async def get_marks(self, chat: Chat, person: str) -> Mapping[ArxivId, MarkedPaper]:
        self._require_open()
        return dict(self._marks.get((chat, person), {}))

    async def get_chat_marks(self, chat: Chat) -> Mapping[str, Mapping[ArxivId, MarkedPaper]]:
        self._require_open()
        return {person: dict(marked) for (there, person), marked in self._marks.items() if there == chat and marked}

    async def change_marks(
        self,
        chat: Chat,
        person: str,
        paper: ArxivId,
        title: str,
        change: Callable[[frozenset[Mark]], frozenset[Mark]],
        day: date,
    ) -> frozenset[Mark]:
        self._require_open()
        marked = dict(self._marks.get((chat, person), {}))
        before = marked.pop(paper, None)
        marks = change(before.marks if before else frozenset())
        if marks:
            marked[paper] = MarkedPaper(paper, title, marks, day)
        self._marks[chat, person] = marked
        return marks

    async def get_follows(self, chat: Chat) -> Mapping[ArxivId, Follow]:
        self._require_open()
        return dict(self._follows.get(chat, {}))

    async def change_follow(
        self, chat: Chat, paper: ArxivId, change: Callable[[Follow | None], Follow | None]
    ) -> Follow | None:
        self._require_open()
        follows = dict(self._follows.get(chat, {}))
        changed = change(follows.get(paper))
        if changed is not None:
            follows[paper] = changed
        else:
            follows.pop(paper, None)
        self._follows[chat] = follows
        return changed

    async def get_followed(self) -> Mapping[ArxivId, tuple[str, ...]]:
        self._require_open()
        followed: dict[ArxivId, tuple[str, ...]] = {}
        for each in (each for follows in self._follows.values() for each in follows.values()):
            followed[each.known.id] = each.known.categories or followed.get(each.known.id, ())
        return followed

    async def get_followers(self, paper: ArxivId) -> Mapping[Chat, Follow]:
        self._require_open()
        following = sorted(self._follows, key=lambda chat: chat.key)
        return {chat: self._follows[chat][paper] for chat in following if paper in self._follows[chat]}

    async def save_records(self, records: Sequence[Record], day: date) -> None:
        self._require_open()
        self._records |= {(each.paper.id, each.paper.version): (day, each) for each in records}

    async def get_record(self, paper: ArxivId, version: int) -> Record | None:
        self._require_open()
        _, record = self._records.get((paper, version), (None, None))
        return record

    async def get_note(self, key: str) -> str | None:
        self._require_open()
        return self._notes.get(key)

    async def set_note(self, key: str, text: str) -> None:
        self._require_open()
        self._notes[key] = text
        if not text:
            del self._notes[key]

    async def change_note(self, key, change):
        self._require_open()
        text = change(self._notes.get(key, ""))
        await self.set_note(key, text)
        return text

    async def get_notes(self, prefix):
        self._require_open()
        return {key: self._notes[key] for key in sorted(self._notes) if key.startswith(prefix)}

    async def save_batch(self, batch: Batch) -> None:
        self._require_open()
        self._batches[batch.day, batch.category] = batch
        self._revisions = replace(self._revisions, batches=self._revisions.batches + 1)

    async def save_day(self, state: DayState, batch: Batch | None = None) -> None:
        self._require_open()
        self._days[state.day, state.category] = state
        self._revisions = replace(self._revisions, days=self._revisions.days + 1)
        if batch is not None:
            await self.save_batch(batch)

    async def get_days(self, since: date) -> tuple[DayState, ...]:
        self._require_open()
        return tuple(self._days[key] for key in sorted(self._days) if key[0] >= since)

    async def get_announcements(self, since: date) -> tuple[Announcement, ...]:
        self._require_open()
        return merge_batches(self._batches[key] for key in sorted(self._batches) if key[0] >= since)

    async def get_revisions(self) -> Revisions:
        self._require_open()
        return self._revisions

    async def save_archive(self, day, papers):
        self._require_open()
        bare = {"raw_title": "", "raw_abstract": "", "raw_authors": ""}
        self._archive[day] = tuple(replace(each, paper=replace(each.paper, **bare), day=day) for each in papers)

    async def get_archived_days(self):
        self._require_open()
        return tuple(sorted(self._archive))

    async def get_archive(self, day):
        self._require_open()
        return self._archive.get(day, ())

    async def find_archived(self, paper):
        self._require_open()
        days = sorted(self._archive, reverse=True)
        return next((each for day in days for each in self._archive[day] if each.paper.id == paper), None)

    async def prune_archive(self, before):
        self._require_open()
        self._archive = {day: papers for day, papers in self._archive.items() if day >= before}

    async def get_progress(self, chat: Chat) -> Progress | None:
        self._require_open()
        return self._progress.get(chat)

    async def get_all_progress(self) -> Mapping[Chat, Progress]:
        self._require_open()
        return dict(self._progress)

    async def plan(
        self,
        chat: Chat,
        progress: Progress | None,
        deliveries: Sequence[Delivery] = (),
        versions: Sequence[Version] = (),
    ) -> None:
        self._require_open()
        if chat in self._subscriptions:
            if progress is not None:
                self._progress[chat] = progress
            follows = self._follows.setdefault(chat, {})
            for version in versions:
                if version.id in follows and follows[version.id].known.number < version.number:
                    follows[version.id] = replace(follows[version.id], known=version)
            # In reverse, so that of one key twice the first stays.
            self._keep(*(each for each in reversed(deliveries) if _key(each) not in self._deliveries))

    async def plan_after(self, chat, before, progress, deliveries=(), versions=()):
        if self._progress.get(chat) != before or any(_key(each) in self._deliveries for each in deliveries):
            return False
        await self.plan(chat, progress, deliveries, versions)
        return True

    async def get_deliveries(self, chat: Chat) -> tuple[Delivery, ...]:
        self._require_open()
        return self._deliveries_of(chat)

    async def get_open_chats(self) -> tuple[Chat, ...]:
        self._require_open()
        waiting = sorted((each.planned_at, each.chat.key) for each in self._deliveries.values() if each.is_open)
        return tuple(dict.fromkeys(Chat.from_key(key) for _, key in waiting))

    async def record(self, delivery: Delivery) -> bool:
        self._require_open()
        if _key(delivery) not in self._deliveries:
            return False
        self._keep(delivery)
        if delivery.state == DeliveryState.SENT:
            await self.add_seen(delivery.chat, delivery.papers, delivery.changed_at.astimezone(UTC).date())
        return True

    async def record_after(self, before, delivery):
        return self._deliveries.get(_key(before)) == before and await self.record(delivery)

    async def count_deliveries(self, since: date) -> Mapping[tuple[str, DeliveryState], int]:
        self._require_open()
        return Counter((each.chat.platform, each.state) for each in self._deliveries.values() if each.day >= since)

    async def save_page(self, page: Page) -> None:
        self._require_open()
        if page.chat in self._subscriptions:
            self._pages[page.id] = page

    async def get_page(self, identifier: str) -> Page | None:
        self._require_open()
        return self._pages.get(identifier)

    async def get_pages(self, chat: Chat, limit: int) -> tuple[Page, ...]:
        self._require_open()
        return tuple(reversed(self._shelf(chat)))[:limit]

    async def get_page_neighbours(self, chat: Chat, identifier: str) -> tuple[str, str] | None:
        self._require_open()
        ids = [each.id for each in self._shelf(chat)]
        if identifier not in ids:
            return None
        before, after = ["", *ids], [*ids, ""]
        return before[ids.index(identifier)], after[ids.index(identifier) + 1]

    async def get_summary(self, key):
        self._require_open()
        return self._summaries.get(key)

    async def save_summary(self, summary):
        self._require_open()
        self._summaries[summary.key] = summary

    async def gather(self, wanted):
        self._require_open()
        new = frozenset(each.key for each in wanted) - self._gathered.keys()
        for each in wanted:
            self._gathered[each.key] = each if each.key in new else self._gathered[each.key] + each
        return new

    async def get_gathered(self):
        self._require_open()
        return tuple(sorted(self._gathered.values(), key=lambda each: (each.due, astuple(each.key))))

    async def drop_gathered(self, keys):
        dropped = tuple(each for each in await self.get_gathered() if each.key in keys)
        self._gathered = {key: each for key, each in self._gathered.items() if key not in keys}
        return dropped

    async def reserve_tokens(self, day, tokens, limit):
        self._require_open()
        spent = self._spending.get(day, Spending(day))
        if spent.total + tokens > limit:
            return False
        self._spending[day] = replace(spent, reserved=spent.reserved + tokens)
        return True

    async def settle_tokens(self, day, reserved, model, used):
        self._require_open()
        spent = self._spending.get(day, Spending(day))
        added = {(model, group): spent.used.get((model, group), Usage()) + usage for group, usage in used.items()}
        left = max(0, spent.reserved - reserved)
        self._spending[day] = replace(spent, reserved=left, calls=spent.calls + 1, used=dict(spent.used) | added)

    async def count_hits(self, day, hits):
        self._require_open()
        spent = self._spending.get(day, Spending(day))
        self._spending[day] = replace(spent, hits=spent.hits + hits)

    async def get_spending(self, since):
        self._require_open()
        return tuple(self._spending[day] for day in sorted(self._spending) if day >= since)

    async def get_choice(self, here, person):
        self._require_open()
        return self._choices.get((here, person))

    async def set_choice(self, here, person, choice):
        self._require_open()
        self._choices.pop((here, person), None)
        if choice is not None:
            self._choices = {
                key: each for key, each in self._choices.items() if choice.until - each.until <= timedelta(days=1)
            }
            self._choices[here, person] = choice

    async def get_question(self, here, person):
        self._require_open()
        return self._questions.get((here, person))

    async def set_question(self, here, person, question):
        self._require_open()
        self._questions = {
            key: each for key, each in self._questions.items() if question.until - each.until <= timedelta(days=1)
        }
        self._questions[here, person] = question

    async def end_question(self, here, person, question):
        self._require_open()
        is_there = self._questions.get((here, person)) == question
        if is_there:
            del self._questions[here, person]
        return is_there

    async def count_command(self, person, now):
        self._require_open()
        start, number = self._minutes.get(person, (now, 0))
        if not timedelta() <= now - start < timedelta(minutes=1):
            start, number = now, 0
        self._minutes[person] = start, number + 1
        return number + 1

    async def prune(self, *, batches_before: date, seen_before: date, summaries_before: date = date.min) -> None:
        self._require_open()
        self._revisions = Revisions(self._revisions.batches + 1, self._revisions.days + 1)
        self._summaries = {
            key: each
            for key, each in self._summaries.items()
            if each.made_at.astimezone(UTC).date() >= summaries_before
        }
        self._spending = {day: each for day, each in self._spending.items() if day >= summaries_before}
        self._gathered = {key: each for key, each in self._gathered.items() if each.due.date() >= summaries_before}
        self._pages = {
            key: each for key, each in self._pages.items() if each.at.astimezone(UTC).date() >= summaries_before
        }
        self._batches = {key: batch for key, batch in self._batches.items() if key[0] >= batches_before}
        self._days = {key: state for key, state in self._days.items() if key[0] >= batches_before}
        self._records = {key: each for key, each in self._records.items() if each[0] >= batches_before}
        for chat, seen in self._seen.items():
            self._seen[chat] = {each: day for each, day in seen.items() if day >= seen_before}
        kept = (each for each in self._deliveries.values() if each.day >= batches_before or each.is_open)
        self._deliveries = {_key(each): each for each in kept}

    async def check(self) -> None:
        self._require_open()

    def _keep(self, *deliveries: Delivery) -> None:
        self._deliveries |= {_key(each): each if each.is_repeatable else replace(each, body="") for each in deliveries}

    def _deliveries_of(self, chat: Chat) -> tuple[Delivery, ...]:
        found = [each for each in self._deliveries.values() if each.chat == chat]
        return tuple(sorted(found, key=lambda each: (each.day, each.part)))

    def _shelf(self, chat: Chat) -> list[Page]:
        return sorted((each for each in self._pages.values() if each.chat == chat), key=lambda each: (each.at, each.id))

    def _require_open(self) -> None:
        if not self._is_open:
            raise StorageError("the storage is not open")


def _key(delivery: Delivery) -> tuple[Chat, date, int]:
    return delivery.chat, delivery.day, delivery.part
