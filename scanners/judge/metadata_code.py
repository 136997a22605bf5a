"""Metadata that is code: a model has notes and settings there, and its loader runs none of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from modelsweep.core.finding import Fact, Finding, Rule, Severity
from modelsweep.core.options import Options

CODE = Rule(
    id="metadata/code",
    title="Metadata that holds code",
    severity=Severity.WARNING,
    message="{path} is {how}: {subject}",
    why="No loader runs it by itself. Weights that look harmless are where a second step, in a script or a service "
    "that looks harmless as well, takes its code from; and programs that hand settings to a shell or to Python run it.",
    fix="Ask who wrote it there, and what for. Do not hand the metadata of this model to anything that evaluates it.",
    confidence="medium",
    cwe=506,
    references=("https://attack.mitre.org/techniques/T1027/009/",),
)
KINDS = frozenset({"metadata-code"})
RULES = (CODE,)


def findings(facts: Sequence[Fact], _options: Options) -> Iterator[Finding]:
    """Yield each text that is code, once for its place."""
    for fact in facts:
        path, how = str(fact.detail["path"]), str(fact.detail["how"])
        yield Finding(CODE, fact.locator, fact.value, path=path, evidence={"how": how})
