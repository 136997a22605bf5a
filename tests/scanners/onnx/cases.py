"""ONNX models written field by field: operators and external files in every place where they may stand."""

from __future__ import annotations

import base64
from collections.abc import Callable

from modelsweep.core.report import Verdict
from tests.scanners.case import Case
from tests.scanners.onnx.branches import CASES as BRANCHES
from tests.scanners.payload import EVIL
from tests.scanners.protobuf import data, fixed32, group, number

FLOAT, INT64, STRING, INT4 = 1, 7, 8, 22
MEMORY = "*/_ORT_MEM_ADDR_/*"


def tensor(name: str = "w", dims: tuple[int, ...] = (2, 2), kind: int = FLOAT, raw: bytes = bytes(16)) -> bytes:
    """Return a TensorProto with its data inside."""
    return b"".join(number(1, size) for size in dims) + number(2, kind) + data(8, name) + data(9, raw)


def external(location: str, **entries: str) -> bytes:
    """Return a TensorProto with its data in another file."""
    pairs = {"location": location, **entries}
    listed = b"".join(data(13, data(1, key), data(2, value)) for key, value in pairs.items())
    return number(1, 4) + number(2, FLOAT) + data(8, "w") + listed + number(14, 1)


def node(op_type: str, *attributes: bytes, domain: str = "") -> bytes:
    """Return a NodeProto."""
    named = data(1, "x") + data(2, "y") + data(3, f"node_{op_type}") + data(4, op_type)
    return named + b"".join(data(5, item) for item in attributes) + (data(7, domain) if domain else b"")


def calling(operator: str) -> bytes:
    """Return a model with a node that calls an operator of PyTorch."""
    named = data(1, "operator") + data(4, operator)
    return model(graph(data(1, node("ATen", named, domain="org.pytorch.aten"))))


def interpreting(module: str, name: str) -> bytes:
    """Return a model with a node that calls a class of Python."""
    named = (data(1, key) + data(4, value) for key, value in (("module", module), ("class_name", name)))
    return model(graph(data(1, node("PyOp", *named, domain="ai.onnx.contrib"))))


def graph(*parts: bytes) -> bytes:
    """Return a GraphProto of fields."""
    return b"".join(parts) + data(2, "main")


def model(content: bytes, *more: bytes, version: int = 8) -> bytes:
    """Return a ModelProto; the operator sets come last, so that every cut is seen."""
    head = number(1, version) + data(2, "pytorch") + data(3, "2.4.0") + data(7, content)
    return head + b"".join(more) + data(8, number(2, 17))


def with_node(*parts: bytes) -> bytes:
    """Return a model of Gemm and other `parts` of its graph."""
    return model(graph(data(1, node("Gemm")), *parts))


def subgraph(inner: bytes) -> bytes:
    """Return a node whose branch is another graph."""
    return node("If", data(1, "then_branch") + data(6, inner) + number(20, 5))


def nested(depth: int) -> bytes:
    """Return a graph in a branch of a graph, and so on."""
    inner = graph(data(1, node("PyOp")))
    for _ in range(depth):
        inner = graph(data(1, subgraph(inner)))
    return inner


def compiled(context: str, embedded: int = 0, **more: str) -> bytes:
    """Return a model whose graph a device's compiler made, and keeps in `context`."""
    listed = [data(1, "ep_cache_context") + data(4, context) + number(20, 3)]
    listed.append(data(1, "embed_mode") + number(3, embedded) + number(20, 2))
    listed += [data(1, name) + data(4, value) + number(20, 3) for name, value in more.items()]
    return with_node(data(1, node("EPContext", *listed, domain="com.microsoft")))


def case(build: Callable[[], bytes], verdict: Verdict, name: str = "model.onnx", cut_is_clean: bool = False) -> Case:
    """Return the case of a file named as a model."""
    return Case(build, name, verdict, cut_is_clean=cut_is_clean)


def malicious_path(location: str) -> Case:
    """Return the case of a model whose weights stand at `location`."""
    return case(lambda: with_node(data(5, external(location))), Verdict.MALICIOUS)


def weight(*fields: bytes, verdict: Verdict = Verdict.REVIEW) -> Case:
    """Return the case of a model with one initializer."""
    return case(lambda: with_node(data(5, *fields)), verdict)


FUNCTION = data(25, data(1, "Gelu"), data(10, "acme.nn"), data(7, node("Mul")), data(9, number(2, 17)))

CASES = {
    "benign": weight(tensor(), verdict=Verdict.CLEAN),
    "benign_without_suffix": case(lambda: with_node(data(5, tensor())), Verdict.CLEAN, "weights"),
    "benign_tensor": case(tensor, Verdict.CLEAN, "input_0.pb", cut_is_clean=True),
    "benign_scalar": case(lambda: tensor("a", (), raw=bytes(4)), Verdict.CLEAN, "input_0.pb", cut_is_clean=True),
    "tensor_with_a_path": case(lambda: external("/etc/passwd"), Verdict.MALICIOUS, "input_0.pb"),
    "tensor_of_another_size": case(lambda: tensor(raw=bytes(15)), Verdict.REVIEW, "input_0.pb", cut_is_clean=True),
    "benign_external": weight(external("model.onnx_data", offset="4096", length="16"), verdict=Verdict.CLEAN),
    "benign_external_in_folder": weight(external("./weights/..w/a..b.bin", checksum="0"), verdict=Verdict.CLEAN),
    "benign_external_takes_a_folder_back": weight(external("weights/../model.bin", offset="0"), verdict=Verdict.CLEAN),
    "path_climbs_out_on_the_way": malicious_path("weights/../../acme/weights.bin"),
    "benign_external_odd": weight(external("~w$1/100%.bin", offset="0", length="16"), verdict=Verdict.CLEAN),
    "benign_prepacked": weight(external("model.data", prepacked_0="key|0;16"), verdict=Verdict.CLEAN),
    "benign_strings": weight(number(1, 1), number(2, STRING), data(6, "../../etc/passwd"), verdict=Verdict.CLEAN),
    "benign_four_bits": weight(tensor(dims=(3,), kind=INT4, raw=bytes(2)), verdict=Verdict.CLEAN),
    "benign_packed_shape": weight(data(1, b"\2\2"), number(2, FLOAT), data(9, bytes(16)), verdict=Verdict.CLEAN),
    "benign_segment": weight(tensor(raw=bytes(8)), data(3, number(2, 2)), verdict=Verdict.CLEAN),
    "benign_unknown_fields": case(
        lambda: model(graph(data(1, node("Add"))), fixed32(900), group(901, number(1, 1))), Verdict.CLEAN
    ),
    "benign_local_function": case(
        lambda: model(graph(data(1, node("Gelu", domain="acme.nn"))), FUNCTION), Verdict.CLEAN
    ),
    "benign_microsoft_operator": case(
        lambda: model(graph(data(1, node("FusedMatMul", domain="com.microsoft")))), Verdict.CLEAN
    ),
    "benign_metadata": case(
        lambda: model(
            graph(data(1, node("Add"))),
            data(14, data(1, "license"), data(2, "apache-2.0")),
            data(14, data(1, "author"), data(2, "modelsweep-test")),
        ),
        Verdict.CLEAN,
    ),
    "path_climbs_out": malicious_path("../../../etc/passwd"),
    "path_climbs_out_on_windows": malicious_path("weights\\..\\..\\secret"),
    "path_absolute": malicious_path("/etc/passwd"),
    "path_with_drive": malicious_path("C:\\Users\\secret"),
    "path_on_network": malicious_path("https://example.org/weights"),
    "path_of_share": malicious_path("\\\\example.org\\share\\weights"),
    "path_device": malicious_path("weights/NUL.bin"),
    "path_at_home": malicious_path("~/.ssh/id_rsa"),
    "path_of_a_variable": malicious_path("${HOME}/weights"),
    "path_escaped": malicious_path("%2e%2e/weights"),
    "path_of_keys": malicious_path(".ssh/id_rsa"),
    "path_empty": malicious_path(""),
    "path_with_nul": malicious_path("weights\0.bin"),
    "path_behind_a_long_name": malicious_path("a/" * 150 + "../" * 160 + "etc/passwd"),
    "path_longer_than_kept": malicious_path("a/" * 600 + "../" * 700),
    "path_given_twice": case(
        lambda: with_node(data(5, external("weights.bin"), data(13, data(1, "location"), data(2, "/etc/passwd")))),
        Verdict.MALICIOUS,
    ),
    "memory_address": malicious_path(MEMORY),
    "memory_address_of_constant": case(
        lambda: model(graph(data(1, node("Constant", data(1, "value") + data(5, external(MEMORY, offset="4096")))))),
        Verdict.MALICIOUS,
    ),
    "path_in_subgraph": case(
        lambda: model(graph(data(1, subgraph(graph(data(5, external("/etc/passwd"))))))), Verdict.MALICIOUS
    ),
    "path_in_list_of_graphs": case(
        lambda: model(graph(data(1, node("Acme", data(11, graph(data(5, external("/etc/passwd")))))))),
        Verdict.MALICIOUS,
    ),
    "path_in_list_of_tensors": case(
        lambda: model(graph(data(1, node("Acme", data(10, external("../x")))))), Verdict.MALICIOUS
    ),
    "path_in_sparse_values": case(lambda: with_node(data(15, data(1, external("../x")))), Verdict.MALICIOUS),
    "path_in_sparse_indices": case(lambda: with_node(data(15, data(2, external("../x")))), Verdict.MALICIOUS),
    "path_in_sparse_attribute": case(
        lambda: model(graph(data(1, node("Constant", data(22, data(1, external("../x"))))))), Verdict.MALICIOUS
    ),
    "path_in_function": case(
        lambda: model(
            graph(data(1, node("F", domain="local"))),
            data(25, data(1, "F"), data(7, node("Constant", data(5, external("../x")))), data(10, "local")),
        ),
        Verdict.MALICIOUS,
    ),
    "path_in_default_of_function": case(
        lambda: model(graph(data(1, node("Add"))), data(25, data(1, "F"), data(11, data(5, external("../x"))))),
        Verdict.MALICIOUS,
    ),
    "path_in_training": case(
        lambda: model(graph(data(1, node("Add"))), data(20, data(2, graph(data(5, external("../x")))))),
        Verdict.MALICIOUS,
    ),
    "path_in_second_graph": case(
        lambda: model(graph(data(1, node("Add"))), data(7, data(5, external("../x")))), Verdict.MALICIOUS
    ),
    "python_operator": case(lambda: model(graph(data(1, node("PyOp", domain="ai.onnx.contrib")))), Verdict.REVIEW),
    "python_operator_runs_commands": case(lambda: interpreting("os", "system"), Verdict.MALICIOUS),
    "python_operator_of_unknown_module": case(lambda: interpreting("acme_ops", "Normalise"), Verdict.REVIEW),
    "python_operator_in_subgraph": case(lambda: model(nested(3)), Verdict.REVIEW),
    **{
        f"operator_named_{name.lower()}": case(
            lambda name=name, domain=domain: model(graph(data(1, node(name, domain=domain)))),  # type: ignore[misc]
            Verdict.REVIEW,
        )
        for name, domain in (
            ("Exec", ""),
            ("RunCommand", "acme"),
            ("ReadFile", ""),
            ("NumpyFunction", "acme"),
            ("AzureTextToText", "com.microsoft.extensions"),
        )
    },
    "benign_operators_named_alike": case(
        lambda: model(
            graph(*(data(1, node(f"{name}", domain="acme")) for name in ("LinearSystemSolve", "Evaluate", "FileCount")))
        ),
        Verdict.CLEAN,
    ),
    "code_in_metadata": case(
        lambda: model(graph(data(1, node("Add"))), data(14, data(1, "post"), data(2, "exec(open('x').read())"))),
        Verdict.REVIEW,
    ),
    "pickle_in_metadata": case(
        lambda: model(graph(data(1, node("Add"))), data(14, data(1, "note"), data(2, base64.b64encode(EVIL)))),
        Verdict.MALICIOUS,
    ),
    "benign_aten_embedding_bag": case(lambda: calling("embedding_bag"), Verdict.CLEAN),
    "file_aten_from_file": case(lambda: calling("from_file"), Verdict.REVIEW),
    "aten_operator": case(lambda: model(graph(data(1, node("ATen", domain="org.pytorch.aten")))), Verdict.REVIEW),
    "custom_operators": case(
        lambda: model(graph(*(data(1, node(f"Op{i}", domain="acme.ops")) for i in range(7)))), Verdict.CLEAN
    ),
    "size_too_small": weight(tensor(dims=(1 << 20, 1 << 20))),
    "size_too_large": weight(tensor(raw=bytes(64))),
    "size_negative": weight(tensor(dims=(-2, -2))),
    "size_overflow": weight(tensor(dims=(1 << 62,) * 4)),
    "size_of_external": weight(external("model.data", offset="0", length="17")),
    "offset_negative": weight(external("model.data", offset="-16", length="16")),
    "length_not_a_number": weight(external("model.data", length="0x10")),
    "benign_compiled": case(lambda: compiled("model_ctx.bin"), Verdict.CLEAN),
    "benign_compiled_inside": case(lambda: compiled("/opt/\x01\x02 program", embedded=1), Verdict.CLEAN),
    "compiled_outside": case(lambda: compiled("../../engine.bin"), Verdict.MALICIOUS),
    "compiled_of_a_model_outside": case(
        lambda: compiled("program", embedded=1, onnx_model_filename="/etc/passwd"), Verdict.MALICIOUS
    ),
    "external_key": weight(external("model.data", __class__="x")),
    "nested_too_deep": case(lambda: model(nested(60)), Verdict.NOT_SCANNED),
    "without_operator_sets": case(lambda: number(1, 8) + data(7, graph(data(1, node("Add")))), Verdict.NOT_SCANNED),
    "length_beyond_the_end": case(
        lambda: with_node() + b"\x72\xff\xff\xff\xff\x0f", Verdict.NOT_SCANNED, cut_is_clean=True
    ),
    "number_of_eleven_bytes": case(
        lambda: with_node() + b"\x28" + b"\xff" * 10 + b"\1", Verdict.NOT_SCANNED, cut_is_clean=True
    ),
    "group_without_end": case(lambda: with_node() + b"\xf3\1", Verdict.NOT_SCANNED, cut_is_clean=True),
    "sentencepiece": case(
        lambda: b"".join(data(1, data(1, f"piece{i}"), fixed32(2), number(3, 1)) for i in range(20)),
        Verdict.CLEAN,
        "tokenizer.model",
        cut_is_clean=True,
    ),
    "coreml": case(
        lambda: number(1, 4) + data(2, data(1, data(1, "input"))) + number(10, 1) + data(500, data(1, data(1, "x"))),
        Verdict.CLEAN,
        "model.mlmodel",
    ),
    **BRANCHES,
}

LONG_TAG = b"\x88\x80\x00\x08"
"""The version, behind a tag of three bytes, of which it needs one."""
UNKNOWN = group(19_999, data(1, b"\xff" * 9)) + number(18_888, 1)
CASES |= {
    "path_behind_a_long_tag": Case(
        lambda: LONG_TAG + with_node(data(5, external("../../etc/passwd")))[2:], "model.onnx", Verdict.MALICIOUS
    ),
    "path_behind_unknown_fields": Case(
        lambda: UNKNOWN + model(UNKNOWN + graph(data(5, external("../../etc/passwd")))), "model.onnx", Verdict.MALICIOUS
    ),
    "benign_behind_a_long_tag": Case(lambda: LONG_TAG + with_node()[2:], "model.onnx", Verdict.CLEAN),
    "no_model_behind_unknown_fields": Case(lambda: UNKNOWN * 9, "model.onnx", Verdict.NOT_SCANNED),
}
