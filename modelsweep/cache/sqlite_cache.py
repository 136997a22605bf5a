"""The cache of one machine: a SQLite file that only its user may write, shared by all processes of that user.

Whatever is wrong with the file, it is made anew: nothing in it is of worth. Whatever is wrong with the disk, nothing is
kept.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TypeVar

from modelsweep.cache.backend import AGE, LARGEST, TOUCH, CacheFault, Stats
from modelsweep.cache.folder import make_private
from modelsweep.core.units import MIB

FILE = "facts.sqlite3"
LIMIT = 512 * MIB
"""Bytes of all entries together."""
SCHEMA = 1
_LOCK = "facts.lock"
_WAIT = 5.0
"""Seconds to wait for another process that is writing."""
_ROOM = 0.9
"""Part of the limit that is left after old entries had to go."""
_BATCH = 100
_TABLES = """
CREATE TABLE entries (key BLOB PRIMARY KEY, size INTEGER NOT NULL, used INTEGER NOT NULL, data BLOB NOT NULL);
CREATE INDEX by_use ON entries (used);
CREATE TABLE totals (entries INTEGER NOT NULL, size INTEGER NOT NULL);
INSERT INTO totals VALUES (0, 0);
CREATE TRIGGER added AFTER INSERT ON entries
    BEGIN UPDATE totals SET entries = entries + 1, size = size + new.size; END;
CREATE TRIGGER removed AFTER DELETE ON entries
    BEGIN UPDATE totals SET entries = entries - 1, size = size - old.size; END;
"""
_Answer = TypeVar("_Answer")


class SqliteCache:
    """Entries in `folder`, which is made where it is missing; belongs to one thread. Raises CacheFault."""

    def __init__(self, folder: str, say: Callable[[str], object], limit: int = LIMIT) -> None:
        self._folder, self._say, self._limit = folder, say, limit
        self._path = os.path.join(folder, FILE)
        make_private(folder)
        self._database = self._opened()

    def get(self, key: bytes) -> bytes | None:
        """Return an entry, None where there is none."""
        now = int(time.time())

        def ask(database: sqlite3.Connection) -> bytes | None:
            row = database.execute("SELECT data, used FROM entries WHERE key = ?", (key,)).fetchone()
            if row is None:
                return None
            if now - row[1] > TOUCH:
                with suppress(sqlite3.OperationalError):  # busy, full or read-only: it was found all the same
                    database.execute("UPDATE entries SET used = ? WHERE key = ?", (now, key))
            return bytes(row[0])

        return self._ask(ask)

    def put(self, key: bytes, data: bytes) -> None:
        """Keep an entry; those asked for least recently go where there are too many bytes."""
        if len(data) > LARGEST:
            return

        def keep(database: sqlite3.Connection) -> None:
            with _written(database):
                database.execute("DELETE FROM entries WHERE key = ?", (key,))
                row = (key, len(data), int(time.time()), data)
                database.execute("INSERT INTO entries VALUES (?, ?, ?, ?)", row)
                if _totals(database)[1] > self._limit:
                    _shrink(database, int(self._limit * _ROOM))

        self._ask(keep)

    def remove(self, key: bytes) -> None:
        """Forget an entry."""
        self._ask(lambda database: database.execute("DELETE FROM entries WHERE key = ?", (key,)))

    def stats(self) -> Stats:
        """Return what there is."""
        entries, size = self._ask(_totals)
        return Stats(entries, size, self._limit)

    def clear(self) -> None:
        """Forget everything, and give its bytes back to the disk."""
        self._ask(lambda database: database.execute("DELETE FROM entries"))
        self._ask(_compact)

    def cleanup(self, limit: int | None = None) -> int:
        """Forget what is old or too much, and give its bytes back to the disk; returns how many entries."""

        def clean(database: sqlite3.Connection) -> int:
            before = _totals(database)[0]
            with _written(database):
                database.execute("DELETE FROM entries WHERE used < ?", (int(time.time()) - AGE,))
                _shrink(database, self._limit if limit is None else limit)
            return before - _totals(database)[0]

        gone = self._ask(clean)
        self._ask(_compact)
        return gone

    def close(self) -> None:
        """Close the file."""
        with suppress(sqlite3.Error):
            self._database.close()

    def _ask(self, question: Callable[[sqlite3.Connection], _Answer]) -> _Answer:
        """Return the answer to a question; a file that is damaged is made anew, and then asked again."""
        try:
            return question(self._database)
        except sqlite3.OperationalError as error:
            raise CacheFault(f"{self._path}: {error}") from error
        except sqlite3.Error as error:
            self._database = self._made_anew(str(error))
        try:
            return question(self._database)
        except sqlite3.Error as error:
            raise CacheFault(f"{self._path}: {error}") from error

    def _opened(self) -> sqlite3.Connection:
        try:
            return self._connected()
        except sqlite3.OperationalError as error:
            raise CacheFault(f"{self._path}: {error}") from error
        except sqlite3.Error as error:
            return self._made_anew(str(error))

    def _made_anew(self, why: str) -> sqlite3.Connection:
        """Return a new file in the place of one that is damaged; another process may have been quicker."""
        with suppress(AttributeError, sqlite3.Error):
            self._database.close()
        try:
            with _locked(os.path.join(self._folder, _LOCK)):
                with suppress(sqlite3.Error):
                    return self._connected(check=True)
                for ending in ("", "-wal", "-shm"):
                    with suppress(FileNotFoundError):
                        os.unlink(self._path + ending)
                self._say(f"the cache {self._path} was damaged and is made anew: {why}")
                return self._connected()
        except (OSError, sqlite3.Error) as error:
            raise CacheFault(f"{self._path}: {error}") from error

    def _connected(self, *, check: bool = False) -> sqlite3.Connection:
        """Return a connection to the file with our tables in it; raises sqlite3.Error."""
        _make_file(self._path)
        database = sqlite3.connect(self._path, timeout=_WAIT, isolation_level=None, cached_statements=16)
        try:
            # A power cut may cost the latest entries, and damage the file at worst
            database.executescript("PRAGMA auto_vacuum = INCREMENTAL; PRAGMA synchronous = OFF;")
            if database.execute("PRAGMA journal_mode = WAL").fetchone()[0] != "wal":
                raise sqlite3.OperationalError("this file system has no shared memory for a write-ahead log")
            if check and database.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
                raise sqlite3.DatabaseError("malformed")
            _prepare(database)
        except BaseException:
            database.close()
            raise
        return database


def _prepare(database: sqlite3.Connection) -> None:
    """Make our tables in a new file; raises DatabaseError where it holds others."""
    if _version(database) != SCHEMA:
        with _written(database):
            found = _version(database)
            if found not in (0, SCHEMA):
                raise sqlite3.DatabaseError(f"written by another version ({found})")
            if not found:
                for statement in _statements(_TABLES):
                    database.execute(statement)
                database.execute(f"PRAGMA user_version = {SCHEMA}")


def _version(database: sqlite3.Connection) -> int:
    return int(database.execute("PRAGMA user_version").fetchone()[0])


def _statements(script: str) -> Iterator[str]:
    """Yield the statements of a script one by one: `executescript` would end the transaction."""
    statement = ""
    for line in script.splitlines():
        statement += line + "\n"
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


@contextmanager
def _written(database: sqlite3.Connection) -> Iterator[None]:
    """Write all that the block does, or nothing."""
    database.execute("BEGIN IMMEDIATE")
    try:
        yield
        database.execute("COMMIT")
    except BaseException:
        with suppress(sqlite3.Error):
            database.execute("ROLLBACK")
        raise


def _totals(database: sqlite3.Connection) -> tuple[int, int]:
    entries, size = database.execute("SELECT entries, size FROM totals").fetchone()
    return entries, size


def _shrink(database: sqlite3.Connection, limit: int) -> None:
    """Remove the entries asked for least recently until the others have at most `limit` bytes."""
    entries, size = _totals(database)
    while entries and size > limit:
        many = _BATCH if entries > 10 * _BATCH else 1
        database.execute("DELETE FROM entries WHERE key IN (SELECT key FROM entries ORDER BY used LIMIT ?)", (many,))
        entries, size = _totals(database)


def _compact(database: sqlite3.Connection) -> None:
    # `execute` would take one step, which frees one page
    database.executescript("PRAGMA incremental_vacuum; PRAGMA wal_checkpoint(TRUNCATE);")


def _make_file(path: str) -> None:
    """Make an empty file, if there is none, that its user only may read; raises OperationalError."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600))
    except OSError as error:
        raise sqlite3.OperationalError(error.strerror) from error


@contextmanager
def _locked(path: str) -> Iterator[None]:
    """Hold a lock that one process has at a time; raises OSError."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
