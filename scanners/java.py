"""Java objects (Weka's .model, CoreNLP's .ser, preprocessors of DL4J): streams that name the classes they are made of.

Format: https://docs.oracle.com/en/java/javase/17/docs/specs/serialization/protocol.html, see
`scanners.parsing.java_stream`. Reading one makes objects of any class on the class path, whatever the program expected,
and runs their `readObject` before it sees what it got.
"""

from __future__ import annotations

from collections.abc import Iterator

from modelsweep.core.finding import Fact, Finding, Json, Rule, Severity, Span
from modelsweep.core.limits import OverLimit
from modelsweep.core.reader import Truncated
from modelsweep.core.scanner import Blob, Context, Item, Malformed, Scanner, Signs, begins
from modelsweep.core.text import printable
from scanners.parsing.java_stream import BYTES, MAGIC, TEXT, Event, JavaStream

NAME = "java"
_STARTS = tuple(MAGIC + bytes([code]) for code in range(0x70, 0x7F))
_SHOWN = 200
_CLASS_FILE = b"\xca\xfe\xba\xbe\0"
_VERSIONS = range(45, 100)
"""Versions of class files: Java 1.1 and later."""
_NESTED = (_CLASS_FILE, MAGIC, b"\x1f\x8b\x08", b"PK\x03\x04", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")
"""Beginnings of byte arrays that are examined as files."""
_MIN_NESTED = 16
# Classes that a stream has no objects of, but that gadget chains call by name
_NAMED_IN_TEXTS = frozenset({"java.lang.Runtime", "java.lang.ProcessBuilder", "javax.script.ScriptEngineManager"})

CLASS_FILE = Rule(
    id="java/class-file",
    title="Compiled Java class among objects",
    severity=Severity.CRITICAL,
    message="a byte array holds the Java class {subject}",
    why="Objects are data; the code of their classes is installed with the program. Code that travels in the stream is "
    "meant to be loaded by whatever reading the stream calls, and then runs at once.",
    fix="Do not read the file with Java. Find out where it came from.",
    cwe=502,
    references=("https://docs.oracle.com/javase/specs/jvms/se17/html/jvms-4.html",),
)


def accepts(blob: Blob) -> bool:
    """Return whether the blob begins with the header of a stream, and an object or a block of data."""
    return blob.head.startswith(_STARTS) or (blob.size == len(MAGIC) and blob.head == MAGIC)


def scan(blob: Blob, context: Context) -> Iterator[Item]:
    """Yield the classes of the stream, and files in its byte arrays; raises Malformed, Truncated and OverLimit."""
    if blob.size == len(MAGIC):
        raise Malformed("no object follows the header", blob.size)
    seen: set[tuple[str, str]] = set()
    fault: Exception | None = None
    try:
        for event in JavaStream(blob.reader, context).events():
            if event.kind == BYTES:
                yield from _inside(blob, event)
            elif event.kind != TEXT or event.name in _NAMED_IN_TEXTS:
                yield from _class(blob, event, seen)
    except (Malformed, Truncated, OverLimit) as error:
        fault = error
    if fault:
        yield from _named_anywhere(blob, context, seen)
        raise fault


def _class(blob: Blob, event: Event, seen: set[tuple[str, str]]) -> Iterator[Item]:
    """Yield each class once; of arrays, the element class, unless it is primitive."""
    name = event.name.lstrip("[")
    if name != event.name:
        name = name[1:].rstrip(";") if name.startswith("L") else ""
    if name and (event.kind, name) not in seen:
        seen.add((event.kind, name))
        detail: dict[str, Json] = {"how": event.kind}
        yield Fact("java-class", printable(name, _SHOWN), blob.locator, Span(event.offset), detail)


def _inside(blob: Blob, event: Event) -> Iterator[Item]:
    if event.length < _MIN_NESTED:
        return
    head = blob.reader.read(event.offset, _MIN_NESTED)
    version = int.from_bytes(head[6:8], "big")
    if head.startswith(_CLASS_FILE) and version in _VERSIONS:
        yield Finding(CLASS_FILE, blob.locator, str(max(version - 44, 1)), span=Span(event.offset, event.length))
    elif head.startswith(_NESTED):
        yield blob.window(f"bytes at {event.offset}", event.offset, event.length)


def _named_anywhere(blob: Blob, context: Context, seen: set[tuple[str, str]]) -> Iterator[Item]:
    """Yield the classes described after the offset at which the stream could not be parsed any further.

    A reader that has the classes with custom formats gets further.
    """
    from scanners.parsing.java_stream import described_anywhere

    for event in described_anywhere(blob.reader, context):
        yield from _class(blob, event, seen)


SCANNER = Scanner(
    name=NAME,
    title="Java objects (Weka, CoreNLP, DL4J)",
    version=2,
    accepts=accepts,
    scan=scan,
    rules=(CLASS_FILE,),
    suffixes=(".ser", ".model"),
    signs=Signs(begins(MAGIC)),
)
