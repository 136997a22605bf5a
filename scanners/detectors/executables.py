"""Native executables inside files of other formats: a dropper's payload in weights, pickles or padding.

Weights contain `MZ` and `ELF` by chance: the headers after the magic number decide (see parsing/native_code.py).
"""

from __future__ import annotations

from collections.abc import Iterator

from modelsweep.core.finding import Fact, Finding, Rule, Severity, Span
from modelsweep.core.scanner import RAW, Blob, Context, Item
from scanners.detector import Detector
from scanners.parsing.bytes_as_text import MAX_DECODED, STARTS, native_code_as_text
from scanners.parsing.image_layer import in_layer
from scanners.parsing.native_code import DOS, STUB, NativeCode, beginning_at, damaged_code, native_code_at

SCANNER = "executable"
"""The scanner of files that are native code as a whole; it examines all blobs without an expected format."""
EMBEDDED = Rule(
    id="executable/embedded",
    title="Executable hidden inside another file",
    severity=Severity.CRITICAL,
    message="{subject} at offset {offset}, inside a file of another format",
    why="Weights and metadata have no use for native code. Malware hides in model files, between or inside tensors, "
    "until a second step that looks harmless by itself writes it to disk and starts it.",
    fix="Do not use the file, and report it to the site you got it from. If one of your own tools put the code there, "
    "ship it beside the model, where it can be seen and signed.",
    cwe=506,
    references=("https://attack.mitre.org/techniques/T1027/009/",),
)
DAMAGED = Rule(
    id="executable/damaged",
    title="File that begins like an executable but is not a whole one",
    severity=Severity.WARNING,
    message="{path} begins like {subject}",
    why="No other format begins like this. Systems refuse the file as it is, but one that was cut or damaged on "
    "purpose passes scanners until a second step repairs it.",
    fix="Find out what the file is supposed to be, and where it came from.",
    confidence="medium",
    cwe=506,
    references=("https://attack.mitre.org/techniques/T1027/009/",),
)
FRAGMENT = Rule(
    id="executable/fragment",
    title="Beginning of a program without the rest",
    severity=Severity.WARNING,
    message="{subject} begins at offset {offset}, but no program follows it",
    why="Only linkers write such a header. Nothing runs by itself where the rest is missing or damaged, but a program "
    "in pieces passes scanners until a second step puts it together.",
    fix="Do not use the file until you have found out what put the header there.",
    confidence="medium",
    cwe=506,
    references=("https://attack.mitre.org/techniques/T1027/009/",),
)


def confirm(blob: Blob, offset: int, context: Context) -> Iterator[Item]:
    """Yield the executable whose header is at `offset`, unless it is the whole file, which has its own scanner."""
    code = native_code_at(blob.reader, offset)
    if code:
        if code.start > 0 or blob.expect not in ("", SCANNER):
            yield from _embedded(blob, code)
        return
    if in_layer(blob.locator):
        return
    is_file = blob.expect != RAW
    begun = beginning_at(blob.reader, offset, is_file=is_file)
    context.operations.spend(MAX_DECODED)
    written = native_code_as_text(blob.reader, begun.start if begun else offset)
    if written and context.first(f"program as text in {blob.locator}", str(written.start)):
        yield from _embedded(blob, written)
    damaged = damaged_code(blob.head, offset) if is_file else ""
    if damaged:
        yield Finding(DAMAGED, blob.locator, damaged, path=blob.locator.name)
    elif begun and not written:
        span = Span(begun.start)
        yield Finding(FRAGMENT, blob.locator, begun.title, span=span, evidence={"offset": begun.start})


def _embedded(blob: Blob, code: NativeCode) -> Iterator[Item]:
    span = Span(code.start)
    yield Fact("embedded", code.title, blob.locator, span)
    yield Finding(EMBEDDED, blob.locator, code.title, span=span, evidence={"offset": code.start})


DETECTOR = Detector(
    name="executables",
    title="an executable",
    version=8,
    patterns=(
        rb"\x7fELF",
        rb"PE\x00\x00(?:\x4c\x01|\x64\x86|\x64\xaa|\xc0\x01|\xc4\x01|\x00\x02)",
        rb"\xce\xfa\xed\xfe[\x07\x0c\x12]\x00\x00[\x00\x01]",
        rb"\xcf\xfa\xed\xfe[\x07\x0c\x12]\x00\x00[\x00\x01]",
        rb"\xfe\xed\xfa[\xce\xcf][\x00\x01]\x00\x00[\x07\x0c\x12]",
        rb"\xca\xfe\xba[\xbe\xbf]\x00\x00\x00[\x01-\x12][\x00\x01]\x00\x00[\x07\x0c\x12]",
        DOS,
        STUB,
        *STARTS,
    ),
    confirm=confirm,
    rules=(EMBEDDED, DAMAGED, FRAGMENT),
    owners=frozenset({SCANNER}),
)
