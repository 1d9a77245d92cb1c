"""`paperround doctor`: is everything here as the bot needs it, and if not, what to do."""

import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from tempfile import TemporaryFile

import httpx2

from bot.app import load_taxonomy, make_client, make_source, read_publication, storage_url
from bot.errors import BotError, PlatformError, PlatformRefusedError, SourceError, StorageError
from bot.sources.http import PoliteClient
from config.hosts import check_disk
from config.settings import Settings
from storage import open_storage

OK, FAILED, UNREADABLE = 0, 1, 3
_REFUSED = (401, 403, 404)
_XML = ("xml",)
_PATIENCE = 30.0


@dataclass(frozen=True, slots=True)
class _Check:
    """`run` returns what was found, or raises the BotError that says what is wrong; `advice` says what to do then."""

    name: str
    run: Callable[[], Awaitable[str]]
    advice: str


async def run_checks(settings: Settings, write: Callable[[str], None]) -> int:
    """Make every check, one line each, told as it is known; the exit code of the worst."""
    write("ok       settings: read from the environment and .env, if there is one")
    worst = OK
    async with make_client(settings) as client:
        checks = (
            _categories(settings),
            _storage(settings),
            *_publishing(settings),
            *_addresses(settings, client),
            *_platforms(settings),
        )
        for check in checks:
            try:
                write(f"ok       {check.name}: {await check.run()}")
            except BotError as error:
                write(f"problem  {check.name}: {error}\n         {check.advice}")
                worst = max(worst, UNREADABLE if isinstance(error, SourceError) else FAILED)
    return worst


def _categories(settings: Settings) -> _Check:
    async def run() -> str:
        return ", ".join(load_taxonomy().check(code) for code in settings.default_categories)

    return _Check("DEFAULT_CATEGORIES", run, "Correct DEFAULT_CATEGORIES.")


def _storage(settings: Settings) -> _Check:
    async def run() -> str:
        check_disk(os.environ, settings.data_dir, is_chosen=settings.is_place_chosen)
        storage = open_storage(storage_url(settings))
        await storage.open()
        try:
            await storage.check()
            chats = len(await storage.get_subscriptions())
        finally:
            await storage.close()
        return f"{place} takes durable writes and holds {chats} chat{'' if chats == 1 else 's'}"

    if settings.database_url.get_secret_value():
        place = "the database of DATABASE_URL"
        return _Check(
            "storage in PostgreSQL", run, "Check DATABASE_URL, that the server runs, and that it has room on its disk."
        )
    place = str(settings.data_dir)
    return _Check(
        f"storage in {settings.data_dir}",
        run,
        "Set DATA_DIR to a folder this user may write, with room on its disk. If Paperround is running, it holds the "
        "folder, and that is fine.",
    )


def _publishing(settings: Settings) -> list[_Check]:
    """A check of what is published, and where, if anything is."""
    folder = settings.publish_dir
    if folder is None:
        return []

    async def run() -> str:
        published = read_publication(settings)
        try:
            # On the disk of the folder, whether or not it is there yet.
            place = next(each for each in (folder, *folder.absolute().parents) if each.is_dir())
            with TemporaryFile(dir=place):
                pass
        except OSError as error:
            raise StorageError(f"{folder} takes no files: {error.strerror}") from error
        return f"{', '.join(published.categories) if published else 'nothing'}, in {folder}"

    return [_Check("publishing", run, "Correct PUBLISH_CONFIG, or set PUBLISH_DIR to a folder this user may write.")]


def _addresses(settings: Settings, client: PoliteClient) -> list[_Check]:
    async def feed() -> str:
        batch = await make_source(client, settings).fetch("cs.CL")
        return f"{settings.arxiv_rss_url} gave cs.CL of {batch.day}, {len(batch.papers)} papers"

    def page(address: str, accept: tuple[str, ...], needle: bytes) -> Callable[[], Awaitable[str]]:
        async def run() -> str:
            answer = await client.get(address, accept=accept, patience=_PATIENCE)
            if needle not in answer.content:
                raise SourceError("answered, but not as arXiv does", where=address)
            return f"{address} answered"

        return run

    reach = "Check the network, and {} in the environment. Where arXiv says 'rate exceeded', wait some minutes."
    return [
        _Check("arXiv feeds", feed, reach.format("ARXIV_RSS_URL")),
        _Check(
            "arXiv API",
            page(f"{settings.arxiv_api_url}/query?id_list=1706.03762&max_results=1", _XML, b"<feed"),
            reach.format("ARXIV_API_URL"),
        ),
        _Check(
            "arXiv OAI-PMH",
            page(f"{settings.arxiv_oai_url}?verb=Identify", _XML, b"OAI-PMH"),
            reach.format("ARXIV_OAI_URL"),
        ),
        _Check(
            "arXiv site",
            page(f"{settings.arxiv_site_url}/list/cs.CL/new", ("html",), b"arXiv"),
            reach.format("ARXIV_SITE_URL"),
        ),
    ]


def _platforms(settings: Settings) -> list[_Check]:
    """A check for each platform that has a token: whether it is taken, and whose it is."""
    telegram, discord = settings.telegram_bot_token.get_secret_value(), settings.discord_bot_token.get_secret_value()
    checks = []
    if telegram:
        run = _ask_who(f"{settings.telegram_api_url}/bot{telegram}/getMe", {}, settings.telegram_api_url)
        checks.append(_Check("Telegram", run, "Check TELEGRAM_BOT_TOKEN (from @BotFather) and TELEGRAM_API_URL."))
    if discord:
        run = _ask_who(
            f"{settings.discord_api_url}/users/@me", {"Authorization": f"Bot {discord}"}, settings.discord_api_url
        )
        checks.append(
            _Check("Discord", run, "Check DISCORD_BOT_TOKEN (from the developer portal) and DISCORD_API_URL.")
        )
    return checks


def _ask_who(address: str, headers: dict[str, str], shown: str) -> Callable[[], Awaitable[str]]:
    """Who the platform says we are. The address may hold the token: only `shown` is ever told."""

    async def run() -> str:
        try:
            async with httpx2.AsyncClient(timeout=_PATIENCE) as client:
                answer = await client.get(address, headers=headers)
        except httpx2.HTTPError as error:
            raise PlatformError(f"{shown} cannot be reached ({type(error).__name__})") from None
        if answer.status_code in _REFUSED:
            raise PlatformRefusedError(f"{shown} does not know this token (HTTP {answer.status_code})")
        try:
            content = answer.json()
            who = content.get("result", content)["username"]
        except (ValueError, KeyError, TypeError, AttributeError):
            raise PlatformError(f"{shown} answered HTTP {answer.status_code}, but not as it should") from None
        return f"{shown} knows us as {who}"

    return run
