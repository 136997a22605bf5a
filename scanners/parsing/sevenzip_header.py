"""The header of a 7z archive: its folders (runs of compressed data, several files each) and its files.

Format: 7zFormat.txt of the LZMA SDK (https://www.7-zip.org/sdk.html). Every count is bounded before it is used.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator
from typing import NamedTuple

from modelsweep.core.limits import Limits, OverLimit
from modelsweep.core.reader import Reader, WindowReader
from modelsweep.core.scanner import Malformed
from modelsweep.core.units import MIB
from modelsweep.core.values import dataclass, replace

MAGIC = b"7z\xbc\xaf\x27\x1c"
_START = struct.Struct("<6sBBLQQL")
START_SIZE = _START.size
MAX_HEADER = 64 * MIB
"""Maximum bytes of a header, decompressed."""
MAX_CODERS = 32
"""Maximum coders of one folder, as in 7-Zip."""
MAX_PACKED_HEADERS = 4
"""Maximum nesting of compressed headers."""

(
    _END,
    _HEADER,
    _ARCHIVE_PROPERTIES,
    _ADDITIONAL_STREAMS,
    _MAIN_STREAMS,
    _FILES,
    _PACK_INFO,
    _UNPACK_INFO,
    _SUBSTREAMS,
    _SIZE,
    _CRC,
    _FOLDER,
    _UNPACK_SIZES,
    _SUBSTREAM_COUNTS,
    _EMPTY_STREAM,
) = range(15)
_NAMES, _ATTRIBUTES, _ENCODED_HEADER = 0x11, 0x15, 0x17


class Coder(NamedTuple):
    """One step of a folder's compression: the method's hexadecimal number and its properties."""

    method: str
    properties: bytes
    inputs: int
    outputs: int


@dataclass(frozen=True, slots=True)
class Folder:
    """A run of compressed data: `coders` in the order of decoding, its range in the file, and its content.

    `simple` tells whether the coders form a chain over one run of bytes; `sizes` and `crcs` are those of its files.
    """

    coders: tuple[Coder, ...]
    simple: bool
    offset: int
    packed: int
    size: int
    sizes: tuple[int, ...] = ()
    crcs: tuple[int | None, ...] = ()


class File(NamedTuple):
    """A file in the archive; `has_data` tells whether it has the next substream, `mode` is the Unix mode or 0."""

    name: str
    has_data: bool
    mode: int


@dataclass(frozen=True, slots=True)
class Contents:
    """All folders and files, and the end of the archive, which is the offset after the header."""

    folders: tuple[Folder, ...]
    files: tuple[File, ...]
    stop: int


Unpack = Callable[[Folder], Iterator[bytes]]


def read_contents(reader: Reader, limits: Limits, unpack: Unpack) -> Contents:
    """Return the contents of the archive; `unpack` decodes a folder, for compressed headers.

    Raises Malformed, Truncated and OverLimit, and whatever `unpack` raises.
    """
    _, _, _, start_crc, offset, size, crc = _START.unpack(reader.read(0, _START.size))
    if zlib.crc32(reader.read(12, 20)) != start_crc:
        raise Malformed("the checksum of the start header is wrong", 8)
    header_start = _START.size + offset
    stop = header_start + size
    if not size:
        return Contents((), (), stop)
    header = WindowReader(reader, header_start, size)
    if size > MAX_HEADER:
        raise OverLimit(f"more than {MAX_HEADER:,} bytes of 7z header")
    data = header.read(0, size)
    if zlib.crc32(data) != crc:
        raise Malformed("the checksum of the header is wrong", header_start)
    for _ in range(MAX_PACKED_HEADERS):
        cursor = Cursor(data, limits)
        kind = cursor.byte()
        if kind == _HEADER:
            return Contents(*_contents(cursor), stop)
        if kind != _ENCODED_HEADER:
            break
        data = _unpacked_header(_streams(cursor), unpack)
    raise Malformed("there is no header where the start header points", header_start)


def _unpacked_header(folders: list[Folder], unpack: Unpack) -> bytes:
    if len(folders) != 1:
        raise Malformed("a compressed header must be one folder")
    if folders[0].size > MAX_HEADER:
        raise OverLimit(f"more than {MAX_HEADER:,} bytes of 7z header")
    data = bytearray()
    for chunk in unpack(folders[0]):
        data += chunk
        if len(data) >= folders[0].size:
            break
    return bytes(data)


class Cursor:
    """A position in a header; reading beyond its end raises Malformed, an absurd count OverLimit."""

    __slots__ = ("data", "limits", "position")

    def __init__(self, data: bytes, limits: Limits) -> None:
        self.data, self.limits, self.position = data, limits, 0

    def take(self, length: int) -> bytes:
        """Return the next `length` bytes."""
        start, self.position = self.position, self.position + length
        if self.position > len(self.data):
            raise Malformed("the 7z header is cut short")
        return self.data[start : self.position]

    def byte(self) -> int:
        """Return the next byte."""
        return self.take(1)[0]

    def number(self) -> int:
        """Return a number of 1 to 9 bytes: the leading one bits of the first byte count the following bytes."""
        first = self.byte()
        following = 8 - (~first & 0xFF).bit_length()
        low = int.from_bytes(self.take(following), "little")
        return low + ((first & (0x7F >> following)) << 8 * following)

    def count(self) -> int:
        """Return a count, which must be within the limit of members."""
        number = self.number()
        if number > self.limits.members:
            raise OverLimit(f"more than {self.limits.members:,} archive members")
        return number

    def bits(self, length: int) -> list[bool]:
        """Return `length` bits, the highest of each byte first."""
        data = self.take((length + 7) // 8)
        return [bool(data[index >> 3] << (index & 7) & 0x80) for index in range(length)]

    def optional_bits(self, length: int) -> list[bool]:
        """Return `length` bits, which a first byte may declare to be all true."""
        return [True] * length if self.byte() else self.bits(length)

    def digests(self, length: int) -> list[int | None]:
        """Return `length` CRC-32 values, None for missing ones."""
        return [int.from_bytes(self.take(4), "little") if given else None for given in self.optional_bits(length)]

    def expect(self, kind: int) -> None:
        """Read the next byte, which must be `kind`."""
        if self.byte() != kind:
            raise Malformed(f"the 7z header lacks a block of kind {kind}")


def _contents(cursor: Cursor) -> tuple[tuple[Folder, ...], tuple[File, ...]]:
    folders: list[Folder] = []
    files: list[File] = []
    while (kind := cursor.byte()) != _END:
        if kind == _ARCHIVE_PROPERTIES:
            while cursor.number() != _END:
                cursor.take(cursor.number())
        elif kind == _ADDITIONAL_STREAMS:
            _streams(cursor)
        elif kind == _MAIN_STREAMS:
            folders = _streams(cursor)
        elif kind == _FILES:
            files = _files(cursor)
        else:
            raise Malformed(f"the 7z header holds an unknown block of kind {kind}")
    return tuple(folders), tuple(files)


def _streams(cursor: Cursor) -> list[Folder]:
    """Return the folders with their ranges and the sizes of their files."""
    position, packed = _START.size, list[int]()
    folders: list[Folder] = []
    while (kind := cursor.byte()) != _END:
        if kind == _PACK_INFO:
            position, packed = _pack_info(cursor)
        elif kind == _UNPACK_INFO:
            folders = _placed(_unpack_info(cursor), position, packed)
        elif kind == _SUBSTREAMS:
            folders = _substreams(cursor, folders)
        else:
            raise Malformed(f"the 7z header holds an unknown block of kind {kind}")
    return folders


def _pack_info(cursor: Cursor) -> tuple[int, list[int]]:
    """Return the offset of the packed streams, and their sizes in bytes."""
    position = _START.size + cursor.number()
    total = cursor.count()
    sizes: list[int] = []
    while (kind := cursor.byte()) != _END:
        if kind == _SIZE:
            sizes = [cursor.number() for _ in range(total)]
        elif kind == _CRC:
            cursor.digests(total)
        else:
            raise Malformed(f"the 7z header holds an unknown block of kind {kind}")
    return position, sizes


class _Packed(NamedTuple):
    """A folder whose range is not known yet; `streams` is its number of packed streams."""

    folder: Folder
    streams: int


def _unpack_info(cursor: Cursor) -> list[_Packed]:
    cursor.expect(_FOLDER)
    total = cursor.count()
    if cursor.byte():
        raise Malformed("the 7z header keeps its folders elsewhere")
    shapes = [_folder_shape(cursor) for _ in range(total)]
    cursor.expect(_UNPACK_SIZES)
    sizes = [[cursor.number() for _ in range(shape.outputs)][shape.main] for shape in shapes]
    crcs: list[int | None] = [None] * total
    while (kind := cursor.byte()) != _END:
        if kind != _CRC:
            raise Malformed(f"the 7z header holds an unknown block of kind {kind}")
        crcs = cursor.digests(total)
    return [
        _Packed(Folder(shape.coders, shape.simple, 0, 0, size, (size,), (crc,)), shape.streams)
        for shape, size, crc in zip(shapes, sizes, crcs, strict=True)
    ]


class _Shape(NamedTuple):
    """How the coders of a folder are connected: `main` is the output that no other coder reads."""

    coders: tuple[Coder, ...]
    simple: bool
    streams: int
    outputs: int
    main: int


def _folder_shape(cursor: Cursor) -> _Shape:
    total = cursor.number()
    if not 0 < total <= MAX_CODERS:
        raise Malformed(f"a 7z folder of {total:,} coders")
    coders = [_coder(cursor) for _ in range(total)]
    inputs, outputs = sum(coder.inputs for coder in coders), sum(coder.outputs for coder in coders)
    if not 0 < outputs <= inputs + 1 or inputs > MAX_CODERS:
        raise Malformed("the coders of a 7z folder do not fit together")
    sources = {cursor.number(): cursor.number() for _ in range(outputs - 1)}
    streams = inputs - len(sources)
    if streams > 1:
        for _ in range(streams):
            cursor.number()
    main = next((output for output in range(outputs) if output not in sources.values()), 0)
    if inputs != total or outputs != total:
        return _Shape(tuple(coders), False, streams, outputs, main)
    chain = [main]
    while (source := sources.get(chain[-1])) is not None and source < total and source not in chain:
        chain.append(source)
    ordered = tuple(coders[index] for index in reversed(chain))
    return _Shape(ordered, len(chain) == total and streams == 1, streams, outputs, main)


def _coder(cursor: Cursor) -> Coder:
    flags = cursor.byte()
    method = cursor.take(flags & 15).hex()
    inputs, outputs = (cursor.number(), cursor.number()) if flags & 0x10 else (1, 1)
    properties = cursor.take(cursor.number()) if flags & 0x20 else b""
    return Coder(method, properties, min(inputs, MAX_CODERS + 1), min(outputs, MAX_CODERS + 2))


def _placed(folders: list[_Packed], position: int, packed: list[int]) -> list[Folder]:
    """Return the folders, each with the range of its consecutive packed streams."""
    placed, used = [], 0
    for folder, streams in folders:
        size = sum(packed[used : used + streams])
        if used + streams > len(packed):
            raise Malformed("a 7z folder has no packed data")
        placed.append(replace(folder, offset=position, packed=size))
        position, used = position + size, used + streams
    return placed


def _substreams(cursor: Cursor, folders: list[Folder]) -> list[Folder]:
    """Return the folders with the sizes and checksums of their files (the last size is the remainder)."""
    counts = [1] * len(folders)
    kind = cursor.byte()
    if kind == _SUBSTREAM_COUNTS:
        counts = [cursor.count() for _ in folders]
        kind = cursor.byte()
    if sum(counts) > cursor.limits.members:
        raise OverLimit(f"more than {cursor.limits.members:,} archive members")
    sizes: list[tuple[int, ...]] = []
    for folder, count in zip(folders, counts, strict=True):
        given = [cursor.number() for _ in range(count - 1)] if kind == _SIZE else []
        if sum(given) > folder.size or len(given) != max(count - 1, 0):
            raise Malformed("the files of a 7z folder are larger than the folder")
        sizes.append((*given, folder.size - sum(given)) if count else ())
    if kind == _SIZE:
        kind = cursor.byte()
    return _with_crcs(cursor, kind, folders, sizes)


def _with_crcs(cursor: Cursor, kind: int, folders: list[Folder], sizes: list[tuple[int, ...]]) -> list[Folder]:
    known = [len(own) == 1 and folder.crcs[0] is not None for folder, own in zip(folders, sizes, strict=True)]
    crcs = [
        list(folder.crcs) if has else [None] * len(own) for folder, own, has in zip(folders, sizes, known, strict=True)
    ]
    while kind != _END:
        if kind != _CRC:
            raise Malformed(f"the 7z header holds an unknown block of kind {kind}")
        given = iter(cursor.digests(sum(len(own) for own, has in zip(sizes, known, strict=True) if not has)))
        crcs = [own if has else [next(given) for _ in own] for own, has in zip(crcs, known, strict=True)]
        kind = cursor.byte()
    return [
        replace(folder, sizes=own, crcs=tuple(checks)) for folder, own, checks in zip(folders, sizes, crcs, strict=True)
    ]


def _files(cursor: Cursor) -> list[File]:
    total = cursor.count()
    empty, names, modes = [False] * total, [""] * total, [0] * total
    while (kind := cursor.byte()) != _END:
        block = Cursor(cursor.take(cursor.number()), cursor.limits)
        if kind == _EMPTY_STREAM:
            empty = block.bits(total)
        elif kind == _NAMES and not block.byte():
            names = _names(block, total)
        elif kind == _ATTRIBUTES:
            defined = block.optional_bits(total)
            external = block.byte()
            modes = [_mode(block) if given and not external else 0 for given in defined]
    return [File(name, not bare, mode) for name, bare, mode in zip(names, empty, modes, strict=True)]


def _names(block: Cursor, total: int) -> list[str]:
    """Return `total` zero-terminated UTF-16 names."""
    data = block.data[block.position :]
    names = data[: len(data) // 2 * 2].decode("utf-16-le", "surrogatepass").split("\0", total)
    if len(names) < total:
        raise Malformed("the 7z header lacks names")
    return names[:total]


_UNIX_EXTENSION = 0x8000


def _mode(block: Cursor) -> int:
    attributes = int.from_bytes(block.take(4), "little")
    return attributes >> 16 if attributes & _UNIX_EXTENSION else 0
