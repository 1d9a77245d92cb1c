"""Where each word stands in some texts, and phrases of them: hundreds are looked for at once, by arrays. Pure."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import chain, count, pairwise, repeat, starmap
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bot.proximity import FARTHEST
from bot.terms import NEARBY, Words

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

_TEXT_BITS = 22
"""So many positions apart are the beginnings of two texts: no words of different texts are ever near each other."""
_AT_ONCE = 1 << 17
"""So many occurrences of words are looked at in one go: it bounds the memory, and fits into a processor's cache."""
_UNKNOWN = -1
_BEYOND = np.array([2**62], np.int64)


class Phrase(NamedTuple):
    """Words to look for side by side, or, where `is_loose`, also near each other."""

    words: Words
    is_loose: bool = False


class Occurrences(NamedTuple):
    """In which texts phrases are, sorted by phrase and then text.

    `often`: how many times the words stand there side by side; where they do not, how near they are: less than 1.
    """

    phrases: Ints
    texts: Ints
    often: Floats


class _Sought(NamedTuple):
    """Phrases by row: words by their numbers, and the different ones among them, the rarest first; behind these stands anything."""

    numbers: Ints
    words: Ints
    lengths: Ints
    distinct: Ints
    different: Ints
    is_loose: Flags


class Postings:
    """Every word of the texts with the positions where it stands. A text is known by its number among them."""

    def __init__(self, texts: Sequence[Words]) -> None:
        numbers: defaultdict[str, int] = defaultdict(count().__next__)
        # Half a million words a day come by here, so the loop over them is one of C.
        words = np.fromiter(map(numbers.__getitem__, chain.from_iterable(texts)), np.int64)
        self._numbers = dict(numbers)
        self._word_bits = _TEXT_BITS + len(texts).bit_length()
        lengths = np.fromiter(map(len, texts), np.int64, len(texts))
        begins = np.cumsum(lengths) - lengths
        positions = np.arange(len(words)) + np.repeat((np.arange(len(texts)) << _TEXT_BITS) - begins, lengths)
        places = (words << self._word_bits) + positions
        places.sort()
        self._places = np.concatenate([-_BEYOND, places, _BEYOND])
        """A word's number and a position each, in order; nothing is near the first and the last."""
        self._begins = np.searchsorted(self._places, np.arange(len(numbers) + 1) << self._word_bits)

    @cached_property
    def words(self) -> Sequence[str]:
        """All words, sorted."""
        return sorted(self._numbers)

    def texts_with(self, word: str) -> Ints:
        """The texts that have the word, in order, each once."""
        number = self._numbers.get(word)
        if number is None:
            return np.empty(0, np.int64)
        places = self._places[self._begins[number] : self._begins[number + 1]]
        texts = (places - (number << self._word_bits)) >> _TEXT_BITS
        return texts[find_changes(texts)]

    def find(self, phrases: Sequence[Phrase]) -> Occurrences:
        """All occurrences of the phrases, which are known by their numbers in this order."""
        found = [self._find(part) for part in self._parts(self._number(phrases))]
        if not found:
            return Occurrences(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))
        return Occurrences._make(map(np.concatenate, zip(*found, strict=True)))

    def _number(self, phrases: Sequence[Phrase]) -> _Sought:
        """The phrases of which all words are known."""
        lengths = np.fromiter((len(words) for words, _ in phrases), np.int64, len(phrases))
        spelled = chain.from_iterable([words for words, _ in phrases])
        words = np.full((len(phrases), lengths.max(initial=1)), _UNKNOWN)
        words[np.arange(words.shape[1]) < lengths[:, None]] = np.fromiter(
            map(self._numbers.get, spelled, repeat(_UNKNOWN)), np.int64
        )
        numbers = np.flatnonzero(((words != _UNKNOWN).sum(axis=1) == lengths) & (lengths > 0))
        words = words[numbers]
        ordered = np.sort(words, axis=1)
        is_first = ordered != _UNKNOWN
        is_first[:, 1:] &= ordered[:, 1:] != ordered[:, :-1]
        rarest_first = np.argsort(np.where(is_first, self._counts[ordered], len(self._places)), axis=1)
        distinct = np.take_along_axis(ordered, rarest_first, axis=1)
        is_loose = np.array([is_loose for _, is_loose in phrases], np.bool_)
        return _Sought(numbers, words, lengths[numbers], distinct, is_first.sum(axis=1), is_loose[numbers])

    @cached_property
    def _counts(self) -> Ints:
        return np.diff(self._begins)

    def _parts(self, sought: _Sought) -> Iterator[_Sought]:
        """The same in parts that can be looked at in one go."""
        running = np.cumsum(self._counts[sought.distinct[:, 0]]) // _AT_ONCE
        edges = [0, *(np.flatnonzero(np.diff(running)) + 1).tolist(), len(running)]
        for part in starmap(slice, pairwise(edges)):
            yield _Sought._make(each[part] for each in sought)

    def _find(self, sought: _Sought) -> Occurrences:
        """What is found from the rarest word of each phrase, looking before and after it for the others."""
        farthest = np.where(sought.is_loose, FARTHEST * sought.different, sought.lengths)
        rows, places = self._standing(sought.distinct[:, 0])
        around: list[tuple[Ints, Ints]] = []
        for column in range(1, sought.different.max(initial=0)):
            before, after = np.zeros((2, len(rows)), np.int64)
            having = np.flatnonzero((sought.different > column)[rows])
            wanted = (sought.distinct[:, column] << self._word_bits)[rows[having]] + places[having]
            following = np.searchsorted(self._places, wanted)
            before[having], after[having] = wanted - self._places[following - 1], self._places[following] - wanted
            near = np.flatnonzero(np.minimum(before, after) < farthest[rows])
            rows, places = rows[near], places[near]
            around = [(one[near], other[near]) for one, other in [*around, (before, after)]]
        stretch = _shortest(around, len(rows))
        begins = self._begin(sought, rows, places, stretch)
        texts = places >> _TEXT_BITS
        first = find_changes(rows, texts)
        if not len(first):
            return Occurrences(rows, texts, np.empty(0))
        rows, texts = rows[first], texts[first]
        often = _count(begins, first, sought.lengths[rows])
        shortest, different = np.minimum.reduceat(stretch, first), sought.different[rows]
        is_near = sought.is_loose[rows] & (shortest <= farthest[rows])
        often = np.where((often == 0) & is_near, NEARBY * different / shortest, often)
        kept = often > 0
        return Occurrences(sought.numbers[rows[kept]], texts[kept], often[kept])

    def _standing(self, words: Ints) -> tuple[Ints, Ints]:
        """Every position of each of the words, beside the row that the word has."""
        counts = self._counts[words]
        rows = np.repeat(np.arange(len(words)), counts)
        begins = self._begins[words] - (np.cumsum(counts) - counts)
        return rows, self._places[np.arange(len(rows)) + begins[rows]] - (words << self._word_bits)[rows]

    def _begin(self, sought: _Sought, rows: Ints, places: Ints, stretch: Ints) -> Ints:
        """Where a phrase begins that has its rarest word first there, side by side with all others; -1 where none does."""
        offsets = np.argmax(sought.words == sought.distinct[:, :1], axis=1)
        dense = np.flatnonzero(stretch <= sought.lengths[rows])
        starts = places[dense] - offsets[rows[dense]]
        for ahead in range(sought.words.shape[1]):
            words = sought.words[rows[dense], ahead]
            wanted = (words << self._word_bits) + starts + ahead
            there = (self._places[np.searchsorted(self._places, wanted)] == wanted) | (words == _UNKNOWN)
            dense, starts = dense[there], starts[there]
        begins = np.full(len(rows), -1)
        begins[dense] = starts
        return begins


def find_changes(*columns: Ints) -> Ints:
    """The rows that differ from the one before, and the first."""
    is_new = np.zeros(len(columns[0]), np.bool_)
    is_new[:1] = True
    for column in columns:
        is_new[1:] |= column[1:] != column[:-1]
    return np.flatnonzero(is_new)


def _shortest(around: Sequence[tuple[Ints, Ints]], rows: int) -> Ints:
    """How many words the shortest stretch has that holds a word and, so far before and after it, one of every other.

    Wherever it begins, at the word itself or at another before it, what does not stand from there to the word comes after it.
    """
    here = np.zeros(rows, np.int64)
    shortest = np.full(rows, 2**62)
    for begin in (here, *(before for before, _ in around)):
        end = here
        for before, after in around:
            end = np.maximum(end, np.where(before <= begin, 0, after))
        shortest = np.minimum(shortest, begin + end + 1)
    return shortest


def _count(begins: Ints, first: Ints, lengths: Ints) -> Floats:
    """How many occurrences of phrases of so many words begin there, of those from each of `first` on to the next.

    Those that share a blank are one: what a substring search counts.
    """
    there = begins >= 0
    counts = np.add.reduceat(there, first, dtype=np.float64)
    exact = np.flatnonzero(there)
    groups = np.searchsorted(first, exact, side="right") - 1
    close = (np.diff(begins[exact]) <= lengths[groups[1:]]) & (groups[1:] == groups[:-1])
    for group in set(groups[1:][close].tolist()):
        begin, end = np.searchsorted(groups, (group, group + 1))
        counts[group] = _distinct(begins[exact[begin:end]].tolist(), int(lengths[group]))
    return counts


def _distinct(begins: Sequence[int], length: int) -> int:
    number, free = 0, -1
    for begin in begins:
        if begin >= free:
            number, free = number + 1, begin + length + 1
    return number
