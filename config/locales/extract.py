"""Finds the messages in Python sources for Babel.

Babel's own extractor reads tokens: it overlooks calls inside calls (a `Command` in a `CommandGroup`) and inside f-strings.
"""

import ast
from collections.abc import Collection, Iterator, Mapping
from typing import IO


def extract_messages(
    source: IO[bytes],
    keywords: Collection[str],
    comment_tags: Collection[str],  # noqa: ARG001 - as Babel calls it
    options: Mapping[str, str],  # noqa: ARG001
) -> Iterator[tuple[int, str, tuple[str | None, ...], list[str]]]:
    """Line, function, its positional texts (None for what is no literal) and no comments, for each call of `keywords`."""
    for node in ast.walk(ast.parse(source.read())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in keywords:
            yield node.lineno, node.func.id, tuple(map(_text, node.args)), []


def _text(argument: ast.expr) -> str | None:
    is_text = isinstance(argument, ast.Constant) and isinstance(argument.value, str)
    return str(argument.value) if is_text else None  # type: ignore[attr-defined] # is_text says that it is a Constant
