"""What was written last comes first: as the order of examining, and where not all fits, as the choice of it.

Reports keep the order of keys. What has to wait for the end of a listing waits in a temporary database, which goes to
disk when it grows: a bucket may hold millions. Objects whose source does not tell when they were written come last.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from typing import NamedTuple

from modelsweep.core.report import Unit
from modelsweep.core.values import replace
from modelsweep.core.wire import decode_unit, dumps, encode_unit
from sources.source import Listed

_ON_DISK = ""
"""A database without a name: SQLite keeps what does not fit into its cache in a file that nobody else sees."""


class Oldest(NamedTuple):
    """The last object that fits, when all are taken from the newest on; of one time by address."""

    modified: float
    uri: str

    def leaves_out(self, listed: Listed) -> bool:
        """Return whether an object comes behind it."""
        return (-listed.modified, _stored(listed.locator.uri)) > (-self.modified, _stored(self.uri))


EVERYTHING = Oldest(float("-inf"), "")


def oldest_that_fits(listing: Iterable[Listed], most: int) -> Oldest:
    """Return the last object up to which all together have no more than `most` bytes."""
    with closing(sqlite3.connect(_ON_DISK)) as database:
        database.execute("CREATE TABLE listed (modified REAL, uri BLOB, size INTEGER)")
        rows = ((item.modified, _stored(item.locator.uri), item.size) for item in listing)
        database.executemany("INSERT INTO listed VALUES (?, ?, ?)", rows)
        total, last = 0, Oldest(float("inf"), "")
        for modified, uri, size in database.execute("SELECT * FROM listed ORDER BY modified DESC, uri"):
            total += size
            if total > most:
                return last
            last = Oldest(modified, uri.decode("utf-8", "surrogateescape"))
    return EVERYTHING


def newest_first(units: Iterable[Unit]) -> Iterator[Unit]:
    """Yield all units, those that were written last first; of one time in report order."""
    with closing(sqlite3.connect(_ON_DISK)) as database:
        database.execute("CREATE TABLE units (place INTEGER PRIMARY KEY, modified REAL, line BLOB)")
        rows = ((unit.index, unit.modified, dumps(encode_unit(unit))) for unit in units)
        database.executemany("INSERT INTO units VALUES (?, ?, ?)", rows)
        for line, modified in database.execute("SELECT line, modified FROM units ORDER BY modified DESC, place"):
            yield replace(decode_unit(json.loads(line)), modified=modified)


def _stored(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
