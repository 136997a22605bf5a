"""Text that came out of scanned bytes: made harmless for a terminal, a log or a page, and short."""

from __future__ import annotations

import re
from functools import cache

ELLIPSIS = "…"
# Bidirectional controls and invisible format characters would let hostile text rewrite the line it stands in.
_HIDDEN = {
    *range(0x200B, 0x2010),
    *range(0x202A, 0x202F),
    *range(0x2060, 0x2070),
    0xFEFF,
    0x061C,
    0x180E,
    0x2028,
    0x2029,
}


def printable(text: str, limit: int = 0) -> str:
    """Return `text` with control, bidirectional, surrogate and other invisible characters escaped, cut to `limit`.

    `limit` counts characters of the result, 0 means none is cut.
    """
    if not (text.isascii() and text.isprintable()):
        text = "".join(_visible(character) for character in text)
    return shorten(text, limit) if limit else text


def shorten(text: str, limit: int) -> str:
    """Return at most `limit` characters of `text`, the last one an ellipsis where something was cut."""
    return text if len(text) <= limit else text[: limit - 1] + ELLIPSIS


def redact(text: str) -> str:
    """Return `text` with what looks like a credential hidden: tokens of known makes, passwords in URLs and headers."""
    return _credentials().sub(lambda match: match[0][: match.start("secret") - match.start()] + "[redacted]", text)


@cache
def _credentials() -> re.Pattern[str]:
    words = r"(?:pass(?:word|wd)?|secret|token|api[_-]?key|authorization)[\"']?\s*[:=]\s*[\"']?(?:bearer\s+)?"
    makes = (
        r"\b(?:AKIA|ASIA|gh[pousr]_|github_pat_|glpat-|hf_|sk-|[sr]k_live_|xox[abeprs]-|AIza|GOCSPX-|eyJ|npm_|pypi-|gsk_"
        r"|nvapi-|AKCp|dckr_pat_|dop_v1_|glsa_|hvs\.|SG\.)"
    )
    # A password stands before an @; what has none is a port. All is bounded: the text may be hostile.
    urls = r"\b[a-z][a-z0-9+.-]{0,30}://[^/\s:@]{0,200}:(?=[^\s'\"]{1,500}@)"
    # One named group for what is hidden: after a word that announces it, in a URL, or after a token's own prefix.
    # A token's prefix is of one case: HF_HUB_OFFLINE is the name of a variable.
    return re.compile(rf"(?:(?i:{words}|{urls})|{makes})(?P<secret>[^\s@'\"&;]{{6,}})")


def _visible(character: str) -> str:
    code = ord(character)
    if character.isprintable() and code not in _HIDDEN:
        return character
    return repr(character)[1:-1] if code not in _HIDDEN else f"\\u{code:04x}"
