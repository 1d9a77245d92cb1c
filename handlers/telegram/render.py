"""Replies as Telegram messages: HTML, the same without markup, and keyboards. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import islice

from bot.language import tr
from bot.model.card import Card
from bot.model.digest import Digest, DigestPaper, Score
from bot.model.message import Button, File
from bot.model.paper import ArxivId, Paper
from bot.rendering.clean import clean_line
from bot.rendering.scores import format_score
from bot.rendering.summaries import Body, body_of, label_of, part_lines, tldr_of
from bot.rendering.text import (
    LINK_LABEL,
    SAMPLE_LABEL,
    format_authors,
    format_card,
    format_facts,
    format_notes,
    format_summary,
    format_title,
)
from handlers.command import Reply
from handlers.telegram.text import (
    MOST_UNITS,
    Markup,
    address,
    copied,
    fitted,
    joined,
    linked,
    pack,
    plain,
    shorten,
    spoken,
    tagged,
    verbatim,
)

Keyboard = tuple[tuple[Button, ...], ...]

_CONFIG_NAME = "paperround.json"
_MOST_CAPTION = 1000
_MOST_DATA = 64
_MOST_BUTTONS = 100
_MOST_LABEL = 48
# Label length up to which so many buttons go in one row.
_ROWS = ((3, 8), (14, 3), (22, 2), (_MOST_LABEL, 1))
_MOST_TITLE = 500
_MOST_LINE = 400
_MOST_AUTHORS = 60
_MOST_ALSO = 120
_LEAST_TEXT = 40
"""Units below which the beginning of a text says nothing."""
_MOST_FOLDED = 2000
"""Units of what a digest folds away for one paper; its card has everything."""


@dataclass(frozen=True, slots=True)
class TelegramMessage:
    """One message. `plain` is what is seen of `html`, for when Telegram refuses the markup.

    `file` goes with it. `papers` are those of a digest that it shows.
    """

    html: str
    plain: str
    keyboard: Keyboard = ()
    file: File | None = None
    papers: tuple[ArxivId, ...] = ()


def render_reply(reply: Reply, *, bot_name: str = "") -> tuple[TelegramMessage, ...]:
    """The reply in as few messages as it fits, its buttons below the last; none for an empty reply.

    Links to the bot of `bot_name` stay links. Raises ValueError for buttons that Telegram does not take.
    """
    if _is_json(reply) and len(pack(verbatim(reply.text))) > 1:
        (caption,) = pack(spoken(f"{reply.heading} The configuration is in the file.".strip(), bot_name))
        return (TelegramMessage(caption.html, caption.plain, file=File(_CONFIG_NAME, reply.text)),)
    keyboard = lay_out(reply.buttons, reply.rows)
    messages = pack(_parts(reply, bot_name))
    if reply.file and (not messages or messages[-1].units > _MOST_CAPTION):
        messages.append(plain(reply.file.name))
    last = len(messages) - 1
    return tuple(
        TelegramMessage(
            each.html,
            each.plain,
            keyboard if number == last else (),
            reply.file if number == last else None,
            each.papers,
        )
        for number, each in enumerate(messages)
    )


def _parts(reply: Reply, bot_name: str) -> Iterator[tuple[str, Markup]]:
    if _is_json(reply):
        yield from spoken(reply.heading, bot_name) if reply.heading else ()
        yield from (((separator or "\n"), part) for separator, part in verbatim(reply.text))
    elif reply.text:
        yield from spoken(reply.text, bot_name)
    if reply.copy:
        yield "\n", copied(reply.copy)
    if reply.digest is not None:
        yield from (("\n\n", part) for part in _digest(reply.digest, reply.detail, reply.link))
    if reply.card is not None:
        yield "\n\n", _card(reply.card)


def _is_json(reply: Reply) -> bool:
    """Whether the text is a configuration, to be copied as it is."""
    return reply.text.startswith("{") and reply.text.endswith("}")


def _digest(digest: Digest, detail: str, link: str) -> Iterator[Markup]:
    way = linked(plain(tr(LINK_LABEL)), link) if link else Markup()
    yield joined("\n", (*(_strong(line) for line in format_title(digest).split("\n")), way))
    for paper in digest.papers:
        yield _digest_paper(paper, digest, detail)
    yield _line(format_summary(digest))


def _digest_paper(shown: DigestPaper, digest: Digest, detail: str) -> Markup:
    paper = shown.announced.paper
    head = joined(
        "\n",
        (
            plain(f"{shown.place}. ") + _title(paper, is_sample=digest.is_sample),
            _line(format_authors(paper.authors)),
            _line(format_facts(shown, digest)),
            _score(shown.score),
            _also(shown.also, is_sample=digest.is_sample),
        ),
    )
    return replace(_with_body(head, _labelled(body_of(shown, detail))), papers=shown.ids)


def _labelled(body: Body) -> Body:
    """The label at the end of what it is about: of what is folded, if anything is."""
    if not body.label:
        return body
    if body.folded:
        return replace(body, folded=(*body.folded, body.label))
    return replace(body, shown=(*body.shown, body.label))


def _with_body(head: Markup, body: Body, *more: tuple[str, ...], tail: Markup = Markup()) -> Markup:  # noqa: B008 - frozen
    """One message's worth: head and tail whole, then as far as there is room what is shown, and quotes folded away."""
    room = MOST_UNITS - head.units - tail.units - 2
    parts = [_fitted_lines(body.shown, room)]
    for folded in (body.folded, *more):
        room -= parts[-1].units + 1
        quote = _fitted_lines(folded, min(room, MOST_UNITS if more else _MOST_FOLDED))
        parts.append(tagged("blockquote expandable", quote) if quote.plain else quote)
    return joined("\n", (head, *parts, tail))


def _fitted_lines(lines: Sequence[str], room: int) -> Markup:
    """As many of the lines as fit, the last shortened; all of the first that fits, even if little."""
    fitting = Markup()
    for line in lines:
        left = room - fitting.units - 1
        if left < _LEAST_TEXT:
            break
        fitting = joined("\n", (fitting, fitted(line, left)))
    return fitting


def _card(card: Card) -> Markup:
    paper = card.announced.paper
    head = joined(
        "\n",
        (
            _strong(tr(SAMPLE_LABEL)) if card.is_sample else Markup(),
            _title(paper, is_sample=True),
            fitted(clean_line(format_authors(paper.authors, _MOST_AUTHORS)), 3 * _MOST_LINE),
            _line(format_card(card)),
            *map(_line, format_notes(card)),
            _score(card.score) if card.score is not None else Markup(),
        ),
    )
    return _with_body(
        head, _card_body(card), (clean_line(paper.abstract),), tail=Markup() if card.is_sample else _links(paper)
    )


def _card_body(card: Card) -> Body:
    if card.summary is None:
        return Body()
    return Body((tldr_of(card.summary), label_of(card.summary)), tuple(part_lines(card.summary)))


def _links(paper: Paper) -> Markup:
    """The paper's pages; the first shows its address, for where markup is refused."""
    page = linked(address(paper.link.removeprefix("https://")), paper.link)
    others = (linked(plain(kind), f"https://arxiv.org/{kind}/{paper.versioned_id}") for kind in ("pdf", "html"))
    return joined(" · ", (page, *others))


def _title(paper: Paper, *, is_sample: bool) -> Markup:
    """The title, linked to its page; what is invented has no page."""
    title = shorten(clean_line(paper.title), _MOST_TITLE) or paper.id
    return _strong(title) if is_sample else linked(plain(title), paper.link)


def _score(score: Score) -> Markup:
    return _line(format_score(score)) if score.reasons else Markup()


def _also(papers: Sequence[Paper], *, is_sample: bool) -> Markup:
    """The papers that are nearly the same, in one line with links; nothing where there are none."""
    if not papers:
        return Markup()
    ids = (plain(each.id) if is_sample else linked(plain(each.id), each.link) for each in papers)
    others = (each + plain(" ") + _line(paper.title, _MOST_ALSO) for each, paper in zip(ids, papers, strict=True))
    return plain(tr("also:") + " ") + joined(" · ", others)


def _strong(text: str) -> Markup:
    return tagged("b", _line(text, _MOST_TITLE))


# Thousands of chats get the same titles, authors and reasons within minutes.
@lru_cache(maxsize=4096)
def _line(text: str, most: int = _MOST_LINE) -> Markup:
    return plain(shorten(clean_line(text), most))


def lay_out(buttons: Sequence[Button], counts: Sequence[int] = ()) -> Keyboard:
    """The buttons in their order: so many in each row, or else short labels side by side."""
    if len(buttons) > _MOST_BUTTONS:
        raise ValueError(f"{len(buttons)} buttons are more than Telegram's {_MOST_BUTTONS}")
    checked = map(_checked, buttons)
    if counts:
        return tuple(tuple(islice(checked, count)) for count in counts)
    rows: list[tuple[Button, ...]] = []
    width = 0
    for button in checked:
        per_row = next(count for length, count in _ROWS if len(button.label) <= length)
        if rows and width == per_row and len(rows[-1]) < per_row:
            rows[-1] = (*rows[-1], button)
        else:
            rows.append((button,))
        width = per_row
    return tuple(rows)


def _checked(button: Button) -> Button:
    if not 0 < len(button.line.encode()) <= _MOST_DATA:
        raise ValueError(f"a button's line has 1 to {_MOST_DATA} bytes, and this one has not: {button.line!r}")
    return Button(shorten(clean_line(button.label), _MOST_LABEL) or "·", button.line)
