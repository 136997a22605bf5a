"""Files of Torch7 with functions in them, and lengths that no file has."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import replace

from modelsweep.core.report import Verdict
from tests.scanners.case import Case
from tests.scanners.payload import noise

NIL, TRUE = struct.pack("<i", 0), struct.pack("<ii", 5, 1)


def text(value: str | bytes) -> bytes:
    """Return a text without its type."""
    data = value.encode() if isinstance(value, str) else value
    return struct.pack("<i", len(data)) + data


def string(value: str) -> bytes:
    """Return a text."""
    return struct.pack("<i", 2) + text(value)


def table(number: int, **fields: bytes) -> bytes:
    """Return a table."""
    pairs = b"".join(string(key) + value for key, value in fields.items())
    return struct.pack("<iii", 3, number, len(fields)) + pairs


def instance(number: int, name: str, content: bytes) -> bytes:
    """Return an object of a class."""
    return struct.pack("<ii", 4, number) + text("V 1") + text(name) + content


def storage(number: int, *values: float) -> bytes:
    """Return numbers."""
    return instance(number, "torch.FloatStorage", struct.pack(f"<Q{len(values)}f", len(values), *values))


def tensor(number: int) -> bytes:
    """Return a tensor of two rows of two over its storage."""
    return instance(
        number, "torch.FloatTensor", struct.pack("<i5q", 2, 2, 2, 2, 1, 1) + storage(number + 1, 1, 2, 3, 4)
    )


def function(number: int, code: bytes, kind: int = 8) -> bytes:
    """Return a function with a table of what it refers to."""
    return struct.pack("<ii", kind, number) + text(code) + table(number + 1)


def network(**more: bytes) -> bytes:
    """Return a network of one layer."""
    weight = tensor(10)
    layer = instance(2, "nn.Linear", table(3, weight=weight, again=struct.pack("<ii", 4, 10), bias=NIL, train=TRUE))
    return instance(1, "nn.Sequential", table(4, modules=layer, size=struct.pack("<id", 1, 2.0), **more))


def case(build: Callable[[], bytes], verdict: Verdict, name: str = "model.t7") -> Case:
    """Return the case of a file."""
    return Case(build, name, verdict)


CODE = b"\x1bLJ\x01\x00\x08@net.lua" + noise(60)

TEXT = b"4\n1\n3\nV 1\n17\ntorch.FloatTensor\n1\n2\n1\n1\n4\n2\n3\nV 1\n18\ntorch.FloatStorage\n2\n0.5 -1.25 \n"
"""A tensor in the form of texts."""

CASES = {
    "benign": case(network, Verdict.CLEAN),
    "benign_other_name": case(network, Verdict.CLEAN, "model.net"),
    "benign_table": case(lambda: table(1, epoch=struct.pack("<id", 1, 3.0), note=string("os.execute")), Verdict.CLEAN),
    "bytecode": case(lambda: network(hook=function(30, CODE)), Verdict.REVIEW),
    "bytecode_runs": case(
        lambda: network(hook=function(30, CODE + b"\x07os\x0cexecute\x1aecho modelsweep-test")), Verdict.MALICIOUS
    ),
    "bytecode_then_damage": case(
        lambda: network(hook=function(30, CODE + b"\x07io\x0apopen"), more=struct.pack("<i", 99)), Verdict.MALICIOUS
    ),
    "in_text": case(lambda: TEXT, Verdict.NOT_SCANNED),
    "bytecode_in_text": case(lambda: TEXT + b"6\n2\n30\n" + CODE + b"\n", Verdict.REVIEW),
    "bytecode_in_text_runs": case(
        lambda: b"6\n1\n60\n" + CODE + b"\x07os\x0cexecute\x1aecho modelsweep-test\n", Verdict.MALICIOUS
    ),
    "huge_table": case(lambda: struct.pack("<iii", 3, 1, 0x7FFFFFFF) + NIL * 4, Verdict.NOT_SCANNED),
    "huge_storage": case(
        lambda: instance(1, "torch.DoubleStorage", struct.pack("<Q", 1 << 61)) + bytes(8), Verdict.NOT_SCANNED
    ),
    "other_class": case(lambda: instance(1, "os execute", NIL), Verdict.NOT_SCANNED),
    "trailing": replace(case(lambda: network() + bytes(40), Verdict.NOT_SCANNED), cut_is_clean=True),
}
