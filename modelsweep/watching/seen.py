"""Which versions of which objects were handed over already: a SQLite file that survives restarts."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable

from modelsweep.core.report import Unit


class Seen:
    """The objects that were handed over, by address; belongs to one thread. Raises sqlite3.Error."""

    def __init__(self, path: str) -> None:
        os.makedirs(os.path.dirname(os.path.abspath(path)), mode=0o700, exist_ok=True)
        self._database = sqlite3.connect(path, isolation_level=None)
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute("CREATE TABLE IF NOT EXISTS seen (uri BLOB PRIMARY KEY, version TEXT) WITHOUT ROWID")

    def has(self, unit: Unit) -> bool:
        """Return whether this very version of an object was handed over."""
        row = self._database.execute(
            "SELECT version FROM seen WHERE uri = ?", (os.fsencode(unit.locator.uri),)
        ).fetchone()
        return row is not None and row[0] == version_of(unit)

    def add(self, units: Iterable[Unit]) -> None:
        """Note that these were handed over."""
        rows = [(os.fsencode(unit.locator.uri), version_of(unit)) for unit in units]
        self._database.execute("BEGIN")
        self._database.executemany("INSERT OR REPLACE INTO seen VALUES (?, ?)", rows)
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
