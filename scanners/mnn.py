"""MNN: a FlatBuffer of operators and tensors, whose weights may be in another file.

Schema: https://github.com/alibaba/MNN/blob/master/schema/default/MNN.fbs. It has no identifier, so a model is
recognised by its operators and names. A plug-in is native code of the program that loads the model, looked up by name;
the path of external weights is opened unchanged.
"""

from __future__ import annotations

from collections.abc import Iterator

from modelsweep.core.finding import Fact, Finding, Json, Rule, Severity, Span
from modelsweep.core.scanner import Blob, Context, Item, Malformed, Scanner, Signs
from modelsweep.core.text import printable
from scanners.parsing.flatbuffer import FlatBuffer, Table

NAME = "mnn"
_SUFFIX = ".mnn"
_OPERATORS, _NAMES, _SUBGRAPHS = 3, 7, 10
_PARAMETER, _INPUTS, _OUTPUTS, _KIND, _EXTERNAL = 2, 0, 4, 5, 7
_NODES = 4
"""Field of the operators in a subgraph."""
_PLUGIN, _EXTRA = 256, 512
_KINDS = range(1 << 12)
_ROOTS = range(8, 1 << 16)
_SHOWN = 100
_MAX_PATH = 1_100

PLUGIN = Rule(
    id="mnn/plugin",
    title="Model that needs a plug-in",
    severity=Severity.INFO,
    message="the model needs the plug-in {subject}",
    why="A plug-in is native code that the program registers before it loads the model. The model chooses which one "
    "runs.",
    fix="Take plug-ins from their publisher, not from where you got the model.",
    confidence="medium",
    cwe=829,
    references=("https://github.com/alibaba/MNN/blob/master/schema/default/MNN.fbs",),
)


def accepts(blob: Blob) -> bool:
    """Return whether operators and tensor names are where a model has them; the suffix also admits a damaged one."""
    root = int.from_bytes(blob.head[:4], "little")
    if root % 4 or root not in _ROOTS or root >= blob.size:
        return blob.locator.suffix == _SUFFIX and blob.size > 0
    return blob.locator.suffix == _SUFFIX or _is_model(blob)


def _is_model(blob: Blob) -> bool:
    """Return whether the first operator has a valid kind and an output, and the first tensor a name."""
    try:
        model = FlatBuffer(blob.reader).root()
        operator = next(model.tables(_OPERATORS), None)
        name = next(model.texts(_NAMES, _SHOWN), "")
        if operator is None or not name.isprintable() or not name:
            return False
        return operator.number(_KIND, "i") in _KINDS and operator.vector(_OUTPUTS, 4).length > 0
    except Malformed:
        return False


def scan(blob: Blob, context: Context) -> Iterator[Item]:
    """Yield plug-ins and external files of weights; raises Malformed."""
    yield Fact("framework", NAME, blob.locator)
    model = FlatBuffer(blob.reader, context).root()
    if not model.count(_OPERATORS):
        raise Malformed("the model has no operators")
    reported: set[tuple[int, str]] = set()
    for operator in _operators(model):
        yield from _operator(blob, operator, reported)


def _operators(model: Table) -> Iterator[Table]:
    yield from model.tables(_OPERATORS)
    for subgraph in model.tables(_SUBGRAPHS):
        yield from subgraph.tables(_NODES)


def _operator(blob: Blob, operator: Table, reported: set[tuple[int, str]]) -> Iterator[Item]:
    kind = operator.number(_KIND, "i")
    if kind in (_PLUGIN, _EXTRA):
        parameter = operator.table(_PARAMETER)
        name = printable(parameter.text(0, _SHOWN), _SHOWN) if parameter else ""
        if (kind, name) not in reported:
            reported.add((kind, name))
            yield Finding(PLUGIN, blob.locator, name or "without a name", span=Span(operator.position))
    path = printable(operator.text(_EXTERNAL, _MAX_PATH), _MAX_PATH)
    if path and (_EXTERNAL, path) not in reported:
        reported.add((_EXTERNAL, path))
        detail: dict[str, Json] = {"framework": NAME, "used_by": "the weights of an operator"}
        yield Fact("external-file", path, blob.locator, Span(operator.position), detail)


SCANNER = Scanner(
    name=NAME,
    title="MNN",
    version=1,
    accepts=accepts,
    scan=scan,
    rules=(PLUGIN,),
    suffixes=(_SUFFIX,),
    signs=Signs(suffixes=(_SUFFIX,), at=((2, (b"\0\0",)),)),
)
