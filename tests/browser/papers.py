"""Digests for the browser: from a real announcement where there is one, else from invented papers with mathematics."""

import os
from dataclasses import replace
from datetime import date
from pathlib import Path

from bot.digests import candidates, compose, rank, with_summaries
from bot.model.announcement import Batch, merge_batches
from bot.model.paper import AnnounceType
from bot.ranking.rules import RulesRanker
from bot.rendering.latex import to_readable
from bot.sources.feed import parse_feed
from tests.build import CHAT, make_paper, make_subscription
from tests.fake_summaries import make_summary

FEED = Path(os.environ.get("PAPERROUND_DATA") or Path(__file__).parents[3] / "shared" / "data") / "feeds"
REAL = FEED / "rss_cs.CL_2026-08-13.xml"
ABSTRACT = (
    r"We prove that $f(x) = \sum_{i=1}^{n} \frac{a_i}{x - b_i}$ has at most $\mathcal{O}(n \log n)$ zeros on $\mathbb{R}^d$, "
    r"and that $\hat{\theta}$ is within $10^{-3}\,\mathrm{eV}$. A long one: "
    r"$$\int_0^\infty e^{-x^2}\,dx + \sum_{k=0}^{\infty} \frac{(-1)^k}{2k+1} = \frac{\sqrt{\pi}}{2} + \frac{\pi}{4} + A + B + C$$ "
    r"What nobody knows stays: $\unheardof{x}$. It costs \$5 & <b>that</b> is all."
    "\n  A second paragraph with $\\begin{pmatrix} a & b \\\\ c & d \\end{pmatrix}$."
)
TITLE = r"Zeros of $f(x)$ and the \emph{Cost} of $\alpha_s$: <script>alert(1)</script>"
LINES = ("Keys tolerate four bits.", "Values tolerate two & <i>no</i> less.")


def invented(count=30):
    """Papers whose titles and abstracts have mathematics."""
    return [
        make_paper(
            f"2611.{number:05}",
            to_readable(TITLE),
            to_readable(ABSTRACT),
            raw_title=TITLE,
            raw_abstract=ABSTRACT,
            authors=("Ada Vale", "Tomasz Łącki", "李 明"),
            categories=("cs.CL", "math.CO"),
        )
        for number in range(1, count + 1)
    ]


def invented_batch(count=30, day=date(2026, 8, 13)):
    return Batch("cs.CL", day, tuple((each, AnnounceType.NEW) for each in invented(count)))


def make_digest(batch, *topics, count=30, summaries=5):
    """What a chat with these topics gets of the batch, the first papers with a summary."""
    subscription = make_subscription(topics=topics, categories=(batch.category,), max_papers=count)
    announcements = merge_batches([batch])
    papers = candidates(subscription, announcements)
    digest = compose(batch.day, (batch.category,), rank(RulesRanker(), subscription, papers, announcements, {}))
    made = {
        each.announced.paper.id: make_summary(
            each.announced.paper, contributions=LINES, methods=LINES, results=LINES, code_url="https://code.example/x"
        )
        for each in digest.papers[:summaries]
    }
    return with_summaries(digest, made)


def real_or_invented():
    """The digest of a real announcement, mathematics in its first papers; and whether it is real."""
    if not REAL.is_file():
        return make_digest(invented_batch()), False
    batch = parse_feed(REAL.read_bytes(), where=REAL.name)
    first = sorted(batch.papers, key=lambda row: -row[0].raw_abstract.count("$"))[:50]
    return make_digest(replace(batch, papers=tuple(first)), "model*", "language^0.5"), True


__all__ = ["CHAT", "invented_batch", "make_digest", "real_or_invented"]
