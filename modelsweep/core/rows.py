"""A unit's result as a list of JSON: how a child answers, and how results are stored.

`[index, size, [uri, version], artifacts, facts, findings, problems, bytes read, seconds]`: the first three are the
head, the rest the tail. What it says of places is relative to the file, and findings name their rule by its number in a
list beside it. Of a member that is a unit of its own the place goes on with part, stamp and members; of an archive with
such members their list stands at the end.

What is decoded is not believed: values have the types that are declared, and templates of rules are no more than names
in braces.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from modelsweep.core import patterns as re
from modelsweep.core.finding import Fact, Finding, Json, Problem, ProblemKind, Rule, Span
from modelsweep.core.locator import Locator
from modelsweep.core.plain import is_quotable, one_nature
from modelsweep.core.report import Artifact, Member, Plain, Unit, UnitResult
from modelsweep.core.values import replace
from modelsweep.core.wire import Decoded, decode_rule

WRONG = (KeyError, TypeError, ValueError, AttributeError, IndexError, RecursionError)
"""What decoding raises for what is none."""
_REAL = (float, int)
_KINDS = {kind.value: kind for kind in ProblemKind}
_PLACEHOLDER = re.compile(r"\{\w+(?:![rsa])?\}")
_HEAD, _TAIL, _PLACE = 3, 6, 2
_ROW = _HEAD + _TAIL
"""Fields of a row, and of where its unit is, for a file that was examined as a whole."""


def head_of(unit: Unit) -> list[Any]:
    """Return what stands in a row of the unit itself."""
    where = unit.locator
    member = (str(unit.part), unit.stamp, *where.members) if where.members else ()
    return [unit.index, unit.size, [where.uri, where.version, *member]]


def tail_of(result: UnitResult, rules: dict[Rule, int]) -> list[Any]:
    """Return what stands in a row of the result; adds the rules of its findings to `rules`, with their numbers.

    Raises ValueError where it speaks of another file.
    """
    where = result.unit.locator.outermost  # which an archive's scanner speaks of, too, where it examines a member
    tail = [
        [[_below(item.locator, where), item.size, item.digest, item.scanners] for item in result.artifacts],
        [_item(where, fact, fact.kind, fact.value, dict(fact.detail)) for fact in result.facts],
        [
            _item(where, item, rules.setdefault(item.rule, len(rules)), item.subject, item.path, dict(item.evidence))
            for item in result.findings
        ],
        [_item(where, problem, problem.kind, problem.scanner, problem.detail) for problem in result.problems],
        result.bytes_read,
        result.duration,
    ]
    return [*tail, [_encode_member(member, where) for member in result.members]] if result.members else tail


def items_of(result: UnitResult) -> int:
    """Return how many artifacts, facts, findings and problems a row holds."""
    return len(result.artifacts) + len(result.facts) + len(result.findings) + len(result.problems)


def _encode_member(member: Member, archive: Locator) -> list[Any]:
    unit = member.unit
    places = [member.artifacts, member.facts, member.problems]
    return [unit.part, unit.stamp, *places, *_below(unit.locator, archive)]


def _item(where: Locator, item: Fact | Finding | Problem, *fields: object) -> tuple[object, ...]:
    return (_below(item.locator, where), item.span, *fields)


def _below(inner: Locator, unit: Locator) -> Sequence[str]:
    """Return the members that lead from the unit to `inner`; raises ValueError where they do not."""
    if inner is unit:
        return ()
    depth = len(unit.members)
    if (inner.uri, inner.version, inner.members[:depth]) != (unit.uri, unit.version, unit.members):
        raise ValueError(f"a result of {unit} speaks of {inner}")
    return inner.members[depth:]


def decode_row(row: Any, rules: Sequence[Rule]) -> UnitResult:
    """Return the result in a row; raises one of `WRONG`."""
    if len(row) != _ROW or len(row[2]) != _PLACE:
        return decode_tail(row[_HEAD:], rules, _divided(*row[:_HEAD]))
    index, size, (uri, version), *tail = row
    if type(index) is not int or type(size) is not int or type(uri) is not str or type(version) is not str:
        raise TypeError("unit")
    where = Locator(uri, (), version)
    return _result(Unit(index, where, size), where, rules, *tail)


def plain_row(row: Any) -> Plain | None:
    """Return what `plain_of` says of the result in a row; None, too, where something in it is not of its type.

    Raises one of `WRONG` for some rows that are none. All is looked at here: calling what others look with would take
    longer than that.
    """
    if len(row) != _ROW or len(row[2]) != _PLACE or len(row[_HEAD]) != 1:
        return None
    index, size, (uri, version), ((below, own_size, digest, scanners),), facts, findings, problems, read, duration = row
    if findings or problems or below or own_size != size:
        return None
    if not (type(index) is type(size) is type(own_size) is type(read) is int and type(duration) in _REAL):
        return None
    if not (type(uri) is type(version) is type(digest) is str and type(scanners) is list and is_quotable(digest)):
        return None
    "".join(scanners)  # raises TypeError for anything but text
    stated = []
    for inside, span, kind, value, detail in facts:
        if inside or not (type(kind) is type(value) is str and type(detail) is dict):
            return None
        if span is not None:
            offset, length = span
            if not type(offset) is type(length) is int:
                return None
        stated.append((kind, value, bool(detail) and bool(detail.get("spdx"))))
    return uri, version, size, digest, one_nature((tuple(scanners), tuple(stated))), read


def _divided(index: Any, size: Any, place: Any) -> Unit:
    """Return the unit that is a member of an archive, or an archive whose members are units of their own."""
    uri, version, *more = texts(place)
    part, stamp, *members = more or ("0", "")
    return Unit(_number(index), Locator(uri, tuple(members), version), _number(size), part=int(part), stamp=stamp)


def decode_tail(tail: Any, rules: Sequence[Rule], unit: Unit) -> UnitResult:
    """Return the result of `unit` whose row ends with `tail`; raises one of `WRONG`."""
    where = unit.locator.outermost if unit.locator.members else unit.locator
    if len(tail) == _TAIL:
        return _result(unit, where, rules, *tail)
    *tail, apart = tail
    result = _result(unit, where, rules, *tail)
    members = (_member(where, number, unit.size, *fields) for number, fields in enumerate(apart))
    return replace(result, members=tuple(members))


def _result(  # noqa: PLR0913 - one for each field as it is stored
    unit: Unit,
    where: Locator,
    rules: Sequence[Rule],
    artifacts: Any,
    facts: Any,
    findings: Any,
    problems: Any,
    bytes_read: Any,
    duration: Any,
) -> UnitResult:
    if type(bytes_read) is not int or type(duration) not in _REAL:
        raise TypeError("number")
    return UnitResult(
        unit,
        tuple([_artifact(where, *fields) for fields in artifacts]),
        tuple([_fact(where, *fields) for fields in facts]) if facts else (),
        tuple([_finding(where, rules, *fields) for fields in findings]) if findings else (),
        tuple([_problem(where, *fields) for fields in problems]) if problems else (),
        bytes_read,
        duration,
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
    unit = Unit(number, _inner(archive, list(below)), size, part=_number(part), stamp=text(stamp))
    if not below or not artifacts >= 0 or not facts >= 0 or not problems >= 0:
        raise ValueError("member")
    return Member(unit, _number(artifacts), _number(facts), _number(problems))


def _artifact(where: Locator, below: Any, size: Any, digest: Any, scanners: Any) -> Artifact:
    if type(size) is not int or type(digest) is not str:
        raise TypeError("artifact")
    return Artifact(_inner(where, below) if below else where, size, digest, texts(scanners))


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
    finding = Finding(rule, _inner(where, below), text(subject), text(path), _span(span), _object(evidence))
    text(finding.message)  # fails here, with the name of the blob, rather than in the middle of a report
    return finding


def _problem(where: Locator, below: Any, span: Any, kind: Any, scanner: Any, detail: Any) -> Problem:
    return Problem(_KINDS[kind], _inner(where, below), text(scanner), text(detail), _span(span))


def _inner(unit: Locator, below: Any) -> Locator:
    return Locator(unit.uri, unit.members + texts(below), unit.version) if below else unit


def _span(value: Any) -> Span | None:
    if value is None:
        return None
    offset, length = value
    return Span(_number(offset), _number(length))


def checked_rule(value: Decoded) -> Rule:
    """Return a rule, its types those that `Rule` declares; raises one of `WRONG`."""
    rule = decode_rule(value)
    for said in (rule.id, rule.title, rule.message, rule.why, rule.fix, rule.confidence, rule.since, *rule.references):
        text(said)
    _number(rule.cwe)
    if set("{}") & set(_PLACEHOLDER.sub("", rule.message)):
        raise ValueError("a template that is more than names in braces")
    return rule


def text(value: Any) -> str:
    """Return what is text; raises TypeError for anything else."""
    if type(value) is not str:
        raise TypeError("text")
    return value


def texts(values: Any) -> tuple[str, ...]:
    """Return what is a list of texts; raises TypeError for anything else."""
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
