"""What SARIF says of a tool, its rules, its invocation, a result and a notification.

https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import cast

from modelsweep.core.finding import Finding, Json, JsonObject, Problem, ProblemKind, Rule, Severity
from modelsweep.core.locator import Locator
from modelsweep.core.report import Attachment, Report
from modelsweep.core.shape import details, place
from modelsweep.core.text import printable, shorten
from reporting.address import line_of
from reporting.encode import INDENT, SLOT, Items, in_pieces, indented, object_text, quoted, utc
from reporting.kinds import MEANING
from reporting.sarif_files import MEMBER, MESSAGE, Files, Known
from reporting.severity import SARIF_LEVEL, SCORE
from reporting.writer import View

INVOCATION = INDENT * 4
"""What stands before the lines of an invocation."""
DESCRIPTION = 1_024
"""Characters of a rule's short and full description."""
KINDS = tuple(ProblemKind)


def driver(report: Report, rules: Sequence[Rule]) -> JsonObject:
    """Return what the log says of the program and of the rules that are broken."""
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
def _result_of(rule: Rule, suppressed: bool | None) -> list[str]:
    """Return the text of what results of a rule have in common, in pieces; SARIF 3.27.23 says who is suppressed."""
    common: JsonObject = {
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
        common["kind"] = "informational"
    if suppressed is not None:
        common["suppressions"] = [{"kind": "external", "status": "accepted"}] if suppressed else []
    return in_pieces(common, MEMBER + INDENT)


def result_text(
    finding: Finding, fingerprint: str, occurrence: int, files: Files, known: Known, suppressed: bool | None
) -> str:
    """Return the text of a result, whose place is listed among `files`; its rule has no index yet."""
    p0, p1, p2, p3, p4, p5, p6 = _result_of(finding.rule, suppressed)
    text = quoted(message(f"{sentence(finding.message)}{_whereabouts(finding)}"))
    location = indented(files.physical(finding.locator, finding.span, known, line_of(finding)), MEMBER + INDENT * 3)
    where, said = quoted(place(finding.locator, finding.span)), indented(details(finding), MEMBER + INDENT * 3)
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


def invocations(report: Report, view: View, notifications: Items) -> Iterator[str]:
    """Yield the text of the one invocation, which may list thousands of problems."""

    def members() -> Iterator[tuple[str, Json | Iterator[str]]]:
        yield from _invocation(report, view).items()
        if notifications:
            yield "toolExecutionNotifications", notifications.array()

    yield f"[\n{INVOCATION}"
    yield from object_text(members(), INVOCATION)
    yield f"\n{MEMBER}]"


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


def notification(problem: Problem, view: View, files: Files, known: Known) -> Json:
    """Return what is said of a problem, whose place is listed among `files`."""
    level = "error" if view.gate.fails(problem) else "note"
    text = message(f"{place(problem.locator, problem.span)}: {sentence(problem.detail)}")
    said = notice(problem.kind, level, text)
    said["locations"] = [files.physical(problem.locator, problem.span, known)]
    if problem.scanner:
        said["properties"] = {"scanner": problem.scanner}
    return said


def attached(attachment: Attachment, files: Files) -> JsonObject:
    """Return the artifact of a file that somebody attached to the report.

    SARIF 3.24.6: the role `attachment` is for what one result refers to.
    """
    entry: JsonObject = {
        "location": files.location(Locator(attachment.path)),
        "roles": ["referencedOnCommandLine"],
        "mimeType": attachment.media_type,
        "length": attachment.size,
        "hashes": {"sha-256": attachment.digest},
    }
    if attachment.claim:
        entry["description"] = {"text": message(attachment.claim)}
    properties = {"tool": attachment.tool, "summary": dict(attachment.summary), "note": attachment.note}
    return {**entry, "properties": {"attachment": cast(JsonObject, properties)}}


def notice(kind: ProblemKind, level: str, text: str) -> JsonObject:
    """Return a notification of a kind, of which nothing is said but a text."""
    descriptor = cast(JsonObject, {"id": kind.value, "index": KINDS.index(kind)})
    return {"descriptor": descriptor, "level": level, "message": {"text": text}}
