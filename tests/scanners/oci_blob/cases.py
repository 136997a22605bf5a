"""Blobs that are named by a digest, which is theirs or is not."""

from __future__ import annotations

from modelsweep.core.options import Options
from modelsweep.core.report import Verdict
from tests.scanners.case import Case
from tests.scanners.oci.image import digest, layer
from tests.scanners.payload import EVIL, TEXT
from tests.scanners.tar.cases import entry, tar

LAYER = layer(entry("app/labels.csv", TEXT))
OTHER = digest(b"something else")


def named(content: bytes, name: str, verdict: Verdict) -> Case:
    """Return the case of a blob; a shorter one is no more of the digest that it is named by."""
    return Case(lambda: content, name, verdict)


CASES = {
    "benign_layer": named(LAYER, f"layout/blobs/sha256/{digest(LAYER)}", Verdict.CLEAN),
    "benign_text": named(TEXT, f"blobs/sha256/{digest(TEXT)}", Verdict.CLEAN),
    "benign_ollama": named(TEXT, f"models/blobs/sha256-{digest(TEXT)}", Verdict.CLEAN),
    "benign_other_layout": Case(lambda: TEXT, f"models--a--b/blobs/{OTHER}", Verdict.CLEAN, cut_is_clean=True),
    "other_digest": named(LAYER, f"layout/blobs/sha256/{OTHER}", Verdict.REVIEW),
    "other_digest_in_archive": named(tar(entry(f"blobs/sha256/{OTHER}", TEXT)), "image.tar", Verdict.REVIEW),
    "other_digest_of_unknown": named(b"\1\2\3\4" * 9, f"blobs/sha256/{OTHER}", Verdict.REVIEW),
    "evil": named(EVIL, f"blobs/sha256/{digest(EVIL)}", Verdict.MALICIOUS),
    "quick": Case(
        lambda: TEXT, f"blobs/sha256/{OTHER}", Verdict.CLEAN, options=Options(depth="quick"), cut_is_clean=True
    ),
}
