"""Archives that nobody reads are never called clean, and what only looks like one is not called an archive."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable

from modelsweep.core.report import Verdict
from tests.scanners.case import Case
from tests.scanners.native_code import elf
from tests.scanners.payload import TEXT, noise


def unread(name: str, *parts: bytes) -> Case:
    """Return the case of an archive that begins with `parts`."""
    return Case(lambda: b"".join(parts) + noise(600), name, Verdict.NOT_SCANNED)


def plain(name: str, content: bytes) -> Case:
    """Return the case of a text that begins like an archive."""
    return Case(lambda: content, name, Verdict.CLEAN, cut_is_clean=True)


def arj() -> bytes:
    """Return the main header of an ARJ archive with its checksum."""
    header = bytes([30, 11, 1, 2, 0, 0, 2, 0]) + bytes(22) + b"model.arj\0\0"
    return b"\x60\xea" + struct.pack("<H", len(header)) + header + struct.pack("<I", zlib.crc32(header)) + bytes(2)


def cpio(name: bytes = b"model.bin\0") -> bytes:
    """Return the header of a cpio archive in the old binary form."""
    numbers = (0o070707, 1, 2, 0o100644, 0, 0, 1, 0, 0, 0, len(name), 0, 4)
    return struct.pack("<13H", *numbers) + name + b"data"


def iso() -> bytes:
    """Return sixteen empty sectors and the first descriptor."""
    return bytes(32_768) + b"\1CD001\1\0" + b"LINUX".ljust(32) + bytes(2_008)


def dmg() -> bytes:
    """Return the end of a disk image of Apple."""
    return noise(2_048) + b"koly" + struct.pack(">II", 4, 512) + bytes(500)


HEX = b"%08x" * 13 % tuple(range(13))
CASES: dict[str, Case] = {
    "rar5": Case(lambda: b"Rar!\x1a\x07\x01\x00" + bytes(64) + TEXT, "model.rar", Verdict.NOT_SCANNED),
    "rar4_named_otherwise": Case(lambda: b"Rar!\x1a\x07\x00" + bytes(64), "weights.bin", Verdict.NOT_SCANNED),
    "ace": unread("model.ace", b"\x12\x34\x31\0\0\x90\0", b"**ACE**\x14\x14"),
    "stuffit": unread("model.sit", b"SIT!\0\1\0\0\0\x60rLau\2\0"),
    "stuffit_5": unread("model.sit", b"StuffIt (c)1997-2001 Aladdin Systems, Inc.\r\n"),
    "cab": unread("model.cab", b"MSCF\0\0\0\0\x40\2\0\0"),
    "lha": unread("model.lzh", b"\x19\x42-lh5-", struct.pack("<II", 600, 900), b"\0\0\0\0\x20\0\5a.bin"),
    "arj": unread("model.arj", arj()),
    "cpio": unread("initrd", b"070701", HEX, b"a\0"),
    "cpio_odc": unread("initrd", b"070707", b"0000001" * 10, b"a\0"),
    "cpio_binary": unread("initrd", cpio()),
    "deb": unread("package.deb", b"!<arch>\ndebian-binary   1700000000  0     0     100644  4         `\n2.0\n"),
    "rpm": unread("package.rpm", b"\xed\xab\xee\xdb\3\0\0\0\0\1"),
    "xar": unread("package.pkg", b"xar!\0\x1c\0\1"),
    "iso": Case(iso, "model.iso", Verdict.NOT_SCANNED),
    "dmg": Case(dmg, "model.dmg", Verdict.NOT_SCANNED),
    "squashfs": unread("model.squashfs", b"hsqs", bytes(24), b"\4\0\0\0"),
    "z": unread("model.pkl.Z", b"\x1f\x9d\x90"),
    "snappy": unread("model.sz", b"\xff\x06\0\0sNaPpY"),
    "brotli": unread("model.br", b"\x8b\x12\x80"),
    "lzop": unread("model.lzo", b"\x89LZO\0\r\n\x1a\n\x10\x30"),
    "program_inside": Case(lambda: b"MSCF\0\0\0\0" + noise(40) + elf() + bytes(64), "model.cab", Verdict.MALICIOUS),
    "benign_text_about_rar": plain("notes.txt", b"Rar! is a format.\n" + TEXT),
    "benign_text_about_cpio": plain("notes.txt", b"070701 is how cpio begins\n" + TEXT),
    "benign_text_about_cab": plain("notes.txt", b"MSCF is how a cabinet begins\n" + TEXT),
    "benign_text_about_xar": plain("notes.txt", b"xar! he cried\n" + TEXT),
    "benign_text_about_lha": plain("notes.txt", b"A -lh5- is a method\n" + TEXT),
    "benign_text_of_br": plain("notes.br.txt", b"plain\n" + TEXT),
}


def damaged(build: Callable[[], bytes]) -> bytes:
    """Return bytes whose checksum does not hold."""
    content = bytearray(build())
    content[6] ^= 1
    return bytes(content)


CASES["arj_checksum"] = Case(lambda: damaged(arj), "model.dat", Verdict.NOT_SCANNED)
