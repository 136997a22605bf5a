"""Units of work, their results, and the report of a job."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field

from modelsweep.core.finding import Fact, Finding, Json, Problem, ProblemKind, Rule, Severity
from modelsweep.core.locator import Locator

JSON_SCHEMA_VERSION = "1.0"


class Verdict(enum.StrEnum):
    """What is to be thought of a file: unknown is never clean."""

    MALICIOUS = "malicious"
    REVIEW = "review"
    NOT_SCANNED = "not scanned"
    CLEAN = "clean"


@dataclass(frozen=True, slots=True)
class Unit:
    """One file or archive member to examine: its place in the job, where it is, its size in bytes as listed."""

    index: int
    locator: Locator
    size: int


@dataclass(frozen=True, slots=True)
class Artifact:
    """A blob that was examined: `digest` is the SHA-256 in hex, empty where its bytes were not all read."""

    locator: Locator
    size: int
    digest: str
    scanners: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class UnitResult:
    """What examining one unit yielded; `artifacts` begins with the unit itself, members follow in order."""

    unit: Unit
    artifacts: tuple[Artifact, ...] = ()
    facts: tuple[Fact, ...] = ()
    findings: tuple[Finding, ...] = ()
    problems: tuple[Problem, ...] = ()
    bytes_read: int = 0
    duration: float = 0.0

    @property
    def verdict(self) -> Verdict:
        """The worst that was found, `not scanned` where something was left out, else clean."""
        worst = max((finding.severity for finding in self.findings), default=Severity.DEBUG)
        if worst is Severity.CRITICAL:
            return Verdict.MALICIOUS
        if worst is Severity.WARNING:
            return Verdict.REVIEW
        return Verdict.NOT_SCANNED if self.problems else Verdict.CLEAN

    @property
    def digest(self) -> str:
        """The SHA-256 of the unit's own bytes in hex, or nothing where they were not all read."""
        return self.artifacts[0].digest if self.artifacts else ""


@dataclass(frozen=True, slots=True)
class Run:
    """All that varies between two runs over the same bytes."""

    start_time: float = 0.0
    """Seconds since the epoch."""
    duration: float = 0.0
    """Seconds."""
    arguments: tuple[str, ...] = ()
    job: str = ""


@dataclass(frozen=True, slots=True)
class Tool:
    """What produced a report: the program's version and the digest of its ruleset, plug-ins included."""

    version: str
    ruleset: str
    scanners: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """The outcome of a job, results in report order; it carries the rules it mentions."""

    targets: tuple[str, ...]
    tool: Tool
    results: tuple[UnitResult, ...]
    problems: tuple[Problem, ...] = ()
    """Problems of targets that yielded no unit."""
    run: Run = field(default_factory=Run)
    options: Mapping[str, Json] = field(default_factory=dict)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All findings in report order."""
        return tuple(finding for result in self.results for finding in result.findings)

    @property
    def all_problems(self) -> tuple[Problem, ...]:
        """All that was not examined: of targets first, then of units in report order."""
        return (*self.problems, *(problem for result in self.results for problem in result.problems))

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The rules that the findings break, by id."""
        return tuple(sorted({finding.rule for finding in self.findings}, key=lambda rule: rule.id))

    @property
    def bytes_read(self) -> int:
        """Bytes read from all units."""
        return sum(result.bytes_read for result in self.results)

    @property
    def has_errors(self) -> bool:
        """Whether there is a CRITICAL finding."""
        return any(finding.severity is Severity.CRITICAL for finding in self.findings)

    @property
    def has_warnings(self) -> bool:
        """Whether there is a WARNING finding."""
        return any(finding.severity is Severity.WARNING for finding in self.findings)

    def verdicts(self) -> dict[Verdict, int]:
        """Return how many units have each verdict."""
        counts = dict.fromkeys(Verdict, 0)
        for result in self.results:
            counts[result.verdict] += 1
        return counts

    def to_dict(self) -> dict[str, Json]:
        """Return the report in its JSON shape, docs/report.schema.json, fit for any JSON reader."""
        from modelsweep.core.shape import portable, report_shape

        return {key: portable(value) for key, value in report_shape(self).items()}


STRICT_ONLY = frozenset({ProblemKind.UNSUPPORTED, ProblemKind.DESELECTED})
"""Kinds of problem that fail a job only under `--strict`: unknown formats and scanners not chosen are listed."""


@dataclass(frozen=True, slots=True)
class Gate:
    """What makes a job fail: findings at or above `fail_on`, or more problems than are tolerated."""

    fail_on: Severity = Severity.WARNING
    strict: bool = False
    tolerated: int = 0
    tolerated_percent: float = 0.0

    def fails(self, problem: Problem) -> bool:
        """Return whether `problem` alone would make the job fail."""
        return self.strict or problem.kind not in STRICT_ONLY

    def exit_code(self, report: Report) -> int:
        """Return 1 for findings that count, else 2 where too much could not be examined, else 0."""
        if any(finding.severity >= self.fail_on for finding in report.findings):
            return 1
        return 2 if self.incomplete(report) else 0

    def incomplete(self, report: Report) -> bool:
        """Return whether more files or targets than tolerated could not be examined."""
        units = sum(1 for result in report.results if any(map(self.fails, result.problems)))
        unexamined = units + sum(1 for problem in report.problems if self.fails(problem))
        allowed = max(self.tolerated, int(len(report.results) * self.tolerated_percent / 100))
        return unexamined > allowed


def summary(report: Report) -> dict[str, int]:
    """Return the totals that every output shows: files, findings by severity, and files not scanned."""
    verdicts = report.verdicts()
    counts = {severity.name.lower(): 0 for severity in Severity}
    for finding in report.findings:
        counts[finding.severity.name.lower()] += 1
    skipped = sum(1 for problem in report.all_problems if problem.kind is ProblemKind.SKIPPED)
    return {"files": len(report.results), **counts, "not_scanned": verdicts[Verdict.NOT_SCANNED], "skipped": skipped}
