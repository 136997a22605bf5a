"""Data in the lowest bits of weights: executables and archives by structure, pickles and scripts by detectors.

Planes of consecutive blocks are joined, so that data that begins in one block is found with its continuation.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

from modelsweep.core.finding import Fact, Json, Problem, ProblemKind
from modelsweep.core.reader import MemoryReader
from modelsweep.core.scanner import Blob, Context, Item
from modelsweep.core.text import printable
from modelsweep.core.units import KIB, MIB
from modelsweep.core.values import dataclass, field
from scanners.detector import Detector
from scanners.matcher import PATTERNS, matcher_for, offsets
from scanners.parsing.arrays import Arrays
from scanners.parsing.bit_planes import MULTIPLE, planes, shifted
from scanners.parsing.hidden_archives import archives
from scanners.parsing.native_code import native_code_at

NAME = "weights"
SEARCH_SIZE = 1 * MIB
"""Maximum bytes of a plane that are searched at once."""
SEARCH_OVERLAP = 16 * KIB
"""Bytes at the end of a searched plane that are searched again with the next ones."""
MAX_HITS = 500
"""Maximum places in all planes of a blob that are examined."""
DETECTOR_NAMES = frozenset({"executables", "pickles", "scripts"})
"""Detectors that are used: credentials and addresses are of no use to a loader."""
_SHOWN = 100


class Hidden(NamedTuple):
    """Something proven by its structure, at an offset in a plane; `runs` tells whether it is a program."""

    title: str
    offset: int
    runs: bool


@dataclass(slots=True)
class _Stream:
    """The carved bytes of one plane, its shift, and the offset of each tensor."""

    order: Literal["big", "little"] = "big"
    shifts: tuple[int, ...] = ()
    data: bytearray = field(default_factory=bytearray)
    starts: list[int] = field(default_factory=list)
    names: list[str] = field(default_factory=list)

    def add(self, name: str, data: bytes) -> None:
        if not self.names or self.names[-1] != name:
            self.starts.append(len(self.data))
            self.names.append(name)
        self.data += data

    def tensor_at(self, offset: int) -> str:
        return self.names[bisect_right(self.starts, offset) - 1]

    def forget(self) -> None:
        """Keep only the last bytes."""
        last = self.names[-1]
        del self.data[: max(0, len(self.data) - SEARCH_OVERLAP)]
        self.starts, self.names = [0], [last]


class Carver:
    """Searches the planes of blocks of tensors for hidden data."""

    def __init__(self, arrays: Arrays, blob: Blob, context: Context) -> None:
        self._arrays, self._blob, self._context = arrays, blob, context
        self._streams: dict[tuple[int, str], _Stream] = {}
        self._told: set[tuple[str, str, str]] = set()
        self._hits = MAX_HITS

    def take(self, name: str, values: Any, data: bytes, width: int, is_float: bool) -> Iterator[Item]:
        """Yield what is found with one more block; `values` are the numbers of `width` bytes in `data`."""
        whole = len(values) // MULTIPLE * MULTIPLE
        if not whole or data.count(0) == len(data):
            return
        shown = printable(name, _SHOWN)
        for plane in planes(self._arrays, values[:whole], data[: whole * width], width, is_float):
            if plane.data.count(0) == len(plane.data):
                continue  # numbers of less precision, that were widened
            stream = self._streams.setdefault((width, plane.title), _Stream(plane.order, plane.shifts))
            stream.add(shown, plane.data)
            if len(stream.data) >= SEARCH_SIZE:
                yield from self._search(plane.title, stream)
                stream.forget()

    def rest(self) -> Iterator[Item]:
        """Yield what is hidden in the rest of the planes that has not been searched yet."""
        for (_, title), stream in self._streams.items():
            yield from self._search(title, stream)

    def _search(self, title: str, stream: _Stream) -> Iterator[Item]:
        data = bytes(stream.data)
        yield from self._search_in(data, title, stream)
        for shift in stream.shifts if len(data) > 1 else ():
            yield from self._search_in(shifted(data, stream.order, shift), title, stream)

    def _search_in(self, data: bytes, title: str, stream: _Stream) -> Iterator[Item]:
        for what, hit in archives(data):
            yield from self._told_once(Hidden(what, hit, False), title, stream)
        for number in matcher_for(len(data)).present(data):
            detector = PATTERNS[number][1]
            if detector.name not in DETECTOR_NAMES:
                continue
            for hit in offsets(number, data):
                self._hits -= 1
                if self._hits < 0:
                    detail = f"more than {MAX_HITS} places in the lowest bits of weights look like something hidden"
                    yield Problem(ProblemKind.LIMIT, self._blob.locator, NAME, detail)
                    return
                yield from self._confirm(detector, data, hit, title, stream)

    def _confirm(self, detector: Detector, data: bytes, hit: int, title: str, stream: _Stream) -> Iterator[Item]:
        """Yield what is at a place that a pattern of `detector` nominated, if its structure confirms it."""
        reader = MemoryReader(data)
        if detector.name == "executables":
            code = native_code_at(reader, hit)
            if code:
                yield from self._told_once(Hidden(code.title, code.start, True), title, stream)
            return
        blob = self._blob.nested(f"{stream.tensor_at(hit)}: {title}", reader, expanded=True)
        items = list(detector.confirm(blob, hit, self._context))
        if items:
            yield from self._told_once(Hidden(detector.title.removeprefix("a "), hit, False), title, stream)
            yield from items

    def _told_once(self, hidden: Hidden, plane: str, stream: _Stream) -> Iterator[Item]:
        tensor = stream.tensor_at(hidden.offset)
        if (hidden.title, plane, tensor) not in self._told:
            self._told.add((hidden.title, plane, tensor))
            detail: dict[str, Json] = {"runs": hidden.runs, "plane": plane, "tensor": tensor}
            yield Fact("hidden-in-weights", hidden.title, self._blob.locator, detail=detail)
