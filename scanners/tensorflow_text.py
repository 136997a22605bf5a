"""TensorFlow graphs as text (saved_model.pbtxt, graph.pbtxt), which its loaders read like binary ones.

Syntax: https://protobuf.dev/reference/protobuf/textformat-spec/. The text is converted to the binary form and examined
as that.
"""

from __future__ import annotations

from collections.abc import Iterator

from modelsweep.core.limits import OverLimit
from modelsweep.core.scanner import Blob, Context, Item, Scanner, Signs

_SUFFIXES = (".pbtxt", ".pbtx", ".textproto", ".txtpb")
_MARKS = (b"node", b"meta_graphs", b"graph_def", b"library")
"""Fields of which every text with an operator contains one."""
# Names that scanners.parsing.tensorflow_graph has its own for
_NAMES = {
    ("BytesList", 1): b"value",
    ("Attribute", 2): b"s",
    ("List", 2): b"s",
    ("Tensor", 8): b"string_val",
    ("Variant", 2): b"metadata",
}
_ROOTS = {"SavedModel": "saved_model.pb", "MetaGraph": "meta_graph.pb", "Graph": "graph.pb"}


def accepts(blob: Blob) -> bool:
    """Return whether the blob has a suffix of such texts, and contains a field that leads to operators."""
    return blob.locator.suffix in _SUFFIXES and any(blob.reader.find(mark) >= 0 for mark in _MARKS)


def scan(blob: Blob, context: Context) -> Iterator[Item]:
    """Yield the text in binary form, as each message that its fields fit."""
    if blob.size > context.limits.parsed_bytes:
        raise OverLimit(f"{blob.size:,} bytes of text: more than may be held in memory")
    from scanners.parsing.protobuf_text import TextMessage
    from scanners.parsing.tensorflow_graph import SCHEMA

    names = {
        kind: {_NAMES.get((kind, number), name.encode()): (number, what) for number, (name, what) in fields.items()}
        for kind, fields in SCHEMA.items()
    }
    names["AssetFileDef"] = names["Asset"]
    # Only its fields tell which message the text is; unknown fields are dropped, so it can be read as each of them
    whole = blob.reader.read(0, blob.size)
    for root, name in _ROOTS.items():
        encoded = TextMessage(whole, names, {b"DT_STRING": 7}, context).encoded(root)
        if encoded:
            yield blob.nested(name, context.spool([encoded]), expect="tensorflow", expanded=True)


SCANNER = Scanner(
    name="tensorflow-text",
    title="TensorFlow graphs as text",
    version=3,
    accepts=accepts,
    scan=scan,
    suffixes=_SUFFIXES,
    signs=Signs(suffixes=_SUFFIXES),
)
