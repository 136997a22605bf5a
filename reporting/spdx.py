"""SPDX 3.0.1 with the AI profile: what the scanned files are, their licences, and what was found as annotations.

https://spdx.github.io/spdx-spec/v3.0.1/ as JSON-LD. A model is an AIPackage, anything else a File; what the profile
demands and nobody can read from a file is NOASSERTION. Times know no such value: that of release is that of the scan.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import TextIO, TypeVar

from modelsweep.core.finding import Fact, Finding, Json, Problem
from modelsweep.core.locator import Locator
from modelsweep.core.report import Artifact, Report, UnitResult
from modelsweep.core.shape import place
from modelsweep.core.text import printable
from reporting.address import address, purl, quote
from reporting.components import (
    DATA_KIND,
    FILE,
    MODEL,
    NAME,
    Licences,
    facts_by_place,
    itself,
    kind_of,
    licences_of,
    notable,
    values,
)
from reporting.encode import INDENT, Items, quoted, utc, write_object
from reporting.scratch import Part, Scratch
from reporting.writer import View

JsonObject = dict[str, Json]

CONTEXT = "https://spdx.org/rdf/3.0.1/spdx-context.jsonld"
VERSION = "3.0.1"
PROFILES: list[Json] = ["core", "software", "ai", "simpleLicensing"]
NOASSERTION, NO_LICENCE = "NOASSERTION", "expandedlicensing_NoAssertionLicense"
CREATION = "_:creation"
PURPOSE = {MODEL: "model", DATA_KIND: "data", FILE: "file"}
KEPT = 10_000
"""Different licences, and suppliers, that are elements once; a collection that has more repeats some."""
_SLOT = os.urandom(16).hex()  # what nobody can have put into a file
_Key = TypeVar("_Key")


class Draft:
    """One document: elements as they come, numbered below a name made of what was scanned, when, and by which rules."""

    def __init__(self, report: Report, view: View) -> None:
        from uuid import NAMESPACE_URL, uuid5

        scratch = Scratch()
        self._view = view
        self._created = utc(report.run.start_time)
        what = printable("\0".join(("modelsweep", self._created, report.tool.ruleset, *report.targets)))
        self._base = f"urn:uuid:{uuid5(NAMESPACE_URL, what)}"
        self._graph, self._roots = Items(scratch, INDENT), Part(scratch, f",\n{INDENT * 4}")
        self._count = 0
        self._licences: dict[Licences, str] = {}
        self._suppliers: dict[str, str] = {}
        self._begin(report)

    def add(self, result: UnitResult) -> None:
        """Add the elements of a file: itself, its notable members, its licences, and what was found."""
        findings = self._view.findings(result)
        listed = [itself(result), *notable(result, findings)]
        facts = facts_by_place(result, tuple(item.locator for item in listed))
        names = {item.locator: self._artifact(item, facts[item.locator]) for item in listed}
        own, *members = names.values()
        self._roots.add(quoted(own))
        if members:
            self._relate(own, "contains", *members)
        for finding in findings:
            self._annotate(names.get(finding.locator, own), "review", _said(finding))
        for problem in result.problems:
            self._annotate(own, "other", _unexamined(problem))

    def finish(self, report: Report, stream: TextIO) -> None:
        """Write the document."""
        bill = self._name()
        for problem in report.problems:
            self._annotate(bill, "other", _unexamined(problem))
        write_object([("@context", CONTEXT), ("@graph", self._elements(bill))], stream)
        stream.write("\n")

    def _begin(self, report: Report) -> None:
        agent, tool = self._name(), self._name()
        creation: JsonObject = {
            "type": "CreationInfo",
            "@id": CREATION,
            "specVersion": VERSION,
            "created": self._created,
            "createdBy": [agent],
            "createdUsing": [tool],
        }
        self._graph.put(creation)
        self._put("SoftwareAgent", agent, {"name": "modelsweep"})
        self._put("Tool", tool, {"name": f"modelsweep {report.tool.version}, ruleset {report.tool.ruleset}"})

    def _elements(self, bill: str) -> Iterator[str]:
        """Yield the graph; the bill, near its end, names all files."""
        roots: JsonObject = {"rootElement": [_SLOT]} if self._roots else {}
        self._put("software_Sbom", bill, {"software_sbomType": ["analyzed"], **roots})
        document: JsonObject = {"profileConformance": PROFILES, "rootElement": [bill]}
        self._put("SpdxDocument", self._name(), document)
        for piece in self._graph.array():
            before, slot, after = piece.partition(quoted(_SLOT))
            yield before
            if slot:
                yield from self._roots.text()
            yield after

    def _artifact(self, artifact: Artifact, facts: Sequence[Fact]) -> str:
        """Add the element of a file or of a member, and return its name."""
        kind, name = kind_of(artifact), self._name()
        element: JsonObject = {
            "name": _place(artifact.locator, self._view.root),
            "software_primaryPurpose": PURPOSE[kind],
        }
        if artifact.digest:
            element["verifiedUsing"] = [{"type": "Hash", "algorithm": "sha256", "hashValue": artifact.digest}]
        if notices := values(facts, "copyright"):
            element["software_copyrightText"] = "\n".join(notices)
        if kind == MODEL:
            element |= self._package(artifact.locator, facts)
        self._put("ai_AIPackage" if kind == MODEL else "software_File", name, element)
        self._license(name, licences_of(facts), always=kind == MODEL)
        return name

    def _package(self, locator: Locator, facts: Sequence[Fact]) -> JsonObject:
        """Return what an AIPackage says besides."""
        is_remote = not address(locator, self._view.root).base
        package: JsonObject = {
            "software_packageVersion": printable(locator.version, NAME) or NOASSERTION,
            "software_downloadLocation": quote(locator.uri).replace("%3A", ":") if is_remote else NOASSERTION,
            "releaseTime": self._created,
            "suppliedBy": self._supplier(locator),
        }
        if url := purl(locator):
            package["software_packageUrl"] = url
        if models := values(facts, "architecture"):
            package["ai_typeOfModel"] = list(models)
        if tasks := values(facts, "task"):
            package["ai_informationAboutApplication"] = ", ".join(tasks)
        if datasets := values(facts, "dataset"):
            package["ai_informationAboutTraining"] = f"datasets: {', '.join(datasets)}"
        return package

    def _supplier(self, locator: Locator) -> str:
        """Return who supplies a model: its organisation on the Hub, else nobody knows."""
        owner = address(locator, self._view.root).path.split("/")[1] if locator.uri.startswith("hf://") else ""
        supplier = self._suppliers.get(owner)
        if supplier is None:
            supplier = self._name()
            self._put("Organization" if owner else "Agent", supplier, {"name": printable(owner, NAME) or NOASSERTION})
            _remember(self._suppliers, owner, supplier)
        return supplier

    def _license(self, name: str, licences: Licences | None, *, always: bool) -> None:
        """Say which licences are declared, and that none was concluded; of no model only where there are any."""
        if licences is None and not always:
            return
        declared = NO_LICENCE
        if licences:
            declared = self._licences.get(licences) or self._name()
            if licences not in self._licences:
                kind, key, text = (
                    ("LicenseExpression", "licenseExpression", licences.expression)
                    if licences.expression
                    else ("SimpleLicensingText", "licenseText", "\n".join(licences.names))
                )
                self._put(f"simplelicensing_{kind}", declared, {f"simplelicensing_{key}": text})
                _remember(self._licences, licences, declared)
        self._relate(name, "hasDeclaredLicense", declared)
        self._relate(name, "hasConcludedLicense", NO_LICENCE)

    def _relate(self, name: str, how: str, *others: str) -> None:
        self._put("Relationship", self._name(), {"from": name, "relationshipType": how, "to": list(others)})

    def _annotate(self, name: str, kind: str, statement: str) -> None:
        self._put("Annotation", self._name(), {"annotationType": kind, "subject": name, "statement": statement})

    def _put(self, kind: str, name: str, element: JsonObject) -> None:
        self._graph.put({"type": kind, "spdxId": name, "creationInfo": CREATION, **element})

    def _name(self) -> str:
        self._count += 1
        return f"{self._base}#{self._count}"


def _remember(known: dict[_Key, str], key: _Key, name: str) -> None:
    if len(known) < KEPT:
        known[key] = name


def _place(locator: Locator, root: str) -> str:
    return printable("!".join((address(locator, root).path, *locator.members)), NAME)


def _said(finding: Finding) -> str:
    where = place(finding.locator, finding.span)
    said = f"{finding.severity.name} {finding.rule.id}: {finding.message} (in {where}). {finding.rule.fix}"
    return printable(said, 2 * NAME)


def _unexamined(problem: Problem) -> str:
    return printable(
        f"not scanned, {problem.kind.value}: {place(problem.locator, problem.span)}: {problem.detail}", NAME
    )
