"""Result blobs: what examining one chunk yielded, stored before the ledger hears that it is done.

Compressed lines of JSON (packing.py): a header `{"protocol", "tool", "rules", "units", "related"}` (whether any of them
has to do with other files, true where older versions do not say), then lists of a few units each
(one call of the encoder costs as much as a unit), a large one alone, in the order of the chunk. What a unit's result
says of places is relative to the unit, and findings name their rule by its number in the header: the rules of many
findings stand there once. (By number, not by id: a child that was taken over and sends a rule of its own under a known
id rewords nothing in the results of others.) In the store a signature stands in front (signed_results.py).
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import islice, repeat
from json.encoder import encode_basestring_ascii as quoted
from typing import Any, cast

from modelsweep.core.finding import Json, Rule
from modelsweep.core.related import is_related
from modelsweep.core.report import Plain, Tool, UnitResult
from modelsweep.core.rows import WRONG, checked_rule, decode_row, head_of, items_of, plain_row, tail_of, text, texts
from modelsweep.core.values import dataclass
from modelsweep.core.wire import dumps, encode_rule
from modelsweep.fleet.packing import loads, pack, unpack
from modelsweep.fleet.signature import TAG, Damaged

PROTOCOL = 1
DIGEST = 12
"""Bytes of SHA-256 that the ledger keeps of a blob."""
SEALED = b"MSR1"
"""What a result begins with that is signed: the signature stands before the blob (signed_results.py)."""
_NAME = re.compile(r"jobs/[^/]+/results/(\d+)-[0-9a-f]+")
_GROUP = 100
"""Artifacts, facts, findings and problems that stand in one line together."""
_dumps = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode


@dataclass(frozen=True, slots=True)
class ChunkResults:
    """The results of one chunk as they were read; iterating decodes them one by one and raises Damaged."""

    name: str
    tool: Tool
    count: int
    held: int
    """Bytes of memory that they take."""
    related: bool
    """Whether any of them may have to do with other files."""
    _rules: tuple[Rule, ...]
    _lines: Iterable[bytes]

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[UnitResult]:
        number = 0
        for line in islice(self._lines, 1, None):
            results = self._results(line)
            number += len(results)
            if number > self.count:
                break
            yield from results
        if number != self.count:
            raise Damaged(self.name, "not as many results as it says: cut short")

    def marked(self, marks: re.Pattern[bytes]) -> Iterator[UnitResult]:
        """Yield the results of the lines in which `marks` are found, not counting the others; raises Damaged."""
        if not self.related:
            return
        for line in islice(self._lines, 1, None):
            if marks.search(line):
                yield from self._results(line)

    def runs(self, apart: Collection[str]) -> Iterator[list[Plain] | UnitResult]:
        """Yield the same as iterating does, but plain files that follow each other together; not those at `apart`."""
        number = 0
        for line in islice(self._lines, 1, None):
            rows = loads(line, self.name)
            number += len(rows)
            if number > self.count:
                break
            yield from self._runs(rows, apart)
        if number != self.count:
            raise Damaged(self.name, "not as many results as it says: cut short")

    def _runs(self, rows: Any, apart: Collection[str]) -> Iterator[list[Plain] | UnitResult]:
        run: list[Plain] = []
        try:
            for row in rows:
                plain = plain_row(row)
                if plain and plain[0] not in apart:
                    run.append(plain)
                    continue
                if run:
                    yield run
                yield decode_row(row, self._rules)
                run = []
        except WRONG as error:
            raise Damaged(self.name, f"a result is none: {type(error).__name__}") from error
        if run:
            yield run

    def _results(self, line: bytes) -> list[UnitResult]:
        rows = loads(line, self.name)
        try:
            return [decode_row(row, self._rules) for row in rows]
        except WRONG as error:
            raise Damaged(self.name, f"a result is none: {type(error).__name__}") from error


def digest_of(blob: bytes) -> bytes:
    """Return what the ledger keeps of a blob: the first bytes of its SHA-256."""
    return hashlib.sha256(blob).digest()[:DIGEST]


def results_name(job: str, chunk: int, digest: bytes) -> str:
    """Return where the results of a chunk are stored: an examination that was done twice leaves two blobs."""
    return f"jobs/{job}/results/{chunk:010d}-{digest.hex()}"


def chunk_of(name: str) -> int | None:
    """Return the chunk whose results are called `name`, None for another object."""
    found = _NAME.fullmatch(name)
    return int(found[1]) if found else None


def encode_chunk(tool: Tool, results: Sequence[UnitResult], tails: Sequence[str] = ()) -> bytes:
    """Return the results of one chunk, in its order, as they are stored.

    `tails` are the ends of their rows as JSON, where these are known already and were decoded; else they are empty.
    """
    rules: dict[Rule, int] = {}
    known = zip(results, tails or repeat(""), strict=bool(tails))
    rows = [(_row(result, tail, rules), items_of(result)) for result, tail in known]
    lines = [f"[{','.join(group)}]".encode("ascii") for group in _grouped(rows)]
    header = {
        "protocol": PROTOCOL,
        "tool": [tool.version, tool.ruleset, list(tool.scanners)],
        "rules": [encode_rule(rule) for rule in rules],
        "units": len(results),
        "related": any(map(is_related, results)),
    }
    return pack((dumps(cast(Json, header)), *lines))


def _row(result: UnitResult, tail: str, rules: dict[Rule, int]) -> str:
    if not tail or result.findings:  # whose rules have other numbers here
        tail = _dumps(tail_of(result, rules))
    unit = result.unit
    if unit.locator.members:
        head = _dumps(head_of(unit))[1:-1]
    else:
        head = f"{unit.index},{unit.size},[{quoted(unit.locator.uri)},{quoted(unit.locator.version)}]"
    return f"[{head},{tail[1:]}"


def _grouped(rows: Iterable[tuple[str, int]]) -> Iterator[list[str]]:
    """Yield rows, each with its items, in lists of those that make one line."""
    group: list[str] = []
    items = 0
    for row, size in rows:
        if group and items + size > _GROUP:
            yield group
            group, items = [], 0
        group.append(row)
        items += size
    if group:
        yield group


def decode_chunk(blob: bytes, name: str = "result blob", digest: bytes | None = None) -> ChunkResults:
    """Return the results in `blob`, not yet decoded; raises Damaged, also where the ledger's `digest` is another.

    A signature is left away, and not checked: here the digest tells.
    """
    if blob.startswith(SEALED):
        blob = blob[len(SEALED) + TAG :]
    if digest is not None and digest_of(blob) != digest:
        raise Damaged(name, "not the bytes that the ledger knows")
    lines = unpack(blob, name)
    first = next(iter(lines), None)
    header = None if first is None else loads(first, name)
    if not isinstance(header, dict):
        raise Damaged(name, "no results")
    if header.get("protocol") != PROTOCOL:
        raise Damaged(name, f"of protocol {header.get('protocol')!r:.20}, this program reads {PROTOCOL}")
    try:
        tool, rules, count = _tool(header["tool"]), tuple(map(checked_rule, header["rules"])), header["units"]
    except WRONG as error:
        raise Damaged(name, f"no header of results: {type(error).__name__}") from error
    if type(count) is not int or count < 0:
        raise Damaged(name, "no number of results")
    held = sum(map(len, lines)) if isinstance(lines, list) else len(blob)
    return ChunkResults(name, tool, count, held, header.get("related") is not False, rules, lines)


def _tool(value: Any) -> Tool:
    version, ruleset, scanners = value
    return Tool(text(version), text(ruleset), texts(scanners))
