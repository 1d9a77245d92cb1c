"""The real Discord platform against a strict Discord on loopback."""

import asyncio
import json
import logging
import re
import time
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import aiohttp
import pytest

from bot.app import load_languages
from bot.errors import PlatformError, PlatformRefusedError
from bot.model.chat import Chat
from bot.model.message import Button
from handlers.command import Command, CommandGroup, Param, Reply, is_hidden, is_owners
from handlers.commands import COMMANDS
from handlers.discord.bot import NOTE, DiscordPlatform
from tests.build import NOW, make_batch, make_paper
from tests.servers.discord import MANAGE_CHANNELS, TOKEN, serve
from tests.servers.discord_data import GUILD, Answer, Exchange, buttons_of
from tests.servers.discord_rules import COMPONENTS_V2, EPHEMERAL, texts_of
from tests.world import World

ROOM, ADMIN, MEMBER, OWNER = "5000", "11", "12", "99"
CACHE = make_paper("2611.00001", "Small KV Caches", "We shrink the kv cache of language models.", categories=("cs.CL",))
OTHER = make_paper("2611.00003", "On Worlds", "The world is wide.", categories=("cs.CL",))
RUNTIME = 5.0


class Rig:
    """A server, a world and the platform between them."""

    def __init__(self, server, world):
        self.server, self.world, self.notes = server, world, {}
        self.catalogue, self.token, self.silence = COMMANDS, TOKEN, 120.0
        self.shards = None
        self.platform = None

    async def load(self, key):
        return self.notes.get(key)

    async def save(self, key, text):
        self.notes[key] = text

    def make(self):
        self.platform = DiscordPlatform(
            self.token,
            f"{self.server.base}/api/v10",
            self.catalogue,
            self.world.services,
            frozenset({OWNER}),
            lambda: NOW,
            self.load,
            self.save,
            self.silence,
            shards=self.shards,
        )
        return self.platform

    @asynccontextmanager
    async def running(self):
        """The platform at work, with its commands in place."""
        task = asyncio.create_task(self.make().run())
        try:
            await self.server.wait_for(lambda: task.done() or (self.server.sockets and self.notes))
            if task.done():
                task.result()
            yield self.server
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
async def rig():
    world = World(make_batch(CACHE, OTHER), make_batch(category="cs.AI"))
    await world.storage.open()
    async with serve() as server:
        yield Rig(server, world)
        assert server.refusals == []
        for _, path, body in server.requests:
            if isinstance(body, dict) and ("content" in body or "components" in body) and "interactions" not in path:
                assert body["allowed_mentions"] == {"parse": []}


@pytest.fixture
async def server(rig):
    async with rig.running() as server:
        yield server


def leaves(catalogue):
    for entry in catalogue:
        if isinstance(entry, CommandGroup):
            yield from ((f"{entry.name} {each.name}", each) for each in entry.commands)
        else:
            yield entry.name, entry


async def admin(server, name, options=None, **kind):
    return await server.command(ROOM, ADMIN, name, options, MANAGE_CHANNELS, **kind)


async def test_the_commands_offered_are_those_of_the_catalogue(server):
    """Names, descriptions and options are the catalogue's; owner's and hidden ones are left out."""
    offered = {}
    for each in server.commands:
        assert each["contexts"] == [0, 1, 2]
        assert each["integration_types"] == [0, 1]
        inner = [one for one in each["options"] if one["type"] == 1]
        offered |= {f"{each['name']} {one['name']}": one for one in inner} or {each["name"]: each}
    wanted = {name: each for name, each in leaves(COMMANDS) if not (each.owner_only or each.is_hidden)}
    assert set(offered) == set(wanted)
    for name, command in wanted.items():
        options = {each["name"]: each for each in offered[name]["options"] if each["type"] in {3, 7}}
        if name == "start":
            assert [(each["name"], each["required"]) for each in options.values()] == [("share", False)]
            continue
        params = command.params
        assert offered[name]["description"] == command.help
        assert {key: each["description"] for key, each in options.items()} == {each.name: each.help for each in params}
        for each in params:
            assert options[each.name]["required"] == (each.required and not each.is_file)
        files = [each["name"] for each in offered[name]["options"] if each["type"] == 11]
        assert files == (["file"] if any(each.is_file for each in params) else [])


async def test_discord_speaks_as_its_client(rig):
    """Descriptions, replies, suggestions and forms are in the client's language, and so is the chat from then on."""
    rig.world.services = replace(rig.world.services, languages=load_languages())
    rig.server.locale = "zh-CN"
    async with rig.running() as server:
        told = {each["name"]: each for each in server.commands}
        assert "zh-CN" in told["why"]["description_localizations"]
        assert "已关注：kv cache" in (await admin(server, "topics add", {"query": "kv cache"})).text
        assert (await server.complete(ROOM, ADMIN, "help", "command", "wh"))[0]["name"].endswith("简报里。")
        server.locale = "en-US"
        assert "评分" in (await admin(server, "digest")).text


async def test_every_command_answers(server, rig):
    """Each command of the catalogue, used with its example, gets an answer that Discord takes."""
    await admin(server, "topics add", {"query": "kv cache"})
    for name, command in leaves(COMMANDS):
        if command.owner_only or command.is_hidden:
            continue
        line = command.example.removeprefix(f"/{name}").strip()
        options = {each.name: line for each in command.params[:1] if each.required}
        if len(command.params) > 1 and command.example:
            options = dict(zip([each.name for each in command.params], line.split(" ", 1), strict=True))
        exchange = await admin(server, name, options)
        assert exchange.text
        assert "went wrong" not in exchange.text
        assert exchange.is_hidden == (not command.is_public), name


async def test_a_whole_talk(server):
    """From a category and a topic to a digest, a reason, and the end."""
    assert "Reading cs.CL" in (await admin(server, "categories add", {"category": "cs.CL"})).text
    assert "Following kv cache" in (await admin(server, "topics add", {"query": "kv cache"})).text
    digest = await server.command(ROOM, MEMBER, "digest")
    assert "[Small KV Caches](https://arxiv.org/abs/2611.00001)" in digest.text
    assert digest.messages[0]["flags"] & COMPONENTS_V2
    assert "On Worlds" not in digest.text
    why = await server.command(ROOM, MEMBER, "why", {"paper": "2611.00003"})
    assert "matched no topic" in why.text
    topics = await admin(server, "topics list")
    assert "kv cache" in topics.text
    assert "No longer following kv cache" in (await admin(server, "topics remove", {"topic": "kv cache"})).text
    assert json.loads((await admin(server, "export")).text.strip("`json\n"))["categories"] == ["cs.CL"]


async def test_only_those_who_manage_the_channel_change_things(server):
    """Without the permission a change is refused with the word administrator; with it, and alone, it is done."""
    refused = await server.command(ROOM, MEMBER, "topics add", {"query": "kv cache"}, ~MANAGE_CHANNELS & 0xFFFF)
    assert "administrator" in refused.text
    assert refused.is_hidden
    assert "Following" in (await server.command(ROOM, ADMIN, "topics add", {"query": "kv cache"}, MANAGE_CHANNELS)).text
    private = await server.command(server.dm_channel(MEMBER), MEMBER, "topics add", {"query": "worlds"}, guild=None)
    assert "Following" in private.text


async def test_rights_are_those_of_the_moment_a_button_is_pressed(server):
    """Who may not manage the channel cannot press what an administrator was shown."""
    await admin(server, "topics add", {"query": "kv cache"})
    asked = await admin(server, "forgetme")
    erase = asked.buttons["Erase everything"]
    assert "administrator" in (await server.press(asked.messages[-1], MEMBER, erase)).text
    assert "erased" in (await server.press(asked.messages[-1], ADMIN, erase, MANAGE_CHANNELS)).text
    assert "No topics yet" in (await admin(server, "topics list")).text


async def test_nothing_is_hidden_in_direct_messages(server):
    """There, no answer is for the person alone, and none to a press either."""
    channel = server.dm_channel(MEMBER)
    exchange = await server.command(channel, MEMBER, "forgetme", guild=None)
    assert not exchange.is_hidden
    pressed = await server.press(exchange.messages[0], MEMBER, exchange.buttons["Keep"], guild=None)
    assert not any(each["flags"] & EPHEMERAL for each in pressed.messages)
    assert len(server.messages(channel)) >= 2


async def test_answers_to_presses_are_for_the_person_alone(server):
    """A card opened from a digest that all see is seen by the one who opened it."""
    await admin(server, "categories add", {"category": "cs.CL"})
    digest = await server.command(ROOM, MEMBER, "digest")
    line = next(line for line in digest.buttons.values() if line.startswith("/paper"))
    card = await server.press(digest.messages[-1], MEMBER, line)
    assert all(each["flags"] & EPHEMERAL for each in card.messages)
    assert card.text
    saved = await server.press(card.messages[0], MEMBER, card.buttons["💾"])
    assert "Saved." in saved.text
    assert "💾 ✓" in saved.buttons


async def test_buttons_work_after_a_restart(rig):
    """A message drawn by an earlier process still acts."""
    async with rig.running() as server:
        asked = await admin(server, "forgetme")
    async with rig.running() as server:
        kept = await server.press(asked.messages[0], ADMIN, asked.buttons["Keep"], MANAGE_CHANNELS)
        assert "Nothing was erased" in kept.text


async def test_a_list_is_edited_in_place(server):
    """Removing by button replaces the list and says so to the person alone."""
    await admin(server, "topics add", {"query": "kv cache"})
    await admin(server, "topics add", {"query": "worlds"})
    listed = await admin(server, "topics list")
    number = listed.original["id"]
    pressed = await server.press(listed.original, ADMIN, listed.buttons["✕ 1"], MANAGE_CHANNELS)
    assert pressed.original["id"] == number
    assert "kv cache" not in "".join(texts_of(pressed.original))
    assert "Removed kv cache." in "".join(texts_of(pressed.messages[-1]))
    assert pressed.messages[-1]["flags"] & EPHEMERAL


async def test_a_topic_is_muted_and_weighed_in_place(server):
    """The three buttons of a topic stand in one row, and the list changes where it is."""
    await admin(server, "topics add", {"query": "kv cache"})
    listed = await admin(server, "topics list")
    rows = [[button["label"] for button in each["components"]] for each in listed.original["components"][1:]]
    assert rows == [["✕ 1", "🔇 1", "⚖ 1"]]
    muted = await server.press(listed.original, ADMIN, listed.buttons["🔇 1"], MANAGE_CHANNELS)
    assert "kv cache (muted)" in "".join(texts_of(muted.original))
    weighed = await server.press(muted.original, ADMIN, listed.buttons["⚖ 1"], MANAGE_CHANNELS)
    assert "kv cache^2 (muted)" in "".join(texts_of(weighed.original))
    assert weighed.original["id"] == listed.original["id"]


async def test_a_question_is_answered_in_a_form(server):
    """The button Answer opens a form; what is typed there goes on with the question."""
    asked = await admin(server, "start")
    pressed = await server.press(asked.messages[-1], ADMIN, asked.buttons["Answer"], MANAGE_CHANNELS)
    assert "cs.CL" in (await server.submit(pressed, ADMIN, "cs.CL", MANAGE_CHANNELS)).text
    refused = await server.submit(pressed, MEMBER, "cs.LG")
    assert "administrator" in refused.text


async def test_direct_messages_are_understood(server):
    """Commands typed as text, answers to questions, papers, and a helpful line for all else."""

    async def say(text):
        return "\n".join(each for message in await server.dm(MEMBER, text) for each in texts_of(message))

    assert "Following kv cache" in await say("/topics add kv cache")
    assert "which fields" in await say("/start")
    assert "cs.CL" in await say("cs.CL")
    assert "Small KV Caches" in await say("/digest")
    assert "Small KV Caches" in await say("https://arxiv.org/abs/2611.00001v1")
    assert "Small KV Caches" in await say("what of 2611.00001 ?")
    assert "Erase" in str(await server.dm(MEMBER, "/forgetme"))
    assert "Nothing was erased" in await say("oh no")
    assert "/help" in await say("hello")
    assert "Did you mean /topics" in await say("/topic")


async def test_a_question_in_direct_messages_outlives_a_restart(rig):
    """Asked by a typed command or a slash command. An hour later the person is told to start again."""
    async with rig.running() as server:
        assert "Erase" in str(await server.dm(MEMBER, "/forgetme"))
    async with rig.running() as server:
        assert "Nothing was erased" in str(await server.dm(MEMBER, "no"))
        channel = server.dm_channel(MEMBER)
        await server.command(channel, MEMBER, "start", guild=None)
    async with rig.running() as server:
        assert "Reading" in str(await server.dm(MEMBER, "cs.CL"))
        await server.command(channel, MEMBER, "topics list", guild=None)
        assert "/help" in str(await server.dm(MEMBER, "kv cache"))
        await server.dm(MEMBER, "/forgetme")
        rig.world.now += timedelta(hours=1)
        assert "start again: /forgetme" in str(await server.dm(MEMBER, "yes"))
        assert "/help" in str(await server.dm(MEMBER, "yes"))
        await server.dm(MEMBER, "/forgetme")
        rig.world.now += timedelta(hours=1)
        assert "2611.00001" in str(await server.dm(MEMBER, "what of 2611.00001 ?"))
        assert await rig.world.storage.get_subscription(Chat("discord", str(channel)))


async def test_other_bots_are_not_answered(server):
    """A bot's message gets no answer, so that two bots never talk for ever."""
    await server.dm("77", "/help", is_bot=True)
    assert await server.dm(MEMBER, "/help")
    assert server.messages(server.dm_channel("77")) == []


async def test_owner_commands_are_for_owners(server):
    """They work as text in direct messages, and exist for nobody else."""
    assert "no command" in "".join(texts_of((await server.dm(MEMBER, "/owner status"))[0])).lower()
    assert "subscription" in "".join(texts_of((await server.dm(OWNER, "/owner status"))[0]))
    assert all(is_hidden(each) or is_owners(each) or each.name in str(server.commands) for each in COMMANDS)


async def test_options_are_suggested(server):
    """Categories by code and name, what this chat has for removal, commands, settings: at most 25."""
    found = await server.complete(ROOM, MEMBER, "categories add", "category", "cs.C")
    assert len(found) <= 25
    assert {"name": "cs.CL (Computation and Language)", "value": "cs.CL"} in found
    assert "cs.LG" in [
        each["value"] for each in await server.complete(ROOM, MEMBER, "categories add", "category", "machine")
    ]
    both = await server.complete(ROOM, MEMBER, "categories add", "category", "cs.CL, cs.LG")
    assert both[0]["value"] == "cs.CL, cs.LG"
    assert len(await server.complete(ROOM, MEMBER, "categories add", "category", "")) == 25
    await admin(server, "topics add", {"query": "kv cache"})
    await admin(server, "topics add", {"query": " OR ".join(f"word{n}" for n in range(30))})
    topics = await server.complete(ROOM, MEMBER, "topics remove", "topic", "")
    assert [each["value"] for each in topics] == ["kv cache", "2"]
    await admin(server, "categories add", {"category": "cs.CL"})
    assert (await server.complete(ROOM, MEMBER, "categories remove", "category", "lang"))[0]["value"] == "cs.CL"
    assert (await server.complete(ROOM, MEMBER, "help", "command", "/dig"))[0]["value"] == "digest"
    assert (await server.complete(ROOM, MEMBER, "settings set", "name", "max"))[0]["value"] == "max_papers"
    assert await server.complete("5001", MEMBER, "topics remove", "topic", "") == []


async def test_schedules_are_suggested(server):
    """What is typed so far, understood; time zones by city for the last words; common choices; ends of a pause."""

    async def values(command, option, typed):
        return [each["value"] for each in await server.complete(ROOM, MEMBER, command, option, typed)]

    assert (await values("schedule set", "when", ""))[:2] == ["announcement", "07:00"]
    assert (await values("schedule set", "when", "9am"))[0] == "09:00"
    assert (await values("schedule set", "when", "09:00 ber"))[0] == "09:00 Europe/Berlin"
    assert (await values("schedule set", "when", "mon,thu 18 munich"))[0] == "mon,thu 18:00 Europe/Berlin"
    assert (await values("schedule set", "when", "san fr"))[0] == "America/Los_Angeles"
    assert await values("schedule set", "when", "week") == ["weekly fri 17:00"]
    assert len(await values("schedule set", "when", "s")) <= 25
    assert "1 week" in await values("pause", "until", "week")


async def test_a_configuration_goes_out_and_in_as_a_file(server):
    """What is too long for a message is exported as a file, and an attached file is imported."""
    config = {"categories": ["cs.CL"], "topics": [f"long topic number {n} about something" for n in range(80)]}
    attached = server.attach("config.json", json.dumps(config).encode())
    assert "80 topics" in (await admin(server, "import", files={"file": attached})).text
    exported = await admin(server, "export")
    assert exported.messages[0]["files"][0]["filename"] == "paperround.json"
    broken = server.attach("config.json", b"\xff\xfe")
    assert "could not be read" in (await admin(server, "import", files={"file": broken})).text
    assert "/import needs" in (await admin(server, "import")).text
    sent = await server.dm(MEMBER, "/import", attachments=[server.attach("c.json", json.dumps(config).encode())])
    assert "80 topics" in "".join(texts_of(sent[0]))


async def test_commands_are_sent_only_when_they_changed(rig):
    """A second start sends nothing; another catalogue is sent."""
    async with rig.running() as server:
        assert server.syncs == 1
    first = rig.notes[NOTE]
    async with rig.running() as server:
        await server.command(ROOM, MEMBER, "help")
        assert server.syncs == 1
    rig.catalogue = COMMANDS[:5]
    async with rig.running() as server:
        await server.wait_for(lambda: server.syncs == 2)
    assert rig.notes[NOTE] != first


async def test_refused_commands_do_not_keep_people_waiting(rig):
    """Where Discord does not take the commands now, the bot serves all the same and tries again at the next start."""
    rig.server.plan("PUT", "commands", Answer(403, {"code": 50001, "message": "Missing Access"}))
    task = asyncio.create_task(rig.make().run())
    assert await rig.server.dm(MEMBER, "/help")
    assert rig.notes == {}
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@pytest.mark.parametrize("token", ["wrong", "with\nbreak", ""])
async def test_a_refused_token_is_for_the_operator(rig, token):
    """A token that is wrong, or none at all, is reported as such, without itself."""
    rig.token = token
    with pytest.raises(PlatformRefusedError) as caught:
        await rig.make().run()
    assert "DISCORD_BOT_TOKEN" in str(caught.value)
    assert not token or token not in str(caught.value)


@pytest.mark.parametrize(("code", "kind"), [(4004, PlatformRefusedError), (4014, PlatformRefusedError)])
async def test_a_gateway_that_refuses_is_for_the_operator(rig, code, kind):
    """The gateway's own refusals count like those of the API."""
    rig.server.close_code = code
    with pytest.raises(kind):
        await asyncio.wait_for(rig.make().run(), RUNTIME)


async def test_an_outage_is_told_and_can_be_tried_again(rig):
    """Where nobody listens, or errors come, PlatformError says so; the same platform then runs again."""
    platform = rig.make()
    good, platform.api_url = platform.api_url, "http://127.0.0.1:9/api"
    with pytest.raises(PlatformError) as caught:
        await platform.run()
    assert not isinstance(caught.value, PlatformRefusedError)
    assert platform.last_contact is None
    platform.api_url = f"{rig.server.base}/nowhere"
    rig.server.plan("GET", "/nowhere", Answer(403, {"code": 0, "message": "no"}))
    with pytest.raises(PlatformError):
        await platform.run()
    platform.api_url = good
    task = asyncio.create_task(platform.run())
    assert await rig.server.dm(MEMBER, "/help")
    assert platform.last_contact == NOW
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_silent_gateway_is_noticed(rig):
    """Heartbeats without an answer end the run; with answers it goes on."""
    rig.silence, rig.server.heartbeat = 0.6, 100
    task = asyncio.create_task(rig.make().run())
    await rig.server.until_connected()
    await asyncio.sleep(1.0)
    assert not task.done()
    rig.server.acknowledges = False
    with pytest.raises(PlatformError, match="silent"):
        await asyncio.wait_for(task, RUNTIME)


async def test_a_dropped_connection_is_resumed(rig):
    """discord.py resumes by itself; the bot answers on."""
    async with rig.running() as server:
        await server.drop(4000)
        assert await server.dm(MEMBER, "/help")
        assert any(each["op"] == 6 for each in server.gateway_log)


async def slow(services, request):
    """A command that takes its time."""
    await asyncio.sleep(1.0)
    return Reply("done at last")


SLOW = Command("slow", "Take a second.", slow, (Param("word", "any", required=False),), is_public=True)


async def test_stopping_finishes_what_is_in_flight(rig):
    """A command under way is answered before the connection goes; then nothing keeps us."""
    rig.catalogue = (SLOW,)
    async with rig.running() as server:
        exchange = await server.begin_command(ROOM, MEMBER, "slow")
        await server.wait_for(lambda: exchange.ack)
        started = time.monotonic()
    assert exchange.text == "done at last"
    assert time.monotonic() - started < 4


async def test_stopping_an_idle_bot_is_quick(rig):
    """Nothing in flight: gone within a second, also while the server hangs."""
    async with rig.running():
        started = time.monotonic()
    assert time.monotonic() - started < 1.5
    rig.server.plan("GET", "/users/@me", Answer(delay=30))
    task = asyncio.create_task(rig.make().run())
    await asyncio.sleep(0.2)
    started = time.monotonic()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert time.monotonic() - started < 1.5


async def test_a_lost_answer_harms_nobody_else(rig, caplog):
    """An interaction that Discord no longer knows, or whose answer breaks, is logged; the next works."""
    async with rig.running() as server:
        unknown = Answer(404, {"code": 10062, "message": "Unknown interaction"})
        server.plan("POST", "/interactions/", unknown)
        await server.begin_command(ROOM, MEMBER, "help")
        await server.wait_for(lambda: "status=lost" in caplog.text)
        assert (await server.command(ROOM, MEMBER, "help")).text


async def test_refused_markup_goes_out_as_plain_text(rig, caplog):
    """If Discord does not take the components, the words reach the reader and the log says so."""
    async with rig.running() as server:
        await admin(server, "categories add", {"category": "cs.CL"})
        server.plan("PATCH", "@original", Answer(400, {"code": 50035, "message": "Invalid Form Body"}))
        digest = await server.command(ROOM, MEMBER, "digest")
        assert "Small KV Caches" in digest.text
        assert not digest.messages[0]["flags"] & COMPONENTS_V2
        assert "sent as plain text" in caplog.text


async def test_a_busy_server_is_waited_for(rig):
    """After a 429 the answer comes when it may."""
    async with rig.running() as server:
        busy = Answer(429, {"retry_after": 0.2, "global": False, "message": "slow down"}, {"Via": "1.1 google"})
        server.plan("PATCH", "@original", busy)
        assert (await server.command(ROOM, MEMBER, "help")).text


async def many(services, request):
    """More buttons than a message has room for."""
    return Reply(
        "\n".join("words " * 60 for _ in range(40)), buttons=tuple(Button(str(n), f"/slow {n}") for n in range(60))
    )


async def test_long_answers_come_in_parts_with_menus(rig):
    """Text beyond one message follows; many buttons become menus, whose options act like buttons."""
    rig.catalogue = (Command("many", "Much.", many), SLOW)
    async with rig.running() as server:
        exchange = await server.command(ROOM, MEMBER, "many")
        assert len(exchange.messages) > 1
        assert len(buttons_of(exchange.messages[-1])) == 60
        assert all(each["flags"] & EPHEMERAL for each in exchange.messages)
        pressed = await server.press(exchange.messages[-1], MEMBER, "/slow 33")
        assert pressed.text == "done at last"


async def nothing(services, request):
    """What too many commands get."""
    return Reply()


async def test_silence_is_possible(rig):
    """A reply that is not to be sent leaves no message behind."""
    rig.catalogue = (Command("hush", "Nothing.", nothing),)
    async with rig.running() as server:
        exchange = await server.command(ROOM, MEMBER, "hush")
        assert exchange.messages == []
        assert exchange.is_deleted


async def test_a_thread_is_a_chat_of_its_own(server):
    """What is followed in a channel is not followed in its thread, and the other way round."""
    server.threads["5001"] = ROOM
    await admin(server, "topics add", {"query": "kv cache"})
    listed = await server.command("5001", ADMIN, "topics list", None, MANAGE_CHANNELS, guild=GUILD)
    assert "No topics yet" in listed.text


async def broken(services, request):
    """A button that no platform can show."""
    return Reply("x", buttons=(Button("a", "/" + "x" * 200),))


async def test_our_own_mistakes_end_in_an_apology(rig, caplog):
    """What cannot be rendered is answered with an error id that the log has, too."""
    rig.catalogue = (Command("broken", "Fail.", broken, is_public=True),)
    async with rig.running() as server:
        exchange = await server.command(ROOM, MEMBER, "broken")
    assert "went wrong" in exchange.text
    assert re.search(r"Error (\w{8})", exchange.text)[1] in caplog.text


async def test_a_command_that_is_no_longer_ours_is_answered(server, caplog):
    """Discord may show commands as they were before a change; whoever uses one is told."""
    server.commands.append({"name": "ghost", "description": "Gone.", "type": 1, "options": []})
    ghost = await admin(server, "ghost")
    assert "has just changed" in ghost.text
    assert ghost.messages[0]["flags"] & EPHEMERAL
    assert "ghost" in caplog.text


async def test_a_second_answer_or_a_late_one_is_refused(rig):
    """The judge itself: an interaction is acknowledged once, within three seconds, and its token ends."""
    exchange = Exchange("1", "t", 2, ROOM, {}, sent=asyncio.get_running_loop().time())
    rig.server.exchanges["t"] = exchange
    deferred = {"type": 5}
    async with aiohttp.ClientSession(f"{rig.server.base}/api/v10/") as client:
        for status in (200, 400):
            async with client.post("interactions/1/t/callback", json=deferred) as answer:
                assert answer.status == status
        exchange.sent -= 4
        exchange.ack = 0
        async with client.post("interactions/1/t/callback", json=deferred) as answer:
            assert answer.status == 404
        exchange.sent -= 900
        async with client.patch(
            "webhooks/7000/t/messages/@original", json={"content": "x", "allowed_mentions": {"parse": []}}
        ) as answer:
            assert answer.status == 401


async def test_what_was_copied_from_an_answer_works(server):
    """The characters that break addresses do no harm when they are pasted back."""
    assert "Reading cs.CL" in (await admin(server, "categories add", {"category": "cs.\u2060CL"})).text
    assert "Did you mean" in texts_of((await server.dm(MEMBER, "/to\u2060pic"))[0])[0]


async def test_refused_markup_of_a_replaced_message_follows_as_plain_text(server):
    """A message of components takes no plain text, so the words come in a message of their own."""
    await admin(server, "topics add", {"query": "kv cache"})
    listed = await admin(server, "topics list")
    server.plan("PATCH", "@original", Answer(400, {"code": 50035, "message": "Invalid Form Body"}))
    pressed = await server.press(listed.original, ADMIN, listed.buttons["✕ 1"], MANAGE_CHANNELS)
    assert "No topics yet" in pressed.text


async def test_a_lost_answer_is_not_given_twice(rig):
    """Where the connection breaks after Discord took the answer, the person sees it once."""
    async with rig.running() as server:
        server.plan("PATCH", "@original", Answer(lost=True))
        exchange = await server.command(ROOM, MEMBER, "help")
        assert len(exchange.messages) == 1


async def test_no_token_is_ever_logged(rig, caplog):
    """Neither the bot's nor an interaction's, at any level, through login, answers, failures and the end."""
    caplog.set_level(logging.DEBUG)
    async with rig.running() as server:
        server.plan("PATCH", "@original", Answer(404, {"code": 10015, "message": "Unknown Webhook"}))
        await server.begin_command(ROOM, MEMBER, "help")
        await server.wait_for(lambda: "status=lost" in caplog.text)
        await server.command(ROOM, MEMBER, "help")
        await server.dm(MEMBER, "/help")
    rig.server.token = "changed"
    with pytest.raises(PlatformRefusedError):
        await rig.make().run()
    assert len(caplog.records) >= 5
    formatted = "\n".join(logging.Formatter().format(each) for each in caplog.records)
    assert TOKEN not in formatted
    assert "interaction-token" not in formatted


async def test_a_process_serves_its_shards(rig):
    """Each has a connection of its own that says which it is, and people are answered as ever."""
    rig.shards = ((1, 2), 4)
    async with rig.running() as server:
        await server.wait_for(lambda: len(server.sockets) == 2, 30)
        identified = [each["d"] for each in server.gateway_log if each["op"] == 2]
        assert [each["shard"] for each in identified] == [[1, 4], [2, 4]]
        assert "No topics yet" in (await admin(server, "topics list")).text
