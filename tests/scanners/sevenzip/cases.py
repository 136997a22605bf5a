"""7z archives, written byte by byte: solid, stored, encrypted, cut, with links and with absurd counts."""

from __future__ import annotations

import lzma
import stat
import struct
import zlib
from collections.abc import Callable

from modelsweep.core.report import Verdict
from tests.scanners.case import Case
from tests.scanners.payload import EVIL, TEXT, noise

File = tuple[str, bytes, int]
DICTIONARY = {"id": lzma.FILTER_LZMA2, "dict_size": 1 << 16}
COPY, LZMA2, BCJ, PPMD, AES = (
    b"\x01\x00",
    b"\x21\x21\x01\x08",
    b"\x04\x03\x03\x01\x03",
    b"\x03\x03\x04\x01",
    b"\x04\x06\xf1\x07\x01",
)


def number(value: int) -> bytes:
    """Return a number as 7z writes it, in one, three or nine bytes."""
    if value < 0x80:
        return bytes([value])
    return b"\xc0" + struct.pack("<H", value) if value < 1 << 16 else b"\xff" + struct.pack("<Q", value)


def block(kind: int, data: bytes) -> bytes:
    """Return a property of the files."""
    return bytes([kind]) + number(len(data)) + data


def streams(packed: int, size: int, files: list[bytes], coders: tuple[bytes, ...]) -> bytes:
    """Return the stream information of one folder; coders in the order of decoding."""
    folder = number(len(coders)) + b"".join(reversed(coders))
    bonds = b"".join(bytes([index, index + 1]) for index in range(len(coders) - 1))
    sizes = b"\x0c" + number(size) * len(coders)
    parts = b"\x0d" + number(len(files)) + b"\x09" + b"".join(number(len(data)) for data in files[:-1])
    checks = b"\x0a\x01" + b"".join(struct.pack("<L", zlib.crc32(data)) for data in files)
    return (
        b"\x06\0\1\x09"
        + number(packed)
        + b"\0"
        + b"\x07\x0b\1\0"
        + folder
        + bonds
        + sizes
        + b"\0"
        + b"\x08"
        + parts
        + checks
        + b"\0\0"
    )


def archive(packed: bytes, header: bytes) -> bytes:
    """Return the archive of one packed run and a header."""
    start = struct.pack("<QQL", len(packed), len(header), zlib.crc32(header))
    return b"7z\xbc\xaf\x27\x1c\0\4" + struct.pack("<L", zlib.crc32(start)) + start + packed + header


def header_of(files: list[File], packed: int, coders: tuple[bytes, ...]) -> bytes:
    data = [content for _, content, _ in files if content]
    empty = sum(0x80 >> index for index, (_, content, _) in enumerate(files) if not content)
    names = b"\0" + b"".join(f"{name}\0".encode("utf-16-le") for name, _, _ in files)
    modes = b"\1\0" + b"".join(struct.pack("<L", mode << 16 | 0x8000) for _, _, mode in files)
    properties = block(0x11, names) + block(0x15, modes)
    properties += block(0x0E, bytes([empty])) if empty else b""
    information = b"\4" + streams(packed, sum(map(len, data)), data, coders)
    return b"\1" + information + b"\5" + number(len(files)) + properties + b"\0\0"


def made(*members: tuple[str, bytes] | File, coders: tuple[bytes, ...] = (LZMA2,)) -> bytes:
    """Return a solid archive of up to eight members: name, data and perhaps a Unix mode."""
    files = [(member[0], member[1], member[2] if len(member) > 2 else stat.S_IFREG | 0o600) for member in members]
    packed = b"".join(data for _, data, _ in files)
    if coders[0] == LZMA2:
        chain = [{"id": lzma.FILTER_X86}, DICTIONARY] if BCJ in coders else [DICTIONARY]
        packed = lzma.compress(packed, lzma.FORMAT_RAW, filters=chain)
    return archive(packed, header_of(files, len(packed), coders))


def packed_header() -> bytes:
    """Return an archive whose header is compressed, as 7-Zip does by default."""
    plain = header_of([("data.pkl", EVIL, 0)], len(EVIL), (COPY,))
    packed = lzma.compress(plain, lzma.FORMAT_RAW, filters=[DICTIONARY])
    pointer = (
        b"\x17\x06"
        + number(len(EVIL))
        + b"\1\x09"
        + number(len(packed))
        + b"\0"
        + b"\x07\x0b\1\0\1"
        + LZMA2
        + b"\x0c"
        + number(len(plain))
        + b"\0\0"
    )
    return archive(EVIL + packed, pointer)


def other_data(data: bytes) -> bytes:
    """Return an archive with `data` in place of what its header describes."""
    packed = lzma.compress(data, lzma.FORMAT_RAW, filters=[DICTIONARY])
    return archive(packed, header_of([("a.txt", TEXT, 0)], len(packed), (LZMA2,)))


def header_bomb() -> bytes:
    """Two to the power of sixty files in a header of a few bytes."""
    return archive(b"", b"\1\5" + number(1 << 60) + b"\0\0")


def with_gap(data: bytes) -> bytes:
    """Return an archive with `data` behind the files that its header describes, and in front of that."""
    files = [("a.txt", TEXT, 0)]
    return archive(TEXT + data, header_of(files, len(TEXT), (COPY,)))


def clean(build: Callable[[], bytes]) -> Case:
    return Case(build, "model.7z", Verdict.CLEAN)


def evil(build: Callable[[], bytes]) -> Case:
    return Case(build, "model.7z", Verdict.MALICIOUS)


def review(build: Callable[[], bytes]) -> Case:
    return Case(build, "model.7z", Verdict.REVIEW)


def unscanned(build: Callable[[], bytes]) -> Case:
    return Case(build, "model.7z", Verdict.NOT_SCANNED)


CASES = {
    "benign_solid": clean(lambda: made(("a.txt", TEXT), ("empty", b""), ("größe/b.txt", TEXT))),
    "benign_stored": clean(lambda: made(("a.txt", TEXT), ("b.txt", TEXT), coders=(COPY,))),
    "benign_branch_filter": clean(lambda: made(("a.txt", TEXT), ("b.txt", TEXT), coders=(LZMA2, BCJ))),
    "benign_link_inside": clean(lambda: made(("a.txt", TEXT), ("b/c", b"../a.txt", stat.S_IFLNK | 0o777))),
    "evil_member": evil(lambda: made(("a.txt", TEXT), ("weights.txt", EVIL))),
    "evil_packed_header": evil(packed_header),
    "evil_trailing_data": Case(lambda: made(("a.txt", TEXT)) + EVIL, "model.7z", Verdict.MALICIOUS, cut_is_clean=True),
    "evil_gap": evil(lambda: with_gap(EVIL)),
    "benign_gap": clean(lambda: with_gap(b"posix system" + noise(64))),
    "evil_climbing_name": evil(lambda: made(("../.bashrc", TEXT))),
    "evil_write_through_link": evil(lambda: made(("out", b"/etc", stat.S_IFLNK | 0o777), ("out/job", TEXT))),
    "link_outside": review(lambda: made(("passwd", b"/etc/passwd", stat.S_IFLNK | 0o777))),
    "absolute_name": review(lambda: made(("/etc/job", TEXT))),
    "device": review(lambda: made(("a.txt", TEXT), ("mem", b"", stat.S_IFCHR | 0o600))),
    "encrypted": unscanned(lambda: made(("data.pkl", noise(64)), coders=(AES,))),
    "unknown_method": unscanned(lambda: made(("data.pkl", noise(64)), coders=(PPMD,))),
    "wrong_checksum": unscanned(lambda: other_data(TEXT.upper())),
    "damaged": unscanned(lambda: other_data(noise(len(TEXT)))[:40] + bytes(4) + other_data(noise(len(TEXT)))[44:]),
    "header_bomb": unscanned(header_bomb),
}
