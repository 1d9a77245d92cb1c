"""TeX as arXiv's authors write it, made readable."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from bot.rendering.tex_math import convert_math
from bot.rendering.tex_symbols import COMBINING, find_symbol, put_accent, to_subscript, to_superscript

_MAX_LENGTH = 200_000
"""A collaboration's 3,000 authors fill 60,000 characters; nothing much longer is worth the time of matching."""


def _invisible() -> dict[int, str | None]:
    hidden = [*range(0x20), *range(0x7F, 0xA0), 0xAD, 0x61C, 0x180E, *range(0x200B, 0x2010), *range(0x202A, 0x202F)]
    hidden += [*range(0x2060, 0x2070), 0xFEFF, *range(0xFFF9, 0xFFFC), *range(0xD800, 0xE000), *range(0xE0000, 0xE0080)]
    breaks = dict.fromkeys((0x0A, 0x0B, 0x0C, 0x0D, 0x85, 0x2028, 0x2029), "\n")
    return {**dict.fromkeys(hidden), 0x09: " ", **breaks}


_INVISIBLE = _invisible()
_PARAGRAPH = re.compile(r"\n(?:[^\S\n]+|(?:[^\S\n]*\n)+[^\S\n]*)")
_TEX = re.compile(r"[\\$~{}`]|''|--")

# Possessive and bounded repeats: a text of nothing but braces is refused in linear time.
_FLAT = r"(?:[^{}\\]|\\.)*+"
_NESTED = rf"(?:[^{{}}\\]|\\.|\{{{_FLAT}\}})*+"
_ARG = rf"\{{(?:[^{{}}\\]|\\.|\{{{_NESTED}\}})*+\}}"
_IN = r"(?:[^$\\]|\\.)"
_STYLE = "emph|text(?:bf|it|sl|sc|sf|tt|rm|md|up|normal)?|underline|uline|mbox"
_DECLARATION = (
    r"\\(?:it|em|bf|sc|tt|rm|sl|sf|itshape|bfseries|scshape|ttfamily|sffamily|noindent|par|newline)(?![A-Za-z])\s*"
)
_FRAGMENT = re.compile(
    rf"""
    (?=[\\$~{{`'-]|https?:)
    (?:(?P<address>https?://[^\s{{}}\\$]+)
    | (?P<math>\$\$(?P<display>[^$]+)\$\$
        # Two prices are no formula: "$5 and $10", "$5-$10".
        | \$(?P<inline>(?=\S)(?!\d[^$]*\$\d)(?!\d[\d.,]*\s?[kKMB]?\s+[a-z]{{2}}){_IN}+?(?<=\S)
            | [ ]{_IN}{{0,200}}?[\\^_]{_IN}{{0,200}}?[ ])\$
        | \\\((?P<round>.{{1,400}}?)\\\) | \\\[(?P<square>.{{1,400}}?)\\\])
    | (?P<escaped>\\[%&#_$@{{}}])
    | (?P<nothing>\\[-/!]|{_DECLARATION})
    | (?P<blank>\\(?:\\|[,;: \n]))
    | (?P<split>\\[bcdkrtuvH]\{{[a-z]{{2,}}\}})
    | (?P<accent>\\(?P<mark>["'`^~=.]|[uvHcdbkr](?=\s*\{{|\s))\s*
        (?:\{{\s*\\?(?P<held>[^\W\d_])\s*\}}|\\(?P<dotless>[ij])(?![A-Za-z])(?:\{{\}})?|(?P<letter>[^\W\d_])))
    | (?P<styled>\\(?:{_STYLE})\s*(?P<style>{_ARG}) | \\(?:textcolor|colorbox)\s*{_ARG}\s*(?P<coloured>{_ARG}))
    | (?P<url>\\(?:url|nolinkurl|path)\s*(?P<location>{_ARG}))
    | (?P<link>\\href\s*(?P<target>{_ARG})\s*(?P<label>{_ARG}))
    | (?P<script>\\text(?P<side>super|sub)script\s*(?P<scripted>{_ARG}))
    | (?P<note>\\footnote\s*(?P<footnote>{_ARG}))
    | (?P<quote>\\enquote\s*(?P<quoted>{_ARG}))
    | (?P<cite>\\cite(?:[tp]|alp|author|year)?\*?\s*(?P<key>{_ARG}))
    | (?P<macro>\\(?P<name>[A-Za-z]+|\|)(?P<arguments>(?:{_ARG})*)(?P<gap>[ ]*))
    | (?P<group>{_ARG})
    | (?P<open>(?<!`)``(?!`)|(?<![^\s(\[])''(?=\w))
    | (?P<close>'')
    | (?P<single>(?<![`\w])`(?P<word>[^\s`'][^`'\n]{{0,80}}?(?:'[a-z][^`'\n]{{0,80}}?)?)'(?!\w))
    | (?P<em>(?<!-)---(?!-))
    # A command line's --option stays.
    | (?P<en>(?<![-!<])--(?![->])(?!(?<=[\s(`'"]--)[A-Za-z]))
    # "z~1" and "5~10" mean about; "Fig.~3", "10~ps" and "a~priori" are ties.
    | (?P<tie>(?<=[\w.,;:)\]}}$%'])~(?!(?<=[)\d]~)\d|(?<=\b\w~)\d|[\s~])))
    """,
    re.VERBOSE | re.DOTALL,
)
_WORDS = re.compile(r"[\w'’.-]+(?:[ /][\w'’.-]+)*")
_LETTERS = frozenset("o O l L ss aa AA ae AE oe OE i j dh DH th TH dj DJ ng NG".split())
_GREEK = (
    "alpha beta gamma delta epsilon zeta eta theta kappa lambda rho tau upsilon phi chi psi omega "
    "varepsilon vartheta varphi varrho"
)
_SPLIT_GREEK = {f"\\{name[0]}{{{name[1:]}}}": name for name in _GREEK.split()}


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of readable text. `tex` is the source of one formula where `text` stands for that, and empty elsewhere."""

    text: str
    tex: str = ""


def to_pieces(text: str) -> tuple[tuple[Piece, ...], ...]:
    """What `to_readable` makes of the text, paragraph by paragraph, each formula a piece of its own."""
    paragraphs = (" ".join(each.split()) for each in _PARAGRAPH.split(text.translate(_INVISIBLE)))
    return tuple(tuple(_split(each)) for each in paragraphs if each)


def _split(text: str) -> Iterator[Piece]:
    if len(text) > _MAX_LENGTH or not _TEX.search(text):
        yield Piece(text)
        return
    plain, end = "", 0
    for found in _FRAGMENT.finditer(text):
        plain += text[end : found.start()]
        end = found.end()
        if found.lastgroup != "math":
            plain += _replace(found)
            continue
        if plain:
            yield Piece(plain)
        plain = ""
        yield Piece(_replace_math(found), _formula(found))
    if plain := plain + text[end:]:
        yield Piece(plain)


def to_readable(text: str) -> str:
    """`text` as a person reads it: TeX accents, quotes, dashes, styles and simple mathematics become Unicode.

    What has no plain form stays as it was written. White space is folded, except that a paragraph (arXiv begins one
    with an indented or an empty line) starts after one newline. Control, bidirectional and zero-width characters are
    removed. No word is lost, a text without TeX stays the same, and nothing is raised.
    """
    paragraphs = map(_read_paragraph, _PARAGRAPH.split(text.translate(_INVISIBLE)))
    return "\n".join(each for each in paragraphs if each)


def _read_paragraph(text: str) -> str:
    folded = " ".join(text.split())
    return folded if len(folded) > _MAX_LENGTH else " ".join(_convert(folded).split())


def _convert(text: str) -> str:
    return _FRAGMENT.sub(_replace, text) if _TEX.search(text) else text


def _replace(found: re.Match[str]) -> str:
    return _REPLACEMENTS[str(found.lastgroup)](found)


def _inside(found: re.Match[str], *names: str) -> str:
    """The first of the arguments `names` that was given, without its braces."""
    return next((found[name][1:-1] for name in names if found[name] is not None), "")


def _replace_math(found: re.Match[str]) -> str:
    return convert_math(_formula(found)) or found[0]


def _formula(found: re.Match[str]) -> str:
    return str(found["display"] or found["inline"] or found["round"] or found["square"])


def _replace_split(found: re.Match[str]) -> str:
    r"""A `\beta` in plain text reaches arXiv's feeds as `\b{eta}`."""
    return find_symbol(_SPLIT_GREEK.get(found[0], "")) or found[0]


def _replace_accent(found: re.Match[str]) -> str:
    letter = found["held"] or found["dotless"] or found["letter"]
    accented = put_accent(COMBINING[found["mark"]], letter)
    is_quote = len(accented) > 1 and found["letter"] and found["mark"] in "\"'"
    return found[0] if is_quote else accented


def _replace_link(found: re.Match[str]) -> str:
    target, label = _unescape(_inside(found, "target")), _convert(_inside(found, "label"))
    return target if label in ("", target) else f"{label} ({target})"


def _replace_script(found: re.Match[str]) -> str:
    convert = to_superscript if found["side"] == "super" else to_subscript
    return convert(_inside(found, "scripted")) or found[0]


def _replace_macro(found: re.Match[str]) -> str:
    name, arguments, gap = found["name"], found["arguments"], found["gap"]
    symbol = find_symbol(name) if arguments in ("", "{}") else None
    if symbol is None:
        return (convert_math(f"\\{name}{arguments}") or f"\\{name}{arguments}") + gap
    # TeX ends a letter's name at a blank and swallows it; around other symbols authors mean the blank.
    return symbol if name in _LETTERS else symbol + gap


def _replace_group(found: re.Match[str]) -> str:
    inner = _convert(found[0][1:-1])
    is_grouping = _WORDS.fullmatch(inner) or re.match(_DECLARATION, found[0][1:])
    return inner if is_grouping else f"{{{inner}}}"


def _unescape(text: str) -> str:
    return re.sub(r"\\([%&#_$~{}])", r"\1", text)


_REPLACEMENTS: dict[str, Callable[[re.Match[str]], str]] = {
    "address": lambda found: found[0],
    "math": _replace_math,
    "escaped": lambda found: found[0][1:].replace("@", ""),
    "nothing": lambda _: "",
    "blank": lambda _: " ",
    "split": _replace_split,
    "accent": _replace_accent,
    "styled": lambda found: _convert(_inside(found, "style", "coloured")),
    "url": lambda found: _unescape(_inside(found, "location")),
    "link": _replace_link,
    "script": _replace_script,
    "note": lambda found: f" ({_convert(_inside(found, 'footnote'))})",
    "quote": lambda found: f"“{_convert(_inside(found, 'quoted'))}”",
    "cite": lambda found: f"[{_inside(found, 'key')}]",
    "macro": _replace_macro,
    "group": _replace_group,
    "open": lambda _: "“",
    "close": lambda _: "”",
    "single": lambda found: f"‘{_convert(found['word'])}’",
    "em": lambda _: "—",
    "en": lambda _: "–",
    "tie": lambda _: " ",
}
