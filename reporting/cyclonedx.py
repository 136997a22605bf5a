"""CycloneDX 1.6 ML-BOM (ECMA-424): what the scanned files are, and what was found in them.

https://cyclonedx.org/docs/1.6/json/. Written as JSON values, since cyclonedx-python-lib has no classes for model cards
and takes 1.6 ms per component, minutes for a large folder; its strict validator checks the result in the tests.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import chain
from typing import TextIO, cast

from modelsweep.core.finding import Fact, Finding, Json, Problem
from modelsweep.core.locator import Locator, last_of
from modelsweep.core.report import Artifact, Report, Unit, UnitResult
from modelsweep.core.text import printable
from reporting.address import purl, quote, uri_of
from reporting.components import MODEL, NAME, facts_by_place, is_spdx, itself, kind_of, licences_of, notable, values
from reporting.encode import INDENT, Items, indented, quoted, utc, write_object
from reporting.identity import Occurrences
from reporting.scratch import PIECES, Part, Scratch
from reporting.severity import CYCLONEDX_SEVERITY, SCORE, risk_score
from reporting.writer import View

JsonObject = dict[str, Json]

SCHEMA = "http://cyclonedx.org/schema/bom-1.6.schema.json"
DESCRIBING = frozenset({"licence", "copyright", "task", "architecture", "dataset", "framework"})
"""Kinds of fact that a component states."""
_SHA256 = re.compile("[0-9a-f]{64}")
_SLOT = os.urandom(16).hex()  # what nobody can have put into a file


class Draft:
    """One bill of materials: components as they come, with the references that findings and compositions make to them.

    Its serial number is a function of all in it but the time.
    """

    def __init__(self, report: Report, view: View) -> None:
        scratch = Scratch()
        self._view = view
        self._seen = Occurrences()
        self._components, self._vulnerabilities = Items(scratch, INDENT), Items(scratch, INDENT)
        self._incomplete = Items(scratch, INDENT * 3)
        self._tools: JsonObject = {"tools": {"components": [_tool(report)]}}
        # The serial number is a hash of the bill in compact form: of components as they come, then of the rest
        self._hash = hashlib.sha256(f'{json.dumps(_head("", self._tools))[:-1]}, "components": ['.encode())
        self._unhashed: list[str] = []
        self._between = ""
        self._compact_incomplete, self._compact_vulnerabilities = Part(scratch, ", "), Part(scratch, ", ")

    def add(self, result: UnitResult) -> None:
        """Add the component of a file with its notable members, and note what was found in it."""
        artifacts = result.artifacts
        several = len(artifacts) > 1 and any(item.digest for item in artifacts[1:])
        if result.findings or result.problems or several or purl(result.unit.locator):
            component = self._component(result)
            self._add(indented(component, self._components.margin), json.dumps(component))
            return
        unit = itself(result)
        digest = unit.digest
        said = [(fact.kind, fact.value, is_spdx(fact)) for fact in result.facts if fact.kind in DESCRIBING]
        long, compact = _clean_component(unit.scanners, bool(digest), bool(artifacts), tuple(said))
        reference, name = quoted(self._reference(unit)), quoted(printable(last_of(unit.locator.uri), NAME) or "unnamed")
        where, size = _place(unit.locator, self._view.root), result.unit.size  # percent-encoded, and a number
        content = quoted(digest) if digest else ""
        # Put together by f-strings, which take a sixth of the time of a template with places
        p0, p1, p2, p3, p4, p5 = compact
        compacted = f'{p0}{reference}{p1}{name}{p2}"{where}"{p3}{content}{p4}"{size}"{p5}'
        p0, p1, p2, p3, p4, p5 = long
        self._add(f'{p0}{reference}{p1}{name}{p2}"{where}"{p3}{content}{p4}"{size}"{p5}', compacted)

    def finish(self, report: Report, stream: TextIO) -> None:
        """Write the bill."""
        metadata = self._tools
        if report.run.start_time:
            metadata = {"timestamp": utc(report.run.start_time), **self._tools}
        write_object(self._members(_head(self._serial_number(), metadata)), stream)
        stream.write("\n")

    def _members(self, head: JsonObject) -> Iterator[tuple[str, Json | Iterator[str]]]:
        yield from head.items()
        yield "components", self._components.array()
        if self._incomplete:
            yield "compositions", self._compositions()
        if self._vulnerabilities:
            yield "vulnerabilities", self._vulnerabilities.array()

    def _compositions(self) -> Iterator[str]:
        yield '[\n    {\n      "aggregate": "incomplete",\n      "assemblies": '
        yield from self._incomplete.array()
        yield "\n    }\n  ]"

    def _add(self, long: str, compact: str) -> None:
        self._components.add(long)
        self._unhashed.append(compact)
        if len(self._unhashed) >= PIECES:
            self._hash_components()

    def _hash_components(self) -> None:
        if self._unhashed:
            self._hash.update((self._between + ", ".join(self._unhashed)).encode())
            self._unhashed.clear()
            self._between = ", "

    def _serial_number(self) -> str:
        """Return a UUID of version 5 over the bill: the same files, findings and tool give the same number."""
        from uuid import NAMESPACE_URL, uuid5

        self._hash_components()
        self._hash.update(b"]")
        for part, opening, closing in (
            (self._compact_incomplete, '"compositions": [{"aggregate": "incomplete", "assemblies": [', "]}]"),
            (self._compact_vulnerabilities, '"vulnerabilities": [', "]"),
        ):
            if part:
                for piece in chain([f", {opening}"], part.text(), [closing]):
                    self._hash.update(piece.encode())
        self._hash.update(b"}")
        return f"urn:uuid:{uuid5(NAMESPACE_URL, f'modelsweep:{self._hash.hexdigest()}')}"

    def _component(self, result: UnitResult) -> JsonObject:
        """Return the component of a file with its notable members, and note what was found in it."""
        own = result.unit.locator
        findings = self._view.findings(result)
        listed = [(item, self._reference(item)) for item in (itself(result), *notable(result, findings))]
        references = {item.locator: reference for item, reference in listed}
        facts = facts_by_place(result, tuple(references))
        component, *nested = (self._described(item, reference, facts[item.locator]) for item, reference in listed)
        component["properties"] = _properties(result, findings)
        if nested:
            component["components"] = cast(list[Json], nested)
        if result.problems:
            self._incomplete.put(references[own])
            self._compact_incomplete.add(json.dumps(references[own]))
        for finding in findings:
            vulnerability = self._vulnerability(finding, references.get(finding.locator, references[own]))
            self._vulnerabilities.put(vulnerability)
            self._compact_vulnerabilities.add(json.dumps(vulnerability))
        return component

    def _described(self, artifact: Artifact, reference: str, facts: Sequence[Fact]) -> JsonObject:
        name = printable(artifact.locator.name, NAME) or "unnamed"
        return _component(artifact, reference, name, _place(artifact.locator, self._view.root), facts)

    def _reference(self, artifact: Artifact) -> str:
        """Return a bom-ref made of content where it was hashed: no path of a machine, and unique all the same."""
        if _SHA256.fullmatch(artifact.digest):
            return _numbered(f"sha256:{artifact.digest}", self._seen.add_hash(bytes.fromhex(artifact.digest[:16])))
        if artifact.digest:
            return self._unique(f"sha256:{artifact.digest}")
        name = "\0".join((artifact.locator.name, *artifact.locator.members)).encode("utf-8", "surrogatepass")
        return self._unique(f"name:{hashlib.sha256(name).hexdigest()[:32]}")

    def _unique(self, reference: str) -> str:
        return _numbered(reference, self._seen.add(reference))

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


def _numbered(reference: str, count: int) -> str:
    return reference if count == 1 else f"{reference}#{count}"


def _place(locator: Locator, root: str) -> str:
    uri = uri_of(locator, root)
    return "!".join((uri, *map(quote, locator.members))) if locator.members else uri


def _component(artifact: Artifact, reference: str, name: str, where: str, facts: Sequence[Fact]) -> JsonObject:
    kind = kind_of(artifact)
    component: JsonObject = {
        "type": kind,
        "bom-ref": reference,
        "name": name,
        "evidence": {"occurrences": [{"location": where}]},
    }
    if name_in_registry := purl(artifact.locator):
        component["purl"] = name_in_registry
    if artifact.digest:
        component["hashes"] = [{"alg": "SHA-256", "content": artifact.digest}]
    licences = _licences(facts)
    if licences:
        component["licenses"] = licences
    notices = values(facts, "copyright")
    if notices:
        component["copyright"] = "\n".join(notices)
    card = _model_card(facts)
    if card and kind == MODEL:
        component["modelCard"] = card
    return component


@lru_cache(512)
def _clean_component(
    scanners: tuple[str, ...], hashed: bool, examined: bool, said: tuple[tuple[str, str, bool], ...]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the component of clean files of one kind that say the same of themselves, indented and compact.

    Each in six pieces: between them stand reference, name, location, digest (nothing unless `hashed`) and size. Of
    millions of files few differ in more.
    """
    reference = name = where = digest = size = _SLOT
    locator = Locator("")
    artifact = Artifact(locator, 0, digest if hashed else "", scanners)
    facts = [Fact(kind, value, locator, detail={"spdx": spdx}) for kind, value, spdx in said]
    component = _component(artifact, reference, name, where, facts)
    result = UnitResult(Unit(0, locator, 0), (artifact,) if examined else ())
    component["properties"] = _properties(result, (), size)
    long, compact = (text.split(f'"{_SLOT}"') for text in (indented(component, INDENT * 2), json.dumps(component)))
    nothing = [] if hashed else [""]
    return (*long[:4], *nothing, *long[4:]), (*compact[:4], *nothing, *compact[4:])


def _head(serial_number: str, metadata: JsonObject) -> JsonObject:
    return {
        "$schema": SCHEMA,
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": serial_number,
        "version": 1,
        "metadata": metadata,
    }


def _tool(report: Report) -> JsonObject:
    return {
        "type": "application",
        "name": "modelsweep",
        "version": report.tool.version,
        "properties": [_property("ruleset", report.tool.ruleset)],
    }


def _licences(facts: Sequence[Fact]) -> list[Json]:
    """Return the licences; SPDX identifiers as one expression where all are such, as the schema wants it."""
    licences = licences_of(facts)
    if licences and licences.expression:
        return [{"expression": licences.expression, "acknowledgement": "declared"}]
    names = licences.names if licences else ()
    return [{"license": {"name": name, "acknowledgement": "declared"}} for name in names]


def _model_card(facts: Sequence[Fact]) -> JsonObject:
    parameters: JsonObject = {}
    for kind, key in (("task", "task"), ("architecture", "modelArchitecture")):
        if said := values(facts, kind):
            parameters[key] = said[0]
    datasets: list[Json] = [{"type": "dataset", "name": name} for name in values(facts, "dataset")]
    if datasets:
        parameters["datasets"] = datasets
    card: JsonObject = {"modelParameters": parameters} if parameters else {}
    frameworks: list[Json] = [_property("framework", name) for name in values(facts, "framework")]
    return {**card, "properties": frameworks} if frameworks else card


def _properties(result: UnitResult, findings: Sequence[Finding], size: str = "") -> list[Json]:
    own = result.artifacts[0].scanners if result.artifacts else ()
    named = (
        ("verdict", result.verdict.value),
        ("risk_score", f"{risk_score(findings):.1f}"),
        ("size", size or str(result.unit.size)),
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
