"""Files of five gigabytes that take no room on a disk: valid headers, and holes where the numbers would be.

Run as a program, it examines each in a process of its own, as a sandboxed child would, and says in a line of JSON what
came out and how much memory it took.
"""

from __future__ import annotations

import gzip
import io
import json
import os
import resource
import struct
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from modelsweep.core.locator import Locator
from modelsweep.core.options import Options
from modelsweep.core.report import Unit
from modelsweep.core.units import GIB, KIB, MIB
from scanners.engine import examine
from sources.file import FileReader
from sources.spool import FileSpool
from tests.scanners.caffe import cases as caffe
from tests.scanners.cntk.cases import wide
from tests.scanners.dotnet import cases as dotnet
from tests.scanners.flax import cases as flax
from tests.scanners.gguf import cases as gguf
from tests.scanners.keras import cases as keras
from tests.scanners.mxnet import cases as mxnet
from tests.scanners.oci import image as oci
from tests.scanners.ort import cases as ort
from tests.scanners.pickle.assembler import STOP, proto
from tests.scanners.pickle.cases import wrapped
from tests.scanners.protobuf import data, number, varint
from tests.scanners.rknn import cases as rknn
from tests.scanners.sevenzip.cases import COPY, block
from tests.scanners.sevenzip.cases import number as sevenzip_number
from tests.scanners.skops import cases as skops
from tests.scanners.tar.cases import entry
from tests.scanners.tflite import cases as flatbuffer
from tests.scanners.tflite.flatbuffer import Number, Table
from tests.scanners.torch import checkpoint as torch
from tests.scanners.torch_legacy import cases as legacy
from tests.scanners.torch_mobile import cases as mobile

SIZE = 5 * GIB
FLOATS = SIZE // 4
EXPANDED = 400 * MIB
"""Bytes of what is compressed: more would be a bomb."""
CRC = 0x193838C3
"""CRC-32 of SIZE zeros."""
Parts = list[bytes | int]
"""Bytes, and lengths of holes."""


def nested(field: int, *parts: bytes | int) -> Parts:
    """Return the field of a protocol buffer with bytes or a message that may hold a hole."""
    return [varint(field << 3 | 2) + varint(size_of(parts)), *parts]


def size_of(parts: Iterable[bytes | int]) -> int:
    """Return how many bytes parts come to."""
    return sum(part if isinstance(part, int) else len(part) for part in parts)


def zipped(*members: tuple[str, bytes | int | Parts]) -> Parts:
    """Return a zip64 of stored members; the checksums of those that are parts are not right, and nobody looks."""
    parts: Parts = []
    directory: list[bytes] = []
    position = 0
    for name, content in members:
        crc = zlib.crc32(content) if isinstance(content, bytes) else CRC
        held = content if isinstance(content, list) else [content]
        size = size_of(held)
        extra = struct.pack("<HHQQ", 1, 16, size, size)
        fixed = (45, 0, 0, 0, 33, crc, 0xFFFFFFFF, 0xFFFFFFFF, len(name), len(extra))
        head = struct.pack("<4s5H3L2H", b"PK\3\4", *fixed) + name.encode() + extra
        more = struct.pack("<HHQQQ", 1, 24, size, size, position)
        listed = (45, *fixed[:-1], len(more), 0, 0, 0, 0, 0xFFFFFFFF)
        directory.append(struct.pack("<4s6H3L5H2L", b"PK\1\2", *listed) + name.encode() + more)
        parts += [head, *held]
        position += len(head) + size
    written = b"".join(directory)
    end = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, len(members), len(members), len(written), position)
    locator = struct.pack("<4sLQL", b"PK\6\7", 0, position + len(written), 1)
    last = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    return [*parts, written + end + locator + last]


def safetensors() -> Parts:
    """One tensor."""
    header = json.dumps({"w": {"dtype": "F32", "shape": [FLOATS], "data_offsets": [0, SIZE]}}).encode()
    return [struct.pack("<Q", len(header)) + header, SIZE]


def gguf_file() -> Parts:
    """One tensor."""
    head = gguf.built([gguf.pair("general.architecture", "llama")], [gguf.tensor("w", (FLOATS,), 0, 0)], 0)
    return [head, SIZE]


def ggml() -> Parts:
    """One tensor of an adapter, in two dimensions."""
    head = b"algg" + struct.pack("<3I", 1, 8, 16) + struct.pack("<5I", 2, 1, 0, 1 << 16, FLOATS >> 16) + b"w"
    return [head + bytes(-len(head) % 32), SIZE]


def npy() -> Parts:
    """An array."""
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({FLOATS},), }}\n".encode()
    return [b"\x93NUMPY\1\0" + struct.pack("<H", len(header)) + header, SIZE]


def pickled() -> Parts:
    """Bytes."""
    return [proto(5) + b"\x8e" + struct.pack("<Q", SIZE), SIZE, STOP]


def torch_zip() -> Parts:
    """A checkpoint of one storage."""
    tensor = torch.tensor(torch.storage("0", FLOATS), (FLOATS,), (1,))
    fixed = (("m/version", b"3\n"), ("m/byteorder", b"little"))
    return zipped(("m/data.pkl", torch.pickled(torch.state(w=tensor))), ("m/data/0", SIZE), *fixed)


def torch_old() -> Parts:
    """The same before zip."""
    tensor = torch.tensor(torch.storage("0", FLOATS, "FloatStorage", b"N"), (FLOATS,), (1,))
    head = legacy.checkpoint(torch.pickled(torch.state(w=tensor)), ("0", bytes(4)))
    return [head[:-12] + struct.pack("<q", FLOATS), SIZE]


def archive() -> Parts:
    """A member that is stored."""
    return zipped(("meta.txt", b"text"), ("zeros.bin", SIZE))


def npz() -> Parts:
    """An array beside another one."""
    return zipped(("w.npy", npy()), ("b.npy", npy()))


def deflated(path: Path) -> None:
    """Write arrays whose zeros are compressed."""
    header = f"{{'descr': '|u1', 'fortran_order': False, 'shape': ({EXPANDED},), }}\n".encode()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("w.npy", "w") as member:
        member.write(b"\x93NUMPY\1\0" + struct.pack("<H", len(header)) + header)
        for _ in range(EXPANDED // MIB):
            member.write(bytes(MIB))


def layer(path: Path) -> None:
    """Write a compressed layer of an image, with a model in it."""
    with gzip.open(path, "wb", 1) as stream:
        head, *_ = tarred("model.bin", [EXPANDED])
        assert isinstance(head, bytes)
        stream.write(head)
        for _ in range(EXPANDED // MIB):
            stream.write(bytes(MIB))
        stream.write(bytes(1024))


def joblib() -> Parts:
    """An array between opcodes, where joblib puts it."""
    return [proto(4) + wrapped(b"", SIZE >> 20, 1 << 20), SIZE, STOP]


def skops_archive() -> Parts:
    """A scaler with an array."""
    schema = skops.saved(skops.estimator(mean=skops.node("NdArrayNode", "numpy.ndarray", type="numpy", file="1.npy")))
    with zipfile.ZipFile(io.BytesIO(schema)) as archive:
        return zipped(("1.npy", npy()), ("schema.json", archive.read("schema.json")))


def sevenzip() -> Parts:
    """A member that is not compressed."""
    held = npy()
    size = sevenzip_number(size_of(held))
    streams = b"\x06\0\1\x09" + size + b"\0\x07\x0b\1\0\1" + COPY + b"\x0c" + size + b"\0\0"
    header = b"\1\4" + streams + b"\5\1" + block(0x11, b"\0" + "zeros.npy\0".encode("utf-16-le")) + b"\0\0"
    start = struct.pack("<QQL", size_of(held), len(header), zlib.crc32(header))
    return [b"7z\xbc\xaf\x27\x1c\0\4" + struct.pack("<L", zlib.crc32(start)) + start, *held, header]


def phones() -> Parts:
    """A module of PyTorch Mobile in front of numbers."""
    return [mobile.module(), SIZE]


def onnxruntime() -> Parts:
    """A model in front of numbers."""
    return [ort.model(), SIZE]


def caffe_weights() -> Parts:
    """A layer with one blob."""
    blob = nested(7, *nested(5, SIZE))
    return [data(1, "net"), *nested(100, data(1, "layer"), data(2, "Scale"), *blob), caffe.layer("ReLU")]


def dotnet_objects() -> Parts:
    """An array of doubles."""
    return [dotnet.HEADER + b"\x0f" + struct.pack("<ii", 1, SIZE // 8) + b"\6", SIZE, dotnet.END]


def julia_document() -> Parts:
    """An array of two gigabytes: a document has no more."""
    length = GIB + GIB // 2
    head = b"\5data\0" + struct.pack("<iB", length, 0)
    return [struct.pack("<i", length + len(head) + 5) + head, length, b"\0"]


def matlab_4() -> Parts:
    """A matrix of version 4."""
    return [struct.pack("<5i", 0, SIZE // 8, 1, 0, 2) + b"x\0", SIZE]


def tflite() -> Parts:
    """Weights behind the tables, where those of more than two gigabytes have to be."""
    place = 1 << 20
    tensors = [flatbuffer.tensor("x", 1, 4), flatbuffer.tensor("w", FLOATS, buffer=1), flatbuffer.tensor("y", 1, 2)]
    weights = Table({1: Number(place, "Q"), 2: Number(SIZE, "Q")})
    buffers = [flatbuffer.buffer(), weights, flatbuffer.buffer(b"1.14.0")]
    return [flatbuffer.model(flatbuffer.subgraph(tensors=tensors), buffers=buffers).ljust(place, b"\0"), SIZE]


def variables() -> Parts:
    """The shard of a SavedModel: numbers, and nothing that says so."""
    return [SIZE]


def image() -> Parts:
    """An image as `docker save` writes it: layers that are archives themselves."""
    name = f"{'1a' * 32}/layer.tar"
    held = oci.config(Cmd=["sh"])
    listed = json.dumps([{"Config": f"{oci.digest(held)}.json", "RepoTags": ["a:1"], "Layers": [name]}]).encode()
    members = (*tarred(name, tar())[:-1], entry(f"{oci.digest(held)}.json", held), entry("manifest.json", listed))
    return [*members, 1024]


def tar() -> Parts:
    """A member of an archive."""
    return tarred("zeros.bin", [SIZE])


def tarred(name: str, content: Parts) -> Parts:
    """Return an archive with one member."""
    size = size_of(content)
    head = bytearray(entry(name))
    head[124:136] = b"%011o\0" % size
    head[148:156] = b" " * 8
    head[148:156] = b"%06o\0 " % sum(head)
    return [bytes(head), *content, -size % 512, 1024]


def onnx() -> Parts:
    """A model that its own library could not read any more."""
    tensor = nested(5, number(1, FLOATS) + number(2, 1) + data(8, "w"), *nested(9, SIZE))
    return [number(1, 8), *nested(7, data(2, "g"), *tensor), data(8, number(2, 17))]


def tensorflow() -> Parts:
    """A constant of a graph."""
    value = nested(8, number(1, 1) + data(2, data(2, number(1, FLOATS))), *nested(4, SIZE))
    attribute = nested(5, data(1, "value"), *nested(2, *value))
    return [*nested(1, data(1, "w") + data(2, "Const"), *attribute), data(4, number(1, 1882))]


def paddle() -> Parts:
    """Parameters."""
    description = number(1, 5) + number(2, FLOATS)
    return [bytes(16) + struct.pack("<i", len(description)) + description, SIZE]


def mxnet_parameters() -> Parts:
    """An array and its name behind it."""
    head = struct.pack("<QQQ", 0x112, 0, 1) + mxnet.array(FLOATS)
    return [head, SIZE, struct.pack("<QQ", 1, 5) + b"arg:w"]


def coreml() -> Parts:
    """Weights of a package."""
    head = struct.pack("<II", 1, 2) + bytes(56) + b"\xef\xbe\xad\xde" + struct.pack("<IQQ", 1, SIZE, 128) + bytes(40)
    return [head, SIZE]


def executorch() -> Parts:
    """Tensors beside a program."""
    from tests.scanners.executorch.cases import tensors

    head = bytearray(tensors(content=b""))
    at = head.index(b"FH01")
    head[at + 24 : at + 32] = struct.pack("<Q", SIZE)
    return [bytes(head), SIZE]


def cntk() -> Parts:
    """A network of version 1."""
    head = wide("BCN", "BVersion") + struct.pack("<Q", 26) + wide("EVersion") + bytes(8) + wide("BNodeList")
    return [head, SIZE, wide("ENodeList", "BRelation", "ERelation", "BRootNodes", "ERootNodes", "ECN")]


def cntk_2() -> Parts:
    """A dictionary with a parameter."""
    from tests.scanners.cntk.cases import SIZE as SIZE_T
    from tests.scanners.cntk.cases import text, value

    array = nested(13, number(1, 1) + data(3, data(1, varint(FLOATS))), *nested(4, *nested(1, SIZE)))
    known = {"inputs": value(9, b""), "primitive_functions": value(9, b""), "root": text("a"), "uid": text("b")}
    known |= {"type": text("CompositeFunction"), "version": value(SIZE_T, 1)}
    entries = b"".join(data(2, data(1, key), data(2, content)) for key, content in known.items())
    return [number(1, 1) + entries, *nested(2, data(1, "w"), *nested(2, number(1, 1) + number(2, 11), *array))]


def rknn_container() -> Parts:
    """A compiled model, and its description behind it."""
    head = b"RKNN" + bytes(4) + struct.pack("<QQ", 6, SIZE) + bytes(40)
    return [head, SIZE, struct.pack("<Q", len(rknn.DESCRIPTION)) + rknn.DESCRIPTION]


def torch7() -> Parts:
    """A storage alone."""
    from tests.scanners.torch7.cases import text

    return [struct.pack("<ii", 4, 1) + text(b"V 1") + text("torch.FloatStorage") + struct.pack("<Q", FLOATS), SIZE]


def r_vector() -> Parts:
    """A vector longer than 32 bits count."""
    count = SIZE // 8
    head = b"X\n" + struct.pack(">3i", 2, 0x40000, 0x20300) + struct.pack(">ii", 14, -1)
    return [head + struct.pack(">II", count >> 32, count & 0xFFFFFFFF), SIZE]


def messages() -> Parts:
    """The longest bytes that MessagePack has."""
    half = 4 * GIB - 1
    head = b"\xde" + struct.pack(">H", 1) + flax.text("w")
    return [head + b"\xc6" + struct.pack(">I", half), half]


def tensorrt() -> Parts:
    """The beginning of an engine."""
    return [b"ftrt" + bytes(60), SIZE]


def iso() -> Parts:
    """A disk image."""
    return [32 * KIB, b"\1CD001\1\0", SIZE]


def hdf5(path: Path) -> None:
    """Write a data set whose room is claimed and never filled."""
    import h5py

    with h5py.File(path, "w") as file:
        made = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        made.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
        made.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
        space = h5py.h5s.create_simple((FLOATS,))
        h5py.h5d.create(file.id, b"w", h5py.h5t.IEEE_F32LE, space, made)


def keras_archive() -> Parts:
    """Configuration and weights."""
    with tempfile.TemporaryDirectory() as folder:
        weights = Path(folder) / "w.h5"
        hdf5(weights)
        with weights.open("rb") as file:
            head = file.read(weights.stat().st_size - SIZE)
    config = keras.text(keras.sequential(keras.layer("Dense", units=4)))()
    return zipped(
        ("metadata.json", b'{"keras_version": "3.9.0"}'), ("config.json", config), ("model.weights.h5", [head, SIZE])
    )


@dataclass(frozen=True, slots=True)
class Large:
    """A file: what is to come out of it, and what a damaged or unknown one would not be recognised as."""

    build: Callable[[], Parts] | Callable[[Path], None]
    verdict: str = "clean"


LARGE: dict[str, Large] = {
    "model.safetensors": Large(safetensors),
    "model.gguf": Large(gguf_file),
    "adapter.ggla": Large(ggml),
    "array.npy": Large(npy),
    "value.pkl": Large(pickled),
    "model.pt": Large(torch_zip),
    "old.pt": Large(torch_old),
    "archive.zip": Large(archive, "not scanned"),
    "archive.tar": Large(tar, "not scanned"),
    "archive.7z": Large(sevenzip),
    "arrays.npz": Large(npz),
    "deflated.npz": Large(deflated),
    "model.joblib": Large(joblib),
    "model.skops": Large(skops_archive),
    "model.tflite": Large(tflite),
    "model.ptl": Large(phones),
    "model.ort": Large(onnxruntime),
    "model.caffemodel": Large(caffe_weights),
    "model.accord": Large(dotnet_objects),
    "model.bson": Large(julia_document),
    "old.mat": Large(matlab_4),
    "variables.data-00000-of-00001": Large(variables),
    "image.tar": Large(image, "not scanned"),
    "layer.tar.gz": Large(layer, "not scanned"),
    "model.keras": Large(keras_archive),
    "model.onnx": Large(onnx),
    "graph.pb": Large(tensorflow),
    "model.pdiparams": Large(paddle),
    "model.params": Large(mxnet_parameters),
    "weight.bin": Large(coreml),
    "model.ptd": Large(executorch),
    "model.dnn": Large(cntk),
    "model.cmf": Large(cntk_2),
    "model.rknn": Large(rknn_container),
    "model.t7": Large(torch7),
    "data.rds": Large(r_vector),
    "model.msgpack": Large(messages),
    "model.engine": Large(tensorrt, "not scanned"),
    "disk.iso": Large(iso, "not scanned"),
    "model.h5": Large(hdf5),
}


def write(parts: Iterable[bytes | int], path: Path) -> None:
    """Write bytes, and leave holes."""
    with path.open("wb") as file:
        for part in parts:
            if isinstance(part, int):
                file.seek(part, os.SEEK_CUR)
            else:
                file.write(part)
        file.truncate()


def make(name: str, folder: Path) -> Path:
    """Return the path of a large file, made anew."""
    path = folder / name
    build = LARGE[name].build
    if build in (hdf5, deflated, layer):
        build(path)  # type: ignore[call-arg, unused-ignore]
    else:
        write(build(), path)  # type: ignore[call-arg, arg-type]  # the others take nothing
    return path


def report(path: Path, depth: str) -> dict[str, object]:
    """Return what came of one file, and the memory that this process took at most, in bytes."""
    descriptor = os.open(path, os.O_RDONLY)
    unit = Unit(0, Locator(path.name), os.fstat(descriptor).st_size)
    options = Options(depth="quick" if depth == "quick" else "full")
    result = examine(unit, FileReader(descriptor), options, FileSpool(str(path.parent)))
    return {
        "name": path.name,
        "verdict": result.verdict.value,
        "scanners": result.artifacts[0].scanners,
        "said": [*(p.detail for p in result.problems), *(f.message for f in result.findings)],
        "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * KIB,
    }


def main() -> None:
    """Examine large files in a process each; arguments are a folder, how deep to look, and names, none for all."""
    folder, depth, *names = Path(sys.argv[1]), *sys.argv[2:]
    for name in names or LARGE:
        path = make(name, folder)
        child = os.fork()
        if child == 0:
            sys.stdout.write(json.dumps(report(path, depth)) + "\n")
            sys.stdout.flush()
            os._exit(0)
        os.waitpid(child, 0)
        path.unlink()


if __name__ == "__main__":
    main()
