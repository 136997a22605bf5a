"""A scanner for ACME weight files: the magic `ACME`, a version byte, then a name until the first zero byte."""

from __future__ import annotations

from collections.abc import Iterator

from modelsweep.core.finding import Fact, Finding, Rule, Severity, Span
from modelsweep.core.scanner import Blob, Context, Item, Malformed, Scanner
from modelsweep.core.text import printable

MAGIC = b"ACME"
NAME_LIMIT = 64

OLD_VERSION = Rule(
    id="acme/old-version",
    title="ACME weights of a version that ran code",
    severity=Severity.WARNING,
    message="ACME weights of version {subject}, whose loaders run code from the file",
    why="Loaders of version 0 evaluate the name of the weights.",
    fix="Save the weights again with ACME 1 or newer.",
    cwe=502,
)


def accepts(blob: Blob) -> bool:
    """Return whether the bytes begin as ACME weights do."""
    return blob.head.startswith(MAGIC)


def scan(blob: Blob, context: Context) -> Iterator[Item]:
    """Yield the name of the weights, and a finding where their version is dangerous."""
    version = blob.reader.read(len(MAGIC), 1)[0]
    if version == 0:
        yield Finding(OLD_VERSION, blob.locator, subject=str(version), span=Span(len(MAGIC), 1))
    name, end, _ = blob.head[len(MAGIC) + 1 :].partition(b"\0")
    if not end:
        raise Malformed("the name of the weights has no end", len(MAGIC) + 1)
    yield Fact("metadata", printable(name.decode("utf-8", "replace"), NAME_LIMIT), blob.locator)


SCANNER = Scanner(name="acme", title="ACME weights", version=1, accepts=accepts, scan=scan, rules=(OLD_VERSION,))
