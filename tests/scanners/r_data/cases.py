"""R's serialized objects with code in them: promises, functions and active bindings, and the data they look like."""

from __future__ import annotations

import struct
from collections.abc import Callable

from modelsweep.core.report import Verdict
from tests.scanners.case import Case
from tests.scanners.payload import gzipped

ATTRIBUTES, TAG = 1 << 9, 1 << 10
NIL, UNBOUND, GLOBAL = 254, 252, 253


def word(*values: int) -> bytes:
    """Return numbers of 32 bits."""
    return struct.pack(f">{len(values)}i", *values)


def item(kind: int) -> bytes:
    """Return an item that has no content."""
    return word(kind)


def characters(text: str) -> bytes:
    """Return characters."""
    return word(9 | 64 << 12, len(text)) + text.encode()


def symbol(name: str) -> bytes:
    """Return a name."""
    return word(1) + characters(name)


def strings(*texts: str) -> bytes:
    """Return a vector of texts."""
    return word(16, len(texts)) + b"".join(characters(text) for text in texts)


def reals(*values: float, flags: int = 0) -> bytes:
    """Return a vector of numbers."""
    return word(14 | flags, len(values)) + struct.pack(f">{len(values)}d", *values)


def cells(*items: bytes, names: tuple[str, ...] = (), kind: int = 2, flags: int = 0) -> bytes:
    """Return a list of cells, or with another kind a call."""
    written = b""
    for number, content in enumerate(items):
        tag = symbol(names[number]) if names else b""
        first = kind if not number else 2
        written += word(first | flags | (TAG if names else 0)) + tag + content
    return written + item(NIL)


def call(function: str, *arguments: bytes) -> bytes:
    """Return a call of a function by its name."""
    return cells(symbol(function), *arguments, kind=6)


def promise(code: bytes, value: bytes | None = None) -> bytes:
    """Return a promise, with a value where it was looked at."""
    return word(5 | TAG) + item(GLOBAL) + (value or item(UNBOUND)) + code


def function(body: bytes) -> bytes:
    """Return a function of one argument."""
    return word(3 | TAG) + item(GLOBAL) + cells(item(251), names=("x",)) + body


def vector(*items: bytes) -> bytes:
    """Return a list."""
    return word(19, len(items)) + b"".join(items)


def saved(root: bytes, version: int = 3, workspace: bool = False) -> bytes:
    """Return what saveRDS writes without compression, or save of a workspace."""
    native = word(5) + b"UTF-8" if version == 3 else b""
    start = b"RDX%d\n" % version if workspace else b""
    return start + b"X\n" + word(version, 0x040200, 0x020300) + native + root


def frame() -> bytes:
    """Return a table of data with names, and a language object, as fitted models keep them."""
    table = word(19 | ATTRIBUTES, 2) + reals(1, 2) + strings("a", "b") + cells(strings("x", "y"), names=("names",))
    return vector(table, call("lm", symbol("formula"), strings("system('x')")))


def text() -> bytes:
    """Return a vector of texts in the encoding of plain text."""
    return b"A\n2\n262657\n131840\n16\n2\n262153\n4\na\\040b\\n\n262153\n0\n\n"


def native() -> bytes:
    """Return numbers in the order of bytes of the machine that wrote them."""
    return b"B\n" + struct.pack("<iii", 2, 0x040200, 0x020300) + struct.pack("<ii2d", 14, 2, 1.0, 2.0)


def case(root: Callable[[], bytes], verdict: Verdict) -> Case:
    """Return the case of an object."""
    return Case(lambda: saved(root()), "model.rds", verdict)


def file(build: Callable[[], bytes], verdict: Verdict, name: str = "model.rds", cut_is_clean: bool = False) -> Case:
    """Return the case of a file."""
    return Case(build, name, verdict, cut_is_clean=cut_is_clean)


COMMAND = call("system", strings("echo modelsweep-test"))

CASES = {
    "benign": case(frame, Verdict.CLEAN),
    "benign_gzip": file(lambda: gzipped(saved(frame())), Verdict.CLEAN),
    "benign_workspace": file(
        lambda: saved(cells(reals(1), names=("model",)), 2, workspace=True), Verdict.CLEAN, "model.RData"
    ),
    "benign_text": file(text, Verdict.CLEAN, cut_is_clean=True),
    "benign_native": file(native, Verdict.CLEAN),
    "benign_function": case(lambda: vector(function(call("exp", symbol("x")))), Verdict.CLEAN),
    "benign_promise": case(lambda: vector(promise(call("nrow", symbol("data")))), Verdict.CLEAN),
    "benign_promise_with_value": case(lambda: vector(promise(COMMAND, reals(1))), Verdict.CLEAN),
    "promise_runs": case(lambda: promise(COMMAND), Verdict.MALICIOUS),
    "promise_runs_deep": case(
        lambda: word(19 | ATTRIBUTES, 1) + reals(1) + cells(promise(cells(COMMAND, kind=6)), names=("row.names",)),
        Verdict.MALICIOUS,
    ),
    "promise_gzip": file(lambda: gzipped(saved(promise(COMMAND))), Verdict.MALICIOUS),
    "promise_evaluates": case(lambda: promise(call("eval", call("parse", strings("1")))), Verdict.REVIEW),
    "function_runs": case(lambda: vector(function(COMMAND)), Verdict.REVIEW),
    "function_runs_by_reference": case(
        lambda: vector(symbol("system"), function(cells(word(255 | 1 << 8), strings("id"), kind=6))), Verdict.REVIEW
    ),
    "active_binding": case(
        lambda: word(4, 0) + item(242) + cells(function(symbol("x")), names=("y",), flags=1 << 27) + item(NIL) * 2,
        Verdict.REVIEW,
    ),
    "promise_compiles": case(lambda: promise(call("cppFunction", strings("void f() {}"))), Verdict.MALICIOUS),
    "workspace_runs_at_start": file(
        lambda: saved(cells(function(call("exp", symbol("x"))), names=(".First",)), 2, workspace=True),
        Verdict.REVIEW,
        ".RData",
    ),
    "benign_workspace_with_functions": file(
        lambda: saved(cells(function(call("exp", symbol("x"))), names=("First",)), 2, workspace=True),
        Verdict.CLEAN,
        ".RData",
    ),
    "promise_then_damage": case(lambda: vector(promise(COMMAND), word(99)), Verdict.MALICIOUS),
    "huge_vector": case(lambda: word(14, -1, 1 << 20, 0), Verdict.NOT_SCANNED),
    "deep": case(lambda: word(19, 1) * 5_000 + item(NIL), Verdict.CLEAN),
    "wrong_reference": case(lambda: vector(word(255 | 9 << 8)), Verdict.NOT_SCANNED),
    "trailing": file(lambda: saved(reals(1)) + bytes(64), Verdict.NOT_SCANNED, cut_is_clean=True),
}
