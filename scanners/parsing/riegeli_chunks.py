"""Riegeli records: chunks of records, interrupted by block headers and compressed in several ways.

Format: https://github.com/google/riegeli/blob/master/doc/riegeli_records_file_format.md. Hashes are not checked.
Transposed chunks are documented only by their source code, and are not read.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from modelsweep.core.limits import OverLimit
from modelsweep.core.reader import Reader, WindowReader
from modelsweep.core.scanner import Context, Malformed, MissingDependency
from modelsweep.core.units import KIB, MIB

SIGNATURE = bytes.fromhex("83af70d10d884a3f") + bytes(8)
"""The first block header: its hash and its distance from the previous chunk, fixed like the next 48 bytes."""
_BLOCK, _BLOCK_HEADER, _CHUNK_HEADER = 64 * KIB, 24, 40
_USABLE = _BLOCK - _BLOCK_HEADER
SIMPLE, TRANSPOSED, _SIGNATURE, _METADATA, _PADDING = b"rtsmp"
_COST = 100
_PIECE = MIB
_BROTLI, _ZSTD, _SNAPPY = b"bzs"
_MAX_SIZES = MIB
"""Maximum bytes of the record sizes in one chunk."""
_VARINT = 10


class Chunk(NamedTuple):
    """A chunk with records: its kind, its range in the file, and its data without block headers."""

    kind: int
    start: int
    end: int
    size: int
    records: int
    decoded: int


def chunks(reader: Reader, context: Context) -> Iterator[Chunk]:
    """Yield the chunks with records; raises Malformed, and Truncated if one is cut short."""
    position = 0
    while position < reader.size:
        context.operations.spend(_COST)
        header = b"".join(pieces(reader, position, _CHUNK_HEADER))
        size, kind = int.from_bytes(header[8:16], "little"), header[24]
        records, decoded = int.from_bytes(header[25:32], "little"), int.from_bytes(header[32:], "little")
        if not position and kind != _SIGNATURE:
            raise Malformed("the first chunk is not a signature", position)
        end = max(_end_of(position, _CHUNK_HEADER + size), _boundary(position + records))
        if kind in (SIMPLE, TRANSPOSED):
            yield Chunk(kind, position, end, size, records, decoded)
        elif kind not in (_SIGNATURE, _METADATA, _PADDING):
            raise Malformed(f"no chunk has the kind {kind}", position)
        if end > reader.size:
            raise Malformed(f"a chunk ends at byte {end:,}, the file at {reader.size:,}", position)
        position = end


def pieces(reader: Reader, position: int, size: int, skip: int = 0) -> Iterator[bytes]:
    """Yield `size` bytes of the chunk at `position`, after its first `skip` bytes, without block headers."""
    position = _end_of(position, skip) if skip else position
    while size:
        if position % _BLOCK < _BLOCK_HEADER:
            position += _BLOCK_HEADER - position % _BLOCK
        length = min(size, _BLOCK - position % _BLOCK)
        yield reader.read(position, length)
        position += length
        size -= length


def _end_of(position: int, size: int) -> int:
    """Return the end of `size` bytes that begin at `position`, including the block headers between them."""
    headers = (size + (position + _USABLE - 1) % _BLOCK) // _USABLE
    return position + size + headers * _BLOCK_HEADER


def _boundary(position: int) -> int:
    """Return the first offset from `position` on at which a chunk may begin."""
    left = _BLOCK - 1 - (position + _BLOCK - 1) % _BLOCK
    return position + max(left - (_USABLE - 1), 0)


def values(reader: Reader, chunk: Chunk, context: Context) -> tuple[Reader, Reader]:
    """Return the sizes of a chunk's records as numbers, and the records; raises Malformed and MissingDependency."""
    if chunk.kind == TRANSPOSED:
        raise MissingDependency("records in a transposed chunk: modelsweep has no reader for them")
    data = context.spool(pieces(reader, chunk.start, chunk.size, _CHUNK_HEADER))
    compression = data.read(0, 1)[0]
    length, start = varint(data, 1)
    sizes = _decoded(WindowReader(data, start, length), compression, context)
    held = _decoded(WindowReader(data, start + length, data.size - start - length), compression, context)
    if held.size != chunk.decoded:
        raise Malformed(f"a chunk holds {held.size:,} bytes, but declares {chunk.decoded:,}", chunk.start)
    return sizes, held


def records(reader: Reader, chunk: Chunk, context: Context) -> list[Reader]:
    """Return the records of a chunk; raises Malformed, OverLimit and MissingDependency."""
    sizes, held = values(reader, chunk, context)
    if sizes.size > _MAX_SIZES:
        raise OverLimit(f"the sizes of records take {sizes.size:,} bytes")
    found: list[Reader] = []
    at = position = 0
    for _ in range(chunk.records):
        context.operations.spend(_COST)
        size, at = varint(sizes, at)
        found.append(WindowReader(held, position, size))
        position += size
    if position != held.size or at != sizes.size:
        raise Malformed(f"the records of a chunk take {position:,} bytes of {held.size:,}", chunk.start)
    return found


def varint(reader: Reader, position: int) -> tuple[int, int]:
    """Return the varint at `position` and its end."""
    value = 0
    for index, byte in enumerate(reader.read(position, min(_VARINT, max(reader.size - position, 1)))):
        value |= (byte & 0x7F) << 7 * index
        if byte < 0x80:
            return value, position + index + 1
    raise Malformed("a number is longer than ten bytes, or cut short", position)


def _decoded(data: Reader, compression: int, context: Context) -> Reader:
    """Decompress `data`, which begins with its decompressed length."""
    if not compression:
        return data
    length, start = varint(data, 0)
    if compression == _ZSTD:
        from scanners.parsing.decompression import unzstd

        stream: Iterator[bytes] = unzstd(data, start, data.size) if length else iter(())
    elif compression == _BROTLI:
        stream = _unbrotli(data, start) if length else iter(())
    elif compression == _SNAPPY:
        raise MissingDependency("Snappy-compressed records: modelsweep has no reader for them")
    else:
        raise Malformed(f"no compression has the number {compression}")
    found = context.spool(_bounded(stream, length))
    if found.size != length:
        raise Malformed(f"compressed data holds {found.size:,} bytes of {length:,}")
    return found


def _bounded(stream: Iterator[bytes], length: int) -> Iterator[bytes]:
    for piece in stream:
        length -= len(piece)
        if length < 0:
            raise Malformed("compressed data holds more than it declares")
        yield piece


def _unbrotli(data: Reader, start: int) -> Iterator[bytes]:
    """Decompress Brotli (RFC 7932)."""
    try:
        import brotli
    except ImportError:
        raise MissingDependency("Brotli-compressed records need the package brotli") from None
    decoder = brotli.Decompressor()
    for offset in range(start, data.size, _PIECE):
        waiting = data.read(offset, min(_PIECE, data.size - offset))
        try:
            output = decoder.process(waiting, output_buffer_limit=_PIECE)
            while output or not decoder.can_accept_more_data():
                yield output
                output = decoder.process(b"", output_buffer_limit=_PIECE)
        except brotli.error as error:
            raise Malformed(f"compressed data is damaged: {error}", offset) from None
    if not decoder.is_finished():
        raise Malformed("compressed data is cut short")
