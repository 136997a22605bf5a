"""What the files of a job make of each other, between the pass that finds it and the reports that say it.

It becomes certain in the order in which folders end, and is said in the order of results: so it is sorted, outside of
memory where there is much of it, and kept in blobs beside the reports, whose manifest names them.
"""

from __future__ import annotations

import json
import tempfile
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import count, islice
from typing import BinaryIO

from modelsweep.core.finding import Fact, Finding, Problem, ProblemKind
from modelsweep.core.report import Tool, UnitResult, Verdict
from modelsweep.core.wire import decode_result, dumps, encode_result
from modelsweep.fleet.answers import said_of, verdict_count
from modelsweep.fleet.results import decode_chunk, digest_of, encode_chunk
from modelsweep.fleet.store import Store
from scanners.judge.repository.across import gathered
from scanners.judge.repository.tree import Addition

HELD = 2_000
"""Things said that are sorted in memory."""
UNITS = 256
"""Files of which one blob says something."""


_WORST_FIRST = tuple(Verdict)


class Changes:
    """What is said of files that stand beside each other changes in the counts of their job, which knows each alone."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        """By the names that a ledger has for them; below 0 where files are not of a verdict any more."""
        self._verdicts = bytearray()
        """Of each result, a place in `_WORST_FIRST`."""

    @property
    def seen(self) -> int:
        """How many results went by so far."""
        return len(self._verdicts)

    def before(self, results: Iterable[UnitResult]) -> Iterator[UnitResult]:
        """Yield the results, noting the verdict of each."""
        for result in results:
            self._verdicts.append(_WORST_FIRST.index(result.verdict))
            yield result

    def after(self, found: Iterable[UnitResult]) -> Iterator[UnitResult]:
        """Yield what is said of each of them, numbered as they were, counting it."""
        for item in found:
            self.counts.update(said_of(item))
            self.counts.subtract(f"problem:{ProblemKind.UNSUPPORTED.value}" for _ in item.facts)
            before = self._verdicts[item.unit.index]
            clears = any(fact.detail.get("clears") for fact in item.facts)
            after = min(_WORST_FIRST.index(Verdict.CLEAN) if clears else before, _WORST_FIRST.index(item.verdict))
            if after != before:
                self.counts[verdict_count(_WORST_FIRST[before])] -= 1
                self.counts[verdict_count(_WORST_FIRST[after])] += 1
            yield item


def in_order(additions: Iterable[Addition]) -> Iterator[Addition]:
    """Yield what is said in the order of results; raises OSError where there is no room for a temporary file."""
    held: list[Addition] = []
    waiting = iter(additions)
    for item in waiting:
        held.append(item)
        if len(held) > HELD:
            with tempfile.TemporaryFile() as file:
                yield from _sorted_in(file, held, waiting)
            return
    yield from sorted(held, key=lambda item: item.order)


def _sorted_in(file: BinaryIO, held: list[Addition], rest: Iterator[Addition]) -> Iterator[Addition]:
    orders, places = array("Q"), array("Q", [0])
    for items in (held, rest):
        for item in items:
            line = dumps(encode_result(next(gathered((item,)))))
            orders.append(item.order)
            places.append(places[-1] + file.write(line))
        held.clear()
    for number in sorted(range(len(orders)), key=orders.__getitem__):
        file.seek(places[number])
        result = decode_result(json.loads(file.read(places[number + 1] - places[number])))
        found: tuple[Fact | Finding | Problem, ...] = (*result.facts, *result.findings, *result.problems)
        yield from (Addition(orders[number], result.unit.locator, item) for item in found)


def store_siblings(found: Iterable[UnitResult], tool: Tool, store: Store, folder: str) -> Iterator[tuple[str, bytes]]:
    """Store what is said of files in `folder`; yield the names of the blobs, and what their SHA-256 begin with."""
    waiting = iter(found)
    for number in count():
        results = list(islice(waiting, UNITS))
        if not results:
            return
        blob = encode_chunk(tool, results)
        name = f"{folder}/siblings-{number:08d}"
        store.put(name, blob)
        yield name, digest_of(blob)


def stored_siblings(named: Iterable[tuple[str, bytes]], store: Store) -> Iterator[UnitResult]:
    """Yield what was stored; raises Absent, StoreFault, Damaged."""
    for name, digest in named:
        yield from decode_chunk(store.get(name), name, digest)
