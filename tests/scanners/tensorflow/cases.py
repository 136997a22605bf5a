"""Graphs of TensorFlow written field by field: operators in every place where they may stand."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

from modelsweep.core.report import Verdict
from tests.scanners.case import Case
from tests.scanners.keras.cases import DANGEROUS, lambda_2
from tests.scanners.protobuf import data, fixed32, number, varint
from tests.scanners.stablehlo.cases import bytecode
from tests.scanners.tensorflow.branches import CASES as BRANCHES

VERSIONS = data(4, number(1, 1882))
TYPE_STRING = 7


def attribute(key: str, value: bytes) -> bytes:
    """Return an entry of a node's attributes."""
    return data(5, data(1, key), data(2, value))


def node(op: str, *attributes: bytes, name: str = "", inputs: tuple[str, ...] = ()) -> bytes:
    """Return a NodeDef."""
    fed = b"".join(data(3, entry) for entry in inputs)
    return data(1, name or f"my_{op}") + data(2, op) + fed + b"".join(attributes)


def constant(name: str, *strings: str | bytes) -> bytes:
    """Return a node that is a tensor of strings."""
    tensor = number(1, TYPE_STRING) + b"".join(data(8, item) for item in strings)
    return node("Const", attribute("dtype", number(6, TYPE_STRING)), attribute("value", data(8, tensor)), name=name)


def graph(*nodes: bytes, library: bytes = b"") -> bytes:
    """Return a GraphDef."""
    listed = b"".join(data(1, item) for item in (node("Placeholder", name="x"), *nodes))
    return listed + (data(2, library) if library else b"") + VERSIONS


def function(*nodes: bytes, name: str = "__inference_f_7") -> bytes:
    """Return a FunctionDef in its library."""
    return data(1, data(1, data(1, name)), *(data(3, item) for item in nodes))


def call(function: str, *inputs: str) -> bytes:
    """Return a node that calls a function."""
    return node("StatefulPartitionedCall", attribute("f", data(10, data(1, function))), inputs=inputs)


def saving(*nodes: bytes) -> bytes:
    """Return a SavedModel whose functions save by their argument, and one that calls them in turn."""
    saver = function(node("SaveV2", inputs=("file_prefix", "names")), name="save")
    between = function(call("save", "path"), name="between")
    return saved(graph(*nodes, library=between + saver))


def mapping(path: str) -> bytes:
    """Return a SavedModel as `tf.data.TextLineDataset` makes it: the reader is in a function over a set of names."""
    reader = function(node("TextLineDataset", inputs=("args_0", "compression")), name="read_one_file")
    kinds = attribute("Toutput_types", data(1, number(6, TYPE_STRING)))
    names = node("TensorSliceDataset", kinds, inputs=("names",), name="slices")
    flat = node("FlatMapDataset", attribute("f", data(10, data(1, "read_one_file"))), inputs=("slices",))
    return saved(graph(constant("names", path), names, flat, library=reader))


def layers(*descriptions: object) -> bytes:
    """Return the metadata of Keras that stands beside a SavedModel."""
    stored = ((data(3, "root"), data(4, "_tf_keras_layer"), data(5, json.dumps(item))) for item in descriptions)
    return b"".join(data(1, number(2, 1), *parts) for parts in stored)


def meta_graph(content: bytes, *more: bytes) -> bytes:
    """Return a MetaGraphDef; `more` are assets and collections."""
    operators = data(2, data(1, data(1, "Add"), data(2, data(1, "x"))))
    return data(1, operators, data(4, "serve"), data(5, "2.15.0")) + data(2, content) + b"".join(more)


def saved(content: bytes, *more: bytes) -> bytes:
    """Return a SavedModel of one graph."""
    return number(1, 1) + data(2, meta_graph(content, *more))


def asset(filename: str) -> bytes:
    """Return an AssetFileDef."""
    return data(1, data(1, "Const:0")) + data(2, filename)


def variables() -> tuple[bytes, ...]:
    """Return the nodes that every SavedModel saves and restores its variables with."""
    names = ("SaveV2", "RestoreV2", "MergeV2Checkpoints", "ShardedFilename", "VarHandleOp", "StringJoin")
    return constant("prefix", "_temp/part"), *(node(name, inputs=("prefix",)) for name in names)


def case(
    build: Callable[[], bytes], verdict: Verdict, name: str = "saved_model.pb", cut_is_clean: bool = False
) -> Case:
    """Return the case of a SavedModel."""
    return Case(build, name, verdict, cut_is_clean=cut_is_clean)


def of_nodes(*nodes: bytes, verdict: Verdict) -> Case:
    """Return the case of a SavedModel with `nodes`."""
    return case(lambda: saved(graph(*nodes)), verdict)


def called(depth: int) -> bytes:
    """Return a function as the value of an attribute of a function, and so on."""
    value = data(10, data(1, "f"))
    for _ in range(depth):
        value = data(10, data(1, "f"), data(2, data(1, "body"), data(2, value)))
    return value


EVIL = graph(constant("path", "/tmp/modelsweep-test"), node("WriteFile", inputs=("path", "x")))
LEGACY_ASSET = data(
    4,
    data(1, "saved_model_assets"),
    data(
        2, data(5, data(1, data(1, "type.googleapis.com/tensorflow.AssetFileDef"), data(2, asset("../../etc/passwd"))))
    ),
)

CASES = {
    "benign": of_nodes(*variables(), node("StatefulPartitionedCall"), verdict=Verdict.CLEAN),
    "benign_function": case(lambda: saved(graph(library=function(*variables()))), Verdict.CLEAN),
    "benign_frozen": case(lambda: graph(node("MatMul", inputs=("x", "x"))), Verdict.CLEAN, "frozen.pb", True),
    "benign_meta": case(lambda: meta_graph(graph(*variables())), Verdict.CLEAN, "model.ckpt.meta"),
    "benign_asset": case(lambda: saved(graph(node("HashTableV2")), data(6, asset("vocab.txt"))), Verdict.CLEAN),
    "benign_words": of_nodes(
        constant("vocabulary", "WriteFile", "../../etc/passwd", "\n\n", "file://x", "shell"), verdict=Verdict.CLEAN
    ),
    "benign_weights": of_nodes(
        node("Const", attribute("value", data(8, number(1, 1), data(4, bytes(range(256)) * 2)))), verdict=Verdict.CLEAN
    ),
    "benign_print": of_nodes(node("PrintV2", attribute("output_stream", data(2, "stderr"))), verdict=Verdict.CLEAN),
    "benign_named_like_writer": of_nodes(node("Identity", name="WriteFile"), verdict=Verdict.CLEAN),
    "benign_dataset": of_nodes(
        constant("files", "train.tfrecord"), node("TFRecordDatasetV2", inputs=("files",)), verdict=Verdict.CLEAN
    ),
    "benign_custom": of_nodes(node("Addons>GatherTree"), verdict=Verdict.CLEAN),
    "fingerprint": case(
        lambda: number(1, 1 << 63) + number(2, 1 << 62) + number(3, 7) + number(4, 9) + data(6, number(1, 1)),
        Verdict.CLEAN,
        "fingerprint.pb",
        True,
    ),
    "writes_file": case(lambda: saved(EVIL), Verdict.MALICIOUS),
    "writes_file_frozen": replace(case(lambda: EVIL, Verdict.MALICIOUS, "frozen.pb"), cut_is_clean=True),
    "writes_file_without_suffix": replace(case(lambda: EVIL, Verdict.MALICIOUS, "graph"), cut_is_clean=True),
    "writes_file_meta": case(lambda: meta_graph(EVIL), Verdict.MALICIOUS, "model.ckpt.meta"),
    "writes_file_in_function": case(
        lambda: saved(graph(library=function(constant("p", "/tmp/x"), node("WriteFile", inputs=("p:output:0",))))),
        Verdict.MALICIOUS,
    ),
    "writes_file_in_library_only": case(
        lambda: data(2, function(node("WriteFile"))) + VERSIONS, Verdict.MALICIOUS, "graph.pb", True
    ),
    "writes_file_in_constant": of_nodes(constant("graph", EVIL), verdict=Verdict.MALICIOUS),
    "writes_file_in_attribute": of_nodes(
        node("RemoteFusedGraphExecute", attribute("graph", data(2, EVIL))), verdict=Verdict.MALICIOUS
    ),
    "writes_file_in_list": of_nodes(
        node("Acme", attribute("graphs", data(1, data(2, "no"), data(2, EVIL)))), verdict=Verdict.MALICIOUS
    ),
    "writes_file_in_call": of_nodes(
        node("While", attribute("body", data(10, data(1, "f"), data(2, data(1, "g"), data(2, data(2, EVIL)))))),
        verdict=Verdict.MALICIOUS,
    ),
    "writes_file_in_variant": of_nodes(
        node("Const", attribute("value", data(8, data(15, data(2, EVIL))))), verdict=Verdict.MALICIOUS
    ),
    "writes_file_in_content_of_tensor": of_nodes(
        node("Const", attribute("value", data(8, number(1, TYPE_STRING), data(4, varint(len(EVIL)) + EVIL)))),
        verdict=Verdict.MALICIOUS,
    ),
    "without_graph": case(lambda: number(1, 1) + data(2, data(1, data(5, "2.15.0"))), Verdict.NOT_SCANNED),
    "writes_file_twice_nested": of_nodes(constant("graph", graph(constant("inner", EVIL))), verdict=Verdict.MALICIOUS),
    "writes_file_by_print": of_nodes(
        node(
            "PrintV2",
            attribute("output_stream", data(2, "file:///tmp/x")),
            attribute("_other", data(1, *(data(2, f"other{i}") for i in range(40)))),
        ),
        verdict=Verdict.MALICIOUS,
    ),
    "reads_file": of_nodes(
        constant("path", "/etc/passwd"), node("ReadFile", inputs=("^x", "path")), verdict=Verdict.MALICIOUS
    ),
    "reads_some_file": of_nodes(
        constant("path", "/etc/acme/vocabulary.txt"), node("ReadFile", inputs=("path",)), verdict=Verdict.REVIEW
    ),
    "reads_file_given": of_nodes(node("ReadFile", inputs=("x",)), verdict=Verdict.REVIEW),
    "matches_files": of_nodes(
        constant("pattern", "/home/*/.ssh/*"), node("MatchingFiles", inputs=("pattern",)), verdict=Verdict.MALICIOUS
    ),
    "python": of_nodes(node("EagerPyFunc", attribute("token", data(2, "pyfunc_0"))), verdict=Verdict.REVIEW),
    "network": of_nodes(
        node("DebugIdentityV2", attribute("debug_urls", data(1, data(2, "grpc://example.org:1")))),
        verdict=Verdict.REVIEW,
    ),
    "calls_python": of_nodes(node("CallPython"), verdict=Verdict.REVIEW),
    "dataset_of_an_address": of_nodes(
        constant("p", "http" + "://192.0.2.1/x"), node("TextLineDataset", inputs=("p",)), verdict=Verdict.REVIEW
    ),
    "benign_word_that_only_ends_so": of_nodes(node("CopyFunction"), node("SpyFunction"), verdict=Verdict.CLEAN),
    "shell_within_a_word": of_nodes(node("myshellop", attribute("cmd", data(2, "echo"))), verdict=Verdict.REVIEW),
    "python_behind_another_word": of_nodes(node("MyPyFuncOp"), verdict=Verdict.REVIEW),
    "shell": of_nodes(node("ShellExecute", attribute("cmd", data(2, "echo"))), verdict=Verdict.REVIEW),
    "asset_climbs_out": case(
        lambda: saved(graph(node("HashTableV2")), data(6, asset("../../etc/passwd"))), Verdict.MALICIOUS
    ),
    "asset_of_collection_climbs_out": case(lambda: saved(graph(node("HashTableV2")), LEGACY_ASSET), Verdict.MALICIOUS),
    "saves_elsewhere": of_nodes(
        constant("p", "/etc/cron.d/x"), node("SaveV2", inputs=("p", "names", "", "x")), verdict=Verdict.MALICIOUS
    ),
    "saves_elsewhere_joined": of_nodes(
        constant("folder", "../../"),
        node("StringJoin", inputs=("x", "folder")),
        node("MergeV2Checkpoints", inputs=("x", "my_StringJoin:0")),
        verdict=Verdict.MALICIOUS,
    ),
    "saves_elsewhere_by_call": case(
        lambda: saving(constant("p", "/etc/cron.d/x"), call("between", "p")), Verdict.MALICIOUS
    ),
    "benign_saves_by_call": case(
        lambda: saving(constant("o", b"\n\x01/"), constant("p", "part"), call("between", "x", "p", "o")), Verdict.CLEAN
    ),
    "benign_restores_elsewhere": of_nodes(
        constant("p", "/home/me/bert.ckpt"), node("RestoreV2", inputs=("p", "names")), verdict=Verdict.CLEAN
    ),
    "restores_private_file": of_nodes(
        constant("p", "/home/me/.ssh/id_rsa"), node("RestoreV2", inputs=("p", "names")), verdict=Verdict.MALICIOUS
    ),
    "dataset_of_private_file_by_function": case(lambda: mapping("/etc/passwd"), Verdict.MALICIOUS),
    "benign_dataset_by_function": case(lambda: mapping("/home/ann/data/train.csv"), Verdict.CLEAN),
    "dataset_of_private_file": of_nodes(
        constant("p", "../../etc/passwd"), node("TextLineDataset", inputs=("p",)), verdict=Verdict.MALICIOUS
    ),
    "benign_table_asset": case(
        lambda: saved(
            graph(constant("Const", "/home/me/v.txt"), node("InitializeTableFromTextFileV2", inputs=("x", "Const"))),
            data(6, asset("v.txt")),
        ),
        Verdict.CLEAN,
    ),
    "leaves_logs": of_nodes(
        constant("p", "/home/me/.config"), node("CreateSummaryFileWriter", inputs=("x", "p")), verdict=Verdict.REVIEW
    ),
    "maps_file": of_nodes(
        node("ImmutableConst", attribute("memory_region_name", data(2, "/etc/passwd"))), verdict=Verdict.MALICIOUS
    ),
    "benign_mapped": of_nodes(
        node("ImmutableConst", attribute("memory_region_name", data(2, "memmapped_package://weights"))),
        verdict=Verdict.CLEAN,
    ),
    "program": of_nodes(
        node("TPUCompileMlir", attribute("mlir_module", data(2, 'module { "tf.WriteFile"(%0, %1) : () -> () }'))),
        verdict=Verdict.MALICIOUS,
    ),
    "program_bytecode": of_nodes(
        node("XlaCallModule", attribute("module", data(2, bytecode("tf", "ReadFile")))), verdict=Verdict.REVIEW
    ),
    "program_calls_back": of_nodes(
        node("XlaCallModule", attribute("module", data(2, bytecode("tf", "xla_python_cpu_callback")))),
        verdict=Verdict.REVIEW,
    ),
    "benign_program": of_nodes(
        node("XlaCallModule", attribute("module", data(2, bytecode("tf", "MyReadFile", "ReadFiles")))),
        verdict=Verdict.CLEAN,
    ),
    "benign_calls_by_name": case(
        lambda: saved(graph(node("__inference_f_7"), node("my_f"), library=function(node("Add"), name="my_f"))),
        Verdict.CLEAN,
    ),
    "benign_unknown": of_nodes(node("MyAttention"), verdict=Verdict.CLEAN),
    "writes_file_two_operators": of_nodes(
        constant("g", data(1, data(1, "w"), data(2, "Add"), data(2, "WriteFile"))), verdict=Verdict.MALICIOUS
    ),
    "writes_file_behind_decoy": case(lambda: data(1, node("Add")) + data(2, meta_graph(EVIL)), Verdict.MALICIOUS),
    "writes_file_behind_decoy_renamed": case(
        lambda: data(1, node("Add")) + data(2, meta_graph(EVIL)), Verdict.MALICIOUS, "x.pb", True
    ),
    "writes_file_behind_unknown_fields": replace(
        case(lambda: b"\x0a\0" + number(99, 1) * 200 + EVIL, Verdict.MALICIOUS, "x.pb"), cut_is_clean=True
    ),
    "writes_file_behind_an_unknown_field": replace(
        case(lambda: number(999, 1) + EVIL, Verdict.MALICIOUS, "x.pb"), cut_is_clean=True
    ),
    "benign_behind_an_unknown_field": case(
        lambda: number(999, 1) + data(1, node("Const", attribute("value", data(8, b"")))), Verdict.CLEAN, "x.pb"
    ),
    "benign_numbers_in_content": of_nodes(
        node("Const", attribute("value", data(8, number(1, 3), data(4, b"\xff" * 4)))), verdict=Verdict.CLEAN
    ),
    "layers": case(lambda: layers({"class_name": "Dense", "config": {"units": 3}}), Verdict.CLEAN, "keras_metadata.pb"),
    "layers_run_code": case(lambda: layers(lambda_2(DANGEROUS)), Verdict.MALICIOUS, "keras_metadata.pb"),
    "layers_run_code_renamed": case(lambda: layers(lambda_2(DANGEROUS)), Verdict.MALICIOUS, "x"),
    "layers_run_code_in_model": case(
        lambda: saved(graph(), data(7, data(1, data(4, data(3, json.dumps(lambda_2(DANGEROUS))))))), Verdict.MALICIOUS
    ),
    "calls_nested_too_deep": of_nodes(node("While", attribute("body", called(60))), verdict=Verdict.NOT_SCANNED),
    "damaged": case(lambda: saved(graph(node("Add")))[:-6] + varint(7 << 3 | 6) * 3 + bytes(3), Verdict.NOT_SCANNED),
    "descriptors": case(
        lambda: data(1, data(1, "a.proto"), data(2, "google.protobuf"), fixed32(9)), Verdict.NOT_SCANNED, "x.pb"
    ),
    **BRANCHES,
}
