"""7z archives: every folder is decoded as a stream, and its files are examined one by one; nothing is written.

Format: 7zFormat.txt of the LZMA SDK (https://www.7-zip.org/sdk.html). Only decoders of the standard library are used,
so that no package parses hostile headers; PPMd, BCJ2 and other methods are reported as not read.
"""

from __future__ import annotations

import stat
import zlib
from collections.abc import Callable, Iterable, Iterator

from modelsweep.core.reader import Reader, check_range
from modelsweep.core.scanner import (
    RAW,
    Blob,
    Context,
    Encrypted,
    Item,
    Malformed,
    MissingDependency,
    Scanner,
    Signs,
    begins,
    problem_of,
)
from modelsweep.core.text import printable
from modelsweep.core.units import KIB
from scanners.parsing import decompression
from scanners.parsing.extraction import BOMB, RULES, SPECIAL_KINDS, Extraction, bombs
from scanners.parsing.sevenzip_header import MAGIC, START_SIZE, Coder, Contents, File, Folder, read_contents

NAME = "sevenzip"
MAX_NAME = 1024
"""Maximum characters of a member's name that are kept."""
MAX_STORED_CHUNK = 64 * KIB
"""Maximum bytes of a stored chunk of LZMA2."""
MAX_LINK_TARGET = 4 * KIB
"""Maximum bytes of a symbolic link's target."""
_COPY, _LZMA, _LZMA2, _AES = "00", "030101", "21", "06f10701"
_DEFLATE, _DEFLATE64, _BZIP2, _ZSTD = "040108", "040109", "040202", "04f71101"
_DELTA = "03"
# Branch filters, each by its old and new number: https://github.com/ip7z/7zip/blob/main/DOC/Methods.txt
_BRANCH_FILTERS = {
    "03030103": "FILTER_X86",
    "04": "FILTER_X86",
    "03030205": "FILTER_POWERPC",
    "05": "FILTER_POWERPC",
    "03030401": "FILTER_IA64",
    "06": "FILTER_IA64",
    "03030501": "FILTER_ARM",
    "07": "FILTER_ARM",
    "03030701": "FILTER_ARMTHUMB",
    "08": "FILTER_ARMTHUMB",
    "03030805": "FILTER_SPARC",
    "09": "FILTER_SPARC",
}


def accepts(blob: Blob) -> bool:
    """Return whether a 7z archive starts here."""
    return blob.head.startswith(MAGIC)


def scan(blob: Blob, context: Context) -> Iterator[Item]:
    """Yield the files of each folder, and what unpacking them would do."""
    contents = read_contents(blob.reader, context.limits, lambda folder: unpacked(blob.reader, folder))
    extraction = Extraction(blob.locator)
    for file in contents.files:
        if not file.has_data:
            yield from _unpacking(file, None, extraction)
    named = (file for file in contents.files if file.has_data)
    for folder in contents.folders:
        files = [next(named, File("", True, 0)) for _ in folder.sizes]
        if any(coder.method == _AES for coder in folder.coders):
            yield problem_of(Encrypted(f"encrypted members: {len(files):,}"), blob.locator, NAME)
        elif files:
            yield from _members(blob, folder, files, extraction, context)
    yield from _between(blob, contents)
    if contents.stop < blob.size:
        yield blob.window(f"data at {contents.stop}", contents.stop, blob.size - contents.stop)


def _between(blob: Blob, contents: Contents) -> Iterator[Item]:
    """Yield the bytes that hold no file: headers, and gaps, which no writer leaves."""
    position = START_SIZE
    ends = ((contents.stop, 0),)
    for start, length in (*sorted((folder.offset, folder.packed) for folder in contents.folders), *ends):
        if min(start, blob.size) > position:
            yield blob.window(f"between files at {position}", position, min(start, blob.size) - position, expect=RAW)
        position = max(position, start + length)


def _members(blob: Blob, folder: Folder, files: list[File], extraction: Extraction, context: Context) -> Iterator[Item]:
    """Yield the files of a folder in order, up to the first that cannot be decoded."""
    if folder.simple and [coder.method for coder in folder.coders] == [_COPY]:
        yield from _stored(blob, folder, files, extraction)
        return
    stream = _Splitter(unpacked(blob.reader, folder))
    fault: Exception | None = None
    for file, size, crc in zip(files, folder.sizes, folder.crcs, strict=True):
        name = printable(file.name, MAX_NAME)
        if fault:
            yield problem_of(fault, blob.locator.member(name), NAME)
            continue
        expansion = decompression.Expansion(context)
        inside = blob.nested(name, expansion.reader(stream.take(size)), expanded=True)
        yield from _unpacking(file, inside, extraction)
        fault = expansion.fault
        if not fault and crc is not None and crc != expansion.crc:
            yield problem_of(Malformed("the checksum of the member is wrong"), inside.locator, NAME)
        if inside.size:
            taken, floor = max(folder.packed * size // max(sum(folder.sizes), 1), 1), context.limits.expanded_floor
            yield from bombs(name, inside.locator, taken, inside.reader, fault, floor)
            yield inside
        if fault:
            yield problem_of(fault, inside.locator, NAME)


def _stored(blob: Blob, folder: Folder, files: list[File], extraction: Extraction) -> Iterator[Item]:
    offset = folder.offset
    for file, size in zip(files, folder.sizes, strict=True):
        inside = blob.window(printable(file.name, MAX_NAME), offset, size)
        yield from _unpacking(file, inside, extraction)
        if size:
            yield inside
        offset += size


def _unpacking(file: File, inside: Blob | None, extraction: Extraction) -> Iterator[Item]:
    """Yield what is wrong with extracting `file`, whose data is `inside` if it has any."""
    kind = stat.S_IFMT(file.mode)
    if kind == stat.S_IFLNK and inside:
        target = inside.reader.read(0, min(MAX_LINK_TARGET, inside.size)).decode("utf-8", "surrogateescape")
        yield from extraction.link(file.name, target, "symbolic", 0)
    elif kind in SPECIAL_KINDS:
        yield from extraction.special(file.name, SPECIAL_KINDS[kind], 0)
    else:
        yield from extraction.file(file.name, 0)


class _Splitter:
    """Splits one stream of chunks into files."""

    __slots__ = ("_chunks", "_rest")

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks, self._rest = chunks, b""

    def take(self, size: int) -> Iterator[bytes]:
        """Yield the next `size` bytes; raises Malformed if the stream ends too early."""
        while size:
            chunk = self._rest
            while not chunk:
                if (following := next(self._chunks, None)) is None:
                    raise Malformed(f"the data ends {size:,} bytes before the member does")
                chunk = following
            self._rest = chunk[size:]
            chunk = chunk[:size]
            size -= len(chunk)
            yield chunk


def unpacked(reader: Reader, folder: Folder) -> Iterator[bytes]:
    """Yield the data of a folder; raises Malformed, Truncated, OverLimit, and MissingDependency for unknown methods."""
    check_range(folder.offset, folder.packed, reader.size)
    main, *filters = folder.coders
    if any(coder.method == _AES for coder in folder.coders):
        raise Encrypted("even the names in the archive are encrypted")
    if not folder.simple:
        raise _unreadable(folder.coders)
    chunks = _decompressed(reader, folder, main)
    yield from _filtered(chunks, [_filter(coder) for coder in reversed(filters)]) if filters else chunks


def _decompressed(reader: Reader, folder: Folder, main: Coder) -> Iterator[bytes]:
    import lzma

    start, stop = folder.offset, folder.offset + folder.packed
    if main.method in _METHODS:
        return _METHODS[main.method](reader, start, stop)
    if main.method not in (_LZMA, _LZMA2):
        raise _unreadable(folder.coders)
    parameters = (decompression.lzma_filter if main.method == _LZMA else _lzma2_filter)(main.properties)
    return decompression.decoded(
        reader, start, stop, lambda: decompression.LzmaDecoder(lzma.FORMAT_RAW, [parameters]), folder.size
    )


def _filtered(chunks: Iterator[bytes], filters: list[dict[str, int]]) -> Iterator[bytes]:
    """Yield `chunks` after branch and delta filters.

    `lzma` applies these only together with a compressor, so the data is wrapped in an LZMA2 stream of stored chunks.
    """
    import lzma

    chain = [*filters, {"id": lzma.FILTER_LZMA2, "dict_size": MAX_STORED_CHUNK}]
    decoder = decompression.LzmaDecoder(lzma.FORMAT_RAW, chain)
    control = 1  # resets the dictionary, as the first chunk must
    for chunk in chunks:
        for offset in range(0, len(chunk), MAX_STORED_CHUNK):
            piece = chunk[offset : offset + MAX_STORED_CHUNK]
            yield decoder.decompress(bytes([control]) + (len(piece) - 1).to_bytes(2, "big") + piece)
            control = 2
    yield decoder.decompress(b"\0")


def _unreadable(coders: Iterable[Coder]) -> MissingDependency:
    methods = "+".join(coder.method for coder in coders)
    return MissingDependency(f"7z method {methods} cannot be read: unpack the archive first")


def _copied(reader: Reader, start: int, stop: int) -> Iterator[bytes]:
    for offset in range(start, stop, decompression.CHUNK):
        yield reader.read(offset, min(decompression.CHUNK, stop - offset))


def _inflated(reader: Reader, start: int, stop: int) -> Iterator[bytes]:
    return decompression.inflated(reader, start, stop, -zlib.MAX_WBITS)


_METHODS: dict[str, Callable[[Reader, int, int], Iterator[bytes]]] = {
    _COPY: _copied,
    _DEFLATE: _inflated,
    _DEFLATE64: decompression.inflated64,
    _BZIP2: decompression.unbzipped,
    _ZSTD: decompression.unzstd,
}


def _filter(coder: Coder) -> dict[str, int]:
    """Return the filter specification for `lzma`."""
    import lzma

    if coder.method == _DELTA and coder.properties:
        return {"id": lzma.FILTER_DELTA, "dist": coder.properties[0] + 1}
    if coder.method in _BRANCH_FILTERS:
        return {"id": int(getattr(lzma, _BRANCH_FILTERS[coder.method]))}
    raise _unreadable([coder])


def _lzma2_filter(properties: bytes) -> dict[str, int]:
    import lzma

    if len(properties) != 1 or properties[0] > 40:
        raise Malformed("the properties of an LZMA2 stream are invalid")
    dictionary = (2 | properties[0] & 1) << (properties[0] // 2 + 11)
    return {"id": lzma.FILTER_LZMA2, "dict_size": dictionary}


SCANNER = Scanner(
    name=NAME,
    title="7z archive",
    version=6,
    accepts=accepts,
    scan=scan,
    rules=(*RULES, BOMB),
    suffixes=(".7z",),
    signs=Signs(begins(MAGIC)),
)
