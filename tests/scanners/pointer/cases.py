"""Pointers that stand in place of weights, files that tell where data is, and text that only mentions them."""

from __future__ import annotations

from modelsweep.core.report import Verdict
from tests.scanners.case import Case

LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"4d" * 32 + b"\nsize 438012345\n"
LFS_EXTENDED = LFS.replace(b"\noid", b"\next-0-foo sha256:" + b"a1" * 32 + b"\noid")
ANNEX = b"/annex/objects/SHA256E-s31390--" + b"5f" * 32 + b".pkl\n"
XET = b"# xet version 0\nfilesize = 4096\nhash = '" + b"9c" * 32 + b"'\n"
DOWNLOAD = b"%s\n%s\n1700000000.5\n" % (b"3b" * 20, b"7e" * 32)
DVC = b"""outs:
- md5: a304afb96060aad90176268345e10355
  size: 37891850
  hash: md5
  path: model.pt
- path: data
  md5: 22a1a2931c8370d3aeedd7183606fd7f.dir
  nfiles: 3
  size: 144
"""
IMPORTED = b"deps:\n- path: https://example.com/model.pt\n  size: 12\nfrozen: true\n" + DVC
LOCK = b"""schema: '2.0'
stages:
  train:
    cmd: python train.py
    deps:
    - path: ../data/raw.csv
      md5: a304afb96060aad90176268345e10355
    outs:
    - path: model.pkl
      md5: a304afb96060aad90176268345e10355
      size: 37891850
"""
OUTSIDE = DVC.replace(b"path: model.pt", b"path: ../../.ssh/authorized_keys")
ABSOLUTE = DVC.replace(b"path: model.pt", b"path: /etc/cron.d/job")


def text(content: bytes, name: str = "README.md") -> Case:
    """Return the case of a text that nothing is wrong with."""
    return Case(lambda: content, name, Verdict.CLEAN, cut_is_clean=True)


CASES = {
    "lfs_named_as_model": Case(lambda: LFS, "model.safetensors", Verdict.NOT_SCANNED),
    "lfs_named_as_text": Case(lambda: LFS, "vocab.txt", Verdict.NOT_SCANNED, cut_is_clean=True),
    "lfs_with_extension": Case(lambda: LFS_EXTENDED, "model.bin", Verdict.NOT_SCANNED),
    "annex": Case(lambda: ANNEX, "model.pkl", Verdict.NOT_SCANNED),
    "xet": Case(lambda: XET, "model.bin", Verdict.NOT_SCANNED),
    "benign_dvc": text(DVC, "model.pt.dvc"),
    "benign_dvc_import": text(IMPORTED, "model.pt.dvc"),
    "benign_dvc_lock": text(LOCK, "dvc.lock"),
    "benign_download": text(DOWNLOAD, "model.safetensors.metadata"),
    "dvc_outside": Case(lambda: OUTSIDE, "model.pt.dvc", Verdict.REVIEW, cut_is_clean=True),
    "dvc_absolute": Case(lambda: ABSOLUTE, "model.pt.dvc", Verdict.REVIEW, cut_is_clean=True),
    "dvc_broken": Case(lambda: DVC + b"- {\n", "model.pt.dvc", Verdict.NOT_SCANNED, cut_is_clean=True),
    "benign_text_about_lfs": text(b"The pointer begins with `version https://git-lfs.github.com/spec/v1`.\n"),
    "benign_text_about_annex": text(b"Objects are in /annex/objects/ of the folder .git.\n"),
    "benign_text_about_xet": text(b"# xet version of the story\n"),
}
