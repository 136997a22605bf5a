"""Random access to bytes: the only view of a file that a scanner has."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol

from modelsweep.core.units import MIB

WINDOW = MIB


class Truncated(Exception):
    """Bytes were asked for that lie beyond the end: `offset` and `length` of the request, `size` of what there is."""

    def __init__(self, offset: int, length: int, size: int) -> None:
        super().__init__(f"{length} bytes at offset {offset} are beyond the end ({size} bytes)")
        self.offset, self.length, self.size = offset, length, size


class SourceFault(Exception):
    """The place the bytes come from failed: unreadable, vanished, refused, cut off."""


class ContentChanged(SourceFault):
    """The object is no longer the one that was listed or opened."""


class Reader(Protocol):
    """Bytes at offsets; every method returns bytes objects, never a view that outlives the call."""

    def __hash__(self) -> int:
        """Return what tells it from other readers, those of the same bytes as well."""

    @property
    def size(self) -> int:
        """Bytes there are."""

    @property
    def is_parallel(self) -> bool:
        """Whether one thread may go over `windows` while another one reads."""

    def read(self, offset: int, length: int) -> bytes:
        """Return exactly `length` bytes; raises Truncated where they are not there, SourceFault where reading fails."""

    def find(self, needle: bytes, start: int = 0, stop: int | None = None) -> int:
        """Return the offset of the first `needle` wholly inside [start, stop), or -1."""

    def windows(self, size: int = WINDOW, overlap: int = 0) -> Iterator[bytes]:
        """Yield all bytes in order, `size` at a time, each window followed by up to `overlap` bytes of the next."""

    def close(self) -> None:
        """Give back what the reader holds."""


def check_range(offset: int, length: int, size: int) -> None:
    """Raise Truncated unless [offset, offset + length) lies within `size` bytes."""
    if offset < 0 or length < 0 or offset + length > size:
        raise Truncated(offset, length, size)


def find_in_windows(reader: Reader, needle: bytes, start: int, stop: int | None) -> int:
    """Find `needle` by reading window after window: for readers that have no quicker way."""
    stop = reader.size if stop is None else min(stop, reader.size)
    keep = len(needle) - 1
    position = max(start, 0)
    while position + keep < stop:
        chunk = reader.read(position, min(WINDOW + keep, stop - position))
        found = chunk.find(needle)
        if found >= 0:
            return position + found
        position += WINDOW
    return -1


def read_windows(reader: Reader, size: int, overlap: int) -> Iterator[bytes]:
    """Yield the windows of `reader` through its `read`: for readers that have no quicker way."""
    for offset in range(0, reader.size, size):
        yield reader.read(offset, min(size + overlap, reader.size - offset))


class MemoryReader:
    """A reader of bytes that are in memory."""

    __slots__ = ("_data", "size")

    def __init__(self, data: bytes) -> None:
        self._data, self.size = data, len(data)

    @property
    def is_parallel(self) -> bool:
        """Bytes in memory can be read by any number of threads."""
        return True

    def read(self, offset: int, length: int) -> bytes:
        """Return exactly `length` bytes at `offset`; raises Truncated."""
        stop = offset + length
        if offset < 0 or length < 0 or stop > self.size:
            raise Truncated(offset, length, self.size)
        return self._data[offset:stop]

    def find(self, needle: bytes, start: int = 0, stop: int | None = None) -> int:
        """Return the offset of the first `needle` wholly inside [start, stop), or -1."""
        start, stop = max(start, 0), None if stop is None else max(stop, 0)
        if self._data.rfind(needle, start, stop) < 0:  # mostly so, and several times as quick in CPython
            return -1
        return self._data.find(needle, start, stop)

    def windows(self, size: int = WINDOW, overlap: int = 0) -> Iterator[bytes]:
        """Yield all bytes in order, `size` at a time."""
        return read_windows(self, size, overlap)

    def close(self) -> None:
        """Drop the bytes."""
        self._data, self.size = b"", 0


def at_hand(reader: Reader) -> Reader:
    """Return a reader of the same bytes, which are in memory where they are few: for whoever makes many small reads."""
    if reader.size > WINDOW or isinstance(reader, MemoryReader):
        return reader
    return MemoryReader(reader.read(0, reader.size))


class WindowReader:
    """A reader of `size` bytes of another reader from `start`: a stored archive member, a tensor, a stream.

    Raises Truncated where the window is not wholly inside its parent. Closing it leaves the parent open.
    """

    __slots__ = ("_read", "_start", "parent", "size", "start")

    def __init__(self, parent: Reader, start: int, size: int) -> None:
        check_range(start, size, parent.size)
        self.parent, self.start, self.size = parent, start, size
        self._read: Callable[[int, int], bytes] = parent.read
        self._start = start
        if isinstance(parent, WindowReader):  # a window of windows reads from what is behind them all
            self._read, self._start = parent._read, parent._start + start

    @property
    def is_parallel(self) -> bool:
        """As its parent is read."""
        return self.parent.is_parallel

    def read(self, offset: int, length: int) -> bytes:
        """Return exactly `length` bytes at `offset` of the window; raises Truncated."""
        if offset < 0 or length < 0 or offset + length > self.size:
            raise Truncated(offset, length, self.size)
        return self._read(self._start + offset, length)

    def find(self, needle: bytes, start: int = 0, stop: int | None = None) -> int:
        """Return the offset within the window of the first `needle` wholly inside [start, stop), or -1."""
        stop = self.size if stop is None else min(stop, self.size)
        found = self.parent.find(needle, self.start + max(start, 0), self.start + stop)
        return found - self.start if found >= 0 else -1

    def windows(self, size: int = WINDOW, overlap: int = 0) -> Iterator[bytes]:
        """Yield all bytes in order, `size` at a time."""
        return read_windows(self, size, overlap)

    def close(self) -> None:
        """Do nothing: the parent's owner closes it."""
