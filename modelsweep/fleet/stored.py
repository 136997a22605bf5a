"""The results of a job as they lie in its store, read again in report order with bounded memory.

Report order: top-level chunks by number, the units of a chunk in its order. What was found in a unit (the chunks of
members of an archive, by number) is put into its result: a report tells of files. The manifest says all that this
takes, so that a report can be written in any format long after the ledger has forgotten the job.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections import defaultdict, deque
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field, fields
from itertools import islice
from threading import Lock
from typing import Any, NamedTuple, TypeVar, cast

from modelsweep.core.finding import Json, JsonObject, Problem
from modelsweep.core.limits import Limits
from modelsweep.core.locator import Locator
from modelsweep.core.members import with_members
from modelsweep.core.related import MARKS
from modelsweep.core.report import Attachment, Plain, Report, Run, StoredResults, Tool, UnitResult
from modelsweep.core.units import MIB
from modelsweep.core.values import replace
from modelsweep.core.wire import (
    MISSHAPEN,
    decode_attachment,
    decode_problem,
    dumps,
    encode_attachment,
    encode_problem,
)
from modelsweep.fleet.packing import loads, pack, unpack
from modelsweep.fleet.results import DIGEST, ChunkResults, decode_chunk, results_name
from modelsweep.fleet.siblings import stored_siblings
from modelsweep.fleet.signature import Damaged, Key
from modelsweep.fleet.store import Store
from scanners.judge.repository.across import Siblings

PROTOCOL = 1
THREADS = 4
AHEAD = 16
"""Blobs that are asked for before they are needed."""
BATCH = 4
"""Blobs that one thread asks for one after the other: handing on each takes longer than reading a file."""
HELD = 32 * MIB
_NONE = bytes(DIGEST)
"""Stands for a chunk without results."""
_Item = TypeVar("_Item")
_Answer = TypeVar("_Answer")


class Family(NamedTuple):
    """The chunks from `first` on that were found in chunk `parent`, each in the unit at its place in `positions`."""

    parent: int
    first: int
    positions: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Manifest:
    """All that a report of a job is made of, but for the results: those are named by the digests of their blobs.

    `digests` has 12 bytes for each chunk; `units` is how many results there are; `durations` says whether results keep
    theirs, which a reproducible report has not.
    """

    job: str
    targets: tuple[str, ...]
    tool: Tool
    options: Mapping[str, Json]
    run: Run
    units: int
    digests: bytes = field(repr=False)
    families: tuple[Family, ...] = ()
    problems: tuple[Problem, ...] = ()
    durations: bool = True
    siblings: tuple[tuple[str, bytes], ...] = ()
    """Blobs of what files make of each other: their names, and what their SHA-256 begin with."""
    attachments: tuple[Attachment, ...] = ()

    @property
    def chunks(self) -> int:
        """How many chunks there are."""
        return len(self.digests) // DIGEST

    def digest(self, chunk: int) -> bytes | None:
        """Return what the blob of a chunk begins its SHA-256 with, None where it has no results."""
        return digest_in(self.digests, chunk)


def pack_digests(digests: Iterable[bytes | None]) -> bytes:
    """Return digests as a manifest has them: as values of Python they would take five times as much."""
    return b"".join(digest or _NONE for digest in digests)


def digest_in(packed: bytes | bytearray, chunk: int) -> bytes | None:
    """Return the digest of a chunk from packed ones, None where it has no results."""
    found = bytes(packed[chunk * DIGEST : (chunk + 1) * DIGEST])
    return None if found == _NONE else found


def seal_manifest(manifest: Manifest, key: Key) -> bytes:
    """Return a manifest as it is stored."""
    head = {
        "protocol": PROTOCOL,
        "job": manifest.job,
        "targets": list(manifest.targets),
        "tool": [manifest.tool.version, manifest.tool.ruleset, list(manifest.tool.scanners)],
        "options": dict(manifest.options),
        "run": _encode_run(manifest.run),
        "units": manifest.units,
        "durations": manifest.durations,
        "siblings": [[name, digest.hex()] for name, digest in manifest.siblings],
        "problems": len(manifest.problems),
        "attachments": [encode_attachment(attachment) for attachment in manifest.attachments],
    }
    families = [[family.parent, family.first, list(family.positions)] for family in manifest.families]
    lines = [
        dumps(cast(JsonObject, head)),
        base64.b64encode(manifest.digests),
        dumps(cast(Json, families)),
        *(dumps(encode_problem(problem)) for problem in manifest.problems),
    ]
    return key.seal(_purpose(manifest.job), pack(lines))


def open_manifest(sealed: bytes, key: Key, job: str, name: str = "") -> Manifest:
    """Return the manifest of `job`; raises Forged, Damaged, which say `name`."""
    name = name or _purpose(job)
    lines = list(unpack(key.open(_purpose(job), sealed, name), name))
    head = loads(lines[0], name) if lines else None
    if not isinstance(head, dict) or head.get("protocol") != PROTOCOL:
        raise Damaged(name, f"no manifest of protocol {PROTOCOL}")
    try:
        manifest = _manifest(head, lines, name)
    except MISSHAPEN as error:
        raise Damaged(name, f"no manifest: {type(error).__name__}") from error
    if manifest.job != job or len(manifest.problems) != head["problems"]:
        raise Damaged(name, "of another job, or cut short")
    return manifest


def _manifest(head: Mapping[str, Any], lines: Sequence[bytes], name: str) -> Manifest:
    version, ruleset, scanners = head["tool"]
    return Manifest(
        job=head["job"],
        targets=tuple(head["targets"]),
        tool=Tool(version, ruleset, tuple(scanners)),
        options=head["options"],
        run=_decode_run(head["run"]),
        units=head["units"],
        digests=base64.b64decode(lines[1], validate=True),
        families=tuple(Family(parent, first, tuple(where)) for parent, first, where in loads(lines[2], name)),
        problems=tuple(decode_problem(loads(line, name)) for line in lines[3:]),
        durations=head["durations"],
        siblings=tuple((name, bytes.fromhex(digest)) for name, digest in head["siblings"]),
        attachments=tuple(map(decode_attachment, head.get("attachments", ()))),
    )


def _encode_run(run: Run) -> Json:
    return [run.start_time, run.duration, list(run.arguments), run.job, run.known]


def _decode_run(value: Sequence[Any]) -> Run:
    start, duration, arguments, job, *known = value
    return Run(start, duration, tuple(arguments), job, *known)


def _purpose(job: str) -> str:
    return f"manifest {job}"


Watch = Callable[[Iterable[UnitResult]], None]


def report_of(manifest: Manifest, store: Store, watch: Watch | None = None) -> Report:
    """Return the report of a job, whose results are read from `store` each time somebody goes over them.

    Going over them raises Absent, StoreFault, Damaged; `watch` gets the results of each chunk (ChunkResults, or nothing
    where there are none) before they are decoded, and may raise to stop it.
    """

    def read() -> Generator[UnitResult, None, None]:
        siblings = Siblings(stored_siblings(manifest.siblings, store))
        with closing(_walked(manifest, store, Walk.of(manifest, watch))) as results:
            joined = map(siblings.join, results) if manifest.siblings else results
            if manifest.durations:
                yield from joined
            else:
                yield from (replace(result, duration=0.0) if result.duration else result for result in joined)

    return Report(
        targets=manifest.targets,
        tool=manifest.tool,
        results=StoredResults(read, manifest.units),
        problems=manifest.problems,
        run=manifest.run,
        options=manifest.options,
        attachments=manifest.attachments,
    )


def related_results(
    manifest: Manifest, store: Store, watch: Watch | None = None, begun: Callable[[], None] | None = None
) -> Generator[UnitResult, None, None]:
    """Yield those results, and some others, that may have to do with each other; raises as going over a report does.

    `begun` is called before each chunk that is nobody's child.
    """
    marks = None if manifest.options.get("require_signers") else MARKS  # then each file is to be on somebody's list
    return _walked(manifest, store, Walk.of(manifest, watch, marks), begun)


def all_results(manifest: Manifest, store: Store, watch: Watch | None = None) -> Generator[UnitResult, None, None]:
    """Yield all results as they are stored, without what files make of each other; raises as going over a report."""
    return _walked(manifest, store, Walk.of(manifest, watch))


def _walked(
    manifest: Manifest, store: Store, walk: Walk, begun: Callable[[], None] | None = None
) -> Generator[UnitResult, None, None]:
    def fetch(chunk: int) -> Iterable[UnitResult]:
        digest = manifest.digest(chunk)
        return () if digest is None else fetch_results(store, manifest.job, chunk, digest)

    blobs = ahead(fetch, walk.order(roots_of(manifest)), _weight)
    try:
        yield from walk.over(roots_of(manifest), blobs, begun)
    finally:
        blobs.close()  # its threads


def roots_of(manifest: Manifest) -> Iterator[int]:
    """Yield the chunks that are nobody's children, in report order."""
    following = 0
    for family in sorted(manifest.families, key=lambda family: family.first):
        yield from range(following, family.first)
        following = max(following, family.first + len(family.positions))
    yield from range(following, manifest.chunks)


class Walk:
    """How to go over results in report order, or over those that may hold one of some `marks`.

    `children` are those of each chunk as (position, number), in report order.
    """

    def __init__(
        self,
        children: Mapping[int, Sequence[tuple[int, int]]],
        limits: Limits,
        watch: Watch | None = None,
        marks: re.Pattern[bytes] | None = None,
    ) -> None:
        self.children, self._limits, self._watch, self._marks = children, limits, watch, marks

    @classmethod
    def of(cls, manifest: Manifest, watch: Watch | None = None, marks: re.Pattern[bytes] | None = None) -> Walk:
        """Return how to go over the results of a job."""
        return cls(_children(manifest), limits_of(manifest.options), watch, marks)

    def over(
        self, roots: Iterable[int], blobs: Iterator[Iterable[UnitResult]], begun: Callable[[], None] | None = None
    ) -> Iterator[UnitResult]:
        """Yield the results of `roots` and of what was found in them; `blobs` are in the order that `order` says."""
        for chunk in roots:
            if begun:
                begun()
            yield from self._below(chunk, blobs)

    def runs(
        self, roots: Iterable[int], blobs: Iterator[Iterable[UnitResult]], apart: Collection[str]
    ) -> Iterator[list[Plain] | UnitResult]:
        """Yield the same as `over`, but plain files that follow each other together; not those at `apart`."""
        for chunk in roots:
            if chunk in self.children:
                yield from self._below(chunk, blobs)
                continue
            results = next(blobs)
            if self._watch:
                self._watch(results)
            for item in results.runs(apart) if isinstance(results, ChunkResults) else ():
                if isinstance(item, UnitResult) and item.members:
                    yield with_members(item, (), self._limits)
                else:
                    yield item

    def order(self, roots: Iterable[int]) -> Iterator[int]:
        """Yield `roots` and all chunks below them in the order in which their first result is needed."""
        for root in roots:
            pending = [root]
            while pending:
                chunk = pending.pop()
                yield chunk
                pending += [child for _, child in reversed(self.children.get(chunk, ()))]

    def _below(self, chunk: int, blobs: Iterator[Iterable[UnitResult]]) -> Iterator[UnitResult]:
        """Yield the results of a chunk and of all that was found in it."""
        results = next(blobs)
        if self._watch:
            self._watch(results)
        pending = deque(self.children.get(chunk, ()))
        if self._marks and not pending and isinstance(results, ChunkResults):
            results = results.marked(self._marks)
        others: dict[Locator, list[UnitResult]] = {}
        for position, result in enumerate(results):
            if result.members or others or (pending and pending[0][0] <= position):
                parts = self._parts(result.unit.locator, position, pending, blobs, others)
                yield with_members(result, parts, self._limits)
            else:
                yield result
        for parts_of_one in others.values():
            yield from parts_of_one
        for _, child in pending:  # of a chunk that has no results any more
            yield from self._below(child, blobs)

    def _parts(
        self,
        archive: Locator,
        position: int,
        pending: deque[tuple[int, int]],
        blobs: Iterator[Iterable[UnitResult]],
        others: dict[Locator, list[UnitResult]],
    ) -> Iterator[UnitResult]:
        """Yield the results of what was found in the unit at `position`, which is `archive`.

        What is of another one, since the page that told the positions is lost, is kept in `others` for that one.
        """
        while pending and pending[0][0] <= position:
            for part in self._below(pending.popleft()[1], blobs):
                if part.unit.locator.outermost == archive.outermost:
                    yield part
                else:
                    others.setdefault(part.unit.locator.outermost, []).append(part)
        yield from others.pop(archive.outermost, ())


def limits_of(options: Mapping[str, Json]) -> Limits:
    """Return what one unit of a job with these options may have, as far as it is said."""
    known = {item.name for item in fields(Limits)}
    said = options.get("limits")
    if not isinstance(said, dict):
        return Limits()
    return Limits(**{name: value for name, value in said.items() if name in known and type(value) is int})


def _children(manifest: Manifest) -> dict[int, list[tuple[int, int]]]:
    """Return the children of each chunk as (position, number), in report order; raises Damaged for what is no tree."""
    children: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
    taken = 0
    for parent, first, positions in sorted(manifest.families, key=lambda family: family.first):
        if not 0 <= parent < first <= manifest.chunks - len(positions) or first < taken:
            raise Damaged(_purpose(manifest.job), f"the children of chunk {parent} are none")
        taken = first + len(positions)
        children[parent] += [(position, first + place) for place, position in enumerate(positions)]
    return {parent: sorted(found) for parent, found in children.items()}


def merged_tool(tools: Iterable[Tool]) -> Tool | None:
    """Return what results were made with, None where there are none.

    Where workers of several versions took part, the tool has all their versions, scanners, and a digest of their
    rulesets, whichever examined what.
    """
    found = sorted(set(tools), key=lambda tool: (tool.version, tool.ruleset, tool.scanners))
    if len(found) < 2:
        return found[0] if found else None
    versions = ", ".join(sorted({tool.version for tool in found}))
    rulesets = sorted({tool.ruleset for tool in found})
    ruleset = rulesets[0] if len(rulesets) == 1 else hashlib.sha256(" ".join(rulesets).encode()).hexdigest()
    return Tool(versions, ruleset, tuple(dict.fromkeys(name for tool in found for name in tool.scanners)))


def fetch_results(store: Store, job: str, chunk: int, digest: bytes) -> ChunkResults:
    """Return the results of a chunk that the ledger knows by `digest`; raises Absent, StoreFault, Damaged."""
    name = results_name(job, chunk, digest)
    return decode_chunk(store.get(name), name, digest)


def ahead(
    answer: Callable[[_Item], _Answer], items: Iterable[_Item], weight: Callable[[_Answer], int] = lambda _: 0
) -> Generator[_Answer, None, None]:
    """Yield `answer` of each item in order, asked for by a few threads before it is needed; raises what it raises.

    At most `AHEAD` answers wait, and no more are asked for while those that wait have a `weight` of `HELD` bytes. Close
    what this returns where it is not used up.
    """
    waiting: deque[tuple[Future[None], deque[tuple[_Answer, int]]]] = deque()
    lock, held = Lock(), 0

    def ask(batch: Sequence[_Item], answers: deque[tuple[_Answer, int]]) -> None:
        nonlocal held
        for item in batch:
            found = answer(item)
            answers.append((found, weight(found)))
            with lock:
                held += answers[-1][1]

    def first() -> Iterator[_Answer]:
        nonlocal held
        asked, answers = waiting.popleft()
        fault = asked.exception()
        while answers:
            found, bytes_held = answers.popleft()
            with lock:
                held -= bytes_held
            yield found
        if fault:
            raise fault

    with ThreadPoolExecutor(THREADS, "ahead") as threads:
        try:
            remaining = iter(items)
            while batch := list(islice(remaining, BATCH)):
                answers: deque[tuple[_Answer, int]] = deque()
                waiting.append((threads.submit(ask, batch, answers), answers))
                while len(waiting) * BATCH >= AHEAD or (waiting and held >= HELD):
                    yield from first()
            while waiting:
                yield from first()
        finally:
            for asked, _ in waiting:
                asked.cancel()


def _weight(results: Iterable[UnitResult]) -> int:
    return results.held if isinstance(results, ChunkResults) else 0
