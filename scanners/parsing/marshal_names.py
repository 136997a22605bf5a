"""Names in marshalled Python code, without unmarshalling it.

Format: CPython's Python/marshal.c. The layout of code objects differs from version to version, that of the strings in
them has not changed since Python 3.4: a type (perhaps with the flag of a reference), a length, the characters. They are
looked for at every byte, so that no damage and no unknown version hides one.
"""

from __future__ import annotations

_REFERENCE = 0x80
_SHORT = frozenset(b"zZ")
"""ASCII strings of at most 255 characters, plain and interned: a length of one byte."""
_LONG = frozenset(b"saAut")
"""Bytes and strings of any length, and Python 2's interned ones: a length of four bytes."""
TOLD = frozenset(
    "exec eval system popen Popen subprocess check_output b64decode decompress marshal loads socket urlopen "
    "urlretrieve requests ctypes CDLL spawn dup2 __import__ import_module".split()
)
"""Names that are worth a word where nobody can read what is done with them."""
_LONGEST = 300
"""Characters of a string that is still taken for a name."""


def names_in(code: bytes) -> list[str]:
    """Return the distinct identifiers of marshalled `code`, and the parts of dotted ones.

    Other texts are left out, file names above all: what a function does with a text shows in the names it uses.
    """
    found: dict[str, None] = {}
    for offset, byte in enumerate(code):
        kind = byte & ~_REFERENCE
        if kind in _SHORT:
            start, length = offset + 2, code[offset + 1] if offset + 1 < len(code) else 0
        elif kind in _LONG:
            start, length = offset + 5, int.from_bytes(code[offset + 1 : offset + 5], "little")
        else:
            continue
        if 0 < length <= _LONGEST and start + length <= len(code):
            text = code[start : start + length].decode("utf-8", "replace")
            parts = text.split(".")
            if all(part.isidentifier() for part in parts):
                found.update(dict.fromkeys(parts))
    return list(found)
