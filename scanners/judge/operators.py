"""Operators that reach outside the graph they stand in: files, Python, native libraries."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from modelsweep.core.finding import Fact, Finding, Rule, Severity
from modelsweep.core.options import Options

_SHOWN = 5
"""Operators that are named of one custom domain."""

ONNX_PYTHON = Rule(
    id="onnx/python-operator",
    title="Operator that runs Python or PyTorch by name",
    severity=Severity.WARNING,
    message="node {path} is {subject}: {reason}",
    why="What such a node does is not in the model: it names code that the runtime finds and calls. "
    "It runs with the rights of whoever runs the model.",
    fix="Export the model without it. If it is needed, read the code that it names before you register it.",
    confidence="medium",
    cwe=829,
    references=(
        "https://github.com/microsoft/onnxruntime-extensions/blob/main/docs/custom_ops.md",
        "https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md",
    ),
)
ONNX_CUSTOM = Rule(
    id="onnx/custom-operator",
    title="Operators of a custom domain",
    severity=Severity.INFO,
    message="the model needs a library for the operators of {subject}: {operators}",
    why="The operators are native code of a library that must be loaded before the model. It runs with the rights of "
    "whoever loads it, and is not part of this file.",
    fix="Take the library from its publisher, not from where the model came from.",
    cwe=829,
    references=("https://onnxruntime.ai/docs/reference/operators/add-custom-op.html",),
)
_STANDARD = frozenset(
    {"", "ai.onnx", "ai.onnx.ml", "ai.onnx.training", "ai.onnx.preview", "ai.onnx.preview.training", "com.microsoft"}
)
_STANDARD_PREFIXES = ("com.microsoft.", "com.ms.internal.")
# Why, by name of operator, in any domain: interpreters have moved from one to another
_PYTHON = {
    "PyOp": "it calls a Python function or class that it names",
    "PyCustomOp": "it calls a Python function that it names",
    "PythonOp": "it calls a Python autograd function that it names",
    "PythonOpGrad": "it calls a Python autograd function that it names",
    "ATen": "it calls a PyTorch operator that it names, among which are some that open files",
    "TritonOp": "it calls a Python function that compiles and runs a kernel",
}
KINDS = frozenset({"operator"})
RULES = (ONNX_PYTHON, ONNX_CUSTOM)


def findings(facts: Sequence[Fact], _options: Options) -> Iterator[Finding]:
    """Yield operators that do more than compute, and those that this file does not define."""
    yield from _onnx([fact for fact in facts if fact.detail["framework"] == "onnx" and not fact.detail["defined"]])


def _onnx(facts: Sequence[Fact]) -> Iterator[Finding]:
    custom: dict[tuple[str, str], list[Fact]] = {}
    for fact in facts:
        domain, name = str(fact.detail["domain"]), str(fact.detail["name"])
        if name in _PYTHON:
            evidence = {"reason": _PYTHON[name]}
            node = str(fact.detail["node"]) or "without a name"
            yield Finding(ONNX_PYTHON, fact.locator, fact.value, path=node, span=fact.span, evidence=evidence)
        elif domain not in _STANDARD and not domain.startswith(_STANDARD_PREFIXES):
            custom.setdefault((str(fact.locator), domain), []).append(fact)
    for (_, domain), used in custom.items():
        names = ", ".join(str(fact.detail["name"]) for fact in used[:_SHOWN])
        more = f" and {len(used) - _SHOWN} more" if len(used) > _SHOWN else ""
        yield Finding(ONNX_CUSTOM, used[0].locator, domain, span=used[0].span, evidence={"operators": names + more})
