"""The verdicts of `bot.digests` as its rules read: paper by paper, every topic and every merit worked out. Slow."""

from collections import Counter
from dataclasses import replace

from bot.calibration import half_points, weight_of
from bot.digests import DESERVING_POINTS, MOST_BESIDE, Verdict, has_interests
from bot.model.digest import DigestPaper, LeftOut, ReasonKind


def walk(subscription, papers, scores, seen, similar):
    """What `judge_by` says for a broad ranker that scores all types and has a minimum score."""
    half = half_points(subscription.active_topics)
    read = [replace(each, half=half) if each.points else each for each in scores]
    pairs = list(zip(papers, read, strict=True))
    reasons = [reason_for(subscription, *pair, seen) for pair in pairs]
    passed = [pair for pair, reason in zip(pairs, reasons, strict=True) if reason is None]
    failed = [Verdict(*pair, reason) for pair, reason in zip(pairs, reasons, strict=True) if reason is not None]
    passed.sort(key=lambda pair: (-pair[1].points, -pair[0].day.toordinal()))
    best, beside = [], {}
    for pair in passed:
        lead = find_lead(pair, best, beside, similar)
        if lead is None:
            best.append(pair)
        else:
            beside.setdefault(lead, []).append(pair)
    verdicts = []
    for place, (announced, score) in enumerate(spread(best, subscription.max_papers), start=1):
        no_room = LeftOut.NO_ROOM if place > subscription.max_papers else None
        verdicts.append(Verdict(announced, score, no_room, place))
        for other, its in beside.get(announced.paper.id, []):
            verdicts.append(Verdict(other, its, no_room or LeftOut.SIMILAR, place, announced.paper))
    return (*verdicts, *failed)


def reason_for(subscription, announced, score, seen):
    """Why a paper is left out, the first reason that holds."""
    is_interested = has_interests(subscription.topics)
    holds = {
        LeftOut.TYPE: announced.announce_type not in subscription.types,
        LeftOut.DELIVERED: announced.paper.id in seen,
        LeftOut.EXCLUDED: bool(score.excluded_by),
        LeftOut.NO_MATCH: is_interested and score.points <= 0,
        LeftOut.BELOW_MIN_SCORE: is_interested and score.merit < subscription.min_score,
    }
    return next((reason for reason, it_holds in holds.items() if it_holds), None)


def find_lead(pair, best, beside, similar):
    """The id of the better paper beside which this one is named."""
    announced, score = pair
    for lead, its in best:
        is_alike = lead.paper.id in similar.get(announced.paper.id, ())
        has_room = len(beside.get(lead.paper.id, [])) < MOST_BESIDE
        if is_alike and has_room and found_well(score) <= found_well(its):
            return lead.paper.id
    return None


def spread(passed, limit):
    """One place for each topic that has a paper, as far as there is room."""
    topics = [found_well(score) for _, score in passed]
    shown = list(range(min(limit, len(passed))))
    for place in range(limit, len(passed)):
        needed = Counter(topic for each in shown for topic in topics[each])
        if topics[place] <= needed.keys():
            continue
        spare = [each for each in shown if all(needed[topic] > 1 for topic in topics[each])]
        if not spare:
            break
        shown = [*(each for each in shown if each != spare[-1]), place]
    rest = [place for place in range(len(passed)) if place not in shown]
    return [passed[place] for place in (*shown, *rest)]


def found_well(score):
    """The topics that deserve a place for what was found of them."""
    return {
        each.topic
        for each in score.reasons
        if each.kind is ReasonKind.TOPIC and each.points >= DESERVING_POINTS * weight_of(each.topic)
    }


def walked_digest(day, verdicts, since):
    """The papers of `compose`, and its counts."""
    shown = tuple(
        DigestPaper(
            each.place,
            each.announced,
            each.score,
            also=tuple(
                other.announced.paper
                for other in verdicts
                if other.left_out is LeftOut.SIMILAR and other.place == each.place
            ),
        )
        for each in verdicts
        if each.left_out is None
    )
    counts = {
        reason: sum(
            each.left_out is reason and (each.announced.day >= (since or day) or each.place > 0) for each in verdicts
        )
        for reason in LeftOut
    }
    return shown, {reason: count for reason, count in counts.items() if count}
