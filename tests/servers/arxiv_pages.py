"""arXiv's formats, written as arXiv writes them, from what `tests.servers.arxiv_truth` knows."""

from datetime import UTC, datetime
from email.utils import format_datetime
from html import escape as escape_html
from xml.sax.saxutils import escape

from tests.servers.arxiv_truth import NEW_YORK, REPLACE, REPLACE_CROSS

SECTIONS = (("New", ("new",)), ("Cross", ("cross",)), ("Replacement", ("replace", "replace-cross")))
OAI_GROUPS = ("cs", "econ", "eess", "math", "q-bio", "q-fin", "stat")


def rss(query, day, rows):
    """RSS 2.0, whole."""
    return f"""<?xml version='1.0' encoding='UTF-8'?>
<rss xmlns:arxiv="http://arxiv.org/schemas/atom" xmlns:dc="http://purl.org/dc/elements/1.1/" version="2.0">
  <channel>
    <title>{query} updates on arXiv.org</title>
    <link>http://rss.arxiv.org/rss/{query}</link>
    <description>{query} updates on the arXiv.org e-print archive.</description>
    <lastBuildDate>{_midnight(day)}</lastBuildDate>
    <pubDate>{_midnight(day)}</pubDate>
    <skipDays><day>Sunday</day><day>Saturday</day></skipDays>{"".join(_item(row, day) for row in rows)}
  </channel>
</rss>""".encode()


def _item(row, day):
    version = row.paper.versions[row.version - 1]
    extra = f"<arxiv:DOI>{version.doi}</arxiv:DOI>" if version.doi else ""
    return f"""
    <item>
      <title>{escape(version.title)}</title>
      <link>https://arxiv.org/abs/{row.paper.id}</link>
      <description>{_describe(row)}</description>
      <guid isPermaLink="false">oai:arXiv.org:{row.paper.id}v{row.version}</guid>
      {"".join(f"<category>{each}</category>" for each in row.categories)}
      <pubDate>{_midnight(day)}</pubDate>
      <arxiv:announce_type>{row.kind}</arxiv:announce_type>
      <dc:rights>{row.paper.license}</dc:rights>{extra}
      <dc:creator>{escape(", ".join(version.authors))}</dc:creator>
    </item>"""


def atom(query, day, rows):
    """Atom, whole."""
    stamp = datetime(day.year, day.month, day.day, tzinfo=NEW_YORK).isoformat()
    return f"""<?xml version='1.0' encoding='UTF-8'?>
<feed xmlns="http://www.w3.org/2005/Atom" xmlns:arxiv="http://arxiv.org/schemas/atom"
      xmlns:dc="http://purl.org/dc/elements/1.1/" xml:lang="en-us">
  <id>http://rss.arxiv.org/atom/{query}</id>
  <title>{query} updates on arXiv.org</title>
  <updated>{stamp}</updated>
  <link href="http://rss.arxiv.org/atom/{query}" rel="self" type="application/atom+xml"/>
  {"".join(_entry(row, stamp) for row in rows)}
</feed>""".encode()


def _entry(row, stamp):
    version = row.paper.versions[row.version - 1]
    return f"""
  <entry>
    <id>oai:arXiv.org:{row.paper.id}v{row.version}</id>
    <title>{escape(version.title)}</title>
    <updated>{stamp}</updated>
    <link href="https://arxiv.org/abs/{row.paper.id}" rel="alternate" type="text/html"/>
    <summary>{_describe(row)}</summary>
    {"".join(f'<category term="{each}"/>' for each in row.categories)}
    <published>{stamp}</published>
    <arxiv:announce_type>{row.kind}</arxiv:announce_type>
    <dc:creator>{escape(", ".join(version.authors))}</dc:creator>
    <dc:rights>{row.paper.license}</dc:rights>
  </entry>"""


def _describe(row):
    abstract = escape(row.paper.versions[row.version - 1].abstract)
    return f"arXiv:{row.paper.id}v{row.version} Announce Type: {row.kind} \nAbstract: {abstract}"


def _midnight(day):
    return format_datetime(datetime(day.year, day.month, day.day, tzinfo=NEW_YORK))


def listing(name, day, rows, skip, show):
    """The page of `/list/{name}/new` that has the rows from `skip` on."""
    shown = rows[skip : skip + show]
    sections = [_section(title, kinds, rows, shown) for title, kinds in SECTIONS]
    body = "".join(sections) or "<p>No updates today.</p>"
    paging = f"<div class='paging'>Total of {len(rows)} entries</div>" if rows else ""
    return f"""<!DOCTYPE html>
<html lang="en"><head><title>{name}</title></head><body><div id='content-inner'><div id='dlpage'>
<h1>{name}</h1>
<p>See <a href="/list/{name}/recent">recent</a> articles</p>
<h3>Showing new listings for {day:%A}, {day.day} {day:%B} {day.year}</h3>
{paging}
{body}
{paging}
</div></div></body></html>""".encode()


def _section(title, kinds, rows, shown):
    total = sum(row.kind in kinds for row in rows)
    here = [row for row in shown if row.kind in kinds]
    if not here:
        return ""
    begins, ends = rows.index(here[0]), rows.index(here[-1])
    is_first = begins == 0 or rows[begins - 1].kind not in kinds
    is_last = ends == len(rows) - 1 or rows[ends + 1].kind not in kinds
    told = {
        (True, True): "showing",
        (True, False): "showing first",
        (False, True): "continued, showing last",
        (False, False): "continued, showing",
    }
    heading = f"{title} submissions ({told[is_first, is_last]} {len(here)} of {total} entries)"
    return f"<dl id='articles'>\n<h3>{heading}</h3>{''.join(_listed(row, rows.index(row) + 1) for row in here)}</dl>"


def _listed(row, number):
    version = row.paper.versions[row.version - 1]
    primary, *others = row.categories
    told = {"cross": f"(cross-list from {primary})", "replace": "(replaced)", "replace-cross": "(replaced)"}
    return f"""
    <dt>
      <a name='item{number}'>[{number}]</a>
      <a href ="/abs/{row.paper.id}" title="Abstract" id="{row.paper.id}">
        arXiv:{row.paper.id}
      </a>
      {told.get(row.kind, "")}
      [<a href="/pdf/{row.paper.id}" title="Download PDF" id="pdf-{row.paper.id}">pdf</a>]
    </dt>
    <dd>
      <div class='meta'>
        <div class='list-title mathjax'><span class='descriptor'>Title:</span> {escape_html(version.title)}</div>
        <div class='list-subjects'><span class='descriptor'>Subjects:</span>
          <span class="primary-subject">Some Science ({primary})</span>{"".join(f"; Another ({each})" for each in others)}
        </div>
        <p class='mathjax'>{escape_html(version.abstract)}</p>
      </div>
    </dd>"""


def api(now, entries):
    """The API's answer with these entries."""
    return f"""<?xml version='1.0' encoding='UTF-8'?>
<feed xmlns:opensearch="http://a9.com/-/spec/opensearch/1.1/" xmlns:arxiv="http://arxiv.org/schemas/atom" xmlns="http://www.w3.org/2005/Atom">
  <id>https://arxiv.org/api/invented</id>
  <title>arXiv Query: search_query=&amp;id_list=</title>
  <updated>{_stamp(now)}</updated>
  <opensearch:itemsPerPage>{len(entries)}</opensearch:itemsPerPage>
  <opensearch:totalResults>{len(entries)}</opensearch:totalResults>
  <opensearch:startIndex>0</opensearch:startIndex>{"".join(entries)}
</feed>""".encode()


def api_entry(paper, number, version, categories):
    """One paper in the API's answer."""
    authors = "".join(f"<author><name>{escape(each)}</name></author>" for each in version.authors)
    extra = "".join(
        f"<arxiv:{name}>{escape(text)}</arxiv:{name}>"
        for name, text in (("comment", version.comment), ("journal_ref", version.journal_ref), ("doi", version.doi))
        if text
    )
    return f"""
  <entry>
    <id>http://arxiv.org/abs/{paper.id}v{number}</id>
    <title>{escape(version.title)}</title>
    <updated>{_stamp(version.submitted)}</updated>
    <link href="https://arxiv.org/abs/{paper.id}v{number}" rel="alternate" type="text/html"/>
    <summary>{escape(version.abstract)}</summary>
    {"".join(f'<category term="{each}" scheme="http://arxiv.org/schemas/atom"/>' for each in categories)}
    <published>{_stamp(paper.versions[0].submitted)}</published>
    {extra}
    <arxiv:primary_category term="{categories[0]}"/>
    {authors}
  </entry>"""


def api_error(text):
    """How the API says no, at times with HTTP 200."""
    return f"""
  <entry>
    <id>https://arxiv.org/api/errors#{text.replace(" ", "_")}</id>
    <title>Error</title>
    <updated>2026-08-14T00:41:35Z</updated>
    <link href="https://arxiv.org/api/errors" rel="alternate" type="text/html"/>
    <summary>{escape(text)}</summary>
    <author><name>arXiv api core</name></author>
  </entry>"""


def oai(now, request, body):
    """An OAI-PMH answer around `body`."""
    attributes = "".join(f' {name}="{escape(value)}"' for name, value in request.items())
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
         xsi:schemaLocation="http://www.openarchives.org/OAI/2.0/ http://www.openarchives.org/OAI/2.0/OAI-PMH.xsd">
    <responseDate>{_stamp(now)}</responseDate>
    <request{attributes}>http://oaipmh.arxiv.org/oai</request>
    {body}
</OAI-PMH>""".encode()


def oai_record(paper, found, changed, prefix):
    """One record; `found` is what `Paper.seen_on` says, `prefix` arXiv or arXivRaw."""
    number, version, categories = found
    write = _oai_raw if prefix == "arXivRaw" else _oai_arxiv
    return f"""
      <record>
        <header>
          <identifier>oai:arXiv.org:{paper.id}</identifier>
          <datestamp>{changed}</datestamp>
          {"".join(f"<setSpec>{oai_set(each)}</setSpec>" for each in categories)}
        </header>
        <metadata>{write(paper, number, version, categories)}</metadata>
      </record>"""


def oai_deleted(paper):
    """The record of what is no longer shown."""
    return f"""
      <record><header status="deleted">
        <identifier>oai:arXiv.org:{paper.id}</identifier><datestamp>{paper.removed}</datestamp>
      </header></record>"""


def _oai_raw(paper, number, version, categories):
    versions = "".join(
        f'<version version="v{each}"><date>{paper.versions[each - 1].submitted:%a, %d %b %Y %H:%M:%S} GMT</date>'
        "<size>12kb</size></version>"
        for each in range(1, number + 1)
    )
    return f"""
          <arXivRaw xmlns="http://arxiv.org/OAI/arXivRaw/"><id>{paper.id}</id><submitter>Ada Vale</submitter>{versions}
            <title>{escape(version.title)}</title><authors>{escape(", ".join(version.authors))}</authors>
            {_oai_rest(paper, version, categories)}</arXivRaw>"""


def _oai_arxiv(paper, number, version, categories):
    authors = "".join(
        f"<author><keyname>{escape(each.rpartition(' ')[2])}</keyname>"
        f"<forenames>{escape(each.rpartition(' ')[0])}</forenames></author>"
        for each in version.authors
    )
    updated = f"<updated>{version.day}</updated>" if number > 1 else ""
    return f"""
          <arXiv xmlns="http://arxiv.org/OAI/arXiv/"><id>{paper.id}</id>
            <created>{version.submitted:%Y-%m-%d}</created>{updated}
            <authors>{authors}</authors><title>{escape(version.title)}</title>
            {_oai_rest(paper, version, categories)}</arXiv>"""


def _oai_rest(paper, version, categories):
    texts = (
        ("categories", " ".join(categories)),
        ("comments", version.comment),
        ("journal-ref", version.journal_ref),
        ("doi", version.doi),
        ("license", paper.license),
        ("abstract", version.abstract),
    )
    return "".join(f"<{name}>{escape(text)}</{name}>" for name, text in texts if text)


def oai_set(category):
    """The set of a category: group, archive and category."""
    archive, _, rest = category.partition(".")
    group = archive if archive in OAI_GROUPS else "physics"
    return f"{group}:{archive}:{rest}" if rest else f"{group}:{archive}"


def abstract_page(paper, number, version):
    """The `/abs` page; a withdrawn version says so in its history."""
    note = (
        f'<span class="error">This paper has been withdrawn by {version.authors[0]}</span>'
        if version.is_withdrawn
        else ""
    )
    history = "".join(
        f"<strong>[v{index}]</strong> {each.submitted:%a, %d %b %Y %H:%M:%S} UTC (1 KB)"
        f"{' <em>(withdrawn)</em>' if each.is_withdrawn else ''}<br/>"
        for index, each in enumerate(paper.versions[:number], 1)
    )
    return f"""<!DOCTYPE html>
<html><body><div id="abs">{note}<h1 class="title mathjax"><span class="descriptor">Title:</span>{escape_html(version.title)}</h1>
<blockquote class="abstract mathjax"><span class="descriptor">Abstract:</span>{escape_html(version.abstract)}</blockquote>
<div class="submission-history"><h2>Submission history</h2>{history}</div></div></body></html>""".encode()


def order(rows):
    """Rows as arXiv sorts them before its limit: the weakest types first."""
    return sorted(rows, key=lambda row: -row.kind.strength)


def order_listing(rows):
    """Rows as the list has them: new, cross, and all replacements."""
    return sorted(rows, key=lambda row: min(row.kind.strength, REPLACE.strength, REPLACE_CROSS.strength))


def _stamp(moment):
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
