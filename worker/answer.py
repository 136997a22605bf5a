"""What a child answered, before any of it is believed: a child that was taken over costs a Problem, not the job.

It may lie about its own file. It may not speak of another one, nor send what would make a report fail: values of other
types than declared, templates that a hostile `format` would blow up, evidence that its template lacks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import attrgetter

from modelsweep.core import patterns as re
from modelsweep.core.finding import Fact, Finding, Problem, Rule
from modelsweep.core.locator import Locator
from modelsweep.core.report import Artifact, Member, Unit, UnitResult
from modelsweep.core.wire import Decoded, decode_result
from worker.channel import BadMessage

_TYPES: Mapping[type, Mapping[str, type]] = {
    Artifact: {"size": int, "digest": str},
    Fact: {"kind": str, "value": str, "detail": dict},
    Finding: {"subject": str, "path": str, "evidence": dict},
    Member: {"artifacts": int, "facts": int, "problems": int},
    Problem: {"scanner": str, "detail": str},
    Rule: {
        "id": str,
        "title": str,
        "message": str,
        "why": str,
        "fix": str,
        "confidence": str,
        "cwe": int,
        "since": str,
    },
    Unit: {"index": int, "size": int, "digest": str, "part": int, "stamp": str},
}
_FIELDS = {kind: (attrgetter(*types), [*types.values()], [*types]) for kind, types in _TYPES.items()}
"""What gets all the fields of a value that have a type to be checked, those types, and the names."""
_PLACEHOLDER = re.compile(r"\{\w+(?:![rsa])?\}")
_WRONG = (KeyError, TypeError, ValueError, AttributeError, IndexError, RecursionError)


def result_of(message: Decoded, unit: Unit) -> UnitResult:
    """Return the result of `unit` in a child's message; raises BadMessage where there is none."""
    try:
        result = decode_result(message, unit)
        _check(result, unit.locator)
        _check_members(result, unit)
    except _WRONG as error:
        raise BadMessage(f"no result of {unit.locator}: {type(error).__name__}") from error
    return result


def extracted_of(message: Decoded, result: UnitResult) -> list[Finding]:
    """Return those findings of `result` that are no opinions of judges; raises BadMessage where it does not say."""
    places = message.get("extracted")
    if type(places) is not list or any(type(place) is not int for place in places):
        raise BadMessage("it does not say what was extracted")
    if any(not 0 <= place < len(result.findings) for place in places) or places != sorted(set(places)):
        raise BadMessage("it says of findings that there are not that they were extracted")
    return [result.findings[place] for place in places]


def _check(result: UnitResult, unit: Locator) -> None:
    for artifact in result.artifacts:
        _check_types(artifact)
        _check_within(artifact.locator, unit)
        _check_all(artifact.scanners, str)
    items: tuple[Fact | Finding | Problem, ...] = (*result.facts, *result.findings, *result.problems)
    for item in items:
        _check_types(item)
        if not (isinstance(item, Finding) and item.locator == unit.outermost):  # an archive's scanner speaks of it
            _check_within(item.locator, unit)
        if item.span:
            _check_all(item.span, int)
    if result.findings:
        _check_findings(result.findings)
    _check_all((result.bytes_read,), int)
    _check_all((result.duration,), float)


def _check_findings(findings: Sequence[Finding]) -> None:
    for rule in {finding.rule.id: finding.rule for finding in findings}.values():
        _check_rule(rule)
    for finding in findings:
        _check_all((finding.message, finding.fingerprint), str)


def _check_members(result: UnitResult, unit: Unit) -> None:
    """Raise ValueError unless all members that were left out are some of an archive, and no member's own."""
    if result.members and unit.locator.members:
        raise ValueError("members of a member")
    places = (0, 0, 0)
    for number, member in enumerate(result.members):
        _check_types(member)
        _check_types(member.unit)
        _check_within(member.unit.locator, unit.locator)
        following = (member.artifacts, member.facts, member.problems)
        found = member.unit
        if (found.index, found.digest) != (number, "") or not found.locator.members:
            raise ValueError("no member")
        if not 0 < found.part <= found.size:
            raise ValueError("a member that takes more than there is")
        if any(after < before for before, after in zip(places, following, strict=True)):
            raise ValueError("members out of order")
        places = following


def _check_rule(rule: Rule) -> None:
    _check_types(rule)
    _check_all(rule.references, str)
    if set("{}") & set(_PLACEHOLDER.sub("", rule.message)):
        raise ValueError("a template that is more than names in braces")


def _check_types(item: Artifact | Fact | Finding | Problem | Rule | Member | Unit) -> None:
    get, types, names = _FIELDS[type(item)]
    if [*map(type, get(item))] != types:
        raise TypeError(f"one of {', '.join(names)}")


def _check_all(values: tuple[object, ...], kind: type) -> None:
    for value in values:
        if type(value) is not kind:
            raise TypeError(kind.__name__)


def _check_within(inner: Locator, outer: Locator) -> None:
    """Raise ValueError unless `inner` is `outer` or a member of it."""
    if inner is outer:
        return
    _check_all(inner.members, str)
    depth = len(outer.members)
    if (inner.uri, inner.version, inner.members[:depth]) != (outer.uri, outer.version, outer.members):
        raise ValueError("another file")
