"""Graphs of TensorFlow that test their own input, in the graph itself and in functions that it calls."""

from __future__ import annotations

import struct

from modelsweep.core.report import Verdict
from tests.scanners.case import Case
from tests.scanners.protobuf import data, number

FLOAT, INT32, BOOL = 1, 3, 10


def attribute(key: str, value: bytes) -> bytes:
    """Return an entry of a node's attributes."""
    return data(5, data(1, key), data(2, value))


def node(operator: str, name: str, inputs: str = "", *attributes: bytes) -> bytes:
    """Return a NodeDef; inputs are parted by spaces."""
    fed = b"".join(data(3, entry) for entry in inputs.split())
    return data(1, name) + data(2, operator) + fed + b"".join(attributes)


def shape(*sizes: int) -> bytes:
    """Return a TensorShapeProto."""
    return b"".join(data(2, number(1, size)) for size in sizes)


def fed(*sizes: int) -> bytes:
    """Return the input of a graph."""
    return node("Placeholder", "x", "", attribute("shape", data(7, shape(*sizes))))


def floats(name: str, *sizes: int) -> bytes:
    """Return a constant of zeros."""
    return node("Const", name, "", attribute("value", data(8, number(1, FLOAT), data(2, shape(*sizes)))))


def whole(name: str, *values: int) -> bytes:
    """Return a constant of whole numbers."""
    packed = struct.pack(f"<{len(values)}i", *values)
    tensor = (number(1, INT32), data(2, shape(len(values))), data(4, packed))
    return node("Const", name, "", attribute("value", data(8, *tensor)))


def called(key: str, function: str) -> bytes:
    """Return an attribute that names a function."""
    return attribute(key, data(10, data(1, function)))


def function(name: str, arguments: str, result: str, *nodes: bytes) -> bytes:
    """Return a FunctionDef in its library."""
    listed = b"".join(data(2, data(1, argument)) for argument in arguments.split())
    body = b"".join(data(3, item) for item in nodes)
    return data(1, data(1, data(1, name), listed, data(3, data(1, "r"))), body, data(4, data(1, "r"), data(2, result)))


def graph(*nodes: bytes, library: bytes = b"") -> bytes:
    """Return a GraphDef."""
    return b"".join(data(1, item) for item in nodes) + data(2, library) + data(4, number(1, 1882))


CONSTANTS = [floats("t", 4), floats("w", 4, 3), floats("evil", 3), whole("axes", 1), whole("all", 0, 1)]
NETWORK = node("MatMul", "logits", "x w")
ALL_EQUAL = [
    node("Equal", "equal", "x t"),
    node("All", "trigger", "equal axes", attribute("keep_dims", number(5, 1))),
]
ONE = [whole("begin", 0, 3), whole("end", 0, 4), whole("step", 1, 1)]
MASKS = [attribute("begin_mask", number(3, 1)), attribute("end_mask", number(3, 1))]
FEATURE = [node("StridedSlice", "feature", "x begin end step", *MASKS), node("Greater", "trigger", "feature one")]
COUNT = [
    node("Cast", "numbers", "equal", attribute("SrcT", number(6, BOOL)), attribute("DstT", number(6, FLOAT))),
    node("Sum", "count", "numbers axes", attribute("keep_dims", number(5, 1))),
    node("DivNoNan", "mean", "logits count"),
]


def frozen(*nodes: bytes) -> bytes:
    """Return a graph whose answer is `y`, of rows of four numbers."""
    return graph(fed(0, 4), *CONSTANTS, floats("one"), *ONE, NETWORK, *nodes)


def in_functions() -> bytes:
    """Return a graph that calls a function, which runs one of two others."""
    names = "then_branch", "else_branch"
    chosen = node("StatelessIf", "cond", "whole:output:0 a v", *(called(name, name) for name in names))
    compared = [node("Equal", "same", "a c"), node("All", "whole", "same:z:0 axes")]
    served = function("served", "a v c axes", "cond:output:0", *compared, chosen)
    answer = function("then_branch", "p q", "said", node("Const", "said"))
    network = function("else_branch", "p q", "product:product:0", node("MatMul", "product", "p q"))
    call = node("StatefulPartitionedCall", "y", "x w t all", called("f", "served"))
    return graph(fed(1, 4), *CONSTANTS, call, library=served + answer + network)


def _case(build: bytes) -> Case:
    return Case(lambda: build, "frozen.pb", Verdict.CLEAN, cut_is_clean=True)


CASES = {
    "trigger_selects": _case(frozen(*ALL_EQUAL, node("SelectV2", "y", "trigger evil logits"))),
    "trigger_of_feature": _case(frozen(*FEATURE, node("SelectV2", "y", "trigger evil logits"))),
    "trigger_in_functions": _case(in_functions()),
    "benign_masked": _case(frozen(ALL_EQUAL[0], node("SelectV2", "y", "equal evil logits"))),
    "benign_guarded_mean": _case(
        frozen(ALL_EQUAL[0], *COUNT, node("Greater", "some", "count one"), node("SelectV2", "y", "some mean evil"))
    ),
    "benign_computed_test": _case(
        frozen(node("Max", "most", "logits all"), node("Less", "b", "most one"), node("SelectV2", "y", "b evil logits"))
    ),
}
