"""Old files of llama.cpp, laid out by hand: the programs that wrote them are gone."""

from __future__ import annotations

import struct

from modelsweep.core.report import Verdict
from tests.scanners.case import Case
from tests.scanners.native_code import elf

F32, Q4_0 = 0, 2


def tensor(name: str, kind: int, dimensions: tuple[int, ...], data: bytes, before: int, alignment: int) -> bytes:
    """Return a tensor that begins after `before` bytes."""
    head = struct.pack(f"<III{len(dimensions)}I", len(dimensions), len(name), kind, *dimensions) + name.encode()
    return head + bytes(-(before + len(head)) % alignment) + data


def model(magic: bytes, versions: tuple[int, ...], scores: bool, alignment: int, data: bytes = bytes(128)) -> bytes:
    """Return a model of three tokens and one tensor."""
    tokens = b"".join(struct.pack("<I", 2) + b"ab" + (bytes(4) if scores else b"") for _ in range(3))
    head = magic + struct.pack(f"<{len(versions) + 7}I", *versions, 3, 8, 1, 1, 1, 1, 0) + tokens
    return head + tensor("tok_embeddings.weight", F32, (8, len(data) // 32), data, len(head), alignment)


def quantised(version: int, width: int) -> bytes:
    """Return a GGJT file with one block of Q4_0, which had `width` bytes then."""
    head = b"tjgg" + struct.pack("<8I", version, 0, 8, 1, 1, 1, 1, 2)
    return head + tensor("w", Q4_0, (32,), bytes(width), len(head), 32)


def adapter() -> bytes:
    """Return a LoRA adapter of one tensor."""
    head = b"algg" + struct.pack("<3I", 1, 8, 16)
    return head + tensor("layers.0.loraA", F32, (8,), bytes(32), len(head), 32)


CASES = {
    "session": Case(lambda: b"nsgg\x09\0\0\0\x10\0\0\0" + bytes(64), "cache.ggsa", Verdict.NOT_SCANNED),
    "benign_ggml": Case(lambda: model(b"lmgg", (), False, 1), "ggml-model.bin", Verdict.CLEAN),
    "benign_ggmf": Case(lambda: model(b"fmgg", (1,), True, 1), "ggml-model.bin", Verdict.CLEAN),
    "benign_ggjt": Case(lambda: model(b"tjgg", (3,), True, 32), "ggml-model.bin", Verdict.CLEAN),
    "benign_ggjt_1_quantised": Case(lambda: quantised(1, 20), "ggml-model-q4_0.bin", Verdict.CLEAN),
    "benign_ggjt_3_quantised": Case(lambda: quantised(3, 18), "ggml-model-q4_0.bin", Verdict.CLEAN),
    "benign_ggla": Case(adapter, "ggml-adapter-model.bin", Verdict.CLEAN),
    "executable_in_tensor": Case(
        lambda: model(b"tjgg", (3,), True, 32, bytes(512) + elf()), "ggml-model.bin", Verdict.MALICIOUS
    ),
    "of_another_program": Case(lambda: b"lmgg" + bytes(range(200)), "ggml-base.bin", Verdict.NOT_SCANNED),
    "cut": Case(lambda: model(b"tjgg", (3,), True, 32)[:-1], "ggml-model.bin", Verdict.NOT_SCANNED),
}
