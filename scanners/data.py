"""Vocabularies, tables, databases and files of git: recognised, so that they are not unknown; they hold no code.

SentencePiece (sentencepiece_model.proto), fastText (`FastText::signModel`, and without a sign before 2017), word2vec's
binary vectors, acoustic and language models of Sphinx (`bio_readhdr`, `bin_mdef_read`, `ngram_model_trie`), parameters
of TVM (`runtime::SaveParams`), arrays of ND4J (coefficients of DL4J), CRFsuite, Kaldi, OpenFst, KenLM, netCDF, FITS,
IDL, DICOM, NIfTI, LAS, SQLite, DuckDB, LMDB, ORC, Lance, tables of SAS, SPSS and Stata, logs of wandb, networks of
Darknet, dlib, Stockfish, KANN, TNN and RTen, graphs of ncnn in binary, importance matrices of llama.cpp, Marian,
Tesseract, time zones (RFC 8536), translations (gettext, Qt), metadata of folders and files by the Finder (AppleDouble),
shapes of ESRI, and git's index, packs and loose objects (gitformat-index, gitformat-pack). Files in loose objects are
examined. Like text, all of these are clean once their raw bytes have been searched.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from modelsweep.core import patterns as re
from modelsweep.core.scanner import Blob, Context, Item, Malformed, Scanner, Signs, begins
from scanners.suffixes import NEVER_PLAIN

_MAGIC = (
    *(b"CDF\1", b"CDF\2", b"CDF\5", b"SIMPLE  =", b"SR\0\4", b"SR\0\6", b"TZif"),
    *(b"\xde\x12\x04\x95", b"\x95\x04\x12\xde"),  # translations of gettext
    bytes.fromhex("3cb86418caef9c95cd211cbf60a1bddd"),  # of Qt
    *(b"s3\nversion ", b"BMDF", b"FDMB"),  # Sphinx
    b"\0\0\x27\x0a" + bytes(20),  # shapes of ESRI
    *(b"lCRF", b"\0B<", b"\0BFM ", b"\0BFV ", b"\0BDM ", b"\0BDV ", b"\0BCM ", struct.pack("<i", 2125659606)),
    b"mmap lm http://kheafield.com/code format version",
    *(b"SQLite format 3\0", b"LASF", b"\0\0\0\1Bud1"),
    *(b"$FL2@(#)", b"$FL3@(#)", b"<stata_dta><header>", b":W&B\xe1\xbe\0"),
    *(b"\x20\x2f\xf3\x7a", b"\xf5\x17\x34\x01\xd5\x48\x1a\xf1", b"KAN\1", b"RTEN"),
    *(b"\2\0\xbc\xfa", b"\4\0\xbc\xfa"),  # weights of TNN
    *(b"PACK\0\0\0\2", b"\xfftOc\0\0\0\2", b"RIDX\0\0\0\1", b"CGPH\1", b"MIDX\1", b"BITM\0\1"),
    *(b"DIRC\0\0\0" + bytes((version,)) for version in (2, 3, 4)),
)
_MAGIC_AT = (
    *((128, b"DICM"), (344, b"n+1\0"), (344, b"ni1\0"), (8, b"DUCK"), (16, b"\xde\xc0\xef\xbe\1\0\0\0")),
    *((4, b"n+2\0\r\n\x1a\n"), (4, b"ni2\0\r\n\x1a\n"), (4, b"BEGIN FILE FORMAT DESCRIPTION\0")),
    (12, bytes.fromhex("c2ea8160b31411cfbd92080009c7318c181f1011")),  # SAS
)
_DARKNET = tuple(struct.pack("<3i", *version) for version in ((0, 1, 0), (0, 2, 0), (0, 2, 5)))
_DLIB = re.compile(
    rb"\x01\x01(?:\x01[\x05-\x40]loss_[a-z]|\x81.\x81\x01[\x01-\x04].{1,4}[\x01\x81].[\x01-\x04])", re.DOTALL
)
"""Version 1, then the name of a network's loss, or rows and only column of a mean shape, and its first number."""
_ORC, _LANCE = b"ORC", b"LANC"
_MIN_TABLE = 16
"""Minimum bytes of a table with its footer."""
_DATA_SUFFIXES = (".weights", ".lance", ".ark", ".dta")
_ARCHIVE = re.compile(rb"[^\s\0]{1,200} \0B(?:[FDC][MV][23]? |\x04|<)")
"""The first entry of a Kaldi archive: a key, then a matrix, a vector, numbers or a part of a model in binary form."""
_STATA = re.compile(rb"[\x69\x6c\x6e\x6f\x71-\x73][\x01\x02]\x01\0(?!\0\0)..", re.DOTALL)
"""A release up to 115, the byte order, and a non-zero number of variables."""
_GIT_OBJECT = re.compile(rb"(blob|tree|commit|tag) (0|[1-9][0-9]{0,15})\0")
_ND4J = ("MIXED_DATA_TYPES", "LONG_SHAPE", "JAVACPP", "DIRECT", "HEAP")
"""How an array's shape was allocated: the length-prefixed string with which an array begins."""
_WEIGHTS = (
    struct.pack("<Q", 0xF7E58D4F05049CB7),
    struct.pack("<i", 7_767_517),  # graphs of ncnn
    b"Trie Language Model",  # Sphinx
    *(struct.pack(">H", len(mode)) + mode.encode() + bytes(6) for mode in _ND4J),
)
_APPLE_DOUBLE = b"\0\5\x16\7\0\2\0\0"
"""macOS stores metadata of a file beside it, with the prefix `._`, also in archives (RFC 1740, appendix B)."""
_FASTTEXT = tuple(struct.pack("<2i", 793712314, version) for version in (11, 12))
_WORD2VEC = re.compile(rb"([1-9][0-9]{0,8}) ([1-9][0-9]{0,4})\n[^ \n]{1,200} ")
_MIN_PIECES = 3
"""Number of pieces that identify SentencePiece: those for unknown words, for the beginning and for the end."""
_PIECE_FIELDS = frozenset({1, 2, 3})
_FIRST_EXTENSION = 200
"""Field numbers from here on are reserved for extensions of the format."""


def accepts(blob: Blob) -> bool:
    """Return whether the blob is one of these formats, and not a damaged model that resembles one."""
    if blob.head.startswith((*_FASTTEXT, *_WEIGHTS)) or _is_word2vec(blob) or _is_sentencepiece(blob):
        return True
    if blob.head.startswith(_APPLE_DOUBLE) and blob.locator.name.startswith("._"):
        return True
    if blob.head[2:4] == b"\0\0" and _is_counted(blob):
        return True
    if blob.locator.suffix in NEVER_PLAIN:
        return False
    if any(blob.head.startswith(magic, offset) for offset, magic in _MAGIC_AT) or _is_table(blob):
        return True
    return blob.head.startswith(_MAGIC) or _git_object(blob) is not None


def _is_table(blob: Blob) -> bool:
    """Return whether the blob is a table that its name, the end of the file, or its offsets identify."""
    if _DLIB.match(blob.head) or (blob.locator.suffix == ".weights" and blob.head.startswith(_DARKNET)):
        return True
    if blob.locator.suffix == ".ark":
        return _ARCHIVE.match(blob.head) is not None
    if blob.locator.suffix == ".dta" and _STATA.match(blob.head):
        return True
    if blob.size > _MIN_TABLE and (blob.head.startswith(_ORC) or blob.locator.suffix == ".lance"):
        end = blob.reader.read(blob.size - 4, 4)
        return end == _LANCE or (blob.head.startswith(_ORC) and end[:3] == _ORC)
    return False


def _is_counted(blob: Blob) -> bool:
    """Return whether the blob is a table that its first numbers, names and offsets identify."""
    from scanners.parsing import number_tables

    tables = (number_tables.is_traineddata, number_tables.is_marian, number_tables.is_unsigned_fasttext)
    return number_tables.is_imatrix(blob.head) or any(is_one(blob) for is_one in tables)


def _git_object(blob: Blob) -> tuple[bytes, int] | None:
    """Return the kind of a loose git object and the offset of its content, or None if the declared size is wrong."""
    found = _GIT_OBJECT.match(blob.head)
    if found is None or int(found[2]) != blob.size - found.end():
        return None
    return found[1], found.end()


def _is_word2vec(blob: Blob) -> bool:
    found = _WORD2VEC.match(blob.head)
    return found is not None and blob.size - len(found[1]) >= int(found[1]) * (4 * int(found[2]) + 2)


def _is_sentencepiece(blob: Blob) -> bool:
    """Return whether the first fields are pieces, each with a text, a score and a kind."""
    if not blob.head.startswith(b"\n"):
        return False
    from scanners.parsing.protobuf import LENGTH, Wire

    wire = Wire(blob.reader)
    pieces = 0
    try:
        for field in wire.fields(0, blob.size):
            if field.number != 1 or field.wire != LENGTH or pieces == _MIN_PIECES:
                break
            inner = list(wire.fields(field.value, field.value + min(field.length, len(blob.head))))
            if not inner or inner[0].number != 1 or not _PIECE_FIELDS.issuperset(one.number for one in inner):
                break
            pieces += 1
    except Malformed:
        return False
    return pieces == _MIN_PIECES


def scan(blob: Blob, context: Context) -> Iterator[Item]:
    """Yield the file in a git object; otherwise nothing. Raises Malformed if a vocabulary is cut short."""
    kept = _git_object(blob)
    if kept and kept[0] == b"blob" and blob.size > kept[1]:
        yield blob.window("file", kept[1], blob.size - kept[1])
    if blob.head[2:4] == b"\0\0":
        _check_table(blob, context)
    if _is_sentencepiece(blob):
        from scanners.parsing.protobuf import Wire

        for field in Wire(blob.reader, context).fields(0, blob.size):
            if not 1 <= field.number <= 5 and field.number < _FIRST_EXTENSION:
                raise Malformed(f"a vocabulary has no field {field.number}", field.value)


def _check_table(blob: Blob, context: Context) -> None:
    """Raise Truncated if a table of numbers is smaller than its header declares."""
    from scanners.parsing import number_tables

    if number_tables.is_imatrix(blob.head):
        number_tables.check_imatrix(blob, context)
    elif number_tables.is_marian(blob):
        number_tables.check_marian(blob, context)


SCANNER = Scanner(
    name="data",
    title="Vocabularies, word vectors, tables, databases, small networks, objects of git",
    version=8,
    accepts=accepts,
    scan=scan,
    suffixes=(".model", ".bin", ".ftz", ".nc", ".fits", ".orc", ".weights", ".traineddata"),
    signs=Signs(
        begins(*_FASTTEXT, *_WEIGHTS, *_MAGIC, _ORC, _APPLE_DOUBLE) + b"btc123456789\n\1",
        _DATA_SUFFIXES,
        at=(*((place, (magic,)) for place, magic in _MAGIC_AT), (2, (b"\0\0",))),
    ),
)
