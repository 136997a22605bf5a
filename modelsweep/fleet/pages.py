"""Pages: what a job is to examine, in immutable signed pieces that stand in the store before they are allocated.

A page is up to 256 chunks, a chunk up to 64 units. Stored it is the seal of a key over compressed lines of JSON: a
header `{"protocol", "first", "parent", "chunks"}`, then for each chunk
`[queue, position, [index, size, digest, uri, version]...]`, in which a member of an archive is
`[index, size, digest, uri, version, part, stamp, member...]`. A page of children is stored before anybody knows the
number of its first chunk (0 stands there): it bears the number of the chunk that found them.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any

from modelsweep.core.finding import Json
from modelsweep.core.locator import Locator
from modelsweep.core.report import Unit
from modelsweep.core.units import MIB
from modelsweep.core.wire import MISSHAPEN, dumps
from modelsweep.fleet.packing import loads, pack, unpack
from modelsweep.fleet.signature import Damaged, Key
from modelsweep.fleet.store import Store

PROTOCOL = 1
CHUNK_UNITS = 64
PAGE_CHUNKS = 256
_CHILDREN = "children-"
PAGE_BYTES = 256 * MIB
"""Bytes that a page expands to at most; whoever lists begins a new page long before."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Units that one message asks for, for workers of `queue`.

    `position` is that of the unit, within the chunk of a page's `parent`, in which these were found.
    """

    queue: str
    units: tuple[Unit, ...]
    position: int = 0


@dataclass(frozen=True, slots=True)
class Page:
    """Chunks from number `first` on; in a page of children that is not known yet, and `parent` is their chunk."""

    first: int
    chunks: tuple[Chunk, ...]
    parent: int | None = None


def page_name(job: str, page: Page, sealed: bytes) -> str:
    """Return where a page is stored.

    Its digest is part of it: two producers, or two workers that examined one archive, may see different things, and
    what one of them has allocated the other must not replace.
    """
    digest = hashlib.sha256(sealed).hexdigest()[:24]
    place = f"{page.first:010d}" if page.parent is None else f"{_CHILDREN}{page.parent:010d}"
    return f"jobs/{job}/pages/{place}-{digest}"


def parent_of(name: str) -> int | None:
    """Return the chunk whose children the page called `name` holds, None where it holds none's."""
    last = name.rpartition("/")[2]
    number = last.removeprefix(_CHILDREN).partition("-")[0]
    return int(number) if last.startswith(_CHILDREN) and number.isdecimal() else None


def encode_page(page: Page, key: Key, job: str) -> bytes:
    """Return `page` as it is stored, sealed for its place in `job`; raises ValueError where it is larger than one."""
    sizes = [len(chunk.units) for chunk in page.chunks]
    if not 0 < len(sizes) <= PAGE_CHUNKS or not all(0 < size <= CHUNK_UNITS for size in sizes):
        raise ValueError(f"a page has 1 to {PAGE_CHUNKS} chunks of 1 to {CHUNK_UNITS} units")
    first = page.first if page.parent is None else 0
    header: Json = {"protocol": PROTOCOL, "first": first, "parent": page.parent, "chunks": len(sizes)}
    lines = [dumps(header), *(dumps(_encode_chunk(chunk)) for chunk in page.chunks)]
    if sum(map(len, lines)) + len(lines) > PAGE_BYTES:
        raise ValueError(f"a page has at most {PAGE_BYTES:,} bytes")
    return key.seal(_purpose(job, page.first, page.parent), pack(lines))


class OpenPage:
    """A page whose seal holds, and whose chunks are decoded one by one as they are asked for."""

    __slots__ = ("_lines", "_name", "first", "parent")

    def __init__(self, sealed: bytes, key: Key, job: str, first: int, parent: int | None = None) -> None:
        """Check the seal and the header of page `first`, or of the children of `parent`; raises Forged, Damaged."""
        self._name = _purpose(job, first, parent)
        self.first, self.parent = first, parent
        packed = key.open(_purpose(job, first, parent), sealed, self._name)
        lines, size = [], 0
        for line in unpack(packed, self._name):
            lines.append(line)
            size += len(line) + 1
            if len(lines) > PAGE_CHUNKS + 1 or size > PAGE_BYTES:
                raise Damaged(self._name, "more than a page may hold")
        self._check_header(lines)
        self._lines = lines[1:]

    def _check_header(self, lines: Sequence[bytes]) -> None:
        header = loads(lines[0], self._name) if lines else None
        if not isinstance(header, dict):
            raise Damaged(self._name, "no page")
        if header.get("protocol") != PROTOCOL:
            raise Damaged(self._name, f"of protocol {header.get('protocol')!r:.20}, this program reads {PROTOCOL}")
        first = self.first if self.parent is None else 0
        if [header.get(key) for key in ("first", "parent", "chunks")] != [first, self.parent, len(lines) - 1]:
            raise Damaged(self._name, "not the page that its place asks for, or cut short")

    def __len__(self) -> int:
        return len(self._lines)

    def chunk(self, number: int) -> Chunk:
        """Return the chunk of that number in the job; raises Damaged where the page has none."""
        place = number - self.first
        if not 0 <= place < len(self._lines):
            raise Damaged(self._name, f"holds no chunk {number}")
        value = loads(self._lines[place], self._name)
        try:
            return _decode_chunk(value)
        except MISSHAPEN as error:
            raise Damaged(self._name, f"chunk {number} is none: {type(error).__name__}") from error

    def page(self) -> Page:
        """Return the page with all its chunks; raises Damaged."""
        chunks = tuple(self.chunk(number) for number in range(self.first, self.first + len(self._lines)))
        return Page(self.first, chunks, self.parent)


class Pages:
    """The pages of one job in its store; the last few that were read stay open. Threads may share it."""

    def __init__(self, store: Store, key: Key, job: str, kept: int = 4) -> None:
        self._store, self._key, self._job, self._kept = store, key, job, kept
        self._open: OrderedDict[str, OpenPage] = OrderedDict()
        self._lock = Lock()

    def put(self, page: Page) -> str:
        """Store a page and return its name, for the ledger; raises StoreFault, ValueError."""
        sealed = encode_page(page, self._key, self._job)
        name = page_name(self._job, page, sealed)
        self._store.put(name, sealed)
        return name

    def get(self, name: str, first: int) -> OpenPage:
        """Return the page that the ledger calls `name`, which begins with chunk `first`.

        Raises Absent, StoreFault, Forged, Damaged.
        """
        with self._lock:
            if page := self._open.get(name):
                self._open.move_to_end(name)
        if not page or page.first != first:
            page = OpenPage(self._store.get(name), self._key, self._job, first, parent_of(name))
            with self._lock:
                self._open[name] = page
                while len(self._open) > self._kept:
                    self._open.popitem(last=False)
        return page

    def chunk(self, name: str, first: int, number: int) -> Chunk:
        """Return chunk `number` of that page; raises as `get` does."""
        return self.get(name, first).chunk(number)


def _purpose(job: str, first: int, parent: int | None) -> str:
    return f"page {job} {first}" if parent is None else f"page {job} children of {parent}"


def _encode_chunk(chunk: Chunk) -> Json:
    return [chunk.queue, chunk.position, *map(_encode_unit, chunk.units)]


def _encode_unit(unit: Unit) -> Json:
    where = unit.locator
    row: list[Json] = [unit.index, unit.size, unit.digest, where.uri, where.version]
    return [*row, unit.part, unit.stamp, *where.members] if where.members else row


def _decode_chunk(value: Any) -> Chunk:
    queue, position, *rows = value
    if type(value) is not list or type(queue) is not str or type(position) is not int:
        raise TypeError("chunk")
    if not 0 < len(rows) <= CHUNK_UNITS or position < 0:
        raise ValueError("units")
    return Chunk(queue, tuple(map(_decode_unit, rows)), position)


def _decode_unit(row: Any) -> Unit:
    index, size, digest, uri, version, *more = row
    part, stamp, *members = more or (0, "")
    if type(row) is not list or not type(index) is type(size) is type(part) is int:
        raise TypeError("unit")
    for text in (digest, uri, version, stamp, *members):
        if type(text) is not str:
            raise TypeError("locator")
    return Unit(index, Locator(uri, tuple(members), version), size, digest, part, stamp)
