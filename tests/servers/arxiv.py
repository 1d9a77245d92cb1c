"""An invented arXiv on loopback, made from one truth, so that its feeds, lists and records agree unless told otherwise.

    async with FakeArxiv(clock=lambda: now) as arxiv:                 # `clock`: the present as an aware UTC instant
        a, b = arxiv.fill(monday, 2, "cs.AI", "cs.LG")                 # new in cs.AI, crossed to cs.LG
        arxiv.announce(monday, "2608.00077", "cs.CL", title="Teapots", comment="9 pages")
        arxiv.cross(tuesday, a, "cs.CL")                               # later crossed to one more category
        arxiv.reclassify(tuesday, b, "cs.LG")                          # was `cross` there, is `new` now
        arxiv.replace(wednesday, a, title="More teapots")              # version 2
        arxiv.withdraw(thursday, a)
        arxiv.remove(thursday, b)                                      # OAI-PMH says `deleted`, the API nothing
        arxiv.types(monday, "cs.LG")                                   # {id: type}, what must arrive
        arxiv.quiet(friday)                                            # an announcement with nothing in it

Days are those of the feeds, Monday to Friday in New York: the list, the API, OAI-PMH and /abs tell of a day from 20:00 on
the evening before, the feeds from midnight to midnight. A day without events is a weekend or a holiday: feeds are empty, dated
with that day, and the list stays with the last announcement.

Trouble goes by the clock (`since` and `until` are aware instants):

        arxiv.delay("cs.AI", until)                       # shows the previous batch, dated today; `shows="nothing"`: empty
        arxiv.trouble(since, until, Canned(b"Rate exceeded.", 429, "text/plain"), "/rss/")   # to paths that begin so
        arxiv.truncate(since, until, "/rss/cs.AI")        # well-typed, but broken off in the middle
        await arxiv.hang_up(); await arxiv.listen()       # refused connections in between
        arxiv.script("/rss/cs.AI", Canned(...))           # the next answers to one path, from the server it is based on

`rss_url`, `api_url`, `oai_url` and `site_url` are for the settings; the site has another host name (`localhost`).
`seen` are all requests with `at`, in `seconds()` (the event loop's, unless another function is given);
`overlaps` are those that came while another was being answered, `gaps(host)` the seconds between them.
"""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from urllib.parse import parse_qsl

from bot.model.paper import parse_arxiv_id
from bot.ports import Clock
from tests.adapters.arxiv_server import RSS_TYPE, ArxivServer, Canned, error_feed
from tests.servers import arxiv_pages as pages
from tests.servers.arxiv_truth import Truth, announced_at, feed_day

ATOM_TYPE, XML_TYPE, HTML_TYPE = "application/atom+xml", "text/xml", "text/html; charset=utf-8"
LONGEST_ADDRESS = 4094
OAI_ERROR = '<error code="{}">{}</error>'


@dataclass(frozen=True)
class Trouble:
    """From `since` until before `until`, paths that begin with one of `paths` are answered so; without `answer`, in half."""

    since: datetime
    until: datetime
    answer: Canned | None
    paths: tuple[str, ...]

    def is_met(self, path, now):
        return self.since <= now < self.until and path.startswith(self.paths or "/")


@dataclass
class FakeArxiv(ArxivServer, Truth):
    """See the module. `known`: the categories there are; without it, all. `limit`: rows in a feed; `oai_page`: records in
    an OAI-PMH answer; `max_show`: rows on one page of a list.
    """

    clock: Clock = lambda: datetime.now(UTC)
    known: frozenset[str] = frozenset()
    limit: int = 2000
    oai_page: int = 1000
    max_show: int = 2000
    _delays: list[tuple[str, datetime, str]] = field(default_factory=list)
    _troubles: list[Trouble] = field(default_factory=list)
    _tokens: dict[str, tuple[dict[str, str], int]] = field(default_factory=dict)

    async def __aenter__(self):
        self.seconds = asyncio.get_running_loop().time if self.seconds is ArxivServer.seconds else self.seconds
        return await super().__aenter__()

    @property
    def rss_url(self):
        return self.url

    @property
    def api_url(self):
        return f"{self.url}/api"

    @property
    def oai_url(self):
        return f"{self.url}/oai"

    @property
    def site_url(self):
        return self.url.replace("127.0.0.1", "localhost")

    def delay(self, category, until, shows="previous"):
        """Until then the feed of a category shows its previous batch, or `nothing`, with today's date."""
        self._delays.append((category, until, shows))

    def trouble(self, since, until, answer, *paths):
        """Answer so for a while."""
        self._troubles.append(Trouble(since, until, answer, paths))

    def truncate(self, since, until, *paths):
        """Break answers off for a while."""
        self._troubles.append(Trouble(since, until, None, paths))

    def _choose(self, path):
        if self.scripts[path] or path in self.pages or path.removeprefix("/rss/") in self.feeds:
            return super()._choose(path)
        now = self.clock()
        trouble = next((each for each in self._troubles if each.is_met(path, now)), None)
        if trouble and trouble.answer:
            return trouble.answer
        answer = self._render(path, now)
        if trouble:
            return Canned(answer.body[: len(answer.body) // 2], answer.status, answer.content_type)
        return answer

    def _render(self, path, now):
        place, _, query = path.partition("?")
        _, kind, *rest = place.split("/", 2)
        render = {
            "rss": self._feed,
            "atom": self._feed,
            "list": self._list,
            "api": self._api,
            "oai": self._oai,
            "abs": self._abs,
        }.get(kind)
        if render is None:
            return Canned(b"Not found", 404, HTML_TYPE)
        if len(path) > LONGEST_ADDRESS:
            return Canned(b"Bad request", 400, HTML_TYPE)
        return render(kind, rest[0] if rest else "", dict(parse_qsl(query)), now)

    def _feed(self, kind, joined, _options, now):
        names = joined.split("+")
        if any(self.known and each.casefold() not in {code.casefold() for code in self.known} for each in names):
            return Canned(error_feed(joined), 400)
        rows = {}
        for name in names:
            for row in self.rows(self._day_in_feed(name, now), [name]):
                known = rows.get(row.paper.id, row)
                rows[row.paper.id] = min(known, row, key=lambda each: each.kind.strength)
        shown = pages.order(rows.values())[: self.limit][::-1]
        write, content_type = (pages.rss, RSS_TYPE) if kind == "rss" else (pages.atom, ATOM_TYPE)
        return Canned(write(joined, feed_day(now), shown), content_type=content_type)

    def _day_in_feed(self, name, now):
        today = feed_day(now)
        shows = next((shows for category, until, shows in self._delays if category == name and now < until), "")
        if not shows:
            return today
        return self.day_before(today, [name]) if shows == "previous" else None

    def _list(self, _kind, place, options, now):
        name, _, which = place.partition("/")
        day = self.day_at(now)
        if which != "new" or day is None or (self.known and name not in self.known):
            return Canned(b"<html><body>Not found</body></html>", 404, HTML_TYPE)
        rows = pages.order_listing(self.rows(day, [name]))
        show = min(int(options.get("show", 50)), self.max_show)
        return Canned(pages.listing(name, day, rows, int(options.get("skip", 0)), show), content_type=HTML_TYPE)

    def _known_by(self, now, identifier):
        """Version number, version and categories of a paper as it is now; None if nobody has heard of it yet."""
        paper, today = self.papers.get(identifier), self.day_at(now)
        if paper is None or today is None or paper.versions[0].day > today or self._is_removed(paper, now):
            return None
        return paper.seen_on(today)

    def _is_removed(self, paper, now):
        return paper.removed is not None and announced_at(paper.removed) <= now

    def _api(self, _kind, _place, options, now):
        entries = []
        for each in options.get("id_list", "").split(","):
            identifier = parse_arxiv_id(each)
            if identifier is None:
                answer = pages.api(now, [pages.api_error(f"incorrect id format for {each}")])
                return Canned(answer, 400, ATOM_TYPE)
            if found := self._known_by(now, identifier[0]):
                entries.append(pages.api_entry(self.papers[identifier[0]], *found))
        return Canned(pages.api(now, entries[: int(options.get("max_results", 10))]), content_type=ATOM_TYPE)

    def _abs(self, _kind, place, _options, now):
        if found := self._known_by(now, place):
            number, version, _ = found
            return Canned(pages.abstract_page(self.papers[place], number, version), content_type=HTML_TYPE)
        return Canned(b"<html><body>Not found</body></html>", 404, HTML_TYPE)

    def _oai(self, _kind, _place, options, now):
        return Canned(pages.oai(now, options, self._oai_body(options, now)), content_type=XML_TYPE)

    def _oai_body(self, options, now):
        if options.get("verb") == "Identify":
            return "<Identify><repositoryName>arXiv</repositoryName><protocolVersion>2.0</protocolVersion></Identify>"
        if options.get("verb") != "ListRecords":
            return OAI_ERROR.format("badVerb", "what shall I do?")
        token = options.get("resumptionToken", "")
        if token and token not in self._tokens:
            return OAI_ERROR.format("badResumptionToken", "it has expired")
        asked, start = self._tokens[token] if token else (options, 0)
        records = self._oai_records(asked, now)
        if not records:
            return OAI_ERROR.format("noRecordsMatch", "")
        return f"<ListRecords>{''.join(records[start : start + self.oai_page])}{self._next(asked, start, records)}</ListRecords>"

    def _next(self, asked, start, records):
        end = start + self.oai_page
        if len(records) <= self.oai_page:
            return ""
        token = f"token|{len(self._tokens)}" if end < len(records) else ""
        if token:
            self._tokens[token] = asked, end
        return f'<resumptionToken cursor="{start}" completeListSize="{len(records)}">{token}</resumptionToken>'

    def forget_tokens(self):
        """What arXiv does every day: harvests that are under way must begin again."""
        self._tokens.clear()

    def _oai_records(self, asked, now):
        wanted, prefix = asked.get("set", ""), asked.get("metadataPrefix", "")
        since = date.fromisoformat(asked.get("from", "1991-01-01"))
        until = date.fromisoformat(asked.get("until", "2199-01-01"))
        records = []
        for identifier, paper in sorted(self.papers.items()):
            if self._is_removed(paper, now):
                if since <= paper.removed <= until:
                    records.append(pages.oai_deleted(paper))
            elif found := self._known_by(now, identifier):
                changed = paper.changed(self.day_at(now))
                if since <= changed <= until and _is_in_set(found[2], wanted):
                    records.append(pages.oai_record(paper, found, changed, prefix))
        return records


def _is_in_set(categories, wanted):
    return not wanted or any(f"{pages.oai_set(each)}:".startswith(f"{wanted}:") for each in categories)
