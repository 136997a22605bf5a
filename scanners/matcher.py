"""Which patterns stand in a window of bytes: hyperscan where it is installed and pays, `re` elsewhere, same answers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from threading import Lock, get_ident
from typing import Any, Protocol

from modelsweep.core.units import KIB, MIB
from scanners.detector import BEFORE, RUN, Detector
from scanners.detectors import DETECTORS

PATTERNS: tuple[tuple[bytes, Detector], ...] = tuple(
    (pattern, detector) for detector in DETECTORS for pattern in (*detector.patterns, *detector.runs)
)
COMPILED = 8 * MIB
"""Bytes of one process from which hyperscan's database pays: making it takes 0.1 s, `re` needs 10 ms more per MiB."""
LOADED = 256 * KIB
"""The same where a database was prepared: loading it takes 2 ms, of which the package takes 1."""
_TOKENS = bytes(ord("a") if byte < 128 and (chr(byte).isalnum() or byte in b"_-+/") else 0 for byte in range(256))
_LONG = b"a" * RUN
_BETWEEN = b"\xff"
_LITERAL = re.compile(rb"(?:[A-Za-z0-9 _:=#!/-]|\\x[0-9a-f]{2})(?![?*+{|])")
_ANY_CASE = re.compile(rb"\(\?i\)([a-z-]{3,})")


class Matcher(Protocol):
    """Says which patterns a window of bytes holds."""

    is_wide: bool
    """Whether it takes less time for several windows at once than for one after the other, where they hold nothing."""

    def present(self, window: bytes) -> list[int]:
        """Return the numbers of the patterns that match anywhere in `window`, ascending."""


class RegexMatcher:
    """The matcher of the standard library."""

    is_wide = False

    def present(self, window: bytes) -> list[int]:
        """Return the numbers of the patterns that match anywhere in `window`, ascending."""
        plain, lowered, runs = _by_kind()
        # Most windows lack what most patterns begin with: those need not even be compiled for a small file
        # (`rfind` is several times as quick as `find` in CPython where there is nothing to be found)
        found = [number for number, start in plain if window.rfind(start) >= 0 and _compiled(number).search(window)]
        folded = window.lower() if lowered else b""
        # `re` walks any-case patterns at 0.15 GB/s: ten times slower than finding what they begin with.
        found += [number for number, start in lowered if folded.rfind(start) >= 0 and _compiled(number).search(window)]
        around = _around_runs(window)
        if around and _any_run().search(around):
            found += [number for number in runs if _compiled(number).search(around)]
        return sorted(found)


class HyperscanMatcher:
    """The matcher of the hyperscan package, for use in the thread that made it."""

    is_wide = True

    def __init__(self) -> None:
        self._database = _database()
        self._scratch = _scratch(get_ident())

    def present(self, window: bytes) -> list[int]:
        """Return the numbers of the patterns that match anywhere in `window`, ascending; works without the GIL."""
        found: set[int] = set()
        self._database.scan(window, match_event_handler=_note, context=found, scratch=self._scratch)
        return sorted(found)


def offsets(number: int, window: bytes) -> Iterator[int]:
    """Yield every offset in `window` at which pattern `number` matches, overlapping matches too."""
    position = 0
    while match := _compiled(number).search(window, position):
        yield match.start()
        position = match.start() + 1


class Choice:
    """Picks the quickest matcher for the next bytes of this process; the choice never changes what is found."""

    def __init__(self) -> None:
        self.seen = 0
        self.pays = False
        """Whether hyperscan searches from now on."""

    def __call__(self, size: int) -> Matcher:
        """Return a matcher for `size` bytes, for use in one thread."""
        self.seen += size
        if not self.pays and self.seen > LOADED:
            self.pays = (prepared.is_at_hand or self.seen > COMPILED) and has_hyperscan()
        return HyperscanMatcher() if self.pays else RegexMatcher()


matcher_for = Choice()


@cache
def has_hyperscan() -> bool:
    """Return whether the hyperscan package is installed."""
    try:
        import hyperscan  # noqa: F401
    except ImportError:
        return False
    return True


def _note(number: int, _start: int, _end: int, _flags: int, found: set[int]) -> None:
    found.add(number)


class Kept(Protocol):
    """Where a database is that another process made, or will make."""

    @property
    def is_there(self) -> bool:
        """Whether there is one by now."""

    def read(self) -> bytes | None:
        """Return it as `prepare` did, None where there is none that is whole."""


class Prepared:
    """Whether the database of this process `is_made`, and where one is `kept` that need only be loaded."""

    is_made = False
    kept: Kept | None = None

    @property
    def is_at_hand(self) -> bool:
        """Whether none has to be made."""
        return self.is_made or (self.kept is not None and self.kept.is_there)


prepared = Prepared()


def prepare() -> bytes:
    """Make the database, for this process and those that will be forked from it, and return it as bytes."""
    import hyperscan

    serialized: bytes = hyperscan.dumpb(_database())
    prepared.is_made = True
    return serialized


_DATABASE = Lock()
"""Held while a database is made: a second thread that needs it waits, instead of making another."""


def _database() -> Any:
    with _DATABASE:
        return _database_once()


@cache
def _database_once() -> Any:  # the package publishes no types
    import hyperscan

    kept = prepared.kept.read() if prepared.kept else None
    if kept:
        with suppress(hyperscan.HyperscanError):  # made for another processor, or damaged
            return hyperscan.loadb(kept, hyperscan.HS_MODE_BLOCK)
    return _made()


def _made() -> Any:
    return _compiled_all(tuple(pattern for pattern, _ in PATTERNS))


def _compiled_all(expressions: tuple[bytes, ...]) -> Any:
    import hyperscan

    flags = hyperscan.HS_FLAG_DOTALL | hyperscan.HS_FLAG_SINGLEMATCH
    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    database.compile(expressions=list(expressions), ids=list(range(len(expressions))), flags=[flags] * len(expressions))
    return database


@cache
def _scratch(_thread: int) -> Any:
    """Return the scratch space of one thread: two scans at once must not share it."""
    import hyperscan

    return hyperscan.Scratch(_database())


@cache
def _compiled(number: int) -> re.Pattern[bytes]:
    return re.compile(PATTERNS[number][0], re.DOTALL)


class Literals:
    """Bytes that are looked for together, in windows of any size."""

    def __init__(self, *values: bytes) -> None:
        self.values = values
        self._databases: dict[int, tuple[Any, Any]] = {}
        """By thread, each with its scratch space: made in 1 ms."""

    def present(self, window: bytes) -> list[bytes]:
        """Return those that stand in `window`, in their order."""
        if not matcher_for.pays:
            return [value for value in self.values if window.rfind(value) >= 0]
        found: set[int] = set()
        database, scratch = self._databases.get(get_ident()) or self._made()
        database.scan(window, match_event_handler=_note, context=found, scratch=scratch)
        return [self.values[number] for number in sorted(found)]

    def _made(self) -> tuple[Any, Any]:
        import hyperscan

        made = _compiled_all(tuple(b"".join(b"\\x%02x" % byte for byte in value) for value in self.values))
        return self._databases.setdefault(get_ident(), (made, hyperscan.Scratch(made)))


def _around_runs(window: bytes) -> bytes:
    """Return the runs of characters of tokens with what stands before them: little of any text, nothing of weights."""
    kinds, pieces = window.translate(_TOKENS), []
    # A regular expression for runs would be ten times slower
    start = kinds.find(_LONG)
    while start >= 0:
        end = kinds.find(0, start)
        end = len(kinds) if end < 0 else end
        pieces.append(window[max(0, start - BEFORE) : end])
        start = kinds.find(_LONG, end)
    return _BETWEEN.join(pieces)


@cache
def _any_run() -> re.Pattern[bytes]:
    # By first byte: of forty alternatives each place would try all
    grouped: dict[bytes, list[bytes]] = {}
    for number in _by_kind()[2]:
        pattern = PATTERNS[number][0]
        escape = 4 if pattern.startswith(b"\\x") else 2
        lead = pattern[:escape] if pattern.startswith(b"\\") else pattern[:1]
        grouped.setdefault(lead, []).append(pattern[len(lead) :])
    groups = (lead + b"(?:" + b"|".join(rests) + b")" for lead, rests in grouped.items())
    return re.compile(b"|".join(groups), re.DOTALL)


Starts = tuple[tuple[int, bytes], ...]
"""Numbers of patterns, each with the literal that it begins with."""


@cache
def _by_kind() -> tuple[Starts, Starts, tuple[int, ...]]:
    """Return the case-sensitive patterns, the others, and the numbers of those for runs."""
    runs = {number for number, (pattern, detector) in enumerate(PATTERNS) if pattern in detector.runs}
    others = [number for number in range(len(PATTERNS)) if number not in runs]
    lowered = {number: match[1] for number in others if (match := _ANY_CASE.match(PATTERNS[number][0]))}
    plain = tuple((number, literal_start(PATTERNS[number][0])) for number in others if number not in lowered)
    return plain, tuple(lowered.items()), tuple(sorted(runs))


def literal_start(pattern: bytes) -> bytes:
    """Return the bytes that every match of a pattern begins with, as far as they are plain to see."""
    start, end = b"", 0
    while match := _LITERAL.match(pattern, end):
        start += bytes.fromhex(match[0][2:].decode()) if match[0].startswith(b"\\") else match[0]
        end = match.end()
    return start
