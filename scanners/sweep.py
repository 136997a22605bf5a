"""One pass over raw bytes: SHA-256 and the nomination of patterns share every window, in two threads.

Existence first: a matcher says which patterns stand in a window at all; only there are offsets located, within a
budget, so that hit-dense bytes cost no more than others. A spent budget is a Problem, because decoys hide payloads.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from queue import SimpleQueue
from threading import Thread

from modelsweep.core.finding import Problem, ProblemKind
from modelsweep.core.reader import WINDOW, Reader, WindowReader
from modelsweep.core.scanner import Blob, Context, Item
from modelsweep.core.units import MIB
from scanners.detector import OVERLAP, Detector
from scanners.matcher import Matcher, matcher_for

THREADED = 4 * MIB
"""Bytes from which a second thread pays for itself."""
QUEUED = 4
"""Windows in flight between the reading and the matching thread."""
HIT_BUDGET = 10_000
"""Offsets located per pattern in one sweep."""


class Sweep:
    """The raw pass over one blob whose bytes stand for themselves, with the members that lie inside it as they are."""

    def __init__(self, blob: Blob) -> None:
        self.blob = blob
        self.digest = ""
        self._hits: dict[int, list[int]] = {}
        self._regions: list[tuple[int, int, Blob, frozenset[str]]] = []

    def run(self) -> None:
        """Read every byte once; afterwards `digest` is the SHA-256 in hex and hits are known."""
        reader, matcher = self.blob.reader, matcher_for(self.blob.size)
        digest = hashlib.sha256()
        if self.blob.size < THREADED:
            for index, window in enumerate(reader.windows(WINDOW, OVERLAP)):
                digest.update(window[:WINDOW] if len(window) > WINDOW else window)
                self._locate(matcher, index * WINDOW, window)
        else:
            self._run_threaded(reader, matcher, digest)
        self.digest = digest.hexdigest()

    def _run_threaded(self, reader: Reader, matcher: Matcher, digest: hashlib._Hash) -> None:
        windows: SimpleQueue[bytes | None] = SimpleQueue()
        room: SimpleQueue[None] = SimpleQueue()
        failures: list[Exception] = []

        def match() -> None:
            offset = 0
            while (window := windows.get()) is not None:
                try:
                    if not failures:
                        self._locate(matcher, offset, window)
                except Exception as error:  # handed to the reading thread, which raises it
                    failures.append(error)
                offset += WINDOW
                room.put(None)

        thread = Thread(target=match, name="matcher", daemon=True)
        thread.start()
        try:
            for index, window in enumerate(reader.windows(WINDOW, OVERLAP)):
                if index >= QUEUED:
                    room.get()
                windows.put(window)
                digest.update(memoryview(window)[:WINDOW])
        finally:
            windows.put(None)
            thread.join()
        if failures:
            raise failures[0]

    def _locate(self, matcher: Matcher, offset: int, window: bytes) -> None:
        for number in matcher.present(window):
            hits = self._hits.setdefault(number, [])
            for start in matcher.offsets(number, window):
                if start >= WINDOW or len(hits) > HIT_BUDGET:
                    break
                hits.append(offset + start)

    def claim(self, blob: Blob, scanners: set[str]) -> None:
        """Note that `blob` lies inside the swept bytes and was accepted by `scanners`."""
        start = self._start_of(blob.reader)
        if start is not None:
            self._regions.append((start, start + blob.size, blob, frozenset(scanners)))

    def _start_of(self, reader: Reader) -> int | None:
        start = 0
        while reader is not self.blob.reader:
            if not isinstance(reader, WindowReader):
                return None
            start += reader.start
            reader = reader.parent
        return start

    def confirm(self, context: Context) -> Iterator[Item]:
        """Yield what the detectors confirm at the located offsets, said of the innermost member they stand in."""
        for number, hits in sorted(self._hits.items()):
            detector = pattern_owner(number)
            for hit in hits[:HIT_BUDGET]:
                blob, start, scanners = self._innermost(hit)
                if not scanners & detector.owners:
                    yield from detector.confirm(blob, hit - start, context)
            if len(hits) > HIT_BUDGET:
                detail = f"more than {HIT_BUDGET:,} places look like {detector.title}: only these were examined"
                yield Problem(ProblemKind.LIMIT, self.blob.locator, detector.name, detail)

    def _innermost(self, offset: int) -> tuple[Blob, int, frozenset[str]]:
        found = (self.blob, 0, frozenset[str]())
        width = self.blob.size + 1
        for start, stop, blob, scanners in self._regions:
            if start <= offset < stop and stop - start < width:
                found, width = (blob, start, scanners), stop - start
        return found


def pattern_owner(number: int) -> Detector:
    """Return the detector that pattern `number` belongs to."""
    from scanners.matcher import PATTERNS

    return PATTERNS[number][1]
