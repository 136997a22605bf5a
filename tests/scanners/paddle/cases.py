"""Programs of PaddlePaddle whose operators reach outside of them."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from dataclasses import replace
from math import prod

from modelsweep.core.finding import Json
from modelsweep.core.report import Verdict
from tests.scanners.case import Case
from tests.scanners.native_code import elf
from tests.scanners.protobuf import data, number, varint

VERSION = data(4, number(1, 0))


def attribute(name: str, text: str) -> bytes:
    """Return an attribute with a text."""
    return data(4, data(1, name), number(2, 2), data(5, text))


def operator(name: str, *attributes: bytes) -> bytes:
    """Return an operator of one input and one output."""
    return data(
        4, data(1, data(1, "X"), data(2, "x")), data(2, data(1, "Out"), data(2, "y")), data(3, name), *attributes
    )


def block(index: int, *operators: bytes) -> bytes:
    """Return a block with one variable."""
    variable = data(3, data(1, "x"), data(2, number(1, 7)))
    return data(1, number(1, index), number(2, index - 1), variable, *operators)


def parameter(name: str) -> bytes:
    """Return a block with a parameter that stands in a file of its own."""
    variable = data(3, data(1, name), data(2, number(1, 7)), number(3, 1))
    return data(1, number(1, 1), number(2, 0), variable, operator("relu"))


def program(*operators: bytes, inner: bytes = b"", version: bytes = VERSION) -> bytes:
    """Return a program."""
    blocks = block(0, operator("feed"), operator("relu", attribute("op_device", "")), *operators)
    return blocks + inner + version


def case(build: Callable[[], bytes], verdict: Verdict, name: str = "model.pdmodel") -> Case:
    """Return the case of a program."""
    return Case(build, name, verdict)


def ir(*operators: dict[str, Json], inner: tuple[dict[str, Json], ...] = ()) -> bytes:
    """Return a program of PaddlePaddle 3."""
    loop: dict[str, Json] = {"#": "1.while", "A": [], "regions": regions(1, *inner)}
    listed: tuple[dict[str, Json], ...] = (
        {"#": "p", "A": [0, 1, 1, "w"]},
        {"#": "1.matmul", "A": [text("struct_name", "/Linear/")]},
        loop,
    )
    base: dict[str, Json] = {"magic": "pir", "trainable": True, "version": 4}
    return json.dumps({"base_code": base, "program": {"regions": regions(0, *listed, *operators)}}).encode()


def regions(number: int, *operators: dict[str, Json]) -> list[Json]:
    """Return a region of one block."""
    block: Json = {"#": f"block_{number}", "args": [], "ops": list(operators)}
    return [{"#": f"region_{number}", "blocks": [block]}]


def text(name: str, content: str) -> dict[str, Json]:
    """Return an attribute with a text."""
    return {"AT": {"#": "0.a_str", "D": content}, "N": name}


def load(path: str) -> dict[str, Json]:
    """Return an operator that reads a file."""
    return {"#": "1.load_combine", "A": [text("file_path", path)]}


def tensor(*shape: int, kind: int = 5, content: bytes | None = None, packed: bool = False) -> bytes:
    """Return a tensor of floats."""
    sizes = data(2, *map(varint, shape)) if packed else b"".join(number(2, size) for size in shape)
    description = number(1, kind) + sizes
    elements = bytes(4 * prod(shape)) if content is None else content
    return bytes(16) + struct.pack("<i", len(description)) + description + elements


CASES = {
    "benign": case(program, Verdict.CLEAN),
    "benign_other_name": case(program, Verdict.CLEAN, "__model__"),
    "benign_engine": case(lambda: program(operator("tensorrt_engine")), Verdict.CLEAN),
    "benign_mention": case(lambda: program(operator("scale", attribute("op_callstack", "py_func"))), Verdict.CLEAN),
    "parameter_outside": case(lambda: program(inner=parameter("../other/weights")), Verdict.MALICIOUS, "__model__"),
    "benign_parameter": case(lambda: program(inner=parameter("encoder/conv2d_0.w_0")), Verdict.CLEAN),
    "python": case(lambda: program(operator("py_func")), Verdict.REVIEW),
    "python_in_block": case(lambda: program(operator("while"), inner=block(1, operator("py_func"))), Verdict.REVIEW),
    "reads_file": case(lambda: program(operator("load", attribute("file_path", "/etc/passwd"))), Verdict.REVIEW),
    "python_then_cut": case(lambda: program(operator("py_func"), version=data(1, b"x" * 99)[:20]), Verdict.REVIEW),
    "without_operators": case(lambda: block(0) + VERSION, Verdict.NOT_SCANNED),
    "benign_ir": case(ir, Verdict.CLEAN, "model.json"),
    "benign_ir_library": case(lambda: ir({"#": "3.acme_gelu", "A": []}), Verdict.CLEAN, "model.json"),
    "benign_ir_mention": case(lambda: ir({"#": "1.scale", "A": [text("note", "load")]}), Verdict.CLEAN, "model.json"),
    "ir_reads_file": case(lambda: ir(load("/etc/passwd")), Verdict.REVIEW, "model.json"),
    "ir_reads_file_before_its_version": case(
        lambda: json.dumps(dict(reversed(json.loads(ir(load("/etc/passwd"))).items()))).encode(),
        Verdict.REVIEW,
        "model.json",
    ),
    "ir_python_in_loop": case(lambda: ir(inner=({"#": "1.py_func", "A": []},)), Verdict.REVIEW, "model.json"),
    "ir_without_operators": case(
        lambda: b'{"base_code": {"magic": "pir"}, "program": {"regions": []}}', Verdict.NOT_SCANNED, "model.json"
    ),
    "benign_parameters": Case(
        lambda: tensor(3, 4) + tensor() + tensor(2, 2, packed=True), "model.pdiparams", Verdict.CLEAN, cut_is_clean=True
    ),
    "benign_zeros": Case(lambda: bytes(64), "zeros.dat", Verdict.NOT_SCANNED),
    "parameters_cut": replace(
        case(lambda: tensor(3, 4) + tensor(1 << 40, content=b""), Verdict.NOT_SCANNED, "model.pdiparams"),
        cut_is_clean=True,
    ),
    "parameters_of_unknown_type": replace(
        case(lambda: tensor(3) + tensor(2, kind=7), Verdict.NOT_SCANNED, "model.pdiparams"), cut_is_clean=True
    ),
    "parameters_with_program": case(
        lambda: tensor(512, content=elf() + bytes(2_048 - len(elf()))), Verdict.MALICIOUS, "model.pdiparams"
    ),
    "other_content": case(lambda: b"weights", Verdict.NOT_SCANNED),
}
