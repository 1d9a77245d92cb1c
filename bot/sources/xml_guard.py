"""What an answer must be before it is made into a tree. Pure."""

from xml.etree.ElementTree import Element, ParseError, XMLParser, fromstring
from xml.parsers import expat

_ROOTS = frozenset({"rss", "http://www.w3.org/2005/Atom feed", "http://www.w3.org/1999/02/22-rdf-syntax-ns# RDF"})
_PAPERS = frozenset({"item", "http://www.w3.org/2005/atom entry", "http://purl.org/rss/1.0/ item"})
_ENCODINGS = frozenset({"utf-8", "us-ascii"})
_CHUNK = 64 * 1024
_MAX_BYTES = 64 * 1024 * 1024
_MAX_ATTRIBUTES = 32
_MAX_DEPTH = 16
_MAX_ELEMENTS = 400_000
_MAX_TEXT = 512 * 1024


class MalformedFeedError(ValueError):
    """The text says what is wrong with the feed."""


def read_feed(content: bytes) -> tuple[Element, int]:
    """A whole and harmless RSS or Atom, and how many papers are in it, wherever they stand."""
    return read_xml(content, _ROOTS, _PAPERS)


def read_xml(content: bytes, roots: frozenset[str], counted: frozenset[str] = frozenset()) -> tuple[Element, int]:
    """The tree of `content`, and how many of the `counted` elements are in it; both name elements as expat does, `space name`.

    Raises MalformedFeedError for anything that is not well-formed UTF-8 XML from start to end, has another root, declares a
    document type (and with it entities), or is built to cost time or memory.
    """
    papers = _check(content, roots, counted)
    try:
        return fromstring(content, XMLParser(encoding="utf-8")), papers  # noqa: S314 - just checked: it has no entities
    except ParseError as error:
        raise MalformedFeedError(f"not well-formed XML: {error}") from error


def _check(content: bytes, roots: frozenset[str], counted: frozenset[str]) -> int:
    if not content.strip():
        raise MalformedFeedError("the answer is empty")
    if len(content) > _MAX_BYTES:
        raise MalformedFeedError(f"the feed is larger than {_MAX_BYTES // 1024 // 1024} MiB")
    try:
        content.decode()
    except UnicodeDecodeError as error:
        raise MalformedFeedError(f"not well-formed XML: it is not UTF-8 ({error.reason})") from error
    guard = _Guard(roots, counted)
    parser = expat.ParserCreate("UTF-8", " ")
    parser.buffer_text = True
    parser.XmlDeclHandler = guard.check_declaration
    parser.StartDoctypeDeclHandler = guard.refuse_document_type
    parser.StartElementHandler = guard.start
    parser.EndElementHandler = guard.end
    parser.CharacterDataHandler = guard.check_text
    try:
        for start in range(0, len(content), _CHUNK):
            parser.Parse(content[start : start + _CHUNK])
        parser.Parse(b"", True)
    except expat.ExpatError as error:
        raise MalformedFeedError(f"not well-formed XML, or broken off: {error}") from error
    return guard.papers


class _Guard:
    def __init__(self, roots: frozenset[str], counted: frozenset[str]) -> None:
        self.papers = 0
        self._roots = roots
        self._counted = counted
        self._depth = 0
        self._elements = 0
        self._text = 0

    def check_declaration(self, _version: str, encoding: str | None, _standalone: int) -> None:
        if encoding is not None and encoding.lower() not in _ENCODINGS:
            raise MalformedFeedError(f"the encoding is {encoding}, not UTF-8")

    def refuse_document_type(self, name: str, *_: object) -> None:
        raise MalformedFeedError(f"it declares a document type ({name}), which feeds of arXiv never do")

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if not self._depth and name not in self._roots:
            raise MalformedFeedError(f"it is no feed: the document is <{name.rpartition(' ')[2]}>")
        self._depth += 1
        self._elements += 1
        self._text = 0
        self.papers += name.lower() in self._counted
        if len(attributes) > _MAX_ATTRIBUTES or self._depth > _MAX_DEPTH or self._elements > _MAX_ELEMENTS:
            raise MalformedFeedError("it has more attributes, elements or levels than any feed of arXiv")

    def end(self, _name: str) -> None:
        self._depth -= 1

    def check_text(self, text: str) -> None:
        self._text += len(text)
        if self._text > _MAX_TEXT:
            raise MalformedFeedError("one of its texts is longer than any of arXiv")
