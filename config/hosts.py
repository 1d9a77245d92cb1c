"""Hosts that erase their disk whenever a program starts anew, known by what they put into its environment."""

from collections.abc import Mapping
from pathlib import Path

from bot.errors import ConfigError

_HOSTS = (
    # https://devcenter.heroku.com/articles/dyno-startup-behavior
    ("DYNO", "Heroku", "add Heroku Postgres, which sets DATABASE_URL; no disk there lasts"),
    # https://docs.railway.com/reference/variables
    (
        "RAILWAY_PROJECT_ID",
        "Railway",
        "add PostgreSQL and set DATABASE_URL, or add a volume and set DATA_DIR to its path",
    ),
    # https://fly.io/docs/machines/runtime-environment/
    ("FLY_APP_NAME", "Fly", "add PostgreSQL and set DATABASE_URL, or mount a volume and set DATA_DIR to its path"),
    # https://render.com/docs/environment-variables
    ("RENDER", "Render", "add PostgreSQL and set DATABASE_URL, or add a disk and set DATA_DIR to its path"),
)
_VOLUME = "RAILWAY_VOLUME_MOUNT_PATH"


def check_disk(environment: Mapping[str, str], folder: Path, *, is_chosen: bool) -> None:
    """Raise ConfigError where `folder`, in which everything is kept, would be erased at the next start.

    `is_chosen`: the operator named the folder, and knows what disk it is on, or a database.
    """
    volume = environment.get(_VOLUME)
    if is_chosen or (volume and folder.absolute().is_relative_to(volume)):
        return
    for name, host, remedy in _HOSTS:
        if environment.get(name):
            raise ConfigError(
                f"{host} erases this disk at every start, and with it every chat and all that was read. Nothing was "
                f"started. {host}: {remedy}. If {folder.absolute()} is on a disk that lasts, set DATA_DIR to it."
            )
