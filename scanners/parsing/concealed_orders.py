"""Instructions to a model or assistant that are to be concealed from its user, in plain text written for it.

Such text may legitimately ask an assistant to leave things unsaid. Only instructions that are to be concealed and, in
the same few sentences, send something to an address or take keys along are reported.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from modelsweep.core import patterns as re

_MAX_DISTANCE = 300
"""Characters before and after the words of concealment in which the instruction must be."""
_CONCEALING = re.compile(
    r"\b(?:do not|don't|never|must not|should not|without)\s+(?:ever\s+)?"
    r"(?:tell|telling|inform|informing|mention|mentioning|notify|notifying|alert|alerting)\b"
    r"[^.\n]{0,40}?\b(?:users?|humans?|developers?|anyone|anybody)\b"
    r"(?![^.\n]{0,80}?\b(?:unless|until|before)\s+you(?:'ve|\s+have)?\s+(?:actually\s+|really\s+)?"
    r"(?:checked|confirmed|executed|ran|read|run|seen|tested|verified)\b)"  # asks for proof, and hides nothing
    r"|\bwithout\s+the\s+(?:user|developer)(?:'s)?\s+(?:knowledge|knowing|noticing)\b",
    re.IGNORECASE,
)
_SENDING = re.compile(
    r"(?:\b(?:send|post|upload|submit|forward|exfiltrate)\w*\b(?:(?!://)[^\n]){0,120}?"
    r"|\b(?:curl|wget)\b(?:(?!://)[^\n`]){0,80}?"
    r"|\b(?:append|insert|include|add)\w*\b[^\n]{0,60}?(?:\bscript\b|<script|!\[)[^\n]{0,80}?)"
    r"https?://(?!localhost|127\.|0\.0\.0\.0|\[::1\])"
    r"|\b(?:curl|wget)\s+[^\s|][^\n|]{0,120}\|\s*(?:ba|z)?sh\b"
    r"|\b(?:read|open|cat|send|upload|post|collect)\w*\b[^\n]{0,60}?"
    r"(?:\.ssh\b|\bid_rsa\b|\bid_ed25519\b|\.aws\b|/etc/passwd|\.netrc\b|\.kube\b|\.gnupg\b|\.git-credentials\b"
    r"|\.pypirc\b|\.npmrc\b|\.docker/|\bmcp\.json\b|claude_desktop_config|\.claude\.json\b|\.(?:ba|z)sh_history\b"
    r"|(?<![\w.-])\.env\b(?!\.)|\benvironment\s+variables?\b|\bprivate\s+keys?\b|\bapi[ _-]keys?\b)"
    r"|\b(?:insert|add|include|open)\w*\b[^.\n]{0,40}?\bback[- ]?door\b",
    re.IGNORECASE,
)
_MAX_COMMENT = 4_000
"""Maximum characters of a comment that are examined."""
_MAX_PLACES = 10_000
"""Maximum words of concealment that are examined per text."""


def concealed_order(text: str) -> str:
    """Return the instruction that is to be concealed from the user, or ""."""
    for comment in _comments(text):
        if _SENDING.search(comment):
            return " ".join(comment.split())
    for start, stop in _around(text):
        order = _SENDING.search(text[start:stop])
        if order:
            begins = text.rfind("\n", 0, start + order.start()) + 1
            return " ".join(text[max(begins, start) : stop].split())
    return ""


def _around(text: str) -> Iterator[tuple[int, int]]:
    """Yield the ranges of a text around words of concealment, with overlapping ones merged."""
    first = last = -1
    for match in islice(_CONCEALING.finditer(text), _MAX_PLACES):
        start, stop = max(0, match.start() - _MAX_DISTANCE), match.end() + _MAX_DISTANCE
        if start > last >= 0:
            yield first, last
        if start > last:
            first = start
        last = stop
    if last >= 0:
        yield first, last


def _comments(text: str) -> Iterator[str]:
    """Yield the text of a page that is not displayed, but read by an assistant."""
    start = text.find("<!--")
    while start >= 0 and (end := text.find("-->", start)) >= 0:
        yield text[start + 4 : min(end, start + _MAX_COMMENT)]
        start = text.find("<!--", end)
