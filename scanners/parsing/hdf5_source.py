"""A file object for libhdf5 over a reader, without objects that make the library loop forever.

A global heap (https://support.hdfgroup.org/documentation/hdf5/latest/_f_m_t3.html, III.E) is a sequence of objects. The
library steps over them by the size that each declares, so an object of size zero causes an endless loop. Therefore
heaps are checked before they are passed on, and such an object ends its heap.
"""

from __future__ import annotations

from modelsweep.core.limits import OverLimit
from modelsweep.core.reader import Reader, SourceFault
from modelsweep.core.scanner import Malformed
from modelsweep.core.units import MIB
from scanners.parsing.hdf5_header import text_length

SIGNATURE = b"\x89HDF\r\n\x1a\n"
_HEAP = b"GCOL"
_HEADER = 16
"""Bytes of the header of a heap, and of each object's header, with lengths of eight bytes."""
_LENGTHS = 8
_ALIGNMENT = 8
_WRAPS = 1 << 64
_MAX_HEAP = 64 * MIB
"""Maximum bytes of a heap that is checked; the library writes heaps of 4 KiB, and larger ones for one large object."""


class Hdf5Source:
    """The part of a Python file's interface that h5py uses; `fault` is the error that libhdf5 hides in its own."""

    def __init__(self, reader: Reader, start: int, most: int) -> None:
        """Read from `reader`, whose superblock is at `start`, at most `most` bytes at once."""
        self._reader, self._position, self._most = reader, 0, most
        self.fault: SourceFault | OverLimit | None = None
        self.endless: Malformed | None = None
        """The error for the first object with which the library would have looped."""
        self._checked: set[int] = set()
        self._replaced: dict[int, bytes] = {}
        head = reader.read(start, min(16, reader.size - start)).ljust(16, b"\0")
        self._checks = head[14 if head[8] < 2 else 10] == _LENGTHS
        self._base = start if self._checks and head[13 if head[8] < 2 else 9] == _LENGTHS else None

    def seek(self, offset: int, whence: int = 0) -> int:
        """Move to `offset` from the start, the position or the end."""
        self._position = offset + (0, self._position, self._reader.size)[whence]
        return self._position

    def tell(self) -> int:
        """Return the position."""
        return self._position

    def read(self, length: int = -1) -> bytes:
        """Return up to `length` bytes, or all remaining ones if it is negative; raises SourceFault and OverLimit."""
        left = max(0, self._reader.size - self._position)
        length = left if length < 0 else min(length, left)
        try:
            if length > self._most:
                raise OverLimit(f"{length:,} bytes of structure at once: more than may be held in memory")
            data = self._reader.read(self._position, length)
            self._check(data)
        except (SourceFault, OverLimit) as fault:
            self.fault = fault
            raise
        if self._replaced:
            data = self._with_replacements(data)
        self._position += len(data)
        return data

    def readinto(self, buffer: memoryview) -> int:
        """Fill `buffer` with available bytes, and return their number."""
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def text_length(self, header: int, name: bytes) -> int:
        """Return the declared length of the string in an attribute of the object at `header`, or 0 if unknown."""
        return 0 if self._base is None else text_length(self._reader, self._base, header, name)

    def flush(self) -> None:
        """Do nothing: nothing is written."""

    def _check(self, data: bytes) -> None:
        """Check the heaps that begin in `data`."""
        found = data.find(_HEAP) if self._checks else -1
        while found >= 0:
            start = self._position + found
            if start not in self._checked:
                self._checked.add(start)
                self._check_heap(start)
            found = data.find(_HEAP, found + 1)

    def _check_heap(self, start: int) -> None:
        """Step through the objects of a heap like libhdf5, and replace one that would make it loop."""
        if self._reader.size - start < _HEADER:
            return
        size = int.from_bytes(self._reader.read(start + 8, 8), "little")
        if size > min(_MAX_HEAP, self._reader.size - start):
            return  # the library rejects a heap beyond the end of the file; a large heap has one object
        heap = self._reader.read(start, size)
        at = _HEADER
        while at + _HEADER <= size:
            length = int.from_bytes(heap[at + 8 : at + 16], "little")
            if heap[at : at + 2] != b"\0\0":
                length = _HEADER + -(-length // _ALIGNMENT) * _ALIGNMENT
            if length % _WRAPS == 0:
                detail = "a global heap holds an object of no size, over which HDF5 does not get on"
                self.endless = self.endless or Malformed(detail, start + at)
                self._replaced[start + at] = bytes(8) + (size - at).to_bytes(8, "little")  # free space up to its end
                return
            at += length

    def _with_replacements(self, data: bytes) -> bytes:
        """Return the data at the current position, with objects replaced."""
        mended = bytearray(data)
        for offset, header in self._replaced.items():
            for at, byte in enumerate(header, offset - self._position):
                if 0 <= at < len(mended):
                    mended[at] = byte
        return bytes(mended)
