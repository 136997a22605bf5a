"""Every compressed format with one stream, several, a cut one, a damaged one, and something behind it."""

from __future__ import annotations

import base64
import bz2
import lzma
import pickle
import struct
import zlib
from collections import Counter
from collections.abc import Callable

import lz4.block
import lz4.frame
import zstandard

from modelsweep.core.limits import Limits
from modelsweep.core.options import Options
from modelsweep.core.report import Verdict
from modelsweep.core.units import KIB
from tests.scanners.case import Case
from tests.scanners.native_code import elf
from tests.scanners.payload import EVIL, TEXT, gzipped, noise

FEW = Options(limits=Limits(expanded_floor=256 * KIB))
SMALL = Options(limits=Limits(expanded_floor=64 * KIB, expanded_ratio=1))
COUNTER = pickle.dumps(Counter("aabbc"), 2)
SCRIPT = b"#!/bin/sh\nset -e\nexec python -m acme.serve --port 8080\n"
README = base64.b64encode(b"import os\nos.system('echo modelsweep-test')\n" * 3) + b" is what a dropper decodes.\n"
LONG = TEXT + b"".join(b"%d,%s\n" % (row, noise(4).hex().encode()) for row in range(40))


def lz4_legacy(data: bytes) -> bytes:
    """Return `data` in the legacy frame of LZ4."""
    block = lz4.block.compress(data, store_size=False)
    return bytes(b"\x02\x21\x4c\x18" + struct.pack("<I", len(block)) + block)


def zfile(data: bytes, more: str = "") -> bytes:
    """Return `data` as joblib compressed it before 0.10; `more` is what Python 2 and joblib before 0.9 made longer."""
    return f"ZF{hex(len(data))}{more[:1]}".ljust(21 + len(more) // 2).encode() + zlib.compress(data)


def zstd(data: bytes) -> bytes:
    return bytes(zstandard.ZstdCompressor(write_checksum=True).compress(data))


CODECS: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "gzip": (".gz", gzipped),
    "zlib": (".z", zlib.compress),
    "zfile": (".z", zfile),
    "zfile_of_python_2": (".z", lambda data: zfile(data, "L ")),
    "bzip2": (".bz2", bz2.compress),
    "xz": (".xz", lzma.compress),
    "lzma": (".lzma", lambda data: lzma.compress(data, lzma.FORMAT_ALONE)),
    "zstd": (".zst", zstd),
    "lz4": (".lz4", lz4.frame.compress),
    "lz4_legacy": (".lz4", lz4_legacy),
}


def with_fields(data: bytes, flags: int, fields: bytes) -> bytes:
    """Return gzip with more in its header; the header's checksum in `fields` is wrong, which Python's gzip ignores."""
    stream = gzipped(data)
    return stream[:3] + bytes([flags]) + stream[4:10] + fields + stream[10:]


def skippable(data: bytes) -> bytes:
    """Return a frame that decoders of Zstandard and LZ4 pass over."""
    return b"\x50\x2a\x4d\x18" + struct.pack("<I", len(data)) + data


SKIPPABLE = skippable(b"hello")


def cases_of(name: str) -> dict[str, Case]:
    """Return the cases that every codec has."""
    suffix, pack = CODECS[name]
    malicious, unscanned, clean = Verdict.MALICIOUS, Verdict.NOT_SCANNED, Verdict.CLEAN
    legacy = name == "lz4_legacy"  # has no end mark: what follows is taken for its next block
    cases = {
        f"benign_{name}": Case(lambda: pack(LONG), f"table.csv{suffix}", clean),
        f"evil_{name}": Case(lambda: pack(EVIL), "model.joblib", malicious),
        f"evil_{name}_two_streams": Case(
            lambda: pack(EVIL[:20]) + pack(EVIL[20:]), f"model.pkl{suffix}", malicious, cut_is_clean=True
        ),
        f"evil_{name}_cut": Case(lambda: pack(EVIL) + pack(LONG)[:-9], f"model.pkl{suffix}", malicious),
        f"{name}_cut": Case(lambda: pack(LONG)[:-9], f"table.csv{suffix}", unscanned),
    }
    if not legacy:
        cases[f"{name}_trailing_noise"] = Case(
            lambda: pack(LONG) + noise(40), f"table.csv{suffix}", unscanned, cut_is_clean=True
        )
        cases[f"evil_{name}_trailing"] = Case(
            lambda: pack(LONG) + EVIL, f"table.csv{suffix}", malicious, cut_is_clean=True
        )
    return cases


CASES = {
    **{name: case for codec in CODECS for name, case in cases_of(codec).items()},
    "benign_gzip_zero_padding": Case(
        lambda: gzipped(LONG) + bytes(100), "table.csv.gz", Verdict.CLEAN, cut_is_clean=True
    ),
    "benign_zstd_skippable_frames": Case(
        lambda: SKIPPABLE + zstd(LONG) + SKIPPABLE, "table.csv.zst", Verdict.CLEAN, cut_is_clean=True
    ),
    "benign_pickle_of_parallel_zstd": Case(
        lambda: skippable(b"size") + zstd(COUNTER[:20]) + skippable(b"size") + zstd(COUNTER[20:]),
        "model.pkl.zst",
        Verdict.CLEAN,
        cut_is_clean=True,
    ),
    "evil_zstd_skippable_frame": Case(
        lambda: skippable(EVIL) + zstd(LONG), "table.csv.zst", Verdict.MALICIOUS, cut_is_clean=True
    ),
    "benign_zstd_seek_table": Case(
        lambda: zstd(LONG) + skippable(noise(70)) + zstd(LONG), "table.csv.zst", Verdict.CLEAN, cut_is_clean=True
    ),
    "benign_script_that_does_not_shrink": Case(lambda: zlib.compress(SCRIPT, 0, 31), "run.sh.gz", Verdict.CLEAN),
    "benign_script_behind_nothing": Case(
        lambda: gzipped(b"") + gzipped(SCRIPT), "run.sh.gz", Verdict.CLEAN, cut_is_clean=True
    ),
    "benign_readme_about_code": Case(lambda: lz4.frame.compress(README), "README.md.lz4", Verdict.CLEAN),
    "library_that_does_not_shrink": Case(lambda: zlib.compress(elf(), 0, 31), "plugin.so.gz", Verdict.REVIEW),
    "library_in_gzip_comment": Case(
        lambda: with_fields(LONG, 0x10, elf().replace(b"\0", b"\1") + EVIL + b"\0"), "table.csv.gz", Verdict.MALICIOUS
    ),
    "evil_gzip_extra_field": Case(
        lambda: with_fields(LONG, 4, struct.pack("<H", len(EVIL)) + EVIL), "table.csv.gz", Verdict.MALICIOUS
    ),
    "benign_gzip_long_fields": Case(
        lambda: with_fields(LONG, 0x1C, struct.pack("<H", 90) + noise(90) + b"posix system\0" * 2),
        "table.csv.gz",
        Verdict.CLEAN,
    ),
    "benign_numbers_like_lzma": Case(
        lambda: struct.pack("<4I", 1, 1152, 0, 0).ljust(99, b"\0") + noise(500), "hand-sparse.bin", Verdict.NOT_SCANNED
    ),
    "benign_text_like_zlib": Case(lambda: b"x^2 + y^2 = r^2\n" * 9, "notes.txt", Verdict.CLEAN, cut_is_clean=True),
    "text_as_model": Case(lambda: gzipped(TEXT), "model.pkl", Verdict.NOT_SCANNED),
    "text_as_r_data": Case(lambda: lzma.compress(b"X\n" + TEXT), "model.rds", Verdict.NOT_SCANNED),
    "benign_text_as_table": Case(lambda: gzipped(TEXT), "table.csv", Verdict.CLEAN),
    "evil_tgz_name": Case(lambda: gzipped(EVIL), "layer.tgz", Verdict.MALICIOUS),
    "evil_gzip_wrong_checksum": Case(lambda: gzipped(EVIL)[:-8] + bytes(8), "model.pkl.gz", Verdict.MALICIOUS),
    "evil_gzip_reserved_flags": Case(
        lambda: with_fields(EVIL, 0xE0, b""), "model.pkl.gz", Verdict.MALICIOUS, cut_is_clean=True
    ),
    "evil_gzip_all_fields": Case(
        lambda: with_fields(EVIL, 0x1E, b"\3\0abcname\0comment\0xx"), "model.pkl.gz", Verdict.MALICIOUS
    ),
    "benign_gzip_all_fields": Case(
        lambda: with_fields(LONG, 0x1F, b"\3\0abcname\0comment\0xx"), "table.csv.gz", Verdict.CLEAN
    ),
    "bomb_of_zeros": Case(lambda: gzipped(bytes(64 * KIB)), "model.bin.gz", Verdict.REVIEW, FEW),
    "bomb_of_lines": Case(lambda: bz2.compress(TEXT * 9000), "table.csv.bz2", Verdict.REVIEW, FEW),
    "bomb_of_xz": Case(lambda: lzma.compress(b"\xff" * 64 * KIB), "model.bin.xz", Verdict.REVIEW, FEW),
    "over_limit": Case(lambda: gzipped(TEXT * 1000), "big.txt.gz", Verdict.REVIEW, SMALL),
    "evil_over_limit": Case(lambda: gzipped(EVIL + TEXT * 1000), "big.pkl.gz", Verdict.MALICIOUS, SMALL),
}
