"""A short, order-independent hash of a set of names, to compare files that should name the same things."""

from __future__ import annotations

from collections.abc import Iterable

MAX_HASHED = 100_000
"""Maximum names of a set that is hashed: a hash costs a microsecond per name."""
_BYTES = 8


def hash_of_names(names: Iterable[str]) -> str:
    """Return 16 hex digits: the sum of the hashes of all names, so sets with different hashes differ."""
    import hashlib

    total = 0
    for name in names:
        total += int.from_bytes(hashlib.blake2b(name.encode("utf-8", "replace"), digest_size=_BYTES).digest(), "big")
    return f"{total % (1 << 8 * _BYTES):0{2 * _BYTES}x}"
