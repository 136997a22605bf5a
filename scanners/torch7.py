"""Torch7 (.t7, .th): Lua objects, including tensors, and functions as bytecode.

Format: File.lua of https://github.com/torch/torch7, in its binary form; the text form, which a loader must ask for, is
only searched for bytecode. Nothing runs while a file is read, but its functions become live ones, and LuaJIT does not
verify bytecode.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from modelsweep.core import patterns as re
from modelsweep.core.finding import Fact, Finding, Json, Problem, ProblemKind, Rule, Severity, Span
from modelsweep.core.limits import OverLimit
from modelsweep.core.reader import Truncated
from modelsweep.core.scanner import RAW, Blob, Context, Item, Malformed, Scanner, Signs
from modelsweep.core.text import printable
from modelsweep.core.units import MIB
from scanners.parsing.cursor import Cursor

NAME = "torch7"
_SUFFIXES = (".t7", ".th")
NIL, NUMBER, STRING, TABLE, TORCH, BOOLEAN, FUNCTION, OLD_RECURSIVE, RECURSIVE = range(9)
_FUNCTIONS = frozenset({FUNCTION, OLD_RECURSIVE, RECURSIVE})
_COST = 20
_MAX_NAME = 256
_VERSION = re.compile(rb"V \d{1,3}")
_CLASS = re.compile(r"[A-Za-z_]\w*(?:\.\w+)*")
_TENSOR = re.compile(r"torch\.(\w*)Tensor")
_STORAGE = re.compile(r"torch\.(\w*)Storage")
# Bytes per element; other classes have no elements of their own
_WIDTHS = {"Byte": 1, "Char": 1, "Short": 2, "Half": 2, "Int": 4, "Float": 4, "Long": 8, "Double": 8}
_WIDTHS |= {f"Cuda{kind}": width for kind, width in _WIDTHS.items() if kind != "Float"} | {"Cuda": 4}
_MAX_DIMENSIONS = 64
_MAX_CODE = 16 * MIB
"""Maximum bytes of one function that are searched for names."""
_MAX_PENDING = 1_000_000
_SHOWN = 100
_FUNCTIONS_SHOWN = 20
_TEXT_FORM = re.compile(rb"[0-8]\n[0-9]{1,10}\n")
"""The beginning of an object in the text form: its type and its number, on a line each."""
_BYTECODE = re.compile(rb"\x1b(?:Lua[\x50-\x54]|LJ[\x01\x02])")
_MAX_SEARCHED = 256 * MIB
_COMMANDS = re.compile(rb"\bexecute\b|\bpopen\b|\bloadlib\b")
_REFERENCES = ("https://github.com/torch/torch7/blob/master/File.lua", "https://www.lua.org/manual/5.1/manual.html#5.1")

BYTECODE = Rule(
    id="torch7/bytecode",
    title="Function stored in the model as bytecode",
    severity=Severity.WARNING,
    message="{length} bytes of Lua bytecode",
    why="Using the model calls the function. LuaJIT does not check bytecode: crafted bytecode can break out of the "
    "interpreter.",
    fix="Ask for the weights alone, or for a model without functions.",
    confidence="medium",
    cwe=502,
    references=_REFERENCES,
)
COMMANDS = Rule(
    id="torch7/bytecode-runs-commands",
    title="Bytecode that runs commands or loads libraries",
    severity=Severity.CRITICAL,
    message="Lua bytecode that names {subject}",
    why="Using the model calls the function, which starts programs or loads native code with the user's rights.",
    fix="Do not load the file. Find out where it came from.",
    cwe=502,
    references=_REFERENCES,
)


def accepts(blob: Blob) -> bool:
    """Return whether the blob begins with an object of a class, or, under a suffix of Torch7, with any object."""
    head = blob.head
    kind = int.from_bytes(head[:4], "little")
    if blob.locator.suffix in _SUFFIXES and len(head) >= 4 and NUMBER <= kind <= RECURSIVE:
        return True
    if blob.locator.suffix in _SUFFIXES and _TEXT_FORM.match(head):
        return True
    return kind == TORCH and head[8:12] == b"\x03\0\0\0" and bool(_VERSION.fullmatch(head[12:15]))


def scan(blob: Blob, context: Context) -> Iterator[Item]:
    """Yield the functions of the file; raises Malformed, Truncated and OverLimit."""
    yield Fact("framework", NAME, blob.locator)
    if _TEXT_FORM.match(blob.head):
        yield from _in_text(blob, context)
        return
    walk = _Walk(blob, context)
    fault: Exception | None = None
    try:
        yield from walk.objects()
    except (Malformed, Truncated, OverLimit) as error:
        fault = error
    yield Fact("tensors", ", ".join(sorted(walk.classes)), blob.locator, detail={"count": walk.tensors})
    if fault:
        raise fault
    if walk.cursor.position < blob.size:
        raise Malformed(f"{blob.size - walk.cursor.position:,} bytes follow the object", walk.cursor.position)


def _in_text(blob: Blob, context: Context) -> Iterator[Item]:
    """Yield the bytecode in the text form, and a Problem, since nothing else was examined."""
    overlap = 8
    for start in range(0, min(blob.size, _MAX_SEARCHED), MIB):
        context.operations.spend(_COST)
        chunk = blob.reader.read(start, min(MIB + overlap, blob.size - start))
        for match in islice(_BYTECODE.finditer(chunk), _FUNCTIONS_SHOWN):
            if match.start() < MIB:
                yield _finding(blob, start + match.start(), blob.size - start - match.start(), "function")
    detail = "the form of texts is not read: only bytecode was looked for in it"
    yield Problem(ProblemKind.UNSUPPORTED, blob.locator, NAME, detail)


def _finding(blob: Blob, start: int, length: int, path: str) -> Finding:
    """Return the finding for the bytecode at `start`."""
    names = sorted({match.decode() for match in _COMMANDS.findall(blob.reader.read(start, min(length, _MAX_CODE)))})
    if names:
        return Finding(COMMANDS, blob.locator, ", ".join(names), span=Span(start, length))
    evidence: dict[str, Json] = {"length": f"{length:,}"}
    return Finding(BYTECODE, blob.locator, path=path, span=Span(start, length), evidence=evidence)


class _Walk:
    """A walk through the objects of one file in order; each numbered object is read once."""

    def __init__(self, blob: Blob, context: Context) -> None:
        self.blob, self.context = blob, context
        self.cursor = Cursor(blob.reader)
        self.classes: set[str] = set()
        self.tensors = self._functions = 0
        self._seen: set[int] = set()
        self._left = 1
        """Number of announced objects that have not been read yet; it does not matter which belongs where."""

    def objects(self) -> Iterator[Item]:
        """Yield the functions and storages of all objects."""
        while self._left:
            self.context.operations.spend(_COST)
            self._left -= 1
            kind = self.cursor.number("I")
            if kind == NUMBER:
                self.cursor.skip(8)
            elif kind == STRING:
                self.cursor.skip(self._length())
            elif kind == BOOLEAN:
                self.cursor.skip(4)
            elif kind in _FUNCTIONS:
                yield from self._function(kind)
            elif kind in (TABLE, TORCH):
                yield from self._object(kind)
            elif kind != NIL:
                raise Malformed(f"no object has the type {kind}", self.cursor.position - 4)

    def _length(self) -> int:
        length = self.cursor.number("i")
        if length < 0:
            raise Malformed(f"a length of {length}", self.cursor.position - 4)
        return length

    def _new(self) -> bool:
        """Read the number of an object; return whether it is new, so that the object follows."""
        number = self.cursor.number("I")
        if number in self._seen:
            return False
        self._seen.add(number)
        if len(self._seen) > _MAX_PENDING:
            raise OverLimit(f"more than {_MAX_PENDING:,} objects")
        return True

    def _object(self, kind: int) -> Iterator[Item]:
        if not self._new():
            return
        if kind == TABLE:
            pairs = self._length()
            if pairs * 8 > self.blob.size - self.cursor.position:
                raise Truncated(self.cursor.position, pairs * 8, self.blob.size)
            self._left += 2 * pairs
            return
        name = self._text()
        if _VERSION.fullmatch(name.encode()):
            name = self._text()
        if not _CLASS.fullmatch(name):
            raise Malformed(f"there is no class {printable(name, _SHOWN)}", self.cursor.position)
        tensor, storage = _TENSOR.fullmatch(name), _STORAGE.fullmatch(name)
        if tensor and tensor[1] in _WIDTHS:
            self._tensor(name)
        elif storage and storage[1] in _WIDTHS:
            yield from self._storage(_WIDTHS[storage[1]])
        else:
            self._left += 1  # a table with the fields of the object

    def _text(self) -> str:
        length = self._length()
        if length > _MAX_NAME:
            raise Malformed(f"a name of {length:,} bytes", self.cursor.position)
        return self.cursor.take(length).decode("utf-8", "replace")

    def _tensor(self, name: str) -> None:
        dimensions = self._length()
        if dimensions > _MAX_DIMENSIONS:
            raise Malformed(f"a tensor of {dimensions:,} dimensions", self.cursor.position)
        self.cursor.skip(8 * (2 * dimensions + 1))  # sizes, strides, where it begins in its storage
        self.tensors += 1
        self.classes.add(name)
        self._left += 1

    def _storage(self, width: int) -> Iterator[Item]:
        length = self.cursor.number("Q") * width
        start = self.cursor.position
        self.cursor.skip(length)
        if length:
            yield self.blob.window(f"storage at {start}", start, length, RAW)

    def _function(self, kind: int) -> Iterator[Item]:
        """Yield a function's bytecode; the values that it captured follow it."""
        if kind != FUNCTION and not self._new():
            return
        length = self._length()
        start = self.cursor.position
        self.cursor.skip(length)
        self._left += 1
        self._functions += 1
        found = _finding(self.blob, start, length, f"function {self._functions}")
        if found.rule is COMMANDS or self._functions <= _FUNCTIONS_SHOWN:
            yield found


SCANNER = Scanner(
    name=NAME,
    title="Torch7 (Lua)",
    version=2,
    accepts=accepts,
    scan=scan,
    rules=(BYTECODE, COMMANDS),
    suffixes=_SUFFIXES,
    signs=Signs(bytes((TORCH,)), _SUFFIXES),
)
