"""GGML, GGMF, GGJT and GGLA: what llama.cpp wrote before GGUF. Numbers are 32 bits wide, nothing in them runs.

Layout: llama.cpp's convert.py and llama.cpp before 2023-08-21 (version 1 to 3 of GGJT). The header does not say which
program the file is for: one that does not walk through to its end as a llama model or adapter is not examined.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from modelsweep.core.finding import Fact, Problem, ProblemKind, Span
from modelsweep.core.reader import Truncated
from modelsweep.core.scanner import Blob, Context, Item, Malformed, Scanner, Signs
from scanners.parsing.cursor import Cursor
from scanners.parsing.gguf_header import TYPES


class Layout(NamedTuple):
    """How one of the formats lays out a file."""

    name: str
    versions: tuple[int, ...]
    parameters: int
    scores: bool
    alignment: int


# The number is written in little-endian order, so that the name stands backwards.
_LAYOUTS = {
    b"lmgg": Layout("GGML", (), parameters=7, scores=False, alignment=1),
    b"fmgg": Layout("GGMF", (1,), parameters=7, scores=True, alignment=1),
    b"tjgg": Layout("GGJT", (1, 2, 3), parameters=7, scores=True, alignment=32),
    b"algg": Layout("GGLA", (1,), parameters=2, scores=False, alignment=32),
}
# Before version 3 of GGJT scales were 32 bits wide: elements and bytes of one block
_OLD_TYPES = {**TYPES, 2: ("Q4_0", 32, 20), 3: ("Q4_1", 32, 24), 4: ("Q4_2", 16, 10), 5: ("Q4_3", 16, 12)}
_OLD_TYPES |= {8: ("Q8_0", 32, 36)}
_NEW_VERSION = 3
_VOCABULARY = 1_000_000
_NAME = 256
_DIMENSIONS = 4
_COST = 100


# What llama.cpp keeps of a conversation; the last two are said to be in use, by readers of such files
_STATES = {b"nsgg": "session", b"qsgg": "sequence", b"asgg": "GGSA", b"GGSA": "GGSA"}
_STATE_VERSIONS = 256


def accepts(blob: Blob) -> bool:
    """Return whether the blob begins with one of the magic numbers and a version that goes with it."""
    if blob.head[:4] in _STATES:
        return int.from_bytes(blob.head[4:8], "little") < _STATE_VERSIONS and blob.size > 8
    layout = _LAYOUTS.get(blob.head[:4])
    if layout is None or len(blob.head) < 8:
        return False
    return not layout.versions or int.from_bytes(blob.head[4:8], "little") in layout.versions


def scan(blob: Blob, context: Context) -> Iterator[Item]:
    """Yield what the tensors are where the file is a llama model or adapter, else that it was not examined."""
    if blob.head[:4] in _STATES:
        detail = (
            f"a state of llama.cpp ({_STATES[blob.head[:4]]}): its layout is that of one release, and is not examined"
        )
        yield Problem(ProblemKind.UNSUPPORTED, blob.locator, SCANNER.name, detail)
        return
    layout = _LAYOUTS[blob.head[:4]]
    walk = _Walk(Cursor(blob.reader, 4), layout)
    yield Fact("framework", layout.name, blob.locator)
    try:
        walk.header()
        while walk.cursor.position < blob.size:
            context.operations.spend(_COST)
            walk.tensor()
        if not walk.count:
            raise Malformed("there are no tensors")
    except (Truncated, Malformed) as error:
        detail = f"does not read as a {layout.name} file of llama.cpp: {error}"
        yield Problem(ProblemKind.MALFORMED, blob.locator, SCANNER.name, detail, Span(walk.cursor.position))
    yield Fact("tensors", ", ".join(sorted(walk.kinds)), blob.locator, detail={"count": walk.count})


class _Walk:
    """Passes through the parts of one file in order."""

    def __init__(self, cursor: Cursor, layout: Layout) -> None:
        self.cursor, self.layout = cursor, layout
        self.types = TYPES
        self.kinds: set[str] = set()
        self.count = 0

    def header(self) -> None:
        """Pass over the version, the parameters and the vocabulary."""
        version = self.cursor.number("I") if self.layout.versions else 0
        if version < _NEW_VERSION:
            self.types = _OLD_TYPES
        parameters = [self.cursor.number("I") for _ in range(self.layout.parameters)]
        tokens = parameters[0] if self.layout.name != "GGLA" else 0
        if tokens > _VOCABULARY:
            raise Malformed(f"a vocabulary of {tokens:,} tokens")
        for _ in range(tokens):
            self.cursor.skip(self.cursor.number("I") + (4 if self.layout.scores else 0))

    def tensor(self) -> None:
        """Pass over one tensor; raises Malformed where it is none."""
        dimensions, name, kind = (self.cursor.number("I") for _ in range(3))
        if dimensions > _DIMENSIONS or name > _NAME or kind not in self.types:
            raise Malformed(f"no tensor at {self.cursor.position:,}")
        title, block, width = self.types[kind]
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
    title="GGML, GGMF, GGJT and GGLA (llama.cpp before GGUF)",
    version=2,
    accepts=accepts,
    scan=scan,
    suffixes=(".ggml", ".ggmf", ".ggjt", ".ggla", ".ggsa", ".bin"),
    signs=Signs(at=((0, (*_LAYOUTS, *_STATES)),)),
)
