"""Vocabularies and vectors as their libraries write them, and other bytes that begin like them."""

from __future__ import annotations

import struct
import zlib

from modelsweep.core.report import Verdict
from tests.scanners.case import Case
from tests.scanners.payload import noise
from tests.scanners.pickle.assembler import EVIL_PICKLE

PIECES = ("<unk>", "<s>", "</s>", "▁the", "os.system", "\U0001f525")


def piece(text: str, score: float = -1.5, kind: int = 1) -> bytes:
    """Return a piece of a vocabulary."""
    raw = text.encode()
    return b"\n" + bytes([len(raw)]) + raw + b"\x15" + struct.pack("<f", score) + b"\x18" + bytes([kind])


def vocabulary(*more: bytes) -> bytes:
    """Return a model of SentencePiece with the fields `more` behind its pieces."""
    pieces = [piece(text) for text in PIECES]
    return b"".join(b"\n" + bytes([len(one)]) + one for one in pieces) + b"".join(more)


def vectors(count: int = 3, size: int = 4) -> bytes:
    """Return vectors as word2vec writes them."""
    rows = b"".join(b"word%d " % row + noise(4 * size) + b"\n" for row in range(count))
    return b"%d %d\n" % (count, size) + rows


FASTTEXT = struct.pack("<2i", 793712314, 12) + noise(400)


def git(kind: str, content: bytes, size: int | None = None) -> bytes:
    """Return a loose object of git."""
    return zlib.compress(f"{kind} {len(content) if size is None else size}\0".encode() + content)


CASES = {
    "benign_git_blob": Case(lambda: git("blob", b"print(1)\n"), "16cc", Verdict.CLEAN),
    "benign_git_tree": Case(lambda: git("tree", b"100644 a.py\0" + noise(20)), "29bf", Verdict.CLEAN),
    "benign_git_index": Case(lambda: b"DIRC\0\0\0\2\0\0\0\1" + noise(80), "index", Verdict.CLEAN, cut_is_clean=True),
    "benign_git_pack": Case(
        lambda: b"PACK\0\0\0\2\0\0\0\1" + noise(80), "pack-0.pack", Verdict.CLEAN, cut_is_clean=True
    ),
    "benign_sqlite": Case(
        lambda: b"SQLite format 3\0\x10\0\1\1" + bytes(200), "runs.db", Verdict.CLEAN, cut_is_clean=True
    ),
    "benign_dicom": Case(lambda: bytes(128) + b"DICM\2\0" + noise(90), "scan.dcm", Verdict.CLEAN, cut_is_clean=True),
    "git_blob_with_a_pickle": Case(lambda: git("blob", EVIL_PICKLE), "16cc", Verdict.MALICIOUS),
    "git_blob_of_another_size": Case(lambda: git("blob", noise(50), size=9), "16cc", Verdict.NOT_SCANNED),
    "sqlite_named_as_model": Case(lambda: b"SQLite format 3\0" + noise(200), "net.pt", Verdict.NOT_SCANNED),
    "benign_sentencepiece": Case(vocabulary, "tokenizer.model", Verdict.CLEAN, cut_is_clean=True),
    "benign_sentencepiece_with_normalizer": Case(
        lambda: vocabulary(b"\x1a\x02\n\x00"), "spiece.model", Verdict.CLEAN, cut_is_clean=True
    ),
    "benign_fasttext": Case(lambda: FASTTEXT, "lid.bin", Verdict.CLEAN, cut_is_clean=True),
    "benign_word2vec": Case(vectors, "vectors.bin", Verdict.CLEAN, cut_is_clean=True),
    "sentencepiece_of_two_pieces": Case(
        lambda: b"".join(b"\n" + bytes([len(one)]) + one for one in (piece("a\0"), piece("b\0"))),
        "tokenizer.model",
        Verdict.NOT_SCANNED,
        cut_is_clean=True,
    ),
    "sentencepiece_of_another_field": Case(
        lambda: vocabulary(b"\x3a\x02\x00\x00"), "tokenizer.model", Verdict.NOT_SCANNED, cut_is_clean=True
    ),
    "word2vec_of_fewer_bytes": Case(lambda: vectors().replace(b"3 4", b"9 9", 1), "vectors.bin", Verdict.NOT_SCANNED),
    "pickle_in_fasttext": Case(lambda: FASTTEXT + EVIL_PICKLE, "lid.bin", Verdict.MALICIOUS, cut_is_clean=True),
}
