"""Secrets that only their name identifies: `ACME_API_KEY=...`, `"password": "..."`, `Authorization: Bearer ...`.

Many services issue keys without a form of their own. A name alone is too weak a sign, since examples, variable names
and placeholders have it too: only values that vary like random text count.
"""

from __future__ import annotations

from typing import NamedTuple

from modelsweep.core import patterns as re
from scanners.parsing.counted_strings import FRAME, PLAIN_FRAME, next_string
from scanners.parsing.credential_checks import decoded, is_random

_BETWEEN = (
    rb"[\x22'\\\]]{0,3}(?:(?::[ \t]{0,2}[A-Za-z]{1,10})?[ \t]{0,2}[=:,>][ \t]{0,2}|[ \t]{1,2})(?:[bru]?[\x22'\\]{1,3})?"
)
"""Quotes, a type, an assignment, separator or end of a tag, a bytes prefix, quotes: at most 25 bytes."""
_ASSIGNS = rb"(?:%b|(?:\np[0-9]{1,5})?\n[VS]'?)" % _BETWEEN
"""The same, or what lies between two strings in a pickle of protocol 0."""
_NEXT = rb"(?:%b|%b)" % (_ASSIGNS, PLAIN_FRAME)
"""The same, or what lies before a length-prefixed string."""
_WORDS = [case(word) for word in (b"key", b"token", b"secret") for case in (bytes.lower, bytes.upper, bytes.title)]
NAMED_RUNS = (
    *(rb"%b%b(?:[A-Za-z0-9]{1,4}\.)?[A-Za-z0-9_+/-]{20}" % (word, _NEXT) for word in _WORDS),
    *(rb"%b[ \t]{1,4}[A-Za-z0-9_+/-]{20}" % word for word in (b"Bearer", b"bearer", b": Basic")),
)
NAMED_PASSWORD = rb"(?i)passw(?:or)?d%b[a-z0-9_.~+/-]{16}" % _NEXT
"""The last word of a name and the beginning of a possible secret; passwords need not be in runs of token characters."""
_ASSIGNED = re.compile(
    rb"(?i)(?P<word>key|token|secret|password|passwd)%b"
    rb"(?P<s>[A-Za-z0-9_.~+/-]{16,200}={0,2})(?![A-Za-z0-9_.~+/=$(\[{-]|<(?!/))" % _ASSIGNS
)
_OPCODES = re.compile(rb"\A[a-z(]{0,3}V")
"""What precedes a string in a pickle of protocol 0: opcodes that store the last item, then its own opcode."""
_LINE = re.compile(rb"(?:\np[0-9]{1,5})?\n[VS]")
_COUNTED = re.compile(rb"(?i)(?P<word>key|token|secret|password|passwd)" + FRAME)
_WHOLE = re.compile(rb"[A-Za-z0-9_.~+/-]{16,200}={0,2}")
_BEARER = re.compile(rb"(?i)bearer[ \t]{1,4}(?P<s>[A-Za-z0-9_.~+/-]{20,200}={0,2})(?![A-Za-z0-9_.~+/=$(\[{-]|<(?!/))")
_BASIC = re.compile(rb": Basic[ \t]{1,4}(?P<s>[A-Za-z0-9+/]{20,400}={0,2})")
_BEFORE = re.compile(rb"(?:(?<=\\[nrt])|(?<=/:)|(?<![A-Za-z0-9_:\\-]))[A-Za-z0-9_-]{0,60}\Z")
"""After a colon, the word is part of an identifier (`arn:aws:...:secret:NAME`), except in settings of npm."""
_SECRET = re.compile(
    rb"(?:api|secret|access|auth|encryption|signing|master|service|admin|subscription|license)[_-]?key"
    rb"|(?:access|auth|api|bearer|secret|bot|session|refresh|personal|deploy|hub|service|admin)[_-]?token"
    rb"|(?:.*[_-])?(?:client|app|api|webhook|shared|jwt|signing|consumer)?[_-]?secret|(?:.*[_-])?passw(?:or)?d",
    re.IGNORECASE,
)
"""Ends of names for secrets; other keys and tokens belong to tables, caches and vocabularies."""
_VARIABLE = re.compile(rb"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*_(?:KEY|TOKEN|PAT)")
"""Names of environment variables, in which any token is a credential."""
_PUBLIC = re.compile(
    rb"(?i)public|publish|(?:^|_)pub_|site[_-]?key|cache|vocab|special|(?:bos|eos|pad|unk|sep|cls|mask)_"
)
_WEB_PAGE = b"apiKey"
"""Name of public keys in pages with search, maps or Firebase."""
_ATTRIBUTE = re.compile(rb"[a-z_][a-z0-9_]+(?:\.[A-Za-z_][A-Za-z0-9_]*)+")
_UUID = re.compile(rb"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_LINK_TOKENS = (b"token", b"accessToken")
"""Names of tokens in download links of Firebase, and in shared reports of Weights & Biases."""
_AWS_SECRET = b"aws_secret_access_key"
_MIN_TOKEN = 30
"""Minimum characters of a value named only `token`, and only for arguments, since vocabularies use colons."""
_MAX_NAME = 64


class NamedSecret(NamedTuple):
    """A secret in `start:stop`, its name, and whether name and form are unmistakable."""

    name: str
    start: int
    stop: int
    secret: bytes
    sure: bool


def named_secret_at(data: bytes, at: int) -> NamedSecret | None:
    """Return the secret whose name ends with the word at `at` in `data`, or None."""
    if match := _BEARER.match(data, at):
        return NamedSecret("bearer token", at, match.end(), match["s"], True) if is_random(match["s"]) else None
    if match := _BASIC.match(data, at):
        password = (decoded(match["s"]) or b"").partition(b":")[2]
        return NamedSecret("password of a login", at, match.end(), match["s"], True) if is_random(password) else None
    match = _ASSIGNED.match(data, at)
    return _secret(data, match, *match.span("s")) if match else None


def counted_secret_at(data: bytes, at: int) -> NamedSecret | None:
    """Return the secret in the length-prefixed string after its name, whose last word is at `at`."""
    match = _COUNTED.match(data, at)
    bounds = next_string(match, data) if match else None
    return _secret(data, match, *bounds) if match and bounds and _WHOLE.fullmatch(data, *bounds) else None


def _secret(data: bytes, match: re.Match[bytes], start: int, stop: int) -> NamedSecret | None:
    """Return the secret in `start:stop` if it follows a name of one."""
    secret, between, at = data[start:stop], data[match.end("word") : start], match.start()
    before = _BEFORE.search(data[max(0, at - _MAX_NAME) : at])
    if before is None or _is_attribute(secret) or not is_random(secret):
        return None
    name = before[0].lstrip(b"-") + match["word"]
    if _LINE.match(between):
        name = _OPCODES.sub(b"", name)
    if not between.strip() and not (before[0].startswith(b"--") or _VARIABLE.fullmatch(name)):
        return None  # words of a sentence
    if name.lower() == _AWS_SECRET and ("s" in match.groupdict() or b"AKIA" in data):
        return None  # makes look for it, and for the identifier beside it
    told = (
        _ends_as_secret(name)
        or _VARIABLE.fullmatch(name)
        or (name.lower() == b"token" and b"=" in between and len(secret) >= _MIN_TOKEN)
    )
    if _PUBLIC.search(name) or not told or _is_in_link(data, at - len(before[0]), name, secret):
        return None
    return NamedSecret(f"secret under the name {name.decode()}", at, stop, secret, name != _WEB_PAGE)


def _is_in_link(data: bytes, start: int, name: bytes, secret: bytes) -> bool:
    """Return whether a name is in an address that is published with its secret, such as a shared report."""
    is_handed_out = name in _LINK_TOKENS or _UUID.fullmatch(secret)
    return bool(is_handed_out) and data[max(0, start - 1) : start] in (b"?", b"&", b";")


def _is_attribute(value: bytes) -> bool:
    """Return whether a value is a dotted attribute, such as `settings.api_key`, with parts that are not random."""
    return _ATTRIBUTE.fullmatch(value) is not None and not any(map(is_random, value.split(b".")))


def _ends_as_secret(name: bytes) -> bool:
    """Return whether a name, or its end after a separator or a change of case, is that of a secret."""
    words = re.findall(rb"[A-Z]+(?![a-z])|[A-Z]?[a-z0-9]+|[0-9]+", name)
    return any(_SECRET.fullmatch(b"_".join(words[start:])) for start in range(max(0, len(words) - 3), len(words)))
