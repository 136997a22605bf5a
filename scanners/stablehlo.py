"""StableHLO: programs of JAX and XLA as MLIR bytecode, as text, and in the files of `jax.export`.

Bytecode: https://mlir.llvm.org/docs/BytecodeFormat/; the FlatBuffer around it:
https://github.com/jax-ml/jax/blob/main/jax/_src/export/serialization.fbs, whose gradient field holds another one. A
program only computes, except for calls of functions of the running process, which it names. Of bytecode, the sections
are parsed and all strings are searched.
"""

from __future__ import annotations

from collections.abc import Iterator

from modelsweep.core import patterns as re
from modelsweep.core.finding import Fact, Finding, Rule, Severity, Span
from modelsweep.core.limits import OverLimit
from modelsweep.core.reader import Truncated
from modelsweep.core.scanner import Blob, Context, Item, Malformed, Scanner, Signs
from modelsweep.core.text import printable
from modelsweep.core.units import MIB
from scanners import text
from scanners.parsing.cursor import Cursor
from scanners.parsing.flatbuffer import FlatBuffer, Table

NAME = "stablehlo"
MAGIC = b"ML\xefR"
_SUFFIXES = (".mlir", ".stablehlo")
_CALL = b"_callback"
_FUNCTION, _PROGRAM, _GRADIENT = 1, 13, 17
"""Fields of an exported function."""
_MAX_GRADIENTS = 8
"""Maximum nesting of gradients that are examined."""
_STRINGS, _OPERATIONS, _SECTIONS = 0, 4, 32
_MAX_STRINGS = 64 * MIB
"""Maximum bytes of strings in a program that are searched."""
_CALLBACK_NAME = re.compile(rb"xla_(?:[a-z]{1,20}_){0,3}python_(?:cpu|gpu|tpu)_callback")
_CUSTOM_CALL = re.compile(rb"custom_call[ \t]{0,9}@\"?(" + _CALLBACK_NAME.pattern + rb")\b")
_SHOWN = 100

CALLBACK = Rule(
    id="stablehlo/python-callback",
    title="Program that calls Python in the process that runs it",
    severity=Severity.WARNING,
    message="the program calls {subject}",
    why="The call refers to a function of the running process by number. Earlier versions use that number as a memory "
    "address, and run what is there. JAX refuses to export such a program, since the function is not part of the file.",
    fix="Do not run it. Export the function again without callbacks.",
    cwe=822,
    references=("https://docs.jax.dev/en/latest/export/export.html",),
)


def accepts(blob: Blob) -> bool:
    """Return whether the blob is bytecode, an exported function with bytecode, or text with a callback."""
    if blob.head.startswith(MAGIC):
        return True
    if blob.locator.suffix in _SUFFIXES:
        return blob.reader.find(_CALL) >= 0 and text.accepts(blob)
    return blob.head[1:4] == bytes(3) and _is_exported(blob)


def _is_exported(blob: Blob) -> bool:
    try:
        root = FlatBuffer(blob.reader).root()
        program = root.vector(_PROGRAM, 1)
        return program.length > len(MAGIC) and blob.reader.read(program.offset, len(MAGIC)) == MAGIC
    except (Malformed, Truncated):
        return False


def scan(blob: Blob, context: Context) -> Iterator[Item]:
    """Yield callbacks into Python; raises Malformed, Truncated and OverLimit."""
    if blob.head.startswith(MAGIC):
        yield from _bytecode(blob, context)
    elif _is_exported(blob):
        yield Fact("framework", "jax", blob.locator)
        yield from _programs(blob, FlatBuffer(blob.reader, context).root(), _MAX_GRADIENTS)
    else:
        for match in _CUSTOM_CALL.finditer(blob.reader.read(0, min(blob.size, _MAX_STRINGS))):
            yield Finding(CALLBACK, blob.locator, match[1].decode(), span=Span(match.start(1), len(match[1])))


def _programs(blob: Blob, exported: Table, left: int) -> Iterator[Item]:
    """Yield the program of an exported function, and those of its gradients."""
    place = exported.vector(_PROGRAM, 1)
    name = printable(exported.text(_FUNCTION, _SHOWN), _SHOWN) or "program"
    yield blob.window(f"{name}@{place.offset}", place.offset, place.length, expect=NAME)
    gradient = exported.table(_GRADIENT)
    if gradient and not left:
        raise OverLimit(f"gradients of gradients nested deeper than {_MAX_GRADIENTS}")
    if gradient:
        yield from _programs(blob, gradient, left - 1)


def _bytecode(blob: Blob, context: Context) -> Iterator[Item]:
    """Yield callbacks into Python among the strings; raises Malformed unless the sections fill the blob."""
    cursor = Cursor(blob.reader, len(MAGIC))
    _number(cursor)
    while cursor.take(1) != b"\0":  # the name of what wrote it
        context.operations.spend()
    found = set[int]()
    for _ in range(_SECTIONS):
        if cursor.position >= blob.size:
            break
        kind, place = _section(cursor)
        found.add(kind)
        if kind == _STRINGS:
            yield from _texts(blob, place)
    if not found >= {_STRINGS, _OPERATIONS} or cursor.position < blob.size:
        raise Malformed("the sections do not form a program", cursor.position)


def _section(cursor: Cursor) -> tuple[int, Span]:
    """Return the kind of the next section and the span of its content."""
    kind = cursor.take(1)[0]
    length = _number(cursor)
    if kind & 0x80:
        alignment = _number(cursor)
        if not 0 < alignment <= MIB or alignment & (alignment - 1):
            raise Malformed(f"a section is aligned to {alignment:,}", cursor.position)
        cursor.skip(-cursor.position % alignment)
    start = cursor.position
    cursor.skip(length)
    return kind & 0x7F, Span(start, length)


def _number(cursor: Cursor) -> int:
    """Return a prefix varint: the trailing zeros of its first byte tell how many bytes follow."""
    first = cursor.take(1)[0]
    if not first:
        return int.from_bytes(cursor.take(8), "little")
    more = (first & -first).bit_length() - 1
    return int.from_bytes(bytes((first,)) + cursor.take(more), "little") >> (more + 1)


def _texts(blob: Blob, place: Span) -> Iterator[Item]:
    if place.length > _MAX_STRINGS:
        raise OverLimit(f"a program has {place.length:,} bytes of text")
    told = set[bytes]()
    for part in blob.reader.read(place.offset, place.length).split(b"\0"):
        # The lengths of all strings precede the first one
        named = _CALLBACK_NAME.search(part[-_SHOWN:])
        if named and named.end() == len(part[-_SHOWN:]) and named[0] not in told:
            told.add(named[0])
            yield Finding(CALLBACK, blob.locator, named[0].decode(), span=place)


SCANNER = Scanner(
    name=NAME,
    title="StableHLO (jax.export, MLIR bytecode)",
    version=2,
    accepts=accepts,
    scan=scan,
    rules=(CALLBACK,),
    suffixes=(".jax", ".mlirbc", *_SUFFIXES),
    signs=Signs(suffixes=_SUFFIXES, at=((0, (MAGIC,)), (1, (bytes(3),)))),
)
