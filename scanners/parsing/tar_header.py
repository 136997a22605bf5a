"""The 512-byte header of a tar member: ustar, GNU and V7, read as Python's tarfile reads it."""

from __future__ import annotations

from typing import NamedTuple

_DIGITS = b"01234567_oO+- \t\n\r\v\f\x1c\x1d\x1e\x1f"
"""All characters that `int` accepts for base 8."""
_HIGH = bytes(range(128, 256))
BLOCK = 512
"""Bytes of a header, and the unit that data is padded to."""
WITHOUT_DATA = frozenset(b"123456")
"""Type flags of links, devices, folders and FIFOs, whose header may have a size although no data follows."""


class Header(NamedTuple):
    """One 512-byte header: `kind` is the type flag, `size` is in bytes, `data` is the offset of the data."""

    name: str
    target: str
    kind: int
    size: int
    data: int


def parse_header(block: bytes, offset: int) -> Header | None:
    """Return the header in `block`, or None if its checksum or a number is wrong."""
    checksum = _number(block[148:156])
    if checksum is None or not any(block[148:156]):
        return None
    rest = block[:148] + block[156:]
    unsigned = 256 + sum(rest)
    signed = unsigned - 256 * (len(rest) - len(rest.translate(None, _HIGH)))
    size = _number(block[124:136])
    if checksum not in (unsigned, signed) or size is None:
        return None
    name, prefix = text_field(block[:100]), text_field(block[345:500])
    kind = block[156]
    if prefix and kind not in b"LKS":
        name = f"{prefix}/{name}"
    if kind == 0:
        kind = ord("5") if name.endswith("/") else ord("0")
    return Header(name, text_field(block[157:257]), kind, size, offset + BLOCK)


def _number(raw: bytes) -> int | None:
    """Return a number field: octal text, or base 256 if the first bit is set (GNU)."""
    if raw[0] in (0x80, 0xFF):
        return int.from_bytes(raw[1:], "big") - (256 ** (len(raw) - 1) if raw[0] == 0xFF else 0)
    text = raw.partition(b"\0")[0]
    if text.strip(_DIGITS):  # of most bytes that are no header; an exception would take ten times as long
        return None
    try:
        return int(text.decode("ascii").strip() or "0", 8)  # as text, for that is where separators count as spaces
    except ValueError:  # which UnicodeDecodeError is, too
        return None


def text_field(raw: bytes) -> str:
    """Return a text field, which ends at the first NUL and is decoded as UTF-8."""
    return raw.partition(b"\0")[0].decode("utf-8", "surrogateescape")
