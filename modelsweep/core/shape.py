"""The JSON shape of a report: what `Report.to_dict()`, `-f json` and the policy engines share.

docs/report.schema.json describes it. A key is only ever added within a major schema version.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import cast

from modelsweep.core.finding import Fact, Finding, Json, Problem, Rule, Span
from modelsweep.core.locator import Locator
from modelsweep.core.report import JSON_SCHEMA_VERSION, Artifact, Report, UnitResult, summary

JsonObject = dict[str, Json]
FACT_VALUES = 100
"""Distinct values listed per file and kind of fact; `distinct` says how many there are."""


def report_shape(report: Report) -> JsonObject:
    """Return `report` as JSON, names as they are; `portable` makes it fit for strict readers."""
    artifacts = [artifact for result in report.results for artifact in result.artifacts]
    return {
        "schema_version": JSON_SCHEMA_VERSION,
        "tool": {"name": "modelsweep", "version": report.tool.version, "ruleset": report.tool.ruleset},
        "targets": list(report.targets),
        "options": dict(report.options),
        "summary": cast(JsonObject, summary(report)),
        "scanner_names": cast(list[Json], sorted({name for artifact in artifacts for name in artifact.scanners})),
        "start_time": report.run.start_time,
        "duration": report.run.duration,
        "bytes_scanned": report.bytes_read,
        "files_scanned": len(report.results),
        "has_errors": report.has_errors,
        "has_warnings": report.has_warnings,
        "verdicts": [_verdict(result) for result in report.results],
        "issues": [_issue(finding, report.run.start_time) for finding in report.findings],
        "problems": [_problem(problem) for problem in report.all_problems],
        "rules": {rule.id: _rule(rule) for rule in report.rules},
        "assets": [_asset(artifact) for artifact in artifacts],
        "facts": [group for result in report.results for group in _facts(result)],
        "run": {
            "start_time": report.run.start_time,
            "duration": report.run.duration,
            "arguments": list(report.run.arguments),
            "job": report.run.job,
        },
    }


def portable(value: Json) -> Json:
    """Return `value` without what JSON readers disagree on: lone surrogates are escaped, NaN and infinity are text."""
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, dict):
        return {cast(str, portable(key)): portable(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [portable(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


def place(locator: Locator, span: Span | None) -> str:
    """Return where something is as `PATH!member!member (pos N)`; N counts bytes from the start of the innermost."""
    return str(locator) if span is None else f"{locator} (pos {span.offset})"


def details(finding: Finding) -> JsonObject:
    """Return what a finding's message is filled in with: subject, path inside the format, and the evidence."""
    named: JsonObject = {"subject": finding.subject, "path": finding.path}
    return {**{key: value for key, value in named.items() if value}, **finding.evidence}


def _verdict(result: UnitResult) -> JsonObject:
    return {
        "path": str(result.unit.locator),
        "verdict": result.verdict.value,
        "digest": result.digest,
        "size": result.unit.size,
    }


def _issue(finding: Finding, timestamp: float) -> JsonObject:
    return {
        "rule": finding.rule.id,
        "severity": finding.severity.name.lower(),
        "message": finding.message,
        "location": place(finding.locator, finding.span),
        "details": details(finding),
        "timestamp": timestamp,
        "why": finding.rule.why,
        "fingerprint": finding.fingerprint,
    }


def _problem(problem: Problem) -> JsonObject:
    return {
        "kind": problem.kind.value,
        "location": place(problem.locator, problem.span),
        "scanner": problem.scanner,
        "message": problem.detail,
    }


def _rule(rule: Rule) -> JsonObject:
    return {
        "title": rule.title,
        "severity": rule.severity.name.lower(),
        "confidence": rule.confidence,
        "cwe": rule.cwe,
        "why": rule.why,
        "fix": rule.fix,
        "references": list(rule.references),
    }


def _asset(artifact: Artifact) -> JsonObject:
    return {
        "path": str(artifact.locator),
        "type": artifact.scanners[0] if artifact.scanners else "unknown",
        "scanners": list(artifact.scanners),
        "size": artifact.size,
        "digest": artifact.digest,
    }


def _facts(result: UnitResult) -> Iterable[JsonObject]:
    """Yield the facts of one file by kind, each value once, in the order extracted."""
    kinds: dict[str, dict[str, Fact]] = {}
    for fact in result.facts:
        kinds.setdefault(fact.kind, {}).setdefault(fact.value, fact)
    for kind, values in sorted(kinds.items()):
        yield {
            "path": str(result.unit.locator),
            "kind": kind,
            "values": cast(list[Json], list(values)[:FACT_VALUES]),
            "distinct": len(values),
        }
