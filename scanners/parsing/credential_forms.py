"""Definitions of credential forms: a prefix and the rest, or a name in front of the value."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from scanners.detector import RUN
from scanners.parsing.credential_checks import varies

Check = Callable[[bytes, re.Match[bytes]], bool | None]


EDGE = rb"(?:(?<![A-Za-z0-9_+-])|(?<=\\[nrt]))"
"""No character of a token precedes; the letter of an escaped line end does not count as one."""


class CredentialForm(NamedTuple):
    """One form of credential: the pattern `nominates` begins with the literal `lead`; `pattern` matches all of it.

    The group `s` of `pattern` is the secret. The credential may begin up to `back` bytes before `lead`.
    `check(data, match)` returns whether it is certain, or None if it is no credential.
    """

    title: str
    lead: bytes
    nominates: bytes
    pattern: bytes
    check: Check
    back: int = 0


_CONTENTS = {
    "i": rb"[A-Z2-7]",
    "w": rb"[A-Za-z0-9_-]",
    "a": rb"[A-Za-z0-9]",
    "h": rb"[0-9a-f]",
    "l": rb"[A-Za-z]",
    "o": rb"[0-9a-z]",
    "u": rb"[0-9A-Z]",
}


def token(
    title: str, prefix: str, kind: str, length: str, check: Check = varies, *, whole: bool = False
) -> CredentialForm:
    """Return the form of `prefix` and `length` characters of one kind, with none of that kind before or after.

    The check gets the part after the prefix, or everything if `whole`.
    """
    lead, content = prefix.encode(), _CONTENTS[kind]
    least = min(int(length.partition(",")[0]), RUN)
    form = b"%b{%b})" % (content, length.encode())
    form = b"(?P<s>" + re.escape(lead) + form if whole else re.escape(lead) + b"(?P<s>" + form
    return shaped(title, prefix, b"%b%b{%d}" % (re.escape(lead), content, least), form, check)


def named(title: str, name: str, kind: bytes, length: int, check: Check = varies) -> CredentialForm:
    """Return the form of a value of `length` characters that only the name before it identifies."""
    before = name.encode() + rb"[ \t\x22'=:,\\>(\]]{1,12}"
    least, most = (length, length) if length > 20 else (length, 100)
    form = b"%b(?P<s>%b{%d,%d})" % (before, kind, least, most)
    nominates = name.encode() if len(name) >= RUN else b"%b%b{%d}" % (before, kind, RUN)
    return shaped(title, name, nominates, form, check)


def shaped(
    title: str, lead: str, nominates: bytes, form: bytes, check: Check = varies, back: int = 0
) -> CredentialForm:
    """Return a form that is more complex than a prefix and its rest."""
    edged = EDGE + form + rb"(?![A-Za-z0-9_+-])"
    return CredentialForm(title, lead.encode(), nominates, edged, check, back)
