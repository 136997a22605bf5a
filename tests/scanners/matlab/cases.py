"""Files of MATLAB, versions 5 to 7: numbers, functions by name and with a body, objects of Java."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from typing import Any

import h5py
import numpy as np

from modelsweep.core.report import Verdict
from tests.scanners.case import Case
from tests.scanners.java import cases as java
from tests.scanners.pickle import assembler

BYTES, WIDE, INTEGERS, WORDS, REALS, MATRIX, COMPRESSED, UTF8 = 1, 4, 5, 6, 9, 14, 15, 16
CELL, STRUCT, CHARACTERS, DOUBLE, UNSIGNED, FUNCTION, OPAQUE = 1, 2, 4, 6, 9, 16, 17


def element(kind: int, data: bytes, order: str = "<") -> bytes:
    """Return an element; four bytes and less stand in its tag."""
    if kind not in (MATRIX, COMPRESSED) and 0 < len(data) <= 4:
        return struct.pack(f"{order}I", kind | len(data) << 16) + data.ljust(4, b"\0")
    padding = 0 if kind == COMPRESSED else -len(data) % 8
    return struct.pack(f"{order}2I", kind, len(data)) + data + bytes(padding)


def array(kind: int, name: str, *parts: bytes, shape: tuple[int, int] = (1, 1), order: str = "<") -> bytes:
    """Return an array of a class, with what it holds."""
    head = element(WORDS, struct.pack(f"{order}2I", kind, 0), order)
    head += element(INTEGERS, struct.pack(f"{order}2i", *shape), order)
    return element(MATRIX, head + element(BYTES, name.encode(), order) + b"".join(parts), order)


def old(name: str = "weights", order: str = "<", kind: int = 0, size: int = 6) -> bytes:
    """Return a matrix of version 4."""
    head = struct.pack(f"{order}5i", kind, 2, 3, 0, len(name) + 1)
    return head + name.encode() + b"\0" + struct.pack(f"{order}{size}d", *range(size))


def numbers(name: str, order: str = "<") -> bytes:
    """Return an array of three numbers."""
    return array(DOUBLE, name, element(REALS, struct.pack(f"{order}3d", 1, 2, 3), order), shape=(1, 3), order=order)


def text(value: str) -> bytes:
    """Return an array of characters."""
    return array(CHARACTERS, "", element(WIDE, value.encode("utf-16-le")), shape=(1, len(value)))


def structure(**fields: bytes) -> bytes:
    """Return a structure without a name."""
    names = b"".join(name.encode().ljust(16, b"\0") for name in fields)
    return array(STRUCT, "", element(INTEGERS, struct.pack("<i", 16)), element(BYTES, names), *fields.values())


def function(body: str) -> bytes:
    """Return a function, with a body or by its name."""
    kind = "anonymous" if "@" in body else "simple"
    inside = structure(separator=text("/"), function_handle=structure(function=text(body), type=text(kind)))
    return array(FUNCTION, "f", inside)


def java_object(stream: bytes) -> bytes:
    """Return an object of Java."""
    names = b"".join(element(BYTES, name) for name in (b"model", b"java", b"java.util.HashMap"))
    inside = array(UNSIGNED, "", element(2, stream), shape=(1, len(stream)))
    return element(MATRIX, element(WORDS, struct.pack("<2I", OPAQUE, 0)) + names + inside)


def packed(*elements: bytes) -> bytes:
    """Return elements, each compressed."""
    return b"".join(element(COMPRESSED, zlib.compress(one)) for one in elements)


def saved(*elements: bytes, order: bytes = b"\0\1IM") -> bytes:
    """Return a file."""
    return b"MATLAB 5.0 MAT-file, Platform: GLNXA64".ljust(124) + order + b"".join(elements)


def case(build: Callable[[], bytes], verdict: Verdict, cut_is_clean: bool = False) -> Case:
    """Return the case of a file."""
    return Case(build, "model.mat", verdict, cut_is_clean=cut_is_clean)


COMMAND = "sf%0@(x)system('echo modelsweep-test')"
CHAIN = java.saved(java.table(java.invoker()))
TABLE = java.saved(java.table(java.string("a")))
PICKLE = assembler.proto(4) + assembler.EVIL + assembler.STOP


def version_73(fill: Callable[[Any], None]) -> Callable[[], bytes]:
    """Return what builds a file of version 7.3, which h5py fills."""

    def build() -> bytes:
        stream = io.BytesIO()
        with h5py.File(stream, "w", userblock_size=512) as made:
            weights = made.create_dataset("w", data=np.arange(3.0))
            weights.attrs["MATLAB_class"] = np.bytes_("double")
            fill(made)
        head = b"MATLAB 7.3 MAT-file, Platform: GLNXA64, HDF5 schema 1.00 .".ljust(124) + b"\0\2IM"
        return head + stream.getvalue()[len(head) :]

    return build


def texts(group: Any, packed: bool = False, **values: str) -> None:
    """Fill in arrays of characters."""
    for name, value in values.items():
        characters = np.frombuffer(value.encode("utf-16-le"), "<u2").reshape(-1, 1)
        made = group.create_dataset(name, data=characters, compression="gzip" if packed else None)
        made.attrs["MATLAB_class"] = np.bytes_("char")


def handle(body: str, packed: bool = False) -> Callable[[Any], None]:
    """Return what fills in a function."""

    def fill(made: Any) -> None:
        made.create_group("f").attrs["MATLAB_class"] = np.bytes_("function_handle")
        texts(made["f"], separator="/", sentinel="@")
        inner = made.create_group("f/function_handle")
        inner.attrs["MATLAB_class"] = np.bytes_("struct")
        texts(inner, packed, function=body, type="anonymous")

    return fill


def java_in_h5(stream: bytes) -> Callable[[Any], None]:
    """Return what fills in an object of Java."""

    def fill(made: Any) -> None:
        made["#subsystem#/java"] = np.frombuffer(stream, "u1").reshape(-1, 1)

    return fill


CASES = {
    "benign_73": case(version_73(lambda made: texts(made, note="system('x')")), Verdict.CLEAN),
    "benign_73_function": case(version_73(handle("@(x)a*x.^2+systems(b)")), Verdict.CLEAN),
    "function_runs_73": case(version_73(handle("@(x)system('echo modelsweep-test')")), Verdict.REVIEW),
    "function_runs_73_packed": case(version_73(handle("@(x)py.os.system('id')", True)), Verdict.REVIEW),
    "java_object_73": case(version_73(java_in_h5(TABLE)), Verdict.REVIEW),
    "java_chain_73": case(version_73(java_in_h5(CHAIN)), Verdict.MALICIOUS),
    "benign_version_4": Case(lambda: old() + old("biases"), "net.mat", Verdict.CLEAN, cut_is_clean=True),
    "benign_version_4_of_sun": Case(lambda: old(order=">", kind=1000), "net.mat", Verdict.CLEAN),
    "version_4_cut": Case(lambda: old(size=5), "net.mat", Verdict.NOT_SCANNED),
    "version_4_of_another_order": Case(lambda: old(kind=1000), "net.mat", Verdict.NOT_SCANNED),
    "version_4_with_more": Case(lambda: old() + b"\x07" * 40, "net.mat", Verdict.NOT_SCANNED, cut_is_clean=True),
    "benign": case(lambda: saved(numbers("w"), array(CELL, "c", text("system('x')"))), Verdict.CLEAN, True),
    "benign_compressed": case(lambda: saved(packed(numbers("w"), text("a"))), Verdict.CLEAN, True),
    "benign_big_endian": case(lambda: saved(numbers("w", ">"), order=b"\1\0MI"), Verdict.CLEAN, True),
    "benign_function": case(lambda: saved(function("sf%0@(x)a*x.^2+systems(b)")), Verdict.CLEAN, True),
    "benign_function_by_name": case(lambda: saved(function("tanh")), Verdict.CLEAN, True),
    "function_runs": case(lambda: saved(numbers("w"), function(COMMAND)), Verdict.REVIEW, True),
    "function_runs_compressed": case(lambda: saved(packed(function(COMMAND))), Verdict.REVIEW, True),
    "function_runs_by_name": case(lambda: saved(function("system")), Verdict.REVIEW, True),
    "function_runs_python": case(lambda: saved(function("sf%0@()py.os.system('id')")), Verdict.REVIEW, True),
    "function_then_damage": case(lambda: saved(function(COMMAND), b"\xff" * 16), Verdict.REVIEW, True),
    "java_object": case(lambda: saved(java_object(TABLE)), Verdict.REVIEW, True),
    "java_chain": case(lambda: saved(java_object(CHAIN)), Verdict.MALICIOUS, True),
    "java_chain_compressed": case(lambda: saved(packed(java_object(CHAIN))), Verdict.MALICIOUS, True),
    "pickle_compressed": case(
        lambda: saved(packed(array(UNSIGNED, "w", element(2, PICKLE), shape=(1, len(PICKLE))))), Verdict.MALICIOUS, True
    ),
    "compressed_twice": case(lambda: saved(packed(packed(numbers("w")))), Verdict.NOT_SCANNED, True),
    "deep": case(lambda: saved(nested(300)), Verdict.NOT_SCANNED, True),
    "longer_than_the_file": case(lambda: saved(struct.pack("<2I", MATRIX, 1 << 30)), Verdict.NOT_SCANNED, True),
    "unknown_type": case(lambda: saved(struct.pack("<2I", 99, 8) + bytes(8)), Verdict.NOT_SCANNED, True),
    "no_order_of_bytes": Case(lambda: b"MATLAB 5.0 MAT-file".ljust(128, b"\0"), "model.pt", Verdict.NOT_SCANNED),
}


def nested(depth: int) -> bytes:
    """Return cells inside each other."""
    inner = numbers("")
    for _ in range(depth):
        inner = array(CELL, "", inner)
    return inner
