"""The data files of PyTorch's distributed checkpoints (.distcp): a sequence of torch.save archives.

Format: torch/distributed/checkpoint/filesystem.py; the pickle `.metadata` holds the offset of each. A zip reader sees
only the last of them, so the zip scanner leaves the file to this one.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING

from modelsweep.core.scanner import Blob, Context, Item, Scanner, Signs

if TYPE_CHECKING:
    from modelsweep.core.reader import Reader

NAME = "torch-distributed"
SUFFIX = ".distcp"


def accepts(blob: Blob) -> bool:
    """Return whether the suffix fits, and the blob is a sequence of archives without gaps."""
    return blob.locator.suffix == SUFFIX and len(_chain(blob.reader)) > 1


def scan(blob: Blob, _context: Context) -> Iterator[Item]:
    """Yield each archive as a file of its own, in file order."""
    for number, (start, stop) in enumerate(reversed(_chain(blob.reader))):
        yield blob.window(f"archive {number}", start, stop - start)


@lru_cache(1)  # several zip scanners ask about the same file
def _chain(reader: Reader) -> tuple[tuple[int, int], ...]:
    """Return start and end of each archive, last first, if archives fill the reader; otherwise nothing."""
    from scanners.parsing.zip_directory import archive_start

    found: list[tuple[int, int]] = []
    stop = reader.size
    while stop:
        start = archive_start(reader, stop)
        if not 0 <= start < stop:
            return ()
        found.append((start, stop))
        stop = start
    return tuple(found)


SCANNER = Scanner(
    name=NAME,
    title="PyTorch distributed checkpoint, its data",
    version=1,
    accepts=accepts,
    scan=scan,
    suffixes=(SUFFIX,),
    signs=Signs(suffixes=(SUFFIX,)),
)
