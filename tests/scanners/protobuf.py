"""Messages in the wire format of protocol buffers, written by hand: what no library would write as well."""

from __future__ import annotations


def varint(value: int) -> bytes:
    """Return a number of 64 bits; negative ones in two's complement, as the format has them."""
    value &= (1 << 64) - 1
    written = bytearray()
    while value > 0x7F:
        written.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*written, value])


def number(field: int, value: int) -> bytes:
    """Return the field with a number."""
    return varint(field << 3) + varint(value)


def data(field: int, *parts: bytes | str) -> bytes:
    """Return the field with a text, bytes, or a message of `parts`."""
    content = b"".join(part.encode() if isinstance(part, str) else part for part in parts)
    return varint(field << 3 | 2) + varint(len(content)) + content


def fixed32(field: int, value: bytes = bytes(4)) -> bytes:
    """Return the field with four bytes, such as a float."""
    return varint(field << 3 | 5) + value


def group(field: int, *parts: bytes) -> bytes:
    """Return the field with a group: the old form of nesting, between two tags."""
    return varint(field << 3 | 3) + b"".join(parts) + varint(field << 3 | 4)
