"""TeX mathematics as Unicode, where it is simple enough to have a plain form."""

import re
from collections.abc import Callable
from functools import lru_cache

from bot.rendering.tex_symbols import (
    MATH_COMBINING,
    OPERATORS,
    find_symbol,
    put_accent,
    to_alphabet,
    to_subscript,
    to_superscript,
)

_MAX_LENGTH = 400
_MAX_DEPTH = 12
_TOKEN = re.compile(r"\\(?:[A-Za-z]+|.)|[ \t\r\n]+|.", re.DOTALL)
_ESCAPED = frozenset("%&#_$")
_BLANKS = frozenset({",", ";", ":", " ", "quad", "qquad", "enspace", "\n"})
_SILENT = frozenset(
    "! / left right middle big Big bigg Bigg bigl bigr Bigl Bigr biggl biggr Biggl Biggr displaystyle textstyle "
    "limits nolimits rm bf it sf tt sc nobreak nonumber".split()
)
_WRAPPERS = frozenset(
    "text textrm textbf textit textsf textsc texttt textnormal mathrm mathbf mathit mathsf mathtt mathop mathbin mathrel "
    "mathnormal boldsymbol bm pmb mbox hbox operatorname ensuremath emph".split()
)
_ALPHABETS = {"mathbb": "mathbb", "mathcal": "mathcal", "mathscr": "mathscr", "mathfrak": "mathfrak", "Bbb": "mathbb"}
_FRACTIONS = frozenset({"frac", "tfrac", "dfrac", "nicefrac", "sfrac"})
_ROOTS = {"": "√", "3": "∛", "4": "∜"}


class _NotPlainError(Exception):
    """Some part of the formula has no plain form."""


@lru_cache(maxsize=4096)
def convert_math(source: str) -> str | None:
    r"""The formula between two dollars as Unicode, or None where any part of it has no plain form.

    `10^{-3}` gives 10⁻³, `x_i` xᵢ, `\mathcal{O}(n^2)` 𝒪(n²). Blanks stay where the author wrote them.
    """
    if len(source) > _MAX_LENGTH:
        return None
    try:
        plain = _Formula(source).read_to("")
    except _NotPlainError:
        return None
    return " ".join(plain.split()) or None


class _Formula:
    """Reads one formula from left to right."""

    def __init__(self, source: str) -> None:
        self._tokens = _TOKEN.findall(source)
        self._next = 0
        self._depth = 0

    def read_to(self, closing: str) -> str:
        """Everything up to the token `closing`; empty: up to the end."""
        text = ""
        while (token := self._take()) != closing:
            text += self._read_token(token, text)
        return text

    def _take(self) -> str:
        token = self._peek()
        self._next += 1
        return token

    def _peek(self) -> str:
        return self._tokens[self._next] if self._next < len(self._tokens) else ""

    def _read_token(self, token: str, before: str) -> str:
        match token:
            case "" | "}" | "&" | "#" | "\\":
                raise _NotPlainError(token)
            case "{":
                return self._deeper(lambda: self.read_to("}"))
            case "^":
                return _script(to_superscript, self._read_argument())
            case "_":
                return _script(to_subscript, self._read_argument())
            case "'":
                return "′"
            case "~":
                return " "
        return self._read_macro(token[1:], before) if token.startswith("\\") else token

    def _deeper(self, read: Callable[[], str]) -> str:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise _NotPlainError
        text = read()
        self._depth -= 1
        return text

    def _read_argument(self) -> str:
        while self._peek().isspace():
            self._take()
        token = self._take()
        return self._deeper(lambda: self._read_token(token, "")).strip()

    def _read_macro(self, name: str, before: str) -> str:
        if name in _ESCAPED or name in {"{", "}"}:
            return name
        if name in _BLANKS:
            return " "
        if name in _SILENT:
            return self._read_silent(name)
        if name in _WRAPPERS:
            return self._read_argument()
        if name in OPERATORS:
            return self._read_operator(name, before)
        return self._read_structure(name)

    def _read_silent(self, name: str) -> str:
        if name in {"left", "right"} and self._peek() == ".":
            self._take()
        return ""

    def _read_operator(self, name: str, before: str) -> str:
        follows = self._peek().lstrip("\\")[:1]
        return (" " if before[-1:].isalnum() else "") + name + (" " if follows.isalnum() else "")

    def _read_structure(self, name: str) -> str:
        if name in _ALPHABETS:
            return "".join(to_alphabet(_ALPHABETS[name], each) for each in self._read_argument())
        if name in MATH_COMBINING:
            return _accent(MATH_COMBINING[name], self._read_argument())
        if name in _FRACTIONS:
            return f"{_as_factor(self._read_argument())}/{_as_factor(self._read_argument())}"
        if name == "sqrt":
            return self._read_root()
        if name == "unicode":
            return _read_code_point(self._read_argument())
        symbol = find_symbol(name)
        if symbol is None:
            raise _NotPlainError(name)
        return symbol

    def _read_root(self) -> str:
        degree = ""
        if self._peek() == "[":
            self._take()
            degree = self._deeper(lambda: self.read_to("]"))
        if degree not in _ROOTS:
            raise _NotPlainError(degree)
        return _ROOTS[degree] + _as_factor(self._read_argument())


def _script(convert: Callable[[str], str | None], text: str) -> str:
    script = convert(text)
    if script is None:
        raise _NotPlainError(text)
    return script


def _accent(combining: str, text: str) -> str:
    if len(text) != 1:
        raise _NotPlainError(text)
    return put_accent(combining, text)


def _read_code_point(text: str) -> str:
    r"""MathJax's `\unicode{x2013}`."""
    found = re.fullmatch(r"x([0-9A-Fa-f]{2,4})", text)
    character = chr(int(found[1], 16)) if found else ""
    if not character.isprintable():
        raise _NotPlainError(text)
    return character


def _as_factor(text: str) -> str:
    return text if re.fullmatch(r"[\w.]+", text) else f"({text})"
