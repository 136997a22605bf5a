"""Old files of llama.cpp, laid out by hand: the programs that wrote them are gone."""

from __future__ import annotations

import struct
from collections.abc import Callable

from modelsweep.core.report import Verdict
from tests.scanners.case import Case
from tests.scanners.native_code import elf

F32, Q4_0, Q5_0 = 0, 2, 6


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


def words(*tokens: str) -> bytes:
    """Return a vocabulary."""
    return b"".join(struct.pack("<I", len(token)) + token.encode() for token in tokens)


def program(parameters: int, between: bytes, kind: int = F32, data: bytes = bytes(128)) -> bytes:
    """Return a model of another program: parameters, of which the first is 3, what follows them, and tensors."""
    head = b"lmgg" + struct.pack(f"<{parameters}I", 3, *[1] * (parameters - 1)) + between
    shape = (32, 1) if kind == F32 else (32,)
    bias = tensor("b", F32, (1,), bytes(4), 0, 1)
    return head + tensor("encoder.conv1.weight", kind, shape, data, 0, 1) + bias


def whisper(kind: int = F32, data: bytes = bytes(128), filters: int = 4) -> bytes:
    """Return a model of whisper.cpp, whose tokens are fewer than its parameters say."""
    table = struct.pack("<2I", filters, 3) + bytes(4 * 3 * filters)
    return program(11, table + struct.pack("<I", 2) + words("a", ""), kind, data)


def rwkv(version: int = 101, kind: int = 7, width: int = 22) -> bytes:
    """Return a model of RWKV, which numbers types in its own way."""
    head = b"fmgg" + struct.pack("<5I", version, 65_536, 768, 12, kind)
    return head + tensor("emb.weight", F32, (8, 1), bytes(32), 0, 1) + tensor("w", kind, (32,), bytes(width), 0, 1)


def of_program(build: Callable[[], bytes], name: str) -> Case:
    """Return the case of a model of another program, of which nothing says how many tensors it has."""
    return Case(build, name, Verdict.CLEAN, cut_is_clean=True)


CASES = {
    "benign_whisper": of_program(whisper, "ggml-tiny.bin"),
    "benign_whisper_quantised": of_program(lambda: whisper(Q5_0, bytes(22)), "ggml-base-q5_0.bin"),
    "benign_gpt_2": of_program(lambda: program(6, struct.pack("<I", 2) + words("a", "b")), "ggml-model.bin"),
    "benign_gpt_neox": of_program(lambda: program(8, words("a", "b", "c")), "ggml-model.bin"),
    "benign_rwkv": of_program(rwkv, "rwkv-q5_0.bin"),
    "whisper_of_too_many_filters": Case(lambda: whisper(filters=1 << 19), "ggml-tiny.bin", Verdict.NOT_SCANNED),
    "whisper_cut": Case(lambda: whisper()[:-1], "ggml-tiny.bin", Verdict.NOT_SCANNED, cut_is_clean=True),
    "rwkv_cut": Case(lambda: rwkv()[:-1], "rwkv.bin", Verdict.NOT_SCANNED, cut_is_clean=True),
    "executable_in_whisper": Case(lambda: whisper(data=elf()[:128].ljust(128)), "ggml-tiny.bin", Verdict.MALICIOUS),
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
