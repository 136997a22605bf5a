"""Find the line of the setting that a fact is about, since parsers of JSON and YAML do not keep the offsets of values.

A setting is found by searching for the text of its value after its key. Facts come in file order, so each fact takes
the next of several equal settings.
"""

from __future__ import annotations

import json

from modelsweep.core import patterns as re
from modelsweep.core.finding import FILE_LINE, Fact
from modelsweep.core.scanner import Blob
from modelsweep.core.units import MIB
from modelsweep.core.values import replace

_MAX_SIZE = MIB
"""Maximum bytes of a text in which settings are located."""
_MAX_FACTS = 200
"""Maximum facts of one file that are located."""
_MAX_OCCURRENCES, _MAX_DISTANCE = 20, 200
"""Maximum occurrences that are checked, and maximum bytes between the start of a key and its value."""
_LINE_IN_PATH = re.compile(r"(?:^| in )line (\d{1,9})$")
_ASSIGNS = re.compile(rb"[\"']?\s{0,8}[:=]")
_INDEX = re.compile(r"\[\d+\]$")
_MIN_VALUE = 3
"""Minimum bytes of a value for which a search is worthwhile."""


class Places:
    """Adds line numbers to the facts of one file."""

    def __init__(self, blob: Blob) -> None:
        from scanners.text import reads_as_text

        with_head = blob.with_head()
        is_text = not blob.locator.members and blob.size <= _MAX_SIZE and reads_as_text(with_head)
        self._data = blob.reader.read(0, blob.size) if is_text else b""
        self._blob, self._left = blob, _MAX_FACTS
        self._next: dict[tuple[str, str], int] = {}

    def with_line(self, fact: Fact) -> Fact:
        """Return `fact` with its line number, if that is found."""
        line = self._line(fact) if self._data and self._left > 0 and fact.locator == self._blob.locator else 0
        return replace(fact, detail={**fact.detail, FILE_LINE: line}) if line else fact

    def _line(self, fact: Fact) -> int:
        path = str(fact.detail.get("path", ""))
        if said := _LINE_IN_PATH.search(path):
            return int(said[1])
        self._left -= 1
        key = _INDEX.sub("", path).rpartition(".")[2]
        value = "" if fact.kind == "template" else fact.value
        at = self._find_value(key, value) if value else self._find_key(key)
        return self._data.count(b"\n", 0, at) + 1 if at >= 0 else 0

    def _find_value(self, key: str, value: str) -> int:
        """Return the offset of a value after its key, else of its first occurrence, or -1 if its text is not there."""
        wanted, name = _as_json(value), key.encode()
        if len(wanted) < _MIN_VALUE:
            return self._find_key(key)
        at = self._next.get((key, value), -1)
        anywhere = -1
        for _ in range(_MAX_OCCURRENCES):
            at = self._data.find(wanted, at + 1)
            if at < 0:
                break
            anywhere = at if anywhere < 0 else anywhere
            if self._data.rfind(name, max(at - _MAX_DISTANCE, 0), at) >= 0:
                self._next[key, value] = at
                return at
        return anywhere

    def _find_key(self, key: str) -> int:
        """Return the offset of the next occurrence of `key` with a colon or an equals sign after it, or -1."""
        name, at = key.encode(), self._next.get((key, ""), -1)
        for _ in range(_MAX_OCCURRENCES if name else 0):
            at = self._data.find(name, at + 1)
            if at < 0:
                break
            if _ASSIGNS.match(self._data, at + len(name)):
                self._next[key, ""] = at
                return at
        return -1


def _as_json(value: str) -> bytes:
    """Return `value` as JSON writes it between quotes, without the ellipsis of a shortened text."""
    return json.dumps(value.removesuffix("…").rstrip(), ensure_ascii=False)[1:-1].encode("utf-8", "replace")
