"""SavedModels that were split into records, and records of data."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from functools import partial

import brotli
import zstandard

from modelsweep.core.report import Verdict
from tests.scanners.case import Case
from tests.scanners.payload import EVIL
from tests.scanners.protobuf import data, number
from tests.scanners.riegeli.writer import Writer
from tests.scanners.tensorflow.cases import TYPE_STRING, attribute, constant, graph, node, saved, variables

Pack = Callable[[bytes], bytes]
MESSAGE, BYTES = 1, 2
ZSTD = (ord("z"), zstandard.ZstdCompressor().compress)
BROTLI = (ord("b"), brotli.compress)
Path = Sequence[int | str | tuple[int]]


def place(path: Path) -> bytes:
    """Return the numbers of fields, keys of maps as texts, and places among repeated ones as tuples."""
    tags = b""
    for step in path:
        if isinstance(step, tuple):
            tags += data(1, number(3, step[0]))
        else:
            tags += data(1, data(2, data(1, step)) if isinstance(step, str) else number(1, step))
    return tags


def split(
    base: bytes, *parts: tuple[Path, bytes, int], how: tuple[int, Pack] | None = None, about: bool = True
) -> bytes:
    """Return a file of `base` and the parts of it that stand apart, each with its path and kind."""
    writer = Writer()
    compression, pack = how or (0, None)
    chunks = [(MESSAGE, base), *((kind, content) for _, content, kind in parts)]
    places = [writer.records(content, compression=compression, pack=pack) for _, content in chunks]
    listed = (
        data(2, number(1, kind), number(2, len(content)), number(3, at))
        for (kind, content), at in zip(chunks, places, strict=True)
    )
    fields = (data(2, place(path), data(3, number(1, index))) for index, (path, _, _) in enumerate(parts, start=1))
    if about:
        message = data(3, number(1, 0), *fields)
        writer.records(data(1, number(1, 1)) + b"".join(listed) + message, compression=compression, pack=pack)
    return bytes(writer.data)


NODES: Path = (2, (0,), 2, 1)
"""meta_graphs[0].graph_def.node"""


def large(how: tuple[int, Pack] | None = None, size: int = 300_000) -> bytes:
    """Return a model whose weights and one node stand apart, over several blocks."""
    weights = node("Const", attribute("dtype", number(6, 1)), attribute("value", data(8, number(1, 1))), name="w")
    return split(
        saved(graph(weights, *variables())),
        ((*NODES, (1,), 5, "value", 8, 4), random.Random(11).randbytes(size), BYTES),
        ((*NODES, (99,)), node("MatMul", name="m", inputs=("x", "w")), MESSAGE),
        how=how,
    )


def writing(how: tuple[int, Pack] | None = None) -> bytes:
    """Return a model whose path and operator stand apart from the node that holds the path."""
    empty = attribute("value", data(8, number(1, TYPE_STRING)))
    path = node("Const", attribute("dtype", number(6, TYPE_STRING)), empty, name="path")
    return split(
        saved(graph(path, constant("text", "echo modelsweep-test"))),
        ((*NODES, (1,), 5, "value", 8, 8, (0,)), b"/root/.profile", BYTES),
        ((*NODES, (3,)), node("WriteFile", name="out", inputs=("path", "text")), MESSAGE),
        how=how,
    )


def in_library() -> bytes:
    """Return a model of which a function, and the operators in it, are more of the same message."""
    function = data(1, data(1, data(1, "f")), data(3, node("ReadFile", inputs=("path",))))
    whole = saved(graph(constant("path", "/etc/passwd")))
    return split(saved(graph()), ((), whole, MESSAGE), ((2, (0,), 2, 2), function, MESSAGE))


def records(*content: bytes) -> bytes:
    """Return records of data, some of them together, and metadata that says what they are."""
    writer = Writer()
    writer.chunk(b"m", b"\0" * 20)
    writer.records(*content)
    writer.chunk(b"p", bytes(100))
    writer.records(content[0], compression=ZSTD[0], pack=ZSTD[1])
    return bytes(writer.data)


def odd(kind: bytes = b"r", content: bytes = b"") -> bytes:
    """Return a chunk of another kind, or with other content."""
    writer = Writer()
    writer.chunk(kind, content, 1, 4)
    return bytes(writer.data)


def case(build: Callable[[], bytes], verdict: Verdict, name: str = "saved_model.cpb") -> Case:
    """Return the case of a file; one without records is whole, unless it is to be a SavedModel."""
    return Case(build, name, verdict, cut_is_clean=not name.endswith(".cpb"))


CASES = {
    "benign": case(large, Verdict.CLEAN),
    "benign_zstd": case(partial(large, ZSTD, 40_000), Verdict.CLEAN),
    "benign_brotli": case(partial(large, BROTLI, 40_000), Verdict.CLEAN),
    "benign_data": case(partial(records, b"one", b"", b"two" * 500), Verdict.CLEAN, "train.riegeli"),
    "benign_other_message": case(partial(split, graph(node("Relu", name="r"))), Verdict.CLEAN, "graph.cpb"),
    "writes_file": case(writing, Verdict.MALICIOUS),
    "writes_file_zstd": case(partial(writing, ZSTD), Verdict.MALICIOUS),
    "writes_file_brotli": case(partial(writing, BROTLI), Verdict.MALICIOUS),
    "reads_file": case(in_library, Verdict.REVIEW),
    "pickle_in_data": case(
        lambda: records(b"x" * 40, b"\x80\x02" + EVIL),
        Verdict.MALICIOUS,
        "train.riegeli",
    ),
    "without_metadata": case(partial(split, saved(graph()), about=False), Verdict.NOT_SCANNED),
    "transposed": case(partial(odd, b"t"), Verdict.NOT_SCANNED, "train.riegeli"),
    "snappy": case(partial(odd, b"r", b"s\1\0\0"), Verdict.NOT_SCANNED, "train.riegeli"),
    "unknown_compression": case(partial(odd, b"r", b"x\1\0\0"), Verdict.NOT_SCANNED, "train.riegeli"),
    "unknown_chunk": case(partial(odd, b"x"), Verdict.NOT_SCANNED, "train.riegeli"),
    "wrong_sizes": case(partial(odd, b"r", b"\0\1\3abcd"), Verdict.NOT_SCANNED),
    "not_brotli": case(partial(odd, b"r", b"b\2\1\xff\xff\4\xff\xff"), Verdict.NOT_SCANNED, "train.riegeli"),
    "place_of_nothing": case(
        lambda: split(saved(graph()), (((0,),), b"", MESSAGE)),
        Verdict.NOT_SCANNED,
    ),
}
