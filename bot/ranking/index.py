"""Where each word of some papers stands, so that a topic is looked for only in the few papers that can have it. Pure."""

from array import array
from bisect import bisect_left
from collections import defaultdict, deque
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import cached_property, partial

from bot.proximity import FARTHEST
from bot.ranking.likeness import facts_of, is_telling, root_of_length
from bot.terms import NEARBY, PROSE, Document, Sought, Term, Words

FIELD_WEIGHTS = {"title": 3.0, "abstract": 1.0, "author": 6.0, "category": 1.0}
"""How often a term counts for each time it occurs in a field (BM25F: the fields are added up before they saturate)."""
USUAL_LENGTH = 150
"""Words in an abstract. In one of twice that length a term counts two thirds."""

Found = dict[int, float]
"""By the place of a paper in the index: how often a term is there, all fields added up by their weights."""
Spots = Mapping[int, tuple[int, ...]]
"""By text: at which positions a word stands in it. Texts 2n and 2n+1 are title and abstract of the paper at place n."""

_NOWHERE: Spots = {}
_NOBODY: AbstractSet[int] = frozenset()
_ONLY = {"title": 0, "abstract": 1}
"""What the numbers of texts of a field leave when divided by two."""
_MOST_TERMS = 1 << 14
"""So many learned terms are remembered with the papers that have them: marks of ever more chats bring ever more terms."""
_FARTHEST_PAIR = 2 * FARTHEST


class Index:
    """Some papers, read once. A place is the number of a paper among them."""

    def __init__(self, documents: Sequence[Document]) -> None:
        self.documents = documents
        self._worth: list[float] = []
        for document in documents:
            length = (1 + document.abstract.count(" ") / USUAL_LENGTH) / 2
            self._worth += (FIELD_WEIGHTS["title"], FIELD_WEIGHTS["abstract"] / length)
        texts = [words for document in documents for words in (document.title_words, document.abstract_words)]
        longest = max(map(len, texts), default=0)
        self._shift = longest.bit_length()
        self._singles = [(position,) for position in range(longest)]
        standing: defaultdict[str, array[int]] = defaultdict(partial(array, "Q"))
        for text, words in enumerate(texts):
            # Half a million words a day come by here, so the loop over them is one of C.
            start = text << self._shift
            deque(map(array.append, map(standing.__getitem__, words), range(start, start + len(words))), maxlen=0)
        self._standing: Mapping[str, Sequence[int]] = dict(standing)
        self._spots: dict[str, Spots] = {}
        self._title_words: dict[int, frozenset[str]] = {}
        self._having_term: dict[str, tuple[frozenset[int], frozenset[int]]] = {}

    def __len__(self) -> int:
        return len(self.documents)

    def find(self, term: Term, *, loosely: bool = False) -> tuple[Found, AbstractSet[int]]:
        """How often each paper has the term, and the papers that have it exactly. `loosely` as for `Topic.match`."""
        found: Found = {}
        exact: set[int] = set()
        sought = term.sought
        if term.phrase:
            fields = [each.field for each in sought if each.field in PROSE]
            sought = sought[len(fields) :]
            worth, only = self._worth, _ONLY[fields[0]] if len(fields) == 1 else None
            texts = self._find_phrase(term.phrase, nearby=loosely and bool(term.words)) if fields else {}
            for text, count in texts.items():
                if only is None or text & 1 == only:
                    place = text >> 1
                    if place in found:
                        found[place] += worth[text] * count
                    else:
                        found[place] = worth[text] * count
                    if count >= 1:
                        exact.add(place)
        for each in sought:
            for place, count in self._count(each):
                is_prose = each.field in PROSE
                worth_here = self._worth[2 * place + _ONLY[each.field]] if is_prose else FIELD_WEIGHTS[each.field]
                found[place] = found.get(place, 0.0) + worth_here * count
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
            if len(self._having_term) >= _MOST_TERMS:
                self._having_term.clear()
            self._having_term[term] = having
        return having

    def title_words(self, place: int) -> frozenset[str]:
        """The words of the title that say anything."""
        words = self._title_words.get(place)
        if words is None:
            words = frozenset(filter(is_telling, self.documents[place].title_words))
            self._title_words[place] = words
        return words

    @cached_property
    def roots(self) -> Sequence[float]:
        """By place: what the weights that a paper has are divided by for its length."""
        return [root_of_length(each) for each in self.documents]

    def _at(self, word: str) -> Spots:
        spots = self._spots.get(word)
        if spots is None:
            if word not in self._standing:
                return _NOWHERE
            self._spots[word] = spots = self._by_text(self._standing[word])
        return spots

    def _by_text(self, standing: Sequence[int]) -> Spots:
        singles, shift = self._singles, self._shift
        among = (1 << shift) - 1
        spots: dict[int, tuple[int, ...]] = {}
        for each in standing:
            text = each >> shift
            # Most words stand once in a text, and all of these share a tuple.
            if text in spots:
                spots[text] += singles[each & among]
            else:
                spots[text] = singles[each & among]
        return spots

    def _find_phrase(self, words: Words, *, nearby: bool) -> Mapping[int, float]:
        """By text: how often the words stand there side by side; where they do not, how near they are, if `nearby` is asked."""
        if not all(map(self._standing.__contains__, words)):
            return {}
        spots = [self._at(word) for word in words]
        if len(words) == 1:
            return {text: _distinct(starts, 1) for text, starts in spots[0].items()}
        if len(words) == 2 and words[0] != words[1]:  # noqa: PLR2004 - a pair is what most topics are
            return _find_pair(*spots, nearby=nearby)
        return _find_many(words, spots, nearby=nearby)

    def _count(self, sought: Sought) -> Sequence[tuple[int, int]]:
        """The papers that have what is looked for in a field, and how often."""
        if sought.field == "category":
            counted = ((sought.count(text), places) for text, places in self._categories.items())
            return [(place, count) for count, places in counted if count for place in places]
        counts = [(place, sought.count(getattr(self.documents[place], sought.field))) for place in self._having(sought)]
        return [each for each in counts if each[1]]

    def _having(self, sought: Sought) -> AbstractSet[int]:
        """The papers that may have it in the field: those with all the words that are needed for that."""
        groups: list[AbstractSet[int]] = []
        for word in sought.words:
            places = self._places(word, sought.field)
            if not places:
                return places
            groups.append(places)
        if sought.starts:
            known = self._sorted_names if sought.field == "author" else self._sorted_words
            begun = {word for start in sought.starts for word in _beginning(known, start)}
            groups.append({place for word in begun for place in self._places(word, sought.field)})
        return frozenset(groups[0]).intersection(*groups[1:])

    def _places(self, word: str, field: str) -> AbstractSet[int]:
        if field == "author":
            return self._names.get(word, _NOBODY)
        return {text >> 1 for text in self._at(word) if text & 1 == _ONLY[field]}

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
        return sorted(self._standing)

    @cached_property
    def _sorted_names(self) -> Sequence[str]:
        return sorted(self._names)


def _find_pair(first: Spots, second: Spots, *, nearby: bool) -> dict[int, float]:
    found: dict[int, float] = {}
    for text in first.keys() & second.keys():
        ones, others = first[text], second[text]
        # Mostly all of the one stand before all of the other.
        distance = others[0] - ones[-1]
        if distance < 0:
            distance = ones[0] - others[-1]
            if distance < 0:
                distances = [other - one for one in ones for other in others]
                if 1 in distances:
                    found[text] = _distinct([start for start in ones if start + 1 in others], 2)
                    continue
                distance = min(map(abs, distances))
        elif distance == 1:
            found[text] = 1
            continue
        if nearby and distance < _FARTHEST_PAIR:
            found[text] = NEARBY * 2 / (distance + 1)
    return found


def _find_many(words: Words, spots: Sequence[Spots], *, nearby: bool) -> dict[int, float]:
    rarest, second, *others = sorted(spots, key=len)
    common = rarest.keys() & second.keys()
    for each in others:
        common = {text for text in common if text in each}
    distinct = list(dict(zip(words, spots, strict=True)).values())
    number, following = len(words), list(enumerate(spots))[1:]
    found: dict[int, float] = {}
    for text in common:
        starts: Sequence[int] = spots[0][text]
        for ahead, each in following:
            positions = each[text]
            starts = [start for start in starts if start + ahead in positions]
            if not starts:
                break
        if starts:
            found[text] = _distinct(starts, number)
        elif nearby and (near := _nearness([each[text] for each in distinct])):
            found[text] = near
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
    farthest = FARTHEST * number
    if max([each[0] for each in positions]) - min([each[-1] for each in positions]) >= farthest:
        return 0.0
    stretch, later = [each[0] for each in positions], [iter(each[1:]) for each in positions]
    shortest = farthest + 1
    while True:
        first = min(stretch)
        shortest = min(shortest, max(stretch) - first + 1)
        # A shorter stretch can only begin later.
        word = stretch.index(first)
        position = next(later[word], None)
        if position is None:
            return NEARBY * number / shortest if shortest <= farthest else 0.0
        stretch[word] = position


def _beginning(words: Sequence[str], start: str) -> Iterator[str]:
    for number in range(bisect_left(words, start), len(words)):
        if not words[number].startswith(start):
            return
        yield words[number]
