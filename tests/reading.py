"""Strict readers of what we export, each as its format's own rules have it; they raise ValueError where a file breaks them."""

import csv
import io
import re

_KEY = re.compile(r"[a-z]+-[\w.-]+")
_FIELD_NAME = re.compile(r"\s*([A-Za-z]+)\s*=\s*")


def read_bibtex(text):
    """The entries as (type, key, fields): one pass that counts every brace, as BibTeX does, escaped or not."""
    entries, at = [], 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        found = re.compile(r"@([a-z]+)\{([^,\s{}]+),").match(text, at)
        if not found or not _KEY.fullmatch(found[2]):
            raise ValueError(f"no entry at {text[at : at + 40]!r}")
        fields, at = _read_fields(text, found.end())
        entries.append((found[1], found[2], fields))
    keys = [key for _, key, _ in entries]
    if len(set(keys)) < len(keys):
        raise ValueError("a key is there twice")
    return entries


def _read_fields(text, at):
    fields = {}
    while True:
        while text[at].isspace():
            at += 1
        if text[at] == "}":
            return fields, at + 1
        name = _FIELD_NAME.match(text, at)
        if not name or name[1] in fields or text[name.end()] != "{":
            raise ValueError(f"no field at {text[at : at + 40]!r}")
        start = at = name.end() + 1
        depth = 1
        while depth:
            depth += {"{": 1, "}": -1}.get(text[at], 0)
            at += 1
        value = fields[name[1]] = text[start : at - 1]
        _check_tex(value, is_verbatim=name[1] in ("url", "doi", "eprint"))
        if text[at] == ",":
            at += 1
        elif text[at : at + 2] != "\n}":
            raise ValueError(f"neither a comma nor the end after {name[1]}")


def _check_tex(value, *, is_verbatim):
    """Nothing that TeX would take for a comment, an alignment, a parameter or half a formula."""
    if "\n" in value:
        raise ValueError("a line break in a value")
    if is_verbatim:
        return
    bare = re.sub(r"\\[%&#_$]", "", value)
    if bare.count("$") % 2:
        raise ValueError(f"half a formula: {value}")
    outside = re.sub(r"\$[^$]*\$", "", bare)
    if re.search(r"[%&#_^~`]", outside):
        raise ValueError(f"a sign with a meaning: {value}")
    known = "textbackslash textbraceleft textbraceright textasciitilde textasciicircum textasciigrave"
    for command in re.findall(r"\\([A-Za-z]+)", outside):
        if command not in known.split():
            raise ValueError(f"a command: {command}")


def spell_out(value):
    """What a person sees of a TeX value without formulas."""
    signs = {
        "backslash": "\\",
        "braceleft": "<",
        "braceright": ">",
        "asciitilde": "~",
        "asciicircum": "^",
        "asciigrave": "`",
    }
    shown = re.sub(r"\\text(\w+?)\{\}", lambda found: signs[found[1]], value)
    return re.sub(r"\\([%&#_$])", r"\1", shown.replace("{", "").replace("}", "")).replace("<", "{").replace(">", "}")


def read_ris(text):
    """The records as lists of (tag, value)."""
    if not text.endswith("\r\n") or "\n" in text.replace("\r\n", ""):
        raise ValueError("a line that does not end with CR and LF")
    records, open_one = [], None
    for line in text.split("\r\n")[:-1]:
        found = re.fullmatch(r"([A-Z][A-Z0-9])  - (.*)", line)
        if not found:
            raise ValueError(f"no tag: {line!r}")
        tag, value = found.groups()
        if (tag == "TY") != (open_one is None):
            raise ValueError("TY begins a record, and nothing else does")
        if tag == "TY":
            open_one = []
        open_one.append((tag, value))
        if tag == "ER":
            records.append(open_one)
            open_one = None
    if open_one is not None:
        raise ValueError("a record without an end")
    return records


def read_csv(text):
    """The rows as dicts, as a spreadsheet that knows the byte order mark reads them."""
    if not text.startswith("\ufeff"):
        raise ValueError("no byte order mark")
    rows = list(csv.DictReader(io.StringIO(text[1:], newline=""), strict=True))
    for row in rows:
        for cell in row.values():
            if cell.startswith(("=", "+", "-", "@", "\t", "\r")):
                raise ValueError(f"a formula: {cell}")
    return rows
