"""Files that are native executables or libraries as a whole: ELF, PE, Mach-O.

Wheels and plug-ins contain them legitimately, so an executable with a fitting name needs a review; one that is named
like a model, a picture or a text is disguised.
"""

from __future__ import annotations

from collections.abc import Iterator

from modelsweep.core import patterns as re
from modelsweep.core.finding import Fact, Finding, Rule, Severity, Span
from modelsweep.core.scanner import Blob, Context, Item, Scanner, Signs, begins
from scanners.parsing.image_layer import in_layer
from scanners.parsing.native_code import MAGICS, native_code_file
from scanners.suffixes import MODEL_SUFFIXES

NATIVE = Rule(
    id="executable/native-code",
    title="Native executable or library",
    severity=Severity.WARNING,
    message="{subject}: native code that cannot be judged statically",
    why="Native code does whatever its author wants once it is loaded. For a library, loading is enough.",
    fix="Use it only if you trust its author and the way it reached you. Compare its digest with a published one.",
    cwe=829,
    references=("https://attack.mitre.org/techniques/T1204/002/",),
)
DISGUISED = Rule(
    id="executable/disguised",
    title="Executable under another kind of name",
    severity=Severity.CRITICAL,
    message="{subject} under the name {path}",
    why="The name promises data, but the content is a program. Anybody who opens the file by its name, or a loader "
    "that passes it on, starts the program.",
    fix="Do not use the file. Report it to the site you got it from.",
    cwe=506,
    references=("https://attack.mitre.org/techniques/T1036/008/",),
)
# Firmware and old executables are named .bin, a llamafile is an executable and says so.
_HONEST = frozenset({".bin", ".llamafile"})
_OTHER_DATA = frozenset(
    ".txt .md .json .yaml .yml .csv .xml .html .pdf .png .jpg .jpeg .gif .webp .bmp .tiff .svg .mp3 .wav .mp4".split()
)
_STORAGE = re.compile(r"(?:.*/)?(?:data/\d+|\.data/\d+\.storage|(?:weights|constants)/(?:weight|tensor)_\d+)")
"""Tensors in the archives of torch."""
DATA_SUFFIXES = (MODEL_SUFFIXES | _OTHER_DATA) - _HONEST


def accepts(blob: Blob) -> bool:
    """Return whether the blob begins with the headers of an executable."""
    return native_code_file(blob.head, blob.reader) is not None


def scan(blob: Blob, _context: Context) -> Iterator[Item]:
    """Yield the kind of executable."""
    code = native_code_file(blob.head, blob.reader)
    assert code is not None, "scan follows accepts"
    yield Fact("executable", code.title, blob.locator, Span(0, blob.size))
    is_storage = blob.locator.members and _STORAGE.fullmatch(blob.locator.members[-1])
    rule = DISGUISED if is_storage or blob.locator.suffix in DATA_SUFFIXES else NATIVE
    if rule is NATIVE and in_layer(blob.locator):
        return  # an image is made of programs
    yield Finding(rule, blob.locator, code.title, path=blob.locator.name if rule is DISGUISED else "")


SCANNER = Scanner(
    name="executable",
    title="Native executables and libraries (ELF, PE, Mach-O)",
    version=3,
    accepts=accepts,
    scan=scan,
    rules=(NATIVE, DISGUISED),
    suffixes=(".so", ".dll", ".pyd", ".exe", ".dylib"),
    signs=Signs(begins(*MAGICS)),
)
