"""A ledger that was lost, made anew from what lies in the store: specification, pages, cursors, results, problems.

Results say by themselves which units they are of, and what was counted of them is counted again. Whatever is not in the
store is examined again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from modelsweep.core.report import UnitResult
from modelsweep.fleet.answers import AllocStatus
from modelsweep.fleet.job import cursor_name, spec_name
from modelsweep.fleet.ledger import Ledger
from modelsweep.fleet.pages import Chunk, Page, Pages, parent_of
from modelsweep.fleet.problems import problems_name
from modelsweep.fleet.results import DIGEST, decode_chunk, results_name
from modelsweep.fleet.signature import Damaged, Key
from modelsweep.fleet.store import Absent, Store

LEASE = 60.0
"""Seconds that settling one result may take."""

Count = Callable[[Sequence[UnitResult]], Mapping[str, int]]


@dataclass(frozen=True, slots=True)
class Repaired:
    """What a repair found: chunks allocated again, those of them whose results are there, whether all is listed."""

    chunks: int
    done: int
    sealed: bool
    complete: bool


def repair(ledger: Ledger, store: Store, key: Key, count: Count, queue_code: Callable[[str], int]) -> Repaired:
    """Make the ledger of a job anew; what it already holds stays. `count` says what results add to the counters.

    Raises Absent where the store does not know the job either, LedgerFault, StoreFault, Forged and Damaged.
    """
    job = ledger.job
    ledger.create(store.get(spec_name(job)))
    results = _results_of(store, job)
    allocated = done = 0
    for name, page in _pages_of(store, key, job):
        queues = bytes(queue_code(chunk.queue) for chunk in page.chunks)
        units = [unit for chunk in page.chunks for unit in chunk.units]
        size, cursor = sum(unit.size for unit in units), store.get(cursor_name(name))
        answer = ledger.alloc(page.first, queues, name, cursor, units=len(units), size=size)
        if answer.status is not AllocStatus.ALLOCATED and answer.next < page.first:
            break  # a page before it is not there: from there on it is listed again
        allocated = answer.next
        for number, chunk in enumerate(page.chunks, page.first):
            done += any(_settle(ledger, store, number, chunk, digest, count) for digest in results.get(number, ()))
    problems = problems_name(job)
    if not store.exists(problems):
        return Repaired(allocated, done, sealed=False, complete=False)
    return Repaired(allocated, done, sealed=True, complete=ledger.seal(problems).complete)


def _pages_of(store: Store, key: Key, job: str) -> Iterator[tuple[str, Page]]:
    """Yield the pages of what was listed, by the number of their first chunk."""
    pages = Pages(store, key, job)
    for name in store.list(f"jobs/{job}/pages"):
        number = name.rpartition("/")[2].partition("-")[0]
        if parent_of(name) is None and number.isdecimal():
            yield name, pages.get(name, int(number)).page()


def _results_of(store: Store, job: str) -> dict[int, list[bytes]]:
    """Return the digests of the result blobs of each chunk."""
    found: dict[int, list[bytes]] = {}
    for name in store.list(f"jobs/{job}/results"):
        number, _, digest = name.rpartition("/")[2].partition("-")
        if number.isdecimal() and len(digest) == 2 * DIGEST:
            found.setdefault(int(number), []).append(bytes.fromhex(digest))
    return found


def _settle(ledger: Ledger, store: Store, number: int, chunk: Chunk, digest: bytes, count: Count) -> bool:
    """Tell the ledger of a result that is in the store; returns whether it counts."""
    name = results_name(ledger.job, number, digest)
    try:
        results = list(decode_chunk(store.get(name), name, digest))
    except (Absent, Damaged):
        return False
    if [result.unit.locator for result in results] != [unit.locator for unit in chunk.units]:
        return False  # of the page of another producer, which had the same number
    claim = ledger.claim(number, ledger.progress().generation, "repair", LEASE)
    return claim.granted and ledger.done(number, claim.token, digest, count(results)).status == "done"
