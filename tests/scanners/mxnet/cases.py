"""Graphs of MXNet with operators that are code of the process, and arrays that do not fit their file."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable

from modelsweep.core.finding import Json
from modelsweep.core.report import Verdict
from tests.scanners.case import Case


def node(operator: str, name: str, **attributes: Json) -> Json:
    """Return a node."""
    return {"op": operator, "name": name, "attrs": attributes, "inputs": []}


def graph(*nodes: Json) -> bytes:
    """Return a graph as MXNet saves it."""
    listed = [node("null", "data"), node("FullyConnected", "fc", num_hidden="10"), *nodes]
    content = {"nodes": listed, "arg_nodes": [0], "node_row_ptr": [0, 1], "heads": [[1, 0, 0]]}
    return json.dumps({**content, "attrs": {"mxnet_version": ["int", 10900]}}, indent=2).encode()


def array(*shape: int, dtype: int = 0, kind: int = 0) -> bytes:
    """Return what stands in front of an array."""
    sizes = struct.pack(f"<i{len(shape)}q", len(shape), *shape)
    return struct.pack("<Ii", 0xF993FAC9, kind) + sizes + struct.pack("<iii", 1, 0, dtype)


def params(*arrays: bytes, names: tuple[str, ...] = ("arg:fc_weight", "arg:fc_bias"), count: int = 0) -> bytes:
    """Return a file of arrays."""
    listed = arrays or (array(2, 3) + bytes(24), array(4, dtype=2) + bytes(8))
    named = b"".join(struct.pack("<Q", len(name)) + name.encode() for name in names)
    return (
        struct.pack("<QQQ", 0x112, 0, count or len(listed)) + b"".join(listed) + struct.pack("<Q", len(names)) + named
    )


def case(build: Callable[[], bytes], verdict: Verdict, name: str = "model-symbol.json") -> Case:
    """Return the case of a file."""
    return Case(build, name, verdict)


ONE = ("arg:w",)
INNER: Json = {"nodes": [node("Custom", "inner", op_type="acme")]}
LOOP: Json = {"op": "_foreach", "name": "loop", "inputs": [], "subgraphs": [INNER]}

CASES = {
    "benign": case(graph, Verdict.CLEAN),
    "benign_params": case(params, Verdict.CLEAN, "model-0000.params"),
    "benign_other_graph": case(
        lambda: json.dumps({"nodes": [{"op": "Custom"}], "edges": []}).encode(), Verdict.CLEAN, "graph.json"
    ),
    "benign_node_of_a_kind_custom": case(lambda: graph(node("Custom", "block", width=3)), Verdict.CLEAN),
    "custom_function": case(lambda: graph(node("_CustomFunction", "loss")), Verdict.REVIEW),
    "custom": case(lambda: graph(node("Custom", "loss", op_type="acme_softmax")), Verdict.REVIEW),
    "custom_in_loop": case(lambda: graph(LOOP), Verdict.REVIEW),
    "pointer": case(lambda: graph(node("_Native", "op", info="0x7f0011223344")), Verdict.MALICIOUS),
    "pointer_behind_a_long_value": case(
        lambda: b'{"note": "%b", ' % (b"x" * 5_000) + graph(node("_Native", "op", info="0x7f0011223344"))[1:],
        Verdict.MALICIOUS,
    ),
    "pointer_under_escaped_keys": case(
        lambda: graph(node("_Native", "op", info="0x7f0011223344")).replace(b'"arg_nodes"', rb'"\u0061rg_nodes"'),
        Verdict.MALICIOUS,
    ),
    "benign_mention": case(
        lambda: json.dumps({"fields": ["nodes", "arg_nodes"], "nodes": [node("_Native", "op")]}).encode(), Verdict.CLEAN
    ),
    "custom_behind_mark": case(
        lambda: b"\xef\xbb\xbf" + graph(node("Custom", "loss", op_type="acme_softmax")), Verdict.REVIEW, "model.params"
    ),
    "benign_attributes": case(
        lambda: graph(
            node(
                "Activation", "a", act_type="relu", __init__='["normal", {"sigma": 0.01}]', __note__="imported as a.b"
            ),
            node("_contrib_Proposal", "p.q/r", scales="(8, 16)"),
            node("Long" * 80, "l"),
            node("_npi.random", "libs.so far", file="so"),
        ),
        Verdict.CLEAN,
    ),
    "attribute_is_python": case(
        lambda: graph(node("Activation", "a", hook="__import__('os').system('echo modelsweep-test')")), Verdict.REVIEW
    ),
    "attribute_is_template": case(
        lambda: graph(node("Activation", "a", note="{{ ''.__class__.__mro__[1].__subclasses__() }}")),
        Verdict.REVIEW,
    ),
    "attribute_is_library": case(lambda: graph(node("Activation", "a", library="../lib/libacme.so.1")), Verdict.REVIEW),
    "operator_name": case(lambda: graph(node("<A" * 500, "a")), Verdict.REVIEW),
    "huge_array": case(lambda: params(array(1 << 40, 1 << 40), names=ONE), Verdict.NOT_SCANNED, "model.params"),
    "huge_count": case(lambda: params(count=1 << 60), Verdict.NOT_SCANNED, "model.params"),
    "sparse": case(lambda: params(array(2, kind=1), names=ONE), Verdict.NOT_SCANNED, "model.params"),
    "other_names": case(lambda: params(names=("a",)), Verdict.NOT_SCANNED, "model.params"),
    "trailing": Case(lambda: params() + bytes(9), "model.params", Verdict.NOT_SCANNED, cut_is_clean=True),
}
