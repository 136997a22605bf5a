"""NumPy arrays (.npy): a header with a Python literal, then raw elements, or a pickle if the elements are objects.

Format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html, versions 1.0, 2.0 and 3.0. A .npz is a
zip of these. One file may contain several arrays, as Equinox writes models, after a line of JSON
(https://docs.kidger.site/equinox/examples/serialisation/).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from modelsweep.core import patterns as re
from modelsweep.core.finding import Fact, Finding, Problem, ProblemKind, Rule, Severity, Span
from modelsweep.core.limits import OverLimit
from modelsweep.core.reader import Reader
from modelsweep.core.scanner import Blob, Context, Item, Malformed, Numbers, Scanner, Signs, begins
from modelsweep.core.text import printable
from modelsweep.core.units import KIB
from scanners.parsing.tensor_values import dtype_of

MAGIC = b"\x93NUMPY"
_EQUINOX = ".eqx"
HEADER_LIMIT = 256 * KIB
"""Maximum bytes of a header that is parsed: NumPy itself refuses more than 10,000 unless pickles are allowed."""
_HEADER_COST = 10_000
"""Operations charged for parsing one header."""
_MAX_NESTING = 32
_MAX_DIMENSIONS = 64
_LENGTH_BYTES = {1: 2, 2: 4, 3: 4}
_ELEMENT = r"[<>|=]?([?bBhHiIlLqQuefdgFDGcmMSaUVO])([0-9]{0,9})(?:\[[0-9a-zA-Zμ]{1,12}\])?"
_USUAL = re.compile(
    r"\{'descr': '(?P<descr>[<>|=]?[?a-zA-Z][0-9]{0,9})', 'fortran_order': (?P<order>True|False), "
    r"'shape': \((?P<shape>|(?:0|[1-9][0-9]{0,18}),|(?:0|[1-9][0-9]{0,18})(?:, (?:0|[1-9][0-9]{0,18}))+)\), \} *\n?"
)
_UNICODE = 4
# Bytes of the type characters that have no size
_LONE = {
    "?": 1,
    "b": 1,
    "B": 1,
    "h": 2,
    "H": 2,
    "i": 4,
    "I": 4,
    "q": 8,
    "Q": 8,
    "e": 2,
    "f": 4,
    "d": 8,
    "F": 8,
    "D": 16,
}
_LONE |= {"m": 8, "M": 8}


TRAILING = Rule(
    id="numpy/trailing-bytes",
    title="Bytes after the end of an array",
    severity=Severity.WARNING,
    message="{length} bytes follow the last array",
    why="NumPy ignores everything after the elements, so it is a place to hide a payload.",
    fix="Load the array and save it again. If the bytes come back, ask its author.",
    cwe=20,
    references=("https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html",),
)


class Header(NamedTuple):
    """An array's header: `descr` is the element type as a Python literal, `data` the offset of the elements."""

    descr: object
    shape: tuple[int, ...]
    data: int


class Element(NamedTuple):
    """Bytes of one element, and whether it contains Python objects."""

    size: int
    pickled: bool


def accepts(blob: Blob) -> bool:
    """Return whether the blob begins with NumPy's magic, or is a model of Equinox with it after the first line."""
    return blob.head.startswith(MAGIC) or _settings(blob) > 0


def _settings(blob: Blob) -> int:
    """Return the length of the JSON line in front of the arrays of an Equinox model, otherwise 0."""
    equinox = blob.locator.suffix == _EQUINOX and blob.head.startswith(b"{")
    return blob.head.find(b"\n" + MAGIC) + 1 if equinox else 0


def scan(blob: Blob, context: Context) -> Iterator[Item]:
    """Yield facts about the arrays, pickles of object arrays, and bytes after the last array."""
    start = offset = _settings(blob)
    if start:
        yield blob.window("hyperparameters.json", 0, start)
    while offset < blob.size:
        if offset > start and blob.reader.read(offset, min(len(MAGIC), blob.size - offset)) != MAGIC:
            span = Span(offset, blob.size - offset)
            yield Finding(TRAILING, blob.locator, span=span, evidence={"length": blob.size - offset})
            return
        context.operations.spend(_HEADER_COST)
        header = header_at(blob.reader, offset)
        element = element_of(header.descr)
        descr = printable(str(header.descr), 100)
        yield Fact("tensors", descr, blob.locator, Span(header.data), {"shape": list(header.shape)})
        if element is None:
            detail = f"the element type {descr} is not known: its size cannot be checked"
            yield Problem(ProblemKind.UNSUPPORTED, blob.locator, SCANNER.name, detail)
        if element is None or element.pickled:
            if header.data == blob.size:
                raise Malformed("the elements are missing", header.data)
            expect = "pickle" if element else ""
            yield blob.window("objects", header.data, blob.size - header.data, expect)
            return
        offset = _end(header, element.size, blob.size)
        yield Numbers("array", dtype_of(header.descr), header.shape, header.data, offset - header.data, None)


def _end(header: Header, width: int, size: int) -> int:
    """Return the offset after the elements; raises Malformed if some are missing."""
    length = width
    for count in header.shape:
        length *= count
    if header.data + length > size:
        raise Malformed(f"the shape requires {length:,} bytes, but there are {size - header.data:,}", header.data)
    return header.data + length


def header_at(reader: Reader, offset: int) -> Header:
    """Return the header of the array at `offset`; raises Malformed, Truncated or OverLimit."""
    major = reader.read(offset + len(MAGIC), 2)[0]
    if major not in _LENGTH_BYTES:
        raise Malformed(f"version {major} of the format is unknown", offset + len(MAGIC))
    start = offset + len(MAGIC) + 2 + _LENGTH_BYTES[major]
    length = int.from_bytes(reader.read(offset + len(MAGIC) + 2, _LENGTH_BYTES[major]), "little")
    data = reader.read(start, min(length, HEADER_LIMIT))
    if length > HEADER_LIMIT:
        raise OverLimit(f"the header is longer than {HEADER_LIMIT:,} bytes")
    text = data.decode("utf-8" if major == 3 else "latin-1", "replace")
    value = _usual(text) or _literal(text, start)
    if not isinstance(value, dict) or value.keys() != {"descr", "fortran_order", "shape"}:
        raise Malformed("the header is not a map of descr, fortran_order and shape", start)
    shape = _shape(value["shape"])
    if shape is None:
        raise Malformed("the shape is not a tuple of sizes", start)
    return Header(value["descr"], shape, start + length)


def _usual(text: str) -> dict[str, object] | None:
    """Parse a header as NumPy itself writes it, in a fifth of the time of a general parser; None for any other form."""
    match = _USUAL.fullmatch(text)
    if match is None:
        return None
    shape = tuple(map(int, match["shape"].replace(",", " ").split()))
    return {"descr": match["descr"], "fortran_order": match["order"] == "True", "shape": shape}


def _literal(text: str, offset: int) -> object:
    """Return the Python literal `text`; Python 2 wrote sizes as `3L`."""
    import ast
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return ast.literal_eval(re.sub(r"(?<=[0-9])L(?=[,)])", "", text).strip())
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            raise Malformed("the header is not a Python literal", offset) from None


def _shape(value: object) -> tuple[int, ...] | None:
    """Return `value` if it is a tuple of at most `_MAX_DIMENSIONS` 64-bit sizes, otherwise None."""
    if not isinstance(value, tuple) or len(value) > _MAX_DIMENSIONS:
        return None
    sizes = tuple(item for item in value if type(item) is int and 0 <= item < 1 << 64)
    return sizes if len(sizes) == len(value) else None


def element_of(descr: object, depth: int = 0) -> Element | None:
    """Return the element of type `descr`, or None if the type is unknown.

    A type is a string, a list of fields (name, type[, shape]), or a tuple (type, shape), as for `numpy.dtype`.
    """
    if depth > _MAX_NESTING:
        return None
    if isinstance(descr, str):
        return _simple(descr)
    if isinstance(descr, tuple) and len(descr) == 2:
        return _repeated(element_of(descr[0], depth + 1), descr[1])
    if not isinstance(descr, list):
        return None
    fields = [_field(field, depth + 1) for field in descr]
    known = [field for field in fields if field]
    if len(known) < len(fields):
        return None
    return Element(sum(field.size for field in known), any(field.pickled for field in known))


def _field(field: object, depth: int) -> Element | None:
    if not isinstance(field, tuple) or len(field) not in (2, 3):
        return None
    element = element_of(field[1], depth)
    return element if len(field) == 2 else _repeated(element, field[2])


def _repeated(element: Element | None, shape: object) -> Element | None:
    sizes = _shape(shape if isinstance(shape, tuple) else (shape,))
    if element is None or sizes is None:
        return None
    length = element.size
    for count in sizes:
        length *= count
    return Element(length, element.pickled) if length < 1 << 64 else None


def _simple(descr: str) -> Element | None:
    match = re.fullmatch(_ELEMENT, descr)
    if match is None:
        return None
    kind, digits = match.groups()
    if kind == "O":
        return Element(8, pickled=True)
    if not digits:
        size = _LONE.get(kind, 0 if kind in "SaUV" else None)
        return None if size is None else Element(size, pickled=False)
    return Element(int(digits) * (_UNICODE if kind == "U" else 1), pickled=False)


SCANNER = Scanner(
    name="numpy",
    title="NumPy arrays (.npy)",
    version=3,
    accepts=accepts,
    scan=scan,
    rules=(TRAILING,),
    suffixes=(".npy", _EQUINOX),
    signs=Signs(begins(MAGIC), suffixes=(_EQUINOX,)),
)
