"""SARIF 2.1.0 (OASIS), as code scanning services take it.

https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html; the limits are those of GitHub code scanning, which
refuses a whole file for one result that it does not like.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import cache, lru_cache
from hashlib import blake2b
from itertools import chain, islice
from typing import TextIO, cast

from modelsweep.core.finding import Finding, Json, Problem, ProblemKind, Rule, Severity, Span
from modelsweep.core.locator import Locator
from modelsweep.core.plain import result_of
from modelsweep.core.report import Artifact, Plain, Report, Totals, Unit, UnitResult
from modelsweep.core.shape import details, place
from modelsweep.core.text import printable, shorten
from modelsweep.core.values import replace
from modelsweep.core.wire import decode_result, encode_result
from reporting.address import FILESYSTEM_BASE, ROOT_BASE, Address, address
from reporting.encode import INDENT, SLOT, Items, in_pieces, indented, object_text, quoted, utc, write_object
from reporting.identity import Occurrences
from reporting.kinds import MEANING
from reporting.scratch import Part, Scratch
from reporting.severity import SARIF_LEVEL, SCORE
from reporting.writer import View

JsonObject = dict[str, Json]
Known = Mapping[Locator, Artifact]
"""What was examined in one unit."""
_RUN, _MEMBER, _INVOCATION = INDENT * 2, INDENT * 3, INDENT * 4
"""What stands before the lines of a run, of what it consists of, and of an invocation."""

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
_RECORD, _FIELD = "\x1e", "\x1f"
"""What stands between texts that are JSON or percent-encoded, and hold no control characters."""
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
            self._take(finding, known)
        self._note(result.problems, known)

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

    def _take(self, finding: Finding, known: Known) -> None:
        run = self._runs[-1]
        if run.is_full:
            if not self._has_room:
                self._beyond += 1
                return
            if run is not self._runs[0]:  # the first one has still to mention problems and files
                run.files.forget()
            run = _Run(self._scratch, self._view.root)
            self._runs.append(run)
        fingerprint = finding.fingerprint
        run.take(finding, fingerprint, self._seen.add(finding.locator.uri, fingerprint), known)

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
                places = tuple(known[where] for where in _way(problem.locator) if where in known)
                unit = Unit(0, problem.locator.outermost, 0)
                self._notices[fails].add(_record(UnitResult(unit, artifacts=places, problems=(problem,))))

    def _write(self, report: Report, runs: Mapping[str, _Run], stream: TextIO) -> None:
        stream.write(f'{{\n  "$schema": {quoted(SCHEMA)},\n  "version": "2.1.0",\n  "runs": [')
        for number, (category, run) in enumerate(runs.items()):
            stream.write(f",\n{_RUN}" if number else f"\n{_RUN}")
            notifications = Items(self._scratch, _INVOCATION + INDENT)
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
            notifications.put(_notification(result.problems[0], self._view, files, known))
        for record in islice(_records(self._files), ARTIFACTS):  # sections may have told of more
            files.mention(record)
        for notification in _left_out(report.totals, self._beyond):
            notifications.put(notification)


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
            places = {where for locator in locators for where in _way(locator)}
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
        self._results = Items(scratch, _MEMBER)
        self._count = 0
        self._rules: dict[Rule, int] = {}
        """By when they came first."""

    @property
    def is_full(self) -> bool:
        """Whether there is no room for a further result."""
        return self._count >= RUN_RESULTS

    def take(self, finding: Finding, fingerprint: str, occurrence: int, known: Known) -> None:
        """Add a finding; its rule gets an index when all rules of the run are known."""
        self._count += 1
        number = self._rules.setdefault(finding.rule, len(self._rules))
        text = _result(finding, fingerprint, occurrence, self.files, known)
        self._results.add(text.replace('"ruleIndex": 0', f'"ruleIndex": "{SLOT}{number}"', 1))

    def members(
        self, report: Report, view: View, category: str, notifications: Items
    ) -> Iterator[tuple[str, Json | Iterator[str]]]:
        """Yield what the run consists of."""
        rules = sorted(self._rules, key=lambda rule: rule.id)
        yield "tool", {"driver": _driver(report, rules)}
        yield "automationDetails", {"id": category}
        yield "invocations", _invocations(report, view, notifications)
        yield "columnKind", "unicodeCodePoints"
        yield "artifacts", self.files.entries.array()
        yield "results", self._indexed({self._rules[rule]: index for index, rule in enumerate(rules)})
        if self.files.bases:
            yield "originalUriBaseIds", {base: BASES[base] for base in sorted(self.files.bases)}

    def _indexed(self, indexes: Mapping[int, int]) -> Iterator[str]:
        """Yield the results, each with the index of its rule."""
        for text in self._results.array():
            yield _NUMBER.sub(lambda found: str(indexes[int(found[1])]), text)


class Files:
    """The artifacts of one run in order of mention; members are listed where something is said of them."""

    def __init__(self, scratch: Scratch, root: str) -> None:
        self._root = root
        self._indexes: dict[int, int] = {}
        """By key of the locator."""
        self.entries = Items(scratch, _MEMBER)
        self.bases: set[str] = set()

    def forget(self) -> None:
        """Free the memory of what was listed: no more will be."""
        self._indexes.clear()

    def index(self, locator: Locator, known: Known) -> int:
        """Return the index of the artifact at `locator`, listed with its containers if it was not yet."""
        key = _key(locator)
        found = self._indexes.get(key)
        if found is not None:
            return found
        parent = -1
        if locator.members:
            parent = self.index(Locator(locator.uri, locator.members[:-1], locator.version), known)
        entry, base = self._entry(locator, known.get(locator), parent)
        return self._list(key, base, entry)

    def record(self, result: UnitResult) -> str:
        """Return what `mention` takes to list the file of a result, later and perhaps in another process."""
        where, known = result.unit.locator.outermost, result.artifacts[:1]
        entry, base = self._entry(where, known[0] if known and known[0].locator == where else None)
        return f"{_key(where)}{_FIELD}{base}{_FIELD}{entry}"

    def mention(self, record: str) -> None:
        """List a file, unless it was listed before."""
        key, base, entry = record.split(_FIELD)
        if int(key) not in self._indexes:
            self._list(int(key), base, entry)

    def _list(self, key: int, base: str, entry: str) -> int:
        index = self._indexes[key] = len(self._indexes)
        self.entries.add(entry)
        if base:
            self.bases.add(base)
        return index

    def _entry(self, locator: Locator, artifact: Artifact | None, parent: int = -1) -> tuple[str, str]:
        """Return the text of an artifact, and the base of its location."""
        where = self._address(locator)
        if artifact is None or artifact.size > INT32 or parent >= 0 or not artifact.digest:
            return indented(_artifact(where, artifact, parent), _MEMBER + INDENT), where.base
        p0, p1, p2, p3 = _plain_artifact(where.base)
        return f'{p0}"{where.uri}"{p1}{artifact.size}{p2}{quoted(artifact.digest)}{p3}', where.base  # percent-encoded

    def location(self, locator: Locator) -> JsonObject:
        """Return the artifactLocation of `locator`; that of a member is relative to the root of its container."""
        where = self._address(locator)
        if where.base:
            self.bases.add(where.base)
        return _location(where)

    def _address(self, locator: Locator) -> Address:
        return Address(locator.members[-1].lstrip("/") or ".", "") if locator.members else address(locator, self._root)

    def physical(self, locator: Locator, span: Span | None, known: Known) -> JsonObject:
        """Return the location of `span` in the file that people have; spans in members are not positions in it."""
        outer = Locator(locator.uri, (), locator.version)
        physical: JsonObject = {
            "artifactLocation": {**self.location(outer), "index": self.index(outer, known)},
            "region": _region(None if locator.members else span),
        }
        if not locator.members:
            return {"physicalLocation": physical}
        self.index(locator, known)
        name = printable("!".join(locator.members), MESSAGE)
        logical: list[Json] = [{"fullyQualifiedName": name, "kind": "resource"}]
        return {"physicalLocation": physical, "logicalLocations": logical}


def _key(locator: Locator) -> int:
    """Return what no other locator has, the same in every process: a tenth of its size."""
    raw = "\0".join((locator.uri, locator.version, *locator.members)).encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(raw, digest_size=8).digest())


def _location(where: Address) -> JsonObject:
    return {"uri": where.uri, "uriBaseId": where.base} if where.base else {"uri": where.uri}


def _artifact(where: Address, artifact: Artifact | None, parent: int = -1) -> JsonObject:
    entry: JsonObject = {"location": _location(where), "roles": ["analysisTarget"]}
    if parent >= 0:
        entry["parentIndex"] = parent
    if artifact is not None:
        entry |= {"length": artifact.size} if artifact.size <= INT32 else {"properties": {"length": artifact.size}}
        if artifact.digest:
            entry["hashes"] = {"sha-256": artifact.digest}
    return entry


@cache
def _plain_artifact(base: str) -> list[str]:
    """Return the text of a file that was hashed, in pieces: around its URI, its length and its digest."""
    entry = _artifact(Address(SLOT, base), Artifact(Locator(""), 0, SLOT, ()))
    entry["length"] = SLOT
    return in_pieces(entry, _MEMBER + INDENT)


def _region(span: Span | None) -> JsonObject:
    """Return `span` as a region: in line 1, as code scanning wants of binaries, and as bytes where those fit."""
    region: JsonObject = {"startLine": 1}
    if span is not None and span.offset + span.length <= INT32:
        region["byteOffset"] = span.offset
        if span.length:
            region["byteLength"] = span.length
    return region


def _way(locator: Locator) -> Iterator[Locator]:
    """Yield the object that `locator` is in, then each container on the way, and itself."""
    for depth in range(len(locator.members) + 1):
        yield Locator(locator.uri, locator.members[:depth], locator.version)


def _driver(report: Report, rules: Sequence[Rule]) -> JsonObject:
    return {
        "name": "modelsweep",
        "fullName": f"modelsweep {report.tool.version}",
        "version": report.tool.version,
        "semanticVersion": report.tool.version,
        "shortDescription": {"text": "Static security scanner for machine-learning model files."},
        "rules": [_rule(rule) for rule in rules],
        "notifications": [_kind(kind) for kind in KINDS],
        "properties": {"ruleset": report.tool.ruleset},
    }


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


@lru_cache(512)
def _result_of(rule: Rule) -> list[str]:
    """Return the text of what results of a rule have in common, in pieces."""
    result: JsonObject = {
        "ruleId": rule.id,
        "ruleIndex": 0,
        "level": SARIF_LEVEL[rule.severity],
        "message": {"text": SLOT},
        "locations": [SLOT],
        "partialFingerprints": {"primaryLocationLineHash": SLOT, "modelsweep/v1": SLOT},
        "rank": SCORE[rule.severity] * 10,
        "properties": {"location": SLOT, "details": SLOT},
    }
    if rule.severity is Severity.DEBUG:
        result["kind"] = "informational"
    return in_pieces(result, _MEMBER + INDENT)


def _result(finding: Finding, fingerprint: str, occurrence: int, files: Files, known: Known) -> str:
    p0, p1, p2, p3, p4, p5, p6 = _result_of(finding.rule)
    text = quoted(message(f"{sentence(finding.message)}{_whereabouts(finding)}"))
    location = indented(files.physical(finding.locator, finding.span, known), _MEMBER + INDENT * 3)
    where, said = quoted(place(finding.locator, finding.span)), indented(details(finding), _MEMBER + INDENT * 3)
    hashes = f'"{fingerprint}:{occurrence}"{p3}"{fingerprint}"'
    return f"{p0}{text}{p1}{location}{p2}{hashes}{p4}{where}{p5}{said}{p6}"


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


def _invocations(report: Report, view: View, notifications: Items) -> Iterator[str]:
    """Yield the text of the one invocation, which may list thousands of problems."""

    def members() -> Iterator[tuple[str, Json | Iterator[str]]]:
        yield from _invocation(report, view).items()
        if notifications:
            yield "toolExecutionNotifications", notifications.array()

    yield f"[\n{_INVOCATION}"
    yield from object_text(members(), _INVOCATION)
    yield f"\n{_MEMBER}]"


def _invocation(report: Report, view: View) -> JsonObject:
    invocation: JsonObject = {
        "executionSuccessful": not view.gate.incomplete(report),
        "exitCode": view.gate.exit_code(report),
        "properties": {"statistics": {**report.summary(), "bytes_scanned": report.bytes_read}},
    }
    if report.run.arguments:
        invocation["arguments"] = [printable(argument) for argument in report.run.arguments]
    if report.run.start_time:
        invocation["startTimeUtc"] = utc(report.run.start_time)
        invocation["endTimeUtc"] = utc(report.run.start_time + report.run.duration)
    return invocation


def _left_out(totals: Totals, results: int) -> list[Json]:
    """Return what this log has no room for, so that nothing is missing unsaid."""
    problems, files = sum(totals.problems.values()) - NOTIFICATIONS, totals.files - ARTIFACTS
    return [
        _notify(ProblemKind.LIMIT, "warning", f"{count} more {what} have no room here: the JSON report has them all.")
        for count, what in ((problems, "problems"), (results, "results"), (files, "files"))
        if count > 0
    ]


def _notification(problem: Problem, view: View, files: Files, known: Known) -> Json:
    level = "error" if view.gate.fails(problem) else "note"
    text = message(f"{place(problem.locator, problem.span)}: {sentence(problem.detail)}")
    notification = _notify(problem.kind, level, text)
    notification["locations"] = [files.physical(problem.locator, problem.span, known)]
    if problem.scanner:
        notification["properties"] = {"scanner": problem.scanner}
    return notification


def _notify(kind: ProblemKind, level: str, text: str) -> JsonObject:
    descriptor = cast(JsonObject, {"id": kind.value, "index": KINDS.index(kind)})
    return {"descriptor": descriptor, "level": level, "message": {"text": text}}
