"""The script that tries a local model, against one that is not there: a fake of it."""

import asyncio
import os
import subprocess
import sys
from asyncio import to_thread
from pathlib import Path

import pytest

from tests.servers.openai import serve

FAKE_LLAMA = """#!/bin/sh
exec {python} -c "
import asyncio
from aiohttp import web
from tests.servers.openai import Dialect, OpenAIServer
server = OpenAIServer(Dialect(()))
async def say_ok(_): return web.Response()
app = web.Application()
app.router.add_post('/v1/chat/completions', server.handle)
app.router.add_get('/health', say_ok)
web.run_app(app, host='127.0.0.1', port=int('$8'), print=None)
"
"""


def run(*command, **environment):
    names = ("OPENAI_BASE_URL", "OPENAI_API_KEY", "SUMMARY_MODEL", "LOG_LEVEL")
    kept = {name: value for name, value in os.environ.items() if name not in names}
    return subprocess.run(
        command, capture_output=True, text=True, timeout=60, env=kept | environment, check=False, cwd=Path.cwd()
    )


async def test_a_summary_is_printed(tmp_path):
    """From a file, in a language, with what it cost and how the server wanted to be asked."""
    file = tmp_path / "paper.txt"
    file.write_text("We pour 93 cups. And so on.", encoding="utf-8")
    async with serve("ollama") as server:
        script = (sys.executable, "-m", "scripts.local_llm", "--text", str(file), "--language", "zh")
        done = await to_thread(run, *script, OPENAI_BASE_URL=server.url, SUMMARY_MODEL="llama3.2:3b")
    assert done.returncode == 0, done.stderr
    for part in ("llama3.2:3b", "本文研究了", "93 cups", "tokens", "json_schema"):
        assert part in done.stdout


@pytest.mark.parametrize(
    ("environment", "code", "words"),
    [({}, 2, "OPENAI_BASE_URL"), ({"OPENAI_BASE_URL": "http://127.0.0.1:9/v1"}, 1, "cannot be reached")],
)
async def test_what_is_missing_is_said(environment, code, words):
    """No address; nobody there."""
    done = await to_thread(run, sys.executable, "-m", "scripts.local_llm", **environment)
    assert (done.returncode, words in done.stderr) == (code, True)


async def test_the_shell_script_starts_and_stops_the_server(tmp_path, unused_tcp_port):
    """It waits until llama-server is ready, asks it, and leaves nothing running."""
    program = tmp_path / "llama-server"
    program.write_text(FAKE_LLAMA.format(python=sys.executable), encoding="utf-8")
    program.chmod(0o755)
    environment = {
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "LLM_PORT": str(unused_tcp_port),
        "PYTHON": sys.executable,
    }
    done = await to_thread(run, "scripts/local-llm.sh", "llama.cpp", "model.gguf", **environment, PYTHONPATH=".")
    assert done.returncode == 0, done.stderr
    assert "tokens" in done.stdout
    async with asyncio.timeout(5):
        while await is_open(unused_tcp_port):
            await asyncio.sleep(0.1)


async def is_open(port):
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except ConnectionRefusedError:
        return False
    writer.close()
    return True
