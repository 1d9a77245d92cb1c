"""The tables of the database `summaries`, laid out so that a look-up is one step and pruning costs what is pruned.

`summaries`: one document for each key; its ids are JSON, `["2611.00001",1,"prompt","model","en"]`.
`made DAY`: the ids of those made on that day (UTC), each with an empty document.
`spending`: one document for each day; its ids are days.
`gathered`: what waits for a batch; its ids are as those of `summaries`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import astuple, replace
from datetime import UTC, date

import orjson

from bot.model.paper import ArxivId
from bot.model.summary import Gathered, Spending, Summary, SummaryKey, Usage
from storage.codec import (
    gathered_from_document,
    gathered_to_document,
    spending_from_document,
    spending_to_document,
    summary_from_document,
    summary_to_document,
)
from storage.days import day_table, day_tables
from storage.journal import JournalTinyDB
from storage.records import encode_document
from storage.table import JournalTable

_SUMMARIES = "summaries"
_MADE = "made "
_SPENDING = "spending"
_GATHERED = "gathered"


def find_summary(summaries: JournalTinyDB, key: SummaryKey) -> Summary | None:
    """The summary of this key."""
    document = summaries.table(_SUMMARIES).find(_id_of(key))
    return None if document is None else summary_from_document(document)


def put_summary(summaries: JournalTinyDB, summary: Summary) -> None:
    """Keep it in the place of any of its key."""
    identifier = _id_of(summary.key)
    known = find_summary(summaries, summary.key)
    if known is not None:
        day_table(summaries, _MADE, _day_of(known)).discard(identifier)
    summaries.table(_SUMMARIES).replace(identifier, summary_to_document(summary))
    day_table(summaries, _MADE, _day_of(summary)).replace(identifier, {})


def prune_summaries(summaries: JournalTinyDB, before: date) -> None:
    """Drop what was made and spent, and what was to be shown, on earlier days."""
    for day, table in day_tables(summaries, _MADE).items():
        if day < before:
            _discard_all(summaries.table(_SUMMARIES), table.freeze())
            summaries.drop_table(table.name)
    spending = summaries.table(_SPENDING)
    _discard_all(spending, [day for day in spending.freeze() if day < before.isoformat()])
    drop_gathered(summaries, [each.key for each in find_gathered(summaries) if each.due.date() < before])


def _discard_all(table: JournalTable, identifiers: Iterable[str]) -> None:
    for each in identifiers:
        table.discard(each)


def reserve_tokens(summaries: JournalTinyDB, day: date, tokens: int, limit: int) -> bool:
    """Set tokens aside, where the limit allows it."""
    if _spending_of(summaries, day).total + tokens > limit:
        return False
    _change_spending(summaries, day, lambda spent: replace(spent, reserved=spent.reserved + tokens))
    return True


def settle_tokens(summaries: JournalTinyDB, day: date, reserved: int, model: str, used: Mapping[str, Usage]) -> None:
    """Count what one call used instead of what was set aside for it."""

    def settle(spent: Spending) -> Spending:
        added = {(model, group): spent.used.get((model, group), Usage()) + usage for group, usage in used.items()}
        left = max(spent.reserved - reserved, 0)
        return replace(spent, reserved=left, calls=spent.calls + 1, used={**spent.used, **added})

    _change_spending(summaries, day, settle)


def put_spending(summaries: JournalTinyDB, spending: Spending) -> None:
    """Keep it in the place of any of its day."""
    summaries.table(_SPENDING).replace(spending.day.isoformat(), spending_to_document(spending))


def count_hits(summaries: JournalTinyDB, day: date, hits: int) -> None:
    """Count summaries that cost nothing."""
    _change_spending(summaries, day, lambda spent: replace(spent, hits=spent.hits + hits))


def find_spending(summaries: JournalTinyDB, since: date) -> tuple[Spending, ...]:
    """Of each day, oldest first."""
    documents = summaries.table(_SPENDING).freeze()
    return tuple(
        spending_from_document(date.fromisoformat(day), documents[day])
        for day in sorted(documents)
        if day >= since.isoformat()
    )


def gather(summaries: JournalTinyDB, wanted: Sequence[Gathered]) -> frozenset[SummaryKey]:
    """Let these wait, with whoever waits for them already; the keys that did not wait before."""
    table, new = summaries.table(_GATHERED), set()
    for each in wanted:
        document = table.find(_id_of(each.key))
        if document is None:
            new.add(each.key)
        merged = each if document is None else gathered_from_document(each.key, document) + each
        table.replace(_id_of(each.key), gathered_to_document(merged))
    return frozenset(new)


def find_gathered(summaries: JournalTinyDB) -> tuple[Gathered, ...]:
    """All of them, what is due first to the front."""
    documents = summaries.table(_GATHERED).freeze()
    return _sorted(gathered_from_document(_key_of(each), documents[each]) for each in documents)


def drop_gathered(summaries: JournalTinyDB, keys: Iterable[SummaryKey]) -> tuple[Gathered, ...]:
    """Let these wait no longer; those that did."""
    table, dropped = summaries.table(_GATHERED), []
    for key in keys:
        document = table.find(_id_of(key))
        if document is not None:
            dropped.append(gathered_from_document(key, document))
            table.discard(_id_of(key))
    return _sorted(dropped)


def _sorted(gathered: Iterable[Gathered]) -> tuple[Gathered, ...]:
    return tuple(sorted(gathered, key=lambda each: (each.due, astuple(each.key))))


def _spending_of(summaries: JournalTinyDB, day: date) -> Spending:
    document = summaries.table(_SPENDING).find(day.isoformat())
    return Spending(day) if document is None else spending_from_document(day, document)


def _change_spending(summaries: JournalTinyDB, day: date, change: Callable[[Spending], Spending]) -> None:
    put_spending(summaries, change(_spending_of(summaries, day)))


def _id_of(key: SummaryKey) -> str:
    return encode_document(astuple(key)).decode()


def _key_of(identifier: str) -> SummaryKey:
    paper, *rest = orjson.loads(identifier)
    return SummaryKey(ArxivId(paper), *rest)


def _day_of(summary: Summary) -> date:
    return summary.made_at.astimezone(UTC).date()
