"""Headers of native executables and libraries: ELF, PE and Mach-O, checked at least as far as a kernel would.

The checks come on top of a four-byte magic number, so that random bytes pass with a probability below 2^-64.
Sources: System V ABI (gabi, chapter 4), Microsoft PE format, Apple mach-o/loader.h and mach-o/fat.h.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from modelsweep.core import patterns as re
from modelsweep.core.reader import Reader, Truncated
from modelsweep.core.units import KIB


class NativeCode(NamedTuple):
    """An executable image: the offset of its first byte (`start`), and what it is (`title`)."""

    start: int
    title: str


# Processors of host systems. GPU and accelerator code (cubin: 190, amdgpu: 224, hexagon: 164) is left out:
# compiled models of TensorRT, XLA or QNN hold it as a matter of course, and no operating system starts it.
_ELF_MACHINES = {
    2: "SPARC",
    3: "x86",
    8: "MIPS",
    20: "PowerPC",
    21: "PowerPC64",
    22: "S390",
    40: "ARM",
    43: "SPARC64",
    62: "x86-64",
    183: "AArch64",
    243: "RISC-V",
    258: "LoongArch",
}
_ELF_TYPES = {1: "object file", 2: "executable", 3: "shared library"}
_ELF_CORE = 4
_ELF_BEGINNINGS = frozenset(b"\x7fELF" + bytes((width, order, 1)) for width in (1, 2) for order in (1, 2))
_ELF_SYSTEMS = {0, 1, 2, 3, 6, 9, 12, 97}
"""OS/ABI values of operating systems; GPU code, whose compressed beginnings occur in compiled models, has others."""
_ELF_OWN_TYPES = 0xFE00
"""Types from here on are specific to systems and processors."""
_ELF_SEGMENT_SIZES = {1: 32, 2: 56}
_ELF_SECTION_SIZES = {1: 40, 2: 64}

_PE_MACHINES = {0x14C: "x86", 0x8664: "x86-64", 0xAA64: "AArch64", 0x1C0: "ARM", 0x1C4: "ARM", 0x200: "Itanium"}
_PE_REACH = 16 * KIB
"""Maximum bytes between the DOS header and the PE header: linkers use less than 1 KiB."""
DOS = rb"MZ\x90\x00\x03\x00\x00\x00\x04\x00\x00\x00\xff\xff"
"""The DOS header that linkers write for a Windows program."""
STUB = rb"This program (?:cannot be run in DOS mode|must be run under Win32)"
"""The message of the DOS stub that linkers write for a Windows program."""
_DOS_HEADER, _TEXT = re.compile(DOS), re.compile(STUB)
_STUB_REACH = 256
"""Maximum bytes between the DOS header and that text."""
_PE_OPTIONAL = {0x10B: 96, 0x20B: 112}
_PE_LIBRARY = 0x2000

_MACH_CPUS = {7: "x86", 12: "ARM", 18: "PowerPC", 0x1000007: "x86-64", 0x100000C: "AArch64", 0x1000012: "PowerPC64"}
_MACH_TYPES = {1: "object file", 2: "executable", 6: "shared library", 8: "bundle", 9: "shared library stub"}
_MACH_MAGIC = {
    b"\xce\xfa\xed\xfe": ("<", 28),
    b"\xcf\xfa\xed\xfe": ("<", 32),
    b"\xfe\xed\xfa\xce": (">", 28),
    b"\xfe\xed\xfa\xcf": (">", 32),
}
_ARCHIVE = b"!<arch>\n"
"""Magic of ar(5); the header of a member has 60 bytes and ends with a grave accent and a line feed."""
_PACKAGE = b"debian-binary"
"""First member of a Debian package, which is also such an archive."""
_FAT_MAGIC = {b"\xca\xfe\xba\xbe": ">5I", b"\xca\xfe\xba\xbf": ">2I2QI"}
_FAT_ARCHITECTURES = 18
"""More than any file has; a Java class file has its version in this field, 45 and up."""

MAGICS = (_ARCHIVE, b"MZ", b"\x7fELF", b"PE\0\0", *_MACH_MAGIC, *_FAT_MAGIC)
"""Beginnings of files of native code."""


def native_code_at(reader: Reader, offset: int) -> NativeCode | None:
    """Return the executable whose magic number (for PE: its `PE` header) is at `offset`, or None."""
    try:
        magic = reader.read(offset, 4)
        if magic == b"\x7fELF":
            return _elf(reader, offset)
        if magic == b"PE\0\0":
            return _pe(reader, offset)
        if magic in _MACH_MAGIC:
            return _mach(reader, offset, *_MACH_MAGIC[magic])
        if magic in _FAT_MAGIC:
            return _fat(reader, offset, _FAT_MAGIC[magic])
    except Truncated:
        return None
    return None


def native_code_file(head: bytes, reader: Reader) -> NativeCode | None:
    """Return the executable at the start of `reader`, or None; `head` is the beginning of the data."""
    if head.startswith(_ARCHIVE) and head[len(_ARCHIVE) + 58 :][:2] == b"`\n" and not head.startswith(_PACKAGE, 8):
        return NativeCode(0, "static library")
    if head[:2] != b"MZ":
        return native_code_at(reader, 0)
    if len(head) < 64:
        return None
    code = native_code_at(reader, int.from_bytes(head[60:64], "little"))
    return code if code and code.start == 0 else None


def damaged_code(head: bytes, offset: int) -> str:
    """Return which kind of incomplete executable a file is, or ""; `offset` is that of its magic number.

    `head` is the beginning of the file. Of ELF, the identification is compared, and the processor if present.
    """
    if offset == 0 and head[:7] in _ELF_BEGINNINGS:
        order = "<" if head[5] == 1 else ">"
        kind, machine = struct.unpack_from(f"{order}HH", head.ljust(20, b"\0"), 16)
        return "an ELF file" if kind != _ELF_CORE and machine in {0, *_ELF_MACHINES} else ""
    if offset and head[:2] == b"MZ" and head[60:64] == offset.to_bytes(4, "little"):
        return "a Windows executable"
    return ""


def beginning_at(reader: Reader, offset: int, *, is_file: bool) -> NativeCode | None:
    """Return the program of which only the beginning exists, or None; a mark of it is at `offset`.

    `is_file` tells whether `reader` is a whole file, for whose start `damaged_code` is responsible. The mark is the
    magic number (for PE: its `PE` header), `DOS`, or the text `STUB`. Fewer bytes are checked than for a whole program:
    random ones pass with a probability below 2^-52.
    """
    head = reader.read(offset, min(20, reader.size - offset))
    if head[:7] in _ELF_BEGINNINGS:
        return NativeCode(offset, "ELF file") if _is_elf_of_a_system(head) else None
    if head[:4] in _MACH_MAGIC:
        return NativeCode(offset, "Mach-O file") if _is_mach_beginning(head) else None
    start = _dos_start(reader, offset, head[:1])
    return None if start is None or _is_reported(reader, start, is_file) else NativeCode(start, "Windows program")


def _dos_start(reader: Reader, offset: int, mark: bytes) -> int | None:
    """Return the offset of the DOS header for a mark, or None if an earlier mark finds the same."""
    if mark == b"M":
        return offset
    owner = {b"T": _text_owner, b"P": _header_owner}.get(mark)
    start = owner(reader, offset) if owner else None
    if start is None:
        return None
    between = reader.read(start, offset - start)
    return None if _DOS_HEADER.match(between) or _TEXT.search(between) else start


def _is_reported(reader: Reader, start: int, is_file: bool) -> bool:
    """Return whether a complete Windows program begins at `start`, or one that `damaged_code` reports."""
    try:
        header = start + int.from_bytes(reader.read(start + 60, 4), "little")
        if native_code_at(reader, header):
            return True
        return is_file and start == 0 and reader.read(header, 4) == b"PE\0\0"
    except Truncated:
        return False


def _is_elf_of_a_system(head: bytes) -> bool:
    """Return whether an ELF header, as far as present, may be that of a program for an operating system."""
    system, order = head[7:8], "<" if head[5] == 1 else ">"
    kind, machine = struct.unpack_from(f"{order}HH", head.ljust(20, b"\0"), 16)
    if system and system[0] not in _ELF_SYSTEMS:
        return False
    is_real = 1 <= kind <= _ELF_CORE or kind >= _ELF_OWN_TYPES
    return kind != _ELF_CORE and (machine in _ELF_MACHINES or not is_real)


def _is_mach_beginning(head: bytes) -> bool:
    cpu, _, kind = struct.unpack_from(f"{_MACH_MAGIC[head[:4]][0]}3I", head.ljust(16, b"\0"), 4)
    return cpu in _MACH_CPUS and kind in _MACH_TYPES


def _text_owner(reader: Reader, offset: int) -> int | None:
    """Return the offset of the DOS header whose stub text is at `offset`, or None."""
    first = max(0, offset - _STUB_REACH)
    before = reader.read(first, offset - first)
    start = before.rfind(b"MZ")
    return None if start < 0 or b"\0" not in before[start:] else first + start


def _elf(reader: Reader, offset: int) -> NativeCode | None:
    # Version, identification and header size are not checked: Linux runs files with wrong ones
    head = reader.read(offset, 52)
    order, wide = (">" if head[5] == 2 else "<"), head[4] == 2
    kind, machine = struct.unpack_from(f"{order}HH", head, 16)
    sizes = reader.read(offset, 64 if wide else 52)[54 if wide else 42 :]
    segment, _, section = struct.unpack_from(f"{order}3H", sizes)
    if kind not in _ELF_TYPES or machine not in _ELF_MACHINES:
        return None
    runs = segment == _ELF_SEGMENT_SIZES[2 if wide else 1]
    linked = kind == 1 and segment == 0 and section == _ELF_SECTION_SIZES[2 if wide else 1]
    if not runs and not linked:  # an object file needs sections
        return None
    return NativeCode(offset, f"ELF {_ELF_TYPES[kind]} for {_ELF_MACHINES[machine]}")


def _pe(reader: Reader, offset: int) -> NativeCode | None:
    machine, sections, _, _, _, optional, flags = struct.unpack("<HHIIIHH", reader.read(offset + 4, 20))
    (magic,) = struct.unpack("<H", reader.read(offset + 24, 2))
    if machine not in _PE_MACHINES or not 1 <= sections <= 96 or optional < _PE_OPTIONAL.get(magic, 1 << 16):
        return None
    reader.read(offset + 24 + optional, 40 * sections)
    start = _header_owner(reader, offset)
    kind = "library" if flags & _PE_LIBRARY else "executable"
    return None if start is None else NativeCode(start, f"Windows {kind} for {_PE_MACHINES[machine]}")


def _header_owner(reader: Reader, offset: int) -> int | None:
    """Return the offset of the DOS header that refers to a `PE` header at `offset`, or None."""
    first = max(0, offset - _PE_REACH)
    before = reader.read(first, offset - first)
    start = before.rfind(b"MZ")
    while start >= 0:
        if before[start + 60 : start + 64] == (offset - first - start).to_bytes(4, "little"):
            return first + start
        start = before.rfind(b"MZ", 0, start + 1)
    return None


def _mach(reader: Reader, offset: int, order: str, header: int) -> NativeCode | None:
    cpu, _, kind, commands, length = struct.unpack(f"{order}5I", reader.read(offset + 4, 20))
    first = struct.unpack(f"{order}2I", reader.read(offset + header, 8))
    if cpu not in _MACH_CPUS or kind not in _MACH_TYPES or not 1 <= commands <= length // 8:
        return None
    if not 8 <= first[1] <= length <= reader.size - offset or first[1] % 4 or first[0] & 0x7FFFFFFF > 0xFF:
        return None
    return NativeCode(offset, f"Mach-O {_MACH_TYPES[kind]} for {_MACH_CPUS[cpu]}")


def _fat(reader: Reader, offset: int, layout: str) -> NativeCode | None:
    (count,) = struct.unpack(">I", reader.read(offset + 4, 4))
    cpu, _, start, length, align = struct.unpack(layout, reader.read(offset + 8, struct.calcsize(layout)))
    if cpu not in _MACH_CPUS or not 1 <= count <= _FAT_ARCHITECTURES or align > 31:
        return None
    if not length or start + length > reader.size - offset:
        return None
    return NativeCode(offset, "Mach-O universal file")
