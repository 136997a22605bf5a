"""Modules of WebAssembly: none is clean, and some want more of their host than others."""

from __future__ import annotations

from modelsweep.core.report import Verdict
from tests.scanners.case import Case
from tests.scanners.payload import noise
from tests.scanners.pickle.assembler import EVIL_PICKLE
from tests.scanners.protobuf import varint

FUNCTION, MEMORY = b"\0\0", b"\2\1\1\x80\2"


def text(value: str) -> bytes:
    """Return a name behind its length."""
    return varint(len(value)) + value.encode()


def section(kind: int, content: bytes, *, more: int = 0) -> bytes:
    """Return a section, which claims `more` bytes than it has."""
    return bytes([kind]) + varint(len(content) + more) + content


def imports(*names: str, kind: bytes = FUNCTION, module: str = "wasi_snapshot_preview1") -> bytes:
    """Return the section of what a module imports."""
    entries = b"".join(text(module) + text(name) + kind for name in names)
    return section(2, varint(len(names) + 1) + text("env") + text("memory") + MEMORY + entries)


CODE = section(3, b"\1\0") + section(10, b"\1\2\0\x0b")


def module(*sections: bytes, code: bytes = CODE) -> bytes:
    """Return a module."""
    return b"\0asm\1\0\0\0" + section(1, b"\1\x60\0\0") + b"".join(sections) + code


def case(*sections: bytes, verdict: Verdict = Verdict.NOT_SCANNED) -> Case:
    """Return the case of a module; up to where its functions are declared, a shorter one is whole without them."""
    return Case(lambda: module(*sections), "runtime.wasm", verdict, cut_is_clean=True)


CASES = {
    "usual_of_emscripten": case(imports("fd_write", "_dlopen_js", module="env")),
    "usual": case(imports("fd_write", "clock_time_get", "path_open", "proc_exit")),
    "kinds": case(imports("a", kind=b"\3\x7f\1"), imports("t", kind=b"\1\x70\0\5"), imports("g", kind=b"\4\0\0")),
    "benign_without_code": Case(
        lambda: module(imports("a"), section(11, noise(60)), code=b""), "data.wasm", Verdict.CLEAN, cut_is_clean=True
    ),
    "functions_without_code": Case(
        lambda: module(code=section(3, b"\1\0")), "cut.wasm", Verdict.NOT_SCANNED, cut_is_clean=True
    ),
    "benign_text": Case(lambda: b"asm.js came before\n", "notes.wasm.txt", Verdict.CLEAN, cut_is_clean=True),
    "runs_commands": case(imports("fd_write", "proc_exec", "proc_exec", module="wasix_32v1"), verdict=Verdict.REVIEW),
    "runs_scripts": case(imports("_emscripten_run_script", module="env"), verdict=Verdict.REVIEW),
    "pickle_in_data": case(section(11, noise(40) + EVIL_PICKLE), verdict=Verdict.MALICIOUS),
    "imports_beyond_their_section": case(section(2, b"\3" + text("a") + text("b") + FUNCTION)),
    "unknown_kind": case(imports("x", kind=b"\x09")),
    "section_beyond_the_end": case(section(0, b"x", more=9_000)),
    "endless_number": case(b"\5\xff\xff\xff\xff\xff\xff"),
    "huge_name": case(section(2, b"\1" + varint(1 << 30))),
}
