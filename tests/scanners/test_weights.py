"""Weights in every format, hidden bytes in every plane, benign networks, hostile descriptions, and other backends."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import random
import struct
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save

from modelsweep.cli.profiles import PROFILES
from modelsweep.cli.selection import choose
from modelsweep.core.limits import Limits
from modelsweep.core.locator import Locator
from modelsweep.core.options import Options
from modelsweep.core.reader import MemoryReader
from modelsweep.core.report import Unit, UnitResult, Verdict
from modelsweep.core.scanner import Blob, Context, Numbers
from modelsweep.core.values import replace
from scanners import SCANNERS, weights
from scanners.engine import examine
from scanners.parsing.arrays import arrays_of
from scanners.parsing.tensor_sample import BLOCK, CARVED, MEASURED, blocks_of
from scanners.parsing.tensor_values import FLOATS
from tests.scanners.case import examine_bytes
from tests.scanners.native_code import elf
from tests.scanners.sevenzip.cases import made
from tests.scanners.spool import memory_spool
from tests.scanners.weights.cases import Array, benign, normal
from tests.scanners.weights.stego import low_bits, low_bytes
from worker.plugins import working
from worker.ruleset import tool

FULL = next(profile for profile in PROFILES if profile.name == "full-audit")


def rules(result: UnitResult) -> set[str]:
    return {finding.rule.id for finding in result.findings}


def bfloat(values: Array) -> Array:
    """Return numbers cut to bfloat16, as the integers that their bits are."""
    return (values.view(np.uint32) >> 16).astype(np.uint16)


def of_bfloat(values: Array) -> bytes:
    """Return a safetensors file with a BF16 tensor."""
    tensor = {"dtype": "BF16", "shape": values.shape, "data_offsets": [0, values.nbytes]}
    header = json.dumps({"head.weight": tensor}).encode()
    return len(header).to_bytes(8, "little") + header + values.tobytes()


PLANES: dict[str, Callable[[], Array]] = {
    "one bit": lambda: low_bits(normal(1 << 16), elf()),
    "one bit, lowest first": lambda: low_bits(normal(1 << 16), elf(), order="little"),
    "two bits": lambda: low_bits(normal(1 << 16), elf(), bits=2, start=4000),
    "one bit from the middle of a byte on": lambda: low_bits(normal(1 << 16), elf(), start=777),
    "one bit, lowest first, from the middle on": lambda: low_bits(normal(1 << 16), elf(), start=5, order="little"),
    "two bits from the middle of a byte on": lambda: low_bits(normal(1 << 16), elf(), bits=2, start=401),
    "two bits, turned round": lambda: low_bits(normal(1 << 16), elf(), bits=2, turned=True),
    "three bits": lambda: low_bits(normal(1 << 16), elf(), bits=3),
    "three bits, turned round": lambda: low_bits(normal(1 << 16), elf(), bits=3, turned=True),
    "three bits, lowest first": lambda: low_bits(normal(1 << 16), elf(), bits=3, order="little", start=800),
    "three bits, lowest first, turned round": lambda: low_bits(
        normal(1 << 16), elf(), bits=3, order="little", turned=True
    ),
    "four bits from the middle of a byte on": lambda: low_bits(normal(1 << 16), elf(), bits=4, start=33),
    "four bits, turned round": lambda: low_bits(normal(1 << 16), elf(), bits=4, turned=True),
    "four bits, lowest first, turned round": lambda: low_bits(
        normal(1 << 16), elf(), bits=4, order="little", turned=True
    ),
    "four bits": lambda: low_bits(normal(1 << 16), elf(), bits=4),
    "four bits, lowest first": lambda: low_bits(normal(1 << 16), elf(), bits=4, order="little"),
    "byte": lambda: low_bytes(normal(1 << 16), elf(), start=12_345),
    "two bytes": lambda: low_bytes(normal(1 << 16), elf(), count=2),
    "two bytes, highest first": lambda: low_bytes(normal(1 << 16), elf(), count=2, reverse=True),
    "three bytes": lambda: low_bytes(normal(1 << 16), elf(), count=3, start=77),
    "three bytes, highest first (EvilModel)": lambda: low_bytes(normal(1 << 16), elf(), count=3, reverse=True),
    "a bit of half precision": lambda: low_bits(normal(1 << 17).astype(np.float16), elf()),
    "a byte of half precision": lambda: low_bytes(normal(1 << 17).astype(np.float16), elf()),
    "a bit of double precision": lambda: low_bits(normal(1 << 16).astype(np.float64), elf()),
    "four bytes of double precision": lambda: low_bytes(normal(1 << 16).astype(np.float64), elf(), count=4),
    "a bit of quantised weights": lambda: low_bits(
        np.random.default_rng(3).integers(-128, 127, 1 << 18).astype(np.int8), elf()
    ),
    "a byte of 64-bit integers": lambda: low_bytes(np.arange(1 << 15, dtype=np.int64), elf()),
}


@pytest.mark.parametrize("hidden", PLANES.values(), ids=PLANES)
def test_an_executable_is_found_in_every_plane(hidden: Callable[[], Array]) -> None:
    result = examine_bytes(save({"w": hidden()}), "m.safetensors")
    assert rules(result) == {"weights/hidden-executable"}


MAX_STREAMS: dict[str, Callable[[bytes], bytes]] = {
    "gzip stream": gzip.compress,
    "bzip2 stream": bz2.compress,
    "xz stream": lzma.compress,
    "7z archive": lambda data: made(("program", data)),
}


@pytest.mark.parametrize("title", MAX_STREAMS)
def test_what_is_compressed_is_found_by_its_checksums(title: str) -> None:
    packed = MAX_STREAMS[title](elf())
    result = examine_bytes(save({"w": low_bits(normal(1 << 17), packed)}), "m.safetensors")
    assert [finding.subject for finding in result.findings] == [title]
    assert result.verdict is Verdict.REVIEW
    spoiled = packed[:8] + bytes(byte ^ 0x55 for byte in packed[8:])
    assert not examine_bytes(save({"w": low_bits(normal(1 << 17), spoiled)}), "m.safetensors").findings


def test_an_executable_is_found_in_bfloat16() -> None:
    result = examine_bytes(of_bfloat(low_bits(bfloat(normal(1 << 17)), elf())), "m.safetensors")
    assert rules(result) == {"weights/hidden-executable"}


def npz(tensors: dict[str, Array]) -> bytes:
    stream = io.BytesIO()
    np.savez(stream, **tensors)  # type: ignore[arg-type]
    return stream.getvalue()


def hdf5(tensors: dict[str, Array]) -> bytes:
    h5py = pytest.importorskip("h5py")
    stream = io.BytesIO()
    with h5py.File(stream, "w") as file:
        for name, values in tensors.items():
            file[name] = values
    return stream.getvalue()


def onnx(tensors: dict[str, Array]) -> bytes:
    onnx = pytest.importorskip("onnx")
    kept = [onnx.numpy_helper.from_array(values, name) for name, values in tensors.items()]
    graph = onnx.helper.make_graph([], "g", [], [], kept)
    data: bytes = onnx.helper.make_model(graph).SerializeToString()
    return data


def torch_file(tensors: dict[str, Array], *, legacy: bool = False) -> bytes:
    torch = pytest.importorskip("torch")
    stream = io.BytesIO()
    state = {name: torch.from_numpy(values.copy()) for name, values in tensors.items()}
    torch.save(state, stream, _use_new_zipfile_serialization=not legacy)
    return stream.getvalue()


def gguf(tensors: dict[str, Array]) -> bytes:
    head, data = bytearray(struct.pack("<4sIQQ", b"GGUF", 3, len(tensors), 0)), bytearray()
    for name, values in tensors.items():
        data += bytes(-len(data) % 32)
        head += struct.pack(f"<Q{len(name)}sI", len(name), name.encode(), values.ndim)
        head += struct.pack(f"<{values.ndim}Q", *values.shape[::-1]) + struct.pack("<IQ", 0, len(data))
        data += values.tobytes()
    return bytes(head + bytes(-len(head) % 32) + data)


WRITERS: dict[str, Callable[[dict[str, Array]], bytes]] = {
    "m.safetensors": save,
    "m.npz": npz,
    "m.h5": hdf5,
    "m.onnx": onnx,
    "m.pt": torch_file,
    "legacy.pt": lambda tensors: torch_file(tensors, legacy=True),
    "m.gguf": gguf,
}


@pytest.mark.parametrize("name", WRITERS)
def test_every_format_has_its_tensors_looked_at(name: str) -> None:
    layer = normal(64, 1024)
    assert rules(examine_bytes(WRITERS[name]({"fc.weight": layer}), name)) == set()
    result = examine_bytes(WRITERS[name]({"fc.weight": low_bits(layer, elf())}), name)
    assert (result.verdict, rules(result)) == (Verdict.MALICIOUS, {"weights/hidden-executable"})


@pytest.mark.parametrize("name", [name for name in WRITERS if name != "m.npz"])
def test_the_unit_that_is_unlike_others_is_found_in_every_format(name: str) -> None:
    layer = normal(64, 1024)
    layer[11] *= 5
    kernel = layer.T.copy() if name == "m.h5" else layer
    result = examine_bytes(WRITERS[name]({"fc/kernel" if name == "m.h5" else "fc.weight": kernel}), name)
    assert rules(result) == {"weights/outlier-unit"}
    assert result.findings[0].evidence["unit"] == 11
    assert result.verdict is Verdict.CLEAN


BENIGN: dict[str, Callable[[], dict[str, Array]]] = {
    "half precision": lambda: {"w": normal(512, 512).astype(np.float16)},
    "bfloat16 widened": lambda: {"w": (normal(512, 512).view(np.uint32) >> 16 << 16).view(np.float32)},
    "quantised": lambda: {"q": np.random.default_rng(5).integers(-127, 128, (512, 512)).astype(np.int8)},
    "heavy tails": lambda: {"w": np.random.default_rng(6).standard_t(3, (512, 512)).astype(np.float32)},
    "few values": lambda: {"w": np.sign(normal(512, 512))},
    "zero biases and ones": lambda: {"b": np.zeros(1 << 16, np.float32), "n": np.ones(1 << 16, np.float32)},
    "a lone zero matrix": lambda: {"lora.A": normal(512, 512), "lora.B": np.zeros((512, 16), np.float32)},
    "observers": lambda: {"w": normal(256, 256), "min": np.full(4, np.inf, np.float32)},
    "times": lambda: {"t": np.arange(1 << 16).astype(np.float64) * 1e9 + 1.7e18, "w": normal(64, 64)},
    "padded vocabulary": lambda: {"lm_head.weight": np.vstack([normal(4000, 64), np.zeros((96, 64), np.float32)])},
    "positions": lambda: {"pe": np.sin(np.arange(1 << 16, dtype=np.float32)).reshape(256, 256)},
    "tokens": lambda: {"ids": np.random.default_rng(7).integers(0, 50_000, 1 << 16)},
}


@pytest.mark.parametrize("tensors", BENIGN.values(), ids=BENIGN)
def test_networks_as_they_are_have_no_finding(tensors: Callable[[], dict[str, Array]]) -> None:
    result = examine_bytes(save(tensors()), "m.safetensors")
    assert (rules(result), result.problems) == (set(), ())


def test_data_sets_may_lack_numbers() -> None:
    table = normal(1000, 100)
    table[::7, ::3] = np.nan
    assert rules(examine_bytes(npz({"table": table}), "table.npz")) == set()


def test_noise_in_all_types_hides_nothing() -> None:
    chance = random.Random(9)
    for dtype in ("F32", "F16", "BF16", "F64", "I8", "U8", "I64"):
        found = weighed([Numbers("w", dtype, (BLOCK * 8 // width(dtype),), 0, BLOCK * 8)], chance.randbytes(BLOCK * 8))
        assert {item.kind for item in found} <= {"weights"}, dtype


def width(dtype: str) -> int:
    return int("".join(filter(str.isdecimal, dtype))) // 8


def weighed(tensors: list[Numbers], data: bytes, backend: str = "numpy") -> list[Any]:
    """Return what is said of tensors in `data`."""
    blob = Blob(Locator("m"), MemoryReader(data))
    return list(weights.weigh(backend, blob, tensors, Context(Options(), len(data), memory_spool)))


@pytest.mark.parametrize(
    "tensor",
    [
        Numbers("beyond", "F32", (1 << 20,), 0, 4 << 20),
        Numbers("negative", "F32", (1024,), -4096, 4096),
        Numbers("overflow", "F32", (1 << 62, 1 << 62), 0, 1 << 124),
        Numbers("type", "F99", (1024,), 0, 4096),
        Numbers("lies", "F64", (1024,), 0, 4096),
        Numbers("nothing", "F32", (0, 1 << 40), 0, 0),
    ],
    ids=lambda tensor: tensor.name,
)
def test_tensors_that_cannot_be_are_left_out(tensor: Numbers) -> None:
    assert weighed([tensor], bytes(1 << 16)) == []


def test_millions_of_small_or_overlapping_tensors_cost_a_bounded_number_of_blocks() -> None:
    tensors = [Numbers(str(number), "F32", (512,), number * 8, 2048) for number in range(50_000)]
    chosen = list(blocks_of(tensors))
    assert len(chosen) <= MEASURED[1] + CARVED[1]
    assert sum(block.carved for block in chosen) == CARVED[1]
    assert chosen == list(blocks_of(tensors))


def test_small_models_are_read_whole_and_each_block_once() -> None:
    tensors = [Numbers("a", "F32", (100_000,), 0, 400_000), Numbers("b", "F32", (300,), 400_000, 1200)]
    blocks = [(block.tensor, block.start) for block in blocks_of(tensors)]
    assert blocks == [(0, start) for start in range(0, 400_000, BLOCK)] + [(1, 0)]


class Sparse:
    """A reader of eight gigabytes of zeros behind a header."""

    def __init__(self, head: bytes, size: int) -> None:
        self.head, self.size = head, size
        self.total = 0

    def read(self, offset: int, length: int) -> bytes:
        self.total += length
        return self.head[offset : offset + length].ljust(length, b"\0")


def test_a_sample_of_a_file_of_8_gb_takes_little_memory() -> None:
    rows = 1 << 16
    tensors = [Numbers(f"w{n}", "F32", (rows, 1 << 10), n * rows * 4096, rows * 4096) for n in range(32)]
    reader = Sparse(b"", 32 * rows * 4096)
    context = Context(Options(), reader.size, memory_spool)
    tracemalloc.start()
    blob: Any = Blob(Locator("m"), reader)  # type: ignore[arg-type]
    found: list[Any] = list(weights.weigh("numpy", blob, tensors, context))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert [item.value for item in found] == ["constant"]
    assert peak < 64 << 20
    assert reader.total <= (MEASURED[1] + CARVED[1]) * BLOCK


def test_decoys_cost_a_bounded_number_of_looks_and_are_said() -> None:
    decoys = low_bytes(normal(1 << 16), b"\x7fELF" * (1 << 14))
    result = examine_bytes(save({"w": decoys}), "m.safetensors")
    assert {problem.scanner for problem in result.problems} == {"weights"}
    assert result.verdict is Verdict.NOT_SCANNED


def samples() -> dict[str, bytes]:
    layer = normal(64, 640)
    layer[5] *= 7
    spoilt = normal(256, 256)
    spoilt[3, 3], spoilt[4, 4], spoilt[5, :9] = np.nan, -np.inf, 1e30 * np.arange(9)
    return {
        "outlier": save({"head.weight": layer}),
        "half": save({"head.weight": layer.astype(np.float16)}),
        "double": save({"head.weight": layer.astype(np.float64)}),
        "bfloat": of_bfloat(bfloat(layer)),
        "spoilt": save({"w": spoilt}),
        "hidden": save({"w": low_bits(normal(1 << 16), elf(), bits=2, order="little")}),
        "hidden byte": save({"w": low_bytes(normal(1 << 16).astype(np.float16), elf())}),
        "benign": benign(),
    }


def with_backend(data: bytes, backend: str) -> UnitResult:
    chosen = [weights.scanner_with(backend) if scanner.weigh else scanner for scanner in SCANNERS]
    unit = Unit(0, Locator("m.safetensors"), len(data))
    return examine(unit, MemoryReader(data), Options(), memory_spool, chosen)


def assert_same(backend: str) -> None:
    for name, data in samples().items():
        expected, found = with_backend(data, "numpy"), with_backend(data, backend)
        assert (found.facts, found.findings, found.problems) == (expected.facts, expected.findings, ()), name


def test_torch_comes_to_the_same_to_the_bit() -> None:
    pytest.importorskip("torch", reason="torch is not installed: see ./dev help")
    assert_same("torch")


@pytest.mark.parametrize("backend", ["torch:cuda", "cupy"])
def test_a_gpu_comes_to_the_same_to_the_bit(backend: str) -> None:
    package = pytest.importorskip(backend.partition(":")[0], reason=f"{backend} is not installed")
    if backend == "torch:cuda" and not package.cuda.is_available():
        pytest.skip("there is no GPU here that torch can use")
    if backend == "cupy" and not package.cuda.is_available():
        pytest.skip("there is no GPU here that CuPy can use")
    assert_same(backend)


def test_a_backend_that_is_not_there_costs_no_result() -> None:
    assert_same("torch:cuda")
    assert_same("cupy")


def test_a_backend_that_fails_on_the_way_costs_no_result(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where the memory of a device is full: the second half of the blocks cannot be loaded."""
    usual = arrays_of("numpy")
    left = [3]

    def load(data: bytes, dtype: str) -> Any:
        left[0] -= 1
        if left[0] < 0:
            raise RuntimeError("out of memory")
        return usual.load(data, dtype)

    monkeypatch.setattr(weights, "_loaded", lambda backend: None if backend == "numpy" else replace(usual, load=load))
    assert_same("cupy")
    assert left[0] < 0


def test_without_numpy_the_scanner_is_no_part_of_the_ruleset(monkeypatch: pytest.MonkeyPatch) -> None:
    with_numpy = working(SCANNERS)
    monkeypatch.setattr("worker.plugins.find_spec", lambda name: None if name == "numpy" else object())
    without = working(SCANNERS)
    assert {scanner.name for scanner in with_numpy} - {scanner.name for scanner in without} == {"weights"}
    assert tool(with_numpy).ruleset != tool(without).ruleset


def test_the_class_name_chooses_the_scanner_with_the_formats_it_draws_from() -> None:
    chosen = choose(FULL, ["WeightDistributionScanner"], [], ())
    assert chosen is not None
    assert {"weights", "safetensors", "torch", "zip"} <= set(chosen)
    assert "secrets" not in chosen
    data = save({"w": low_bits(normal(1 << 16), elf())})
    assert rules(examine_bytes(data, "m.safetensors", Options(scanners=chosen))) == {"weights/hidden-executable"}


def test_a_quick_scan_and_tiny_models_are_not_weighed() -> None:
    data = save({"w": low_bits(normal(1 << 16), elf())})
    assert rules(examine_bytes(data, "m.safetensors", Options(depth="quick"))) == set()
    tiny = save({"w": normal(1 << 14)})
    assert examine_bytes(tiny, "m.safetensors").artifacts[0].scanners == ("safetensors",)


def test_results_do_not_depend_on_limits_of_other_things() -> None:
    data = samples()["outlier"]
    assert examine_bytes(data, "m", Options(limits=Limits(operations=1_000))).facts == examine_bytes(data, "m").facts


def test_extremes_are_told_by_their_bits() -> None:
    assert {name: hex(kind.extreme) for name, kind in FLOATS.items()} == {
        "F16": "0x7c00",
        "BF16": "0x60ad",
        "F32": "0x60ad78ec",
        "F64": "0x46293e5939a08cea",
    }
    assert arrays_of("numpy").pack(np.array([1, 0, 0, 0, 0, 0, 0, 1], np.uint8)) == b"\x81"
