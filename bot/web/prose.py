"""arXiv's titles and abstracts as HTML, their formulas as MathML. Pure."""

from markupsafe import Markup, escape

from bot.language import tr
from bot.rendering.clean import clean
from bot.rendering.latex import Piece, to_pieces
from bot.web.mathml import to_mathml, width_of

_WIDE, _WIDE_TITLE = 30, 20
"""Characters from which a formula may not fit the width of a phone: it gets a line of its own that can be scrolled, and in a
title it is text, which wraps.
"""


def title_html(raw: str, readable: str) -> Markup:
    """The title on one line; `raw` as arXiv wrote it, or empty where only the readable form is known."""
    pieces = [piece for paragraph in to_pieces(raw) for piece in (*paragraph, Piece(" "))]
    return _html(pieces, is_title=True).strip() if raw else escape(clean(readable))


def abstract_html(raw: str, readable: str) -> tuple[Markup, ...]:
    """The paragraphs of the abstract."""
    if raw:
        return tuple(_html(each) for each in to_pieces(raw))
    return tuple(escape(each) for each in clean(readable).split("\n") if each.strip())


def _html(pieces: "list[Piece] | tuple[Piece, ...]", *, is_title: bool = False) -> Markup:
    return Markup("").join(
        _formula(each, is_title=is_title) if each.tex else escape(clean(each.text)) for each in pieces
    )


def _formula(piece: Piece, *, is_title: bool) -> Markup:
    mathml = to_mathml(piece.tex)
    if mathml is None:
        return Markup('<code class="tex">{}</code>').format(clean(piece.text))
    formula = Markup(mathml)  # noqa: S704 - written by ourselves, every text in it escaped
    width = width_of(mathml)
    if is_title:
        return formula if width < _WIDE_TITLE else escape(clean(piece.text))
    if width < _WIDE:
        return formula
    return Markup('<span class="wide" tabindex="0" role="group" aria-label="{}">{}</span>').format(
        tr("Formula"), formula
    )
