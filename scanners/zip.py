"""Zip archives of every kind (torch, npz, keras, jar, wheel): their members, and what zip readers disagree on.

Format: PKWARE APPNOTE 6.3.10. Members are read as a tolerant loader reads them, and each trick that makes other
scanners fail (CVE-2025-1944, -1945, -10156) has a finding of its own.
"""

from __future__ import annotations

import stat
import zlib
from collections import Counter
from collections.abc import Iterator
from itertools import islice

from modelsweep.core import patterns as re
from modelsweep.core.finding import Finding, Rule, Severity, Span
from modelsweep.core.limits import Budget, OverLimit
from modelsweep.core.reader import ContentChanged, Reader, Truncated, check_range
from modelsweep.core.scanner import (
    RAW,
    ZIP,
    Apart,
    Blob,
    Context,
    Encrypted,
    Item,
    Malformed,
    MissingDependency,
    Scanner,
    problem_of,
)
from modelsweep.core.text import printable
from modelsweep.core.units import KIB, MIB
from modelsweep.core.values import dataclass
from scanners import torch_distributed
from scanners.detector import CLOSE
from scanners.parsing import zip_directory as directories
from scanners.parsing.decompression import Expansion
from scanners.parsing.extraction import BOMB, RULES, SHOWN, SPECIAL_KINDS, Extraction, bombs
from scanners.parsing.zip_directory import LocalHeader, ZipDirectory, ZipEntry

NAME = "zip"
MAX_CHECKED = 1 * MIB
"""Maximum bytes of a stored member whose checksum is verified."""
MAX_CHECKED_TOTAL = 16 * MIB
"""Maximum bytes of stored members in one archive whose checksums are verified, since this reads them twice."""
MAX_CANDIDATES = 200_000
"""Maximum local magic numbers that are checked in one gap of the directory."""
MAX_LINK_TARGET = 4 * KIB
"""Maximum bytes of a symbolic link's target that are read."""
AES_METHOD = 99
MIN_UNREAD_STORAGE = 64 * KIB
"""Minimum bytes of a tensor storage that quick depth leaves unread."""
_STORAGE = re.compile(r"(.+)/data/\d+")
_ZARR_METADATA = frozenset({".zattrs", ".zgroup", ".zarray", ".zmetadata", "zarr.json"})
"""Metadata files of zarr, which appends a changed one under the same name and reads the last one.

https://zarr.readthedocs.io/en/stable/user-guide/storage/#zip-store. All of them are examined here, like any entry.
"""
_APPNOTE = "https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT"


def _rule(what: str, title: str, message: str, why: str, *cves: str, severity: Severity = Severity.WARNING) -> Rule:
    return Rule(
        id=f"zip/{what}",
        title=title,
        severity=severity,
        message=message,
        why=why,
        fix="Write the file again with the library that made it. If the difference comes back, ask its author.",
        cwe=436,
        references=(*(f"https://nvd.nist.gov/vuln/detail/{cve}" for cve in cves), _APPNOTE),
    )


_DISAGREE = "Programs differ in which of the two they believe, so a scanner may see different bytes than the loader."
HEADER_MISMATCH = _rule(
    "header-mismatch",
    "Zip member whose two headers differ",
    "the local header of {subject} differs from the directory: {differences}",
    _DISAGREE,
    "CVE-2025-1944",
)
FALSE_ENCRYPTION = _rule(
    "false-encryption",
    "Zip member marked as encrypted that is not",
    "{subject} is marked as encrypted, but its data is plain",
    "Scanners give up on encrypted members, while loaders that ignore the mark read them.",
    "CVE-2025-1945",
)
CONTENT_MISMATCH = _rule(
    "content-mismatch",
    "Zip member whose data does not match its header",
    "the data of {subject} does not have the declared {differences}",
    "The file is damaged, or crafted so that scanners give up where loaders that skip the check continue.",
    "CVE-2025-10156",
)
HIDDEN_ENTRY = _rule(
    "hidden-entry",
    "Zip member missing from the directory",
    "{subject} is in the archive, but its directory does not list it",
    "Programs that read the directory do not see it; programs that read from the front do.",
)
AMBIGUOUS = _rule(
    "ambiguous-directory",
    "Zip that can be read in more than one way",
    "programs differ in what they find in this zip: {differences}",
    _DISAGREE,
)
DUPLICATE_NAME = _rule(
    "duplicate-name",
    "Zip members with the same name and different data",
    "{subject} is in the archive {times} times, with different data",
    "Some programs use the first, others the last.",
)
OVERLAP = _rule(
    "overlapping-entries",
    "Zip members that share bytes",
    "{times} members share bytes with others, the first of which is {subject}",
    "A few kilobytes expand to petabytes, or one member hides inside another. No writer makes such files.",
)
NUL_NAME = _rule(
    "nul-in-name",
    "Zip member whose name contains a NUL",
    "the name {subject} contains a NUL character",
    "Some programs cut the name there, and so see a different extension.",
)
PREPENDED = _rule(
    "prepended-data",
    "Data in front of a zip",
    "the archive begins at offset {offset}, after other data",
    "The file is two things at once, as self-extracting programs are. Each program sees the one that it looks for.",
    severity=Severity.INFO,
)
TRAILING = _rule(
    "trailing-data",
    "Data after a zip",
    "{length} bytes follow the end of the archive",
    "Strict programs reject the file; tolerant ones ignore the data.",
    severity=Severity.INFO,
)


@dataclass(frozen=True, slots=True)
class _Member:
    """An entry whose local header was read; `start` is the offset of its data."""

    entry: ZipEntry
    start: int
    flags: int
    """Union of the flags in both headers."""
    raw: bool = False
    """Whether this is a tensor storage that quick depth leaves unread, with its local header."""
    front: ZipEntry | None = None
    """The entry according to its local header, if that describes different data."""

    @property
    def stop(self) -> int:
        return self.start + self.entry.compressed_size

    @property
    def marked_encrypted(self) -> bool:
        return bool(self.flags & (directories.ENCRYPTED | directories.STRONG_ENCRYPTION))


def accepts(blob: Blob) -> bool:
    """Return whether the blob begins or ends with a zip, and is not a chain of several (see `torch_distributed`)."""
    return not torch_distributed.accepts(blob) and directories.find_archive(blob.reader, blob.head) is not None


def scan(blob: Blob, context: Context) -> Iterator[Item]:
    """Yield what zip readers disagree on, then the members, whether or not the directory lists them."""
    try:
        directory = directories.read_directory(blob.reader, context.limits)
    except (Malformed, Truncated):
        for entry in _unlisted(blob.reader, 0, blob.size):
            yield from _entry_items(blob, entry, context)
        raise
    yield from _directory_findings(blob, directory)
    yield from _duplicates(blob, directory)
    members: list[_Member] = []
    names = Budget("bytes of names in front of members, which share them", blob.size)
    storages = _storages(directory) if context.options.depth == "quick" else {}
    for entry in (*directory.entries, *directory.others):
        if found := storages.get(entry.header_offset):
            members.append(found)
        else:
            yield from _locate(blob, entry, members, names)
    yield from _names(blob, members, context)
    overlapping = _overlapping(members)
    if overlapping:
        yield _finding(OVERLAP, blob, overlapping[0].entry, times=f"{len(overlapping):,}")
    apart = _apart(blob, context, members, overlapping)
    yield from _members(blob, members, context, frozenset(overlapping), frozenset(apart))
    fronts = [_Member(member.front, member.start, member.flags) for member in members if member.front]
    yield from _members(blob, fronts, context, frozenset(fronts))
    for fault in directory.faults:
        yield problem_of(fault, blob.locator, NAME)
    if any(isinstance(fault, OverLimit) for fault in directory.faults):
        return
    for entry in _hidden(blob, directory, members):
        if not directory.faults:
            yield _finding(HIDDEN_ENTRY, blob, entry)
        yield from _entry_items(blob, entry, context)


def open_member(blob: Blob, context: Context, number: int) -> Iterator[Item]:
    """Yield member `number`, counted from 0, of those that `scan` yields as `Apart`."""
    directory = directories.read_directory(blob.reader, context.limits)
    members: list[_Member] = []
    names = Budget("bytes of names", blob.size)
    for entry in (*directory.entries, *directory.others):
        for _ in _locate(blob, entry, members, names):
            pass  # `scan` says it
    apart = _apart(blob, context, members, _overlapping(members))
    if number >= len(apart):
        raise ContentChanged("the archive is no longer the one in which this was found")
    yield from _expanded(blob, apart[number], context)


def _apart(blob: Blob, context: Context, members: list[_Member], overlapping: list[_Member]) -> list[_Member]:
    """Return the members that become units of their own: large compressed ones that share no bytes with others."""
    shared = frozenset(overlapping)
    heavy = (
        member
        for member in members
        if member.entry.method != directories.STORED
        and context.is_heavy(_bytes_in_archive(blob, member))
        and member not in shared
    )
    return list(islice(heavy, context.apart(blob, NAME, len(members))))


def _bytes_in_archive(blob: Blob, member: _Member) -> int:
    """Return how many bytes of the archive a member occupies."""
    return max(0, min(member.stop, blob.size) - member.start)


def _directory_findings(blob: Blob, directory: ZipDirectory) -> Iterator[Item]:
    if directory.conflicts:
        differences = "; ".join(directory.conflicts)
        yield Finding(AMBIGUOUS, blob.locator, span=Span(directory.directory), evidence={"differences": differences})
    if directory.start > 0:
        yield Finding(PREPENDED, blob.locator, span=Span(0, directory.start), evidence={"offset": directory.start})
    trailing = blob.size - directory.stop
    if trailing > 0:
        yield Finding(TRAILING, blob.locator, span=Span(directory.stop, trailing), evidence={"length": trailing})


def _duplicates(blob: Blob, directory: ZipDirectory) -> Iterator[Item]:
    names = Counter(entry.name for entry in directory.entries)
    repeated = {name for name, times in names.items() if times > 1 and name.rpartition("/")[2] not in _ZARR_METADATA}
    contents: dict[str, set[tuple[int, int]]] = {name: set() for name in repeated}
    for entry in directory.entries if repeated else ():
        if entry.name in repeated:
            contents[entry.name].add((entry.crc, entry.size))
    for name in sorted(repeated):
        if len(contents[name]) > 1:
            yield Finding(DUPLICATE_NAME, blob.locator, printable(name, SHOWN), evidence={"times": names[name]})


def _storages(directory: ZipDirectory) -> dict[int, _Member]:
    """Return the large tensor storages of a checkpoint by header offset; no loader reads them as anything else.

    Reading their local headers would cost one request each for a remote archive, so their data is assumed to end where
    the next header begins.
    """
    names = {entry.name for entry in directory.entries}
    found: dict[int, _Member] = {}
    stop = directory.directory
    for entry in sorted(directory.entries, key=lambda entry: -entry.header_offset):
        name = _STORAGE.fullmatch(entry.name)
        stored = entry.method == directories.STORED and entry.size == entry.compressed_size >= MIN_UNREAD_STORAGE
        start = stop - entry.size
        if name and f"{name[1]}/data.pkl" in names and stored and start > entry.header_offset:
            found[entry.header_offset] = _Member(entry, start, entry.flags, raw=True)
        stop = entry.header_offset
    return found


def _locate(blob: Blob, entry: ZipEntry, members: list[_Member], names: Budget) -> Iterator[Item]:
    """Add `entry` to `members` if its local header exists, and yield how the two headers differ.

    `names` limits the bytes read between headers and data, which entries that share them could multiply.
    """
    try:
        local = directories.read_local(blob.reader, entry.header_offset, names)
    except (Malformed, Truncated) as error:
        yield problem_of(error, blob.locator.member(directories.member_name(entry)), NAME)
        return
    if local.raw_name is None:
        unread = OverLimit(f"more than {names.limit:,} {names.what}")
        yield problem_of(unread, blob.locator.member(directories.member_name(entry)), NAME)
    members.append(_Member(entry, local.data_offset, entry.flags | local.flags, front=_seen_from_front(entry, local)))
    differences = ", ".join(_differences(entry, local))
    if differences:
        evidence = {"differences": printable(differences, 2 * SHOWN)}
        subject = printable(entry.name, SHOWN)
        yield Finding(HEADER_MISMATCH, blob.locator, subject, span=Span(entry.header_offset), evidence=evidence)


def _seen_from_front(entry: ZipEntry, local: LocalHeader) -> ZipEntry | None:
    """Return the entry as programs see it that read the archive from the front, or None if its data is the same."""
    packed, size, crc = local.compressed_size, local.size, local.crc
    unread = local.raw_name is None and directories.SATURATED in (packed, size)
    elsewhere = local.flags & directories.DESCRIPTOR or (local.flags | entry.flags) & directories.MASKED
    if unread or elsewhere or not packed:
        packed, size, crc = entry.compressed_size, entry.size, entry.crc
    if (local.method, packed) == (entry.method, entry.compressed_size):
        return None
    return entry._replace(method=local.method, compressed_size=packed, size=size, crc=crc)


def _differences(entry: ZipEntry, local: LocalHeader) -> Iterator[str]:
    if local.raw_name is not None and local.raw_name != entry.raw_name:
        yield f"its name is {directories.decoded_name(local.raw_name, local.flags)[:SHOWN]}"
    if entry.unicode_name:
        yield f"its name in Unicode is {entry.unicode_name[:SHOWN]}"
    if local.method != entry.method:
        yield f"its method is {local.method}, not {entry.method}"
    if (local.flags ^ entry.flags) & directories.ENCRYPTED:
        yield "only one says that the data is encrypted"
    if local.flags & directories.DESCRIPTOR or (local.flags | entry.flags) & directories.MASKED:
        return  # sizes and checksum follow the data, or are masked
    if local.raw_name is None and directories.SATURATED in (local.compressed_size, local.size):
        return  # they are in the extra field
    pairs = (
        ("compressed size", local.compressed_size, entry.compressed_size),
        ("size", local.size, entry.size),
        ("CRC-32", local.crc, entry.crc),
    )
    for what, here, there in pairs:
        if here != there:
            yield f"its {what} is {here}, not {there}"


def _names(blob: Blob, members: list[_Member], context: Context) -> Iterator[Item]:
    extraction = Extraction(blob.locator, ending=".zip" if len(members) == 1 else "")
    for member in members:
        entry = member.entry
        if "\0" in entry.name:
            subject = printable(entry.name, SHOWN)
            yield Finding(NUL_NAME, blob.locator, subject, span=Span(entry.header_offset))
        kind = stat.S_IFMT(entry.mode)
        if entry.unicode_name:
            yield from extraction.file(entry.unicode_name, entry.header_offset)
        if kind == stat.S_IFLNK:
            name = _link_target(blob, member, context).decode("utf-8", "surrogateescape")
            yield from extraction.link(entry.name, name, "symbolic", entry.header_offset)
        elif kind in SPECIAL_KINDS and not entry.size:  # `zip -` writes its standard input's kind
            yield from extraction.special(entry.name, SPECIAL_KINDS[kind], entry.header_offset)
        else:
            yield from extraction.file(entry.name, entry.header_offset)


def _link_target(blob: Blob, member: _Member, context: Context) -> bytes:
    """Return the start of a link's target, or nothing if its data is damaged, which is reported for every member."""
    entry = member.entry
    if entry.method == directories.STORED:
        return blob.reader.read(member.start, max(0, min(MAX_LINK_TARGET, entry.size, blob.size - member.start)))
    try:
        context.expanded.spend(MAX_LINK_TARGET if entry.method == directories.DEFLATED else MIB)  # a block at least
        return next(directories.decompressed(blob.reader, entry, member.start, MAX_LINK_TARGET), b"")[:MAX_LINK_TARGET]
    except (Malformed, Truncated, OverLimit, MissingDependency):
        return b""


def _overlapping(members: list[_Member]) -> list[_Member]:
    """Return the members that begin before an earlier one ends."""
    found: list[_Member] = []
    end = -1
    for member in sorted(members, key=_header_offset):
        if member.entry.header_offset < end:
            found.append(member)
        end = max(end, member.stop)
    return found


def _header_offset(member: _Member) -> int:
    return member.entry.header_offset


def _members(
    blob: Blob,
    members: list[_Member],
    context: Context,
    overlapping: frozenset[_Member] = frozenset(),
    apart: frozenset[_Member] = frozenset(),
) -> Iterator[Item]:
    """Yield the members; once the budget of decompressed bytes is spent, only stored ones.

    Stored members that share bytes are examined once per distinct range, and together only up to the length of the
    file. The shortest ranges come first, so that a member that claims the whole file cannot hide another.
    """
    unchecked = MAX_CHECKED_TOTAL if context.options.depth == "full" else 0
    runs, seen, left_out = _affordable(blob, overlapping), set[tuple[int, int]](), 0
    for member in members:
        if member in apart:
            yield Apart(blob.locator.member(directories.member_name(member.entry)), _bytes_in_archive(blob, member))
            continue
        size = member.entry.compressed_size
        stored = member.entry.method == directories.STORED
        over = not stored and size > 0 and context.expanded.left <= 0
        if stored and member in overlapping:
            if (member.start, size) in seen:
                continue
            seen.add((member.start, size))
            over = (member.start, size) not in runs
        if over:
            left_out += 1
        elif member.raw:
            yield from _unread_storage(blob, member)
        elif stored and size:
            check = size <= min(MAX_CHECKED, unchecked)
            unchecked -= size if check else 0
            yield from _stored(blob, member, check)
        elif size:
            yield from _expanded(blob, member, context)
        else:
            yield from _empty_member(blob, member.entry)
    if left_out:
        raise OverLimit(
            f"members left out: {left_out:,}, after {context.expanded.limit:,} decompressed or shared bytes"
        )


def _affordable(blob: Blob, overlapping: frozenset[_Member]) -> set[tuple[int, int]]:
    """Return the (start, claimed length) of overlapping stored members, shortest first, up to the file's length."""
    stored = (member for member in overlapping if member.entry.method == directories.STORED)
    lengths = {(member.start, member.entry.compressed_size): _bytes_in_archive(blob, member) for member in stored}
    found: set[tuple[int, int]] = set()
    left = blob.size
    for run, length in sorted(lengths.items(), key=lambda item: (item[1], item[0])):
        left -= length
        if left < 0:
            break
        found.add(run)
    return found


def _empty_member(blob: Blob, entry: ZipEntry) -> Iterator[Finding]:
    """Yield a finding if an entry without data, such as a folder, declares the checksum of some."""
    if entry.crc not in (0, _NO_CHECKSUM):
        yield _finding(CONTENT_MISMATCH, blob, entry, differences="CRC-32")


def _unread_storage(blob: Blob, member: _Member) -> Iterator[Blob]:
    """Yield an unread storage as raw bytes if the archive is searched closely; raises Truncated if it is incomplete."""
    size = member.entry.compressed_size
    if blob.size > CLOSE:  # at quick depth nothing else needs to know what lies where
        check_range(member.start, size, blob.size)
    else:
        yield blob.window(directories.member_name(member.entry), member.start, size, expect=RAW)


def _entry_items(blob: Blob, entry: ZipEntry, context: Context) -> Iterator[Item]:
    """Yield a member that is described only by its local header."""
    local = directories.read_local(blob.reader, entry.header_offset)
    yield from _members(blob, [_Member(entry, local.data_offset, entry.flags)], context)


def _stored(blob: Blob, member: _Member, check: bool) -> Iterator[Item]:
    entry = member.entry
    locator = blob.locator.member(directories.member_name(entry))
    try:
        inside = blob.window(directories.member_name(entry), member.start, entry.compressed_size)
    except Truncated as error:
        yield problem_of(error, locator, NAME)
        available = blob.size - member.start
        if available <= 0:
            return
        inside, check = blob.window(directories.member_name(entry), member.start, available), False
    differences = ["size"] if entry.size != entry.compressed_size else []
    if entry.encrypted and differences:
        # Examined all the same: a loader that ignores the mark reads it, and the sizes are the attacker's to choose.
        yield problem_of(Encrypted("the member is encrypted"), locator, NAME)
        yield inside
        return
    if member.marked_encrypted:  # encryption adds a header of 12 bytes, so the sizes would differ
        yield _finding(FALSE_ENCRYPTION, blob, entry)
    if check and entry.crc != _NO_CHECKSUM and zlib.crc32(inside.reader.read(0, inside.size)) != entry.crc:
        differences.append("CRC-32")
    if differences:
        yield _finding(CONTENT_MISMATCH, blob, entry, differences=" and ".join(differences))
    yield inside


def _expanded(blob: Blob, member: _Member, context: Context) -> Iterator[Item]:
    entry = member.entry
    locator = blob.locator.member(directories.member_name(entry))
    if entry.method == AES_METHOD:
        yield problem_of(Encrypted("the member is encrypted (AES)"), locator, NAME)
        return
    expansion = Expansion(context)
    try:
        inside = directories.member_blob(blob, entry, context, expansion)
    except (Malformed, OverLimit, Truncated, MissingDependency) as error:
        yield problem_of(error, locator, NAME)
        return
    differences = _content_differences(entry, expansion)
    if member.marked_encrypted and (expansion.fault or len(differences) == _ALL_DIFFERENCES):
        yield problem_of(Encrypted("the member is encrypted"), locator, NAME)
        return
    if member.marked_encrypted:
        yield _finding(FALSE_ENCRYPTION, blob, entry)
    if expansion.fault:
        yield problem_of(expansion.fault, locator, NAME)
    elif differences and entry.crc != _NO_CHECKSUM:
        yield _finding(CONTENT_MISMATCH, blob, entry, differences=" and ".join(differences))
    if inside.size:
        if not _STORAGE.fullmatch(entry.name):  # a tensor of zeros compresses like a bomb
            taken, floor = _bytes_in_archive(blob, member), context.limits.expanded_floor
            yield from bombs(entry.name, locator, taken, inside.reader, expansion.fault, floor)
        yield inside


_ALL_DIFFERENCES = 2
_NO_CHECKSUM = -1
"""The checksum of an entry whose header leaves it to a descriptor after the data."""


def _content_differences(entry: ZipEntry, expansion: Expansion) -> list[str]:
    differences = ["size"] if expansion.size != entry.size else []
    return [*differences, "CRC-32"] if expansion.crc != entry.crc else differences


def _finding(rule: Rule, blob: Blob, entry: ZipEntry, **evidence: str) -> Finding:
    subject = printable(entry.name, SHOWN)
    return Finding(rule, blob.locator, subject, span=Span(entry.header_offset), evidence={**evidence})


def _hidden(blob: Blob, directory: ZipDirectory, members: list[_Member]) -> Iterator[ZipEntry]:
    """Yield unlisted entries between members, before them if the file begins as a zip, and after them."""
    position = 0 if blob.head.startswith(directories.LOCAL_MAGIC) else max(directory.start, 0)
    for member in sorted(members, key=_header_offset):
        yield from _unlisted(blob.reader, position, member.entry.header_offset)
        position = max(position, member.stop)
    yield from _unlisted(blob.reader, position, directory.directory)
    yield from _unlisted(blob.reader, directory.stop, blob.size)


def _unlisted(reader: Reader, start: int, stop: int) -> Iterator[ZipEntry]:
    """Yield the entries whose local headers lie in [start, stop)."""
    stop = min(stop, reader.size)
    candidates = Budget("places that look like a zip member", MAX_CANDIDATES)
    while stop - start > directories.LOCAL_SIZE:
        offset = reader.find(directories.LOCAL_MAGIC, start, stop)
        if offset < 0:
            return
        candidates.spend()
        start = offset + len(directories.LOCAL_MAGIC)
        entry = directories.entry_from_local(reader, offset, stop)
        if entry is not None:
            yield entry
            start = max(start, entry.data_offset(reader) + entry.compressed_size)


SCANNER = Scanner(
    name=NAME,
    title="Zip archive",
    version=8,
    accepts=accepts,
    scan=scan,
    rules=(
        HEADER_MISMATCH,
        FALSE_ENCRYPTION,
        CONTENT_MISMATCH,
        HIDDEN_ENTRY,
        AMBIGUOUS,
        DUPLICATE_NAME,
        OVERLAP,
        NUL_NAME,
        PREPENDED,
        TRAILING,
        BOMB,
        *RULES,
    ),
    suffixes=(".zip", ".npz", ".jar", ".whl", ".keras"),
    member=open_member,
    signs=ZIP,
)
