"""Which scanners to ask of a blob: most formats begin with a byte of their own, or go by a name."""

from __future__ import annotations

from collections.abc import Sequence

from modelsweep.core.scanner import Blob, Scanner

_KEPT = 8_192
"""Answers that are remembered; hostile names cannot make more, since those that no scanner knows count as none."""


class Recognition:
    """The scanners that may accept a blob, by its first byte, suffix and name: all whose `signs` do not rule it out.

    So the one that is right is found as if all had been asked, and every nature of a polyglot, too.
    """

    def __init__(self, scanners: Sequence[Scanner]) -> None:
        self.scanners = scanners
        signs = [scanner.signs for scanner in scanners if scanner.signs]
        self._suffixes = frozenset(suffix for sign in signs for suffix in sign.suffixes)
        self._names = frozenset(name for sign in signs for name in sign.names)
        self._known: dict[tuple[bytes, str, str], tuple[Scanner, ...]] = {}

    def asked(self, blob: Blob) -> tuple[Scanner, ...]:
        """Return the scanners to ask of `blob`, in their order."""
        where = blob.locator
        suffix, name = where.suffix, where.name
        key = (blob.head[:1], suffix if suffix in self._suffixes else "", name if name in self._names else "")
        found = self._known.get(key)
        if found is None:
            found = tuple(scanner for scanner in self.scanners if _may_accept(scanner, *key))
            if len(self._known) < _KEPT:
                self._known[key] = found
        return found


def _may_accept(scanner: Scanner, first: bytes, suffix: str, name: str) -> bool:
    signs = scanner.signs
    if signs is None:
        return True
    return bool(first and first in signs.first) or suffix in signs.suffixes or name in signs.names


class _Latest:
    """What the last unit was recognised with: the next one most likely is, too."""

    recognition = Recognition(())


def recognition_with(scanners: Sequence[Scanner]) -> Recognition:
    """Return what recognises with `scanners`, remembered as long as they are the same."""
    found = _Latest.recognition
    if found.scanners is not scanners:
        found = _Latest.recognition = Recognition(scanners)
    return found
