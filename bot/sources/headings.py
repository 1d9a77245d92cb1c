"""Headings among the lines of a PDF: they are numbered in order, or bear a name that everyone knows."""

import re
from dataclasses import dataclass

from bot.model.summary import SectionKind

_LONGEST, _MOST_WORDS = 80, 12
_ROMAN = ("I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII", "XIII", "XIV", "XV")
_NUMBERED = re.compile(r"(?P<number>\d{1,2}(?:\.\d{1,2}){0,3})\.?\s+(?P<title>[A-Z].+)")
_ROMAN_NUMBERED = re.compile(r"(?P<number>[IVX]{1,5})\.\s+(?P<title>[A-Z].+)")
_LETTERED = re.compile(r"(?:Appendix\s+)?(?P<number>[A-Z](?:\.\d{1,2}){0,3})[.:]?\s+(?P<title>[A-Z].+)")
_KNOWN = re.compile(
    r"abstract|introduction|related works?|background|preliminaries|(?:materials and )?methods?|methodology|"
    r"experiments?|experimental (?:setup|results)|evaluation|results|results and discussion|discussion|"
    r"limitations|(?:discussion and )?conclusions?|conclusions? and future work|future work|acknowledge?ments?|"
    r"references|bibliography|appendix|appendices|supplementary materials?|supplemental materials?",
    re.IGNORECASE,
)
_APPENDIX = re.compile(r"appendix [A-Z]\b.*", re.IGNORECASE)
_RUN_IN = re.compile(r"(?P<title>Abstract|ABSTRACT)\s*[—–:.-]+\s*(?P<rest>\S.*)")
# A table of contents repeats the headings: dots and page numbers tell it.
_NO_HEADING = re.compile(r".*(?:[.,;:]|\. ?\.|\s\d+)$")
_Number = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Heading:
    """A title, and what text there is in the same line."""

    title: str
    rest: str = ""


class Headings:
    """Reads lines in their order, and remembers what number must come next."""

    def __init__(self) -> None:
        self._last: _Number = ()
        self._last_letter: _Number = ()
        self._begun = False

    def read(self, line: str, kind: SectionKind) -> Heading | None:
        """The heading that `line` is; `kind` is that of the section so far."""
        if found := _RUN_IN.fullmatch(line):
            self._begun = True
            return Heading(found["title"], found["rest"])
        if len(line) > _LONGEST or len(line.split()) > _MOST_WORDS or _NO_HEADING.fullmatch(line):
            return None
        if _KNOWN.fullmatch(line) or _APPENDIX.fullmatch(line) or self._is_numbered(line, kind):
            self._begun = True
            return Heading(line)
        return None

    def _is_numbered(self, line: str, kind: SectionKind) -> bool:
        if found := _ROMAN_NUMBERED.fullmatch(line):
            return found["number"] in _ROMAN and self._takes((_ROMAN.index(found["number"]) + 1,), found["title"])
        if found := _NUMBERED.fullmatch(line):
            return self._takes(tuple(map(int, found["number"].split("."))), found["title"])
        if kind is not SectionKind.BODY and (found := _LETTERED.fullmatch(line)):
            letter, *rest = found["number"].split(".")
            number = (ord(letter) - ord("A") + 1, *map(int, rest))
            if _follows(number, self._last_letter):
                self._last_letter = number
                return True
        return False

    def _takes(self, number: _Number, title: str) -> bool:
        # Affiliations are numbered, too, before the paper begins.
        if not (self._begun or _KNOWN.fullmatch(title)) or not _follows(number, self._last):
            return False
        self._last = number
        return True


def _follows(number: _Number, last: _Number) -> bool:
    """Whether 3.2 comes after `last`: 3.1, 3.1.4 or, as the first one below it, 3.1 after 3."""
    depth = len(number)
    if depth == len(last) + 1:
        return number == (*last, 1)
    return depth <= len(last) and number[:-1] == last[: depth - 1] and number[-1] == last[depth - 1] + 1
