"""Programs of ExecuTorch whose numbers lead out of them."""

from __future__ import annotations

import struct
from collections.abc import Callable

from modelsweep.core.report import Verdict
from tests.scanners.case import Case
from tests.scanners.native_code import elf
from tests.scanners.tflite.flatbuffer import Number, Table, numbers, octets, text, written


def call(index: int = 0, *arguments: int, kind: int = 1) -> Table:
    """Return an instruction that calls an operator or a delegate."""
    return Table({0: Number(kind, "B"), 1: Table({0: Number(index, "i"), 1: numbers(*arguments)})})


def program(
    *calls: Table, operators: tuple[str, ...] = ("aten::add",), segments: tuple[tuple[int, int], ...] = ()
) -> bytes:
    """Return a program of one chain over three values."""
    plan = Table(
        {
            0: text("forward"),
            2: [Table({0: Number(0, "B")}) for _ in range(3)],
            5: [Table({0: numbers(0), 1: numbers(2), 2: list(calls) or [call(0, 0, 1, 2), call(0, 2, kind=2)]})],
            6: [Table({0: text(name), 1: text("out")}) for name in operators],
            7: [Table({0: text("XnnpackBackend")})],
        }
    )
    listed = [Table({0: Number(offset, "Q"), 1: Number(size, "Q")}) for offset, size in segments]
    return written(Table({0: Number(0), 1: [plan], **({4: listed} if listed else {})}), b"ET12")


def with_segments(offset: int = 0, size: int = 64) -> bytes:
    """Return a program with an extended header and a segment behind it."""
    plain = program(segments=((offset, size),))
    root = struct.unpack_from("<I", plain)[0] + 40
    length = len(plain) + 40
    header = b"eh00" + struct.pack("<IQQQ", 32, length, length, 64) + bytes(8)
    return struct.pack("<I", root) + plain[4:8] + header + plain[8:] + bytes(64)


def tensors(*, offset: int = 0, index: int = 0, content: bytes = bytes(32)) -> bytes:
    """Return tensors beside a program: one segment, and a name for it."""
    segment = Table({0: Number(offset, "Q"), 1: Number(len(content), "Q")})
    named = Table({0: text("layer.weight"), 1: Number(index, "I")})
    plain = written(Table({0: Number(0), 1: [segment], 2: [named]}), b"FT01")
    root = struct.unpack_from("<I", plain)[0] + 48
    length = len(plain) + 48
    header = b"FH01" + struct.pack("<IQQQQ", 40, 48, len(plain), length, len(content)) + bytes(8)
    return struct.pack("<I", root) + plain[4:8] + header + plain[8:] + content


def bundle(content: bytes) -> bytes:
    """Return a program with its tests."""
    numbered = Table({0: Number(1), 2: octets(content)})
    return written(numbered, b"BP08")


def case(build: Callable[[], bytes], verdict: Verdict) -> Case:
    """Return the case of a program."""
    return Case(build, "model.pte", verdict)


CASES = {
    "benign": case(program, Verdict.CLEAN),
    "benign_segments": case(with_segments, Verdict.CLEAN),
    "benign_custom_operator": case(lambda: program(operators=("acme::attention",)), Verdict.CLEAN),
    "operator_out_of_range": case(lambda: program(call(4_000, 0)), Verdict.REVIEW),
    "delegate_out_of_range": case(lambda: program(call(-1, 0, kind=2)), Verdict.REVIEW),
    "value_out_of_range": case(lambda: program(call(0, 0, 1 << 30)), Verdict.REVIEW),
    "segment_out_of_range": case(lambda: with_segments(1 << 62), Verdict.REVIEW),
    "benign_tensors": Case(tensors, "model.ptd", Verdict.CLEAN),
    "benign_bundle": Case(lambda: bundle(program()), "model.bpte", Verdict.CLEAN, cut_is_clean=True),
    "tensor_out_of_range": case(lambda: tensors(index=9), Verdict.REVIEW),
    "tensor_segment_out_of_range": case(lambda: tensors(offset=1 << 40), Verdict.REVIEW),
    "program_in_tensors": case(lambda: tensors(content=elf() + bytes(64)), Verdict.MALICIOUS),
    "bundled_value_out_of_range": case(lambda: bundle(program(call(0, 0, 1 << 30))), Verdict.REVIEW),
    "empty_bundle": case(lambda: written(Table({0: Number(1)}), b"BP08"), Verdict.NOT_SCANNED),
    "without_plans": case(lambda: written(Table({0: Number(0)}), b"ET12"), Verdict.NOT_SCANNED),
    "identifier_only": case(lambda: b"\xff\xff\xff\x7fET12" + bytes(64), Verdict.NOT_SCANNED),
}
