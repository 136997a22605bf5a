"""A spool that keeps everything in memory, for tests of scanners without files."""

from __future__ import annotations

from collections.abc import Iterable

from modelsweep.core.reader import MemoryReader


def memory_spool(chunks: Iterable[bytes]) -> MemoryReader:
    """Return a reader of all `chunks`."""
    return MemoryReader(b"".join(chunks))
