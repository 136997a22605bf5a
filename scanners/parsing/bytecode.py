"""How a code object uses a name: as a global, as an attribute, or only as a string, for any version of CPython.

Instructions of CPython 3.6 and later are pairs of an opcode and an argument, which indexes the names. The sets hold the
opcodes of 3.6 to 3.14 together: confusions between versions are rare, and err on the side of a global.
Source: Lib/opcode.py, and https://docs.python.org/3/library/dis.html.
"""

from __future__ import annotations

_GLOBAL = frozenset({101, 108, 109, 175} | {73, 74, 75, 76} | {90, 92, 93, 94})
"""LOAD_NAME, LOAD_FROM_DICT_OR_GLOBALS, IMPORT_NAME and IMPORT_FROM, and LOAD_GLOBAL of 3.14."""
_LOAD_GLOBAL = frozenset({116, 91})
"""LOAD_GLOBAL, whose argument has one more bit below the index since 3.11."""
_ATTRIBUTE = frozenset({106, 160, 80, 82})
"""LOAD_ATTR and LOAD_METHOD."""
_FAR = 128
"""Index from which the argument may need more than one byte, which is not decoded."""


def is_attribute_only(code: bytes, names: list[str], name: str, *, is_new: bool) -> bool:
    """Return whether `name`, one of `names`, is only used as an attribute, never as a global.

    `is_new` tells whether the code object has the layout of Python 3.11 or later.
    """
    places = {index for index, other in enumerate(names) if other == name}
    if not code or not places or max(places) >= _FAR:
        return False
    pairs = set(zip(code[::2], code[1::2], strict=False))
    used = {opcode for opcode, at in pairs if at in places or at >> 1 in places}
    loaded = {at >> 1 if is_new else at for opcode, at in pairs if opcode in _LOAD_GLOBAL}
    return bool(used & _ATTRIBUTE) and not used & _GLOBAL and not loaded & places
