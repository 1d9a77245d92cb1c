"""What PostgreSQL has beside the contract: several processes, and text that it could not keep by itself."""

import asyncio
from dataclasses import replace
from datetime import UTC, date, datetime

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import ConfigError, StorageError
from bot.model.announcement import Batch
from bot.model.chat import Chat
from bot.model.choice import Choice
from bot.model.delivery import Delivery, DeliveryState, Progress
from bot.model.paper import AnnounceType, ArxivId
from bot.model.subscription import Subscription
from storage import open_storage
from storage.postgres import PostgresStorage, pruning
from storage.postgres.values import from_text, to_text
from tests.build import make_paper

ANN, BOB = Chat("telegram", "1"), Chat("discord", "2")
NOW = datetime(2026, 8, 3, 12, tzinfo=UTC)
DAY = NOW.date()


@pytest.fixture
async def two(database_url):
    """The storages of two processes."""
    storages = PostgresStorage(database_url), PostgresStorage(database_url)
    for each in storages:
        await each.open()
    yield storages
    for each in storages:
        await each.close()


async def subscribe(storage, chat, **fields):
    await storage.change_subscription(chat, lambda _: replace(Subscription(chat, NOW), **fields))


@given(st.text(), st.text())
def test_text_keeps_its_characters_and_its_order(one, other):
    """NUL is written as something else, and comes back; what was smaller stays smaller."""
    assert from_text(to_text(one)) == one
    assert "\x00" not in to_text(one)
    assert (to_text(one) < to_text(other)) == (one < other)


async def test_changes_of_two_processes_do_not_lose_each_other(two):
    """A hundred changes from both, each adding one, add a hundred."""
    await subscribe(two[0], ANN, max_papers=0)

    def add_one(old):
        return replace(old, max_papers=old.max_papers + 1)

    await asyncio.gather(*(two[turn % 2].change_subscription(ANN, add_one) for turn in range(100)))
    assert (await two[0].get_subscription(ANN)).max_papers == 100


async def test_tokens_are_claimed_once_over_all_processes(two):
    """However many ask, in whatever process, no more is set aside than the limit allows."""
    granted = await asyncio.gather(*(two[turn % 2].reserve_tokens(DAY, 300, 1000) for turn in range(20)))
    assert granted.count(True) == 3


async def test_lists_show_what_the_other_process_changed(two):
    """New, changed, forgotten and moved chats and their progress, and batches, saved again and pruned."""
    one, other = two
    moved = Chat("telegram", "3")
    for storage, reader in (two, two[::-1]):
        await subscribe(storage, ANN, max_papers=1)
        await subscribe(storage, BOB)
        await storage.plan(ANN, Progress(DAY, NOW))
        assert [each.chat for each in await reader.get_subscriptions()] == [BOB, ANN]
        await subscribe(storage, ANN, max_papers=2)
        await storage.forget_chat(BOB)
        [changed] = await reader.get_subscriptions()
        assert changed.max_papers == 2
        assert await reader.get_all_progress() == {ANN: Progress(DAY, NOW)}
        await storage.move_chat(ANN, moved)
        assert [each.chat for each in await reader.get_subscriptions()] == [moved]
        assert await reader.get_all_progress() == {moved: Progress(DAY, NOW)}
        await storage.forget_chat(moved)
        for identifier in ("2608.00001", "2608.00002"):
            rows = ((make_paper(identifier), AnnounceType.NEW),)
            await storage.save_batch(Batch("cs.CL", DAY, rows))
            [announcement] = await reader.get_announcements(DAY)
            assert list(announcement.papers) == [identifier]
        await storage.prune(batches_before=date.max, seen_before=DAY)
        assert await reader.get_announcements(date.min) == ()
    assert await one.get_subscriptions() == await other.get_subscriptions() == ()


async def test_a_list_misses_no_transaction_that_ended_late(two, database_url):
    """What was begun before a list was read, and committed after that, is in the next one, whatever came between."""
    one, _ = two
    await subscribe(one, BOB)
    with psycopg.connect(database_url) as slow:
        slow.execute("insert into subscriptions (chat, document) select 'telegram:9', document from subscriptions")
        await subscribe(one, ANN)
        assert [each.chat.key for each in await one.get_subscriptions()] == ["discord:2", "telegram:1"]
    assert [each.chat.key for each in await one.get_subscriptions()] == ["discord:2", "telegram:1", "telegram:9"]


async def test_a_list_is_read_again_where_nothing_changed(two):
    """The same values come back."""
    await subscribe(two[0], ANN)
    [first] = await two[1].get_subscriptions()
    [again] = await two[1].get_subscriptions()
    assert again is first


async def test_what_is_known_of_people_is_known_to_all(two, database_url):
    """What one chose, and how many commands they gave in this minute; long ago is pruned."""
    one, other = two
    await one.set_choice(ANN, "ada", Choice(BOB, NOW))
    assert await other.get_choice(ANN, "ada") == Choice(BOB, NOW)
    assert [await each.count_command("ada", NOW) for each in (one, other, one)] == [1, 2, 3]
    now = datetime.now(UTC)
    await one.count_command("bob", now)
    async with await psycopg.AsyncConnection.connect(database_url) as connection:
        await connection.execute("update commands set since = now() - interval '2 hours' where person = 'ada'")
    await one.prune(batches_before=date.min, seen_before=date.min)
    assert await other.count_command("ada", NOW) == 1
    assert await other.count_command("bob", now) == 2


async def test_much_is_pruned_in_batches(two, database_url):
    """All that is old goes, however much it is; what is open, and what is not old, stays."""
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "insert into seen select 'telegram:' || number, '2026-08-01', '{2608.00001}' from generate_series(1, %s) number",
            (2 * pruning.AT_ONCE + 1,),
        )
    await two[0].add_seen(ANN, [ArxivId("2608.00002")], DAY)
    await asyncio.gather(*(each.prune(batches_before=DAY, seen_before=DAY) for each in two))
    assert await two[0].get_seen(ANN) == {"2608.00002": DAY}
    with psycopg.connect(database_url) as connection:
        assert connection.execute("select count(*) from seen").fetchone() == (1,)


async def test_a_change_of_state_leaves_the_body_where_it_is(two, database_url):
    """A part of many kilobytes is written once: its place beside the table stays the same."""
    await subscribe(two[0], ANN)
    body = "".join(chr(0x4E00 + number * 7919 % 20_000) for number in range(20_000))
    planned = Delivery(ANN, DAY, 1, 1, NOW, NOW, body)
    await two[0].plan(ANN, None, [planned])

    def chunks():
        with psycopg.connect(database_url) as connection:
            (table,) = connection.execute(
                "select reltoastrelid::regclass::text from pg_class where relname = 'deliveries'"
            ).fetchone()
            return connection.execute(f"select distinct chunk_id from {table}").fetchall()  # noqa: S608 - our own name

    before = chunks()
    await two[0].record(replace(planned, state=DeliveryState.SENDING))
    assert chunks() == before != []
    assert (await two[0].get_deliveries(ANN))[0].body == body


async def test_what_is_too_large_is_refused(two):
    """A number that no column holds raises StorageError and changes nothing."""
    await subscribe(two[0], ANN)
    with pytest.raises(StorageError):
        await two[0].plan(ANN, Progress(DAY, NOW), [Delivery(ANN, DAY, 2**70, 1, NOW, NOW)])
    assert await two[0].get_progress(ANN) is None


@pytest.mark.parametrize("scheme", ["postgres", "postgresql"])
async def test_both_schemes_name_the_database(database_url, scheme):
    """Hosts hand out either."""
    storage = open_storage(database_url.replace("postgresql", scheme, 1))
    await storage.open()
    await storage.check()
    await storage.close()


async def test_a_server_that_is_not_there_is_named(tmp_path):
    """With the reason, and without the password."""
    storage = PostgresStorage(f"postgresql://me:hunter22@/there?host={tmp_path}")
    with pytest.raises(StorageError, match="No such file") as caught:
        await storage.open()
    assert "hunter22" not in str(caught.value)
    await storage.close()


@pytest.mark.parametrize("url", ["postgresql://me:hunter22@[::1/x", "postgresql://%zz:hunter22@host/x?what=1"])
def test_a_url_with_mistakes_is_not_repeated(url):
    """It may hold a password."""
    with pytest.raises(ConfigError, match="postgresql://user:password@host/database") as caught:
        PostgresStorage(url)
    assert "hunter22" not in str(caught.value)
    assert caught.value.__cause__ is None
