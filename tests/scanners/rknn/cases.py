"""Models of Rockchip's NPUs whose numbers lead out of them, and containers that do not add up."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from dataclasses import replace

from modelsweep.core.report import Verdict
from tests.scanners.case import Case
from tests.scanners.native_code import elf
from tests.scanners.payload import noise
from tests.scanners.tflite.flatbuffer import Table, numbers, text, written

DESCRIPTION = json.dumps(
    {"name": "rknn model", "network_platform": "ONNX", "nodes": [], "version": "2.5.0", "target_platform": ["rk3588"]}
).encode()


def compiled(inputs: tuple[int, ...] = (0, -1), outputs: tuple[int, ...] = (1,)) -> bytes:
    """Return a graph of two tensors and one operator, as rknn-toolkit2 2.5 lays it out."""
    tensors = [Table({5: text("x")}), Table({5: text("y")})]
    node = Table({1: text("ConvRelu"), 2: text("conv"), 4: numbers(*inputs), 5: numbers(*outputs)})
    graph = Table({0: tensors, 1: [node]})
    return written(Table({1: text("RKNPU v2"), 2: [graph], 7: text("2.5.0 (compiler)")}), b"RKNN")


def container(
    model: bytes | None = None, *, version: int = 6, size: int = 0, description: bytes = DESCRIPTION, tail: bytes = b""
) -> bytes:
    """Return a container as rknn-toolkit2 writes it."""
    content = compiled() if model is None else model
    padding = bytes(40) if version > 1 and content else b""
    header = b"RKNN" + bytes(4) + struct.pack("<QQ", version, size or len(content)) + padding
    return header + content + struct.pack("<Q", len(description)) + description + tail


def case(build: Callable[[], bytes], verdict: Verdict) -> Case:
    """Return the case of a model."""
    return Case(build, "model.rknn", verdict)


CASES = {
    "benign": case(container, Verdict.CLEAN),
    "benign_first_version": case(lambda: container(b"VPMN" + noise(200), version=1), Verdict.CLEAN),
    "benign_description_only": case(lambda: container(b"", version=2), Verdict.CLEAN),
    "benign_compiled": Case(compiled, "model.bin", Verdict.CLEAN, cut_is_clean=True),
    "benign_text": Case(lambda: b"RKNN files are for NPUs.\n" * 3, "notes.txt", Verdict.CLEAN, cut_is_clean=True),
    "input_out_of_range": case(lambda: container(compiled(inputs=(7,))), Verdict.REVIEW),
    "output_out_of_range": case(lambda: container(compiled(outputs=(0, -5))), Verdict.REVIEW),
    "program_inside": case(lambda: container(b"VPMN" + noise(60) + elf() + bytes(64)), Verdict.MALICIOUS),
    "encrypted": case(lambda: b"CYPTRKNN" + noise(200), Verdict.NOT_SCANNED),
    "unknown_version": case(lambda: container(version=900), Verdict.NOT_SCANNED),
    "size_beyond_the_end": case(lambda: container(size=1 << 62), Verdict.NOT_SCANNED),
    "description_is_no_json": case(lambda: container(description=b"{'a'"), Verdict.NOT_SCANNED),
    "data_behind": replace(case(lambda: container(tail=noise(64)), Verdict.NOT_SCANNED), cut_is_clean=True),
}
