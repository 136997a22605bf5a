"""Single compressed files: gzip, zlib, bzip2, xz, lzma, Zstandard and LZ4 (frame and legacy), and those of joblib.

Concatenated streams are one content, as every loader reads them. Formats: RFC 1950, 1952 and 8878,
https://tukaani.org/xz/xz-file-format.txt, https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Generator, Iterator
from typing import NamedTuple

from modelsweep.core.finding import Finding, Rule, Severity, Span
from modelsweep.core.limits import OverLimit
from modelsweep.core.reader import Reader
from modelsweep.core.scanner import DECODED, HEAD, RAW, Blob, Context, Item, Malformed, Scanner, Signs, problem_of
from scanners.parsing import decompression
from scanners.parsing.extraction import BOMB, bombs
from scanners.parsing.zarr_chunks import is_chunk, is_index
from scanners.suffixes import NEVER_PLAIN
from scanners.text import reads_as_text

NAME = "compressed"
CONTENT = "content"
"""Name of the content if the file's own name gives none; a name inside the stream is the attacker's choice."""
TRAILING = Rule(
    id="compressed/trailing-data",
    title="Data after a compressed stream",
    severity=Severity.INFO,
    message="{length} bytes follow the end of the compressed data",
    why="Some programs reject the file, others ignore the data, which may be anything.",
    fix="If nobody can say what the data is, compress the file again.",
    references=("https://www.rfc-editor.org/rfc/rfc1952",),
)


Stream = Callable[[Reader, int, int], Generator[bytes, None, int]]


class Codec(NamedTuple):
    """A compressed format: how its streams are recognised and decoded."""

    starts: Callable[[bytes], bool]
    stream: Stream
    suffixes: dict[str, str]
    """File suffixes, each with its replacement in the content's name."""
    first: bytes
    """The possible first bytes of a stream."""


def _magic(magic: bytes, stream: Stream, suffixes: dict[str, str]) -> Codec:
    return Codec(lambda head: head.startswith(magic), stream, suffixes, magic[:1])


def _starts_bzip2(head: bytes) -> bool:
    blocks = (b"\x31\x41\x59\x26\x53\x59", b"\x17\x72\x45\x38\x50\x90")
    return head[:3] == b"BZh" and head[3:4] in _LEVELS and head[4:10] in blocks


_LEVELS = tuple(b"%d" % level for level in range(1, 10))
_SKIPPABLE = b"\x2a\x4d\x18"
_GZIP = b"\x1f\x8b\x08"
_GZIP_HEADER = 10
_MIN_ASIDE = 32
"""Minimum bytes of data beside the compressed content that are examined: block sizes and file names are shorter."""
_ZLIB = bytes(window << 4 | zlib.DEFLATED for window in range(8))
_MIN_CONTENT = 8
"""Minimum bytes of content that anybody would compress."""
_MAX_LZMA_BYTE = 225
"""Upper bound of the first byte of LZMA, which encodes three small numbers."""
_MUST_DECODE = 64
"""Bytes that must decode, or else the whole stream, for formats with a weak magic number or none."""


def _starts_zlib(head: bytes) -> bool:
    """Two bytes are no evidence: the stream also has to decode as far as it is seen (RFC 1950, section 2.2)."""
    if len(head) < 8 or head[0] not in _ZLIB or head[1] & 32:
        return False
    if int.from_bytes(head[:2], "big") % 31:
        return False
    decoder = zlib.decompressobj()
    try:
        output = decoder.decompress(head, HEAD)
    except zlib.error:
        return False
    return decoder.eof or (len(head) >= _MUST_DECODE and bool(output))


def _starts_lzma(head: bytes) -> bool:
    """The header has no magic number: the checks of xz-utils, then the first bytes have to decode."""
    if len(head) < 14 or head[0] >= _MAX_LZMA_BYTE or head[13]:
        return False
    dictionary, size = int.from_bytes(head[1:5], "little"), int.from_bytes(head[5:13], "little")
    power = 1 << max(dictionary.bit_length() - 1, 0)
    if dictionary not in (power, power + power // 2, 0xFFFFFFFF) or (size != (1 << 64) - 1 and size >= 1 << 38):
        return False
    if size < _MIN_CONTENT and len(head) >= _MUST_DECODE:
        return False  # small numbers and zeros, as many binary formats begin with
    import lzma

    try:
        decompression.LzmaDecoder(lzma.FORMAT_ALONE).decompress(head, HEAD)
    except Malformed:
        return False
    except OverLimit:
        return True
    return True


def _unzlib(reader: Reader, start: int, stop: int) -> Generator[bytes, None, int]:
    return decompression.inflated(reader, start, stop, zlib.MAX_WBITS)


_ZFILE_HEADER = 21
"""Bytes of `ZF` and the hexadecimal length, padded with spaces; joblib before 0.9 wrote one more."""


def _unzfile(reader: Reader, start: int, stop: int) -> Generator[bytes, None, int]:
    """Yield the content of a file of joblib before 0.10, which any joblib reads (`numpy_pickle_compat.read_zfile`)."""
    position = start + _ZFILE_HEADER
    position += reader.read(position, 1) == b" "
    return (yield from decompression.inflated(reader, position, stop, zlib.MAX_WBITS))


CODECS = (
    _magic(_GZIP, decompression.ungzip, {".gz": "", ".tgz": ".tar", ".gzip": ""}),
    Codec(_starts_bzip2, decompression.unbzipped, {".bz2": "", ".tbz": ".tar", ".tbz2": ".tar"}, b"B"),
    _magic(b"\xfd7zXZ\0", decompression.unxz, {".xz": "", ".txz": ".tar"}),
    _magic(decompression.ZSTD_MAGIC, decompression.unzstd, {".zst": "", ".zstd": "", ".tzst": ".tar"}),
    _magic(b"\x04\x22\x4d\x18", decompression.unlz4, {".lz4": ""}),
    _magic(b"\x02\x21\x4c\x18", decompression.unlz4_legacy, {".lz4": ""}),
    _magic(b"ZF0x", _unzfile, {".z": "", ".gz": ""}),
    Codec(_starts_zlib, _unzlib, {".z": "", ".zz": "", ".zlib": ""}, _ZLIB),
    Codec(_starts_lzma, decompression.unlzma, {".lzma": "", ".tlz": ".tar"}, bytes(range(_MAX_LZMA_BYTE))),
)
_BY_FIRST = {bytes((first,)): tuple(codec for codec in CODECS if first in codec.first) for first in range(256)}

_STARTS = b"".join(codec.first for codec in CODECS if codec.starts is not _starts_lzma)
"""First bytes of all streams except LZMA alone, whose fourteenth byte is 0."""


def accepts(blob: Blob) -> bool:
    """Return whether a compressed stream starts here."""
    return _codec(blob.head) is not None or _skippable(blob.head)


def _codec(head: bytes) -> Codec | None:
    return next((codec for codec in _BY_FIRST.get(head[:1], ()) if codec.starts(head)), None)


def _skippable(head: bytes) -> bool:
    """Return whether a skippable frame of Zstandard and LZ4 starts here (RFC 8878, section 3.1.2)."""
    return head[1:4] == _SKIPPABLE and head[0] >> 4 == 5


def scan(blob: Blob, context: Context) -> Iterator[Item]:
    """Yield the content of all streams as one blob, and the data after them."""
    ends: list[int] = []
    asides: list[tuple[int, int]] = []
    expansion = decompression.Expansion(context)
    reader = expansion.reader(_streams(blob.reader, context, ends, asides))
    name, floor = blob.locator.name, context.limits.expanded_floor
    yield from bombs(name, blob.locator, blob.size, reader, expansion.fault, floor) if reader.size else ()
    if reader.size or not expansion.fault:
        yield blob.nested(content_name(blob, reader), reader, expanded=True)
    for start, length in asides:
        yield blob.window(f"passed over at {start}", start, length, expect=RAW)
    if expansion.fault:
        yield problem_of(expansion.fault, blob.locator, NAME)
        return
    end = ends[-1]
    yield blob.window("streams", 0, end, expect=DECODED)
    if end < blob.size:
        if is_chunk(name):
            # An index usually begins with zeros, which were taken for padding
            index = next((place for place in ends[-3:] if is_index(blob.reader, place)), None)
            if index is not None:
                yield blob.window("index of the shard", index, blob.size - index, expect=RAW)
                return
        length = blob.size - end
        yield Finding(TRAILING, blob.locator, span=Span(end, length), evidence={"length": f"{length:,}"})
        yield blob.window(f"trailing data at {end}", end, length)


def _streams(
    reader: Reader, context: Context, ends: list[int], asides: list[tuple[int, int]]
) -> Generator[bytes, None, None]:
    """Yield the content of the concatenated streams and frames; their end offsets are appended to `ends`.

    The start and length of what is not content (skippable frames, header fields) is appended to `asides`.
    """
    position, codec = 0, None
    while position < reader.size:
        context.members.spend()
        head = reader.read(position, min(HEAD, reader.size - position))
        if _skippable(head):
            length = int.from_bytes(reader.read(position + 4, 4), "little")
            _keep(asides, position + 8, min(length, reader.size - position - 8))
            position += 8 + length
            reader.read(position - 1, 1)
        elif codec is None or codec.starts(head):
            codec = codec or _codec(head)
            if codec is None:
                break
            if head.startswith(_GZIP):
                fields = position + _GZIP_HEADER
                _keep(asides, fields, decompression.after_gzip_header(reader, position, reader.size) - fields)
            position = yield from codec.stream(reader, position, reader.size)
        else:
            padding = len(head) - len(head.lstrip(b"\0"))
            if not padding:
                break
            position += padding
        ends.append(position)
    ends.append(position)


def _keep(asides: list[tuple[int, int]], start: int, length: int) -> None:
    if length >= _MIN_ASIDE:
        asides.append((start, length))


def content_name(blob: Blob, content: Reader) -> str:
    """Return the file's name without its suffix of compression, or `CONTENT` if it has none.

    Text under the name of a model keeps the suffix, because a loader would read it as the model. So do the numbers of
    an array, which are only recognised by the name of their chunk.
    """
    if is_chunk(blob.locator.name):
        return blob.locator.name
    stem, suffix = blob.locator.name[: -len(blob.locator.suffix)], blob.locator.suffix
    for codec in CODECS:
        if suffix in codec.suffixes and stem:
            return stem + codec.suffixes[suffix]
    kept = suffix in NEVER_PLAIN and reads_as_text(blob.nested(CONTENT, content).with_head())
    return CONTENT + suffix if kept else CONTENT


SCANNER = Scanner(
    name=NAME,
    title="Compressed file",
    version=9,
    accepts=accepts,
    scan=scan,
    rules=(TRAILING, BOMB),
    suffixes=tuple(dict.fromkeys(suffix for codec in CODECS for suffix in codec.suffixes)),
    signs=Signs(_STARTS, at=((1, (_SKIPPABLE,)), (13, (b"\0",)))),
)
