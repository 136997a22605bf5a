"""SARIF 2.1.0 (OASIS), as code scanning services take it.

https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html; the limits are those of GitHub code scanning, which
refuses a whole file for one result that it does not like.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TextIO, cast

from modelsweep.core.finding import Finding, Json, Problem, ProblemKind, Rule, Severity, Span
from modelsweep.core.locator import Locator
from modelsweep.core.report import Artifact, Report, summary
from modelsweep.core.shape import details, place
from modelsweep.core.text import printable, shorten
from reporting.address import FILESYSTEM_BASE, ROOT_BASE, address, quote
from reporting.encode import utc, write_json
from reporting.kinds import MEANING
from reporting.severity import SARIF_LEVEL, SCORE
from reporting.writer import View

JsonObject = dict[str, Json]

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
RUN_RESULTS = 5_000
"""Results of one run that are shown; more go to a further run, which is a category of its own."""
RUNS = 20
NOTIFICATIONS = 5_000
"""Problems listed; the JSON report has them all."""
ARTIFACTS = 50_000
"""Files listed of which nothing is said: more would pass the 10 MB (compressed) that code scanning takes."""
DESCRIPTION = 1_024
"""Characters of a rule's short and full description."""
MESSAGE = 2_048
"""Characters of a message: what is longer makes an alert that nobody reads."""
BASES: dict[str, JsonObject] = {
    ROOT_BASE: {"description": {"text": "The folder that modelsweep was started in."}},
    FILESYSTEM_BASE: {"uri": "file:///"},
}
KINDS = tuple(ProblemKind)
INT32 = 2**31 - 1
"""Largest length and offset that Microsoft's SARIF SDK reads; it refuses the whole file for a larger one."""


def write(report: Report, stream: TextIO, view: View) -> None:
    """Write `report` as one SARIF log of up to `RUNS` runs with up to `RUN_RESULTS` results each."""
    findings = [finding for result in report.results for finding in view.findings(result)]
    shards = [findings[start : start + RUN_RESULTS] for start in range(0, len(findings), RUN_RESULTS)] or [[]]
    artifacts = {item.locator: item for result in report.results for item in result.artifacts}
    seen: Counter[tuple[str, str]] = Counter()
    runs: list[Json] = []
    for number, shard in enumerate(shards[:RUNS]):
        files = Files(artifacts, view.root)
        results = _results(shard, files, seen)
        notifications: list[Json] = []
        if number == 0:
            notifications = _notifications(report, view, files)
            notifications += _left_out(report, sum(map(len, shards[RUNS:])))
            for result in report.results[:ARTIFACTS]:
                files.index(result.unit.locator)
        runs.append(_run(report, view, number, rules_of(shard), files, results, notifications))
    write_json({"$schema": SCHEMA, "version": "2.1.0", "runs": runs}, stream)


class Files:
    """The artifacts of one run in order of mention; members are listed where something is said of them."""

    def __init__(self, known: Mapping[Locator, Artifact], root: str) -> None:
        self._known, self._root = known, root
        self._indexes: dict[Locator, int] = {}
        self.entries: list[Json] = []
        self.bases: set[str] = set()

    def index(self, locator: Locator) -> int:
        """Return the index of the artifact at `locator`, listed with its containers if it was not yet."""
        found = self._indexes.get(locator)
        if found is not None:
            return found
        entry: JsonObject = {"location": self.location(locator), "roles": ["analysisTarget"]}
        if locator.members:
            entry["parentIndex"] = self.index(Locator(locator.uri, locator.members[:-1], locator.version))
        artifact = self._known.get(locator)
        if artifact is not None:
            entry |= {"length": artifact.size} if artifact.size <= INT32 else {"properties": {"length": artifact.size}}
            if artifact.digest:
                entry["hashes"] = {"sha-256": artifact.digest}
        self._indexes[locator] = len(self.entries)
        self.entries.append(entry)
        return self._indexes[locator]

    def location(self, locator: Locator) -> JsonObject:
        """Return the artifactLocation of `locator`; that of a member is relative to the root of its container."""
        if locator.members:
            return {"uri": quote(locator.members[-1].lstrip("/")) or "."}
        where = address(locator, self._root)
        if not where.base:
            return {"uri": where.uri}
        self.bases.add(where.base)
        return {"uri": where.uri, "uriBaseId": where.base}

    def physical(self, locator: Locator, span: Span | None) -> JsonObject:
        """Return the location of `span` in the file that people have; spans in members are not positions in it."""
        outer = Locator(locator.uri, (), locator.version)
        physical: JsonObject = {
            "artifactLocation": {**self.location(outer), "index": self.index(outer)},
            "region": _region(None if locator.members else span),
        }
        if not locator.members:
            return {"physicalLocation": physical}
        self.index(locator)
        name = printable("!".join(locator.members), MESSAGE)
        logical: list[Json] = [{"fullyQualifiedName": name, "kind": "resource"}]
        return {"physicalLocation": physical, "logicalLocations": logical}


def _region(span: Span | None) -> JsonObject:
    """Return `span` as a region: in line 1, as code scanning wants of binaries, and as bytes where those fit."""
    region: JsonObject = {"startLine": 1}
    if span is not None and span.offset + span.length <= INT32:
        region["byteOffset"] = span.offset
        if span.length:
            region["byteLength"] = span.length
    return region


def rules_of(findings: Sequence[Finding]) -> tuple[Rule, ...]:
    """Return the rules that `findings` break, by id."""
    return tuple(sorted({finding.rule for finding in findings}, key=lambda rule: rule.id))


def _run(
    report: Report,
    view: View,
    number: int,
    rules: Sequence[Rule],
    files: Files,
    results: list[Json],
    notifications: list[Json],
) -> JsonObject:
    driver: JsonObject = {
        "name": "modelsweep",
        "fullName": f"modelsweep {report.tool.version}",
        "version": report.tool.version,
        "semanticVersion": report.tool.version,
        "shortDescription": {"text": "Static security scanner for machine-learning model files."},
        "rules": [_rule(rule) for rule in rules],
        "notifications": [_kind(kind) for kind in KINDS],
        "properties": {"ruleset": report.tool.ruleset},
    }
    run: JsonObject = {
        "tool": {"driver": driver},
        "automationDetails": {"id": f"modelsweep/{number + 1}/"},
        "invocations": [_invocation(report, view, notifications)],
        "columnKind": "unicodeCodePoints",
        "artifacts": files.entries,
        "results": results,
    }
    if files.bases:
        run["originalUriBaseIds"] = {base: BASES[base] for base in sorted(files.bases)}
    return run


def _rule(rule: Rule) -> JsonObject:
    references = [f"https://cwe.mitre.org/data/definitions/{rule.cwe}.html"] if rule.cwe else []
    references += rule.references
    plain = "\n".join(references)
    links = "\n".join(f"- <{reference}>" for reference in references)
    level = SARIF_LEVEL[rule.severity]
    tags: list[Json] = ["security", rule.id.partition("/")[0]]
    if rule.cwe:
        tags.append(f"external/cwe/cwe-{rule.cwe:03d}")
    return {
        "id": rule.id,
        "name": rule.id.replace("/", "-").title().replace("-", ""),
        "shortDescription": {"text": shorten(sentence(rule.title), DESCRIPTION)},
        "fullDescription": {"text": shorten(sentence(rule.why), DESCRIPTION)},
        "help": {
            "text": f"{rule.why}\n\nWhat to do: {rule.fix}\n\n{plain}".strip(),
            "markdown": f"{rule.why}\n\n**What to do:** {rule.fix}\n\n{links}".strip(),
        },
        "defaultConfiguration": {"level": level, "rank": SCORE[rule.severity] * 10},
        "properties": {
            "tags": tags,
            "precision": rule.confidence,
            "problem.severity": {"error": "error", "warning": "warning"}.get(level, "recommendation"),
            "security-severity": f"{SCORE[rule.severity]:.1f}",
        },
    }


def _kind(kind: ProblemKind) -> JsonObject:
    meaning = MEANING[kind]
    return {
        "id": kind.value,
        "name": f"Problem{kind.value.title()}",
        "shortDescription": {"text": f"Not scanned: {meaning.heading}."},
        "fullDescription": {"text": meaning.sentence},
        "help": {"text": f"{meaning.sentence} {meaning.advice}"},
    }


def _results(findings: Sequence[Finding], files: Files, seen: Counter[tuple[str, str]]) -> list[Json]:
    indexes = {rule.id: index for index, rule in enumerate(rules_of(findings))}
    results: list[Json] = []
    for finding in findings:
        key = (finding.locator.uri, finding.fingerprint)
        seen[key] += 1
        results.append(_result(finding, indexes[finding.rule.id], seen[key], files))
    return results


def _result(finding: Finding, rule_index: int, occurrence: int, files: Files) -> JsonObject:
    result: JsonObject = {
        "ruleId": finding.rule.id,
        "ruleIndex": rule_index,
        "level": SARIF_LEVEL[finding.severity],
        "message": {"text": message(f"{sentence(finding.message)}{_whereabouts(finding)}")},
        "locations": [files.physical(finding.locator, finding.span)],
        "partialFingerprints": {
            "primaryLocationLineHash": f"{finding.fingerprint}:{occurrence}",
            "modelsweep/v1": finding.fingerprint,
        },
        "rank": SCORE[finding.severity] * 10,
        "properties": {"location": place(finding.locator, finding.span), "details": details(finding)},
    }
    if finding.severity is Severity.DEBUG:
        result["kind"] = "informational"
    return result


def _whereabouts(finding: Finding) -> str:
    where = [f"in {'!'.join(finding.locator.members)}"] if finding.locator.members else []
    if finding.span is not None:
        where.append(f"at byte {finding.span.offset}")
    return f" Found {' '.join(where)}." if where else ""


def sentence(text: str) -> str:
    """Return `text` ending as a sentence does."""
    return text if text.endswith((".", "!", "?")) else f"{text}."


def message(text: str) -> str:
    """Return `text` as a plain-text message: printable, short, and with nothing that a viewer would make a link of.

    SARIF 3.11.6: `[text](target)` in any message is a link, so hostile names could send readers anywhere.
    """
    return printable(text, MESSAGE).replace("](", "] (")


def _invocation(report: Report, view: View, notifications: list[Json]) -> JsonObject:
    invocation: JsonObject = {
        "executionSuccessful": not view.gate.incomplete(report),
        "exitCode": view.gate.exit_code(report),
        "properties": {"statistics": {**summary(report), "bytes_scanned": report.bytes_read}},
    }
    if report.run.arguments:
        invocation["arguments"] = [printable(argument) for argument in report.run.arguments]
    if report.run.start_time:
        invocation["startTimeUtc"] = utc(report.run.start_time)
        invocation["endTimeUtc"] = utc(report.run.start_time + report.run.duration)
    if notifications:
        invocation["toolExecutionNotifications"] = notifications
    return invocation


def _notifications(report: Report, view: View, files: Files) -> list[Json]:
    """Return what was not examined, failures first."""
    problems = sorted(report.all_problems, key=lambda problem: not view.gate.fails(problem))
    return [_notification(problem, view, files) for problem in problems[:NOTIFICATIONS]]


def _left_out(report: Report, results: int) -> list[Json]:
    """Return what this log has no room for, so that nothing is missing unsaid."""
    problems, files = len(report.all_problems) - NOTIFICATIONS, len(report.results) - ARTIFACTS
    return [
        _notify(ProblemKind.LIMIT, "warning", f"{count} more {what} have no room here: the JSON report has them all.")
        for count, what in ((problems, "problems"), (results, "results"), (files, "files"))
        if count > 0
    ]


def _notification(problem: Problem, view: View, files: Files) -> JsonObject:
    level = "error" if view.gate.fails(problem) else "note"
    text = message(f"{place(problem.locator, problem.span)}: {sentence(problem.detail)}")
    notification = _notify(problem.kind, level, text)
    notification["locations"] = [files.physical(problem.locator, problem.span)]
    if problem.scanner:
        notification["properties"] = {"scanner": problem.scanner}
    return notification


def _notify(kind: ProblemKind, level: str, text: str) -> JsonObject:
    descriptor = cast(JsonObject, {"id": kind.value, "index": KINDS.index(kind)})
    return {"descriptor": descriptor, "level": level, "message": {"text": text}}
