"""Vocabularies and vectors as their libraries write them, and other bytes that begin like them."""

from __future__ import annotations

import struct

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

CASES = {
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
