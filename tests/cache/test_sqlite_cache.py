"""The cache of one machine: bounded, shared, private, and never a reason to fail."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from modelsweep.cache.backend import AGE, LARGEST, CacheFault
from modelsweep.cache.sqlite_cache import FILE, SqliteCache
from modelsweep.core.units import KIB

Open = Callable[..., SqliteCache]


def key(number: int) -> bytes:
    return number.to_bytes(32, "big")


@pytest.fixture
def words() -> list[str]:
    """What the cache says."""
    return []


@pytest.fixture
def opened(tmp_path: Path, words: list[str]) -> Iterator[Open]:
    """Return a function that opens the cache; all are closed in the end."""
    with ExitStack() as stack:

        def open_cache(**options: int) -> SqliteCache:
            cache = SqliteCache(str(tmp_path / "cache"), words.append, **options)
            stack.callback(cache.close)
            return cache

        yield open_cache


def aged(folder: Path, number: int, seconds: float) -> None:
    """Make an entry one that was last asked for so long ago."""
    with sqlite3.connect(folder / "cache" / FILE) as database:
        database.execute("UPDATE entries SET used = ? WHERE key = ?", (int(time.time() - seconds), key(number)))
    database.close()


def test_what_was_put_is_there_also_for_others(opened: Open, tmp_path: Path) -> None:
    first, second = opened(), opened()
    first.put(key(1), b"one")
    first.put(key(1), b"once more")
    assert (second.get(key(1)), second.get(key(2))) == (b"once more", None)
    assert (second.stats().entries, second.stats().size) == (1, 9)
    second.remove(key(1))
    assert first.get(key(1)) is None
    assert first.stats().size == 0
    assert (tmp_path / "cache").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "cache" / FILE).stat().st_mode & 0o777 == 0o600


def test_those_asked_for_least_recently_go_first(opened: Open, tmp_path: Path) -> None:
    cache = opened(limit=10 * KIB)
    for number in range(10):
        cache.put(key(number), bytes(KIB))
        aged(tmp_path, number, (10 - number) * 2 * 24 * 3600)
    assert cache.get(key(0)) is not None, "and so it is the youngest"
    cache.put(key(10), bytes(KIB))
    assert cache.stats().size <= 10 * KIB
    assert cache.get(key(0)) is not None
    assert cache.get(key(1)) is None
    cache.put(key(11), bytes(LARGEST + 1))
    assert cache.get(key(11)) is None


def test_cleanup_forgets_the_old_and_gives_bytes_back(opened: Open, tmp_path: Path) -> None:
    cache = opened()
    for number in range(20):
        cache.put(key(number), os.urandom(100 * KIB))
    aged(tmp_path, 3, AGE + 10)
    assert cache.cleanup() == 1
    assert cache.cleanup(500 * KIB) == 14
    assert (tmp_path / "cache" / FILE).stat().st_size < 900 * KIB
    cache.clear()
    assert (cache.stats().entries, cache.stats().size) == (0, 0)
    assert (tmp_path / "cache" / FILE).stat().st_size < 100 * KIB


@pytest.mark.parametrize("part", ["all", "head", "middle", "empty", "newer"])
def test_a_damaged_file_is_made_anew_with_a_word(opened: Open, tmp_path: Path, words: list[str], part: str) -> None:
    cache = opened()
    for number in range(50):
        cache.put(key(number), os.urandom(10 * KIB))
    cache.close()
    path = tmp_path / "cache" / FILE
    data = bytearray(path.read_bytes())
    if part in ("all", "head", "middle"):
        start, stop = {"all": (0, len(data)), "head": (0, 100), "middle": (5000, len(data))}[part]
        data[start:stop] = os.urandom(stop - start)
        path.write_bytes(data)
    elif part == "empty":
        path.write_bytes(b"")
    else:
        with sqlite3.connect(path) as database:
            database.execute("PRAGMA user_version = 7")
        database.close()
    cache = opened()
    for number in range(60):
        if cache.get(key(number)) is None:
            cache.put(key(number), b"new")
    assert cache.get(key(59)) == b"new"
    assert bool(words) is (part != "empty")
    assert all("made anew" in word for word in words)


def test_damage_while_it_is_open_is_no_fault_either(opened: Open, tmp_path: Path, words: list[str]) -> None:
    cache, other = opened(), opened()
    for number in range(200):
        cache.put(key(number), os.urandom(10 * KIB))
    other.cleanup()
    path = tmp_path / "cache" / FILE
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(os.urandom(path.stat().st_size - 4096))
    for number in range(200):
        for one in (cache, other):
            one.get(key(number))
            one.put(key(number), b"new")
    assert cache.get(key(199)) == b"new"


def test_a_folder_that_others_may_write_to_is_not_believed(opened: Open, tmp_path: Path) -> None:
    (tmp_path / "cache").mkdir(mode=0o777)
    (tmp_path / "cache").chmod(0o777)
    with pytest.raises(CacheFault, match="other users may write"):
        opened()


def test_a_file_in_its_place_is_a_fault(opened: Open, tmp_path: Path) -> None:
    (tmp_path / "cache").write_bytes(b"")
    with pytest.raises(CacheFault, match="not a folder"):
        opened()


def test_a_link_in_its_place_is_not_followed(opened: Open, tmp_path: Path) -> None:
    (tmp_path / "cache").mkdir(mode=0o700)
    (tmp_path / "precious").write_bytes(b"precious")
    (tmp_path / "cache" / FILE).symlink_to(tmp_path / "precious")
    with pytest.raises(CacheFault):
        opened()
    assert (tmp_path / "precious").read_bytes() == b"precious"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_home_that_is_read_only_is_a_fault(opened: Open, tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(CacheFault):
        opened()


_FULL = """
import resource, signal, sys
from modelsweep.cache.backend import CacheFault
from modelsweep.cache.sqlite_cache import SqliteCache
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
cache = SqliteCache(sys.argv[1], print)
cache.put(bytes(32), b"before")
resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))
for number in range(1, 100):
    try:
        cache.put(number.to_bytes(32, "big"), bytes(50_000))
    except CacheFault as fault:
        print("fault:", fault)
        break
assert cache.get(bytes(32)) == b"before"
"""


def test_a_full_disk_is_a_fault_and_what_is_there_stays(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _FULL, str(tmp_path / "cache")], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert "fault:" in done.stdout
    assert "made anew" not in done.stdout


_WRITER = """
import os, sys
from modelsweep.cache.sqlite_cache import SqliteCache
start = int(sys.argv[2])
cache = SqliteCache(sys.argv[1], print, 2_000_000)
for number in range(start, start + 300):
    cache.put((number % 400).to_bytes(32, "big"), (number % 400).to_bytes(4, "big") * 2000)
    found = cache.get((number * 7 % 400).to_bytes(32, "big"))
    assert found in (None, (number * 7 % 400).to_bytes(4, "big") * 2000)
cache.cleanup()
"""


def test_many_processes_share_it(tmp_path: Path, opened: Open) -> None:
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", _WRITER, str(tmp_path / "cache"), str(start)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        for start in (0, 100, 200, 300)
    ]
    said = [process.communicate(timeout=100)[0] for process in processes]
    assert [process.returncode for process in processes] == [0] * 4, said
    assert said == [b""] * 4
    stats = opened(limit=2_000_000).stats()
    assert 0 < stats.size <= 2_000_000
    with sqlite3.connect(tmp_path / "cache" / FILE) as database:
        assert database.execute("SELECT count(*), sum(size) FROM entries").fetchone() == (stats.entries, stats.size)
    database.close()
