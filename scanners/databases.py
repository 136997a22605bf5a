"""All databases that hyperscan searches with: they are made once, before children are, and kept together."""

from __future__ import annotations

from scanners.matcher import PATTERNS_SOUGHT, prepared
from scanners.parsing.disguise_starts import DISGUISES_SOUGHT
from scanners.parsing.json_words import WORDS_SOUGHT

DATABASES = (PATTERNS_SOUGHT, DISGUISES_SOUGHT, WORDS_SOUGHT)
"""In the order of their numbers."""


def prepare() -> bytes:
    """Make all of them, for this process and those that will be forked from it, and return them as bytes."""
    serialized = b"".join(database.serialized() for database in DATABASES)
    prepared.is_made = True
    return serialized


def described() -> str:
    """Return what tells them from those of other patterns."""
    return repr([database.identity for database in DATABASES])
