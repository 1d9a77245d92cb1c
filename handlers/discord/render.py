"""Replies as Discord messages. Pure.

Whatever has buttons, papers or a card uses Components V2, so that a message with buttons can be replaced by any other;
Discord never lets such a message go back to plain text. Lengths are counted in code points. Sources:
https://docs.discord.com/developers/components/reference, https://docs.discord.com/developers/resources/message
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import TypeVar

from bot.language import tr
from bot.model.card import Card
from bot.model.digest import Digest, DigestPaper, Score
from bot.model.message import Button, File
from bot.model.paper import Paper
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
from handlers.discord.markup import cut, escape, escape_line, escape_reply, label, split

CONTENT_LIMIT = 2000
TEXT_LIMIT = 4000
COMPONENT_LIMIT = 40
ID_LIMIT = 100
LABEL_LIMIT = 80
ROW_SIZE = 5
MENU_SIZE = 25
MOST_BUTTONS = 15
"""More buttons than these become menus, unless it is said how they stand in rows."""
_MOST_MENUS = 8
_TITLE_LIMIT, _LINE_LIMIT = 600, 800
_ALSO_LIMIT, _LABEL_LIMIT = 120, 200
_HEADER_LIMIT = 1500
_LEAST_TEXT = 40
"""Code points below which the beginning of a text says nothing."""
_FILE_LIMIT = 1900
_CONFIG_NAME = "paperround.json"
_HEADING_LIMIT = 300

_Item = TypeVar("_Item")

ANSWER = "answer "
"""A button whose line begins so opens a form; what is typed there completes the rest of the line."""


@dataclass(frozen=True, slots=True)
class Link:
    """A button that opens a page."""

    label: str
    url: str


@dataclass(frozen=True, slots=True)
class DiscordMessage:
    """One message: plain `content`, or Components V2 made of the rest. Raises ValueError beyond Discord's limits.

    `texts` share one container. `buttons` go in rows, of so many each as `rows` says; `options` are what menus offer. `file` is attached.
    """

    content: str = ""
    texts: tuple[str, ...] = ()
    links: tuple[Link, ...] = ()
    buttons: tuple[Button, ...] = ()
    options: tuple[Button, ...] = ()
    file: File | None = None
    rows: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        lines = [each.line for each in (*self.buttons, *self.options)]
        if any(not 0 < len(line) <= ID_LIMIT for line in lines) or len(set(lines)) < len(lines):
            raise ValueError(f"a button's line is empty, twice there, or longer than {ID_LIMIT}: {lines}")
        if bool(self.content) == bool(self.texts) or not all(each.strip() for each in self.texts):
            raise ValueError("a message has either content or texts, and none is empty")
        if len(self.content) > CONTENT_LIMIT or sum(map(len, self.texts)) > TEXT_LIMIT:
            raise ValueError("a message is longer than Discord takes")
        if self.component_count > COMPONENT_LIMIT or (self.content and self.component_count > 1):
            raise ValueError("a message has more components than Discord takes")

    @property
    def component_count(self) -> int:
        """The components as Discord counts them, nested ones too."""
        return 1 + len(self.texts) + _count_controls(self.links, self.buttons, self.options, self.rows)


def in_rows(items: Sequence[_Item], counts: Sequence[int] = ()) -> tuple[tuple[_Item, ...], ...]:
    """So many of the items in each row as `counts` says; where it is empty, as many as Discord takes."""
    left = iter(items)
    return tuple(tuple(islice(left, count)) for count in counts or (ROW_SIZE,) * -(-len(items) // ROW_SIZE))


def _count_controls(
    links: Sequence[Link], buttons: Sequence[Button], options: Sequence[Button], rows: Sequence[int]
) -> int:
    row_count = len(in_rows(links)) + len(in_rows(buttons, rows))
    return len(links) + len(buttons) + row_count + 2 * -(-len(options) // MENU_SIZE)


def render_reply(reply: Reply, *, as_components: bool = False) -> tuple[DiscordMessage, ...]:
    """The reply as one message or several, the controls on the last. `as_components`: it replaces such a message."""
    buttons = buttons_of(reply)
    if not (reply.digest or reply.card or buttons or as_components):
        return _plain(reply)
    texts = list(split(escape_reply(reply.text), TEXT_LIMIT - 500))
    texts += [_block(reply.copy)] if reply.copy else []
    if reply.digest is not None:
        texts += _digest_texts(reply.digest, reply.detail)
    if reply.card is not None:
        texts += _card_texts(reply.card)
    links = _links(reply.card.announced.paper) if reply.card and not reply.card.is_sample else web_links(reply.link)
    rows = reply.rows if sum(reply.rows) == len(buttons) else ()
    return pack(texts or [tr("Done.")], links, buttons, rows)


def render_text(text: str) -> tuple[DiscordMessage, ...]:
    """Plain text as plain text, whatever it begins with."""
    pieces = split(escape_reply(text), CONTENT_LIMIT) or (tr("Done."),)
    return tuple(DiscordMessage(content=each) for each in pieces)


def to_plain(message: DiscordMessage) -> tuple[DiscordMessage, ...]:
    """The texts of a message without any components, for where Discord refuses them."""
    if message.content:
        return (message,)
    return tuple(DiscordMessage(content=each) for each in split("\n\n".join(message.texts), CONTENT_LIMIT))


def limited(messages: tuple[DiscordMessage, ...], most: int) -> tuple[DiscordMessage, ...]:
    """At most so many of the messages; where that is not all, the last says so, and has the controls of the last one."""
    if len(messages) <= most:
        return messages
    count = len(messages) - most + 1
    note = tr("… and {count} more messages, which are too many here. /settings set max_papers 5 helps.", count=count)
    last = messages[-1]
    closing = DiscordMessage(content=note) if last.content else replace(last, texts=(note,))
    return (*messages[: most - 1], closing)


def _block(text: str) -> str:
    """A text to be copied; it holds no backticks."""
    return f"```\n{text}\n```"


def _plain(reply: Reply) -> tuple[DiscordMessage, ...]:
    text, heading = reply.text, reply.heading
    if reply.copy:
        return (*(render_text(text) if text else ()), DiscordMessage(content=_block(reply.copy)))
    if reply.file is not None:
        *others, last = render_text(text or reply.file.name)
        return (*others, replace(last, file=reply.file))
    if text.startswith("{"):  # a configuration, to be copied as it is
        safe = text.replace("`", "\\u0060").replace("@", "\\u0040")
        lead = escape_line(heading, _HEADING_LIMIT)
        if len(safe) + len(lead) <= _FILE_LIMIT:
            return (DiscordMessage(content=f"{lead}\n```json\n{safe}\n```".strip()),)
        return (
            DiscordMessage(
                content=f"{lead} {tr('The configuration is in the file.')}".strip(), file=File(_CONFIG_NAME, text)
            ),
        )
    return render_text(text)


def buttons_of(reply: Reply) -> tuple[Button, ...]:
    """The reply's buttons, no line twice (Discord refuses that), and one to answer a question with."""
    wanted = [*reply.buttons, Button(tr("Answer"), f"{ANSWER}{reply.expects}")] if reply.expects else reply.buttons
    return tuple({each.line: Button(label(each.label, LABEL_LIMIT), each.line) for each in wanted}.values())


def pack(
    texts: Sequence[str], links: tuple[Link, ...], buttons: tuple[Button, ...], rows: tuple[int, ...] = ()
) -> tuple[DiscordMessage, ...]:
    """As many texts in each message as fit, whole, and room for the controls in the last."""
    options = buttons[: _MOST_MENUS * MENU_SIZE] if len(buttons) > MOST_BUTTONS and not rows else ()
    shown = () if options else buttons
    room = COMPONENT_LIMIT - 1 - _count_controls(links, shown, options, rows)
    *pages, last = paginate(texts)
    if len(last) > room:
        pages.append(last[:room])
        last = last[room:]
    messages = [DiscordMessage(texts=page) for page in pages]
    return (*messages, DiscordMessage(texts=last, links=links, buttons=shown, options=options, rows=rows))


def paginate(texts: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    """The texts in order, as many in each message as fit."""
    pages: list[list[str]] = []
    for text in texts:
        if not pages or len(pages[-1]) == COMPONENT_LIMIT - 1 or sum(map(len, pages[-1])) + len(text) > TEXT_LIMIT:
            pages.append([])
        pages[-1].append(text)
    return tuple(map(tuple, pages))


def _digest_texts(digest: Digest, detail: str) -> Iterator[str]:
    yield heading_of(digest)
    for paper in digest.papers:
        yield paper_text(paper, digest, detail)
    yield summary_of(digest)


def heading_of(digest: Digest) -> str:
    """The digest's title in bold."""
    heading = cut(
        "\n".join(escape_line(line, _HEADER_LIMIT) for line in format_title(digest).split("\n")), _HEADER_LIMIT
    )
    return "\n".join(f"**{line}**" for line in heading.split("\n"))


def summary_of(digest: Digest) -> str:
    """In small print, how many papers are shown, and why the others are not."""
    return f"-# {escape_line(format_summary(digest), _LINE_LIMIT)}"


def paper_text(paper: DigestPaper, digest: Digest, detail: str) -> str:
    """One paper of a digest with all that is said of it."""
    shown = paper.announced.paper
    lines = [
        f"**{paper.place}\\. {title_of(shown, is_sample=digest.is_sample)}**",
        escape_line(format_authors(shown.authors), _LINE_LIMIT),
        f"-# {escape_line(format_facts(paper, digest), _LINE_LIMIT)}",
        *_score_lines(paper.score),
        *_also_lines(paper.also, is_sample=digest.is_sample),
    ]
    return _with_body(lines, body_of(paper, detail), TEXT_LIMIT)


def _card_texts(card: Card) -> Iterator[str]:
    paper = card.announced.paper
    if card.is_sample:
        yield f"**{escape(tr(SAMPLE_LABEL))}**"
    lines = [
        f"**{title_of(paper, is_sample=card.is_sample)}**",
        escape_line(format_authors(paper.authors, most=30), 2 * _LINE_LIMIT),
        f"-# {escape_line(format_card(card), _LINE_LIMIT)}",
    ]
    lines += [escape_line(note, _LINE_LIMIT) for note in format_notes(card)]
    lines += _score_lines(card.score) if card.score else []
    yield _with_body(lines, _card_body(card), TEXT_LIMIT - 100)


def _card_body(card: Card) -> Body:
    abstract = card.announced.paper.abstract
    if card.summary is None:
        return Body((abstract,))
    summary = (tldr_of(card.summary), *part_lines(card.summary))
    return Body((*summary, tr("Abstract: {text}", text=abstract)), label=label_of(card.summary))


def title_of(paper: Paper, limit: int = _TITLE_LIMIT, *, is_sample: bool) -> str:
    """The title as a link. Square brackets, even escaped, would end it too early."""
    title = escape_line(paper.title.replace("[", "［").replace("]", "］"), limit) or paper.id
    return title if is_sample else f"[{title}]({paper.link})"


def _score_lines(score: Score) -> list[str]:
    if not score.reasons:
        return []
    return [escape_line(format_score(score), _LINE_LIMIT)]


def _also_lines(papers: Sequence[Paper], *, is_sample: bool) -> list[str]:
    """The papers that are nearly the same, in one line with links; none where there are none."""
    ids = (each.id if is_sample else f"[{each.id}]({each.link})" for each in papers)
    others = (f"{each} {escape_line(paper.title, _ALSO_LIMIT)}" for each, paper in zip(ids, papers, strict=True))
    return [f"-# {tr('also:')} {' · '.join(others)}"] if papers else []


def _with_body(lines: list[str], body: Body, limit: int) -> str:
    """The lines whole, then as much of the body as there is room for, and in small print who wrote it."""
    label = f"-# {escape_line(body.label, _LABEL_LIMIT)}" if body.label else ""
    text = "\n".join(line for line in lines if line)
    room = limit - len(label) - 1
    for line in body.unfolded:
        if room - len(text) - 1 < _LEAST_TEXT:
            break
        text += f"\n{escape_line(line, room - len(text) - 1)}"
    return f"{text}\n{label}" if label else text


def web_links(url: str) -> tuple[Link, ...]:
    """The way to a digest on the web; none where it is nowhere."""
    return (Link(tr(LINK_LABEL), url),) if url else ()


def _links(paper: Paper) -> tuple[Link, ...]:
    pages = {tr("Abstract"): "abs", "PDF": "pdf", "HTML": "html"}
    return tuple(Link(name, f"https://arxiv.org/{page}/{paper.id}") for name, page in pages.items())
