"""The topic language: arXiv's own query syntax, compiled once per distinct topic. Pure.

https://info.arxiv.org/help/api/user-manual.html#query_details, and for people docs/topics.md.
"""

import re
from dataclasses import dataclass, field
from functools import lru_cache

from bot.errors import UserError
from bot.query import Unwanted, parse_query, straighten, unescape
from bot.terms import Document, Hit, Query, Term, document_of

__all__ = [
    "Document",
    "Match",
    "Topic",
    "compile_topic",
    "document_of",
    "plain_keyword",
    "quote_keyword",
    "split_weight",
    "weigh_topic",
]

_PLAIN = re.compile(r"[^\W_][\w.'/&+#-]*(?: [^\W_][\w.'/&+#-]*)*")
_OPERATORS = frozenset({"AND", "OR", "NOT", "ANDNOT"})
_LEAVING_OUT = re.compile(r"-|NOT(?=[\s\"(])\s*")
_QUOTED = re.compile(r'"((?:[^\\"]|\\.)*)"', re.DOTALL)
_WEIGHTED = re.compile(r"(?P<bare>.*\S)\^(?P<weight>[\d.]+)\s*", re.DOTALL | re.ASCII)


@dataclass(frozen=True, slots=True)
class Match:
    """What a topic found in a paper, in the order of the query; never empty."""

    hits: tuple[Hit, ...]


@dataclass(frozen=True, slots=True)
class Topic:
    """A compiled query.

    `text` is as typed. `key` is equal for spellings that find the same. `keyword` is the text for a search without
    syntax. `is_exclusion`: `query` is what to leave out, and `match` finds that.
    """

    text: str
    key: str
    keyword: str
    is_exclusion: bool
    query: Query = field(repr=False, compare=False)

    @property
    def terms(self) -> tuple[Term, ...]:
        """What the topic looks for, but for what it leaves out."""
        return self.query.terms

    def match(self, document: Document, *, loosely: bool = False) -> Match | None:
        """What the topic finds in the paper, None if the paper does not match.

        `loosely`: also phrases without quotes of which the words are near each other.
        """
        hits = self.query.hits(document, loosely=loosely)
        return Match(hits) if hits else None


@lru_cache(maxsize=1 << 15)
def compile_topic(text: str) -> Topic:
    """The topic that `text` describes.

    Raises UserError where it cannot be read; its message points at the place and ends with a working example.
    """
    parsed = parse_query(text)
    keyword, _ = plain_keyword(text)
    if isinstance(parsed, Unwanted):
        return Topic(text.strip(), f"-{parsed.query.key}", keyword, True, parsed.query)
    return Topic(text.strip(), parsed.key, keyword, False, parsed)


def quote_keyword(keyword: str, *, always: bool = False) -> str:
    """The topic that looks for exactly these words: in quotes where the language would read them otherwise, or `always`."""
    if not always and _PLAIN.fullmatch(keyword) and _OPERATORS.isdisjoint(keyword.split()):
        return keyword
    escaped = keyword.replace("\\", r"\\").replace('"', r"\"")
    return f'"{escaped}"'


def plain_keyword(text: str) -> tuple[str, bool]:
    """The words of a topic without quotes, weight and leading `-`, and whether there was one; any text has them.

    Undoes `quote_keyword`.
    """
    bare = straighten(split_weight(text)[0]).strip()
    sign = _LEAVING_OUT.match(bare)
    words = bare[sign.end() :].lstrip() if sign else bare
    quoted = _QUOTED.fullmatch(words)
    return (unescape(quoted[1]) if quoted else words), bool(sign)


def split_weight(text: str) -> tuple[str, float]:
    """A topic without the weight that it has as a whole, and that weight: 1 where it has none, or where it cannot be read."""
    found = _WEIGHTED.fullmatch(text)
    if found is None or not _is_same(text, f"({found['bare']})^{found['weight']}"):
        return text, 1.0
    bare = found["bare"]
    inside = bare[1:-1]
    return (inside if bare.startswith("(") and _is_same(inside, bare) else bare), float(found["weight"])


def weigh_topic(text: str, weight: float) -> str:
    """The topic with this weight as a whole, instead of the one it had; brackets only where the weight needs them."""
    bare, _ = split_weight(text)
    if weight == 1:
        return bare
    plain, bracketed = f"{bare}^{weight:g}", f"({bare})^{weight:g}"
    return plain if _is_same(plain, bracketed) else bracketed


def _is_same(one: str, other: str) -> bool:
    """Whether both can be read, and look for the same at the same weights."""
    try:
        return parse_query(one) == parse_query(other)
    except UserError:
        return False
