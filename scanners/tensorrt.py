"""TensorRT engines (.engine, .plan): compiled for one GPU, in a layout that is not published.

Nothing inside is parsed, which is reported. The raw pass searches the bytes, and the names of plug-ins, whose native
code runs on the host, and paths of libraries are reported: https://docs.nvidia.com/deeplearning/tensorrt/latest/. The
newer magic number comes from a check in torch_tensorrt, the older one from netron; exporters of Ultralytics put their
metadata in front as JSON.
"""

from __future__ import annotations

from collections.abc import Iterator

from modelsweep.core import patterns as re
from modelsweep.core.finding import Fact, Finding, Problem, ProblemKind, Rule, Severity
from modelsweep.core.scanner import Blob, Context, Item, Scanner, Signs, begins
from modelsweep.core.text import printable
from modelsweep.core.units import KIB, MIB

NAME = "tensorrt"
_MAGICS = (b"ftrt", b"ptrt")
_BINARY = 32
"""Bytes at the beginning that must contain a zero: text may begin with the same four letters."""
_METADATA = 64 * KIB
_CHUNK, _OVERLAP = MIB, 128
_MAX_SEARCHED = 256 * MIB
"""Maximum bytes that are searched for names of plug-ins."""
_PLUGIN = re.compile(rb"(?<![A-Za-z0-9_])[A-Z][A-Za-z0-9_]{2,60}(?:_TRT|Plugin(?:Dynamic)?)(?![A-Za-z0-9_])")
_LIBRARY = re.compile(
    rb"(?<![\w./\\-])(?:[A-Za-z]:[\\/]|\.{0,2}[\\/])?(?:[\w.-]{1,64}[\\/]){0,12}[\w.-]{4,64}\.(?:so(?:\.[0-9]{1,4}){0,3}|dll|dylib)"
    rb"(?![\w./\\-])"
)
_MARKS = ((b"_TRT", _PLUGIN), (b"Plugin", _PLUGIN), (b".so", _LIBRARY), (b".dll", _LIBRARY), (b".dylib", _LIBRARY))
"""Literals in names of plug-ins and libraries, with their pattern: literals are found many times faster."""
_NVIDIA_LIBRARY = re.compile(rb"(?:lib)?(?:nv|cu|cask|trt|tensorrt|myelin|npp)[\w-]*\.(?:so|dll)", re.IGNORECASE)
"""Names of TensorRT's own libraries."""
_SYSTEM_LIBRARY = re.compile(rb"(?:lib(?:c|m|dl|rt|pthread|stdc\+\+|gcc_s)|ld-linux[\w-]*)\.so")
_BEFORE, _AFTER = 200, 24
"""Bytes before and after such a literal that a name may take."""
_MAX_HITS = 1_000
"""Maximum literals that are checked in one chunk."""
_MAX_NAMES = 50
_COST = 1_000

PLUGIN = Rule(
    id="tensorrt/plugin",
    title="Engine that needs a plug-in",
    severity=Severity.INFO,
    message="the engine names the plug-in {subject}",
    why="A plug-in is native code in a library that is loaded beside the engine, and newer releases can carry such a "
    "library inside the engine. It runs with the rights of the user who loads it.",
    fix="Take plug-ins from their publisher, and load other people's engines without engine_host_code_allowed.",
    confidence="medium",
    cwe=829,
    references=("https://docs.nvidia.com/deeplearning/tensorrt/latest/inference-library/extending-custom-layers.html",),
)

LIBRARY = Rule(
    id="tensorrt/library",
    title="Engine that names a library",
    severity=Severity.WARNING,
    message="the engine names the library {subject}",
    why="The libraries that an engine names contain its plug-ins: native code, which is loaded together with the "
    "engine. Engines that use only TensorRT's own layers name none.",
    fix="Take the library from its publisher, not from where you got the engine, and ask why the engine needs it.",
    confidence="medium",
    cwe=829,
    references=("https://docs.nvidia.com/deeplearning/tensorrt/latest/inference-library/extending-custom-layers.html",),
)


def accepts(blob: Blob) -> bool:
    """Return whether the blob begins with an engine, possibly after the metadata of an exporter."""
    if _begins(blob.head):
        return True
    length = int.from_bytes(blob.head[:4], "little")
    if blob.head[4:5] != b"{" or not 2 <= length <= min(_METADATA, blob.size - _BINARY - 4):
        return False
    return _begins(blob.reader.read(4 + length, _BINARY))


def _begins(head: bytes) -> bool:
    return head.startswith(_MAGICS) and b"\0" in head[:_BINARY]


def scan(blob: Blob, context: Context) -> Iterator[Item]:
    """Yield the plug-ins and libraries that are named, and a Problem, since nothing else was examined."""
    yield Fact("framework", NAME, blob.locator)
    names: set[bytes] = set()
    for start in range(0, min(blob.size, _MAX_SEARCHED), _CHUNK):
        context.operations.spend(_COST)
        names.update(_named(blob.reader.read(start, min(_CHUNK + _OVERLAP, blob.size - start)), context))
        if len(names) >= _MAX_NAMES:
            break
    for name in sorted(names)[:_MAX_NAMES]:
        yield Finding(PLUGIN if _PLUGIN.fullmatch(name) else LIBRARY, blob.locator, printable(name.decode("ascii")))
    detail = "the layout of engines is not published: only their raw bytes were looked at"
    yield Problem(ProblemKind.UNSUPPORTED, blob.locator, NAME, detail)


def _named(chunk: bytes, context: Context) -> Iterator[bytes]:
    """Yield the names of plug-ins in a chunk, and of libraries that belong neither to TensorRT nor to the system."""
    for mark, pattern in _MARKS:
        at = chunk.find(mark)
        for _ in range(_MAX_HITS):
            if at < 0:
                break
            context.operations.spend(_BEFORE)
            for name in pattern.findall(chunk, max(at - _BEFORE, 0), at + _AFTER):
                if pattern is _PLUGIN or _is_own(name):
                    yield name
            at = chunk.find(mark, at + len(mark))


def _is_own(library: bytes) -> bool:
    """Return whether a library comes with the model: it belongs neither to TensorRT nor to the system."""
    name = library.replace(b"\\", b"/").rpartition(b"/")[2]
    return not (_NVIDIA_LIBRARY.match(name) or _SYSTEM_LIBRARY.match(name))


SCANNER = Scanner(
    name=NAME,
    title="TensorRT engines (raw bytes only)",
    version=2,
    accepts=accepts,
    scan=scan,
    rules=(PLUGIN, LIBRARY),
    suffixes=(".engine", ".plan", ".trt"),
    signs=Signs(begins(*_MAGICS), at=((4, (b"{",)),)),
)
