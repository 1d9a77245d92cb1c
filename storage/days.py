"""Tables that hold one day each, named by a prefix and the day: adding and pruning cost what is added or pruned."""

from datetime import date

from storage.journal import JournalTinyDB
from storage.table import JournalTable


def day_table(database: JournalTinyDB, prefix: str, day: date) -> JournalTable:
    """The table of this day."""
    return database.table(prefix + day.isoformat())


def day_tables(database: JournalTinyDB, prefix: str = "") -> dict[date, JournalTable]:
    """The tables that hold anything, oldest first."""
    length = len(prefix) + len(date.min.isoformat())
    names = sorted(each for each in database.tables() if each.startswith(prefix) and len(each) == length)
    return {date.fromisoformat(name.removeprefix(prefix)): database.table(name) for name in names}


def drop_day_tables(database: JournalTinyDB, prefix: str, before: date) -> None:
    """Drop the tables of earlier days."""
    for day, table in day_tables(database, prefix).items():
        if day < before:
            database.drop_table(table.name)
