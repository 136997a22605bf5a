"""Signing what a report states: DSSE envelopes around in-toto statements.

Envelope and what is signed: https://github.com/secure-systems-lab/dsse/blob/v1.0.2/envelope.md and protocol.md. Needs
the package cryptography.
"""

from __future__ import annotations

import hashlib
import json
from base64 import b64encode
from collections.abc import Callable
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT = "https://in-toto.io/Statement/v1"
SHORTEST_RSA = 2_048
"""Bits."""
_HASHES: dict[str, Callable[[], hashes.HashAlgorithm]] = {
    "secp256r1": hashes.SHA256,
    "secp384r1": hashes.SHA384,
    "secp521r1": hashes.SHA512,
}
PrivateKey = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey


class CannotSign(ValueError):
    """A statement cannot be signed; the sentence says why."""


def private_key(pem: bytes, password: bytes | None) -> PrivateKey:
    """Return the key in a PEM file: Ed25519, ECDSA over P-256, P-384 or P-521, RSA of 2,048 bits; raises CannotSign."""
    try:
        key = serialization.load_pem_private_key(pem, password)
    except TypeError:
        needed = "it is not encrypted, but a password is set" if password else "it is encrypted, and no password is set"
        raise CannotSign(f"the private key cannot be read: {needed}") from None
    except (ValueError, UnsupportedAlgorithm):
        raise CannotSign("not a private key in PEM, or the password is wrong") from None
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key
    if isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.name in _HASHES:
        return key
    if isinstance(key, rsa.RSAPrivateKey) and key.key_size >= SHORTEST_RSA:
        return key
    raise CannotSign("the key is of a kind, or a length, that is not used: take Ed25519, ECDSA over P-256, or RSA")


def envelope(payload: bytes, key: PrivateKey) -> dict[str, Any]:
    """Return the envelope of a statement, signed; raises CannotSign for what is not one, or vouches for nothing."""
    try:
        statement = json.loads(payload)
    except (ValueError, RecursionError):
        raise CannotSign("not JSON: `modelsweep scan -f in-toto=FILE` writes a statement") from None
    if not isinstance(statement, dict) or statement.get("_type") != STATEMENT:
        raise CannotSign("not an in-toto statement: `modelsweep scan -f in-toto=FILE` writes one")
    if not statement.get("subject"):
        raise CannotSign("the statement has no subject: no file passed")
    public = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    signature = {"keyid": hashlib.sha256(public).hexdigest(), "sig": _text(_signed(_encoded(payload), key))}
    return {"payload": _text(payload), "payloadType": PAYLOAD_TYPE, "signatures": [signature]}


def _encoded(payload: bytes) -> bytes:
    """Return the pre-authentication encoding of a payload: what is signed."""
    return b"DSSEv1 %d %b %d %b" % (len(PAYLOAD_TYPE), PAYLOAD_TYPE.encode(), len(payload), payload)


def _signed(data: bytes, key: PrivateKey) -> bytes:
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key.sign(data)
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return key.sign(data, ec.ECDSA(_HASHES[key.curve.name]()))
    return key.sign(data, padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.DIGEST_LENGTH), hashes.SHA256())


def _text(data: bytes) -> str:
    return b64encode(data).decode()
