"""Telegram messages, judged by TDLib: what is accepted, how long it is, and which entities there are in the end."""

import random
from dataclasses import replace

import pytest

from bot.model.card import Card
from bot.model.digest import Digest, DigestPaper, LeftOut, Reason, Score
from bot.model.message import Button
from bot.model.paper import AnnouncedPaper, AnnounceType
from bot.rendering.clean import clean, clean_line
from bot.rendering.text import SAMPLE_LABEL
from handlers.command import Reply
from handlers.telegram.render import lay_out, render_reply
from handlers.telegram.text import defuse, shorten, units, without_joiners
from tests.build import DAY, make_paper
from tests.fake_summaries import make_summary
from tests.servers.telegram_text import find_links, judge, utf16_length

HOSTILE = [
    "<b>bold</b>", "</a>", "<a href='https://evil.example'>x</a>", "<blockquote>", "</blockquote>", "&lt;", "&amp;", "&#0;",
    "&", "<", ">", '"', "'", "<script>alert(1)</script>", "<tg-spoiler>", "<!--", "**bold**", "__u__", "`code`", "[x](http://a.b)",
    "||s||", "@everyone", "@here", "@durov", "<@1234>", "/start", "/forgetme", "/start@evil_bot", "#hashtag", "#·x", "$USD", "$A",
    "evil.example", "evil.com", "https://evil.com/x?y=z#w", "http://1.2.3.4/", "10.0.0.1:80", "t.me/evil", "https://t.me/evil?start=x",
    "tg://resolve?domain=evil", "ton://x/y", "mailto:a@b.com", "a@b.com", "a:b@c.com", "пример.рф", "xn--e1afmkfd.xn--p1ai",
    "4111 1111 1111 1111", "4111111111111111", "+14155552671", "10:23", "cs.CL", "math.GT/0309136", "node.js", "i.e.", "e.g.x",
    "\u202eevil\u202c", "\u2066x\u2069", "\u200b", "\u200d", "\u2060", "\ufeff", "\xad", "\x00", "\x1b[31m", "\ud800", "\U000e0041",
    "ע\u05b4\u05d1\u05e8\u05d9\u05ea", "العربية", "हिन्दी", "e" + "\u0301" * 60, "Z" + "\u0336\u0332\u0489" * 20, "👩‍👩‍👧‍👦", "🇩🇪", "😀" * 9, "𝒳.𝒴",
    "𝕏", "漢字", "x" * 700, "𠜎" * 300, "\n\n\n", "\r\n", "\t", "\u2028", "　", "…", "-", "·", "(", ")", "—", "and", "the", "of", "we show",
    "attention", "is", "all", "you", "need", "a/b", "(/x)", "-/x", "//x", ":/start", "\\", "$x^2$", "100%", "2.5", "v1.2.3.4", "C++", "#1",
]  # fmt: skip
AMP_BOMB = "&" * 5000
MEANT = {"Bold", "TextUrl", "ExpandableBlockQuote"}


def hostile_text(chance, words):
    return chance.choice((" ", "", "  ", "\n")).join(chance.choices(HOSTILE, k=chance.randint(1, words)))


def hostile_paper(chance, number):
    categories = tuple(chance.sample(("cs.CL", "cs.AI", "math.AG", "stat.ML", "q-bio.NC"), chance.randint(1, 4)))
    return make_paper(
        f"{2601 + number // 1000:04}.{number % 1000 + 70000:05}",
        hostile_text(chance, 14),
        hostile_text(chance, 90) if chance.random() < 0.97 else AMP_BOMB,
        authors=tuple(hostile_text(chance, 4) for _ in range(chance.randint(1, 9))),
        categories=categories,
    )


def hostile_score(chance):
    reasons = [Reason(hostile_text(chance, 4), ("title", "abstract"), 1.5) for _ in range(chance.randint(0, 3))]
    return Score(2.5, tuple(reasons))


def hostile_summary(chance, paper):
    def lines():
        return tuple(hostile_text(chance, chance.choice((5, 40))) for _ in range(chance.randint(0, 6)))

    return make_summary(
        paper,
        model=hostile_text(chance, 2),
        tldr=hostile_text(chance, 30) if chance.random() < 0.97 else AMP_BOMB,
        contributions=lines(), methods=lines(), results=lines(), conclusions=lines(), limitations=lines(),
        code_url=hostile_text(chance, 3),
    )  # fmt: skip


def make_digest(papers, scores=(), summaries=(), **fields):
    scores = scores or [Score(1.0)] * len(papers)
    summaries = summaries or [None] * len(papers)
    shown = tuple(
        DigestPaper(place, AnnouncedPaper(paper, AnnounceType.NEW, DAY), score, summary)
        for place, (paper, score, summary) in enumerate(zip(papers, scores, summaries, strict=True), start=1)
    )
    return Digest(**{"day": DAY, "categories": ("cs.CL",), "papers": shown, "left_out": {LeftOut.NO_MATCH: 3}} | fields)


def judged(messages):
    """Each message's visible text and entities, after every limit has been checked."""
    results = []
    for message in messages:
        text, entities = judge(message.html)
        assert text == message.plain
        assert text.strip()
        assert utf16_length(text) == units(text) <= 4096
        assert len(message.html.encode()) <= 32_768
        assert len(entities) <= 100
        results.append((text, entities))
    return results


def check_links(entities):
    assert {each.kind for each in entities} <= MEANT
    assert all(each.url.startswith("https://arxiv.org/") for each in entities if each.kind == "TextUrl")


@pytest.mark.parametrize("detail", ["titles", "tldr", "abstract", "full"])
def test_hostile_papers_never_become_more_than_text(detail):
    """10,000 hostile papers: all accepted, within every limit, each there exactly once, with our entities alone."""
    chance = random.Random(f"hostile {detail}")
    for first in range(0, 3340, 10):
        papers = [hostile_paper(chance, number) for number in range(first, first + 10)]
        summaries = [hostile_summary(chance, each) if chance.random() < 0.6 else None for each in papers]
        digest = make_digest(papers, [hostile_score(chance) for _ in papers], summaries, is_sample=first % 50 == 0)
        shown = judged(render_reply(Reply(digest=digest, detail=detail)))
        for _, entities in shown:
            check_links(entities)
        whole = "\n".join(text for text, _ in shown)
        links = [each.url for _, entities in shown for each in entities if each.kind == "TextUrl"]
        assert all(whole.count(paper.versioned_id) == 1 for paper in papers)
        assert links == ([] if digest.is_sample else [paper.link for paper in papers])


def test_hostile_titles_named_beside_a_paper_are_text():
    """Each is linked once, after the paper it is named beside, and within every limit."""
    chance = random.Random("beside")
    for _ in range(300):
        papers = [hostile_paper(chance, number) for number in range(8)]
        digest = make_digest(papers[::4], [hostile_score(chance) for _ in papers[::4]])
        papers_with = zip(digest.papers, (papers[1:4], papers[5:8]), strict=True)
        digest = replace(digest, papers=tuple(replace(each, also=tuple(others)) for each, others in papers_with))
        shown = judged(render_reply(Reply(digest=digest)))
        links = [each.url for _, entities in shown for each in entities if each.kind == "TextUrl"]
        assert links == [paper.link for paper in papers]


def test_hostile_cards_never_become_more_than_text():
    """A card is one message whatever the paper holds, linked to its three pages alone."""
    chance = random.Random("cards")
    for number in range(500):
        paper = hostile_paper(chance, number)
        announced = AnnouncedPaper(paper, AnnounceType.CROSS, DAY)
        summary = hostile_summary(chance, paper) if number % 2 else None
        card = Card(announced, hostile_score(chance), comment=paper.abstract, summary=summary)
        [(text, entities)] = judged(render_reply(Reply(card=card)))
        check_links(entities)
        assert [each.url.removeprefix("https://arxiv.org/") for each in entities if each.kind == "TextUrl"] == [
            f"abs/{paper.id}",
            f"pdf/{paper.versioned_id}",
            f"html/{paper.versioned_id}",
        ]
        assert f"arxiv.org/abs/{paper.id}" in text


def test_hostile_replies_link_commands_alone():
    """Whatever a reply quotes, only commands in it can be tapped, and no word of it is lost."""
    chance = random.Random("replies")
    for _ in range(500):
        text = f"Following {hostile_text(chance, 200)}. /help"
        shown = judged(render_reply(Reply(text)))
        assert {each.kind for _, entities in shown for each in entities} <= {"BotCommand"}
        whole = " ".join(part for part, _ in shown)
        assert "".join(without_joiners(whole).split()) == "".join(clean(text).split())


def test_a_digest_reads_as_it_should():
    """Header, then number, linked title, authors, facts, reasons, first sentences, the rest folded, and the counts."""
    first = "We shrink caches. " * 17
    paper = make_paper(title="Small Caches", abstract=f"{first}At last we measure.", authors=tuple("ABCDEFG"))
    digest = make_digest([paper], [Score(2.1, (Reason("kv cache", ("title",), 2.1),), half=1.8)])
    [message] = render_reply(Reply("arXiv is late.", digest, buttons=(Button("1", "/paper 2611.00001"),)))
    [(text, entities)] = judged([message])
    assert without_joiners(text).split("\n") == [
        "arXiv is late.",
        "",
        "Paperround · Friday 20 November 2026 · cs.CL · 1 of 4 papers",
        "",
        "1. Small Caches",
        "A, B, C, D, E and 2 more",
        "cs.CL · new · 2611.00001v1",
        "Score 54: title: kv cache",
        first.strip(),
        "At last we measure.",
        "",
        "1 of 4 papers shown; 3 matched no topic.",
    ]
    assert [(each.kind, without_joiners(each.text)) for each in entities] == [
        ("Bold", "Paperround · Friday 20 November 2026 · cs.CL · 1 of 4 papers"),
        ("TextUrl", "Small Caches"),
        ("ExpandableBlockQuote", "At last we measure."),
    ]
    assert message.keyboard == ((Button("1", "/paper 2611.00001"),),)


def test_a_digest_leads_to_its_page():
    """Below the title, as a link; without an address there is none."""
    url = "https://bot.example/d/AZaz09_-AZaz09_-AZaz09"
    [message] = render_reply(Reply(digest=make_digest([make_paper()], [Score(0.0)]), link=url))
    [(text, entities)] = judged([message])
    assert text.split("\n")[1] == "Read on the web"
    assert (entities[1].kind, entities[1].text) == ("TextUrl", "Read on the web")
    assert f'<a href="{url}">' in message.html
    [bare] = render_reply(Reply(digest=make_digest([make_paper()], [Score(0.0)])))
    assert "web" not in bare.html


def test_a_summary_reads_as_it_should():
    """In a digest the TL;DR is seen and the parts are folded; with full detail all is seen; the card has the abstract, too."""
    paper = make_paper(abstract="We shrink it.")
    digest = make_digest([paper], summaries=[make_summary(paper)])
    parts = (
        "Contributions:|• It is new.|Methods:|• We measure.|• We compare.|Results:|• It is 2.5 times as fast.|Conclusions:"
        "|• It works.|Limitations:|• Small data.|Code:|• https://code.example/x"
    ).replace("|", "\n")
    label = "AI summary, from the full text, fake-1"
    for detail, quotes in (("tldr", [f"{parts}\n{label}"]), ("full", [])):
        [(text, entities)] = judged(render_reply(Reply(digest=digest, detail=detail)))
        assert f"\nTL;DR: A TL;DR of 2611.00001 in en.\n{parts}\n{label}\n" in without_joiners(text)
        assert "We shrink it." not in text
        assert [without_joiners(each.text) for each in entities if each.kind == "ExpandableBlockQuote"] == quotes
    [(text, entities)] = judged(render_reply(Reply(digest=digest, detail="abstract")))
    assert "We shrink it." in text
    assert "TL;DR" not in text
    card = Card(AnnouncedPaper(paper, AnnounceType.NEW, DAY), summary=make_summary(paper))
    [(text, entities)] = judged(render_reply(Reply(card=card)))
    assert f"TL;DR: A TL;DR of 2611.00001 in en.\n{label}\n" in without_joiners(text)
    quotes = [without_joiners(each.text) for each in entities if each.kind == "ExpandableBlockQuote"]
    assert quotes == [parts, "We shrink it."]


def test_a_sample_says_so_and_links_nowhere():
    """Invented papers carry the label and no link, in a digest and on a card."""
    paper = make_paper()
    card = Card(AnnouncedPaper(paper, AnnounceType.NEW, DAY), is_sample=True)
    for reply in (Reply(digest=make_digest([paper], is_sample=True)), Reply(card=card)):
        [(text, entities)] = judged(render_reply(reply))
        assert text.startswith(SAMPLE_LABEL)
        assert {each.kind for each in entities} <= {"Bold", "ExpandableBlockQuote"}


def test_a_long_digest_is_split_between_papers():
    """Every paper is whole in one message, in order, and the buttons are below the last message alone."""
    papers = [make_paper(f"2611.{number:05}", f"Title {number}", "Long words. " * 120) for number in range(1, 31)]
    messages = render_reply(Reply(digest=make_digest(papers), buttons=(Button("1", "/paper 1"),)))
    shown = judged(messages)
    assert len(shown) > 1
    assert [
        number for number in range(1, 31) for text, _ in shown if text.count(f"{number}. Title {number}\n")
    ] == list(range(1, 31))
    for text, entities in shown:
        assert text.count(". Title ") == sum(each.kind == "TextUrl" for each in entities)
        assert not text.startswith("\n")
    assert [bool(each.keyboard) for each in messages] == [False] * (len(messages) - 1) + [True]


def test_more_than_a_hundred_entities_are_split():
    """Telegram ignores the 101st entity of a message, so that there never is one."""
    papers = [make_paper(f"2611.{number:05}", "T") for number in range(1, 151)]
    shown = judged(render_reply(Reply(digest=make_digest(papers), detail="titles")))
    assert sum(each.kind == "TextUrl" for _, entities in shown for each in entities) == 150


def test_a_paper_too_long_for_a_message_loses_only_the_end_of_its_abstract():
    """A huge abstract ends in an ellipsis; the facts are whole."""
    paper = make_paper(abstract="𝒳𝒴 " * 5000)
    for detail in ("tldr", "full"):
        shown = judged(render_reply(Reply(digest=make_digest([paper]), detail=detail)))
        whole = "".join(text for text, _ in shown)
        assert "2611.00001v1" in whole
        assert "𝒳𝒴 …" in whole


def test_text_is_split_at_lines_and_words():
    """A long list breaks between lines, a long line between words, and nothing is lost."""
    lines = "\n".join(f"{number}. topic {number}" for number in range(1, 1000))
    shown = judged(render_reply(Reply(lines)))
    assert "\n".join(text for text, _ in shown) == lines
    words = " ".join(f"word{number}" for number in range(3000))
    assert without_joiners(" ".join(text for text, _ in judged(render_reply(Reply(words))))) == words


def test_an_export_can_be_copied_character_for_character():
    """JSON comes as it is, in a block that one tap copies, with nothing inserted."""
    text = '{"version": 1, "categories": ["cs.CL", "math.AG"], "topics": ["<a & b>  c", "@x"]}'
    [(shown, entities)] = judged(render_reply(Reply(text)))
    assert shown == text
    assert [each.kind for each in entities] == ["Pre"]


def test_links_to_arxiv_and_to_the_bot_itself_stay_links():
    """A shared set of topics and an abstract page can be opened; every other address is only text."""
    text = "See https://arxiv.org/abs/2608.11232. Share https://t.me/paper_bot?start=topics_abc or https://t.me/evil_bot?start=x"
    [(shown, entities)] = judged(render_reply(Reply(text), bot_name="paper_bot"))
    assert [each.text for each in entities] == [
        "https://arxiv.org/abs/2608.11232",
        "https://t.me/paper_bot?start=topics_abc",
    ]
    assert without_joiners(shown) == text


def test_a_shared_start_line_becomes_deep_links():
    """What other platforms show as a line to send is on Telegram a link to tap, for oneself and for a group."""
    [(_, entities)] = judged(render_reply(Reply("Send:\n/start topics_ab12\nDone. /start"), bot_name="paper_bot"))
    assert [each.url or each.text for each in entities] == [
        "https://t.me/paper_bot?start=topics_ab12",
        "https://t.me/paper_bot?startgroup=topics_ab12",
        "/start",
    ]


def test_an_empty_reply_is_no_message():
    """Nothing to say means nothing sent."""
    assert render_reply(Reply()) == ()
    assert render_reply(Reply(" \n\u200b")) == ()


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_foreign_can_be_tapped(text):
    """What Telegram would link by itself is inert after defusing, and reads the same."""
    inert = defuse(clean_line(text))
    assert find_links(inert) == []
    assert without_joiners(inert) == clean_line(text)


def test_hidden_characters_go_and_scripts_stay():
    """Controls, bidi marks and zero-width characters vanish, towers of marks are cut, real writing is untouched."""
    assert clean("a\u202eb\u200b\x00c\ud800\U000e0041") == "abc"
    assert len(clean("Z" + "\u0336" * 80)) == 5
    for text in ("Ünïcode 漢字 العربية हिन्दी ภาษาไทย", "😀 🇩🇪 𝕏"):
        assert clean(text) == text


def test_shortening_counts_as_telegram_does():
    """A shortened text has at most so many UTF-16 units and never half a character."""
    for text in ("one two three four five", "😀" * 30, "a" * 50):
        for most in range(5, 40):
            assert units(shorten(text, most)) <= most
    assert shorten("one two three", 9) == "one …"


def test_buttons_are_laid_out_by_width():
    """Numbers go eight in a row, short words three, long ones each on its own, in their order."""
    numbers = [Button(str(number), f"/paper {number}") for number in range(1, 11)]
    words = [Button("Mute", "/a"), Button("Remove", "/b"), Button("A very long label that needs a row", "/c")]
    rows = lay_out([*numbers, *words])
    assert [len(row) for row in rows] == [8, 2, 2, 1]
    assert [button for row in rows for button in row] == [*numbers, *words]


def test_buttons_that_belong_together_stay_in_their_row():
    """Where a reply says how many stand in each row, their width does not matter."""
    buttons = tuple(
        Button(label, f"/{number}") for number, label in enumerate(["✕ 1", "🔇 1", "✕ 10", "A long label", "›"])
    )
    (message,) = render_reply(Reply("x", buttons=buttons, rows=(2, 2, 1)))
    assert message.keyboard == (buttons[:2], buttons[2:4], buttons[4:])


@pytest.mark.parametrize("line", ["", "/topics add " + "x" * 53, "/" + "é" * 32])
def test_a_button_that_telegram_refuses_is_a_mistake_of_ours(line):
    """callback_data has 1 to 64 bytes."""
    with pytest.raises(ValueError, match="64 bytes"):
        render_reply(Reply("x", buttons=(Button("a", line),)))


def test_too_many_buttons_are_a_mistake_of_ours():
    """Telegram takes 100 buttons."""
    with pytest.raises(ValueError, match="101 buttons"):
        lay_out([Button("a", "/a")] * 101)


def test_labels_are_clean():
    """A label made of a topic hides nothing and is bounded."""
    [[button]] = lay_out([Button("\u202e\u200b" + "x " * 60, "/a")])
    assert button.label.startswith("x x")
    assert len(button.label) <= 48
