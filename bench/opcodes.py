"""Micro-benchmark: million opcodes per second of the pickle machine, compiled and pure, and of pickletools."""

from __future__ import annotations

import importlib
import importlib.util
import pickletools
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.machinery import EXTENSION_SUFFIXES, SourceFileLoader
from io import BytesIO
from pathlib import Path
from random import Random
from statistics import median
from types import ModuleType

from bench.dense import OPERATIONS, PROTOCOLS, SHAPES, stream
from modelsweep.core.reader import MemoryReader

MACHINE = "scanners.parsing.pickle_machine"
COMPILED, PURE, PICKLETOOLS = "compiled", "pure", "pickletools"
GOALS = {COMPILED: 15.0, PURE: 3.0}
"""Million opcodes per second."""
SLOW_SHARE = 10
"""The pure walkers get a stream so many times shorter: a rate does not need more."""


@dataclass(frozen=True, slots=True)
class Rate:
    """Million opcodes per second of CPU time (median of the rounds) of a walker over a shape of stream."""

    shape: str
    protocol: int
    walker: str
    millions: float


def machines() -> dict[str, ModuleType]:
    """Return the pickle machine from its source, and the compiled one where there is one."""
    installed = importlib.import_module(MACHINE)
    path = Path(str(installed.__file__))
    source = path.with_name(path.name.partition(".")[0] + ".py")
    loader = SourceFileLoader("bench.pure_machine", str(source))
    spec = importlib.util.spec_from_loader(loader.name, loader)
    assert spec is not None
    pure = importlib.util.module_from_spec(spec)
    sys.modules[loader.name] = pure  # dataclasses look their module up
    loader.exec_module(pure)
    found = {PURE: pure}
    return {COMPILED: installed, **found} if path.name.endswith(tuple(EXTENSION_SUFFIXES)) else found


def measure_rates(rounds: int, scale: float) -> Iterator[Rate]:
    """Yield the rates of all walkers over all shapes, each walker once per round."""
    walkers: dict[str, Callable[[bytes], int]] = {name: _walker(machine) for name, machine in machines().items()}
    walkers[PICKLETOOLS] = _genops
    for shape in SHAPES:
        for protocol in PROTOCOLS:
            count = max(1000, int(OPERATIONS * scale / len(SHAPES)))
            short = stream(shape, protocol, count // SLOW_SHARE, Random(shape))
            streams = dict.fromkeys(walkers, short)
            streams[COMPILED] = stream(shape, protocol, count, Random(shape))
            taken: dict[str, list[float]] = {name: [] for name in walkers}
            for _ in range(rounds):
                for name, walk in walkers.items():
                    taken[name].append(_rate(walk, streams[name]))
            for name, rates in taken.items():
                yield Rate(shape, protocol, name, median(rates))


def _rate(walk: Callable[[bytes], int], data: bytes) -> float:
    started = time.process_time()
    operations = walk(data)
    return operations / (time.process_time() - started) / 1e6


def _walker(module: ModuleType) -> Callable[[bytes], int]:
    def walk(data: bytes) -> int:
        machine = module.Machine(MemoryReader(data), 0, module.Interests(), 1 << 40)
        machine.run()
        assert machine.ended, machine.fault
        operations: int = machine.operations
        return operations

    return walk


def _genops(data: bytes) -> int:
    counted = deque(enumerate(pickletools.genops(BytesIO(data)), 1), maxlen=1)
    return counted[0][0]
