"""A paper's text in the making: what HTML and PDF have in common."""

import re
from collections.abc import Iterable

from bot.model.summary import Section, SectionKind

MAX_CHARACTERS = 1_000_000
"""Of one paper: a thesis of 300 pages. What comes later is left out."""
MAX_SECTIONS = 2_000
MAX_LINKS = 1_000

_MAX_TITLE = 300
_LINK = re.compile(r"https?://[^\s<>\"'{}|\\^`$\[\]()]{3,1000}")
_WHOLE_LINK = re.compile(r"https?://[^\s<>\"]{3,1000}", re.IGNORECASE)
# Control characters, and those that no reader sees: they are where text hides from people, and break words for a model.
_UNSEEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\xad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\ufffe\uffff]"
)
_LIGATURES = str.maketrans({"ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "st", "ﬆ": "st"})
_NUMBER = re.compile(r"(?:\d+(?:\.\d+)*|[A-Z](?:\.\d+)*|[IVXLC]+)[.:)]?\s+")
_REFERENCES = re.compile(
    r"(?:references|bibliography|literature|literature cited|works cited)(?: and notes)?", re.IGNORECASE
)
_APPENDIX = re.compile(r"(?:appendix|appendices|supplement|supplements|supplementary|supplemental)\b", re.IGNORECASE)
# Journals of the Nature kind print their methods after the references.
_LATE_BODY = re.compile(r"(?:online |materials and |experimental )?methods?", re.IGNORECASE)


def clean(text: str) -> str:
    """`text` without characters that nobody sees, and with ligatures as letters."""
    return _UNSEEN.sub("", text).translate(_LIGATURES)


def tell_kind(title: str, before: SectionKind) -> SectionKind:
    """What a section of this title is, `before` being the last one's kind: what follows the references is an appendix."""
    bare = _NUMBER.sub("", title, count=1).strip(" .:")
    if _REFERENCES.fullmatch(bare):
        return SectionKind.REFERENCES
    if _APPENDIX.match(bare):
        return SectionKind.APPENDIX
    is_body = before is SectionKind.BODY or _LATE_BODY.fullmatch(title)
    return SectionKind.BODY if is_body else SectionKind.APPENDIX


def unite_links(found: Iterable[str], sections: Iterable[Section]) -> tuple[str, ...]:
    """The web addresses among `found`, then those written out in `sections`, each once, in order."""
    links = dict.fromkeys(link for each in found if _WHOLE_LINK.fullmatch(link := each.strip()))
    for section in sections:
        links |= dict.fromkeys(find_links(section.text))
    return tuple(links)[:MAX_LINKS]


def find_links(text: str) -> list[str]:
    """The web addresses written out in `text`."""
    return [each.rstrip(".,;:!?*_~") for each in _LINK.findall(text)]


class Outline:
    """Sections, filled one after another and never with more than MAX_CHARACTERS in all."""

    def __init__(self) -> None:
        self._sections: list[Section] = []
        self._room = MAX_CHARACTERS

    @property
    def kind(self) -> SectionKind:
        """The kind of the last section."""
        return self._sections[-1].kind if self._sections else SectionKind.BODY

    @property
    def is_full(self) -> bool:
        """Whether nothing more will be taken."""
        return self._room <= 0 or len(self._sections) >= MAX_SECTIONS

    def add(self, title: str, text: str, kind: SectionKind | None = None) -> None:
        """A section; one without text stays for its title, which says what those below it are about."""
        title, text = " ".join(title.split())[:_MAX_TITLE], text.strip()[: max(self._room, 0)]
        if self.is_full or not (title or text):
            return
        self._room -= len(title) + len(text)
        self._sections.append(Section(title, text, kind or tell_kind(title, self.kind)))

    def sections(self) -> tuple[Section, ...]:
        """What was added."""
        return tuple(self._sections)
