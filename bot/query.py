"""From the text of a topic to what it looks for: luqum's grammar over our own reading of its tokens. Pure."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from luqum import tree
from luqum.exceptions import IllegalCharacterError, ParseSyntaxError
from luqum.head_tail import TokenValue
from luqum.parser import lexer as luqum_lexer
from luqum.parser import parser as luqum_parser
from ply.lex import LexToken

from bot.errors import UserError
from bot.language import later, tr
from bot.terms import AllOf, AnyOf, Query, Term, make_term

LONGEST = 500
"""Characters in a topic, at most."""
MOST_TERMS = 40
"""Words and phrases in a topic, at most."""
DEEPEST = 20
"""Levels of brackets and operators in a topic, at most."""
HEAVIEST = 10
"""The greatest weight; the smallest is its inverse."""

_FIELDS = ("ti", "abs", "au", "cat", "all")
_FIELD_LIST = "ti: abs: au: cat: all:"
_EXAMPLE = '("kv cache" OR quant*) AND au:"Tri Dao" -survey'
_WINDOW = 30

_UNSUPPORTED = {
    "APPROX": later("similar words (~) are not supported; word* finds every word that begins so"),
    "REGEX": later("patterns between slashes are not supported; put text with slashes in quotes"),
    **dict.fromkeys(("LBRACKET", "RBRACKET"), later("ranges are not supported; put text with brackets in quotes")),
    **dict.fromkeys(
        ("LESSTHAN", "GREATERTHAN"), later("comparisons are not supported; put text with < and > in quotes")
    ),
}
_ILLEGAL = {
    '"': later("this quote is never closed"),
    "'": later('a phrase stands in double quotes: "…"'),
    "/": later("put text with slashes in quotes"),
    "\\": later("nothing follows this backslash"),
}
_UNEXPECTED = {
    "RPAREN": later("this bracket closes nothing, or there is nothing in it"),
    "AND_OP": later("AND needs something to find on both sides"),
    "OR_OP": later("OR needs something to find on both sides"),
    "COLUMN": later("only a field stands before a colon (ti: abs: au: cat: all:); put text with a colon in quotes"),
    "BOOST": later("a weight (^2) belongs directly after a word, phrase or bracket"),
}
_WORD_FAULTS = (
    (re.compile(r'(?<!\\)"'), later("this quote has no partner")),
    (re.compile(r"^(?:&&|\|\|?)$"), later("write AND or OR, in capitals")),
    (re.compile(r"^!"), later("what to leave out begins with -")),
    (re.compile(r"(?<=\w)\?(?=\w)"), later("? cannot stand for a letter; word* finds every word that begins so")),
    (re.compile(r"(?<!\\)\*(?=.)"), later("a star can only stand at the end of a word")),
)
_STAR = re.compile(r"(?:[^\\]|\\.)*\*", re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_TYPOGRAPHIC = re.compile(r"\\.|\"(?:[^\\\"]|\\.)*\"|(?P<quote>[“”„«»])|(?<![^\s(])(?P<dash>[–—−])(?=\S)", re.DOTALL)


class _UnclearError(Exception):
    """The query cannot be read; `position` is the place to look at."""

    def __init__(self, position: int, message: str, **fields: object) -> None:
        self.position = position
        self.problem = tr(message, **fields)
        super().__init__(self.problem)


@dataclass(frozen=True, slots=True)
class Unwanted:
    """A query that only says what to leave out."""

    query: Query


@dataclass(frozen=True, slots=True)
class _Place:
    """Where in the query something stands: inside which field, at which weight, how deep."""

    field: str = ""
    weight: float = 1.0
    depth: int = 0


def parse_query(text: str) -> Query | Unwanted:
    """What `text` looks for. Raises UserError that points at the place it cannot read."""
    try:
        return _build(_parse(straighten(text)), _Place())
    except _UnclearError as unclear:
        raise UserError(_message(text, unclear.position, unclear.problem)) from unclear


def straighten(text: str) -> str:
    """`text` with the quotes and dashes that phones type as the signs of the language; every place stays where it is."""

    def sign(found: re.Match[str]) -> str:
        return '"' if found["quote"] else "-" if found["dash"] else found[0]

    return _TYPOGRAPHIC.sub(sign, text)


def unescape(text: str) -> str:
    """`text` without the backslashes that make the next character an ordinary one."""
    return _ESCAPED.sub(r"\1", text)


def _message(text: str, position: int, problem: str) -> str:
    start = max(0, position - _WINDOW)
    shown = "".join(each if each.isprintable() else " " for each in text[start : position + _WINDOW])
    before, after = "…" if start else "", "…" if position + _WINDOW < len(text) else ""
    caret = " " * (len(before) + position - start) + "^"
    works = tr("This works: {example}", example=_EXAMPLE)
    return f"{before}{shown}{after}\n{caret} {tr('{problem}.', problem=problem)}\n{works}"


def _parse(text: str) -> tree.Item:
    if len(text) > LONGEST:
        raise _UnclearError(
            LONGEST, "a topic has at most {most} characters, and this has {count}", most=LONGEST, count=len(text)
        )
    tokens = _read_tokens(text)
    if not tokens:
        raise _UnclearError(0, "there is nothing to look for")
    stream = _Stream(_merge_words(text, tokens))
    try:
        # A lexer of our own for every call: luqum's shared one is not thread safe.
        return luqum_parser.parse(text, lexer=stream)
    except ParseSyntaxError as error:
        raise _syntax_fault(text, tokens, stream.last) from error


class _Stream:
    """Hands tokens to luqum's parser; `last` is where it stopped, None at the end."""

    def __init__(self, tokens: list[LexToken]) -> None:
        self._tokens = iter(tokens)
        self.last: LexToken | None = None

    def input(self, text: str) -> None:
        """Asked for by the parser, which has been given its tokens already."""

    def token(self) -> LexToken | None:
        self.last = next(self._tokens, None)
        return self.last


def _syntax_fault(text: str, tokens: list[LexToken], last: LexToken | None) -> _UnclearError:
    if last is not None:
        return _UnclearError(last.lexpos, _UNEXPECTED.get(last.type, later("this is not expected here")))
    opened: list[int] = []
    for token in tokens:
        if token.type == "LPAREN":
            opened.append(token.lexpos)
        elif token.type == "RPAREN" and opened:
            opened.pop()
    if opened:
        return _UnclearError(opened[-1], "this bracket is never closed")
    return _UnclearError(len(text), "something is missing at the end")


def _read_tokens(text: str) -> list[LexToken]:
    lexer = luqum_lexer.clone()
    lexer.input(text)
    try:
        tokens = [each for token in lexer for each in _translate(token)]
    except IllegalCharacterError as error:
        raise _UnclearError(
            lexer.lexpos, _ILLEGAL.get(text[lexer.lexpos], later("this sign is not expected here"))
        ) from error
    for token in tokens:
        _check_token(text, token)
    terms = [token for token in tokens if token.type in ("TERM", "PHRASE")]
    if len(terms) > MOST_TERMS:
        raise _UnclearError(terms[MOST_TERMS].lexpos, "a topic has at most {most} words and phrases", most=MOST_TERMS)
    return tokens


def _translate(token: LexToken) -> Iterator[LexToken]:
    """`TO` is a word outside of ranges; arXiv's ANDNOT is AND and NOT."""
    word = str(token.value)
    if token.type == "TO":
        yield _token("TERM", tree.Word(word), token.lexpos)
    elif token.type == "TERM" and word == "ANDNOT":
        yield _token("AND_OP", TokenValue("AND"), token.lexpos)
        yield _token("NOT", TokenValue("NOT"), token.lexpos)
    else:
        yield token


def _token(kind: str, value: tree.Word | TokenValue, position: int) -> LexToken:
    token = LexToken()
    token.type, token.value, token.lexpos, token.lineno = kind, value, position, 1
    value.pos, value.size = position, len(str(value))
    return token


def _check_token(text: str, token: LexToken) -> None:
    if token.type in _UNSUPPORTED:
        raise _UnclearError(token.lexpos, _UNSUPPORTED[token.type])
    if token.type == "BOOST" and not _is_weight(str(token.value)):
        raise _UnclearError(
            token.lexpos, "a weight is a number from {least} to {most}, such as ^2", least=1 / HEAVIEST, most=HEAVIEST
        )
    if token.type == "MINUS" and text[: token.lexpos].strip() and text[token.lexpos + 1 : token.lexpos + 2].isspace():
        raise _UnclearError(token.lexpos, "a - that leaves something out stands directly before it")
    if token.type == "TERM":
        for fault, problem in _WORD_FAULTS:
            if found := fault.search(str(token.value)):
                raise _UnclearError(token.lexpos + found.start(), problem)


def _is_weight(number: str) -> bool:
    return bool(re.fullmatch(r"\d{1,4}(?:\.\d{1,4})?", number)) and 1 / HEAVIEST <= float(number) <= HEAVIEST


def _merge_words(text: str, tokens: list[LexToken]) -> list[LexToken]:
    """Words side by side become one phrase; after `cat:` a category stands alone."""
    merged: list[LexToken] = []
    field = ""
    for token, following in zip(tokens, [*tokens[1:], None], strict=True):
        is_word = token.type == "TERM" and (following is None or following.type != "COLUMN")
        last = merged[-1] if merged else None
        if is_word and last is not None and last.type == "TERM" and field != "cat":
            _check_join(last, field)
            merged[-1] = _token(
                "TERM", tree.Word(text[last.lexpos : token.lexpos + len(str(token.value))]), last.lexpos
            )
            continue
        if token.type == "COLUMN" and last is not None:
            field = str(last.value).lower()
        elif not is_word or last is None or last.type != "COLUMN":
            field = ""
        merged.append(token)
    return merged


def _check_join(last: LexToken, field: str) -> None:
    word = str(last.value)
    if _STAR.fullmatch(word):
        raise _UnclearError(
            last.lexpos + len(word) - 1, "only the last word of a phrase can end in a star; write AND after it"
        )
    if word.endswith((",", ";")) and field != "au":
        raise _UnclearError(last.lexpos + len(word) - 1, "write OR between, or add them as topics of their own")


def _build(item: tree.Item, place: _Place) -> Query | Unwanted:
    if place.depth > DEEPEST:
        raise _UnclearError(item.pos or 0, "a topic has at most {most} levels of brackets and operators", most=DEEPEST)
    match item:
        case tree.Word() | tree.Phrase():
            return _term(item, place)
        case tree.Not() | tree.Prohibit():
            inner = _build(item.a, _inside(item, place))
            return inner.query if isinstance(inner, Unwanted) else Unwanted(inner)
        case tree.OrOperation():
            return _any_of(item, [_build(child, _inside(item, place)) for child in item.children])
        case tree.BaseOperation():
            return _all_of([_build(child, _inside(item, place)) for child in item.children])
        case _:
            return _build(item.children[0], _inside(item, place))


def _inside(item: tree.Item, place: _Place) -> _Place:
    """The place of what stands inside `item`."""
    field = _field_name(item, place) if isinstance(item, tree.SearchField) else place.field
    weight = float(item.force) if isinstance(item, tree.Boost) else 1.0
    return _Place(field, place.weight * weight, place.depth + 1)


def _field_name(item: tree.SearchField, place: _Place) -> str:
    name: str = item.name.lower()
    if name not in _FIELDS:
        problem = tr(
            '"{name}:" is not a field; there are {fields}. Put text with a colon in quotes',
            name=item.name,
            fields=_FIELD_LIST,
        )
        raise _UnclearError(item.pos or 0, problem)
    if place.field:
        raise _UnclearError(item.pos or 0, "this already stands inside {field}:", field=place.field)
    return name


def _any_of(item: tree.Item, parts: list[Query | Unwanted]) -> Query:
    wanted = tuple(part for part in parts if not isinstance(part, Unwanted))
    if len(wanted) < len(parts):
        raise _UnclearError(item.pos or 0, "OR with NOT would find nearly every paper; write AND NOT, or -")
    return AnyOf(wanted)


def _all_of(parts: list[Query | Unwanted]) -> Query | Unwanted:
    wanted = tuple(part for part in parts if not isinstance(part, Unwanted))
    unwanted = tuple(part.query for part in parts if isinstance(part, Unwanted))
    without = (unwanted[0] if len(unwanted) == 1 else AnyOf(unwanted)) if unwanted else None
    if not wanted and without:
        return Unwanted(without)
    return wanted[0] if len(wanted) == 1 and not without else AllOf(wanted, without)


def _term(item: tree.Word | tree.Phrase, place: _Place) -> Term:
    raw: str = item.value
    is_phrase = isinstance(item, tree.Phrase)
    is_prefix = not is_phrase and bool(_STAR.fullmatch(raw))
    text = unescape(raw[1:-1] if is_phrase else raw)
    try:
        bare = text.removesuffix("*") if is_prefix else text
        return make_term(bare, place.field, place.weight, is_prefix=is_prefix, is_quoted=is_phrase)
    except ValueError as error:
        raise _UnclearError(item.pos or 0, str(error)) from error
