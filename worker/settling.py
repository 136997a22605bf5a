"""What follows on a chunk that was examined: its results are stored, the ledger is told, and others hear of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Self

from modelsweep.core.finding import Problem, ProblemKind
from modelsweep.core.report import Tool, UnitResult, Verdict
from modelsweep.core.text import printable
from modelsweep.fleet.answers import Done, DoneStatus, LedgerFault
from modelsweep.fleet.chunks import Children, put_children
from modelsweep.fleet.job import JobSpec
from modelsweep.fleet.ledger import Settled
from modelsweep.fleet.logs import logger
from modelsweep.fleet.messages import BrokerFault, Publish, finalize_message, scan_message
from modelsweep.fleet.metrics import runtime_counts
from modelsweep.fleet.pages import Chunk, Pages
from modelsweep.fleet.results import digest_of, encode_chunk, results_name
from modelsweep.fleet.running import Sender
from modelsweep.fleet.store import Store, StoreFault
from worker.answer import Examined
from worker.stream import Share, Work, child_died

TRANSIENT = frozenset(
    {ProblemKind.SOURCE, ProblemKind.CHANGED, ProblemKind.TIMEOUT, ProblemKind.CRASH, ProblemKind.DEPENDENCY}
)
"""Kinds of problems that another try may not have."""
FAULTS = (LedgerFault, StoreFault, BrokerFault)
"""What passes: the same work may go well later."""
_CLEAN = f"verdict:{Verdict.CLEAN.value}"
_log = logger("modelsweep.worker")


class Settling:
    """Settles the chunks of one message: stores the result of each, and tells the ledger.

    What the ledger says to one is asked for when the next is to be told, or the block ends: by then it has answered.
    """

    def __init__(
        self,
        store: Store,
        publish: Publish,
        sender: Sender,
        spec: JobSpec,
        pages: Pages,
        generation: int,
        *,
        is_private: bool = False,
    ) -> None:
        self._store, self._publish, self._sender = store, publish, sender
        self._spec, self._pages, self._generation = spec, pages, generation
        self._is_private = is_private
        self.outcomes: dict[int, str] = {}
        """What became of each chunk."""
        self._told: tuple[Work, Children, Callable[[], Done]] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._hear()

    def settle(self, share: Share, tool: Tool, seconds: float) -> None:
        """Store the results of a chunk that was examined in so many seconds, and tell the ledger."""
        with self.attempting(share.work):
            try:
                settled, children = self._stored(share, tool, seconds)
            except FAULTS:
                raise
            except Exception as error:  # noqa: BLE001 - else its chunk would be examined again for ever
                _log.exception("a result cannot be written", chunk=share.work.number)
                settled, children = self._stored(_unwritable(share, error), tool, seconds)
            self._hear()
            self._told = share.work, children, share.work.ledger.send_done(self._sender, settled)

    def _stored(self, share: Share, tool: Tool, seconds: float) -> tuple[Settled, Children]:
        work, ordered = share.work, share.ordered
        results = [examined.result for examined in ordered]
        blob = encode_chunk(tool, results, [examined.tail for examined in ordered])
        digest = digest_of(blob)
        # A result that power took with it is noticed, by its digest, and the chunk is opened again
        self._store.put(results_name(self._spec.id, work.number, digest), blob, durable=False)
        children = put_children(results, work.number, self._spec, self._pages)
        counts = {**counted(results), **runtime_counts(seconds)}
        if known := sum([examined.known for examined in ordered]):
            counts["known"] = known
        retryable = is_retryable(results)
        return Settled(work.number, work.claim.token, digest, counts, retryable, children.allotment), children

    def _hear(self) -> None:
        """Hear what the ledger says to the chunk that it was told of last, and do what follows."""
        if not self._told:
            return
        (work, children, answer), self._told = self._told, None
        with self.attempting(work):
            done = answer()
            self.outcomes[work.number] = done.status
            if done.complete:
                self._publish([finalize_message(self._spec.id)])
            elif done.first_child is not None and done.status is DoneStatus.DONE:
                self._publish_children(children.chunks, done.first_child)

    def _publish_children(self, chunks: Sequence[Chunk], first: int) -> None:
        """Have the members examined that were found; those of a chunk that is done again may be done already."""
        job, generation = self._spec.id, self._generation
        self._publish(
            [scan_message(chunk.queue, job, number, generation) for number, chunk in enumerate(chunks, first)]
        )

    @contextmanager
    def attempting(self, work: Work) -> Iterator[None]:
        """Let what goes wrong with one chunk not keep others: its lease runs out, and it is published again.

        A private worker ends with its store: there StoreFault is raised.
        """
        try:
            yield
        except FAULTS as fault:
            if self._is_private and isinstance(fault, StoreFault):
                raise
            self.outcomes.setdefault(work.number, "failed")
            _log.error("left to be done again", chunk=work.number, reason=str(fault))


def _unwritable(share: Share, error: Exception) -> Share:
    """Return what stands for the results of a chunk that cannot be written: that is a fault of ours."""
    detail = f"its result cannot be written: {printable(f'{type(error).__name__}: {error}', 200)}"
    said = {
        unit.index: Examined(UnitResult(unit, problems=(Problem(ProblemKind.CRASH, unit.locator, "worker", detail),)))
        for unit in share.chunk.units
    }
    return Share(share.work, share.chunk, said)


def is_retryable(results: Sequence[UnitResult]) -> bool:
    """Return whether another try may have results where these have problems."""
    return any(
        child_died(result) or any(problem.kind in TRANSIENT for problem in result.problems)
        for result in results
        if result.problems
    )


def counted(results: Sequence[UnitResult]) -> dict[str, int]:
    """Return what a chunk adds to the counters of its job: units, bytes, verdicts, findings and problems.

    Units are files, as users know them: members of archives are counted apart from them.
    """
    counts: Counter[str] = Counter()
    clean = members = size = bytes_read = 0
    for result in results:
        members += bool(result.unit.locator.members)
        bytes_read += result.bytes_read
        size += result.unit.extent
        if result.findings or result.problems:
            counts[f"verdict:{result.verdict.value}"] += 1
            counts.update(f"severity:{finding.severity.name.lower()}" for finding in result.findings)
            counts.update(f"problem:{problem.kind.value}" for problem in result.problems)
        else:
            clean += 1
    counts.update({"members": members, "units": len(results) - members, "bytes": bytes_read, "size": size})
    counts[_CLEAN] += clean
    return {name: number for name, number in counts.items() if number}
