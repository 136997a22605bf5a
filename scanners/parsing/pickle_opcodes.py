"""Handlers of the opcodes outside the hot loop of `pickle_machine`: those that name, call, end or are rare.

A handler interprets its opcode, advances `position`, and returns 0 or why the machine stops. Handlers follow CPython's
C unpickler (Modules/_pickle.c): an error there is a fault here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from modelsweep.core import patterns as re
from scanners.parsing import pickle_kinds as kinds
from scanners.parsing.pickle_literals import line_end, raw_string, short_line, short_lines, text_at

if TYPE_CHECKING:
    from scanners.parsing.pickle_machine import Machine

NAME_LIMIT = 1024
"""Maximum bytes of a module or attribute name that are kept."""
SHORTEST = 12
"""Minimum bytes of a string that may contain a stream."""
_REDUCE = b"reduce_package"
_REDUCED = (3, 4)
"""Lengths of a torch.package identifier that begins with `_REDUCE`: loading calls its second last item."""
NO_ARGUMENTS = -1
LARGEST_INDEX = 1 << 60
# Wider than what CPython accepts, never narrower: rejecting a number here would end the stream for us alone. CPython
# uses the parsers of C, which read an empty string as zero and stop at a NUL.
_INTEGER = re.compile(rb"\s*[-+]?(0[xXoObB])?[0-9a-fA-F_]*L?\s*(\x00.*)?", re.DOTALL)
_FLOAT = re.compile(
    rb"\s*[-+]?(nan|inf|infinity|[0-9_]*\.?[0-9_]*([eE][-+]?[0-9]+)?)\s*(\x00.*)?", re.IGNORECASE | re.DOTALL
)
_INDEX = re.compile(rb"\s*\+?([0-9_]+)\s*(\x00.*)?", re.DOTALL)

UNENDED = "a line is not ended"
CUT = "an argument is cut short"
Handler = Callable[["Machine"], int]


def _fault(machine: Machine, why: str) -> int:
    machine.fault = why
    return kinds.FAULTY


def _line(machine: Machine, start: int) -> bytes | None:
    """Return the argument from `start` to the next newline, cut to NAME_LIMIT, and step over it; None at the end.

    If the stream ends before a newline, loaders take its last byte for the newline.
    """
    line = short_line(machine.reader, start)
    if line is not None:
        machine.position = start + len(line) + 1
        return line
    end = line_end(machine.reader, start)
    if end < 0:
        end = machine.reader.size - 1
    if end < start:
        machine.fault = UNENDED
        return None
    machine.position = end + 1
    return machine.reader.read(start, min(end - start, NAME_LIMIT))


def _memo_index(line: bytes) -> int:
    """Return the memo index in a line, or -1 if it is not one."""
    found = _INDEX.fullmatch(line)
    digits = found[1].replace(b"_", b"").lstrip(b"0") if found else b""
    return min(int(digits or b"0"), LARGEST_INDEX) if found and len(line) < NAME_LIMIT else -1


def _checked_line(pattern: re.Pattern[bytes]) -> Handler:
    def handle(machine: Machine) -> int:
        start = machine.position
        line = _line(machine, start + 1)
        if line is None or not pattern.fullmatch(line):
            machine.position = start
            return _fault(machine, UNENDED if line is None else "a number that is none")
        machine.push(start << 1)
        return 0

    return handle


def _string(machine: Machine) -> int:
    start = machine.position
    line = _line(machine, start + 1)
    if line is None:
        return kinds.FAULTY
    if machine.reader.read(start, 1) == b"S" and line[:1] not in (b"'", b'"'):
        machine.position = start
        return _fault(machine, "a string without quotes")
    if machine.position - start > SHORTEST:
        quoted = machine.reader.read(start, 1) == b"S"
        pair = line[quoted : quoted + 2]
        pair = raw_string(machine.reader, start, 2) if b"\\" in pair else pair
        if len(pair) > 1:
            machine.suspect(start, *pair)
    machine.push(start << 1)
    return 0


def _long_string(machine: Machine) -> int:
    """BINUNICODE8, BINBYTES8, BYTEARRAY8: eight bytes of length."""
    text = text_at(machine.reader, machine.position)
    if text is None or text.offset + text.length > machine.reader.size:
        return _fault(machine, "a string reaches beyond the end")
    if text.length > SHORTEST:
        machine.suspect(machine.position, *machine.reader.read(text.offset, 2))
    return machine.push_literal(text.offset + text.length - machine.position)


def _name(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")


def _global(machine: Machine) -> int:
    start = machine.position + 1
    both = short_lines(machine.reader, start)  # the usual case, in one read
    if both:
        machine.position = start + len(both[0]) + len(both[1]) + 2
        machine.push(machine.global_node(_name(both[0]), _name(both[1])))
        return 0
    module = _line(machine, start)
    name = None if module is None else _line(machine, machine.position)
    if module is None or name is None:
        return kinds.FAULTY
    machine.push(machine.global_node(_name(module), _name(name)))
    return 0


def _stack_global(machine: Machine) -> int:
    if machine.short_of(2):
        return kinds.FAULTY
    name, module = machine.pop(), machine.pop()
    if name & 1 or module & 1:
        value = machine.new_node(kinds.COMPUTED_GLOBAL, module, name)
        machine.called("COMPUTED", value, NO_ARGUMENTS)
    else:
        value = machine.global_node(_name(machine.text(module, NAME_LIMIT)), _name(machine.text(name, NAME_LIMIT)))
    machine.push(value)
    machine.position += 1
    return 0


def _newobj_ex(machine: Machine) -> int:
    if machine.short_of(3):
        return kinds.FAULTY
    keywords, arguments, callee = machine.pop(), machine.pop(), machine.pop()
    machine.push(arguments)
    machine.push(keywords)
    both = machine.collect(machine.depth() - 2)
    machine.called("NEWOBJ_EX", callee, both)
    return machine.push_node(kinds.OBJECT, callee, both)


def _inst(machine: Machine) -> int:
    if _global(machine):
        return kinds.FAULTY
    callee = machine.pop()
    start = machine.mark()  # CPython's C module checks the mark first, its Python module imports first
    if start < 0:
        return kinds.FAULTY
    return _called_from(machine, "INST", callee, start, 0)


def _obj(machine: Machine) -> int:
    start = machine.mark()
    if start < 0 or machine.depth() <= start:
        return _fault(machine, "no class to build")
    arguments = machine.collect(start + 1)
    callee = machine.pop()
    machine.called("OBJ", callee, arguments)
    return machine.push_node(kinds.CALL, callee, arguments)


def _called_from(machine: Machine, how: str, callee: int, start: int, width: int) -> int:
    arguments = machine.collect(start)
    machine.called(how, callee, arguments)
    return machine.push_node(kinds.CALL, callee, arguments, width)


def _stop(machine: Machine) -> int:
    if machine.depth() <= machine.fence():
        return _fault(machine, "STOP on an empty stack")
    machine.result = machine.top()
    machine.stray(machine.result)
    machine.position += 1
    return kinds.STOPPED


def _pop(machine: Machine) -> int:
    machine.position += 1
    if machine.depth() > machine.fence():
        machine.pop()
    elif machine.mark() < 0:
        return kinds.FAULTY
    return 0


def _pop_mark(machine: Machine) -> int:
    start = machine.mark()
    if start < 0:
        return kinds.FAULTY
    machine.cut_to(start)
    machine.position += 1
    return 0


def _dup(machine: Machine) -> int:
    if machine.short_of(1):
        return kinds.FAULTY
    machine.push(machine.top())
    machine.position += 1
    return 0


def _marked(kind: int) -> Handler:
    """LIST, DICT, FROZENSET: a container of all values above the mark."""

    def handle(machine: Machine) -> int:
        start = machine.mark()
        if start < 0:
            return kinds.FAULTY
        machine.push(machine.collect_pairs(start, kind))
        machine.position += 1
        return 0

    return handle


def _text_memo(put: bool) -> Handler:
    def handle(machine: Machine) -> int:
        line = _line(machine, machine.position + 1)
        index = -1 if line is None else _memo_index(line)
        if index < 0 or (put and machine.short_of(1)):
            machine.fault = machine.fault or "a memo index that is none"
            return kinds.FAULTY
        if put:
            machine.memoize(index)
        elif not machine.recall(index):
            return _fault(machine, f"memo entry {index} was never stored")
        return 0

    return handle


def _persistent(machine: Machine) -> int:
    start = machine.position
    if _line(machine, start + 1) is None:
        return kinds.FAULTY
    machine.push(machine.new_node(kinds.PERSISTENT, -1, start))
    return 0


def _binary_persistent(machine: Machine) -> int:
    if machine.short_of(1):
        return kinds.FAULTY
    identifier = machine.pop()
    machine.stray(identifier)
    if machine.kind(identifier) == kinds.TUPLE and machine.second(identifier) in _REDUCED:
        what, *_, function, arguments = machine.items(identifier)
        if not what & 1 and machine.text(what, NAME_LIMIT) == _REDUCE:
            machine.called("REDUCE", function, arguments)
    return machine.push_node(kinds.PERSISTENT, identifier, 0)


def _extension(width: int) -> Handler:
    def handle(machine: Machine) -> int:
        code = int.from_bytes(machine.reader.read(machine.position + 1, width), "little")
        value = machine.new_node(kinds.EXTENSION, code, 0)
        machine.called("EXTENSION", value, NO_ARGUMENTS)
        machine.push(value)
        machine.position += 1 + width
        return 0

    return handle


def _frame(machine: Machine) -> int:
    length = int.from_bytes(machine.reader.read(machine.position + 1, 8), "little")
    machine.enter_frame(min(length, machine.reader.size))
    machine.position += 9
    return 0


def _buffer(machine: Machine) -> int:
    return machine.push_node(kinds.BUFFER, 0, 0)


def _readonly(machine: Machine) -> int:
    machine.position += 1
    return kinds.FAULTY if machine.short_of(1) else 0


HANDLERS: dict[int, Handler] = {
    opcode[0]: handler
    for opcode, handler in {
        b"I": _checked_line(_INTEGER),
        b"L": _checked_line(_INTEGER),
        b"F": _checked_line(_FLOAT),
        b"S": _string,
        b"V": _string,
        b"\x8d": _long_string,
        b"\x8e": _long_string,
        b"\x96": _long_string,
        b"c": _global,
        b"\x93": _stack_global,
        b"\x92": _newobj_ex,
        b"i": _inst,
        b"o": _obj,
        b".": _stop,
        b"0": _pop,
        b"1": _pop_mark,
        b"2": _dup,
        b"l": _marked(kinds.LIST),
        b"d": _marked(kinds.DICT),
        b"\x91": _marked(kinds.FROZENSET),
        b"p": _text_memo(put=True),
        b"g": _text_memo(put=False),
        b"P": _persistent,
        b"Q": _binary_persistent,
        b"\x82": _extension(1),
        b"\x83": _extension(2),
        b"\x84": _extension(4),
        b"\x95": _frame,
        b"\x97": _buffer,
        b"\x98": _readonly,
    }.items()
}
