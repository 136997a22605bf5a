"""Java's object serialization stream, parsed without creating objects: the classes, strings and byte arrays in it.

Format: https://docs.oracle.com/en/java/javase/17/docs/specs/serialization/protocol.html. A class that writes its own
data may leave out its fields, which the grammar does not allow, but `ObjectInputStream` and this parser accept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from modelsweep.core import patterns as re
from modelsweep.core.limits import OverLimit
from modelsweep.core.reader import Reader
from modelsweep.core.scanner import Context, Malformed
from modelsweep.core.units import MIB
from scanners.parsing.cursor import Cursor

MAGIC = b"\xac\xed\x00\x05"
_COST = 20
_MAX_TEXT = 512
"""Maximum bytes of a string in an event."""
_MAX_HANDLES = 20_000_000
_MAX_PENDING = 4_000_000
_MAX_PARENTS = 1_000
"""Maximum depth of a class hierarchy, and maximum fields of a class: more than real programs have."""
_MAX_FIELDS = 65_535
_NULL, _REFERENCE, _CLASS, _OBJECT, _STRING, _ARRAY, _CLASS_OBJECT, _BLOCK = range(0x70, 0x78)
_END, _RESET, _LONG_BLOCK, _EXCEPTION, _LONG_STRING, _PROXY, _ENUM = range(0x78, 0x7F)
_WRITE_METHOD, _SERIALIZABLE, _EXTERNALIZABLE, _BLOCK_DATA = 1, 2, 4, 8
_WIDTHS = {"B": 1, "C": 2, "D": 8, "F": 4, "I": 4, "J": 8, "S": 2, "Z": 1}
NAMED, REFERRED, INTERFACE, TEXT, BYTES = "class", "reference", "interface", "text", "bytes"
"""Kinds of events: a class of the stream, a class as a value, an interface of a proxy, a string, a byte array."""


class Event(NamedTuple):
    """Something at `offset`: the name of a class, the beginning of a string, or `length` bytes."""

    kind: str
    name: str
    offset: int
    length: int = 0


class _Description:
    """A class description in the stream, which defines the layout of its objects, superclasses first."""

    __slots__ = ("above", "depth", "fields", "flags", "name")

    def __init__(self, name: str) -> None:
        self.name, self.flags = name, 0
        self.fields: list[int] = []
        """Widths of the fields to skip, 0 for an object."""
        self.above: _Description | None = None
        """The nearest superclass with data of its own, since long chains without any would cost time per object."""
        self.depth = 0
        """Length of the class hierarchy up to this class; 0 while it is being read."""

    @property
    def adds(self) -> bool:
        """Whether the class itself has data in its objects."""
        written = self.flags & _SERIALIZABLE and (self.flags & _WRITE_METHOD or self.fields)
        return bool(self.flags & _EXTERNALIZABLE or written)


class JavaStream:
    """One stream of any number of objects; every item costs operations, and pending items are counted."""

    def __init__(self, reader: Reader, context: Context) -> None:
        self._context = context
        self._cursor = Cursor(reader, len(MAGIC), ">")
        self._handles: list[_Description | None] = []
        self._left: list[tuple[Callable[..., None], tuple[object, ...]]] = []
        self._events: list[Event] = []
        self._last: _Description | None = None
        """The class that was last described or referred to."""

    def events(self) -> Iterator[Event]:
        """Yield the events of the stream in order; raises Malformed, Truncated and OverLimit."""
        size = self._cursor.reader.size
        while self._cursor.position < size:
            self._content(self._cursor.number("B"))
            while True:
                self._context.operations.spend(_COST)
                if self._events:
                    yield from self._events
                    self._events.clear()
                if not self._left:
                    break
                task, arguments = self._left.pop()
                task(*arguments)

    def _push(self, task: Callable[..., None], *arguments: object) -> None:
        self._left.append((task, arguments))
        if len(self._left) > _MAX_PENDING:
            raise OverLimit(f"more than {_MAX_PENDING:,} nested objects")

    def _emit(self, kind: str, name: str, offset: int, length: int = 0) -> None:
        self._events.append(Event(kind, name, offset, length))

    def _handle(self, description: _Description | None = None) -> None:
        self._handles.append(description)
        if len(self._handles) > _MAX_HANDLES:
            raise OverLimit(f"more than {_MAX_HANDLES:,} objects")

    # Contents

    def _content(self, code: int) -> None:
        """Read an object or a block of data whose first byte has been read."""
        if not self._leaf(code):
            task = _TASKS.get(code)
            if task is None:
                raise Malformed(f"no object begins with {code:#04x}", self._cursor.position - 1)
            task(self)

    def _leaf(self, code: int) -> bool:
        """Read an item without nested objects; return whether `code` begins such an item."""
        if code == _REFERENCE:
            self._referred()
        elif code in (_STRING, _LONG_STRING):
            self._text(code)
        elif code in (_BLOCK, _LONG_BLOCK):
            self._cursor.skip(self._length("B" if code == _BLOCK else "i"))
        elif code == _RESET:
            self._handles.clear()
        else:
            return code == _NULL
        return True

    def _length(self, number: str) -> int:
        length = self._cursor.number(number)
        if length < 0:
            raise Malformed(f"a length of {length:,}", self._cursor.position)
        return length

    def _referred(self) -> _Description | None:
        number = self._cursor.number("I") - 0x7E0000
        if not 0 <= number < len(self._handles):
            raise Malformed(f"a reference to object {number:,} of {len(self._handles):,}", self._cursor.position - 4)
        return self._handles[number]

    def _text(self, code: int) -> None:
        offset = self._cursor.position - 1
        length = self._length("H" if code == _STRING else "q")
        text = self._characters(length)
        self._handle()
        if text:
            self._emit(TEXT, text, offset, length)

    def _characters(self, length: int) -> str:
        """Skip `length` bytes of modified UTF-8, and return the beginning as text."""
        kept = self._cursor.take(min(length, _MAX_TEXT))
        self._cursor.skip(length - len(kept))
        return kept.decode("utf-8", "replace")

    def _name(self) -> str:
        return self._characters(self._cursor.number("H"))

    # Classes

    def _described(self) -> None:
        """Read the class of an object, into `_last`."""
        offset, code = self._cursor.position, self._cursor.number("B")
        if code == _NULL:
            self._last = None
        elif code == _REFERENCE:
            self._last = self._referred()
            if self._last is None:
                raise Malformed("the class of an object refers to something that is not a class", offset)
        elif code in (_CLASS, _PROXY):
            description = self._class(offset) if code == _CLASS else self._proxy(offset)
            self._push(self._complete, description)
            self._push(self._described)  # the class above
            self._push(self._annotations)
        else:
            raise Malformed(f"no class begins with {code:#04x}", offset)

    def _class(self, offset: int) -> _Description:
        description = _Description(self._name())
        self._emit(NAMED, description.name, offset)
        self._cursor.skip(8)  # serialVersionUID
        self._handle(description)
        description.flags = self._cursor.number("B")
        for _ in range(self._cursor.number("H")):
            self._context.operations.spend()
            code = chr(self._cursor.number("B"))
            self._cursor.skip(self._cursor.number("H"))
            description.fields.append(_WIDTHS.get(code, 0))
            if code in ("L", "["):
                self._type()
            elif code not in _WIDTHS:
                raise Malformed(f"no field has the type {code!r}", self._cursor.position)
        return description

    def _type(self) -> None:
        """Read the type of a field, which is a string."""
        code = self._cursor.number("B")
        if code not in (_STRING, _LONG_STRING, _REFERENCE):
            raise Malformed("the type of a field is not text", self._cursor.position - 1)
        if code == _REFERENCE:
            self._referred()
        else:
            self._characters(self._length("H" if code == _STRING else "q"))
            self._handle()

    def _proxy(self, offset: int) -> _Description:
        """Read a dynamic proxy class, whose interfaces' calls all go to one handler."""
        description = _Description("")
        description.flags = _SERIALIZABLE
        self._handle(description)
        for _ in range(min(self._length("i"), _MAX_FIELDS + 1)):
            self._emit(INTERFACE, self._name(), offset)
        return description

    def _complete(self, description: _Description) -> None:
        parent = self._last
        if parent is not None and not 0 < parent.depth < _MAX_PARENTS:
            raise Malformed("a class is its own ancestor, or has a thousand ancestors", self._cursor.position)
        description.above = parent if parent is None or parent.adds else parent.above
        description.depth = parent.depth + 1 if parent else 1
        self._last = description

    def _annotations(self) -> None:
        """Read the custom data of a class or an object up to its end mark."""
        while (code := self._cursor.number("B")) != _END:
            self._context.operations.spend()
            if not self._leaf(code):
                self._push(self._annotations)
                self._content(code)
                return

    # Objects

    def _object(self) -> None:
        self._push(self._members)
        self._push(self._described)

    def _members(self) -> None:
        description = self._last
        if description is None:
            raise Malformed("an object without a class", self._cursor.position)
        self._handle()
        if description.depth == 1:
            self._part(description)
            return
        part = description if description.adds else description.above
        while part is not None:
            self._push(self._part, part)
            part = part.above

    def _part(self, description: _Description) -> None:
        """Read the data of one class in the hierarchy of an object."""
        flags = description.flags
        if flags & _EXTERNALIZABLE:
            if not flags & _BLOCK_DATA or flags & _SERIALIZABLE:
                raise Malformed(f"the end of an object of {description.name} is unknown", self._cursor.position)
            self._push(self._annotations)
        elif flags & _SERIALIZABLE:
            if flags & _WRITE_METHOD:
                self._push(self._annotations)
            self._fields(description, 0)

    def _fields(self, description: _Description, start: int) -> None:
        for at in range(start, len(description.fields)):
            width = description.fields[at]
            if width:
                self._cursor.skip(width)
                continue
            self._context.operations.spend()
            code = self._cursor.number("B")
            if code in (_BLOCK, _LONG_BLOCK, _END) and description.flags & _WRITE_METHOD:
                self._cursor.position -= 1  # it wrote no fields: what comes is its own data
                return
            if not self._leaf(code):
                if at + 1 < len(description.fields):
                    self._push(self._fields, description, at + 1)
                self._content(code)
                return

    def _array(self) -> None:
        self._push(self._elements)
        self._push(self._described)

    def _elements(self, left: int = -1) -> None:
        if left < 0:
            left = self._array_length()
        for done in range(left):
            self._context.operations.spend()
            code = self._cursor.number("B")
            if not self._leaf(code):
                if done + 1 < left:
                    self._push(self._elements, left - done - 1)
                self._content(code)
                return

    def _array_length(self) -> int:
        """Read the length of an array, and skip numbers; return the number of objects in it."""
        name = self._last.name if self._last else ""
        if name[:1] != "[" or len(name) < 2:
            raise Malformed("the class of an array is not an array class", self._cursor.position)
        self._handle()
        length = self._length("i")
        width = _WIDTHS.get(name[1], 0)
        if name == "[B" and length:
            self._emit(BYTES, "", self._cursor.position, length)
        self._cursor.skip(length * width)
        if not width and length > self._cursor.reader.size - self._cursor.position:
            raise Malformed(f"an array of {length:,} objects", self._cursor.position)
        return 0 if width else length

    def _class_value(self) -> None:
        self._push(self._referred_class)
        self._push(self._described)

    def _referred_class(self) -> None:
        self._handle()
        if self._last is not None and self._last.name:
            self._emit(REFERRED, self._last.name, self._cursor.position)

    def _constant(self) -> None:
        """Read an enum constant: its class and its name."""
        self._push(self._constant_name)
        self._push(self._described)

    def _constant_name(self) -> None:
        self._handle()
        self._type()

    def _described_alone(self) -> None:
        self._cursor.position -= 1
        self._described()

    def _exception(self) -> None:
        """Read an exception that occurred while the stream was written; it resets all handles."""
        self._handles.clear()
        self._push(self._handles.clear)
        self._content(self._cursor.number("B"))


_TASKS: dict[int, Callable[[JavaStream], None]] = {
    _OBJECT: JavaStream._object,
    _ARRAY: JavaStream._array,
    _CLASS: JavaStream._described_alone,
    _PROXY: JavaStream._described_alone,
    _CLASS_OBJECT: JavaStream._class_value,
    _ENUM: JavaStream._constant,
    _EXCEPTION: JavaStream._exception,
}

_DESCRIBED = re.compile(rb"r(?=\0[\x03-\xff](\[*L?(?:[A-Za-z_$][\w$]*\.)+[\w$]+;?))")
_WINDOW = 4 * MIB
_NAME = 512
_MAX_SEARCHED = 50_000
"""Maximum class descriptions that are searched for in a stream that could not be parsed."""


def described_anywhere(reader: Reader, context: Context) -> Iterator[Event]:
    """Yield anything that looks like a class description; raises OverLimit."""
    found = 0
    for start in range(0, reader.size, _WINDOW):
        data = reader.read(start, min(_WINDOW + _NAME, reader.size - start))
        context.operations.spend(len(data) // 16)
        for match in _DESCRIBED.finditer(data):
            length = data[match.start() + 2]
            name = match[1][:length].decode("ascii")
            if len(name) == length and match.start() < _WINDOW:
                found += 1
                if found > _MAX_SEARCHED:
                    raise OverLimit(f"more than {_MAX_SEARCHED:,} classes")
                yield Event(NAMED, name, start + match.start())
