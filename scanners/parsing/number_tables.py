"""Tables of numbers without a magic number, recognised by the names and offsets at their start.

Importance matrices of llama.cpp (`save_imatrix` before GGUF), models of Marian (`io::binary::loadItems`), Tesseract's
traineddata (`TessdataManager::LoadMemBuffer`), and fastText before it had a magic number (`Args::load`,
`Dictionary::load`).
"""

from __future__ import annotations

import struct

from modelsweep.core import patterns as re
from modelsweep.core.scanner import Blob, Context
from scanners.parsing.cursor import Cursor

_COST = 50
_TENSOR = re.compile(rb"..\0\0(.)\0\0\0((?:blk\.\d|token_embd|output)[\w.]*)", re.DOTALL)
_TRAINED = range(8, 65)
"""Numbers of parts of traineddata, most of which are absent."""
_MARIAN = struct.Struct("<2Q")
_ITEMS, _ITEM = range(1, 100_000), 32
_FIRST = range(4, 256)
"""Valid lengths in bytes of the first item's name."""
_FASTTEXT = struct.Struct("<12id3iq")
"""Arguments, of which the last is a threshold, then the numbers of words, labels and tokens."""
_ARGUMENTS = (range(1, 100_000),) + (range(100_000),) * 4 + (range(100),) + (range(1, 4),) * 2
"""Valid ranges of dimensions, window, epochs, minimum count, negatives, n-grams, loss and kind of model."""
_WORD = re.compile(rb"[^\0-\x20]{1,200}\0(.{8})[\0\1]", re.DOTALL)
"""The first word: its text, its frequency, and whether it is a label."""


def is_imatrix(head: bytes) -> bool:
    """Return whether `head` begins with a number of entries, and the length and name of the first tensor."""
    found = _TENSOR.match(head)
    return found is not None and found[1][0] == len(found[2])


def is_traineddata(blob: Blob) -> bool:
    """Return whether the blob begins with a number of parts and their ascending offsets, some of them absent."""
    count = int.from_bytes(blob.head[:4], "little")
    if count not in _TRAINED or len(blob.head) < 4 + 8 * count:
        return False
    places = [place for place in struct.unpack_from(f"<{count}q", blob.head, 4) if place != -1]
    return bool(places) and places[0] == 4 + 8 * count and places == sorted(set(places)) and places[-1] <= blob.size


def is_marian(blob: Blob) -> bool:
    """Return whether the blob begins with a version, a number of items and the sizes of the first one."""
    if len(blob.head) < _MARIAN.size + _ITEM:
        return False
    version, count = _MARIAN.unpack_from(blob.head)
    name, _, shape, data = struct.unpack_from("<4Q", blob.head, _MARIAN.size)
    fits = _MARIAN.size + count * _ITEM <= blob.size and data <= blob.size
    return version == 1 and count in _ITEMS and name in _FIRST and 0 < shape <= 8 and fits


def is_unsigned_fasttext(blob: Blob) -> bool:
    """Return whether the blob begins with arguments in valid ranges, consistent counts, and a first word."""
    if len(blob.head) < _FASTTEXT.size:
        return False
    *numbers, threshold, size, words, labels, tokens = _FASTTEXT.unpack_from(blob.head)
    if not all(number in bounds for number, bounds in zip(numbers, _ARGUMENTS, strict=False)) or not 0 <= threshold < 1:
        return False
    word = _WORD.match(blob.head, _FASTTEXT.size)
    fits = 0 < size == words + labels and words >= 0 <= labels and 4 * size * numbers[0] <= blob.size
    return fits and word is not None and 0 < int.from_bytes(word[1], "little") <= tokens


def check_imatrix(blob: Blob, context: Context) -> None:
    """Raise Truncated if the file does not contain all entries."""
    cursor = Cursor(blob.reader)
    for _ in range(cursor.number("I")):
        context.operations.spend(_COST)
        cursor.skip(cursor.number("I") + 4)
        cursor.skip(4 * cursor.number("I"))


def check_marian(blob: Blob, context: Context) -> None:
    """Raise Truncated if the items need more bytes than the file has."""
    cursor = Cursor(blob.reader, 8)
    before = data = 0
    for _ in range(cursor.number("Q")):
        context.operations.spend(_COST)
        name, _, shape, length = (cursor.number("Q") for _ in range(4))
        before += name + 4 * shape
        data += length
    cursor.skip(before)
    cursor.skip(cursor.number("Q"))  # padding
    cursor.skip(data)
