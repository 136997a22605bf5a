"""Pointers that stand in place of weights, and text that only mentions them."""

from __future__ import annotations

from modelsweep.core.report import Verdict
from tests.scanners.case import Case

LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"4d" * 32 + b"\nsize 438012345\n"
DVC = b"outs:\n- md5: a304afb96060aad90176268345e10355\n  size: 37891850\n  hash: md5\n  path: model.pt\n"

CASES = {
    "lfs_named_as_model": Case(lambda: LFS, "model.safetensors", Verdict.NOT_SCANNED),
    "lfs_named_as_text": Case(lambda: LFS, "vocab.txt", Verdict.NOT_SCANNED, cut_is_clean=True),
    "dvc": Case(lambda: DVC, "model.pt.dvc", Verdict.NOT_SCANNED, cut_is_clean=True),
    "benign_text_about_lfs": Case(
        lambda: b"The pointer begins with `version https://git-lfs.github.com/spec/v1`.\n",
        "README.md",
        Verdict.CLEAN,
        cut_is_clean=True,
    ),
}
