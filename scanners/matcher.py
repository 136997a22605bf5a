"""Which patterns stand in a window of bytes: hyperscan where it is installed and pays, `re` elsewhere, same answers."""

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
COMPILED = 8 * MIB
"""Bytes of one process from which hyperscan's database pays: making it takes 0.1 s, `re` needs 10 ms more per MiB."""
LOADED = 256 * KIB
"""The same where a database was prepared: loading it takes 2 ms, of which the package takes 1."""
_LENGTH = 4
"""Bytes before each database of several that say how long it is."""
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
    """The matcher of the hyperscan package."""

    is_wide = True

    def present(self, window: bytes) -> list[int]:
        """Return the numbers of the patterns that match anywhere in `window`, ascending; works without the GIL."""
        found: set[int] = set()
        PATTERNS_SOUGHT.scan(window, _note, found)
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
    """Where databases are that another process made, or will make."""

    @property
    def is_there(self) -> bool:
        """Whether there are any by now."""

    def read(self) -> bytes | None:
        """Return them all as they were made, None where there are none that are whole."""


class Prepared:
    """Whether the databases of this process are made, and where some are `kept` that need only be loaded."""

    is_made = False
    kept: Kept | None = None

    @property
    def is_at_hand(self) -> bool:
        """Whether none has to be made."""
        return self.is_made or (self.kept is not None and self.kept.is_there)


prepared = Prepared()


def _part(data: bytes, number: int) -> bytes:
    """Return one of the databases that stand behind each other as `serialized` returned them."""
    start = 0
    for _ in range(number):
        start += _LENGTH + int.from_bytes(data[start : start + _LENGTH], "big")
    return data[start + _LENGTH :][: int.from_bytes(data[start : start + _LENGTH], "big")]


class Wanted(NamedTuple):
    """A pattern of a database, and whether it is enough to be told once that it is there."""

    pattern: bytes
    once: bool = True


class Database:
    """Patterns that hyperscan looks for together: what it makes of them is made, or read, when it is first needed."""

    def __init__(self, number: int, told_by: object, wanted: Callable[[], Iterable[Wanted]]) -> None:
        self.told_by = told_by
        """Its `repr` tells it from a database of other patterns, which are many."""
        self._number, self._wanted = number, wanted
        self._lock = Lock()
        self._loaded: Any = None
        self._scratches: dict[int, Any] = {}
        """By thread: two scans at once must not share one."""

    def scan(self, window: bytes, note: Callable[..., bool | None], found: object) -> bool:
        """Call `note` for each match with number, start (always 0), end, flags and `found`, without the GIL between.

        Returns False where `note` said that it is enough, by returning True.
        """
        import hyperscan

        scratch = self._scratches.get(get_ident()) or self._scratch()
        try:
            self._loaded.scan(window, match_event_handler=note, context=found, scratch=scratch)
        except hyperscan.ScanTerminated:
            return False
        return True

    def serialized(self) -> bytes:
        """Return it as bytes, with their number before them, having made it where it has to be."""
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
            self._loaded = self._loaded or self._kept() or self._made()

    def _kept(self) -> Any:
        import hyperscan

        kept = prepared.kept.read() if prepared.kept else None
        if kept:
            with suppress(hyperscan.HyperscanError):  # made for another processor, or damaged
                return hyperscan.loadb(_part(kept, self._number), hyperscan.HS_MODE_BLOCK)
        return None

    def _made(self) -> Any:
        import hyperscan

        patterns, once = zip(*self._wanted(), strict=True)
        flags = [hyperscan.HS_FLAG_DOTALL | (hyperscan.HS_FLAG_SINGLEMATCH if one else 0) for one in once]
        made = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
        made.compile(expressions=list(patterns), ids=list(range(len(patterns))), flags=flags)
        return made


PATTERNS_SOUGHT = Database(
    0,
    [(pattern, detector.name) for pattern, detector in PATTERNS],
    lambda: (Wanted(pattern) for pattern, _ in PATTERNS),
)


@cache
def _compiled(number: int) -> re.Pattern[bytes]:
    return re.compile(PATTERNS[number][0], re.DOTALL)


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
