"""What changed from one version of a paper to another, and how that is said. Pure."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from bot.language import tr, tr_n
from bot.model.follow import Version
from bot.rendering.clean import clean_line
from bot.rendering.text import shorten, split_sentences

_MOST_TITLE, _MOST_COMMENT, _MOST_CATEGORIES = 160, 240, 6
_WITHDRAWN = r"\b(?:withdrawn|retracted)\b"
_PAPER = r"\b(?:paper|article|submission|manuscript|preprint|work|version|note|it)\b"
# An abstract may speak of a drug that was withdrawn; a comment of another paper that this one stands in for.
_SAYS_WITHDRAWN = re.compile(
    rf"^\W*(?:(?:temporarily|now)\W+)?{_WITHDRAWN}|^\W*(?:this|the|our)\b.{{0,30}}?{_PAPER}[^.]{{0,60}}?{_WITHDRAWN}",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Sentences:
    """How many sentences came, went, and were put into other words."""

    added: int = 0
    removed: int = 0
    reworded: int = 0


@dataclass(frozen=True, slots=True)
class Changes:
    """What a version has other than an earlier one. `abstract` None: that is the same, as far as is known.

    `authors` are how many came and went; (0, 0): their order changed; None: nothing did. `categories` are all of the later
    version's, empty where they are the earlier one's.
    """

    title: bool = False
    abstract: Sentences | None = None
    authors: tuple[int, int] | None = None
    categories: tuple[str, ...] = ()


def compare(before: Version, after: Version) -> Changes:
    """What changed. Nothing is said of what is not known of `before`; case, blanks and line breaks do not count."""
    same_categories = not before.categories or (
        before.categories[0] == after.categories[0] and set(before.categories) == set(after.categories)
    )
    return Changes(
        _fold(before.title) != _fold(after.title),
        _compare_sentences(before.abstract, after.abstract) if before.abstract else None,
        _compare_authors(before.authors, after.authors) if before.authors else None,
        () if same_categories else after.categories,
    )


def is_withdrawn(version: Version, comment: str = "") -> bool:
    """Whether the authors say of the paper that it is no longer there: arXiv itself says so in words alone."""
    return any(_SAYS_WITHDRAWN.search(clean_line(text)) for text in (comment, version.abstract))


def describe_version(before: Version, after: Version, comment: str = "") -> str:
    """One line on a version: what changed since the one that is known, or that it was withdrawn, its comment and its link."""
    # Untrusted as they are, they must not end the quotation marks around them.
    title, said = _quotable(after.title, _MOST_TITLE), _quotable(comment, _MOST_COMMENT)
    link = f"https://arxiv.org/abs/{after.id}v{after.number}"
    if is_withdrawn(after, comment):
        said = said or _quotable(next(iter(split_sentences(clean_line(after.abstract))), ""), _MOST_COMMENT)
        return tr(
            '"{title}" ({id}) was withdrawn: "{comment}" {link}', title=title, id=after.id, comment=said, link=link
        )
    line = tr(
        '"{title}" ({id}) has version {version}: {changes}.',
        title=title,
        id=after.id,
        version=after.number,
        changes=describe_changes(before, after),
    )
    if said:
        line = tr("{first} {second}", first=line, second=tr('Comment: "{comment}".', comment=said))
    return f"{line} {link}"


def describe_changes(before: Version, after: Version) -> str:
    """`title changed; abstract changed (2 sentences added)`, in the language spoken now."""
    changes = compare(before, after)
    said = []
    if changes.title:
        said.append(tr('title changed (it was "{title}")', title=_quotable(before.title, _MOST_TITLE)))
    if changes.abstract is not None:
        said.append(_with_details(tr("abstract changed"), _describe_sentences(changes.abstract)))
    if changes.authors is not None:
        added, removed = changes.authors
        details = [tr_n("{count} added", "{count} added", added)] if added else []
        details += [tr_n("{count} removed", "{count} removed", removed)] if removed else []
        said.append(_with_details(tr("authors changed"), details or [tr("another order")]))
    if changes.categories:
        shown = ", ".join(clean_line(each) for each in changes.categories[:_MOST_CATEGORIES])
        said.append(tr("categories changed (now {categories})", categories=shown))
    if said:
        return tr("; ").join(said)
    return tr("title and abstract are as they were") if before.abstract else tr("what changed is not known")


def _with_details(what: str, details: Sequence[str]) -> str:
    return tr("{what} ({details})", what=what, details=tr(", ").join(details)) if details else what


def _describe_sentences(changed: Sentences) -> list[str]:
    counts = (
        (changed.added, tr_n("{count} sentence added", "{count} sentences added", changed.added)),
        (changed.removed, tr_n("{count} sentence removed", "{count} sentences removed", changed.removed)),
        (changed.reworded, tr_n("{count} sentence reworded", "{count} sentences reworded", changed.reworded)),
    )
    return [said for count, said in counts if count]


def _compare_sentences(before: str, after: str) -> Sentences | None:
    if _fold(before) == _fold(after):
        return None
    old, new = ([_fold(each) for each in split_sentences(clean_line(text))] for text in (before, after))
    added = removed = reworded = 0
    for kind, old_start, old_end, new_start, new_end in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind != "equal":
            gone, came = old_end - old_start, new_end - new_start
            reworded += min(gone, came)
            added += max(came - gone, 0)
            removed += max(gone - came, 0)
    return Sentences(added, removed, reworded)


def _compare_authors(before: Iterable[str], after: Iterable[str]) -> tuple[int, int] | None:
    old, new = ([_fold(each) for each in authors] for authors in (before, after))
    if old == new:
        return None
    # The feed's list is cut at commas, the API's is not: the same words are the same people.
    if sorted(" ".join(old).split()) == sorted(" ".join(new).split()):
        return None if " ".join(old) == " ".join(new) else (0, 0)
    return (Counter(new) - Counter(old)).total(), (Counter(old) - Counter(new)).total()


def _fold(text: str) -> str:
    plain = unicodedata.normalize("NFKC", clean_line(text)).casefold()
    return " ".join(plain.replace(",", " ").split())


def _quotable(text: str, most: int) -> str:
    return shorten(clean_line(text).replace('"', "'"), most).rstrip(".")
