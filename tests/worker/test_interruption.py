"""Control-C and the death of the scanning process leave no process and no file; Linux only."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.worker.processes import alive, below

SCRIPT = """
import sys
from modelsweep import scan
print("ready", flush=True)
scan(*sys.argv[1:], plugins=["modelsweep-hostile"], jobs=2)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL, signal.SIGHUP])
def test_a_signal_leaves_no_process_and_no_file(hostile: Path, tmp_path: Path, number: signal.Signals) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    for name in ("a", "b"):
        (tmp_path / name).write_bytes(b"HOSTILE hang\n")
    own = Path(__file__).parents[2]
    environment = {**os.environ, "TMPDIR": str(temporary), "PYTHONPATH": f"{hostile}:{own}"}
    scanning = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(tmp_path / "a"), str(tmp_path / "b")],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    with scanning:
        started = _until(lambda: below(scanning.pid) if len(below(scanning.pid)) == 3 else set[int]())
        assert len(started) == 3, "the zygote and two children"
        time.sleep(0.2)
        os.killpg(scanning.pid, number)  # as a terminal does: to all processes in the foreground
        _, errors = scanning.communicate(timeout=20)
    assert scanning.returncode == -number
    assert (b"KeyboardInterrupt" in errors) == (number == signal.SIGINT)
    assert errors.count(b"Traceback") <= 1, "no child prints one of its own"
    _until(lambda: not any(alive(process) for process in started))
    assert not [process for process in started if alive(process)]
    assert not list(temporary.iterdir())


def _until(condition):
    """Return what `condition` returns as soon as it is true, or after ten seconds."""
    stop = time.monotonic() + 10
    while not (found := condition()) and time.monotonic() < stop:
        time.sleep(0.02)
    return found
