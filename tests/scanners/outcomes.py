"""All that is said of every case, worked out by a process of its own: `python -m tests.scanners.outcomes STEP WAY`.

The first WAY is the usual one. The `other` goes over the cases the other way round, reads them by range, searches with
hyperscan from the first byte on, and interprets pickles with the machine as it stands in its source.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import sys
from pathlib import Path

USUAL, OTHER = "usual", "other"
MACHINE = "scanners.parsing.pickle_machine"


def _use_the_source_of_the_machine() -> None:
    source = Path(__file__).parents[2] / f"{MACHINE.replace('.', '/')}.py"
    spec = importlib.util.spec_from_file_location(MACHINE, source)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[MACHINE] = module
    spec.loader.exec_module(module)
    setattr(importlib.import_module("scanners.parsing"), "pickle_machine", module)  # noqa: B010 - what mypy does not know


def outcomes(step: int, *, other: bool) -> dict[str, tuple[str, str]]:
    """Return a digest of every `step`-th case, and one of what is said of it, by its folder and name."""
    if other:
        _use_the_source_of_the_machine()
    from modelsweep.core.locator import Locator
    from modelsweep.core.reader import MemoryReader, Reader
    from modelsweep.core.report import Unit
    from modelsweep.core.wire import dumps, encode_result
    from scanners import matcher
    from scanners.engine import examine
    from scanners.judge.repository.across import together
    from sources.ranged import RangedReader
    from tests.scanners.spool import memory_spool
    from tests.scanners.test_cases import all_cases

    if not other:
        matcher.has_hyperscan = lambda: False  # type: ignore[assignment]
    elif matcher.has_hyperscan():
        matcher.matcher_for.pays = True
    found = {}
    cases = all_cases()[::step]
    for folder, name, case in reversed(cases) if other else cases:
        data = case.build()
        reader: Reader = MemoryReader(data)
        if other:
            reader = RangedReader(lambda offset, length, data=data: data[offset : offset + length], len(data))  # type: ignore[misc]
        result = examine(Unit(0, Locator(case.name), len(data)), reader, case.options, memory_spool)
        (result,) = together([result], case.options)
        said = encode_result(result) | {"duration": 0}
        found[f"{folder}/{name}"] = hashlib.sha256(data).hexdigest(), hashlib.sha256(dumps(said)).hexdigest()
    return found


if __name__ == "__main__":
    sys.stdout.write(json.dumps(outcomes(int(sys.argv[1]), other=sys.argv[2] == OTHER)))
