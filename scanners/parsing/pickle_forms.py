"""Tables of the hot loop of `pickle_machine`: how each opcode is interpreted, and how many bytes it takes."""

from __future__ import annotations

from scanners.parsing.pickle_kinds import DICT, LIST, SET, TUPLE

# Forms of opcodes that the hot loop handles; all other opcodes go to `_rare`.
RARE_FORM = 0
FIXED_FORM = 1  # a literal of fixed width
LENGTH1_FORM = 2  # a literal after one byte of length
LENGTH4_FORM = 3  # a literal after four bytes of length
GET_FORM = 4
PUT_FORM = 5
MEMOIZE_FORM = 6
MARK_FORM = 7
EMPTY_FORM = 8  # an empty container
ONE_FORM = 9  # adds one item, or one pair, to the container below
MANY_FORM = 10  # adds all values above the mark to the container below it
TUPLE_FORM = 11  # a tuple of the top one, two or three values
SKIP_FORM = 12  # PROTO, which has no effect on the stack
TUPLE_MARK_FORM = 13  # a tuple of all values above the mark
CALL_FORM = 14  # REDUCE and NEWOBJ
BUILD_FORM = 15


def _forms() -> tuple[bytes, bytes]:
    forms, widths = bytearray(256), bytearray(256)
    for form, table in {
        FIXED_FORM: {b"N": 1, b"\x88": 1, b"\x89": 1, b"K": 2, b"M": 3, b"J": 5, b"G": 9},
        LENGTH1_FORM: {b"U": 2, b"C": 2, b"\x8c": 2, b"\x8a": 2},
        LENGTH4_FORM: {b"T": 5, b"B": 5, b"X": 5, b"\x8b": 5},
        GET_FORM: {b"h": 2, b"j": 5},
        PUT_FORM: {b"q": 2, b"r": 5},
        MEMOIZE_FORM: {b"\x94": 1},
        MARK_FORM: {b"(": 1},
        EMPTY_FORM: {b")": 1, b"]": 1, b"}": 1, b"\x8f": 1},
        ONE_FORM: {b"a": 1, b"s": 2},
        MANY_FORM: {b"e": 1, b"u": 1, b"\x90": 1},
        TUPLE_FORM: {b"\x85": 1, b"\x86": 2, b"\x87": 3},
        TUPLE_MARK_FORM: {b"t": 1},
        CALL_FORM: {b"R": 1, b"\x81": 1},
        BUILD_FORM: {b"b": 1},
        SKIP_FORM: {b"\x80": 2},
    }.items():
        for opcode, width in table.items():
            forms[opcode[0]], widths[opcode[0]] = form, width
    return bytes(forms), bytes(widths)


FORMS, WIDTHS = _forms()
EMPTY_KINDS = bytes({0x29: TUPLE, 0x5D: LIST, 0x7D: DICT, 0x8F: SET}.get(byte, 0) for byte in range(256))
