"""Names in marshalled Python code, without unmarshalling it.

Format: CPython's Python/marshal.c. The layout of code objects differs between versions, but that of their strings has
not changed since Python 3.4: a type (possibly with the reference flag), a length, the characters. They are searched at
every byte, so that neither damage nor an unknown version hides one.
"""

from __future__ import annotations

_REFERENCE = 0x80
_SHORT = frozenset(b"zZ")
"""Types of ASCII strings of at most 255 characters, plain and interned, with a length of one byte."""
_LONG = frozenset(b"saAut")
"""Types of bytes and strings of any length, and Python 2's interned ones, with a length of four bytes."""
REPORTED_NAMES = frozenset(
    "exec eval system popen Popen subprocess check_output b64decode decompress marshal loads socket urlopen "
    "urlretrieve requests ctypes CDLL spawn dup2 __import__ import_module".split()
)
"""Names that are reported although their use is unknown."""
_MAX_NAME = 300
"""Maximum characters of a string that counts as a name."""


def names_in(code: bytes) -> list[str]:
    """Return the distinct identifiers in marshalled `code`, including the parts of dotted ones.

    Other strings, above all file names, are left out: the names that a function uses show what it does with a string.
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
        if 0 < length <= _MAX_NAME and start + length <= len(code):
            text = code[start : start + length].decode("utf-8", "replace")
            parts = text.split(".")
            if all(part.isidentifier() for part in parts):
                found.update(dict.fromkeys(parts))
    return list(found)
