"""The formats beside BibTeX, and a file of each. Pure."""

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bot.exports.bibtex import write_bibtex
from bot.exports.reference import Reference
from bot.language import tr
from bot.model.message import File
from bot.rendering.clean import clean_line
from bot.rendering.markdown import escape_markdown

# https://owasp.org/www-community/attacks/CSV_Injection
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")
BOM = "\ufeff"


@dataclass(frozen=True, slots=True)
class Format:
    """A format by the name that people type, with the end of its files' names."""

    name: str
    suffix: str
    write: Callable[[Sequence[Reference]], str]


def write_file(form: Format, references: Sequence[Reference], stem: str) -> File:
    """The references as one file."""
    return File(f"{stem}.{form.suffix}", form.write(references))


def _write_ris(references: Sequence[Reference]) -> str:
    """https://en.wikipedia.org/wiki/RIS_(file_format): a tag, two blanks, a dash and a blank; lines end with CR and LF."""
    return "".join(map(_ris_entry, references))


def _ris_entry(reference: Reference) -> str:
    paper = reference.paper
    rows = [
        ("TY", "UNPB"),
        ("TI", reference.title),
        *(("AU", each.inverted) for each in reference.names),
        ("PY", str(reference.year)),
        ("DA", f"{reference.year}/{reference.month:02}//"),
        ("AB", clean_line(paper.abstract)),
        *(("KW", each) for each in paper.categories),
        ("PB", "arXiv"),
        ("AN", f"arXiv:{reference.id}"),
        ("DO", reference.doi or reference.arxiv_doi),
        ("N1", clean_line(paper.journal_ref)),
        ("UR", paper.link),
    ]
    return "".join(f"{tag}  - {value}\r\n" for tag, value in rows if value) + "ER  - \r\n"


def _write_csv(references: Sequence[Reference]) -> str:
    """RFC 4180 behind a byte order mark: without one Excel takes UTF-8 for something else, and every reader skips it."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(("id", "title", "authors", "categories", "year", "saved", "link", "doi", "journal"))
    for each in references:
        cells = (
            each.id,
            each.title,
            "; ".join(clean_line(name) for name in each.paper.authors),
            " ".join(each.paper.categories),
            str(each.year),
            each.saved.isoformat() if each.saved else "",
            each.paper.link,
            each.doi,
            clean_line(each.paper.journal_ref),
        )
        writer.writerow([_guard(cell) for cell in cells])
    return BOM + text.getvalue()


def _guard(cell: str) -> str:
    """A spreadsheet takes a cell with such a beginning for a formula, but for one with an apostrophe before it."""
    return f"'{cell}" if cell.startswith(_FORMULA_STARTS) else cell


def _write_markdown(references: Sequence[Reference]) -> str:
    lines = [f"# {tr('Saved papers')}", ""]
    for each in references:
        authors = ", ".join(clean_line(name) for name in each.paper.authors)
        lines.append(f"- [{escape_markdown(each.title)}]({each.paper.link})")
        if authors:
            lines[-1] += f"  \n  {escape_markdown(authors)}"
        facts = ", ".join([f"arXiv:{each.id}", *each.paper.categories, str(each.year)])
        lines[-1] += f"  \n  {escape_markdown(facts)}"
    return "\n".join(lines) + "\n"


FORMATS = (
    Format("bibtex", "bib", write_bibtex),
    Format("ris", "ris", _write_ris),
    Format("csv", "csv", _write_csv),
    Format("markdown", "md", _write_markdown),
)
