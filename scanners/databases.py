"""All hyperscan databases, which are compiled once, before children are forked, and stored together."""

from __future__ import annotations

from scanners.matcher import PATTERNS_SOUGHT, prepared
from scanners.parsing.disguise_starts import DISGUISES_SOUGHT
from scanners.parsing.json_words import WORDS_SOUGHT

DATABASES = (PATTERNS_SOUGHT, DISGUISES_SOUGHT, WORDS_SOUGHT)
"""Ordered by database number."""


def prepare() -> bytes:
    """Compile all databases for this process and its future forks, and return them serialized."""
    serialized = b"".join(database.serialized() for database in DATABASES)
    prepared.is_made = True
    return serialized


def described() -> str:
    """Return a text that identifies the patterns of all databases."""
    return repr([database.identity for database in DATABASES])
