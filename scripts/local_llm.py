"""One summary from the model server of the settings, of an invented paper or of a text file: to see that it works.

    OPENAI_BASE_URL=http://127.0.0.1:11434/v1 SUMMARY_MODEL=llama3.2:3b python -m scripts.local_llm [--text FILE] [--language zh]

Exit codes: 0 a summary; 1 none could be had; 2 settings.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from bot.app import make_summarizer
from bot.errors import ConfigError, LLMError
from bot.logs import set_up_logs
from bot.model.paper import Paper
from bot.model.summary import FullText, Section, Summary, TextSource, Usage
from bot.preferences import LANGUAGES
from bot.sources.sample import SampleSource
from bot.summaries.answers import LISTS
from config.settings import load_settings


async def run(options: argparse.Namespace) -> int:
    """Ask once and print what came of it."""
    settings = load_settings()
    set_up_logs(settings.log_level, settings.log_format, secrets=settings.secrets)
    notes: dict[str, str] = {}

    async def load_note(key: str) -> str | None:
        return notes.get(key)

    async def save_note(key: str, text: str) -> None:
        notes[key] = text

    summarizer = make_summarizer(settings, load_note, save_note)
    if summarizer is None:
        raise ConfigError("Set OPENAI_BASE_URL to the address of a model server.")
    paper = (await SampleSource().fetch("cs")).papers[0][0]
    started = time.monotonic()
    try:
        summary, usage = await summarizer.summarise(paper, _text(paper, options.text), options.language)
    finally:
        await summarizer.close()
    print(_report(summary, usage, time.monotonic() - started, notes))
    return 0


def _text(paper: Paper, file: Path | None) -> FullText:
    """The file as the full text, else the abstract alone."""
    if file is None:
        return FullText(TextSource.ABSTRACT, (Section("Abstract", paper.abstract),))
    return FullText(TextSource.PDF, (Section("", file.read_text(encoding="utf-8")),))


def _report(summary: Summary, usage: Usage, seconds: float, notes: dict[str, str]) -> str:
    lines = [f"{summary.model}, prompt {summary.prompt}, from {summary.source}", "", summary.tldr]
    for name in LISTS:
        lines += ["", name, *(f"  - {each}" for each in getattr(summary, name))]
    cost = (
        f"{usage.prompt} + {usage.completion} tokens, {seconds:.1f} seconds, {summary.removed} removed as not borne out"
    )
    return "\n".join(
        [
            *lines,
            "",
            f"code: {summary.code_url or 'none'}",
            cost,
            f"asked in: {', '.join(notes.values())}",
        ]
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m scripts.local_llm", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--text", type=Path, help="a text file, such as what pdftotext makes of a paper")
    parser.add_argument("--language", choices=LANGUAGES, default="en")
    try:
        return asyncio.run(run(parser.parse_args(arguments)))
    except (ConfigError, LLMError) as error:
        print(error, file=sys.stderr)
        return 2 if isinstance(error, ConfigError) else 1


if __name__ == "__main__":
    sys.exit(main())
