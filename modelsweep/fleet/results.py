"""Result blobs: what examining one chunk yielded, stored before the ledger hears that it is done.

Compressed lines of JSON (packing.py): a header `{"protocol", "tool", "rules", "units", "related"}` (whether any of them
has to do with other files, true where older versions do not say), then lists of a few units each
(one call of the encoder costs as much as a unit), a large one alone, in the order of the chunk. What a unit's result
says of places is relative to the unit, and findings name their rule by its number in the header: the rules of many
findings stand there once. (By number, not by id: a child that was taken over and sends a rule of its own under a known
id rewords nothing in the results of others.)
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, cast

from modelsweep.core.finding import Fact, Finding, Json, Problem, ProblemKind, Rule, Span
from modelsweep.core.locator import Locator
from modelsweep.core.plain import is_hex
from modelsweep.core.related import is_related
from modelsweep.core.report import Artifact, Member, Plain, Tool, Unit, UnitResult
from modelsweep.core.values import dataclass, replace
from modelsweep.core.wire import Decoded, decode_rule, dumps, encode_rule
from modelsweep.fleet.packing import loads, pack, unpack
from modelsweep.fleet.signature import Damaged

PROTOCOL = 1
DIGEST = 12
"""Bytes of SHA-256 that the ledger keeps of a blob."""
_NAME = re.compile(r"jobs/[^/]+/results/(\d+)-[0-9a-f]+")
_REAL = (float, int)
_KINDS = {kind.value: kind for kind in ProblemKind}
_WRONG = (KeyError, TypeError, ValueError, AttributeError, IndexError, RecursionError)
_PLACEHOLDER = re.compile(r"\{\w+(?:![rsa])?\}")
_ARTIFACTS, _FINDINGS, _PROBLEMS = 3, 5, 6
_FIELDS, _PLACE = 9, 2
"""Fields of a row, and of where its unit is, for a file that was examined as a whole."""
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
                plain = _plain(row)
                if plain and plain[0] not in apart:
                    run.append(plain)
                    continue
                if run:
                    yield run
                yield _decode(row, self._rules)
                run = []
        except _WRONG as error:
            raise Damaged(self.name, f"a result is none: {type(error).__name__}") from error
        if run:
            yield run

    def _results(self, line: bytes) -> list[UnitResult]:
        rows = loads(line, self.name)
        try:
            return [_decode(row, self._rules) for row in rows]
        except _WRONG as error:
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


def encode_chunk(tool: Tool, results: Sequence[UnitResult]) -> bytes:
    """Return the results of one chunk, in its order, as they are stored."""
    rules: dict[Rule, int] = {}
    lines = [_dumps(rows).encode("ascii") for rows in _grouped(_encode(result, rules) for result in results)]
    header = {
        "protocol": PROTOCOL,
        "tool": [tool.version, tool.ruleset, list(tool.scanners)],
        "rules": [encode_rule(rule) for rule in rules],
        "units": len(results),
        "related": any(map(is_related, results)),
    }
    return pack((dumps(cast(Json, header)), *lines))


def decode_chunk(blob: bytes, name: str = "result blob", digest: bytes | None = None) -> ChunkResults:
    """Return the results in `blob`, not yet decoded; raises Damaged, also where the ledger's `digest` is another."""
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
        tool, rules, count = _tool(header["tool"]), tuple(map(_rule, header["rules"])), header["units"]
    except _WRONG as error:
        raise Damaged(name, f"no header of results: {type(error).__name__}") from error
    if type(count) is not int or count < 0:
        raise Damaged(name, "no number of results")
    held = sum(map(len, lines)) if isinstance(lines, list) else len(blob)
    return ChunkResults(name, tool, count, held, header.get("related") is not False, rules, lines)


def _encode(result: UnitResult, rules: dict[Rule, int]) -> list[Any]:
    unit = result.unit
    where = unit.locator.outermost  # which an archive's scanner speaks of, too, where it examines a member
    member = (str(unit.part), unit.stamp, *unit.locator.members) if unit.locator.members else ()
    row = [
        unit.index,
        unit.size,
        [where.uri, where.version, *member],
        [[_below(item.locator, where), item.size, item.digest, item.scanners] for item in result.artifacts],
        [_row(where, fact, fact.kind, fact.value, dict(fact.detail)) for fact in result.facts],
        [
            _row(where, item, rules.setdefault(item.rule, len(rules)), item.subject, item.path, dict(item.evidence))
            for item in result.findings
        ],
        [_row(where, problem, problem.kind, problem.scanner, problem.detail) for problem in result.problems],
        result.bytes_read,
        result.duration,
    ]
    return [*row, [_encode_member(member, where) for member in result.members]] if result.members else row


def _encode_member(member: Member, archive: Locator) -> list[Any]:
    unit = member.unit
    places = [member.artifacts, member.facts, member.problems]
    return [unit.part, unit.stamp, *places, *_below(unit.locator, archive)]


def _grouped(rows: Iterable[list[Any]]) -> Iterator[list[list[Any]]]:
    """Yield rows in lists of those that make one line."""
    group: list[list[Any]] = []
    items = 0
    for row in rows:
        size = sum(map(len, row[_ARTIFACTS : _PROBLEMS + 1]))
        if group and items + size > _GROUP:
            yield group
            group, items = [], 0
        group.append(row)
        items += size
    if group:
        yield group


def _row(where: Locator, item: Fact | Finding | Problem, *fields: object) -> tuple[object, ...]:
    return (_below(item.locator, where), item.span, *fields)


def _below(inner: Locator, unit: Locator) -> Sequence[str]:
    """Return the members that lead from the unit to `inner`; raises ValueError where they do not."""
    if inner is unit:
        return ()
    depth = len(unit.members)
    if (inner.uri, inner.version, inner.members[:depth]) != (unit.uri, unit.version, unit.members):
        raise ValueError(f"a result of {unit} speaks of {inner}")
    return inner.members[depth:]


def _decode(row: Any, rules: Sequence[Rule]) -> UnitResult:
    if len(row) != _FIELDS or len(row[2]) != _PLACE:
        return _decode_divided(row, rules)
    index, size, (uri, version), artifacts, facts, findings, problems, bytes_read, duration = row
    if type(uri) is not str or type(version) is not str:
        raise TypeError("text")
    if type(index) is not int or type(size) is not int or type(bytes_read) is not int or type(duration) not in _REAL:
        raise TypeError("number")
    where = Locator(uri, (), version)
    return UnitResult(
        Unit(index, where, size),
        tuple([_artifact(where, *fields) for fields in artifacts]),
        tuple([_fact(where, *fields) for fields in facts]) if facts else (),
        tuple([_finding(where, rules, *fields) for fields in findings]) if findings else (),
        tuple([_problem(where, *fields) for fields in problems]) if problems else (),
        bytes_read,
        duration,
    )


def _plain(row: Any) -> Plain | None:
    """Return what `plain_of` says of the result in a row; None, too, where something in it is not of its type."""
    if len(row) != _FIELDS or len(row[2]) != _PLACE or len(row[_ARTIFACTS]) != 1 or row[_FINDINGS] or row[_PROBLEMS]:
        return None
    index, size, (uri, version), ((below, own_size, digest, scanners),), facts, _, _, bytes_read, duration = row
    if below or own_size != size or type(own_size) is not int or type(scanners) is not list:
        return None
    if type(uri) is not str or type(version) is not str or type(digest) is not str or not is_hex(digest):
        return None
    if type(index) is not int or type(size) is not int or type(bytes_read) is not int or type(duration) not in _REAL:
        return None
    stated = []
    for inside, span, kind, value, detail in facts:
        if inside or type(kind) is not str or type(value) is not str or type(detail) is not dict:
            return None
        if span is not None:
            _span(span)
        stated.append((kind, value, bool(detail) and bool(detail.get("spdx"))))
    "".join(scanners)  # raises TypeError for anything but text
    return uri, version, size, digest, (tuple(scanners), tuple(stated)), bytes_read


def _decode_divided(row: Any, rules: Sequence[Rule]) -> UnitResult:
    """Return the result of a member of an archive, or of an archive whose members are units of their own."""
    index, size, place, *said, apart = row if len(row) > _FIELDS else [*row, ()]
    uri, version, *more = _texts(place)
    part, stamp, *members = more or ("0", "")
    whole = [index, size, [uri, version], *said]
    if len(whole) != _FIELDS:
        raise ValueError("not the fields of a result")
    result = _decode(whole, rules)
    where = result.unit.locator
    return replace(
        result,
        unit=Unit(index, _inner(where, members), size, part=int(part), stamp=stamp),
        members=tuple(_member(where, number, size, *fields) for number, fields in enumerate(apart)),
    )


def _member(  # noqa: PLR0913 - one for each field as it is stored
    archive: Locator,
    number: int,
    size: int,
    part: Any,
    stamp: Any,
    artifacts: Any,
    facts: Any,
    problems: Any,
    *below: Any,
) -> Member:
    unit = Unit(number, _inner(archive, list(below)), size, part=_number(part), stamp=_text(stamp))
    if not below or not artifacts >= 0 or not facts >= 0 or not problems >= 0:
        raise ValueError("member")
    return Member(unit, _number(artifacts), _number(facts), _number(problems))


def _artifact(where: Locator, below: Any, size: Any, digest: Any, scanners: Any) -> Artifact:
    if type(size) is not int or type(digest) is not str:
        raise TypeError("artifact")
    return Artifact(_inner(where, below) if below else where, size, digest, _texts(scanners))


def _fact(where: Locator, below: Any, span: Any, kind: Any, value: Any, detail: Any) -> Fact:
    if type(kind) is not str or type(value) is not str or type(detail) is not dict:
        raise TypeError("fact")
    return Fact(kind, value, _inner(where, below) if below else where, None if span is None else _span(span), detail)


def _finding(  # noqa: PLR0913 - one for each field as it is stored
    where: Locator, rules: Sequence[Rule], below: Any, span: Any, number: Any, subject: Any, path: Any, evidence: Any
) -> Finding:
    if _number(number) < 0:
        raise IndexError("rule")
    rule = rules[number]
    finding = Finding(rule, _inner(where, below), _text(subject), _text(path), _span(span), _object(evidence))
    _text(finding.message)  # fails here, with the name of the blob, rather than in the middle of a report
    return finding


def _problem(where: Locator, below: Any, span: Any, kind: Any, scanner: Any, detail: Any) -> Problem:
    return Problem(_KINDS[kind], _inner(where, below), _text(scanner), _text(detail), _span(span))


def _inner(unit: Locator, below: Any) -> Locator:
    return Locator(unit.uri, unit.members + _texts(below), unit.version) if below else unit


def _span(value: Any) -> Span | None:
    if value is None:
        return None
    offset, length = value
    return Span(_number(offset), _number(length))


def _rule(value: Decoded) -> Rule:
    """Return a rule of the header, its types those that `Rule` declares; raises TypeError and the like."""
    rule = decode_rule(value)
    for text in (rule.id, rule.title, rule.message, rule.why, rule.fix, rule.confidence, rule.since, *rule.references):
        _text(text)
    _number(rule.cwe)
    if set("{}") & set(_PLACEHOLDER.sub("", rule.message)):
        raise ValueError("a template that is more than names in braces")
    return rule


def _tool(value: Any) -> Tool:
    version, ruleset, scanners = value
    return Tool(_text(version), _text(ruleset), _texts(scanners))


def _text(value: Any) -> str:
    if type(value) is not str:
        raise TypeError("text")
    return value


def _texts(values: Any) -> tuple[str, ...]:
    if type(values) is not list:
        raise TypeError("list")
    "".join(values)  # raises TypeError for anything but text, at a tenth of the time that asking each takes
    return tuple(values)


def _number(value: Any) -> int:
    if type(value) is not int:
        raise TypeError("number")
    return value


def _object(value: Any) -> Mapping[str, Json]:
    if type(value) is not dict:
        raise TypeError("object")
    return value
