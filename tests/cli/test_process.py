"""The command line as a process: streams, signals, pipes and terminals."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from modelsweep import cli
from tests.cli.conftest import ROOT, START

Process = Callable[..., subprocess.CompletedProcess[bytes]]
ESCAPE = "\x1b"


@pytest.mark.parametrize(("name", "code"), [("clean.pkl", 0), ("evil.pkl", 1), ("missing", 2)])
def test_exit_codes_of_the_process(models: Path, process: Process, name: str, code: int):
    done = process("scan", f"models/{name}")
    assert done.returncode == code, done.stderr
    assert done.stderr == b""


def test_targets_from_standard_input_by_nul(models: Path, process: Process):
    done = process("scan", "-", stdin=b"models/clean.pkl\0models/evil.pkl\0")
    assert done.returncode == 1
    assert b"2 files" in done.stdout
    assert process("scan", "--targets-from", "-", stdin=b"models/clean.pkl\n").returncode == 0


def test_an_empty_list_of_targets_is_no_failure(folder: Path, process: Process):
    done = process("scan", "-")
    assert done.returncode == 0
    assert b"Nothing to scan" in done.stdout


@pytest.mark.parametrize("name", [b"evil\x1b[2J\n.pkl", b"\xff\xfe.pkl", "abc\u202egpj.pkl".encode()])
def test_hostile_names_reach_no_terminal_raw(folder: Path, process: Process, name: bytes):
    (folder / os.fsdecode(name)).write_bytes(b"cos\nsystem\n(S'echo modelsweep-test'\ntR.")
    for arguments in (
        (b"scan", name),
        (b"scan", b".", b"-v"),
        (b"scan", b"--dry-run", b"."),
        (b"metadata", name),
        (name,),
    ):
        done = process(*arguments, PYTHONIOENCODING="utf-8")
        written = done.stdout + done.stderr
        assert not any(byte < 32 and byte != ord("\n") for byte in written)
        assert name not in written
        assert b"Traceback" not in written


@pytest.mark.parametrize("place", ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"])
def test_a_report_for_the_open_standard_output_keeps_what_stands_there(models: Path, place: str):
    command = [sys.executable, "-P", "-c", START, "scan", "models/clean.pkl", "-f", f"markdown={place}"]
    with open("log", "wb") as log:
        log.write(b"before\n")
        log.flush()
        assert subprocess.run(command, stdout=log, env=_environment()).returncode == 0
        log.write(b"after\n")
    lines = Path("log").read_text().splitlines()
    assert (lines[0], lines[1], lines[-1]) == ("before", "### modelsweep: clean", "after")
    assert not [line for line in lines if line.startswith("Clean:")], "it takes the place of the text"


def test_a_report_for_another_open_file_or_pipe_is_written_there(models: Path):
    command = [sys.executable, "-P", "-c", START, "scan", "models/clean.pkl", "-f", "markdown=/dev/stderr"]
    done = subprocess.run(command, capture_output=True, env=_environment())
    assert (done.returncode, done.stderr.splitlines()[0]) == (0, b"### modelsweep: clean")
    assert done.stdout.startswith(b"Clean: 1 file")
    reading, writing = os.pipe()
    done = subprocess.run([*command[:-1], f"junit=/dev/fd/{writing}"], pass_fds=[writing], env=_environment())
    os.close(writing)
    with open(reading, "rb") as pipe:
        assert (done.returncode, pipe.read()[:5]) == (0, b"<?xml")


def test_a_folder_that_is_gone_and_an_output_that_is_full_are_said(models: Path):
    command = [sys.executable, "-P", "-c", START]
    gone = models.parent / "gone"
    gone.mkdir()
    script = ["sh", "-c", 'rmdir ../gone; exec "$@"', "sh", *command, "scan", "."]
    done = subprocess.run(script, cwd=gone, capture_output=True, env=_environment())
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr == b"modelsweep: the folder that this was started in is gone: change to another one\n"
    if os.path.exists("/dev/full"):
        with open("/dev/full", "wb") as full:
            done = subprocess.run([*command, "rules"], stdout=full, stderr=subprocess.PIPE, env=_environment())
        assert (done.returncode, done.stderr) == (2, b"modelsweep: cannot write: No space left on device\n")


def test_a_folder_for_temporary_files_that_is_not_there_is_said(models: Path, process: Process):
    done = process("scan", "models", TMPDIR=str(models / "gone"))
    assert (done.returncode, done.stdout) == (2, b"")
    said = f"modelsweep: no folder for temporary files can be made in {models / 'gone'}: No such file or directory"
    assert done.stderr.decode().startswith(said)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read anything")
def test_an_unreadable_target(models: Path, process: Process):
    (models / "clean.pkl").chmod(0)
    assert process("scan", "models/clean.pkl").returncode == 2


def test_a_closed_pipe_is_no_failure_of_its_own(models: Path):
    for arguments, code in ((["scan", "models"], 1), (["rules"], 0)):
        command = [sys.executable, "-P", "-c", START, *arguments]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=_environment()) as running:
            assert running.stdout is not None
            assert running.stderr is not None
            running.stdout.close()
            assert running.stderr.read() == b""
        assert running.returncode == code


def test_control_c_says_how_far_it_came(many: int):
    command = [sys.executable, "-P", "-c", START, "scan", ".", "-j", "1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=_environment()) as running:
        time.sleep(1)
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=30)
    assert (running.returncode, out) == (130, b"")
    assert err.startswith(b"modelsweep: interrupted after ")
    assert err.count(b"\n") == 1


def test_colour_only_where_it_is_wanted(models: Path, process: Process):
    assert ESCAPE.encode() not in process("scan", "models").stdout
    assert ESCAPE.encode() in process("scan", "models", FORCE_COLOR="1").stdout
    assert ESCAPE.encode() not in process("scan", "models", FORCE_COLOR="1", NO_COLOR="1").stdout
    assert ESCAPE in _on_terminal("scan", "models")
    assert ESCAPE not in _on_terminal("scan", "models", NO_COLOR="1")
    assert ESCAPE not in _on_terminal("scan", "models", TERM="dumb")


def test_the_bar_shows_on_a_terminal_and_stays_away_in_ci(many: int):
    assert f" of {many:,}" in _on_terminal("scan", ".", "-j", "1", "-f", "json=/dev/null")
    assert f" of {many:,}" not in _on_terminal("scan", ".", "-j", "1", "-f", "json=/dev/null", CI="true")


def _environment(**more: str) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm", "COLUMNS": "120", **more}


def _on_terminal(*arguments: str, **more: str) -> str:
    """Run a command line on a pseudo-terminal and return what it showed."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-P", "-c", START, *arguments]
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=_environment(**more)) as running:
        os.close(theirs)
        shown = bytearray()
        while True:
            try:
                chunk = os.read(ours, 65536)
            except OSError:  # Linux: EIO once the other end is closed
                break
            if not chunk:
                break
            shown += chunk
        os.close(ours)
    assert running.returncode in (0, 1)
    return shown.decode("utf-8", "replace")


def test_shells_get_completions(process: Process):
    done = process(_MODELSWEEP_COMPLETE="bash_source")
    assert done.returncode == 0
    assert b"_MODELSWEEP_COMPLETE=bash_complete" in done.stdout


@pytest.mark.parametrize(
    ("redirection", "code"),
    [
        ("scan models/evil.pkl >&-", 1),
        ("scan models/evil.pkl 2>&-", 1),
        ("scan models/evil.pkl <&- >&- 2>&-", 1),
        ("scan - <&-", 0),
        ("scan --nonsense 2>&-", 2),
        ("rules >&-", 0),
    ],
)
def test_closed_streams(models: Path, redirection: str, code: int):
    command = ["sh", "-c", f'exec "$0" -P -c "$1" {redirection}', sys.executable, START]
    done = subprocess.run(command, capture_output=True, env=_environment(), timeout=60)
    assert done.returncode == code
    assert b"error" not in done.stdout + done.stderr


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full here")
@pytest.mark.parametrize("command", [["scan", "models/clean.pkl"], ["rules"]])
def test_a_full_disk_behind_standard_output(models: Path, command: list[str]):
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [sys.executable, "-P", "-c", START, *command], stdout=full, stderr=subprocess.PIPE, env=_environment()
        )
    assert done.returncode == 2
    assert b"No space left on device" in done.stderr
    assert done.stderr.count(b"\n") == 1


@pytest.mark.parametrize(
    ("line", "examines"),
    [
        (("scan", "a.pkl"), True),
        (("scan",), True),
        (("scan", "--help"), False),
        (("scan", "a", "--dry-run"), False),
        (("rules",), False),
        ((), False),
    ],
)
def test_which_command_lines_begin_an_examining_process(line: tuple[str, ...], examines: bool):
    assert cli.examines(line) is examines
