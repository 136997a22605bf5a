"""The ranges in a file of raw bytes that a graph uses for its tensors."""

from __future__ import annotations

from modelsweep.core.finding import Fact, Json
from modelsweep.core.locator import Locator
from modelsweep.core.related import WEIGHTS

_ALIGNMENT = 64
"""Alignment in bytes to which writers round up the start of a tensor."""
_MAX_DIGITS = 19
_MAX_RANGES = 1_000_000


class Extents:
    """The ranges that a graph uses in one file."""

    def __init__(self) -> None:
        self._places: set[tuple[int, int]] = set()

    def add(self, offset: str, length: str) -> None:
        """Add a range given as strings; an invalid one is left out."""
        numbers = (offset, length)
        if len(self._places) < _MAX_RANGES and all(_is_plain(number) for number in numbers):
            self._places.add((int(offset), int(length)))

    def fact(self, name: str, locator: Locator) -> Fact | None:
        """Return the fact about the file, or None if nothing in it is used."""
        reach = covered = 0
        for offset, length in sorted(self._places):
            covered += max(_rounded(offset + length) - max(offset, _rounded(reach)), 0)
            reach = max(reach, offset + length)
        detail: dict[str, Json] = {"reach": reach, "covered": min(covered, reach)}
        return Fact(WEIGHTS, name, locator, detail=detail) if reach else None


def _rounded(number: int) -> int:
    return -(-number // _ALIGNMENT) * _ALIGNMENT


def _is_plain(number: str) -> bool:
    return number.isascii() and number.isdecimal() and len(number) < _MAX_DIGITS
