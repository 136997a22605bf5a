"""Objects of .NET as BinaryFormatter writes them: models of Accord.NET, and chains of classes that run commands."""

from __future__ import annotations

import struct
from collections.abc import Callable

from modelsweep.core.report import Verdict
from tests.scanners.case import Case
from tests.scanners.native_code import elf

HEADER = bytes(1) + struct.pack("<iiii", 1, -1, 1, 0)
END = b"\x0b"
STRING, OBJECT, SYSTEM, CLASS, NUMBERS = b"\1", b"\2", b"\3", b"\4", b"\7"
ACCORD = "Accord.MachineLearning, Version=3.8.0.0, Culture=neutral, PublicKeyToken=null"
NULL = b"\x0a"


def text(value: str) -> bytes:
    """Return a text behind its length."""
    data = value.encode()
    length = len(data)
    return (bytes([length]) if length < 128 else bytes([length & 127 | 128, length >> 7])) + data


def library(number: int = 2, name: str = ACCORD) -> bytes:
    """Return the record of an assembly."""
    return b"\x0c" + struct.pack("<i", number) + text(name)


def string(number: int, value: str) -> bytes:
    """Return the record of a text."""
    return b"\6" + struct.pack("<i", number) + text(value)


def described(name: str, members: dict[str, tuple[bytes, bytes]], number: int = 1, of: int = 2) -> bytes:
    """Return the record of a class of an assembly, of the system's where `of` is 0; members have a type, and more."""
    info = struct.pack("<i", number) + text(name) + struct.pack("<i", len(members)) + b"".join(map(text, members))
    types = b"".join(kind for kind, _ in members.values()) + b"".join(more for _, more in members.values())
    return (b"\5" if of else b"\4") + info + types + (struct.pack("<i", of) if of else b"")


def numbers(*values: float, number: int = 5) -> bytes:
    """Return the record of an array of doubles."""
    return b"\x0f" + struct.pack("<ii", number, len(values)) + b"\6" + struct.pack(f"<{len(values)}d", *values)


def octets(data: bytes, number: int = 6) -> bytes:
    """Return the record of an array of bytes."""
    return b"\x0f" + struct.pack("<ii", number, len(data)) + b"\2" + data


def svm(*more: bytes) -> bytes:
    """Return a model: a count, a name, weights, a kernel, and two of the same class in an array."""
    members = {
        "count": (b"\0", b"\x08"),
        "name": (STRING, b""),
        "weights": (NUMBERS, b"\6"),
        "kernel": (CLASS, text("Accord.Statistics.Kernels.Gaussian") + struct.pack("<i", 2)),
        "parts": (OBJECT, b""),
    }
    kernel = described("Accord.Statistics.Kernels.Gaussian", {"sigma": (b"\0", b"\6")}, 7) + struct.pack("<d", 0.5)
    again = b"\1" + struct.pack("<ii", 8, 7) + struct.pack("<d", 0.25)
    parts = b"\x10" + struct.pack("<ii", 9, 4) + again + b"\x0d\2" + b"\x09" + struct.pack("<i", 7)
    body = described("Accord.MachineLearning.VectorMachines.SupportVectorMachine", members)
    body += struct.pack("<i", 3) + string(4, "demo") + numbers(0.5, 1.5) + kernel + parts
    return HEADER + library() + body + b"".join(more) + END


def one(name: str, *values: bytes, members: dict[str, tuple[bytes, bytes]] | None = None, of: int = 2) -> bytes:
    """Return a stream of one object with its values."""
    return HEADER + library() + described(name, members or {}, of=of) + b"".join(values) + END


def chain() -> bytes:
    """Return objects that hold a delegate for starting a process."""
    return one(
        "System.DelegateSerializationHolder",
        string(3, "System.Diagnostics.Process, System, Version=4.0.0.0"),
        string(4, "Start"),
        members={"type": (STRING, b""), "method": (STRING, b"")},
        of=0,
    )


def case(build: Callable[[], bytes], verdict: Verdict, name: str = "model.bin") -> Case:
    """Return the case of a stream."""
    return Case(build, name, verdict)


HELD = {"data": (OBJECT, b"")}
GENERIC = f"System.Collections.Generic.List`1[[Accord.Statistics.Codebook, {ACCORD}]]"
EVIL_GENERIC = f"System.Collections.Generic.SortedSet`1[[System.Windows.ResourceDictionary, {ACCORD}]]"
XAML = '<ResourceDictionary xmlns:d="clr-namespace:System.Diagnostics;assembly=system"/>'
ARRAY = b"\7" + struct.pack("<iBiiii", 3, 5, 2, 2, 1, 0) + struct.pack("<i", 0) + b"\0\6" + struct.pack("<2d", 1, 2)
TEXTS = b"\x11" + struct.pack("<ii", 3, 3) + string(5, "a") + b"\x0e" + struct.pack("<i", 2)
CASES = {
    "benign": case(svm, Verdict.CLEAN),
    "benign_accord": case(svm, Verdict.CLEAN, "svm.accord"),
    "benign_generic": case(lambda: one(GENERIC, of=0), Verdict.CLEAN),
    "benign_array": case(lambda: HEADER + ARRAY + END, Verdict.CLEAN),
    "benign_texts": case(lambda: HEADER + TEXTS + END, Verdict.CLEAN),
    "benign_bytes": case(lambda: one("Accord.Image", octets(bytes(64)), members=HELD), Verdict.CLEAN),
    "unknown_class": case(lambda: one("Acme.Models.Forest"), Verdict.REVIEW),
    "unknown_generic": case(lambda: one(GENERIC.replace("Accord.Stat", "Acme.Stat"), of=0), Verdict.REVIEW),
    "evil_chain": case(chain, Verdict.MALICIOUS),
    "evil_generic": case(lambda: one(EVIL_GENERIC, of=0), Verdict.MALICIOUS),
    "evil_member_type": case(
        lambda: one("Accord.Net", NULL, members={"x": (SYSTEM, text("System.Windows.Data.ObjectDataProvider"))}),
        Verdict.MALICIOUS,
    ),
    "evil_markup": case(lambda: one("Accord.Text", string(3, XAML), members={"x": (STRING, b"")}), Verdict.MALICIOUS),
    "evil_in_bytes": case(lambda: one("Accord.Image", octets(chain()), members=HELD), Verdict.MALICIOUS),
    "evil_behind": Case(lambda: svm() + chain(), "model.bin", Verdict.MALICIOUS, cut_is_clean=True),
    "evil_broken": case(lambda: chain()[:-2] + b"\x63" + END, Verdict.MALICIOUS),
    "evil_without_types": case(
        lambda: HEADER + b"\2" + struct.pack("<i", 1) + text("System.Data.DataSet") + struct.pack("<i", 0),
        Verdict.MALICIOUS,
    ),
    "executable_in_bytes": case(
        lambda: one("Accord.Image", octets(elf() + bytes(64)), members=HELD), Verdict.MALICIOUS
    ),
    "too_many_nulls": case(lambda: HEADER + TEXTS.replace(b"\x0e\2", b"\x0e\x09") + END, Verdict.NOT_SCANNED),
    "unknown_record": case(lambda: HEADER + b"\x0f" + b"\xff" * 40, Verdict.NOT_SCANNED),
}
