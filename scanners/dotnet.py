"""Objects of .NET (BinaryFormatter, as Accord.NET and others save models): streams that name the classes to create.

Format: https://learn.microsoft.com/openspecs/windows_protocols/ms-nrbf, see `scanners.parsing.nrbf`. Reading a stream
creates objects of any class that the program can find, and runs their constructors and callbacks, before the program
can check what it got.
"""

from __future__ import annotations

from collections.abc import Iterator

from modelsweep.core import patterns as re
from modelsweep.core.finding import Fact, Json, Span
from modelsweep.core.limits import OverLimit
from modelsweep.core.reader import Truncated
from modelsweep.core.scanner import Blob, Context, Item, Malformed, Scanner, Signs
from modelsweep.core.text import printable
from modelsweep.core.units import MIB
from scanners.parsing.nrbf import BYTES, CLASS, Event, NrbfStream

NAME = "dotnet"
_VERSION = b"\1\0\0\0\0\0\0\0"
"""Major and minor version of the format, after the ids of the root and of the header."""
_RECORDS = frozenset({*range(1, 18), 21, 22})
_SHOWN = 200
_CLASS_NAME = re.compile(r"(?:^|\[)\s*([A-Za-z_][\w.+`$]*)")
"""A class in a type name, also inside a generic type; names of assemblies follow a comma."""
_MARKUP = re.compile(r"\s*<(?:\w+:)?[A-Z]\w*+[^>]{0,2000}\bclr-namespace:")
"""XAML: some classes create the objects that such a string describes."""
_NESTED = (b"\0\1\0\0\0\xff\xff\xff\xff\1\0\0\0\0\0\0\0", b"PK\3\4", b"MZ", b"\x1f\x8b\x08")
_MIN_NESTED = 24
_DOTNET_NAME = re.compile(rb"[A-Z][A-Za-z]{2,40}(?:\.[A-Za-z][A-Za-z0-9]{1,60}){1,8}")
"""A .NET name anywhere in a stream that could not be parsed to its end."""
_MAX_SEARCHED = 64 * MIB
_MAX_CLASSES = 10_000


def accepts(blob: Blob) -> bool:
    """Return whether the blob begins with the header of a stream and a record."""
    head = blob.head
    return head[:1] == b"\0" and head[9:17] == _VERSION and len(head) > 17 and head[17] in _RECORDS


def scan(blob: Blob, context: Context) -> Iterator[Item]:
    """Yield the classes of the stream, and files in its byte arrays; raises Malformed, Truncated and OverLimit."""
    seen: set[str] = set()
    fault: Exception | None = None
    stream = NrbfStream(blob.reader, context)
    try:
        for event in stream.events():
            yield from _event_items(blob, event, seen)
    except (Malformed, Truncated, OverLimit) as error:
        fault = error
    if fault:
        yield from _named_anywhere(blob, context, seen)
        raise fault
    if stream.position < blob.size:
        yield blob.window(f"data at {stream.position}", stream.position, blob.size - stream.position)


def _event_items(blob: Blob, event: Event, seen: set[str]) -> Iterator[Item]:
    if event.kind == CLASS:
        for name in _CLASS_NAME.findall(event.name):
            yield from _class(blob, name, "class", event.offset, seen)
    elif event.kind == BYTES:
        if event.length >= _MIN_NESTED and blob.reader.read(event.offset, _MIN_NESTED).startswith(_NESTED):
            yield blob.window(f"bytes at {event.offset}", event.offset, event.length)
    elif _MARKUP.match(event.name):
        yield from _class(blob, "System.Windows.Markup.XamlReader", "text", event.offset, seen)
    elif "," in event.name:  # a class with its assembly, as delegates keep what they call
        yield from _class(blob, event.name.partition(",")[0].strip(), "text", event.offset, seen)


def _class(blob: Blob, name: str, how: str, offset: int, seen: set[str]) -> Iterator[Item]:
    name = name.rstrip("`.0123456789") if "`" in name else name
    if name and name not in seen and ("." in name or how == "class"):
        if len(seen) >= _MAX_CLASSES:
            raise OverLimit(f"more than {_MAX_CLASSES:,} different classes")
        seen.add(name)
        detail: dict[str, Json] = {"how": how}
        yield Fact("dotnet-class", printable(name, _SHOWN), blob.locator, Span(offset), detail)


def _named_anywhere(blob: Blob, context: Context, seen: set[str]) -> Iterator[Item]:
    """Yield names from a stream that could not be parsed, since another reader may get further."""
    found = 0
    for start in range(0, min(blob.size, _MAX_SEARCHED), MIB):
        context.operations.spend(MIB // 100)
        chunk = blob.reader.read(start, min(MIB + _SHOWN, blob.size - start))
        for match in _DOTNET_NAME.finditer(chunk):
            yield from _class(blob, match[0].decode("ascii"), "text", start + match.start(), seen)
            found += 1
            if found >= _MAX_CLASSES:
                return


SCANNER = Scanner(
    name=NAME,
    title="Objects of .NET (BinaryFormatter)",
    version=2,
    accepts=accepts,
    scan=scan,
    suffixes=(".bin", ".accord"),
    signs=Signs(at=((9, (_VERSION,)),)),
)
