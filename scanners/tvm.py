"""Programs of TVM's virtual machines (Relax and Relay): functions as bytecode, constants, and names of what they call.

Layout: `VMExecutable` of https://github.com/apache/tvm/blob/main/src/runtime/vm/executable.cc, alone or after its
length. A function that the program does not define is looked up in the library beside it, then among all registered
functions of the runtime, which can load libraries, compile and start processes.
"""

from __future__ import annotations

from collections.abc import Iterator

from modelsweep.core import patterns as re
from modelsweep.core.finding import Fact, Finding, Problem, ProblemKind, Rule, Severity
from modelsweep.core.limits import OverLimit
from modelsweep.core.reader import Truncated
from modelsweep.core.scanner import RAW, Blob, Context, Item, Malformed, Scanner, Signs
from modelsweep.core.text import printable
from scanners.parsing.cursor import Cursor

NAME = "tvm"
_OLD, _NEW = 0xD225DE2F4214151D, 0xD225DE2F4214151E
"""Magic numbers; with the second one, the file also tells where in memory constants belong."""
_MAGICS = tuple(magic.to_bytes(8, "little") for magic in (_OLD, _NEW))
_PLACES = (0, 8)
_TENSOR = 0xDD5E40F096B4A13F
_VERSION = re.compile(rb"[0-9]{1,3}(?:\.[0-9]{1,4}){0,3}(?:\.?dev\w{0,20})?")
_MAX_TEXT = 1 << 20
_KINDS = range(3)
_PACKED = 0
_COST = 20
_MAX_NAMES = 100_000
_MAX_DIMENSIONS = 64
_SHOWN = 120
_KINDS_FFI = {1: "int", 3: "float", 5: "type", 65: "text", 69: "shape", 70: "tensor"}
_KINDS_OLD = {0: "tensor", 1: "type", 2: "shape", 3: "text", 4: "int", 5: "float"}
"""Kinds of constants by number: those of TVM's FFI, and the older ones."""
_WIDTHS = {"int": 8, "float": 8, "type": 4}
_SUSPICIOUS_FUNCTION = re.compile(
    r"(?:runtime|ffi)\.(?:Module(?:Load|Write)\w*|Module\.load\w*|module\.load\w*)(?:\.\w+)*|relax\.ExecutableLoadFromFile"
    r"|(?:tvm\.)?rpc\.\w+(?:\.\w+)*|tvm_callback_\w+|runtime\.disco\.\w*(?:[Pp]rocess|load_vm|socket)\w*"
    r"|target\.[Bb]uild(?:\.\w+)*|(?:tvm\.)?contrib\.(?:cc|nvcc|rocm|clang|xcode|popen\w*|tar)\.\w+"
    r"|(?:meta_schedule|auto_scheduler|autotvm)\.\w+|runtime\.\w+(?:To|From)File"
)
"""Functions that load or compile code, start processes, write files or connect; no compiler emits calls of these."""

SUSPICIOUS = Rule(
    id="tvm/telling-function",
    title="TVM program that calls functions for loading code, starting processes or connecting",
    severity=Severity.WARNING,
    message="the program calls {subject}",
    why="Names that the model's library does not have are looked up among all functions of the runtime. Functions of "
    "this kind do not compute: they load native code, compile, run programs, or open files and connections.",
    fix="Do not run the program. Compile the model again from its source.",
    confidence="medium",
    cwe=829,
    references=("https://github.com/apache/tvm/blob/main/src/runtime/vm/vm.cc",),
)


def accepts(blob: Blob) -> bool:
    """Return whether the blob begins with the magic number, possibly after a length, and a version follows."""
    place = _place(blob)
    if place < 0:
        return False
    length = int.from_bytes(blob.head[place + 8 : place + 16], "little")
    return length < 64 and _VERSION.fullmatch(blob.head[place + 16 : place + 16 + length]) is not None


def _place(blob: Blob) -> int:
    return next((place for place in _PLACES if blob.head.startswith(_MAGICS, place)), -1)


def scan(blob: Blob, context: Context) -> Iterator[Item]:
    """Yield suspicious functions and tensors; raises Malformed, Truncated and OverLimit."""
    yield Fact("framework", NAME, blob.locator)
    program = _Program(blob, context)
    fault: Exception | None = None
    try:
        program.read()
    except (Malformed, Truncated, OverLimit) as error:
        fault = error
    for name in sorted(program.called):
        if _SUSPICIOUS_FUNCTION.fullmatch(name):
            yield Finding(SUSPICIOUS, blob.locator, printable(name, _SHOWN))
    for start, length in program.tensors:
        yield blob.window(f"constant at {start}", start, length, RAW)
    if fault:
        raise fault
    if program.relay:
        detail = "the bytecode of Relay was not followed: only the names that it calls were looked at"
        yield Problem(ProblemKind.UNSUPPORTED, blob.locator, NAME, detail)


class _Program:
    """A reader of one program."""

    def __init__(self, blob: Blob, context: Context) -> None:
        self._blob, self._context = blob, context
        self._cursor = Cursor(blob.reader, _place(blob))
        self.called: set[str] = set()
        self.tensors: list[tuple[int, int]] = []
        self.relay = False

    def read(self) -> None:
        """Read the names that are called, and skip everything else up to the end of the file."""
        scoped = self._cursor.number("Q") == _NEW
        self._text()
        count = self._count(8)
        start = self._cursor.position
        self.relay = not scoped and count > 0 and self._blob.reader.read(start + 4, 4) == bytes(4)
        if self.relay:
            self._names(count)
            self._relay()
            return
        for _ in range(count):
            self._function()
        if scoped:
            for _ in range(self._count(16)):
                self._cursor.skip(8)
                self._text()
        self._constants_and_code()

    def _function(self) -> None:
        kind = self._cursor.number("i")
        if kind not in _KINDS:
            raise Malformed(f"no function has the kind {kind}", self._cursor.position - 4)
        name = self._text()
        if kind == _PACKED:
            self._call(name)
        self._cursor.skip(4 * 8)  # first and last instruction, arguments, registers
        for _ in range(self._count(8)):
            self._text()

    def _constants_and_code(self) -> None:
        """Skip constants and code; the kinds of constants are numbered in one of two ways, of which one fits."""
        start, fault = self._cursor.position, Malformed("constants of an unknown version")
        for kinds in (_KINDS_FFI, _KINDS_OLD):
            self._cursor = Cursor(self._blob.reader, start)
            self.tensors.clear()
            try:
                for _ in range(self._count(8)):
                    self._constant(kinds)
                for _ in range(2):  # where instructions begin, and their words
                    self._cursor.skip(8 * self._count(8))
                if self._cursor.position == self._blob.size:
                    return
                fault = Malformed("bytes follow the instructions", self._cursor.position)
            except Malformed as error:
                fault = error
            except Truncated as error:
                fault = Malformed(f"cut short: {error}", start)
        raise fault

    def _constant(self, kinds: dict[int, str]) -> None:
        kind = kinds.get(self._cursor.number("i"), "")
        if kind in _WIDTHS:
            self._cursor.skip(_WIDTHS[kind])
        elif kind == "text":
            self._text()
        elif kind == "shape":
            self._cursor.skip(8 * self._count(8))
        elif kind == "tensor":
            self._tensor()
        else:
            raise Malformed("a constant of an unknown kind", self._cursor.position - 4)

    def _tensor(self) -> None:
        if self._cursor.number("Q") != _TENSOR:
            raise Malformed("a tensor has no tensor header", self._cursor.position - 8)
        self._cursor.skip(16)  # reserved; kind and number of the device
        dimensions = self._cursor.number("i")
        if not 0 <= dimensions <= _MAX_DIMENSIONS:
            raise Malformed(f"a tensor of {dimensions:,} dimensions", self._cursor.position - 4)
        self._cursor.skip(4 + 8 * dimensions)  # type of elements, shape
        length = self._cursor.number("Q")
        if length:
            self.tensors.append((self._cursor.position, length))
        self._cursor.skip(length)

    def _relay(self) -> None:
        """Read the names of primitives, which follow the constants and their devices."""
        for _ in range(self._count(8)):
            self._tensor()
        self._cursor.skip(8 * self._count(8))
        self._names(self._count(8))

    def _names(self, count: int) -> None:
        for _ in range(count):
            self._call(self._text())

    def _call(self, name: str) -> None:
        self.called.add(name)
        if len(self.called) > _MAX_NAMES:
            raise OverLimit(f"more than {_MAX_NAMES:,} functions")

    def _count(self, width: int) -> int:
        """Return the number of items that follow, each of at least `width` bytes."""
        self._context.operations.spend(_COST)
        count = self._cursor.number("Q")
        if count > (self._blob.size - self._cursor.position) // width:
            raise Truncated(self._cursor.position, count * width, self._blob.size)
        return count

    def _text(self) -> str:
        length = self._count(1)
        if length > _MAX_TEXT:
            raise OverLimit(f"a text of {length:,} bytes")
        return self._cursor.take(length).decode("utf-8", "replace")


SCANNER = Scanner(
    name=NAME,
    title="Programs of TVM's virtual machines (Relax, Relay)",
    version=2,
    accepts=accepts,
    scan=scan,
    rules=(SUSPICIOUS,),
    suffixes=(".ro",),
    signs=Signs(_MAGICS[0][:1] + _MAGICS[1][:1], at=((8, _MAGICS),)),
)
