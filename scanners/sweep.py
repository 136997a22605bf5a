"""One pass over the raw bytes computes their SHA-256 and searches for patterns, in threads beside the scanners.

The pass notes only which windows contain a pattern at all. Offsets are located after the scanners have run, outside
the members that a scanner examines for the same thing, and within a budget, so that bytes full of hits cost no more
than others. A spent budget is a Problem, because decoys can hide payloads.
"""

from __future__ import annotations

import hashlib
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from functools import cached_property
from heapq import heappop, heappush
from itertools import accumulate, islice
from queue import Queue
from threading import Thread
from typing import TYPE_CHECKING, NamedTuple

from modelsweep.core.finding import Fact, Finding, Problem, ProblemKind
from modelsweep.core.locator import Locator
from modelsweep.core.reader import WINDOW, Reader, SourceFault, WindowReader
from modelsweep.core.scanner import DECODED, Blob, Context, Item
from modelsweep.core.units import MIB
from modelsweep.core.values import replace
from scanners.detector import CLOSE, OVERLAP, Detector, isolated
from scanners.late import Late
from scanners.matcher import PATTERNS, Matcher, matcher_for, offsets

if TYPE_CHECKING:
    from scanners.parsing.disguise_starts import Starts

MIN_THREADED = 4 * MIB
"""Minimum bytes for which a second thread pays for itself."""
BLOCK = 4 * WINDOW
"""Bytes that a thread reads, hashes and searches in one turn: between two blocks it waits for the GIL."""
MAX_QUEUED_BLOCKS = 3
"""Blocks in flight between the reading and the hashing thread."""
MAX_LOCATED_AHEAD = 1_000
"""Maximum windows and offsets that are located while the pass still runs: the budget may not need more."""
POLL_INTERVAL = 0.02
"""Seconds between two looks of the waiting thread at what the pass has noted."""
MAX_LINE_OFFSET = MIB
"""Maximum offset in a text, in bytes, for which line numbers are given."""
HIT_BUDGET = 10_000
"""Maximum offsets that are examined per pattern in one sweep."""

_SECRETS = "secrets"
_WIDE = re.compile(rb"(?:[\t\n\r -~]\0){24,}(?:[\t\n\r -~]\Z)?")
"""Letters of two bytes; of those whose first byte is the zero, the last one has none behind it at the end."""


class Region(NamedTuple):
    """The swept bytes [start, stop), which are a blob of their own, and the names of the scanners that accepted it."""

    start: int
    stop: int
    blob: Blob
    scanners: frozenset[str]


class Sweep:
    """The raw pass over one blob, including the members that lie unchanged inside its bytes."""

    def __init__(self, blob: Blob) -> None:
        self.blob = blob
        self.digest = ""
        self._windows: dict[int, list[int]] = {}
        self._places: dict[tuple[int, int], list[int]] = {}
        """Offsets that have been located already, by pattern and window."""
        self._regions: list[Region] = []
        self._owned: _Ownership | None = None
        self._running: Thread | None = None
        self._fault: BaseException | None = None

    def start(self) -> None:
        """Start `run`, in a thread of its own if that pays and the reader allows it; otherwise complete it now."""
        if self.blob.size < MIN_THREADED or not self.blob.reader.is_parallel:
            self.run()
            return
        self._running = Thread(target=self._run_apart, name="sweep", daemon=True)
        self._running.start()

    def finish(self) -> None:
        """Wait for the pass, and locate what it notes meanwhile; raises what the pass raised."""
        if self._running:
            left = MAX_LOCATED_AHEAD
            while self._running.is_alive():
                left = self._locate_ahead(left)
                self._running.join(POLL_INTERVAL)
            self._running = None
        if self._fault:
            raise self._fault

    def _locate_ahead(self, left: int) -> int:
        """Locate what was noted so far, at most `left` offsets and windows; return how many of these are left."""
        for number, windows in [*self._windows.items()]:
            detector, owned = PATTERNS[number][1], self._ownership()
            for index in windows[:]:
                if left <= 0:
                    return 0
                if (number, index) in self._places or owned.is_owned(index * WINDOW, detector.owners):
                    continue
                try:
                    found = [*islice(self._located_in(number, index), left)]
                except SourceFault:  # raised again by the pass, which reads the same bytes, or on confirmation
                    return 0
                left -= 1 + len(found)
                if left >= 0:  # otherwise the list may be incomplete
                    self._places[number, index] = found
                if found and isinstance(detector, Late):
                    detector.load()  # confirmation will need it
        return left

    def _run_apart(self) -> None:
        try:
            self.run()
        except BaseException as fault:  # noqa: BLE001 - raised again in the thread that waits for it
            self._fault = fault

    def run(self) -> None:
        """Read every byte once; afterwards `digest` is the SHA-256 in hex, and the windows with hits are known."""
        reader, digest = self.blob.reader, hashlib.sha256()
        if self.blob.size < MIN_THREADED:
            matcher = matcher_for(self.blob.size)
            for index, window in enumerate(reader.windows(WINDOW, OVERLAP)):
                digest.update(memoryview(window)[:WINDOW])
                self._match(matcher, index, window)
        else:
            self._run_threaded(reader, digest)
        self.digest = digest.hexdigest()

    def _run_threaded(self, reader: Reader, digest: hashlib._Hash) -> None:
        """Read and match here, hash in another thread: SHA-256 is the slowest of the three, and none holds the GIL."""
        blocks: Queue[bytes | None] = Queue(MAX_QUEUED_BLOCKS)
        hasher = Thread(target=_hash_all, args=(blocks, digest), name="sha256", daemon=True)
        hasher.start()
        matcher, apart = None, False
        try:
            for index, block in enumerate(reader.windows(BLOCK, OVERLAP)):
                blocks.put(block)
                # Not before: loading what hyperscan needs takes 5 ms, in which the first block is hashed
                matcher = matcher or matcher_for(self.blob.size)
                apart = self._match_block(matcher, index * (BLOCK // WINDOW), block, apart)
        finally:
            blocks.put(None)
            hasher.join()

    def _match_block(self, matcher: Matcher, first: int, block: bytes, apart: bool) -> bool:
        """Match the windows of `block`, which begins with window `first`; return whether any of them has a match.

        Weights have no matches, so a block is matched as a whole first, unless the block before it had matches
        (`apart`).
        """
        if not apart and matcher.is_wide and not matcher.present(block):
            return False
        starts = range(0, min(len(block), BLOCK), WINDOW)
        found = [
            self._match(matcher, first + index, block[start : start + WINDOW + OVERLAP])
            for index, start in enumerate(starts)
        ]
        return any(found)

    def _match(self, matcher: Matcher, index: int, window: bytes) -> bool:
        found = matcher.present(window)
        for number in found:
            self._windows.setdefault(number, []).append(index)
        return bool(found)

    def claim(self, blob: Blob, scanners: set[str]) -> None:
        """Record that `blob` was accepted by `scanners`, if it lies inside the swept bytes."""
        start = self._offset_of(blob.reader)
        if start is None:
            return
        region = Region(start, start + blob.size, blob, frozenset(scanners))
        if self._owned:
            self._owned.add(region)
        else:
            self._regions.append(region)

    def _offset_of(self, reader: Reader) -> int | None:
        start = 0
        while reader is not self.blob.reader:
            if not isinstance(reader, WindowReader):
                return None
            start += reader.start
            reader = reader.parent
        return start

    def confirm(self, context: Context) -> Iterator[Item]:
        """Yield what the detectors confirm at the located offsets, attributed to the innermost member there."""
        chosen = context.options.scanners
        owned = self._ownership()
        seen: set[tuple[Locator, str, str]] = set()
        reported: set[Problem] = set()
        lines = _LineNumbers()
        disguised = isolated(self._disguised(owned, context), self.blob.locator, "encoded", reported)
        yield from lines.added_to(self.blob, disguised)
        wide = isolated(self._written_wide(owned, context), self.blob.locator, _SECRETS, reported)
        yield from lines.added_to(self.blob, wide)
        for number, windows in sorted(self._windows.items()):
            detector = PATTERNS[number][1]
            budget = detector.sample or HIT_BUDGET
            if chosen is not None and detector.name not in chosen:
                continue
            for hit in self._located(number, [i for i in windows if not owned.is_owned(i * WINDOW, detector.owners)]):
                region = owned.innermost(hit)
                if DECODED in region.scanners or region.scanners & detector.owners:
                    continue
                if not budget and detector.sample:
                    break
                if not budget:
                    yield self._too_many(detector)
                    break
                budget -= 1
                found = detector.confirm(region.blob, hit - region.start, context)
                found = isolated(found, region.blob.locator, detector.name, reported)
                found = lines.added_to(region.blob, found)
                yield from _once(found, seen) if detector.sample else found
        yield from isolated(self._at_starts(context), self.blob.locator, "encoded", reported)

    def _at_starts(self, context: Context) -> Iterator[Item]:
        """Yield what is hidden in members that begin with compressed bytes in base64.

        The pattern may miss these because of a letter in front of the member, which is no part of it.
        """
        chosen = context.options.scanners
        heads = [region for region in self._regions if region.start and region.blob.head[:1] == b"e"]
        if not heads or (chosen is not None and "encoded" not in chosen):
            return
        from scanners.detectors import encoded

        for region in heads:
            if encoded.begins_deflated(region.blob.head) and not region.scanners & encoded.DETECTOR.owners:
                yield from encoded.confirm(region.blob, 0, context)

    def _disguised(self, owned: _Ownership, context: Context) -> Iterator[Item]:
        """Yield what is disguised in small blobs, attributed to the member that contains it."""
        chosen, size = context.options.scanners, self.blob.size
        if size > CLOSE:
            return
        from scanners.detectors import encoded

        if chosen is not None and encoded.DETECTOR.name not in chosen:
            return
        region = owned.innermost(0)
        if DECODED not in region.scanners and not region.scanners & encoded.DETECTOR.owners:
            around = encoded.Surroundings(region.scanners, owned.blob_at)
            yield from encoded.disguised_payloads(self.blob, *self._close_look, around, context)

    @cached_property
    def _close_look(self) -> tuple[bytes, Starts]:
        """The bytes of a small blob, and where something may be hidden in them."""
        from scanners.parsing.disguise_starts import starts_in

        data = self.blob.reader.read(0, self.blob.size)
        return data, starts_in(data)

    def _written_wide(self, owned: _Ownership, context: Context) -> Iterator[Item]:
        """Yield the credentials in small blobs that are written in UTF-16, as PowerShell writes files."""
        chosen, size = context.options.scanners, self.blob.size
        if size > CLOSE or (chosen is not None and _SECRETS not in chosen) or DECODED in owned.innermost(0).scanners:
            return
        data, starts = self._close_look
        if not starts.has_wide:
            return
        from scanners.detectors.secrets import confirm_wide

        runs = list(_WIDE.finditer(data))
        begins = [0, *accumulate(len(run[0][::2]) + 1 for run in runs)]
        letters = b"\xff".join(run[0][::2] for run in runs)
        context.operations.spend(len(letters))
        numbers = [number for number, (_, detector) in enumerate(PATTERNS) if detector.name == _SECRETS]
        places = sorted({at for number in numbers for at in offsets(number, letters)})
        for at in places[:HIT_BUDGET]:
            index = bisect_right(begins, at) - 1
            inner, start = owned.blob_at(runs[index].start())
            place = runs[index].start() - start
            yield from confirm_wide(inner, place, runs[index][0][::2], at - begins[index], context)
        if len(places) > HIT_BUDGET:
            yield self._too_many(PATTERNS[numbers[0]][1])

    def _too_many(self, detector: Detector) -> Problem:
        detail = f"more than {HIT_BUDGET:,} places look like {detector.title}: only these were examined"
        return Problem(ProblemKind.LIMIT, self.blob.locator, detector.name, detail)

    def _located(self, number: int, windows: list[int]) -> Iterator[int]:
        """Yield the offsets at which pattern `number` matches in `windows`."""
        for index in windows:
            known = self._places.get((number, index))
            yield from self._located_in(number, index) if known is None else known

    def _located_in(self, number: int, index: int) -> Iterator[int]:
        """Yield the offsets at which pattern `number` matches in window `index`."""
        reader, base = self.blob.reader, index * WINDOW
        window = reader.read(base, min(WINDOW + OVERLAP, reader.size - base))
        yield from (base + start for start in offsets(number, window) if start < WINDOW)

    def _ownership(self) -> _Ownership:
        """Return the owner of each swept byte; call it only after all scanners have run."""
        self._owned = self._owned or _Ownership(self._regions)
        return self._owned


class _LineNumbers:
    """Adds line numbers to findings in texts."""

    def __init__(self) -> None:
        self._blob: Blob | None = None
        self._ends: list[int] = []

    def added_to(self, blob: Blob, items: Iterator[Item]) -> Iterator[Item]:
        """Yield `items`, with the line number as evidence of findings at an offset in a text."""
        for item in items:
            if isinstance(item, Finding) and item.span is not None and item.locator == blob.locator:
                yield self._with_line(blob, item, item.span.offset)
            else:
                yield item

    def _with_line(self, blob: Blob, finding: Finding, offset: int) -> Finding:
        if offset < MAX_LINE_OFFSET and blob is not self._blob:
            self._blob, self._ends = blob, _line_ends(blob)
        if offset >= MAX_LINE_OFFSET or not self._ends:
            return finding
        return replace(finding, evidence={**finding.evidence, "line": bisect_left(self._ends, offset) + 1})


def _line_ends(blob: Blob) -> list[int]:
    """Return the offsets of the line ends of a text, then the end of the part that is read; empty for other bytes."""
    from scanners.text import reads_as_text

    if not reads_as_text(blob.with_head()):
        return []
    data = blob.reader.read(0, min(blob.size, MAX_LINE_OFFSET))
    return [*(match.start() for match in re.finditer(rb"\n", data)), len(data)]


def _once(items: Iterator[Item], seen: set[tuple[Locator, str, str]]) -> Iterator[Item]:
    """Yield each finding or fact only once per member, at its first place: data sets name a host often."""
    for item in items:
        key: tuple[Locator, str, str] | None = None
        if isinstance(item, Finding):
            key = item.locator, item.rule.id, item.subject
        elif isinstance(item, Fact):
            key = item.locator, item.kind, item.value
        if key is None or key not in seen:
            yield item
        if key is not None:
            seen.add(key)


def digest_of(reader: Reader) -> str:
    """Return the SHA-256 of all bytes in hex."""
    digest = hashlib.sha256()
    for window in reader.windows():
        digest.update(window)
    return digest.hexdigest()


def _hash_all(blocks: Queue[bytes | None], digest: hashlib._Hash) -> None:
    while (block := blocks.get()) is not None:
        digest.update(memoryview(block)[:BLOCK])


class _Ownership:
    """Maps offsets to the narrowest region that contains them; the first region spans all swept bytes."""

    def __init__(self, regions: list[Region]) -> None:
        self._end = regions[0].stop
        self._innermost: list[Region] = []
        if len(regions) == 1:
            self._starts, self._innermost = [regions[0].start], [regions[0]]
            return
        merged: dict[tuple[int, int], Region] = {}
        for region in regions:
            known = merged.setdefault((region.start, region.stop), region)
            merged[region.start, region.stop] = known._replace(scanners=region.scanners | known.scanners)
        waiting = sorted(merged.values(), key=lambda region: region.start, reverse=True)
        self._starts = sorted({edge for region in waiting for edge in (region.start, region.stop)})
        active: list[tuple[int, int, Region]] = []
        for edge in self._starts:
            while waiting and waiting[-1].start == edge:
                region = waiting.pop()
                heappush(active, (region.stop - region.start, region.start, region))
            while active and active[0][2].stop <= edge:
                heappop(active)
            self._innermost.append(active[0][2] if active else regions[0])

    def add(self, region: Region) -> None:
        """Lay `region`, which a detector found, over what lies there, so that other patterns do not report it again."""
        after = self.innermost(region.stop)
        first, last = bisect_left(self._starts, region.start), bisect_right(self._starts, region.stop)
        self._starts[first:last] = [region.start, region.stop]
        self._innermost[first:last] = [region, after]

    def innermost(self, offset: int) -> Region:
        """Return the narrowest region that contains `offset`."""
        return self._innermost[bisect_right(self._starts, offset) - 1]

    def blob_at(self, offset: int) -> tuple[Blob, int]:
        """Return the blob of the narrowest region that contains `offset`, and the region's start."""
        region = self.innermost(offset)
        return region.blob, region.start

    def is_owned(self, offset: int, owners: frozenset[str]) -> bool:
        """Return whether the whole window at `offset` lies in blobs that one of `owners` accepted."""
        end = min(offset + WINDOW, self._end)
        first, last = bisect_right(self._starts, offset) - 1, bisect_right(self._starts, end - 1)
        return all(region.scanners & owners for region in self._innermost[first:last])
