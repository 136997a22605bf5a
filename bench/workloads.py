"""What is examined: the workloads with the goals that are held against them."""

from __future__ import annotations

import io
import os
import pickle
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random

from bench.dense import OPERATIONS, mixture
from bench.goals import (
    Goal,
    cpu_at_most,
    fewer_cpu,
    memory_above_interpreter,
    memory_at_most,
    quick_after_start,
    times_cpu,
    times_hash,
)
from bench.payloads import noise, write_arrays, write_gguf, write_safetensors, write_torch
from bench.peers import HASH, OURS, QUICK, START, TINY
from modelsweep.core.units import GIB, KIB, MIB

SEED = 20_24


@dataclass(frozen=True, slots=True)
class Workload:
    """Files to examine: `build` writes them at a path, a file or a folder, in the size that `scale` (1.0: full) makes.

    `name` is also the path's name. `own` are the tools of ours that are measured beside the peers. `malicious` says
    that a finding is the right answer.
    """

    name: str
    title: str
    build: Callable[[Path, float, Random], None]
    goals: tuple[Goal, ...] = ()
    own: tuple[str, ...] = (OURS, HASH)
    malicious: bool = False
    folder: bool = False

    def make(self, path: Path, scale: float) -> None:
        """Write the workload at `path`, the same bytes for the same scale; what is there already is kept."""
        if path.exists():
            return
        partial = path.with_name(f"partial-{path.name}")
        self.build(partial, scale, Random(f"{self.name} {SEED}"))
        partial.rename(path)


def _sized(write: Callable[[Path, int, Random], None], size: int) -> Callable[[Path, float, Random], None]:
    return lambda path, scale, random: write(path, int(size * scale), random)


def _tiny(path: Path, _scale: float, _random: Random) -> None:
    path.write_bytes(pickle.dumps({"weights": [0.25, 0.5], "epoch": 3}, 4))


def _small(path: Path, scale: float, random: Random) -> None:
    from bench.small_files import write_small_files

    write_small_files(path, int(2000 * scale), 48 * KIB, random)


def _dense(protocol: int) -> Callable[[Path, float, Random], None]:
    def build(path: Path, scale: float, random: Random) -> None:
        path.write_bytes(mixture(protocol, int(OPERATIONS * scale), random))

    return build


def _large_pickle(path: Path, size: int, random: Random) -> None:
    write_arrays(path, size, min(128 * MIB, size), random)


def _many_arrays(path: Path, size: int, random: Random) -> None:
    write_arrays(path, size, 100 * KIB, random)


def _repository(path: Path, scale: float, random: Random) -> None:
    from bench.models import write_repository

    write_repository(path, int(2 * GIB * scale), scale, random)


def _saved_model(path: Path, size: int, random: Random) -> None:
    from bench.models import write_saved_model

    write_saved_model(path, size, random)


def _onnx(path: Path, size: int, random: Random) -> None:
    from bench.models import write_onnx

    write_onnx(path, size, random)


class _Payload:
    """What a victim would unpickle; harmless should anybody do so."""

    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.system, ("echo modelsweep-test",)


def _nested(path: Path, size: int, random: Random) -> None:
    """Write a zip that holds a tar.gz that holds a zip with a pickle that would call os.system, beside random bytes."""
    inner, middle = io.BytesIO(), io.BytesIO()
    with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("model/weights.bin", b"".join(noise(random, size)))
        archive.writestr("model/optimizer.pkl", pickle.dumps(_Payload(), 4))
    with tarfile.open(fileobj=middle, mode="w:gz") as archive:
        member = tarfile.TarInfo("checkpoint.zip")
        member.size = len(inner.getvalue())
        archive.addfile(member, io.BytesIO(inner.getvalue()))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("backup.tar.gz", middle.getvalue())


_FLAT = memory_above_interpreter(150)
_LARGE = (times_hash(1.1), _FLAT)
_WHOLE = (times_hash(1.15), memory_at_most(200))
_DENSE = (fewer_cpu("picklescan", 10), memory_at_most(300))
WORKLOADS: tuple[Workload, ...] = (
    Workload(TINY, "Start-up: one tiny pickle", _tiny, (cpu_at_most(0.15),)),
    Workload(
        "small",
        "2,000 small files of twelve kinds, 96 MB",
        _small,
        (times_cpu("picklescan", 1.5), fewer_cpu("modelaudit", 200)),
        folder=True,
    ),
    Workload(
        "model.safetensors",
        "safetensors, 4 GB",
        _sized(write_safetensors, 4 * GIB),
        (*_LARGE, fewer_cpu("modelaudit", 4)),
    ),
    Workload(
        "checkpoint.pt",
        "torch checkpoint (zip), 4 GB",
        _sized(write_torch, 4 * GIB),
        (*_LARGE, quick_after_start(20)),
        own=(OURS, QUICK, START, HASH),
    ),
    Workload("model.gguf", "GGUF, 2 GB", _sized(write_gguf, 2 * GIB), (*_LARGE, fewer_cpu("modelaudit", 4))),
    Workload(
        "repository",
        "repository of a model: configuration, tokenizer, 2 shards of 1 GB",
        _repository,
        _WHOLE,
        folder=True,
    ),
    Workload("saved_model", "TensorFlow SavedModel, 500 MB", _sized(_saved_model, 500 * MIB), _WHOLE, folder=True),
    Workload("model.onnx", "ONNX, 500 MB", _sized(_onnx, 500 * MIB), _WHOLE),
    Workload("large.pkl", "pickle of arrays of 128 MB, 2 GB", _sized(_large_pickle, 2 * GIB), (_FLAT,)),
    Workload("arrays.pkl", "pickle of 4,000 arrays, 403 MB", _sized(_many_arrays, 403_000_000), (_FLAT,)),
    Workload("dense4.pkl", "pickle of 9.5 million opcodes, protocol 4", _dense(4), _DENSE),
    Workload("dense2.pkl", "pickle of 9.5 million opcodes, protocol 2", _dense(2), _DENSE),
    Workload("nested.zip", "os.system in a zip in a tar.gz in a zip, 18 MB", _sized(_nested, 18 * MIB), malicious=True),
)
