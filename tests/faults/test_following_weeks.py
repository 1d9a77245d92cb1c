"""Followed papers through a scripted week of arXiv, over loopback: each version is told once, with what the API says of it."""

from datetime import timedelta

from bot.model.chat import Chat
from tests.faults.test_weeks import AI, LG, MONDAY, at, days_between, site_of
from tests.servers.arxiv import FakeArxiv

READER = Chat("console", "pair")


async def test_replacements_and_a_withdrawal():
    """Two categories announce a new version, a restart comes between, then the paper is withdrawn."""
    start, tuesday, wednesday, thursday = days_between(MONDAY, MONDAY + timedelta(days=3))
    arxiv = FakeArxiv()
    paper = arxiv.announce(start, "2611.00007", AI, LG, title="Small Teapots", abstract="We count. It works.")
    arxiv.replace(tuesday, paper, abstract="We count. It works. It is fast.", comment="accepted at ICLR")
    arxiv.replace(wednesday, paper, title="Tiny Teapots")
    arxiv.withdraw(thursday, paper)
    for day in (tuesday, wednesday, thursday):
        arxiv.fill(day, 2, AI, LG)
    async with site_of(arxiv, start) as site:
        site.backfill.lookup = site.services.pipeline.checking.lookup
        await site.say(f"/follow {paper}", chat=READER)
        await site.run(at(tuesday, 12))
        await site.restart()
        site.backfill.lookup = site.services.pipeline.checking.lookup
        await site.run(at(thursday, 12))
        lines = [each for each in site.got(READER) if paper in each]
    assert [each.split(" https://")[0] for each in lines] == [
        f'"Small Teapots" ({paper}) has version 2: abstract changed (1 sentence added). Comment: "accepted at ICLR".',
        f'"Tiny Teapots" ({paper}) has version 3: title changed (it was "Small Teapots"). Comment: "accepted at ICLR".',
        f'"Tiny Teapots" ({paper}) was withdrawn: "This paper has been withdrawn by Ada Vale"',
    ]
