"""Pickle opcodes put together by hand: what no pickler writes, but a loader runs. Payloads only echo a word."""

from __future__ import annotations

import struct

COMMAND = "echo modelsweep-test"
STOP = b"."
MARK = b"("
REDUCE = b"R"
EMPTY_TUPLE = b")"
POP = b"0"
DUP = b"2"
NONE = b"N"
EMPTY_DICT = b"}"
EMPTY_LIST = b"]"
BUILD = b"b"
SETITEM = b"s"
APPEND = b"a"
NEWOBJ = b"\x81"
NEWOBJ_EX = b"\x92"
STACK_GLOBAL = b"\x93"
MEMOIZE = b"\x94"
OBJ = b"o"


def proto(version: int) -> bytes:
    """Return the PROTO opcode."""
    return b"\x80" + bytes([version])


def global_(module: str, name: str) -> bytes:
    """Return a GLOBAL opcode."""
    return f"c{module}\n{name}\n".encode()


def inst(module: str, name: str) -> bytes:
    """Return an INST opcode."""
    return f"i{module}\n{name}\n".encode()


def text(value: str) -> bytes:
    """Return a BINUNICODE opcode."""
    data = value.encode("utf-8", "surrogatepass")
    return b"X" + struct.pack("<I", len(data)) + data


def short(value: str) -> bytes:
    """Return a SHORT_BINUNICODE opcode."""
    data = value.encode()
    return b"\x8c" + bytes([len(data)]) + data


def binary(value: bytes) -> bytes:
    """Return a BINBYTES opcode."""
    return b"B" + struct.pack("<I", len(value)) + value


def number(value: int) -> bytes:
    """Return a BININT opcode."""
    return b"J" + struct.pack("<i", value)


def stack_global(module: str, name: str) -> bytes:
    """Return what pushes a global under protocol 4."""
    return short(module) + short(name) + STACK_GLOBAL


def tuple_(*items: bytes) -> bytes:
    """Return what pushes a tuple of the values that `items` push."""
    return MARK + b"".join(items) + b"t"


def call(callee: bytes, *arguments: bytes) -> bytes:
    """Return what calls `callee` with `arguments` by REDUCE."""
    return callee + tuple_(*arguments) + REDUCE


def put(index: int) -> bytes:
    """Return a BINPUT opcode."""
    return b"q" + bytes([index])


def get(index: int) -> bytes:
    """Return a BINGET opcode."""
    return b"h" + bytes([index])


SYSTEM = global_("os", "system")
EVIL = call(SYSTEM, text(COMMAND))
"""Pushes the result of os.system(COMMAND)."""
EVIL_PICKLE = proto(2) + EVIL + STOP
