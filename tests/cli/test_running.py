"""How a command ends that is told to by a signal: what it was writing goes with it."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from modelsweep import cli
from modelsweep.cli.outputs import replacing
from modelsweep.cli.running import guarded


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_report_that_is_half_written_is_removed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], number: signal.Signals
) -> None:
    report = tmp_path / "report.json"
    report.write_text("old")

    def write() -> int:
        with replacing(str(report)) as stream:
            stream.write("new")
            os.kill(os.getpid(), number)
        return 0

    assert guarded(write) == 128 + number
    assert [path.name for path in tmp_path.iterdir()] == ["report.json"]
    assert report.read_text() == "old"
    assert capsys.readouterr().err == f"modelsweep: told to end ({number.name})\n"
    assert signal.getsignal(number) is signal.SIG_DFL


def test_a_signal_that_is_ignored_stays_so() -> None:
    def command() -> int:
        os.kill(os.getpid(), signal.SIGHUP)
        return 7

    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        assert guarded(command) == 7
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_control_c_while_modules_are_loaded_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "prepare_streams", interrupted)
    assert cli.main() == 130
    assert capsys.readouterr().err == "modelsweep: interrupted\n"
