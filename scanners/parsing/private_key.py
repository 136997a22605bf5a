"""Private keys as PEM (RFC 7468): decoded as far as it takes to tell a key from an example of one.

An RSA key counts where its primes multiply to its modulus (RFC 8017, A.1.2); a key of OpenSSH says itself whether it is
encrypted (PROTOCOL.key). Source code and JSON write line ends as `\\n`, YAML indents: both are undone.
"""

from __future__ import annotations

from base64 import b64decode
from typing import NamedTuple

from modelsweep.core import patterns as re

REACH = 16 * 1024
"""Bytes of a key that are read."""
SMALLEST = 1024
"""Bits of a modulus that protects anything; test data has smaller ones."""
_PEM = re.compile(rb"-----BEGIN ((?:[A-Z0-9]{2,10} ){0,2})PRIVATE KEY-----([^-]{40,16000})-----END ")
_LAYOUT = re.compile(rb"\\[nr]|[\s\"',+\\]")
_PLUS_LAYOUT = re.compile(rb"\\[nr]|[\s\"',\\]")
_OPENSSH = b"openssh-key-v1\0"
_RSA = bytes.fromhex("2a864886f70d010101")  # 1.2.840.113549.1.1.1


class PrivateKey(NamedTuple):
    """A key that decodes: what it is, whether a passphrase protects it, and its lines in base64."""

    kind: str
    encrypted: bool
    lines: tuple[str, ...]
    length: int


def private_key_at(data: bytes, start: int) -> PrivateKey | None:
    """Return the key whose `-----BEGIN` stands at `start` of `data`, None where nothing decodes."""
    match = _PEM.match(data, start)
    if match is None:
        return None
    label = match[1].decode().strip()
    der = _decoded(match[2])
    if der is None:
        return None
    kind = _kind(label, der)
    if kind is None:
        return None
    lines = tuple(piece.decode() for piece in re.findall(rb"[A-Za-z0-9+/]{16,}", match[2]))
    encrypted = label == "ENCRYPTED" or (label == "OPENSSH" and not _is_open(der))
    return PrivateKey(kind, encrypted, lines, match.end() - start)


def _decoded(body: bytes) -> bytes | None:
    # A plus sign is base64, unless it joins the string literals of a source file
    for layout in (_PLUS_LAYOUT, _LAYOUT):
        try:
            return b64decode(layout.sub(b"", body), validate=True)
        except ValueError:
            continue
    return None


def _kind(label: str, der: bytes) -> str | None:
    """Return what kind of key `der` is, None where it is none."""
    if label == "OPENSSH":
        return "OpenSSH" if der.startswith(_OPENSSH) and len(der) > 100 else None
    fields = _sequence(der)
    if fields is None or len(fields) < 2:
        return None
    if label == "RSA":
        return "RSA" if _is_rsa(fields) else None
    if label in ("EC", "DSA"):
        return label if fields[0][0] == 2 and len(der) >= 48 else None
    if label == "ENCRYPTED":
        return "encrypted" if fields[0][0] == 0x30 and fields[1][0] == 4 else None
    return _pkcs8(fields) if label == "" and len(fields) >= 3 else None


def _pkcs8(fields: list[tuple[int, bytes]]) -> str | None:
    """Return the kind of a key of PKCS#8 (RFC 5958): version, algorithm, octets."""
    if [tag for tag, _ in fields[:3]] != [2, 0x30, 4] or len(fields[2][1]) < 32:
        return None
    if _RSA not in fields[1][1]:
        return "PKCS#8"
    inner = _sequence(fields[2][1])
    return "RSA" if inner is not None and _is_rsa(inner) else None


def _is_rsa(fields: list[tuple[int, bytes]]) -> bool:
    if len(fields) < 6 or any(tag != 2 for tag, _ in fields[:6]):
        return False
    _, modulus, _, _, first, second = (int.from_bytes(value, "big") for _, value in fields[:6])
    return first * second == modulus and modulus.bit_length() >= SMALLEST


def _is_open(der: bytes) -> bool:
    """Return whether a key of OpenSSH names no cipher."""
    length = int.from_bytes(der[15:19], "big")
    return der[19 : 19 + length] == b"none"


def _sequence(der: bytes) -> list[tuple[int, bytes]] | None:
    """Return tag and value of the fields of a SEQUENCE that fills `der`, None where it is none (X.690)."""
    outer = _field(der, 0)
    if outer is None or outer[0] != 0x30 or outer[2] != len(der):
        return None
    fields: list[tuple[int, bytes]] = []
    at, body = 0, outer[1]
    while at < len(body) and len(fields) < 20:
        field = _field(body, at)
        if field is None:
            return None
        fields.append(field[:2])
        at = field[2]
    return fields


def _field(der: bytes, at: int) -> tuple[int, bytes, int] | None:
    """Return tag, value and end of the field at `at`, None where it is not all there."""
    if at + 2 > len(der):
        return None
    length, start = der[at + 1], at + 2
    if length >= 0x80:
        size = length & 0x7F
        if not 1 <= size <= 4:
            return None
        length, start = int.from_bytes(der[start : start + size], "big"), start + size
    end = start + length
    return (der[at], der[start:end], end) if end <= len(der) else None
