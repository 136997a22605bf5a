"""Compiled Python alone and in a cache, and what only begins like it."""

from __future__ import annotations

import marshal
import struct
from dataclasses import replace
from types import CodeType

from modelsweep.core.report import Verdict
from tests.scanners.case import Case

PAYLOAD = compile("import os\nos.system('echo modelsweep-test')\n", "acme.py", "exec")
HARMLESS = compile("def forward(x):\n    return x * 2\n", "acme.py", "exec")
CHECKED, UNCHECKED, DATED = 3, 1, 0


def compiled(code: CodeType, flags: int = DATED, magic: int = 3495, header: str = "<H2sIQ") -> bytes:
    """Return a file as py_compile writes it; the layout of the code is that of the Python that runs the tests."""
    fields = (magic, b"\r\n", flags, 0)[: 4 if "I" in header else 3]
    # Version 2 of marshal has no references, and is the same of every Python for the strings that are looked for.
    return struct.pack(header, *fields) + marshal.dumps(code, 2)


COMPILED = {
    "alone": Case(lambda: compiled(PAYLOAD), "modeling_acme.pyc", Verdict.REVIEW),
    "alone_harmless": Case(lambda: compiled(HARMLESS), "modeling_acme.pyc", Verdict.REVIEW),
    "other_name": Case(lambda: compiled(PAYLOAD), "weights", Verdict.REVIEW),
    "unchecked_in_cache": Case(
        lambda: compiled(PAYLOAD, UNCHECKED), "acme/__pycache__/net.cpython-311.pyc", Verdict.REVIEW
    ),
    # A cache belongs to its source, whatever it holds: cut it says no less.
    "command_in_cache": Case(
        lambda: compiled(PAYLOAD), "acme/__pycache__/net.cpython-311.pyc", Verdict.CLEAN, cut_is_clean=True
    ),
    "benign_in_cache": Case(
        lambda: compiled(HARMLESS), "acme/__pycache__/net.cpython-311.pyc", Verdict.CLEAN, cut_is_clean=True
    ),
    "benign_hashed_in_cache": Case(
        lambda: compiled(HARMLESS, CHECKED), "acme/__pycache__/net.cpython-311.pyc", Verdict.CLEAN, cut_is_clean=True
    ),
}
CASES = {
    **{name: replace(case, compiled=True) for name, case in COMPILED.items()},
    "python_2": Case(lambda: struct.pack("<H2sI", 62211, b"\r\n", 0) + b"c" + bytes(40), "old.pyc", Verdict.REVIEW),
    "benign_magic_in_text": Case(lambda: b"ab\r\nc,d\r\nce\r\n" * 20, "table.csv", Verdict.CLEAN, cut_is_clean=True),
}
