"""Signatures as model_signing and Sigstore write them, with keys that are made here, the same in every run."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from scanners.parsing.signature_check import encodings

Json = Any
Key = ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey | ed448.Ed448PrivateKey
MEDIA = "application/vnd.dev.sigstore.bundle.v0.3+json"
IN_TOTO = "application/vnd.in-toto+json"
IGNORED = ["model.sig", ".git", ".gitattributes", ".github", ".gitignore"]
ISSUER = "https://accounts.example.com"
ADDRESS = "release@acme.example"
SIGNED = 1_760_000_100
"""A time at which the certificates here are valid, in seconds."""
_FROM, _UNTIL = datetime.fromtimestamp(SIGNED - 100, UTC), datetime.fromtimestamp(SIGNED + 500, UTC)
KEY = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
AUTHORITY = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
OTHER = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(range(2, 34)))


def sha256(data: bytes) -> str:
    """Return a digest in hex."""
    return hashlib.sha256(data).hexdigest()


def text(data: bytes) -> str:
    """Return base64."""
    return base64.b64encode(data).decode()


def listed(files: Mapping[str, bytes]) -> list[Json]:
    """Return the list of files that a signature of release 1 has."""
    return [{"name": name, "algorithm": "sha256", "digest": sha256(files[name])} for name in sorted(files)]


def statement(
    resources: Sequence[Json], ignored: Sequence[str] = IGNORED, name: str = "acme", **how: Json
) -> dict[str, Json]:
    """Return what is signed of a model."""
    whole = sha256(b"".join(bytes.fromhex(item["digest"]) for item in resources))
    manner = {"method": "files", "hash_type": "sha256", "allow_symlinks": False, "ignore_paths": list(ignored), **how}
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": name, "digest": {"sha256": whole}}],
        "predicateType": "https://model_signing/signature/v1.0",
        "predicate": {"serialization": manner, "resources": list(resources)},
    }


def digests(files: Mapping[str, bytes]) -> dict[str, Json]:
    """Return what release 0.2 signed."""
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": name, "digest": {"sha256": sha256(files[name])}} for name in sorted(files)],
        "predicateType": "https://model_signing/Digests/v0.1",
        "predicate": {"unused": "Unused, just passed due to API requirements"},
    }


def signature_of(key: Key, message: bytes) -> bytes:
    """Return a signature."""
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return key.sign(message, ec.ECDSA(hashes.SHA256()))
    return key.sign(message)


def bundle(
    said: Json, material: Json, key: Key = KEY, *, old: bool = False, also: Json = None, kind: str = IN_TOTO
) -> dict[str, Json]:
    """Return the bundle of a statement; `old` as release 0.2 signed, `also` is said in the place of what was signed."""
    payload = json.dumps(said, indent=2).encode()
    signed = signature_of(key, encodings(kind, payload)[old])
    shown = payload if also is None else json.dumps(also, indent=2).encode()
    envelope = {"payload": text(shown), "payloadType": kind, "signatures": [{"sig": text(signed), "keyid": ""}]}
    return {"mediaType": MEDIA, "verificationMaterial": {"tlogEntries": [], **material}, "dsseEnvelope": envelope}


def of_file(data: bytes, material: Json, key: Key) -> dict[str, Json]:
    """Return the bundle of one file."""
    digest = {"algorithm": "SHA2_256", "digest": text(hashlib.sha256(data).digest())}
    signed = {"messageDigest": digest, "signature": text(signature_of(key, data))}
    return {"mediaType": MEDIA, "verificationMaterial": {"tlogEntries": [], **material}, "messageSignature": signed}


def hinted(key: Key = KEY) -> dict[str, Json]:
    """Return how release 1 names a key that does not travel along."""
    return {"publicKey": {"hint": sha256(pem(key))}}


def pem(key: Key = KEY) -> bytes:
    """Return a public key."""
    return key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def with_key(key: Key = KEY) -> dict[str, Json]:
    """Return how release 0.3 puts the key along."""
    return {"publicKey": {"rawBytes": text(pem(key)), "keyDetails": "PKIX_ED25519"}}


def certificate(
    key: Key = KEY, authority: Key = AUTHORITY, *, name: str = ADDRESS, usable: bool = True, keyless: bool = False
) -> bytes:
    """Return a certificate as DER: of Fulcio's kind if `keyless`, else of a company's."""
    subject = x509.Name([] if keyless else [x509.NameAttribute(NameOID.COMMON_NAME, name)])
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Acme authority")])
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).serial_number(7)
    builder = builder.public_key(key.public_key()).not_valid_before(_FROM).not_valid_after(_UNTIL)
    purpose = ExtendedKeyUsageOID.CODE_SIGNING if usable else ExtendedKeyUsageOID.SERVER_AUTH
    builder = builder.add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
    if keyless:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.RFC822Name(name)]), critical=True)
        number = x509.ObjectIdentifier("1.3.6.1.4.1.57264.1.8")
        issued = x509.UnrecognizedExtension(number, b"\x0c" + bytes([len(ISSUER)]) + ISSUER.encode())
        builder = builder.add_extension(issued, critical=False)
    return builder.sign(authority, None).public_bytes(serialization.Encoding.DER)


def root(*, may_issue: bool = True) -> bytes:
    """Return the certificate that issued the others."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Acme authority")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).serial_number(1)
    builder = builder.public_key(AUTHORITY.public_key()).not_valid_before(_FROM).not_valid_after(_UNTIL)
    builder = builder.add_extension(x509.BasicConstraints(ca=may_issue, path_length=None), critical=True)
    return builder.sign(AUTHORITY, None).public_bytes(serialization.Encoding.DER)


def as_pem(certificate: bytes) -> str:
    """Return a certificate as users have it in a file."""
    return f"-----BEGIN CERTIFICATE-----\n{text(certificate)}\n-----END CERTIFICATE-----"


def anchor(*certificates: bytes, who: str = "") -> str:
    """Return who may sign, as options have it: somebody for whom one of these certificates vouches."""
    return "\n".join([who, *map(as_pem, certificates)])


def key_anchor(key: Key = KEY) -> str:
    """Return who may sign: the owner of a key."""
    return "\n" + pem(key).decode().strip()


def chain(*certificates: bytes) -> dict[str, Json]:
    """Return certificates as model_signing puts them along."""
    return {"x509CertificateChain": {"certificates": [{"rawBytes": text(data)} for data in certificates]}}


def keyless(said: Json = None, key: Key = KEY, *, time: int = SIGNED, data: bytes = b"") -> dict[str, Json]:
    """Return what Sigstore puts along: a certificate, and the entry of its log for a statement, or for a file."""
    payload = data if said is None else json.dumps(said, indent=2).encode()
    digest = {"algorithm": "sha256", "value": sha256(payload)}
    kind, spec = ("hashedrekord", {"data": {"hash": digest}}) if said is None else ("dsse", {"payloadHash": digest})
    body = json.dumps({"apiVersion": "0.0.1", "kind": kind, "spec": spec}).encode()
    entry = {
        "logIndex": "1",
        "kindVersion": {"kind": kind, "version": "0.0.1"},
        "integratedTime": str(time),
        "canonicalizedBody": text(body),
    }
    return {"certificate": {"rawBytes": text(certificate(key, keyless=True))}, "tlogEntries": [entry]}


def encoded(document: Json) -> bytes:
    """Return a bundle as it is written."""
    return json.dumps(document).encode()
