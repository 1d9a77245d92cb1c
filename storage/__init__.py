"""Where the bot keeps what must survive a restart."""

from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from bot.errors import ConfigError
from bot.ports import MovableStorage
from storage.tinydb import TinyDBStorage

_FORMS = "tinydb:///absolute/folder"


def open_storage(url: str) -> MovableStorage:
    """The storage that `url` names, yet to be opened: `tinydb:///absolute/folder`.

    Raises ConfigError for any other form; its message does not repeat the url, which may hold a password.
    """
    parts = urlsplit(url)
    if parts.scheme != "tinydb":
        raise ConfigError(f"storage URLs of the form {parts.scheme}:// are not supported; use {_FORMS}")
    if parts.netloc or parts.path in ("", "/"):
        raise ConfigError(f"a tinydb URL names a folder with three slashes and no host: {_FORMS}")
    return TinyDBStorage(Path(unquote(parts.path)))


def tinydb_url(folder: Path) -> str:
    """The url under which `open_storage` finds this folder."""
    return "tinydb://" + quote(str(folder.absolute()))
