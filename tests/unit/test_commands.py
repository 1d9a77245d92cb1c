"""What every command says, whatever the platform."""

import json
import re
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.errors import SourceError, SourceFault
from bot.model.chat import Chat
from bot.model.paper import AnnounceType
from handlers.command import Command, CommandGroup, Param, Reply, is_hidden
from handlers.commands import COMMANDS
from tests.build import CHAT, DAY, make_batch, make_paper
from tests.fake_source import FakeSource
from tests.world import World, answer

CACHE = make_paper("2611.00001", "Small KV Caches", "We shrink the kv cache of language models.", categories=("cs.CL",))
SURVEY = make_paper("2611.00002", "A Survey of KV Caches", "This survey lists them.", categories=("cs.CL", "cs.LG"))
OTHER = make_paper("2611.00003", "On Worlds", "The world is wide.", categories=("cs.CL",))
UPDATE = (make_paper("2610.00004", "Old KV Cache News", version=2), AnnounceType.REPLACE)


@pytest.fixture
def world():
    return World(make_batch(CACHE, SURVEY, OTHER, UPDATE), make_batch(category="cs.AI"))


def shown(reply):
    return [each.announced.paper.id for each in reply.digest.papers]


async def test_topics_are_added_listed_and_removed(world):
    """Each reply names what changed, and the list shows the numbers that remove takes."""
    assert (await world.say("/topics add kv   cache")).startswith("Following kv cache.")
    assert "Following quant*." in await world.say("/topics add quant*")
    listed = await world.say("/topics")
    assert "1. kv cache" in listed
    assert "2. quant*" in listed
    assert await world.say("/topics remove 1") == "No longer following kv cache. 1 topic left."
    assert await world.say("/topics remove QUANT*") == "No longer following quant*. No topics left."
    assert "No topics yet" in await world.say("/topics list")


async def test_a_topic_is_followed_once(world):
    """A second spelling of the same topic is refused and names the first."""
    await world.say("/topics add kv cache")
    assert await world.say('/topics add "KV-Caches"') == "This chat already follows kv cache."


async def test_a_followed_topic_takes_another_weight(world):
    """Added with a weight it is still one topic, in its place."""
    await world.say("/topics add kv cache", "/topics add quant*")
    assert (await world.say("/topics add kv cache^2")).startswith("Following kv cache^2.")
    assert "1. kv cache^2\n2. quant*\n" in await world.say("/topics")


async def test_a_topic_that_cannot_be_read_changes_nothing(world):
    """The reply points at the place and shows an example; the list stays as it was."""
    await world.say("/topics add kv cache")
    reply = await world.say("/topics add (kv AND")
    assert "^" in reply
    assert "This works: " in reply
    assert (await world.say("/topics")).count("\n1.") == 1
    assert "2." not in await world.say("/topics")


async def test_clearing_names_what_is_gone(world):
    """Clear says which topics it took away."""
    await world.say("/topics add kv cache", "/topics add -survey")
    assert "kv cache, -survey" in await world.say("/topics clear")
    assert await world.say("/topics clear") == "There were no topics to clear."


async def test_limits_are_told(world):
    """At most 200 topics and 100 categories; the limit is in the message."""
    for number in range(200):
        await world.say(f"/topics add topic{number}")
    assert "at most 200 topics" in await world.say("/topics add one more")
    assert "at most 100 categories" in await world.say("/categories add " + " ".join(CODES[:101]))
    assert "No categories yet" in await world.say("/categories")


CODES = [each.code for each in World().services.subscriptions.taxonomy]


async def test_categories_are_checked_against_the_taxonomy(world):
    """A known code is taken in arXiv's spelling; a near miss is suggested and nothing changes."""
    assert "Reading cs.CL (Computation and Language)." in await world.say("/categories add cs.cl")
    reply = await world.say("/categories add cs.Ml")
    assert "cs.LG" in reply
    assert "stat.ML" in reply
    assert "1. cs.CL (Computation and Language)" in await world.say("/categories")
    assert await world.say("/categories remove cs.CL") == "No longer reading cs.CL. Left: none."
    assert "nothing to remove" in await world.say("/categories remove 1")


async def test_several_categories_come_all_or_none(world):
    """One wrong code among several changes nothing."""
    assert "There is no category" in await world.say("/categories add cs.CL cs.XX")
    assert "No categories yet" in await world.say("/categories")
    assert "cs.CL (Computation and Language), stat.ML (Machine Learning)" in await world.say(
        "/categories add cs.CL, stat.ML"
    )
    assert "already reads" in await world.say("/categories add cs.CL")


async def test_a_digest_ranks_by_topics_and_explains(world):
    """Matching papers come with reasons; the rest is counted; replacements stay out by default."""
    await world.say("/categories add cs.CL", "/topics add kv cache", "/topics add -survey")
    reply = await world.ask("/digest")
    assert shown(reply) == [CACHE.id]
    [paper] = reply.digest.papers
    assert [(each.topic, each.fields) for each in paper.score.reasons] == [("kv cache", ("title", "abstract"))]
    assert {reason.name: count for reason, count in reply.digest.left_out.items()} == {
        "EXCLUDED": 1,
        "NO_MATCH": 1,
        "TYPE": 1,
    }
    assert reply.text == ""


async def test_without_topics_a_digest_has_every_paper(world):
    """Categories alone give all their papers, in arXiv's order."""
    await world.say("/categories add cs.CL")
    assert shown(await world.ask("/digest")) == [CACHE.id, SURVEY.id, OTHER.id]


async def test_topics_alone_read_the_default_categories(world):
    """Topics without a category are looked for in what the bot pulls by default, and the reply says so."""
    assert "papers of cs.AI, cs.CL are looked at" in await world.say("/topics add kv cache")
    assert set(shown(await world.ask("/digest"))) == {CACHE.id, SURVEY.id}
    assert world.source.asked == ["cs.AI", "cs.CL"]


async def test_a_digest_does_not_mark_papers_unless_asked(world):
    """The same digest comes again, until /digest seen says otherwise."""
    await world.say("/categories add cs.CL", "/settings max_papers 1")
    assert shown(await world.ask("/digest")) == shown(await world.ask("/digest seen")) == [CACHE.id]
    assert shown(await world.ask("/digest")) == [SURVEY.id]
    assert "takes nothing, or again" in await world.say("/digest please")


async def test_arxiv_is_asked_once_for_a_day(world):
    """What is here is not fetched again; the next day is."""
    await world.say("/categories add cs.CL", "/digest", "/digest", "/why 2611.00001", "/topics test kv cache")
    assert world.source.asked == ["cs.CL"]
    assert world.remarks == ["Reading cs.CL from arXiv (1 of 1) …"]
    world.later(days=3)
    await world.say("/digest")
    assert world.source.asked == ["cs.CL", "cs.CL"]


async def test_an_announcement_that_is_late_is_called_late(world):
    """On Monday with Friday's feed still up, the digest is Friday's and the reply says what is awaited."""
    await world.say("/categories add cs.CL")
    world.later(days=3)
    reply = await world.ask("/digest")
    assert "arXiv has not announced cs.CL for Monday 23 November 2026 yet." in reply.text
    assert reply.digest.day == DAY
    assert "cs.CL: waiting for the announcement of Monday 23 November 2026" in await world.say("/status")


async def test_a_quiet_day_is_explained():
    """An empty feed at the weekend says that it is the weekend, and when to expect more."""
    world = World(make_batch(day=DAY + timedelta(days=2)))
    world.later(days=2)
    await world.say("/categories add cs.CL")
    reply = await world.ask("/digest")
    assert reply.digest is None
    assert "arXiv announced nothing on Sunday 22 November 2026: it is the weekend" in reply.text
    assert "Monday 23 November 2026, 05:00 UTC" in reply.text
    assert "cs.CL: quiet" in await world.say("/status")


async def test_a_failure_is_told_and_the_rest_still_read(world):
    """One category that cannot be read does not hide the others, and is not passed over in silence."""
    world.source.failures["cs.LG"] = SourceError("no feed", where="http://feed/cs.LG", fault=SourceFault.INVALID)
    await world.say("/categories add cs.CL cs.LG")
    reply = await world.ask("/digest")
    assert "cs.LG could not be read: what came is incomplete or wrong" in reply.text
    assert len(reply.digest.papers) == 3
    status = await world.say("/status")
    assert "cs.LG: failed at Friday 20 November 2026, 12:00 UTC: what came is incomplete or wrong" in status
    assert "http" not in status + reply.text
    assert "cs.CL: complete, 4 papers announced on Friday 20 November 2026" in status


async def test_without_a_network_nobody_waits_for_every_category(world):
    """Where arXiv cannot even be connected to, the first attempt speaks for all categories."""
    world.source.failures["cs.AI"] = SourceError("no connection", reached=False, fault=SourceFault.UNREACHABLE)
    await world.say("/categories add cs.AI cs.CL cs.LG", "/digest")
    assert world.source.asked == ["cs.AI"]
    status = await world.say("/status")
    assert status.count("no answer comes") == 3


async def test_a_failed_category_is_asked_again_after_a_minute(world):
    """A failure is retried when the person asks again a minute later, not at once."""
    world.source.failures["cs.CL"] = SourceError("no route", fault=SourceFault.UNREACHABLE)
    await world.say("/categories add cs.CL", "/digest", "/digest")
    assert world.source.asked == ["cs.CL"]
    world.source.failures.clear()
    world.later(minutes=1)
    assert (await world.ask("/digest")).text == ""


async def test_the_sample_shows_itself_where_arxiv_cannot_be_reached(world):
    """Without a network and without a past, invented papers stand in, labelled, and are never kept."""
    world = World(sample=FakeSource(replace(make_batch(CACHE, SURVEY), is_sample=True)))
    world.source.failures["cs.CL"] = SourceError("no route", fault=SourceFault.UNREACHABLE)
    await world.say("/categories add cs.CL")
    reply = await world.ask("/digest seen")
    assert "arXiv cannot be reached" in reply.text
    assert reply.digest.is_sample
    assert await world.storage.get_seen(CHAT) == {}
    assert await world.storage.get_announcements(DAY) == ()
    assert "a sample" in await world.say("/topics test kv cache")
    assert (await world.say("/why 2611.00001")).startswith("SAMPLE of invented papers")


async def test_the_sample_never_replaces_what_was_pulled(world):
    """Once something real is here, an outage shows the last announcement, not the sample."""
    world.services.pipeline.sample = FakeSource(replace(make_batch(OTHER), is_sample=True))
    await world.say("/categories add cs.CL", "/digest")
    world.source.failures["cs.CL"] = SourceError("no route", fault=SourceFault.UNREACHABLE)
    world.later(days=3)
    reply = await world.ask("/digest")
    assert not reply.digest.is_sample
    assert "arXiv cannot be reached: no answer comes" in reply.text


async def test_why_explains_every_paper(world):
    """Shown, without room, of another type, delivered, excluded, unmatched, below the minimum: each has its answer."""
    await world.say("/categories add cs.CL", "/topics add kv cache", "/topics add -survey")
    why = await world.say("/why https://arxiv.org/abs/2611.00001v1")
    assert "It is in the digest, in place 1 of at most 10." in why
    assert re.search(r"Score (\d\d):\n\+\1 title and abstract: kv cache$", why)
    assert "left out by the topic -survey" in await world.say("/why 2611.00002")
    assert "matched no topic" in await world.say("/why 2611.00003")
    assert "/settings types new,cross,replace adds its type" in await world.say("/why 2610.00004")
    assert re.search(r"its score \d\d is below 100", await world.say("/settings min_score 100", "/why 2611.00001"))
    await world.say("/settings min_score 0", "/digest seen")
    delivered = await world.say("/why 2611.00001")
    assert "this chat got it on Friday 20 November 2026" in delivered
    assert "Among the papers of its day, sent or not, it has place 1 of 1." in delivered
    assert why.split("\n")[-2:] == delivered.split("\n")[-2:]
    await world.say("/topics clear", "/settings max_papers 1")
    assert "It has place 2, and max_papers is 1." in await world.say("/why 2611.00003")


async def test_why_explains_absence(world):
    """A paper of another category, one never seen here and one that is no id each get their own answer."""
    await world.say("/categories add cs.CL", "/digest", "/categories remove cs.CL", "/categories add cs.AI")
    assert "is in cs.CL, and this chat reads cs.AI" in await world.say("/why 2611.00001")
    assert "in none of the announcements kept here" in await world.say("/why 1706.03762")
    assert '"hello" is not an arXiv id' in await world.say("/why hello")


async def test_why_says_when_a_paper_is_too_old(world):
    """A paper of before the subscription is known, and not in the present digest."""
    await world.say("/help")
    await world.services.pipeline.pull(["cs.CL"])
    world.source.batches["cs.CL"] = make_batch(make_paper("2611.00009"), day=DAY + timedelta(days=3))
    world.later(days=3)
    await world.say("/categories add cs.CL", "/topics add kv cache")
    assert "older than 7 days, or than this subscription" in await world.say("/why 2611.00001")


async def test_why_explains_a_paper_of_the_last_week_that_is_no_candidate(world):
    """Its score, its place among the papers of its day, and that it was sent; after a week a line without them."""
    await world.say("/categories add cs.CL", "/topics add kv cache", "/settings days_back 1", "/digest seen")
    await world.say("/topics remove kv cache", "/topics add world", "/topics add kv cache")
    world.source.batches["cs.CL"] = make_batch(make_paper("2611.00009"), day=DAY + timedelta(days=3))
    world.later(days=3)
    why = await world.say("/why 2611.00001")
    assert "This chat got it on Friday 20 November 2026." in why
    assert "Among the papers of its day, sent or not, it has place 2 of 3." in why
    number, *shares = re.findall(r"(?m)^(?:Score (\d+):|\+(\d+) )", why)
    assert int(number[0]) == sum(int(each[1]) for each in shares)
    assert "place 1 of 3" in await world.say("/why 2611.00003")
    assert "Score 0:" in await world.say("/topics remove world", "/why 2611.00003")
    world.source.batches["cs.CL"] = make_batch(make_paper("2611.00010"), day=DAY + timedelta(days=10))
    world.later(days=7)
    old = await world.say("/why 2611.00001")
    assert "This chat got it on Friday 20 November 2026." in old
    assert "Score" not in old


async def test_an_export_of_before_is_read_as_about_as_strict(world):
    """Its minimum was in points; what is exported now is a score, and comes back as it is."""
    for version, given, kept in ((1, 1.8, 50), (1, 0.0, 0), (1, 1000, 100), (2, 18, 18), (2, 0, 0)):
        config = {
            "format": "paperround-chat",
            "version": version,
            "topics": ["kv cache", "quant*"],
            "muted": ["quant*"],
            "settings": {"min_score": given},
        }
        await world.say(f"/import {json.dumps(config)}")
        assert f"\nmin_score = {kept}:" in await world.say("/settings")
        exported = await world.say("/export")
        await world.say(f"/import {exported}")
        assert await world.say("/export") == exported
    assert "a whole number from 0 to 100" in await world.say('/import {"settings": {"min_score": 2.5}}')
    assert "a whole number" in await world.say('/import {"min_score": "much"}')


async def test_a_topic_can_be_tried_before_it_is_added(world):
    """Test counts and names the papers, and adds nothing."""
    await world.say("/categories add cs.CL")
    reply = await world.say('/topics test "kv cache"')
    assert reply.startswith('"kv cache" would have matched 3 of 4 papers in the last announcement of cs.CL.')
    assert "Small KV Caches (2611.00001)" in reply
    assert "would have left out 1 of 4" in await world.say("/topics test -survey")
    assert "Try fewer words" in await world.say("/topics test zeppelin")
    assert "No topics yet" in await world.say("/topics")


async def test_a_topic_is_tried_as_the_ranker_takes_it(world):
    """What a digest would give points for counts in a test: words near each other, too, but not for what leaves papers out."""
    world.source.batches["cs.CL"] = make_batch(make_paper("2611.00001", "A cache that keeps every KV"))
    await world.say("/categories add cs.CL")
    assert "would have matched 1 of 1" in await world.say("/topics test kv cache")
    assert "would have matched 0 of 1" in await world.say('/topics test "kv cache"')
    assert "would have left out 0 of 1" in await world.say("/topics test -kv cache")


async def test_settings_are_shown_and_set(world):
    """Every setting has a value, a range told in its refusal, and a reply that names what it is now."""
    assert await world.say("/settings max_papers 5") == "max_papers is now 5."
    assert await world.say("/settings set types replace, new") == "types is now new,replace."
    assert await world.say("/settings min_score 45") == "min_score is now 45."
    listed = await world.say("/settings")
    for line in (
        "max_papers = 5",
        "types = new,replace",
        "min_score = 45",
        "ranker = rules",
        "detail = tldr",
        "days_back = 7",
    ):
        assert line in listed
    for wrong, told in {
        "max_papers 0": "from 1 to 100",
        "max_papers ²": "from 1 to 100",
        "min_score 1.5": "a whole number from 0 to 100",
        "min_score 101": "from 0 to 100",
        "types all": "new, cross, replace, replace-cross",
        "ranker magic": "rules, classic",
        "detail much": "tldr, full, abstract, titles",
        "days_back 99": "from 1 to 30",
        "language xx": "en",
        "colour red": "There is no setting",
    }.items():
        assert told in await world.say(f"/settings set {wrong}")
    assert "max_papers = 5" in await world.say("/settings show")


async def test_the_classic_ranker_can_be_chosen(world):
    """With classic, substrings count, and the minimum score does not apply."""
    await world.say("/categories add cs.CL", "/topics add RL", "/settings ranker classic", "/settings min_score 9")
    assert shown(await world.ask("/digest")) == [OTHER.id]
    await world.say("/settings ranker rules", "/settings min_score 0")
    assert shown(await world.ask("/digest")) == []


async def test_export_and_import_give_the_same_chat(world):
    """What export wrote makes another chat the same."""
    await world.say(
        "/categories add cs.CL",
        '/topics add "kv cache"^2',
        "/topics add -survey",
        "/settings types new",
        "/settings min_score 45",
    )
    exported = await world.say("/export")
    other = Chat("console", "other")
    await world.ask(f"/import {exported}", chat=other)
    assert (await world.ask("/export", chat=other)).text == exported


async def test_the_originals_configuration_is_understood(world):
    """Categories, keywords, exclusions and limits come over, and what the original never did is said."""
    config = {
        "categories": ["cs.CL", "cs.LG"],
        "keywords": ["kv cache", "C++", "AND", "Framework", "framework"],
        "exclude_keywords": ["survey", "review article"],
        "max_papers": 30,
        "days_back": 7,
        "min_score": 2.5,
    }
    reply = await world.say(f"/import {json.dumps(config)}")
    assert "2 categories, 7 topics" in reply
    assert "min_score 51 is in force now; the bot this file comes from never read it" in reply
    topics = await world.say("/topics")
    for topic in ("1. kv cache", '3. "AND"', '6. -"survey"', '7. -"review article"'):
        assert topic in topics
    assert "max_papers = 30" in await world.say("/settings")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{not json", "This is not JSON (line 1, column 2)"),
        ("{" * 5000, "This is not JSON"),
        ("[1]", "JSON object in braces"),
        ('{"leaves": 1}', "Nothing in it says categories or topics"),
        ('{"topics": "kv"}', '"topics" must be a list of words'),
        ('{"topics": [1]}', '"topics" must be a list of words'),
        ('{"settings": []}', '"settings" must be an object'),
        ('{"topics": [], "settings": {"max_papers": {}}}', '"max_papers" must be a number or a word'),
        ('{"topics": [], "settings": {"colour": "red"}}', "There is no setting"),
        ('{"topics": [], "max_papers": 1000}', "from 1 to 100"),
        ('{"topics": [], "max_papers": true}', "must be a number"),
        ('{"categories": ["cs.XX"]}', "There is no category"),
        ('{"topics": ["(("]}', "^"),
        ('{"version": 3, "topics": []}', "a form this version does not know"),
        ('{"format": "opml", "topics": []}', "a form this version does not know"),
    ],
)
async def test_a_wrong_configuration_changes_nothing(world, text, told):
    """Each mistake in a file is named, and the chat stays as it was."""
    await world.say("/categories add cs.CL", "/topics add kv cache")
    before = await world.say("/export")
    assert told in await world.say(f"/import {text}")
    assert await world.say("/export") == before


async def test_forgetting_asks_first_and_then_erases(world):
    """Only yes erases; then nothing is left."""
    await world.say("/categories add cs.CL", "/topics add kv cache", "/digest seen")
    question = await world.ask("/forgetme")
    assert question.expects == "/forgetme"
    assert [each.line for each in question.buttons] == ["/forgetme yes", "/forgetme no"]
    assert await world.say("/forgetme maybe") == "Nothing was erased."
    assert "1. kv cache" in await world.say("/topics")
    assert "erased" in await world.say("/forgetme yes")
    assert await world.storage.get_subscription(CHAT) is None
    assert await world.storage.get_seen(CHAT) == {}


async def test_the_guided_set_up_ends_with_a_digest(world):
    """Fields in codes or words, topics, the hour, and the digest at once."""
    first = await world.ask("/start")
    assert first.expects == "/start fields"
    second = await world.ask("/start fields computation and language, stat.ML")
    assert "cs.CL (Computation and Language), stat.ML (Machine Learning)" in second.text
    assert second.expects == "/start topics"
    third = await world.ask("/start topics kv cache, -survey")
    assert third.expects == "/start time"
    last = await world.ask("/start time skip")
    assert shown(last) == [CACHE.id]
    assert last.expects == ""
    assert "This chat reads cs.CL, stat.ML" in await world.say("/start")


async def test_the_guided_set_up_asks_again_and_can_be_skipped(world):
    """A wrong answer is explained and asked again; skipping everything explains how to begin later."""
    again = await world.ask("/start fields zzzz")
    assert again.expects == "/start fields"
    assert "There is no category" in again.text
    assert (await world.ask("/start topics ((")).expects == "/start topics"
    assert (await world.ask("/start fields skip")).expects == "/start topics"
    assert "Nothing is followed yet" in await world.say("/start topics skip")


async def test_changing_needs_an_administrator(world):
    """Whoever is none may look at everything and change nothing."""
    await world.say("/categories add cs.CL", "/topics add kv cache")
    before = await world.say("/export")
    changing = ["/topics add x", "/topics remove 1", "/topics clear", "/categories add cs.LG", "/categories remove 1"]
    changing += ["/settings max_papers 3", "/import {}", "/forgetme yes", "/start fields cs.LG"]
    for line in changing:
        assert "administrator" in await world.say(line, is_admin=False)
    assert await world.say("/export") == before
    for line in (
        "/topics",
        "/categories",
        "/settings",
        "/status",
        "/help",
        "/export",
        "/why 2611.00001",
        "/topics test x",
    ):
        assert "administrator can" not in await world.say(line, is_admin=False)
    assert (await world.ask("/digest", is_admin=False)).digest is not None


async def test_an_empty_chat_is_helped(world):
    """Before anything is chosen, every command says how to begin."""
    for line in ("/digest", "/why 2611.00001", "/status"):
        assert "/start" in await world.say(line)
    assert world.source.asked == []


async def test_unknown_commands_are_met_with_a_hint(world):
    """A near miss is named; a missing argument shows an example."""
    assert "Did you mean /topics?" in await world.say("/topic add x")
    assert '/topics has no "delete". It has: list, add, remove, clear, test.' in await world.say("/topics delete 1")
    assert "For example: /topics add kv cache" in await world.say("/topics add")
    assert "/settings set needs <value>" in await world.say("/settings max_papers")
    assert "Did you mean /help digest?" in await world.say("/help digset")


async def test_help_lists_and_explains_every_command(world):
    """Every command but those for buttons is in the overview; all have an explanation with their usage."""
    overview = await world.say("/help", is_owner=True)
    for entry in COMMANDS:
        assert (f"/{entry.name} " in overview) is not is_hidden(entry)
        explained = await world.say(f"/help /{entry.name}", is_owner=True)
        subcommands = entry.commands if isinstance(entry, CommandGroup) else ()
        for each in subcommands:
            assert (f"/{entry.name} {each.name}" in explained) is not each.is_hidden
            assert (each.help in explained) is not each.is_hidden
        assert entry.help in explained


async def test_examples_work(world):
    """Every example that help shows is taken as it stands."""
    for entry in COMMANDS:
        for command in entry.commands if isinstance(entry, CommandGroup) else (entry,):
            if command.example:
                reply = await world.say(command.example, is_owner=True)
                assert "needs <" not in reply
                assert "no command" not in reply


async def test_a_bug_is_an_apology_without_its_text(world, caplog):
    """What we did not foresee is logged with its trace and never shown."""

    async def crash(services, request):
        raise RuntimeError("secret token 123")

    from handlers.command import Request
    from handlers.execution import Invocation, execute

    command = Command("boom", "Fail.", crash)
    reply = await execute(Invocation(command, "/boom", {}), world.services, Request(CHAT, "ada", answer(True)))
    assert "secret" not in reply.text
    assert "nothing was changed" in reply.text
    assert "secret token 123" in caplog.text


@pytest.mark.parametrize(("name", "text"), [("Upper", "x"), ("a-b", "x"), ("x", ""), ("x", "y" * 101)])
def test_a_name_that_some_platform_refuses_fails_at_once(name, text):
    """Names and help texts are those that Telegram and Discord both take."""

    async def run(services, request):
        return Reply()

    with pytest.raises(ValueError, match="every platform"):
        Command(name, text, run)
    with pytest.raises(ValueError, match="every platform"):
        CommandGroup("group", "help", (Command("ok", "ok", run, (Param(name, text),)),))


async def test_former_names_of_details_still_work(world):
    """What was called short is tldr, in a command and in an import."""
    assert await world.say("/settings detail short") == "detail is now tldr."
    await world.say('/import {"categories": ["cs.CL"], "settings": {"detail": "short"}}')
    assert "detail = tldr" in await world.say("/settings")
