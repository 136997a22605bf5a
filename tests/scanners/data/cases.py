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


def imatrix(*names: bytes, cut: int = 0) -> bytes:
    """Return an importance matrix of llama.cpp."""
    entries = (struct.pack("<i", len(name)) + name + struct.pack("<2i", 9, 4) + noise(16) for name in names)
    matrix = struct.pack("<i", len(names)) + b"".join(entries)
    return matrix[: len(matrix) - cut]


def traineddata(*, unordered: bool = False) -> bytes:
    """Return parts of Tesseract's, most of them left out."""
    places = [-1] * 24
    places[0], places[17], places[20] = 196, 250, 240 if unordered else 300
    return struct.pack("<i24q", 24, *places) + noise(200)


def marian(*, more: int = 0) -> bytes:
    """Return a model of Marian with two items, of which the last claims `more` bytes than there are."""
    headers = struct.pack("<4Q", 6, 0x404, 2, 64) + struct.pack("<4Q", 5, 0x404, 1, 16 + more)
    named = b"W_emb\0bias\0" + struct.pack("<3i", 4, 4, 4)
    return struct.pack("<2Q", 1, 2) + headers + named + struct.pack("<Q", 8) + bytes(8) + noise(80)


def unsigned_fasttext(*, words: int = 3, kind: int = 2) -> bytes:
    """Return vectors of fastText before it wrote a sign, with room for three words of two numbers."""
    arguments = struct.pack("<12i", 2, 5, 5, 5, 5, 1, 2, kind, 1000, 3, 6, 10_000) + struct.pack("<d", 1e-4)
    entries = b"".join(word + struct.pack("<qb", 9, 0) for word in (b"the\0", b"to\0", b"of\0"))
    return arguments + struct.pack("<3iq", words, words, 0, 60) + entries + noise(60)


TABLES = {
    "orc": (b"ORC" + noise(90) + b"\3ORC\x17", "rows.orc"),
    "lance": (noise(90) + b"\0\0\2\0LANC", "rows.lance"),
    "sas": (bytes(12) + bytes.fromhex("c2ea8160b31411cfbd92080009c7318c181f1011") + noise(90), "survey.sas7bdat"),
    "duckdb": (noise(8) + b"DUCK" + noise(90), "runs.duckdb"),
    "lmdb": (bytes(16) + b"\xde\xc0\xef\xbe\1\0\0\0" + noise(90), "data.mdb"),
    "imatrix": (imatrix(b"blk.0.attn_k.weight", b"output.weight"), "imatrix.dat"),
    "traineddata": (traineddata(), "eng.traineddata"),
    "marian": (marian(), "model.intgemm.alphas.bin"),
    "unsigned_fasttext": (unsigned_fasttext(), "wiki.bin"),
    "nifti_2": (struct.pack("<i", 540) + b"n+2\0\r\n\x1a\n" + noise(90), "scan.nii"),
    "sphinx_senones": (struct.pack("<i", 30) + b"BEGIN FILE FORMAT DESCRIPTION\0" + noise(90), "sendump"),
}
"""Those that are told by more than their beginning, of which a shorter one is none."""
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
    "benign_kaldi_archive": cut(b"utt-1 \0BCM \1" + struct.pack("<2f", 0, 1), "feats.ark"),
    "kaldi_archive_of_nothing_known": Case(lambda: b"utt-1 \0C" + noise(100), "feats.ark", Verdict.NOT_SCANNED),
    "benign_openfst": cut(struct.pack("<2i", 2125659606, 6) + b"vector", "HCLG.fst"),
    "benign_kenlm": cut(b"mmap lm http://kheafield.com/code format version 5\n\0", "lm.klm"),
    **{
        f"benign_{key}": Case(lambda data=data: data, name, Verdict.CLEAN, cut_is_clean=True)  # type: ignore[misc]
        for key, (data, name) in TABLES.items()
    },
    "benign_spss": cut(b"$FL2@(#) SPSS DATA FILE", "survey.sav"),
    "benign_stata": cut(b"<stata_dta><header><release>118</release>", "survey.dta"),
    "benign_stata_of_old": cut(b"r\2\1\0\x0e\0\xcb\0", "macro.dta"),
    "benign_sphinx_means": cut(b"s3\nversion 1.0\nchksum0 yes\n      endhdr\n", "means"),
    "benign_sphinx_definition": cut(b"BMDF\1\0\0\0", "mdef"),
    "benign_sphinx_language": cut(b"Trie Language Model\3\x2b\0\0\0", "en-us.lm.bin"),
    "benign_translation_of_qt": cut(bytes.fromhex("3cb86418caef9c95cd211cbf60a1bddd"), "app_ar.qm"),
    "benign_shapes": cut(struct.pack(">i5i", 9994, 0, 0, 0, 0, 0), "lakes.shp"),
    "benign_apple_double": cut(bytes.fromhex("0005160700020000") + b"Mac OS X        ", "__MACOSX/._model.pkl"),
    "benign_wandb": cut(b":W&B\xe1\xbe\0", "run-1.wandb"),
    "benign_darknet": cut(struct.pack("<3iQ", 0, 2, 0, 32_013_312), "yolov3.weights"),
    "benign_ncnn_graph": cut(struct.pack("<i", 7_767_517), "net.param.bin"),
    "benign_tnn": cut(struct.pack("<I", 0xFABC0004), "net.tnnmodel"),
    "benign_dlib_network": cut(b"\1\1\1\x0dloss_metric_2\3", "resnet.dat"),
    "benign_dlib_shape": cut(bytes.fromhex("0101818881 01034d38f1811d039fd6a48119"), "landmarks.dat"),
    "benign_nnue": cut(struct.pack("<I", 0x7AF32F20), "nn.nnue"),
    "darknet_under_another_name": Case(
        lambda: struct.pack("<3i", 0, 2, 0) + noise(90), "yolov3.data", Verdict.NOT_SCANNED
    ),
    "stata_without_variables": Case(lambda: b"r\2\1\0\0\0" + noise(90), "macro.dta", Verdict.NOT_SCANNED),
    "apple_double_as_model": Case(
        lambda: bytes.fromhex("0005160700020000") + noise(90), "model.pkl", Verdict.NOT_SCANNED
    ),
    "pickle_in_apple_double": Case(
        lambda: bytes.fromhex("0005160700020000") + EVIL_PICKLE, "._model.pkl", Verdict.MALICIOUS, cut_is_clean=True
    ),
    "unsigned_fasttext_of_more_words": Case(lambda: unsigned_fasttext(words=30), "wiki.bin", Verdict.NOT_SCANNED),
    "unsigned_fasttext_of_no_kind": Case(lambda: unsigned_fasttext(kind=7), "wiki.bin", Verdict.NOT_SCANNED),
    "pickle_in_unsigned_fasttext": Case(
        lambda: unsigned_fasttext() + EVIL_PICKLE, "wiki.bin", Verdict.MALICIOUS, cut_is_clean=True
    ),
    "orc_that_goes_on": Case(lambda: b"ORC" + noise(90), "rows.orc", Verdict.NOT_SCANNED),
    "imatrix_cut": Case(lambda: imatrix(b"blk.0.attn_k.weight", cut=3), "imatrix.dat", Verdict.NOT_SCANNED),
    "traineddata_unordered": Case(lambda: traineddata(unordered=True), "eng.traineddata", Verdict.NOT_SCANNED),
    "marian_beyond_the_end": Case(lambda: marian(more=300), "model.bin", Verdict.NOT_SCANNED),
    "pickle_in_lmdb": Case(lambda: TABLES["lmdb"][0] + EVIL_PICKLE, "data.mdb", Verdict.MALICIOUS, cut_is_clean=True),
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
