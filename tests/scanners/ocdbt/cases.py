"""Manifests and nodes of OCDBT, as Orbax writes them, and nodes that claim more than there is."""

from __future__ import annotations

import struct

import zstandard

from modelsweep.core.report import Verdict
from tests.scanners.case import Case
from tests.scanners.payload import noise
from tests.scanners.pickle.assembler import EVIL_PICKLE

MANIFEST, NODE = b"\x0c\xdb\x3a\x2a", b"\x0c\xdb\x20\xde"
CONTENT = b'\0\x01Dense_0.bias/.zarray{"shape":[3],"dtype":"<f4"}'


def node(content: bytes = CONTENT, magic: bytes = NODE, *, method: int = 1, version: int = 0, more: int = 0) -> bytes:
    """Return a node of compressed content, which claims `more` bytes than it has."""
    body = zstandard.compress(content) if method == 1 else content
    return magic + struct.pack("<QBB", len(body) + 18 + more, version, method) + body + bytes(4)


CASES = {
    "benign_manifest": Case(lambda: node(magic=MANIFEST), "manifest.ocdbt", Verdict.CLEAN),
    "benign_nodes": Case(lambda: node() + node(method=0), "0e1e7ed95bb6b3a1", Verdict.CLEAN, cut_is_clean=True),
    "pickle_inside": Case(lambda: node(noise(4_000) + EVIL_PICKLE), "0e1e7ed95bb6b3a1", Verdict.MALICIOUS),
    "values_between": Case(
        lambda: node() + noise(200) + node(), "0e1e7ed95bb6b3a1", Verdict.NOT_SCANNED, cut_is_clean=True
    ),
    "claims_more": Case(lambda: node(more=1_000), "manifest.ocdbt", Verdict.NOT_SCANNED),
    "other_method": Case(lambda: node(method=7), "manifest.ocdbt", Verdict.NOT_SCANNED),
    "damaged_content": Case(
        lambda: node().replace(b"(\xb5/\xfd", b"(\xb5/\xff"), "manifest.ocdbt", Verdict.NOT_SCANNED
    ),
}
