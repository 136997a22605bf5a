"""Python source that we cannot parse: Python 2, a version later than ours, templates, damaged files.

Strings and comments are removed, and the rest is read line by line, in blocks by indentation.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from scanners.parsing.python_found import IMPORT, Call

_COMMENT_OR_QUOTE = re.compile(r"#[^\n]*|(?P<prefix>[rRbBuUfF]{0,2})(?P<quote>\"\"\"|\'\'\'|\"|\')")
_STRING_ENDS = {
    '"': re.compile(r"(?:[^\"\\\n]|\\.)*+\""),
    "'": re.compile(r"(?:[^'\\\n]|\\.)*+'"),
    '"""': re.compile(r'[\s\S]*?"""'),
    "'''": re.compile(r"[\s\S]*?'''"),
}
_SPACE = re.compile(r"\s+")
_COMMANDS = re.compile(
    r"\bos\.(?:system|popen|exec[lv]\w*|spawn\w+|startfile)(?=\s*\()|\bsubprocess\.\w+(?=\s*\()|\bpty\.spawn\b"
    r"|(?<![.\w])(?:exec|eval)(?=\s*\()|(?<=\)\.)(?:system|popen)(?=\s*\()"
)
_HIDING = r"b64decode|b32decode|b85decode|unhexlify|fromhex|decompress|marshal\.loads|urlopen|rot_?13"
_CHAIN = re.compile(rf"(?<![.\w])exec\b[^\n]*?\b(?P<how>{_HIDING})\b")
_SOURCES = {"urlopen": "urllib.request.urlopen", "decompress": "zlib.decompress", "marshal.loads": "marshal.loads"}
_BIDI_CONTROLS = re.compile("[\u202a-\u202e\u2066-\u2069]")
_BIDI_RUN = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]{4,}")
"""More adjacent marks than any text needs: a program that searches for them lists them so."""
_BIDI_ENDS = "\u202c\u2069"
_MIXED = re.compile(r"\b(?=\w*[A-Za-z])(?=\w*[\u0400-\u04ff])\w+")
_DEFINES = re.compile(r"\s*(?:async\s+)?def\b|\s*if\s+__name__\b")


def without_texts(source: str) -> str:
    """Return the source with strings emptied and comments removed, and the same number of lines."""
    return _replaced(source, _blank)


def code_size(source: str) -> int:
    """Return the number of characters that are code rather than space, comments or strings; f-strings are code."""
    return len(_SPACE.sub("", _replaced(source, _without_text)))


def suspects(source: str) -> Iterator[Call]:
    """Yield calls on import that decode or fetch code and run it in the same line."""
    for number, line in _on_import(source):
        match = _CHAIN.match(line)
        if match:
            name = _SOURCES.get(match["how"], f"base64.{match['how']}")
            yield Call("builtins.exec", "code", IMPORT, number, "", (name,), encoded=True)


def runs_unread(source: str) -> set[str]:
    """Return the names of functions that run code or commands and are called outside all functions."""
    return {match[0] for _, line in _on_import(source) for match in _COMMANDS.finditer(line)}


def bidi_lines(source: str) -> Iterator[tuple[int, str]]:
    """Yield the first line, with its number, that overrides the text direction without ending the override."""
    for number, line in enumerate(source.splitlines(), 1):
        marks = _BIDI_CONTROLS.findall(_BIDI_RUN.sub("", line))
        ended = sum(mark in _BIDI_ENDS for mark in marks)
        if marks and len(marks) > 2 * ended and len(marks) > 1:
            yield number, line.strip()
            return


def lookalike_names(source: str) -> Iterator[tuple[int, str]]:
    """Yield the first name, with its line, that mixes Latin and Cyrillic letters outside of strings and comments."""
    for number, line in enumerate(without_texts(source).splitlines(), 1):
        if match := _MIXED.search(line):
            yield number, match[0]
            return


def _on_import(source: str) -> Iterator[tuple[int, str]]:
    """Yield the lines, with their numbers, that are not below a `def` or a test of `__name__`."""
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


def _replaced(source: str, replacement: Callable[[str], str]) -> str:
    """Return the source with its comments and strings replaced.

    An opening quote without a closing one, on its line or at all, is kept as it is. `open_to` keeps the search for
    closing quotes linear.
    """
    pieces: list[str] = []
    done = at = 0
    open_to: dict[str, int] = {}
    while (match := _COMMENT_OR_QUOTE.search(source, at)) is not None:
        end = match.end() if match["quote"] is None else _end(source, match, open_to)
        if end < 0:
            at = match.start() + len(match["prefix"]) + 1
            continue
        pieces += source[done : match.start()], replacement(source[match.start() : end])
        done = at = end
    return "".join((*pieces, source[done:]))


def _end(source: str, match: re.Match[str], open_to: dict[str, int]) -> int:
    """Return the end of a string, or -1; up to `open_to[quote]`, no string of that kind ends."""
    for quote in dict.fromkeys((match["quote"], match["quote"][0])):
        start = match.end("prefix") + len(quote)
        if start <= open_to.get(quote, 0):
            continue
        found = _STRING_ENDS[quote].match(source, start)
        if found:
            return found.end()
        line = source.find("\n", start) if len(quote) == 1 else len(source)
        open_to[quote] = len(source) if line < 0 else line
    return -1


def _without_text(text: str) -> str:
    if text.startswith("#"):
        return ""
    prefix, *_ = text[:2].split(text[-1])
    return text if "f" in prefix.lower() else '""'


def _blank(text: str) -> str:
    """Return an empty string literal with the same number of lines."""
    return "" if text.startswith("#") else '""' + "\n" * text.count("\n")
