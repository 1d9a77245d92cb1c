"""Channels managed from a private chat, and files, on the real Telegram platform against a strict Bot API server."""

import json

import pytest

from bot.model.chat import Chat
from tests.adapters.test_telegram import ADA, BOB, EVE, GROUP, opened, read
from tests.servers.telegram import BOT, Fault, TelegramServer

CHANNEL, SECRET = -1001001, -1001002
LONG = "x" * 450
NEWS = Chat("telegram", str(CHANNEL))


@pytest.fixture
async def server():
    async with TelegramServer() as server:
        server.group(GROUP, {ADA: "administrator", BOB: "member"})
        server.channel(CHANNEL, {ADA: "creator", EVE: "administrator", BOB: "member"}, "paper_news")
        server.channel(SECRET, {ADA: "administrator"})
        yield server
        assert server.complaints == []


@pytest.fixture
async def telegram(server):
    async with opened(server) as telegram:
        yield telegram


async def say(server, user, *lines):
    return [read(await server.ask(user, user, line)) for line in lines][-1]


async def topics(telegram, chat):
    subscription = await telegram.subscription(chat)
    return subscription.topics if subscription else ()


async def test_a_channel_is_managed_from_a_private_chat(telegram, server):
    """By name or id; nothing is said in the channel, and `off` ends it."""
    assert (await say(server, ADA, "/manage @paper_news")).startswith("For @paper_news: ")
    assert (await say(server, ADA, "/topics add kv cache")).startswith("For @paper_news: Following kv cache.")
    digest = await say(server, ADA, "/categories add cs.CL", "/digest")
    assert digest.startswith("For @paper_news:")
    assert "Small KV Caches" in digest
    assert await topics(telegram, NEWS) == ("kv cache",)
    assert (await say(server, ADA, f"/manage {SECRET}")).startswith("For A channel: ")
    ended = await say(server, ADA, "/manage off", "/topics")
    assert ended.startswith("No topics")
    assert server.sent(CHANNEL) == server.sent(SECRET) == []


async def test_only_administrators_of_the_channel_manage_it(telegram, server):
    """A subscriber is refused with the word administrator; any administrator is not."""
    assert "Only an administrator" in await say(server, BOB, "/manage @paper_news")
    assert (await say(server, EVE, "/manage @paper_news")).startswith("For @paper_news")


@pytest.mark.parametrize("name", ["@nobody_here", "-1009999999", "@x", "news!", "-5"])
async def test_a_channel_that_cannot_be_found_is_explained(telegram, server, name):
    """The refusal says what is missing, or how a channel is named."""
    refused = await say(server, ADA, f"/manage {name}")
    assert "I must be one, too" in refused or "A channel is named as" in refused


async def test_what_the_bot_lacks_is_named(telegram, server):
    """No administrator, or one who may not post: each is said to an administrator of the channel."""
    server.rooms[CHANNEL].rights[BOT["id"]]["can_post_messages"] = False
    assert "the right to post messages in @paper_news" in await say(server, ADA, "/manage @paper_news")
    server.rooms[CHANNEL].members[BOT["id"]] = "left"
    assert "I must be one, too" in await say(server, ADA, "/manage @paper_news")


async def test_both_rights_are_asked_at_each_command(telegram, server):
    """Whoever is no administrator any more changes nothing, nor does anybody where the bot may not post any more."""
    await say(server, ADA, "/manage @paper_news", "/topics add kv cache")
    server.rooms[CHANNEL].members[ADA] = "member"
    assert "Only an administrator" in await say(server, ADA, "/topics clear")
    server.rooms[CHANNEL].members[ADA] = "creator"
    server.rooms[CHANNEL].rights[BOT["id"]]["can_post_messages"] = False
    assert "right to post" in await say(server, ADA, "/topics clear")
    server.rooms[CHANNEL].rights[BOT["id"]]["can_post_messages"] = True
    server.script("getChatMember", Fault(500, "Internal Server Error"))
    assert "try again" in await say(server, ADA, "/topics clear")
    assert await topics(telegram, NEWS) == ("kv cache",)
    assert "Cleared 1" in await say(server, ADA, "/topics clear")


async def test_buttons_act_on_the_channel_they_were_drawn_for(telegram, server):
    """A list of the channel is edited in place while it is managed; afterwards its buttons change nothing."""
    listed = [
        await server.ask(ADA, ADA, line) for line in ("/manage @paper_news", "/topics add one", "/topics add two")
    ]
    listed = await server.ask(ADA, ADA, "/topics")
    await server.press(listed, "✕ 1", ADA)
    await server.until(lambda: listed.edits == 1)
    assert read(listed).startswith("For @paper_news: ")
    assert await topics(telegram, NEWS) == ("two",)
    await say(server, ADA, "/manage off")
    await server.press(listed, "✕ 1", ADA)
    assert "no longer manage" in read((await server.replies(ADA))[0])
    assert await topics(telegram, NEWS) == ("two",)


async def test_manage_is_for_private_chats_and_channels(telegram, server):
    """In a group it says where it works; a group is not managed from elsewhere."""
    refused = await server.ask(GROUP, ADA, "/manage @paper_news")
    assert "in private" in read(refused)
    server.rooms[GROUP].username = "a_group"
    assert "in the group itself" in await say(server, ADA, "/manage @a_group")


async def test_posts_in_a_channel_are_no_commands(telegram, server):
    """A channel's own posts, also those that look like commands, get no answer and do no harm."""
    post = {"message_id": 5, "date": 1, "chat": server.rooms[CHANNEL].json, "text": "/topics add x"}
    server._allowed = [*server._allowed, "channel_post", "edited_channel_post"]
    await server.send_update("channel_post", post | {"sender_chat": post["chat"]})
    await server.send_update("edited_channel_post", post | {"edit_date": 2})
    await say(server, BOB, "/topics")
    assert server.sent(CHANNEL) == []
    assert await topics(telegram, NEWS) == ()


async def test_a_long_configuration_is_sent_as_a_file(telegram, server):
    """What is longer than a message is one file, which /import takes back; a managed channel is named beside it."""
    await say(server, ADA, *(f"/topics add {LONG}{number}" for number in range(10)))
    sent = await server.ask(ADA, ADA, "/export")
    assert (sent.text, sent.file_name) == ("The configuration is in the file.", "paperround.json")
    assert len(json.loads(sent.file)["topics"]) == 10
    await say(server, ADA, "/manage @paper_news")
    await server.send_file(ADA, ADA, sent.file, "/import")
    assert read((await server.replies(ADA))[0]).startswith("For @paper_news: Imported: 0 categories, 10 topics")
    assert read(await server.ask(ADA, ADA, "/export")).startswith("For @paper_news: The configuration")


async def test_a_short_configuration_of_a_channel_is_copied_from_the_message(telegram, server):
    """The channel's name stands above the block."""
    await say(server, ADA, "/manage @paper_news", "/topics add kv cache")
    sent = await server.ask(ADA, ADA, "/export")
    first, block = read(sent).split("\n", 1)
    assert first == "For @paper_news:"
    assert json.loads(block)["topics"] == ["kv cache"]
    assert [each.text for each in sent.entities if each.kind == "Pre"] == [block]


async def test_a_file_in_a_group_answers_there(telegram, server):
    """As every answer it replies to the message that asked."""
    for number in range(10):
        await server.ask(GROUP, ADA, f"/topics add {LONG}{number}")
    asked = await server.say(GROUP, ADA, "/export")
    [sent] = await server.replies(GROUP)
    assert sent.file
    assert sent.reply_to == asked
