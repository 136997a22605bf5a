"""Whatever happens to an examining process costs one Problem, and the rest of the job is unharmed."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from modelsweep.core.finding import ProblemKind
from modelsweep.core.limits import Limits
from modelsweep.core.locator import Locator
from modelsweep.core.options import Options
from modelsweep.core.report import Unit, UnitResult
from modelsweep.core.units import GIB, MIB
from scanners.engine import MAX_BUFFERED
from sources.opening import opener
from sources.source import OpenedObject
from tests.worker.conftest import HOSTILE, Examine
from tests.worker.hostile_scanner import MARK
from tests.worker.processes import alive, below
from worker import supervisor as supervisor_module
from worker.execution import SandboxFailed
from worker.supervisor import Supervisor

FATES = {
    "segfault": (ProblemKind.CRASH, "the examining process died of SIGSEGV"),
    "signal SIGBUS": (ProblemKind.CRASH, "the examining process died of SIGBUS"),
    "signal SIGABRT": (ProblemKind.CRASH, "the examining process died of SIGABRT"),
    "signal SIGKILL": (ProblemKind.LIMIT, "ran out of memory: the system killed the examining process (limit 2.0 GiB)"),
    "raise SystemExit": (ProblemKind.CRASH, "SystemExit: on purpose"),
    "raise KeyboardInterrupt": (ProblemKind.CRASH, "KeyboardInterrupt: on purpose"),
    "raise KeyError": (ProblemKind.CRASH, "KeyError: 'on purpose'"),
    "exit 0": (ProblemKind.CRASH, "the examining process ended with status 0"),
    "exit 3": (ProblemKind.CRASH, "the examining process ended with status 3"),
    "garbage length": (ProblemKind.CRASH, "the examining process did not answer with a result of this file"),
    "garbage text": (ProblemKind.CRASH, "the examining process did not answer with a result of this file"),
    "garbage list": (ProblemKind.CRASH, "the examining process did not answer with a result of this file"),
    "garbage empty": (ProblemKind.CRASH, "the examining process did not answer with a result of this file"),
    "garbage deep": (ProblemKind.CRASH, "the examining process did not answer with a result of this file"),
}


def problems_of(result: UnitResult) -> list[tuple[ProblemKind, str]]:
    return [(problem.kind, problem.detail) for problem in result.problems]


@pytest.mark.parametrize("action", FATES)
def test_a_fate_is_one_problem_that_names_it_and_others_are_unharmed(examine: Examine, action: str) -> None:
    results = examine({"before": "nothing 1", "hostile": action, "after": "nothing 2"})
    assert problems_of(results["hostile"]) == [FATES[action]]
    for name, subject in {"before": "1", "after": "2"}.items():
        assert [finding.subject for finding in results[name].findings] == [subject]
        assert not results[name].problems


def test_a_result_cannot_speak_of_another_file(examine: Examine) -> None:
    results = examine({"hostile": "impersonate", "after": "nothing 2"})
    ((kind, detail),) = problems_of(results["hostile"])
    assert kind is ProblemKind.CRASH
    assert detail.startswith("ValueError: a result of ")
    assert detail.endswith("hostile speaks of another.file")
    assert not results["hostile"].findings
    assert not results["after"].problems


def test_memory_is_limited_and_the_limit_is_a_problem(examine: Examine) -> None:
    results = examine({"greedy": "memory", "after": "nothing 2"}, limits=Limits(memory=256 * MIB))
    assert problems_of(results["greedy"]) == [(ProblemKind.LIMIT, "ran out of memory")]
    assert not results["after"].problems


def test_a_hang_is_ended_at_the_deadline(examine: Examine) -> None:
    started = time.monotonic()
    results = examine({"hang": "hang", "after": "nothing 2"}, timeout=1)
    assert problems_of(results["hang"]) == [(ProblemKind.TIMEOUT, "took longer than 1 s")]
    assert not results["after"].problems
    assert time.monotonic() - started < 20


def test_of_a_large_file_it_is_known_how_far_it_was_read(
    tmp_path: Path, hostile: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The raw pass over it goes on beside a scanner that hangs."""
    monkeypatch.setattr(supervisor_module, "WATCHED", 8 * MIB)
    path, size = tmp_path / "large.bin", 9 * MIB
    with path.open("wb") as file:
        file.write(MARK + b"hang\n")
        file.truncate(size)
    open_files, seen, over = len(os.listdir("/dev/fd")), set[int](), threading.Event()
    with Supervisor(replace(HOSTILE, timeout=3), 1) as supervisor:

        def look() -> None:
            while not over.wait(0.01):
                seen.add(supervisor.reading())

        watcher = threading.Thread(target=look)
        watcher.start()
        try:
            (result,) = supervisor.examine([Unit(0, Locator(str(path)), size)], opener([str(path)]))
        finally:
            over.set()
            watcher.join()
        assert problems_of(result) == [(ProblemKind.TIMEOUT, "took longer than 3 s")]
        assert supervisor.reading() == 0
    assert max(seen) == 8 * MIB, "where the last megabyte begins"
    assert len(os.listdir("/dev/fd")) == open_files


def test_of_a_large_remote_object_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor_module, "WATCHED", 8 * MIB)
    size, seen = 32 * MIB, set[int]()
    with Supervisor(Options(), 1) as supervisor:

        def fetch(offset: int, length: int) -> bytes:
            seen.add(supervisor.reading())
            return bytes(length)

        (result,) = supervisor.examine(
            [Unit(0, Locator("s3://bucket/large.bin"), size)], lambda unit: OpenedObject(fetch, size)
        )
        assert supervisor.reading() == 0
    assert result.bytes_read == size
    assert {0, 8 * MIB, 16 * MIB} <= seen
    assert max(seen) <= size


def test_the_deadline_grows_with_size() -> None:
    with Supervisor(Options(timeout=300), 1) as supervisor:
        assert supervisor.seconds(Unit(0, Locator("small"), 10)) == 300
        assert supervisor.seconds(Unit(0, Locator("large"), 4 * GIB)) == 1200


def test_many_crashes_among_many_files_cost_what_they_must(examine: Examine) -> None:
    files = {f"{number:02}": "segfault" if number % 3 == 0 else f"nothing {number}" for number in range(30)}
    results = examine(files, jobs=3)
    assert sorted(results) == sorted(files)
    for name, action in files.items():
        assert bool(results[name].problems) == (action == "segfault")
        assert bool(results[name].findings) == (action != "segfault")


def _append(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"more")


def _replace(path: Path) -> None:
    other = path.with_name("replacement")
    other.write_bytes(path.read_bytes())
    other.replace(path)


def _cut(path: Path) -> None:
    os.truncate(path, max(0, path.stat().st_size - 1))


CHANGES = {
    "growing": ("await-change", _append, "bytes while it was examined"),
    "cut": ("await-change", _cut, "bytes while it was examined"),
    "cut-and-read": ("read-to-end", _cut, "bytes while it was examined"),
    "replaced": ("await-change", _replace, "the file was written, replaced or removed while it was examined"),
    "removed": ("await-change", Path.unlink, "the file was written, replaced or removed while it was examined"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_file_that_changes_meanwhile_is_said_once(examine: Examine, tmp_path: Path, name: str) -> None:
    action, change, detail = CHANGES[name]
    over, opened = threading.Event(), threading.Event()
    changing = threading.Thread(target=_keep_changing, args=(tmp_path / name, change, over, opened))
    changing.start()
    try:
        results = examine(
            {name: action, "other": "nothing 2"}, padding=MAX_BUFFERED, opened=opened
        )  # too large to be read at once
    finally:
        over.set()
        changing.join()
    ((kind, said),) = problems_of(results[name])
    assert kind is ProblemKind.CHANGED
    assert said.endswith(detail)
    assert not results["other"].problems


def _keep_changing(
    path: Path, change: Callable[[Path], object], over: threading.Event, opened: threading.Event
) -> None:
    opened.wait(60)
    while not over.wait(0.3):
        if path.exists():
            change(path)


@pytest.mark.skipif(not os.path.isdir("/dev/fd"), reason="counts open files")
def test_what_waits_to_be_sent_is_closed_when_nobody_wants_more(hostile: Path, tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    for number in range(200):
        (tmp_path / "files" / f"{number:03}").write_bytes(MARK + b"nothing 1\n")
    with Supervisor(HOSTILE, 1) as supervisor, opener([str(tmp_path / "files")]) as open_unit:
        supervisor.tool()
        before = len(os.listdir("/dev/fd"))
        units = (Unit(number, Locator(f"{tmp_path}/files/{number:03}"), 18) for number in range(200))
        results = supervisor.examine(units, open_unit)
        first = [next(results).unit.index for _ in range(20)]
        assert first == [*range(20)]
        del results  # which ends it
        open_unit.close()
        assert len(os.listdir("/dev/fd")) == before
        (again,) = supervisor.examine([Unit(0, Locator(f"{tmp_path}/files/199"), 18)], open_unit)
        assert again.findings


def test_a_file_that_is_gone_or_refused_is_a_problem(hostile: Path, tmp_path: Path) -> None:
    names = ["vanished", "a-folder"]
    (tmp_path / "a-folder").mkdir()
    targets = [str(tmp_path / name) for name in names]
    units = [Unit(index, Locator(target), 10) for index, target in enumerate(targets)]
    with Supervisor(HOSTILE, 1) as supervisor:
        results = list(supervisor.examine(units, opener(targets)))
    assert [[problem.kind for problem in result.problems] for result in results] == [[ProblemKind.SOURCE]] * 2
    assert {result.unit.locator.uri for result in results} == set(targets)


def test_spooled_bytes_go_to_a_file_that_leaves_nothing(
    examine: Examine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    results = examine({"spool": "spool 40"})
    (fact,) = results["spool"].facts
    assert (fact.value, fact.detail) == (str(40 * MIB), {"last": "x"})
    assert not list(temporary.iterdir())


@pytest.fixture
def started() -> Callable[[], set[int]]:
    """Return a function that returns the processes below this one that were not there before."""
    before = below(os.getpid())
    return lambda: below(os.getpid()) - before


def test_nothing_is_left_after_the_normal_end(hostile: Path, tmp_path: Path, started: Callable[[], set[int]]) -> None:
    (tmp_path / "file").write_bytes(b"HOSTILE nothing 1\n")
    targets = [str(tmp_path / "file")]
    with Supervisor(HOSTILE, 2) as supervisor:
        list(supervisor.examine([Unit(0, Locator(targets[0]), 18)], opener(targets)))
        processes = started()
        assert len(processes) == 2  # the zygote and one child
    assert not [process for process in processes if alive(process)]


def test_nothing_is_left_where_the_caller_raises_while_a_child_is_busy(
    hostile: Path, tmp_path: Path, started: Callable[[], set[int]]
) -> None:
    (tmp_path / "quick").write_bytes(b"HOSTILE nothing 1\n")
    (tmp_path / "slow").write_bytes(b"HOSTILE hang\n")
    targets = [str(tmp_path / "quick"), str(tmp_path / "slow")]
    units = [Unit(index, Locator(target), 18) for index, target in enumerate(targets)]
    processes = set[int]()

    def stop_at_first() -> None:
        with Supervisor(HOSTILE, 2) as supervisor:
            for _ in supervisor.examine(units, opener(targets)):
                processes.update(started())
                raise ValueError("the caller fails")

    with pytest.raises(ValueError, match="the caller fails"):
        stop_at_first()
    assert len(processes) == 3
    assert not [process for process in processes if alive(process)]


def test_children_are_made_on_demand_and_kept(hostile: Path, tmp_path: Path, started: Callable[[], set[int]]) -> None:
    targets = [str(tmp_path / str(number)) for number in range(20)]
    for target in targets:
        Path(target).write_bytes(b"HOSTILE nothing 1\n")
    units = [Unit(index, Locator(target), 18) for index, target in enumerate(targets)]
    with Supervisor(HOSTILE, 8) as supervisor:
        list(supervisor.examine(units[:1], opener(targets)))
        assert len(started()) == 2
    with Supervisor(HOSTILE, 2) as supervisor:
        list(supervisor.examine(units, opener(targets)))
        assert len(started()) == 3


@pytest.mark.parametrize(
    ("times", "problem"),
    [
        (1, (ProblemKind.TIMEOUT, "took longer than 2 s")),
        (0, (ProblemKind.CRASH, "the parent of the examining process died")),
    ],
    ids=["forgiven", "too-often"],
)
def test_a_killed_zygote_is_started_anew(
    hostile: Path,
    tmp_path: Path,
    started: Callable[[], set[int]],
    monkeypatch: pytest.MonkeyPatch,
    times: int,
    problem: tuple[ProblemKind, str],
) -> None:
    """What it was busy with is examined again: no file is near the zygote, so none is to blame."""
    monkeypatch.setattr(supervisor_module, "ORPHANED", times)
    (tmp_path / "first").write_bytes(b"HOSTILE hang\n")
    (tmp_path / "second").write_bytes(b"HOSTILE nothing 2\n")
    targets = [str(tmp_path / "first"), str(tmp_path / "second")]
    units = [Unit(index, Locator(target), 18) for index, target in enumerate(targets)]
    with Supervisor(replace(HOSTILE, timeout=2), 1) as supervisor:
        supervisor.tool()
        (zygote,) = started()
        threading.Timer(0.5, os.kill, (zygote, signal.SIGKILL)).start()
        first, second = sorted(supervisor.examine(units, opener(targets)), key=lambda result: result.unit.index)
    assert problems_of(first) == [problem]
    assert [finding.subject for finding in second.findings] == ["2"]


def test_a_zygote_that_never_lives_long_enough_is_said(
    hostile: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A plug-in ends it whenever it forks, which it does after it said that it is ready."""
    monkeypatch.setattr(supervisor_module, "RELAUNCHED", 2)
    with (hostile / "modelsweep_hostile.py").open("a") as file:
        file.write("\nimport os\nos.register_at_fork(before=lambda: os._exit(9))\n")
    (tmp_path / "file").write_bytes(b"HOSTILE nothing 1\n")
    targets = [str(tmp_path / "file")]
    with (
        Supervisor(HOSTILE, 1) as supervisor,
        pytest.raises(
            SandboxFailed, match="died 3 times before any of those answered: this is not the fault of a file"
        ),
    ):
        list(supervisor.examine([Unit(0, Locator(targets[0]), 18)], opener(targets)))


def test_zygotes_that_die_between_answers_are_no_end_of_a_job(
    hostile: Path, tmp_path: Path, started: Callable[[], set[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor_module, "RELAUNCHED", 1)
    targets = [str(tmp_path / f"{number}") for number in range(4)]
    for target in targets:
        Path(target).write_bytes(b"HOSTILE nothing 1\n")
    with Supervisor(HOSTILE, 1) as supervisor:
        for index, target in enumerate(targets):
            (result,) = supervisor.examine([Unit(index, Locator(target), 18)], opener(targets))
            assert not result.problems
            (zygote,) = [process for process in started() if below(process)]
            os.kill(zygote, signal.SIGKILL)
            os.waitid(os.P_PID, zygote, os.WEXITED | os.WNOWAIT)  # else its child may answer once more


def test_a_plugin_that_is_not_there_is_said_before_anything_is_examined() -> None:
    with (
        Supervisor(Options(plugins=("no-such-plugin",))) as supervisor,
        pytest.raises(SandboxFailed, match=r"^plug-in no-such-plugin is not installed$"),
    ):
        supervisor.tool()


def test_plugins_are_part_of_the_ruleset(hostile: Path) -> None:
    with Supervisor(HOSTILE) as with_plugin, Supervisor(Options()) as without:
        assert with_plugin.tool().scanners == (*without.tool().scanners, "hostile")
        assert with_plugin.tool().ruleset != without.tool().ruleset


def test_a_program_with_threads_may_start_it_in_one_that_ends(hostile: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"HOSTILE nothing 1\n")
    targets, made = [str(tmp_path / "file")], list[Supervisor]()
    starting = threading.Thread(target=lambda: made.append(Supervisor(HOSTILE, 1)))
    starting.start()
    starting.join()
    with made[0] as supervisor:
        (result,) = supervisor.examine([Unit(0, Locator(targets[0]), 18)], opener(targets))
    assert [finding.subject for finding in result.findings] == ["1"]


def test_another_thread_stops_an_examination_and_the_supervisor_goes_on(hostile: Path, tmp_path: Path) -> None:
    hanging, quick = tmp_path / "hanging", tmp_path / "quick"
    hanging.write_bytes(b"HOSTILE hang\n")
    quick.write_bytes(b"HOSTILE nothing 1\n")
    stop = threading.Event()
    with Supervisor(HOSTILE, 2) as supervisor:
        units = [Unit(0, Locator(str(hanging)), 13), Unit(1, Locator(str(quick)), 18)]
        open_unit = opener([str(tmp_path)])
        results = supervisor.examine(units, open_unit, stop)
        assert next(results).unit.index == 1
        stop.set()
        assert not list(results)
        (again,) = supervisor.examine(units[1:], open_unit, threading.Event())
        assert again.findings
