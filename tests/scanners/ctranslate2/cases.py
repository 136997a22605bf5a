"""Models of CTranslate2, as its converters write them."""

from __future__ import annotations

import struct
from collections.abc import Callable

from modelsweep.core.report import Verdict
from tests.scanners.case import Case
from tests.scanners.pickle import assembler


def text(value: str) -> bytes:
    """Return a text with a zero at its end, behind its length."""
    return struct.pack("<H", len(value) + 1) + value.encode() + b"\0"


def tensor(name: str, shape: tuple[int, ...], kind: int, data: bytes, length: int | None = None) -> bytes:
    """Return a tensor."""
    dimensions = struct.pack(f"<B{len(shape)}I", len(shape), *shape)
    return text(name) + dimensions + struct.pack("<BI", kind, len(data) if length is None else length) + data


def model(*tensors: bytes, version: int = 6, aliases: tuple[tuple[str, str], ...] = ()) -> bytes:
    """Return a model."""
    names = b"".join(text(one) + text(other) for one, other in aliases)
    start = struct.pack("<I", version) + text("WhisperSpec") + struct.pack("<2I", 3, len(tensors))
    return start + b"".join(tensors) + struct.pack("<I", len(aliases)) + names


def case(build: Callable[[], bytes], verdict: Verdict) -> Case:
    """Return the case of a file."""
    return Case(build, "model.bin", verdict)


WEIGHT = tensor("encoder/conv1/weight", (2, 3), 1, bytes(6))
SCALE = tensor("encoder/conv1/weight_scale", (2,), 0, bytes(8))
SCALAR = tensor("encoder/num_heads", (), 2, b"\x08\0")
PICKLE = assembler.proto(4) + assembler.EVIL + assembler.STOP

CASES = {
    "benign": case(
        lambda: model(WEIGHT, SCALE, SCALAR, aliases=(("decoder/projection/weight", "encoder/conv1/weight"),)),
        Verdict.CLEAN,
    ),
    "benign_old": case(
        lambda: model(text("w") + struct.pack("<BIBI", 1, 4, 2, 4) + bytes(8), version=3), Verdict.CLEAN
    ),
    "overrun": case(lambda: model(tensor("w", (1,), 0, bytes(64))), Verdict.MALICIOUS),
    "short": case(lambda: model(tensor("w", (1 << 20, 1 << 20), 0, bytes(4))), Verdict.MALICIOUS),
    "pickle_among_numbers": case(lambda: model(tensor("w", (len(PICKLE),), 1, PICKLE), SCALE), Verdict.MALICIOUS),
    "unknown_type": case(lambda: model(tensor("w", (1,), 9, bytes(4))), Verdict.NOT_SCANNED),
    "trailing": Case(lambda: model(WEIGHT) + bytes(9), "model.bin", Verdict.NOT_SCANNED, cut_is_clean=True),
    "huge_count": case(
        lambda: model(WEIGHT).replace(struct.pack("<2I", 3, 1), b"\3\0\0\0\xff\xff\xff\xff"), Verdict.NOT_SCANNED
    ),
}
