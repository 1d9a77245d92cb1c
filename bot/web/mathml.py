"""TeX formulas as MathML: only what is known to be harmless and small gets through. Pure.

latex2mathml passes markup, links and styles of the source on, and some of its commands double what they are given, so that a
short formula could become a huge one. Hence commands are admitted one by one, and its tree is written out here.
"""

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from html import escape, unescape
from xml.etree.ElementTree import Element

from latex2mathml.commands import FUNCTIONS
from latex2mathml.converter import Converter
from latex2mathml.symbols_parser import convert_symbol

from bot.rendering.clean import clean_line

LONGEST_FORMULA = 800
"""Characters of TeX; a longer one stays TeX."""
_MOST_BRACES = 30
_MOST_ELEMENTS = 1_500
_DEEPEST = 60

_SIM = re.compile(r"\\sim(?![A-Za-z])")
_UPRIGHT = re.compile(r"\\mathrm\s*\{([A-Za-z])\}")
_COMMAND = re.compile(r"\\([A-Za-z]+|.)", re.DOTALL)
_ADMITTED = frozenset(
    # Structure
    "frac dfrac tfrac cfrac binom dbinom tbinom sqrt left right middle over choose begin end overset underset stackrel "
    "overline underline overbrace underbrace overrightarrow overleftarrow substack limits nolimits not boxed "
    "xrightarrow xleftarrow bmod pmod mod "
    # Accents
    "hat widehat tilde widetilde bar vec dot ddot dddot acute grave breve check mathring "
    # Letters
    "text textrm textbf textit textsf texttt textnormal textup textmd mbox hbox mathrm mathbf mathit mathsf mathtt mathbb "
    "mathcal mathscr mathfrak mathnormal boldsymbol bm operatorname mathop mathbin mathrel mathord mathopen mathclose "
    "mathinner mathpunct rm bf it sf tt cal frak Bbb "
    # Sizes and blanks
    "big Big bigg Bigg bigl bigr Bigl Bigr biggl biggr Biggl Biggr bigm Bigm biggm Biggm displaystyle textstyle "
    "scriptstyle scriptscriptstyle quad qquad enspace thinspace "
    # Words
    "lim limsup liminf sup inf max min argmax argmin det gcd Pr injlim projlim".split()
) | {name.removeprefix("\\") for name in FUNCTIONS}
_MARKS = frozenset("\\{}[]|,;:!>_%#$& ")
_ENVIRONMENT = re.compile(r"\\(?:begin|end)\s*\{((?:small|[bBpvV])?matrix|cases|array|aligned|split)\}")

_ELEMENTS = frozenset(
    "math mrow mi mn mo mtext mspace msub msup msubsup munder mover munderover mfrac msqrt mroot mtable mtr mtd mstyle "
    "mpadded mphantom menclose".split()
)
_VALUES = {
    **dict.fromkeys(("stretchy", "fence", "accent", "accentunder", "movablelimits", "largeop", "displaystyle"),
                    re.compile("true|false")),
    "form": re.compile("prefix|infix|postfix"),
    "scriptlevel": re.compile(r"[+-]?[0-3]"),
    "columnalign": re.compile("left|right|center"),
    **dict.fromkeys(("minsize", "maxsize", "linethickness"), re.compile(r"[0-3](?:\.\d{1,4})?(?:em|px|pt)?")),
    **dict.fromkeys(("width", "lspace", "rspace"), re.compile(r"[+-]?[0-3]?(?:\.\d{1,4})?em")),
}  # fmt: skip
_STYLES = {
    "bold": "BOLD",
    "italic": "ITALIC",
    "bold-italic": "BOLD ITALIC",
    "double-struck": "DOUBLE-STRUCK",
    "script": "SCRIPT",
    "fraktur": "FRAKTUR",
    "sans-serif": "SANS-SERIF",
    "monospace": "MONOSPACE",
}
_LETTER = re.compile(r"(?:LATIN |GREEK )?(CAPITAL|SMALL|DIGIT)(?: LETTER)? (\w+)")


class _RefusedError(Exception):
    """Some part of it is not known to be harmless."""


@lru_cache(maxsize=4096)
def to_mathml(formula: str) -> str | None:
    """The formula between two dollars as one `math` element, or None where it stays TeX. Nothing is raised."""
    source = clean_line(formula)
    if len(source) > LONGEST_FORMULA or source.count("{") > _MOST_BRACES or not _is_admitted(source):
        return None
    try:
        tree = Converter().convert_to_element(_mend(source))
        inside = "".join(part for child in tree for part in _write(child, 0))
    except Exception:  # noqa: BLE001 - whatever the library trips over, the formula is there as TeX
        return None
    if inside.count("<") > 2 * _MOST_ELEMENTS:
        return None
    return f'<math alttext="{escape(source)}">{inside}</math>'


def width_of(mathml: str) -> int:
    """About how many characters wide it is, at most."""
    # Browsers put blanks around operators.
    return len(unescape(re.sub(r"<[^>]*>", "", mathml))) + mathml.count("<mo>") + mathml.count("<mspace")


def _mend(source: str) -> str:
    r"""The same for the library, whose \sim is the high one on the keyboard, and whose single upright letters slant."""
    return _UPRIGHT.sub(r"\\mathrm{{\1}}", _SIM.sub(r"\\thicksim", source))


def _is_admitted(source: str) -> bool:
    bare = _ENVIRONMENT.sub("", source)
    names = _COMMAND.findall(bare)
    return all(_is_known(name) for name in names) and "begin" not in names and "end" not in names


def _is_known(name: str) -> bool:
    return name in _ADMITTED or name in _MARKS or convert_symbol(f"\\{name}") is not None


def _write(element: Element, depth: int) -> Iterator[str]:
    tag = str(element.tag)
    if tag not in _ELEMENTS or depth > _DEEPEST:
        raise _RefusedError(tag)
    if tag == "mrow" and len(element) == 1 and not element.attrib:
        yield from _write(element[0], depth + 1)
        return
    style = element.attrib.get("mathvariant", "")
    # Browsers know no variant but this one; the others are characters of their own.
    attributes = ' mathvariant="normal"' if style == "normal" and tag == "mi" else ""
    for name, value in element.attrib.items():
        if name in _VALUES and _VALUES[name].fullmatch(value):
            attributes += f' {name}="{value}"'
    yield f"<{tag}{attributes}>"
    text = clean_line(unescape(element.text or "")) if (element.text or "").strip() else ""
    if text.startswith("\\") and tag != "mtext":
        raise _RefusedError(text)
    if unescape(element.text or "").isspace():
        text = "\u00a0"
    yield escape("".join(_styled(each, style) for each in text))
    for child in element:
        yield from _write(child, depth + 1)
    yield f"</{tag}>"


@lru_cache(maxsize=1024)
def _styled(character: str, style: str) -> str:
    """The character in one of Unicode's mathematical alphabets, where it has that."""
    found = _LETTER.fullmatch(unicodedata.name(character, "")) if style in _STYLES else None
    if found is None:
        return character
    kind, letter = found.groups()
    older = {"FRAKTUR": "BLACK-LETTER"}.get(_STYLES[style], _STYLES[style])
    for name in (f"MATHEMATICAL {_STYLES[style]} {kind} {letter}", f"{older} {kind} {letter}"):
        try:
            return unicodedata.lookup(name)
        except KeyError:
            continue
    return character
