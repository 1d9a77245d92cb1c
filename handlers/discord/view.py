"""Our messages as discord.py's arguments for sending."""

import io
from collections.abc import Iterator, Mapping
from typing import Any

import discord
from discord import ui

from bot.language import tr
from bot.model.message import Button
from handlers.discord.render import ANSWER, LABEL_LIMIT, MENU_SIZE, DiscordMessage, Link, in_rows, to_plain

_FIELD = "text"
_MOST_TYPED = 4000


def to_arguments(message: DiscordMessage) -> dict[str, Any]:
    """What `send` takes, but for files."""
    return {"content": message.content} if message.content else {"view": to_view(message)}


def to_files(message: DiscordMessage) -> list[discord.File]:
    """The files of the message."""
    if not message.file:
        return []
    return [discord.File(io.BytesIO(message.file.text.encode()), filename=message.file.name)]


def to_view(message: DiscordMessage) -> ui.LayoutView:
    """The message as Components V2; needs a running loop."""
    view = ui.LayoutView(timeout=None)
    for each in _items(message):
        view.add_item(each)
    view.stop()  # a view that listens is kept for ever; a press says all by its custom_id, also after a restart
    return view


def to_payload(message: DiscordMessage) -> dict[str, Any]:
    """The message, less its file, as Discord's API takes it."""
    flags = discord.MessageFlags(suppress_embeds=True, components_v2=not message.content)
    shown = {"content": message.content} if message.content else {"components": _components(message)}
    return {**shown, "flags": flags.value, "allowed_mentions": {"parse": []}}


def to_plain_payloads(payload: Mapping[str, Any]) -> tuple[dict[str, Any], ...]:
    """The same words without any components, for where Discord refuses them."""
    if "content" in payload:
        return (dict(payload),)
    return tuple(map(to_payload, to_plain(DiscordMessage(texts=texts_in(payload)))))


def texts_in(payload: Mapping[str, Any]) -> tuple[str, ...]:
    """What a message says, ours or one that Discord tells us of, but for the words on its controls."""
    found = [str(payload["content"])] if payload.get("content") else []
    for each in payload.get("components") or ():
        if each.get("type") == discord.ComponentType.text_display.value:
            found.append(str(each.get("content", "")))
        found += texts_in({"components": each.get("components")})
    return tuple(found)


def _components(message: DiscordMessage) -> list[dict[str, Any]]:
    return [each.to_component_dict() for each in _items(message)]


def _items(message: DiscordMessage) -> Iterator[ui.Item[ui.LayoutView]]:
    yield ui.Container(*(ui.TextDisplay(each) for each in message.texts))
    for row in (*in_rows(_links(message.links)), *in_rows(_buttons(message.buttons), message.rows)):
        yield ui.ActionRow(*row)
    for start in range(0, len(message.options), MENU_SIZE):
        yield ui.ActionRow(_menu(message.options[start : start + MENU_SIZE], start))


def _links(links: tuple[Link, ...]) -> list[ui.Button[ui.LayoutView]]:
    return [ui.Button(label=each.label, url=each.url) for each in links]


def _buttons(buttons: tuple[Button, ...]) -> list[ui.Button[ui.LayoutView]]:
    return [ui.Button(label=each.label, custom_id=each.line) for each in buttons]


def _menu(options: tuple[Button, ...], start: int) -> ui.Select[ui.LayoutView]:
    choices = [discord.SelectOption(label=each.label[:LABEL_LIMIT], value=each.line) for each in options]
    hint = tr(
        "{first} to {last}: {begin} … {end}",
        first=start + 1,
        last=start + len(options),
        begin=options[0].label,
        end=options[-1].label,
    )
    return ui.Select(custom_id=f"menu {start}", placeholder=hint[:150], options=choices)


def to_form(question: str) -> ui.Modal:
    """A form for one answer; `question` is the command line that the answer completes."""
    form = ui.Modal(title=tr("Your answer"), custom_id=f"{ANSWER}{question}", timeout=None)
    field: ui.TextInput[ui.Modal] = ui.TextInput(
        custom_id=_FIELD, style=discord.TextStyle.paragraph, max_length=_MOST_TYPED
    )
    form.add_item(ui.Label(text=tr("Answer"), component=field))
    form.stop()
    return form


def typed_text(components: list[dict[str, Any]]) -> str:
    """What was typed into the form, from the submitted components."""
    for outer in components:
        for each in [outer.get("component") or {}, *outer.get("components", [])]:
            if each.get("custom_id") == _FIELD:
                return str(each.get("value", ""))
    return ""
