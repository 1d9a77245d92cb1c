"""The other processes of a bot on one database."""

from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bot.ports import Leases, Storage
from bot.summarising import Summaries
from config.settings import Settings

if TYPE_CHECKING:
    from bot.jobs import Jobs


@dataclass(frozen=True, slots=True)
class Crew:
    """What several processes need to be one bot.

    `maker` makes summaries in this process. `rights`: by platform, the lease without which a process must not serve people
    there; empty where every process may.
    """

    leases: Leases
    jobs: "Jobs"
    maker: Summaries | None = None
    rights: Mapping[str, str] = field(default_factory=dict)


async def join_crew(stack: AsyncExitStack, settings: Settings, storage: Storage) -> Crew | None:
    """The other processes on the same database; a terminal is served by its own alone."""
    url = settings.database_url.get_secret_value()
    if not (url and settings.has_platform):
        return None
    from bot.jobs import Jobs  # noqa: PLC0415
    from storage.postgres import PostgresStorage  # noqa: PLC0415

    assert isinstance(storage, PostgresStorage)  # noqa: S101 - by the url
    rights = {
        "telegram": "" if settings.port and settings.public_url else "telegram",
        "discord": f"discord gateway {settings.discord_shards}".strip(),
    }
    return Crew(storage, await stack.enter_async_context(Jobs(url)), rights=rights)
