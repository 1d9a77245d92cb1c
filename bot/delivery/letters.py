"""What is said in a chat that did not ask: digests with what must be known about them, offers and notices. Pure."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime

from bot.calendar import holiday_name, is_day_off, new_york_day, next_feed
from bot.language import later, tr, tr_n
from bot.model.delivery import Delivery, DeliveryState, Round
from bot.model.digest import Digest
from bot.model.follow import Version
from bot.model.message import Button, Message
from bot.model.paper import ArxivId
from bot.rendering.buttons import number_buttons, open_button
from bot.rendering.text import format_day, format_instant, format_papers
from bot.versions import describe_version

MOST_VERSIONS = 10
"""Changed papers in one message; how many more there are is said."""

BUDGET_SPENT = later("Today's budget for summaries is used up; abstracts stand in.")


def digest_message(
    digest: Digest,
    detail: str,
    *,
    awaited: Sequence[str],
    troubled: Sequence[Delivery],
    is_short: bool = False,
) -> Message:
    """The digest, headed by what lacks in it, and what became of earlier parts that did not certainly arrive.

    `is_short`: it is to be said that there is no budget for summaries left.
    """
    lines = []
    if awaited:
        late = tr(
            "arXiv has not announced {categories} for {day} yet.",
            categories=", ".join(awaited),
            day=format_day(digest.day),
        )
        lines.append(tr("{first} {second}", first=late, second=tr("It follows as soon as it is there.")))
    lines += describe_troubled(troubled)
    lines += [tr(BUDGET_SPENT)] if is_short else []
    buttons = [Button(tr("Resend"), "/resend")] if _uncertain(troubled) else []
    return Message("\n".join(lines), digest, detail, (*buttons, *number_buttons(digest)))


def describe_troubled(troubled: Sequence[Delivery]) -> list[str]:
    """A line for each announcement of which parts failed, or may not have arrived."""
    lines = []
    for day in sorted({each.day for each in troubled}):
        uncertain = len(_uncertain([each for each in troubled if each.day == day]))
        failed = [each for each in troubled if each.day == day and each.state is DeliveryState.FAILED]
        if uncertain:
            lines.append(
                tr_n(
                    "It is uncertain whether {count} part of the digest of {day} arrived.",
                    "It is uncertain whether {count} parts of the digest of {day} arrived.",
                    uncertain,
                    day=format_day(day),
                )
            )
        if failed:
            lines.append(
                tr_n(
                    "{count} part of the digest of {day} could not be delivered; /status says why.",
                    "{count} parts of the digest of {day} could not be delivered; /status says why.",
                    len(failed),
                    day=format_day(day),
                )
            )
    return lines


def _uncertain(deliveries: Sequence[Delivery]) -> list[Delivery]:
    return [each for each in deliveries if each.state is DeliveryState.UNCERTAIN]


def describe_silence(last: Round, now: datetime) -> str:
    """Why a round brought no digest."""
    if not last.announced:
        if is_day_off(now):
            quiet = describe_day_off(now)
        else:
            quiet = tr(
                "arXiv announced nothing for this chat on {day}: a quiet day, as on holidays.", day=format_day(last.day)
            )
        expected = tr("The next announcement is expected on {time}.", time=format_instant(next_feed(now)))
        return tr("{first} {second}", first=quiet, second=expected)
    if last.best > 0:
        return tr(
            "Of {papers} announced on {day} none has the minimum score of this chat; the best has {best:g}.",
            papers=format_papers(last.announced),
            day=format_day(last.day),
            best=last.best,
        )
    return tr(
        "Of {papers} announced on {day} none is for this chat: no topic matched, or they are of other types or "
        "delivered already.",
        papers=format_papers(last.announced),
        day=format_day(last.day),
    )


def describe_day_off(now: datetime) -> str:
    """Why no announcement is expected today."""
    day = new_york_day(now)
    holiday = holiday_name(day)
    if not holiday:
        return tr("arXiv announces nothing at the weekend.")
    return tr("arXiv announces nothing on {day}: {holiday}.", day=format_day(day), holiday=tr(holiday))


def quiet_message(last: Round, now: datetime) -> Message:
    """The line for a day without a digest, for chats that want it."""
    return Message(tr("{first} {second}", first=tr("No digest today."), second=describe_silence(last, now)))


def late_message(day: date, categories: Sequence[str]) -> Message:
    """The line for a day on which arXiv is late or cannot be read."""
    late = tr(
        "arXiv has not announced {categories} for {day} yet.", categories=", ".join(categories), day=format_day(day)
    )
    rest = tr("I keep looking, and the digest follows as soon as it is there; /status says more.")
    return Message(tr("{first} {second}", first=late, second=rest))


def versions_message(changed: Sequence[tuple[Version, Version]], comments: Mapping[ArxivId, str]) -> Message:
    """A line for each followed paper that changed, from the version that is known to the new one, with the way to its card."""
    shown = changed[:MOST_VERSIONS]
    lines = [describe_version(before, after, comments.get(after.id, "")) for before, after in shown]
    if len(changed) == 1:
        return Message(lines[0], buttons=(Button(tr("Open"), f"/paper {changed[0][1].id}"),))
    lines = [f"{number}. {line}" for number, line in enumerate(lines, start=1)]
    if len(changed) > len(shown):
        more = len(changed) - len(shown)
        lines.append(
            tr_n("… and {count} more; /follow lists them all.", "… and {count} more; /follow lists them all.", more)
        )
    buttons = tuple(open_button(number, after.id) for number, (_, after) in enumerate(shown, start=1))
    return Message("\n".join(lines), buttons=buttons)


def back_message(missed: int, after: date) -> Message:
    """The line in a chat that can be written to again, with the offer to catch up on what it missed."""
    return Message(describe_return(missed), buttons=catch_up_buttons(missed, after))


def describe_return(missed: int) -> str:
    """That digests go on, and how many announcements passed meanwhile."""
    back = tr("Digests go on in this chat.")
    return tr("{first} {second}", first=back, second=describe_missed(missed)) if missed else back


def describe_missed(missed: int) -> str:
    """How many announcements passed."""
    return tr_n("{count} announcement passed meanwhile.", "{count} announcements passed meanwhile.", missed)


def catch_up_buttons(missed: int, after: date) -> tuple[Button, ...]:
    """The offer to get the announcements after that day in one digest."""
    return (Button(tr("Catch up"), f"/catchup {after.isoformat()}"),) if missed else ()
