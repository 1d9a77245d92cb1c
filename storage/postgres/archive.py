"""The table of papers that can be searched: a row for each day, its papers packed."""

from collections.abc import Sequence
from datetime import date

from bot.model.paper import AnnouncedPaper, ArxivId
from storage.archive import pack_papers, unpack_papers
from storage.postgres.database import Connection

_PUT = """
    insert into archive values (%s, %s, %s)
    on conflict (day) do update set ids = excluded.ids, papers = excluded.papers"""
_HOLDING = "select day, papers from archive where ids @> array[%s]::text[] order by day desc limit 1"


async def put_archive(connection: Connection, day: date, papers: Sequence[AnnouncedPaper]) -> None:
    """Keep the papers of a day, replacing those of the same day."""
    await connection.execute(_PUT, (day, [each.paper.id for each in papers], pack_papers(papers)))


async def find_archived_days(connection: Connection) -> tuple[date, ...]:
    """The days, oldest first."""
    return tuple(day for (day,) in await (await connection.execute("select day from archive order by day")).fetchall())


async def find_archive(connection: Connection, day: date) -> tuple[AnnouncedPaper, ...]:
    """The papers of a day, in their order."""
    row = await (await connection.execute("select papers from archive where day = %s", (day,))).fetchone()
    return () if row is None else unpack_papers(day, row[0])


async def find_archived(connection: Connection, paper: ArxivId) -> AnnouncedPaper | None:
    """The paper as the newest day has it."""
    row = await (await connection.execute(_HOLDING, (paper,))).fetchone()
    papers = () if row is None else unpack_papers(*row)
    return next((each for each in papers if each.paper.id == paper), None)


async def prune_archive(connection: Connection, before: date) -> None:
    """Drop earlier days."""
    await connection.execute("delete from archive where day < %s", (before,))
