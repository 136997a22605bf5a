"""Blobs of container images that are named by their digest: check the digest.

The layout is that of https://github.com/opencontainers/image-spec/blob/main/image-layout.md, as files or as members of
an archive; Ollama writes the prefix `sha256-` instead of a folder. Other scanners examine the content.
"""

from __future__ import annotations

from collections.abc import Iterator

from modelsweep.core.finding import Finding, Rule, Severity
from modelsweep.core.scanner import Blob, Context, Item, Scanner
from scanners.parsing.image_layer import blob_digest
from scanners.sweep import digest_of

NAME = "oci-blob"
MISMATCH = Rule(
    id="oci-blob/digest-mismatch",
    title="Blob whose content does not match its digest",
    severity=Severity.WARNING,
    message="the blob is named {named}, but its SHA-256 is {actual}",
    why="An image is trusted by the digests in its manifest. Programs that do not compare them run content that nobody "
    "signed or reviewed; the others reject the image.",
    fix="Download the image again. If the digest still differs, report it to the site you got it from.",
    cwe=354,
    references=("https://github.com/opencontainers/image-spec/blob/main/image-layout.md",),
)


def accepts(blob: Blob) -> bool:
    """Return whether the blob is named by a SHA-256 in the folder of an image's blobs."""
    return bool(blob_digest(blob.locator))


def scan(blob: Blob, context: Context) -> Iterator[Item]:
    """Yield a finding if the digest differs; quick depth does not read the blob for this."""
    if context.options.depth != "full":
        return
    named, actual = blob_digest(blob.locator), digest_of(blob.reader)
    if actual != named:
        yield Finding(MISMATCH, blob.locator, evidence={"named": named, "actual": actual})


SCANNER = Scanner(
    name=NAME,
    title="Blobs of container images (their digests)",
    version=1,
    accepts=accepts,
    scan=scan,
    rules=(MISMATCH,),
    judged=False,
)
