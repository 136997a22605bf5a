"""Text that stands in place of weights: Git LFS and DVC pointers. The weights themselves are elsewhere, unexamined.

Specifications: https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md and https://dvc.org/doc/user-guide.
"""

from __future__ import annotations

from collections.abc import Iterator

from modelsweep.core.finding import Problem, ProblemKind
from modelsweep.core.scanner import Blob, Context, Item, Scanner

_LFS = (b"version https://git-lfs.github.com/spec/", b"version https://hawser.github.com/spec/")
_LFS_SIZE = 1024
"""Bytes that a Git LFS pointer stays below, by its specification."""


def _is_lfs(blob: Blob) -> bool:
    return blob.size < _LFS_SIZE and blob.head.startswith(_LFS)


def _is_dvc(blob: Blob) -> bool:
    return blob.locator.suffix == ".dvc" and b"outs:" in blob.head and b"path:" in blob.head


def accepts(blob: Blob) -> bool:
    """Return whether the blob only points to what it is named for."""
    return _is_lfs(blob) or _is_dvc(blob)


def scan(blob: Blob, _context: Context) -> Iterator[Item]:
    """Yield the problem that the weights are not here."""
    what = "Git LFS" if _is_lfs(blob) else "DVC"
    detail = f"{what} pointer: the file that it stands for is not here"
    yield Problem(ProblemKind.SKIPPED, blob.locator, SCANNER.name, detail)


SCANNER = Scanner(
    name="pointer",
    title="Git LFS and DVC pointers",
    version=1,
    accepts=accepts,
    scan=scan,
    suffixes=(".dvc",),
)
