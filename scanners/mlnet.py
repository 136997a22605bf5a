"""ML.NET: the parts of a model (`Model.key` in its zip), each with a header that names its loader.

Layout: src/Microsoft.ML.Core/Data/ModelHeader.cs of https://github.com/dotnet/machinelearning. The loader is looked up
by its signature among the loaded assemblies; if none has it, the assembly that the part names is loaded.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from modelsweep.core.finding import Fact, Finding, Rule, Severity, Span
from modelsweep.core.reader import Truncated
from modelsweep.core.scanner import Blob, Context, Item, Malformed, Scanner, Signs, begins
from modelsweep.core.text import printable

NAME = "mlnet"
_MAGIC, _TAIL = b"ML\0MODEL", b"LEDOM\0LM"
_SIZE = 0x100
_LAYOUT = struct.Struct("<8x2I6q8s2I24s24s2qqI")
"""Versions; offsets and lengths of three blocks; signature and versions of the model; signatures of its loader and of
an alternative one; offsets of the tail and of the end; offset and length of the assembly's name."""
_OWN_ASSEMBLY = "Microsoft.ML"
_MAX_NAME = 2_048
_SHOWN = 200

ASSEMBLY = Rule(
    id="mlnet/assembly",
    title="Part of a model that loads a third-party assembly",
    severity=Severity.INFO,
    message="loading the part {path} would load the assembly {subject}",
    why="If none of the loaded assemblies knows the part's signature, ML.NET loads the assembly that the part names, "
    "and its code runs.",
    fix="Make sure that you know who wrote the assembly, and where the program would load it from.",
    cwe=829,
    references=("https://github.com/dotnet/machinelearning/blob/main/src/Microsoft.ML.Core/Data/ModelLoading.cs",),
)


def accepts(blob: Blob) -> bool:
    """Return whether the blob begins with the header of a part."""
    return blob.head.startswith(_MAGIC)


def scan(blob: Blob, context: Context) -> Iterator[Item]:
    """Yield the assembly that the part makes ML.NET load; raises Malformed, and Truncated if blocks are missing."""
    _, _, *places = _LAYOUT.unpack(blob.reader.read(0, _SIZE)[: _LAYOUT.size])
    blocks, (_, _, _, loader, _, tail, end, at, length) = places[:6], places[6:]
    context.operations.spend()
    signature = printable(loader.rstrip(b"\0").decode("latin-1"), _SHOWN)
    yield Fact("framework", f"ML.NET {signature}".strip(), blob.locator)
    for start, size in (*zip(blocks[::2], blocks[1::2], strict=True), (tail, len(_TAIL)), (at, length)):
        if start < 0 or size < 0:
            raise Malformed(f"a block of {size:,} bytes at {start:,}")
        if start + size > blob.size:
            raise Truncated(start, size, blob.size)
    if blob.reader.read(tail, len(_TAIL)) != _TAIL:
        raise Malformed("the end marker is missing", tail)
    name = blob.reader.read(at, min(length, _MAX_NAME)).decode("utf-16-le", "replace")
    assembly = printable(name.partition(",")[0].strip(), _SHOWN)
    if assembly and assembly != _OWN_ASSEMBLY and not assembly.startswith(f"{_OWN_ASSEMBLY}."):
        yield Finding(ASSEMBLY, blob.locator, assembly, signature, span=Span(at, length))
    if end < blob.size:
        yield blob.window(f"data at {end}", end, blob.size - end)


SCANNER = Scanner(
    name=NAME,
    title="ML.NET",
    version=1,
    accepts=accepts,
    scan=scan,
    rules=(ASSEMBLY,),
    suffixes=(".key",),
    signs=Signs(begins(_MAGIC)),
)
