"""The data files of PyTorch's distributed checkpoints (.distcp): archives of torch.save in a row.

Format: torch/distributed/checkpoint/filesystem.py; the pickle `.metadata` says where each begins. No zip reader sees
more than the last of them, which is why the zip scanner leaves the file to this one.
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
    """Recognise archives without a gap between them in a file of that name."""
    return blob.locator.suffix == SUFFIX and len(_chain(blob.reader)) > 1


def scan(blob: Blob, _context: Context) -> Iterator[Item]:
    """Yield each archive as a file of its own, the first first."""
    for number, (start, stop) in enumerate(reversed(_chain(blob.reader))):
        yield blob.window(f"archive {number}", start, stop - start)


@lru_cache(1)  # the scanners of zips ask it as well
def _chain(reader: Reader) -> tuple[tuple[int, int], ...]:
    """Return where each of the archives that make up all of the reader begins and ends, last first; else nothing."""
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
