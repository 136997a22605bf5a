"""The sandbox really denies what it says it denies, and leaves what scanners need."""

from __future__ import annotations

import os
import platform
import re
from pathlib import Path

import pytest

from tests.worker.conftest import Examine
from worker import landlock, sandbox, seccomp

REFUSED = ("refused: Permission denied", "refused: Operation not permitted")
needs_landlock = pytest.mark.skipif(landlock.version() == 0, reason="this kernel has no Landlock")
needs_seccomp = pytest.mark.skipif(not seccomp.supported(), reason="this kernel has no seccomp filters")


def probe(examine: Examine, wanted: str) -> str:
    """Return what came of one attempt inside the sandbox."""
    result = examine({"file": f"probe {wanted}"})["file"]
    assert not result.problems
    (fact,) = result.facts
    return fact.value


@needs_landlock
@pytest.mark.parametrize(
    "wanted",
    [
        "read /etc/passwd",
        "read {home}/secret",
        "read {home}/file",
        "list {home}",
        "list /",
        "list /tmp",
        "read /proc/self/environ",
        "read /proc/1/cmdline",
        "list /proc/self/fd",
        "write {home}/new",
        "write {home}/secret",
        "unlink {home}/secret",
        "rename {home}/secret",
        "write {checkout}/new",
        "write {python}/new",
    ],
)
def test_files_are_out_of_reach(examine: Examine, tmp_path: Path, wanted: str) -> None:
    (tmp_path / "secret").write_text("a secret")
    places = {"home": tmp_path, "checkout": Path(sandbox.__file__).parent, "python": Path(os.__file__).parent}
    assert probe(examine, wanted.format(**places)) in REFUSED
    assert (tmp_path / "secret").read_text() == "a secret"
    assert not any((place / "new").exists() for place in places.values())


@needs_seccomp
@pytest.mark.parametrize(
    "wanted",
    ["socket", "unix-socket", "fork", "execute /bin/true", "kill-parent", "kill-all", "chmod {home}", "memory-file"],
)
def test_network_processes_and_signals_are_out_of_reach(examine: Examine, tmp_path: Path, wanted: str) -> None:
    assert probe(examine, wanted.format(home=tmp_path)) == REFUSED[1]


@needs_seccomp
@pytest.mark.skipif(platform.machine() != "x86_64", reason="numbers of x86_64")
@pytest.mark.parametrize(("name", "number"), [("ptrace", 101), ("mount", 165), ("bpf", 321), ("keyctl", 250)])
def test_what_only_an_attacker_calls_ends_the_process(examine: Examine, name: str, number: int) -> None:
    result = examine({"file": f"probe system-call {number}", "other": "nothing 2"})
    ((problem,), others) = (result["file"].problems, result["other"].problems)
    assert problem.detail == "the examining process died of SIGSYS: it broke the sandbox's rules"
    assert not others


@needs_seccomp
@pytest.mark.skipif(platform.machine() != "x86_64", reason="numbers of x86_64")
@pytest.mark.parametrize(
    ("number", "outcome"),
    [(435, "refused: Function not implemented"), (0x40000000 + 41, REFUSED[1]), (425, REFUSED[1])],
    ids=["clone3", "x32 socket", "io_uring_setup"],
)
def test_other_ways_round_the_filter_are_closed(examine: Examine, number: int, outcome: str) -> None:
    assert probe(examine, f"system-call {number}") == outcome


def test_the_environment_holds_nothing_of_ours(examine: Examine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "no-real-" + "key")
    monkeypatch.setenv("PYTHONSTARTUP", "/nowhere")
    in_python, in_libc = examine({"file": "environment"})["file"].facts
    assert in_python.value == in_libc.value == "MKL_NUM_THREADS,OMP_NUM_THREADS,OPENBLAS_NUM_THREADS"


def test_threads_still_start(examine: Examine) -> None:
    assert [fact.value for fact in examine({"file": "thread"})["file"].facts] == ["ran"]


@pytest.mark.parametrize(
    "module", ["decimal", "sqlite3", "jinja2", "lz4.frame", "zstandard", "hyperscan", "py7zr", "numpy"]
)
def test_modules_are_imported_inside_the_sandbox(examine: Examine, module: str) -> None:
    pytest.importorskip(module)
    result = examine({"file": f"import {module}"})["file"]
    assert not result.problems
    assert [fact.value for fact in result.facts] == [module]


def test_a_folder_without_installed_packages_is_not_readable(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    assert str(tmp_path) not in set(sandbox.readable())
    (tmp_path / "something-1.0.dist-info").mkdir()
    assert str(tmp_path) in set(sandbox.readable())


def test_every_feature_is_said() -> None:
    assert set(sandbox.features()) == {"memory", "privileges", "files", "network", "processes"}


_HEADERS = {
    "x86_64": "/usr/include/x86_64-linux-gnu/asm/unistd_64.h",
    "aarch64": "/usr/include/asm-generic/unistd.h",
}


@pytest.mark.parametrize("machine", _HEADERS)
def test_system_call_numbers_are_those_of_the_kernel_headers(machine: str) -> None:
    header = Path(_HEADERS[machine])
    if not header.exists():
        pytest.skip("the kernel headers are not installed")
    numbers = dict(re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)", header.read_text()))
    for name, number in seccomp.numbers(machine).items():
        # A header older than the call does not have it
        assert name not in numbers or int(numbers[name]) == number, name


def test_a_filter_is_made_for_both_architectures() -> None:
    for machine in ("x86_64", "aarch64"):
        instructions = seccomp.program(machine, 4711)
        assert len(instructions) < 4096
        for position, (_, holds, fails, _) in enumerate(instructions):
            assert position + max(holds, fails) + 1 < len(instructions) or instructions[position][0] == 0x06


def test_a_system_without_the_means_is_used_all_the_same_and_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(landlock, "version", lambda: 0)
    monkeypatch.setattr(seccomp, "_machine", lambda: "")
    assert not landlock.restrict(landlock.prepared(()))
    assert not seccomp.Filter().restrict()
    features = sandbox.features()
    assert features["files"] == "in reach of the user: this kernel has no Landlock"
    assert features["network"] == "in reach: this system has no seccomp filters"
