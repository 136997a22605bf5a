"""The places in a file of raw bytes that the graph beside it takes its tensors from."""

from __future__ import annotations

from modelsweep.core.finding import Fact, Json
from modelsweep.core.locator import Locator
from modelsweep.core.related import WEIGHTS

_ALIGNED = 64
"""Bytes that writers round the beginning of a tensor up to."""
_DIGITS = 19
_KEPT = 1_000_000


class Extents:
    """What a graph takes from one file."""

    def __init__(self) -> None:
        self._places: set[tuple[int, int]] = set()

    def add(self, offset: str, length: str) -> None:
        """Take in a place as it is written; one that is no place in a file is left out."""
        numbers = (offset, length)
        if len(self._places) < _KEPT and all(_is_plain(number) for number in numbers):
            self._places.add((int(offset), int(length)))

    def fact(self, name: str, locator: Locator) -> Fact | None:
        """Return what is said of the file, None where nothing is taken from it."""
        reach = covered = 0
        for offset, length in sorted(self._places):
            covered += max(_rounded(offset + length) - max(offset, _rounded(reach)), 0)
            reach = max(reach, offset + length)
        detail: dict[str, Json] = {"reach": reach, "covered": min(covered, reach)}
        return Fact(WEIGHTS, name, locator, detail=detail) if reach else None


def _rounded(number: int) -> int:
    return -(-number // _ALIGNED) * _ALIGNED


def _is_plain(number: str) -> bool:
    return number.isascii() and number.isdecimal() and len(number) < _DIGITS
