"""A small arXiv on loopback: feeds by category, and everything that goes wrong between us and the real one."""

import asyncio
import time
from collections import defaultdict, deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime
from datetime import time as clock_time
from email.utils import format_datetime
from itertools import pairwise
from urllib.parse import unquote
from xml.sax.saxutils import escape
from zoneinfo import ZoneInfo

REASONS = {200: "OK", 302: "Found", 400: "Bad Request", 403: "Forbidden", 429: "Too Many Requests"}
RSS_TYPE = "application/rss+xml"
HTML_TYPE = "text/html; charset=utf-8"
PDF_TYPE = "application/pdf"


@dataclass(frozen=True, slots=True)
class Canned:
    """One answer. `pause`: seconds before it; `sent`: how many bytes of the body go out before the connection drops;
    `sized`: whether Content-Length is stated; `repeat`: how often the body is sent.
    """

    body: bytes = b""
    status: int = 200
    content_type: str = RSS_TYPE
    headers: tuple[tuple[str, str], ...] = ()
    pause: float = 0.0
    sent: int | None = None
    sized: bool = True
    repeat: int = 1


@dataclass(frozen=True, slots=True)
class Seen:
    """A request as it arrived; `at` is in the server's seconds, `overlaps`: another was still being answered."""

    path: str
    headers: dict[str, str]
    at: float
    overlaps: bool = False


@dataclass
class ArxivServer:
    """Serves `feeds` below /rss/ and `pages` by path; what is in `scripts` for a path comes first, one by one."""

    feeds: dict[str, bytes] = field(default_factory=dict)
    pages: dict[str, Canned] = field(default_factory=dict)
    scripts: dict[str, deque] = field(default_factory=lambda: defaultdict(deque))
    seen: list[Seen] = field(default_factory=list)
    open_now: int = 0
    open_most: int = 0
    seconds: Callable[[], float] = time.monotonic
    _under_way: int = 0
    _port: int = 0

    async def __aenter__(self):
        self._tasks = set()
        self.asked = asyncio.Event()
        await self.listen()
        self.url = f"http://127.0.0.1:{self._port}"
        return self

    async def __aexit__(self, *_):
        await self.hang_up()

    @property
    def overlaps(self):
        """The requests that came while another was still being answered."""
        return [each for each in self.seen if each.overlaps]

    def gaps(self, host=""):
        """The seconds between each request and the one before it; with `host`, only of those to that name."""
        times = [each.at for each in self.seen if each.headers["host"].partition(":")[0].startswith(host)]
        return [after - before for before, after in pairwise(times)]

    async def listen(self):
        """Take connections, again on the same port after `hang_up`."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]

    async def hang_up(self):
        """Drop every connection and refuse new ones."""
        self._server.close()
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks)
        await self._server.wait_closed()
        # A transport closes its socket in the next round of the loop.
        await asyncio.sleep(0)

    def script(self, path, *answers):
        """The next requests for `path` get these answers, then the usual one."""
        self.scripts[path].extend(answers)

    def add_text(self, identifier, *, html=None, pdf=None):
        """Give a paper, named with its version, a page or a PDF, as bytes."""
        if html is not None:
            self.pages[f"/html/{identifier}"] = Canned(html, content_type=HTML_TYPE)
        if pdf is not None:
            self.pages[f"/pdf/{identifier}"] = Canned(pdf, content_type=PDF_TYPE)

    async def _serve(self, reader, writer):
        task = asyncio.current_task()
        self._tasks.add(task)
        self.open_now += 1
        self.open_most = max(self.open_most, self.open_now)
        try:
            # Closing the server cancels; asyncio's streams would complain of a handler that ends that way.
            with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
                while await self._answer(reader, writer):
                    pass
        finally:
            self.open_now -= 1
            self._tasks.discard(task)
            writer.close()

    async def _answer(self, reader, writer):
        head = (await reader.readuntil(b"\r\n\r\n")).decode("ascii").split("\r\n")
        path = unquote(head[0].split(" ")[1])
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)}
        self.seen.append(Seen(path, headers, self.seconds(), self._under_way > 0))
        self.asked.set()
        self._under_way += 1
        try:
            answer = self._choose(path)
            await asyncio.sleep(answer.pause)
            return await _write(writer, answer)
        finally:
            self._under_way -= 1

    def _choose(self, path):
        if self.scripts[path]:
            return self.scripts[path].popleft()
        if path in self.pages:
            return self.pages[path]
        if path.startswith(("/html/", "/pdf/")):
            return Canned(b"<html><body>No such article</body></html>", status=404, content_type=HTML_TYPE)
        category = path.removeprefix("/rss/")
        known = {name.casefold(): feed for name, feed in self.feeds.items()}
        if category.casefold() in known:
            return Canned(known[category.casefold()])
        return Canned(error_feed(category), status=400)


async def _write(writer, answer):
    lines = [f"HTTP/1.1 {answer.status} {REASONS.get(answer.status, 'Other')}", f"Content-Type: {answer.content_type}"]
    lines += [f"{name}: {value}" for name, value in answer.headers]
    lines.append(f"Content-Length: {len(answer.body) * answer.repeat}" if answer.sized else "Connection: close")
    writer.write("\r\n".join([*lines, "", ""]).encode("ascii"))
    for _ in range(answer.repeat):
        writer.write(answer.body[: answer.sent])
        await writer.drain()
    return answer.sized and answer.sent is None


def make_item(identifier, *, kind="new", categories=("cs.CL",), day=date(2026, 8, 13), **fields):
    """One invented paper in the layout of arXiv's RSS; `fields`: version, title, abstract, authors, doi."""
    version, title = fields.get("version", 1), fields.get("title")
    abstract, authors = fields.get("abstract", "We count teapots."), fields.get("authors", r"Ada Vale, J\"org Oak")
    extra = f"<arxiv:DOI>{fields['doi']}</arxiv:DOI>" if "doi" in fields else ""
    return f"""
    <item>
      <title>{escape(title or f"Teapots, part {identifier}")}</title>
      <link>https://arxiv.org/abs/{identifier}</link>
      <description>arXiv:{identifier}v{version} Announce Type: {kind} \nAbstract: {escape(abstract)}</description>
      <guid isPermaLink="false">oai:arXiv.org:{identifier}v{version}</guid>
      {"".join(f"<category>{each}</category>" for each in categories)}
      <pubDate>{_midnight(day)}</pubDate>
      <arxiv:announce_type>{kind}</arxiv:announce_type>
      <dc:rights>http://creativecommons.org/licenses/by/4.0/</dc:rights>{extra}
      <dc:creator>{escape(authors)}</dc:creator>
    </item>"""


def make_feed(category, *items, day=date(2026, 8, 13)):
    """A whole RSS 2.0 feed, as bytes."""
    return f"""<?xml version='1.0' encoding='UTF-8'?>
<rss xmlns:arxiv="http://arxiv.org/schemas/atom" xmlns:dc="http://purl.org/dc/elements/1.1/" version="2.0">
  <channel>
    <title>{category} updates on arXiv.org</title>
    <link>http://rss.arxiv.org/rss/{category}</link>
    <pubDate>{_midnight(day)}</pubDate>{"".join(items)}
  </channel>
</rss>""".encode()


def _midnight(day):
    return format_datetime(datetime.combine(day, clock_time.min, ZoneInfo("America/New_York")))


def error_feed(category):
    """arXiv's answer to a category it does not know."""
    return make_feed("x").replace(b"x updates on arXiv.org", f"Feed error for query: {category}".encode())
