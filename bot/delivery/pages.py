"""Keeps each digest that is planned as a page, so that it can be read on the web and in feeds."""

from collections.abc import Callable
from dataclasses import dataclass

from bot.model.digest import Digest
from bot.model.page import Page, make_id
from bot.model.paper import ArxivId
from bot.model.subscription import Subscription
from bot.ports import Clock, Storage


@dataclass(frozen=True, slots=True)
class Pages:
    """`draw` gives so many random bytes. `public_url` is where pages are served from, without a slash; empty: nowhere."""

    storage: Storage
    clock: Clock
    draw: Callable[[int], bytes]
    public_url: str = ""

    async def keep(self, subscription: Subscription, digest: Digest) -> str:
        """Keep the digest as the chat's newest page, and give the link to it; empty where the chat has none.

        Where the very same was kept last, planning it came to nothing then, and its page is kept in that place.
        """
        last = next(iter(await self.storage.get_pages(subscription.chat, 1)), None)
        is_again = last is not None and _gist(last.digest) == _gist(digest)
        identifier = last.id if last is not None and is_again else make_id(self.draw)
        await self.storage.save_page(Page(identifier, subscription.chat, self.clock(), subscription.language, digest))
        return f"{self.public_url}/d/{identifier}" if self.public_url and subscription.pages else ""


def _gist(digest: Digest) -> tuple[object, tuple[ArxivId, ...]]:
    return (digest.day, digest.since, digest.categories), tuple(each.announced.paper.id for each in digest.papers)
