"""Findings under an identity that is unique in a report, as services that track findings demand."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import NamedTuple

from modelsweep.core.finding import Finding
from modelsweep.core.report import Report
from reporting.address import address
from reporting.writer import View


class Occurrences:
    """Counts how often each of millions of keys came so far, in some ten bytes for each.

    A key is known by 61 bits of a hash: two that share them would be counted as one, which makes a needlessly large
    number, and still a unique one.
    """

    _KEY, _ENTRY = 6, 7  # bytes: most bits of two more choose the bucket, one more is the count
    _BUCKETS, _SHIFT = 8_192, 3
    """Each takes 60 bytes before it holds anything: more would take most of the memory of a job with few findings."""
    _MANY = 255

    def __init__(self) -> None:
        self._buckets: list[bytearray | None] = [None] * self._BUCKETS
        self._many: dict[bytes, int] = {}

    def add(self, *parts: str) -> int:
        """Count the key of these parts once more, and return the new count."""
        raw = "\0".join(parts).encode("utf-8", "surrogatepass")
        return self.add_hash(hashlib.blake2b(raw, digest_size=8).digest())

    def add_hash(self, key: bytes) -> int:
        """Count a key once more by 8 bytes of a hash of it, and return the new count."""
        number, rest = (key[0] << 8 | key[1]) >> self._SHIFT, key[2:8]
        bucket = self._buckets[number]
        if bucket is None:
            self._buckets[number] = bytearray(rest + b"\1")
            return 1
        place = bucket.find(rest)
        while place >= 0 and place % self._ENTRY:
            place = bucket.find(rest, place + 1)
        if place < 0:
            bucket += rest + b"\1"
            return 1
        if bucket[place + self._KEY] < self._MANY:
            bucket[place + self._KEY] += 1
            return bucket[place + self._KEY]
        self._many[key] = self._many.get(key, self._MANY) + 1
        return self._many[key]


class Identified(NamedTuple):
    """A finding, the portable path of its file, and 64 hex digits that no other finding of the report has."""

    finding: Finding
    path: str
    identity: str


def identified(report: Report, view: View) -> Iterator[Identified]:
    """Yield the findings to be shown; the identity is made of path, fingerprint and occurrence."""
    seen = Occurrences()
    for result in report.results:
        for finding in view.findings(result):
            path = address(finding.locator, view.root).path
            parts = (path, finding.fingerprint)
            raw = "\0".join((*parts, str(seen.add(*parts)))).encode("utf-8", "surrogatepass")
            yield Identified(finding, path, hashlib.sha256(raw).hexdigest())
