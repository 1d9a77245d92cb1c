"""Messages that nobody asked for, as parts: whole where that fits, else a header, and the papers in full for a thread. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass

from bot.language import tr
from bot.model.digest import Digest, DigestPaper
from bot.model.message import Message
from bot.model.paper import ArxivId
from bot.rendering.text import format_title
from handlers.command import Reply
from handlers.discord.markup import escape_reply, label, split
from handlers.discord.render import (
    TEXT_LIMIT,
    DiscordMessage,
    buttons_of,
    heading_of,
    pack,
    paginate,
    paper_text,
    render_reply,
    render_text,
    summary_of,
    title_of,
    web_links,
)

NAME_LIMIT = 100
"""How long the name of a thread or a post may be."""
_TEXT_ROOM = 900
_ENTRY_LIMIT = 200
_NOTE_ROOM = 100


@dataclass(frozen=True, slots=True)
class DigestPart:
    """One message, and the papers that it shows in full."""

    message: DiscordMessage
    papers: tuple[ArxivId, ...] = ()


def name_of(message: Message) -> str:
    """What a thread or a post with this message is called."""
    lines = format_title(message.digest).split("\n")[-1:] if message.digest else message.text.split("\n")
    return label(next((line for line in lines if line.strip()), ""), NAME_LIMIT)


def render_parts(message: Message) -> tuple[DigestPart, ...]:
    """All of the message, in order; each paper is in full in one part. Nothing to say has no parts."""
    digest = message.digest
    if not (message.text or digest or message.buttons):
        return ()
    if digest is None and not message.buttons:
        return tuple(DigestPart(each) for each in render_text(message.text))
    whole = render_reply(Reply(message.text, digest, message.detail, buttons=message.buttons, link=message.link))
    if digest is None:
        return tuple(DigestPart(each) for each in whole)
    if len(whole) == 1:
        return (DigestPart(whole[0], _ids(digest.papers)),)
    return tuple(_header_and_papers(message, digest))


def _header_and_papers(message: Message, digest: Digest) -> Iterator[DigestPart]:
    lead, *more = split(escape_reply(message.text), _TEXT_ROOM) or ("",)
    texts = [text for text in (lead, heading_of(digest), summary_of(digest)) if text]
    texts.insert(-1, _contents(digest, TEXT_LIMIT - sum(map(len, texts))))
    (header,) = pack(texts, web_links(message.link), buttons_of(Reply(buttons=message.buttons)))
    yield DigestPart(header)
    for page in paginate(more):
        yield DigestPart(DiscordMessage(texts=page))
    left = digest.papers
    for page in paginate([paper_text(each, digest, message.detail) for each in digest.papers]):
        yield DigestPart(DiscordMessage(texts=page), _ids(left[: len(page)]))
        left = left[len(page) :]


def _contents(digest: Digest, room: int) -> str:
    """Numbered, linked titles, one line each, as many as there is room for."""
    lines: list[str] = []
    for paper in digest.papers:
        line = f"{paper.place}\\. {title_of(paper.announced.paper, _ENTRY_LIMIT, is_sample=digest.is_sample)}"
        room -= len(line) + 1
        if room < _NOTE_ROOM:
            lines.append(tr("… and {count} more below.", count=len(digest.papers) - len(lines)))
            break
        lines.append(line)
    return "\n".join(lines)


def _ids(papers: tuple[DigestPaper, ...]) -> tuple[ArxivId, ...]:
    return tuple(each for shown in papers for each in shown.ids)
