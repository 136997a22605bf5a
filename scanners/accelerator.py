"""Models compiled for accelerators: known containers are split into their parts, and all raw bytes are searched.

Hailo (.hef: https://github.com/hailo-ai/hailort), Ascend (.om: `ModelFileHeader` of CANN), Qualcomm (the FlatBuffers in
a .dlc), Sophgo (.bmodel: https://github.com/sophgo/tpu-mlir), Kendryte (.kmodel: https://github.com/kendryte/nncase),
CVITEK (.cvimodel), VeriSilicon (.nb), kernels of CUDA and ROCm (ELF for their processors: .cubin, .hsaco), IREE (.vmfb:
https://github.com/iree-org/iree), Neuron (.neff: an archive after a header). The runtime loads them onto a device; the
parts of an Ascend model for the host's processor are native code that the host loads.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import NamedTuple

from modelsweep.core.finding import Fact, Finding, Json, Problem, ProblemKind, Rule, Severity, Span
from modelsweep.core.reader import Truncated
from modelsweep.core.scanner import RAW, Blob, Context, Item, Malformed, Scanner, Signs, begins

NAME = "accelerator"
_COST = 100
_HEF_VERSIONS = range(4)
_OM_HEADERS = range(64, 4_097)
_OM_PARTS = range(1, 1_025)
_OM_NAMES = {0: "graph", 1: "weights", 2: "tasks", 3: "kernels", 4: "kernels for the processor", 5: "libraries"}
_ON_HOST = (4, 5)
_BMODEL_HEADER = 64
_DLC = (b"NETD", b"NETP", b"NETR", b"NR64")
_DLC_AT = (4, 12)
"""Offsets of a FlatBuffer's identifier: without a prefix, or after eight bytes with a version."""

HOST_CODE = Rule(
    id="accelerator/host-code",
    title="Compiled model that carries code for the host processor",
    severity=Severity.WARNING,
    message="part of the model holds {subject}: {length} bytes of native code",
    why="Models for accelerators are sent to a device. This one also carries libraries, which the runtime loads on the "
    "host processor together with the model.",
    fix="Take such a model only from its publisher, or compile it yourself from its source.",
    confidence="medium",
    cwe=829,
    references=("https://www.hiascend.com/en/software/cann",),
)


class Kind(NamedTuple):
    """A format: its name, its magic, and a function that yields its parts, or raises if they are cut short."""

    title: str
    magic: bytes
    parts: Callable[[Blob, Context], Iterator[Item]]
    at: int = 0


def _whole(_blob: Blob, _context: Context) -> Iterator[Item]:
    return iter(())


def _hef(blob: Blob, _context: Context) -> Iterator[Item]:
    """Check that the description, a protobuf message, is complete; numbers follow it."""
    version, length = struct.unpack(">2I", blob.reader.read(4, 8))
    if version not in _HEF_VERSIONS:
        raise Malformed(f"the version {version:,} is unknown", 4)
    if not length or length > blob.size - 12:
        raise Truncated(12, length, blob.size)
    yield from ()


def _om(blob: Blob, context: Context) -> Iterator[Item]:
    """Yield the parts, which begin after the table that lists them."""
    header = int.from_bytes(blob.reader.read(4, 4), "little")
    if header not in _OM_HEADERS:
        raise Malformed(f"a header of {header:,} bytes", 4)
    count = int.from_bytes(blob.reader.read(header, 4), "little")
    if count not in _OM_PARTS:
        raise Malformed(f"{count:,} parts", header)
    table = blob.reader.read(header + 4, 12 * count)
    start = header + 4 + len(table)
    for number, (kind, offset, length) in enumerate(struct.iter_unpack("<3I", table)):
        context.operations.spend(_COST)
        if not length:
            continue
        name = _OM_NAMES.get(kind, f"part of kind {kind}")
        if kind in _ON_HOST:
            evidence: dict[str, Json] = {"length": f"{length:,}"}
            yield Finding(HOST_CODE, blob.locator, name, span=Span(start + offset, length), evidence=evidence)
        yield blob.window(f"{number} {name}", start + offset, length, RAW)


def _bmodel(blob: Blob, _context: Context) -> Iterator[Item]:
    """Check that the description, a FlatBuffer, is complete; commands and numbers follow it."""
    header, described = struct.unpack("<2I", blob.reader.read(4, 8))
    if header != _BMODEL_HEADER or not described:
        raise Malformed(f"a header of {header:,} bytes, and {described:,} that describe the model", 4)
    if described > blob.size - header:
        raise Truncated(header, described, blob.size)
    yield from ()


def _module(blob: Blob, _context: Context) -> Iterator[Item]:
    detail = "the functions of the module were not examined: only its raw bytes were looked at"
    yield Problem(ProblemKind.UNSUPPORTED, blob.locator, NAME, detail)


_NEFF, _NEFF_HEADER = ".neff", 1_024
_GZIP = b"\x1f\x8b\x08"


def _neuron(blob: Blob, _context: Context) -> Iterator[Item]:
    """Yield the archive of programs for the device and their descriptions."""
    yield blob.window("content", _NEFF_HEADER, blob.size - _NEFF_HEADER)


def _kernels(blob: Blob, _context: Context) -> Iterator[Item]:
    """Check that the section table, which is at the end of an ELF file, is complete."""
    offset = int.from_bytes(blob.reader.read(40, 8), "little")
    size, count = struct.unpack("<2H", blob.reader.read(58, 4))
    if offset + size * count > blob.size:
        raise Truncated(offset, size * count, blob.size)
    yield from ()


KINDS = (
    Kind("hailo", b"\1HEF\0\0\0", _hef),
    Kind("ascend", b"IMOD", _om),
    Kind("sophgo", b"\xee\xaa\x55\xff", _bmodel),
    Kind("kendryte", b"KMDL", _whole),
    Kind("cvitek", b"CviModel", _whole),
    Kind("verisilicon", b"VPMN", _whole),
    *(Kind("qualcomm dlc", identifier, _whole, place) for identifier in _DLC for place in _DLC_AT),
    Kind("iree", b"IREE", _module, 4),
)
_ELF, _MACHINE = b"\x7fELF\2\1", 18
_DEVICES = {190: Kind("cuda", _ELF, _kernels), 224: Kind("rocm", _ELF, _kernels)}
"""Kinds by the machine number in an ELF header."""
_BINARY = 64


def _kind(blob: Blob) -> Kind | None:
    if blob.head.startswith(_ELF):
        return _DEVICES.get(int.from_bytes(blob.head[_MACHINE : _MACHINE + 2], "little"))
    if blob.locator.suffix == _NEFF and blob.head.startswith(_GZIP, _NEFF_HEADER):
        return Kind("aws neuron", b"", _neuron)
    if b"\0" not in blob.head[:_BINARY]:
        return None  # a text may begin with four letters
    return next((kind for kind in KINDS if blob.head.startswith(kind.magic, kind.at)), None)


def accepts(blob: Blob) -> bool:
    """Return whether one of the formats begins here."""
    return _kind(blob) is not None


def scan(blob: Blob, context: Context) -> Iterator[Item]:
    """Yield code for the host's processor, and the parts; raises Malformed and Truncated if some are incomplete."""
    kind = _kind(blob)
    assert kind is not None, "scan follows accepts"
    yield Fact("framework", kind.title, blob.locator)
    yield from kind.parts(blob, context)


SCANNER = Scanner(
    name=NAME,
    title="Models compiled for accelerators (Hailo, Ascend, Sophgo, Kendryte, Qualcomm, IREE)",
    version=3,
    accepts=accepts,
    scan=scan,
    rules=(HOST_CODE,),
    suffixes=(".hef", ".om", ".bmodel", ".kmodel", ".cvimodel", ".nb", ".dlc", ".cubin", ".hsaco", ".vmfb", _NEFF),
    signs=Signs(
        begins(_ELF, *(kind.magic for kind in KINDS if not kind.at)),
        (_NEFF,),
        at=tuple((place, (*_DLC, b"IREE")) for place in _DLC_AT),
    ),
)
