"""Python that the Python which runs us cannot parse: of version 2, of a later one, templates, damaged.

Strings and comments are taken out, and what is left is read line by line with the blocks that indentation makes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from scanners.parsing.python_calls import IMPORT, Call

_STRING = re.compile(
    r"#[^\n]*|[rRbBuUfF]{0,2}(?:\"\"\"[\s\S]*?\"\"\"|'''[\s\S]*?'''|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*')"
)
_SPACE = re.compile(r"\s+")
_COMMANDS = re.compile(
    r"\bos\.(?:system|popen|exec[lv]\w*|spawn\w+|startfile)(?=\s*\()|\bsubprocess\.\w+(?=\s*\()|\bpty\.spawn\b"
    r"|(?<![.\w])(?:exec|eval)(?=\s*\()|(?<=\)\.)(?:system|popen)(?=\s*\()"
)
_HIDING = r"b64decode|b32decode|b85decode|unhexlify|fromhex|decompress|marshal\.loads|urlopen|rot_?13"
_CHAIN = re.compile(rf"(?<![.\w])exec\b[^\n]*?\b(?P<how>{_HIDING})\b")
_SOURCES = {"urlopen": "urllib.request.urlopen", "decompress": "zlib.decompress", "marshal.loads": "marshal.loads"}
_DEFINES = re.compile(r"\s*(?:async\s+)?def\b|\s*if\s+__name__\b")


def without_texts(source: str) -> str:
    """Return the source with strings emptied and comments taken out, in as many lines."""
    return _STRING.sub(_blank, source)


def code_size(source: str) -> int:
    """Return how many bytes of a source are code, and no space, comment or text; f-strings are code."""
    return len(_SPACE.sub("", _STRING.sub(_without_text, source)))


def suspects(source: str) -> Iterator[Call]:
    """Yield calls on import that run in one line what they decode or fetch."""
    for number, line in _on_import(source):
        match = _CHAIN.match(line)
        if match:
            name = _SOURCES.get(match["how"], f"base64.{match['how']}")
            yield Call("builtins.exec", "code", IMPORT, number, "", (name,), encoded=True)


def runs_unread(source: str) -> set[str]:
    """Return the names of what runs code or commands outside all functions."""
    return {match[0] for _, line in _on_import(source) for match in _COMMANDS.finditer(line)}


def _on_import(source: str) -> Iterator[tuple[int, str]]:
    """Yield the lines, with their numbers, that stand below no `def` and no test of `__name__`."""
    hidden = -1
    for number, line in enumerate(without_texts(source).splitlines(), 1):
        stripped = line.lstrip()
        if not stripped:
            continue
        indent = len(line) - len(stripped)
        if hidden >= 0 and indent > hidden:
            continue
        hidden = indent if _DEFINES.match(line) else -1
        if hidden < 0:
            yield number, stripped


def _without_text(match: re.Match[str]) -> str:
    if match[0].startswith("#"):
        return ""
    prefix, *_ = match[0][:2].split(match[0][-1])
    return match[0] if "f" in prefix.lower() else '""'


def _blank(match: re.Match[str]) -> str:
    """Return an empty string of as many lines."""
    return "" if match[0].startswith("#") else '""' + "\n" * match[0].count("\n")
