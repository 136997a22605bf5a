"""From the sources of all examined versions to one verdict per class: what fails in any version fails."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from modelsweep.learning.load_hooks import SETTER, HookChecker, Verdict
from modelsweep.learning.source_index import ClassSource, Sources
from scripts.inert.examined import LISTED, WILDCARDS, is_left_out
from scripts.inert.reviewed_names import CALLABLE_BASES, RULE_BASES, RULED_HOOKS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PLAIN = "plain-state"
"""The rule of classes of which only `__setattr__` does not pass: no state that is a dictionary goes through it."""
NOT_READ = frozenset({"idlelib", "lib2to3", "tkinter", "turtledemo", "test", "antigravity", "this"})
CLASS_NAME = re.compile(r"_{0,2}[A-Z]\w*(\._{0,2}[A-Z]\w*)*", re.ASCII)


@dataclass
class Derived:
    """Verdicts by class path, and what the checks met on the way."""

    verdicts: dict[str, Verdict] = field(default_factory=dict)
    modules: dict[str, str] = field(default_factory=dict)  # class path → the module part of it
    rules: dict[str, str] = field(default_factory=dict)
    refused: set[str] = field(default_factory=set)  # of which some version passes under no rule
    callable_classes: set[str] = field(default_factory=set)
    called_attributes: set[str] = field(default_factory=set)
    standard_refusals: set[str] = field(default_factory=set)

    def add(self, module: str, name: str, verdict: Verdict) -> None:
        """Join the verdict of one version: a refusal of any version stays."""
        path = f"{module}.{name}"
        known = self.verdicts.get(path)
        if known is not None:
            verdict = Verdict(
                refusal=known.refusal or verdict.refusal,
                setters=tuple(sorted({*known.setters, *verdict.setters})),
                is_enum=known.is_enum and verdict.is_enum,
            )
        self.verdicts[path] = verdict
        self.modules[path] = module


def examine(worlds: list[tuple[Path, ...]], standard_library: Path) -> Derived:
    """Judge every class of the examined packages in every world (roots in order of precedence)."""
    derived = Derived()
    packages = dict.fromkeys([one.partition(".")[0] for one in WILDCARDS] + list(LISTED))
    for roots in worlds:
        for package in packages:
            if (roots[0] / package).exists() or (roots[0] / f"{package}.py").exists():
                _examine_package(derived, Sources(roots), package)
    library = Sources([standard_library])
    checker = HookChecker(library)
    for module in sorted(sys.stdlib_module_names - NOT_READ):
        for found in _classes(library, module):
            verdict = checker.judge(found)
            if verdict.refusal:
                derived.standard_refusals.add(found.name)
            elif verdict.is_enum:
                derived.add(found.module, found.name, verdict)
    return derived


def _examine_package(derived: Derived, sources: Sources, package: str) -> None:
    """Judge one package of one world; what was parsed for it is then forgotten (gigabytes for the larger ones)."""
    checker = HookChecker(sources)
    beside_rules = HookChecker(sources, accepted=frozenset(RULED_HOOKS))
    plain = HookChecker(sources, plain=True)
    for found in _classes(sources, package):
        if is_left_out(found.module):
            continue
        verdict = checker.judge(found)
        paths = [f"{module}.{found.name}" for module in (found.module, *found.renamed)]
        rule = next((rule for hook, rule in RULED_HOOKS.items() if verdict.refusal.startswith(f"{hook}: ")), "")
        if rule and beside_rules.judge(found).refusal:
            rule = ""
        if f".{SETTER}" in verdict.refusal.partition(" ")[0] and not plain.judge(found).refusal:
            rule = PLAIN
        if rule:
            derived.rules |= dict.fromkeys(paths, rule)
        elif verdict.refusal:
            derived.refused.update(paths)
        for module in (found.module, *found.renamed):
            derived.add(module, found.name, verdict)
            _note_bases(derived, checker, found, f"{module}.{found.name}")
    derived.called_attributes |= checker.called_attributes


def _classes(sources: Sources, package: str) -> Iterator[ClassSource]:
    for name in sources.module_names(package):
        module = sources.module(name)
        if module is not None:
            yield from module.classes.values()


def _note_bases(derived: Derived, checker: HookChecker, found: ClassSource, path: str) -> None:
    above = {one.path for one in checker.ancestry(found)}
    for base, rule in RULE_BASES.items():
        if base in above:
            derived.rules[path] = rule
    if above.intersection(CALLABLE_BASES):
        derived.callable_classes.add(path)
