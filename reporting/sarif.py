"""SARIF 2.1.0 (OASIS), as code scanning services take it.

https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html; the limits are those of GitHub code scanning, which
refuses a whole file for one result that it does not like.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from itertools import chain, islice
from typing import TextIO, cast

from modelsweep.core.finding import Finding, Json, JsonObject, Problem, ProblemKind, Rule
from modelsweep.core.plain import result_of
from modelsweep.core.report import Plain, Report, Totals, Unit, UnitResult
from modelsweep.core.values import replace
from modelsweep.core.wire import decode_result, encode_result
from reporting.address import FILESYSTEM_BASE, ROOT_BASE
from reporting.encode import INDENT, SLOT, Items, quoted, write_object
from reporting.identity import Occurrences
from reporting.sarif_files import MEMBER, Files, Known, way
from reporting.sarif_shapes import INVOCATION, attached, driver, invocations, notice, notification, result_text
from reporting.scratch import Part, Scratch
from reporting.writer import View

_RUN = INDENT * 2
"""What stands before the lines of a run."""
SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
RUN_RESULTS = 5_000
"""Results of one run that are shown; more go to a further run, which is a category of its own."""
RUNS = 20
NOTIFICATIONS = 5_000
"""Problems listed; the JSON report has them all."""
ARTIFACTS = 50_000
"""Files listed of which nothing is said: more would pass the 10 MB (compressed) that code scanning takes."""
BASES: dict[str, JsonObject] = {
    ROOT_BASE: {"description": {"text": "The folder that modelsweep was started in."}},
    FILESYSTEM_BASE: {"uri": "file:///"},
}
_RECORD = "\x1e"
"""What stands between texts that hold no control characters."""
_NUMBER = re.compile(f'"{SLOT}([0-9]+)"')


class Draft:
    """One SARIF log of up to `RUNS` runs with up to `RUN_RESULTS` results each; of as many as it takes if `sharded`.

    A run is a category of its own: code scanning shows so many results of each.
    """

    def __init__(self, report: Report, view: View, *, sharded: bool = False) -> None:
        self._view, self._sharded = view, sharded
        self._scratch = Scratch()
        self._seen = Occurrences()
        self._runs = [_Run(self._scratch, view.root)]
        self._files, self._room = Part(self._scratch), ARTIFACTS
        """What is said of files in the list of them, each behind its key."""
        self._told = Part(self._scratch)
        self.parts = (self._files, self._told)
        self._notices = {fails: Part(self._scratch) for fails in (True, False)}
        self._noticed = {True: 0, False: 0}
        self._beyond = 0
        self._note(report.problems, {})

    @property
    def shards(self) -> int:
        """How many runs there are so far."""
        return len(self._runs)

    def add(self, result: UnitResult) -> None:
        """Take the findings of a result, and what is to be said of its file."""
        if self._room:
            self._room -= 1
            self._files.add(f"{_RECORD}{self._runs[0].files.record(result)}")
        if result.findings or result.problems:
            self._hear(result)

    def add_plain(self, files: Sequence[Plain]) -> None:
        """Take what is to be said of plain files, while those are listed."""
        for file in files[: self._room]:
            self.add(result_of(file))

    def _hear(self, result: UnitResult) -> None:
        known = {item.locator: item for item in result.artifacts}
        for finding in self._view.findings(result):
            self._take(finding, known, self._suppressed(finding, result.digest))
        self._note(result.problems, known)

    def _suppressed(self, finding: Finding, digest: str) -> bool | None:
        """Return whether a finding is accepted or ignored, None where none can be: all results say it, or none."""
        gate = self._view.gate
        return gate.accepts(finding, digest) if gate.excuses else None

    def brief(self) -> Json:
        """Return how many files are still listed, and which results are of interest beyond that."""
        return [self._room, self._has_room, *(count < NOTIFICATIONS for count in self._noticed.values())]

    def join(self, said: Json) -> None:
        """Take the results that a section tells of."""
        files, beyond = cast(list[int], said)
        self._room = max(0, self._room - files)
        for result in _results(self._told):
            self._hear(result)
        self._told.clear()
        self._beyond += beyond

    def finish(self, report: Report, stream: TextIO) -> None:
        """Write all runs as one log."""
        self._write(report, {f"modelsweep/{number}/": run for number, run in enumerate(self._runs, 1)}, stream)

    def finish_shards(self, report: Report, open_shard: Callable[[int], AbstractContextManager[TextIO]]) -> None:
        """Write each run as a log of its own, `modelsweep/part-N/`, into what `open_shard(N)` opens; N begins at 1."""
        for number, run in enumerate(self._runs, 1):
            with open_shard(number) as stream:
                self._write(report, {f"modelsweep/part-{number}/": run}, stream)

    def _take(self, finding: Finding, known: Known, suppressed: bool | None) -> None:
        run = self._runs[-1]
        if run.is_full:
            if not self._has_room:
                self._beyond += 1
                return
            run.settle()
            if run is not self._runs[0]:  # the first one has still to mention problems and files
                run.files.forget()
            run = _Run(self._scratch, self._view.root)
            self._runs.append(run)
        fingerprint = finding.fingerprint
        occurrence = self._seen.add(finding.locator.uri, fingerprint)
        run.take(finding, result_text(finding, fingerprint, occurrence, run.files, known, suppressed))

    @property
    def _has_room(self) -> bool:
        """Whether there is room for further results, in this run or in another one."""
        return self._sharded or len(self._runs) < RUNS or not self._runs[-1].is_full

    def _note(self, problems: Iterable[Problem], known: Known) -> None:
        """Keep as many problems as can be listed, failures apart, with what is known of where they are."""
        for problem in problems:
            fails = self._view.gate.fails(problem)
            if self._noticed[fails] < NOTIFICATIONS:
                self._noticed[fails] += 1
                places = tuple(known[where] for where in way(problem.locator) if where in known)
                unit = Unit(0, problem.locator.outermost, 0)
                self._notices[fails].add(_record(UnitResult(unit, artifacts=places, problems=(problem,))))

    def _write(self, report: Report, runs: Mapping[str, _Run], stream: TextIO) -> None:
        stream.write(f'{{\n  "$schema": {quoted(SCHEMA)},\n  "version": "2.1.0",\n  "runs": [')
        for number, (category, run) in enumerate(runs.items()):
            stream.write(f",\n{_RUN}" if number else f"\n{_RUN}")
            notifications = Items(self._scratch, INVOCATION + INDENT)
            if run is self._runs[0]:
                self._notify(report, notifications)
            write_object(run.members(report, self._view, category, notifications), stream, _RUN)
        stream.write("\n  ]\n}\n")

    def _notify(self, report: Report, notifications: Items) -> None:
        """Say what was not examined, failures first, and list all files after those of which something is said."""
        files = self._runs[0].files
        noticed = chain(_results(self._notices[True]), _results(self._notices[False]))
        for result in islice(noticed, NOTIFICATIONS):
            known = {item.locator: item for item in result.artifacts}
            notifications.put(notification(result.problems[0], self._view, files, known))
        for record in islice(_records(self._files), ARTIFACTS):  # sections may have told of more
            files.mention(record)
        for attachment in report.attachments:
            files.entries.put(attached(attachment, files))
        for further in _left_out(report.totals, self._beyond):
            notifications.put(further)


class Section:
    """What a section of results has for the log: their files, while those are listed, and all that says something."""

    def __init__(self, view: View, room: int, *, findings: bool, failures: bool, others: bool) -> None:
        scratch = Scratch()
        self._view, self._room, self._findings, self._problems = view, room, findings, (others, failures)
        self._files, self._told = Part(scratch), Part(scratch)
        self.parts = (self._files, self._told)
        self._listed = Files(scratch, view.root)
        self._count = self._beyond = 0

    def add(self, result: UnitResult) -> None:
        """Note a result as far as the log has room."""
        if self._count < self._room:
            self._count += 1
            self._files.add(f"{_RECORD}{self._listed.record(result)}")
        if not (result.findings or result.problems):
            return
        findings = self._view.findings(result)
        if not self._findings:
            self._beyond += len(findings)
            findings = ()
        problems = tuple(problem for problem in result.problems if self._problems[self._view.gate.fails(problem)])
        if findings or problems:
            locators = {*(item.locator for item in findings), *(item.locator for item in problems)}
            places = {where for locator in locators for where in way(locator)}
            artifacts = tuple(item for item in result.artifacts if item.locator in places)
            said = replace(result, artifacts=artifacts, facts=(), findings=findings, problems=problems)
            self._told.add(_record(said))

    def add_plain(self, files: Sequence[Plain]) -> None:
        """Note plain files, while those are listed."""
        for file in files[: max(0, self._room - self._count)]:
            self.add(result_of(file))

    def said(self) -> Json:
        """Return how many files are listed, and for how many findings there was no room."""
        return [self._count, self._beyond]


def section(_report: Report, view: View, brief: Json) -> Section:
    """Return a section of the log; `brief` is what its draft says."""
    room, findings, failures, others = cast("tuple[int, bool, bool, bool]", brief)
    return Section(view, room, findings=findings, failures=failures, others=others)


def _record(result: UnitResult) -> str:
    return f"{_RECORD}{json.dumps(encode_result(result))}"


def _records(part: Part) -> Iterator[str]:
    """Yield what stands behind each `_RECORD`."""
    for text in part.text():
        yield from filter(None, text.split(_RECORD))


def _results(part: Part) -> Iterator[UnitResult]:
    for record in _records(part):
        yield decode_result(json.loads(record))


class _Run:
    """One run while results are added to it."""

    def __init__(self, scratch: Scratch, root: str) -> None:
        self.files = Files(scratch, root)
        self._results = Items(scratch, MEMBER)
        self._count = 0
        self._rules: dict[Rule, int] = {}
        """By when they came first."""

    @property
    def is_full(self) -> bool:
        """Whether there is no room for a further result."""
        return self._count >= RUN_RESULTS

    def settle(self) -> None:
        """Put away what is held: no more results will be added."""
        self.files.entries.settle()
        self._results.settle()

    def take(self, finding: Finding, text: str) -> None:
        """Add the result of a finding; its rule gets an index when all rules of the run are known."""
        self._count += 1
        number = self._rules.setdefault(finding.rule, len(self._rules))
        self._results.add(text.replace('"ruleIndex": 0', f'"ruleIndex": "{SLOT}{number}"', 1))

    def members(
        self, report: Report, view: View, category: str, notifications: Items
    ) -> Iterator[tuple[str, Json | Iterator[str] | Items]]:
        """Yield what the run consists of."""
        rules = sorted(self._rules, key=lambda rule: rule.id)
        yield "tool", {"driver": driver(report, rules)}
        yield "automationDetails", {"id": category}
        yield "invocations", invocations(report, view, notifications)
        yield "columnKind", "unicodeCodePoints"
        yield "artifacts", self.files.entries
        yield "results", self._indexed({self._rules[rule]: index for index, rule in enumerate(rules)})
        if self.files.bases:
            yield "originalUriBaseIds", {base: BASES[base] for base in sorted(self.files.bases)}

    def _indexed(self, indexes: Mapping[int, int]) -> Iterator[str]:
        """Yield the results, each with the index of its rule."""
        for text in self._results.array():
            yield _NUMBER.sub(lambda found: str(indexes[int(found[1])]), text)


def _left_out(totals: Totals, results: int) -> list[Json]:
    """Return what this log has no room for, so that nothing is missing unsaid."""
    problems, files = sum(totals.problems.values()) - NOTIFICATIONS, totals.files - ARTIFACTS
    return [
        notice(ProblemKind.LIMIT, "warning", f"{count} more {what} have no room here: the JSON report has them all.")
        for count, what in ((problems, "problems"), (results, "results"), (files, "files"))
        if count > 0
    ]
