"""SPDX 3.0.1 with the AI profile: what the scanned files are, their licences, and what was found as annotations.

https://spdx.github.io/spdx-spec/v3.0.1/ as JSON-LD. A model is an AIPackage, anything else a File; what the profile
demands and nobody can read from a file is NOASSERTION. Times know no such value: that of release is that of the scan.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cache, lru_cache
from hashlib import sha256
from typing import TextIO, cast

from modelsweep.core.finding import Fact, Finding, Json, JsonObject, Problem
from modelsweep.core.locator import Locator
from modelsweep.core.plain import result_of
from modelsweep.core.report import Artifact, Attachment, Plain, Report, UnitResult
from modelsweep.core.shape import place
from modelsweep.core.text import printable
from reporting.address import address, purl, quote
from reporting.components import (
    DATA_KIND,
    DESCRIBING,
    FILE,
    MODEL,
    NAME,
    Licences,
    facts_by_place,
    is_spdx,
    itself,
    kind_of,
    licences_of,
    notable,
    values,
)
from reporting.encode import INDENT, SLOT, Items, in_pieces, indented, quoted, utc, write_object
from reporting.identity import Occurrences
from reporting.packages import packages_of
from reporting.places import Places, Unique
from reporting.scratch import Part, Scratch
from reporting.writer import View

CONTEXT = "https://spdx.org/rdf/3.0.1/spdx-context.jsonld"
VERSION = "3.0.1"
PROFILES: list[Json] = ["core", "software", "ai", "simpleLicensing"]
NOASSERTION, NO_LICENCE = "NOASSERTION", "expandedlicensing_NoAssertionLicense"
CREATION = "_:creation"
PURPOSE = {MODEL: "model", DATA_KIND: "data", FILE: "file"}
_BETWEEN = f",\n{INDENT * 4}"


class Draft:
    """One document: elements as they come, named below a name made of what was scanned, when, and by which rules.

    Elements are named by where the file is; licences and suppliers by what they are, since many files have the same.
    `is_section` leaves those to the document that this is joined to.
    """

    def __init__(self, report: Report, view: View, *, is_section: bool = False) -> None:
        from uuid import NAMESPACE_URL, uuid5

        scratch = Scratch()
        self._view = view
        self._created = utc(report.run.start_time)
        what = printable("\0".join(("modelsweep", self._created, report.tool.ruleset, *report.targets)))
        self._base = f"urn:uuid:{uuid5(NAMESPACE_URL, what)}#"
        self._places = Places(report.targets)
        self._graph, self._roots = Items(scratch, INDENT), Part(scratch, f",\n{INDENT * 4}")
        self._shared, self._known = Items(scratch, INDENT), Occurrences()
        self._supplied = ""
        self._told: list[Json] | None = [] if is_section else None
        self.parts = (self._graph, self._roots)
        if not is_section:
            self._begin(report)

    def add(self, result: UnitResult) -> None:
        """Add the elements of a file: itself, its notable members, its licences, and what was found."""
        findings = self._view.findings(result)
        if not findings and not result.problems and len(result.artifacts) < 2:
            name = f"{self._base}{self._places.reference(result.unit.locator)}"
            self._artifact(itself(result), name, result.facts)
            self._roots.add(f'"{name}"')
            return
        listed = [itself(result), *notable(result, findings)]
        facts = facts_by_place(result, tuple(item.locator for item in listed))
        unique = Unique()
        names = [unique(f"{self._base}{self._places.reference(item.locator)}") for item in listed]
        for item, name in zip(listed, names, strict=True):
            self._artifact(item, name, facts[item.locator])
        own, *members = names
        self._roots.add(quoted(own))
        if members:
            self._relate(f"{own}-contains", own, "contains", *members)
        by_place = {item.locator: name for item, name in zip(listed, names, strict=True)}
        for finding in findings:
            about = by_place.get(finding.locator, own)
            self._annotate(unique(f"{about}-finding"), about, "review", _said(finding))
        for problem in result.problems:
            self._annotate(unique(f"{own}-problem"), own, "other", _unexamined(problem))

    def add_plain(self, files: Sequence[Plain]) -> None:
        """Add the elements of plain files."""
        for file in files:
            self.add(result_of(file))

    def brief(self) -> Json:
        """Return nothing: no file has to do with another one here."""

    def said(self) -> Json:
        """Return the licences and suppliers that files of a section have."""
        return self._told

    def join(self, said: Json) -> None:
        """Add the licences and suppliers of a section that are new."""
        for name, text in cast("list[tuple[str, str]]", said):
            self._share(name, text)

    def finish(self, report: Report, stream: TextIO) -> None:
        """Write the document."""
        bill = f"{self._base}bill"
        for number, problem in enumerate(report.problems, 1):
            self._annotate(f"{self._base}problem-{number}", bill, "other", _unexamined(problem))
        for number, attachment in enumerate(report.attachments, 1):
            self._attach(f"{self._base}attachment-{number}", attachment, bill)
        write_object([("@context", CONTEXT), ("@graph", self._elements(bill))], stream)
        stream.write("\n")

    def _begin(self, report: Report) -> None:
        agent, tool = f"{self._base}agent", f"{self._base}tool"
        creation: JsonObject = {
            "type": "CreationInfo",
            "@id": CREATION,
            "specVersion": VERSION,
            "created": self._created,
            "createdBy": [agent],
            "createdUsing": [tool],
        }
        self._graph.put(creation)
        self._graph.put(_element("SoftwareAgent", agent, {"name": "modelsweep"}))
        named = f"modelsweep {report.tool.version}, ruleset {report.tool.ruleset}"
        self._graph.put(_element("Tool", tool, {"name": named}))

    def _elements(self, bill: str) -> Iterator[str]:
        """Yield the graph; the bill, near its end, names all files."""
        roots: JsonObject = {"rootElement": [SLOT]} if self._roots else {}
        document: JsonObject = {"profileConformance": PROFILES, "rootElement": [bill]}
        ending = Items(Scratch(), INDENT)
        ending.put(_element("software_Sbom", bill, {"software_sbomType": ["analyzed"], **roots}))
        ending.put(_element("SpdxDocument", f"{self._base}document", document))
        between = f",\n{self._graph.margin}"
        yield f"[\n{self._graph.margin}"
        yield from self._graph.text()
        if self._shared:
            yield between
            yield from self._shared.text()
        before, slot, after = "".join(ending.text()).partition(quoted(SLOT))
        yield f"{between}{before}"
        if slot:
            yield from self._roots.text()
        yield f"{after}\n{INDENT}]"

    def _artifact(self, artifact: Artifact, name: str, facts: Sequence[Fact]) -> None:
        """Add the element of a file or of a member, and its licences."""
        kind, locator = kind_of(artifact), artifact.locator
        url = purl(locator) if kind == MODEL else ""
        said = tuple([(fact.kind, fact.value, is_spdx(fact)) for fact in facts if fact.kind in DESCRIBING])
        pieces, licences = _described(kind, artifact.digest != "", url != "", self._created, said)
        filled = [name, _place(locator, self._view.root)]
        if artifact.digest:
            filled.append(artifact.digest)
        if kind == MODEL:
            is_remote = not address(locator, self._view.root).base
            filled.append(printable(locator.version, NAME) or NOASSERTION)
            filled.append(":".join(map(quote, locator.uri.split(":"))) if is_remote else NOASSERTION)
            filled.append(self._supplier(locator))
        if url:
            filled.append(url)
        self._graph.add(_filled(pieces, filled))
        self._license(name, licences, always=kind == MODEL)
        self._depend(name, facts)

    def _supplier(self, locator: Locator) -> str:
        """Return who supplies a model: its organisation on the Hub, else nobody knows."""
        owner = address(locator, self._view.root).path.split("/")[1] if locator.uri.startswith("hf://") else ""
        name = f"{self._base}supplier-{_hash(owner)}"
        if name != self._supplied:  # files of one organisation follow each other
            self._supplied = name
            self._share(name, _supplied(name, owner))
        return name

    def _license(self, name: str, licences: Licences | None, *, always: bool) -> None:
        """Say which licences are declared, and that none was concluded; of no model only where there are any."""
        if licences is None and not always:
            return
        declared = NO_LICENCE
        if licences:
            declared = f"{self._base}licence-{_hash(licences.expression, *licences.names)}"
            self._share(declared, _licensed(declared, licences))
        self._relate(f"{name}-declared", name, "hasDeclaredLicense", declared)
        self._relate(f"{name}-concluded", name, "hasConcludedLicense", NO_LICENCE)

    def _depend(self, name: str, facts: Sequence[Fact]) -> None:
        """Say which packages lists in a file ask for; the same package of several lists is one element."""
        needed: dict[str, None] = {}
        for package in packages_of(facts):
            element = f"{self._base}package-{_hash(package.url)}"
            self._share(element, _needed(element, package.name, package.version, package.url))
            needed[element] = None
        if needed:
            self._relate(f"{name}-needs", name, "dependsOn", *needed)

    def _share(self, name: str, text: str) -> None:
        """Add an element that several files may have, once."""
        if self._known.add(name) > 1:
            return
        if self._told is None:
            self._shared.add(text)
        else:
            self._told.append([name, text])

    def _relate(self, relation: str, name: str, how: str, *others: str) -> None:
        p0, p1, p2, p3 = _relationship(how)
        listed = _BETWEEN.join([f'"{other}"' for other in others])  # names are URNs and words
        self._graph.add(f'{p0}"{relation}"{p1}"{name}"{p2}{listed}{p3}')

    def _attach(self, name: str, attachment: Attachment, bill: str) -> None:
        """Add a file that somebody attached, as evidence for the bill."""
        element: JsonObject = {
            "name": _place(Locator(attachment.path), self._view.root),
            "software_primaryPurpose": "evidence",
            "contentType": attachment.media_type,
            "verifiedUsing": [{"type": "Hash", "algorithm": "sha256", "hashValue": attachment.digest}],
        }
        if attachment.claim:
            element["comment"] = printable(attachment.claim)
        self._graph.put(_element("software_File", name, element))
        self._relate(f"{name}-relation", bill, "hasEvidence", name)

    def _annotate(self, annotation: str, name: str, kind: str, statement: str) -> None:
        self._graph.add(_filled(_annotation(kind), [annotation, name, statement]))


def section(report: Report, view: View, _brief: Json) -> Draft:
    """Return a section of the document."""
    return Draft(report, view, is_section=True)


def _element(kind: str, name: str, element: JsonObject) -> JsonObject:
    return {"type": kind, "spdxId": name, "creationInfo": CREATION, **element}


def _filled(pieces: Sequence[str], values: Iterable[str]) -> str:
    first, *rest = pieces
    return "".join([first, *(f"{quoted(value)}{piece}" for value, piece in zip(values, rest, strict=True))])


@lru_cache(512)
def _described(
    kind: str, hashed: bool, registered: bool, created: str, said: tuple[tuple[str, str, bool], ...]
) -> tuple[list[str], Licences | None]:
    """Return the element of files of one kind that say the same of themselves, and their licences.

    It is in pieces: around name, place, digest if `hashed`, of models version, origin and supplier, and if `registered`
    the package URL.
    """
    where = Locator("")
    facts = [Fact(what, value, where, detail={"spdx": spdx}) for what, value, spdx in said]
    element: JsonObject = {"name": SLOT, "software_primaryPurpose": PURPOSE[kind]}
    if hashed:
        element["verifiedUsing"] = [{"type": "Hash", "algorithm": "sha256", "hashValue": SLOT}]
    if notices := values(facts, "copyright"):
        element["software_copyrightText"] = "\n".join(notices)
    if kind == MODEL:
        element |= _package(facts, created)
    if registered:
        element["software_packageUrl"] = SLOT
    kind_of_element = "ai_AIPackage" if kind == MODEL else "software_File"
    return in_pieces(_element(kind_of_element, SLOT, element), INDENT * 2), licences_of(facts)


def _package(facts: Sequence[Fact], created: str) -> JsonObject:
    """Return what an AIPackage says besides."""
    package: JsonObject = {
        "software_packageVersion": SLOT,
        "software_downloadLocation": SLOT,
        "releaseTime": created,
        "suppliedBy": SLOT,
    }
    if models := values(facts, "architecture"):
        package["ai_typeOfModel"] = list(models)
    if tasks := values(facts, "task"):
        package["ai_informationAboutApplication"] = ", ".join(tasks)
    if datasets := values(facts, "dataset"):
        package["ai_informationAboutTraining"] = f"datasets: {', '.join(datasets)}"
    return package


@lru_cache(512)
def _supplied(name: str, owner: str) -> str:
    kind = "Organization" if owner else "Agent"
    return indented(_element(kind, name, {"name": printable(owner, NAME) or NOASSERTION}), INDENT * 2)


@lru_cache(512)
def _needed(name: str, package: str, version: str, url: str) -> str:
    element: JsonObject = {"name": package, "software_packageUrl": url}
    if version:
        element["software_packageVersion"] = version
    return indented(_element("software_Package", name, element), INDENT * 2)


@lru_cache(512)
def _licensed(name: str, licences: Licences) -> str:
    kind, key, text = (
        ("LicenseExpression", "licenseExpression", licences.expression)
        if licences.expression
        else ("SimpleLicensingText", "licenseText", "\n".join(licences.names))
    )
    return indented(_element(f"simplelicensing_{kind}", name, {f"simplelicensing_{key}": text}), INDENT * 2)


@cache
def _relationship(how: str) -> list[str]:
    return in_pieces(_element("Relationship", SLOT, {"from": SLOT, "relationshipType": how, "to": [SLOT]}), INDENT * 2)


@cache
def _annotation(kind: str) -> list[str]:
    return in_pieces(
        _element("Annotation", SLOT, {"annotationType": kind, "subject": SLOT, "statement": SLOT}), INDENT * 2
    )


@lru_cache(512)
def _hash(*words: str) -> str:
    return sha256("\0".join(words).encode("utf-8", "surrogatepass")).hexdigest()[:16]


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
