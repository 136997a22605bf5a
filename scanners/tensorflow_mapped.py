"""TensorFlow's memory-mapped package (.pbmm of DeepSpeech): constants, followed by a graph.

Layout: https://github.com/tensorflow/tensorflow/blob/master/tensorflow/core/util/memmapped_file_system.cc. The last
eight bytes hold the offset of the directory, a message of elements with their offsets.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from modelsweep.core.scanner import RAW, Blob, Context, Item, Malformed, Scanner, Signs

NAME = "tensorflow-mapped"
_SUFFIX = ".pbmm"
_PLACE = 8
_GRAPH = "memmapped_package://."
_SCHEMA = {
    "Directory": {1: ("elements", "Element")},
    "Element": {1: ("offset", "int"), 2: ("name", "text"), 3: ("length", "int")},
}


def accepts(blob: Blob) -> bool:
    """Return whether the file has the suffix of such a package, whose first bytes are those of a constant."""
    return blob.locator.suffix == _SUFFIX and blob.size > _PLACE


def scan(blob: Blob, context: Context) -> Iterator[Item]:
    """Yield the graph and the constants; raises Malformed if the directory is inconsistent."""
    from scanners.parsing.protobuf import Walker, Wire

    end = blob.size - _PLACE
    start = int.from_bytes(blob.reader.read(end, _PLACE), "little")
    if start >= end:
        raise Malformed(f"the directory should be at {start:,}, but only {end:,} bytes come before it", end)
    walker = Walker(Wire(blob.reader, context), _SCHEMA, frozenset({"Directory"}), context.limits.parsed_bytes)
    directory = next(walker.walk("Directory", start, end))
    elements = directory.records.get("elements", [])
    places = [(element.integer("offset"), element.integer("length"), element.text("name")) for element in elements]
    if not any(name == _GRAPH for _, _, name in places):
        raise Malformed("the directory names no graph", start)
    for (offset, length, name), (following, _, _) in pairwise([*places, (start, 0, "")]):
        if not 0 <= offset < following:
            raise Malformed(f"an element is at {offset:,}, but the next one is at {following:,}", start)
        graph = name == _GRAPH
        shown = "graph.pb" if graph else f"constant at {offset}"
        yield blob.window(shown, offset, length or following - offset, "tensorflow" if graph else RAW)


SCANNER = Scanner(
    name=NAME,
    title="TensorFlow graphs for mapping into memory (.pbmm)",
    version=1,
    accepts=accepts,
    scan=scan,
    suffixes=(_SUFFIX,),
    signs=Signs(suffixes=(_SUFFIX,)),
)
