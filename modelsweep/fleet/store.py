"""Where pages, results and reports of a job lie: objects by name, each written whole or not at all.

A name is `a/b/c` of letters, digits, `.`, `_` and `-`. A prefix is a folder or a whole name: `jobs/4` is not one of
`jobs/42/pages/0`. Every trouble is a StoreFault that names the object.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

from modelsweep.core.text import printable
from modelsweep.core.units import MIB

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

LARGEST = 512 * MIB
"""Bytes that `get` returns at once; what is larger is read by `reader`."""
PIECE = MIB
"""Bytes that a writer collects before it sends them on."""
_LONGEST = 1000
_NAME = re.compile(r"(?:[A-Za-z0-9_-][A-Za-z0-9._-]{0,199}/)*[A-Za-z0-9_-][A-Za-z0-9._-]{0,199}")
_CREDENTIALS = re.compile(r"//[^/@]*@")


class StoreFault(Exception):
    """The store cannot do what was asked; `name` is the object, the sentence says why."""

    def __init__(self, name: str, detail: str) -> None:
        super().__init__(f"{printable(name, 300)}: {detail}")
        self.name, self.detail = name, detail


class Absent(StoreFault):
    """There is no object of that name."""

    def __init__(self, name: str) -> None:
        super().__init__(name, "not in the store")


class Store(Protocol):
    """Objects by name; all methods raise StoreFault."""

    def put(self, name: str, data: bytes, *, durable: bool = True) -> None:
        """Store `data` as a whole; another object of that name is replaced at once.

        What is not `durable` a machine that loses power may lose, or cut, until somebody called `settle`: for objects
        whose readers know what they have to be, and have them made again.
        """

    def settle(self) -> None:
        """Wait until a loss of power costs nothing any more of what was put on this machine, by any process."""

    def get(self, name: str) -> bytes:
        """Return an object of at most `LARGEST` bytes; raises Absent."""

    def exists(self, name: str) -> bool:
        """Return whether there is an object of that name."""

    def list(self, prefix: str = "") -> Iterator[str]:
        """Yield the names at or below `prefix` in the order of their bytes; nothing where there is none."""

    def delete(self, prefix: str) -> None:
        """Remove all objects at or below `prefix`; removing none is no fault."""

    def writer(self, name: str) -> AbstractContextManager[BinaryIO]:
        """Open an object for writing; it appears when the block ends, and not at all where that raises."""

    def reader(self, name: str) -> AbstractContextManager[BinaryIO]:
        """Open an object of any size for reading from its start; raises Absent."""


def shown(uri: str) -> str:
    """Return a store's address without user and password, fit to be said."""
    return printable(_CREDENTIALS.sub("//", uri), 300)


def checked(name: str) -> str:
    """Return `name` where it is one; raises StoreFault for what might leave the store or collide within it."""
    if len(name) > _LONGEST or not _NAME.fullmatch(name):
        raise StoreFault(
            name, "no name of an object: a/b/c of letters, digits, '.', '_' and '-', none beginning with '.'"
        )
    return name


def checked_prefix(prefix: str) -> str:
    """Return `prefix` without a slash at its end; raises StoreFault. Nothing is the prefix of everything."""
    return checked(prefix.removesuffix("/")) if prefix else ""


class Pieces(io.RawIOBase):
    """A stream that hands what is written to `send`, `size` bytes or more at a time; those that come at once as is."""

    def __init__(self, send: Callable[[bytes | memoryview], None], size: int = PIECE) -> None:
        self._send, self._size = send, size
        self._held: list[bytes] = []
        self._length = 0

    def writable(self) -> bool:
        """Return that it is."""
        return True

    def write(self, data: ReadableBuffer, /) -> int:
        """Take all of `data`."""
        if isinstance(data, memoryview) and len(data) >= self._size and not self._held:
            self._send(data)
            return len(data)
        piece = bytes(data)  # itself, where it is such
        self._held.append(piece)
        self._length += len(piece)
        if self._length >= self._size:
            self.send_rest()
        return len(piece)

    def send_rest(self) -> None:
        """Hand on what is still held, also after the stream was closed by a text layer above it."""
        data = self._held[0] if len(self._held) == 1 else b"".join(self._held)
        self._held.clear()
        self._length = 0
        if data:
            self._send(data)


class Stretch(io.RawIOBase):
    """The bytes of one object by ranges."""

    def __init__(self, read: Callable[[int, int], bytes], size: int) -> None:
        self._read, self._size, self._offset = read, size, 0

    def readable(self) -> bool:
        """Return that it is."""
        return True

    def readinto(self, buffer: Any, /) -> int:
        """Read the next bytes into `buffer`; raises StoreFault."""
        length = min(len(buffer), self._size - self._offset)
        data = self._read(self._offset, length) if length else b""
        buffer[: len(data)] = data
        self._offset += len(data)
        return len(data)
