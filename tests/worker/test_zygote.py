"""What the zygote does beforehand, for all the children to come."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

from bench.small_files import WRITERS
from modelsweep.core.units import KIB

ROOT = Path(__file__).resolve().parents[2]
_WARMED = """
import os, sys
backend, spool, *sys.path[:] = sys.argv[1:]
from modelsweep.core.options import Options
from sources.spool import FileSpool
from worker.backends import computing_with
from worker.pattern_file import PatternFile
from worker.plugins import scanners_with, working
from worker.zygote import Work, warm
scanners = computing_with(working(scanners_with(())), backend)
warm(Work(Options(), scanners, spool, backend, PatternFile("")), FileSpool(spool))
print(len(os.listdir("/proc/self/task")), *sys.modules)
"""

_LOOK = """
from modelsweep.core.locator import Locator
from modelsweep.core.reader import MemoryReader
from modelsweep.core.report import Unit
from modelsweep.core.wire import encode_result
from scanners.engine import examine
print()
for name in sorted(os.listdir(spool)):
    data = open(os.path.join(spool, name), "rb").read()
    before = set(sys.modules)
    result = examine(Unit(0, Locator(name), len(data)), MemoryReader(data), Options(), FileSpool(spool), scanners)
    encode_result(result)
    print(name, *sorted(set(sys.modules) - before))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="threads are counted in /proc")
@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_what_weights_need_is_loaded_once_without_a_thread_that_a_fork_would_lose(backend: str, tmp_path: Path) -> None:
    command = [sys.executable, "-I", "-S", "-c", _WARMED, backend, str(tmp_path), str(ROOT), *filter(None, sys.path)]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    threads, modules = int(said[0]), set(said[1:])
    assert threads == 1
    assert "scanners.parsing.pickle_extract" in modules
    assert ("numpy" in modules) == (backend == "numpy")
    assert not modules & {"torch", "hyperscan"}


def test_a_fresh_child_imports_nothing_for_files_of_the_usual_kinds(tmp_path: Path) -> None:
    random = Random(1)
    for suffix, write in WRITERS:
        write(tmp_path / f"model{suffix}", 2 * KIB, random)
    (tmp_path / "README.md").write_text("---\nlicense: apache-2.0\n---\n# Model\n")
    (tmp_path / "modeling.py").write_text("import torch\n\n\nclass Model(torch.nn.Module):\n    pass\n")
    command = [
        sys.executable,
        "-I",
        "-S",
        "-c",
        _WARMED + _LOOK,
        "numpy",
        str(tmp_path),
        str(ROOT),
        *filter(None, sys.path),
    ]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    looks = [line.split() for line in said.partition("\n\n")[2].splitlines()]
    assert len(looks) == len({suffix for suffix, _ in WRITERS}) + 2
    # the last is of UTF-32, which is asked for where a text may be in it
    assert [[name, *set(modules) - {"encodings.utf_32_le"}] for name, *modules in looks] == [
        [look[0]] for look in looks
    ]
