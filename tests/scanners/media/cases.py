"""Pictures and documents that stand beside models, and models that only begin like them."""

from __future__ import annotations

import struct
import zlib

from modelsweep.core.report import Verdict
from tests.scanners.case import Case
from tests.scanners.native_code import elf


def png() -> bytes:
    """Return a picture of one black point."""
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)),
        (b"IDAT", zlib.compress(b"\0\0")),
        (b"IEND", b""),
    )
    body = b"".join(struct.pack(">I", len(d)) + k + d + struct.pack(">I", zlib.crc32(k + d)) for k, d in chunks)
    return b"\x89PNG\r\n\x1a\n" + body


CASES = {
    "benign_png": Case(png, "logo.png", Verdict.CLEAN, cut_is_clean=True),
    "benign_pdf": Case(lambda: b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n%%EOF\n", "paper.pdf", Verdict.CLEAN, cut_is_clean=True),
    "benign_ttf": Case(
        lambda: b"\0\1\0\0\0\x0c\0\x80\0\3\0\x40" + bytes(64), "x.ttf", Verdict.CLEAN, cut_is_clean=True
    ),
    "benign_eot": Case(lambda: bytes(34) + b"LP" + bytes(60), "icons.eot", Verdict.CLEAN, cut_is_clean=True),
    "benign_drawing": Case(lambda: b"gimp xcf v011\0" + bytes(60), "logo.xcf", Verdict.CLEAN, cut_is_clean=True),
    "benign_cursor": Case(lambda: b"RIFF\x40\0\0\0ACON" + bytes(60), "busy.ani", Verdict.CLEAN, cut_is_clean=True),
    "benign_icons": Case(lambda: b"icns\0\0\0\x40" + bytes(56), "app.icns", Verdict.CLEAN, cut_is_clean=True),
    "benign_midi": Case(lambda: b"MThd\0\0\0\6\0\1", "song.mid", Verdict.CLEAN, cut_is_clean=True),
    "benign_mesh": Case(
        lambda: bytes(80) + struct.pack("<I", 2) + bytes(100), "base.stl", Verdict.CLEAN, cut_is_clean=True
    ),
    "mesh_of_other_size": Case(lambda: bytes(80) + struct.pack("<I", 2) + bytes(90), "base.stl", Verdict.NOT_SCANNED),
    "benign_bitmap": Case(lambda: b"P6\n2 1\n255\n" + bytes(6), "photo.ppm", Verdict.CLEAN, cut_is_clean=True),
    "benign_font_of_postscript": Case(
        lambda: b"\x80\1\x1a\x1a\0\0%!PS-AdobeFont\0", "cmr10.pfb", Verdict.CLEAN, cut_is_clean=True
    ),
    "picture_named_as_model": Case(png, "model.pkl", Verdict.NOT_SCANNED),
    "executable_behind_picture": Case(lambda: png() + elf(), "logo.png", Verdict.MALICIOUS, cut_is_clean=True),
}
