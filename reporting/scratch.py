"""Parts of a document that have to wait for their place in it: in memory while small, else compressed on disk."""

from __future__ import annotations

import errno
import os
import weakref
from array import array
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import TYPE_CHECKING, BinaryIO

from modelsweep.core.units import KIB, MIB

if TYPE_CHECKING:
    from zstandard import ZstdCompressor, ZstdDecompressor

HELD = 1 * MIB
"""Bytes of waiting text that stay in memory."""
PIECE = 128 * KIB
"""Characters that are put away together: thousands of small pieces at once compress well, and have one place."""
LEVEL = -3
"""Reports repeat themselves: at the quickest level of Zstandard they shrink tenfold."""

_NUMBERS = 3
_PLACES = 1_024
"""Extents of one part of which it is held in memory where they are: those of 128 MiB."""
Extent = str | tuple[int, int, int]
"""Text, or where it is: offset, length on disk, and bytes once it is expanded."""


class Scratch:
    """A nameless temporary file for the parts of one document; TMPDIR says where. Raises OSError where it is full."""

    def __init__(self) -> None:
        self._file: BinaryIO | None = None
        self._compressor: ZstdCompressor | None = None
        self._decompressor: ZstdDecompressor | None = None
        self._held = self._end = 0

    def put(self, text: str) -> Extent:
        """Put `text` away and return what `get` takes to have it back."""
        if self._held + len(text) <= HELD:
            self._held += len(text)
            return text
        return self.keep(*self.compressed(text))

    def compressed(self, text: str) -> tuple[bytes, int]:
        """Return `text` as it lies on disk, and how many bytes it has once it is expanded."""
        return self._compressed(text.encode("utf-8", "surrogatepass"))

    def _compressed(self, raw: bytes) -> tuple[bytes, int]:
        if self._compressor is None:
            from zstandard import ZstdCompressor

            self._compressor = ZstdCompressor(LEVEL)
        return self._compressor.compress(raw), len(raw)

    def kept(self, raw: bytes) -> tuple[int, int, int]:
        """Put bytes away, and return what `encoded` takes."""
        return self.keep(*self._compressed(raw))

    def keep(self, data: bytes, size: int) -> tuple[int, int, int]:
        """Put away what `compressed` made of a text, perhaps in another process."""
        if self._file is None:
            import tempfile  # loads what packs and draws lots: for documents that stay in memory, and for none at all

            self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - closed with the last part of the document
            weakref.finalize(self, self._file.close)
        rest = memoryview(data)
        while rest:
            rest = rest[os.pwrite(self._file.fileno(), rest, self._end + len(data) - len(rest)) :]
        extent = (self._end, len(data), size)
        self._end += len(data)
        return extent

    def get(self, extent: Extent) -> str:
        """Return the text that was put away."""
        if isinstance(extent, str):
            return extent
        return str(self.encoded(extent, bytearray(extent[2])), "utf-8", "surrogatepass")

    def encoded(self, place: tuple[int, int, int], room: bytearray) -> memoryview:
        """Return the bytes of text that lies on disk, in `room`: those of a large document are not held anew."""
        if self._decompressor is None:
            from zstandard import ZstdDecompressor

            self._decompressor = ZstdDecompressor()
        assert self._file is not None
        offset, length, size = place
        data = os.pread(self._file.fileno(), length, offset)
        found = memoryview(room if size <= len(room) else bytearray(size))[:size]
        if self._decompressor.stream_reader(data).readinto(found) != size:
            raise OSError(errno.EIO, "a temporary file is not as it was written")
        return found


class Part:
    """Text of one part of a document, in pieces that are given one after the other, `between` standing before each.

    It waits in `scratch`.
    """

    def __init__(self, scratch: Scratch, between: str = "") -> None:
        self.scratch, self._between = scratch, between
        self._held: list[str] = []
        self._length = 0
        self._texts: dict[int, str] = {}
        """Of the extents that stay in memory, by their number."""
        self._places = array("Q")
        """Three numbers for each extent: as a tuple they would take seven times as much, for a few hundred pieces."""
        self._listed: list[tuple[int, int, int]] = []
        """Where in `scratch` such numbers of earlier extents lie, `_PLACES` of them at each."""

    def add(self, piece: str) -> None:
        """Add a piece."""
        self._held.append(piece)
        self._length += len(piece)
        if self._length >= PIECE:
            self.settle()

    def extend(self, pieces: Sequence[str]) -> None:
        """Add pieces."""
        self._held += pieces
        self._length += sum(map(len, pieces))
        if self._length >= PIECE:
            self.settle()

    def text(self) -> Iterator[str]:
        """Yield all of it, `between` standing before each piece but the first."""
        self.settle()
        skipped = len(self._between)
        for extent in self._extents():
            yield self.scratch.get(extent)[skipped:]
            skipped = 0

    def encoded(self) -> Iterator[str | memoryview]:
        """Yield the same, of which what lies on disk comes as bytes of UTF-8, each good until the next is asked for.

        Decoding them and encoding them again would take longer than all else that writing a large document does.
        """
        self.settle()
        skipped, room = len(self._between), bytearray(PIECE)
        for extent in self._extents():
            found = extent if isinstance(extent, str) else self.scratch.encoded(extent, room)
            yield found[skipped:]
            skipped = 0

    def _extents(self) -> Iterator[Extent]:
        number = 0
        for places in chain(map(self._places_at, self._listed), [self._places]):
            for place in range(0, len(places), _NUMBERS):
                offset, length, size = places[place : place + _NUMBERS]
                yield self._texts.get(number, (offset, length, size))
                number += 1

    def _places_at(self, listed: tuple[int, int, int]) -> array[int]:
        return array("Q", bytes(self.scratch.encoded(listed, bytearray(listed[2]))))

    def __bool__(self) -> bool:
        return bool(self._held or self._places or self._listed)

    def settle(self) -> None:
        """Put away what is held."""
        if self._held:
            extent = self.scratch.put(self._between.join(["", *self._held]))
            self._held.clear()
            self._length = 0
            self.append(extent)

    def append(self, extent: Extent) -> None:
        """Add pieces that lie in `scratch` already; `between` stands before each of them."""
        self.settle()
        if isinstance(extent, str):
            self._texts[len(self._listed) * _PLACES + len(self._places) // _NUMBERS] = extent
            extent = (0, 0, 0)
        self._places.extend(extent)
        if len(self._places) == _PLACES * _NUMBERS:
            self._listed.append(self.scratch.kept(self._places.tobytes()))
            del self._places[:]

    def clear(self) -> None:
        """Forget all of it."""
        self._held.clear()
        self._texts.clear()
        del self._places[:]
        self._listed.clear()
        self._length = 0
