"""The header of a GGUF file: key-value pairs and tensor descriptions, versions 1 to 3, either byte order.

Specification: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md. Python integers do not overflow, so sizes that
wrap in 64 bits (CVE-2025-53630, CVE-2026-27940, CVE-2026-33298) stay visible.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

from modelsweep.core.finding import Json
from modelsweep.core.limits import OverLimit
from modelsweep.core.reader import Reader
from modelsweep.core.scanner import Malformed
from modelsweep.core.units import KIB, MIB
from modelsweep.core.values import dataclass, field
from scanners.parsing.cursor import Cursor

MAGIC = b"GGUF"
VERSIONS = (1, 2, 3)
ALIGNMENT = 32
ENTRIES = 100_000
"""Maximum key-value pairs, and maximum tensors: the largest models have a few thousand."""
SMALLEST = 12
"""Minimum bytes of a key-value pair or a tensor description."""
STRINGS = 4_000_000
"""Maximum strings and arrays in all arrays together; vocabularies have up to 300,000."""
TEXT = 1 * MIB
"""Maximum bytes of a string value that are kept; longer ones are cut."""
KEPT = 64 * MIB
"""Maximum bytes of all keys, names and string values that are kept."""
NAME = 64 * KIB
"""Maximum bytes of a key or tensor name (the specification allows 65,535 and 64)."""
ELEMENTS = 64
"""Maximum strings of an array that are kept."""
WIDE = frozenset(
    "tokenizer.ggml.scores tokenizer.ggml.token_type clip.vision.image_grid_pinpoints clip.vision.feature_layer".split()
)
"""Arrays that llama.cpp casts to numbers of `WIDTH` bytes without checking their type."""
WIDTH = 4
HUGE = 1 << 48
"""A length that no file has, even a cut one: multiplied by an element's size, it (nearly) overflows 64 bits."""
_NESTING = 8
_DIMENSIONS = 4
_STRING, _ARRAY = 8, 9
_NUMBERS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
# Elements and bytes per block, by tensor type: enum ggml_type and the block structures of ggml-common.h
TYPES: dict[int, tuple[str, int, int]] = {
    0: ("F32", 1, 4),
    1: ("F16", 1, 2),
    2: ("Q4_0", 32, 18),
    3: ("Q4_1", 32, 20),
    6: ("Q5_0", 32, 22),
    7: ("Q5_1", 32, 24),
    8: ("Q8_0", 32, 34),
    9: ("Q8_1", 32, 36),
    10: ("Q2_K", 256, 84),
    11: ("Q3_K", 256, 110),
    12: ("Q4_K", 256, 144),
    13: ("Q5_K", 256, 176),
    14: ("Q6_K", 256, 210),
    15: ("Q8_K", 256, 292),
    16: ("IQ2_XXS", 256, 66),
    17: ("IQ2_XS", 256, 74),
    18: ("IQ3_XXS", 256, 98),
    19: ("IQ1_S", 256, 50),
    20: ("IQ4_NL", 32, 18),
    21: ("IQ3_S", 256, 110),
    22: ("IQ2_S", 256, 82),
    23: ("IQ4_XS", 256, 136),
    24: ("I8", 1, 1),
    25: ("I16", 1, 2),
    26: ("I32", 1, 4),
    27: ("I64", 1, 8),
    28: ("F64", 1, 8),
    29: ("IQ1_M", 256, 56),
    30: ("BF16", 1, 2),
    34: ("TQ1_0", 256, 54),
    35: ("TQ2_0", 256, 66),
    39: ("MXFP4", 32, 17),
    40: ("NVFP4", 64, 36),
    41: ("Q1_0", 128, 18),
}


class Tensor(NamedTuple):
    """A tensor's description in the header; `offset` counts from the start of the data."""

    name: str
    dimensions: tuple[int, ...]
    type: int
    offset: int

    @property
    def elements(self) -> int:
        """The number of elements, an unbounded integer."""
        count = 1
        for size in self.dimensions:
            count *= size
        return count


class Overflowing(Malformed):
    """A count or length whose product with an element's size overflows 64 bits, or that no file can hold."""


class BadAlignment(Malformed):
    """An alignment that is not a power of two, which loaders divide by or round with."""


@dataclass(slots=True)
class GgufHeader:
    """Everything before the tensors; `data` is their offset, or 0 until the header is complete."""

    version: int
    order: str
    values: dict[str, Json] = field(default_factory=dict)
    narrow: dict[str, int] = field(default_factory=dict)
    """Bytes per element of those arrays in `WIDE` whose elements are smaller than loaders assume."""
    repeated: list[str] = field(default_factory=list)
    earlier: list[tuple[str, Json]] = field(default_factory=list)
    """Replaced values of repeated keys, since some loaders keep the first."""
    tensors: list[Tensor] = field(default_factory=list)
    data: int = 0

    @property
    def alignment(self) -> int:
        """The alignment of tensors in bytes; raises BadAlignment for an invalid value."""
        value = self.values.get("general.alignment", ALIGNMENT)
        if not isinstance(value, int) or not 0 < value <= MIB or value & (value - 1):
            raise BadAlignment(f"the alignment {value!r} is not a power of two")
        return value


def version_of(head: bytes) -> tuple[int, str]:
    """Return the version in `head` and the byte order in `struct` notation."""
    version = int.from_bytes(head[4:8], "little")
    return (version, "<") if version & 0xFFFF else (int.from_bytes(head[4:8], "big"), ">")


def read_header(reader: Reader) -> Iterator[GgufHeader]:
    """Yield the header once its key-value pairs are read, and again with all tensors; raises Malformed and others."""
    version, order = version_of(reader.read(0, 8))
    if version not in VERSIONS:
        raise Malformed(f"version {version} of GGUF is unknown", 4)
    header, parser = GgufHeader(version, order), _Parser(Cursor(reader, 8, order), version)
    tensors, pairs = parser.length(), parser.length()
    if max(tensors, pairs) > ENTRIES:
        claimed = f"{tensors:,} tensors and {pairs:,} values"
        if max(tensors, pairs) > reader.size // SMALLEST:
            raise Overflowing(claimed, 8)
        raise OverLimit(f"the header claims {claimed}: more than {ENTRIES:,}")
    for _ in range(pairs):
        key = parser.name()
        if key in header.values:
            header.repeated.append(key)
            header.earlier.append((key, header.values[key]))
        kind, start = parser.cursor.number("I"), parser.cursor.position
        header.values[key] = parser.value(kind, 0)
        if kind == _ARRAY and key in WIDE:
            width = parser.width_at(start)
            if 0 < width < WIDTH:
                header.narrow[key] = width
    yield header
    header.tensors = [parser.tensor() for _ in range(tensors)]
    header.data = -(-parser.cursor.position // header.alignment) * header.alignment
    yield header


class _Parser:
    """A parser for the fields of one header in order."""

    __slots__ = ("_kept", "_strings", "cursor", "width")

    def __init__(self, cursor: Cursor, version: int) -> None:
        self.cursor = cursor
        self.width = "I" if version == 1 else "Q"
        self._strings = self._kept = 0

    def length(self) -> int:
        """Return a count or length, which has 32 bits in version 1; raises Overflowing if no file is that long."""
        at, length = self.cursor.position, int(self.cursor.number(self.width))
        if length >= HUGE:
            raise Overflowing(f"a length of {length:,} at byte {at:,}", at)
        return length

    def name(self) -> str:
        """Return a key or a tensor name."""
        length = self.length()
        if length > NAME:
            raise Malformed(f"a name is {length:,} bytes long", self.cursor.position)
        return self._text(length)

    def text(self) -> str:
        """Return a string value, cut to `TEXT` bytes."""
        length = self.length()
        kept = self._text(min(length, TEXT))
        self.cursor.skip(max(length - TEXT, 0))
        return kept

    def _text(self, length: int) -> str:
        self._kept += length
        if self._kept > KEPT:
            raise OverLimit(f"the header holds more than {KEPT:,} bytes of text")
        return self.cursor.take(length).decode("utf-8", "replace")

    def value(self, kind: int, depth: int) -> Json:
        """Return a value; of arrays, only the first strings are kept."""
        if kind == _STRING:
            return self.text()
        if kind == _ARRAY:
            return self._array(depth)
        if kind not in _NUMBERS:
            raise Malformed(f"value type {kind} is unknown", self.cursor.position)
        return self.cursor.number(_NUMBERS[kind])

    def _array(self, depth: int) -> Json:
        if depth >= _NESTING:
            raise OverLimit(f"arrays nested deeper than {_NESTING}")
        kind, count = self.cursor.number("I"), self.length()
        if kind in _NUMBERS:
            self.cursor.skip(count * struct.calcsize(f"={_NUMBERS[kind]}"))
            return None
        self._strings += count
        if self._strings > STRINGS:
            raise OverLimit(f"more than {STRINGS:,} strings in arrays")
        first = range(min(count, ELEMENTS))
        kept: list[Json] = (
            [self.text() for _ in first] if kind == _STRING else [self.value(kind, depth + 1) for _ in first]
        )
        if kind == _STRING:
            self.cursor.skip_strings(count - len(kept), self.width)
        else:
            for _ in range(count - len(kept)):
                self.value(kind, depth + 1)
        return kept

    def width_at(self, start: int) -> int:
        """Return the bytes per element of the array whose type is at `start`, or 0 if they vary."""
        kind = Cursor(self.cursor.reader, start, self.cursor.order).number("I")
        return struct.calcsize(f"={_NUMBERS[kind]}") if kind in _NUMBERS else 0

    def tensor(self) -> Tensor:
        """Return the next description of a tensor."""
        name, count = self.name(), self.cursor.number("I")
        if count > _DIMENSIONS:
            raise Malformed(f"a tensor has {count:,} dimensions", self.cursor.position)
        dimensions = tuple(self.length() for _ in range(count))
        return Tensor(name, dimensions, self.cursor.number("I"), self.cursor.number("Q"))
