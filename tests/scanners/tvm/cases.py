"""Programs of TVM's virtual machines, as their runtime writes them."""

from __future__ import annotations

import struct
from collections.abc import Callable
from functools import partial

from modelsweep.core.report import Verdict
from tests.scanners.case import Case

OLD, NEW = 0xD225DE2F4214151D, 0xD225DE2F4214151E
PACKED, OWN = 0, 1
KERNELS = ("vm.builtin.alloc_tensor", "fused_relax_nn_dense", "vm.builtin.match_shape", "runtime.loading")
LOADER = "ffi.ModuleLoadFromFile"


def text(value: str) -> bytes:
    """Return a text behind its length."""
    return struct.pack("<Q", len(value)) + value.encode()


def listed(*parts: bytes) -> bytes:
    """Return parts behind their number."""
    return struct.pack("<Q", len(parts)) + b"".join(parts)


def function(name: str, kind: int = PACKED, *parameters: str) -> bytes:
    """Return an entry of the table of functions."""
    return struct.pack("<i", kind) + text(name) + struct.pack("<4q", 0, 1, 1, 4) + listed(*map(text, parameters))


def tensor(*values: float) -> bytes:
    """Return an array as TVM writes it."""
    head = struct.pack("<QQ3iBBHq", 0xDD5E40F096B4A13F, 0, 1, 0, 1, 2, 32, 1, len(values))
    return head + struct.pack(f"<Q{len(values)}f", 4 * len(values), *values)


def constants(new: bool) -> bytes:
    """Return one constant of each kind."""
    kinds = (70, 5, 69, 65, 1, 3) if new else (0, 1, 2, 3, 4, 5)
    values = (
        tensor(1.0, 2.0),
        b"\2\x20\1\0",
        listed(struct.pack("<q", 4)),
        text("global"),
        struct.pack("<q", 7),
        struct.pack("<d", 0.5),
    )
    return listed(*(struct.pack("<i", kind) + value for kind, value in zip(kinds, values, strict=True)))


def relax(*names: str, magic: int = NEW, version: str = "0.14", framed: bool = True) -> bytes:
    """Return a program of Relax; in a file it stands behind its length."""
    table = listed(*(function(name) for name in (*KERNELS, *names)), function("main", OWN, "x", "w"))
    scopes = listed(struct.pack("<q", 0) + text("global")) if magic == NEW else b""
    code = listed(struct.pack("<q", 0)) + listed(*(struct.pack("<q", word) for word in (1, 2, 3)))
    content = struct.pack("<Q", magic) + text(version) + table + scopes + constants(magic == NEW) + code
    return struct.pack("<Q", len(content)) + content if framed else content


def relay(*names: str) -> bytes:
    """Return a program of Relay, whose instructions follow the names of what it calls."""
    head = struct.pack("<Q", OLD) + text("0.8.0") + listed(text("main"))
    held = listed(tensor(1.0)) + listed(struct.pack("<q", 1)) + listed(*map(text, (*KERNELS, *names)))
    return head + held + listed(b"")


def case(build: Callable[[], bytes], verdict: Verdict, name: str = "lib.ro") -> Case:
    """Return the case of a program."""
    return Case(build, name, verdict)


CASES = {
    "benign": case(relax, Verdict.CLEAN),
    "benign_old": case(partial(relax, magic=OLD, framed=False), Verdict.CLEAN),
    "loads_library": case(partial(relax, LOADER), Verdict.REVIEW),
    "loads_library_old": case(partial(relax, "runtime.module.loadfile_so", magic=OLD), Verdict.REVIEW),
    "connects": case(partial(relax, "rpc.Connect"), Verdict.REVIEW),
    "then_damaged": case(lambda: relax(LOADER) + bytes(8), Verdict.REVIEW),
    "relay": case(relay, Verdict.NOT_SCANNED, "code.ro"),
    "relay_loads_library": case(partial(relay, "runtime.ModuleLoadFromFile"), Verdict.REVIEW, "code.ro"),
    "unknown_constant": case(
        lambda: relax().replace(struct.pack("<i", 65) + text("global"), b"\x63" * 18), Verdict.NOT_SCANNED
    ),
}
