"""Parts of models of ML.NET, and the zip around them."""

from __future__ import annotations

import struct

from modelsweep.core.report import Verdict
from tests.scanners.case import Case
from tests.scanners.native_code import elf
from tests.scanners.pickle.assembler import EVIL_PICKLE
from tests.scanners.zip.cases import made

OWN = "Microsoft.ML.Data, Version=1.0.0.0, Culture=neutral, PublicKeyToken=cc7b13ffcd2ddd51"


def part(content: bytes = bytes(40), assembly: str = OWN, *, model: int = 0x100, tail: bytes = b"LEDOM\0LM") -> bytes:
    """Return a part with a block of content."""
    name = assembly.encode("utf-16-le")
    at = 0x100 + len(content)
    end = at + len(name) + 8
    header = struct.pack(
        "<8s2I6q8s2I24s24s2qqI",
        b"ML\0MODEL",
        *(0x10002, 0x10002, model, len(content), 0, 0, 0, 0, b"KEY2VALT", 0x10001, 0x10001),
        *(b"KeyToValueTransform", b"", end - 8, end, at if name else 0, len(name)),
    )
    return header.ljust(0x100, b"\0") + content + name + tail


def packed(*parts: bytes) -> bytes:
    """Return a model with its parts."""
    members = ((f"TransformerChain/Transform_{number:03}/Model.key", data) for number, data in enumerate(parts))
    return made(("TrainingInfo/Version.txt", b"3.0.1"), *members)


CASES = {
    "benign": Case(part, "Model.key", Verdict.CLEAN),
    "benign_zip": Case(lambda: packed(part(), part(b"", "")), "model.zip", Verdict.CLEAN),
    "other_assembly": Case(lambda: part(assembly="Acme.Custom, Version=1.0.0.0"), "Model.key", Verdict.CLEAN),
    "executable_inside": Case(lambda: packed(part(elf() + bytes(64))), "model.zip", Verdict.MALICIOUS),
    "pickle_behind": Case(lambda: part() + EVIL_PICKLE, "Model.key", Verdict.MALICIOUS, cut_is_clean=True),
    "block_out_of_file": Case(lambda: part(model=1 << 40), "Model.key", Verdict.NOT_SCANNED),
    "negative_block": Case(lambda: part(model=-1), "Model.key", Verdict.NOT_SCANNED),
    "without_tail": Case(lambda: part(tail=bytes(8)), "Model.key", Verdict.NOT_SCANNED),
}
