"""Random access to remote bytes by ranges: few requests, bounded memory, one cache of blocks per object."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator

from modelsweep.core.reader import WINDOW, SourceFault, check_range, find_in_windows
from modelsweep.core.units import KIB, MIB
from sources.source import Fetch

BLOCK = 128 * KIB
CACHED = 16 * MIB
"""Bytes of blocks kept."""
WHOLE = MIB
"""Objects up to this size are fetched in one request."""
AHEAD = 8 * MIB
"""Bytes per request where windows are read one after another."""


class RangedReader:
    """A reader of the `size` bytes that `fetch` gives by range; `requests` and `fetched` (bytes) say what that cost."""

    __slots__ = ("_block", "_blocks", "_fetch", "_size", "fetched", "requests")

    def __init__(self, fetch: Fetch, size: int) -> None:
        self._fetch, self._size = fetch, size
        self._block = BLOCK if size > WHOLE else WHOLE
        self._blocks: OrderedDict[int, bytes] = OrderedDict()
        self.requests = self.fetched = 0

    @property
    def size(self) -> int:
        """Bytes there are."""
        return self._size

    @property
    def is_parallel(self) -> bool:
        """One request follows the other."""
        return False

    def read(self, offset: int, length: int) -> bytes:
        """Return exactly `length` bytes at `offset`; raises Truncated, SourceFault."""
        check_range(offset, length, self._size)
        if not length:
            return b""
        first, last = offset // self._block, (offset + length - 1) // self._block
        if (last - first + 1) * self._block > CACHED:
            return self._request(offset, length)
        blocks = self._need(first, last)
        start = offset - first * self._block
        return b"".join(blocks)[start : start + length] if len(blocks) > 1 else blocks[0][start : start + length]

    def _need(self, first: int, last: int) -> list[bytes]:
        """Return the blocks from `first` to `last`; what is missing of them is fetched in one request."""
        missing = [number for number in range(first, last + 1) if number not in self._blocks]
        if missing:
            start = missing[0] * self._block
            data = self._request(start, min((missing[-1] + 1) * self._block, self._size) - start)
            for number in range(missing[0], missing[-1] + 1):
                self._blocks[number] = data[number * self._block - start :][: self._block]
        for number in range(first, last + 1):
            self._blocks.move_to_end(number)
        blocks = [self._blocks[number] for number in range(first, last + 1)]
        while len(self._blocks) * self._block > CACHED:
            self._blocks.popitem(last=False)
        return blocks

    def _request(self, offset: int, length: int) -> bytes:
        try:
            data = self._fetch(offset, length)
        except OSError as error:
            raise SourceFault(f"fetching {length:,} bytes at offset {offset:,} failed: {error}") from error
        self.requests += 1
        self.fetched += len(data)
        if len(data) != length:
            raise SourceFault(f"asked for {length:,} bytes at offset {offset:,}, was given {len(data):,}")
        return data

    def find(self, needle: bytes, start: int = 0, stop: int | None = None) -> int:
        """Return the offset of the first `needle` wholly inside [start, stop), or -1; fetches what it searches."""
        return find_in_windows(self, needle, start, stop)

    def windows(self, size: int = WINDOW, overlap: int = 0) -> Iterator[bytes]:
        """Yield all bytes in order, `size` at a time; a large object is fetched `AHEAD` bytes at once, uncached.

        Requests follow each other without a gap, so that whoever serves them can fetch the next one ahead.
        """
        span, start, end = b"", 0, 0
        while start < self._size:
            needed = min(start + size + overlap, self._size)
            if end < needed:
                length = min(max(AHEAD, needed - end), self._size - end)
                span += self.read(end, length) if self._size <= WHOLE else self._request(end, length)
                end += length
            offset = 0
            while start < self._size and min(start + size + overlap, self._size) <= end:
                yield span[offset : offset + size + overlap]
                start, offset = start + size, offset + size
            span = span[offset:]

    def close(self) -> None:
        """Drop the cached blocks."""
        self._blocks.clear()
