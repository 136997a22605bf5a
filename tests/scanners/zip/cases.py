"""Zip archives that readers disagree on, each with a look-alike that every writer makes."""

from __future__ import annotations

import io
import stat
import struct
import tarfile
import warnings
import zipfile
import zlib
from collections.abc import Callable

from modelsweep.core.limits import Limits
from modelsweep.core.options import Options
from modelsweep.core.report import Verdict
from modelsweep.core.units import KIB
from tests.scanners.case import Case
from tests.scanners.payload import EVIL, TEXT, noise

DATE = (2024, 1, 1, 0, 0, 0)
Member = tuple[str, bytes]
FEW = Options(limits=Limits(expanded_floor=256 * KIB))
SMALL = Options(limits=Limits(expanded_floor=64 * KIB, expanded_ratio=1))


class Unseekable(io.BytesIO):
    """A stream that makes zipfile write data descriptors, as `zip -` does."""

    def seekable(self) -> bool:
        return False

    def seek(self, offset: int, whence: int = 0) -> int:
        raise io.UnsupportedOperation

    def tell(self) -> int:
        raise io.UnsupportedOperation


def made(
    *members: Member, method: int = zipfile.ZIP_STORED, stream: io.BytesIO | None = None, mode: int = 0o100600
) -> bytes:
    """Return a zip of `members` as zipfile writes it."""
    stream = stream or io.BytesIO()
    with warnings.catch_warnings(action="ignore"), zipfile.ZipFile(stream, "w", method) as archive:
        for name, data in members:
            info = zipfile.ZipInfo(name, DATE)
            info.compress_type, info.external_attr = method, mode << 16
            archive.writestr(info, data)
    return stream.getvalue()


def patched(data: bytes, offset: int, new: bytes) -> bytes:
    """Return `data` with the bytes at `offset` replaced."""
    return data[:offset] + new + data[offset + len(new) :]


def central(data: bytes, number: int = 0) -> int:
    """Return the offset of entry `number` of the directory."""
    offset = -1
    for _ in range(number + 1):
        offset = data.index(b"PK\1\2", offset + 1)
    return offset


def with_zip64_end(data: bytes) -> bytes:
    """Return a zip with the end record of zip64 that PyTorch always writes, behind its directory."""
    end = len(data) - 22
    count, size, offset = struct.unpack("<HLL", data[end + 10 : end + 20])
    record = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, count, count, size, offset)
    return data[:end] + record + struct.pack("<4sLQL", b"PK\6\7", 0, end, 1) + data[end:]


SHIFT = 56 + 20
"""Bytes of both records: who reads the plain end record only looks so much too far behind for the directory."""


def shifted_by_chance() -> bytes:
    """A first entry as long as the shift: the wrong place is that of the second entry, whose members are nowhere."""
    return with_zip64_end(made(("x" * (SHIFT - 46), TEXT), ("second", TEXT), ("third", TEXT)))


def shifted_on_purpose() -> bytes:
    """The same, and a local header so much behind the place that the directory says."""
    data = made(("x" * (SHIFT - 46), TEXT), ("other.pkl", b"-" * (SHIFT - 39) + made(("other.pkl", EVIL))))
    return with_zip64_end(data)


def renamed_locally() -> bytes:
    return patched(made(("data.pkl", EVIL)), 30, b"data.txt")


def encryption_bit(data: bytes) -> bytes:
    return patched(patched(data, central(data) + 8, b"\1\0"), 6, b"\1\0")


def encrypted() -> bytes:
    """Data as traditional encryption leaves it: 12 bytes longer, and random."""
    data = encryption_bit(made(("data.pkl", noise(112))))
    return patched(patched(data, central(data) + 24, struct.pack("<L", 100)), 22, struct.pack("<L", 100))


def wrong_crc(data: bytes) -> bytes:
    return patched(patched(data, central(data) + 16, b"\1\2\3\4"), 14, b"\1\2\3\4")


def sizes_locally(size: int) -> bytes:
    """Return a zip that reads on from its front only: the directory says that the member has `size` bytes."""
    data = made(("data.pkl", EVIL), method=zipfile.ZIP_DEFLATED)
    return patched(data, central(data) + 20, struct.pack("<LL", size, size))


def method_locally() -> bytes:
    """Return a zip whose directory says that deflated data stands as it is."""
    data = made(("data.pkl", EVIL), method=zipfile.ZIP_DEFLATED)
    return patched(data, central(data) + 10, bytes(2))


def no_sizes() -> bytes:
    """Return a zip in which both headers say that a member is empty, and give the checksum of its data."""
    data = sizes_locally(0)
    return patched(data, 18, bytes(8))


def hidden_entry() -> bytes:
    """A member whose directory entry is taken out."""
    data = made(("a.txt", TEXT), ("data.pkl", EVIL))
    first, second, end = central(data), central(data, 1), data.index(b"PK\5\6")
    return data[:second] + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 1, 1, second - first, first, 0) + data[end + 22 :]


def two_directories() -> bytes:
    """The comment of a harmless zip is a malicious one: zipfile takes the last end record, others the first."""
    inner, outer = made(("data.pkl", EVIL)), made(("data.txt", TEXT))
    return patched(outer, len(outer) - 2, struct.pack("<H", len(inner))) + inner


def absolute_or_relative() -> bytes:
    """Two zips of equal size, one behind the other: zipfile reads the second, miniz (torch) the first's directory."""
    return made(("data.pkl", EVIL)) + made(("data.txt", EVIL[:-1] + b"#"))


def overlapping() -> bytes:
    """Two directory entries that share one local header."""
    data = made(("a.txt", TEXT), ("b.txt", TEXT))
    return patched(data, central(data, 1) + 42, struct.pack("<L", 0))


def bad_count() -> bytes:
    data = made(("a.txt", TEXT), ("data.pkl", EVIL))
    return patched(data, len(data) - 14, struct.pack("<HH", 1, 1))


def other_name(name: str, of: bytes = b"a.txt") -> bytes:
    """Return a zip whose member has another name in the field for Unicode, which stands for the name `of`."""
    body = struct.pack("<BL", 1, zlib.crc32(of)) + name.encode()
    info = zipfile.ZipInfo("a.txt", DATE)
    info.extra = struct.pack("<HH", 0x7075, len(body)) + body
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr(info, TEXT)
    return stream.getvalue()


def linked(target: bytes, *more: Member, packed: bool = False) -> bytes:
    """Return a zip with the symbolic link `here` to `target`, then `more`."""
    method = zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED
    stream = io.BytesIO(made(("here", target), mode=stat.S_IFLNK | 0o777, method=method))
    with zipfile.ZipFile(stream, "a") as archive:
        for name, data in more:
            archive.writestr(zipfile.ZipInfo(name, DATE), data)
    return stream.getvalue()


def nested(data: bytes) -> bytes:
    """Return `data` in a zip in a tar.gz in a zip."""
    inner = made(("model.bin", data), method=zipfile.ZIP_DEFLATED)
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        info = tarfile.TarInfo("inner.zip")
        info.size = len(inner)
        archive.addfile(info, io.BytesIO(inner))
    packer = zlib.compressobj(wbits=31)
    packed = packer.compress(stream.getvalue()) + packer.flush()
    return made(("layer.tar.gz", packed))


def nul_name() -> bytes:
    data = made(("data.pkl_.txt", EVIL))
    return data.replace(b"pkl_", b"pkl\0")


def unknown_method() -> bytes:
    data = made(("data.ppm", noise(50)))
    return patched(patched(data, central(data) + 10, b"\x62\0"), 8, b"\x62\0")


def clean(build: Callable[[], bytes], name: str = "model.zip") -> Case:
    return Case(build, name, Verdict.CLEAN)


def evil(build: Callable[[], bytes], name: str = "model.zip") -> Case:
    return Case(build, name, Verdict.MALICIOUS)


def review(build: Callable[[], bytes], name: str = "model.zip") -> Case:
    return Case(build, name, Verdict.REVIEW)


def unscanned(build: Callable[[], bytes], options: Options | None = None) -> Case:
    return Case(build, "model.zip", Verdict.NOT_SCANNED, options or Options())


METHODS = {"deflate": zipfile.ZIP_DEFLATED, "bzip2": zipfile.ZIP_BZIP2, "lzma": zipfile.ZIP_LZMA}

ZEROS = bytes(64 * KIB)
NPY_HEADER = b"\x93NUMPY\x01\0v\0" + b"{'descr': '|u1', 'fortran_order': False, 'shape': (65536,), }".ljust(117) + b"\n"
CASES = {
    "benign_shifted_by_chance": Case(shifted_by_chance, "model.zip", Verdict.CLEAN),
    "shifted_on_purpose": Case(shifted_on_purpose, "model.zip", Verdict.MALICIOUS),
    "bomb": Case(lambda: made(("a.bin", ZEROS), method=zipfile.ZIP_DEFLATED), "model.zip", Verdict.REVIEW, FEW),
    "bomb_in_bomb": Case(
        lambda: made(
            *((f"{number}.zip", made(("a.bin", ZEROS), method=zipfile.ZIP_DEFLATED)) for number in range(3)),
            method=zipfile.ZIP_DEFLATED,
        ),
        "model.zip",
        Verdict.REVIEW,
        FEW,
    ),
    "many_of_unknown_kind": unscanned(
        lambda: made(*((f"{number}", bytes([number + 200]) + noise(98)) for number in range(12))),
        Options(limits=Limits(problems=10)),
    ),
    "many_of_unknown_kind_and_damage": unscanned(
        lambda: made(
            *((f"{number}", bytes([number + 200]) + noise(98)) for number in range(12)), ("z.gz", b"\x1f\x8b\x08cut")
        ),
        Options(limits=Limits(problems=10)),
    ),
    "benign_zeros_of_a_format": Case(
        lambda: made(("a.npy", NPY_HEADER + ZEROS), method=zipfile.ZIP_DEFLATED), "m.npz", Verdict.CLEAN, FEW
    ),
    "benign_stored": clean(lambda: made(("a.txt", TEXT), ("folder/", b""), ("folder/b.txt", TEXT), ("empty", b""))),
    "benign_data_descriptors": clean(
        lambda: made(("a.txt", TEXT), ("b.txt", TEXT), method=zipfile.ZIP_DEFLATED, stream=Unseekable())
    ),
    "benign_utf8_name": clean(lambda: made(("größe 模型.txt", TEXT))),
    "benign_comment": clean(lambda: made(("a.txt", TEXT))[:-2] + b"\x05\0hello"),
    "benign_empty": clean(made),
    "benign_prepended": clean(lambda: noise(400) + made(("a.txt", TEXT)), "setup.bin"),
    "benign_stored_zip_last": clean(lambda: made(("a.txt", TEXT), ("inner.zip", made(("b.txt", TEXT))))),
    "benign_dots_in_names": clean(lambda: made(("..a/..b", TEXT), ("a/../c.txt", TEXT), ("./d...txt", TEXT))),
    "benign_link_inside": clean(lambda: linked(b"folder/../a.txt", ("a.txt", TEXT))),
    "benign_duplicate_same_data": clean(lambda: made(("a.txt", TEXT), ("a.txt", TEXT))),
    "benign_store_of_zarr": clean(
        lambda: made(
            (".zgroup", b'{"zarr_format": 2}'),
            ("obs/.zattrs", b'{"encoding-type": "dict"}'),
            ("obs/.zattrs", b'{"encoding-type": "dict", "encoding-version": "0.1.0"}'),
            ("zarr.json", b'{"zarr_format": 3, "node_type": "group", "attributes": {}}'),
            ("zarr.json", b'{"zarr_format": 3, "node_type": "group", "attributes": {"version": "1"}}'),
        ),
        "adata.zarr.zip",
    ),
    "benign_zeros": clean(lambda: made(("a.txt", TEXT * 300), method=zipfile.ZIP_DEFLATED)),
    **{
        f"evil_{name}": evil(lambda method=method: made(("data.pkl", EVIL), method=method))  # type: ignore[misc]
        for name, method in METHODS.items()
    },
    "evil_wrong_extension": evil(lambda: made(("weights.txt", EVIL)), "weights.bin"),
    "evil_local_name": evil(renamed_locally),
    "evil_encryption_bit": evil(lambda: encryption_bit(made(("data.pkl", EVIL)))),
    "evil_encryption_bit_deflated": evil(lambda: encryption_bit(made(("data.pkl", EVIL), method=zipfile.ZIP_DEFLATED))),
    "evil_wrong_crc": evil(lambda: wrong_crc(made(("data.pkl", EVIL)))),
    "evil_wrong_crc_deflated": evil(lambda: wrong_crc(made(("data.pkl", EVIL), method=zipfile.ZIP_DEFLATED))),
    "evil_encryption_bit_and_crc": evil(lambda: wrong_crc(encryption_bit(made(("data.pkl", EVIL))))),
    "evil_empty_in_directory": evil(lambda: sizes_locally(0)),
    "evil_short_in_directory": evil(lambda: sizes_locally(5)),
    "evil_stored_in_directory": evil(method_locally),
    "checksum_of_nothing": review(no_sizes),
    "evil_hidden_entry": evil(hidden_entry),
    "evil_two_directories": evil(two_directories),
    "evil_absolute_or_relative": evil(absolute_or_relative),
    "evil_prepended": evil(lambda: noise(400) + made(("data.pkl", EVIL)), "picture.png"),
    "evil_trailing_data": evil(lambda: made(("data.pkl", EVIL)) + noise(30)),
    "evil_nested": evil(lambda: nested(EVIL)),
    "evil_nul_in_name": evil(nul_name),
    "evil_count": evil(bad_count),
    "evil_climbing_name": evil(lambda: made(("../../home/user/.bashrc", TEXT))),
    "evil_climbing_backslashes": evil(lambda: made(("a\\..\\..\\autorun.inf", TEXT))),
    "evil_write_through_link": evil(lambda: linked(b"/etc", ("here/cron.txt", TEXT))),
    "evil_climbing_unicode_name": evil(lambda: other_name("../../.bashrc")),
    "unicode_name_differs": review(lambda: other_name("data.pkl")),
    "benign_unicode_name": clean(lambda: other_name("a.txt")),
    "benign_unicode_name_of_another": clean(lambda: other_name("../x", of=b"b.txt")),
    "evil_write_through_packed_link": evil(lambda: linked(b"/etc", ("here/cron.txt", TEXT), packed=True)),
    "link_outside": review(lambda: linked(b"../secret")),
    "absolute_name": review(lambda: made(("/etc/cron.d/job", TEXT))),
    "benign_written_by_pandas": clean(lambda: made(("/home/me/frames/train.pkl.zip", b"\x80\x04}."))),
    "absolute_name_of_two": review(lambda: made(("/home/me/a.zip", TEXT), ("b.txt", TEXT))),
    "drive_letter": review(lambda: made(("C:\\autorun.txt", TEXT))),
    "device": review(lambda: made(("null", b""), mode=stat.S_IFCHR | 0o600)),
    "description_of_zarr_twice": review(
        lambda: made(
            ("x/.zarray", b'{"zarr_format": 2, "shape": [1], "chunks": [1], "dtype": "<f8", "filters": null}'),
            ("x/.zarray", b'{"zarr_format": 2, "shape": [1], "chunks": [1], "filters": [{"id": "pickle"}]}'),
        ),
        "adata.zarr.zip",
    ),
    "chunk_of_zarr_twice": review(lambda: made(("x/0.0", noise(40)), ("x/0.0", noise(41))), "adata.zarr.zip"),
    "duplicate_other_data": review(lambda: made(("a.txt", TEXT), ("a.txt", TEXT + TEXT))),
    "overlapping": review(overlapping),
    "encrypted": unscanned(encrypted),
    "unknown_method": unscanned(unknown_method),
    "cut_comment": unscanned(lambda: made(("a.txt", TEXT))[:-2] + b"\x05\0hell"),
    "cut_before_directory": unscanned(lambda: made(("a.txt", TEXT), ("b.txt", TEXT))[:300]),
    "evil_cut_before_directory": evil(lambda: made(("data.pkl", EVIL), ("b.txt", TEXT))[:150]),
    "over_limit": Case(
        lambda: made(("big.txt", TEXT * 1000), ("data.pkl", EVIL), method=zipfile.ZIP_DEFLATED),
        "model.zip",
        Verdict.REVIEW,
        SMALL,
    ),
}
