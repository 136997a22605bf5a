"""Units of work, their results, and the report of a job."""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import cached_property
from itertools import islice
from typing import overload

from modelsweep.core.finding import Fact, Finding, Json, Problem, ProblemKind, Rule, Severity
from modelsweep.core.locator import Locator
from modelsweep.core.values import dataclass, field, replace

Stated = tuple[str, str, bool]
"""Kind and value of a fact, and whether it is a licence that is an SPDX expression."""
Nature = tuple[tuple[str, ...], tuple[Stated, ...]]
"""What many files have in common: the scanners that looked at them, and what they state of themselves."""
Plain = tuple[str, str, int, str, Nature, int]
"""Of a plain file (plain.py): URI, version, size in bytes, SHA-256 in hex, nature, and how many bytes were read."""

NEVER_FAILS = frozenset({ProblemKind.DESELECTED})
"""Kinds of problem that fail no job: what somebody chose to leave out is listed, and is not clean either."""
STRICT_ONLY = frozenset({ProblemKind.UNSUPPORTED}) | NEVER_FAILS
"""Kinds of problem that fail no job without `--strict`: unknown formats are listed."""

STRICT_RULES = "licence/"
"""Family of rules that fail a job under `--strict`, from INFO on: what a licence obliges to is no fault of a file."""


class Verdict(enum.StrEnum):
    """What is to be thought of a file: unknown is never clean."""

    MALICIOUS = "malicious"
    REVIEW = "review"
    NOT_SCANNED = "not scanned"
    CLEAN = "clean"


@dataclass(frozen=True, slots=True)
class Unit:
    """One file or archive member to examine: its place in the job, where it is, its size in bytes as listed.

    `digest` is the SHA-256 in hex of all its bytes where the place they come from vouches for it, else empty.
    A member's place is that among the members of its archive that are units; `size` is that of the archive, of which
    the member takes `part` bytes, and `stamp` says what it was like when the member was found in it.
    """

    index: int
    locator: Locator
    size: int
    digest: str = ""
    part: int = 0
    stamp: str = ""
    modified: float = field(default=0.0, compare=False)
    """When it was written, in seconds since the epoch, for who orders units; 0 where nobody told. It is not sent."""

    @property
    def extent(self) -> int:
        """Bytes that are to be examined: of a member those that it takes of its archive."""
        return self.part or self.size


@dataclass(frozen=True, slots=True)
class Artifact:
    """A blob that was examined: `digest` is the SHA-256 in hex, empty where its bytes were not all read."""

    locator: Locator
    size: int
    digest: str
    scanners: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Member:
    """A member that is a unit of its own, and how many artifacts, facts and problems of its archive precede its own."""

    unit: Unit
    artifacts: int
    facts: int
    problems: int


@dataclass(frozen=True, slots=True)
class UnitResult:
    """What examining one unit yielded; `artifacts` begins with the unit itself, members follow in order.

    `members` were left out, to be examined as units of their own: modelsweep/core/members.py puts them in again.
    """

    unit: Unit
    artifacts: tuple[Artifact, ...] = ()
    facts: tuple[Fact, ...] = ()
    findings: tuple[Finding, ...] = ()
    problems: tuple[Problem, ...] = ()
    bytes_read: int = 0
    duration: float = 0.0
    members: tuple[Member, ...] = ()

    @property
    def verdict(self) -> Verdict:
        """The worst that was found, `not scanned` where something was left out, else clean."""
        if self.findings:
            worst = max(finding.rule.severity for finding in self.findings)
            if worst is Severity.CRITICAL:
                return Verdict.MALICIOUS
            if worst is Severity.WARNING:
                return Verdict.REVIEW
        return Verdict.NOT_SCANNED if self.problems else Verdict.CLEAN

    @property
    def digest(self) -> str:
        """The SHA-256 of the unit's own bytes in hex, or nothing where they were not all read."""
        return self.artifacts[0].digest if self.artifacts else ""


Said = int | float | str
"""What stands beside a name in the summary of an attachment."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that somebody attached to a report as further evidence; no verdict and no exit code depends on it.

    `path` is as it was given, `digest` the SHA-256 in hex, `tool` whose result it was recognised as (else empty);
    `summary` has what the file says, with names, in at most 24 lines of harmless text; `note` why that is not all.
    """

    path: str
    media_type: str
    size: int
    digest: str
    tool: str = ""
    summary: tuple[tuple[str, Said], ...] = ()
    note: str = ""

    @property
    def text(self) -> str:
        """What it says and why that is not all, as one line."""
        said = [f"{name}: {value:,}" if isinstance(value, int) else f"{name}: {value}" for name, value in self.summary]
        return ", ".join([*said, *filter(None, [self.note])])

    @property
    def claim(self) -> str:
        """Whose result it is, and what it says, as one line."""
        return ": ".join(filter(None, (self.tool, self.text)))


@dataclass(frozen=True, slots=True)
class Run:
    """All that varies between two runs over the same bytes."""

    start_time: float = 0.0
    """Seconds since the epoch."""
    duration: float = 0.0
    """Seconds."""
    arguments: tuple[str, ...] = ()
    job: str = ""
    known: int = 0
    """Files of which nothing was read, because the cache knew them."""


@dataclass(frozen=True, slots=True)
class Tool:
    """What produced a report: the program's version and the digest of its ruleset, plug-ins included."""

    version: str
    ruleset: str
    scanners: tuple[str, ...]


class StoredResults(Sequence[UnitResult]):
    """Results that are read anew whenever somebody goes over them, so that a report may have millions."""

    def __init__(self, read: Callable[[], Iterator[UnitResult]], count: int) -> None:
        self._read, self._count = read, count

    def __iter__(self) -> Iterator[UnitResult]:
        return self._read()

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> UnitResult: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[UnitResult, ...]: ...
    def __getitem__(self, index: int | slice) -> UnitResult | tuple[UnitResult, ...]:
        """Return one result or several; all before them are read, too."""
        chosen = range(self._count)[index]
        if isinstance(chosen, int):
            return next(islice(self._read(), chosen, None))
        wanted = set(chosen)
        found = {number: result for number, result in enumerate(self._read()) if number in wanted}
        return tuple(found[number] for number in chosen)


@dataclass(frozen=True, slots=True)
class Totals:
    """What all results of a report come to, counted in one pass."""

    files: int
    bytes_read: int
    verdicts: Mapping[Verdict, int]
    severities: Mapping[Severity, int]
    """Findings."""
    problems: Mapping[ProblemKind, int]
    """Those of targets, too; kinds of which there is none are left out."""
    unexamined: int
    """Files of which something was not examined that nobody chose to leave out."""
    failed: int
    """Those among them that fail a job that is not strict."""
    rules: tuple[Rule, ...]
    """The rules that the findings break, by id."""
    scanners: tuple[str, ...]
    """The names of all scanners that looked at something, in order."""


class Tally:
    """Totals as results are added to them; `problems` are those of targets that yielded no unit."""

    def __init__(self, problems: Iterable[Problem] = ()) -> None:
        self._files = self._bytes = self._unexamined = self._failed = 0
        self._accused: Counter[Verdict] = Counter()
        self._severities: Counter[Severity] = Counter()
        self._problems = Counter(problem.kind for problem in problems)
        self._rules: set[Rule] = set()
        self._scanners: set[tuple[str, ...]] = set()

    def add(self, result: UnitResult) -> None:
        """Count a result."""
        self._files += 1
        self._bytes += result.bytes_read
        for artifact in result.artifacts:
            self._scanners.add(artifact.scanners)
        if not (result.findings or result.problems):
            return
        self._accused[result.verdict] += 1
        for finding in result.findings:
            self._severities[finding.rule.severity] += 1
            self._rules.add(finding.rule)
        if result.problems:
            kinds = [problem.kind for problem in result.problems]
            self._problems.update(kinds)
            self._unexamined += not NEVER_FAILS.issuperset(kinds)
            self._failed += not STRICT_ONLY.issuperset(kinds)

    def add_plain(self, files: Sequence[Plain]) -> None:
        """Count plain files."""
        self._files += len(files)
        nature: Nature | None = None
        for _, _, _, _, now, read in files:
            self._bytes += read
            if now is not nature:
                nature = now
                self._scanners.add(now[0])

    def include(self, totals: Totals) -> None:
        """Count what was counted elsewhere."""
        self._files += totals.files
        self._bytes += totals.bytes_read
        self._unexamined += totals.unexamined
        self._failed += totals.failed
        self._accused.update({verdict: count for verdict, count in totals.verdicts.items() if verdict != Verdict.CLEAN})
        self._severities.update(totals.severities)
        self._problems.update(totals.problems)
        self._rules.update(totals.rules)
        self._scanners.add(totals.scanners)

    def totals(self) -> Totals:
        """Return what was counted so far."""
        verdicts = {verdict: self._accused[verdict] for verdict in Verdict}
        verdicts[Verdict.CLEAN] += self._files - self._accused.total()
        return Totals(
            files=self._files,
            bytes_read=self._bytes,
            verdicts=verdicts,
            severities={severity: self._severities[severity] for severity in Severity},
            problems=dict(self._problems),
            unexamined=self._unexamined,
            failed=self._failed,
            rules=tuple(sorted(self._rules, key=lambda rule: rule.id)),
            scanners=tuple(sorted({name for names in self._scanners for name in names})),
        )


@dataclass(frozen=True)  # without slots: `totals` is kept once it was counted
class Report:
    """The outcome of a job, results in report order; it carries the rules it mentions.

    `results` may be anything that can be gone over again and again, such as `StoredResults`.
    """

    targets: tuple[str, ...]
    tool: Tool
    results: Sequence[UnitResult]
    problems: tuple[Problem, ...] = ()
    """Problems of targets that yielded no unit."""
    run: Run = field(default_factory=Run)
    options: Mapping[str, Json] = field(default_factory=dict)
    attachments: tuple[Attachment, ...] = ()
    counted: Totals | None = field(default=None, compare=False, repr=False)
    """The totals, where somebody has them already."""

    @cached_property
    def totals(self) -> Totals:
        """What all results come to; going over them once is all that it takes."""
        if self.counted is not None:
            return self.counted
        tally = Tally(self.problems)
        for result in self.results:
            tally.add(result)
        return tally.totals()

    def each_finding(self) -> Iterator[Finding]:
        """Yield the findings in report order."""
        for result in self.results:
            yield from result.findings

    def each_problem(self) -> Iterator[Problem]:
        """Yield all that was not examined: of targets first, then of units in report order."""
        yield from self.problems
        for result in self.results:
            yield from result.problems

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All findings in report order."""
        return tuple(self.each_finding())

    @property
    def all_problems(self) -> tuple[Problem, ...]:
        """All that was not examined: of targets first, then of units in report order."""
        return tuple(self.each_problem())

    def with_attachments(self, attachments: Iterable[Attachment]) -> Report:
        """Return the report with further files attached to it, each once."""
        return replace(self, attachments=tuple(dict.fromkeys((*self.attachments, *attachments))))

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The rules that the findings break, by id."""
        return self.totals.rules

    @property
    def bytes_read(self) -> int:
        """Bytes read from all units."""
        return self.totals.bytes_read

    @property
    def has_errors(self) -> bool:
        """Whether there is a CRITICAL finding."""
        return self.totals.severities[Severity.CRITICAL] > 0

    @property
    def has_warnings(self) -> bool:
        """Whether there is a WARNING finding."""
        return self.totals.severities[Severity.WARNING] > 0

    def verdicts(self) -> dict[Verdict, int]:
        """Return how many units have each verdict."""
        return dict(self.totals.verdicts)

    def summary(self) -> dict[str, int]:
        """Return the totals that every output shows: files, findings by severity, and files not scanned."""
        totals = self.totals
        return {
            "files": totals.files,
            **{severity.name.lower(): count for severity, count in totals.severities.items()},
            "not_scanned": totals.verdicts[Verdict.NOT_SCANNED],
            "skipped": totals.problems.get(ProblemKind.SKIPPED, 0),
        }

    def to_dict(self) -> dict[str, Json]:
        """Return the report in its JSON shape, docs/report.schema.json, fit for any JSON reader."""
        from modelsweep.core.shape import portable, report_shape

        return {key: portable(value) for key, value in report_shape(self).items()}


@dataclass(frozen=True, slots=True)
class Ignored:
    """Findings of rules whose id matches `rule`, at places that match `path`: shell patterns, whose `*` passes slashes.

    A place is `PATH!member!member`; a pattern may stand for the end of it, from a slash of PATH on: how members are
    called is up to whoever made the archive.
    """

    rule: str
    path: str

    def covers(self, finding: Finding) -> bool:
        """Return whether a finding is one of these."""
        if not fnmatchcase(finding.rule.id, self.rule):
            return False
        place, file = str(finding.locator), finding.locator.uri
        if fnmatchcase(place, self.path):
            return True
        ends = fnmatchcase(place, f"*/{self.path}")
        if not (ends and finding.locator.members):
            return ends
        slashes = (at for at, character in enumerate(file) if character == "/")
        return any(fnmatchcase(place[at + 1 :], self.path) for at in slashes)


@dataclass(frozen=True, slots=True)
class Gate:
    """What makes a job fail: findings at or above `fail_on`, or more problems than are tolerated."""

    fail_on: Severity = Severity.WARNING
    strict: bool = False
    tolerated: int = 0
    tolerated_percent: float = 0.0
    accepted: frozenset[tuple[str, str]] = frozenset()
    """Fingerprints, each with the SHA-256 of a file: findings that were reviewed, and count no more."""
    ignored: tuple[Ignored, ...] = ()
    """Findings that a policy ignores: they count no more either."""

    def fails(self, problem: Problem) -> bool:
        """Return whether `problem` alone would make the job fail."""
        return problem.kind not in (NEVER_FAILS if self.strict else STRICT_ONLY)

    def exit_code(self, report: Report) -> int:
        """Return 1 for findings that count, else 2 where too much could not be examined, else 0."""
        if any(map(self.counts, report.totals.rules)) and (not self.excuses or self._is_failed(report)):
            return 1
        return 2 if self.incomplete(report) else 0

    def _is_failed(self, report: Report) -> bool:
        """Return whether a finding counts that nobody accepted; for this all results are gone over."""
        return any(
            self.counts(finding.rule) and not self.accepts(finding, result.digest)
            for result in report.results
            for finding in result.findings
        )

    def accepts(self, finding: Finding, digest: str) -> bool:
        """Return whether a finding was accepted in the file of this SHA-256, or is ignored."""
        return self.excuses and bool(self.excuse(finding, digest))

    def excuse(self, finding: Finding, digest: str) -> str:
        """Return why a finding does not count, in some words; nothing where it does."""
        if self.accepted and (finding.fingerprint, digest) in self.accepted:
            return "accepted: in the baseline"
        return "ignored by the policy" if any(ignored.covers(finding) for ignored in self.ignored) else ""

    @property
    def excuses(self) -> bool:
        """Whether it accepts or ignores anything at all."""
        return bool(self.accepted or self.ignored)

    def counts(self, rule: Rule) -> bool:
        """Return whether a finding of `rule` fails the job."""
        return rule.severity >= self.fail_on or self.forbids(rule)

    def forbids(self, rule: Rule) -> bool:
        """Return whether `rule` fails the job whatever `fail_on` is: obligations of licences do if strict."""
        return self.strict and rule.id.startswith(STRICT_RULES) and rule.severity >= Severity.INFO

    def incomplete(self, report: Report) -> bool:
        """Return whether more files or targets than tolerated could not be examined."""
        totals = report.totals
        units = totals.unexamined if self.strict else totals.failed
        unexamined = units + sum(1 for problem in report.problems if self.fails(problem))
        allowed = max(self.tolerated, int(totals.files * self.tolerated_percent / 100))
        return unexamined > allowed
