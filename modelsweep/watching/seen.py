"""Which versions of which objects were handed over already: a SQLite file that survives restarts."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable
from typing import NamedTuple

from modelsweep.core.report import Unit


class Batch(NamedTuple):
    """Objects that are handed over together, under a key that is theirs only."""

    key: str
    uris: list[str]


class Seen:
    """The objects that were handed over, by address; belongs to one thread. Raises sqlite3.Error.

    A batch is `begun` before it is handed over and `ended` behind it: one whose end nobody saw is handed over again
    under its own key, by which whoever takes it knows whether that was done already.
    """

    def __init__(self, path: str) -> None:
        os.makedirs(os.path.dirname(os.path.abspath(path)), mode=0o700, exist_ok=True)
        self._database = sqlite3.connect(path, isolation_level=None)
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute("CREATE TABLE IF NOT EXISTS seen (uri BLOB PRIMARY KEY, version TEXT) WITHOUT ROWID")
        self._database.execute("CREATE TABLE IF NOT EXISTS begun (key TEXT, uri BLOB, version TEXT)")

    def has(self, unit: Unit) -> bool:
        """Return whether this very version of an object was handed over."""
        row = self._database.execute(
            "SELECT version FROM seen WHERE uri = ?", (os.fsencode(unit.locator.uri),)
        ).fetchone()
        return row is not None and row[0] == version_of(unit)

    def begin(self, key: str, units: Iterable[Unit]) -> None:
        """Note that these are about to be handed over."""
        rows = [(key, os.fsencode(unit.locator.uri), version_of(unit)) for unit in units]
        self._database.execute("BEGIN")
        self._database.executemany("INSERT INTO begun VALUES (?, ?, ?)", rows)
        self._database.execute("COMMIT")

    def begun(self) -> list[Batch]:
        """Return the batches whose end nobody saw."""
        found: dict[str, Batch] = {}
        for key, uri in self._database.execute("SELECT key, uri FROM begun ORDER BY rowid"):
            found.setdefault(key, Batch(key, [])).uris.append(os.fsdecode(uri))
        return list(found.values())

    def end(self, key: str) -> None:
        """Note that a batch was handed over."""
        self._database.execute("BEGIN")
        self._database.execute("INSERT OR REPLACE INTO seen SELECT uri, version FROM begun WHERE key = ?", (key,))
        self._database.execute("DELETE FROM begun WHERE key = ?", (key,))
        self._database.execute("COMMIT")

    def close(self) -> None:
        """Close the file."""
        self._database.close()


def version_of(unit: Unit) -> str:
    """Return what tells a version of an object from the next: that of its store, else size and time of a file."""
    if unit.locator.version:
        return f"{unit.locator.version} {unit.size}"
    try:
        found = os.stat(unit.locator.uri)
    except (OSError, ValueError):
        return f"{unit.size}"
    return f"{found.st_size} {found.st_mtime_ns} {found.st_ino}"
