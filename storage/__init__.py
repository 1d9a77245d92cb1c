"""Where the bot keeps what must survive a restart."""

from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from bot.errors import ConfigError
from bot.ports import MovableStorage
from storage.folder import DiskFolder
from storage.tinydb import TinyDBStorage

__all__ = ["DiskFolder", "migrate_storage", "open_storage", "tinydb_url"]

_FOLDER = "tinydb:///absolute/folder"
_FORMS = f"{_FOLDER} or postgresql://user:password@host/database"
_POSTGRES = ("postgres", "postgresql")


def open_storage(url: str) -> MovableStorage:
    """The storage that `url` names, yet to be opened: `tinydb:///absolute/folder`, or whatever libpq takes as a URL.

    Raises ConfigError for any other form; its message does not repeat the url, which may hold a password.
    """
    parts = urlsplit(url)
    if parts.scheme in _POSTGRES:
        # Half a second and some megabytes, which a folder does without.
        from storage.postgres import PostgresStorage  # noqa: PLC0415

        return PostgresStorage(url)
    if parts.scheme != "tinydb":
        raise ConfigError(f"storage URLs of the form {parts.scheme}:// are not supported; use {_FORMS}")
    if parts.netloc or parts.path in ("", "/"):
        raise ConfigError(f"a tinydb URL names a folder with three slashes and no host: {_FOLDER}")
    return TinyDBStorage(Path(unquote(parts.path)))


async def migrate_storage(url: str) -> tuple[int, int]:
    """Bring the schema of a PostgreSQL database to this program's version; the versions before and after.

    Raises StorageError, and ConfigError for a url that names no such database: folders are migrated as they are opened.
    """
    if urlsplit(url).scheme not in _POSTGRES:
        raise ConfigError("there is nothing to migrate: a folder is brought up to date when it is opened")
    from storage.postgres import migrate  # noqa: PLC0415
    from storage.postgres.database import Database  # noqa: PLC0415

    return await migrate(Database(url))


def tinydb_url(folder: Path) -> str:
    """The url under which `open_storage` finds this folder."""
    return "tinydb://" + quote(str(folder.absolute()))
