"""Random access to an open regular file: what a sandboxed child reads, and what spooled bytes are read from.

There is no memory map. Measured on 1 GiB in the page cache: small reads in order cost 0.18 µs here and 0.15 µs mapped,
`find` runs at 6.8 GB/s here and 4.0 mapped, and a map makes the file resident and dies of SIGBUS when it is truncated.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import NamedTuple

from modelsweep.core.reader import WINDOW, ContentChanged, SourceFault, check_range, find_in_windows
from modelsweep.core.units import KIB

BLOCK = 32 * KIB
"""Bytes read at once where small reads follow each other."""
PAGE = 4 * KIB
"""Bytes read at once where they do not."""


class FileState(NamedTuple):
    """What tells an open file from a changed one; being replaced or removed alters the status change time."""

    size: int
    modified: int
    status_changed: int

    @property
    def stamp(self) -> str:
        """What a copy of the file on another machine has in common with it, as text."""
        return f"{self.size}-{self.modified // 10**9}"

    @classmethod
    def of(cls, descriptor: int) -> FileState:
        """Return the present state of an open file; times are in nanoseconds. Raises SourceFault."""
        try:
            found = os.fstat(descriptor)
        except OSError as error:
            raise SourceFault(f"the file cannot be examined: {error.strerror}") from error
        return cls(found.st_size, found.st_mtime_ns, found.st_ctime_ns)


class FileReader:
    """A reader of the regular file that `descriptor` is open on, as large as it was then; it owns the descriptor.

    Call `check_unchanged` once the examination is over: what was read before a change and after it is no one file.
    """

    __slots__ = ("_buffer", "_descriptor", "_start", "_state")

    def __init__(self, descriptor: int) -> None:
        self._state = FileState.of(descriptor)
        self._descriptor = descriptor
        self._buffer, self._start = b"", 0

    @property
    def size(self) -> int:
        """Bytes there were when the reader was made."""
        return self._state.size

    @property
    def is_parallel(self) -> bool:
        """Windows are read past the buffer of small reads."""
        return True

    @property
    def stamp(self) -> str:
        """What tells the file from a changed one, on other machines too."""
        return self._state.stamp

    def read(self, offset: int, length: int) -> bytes:
        """Return exactly `length` bytes at `offset`; raises Truncated, SourceFault, ContentChanged where it shrank."""
        start = offset - self._start
        if start >= 0 and 0 <= length <= len(self._buffer) - start:
            return self._buffer[start : start + length]
        check_range(offset, length, self._state.size)
        if length >= BLOCK:
            return self._pread(offset, length)
        ahead = BLOCK if 0 <= start - len(self._buffer) < BLOCK else PAGE
        self._buffer = self._pread(offset, min(max(length, ahead), self._state.size - offset))
        self._start = offset
        return self._buffer[:length]

    def _pread(self, offset: int, length: int) -> bytes:
        try:
            data = os.pread(self._descriptor, length, offset)
            while len(data) < length:
                # One call returns at most 2 GiB
                more = os.pread(self._descriptor, length - len(data), offset + len(data))
                if not more:
                    raise ContentChanged(f"the file shrank to {offset + len(data):,} bytes while it was examined")
                data += more
        except OSError as error:
            raise SourceFault(f"reading at offset {offset:,} failed: {error.strerror}") from error
        return data

    def find(self, needle: bytes, start: int = 0, stop: int | None = None) -> int:
        """Return the offset of the first `needle` wholly inside [start, stop), or -1."""
        return find_in_windows(self, needle, start, stop)

    def windows(self, size: int = WINDOW, overlap: int = 0) -> Iterator[bytes]:
        """Yield all bytes in order, `size` at a time.

        The position of the file, at which nothing is read here, moves along: whoever shares it sees how far this is.
        """
        for offset in range(0, self.size, size):
            if offset:
                os.lseek(self._descriptor, offset, os.SEEK_SET)
            yield self._pread(offset, min(size + overlap, self.size - offset))

    def check_unchanged(self) -> None:
        """Raise ContentChanged where the file was written, truncated, replaced or removed since the reader was made."""
        now = FileState.of(self._descriptor)
        if now.size != self.size:
            raise ContentChanged(
                f"the size of the file changed from {self.size:,} to {now.size:,} bytes while it was examined"
            )
        if now != self._state:
            raise ContentChanged("the file was written, replaced or removed while it was examined")

    def close(self) -> None:
        """Close the descriptor; reading afterwards raises SourceFault."""
        descriptor, self._descriptor = self._descriptor, -1
        self._buffer = b""
        if descriptor >= 0:
            os.close(descriptor)
