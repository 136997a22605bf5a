"""The bytes of a file that somebody attaches to a report: opened without waiting, and read once, to be hashed."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from hashlib import sha256
from typing import BinaryIO

from modelsweep.core.units import GIB, KIB, MIB, format_size

LARGEST = 1 * GIB
"""Bytes of one file."""
WHOLE = 8 * MIB
"""Bytes that are read at once: of a larger file, only lines are looked at."""
LINE = 4 * MIB
"""Bytes of a line that is looked at."""
_PIECE = 256 * KIB
_READ = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY


def opened(path: str) -> BinaryIO:
    """Open a regular file, or one that a link names; raises OSError, and ValueError for anything else.

    It never waits, as a pipe would make it that nobody writes to.
    """
    descriptor = os.open(path, _READ)
    try:
        mode = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(mode):
            raise ValueError("it is a folder: name the files in it" if stat.S_ISDIR(mode) else "not a regular file")
        return open(descriptor, "rb", buffering=0)
    except BaseException:
        os.close(descriptor)
        raise


class Content:
    """The bytes of a file, counted and hashed as they are read, once; reading raises ValueError for too many.

    `head` has those that are read at once, which are all of them if `is_whole`.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream, self._hash = stream, sha256()
        self.size = 0
        self.head = b"".join(self._read(WHOLE))
        self.is_whole = len(self.head) < WHOLE

    @property
    def digest(self) -> str:
        """The SHA-256 of what was read so far, in hex."""
        return self._hash.hexdigest()

    def lines(self) -> Iterator[bytes | None]:
        """Yield all lines, None for one that is too long."""
        pending, is_long = b"", False
        for piece in self._pieces():
            *ended, pending = (pending + piece).split(b"\n")
            for line in ended:
                yield None if is_long or len(line) > LINE else line
                is_long = False
            if len(pending) > LINE:
                pending, is_long = b"", True
        if pending or is_long:
            yield None if is_long else pending

    def drain(self) -> None:
        """Read the rest."""
        for _ in self._read(LARGEST + 1):
            pass

    def _pieces(self) -> Iterator[bytes]:
        for start in range(0, len(self.head), _PIECE):
            yield self.head[start : start + _PIECE]
        yield from self._read(LARGEST + 1)

    def _read(self, length: int) -> Iterator[bytes]:
        """Yield the next bytes, piece by piece: `length`, or as many as there are."""
        while length > 0 and (piece := self._stream.read(min(length, _PIECE))):
            length -= len(piece)
            self.size += len(piece)
            if self.size > LARGEST:
                raise ValueError(f"it is larger than {format_size(LARGEST)}")
            self._hash.update(piece)
            yield piece
