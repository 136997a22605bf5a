"""What the zygote does beforehand, for all the children to come."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

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
