"""Packages of a graph with its constants, as TensorFlow maps them into memory."""

from __future__ import annotations

import struct
from collections.abc import Callable

from modelsweep.core.report import Verdict
from tests.scanners.case import Case
from tests.scanners.protobuf import data, number
from tests.scanners.tensorflow.cases import EVIL, attribute, graph, node

REGION = attribute("memory_region_name", data(2, "memmapped_package://layer_1_weights"))
MODEL = graph(node("ImmutableConst", REGION, name="w"), node("MatMul", inputs=("x", "w")))


def package(content: bytes, *, lengths: bool = True, name: str = "memmapped_package://.", at: int = 0) -> bytes:
    """Return a package of one constant and a graph; early writers left lengths out."""
    constant = struct.pack("<64f", *range(64))
    elements = b""
    for offset, label, length in ((0, "memmapped_package://layer_1_weights", len(constant)), (256, name, len(content))):
        elements += data(1, number(1, offset), data(2, label), number(3, length) if lengths else b"")
    return constant + content + elements + struct.pack("<Q", at or len(constant + content))


def case(build: Callable[[], bytes], verdict: Verdict) -> Case:
    """Return the case of a package."""
    return Case(build, "output_graph.pbmm", verdict)


CASES = {
    "benign": case(lambda: package(MODEL), Verdict.CLEAN),
    "benign_without_lengths": case(lambda: package(MODEL, lengths=False), Verdict.CLEAN),
    "writes_file": case(lambda: package(EVIL), Verdict.MALICIOUS),
    "without_graph": case(lambda: package(MODEL, name="memmapped_package://other"), Verdict.NOT_SCANNED),
    "directory_elsewhere": case(lambda: package(MODEL, at=1 << 40), Verdict.NOT_SCANNED),
}
