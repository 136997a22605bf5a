"""Text that came out of scanned bytes: made harmless for a terminal, a log or a page, and short."""

from __future__ import annotations

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


def _visible(character: str) -> str:
    code = ord(character)
    if character.isprintable() and code not in _HIDDEN:
        return character
    return repr(character)[1:-1] if code not in _HIDDEN else f"\\u{code:04x}"
