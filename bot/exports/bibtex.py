"""BibTeX in UTF-8, as biber and every BibTeX of the last decade read it. Pure.

Text from arXiv is escaped, so that a title can neither end its field nor run a command. Formulas stay TeX where the
whole of them is known to be harmless. Braces never come escaped: BibTeX counts them all the same.
"""

import re
import unicodedata
from collections.abc import Iterable

from bot.exports.names import Name
from bot.exports.reference import Reference
from bot.rendering.clean import clean_line
from bot.rendering.latex import to_readable
from bot.rendering.tex_math import convert_math

_SPECIAL = {
    "\\": r"\textbackslash{}",
    "{": r"\textbraceleft{}",
    "}": r"\textbraceright{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "`": r"\textasciigrave{}",
    **{sign: f"\\{sign}" for sign in "%&#_$"},
}
_ESCAPES = str.maketrans(_SPECIAL)
_FORMULA = re.compile(r"(\$[^$]+\$)")
_NO_FORMULA = re.compile(r"[%#&~`\n]")


def write_bibtex(references: Iterable[Reference]) -> str:
    """One entry each, with a blank line between; keys are unique as ids are, and the same in every export."""
    return "\n".join(map(bibtex_entry, references))


def bibtex_entry(reference: Reference) -> str:
    """One `@misc` entry, as arXiv itself writes them, with a line end."""
    fields = {
        "title": f"{{{_title(reference)}}}",  # doubled braces: no style may change any capital
        "author": " and ".join(map(_author, reference.names)),
        "year": str(reference.year),
        "eprint": reference.id,
        "archivePrefix": "arXiv",
        "primaryClass": reference.primary,
        "doi": reference.doi,
        "url": f"https://arxiv.org/abs/{reference.id}",
        "note": _escape(clean_line(reference.paper.journal_ref)),
    }
    width = max(map(len, fields))
    lines = [f"  {name:<{width}} = {{{value}}}" for name, value in fields.items() if value]
    return "\n".join([f"@misc{{{bibtex_key(reference)},", ",\n".join(lines), "}", ""])


def bibtex_key(reference: Reference) -> str:
    """`vale-2608.11232`: the first author's family name in ASCII letters, and the id."""
    family = reference.names[0].family if reference.names else "arxiv"
    plain = unicodedata.normalize("NFKD", family).encode("ascii", "ignore").decode()
    letters = re.sub("[^a-z]", "", plain.lower())
    return f"{letters or 'arxiv'}-{reference.id.replace('/', '-')}"


def _author(name: Name) -> str:
    family, given, suffix = (_escape(each) for each in (name.family, name.given, name.suffix))
    if name.is_group or not given:
        return f"{{{family}}}"
    return ", ".join(part for part in (_guarded(family), suffix, _guarded(given)) if part)


def _guarded(part: str) -> str:
    """In braces where the word that separates authors stands in it."""
    return f"{{{part}}}" if "and" in part.lower().split() else part


def _title(reference: Reference) -> str:
    raw = " ".join(reference.paper.raw_title.split())
    if "$" not in raw:
        return _escape(reference.title)
    return "".join(_formula_or_text(each) for each in _FORMULA.split(raw)).strip()


def _formula_or_text(piece: str) -> str:
    if _FORMULA.fullmatch(piece) and _is_harmless(piece):
        return piece
    readable = clean_line(to_readable(piece))
    blanks = (" " if piece[:1] == " " else "", " " if piece[-1:] == " " and readable else "")
    return f"{blanks[0]}{_escape(readable)}{blanks[1]}"


def _is_harmless(formula: str) -> bool:
    """Whether all of it is mathematics that we can read ourselves, which no command with an effect is."""
    if _NO_FORMULA.search(formula) or to_readable(formula) == formula or convert_math(formula[1:-1]) is None:
        return False
    depth = 0
    for sign in formula:
        depth += {"{": 1, "}": -1}.get(sign, 0)
        if depth < 0:
            return False
    return depth == 0


def _escape(text: str) -> str:
    return text.translate(_ESCAPES)
