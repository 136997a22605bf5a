"""Lines of JSON below zstd: how pages and results are stored, and read again within bounded memory."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import zstandard

from modelsweep.core.units import KIB, MIB
from modelsweep.fleet.signature import Damaged

LEVEL = 3
WINDOW = 8 * MIB
"""Bytes that a decoder keeps; level 3 writes with 2 MiB."""
LINE = 256 * MIB
"""Bytes of one line: as many as the answer of a sandboxed child may have."""
WHOLE = 4 * MIB
"""Bytes that are compressed and expanded in one call: quicker, and every cut is noticed. More are streamed."""
_PIECE = 256 * KIB
_decode = json.JSONDecoder().raw_decode  # less than half the time of json.loads for a short line


class _Kept(threading.local):
    """What a thread keeps: making one of them anew, with its tables, takes as long as its work on a chunk."""

    @cached_property
    def compressor(self) -> zstandard.ZstdCompressor:
        return _compressor()

    @cached_property
    def decompressor(self) -> zstandard.ZstdDecompressor:
        return zstandard.ZstdDecompressor(max_window_size=WHOLE)


_kept = _Kept()


def _compressor() -> zstandard.ZstdCompressor:
    return zstandard.ZstdCompressor(level=LEVEL, write_checksum=True)


def pack(lines: Iterable[bytes]) -> bytes:
    """Return `lines`, none of which holds a line feed, compressed; what they expand to is not held at once."""
    stream = None
    done: list[bytes] = []
    block = bytearray()
    for line in lines:
        block += line
        block += b"\n"
        if len(block) > WHOLE:
            stream = stream or _compressor().compressobj()
            done.append(stream.compress(block))
            block = bytearray()
    if stream is None:
        return _kept.compressor.compress(block)
    return b"".join((*done, stream.compress(block), stream.flush()))


def unpack(data: bytes, name: str) -> Iterable[bytes]:
    """Return the lines of what `pack` made, to be iterated more than once; raises Damaged, which says `name`.

    They are a list where they have at most `WHOLE` bytes. More are expanded as they are iterated, one line in memory,
    which may raise Damaged too; that the end of those is missing is not noticed here: whoever writes says in the
    first line how many follow.
    """
    if not 0 <= _declared(data, name) <= WHOLE:
        return _Stream(data, name)
    *lines, rest = _expanded(data, name).split(b"\n")
    if rest:
        raise Damaged(name, "cut short")
    return lines


@dataclass(frozen=True, slots=True)
class _Stream:
    data: bytes
    name: str

    def __iter__(self) -> Iterator[bytes]:
        return _lines(_pieces(self.data, self.name), self.name)


def _declared(data: bytes, name: str) -> int:
    """Return how many bytes `data` says it expands to, -1 where it does not say."""
    try:
        return zstandard.frame_content_size(data)
    except zstandard.ZstdError as error:
        raise Damaged(name, f"not readable: {error}") from error


def _expanded(data: bytes, name: str) -> bytes:
    try:
        expanded: bytes = _kept.decompressor.decompress(data, allow_extra_data=False)
        return expanded
    except (zstandard.ZstdError, MemoryError) as error:
        raise Damaged(name, f"not readable: {error}") from error


def _pieces(data: bytes, name: str) -> Iterator[bytes]:
    try:
        with zstandard.ZstdDecompressor(max_window_size=WINDOW).stream_reader(data) as stream:
            while piece := stream.read(_PIECE):
                yield piece
    except (zstandard.ZstdError, MemoryError) as error:
        raise Damaged(name, f"not readable: {error}") from error


def _lines(pieces: Iterable[bytes], name: str) -> Iterator[bytes]:
    held = bytearray()
    for piece in pieces:
        first, *more = piece.split(b"\n")
        held += first
        if len(held) > LINE:
            raise Damaged(name, f"a line of more than {LINE:,} bytes")
        if more:
            yield bytes(held)
            yield from more[:-1]
            held = bytearray(more[-1])
    if held:
        raise Damaged(name, "cut short")


def loads(line: bytes, name: str) -> Any:
    """Return the JSON of a line, which is ASCII; raises Damaged where it is none or nested too deep."""
    try:
        value, end = _decode(line.decode("ascii"))
    except (ValueError, RecursionError) as error:
        raise Damaged(name, f"no JSON: {type(error).__name__}") from error
    if end != len(line):
        raise Damaged(name, "more than one JSON value in a line")
    return value
