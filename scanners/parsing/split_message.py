"""Merging of a protobuf message that TensorFlow split into records.

The last record tells where in the message the others belong: `ChunkMetadata` of
https://github.com/tensorflow/tensorflow/blob/master/tensorflow/tools/proto_splitter/chunk.proto, which `merge.cc`
beside it follows.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence

from modelsweep.core.limits import Budget, OverLimit
from modelsweep.core.reader import Reader, WindowReader
from modelsweep.core.scanner import Context, Malformed
from modelsweep.core.units import MIB
from scanners.parsing.protobuf import DEPTH, END, LENGTH, START, Field, Record, Walker, Wire
from scanners.parsing.protobuf_writer import data, varint

_SCHEMA = {
    "Metadata": {2: ("chunks", "Chunk"), 3: ("message", "Message")},
    "Chunk": {1: ("type", "int"), 3: ("offset", "int")},
    "Message": {1: ("chunk_index", "int"), 2: ("fields", "Field")},
    "Field": {1: ("tags", "Tag"), 3: ("message", "Message")},
    "Tag": {1: ("field", "int"), 2: ("key", "Key"), 3: ("index", "int")},
    "Key": {1: ("text", "text")},
}
_NEEDED, _VERSION = frozenset(_SCHEMA["Metadata"]), 1
_BYTES = 2
"""Type of a record that is a string or bytes, and replaces the value of its field."""
_KEY, _VALUE = 1, 2
_MAX_METADATA = 16 * MIB
"""Maximum bytes of the record with the positions of the others."""
_MAX_PIECES = 500_000
"""Maximum pieces of the merged message."""
_WINDOW = MIB

Selector = int | str | None
"""Which value of a field: by index, by key in a map, or the only one."""
Place = tuple[int, Selector]
Piece = bytes | Reader
Source = Callable[[int], Reader]
"""Returns the record at an offset, as counted by the splitter."""


class _Part:
    """A message, or bytes in one: the records that it consists of, and its fields with parts of their own."""

    def __init__(self) -> None:
        self.records: list[Reader] = []
        self.replaces = False
        self.fields: dict[Place, _Part] = {}


def metadata(last: Reader, context: Context) -> Record | None:
    """Return the metadata in the last record, or None if it is something else."""
    if last.size > min(_MAX_METADATA, context.limits.parsed_bytes):
        return None
    wire = Wire(last, context)
    try:
        numbers = {field.number for field in wire.fields(0, last.size)} - {_VERSION}
        if numbers != _NEEDED:
            return None
        walker = Walker(wire, _SCHEMA, frozenset({"Metadata"}), context.limits.parsed_bytes)
        return next(walker.walk("Metadata", 0, last.size))
    except Malformed:
        return None


def merged(about: Record, source: Source, context: Context) -> Iterator[bytes]:
    """Yield the message that the records form; raises Malformed and OverLimit."""
    chunks = [(chunk.integer("offset"), chunk.integer("type")) for chunk in about.records.get("chunks", ())]
    merger = _Merger(chunks, source, context)
    whole = _Part()
    for message in about.records.get("message", ()):
        merger.add(message, whole, 0)
    for piece in merger.written(whole, [], 0):
        if isinstance(piece, bytes):
            yield piece
        else:
            for start in range(0, piece.size, _WINDOW):
                yield piece.read(start, min(_WINDOW, piece.size - start))


class _Merger:
    """Finds the position of each record in the message, and writes the message."""

    def __init__(self, chunks: list[tuple[int, int]], source: Source, context: Context) -> None:
        self._chunks, self._source, self._context = chunks, source, context
        self._pieces = Budget("pieces of a message", _MAX_PIECES)

    def add(self, message: Record, part: _Part, depth: int) -> None:
        """Put the records of `message` into `part`."""
        _check(depth)
        if "chunk_index" in message.integers:
            self._take(message, part)
        for field in sorted(message.records.get("fields", ()), key=_order):
            inner = field.records.get("message", [Record("Message", field.span)])[-1]
            places = _places(field.records.get("tags", ()))
            if not places:  # a continuation of the same message
                self._take(inner, part)
                continue
            below = part
            for place in places:
                self._pieces.spend()
                below = below.fields.setdefault(place, _Part())
            self.add(inner, below, depth + 1)

    def _take(self, message: Record, part: _Part) -> None:
        index = message.integer("chunk_index")
        if not 0 <= index < len(self._chunks):
            raise Malformed(f"the message names record {index:,}, but there are {len(self._chunks):,}")
        self._pieces.spend()
        offset, kind = self._chunks[index]
        part.records.append(self._source(offset))
        part.replaces = part.replaces or kind == _BYTES

    def written(self, part: _Part, held: Sequence[Reader], depth: int) -> list[Piece]:
        """Return a message: what its parent `held` for it, its records, and fields with parts of their own."""
        _check(depth)
        sources = [*(() if part.replaces else held), *part.records]
        if not part.fields:
            return list(sources)
        found: list[Piece] = []
        inside: defaultdict[Place, list[Reader]] = defaultdict(list)
        for source in sources:
            found += self._unchanged(part, source, inside)
        for place, below in sorted(part.fields.items(), key=lambda item: _sorted_by(item[0])):
            number, selector = place
            entries = inside[place]
            if isinstance(selector, str):
                pieces = self.written(below, [value for entry in entries for value in _values(entry)], depth + 1)
                pieces = [data(_KEY, selector.encode("utf-8", "replace")), *_field(_VALUE, pieces)]
            else:
                pieces = self.written(below, entries, depth + 1)
            found += _field(number, pieces)
        return found

    def _unchanged(self, part: _Part, source: Reader, inside: defaultdict[Place, list[Reader]]) -> Iterator[Piece]:
        """Yield the unchanged parts of a message; the values of fields with parts go to `inside`."""
        wire = Wire(source, self._context)
        counts: defaultdict[int, int] = defaultdict(int)
        rest = 0
        for start, field in _fields(wire, source.size):
            self._context.operations.spend()
            place = _place(part, source, field, counts[field.number])
            counts[field.number] += 1
            if place is not None:
                self._pieces.spend(2)
                inside[place].append(WindowReader(source, field.value, field.length))
                yield WindowReader(source, rest, start - rest)
                rest = field.value + field.length
        yield WindowReader(source, rest, source.size - rest)


def _check(depth: int) -> None:
    if depth > DEPTH:
        raise OverLimit(f"messages are nested deeper than {DEPTH}")


def _order(field: Record) -> list[tuple[int, int, str]]:
    """Return the sort key of `merge.cc`: field numbers and indices, outer ones first."""
    return [_sorted_by(place) for place in _places(field.records.get("tags", ()))]


def _sorted_by(place: Place) -> tuple[int, int, str]:
    number, selector = place
    return number, selector if isinstance(selector, int) else -1, selector if isinstance(selector, str) else ""


def _places(tags: Sequence[Record]) -> list[Place]:
    """Return the field numbers, each with the selector of a value."""
    found: list[Place] = []
    for tag in tags:
        keys = [key.text("text") for key in tag.records.get("key", ())]
        if "field" in tag.integers:
            found.append((tag.integer("field"), None))
        elif not found:
            raise Malformed("a record belongs to no field")
        else:
            found[-1] = (found[-1][0], keys[-1] if keys else tag.integer("index"))
    return found


def _fields(wire: Wire, size: int) -> Iterator[tuple[int, Field]]:
    """Yield the fields of a message, each with its offset."""
    position = 0
    while position < size:
        start = position
        tag, position = wire.varint(position, size)
        if not tag >> 3 or tag & 7 in (START, END):
            raise Malformed("a message that was split holds a group, or a field without a number", start)
        field = wire.field(tag >> 3, tag & 7, position, size)
        position = field.length + (field.value if tag & 7 == LENGTH else position)
        yield start, field


def _place(part: _Part, source: Reader, field: Field, count: int) -> Place | None:
    """Return the part that a field belongs to, or None if it stays unchanged; `count` equal fields precede it."""
    if field.wire != LENGTH:
        return None
    for place in ((field.number, None), (field.number, count)):
        if place in part.fields:
            return place
    if any(number == field.number and isinstance(selector, str) for number, selector in part.fields):
        entry = WindowReader(source, field.value, field.length)
        keyed: Place = (field.number, _key(entry))
        return keyed if keyed in part.fields else None
    return None


def _key(entry: Reader) -> str:
    """Return the key of a map entry, of which the last one counts."""
    wire = Wire(entry)
    found = [one for one in wire.fields(0, entry.size) if one.number == _KEY and one.wire == LENGTH]
    return wire.read(found[-1].value, found[-1].length).decode("utf-8", "replace") if found else ""


def _values(entry: Reader) -> Iterator[Reader]:
    """Yield the values of a map entry."""
    for field in Wire(entry).fields(0, entry.size):
        if field.number == _VALUE and field.wire == LENGTH:
            yield WindowReader(entry, field.value, field.length)


def _field(number: int, pieces: list[Piece]) -> list[Piece]:
    """Return a field with the pieces as its content."""
    length = sum(len(piece) if isinstance(piece, bytes) else piece.size for piece in pieces)
    return [varint(number << 3 | LENGTH) + varint(length), *pieces]
