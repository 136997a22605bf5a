"""Tar archives: ustar, GNU, PAX and V7, with their members in place, and the data after the end of the archive.

Format: POSIX.1-2017 pax (https://pubs.opengroup.org/onlinepubs/9699919799/utilities/pax.html) and the GNU tar manual.
Read as Python's tarfile reads it, because that is what loaders use.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator

from modelsweep.core.finding import Finding, Rule, Severity, Span
from modelsweep.core.limits import OverLimit
from modelsweep.core.reader import Reader, Truncated
from modelsweep.core.scanner import Blob, Context, Item, Malformed, MissingDependency, Scanner, problem_of
from modelsweep.core.text import printable
from modelsweep.core.units import GIB, KIB, MIB
from modelsweep.core.values import dataclass, field
from scanners.parsing.extraction import RULES, SHOWN, Extraction, Link
from scanners.parsing.image_layer import is_layer
from scanners.parsing.tar_header import BLOCK, WITHOUT_DATA, Header, parse_header, text_field

NAME = "tar"
_ZEROS = bytes(MIB)
MAX_EXTENDED = 16 * MIB
"""Maximum bytes of one extended header (long name or PAX records)."""
MAX_NAME_READ = 64 * KIB
"""Maximum characters of a name that are read: file systems allow some four thousand."""
MAX_NAME = 1024
"""Maximum characters of a member's name that are kept."""
MIN_PAX_SIZE = 8 * GIB
"""Size in bytes from which it does not fit the header, so that a PAX record must give it."""
_MAGIC, _MAGIC_OFFSET = b"ustar", 257

_POSIX = "https://pubs.opengroup.org/onlinepubs/9699919799/utilities/pax.html"
AFTER_END = Rule(
    id="tar/members-after-end",
    title="Members after the end of a tar archive",
    severity=Severity.WARNING,
    message="{subject} comes after the end of the archive",
    why="Most programs stop at the end marker and do not see it. Others read on, as `tar -i` does.",
    fix="Create the archive again, and unpack concatenated archives one by one.",
    cwe=436,
    references=(_POSIX,),
)
TRAILING = Rule(
    id="tar/trailing-data",
    title="Data after a tar archive",
    severity=Severity.INFO,
    message="{length} bytes that are not a tar member follow the end of the archive",
    why="Programs that read the archive ignore the data, which may be anything.",
    fix="If nobody can say what the data is, create the archive again.",
    references=(_POSIX,),
)
SIZE_MISMATCH = Rule(
    id="tar/size-mismatch",
    title="Tar member with two sizes",
    severity=Severity.WARNING,
    message="the header of {subject} says {size} bytes, but its PAX records say {pax}",
    why="Programs that use different sizes see different members after it, so a scanner may miss what is unpacked.",
    fix="Create the archive again with a well-known program.",
    cwe=436,
    references=("https://nvd.nist.gov/vuln/detail/CVE-2025-62518", _POSIX),
)

_SPECIAL = {ord("3"): "character device", ord("4"): "block device", ord("6"): "FIFO"}
_LINKS: dict[int, Link] = {ord("1"): "hard", ord("2"): "symbolic"}
_LONG_NAME, _LONG_LINK = ord("L"), ord("K")
_PAX, _PAX_GLOBAL = frozenset(b"xX"), ord("g")
_SPARSE = ord("S")
_SPARSE_NAME = "GNU.sparse.name"
"""PAX record with the real name of a sparse member: the header has an artificial one (GNU tar, Sparse Formats, PAX)."""
_SPARSE_MAP, _SPARSE_MORE = 482, 504


@dataclass(slots=True)
class _Extended:
    """What extended headers declare for the next member, and global PAX headers for all members."""

    following: dict[str, str] = field(default_factory=dict)
    always: dict[str, str] = field(default_factory=dict)

    def of(self, key: str) -> str | None:
        return self.following.get(key, self.always.get(key))

    def size(self, header: Header) -> int:
        """Return the size of the member; a PAX record that is not a number counts as 0, as in tarfile."""
        value = self.of("size")
        try:
            return header.size if value is None else int(value)
        except ValueError:
            return 0

    @property
    def sparse(self) -> bool:
        return any(key.startswith("GNU.sparse.") for key in self.following)


def accepts(blob: Blob) -> bool:
    """Return whether the first block is a header: a valid checksum is sufficient evidence."""
    return len(blob.head) >= BLOCK and parse_header(blob.head[:BLOCK], 0) is not None


def scan(blob: Blob, context: Context) -> Iterator[Item]:
    """Yield the members in order, including those after the end of the archive, and what is wrong with them."""
    extraction = Extraction(blob.locator, root=is_layer(blob.locator))
    extended = _Extended()
    position, ended, complained = 0, False, False
    while (start := _skip_zeros(blob.reader, position)) + BLOCK <= blob.size:
        ended = ended or start > position
        header = parse_header(blob.reader.read(start, BLOCK), start)
        if header is None or header.size < 0:
            follower = _next_header(blob.reader, start + BLOCK)
            yield from _foreign(blob, start, follower, ended)
            position, complained = follower, complained or not ended
            continue
        if header.kind in _EXTENSIONS:
            context.members.spend()
            position = yield from _extend(blob, header, extended)
            continue
        if ended:
            yield Finding(AFTER_END, blob.locator, printable(header.name, SHOWN), span=Span(start))
        position = yield from _member(blob, header, extended, extraction, context)
        extended.following.clear()
    if blob.size % BLOCK:
        raise Malformed("the archive ends inside a block: cut short", start)
    if not (ended or complained or start > position):
        raise Malformed("no end-of-archive marker: cut short", start)


_EXTENSIONS = frozenset((_LONG_NAME, _LONG_LINK, _PAX_GLOBAL, *_PAX))


def _skip_zeros(reader: Reader, position: int) -> int:
    """Return the offset of the first block at or after `position` that is not all zeros, or the end."""
    while position < reader.size:
        length = min(BLOCK if position % MIB else MIB, reader.size - position)
        window = reader.read(position, length)
        if window != _ZEROS[:length]:
            return position + (length - len(window.lstrip(b"\0"))) // BLOCK * BLOCK
        position += length
    return reader.size


def _next_header(reader: Reader, start: int) -> int:
    """Return the offset of the next block from `start` that is a header with a magic number, or the end."""
    offset = start
    while (found := reader.find(_MAGIC, offset + _MAGIC_OFFSET)) >= 0:
        offset = start + _padded(found - _MAGIC_OFFSET - start)
        if offset + BLOCK > reader.size:
            break
        if offset + _MAGIC_OFFSET == found:
            if parse_header(reader.read(offset, BLOCK), offset) is not None:
                return offset
            offset += BLOCK
    return reader.size


def _foreign(blob: Blob, start: int, stop: int, ended: bool) -> Iterator[Item]:
    """Yield what is in place of a header: data after the archive, or a broken header and what follows it."""
    if ended:
        yield Finding(TRAILING, blob.locator, span=Span(start, stop - start), evidence={"length": f"{stop - start:,}"})
    else:
        yield problem_of(Malformed("not a tar header", start), blob.locator, NAME)
    yield blob.window(f"data at {start}", start, stop - start)


def _extend(blob: Blob, header: Header, extended: _Extended) -> Generator[Item, None, int]:
    """Parse an extended header; return the offset of the next one.

    A header that contains the end of a zip is yielded as well: the file may be read as that zip.
    """
    from scanners.parsing.zip_directory import END_MAGIC

    if header.size > MAX_EXTENDED:
        raise Malformed(f"an extended header of {header.size:,} bytes", header.data)
    data = blob.reader.read(header.data, min(_padded(header.size), max(header.size, blob.size - header.data)))
    if END_MAGIC in data:
        yield blob.window(f"extended header at {header.data}", header.data, header.size)
    if header.kind == _LONG_NAME:
        extended.following["path"] = text_field(data)
    elif header.kind == _LONG_LINK:
        extended.following["linkpath"] = text_field(data)
    else:
        records, whole = _pax_records(data)
        (extended.always if header.kind == _PAX_GLOBAL else extended.following).update(records)
        if not whole:
            yield problem_of(Malformed("a PAX record is damaged", header.data), blob.locator, NAME)
    yield from _cut(blob, extended)
    return header.data + _padded(header.size)


def _cut(blob: Blob, extended: _Extended) -> Iterator[Item]:
    """Shorten very long names, since a global record gives one to all members, and each member's is examined."""
    for records in (extended.following, extended.always):
        for key in ("path", "linkpath", _SPARSE_NAME):
            if len(records.get(key, "")) > MAX_NAME_READ:
                records[key] = records[key][:MAX_NAME_READ]
                fault = OverLimit(f"a name of more than {MAX_NAME_READ:,} characters: only its beginning was looked at")
                yield problem_of(fault, blob.locator, NAME)


def _pax_records(data: bytes) -> tuple[dict[str, str], bool]:
    """Return the records `LENGTH KEY=VALUE\n` up to the first that is damaged, and whether all were read."""
    records: dict[str, str] = {}
    position = 0
    while position < len(data) and data[position]:
        digits, space, _ = data[position : position + 20].partition(b" ")
        length = int(digits) if space and digits.isdigit() else 0
        key, equals, value = data[position + len(digits) + 1 : position + max(length, 1) - 1].partition(b"=")
        if not length or not equals:
            return records, False
        records[key.decode("utf-8", "surrogateescape")] = value.decode("utf-8", "surrogateescape")
        position += length
    return records, True


def _padded(size: int) -> int:
    return -(-size // BLOCK) * BLOCK


def _member(
    blob: Blob, header: Header, extended: _Extended, extraction: Extraction, context: Context
) -> Generator[Item, None, int]:
    """Yield the member that `header` describes; return the offset of the next header."""
    name = extended.of(_SPARSE_NAME) or extended.of("path") or header.name
    place = header.data - BLOCK
    other = extended.of("path")
    if other and other != name:  # which name counts depends on their order and on the program
        yield from extraction.file(other, place)
    if header.kind in WITHOUT_DATA:
        context.members.spend()
        yield from _made(name, extended.of("linkpath") or header.target, header.kind, extraction, place)
        return header.data
    yield from extraction.file(name, place)
    size = extended.size(header)
    if size < 0:
        raise Malformed("a PAX record gives a negative size", place)
    if size != header.size and (header.size or size < MIN_PAX_SIZE):
        evidence = {"size": f"{header.size:,}", "pax": f"{size:,}"}
        yield Finding(SIZE_MISMATCH, blob.locator, printable(name, SHOWN), span=Span(place), evidence=evidence)
    data = _sparse_data(blob.reader, header) if header.kind == _SPARSE else header.data
    locator = blob.locator.member(printable(name, MAX_NAME))
    if header.kind == _SPARSE or extended.sparse:
        yield problem_of(
            MissingDependency("a sparse file, of which only the stored bytes were examined"), locator, NAME
        )
    available = min(size, blob.size - data)
    if available < size:
        yield problem_of(Truncated(data, size, blob.size), locator, NAME)
    if available > 0:
        yield blob.window(locator.members[-1], data, available)
    else:
        context.members.spend()
    return data + _padded(size)


def _made(name: str, target: str, kind: int, extraction: Extraction, place: int) -> Iterator[Item]:
    """Yield what is wrong with a member that is not a regular file."""
    if kind in _LINKS:
        yield from extraction.link(name, target, _LINKS[kind], place)
    elif kind in _SPECIAL:
        yield from extraction.special(name, _SPECIAL[kind], place)
    else:
        yield from extraction.file(name, place)


def _sparse_data(reader: Reader, header: Header) -> int:
    """Return the offset of an old GNU sparse member's stored bytes, after the blocks that continue its map."""
    more, data = reader.read(header.data - BLOCK + _SPARSE_MAP, 1), header.data
    while more != b"\0":
        if data - header.data > MAX_EXTENDED:
            raise Malformed(f"a sparse map of more than {MAX_EXTENDED:,} bytes", header.data)
        more = reader.read(data + _SPARSE_MORE, 1)
        data += BLOCK
    return data


SCANNER = Scanner(
    name=NAME,
    title="Tar archive",
    version=6,
    accepts=accepts,
    scan=scan,
    rules=(AFTER_END, TRAILING, SIZE_MISMATCH, *RULES),
    suffixes=(".tar", ".nemo", ".mar"),
)
