"""A whole site over a storage in memory: three digests of one public chat, and a week of announcements."""

from dataclasses import replace
from datetime import timedelta
from time import monotonic

from bot.model.announcement import Batch
from bot.model.page import Page
from bot.web import WebServer, home, pages
from bot.web.security import Allowance
from tests.browser.papers import CHAT, invented_batch, make_digest, real_or_invented
from tests.build import NOW, make_subscription
from tests.world import World

IDS = ("firstPage-firstPage_00", "secondPage-secondPag_1", "thirdPage-thirdPage__2")
FIRST, REAL, LAST = (f"/d/{each}" for each in IDS)


async def make_site(port, languages=None):
    """The server, yet to be entered. The middle page is of a real announcement where there is one, the last is Chinese."""
    world = World()
    storage = world.storage
    await storage.open()
    subscription = make_subscription(categories=("cs.CL", "math.CO"), topics=('"language model"',))
    await storage.change_subscription(CHAT, lambda _: subscription)
    real, _ = real_or_invented()
    invented = make_digest(invented_batch(), "zeros", "cost^0.5")
    for number, (identifier, digest, language) in enumerate(
        zip(IDS, (invented, real, replace(invented, is_sample=True)), ("en", "en", "zh"), strict=True)
    ):
        await storage.save_page(Page(identifier, CHAT, NOW + timedelta(days=number), language, digest))
    for number, size in enumerate((12, 30, 7, 25, 18)):
        batch = invented_batch(size, NOW.date() - timedelta(days=number))
        await storage.save_batch(batch)
        await storage.save_batch(Batch("math.CO", batch.day, batch.papers[: size // 2]))
    server = WebServer(port, "127.0.0.1", languages=languages, allowance=Allowance(100_000, 1_000))
    server.add_routes(pages.routes(storage, server.templates, has_home=True))
    server.add_routes(home.routes(world.services.pipeline, server.templates, (CHAT,), monotonic))
    return server
