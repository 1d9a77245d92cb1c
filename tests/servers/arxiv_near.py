"""The adapters to arXiv, but for their parsers, which run in this process: a scripted week reads a thousand answers."""

from urllib.parse import urlencode

from bot.sources.answers import check_status
from bot.sources.api import parse_answer
from bot.sources.arxiv_api import ArxivApiLookup
from bot.sources.arxiv_listing import ArxivListingSource
from bot.sources.arxiv_oai import ArxivOaiSource
from bot.sources.arxiv_rss import ArxivRssSource
from bot.sources.feed import parse_feed
from bot.sources.listing import parse_listing
from bot.sources.oai import parse_records


class NearFeeds(ArxivRssSource):
    """A PaperSource."""

    async def fetch(self, category):
        url = f"{self.base_url}/rss/{category}"
        answer = await self.client.get(url, accept=("xml",), patience=self.patience)
        check_status(answer, "a feed", category, url)
        return parse_feed(answer.content, where=url)


class NearLists(ArxivListingSource):
    """A ListingSource."""

    async def _fetch_page(self, category, number):
        url = self._address(category, number)
        answer = await self.client.get(url, accept=("html",), patience=self.patience)
        check_status(answer, "a list", category, url)
        return parse_listing(answer.content, category, where=url)


class NearLookup(ArxivApiLookup):
    """A PaperLookup."""

    async def _fetch(self, ids):
        url = f"{self.base_url}/query?id_list={','.join(ids)}&max_results={len(ids)}"
        return parse_answer((await self.client.get(url, accept=("xml",), patience=self.patience)).content, where=url)


class NearRecords(ArxivOaiSource):
    """A RecordSource."""

    async def _fetch(self, request):
        url = f"{self.url}?{urlencode({'verb': 'ListRecords', **request})}"
        return parse_records((await self.client.get(url, accept=("xml",), patience=self.patience)).content, where=url)
