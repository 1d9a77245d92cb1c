"""The text of a paper from its PDF, as PDFium reads it: lines, in which headings are found by their look.

PDFium is neither safe in threads nor proof against every file: call this in a process of its own.
"""

import ctypes
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing

import pypdfium2
import pypdfium2.raw as pdfium

from bot.errors import SourceError, SourceFault
from bot.model.summary import FullText, TextSource
from bot.sources.headings import Headings
from bot.sources.outline import MAX_CHARACTERS, MAX_LINKS, Outline, clean, tell_kind, unite_links

MAX_PAGES = 300
_SECONDS = 20.0
"""After so many no further page is read; those that were read are the text."""
_EDGE = 2
"""Lines at the top and at the bottom of a page, among which running heads are looked for."""
_SHORT_PAGE = 8
"""A page of so few lines has no running heads that could be told from its text."""

# PDFium joins what a line broke, and puts this where the hyphen was.
_HYPHEN = re.compile(r"(?P<word>[\w-]*)\x02(?P<next>\w?)")
_LINE_HYPHEN = re.compile(r"(?P<word>[\w-]*[a-z])-\r?\n(?P<next>[a-z])")
_STAMP = re.compile(r"arXiv:\S+v\d+\s+\[[\w.-]+\]\s+\d{1,2} \w{3} \d{4}")


def parse_pdf(content: bytes, now: Callable[[], float] = time.monotonic) -> FullText:
    """The text of the first pages of a PDF. Raises SourceError where it cannot be opened or has no text."""
    try:
        document = pypdfium2.PdfDocument(content)
    except pypdfium2.PdfiumError as error:
        raise SourceError(f"not a PDF that can be read ({error})", fault=SourceFault.INVALID) from error
    links: dict[str, None] = {}
    with closing(document):
        pages = list(_read_pages(document, links, now))
    sections = _divide(_drop_running_heads(pages)).sections()
    if not any(section.text for section in sections):
        raise SourceError("the PDF has no text", fault=SourceFault.INVALID)
    return FullText(TextSource.PDF, sections, unite_links(links, sections))


def _read_pages(
    document: pypdfium2.PdfDocument, links: dict[str, None], now: Callable[[], float]
) -> Iterator[list[str]]:
    """The lines of one page after another, as long as there is time and room."""
    deadline, room = now() + _SECONDS, MAX_CHARACTERS
    for number in range(min(len(document), MAX_PAGES)):
        if now() > deadline or room <= 0:
            return
        try:
            with closing(document[number]) as page, closing(page.get_textpage()) as text:
                content = text.get_text_bounded()[:room]
                links |= dict.fromkeys(_read_links(document, page))
        except pypdfium2.PdfiumError:
            continue  # One page that is broken is not the paper.
        room -= len(content)
        yield [line for each in mend(content).splitlines() if (line := " ".join(clean(each).split()))]


def mend(text: str) -> str:
    """`text` with the words that line ends divided in one piece again; those that had a hyphen anyway keep theirs."""
    return _LINE_HYPHEN.sub(_join, _HYPHEN.sub(_join, text))


def _join(found: re.Match[str]) -> str:
    is_compound = "-" in found["word"] or not found["next"].islower()
    return f"{found['word']}{'-' if is_compound else ''}{found['next']}"


def _read_links(document: pypdfium2.PdfDocument, page: pypdfium2.PdfPage) -> Iterator[str]:
    position, link = ctypes.c_int(0), pdfium.FPDF_LINK()
    for _ in range(MAX_LINKS):
        if not pdfium.FPDFLink_Enumerate(page, position, link):
            return
        action = pdfium.FPDFLink_GetAction(link)
        size = pdfium.FPDFAction_GetURIPath(document, action, None, 0)
        if size > 1:
            address = ctypes.create_string_buffer(size)
            pdfium.FPDFAction_GetURIPath(document, action, address, size)
            yield address.value.decode("utf-8", errors="replace")


def _drop_running_heads(pages: Sequence[list[str]]) -> Iterator[str]:
    """The lines without page numbers, arXiv's stamp, and what stands at the edge of every page or every other."""
    edges = Counter(key for page in pages for key in {_fold(line) for line in _edge(page)})
    often = max(3, len(pages) // 3)
    for page in pages:
        for place, line in enumerate(page):
            is_edge = place < _EDGE or place >= len(page) - _EDGE
            is_repeated = line.isdigit() or edges[_fold(line)] >= often
            if not (_STAMP.match(line) or (is_edge and is_repeated)):
                yield line


def _edge(page: list[str]) -> list[str]:
    return page[:_EDGE] + page[-_EDGE:] if len(page) > _SHORT_PAGE else []


def _fold(line: str) -> str:
    return re.sub(r"\d+", "#", line)


def _divide(lines: Iterator[str]) -> Outline:
    outline, headings = Outline(), Headings()
    title, text = "", list[str]()
    for line in lines:
        heading = headings.read(line, tell_kind(title, outline.kind))
        if heading is None:
            text.append(line)
            continue
        outline.add(title, "\n".join(text))
        title, text = heading.title, [heading.rest] if heading.rest else []
    outline.add(title, "\n".join(text))
    return outline
