"""ONNX in the other forms that `onnx.load` reads: protobuf text, protobuf JSON, and its own syntax.

Forms and their suffixes: https://github.com/onnx/onnx/blob/main/onnx/serialization.py; the syntax:
https://github.com/onnx/onnx/blob/main/docs/Syntax.md. A model is converted to the binary form and examined as that.
"""

from __future__ import annotations

from collections.abc import Iterator

from modelsweep.core.limits import OverLimit
from modelsweep.core.scanner import Blob, Context, Item, Malformed, Scanner, Signs
from scanners.parsing.onnx_schema import JSON_SUFFIX

NAME = "onnx-text"
_TEXT, _SYNTAX = (".txtpb", ".textproto", ".prototxt", ".pbtxt"), (".onnxtxt", ".onnxtext")
_SUFFIXES = (*_TEXT, JSON_SUFFIX, *_SYNTAX)
_IN_TEXT = (b"opset_import", b"op_type", b"external_data")


def accepts(blob: Blob) -> bool:
    """Return whether the file has one of the suffixes, and, if other formats share it, a field of ONNX."""
    suffix, find = blob.locator.suffix, blob.reader.find
    return any(find(mark) >= 0 for mark in _IN_TEXT) if suffix in _TEXT else suffix in _SUFFIXES


def scan(blob: Blob, context: Context) -> Iterator[Item]:
    """Yield the model in binary form; nothing if the file is not a model."""
    if blob.size > context.limits.parsed_bytes // 4:
        raise OverLimit(f"{blob.size:,} bytes of text: more than may be held in memory")
    from scanners.parsing.onnx_forms import of_json, of_syntax, of_text

    suffix = blob.locator.suffix
    write = of_text if suffix in _TEXT else of_json if suffix == JSON_SUFFIX else of_syntax
    encoded = write(blob.reader.read(0, blob.size), context)
    if encoded:
        yield blob.nested("model.onnx", context.spool([encoded]), expect="onnx", expanded=True)
    elif suffix == JSON_SUFFIX and not blob.expect:
        raise Malformed("it holds no model: cut short?")


SCANNER = Scanner(
    name=NAME,
    title="ONNX as text or JSON",
    version=1,
    accepts=accepts,
    scan=scan,
    suffixes=_SUFFIXES,
    signs=Signs(suffixes=_SUFFIXES),
)
