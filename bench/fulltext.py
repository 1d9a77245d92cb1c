"""`python -m bench.fulltext`: what reading a paper costs beside bare selectolax and bare PDFium, and whether the event loop waits."""

import asyncio
import subprocess
import sys
import time
from collections.abc import Callable

import pypdfium2
from selectolax.lexbor import LexborHTMLParser

from bench.feed import MAX_LAG, watch
from bot.model.summary import TextSource
from bot.sources.apart import Parser
from bot.sources.html_text import parse_html
from bot.sources.pdf_text import parse_pdf
from tests.texts import make_long_page, make_pdf

PAGE_BYTES = 1_000_000
PAGES, LINES = 26, 55
MAX_HTML_RATIO, MAX_PDF_RATIO = 20.0, 3.0
MAX_CHILD_MB = 300


def read_bare_page(content: bytes) -> str:
    """All the text of the article, formulas twice and without structure."""
    article = LexborHTMLParser(content).css_first("article")
    assert article is not None
    return article.text()


def read_bare_pdf(content: bytes) -> str:
    """All the text that PDFium finds."""
    document = pypdfium2.PdfDocument(content)
    return "".join(page.get_textpage().get_text_bounded() for page in document)


def make_long_pdf() -> bytes:
    """A paper of usual length."""
    line = "We count teapots and kettles with great care, as nobody did before us, line {} of {}."
    return make_pdf(*[[line.format(row, page) for row in range(LINES)] for page in range(PAGES)])


def clock(work: Callable[[], object]) -> float:
    """Processor seconds, the best of three."""
    times = []
    for _ in range(3):
        begun = time.process_time()
        work()
        times.append(time.process_time() - begun)
    return min(times)


def compare(name: str, bare: Callable[[bytes], object], ours: Callable[[bytes], object], content: bytes) -> float:
    """Print both times; how many times the bare one ours takes."""
    base, took = clock(lambda: bare(content)), clock(lambda: ours(content))
    print(
        f"{name}, {len(content) / 1e6:.2f} MB: bare {base * 1000:6.1f} ms CPU, ours {took * 1000:6.1f} ms CPU, {took / base:.1f} times"
    )
    return took / base


def measure_memory(content: bytes, work: str) -> float:
    """The most memory, in MB, of a process that does `work` (an expression) with `content`."""
    # Not getrusage: its peak counts what the parent held when it forked.
    peak = "next(line for line in open('/proc/self/status') if line.startswith('VmHWM')).split()[1]"
    code = f"import sys; content = sys.stdin.buffer.read(); {work}; print({peak})"
    done = subprocess.run([sys.executable, "-c", code], input=content, capture_output=True, check=True)
    return int(done.stdout) / 1024


def compare_memory(name: str, content: bytes, bare: str, ours: str) -> float:
    """Print both; what ours takes, in MB."""
    base, took = measure_memory(content, bare), measure_memory(content, ours)
    print(f"{name}: bare {base:.0f} MB, ours {took:.0f} MB")
    return took


async def measure_lag(content: bytes, source: TextSource) -> tuple[float, float]:
    """Seconds for parsing apart, and the longest wait of another task beside it."""
    lags: list[float] = []
    watching = asyncio.create_task(watch(lags))
    await asyncio.sleep(0.05)
    begun = time.perf_counter()
    async with Parser() as parser:
        await parser.parse_text(content, source)
    seconds = time.perf_counter() - begun
    watching.cancel()
    return seconds, max(lags)


def main() -> None:
    page, pdf = make_long_page(PAGE_BYTES), make_long_pdf()
    failures = []
    if compare("page", read_bare_page, parse_html, page) > MAX_HTML_RATIO:
        failures.append("pages are read too slowly")
    if compare("PDF", read_bare_pdf, parse_pdf, pdf) > MAX_PDF_RATIO:
        failures.append("PDFs are read too slowly")
    memory = (
        compare_memory(
            "page",
            page,
            "from selectolax.lexbor import LexborHTMLParser as P; P(content).css_first('article').text()",
            "from bot.sources.html_text import parse_html; parse_html(content)",
        ),
        compare_memory(
            "PDF",
            pdf,
            "import pypdfium2; [page.get_textpage().get_text_bounded() for page in pypdfium2.PdfDocument(content)]",
            "from bot.sources.pdf_text import parse_pdf; parse_pdf(content)",
        ),
    )
    if max(memory) > MAX_CHILD_MB:
        failures.append("parsing takes too much memory")
    for content, source in ((page, TextSource.HTML), (pdf, TextSource.PDF)):
        seconds, lag = asyncio.run(measure_lag(content, source))
        print(
            f"{source} apart: {seconds:.2f} s, longest event-loop lag {lag * 1000:.1f} ms (limit {MAX_LAG * 1000:.0f} ms)"
        )
        if lag >= MAX_LAG:
            failures.append(f"the event loop waited {lag * 1000:.1f} ms")
    if failures:
        sys.exit("; ".join(failures))


if __name__ == "__main__":
    main()
