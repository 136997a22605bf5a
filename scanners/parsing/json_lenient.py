"""Conversion of lenient JSON to plain JSON: comments, trailing commas, unquoted and single-quoted keys.

JSON5 (https://spec.json5.org), JSON with comments, Hjson (https://hjson.github.io/syntax.html) as far as settings use
it, and printed Python dictionaries. What even lenient readers reject, such as a text cut short, raises NoJson.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from modelsweep.core import patterns as re

_TOKEN = re.compile(
    r"(?P<space>[\s\ufeff]+|//[^\n]*|#[^\n]*|/\*[\s\S]*?\*/)"
    r"|(?P<long>'''[\s\S]*?'''|\"\"\"[\s\S]*?\"\"\")"
    r"|(?P<text>\"(?:[^\"\\\n]|\\[\s\S])*\"|'(?:[^'\\\n]|\\[\s\S])*')"
    r"|(?P<mark>[{}\[\]:,])"
    r"|(?P<word>[^\s{}\[\]:,\"'][^\s{}\[\]:,]*)"
)
_CODED = re.compile(r"\\u([0-9a-fA-F]{4})")
_LINE = re.compile(r"[^\n]*")
_ESCAPE = re.compile(r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|(\r\n|[\s\S]))")
_LETTERS = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "v": "\v", "0": "\0", "\n": "", "\r\n": ""}
_WORDS = {"true": "true", "false": "false", "null": "null", "True": "true", "False": "false", "None": "null"}
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
_WIDE_NUMBER = re.compile(r"([+-]?)0[xX]([0-9a-fA-F]{1,300})")
_ENDLESS = re.compile(r"[+-]?(?:Infinity|NaN)")
_OPEN, _CLOSE = "{[", "}]"


class NoJson(Exception):
    """Raised for text that no lenient reader accepts; `cut` tells whether it ends too early."""

    def __init__(self, detail: str, *, cut: bool) -> None:
        super().__init__(detail)
        self.cut = cut


def strict(text: str, *, bare: bool = False) -> str:
    """Return plain JSON for lenient JSON; `bare` text may lack the outermost braces.

    Raises NoJson if a string, a comment or a bracket does not end.
    """
    return "".join(_Rewriting(text, bare=bare).pieces())


class _Rewriting:
    """Rewrites the tokens of one text."""

    def __init__(self, text: str, *, bare: bool) -> None:
        self._text, self._bare = text, bare
        self._inside: list[str] = []
        self._before = ""
        """The last token: a punctuation mark, or `value` for anything that may be a value."""
        self._comma = False

    def pieces(self) -> Iterator[str]:
        """Yield the pieces of plain JSON."""
        place, end = 0, len(self._text)
        wrapped = self._bare and self._is_bare()
        if wrapped:
            yield from self._marked("{")
        while place < end:
            match = _TOKEN.match(self._text, place)
            if match is None:
                raise NoJson("a text does not end", cut="\n" not in self._text[place:])
            place = match.end()
            if match["mark"]:
                yield from self._marked(match["mark"])
            elif match["word"]:
                line = self._rest_of_line(match.start(), match["word"])
                place = max(place, match.start() + len(line))
                yield from self._valued(_plain(line or match["word"]))
            elif not match["space"]:
                yield from self._valued(_quoted(match[0]))
        if wrapped:
            yield from self._marked("}")
        if self._inside:
            raise NoJson("a bracket is not closed", cut=True)

    def _is_bare(self) -> bool:
        place = 0
        while (match := _TOKEN.match(self._text, place)) and match["space"]:
            place = match.end()
        return match is not None and match[0] not in _OPEN

    def _marked(self, mark: str) -> Iterator[str]:
        if mark == ",":
            self._comma = self._before not in (",", *_OPEN)
            self._before = ","
            return
        if mark in _OPEN:
            yield from self._between()
            self._inside.append(mark)
        elif mark in _CLOSE:
            self._comma = False
            if not self._inside:
                raise NoJson("a bracket was not opened", cut=False)
            self._inside.pop()
        self._before = "value" if mark in _CLOSE else mark
        yield mark

    def _valued(self, value: str) -> Iterator[str]:
        yield from self._between()
        self._before = "value"
        yield value

    def _between(self) -> Iterator[str]:
        """Yield the comma before a value, also if only a line end replaces it; documents have none."""
        if self._comma or (self._before == "value" and self._inside):
            yield ","
        elif self._before == "value":
            yield "\n"
        self._comma = False

    def _rest_of_line(self, start: int, word: str) -> str:
        """Return the unquoted string that begins with a word, or "" if it is a key or a number."""
        if self._before != ":" or _is_value(word):
            return ""
        match = _LINE.match(self._text, start)
        return match[0].rstrip().rstrip(",]}").rstrip() if match else ""


def _is_value(word: str) -> bool:
    return word in _WORDS or any(form.fullmatch(word) for form in (_NUMBER, _WIDE_NUMBER, _ENDLESS))


def _plain(word: str) -> str:
    """Return a word as JSON: a constant, a number, or otherwise a string."""
    if word in _WORDS:
        return _WORDS[word]
    if match := _WIDE_NUMBER.fullmatch(word):
        return f"{match[1].strip('+')}{int(match[2], 16)}"
    if _ENDLESS.fullmatch(word):
        return "NaN" if word.endswith("NaN") else word.lstrip("+")
    if _NUMBER.fullmatch(word):
        return json.dumps(float(word)) if set(word) & set(".eE") else word.lstrip("+").lstrip("0") or "0"
    return json.dumps(_CODED.sub(lambda match: chr(int(match[1], 16)), word))


def _quoted(text: str) -> str:
    if text.startswith(("'''", '"""')):
        return json.dumps(text[3:-3])
    return json.dumps(_ESCAPE.sub(_unescaped, text[1:-1]))


def _unescaped(match: re.Match[str]) -> str:
    digits, letter = match[1] or match[2], match[3]
    return chr(int(digits, 16)) if digits else _LETTERS.get(letter, letter)
