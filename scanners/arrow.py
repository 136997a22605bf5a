"""Arrow and Parquet: columns of data, whose extension types may contain pickles.

Formats: https://arrow.apache.org/docs/format/Columnar.html#serialization-and-interprocess-communication-ipc (also
Feather), https://parquet.apache.org/docs/file-format/. The schema, a FlatBuffer, is in the first message and in the
footer; Parquet has it in base64 under `ARROW:schema`. PyArrow before 14.0.1 unpickles the metadata of the extension
type `arrow.py_extension_type` as soon as it reads the schema. The columns are data and only searched as raw bytes.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from typing import TYPE_CHECKING

from modelsweep.core import patterns as re
from modelsweep.core.finding import Fact, Finding, Rule, Severity
from modelsweep.core.limits import OverLimit
from modelsweep.core.reader import MemoryReader, Reader, Truncated
from modelsweep.core.scanner import Blob, Context, Item, Malformed, Scanner, Signs
from modelsweep.core.text import printable
from modelsweep.core.units import MIB

if TYPE_CHECKING:
    from scanners.parsing.flatbuffer import Table

NAME = "arrow"
FOOTER_LIMIT = 64 * MIB
"""Maximum bytes of a footer or a schema that are read into memory."""
_IPC, _PARQUET = b"ARROW1", b"PAR1"
_CONTINUED = b"\xff\xff\xff\xff"
_SUFFIXES = (".arrow", ".arrows", ".feather", ".ipc", ".parquet")
# A key and a value of Thrift's compact protocol: field 1, then field 2, both with their lengths in groups of seven bits
_SCHEMA = re.compile(rb"ARROW:schema\x18[\x80-\xff]{0,4}[\x00-\x7f]([A-Za-z0-9+/]{16,}={0,2})")
_UNPICKLED = "arrow.py_extension_type"
_EXTENSION, _METADATA = "ARROW:extension:name", "ARROW:extension:metadata"
_PARQUET_PREFIX = "PARQUET:"
"""Prefix of Parquet's own metadata keys."""
_MIN_METADATA = 32
"""Minimum bytes of a column's metadata that could hide something."""
_SCHEMA_MESSAGE = 1
_MAX_NESTING = 64
"""Maximum nesting of types."""
_SHOWN = 100

PICKLED = Rule(
    id="arrow/pickled-type",
    title="Column whose type is a pickle",
    severity=Severity.WARNING,
    message="the type of column {subject} is a pickle",
    why="PyArrow before 14.0.1 unpickles the type as soon as the file is opened, and later versions do so if they are "
    "told to. Either way, the author of the file runs code.",
    fix="Read the file with PyArrow 14.0.1 or later, and write it again with the type of its storage.",
    cwe=502,
    references=("https://nvd.nist.gov/vuln/detail/CVE-2023-47248",),
)


def accepts(blob: Blob) -> bool:
    """Return whether the blob begins with the magic of a file, or with a message if its suffix is that of a stream."""
    if blob.head.startswith((_IPC + b"\0\0", _PARQUET)):
        return True
    return blob.head.startswith(_CONTINUED) and blob.locator.suffix in _SUFFIXES


def scan(blob: Blob, context: Context) -> Iterator[Item]:
    """Yield pickled types, and the pickles themselves; raises Malformed, Truncated, and OverLimit above 64 MiB."""
    yield Fact("framework", NAME, blob.locator)
    if blob.head.startswith(_PARQUET):
        yield from _parquet(blob, context)
        return
    start = 8 if blob.head.startswith(_IPC) else 0
    seen = set[tuple[str, int]]()
    # Readers of files go by the footer, which has the same schema: polars leaves out the frame of the first message
    if not start or blob.head[start:].startswith(_CONTINUED):
        yield from _message(blob, blob.reader, start, context, seen, blob)
    if start:
        if blob.reader.read(blob.size - len(_IPC), len(_IPC)) != _IPC:
            raise Malformed("the file does not end as it begins: it is cut short", blob.size)
        length = int.from_bytes(blob.reader.read(blob.size - 10, 4), "little")
        if length > blob.size - 18:
            raise Truncated(blob.size - 10, length, blob.size)
        footer = blob.window("footer", blob.size - 10 - length, length).reader
        yield from _schema(_root(footer, context).table(1), blob, footer, seen, blob.size - 10 - length)


def _parquet(blob: Blob, context: Context) -> Iterator[Item]:
    if blob.size < 12 or blob.reader.read(blob.size - 4, 4) != _PARQUET:
        raise Malformed("the file does not end as it begins: it is cut short", blob.size)
    length = int.from_bytes(blob.reader.read(blob.size - 8, 4), "little")
    if length > min(FOOTER_LIMIT, context.limits.parsed_bytes):
        raise OverLimit(f"a footer of {length:,} bytes")
    if length > blob.size - 12:
        raise Truncated(blob.size - 8, length, blob.size)
    for found in _SCHEMA.finditer(blob.reader.read(blob.size - 8 - length, length)):
        text = found[1]
        try:
            data = base64.b64decode(text[: len(text) - len(text) % 4], validate=True)
        except binascii.Error:
            raise Malformed("the schema is not base64") from None
        yield from _message(blob, MemoryReader(data), 0, context, set(), None)


def _message(
    blob: Blob, reader: Reader, start: int, context: Context, seen: set[tuple[str, int]], origin: Blob | None
) -> Iterator[Item]:
    """Yield what the schema in the message at `start` holds; `origin` is the blob if it holds these bytes unchanged."""
    if reader.read(start, 4) == _CONTINUED:
        start += 4
    length = int.from_bytes(reader.read(start, 4), "little")
    if length > min(FOOTER_LIMIT, reader.size - start - 4):
        raise Truncated(start + 4, length, reader.size)
    inner = MemoryReader(reader.read(start + 4, length))
    root = _root(inner, context)
    if root.number(1, "B") != _SCHEMA_MESSAGE:
        raise Malformed("the first message is not a schema", start)
    yield from _schema(root.table(2), blob, inner, seen, start + 4 if origin else None)


def _root(reader: Reader, context: Context) -> Table:
    from scanners.parsing.flatbuffer import FlatBuffer

    return FlatBuffer(reader, context).root()


def _schema(
    schema: Table | None, blob: Blob, reader: Reader, seen: set[tuple[str, int]], base: int | None
) -> Iterator[Item]:
    """Yield the extension types of all fields, also nested ones; `base` is the reader's offset in the blob."""
    pending = [(field, "", 0) for field in schema.tables(1)] if schema else []
    while pending:
        field, path, level = pending.pop()
        name = printable(f"{path}.{field.text(0, _SHOWN)}".strip("."), 2 * _SHOWN)
        pairs = {pair.text(0, _SHOWN): pair for pair in field.tables(6)}
        if _EXTENSION in pairs:
            kind = printable(pairs[_EXTENSION].text(1, _SHOWN), _SHOWN)
            yield Fact("extension-type", kind, blob.locator, detail={"column": name})
            if kind == _UNPICKLED and _METADATA in pairs:
                yield from _pickle(pairs.pop(_METADATA), name, blob, reader, seen, base)
        if base is None:
            yield from _described(pairs, name, blob, reader)
        if level >= _MAX_NESTING:
            raise OverLimit(f"more than {_MAX_NESTING} nested types")
        pending += [(child, name, level + 1) for child in field.tables(5)]


def _described(pairs: dict[str, Table], name: str, blob: Blob, reader: Reader) -> Iterator[Blob]:
    """Yield the metadata of a Parquet column, which base64 hides from the raw pass."""
    for key, pair in pairs.items():
        place = pair.vector(1, 1)
        if place.length >= _MIN_METADATA and not key.startswith(_PARQUET_PREFIX):
            said = MemoryReader(reader.read(place.offset, place.length))
            yield blob.nested(f"{printable(key, _SHOWN)} of {name}", said, expect="raw-weights", expanded=True)


def _pickle(
    pair: Table, name: str, blob: Blob, reader: Reader, seen: set[tuple[str, int]], base: int | None
) -> Iterator[Item]:
    place = pair.vector(1, 1)
    data = reader.read(place.offset, place.length)
    if (name, hash(data)) in seen:  # the schema is in the first message and in the footer
        return
    seen.add((name, hash(data)))
    yield Finding(PICKLED, blob.locator, name)
    if base is None:
        yield blob.nested(f"type of {name}", MemoryReader(data), expect="pickle", expanded=True)
    else:
        yield blob.window(f"type of {name}", base + place.offset, place.length, "pickle")


SCANNER = Scanner(
    name=NAME,
    title="Arrow, Feather, Parquet",
    version=3,
    accepts=accepts,
    scan=scan,
    rules=(PICKLED,),
    suffixes=_SUFFIXES,
    signs=Signs(at=((0, (_IPC, _PARQUET, _CONTINUED)),)),
)
