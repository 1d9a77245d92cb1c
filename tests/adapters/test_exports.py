"""Exports in a chat: a real file on Telegram and Discord, the text itself in the terminal, and a block to copy."""

from dataclasses import replace
from secrets import token_bytes

import pytest

from bot.collecting import Collecting
from bot.feeding import Feeding
from bot.model.chat import Chat
from bot.sealing import Sealer
from handlers.commands import COMMANDS
from handlers.console.bot import ConsoleBot
from handlers.console.render import render_reply
from tests.adapters.test_discord import MEMBER, ROOM, Rig, admin
from tests.adapters.test_telegram import ADA, GROUP, Telegram, opened
from tests.build import make_batch, make_paper
from tests.fake_library import FakeLibrary
from tests.reading import read_bibtex, read_csv
from tests.servers.discord import serve
from tests.servers.discord_rules import EPHEMERAL, texts_of
from tests.servers.telegram import Fault, TelegramServer
from tests.world import World

PAPERS = (make_paper("2611.00001", "Small KV Caches"), make_paper("2611.00003", "On Worlds"))


@pytest.fixture
async def telegram():
    async with TelegramServer() as server:
        async with opened(server):
            yield server
        assert server.complaints == []


@pytest.fixture
async def discord():
    world = World(make_batch(*PAPERS), make_batch(category="cs.AI"))
    await world.storage.open()
    async with serve() as server:
        async with Rig(server, world).running():
            await admin(server, "categories add", {"category": "cs.CL"})
            await server.command(ROOM, MEMBER, "digest")
            yield server
        assert server.refusals == []


async def test_on_telegram_a_file_arrives(telegram):
    """With its name and bytes, the byte order mark among them; the words are its caption."""
    for line in ("/categories add cs.CL", "/digest", "/mark save 2611.00001"):
        await telegram.ask(ADA, ADA, line)
    sent = await telegram.ask(ADA, ADA, "/saved export csv")
    assert (sent.text, sent.file_name) == ("1 saved paper is in the file.", "saved-papers.csv")
    assert sent.file.startswith(b"\xef\xbb\xbf")
    assert [row["id"] for row in read_csv(sent.file.decode())] == ["2611.00001"]


async def test_on_telegram_bibtex_is_one_block(telegram):
    """One tap on the card, one block to copy."""
    for line in ("/categories add cs.CL", "/digest"):
        await telegram.ask(ADA, ADA, line)
    await telegram.press(await telegram.ask(ADA, ADA, "/paper 2611.00001"), "BibTeX", ADA)
    [sent] = await telegram.replies(ADA)
    assert [each.kind for each in sent.entities] == ["Pre"]
    assert read_bibtex(sent.text + "\n")[0][1] == "vale-2611.00001"


async def test_on_discord_a_file_arrives(discord):
    """For the person alone in a server, as all that is theirs."""
    card = await discord.command(ROOM, MEMBER, "paper", {"paper": "2611.00001"})
    await discord.press(card.messages[0], MEMBER, card.buttons["💾"])
    exported = await discord.command(ROOM, MEMBER, "saved export", {"format": "ris"})
    assert exported.messages[0]["files"][0]["filename"] == "saved-papers.ris"
    assert "1 saved paper" in exported.text


async def test_on_discord_bibtex_is_a_block_of_code(discord):
    """The card stays, and the entry comes below it."""
    card = await discord.command(ROOM, MEMBER, "paper", {"paper": "2611.00001"})
    pressed = await discord.press(card.messages[0], MEMBER, card.buttons["BibTeX"])
    block = pressed.messages[-1]["content"]
    assert block.startswith("```\n@misc{vale-2611.00001,")
    assert read_bibtex(block.removeprefix("```\n").removesuffix("```"))


async def test_in_the_terminal_the_file_is_written_out():
    """A script takes what it needs from there."""
    world = World(make_batch(*PAPERS))
    await world.storage.open()
    bot = ConsoleBot(world.services, COMMANDS, print, print)
    for line in ("/categories add cs.CL", "/digest", "/mark save 2611.00001"):
        await bot.answer(line)
    shown = render_reply(await bot.answer("/saved export bibtex"), width=100, colour=False)
    said, _, entry = shown.partition("\n\n")
    assert said == "1 saved paper is in the file."
    assert read_bibtex(entry + "\n")[0][1] == "vale-2611.00001"


KEY = "aBcDeFgHiJkLmNoPqRsTuVwX"


async def test_on_telegram_a_key_is_taken_out_of_the_chat(telegram):
    """In private the bot deletes the message; where it cannot, it asks the person to."""
    asked = await telegram.say(ADA, ADA, f"/zotero connect {KEY}")
    [said] = await telegram.replies(ADA)
    assert telegram.deleted == [(ADA, asked)]
    assert "SECRET_KEY" in said.text
    assert "delete your message" not in said.text
    telegram.script("deleteMessage", Fault(400, "Bad Request: message can't be deleted"))
    assert "Now delete your message with the key." in (await telegram.ask(ADA, ADA, f"/zotero connect {KEY}")).text
    telegram.group(GROUP, {ADA: "administrator"})
    assert "Now delete your message with the key." in (await telegram.ask(GROUP, ADA, f"/zotero connect {KEY}")).text


async def test_on_discord_a_key_is_seen_by_nobody(discord):
    """A command's options are the person's alone; a direct message is theirs to delete."""
    answer = await discord.command(ROOM, MEMBER, "zotero connect", {"key": KEY})
    assert answer.messages[0]["flags"] & EPHEMERAL
    assert "delete your message" not in answer.text
    [said] = await discord.dm(MEMBER, f"/zotero connect {KEY}")
    assert "Now delete your message with the key." in "".join(texts_of(said))


async def test_on_telegram_addresses_arrive_as_they_are():
    """Those of a feed as one block, letter for letter; that of Zotero's keys can be tapped."""
    async with TelegramServer() as server:
        world = World(make_batch(*PAPERS))
        await world.storage.open()
        feeding = Feeding(world.storage, lambda: world.now, token_bytes)
        collecting = Collecting(world.storage, FakeLibrary(), Sealer(["s" * 32]), lambda: world.now)
        world.services = replace(
            world.services, feeding=feeding, collecting=collecting, public_url="https://bot.example.org"
        )
        telegram = Telegram(server, world)
        await telegram.start()
        sent = await server.ask(ADA, ADA, "/feed new")
        secret = (await feeding.get(Chat("telegram", str(ADA)))).secret
        [block] = [each.text for each in sent.entities if each.kind == "Pre"]
        assert block.splitlines() == [f"https://bot.example.org/f/{secret}.{form}" for form in ("atom", "rss", "json")]
        asked = await server.ask(ADA, ADA, "/zotero connect")
        assert "https://www.zotero.org/settings/keys/new" in [each.url for each in asked.entities]
        await telegram.stop()
        assert server.complaints == []
