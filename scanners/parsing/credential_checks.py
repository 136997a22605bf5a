"""Offline verification of credentials, and recognition of placeholders in documentation and tests.

Checksums: GitHub (https://github.blog/2021-04-05-behind-githubs-new-authentication-token-formats/) and npm end in a
CRC-32 in base 62. Macaroons of PyPI, reference tokens of Artifactory, JSON web tokens (RFC 7519) and storage keys of
Azure are decoded. A check returns True for what is verified or unmistakable, False for a possible credential, and None
for anything else. Entropy only ever counts against a candidate.
"""

from __future__ import annotations

import json
import zlib
from base64 import b64decode, urlsafe_b64decode
from hashlib import sha256
from itertools import pairwise

from modelsweep.core import patterns as re

_MIN_PASSWORD = 8
"""Minimum bytes of a real password; shorter ones are examples."""
_NEARBY = 300
"""Bytes around a key that are searched for its secret, or for a sign that it is public."""


def digest(secret: bytes) -> str:
    """Return a 32-bit hash to tell whether two secrets are equal: too short to recover them."""
    return sha256(secret).hexdigest()[:8]


FILLERS = re.compile(
    rb"(?i)x{4}|\*{3}|\.{3}|example|sample|dummy|placeholder|changeme|redacted|your[_-]?|my[_-]?(?:secret|token|key)"
    rb"|fake|foobar|deadbeef|12345678|abcdef(?:gh|12)|insert|(.)\1{4}|0123456|qwerty|asdf"
)


def is_filler(secret: bytes) -> bool:
    """Return whether a secret is a placeholder of documentation and tests, or hardly varies."""
    varied = len(set(secret.lower()))
    expected = 7 if re.fullmatch(rb"[0-9a-fA-F-]+", secret) else 9
    return FILLERS.search(secret) is not None or varied < expected or _repeats(secret)


def _repeats(secret: bytes) -> bool:
    half = len(secret) // 2
    return any(secret == (secret[:size] * len(secret))[: len(secret)] for size in range(1, min(half, 20) + 1))


def varies(_data: bytes, match: re.Match[bytes]) -> bool | None:
    """Return True if the secret varies like real keys."""
    return None if is_filler(match["s"]) else True


def in_letters(_data: bytes, match: re.Match[bytes]) -> bool | None:
    """Return True for random letters; names in camel case rarely change case, and contain words."""
    secret = match["s"]
    changes = sum(one.isupper() != other.isupper() for one, other in pairwise(secret.decode()))
    if is_filler(secret) or len(set(secret)) < 15:
        return None
    return True if changes >= 11 else None if re.search(rb"[a-z]{6}", secret) else False


_BASE62 = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def crc_in_base62(text: bytes) -> bytes:
    """Return the CRC-32 of `text` as six digits in base 62, like GitHub and npm."""
    value, digits = zlib.crc32(text), bytearray()
    for _ in range(6):
        value, digit = divmod(value, 62)
        digits.append(_BASE62[digit])
    return bytes(reversed(digits))


def has_crc(_data: bytes, match: re.Match[bytes]) -> bool | None:
    """Return whether the last six characters are the checksum of the rest; otherwise it is hardly a token."""
    secret = match["s"]
    return None if is_filler(secret) else crc_in_base62(secret[:-6]) == secret[-6:]


def is_macaroon(_data: bytes, match: re.Match[bytes]) -> bool | None:
    """Return True if the token decodes to a macaroon of version 2 issued by PyPI."""
    raw = decoded(match["s"])
    issued = raw is not None and re.match(rb"\x02\x01(?:\x08pypi\.org|\x0dtest\.pypi\.org)\x02.", raw, re.DOTALL)
    return True if issued and not is_filler(match["s"][20:]) else None


def is_reference(_data: bytes, match: re.Match[bytes]) -> bool | None:
    """Return True if the token decodes to a reference token of Artifactory: `reftkn:01:EXPIRY:KEY`."""
    raw = decoded(match["s"])
    return True if raw and re.match(rb"reftkn:\d\d:\d{10}:[A-Za-z0-9]{20}", raw) else None


_EMULATOR = "0011cc25"  # of the storage emulator, which Microsoft documents


def is_storage_key(_data: bytes, match: re.Match[bytes]) -> bool | None:
    raw = decoded(match["s"])
    known = raw is None or len(raw) != 64 or digest(match["s"]) == _EMULATOR
    return None if known or is_filler(match["s"]) or len(set(raw or b"")) < 40 else True


def decoded(text: bytes) -> bytes | None:
    """Decode base64 in either alphabet, with or without padding; None if it is invalid."""
    padded = text.rstrip(b"=") + b"=" * (-len(text.rstrip(b"=")) % 4)
    try:
        return b64decode(padded, validate=True) if b"+" in text or b"/" in text else urlsafe_b64decode(padded)
    except ValueError:
        return None


def is_access_key(data: bytes, match: re.Match[bytes]) -> bool | None:
    """Return whether the secret of an AWS key id is nearby."""
    if is_filler(match["s"]):
        return None
    return bool(aws_secrets_beside(data, match))


def aws_secrets_beside(data: bytes, match: re.Match[bytes]) -> tuple[bytes, ...]:
    """Return the possible secrets of an AWS key id, each once."""
    around = data[max(0, match.start() - _NEARBY) : match.end() + _NEARBY]
    return tuple(dict.fromkeys(filter(_is_aws_secret, _AWS_SECRET.findall(around))))


_AWS_SECRET = re.compile(
    rb"(?<![A-Za-z0-9/+_-])[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=_-])"
    rb"|(?:(?<=[\x12\x8c\xd9U]\x28)|(?<=\x28\0\0\0))[A-Za-z0-9/+]{40}|(?<=\nV)[A-Za-z0-9/+]{40}(?=\n)"
)
"""An AWS secret between other characters, or after its length (40), with anything after it."""
_AWS_ID = re.compile(rb"A[KS]IA[A-Z2-7]{16}")


def _is_aws_secret(secret: bytes) -> bool:
    classes = sum(re.search(kind, secret) is not None for kind in (rb"[A-Z]", rb"[a-z]", rb"\d"))
    return classes == 3 and len(set(secret)) >= 18 and secret.count(b"/") <= 5 and not is_filler(secret)


def is_named_aws_secret(data: bytes, match: re.Match[bytes]) -> bool | None:
    """Return True for a secret without its key id; otherwise the key id is reported."""
    around = data[max(0, match.start("s") - _NEARBY) : match.end() + _NEARBY]
    return None if _AWS_ID.search(around) or not _is_aws_secret(match["s"]) else True


def is_kaggle_key(data: bytes, match: re.Match[bytes]) -> bool | None:
    """Return True if a user name is beside the key, as in kaggle.json."""
    around = data[max(0, match.start() - _NEARBY) : match.end() + _NEARBY]
    return None if is_filler(match["s"]) or b'"username' not in around else True


def is_registry_login(data: bytes, match: re.Match[bytes]) -> bool | None:
    """Return True if the text decodes to a name and a password, under `auths` as in Docker's configuration."""
    user, colon, password = (decoded(match["s"]) or b"").partition(b":")
    if b'"auths' not in data[: match.start()] or not (user and colon) or len(password) < _MIN_PASSWORD:
        return None
    known = FILLERS.search(password) or password.lower() in (b"password", user.lower())
    return None if known or not (user + password).isascii() or not (user + password).decode().isprintable() else True


def is_netrc_password(data: bytes, match: re.Match[bytes]) -> bool | None:
    """Return True if machine and login precede the password."""
    before = data[max(0, match.start() - _NEARBY) : match.start()]
    entry = re.search(rb"machine[ \t]+[\w.-]+(?:\s|\\n)+login[ \t]+[^\s\\]+(?:\s|\\n)+\Z", before)
    return True if entry and not is_filler(match["s"]) else None


def is_shared_signature(data: bytes, match: re.Match[bytes]) -> bool | None:
    """Return whether the permissions and expiry of an Azure Storage URL are beside its signature."""
    around = data[max(0, match.start() - _NEARBY) : match.end() + _NEARBY]
    told = all(re.search(rb"[?&;\x22']" + name, around) for name in (rb"sv=20\d\d-", rb"se=", rb"sp="))
    return False if told and not is_filler(match["s"]) else None


def is_google_key(data: bytes, match: re.Match[bytes]) -> bool | None:
    """Return whether a key is secret: those of web pages that use Firebase are public by design."""
    around = data[max(0, match.start() - _NEARBY) : match.end() + _NEARBY].lower()
    return None if is_filler(match["s"]) else b"firebase" not in around and b"authdomain" not in around


def is_web_token(_data: bytes, match: re.Match[bytes]) -> bool | None:
    """Return True for tokens of services, False for others; expiry is ignored, as results would depend on the day."""
    header, claims = (_json(match[group]) for group in ("header", "claims"))
    if not isinstance(header.get("alg"), str) or str(header["alg"]).lower() == "none" or not claims:
        return None
    if claims.get("sub") == "1234567890" or is_filler(match["sign"]):
        return None
    return claims.get("role") == "service_role" or "kubernetes" in str(claims.get("iss", ""))


def _json(text: bytes) -> dict[str, object]:
    try:
        value = json.loads(decoded(text) or b"")
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


_UUID = re.compile(rb"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}")
_IN_HEX = re.compile(rb"[0-9a-f]{32,128}|[0-9A-F]{32,128}")
_KINDS = re.compile(rb"[A-Z]+|[a-z]+|[0-9]+")
_LONG_WORD = re.compile(rb"[a-z]{12}|[A-Z]{12}")
_WORDS = re.compile(rb"[a-z]{3,}")


def is_random(secret: bytes) -> bool:
    """Return whether a text mixes lower case, upper case and digits like a random one, unlike words and paths.

    It misses one in ten random texts of 20 characters, which have no digits, or a word by chance.
    """
    if is_filler(secret):
        return False
    if _UUID.fullmatch(secret) or _IN_HEX.fullmatch(secret):
        return True
    letters = re.sub(rb"[^A-Za-z0-9]", b"", secret)
    digits, upper = (len(re.findall(kind, letters)) for kind in (rb"[0-9]", rb"[A-Z]"))
    if len(set(secret)) < 11 or len(letters) < 16 or len(secret) - len(letters) > len(letters) // 6:
        return False
    mixed = 0 < upper < len(letters) - digits
    if digits < (1 if mixed else len(letters) // 8) or (mixed and _holds_words(letters)):
        return False
    return len(_KINDS.findall(letters)) >= len(letters) * (0.36 if mixed else 0.25)


def _holds_words(letters: bytes) -> bool:
    """Return whether much of a mixed-case text consists of lower-case runs, like names in camel case."""
    in_words = sum(map(len, _WORDS.findall(letters)))
    return _LONG_WORD.search(letters) is not None or in_words > len(letters) * 0.5


def mixes(_data: bytes, match: re.Match[bytes]) -> bool | None:
    """Return True if the part after a short prefix is random, since names may begin with the prefix too."""
    return True if is_random(match["s"]) else None


def mixes_alone(data: bytes, match: re.Match[bytes]) -> bool | None:
    """Return False (unsure) for random key identifiers, whose secrets are elsewhere."""
    return None if mixes(data, match) is None else False
