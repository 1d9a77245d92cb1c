"""The table of deliveries: one row for each part."""

from collections.abc import Iterable, Mapping
from dataclasses import fields
from datetime import UTC, date

from bot.model.chat import Chat
from bot.model.delivery import Delivery, DeliveryState
from bot.model.moves import renumber_deliveries
from bot.model.paper import ArxivId
from storage.postgres.chats import add_seen
from storage.postgres.database import Connection
from storage.postgres.values import Parameters, Row

_FIELDS = tuple(field.name for field in fields(Delivery))
COLUMNS = ", ".join(_FIELDS)
_VALUES = ", ".join(f"%({name})s" for name in _FIELDS)
_KEY = ("chat", "day", "part")
# A body that is as it was is not written again: it may have kilobytes, and a part changes its state four times.
_CHANGES = ", ".join(
    f"{name} = %({name})s" if name != "body" else "body = case body when %(body)s then body else %(body)s end"
    for name in _FIELDS
    if name not in _KEY
)
_ADD = f"insert into deliveries ({COLUMNS}) values ({_VALUES}) on conflict (chat, day, part) do nothing"  # noqa: S608 - our own names
_REPLACE = f"update deliveries set {_CHANGES} where chat = %(chat)s and day = %(day)s and part = %(part)s"  # noqa: S608 - as above
_FIND = f"select {COLUMNS} from deliveries where chat = %s order by day, part"  # noqa: S608 - as above
_FIND_ONE = f"select {COLUMNS} from deliveries where chat = %s and day = %s and part = %s"  # noqa: S608 - as above
_OPEN_CHATS = "select chat from deliveries where is_open group by chat order by min(planned_at), chat"
_COUNT = "select split_part(chat, ':', 1), state, count(*) from deliveries where day >= %s group by 1, 2"


async def find_deliveries(connection: Connection, chat: Chat) -> tuple[Delivery, ...]:
    """Every delivery of the chat, by day and part."""
    cursor = await connection.execute(_FIND, (chat.key,))
    return tuple(map(from_row, await cursor.fetchall()))


async def add_deliveries(connection: Connection, deliveries: Iterable[Delivery]) -> None:
    """Keep those whose key is new."""
    for each in deliveries:
        await connection.execute(_ADD, _to_values(each))


async def record(connection: Connection, delivery: Delivery) -> bool:
    """Replace the one of this key; False where there is none. If it is sent, its papers are seen."""
    if (await connection.execute(_REPLACE, _to_values(delivery))).rowcount == 0:
        return False
    if delivery.state is DeliveryState.SENT:
        await add_seen(connection, delivery.chat, delivery.papers, delivery.changed_at.astimezone(UTC).date())
    return True


async def record_after(connection: Connection, before: Delivery, delivery: Delivery) -> bool:
    """As `record`, where the one of this key is still `before`."""
    row = await (await connection.execute(_FIND_ONE, (before.chat.key, before.day, before.part))).fetchone()
    return row is not None and from_row(row) == before and await record(connection, delivery)


async def is_any_taken(connection: Connection, planned: Iterable[Delivery]) -> bool:
    """Whether there is one with the key of one of these."""
    for each in planned:
        if await (await connection.execute(_FIND_ONE, (each.chat.key, each.day, each.part))).fetchone() is not None:
            return True
    return False


async def move_deliveries(connection: Connection, old: Chat, new: Chat) -> None:
    """Let the deliveries of `old` be those of `new`, behind any it has of the same day."""
    moved = await find_deliveries(connection, old)
    await connection.execute("delete from deliveries where chat = %s", (old.key,))
    await add_deliveries(connection, renumber_deliveries(new, moved, await find_deliveries(connection, new)))


async def find_open_chats(connection: Connection) -> tuple[Chat, ...]:
    """The chats with an open delivery, the one that has waited longest first."""
    cursor = await connection.execute(_OPEN_CHATS)
    return tuple(Chat.from_key(key) for (key,) in await cursor.fetchall())


async def count_states(connection: Connection, since: date) -> Mapping[tuple[str, DeliveryState], int]:
    """How many deliveries of these days there are, by platform and state."""
    cursor = await connection.execute(_COUNT, (since,))
    return {(platform, DeliveryState(state)): count for platform, state, count in await cursor.fetchall()}


def _to_values(delivery: Delivery) -> Parameters:
    values = {name: getattr(delivery, name) for name in _FIELDS}
    body = delivery.body if delivery.is_repeatable else ""
    changed = {"chat": delivery.chat.key, "papers": list(delivery.papers), "state": delivery.state.value, "body": body}
    return values | changed


def from_row(row: Row) -> Delivery:
    """The delivery that a row of `COLUMNS` is."""
    values = dict(zip(_FIELDS, row, strict=True))
    values["chat"] = Chat.from_key(values["chat"])
    values["papers"] = tuple(map(ArxivId, values["papers"]))
    values["state"] = DeliveryState(values["state"])
    return Delivery(**values)
