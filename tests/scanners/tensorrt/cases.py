"""TensorRT engines: recognised, with the plug-ins that they name, and never clean."""

from __future__ import annotations

import json
import struct

from modelsweep.core.report import Verdict
from tests.scanners.case import Case
from tests.scanners.native_code import elf
from tests.scanners.payload import noise


def engine(*names: bytes, more: bytes = b"", magic: bytes = b"ftrt") -> bytes:
    """Return the beginning of an engine, and bytes with names among them."""
    return magic + struct.pack("<IQQ", 0, 240, 4_000) + bytes(16) + b"\0".join(names) + b"\0" + noise(2_000) + more


def exported() -> bytes:
    """Return an engine behind the metadata of an exporter."""
    metadata = json.dumps({"task": "detect", "names": {"0": "cat"}}).encode()
    return struct.pack("<I", len(metadata)) + metadata + engine()


CASES = {
    "engine": Case(engine, "model.engine", Verdict.NOT_SCANNED),
    "exported": Case(exported, "yolo.engine", Verdict.NOT_SCANNED),
    "plugins": Case(lambda: engine(b"EfficientNMS_TRT", b"AcmePluginDynamic"), "model.plan", Verdict.NOT_SCANNED),
    "older": Case(lambda: engine(magic=b"ptrt"), "model.trt", Verdict.NOT_SCANNED),
    "library": Case(lambda: engine(b"EvilPlugin", b"/tmp/libevil_plugin.so"), "model.engine", Verdict.REVIEW),
    "library_of_windows": Case(lambda: engine(b"..\\plugins\\evil.dll"), "model.plan", Verdict.REVIEW),
    "libraries_of_its_own": Case(
        lambda: engine(b"libnvinfer_plugin.so.10", b"/usr/lib/x86_64-linux-gnu/libcudart.so.12", b"libc.so.6", b"x.so"),
        "model.engine",
        Verdict.NOT_SCANNED,
    ),
    "program_inside": Case(lambda: engine(more=elf() + bytes(64)), "model.engine", Verdict.MALICIOUS),
    "benign_text": Case(
        lambda: b"ftrt is a word in a list of words\n" * 9, "words.txt", Verdict.CLEAN, cut_is_clean=True
    ),
}
