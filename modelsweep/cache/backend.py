"""Where entries lie: what SQLite on one machine and Redis for a fleet have in common."""

from __future__ import annotations

from typing import Protocol

from modelsweep.core.units import MIB
from modelsweep.core.values import dataclass

KEY = 32
"""Bytes of a key."""
LARGEST = 8 * MIB
"""Bytes of an entry; what was found in a unit that needs more is not kept."""
AGE = 90 * 24 * 3600
"""Seconds after which an entry that nobody asked for is removed."""
TOUCH = 24 * 3600
"""Seconds that may pass until it is noted that an entry was asked for: else every look would be a write."""


class CacheFault(Exception):
    """The cache cannot be used; the sentence says why. That is never a fault of a scan."""


@dataclass(frozen=True, slots=True)
class Stats:
    """What a cache holds: how many entries, and how many bytes they have of those that it may have."""

    entries: int
    size: int
    limit: int


class Backend(Protocol):
    """Bytes by keys of `KEY` bytes; the ones asked for least recently go first. Everything raises CacheFault."""

    def get(self, key: bytes) -> bytes | None:
        """Return an entry, None where there is none; raises Damaged where it is not what was put."""

    def put(self, key: bytes, data: bytes) -> None:
        """Keep an entry of at most `LARGEST` bytes."""

    def remove(self, key: bytes) -> None:
        """Forget an entry."""

    def stats(self) -> Stats:
        """Return what there is."""

    def clear(self) -> None:
        """Forget everything."""

    def cleanup(self, limit: int | None = None) -> int:
        """Forget what is old, and what is beyond `limit` bytes (None: its own limit); returns how many entries."""

    def close(self) -> None:
        """Give back what it holds."""
