"""The compiled and the pure machine are one source: they must agree on every stream, cut or flipped anywhere."""

from __future__ import annotations

import importlib.util
import random
import sys
from pathlib import Path
from types import ModuleType

import pytest

from modelsweep.core.reader import MemoryReader
from scanners.parsing import pickle_machine
from scanners.parsing.pickle_extract import interests
from tests.scanners.pickle.cases import CASES

SOURCE = Path(__file__).parents[3] / "scanners" / "parsing" / "pickle_machine.py"
ALLOWANCE = 100_000
FLIPS = 20


def loaded_pure() -> ModuleType:
    """Return the module interpreted from its source, whatever is compiled beside it."""
    spec = importlib.util.spec_from_file_location("pure_pickle_machine", SOURCE)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


PURE = loaded_pure()


def trace(module: ModuleType, data: bytes) -> tuple[object, ...]:
    """Return all that a machine says of one stream."""
    machine = module.Machine(MemoryReader(data), 0, interests(), ALLOWANCE)
    outcome = machine.run()
    seen = (outcome, machine.position, machine.fault, machine.operations, machine.protocol, machine.result)
    return (*seen, machine.names, machine.events, machine.candidates, machine.contents)


@pytest.mark.skipif(
    pickle_machine.__file__.endswith(".py"), reason="the machine is not compiled: a C compiler at ./dev setup brings it"
)
@pytest.mark.parametrize("name", sorted(CASES))
def test_compiled_and_pure_agree(name: str) -> None:
    data = CASES[name].build()
    chance = random.Random(name)
    assert trace(pickle_machine, data) == trace(PURE, data)
    for _ in range(FLIPS):
        flipped = bytearray(data)
        flipped[chance.randrange(len(data))] = chance.randrange(256)
        cut = bytes(flipped[: chance.randrange(1, len(data) + 1)])
        assert trace(pickle_machine, cut) == trace(PURE, cut)


def test_stack_memo_and_node_arrays_grow() -> None:
    data = b"\x80\x04" + b"(" * 1000 + b"]\x94" * 1000 + b"K\x01" * 5000 + b"t" * 1000 + b"."
    for module in (pickle_machine, PURE):
        machine = module.Machine(MemoryReader(data), 0, module.Interests(), ALLOWANCE)
        assert machine.run() == 1
        assert machine.operations == data.count(b"(") + 2 * 1000 + 5000 + 1000 + 2


def test_literals_across_windows_are_stepped_over() -> None:
    data = (
        b"\x80\x04" + b"".join(b"B" + (700_000).to_bytes(4, "little") + bytes(700_000) + b"0" for _ in range(5)) + b"N."
    )
    for module in (pickle_machine, PURE):
        machine = module.Machine(MemoryReader(data), 0, module.Interests(), ALLOWANCE)
        assert (machine.run(), machine.position) == (1, len(data))
