"""Programs of PaddlePaddle whose operators reach outside of them."""

from __future__ import annotations

from collections.abc import Callable

from modelsweep.core.report import Verdict
from tests.scanners.case import Case
from tests.scanners.protobuf import data, number

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


def program(*operators: bytes, inner: bytes = b"", version: bytes = VERSION) -> bytes:
    """Return a program."""
    blocks = block(0, operator("feed"), operator("relu", attribute("op_device", "")), *operators)
    return blocks + inner + version


def case(build: Callable[[], bytes], verdict: Verdict, name: str = "model.pdmodel") -> Case:
    """Return the case of a program."""
    return Case(build, name, verdict)


CASES = {
    "benign": case(program, Verdict.CLEAN),
    "benign_other_name": case(program, Verdict.CLEAN, "__model__"),
    "benign_engine": case(lambda: program(operator("tensorrt_engine")), Verdict.CLEAN),
    "benign_mention": case(lambda: program(operator("scale", attribute("op_callstack", "py_func"))), Verdict.CLEAN),
    "python": case(lambda: program(operator("py_func")), Verdict.REVIEW),
    "python_in_block": case(lambda: program(operator("while"), inner=block(1, operator("py_func"))), Verdict.REVIEW),
    "reads_file": case(lambda: program(operator("load", attribute("file_path", "/etc/passwd"))), Verdict.REVIEW),
    "python_then_cut": case(lambda: program(operator("py_func"), version=data(1, b"x" * 99)[:20]), Verdict.REVIEW),
    "without_operators": case(lambda: block(0) + VERSION, Verdict.NOT_SCANNED),
    "other_content": case(lambda: b"weights", Verdict.NOT_SCANNED),
}
