"""Indexes as FAISS, hnswlib and Annoy write them, and those that open a file elsewhere."""

from __future__ import annotations

import struct

from modelsweep.core.report import Verdict
from tests.scanners.case import Case
from tests.scanners.payload import noise
from tests.scanners.pickle.assembler import EVIL_PICKLE


def header(kind: bytes, size: int = 4, count: int = 3, metric: int = 1) -> bytes:
    """Return what an index of FAISS begins with."""
    return struct.pack("<4siqqq?i", kind, size, count, 1 << 20, 1 << 20, True, metric)


def flat(vectors: bytes | None = None, *, floats: int = 12, metric: int = 1) -> bytes:
    """Return an index of vectors as they are."""
    extra = struct.pack("<f", 3.0) if metric > 1 else b""
    return (
        header(b"IxF2", metric=metric) + extra + struct.pack("<Q", floats) + (noise(48) if vectors is None else vectors)
    )


def lists(path: str, *, counted: int = 2) -> bytes:
    """Return an index whose lists stand in the file `path`."""
    name = path.encode()
    places = struct.pack("<QQQ", 2, 16, counted) + bytes(48) + struct.pack("<Q", 1) + bytes(16)
    return header(b"IwFl") + noise(90) + b"ilod" + places + struct.pack("<Q", len(name)) + name + bytes(8)


def binary() -> bytes:
    """Return an index of vectors of 64 bits."""
    return struct.pack("<4siiq?i", b"IBxF", 64, 8, 3, True, 1) + struct.pack("<Q", 24) + noise(24)


def hnsw(*, count: int = 3, dimensions: int = 4, links: int = 2) -> bytes:
    """Return an index of hnswlib, whose last item is one level above the others."""
    data = 8 * links + 4
    item = data + 4 * dimensions + 8
    numbers = struct.pack("<6Q", 0, 10, count, item, item - 8, data) + struct.pack("<iI", 1, 0)
    numbers += struct.pack("<QQQdQ", links, 2 * links, links, 0.36, 50)
    return numbers + noise(count * item) + bytes(4 * (count - 1)) + struct.pack("<I", 12) + bytes(12)


def case(data: bytes, name: str = "docs.faiss", verdict: Verdict = Verdict.CLEAN, *, cut: bool = True) -> Case:
    """Return the case of an index, of which most may end anywhere."""
    return Case(lambda: data, name, verdict, cut_is_clean=cut)


CASES = {
    "benign_flat": case(flat(), cut=False),
    "benign_metric": case(flat(metric=3), cut=False),
    "benign_lists_inside": case(header(b"IwPQ") + noise(300), "added_IVF256_Flat.index"),
    "benign_lists_beside": case(lists("lists.ivfdata")),
    "benign_word": case(header(b"IwFl") + b"ilod is no list here" + noise(90)),
    "benign_binary": case(binary(), "hashes.bin"),
    "benign_hnsw": case(hnsw(), "vectors.bin", cut=False),
    "benign_annoy": case(b"\1\0\0\0" + noise(200), "items.ann"),
    "benign_text": case(b"IwFl is the name of an index\n", "notes.txt"),
    "pickle_in_index": case(header(b"IwPQ") + noise(100) + EVIL_PICKLE, verdict=Verdict.MALICIOUS),
    "lists_elsewhere": case(lists("/home/user/.ssh/id_rsa"), verdict=Verdict.REVIEW),
    "lists_above": case(noise(0) + lists("../../lists.ivfdata"), verdict=Verdict.REVIEW),
    "other_count_of_lists": case(lists("/etc/passwd", counted=9)),
    "fewer_vectors": case(flat(noise(20)), verdict=Verdict.NOT_SCANNED, cut=False),
    "hnsw_with_more": case(hnsw() + noise(7), "vectors.bin", Verdict.NOT_SCANNED, cut=True),
    "annoy_in_name_only": case(noise(200), "items.ann", Verdict.NOT_SCANNED, cut=False),
}
