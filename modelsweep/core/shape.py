"""The JSON shape of a report: what `Report.to_dict()`, `-f json` and the policy engines share.

docs/report.schema.json describes it. A key is only ever added within a major schema version.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, cast

from modelsweep.core.finding import Fact, Finding, Json, JsonObject, Problem, Rule, Span
from modelsweep.core.locator import Locator

if TYPE_CHECKING:
    from modelsweep.core.report import Artifact, Attachment, Report, UnitResult

SCHEMA_VERSION = "1.0"
FACT_VALUES = 100
"""Distinct values listed per file and kind of fact; `distinct` says how many there are."""


def report_shape(report: Report) -> JsonObject:
    """Return `report` as JSON, names as they are; `portable` makes it fit for strict readers."""
    return {
        **head_shape(report),
        "verdicts": [verdict_shape(result) for result in report.results],
        "issues": [issue_shape(finding, report.run.start_time) for finding in report.each_finding()],
        "problems": [problem_shape(problem) for problem in report.each_problem()],
        "rules": rules_shape(report),
        "assets": [asset_shape(artifact) for result in report.results for artifact in result.artifacts],
        "facts": [group for result in report.results for group in fact_shapes(result)],
        "attachments": attachments_shape(report),
        "run": run_shape(report),
    }


def head_shape(report: Report) -> JsonObject:
    """Return what stands before the lists of a report."""
    totals = report.totals
    return {
        "schema_version": SCHEMA_VERSION,
        "tool": {"name": "modelsweep", "version": report.tool.version, "ruleset": report.tool.ruleset},
        "targets": list(report.targets),
        "options": dict(report.options),
        "summary": cast(JsonObject, report.summary()),
        "scanner_names": list(totals.scanners),
        "start_time": report.run.start_time,
        "duration": report.run.duration,
        "bytes_scanned": totals.bytes_read,
        "files_scanned": totals.files,
        "has_errors": report.has_errors,
        "has_warnings": report.has_warnings,
    }


def rules_shape(report: Report) -> JsonObject:
    """Return the rules that the findings break, by id."""
    return {rule.id: rule_shape(rule) for rule in report.rules}


def attachments_shape(report: Report) -> list[Json]:
    """Return the files that somebody attached."""
    return [attachment_shape(attachment) for attachment in report.attachments]


def attachment_shape(attachment: Attachment) -> JsonObject:
    """Return a file that somebody attached."""
    return {
        "path": attachment.path,
        "tool": attachment.tool,
        "media_type": attachment.media_type,
        "size": attachment.size,
        "digest": attachment.digest,
        "summary": dict(attachment.summary),
        "note": attachment.note,
    }


def run_shape(report: Report) -> JsonObject:
    """Return what varies between two runs over the same bytes."""
    return {
        "start_time": report.run.start_time,
        "duration": report.run.duration,
        "arguments": list(report.run.arguments),
        "job": report.run.job,
        "known": report.run.known,
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


def verdict_shape(result: UnitResult) -> JsonObject:
    """Return what is thought of a file."""
    return {
        "path": str(result.unit.locator),
        "verdict": result.verdict.value,
        "digest": result.digest,
        "size": result.unit.size,
    }


def issue_shape(finding: Finding, timestamp: float) -> JsonObject:
    """Return a finding; `timestamp` is when the job started, in seconds since the epoch."""
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


def problem_shape(problem: Problem) -> JsonObject:
    """Return something that was not examined."""
    return {
        "kind": problem.kind.value,
        "location": place(problem.locator, problem.span),
        "scanner": problem.scanner,
        "message": problem.detail,
    }


def rule_shape(rule: Rule) -> JsonObject:
    """Return a rule."""
    return {
        "title": rule.title,
        "severity": rule.severity.name.lower(),
        "confidence": rule.confidence,
        "cwe": rule.cwe,
        "why": rule.why,
        "fix": rule.fix,
        "references": list(rule.references),
    }


def asset_shape(artifact: Artifact) -> JsonObject:
    """Return a blob that was examined."""
    return {
        "path": str(artifact.locator),
        "type": artifact.scanners[0] if artifact.scanners else "unknown",
        "scanners": list(artifact.scanners),
        "size": artifact.size,
        "digest": artifact.digest,
    }


def fact_shapes(result: UnitResult) -> Iterable[JsonObject]:
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
