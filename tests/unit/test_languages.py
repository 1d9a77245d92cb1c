"""Languages: a whole catalogue for each, chosen by the chat or, before it has chosen, by the person's client."""

import io
import re
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from string import Formatter

import discord
import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from bot.app import load_languages
from bot.errors import SourceError, SourceFault, StorageError
from bot.language import base_language, tr
from bot.model.chat import Chat
from bot.model.digest import Reason, Score
from bot.rendering.scores import format_reasons
from bot.rendering.text import format_day, format_instant
from handlers.command import CommandGroup, Request
from handlers.commands import COMMANDS
from handlers.console.render import render_reply
from handlers.discord.commands import CatalogueTranslator, build_tree, definitions_hash
from handlers.execution import execute, parse_line
from tests.build import CHAT, make_batch, make_paper
from tests.world import TAXONOMY, World, answer

LOCALES = Path("config/locales")
LANGUAGES = load_languages()
CODES = sorted(LANGUAGES.catalogues)
TITLE = "Small KV Caches for Everyone"
EXAMPLES = ("machine learning, computer vision", "kv cache", "https://", "ti:attention OR au:Dao", "types new,cross")
NAMES = ("/start pick ", "/start want ", "/start browse ")
# Three words of English in a row.
ENGLISH = re.compile(r"[A-Za-z]{2,}(?:[ ,;:.]+[A-Za-z]{2,}){2,}")


def read_catalogue(code):
    with (LOCALES / code / "LC_MESSAGES" / "paperround.po").open("rb") as file:
        return read_po(file, locale=code)


def forms(message):
    """A message and its translation, each as a tuple of one or more forms."""
    return tuple((each,) if isinstance(each, str) else tuple(each) for each in (message.id, message.string))


def messages_in_sources():
    found = set()
    for room in ("bot", "handlers"):
        for _, _, message, _, _ in extract_from_dir(room, [("**.py", "config.messages:extract_messages")]):
            found.add(message if isinstance(message, str) else tuple(message))
    return found


def places(text):
    return {(name, form) for _, name, form, _ in Formatter().parse(text) if name is not None}


def speaking_world():
    world = World(
        make_batch(make_paper("2611.00001", TITLE, "我们缩小缓存: kv cache.", categories=("cs.CL",))),
        make_batch(category="cs.AI"),
    )
    world.services = replace(world.services, languages=LANGUAGES)
    return world


async def ask_from(world, client, line, chat=CHAT):
    """A command from a person whose client speaks `client`."""
    await world.storage.open()
    invocation = parse_line(COMMANDS, line)
    return await execute(
        invocation, world.services, Request(chat, "ada", answer(True), invocation.args, language=client)
    )


def test_there_is_chinese():
    """English needs no catalogue, and Chinese has one."""
    assert "zh" in CODES
    assert LANGUAGES.has("en")
    assert not LANGUAGES.has("de")


@pytest.mark.parametrize("code", CODES)
def test_no_message_is_missing_or_left_over(code):
    """The catalogue has exactly the messages of the sources, each with a translation that nobody marked as a guess."""
    catalogue = [each for each in read_catalogue(code) if each.id]
    known = {each.id if isinstance(each.id, str) else tuple(each.id) for each in catalogue}
    assert known == messages_in_sources()
    for each in catalogue:
        assert not each.fuzzy, each.id
        assert all(forms(each)[1]), each.id
    assert not read_catalogue(code).obsolete


@pytest.mark.parametrize("code", CODES)
def test_translations_have_the_same_places(code):
    """What is filled into the message is filled into its translation, in the same format."""
    for each in (each for each in read_catalogue(code) if each.id):
        originals, translations = forms(each)
        for translation in translations:
            assert places(translation) == places(originals[-1]), each.id


@pytest.mark.parametrize("code", CODES)
def test_the_compiled_catalogue_is_the_written_one(code):
    """What the bot reads is what translators wrote."""
    compiled = io.BytesIO()
    write_mo(compiled, read_catalogue(code))
    assert (LOCALES / code / "LC_MESSAGES" / "paperround.mo").read_bytes() == compiled.getvalue()


@pytest.mark.parametrize("code", CODES)
def test_helps_fit_every_platform(code):
    """Menus take at most 100 characters in every language."""
    with LANGUAGES.speaking(code):
        for entry in COMMANDS:
            for each in (entry, *(entry.commands if isinstance(entry, CommandGroup) else ())):
                texts = [each.help, *(param.help for param in getattr(each, "params", ()))]
                assert all(0 < len(tr(text)) <= 100 for text in texts)


def test_days_follow_the_language():
    """Dates are written as the language writes them; outside of it they are English again."""
    moment = datetime(2026, 8, 13, 5, 0, tzinfo=UTC)
    with LANGUAGES.speaking("zh"):
        assert format_day(date(2026, 8, 13)) == "2026年8月13日 星期四"
        assert format_instant(moment) == "2026年8月13日 星期四 05:00 UTC"
        assert format_reasons(Score(2.1, (Reason("kv cache", ("title", "abstract"), 2.1),))) == "标题和摘要：kv cache"
    assert format_instant(moment) == "Thursday 13 August 2026, 05:00 UTC"


@pytest.mark.parametrize(
    ("tag", "code"), [("zh-CN", "zh"), ("zh-hans", "zh"), ("zh_TW", "zh"), ("en-US", "en"), ("DE", "de"), ("", "")]
)
def test_clients_name_languages_in_many_ways(tag, code):
    """Region and script do not matter."""
    assert base_language(tag) == code


async def test_a_new_chat_speaks_as_the_client():
    """Before a chat has a subscription the client decides, and what it speaks becomes the subscription's language."""
    world = speaking_world()
    assert "欢迎" in (await ask_from(world, "zh", "/start")).text
    assert (await ask_from(world, "zh", "/topics add kv cache")).text.startswith("已关注：kv cache。")
    assert (await world.storage.get_subscription(CHAT)).language == "zh"
    assert (await ask_from(world, "en", "/topics")).text.startswith("本聊天关注的主题")


async def test_a_client_without_a_catalogue_gets_english():
    """The bot speaks English, the subscription keeps the language for its summaries; unknown tags change nothing."""
    world, other = speaking_world(), Chat("console", "other")
    assert (await ask_from(world, "de", "/topics add kv cache")).text.startswith("Following kv cache.")
    assert (await world.storage.get_subscription(CHAT)).language == "de"
    await ask_from(world, "xx", "/topics add kv cache", other)
    assert (await world.storage.get_subscription(other)).language == "en"


async def test_the_language_is_a_setting():
    """`/settings language` answers in the new language at once, and says so where the bot does not speak it."""
    world = speaking_world()
    assert await world.say("/settings language zh") == "language 现在是 zh。"
    assert await world.say("/settings language en") == "language is now en."
    assert "the bot itself speaks English" in await world.say("/settings language de")


async def test_two_chats_two_languages():
    """What one chat speaks never reaches another."""
    world = speaking_world()
    await world.say("/settings language zh")
    assert "There were no topics" in await world.say("/topics clear", chat=Chat("console", "other"))
    assert "没有可清空的主题" in await world.say("/topics clear")


async def test_a_broken_storage_does_not_silence_the_bot():
    """Where the language cannot be read, the apology comes in that of the client."""
    world = speaking_world()

    async def fail(chat):
        raise StorageError("no disk")

    world.storage.get_subscription = fail
    assert "出了点问题" in (await ask_from(world, "zh", "/topics")).text


TALK = """/start
/start browse
/start pick cs.CL
/start fields nonsense
/start fields cs.CL
/start topics kv cache
/start want quantization
/start time 9
/start time Berlin
/start time nonsense
/start zone nonsense
/start zone skip
/help
/help topics
/help nothing
/hepl
/topics nothing
/topics add
/topics add kv cache
/topics add "open
/topics add a OR NOT b
/topics add -survey
/topics list 2x
/topics
/topics mute kv cache
/topics weight kv cache
/topics weight -survey
/topics test kv cache
/topics test -kv
/topics test zebra
/topics remove 99
/topics remove quantization
/categories add cs
/categories add cs.ml
/categories add cs.AI
/categories
/categories remove 2
/digest
/digest sample
/digest seen
/digest nonsense
/why 2611.00001
/why 2611.99999
/why nonsense
/paper 2611.00001
/paper 2611.99999
/mark save 2611.00001
/mark nothing 2611.00001
/mark mute 2611.00001
/saved
/follow
/follow 2611.00001
/follow 2611.99999
/unfollow 2611.00001
/status
/schedule
/schedule set
/schedule announcement
/schedule 09:00
/schedule 09:00 Tokyo
/schedule nonsense
/schedule 1,2,3,4,5,6,7
/schedule 9 UTC+2
/schedule Cambridge
/schedule Berl
/pause
/pause friday
/pause yesterday
/pause 2020-01-01
/pause 500 days
/resume
/settings
/settings quiet_notice maybe
/settings timezone nonsense
/settings schedule nonsense
/settings max_papers many
/settings types old
/settings colour red
/settings detail full
/share
/import nonsense
/import {"topics": 1}
/import {}
/owner status
/owner pull
/owner pause
/owner announce 你好
/topics clear
/categories remove cs.CL
/digest
/forgetme
/forgetme no"""


@pytest.mark.parametrize("line", TALK.splitlines())
async def test_a_talk_in_chinese(line):
    """Nothing a Chinese chat is told, nor any button, is an English sentence; names, examples and titles stay."""
    world = speaking_world()
    allowed = [TITLE, "arXiv.org", *EXAMPLES, *(each.name for each in TAXONOMY), *TAXONOMY.archives]
    allowed += [archive.name for archive in TAXONOMY.archives.values()]
    await world.say("/settings language zh", "/categories add cs.CL", "/topics add kv cache")
    reply = await world.ask(line, is_owner=True)
    shown = render_reply(reply, width=100, colour=False)
    shown = "\n".join(
        [shown, *(each.label for each in reply.buttons if not each.line.startswith(NAMES)), *world.remarks]
    )
    for each in sorted(allowed, key=len, reverse=True):
        shown = shown.replace(each, "·")
    text = re.sub(r"/\w+(?: [\w.:*<>-]+)*|(?:[a-z_-]+, )+[a-z_-]+", "·", shown)
    assert not ENGLISH.search(text), ENGLISH.findall(text)
    assert re.search(r"[\u4e00-\u9fff]", shown)


async def test_discord_is_told_the_descriptions():
    """Descriptions go to Discord in every language of ours, names in none; a new catalogue is a reason to tell it anew."""
    client = discord.Client(intents=discord.Intents.none())
    tree = build_tree(client, COMMANDS, None, None)
    before = await definitions_hash(tree)
    await tree.set_translator(CatalogueTranslator(LANGUAGES))
    payload = await tree.get_command("why").get_translated_payload(tree, tree.translator)
    assert payload["description_localizations"]["zh-CN"] == "一篇论文为什么在或不在简报里。"
    assert "de" not in payload["description_localizations"]
    assert not payload.get("name_localizations")
    option = payload["options"][0]
    assert option["description_localizations"]["zh-CN"] == "arXiv 编号或链接"
    assert not option.get("name_localizations")
    assert await definitions_hash(tree) != before


async def test_a_failure_is_told_in_the_words_of_the_chat():
    """People read what kind of failure it is and until when, in their language; the error itself goes to the owner."""
    world = speaking_world()
    until = datetime(2026, 11, 20, 13, 30, tzinfo=UTC)
    world.source.failures["cs.CL"] = SourceError("HTTP 429, 2 times", fault=SourceFault.REFUSED, until=until)
    await world.say("/categories add cs.CL")
    told = "it asks us to wait until Friday 20 November 2026, 13:30 UTC"
    assert f"arXiv cannot be read: {told}" in (await world.ask("/digest")).text
    assert "HTTP 429, 2 times" in await world.say("/owner status", is_owner=True)
    await world.say("/settings language zh")
    status = await world.say("/status")
    assert "要求稍候" in status
    assert "wait" not in status
