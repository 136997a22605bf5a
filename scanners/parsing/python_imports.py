"""The modules that Python source imports, found by pattern so that it works for every version of Python.

Language reference: https://docs.python.org/3/reference/simple_stmts.html#the-import-statement. An import statement
inside a string counts as well: callers check whether the module exists.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from scanners.parsing import standard_library

MAX_IMPORTS = 100
"""Maximum module names that are returned for one file."""
_MAX_STATEMENTS = 5_000
"""Maximum import statements that are examined."""
_MAX_NAME_LENGTH = 200
"""Maximum characters of a module name."""
_NAME = r"[^\W\d]\w*(?:\.[^\W\d]\w*)*"
_STATEMENT = re.compile(
    rf"(?:^|[;:])[ \t]*(?:from[ \t]++(?P<source>\.++(?:{_NAME})?|{_NAME})[ \t]++import[ \t]*"
    r"(?P<names>\([^)]{0,4000}|[^\n;]{0,4000})"
    r"|import[ \t]+(?P<modules>[^\n;]{0,4000}))"
    rf"|\b(?:import_module|__import__)\([ \t\n]*[\"'](?P<called>\.*{_NAME})[\"']",
    re.MULTILINE,
)
_COMMENT = re.compile(r"#[^\n]*")
_FIRST = re.compile(rf"\s*({_NAME})")


def imports_in(source: str) -> tuple[str, ...]:
    """Return the modules that a file imports, in order and without duplicates; relative ones begin with dots.

    For `from .a import b`, both `.a` and `.a.b` may be modules. Modules of the standard library are left out.
    """
    found: dict[str, None] = {}
    for count, match in enumerate(_STATEMENT.finditer(source)):
        for name in _names(match):
            if len(name) <= _MAX_NAME_LENGTH and name.partition(".")[0] not in standard_library.MODULES:
                found[name] = None
        if len(found) >= MAX_IMPORTS or count >= _MAX_STATEMENTS:
            break
    return tuple(found)[:MAX_IMPORTS]


def _names(match: re.Match[str]) -> Iterator[str]:
    called, modules, source = match["called"], match["modules"], match["source"]
    if called is not None:
        yield called
    elif modules is not None:
        yield from _listed(modules)
    elif source:
        if source.strip("."):
            yield source
        if source.startswith("."):
            joint = "." if source.strip(".") else ""
            yield from (f"{source}{joint}{name}" for name in _listed(match["names"]))


def _listed(text: str) -> Iterator[str]:
    for part in _COMMENT.sub("", text.lstrip("( \t")).split(","):
        first = _FIRST.match(part)
        if first:
            yield first[1]
