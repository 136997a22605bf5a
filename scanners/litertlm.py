"""LiteRT-LM (.litertlm): models of TensorFlow Lite with their tokenizer and settings, concatenated in one file.

Layout: https://github.com/google-ai-edge/LiteRT-LM/tree/main/schema/core: a FlatBuffer lists the offset and kind of
each section. Every section is examined as its kind.
"""

from __future__ import annotations

from collections.abc import Iterator

from modelsweep.core.finding import Fact
from modelsweep.core.limits import OverLimit
from modelsweep.core.scanner import RAW, Blob, Context, Item, Malformed, Scanner, Signs, begins
from modelsweep.core.units import MIB
from scanners.parsing.flatbuffer import FlatBuffer, Table
from scanners.parsing.jinja_template import template_facts
from scanners.parsing.protobuf import LENGTH, Wire

NAME = "litertlm"
_MAGIC = b"LITERTLM"
_VERSIONS = range(1, 2)
_HEADER = 32
_MAX_HEADER = 16 * MIB
_SYSTEM, _SECTIONS = 0, 1
_ITEMS, _BEGIN, _END, _KIND = 0, 1, 2, 3
_MODEL, _TOKENIZER, _COMPRESSED, _WEIGHTS = 3, 4, 6, 7
_SETTINGS = frozenset({5, *range(8, 13)})
"""Kinds of sections with settings: those of the language model, and of other models."""
_KINDS = {1: "data", 3: "model", 4: "tokenizer", 5: "settings", 6: "tokenizer in zlib", 7: "weights"}
_EXPECTED = {_MODEL: "tflite", _TOKENIZER: "data", _WEIGHTS: RAW}
_SIZE_PREFIX = 8
"""Bytes of the decompressed size in front of compressed data."""
_MAX_TEMPLATE, _MARKS = MIB, (b"{%", b"{{")
_COST = 100


def accepts(blob: Blob) -> bool:
    """Return whether the blob begins with the magic text."""
    return blob.head.startswith(_MAGIC)


def scan(blob: Blob, context: Context) -> Iterator[Item]:
    """Yield the sections; raises Malformed, Truncated and OverLimit if the header is invalid."""
    yield Fact("framework", "litert-lm", blob.locator)
    major = int.from_bytes(blob.reader.read(len(_MAGIC), 4), "little")
    if major not in _VERSIONS:
        raise Malformed(f"the version {major:,} is unknown", len(_MAGIC))
    end = int.from_bytes(blob.reader.read(_HEADER - 8, 8), "little")
    if end > _MAX_HEADER:
        raise OverLimit(f"a header of {end:,} bytes")
    header = blob.window("header", _HEADER, max(end - _HEADER, 0)).reader
    sections = FlatBuffer(header, context).root().table(_SECTIONS)
    for number, section in enumerate(sections.tables(0) if sections else ()):
        context.operations.spend(_COST)
        yield from _section(blob, number, section, context)


def _section(blob: Blob, number: int, section: Table, context: Context) -> Iterator[Item]:
    kind, begin, end = section.number(_KIND, "B"), section.number(_BEGIN, "Q"), section.number(_END, "Q")
    if not _HEADER <= begin <= end:
        raise Malformed(f"section {number:,} begins at {begin:,} and ends at {end:,}", section.position)
    if kind == _COMPRESSED:
        begin = min(begin + _SIZE_PREFIX, end)
    name = f"{number} {_KINDS.get(kind, 'settings' if kind in _SETTINGS else 'section')}"
    if kind in _SETTINGS:
        yield from _templates(blob, Wire(blob.reader, context), begin, end, name)
    yield blob.window(name, begin, end - begin, RAW if kind in _SETTINGS else _EXPECTED.get(kind, ""))


def _templates(blob: Blob, wire: Wire, begin: int, end: int, name: str) -> Iterator[Item]:
    """Yield the templates among the texts of a message."""
    for field in wire.fields(begin, end):
        if field.wire != LENGTH or field.length > _MAX_TEMPLATE:
            continue
        text = wire.read(field.value, field.length)
        if any(mark in text for mark in _MARKS):
            yield from template_facts(text.decode("utf-8", "replace"), blob.locator, f"{name}, field {field.number}")


SCANNER = Scanner(
    name=NAME,
    title="LiteRT-LM (bundles of language models for phones)",
    version=2,
    accepts=accepts,
    scan=scan,
    suffixes=(".litertlm",),
    signs=Signs(begins(_MAGIC)),
)
