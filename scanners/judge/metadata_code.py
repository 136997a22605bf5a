"""Metadata that is code: honest metadata has notes and settings, and its loader runs none of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from modelsweep.core.finding import Fact, Finding, Rule, Severity
from modelsweep.core.options import Options

CODE = Rule(
    id="metadata/code",
    title="Metadata that contains code",
    severity=Severity.WARNING,
    message="{path} is {how}: {subject}",
    why="No loader runs it by itself. But a second step, in a script or a service that looks just as harmless, can "
    "take its code from harmless-looking weights, and programs that pass settings to a shell or to Python run it.",
    fix="Ask who put it there, and why. Do not pass this model's metadata to anything that evaluates it.",
    confidence="medium",
    cwe=506,
    references=("https://attack.mitre.org/techniques/T1027/009/",),
)
KINDS = frozenset({"metadata-code"})
RULES = (CODE,)


def findings(facts: Sequence[Fact], _options: Options) -> Iterator[Finding]:
    """Yield each text that is code, once per place."""
    for fact in facts:
        path, how = str(fact.detail["path"]), str(fact.detail["how"])
        yield Finding(CODE, fact.locator, fact.value, path=path, evidence={"how": how})
