"""Core ML's compiled models (.mlmodelc): the program as text, the description of the model, weights of older networks.

The format is not published. The layouts are those that https://github.com/rebeckerspecialties/mlmodelc-export writes
and https://github.com/lutzroeder/netron reads: `model.mil` names the file of each weight, `coremldata.bin` holds the
description as a protocol buffer, and `*.espresso.weights` a table of sizes and the numbers.
"""

from __future__ import annotations

from collections.abc import Iterator

from modelsweep.core import patterns as re
from modelsweep.core.finding import Fact, Finding, Json, Span
from modelsweep.core.scanner import RAW, Blob, Context, Item, Malformed, Scanner, Signs, begins
from modelsweep.core.text import printable
from modelsweep.core.units import KIB, MIB
from scanners.coreml import MODEL_KINDS, MODEL_PATH, OUTSIDE
from scanners.judge.external_files import outside
from scanners.parsing.cursor import Cursor

NAME = "coreml-compiled"
_PROGRAM = re.compile(rb"\s*program\(\d+\.\d+\)\s*\[buildInfo\b")
_FILE = re.compile(rb'BLOBFILE\(\s*path\s*=\s*[^("]{1,40}\(\s*"((?:[^"\\]|\\.){0,2000})"')
_WEIGHTS_MARK = b"BLOBFILE("
_CHUNK, _OVERLAP = MIB, 4 * KIB
_COST = 1_000
_VERSIONS = range(1, 100)
_ZEROS, _MAX_TARGET = 20, 64
_ANALYTICS = tuple(
    len(name).to_bytes(8, "little") + name for name in (b"NeuralNetworkModelDetails", b"SpecificationDetails")
)
"""Beginnings of analytics files: names of groups, each followed by its keys and values."""
_WEIGHTS = ".weights"
_SHOWN = 160


def accepts(blob: Blob) -> bool:
    """Return whether the blob is a program, the description of a model, or a table of weights."""
    head = blob.head
    if head.startswith(_ANALYTICS) or _PROGRAM.match(head):
        return True
    if int.from_bytes(head[:4], "little") in MODEL_KINDS and int.from_bytes(head[4:8], "little") in _VERSIONS:
        return head[8 : 8 + _ZEROS] == bytes(_ZEROS)
    return blob.locator.name.endswith(".espresso.weights") and blob.size >= 8


def scan(blob: Blob, context: Context) -> Iterator[Item]:
    """Yield files outside the folder that a program names; raises Malformed, Truncated and OverLimit."""
    yield Fact("framework", "core ml", blob.locator)
    if _PROGRAM.match(blob.head):
        yield from _program(blob, context)
    elif blob.head.startswith(_ANALYTICS):
        _check_analytics(blob, context)
    elif blob.locator.suffix == _WEIGHTS:
        yield from _espresso(blob, context)
    else:
        yield from _description(blob)


def _program(blob: Blob, context: Context) -> Iterator[Item]:
    told: set[bytes] = set()
    for start in range(0, blob.size, _CHUNK):
        context.operations.spend(_COST)
        chunk = blob.reader.read(start, min(_CHUNK + _OVERLAP, blob.size - start))
        for found in _FILE.finditer(chunk) if _WEIGHTS_MARK in chunk else ():
            if found[1] in told or len(told) >= context.limits.findings:
                continue
            told.add(found[1])
            path = found[1].decode("utf-8", "replace").removeprefix(MODEL_PATH)
            reason = outside(path)
            if reason:
                evidence: dict[str, Json] = {"reason": reason}
                subject = printable(path, _SHOWN) or "nothing"
                span = Span(start + found.start())
                yield Finding(OUTSIDE, blob.locator, subject, path="a tensor", span=span, evidence=evidence)


def _description(blob: Blob) -> Iterator[Item]:
    """Yield the message with the description, which follows the name of the target and a length."""
    cursor = Cursor(blob.reader, 8 + _ZEROS)
    length = cursor.number("Q")
    if not 0 < length <= _MAX_TARGET:
        raise Malformed(f"a target whose name takes {length:,} bytes", cursor.position - 8)
    cursor.skip(length + 32)
    length = cursor.number("Q")
    yield blob.window("description", cursor.position, length, RAW)


def _check_analytics(blob: Blob, context: Context) -> None:
    """Check that the groups, each a name and a counted list of keys and values, fill the file."""
    cursor = Cursor(blob.reader)
    while cursor.position < blob.size:
        cursor.skip_strings(1, "Q")
        count = cursor.number("Q")
        context.operations.spend(1 + min(count, blob.size))
        cursor.skip_strings(min(2 * count, blob.size), "Q")


def _espresso(blob: Blob, context: Context) -> Iterator[Item]:
    """Yield the weights, which follow the table of their sizes."""
    cursor = Cursor(blob.reader)
    count = cursor.number("Q")
    if count > blob.size // 16:
        raise Malformed(f"a table of {count:,} sizes", 0)
    context.operations.spend(count)
    total = 0
    for _ in range(count):
        cursor.skip(8)
        total += cursor.number("Q")
    if total > blob.size - cursor.position:
        raise Malformed(f"weights of {total:,} bytes do not fit", cursor.position)
    if cursor.position < blob.size:
        yield blob.window("weights", cursor.position, blob.size - cursor.position, RAW)


SCANNER = Scanner(
    name=NAME,
    title="Core ML, compiled (.mlmodelc)",
    version=3,
    accepts=accepts,
    scan=scan,
    rules=(OUTSIDE,),
    suffixes=(".mil", ".bin", _WEIGHTS),
    signs=Signs(b"p \t\r\n" + begins(*_ANALYTICS), (_WEIGHTS,), at=((8, (bytes(_ZEROS),)),)),
)
