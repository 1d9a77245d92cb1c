"""/zotero, and 💾 of a person whose library is connected."""

from dataclasses import replace

import pytest

from bot.collecting import Collecting
from bot.model.chat import Chat
from bot.sealing import Sealer
from tests.build import CHAT, make_batch, make_paper
from tests.fake_library import KEY, FakeLibrary
from tests.world import World

PAPER = make_paper("2611.00001", "Small KV Caches")


@pytest.fixture
async def world():
    world = World(make_batch(PAPER))
    world.library = FakeLibrary()
    collecting = Collecting(world.storage, world.library, Sealer(["s" * 32]), lambda: world.now)
    world.services = replace(world.services, collecting=collecting)
    await world.say("/categories add cs.CL", "/digest")
    return world


async def test_without_a_secret_the_host_is_named():
    """Nobody can connect what could not be kept, and there is another way."""
    world = World(make_batch(PAPER))
    for line in ("/zotero", "/zotero connect", f"/zotero connect {KEY}", "/zotero off"):
        said = await world.say(line)
        assert "SECRET_KEY" in said
        assert "/saved export ris" in said
    await world.say("/categories add cs.CL", "/digest")
    assert (await world.ask("/mark save 2611.00001")).toast == "Saved."


async def test_a_library_is_connected_and_saving_fills_it(world):
    """What a person saves goes there; un-saving leaves it there, and says so."""
    assert "zotero.org/settings/keys/new" in await world.say("/zotero connect")
    assert "Connected to the library of Ada V." in await world.say(f"/zotero connect {KEY}")
    reply = await world.ask("/mark save 2611.00001")
    assert reply.toast == "Saved. It goes to your Zotero library."
    assert "1 paper is on its way" in await world.say("/zotero show")
    await world.services.collecting.step()
    assert list(world.library.items.values()) == [PAPER]
    assert (await world.ask("/mark save 2611.00001")).toast == "No longer saved. Your Zotero library keeps it."
    assert (await world.ask("/mark save 2611.00001")).toast == "Saved. It is in your Zotero library already."
    assert "library of Ada V" in await world.say("/zotero")


async def test_a_library_belongs_to_a_person(world):
    """It follows them into every chat of their platform, and nobody else's papers go there."""
    await world.say(f"/zotero connect {KEY}")
    assert (await world.ask("/mark save 2611.00001", person="bob")).toast == "Saved."
    group = Chat("console", "group")
    reply = await world.ask("/mark save 2611.00001", chat=group, is_private=False)
    assert "It goes to your Zotero library." in reply.toast


async def test_turned_off_it_is_forgotten(world):
    """The key, and what waits; also when the chat in which it was given is erased."""
    await world.say(f"/zotero connect {KEY}")
    await world.ask("/mark save 2611.00001")
    assert "forgotten" in await world.say("/zotero off")
    assert "no library" in await world.say("/zotero off")
    await world.services.collecting.step()
    assert world.library.items == {}
    await world.say(f"/zotero connect {KEY}")
    assert "Zotero key" in await world.say("/forgetme")
    await world.say("/forgetme yes")
    assert await world.storage.get_notes("zotero") == {}


async def test_keys_are_not_taken_in_groups(world):
    """Whoever sends one there hears where it belongs, and that it is known now; it is not even tried."""
    for is_admin in (True, False):
        reply = await world.ask(f"/zotero connect {KEY}", is_private=False, is_admin=is_admin)
        assert "private chat" in reply.text
        assert "delete it on Zotero" in reply.text
        assert reply.holds_secret
    assert "private chat" in await world.say("/zotero", is_private=False)
    assert await world.storage.get_notes("zotero") == {}


@pytest.mark.parametrize(
    "line",
    [
        f"/zotero connect {KEY}",
        f"/zotero {KEY}",
        "/zotero connect short",
        f"/zotero connect {KEY[::-1]}",
        f"/zotero connect {KEY} x",
    ],
)
async def test_whatever_becomes_of_it_a_key_is_a_secret(world, line):
    """The message is to be taken away, and no answer repeats what was in it."""
    reply = await world.ask(line)
    assert reply.holds_secret
    assert line.split()[-1] not in reply.text
    assert not (await world.ask("/zotero connect")).holds_secret


async def test_a_throttled_key_is_a_secret_too():
    """Who gave too many commands is not obeyed, but their key is not left lying about."""
    world = World(make_batch(PAPER), is_throttled=True)
    replies = [await world.ask(f"/zotero connect {KEY}") for _ in range(25)]
    assert all(each.holds_secret for each in replies)


async def test_nothing_of_it_is_exported(world):
    """Neither /export nor what a chat shares knows of keys."""
    await world.say(f"/zotero connect {KEY}")
    for line in ("/export", "/share", "/status", "/settings"):
        said = await world.say(line)
        assert KEY not in said
        assert "zotero" not in said.lower()
    assert CHAT.key not in await world.say("/export")
