"""The program as people and scripts start it: `python -m bot`, against an arXiv on loopback."""

import asyncio
import json
import os
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.calendar import latest_day
from storage.postgres import read_migrations
from tests.adapters.arxiv_server import ArxivServer, Canned, make_feed, make_item

TODAY = latest_day(datetime.now(UTC))
CACHE = make_item("2608.00001", title="Small KV caches", abstract="We shrink the kv cache.", day=TODAY)
WORLD = make_item("2608.00002", title="The World", abstract="It is wide.\nAnd deep.", day=TODAY)
CROSS = make_item("2608.00003", kind="cross", categories=("cs.RO", "cs.CL"), title="A survey of KV caches", day=TODAY)
REPLACED = make_item("2607.00004", kind="replace", version=2, title="Old news", day=TODAY)
CS_CL = make_feed("cs.CL", CACHE, WORLD, CROSS, REPLACED, day=TODAY)
CS_RO = make_feed(
    "cs.RO", make_item("2608.00003", categories=("cs.RO", "cs.CL"), title="A survey of KV caches", day=TODAY), day=TODAY
)
ROOT = Path(__file__).parents[2]


@pytest.fixture
async def arxiv():
    async with ArxivServer(feeds={"cs.CL": CS_CL, "cs.RO": CS_RO}) as server:
        yield server


@pytest.fixture
async def start(arxiv, place):
    """Starts the program in an empty folder, with arXiv on loopback; what still runs at the end is killed."""
    started = []

    async def start_program(*arguments, **environment):
        ours = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "ARXIV_RSS_URL": arxiv.url,
            "ARXIV_API_URL": f"{arxiv.url}/api",
            "ARXIV_OAI_URL": f"{arxiv.url}/oai",
            "ARXIV_SITE_URL": arxiv.url,
            "ARXIV_MIN_INTERVAL": "0",
        }
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "bot",
            *arguments,
            cwd=place.folder,
            env=ours | place.environment | environment,
            stdin=pipe,
            stdout=pipe,
            stderr=pipe,
        )
        started.append(process)
        return process

    yield start_program
    for process in started:
        if process.returncode is None:
            process.kill()
            await process.communicate()


@pytest.fixture
def run(start):
    """Runs the program to its end: exit code, what it wrote, what it complained."""

    async def run_program(*arguments, typed="", **environment):
        process = await start(*arguments, **environment)
        written, complaints = await process.communicate(typed.encode())
        return process.returncode, written.decode(), complaints.decode()

    return run_program


async def read_digest(run, *arguments, **environment):
    code, written, complaints = await run("digest", "--format", "json", *arguments, **environment)
    assert (code, complaints) == (0, "")
    return json.loads(written)


def ids(digest):
    return [each["id"] for each in digest["papers"]]


async def test_a_digest_without_topics_is_the_whole_feed(run):
    """Every new and crossed paper, in arXiv's order, abstracts whole."""
    digest = await read_digest(run, "--category", "cs.cl")
    assert ids(digest) == ["2608.00001", "2608.00002", "2608.00003"]
    assert digest["categories"] == ["cs.CL"]
    assert digest["papers"][1]["abstract"].split() == "It is wide. And deep.".split()
    assert digest["left_out"] == {"type": 1}


async def test_a_digest_with_topics_is_ranked_and_explained(run):
    """Topics choose, exclusions leave out, --top cuts, and each paper says why."""
    arguments = ("--category", "cs.CL", "--topic", "kv cache", "--topic", "wide")
    assert ids(await read_digest(run, *arguments)) == ["2608.00001", "2608.00003", "2608.00002"]
    digest = await read_digest(run, *arguments, "--exclude", "a survey", "--top", "1")
    assert ids(digest) == ["2608.00001"]
    assert [each["topic"] for each in digest["papers"][0]["reasons"]] == ["kv cache"]
    assert digest["left_out"] == {"type": 1, "excluded": 1, "no_room": 1}


async def test_types_can_be_chosen(run):
    """--type replaces the default of new and cross."""
    assert ids(await read_digest(run, "--category", "cs.CL", "--type", "replace")) == ["2607.00004"]


async def test_a_paper_is_new_if_one_of_the_categories_says_so(run):
    """A cross-list of one feed that is new in another is new, and comes once."""
    digest = await read_digest(run, "--category", "cs.CL", "--category", "cs.RO", "--type", "new")
    assert ids(digest) == ["2608.00001", "2608.00002", "2608.00003"]


async def test_feeds_from_files_and_addresses(run, arxiv, tmp_path):
    """A feed may be a file or an address; --category then chooses among its papers."""
    (tmp_path / "cl.xml").write_bytes(CS_CL)
    assert ids(await read_digest(run, "--feed", "cl.xml", "--category", "cs.RO")) == ["2608.00003"]
    digest = await read_digest(run, "--feed", f"{arxiv.url}/rss/cs.RO", "--feed", "cl.xml")
    assert ids(digest) == ["2608.00003", "2608.00001", "2608.00002"]
    assert digest["papers"][0]["announce_type"] == "new"


async def test_an_empty_feed_is_a_digest_without_papers(run, tmp_path):
    """A quiet day is no error."""
    (tmp_path / "empty.xml").write_bytes(make_feed("cs.CL", day=TODAY))
    assert (await read_digest(run, "--feed", "empty.xml"))["papers"] == []
    assert "No papers." in (await run("digest", "--feed", "empty.xml"))[1]


async def test_the_originals_configuration_with_its_own_score(run, tmp_path):
    """classic counts substrings in new papers, whatever the minimum score; rules applies it."""
    config = {
        "categories": ["cs.CL"],
        "keywords": ["KV Cache", "RL", "deep"],
        "exclude_keywords": [],
        "max_papers": 1,
        "min_score": 2.5,
    }
    (tmp_path / "config.json").write_text(json.dumps(config), encoding="utf-8")
    digest = await read_digest(run, "--config", "config.json", "--ranker", "classic", "--top", "0")
    assert [(each["id"], each["score"]) for each in digest["papers"]] == [("2608.00001", 1.5), ("2608.00002", 1.5)]
    assert len(ids(await read_digest(run, "--config", "config.json", "--ranker", "classic"))) == 1
    assert (await read_digest(run, "--config", "config.json"))["left_out"]["below_min_score"] > 0
    plain = await read_digest(run, "--category", "cs.CL", "--ranker", "classic")
    assert {each["announce_type"] for each in plain["papers"]} == {"new"}


@pytest.mark.parametrize(
    ("form", "part"),
    [
        ("text", "1. Small KV caches"),
        ("markdown", "### 1. [Small KV caches](https://arxiv.org/abs/2608.00001)"),
        ("html", "<h2><a href="),
    ],
)
async def test_every_format_is_written(run, form, part):
    """Text, Markdown and HTML go to standard output, whole and without a colour code."""
    code, written, complaints = await run("digest", "--category", "cs.CL", "--format", form)
    assert (code, complaints) == (0, "")
    assert part in written
    assert written.endswith("\n")
    assert "\x1b" not in written


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "Say what to read"),
        (("--category", "cs.Ml"), "Did you mean cs.LG"),
        (("--category", "cs.CL", "--topic", "(("), "This works:"),
        (("--category", "cs.CL", "--exclude", "(("), "This works:"),
        (("--feed", "nowhere.xml"), "nowhere.xml cannot be read: No such file"),
        (("--config", "nowhere.json"), "nowhere.json cannot be read: No such file"),
        (("--top", "-1"), "must be a whole number"),
        (("--type", "newest"), "invalid choice"),
        (("--bogus",), "usage:"),
    ],
)
async def test_wrong_usage_is_exit_code_2(run, arguments, told):
    """What is wrong with the call is said on standard error, without a trace."""
    code, written, complaints = await run("digest", *arguments)
    assert (code, written) == (2, "")
    assert told in complaints
    assert "Traceback" not in complaints


async def test_wrong_settings_are_exit_code_2(run):
    """Every wrong setting is named at once."""
    code, _, complaints = await run("run", ARXIV_RSS_URL="nonsense", LOG_LEVEL="LOUD", DEFAULT_CATEGORIES="cs.CL")
    assert code == 2
    assert "ARXIV_RSS_URL" in complaints
    assert "LOG_LEVEL" in complaints
    assert "There is no category cs.Ml" in (await run("run", DEFAULT_CATEGORIES="cs.Ml"))[2]


async def test_a_folder_that_cannot_be_used_is_exit_code_1(run, tmp_path):
    """A file where the folder should be is named, without a trace."""
    (tmp_path / "file").write_text("", encoding="utf-8")
    code, _, complaints = await run("run", DATA_DIR="file")
    assert code == 1
    assert "DATA_DIR file cannot be made: File exists" in complaints
    assert "Traceback" not in complaints


async def test_an_unreadable_arxiv_is_exit_code_3(run, arxiv, tmp_path):
    """A broken feed, a refusal and a dead address end with 3 and say what and where; nothing half is written."""
    (tmp_path / "cut.xml").write_bytes(CS_CL[:-200])
    arxiv.script("/rss/cs.CL", Canned(b"Rate exceeded.", status=429, content_type="text/plain"))
    for arguments, environment, told in [
        (("--feed", "cut.xml"), {}, "cut.xml: not well-formed XML, or broken off"),
        (("--category", "cs.RO", "--category", "cs.CL"), {}, "/rss/cs.CL"),
        (("--category", "cs.CL"), {"ARXIV_RSS_URL": "http://127.0.0.1:9"}, "127.0.0.1:9"),
        (("--feed", f"{arxiv.url}/nowhere"), {}, "HTTP 400"),
    ]:
        code, written, complaints = await run("digest", *arguments, **environment)
        assert (code, written) == (3, ""), complaints
        assert told in complaints
        assert complaints.count("\n") == 1


async def test_a_reader_who_stops_reading_is_no_error(start):
    """`paperround digest | head -1` ends quietly."""
    process = await start("digest", "--category", "cs.CL")
    process._transport.get_pipe_transport(1).close()
    complaints = await process.stderr.read()
    await process.wait()
    assert complaints == b""


async def test_the_chat_over_a_pipe_is_kept_across_restarts(run, arxiv):
    """Lines in, replies out, exit code 0; the next process knows all that was said, and asks for no feed again."""
    code, written, complaints = await run(
        "run", typed='/categories add cs.CL\n/topics add "kv cache"\n/digest\n/why 2608.00001\n/quit\n'
    )
    assert (code, complaints) == (0, "")
    assert "Reading cs.CL (Computation and Language)." in written
    assert "1. Small KV caches" in written
    assert "It is in the digest, in place 1" in written
    code, written, _ = await run(typed="/topics\n/digest seen\n/digest")
    assert code == 0
    assert '1. "kv cache"' in written
    assert written.count("Small KV caches") == 1
    assert "2 already delivered" in written
    assert [each.path for each in arxiv.seen if each.path.startswith("/rss/")] == ["/rss/cs.CL"]
    assert arxiv.seen[0].headers["user-agent"].startswith("paperround/")


async def test_bytes_that_are_no_text_end_nothing(run, start):
    """Input that is not text, and an output that knows no Greek, are replaced, not fatal."""
    code, written, _ = await run("run", typed="/topics add α bread\n/topics\n", PYTHONIOENCODING="ascii")
    assert (code, written.count("bread")) == (0, 2)
    process = await start("run", PYTHONIOENCODING="utf-8")
    written, _ = await process.communicate(b"/topics add \xff butter\n/topics\n")
    assert (process.returncode, written.count(b"butter")) == (0, 2)


async def test_the_chat_shows_the_sample_without_a_network(run):
    """A first run offline says so and shows invented papers, labelled."""
    code, written, _ = await run("run", typed="/categories add cs.CL\n/digest\n", ARXIV_RSS_URL="http://127.0.0.1:9")
    assert code == 0
    assert "arXiv cannot be reached" in written
    assert "SAMPLE of invented papers" in written
    assert "9912.0" in written


async def test_what_was_acknowledged_survives_kill(start, run):
    """Everything whose reply was seen is there after kill -9."""
    process = await start("run")
    for number in range(5):
        process.stdin.write(f"/topics add topic{number}\n".encode())
        assert f"Following topic{number}." in (await process.stdout.readuntil(b"\n\n")).decode()
    process.kill()
    await process.communicate()
    _, written, _ = await run("run", typed="/topics\n")
    assert "5. topic4" in written


async def test_a_second_process_is_kept_out(start, run):
    """The second one on a folder ends with a clear message; the first goes on."""
    process = await start("run", DATABASE_URL="")
    process.stdin.write(b"/topics add x1\n")
    await process.stdout.readuntil(b"\n\n")
    code, _, complaints = await run("run", typed="/quit\n", DATABASE_URL="")
    assert code == 1
    assert f"another paperround (process {process.pid}) is running" in complaints
    process.stdin.write(b"/topics\n")
    assert b"1. x1" in await process.stdout.readuntil(b"\n\n")
    process.stdin.close()
    await process.communicate()
    assert process.returncode == 0


@pytest.mark.parametrize("signal_number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_the_chat_in_order(start, signal_number):
    """SIGTERM and SIGINT close the storage and end with 0, also while arXiv keeps us waiting."""
    process = await start("run")
    process.stdin.write(b"/topics add x1\n")
    await process.stdout.readuntil(b"\n\n")
    process.send_signal(signal_number)
    async with asyncio.timeout(10):
        _, complaints = await process.communicate()
    assert (process.returncode, complaints) == (0, b"")


async def test_a_disk_that_is_erased_is_refused(run, tmp_path):
    """On Heroku nothing is kept on disk: that is said before anything is, unless DATA_DIR says that its disk lasts."""
    code, _, said = await run("run", DYNO="web.1", DATABASE_URL="")
    assert code == 2
    assert "Heroku erases this disk" in said
    assert not (tmp_path / "data").exists()
    assert (await run("run", DYNO="web.1", DATABASE_URL="", DATA_DIR=str(tmp_path / "volume")))[0] == 0
    code, written, _ = await run("doctor", DYNO="web.1", DATABASE_URL="")
    assert code != 0
    assert "Heroku erases this disk" in written


async def test_the_doctor_finds_all_well(run, arxiv):
    """One line a check, ok for each, exit code 0."""
    arxiv.pages |= {
        "/api/query?id_list=1706.03762&max_results=1": Canned(b"<feed></feed>", content_type="application/atom+xml"),
        "/oai?verb=Identify": Canned(b"<OAI-PMH></OAI-PMH>", content_type="text/xml"),
        "/list/cs.CL/new": Canned(b"<html>arXiv.org</html>", content_type="text/html"),
    }
    code, written, _ = await run("doctor")
    assert code == 0, written
    assert written.count("ok  ") == 7
    assert "takes durable writes and holds 0 chats" in written


async def test_the_doctor_says_what_to_do(run, tmp_path):
    """Each problem comes with advice; the exit code is that of the worst."""
    (tmp_path / "file").write_text("", encoding="utf-8")
    code, written, _ = await run("doctor", DATA_DIR="file", DEFAULT_CATEGORIES="cs.XX", DATABASE_URL="")
    assert code == 3
    assert written.count("problem  ") == 5
    assert "Set DATA_DIR to a folder" in written
    assert "Correct DEFAULT_CATEGORIES" in written
    assert "ARXIV_OAI_URL" in written
    assert (await run("doctor", LOG_LEVEL="LOUD"))[0] == 2


async def test_the_doctor_looks_at_what_is_published(run, tmp_path):
    """The folder takes files, which it is not left with; a configuration that cannot be used is named."""
    (tmp_path / "config.json").write_text('{"categories": ["cs.RO"]}', encoding="utf-8")
    _, written, _ = await run("doctor", PUBLISH_DIR="papers/here", PUBLISH_CONFIG="config.json")
    assert "ok       publishing: cs.RO, in papers/here" in written
    assert not (tmp_path / "papers").exists()
    code, written, _ = await run("doctor", PUBLISH_DIR="papers", PUBLISH_CONFIG="none.json")
    assert code != 0
    assert "problem  publishing: PUBLISH_CONFIG none.json cannot be read: No such file" in written


async def test_everything_is_kept_in_the_database(run, arxiv, cluster, place):
    """An empty database is set up by its first use; what was said is there in the next process, and none of it in the folder."""
    url = cluster.bare_database()
    typed = '/categories add cs.CL\n/topics add "kv cache"\n/quit\n'
    code, written, complaints = await run("run", typed=typed, DATABASE_URL=url, LOG_LEVEL="DEBUG")
    assert (code, complaints) == (0, "")
    assert "Following" in written
    code, written, _ = await run("run", typed="/topics\n/quit\n", DATABASE_URL=url)
    assert code == 0
    assert "kv cache" in written
    assert not list((place.folder / "data").glob("chats*"))
    _, written, _ = await run("doctor", DATABASE_URL=url)
    assert "storage in PostgreSQL: the database of DATABASE_URL takes durable writes and holds 1 chat\n" in written
    cluster.drop(url)


async def test_a_schema_is_migrated_once(run, cluster):
    """The command says from where to where, and that there is nothing to do; a folder has nothing to be done."""
    url, newest = cluster.bare_database(), len(read_migrations())
    assert await run("migrate", DATABASE_URL=url) == (0, f"The schema of the database: version 0 → {newest}.\n", "")
    assert await run("migrate", DATABASE_URL=url) == (0, f"The schema of the database: version {newest}.\n", "")
    cluster.drop(url)
    code, written, complaints = await run("migrate", DATABASE_URL="")
    assert (code, complaints) == (0, "")
    assert "Nothing to migrate" in written


@pytest.mark.parametrize("action", ["run", "migrate", "doctor"])
async def test_a_database_that_is_not_there_is_told_without_its_password(run, action):
    """Exit code 1, in one line that has the reason."""
    code, written, complaints = await run(
        action, DATABASE_URL="postgresql://me:hunter22@127.0.0.1:9/x", LOG_LEVEL="DEBUG"
    )
    assert code in {1, 3}
    assert "hunter22" not in written + complaints
    assert "Connection refused" in (written if action == "doctor" else complaints.splitlines()[-1])


async def test_the_doctor_asks_the_platforms_who_we_are(run, arxiv):
    """A token that is taken names the bot; one that is not, or a dead address, says so without showing the token."""
    arxiv.pages |= {
        "/bot12:abc/getMe": Canned(
            b'{"ok": true, "result": {"username": "round_bot"}}', content_type="application/json"
        ),
        "/users/@me": Canned(b'{"message": "401"}', status=401, content_type="application/json"),
    }
    tokens = {"TELEGRAM_BOT_TOKEN": "12:abc", "DISCORD_BOT_TOKEN": "xyz"}
    _, written, _ = await run("doctor", **tokens, TELEGRAM_API_URL=arxiv.url, DISCORD_API_URL=arxiv.url)
    assert f"ok       Telegram: {arxiv.url} knows us as round_bot" in written
    assert "does not know this token (HTTP 401)" in written
    assert "Check DISCORD_BOT_TOKEN" in written
    _, written, _ = await run(
        "doctor", **tokens, TELEGRAM_API_URL="http://127.0.0.1:9", DISCORD_API_URL=f"{arxiv.url}/rss/cs.CL?"
    )
    assert "http://127.0.0.1:9 cannot be reached (ConnectError)" in written
    assert "answered HTTP 400, but not as it should" in written
    assert "abc" not in written
    assert "xyz" not in written


async def test_the_command_line_explains_itself(run):
    """--help and --version answer without any setting being right."""
    code, written, _ = await run("--help")
    assert code == 0
    assert "digest" in written
    assert "Exit codes" in written
    assert (await run("--version", LOG_LEVEL="LOUD"))[1].startswith("paperround ")


async def test_a_worker_needs_a_database(run):
    """It says what is missing; so does a move that does not say where to."""
    code, _, complaints = await run("worker", DATABASE_URL="", TELEGRAM_BOT_TOKEN="12:abc")  # noqa: S106 - it is invented
    assert (code, complaints.count("needs DATABASE_URL")) == (2, 1)
    code, _, complaints = await run("migrate", "--from", "tinydb:///nowhere")
    assert (code, "both --from URL and --to URL" in complaints) == (2, True)


async def test_an_address_for_the_world_needs_a_port_where_people_are_served(run, cluster):
    """Hosts tell only `web` its PORT: what runs before and beside it has all other settings."""
    world = {"PUBLIC_URL": "https://bot.example.org", "DATABASE_URL": cluster.new_database()}
    code, _, complaints = await run("run", **world)
    assert (code, "PUBLIC_URL needs PORT" in complaints) == (2, True)
    assert (await run("migrate", **world))[0] == 0
    cluster.drop(world["DATABASE_URL"])


async def test_a_folder_moves_to_a_database_and_back(run, cluster, tmp_path):
    """What the terminal chat follows is there afterwards, and a backup of the database is one of the folder."""
    url, folder = cluster.new_database(), f"tinydb://{tmp_path / 'data'}"
    await run(typed="/topics add kv cache\n", DATABASE_URL="")
    assert (await run("backup", "one", DATABASE_URL=""))[0] == 0
    code, said, _ = await run("migrate", "--from", folder, "--to", url)
    assert (code, "subscription 1" in said) == (0, True)
    assert (await run("backup", "two", DATABASE_URL=url))[0] == 0
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    code, _, complaints = await run("restore", "one", DATABASE_URL=url)
    assert (code, complaints) == (0, "")
    assert "kv cache" in (await run(typed="/topics list\n", DATABASE_URL=url))[1]
    cluster.drop(url)
