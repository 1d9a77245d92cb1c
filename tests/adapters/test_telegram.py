"""The real Telegram platform against a strict Bot API server on loopback."""

import asyncio
import logging
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.app import load_languages
from bot.delivery.pacing import Pacer
from bot.errors import PlatformError, PlatformRefusedError
from bot.model.chat import Chat
from bot.model.message import Button
from bot.ports import Limits
from handlers.command import Command, CommandGroup, Param, Reply
from handlers.commands import COMMANDS
from handlers.telegram.bot import TelegramPlatform
from handlers.telegram.messenger import TelegramMessenger
from handlers.telegram.text import without_joiners
from tests.build import make_batch, make_paper
from tests.servers.telegram import TOKEN, Fault, TelegramServer
from tests.world import World

ADA, BOB, EVE = 501, 502, 503
GROUP, FORUM = -100200, -100300
PAPERS = (
    make_paper("2611.00001", "Small KV Caches", "We shrink the kv cache of language models."),
    make_paper("2611.00002", "A Survey of KV Caches", "This survey lists them."),
    make_paper("2611.00003", "On @everyone & <b>Worlds</b>", "The world is wide. See evil.example."),
)


async def slow(services, request):
    await asyncio.sleep(float(request.args.get("seconds", "1.3")))
    return Reply("slow is done", toast="late toast" if "seconds" not in request.args else "")


async def crash(services, request):
    raise RuntimeError("a bug")


async def ask_name(services, request):
    name = request.args.get("name", "")
    return Reply(f"Hello {name}.") if name else Reply("Who are you?", expects="/name")


async def panel(services, request):
    buttons = (Button("Again", "/panel again"), Button("Quick", "/quick"), Button("Late", "/slow"))
    again = "again" in request.args.get("what", "")
    return Reply("pressed" if again else "panel", buttons=buttons, replaces=again, toast="Done." if again else "")


async def guarded(services, request):
    return Reply("changed")


async def fat_button(services, request):
    return Reply("x", buttons=(Button("a", "/a " + "x" * 64),))


EXTRA = (
    Command("slow", "Takes its time.", slow, (Param("seconds", "how long", required=False),)),
    Command("crash", "Fails.", crash),
    Command("name", "Asks.", ask_name, (Param("name", "yours", required=False),)),
    Command("panel", "Has buttons.", panel, (Param("what", "again", required=False),)),
    Command("quick", "Needs rights.", guarded, admin_only=True),
    Command("fat", "Has a button too long.", fat_button),
    Command("hidden", "For owners.", guarded, owner_only=True),
)


class Telegram:
    """A server, a world, and the platform between them."""

    def __init__(self, server, world, **options):
        self.server, self.world, self.moves, self.changes = server, world, [], []
        options = {"token": TOKEN, "api_url": server.url, "patience": 5.0, "poll_seconds": 1, "pause": 0.1} | options
        # These talks go faster than a chat may; tests/adapters/test_telegram_delivery.py keeps to Telegram's pace.
        options = {"pacer": Pacer(Limits(per_second=1000))} | options
        self.platform = TelegramPlatform(
            catalogue=(*COMMANDS, *EXTRA),
            services=world.services,
            owners=frozenset({str(ADA)}),
            clock=lambda: world.now,
            on_migration=self._move,
            on_gone=self._note_gone,
            on_back=self._note_back,
            **options,
        )

    async def _note_gone(self, chat, reason):
        self.changes.append((chat, reason))

    async def _note_back(self, chat):
        self.changes.append((chat, None))

    async def _move(self, old, new):
        self.moves.append((old, new))
        await self.world.storage.move_chat(old, new)

    async def subscription(self, chat):
        return await self.world.storage.get_subscription(chat)

    async def start(self):
        self.running = asyncio.create_task(self.platform.run())
        await self.server.until(lambda: self.server.called("getUpdates") or self.running.done())

    async def stop(self):
        self.running.cancel()
        with suppress(asyncio.CancelledError, PlatformError):
            await self.running


@asynccontextmanager
async def opened(server, **options):
    world = World(make_batch(*PAPERS), make_batch(category="cs.AI"))
    await world.storage.open()
    telegram = Telegram(server, world, **options)
    await telegram.start()
    try:
        yield telegram
    finally:
        await telegram.stop()


@pytest.fixture
async def server():
    async with TelegramServer() as server:
        server.group(GROUP, {ADA: "administrator", BOB: "member"})
        server.group(FORUM, {ADA: "creator", BOB: "member"}, threads=(7, 8))
        yield server
        assert server.complaints == []


@pytest.fixture
async def telegram(server):
    async with opened(server) as telegram:
        yield telegram


def read(sent):
    return without_joiners(sent.text)


ALL = [
    (entry.name, each.name if isinstance(entry, CommandGroup) else "", each)
    for entry in COMMANDS
    for each in (entry.commands if isinstance(entry, CommandGroup) else (entry,))
]


@pytest.mark.parametrize(("name", "part", "command"), ALL, ids=[f"{name} {part}".strip() for name, part, _ in ALL])
async def test_every_command_answers(telegram, server, name, part, command):
    """Each command of the catalogue gives an answer that Telegram accepts, and none is an apology."""
    for line in ("/categories add cs.CL", "/topics add kv cache"):
        await server.ask(ADA, ADA, line)
    reply = await server.ask(ADA, ADA, command.example or f"/{name} {part}".strip())
    assert read(reply)
    assert "went wrong" not in reply.text
    assert "There is no command" not in reply.text


async def test_a_whole_talk(telegram, server):
    """Categories, topics, the digest with its links, and the reason: all in one private chat."""
    assert "Reading cs.CL (Computation and Language)." in read(await server.ask(ADA, ADA, "/categories add cs.CL"))
    assert read(await server.ask(ADA, ADA, "/topics add kv cache")).startswith("Following kv cache")
    digest = await server.ask(ADA, ADA, "/digest")
    assert digest.is_html
    assert "1. Small KV Caches" in read(digest)
    links = [each.url for each in digest.entities if each.kind == "TextUrl"]
    assert links == ["https://arxiv.org/abs/2611.00001", "https://arxiv.org/abs/2611.00002"]
    assert "It is in the digest" in read(await server.ask(ADA, ADA, "/why 2611.00001"))


async def test_foreign_text_stays_text(telegram, server):
    """A title with markup, a mention and a domain arrives as such, with nothing to tap but its page."""
    await server.ask(ADA, ADA, "/categories add cs.CL")
    digest = await server.ask(ADA, ADA, "/digest")
    assert "On @everyone & <b>Worlds</b>" in read(digest)
    assert {each.kind for each in digest.entities} == {"Bold", "TextUrl"}


async def test_menus_show_what_each_reader_may_use(telegram, server):
    """Private chats and administrators see all but hidden and owner commands; members see what needs no rights."""
    await server.until(lambda: len(server.menus) == 3)
    everyone, members = server.menus["all_private_chats", ""], server.menus["all_group_chats", ""]
    assert everyone == server.menus["all_chat_administrators", ""]
    assert {"topics", "digest", "import", "quick"} <= set(everyone)
    assert {"hidden", "owner"} & set(everyone) == set()
    assert {"topics", "digest"} <= set(members)
    assert {"import", "quick"} & set(members) == set()


async def test_telegram_speaks_as_its_client(server):
    """Menus, hints and replies are in the client's language, and so is the chat from then on."""
    ada = {"from": {"id": ADA, "is_bot": False, "first_name": "Ada", "language_code": "zh-hans"}}
    world = World(make_batch(*PAPERS), make_batch(category="cs.AI"))
    await world.storage.open()
    world.services = replace(world.services, languages=load_languages())
    telegram = Telegram(server, world)
    await telegram.start()
    try:
        assert "我只听命令" in read(await server.ask(ADA, ADA, "hello", **ada))
        assert "没有命令" in read(await server.ask(ADA, ADA, "/nonsense", **ada))
        assert "已关注：kv cache" in read(await server.ask(ADA, ADA, "/topics add kv cache", **ada))
        assert "评分" in read(await server.ask(ADA, ADA, "/digest"))
        assert (await telegram.subscription(Chat("telegram", str(ADA)))).language == "zh"
        await server.until(lambda: len(server.menus) == 6)
        assert server.menus["all_private_chats", "zh"] == server.menus["all_private_chats", ""]
    finally:
        await telegram.stop()


async def test_menus_that_fail_do_no_harm(server):
    """The bot serves people though Telegram refuses its menus."""
    server.script("setMyCommands", *[Fault(500)] * 3)
    async with opened(server):
        assert "/topics" in read(await server.ask(ADA, ADA, "/help"))


async def test_members_read_and_administrators_change(telegram, server):
    """In a group a member is refused with the word administrator; administrators, also anonymous ones, are not."""
    assert "administrator" in read(await server.ask(GROUP, BOB, "/topics add kv cache"))
    assert "No topics" in read(await server.ask(GROUP, BOB, "/topics"))
    assert "Following kv cache" in read(await server.ask(GROUP, ADA, "/topics add kv cache"))
    assert "Following quant*" in read(await server.ask(GROUP, 1087968824, "/topics add quant*", anonymous=True))
    assert (await telegram.subscription(Chat("telegram", str(GROUP)))).topics == ("kv cache", "quant*")
    assert "administrator" in read(await server.ask(GROUP, EVE, "/topics clear"))


async def test_a_channel_that_speaks_in_a_group_has_no_rights(telegram, server):
    """Only the group itself speaks for its administrators."""
    channel = {"id": -100999, "type": "channel", "title": "Elsewhere"}
    assert "administrator" in read(await server.ask(GROUP, 136817688, "/topics add x", sender_chat=channel))
    assert server.called("getChatMember") == []


async def test_rights_are_asked_afresh(telegram, server):
    """Who was made a member again is refused at once."""
    await server.ask(GROUP, ADA, "/topics add kv cache")
    server.rooms[GROUP].members[ADA] = "member"
    assert "administrator" in read(await server.ask(GROUP, ADA, "/topics add quant*"))


async def test_replies_in_groups_answer_the_message(telegram, server):
    """In a group it is visible whom the bot answers; in private there is only one."""
    said = await server.say(GROUP, BOB, "/topics")
    [reply] = await server.replies(GROUP)
    assert reply.reply_to == said
    assert (await server.ask(BOB, BOB, "/topics")).reply_to is None


async def test_forum_topics_are_chats_of_their_own(telegram, server):
    """Each topic of a forum has its own subscription, and gets its answers itself."""
    for thread, topic in ((7, "kv cache"), (8, "quant*"), (None, "attention")):
        reply = await server.ask(FORUM, ADA, f"/topics add {topic}", thread=thread)
        assert reply.thread == thread
    subscriptions = await telegram.world.storage.get_subscriptions()
    assert {each.chat.thread: each.topics for each in subscriptions} == {
        "": ("attention",),
        "7": ("kv cache",),
        "8": ("quant*",),
    }


async def test_a_thread_of_replies_is_no_forum_topic(telegram, server):
    """Outside forums a message_thread_id only groups replies."""
    await server.ask(GROUP, ADA, "/topics add kv cache", message_thread_id=99)
    assert await telegram.subscription(Chat("telegram", str(GROUP)))


async def test_commands_for_others_are_theirs(telegram, server):
    """Our name is accepted in any case; a command for another bot, an unknown one and small talk get silence in groups."""
    for text in ("/topics@other_bot", "/frobnicate", "hello there", "arXiv:2611.00001", "/topics@other_bot add x"):
        await server.say(GROUP, ADA, text)
    assert "No topics" in read(await server.ask(GROUP, ADA, "/topics@Paper_Bot list"))
    assert "no command" in read(await server.ask(GROUP, ADA, "/frobnicate@paper_bot"))
    assert len(server.sent(GROUP)) == 2


async def test_private_talk_is_never_met_with_silence(telegram, server):
    """Unknown commands, plain text and files get a line that helps."""
    assert "Did you mean /topics?" in read(await server.ask(ADA, ADA, "/topisc"))
    assert "/help" in read(await server.ask(ADA, ADA, "hello there"))
    await server.send_file(ADA, ADA, b"{}")
    assert "/import" in read((await server.replies(ADA))[0])


async def test_shared_topics_are_opened_by_a_deep_link(telegram, server):
    """/share gives links, and what Telegram sends when one is opened adds the topics."""
    await server.ask(ADA, ADA, "/topics add kv cache")
    shared = await server.ask(ADA, ADA, "/share")
    links = [each.url for each in shared.entities if each.kind == "TextUrl"]
    payload = links[0].removeprefix("https://t.me/paper_bot?start=")
    assert links[1] == f"https://t.me/paper_bot?startgroup={payload}"
    assert "Following kv cache" in read(await server.ask(BOB, BOB, f"/start {payload}"))
    assert "Following kv cache" in read(await server.ask(GROUP, ADA, f"/start@paper_bot {payload}"))


async def test_a_flood_in_one_chat_is_bounded(telegram, server, caplog):
    """What comes on top of twenty waiting commands is dropped and logged; other chats notice nothing."""
    await server.say(ADA, ADA, "/slow 0.5")
    for _ in range(30):
        await server.say(ADA, ADA, "/topics")
    await server.ask(BOB, BOB, "/topics")
    assert server.sent(ADA) == []
    await server.until(lambda: len(server.sent(ADA)) == 20)
    assert caplog.text.count("too many wait lane=telegram:501") == 11


async def test_a_pasted_paper_shows_its_card(telegram, server):
    """An id or link of arXiv, alone or in a sentence, is answered with the paper."""
    await server.ask(ADA, ADA, "/categories add cs.CL")
    await server.ask(ADA, ADA, "/digest")
    for text in ("2611.00001", "https://arxiv.org/pdf/2611.00001v1", "have you seen arxiv.org/abs/2611.00001?"):
        card = await server.ask(ADA, ADA, text)
        assert "Small KV Caches" in read(card)
        assert "https://arxiv.org/abs/2611.00001" in {each.url for each in card.entities}


async def test_an_edited_message_counts(telegram, server):
    """Who mends a typing mistake is answered."""
    await server.say(ADA, ADA, "/topics add kv cache", edited=True)
    assert "Following kv cache" in read((await server.replies(ADA))[0])


async def test_line_breaks_separate_like_blanks(telegram, server):
    """A command and its argument may stand on different lines."""
    assert "Following kv cache" in read(await server.ask(ADA, ADA, "/topics\nadd kv cache"))


async def test_export_and_import_by_file(telegram, server):
    """What /export gives is taken back as a file with the command as its caption, or in reply to the file."""
    await server.ask(ADA, ADA, "/categories add cs.CL")
    export = await server.ask(ADA, ADA, "/export")
    assert [each.kind for each in export.entities] == ["Pre"]
    await server.send_file(BOB, BOB, export.text.encode(), "/import")
    assert "Imported: 1 category," in read((await server.replies(BOB))[0])
    assert (await telegram.subscription(Chat("telegram", str(BOB)))).categories == ("cs.CL",)


@pytest.mark.parametrize(
    ("content", "size", "expected"),
    [(b"x" * 10, 2_000_000, "too large"), (b"\xff\xfe\x00", 3, "not text"), (b"[]", 2, "")],
)
async def test_files_that_are_no_configuration(telegram, server, content, size, expected):
    """What is too large is not fetched, what is not text or not ours is explained."""
    await server.send_file(ADA, ADA, content, "/import", file_size=size)
    [reply] = await server.replies(ADA)
    assert expected in reply.text
    assert "went wrong" not in reply.text


async def test_a_file_that_cannot_be_fetched(telegram, server):
    """Telegram's trouble is told in words that help."""
    server.script("getFile", Fault(500))
    await server.send_file(ADA, ADA, b"{}", "/import")
    assert "send it again" in read((await server.replies(ADA))[0])


async def test_a_question_is_answered_by_the_next_words(telegram, server):
    """In private the next text completes the question; a command takes its place."""
    await server.ask(ADA, ADA, "/name")
    assert read(await server.ask(ADA, ADA, "Ada")) == "Hello Ada."
    assert "/help" in read(await server.ask(ADA, ADA, "Ada"))
    await server.ask(ADA, ADA, "/name")
    await server.ask(ADA, ADA, "/topics")
    assert "/help" in read(await server.ask(ADA, ADA, "Ada"))


async def test_a_question_outlives_a_restart(telegram, server):
    """For an hour; then the person is told to start again, or shown the paper that they mean."""
    await server.ask(ADA, ADA, "/name")
    await telegram.stop()
    again = Telegram(server, telegram.world)
    await again.start()
    assert read(await server.ask(ADA, ADA, "Ada")) == "Hello Ada."
    for words, answer in (("Ada", "Please start again: /name"), ("2611.00001", "no paper 2611.00001")):
        await server.ask(ADA, ADA, "/name")
        await again.stop()
        telegram.world.now += timedelta(hours=1)
        await again.start()
        assert answer in read(await server.ask(ADA, ADA, words))
        assert "/help" in read(await server.ask(ADA, ADA, "Ada"))
    await again.stop()


async def test_a_question_in_a_group_is_answered_by_a_reply(telegram, server):
    """Only the person who was asked answers, by replying to the question; other talk is none of ours."""
    question = await server.ask(GROUP, BOB, "/name")
    assert question.forces_reply
    replied = {"reply_to_message": server._message(question)}
    await server.say(GROUP, BOB, "just talking")
    await server.say(GROUP, ADA, "Ada", **replied)
    assert read(await server.ask(GROUP, BOB, "Bob", **replied)) == "Hello Bob."
    assert len(server.sent(GROUP)) == 2


async def test_a_button_replaces_its_message(telegram, server):
    """The press is answered with the toast and the message is edited in place; no change is no error."""
    shown = await server.ask(ADA, ADA, "/panel")
    assert shown.labels == [["Again", "Quick", "Late"]]
    for _ in range(2):
        query = await server.press(shown, "Again", ADA)
        await server.until(lambda query=query: query in server.answers)
        assert server.answers[query] == "Done."
    await server.until(lambda: shown.edits == 1 and len(server.called("editMessageText")) == 2)
    assert shown.text == "pressed"
    assert len(server.sent(ADA)) == 1


@pytest.mark.parametrize(
    ("fault", "messages"),
    [
        (Fault(400, "Bad Request: message can't be edited"), ["panel", "pressed"]),
        (Fault(400, "Bad Request: can't parse entities: unsupported start tag"), ["pressed"]),
        (Fault(is_lost=True), ["pressed"]),
    ],
    ids=["too old to edit", "markup refused", "answer lost"],
)
async def test_an_edit_that_fails_still_answers(telegram, server, fault, messages):
    """What cannot be edited is sent anew; refused markup is edited in plain; a lost answer is not repeated."""
    shown = await server.ask(ADA, ADA, "/panel")
    server.script("editMessageText", fault)
    await server.press(shown, "Again", ADA)
    await server.until(lambda: [each.text for each in server.sent(ADA)] == messages)
    await server.ask(BOB, BOB, "/topics")
    assert [each.text for each in server.sent(ADA)] == messages


async def test_other_updates_are_no_talk(telegram, server, caplog):
    """Coming and going is logged; bots, service messages and stickers get no answer."""
    caplog.set_level(logging.INFO)
    member = {"user": {"id": 1, "is_bot": True, "first_name": "x"}, "status": "member"}
    person = {"id": ADA, "is_bot": False, "first_name": "Ada"}
    change = {"chat": server.rooms[GROUP].json, "from": person, "date": 1, "old_chat_member": member}
    await server.send_update("my_chat_member", change | {"new_chat_member": member})
    await server.say(GROUP, ADA, new_chat_title="x")
    await server.say(GROUP, ADA, "/topics", **{"from": member["user"]})
    await server.until(lambda: f"membership chat={GROUP} status=member" in caplog.text)
    await server.ask(BOB, BOB, "/topics")
    assert server.sent(GROUP) == []


async def test_a_button_in_a_topic_answers_there(telegram, server):
    """The answer to a press goes to the topic of the message with the button."""
    await server.say(FORUM, ADA, "/panel", thread=7)
    [shown] = await server.replies(FORUM)
    await server.press(shown, "Quick", ADA)
    [reply] = await server.replies(FORUM)
    assert (reply.text, reply.thread) == ("changed", 7)


async def test_rights_are_checked_when_a_button_is_pressed(telegram, server):
    """A member who presses an administrator's button is told so alone, and the chat hears nothing."""
    shown = await server.ask(GROUP, ADA, "/panel")
    query = await server.press(shown, "Quick", BOB)
    await server.until(lambda: query in server.answers)
    assert "administrator" in server.answers[query]
    await server.press(shown, "Quick", ADA)
    assert [each.text for each in await server.replies(GROUP)] == ["changed"]
    assert len(server.sent(GROUP)) == 2


async def test_a_button_of_a_message_that_is_too_old(telegram, server):
    """In a forum an inaccessible message does not tell its topic: nothing is guessed."""
    room = server.rooms[FORUM]
    message = {"chat": room.json, "message_id": 1, "date": 0}
    server._queries["77"] = True
    person = {"id": ADA, "is_bot": False, "first_name": "Ada"}
    query = {"id": "77", "from": person, "chat_instance": "1", "data": "/quick", "message": message}
    await server.send_update("callback_query", query)
    await server.until(lambda: "77" in server.answers)
    assert "too old" in server.answers["77"]
    assert server.sent(FORUM) == []


async def test_long_work_shows_signs_of_life(telegram, server):
    """After a second the chat says typing; a pressed button stops spinning, and its toast becomes a message."""
    await server.say(ADA, ADA, "/panel")
    [shown] = await server.replies(ADA)
    query = await server.press(shown, "Late", ADA)
    [reply] = await server.replies(ADA)
    assert server.answers[query] == ""
    assert server.called("sendChatAction") == [{"chat_id": ADA, "action": "typing"}]
    assert reply.text == "late toast\nslow is done"


async def test_a_slow_command_holds_up_its_own_chat_alone(telegram, server):
    """Another chat is answered at once; the same chat's next command waits its turn."""
    await server.say(ADA, ADA, "/slow 0.6")
    await server.say(ADA, ADA, "/topics")
    await server.ask(BOB, BOB, "/topics")
    assert server.sent(ADA) == []
    assert [read(each)[:9] for each in await server.replies(ADA, 2)] == ["slow is d", "No topics"]


async def test_a_bug_apologises_with_an_id_that_the_log_has(telegram, server, caplog):
    """Neither a command's bug nor a mistake in a reply leaves a person without an answer."""
    for line in ("/crash", "/fat"):
        reply = await server.ask(ADA, ADA, line)
        error_id = reply.text.rpartition("(Error ")[2].rstrip(")")
        assert f"error_id={error_id}" in caplog.text


async def test_an_update_that_cannot_be_read_is_left_out(telegram, server, caplog):
    """One broken update neither stops the bot nor comes again."""
    await server.send_update("message", {"message_id": 1})
    assert "No topics" in read(await server.ask(ADA, ADA, "/topics"))
    assert caplog.text.count("update unreadable") == 1


async def test_only_the_owner_owns(telegram, server):
    """Owner commands exist for OWNER_IDS alone, also where others are administrators."""
    assert (await server.ask(ADA, ADA, "/hidden")).text == "changed"
    assert "no command" in read(await server.ask(BOB, BOB, "/hidden"))


async def test_a_chat_that_moves_takes_its_subscription_along(telegram, server):
    """Both service messages, in either order, move the subscription once."""
    server.group(-77, {ADA: "administrator"}, kind="group")
    await server.ask(-77, ADA, "/topics add kv cache")
    server.group(-10077, {ADA: "administrator"})
    server.rooms[-77].moved_to = -10077
    await server.say(-77, ADA, migrate_to_chat_id=-10077)
    await server.say(-10077, ADA, migrate_from_chat_id=-77)
    assert "kv cache" in read(await server.ask(-10077, ADA, "/topics"))
    assert await telegram.subscription(Chat("telegram", "-77")) is None


async def test_a_reply_to_a_chat_that_moved_follows_it(telegram, server):
    """Where the send itself learns of the move, the answer goes to the new chat and the subscription moves."""
    server.group(-77, {ADA: "administrator"}, kind="group")
    server.group(-10077, {ADA: "administrator"})
    server.script("sendMessage", Fault(400, "group chat was upgraded to a supergroup chat", migrate_to=-10077))
    await server.say(-77, ADA, "/topics add kv cache")
    assert "Following kv cache" in read((await server.replies(-10077))[0])
    assert telegram.moves == [(Chat("telegram", "-77"), Chat("telegram", "-10077"))]
    assert (await telegram.subscription(Chat("telegram", "-10077"))).topics == ("kv cache",)


async def test_refused_markup_goes_out_plain(telegram, server, caplog):
    """The part that Telegram refuses is sent once more without markup, and the log says so."""
    await server.ask(ADA, ADA, "/categories add cs.CL")
    server.script("sendMessage", Fault(400, "Bad Request: can't parse entities: unexpected end tag at byte offset 5"))
    digest = await server.ask(ADA, ADA, "/digest")
    assert not digest.is_html
    assert "Small KV Caches" in read(digest)
    assert {each.kind for each in digest.entities} == set()
    assert "markup refused" in caplog.text


async def test_too_many_requests_are_waited_for(telegram, server):
    """A 429 is obeyed, and the reply sent after it; so is one for the answer to a press."""
    server.script("sendMessage", Fault(429, "Too Many Requests: retry after 1", retry_after=1))
    assert "No topics" in read(await server.ask(ADA, ADA, "/topics"))
    assert len(server.called("sendMessage")) == 2


async def test_a_reply_that_never_left_is_sent_again():
    """Nobody listened for a moment: nothing can have arrived, so trying again is safe."""
    async with TelegramServer() as server:
        server.group(GROUP, {})
        port = int(server.url.rpartition(":")[2])
    messenger = TelegramMessenger(TOKEN, f"http://127.0.0.1:{port}", Telegram(server, World())._move)
    sending = asyncio.create_task(messenger.send(Chat("telegram", str(GROUP)), "x"))
    await asyncio.sleep(0.2)
    async with TelegramServer(port=port) as later:
        later.group(GROUP, {})
        await sending
        assert [each.text for each in later.sent(GROUP)] == ["x"]


@pytest.mark.parametrize(
    "fault",
    [
        Fault(is_lost=True),
        Fault(500, "Internal Server Error"),
        Fault(502, body="<html>Bad Gateway</html>"),
        Fault(429, retry_after=3600),
        Fault(403, "Forbidden: bot was blocked by the user"),
        Fault(400, "Bad Request: not enough rights to send text messages to the chat"),
    ],
    ids=lambda fault: f"{fault.status} {fault.description}",
)
async def test_a_reply_that_may_have_arrived_is_not_repeated(telegram, server, fault):
    """One send, whatever its answer; the next command is served as always."""
    server.script("sendMessage", fault)
    await server.say(ADA, ADA, "/categories")
    await server.say(ADA, ADA, "/topics")
    await server.until(lambda: any("No topics" in read(each) for each in server.sent(ADA)))
    texts = [each["text"] for each in server.called("sendMessage")]
    assert len(texts) == len(set(texts)) == 2


@pytest.mark.parametrize("token", ["110201543:AAHwrong-wrong-wrong-wrong-wrong-wro", "nonsense", "1:x/../y"])
async def test_a_wrong_token_is_refused_for_good(server, token, caplog):
    """401 and 404 are for the operator; the error says what is wrong and never the token."""
    caplog.set_level(logging.DEBUG)
    telegram = Telegram(server, World(), token=token)
    with pytest.raises(PlatformRefusedError, match="token") as caught:
        await telegram.platform.run()
    assert token not in str(caught.value)
    assert token not in caplog.text


async def test_a_token_revoked_in_mid_run_is_noticed(telegram, server):
    """The next poll ends the run."""
    server.token = "110201543:AAHanother-another-another-another-a"
    with pytest.raises(PlatformRefusedError):
        await asyncio.wait_for(telegram.running, 5)


async def test_an_unreachable_server_is_trouble_for_later(server):
    """Nobody listens: PlatformError at once, so that the supervisor tries again."""
    telegram = Telegram(server, World(), api_url="http://127.0.0.1:9")
    with pytest.raises(PlatformError) as caught:
        await telegram.platform.run()
    assert not isinstance(caught.value, PlatformRefusedError)
    assert telegram.platform.last_contact is None


async def test_a_server_that_fails_for_a_while_is_polled_again(server):
    """A 502 and a broken body are got over without a restart."""
    server.script("getUpdates", Fault(502, body="<html>Bad Gateway</html>"))
    async with opened(server) as telegram:
        assert "No topics" in read(await server.ask(ADA, ADA, "/topics"))
        assert telegram.platform.last_contact == telegram.world.now


async def test_a_server_that_goes_on_failing_ends_the_run(server):
    """After so many seconds without an answer the supervisor takes over."""
    server.script("getUpdates", *[Fault(500)] * 50)
    async with opened(server, patience=1.5) as telegram:
        with pytest.raises(PlatformError, match="cannot be reached"):
            await asyncio.wait_for(telegram.running, 5)


async def test_polls_that_are_never_answered_are_noticed(server):
    """A connection that is open and silent for ever ends the run with a PlatformError; a new run works."""
    async with opened(server, patience=1.5) as telegram:
        await server.ask(ADA, ADA, "/topics")
        server.is_dead = True
        with pytest.raises(PlatformError, match="no poll was answered"):
            await asyncio.wait_for(telegram.running, 25)
        server.is_dead = False
        await telegram.start()
        assert "No topics" in read(await server.ask(ADA, ADA, "/topics"))


async def test_a_second_poller_is_reported_once(server, caplog):
    """Conflicts are told in one clear line, however often they come, and polling goes on."""
    server.script("getUpdates", *[Fault(409, "Conflict: terminated by other getUpdates request")] * 2)
    async with opened(server):
        await server.say(ADA, ADA, "/topics")
        await server.replies(ADA, seconds=10)
    assert caplog.text.count("another program polls with the same token") == 1


async def test_two_bots_with_one_token_do_conflict(telegram, server, caplog):
    """The server ends the older poll when a newer one comes, as Telegram does."""
    await server._call("getUpdates", {"timeout": 0})
    await server.until(lambda: "another program polls" in caplog.text)


async def test_stopping_finishes_what_is_in_flight(telegram, server):
    """On cancellation the reply under way still goes out, within seconds, and no update is lost or done twice."""
    await server.say(ADA, ADA, "/slow 0.5")
    await asyncio.sleep(0.2)
    started = asyncio.get_running_loop().time()
    telegram.running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await telegram.running
    assert asyncio.get_running_loop().time() - started < 3
    assert [each.text for each in server.sent(ADA)] == ["slow is done"]
    await server.say(ADA, ADA, "/topics")
    await telegram.start()
    assert "No topics" in read((await server.replies(ADA, 2))[-1])
    assert len(server.sent(ADA)) == 2


async def test_what_was_answered_does_not_come_again(server):
    """A stop while the next poll has not reached Telegram yet still tells it what is done with."""
    server.script("getUpdates", Fault(), Fault(pause=30))
    async with opened(server) as telegram:
        await server.ask(ADA, ADA, "/topics")
        await telegram.stop()
        await telegram.start()
        await server.ask(BOB, BOB, "/topics")
    assert len(server.sent(ADA)) == 1


async def test_stopping_does_not_wait_for_ever(server, caplog):
    """Work that takes too long is cut off after the time that is given to it."""
    async with opened(server, finish_seconds=0.5) as telegram:
        await server.say(ADA, ADA, "/slow 60")
        await server.until(lambda: server.called("sendChatAction"))
        async with asyncio.timeout(5):
            await telegram.stop()
    assert "unfinished work count=1" in caplog.text


async def test_no_log_and_no_error_holds_the_token(server, caplog):
    """Not at DEBUG, not in a trace, whatever goes wrong."""
    caplog.set_level(logging.DEBUG)
    server.script("sendMessage", Fault(is_lost=True), Fault(500), Fault(400, "Bad Request: can't parse entities"))
    async with opened(server, patience=1.5) as telegram:
        for line in ("/topics", "/help", "/crash", "/export"):
            await server.say(ADA, ADA, line)
        await server.send_file(ADA, ADA, b"{}", "/import")
        await server.until(lambda: len(server.called("sendMessage")) >= 6)
        server.is_dead = True
        with pytest.raises(PlatformError) as caught:
            await asyncio.wait_for(telegram.running, 25)
    assert len(caplog.records) > 20
    assert any("sendMessage" in record.getMessage() for record in caplog.records)
    assert TOKEN not in caplog.text + repr(caught.value) + repr(caught.value.__cause__) + repr(telegram.platform)


async def test_the_messenger_says_things_unasked(server):
    """A remark reaches a chat or a forum topic, in parts where it is long, also while the platform does not run."""
    await server.say(ADA, ADA, "hello")
    messenger = TelegramMessenger(TOKEN, server.url, Telegram(server, World())._move)
    await messenger.send(Chat("telegram", str(ADA)), "cs.CL is late. " * 400)
    await messenger.send(Chat("telegram", str(FORUM), "7"), "Hello, topic.")
    assert "".join(f"{read(each)} " for each in server.sent(ADA)) == "cs.CL is late. " * 400
    assert [each.text for each in server.sent(FORUM, thread=7)] == ["Hello, topic."]


@pytest.mark.parametrize(
    ("fault", "error"),
    [(Fault(403, "Forbidden: bot was blocked by the user"), PlatformError), (Fault(401), PlatformRefusedError)],
)
async def test_the_messenger_tells_when_it_could_not(server, fault, error):
    """A remark that did not arrive raises."""
    server.script("sendMessage", fault)
    messenger = TelegramMessenger(TOKEN, server.url, Telegram(server, World())._move)
    with pytest.raises(error):
        await messenger.send(Chat("telegram", str(GROUP)), "x")
