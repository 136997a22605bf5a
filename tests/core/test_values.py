"""Value classes are those of the standard library to whoever uses them, and cost nothing before."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from modelsweep.core import values
from modelsweep.core.limits import Limits
from modelsweep.core.options import Options

ROOT = Path(__file__).resolve().parents[2]
_DECLARED = '''
from __future__ import annotations
from functools import cached_property

@dataclass(frozen=True, slots=True)
class Frozen:
    """A value."""

    place: int
    name: str = "none"
    detail: dict[str, int] = field(default_factory=dict)
    head: bytes = field(default=b"", repr=False, compare=False)

    @property
    def next(self) -> int:
        return self.place + 1

@dataclass(slots=True)
class Mutable:
    place: int
    seen: list[int] = field(default_factory=list)

@dataclass(frozen=True)
class WithDict:
    place: int
    label: str = ""

    @cached_property
    def twice(self) -> int:
        return self.place * 2
'''
_CALLS: tuple[Callable[[Any], object], ...] = (
    lambda made: repr(made.Frozen(1, head=b"x")),
    lambda made: made.Frozen(1, "a", {"b": 2}, b"c").detail,
    lambda made: made.Frozen(1, head=b"x") == made.Frozen(1),
    lambda made: made.Frozen(1) == made.Frozen(2),
    lambda made: made.Frozen(1) == 1,
    lambda made: hash(made.Frozen(1, detail=())) == hash(made.Frozen(1, detail=(), head=b"x")),
    lambda made: made.Frozen(1).detail is made.Frozen(1).detail,
    lambda made: made.Frozen(3).next,
    lambda made: made.Frozen.__match_args__,
    lambda made: made.Frozen.__slots__,
    lambda made: made.Frozen.__doc__,
    lambda made: str(inspect.signature(made.Frozen.__init__)),
    lambda made: made.Frozen(),
    lambda made: made.Frozen(1, 2, 3, 4, 5),
    lambda made: made.Frozen(1, wrong=2),
    lambda made: repr(made.replace(made.Frozen(1), name="b")),
    lambda made: made.replace(made.Frozen(1), wrong="b"),
    lambda made: made.asdict(made.Frozen(1, detail={"a": 1})),
    lambda made: repr(dataclasses.replace(made.Frozen(1), name="b")),
    lambda made: dataclasses.asdict(made.Frozen(1)),
    lambda made: [(one.name, one.type, one.repr) for one in dataclasses.fields(made.Frozen)],
    lambda made: dataclasses.is_dataclass(made.Mutable),
    lambda made: repr(made.Mutable(1, [2])),
    lambda made: setattr(made.Mutable(1), "place", 2),
    lambda made: setattr(made.Mutable(1), "other", 2),
    lambda made: hash(made.Mutable(1)),
    lambda made: made.WithDict(4).twice,
    lambda made: repr(copy.deepcopy(made.WithDict(4))),
)


class _Module:
    """The three classes, declared with one module's decorator."""

    def __init__(self, module: Any) -> None:
        self.replace, self.asdict = module.replace, module.asdict
        names = {"dataclass": module.dataclass, "field": module.field, "__name__": __name__}
        exec(_DECLARED, names)
        self.__dict__.update(names)


@pytest.mark.parametrize("number", range(len(_CALLS)))
def test_they_do_what_those_of_the_standard_library_do(number: int) -> None:
    def outcome(module: Any) -> object:
        try:
            return _CALLS[number](_Module(module))
        except (AttributeError, TypeError) as error:
            return type(error)

    assert outcome(values) == outcome(dataclasses)


def test_they_can_be_copied_and_pickled() -> None:
    options = Options(allow_imports=("acme.*",), limits=Limits(depth=3))
    assert pickle.loads(pickle.dumps(options)) == copy.deepcopy(options) == options
    assert values.asdict(options) == dataclasses.asdict(options)


def test_examining_processes_load_nothing_that_a_small_file_does_not_need() -> None:
    code = "import sys; sys.path[:0] = sys.argv[1:]; import worker.zygote; print(*sys.modules)"
    command = [sys.executable, "-I", "-S", "-c", code, str(ROOT), *filter(None, sys.path)]
    loaded = set(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())
    assert "scanners.engine" in loaded
    heavy = "dataclasses inspect numpy hyperscan h5py jinja2 yaml scanners.parsing.spdx_ids importlib.metadata tempfile"
    assert not loaded & set(heavy.split())
