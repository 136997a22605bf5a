"""Tar archives with what unpacking would do beyond making files, and what stands where tar programs stop reading."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable

from modelsweep.core.report import Verdict
from tests.scanners.case import Case
from tests.scanners.payload import EVIL, TEXT, noise

BLOCK = 512
LONG = "folder/" * 20 + "größe.txt"


def entry(name: str, data: bytes = b"", kind: bytes = tarfile.REGTYPE, target: str = "", **pax: str) -> bytes:
    """Return the blocks of one member in PAX form."""
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size, info.pax_headers = kind, target, len(data), pax
    return info.tobuf(tarfile.PAX_FORMAT) + data + bytes(-len(data) % BLOCK)


def tar(*blocks: bytes) -> bytes:
    """Return an archive with an end marker."""
    return b"".join(blocks) + bytes(2 * BLOCK)


def written(form: int) -> bytes:
    """Return an archive as Python's tarfile writes it in one of its formats."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=form) as archive:
        for name, data in ((LONG if form != tarfile.USTAR_FORMAT else "a.txt", TEXT), ("b/c.txt", TEXT)):
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
        folder = tarfile.TarInfo("b")
        folder.type = tarfile.DIRTYPE
        archive.addfile(folder)
    return stream.getvalue()


def two_sizes() -> bytes:
    """The header says that a member is empty, the PAX record that it covers the next header (CVE-2025-62518)."""
    hidden = tar(entry("data.pkl", EVIL))
    info = tarfile.TarInfo("inner.tar")
    info.pax_headers = {"size": str(len(hidden))}
    return tar(info.tobuf(tarfile.PAX_FORMAT), hidden)


def sparse() -> bytes:
    """An old GNU sparse member: its map (offset 0, 39 bytes) stands in the header."""
    info = tarfile.TarInfo("data.pkl")
    info.type, info.size = tarfile.GNUTYPE_SPARSE, len(EVIL)
    block = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    block[386:410] = b"00000000000\0%011o\0" % len(EVIL)
    return tar(resealed(block) + EVIL + bytes(-len(EVIL) % BLOCK))


def named_twice(name: str, sparse_name: str) -> bytes:
    """Return a sparse member of which all bytes are stored, in PAX form; of its names each may count."""
    info = tarfile.TarInfo("GNUSparseFile.7/a.txt")
    size = str(len(TEXT))
    info.size, info.pax_headers = len(TEXT), {"GNU.sparse.name": sparse_name, "GNU.sparse.realsize": size}
    info.pax_headers |= {"GNU.sparse.map": f"0,{size}"} | ({"path": name} if name else {})
    return tar(info.tobuf(tarfile.PAX_FORMAT) + TEXT + bytes(-len(TEXT) % BLOCK))


def clean(build: Callable[[], bytes]) -> Case:
    return Case(build, "model.tar", Verdict.CLEAN, cut_is_clean=True)


def evil(build: Callable[[], bytes]) -> Case:
    return Case(build, "model.tar", Verdict.MALICIOUS, cut_is_clean=True)


def review(build: Callable[[], bytes]) -> Case:
    return Case(build, "model.tar", Verdict.REVIEW, cut_is_clean=True)


def unscanned(build: Callable[[], bytes]) -> Case:
    return Case(build, "model.tar", Verdict.NOT_SCANNED, cut_is_clean=True)


def v7(member: bytes) -> bytes:
    """Return a member without magic and prefix, as Version 7 wrote it."""
    block = bytearray(member[:BLOCK])
    block[257:] = bytes(BLOCK - 257)
    return resealed(block) + member[BLOCK:]


def patched_size(archive: bytes) -> bytes:
    """Return `archive` with 2**40 bytes as the size of its first header."""
    block = bytearray(archive[:BLOCK])
    block[124:136] = b"\x80" + (1 << 40).to_bytes(11, "big")
    return resealed(block) + archive[BLOCK:]


def resealed(block: bytearray) -> bytes:
    """Return a header with its checksum put right."""
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


CASES = {
    "benign_ustar": clean(lambda: written(tarfile.USTAR_FORMAT)),
    "benign_gnu_long_names": clean(lambda: written(tarfile.GNU_FORMAT)),
    "benign_pax": clean(lambda: written(tarfile.PAX_FORMAT)),
    "benign_links_inside": clean(
        lambda: tar(
            entry("./a.txt", TEXT),
            entry("lib/b", kind=tarfile.SYMTYPE, target="../a.txt"),
            entry("c", kind=tarfile.LNKTYPE, target="./a.txt"),
            entry("d/../e.txt", TEXT),
        )
    ),
    "benign_pax_size": clean(lambda: tar(entry("a.txt", TEXT, size=str(len(TEXT))))),
    "benign_no_prefix_v7": clean(lambda: tar(v7(entry("a.txt", TEXT)))),
    "evil_member": evil(lambda: tar(entry("a.txt", TEXT), entry("weights.txt", EVIL))),
    "evil_long_name": evil(lambda: tar(entry(LONG, EVIL))),
    "evil_two_sizes": evil(two_sizes),
    "evil_behind_end": evil(lambda: tar(entry("a.txt", TEXT)) + tar(entry("data.pkl", EVIL))),
    "evil_trailing_data": evil(lambda: tar(entry("a.txt", TEXT)) + EVIL + bytes(-len(EVIL) % BLOCK)),
    "evil_behind_broken_header": evil(lambda: tar(entry("a.txt", TEXT), b"x" * BLOCK, entry("data.pkl", EVIL))),
    "evil_sparse": evil(sparse),
    "evil_sparse_name": evil(lambda: named_twice("", "../.bashrc")),
    "evil_name_beside_sparse_name": evil(lambda: named_twice("../.bashrc", "b/a.txt")),
    "sparse_name": unscanned(lambda: named_twice("", "b/a.txt")),
    "evil_climbing_name": evil(lambda: tar(entry("a/../../.bashrc", TEXT))),
    "evil_pax_path": evil(lambda: tar(entry("a.txt", TEXT, path="../.bashrc"))),
    "evil_write_through_link": evil(
        lambda: tar(entry("out", kind=tarfile.SYMTYPE, target="../.."), entry("out/.bashrc", TEXT))
    ),
    "evil_write_through_two_links": evil(
        lambda: tar(
            entry("d/a", kind=tarfile.SYMTYPE, target=".."),
            entry("d/b", kind=tarfile.SYMTYPE, target="a/.."),
            entry("d/b/x.txt", TEXT),
        )
    ),
    "benign_two_links": clean(
        lambda: tar(
            entry("lib/v1/a.txt", TEXT),
            entry("lib/current", kind=tarfile.SYMTYPE, target="v1"),
            entry("bin/lib", kind=tarfile.SYMTYPE, target="../lib/current"),
            entry("bin/lib/../b.txt", TEXT),
            entry("loop", kind=tarfile.SYMTYPE, target="loop"),
        )
    ),
    "absolute_name": review(lambda: tar(entry("/etc/cron.d/job", TEXT))),
    "absolute_link": review(lambda: tar(entry("passwd", kind=tarfile.SYMTYPE, target="/etc/passwd"))),
    "hard_link_outside": review(lambda: tar(entry("a/b", kind=tarfile.LNKTYPE, target="../secret"))),
    "device": review(lambda: tar(entry("mem", kind=tarfile.CHRTYPE))),
    "fifo": review(lambda: tar(entry("pipe", kind=tarfile.FIFOTYPE))),
    "trailing_noise": unscanned(lambda: tar(entry("a.txt", TEXT)) + noise(BLOCK)),
    "cut_in_member": unscanned(lambda: entry("a.txt", TEXT)[: BLOCK + 50]),
    "cut_behind_member": unscanned(lambda: entry("a.txt", TEXT)),
    "endless_pax_header": unscanned(lambda: patched_size(tar(entry("a.txt", TEXT, comment="x")))),
}
