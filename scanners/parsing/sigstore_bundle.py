"""Sigstore bundles, and the statements about models in them: what is signed, and what accompanies the signature.

Bundle: https://docs.sigstore.dev/about/bundle/, envelope: https://github.com/secure-systems-lab/dsse, statement:
https://github.com/in-toto/attestation/tree/main/spec/v1, its predicate: https://github.com/sigstore/model-transparency.
"""

from __future__ import annotations

import hashlib
from base64 import b64decode
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from modelsweep.core.finding import Json
from modelsweep.core.scanner import Malformed
from modelsweep.core.values import dataclass
from scanners.parsing.json_text import with_repeated

MEDIA = "vnd.dev.sigstore.bundle"
IN_TOTO, STATEMENT = "application/vnd.in-toto+json", "https://in-toto.io/Statement/v1"
STATEMENT_PREFIX = "https://model_signing/"
"""Prefix of all types of statements about models."""
METHODS = ("files", "shards")
SIGNATURE, DIGESTS = "https://model_signing/signature/v1.0", "https://model_signing/Digests/v0.1"
"""Types of statements about models: of releases from 0.3 on, and of 0.2."""
MAX_CERTIFICATES = 16
"""Maximum certificates of a chain, maximum log entries, and maximum signatures that are read."""
SINGLE_FILE = "."
"""Name of a model that is a single file in its list."""
ALGORITHMS = {"SHA2_256": "sha256", "SHA2_384": "sha384", "SHA2_512": "sha512"}
_KEY = ("certificate", "x509CertificateChain", "publicKey")


class Logged(NamedTuple):
    """An entry of a transparency log: its body, and when it was made (seconds, 0 if unknown)."""

    kind: str
    body: Json
    time: int


@dataclass(frozen=True, slots=True)
class Bundle:
    """A signature and the data to check it; `certificates` are DER, the signer's first."""

    payload: bytes | None
    """The payload of an envelope, or None if the file itself is signed."""
    payload_type: str
    signatures: tuple[bytes, ...]
    digest: str
    """Digest of the signed file in hex, made with `algorithm`."""
    algorithm: str
    certificates: tuple[bytes, ...]
    key: bytes
    """The public key, which only old releases of model_signing include."""
    hint: str
    logged: tuple[Logged, ...]
    repeated: tuple[str, ...]
    """Keys that an object in the JSON repeats."""


class Listed(NamedTuple):
    """A signed file, or a part of it from `start` to `end`: its digest in hex, and the name of the algorithm."""

    name: str
    algorithm: str
    digest: str
    start: int = 0
    end: int = -1


class Statement(NamedTuple):
    """What was signed about a model; `faults` are contradictions, and what its own verifier rejects."""

    kind: str
    subject: str
    method: str
    files: Sequence[Listed]
    ignored: tuple[str, ...]
    repeated: tuple[str, ...]
    faults: tuple[str, ...]
    shard_size: int = 0
    links: bool = False


def bundle_of(document: Json, repeated: tuple[str, ...]) -> Bundle | None:
    """Return the bundle in a document, or None for any other JSON; raises Malformed if a part is invalid."""
    if not isinstance(document, dict):
        return None
    envelope, message = _object(document, "dsseEnvelope"), _object(document, "messageSignature")
    material = _object(document, "verificationMaterial")
    if not (envelope or message) or not (material or MEDIA in _text(document, "mediaType")):
        return None
    key = _object(material, "publicKey")
    said = _object(message, "messageDigest")
    signed = [_object(item, "") for item in _list(envelope, "signatures")]
    return Bundle(
        payload=_bytes(envelope, "payload") if envelope else None,
        payload_type=_text(envelope, "payloadType"),
        signatures=tuple(_bytes(item, "sig") for item in signed) if envelope else (_bytes(message, "signature"),),
        digest=_bytes(said, "digest").hex(),
        algorithm=ALGORITHMS.get(_text(said, "algorithm"), _text(said, "algorithm")),
        certificates=tuple(_certificates(material)),
        key=_bytes(key, "rawBytes"),
        hint=_text(key, "hint"),
        logged=tuple(_logged(material)),
        repeated=repeated,
    )


def _certificates(material: dict[str, Json]) -> Iterator[bytes]:
    chain = _list(_object(material, "x509CertificateChain"), "certificates")
    for item in [_object(material, "certificate"), *(_object(link, "") for link in chain)][: MAX_CERTIFICATES + 1]:
        if item:
            yield _bytes(item, "rawBytes")


def _logged(material: dict[str, Json]) -> Iterator[Logged]:
    for item in _list(material, "tlogEntries")[:MAX_CERTIFICATES]:
        entry = _object(item, "")
        time = entry.get("integratedTime")
        body = _bytes(entry, "canonicalizedBody")
        yield Logged(_text(_object(entry, "kindVersion"), "kind"), _json(body), _whole(time))


def statement_of(bundle: Bundle) -> Statement | None:
    """Return the statement about a model in a bundle, or None if it is of another type; raises Malformed."""
    if bundle.payload is None:
        return None
    try:
        document, repeated = with_repeated(bundle.payload.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        if bundle.payload_type != IN_TOTO:
            return None
        raise Malformed(f"the signed statement is not JSON: {type(error).__name__}") from None
    statement = _object(document, "")
    kind = _text(statement, "predicateType")
    if kind not in (SIGNATURE, DIGESTS):
        return None
    found = _of_model(statement, repeated) if kind == SIGNATURE else _of_digests(statement, repeated)
    return found._replace(faults=(*found.faults, *_wrappings(bundle, statement)))


def _wrappings(bundle: Bundle, statement: dict[str, Json]) -> Iterator[str]:
    """Yield what is wrong with the envelope of a statement about a model, so that its verifier would ignore it."""
    if bundle.payload_type != IN_TOTO:
        yield "its envelope says that it is something else"
    if _text(statement, "_type") != STATEMENT:
        yield "it is no statement of in-toto, version 1"


def kind_of(bundle: Bundle) -> str:
    """Return the type of the statement in a bundle, or ""."""
    document = _object(_json(bundle.payload or b""), "")
    return _text(document, "predicateType")


def _of_model(statement: dict[str, Json], repeated: tuple[str, ...]) -> Statement:
    predicate = _object(statement, "predicate")
    how = _object(predicate, "serialization")
    method = _text(how, "method") or "files"
    files, digests = [], hashlib.sha256()
    for item in _list(predicate, "resources"):
        listed = _listed(_object(item, ""), method)
        digests.update(bytes.fromhex(listed.digest))
        files.append(listed)
    subjects = [_object(item, "") for item in _list(statement, "subject")]
    whole = _text(_object(subjects[0], "digest"), "sha256") if subjects else ""
    faults = [f"it is about {len(subjects)} models, not one"] if len(subjects) != 1 else []
    if whole.lower() != digests.hexdigest():
        faults.append("the digest of the whole is not that of its list of files")
    return Statement(
        kind=SIGNATURE,
        subject=_text(subjects[0], "name") if subjects else "",
        method=method,
        files=files,
        ignored=tuple(item for item in _list(how, "ignore_paths") if isinstance(item, str)),
        repeated=repeated,
        faults=tuple(faults),
        shard_size=_whole(how.get("shard_size")),
        links=how.get("allow_symlinks") is True,
    )


def _listed(item: dict[str, Json], method: str) -> Listed:
    """Return a file of a list; raises Malformed if its digest is invalid, or its name is not that of a shard."""
    name, digest = _text(item, "name"), _text(item, "digest")
    try:
        bytes.fromhex(digest)
    except ValueError:
        raise Malformed("a file is listed with an invalid digest") from None
    start, end = 0, -1
    if method == "shards":
        name, _, place = name.partition(":")
        first, _, last = place.partition(":")
        if not (first.isdecimal() and last.isdecimal() and len(place) < 64):
            raise Malformed("a part of a file is listed without its place")
        start, end = int(first), int(last)
    return Listed(name, _text(item, "algorithm").lower(), digest.lower(), start, end)


def _of_digests(statement: dict[str, Json], repeated: tuple[str, ...]) -> Statement:
    """Return the statement of release 0.2, in which the files themselves are the subjects, with SHA-256."""
    files = []
    for item in _list(statement, "subject"):
        subject = _object(item, "")
        digest = _text(_object(subject, "digest"), "sha256")
        files.append(_listed({"name": subject.get("name"), "digest": digest, "algorithm": "sha256"}, "files"))
    return Statement(DIGESTS, "", "files", files, (), repeated, ())


def _object(value: Json, key: str) -> dict[str, Json]:
    """Return the object at a key, or `value` itself without a key; empty if it is not an object."""
    found = value.get(key) if key and isinstance(value, dict) else value
    return found if isinstance(found, dict) and (not key or isinstance(value, dict)) else {}


def _list(value: dict[str, Json], key: str) -> list[Json]:
    found = value.get(key)
    return found if isinstance(found, list) else []


def _text(value: dict[str, Json], key: str) -> str:
    found = value.get(key)
    return found if isinstance(found, str) else ""


def _whole(value: Json) -> int:
    """Return a number, which protobuf JSON writes as a string; 0 if it is invalid."""
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 20:
        return int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)  # numbers in protobuf structs
    return value if type(value) is int and 0 <= value < 1 << 63 else 0


def _bytes(value: dict[str, Json], key: str) -> bytes:
    """Decode base64 in either alphabet; raises Malformed if it is invalid."""
    text = _text(value, key).replace("-", "+").replace("_", "/").rstrip("=")
    try:
        return b64decode(text + "=" * (-len(text) % 4), validate=True)
    except ValueError:
        raise Malformed(f"{key} is no base64") from None


def _json(data: bytes) -> Json:
    """Return the document in `data`, or None if it is not JSON."""
    try:
        document, _ = with_repeated(data.decode("utf-8"))
    except (ValueError, RecursionError):
        return None
    return document
