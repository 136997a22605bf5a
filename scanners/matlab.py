"""MATLAB data (.mat of versions 4 to 7): arrays, functions, objects and Java objects.

Format: https://www.mathworks.com/help/pdf_doc/matlab/matfile_format.pdf; functions (class 16) and opaque objects (17)
as scipy reads them. Loading a Java object deserializes it; a function runs when it is called. Version 4 holds
numbers and text only; version 7.3 is HDF5.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import NamedTuple

from modelsweep.core import patterns as re
from modelsweep.core.finding import Finding, Json, Rule, Severity, Span
from modelsweep.core.limits import OverLimit
from modelsweep.core.locator import Locator
from modelsweep.core.reader import Truncated
from modelsweep.core.scanner import Blob, Context, Item, Malformed, Scanner, Signs, begins
from modelsweep.core.text import printable
from modelsweep.core.units import KIB
from scanners.parsing.cursor import Cursor

NAME = "matlab"
_MAGIC = b"MATLAB 5.0 MAT-file"
_HEADER, _ORDER = 128, 126
_SUFFIX = ".mat"
_OLD_HEADER, _OLD_NAME = struct.Struct("<5i"), 256
_OLD_WIDTHS = {"0": 8, "1": 4, "2": 4, "3": 2, "4": 2, "5": 1}
"""Bytes per element, by the third digit of a matrix's kind in version 4."""
_NAMED = re.compile(rb"[A-Za-z][A-Za-z0-9_]*\0")
_MATRIX, _COMPRESSED = 14, 15
_KINDS = range(1, 19)
_CELL, _STRUCT, _OBJECT, _CHARACTERS, _SPARSE, _FUNCTION, _OPAQUE = 1, 2, 3, 4, 5, 16, 17
_CLASSES = range(1, 18)
_HOLDING = frozenset({_CELL, _STRUCT, _OBJECT, _FUNCTION, _OPAQUE})
_ENCODINGS = {1: "latin-1", 2: "latin-1", 4: "utf-16", 16: "utf-8", 17: "utf-16", 18: "utf-32"}
JAVA = b"\xac\xed\x00\x05"
_COST = 20
_DEPTH = 200
_MAX_TEXT = 64 * KIB
"""Maximum bytes of a text that are read."""
_SHOWN = 200
_COMMANDS = frozenset(
    "system unix dos eval evalc evalin urlread urlwrite webread websave webwrite perl pyrun pyrunfile javaMethod "
    "javaObject loadlibrary winopen actxserver".split()
)
"""Functions that run commands or texts, load code, or reach the network."""
_CALLED = re.compile(
    r"\b(" + "|".join(sorted(_COMMANDS)) + r"|py\.(?:os|subprocess|builtins|importlib|exec|eval)[\w.]{0,200})\s*\("
    r"|\b(java\.lang\.(?:Runtime|ProcessBuilder))\b"
)

FUNCTION_RUNS = Rule(
    id="matlab/function-runs-commands",
    title="Function that runs commands, or accesses files or the network",
    severity=Severity.WARNING,
    message="a function in the file calls {subject}: {text}",
    why="The function runs when the model or settings that contain it are used. Formulas need none of this.",
    fix="Do not use what was loaded until somebody has read the function. Ask its author what it is for.",
    confidence="medium",
    cwe=94,
    references=("https://www.mathworks.com/help/matlab/function-handles.html",),
)
FUNCTION = Rule(
    id="matlab/function",
    title="Functions stored with the data",
    severity=Severity.INFO,
    message="the file holds {count} function(s), the first of which is {subject}",
    why="Fitted models and settings carry functions, which run when they are used.",
    fix="If the file is your own, nothing.",
    cwe=94,
    references=("https://www.mathworks.com/help/matlab/function-handles.html",),
)
JAVA_OBJECT = Rule(
    id="matlab/java-object",
    title="Java object in a MATLAB file",
    severity=Severity.WARNING,
    message="the variable {subject} is an object of class {name}",
    why="MATLAB creates it with Java's own deserialization when the file is loaded, whether or not anybody uses the "
    "variable. What that does depends on the classes inside the object.",
    fix="Ask the author for the numbers alone, or load only the other variables, by name.",
    confidence="medium",
    cwe=502,
    references=("https://www.mathworks.com/help/matlab/matlab_external/save-and-load-java-objects-to-mat-files.html",),
)


class _Range(NamedTuple):
    """Elements still to be read, with their container and its depth."""

    start: int
    end: int
    within: str
    depth: int


class _Element(NamedTuple):
    """One element: its kind, the range of its data, and the offset of the next element."""

    kind: int
    start: int
    length: int
    next: int


def accepts(blob: Blob) -> bool:
    """Return whether the blob begins with a header and its byte order mark, or with a matrix of version 4."""
    if blob.head.startswith(_MAGIC):
        return blob.head[_ORDER:_HEADER] in (b"IM", b"MI")
    return blob.locator.suffix == _SUFFIX and _old_order(blob.head) != ""


def _old_order(head: bytes) -> str:
    """Return the byte order if the first matrix of version 4 begins here, otherwise ""."""
    for order, place in (("<", 0), (">", 1)):
        if len(head) < _OLD_HEADER.size:
            break
        kind, rows, columns, complex_, length = struct.unpack_from(f"{order}5i", head)
        name = head[_OLD_HEADER.size : _OLD_HEADER.size + length] if 1 < length <= _OLD_NAME else b""
        if _old_width(kind, place) and min(rows, columns) >= 0 and complex_ in (0, 1) and _NAMED.fullmatch(name):
            return order
    return ""


def _old_width(kind: int, place: int) -> int:
    """Return the bytes per element in version 4, or 0 if `kind` is invalid for that byte order."""
    digits = f"{kind:04}"
    known = len(digits) == 4 and digits[0] == str(place) and digits[1] == "0" and digits[3] in "012"
    return _OLD_WIDTHS.get(digits[2], 0) if known else 0


def _check_old(blob: Blob, context: Context, order: str) -> None:
    """Skip the matrices of version 4, in which nothing runs; raises Malformed and Truncated."""
    cursor = Cursor(blob.reader, 0, order)
    while cursor.position < blob.size:
        context.operations.spend(_COST)
        start = cursor.position
        kind, rows, columns, complex_, length = (cursor.number("i") for _ in range(5))
        width = _old_width(kind, int(order == ">"))
        if not width or min(rows, columns) < 0 or complex_ not in (0, 1) or not 0 < length <= _OLD_NAME:
            raise Malformed("there is no version 4 matrix here", start)
        cursor.skip(length + rows * columns * width * (1 + complex_))


def scan(blob: Blob, context: Context) -> Iterator[Item]:
    """Yield the code in the file; raises Malformed, Truncated and OverLimit."""
    if not blob.expect and not blob.head.startswith(_MAGIC):
        _check_old(blob, context, _old_order(blob.head))
        return
    walk = _Walk(blob, context)
    fault: Exception | None = None
    try:
        yield from walk.items()
    except (Malformed, Truncated, OverLimit) as error:
        fault = error
    yield from walk.functions()
    if fault:
        raise fault


class _Walk:
    """A walk through all elements, including nested ones; a compressed element is a blob of its own."""

    def __init__(self, blob: Blob, context: Context) -> None:
        self._blob, self._context = blob, context
        self._order = ""
        self._first = ""
        self._count = self._compressed = 0

    def items(self) -> Iterator[Item]:
        start = _HEADER if self._blob.head.startswith(_MAGIC) else 0
        self._order = self._byte_order(start)
        left = [_Range(start, self._blob.size, "", 0 if start else 1)]
        while left:
            self._context.operations.spend(_COST)
            here = left.pop()
            if here.start >= here.end:
                continue
            element = self._element(here)
            left.append(here._replace(start=element.next))
            if here.depth > _DEPTH:
                raise OverLimit(f"arrays are nested deeper than {_DEPTH}")
            if element.kind == _COMPRESSED:
                if here.depth:
                    raise Malformed("compressed elements inside others", element.start)
                yield self._inflated(element)
            elif element.kind == _MATRIX and element.length:
                yield from self._matrix(here, element, left)
            elif here.within:
                yield from self._inside(here, element)

    def _byte_order(self, start: int) -> str:
        """Return the byte order from the header, or else the one in which the first type is valid."""
        if start:
            return "little" if self._blob.reader.read(_ORDER, 2) == b"IM" else "big"
        return "big" if self._blob.reader.read(0, 2) == b"\0\0" else "little"

    def functions(self) -> Iterator[Finding]:
        """Yield one finding with the number of functions."""
        if self._count:
            evidence: dict[str, Json] = {"count": f"{self._count:,}"}
            subject = self._first or "a handle"
            yield Finding(FUNCTION, self._blob.locator, subject, evidence=evidence)

    def _number(self, data: bytes) -> int:
        return int.from_bytes(data, "big" if self._order == "big" else "little")

    def _element(self, here: _Range) -> _Element:
        """Read the tag of an element; the tag of a small element holds up to four bytes of data itself."""
        tag = self._blob.reader.read(here.start, 8)
        first = self._number(tag[:4])
        small, kind = first >> 16, first & 0xFFFF
        if small:
            element = _Element(kind, here.start + 4, small, here.start + 8)
            if small > 4:
                raise Malformed(f"a small element of {small} bytes", here.start)
        else:
            length = self._number(tag[4:])
            padding = 0 if kind == _COMPRESSED else -length % 8
            element = _Element(kind, here.start + 8, length, min(here.start + 8 + length + padding, here.end))
        if kind not in _KINDS:
            raise Malformed(f"no element has the type {kind}", here.start)
        if element.start + element.length > here.end:
            raise Truncated(element.start, element.length, here.end)
        return element

    def _inflated(self, element: _Element) -> Blob:
        from scanners.parsing.decompression import inflated

        stop = element.start + element.length
        reader = self._context.spool(inflated(self._blob.reader, element.start, stop, zlib.MAX_WBITS))
        self._compressed += 1
        return self._blob.nested(f"element {self._compressed}", reader, expect=NAME, expanded=True)

    def _matrix(self, here: _Range, element: _Element, left: list[_Range]) -> Iterator[Item]:
        """Read the head of an array, and add its content to `left`."""
        end = element.start + element.length
        inside = here._replace(start=element.start, end=end, depth=here.depth + 1)
        flags = self._element(inside)
        kind = self._number(self._blob.reader.read(flags.start, 4)) & 0xFF if flags.length == 8 else 0
        if kind not in _CLASSES:
            raise Malformed("an array without a class", element.start)
        inside = inside._replace(start=flags.next)
        within = here.within
        if kind == _OPAQUE:
            name, system, class_name = self._texts(inside, 3)
            within = f"{system} {class_name}" if system == "java" else within
            if system == "java":
                evidence: dict[str, Json] = {"name": class_name}
                subject = name or "without a name"
                yield Finding(JAVA_OBJECT, self._blob.locator, subject, span=Span(here.start), evidence=evidence)
        elif kind == _FUNCTION:
            self._count += 1
            within = "function"
        elif kind not in _HOLDING and kind != _CHARACTERS and not within.startswith("java"):
            return  # numbers
        left.append(inside._replace(within=within))

    def _texts(self, inside: _Range, count: int) -> list[str]:
        found = []
        for _ in range(count):
            element = self._element(inside)
            found.append(printable(self._text(element), _SHOWN))
            inside = inside._replace(start=element.next)
        return found

    def _text(self, element: _Element) -> str:
        data = self._blob.reader.read(element.start, min(element.length, _MAX_TEXT))
        encoding = _ENCODINGS.get(element.kind, "latin-1")
        wide = encoding in ("utf-16", "utf-32")
        return data.decode(f"{encoding}-{self._order[0]}e" if wide else encoding, "replace")

    def _inside(self, here: _Range, element: _Element) -> Iterator[Item]:
        """Yield what the texts of a function call, and Java objects as blobs of their own."""
        if here.within == "function":
            if element.kind in _ENCODINGS:
                yield from self._code(here, self._text(element).strip("\0 "))
        elif element.length > len(JAVA) and self._blob.reader.read(element.start, len(JAVA)) == JAVA:
            yield self._blob.window(f"object at {element.start}", element.start, element.length, expect="java")

    def _code(self, here: _Range, text: str) -> Iterator[Finding]:
        """Yield what a function with a body, or a handle to a named function, calls."""
        body = text.find("@(")
        if body >= 0 and not self._first:
            self._first = printable(text[body:], _SHOWN)
        yield from called_in(text, self._blob.locator, Span(here.start))


def called_in(text: str, locator: Locator, span: Span | None = None, path: str = "") -> Iterator[Finding]:
    """Yield the calls in a function's text that run commands, or reach files and the network."""
    found = _CALLED.search(text)
    called = text if text in _COMMANDS else (found[1] or found[2]) if found else ""
    if called:
        start = max(found.start() - 40, 0) if found else 0
        evidence: dict[str, Json] = {"text": printable(text[start : start + _SHOWN], _SHOWN)}
        yield Finding(FUNCTION_RUNS, locator, printable(called, _SHOWN), path, span, evidence)


SCANNER = Scanner(
    name=NAME,
    title="MATLAB (.mat)",
    version=3,
    accepts=accepts,
    scan=scan,
    rules=(FUNCTION_RUNS, FUNCTION, JAVA_OBJECT),
    suffixes=(_SUFFIX,),
    signs=Signs(begins(_MAGIC), suffixes=(_SUFFIX,)),
)
