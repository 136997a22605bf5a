"""Whether a signature matches the certificate or key beside it: integrity, not trust, since nobody vouches for these.

How model_signing and Sigstore sign: ECDSA, RSA or Ed25519 over the pre-authentication encoding of an envelope
(https://github.com/secure-systems-lab/dsse/blob/v1.0.0/protocol.md), or over a file whose digest is known.
Certificates of Fulcio: https://github.com/sigstore/fulcio/blob/main/docs/oid-info.md. Needs the package cryptography.
"""

from __future__ import annotations

import hashlib
import warnings
from base64 import b64decode
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from modelsweep.core.finding import Json
from modelsweep.core.scanner import Malformed, MissingDependency
from scanners.parsing.sigstore_bundle import ALGORITHMS, Bundle, Logged

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.hashes import HashAlgorithm
    from cryptography.x509 import Certificate

MAX_NAMES = 16
"""Maximum names of a certificate that are reported."""
_FULCIO = "1.3.6.1.4.1.57264.1."
_ISSUERS = ("8", "1")
_REPOSITORY, _OTHER_NAME = "12", "7"
_WEAK = ("md5", "sha1")
_BITS = 2_048


class Signer(NamedTuple):
    """The signer's certificate: names, the identity provider, fingerprint (SHA-256), and what is wrong with it."""

    names: tuple[str, ...]
    issuer: str
    repository: str
    fingerprint: str
    faults: tuple[str, ...]


class Checked(NamedTuple):
    """Whether a signature matches, or None if that is unknown; `reason` tells why it does not, or is unknown."""

    fits: bool | None
    reason: str
    signer: Signer | None


def checked(bundle: Bundle) -> Checked:
    """Check a signature against the certificate or key in its bundle.

    Raises MissingDependency without the package, and Malformed for an invalid certificate or key.
    """
    if not (bundle.certificates or bundle.key):
        return Checked(None, "", None)
    try:
        from cryptography import x509
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives import serialization
    except ImportError:
        raise MissingDependency("checking a signature needs the package cryptography") from None
    broken = (ValueError, TypeError, x509.InvalidVersion, x509.DuplicateExtension, x509.UnsupportedGeneralNameType)
    try:
        with warnings.catch_warnings(action="ignore"):  # about certificates that newer releases will reject
            certificates = [x509.load_der_x509_certificate(data) for data in bundle.certificates]
            if certificates:
                signer = _signer(certificates, bundle.logged)
                return _fitting(certificates[0].public_key(), bundle, signer)
            return _fitting(serialization.load_pem_public_key(_single_pem(bundle.key)), bundle, None)
    except UnsupportedAlgorithm:
        return Checked(None, "made with a certificate or key of a kind that is not known", None)
    except broken:  # what it says of that differs between releases
        raise Malformed("not a certificate or key") from None


def _single_pem(key: bytes) -> bytes:
    """Return a PEM key, which some releases encoded twice."""
    return key if key.startswith(b"-----") else b64decode(key, validate=True)


def key_hint(key: bytes) -> str:
    """Return model_signing's hint for a key, the SHA-256 of its PEM form in hex, or "" without a key."""
    try:
        return hashlib.sha256(_single_pem(key)).hexdigest() if key else ""
    except ValueError:
        return ""


# -- the signature


def _fitting(key: object, bundle: Bundle, signer: Signer | None) -> Checked:
    """Return whether the first signature, which model_signing checks, is that of `key`."""
    if not (bundle.signatures and bundle.signatures[0]):
        return Checked(False, "there is no signature", signer)
    if bundle.payload is None and not bundle.digest:
        return Checked(None, "the digest of the file is not in it", signer)
    found = fits(key, bundle)
    what = "certificate" if signer else "key"
    if found is None:
        return Checked(None, f"made with a {what} of a kind that is not known", signer)
    return Checked(found, "" if found else f"the signature is not that of the {what} beside it", signer)


def fits(key: object, bundle: Bundle) -> bool | None:
    """Return whether the first signature is that of a key, or None for unknown kinds of keys."""
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    signature = bundle.signatures[0] if bundle.signatures else b""
    if bundle.payload is None:
        return _fits_digest(key, bundle, signature)
    messages = encodings(bundle.payload_type, bundle.payload)
    if isinstance(key, ec.EllipticCurvePublicKey):
        hashes = _hashes()
        return any(_accepts(key, signature, data, ec.ECDSA(how)) for data in messages for how in hashes)
    if isinstance(key, rsa.RSAPublicKey):
        return any(_accepts(key, signature, data, *how) for data in messages for how in _ways(_hashes()))
    if isinstance(key, ed25519.Ed25519PublicKey):
        return any(_accepts(key, signature, data) for data in messages)
    return None


def _fits_digest(key: object, bundle: Bundle, signature: bytes) -> bool | None:
    """Return whether a signature is that of a file, given only the file's digest."""
    from cryptography.hazmat.primitives.asymmetric import ec, rsa
    from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

    digest = bytes.fromhex(bundle.digest)
    known = dict(zip(ALGORITHMS.values(), _hashes(), strict=True)).get(bundle.algorithm)
    if known is None or known.digest_size != len(digest):
        return None
    if isinstance(key, ec.EllipticCurvePublicKey):
        return _accepts(key, signature, digest, ec.ECDSA(Prehashed(known)))
    if isinstance(key, rsa.RSAPublicKey):
        return any(_accepts(key, signature, digest, way, Prehashed(known)) for way, _ in _ways([known]))
    return None


def _accepts(key: object, *what: object) -> bool:
    from cryptography.exceptions import InvalidSignature

    try:
        key.verify(*what)  # type: ignore[attr-defined] # the caller knows the arguments for the kind of key
    except (InvalidSignature, ValueError):
        return False
    return True


def _hashes() -> Sequence[HashAlgorithm]:
    """Return the possible hashes: the one for the key's size, and SHA-256, which early releases always used."""
    from cryptography.hazmat.primitives import hashes

    return (hashes.SHA256(), hashes.SHA384(), hashes.SHA512())


def _ways(hashes: Sequence[HashAlgorithm]) -> Iterator[tuple[object, HashAlgorithm]]:
    from cryptography.hazmat.primitives.asymmetric import padding

    for how in hashes:
        yield padding.PKCS1v15(), how
        yield padding.PSS(padding.MGF1(how), padding.PSS.AUTO), how


def encodings(kind: str, payload: bytes) -> tuple[bytes, ...]:
    """Return the signed encodings of an envelope: that of DSSE, and the erroneous one of model_signing 0.2."""
    name = kind.encode("utf-8", "surrogatepass")
    return (
        b"DSSEv1 %d %b %d %b" % (len(name), name, len(payload), payload),
        f"DSSEV1 {len(kind)} {kind} {len(payload)} {payload!r}".encode("utf-8", "surrogatepass"),
    )


# -- the certificate


def _signer(chain: Sequence[Certificate], logged: Sequence[Logged]) -> Signer:
    from cryptography.hazmat.primitives import hashes

    own = chain[0]
    extra = dict(_fulcio(own))
    issuer = next((extra[key] for key in _ISSUERS if key in extra), "")
    return Signer(
        names=tuple(_names(own))[:MAX_NAMES],
        issuer=issuer or own.issuer.rfc4514_string(),
        repository=extra.get(_REPOSITORY, ""),
        fingerprint=own.fingerprint(hashes.SHA256()).hex(),
        faults=tuple(_faults(chain, logged)),
    )


def _names(certificate: Certificate) -> Iterator[str]:
    """Yield the identities of a certificate: addresses, URIs, other names of Fulcio, or else its subject."""
    from cryptography import x509

    found = False
    for name in _extension(certificate, "2.5.29.17") or ():  # type: ignore[attr-defined]
        if isinstance(name, (x509.RFC822Name, x509.UniformResourceIdentifier, x509.DNSName)):
            found = True
            yield name.value
        elif isinstance(name, x509.OtherName) and name.type_id.dotted_string == f"{_FULCIO}{_OTHER_NAME}":
            found = True
            yield _text_of(name.value)
    if not found:
        yield certificate.subject.rfc4514_string()


def _fulcio(certificate: Certificate) -> Iterator[tuple[str, str]]:
    """Yield the numbers of Fulcio's extensions with their texts."""
    from cryptography import x509

    for extension in certificate.extensions:
        name = extension.oid.dotted_string
        if name.startswith(_FULCIO) and isinstance(extension.value, x509.UnrecognizedExtension):
            number = name.removeprefix(_FULCIO)
            data = extension.value.value
            yield number, data.decode("utf-8", "replace") if number == _ISSUERS[1] else _text_of(data)


def _text_of(data: bytes) -> str:
    """Return the text of a DER UTF8String, or of other bytes unchanged."""
    if len(data) > 1 and data[0] == 0x0C:
        size = data[1] & 0x7F if data[1] & 0x80 else 0
        data = data[2 + size :]
    return data.decode("utf-8", "replace")


def _extension(certificate: Certificate, oid: str) -> object:
    return next((item.value for item in certificate.extensions if item.oid.dotted_string == oid), None)


def _faults(chain: Sequence[Certificate], logged: Sequence[Logged]) -> Iterator[str]:
    own = chain[0]
    if not _may_sign(own):
        yield "the certificate is not for signing"
    if any(entry.time and not _valid_at(own, entry.time) for entry in logged):
        yield "the log says a time at which the certificate was not valid"
    if len(chain) > 1 and not any(issued(own, other) for other in chain[1:]):
        yield "none of the certificates beside the signer's has issued it"
    weak = own.signature_hash_algorithm
    if weak is not None and weak.name in _WEAK:
        yield f"the certificate rests on {weak.name.upper()}"
    if getattr(own.public_key(), "key_size", _BITS) < _BITS and hasattr(own.public_key(), "encrypt"):
        yield f"the key of the certificate has fewer than {_BITS:,} bits"


def _may_sign(certificate: Certificate) -> bool:
    """Return whether the key may be used for signatures or code signing, as model_signing requires."""
    from cryptography import x509
    from cryptography.x509.oid import ExtendedKeyUsageOID

    usage, extended = _extension(certificate, "2.5.29.15"), _extension(certificate, "2.5.29.37")
    if isinstance(usage, x509.KeyUsage) and usage.digital_signature:
        return True
    return isinstance(extended, x509.ExtendedKeyUsage) and ExtendedKeyUsageOID.CODE_SIGNING in extended


def _valid_at(certificate: Certificate, seconds: int) -> bool:
    before = certificate.not_valid_before_utc.timestamp()
    return before <= seconds <= certificate.not_valid_after_utc.timestamp()


def issued(own: Certificate, other: Certificate) -> bool:
    """Return whether a certificate names another one as its issuer, and is signed by it."""
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

    try:
        own.verify_directly_issued_by(other)
    except (InvalidSignature, UnsupportedAlgorithm, ValueError, TypeError):
        return False
    return True


# -- the log


def logged_digests(entry: Logged) -> Iterator[str]:
    """Yield the digests (hex) of the subjects of a log entry, from the paths for its kind."""
    body = entry.body
    spec = body.get("spec") if isinstance(body, dict) else None
    for path in _PATHS.get(entry.kind, ()):
        found: Json = spec
        for key in path:
            found = found.get(key) if isinstance(found, dict) else None
        if isinstance(found, str) and path[-1] == "value":
            yield found.lower()
        elif isinstance(found, str):
            try:
                yield b64decode(found, validate=True).hex()
            except ValueError:
                yield ""


_PATHS: dict[str, tuple[tuple[str, ...], ...]] = {
    "dsse": (("payloadHash", "value"), ("dsseV002", "payloadHash", "digest")),
    "intoto": (("content", "payloadHash", "value"),),
    "hashedrekord": (("data", "hash", "value"), ("hashedRekordV002", "data", "digest")),
}
"""Paths of the subjects' digests in each kind of entry: https://github.com/sigstore/rekor/tree/main/pkg/types."""
