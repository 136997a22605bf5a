"""GGML, GGMF, GGJT and GGLA: the formats of llama.cpp before GGUF. Numbers have 32 bits, and nothing in them runs.

Layout: llama.cpp's convert.py and llama.cpp before 2023-08-21 (version 1 to 3 of GGJT), `whisper_model_load` of
whisper.cpp, rwkv.cpp's `rwkv_file_format.inc`, and ggml's examples. The header does not tell which program the file is
for, so all layouts are tried: a file that fits none of them to its end is reported as not examined.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from modelsweep.core.finding import Fact, Problem, ProblemKind, Span
from modelsweep.core.reader import Truncated
from modelsweep.core.scanner import Blob, Context, Item, Malformed, Scanner, Signs
from scanners.parsing.cursor import Cursor
from scanners.parsing.gguf_header import TYPES

Types = Mapping[int, tuple[str, int, int]]

# Before version 3 of GGJT scales were 32 bits wide: elements and bytes of one block
_OLD_TYPES = {**TYPES, 2: ("Q4_0", 32, 20), 3: ("Q4_1", 32, 24), 4: ("Q4_2", 16, 10), 5: ("Q4_3", 16, 12)}
_OLD_TYPES |= {8: ("Q8_0", 32, 36)}
_RWKV_TYPES = {0: TYPES[0], 1: TYPES[1], 2: TYPES[2], 3: TYPES[3], 7: TYPES[6], 8: TYPES[7], 9: TYPES[8]}
"""Element types by RWKV's own numbers."""


class Layout(NamedTuple):
    """The file layout of one of the formats, or of a program that shares its magic number.

    `filters` tells whether a table of filters follows the parameters, `counted` whether the number of tokens does.
    """

    name: str
    versions: tuple[int, ...]
    parameters: int
    scores: bool = False
    alignment: int = 1
    types: Types = _OLD_TYPES
    filters: bool = False
    counted: bool = False
    tokens: bool = True


# The number is written in little-endian order, so the name is reversed.
_LAYOUTS = {
    b"lmgg": (
        Layout("GGML", (), parameters=7),
        Layout("whisper.cpp", (), parameters=11, types=TYPES, filters=True, counted=True),
        Layout("whisper.cpp", (), parameters=11, filters=True, counted=True),
        *(Layout("ggml", (), count, types=types, counted=True) for count in (6, 7) for types in (TYPES, _OLD_TYPES)),
        *(Layout("ggml", (), parameters=8, types=types) for types in (TYPES, _OLD_TYPES)),
    ),
    b"fmgg": (
        Layout("GGMF", (1,), parameters=7, scores=True),
        Layout("RWKV", (100, 101), parameters=4, types=_RWKV_TYPES, tokens=False),
    ),
    b"tjgg": (
        Layout("GGJT", (1, 2), parameters=7, scores=True, alignment=32),
        Layout("GGJT", (3,), parameters=7, scores=True, alignment=32, types=TYPES),
    ),
    b"algg": (Layout("GGLA", (1,), parameters=2, alignment=32, tokens=False),),
}
"""GPT-2, StarCoder, GPT-J and GPT-NeoX share the layout of ggml's own examples."""
_MAX_FILTERS = 1 << 20
_MAX_VOCABULARY = 1_000_000
_MAX_NAME = 256
_MAX_DIMENSIONS = 4
_COST = 100


# State files of llama.cpp; the last two are in use according to readers of such files
_STATES = {b"nsgg": "session", b"qsgg": "sequence", b"asgg": "GGSA", b"GGSA": "GGSA"}
_STATE_VERSIONS = 256


def accepts(blob: Blob) -> bool:
    """Return whether the blob begins with one of the magic numbers and a matching version."""
    if blob.head[:4] in _STATES:
        return int.from_bytes(blob.head[4:8], "little") < _STATE_VERSIONS and blob.size > 8
    return len(blob.head) >= 8 and bool(_layouts(blob))


def _layouts(blob: Blob) -> list[Layout]:
    """Return the layouts that the file may have."""
    version = int.from_bytes(blob.head[4:8], "little")
    known = _LAYOUTS.get(blob.head[:4], ())
    return [layout for layout in known if not layout.versions or version in layout.versions]


def scan(blob: Blob, context: Context) -> Iterator[Item]:
    """Yield facts about the tensors if a known layout fits, otherwise a Problem."""
    if blob.head[:4] in _STATES:
        detail = (
            f"a state of llama.cpp ({_STATES[blob.head[:4]]}): its layout is that of one release, and is not examined"
        )
        yield Problem(ProblemKind.UNSUPPORTED, blob.locator, SCANNER.name, detail)
        return
    first: _Walk | None = None
    for layout in _layouts(blob):
        walk = _Walk(Cursor(blob.reader, 4), layout)
        walk.read(blob, context)
        first = first or walk
        if not walk.fault:
            first = walk
            break
    assert first is not None, "scan follows accepts"
    yield Fact("framework", first.layout.name, blob.locator)
    if first.fault:
        detail = f"does not read as a {first.layout.name} file of llama.cpp: {first.fault}"
        yield Problem(ProblemKind.MALFORMED, blob.locator, SCANNER.name, detail, Span(first.cursor.position))
    yield Fact("tensors", ", ".join(sorted(first.kinds)), blob.locator, detail={"count": first.count})


class _Walk:
    """A walk through the parts of one file in order; `fault` tells where the layout does not fit."""

    def __init__(self, cursor: Cursor, layout: Layout) -> None:
        self.cursor, self.layout = cursor, layout
        self.fault: Exception | None = None
        self.kinds: set[str] = set()
        self.count = 0

    def read(self, blob: Blob, context: Context) -> None:
        """Skip through the file to its end."""
        try:
            self._header()
            while self.cursor.position < blob.size:
                context.operations.spend(_COST)
                self._tensor()
            if not self.count:
                raise Malformed("there are no tensors")
        except (Truncated, Malformed) as error:
            self.fault = error

    def _header(self) -> None:
        """Skip the version, the parameters, the filters and the vocabulary."""
        layout, cursor = self.layout, self.cursor
        if layout.versions:
            cursor.number("I")
        parameters = [cursor.number("I") for _ in range(layout.parameters)]
        if layout.filters:
            filters = cursor.number("I") * cursor.number("I")
            if filters > _MAX_FILTERS:
                raise Malformed(f"a table of {filters:,} filters")
            cursor.skip(4 * filters)
        tokens = (cursor.number("I") if layout.counted else parameters[0]) if layout.tokens else 0
        if tokens > _MAX_VOCABULARY:
            raise Malformed(f"a vocabulary of {tokens:,} tokens")
        for _ in range(tokens):
            cursor.skip(cursor.number("I") + (4 if layout.scores else 0))

    def _tensor(self) -> None:
        """Skip one tensor; raises Malformed if it is invalid."""
        dimensions, name, kind = (self.cursor.number("I") for _ in range(3))
        if not 0 < dimensions <= _MAX_DIMENSIONS or not 0 < name <= _MAX_NAME or kind not in self.layout.types:
            raise Malformed(f"no tensor at {self.cursor.position:,}")
        title, block, width = self.layout.types[kind]
        elements = 1
        for _ in range(dimensions):
            elements *= self.cursor.number("I")
        self.cursor.skip(name)
        self.cursor.skip(-self.cursor.position % self.layout.alignment)
        self.cursor.skip(elements // block * width)
        self.kinds.add(title)
        self.count += 1


SCANNER = Scanner(
    name="ggml",
    title="GGML, GGMF, GGJT and GGLA (llama.cpp before GGUF, whisper.cpp, RWKV)",
    version=4,
    accepts=accepts,
    scan=scan,
    suffixes=(".ggml", ".ggmf", ".ggjt", ".ggla", ".ggsa", ".bin"),
    signs=Signs(at=((0, (*_LAYOUTS, *_STATES)),)),
)
