"""Programs of StableHLO: bytecode written section by section, alone, in exported functions of JAX, and as text."""

from __future__ import annotations

import struct

from modelsweep.core.report import Verdict
from tests.scanners.case import Case
from tests.scanners.native_code import elf
from tests.scanners.tflite.flatbuffer import Fields, Number, Table, octets, text, written

CLEAN, REVIEW, UNSCANNED = Verdict.CLEAN, Verdict.REVIEW, Verdict.NOT_SCANNED
CALL = "xla_ffi_python_cpu_callback"
ORDINARY = ("builtin", "vhlo", "module", "func_v1", "custom_call_v1", "lapack_ssyevd_ffi", "pure_callback")


def number(value: int) -> bytes:
    """Return a number as bytecode of MLIR has it: the lowest zeros of the first byte say how many follow."""
    for more in range(8):
        if value < 1 << 7 * (more + 1):
            return (value << more + 1 | 1 << more).to_bytes(more + 1, "little")
    return b"\0" + struct.pack("<Q", value)


def section(kind: int, content: bytes, aligned: bytes = b"") -> bytes:
    """Return a section; `aligned` is its alignment with the filling behind it."""
    return bytes([kind | (0x80 if aligned else 0)]) + number(len(content)) + aligned + content


def bytecode(*texts: str, more: bytes = b"") -> bytes:
    """Return a program whose strings are `texts`."""
    held = [item.encode() + b"\0" for item in texts]
    lengths = b"".join(number(len(item)) for item in reversed(held))
    start = b"ML\xefR" + number(6) + b"StableHLO_v1.15.0\0"
    strings = section(0, number(len(held)) + lengths + b"".join(held))
    return start + strings + section(4, b"\1" * 300) + more


def aligned(program: bytes) -> bytes:
    """Return a program with one section more, whose content is aligned to eight bytes."""
    start = len(program) + 3
    return program + section(5, bytes(16), number(8) + b"\xcb" * (-start % 8))


def exported(program: bytes, gradient: Table | None = None) -> Table:
    """Return a function as `jax.export` serializes it."""
    more: Fields = {17: gradient} if gradient else {}
    return Table({0: Number(5, "H"), 1: text("main"), 13: octets(program), 14: Number(10, "H"), **more})


def deep(levels: int) -> Table:
    """Return a function with gradients of gradients."""
    found = exported(bytecode(*ORDINARY))
    for _ in range(levels):
        found = exported(bytecode(*ORDINARY), found)
    return found


def function(table: Table, verdict: Verdict) -> Case:
    """Return the case of an exported function; what stands at its end may be a text that nothing needs."""
    return Case(lambda: written(table, bytes(4)), "model.jax", verdict, cut_is_clean=True)


def as_text(target: str) -> bytes:
    return (
        "module @jit_f attributes {mhlo.num_replicas = 1 : i32} {\n  func.func public @main(%arg0: tensor<4xf32>) {\n"
        f"    // what pure_callback asks for\n    %0 = stablehlo.custom_call @{target}(%arg0) {{index = 0 : ui64}}\n"
        "  }\n}\n"
    ).encode()


CASES = {
    "benign": Case(lambda: aligned(bytecode(*ORDINARY)), "program.mlirbc", CLEAN, cut_is_clean=True),
    "benign_exported": function(deep(2), CLEAN),
    "benign_like_a_callback": Case(
        lambda: bytecode(*ORDINARY, f"{CALL}_of_mine", f"jit(f)/{CALL}s"), "program.bin", CLEAN, cut_is_clean=True
    ),
    "benign_text": Case(lambda: as_text("lapack_callback"), "program.mlir", CLEAN, cut_is_clean=True),
    "benign_text_of_others": Case(lambda: b"func @on_callback() { return }\n", "a.mlir", CLEAN, cut_is_clean=True),
    "calls_python": Case(lambda: bytecode(*ORDINARY, CALL), "program", REVIEW),
    "calls_python_first": Case(lambda: bytecode("xla_python_gpu_callback", *ORDINARY), "program", REVIEW),
    "calls_python_exported": function(exported(bytecode(*ORDINARY, CALL)), REVIEW),
    "calls_python_in_gradient": function(exported(bytecode("f"), exported(bytecode(CALL))), REVIEW),
    "calls_python_in_text": Case(lambda: as_text(CALL), "program.mlir", REVIEW, cut_is_clean=True),
    "program_of_the_processor": Case(
        lambda: bytecode(*ORDINARY, more=section(5, elf() + bytes(64))), "model.mlirbc", Verdict.MALICIOUS
    ),
    "gradients_without_end": function(deep(12), UNSCANNED),
    "no_sections": Case(lambda: bytecode("f")[:24], "program.mlirbc", UNSCANNED),
    "not_aligned": Case(
        lambda: bytecode("f", more=section(5, b"", b"\7")), "program.mlirbc", UNSCANNED, cut_is_clean=True
    ),
    "beyond_the_end": Case(
        lambda: bytecode("f", more=b"\5" + number(1 << 60)), "program.mlirbc", UNSCANNED, cut_is_clean=True
    ),
}
