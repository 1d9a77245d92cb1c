"""Finds the messages in Python sources for Babel; see `make messages`.

Babel's own extractor reads tokens: it overlooks calls inside calls (a `Command` in a `CommandGroup`) and inside f-strings.
"""

import ast
from collections.abc import Collection, Iterator, Mapping
from typing import IO

_SINGLE, _PLURAL = "gettext", "ngettext"
# By the function called: what Babel takes it for, and which argument is the (first) message.
_CALLS = {
    "tr": (_SINGLE, 0),
    "later": (_SINGLE, 0),
    "tr_n": (_PLURAL, 0),
    "Command": (_SINGLE, 1),
    "CommandGroup": (_SINGLE, 1),
    "Param": (_SINGLE, 1),
    "Preference": (_SINGLE, 1),
    "_UnclearError": (_SINGLE, 1),
}


def extract_messages(
    source: IO[bytes],
    keywords: Collection[str],  # noqa: ARG001 - as Babel calls it
    comment_tags: Collection[str],  # noqa: ARG001
    options: Mapping[str, str],  # noqa: ARG001
) -> Iterator[tuple[int, str, tuple[str, ...], list[str]]]:
    """Line, Babel's name for the call, its messages and no comments, for each call with a literal message."""
    for node in ast.walk(ast.parse(source.read())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _CALLS:
            kind, first = _CALLS[node.func.id]
            messages = tuple(_texts(node.args[first : first + (2 if kind == _PLURAL else 1)]))
            if messages:
                yield node.lineno, kind, messages, []


def _texts(arguments: list[ast.expr]) -> Iterator[str]:
    for argument in arguments:
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
            yield argument.value
