"""/owner cost: what summaries cost."""

from collections.abc import Iterable, Mapping
from datetime import UTC, timedelta

from bot.errors import UserError
from bot.language import tr, tr_n
from bot.model.summary import Spending, Usage
from bot.prices import Prices
from bot.rendering.text import format_day
from handlers.command import Reply, Request, Services

_DAYS = 7


async def show_cost(services: Services, request: Request) -> Reply:  # noqa: ARG001 - a command's signature
    """Tokens and money of each of the last days, for each kind of chat, and what the cache spared."""
    if services.summaries is None:
        raise UserError(tr("Nothing is summarised here, so there is no cost: no language model is set up."))
    today = services.pipeline.clock().astimezone(UTC).date()
    days = await services.pipeline.storage.get_spending(today - timedelta(days=_DAYS - 1))
    budget = tr("Budget: {tokens:,} tokens a day (UTC).", tokens=services.summaries.budget)
    if not days:
        return Reply("\n".join([budget, tr("Nothing was spent in the last {days} days.", days=_DAYS)]))
    lines = [_describe_day(each, services.prices) for each in reversed(days)]
    return Reply("\n".join([budget, *lines, *_describe_groups(days, services.prices), _describe_hits(days)]))


def _describe_day(spent: Spending, prices: Prices) -> str:
    used = _total((model, usage) for (model, _), usage in spent.used.items())
    calls = tr_n("{count} call", "{count} calls", spent.calls)
    line = tr("{day}: {calls}, {cost}", day=format_day(spent.day), calls=calls, cost=_describe_usage(used, prices))
    open_ends = tr(", and {tokens:,} set aside for calls without an end yet", tokens=spent.reserved)
    return line + (open_ends if spent.reserved else "")


def _describe_groups(days: Iterable[Spending], prices: Prices) -> list[str]:
    """What all these days cost, by kind of chat."""
    by_group: dict[str, list[tuple[str, Usage]]] = {}
    for spent in days:
        for (model, group), usage in spent.used.items():
            by_group.setdefault(group, []).append((model, usage))
    return [
        tr("For {group}: {cost}", group=tr(group), cost=_describe_usage(_total(used), prices))
        for group, used in sorted(by_group.items())
    ]


def _describe_hits(days: Iterable[Spending]) -> str:
    hits, calls = sum(each.hits for each in days), sum(each.calls for each in days)
    rate = round(100 * hits / (hits + calls)) if hits + calls else 0
    return tr(
        "Cache: {hits:,} of {wanted:,} wishes cost nothing ({rate} %).", hits=hits, wanted=hits + calls, rate=rate
    )


def _describe_usage(used: Mapping[str, Usage], prices: Prices) -> str:
    total = sum(used.values(), Usage())
    tokens = tr("{prompt:,} + {completion:,} tokens", prompt=total.prompt, completion=total.completion)
    cost = prices.cost(used)
    return (
        tokens
        if cost is None
        else tr("{tokens}, {cost:.3f} {currency}", tokens=tokens, cost=cost, currency=prices.currency)
    )


def _total(used: Iterable[tuple[str, Usage]]) -> dict[str, Usage]:
    totals: dict[str, Usage] = {}
    for model, usage in used:
        totals[model] = totals.get(model, Usage()) + usage
    return totals
