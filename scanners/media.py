"""Pictures, sound, video, fonts and PDF: recognised, so that they are not unknown; clean once their bytes are searched.

A file with the name of a model or an archive is none of these, whatever its first bytes.
"""

from __future__ import annotations

from collections.abc import Iterator

from modelsweep.core.scanner import Blob, Context, Item, Scanner, Signs
from scanners.suffixes import NEVER_PLAIN

# (offset, bytes there): magic numbers that are sufficient evidence
_SIGNATURES = (
    (0, b"\x89PNG\r\n\x1a\n"),
    (0, b"\xff\xd8\xff"),
    (0, b"GIF87a"),
    (0, b"GIF89a"),
    (0, b"II*\0"),
    (0, b"MM\0*"),
    (8, b"WEBP"),
    (8, b"WAVE"),
    (8, b"AVI "),
    (4, b"ftyp"),
    (0, b"fLaC"),
    (0, b"OggS"),
    (0, b"ID3"),
    (0, b"\x1aE\xdf\xa3"),
    (0, b"%PDF-"),
    (0, b"wOFF"),
    (0, b"wOF2"),
    (0, b"OTTO"),
    (0, b"glTF\2\0\0\0"),
    (0, b"8BPS\0\1"),
    (0, b"MThd\0\0\0\6"),
    (0, b"v/1\1"),
    (0, b"#?RADIANCE\n"),
    (0, b"ply\nformat "),
    (0, b"gimp xcf "),
    (8, b"ACON"),
    (0, b"qoif"),
    (0, b"\xabKTX "),
)
# Too short to be evidence alone: they count only with a matching suffix
_WEAK = {
    ".bmp": (b"BM",),
    ".ico": (b"\0\0\1\0",),
    ".mp3": (b"\xff\xfb", b"\xff\xf3", b"\xff\xf2", b"\xff\xfa", b"\xff\xe2", b"\xff\xe3"),
    ".ttf": (b"\0\1\0\0", b"true"),
    ".ttc": (b"ttcf",),
    ".flv": (b"FLV\1",),
    ".icns": (b"icns",),
    ".wma": (b"\x30\x26\xb2\x75",),
    ".aac": (b"\xff\xf1", b"\xff\xf9"),
    ".pfb": (b"\x80\1",),
    ".pbm": (b"P4\n", b"P4 "),
    ".pgm": (b"P5\n", b"P5 "),
    ".ppm": (b"P6\n", b"P6 "),
    ".pnm": (b"P4\n", b"P5\n", b"P6\n"),
}
_BY_OFFSET = tuple(
    (place, tuple(magic for offset, magic in _SIGNATURES if offset == place)) for place in {at for at, _ in _SIGNATURES}
)
_MESH, _TRIANGLE = 84, 50
"""Bytes of the header of a binary STL mesh, which ends with the number of triangles, and bytes of each triangle."""
_EOT_MAGIC = 34
"""Offset of the magic number in an embedded font (EOT 1.0, section 4.1)."""


def accepts(blob: Blob) -> bool:
    """Return whether the blob begins like a picture, sound, video, font or PDF."""
    suffix = blob.locator.suffix
    if suffix in NEVER_PLAIN:
        return False
    if any(blob.head.startswith(magics, offset) for offset, magics in _BY_OFFSET):
        return True
    if suffix == ".stl" and blob.size == _MESH + _TRIANGLE * int.from_bytes(blob.head[_MESH - 4 : _MESH], "little"):
        return True
    return blob.head.startswith(_WEAK.get(suffix, ())) or (suffix == ".eot" and blob.head.startswith(b"LP", _EOT_MAGIC))


def scan(_blob: Blob, _context: Context) -> Iterator[Item]:
    """Yield nothing: the search of the raw bytes is enough."""
    return iter(())


SCANNER = Scanner(
    name="media",
    title="Pictures, sound, video, fonts and PDF",
    version=5,
    accepts=accepts,
    scan=scan,
    suffixes=(".png", ".jpg", ".gif", ".webp", ".svg", ".mp4", ".wav", ".mp3", ".pdf", ".ttf"),
    signs=Signs(suffixes=(*_WEAK, ".eot", ".stl"), at=tuple((place, (magic,)) for place, magic in _SIGNATURES)),
)
