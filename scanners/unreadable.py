"""Archives, disk images and compressed streams that modelsweep cannot read: recognised, named, and never clean.

A table of magic numbers, each from the specification or a reader of its format. If the number is short or reads as
text, the bytes after it are checked too.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator
from typing import NamedTuple

from modelsweep.core import patterns as re
from modelsweep.core.scanner import Blob, Context, Item, MissingDependency, Scanner, problem_of
from scanners import text

NAME = "unreadable"
_LHA = re.compile(rb".{2}-(?:lh[0-9a-dex]|lz[s45]|pm[0-2s])-.{13}[\0-\3]", re.DOTALL)
_CPIO = re.compile(rb"0707(?:07[0-7]{70}|0[12][0-9A-Fa-f]{104})")
_CPIO_BINARY = {b"\xc7\x71": "<", b"\x71\xc7": ">"}
_CPIO_HEADER, _MAX_CPIO_NAME = 26, 1_024
_ARJ_HEADER = range(30, 2_601)
"""Valid sizes in bytes of the main header of ARJ (arj's own limits)."""
_ISO_MAGIC, _ISO_OFFSET = b"CD001", 32_769
_BOOT = b"\x55\xaa"
_KOLY, _KOLY_SIZE = b"koly", 512
_LZW_BITS = range(9, 17)


class Format(NamedTuple):
    """The name of a format, the offset of its magic numbers, and a further check of the blob."""

    title: str
    magics: tuple[bytes, ...] = ()
    offset: int = 0
    holds: Callable[[Blob], bool] = lambda blob: True


def _is_lha(blob: Blob) -> bool:
    return _LHA.match(blob.head) is not None


def _is_arj(blob: Blob) -> bool:
    """Two bytes are no evidence: the main header carries a checksum of itself."""
    size = int.from_bytes(blob.head[2:4], "little")
    if size not in _ARJ_HEADER or blob.size < size + 8:
        return False
    header = blob.head[4 : 4 + size]
    return zlib.crc32(header) == int.from_bytes(blob.head[4 + size : 8 + size], "little")


def _is_cpio(blob: Blob) -> bool:
    """Check for digits in the text form, or the old binary header with a plausible name that ends correctly."""
    order = _CPIO_BINARY.get(blob.head[:2])
    if order is None or len(blob.head) < _CPIO_HEADER + 2:
        return _CPIO.match(blob.head) is not None
    length = struct.unpack_from(f"{order}H", blob.head, 20)[0]
    name = blob.head[_CPIO_HEADER : _CPIO_HEADER + length]
    return 1 < length <= _MAX_CPIO_NAME and name[-1:] == b"\0" and b"\0" not in name[:-1]


def _is_xar(blob: Blob) -> bool:
    return 28 <= int.from_bytes(blob.head[4:6], "big") <= 256 and blob.head[6:7] == b"\0"


def _is_iso(blob: Blob) -> bool:
    """Check that sixteen sectors of zeros or a boot record precede the first descriptor (ECMA-119, section 8)."""
    bootable = blob.head[510:512] == _BOOT or not blob.head[:8].strip(b"\0") or blob.locator.suffix in (".iso", ".img")
    if not bootable or blob.size < _ISO_OFFSET + len(_ISO_MAGIC):
        return False
    return blob.reader.read(_ISO_OFFSET, len(_ISO_MAGIC)) == _ISO_MAGIC


def _is_dmg(blob: Blob) -> bool:
    if blob.locator.suffix != ".dmg" or blob.size < _KOLY_SIZE:
        return False
    return blob.reader.read(blob.size - _KOLY_SIZE, len(_KOLY)) == _KOLY


def _is_squashfs(blob: Blob) -> bool:
    order = "<" if blob.head[:1] == b"h" else ">"
    return len(blob.head) >= 30 and struct.unpack_from(f"{order}H", blob.head, 28)[0] in (1, 2, 3, 4)


def _is_lzw(blob: Blob) -> bool:
    """Check the third byte, which holds the number of bits and the block mode; two of its bits are reserved."""
    return len(blob.head) > 3 and blob.head[2] & 0x1F in _LZW_BITS and not blob.head[2] & 0x60


def _is_zoo(blob: Blob) -> bool:
    return blob.head[20:24] == b"\xdc\xa7\xc4\xfd"


def _named(*suffixes: str) -> Callable[[Blob], bool]:
    """Return a check of the suffix for formats without a magic number; text never passes."""
    return lambda blob: blob.size > 0 and blob.locator.suffix in suffixes and not text.is_text(blob.head)


FORMATS = (
    Format("RAR archive", (b"Rar!\x1a\x07\x00", b"Rar!\x1a\x07\x01\x00", b"RE\x7e\x5e")),
    Format("ACE archive", (b"**ACE**",), 7),
    Format("StuffIt archive", (b"rLau",), 10, lambda blob: blob.head[:2] in (b"SI", b"ST")),
    Format("StuffIt archive", (b"StuffIt (c)1997-", b"StuffIt!")),
    Format("Windows cabinet", (b"MSCF\0\0\0\0",)),
    Format("InstallShield cabinet", (b"ISc(",), 0, lambda blob: b"\0" in blob.head[4:16]),
    Format("LHA archive", holds=_is_lha),
    Format("ARJ archive", (b"\x60\xea",), 0, _is_arj),
    Format("ZOO archive", (b"ZOO ",), 0, _is_zoo),
    Format("cpio archive", holds=_is_cpio),
    Format("Debian package", (b"!<arch>\ndebian-binary",)),
    Format("RPM package", (b"\xed\xab\xee\xdb",)),
    Format("XAR archive", (b"xar!",), 0, _is_xar),
    Format("ISO 9660 image", holds=_is_iso),
    Format("Apple disk image", holds=_is_dmg),
    Format("SquashFS image", (b"hsqs", b"sqsh"), 0, _is_squashfs),
    Format("Windows image", (b"MSWIM\0\0\0",)),
    Format("QCOW disk image", (b"QFI\xfb",)),
    Format("VHDX disk image", (b"vhdxfile",)),
    Format("ZPAQ archive", (b"zPQ\x01", b"zPQ\x02", b"7kSt\xa0")),
    Format("compress stream (.Z)", (b"\x1f\x9d",), 0, _is_lzw),
    Format("lzip stream", (b"LZIP\x00", b"LZIP\x01")),
    Format("lzop stream", (b"\x89LZO\0\r\n\x1a\n",)),
    Format("lrzip stream", (b"LRZI\x00",)),
    Format("Snappy stream", (b"\xff\x06\0\0sNaPpY",)),
    Format("Snappy block", holds=_named(".snappy", ".sz")),
    Format("Brotli stream", holds=_named(".br")),
    Format("LZFSE stream", holds=_named(".lzfse")),
)


_AT_START = tuple(magic for form in FORMATS if not form.offset for magic in form.magics)
_ELSEWHERE = re.compile(rb"[0\xc7\x71]|.{2}-|.{7}\*\*ACE|.{10}rLau|\0{8}|.{510}\x55\xaa", re.DOTALL)
"""Heads of formats without a magic number at the start: cpio, magic numbers further back, and disk images."""
_NAMED = frozenset((".iso", ".img", ".dmg", ".snappy", ".sz", ".br", ".lzfse"))


def _may_be_one(blob: Blob) -> bool:
    return _ELSEWHERE.match(blob.head) is not None or len(blob.head) < 8 or blob.locator.suffix in _NAMED


def _format(blob: Blob) -> Format | None:
    if not blob.head.startswith(_AT_START) and not _may_be_one(blob):
        return None
    for form in FORMATS:
        if (not form.magics or blob.head.startswith(form.magics, form.offset)) and form.holds(blob):
            return form
    return None


def accepts(blob: Blob) -> bool:
    """Return whether the blob begins with one of the formats."""
    return _format(blob) is not None


def scan(blob: Blob, _context: Context) -> Iterator[Item]:
    """Yield a Problem: nothing inside was examined."""
    form = _format(blob)
    title = form.title if form else "file"
    error = MissingDependency(f"{title}: modelsweep has no reader for it; unpack it and scan the result")
    yield problem_of(error, blob.locator, NAME)


SCANNER = Scanner(
    name=NAME,
    title="Archives that are not read (RAR, ACE, CAB, LHA, cpio, ISO, brotli, ...)",
    version=2,
    accepts=accepts,
    scan=scan,
    suffixes=tuple(
        ".rar .ace .sit .sitx .cab .lha .lzh .arj .zoo .cpio .deb .rpm .xar .iso .dmg .squashfs .sqfs .wim .qcow2 "
        ".vhdx .zpaq .Z .lz .lzo .lrz .snappy .sz .br .lzfse".split()
    ),
)
