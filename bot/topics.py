"""The topic language: arXiv's own query syntax, compiled once per distinct topic. Pure.

https://info.arxiv.org/help/api/user-manual.html#query_details, and for people docs/topics.md.
"""

import re
from dataclasses import dataclass, field
from functools import lru_cache

from bot.query import Unwanted, parse_query, straighten, unescape
from bot.terms import Document, Hit, Query, document_of

__all__ = ["Document", "Match", "Topic", "compile_topic", "document_of", "plain_keyword", "quote_keyword"]

_PLAIN = re.compile(r"[^\W_][\w.'/&+#-]*(?: [^\W_][\w.'/&+#-]*)*")
_OPERATORS = frozenset({"AND", "OR", "NOT", "ANDNOT"})
_LEAVING_OUT = re.compile(r"-|NOT(?=[\s\"(])\s*")
_QUOTED = re.compile(r'"((?:[^\\"]|\\.)*)"', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Match:
    """What a topic found in a paper, in the order of the query; never empty."""

    hits: tuple[Hit, ...]


@dataclass(frozen=True, slots=True)
class Topic:
    """A compiled query.

    `text` is as typed. `key` is equal for spellings that find the same. `keyword` is the text for a search without
    syntax. `is_exclusion`: the query only says what to leave out, and `match` finds that.
    """

    text: str
    key: str
    keyword: str
    is_exclusion: bool
    _query: Query = field(repr=False, compare=False)

    def match(self, document: Document) -> Match | None:
        """What the topic finds in the paper, None if the paper does not match."""
        hits = self._query.hits(document)
        return Match(hits) if hits else None


@lru_cache(maxsize=8192)
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
    """The words of a topic without quotes and leading `-`, and whether there was one; any text has them.

    Undoes `quote_keyword`.
    """
    bare = straighten(text).strip()
    sign = _LEAVING_OUT.match(bare)
    words = bare[sign.end() :].lstrip() if sign else bare
    quoted = _QUOTED.fullmatch(words)
    return (unescape(quoted[1]) if quoted else words), bool(sign)
