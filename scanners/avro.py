"""Avro containers: rows of data after a schema, which can name classes that the Java library instantiates.

Specification: https://avro.apache.org/docs/1.12.0/specification/#object-container-files. The rows are data, searched
as raw bytes. The Java library before 1.11.4 instantiates any class that `java-class` and similar properties name.
"""

from __future__ import annotations

from collections.abc import Iterator

from modelsweep.core.finding import Fact, Json
from modelsweep.core.limits import OverLimit
from modelsweep.core.scanner import Blob, Context, Item, Malformed, Scanner, Signs, begins
from modelsweep.core.text import printable
from modelsweep.core.units import MIB
from scanners.parsing.cursor import Cursor
from scanners.parsing.json_text import JsonFault, documents, text_of

NAME = "avro"
_MAGIC = b"Obj\1"
_SYNC = 16
_SCHEMA = "avro.schema"
_MAX_VALUE = 16 * MIB
_CLASSES = ("java-class", "java-element-class", "java-key-class")
_SHOWN = 200
_VARINT = 10
_COST = 50


def accepts(blob: Blob) -> bool:
    """Return whether the blob begins with the magic number."""
    return blob.head.startswith(_MAGIC)


def scan(blob: Blob, context: Context) -> Iterator[Item]:
    """Yield the classes that the schema names; raises Malformed, Truncated and OverLimit."""
    yield Fact("framework", NAME, blob.locator)
    source = _Values(blob.reader, len(_MAGIC))
    schema: bytes | None = None
    for key, value in _metadata(source, context):
        if key == _SCHEMA:
            schema = value
    if schema is None:
        raise Malformed("there is no schema", source.position)
    try:
        found = documents(text_of(schema))
    except JsonFault as fault:
        raise Malformed(f"the schema is not JSON: {fault}", len(_MAGIC)) from None
    yield from _classes(blob, list(found), context)
    _check_blocks(source, context)


def _metadata(source: _Values, context: Context) -> Iterator[tuple[str, bytes]]:
    """Yield keys and values from counted blocks, up to an empty block."""
    while count := source.varint():
        if count < 0:
            source.varint()  # bytes of the block
        for _ in range(abs(count)):
            context.operations.spend(_COST)
            yield source.octets().decode("utf-8", "replace"), source.octets()


def _classes(blob: Blob, left: list[Json], context: Context) -> Iterator[Fact]:
    told: set[str] = set()
    while left:
        context.operations.spend()
        value = left.pop()
        if isinstance(value, list):
            left += value
        elif isinstance(value, dict):
            left += value.values()
            for key in _CLASSES:
                name = value.get(key)
                if isinstance(name, str) and name not in told:
                    told.add(name)
                    detail: dict[str, Json] = {"how": "made", "path": key}
                    yield Fact("java-class", printable(name, _SHOWN), blob.locator, detail=detail)


def _check_blocks(source: _Values, context: Context) -> None:
    """Raise Malformed or Truncated unless the blocks, each followed by the sync marker, end with the file."""
    mark = source.take(_SYNC)
    while source.position < source.reader.size:
        context.operations.spend(_COST)
        source.length()  # rows of the block
        source.skip(source.length())
        if source.take(_SYNC) != mark:
            raise Malformed("the marker after a block is missing", source.position - _SYNC)


class _Values(Cursor):
    """A cursor over Avro values; integers are zigzag varints."""

    __slots__ = ()

    def varint(self) -> int:
        """Return the next 64-bit integer; raises Malformed if it is longer."""
        value = shift = 0
        while True:
            byte = self.take(1)[0]
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return (value >> 1) ^ -(value & 1)
            shift += 7
            if shift == 7 * _VARINT:
                raise Malformed("a number is longer than ten bytes", self.position)

    def length(self) -> int:
        """Return the next integer as a number of bytes; raises Malformed if it is negative."""
        value = self.varint()
        if value < 0:
            raise Malformed(f"{value:,} bytes are declared", self.position)
        return value

    def octets(self) -> bytes:
        """Return the next length-prefixed bytes; raises OverLimit above 16 MiB."""
        length = self.length()
        if length > _MAX_VALUE:
            raise OverLimit(f"{length:,} bytes in a header")
        return self.take(length)


SCANNER = Scanner(
    name=NAME,
    title="Avro",
    version=1,
    accepts=accepts,
    scan=scan,
    suffixes=(".avro",),
    signs=Signs(begins(_MAGIC)),
)
