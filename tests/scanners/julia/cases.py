"""Julia's objects: models as BSON.jl writes them, functions that travel along, and streams of the standard library."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

from modelsweep.core.report import Verdict
from tests.scanners.case import Case
from tests.scanners.native_code import elf


def text(value: str) -> bytes:
    """Return a text behind its length."""
    data = value.encode() + b"\0"
    return struct.pack("<i", len(data)) + data


def element(key: str, value: Any) -> bytes:
    """Return a value with its type and key."""
    forms: dict[type, tuple[int, Callable[[Any], bytes]]] = {
        float: (1, lambda held: struct.pack("<d", held)),
        str: (2, text),
        dict: (3, bson),
        list: (4, lambda held: bson({str(place): item for place, item in enumerate(held)})),
        bytes: (5, lambda held: struct.pack("<iB", len(held), 0) + held),
        type(None): (10, lambda _: b""),
        bool: (8, lambda held: bytes([held])),
        int: (18, lambda held: struct.pack("<q", held)),
    }
    kind, form = forms[type(value)]
    return bytes([kind]) + key.encode() + b"\0" + form(value)


def bson(value: dict[str, Any]) -> bytes:
    """Return a document."""
    held = b"".join(element(key, item) for key, item in value.items())
    return struct.pack("<i", len(held) + 5) + held + b"\0"


def kind(*path: str, parameters: tuple[Any, ...] = ()) -> dict[str, Any]:
    """Return a type by its name."""
    return {"tag": "datatype", "params": list(parameters), "name": list(path)}


def made(of: dict[str, Any], *fields: Any) -> dict[str, Any]:
    """Return an object of a type."""
    return {"tag": "struct", "type": of, "data": list(fields)}


def symbol(name: str) -> dict[str, Any]:
    """Return a symbol, of which code is made."""
    return {"tag": "symbol", "name": name}


FLOATS = {"tag": "array", "type": kind("Core", "Float32"), "size": [2, 3], "data": bytes(24)}
RELU = made(kind("NNlib", "#relu"))
DENSE = made(kind("Flux", "Dense"), FLOATS, None, RELU)
MODEL = {"model": made(kind("Flux", "Chain"), [DENSE, DENSE]), "epoch": 3, "loss": 0.5, "done": True}


def closure(*symbols: str) -> dict[str, Any]:
    """Return a model with a function that is stored as code."""
    name = made(kind("Core", "TypeName"), "#7#8", [symbol(each) for each in symbols])
    return {**MODEL, "layer": {"tag": "jl_anonymous", "typename": name, "params": []}}


def document(value: dict[str, Any], verdict: Verdict) -> Case:
    """Return the case of a document."""
    return Case(lambda: bson(value), "model.bson", verdict)


def stream(*symbols: str) -> bytes:
    """Return what `serialize` writes: a header, an object of a type, and symbols."""
    written = b"".join(b"\1" + bytes([len(each)]) + each.encode() for each in symbols)
    return b"7JL\x1b\x04\0\0\0" + b"\x34\x10\1\5Dense\x1f\x4e\1\4Flux\x44" + written + struct.pack("<4f", 1, 2, 3, 4)


REFERENCE = {"tag": "ref", "path": ["Main", "Base", "run"]}
CASES = {
    "benign": document(MODEL, Verdict.CLEAN),
    "benign_plain": document({"a": [1, 2.5, None], "b": {"name": "x"}}, Verdict.CLEAN),
    "benign_closure": document(closure("reshape", "size", "x"), Verdict.CLEAN),
    "benign_module": document({**MODEL, "x": {"tag": "ref", "path": ["Main", "NNlib"]}}, Verdict.CLEAN),
    "benign_long_keys": document({"k" * 127: 1, "l" * 128: 2, "m" * 700: {"n" * 300: "x"}}, Verdict.CLEAN),
    "evil_behind_long_key": document({"k" * 300: 1, "x": REFERENCE}, Verdict.MALICIOUS),
    "evil_reference": document({**MODEL, "x": REFERENCE}, Verdict.MALICIOUS),
    "evil_type": document({**MODEL, "x": made(kind("Base", "Cmd"), ["echo"])}, Verdict.MALICIOUS),
    "evil_closure": document(closure("cmd_gen", "run"), Verdict.MALICIOUS),
    "evil_name_first": document({"x": {"name": "cmd_gen", "tag": "symbol"}}, Verdict.MALICIOUS),
    "evaluates": document({**MODEL, "x": {"tag": "ref", "path": ["Main", "Core", "eval"]}}, Verdict.REVIEW),
    "evaluates_in_closure": document(closure("include_string"), Verdict.REVIEW),
    "executable_inside": document({**MODEL, "extra": elf() + bytes(64)}, Verdict.MALICIOUS),
    "buffer_behind_its_size": Case(
        lambda: struct.pack("<I", 64) + b"\x08\0\0\0IREE" + bytes(52), "module.fb", Verdict.NOT_SCANNED
    ),
    "odd_element": Case(lambda: bson(MODEL).replace(b"\x12epoch", b"\x16epoch"), "model.bson", Verdict.NOT_SCANNED),
    "stream": Case(stream, "model.jls", Verdict.NOT_SCANNED),
    "evil_stream": Case(lambda: stream("cmd_gen", "run"), "model.jls", Verdict.MALICIOUS),
}
