"""Strings inside pickles and other binary formats that are Python expressions, and run commands when evaluated.

fairseq, and converters of its checkpoints, pass strings with the shapes of layers to `eval` (CVE-2025-14926); other
programs evaluate settings. Only a length-prefixed string that is one whole expression is reported, so source code and
documentation are not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from modelsweep.core.finding import Fact, Json
from modelsweep.core.reader import MemoryReader
from modelsweep.core.scanner import Blob, Context, Item
from modelsweep.core.text import printable, redact
from modelsweep.core.units import KIB
from scanners.detector import Detector

_SHAPES = rb"conv_(?:feature|aggregator)_layers"
_IMPORT = rb"__import__\("
_DATA_SUFFIXES = frozenset(
    {".arrow", ".parquet", ".feather", ".tfrecord", ".db", ".sqlite", ".lance", ".jsonl", ".csv"}
)
"""Suffixes of data sets, which contain programs as text."""
_AROUND = 4 * KIB
_SHOWN = 200


def confirm(blob: Blob, offset: int, context: Context) -> Iterator[Item]:
    """Yield the expression around `offset`, or after the key there."""
    if blob.locator.suffix in _DATA_SUFFIXES:
        return
    first = max(0, offset - _AROUND)
    data = blob.reader.read(first, min(offset + _AROUND, blob.size) - first)
    at = offset - first
    if data.startswith(b"conv_", at):
        yield from _shapes(blob, data, at)
    else:
        yield from _whole(blob, data, at, context)


def _shapes(blob: Blob, data: bytes, at: int) -> Iterator[Item]:
    """Yield the string after a key of fairseq, if evaluating it would call something."""
    from scanners.parsing.counted_strings import FRAME, next_string
    from scanners.parsing.evaluated_keys import of_shapes

    match = re.compile(_SHAPES + FRAME, re.DOTALL).match(data, at)
    bounds = next_string(match, data) if match else None
    text = data[slice(*bounds)].decode("utf-8", "replace") if bounds else ""
    source = of_shapes(text)
    if source:
        about: dict[str, Json] = {"how": "evaluated", "path": "the description of layers"}
        shown = printable(redact(" ".join(text.split())), _SHOWN)
        yield Fact("code-reference", shown, blob.locator, detail=about)
        yield blob.nested("evaluated_shapes.py", MemoryReader(source.encode("utf-8", "replace")), expanded=True)


def _whole(blob: Blob, data: bytes, at: int, context: Context) -> Iterator[Item]:
    """Yield the string around `at`, if it is one expression that runs commands."""
    from scanners.metadata_text import runs_code
    from scanners.parsing.counted_strings import bounds

    for start, stop, _ in bounds(data, at):
        text = data[start:stop].strip()
        if not start <= at < stop <= len(data) or b"\n" in text:
            continue
        if runs_code(b"(%b)" % text, context):
            detail: dict[str, Json] = {"how": "Python that runs commands or code", "path": "a text in the file"}
            shown = printable(redact(text.decode("utf-8", "replace")), _SHOWN)
            yield Fact("metadata-code", shown, blob.locator, detail=detail)
            return


DETECTOR = Detector(
    name="expressions",
    title="texts that programs evaluate",
    version=1,
    patterns=(_SHAPES, _IMPORT),
    confirm=confirm,
    rules=(),
    owners=frozenset({"flax", "gguf"}),
)
