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


def cut(beginning: bytes, name: str) -> Case:
    """Return the case of data behind a beginning that tells it, of which a shorter one is data as well."""
    return Case(lambda: beginning + noise(100), name, Verdict.CLEAN, cut_is_clean=True)


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
    "benign_tvm": cut(struct.pack("<QQQ", 0xF7E58D4F05049CB7, 0, 0), "deploy.params"),
    "benign_nd4j": cut(b"\0\x10MIXED_DATA_TYPES" + struct.pack(">q", 4) + b"\0\4LONG", "coefficients.bin"),
    "benign_crfsuite": cut(b"lCRF" + struct.pack("<I", 112) + b"FOMC", "ner.crfsuite"),
    "benign_kaldi": cut(b"\0B<Nnet3> ", "final.raw"),
    "benign_kaldi_matrix": cut(b"\0BFM \4" + struct.pack("<i", 10), "lda.mat"),
    "benign_openfst": cut(struct.pack("<2i", 2125659606, 6) + b"vector", "HCLG.fst"),
    "benign_kenlm": cut(b"mmap lm http://kheafield.com/code format version 5\n\0", "lm.klm"),
    "kaldi_with_a_pickle": Case(
        lambda: b"\0B<Nnet3> " + EVIL_PICKLE, "final.raw", Verdict.MALICIOUS, cut_is_clean=True
    ),
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
