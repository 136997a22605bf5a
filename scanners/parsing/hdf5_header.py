"""The declared lengths of strings in the attributes of an HDF5 object, from the object's header.

libhdf5 allocates the declared length of a variable-length string before it looks for the string: four bytes of a
damaged file cost four gigabytes. So the length is read here first. Format:
https://support.hdfgroup.org/documentation/hdf5/latest/_f_m_t3.html, IV.A. Attributes in a separate heap, as new files
have them if there are many, are searched for in the whole of a small file, but not in a large one.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from modelsweep.core.finding import Span
from modelsweep.core.reader import Reader, Truncated
from modelsweep.core.units import KIB

_MAX_MESSAGES, _MAX_BLOCKS = 10_000, 100
"""Maximum messages of one header, and maximum blocks with its messages, that are read."""
_MAX_BLOCK = 256 * KIB
_MAX_SEARCHED = 256 * KIB
"""Maximum bytes of a file that is searched for attributes at unknown offsets."""
_ATTRIBUTE, _CONTINUED = 0x0C, 0x10
_SIGNED, _CONTINUATION, _CHECKSUM = b"OHDR", b"OCHK", 4
_PREFIX, _HEAD = 16, 512
_TIMES, _PHASES, _ORDERED = 0x20, 0x10, 0x04
_VERSIONS = 3
_NAME_OFFSET = 8
"""Bytes of an attribute's message before its name, one more if it has a character set."""


def text_length(reader: Reader, base: int, header: int, name: bytes) -> int:
    """Return the declared length of the variable-length string in attribute `name`, or 0 if it is not found.

    Addresses count from `base`; the object's header is at `header`.
    """
    try:
        for message in islice(_messages(reader, base, header), _MAX_MESSAGES):
            length = _length_in(message, name)
            if length is not None:
                return length
    except (Truncated, IndexError):
        pass  # the library reports the damage
    return _longest(reader.read(0, reader.size), name) if reader.size <= _MAX_SEARCHED else 0


def _longest(data: bytes, name: bytes) -> int:
    """Return the maximum length in anything that looks like the attribute `name`."""
    view = memoryview(data)
    longest, at = 0, data.find(name + b"\0")
    while at >= 0:
        for start in (at - _NAME_OFFSET, at - _NAME_OFFSET - 1):
            message = view[max(start, 0) :]
            if start >= 0 and 1 <= message[0] <= _VERSIONS and message[2:4] == (len(name) + 1).to_bytes(2, "little"):
                longest = max(longest, _length_in(message, name) or 0)
        at = data.find(name + b"\0", at + 1)
    return longest


def _messages(reader: Reader, base: int, header: int) -> Iterator[bytes]:
    """Yield the attributes in a header and in the blocks that continue it."""
    start = base + header
    head = reader.read(start, min(_HEAD, reader.size - start))
    signed = head.startswith(_SIGNED)
    flags = head[5] if signed else 0
    first = _first_of(head, flags) if signed else Span(_PREFIX, int.from_bytes(head[8:12], "little"))
    left = [Span(start + first.offset, first.length)]
    for _ in range(_MAX_BLOCKS):
        if not left:
            break
        place = left.pop(0)
        block = head[place.offset - start : place.offset - start + place.length] if place.offset >= start else b""
        if len(block) < place.length:
            block = reader.read(place.offset, min(place.length, _MAX_BLOCK, reader.size - place.offset))
        if signed and block.startswith(_CONTINUATION):
            block = block[len(_CONTINUATION) : -_CHECKSUM]
        for kind, message in _split(block, signed, bool(flags & _ORDERED)):
            if kind == _CONTINUED:
                offset, length = (int.from_bytes(message[at : at + 8], "little") for at in (0, 8))
                left.append(Span(base + offset, length))
            elif kind == _ATTRIBUTE:
                yield message


def _first_of(head: bytes, flags: int) -> Span:
    """Return the span of the messages in a header of version 2, relative to the header."""
    at = 6 + (16 if flags & _TIMES else 0) + (4 if flags & _PHASES else 0)
    width = 1 << (flags & 3)
    return Span(at + width, int.from_bytes(head[at : at + width], "little"))


def _split(block: bytes, signed: bool, ordered: bool) -> Iterator[tuple[int, bytes]]:
    """Yield kind and content of the messages in a block."""
    at, prefix = 0, (6 if ordered else 4) if signed else 8
    while at + prefix <= len(block):
        kind = block[at] if signed else int.from_bytes(block[at : at + 2], "little")
        size = int.from_bytes(block[at + 1 : at + 3] if signed else block[at + 2 : at + 4], "little")
        yield kind, block[at + prefix : at + prefix + size]
        at += prefix + size


def _length_in(message: bytes | memoryview, name: bytes) -> int | None:
    """Return the length in an attribute's message, whose sizes come first, or None if it has another name."""
    version = message[0]
    sizes = [int.from_bytes(message[at : at + 2], "little") for at in (2, 4, 6)]
    at = _NAME_OFFSET + (version >= 3)
    if message[at : at + len(name) + 1] != name + b"\0":
        return None
    for size in sizes:
        at += -(-size // 8) * 8 if version == 1 else size
    return int.from_bytes(message[at : at + 4], "little")
