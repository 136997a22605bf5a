"""A ledger that was lost, made anew from what lies in the store: specification, pages, cursors, results, problems.

Results say by themselves which units they are of, and what was counted of them is counted again. Whatever is not in the
store is examined again. Chunks may have other numbers than before: those of members of archives were allocated between
pages of the listing, and nobody knows any more when.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import NamedTuple

from modelsweep.core.members import identity
from modelsweep.core.report import Unit, UnitResult
from modelsweep.fleet.answers import AllocStatus, DoneStatus, JobState
from modelsweep.fleet.chunks import put_children
from modelsweep.fleet.job import JobSpec, cursor_name, cursor_purpose, open_spec, spec_name
from modelsweep.fleet.ledger import Ledger
from modelsweep.fleet.pages import Chunk, Pages, parent_of
from modelsweep.fleet.problems import problems_name
from modelsweep.fleet.results import DIGEST, decode_chunk, results_name
from modelsweep.fleet.signature import Damaged, Key
from modelsweep.fleet.signed_results import signing
from modelsweep.fleet.store import Absent, Store

LEASE = 60.0
"""Seconds that settling one result may take."""

Judge = Callable[[Sequence[UnitResult]], tuple[Mapping[str, int], bool]]


@dataclass(frozen=True, slots=True)
class Repaired:
    """What a repair found: chunks allocated again, those of them whose results are there, whether all is listed."""

    chunks: int
    done: int
    sealed: bool
    complete: bool


class _Listed(NamedTuple):
    """A page that some producer stored: its chunks and its units, each from one number to before another."""

    name: str
    first: int
    stop: int
    begin: int
    end: int


def repair(ledger: Ledger, store: Store, key: Key, judge: Judge, queue_code: Callable[[str], int]) -> Repaired:
    """Make the ledger of a job anew; what it already holds stays.

    `judge` says what results add to the counters, and whether another try may have better ones. Behind a page that is
    lost or damaged the job has to be listed again. Raises Absent where the store does not know the job either,
    LedgerFault, StoreFault, Forged, Damaged and UnknownProtocol.
    """
    job, sealed = ledger.job, store.get(spec_name(ledger.job))
    ledger.create(sealed)
    pages = Pages(store, key, job)
    held = {extent.first: extent.page for extent in ledger.extents()}
    found = list(_listed(store, pages, job))
    chain = _chain(found, held)
    spec = open_spec(job, sealed, key)
    settler = _Settler(ledger, signing(store, key, spec), spec, pages, judge, chain)
    missing = max([_furthest(store, key, job), *(page.end for page in found)])
    for listed in chain:
        page, first = pages.get(listed.name, listed.first).page(), listed.first
        if first not in held:
            allocated = _allocate(ledger, store, pages, listed, queue_code)
            if allocated is None:
                break  # the job was sealed or cancelled before, or somebody lists it right now
            first = allocated
        for place, chunk in enumerate(page.chunks):
            settler.settle(first + place, listed.first + place, chunk)
        missing -= listed.end - listed.begin
    problems, progress = problems_name(job), ledger.progress()
    if not store.exists(problems) or (missing > 0 and progress.state is JobState.LISTING):
        return Repaired(progress.allocated, settler.done, sealed=False, complete=False)
    return Repaired(progress.allocated, settler.done, sealed=True, complete=ledger.seal(problems).complete)


def _allocate(
    ledger: Ledger, store: Store, pages: Pages, listed: _Listed, queue_code: Callable[[str], int]
) -> int | None:
    """Allocate a page and return the number that its first chunk has now, None where it cannot be, or not any more.

    The number is another one where children stood before it that are not allocated again, or not there.
    """
    page, first = pages.get(listed.name, listed.first).page(), ledger.progress().allocated
    try:
        name, cursor = listed.name, store.get(cursor_name(listed.name))
    except Absent:
        return None  # nobody could go on behind it
    if first != listed.first:
        name = pages.put(replace(page, first=first))
        store.put(cursor_name(name), cursor)
    queues = bytes(queue_code(chunk.queue) for chunk in page.chunks)
    units = [unit for chunk in page.chunks for unit in chunk.units]
    size = sum(unit.size for unit in units)
    answer = ledger.alloc(first, queues, name, cursor, units=len(units), size=size)
    return first if answer.status is AllocStatus.ALLOCATED else None


class _Settler:
    """Tells the ledger of the results that are in the store, whatever number their chunk had."""

    def __init__(
        self, ledger: Ledger, store: Store, spec: JobSpec, pages: Pages, judge: Judge, chain: Sequence[_Listed]
    ) -> None:
        self._ledger, self._store, self._spec, self._pages, self._judge = ledger, store, spec, pages, judge
        self._results = _results_of(store, spec.id)
        listed = {number for page in chain for number in range(page.first, page.stop)}
        self._others = sorted(self._results.keys() - listed)
        self._children: dict[tuple[object, ...], list[int]] | None = None
        self.done = 0
        """Chunks that were settled."""

    def settle(self, number: int, before: int, chunk: Chunk) -> None:
        """Settle a chunk by the best result there is of the number that it had `before`, and what was found in it."""
        found: dict[bytes, tuple[list[UnitResult], Mapping[str, int], bool]] = {}
        for digest in self._results.get(before, ()):
            results = self._read(before, digest)
            # Else of the page of another producer, which had the same number
            if results and [result.unit.locator for result in results] == [unit.locator for unit in chunk.units]:
                found[digest] = (results, *self._judge(results))
        if not found:
            return
        # After a retry there are two of a chunk
        digest = min(found, key=lambda digest: (found[digest][2], digest))
        results, counts, is_retryable = found[digest]
        claim = self._ledger.claim(number, self._ledger.progress().generation, "repair", LEASE)
        if not claim.granted:
            return
        if number != before:
            job = self._spec.id
            self._store.put(results_name(job, number, digest), self._store.get(results_name(job, before, digest)))
        children = put_children(results, number, self._spec, self._pages)
        allotment = children.allotment
        done = self._ledger.done(number, claim.token, digest, counts, retryable=is_retryable, children=allotment)
        self.done += done.status is DoneStatus.DONE
        if done.status is DoneStatus.DONE and done.first_child is not None:
            for child, inner in enumerate(children.chunks, done.first_child):
                for other in self._numbers_of(inner):
                    self.settle(child, other, inner)

    def _numbers_of(self, chunk: Chunk) -> list[int]:
        """Return under which numbers there are results of a chunk of members."""
        if self._children is None:
            self._children = {}
            for number in self._others:
                for digest in self._results[number]:
                    if results := self._read(number, digest):
                        self._children.setdefault(_units_of(result.unit for result in results), []).append(number)
        return self._children.get(_units_of(chunk.units), [])

    def _read(self, number: int, digest: bytes) -> list[UnitResult]:
        """Return the results in a blob, none where it is not readable."""
        name = results_name(self._spec.id, number, digest)
        try:
            return list(decode_chunk(self._store.get(name), name, digest))
        except (Absent, Damaged):
            return []


def _units_of(units: Iterable[Unit]) -> tuple[object, ...]:
    return tuple(identity(unit) for unit in units)


def _listed(store: Store, pages: Pages, job: str) -> Iterator[_Listed]:
    """Yield what was listed, in no order that matters, and can still be read."""
    for name in store.list(f"jobs/{job}/pages"):
        number = name.rpartition("/")[2].partition("-")[0]
        if parent_of(name) is None and number.isdecimal():
            with suppress(Absent, Damaged):
                chunks = pages.get(name, int(number)).page().chunks
                yield _Listed(
                    name,
                    int(number),
                    int(number) + len(chunks),
                    chunks[0].units[0].index,
                    chunks[-1].units[-1].index + 1,
                )


def _furthest(store: Store, key: Key, job: str) -> int:
    """Return how many units whoever came furthest has listed, as cursors tell: pages may be lost."""
    furthest = 0
    for name in store.list(f"jobs/{job}/cursors"):
        with suppress(Absent, Damaged):
            furthest = max(furthest, json.loads(key.open(cursor_purpose(job), store.get(name)))["index"])
    return furthest


def _chain(pages: Iterable[_Listed], held: Mapping[int, str]) -> list[_Listed]:
    """Return the pages that follow one another from the beginning, and come furthest.

    A producer that died between page and ALLOC has left a page that nobody knows of, and its successor may have cut
    elsewhere: taken together, they would have units twice, or lose some. `held` are pages that the ledger knows.
    """
    at: defaultdict[int, list[_Listed]] = defaultdict(list)
    for page in pages:
        if held.get(page.first, page.name) == page.name:
            at[page.begin].append(page)
    reach: dict[_Listed, int] = {}

    def following(stop: int, end: int) -> list[_Listed]:
        """Return the pages behind one; children may have been allocated between."""
        return [page for page in at.get(end, ()) if page.first >= stop]

    for page in sorted((page for found in at.values() for page in found), key=lambda page: -page.first):
        reach[page] = max((reach[after] for after in following(page.stop, page.end)), default=page.end)
    chain: list[_Listed] = []
    stop = end = 0
    while found := following(stop, end):
        # Of those that come as far the last: a producer whose number was taken by children stored its page again
        chain.append(max(found, key=lambda page: (reach[page], page.first, page.name)))
        stop, end = chain[-1].stop, chain[-1].end
    return chain


def _results_of(store: Store, job: str) -> dict[int, list[bytes]]:
    """Return the digests of the result blobs of each chunk."""
    found: dict[int, list[bytes]] = {}
    for name in store.list(f"jobs/{job}/results"):
        number, _, digest = name.rpartition("/")[2].partition("-")
        if number.isdecimal() and len(digest) == 2 * DIGEST:
            found.setdefault(int(number), []).append(bytes.fromhex(digest))
    return found
