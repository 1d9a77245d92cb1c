"""Papers + scores + subscription -> digest. Pure: every paper gets a verdict, and the digest is those that passed.

The same verdicts answer `/why`, so an explanation can never differ from what was sent.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import NamedTuple

from bot.calibration import half_points, weight_of
from bot.errors import UserError
from bot.model.announcement import Announcement
from bot.model.digest import Digest, DigestPaper, LeftOut, ReasonKind, Score
from bot.model.feedback import NO_FEEDBACK, Feedback
from bot.model.paper import AnnouncedPaper, ArxivId, Paper
from bot.model.subscription import Subscription
from bot.model.summary import Summary
from bot.ports import Ranker
from bot.similar import NO_SIMILAR, Similar
from bot.topics import compile_topic

DESERVING_POINTS = 0.5
"""What a topic of weight 1 must give a paper to be shown with it at least once: a mention in an abstract, be it a long one."""
MOST_BESIDE = 3
"""So many papers are named beside a similar one, at most."""


_Scored = tuple[AnnouncedPaper, Score]


class Verdict(NamedTuple):
    """What became of one paper: its place among the papers that passed (from 1, else 0), or why it is left out.

    A paper left out for lack of room has a place, too: one beyond the limit. `beside`: the better paper that it is nearly the
    same as; it has the place of that one.
    """

    announced: AnnouncedPaper
    score: Score
    left_out: LeftOut | None
    place: int = 0
    beside: Paper | None = None


def has_interests(topics: Iterable[str]) -> bool:
    """Whether any topic says what to read, rather than only what to leave out."""
    return any(_is_interest(topic) for topic in topics)


def _is_interest(topic: str) -> bool:
    try:
        return not compile_topic(topic).is_exclusion
    except UserError:
        return False


def latest_announcement(announcements: Iterable[Announcement], categories: Sequence[str]) -> Announcement | None:
    """The newest announcement that has a paper in `categories` (in any, if empty)."""
    having = (each for each in announcements if each.papers_for(categories))
    return max(having, key=lambda each: each.day, default=None)


def candidates(
    subscription: Subscription, announcements: Sequence[Announcement], after: date | None = None
) -> tuple[AnnouncedPaper, ...]:
    """The papers to judge: all of the latest announcement, then those of the `days_back` days before it.

    Earlier papers stay candidates only if they came after the chat subscribed, and only for a chat with topics:
    without topics nothing says which of them were worth keeping. `after`: the announcements after this day are all new to
    the chat, whatever it follows. A paper announced twice counts in its newest version, on its newest day or, if it had no
    type then that the chat takes, on the newest one on which it had. Muted topics are topics: whoever mutes
    all of them wants less, not every paper there is.
    """
    latest = latest_announcement(announcements, subscription.categories)
    if latest is None:
        return ()
    fresh_since = latest.day if after is None else min(after + timedelta(days=1), latest.day)
    oldest = fresh_since
    if has_interests(subscription.topics):
        kept_since = latest.day - timedelta(days=subscription.days_back)
        oldest = min(fresh_since, max(kept_since, subscription.created.date()))
    chosen: dict[ArxivId, AnnouncedPaper] = {}
    for announcement in sorted(announcements, key=lambda each: each.day, reverse=True):
        if oldest <= announcement.day <= latest.day:
            for each in announcement.papers_for(subscription.categories):
                later = chosen.setdefault(each.paper.id, each)
                if later.announce_type not in subscription.types and each.announce_type in subscription.types:
                    chosen[each.paper.id] = replace(each, paper=later.paper)
    return tuple(chosen.values())


def rank(  # noqa: PLR0913, PLR0917 - all that a verdict depends on
    ranker: Ranker,
    subscription: Subscription,
    papers: Sequence[AnnouncedPaper],
    recent: Sequence[Announcement],
    seen: Mapping[ArxivId, date],
    feedback: Feedback = NO_FEEDBACK,
    similar: Similar = NO_SIMILAR,
) -> tuple[Verdict, ...]:
    """The verdicts of `judge` by this ranker's scores, within what the ranker takes: types, a minimum score or none.

    A ranker that is not broad shows similar papers as any others.
    """
    scores = ranker.rank(papers, subscription.active_topics, recent, feedback)
    return judge_by(ranker, subscription, papers, scores, seen, similar)


def judge_by(  # noqa: PLR0913, PLR0917 - as above
    ranker: Ranker,
    subscription: Subscription,
    papers: Sequence[AnnouncedPaper],
    scores: Sequence[Score],
    seen: Mapping[ArxivId, date],
    similar: Similar = NO_SIMILAR,
) -> tuple[Verdict, ...]:
    """The verdicts of `rank` by scores that this ranker gave."""
    taken = replace(
        subscription,
        types=tuple(each for each in subscription.types if each in ranker.types),
        min_score=subscription.min_score if ranker.has_min_score else 0,
    )
    read = calibrate(ranker, subscription, scores)
    if not ranker.is_broad:
        return judge(taken, papers, read, seen)
    return judge(taken, papers, read, seen, similar=similar, is_broad=True)


def calibrate(ranker: Ranker, subscription: Subscription, scores: Sequence[Score]) -> Sequence[Score]:
    """Scores that this ranker gave, to be read as those of this chat."""
    if not ranker.has_min_score:
        return scores
    half = half_points(subscription.active_topics)
    # Spelt out: `replace` takes three times as long, and a busy day has hundreds of matches for every chat.
    return [Score(each.points, each.reasons, each.excluded_by, half) if each.points else each for each in scores]


def judge(  # noqa: PLR0913 - all that a verdict depends on
    subscription: Subscription,
    papers: Sequence[AnnouncedPaper],
    scores: Sequence[Score],
    seen: Mapping[ArxivId, date],
    *,
    similar: Similar = NO_SIMILAR,
    is_broad: bool = False,
) -> tuple[Verdict, ...]:
    """A verdict on each paper: those that passed first, best first, each with the similar ones; then the others in their order.

    Equal scores: newest day first, then the order of `papers`. `is_broad`: every topic that was found well enough gets a place
    in the digest before others get a second one.
    """
    interested = has_interests(subscription.topics)
    passed: list[_Scored] = []
    failed: list[Verdict] = []
    for announced, score in zip(papers, scores, strict=True):
        reason = _left_out(subscription, announced, score, seen, interested=interested)
        if reason is None:
            passed.append((announced, score))
        else:
            failed.append(Verdict(announced, score, reason))
    passed.sort(key=lambda each: (-each[1].points, -each[0].day.toordinal()))
    best, beside = gather(passed, similar)
    if is_broad:
        best = broaden(best, subscription.max_papers)
    ranked: list[Verdict] = []
    for place, (announced, score) in enumerate(best, start=1):
        no_room = LeftOut.NO_ROOM if place > subscription.max_papers else None
        ranked.append(Verdict(announced, score, no_room, place))
        for other, its in beside.get(announced.paper.id, ()):
            ranked.append(Verdict(other, its, no_room or LeftOut.SIMILAR, place, announced.paper))
    return (*ranked, *failed)


def gather(passed: Sequence[_Scored], similar: Similar) -> tuple[list[_Scored], Mapping[ArxivId, list[_Scored]]]:
    """The papers, best first, without those that are nearly the same as a better one; and by its id, those that are.

    A paper with a topic that the better one lacks stays on its own, so that no topic loses its place.
    """
    best: list[_Scored] = []
    beside: dict[ArxivId, list[_Scored]] = {}
    for announced, score in passed:
        alike = similar.get(announced.paper.id, frozenset())
        better = (each for each in best if each[0].paper.id in alike) if alike else ()
        for lead, its in better:
            others = beside.setdefault(lead.paper.id, [])
            if len(others) < MOST_BESIDE and _topics(score) <= _topics(its):
                others.append((announced, score))
                break
        else:
            best.append((announced, score))
    return best, beside


def broaden(passed: Sequence[_Scored], limit: int) -> list[_Scored]:
    """The papers, best first, but with one among the first `limit` for each topic that has one, as far as there is room.

    For a topic that is missing there its best paper takes the last place that no topic needs.
    """
    shown = list(range(min(limit, len(passed))))
    topics = {place: _topics(passed[place][1]) for place in shown}
    needed = Counter(topic for place in shown for topic in topics[place])
    for place in range(limit, len(passed)):
        score = passed[place][1]
        # Of nearly all papers every topic is shown already, however well it was found in them.
        if all(each.topic in needed for each in score.reasons):
            continue
        topics[place] = _topics(score)
        if topics[place] <= needed.keys():
            continue
        spare = next((each for each in reversed(shown) if all(needed[topic] > 1 for topic in topics[each])), None)
        if spare is None:
            break
        shown = [*(each for each in shown if each != spare), place]
        needed.update(topics[place])
        needed.subtract(topics[spare])
    rest = sorted(set(range(len(passed))) - set(shown))
    return [passed[place] for place in (*shown, *rest)]


def _topics(score: Score) -> frozenset[str]:
    """The topics that were found well enough to deserve a place."""
    return frozenset(
        each.topic
        for each in score.reasons
        if each.kind is ReasonKind.TOPIC and each.points >= DESERVING_POINTS * weight_of(each.topic)
    )


def _left_out(
    subscription: Subscription,
    announced: AnnouncedPaper,
    score: Score,
    seen: Mapping[ArxivId, date],
    *,
    interested: bool,
) -> LeftOut | None:
    if announced.announce_type not in subscription.types:
        return LeftOut.TYPE
    if announced.paper.id in seen:
        return LeftOut.DELIVERED
    if score.excluded_by:
        return LeftOut.EXCLUDED
    if not interested:
        return None
    if score.points <= 0:
        return LeftOut.NO_MATCH
    # What has points has some merit: it is only worked out where the chat asks for more.
    return LeftOut.BELOW_MIN_SCORE if subscription.min_score and score.merit < subscription.min_score else None


def compose(
    day: date,
    categories: tuple[str, ...],
    verdicts: Iterable[Verdict],
    *,
    since: date | None = None,
    is_sample: bool = False,
) -> Digest:
    """The digest of `day`, or of all announcements from `since` to `day`, from verdicts in the order of `judge`.

    Of earlier days only what is shown, named or lacks room is counted: the rest was counted on its own day.
    """
    shown: list[Verdict] = []
    also: dict[int, tuple[Paper, ...]] = {}
    counts = dict.fromkeys(LeftOut, 0)
    first = since or day
    for each in verdicts:
        reason = each.left_out
        if reason is None:
            shown.append(each)
            continue
        if reason is LeftOut.SIMILAR:
            also[each.place] = (*also.get(each.place, ()), each.announced.paper)
        if each.place or each.announced.day >= first:
            counts[reason] += 1
    papers = tuple(DigestPaper(each.place, each.announced, each.score, also=also.get(each.place, ())) for each in shown)
    left_out = {reason: count for reason, count in counts.items() if count}
    return Digest(day, categories, papers, left_out, is_sample, since if since != day else None)


def with_summaries(digest: Digest, summaries: Mapping[ArxivId, Summary]) -> Digest:
    """The digest with those of the summaries that are of its papers' versions."""
    return replace(digest, papers=tuple(_with_summary(each, summaries) for each in digest.papers))


def _with_summary(shown: DigestPaper, summaries: Mapping[ArxivId, Summary]) -> DigestPaper:
    paper = shown.announced.paper
    summary = summaries.get(paper.id)
    return replace(shown, summary=summary) if summary and summary.version == paper.version else shown
