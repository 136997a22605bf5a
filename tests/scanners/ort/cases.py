"""Models in ONNX Runtime's own format: operators, files and edges, in graphs and in those inside them."""

from __future__ import annotations

import struct
from collections.abc import Callable

from modelsweep.core.report import Verdict
from tests.scanners.case import Case
from tests.scanners.native_code import elf
from tests.scanners.tflite.flatbuffer import Fields, Number, Table, Vector, numbers, octets, text, written

Edge = tuple[int, int, int]
FLOAT, STRING, NUMBER, TEXT, TENSOR, GRAPH = 1, 8, 2, 3, 4, 5
CONTROL = (1 << 31) - 1


def edges(*listed: Edge) -> Vector:
    """Return ends of edges: a node, and the places among the arguments of source and target."""
    return Vector(b"".join(struct.pack("<Iii", *edge) for edge in listed), len(listed))


def attribute(
    name: str, *, string: str = "", number: int = 0, tensor: Table | None = None, graph: Table | None = None
) -> Table:
    """Return an attribute of a node."""
    kind = GRAPH if graph else TENSOR if tensor else TEXT if string else NUMBER
    held: Fields = {0: text(name), 2: Number(kind, "i"), 4: Number(number, "q")}
    if string:
        held[5] = text(string)
    if tensor:
        held[6] = tensor
    if graph:
        held[7] = graph
    return Table(held)


def node(kind: str, index: int = 0, *attributes: Table, domain: str = "", inputs: int = 1) -> Table:
    """Return a node with one output."""
    named: Fields = {0: text(f"{kind}_{index}"), 2: text(domain), 4: Number(index), 5: text(kind)}
    taken: list[Vector] = [text(f"v{number}") for number in range(inputs)]
    listed: Fields = {10: list(attributes)} if attributes else {}
    return Table({**named, 8: taken, 9: [text(f"o{index}")], **listed})


def tensor(data: bytes = bytes(24), dims: tuple[int, ...] = (2, 3), kind: int = FLOAT) -> Table:
    """Return an initializer."""
    held: Fields = {4: octets(data)} if kind != STRING else {5: [text("a"), text("b")]}
    return Table({0: text("weight"), 2: numbers(*dims, code="q"), 3: Number(kind, "i"), **held})


RELU, ADD = node("Relu", 0), node("Add", 1, inputs=2)
JOINED = (Table({0: Number(0), 2: edges((1, 0, 1))}), Table({0: Number(1), 1: edges((0, 0, 1), (0, CONTROL, CONTROL))}))


def graph(
    *nodes: Table, tensors: tuple[Table, ...] = (), joined: tuple[Table, ...] = (), sparse: Table | None = None
) -> Table:
    """Return a graph."""
    held: Fields = {2: list(nodes or (RELU, ADD)), 3: Number(2)}
    if tensors:
        held[0] = list(tensors)
    if joined:
        held[4] = list(joined)
    if sparse:
        held[7] = [Table({0: sparse, 1: sparse})]
    return Table(held)


def model(content: Table | None = None) -> bytes:
    """Return a session with its model."""
    entry = Table({0: text("author"), 1: text("somebody")})
    described: Fields = {0: Number(9, "q"), 1: [Table({0: text(""), 1: Number(18, "q")})], 2: text("pytorch")}
    inner = Table({**described, 7: content or graph(tensors=(tensor(),), joined=JOINED), 9: [entry]})
    return written(Table({0: text("6"), 1: inner}), b"ORTM")


def nested(depth: int, innermost: Table) -> Table:
    """Return graphs inside graphs."""
    for _ in range(depth):
        innermost = graph(node("If", 0, attribute("then_branch", graph=innermost)))
    return innermost


def case(build: Callable[[], bytes], verdict: Verdict, name: str = "model.ort") -> Case:
    """Return the case of a model."""
    return Case(build, name, verdict)


def clean(content: Table) -> Case:
    """Return the case of a model that is in order."""
    return case(lambda: model(content), Verdict.CLEAN)


def odd(content: Table) -> Case:
    """Return the case of a model to look at."""
    return case(lambda: model(content), Verdict.REVIEW)


def joined(own: int, *, to: Edge | None = None, by: Edge | None = None) -> Table:
    """Return a graph with one edge to a node, or by which it is reached."""
    listed: Fields = {**({1: edges(by)} if by else {}), **({2: edges(to)} if to else {})}
    return graph(joined=(Table({0: Number(own), **listed}),))


def compiled(path: str, embedded: int = 0) -> Table:
    """Return a graph whose work a device's compiler has done."""
    held = (attribute("ep_cache_context", string=path), attribute("embed_mode", number=embedded))
    return graph(node("EPContext", 0, *held, domain="com.microsoft"))


CASES = {
    "benign": case(model, Verdict.CLEAN),
    "benign_nested": clean(nested(3, graph())),
    "benign_tensors": clean(graph(tensors=(tensor(), tensor(kind=STRING), tensor(b"", (0,))), sparse=tensor())),
    "benign_attribute": clean(graph(node("Constant", 0, attribute("value", tensor=tensor())))),
    "benign_compiled": clean(compiled("model_ctx.bin")),
    "benign_embedded": clean(compiled("\x7fbinary", 1)),
    "benign_calls": clean(graph(node("ATen", 0, attribute("operator", string="embedding"), domain="org.pytorch.aten"))),
    "custom_domain": clean(graph(node("Attention", 0, domain="ai.acme"))),
    "python_operator": odd(graph(node("PyOp", 0, domain="ai.onnx.contrib"))),
    "python_operator_nested": odd(nested(4, graph(node("PythonOp", 0, domain="com.microsoft")))),
    "calls_files": odd(graph(node("ATen", 0, attribute("operator", string="from_file"), domain="org.pytorch.aten"))),
    "evil_path": case(lambda: model(compiled("../../../etc/passwd")), Verdict.MALICIOUS),
    "executable_in_tensor": case(
        lambda: model(graph(tensors=(tensor(elf() + bytes(-len(elf()) % 4), (-(-len(elf()) // 4),)),))),
        Verdict.MALICIOUS,
    ),
    "size_mismatch": odd(graph(tensors=(tensor(bytes(8)),))),
    "negative_size": odd(graph(tensors=(tensor(dims=(-2, 3)),))),
    "sparse_size_mismatch": odd(graph(sparse=tensor(bytes(8)))),
    "attribute_size_mismatch": odd(graph(node("Constant", 0, attribute("value", tensor=tensor(bytes(4)))))),
    "edge_to_no_node": odd(joined(0, to=(9, 0, 0))),
    "edge_of_no_node": odd(joined(7, by=(0, 0, 0))),
    "edge_to_no_input": odd(joined(0, to=(1, 0, 2))),
    "edge_from_no_output": odd(joined(1, by=(0, 1, 0))),
    "edge_to_negative_input": odd(joined(1, by=(0, 0, -5))),
    "nested_too_deep": case(lambda: model(nested(60, graph())), Verdict.NOT_SCANNED),
    "without_graph": case(
        lambda: written(Table({0: text("6"), 1: Table({0: Number(9)})}), b"ORTM"), Verdict.NOT_SCANNED
    ),
    "identifier_only": case(lambda: b"\xff\xff\xff\x7fORTM" + bytes(64), Verdict.NOT_SCANNED),
}
