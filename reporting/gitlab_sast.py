"""GitLab security report of type SAST, schema 15.0.4.

https://docs.gitlab.com/development/integrations/secure/#report
"""

from __future__ import annotations

from itertools import islice
from typing import TextIO
from uuid import NAMESPACE_URL, uuid5

from modelsweep.core.finding import Json, JsonObject, Problem, Severity
from modelsweep.core.report import Report
from modelsweep.core.shape import place
from modelsweep.core.text import printable, shorten
from reporting.address import line_of
from reporting.encode import INDENT, array, utc, write_object
from reporting.identity import Identified, identified
from reporting.markdown import code
from reporting.writer import View

SCHEMA = "15.0.4"
NAME = 255
"""Characters of a name."""
SOLUTION = 7_000
"""Characters of a solution."""
MESSAGES = 1_000
"""Files listed that were not scanned; the JSON report has them all."""
GRADES = {
    Severity.CRITICAL: "Critical",
    Severity.WARNING: "Medium",
    Severity.INFO: "Info",
    Severity.DEBUG: "Info",
}


def write(report: Report, stream: TextIO, view: View) -> None:
    """Write the findings of `report` as vulnerabilities, and what was not scanned as messages of the scan."""
    vulnerabilities = array((_vulnerability(item) for item in identified(report, view)), INDENT)
    members = (("version", SCHEMA), ("scan", _scan(report, view)), ("vulnerabilities", vulnerabilities))
    write_object(members, stream)
    stream.write("\n")


def _scan(report: Report, view: View) -> JsonObject:
    tool: JsonObject = {
        "id": "modelsweep",
        "name": "modelsweep",
        "version": report.tool.version,
        "vendor": {"name": "modelsweep"},
    }
    messages: list[Json] = [_message(problem, view) for problem in islice(report.each_problem(), MESSAGES)]
    beyond = sum(report.totals.problems.values()) - MESSAGES
    if beyond > 0:
        messages.append({"level": "warn", "value": f"{beyond} more files were not scanned."})
    return {
        "analyzer": tool,
        "scanner": tool,
        "type": "sast",
        "status": "failure" if view.gate.incomplete(report) else "success",
        "start_time": utc(report.run.start_time).removesuffix("Z"),
        "end_time": utc(report.run.start_time + report.run.duration).removesuffix("Z"),
        "messages": messages,
    }


def _message(problem: Problem, view: View) -> JsonObject:
    where = printable(place(problem.locator, problem.span))
    level = "warn" if view.gate.fails(problem) else "info"
    return {"level": level, "value": f"not scanned ({problem.kind.value}): {where}: {printable(problem.detail)}"}


def _vulnerability(item: Identified) -> JsonObject:
    finding, rule = item.finding, item.finding.rule
    identifiers: list[Json] = [{"type": "modelsweep_rule", "name": rule.id, "value": rule.id}]
    if rule.cwe:
        url = f"https://cwe.mitre.org/data/definitions/{rule.cwe}.html"
        identifiers.append({"type": "cwe", "name": f"CWE-{rule.cwe}", "value": str(rule.cwe), "url": url})
    where = code(place(finding.locator, finding.span))
    line = line_of(finding)
    location: JsonObject = {"file": item.path, "start_line": line, "end_line": line}
    signature: JsonObject = {"algorithm": "hash", "value": item.identity}
    return {
        "id": str(uuid5(NAMESPACE_URL, f"modelsweep:{item.identity}")),
        "name": shorten(rule.title, NAME),
        "description": f"{code(finding.message)} in {where}\n\n{rule.why}",
        "severity": GRADES[finding.severity],
        "solution": shorten(rule.fix, SOLUTION),
        "identifiers": identifiers,
        "links": [{"url": url} for url in rule.references if url.startswith(("http://", "https://"))],
        "location": location,
        "tracking": {"type": "source", "items": [{**location, "signatures": [signature]}]},
    }
