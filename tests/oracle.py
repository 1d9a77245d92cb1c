"""The points of `rules` by its formula alone: paper by paper, topic by topic, nothing shared and nothing looked up. Slow."""

import math
from collections import Counter

from bot.errors import UserError
from bot.folding import split_words
from bot.ranking.corpus import MOST_RECENT
from bot.ranking.index import FIELD_WEIGHTS, USUAL_LENGTH
from bot.ranking.learned import learn_from
from bot.ranking.likeness import IN_TITLE, Background, is_telling
from bot.ranking.matching import FURTHER_TERM, HALFWAY, MOST_POINTS, PRIOR_PAPERS, USUAL_SHARE, exactly
from bot.ranking.related import EXAMPLES, LEAST, RELATED_POINTS, RELATED_WORDS
from bot.terms import document_of
from bot.topics import compile_topic


class Oracle:
    """Knows the papers of some announcements."""

    def __init__(self, recent):
        papers = {}
        for announcement in sorted(recent, key=lambda each: each.day, reverse=True):
            for paper in announcement.papers.values():
                if len(papers) < MOST_RECENT:
                    papers.setdefault(paper.id, paper)
        self.having = {}
        self.documents = [document_of(paper) for _, paper in sorted(papers.items())]

    def rank(self, papers, topics, feedback):
        """The points of each paper; None for one that is left out."""
        interests, exclusions = choose(topics)
        likeness = self.relate(interests)
        learned = learn_from(feedback, Background(self.documents))
        points = []
        for announced in papers:
            document = document_of(announced.paper)
            earned = self.earn(document, interests)
            related = min(RELATED_POINTS * likeness(document), earned)
            shift = sum(each.points for each in learned.reasons(document, earned)) if learned else 0.0
            is_excluded = any(topic.match(document) for topic in exclusions)
            points.append(None if is_excluded else earned + related + shift)
        return points

    def earn(self, document, interests):
        return sum(self.topic_points(topic, document) for topic in interests)

    def topic_points(self, topic, document):
        match = topic.match(document, loosely=True)
        if match is None:
            return 0.0
        hits = {}
        for hit in match.hits:
            hits.setdefault(hit.term.key, []).append(hit)
        earned = sorted((self.term_points(each, document) for each in hits.values()), reverse=True)
        return exactly(sum(each * FURTHER_TERM**place for place, each in enumerate(earned)))

    def term_points(self, hits, document):
        length = (1 + document.abstract.count(" ") / USUAL_LENGTH) / 2
        weights = FIELD_WEIGHTS | {"abstract": FIELD_WEIGHTS["abstract"] / length}
        often = sum(weights[hit.field] * hit.count for hit in hits)
        term = hits[0].term
        if term.text not in self.having:
            self.having[term.text] = sum(term.is_in(each) for each in self.documents)
        share = (self.having[term.text] + USUAL_SHARE * PRIOR_PAPERS) / (len(self.documents) + PRIOR_PAPERS)
        rarity = (math.log(share) / math.log(USUAL_SHARE)) ** 0.25
        return term.weight * rarity * MOST_POINTS * often / (often + HALFWAY)

    def relate(self, interests):
        """How much of the words that go with the topics a paper has."""
        needed = min(2, len(interests))
        meeting = [
            (-self.earn(document, interests), place)
            for place, document in enumerate(self.documents)
            if interests and sum(bool(topic.match(document)) for topic in interests) >= needed
        ]
        examples = [self.documents[place] for _, place in sorted(meeting)[:EXAMPLES]]
        own = {word for term in interests[0].terms for word in split_words(term.text)} if needed == 1 else set()
        having = Counter(word for each in examples for word in {*filter(is_telling, each.title_words)} - own)
        weights = {}
        for word, count in having.items():
            usual = sum(f" {word} " in each.title or f" {word} " in each.abstract for each in self.documents)
            number = len(self.documents)
            weight = math.log((number + 1) / (usual + 1)) * (count / len(examples) - usual / number)
            if count >= LEAST and weight > 0:
                weights[word] = weight
        best = sorted(weights, key=lambda word: (-weights[word], word))[:RELATED_WORDS]

        def total(document):
            titled = {word for word in best if f" {word} " in document.title}
            found = {word for word in best if f" {word} " in document.abstract} | titled
            return sum(weights[word] * (IN_TITLE if word in titled else 1.0) for word in found)

        scale = sum(map(total, examples)) / len(examples) if best else 1.0
        return lambda document: total(document) / scale


def choose(topics):
    """Each topic once, in the spelling that finds most."""
    distinct = {}
    for text in topics:
        try:
            topic = compile_topic(text)
        except UserError:
            continue
        loose = sum(bool(term.words) for term in topic.terms)
        distinct[topic.key] = max(distinct.get(topic.key, (-1, "", None)), (loose, topic.text, topic))
    chosen = [topic for _, _, topic in distinct.values()]
    return [each for each in chosen if not each.is_exclusion], [each for each in chosen if each.is_exclusion]
