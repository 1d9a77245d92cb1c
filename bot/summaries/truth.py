"""What of an answer the paper bears out, as plain text. Pure.

Numbers and quotations must stand in the text that the model was given; links, in the paper. What does not is removed.
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from bot.model.paper import ArxivId, Paper, parse_arxiv_id
from bot.model.summary import FullText, Section
from bot.rendering.clean import clean_line, without_hidden
from bot.rendering.latex import to_readable
from bot.summaries.answers import LISTS, Answer
from bot.summaries.figures import Value, is_borne_out, numbers_in

MOST_LINES = 6
LONGEST_LINE = 300
LONGEST_TLDR = 350
_LONGEST_READ = 2_000
_LONGEST_URL = 300

_TAGS = (
    "a|b|blockquote|br|center|code|del|details|div|em|font|form|h[1-6]|hr|i|iframe|img|input|ins|li|link|meta|ol|p|pre"
)
_TAG = re.compile(
    rf"</?(?:{_TAGS}|s|script|small|span|strong|style|sub|summary|sup|svg|table|t[dhr]|tg-[a-z]+|u|ul|video)"
    r"(?:\s+[\w:-]+\s*=[^<>]*)?\s*/?>",
    re.IGNORECASE,
)
_BULLET = re.compile(r"^\s*(?:[-*+•·–▪]|#{1,6}|>|\(?\d{1,2}[.)、])\s+")
_EMPHASIS = re.compile(r"\*\*|__|~~|\|\||`+")
_MARKDOWN_LINK = re.compile(r"!?\[([^\[\]]{0,300})\]\(([^()\s]{0,500})[^()]{0,100}\)")
_URL_END = r"[^\s<>\"'`|\\^{}（）【】「」『』《》。，、；：！？)\]]"
_URL = re.compile(
    rf"(?:[a-z][a-z0-9+.-]{{1,10}}://|\bwww\.|\bmailto:|\btg:){_URL_END}+"
    rf"|(?<![\w@./-])(?:[\w-]{{1,63}}\.){{1,5}}[a-z]{{2,24}}/{_URL_END}+"
    r"|(?<![\w@./-])(?:[\w-]{1,63}\.){1,5}(?:app|biz|cn|co|com|dev|gg|info|io|link|ly|me|net|org|ru|shop|site|to|top|xyz)\b"
    r"|[\w.+-]{1,64}@(?:[\w-]{1,63}\.){1,5}[a-z]{2,24}\b",
    re.IGNORECASE,
)
_MENTION = re.compile(r"<[@#][!&]?\w+>|(?<![\w@.])@\w+")
_LINK_TAIL = ".,;:!?*_/"
_QUOTE = re.compile(
    r"“([^“”]*)(?:”|$)|„([^„“”]*)(?:[“”]|$)|«([^«»]*)(?:»|$)|「([^「」]*)(?:」|$)|『([^『』]*)(?:』|$)|\"([^\"]*)(?:\"|$)"
)
_ASIDE = re.compile(r"\s*(?:\([^()]*\)|（[^（）]*）)")
_ABBREVIATIONS = "".join(
    rf"(?<!\b{each}\.)" for each in ("e.g", "i.e", "vs", "al", "cf", "Fig", "Eq", "Sec", "resp", "approx")
)
_SENTENCE_END = re.compile(rf"(?<=[.!?;]){_ABBREVIATIONS}\s+|(?<=[。！？；])\s*")
_CUT_WORD = re.compile(r"[!-~]+$")


@dataclass(frozen=True, slots=True)
class Checked:
    """What is left of an answer. `tldr` is empty where nothing of it is left; `removed` counts what is not."""

    tldr: str
    lists: dict[str, tuple[str, ...]]
    code_url: str
    removed: int

    @property
    def prose(self) -> str:
        """All lines as one text."""
        return " ".join([self.tldr, *(line for lines in self.lists.values() for line in lines)])


@dataclass(frozen=True, slots=True)
class Source:
    """What an answer may rest on."""

    id: ArxivId
    numbers: frozenset[Value]
    text: str
    links: frozenset[str]

    @classmethod
    def of(cls, paper: Paper, given: Iterable[Section], full: FullText) -> "Source":
        """A paper of which the model was given these sections."""
        parts = [paper.title, paper.abstract, paper.raw_abstract]
        text = "\n".join([*parts, *(f"{each.title}\n{each.text}" for each in given)])
        everywhere = "\n".join([text, *(each.text for each in full.sections)])
        written = (found[0] for found in _URL.finditer(everywhere))
        return cls(paper.id, numbers_in(text), _fold(text), frozenset(map(_bare, (*written, *full.links))))

    def has_link(self, url: str) -> bool:
        """Whether an address stands in the paper, or is one of its pages on arXiv."""
        named = parse_arxiv_id(url)
        return _bare(url) in self.links or (named is not None and "/" in url and named[0] == self.id)

    def has_quote(self, quote: str) -> bool:
        """Whether the paper says this in these words."""
        return _fold(quote).strip(" .,;:!?。，；：！？") in self.text


def check(answer: Answer, source: Source, language: str) -> Checked:
    """The answer in this language as plain text, without what the paper does not bear out."""
    checker = _Checker(source, language)
    tldr = checker.line(answer.tldr, LONGEST_TLDR, is_sentence=True)
    lists = {name: checker.lines(answer.lists.get(name, ())) for name in LISTS}
    return Checked(tldr, lists, checker.code_url(answer.code_url), checker.removed)


class _Checker:
    """Goes through one answer and counts what it removes."""

    def __init__(self, source: Source, language: str) -> None:
        self._source, self._language = source, language
        self.removed = 0

    def lines(self, lines: Iterable[str]) -> tuple[str, ...]:
        kept = dict.fromkeys(self.line(each, LONGEST_LINE) for each in lines)
        return tuple(filter(None, kept))[:MOST_LINES]

    def line(self, line: str, most: int, *, is_sentence: bool = False) -> str:
        """What is left of a line; nothing where a quotation in it is none, since where it ends cannot be trusted."""
        plain = self._without_links(_plain(line))
        if not self._quotes_are_true(plain):
            self.removed += 1
            return ""
        sentences = _SENTENCE_END.split(plain)
        kept = [each for each in map(self._true_part, sentences) if each]
        return _cut("".join(kept[:1]) if is_sentence else _join(kept), most)

    def code_url(self, url: str) -> str:
        bare = without_hidden(url).strip()
        if not bare:
            return ""
        is_web = re.match(r"https?://[^\s@]+$", bare) and len(bare) <= _LONGEST_URL
        if is_web and _bare(bare) in self._source.links:
            return bare.rstrip(_LINK_TAIL)
        self.removed += 1
        return ""

    def _true_part(self, sentence: str) -> str:
        """The sentence, perhaps without asides; empty where a number that is left is not in the paper."""
        if self._is_true(sentence):
            return sentence
        self.removed += 1
        rest = _ASIDE.sub(lambda found: found[0] if self._is_true(found[0]) else "", sentence)
        return rest if self._is_true(rest) else ""

    def _is_true(self, text: str) -> bool:
        # Addresses were looked at as a whole.
        return is_borne_out(_URL.sub(" ", text), self._language, self._source.numbers)

    def _quotes_are_true(self, line: str) -> bool:
        quotes = ("".join(filter(None, found.groups())) for found in _QUOTE.finditer(line))
        return all(map(self._source.has_quote, quotes))

    def _without_links(self, line: str) -> str:
        """The line without addresses and mentions that the paper does not have."""
        shown = _MARKDOWN_LINK.sub(r"\1 \2", line)
        shown = _URL.sub(self._keep_link, shown)
        return " ".join(_MENTION.sub(self._keep_mention, shown).split())

    def _keep_link(self, found: re.Match[str]) -> str:
        if self._source.has_link(found[0]):
            return found[0]
        self.removed += 1
        return ""

    def _keep_mention(self, found: re.Match[str]) -> str:
        if _fold(found[0]) in self._source.text:
            return found[0]
        self.removed += 1
        return ""


def _plain(line: str) -> str:
    """The line without markup, which nobody will interpret; asterisks inside words stay."""
    # TeX first: what it stands for may be anything that is looked for after.
    shown = _TAG.sub(" ", to_readable(line[:_LONGEST_READ]))
    return _BULLET.sub("", _EMPHASIS.sub("", clean_line(shown)))


def _fold(text: str) -> str:
    """Quotation marks, dashes and blanks in one form each."""
    folded = unicodedata.normalize("NFKC", text).translate(str.maketrans("‘’“”„−–—", '\'\'"""---'))
    return " ".join(folded.split())


def _bare(url: str) -> str:
    return url.strip("<>()[]").rstrip(_LINK_TAIL)


def _join(sentences: Iterable[str]) -> str:
    """Sentences put together again, with a blank where their language has one."""
    return "".join(each if each.endswith(tuple("。！？；")) else f"{each} " for each in sentences).strip()


def _cut(line: str, most: int) -> str:
    """At most so many characters; never a part of a word, which may be a number."""
    whole = line.strip().removesuffix(";").removesuffix("；")
    if len(whole) <= most:
        return whole
    begun = _CUT_WORD.sub("", whole[: most - 1]).rstrip()
    return f"{begun}…" if begun else ""
