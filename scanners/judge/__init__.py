"""Judges turn facts into findings with pure functions, so that stored facts can be judged again under new rules.

The tuple lists all judges. Each is a module with `KINDS`, `findings` and `RULES`, which is loaded when there are facts
of its kinds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import import_module
from typing import cast

from modelsweep.core.finding import FILE_LINE, Fact, Finding, Json, Rule
from modelsweep.core.locator import Locator
from modelsweep.core.options import Options
from modelsweep.core.values import dataclass, replace
from scanners.judge.index import JUDGES as INDEX
from scanners.late import Late


@dataclass(frozen=True, slots=True)
class Judge:
    """A judge of the facts of some `kinds`: `findings` gets all of those of one unit, in the order of extraction."""

    name: str
    version: int
    kinds: frozenset[str]
    findings: Callable[[Sequence[Fact], Options], Iterator[Finding]]
    rules: tuple[Rule, ...]


def _judge(name: str, version: int, module: str) -> Judge:
    """Return the judge of a module of this package, which is loaded now only if it is not in the index."""
    if module not in INDEX:
        return loaded_judge(name, version, module)
    known = {"name": name, "version": version, **INDEX[module], "kinds": frozenset(INDEX[module]["kinds"])}
    return cast(Judge, Late(lambda: loaded_judge(name, version, module), known))


def loaded_judge(name: str, version: int, module: str) -> Judge:
    """Load a module of this package and return its judge."""
    found = import_module(f"scanners.judge.{module}")
    return Judge(name, version, found.KINDS, found.findings, found.RULES)


LISTED = (
    ("pickle-calls", 35, "pickle_calls"),
    ("templates", 5, "templates"),
    ("configs", 12, "code_references"),
    ("operators", 7, "operators"),
    ("external-files", 7, "external_files"),
    ("keras-layers", 3, "keras_layers"),
    ("python-code", 21, "python_code"),
    ("python-compiled", 2, "python_compiled"),
    ("repository", 9, "repository"),
    ("requirements", 3, "requirements"),
    ("commands", 8, "shell_commands"),
    ("persistence", 2, "start_orders"),
    ("shortcuts", 1, "shortcuts"),
    ("skops-nodes", 3, "skops_nodes"),
    ("java-classes", 3, "java_classes"),
    ("dotnet-classes", 1, "dotnet_classes"),
    ("julia-names", 1, "julia_names"),
    ("ruby-classes", 1, "ruby_classes"),
    ("metadata-code", 1, "metadata_code"),
    ("licences", 2, "licences"),
    ("weights", 1, "weights"),
    ("graph-branches", 1, "input_branches"),
    ("blacklist", 1, "blacklist"),
)
"""Names, versions and modules."""
JUDGES: tuple[Judge, ...] = tuple(_judge(*listed) for listed in LISTED)


JUDGED = frozenset(
    rule for judge in JUDGES for rule in (judge.judged if isinstance(judge, Late) else [own.id for own in judge.rules])
)
"""The rules whose findings come from judges, and are derived again from stored facts."""


def judge(facts: Sequence[Fact], options: Options) -> Iterator[Finding]:
    """Yield what all judges find in the facts of one unit."""
    present = {fact.kind for fact in facts}
    lines = _lines_of(facts)
    for item in JUDGES:
        if not present.isdisjoint(item.kinds):
            found = item.findings([fact for fact in facts if fact.kind in item.kinds], options)
            yield from (_placed(finding, lines) for finding in found) if lines else found


_Place = tuple[Locator, str, object]


def _lines_of(facts: Sequence[Fact]) -> dict[_Place, Json]:
    """Return the line numbers of settings and calls, from the facts that have one."""
    lines: dict[_Place, Json] = {}
    for fact in facts:
        if FILE_LINE in fact.detail:
            where = fact.detail.get("path") or fact.detail.get("line")
            lines.setdefault((fact.locator, fact.value, where), fact.detail[FILE_LINE])
            lines.setdefault((fact.locator, "", where), fact.detail[FILE_LINE])
    return lines


def _placed(finding: Finding, lines: Mapping[_Place, Json]) -> Finding:
    """Return `finding` with its line number, if a fact about the same place has one."""
    where = finding.path or finding.evidence.get("line")
    line = lines.get((finding.locator, finding.subject, where)) or lines.get((finding.locator, "", where))
    return replace(finding, evidence={**finding.evidence, FILE_LINE: line}) if line else finding
