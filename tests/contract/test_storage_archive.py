"""What every storage promises of archived papers."""

from dataclasses import replace
from datetime import date

from bot.model.paper import AnnouncedPaper, AnnounceType, ArxivId
from bot.ports import Storage
from tests.build import make_paper

MONDAY, TUESDAY = date(2026, 11, 16), date(2026, 11, 17)
CACHE = make_paper(
    "2611.00001", "Small KV Caches", "We \u201cshrink\u201d them.", authors=("José García",), doi="10.1/x"
)
WORLDS = make_paper("hep-th/9711200", "On Worlds", categories=("hep-th", "cs.CL"))


async def restart(storage: Storage) -> None:
    await storage.close()
    await storage.open()


async def test_a_day_is_archived_and_replaced(storage: Storage) -> None:
    """Its papers in their order, with their types, all that is read of them, and no TeX."""
    papers = (
        AnnouncedPaper(WORLDS, AnnounceType.CROSS, MONDAY),
        AnnouncedPaper(replace(CACHE, raw_title="$x$", raw_abstract="y"), AnnounceType.NEW, MONDAY),
    )
    await storage.save_archive(MONDAY, papers[:1])
    await storage.save_archive(MONDAY, papers)
    await restart(storage)
    assert await storage.get_archive(MONDAY) == (papers[0], AnnouncedPaper(CACHE, AnnounceType.NEW, MONDAY))
    assert await storage.get_archive(TUESDAY) == ()
    assert await storage.get_archived_days() == (MONDAY,)


async def test_an_archived_paper_is_found_as_its_newest_day_has_it(storage: Storage) -> None:
    """By its id alone; one that is nowhere is not."""
    newer = replace(CACHE, version=2)
    await storage.save_archive(TUESDAY, [AnnouncedPaper(newer, AnnounceType.REPLACE, TUESDAY)])
    await storage.save_archive(MONDAY, [AnnouncedPaper(CACHE, AnnounceType.NEW, MONDAY)])
    await restart(storage)
    assert await storage.find_archived(CACHE.id) == AnnouncedPaper(newer, AnnounceType.REPLACE, TUESDAY)
    assert await storage.find_archived(ArxivId("2611.0000")) is None


async def test_old_days_leave_the_archive(storage: Storage) -> None:
    """The day itself stays, and pruning the announcements touches nothing here."""
    for day in (MONDAY, TUESDAY):
        await storage.save_archive(day, [AnnouncedPaper(CACHE, AnnounceType.NEW, day)])
    await storage.prune(batches_before=date.max, seen_before=date.max, summaries_before=date.max)
    await storage.prune_archive(TUESDAY)
    await storage.prune_archive(TUESDAY)
    await restart(storage)
    assert await storage.get_archived_days() == (TUESDAY,)
    assert await storage.find_archived(CACHE.id) is not None


async def test_the_archive_is_no_announcement(storage: Storage) -> None:
    """Digests know nothing of it."""
    await storage.save_archive(MONDAY, [AnnouncedPaper(CACHE, AnnounceType.NEW, MONDAY)])
    assert await storage.get_announcements(date.min) == ()
