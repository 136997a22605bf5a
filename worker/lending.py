"""Lends remote objects to sandboxed children: a child asks for ranges over a socket, a thread here fetches them.

So bytes reach the child through the supervisor, which has the credentials and the network; the child has neither. A
request is `offset, length`, an answer `status, length` and as many bytes, all numbers little-endian. What a child asks
for is not believed: ranges lie within the object, and all of them together are bounded.
"""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable
from contextlib import suppress

from modelsweep.core.reader import ContentChanged, SourceFault
from modelsweep.core.text import printable
from modelsweep.core.units import MIB, format_size
from modelsweep.core.values import dataclass
from sources.ranged import AHEAD, CACHED, WHOLE
from sources.source import Fetch, OpenedObject
from worker.channel import Closed, exactly

_REQUEST = struct.Struct("<QQ")
_ANSWER = struct.Struct("<BQ")
_GIVEN, _FAULT, _CHANGED = 0, 1, 2
_FAULTS: dict[int, type[SourceFault]] = {_FAULT: SourceFault, _CHANGED: ContentChanged}
LARGEST = AHEAD + CACHED
"""Bytes of one range."""
TIMES = 8
"""How often all bytes of an object may be asked for, beyond `FREE` bytes: several scanners look at the same ones."""
FREE = 256 * MIB


@dataclass(frozen=True, slots=True)
class Lent:
    """A descriptor at whose other end a thread serves ranges until both it and its copies close.

    `reached` says up to where an object was read so far, in bytes; any thread may ask.
    """

    descriptor: int
    reached: Callable[[], int]


def lend(opened: OpenedObject) -> Lent:
    """Return what a child needs to read `opened`."""
    ours, theirs = socket.socketpair()
    loan = _Loan(ours, opened)
    threading.Thread(target=loan.serve, name="ranges", daemon=True).start()
    return Lent(theirs.detach(), lambda: loan.reached)


def borrowed(descriptor: int) -> tuple[Fetch, socket.socket]:
    """Return what fetches ranges over a `descriptor` that `lend` gave, and the socket to close in the end."""
    peer = socket.socket(fileno=descriptor)

    def fetch(offset: int, length: int) -> bytes:
        try:
            peer.sendall(_REQUEST.pack(offset, length))
            status, size = _ANSWER.unpack(exactly(peer, _ANSWER.size))
            data = exactly(peer, size)
        except (Closed, OSError) as error:
            raise SourceFault("the process that fetches ranges has ended") from error
        if status != _GIVEN:
            raise _FAULTS[status](data.decode("utf-8", "replace"))
        return data

    return fetch, peer


class _Loan:
    """One object while a child reads it; what follows the last range is fetched ahead of the next request."""

    def __init__(self, peer: socket.socket, opened: OpenedObject) -> None:
        self._peer, self._opened = peer, opened
        self._left = TIMES * opened.size + FREE
        self._ahead = (0, b"")
        self._end = -1
        self.reached = 0

    def serve(self) -> None:
        """Answer until the other side closes."""
        try:
            with suppress(Closed, OSError), self._peer:
                if self._opened.size <= WHOLE:
                    self._fetch_ahead(0, self._opened.size)
                while True:
                    offset, length = _REQUEST.unpack(exactly(self._peer, _REQUEST.size))
                    self._answer(offset, length)
        finally:
            self._opened.close()

    def _answer(self, offset: int, length: int) -> None:
        try:
            data = self._taken(offset, length)
        except ContentChanged as change:
            self._say(_CHANGED, printable(str(change), 300).encode())
        except (SourceFault, OSError) as fault:
            self._say(_FAULT, printable(str(fault), 300).encode())
        else:
            self._say(_GIVEN, data)
            self.reached = max(self.reached, offset + length)
            if length >= MIB and offset in (0, self._end):
                self._fetch_ahead(offset + length, min(length, self._opened.size - offset - length))
            self._end = offset + length

    def _say(self, status: int, data: bytes) -> None:
        self._peer.sendall(_ANSWER.pack(status, len(data)))
        self._peer.sendall(data)

    def _taken(self, offset: int, length: int) -> bytes:
        """Return a range; raises SourceFault where it is none, or one too many."""
        if length > LARGEST or offset + length > self._opened.size:
            raise SourceFault(f"no range of this object: {length:,} bytes at offset {offset:,}")
        self._left -= length
        if self._left < 0:
            raise SourceFault(f"read more than {TIMES} times {format_size(self._opened.size)}: nothing more is fetched")
        start, data = self._ahead
        self._ahead = (0, b"")
        if start == offset and len(data) == length:
            return data
        return self._opened.fetch(offset, length)

    def _fetch_ahead(self, offset: int, length: int) -> None:
        """Fetch what is likely asked for next; a fault is told when it is."""
        if length > 0:
            with suppress(SourceFault, OSError):
                self._ahead = (offset, self._opened.fetch(offset, length))
