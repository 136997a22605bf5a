"""CycloneDX 1.6 ML-BOM (ECMA-424): what the scanned files are, and what was found in them.

https://cyclonedx.org/docs/1.6/json/. Written as JSON values, since cyclonedx-python-lib has no classes for model cards
and takes 1.6 ms per component, minutes for a large folder; its strict validator checks the result in the tests.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from hashlib import sha256
from typing import TextIO

from modelsweep.core.finding import Fact, Finding, Json, JsonObject, Problem, Rule
from modelsweep.core.locator import Locator, last_of
from modelsweep.core.plain import result_of
from modelsweep.core.report import Artifact, Attachment, Nature, Plain, Report, Stated, Unit, UnitResult
from modelsweep.core.text import printable, shorten
from reporting.address import REGISTRIES, purl, quote, uri_of, uris_of
from reporting.components import (
    DESCRIBING,
    MODEL,
    NAME,
    facts_by_place,
    is_spdx,
    itself,
    kind_of,
    licences_of,
    notable,
    values,
)
from reporting.encode import INDENT, SLOT, Items, in_pieces, indented, quoted, utc, write_object
from reporting.packages import KINDS as PACKAGES
from reporting.packages import packages_of
from reporting.places import Places, Unique
from reporting.scratch import Scratch
from reporting.severity import CYCLONEDX_SEVERITY, SCORE, risk_score
from reporting.writer import View

SCHEMA = "http://cyclonedx.org/schema/bom-1.6.schema.json"
_MODULUS = 1 << 256


class Draft:
    """One bill of materials: components as they come, with the references that findings and compositions make to them.

    Its serial number is a function of all in it but the time. Of what is added it is a sum, so that it is the same
    however the results were divided among processes.
    """

    def __init__(self, report: Report, view: View) -> None:
        scratch = Scratch()
        self._view, self._root = view, view.root
        self._places = Places(report.targets)
        self._components, self._vulnerabilities = Items(scratch, INDENT), Items(scratch, INDENT)
        self._incomplete = Items(scratch, INDENT * 3)
        self.parts = (self._components, self._vulnerabilities, self._incomplete)
        self._tools: JsonObject = {"tools": {"components": [_tool(report)]}, "component": _subject(report, self._root)}
        self._sum = 0

    def add_plain(self, files: Sequence[Plain]) -> None:
        """Add the components of plain files."""
        texts, digests = [], []
        nature: Nature | None = None
        kind = p0 = p1 = p2 = p3 = p4 = p5 = ""
        lists = False
        addresses = uris_of([file[0] for file in files], self._root)
        for file, where, hashed in zip(files, addresses, self._places.hashes(files), strict=True):
            uri, _, size, digest, now, _ = file
            if uri.startswith(REGISTRIES):
                texts.append(self._component(result_of(file)))
                digests.append(sha256(texts[-1].encode()).digest())
                continue
            if now is not nature:
                nature, (kind, p0, p1, p2, p3, p4, p5) = now, _plain_component(now)
                lists = any(fact in PACKAGES for fact, _, _ in now[1])
            last = uri.rpartition("/")[2]
            name = _name(last if last and "\\" not in last else uri)
            # Put together by f-strings, which take a sixth of the time of a template with places
            texts.append(f'{p0}"file:{hashed.hexdigest()[:32]}"{p1}{name}{p2}"{where}"{p3}"{digest}"{p4}"{size}"{p5}')
            # A fifth of the text, and all that varies in it
            hashed.update(f"{kind}{name}{where}{digest}{size}".encode())
            digests.append(hashed.digest())
            for text in self._packages(result_of(file).facts) if lists else ():
                texts.append(text)
                digests.append(sha256(text.encode()).digest())
        self._sum += sum(map(int.from_bytes, digests))
        self._components.extend(texts)

    def add(self, result: UnitResult) -> None:
        """Add the component of a file with its notable members, and note what was found in it."""
        self._put(self._components, self._component(result))
        for text in self._packages(result.facts):
            self._put(self._components, text)

    def brief(self) -> Json:
        """Return nothing: no file has to do with another one here."""

    def said(self) -> Json:
        """Return what all of this adds to the serial number."""
        return self._sum

    def join(self, said: Json) -> None:
        """Add what a section says to the serial number."""
        assert isinstance(said, int)
        self._sum += said

    def finish(self, report: Report, stream: TextIO) -> None:
        """Write the bill."""
        metadata = self._tools
        if report.run.start_time:
            metadata = {"timestamp": utc(report.run.start_time), **self._tools}
        write_object(self._members(_head(self._serial_number(), metadata)), stream)
        stream.write("\n")

    def _members(self, head: JsonObject) -> Iterator[tuple[str, Json | Iterator[str] | Items]]:
        yield from head.items()
        yield "components", self._components
        if self._incomplete:
            yield "compositions", self._compositions()
        if self._vulnerabilities:
            yield "vulnerabilities", self._vulnerabilities

    def _compositions(self) -> Iterator[str]:
        yield '[\n    {\n      "aggregate": "incomplete",\n      "assemblies": '
        yield from self._incomplete.array()
        yield "\n    }\n  ]"

    def _put(self, items: Items, text: str) -> None:
        items.add(text)
        self._sum += _digest(text)

    def _serial_number(self) -> str:
        """Return a UUID of version 5 over the bill: the same files, findings and tool give the same number."""
        from uuid import NAMESPACE_URL, uuid5

        total = self._sum + _digest(json.dumps(self._tools))
        return f"urn:uuid:{uuid5(NAMESPACE_URL, f'modelsweep:{total % _MODULUS:x}')}"

    def _component(self, result: UnitResult) -> str:
        """Return the component of a file with its notable members, and note what was found in it."""
        own = result.unit.locator
        findings = self._view.findings(result)
        unique = Unique()
        listed = [
            (item, unique(f"file:{self._places.reference(item.locator)}"))
            for item in (itself(result), *notable(result, findings))
        ]
        references = {item.locator: reference for item, reference in listed}
        facts = facts_by_place(result, tuple(references))
        if result.problems:
            self._put(self._incomplete, quoted(references[own]))
        for finding in findings:
            where = references.get(finding.locator, references[own])
            fingerprint = finding.fingerprint
            excuse = self._view.gate.excuse(finding, result.digest)
            name = unique(f"finding:{fingerprint}:{where.partition(':')[2]}")
            self._put(self._vulnerabilities, _vulnerability(finding, excuse, fingerprint, name, where))
        margin, inner = self._components.margin, f"{self._components.margin}{INDENT}"
        texts = [self._begun(item, reference, facts[item.locator]) for item, reference in listed]
        parts = [texts[0], f',\n{inner}"properties": {_property_list(_properties(result, findings), inner)}']
        if len(texts) > 1:
            nested = (f"\n{inner}{INDENT}{text}\n{inner}{INDENT}}}" for text in texts[1:])
            parts.append(f',\n{inner}"components": [{",".join(nested)}\n{inner}]')
        return "".join((*parts, f"\n{margin}}}"))

    def _packages(self, facts: Iterable[Fact]) -> Iterator[str]:
        """Yield components of the packages that lists in a file ask for."""
        for number, package in enumerate(packages_of(facts)):
            component: JsonObject = {
                "type": "library",
                "bom-ref": f"package:{self._places.reference(package.where)}:{number}",
                "name": package.name,
                **({"version": package.version} if package.version else {}),
                "purl": package.url,
                "evidence": {"occurrences": [{"location": _place(package.where, self._root)}]},
                "properties": [_property("requirement", printable(package.line, NAME))],
            }
            yield indented(component, self._components.margin)

    def _begun(self, artifact: Artifact, reference: str, facts: Sequence[Fact]) -> str:
        """Return the text of a component without its end; members stand deeper than their file."""
        locator = artifact.locator
        url, margin = purl(locator), self._components.margin + (INDENT * 2 if locator.members else "")
        said = tuple([(fact.kind, fact.value, is_spdx(fact)) for fact in facts if fact.kind in DESCRIBING])
        first, *rest = _component_pieces(artifact.scanners, artifact.digest != "", url != "", said, margin)
        name = printable(locator.name, NAME) or "unnamed"
        filled = [reference, name, _place(locator, self._root), *filter(None, (url, artifact.digest))]
        return "".join([first, *(f"{quoted(value)}{piece}" for value, piece in zip(filled, rest, strict=True))])


@lru_cache(512)
def _name(path: str) -> str:
    """Return the name of a file as JSON; the same few come again and again."""
    return quoted(printable(last_of(path), NAME) or "unnamed")


def _digest(text: str) -> int:
    return int.from_bytes(sha256(text.encode()).digest())


@lru_cache(512)
def _accusation(rule: Rule, excuse: str) -> list[str]:
    """Return the text of what a rule says of a file, in pieces: around its names, what is described, and places.

    Whoever accepted a finding, with this `excuse`, said that nothing is done about it, and not that it is wrong.
    """
    vulnerability: JsonObject = {
        "bom-ref": SLOT,
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
        "description": SLOT,
        "detail": rule.why,
        "recommendation": rule.fix,
        "affects": [{"ref": SLOT}],
        "properties": [_property(name, SLOT) for name in ("fingerprint", "subject", "position")],
    }
    if excuse:
        vulnerability["analysis"] = {"response": ["will_not_fix"], "detail": excuse}
    if rule.cwe:
        vulnerability["cwes"] = [rule.cwe]
    if rule.references:
        vulnerability["advisories"] = [{"title": rule.title, "url": url} for url in rule.references]
    return in_pieces(vulnerability, INDENT * 2)


def _vulnerability(finding: Finding, excuse: str, fingerprint: str, name: str, reference: str) -> str:
    p0, p1, p2, p3, p4, p5, p6 = _accusation(finding.rule, excuse)
    said, subject = quoted(printable(finding.message, NAME)), quoted(printable(finding.subject, NAME))
    position = quoted(_position(finding))
    return f'{p0}"{name}"{p1}{said}{p2}"{reference}"{p3}"{fingerprint}"{p4}{subject}{p5}{position}{p6}'


def _place(locator: Locator, root: str) -> str:
    uri = uri_of(locator.uri, root)
    return "!".join((uri, *map(quote, locator.members))) if locator.members else uri


def _component(
    artifact: Artifact, reference: str, name: str, where: str, facts: Sequence[Fact], url: str = ""
) -> JsonObject:
    kind = kind_of(artifact)
    component: JsonObject = {
        "type": kind,
        "bom-ref": reference,
        "name": name,
        "evidence": {"occurrences": [{"location": where}]},
    }
    if url:
        component["purl"] = url
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
def _component_pieces(
    scanners: tuple[str, ...], hashed: bool, registered: bool, said: tuple[Stated, ...], margin: str
) -> list[str]:
    """Return the text of a component without its end, in pieces.

    Between them stand reference, name and place, and, where there are such, package URL and digest.
    """
    artifact = Artifact(Locator(""), 0, SLOT if hashed else "", scanners)
    component = _component(artifact, SLOT, SLOT, SLOT, _facts(said), SLOT if registered else "")
    *first, last = in_pieces(component, margin)
    return [*first, last.removesuffix(f"\n{margin}}}")]


def _facts(said: Iterable[Stated]) -> list[Fact]:
    return [Fact(kind, value, Locator(""), detail={"spdx": spdx}) for kind, value, spdx in said]


@lru_cache(512)
def _plain_component(nature: Nature) -> tuple[str, str, str, str, str, str, str]:
    """Return the component of plain files of one nature: a digest of the text of it, and that text.

    That is in six pieces: between them stand reference, name, location, digest and size.
    """
    scanners, stated = nature
    return _plain_pieces(scanners, tuple([item for item in stated if item[0] in DESCRIBING]))


@lru_cache(512)
def _plain_pieces(scanners: tuple[str, ...], said: tuple[Stated, ...]) -> tuple[str, str, str, str, str, str, str]:
    artifact = Artifact(Locator(""), 0, SLOT, scanners)
    facts = _facts(said)
    component = _component(artifact, SLOT, SLOT, SLOT, facts)
    result = UnitResult(Unit(0, artifact.locator, 0), (artifact,), tuple(facts))
    component["properties"] = [_property(*item) for item in _properties(result, (), SLOT)]
    p0, p1, p2, p3, p4, p5 = pieces = in_pieces(component, INDENT * 2)
    return sha256("\0".join(pieces).encode()).hexdigest(), p0, p1, p2, p3, p4, p5


def _head(serial_number: str, metadata: JsonObject) -> JsonObject:
    return {
        "$schema": SCHEMA,
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": serial_number,
        "version": 1,
        "metadata": metadata,
    }


def _subject(report: Report, root: str) -> JsonObject:
    """Return what the bill is of, as a component: the target by its last name, without what machines differ in.

    Dependency-Track and others take kind and name of a project from it.
    """
    names = [target.partition("?")[0].rstrip("/.").rpartition("/")[2] for target in report.targets]
    name = names[0] or root.rpartition("/")[2] if len(names) == 1 else f"{len(names)} targets"
    subject: JsonObject = {"type": "file", "bom-ref": "targets", "name": shorten(printable(name), NAME) or "files"}
    if report.attachments:
        subject["externalReferences"] = [_evidence(attachment, root) for attachment in report.attachments]
    return subject


def _evidence(attachment: Attachment, root: str) -> JsonObject:
    """Return a file that somebody attached as a reference to it."""
    reference: JsonObject = {
        "type": "dynamic-analysis-report" if attachment.tool else "evidence",
        "url": uri_of(attachment.path, root),
        "hashes": [{"alg": "SHA-256", "content": attachment.digest}],
    }
    if attachment.claim:
        reference["comment"] = printable(attachment.claim)
    return reference


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


def _properties(result: UnitResult, findings: Sequence[Finding], size: str = "") -> list[tuple[str, str]]:
    """Return what is said of a file besides, as names and values."""
    own = result.artifacts[0].scanners if result.artifacts else ()
    named = (
        ("verdict", result.verdict.value),
        ("risk_score", f"{risk_score(findings):.1f}"),
        ("size", size or str(result.unit.size)),
        ("format", ", ".join(own)),
        ("signer", ", ".join(values([fact for fact in result.facts if not fact.locator.members], "signature"))),
    )
    properties = [(name, value) for name, value in named if value]
    return properties + [("not_scanned", _reason(problem)) for problem in result.problems]


def _property_list(properties: Iterable[tuple[str, str]], margin: str) -> str:
    """Return properties as `indented` has them, at a tenth of the time."""
    item, line = f"\n{margin}{INDENT}", f"\n{margin}{INDENT * 2}"
    texts = [
        f'{item}{{{line}"name": "modelsweep:{name}",{line}"value": {quoted(value)}{item}}}'
        for name, value in properties
    ]
    return f"[{','.join(texts)}\n{margin}]"


def _reason(problem: Problem) -> str:
    members = "!".join(problem.locator.members)
    return printable(f"{problem.kind.value}: {members + ': ' if members else ''}{problem.detail}", NAME)


def _position(finding: Finding) -> str:
    where = ["!".join(finding.locator.members)] if finding.locator.members else []
    where += [f"pos {finding.span.offset}"] if finding.span else []
    return printable(" ".join(where), NAME)


def _property(name: str, value: str) -> JsonObject:
    return {"name": f"modelsweep:{name}", "value": value}


def section(report: Report, view: View, _brief: Json) -> Draft:
    """Return a section of the bill."""
    return Draft(report, view)
