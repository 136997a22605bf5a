"""hyperscan's database is kept for the next time, and believed only where nobody else can have written it."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from modelsweep import scan
from modelsweep.core.units import MIB
from scanners import matcher
from scanners.databases import DATABASES, prepare
from scanners.matcher import HyperscanMatcher, has_hyperscan
from scanners.parsing.disguise_starts import TURNED_BEGINNINGS, starts_in
from worker.pattern_file import KEPT, PREFIX, PatternFile, forget_patterns

pytestmark = pytest.mark.skipif(not has_hyperscan(), reason="hyperscan is not installed")
DATABASE = b"a database" * 1000


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of a user's own, not yet made."""
    return tmp_path / "cache"


@pytest.fixture
def kept(folder: Path) -> Path:
    """The file that a database was kept in."""
    PatternFile(str(folder)).write(DATABASE)
    (file,) = folder.iterdir()
    return file


def read(folder: Path) -> bytes | None:
    """Return what the next process reads."""
    return PatternFile(str(folder)).read()


def test_what_was_kept_is_read(folder: Path, kept: Path) -> None:
    assert read(folder) == DATABASE
    assert (kept.stat().st_mode & 0o777, folder.stat().st_mode & 0o777) == (0o600, 0o700)


def test_without_a_folder_nothing_is_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    nowhere = PatternFile("")
    nowhere.write(DATABASE)
    assert nowhere.read() is None
    assert not list(tmp_path.iterdir())


def _flipped(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[500] ^= 1
    file.write_bytes(data)


def _linked(file: Path) -> None:
    elsewhere = file.parent.parent / "elsewhere"
    file.rename(elsewhere)
    file.symlink_to(elsewhere)


SPOILED: dict[str, Callable[[Path], object]] = {
    "others may write to the folder": lambda file: file.parent.chmod(0o777),
    "its group may write to the folder": lambda file: file.parent.chmod(0o770),
    "others may write to the file": lambda file: file.chmod(0o602),
    "a link to a file elsewhere": _linked,
    "damaged": _flipped,
    "cut": lambda file: os.truncate(file, 100),
    "empty": lambda file: os.truncate(file, 0),
    "too large": lambda file: os.truncate(file, 1 << 30),
    "a folder": lambda file: os.mkdir(file.rename(file.parent / "moved").with_name(file.name)),
    "gone": lambda file: file.unlink(),
}


@pytest.mark.parametrize("what", SPOILED)
def test_what_is_not_as_it_was_written_is_not_believed(what: str, folder: Path, kept: Path) -> None:
    SPOILED[what](kept)
    assert read(folder) is None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
@pytest.mark.parametrize("of_folder", [True, False])
def test_what_belongs_to_somebody_else_is_not_believed(of_folder: bool, folder: Path, kept: Path) -> None:
    os.chown(folder if of_folder else kept, 12345, -1)
    assert read(folder) is None


def test_a_damaged_file_is_written_anew(folder: Path, kept: Path) -> None:
    _flipped(kept)
    PatternFile(str(folder)).write(DATABASE)
    assert read(folder) == DATABASE


def test_few_files_stay(folder: Path, kept: Path) -> None:
    for number in range(10):
        (folder / f"{PREFIX}{number}").write_bytes(b"")
        os.utime(folder / f"{PREFIX}{number}", (number, number))
    (folder / "facts.sqlite3").write_bytes(b"")
    PatternFile(str(folder)).write(DATABASE)
    assert len(list(folder.iterdir())) == KEPT + 1
    assert read(folder) == DATABASE
    forget_patterns(str(folder))
    assert [path.name for path in folder.iterdir()] == ["facts.sqlite3"]


@pytest.mark.parametrize("is_kept", [True, False])
def test_whoever_was_forked_before_a_database_is_made_reads_it_too(is_kept: bool, folder: Path, tmp_path: Path) -> None:
    patterns = PatternFile(str(folder) if is_kept else "", str(tmp_path))
    assert patterns.read() is None
    go, tell = os.pipe()
    process = os.fork()
    if not process:
        patterns.only_read()
        os.read(go, 1)
        patterns.write(b"what hostile bytes would have")
        os._exit(0 if patterns.is_there and patterns.read() == DATABASE else 1)
    patterns.write(DATABASE)
    os.write(tell, b"!")
    _, status = os.waitpid(process, 0)
    os.close(go)
    os.close(tell)
    assert os.waitstatus_to_exitcode(status) == 0
    assert patterns.read() == DATABASE
    assert read(folder) == (DATABASE if is_kept else None)
    assert not [path for path in tmp_path.iterdir() if path != folder]


@dataclass(frozen=True)
class _Kept:
    """A database that another process made."""

    database: bytes
    is_there = True

    def read(self) -> bytes:
        return self.database


@pytest.fixture
def anew(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """A process that has no database yet; call it for another one."""
    monkeypatch.setattr(matcher, "prepared", matcher.Prepared())

    def forget() -> None:
        for database in DATABASES:
            monkeypatch.setattr(database, "_loaded", None)
            monkeypatch.setattr(database, "_scratches", {})

    forget()
    return forget


def test_kept_databases_find_what_made_ones_find(anew: Callable[[], None], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matcher.matcher_for, "pays", True)
    window = b"\0" * 100 + b"\x7fELF" + b"import socket,subprocess,os" + b"\0" * 100
    turned = TURNED_BEGINNINGS[0]
    made, starts, databases = HyperscanMatcher().present(window), list(starts_in(window + turned).of(turned)), prepare()
    anew()
    matcher.prepared.kept = _Kept(databases)
    assert HyperscanMatcher().present(window) == made != []
    assert list(starts_in(window + turned).of(turned)) == starts == [(turned, len(window))]


def test_a_database_that_hyperscan_refuses_is_made_anew(anew: Callable[[], None]) -> None:
    matcher.prepared.kept = _Kept(DATABASE)
    assert HyperscanMatcher().present(b"import socket,subprocess,os")


def test_many_small_files_leave_a_database_for_the_next_ones(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MODELSWEEP_CACHE", str(folder))
    models = tmp_path / "models"
    models.mkdir()
    for number in range(12):
        (models / f"{number}.txt").write_bytes(b"nothing of note " * (MIB // 32))
    scan(models, jobs=1)
    assert [entry.name.startswith(PREFIX) for entry in folder.iterdir()] == [True]


def test_a_large_file_leaves_a_database_for_the_next_one(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MODELSWEEP_CACHE", str(folder))
    model = tmp_path / "weights.npy"
    header = b"{'descr': '|u1', 'fortran_order': False, 'shape': (9437184,)}".ljust(117) + b"\n"
    model.write_bytes(b"\x93NUMPY\x01\x00\x76\x00" + header)
    os.truncate(model, 128 + 9 * MIB)
    with model.open("r+b") as file:
        file.seek(5 * MIB)
        file.write(b"import socket,subprocess,os")
    first = scan(model)
    (kept,) = folder.glob(f"{PREFIX}*")
    before = kept.stat().st_mtime_ns
    second = scan(model)
    assert [finding.rule.id for finding in first.findings] == [finding.rule.id for finding in second.findings] != []
    assert kept.stat().st_mtime_ns == before
