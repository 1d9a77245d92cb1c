"""Batches of several categories, seen by readers of some of them."""

from datetime import date

from bot.model.announcement import merge_batches
from bot.model.chat import Chat
from bot.model.paper import AnnounceType
from tests.build import make_batch, make_paper

A, B = make_paper("2611.00001"), make_paper("2611.00002")


def test_a_paper_is_new_if_any_followed_category_says_so():
    """A paper crossed to an earlier category is not lost for those who read the category it is new in."""
    [announcement] = merge_batches(
        [
            make_batch((A, AnnounceType.CROSS), category="cs.AI"),
            make_batch((A, AnnounceType.NEW), category="cs.LG"),
        ]
    )
    types = {
        categories: [each.announce_type for each in announcement.papers_for(categories)]
        for categories in [("cs.AI",), ("cs.LG",), ("cs.AI", "cs.LG"), ()]
    }
    assert types == {("cs.AI",): ["cross"], ("cs.LG",): ["new"], ("cs.AI", "cs.LG"): ["new"], (): ["new"]}


def test_papers_come_once_in_the_order_of_the_categories():
    """Each paper comes once, where the first category lists it."""
    [announcement] = merge_batches([make_batch(A, B, category="cs.AI"), make_batch(B, A, category="cs.LG")])
    assert [each.paper.id for each in announcement.papers_for(["cs.LG", "cs.AI"])] == [B.id, A.id]


def test_days_are_kept_apart_oldest_first():
    """Every day is an announcement of its own."""
    batches = [make_batch(A, day=date(2026, 11, 20)), make_batch(B, day=date(2026, 11, 19))]
    assert [each.day.day for each in merge_batches(batches)] == [19, 20]


def test_the_newest_version_is_kept_and_the_strongest_type():
    """A paper listed twice on a day is its newest version, as new as either listing says."""
    newer = make_paper("2611.00001", version=2, title="Corrected")
    [announcement] = merge_batches([make_batch((A, AnnounceType.NEW), (newer, AnnounceType.REPLACE))])
    [announced] = announcement.papers_for(["cs.CL"])
    assert (announced.paper.title, announced.announce_type) == ("Corrected", "new")


def test_a_category_that_was_not_announced_has_no_papers():
    """Unknown categories are empty, not an error."""
    [announcement] = merge_batches([make_batch(A)])
    assert announcement.papers_for(["math.AG"]) == ()


def test_chat_keys_name_one_chat_for_ever():
    """A key gives back its chat, thread included."""
    for chat in (Chat("telegram", "-100123"), Chat("telegram", "-100123", "7"), Chat("console", "local")):
        assert Chat.from_key(chat.key) == chat
