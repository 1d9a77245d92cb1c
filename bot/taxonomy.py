"""arXiv's categories: what they are called, and which one a person means.

https://arxiv.org/category_taxonomy
"""

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

from bot.errors import ConfigError, UserError
from bot.language import tr

_MAX_SUGGESTIONS = 3
_MAX_COMPLETIONS = 25
_NEAR = 0.75
_LONGEST = 60
_SHORTEST_STEM = 3
_SHORTEST_INITIALS = 3
_CONNECTIVES = frozenset({"a", "an", "and", "for", "in", "of", "on", "the", "to", "with"})
_WORD = re.compile(r"[^\W_]+")
_CODE = re.compile(r"\w\.\w")


@dataclass(frozen=True, slots=True)
class Category:
    """One category. `words` are phrases people look for it by; `alias_of` is the field's other code, or empty."""

    code: str
    name: str
    archive_name: str
    words: tuple[str, ...] = ()
    alias_of: str = ""

    @property
    def label(self) -> str:
        """The code with its name: `cs.LG (Machine Learning)`."""
        return f"{self.code} ({self.name})"


@dataclass(frozen=True, slots=True)
class Archive:
    """Categories under one roof. `examples` are codes to show first; an archive that is itself a category has none."""

    code: str
    name: str
    group_name: str
    examples: tuple[str, ...]
    categories: tuple[Category, ...]


@dataclass(frozen=True, slots=True)
class Taxonomy:
    """Every category of arXiv, in the order of the file it came from. Keys are case-folded codes."""

    archives: Mapping[str, Archive]
    categories: Mapping[str, Category]

    @classmethod
    def from_toml(cls, text: str) -> "Taxonomy":
        """The taxonomy that `text`, the content of a `categories.toml`, describes. Raises ConfigError."""
        try:
            archives = [_to_archive(table) for table in tomllib.loads(text)["archive"]]
        except (tomllib.TOMLDecodeError, KeyError, TypeError) as error:
            raise ConfigError(f"categories.toml cannot be read: {error!r}") from error
        categories = [category for archive in archives for category in archive.categories]
        return cls(
            {archive.code.casefold(): archive for archive in archives},
            {category.code.casefold(): category for category in categories},
        )

    def __iter__(self) -> Iterator[Category]:
        return iter(self.categories.values())

    @property
    def codes(self) -> tuple[str, ...]:
        """Every code, aliases among them."""
        return tuple(category.code for category in self)

    def get(self, code: str) -> Category | None:
        """The category with this code in any case, or None. An alias is itself: it has a feed of its own."""
        return self.categories.get(code.strip().casefold())

    def check(self, text: str) -> str:
        """The code that `text` is, as arXiv writes it. Raises UserError that names what was probably meant."""
        if found := self.get(text):
            return found.code
        if archive := self._get_archive(text):
            *front, last = [self.categories[code.casefold()].label for code in archive.examples]
            examples = tr("{words} and {last}", words=tr(", ").join(front), last=last) if front else last
            raise UserError(
                tr(
                    "{archive} is a whole archive ({name}). Add its categories one by one, such as {examples}.",
                    archive=_quote(text),
                    name=archive.name,
                    examples=examples,
                )
            )
        meant = [category.label for category in self._suggest(text)]
        hint = tr("All of them: https://arxiv.org/category_taxonomy")
        if meant:
            *front, last = meant
            either = tr("{words} or {last}", words=tr(", ").join(front), last=last) if front else last
            hint = tr("Did you mean {categories}?", categories=either)
        problem = tr("There is no category {name}.", name=_quote(text)) if text.strip() else tr("Name a category.")
        raise UserError(tr("{first} {second}", first=problem, second=hint))

    def search(self, words: str) -> tuple[Category, ...]:
        """The categories that hold the most of these words, best first; the start of a word counts as well.

        None for a whole archive, nor for what looks like a code: `check` says what is wrong with those.
        """
        wanted = () if self._get_archive(words) or _CODE.search(words) else _fold(words[:_LONGEST])
        ranks = {category.code: _rank(category, wanted) for category in self}
        most = max((found for found, *_ in ranks.values()), default=0)
        best = [category for category in self if most and ranks[category.code][0] == most]
        return tuple(sorted(best, key=lambda category: ranks[category.code], reverse=True))

    def complete(self, prefix: str) -> tuple[Category, ...]:
        """At most 25 categories for what was typed so far: codes, endings of codes, words, archives."""
        start = prefix.strip().casefold()
        by_code = [category for category in self if category.code.casefold().startswith(start)]
        by_ending = [category for category in self if _ending(category.code).startswith(start)]
        by_archive = [category for category in self if category.archive_name.casefold().startswith(start)]
        return tuple(dict.fromkeys((*by_code, *by_ending, *self.search(start), *by_archive)))[:_MAX_COMPLETIONS]

    def _get_archive(self, text: str) -> Archive | None:
        typed = text.strip().casefold().removesuffix("*").removesuffix(".")
        by_name = (archive for archive in self.archives.values() if archive.name.casefold() == typed)
        archive = self.archives.get(typed) or next(by_name, None)
        return archive if archive and archive.examples else None

    def _suggest(self, text: str) -> Sequence[Category]:
        """The nearest categories, by the first way that finds any; spelling before words for what looks like a code."""
        typed = text.strip().casefold()[:_LONGEST]
        return (
            self._same_letters(typed)
            or self._abbreviated(typed)
            or (_CODE.search(typed) and self._spelled(typed))
            or self.search(_ending(typed))
            or self._spelled(typed)
        )[:_MAX_SUGGESTIONS]

    def _same_letters(self, typed: str) -> Sequence[Category]:
        return [category for category in self if _letters(category.code) == _letters(typed)]

    def _abbreviated(self, typed: str) -> Sequence[Category]:
        """For `cs.ml`: cs.LG, whose name has these initials, then stat.ML, whose code ends so elsewhere."""
        start, _, ending = typed.rpartition(".")

        def rank(category: Category) -> tuple[bool, bool, bool]:
            code = category.code.casefold()
            return not code.startswith(f"{start}."), _ending(code) != ending, bool(category.alias_of)

        return sorted((each for each in self if ending in (_ending(each.code), *_abbreviations(each))), key=rank)

    def _spelled(self, typed: str) -> Sequence[Category]:
        """Codes of the same letters in another order, or else the codes and names of the most alike letters."""
        if swapped := [category for category in self if sorted(category.code.casefold()) == sorted(typed)]:
            return swapped
        matcher = SequenceMatcher(None, b=typed)
        likeness = {category: _likeness(matcher, category) for category in self}
        best = max(likeness.values(), default=0)
        return [category for category in self if likeness[category] == best >= _NEAR]


def _to_archive(table: Mapping[str, Any]) -> Archive:
    categories = tuple(
        Category(row["code"], row["name"], table["name"], tuple(row["words"]), row.get("alias_of", ""))
        for row in table["categories"]
    )
    return Archive(table["code"], table["name"], table["group"], tuple(table.get("examples", ())), categories)


def _ending(code: str) -> str:
    return code.casefold().rpartition(".")[2]


def _letters(text: str) -> str:
    return "".join(_WORD.findall(text.casefold()))


def _fold(text: str) -> tuple[str, ...]:
    """The words of `text` that say something, without case and plural s."""
    words = (word for word in _WORD.findall(text.casefold()) if word not in _CONNECTIVES)
    return tuple(word.removesuffix("s") if len(word) > _SHORTEST_STEM else word for word in words)


def _abbreviations(category: Category) -> Iterator[str]:
    """Initials and short words: `nlp` for natural language processing. Two initials are too common but for a name."""
    for phrase in (category.name, *category.words):
        words = _fold(phrase)
        if len(words) >= _SHORTEST_INITIALS or phrase == category.name:
            yield "".join(word[0] for word in words)
        elif len(words) == 1:
            yield words[0]


def _rank(category: Category, wanted: tuple[str, ...]) -> tuple[int, int, bool, int, bool]:
    """How many words it holds, how many whole, all as one phrase?, in how many phrases, and is it no alias?"""
    phrases = [_fold(phrase) for phrase in (category.name, *category.words)]
    known = {*_fold(category.archive_name), *_abbreviations(category)}.union(*phrases)
    whole = {word for word in wanted if word in known}
    found = whole | {word for word in wanted if _begins(word, known)}
    hits = sum(any(word in phrase or _begins(word, phrase) for word in found) for phrase in phrases)
    return len(found), len(whole), wanted in phrases, hits, not category.alias_of


def _begins(start: str, words: Iterable[str]) -> bool:
    return len(start) >= _SHORTEST_STEM and any(word.startswith(start) for word in words)


def _likeness(matcher: SequenceMatcher[str], category: Category) -> float:
    """From 0 to 1; the two quick ratios are upper bounds that spare most of the work."""
    best = 0.0
    for text in (category.code.casefold(), category.name.casefold()):
        matcher.set_seq1(text)
        if matcher.real_quick_ratio() >= _NEAR and matcher.quick_ratio() >= _NEAR:
            best = max(best, matcher.ratio())
    return best


def _quote(text: str) -> str:
    shown = " ".join(text.split())
    return shown if len(shown) <= _LONGEST else f"{shown[:_LONGEST]}…"
