"""Scores and the reasons for them, in plain words. Pure."""

import re
from collections.abc import Sequence
from typing import Any

from bot.language import tr, tr_n
from bot.model.digest import Reason, ReasonKind, Score
from bot.rendering.text import shorten

# A topic that is words alone, with or without quotes, field and weight; all others are shown as typed.
_WORDS = re.compile(r'(?:(?:ti|abs|au|cat|all):)?(?P<quote>"?)(?P<words>[^\s"():^-][^"():^]*)(?P=quote)(?:\^[\d.]+)?')
_NAME_LENGTH = 60


def format_value(value: float) -> str:
    """`70`, or the points of a ranker that has only those: `2.50`."""
    return str(value) if isinstance(value, int) else f"{value:.2f}"


def format_score(score: Score) -> str:
    """`Score 70: title and abstract: kv cache; like 3 papers you liked or saved; author you follow: Dao`."""
    if score.excluded_by:
        return tr("Left out by the topic {topic}", topic=score.excluded_by)
    if not score.reasons:
        return tr("Score 0: none of this chat's topics is in it")
    return tr("Score {score}: {reasons}", score=format_value(score.value), reasons=format_reasons(score))


def format_reasons(score: Score) -> str:
    """The reasons that change the score, one after the other: `title and abstract: kv cache; author you follow: Dao`."""
    telling = [each for each, share in zip(score.reasons, score.shares, strict=True) if share]
    return tr("; ").join(format_reason(each) for each in sorted(telling or score.reasons, key=_is_indirect))


def format_shares(score: Score) -> tuple[str, ...]:
    """A line for each reason, with what it adds to the score or takes off it: `+46 title and abstract: kv cache`."""
    parts = sorted(zip(score.reasons, score.shares, strict=True), key=lambda part: _is_indirect(part[0]))
    return tuple(tr("{share} {reason}", share=_signed(share), reason=format_reason(reason)) for reason, share in parts)


def format_reason(reason: Reason) -> str:
    """One reason, without its number."""
    match reason.kind:
        case ReasonKind.TOPIC:
            return _format_topic(reason)
        case ReasonKind.RELATED:
            return tr("close to your topics: {words}", words=reason.topic)
        case ReasonKind.LIKED:
            return tr_n(
                "like {count} paper you liked or saved: {words}",
                "like {count} papers you liked or saved: {words}",
                reason.count,
                words=_format_terms(reason.topic),
            )
        case ReasonKind.DISLIKED:
            return tr_n(
                "like {count} paper you did not like: {words}",
                "like {count} papers you did not like: {words}",
                reason.count,
                words=_format_terms(reason.topic),
            )
        case _:
            return _format_opinion(reason)


def _format_opinion(reason: Reason) -> str:
    """Why other papers stand before or behind this one than by their words alone."""
    if reason.kind is ReasonKind.JUDGED:
        return tr("the judge gives it {number} of 10", number=reason.topic)
    if reason.points >= 0:
        return tr("near in meaning to {topic}", topic=shorten(reason.topic, _NAME_LENGTH))
    return tr("others are nearer in meaning")


def _is_indirect(reason: Reason) -> bool:
    """Whether no topic says so itself: what the chat asked for in so many words is told first."""
    return reason.kind is not ReasonKind.TOPIC


def _format_topic(reason: Reason) -> str:
    found = _WORDS.fullmatch(reason.topic)
    details: dict[str, Any] = {"topic": found["words"] if found else reason.topic, "fields": _join(reason.fields)}
    if reason.fields == ("author",):
        return tr("author you follow: {topic}", **details)
    return tr("{fields}: {topic}", **details) if reason.fields else str(details["topic"])


def _format_terms(terms: str) -> str:
    """Learned terms for people: `au:` and `cat:` said in words."""
    said = (_format_term(*each.partition(":")) for each in terms.split(", "))
    return tr(", ").join(said)


def _format_term(kind: str, colon: str, name: str) -> str:
    if colon and kind == "au":
        return tr("author {name}", name=name.title())
    return tr("category {name}", name=_spelled(name)) if colon and kind == "cat" else f"{kind}{colon}{name}"


def _spelled(category: str) -> str:
    """`cs.LG` for `cs.lg`: arXiv's names of two letters are capitals, and the longer ones, as in `cond-mat.str-el`, are not."""
    archive, dot, subject = category.partition(".")
    return archive + dot + (subject.upper() if len(subject) == 2 else subject)  # noqa: PLR2004 - as above


def _signed(share: float) -> str:
    return f"{share:+d}" if isinstance(share, int) else f"{share:+.2f}"


def _join(words: Sequence[str]) -> str:
    said = [tr(word) for word in words]
    return tr("{words} and {last}", words=tr(", ").join(said[:-1]), last=said[-1]) if len(said) > 1 else "".join(said)
