"""The text of a paper from the page that LaTeXML made of it: the first <article>, without what the site puts around it.

https://math.nist.gov/~BMiller/LaTeXML/manual/schema/ has the classes; https://arxiv.org/html/1706.03762v7 is an example.
"""

import re

from selectolax.lexbor import LexborHTMLParser, LexborNode

from bot.errors import SourceError, SourceFault
from bot.model.summary import FullText, SectionKind, TextSource
from bot.sources.outline import MAX_CHARACTERS, MAX_LINKS, Outline, clean, unite_links

_SKIPPED = frozenset(
    "nav header footer button script style template svg form dialog noscript iframe object img".split()
)
_SKIPPED_CLASSES = frozenset(
    "ltx_title_document ltx_authors ltx_dates ltx_note_mark ltx_note_type ltx_tag_note ltx_listing_data ltx_ERROR "
    "ltx_page_navbar ltx_page_header ltx_page_footer ltx_pagination ltx_TOC ltx_rdf".split()
)
_BLOCKS = frozenset(
    "p div li ul ol dl dt dd tr table thead tbody figure figcaption section blockquote pre br h1 h2 h3 h4 h5 h6".split()
)
_BLOCK_CLASSES = frozenset("ltx_p ltx_tr ltx_tabular ltx_bibitem ltx_listingline ltx_caption".split())
_CELL_CLASSES = frozenset("ltx_td ltx_th".split())
_HEADINGS = frozenset(
    "ltx_title_abstract ltx_title_part ltx_title_chapter ltx_title_section ltx_title_subsection ltx_title_subsubsection "
    "ltx_title_appendix ltx_title_bibliography ltx_title_acknowledgements ltx_title_index ltx_title_glossary".split()
)
_PARTS = frozenset(each.replace("title_", "") for each in _HEADINGS)
_KINDS = {"ltx_appendix": SectionKind.APPENDIX, "ltx_bibliography": SectionKind.REFERENCES}
# Marks in the text until it is whole: a cell of a table begins; what follows a label stays on its line.
_CELL, _GLUE = "\x1f", "\x1e"
_TEX_BREAK = re.compile(r"%\s*\n\s*")


def parse_html(content: bytes) -> FullText:
    """The text of a page of arXiv's. Raises SourceError where the page has none."""
    article = LexborHTMLParser(content.decode("utf-8", errors="replace")).css_first("article")
    if article is None:
        raise SourceError("the page has no article", fault=SourceFault.INVALID)
    reader = _Reader()
    reader.read(article)
    sections = reader.outline.sections()
    if not any(section.text for section in sections):
        raise SourceError("the article is empty", fault=SourceFault.INVALID)
    return FullText(TextSource.HTML, sections, unite_links(reader.links, sections))


class _Reader:
    """Walks an article; without recursion, as depth is the author's choice."""

    def __init__(self) -> None:
        self.outline = Outline()
        self.links: dict[str, None] = {}
        self._title = ""
        self._kind: SectionKind | None = None
        self._pieces: list[str] = []
        self._size = 0
        self._cells = 0

    def read(self, article: LexborNode) -> None:
        stack: list[LexborNode | _Mark] = [article]
        while stack and self._size < MAX_CHARACTERS and not self.outline.is_full:
            node = stack.pop()
            if isinstance(node, _Mark):
                self._leave(node)
            elif node.is_text_node:
                self._write(re.sub(r"\s+", " ", clean(node.text_content or "")))
            elif node.is_element_node and (mark := self._enter(node)):
                stack.append(mark)
                stack.extend(reversed(list(node.iter(include_text=True))))
        self._close()

    def _enter(self, node: LexborNode) -> "_Mark | None":
        """What to do after the children; None: they are not read."""
        attributes = node.attributes
        classes = frozenset((attributes.get("class") or "").split())
        tag = node.tag or ""
        if tag == "math":
            self._write(_read_math(node))
            return None
        if tag in _SKIPPED or "hidden" in attributes or not classes.isdisjoint(_SKIPPED_CLASSES):
            return None
        mark = _Mark(tag, classes, self._kind)
        if tag == "a" and (link := attributes.get("href") or "").startswith("http") and len(self.links) < MAX_LINKS:
            self.links[link] = None
        self._begin(mark)
        return mark

    def _begin(self, mark: "_Mark") -> None:
        if mark.is_heading:
            self._close()
        if mark.is_part:
            self._kind = next((_KINDS[each] for each in mark.classes if each in _KINDS), self._kind)
        if mark.is_cell:
            self._write(_CELL)
            self._cells += 1
        elif mark.is_block:
            self._break()
        elif mark.tag == "td":
            self._write(" ")  # Of an equation: its number has a cell of its own.
        elif "ltx_note" in mark.classes:
            self._write(" (")

    def _leave(self, mark: "_Mark") -> None:
        if mark.is_heading:
            self._title = " ".join(self._take().split())
        elif mark.is_cell:
            self._cells -= 1
        elif mark.is_block:
            self._break()
        elif "ltx_note" in mark.classes:
            self._write(")")
        elif "ltx_tag_item" in mark.classes or "ltx_tag_bibitem" in mark.classes:
            self._write(_GLUE)
        if mark.is_part:
            self._close()
            self._kind = mark.kind_outside

    def _write(self, text: str) -> None:
        self._pieces.append(text)
        self._size += len(text)

    def _break(self) -> None:
        self._pieces.append(" " if self._cells else "\n")

    def _take(self) -> str:
        text = "".join(self._pieces)
        self._pieces.clear()
        return _lay_out(text)

    def _close(self) -> None:
        """The section so far is whole."""
        text = self._take()
        self.outline.add(self._title, text, self._kind)
        self._title = ""


class _Mark:
    """An element that is being read: what its end means."""

    __slots__ = ("classes", "is_block", "is_cell", "is_heading", "is_part", "kind_outside", "tag")

    def __init__(self, tag: str, classes: frozenset[str], kind_outside: SectionKind | None) -> None:
        self.tag, self.classes, self.kind_outside = tag, classes, kind_outside
        self.is_heading = not classes.isdisjoint(_HEADINGS)
        self.is_part = not classes.isdisjoint(_PARTS)
        self.is_cell = not classes.isdisjoint(_CELL_CLASSES)
        self.is_block = tag in _BLOCKS or not classes.isdisjoint(_BLOCK_CLASSES)


def _read_math(node: LexborNode) -> str:
    """Its TeX: LaTeXML writes it beside the MathML, which says the same again."""
    tex = node.attributes.get("alttext") or ""
    tex = " ".join(_TEX_BREAK.sub("", clean(tex)).removeprefix("\\displaystyle").split())
    return f"${tex}$" if tex else ""


def _lay_out(text: str) -> str:
    text = re.sub(rf"\s*{_GLUE}\s*", " ", text)
    text = re.sub(rf" *{_CELL} *", " | ", text)
    lines = (re.sub(r" {2,}", " ", line).strip().removeprefix("| ").strip() for line in text.split("\n"))
    return "\n".join(line for line in lines if line.strip("| "))
