"""What a topic looks for, and how it is found in a paper. Pure."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Protocol

from bot.folding import fold_letters, fold_words, join_words, split_words
from bot.language import later, tr
from bot.model.paper import Paper
from bot.proximity import closeness

FIELDS = (later("title"), later("abstract"), later("author"), later("category"))
"""The fields of a paper that topics can be found in, in the order in which people are told."""

Counter = Callable[[str], int]
"""How often something occurs in a folded field."""

Words = tuple[str, ...]

PROSE = frozenset({"title", "abstract"})
"""The fields with words in a row."""

NEARBY = 0.5
"""How often a phrase counts as found where its words stand near each other, at best."""

_SUFFIXES = ("jr", "sr", "ii", "iii", "iv")
_SHORTEST_PREFIX = 2
_CATEGORY = re.compile(r"[a-z]+(?:-[a-z]+)?(?:\.(?:[a-z]+(?:-[a-z]*)?)?)?")
_BAR = "|"


@dataclass(frozen=True, slots=True)
class Document:
    """A paper folded for searching. Names and categories are fenced: `"| tri dao | albert gu |"`, `"|cs.lg|stat.ml|"`.

    The words of title and abstract stand there once more, one by one.
    """

    title: str
    abstract: str
    author: str
    category: str
    title_words: Words = field(repr=False, compare=False)
    abstract_words: Words = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Sought:
    """What is looked for in one field of a paper.

    For whoever has an index of words, so that few papers need be counted in: where `count` finds anything, all of `words`
    are there, and, if there are any `starts`, a word that begins with one of them.
    """

    field: str
    count: Counter
    words: Words = ()
    starts: Words = ()


@dataclass(frozen=True, slots=True)
class Term:
    """One thing a topic looks for: a word, phrase, beginning of a word, author or category.

    `text` is as the person typed it; two terms of one `key` find the same. `words`: those of a phrase that may also stand
    near each other only, each between blanks, the longest first. `phrase`: what those of `sought` that are in prose look for,
    unless that is the beginning of a word.
    """

    text: str
    key: str
    weight: float
    sought: tuple[Sought, ...] = field(repr=False, compare=False)
    words: Words = ()
    phrase: Words = field(default=(), repr=False, compare=False)

    @property
    def terms(self) -> "tuple[Term, ...]":
        """Itself."""
        return (self,)

    def hits(self, document: Document, *, loosely: bool = False) -> "tuple[Hit, ...]":
        """Where it occurs and how often; one hit per field, nothing where it does not occur."""
        nearby = self.words if loosely else ()
        hits = []
        for each in self.sought:
            text = getattr(document, each.field)
            # Most texts are done with here: they lack the longest word, so the phrase, too.
            if nearby and each.field in PROSE and nearby[0] not in text:
                continue
            if number := each.count(text) or (nearby and each.field in PROSE and NEARBY * closeness(nearby, text)):
                hits.append(Hit(self, each.field, number))
        return tuple(hits)

    def is_in(self, document: Document) -> bool:
        """Whether it occurs at all; what document frequencies are counted with."""
        return any(each.count(getattr(document, each.field)) for each in self.sought)


@dataclass(frozen=True, slots=True)
class Hit:
    """A term found `count` times in one field of a paper; less than once: only its words are there, near each other."""

    term: Term
    field: str
    count: float


class Query(Protocol):
    """Something that finds terms in a document."""

    @property
    def key(self) -> str:
        """Equal for two queries that always find the same, as far as that is cheap to see."""
        ...

    @property
    def terms(self) -> tuple[Term, ...]:
        """What it looks for."""
        ...

    def hits(self, document: Document, *, loosely: bool = False) -> tuple[Hit, ...]:
        """What it found; nothing if the document does not match. `loosely`: also phrases of which the words are near only."""
        ...


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one of several queries."""

    parts: tuple[Query, ...]

    @property
    def key(self) -> str:
        return f"({' OR '.join(sorted({part.key for part in self.parts}))})"

    @property
    def terms(self) -> tuple[Term, ...]:
        return tuple(term for part in self.parts for term in part.terms)

    def hits(self, document: Document, *, loosely: bool = False) -> tuple[Hit, ...]:
        return tuple(hit for part in self.parts for hit in part.hits(document, loosely=loosely))


@dataclass(frozen=True, slots=True)
class AllOf:
    """Every one of several queries, and not `unwanted`."""

    parts: tuple[Query, ...]
    unwanted: Query | None = None

    @property
    def key(self) -> str:
        wanted = " AND ".join(sorted({part.key for part in self.parts}))
        return f"({wanted} NOT {self.unwanted.key})" if self.unwanted else f"({wanted})"

    @property
    def terms(self) -> tuple[Term, ...]:
        return tuple(term for part in self.parts for term in part.terms)

    def hits(self, document: Document, *, loosely: bool = False) -> tuple[Hit, ...]:
        found: list[Hit] = []
        for part in self.parts:
            if not (hits := part.hits(document, loosely=loosely)):
                return ()
            found.extend(hits)
        return () if self.unwanted and self.unwanted.hits(document) else tuple(found)


def document_of(paper: Paper) -> Document:
    """The paper's readable text, folded. Remembered for the papers of the last weeks."""
    return _document(paper.title, paper.abstract, paper.authors, paper.categories)


def fold_paper(paper: Paper) -> Document:
    """The same, not remembered, and without the words one by one: for whoever keeps very many papers."""
    document = _document.__wrapped__(paper.title, paper.abstract, paper.authors, paper.categories)
    return replace(document, title_words=(), abstract_words=())


@lru_cache(maxsize=8192)
def _document(title: str, abstract: str, authors: tuple[str, ...], categories: tuple[str, ...]) -> Document:
    title_words, abstract_words = split_words(title), split_words(abstract)
    return Document(
        join_words(title_words),
        join_words(abstract_words),
        _BAR + "".join(fold_letters(name) + _BAR for name in authors),
        _BAR + "".join(code.lower() + _BAR for code in categories),
        title_words,
        abstract_words,
    )


@dataclass(frozen=True, slots=True)
class _Typed:
    """What a person wants found, with or without the star after it."""

    text: str
    is_prefix: bool


def make_term(text: str, field: str, weight: float, *, is_prefix: bool, is_quoted: bool = False) -> Term:
    """The term that looks for `text` in `field` (`ti`, `abs`, `au`, `cat`, `all`, or nothing for title and abstract).

    `is_quoted`: its words count side by side only.
    Raises ValueError that says what is wrong with `text`.
    """
    words = fold_letters(text).split()
    if not words:
        raise ValueError(tr("there is no word in it to look for"))
    if is_prefix and len("".join(words)) < _SHORTEST_PREFIX:
        raise ValueError(tr("at least {least} letters must stand before a star", least=_SHORTEST_PREFIX))
    star = "*" if is_prefix else ""
    normal = {"au": _normal_name, "cat": str.lower}.get(field, fold_words)(text).strip()
    scope = f"{field}:" if field else ""
    heavy = "" if weight == 1 else f"^{weight:g}"
    sought = tuple(_READERS[field](_Typed(text, is_prefix)))
    phrase = () if is_prefix else split_words(text)
    parts = () if is_quoted else sorted(set(phrase), key=lambda word: (-len(word), word))
    nearby = tuple(f" {word} " for word in parts) if len(parts) > 1 else ()
    return Term(f"{scope}{text}{star}", f"{scope}{normal}{star}{heavy}", weight, sought, nearby, phrase)


def _anywhere(typed: _Typed) -> Iterator[Sought]:
    """Prose, or an author by the whole name; a single word names nobody: Adam the optimiser is no author."""
    yield from _prose(typed, "title", "abstract")
    name = fold_letters(typed.text)
    if not typed.is_prefix and len(name.split()) > 1:
        yield Sought("author", _substrings(_BAR + name + _BAR), tuple(name.split()))


def _everywhere(typed: _Typed) -> Iterator[Sought]:
    yield from _prose(typed, "title", "abstract")
    yield _author(typed)
    yield Sought("category", _substrings(f"{_BAR}{typed.text.strip().lower()}{'' if typed.is_prefix else _BAR}"))


def _prose(typed: _Typed, *fields: str) -> Iterator[Sought]:
    words = split_words(typed.text)
    needles, before, starts = [join_words(words)], words, []
    if typed.is_prefix:
        before, last = words[:-1], fold_letters(typed.text).split()[-1]
        start = " ".join(["", *before, last])
        # The words of a paper are singular, so `queries*` must find the whole word "query", too.
        needles = [start] if needles[0].startswith(start) else [start, *needles]
        starts = [last, words[-1]]
    count = _substrings(*needles)
    for each in fields:
        yield Sought(each, count, before, tuple(starts))


def _category(typed: _Typed) -> Counter:
    """A category (`cs.LG`), a whole archive (`cs`, `cs.*`) or a beginning (`cs.L*`)."""
    code = typed.text.strip().lower()
    if not _CATEGORY.fullmatch(code):
        raise ValueError(tr("cat: takes a category such as cs.LG, or a whole archive such as cs"))
    if typed.is_prefix:
        return _substrings(_BAR + code)
    return _substrings(f"{_BAR}{code}{_BAR}", *([] if "." in code else [f"{_BAR}{code}."]))


def _author(typed: _Typed) -> Sought:
    """A whole part of a name, or given name (or initials) and family name; middle names of the paper may be missing.

    Also reads `Dao, Tri` and arXiv's own `Dao_T`.
    """
    words = fold_letters(typed.text).split()
    run = f" {' '.join(words)} "
    if typed.is_prefix:
        return Sought("author", _substrings(run.rstrip()), tuple(words[:-1]), (words[-1],))
    if len(words) == 1:
        return Sought("author", _substrings(run), tuple(words))
    family, _, given = _split_name(typed.text)
    person = [*fold_letters(given).split(), *fold_letters(family).split()]

    def count(names: str) -> int:
        # Most papers are done with here: a substring search costs a hundredth of looking at every name.
        if f" {person[-1]} " not in names:
            return 0
        return sum(1 for name in names.split(_BAR) if run in name or _is_person(name.split(), person))

    return Sought("author", count, (person[-1],))


def _split_name(text: str) -> tuple[str, str, str]:
    """Family name, comma and given names, where they stand in this order; else the whole name first."""
    return text.replace("_", ",", 1).partition(",")


def _normal_name(text: str) -> str:
    return "".join(fold_letters(part) or part for part in _split_name(text))


def _is_person(name: list[str], person: list[str]) -> bool:
    """Whether `person`, given names first, is short for `name`: an initial agrees with a name, middle names may be missing."""
    if name and name[-1] in _SUFFIXES:
        name = name[:-1]
    if len(name) < len(person) or name[-1] != person[-1] or not _agree(name[0], person[0]):
        return False
    middle = iter(name[1:-1])
    return all(any(_agree(each, wanted) for each in middle) for wanted in person[1:-1])


def _agree(one: str, other: str) -> bool:
    return one == other or (min(len(one), len(other)) == 1 and one[0] == other[0])


def _substrings(*needles: str) -> Counter:
    if len(needles) == 1:
        (needle,) = needles
        return lambda text: text.count(needle)
    return lambda text: sum(text.count(needle) for needle in needles)


_READERS: dict[str, Callable[[_Typed], Iterable[Sought]]] = {
    "": _anywhere,
    "ti": lambda typed: _prose(typed, "title"),
    "abs": lambda typed: _prose(typed, "abstract"),
    "au": lambda typed: (_author(typed),),
    "cat": lambda typed: (Sought("category", _category(typed)),),
    "all": _everywhere,
}
