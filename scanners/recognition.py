"""Which scanners to ask of a blob: most formats begin with a byte of their own, or go by a name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from modelsweep.core.scanner import Blob, Scanner, is_plain

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
        self._known: dict[tuple[bytes, str, str], tuple[tuple[Scanner, _Unsure], ...]] = {}

    def asked(self, blob: Blob) -> Iterator[Scanner]:
        """Yield the scanners to ask of `blob`, in their order."""
        where = blob.locator
        suffix, name = where.suffix, where.name
        key = (blob.head[:1], suffix if suffix in self._suffixes else "", name if name in self._names else "")
        found = self._known.get(key)
        if found is None:
            found = tuple(
                (scanner, unsure) for scanner in self.scanners if (unsure := _unsure(scanner, *key)) is not None
            )
            if len(self._known) < _KEPT:
                self._known[key] = found
        for scanner, unsure in found:
            if unsure is _SURE or all(shown(blob) for shown in unsure):
                yield scanner


_Unsure = tuple[Callable[[Blob], bool], ...]
"""What has to hold of a blob besides first byte, suffix and name, for a scanner to be asked of it."""
_SURE: _Unsure = ()


def _unsure(scanner: Scanner, first: bytes, suffix: str, name: str) -> _Unsure | None:
    """Return what has to be looked at before a scanner is asked of such blobs, None where it never accepts one."""
    signs = scanner.signs
    if signs is None:
        return _SURE
    plain: _Unsure = (_is_plain,) if signs.plain else _SURE
    if bool(first and first in signs.first) or suffix in signs.suffixes or name in signs.names:
        return plain
    if signs.at or signs.ends:
        return (*plain, signs.are_inside)
    return plain if plain and not (signs.first or signs.suffixes or signs.names) else None


def _is_plain(blob: Blob) -> bool:
    return is_plain(blob.head)


class _Latest:
    """What the last unit was recognised with: the next one most likely is, too."""

    recognition = Recognition(())


def recognition_with(scanners: Sequence[Scanner]) -> Recognition:
    """Return what recognises with `scanners`, remembered as long as they are the same."""
    found = _Latest.recognition
    if found.scanners is not scanners:
        found = _Latest.recognition = Recognition(scanners)
    return found
