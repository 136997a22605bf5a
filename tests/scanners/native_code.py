"""Headers of executables, made by code: enough for recognition, nothing that runs."""

from __future__ import annotations

import struct


def elf(machine: int = 62, kind: int = 3) -> bytes:
    """Return the header of a 64-bit little-endian ELF file with one program header, and zeros after it."""
    ident = b"\x7fELF" + bytes((2, 1, 1, 0)) + bytes(8)
    return (ident + struct.pack("<HHIQQQIHHHHHH", kind, machine, 1, 0x1000, 64, 0, 0, 64, 56, 1, 64, 0, 0)).ljust(
        512, b"\0"
    )


def pe(machine: int = 0x8664) -> bytes:
    """Return the headers of a 64-bit Windows program with two sections."""
    dos = b"MZ" + bytes(58) + struct.pack("<I", 128) + b"This program cannot be run in DOS mode.".ljust(64, b"\0")
    coff = struct.pack("<HHIIIHH", machine, 2, 0, 0, 0, 240, 0x22)
    return dos + b"PE\0\0" + coff + struct.pack("<H", 0x20B).ljust(240, b"\0") + bytes(80)


def mach() -> bytes:
    """Return the header of a Mach-O program for AArch64 with one load command."""
    header = struct.pack("<7I", 0xFEEDFACF, 0x100000C, 0, 2, 1, 72, 0) + bytes(4)
    return header + struct.pack("<II", 0x19, 72).ljust(72, b"\0")


def fat() -> bytes:
    """Return a Mach-O file for one processor."""
    return struct.pack(">IIIIIII", 0xCAFEBABE, 1, 0x100000C, 0, 4096, 104, 12).ljust(4096, b"\0") + mach()


def java_class() -> bytes:
    """Return the beginning of a Java class file, whose magic number is that of Mach-O."""
    return struct.pack(">IHHH", 0xCAFEBABE, 0, 52, 7) + b"\x07\x00\x02\x01\x00\x04Main" * 8
