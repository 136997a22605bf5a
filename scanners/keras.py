"""Keras: the JSON that describes a model, its layers and how it was compiled.

It is the `config.json` of `.keras` archives and unpacked folders, or a file of its own from `to_json()`; weights are
HDF5. Format: https://keras.io/api/models/model_saving_apis/serialization_utils/. What it names is judged in
`scanners.judge.keras_layers`.
"""

from __future__ import annotations

from collections.abc import Iterator

from modelsweep.core.finding import Fact, Finding, Rule, Severity
from modelsweep.core.limits import OverLimit
from modelsweep.core.scanner import JSON_STARTS, Blob, Context, Item, Scanner, Signs
from modelsweep.core.text import printable
from scanners.parsing import keras_config
from scanners.parsing.json_text import begins_wide
from scanners.parsing.keras_config import SHOWN

NAME = "keras"
_MARKS = (b'"class_name"', b'"config"')
_ESCAPES = (rb"\u006", rb"\u0073", rb"\u005f", rb"\u005F")
"""Escapes that could hide the letters of the marks; no JSON writer escapes letters."""

DUPLICATE_KEY = Rule(
    id="keras/duplicate-key",
    title="The same key twice in a model's description",
    severity=Severity.WARNING,
    message="{subject} is declared more than once in one object",
    why="Parsers differ in which of the two declarations they keep, so the one that was reviewed may not be the one "
    "that is loaded.",
    fix="Have Keras write the file again. If the result is the same, ask its author.",
    cwe=20,
    references=("https://www.rfc-editor.org/rfc/rfc8259#section-4",),
)


def accepts(blob: Blob) -> bool:
    """Return whether the blob is JSON with the keys of a Keras object, in any encoding and with any escapes."""
    if b"\0" in blob.head[:4]:
        return begins_wide(blob.head)
    start = blob.head.lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n")
    if start and start[:1] not in (b"{", b"["):
        return False
    find = blob.reader.find
    if all(find(mark) >= 0 for mark in _MARKS):
        return True
    return find(b"\\") >= 0 and any(find(escape) >= 0 for escape in _ESCAPES)


def scan(blob: Blob, context: Context) -> Iterator[Item]:
    """Yield what the described model would import, call and open; nothing if the JSON is not a Keras model."""
    if blob.size > context.limits.parsed_bytes:
        raise OverLimit(f"{blob.size:,} bytes of JSON: more than may be held in memory")
    document = keras_config.parse(blob.reader.read(0, blob.size), context)
    if not keras_config.is_keras(document.value, context):
        return
    yield Fact("framework", NAME, blob.locator)
    for key in document.repeated:
        yield Finding(DUPLICATE_KEY, blob.locator, printable(key, SHOWN))
    yield from keras_config.items(document.value, blob, context)


SCANNER = Scanner(
    name=NAME,
    title="Keras model description (.keras, JSON)",
    version=6,
    accepts=accepts,
    scan=scan,
    rules=(DUPLICATE_KEY,),
    suffixes=(".keras", ".json"),
    signs=Signs(JSON_STARTS, at=tuple((place, (b"\0",)) for place in range(4))),
)
