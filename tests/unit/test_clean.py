"""What is taken out of other people's text before any platform shows it."""

import unicodedata

import pytest

from bot.rendering.clean import clean, clean_line, without_hidden
from handlers.command import Reply
from handlers.console.render import render_reply as render_console
from handlers.discord.render import render_reply as render_discord
from handlers.telegram.render import render_reply as render_telegram

HIDING = [
    *map(chr, (*range(0x09), *range(0x0B, 0x0D), *range(0x0E, 0x20), *range(0x7F, 0xA0), 0xAD, 0x34F, 0x61C, 0x200B)),
    *"\u200d\u202e\u2060\u2066\u2800\u3164\ufeff\uffa0\ufffc\ud800\U000e0041\U0001d173",
]


@pytest.mark.parametrize("character", HIDING)
def test_what_hides_or_reorders_is_taken_out_everywhere(character):
    """A terminal is not moved, a reading direction not turned, and nothing is invisible."""
    assert clean(f"a{character}b") == without_hidden(f"a{character}b") == "ab"
    text = f"left{character}right"
    shown = (
        render_console(Reply(text), width=80, colour=False),
        render_telegram(Reply(text))[0].plain,
        render_discord(Reply(text))[0].content,
    )
    assert shown == ("leftright",) * 3


def test_every_control_and_direction_is_known():
    """Unicode's own classes of controls and of invisible formatting are covered where a font would not show them."""
    wanted = {"Cc", "Cs"}
    kept = [chr(n) for n in range(0x11000) if unicodedata.category(chr(n)) in wanted and chr(n) in clean(chr(n))]
    assert kept == ["\n"]


def test_lines_end_in_one_way():
    """Whatever ends a line does, and a tab is a blank."""
    assert clean("a\r\nb\rc\u2028d\u2029e\tf") == "a\nb\nc\nd\ne f"
    assert clean_line(" a\r\n b\t\tc ") == "a b c"


def test_no_tower_of_marks_stands():
    """Four marks are enough for every living script, and no more stay."""
    assert clean("Z" + "\u0336" * 80) == "Z" + "\u0336" * 4
    assert clean_line("Z" + "\u0336" * 80, 3) == "Z" + "\u0336" * 3
    for text in ("Việt Nam", "ভাষা", "ภาษาไทย", "הַבְּרִית", "हिन्दी", "ḗ"):
        assert clean(unicodedata.normalize("NFD", text)) == unicodedata.normalize("NFD", text)


def test_a_copy_keeps_its_tabs_and_marks():
    """What is to be copied loses only what cannot be seen."""
    assert without_hidden("a\tb" + "\u0301" * 9) == "a\tb" + "\u0301" * 9
