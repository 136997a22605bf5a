"""Executables as files of their own, hidden in others, and bytes that only look like them."""

from __future__ import annotations

import pickle
import random
import struct
import zipfile

from modelsweep.core.report import Verdict
from tests.scanners.case import Case
from tests.scanners.native_code import elf, fat, java_class, mach, pe
from tests.scanners.zip.cases import made

DOS_HEADER = b"MZ\x90\0\x03\0\0\0\x04\0\0\0\xff\xff"
NOISE = random.Random(1).randbytes(3000)


def inside(code: bytes) -> bytes:
    """Return `code` between random bytes."""
    return NOISE + code + NOISE


def static_library() -> bytes:
    """Return an ar archive with one object file."""
    data = elf()
    return b"!<arch>\n" + b"%-16s%-12d%-6d%-6d%-8d%-10d`\n" % (b"plugin.o/", 0, 0, 0, 644, len(data)) + data


def as_text(code: bytes, protocol: int) -> Case:
    """Return the case of a pickle of an early protocol with a program in it, which writes it as text."""
    return Case(lambda: pickle.dumps({"w": code}, protocol), "m.pkl", Verdict.MALICIOUS)


def array_of(data: bytes) -> bytes:
    """Return an array of objects with `data` in the place of the pickle."""
    header = b"{'descr': '|O', 'fortran_order': False, 'shape': (1,), }".ljust(117) + b"\n"
    return b"\x93NUMPY\x01\0" + struct.pack("<H", len(header)) + header + data


PROGRAMS = {
    "elf": elf()[:24] + struct.pack("<Q", 0x4080E0) + elf()[32:40] + struct.pack("<Q", 0x88F0) + elf()[48:],
    "pe": DOS_HEADER.ljust(60, b"\0") + pe()[60:],
    "mach": mach(),
}
"""With bytes in their headers that are no ASCII."""

CASES = {
    "shared_library": Case(elf, "plugin.so", Verdict.REVIEW),
    "windows_program": Case(pe, "setup.exe", Verdict.REVIEW),
    "mac_program": Case(mach, "tool", Verdict.REVIEW),
    "mac_fat_library": Case(fat, "plugin.dylib", Verdict.REVIEW),
    "static_library": Case(static_library, "libplugin.a", Verdict.REVIEW),
    "static_library_named_as_weights": Case(static_library, "model.gguf", Verdict.MALICIOUS),
    "library_named_as_weights": Case(elf, "model.safetensors", Verdict.MALICIOUS),
    "program_named_as_picture": Case(pe, "photo.png", Verdict.MALICIOUS, cut_is_clean=True),
    "elf_as_storage": Case(
        lambda: made(("m/data/0", elf()), ("m/version", b"3\n"), method=zipfile.ZIP_DEFLATED), "m.pt", Verdict.MALICIOUS
    ),
    "library_in_archive": Case(lambda: made(("m/lib/0", elf())), "m.zip", Verdict.REVIEW),
    "elf_in_weights": Case(lambda: inside(elf()), "weights.bin", Verdict.MALICIOUS),
    "pe_in_weights": Case(lambda: inside(pe()), "weights.bin", Verdict.MALICIOUS),
    "mach_in_weights": Case(lambda: inside(mach()), "weights.bin", Verdict.MALICIOUS),
    "fat_mach_in_weights": Case(lambda: inside(fat()), "weights.bin", Verdict.MALICIOUS),
    "elf_cut_short": Case(lambda: elf()[:9], "photo.jpg", Verdict.REVIEW),
    "elf_without_a_header": Case(lambda: elf()[:16] + bytes(200), "plugin.llamafile", Verdict.REVIEW),
    "pe_without_sections": Case(
        lambda: pe()[: pe().index(b"PE\0\0") + 6] + bytes(8), "photo.jpg", Verdict.REVIEW, cut_is_clean=True
    ),
    "pe_cut_behind_its_text": Case(lambda: inside(pe()[:110]), "weights.bin", Verdict.REVIEW),
    "pe_whose_text_is_out_of_place": Case(
        lambda: b"MZ\x90\0" * 8 + b"This program cannot be run in DOS mode" + bytes(128), "weights.bin", Verdict.REVIEW
    ),
    "pe_of_a_linker_of_borland": Case(
        lambda: inside(b"MZ" + bytes(62) + b"This program must be run under Win32"), "weights.bin", Verdict.REVIEW
    ),
    "benign_notes_on_programs": Case(
        lambda: b"A PE file begins with MZ and says: This program cannot be run in DOS mode.\n",
        "notes.md",
        Verdict.CLEAN,
        cut_is_clean=True,
    ),
    "benign_text_of_a_program_alone": Case(
        lambda: inside(b"This program cannot be run in DOS mode"), "weights.bin", Verdict.NOT_SCANNED
    ),
    "benign_elf_of_another_processor": Case(lambda: elf(machine=247), "filter.o", Verdict.NOT_SCANNED),
    "object_file_without_sections": Case(lambda: inside(elf(kind=1)[:52] + bytes(200)), "weights.bin", Verdict.REVIEW),
    "elf_identification_in_weights": Case(lambda: inside(elf()[:16] + bytes(200)), "weights.bin", Verdict.REVIEW),
    "elf_beginning_behind_a_pickle": Case(
        lambda: b"\x80\x04}\x94." + elf()[:8], "m.pkl", Verdict.REVIEW, cut_is_clean=True
    ),
    "pe_without_sections_in_weights": Case(
        lambda: inside(b"MZ" + bytes(58) + struct.pack("<I", 64) + pe()[128:134] + bytes(200)),
        "weights.bin",
        Verdict.REVIEW,
    ),
    "pe_without_sections_behind_a_pickle": Case(
        lambda: b"\x80\x04}\x94." + b"MZ" + bytes(58) + struct.pack("<I", 64) + pe()[128:134] + bytes(200),
        "m.pkl",
        Verdict.REVIEW,
        cut_is_clean=True,
    ),
    "dos_header_alone_in_weights": Case(lambda: inside(DOS_HEADER + bytes(100)), "weights.bin", Verdict.REVIEW),
    "pe_behind_the_header_of_a_linker": Case(
        lambda: inside(DOS_HEADER.ljust(60, b"\0") + pe()[60:]), "weights.bin", Verdict.MALICIOUS
    ),
    "mach_beginning_in_weights": Case(lambda: inside(mach()[:16] + bytes(100)), "weights.bin", Verdict.REVIEW),
    **{f"{name}_as_text": as_text(code, 2) for name, code in PROGRAMS.items()},
    **{f"{name}_as_old_text": as_text(code, 0) for name, code in PROGRAMS.items()},
    "benign_noise_as_text": Case(lambda: pickle.dumps({"w": NOISE}, 2), "m.pkl", Verdict.CLEAN),
    "dos_header_as_text": Case(
        lambda: pickle.dumps({"w": DOS_HEADER + NOISE + b"\xcf\xfa\xed\xfe\x07\0\0\x01" + NOISE}, 2),
        "m.pkl",
        Verdict.REVIEW,
    ),
    "elf_in_the_place_of_a_pickle": Case(lambda: array_of(elf()), "weights.npy", Verdict.MALICIOUS),
    "benign_gpu_code_whose_header_is_compressed": Case(
        lambda: inside(elf(machine=190)[:7] + b"\x33\x07" + bytes(100)), "weights.bin", Verdict.NOT_SCANNED
    ),
    "benign_core_dump": Case(lambda: inside(elf(kind=4)), "weights.bin", Verdict.NOT_SCANNED),
    "benign_gpu_code_in_weights": Case(lambda: inside(elf(machine=190)), "weights.bin", Verdict.NOT_SCANNED),
    "benign_java_class": Case(java_class, "Main.class", Verdict.NOT_SCANNED),
    "benign_magic_numbers_alone": Case(
        lambda: inside(b"\x7fELF" + b"PE\0\0\x64\x86" + b"\xcf\xfa\xed\xfe\x07\0\0\x01"),
        "weights.bin",
        Verdict.NOT_SCANNED,
    ),
}
