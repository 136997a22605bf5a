"""Sizes in bytes: constants for limits and the parser of what people type."""

from __future__ import annotations

KIB = 1 << 10
MIB = 1 << 20
GIB = 1 << 30
TIB = 1 << 40

_SUFFIXES = {"": 1, "B": 1, "K": KIB, "KB": KIB, "KIB": KIB, "M": MIB, "MB": MIB, "MIB": MIB}
_SUFFIXES |= {"G": GIB, "GB": GIB, "GIB": GIB, "T": TIB, "TB": TIB, "TIB": TIB}


def parse_size(text: str) -> int:
    """Return the bytes that `text` names: `1048576`, `500MB`, `1.5 GiB`; a KB is 2^10 bytes. Raises ValueError."""
    stripped = text.strip().upper()
    number = stripped.rstrip("BIKMGT ")
    suffix = stripped[len(number) :].strip()
    try:
        value = float(number)
        factor = _SUFFIXES[suffix]
    except (ValueError, KeyError):
        raise ValueError(f"{text!r} is not a size such as 1048576, 500MB or 1.5GB") from None
    if not 0 <= value < float("inf"):
        raise ValueError(f"{text!r} is not a positive size")
    return int(value * factor)


def format_size(size: int) -> str:
    """Return `size` bytes as people read it: `0 B`, `1.5 KiB`, `4.0 GiB`."""
    if size < KIB:
        return f"{size} B"
    value = float(size)
    for unit in ("KiB", "MiB", "GiB"):
        value /= KIB
        if value < 1000:
            return f"{value:.1f} {unit}"
    return f"{value / KIB:.1f} TiB"


def format_seconds(seconds: float) -> str:
    """Return `seconds` as people read it: `0.05 s`, `300 s`, `1,200 s`."""
    return f"{seconds:,.0f} s" if seconds >= 1 else f"{seconds:g} s"


def format_duration(seconds: float) -> str:
    """Return a time that something takes as people say it: `45 s`, `12 min`, `3.5 h`."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


def counted(number: int, noun: str) -> str:
    """Return a number with its noun: `1 file`, `2,000 files`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
