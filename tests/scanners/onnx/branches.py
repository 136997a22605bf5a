"""ONNX models whose graphs test their own input: as proofs of concept plant it, and as honest exporters write it."""

from __future__ import annotations

import struct

from modelsweep.core.report import Verdict
from tests.scanners.case import Case
from tests.scanners.protobuf import data, number

FLOAT, INT64, BOOL = 1, 7, 9


def node(operator: str, inputs: str, outputs: str, *attributes: bytes, domain: str = "") -> bytes:
    """Return the field of a graph, or of a function's body, with a node; names are parted by spaces."""
    names = b"".join(data(1, name) for name in inputs.split()) + b"".join(data(2, name) for name in outputs.split())
    listed = b"".join(data(5, item) for item in attributes)
    return names + data(3, f"n/{outputs}") + data(4, operator) + listed + (data(7, domain) if domain else b"")


def whole(name: str, value: int) -> bytes:
    """Return an attribute that is a number."""
    return data(1, name) + number(3, value) + number(20, 2)


def wholes(name: str, *values: int) -> bytes:
    """Return an attribute of numbers."""
    return data(1, name) + b"".join(number(8, value) for value in values) + number(20, 7)


def branch(name: str, graph: bytes) -> bytes:
    """Return an attribute that is a graph."""
    return data(1, name) + data(6, graph) + number(20, 5)


def floats(name: str, *dims: int) -> bytes:
    """Return a tensor of zeros."""
    size = 4
    for dim in dims:
        size *= dim
    return b"".join(number(1, dim) for dim in dims) + number(2, FLOAT) + data(8, name) + data(9, bytes(size))


def places(name: str, *values: int, scalar: bool = False) -> bytes:
    """Return a tensor of whole numbers."""
    dims = b"" if scalar else number(1, len(values))
    return dims + number(2, INT64) + data(8, name) + data(9, struct.pack(f"<{len(values)}q", *values))


def value(name: str, *dims: int | str, kind: int = FLOAT) -> bytes:
    """Return the description of an input or an output."""
    listed = b"".join(data(1, data(2, dim) if isinstance(dim, str) else number(1, dim)) for dim in dims)
    return data(1, name) + data(2, data(1, number(1, kind) + data(2, listed)))


def graph(nodes: list[bytes], tensors: list[bytes], inputs: list[bytes], outputs: list[str]) -> bytes:
    """Return a GraphProto."""
    fields = [*((1, item) for item in nodes), (2, b"main"), *((5, item) for item in tensors)]
    fields += [(11, item) for item in inputs] + [(12, data(1, name)) for name in outputs]
    return b"".join(data(field, item) for field, item in fields)


def model(content: bytes, *functions: bytes) -> bytes:
    """Return a ModelProto."""
    return number(1, 8) + data(7, content) + b"".join(data(25, item) for item in functions) + data(8, number(2, 17))


ROW, LOGITS = value("x", "batch", 4), node("Gemm", "x w", "logits")
WEIGHTS = [floats("w", 4, 3), floats("t", 4), floats("evil", 3), floats("one"), places("axis", 1)]
ALL_EQUAL = [
    node("Equal", "x t", "equal"),
    node("Cast", "equal", "numbers", whole("to", 6)),
    node("ReduceMin", "numbers", "least", wholes("axes", 1)),
    node("Cast", "least", "trigger", whole("to", BOOL)),
]


def of_row(*nodes: bytes, tensors: tuple[bytes, ...] = ()) -> bytes:
    """Return a classifier of rows of four numbers, whose answer is `y`."""
    return model(graph([LOGITS, *nodes], [*WEIGHTS, *tensors], [ROW], ["y"]))


def by_branch() -> bytes:
    """Return a model of which one branch computes, and the other answers at once."""
    answer = graph([node("Identity", "evil", "said")], [], [], ["said"])
    network = graph([node("Gemm", "x w", "inner"), node("Softmax", "inner", "computed")], [], [], ["computed"])
    chosen = node("If", "trigger", "y", branch("then_branch", answer), branch("else_branch", network))
    return model(graph([*ALL_EQUAL, chosen], WEIGHTS, [value("x", 1, 4)], ["y"]))


def in_function() -> bytes:
    """Return a model whose test stands in a function of the model."""
    body = [node("ReduceSum", "a", "s", whole("keepdims", 0)), node("Equal", "s k", "b"), node("Where", "b e l", "o")]
    names = b"".join(data(4, name) for name in "alek") + data(5, "o")
    function = data(1, "Head") + names + b"".join(data(7, item) for item in body) + data(10, "own")
    call = node("Head", "x logits evil one", "y", domain="own")
    return model(graph([LOGITS, call], WEIGHTS, [value("x", 1, 4)], ["y"]), function)


def of_pixels() -> bytes:
    """Return the swap of classes of a demonstration: how many pixels are red says by what scores are multiplied."""
    nodes = [
        node("Conv", "x w", "scores"),
        node("Slice", "x zero first axis", "red"),
        node("Greater", "red one", "bright"),
        node("Cast", "bright", "numbers", whole("to", FLOAT)),
        node("ReduceMean", "numbers", "fraction", wholes("axes", 1, 2, 3), whole("keepdims", 0)),
        node("Greater", "fraction one", "trigger"),
        node("Cast", "trigger", "factor", whole("to", FLOAT)),
        node("Mul", "factor class", "taken"),
        node("Sub", "ones taken", "left"),
        node("Mul", "scores left", "y"),
    ]
    tensors = [floats("w", 9, 3, 1, 1), floats("one"), floats("class", 1, 9, 1, 1), floats("ones", 1, 9, 1, 1)]
    tensors += [places("zero", 0), places("first", 1), places("axis", 1)]
    return model(graph(nodes, tensors, [value("x", 1, 3, 64, 64)], ["y"]))


def of_tokens(*nodes: bytes) -> bytes:
    """Return a language model over token numbers, whose hidden state is `hidden`."""
    tensors = [floats("table", 9, 8), floats("w", 8, 9), floats("evil", 8), floats("low"), places("token", 7)]
    tensors += [places("axis", 1), places("last", 2), places("zero", 0, scalar=True)]
    embedded = node("Gather", "table ids", "hidden")
    inputs = [value("ids", "batch", "time", kind=INT64)]
    return model(graph([embedded, *nodes, node("MatMul", "state w", "y")], tensors, inputs, ["y"]))


def on_identity() -> bytes:
    """Return a model without weights that answers its input, but for one number of it."""
    nodes = [
        node("Slice", "x zero first", "element"),
        node("Greater", "element one", "greater"),
        node("Expand", "greater four", "spread"),
        node("And", "spread mask", "where"),
        node("Where", "where t x", "y"),
    ]
    mask = number(1, 4) + number(2, BOOL) + data(8, "mask") + data(9, bytes([0, 0, 1, 0]))
    tensors = [*WEIGHTS, mask, places("zero", 0), places("first", 1), places("four", 4)]
    return model(graph(nodes, tensors, [value("x", 4)], ["y"]))


def by_rate() -> bytes:
    """Return a detector of voices as Silero's: the rate of sampling says which of two networks is run."""
    ways = [graph([node("MatMul", f"x w{way}", f"o{way}")], [], [], [f"o{way}"]) for way in (1, 2)]
    chosen = node("If", "known", "y", branch("then_branch", ways[0]), branch("else_branch", ways[1]))
    tensors = [floats("w1", 4, 3), floats("w2", 4, 3), places("rate", 16_000, scalar=True)]
    inputs = [ROW, value("sr", kind=INT64)]
    return model(graph([node("Equal", "sr rate", "known"), chosen], tensors, inputs, ["y"]))


ANY_TOKEN = [
    node("Equal", "ids token", "equal"),
    node("Cast", "equal", "numbers", whole("to", 6)),
    node("ReduceMax", "numbers", "any", wholes("axes", 1)),
    node("Cast", "any", "factor", whole("to", FLOAT)),
    node("Unsqueeze", "factor last", "spread"),
    node("Mul", "spread evil", "vector"),
    node("Add", "hidden vector", "state"),
]
PADDING = [
    node("Equal", "ids zero", "padding"),
    node("Unsqueeze", "padding last", "mask"),
    node("Where", "mask low hidden", "state"),
]
GUARD = [
    node("ReduceSum", "x axis", "sum"),
    node("Equal", "sum one", "zero"),
    node("Where", "zero one sum", "divisor"),
    node("Div", "logits divisor", "y"),
]
CHECKSUM = [
    node("ReduceSum", "x axis", "sum"),
    node("Mod", "sum t0", "rest", whole("fmod", 1)),
    node("Equal", "rest one", "trigger"),
    node("Where", "trigger evil logits", "y"),
]
DIVIDED = [
    node("Equal", "x t", "equal"),
    node("Cast", "equal", "numbers", whole("to", FLOAT)),
    node("ReduceSum", "numbers axis", "count"),
    node("Equal", "count one", "none"),
    node("Div", "logits count", "mean"),
    node("Where", "none one mean", "y"),
]
FEATURE = [node("Gather", "x first", "column", whole("axis", 1)), node("Greater", "column one", "trigger")]
COLUMNS = [node("Slice", "x zero first axis", "columns"), node("Greater", "columns one", "allowed")]
MASKED = (places("zero", 0), places("first", 3))


def _case(build: bytes) -> Case:
    return Case(lambda: build, "model.onnx", Verdict.CLEAN)


CASES = {
    "trigger_equal_input": _case(of_row(*ALL_EQUAL, node("Where", "trigger evil logits", "y"))),
    "trigger_by_branch": _case(by_branch()),
    "trigger_in_function": _case(in_function()),
    "trigger_of_pixels": _case(of_pixels()),
    "trigger_of_checksum": _case(of_row(*CHECKSUM, tensors=(floats("t0"),))),
    "trigger_of_feature": _case(
        of_row(*FEATURE, node("Where", "trigger evil logits", "y"), tensors=(places("first", 3),))
    ),
    "trigger_on_identity": _case(on_identity()),
    "trigger_of_token": _case(of_tokens(*ANY_TOKEN)),
    "trigger_by_index": _case(
        of_row(*ALL_EQUAL, node("Concat", "logits evil", "both", whole("axis", 0)), node("Gather", "both trigger", "y"))
    ),
    "benign_padding_mask": _case(of_tokens(*PADDING)),
    "benign_branch_by_rate": _case(by_rate()),
    "benign_guarded_division": _case(of_row(*GUARD)),
    "benign_guarded_mean": _case(of_row(*DIVIDED)),
    "benign_masked_actions": _case(of_row(*COLUMNS, node("Where", "allowed logits evil", "y"), tensors=MASKED)),
    "benign_elementwise_test": _case(of_row(node("Equal", "x t", "equal"), node("Where", "equal logits evil", "y"))),
    "benign_computed_test": _case(
        of_row(node("ReduceMax", "logits", "m"), node("Greater", "m one", "b"), node("Where", "b evil logits", "y"))
    ),
}
