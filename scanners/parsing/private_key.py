"""Private keys as PEM (RFC 7468), OpenPGP armor and PuTTY files, decoded far enough to rule out examples.

An RSA key counts if the product of its primes is its modulus (RFC 8017, A.1.2); keys of OpenSSH (PROTOCOL.key) and
OpenPGP (RFC 9580, 5.5.3) tell whether they are encrypted. Source code and JSON write line ends as `\\n`, pickles of
protocol 0 as `\\u000a`, and YAML indents lines: all of this is undone.
"""

from __future__ import annotations

from base64 import b64decode
from typing import NamedTuple

from modelsweep.core import patterns as re
from scanners.parsing.credential_checks import is_filler

MIN_MODULUS_BITS = 1024
"""Minimum bits of a modulus for real use; test data has smaller ones."""
_PEM = re.compile(rb"-----BEGIN ((?:[A-Z0-9]{2,10} ){0,2})PRIVATE KEY-----([^-]{40,16000})-----END ")
_PGP = re.compile(
    rb"-----BEGIN PGP PRIVATE KEY BLOCK-----(?:[ \t\r]|\\r)*(?:\n|\\n)(?:[A-Z][A-Za-z]+: [^\n\\]{0,100}(?:\n|\\n))*"
    rb"([^-=]{40,16000})"
)
_PUTTY = re.compile(
    rb"PuTTY-User-Key-File-[23]: ([a-z0-9-]{1,30})(?:\s|\\[nr]){1,2}Encryption: ([a-z0-9-]{1,20})[\s\\][\s\S]{0,8000}?"
    rb"Private-Lines: \d+((?:[A-Za-z0-9+/=\s]|\\[nr]){40,8000})"
)
_LAYOUT = re.compile(rb"\\(?:u005c)?[nr]|\\u000[aAdD]|[\s\"',+\\]")
_PLUS_LAYOUT = re.compile(rb"\\(?:u005c)?[nr]|\\u000[aAdD]|[\s\"',\\]")
_BEGINNING = re.compile(rb"MI[GHI][A-Za-z0-9+/]{96}")
"""The beginning of a key: a sequence of 128 bytes or more, and some of its content."""
_OPENSSH = b"openssh-key-v1\0"
_RSA = bytes.fromhex("2a864886f70d010101")  # 1.2.840.113549.1.1.1


class PrivateKey(NamedTuple):
    """A decoded key: its kind, whether a passphrase protects it, and its base64 lines.

    A key that is not `whole` is only the beginning of one.
    """

    kind: str
    encrypted: bool
    lines: tuple[str, ...]
    length: int
    whole: bool = True


def private_key_at(data: bytes, start: int) -> PrivateKey | None:
    """Return the key whose `-----BEGIN` is at `start` in `data`, or None if it does not decode."""
    if armored := _PGP.match(data, start):
        return _openpgp(armored)
    match = _PEM.match(data, start)
    if match is None:
        return None
    label = match[1].decode().strip()
    der, lines = _decoded(match[2]), _lines(match[2])
    kind = None if der is None else _kind(label, der)
    if der is None or kind is None:
        text = _PLUS_LAYOUT.sub(b"", match[2])
        likely = _BEGINNING.match(text) is not None and not is_filler(text)
        return PrivateKey(label or "PKCS#8", False, lines, match.end() - start, whole=False) if likely else None
    encrypted = label == "ENCRYPTED" or (label == "OPENSSH" and not _is_open(der))
    return PrivateKey(kind, encrypted, lines, match.end() - start)


def putty_key_at(data: bytes, start: int) -> PrivateKey | None:
    """Return the key of the PuTTY file that begins at `start` in `data`, or None if it does not decode."""
    match = _PUTTY.match(data, start)
    if match is None:
        return None
    lines = _lines(re.sub(rb"\\[nr]", b" ", match[3]))
    return PrivateKey("PuTTY", match[2] != b"none", lines, match.end() - start) if lines else None


def _lines(body: bytes) -> tuple[str, ...]:
    return tuple(piece.decode() for piece in re.findall(rb"[A-Za-z0-9+/]{16,}", body))


_NUMBERS = {1: 2, 2: 2, 3: 2, 16: 3, 17: 4}
"""Number of integers in the public half of an OpenPGP key, by algorithm: RSA, Elgamal, DSA."""
_RAW_KEY_BYTES = {25: 32, 26: 56, 27: 32, 28: 57}
"""Bytes of the public half of X25519, X448, Ed25519 and Ed448."""


def _openpgp(match: re.Match[bytes]) -> PrivateKey | None:
    text = _LAYOUT.sub(b"", match[1]) if b"\\n" in match[1] else b"".join(match[1].split())
    try:
        body = _secret_packet(b64decode(text[: len(text) // 4 * 4], validate=True))
        usage = body[_after_public(body)]
    except (ValueError, IndexError):
        return None
    return PrivateKey("OpenPGP", usage != 0, _lines(match[1]), match.end() - match.start())


def _secret_packet(packets: bytes) -> bytes:
    """Return the body of the first secret key packet (RFC 9580, 4.2); raises ValueError if it is not first."""
    head = packets[0]
    if head & 0xC0 == 0xC0:
        tag, size = head & 0x3F, 1 if packets[1] < 192 else 2 if packets[1] < 224 else 5
    else:
        tag, size = head >> 2 & 0xF, (1, 2, 4, 0)[head & 3]
    body = packets[1 + size :]
    if not head & 0x80 or tag != 5 or body[0] not in (4, 6):
        raise ValueError("not a secret key packet")
    return body


def _after_public(body: bytes) -> int:
    """Return the end of the public half of a key, which is followed by its protection."""
    algorithm, at = body[5], 6 if body[0] == 4 else 10
    if algorithm in _RAW_KEY_BYTES:
        return at + _RAW_KEY_BYTES[algorithm]
    if algorithm in (18, 19, 22):  # on elliptic curves: the curve, a point, and for ECDH how keys are derived
        at = _after_number(body, at + 1 + body[at])
        return at + 1 + body[at] if algorithm == 18 else at
    for _ in range(_NUMBERS[algorithm] if algorithm in _NUMBERS else len(body)):
        at = _after_number(body, at)
    return at


def _after_number(body: bytes, at: int) -> int:
    return at + 2 + ((body[at] << 8 | body[at + 1]) + 7) // 8


def _decoded(body: bytes) -> bytes | None:
    # A plus sign is base64, unless it joins string literals of a source file
    for layout in (_PLUS_LAYOUT, _LAYOUT):
        try:
            return b64decode(layout.sub(b"", body), validate=True)
        except ValueError:
            continue
    return None


def _kind(label: str, der: bytes) -> str | None:
    """Return the kind of the key `der`, or None if it is not a key."""
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
    """Return the kind of a PKCS#8 key (RFC 5958): version, algorithm, octets."""
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
    return first * second == modulus and modulus.bit_length() >= MIN_MODULUS_BITS


def _is_open(der: bytes) -> bool:
    """Return whether an OpenSSH key has no cipher."""
    length = int.from_bytes(der[15:19], "big")
    return der[19 : 19 + length] == b"none"


def _sequence(der: bytes) -> list[tuple[int, bytes]] | None:
    """Return tag and value of the fields in a SEQUENCE that fills `der`, or None if it is not one (X.690)."""
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
    """Return tag, value and end of the field at `at`, or None if it is incomplete."""
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
