"""Where each word of some papers stands, so that a topic is looked for only in the few papers that can have it. Pure."""

from array import array
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import cached_property

from bot.proximity import FARTHEST
from bot.ranking.likeness import facts_of, root_of_length
from bot.terms import NEARBY, PROSE, Document, Sought, Term, Words

FIELD_WEIGHTS = {"title": 3.0, "abstract": 1.0, "author": 6.0, "category": 1.0}
"""How often a term counts for each time it occurs in a field (BM25F: the fields are added up before they saturate)."""
USUAL_LENGTH = 150
"""Words in an abstract. In one of twice that length a term counts two thirds."""

Found = dict[int, float]
"""By the place of a paper in the index: how often a term is there, all fields added up by their weights."""
Spots = Mapping[int, tuple[int, ...]]
"""By text: at which positions a word stands in it. Texts 2n and 2n+1 are title and abstract of the paper at place n."""


class Index:
    """Some papers, read once. `documents` are in an order of its own; a place is a number in it."""

    def __init__(self, documents: Sequence[Document]) -> None:
        self.documents = documents
        self._row: list[str] = []
        self._text_at = array("I")
        self._worth: list[float] = []
        for place, document in enumerate(documents):
            for text, words in ((2 * place, document.title_words), (2 * place + 1, document.abstract_words)):
                self._row += words
                self._row.append("")  # so that no phrase reaches from one text into the next
                self._text_at.extend([text] * (len(words) + 1))
            length = (1 + document.abstract.count(" ") / USUAL_LENGTH) / 2
            self._worth += (FIELD_WEIGHTS["title"], FIELD_WEIGHTS["abstract"] / length)
        self._positions: defaultdict[str, list[int]] = defaultdict(list)
        for position, word in enumerate(self._row):
            self._positions[word].append(position)
        self._positions.pop("", None)
        self._spots: dict[str, Spots] = {}
        self._having_term: dict[str, tuple[frozenset[int], frozenset[int]]] = {}

    def __len__(self) -> int:
        return len(self.documents)

    def find(self, term: Term, *, loosely: bool = False) -> tuple[Found, AbstractSet[int]]:
        """How often each paper has the term, and the papers that have it exactly. `loosely` as for `Topic.match`."""
        found: Found = {}
        exact: set[int] = set()
        phrase, others = _apart(term)
        if phrase is not None:
            words, fields = phrase
            worth = self._worth
            for text, count in self._find_phrase(words, nearby=loosely and bool(term.words)).items():
                if fields == PROSE or ("abstract" if text & 1 else "title") in fields:
                    place = text >> 1
                    found[place] = found.get(place, 0.0) + worth[text] * count
                    if count >= 1:
                        exact.add(place)
        for each in others:
            for place, count in self._count(each):
                worth_here = self._worth[2 * place + (each.field == "abstract")] if each.field in PROSE else 0.0
                found[place] = found.get(place, 0.0) + (worth_here or FIELD_WEIGHTS[each.field]) * count
                exact.add(place)
        return found, exact

    def having(self, term: str) -> tuple[frozenset[int], frozenset[int]]:
        """The papers that have a term of `terms_of` in the title, and those that have it, but not there."""
        having = self._having_term.get(term)
        if having is None:
            if ":" in term:
                having = frozenset(), self._facts.get(term, frozenset())
            else:
                texts = self._find_phrase(tuple(term.split()), nearby=False)
                titled = frozenset(each >> 1 for each in texts if not each & 1)
                having = titled, frozenset(each >> 1 for each in texts if each & 1) - titled
            self._having_term[term] = having
        return having

    @cached_property
    def roots(self) -> Sequence[float]:
        """By place: what the weights that a paper has are divided by for its length."""
        return [root_of_length(each) for each in self.documents]

    def _at(self, word: str) -> Spots:
        spots = self._spots.get(word)
        if spots is None:
            grouped: dict[int, tuple[int, ...]] = {}
            for position in self._positions.get(word, ()):
                text = self._text_at[position]
                grouped[text] = (*grouped[text], position) if text in grouped else (position,)
            spots = self._spots[word] = grouped
        return spots

    def _find_phrase(self, words: Words, *, nearby: bool) -> Mapping[int, float]:
        """By text: how often the words stand there side by side; where they do not, how near they are, if `nearby` is asked."""
        spots = [self._at(word) for word in words]
        if not all(spots):
            return {}
        if len(words) == 1:
            return {text: _distinct(starts, 1) for text, starts in spots[0].items()}
        if len(words) == 2 and words[0] != words[1]:  # noqa: PLR2004 - a pair is what most topics are
            return _find_pair(*spots, nearby=nearby)
        return self._find_many(words, spots, nearby=nearby)

    def _find_many(self, words: Words, spots: Sequence[Spots], *, nearby: bool) -> dict[int, float]:
        by_size = sorted(spots, key=len)
        common = by_size[0].keys() & by_size[1].keys()
        for each in by_size[2:]:
            common = {text for text in common if text in each}
        phrase, number, row = list(words), len(words), self._row
        found: dict[int, float] = {}
        for text in common:
            starts = tuple(start for start in spots[0][text] if row[start : start + number] == phrase)
            if starts:
                found[text] = _distinct(starts, number)
            elif nearby and (near := _nearness([each[text] for each in dict(zip(words, spots, strict=True)).values()])):
                found[text] = near
        return found

    def _count(self, sought: Sought) -> Iterator[tuple[int, int]]:
        """The papers that have what is looked for in a field, and how often."""
        if sought.field == "category":
            for text, places in self._categories.items():
                if count := sought.count(text):
                    yield from ((place, count) for place in places)
            return
        for place in self._having(sought):
            if count := sought.count(getattr(self.documents[place], sought.field)):
                yield place, count

    def _having(self, sought: Sought) -> Iterable[int]:
        """The papers that may have it in the field: those with all the words that are needed for that."""
        groups = [self._places(word, sought.field) for word in sought.words]
        if sought.starts:
            known = self._sorted_names if sought.field == "author" else self._sorted_words
            begun = {word for start in sought.starts for word in _beginning(known, start)}
            groups.append({place for word in begun for place in self._places(word, sought.field)})
        return set.intersection(*groups) if groups else range(len(self.documents))

    def _places(self, word: str, field: str) -> set[int]:
        if field == "author":
            return self._names.get(word, set())
        is_abstract = field == "abstract"
        return {text >> 1 for text in self._at(word) if bool(text & 1) is is_abstract}

    @cached_property
    def _names(self) -> Mapping[str, set[int]]:
        names: defaultdict[str, set[int]] = defaultdict(set)
        for place, document in enumerate(self.documents):
            for word in document.author.split():
                names[word].add(place)
        return dict(names)

    @cached_property
    def _facts(self) -> Mapping[str, frozenset[int]]:
        facts: defaultdict[str, set[int]] = defaultdict(set)
        for place, document in enumerate(self.documents):
            for fact in facts_of(document):
                facts[fact].add(place)
        return {fact: frozenset(places) for fact, places in facts.items()}

    @cached_property
    def _categories(self) -> Mapping[str, Sequence[int]]:
        categories: defaultdict[str, list[int]] = defaultdict(list)
        for place, document in enumerate(self.documents):
            categories[document.category].append(place)
        return dict(categories)

    @cached_property
    def _sorted_words(self) -> Sequence[str]:
        return sorted(self._positions)

    @cached_property
    def _sorted_names(self) -> Sequence[str]:
        return sorted(self._names)


def _apart(term: Term) -> tuple[tuple[Words, frozenset[str]] | None, Sequence[Sought]]:
    """The phrase that a term looks for, with the fields it is looked for in, and what else it looks for."""
    phrases = [each for each in term.sought if each.is_phrase]
    if not phrases:
        return None, term.sought
    return (phrases[0].words, frozenset(each.field for each in phrases)), [
        each for each in term.sought if not each.is_phrase
    ]


def _find_pair(first: Spots, second: Spots, *, nearby: bool) -> dict[int, float]:
    found: dict[int, float] = {}
    farthest = 2 * FARTHEST
    for text in first.keys() & second.keys():
        ones, others = first[text], second[text]
        if len(ones) == len(others) == 1:
            distance = others[0] - ones[0]
            if distance == 1:
                found[text] = 1
            elif nearby and -farthest < distance < farthest:
                found[text] = NEARBY * 2 / (abs(distance) + 1)
            continue
        starts = [start for start in ones if start + 1 in others]
        if starts:
            found[text] = _distinct(starts, 2)
        elif nearby:
            distance = min(abs(one - other) for one in ones for other in others)
            if distance < farthest:
                found[text] = NEARBY * 2 / (distance + 1)
    return found


def _distinct(starts: Sequence[int], length: int) -> int:
    """How many of these occurrences of so many words do not share a blank: what a substring search counts."""
    if len(starts) == 1:
        return 1
    count, free = 0, -1
    for start in starts:
        if start >= free:
            count, free = count + 1, start + length + 1
    return count


def _nearness(positions: Sequence[Sequence[int]]) -> float:
    """What `NEARBY` and `closeness` make of words at these positions of one text."""
    number = len(positions)
    last: dict[int, int] = {}
    shortest = FARTHEST * number + 1
    for position, word in sorted((each, word) for word, some in enumerate(positions) for each in some):
        last[word] = position
        if len(last) == number:
            shortest = min(shortest, position - min(last.values()) + 1)
    return NEARBY * number / shortest if shortest <= FARTHEST * number else 0.0


def _beginning(words: Sequence[str], start: str) -> Iterator[str]:
    for number in range(bisect_left(words, start), len(words)):
        if not words[number].startswith(start):
            return
        yield words[number]
