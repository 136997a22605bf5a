"""CycloneDX 1.6 ML-BOM (ECMA-424): what the scanned files are, and what was found in them.

https://cyclonedx.org/docs/1.6/json/. Written as JSON values, since cyclonedx-python-lib has no classes for model cards
and takes 1.6 ms per component, minutes for a large folder; its strict validator checks the result in the tests.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from typing import TextIO, cast

from modelsweep.core.finding import Fact, Finding, Json, Problem
from modelsweep.core.locator import Locator
from modelsweep.core.report import Artifact, Report, UnitResult
from modelsweep.core.text import printable
from reporting.address import address, quote
from reporting.encode import utc, write_json
from reporting.severity import CYCLONEDX_SEVERITY, SCORE, risk_score
from reporting.writer import View

JsonObject = dict[str, Json]

SCHEMA = "http://cyclonedx.org/schema/bom-1.6.schema.json"
NAME = 1_024
"""Characters of a name or value that came out of a file."""
DATA = frozenset({"numpy"})
"""Scanners of formats that hold data, as a rule."""
FILES = frozenset({"zip", "tar", "compressed", "sevenzip", "rar", "text", "media", "pointer", "executable"})
"""Scanners of containers and of what merely travels with models."""


def write(report: Report, stream: TextIO, view: View) -> None:
    """Write `report` as one bill of materials; its serial number is a function of all else but the time."""
    inventory = Inventory(view)
    document: JsonObject = {
        "$schema": SCHEMA,
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": "",
        "version": 1,
        "metadata": {"tools": {"components": [_tool(report)]}},
        "components": [inventory.component(result) for result in report.results],
    }
    if inventory.incomplete:
        document["compositions"] = [{"aggregate": "incomplete", "assemblies": inventory.incomplete}]
    if inventory.vulnerabilities:
        document["vulnerabilities"] = inventory.vulnerabilities
    document["serialNumber"] = _serial_number(document)
    if report.run.start_time:
        document["metadata"] = {"timestamp": utc(report.run.start_time), "tools": {"components": [_tool(report)]}}
    write_json(document, stream)


class Inventory:
    """Components as they are made, with the references that findings and compositions make to them."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._used: Counter[str] = Counter()
        self.incomplete: list[Json] = []
        self.vulnerabilities: list[Json] = []

    def component(self, result: UnitResult) -> JsonObject:
        """Return the component of a file with its notable members, and note what was found in it."""
        own = result.unit.locator
        findings = self._view.findings(result)
        accused = {finding.locator for finding in findings}
        unit = result.artifacts[0] if result.artifacts else Artifact(own, result.unit.size, "", ())
        members = [item for item in result.artifacts[1:] if item.digest or item.locator in accused]
        listed = [(item, self._reference(item)) for item in (unit, *members)]
        references = {item.locator: reference for item, reference in listed}
        facts: dict[Locator, list[Fact]] = {locator: [] for locator in references}
        for fact in result.facts:
            facts.get(fact.locator, facts[own]).append(fact)
        component, *nested = (self._component(item, reference, facts[item.locator]) for item, reference in listed)
        component["properties"] = _properties(result, findings)
        if nested:
            component["components"] = cast(list[Json], nested)
        if result.problems:
            self.incomplete.append(references[own])
        for finding in findings:
            reference = references.get(finding.locator, references[own])
            self.vulnerabilities.append(self._vulnerability(finding, reference))
        return component

    def _component(self, artifact: Artifact, reference: str, facts: Sequence[Fact]) -> JsonObject:
        kind = _type(artifact)
        where = "!".join((address(artifact.locator, self._view.root).uri, *map(quote, artifact.locator.members)))
        component: JsonObject = {
            "type": kind,
            "bom-ref": reference,
            "name": printable(artifact.locator.name, NAME) or "unnamed",
            "evidence": {"occurrences": [{"location": where}]},
        }
        if artifact.digest:
            component["hashes"] = [{"alg": "SHA-256", "content": artifact.digest}]
        licences = _licences(facts)
        if licences:
            component["licenses"] = licences
        notices = _values(facts, "copyright")
        if notices:
            component["copyright"] = "\n".join(notices)
        card = _model_card(facts)
        if card and kind == "machine-learning-model":
            component["modelCard"] = card
        return component

    def _reference(self, artifact: Artifact) -> str:
        """Return a bom-ref made of content where it was hashed: no path of a machine, and unique all the same."""
        if artifact.digest:
            return self._unique(f"sha256:{artifact.digest}")
        name = "\0".join((artifact.locator.name, *artifact.locator.members)).encode("utf-8", "surrogatepass")
        return self._unique(f"name:{hashlib.sha256(name).hexdigest()[:32]}")

    def _unique(self, reference: str) -> str:
        self._used[reference] += 1
        count = self._used[reference]
        return reference if count == 1 else f"{reference}#{count}"

    def _vulnerability(self, finding: Finding, reference: str) -> JsonObject:
        rule = finding.rule
        vulnerability: JsonObject = {
            "bom-ref": self._unique(f"finding:{finding.fingerprint}"),
            "id": rule.id,
            "source": {"name": "modelsweep"},
            "ratings": [
                {
                    "source": {"name": "modelsweep"},
                    "score": SCORE[rule.severity],
                    "severity": CYCLONEDX_SEVERITY[rule.severity],
                    "method": "other",
                }
            ],
            "description": printable(finding.message, NAME),
            "detail": rule.why,
            "recommendation": rule.fix,
            "affects": [{"ref": reference}],
            "properties": [
                _property("fingerprint", finding.fingerprint),
                _property("subject", printable(finding.subject, NAME)),
                _property("position", _position(finding)),
            ],
        }
        if rule.cwe:
            vulnerability["cwes"] = [rule.cwe]
        if rule.references:
            vulnerability["advisories"] = [{"title": rule.title, "url": url} for url in rule.references]
        return vulnerability


def _tool(report: Report) -> JsonObject:
    return {
        "type": "application",
        "name": "modelsweep",
        "version": report.tool.version,
        "properties": [_property("ruleset", report.tool.ruleset)],
    }


def _serial_number(document: JsonObject) -> str:
    """Return a UUID of version 5 over `document`: the same files, findings and tool give the same number."""
    from uuid import NAMESPACE_URL, uuid5

    content = hashlib.sha256(json.dumps(document).encode("ascii")).hexdigest()
    return f"urn:uuid:{uuid5(NAMESPACE_URL, f'modelsweep:{content}')}"


def _type(artifact: Artifact) -> str:
    known = set(artifact.scanners) - FILES
    if not known:
        return "file"
    return "data" if known <= DATA else "machine-learning-model"


def _licences(facts: Sequence[Fact]) -> list[Json]:
    """Return the licences; SPDX identifiers as one expression where all are such, as the schema wants it."""
    licences = {fact.value: bool(fact.detail.get("spdx")) for fact in facts if fact.kind == "licence"}
    if licences and all(licences.values()):
        return [{"expression": " AND ".join(licences), "acknowledgement": "declared"}]
    return [{"license": {"name": printable(name, NAME), "acknowledgement": "declared"}} for name in licences]


def _model_card(facts: Sequence[Fact]) -> JsonObject:
    parameters: JsonObject = {}
    for kind, key in (("task", "task"), ("architecture", "modelArchitecture")):
        values = _values(facts, kind)
        if values:
            parameters[key] = values[0]
    datasets: list[Json] = [{"type": "dataset", "name": name} for name in _values(facts, "dataset")]
    if datasets:
        parameters["datasets"] = datasets
    card: JsonObject = {"modelParameters": parameters} if parameters else {}
    frameworks: list[Json] = [_property("framework", name) for name in _values(facts, "framework")]
    return {**card, "properties": frameworks} if frameworks else card


def _values(facts: Sequence[Fact], kind: str) -> list[str]:
    return list(dict.fromkeys(printable(fact.value, NAME) for fact in facts if fact.kind == kind))


def _properties(result: UnitResult, findings: Sequence[Finding]) -> list[Json]:
    own = result.artifacts[0].scanners if result.artifacts else ()
    named = (
        ("verdict", result.verdict.value),
        ("risk_score", f"{risk_score(findings):.1f}"),
        ("size", str(result.unit.size)),
        ("format", ", ".join(own)),
    )
    properties: list[Json] = [_property(name, value) for name, value in named if value]
    return properties + [_property("not_scanned", _reason(problem)) for problem in result.problems]


def _reason(problem: Problem) -> str:
    members = "!".join(problem.locator.members)
    return printable(f"{problem.kind.value}: {members + ': ' if members else ''}{problem.detail}", NAME)


def _position(finding: Finding) -> str:
    where = ["!".join(finding.locator.members)] if finding.locator.members else []
    where += [f"pos {finding.span.offset}"] if finding.span else []
    return printable(" ".join(where), NAME)


def _property(name: str, value: str) -> JsonObject:
    return {"name": f"modelsweep:{name}", "value": value}
