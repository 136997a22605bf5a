"""JSON forms of units, options and results: what passes between processes and, later, through the result store."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, cast

from modelsweep.core.finding import Fact, Finding, Json, JsonObject, Problem, ProblemKind, Rule, Severity, Span
from modelsweep.core.limits import Limits
from modelsweep.core.locator import Locator
from modelsweep.core.options import Options, Selection
from modelsweep.core.report import Artifact, Attachment, Member, Totals, Unit, UnitResult, Verdict
from modelsweep.core.values import asdict

# The one place where JSON is not typed: it was written by `encode` of the same version.
Decoded = Mapping[str, Any]


MISSHAPEN = (KeyError, TypeError, ValueError, AttributeError, IndexError)
"""What decoding raises where a document does not have the expected shape."""
_encode = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode


def dumps(value: Json) -> bytes:
    """Return `value` as one line of JSON; lone surrogates of undecodable names survive as escapes."""
    return _encode(value).encode("ascii")


def encode_locator(locator: Locator) -> Json:
    """Return a locator as [uri, version, member...]."""
    return [locator.uri, locator.version, *locator.members]


def decode_locator(value: list[str]) -> Locator:
    """Return the locator of what `encode_locator` made."""
    return Locator(value[0], tuple(value[2:]), value[1])


def encode_unit(unit: Unit) -> JsonObject:
    """Return a unit as JSON."""
    encoded: JsonObject = {
        "index": unit.index,
        "locator": encode_locator(unit.locator),
        "size": unit.size,
        "digest": unit.digest,
    }
    return {**encoded, "part": unit.part, "stamp": unit.stamp} if unit.part else encoded


def decode_unit(value: Decoded) -> Unit:
    """Return the unit of what `encode_unit` made."""
    where, part, stamp = decode_locator(value["locator"]), value.get("part", 0), value.get("stamp", "")
    return Unit(value["index"], where, value["size"], value["digest"], part, stamp)


def encode_options(options: Options) -> JsonObject:
    """Return options as JSON."""
    return cast(JsonObject, asdict(options))


def decode_options(value: Decoded) -> Options:
    """Return the options of what `encode_options` made."""
    chosen = value["scanners"]
    return Options(
        depth=value["depth"],
        scanners=None if chosen is None else tuple(chosen),
        allow_imports=tuple(value["allow_imports"]),
        blacklist=tuple(value["blacklist"]),
        require_signers=tuple(value.get("require_signers", ())),
        plugins=tuple(value["plugins"]),
        timeout=value["timeout"],
        limits=Limits(**value["limits"]),
    )


def shown_options(options: Options, selection: Selection) -> JsonObject:
    """Return what a report says of how its job was done."""
    shown: JsonObject = json.loads(dumps(encode_options(options)))  # with lists where the options have tuples
    names: JsonObject = {
        name: list(patterns)
        for name, patterns in (("include", selection.include), ("exclude", selection.exclude))
        if patterns
    }
    if selection.newest_first:
        names["newest_first"] = True
    return {**shown, "max_file_size": selection.max_file_size, "max_total_size": selection.max_total_size, **names}


def encode_attachment(attachment: Attachment) -> JsonObject:
    """Return an attachment as JSON."""
    return cast(JsonObject, asdict(attachment))


def decode_attachment(value: Decoded) -> Attachment:
    """Return the attachment of what `encode_attachment` made."""
    return Attachment(**{**value, "summary": tuple((name, said) for name, said in value["summary"])})


def encode_rule(rule: Rule) -> JsonObject:
    """Return a rule as JSON."""
    return {**cast(JsonObject, asdict(rule)), "severity": rule.severity.name, "references": list(rule.references)}


def decode_rule(value: Decoded) -> Rule:
    """Return the rule of what `encode_rule` made."""
    return Rule(**{**value, "severity": Severity[value["severity"]], "references": tuple(value["references"])})


def encode_result(result: UnitResult) -> JsonObject:
    """Return a unit's result as JSON, with the rules it mentions; the unit's own locator is [] in it."""
    rules = {finding.rule.id: encode_rule(finding.rule) for finding in result.findings}
    own = result.unit.locator

    def located(locator: Locator) -> Json:
        return [] if locator is own else encode_locator(locator)

    return {
        "unit": encode_unit(result.unit),
        "artifacts": [
            [located(item.locator), item.size, item.digest, list(item.scanners)] for item in result.artifacts
        ],
        "facts": [
            [fact.kind, fact.value, located(fact.locator), _encode_span(fact.span), dict(fact.detail)]
            for fact in result.facts
        ],
        "findings": [_encode_finding(finding, located(finding.locator)) for finding in result.findings],
        "problems": [_encode_problem(problem, located(problem.locator)) for problem in result.problems],
        "rules": cast(Json, rules),
        "bytes_read": result.bytes_read,
        "duration": result.duration,
        **({"members": [_encode_member(member) for member in result.members]} if result.members else {}),
    }


def decode_result(value: Decoded, unit: Unit | None = None) -> UnitResult:
    """Return the result of what `encode_result` made: of `unit`, where that is known, whatever it says itself."""
    unit = unit or decode_unit(value["unit"])
    own = unit.locator
    rules = {slug: decode_rule(rule) for slug, rule in value["rules"].items()}
    return UnitResult(
        unit,
        tuple(
            [
                Artifact(decode_locator(where) if where else own, size, digest, tuple(scanners))
                for where, size, digest, scanners in value["artifacts"]
            ]
        ),
        tuple(
            [
                Fact(kind, subject, decode_locator(where) if where else own, _decode_span(span), detail)
                for kind, subject, where, span, detail in value["facts"]
            ]
        ),
        tuple(
            [
                Finding(
                    rules[slug], decode_locator(where) if where else own, subject, path, _decode_span(span), evidence
                )
                for slug, where, subject, path, span, evidence in value["findings"]
            ]
        ),
        tuple([decode_problem(problem, own) for problem in value["problems"]]),
        value["bytes_read"],
        value["duration"],
        tuple([Member(decode_unit(unit), *places) for unit, *places in value.get("members", ())]),
    )


def _encode_member(member: Member) -> Json:
    return [encode_unit(member.unit), member.artifacts, member.facts, member.problems]


def _encode_finding(finding: Finding, where: Json) -> Json:
    evidence = dict(finding.evidence)
    return [finding.rule.id, where, finding.subject, finding.path, _encode_span(finding.span), evidence]


def encode_totals(totals: Totals) -> JsonObject:
    """Return totals as JSON."""
    return {
        "counts": [totals.files, totals.bytes_read, totals.unexamined, totals.failed],
        "verdicts": {verdict.value: count for verdict, count in totals.verdicts.items()},
        "severities": {severity.name: count for severity, count in totals.severities.items()},
        "problems": {kind.value: count for kind, count in totals.problems.items()},
        "rules": [encode_rule(rule) for rule in totals.rules],
        "scanners": list(totals.scanners),
    }


def decode_totals(value: Decoded) -> Totals:
    """Return the totals of what `encode_totals` made."""
    files, bytes_read, unexamined, failed = value["counts"]
    return Totals(
        files=files,
        bytes_read=bytes_read,
        verdicts={Verdict(verdict): count for verdict, count in value["verdicts"].items()},
        severities={Severity[severity]: count for severity, count in value["severities"].items()},
        problems={ProblemKind(kind): count for kind, count in value["problems"].items()},
        unexamined=unexamined,
        failed=failed,
        rules=tuple(map(decode_rule, value["rules"])),
        scanners=tuple(value["scanners"]),
    )


def encode_problem(problem: Problem) -> Json:
    """Return a problem as JSON."""
    return _encode_problem(problem, encode_locator(problem.locator))


def _encode_problem(problem: Problem, where: Json) -> Json:
    return [problem.kind.value, where, problem.scanner, problem.detail, _encode_span(problem.span)]


def decode_problem(value: list[Any], own: Locator | None = None) -> Problem:
    """Return the problem of what `encode_problem` made; `own` is what [] stands for."""
    kind, where, scanner, detail, span = value
    locator = own if own and not where else decode_locator(where)
    return Problem(ProblemKind(kind), locator, scanner, detail, _decode_span(span))


def _encode_span(span: Span | None) -> Json:
    return None if span is None else list(span)


def _decode_span(value: list[int] | None) -> Span | None:
    return None if value is None else Span(*value)
