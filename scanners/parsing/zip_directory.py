"""The directory of a zip archive, read like loaders do: tolerantly, and by every interpretation in which they differ.

Format: PKWARE APPNOTE 6.3.10 (https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT). CPython's zipfile uses the
last end record and counts offsets back from it; miniz (torch) treats offsets as absolute; others trust the end record
whose comment ends with the file. Entries that only some of them see are in `ZipDirectory.others`.
"""

from __future__ import annotations

import bisect
import struct
import sys
import zlib
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from modelsweep.core.limits import Budget, Limits, OverLimit
from modelsweep.core.reader import Reader, Truncated, check_range
from modelsweep.core.scanner import TAIL, Blob, Context, Malformed, MissingDependency
from modelsweep.core.text import printable
from modelsweep.core.values import dataclass
from scanners.parsing.decompression import (
    Expansion,
    Inflater,
    LzmaDecoder,
    decoded,
    inflated64,
    lzma_filter,
    unbzipped,
    unxz,
    unzstd,
)
from scanners.parsing.tar_header import BLOCK, parse_header

LOCAL_MAGIC, CENTRAL_MAGIC, END_MAGIC, SPANNED_MAGIC = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06", b"PK\x07\x08"
_LOCAL = struct.Struct("<4s5H3L2H")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_END = struct.Struct("<4s4H2LH")
_LOCATOR64 = struct.Struct("<4sLQL")
_END64 = struct.Struct("<4sQ2H2L4Q")
LOCAL_SIZE = _LOCAL.size
MAX_CLAIMS = 8
"""Maximum interpretations of end records that are followed."""
SATURATED, SATURATED16 = 0xFFFFFFFF, 0xFFFF
NAME_LENGTH = 1024
"""Maximum characters of a member's name that are kept."""

STORED, DEFLATED, DEFLATE64, BZIP2, LZMA, ZSTD, XZ = 0, 8, 9, 12, 14, 93, 95
METHODS = frozenset((STORED, DEFLATED, DEFLATE64, BZIP2, LZMA, ZSTD, XZ))
ENCRYPTED, LZMA_END_MARK, DESCRIPTOR, STRONG_ENCRYPTION, UTF8, MASKED = 0x1, 0x2, 0x8, 0x40, 0x800, 0x2000


class ZipEntry(NamedTuple):
    """One member as described in the central directory; offsets are absolute in the reader, sizes in bytes."""

    name: str
    method: int
    flags: int
    crc: int
    compressed_size: int
    size: int
    header_offset: int
    mode: int
    """Unix mode, or 0 if the writer set none."""
    unicode_name: str = ""
    """Another name in the extra field that Info-ZIP, 7-Zip and Python 3.14 prefer if the name itself is ASCII."""

    @property
    def raw_name(self) -> bytes:
        """The name as stored in the directory."""
        return encoded_name(self.name, self.flags)

    @property
    def encrypted(self) -> bool:
        """Whether the directory marks the data as encrypted."""
        return bool(self.flags & (ENCRYPTED | STRONG_ENCRYPTION))

    def data_offset(self, reader: Reader) -> int:
        """Return the offset of the member's data; raises Malformed without a local header, and Truncated."""
        return read_local(reader, self.header_offset).data_offset


class LocalHeader(NamedTuple):
    """The header in front of a member's data, a second description that some loaders trust instead."""

    raw_name: bytes | None
    """None if it was not read because of the cost."""
    method: int
    flags: int
    crc: int
    compressed_size: int
    size: int
    data_offset: int


@dataclass(frozen=True, slots=True)
class ZipDirectory:
    """What loaders see: `entries` in CPython's interpretation, and `others` that only other interpretations show.

    `start` is the start of the archive in the reader (positive for prepended data, negative if bytes are missing before
    the directory), `stop` the end of its last end record, and `directory` the start of the central directory.
    `conflicts` describes how interpretations differ, and `faults` what makes the list incomplete.
    """

    entries: tuple[ZipEntry, ...]
    others: tuple[ZipEntry, ...] = ()
    start: int = 0
    directory: int = 0
    stop: int = 0
    conflicts: tuple[str, ...] = ()
    faults: tuple[Malformed | OverLimit, ...] = ()


class _Bounds(NamedTuple):
    """The limits for a directory: its bytes and its entries."""

    parsed_bytes: int
    members: int


class _Claim(NamedTuple):
    """An interpretation of an end record: offset, size in bytes and number of entries of the directory."""

    start: int
    size: int
    total: int
    base: int
    stop: int


def encoded_name(name: str, flags: int) -> bytes:
    """Return the bytes of a name; both encodings of zip are reversible."""
    return name.encode("utf-8", "surrogateescape") if flags & UTF8 else name.encode("cp437")


def decoded_name(raw: bytes, flags: int) -> str:
    """Return a name as text: UTF-8 if flag bit 11 is set, otherwise code page 437 (APPNOTE D.1)."""
    return raw.decode("utf-8", "surrogateescape") if flags & UTF8 else raw.decode("cp437")


@lru_cache(1)  # all scanners of zip-based formats in a row ask about the same blob
def find_archive(reader: Reader, head: bytes) -> tuple[int, int] | None:
    """Return start and end of the zip with which the reader begins or ends, or None without one.

    A zip that is a member of a tar does not count: it is examined as a member.
    """
    if head.startswith((LOCAL_MAGIC, END_MAGIC, SPANNED_MAGIC)):
        return 0, reader.size
    if reader.size <= _END.size:
        return None
    for end in _end_records(reader)[:1]:
        for claim in _claims(reader, end):
            if claim.size:
                return None if _is_tar_member(reader, head, claim.base, claim.stop) else (claim.base, claim.stop)
    return None


def archive_start(reader: Reader, stop: int) -> int:
    """Return the start of the archive whose end record, without a comment, ends at `stop`, or -1."""
    end = stop - _END.size
    if end < 0 or reader.read(end, len(END_MAGIC)) != END_MAGIC:
        return -1
    claim = next((claim for claim in _claims(reader, end) if claim.stop == stop and claim.base >= 0), None)
    if claim is None or reader.read(claim.base, len(LOCAL_MAGIC)) != LOCAL_MAGIC:
        return -1
    return claim.base


def _is_tar_member(reader: Reader, head: bytes, start: int, stop: int) -> bool:
    """Return whether the zip at [start, stop) follows the header of a tar member."""
    if start < BLOCK or start % BLOCK or parse_header(head[:BLOCK], 0) is None:
        return False
    header = parse_header(reader.read(start - BLOCK, BLOCK), start - BLOCK)
    return header is not None and header.size >= stop - start


def read_directory(reader: Reader, limits: Limits | None = None) -> ZipDirectory:
    """Return the directory in every interpretation; raises Malformed without an end record, and Truncated."""
    limits = limits or Limits()
    return _read_directory(reader, _Bounds(limits.parsed_bytes, limits.members))


@lru_cache(1)  # as above: four scanners read it to recognise their format, and again to scan it
def _read_directory(reader: Reader, limits: _Bounds) -> ZipDirectory:
    ends = _end_records(reader)
    claims = [(end, claim) for end in ends for claim in _claims(reader, end)]
    if not claims:
        detail = "the zip's end record points to no directory" if ends else "the zip has no end record: cut short?"
        raise Malformed(detail, ends[0] if ends else None)
    faults: list[Malformed | OverLimit] = []
    primary = claims[0][1]
    entries = _entries(reader, primary, limits, faults)
    conflicts = _count_conflict(primary, len(entries)) if not faults else []
    if primary.stop > reader.size:
        faults.append(Malformed("the zip's comment is cut short", claims[0][0]))
    known, others = set(entries), []
    for end, claim in claims[1:MAX_CLAIMS]:
        if claim[:2] == primary[:2] or (end != claims[0][0] and _inside_member(reader, entries, end)):
            continue
        broken: list[Malformed | OverLimit] = []
        fresh = [entry for entry in _entries(reader, claim, limits, broken) if entry not in known]
        if fresh and not any(_has_member(reader, entry) for entry in fresh):
            continue  # no loader can read it: a shifted directory that begins at a later entry by chance
        faults += broken
        if fresh or claim.base != primary.base:
            conflicts.append(f"another reading of its end finds {len(fresh):,} other entries at offset {claim.start}")
        known.update(fresh)
        others += fresh
    return ZipDirectory(
        tuple(entries), tuple(others), primary.base, primary.start, primary.stop, tuple(conflicts), tuple(faults)
    )


def _end_records(reader: Reader) -> list[int]:
    """Return the offsets of end records in the tail: first the last, then those whose comment ends with the file."""
    start = max(0, reader.size - TAIL)
    tail = reader.read(start, reader.size - start)
    found: list[int] = []
    position = tail.rfind(END_MAGIC, 0, max(0, len(tail) - _END.size + len(END_MAGIC)))
    while position >= 0:
        comment = int.from_bytes(tail[position + 20 : position + 22], "little")
        fits = position + _END.size + comment == len(tail)
        if fits or len(found) < MAX_CLAIMS:
            found.append(start + position)
        position = tail.rfind(END_MAGIC, 0, position + len(END_MAGIC) - 1)
    return found


def _claims(reader: Reader, end: int) -> list[_Claim]:
    """Return the distinct interpretations of the end record at `end` that point to a directory, CPython's first."""
    _, _, _, _, count, size, offset, comment = _END.unpack(reader.read(end, _END.size))
    stop = end + _END.size + comment
    found: dict[_Claim, None] = {}
    for before, size64, offset64, count64 in [*_zip64_ends(reader, end), (end, size, offset, count)]:
        relative = _Claim(before - size64, size64, count64, before - size64 - offset64, stop)
        absolute = _Claim(offset64, size64, count64, 0, stop)
        for claim in (relative, absolute):
            if _points_to_directory(reader, claim, end):
                found[claim] = None
    return list(found)


def _zip64_ends(reader: Reader, end: int) -> Iterator[tuple[int, int, int, int]]:
    """Yield (offset, directory size, directory offset, count) of the zip64 end records for the end record at `end`."""
    if end < _LOCATOR64.size:
        return
    magic, _, offset, _ = _LOCATOR64.unpack(reader.read(end - _LOCATOR64.size, _LOCATOR64.size))
    if magic != b"PK\x06\x07":
        return
    for place in dict.fromkeys((end - _LOCATOR64.size - _END64.size, offset)):
        if 0 <= place <= end - _END64.size:
            record = _END64.unpack(reader.read(place, _END64.size))
            if record[0] == b"PK\x06\x06":
                yield place, record[8], record[9], record[7]


def _points_to_directory(reader: Reader, claim: _Claim, end: int) -> bool:
    if claim.size == 0:
        return claim.total == 0 and 0 <= claim.start <= end
    fits = claim.start >= 0 and claim.size >= _CENTRAL.size and claim.start + claim.size <= end
    return fits and reader.read(claim.start, 4) == CENTRAL_MAGIC


def _count_conflict(claim: _Claim, count: int) -> list[str]:
    if claim.total & SATURATED16 == count & SATURATED16:
        return []
    return [f"its end record counts {claim.total:,} entries, its directory holds {count:,}"]


def _inside_member(reader: Reader, entries: list[ZipEntry], offset: int) -> bool:
    """Return whether `offset` lies in the data of a member, as for a zip stored in this one."""
    ordered = sorted(entries, key=_by_offset)
    index = bisect.bisect_left(ordered, offset, key=_by_offset) - 1
    if index < 0:
        return False
    try:
        data = ordered[index].data_offset(reader)
    except (Malformed, Truncated):
        return False
    return data <= offset < data + ordered[index].compressed_size


def _has_member(reader: Reader, entry: ZipEntry) -> bool:
    """Return whether a local header is at the offset in an entry."""
    inside = 0 <= entry.header_offset <= reader.size - _LOCAL.size
    return inside and reader.read(entry.header_offset, len(LOCAL_MAGIC)) == LOCAL_MAGIC


def _by_offset(entry: ZipEntry) -> int:
    return entry.header_offset


def _entries(reader: Reader, claim: _Claim, limits: _Bounds, faults: list[Malformed | OverLimit]) -> list[ZipEntry]:
    """Return the entries of one directory up to the first damaged one; the error is appended to `faults`."""
    if claim.size > limits.parsed_bytes:
        faults.append(OverLimit(f"more than {limits.parsed_bytes:,} bytes of zip directory"))
        return []
    data = reader.read(claim.start, claim.size)
    entries: list[ZipEntry] = []
    position = 0
    try:
        while position < len(data):
            if len(entries) == limits.members:
                raise OverLimit(f"more than {limits.members:,} archive members")
            entry, position = _entry(data, position, claim)
            entries.append(entry)
    except (Malformed, OverLimit) as error:
        faults.append(error)
    return entries


def _entry(data: bytes, position: int, claim: _Claim) -> tuple[ZipEntry, int]:
    if position + _CENTRAL.size > len(data):
        raise Malformed("the zip's directory ends inside an entry", claim.start + position)
    magic, _, _, flags, method, _, _, crc, packed, size, *lengths, _, attributes, offset = _CENTRAL.unpack_from(
        data, position
    )
    if magic != CENTRAL_MAGIC:
        raise Malformed("the zip's directory holds something that is not an entry", claim.start + position)
    name_end = position + _CENTRAL.size + lengths[0]
    extra_end = name_end + lengths[1]
    raw = data[position + _CENTRAL.size : name_end]
    if SATURATED in (size, packed, offset):
        size, packed, offset = zip64_values(data[name_end:extra_end], (size, packed, offset))
    name = decoded_name(raw, flags)
    other = unicode_name(data[name_end:extra_end], raw) if lengths[1] else ""
    entry = ZipEntry(name, method, flags, crc, packed, size, offset + claim.base, attributes >> 16, other)
    return entry, extra_end + lengths[2]


_UNICODE_NAME = 0x7075


def zip64_values(extra: bytes, values: tuple[int, ...]) -> tuple[int, ...]:
    """Return `values` with saturated ones replaced from the zip64 extra field, in order (APPNOTE 4.5.3).

    If the field is missing or too short, they stay saturated, which is impossible for a file.
    """
    position = 0
    while position + 4 <= len(extra):
        kind, length = struct.unpack_from("<HH", extra, position)
        if kind == 1:
            body = extra[position + 4 : position + 4 + length]
            wide = iter(struct.unpack(f"<{len(body) // 8}Q", body[: len(body) // 8 * 8]))
            return tuple(next(wide, value) if value == SATURATED else value for value in values)
        position += 4 + length
    return values


def unicode_name(extra: bytes, raw: bytes) -> str:
    """Return the Unicode name of a member whose own name is ASCII, or "" without one (APPNOTE 4.6.9).

    The field holds a version, the checksum of the name that it replaces, and UTF-8.
    """
    position = 0
    while position + 4 <= len(extra) and raw.isascii():
        kind, length = struct.unpack_from("<HH", extra, position)
        body = extra[position + 4 : position + 4 + length]
        if kind == _UNICODE_NAME and body[1:5] == struct.pack("<L", zlib.crc32(raw)) and body[5:] != raw:
            return body[5:].decode("utf-8", "replace")
        position += 4 + length
    return ""


def read_local(reader: Reader, offset: int, names: Budget | None = None) -> LocalHeader:
    """Return the local header at `offset`; raises Malformed if there is none, and Truncated.

    The bytes of its name and extra field are charged to `names`, and stay unread if that is exhausted: the offset of
    the data is known without them, and one long header must not hide the members after it.
    """
    magic, _, flags, method, _, _, crc, packed, size, name_length, extra_length = _LOCAL.unpack(
        reader.read(offset, _LOCAL.size)
    )
    if magic != LOCAL_MAGIC:
        raise Malformed("there is no local header where the zip's directory says", offset)
    start, length = offset + _LOCAL.size, name_length + extra_length
    if names and length > names.left:
        check_range(start, length, reader.size)
        return LocalHeader(None, method, flags, crc, packed, size, start + length)
    variable = reader.read(start, length)
    if names:
        names.spend(length)
    if SATURATED in (size, packed):
        size, packed = zip64_values(variable[name_length:], (size, packed))
    return LocalHeader(variable[:name_length], method, flags, crc, packed, size, start + length)


def member_name(entry: ZipEntry) -> str:
    """Return the name of a member for locators: printable, and at most `NAME_LENGTH` characters."""
    return printable(entry.name, NAME_LENGTH)


def decompressed(reader: Reader, entry: ZipEntry, start: int, most: int = sys.maxsize) -> Iterator[bytes]:
    """Yield the data of a compressed member at `start`; raises Malformed, Truncated, OverLimit, MissingDependency.

    Of deflated data, `most` bytes are decoded; other methods decode whole blocks.

    The end of the stream counts: a size that extends beyond the file does not stop loaders.
    """
    stop = min(start + entry.compressed_size, reader.size)
    if entry.method == DEFLATED:
        return decoded(reader, start, stop, lambda: Inflater(-zlib.MAX_WBITS), most)
    if entry.method == DEFLATE64:
        return inflated64(reader, start, stop)
    if entry.method == LZMA:
        return _zip_lzma(reader, start, stop, entry)
    codec = {BZIP2: unbzipped, XZ: unxz, ZSTD: unzstd, 20: unzstd}.get(entry.method)
    if codec is None:
        raise MissingDependency(f"zip compression method {entry.method} cannot be read: unpack the archive first")
    return codec(reader, start, stop)


def _zip_lzma(reader: Reader, start: int, stop: int, entry: ZipEntry) -> Iterator[bytes]:
    """Yield an LZMA member: version (2 bytes), size of the properties, properties, raw stream (APPNOTE 5.8.8)."""
    import lzma

    header = reader.read(start, 9)
    if int.from_bytes(header[2:4], "little") != 5:
        raise Malformed("the properties of an LZMA member are invalid", start)
    filters = [lzma_filter(header[4:])]
    size = sys.maxsize if entry.flags & LZMA_END_MARK else entry.size
    return decoded(reader, start + 9, stop, lambda: LzmaDecoder(lzma.FORMAT_RAW, filters), size)


def member_blob(blob: Blob, entry: ZipEntry, context: Context, expansion: Expansion | None = None) -> Blob:
    """Return the member `entry` of the zip `blob`: a window if it is stored, otherwise its decompressed data.

    `expansion` receives size, CRC and fault of the decompressed data. Raises Malformed, Truncated.
    """
    start = entry.data_offset(blob.reader)
    if entry.method == STORED:
        return blob.window(member_name(entry), start, entry.compressed_size)
    expansion = expansion or Expansion(context)
    reader = expansion.reader(decompressed(blob.reader, entry, start))
    return blob.nested(member_name(entry), reader, expanded=True)


def entry_from_local(reader: Reader, offset: int, stop: int) -> ZipEntry | None:
    """Return the member that the local header at `offset` describes, before `stop`, or None if it is implausible.

    If a descriptor holds the sizes, the data extends to its signature (stored), or to `stop` (the stream tells its own
    end); the checksum is then -1.
    """
    try:
        local = read_local(reader, offset)
    except (Malformed, Truncated):
        return None
    if not local.raw_name or local.method not in METHODS or local.data_offset >= stop:
        return None
    packed, size, crc = local.compressed_size, local.size, local.crc
    if local.flags & DESCRIPTOR and not packed:
        end = reader.find(SPANNED_MAGIC, local.data_offset, stop) if local.method == STORED else stop
        packed = size = (end if end >= 0 else stop) - local.data_offset
        crc = -1
    name = decoded_name(local.raw_name, local.flags)
    return ZipEntry(name, local.method, local.flags, crc, packed, size, offset, 0)
