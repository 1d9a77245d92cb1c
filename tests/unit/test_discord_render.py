"""Replies as Discord messages: within every limit, and with no markup but ours."""

import re
from dataclasses import replace
from datetime import date
from random import Random

import pytest

from bot.model.card import Card
from bot.model.digest import Digest, DigestPaper, LeftOut, Reason, Score
from bot.model.message import Button, File, Message
from bot.model.paper import AnnouncedPaper, AnnounceType
from handlers.command import Reply
from handlers.discord.markup import cut, escape, escape_reply, split
from handlers.discord.parts import name_of, render_parts
from handlers.discord.render import COMPONENT_LIMIT, DiscordMessage, Link, render_reply, to_plain
from handlers.discord.view import to_payload, to_plain_payloads, to_view
from tests.build import DAY, make_paper
from tests.fake_summaries import make_summary
from tests.servers.discord_rules import COMPONENTS_V2, TEXT, check_message, texts_of, walk

SEED = 20_261_120
PAPERS = 10_000
HOSTILE = (
    "@everyone", "@here", "<@123456789012345678>", "<@!1>", "<@&1>", "<#1>", "</topics list:1>", "<:smile:123456>",
    "<a:smile:123456>", "<t:1600000000:R>", "<id:customize>", "<id:guide>", "https://evil.example/x", "http://x.io",
    "discord.gg/evil", "DISCORD.GG/evil", "www.evil.com", "evil.com", "[click](https://evil.example)", "[a]: http://b.io",
    "<https://evil.example>", "<mailto:a@b.com>", "steam://run/1", "**bold**", "*i*", "__u__", "_i_", "~~s~~", "||spoiler||",
    "`code`", "```py\nx\n```", "# heading", "## h2", "### h3", "-# small", "> quote", ">>> all", "- list", "* list", "1. one",
    "+ plus", "\\", "\\*", "\\\\", "\\@everyone", "\\<@1>", "]", "[", "](", "](https://evil.example)", ")", "(", "|", "~",
    ":smile:", ":+1:", "\u202e reversed \u202c", "\u200b", "\u2066x\u2069", "\ufeff", "\u00ad", "e" + "\u0301" * 80,
    "\U0001f469\u200d\U0001f52c", "\U0001d54f", "\U000e0041\U000e0042", "漢字", "عربي", "x" * 300, "\n", "\n# h", "\n- l", "\n> q",
    "\r\n", "\t", "\x00", "\x1b[31m", "</b>", "<b>", "&lt;", "$x_1^2$", "\ud800", "\u2028", "https:/\u200b/evil.example", "@\u200beveryone",
    "https://arxiv.org/abs/2611.00001", "\\https://evil.example", "a_b_c", "***", "___", "---", "===", "é", "ﷺ", "\u3164", "<", ">", "<<<", "::",
)  # fmt: skip
KEPT = "<https://arxiv.org/abs/2611.00001>"  # what a reply makes of the address of an abstract page
OURS = re.compile(r"https://arxiv\.org/(?:abs|pdf|html)/\d{4}\.\d{5}")


# An independent reading of Discord's Markdown. What an escape protects is taken out first, as its parser does.
ESCAPED = re.compile(r"\\[^0-9A-Za-z\s]")
MASKED = re.compile(r"\[((?:[^\[\]]|\\.)+)\]\((\S+?)\)")
MENTION = re.compile(r"<(?:@[!&]?|#)\d+>|</[^>]+:\d+>|<id:\w+>|<t:-?\d+(?::\w)?>|<a?:\w+:\d+>")
PING = re.compile(r"@(?:everyone|here)")  # found by the server, whatever stands before it
ADDRESS = re.compile(r"(?:https?|steam|ftp)://[^\s<]+|<[a-z]+:[^\s>]+>|\bwww\.\w", re.IGNORECASE)
INVITE = re.compile(r"\bdiscord(?:app)?\.(?:gg|com)|\b\w+\.(?:com|org|net|io)\b", re.IGNORECASE)
INLINE = re.compile(r"[*_~`|\\]|:\w[\w+-]*:")
BLOCK = re.compile(r"^\s*(?:#{1,3} |-# |>|[-*+] |\d+[.)] )", re.MULTILINE)
HIDDEN = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff\U000e0000-\U000e0fff]"
)
TOWER = re.compile(r"[\u0300-\u036f]{4}")


def without_our_markup(text):
    """The text less the few marks we set ourselves: a bold line, small print, a linked title."""
    lines = []
    for line in text.split("\n"):
        small = line.removeprefix("-# ")
        bold = re.fullmatch(r"\*\*(.*)\*\*", small)
        lines.append(bold[1] if bold else small)
    return "\n".join(lines)


def links_in(text):
    """The masked links a reader can follow, and the text without them and without what an escape protects."""
    bare = ESCAPED.sub("\N{REPLACEMENT CHARACTER}", text)
    return [match[2] for match in MASKED.finditer(bare)], MASKED.sub(lambda match: match[1], bare)


def markup_left(text):
    """Every piece of Discord's markup in the text."""
    pings = PING.findall(text)
    bare = ESCAPED.sub("\N{REPLACEMENT CHARACTER}", text)
    patterns = (MENTION, ADDRESS, INVITE, INLINE, BLOCK, HIDDEN, TOWER)
    return pings + [match[0] for pattern in patterns for match in pattern.finditer(bare)]


def payload_of(message):
    """What would be sent, without the library."""
    if message.content:
        return {"content": message.content}
    children = [{"type": 10, "content": each} for each in message.texts]
    components = [{"type": 17, "components": children}]
    links = [{"type": 2, "style": 5, "label": each.label, "url": each.url} for each in message.links]
    buttons = [{"type": 2, "style": 2, "label": each.label, "custom_id": each.line} for each in message.buttons]
    for items in (links, buttons):
        components += [{"type": 1, "components": items[start : start + 5]} for start in range(0, len(items), 5)]
    for start in range(0, len(message.options), 25):
        options = [{"label": each.label, "value": each.line} for each in message.options[start : start + 25]]
        components.append({"type": 1, "components": [{"type": 3, "custom_id": f"menu {start}", "options": options}]})
    return {"components": components, "flags": COMPONENTS_V2}


def hostile(random, most):
    return " ".join(random.choice(HOSTILE) for _ in range(random.randint(1, most)))


def hostile_papers(random, count):
    for number in range(count):
        yield make_paper(
            f"2611.{number:05}",
            hostile(random, 12),
            hostile(random, random.choice((5, 60, 400))),
            authors=tuple(hostile(random, 2) for _ in range(random.choice((1, 3, 40)))),
            categories=("cs.CL", "stat.ML"),
        )


def hostile_summary(random, paper):
    def lines():
        return tuple(hostile(random, random.choice((5, 60))) for _ in range(random.randint(0, 6)))

    return make_summary(
        paper,
        model=hostile(random, 2),
        tldr=hostile(random, random.choice((5, 200))),
        contributions=lines(), methods=lines(), results=lines(), conclusions=lines(), limitations=lines(),
        code_url=hostile(random, 3),
    )  # fmt: skip


def placed(paper, place, random, *, summaries=False):
    reasons = (Reason(hostile(random, 4), ("title", "abstract"), 1.5),)
    summary = hostile_summary(random, paper) if summaries and random.random() < 0.6 else None
    return DigestPaper(place, AnnouncedPaper(paper, AnnounceType.NEW, DAY), Score(1.5, reasons), summary)


def with_others(shown, random):
    """The paper with others named beside it, some of the time."""
    count = random.choice((0, 0, 3))
    return replace(
        shown, also=tuple(make_paper(f"2612.{shown.place:03}{n:02}", hostile(random, 14)) for n in range(count))
    )


def make_digest(papers, *, is_sample=False, random=None, summaries=False):
    random = random or Random(SEED)
    placed_papers = tuple(
        placed(each, place, random, summaries=summaries) for place, each in enumerate(papers, start=1)
    )
    return Digest(DAY, ("cs.CL", "stat.ML"), placed_papers, {LeftOut.NO_MATCH: 7}, is_sample=is_sample)


def check_text(text):
    links, rest = links_in(without_our_markup(text.replace(KEPT, "kept")))
    assert all(OURS.fullmatch(link) for link in links)
    assert markup_left(rest) == []
    assert not PING.search(text)
    return links, rest


def test_hostile_digests_are_safe_and_whole():
    """10,000 hostile papers: every message is taken, each id is seen once, no link but ours, no foreign markup."""
    random = Random(SEED)
    papers = list(hostile_papers(random, PAPERS))
    while papers:
        chosen, papers = papers[: (size := random.randint(1, 100))], papers[size:]
        digest = make_digest(chosen, random=random, summaries=True)
        digest = replace(digest, papers=tuple(with_others(each, random) for each in digest.papers))
        buttons = tuple(Button(str(each.place), f"/paper {each.announced.paper.id}") for each in digest.papers)
        messages = render_reply(
            Reply(hostile(random, 30), digest, random.choice(("titles", "tldr", "abstract", "full")), buttons=buttons)
        )
        links, seen = [], []
        for message in messages:
            payload = payload_of(message)
            check_message(payload)
            assert sum(1 for _ in walk(payload["components"])) == message.component_count <= COMPONENT_LIMIT
            for text in texts_of(payload):
                found, rest = check_text(text)
                links += found
                seen += re.findall(r"· (2611\.\d{5})v1", rest)
        wanted = [each.id for each in chosen]
        assert seen == wanted
        assert links == [f"https://arxiv.org/abs/{each}" for shown in digest.papers for each in shown.ids]


def test_hostile_cards_and_replies_are_safe():
    """The same holds for cards and for plain text; a link in a reply is an abstract page of arXiv's or none."""
    random = Random(SEED)
    for paper in hostile_papers(random, 500):
        announced = AnnouncedPaper(paper, AnnounceType.CROSS, DAY)
        score = Score(1.0, (Reason(hostile(random, 9), ("title",), 1.0),))
        summary = hostile_summary(random, paper) if random.random() < 0.5 else None
        (card,) = render_reply(Reply(card=Card(announced, score, comment=hostile(random, 90), summary=summary)))
        check_message(payload_of(card))
        for text in card.texts:
            assert len(check_text(text)[0]) == 1
        for message in render_reply(Reply(hostile(random, 300))):
            check_message(payload_of(message))
            assert markup_left(message.content.replace(KEPT, "kept")) == []


def test_a_digest_reads_well():
    """Header, number and linked title, authors, facts, reasons, abstract, closing counts; buttons below."""
    paper = make_paper("2611.00001", "KV [Re]caches_2", "We shrink it.", authors=("Ada Vale", "Bo Li"))
    digest = Digest(
        DAY,
        ("cs.CL",),
        (
            DigestPaper(
                1,
                AnnouncedPaper(paper, AnnounceType.NEW, DAY),
                Score(2.1, (Reason("kv cache", ("title",), 2.1),), half=1.8),
            ),
        ),
        {LeftOut.NO_MATCH: 2},
    )
    (message,) = render_reply(Reply("cs.AI could not be read.", digest, buttons=(Button("1", "/paper 2611.00001"),)))
    assert message.texts == (
        "cs.AI could not be read.",
        "**Paperround · Friday 20 November 2026 · cs.CL · 1 of 3 papers**",
        (
            "**1\\. [KV ［Re］caches\\_2](https://arxiv.org/abs/2611.00001)**\nAda Vale, Bo Li\n-# cs.CL · new · 2611.00001v1\n"
            "Score 54: title: kv cache\nWe shrink it."
        ),
        "-# 1 of 3 papers shown; 2 matched no topic.",
    )
    assert message.buttons == (Button("1", "/paper 2611.00001"),)


def test_detail_decides_how_much_of_the_abstract_is_shown():
    """Nothing for titles, the first sentences for short, all for full."""
    abstract = "A first sentence about it. " * 30 + "The very end."
    digest = make_digest([make_paper("2611.00001", "T", abstract)])
    shown = {
        detail: render_reply(Reply(digest=digest, detail=detail))[0].texts[1]
        for detail in ("titles", "tldr", "abstract", "full")
    }
    assert "first sentence" not in shown["titles"]
    assert "first sentence" in shown["tldr"]
    assert "The very end" not in shown["tldr"]
    assert shown["full"].endswith("The very end.")


def test_a_summary_reads_well():
    """The TL;DR with its label in a digest, with full detail the parts as well, and on a card also the abstract."""
    paper = make_paper("2611.00001", "T", "All of it.")
    announced = AnnouncedPaper(paper, AnnounceType.NEW, DAY)
    digest = Digest(DAY, ("cs.CL",), (DigestPaper(1, announced, Score(0.0), make_summary(paper)),), {})
    label = "-# AI summary, from the full text, fake-1"
    tldr = "TL;DR: A TL;DR of 2611.00001 in en."
    texts = {
        detail: render_reply(Reply(digest=digest, detail=detail))[0].texts[1] for detail in ("tldr", "full", "abstract")
    }
    assert texts["tldr"].endswith(f"2611.00001v1\n{tldr}\n{label}")
    assert f"{tldr}\nContributions:\n• It is new.\nMethods:\n• We measure.\n• We compare.\n" in texts["full"]
    assert texts["full"].endswith(label)
    assert texts["abstract"].endswith("2611.00001v1\nAll of it.")
    (card,) = render_reply(Reply(card=Card(announced, summary=make_summary(paper))))
    assert f"{tldr}\nContributions:" in card.texts[0]
    assert card.texts[0].endswith(f"\nAbstract: All of it.\n{label}")


def test_a_sample_is_labelled_and_links_nowhere():
    """Invented papers never look like arXiv's."""
    (message,) = render_reply(Reply(digest=make_digest([make_paper()], is_sample=True)))
    assert "SAMPLE" in message.texts[0]
    assert not any(check_text(text)[0] for text in message.texts)
    announced = AnnouncedPaper(make_paper(), AnnounceType.NEW, DAY)
    (card,) = render_reply(Reply(card=Card(announced, is_sample=True)))
    assert "SAMPLE" in card.texts[0]
    assert card.links == ()


def test_a_card_has_everything_and_three_links():
    """Title, authors, categories, type, id, day, reasons, abstract, and the pages as buttons."""
    paper = make_paper("2611.00001", "Small Caches", "All of it.", version=2, journal_ref="J. Caches 1")
    score = Score(2.0, (Reason("cache", ("title",), 2.0),))
    announced = AnnouncedPaper(paper, AnnounceType.REPLACE, date(2026, 11, 19))
    (message,) = render_reply(Reply(card=Card(announced, score, comment="accepted at ICLR")))
    text = "\n".join(message.texts)
    for part in (
        "Small Caches",
        "Ada Vale",
        "cs.CL · replace · 2611.00001v2 · Thursday 19 November 2026",
        "2.00",
        "All of it.",
        "Comment: accepted at ICLR",
        "Journal: J. Caches 1",
    ):
        assert part in text
    assert [each.url for each in message.links] == [
        "https://arxiv.org/abs/2611.00001",
        "https://arxiv.org/pdf/2611.00001",
        "https://arxiv.org/html/2611.00001",
    ]


def test_text_is_split_at_lines_with_nothing_lost():
    """Every line arrives whole and in order, in messages of at most 2000 code points, emoji counted as one."""
    lines = [f"line {number} \U0001f600 with words" for number in range(400)]
    messages = render_reply(Reply("\n".join(lines)))
    assert all(len(each.content) <= 2000 for each in messages)
    assert [line for each in messages for line in each.content.split("\n")] == lines
    huge = render_reply(Reply("y" * 9000 + "_" * 3000))
    assert "".join(each.content for each in huge) == "y" * 9000 + "\\_" * 3000


def test_a_question_gets_a_button_to_answer_it():
    """What a question expects is the line behind the button Answer."""
    (message,) = render_reply(Reply("Which fields?", expects="/start fields"))
    assert message.buttons == (Button("Answer", "answer /start fields"),)


def test_many_buttons_become_menus():
    """Up to 15 are buttons, more are options; a line that is there twice is there once."""
    fifteen = tuple(Button(str(n), f"/paper {n}") for n in range(15))
    assert render_reply(Reply("x", buttons=fifteen))[0].buttons == fifteen
    many = tuple(Button(str(n), f"/paper {n}") for n in range(100))
    (message,) = render_reply(Reply("x", buttons=(*many, *many)))
    assert message.options == many
    check_message(payload_of(message))


def test_an_export_can_be_copied():
    """A configuration is shown as code, exactly, and comes as a file where it is long."""
    (short,) = render_reply(Reply('{"topics": ["a_b", "x`y", "@everyone"]}'))
    assert short.content == '```json\n{"topics": ["a_b", "x\\u0060y", "\\u0040everyone"]}\n```'
    (long,) = render_reply(Reply('{"topics": ["' + "z" * 3000 + '"]}'))
    assert long.file.text == '{"topics": ["' + "z" * 3000 + '"]}'


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"content": "x" * 2001},
        {"content": "x", "texts": ("x",)},
        {"texts": ("x" * 4001,)},
        {"texts": ("x" * 2001, "y" * 2001)},
        {"texts": (" ",)},
        {"texts": ("x",) * 40},
        {"texts": ("x",), "buttons": (Button("a", "/" + "b" * 100),)},
        {"texts": ("x",), "buttons": (Button("a", "/a"), Button("b", "/a"))},
        {"texts": ("x",), "options": (Button("a", ""),)},
        {"content": "x", "buttons": (Button("a", "/a"),)},
        {"texts": ("x",) * 20, "links": tuple(Link("a", "https://arxiv.org") for _ in range(17))},
    ],
)
def test_a_message_beyond_the_limits_cannot_be_made(wrong):
    """discord.py does not check them, so we do."""
    with pytest.raises(ValueError, match="a "):
        DiscordMessage(**wrong)


def test_the_largest_messages_are_taken():
    """Exactly at the limits a message is made, and the independent judge takes it."""
    check_message(payload_of(DiscordMessage(content="x" * 2000)))
    check_message(payload_of(DiscordMessage(texts=("x" * 4000,), buttons=(Button("a", "b" * 100),))))
    check_message(payload_of(DiscordMessage(texts=("x",) * 39)))


def test_components_can_become_plain_text():
    """The words of a refused message, in messages without components."""
    digest = make_digest([make_paper(f"2611.{n:05}", "T", "word " * 300) for n in range(12)])
    for message in render_reply(Reply(digest=digest, detail="full")):
        plain = to_plain(message)
        assert all(len(each.content) <= 2000 for each in plain)
        assert "".join("".join(each.content.split()) for each in plain) == "".join("".join(message.texts).split())


async def test_the_library_sends_what_we_mean():
    """What discord.py makes of a message is what we count and check."""
    buttons = tuple(Button(str(n), f"/paper {n}") for n in range(7))
    links = (Link("Abstract", "https://arxiv.org/abs/2611.00001"),)
    for message in (
        DiscordMessage(texts=("a", "b"), links=links, buttons=buttons),
        DiscordMessage(texts=("a",), options=tuple(Button(str(n), f"/paper {n}") for n in range(60))),
    ):
        view = to_view(message)
        components = view.to_components()
        assert to_payload(message)["components"] == components
        check_message({"components": components, "flags": COMPONENTS_V2})
        assert len(list(walk(components))) == message.component_count
        assert [each["content"] for each in walk(components) if each["type"] == TEXT] == list(message.texts)
        assert view.is_finished()


async def test_buttons_that_belong_together_stay_in_their_row():
    """Where a reply says how many stand in each row, there is no menu, and the rows are those."""
    buttons = tuple(Button(f"⚖ {n}", f"/topics weight {n}") for n in range(17))
    rows = (3, 3, 3, 3, 3, 2)
    (message,) = render_reply(Reply("Topics", buttons=buttons, rows=rows))
    components = to_view(message).to_components()
    check_message({"components": components, "flags": COMPONENTS_V2})
    assert len(list(walk(components))) == message.component_count
    assert [len(each["components"]) for each in components[1:]] == list(rows)
    (message,) = render_reply(Reply("Topics", buttons=(*buttons, buttons[0]), rows=(*rows, 1)))
    assert message.options


def test_cutting_never_breaks_an_escape():
    """However short the room, no backslash is left to act on what follows."""
    escaped = escape("*_[x]_* @everyone " * 20)
    for limit in range(10, 200):
        short = cut(escaped, limit)
        assert len(short) <= limit
        assert markup_left(short) == []
        assert all(len(each) <= limit and markup_left(each) == [] for each in split(escaped, limit))


def test_only_abstract_pages_stay_links_in_replies():
    """An address of arXiv's is kept, without a preview; what merely looks like one is broken."""
    assert escape_reply("See https://arxiv.org/abs/2611.00001") == "See <https://arxiv.org/abs/2611.00001>"
    for text in ("https://arxiv.org.evil.com/abs/2611.00001", "https://evil.io/https://arxiv.org/abs/2611.00001"):
        assert "<https" not in escape_reply(text)
        assert markup_left(escape_reply(text)) == []
    for text in (
        "cs.CL: complete, or math.CO?",
        "2611.00001v1 (hep-th/9711200)",
        "09:00 Europe/Berlin",
        "au:Dao OR ti:x",
    ):
        assert escape_reply(text) == text
    assert escape_reply("/settings set max_papers 5 for cs.CL") == "/settings set max\\_papers 5 for cs.CL"


def test_a_digest_that_fits_is_one_part():
    """It names every paper that it shows, and is the reply as it always was."""
    digest = make_digest([make_paper(f"2611.{n:05}", "T", "A few words.") for n in range(1, 4)])
    buttons = (Button("1", "/paper 2611.00001"),)
    [part] = render_parts(Message("Good morning.", digest, "tldr", buttons))
    assert (part.message,) == render_reply(Reply("Good morning.", digest, "tldr", buttons=buttons))
    assert part.papers == ("2611.00001", "2611.00002", "2611.00003")


@pytest.mark.parametrize("count", [1, 30])
def test_a_digest_leads_to_its_page(count):
    """By a button of the first message, whole or header, that opens it."""
    digest = make_digest([make_paper(f"2611.{n:05}", "T", "word " * 400) for n in range(1, count + 1)])
    first, *others = render_parts(Message("", digest, "full", link="https://bot.example/d/AZaz09_-AZaz09_-AZaz09"))
    assert first.message.links == (Link("Read on the web", "https://bot.example/d/AZaz09_-AZaz09_-AZaz09"),)
    assert not any(each.message.links for each in others)
    check_message(to_payload(first.message))


def test_a_longer_digest_has_a_header_and_a_thread():
    """The header: text, title, numbered linked titles, counts and the controls; then the papers in full, in their order."""
    papers = [make_paper(f"2611.{n:05}", f"Title_{n}", "word " * 400) for n in range(1, 31)]
    digest = make_digest(papers)
    buttons = tuple(Button(str(n), f"/paper 2611.{n:05}") for n in range(1, 31))
    header, *others = render_parts(Message("cs.AI could not be read.", digest, "full", buttons))
    text, title, contents, counts = header.message.texts
    assert text == "cs.AI could not be read."
    assert title == "**Paperround · Friday 20 November 2026 · cs.CL, stat.ML · 30 of 37 papers**"
    lines = contents.split("\n")
    assert lines[0] == "1\\. [Title\\_1](https://arxiv.org/abs/2611.00001)"
    assert [line.partition("\\")[0] for line in lines] == [str(n) for n in range(1, 31)]
    assert counts == "-# 30 of 37 papers shown; 7 matched no topic."
    assert (header.message.options, header.papers) == (buttons, ())
    assert not any(each.message.options or each.message.buttons for each in others)
    assert [paper for each in others for paper in each.papers] == [each.id for each in papers]
    assert [len(each.papers) for each in others] == [len(each.message.texts) for each in others]


def test_a_header_lists_as_many_titles_as_fit():
    """How many it leaves to the thread is said."""
    papers = [make_paper(f"2611.{n:05}", "Long title " * 30, "word " * 50) for n in range(1, 101)]
    header, *others = render_parts(Message("", make_digest(papers), "titles"))
    *listed, note = header.message.texts[1].split("\n")
    assert note == f"… and {100 - len(listed)} more below."
    assert len(listed) > 10
    assert sum(len(each.papers) for each in others) == 100


def test_hostile_digests_are_safe_in_parts():
    """10,000 hostile papers again: every part is taken, each paper is named by the part that shows it, all links are ours."""
    random = Random(SEED)
    papers = list(hostile_papers(random, PAPERS))
    while papers:
        chosen, papers = papers[: (size := random.randint(1, 100))], papers[size:]
        digest = make_digest(chosen, random=random)
        buttons = tuple(Button(str(each.place), f"/paper {each.announced.paper.id}") for each in digest.papers[:30])
        message = Message(hostile(random, 200), digest, random.choice(("titles", "tldr", "abstract", "full")), buttons)
        parts = render_parts(message)
        assert 1 <= len(name_of(message)) <= 100
        for part in parts:
            payload = to_payload(part.message)
            check_message(payload)
            assert sum(1 for _ in walk(payload["components"])) == part.message.component_count <= COMPONENT_LIMIT
            seen = [
                found for text in texts_of(payload) for found in re.findall(r"· (2611\.\d{5})v1", check_text(text)[1])
            ]
            assert seen == list(part.papers)
            for plain in to_plain_payloads(payload):
                check_message(plain)
        assert [paper for part in parts for paper in part.papers] == [each.id for each in chosen]


def test_other_messages_have_parts_too():
    """Text alone is plain, whatever it begins with; with buttons it is made of components; nothing has none."""
    assert render_parts(Message()) == ()
    [plain] = render_parts(Message('{"not": "a file"}'))
    assert (plain.message.content, plain.message.file) == ('{"not": "a file"}', None)
    [asked] = render_parts(Message("One part did not arrive.", buttons=(Button("Resend", "/resend"),)))
    assert asked.message.buttons == (Button("Resend", "/resend"),)
    assert len(render_parts(Message("a line\n" * 600))) == 3
    assert name_of(Message("\n\n a  name \nof two lines")) == "a name"
    assert name_of(Message(digest=make_digest([make_paper()], is_sample=True))).startswith("Paperround · Friday")


def test_what_is_to_be_copied_is_a_block():
    """Below the words, with buttons and without; a file goes with the words."""
    words, block = render_reply(Reply("Here it is:", copy="@misc{x,\n}"))
    assert (words.content, block.content) == ("Here it is:", "```\n@misc{x,\n}\n```")
    (both,) = render_reply(Reply("Here it is:", copy="@misc{x,\n}", buttons=(Button("Go", "/go"),)))
    assert both.texts == ("Here it is:", "```\n@misc{x,\n}\n```")
    (sent,) = render_reply(Reply("In the file.", file=File("a.bib", "@misc")))
    assert (sent.content, sent.file) == ("In the file.", File("a.bib", "@misc"))
