"""The finalizer: when all chunks of a job are done, its reports are written in one pass over the stored results.

Each attempt writes into a folder of its own, `reports/JOB/ATTEMPT/`, and the ledger points to it in one step, if the
attempt still holds the lease. So it may be killed anywhere, and two at once publish once. Results that are lost or
damaged are made again; where that does not help, it is said of their units.
"""

from __future__ import annotations

import bisect
import json
import os
import threading
import time
from array import array
from collections.abc import Collection, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from itertools import count as numbers
from typing import TextIO

from redis import Redis

from modelsweep.core.finding import Json, JsonObject, Problem, ProblemKind
from modelsweep.core.locator import Locator
from modelsweep.core.report import Report, Run, Tool, UnitResult, Verdict
from modelsweep.core.values import replace
from modelsweep.core.wire import shown_options
from modelsweep.fleet.answers import Extent, FinalizeStatus, JobState, LedgerFault, Progress, ReopenStatus, UnknownJob
from modelsweep.fleet.job import JobSpec, UnknownProtocol, open_spec, spec_name
from modelsweep.fleet.ledger import Ledger
from modelsweep.fleet.logs import logger
from modelsweep.fleet.messages import SCANS, Publish, scan_message
from modelsweep.fleet.pages import Pages, parent_of
from modelsweep.fleet.problems import open_problems, problems_name
from modelsweep.fleet.results import DIGEST, ChunkResults, chunk_of, digest_of, encode_chunk, results_name
from modelsweep.fleet.siblings import Changes, in_order, store_siblings, stored_siblings
from modelsweep.fleet.signature import Damaged, Key
from modelsweep.fleet.signed_results import signing
from modelsweep.fleet.store import Absent, Store, StoreFault
from modelsweep.fleet.stored import (
    Family,
    Manifest,
    Watch,
    ahead,
    all_results,
    digest_in,
    fetch_results,
    merged_tool,
    pack_digests,
    related_results,
    report_of,
    seal_manifest,
)
from reporting import WRITERS
from reporting.encode import Document
from reporting.writer import Draft, View, Writer, fill
from scanners.judge.repository.across import across, gathered
from worker.node import NOT_STORED, Declined, JobGone
from worker.renderers import APART, SECTION, Filling, RendererFailed, divisible, fill_apart, renderers
from worker.supervisor import Supervisor

LEASE = 60.0
"""Seconds after which another worker writes the reports where this one fell silent."""
REOPENED = 3
"""Times that a chunk is examined again because its results were lost."""
MANIFEST, SUMMARY = "manifest", "summary.json"
"""Names beside the reports."""
SCANNER = "finalizer"
AT_ONCE = 3
"""Documents that are written at the same time."""
_log = logger("modelsweep.finalizer")
_RENEWALS = 3
_BLOCK = 8192
"""Digests that are asked for at once."""


class _Lost(Exception):
    """Another finalizer took over, or the job was opened again."""


class _Reopened(Exception):
    """Chunks whose results are lost are examined again first."""


def finalize(
    job: str,
    client: Redis,
    store: Store,
    key: Key,
    worker: str,
    publish: Publish | None = None,
    *,
    lease: float = LEASE,
) -> bool:
    """Write the reports of a complete, or of a cancelled, job, and return whether this call published them.

    Where results are lost, their chunks are opened again instead and put into their queues by `publish` (without it,
    the sweeper does that). Raises JobGone, LedgerFault, StoreFault, SandboxFailed; then somebody else may try.
    """
    ledger = Ledger(client, job)
    try:
        spec = open_spec(job, ledger.spec(), key)
    except UnknownJob as error:
        raise JobGone(str(error)) from error
    except (Damaged, UnknownProtocol) as error:
        raise Declined(str(error)) from error
    if not (store.exists(spec_name(job)) or store.exists(problems_name(job))):
        raise StoreFault(job, NOT_STORED)  # the report would say that all is lost, and lie elsewhere
    granted = ledger.begin_finalize(worker, lease)
    if granted.status is not FinalizeStatus.GRANTED:
        return False
    with _Lease(ledger, granted.token, lease) as held:
        try:
            return _Finalizer(spec, ledger, signing(store, key, spec), key, held, publish).run()
        except _Lost:
            return False


class _Lease:
    """Renews the lease of a finalizer while the block runs."""

    def __init__(self, ledger: Ledger, token: str, seconds: float) -> None:
        self._ledger, self.token, self._seconds = ledger, token, seconds
        self._over, self._is_lost = threading.Event(), False
        self._until = time.monotonic() + seconds
        self._thread = threading.Thread(target=self._renew, name="finalizer-lease", daemon=True)

    def __enter__(self) -> _Lease:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def check(self) -> None:
        """Raise _Lost where the lease is another's by now, or ran out."""
        if self._is_lost or time.monotonic() > self._until:
            raise _Lost

    def _renew(self) -> None:
        while not self._over.wait(self._seconds / _RENEWALS):
            asked = time.monotonic()
            with suppress(LedgerFault):  # Redis may be back before the lease runs out
                if not self._ledger.renew_finalize(self.token, self._seconds):
                    self._is_lost = True
                    return
                self._until = asked + self._seconds


class _Finalizer:
    """One attempt."""

    def __init__(
        self, spec: JobSpec, ledger: Ledger, store: Store, key: Key, held: _Lease, publish: Publish | None
    ) -> None:
        self._spec, self._ledger, self._store, self._key, self._held = spec, ledger, store, key, held
        self._publish = publish
        self._pages = Pages(store, key, spec.id)
        self._extents = _Extents(ledger.extents())
        self._changes, self._related = Changes(), array("Q")
        self._folder = f"reports/{spec.id}/{held.token.partition('@')[0]}"

    def run(self) -> bool:
        """Write everything and publish it; False where chunks are examined again first."""
        earlier, published = self._earlier(), self._ledger.progress().report
        self._remove(earlier - {published})  # they take the room that this one may need
        try:
            self._write_all()
        except _Reopened:
            return False
        except (StoreFault, _Lost):
            self._remove({self._folder})
            raise
        if not self._ledger.publish(self._held.token, self._folder, self._changes.counts):
            return False
        self._remove(earlier & {published})
        return True

    def _remove(self, folders: Iterable[str]) -> None:
        with suppress(StoreFault):  # they go with the job at the latest
            for folder in folders:
                self._store.delete(folder)

    def _write_all(self) -> None:
        """Write everything; raises _Reopened where chunks are examined again first."""
        unreadable: set[int] = set()
        tool: Tool | None = None
        while True:
            try:
                manifest = self._collect(unreadable, tool)
                if manifest is None:
                    raise _Reopened
                tool = self._write(manifest)
                if tool == manifest.tool:
                    break
            except (Absent, Damaged) as fault:
                # Each round takes out another chunk, so there is an end.
                chunk = chunk_of(fault.name)
                if chunk is None or chunk in unreadable:
                    raise StoreFault(fault.name, fault.detail) from fault
                unreadable.add(chunk)
        self._held.check()

    def _earlier(self) -> set[str]:
        """Return the folders of attempts that can publish no more, since this one holds the lease."""
        folders = {name.rpartition("/")[0] for name in self._store.list(f"reports/{self._spec.id}")}
        return folders - {self._folder}

    # -- what is in the report

    def _collect(self, unreadable: Collection[int], tool: Tool | None) -> Manifest | None:
        """Return what the report is made of, None where lost results are made again first.

        Nothing is looked at before it is written, unless something was `unreadable`. `tool` is what the results were
        made with, where that is known.
        """
        progress = self._ledger.progress()
        digests = self._digests(progress.allocated)
        cancelled = progress.state is JobState.CANCELLED
        undone = {chunk for chunk in range(progress.allocated) if digest_in(digests, chunk) is None}
        if undone and not cancelled:
            if self._reopen(undone):
                return None  # Redis has thrown digests of done chunks away
            raise _Lost  # it was opened again
        lost = (self._lost(digests) | set(unreadable) if unreadable else set()) - undone
        if lost and not cancelled and self._reopen(lost):
            return None
        own = self._first_tool(digests, undone | lost)
        problems = list(self._problems(cancelled))
        for chunk in sorted(lost | undone):
            results, unknown = self._instead(chunk, chunk in undone)
            digests[chunk * DIGEST : (chunk + 1) * DIGEST] = pack_digests([self._keep(chunk, own, results)])
            problems += unknown
        families = tuple(self._families(progress.allocated))
        return self._manifest(tool or own, bytes(digests), families, tuple(problems), progress)

    def _digests(self, amount: int) -> bytearray:
        """Return the digests of all chunks, packed."""
        packed = bytearray()
        for start in range(0, amount, _BLOCK):
            packed += pack_digests(self._ledger.digests(start, min(_BLOCK, amount - start)))
        return packed

    def _lost(self, digests: bytearray) -> set[int]:
        """Return the chunks whose results are not what the ledger knows; raises StoreFault, and _Lost."""

        def look(chunk: int) -> int | None:
            self._held.check()
            digest = digest_in(digests, chunk)
            try:
                if digest is not None:
                    fetch_results(self._store, self._spec.id, chunk, digest)
            except (Absent, Damaged):
                return chunk
            return None

        return {chunk for chunk in ahead(look, range(len(digests) // DIGEST)) if chunk is not None}

    def _first_tool(self, digests: bytearray, without: Collection[int]) -> Tool:
        """Return what the first results were made with; others may be of another version, which `_write` finds."""
        for chunk in range(len(digests) // DIGEST):
            digest = digest_in(digests, chunk)
            if digest is not None and chunk not in without:
                return fetch_results(self._store, self._spec.id, chunk, digest).tool
        with Supervisor(self._spec.options, 1) as supervisor:
            return supervisor.tool()

    def _reopen(self, lost: set[int]) -> bool:
        """Have chunks examined again; False where that was tried often enough for all of them."""
        reopened = self._ledger.reopen(self._held.token, sorted(lost), REOPENED)
        if reopened.status is ReopenStatus.LOST:
            raise _Lost
        messages = [
            scan_message(SCANS[queue], self._spec.id, chunk, reopened.generation) for chunk, queue in reopened.again
        ]
        if messages and self._publish:
            self._publish(messages)
        return bool(messages)

    def _instead(self, chunk: int, was_cancelled: bool) -> tuple[list[UnitResult], list[Problem]]:
        """Return results that say what became of the units of a chunk, or problems where nobody knows its units."""
        kind, detail = ProblemKind.SOURCE, f"its result was lost from the store more than {REOPENED} times"
        if was_cancelled:
            kind, detail = ProblemKind.CANCELLED, "the job was cancelled before it was examined"
        extent = self._extents.of(chunk)
        try:
            units = self._pages.chunk(extent.page, extent.first, chunk).units
        except (Absent, Damaged) as fault:
            detail = f"{detail}; nor can be read which files these were: {fault.detail}"
            return [], [Problem(kind, Locator(extent.page, (f"chunk {chunk}",)), SCANNER, detail)]
        return [UnitResult(unit, problems=(Problem(kind, unit.locator, SCANNER, detail),)) for unit in units], []

    def _keep(self, chunk: int, tool: Tool, results: Sequence[UnitResult]) -> bytes | None:
        """Store results that were made here, and return their digest."""
        if not results:
            return None
        blob = encode_chunk(tool, results)
        digest = digest_of(blob)
        self._store.put(results_name(self._spec.id, chunk, digest), blob)
        return digest

    def _problems(self, cancelled: bool) -> Iterator[Problem]:
        """Yield what of the targets is no unit, as the producer left it."""
        name = problems_name(self._spec.id)
        try:
            yield from open_problems(self._store.get(name), self._key, self._spec.id)
        except (Absent, Damaged) as fault:
            if cancelled:
                detail = "the job was cancelled before everything was listed"
                for target in self._spec.targets:
                    yield Problem(ProblemKind.CANCELLED, Locator(target), SCANNER, detail)
            else:
                detail = f"what of the targets could not be listed is not known any more: {fault.detail}"
                yield Problem(ProblemKind.SOURCE, Locator(name), SCANNER, detail)

    def _families(self, amount: int) -> Iterator[Family]:
        """Yield which chunks were found in which; where a page is lost, its chunks follow their parent's first unit."""
        for extent, count in self._extents.counted(amount):
            parent = parent_of(extent.page)
            if parent is None:
                continue
            try:
                page = self._pages.get(extent.page, extent.first)
                positions = tuple(page.chunk(extent.first + place).position for place in range(count))
            except (Absent, Damaged):
                positions = (0,) * count
            yield Family(parent, extent.first, positions)

    def _manifest(
        self,
        tool: Tool,
        digests: bytes,
        families: tuple[Family, ...],
        problems: tuple[Problem, ...],
        progress: Progress,
    ) -> Manifest:
        epoch = os.environ.get("SOURCE_DATE_EPOCH", "")
        seconds, known = max(0.0, progress.now - progress.created), progress.counts.get("known", 0)
        run = Run(progress.created, seconds, self._spec.arguments, self._spec.id, known)
        return Manifest(
            job=self._spec.id,
            targets=self._spec.targets,
            tool=tool,
            options=shown_options(self._spec.options, self._spec.selection),
            run=Run(start_time=float(epoch)) if epoch.isdigit() else run,
            units=progress.units,
            digests=digests,
            families=families,
            problems=problems,
            durations=not epoch.isdigit(),
            attachments=self._spec.attachments,
        )

    # -- writing

    def _write(self, manifest: Manifest) -> Tool:
        """Write all reports, the summary and the manifest, and return what the results were made with.

        Where that is not what the manifest says, all is to be written again. Raises Absent, Damaged, StoreFault, _Lost.
        """
        tools: set[Tool] = set()

        def watch(results: Iterable[UnitResult]) -> None:
            self._held.check()
            if isinstance(results, ChunkResults):
                tools.add(results.tool)

        manifest = replace(manifest, siblings=self._siblings(manifest, watch))
        report = report_of(manifest, self._store, watch)
        view = View(root=self._spec.root or os.sep)
        writers = [writer for writer in WRITERS if writer.name in self._spec.reports]
        try:
            report, drafts = self._filled(manifest, report, writers, view, tools)
            report = replace(report, counted=report.totals)
            if tools and merged_tool(tools) != manifest.tool:
                return merged_tool(tools) or manifest.tool
            self._put(report, writers, drafts)
            drafts.clear()  # what they hold need not be there beside all digests of the manifest
        except OSError as error:
            raise StoreFault(self._folder, f"no room for a report's temporary data: {error.strerror}") from error
        files = {writer.name: report_name(writer) for writer in writers}
        self._store.put(f"{self._folder}/{SUMMARY}", json.dumps(summary_of(report, files), indent=2).encode() + b"\n")
        manifest = replace(manifest, units=report.totals.files)
        self._store.put(f"{self._folder}/{MANIFEST}", seal_manifest(manifest, self._key))
        return manifest.tool

    def _filled(
        self, manifest: Manifest, report: Report, writers: Sequence[Writer], view: View, tools: set[Tool]
    ) -> tuple[Report, list[Draft]]:
        """Return the report with its totals, and the drafts that all results were added to: by processes, if many."""
        drafts = [writer.draft(report, view) for writer in writers]
        processes = renderers() if manifest.units >= APART and divisible(drafts) else 0
        if processes:
            found = stored_siblings(manifest.siblings, self._store)
            filling = Filling(manifest, self._store, view, found, self._related, self._held.check, tools.add)
            try:
                return fill_apart(filling, report, writers, drafts, processes), drafts
            except RendererFailed as fault:
                _log.warning("reports are written by one process", job=self._spec.id, reason=str(fault))
                tools.clear()
                drafts = [writer.draft(report, view) for writer in writers]
        return fill(report, drafts), drafts

    def _put(self, report: Report, writers: Sequence[Writer], drafts: Sequence[Draft]) -> None:
        """Store what was drafted, several documents at once: most of that is done outside of Python."""

        def put(writer: Writer, draft: Draft) -> None:
            with _text(self._store, f"{self._folder}/{report_name(writer)}") as stream:
                draft.finish(report, stream)

        with ThreadPoolExecutor(AT_ONCE, "report") as threads:
            for _ in threads.map(put, writers, drafts):
                pass

    def _siblings(self, manifest: Manifest, watch: Watch) -> tuple[tuple[str, bytes], ...]:
        """Store what the files of the job make of each other, and return the blobs that say it; raises as `_write`."""
        changes = self._changes = Changes()
        related = self._related = array("Q")
        chunks = numbers()

        def begun() -> None:
            if next(chunks) % SECTION == 0:
                related.append(changes.seen)

        def everything() -> Iterator[UnitResult]:
            return all_results(manifest, self._store, watch)

        try:
            with closing(related_results(manifest, self._store, watch, begun)) as results:
                found = gathered(in_order(across(changes.before(results), self._spec.options, everything)))
                return tuple(store_siblings(changes.after(found), manifest.tool, self._store, self._folder))
        except OSError as error:
            raise StoreFault(
                self._folder, f"no room for temporary data about related files: {error.strerror}"
            ) from error


class _Extents:
    """Which page holds a chunk."""

    def __init__(self, extents: Sequence[Extent]) -> None:
        self._extents = sorted(extents)
        self._firsts = [extent.first for extent in self._extents]

    def of(self, chunk: int) -> Extent:
        """Return the extent that holds a chunk that is allocated."""
        return self._extents[bisect.bisect_right(self._firsts, chunk) - 1]

    def counted(self, amount: int) -> Iterator[tuple[Extent, int]]:
        """Yield each extent with the number of its chunks, where `amount` are allocated."""
        for extent, stop in zip(self._extents, [*self._firsts, amount][1:], strict=True):
            yield extent, stop - extent.first


def report_name(writer: Writer) -> str:
    """Return what the report in a format is called."""
    return f"report{writer.suffix}"


def summary_of(report: Report, files: dict[str, str]) -> JsonObject:
    """Return what a report comes to, with all that an exit code is made of, and the names of its files by format."""
    totals = report.totals
    worst = next((verdict for verdict in Verdict if totals.verdicts[verdict]), Verdict.CLEAN)
    verdicts: dict[str, Json] = {verdict.value: count for verdict, count in totals.verdicts.items()}
    kinds: dict[str, Json] = {kind.value: count for kind, count in sorted(totals.problems.items())}
    unlisted: dict[str, Json] = {}
    for problem in report.problems:
        count = unlisted.get(problem.kind.value, 0)
        unlisted[problem.kind.value] = count + 1 if isinstance(count, int) else 1
    return {
        "job": report.run.job,
        "targets": list(report.targets),
        "tool": {"name": "modelsweep", "version": report.tool.version, "ruleset": report.tool.ruleset},
        "verdict": worst.value,
        "summary": dict(report.summary()),
        "verdicts": verdicts,
        "problems": kinds,
        "target_problems": unlisted,
        "unexamined": totals.unexamined,
        "failed": totals.failed,
        "bytes_scanned": totals.bytes_read,
        "run": {"start_time": report.run.start_time, "duration": report.run.duration},
        "reports": dict(files),
    }


@contextmanager
def _text(store: Store, name: str) -> Iterator[TextIO]:
    """Open an object of the store for writing text; it appears when the block ends, and not at all where it raises."""
    with store.writer(name) as stream:
        text = Document(stream, encoding="utf-8", errors="backslashreplace", newline="\n")
        try:
            yield text
            text.flush()
        finally:
            stream.close()  # so that the text layer does not try once more what has failed
