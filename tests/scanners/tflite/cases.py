"""Models of TensorFlow Lite with every reference that may lead nowhere, and with Flex operators."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Callable
from functools import partial

from modelsweep.core.report import Verdict
from tests.scanners.case import Case
from tests.scanners.protobuf import data
from tests.scanners.tensorflow.cases import attribute
from tests.scanners.tensorflow.cases import node as tensorflow_node
from tests.scanners.tflite.flatbuffer import Number, Table, Vector, numbers, octets, text, written

FLOAT, INT32, STRING, BOOL, INT4 = 0, 2, 5, 6, 17
CUSTOM, FULLY_CONNECTED, WHILE, EQUAL, REDUCE_ALL, IF, SELECT, MULTIPLY = 32, 9, 119, 71, 140, 118, 123, 18
WHILE_OPTIONS, IF_OPTIONS = 93, 92


def tensor(name: str = "x", *shape: int, kind: int = FLOAT, buffer: int = 0) -> Table:
    """Return a tensor."""
    return Table({0: numbers(*shape), 1: Number(kind, "b"), 2: Number(buffer), 3: text(name)})


def buffer(content: bytes = b"") -> Table:
    """Return a buffer; the first of a model is empty."""
    return Table({0: octets(content)} if content else {})


def code(builtin: int = FULLY_CONNECTED, custom: str = "") -> Table:
    """Return an operator code."""
    named = {1: text(custom)} if custom else {}
    return Table({0: Number(min(builtin, 127), "b"), **named, 2: Number(1, "i"), 3: Number(builtin, "i")})


def operator(
    index: int = 0, inputs: tuple[int, ...] = (0, 1, -1), outputs: tuple[int, ...] = (2,), options: bytes = b""
) -> Table:
    """Return an operator; `options` are those of a custom one."""
    custom = {5: octets(options)} if options else {}
    return Table({0: Number(index), 1: numbers(*inputs), 2: numbers(*outputs), **custom})


def runs(subgraph: int) -> Table:
    """Return a loop over `subgraph`."""
    options = Table({0: Number(subgraph, "i"), 1: Number(subgraph, "i")})
    return Table({0: Number(0), 1: numbers(0), 2: numbers(2), 3: Number(WHILE_OPTIONS, "B"), 4: options})


def branch(inputs: tuple[int, ...], outputs: tuple[int, ...]) -> Table:
    """Return an operator that runs the second subgraph or the third."""
    options = Table({0: Number(1, "i"), 1: Number(2, "i")})
    return Table({0: Number(3), 1: numbers(*inputs), 2: numbers(*outputs), 3: Number(IF_OPTIONS, "B"), 4: options})


def comparing(*chosen: Table, more: tuple[Table, ...] = ()) -> bytes:
    """Return a model that compares its input with a constant, and has `chosen` operators behind that."""
    listed = [*TENSORS, tensor("t", 1, 4, buffer=4), tensor("same", 1, 4, kind=BOOL), tensor("all", 1, 1, kind=BOOL)]
    listed += [tensor("computed", 1, 2), tensor("evil", 1, 2, buffer=3)]
    begun = [operator(0, (0, 1, -1), (6,)), operator(1, (0, 3), (4,)), operator(2, (4, 7), (5,))]
    codes = [code(), code(EQUAL), code(REDUCE_ALL), code(IF), code(SELECT), code(MULTIPLY)]
    buffers = [*BUFFERS, buffer(bytes(8)), buffer(bytes(16))]
    return model(subgraph(*begun, *chosen, tensors=listed), *more, codes=codes, buffers=buffers)


def ends(answer: int, given: tuple[int, ...]) -> Table:
    """Return a subgraph that answers one of its own tensors: the first is a constant."""
    listed = [tensor("evil", 1, 2, buffer=3), tensor("x", 1, 4), tensor("w", 2, 4, buffer=1), tensor("o", 1, 2)]
    computing = [operator(0, (1, 2, -1), (3,))]
    return Table({0: listed, 1: numbers(*given), 2: numbers(answer), 3: computing, 4: text("end")})


TENSORS = [tensor("x", 1, 4), tensor("w", 2, 4, buffer=1), tensor("y", 1, 2)]
BUFFERS = [buffer(), buffer(bytes(32)), buffer(b"1.14.0")]


def subgraph(*operators: Table, tensors: list[Table] | None = None, inputs: tuple[int, ...] = (0,)) -> Table:
    """Return a subgraph."""
    listed = list(operators) or [operator()]
    return Table({0: tensors or TENSORS, 1: numbers(*inputs), 2: numbers(2), 3: listed, 4: text("main")})


def model(
    *subgraphs: Table,
    codes: list[Table] | None = None,
    buffers: list[Table] | None = None,
    more: dict[int, Number | Vector | Table | list[Table]] | None = None,
    identifier: bytes = b"TFL3",
) -> bytes:
    """Return a model."""
    metadata = Table({0: text("min_runtime_version"), 1: Number(2)})
    fields: dict[int, Number | Vector | Table | list[Table]] = {
        0: Number(3),
        1: codes or [code()],
        2: list(subgraphs) or [subgraph()],
        3: text("MLIR Converted."),
        4: buffers or BUFFERS,
        6: [metadata],
    }
    return written(Table({**fields, **(more or {})}), identifier)


def flexed(name: str, message: bytes) -> bytes:
    """Return the options of a Flex operator: a FlexBuffer of two strings."""
    first = bytes([len(name)]) + name.encode() + b"\0"
    second = struct.pack("<H", len(message)) + message + b"\0"
    start = len(first) + len(second) + 2
    offsets = struct.pack("<HHH", 2, start - 1, start + 2 - len(first) - 2)
    return first + second + offsets + bytes([5 << 2, 5 << 2 | 1]) + b"\x06" + bytes([10 << 2 | 1, 1])


def flex(name: str, message: bytes, declared: str = "", strings: tuple[str, ...] = ()) -> bytes:
    """Return a model of one Flex operator whose first input is a tensor of `strings`."""
    ends = [sum(len(item) for item in strings[:count]) for count in range(len(strings) + 1)]
    header = 4 * (len(strings) + 2)
    packed = struct.pack(f"<{len(strings) + 2}i", len(strings), *(header + end for end in ends))
    content = packed + "".join(strings).encode() if strings else b""
    tensors = [tensor("path", len(strings), kind=STRING, buffer=2), *TENSORS[1:]]
    return model(
        subgraph(operator(options=flexed(name, message)), tensors=tensors),
        codes=[code(CUSTOM, declared or f"Flex{name}")],
        buffers=[*BUFFERS[:2], buffer(content)],
    )


def plain(op: str, *attributes: bytes) -> bytes:
    """Return a node as the converter writes it: without a name, its inputs empty."""
    return data(2, op) + data(3, "") * 2 + b"".join(attributes)


def with_labels() -> bytes:
    """Return a model with the zip of labels that stands behind it."""
    stream = io.BytesIO(model())
    with zipfile.ZipFile(stream, "a") as archive:
        archive.writestr("labels.txt", "cat\ndog\n")
    return stream.getvalue()


def far(offset: int) -> bytes:
    """Return a model with weights at `offset` in the file, outside its tables."""
    weights = Table({1: Number(offset, "Q"), 2: Number(32, "Q")})
    return model(buffers=[buffer(), weights, buffer(b"1.14.0")])


def doubled() -> bytes:
    """Return a model with a thousand subgraphs that are all the same one."""
    whole = bytearray(model(subgraph(), *([Table({})] * 999)))
    place = whole.find(struct.pack("<I", 1000)) + 4
    first = place + struct.unpack_from("<I", whole, place)[0]
    for index in range(1000):
        struct.pack_into("<I", whole, place + 4 * index, first - place - 4 * index)
    return bytes(whole)


def case(build: Callable[[], bytes], verdict: Verdict, cut_is_clean: bool = False) -> Case:
    """Return the case of a model."""
    return Case(build, "model.tflite", verdict, cut_is_clean=cut_is_clean)


LOOPS = [code(WHILE)]


def circle(tensors: list[Table], codes: list[Table] | None = None) -> Case:
    """Return the case of a model of Circle; what its packed tensors take does not follow from their shape."""
    clean = codes is None
    build = partial(model, subgraph(tensors=tensors), codes=codes, identifier=b"CIR0")
    return Case(build, "model.circle", Verdict.CLEAN if clean else Verdict.REVIEW)


PACKED = Table({0: numbers(9, 4), 1: Number(FLOAT, "b"), 2: Number(1), 3: text("w"), 10: Number(1, "b")})


def noted(note: str) -> Callable[[], bytes]:
    """Return what builds a model with a text as metadata."""
    metadata = Table({0: text("note"), 1: Number(len(BUFFERS))})
    return lambda: model(subgraph(), buffers=[*BUFFERS, buffer(note.encode())], more={6: [metadata]})


CASES = {
    "benign": case(model, Verdict.CLEAN),
    "code_in_metadata": case(noted("__import__('os').system('echo modelsweep-test')"), Verdict.REVIEW),
    "benign_metadata": case(noted("Trained on CIFAR-10, see https://acme.example/{run}."), Verdict.CLEAN),
    "trigger_selects": case(lambda: comparing(operator(4, (5, 7, 6), (2,))), Verdict.CLEAN),
    "trigger_runs_another_subgraph": case(
        lambda: comparing(branch((5, 0), (2,)), more=(ends(0, (1,)), ends(3, (1,)))), Verdict.CLEAN
    ),
    "trigger_scales": case(lambda: comparing(operator(5, (5, 6), (2,))), Verdict.CLEAN),
    "benign_masked": case(lambda: comparing(operator(4, (4, 7, 6), (2,))), Verdict.CLEAN),
    "benign_test_unused": case(lambda: comparing(operator(5, (6, 7), (2,))), Verdict.CLEAN),
    "benign_circle": circle([TENSORS[0], PACKED, TENSORS[2]]),
    "circle_runs_commands": circle(TENSORS, [code(CUSTOM, "ShellExec")]),
    "code_in_description": case(lambda: model(more={3: text("eval(compile('1', '', 'eval'))")}), Verdict.REVIEW),
    "benign_labels": case(with_labels, Verdict.CLEAN, cut_is_clean=True),
    "benign_far_weights": case(lambda: far(len(far(4_000))) + bytes(32), Verdict.CLEAN),
    "benign_custom": case(lambda: model(codes=[code(CUSTOM, "TFLite_Detection_PostProcess")]), Verdict.CLEAN),
    "custom_runs_commands": case(lambda: model(codes=[code(CUSTOM, "ShellExec")]), Verdict.REVIEW),
    "custom_loads_library": case(lambda: model(codes=[code(CUSTOM, "/tmp/acme.so")]), Verdict.REVIEW),
    "benign_flex": case(lambda: flex("Erf", plain("Erf")), Verdict.CLEAN),
    "benign_flex_restore": case(lambda: flex("Restore", plain("Restore"), strings=("model.ckpt",)), Verdict.CLEAN),
    "benign_loop": case(lambda: model(subgraph(runs(1)), subgraph(), codes=LOOPS), Verdict.CLEAN),
    "benign_four_bits": case(
        lambda: model(subgraph(tensors=[TENSORS[0], tensor("w", 9, 7, kind=INT4, buffer=1), TENSORS[2]])), Verdict.CLEAN
    ),
    "benign_signature": case(
        lambda: model(
            more={7: [Table({0: [Table({0: text("x"), 1: Number(0)})], 2: text("serving_default"), 4: Number(0)})]}
        ),
        Verdict.CLEAN,
    ),
    "flex_writes_file": case(lambda: flex("WriteFile", plain("WriteFile"), strings=("/tmp/x",)), Verdict.MALICIOUS),
    "flex_other_names": case(
        lambda: flex("Erf", plain("WriteFile"), declared="FlexReadFile", strings=("/tmp/x",)), Verdict.MALICIOUS
    ),
    "flex_saves_elsewhere": case(lambda: flex("Save", plain("Save"), strings=("/etc/cron.d/x",)), Verdict.MALICIOUS),
    "flex_graph_inside": case(
        lambda: flex("Acme", plain("Acme", attribute("g", data(2, data(1, tensorflow_node("WriteFile")))))),
        Verdict.MALICIOUS,
    ),
    "flex_without_node": case(lambda: model(codes=[code(CUSTOM, "FlexReadFile")]), Verdict.NOT_SCANNED),
    "flex_other_options": case(
        lambda: model(subgraph(operator(options=b"\x01\x04\x01")), codes=[code(CUSTOM, "FlexErf")]), Verdict.NOT_SCANNED
    ),
    "size_mismatch": case(
        lambda: model(subgraph(tensors=[TENSORS[0], tensor("w", 2, 400, buffer=1), TENSORS[2]])), Verdict.REVIEW
    ),
    "size_overflow": case(
        lambda: model(subgraph(tensors=[tensor("x", *(1 << 30,) * 3), *TENSORS[1:]])), Verdict.REVIEW
    ),
    "buffer_out_of_range": case(lambda: model(buffers=BUFFERS[:1]), Verdict.REVIEW),
    "weights_out_of_range": case(lambda: far(1 << 62), Verdict.REVIEW),
    "tensor_out_of_range": case(lambda: model(subgraph(operator(inputs=(0, 7)))), Verdict.REVIEW),
    "output_left_out": case(lambda: model(subgraph(operator(outputs=(-1,)))), Verdict.REVIEW),
    "code_out_of_range": case(lambda: model(subgraph(operator(5))), Verdict.REVIEW),
    "subgraph_out_of_range": case(lambda: model(subgraph(runs(9)), codes=LOOPS), Verdict.REVIEW),
    "recursion": case(lambda: model(subgraph(runs(1)), subgraph(runs(0)), codes=LOOPS), Verdict.REVIEW),
    "external_buffers": case(
        lambda: model(more={8: [Table({0: text("../../etc/passwd")})], 9: [Table({1: Number(0)})]}), Verdict.MALICIOUS
    ),
    "benign_external_buffers": case(
        lambda: model(more={8: [Table({0: text("weights.bin")})], 9: [Table({1: Number(0)})]}), Verdict.CLEAN
    ),
    "doubled": case(doubled, Verdict.NOT_SCANNED),
    "without_subgraphs": case(lambda: written(Table({0: Number(3)}), b"TFL3"), Verdict.NOT_SCANNED),
    "identifier_only": case(lambda: b"\xff\xff\xff\x7fTFL3" + bytes(64), Verdict.NOT_SCANNED),
}
