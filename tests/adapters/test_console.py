"""The terminal chat: lines in, replies out."""

import io
from dataclasses import replace

import pytest

from handlers.commands import COMMANDS
from handlers.console.bot import ConsoleBot, completions, is_interactive, piped_lines, wants_colour
from handlers.console.messenger import ConsoleMessenger
from tests.build import CHAT, make_batch, make_paper
from tests.fake_source import FakeSource
from tests.world import World

PAPER = make_paper("2611.00001", "Small KV Caches", "We shrink the kv cache.", categories=("cs.CL",))


async def talk(*lines, world=None):
    """What the terminal shows for these lines, one string per reply."""
    world = world or World(make_batch(PAPER))
    await world.storage.open()
    shown = []

    async def typed():
        for line in lines:
            yield line

    await ConsoleBot(world.services, COMMANDS, shown.append, world.remarks.append).run(typed())
    return shown


async def test_a_whole_talk():
    """Add a category and a topic, read the digest, ask why."""
    shown = await talk("/categories add cs.CL\n", "  /topics add kv cache ", "", "/digest", "/why 2611.00001")
    assert len(shown) == 4
    assert "1. Small KV Caches" in shown[2]
    assert "in place 1" in shown[3]


async def test_a_card_is_shown_in_full():
    """Every author, the whole abstract, all links, and the commands behind the buttons; a mark is confirmed first."""
    authors = tuple(f"Author{number} Vale" for number in range(12))
    paper = make_paper("2611.00001", "Small KV Caches", "We shrink it. " * 60, authors=authors)
    world = World(make_batch(paper))
    shown = await talk("/categories add cs.CL", "/topics add shrink", "/digest", "/paper 2611.00001", world=world)
    words = " ".join(shown[3].split())
    assert words.startswith("Small KV Caches Author0 Vale")
    assert "Author11 Vale" in words
    assert words.count("We shrink it.") == 60
    assert "Score " in words
    assert "cs.CL · new · 2611.00001v1 · Friday 20 November 2026" in words
    for name in ("abs", "pdf", "html"):
        assert f"https://arxiv.org/{name}/2611.00001" in words
    assert "💾 /mark save 2611.00001" in words
    assert "Follow /follow 2611.00001" in words
    shown = await talk("/mark save 2611.00001", world=world)
    assert shown[0].startswith("Saved.\n\nSmall KV Caches")
    assert "💾 ✓ /mark save 2611.00001" in " ".join(shown[0].split())


async def test_a_card_of_the_sample_says_so_and_has_no_links():
    """An invented paper is labelled; nothing leads to arXiv."""
    world = World(sample=FakeSource(replace(make_batch(PAPER), is_sample=True)))
    [shown] = await talk("/paper 2611.00001", world=world)
    assert shown.startswith("SAMPLE of invented papers")
    assert "https://" not in shown
    assert "/mark" not in shown


async def test_a_card_cannot_move_the_cursor():
    """Control characters in what arXiv says are dropped; a digest and lists show no buttons."""
    world = World(make_batch(make_paper("2611.00001", "Evil\x1b[2J", "\x1b]0;title\x07 Wide.", authors=("A\x9b1m",))))
    shown = await talk("/categories add cs.CL", "/digest", "/paper 2611.00001", "/categories", world=world)
    assert not set("\x1b\x07\x9b") & set("".join(shown))
    assert "/paper" not in shown[1]
    assert "#" not in shown[3]


async def test_quit_ends_the_talk():
    """Nothing after /quit is read."""
    assert await talk("/QUIT", "/help") == []


async def test_plain_text_answers_the_last_question():
    """The guided set-up takes its answers without a slash."""
    shown = await talk("/start", "cs.CL", "kv cache", "8:30", "Berlin")
    assert "2 of 3" in shown[1]
    assert "3 of 3" in shown[2]
    assert "Where is that hour?" in shown[3]
    assert "1. Small KV Caches" in shown[4]


async def test_a_command_is_never_swallowed_by_a_question():
    """A command in the middle of the set-up is obeyed, and the question is over."""
    shown = await talk("/start", "/topics add kv cache", "cs.CL")
    assert shown[1].startswith("Following kv cache.")
    assert "I act on commands" in shown[2]


async def test_forgetting_waits_for_yes():
    """The word yes, and nothing else, erases."""
    world = World(make_batch(PAPER))
    shown = await talk("/topics add kv cache", "/forgetme", "yes", world=world)
    assert "erased" in shown[2]
    assert await world.storage.get_subscription(CHAT) is None


async def test_a_configuration_comes_from_a_file(tmp_path):
    """/import takes the name of a file; one that cannot be read is a kind message."""
    path = tmp_path / "my config.json"
    path.write_text('{"categories": ["cs.CL"], "keywords": ["kv cache"]}', encoding="utf-8")
    big = tmp_path / "big.json"
    big.write_text(" " * 1_000_001, encoding="utf-8")
    shown = await talk(f"/import {path}", "/import nowhere.json", f"/import {tmp_path}", f"/import {big}")
    assert "1 category, 1 topic" in shown[0]
    assert "nowhere.json cannot be read" in shown[1]
    assert "cannot be read" in shown[2]
    assert "too large" in shown[3]


async def test_lines_come_from_a_pipe():
    """Every line of a stream arrives, and its end is the end."""
    assert [line async for line in piped_lines(io.StringIO("/help\n/status"))] == ["/help\n", "/status"]


def test_completion_knows_every_command():
    """Commands, subcommands and /quit can be completed."""
    words = completions(COMMANDS)
    assert words["/topics"] == dict.fromkeys(("list", "add", "remove", "clear", "test"))
    assert words["/digest"] is None
    assert "/quit" in words


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(
    ("environment", "stream", "expected"),
    [
        ({}, Terminal(), True),
        ({}, io.StringIO(), False),
        ({"NO_COLOR": "1"}, Terminal(), False),
        ({"TERM": "dumb"}, Terminal(), False),
    ],
)
def test_colour_needs_a_terminal_that_wants_it(monkeypatch, environment, stream, expected):
    """Pipes, NO_COLOR and dumb terminals stay plain."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert wants_colour(stream) is expected


def test_a_person_sits_at_both_ends_or_it_is_a_pipe():
    """Line editing needs both a keyboard and a screen."""
    assert is_interactive([Terminal(), Terminal()])
    assert not is_interactive([Terminal(), io.StringIO()])


async def test_remarks_are_written_as_they_are():
    """The messenger of a terminal writes."""
    written = []
    await ConsoleMessenger(written.append).send(CHAT, "A new announcement is here.")
    assert written == ["A new announcement is here."]
