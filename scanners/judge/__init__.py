"""From facts to findings: pure functions, so that stored facts can be judged again under new rules.

The tuple is the whole list of judges.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from modelsweep.core.finding import Fact, Finding, Rule
from modelsweep.core.options import Options
from modelsweep.core.values import dataclass
from scanners.judge import (
    blacklist,
    code_references,
    external_files,
    java_classes,
    keras_layers,
    licences,
    operators,
    pickle_calls,
    python_code,
    python_compiled,
    repository,
    requirements,
    shell_commands,
    skops_nodes,
    templates,
    weights,
)


@dataclass(frozen=True, slots=True)
class Judge:
    """An opinion on the facts of some `kinds`: `findings` sees all of them of one unit, in the order extracted."""

    name: str
    version: int
    kinds: frozenset[str]
    findings: Callable[[Sequence[Fact], Options], Iterator[Finding]]
    rules: tuple[Rule, ...]


JUDGES: tuple[Judge, ...] = (
    Judge("pickle-calls", 3, pickle_calls.KINDS, pickle_calls.findings, pickle_calls.RULES),
    Judge("templates", 1, templates.KINDS, templates.findings, templates.RULES),
    Judge("configs", 3, code_references.KINDS, code_references.findings, code_references.RULES),
    Judge("operators", 2, operators.KINDS, operators.findings, operators.RULES),
    Judge("external-files", 2, external_files.KINDS, external_files.findings, external_files.RULES),
    Judge("keras-layers", 1, keras_layers.KINDS, keras_layers.findings, keras_layers.RULES),
    Judge("python-code", 4, python_code.KINDS, python_code.findings, python_code.RULES),
    Judge("python-compiled", 2, python_compiled.KINDS, python_compiled.findings, python_compiled.RULES),
    Judge("repository", 3, repository.KINDS, repository.findings, repository.RULES),
    Judge("requirements", 1, requirements.KINDS, requirements.findings, requirements.RULES),
    Judge("commands", 2, shell_commands.KINDS, shell_commands.findings, shell_commands.RULES),
    Judge("skops-nodes", 2, skops_nodes.KINDS, skops_nodes.findings, skops_nodes.RULES),
    Judge("java-classes", 1, java_classes.KINDS, java_classes.findings, java_classes.RULES),
    Judge("licences", 1, licences.KINDS, licences.findings, licences.RULES),
    Judge("weights", 1, weights.KINDS, weights.findings, weights.RULES),
    Judge("blacklist", 1, blacklist.KINDS, blacklist.findings, blacklist.RULES),
)

JUDGED = frozenset(rule.id for item in JUDGES for rule in item.rules)
"""The rules whose findings are opinions on facts: they are found anew in stored facts."""


def judge(facts: Sequence[Fact], options: Options) -> Iterator[Finding]:
    """Yield what all judges find in the facts of one unit."""
    for item in JUDGES:
        concerned = [fact for fact in facts if fact.kind in item.kinds]
        if concerned:
            yield from item.findings(concerned, options)
