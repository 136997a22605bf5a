"""Decompression in bounded steps: any codec over a reader, as an iterator of chunks of at most `CHUNK` bytes.

Heavy or optional codecs are imported where they are used. Damage raises Malformed, and a cut stream Truncated.
"""

from __future__ import annotations

import sys
import zlib
from collections.abc import Callable, Generator, Iterable, Iterator
from typing import Protocol

from modelsweep.core.limits import OverLimit
from modelsweep.core.reader import Reader, Truncated, WindowReader
from modelsweep.core.scanner import Context, Malformed, MissingDependency
from modelsweep.core.units import KIB, MIB

CHUNK = 256 * KIB
"""Bytes of one step of output."""
STEPS = (CHUNK, 512, 1)
"""Bytes per step of output: the normal size, and the smaller ones for approaching damage."""
INPUT = 64 * KIB
"""Maximum bytes per step of input; steps grow up to this, so that a tiny stream does not cost a whole one."""
MEMORY = 256 * MIB
"""Maximum bytes of dictionary or window that a stream may request."""


class Decoder(Protocol):
    """A streaming decompressor with the interface of `bz2.BZ2Decompressor`."""

    @property
    def eof(self) -> bool:
        """Whether the end of the stream was reached."""

    @property
    def needs_input(self) -> bool:
        """Whether more output requires more input."""

    @property
    def unused_data(self) -> bytes | None:
        """Bytes given that follow the end of the stream."""

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        """Return up to `max_length` bytes of output."""


class Inflater:
    """`zlib.decompressobj` with the interface of `bz2.BZ2Decompressor`; `wbits` is zlib's parameter.

    `header` is a beginning to add in front of data that lacks one.
    """

    __slots__ = ("_zlib", "needs_input")

    def __init__(self, wbits: int, header: bytes = b"") -> None:
        self._zlib = zlib.decompressobj(wbits)
        self._zlib.decompress(header)
        self.needs_input = True

    @property
    def eof(self) -> bool:
        """Whether the end of the stream was reached."""
        return self._zlib.eof

    @property
    def unused_data(self) -> bytes:
        """Bytes given that follow the end of the stream."""
        return self._zlib.unused_data

    def decompress(self, data: bytes, max_length: int = 0) -> bytes:
        """Return up to `max_length` bytes of output."""
        output = self._zlib.decompress(self._zlib.unconsumed_tail + data, max_length)
        self.needs_input = not self._zlib.unconsumed_tail and len(output) < max_length
        return output


class Expansion:
    """Decompressed chunks of one member, and how they ended.

    A loader may have run what precedes the damage, so an error only ends the chunks, and is kept in `fault` for the
    scanner to report; exhausting the unit's budget counts as one.
    """

    __slots__ = ("_context", "crc", "fault", "size")

    def __init__(self, context: Context) -> None:
        self._context = context
        self.fault: Malformed | Truncated | OverLimit | MissingDependency | None = None
        self.crc = 0
        self.size = 0

    def reader(self, chunks: Iterable[bytes]) -> Reader:
        """Return a reader of what `chunks` yields before its end or its error."""
        return self._context.spool(self._kept(chunks))

    def _kept(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        budget = self._context.expanded
        try:
            for chunk in chunks:
                kept = chunk[: max(budget.left, 0)]
                self.crc = zlib.crc32(kept, self.crc)
                self.size += len(kept)
                yield kept
                if len(kept) < len(chunk):
                    raise OverLimit(f"more than {budget.limit:,} {budget.what}")
        except (Malformed, Truncated, OverLimit, MissingDependency) as error:
            self.fault = error


def decoded(
    reader: Reader,
    start: int,
    stop: int,
    make: Callable[[], Decoder],
    size: int = sys.maxsize,
    steps: tuple[int, ...] = STEPS,
    given: int = 0,
) -> Generator[bytes, None, int]:
    """Yield the decoded bytes of [start, stop), and return the offset after the end of the stream.

    `size` ends a stream without an end mark after that many bytes of output.

    A decoder returns nothing for the step in which it meets damage, while a loader that reads in smaller steps gets
    some output. So damage is approached again in finer `steps`, leaving out the bytes already `given`. Raises
    Truncated if the stream continues beyond `stop`, and Malformed if it is damaged.
    """
    run = _Run(reader, start, stop, size, given)
    try:
        return (yield from run.outputs(make(), steps[0]))
    except Malformed:
        if len(steps) == 1:
            raise
    return (yield from decoded(reader, start, stop, make, size, steps[1:], run.given))


class _Run:
    """One attempt to decode a stream; `given` counts the bytes that this and earlier attempts have yielded."""

    __slots__ = ("given", "reader", "size", "start", "stop")

    def __init__(self, reader: Reader, start: int, stop: int, size: int, given: int) -> None:
        self.reader, self.start, self.stop, self.size, self.given = reader, start, stop, size, given

    def outputs(self, decoder: Decoder, step: int) -> Generator[bytes, None, int]:
        """Yield output that was not yielded yet, `step` bytes at a time; return the offset after the stream's end."""
        position, taken, made, known = self.start, KIB, 0, self.given
        while not decoder.eof and made < self.size:
            data, asked = b"", decoder.needs_input
            if asked:
                data = self.reader.read(position, min(taken, self.stop - position))
                position += len(data)
                taken = min(INPUT, 2 * taken)
            output = _step(decoder, data, position, min(CHUNK if made < known else step, self.size - made))
            made += len(output)
            if made > self.given:
                fresh, self.given = made - self.given, made
                yield output[-fresh:]
            elif not (output or data or decoder.eof) and (asked or not decoder.needs_input):
                raise Truncated(self.stop, 1, self.stop)
        return position - len(decoder.unused_data or b"")


def _step(decoder: Decoder, data: bytes, position: int, length: int) -> bytes:
    try:
        return decoder.decompress(data, length)
    except (zlib.error, OSError, EOFError, ValueError, RuntimeError) as error:
        raise Malformed(f"compressed data is damaged: {error}", position) from None


class LzmaDecoder:
    """`lzma.LZMADecompressor` limited to `MEMORY`; for a raw stream, `filters` replace the header.

    The dictionary of a raw stream is capped at `MEMORY`, since data that does not refer further back needs no more.
    """

    __slots__ = ("_errors", "_larger", "_lzma")

    def __init__(self, form: int, filters: list[dict[str, int]] | None = None) -> None:
        import lzma

        self._errors = lzma.LZMAError
        memory = None if form == lzma.FORMAT_RAW else MEMORY
        self._larger = any(each.get(_DICTIONARY, 0) > MEMORY for each in filters or ())
        if self._larger:
            filters = [{name: _within(name, value) for name, value in each.items()} for each in filters or ()]
        try:
            self._lzma = lzma.LZMADecompressor(form, memory, filters)
        except lzma.LZMAError as error:
            raise Malformed(f"the properties of an LZMA stream are invalid: {error}") from None

    @property
    def eof(self) -> bool:
        """Whether the end of the stream was reached."""
        return self._lzma.eof

    @property
    def needs_input(self) -> bool:
        """Whether more output requires more input."""
        return self._lzma.needs_input

    @property
    def unused_data(self) -> bytes:
        """Bytes given that follow the end of the stream."""
        return self._lzma.unused_data

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        """Return up to `max_length` bytes of output; raises Malformed, and OverLimit if `MEMORY` is insufficient."""
        try:
            return self._lzma.decompress(data, max_length)
        except self._errors as error:
            if self._larger or "emory" in str(error):
                raise OverLimit(f"more than {MEMORY:,} bytes of memory to decompress") from None
            raise Malformed(f"compressed data is damaged: {error}") from None


_DICTIONARY = "dict_size"


def _within(name: str, value: int) -> int:
    return min(value, MEMORY) if name == _DICTIONARY else value


def lzma_filter(properties: bytes) -> dict[str, int]:
    """Return the filter that the five property bytes of a raw LZMA stream describe; raises Malformed."""
    import lzma

    if len(properties) != 5 or properties[0] >= 225:
        raise Malformed("the properties of an LZMA stream are invalid")
    packed, lc = divmod(properties[0], 9)
    pb, lp = divmod(packed, 5)
    dictionary = int.from_bytes(properties[1:], "little")
    return {"id": lzma.FILTER_LZMA1, "lc": lc, "lp": lp, "pb": pb, _DICTIONARY: dictionary}


def inflated(reader: Reader, start: int, stop: int, wbits: int) -> Generator[bytes, None, int]:
    """Yield the deflate, zlib or gzip stream (by zlib's `wbits`) at `start`; return the offset after it."""
    return decoded(reader, start, stop, lambda: Inflater(wbits))


_PLAIN_HEADER = b"\x1f\x8b\x08" + bytes(7)
"""A gzip header without any optional fields."""
_HEADER_SUM, _EXTRA, _NAME, _COMMENT = 2, 4, 8, 16


def ungzip(reader: Reader, start: int, stop: int) -> Generator[bytes, None, int]:
    """Yield the gzip stream at `start`; return the offset after it.

    The header is read like in Python's `gzip`: zlib itself rejects reserved flags and a wrong header checksum, while
    `gzip.open` and everything built on it (joblib, pandas, tarfile) accept them.
    """
    data = after_gzip_header(reader, start, stop)
    return decoded(reader, data, stop, lambda: Inflater(16 + zlib.MAX_WBITS, _PLAIN_HEADER))


def after_gzip_header(reader: Reader, start: int, stop: int) -> int:
    """Return the offset of the data in a gzip stream (RFC 1952, section 2.3); raises Truncated."""
    flags, position = reader.read(start, 10)[3], start + 10
    if flags & _EXTRA:
        position += 2 + int.from_bytes(reader.read(position, 2), "little")
    for flag in (_NAME, _COMMENT):
        if flags & flag:
            end = reader.find(b"\0", position, stop)
            if end < 0:
                raise Truncated(stop, 1, stop)
            position = end + 1
    return position + (2 if flags & _HEADER_SUM else 0)


def inflated64(reader: Reader, start: int, stop: int) -> Iterator[bytes]:
    """Yield the Deflate64 stream at `start`; raises MissingDependency if no package for it is installed."""
    try:
        import inflate64
    except ImportError:
        raise MissingDependency("Deflate64 needs the package inflate64") from None
    inflater = inflate64.Inflater()
    for offset in range(start, stop, KIB):  # small steps: the package cannot bound its output
        try:
            yield inflater.inflate(reader.read(offset, min(KIB, stop - offset)))
        except ValueError as error:
            raise Malformed(f"compressed data is damaged: {error}", offset) from None


def unbzipped(reader: Reader, start: int, stop: int) -> Generator[bytes, None, int]:
    """Yield the bzip2 stream at `start`; return the offset after it."""
    import bz2

    return decoded(reader, start, stop, bz2.BZ2Decompressor)


def unxz(reader: Reader, start: int, stop: int) -> Generator[bytes, None, int]:
    """Yield the .xz stream at `start`; return the offset after it."""
    import lzma

    return decoded(reader, start, stop, lambda: LzmaDecoder(lzma.FORMAT_XZ))


def unlzma(reader: Reader, start: int, stop: int) -> Generator[bytes, None, int]:
    """Yield the .lzma ("alone") stream at `start`; return the offset after it."""
    import lzma

    header = reader.read(start, max(0, min(_LZMA_HEADER, stop - start)))
    if len(header) == _LZMA_HEADER and header[5:] == _ENDLESS and int.from_bytes(header[1:5], "little") > MEMORY:
        filters = [lzma_filter(header[:5])]
        return decoded(reader, start + _LZMA_HEADER, stop, lambda: LzmaDecoder(lzma.FORMAT_RAW, filters))
    return decoded(reader, start, stop, lambda: LzmaDecoder(lzma.FORMAT_ALONE))


_LZMA_HEADER = 13
_ENDLESS = b"\xff" * 8
"""The length field of a .lzma stream with an end mark, as Python writes it."""


ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
_RLE_BLOCK = 1
_CHECKSUM_FLAG = 4


def unzstd(reader: Reader, start: int, stop: int) -> Generator[bytes, None, int]:
    """Yield the Zstandard frame at `start` block by block (RFC 8878, section 3.1.1); return the offset after it.

    A block holds at most 128 KiB, so walking the blocks bounds each step and finds the end of a cut frame.
    """
    import zstandard

    frame = WindowReader(reader, start, stop - start)
    decoder = zstandard.ZstdDecompressor(max_window_size=MEMORY).decompressobj()
    position = 0
    for part in _zstd_parts(frame):
        position += len(part)
        try:
            output = decoder.decompress(part)
        except zstandard.ZstdError as error:
            raise _zstd_fault(str(error), start + position) from None
        if output:
            yield output
    return start + position


def _zstd_fault(message: str, position: int) -> Malformed | OverLimit:
    if "too much memory" in message:
        return OverLimit(f"more than {MEMORY:,} bytes of memory to decompress")
    return Malformed(f"compressed data is damaged: {message}", position)


def _zstd_parts(frame: Reader) -> Iterator[bytes]:
    """Yield header, blocks and checksum of the frame at the start of `frame`; raises Truncated if one is cut."""
    descriptor = frame.read(4, 1)[0]
    single_segment = descriptor >> 5 & 1
    dictionary = (0, 1, 2, 4)[descriptor & 3]
    content = (single_segment, 2, 4, 8)[descriptor >> 6]
    position = 5 + (1 - single_segment) + dictionary + content
    yield frame.read(0, position)
    last = 0
    while not last:
        header = int.from_bytes(frame.read(position, 3), "little")
        last = header & 1
        length = 3 + (1 if header >> 1 & 3 == _RLE_BLOCK else header >> 3)
        yield frame.read(position, length)
        position += length
    if descriptor & _CHECKSUM_FLAG:
        yield frame.read(position, 4)


def unlz4(reader: Reader, start: int, stop: int) -> Generator[bytes, None, int]:
    """Yield the LZ4 frame at `start`; return the offset after it."""
    import lz4.frame

    return decoded(reader, start, stop, lz4.frame.LZ4FrameDecompressor)


LZ4_LEGACY_BLOCK = 8 * MIB


def unlz4_legacy(reader: Reader, start: int, stop: int) -> Generator[bytes, None, int]:
    """Yield the blocks of the legacy LZ4 frame at `start`; return the offset after the last one.

    The frame has no end mark: it extends to the next magic number or the end (LZ4 frame format, "Legacy frame").
    """
    import lz4.block

    position = start + 4
    while position < stop or position == start + 4:
        length = int.from_bytes(reader.read(position, min(4, max(stop - position, 1))), "little")
        if length > LZ4_LEGACY_BLOCK + LZ4_LEGACY_BLOCK // 255 + 16:
            return position
        block = reader.read(position + 4, length)
        try:
            output = lz4.block.decompress(block, uncompressed_size=LZ4_LEGACY_BLOCK)
        except lz4.block.LZ4BlockError as error:
            raise Malformed(f"compressed data is damaged: {error}", position) from None
        position += 4 + length
        yield output
    return position
