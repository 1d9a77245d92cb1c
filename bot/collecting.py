"""Saved papers on their way into people's Zotero libraries: the use case behind /zotero and 💾.

What is to be added is kept before it is sent, with all that the item needs, and under a name that follows from library and
paper. So a crash at any point loses nothing, and asking twice adds nothing twice (ADR 0018).
"""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import orjson

from bot.errors import LibraryError, UserError
from bot.language import later, tr
from bot.model.chat import Chat
from bot.model.library import Account
from bot.model.paper import ArxivId, Paper
from bot.ports import Clock, ReferenceLibrary, Storage
from bot.sealing import Sealer, SealError

log = logging.getLogger(__name__)

MOST_WAITING = 1000
"""Papers of one person that may wait for Zotero."""
_PAUSES = (60.0, 300.0, 900.0, 3600.0)
_IDLE = 300.0
UNREACHABLE = later("Zotero cannot be asked now. Please try again in a few minutes.")


@dataclass(frozen=True, slots=True)
class Connection:
    """A person's library, and the chat in which they gave its key. `sealed` is that key; `is_refused`: it is no longer valid."""

    chat: str
    account: Account
    sealed: str
    is_refused: bool = False


@dataclass(frozen=True, slots=True)
class _Filing:
    """A paper on its way, and when it may be tried next. `tries`: how often a request was begun."""

    paper: Paper
    not_before: str
    tries: int = 0


@dataclass(slots=True)
class Collecting:
    """Everything is a note of the storage; a person is `telegram:77`. Without `run` nothing is sent."""

    storage: Storage
    library: ReferenceLibrary
    sealer: Sealer
    clock: Clock
    _wake: asyncio.Event = field(default_factory=asyncio.Event)

    async def connect(self, chat: Chat, person: str, key: str) -> Connection:
        """Keep the key for this person, sealed. Raises UserError where Zotero does not know it, or it may not write."""
        try:
            account = await self.library.identify(key)
        except LibraryError as error:
            if error.is_refused:
                raise UserError(
                    tr("Zotero does not know this key. Copy it once more from https://www.zotero.org/settings/keys")
                ) from None
            raise UserError(tr(UNREACHABLE)) from None
        if not account.can_write:
            raise UserError(
                tr(
                    "This key may not write to your library. Make one with library and write access: "
                    "https://www.zotero.org/settings/keys/new"
                )
            )
        known = await self.get(person)
        if known is not None and known.account.id != account.id:
            await self.disconnect(person)
        connection = Connection(chat.key, account, self.sealer.seal(key))
        await self.storage.set_note(_of(person), _dump(connection))
        self._wake.set()
        return connection

    async def get(self, person: str) -> Connection | None:
        """The person's library, or None."""
        note = await self.storage.get_note(_of(person))
        return _load_connection(note) if note else None

    async def disconnect(self, person: str) -> bool:
        """Forget the key and what waits; False where there was none."""
        had = await self.storage.get_note(_of(person)) is not None
        await self.storage.set_note(_of(person), "")
        for prefix in (_todo(person), _done(person)):
            for key in await self.storage.get_notes(prefix):
                await self.storage.set_note(key, "")
        return had

    async def forget(self, chat: Chat) -> None:
        """Disconnect whoever gave their key in this chat."""
        for key, note in (await self.storage.get_notes(_of(""))).items():
            if _load_connection(note).chat == chat.key:
                await self.disconnect(key.removeprefix(_of("")))

    async def count_waiting(self, person: str) -> int:
        """How many papers are on their way."""
        return len(await self.storage.get_notes(_todo(person)))

    async def save(self, person: str, paper: Paper) -> str:
        """Let the paper be added to the person's library; what to say of that, nothing where they have none."""
        connection = await self.get(person)
        if connection is None:
            return ""
        if connection.is_refused:
            return tr("Zotero no longer takes your key; /zotero connect takes a new one.")
        if await self.storage.get_note(_done(person, paper.id)) is not None:
            return tr("It is in your Zotero library already.")
        if await self.count_waiting(person) >= MOST_WAITING:
            return tr("Too many papers wait for Zotero, so this one is not added.")
        filing = _dump(_Filing(paper, self.clock().isoformat()))
        await self.storage.change_note(_todo(person, paper.id), lambda known: known or filing)
        self._wake.set()
        return tr("It goes to your Zotero library.")

    async def unsave(self, person: str, paper: ArxivId) -> str:
        """What to say of a paper that is saved no longer. What was sent stays; what was not begun is not sent."""
        has_gone = await self.storage.get_note(_done(person, paper)) is not None

        def drop(note: str) -> str:
            nonlocal has_gone
            has_gone = has_gone or bool(note and _load_filing(note).tries)
            return note if has_gone else ""

        await self.storage.change_note(_todo(person, paper), drop)
        return tr("Your Zotero library keeps it.") if has_gone else ""

    async def run(self) -> None:
        """Send what is due, whenever something is, without end."""
        await self._renew_seals()
        while True:
            self._wake.clear()
            try:
                pause = await self.step()
            except Exception:
                log.exception("zotero status=crashed")
                pause = _PAUSES[0]
            try:
                async with asyncio.timeout(pause):
                    await self._wake.wait()
            except TimeoutError:
                continue

    async def step(self) -> float:
        """Send what is due; seconds until there may be more."""
        pauses = [_IDLE]
        for key, note in (await self.storage.get_notes(_todo(""))).items():
            person, _, paper = key.removeprefix(_todo("")).partition(" ")
            filing, connection = _load_filing(note), await self.get(person)
            if connection is None:
                await self.storage.set_note(key, "")
            elif not connection.is_refused:
                wait = (datetime.fromisoformat(filing.not_before) - self.clock()).total_seconds()
                # A clock that was set back must not make anybody wait for longer than we ever asked for.
                if 0 < wait <= _PAUSES[-1]:
                    pauses.append(wait)
                elif (pause := await self._send(person, ArxivId(paper), connection)) is not None:
                    # The next one would most likely fail, too.
                    return pause
        return max(1.0, min(pauses))

    async def _send(self, person: str, paper: ArxivId, connection: Connection) -> float | None:
        """Try once. Where it shall be tried again: in how many seconds."""
        filing = await self._begin(person, paper)
        if filing is None:
            return None
        account = connection.account
        item = self.library.name_item(account, paper)
        try:
            await self.library.add(account, self.sealer.open(connection.sealed), item, filing.paper)
        except (LibraryError, SealError) as error:
            return await self._fail(person, filing, error)
        # Killed between these two, it is sent once more, and Zotero finds it there.
        await self.storage.set_note(_done(person, paper), item)
        await self.storage.set_note(_todo(person, paper), "")
        log.info("zotero paper=%s status=added", paper)
        return None

    async def _begin(self, person: str, paper: ArxivId) -> _Filing | None:
        """Note the try before it is made; None where somebody took the paper back."""

        def count(note: str) -> str:
            filing = _load_filing(note) if note else None
            return _dump(replace(filing, tries=filing.tries + 1)) if filing else ""

        note = await self.storage.change_note(_todo(person, paper), count)
        return _load_filing(note) if note else None

    async def _fail(self, person: str, filing: _Filing, error: LibraryError | SealError) -> float | None:
        paper = filing.paper.id
        log.warning("zotero paper=%s status=failed tries=%d error=%r", paper, filing.tries, str(error))
        if isinstance(error, SealError) or error.is_refused:
            await self.storage.change_note(_of(person), _mark_refused)
            return None
        if error.is_final:
            await self.storage.set_note(_todo(person, paper), "")
            return None
        pause = max(error.retry_after, _PAUSES[min(filing.tries, len(_PAUSES)) - 1])
        pause = min(pause, _PAUSES[-1])
        later_on = replace(filing, not_before=(self.clock() + timedelta(seconds=pause)).isoformat())
        await self.storage.change_note(_todo(person, paper), lambda note: note and _dump(later_on))
        return pause

    async def _renew_seals(self) -> None:
        """Seal anew what an older secret sealed, so that this one can be taken away."""
        for key, note in (await self.storage.get_notes(_of(""))).items():
            sealed = _load_connection(note).sealed
            if self.sealer.is_current(sealed):
                continue
            try:
                renewed = self.sealer.seal(self.sealer.open(sealed))
            except SealError:
                log.warning(
                    "zotero a key was sealed with a secret that is not in SECRET_KEY; its owner has to connect anew"
                )
                continue
            await self.storage.change_note(
                key,
                lambda known, old=sealed, new=renewed: known.replace(old, new),  # type: ignore[misc]
            )


def _of(person: str) -> str:
    return f"zotero of {person}"


def _todo(person: str, paper: str = "") -> str:
    return f"zotero todo {person} {paper}" if person else "zotero todo "


def _done(person: str, paper: str = "") -> str:
    return f"zotero has {person} {paper}"


def _dump(value: Connection | _Filing) -> str:
    return orjson.dumps(asdict(value)).decode()


def _load_connection(note: str) -> Connection:
    values: dict[str, Any] = orjson.loads(note)
    return Connection(**values | {"account": Account(**values["account"])})


def _load_filing(note: str) -> _Filing:
    values: dict[str, Any] = orjson.loads(note)
    return _Filing(**values | {"paper": _load_paper(values["paper"])})


def _load_paper(values: Mapping[str, Any]) -> Paper:
    fields: dict[str, Any] = {name: tuple(each) if isinstance(each, list) else each for name, each in values.items()}
    return Paper(**fields)


def _mark_refused(note: str) -> str:
    return _dump(replace(_load_connection(note), is_refused=True)) if note else ""
