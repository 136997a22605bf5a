"""Find which patterns match in a window of bytes, with hyperscan if installed and worthwhile, otherwise with `re`.

Both give the same answers.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import cache
from threading import Lock, get_ident
from typing import Any, NamedTuple, Protocol

from modelsweep.core.units import KIB, MIB
from scanners.detector import BEFORE, RUN, Detector
from scanners.detectors import DETECTORS

PATTERNS: tuple[tuple[bytes, Detector], ...] = tuple(
    (pattern, detector) for detector in DETECTORS for pattern in (*detector.patterns, *detector.runs)
)
MIN_TO_COMPILE = 8 * MIB
"""Bytes per process from which compiling hyperscan's database pays: it takes 0.1 s, and `re` 10 ms more per MiB."""
MIN_TO_LOAD = 256 * KIB
"""Bytes per process from which loading a prepared database pays: it takes 2 ms, of which the package takes 1."""
_LENGTH = 4
"""Bytes of the length field in front of each serialized database."""
_TOKEN_CLASSES = bytes(
    ord("a") if byte < 128 and (chr(byte).isalnum() or byte in b"_-+/") else 0 for byte in range(256)
)
_RUN_START = b"a" * RUN
_SEPARATOR = b"\xff"
_LITERAL = re.compile(rb"(?:[A-Za-z0-9 _:=#!/-]|\\x[0-9a-f]{2})(?![?*+{|])")
_ANY_CASE = re.compile(rb"\(\?i\)([a-z-]{3,})")


class Matcher(Protocol):
    """Finds the patterns that match in a window of bytes."""

    is_wide: bool
    """Whether one call for several windows without a match is faster than one call for each."""

    def present(self, window: bytes) -> list[int]:
        """Return the numbers of the patterns that match anywhere in `window`, ascending."""


class RegexMatcher:
    """A matcher that uses the `re` module of the standard library."""

    is_wide = False

    def present(self, window: bytes) -> list[int]:
        """Return the numbers of the patterns that match anywhere in `window`, ascending."""
        plain, lowered, runs = _by_kind()
        # Most windows lack the literal that a pattern begins with, so most patterns need not even be compiled
        # (`rfind` is several times faster than `find` in CPython when there is no match)
        found = [number for number, start in plain if window.rfind(start) >= 0 and _compiled(number).search(window)]
        folded = window.lower() if lowered else b""
        # `re` runs case-insensitive patterns at 0.15 GB/s, ten times slower than a search for their literal start.
        found += [number for number, start in lowered if folded.rfind(start) >= 0 and _compiled(number).search(window)]
        around = _around_runs(window)
        if around and _any_run().search(around):
            found += [number for number in runs if _compiled(number).search(around)]
        return sorted(found)


class HyperscanMatcher:
    """A matcher that uses the hyperscan package."""

    is_wide = True

    def present(self, window: bytes) -> list[int]:
        """Return the numbers of the patterns that match anywhere in `window`, ascending; releases the GIL."""
        found: set[int] = set()
        PATTERNS_SOUGHT.scan(window, _note, found)
        return sorted(found)


def offsets(number: int, window: bytes) -> Iterator[int]:
    """Yield every offset in `window` at which pattern `number` matches, including overlapping matches."""
    position = 0
    while match := _compiled(number).search(window, position):
        yield match.start()
        position = match.start() + 1


class Choice:
    """Picks the fastest matcher for the next bytes of this process; the choice never changes the results."""

    def __init__(self) -> None:
        self.seen = 0
        self.pays = False
        """Whether hyperscan is used from now on."""

    def __call__(self, size: int) -> Matcher:
        """Return a matcher for `size` bytes, for use in one thread."""
        self.seen += size
        if not self.pays and self.seen > MIN_TO_LOAD:
            self.pays = (prepared.is_at_hand or self.seen > MIN_TO_COMPILE) and has_hyperscan()
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


class DatabaseStore(Protocol):
    """Storage for serialized databases that another process makes."""

    @property
    def is_there(self) -> bool:
        """Whether the databases have been stored by now."""

    def read(self) -> bytes | None:
        """Return the databases as one byte string, or None if there are none or they are damaged."""


class Prepared:
    """Tells whether this process has made its databases, and where prepared ones are stored (`kept`)."""

    is_made = False
    kept: DatabaseStore | None = None

    @property
    def is_at_hand(self) -> bool:
        """Whether no database needs to be compiled."""
        return self.is_made or (self.kept is not None and self.kept.is_there)


prepared = Prepared()


def _part(data: bytes, number: int) -> bytes:
    """Return database `number` from a concatenation of what `Database.serialized` returned."""
    start = 0
    for _ in range(number):
        start += _LENGTH + int.from_bytes(data[start : start + _LENGTH], "big")
    return data[start + _LENGTH :][: int.from_bytes(data[start : start + _LENGTH], "big")]


class SoughtPattern(NamedTuple):
    """A pattern of a database, and whether only its first match in a window is needed (`once`)."""

    pattern: bytes
    once: bool = True


class Database:
    """A hyperscan database, which is compiled or loaded when it is first needed."""

    def __init__(self, number: int, identity: object, wanted: Callable[[], Iterable[SoughtPattern]]) -> None:
        self.identity = identity
        """Its `repr` identifies the patterns, without the cost of listing them all."""
        self._number, self._wanted = number, wanted
        self._lock = Lock()
        self._loaded: Any = None
        self._scratches: dict[int, Any] = {}
        """Scratch space by thread id: concurrent scans must not share one."""

    def scan(self, window: bytes, note: Callable[..., bool | None], found: object) -> bool:
        """Call `note` for each match with number, start (always 0), end, flags and `found`; releases the GIL between.

        Returns False if `note` stopped the scan by returning True.
        """
        import hyperscan

        scratch = self._scratches.get(get_ident()) or self._scratch()
        try:
            self._loaded.scan(window, match_event_handler=note, context=found, scratch=scratch)
        except hyperscan.ScanTerminated:
            return False
        return True

    def serialized(self) -> bytes:
        """Return the database as bytes after their length, and compile it first if needed."""
        import hyperscan

        self._load()
        serialized: bytes = hyperscan.dumpb(self._loaded)
        return len(serialized).to_bytes(_LENGTH, "big") + serialized

    def _scratch(self) -> Any:  # the package publishes no types
        import hyperscan

        self._load()
        return self._scratches.setdefault(get_ident(), hyperscan.Scratch(self._loaded))

    def _load(self) -> None:
        with self._lock:  # a second thread that needs it waits, instead of making another
            self._loaded = self._loaded or self._load_prepared() or self._compile()

    def _load_prepared(self) -> Any:
        import hyperscan

        kept = prepared.kept.read() if prepared.kept else None
        if kept:
            with suppress(hyperscan.HyperscanError):  # made for another processor, or damaged
                return hyperscan.loadb(_part(kept, self._number), hyperscan.HS_MODE_BLOCK)
        return None

    def _compile(self) -> Any:
        import hyperscan

        patterns, once = zip(*self._wanted(), strict=True)
        flags = [hyperscan.HS_FLAG_DOTALL | (hyperscan.HS_FLAG_SINGLEMATCH if one else 0) for one in once]
        made = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
        made.compile(expressions=list(patterns), ids=list(range(len(patterns))), flags=flags)
        return made


PATTERNS_SOUGHT = Database(
    0,
    [(pattern, detector.name) for pattern, detector in PATTERNS],
    lambda: (SoughtPattern(pattern) for pattern, _ in PATTERNS),
)


@cache
def _compiled(number: int) -> re.Pattern[bytes]:
    return re.compile(PATTERNS[number][0], re.DOTALL)


def _around_runs(window: bytes) -> bytes:
    """Return the long runs of token characters with the bytes before each: a small part of text, none of weights."""
    kinds, pieces = window.translate(_TOKEN_CLASSES), []
    # A regular expression for runs would be ten times slower
    start = kinds.find(_RUN_START)
    while start >= 0:
        end = kinds.find(0, start)
        end = len(kinds) if end < 0 else end
        pieces.append(window[max(0, start - BEFORE) : end])
        start = kinds.find(_RUN_START, end)
    return _SEPARATOR.join(pieces)


@cache
def _any_run() -> re.Pattern[bytes]:
    # Grouped by first byte, since `re` would otherwise try all forty alternatives at each position
    grouped: dict[bytes, list[bytes]] = {}
    for number in _by_kind()[2]:
        pattern = PATTERNS[number][0]
        escape = 4 if pattern.startswith(b"\\x") else 2
        lead = pattern[:escape] if pattern.startswith(b"\\") else pattern[:1]
        grouped.setdefault(lead, []).append(pattern[len(lead) :])
    groups = (lead + b"(?:" + b"|".join(rests) + b")" for lead, rests in grouped.items())
    return re.compile(b"|".join(groups), re.DOTALL)


Starts = tuple[tuple[int, bytes], ...]
"""Pattern numbers, each with the literal that the pattern begins with."""


@cache
def _by_kind() -> tuple[Starts, Starts, tuple[int, ...]]:
    """Return the case-sensitive patterns, the case-insensitive ones, and the numbers of the patterns for runs."""
    runs = {number for number, (pattern, detector) in enumerate(PATTERNS) if pattern in detector.runs}
    others = [number for number in range(len(PATTERNS)) if number not in runs]
    lowered = {number: match[1] for number in others if (match := _ANY_CASE.match(PATTERNS[number][0]))}
    plain = tuple((number, literal_start(PATTERNS[number][0])) for number in others if number not in lowered)
    return plain, tuple(lowered.items()), tuple(sorted(runs))


def literal_start(pattern: bytes) -> bytes:
    """Return the literal bytes that `pattern` begins with, which every match begins with too."""
    start, end = b"", 0
    while match := _LITERAL.match(pattern, end):
        start += bytes.fromhex(match[0][2:].decode()) if match[0].startswith(b"\\") else match[0]
        end = match.end()
    return start
