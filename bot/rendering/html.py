"""A digest as one HTML page that needs nothing else. Pure."""

from html import escape

from bot.model.digest import Digest, DigestPaper
from bot.model.summary import Summary
from bot.rendering.scores import format_score
from bot.rendering.summaries import label_of, parts_of, tldr_of
from bot.rendering.text import SAMPLE_LABEL, format_authors, format_day, format_facts, format_summary

_STYLE = """
:root { color-scheme: light dark; }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 46rem; margin: 0 auto; padding: 1rem; overflow-wrap: anywhere; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin: 0; } h3 { font-size: 1rem; margin: 0; }
ol > li { margin: 0 0 1.5rem; } .facts, footer { opacity: .75; font-size: .9rem; } p { margin: .25rem 0; }
.sample { border: 2px solid; padding: .5rem; font-weight: bold; }
""".strip()


def render_html(digest: Digest) -> str:
    """The whole page. Foreign text is escaped; the page loads nothing and runs nothing."""
    title = f"arXiv papers of {format_day(digest.day)}"
    sample = f'<p class="sample">{escape(SAMPLE_LABEL)}</p>\n' if digest.is_sample else ""
    papers = "\n".join(_paper(paper, digest) for paper in digest.papers)
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<style>
{_STYLE}
</style>
</head>
<body>
<header>
<h1>{escape(title)}</h1>
{sample}<p class="facts">{escape(", ".join(digest.categories))}</p>
</header>
<main>
<ol>
{papers}
</ol>
</main>
<footer><p>{escape(format_summary(digest))}</p></footer>
</body>
</html>
"""


def _paper(shown: DigestPaper, digest: Digest) -> str:
    paper = shown.announced.paper
    why = f"\n<p>{escape(format_score(shown.score))}</p>" if shown.score.reasons else ""
    links = "; ".join(f'<a href="{escape(each.link)}">{each.id}</a> {escape(each.title)}' for each in shown.also)
    also = f"\n<p>also: {links}</p>" if links else ""
    return f"""<li>
<article>
<h2><a href="{escape(paper.link)}">{escape(paper.title)}</a></h2>
<p>{escape(format_authors(paper.authors, most=20))}</p>
<p class="facts">{escape(format_facts(shown, digest))}</p>{why}{also}{_summary(shown.summary) if shown.summary else ""}
<details><summary>Abstract</summary><p>{escape(paper.abstract)}</p></details>
</article>
</li>"""


def _summary(summary: Summary) -> str:
    parts = "".join(
        f"<h3>{escape(name)}</h3><ul>{''.join(f'<li>{escape(line)}</li>' for line in lines)}</ul>"
        for name, lines in parts_of(summary)
    )
    label = escape(label_of(summary))
    return f"\n<p>{escape(tldr_of(summary))}</p>\n<details><summary>{label}</summary>{parts}</details>"
