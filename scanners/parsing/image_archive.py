"""The members of a container image in a tar archive that manifests may name: their names, sizes and offsets.

Members of images have short names, so extended headers are skipped, and their names are left out.
"""

from __future__ import annotations

import re

from modelsweep.core.reader import Reader
from modelsweep.core.scanner import Context
from modelsweep.core.values import dataclass, field
from scanners.parsing.tar_header import BLOCK, WITHOUT_DATA, parse_header

_FIRST = re.compile(
    rb"(?:\./)?(?:blobs/?|blobs/sha256/.*|oci-layout|index\.json|manifest\.json|repositories|"
    rb"[0-9a-f]{64}(?:/.*|\.json|\.tar)?)"
)
"""Name of the first member of an image, for all programs that write images."""
_MEMBERS = 100_000
_COST = 100
_LINKS = frozenset(b"12")


@dataclass(frozen=True, slots=True)
class ImageArchive:
    """The members by name: `sizes` in bytes, and `places` as (offset, length)."""

    sizes: dict[str, int] = field(default_factory=dict)
    places: dict[str, tuple[int, int]] = field(default_factory=dict)


def begins_image(head: bytes) -> bool:
    """Return whether `head` begins a tar archive whose first member is that of an image."""
    name = head[:100].partition(b"\0")[0]
    return len(head) >= BLOCK and bool(_FIRST.fullmatch(name)) and parse_header(head[:BLOCK], 0) is not None


def read_archive(reader: Reader, context: Context) -> ImageArchive:
    """Return the members up to the end of the archive, or to damage; of equal names, the last counts."""
    archive = ImageArchive()
    links: list[tuple[str, str]] = []
    position = 0
    while position + BLOCK <= reader.size and len(archive.sizes) < _MEMBERS:
        context.operations.spend(_COST)
        header = parse_header(reader.read(position, BLOCK), position)
        if header is None or not 0 <= header.size <= reader.size - header.data:
            break
        name = header.name.removeprefix("./")
        if header.kind == ord("0"):
            archive.sizes[name] = header.size
            archive.places[name] = (header.data, header.size)
        elif header.kind in _LINKS and len(links) < _MEMBERS:
            links.append((name, header.target))
        data = 0 if header.kind in WITHOUT_DATA else header.size
        position = header.data + -(-data // BLOCK) * BLOCK
    for name, target in links:
        _link(archive, name, target)
    return archive


def _link(archive: ImageArchive, name: str, target: str) -> None:
    """Resolve a link, since `docker save` writes repeated layers as links to one of them."""
    folder = name.rpartition("/")[0].split("/")
    parts = target.split("/")
    while parts and parts[0] == ".." and folder:
        parts.pop(0)
        folder.pop()
    found = next((path for path in ("/".join((*folder, *parts)).lstrip("/"), target) if path in archive.sizes), "")
    if found:
        archive.sizes[name], archive.places[name] = archive.sizes[found], archive.places[found]
