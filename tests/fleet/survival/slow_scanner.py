"""A third-party scanner for tests: it takes as many seconds over a file as its first line says, so that kills hit."""

from __future__ import annotations

import time
from collections.abc import Iterator

from modelsweep.core.finding import Finding, Rule, Severity
from modelsweep.core.scanner import Blob, Context, Item, Scanner

MARK = b"SLOW "
RULE = Rule("slow/seen", "A slow file", Severity.INFO, "took {subject}", "it says so", "wait")


def scan(blob: Blob, context: Context) -> Iterator[Item]:
    """Wait as long as the file asks for."""
    wanted = blob.reader.read(len(MARK), min(blob.size, 50) - len(MARK)).split(b"\n")[0].decode()
    time.sleep(float(wanted))
    yield Finding(RULE, blob.locator, wanted)


SCANNER = Scanner("slow", "Slow test files", 1, lambda blob: blob.head.startswith(MARK), scan, (RULE,))
