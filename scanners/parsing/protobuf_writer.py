"""Encoding of protobuf fields in the wire format, for graphs in other forms.

Encoding: https://protobuf.dev/programming-guides/encoding/.
"""

from __future__ import annotations

from scanners.parsing.protobuf import LENGTH


def data(number: int, *parts: bytes) -> bytes:
    """Return a field of bytes."""
    payload = b"".join(parts)
    return varint(number << 3 | LENGTH) + varint(len(payload)) + payload


def varint(value: int) -> bytes:
    """Return a non-negative number as a varint."""
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)
