"""Graphs whose output depends on tests of their own input.

All findings are INFO, because honest models also have a few such places (a business rule beside a network, the end of
a sentence).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from modelsweep.core.finding import Fact, Finding, Json, Rule, Severity
from modelsweep.core.locator import Locator
from modelsweep.core.options import Options

TRIGGER = Rule(
    id="graph/input-trigger",
    title="Output that depends on a test of the input (experimental)",
    severity=Severity.INFO,
    confidence="low",
    message="{operator} {subject} changes the output where {test} holds for input {inputs}; number of such places: "
    "{places}",
    why="Networks normally process their input through weights. Here, elements of the input are compared with "
    "constants; where the test is true, something else replaces what the network computed, or is added to it. A "
    "backdoor can be planted in a graph this way: it survives training and conversion, and the model behaves well "
    "until its author shows it the trigger. Hand-written rules beside a network look the same, so this is a hint, not "
    "proof.",
    fix="Look at this node, and at what is compared, in a graph viewer. Ask the author what it is for, or export the "
    "model again from its source and compare.",
    cwe=506,
    references=(
        "https://hiddenlayer.com/innovation-hub/shadowlogic",
        "https://arxiv.org/abs/2511.00664",
        "https://research.jfrog.com/model-threats/onnx-backdoor",
    ),
)
KINDS = frozenset({"input-branch"})
RULES = (TRIGGER,)


def findings(facts: Sequence[Fact], _options: Options) -> Iterator[Finding]:
    """Yield the first place of each graph, with their number."""
    graphs: dict[Locator, list[Fact]] = {}
    for fact in facts:
        graphs.setdefault(fact.locator, []).append(fact)
    for locator, places in graphs.items():
        detail = places[0].detail
        named = detail["inputs"]
        inputs = ", ".join(map(str, named)) if isinstance(named, list) else ""
        evidence: dict[str, Json] = {
            "operator": detail["operator"],
            "test": detail["test"],
            "inputs": inputs,
            "places": len(places),
        }
        yield Finding(TRIGGER, locator, places[0].value, evidence=evidence)
