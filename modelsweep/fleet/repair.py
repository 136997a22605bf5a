"""A ledger that was lost, made anew from what lies in the store: specification, pages, cursors, results, problems.

Results say by themselves which units they are of, and what was counted of them is counted again. Whatever is not in the
store is examined again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from modelsweep.core.report import UnitResult
from modelsweep.fleet.answers import AllocStatus
from modelsweep.fleet.job import cursor_name, spec_name
from modelsweep.fleet.ledger import Ledger
from modelsweep.fleet.pages import Chunk, Pages, parent_of
from modelsweep.fleet.problems import problems_name
from modelsweep.fleet.results import DIGEST, decode_chunk, results_name
from modelsweep.fleet.signature import Damaged, Key
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

    `judge` says what results add to the counters, and whether another try may have better ones. Raises Absent where the
    store does not know the job either, LedgerFault, StoreFault, Forged and Damaged.
    """
    job = ledger.job
    ledger.create(store.get(spec_name(job)))
    results, pages = _results_of(store, job), Pages(store, key, job)
    held = {extent.first: extent.page for extent in ledger.extents()}
    allocated = done = 0
    for listed in _chain(_listed(store, pages, job), held):
        page = pages.get(listed.name, listed.first).page()
        queues = bytes(queue_code(chunk.queue) for chunk in page.chunks)
        units = [unit for chunk in page.chunks for unit in chunk.units]
        size, cursor = sum(unit.size for unit in units), store.get(cursor_name(listed.name))
        if listed.first not in held:
            answer = ledger.alloc(page.first, queues, listed.name, cursor, units=len(units), size=size)
            if answer.status is not AllocStatus.ALLOCATED:
                break  # the job was sealed or cancelled before, or somebody lists it right now
        allocated = listed.stop
        for number, chunk in enumerate(page.chunks, page.first):
            done += _settle(ledger, store, number, chunk, results.get(number, ()), judge)
    problems = problems_name(job)
    if not store.exists(problems):
        return Repaired(allocated, done, sealed=False, complete=False)
    return Repaired(allocated, done, sealed=True, complete=ledger.seal(problems).complete)


def _listed(store: Store, pages: Pages, job: str) -> Iterator[_Listed]:
    """Yield what was listed, in no order that matters."""
    for name in store.list(f"jobs/{job}/pages"):
        number = name.rpartition("/")[2].partition("-")[0]
        if parent_of(name) is None and number.isdecimal():
            chunks = pages.get(name, int(number)).page().chunks
            yield _Listed(
                name,
                int(number),
                int(number) + len(chunks),
                chunks[0].units[0].index,
                chunks[-1].units[-1].index + 1,
            )


def _chain(pages: Iterable[_Listed], held: Mapping[int, str]) -> list[_Listed]:
    """Return the pages that follow one another from the beginning, and come furthest.

    A producer that died between page and ALLOC has left a page that nobody knows of, and its successor may have cut
    elsewhere: taken together, they would have units twice, or lose some. `held` are pages that the ledger knows.
    """
    at: defaultdict[tuple[int, int], list[_Listed]] = defaultdict(list)
    for page in pages:
        if held.get(page.first, page.name) == page.name:
            at[page.first, page.begin].append(page)
    reach: dict[_Listed, int] = {}
    for page in sorted((page for found in at.values() for page in found), key=lambda page: -page.first):
        reach[page] = max((reach[after] for after in at.get((page.stop, page.end), ())), default=page.end)
    chain: list[_Listed] = []
    following = at.get((0, 0), [])
    while following:
        chain.append(max(following, key=lambda page: (reach[page], page.name)))
        following = at.get((chain[-1].stop, chain[-1].end), [])
    return chain


def _results_of(store: Store, job: str) -> dict[int, list[bytes]]:
    """Return the digests of the result blobs of each chunk."""
    found: dict[int, list[bytes]] = {}
    for name in store.list(f"jobs/{job}/results"):
        number, _, digest = name.rpartition("/")[2].partition("-")
        if number.isdecimal() and len(digest) == 2 * DIGEST:
            found.setdefault(int(number), []).append(bytes.fromhex(digest))
    return found


def _settle(ledger: Ledger, store: Store, number: int, chunk: Chunk, digests: Iterable[bytes], judge: Judge) -> bool:
    """Tell the ledger of a result that is in the store, the best there is; returns whether one counts."""
    found: dict[bytes, tuple[Mapping[str, int], bool]] = {}
    for digest in digests:
        name = results_name(ledger.job, number, digest)
        try:
            results = list(decode_chunk(store.get(name), name, digest))
        except (Absent, Damaged):
            continue
        if [result.unit.locator for result in results] == [unit.locator for unit in chunk.units]:
            found[digest] = judge(results)  # else of the page of another producer, which had the same number
    if not found:
        return False
    # After a retry there are two of a chunk
    digest = min(found, key=lambda digest: (found[digest][1], digest))
    counts, is_retryable = found[digest]
    claim = ledger.claim(number, ledger.progress().generation, "repair", LEASE)
    return claim.granted and ledger.done(number, claim.token, digest, counts, retryable=is_retryable).status == "done"
