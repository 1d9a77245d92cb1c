"""arXiv's one string of authors, as names. Pure."""

import re

from bot.rendering.latex import to_readable

_MAX_NESTING = 3
_GROUP = r"(?:Collaborations?|Consortium|Teams?|Group|Project|Network)"
_FOOTNOTES = re.compile(r"\$\s*\^\s*\{?[\w\s,*†‡§\\]*\}?\s*\$")
_PARENTHESES = re.compile(r"\(([^()]*)\)")
_FOR_GROUP = re.compile(rf"\s(?:on behalf of|for)\s(?=[^,;]{{0,100}}\b{_GROUP}\b)", re.IGNORECASE)
_GROUPS = re.compile(rf"\b{_GROUP}\b", re.IGNORECASE)
_AND = re.compile(r"(?:^|\s)(?:and|&)\s")
_AND_THE = re.compile(r"(?:^|\s)(?:and|&)\s(?=the\s)")
_SUFFIX = re.compile(r"(?:Jr|Sr|Ph\.?\s?D)\.?|I{2,3}|IV", re.IGNORECASE)
_TEX_REST = re.compile(r"[\\{}$]|[⁰¹²³⁴-⁹]")


def split_authors(raw: str) -> tuple[str, ...]:
    """The readable names in `raw`, in order, without affiliations, footnote marks or any TeX left over.

    A collaboration is an author of its own, be it listed, in parentheses or after `for the` or `on behalf of`.
    `Jr.`, `III` and the like stay with their name.
    """
    text = to_readable(" ".join(_FOOTNOTES.sub("", raw).split()))
    names: list[str] = []
    for piece in re.split(r"[,;]", _FOR_GROUP.sub(", ", _without_affiliations(text))):
        between = _AND_THE if _GROUPS.search(piece) else _AND
        for part in between.split(piece):
            _append_name(names, " ".join(_TEX_REST.sub("", part).split()))
    return tuple(names)


def _append_name(names: list[str], name: str) -> None:
    if names and _SUFFIX.fullmatch(name):
        names[-1] += f" {name}"
    elif any(each.isalpha() for each in name):
        names.append(name)


def _without_affiliations(text: str) -> str:
    """Innermost parentheses first, so that `((1) MIT, (2) CERN)` goes as a whole."""
    for _ in range(_MAX_NESTING):
        text = _PARENTHESES.sub(_keep_group, text)
    return " ".join(text.split())


def _keep_group(found: re.Match[str]) -> str:
    inner = found[1].strip()
    return f", {inner}" if re.fullmatch(rf"[^,;]*\b{_GROUP}", inner) else " "
