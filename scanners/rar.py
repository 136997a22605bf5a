"""RAR archives: recognised, never examined, because the format's only decoder has a licence that we cannot meet.

Format: https://www.rarlab.com/technote.htm.
"""

from __future__ import annotations

from collections.abc import Iterator

from modelsweep.core.scanner import Blob, Context, Item, MissingDependency, Scanner, problem_of

NAME = "rar"
MAGICS = (b"Rar!\x1a\x07\x00", b"Rar!\x1a\x07\x01\x00", b"RE\x7e\x5e")


def accepts(blob: Blob) -> bool:
    """Return whether a RAR archive of version 1.4, 4 or 5 starts here."""
    return blob.head.startswith(MAGICS)


def scan(blob: Blob, context: Context) -> Iterator[Item]:
    """Say that nothing in the archive was examined."""
    error = MissingDependency("modelsweep has no reader for RAR archives: unpack it and scan what comes out")
    yield problem_of(error, blob.locator, NAME)


SCANNER = Scanner(
    name=NAME,
    title="RAR archive (not readable)",
    version=1,
    accepts=accepts,
    scan=scan,
    suffixes=(".rar",),
)
