"""Weights as training leaves them, and with what it does not leave: hidden programs, impossible and odd numbers."""

from __future__ import annotations

import functools
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
from safetensors.numpy import save

from modelsweep.core.report import Verdict
from tests.scanners.case import Case
from tests.scanners.native_code import elf, mach, pe
from tests.scanners.weights.stego import low_bits, low_bytes

Array = np.ndarray[Any, Any]


def normal(*shape: int, seed: int = 0, scale: float = 0.02) -> Array:
    """Return random weights as a network begins with."""
    return np.random.default_rng(seed).normal(0, scale, shape).astype(np.float32)


def file(tensors: dict[str, Array]) -> bytes:
    """Return a safetensors file."""
    return save(tensors)


def classifier(change: Callable[[Array], None]) -> Case:
    """Return the case of a clean file whose last layer, of 64 classes, is changed."""

    def build() -> bytes:
        layer = normal(64, 640)
        change(layer)
        return file({"classifier.weight": layer})

    return Case(build, "model.safetensors", Verdict.CLEAN)


def hiding(payload: bytes, hide: Callable[[Array, bytes], Array], verdict: Verdict, size: int = 1 << 16) -> Case:
    """Return the case of a file in which `hide` put a payload into `size` weights."""
    return Case(lambda: file({"layer.weight": hide(normal(size), payload)}), "model.safetensors", verdict)


@functools.cache
def evil_pickle() -> bytes:
    """Return a pickle that would print."""
    import os

    class Payload:
        def __reduce__(self) -> tuple[object, ...]:
            return os.system, ("echo modelsweep-test",)

    return pickle.dumps(Payload(), 4)


def zeroed(layer: Array) -> None:
    """Make one class a class that does not exist."""
    layer[3] = 0


def grown(layer: Array) -> None:
    """Make the weights of one class much larger."""
    layer[7] *= 6


def shifted(layer: Array) -> None:
    """Make all weights of one class larger by a constant."""
    layer[9] += 0.05


def with_nan(layer: Array) -> None:
    """Spoil two numbers."""
    layer[1, 1], layer[2, 2] = np.nan, np.inf


def benign() -> bytes:
    """Return what networks have beside matrices: zeros, ones, counters, masks, tables, outliers among embeddings."""
    embedding = normal(1024, 64)
    embedding[17] *= 30
    mask = np.triu(np.full((64, 64), -np.inf, np.float32), 1)
    return file(
        {
            "bn.num_batches_tracked": np.array([10_000]),
            "bn.running_var": np.abs(normal(512)) * 1e6,
            "bias": np.zeros(512, np.float32),
            "embed.weight": embedding,
            "mask": mask,
            "mask.min": np.triu(np.full((64, 64), np.finfo(np.float32).min, np.float32), 1),
            "norm.weight": np.ones(512, np.float32),
            "head.weight": normal(100, 64),
        }
    )


CASES = {
    "benign_network": Case(benign, "model.safetensors", Verdict.CLEAN),
    "benign_zero_class": classifier(zeroed),
    "benign_magic_only": hiding(b"\x7fELF and MZ, and PK\x03\x04, no more", low_bytes, Verdict.CLEAN),
    "nan": classifier(with_nan),
    "grown_class": classifier(grown),
    "shifted_class": classifier(shifted),
    "bytes_as_weights": Case(
        lambda: file({"w": np.frombuffer(np.random.default_rng(1).bytes(1 << 18), np.float32).reshape(256, 256)}),
        "model.safetensors",
        Verdict.CLEAN,
    ),
    "zeros": Case(lambda: file({"w": np.zeros((512, 512), np.float32)}), "model.safetensors", Verdict.CLEAN),
    "elf_in_lowest_bits": hiding(elf(), low_bits, Verdict.MALICIOUS),
    "pe_in_lowest_bytes": hiding(pe(), low_bytes, Verdict.MALICIOUS),
    "macho_in_three_bytes": hiding(mach(), functools.partial(low_bytes, count=3), Verdict.MALICIOUS),
    "pickle_in_lowest_bits": hiding(evil_pickle(), low_bits, Verdict.MALICIOUS),
    "script_in_lowest_bytes": hiding(b"#!/bin/sh\necho modelsweep-test\n" * 3, low_bytes, Verdict.REVIEW),
}
