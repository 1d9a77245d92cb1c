"""What single TeX macros, accents and scripts look like in Unicode."""

import unicodedata
from functools import lru_cache

from pylatexenc.latex2text import LatexNodes2Text, get_default_latex_context_db

OPERATORS = frozenset(
    "arccos arcsin arctan arg argmax argmin cos cosh cot det diag dim exp gcd inf ker lim log ln max min mod Pr rank "
    "sin sinh sup tan tanh tr".split()
)
"""Macros that stand for their own name."""

COMBINING = {
    '"': "\u0308",
    "'": "\u0301",
    "`": "\u0300",
    "^": "\u0302",
    "~": "\u0303",
    "=": "\u0304",
    ".": "\u0307",
    "u": "\u0306",
    "v": "\u030c",
    "H": "\u030b",
    "c": "\u0327",
    "d": "\u0323",
    "b": "\u0331",
    "k": "\u0328",
    "r": "\u030a",
}
"""TeX's text accents and the combining characters that put them on the letter before."""

MATH_COMBINING = {
    "acute": "\u0301",
    "bar": "\u0304",
    "breve": "\u0306",
    "check": "\u030c",
    "ddot": "\u0308",
    "dot": "\u0307",
    "grave": "\u0300",
    "hat": "\u0302",
    "mathring": "\u030a",
    "overline": "\u0304",
    "tilde": "\u0303",
    "vec": "\u20d7",
    "widehat": "\u0302",
    "widetilde": "\u0303",
}
"""The same for mathematics."""

_MORE = {
    "|": "‖",
    "S": "§",
    "P": "¶",
    "checkmark": "✓",
    "circ": "∘",
    "colon": ":",
    "copyright": "©",
    "degree": "°",
    "dots": "…",
    "euro": "€",
    "land": "∧",
    "lbrace": "{",
    "lnot": "¬",
    "lor": "∨",
    "lvert": "|",
    "mid": "|",
    "ne": "≠",
    "pounds": "£",
    "prime": "′",
    "rbrace": "}",
    "rvert": "|",
    "textasciitilde": "~",
    "textdollar": "$",
    "vert": "|",
}
_RAISED = dict(
    zip(
        "0123456789+-−=()abcdefghijklmnoprstuvwxyzABDEGHIJKLMNOPRTUVW⊤αβγδθιφχ",
        "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁼⁽⁾ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻᴬᴮᴰᴱᴳᴴᴵᴶᴷᴸᴹᴺᴼᴾᴿᵀᵁⱽᵂᵀᵅᵝᵞᵟᶿᶥᵠᵡ",
        strict=True,
    )
)
_RAISED_ALREADY = {"∘": "°", "*": "*", "∗": "*", "⋆": "⋆", "′": "′", "†": "†", "‡": "‡", "°": "°"}
_LOWERED = dict(
    zip(
        "0123456789+-−=()aehijklmnoprstuvxβγρφχ",
        "₀₁₂₃₄₅₆₇₈₉₊₋₋₌₍₎ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓᵦᵧᵨᵩᵪ",
        strict=True,
    )
)
_LOWERED_ALREADY = {"⊙": "⊙", "⊕": "⊕"}


@lru_cache(maxsize=1024)
def find_symbol(name: str) -> str | None:
    """The one character that the macro `name` stands for, or None."""
    known = _MORE.get(name)
    if known is not None:
        return known
    spec = get_default_latex_context_db().get_macro_spec(name)
    replacement = getattr(spec, "simplify_repl", None)
    # pylatexenc's longer replacements are formats, today's date, or words that ate their argument.
    return replacement if isinstance(replacement, str) and len(replacement) == 1 and replacement > "~" else None


@lru_cache(maxsize=512)
def to_alphabet(alphabet: str, letter: str) -> str:
    """`letter` in one of TeX's alphabets: `mathbb` and R give ℝ. A character the alphabet lacks stays as it is."""
    return str(LatexNodes2Text(math_mode="text").latex_to_text(f"\\{alphabet}{{{letter}}}")) or letter


def put_accent(combining: str, letter: str) -> str:
    """`letter` under `combining`, as one character where Unicode has it."""
    return unicodedata.normalize("NFC", letter + combining)


def to_superscript(text: str) -> str | None:
    """`text` raised, or None where Unicode lacks a character for it."""
    return _RAISED_ALREADY.get(text) or _map_all(_RAISED, text)


def to_subscript(text: str) -> str | None:
    """`text` lowered, or None where Unicode lacks a character for it."""
    return _LOWERED_ALREADY.get(text) or _map_all(_LOWERED, text)


def _map_all(table: dict[str, str], text: str) -> str | None:
    mapped = [table.get(each) for each in text if each != " "]
    return "".join(each for each in mapped if each) if mapped and all(mapped) else None
