"""Select the scanners to try on a blob, by its first byte and its name, which most formats prescribe."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from modelsweep.core.scanner import NUMBERED, Blob, Scanner, ends_with, is_plain

_NUMBER_CHARACTERS = ".0123456789"
_MAX_CACHED = 8_192
"""Maximum cached answers. Hostile names cannot fill the cache: all names that no scanner knows share one entry."""


class Recognition:
    """Selects the scanners that may accept a blob: all whose `signs` do not rule out its first byte, suffix and name.

    The result is the same as if every scanner were tried, also for polyglots.
    """

    def __init__(self, scanners: Sequence[Scanner]) -> None:
        self.scanners = scanners
        signs = [scanner.signs for scanner in scanners if scanner.signs]
        self._suffixes = frozenset(suffix for sign in signs for suffix in sign.suffixes)
        self._names = frozenset(name for sign in signs for name in sign.names)
        self._known: dict[tuple[bytes, str, str], _Candidates] = {}

    def candidates(self, blob: Blob) -> list[Scanner]:
        """Return the scanners to try on `blob`, in order."""
        where = blob.locator
        suffix, name = where.suffix, where.name
        if name not in self._names:
            name = "" if name.strip(_NUMBER_CHARACTERS) else NUMBERED
        key = (blob.head[:1], suffix if suffix in self._suffixes else "", name)
        found = self._known.get(key)
        if found is None:
            found = _candidates(self.scanners, *key)
            if len(self._known) < _MAX_CACHED:
                self._known[key] = found
        holds = found.evaluate(blob)
        return [scanner for scanner, place in found.scanners if holds[place]]


class _Condition(NamedTuple):
    """Conditions beyond first byte, suffix and name that a blob must meet before a scanner is tried on it."""

    plain: bool = False
    at: tuple[tuple[int, tuple[bytes, ...]], ...] = ()
    ends: tuple[bytes, ...] = ()
    words: tuple[bytes, ...] = ()


_ALWAYS = _Condition()


class _Candidates(NamedTuple):
    """Scanners with the index of their condition, which several may share.

    `at` holds for each offset the bytes that any condition expects there, then those of each condition. `others` are
    the conditions that do not depend on bytes at an offset alone. `holds` tells which conditions are always true.
    """

    scanners: tuple[tuple[Scanner, int], ...]
    holds: tuple[bool, ...]
    others: tuple[tuple[int, _Condition], ...]
    at: tuple[tuple[int, tuple[bytes, ...], tuple[tuple[tuple[bytes, ...], int], ...]], ...]

    def evaluate(self, blob: Blob) -> list[bool]:
        """Return whether each condition holds for `blob`."""
        holds = list(self.holds)
        head = blob.head
        starts = head.startswith
        for offset, together, each in self.at:
            if starts(together, offset):
                for values, place in each:
                    holds[place] = holds[place] or starts(values, offset)
        for place, condition in self.others:
            if condition.plain and not is_plain(head):
                holds[place] = False
            elif not holds[place]:
                # `rfind` is several times faster than `in` in CPython when there is no match
                found = any(head.rfind(word) >= 0 for word in condition.words)
                holds[place] = found or (bool(condition.ends) and ends_with(blob, condition.ends))
        return holds


def _candidates(scanners: Sequence[Scanner], first: bytes, suffix: str, name: str) -> _Candidates:
    places: dict[_Condition, int] = {}
    found = [(scanner, _condition(scanner, first, suffix, name)) for scanner in scanners]
    candidates = tuple(
        (scanner, places.setdefault(condition, len(places))) for scanner, condition in found if condition
    )
    by_offset: dict[int, list[tuple[tuple[bytes, ...], int]]] = {}
    for condition, place in places.items():
        for offset, values in condition.at:
            by_offset.setdefault(offset, []).append((values, place))
    at = (
        (offset, tuple(value for values, _ in each for value in values), tuple(each))
        for offset, each in by_offset.items()
    )
    holds = tuple(not (condition.at or condition.ends or condition.words) for condition in places)
    others = tuple(
        (place, condition)
        for condition, place in places.items()
        if condition.plain or condition.ends or condition.words
    )
    return _Candidates(candidates, holds, others, tuple(at))


def _condition(scanner: Scanner, first: bytes, suffix: str, name: str) -> _Condition | None:
    """Return the condition for trying `scanner` on such blobs, or None if it never accepts them."""
    signs = scanner.signs
    if signs is None:
        return _ALWAYS
    if bool(first and first in signs.first) or suffix in signs.suffixes or name in signs.names:
        return _Condition(signs.plain)
    if signs.at or signs.ends or signs.holds:
        return _Condition(signs.plain, signs.at, signs.ends, signs.holds)
    return _Condition(plain=True) if signs.plain and not (signs.first or signs.suffixes or signs.names) else None


class _Latest:
    """The recognition used for the last unit, which the next unit most likely uses too."""

    recognition = Recognition(())


def recognition_with(scanners: Sequence[Scanner]) -> Recognition:
    """Return the recognition for `scanners`, cached while they stay the same."""
    found = _Latest.recognition
    if found.scanners is not scanners:
        found = _Latest.recognition = Recognition(scanners)
    return found
