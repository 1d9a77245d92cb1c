"""Which papers have a term, and how often: each term is looked for only in the few papers that can have it. Pure."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise, starmap

import numpy as np

from bot.ranking.likeness import IN_TITLE, facts_of, is_telling, root_of_length
from bot.ranking.postings import Flags, Floats, Ints, Phrase, Postings, find_changes
from bot.terms import PROSE, Document, Sought, Term

FIELD_WEIGHTS = {"title": 3.0, "abstract": 1.0, "author": 6.0, "category": 1.0}
"""How often a term counts for each time it occurs in a field (BM25F: the fields are added up before they saturate)."""
USUAL_LENGTH = 150
"""Words in an abstract. In one of twice that length a term counts two thirds."""

_NOBODY: AbstractSet[int] = frozenset()
_ONLY = {"title": 0, "abstract": 1}
"""What the numbers of texts of a field leave when divided by two."""
_BOTH = -1
_MOST_TERMS = 1 << 14
"""So many learned terms are remembered with the papers that have them: marks of ever more chats bring ever more terms."""


@dataclass(frozen=True, slots=True)
class Found:
    """The papers in which terms are, sorted by the number of the term and the place of the paper.

    `often`: how many times, all fields added up by their weights. `exact`: whether it is there as it was typed, rather than only
    with its words near each other.
    """

    terms: Ints
    places: Ints
    often: Floats
    exact: Flags


@dataclass(frozen=True, slots=True)
class Having:
    """The papers that have a learned term, in order, and whether they have it in the title."""

    places: Ints
    titled: Flags


class Index:
    """Some papers, read once. A place is the number of a paper among them."""

    def __init__(self, documents: Sequence[Document]) -> None:
        self.documents = documents
        # Texts 2n and 2n+1 are title and abstract of the paper at place n.
        self._postings = Postings(
            [words for document in documents for words in (document.title_words, document.abstract_words)]
        )
        lengths = [(1 + document.abstract.count(" ") / USUAL_LENGTH) / 2 for document in documents]
        self._worth = np.full(2 * len(documents), FIELD_WEIGHTS["title"])
        self._worth[1::2] = FIELD_WEIGHTS["abstract"] / np.array(lengths)
        self._title_words: dict[int, frozenset[str]] = {}
        self._having: dict[str, Having] = {}

    def __len__(self) -> int:
        return len(self.documents)

    def find(self, terms: Sequence[Term]) -> Found:
        """Where the terms are; of those that are phrases without quotes, also where their words are near each other."""
        phrases: list[Phrase] = []
        numbers: list[int] = []
        only: list[int] = []
        counted: list[tuple[int, int, float]] = []
        for number, term in enumerate(terms):
            sought = term.sought
            if term.phrase and sought[0].field in PROSE:
                is_both = len(sought) > 1 and sought[1].field in PROSE
                phrases.append(Phrase(term.phrase, bool(term.words)))
                numbers.append(number)
                only.append(_BOTH if is_both else _ONLY[sought[0].field])
                sought = sought[1 + is_both :]
            for each in sought:
                # Most phrases are nobody's name.
                if each.field == "author" and not all(map(self._names.__contains__, each.words)):
                    continue
                counted += [(number, place, often) for place, often in self._count(each)]
        rows, texts, often = self._postings.find(phrases)
        field = np.array(only, np.int64)[rows]
        kept = (field == _BOTH) | (texts & 1 == field)
        rows, texts, often = rows[kept], texts[kept], often[kept]
        in_prose = Found(np.array(numbers, np.int64)[rows], texts >> 1, self._worth[texts] * often, often >= 1)
        return _add_up(in_prose, counted)

    def having(self, terms: Iterable[str]) -> Sequence[Having]:
        """The papers that have each of these terms of `terms_of`."""
        wanted = list(terms)
        found = [self._having.get(term) for term in wanted]
        missing = list(dict.fromkeys(term for term, having in zip(wanted, found, strict=True) if having is None))
        if not missing:
            return [each for each in found if each is not None]
        new = dict(zip(missing, self._look_for(missing), strict=True))
        if len(self._having) + len(new) > _MOST_TERMS:
            self._having.clear()
        self._having |= new
        return [having or new[term] for term, having in zip(wanted, found, strict=True)]

    def weigh(self, weights: Mapping[str, float]) -> Floats:
        """By place: what those of the terms add up to that the paper has, each in the title worth so much more."""
        having = self.having(weights)
        if not having:
            return np.zeros(len(self))
        worth = np.repeat(np.array(list(weights.values())), [len(each.places) for each in having])
        places, titled = (
            np.concatenate(some) for some in zip(*((each.places, each.titled) for each in having), strict=True)
        )
        return np.asarray(np.bincount(places, np.where(titled, IN_TITLE * worth, worth), len(self)), np.float64)

    def title_words(self, place: int) -> frozenset[str]:
        """The words of the title that say anything."""
        words = self._title_words.get(place)
        if words is None:
            words = frozenset(filter(is_telling, self.documents[place].title_words))
            self._title_words[place] = words
        return words

    @cached_property
    def roots(self) -> Floats:
        """By place: what the weights that a paper has are divided by for its length."""
        return np.array([root_of_length(each) for each in self.documents])

    def _look_for(self, terms: Sequence[str]) -> Iterator[Having]:
        """The papers that have the terms, which are words, pairs of words, and facts."""
        phrases, texts, _ = self._postings.find([Phrase(() if ":" in term else tuple(term.split())) for term in terms])
        # The title of a paper stands before its abstract.
        first = find_changes(phrases, texts >> 1)
        places, titled = texts[first] >> 1, texts[first] & 1 == _ONLY["title"]
        edges = np.searchsorted(phrases[first], np.arange(len(terms) + 1)).tolist()
        for term, span in zip(terms, starmap(slice, pairwise(edges)), strict=True):
            if ":" in term:
                having = np.array(sorted(self._facts.get(term, _NOBODY)), np.int64)
                yield Having(having, np.zeros(len(having), np.bool_))
            else:
                yield Having(places[span], titled[span])

    def _count(self, sought: Sought) -> Iterator[tuple[int, float]]:
        """The papers that have what is looked for in a field, and how often, by the field's weight."""
        if sought.field == "category":
            for text, places in self._categories.items():
                if count := sought.count(text):
                    yield from ((place, FIELD_WEIGHTS["category"] * count) for place in places)
            return
        for place in self._having_words(sought):
            if count := sought.count(getattr(self.documents[place], sought.field)):
                is_prose = sought.field in PROSE
                worth = self._worth[2 * place + _ONLY[sought.field]] if is_prose else FIELD_WEIGHTS[sought.field]
                yield place, float(worth) * count

    def _having_words(self, sought: Sought) -> AbstractSet[int]:
        """The papers that may have it in the field: those with all the words that are needed for that."""
        groups: list[AbstractSet[int]] = []
        for word in sought.words:
            places = self._places(word, sought.field)
            if not places:
                return places
            groups.append(places)
        if sought.starts:
            known = self._sorted_names if sought.field == "author" else self._postings.words
            begun = {word for start in sought.starts for word in _beginning(known, start)}
            groups.append({place for word in begun for place in self._places(word, sought.field)})
        return frozenset(groups[0]).intersection(*groups[1:])

    def _places(self, word: str, field: str) -> AbstractSet[int]:
        if field == "author":
            return self._names.get(word, _NOBODY)
        texts = self._postings.texts_with(word)
        return set((texts[texts & 1 == _ONLY[field]] >> 1).tolist())

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
    def _sorted_names(self) -> Sequence[str]:
        return sorted(self._names)


def _add_up(found: Found, counted: Sequence[tuple[int, int, float]]) -> Found:
    """The same with what was counted in other fields, and one row for each term and paper."""
    terms, places, often, exact = found.terms, found.places, found.often, found.exact
    if counted:
        others, papers, numbers = map(np.array, zip(*counted, strict=True))
        terms, places, often = (np.concatenate(pair) for pair in ((terms, others), (places, papers), (often, numbers)))
        exact = np.concatenate([exact, np.ones(len(counted), np.bool_)])
        order = np.lexsort((places, terms))
        terms, places, often, exact = terms[order], places[order], often[order], exact[order]
    first = find_changes(terms, places)
    if not len(first):
        return found
    return Found(terms[first], places[first], np.add.reduceat(often, first), np.logical_or.reduceat(exact, first))


def _beginning(words: Sequence[str], start: str) -> Iterator[str]:
    for number in range(bisect_left(words, start), len(words)):
        if not words[number].startswith(start):
            return
        yield words[number]
