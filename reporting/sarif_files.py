"""The files of a run of SARIF: each is listed once, where something is said of it, and referred to by its index.

https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html, sections 3.4 (artifactLocation) and 3.24 (artifact)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from hashlib import blake2b

from modelsweep.core.finding import Json, JsonObject, Span
from modelsweep.core.locator import Locator
from modelsweep.core.report import Artifact, UnitResult
from modelsweep.core.text import printable
from reporting.address import Address, address
from reporting.encode import INDENT, SLOT, Items, in_pieces, indented, quoted
from reporting.scratch import Scratch

Known = Mapping[Locator, Artifact]
"""What was examined in one unit."""
MEMBER = INDENT * 3
"""What stands before the lines of what a run consists of."""
MESSAGE = 2_048
"""Characters of a message: what is longer makes an alert that nobody reads."""
INT32 = 2**31 - 1
"""Largest length and offset that Microsoft's SARIF SDK reads; it refuses the whole file for a larger one."""
_FIELD = "\x1f"
"""What stands between texts that are JSON or percent-encoded, and hold no control characters."""


class Files:
    """The artifacts of one run in order of mention; members are listed where something is said of them."""

    def __init__(self, scratch: Scratch, root: str) -> None:
        self._root = root
        self._indexes: dict[int, int] = {}
        """By key of the locator."""
        self.entries = Items(scratch, MEMBER)
        self.bases: set[str] = set()

    def forget(self) -> None:
        """Free the memory of what was listed: no more will be."""
        self._indexes.clear()

    def index(self, locator: Locator, known: Known) -> int:
        """Return the index of the artifact at `locator`, listed with its containers if it was not yet."""
        key = _key(locator)
        found = self._indexes.get(key)
        if found is not None:
            return found
        parent = -1
        if locator.members:
            parent = self.index(Locator(locator.uri, locator.members[:-1], locator.version), known)
        entry, base = self._entry(locator, known.get(locator), parent)
        return self._list(key, base, entry)

    def record(self, result: UnitResult) -> str:
        """Return what `mention` takes to list the file of a result, later and perhaps in another process."""
        where, known = result.unit.locator.outermost, result.artifacts[:1]
        entry, base = self._entry(where, known[0] if known and known[0].locator == where else None)
        return f"{_key(where)}{_FIELD}{base}{_FIELD}{entry}"

    def mention(self, record: str) -> None:
        """List a file, unless it was listed before."""
        key, base, entry = record.split(_FIELD)
        if int(key) not in self._indexes:
            self._list(int(key), base, entry)

    def _list(self, key: int, base: str, entry: str) -> int:
        index = self._indexes[key] = len(self._indexes)
        self.entries.add(entry)
        if base:
            self.bases.add(base)
        return index

    def _entry(self, locator: Locator, artifact: Artifact | None, parent: int = -1) -> tuple[str, str]:
        """Return the text of an artifact, and the base of its location."""
        where = self._address(locator)
        if artifact is None or artifact.size > INT32 or parent >= 0 or not artifact.digest:
            return indented(_artifact(where, artifact, parent), MEMBER + INDENT), where.base
        p0, p1, p2, p3 = _plain_artifact(where.base)
        return f'{p0}"{where.uri}"{p1}{artifact.size}{p2}{quoted(artifact.digest)}{p3}', where.base  # percent-encoded

    def location(self, locator: Locator) -> JsonObject:
        """Return the artifactLocation of `locator`; that of a member is relative to the root of its container."""
        where = self._address(locator)
        if where.base:
            self.bases.add(where.base)
        return _location(where)

    def _address(self, locator: Locator) -> Address:
        return Address(locator.members[-1].lstrip("/") or ".", "") if locator.members else address(locator, self._root)

    def physical(self, locator: Locator, span: Span | None, known: Known, line: int = 1) -> JsonObject:
        """Return the location of `span` in the file that people have; spans in members are not positions in it."""
        outer = Locator(locator.uri, (), locator.version)
        physical: JsonObject = {
            "artifactLocation": {**self.location(outer), "index": self.index(outer, known)},
            "region": _region(None if locator.members else span, line),
        }
        if not locator.members:
            return {"physicalLocation": physical}
        self.index(locator, known)
        name = printable("!".join(locator.members), MESSAGE)
        logical: list[Json] = [{"fullyQualifiedName": name, "kind": "resource"}]
        return {"physicalLocation": physical, "logicalLocations": logical}


def _key(locator: Locator) -> int:
    """Return what no other locator has, the same in every process: a tenth of its size."""
    raw = "\0".join((locator.uri, locator.version, *locator.members)).encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(raw, digest_size=8).digest())


def _location(where: Address) -> JsonObject:
    return {"uri": where.uri, "uriBaseId": where.base} if where.base else {"uri": where.uri}


def _artifact(where: Address, artifact: Artifact | None, parent: int = -1) -> JsonObject:
    entry: JsonObject = {"location": _location(where), "roles": ["analysisTarget"]}
    if parent >= 0:
        entry["parentIndex"] = parent
    if artifact is not None:
        entry |= {"length": artifact.size} if artifact.size <= INT32 else {"properties": {"length": artifact.size}}
        if artifact.digest:
            entry["hashes"] = {"sha-256": artifact.digest}
    return entry


@cache
def _plain_artifact(base: str) -> list[str]:
    """Return the text of a file that was hashed, in pieces: around its URI, its length and its digest."""
    entry = _artifact(Address(SLOT, base), Artifact(Locator(""), 0, SLOT, ()))
    entry["length"] = SLOT
    return in_pieces(entry, MEMBER + INDENT)


def _region(span: Span | None, line: int) -> JsonObject:
    """Return `span` as a region: in a line, 1 as code scanning wants of binaries, and as bytes where those fit."""
    region: JsonObject = {"startLine": line}
    if span is not None and span.offset + span.length <= INT32:
        region["byteOffset"] = span.offset
        if span.length:
            region["byteLength"] = span.length
    return region


def way(locator: Locator) -> Iterator[Locator]:
    """Yield the object that `locator` is in, then each container on the way, and itself."""
    for depth in range(len(locator.members) + 1):
        yield Locator(locator.uri, locator.members[:depth], locator.version)
