"""Several processes fill the documents of a large job: each puts sections of it together, which are joined in order.

    finalizer ── blobs of a section ──▶ renderer ── text, compressed ──▶ finalizer: scratch of the document

A section is some consecutive chunks with all that was found in them. What it adds to a document does not depend on the
others, so that the documents are the same to the byte however many processes there are. This process fetches, puts away
and joins; a fault of a renderer is none of the job: then all is filled in this process.
"""

from __future__ import annotations

import os
import selectors
import socket
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from itertools import islice

from modelsweep.core.finding import JsonObject
from modelsweep.core.options import Options
from modelsweep.core.report import Report, Tally, Tool, UnitResult
from modelsweep.core.units import KIB
from modelsweep.core.values import replace
from modelsweep.core.wire import Decoded, decode_totals, dumps, encode_result
from modelsweep.fleet.results import results_name
from modelsweep.fleet.signature import Damaged
from modelsweep.fleet.store import Store
from modelsweep.fleet.stored import Manifest, Walk, ahead, roots_of
from reporting.scratch import Extent
from reporting.writer import Divisible, Draft, Later, View, Writer
from worker.channel import decoded
from worker.cpus import default_jobs
from worker.execution import ALLOCATION, KEPT
from worker.renderer import HEADER, Changes, Header, Kind, job_message, message

APART = 50_000
"""Units from which on several processes put the reports together: starting those takes 0.2 s each."""
SECTION = 64
"""Chunks of a section, those that were found in them not counted."""
MOST = 4
"""Processes beyond which fetching, joining and writing in this one are the bound."""
_BUSY = 2
"""Sections that a process has, so that it need not wait for the next one."""
_AHEAD = 4
"""Sections for each process that may wait for an earlier one to be joined."""
_TOGETHER = 8
"""Messages to one process before others are looked at: waiting for each takes as long as reading what it holds."""
_RECEIVED = 256 * KIB
_START = """\
import sys
sys.path[:] = sys.argv[2:]
from worker.renderer import main
main(int(sys.argv[1]))
"""
_PATIENCE = 5.0
"""Seconds that a process has to end once this one hung up."""


class RendererFailed(Exception):
    """A process could not be started, or ended before its work was done."""


@dataclass(frozen=True, slots=True)
class Filling:
    """What documents of a job are filled with, and whom to ask whether to go on.

    `siblings` are what files make of each other, numbered by what `related` counts: for each section, how many results
    that may have to do with others come before it. `check` raises to stop it; `watch` is told what results were made
    with.
    """

    manifest: Manifest
    store: Store
    view: View
    siblings: Iterator[UnitResult]
    related: Sequence[int]
    check: Callable[[], None] = lambda: None
    watch: Callable[[Tool], None] = lambda _: None
    judging: Judging | None = None


@dataclass(slots=True)
class Judging:
    """Results are judged anew: by which options, and what files make of each other then; and what that changes."""

    options: Options
    siblings: Iterator[UnitResult]
    changes: Changes = field(default_factory=Changes)


def divisible(drafts: Iterable[Draft]) -> bool:
    """Return whether no draft has to see all results in one process."""
    return all(isinstance(draft, (Divisible, Later)) for draft in drafts)


def renderers() -> int:
    """Return how many processes put sections together on this machine; 0 where this one does as well alone."""
    jobs = min(default_jobs(), MOST)
    return jobs if jobs > 1 and hasattr(os, "posix_spawn") and sys.executable else 0


def fill_apart(
    filling: Filling, report: Report, writers: Sequence[Writer], drafts: Sequence[Draft], processes: int
) -> Report:
    """Fill the drafts of `writers` in so many processes, and return the report with its totals.

    Raises RendererFailed, Absent, Damaged, StoreFault, OSError, and what `check` raises; no process is left then.
    """
    pairs = [(writer, draft) for writer, draft in zip(writers, drafts, strict=True) if isinstance(draft, Divisible)]
    tally = Tally(report.problems)
    today = filling.judging.options if filling.judging else None
    job = job_message(report, filling.manifest.job, filling.view, [writer.name for writer, _ in pairs], today)
    joining = _Joining(filling, [draft for _, draft in pairs], tally)
    with ExitStack() as stack:
        peers = [stack.enter_context(closing(_Renderer(job))) for _ in range(processes)]
        _Exchange(peers, joining, filling.check).run()
    return replace(report, counted=tally.totals())


class _Joining:
    """The sections of a job: handed out in order, kept as they come back, and joined in order."""

    def __init__(self, filling: Filling, drafts: Sequence[Divisible], tally: Tally) -> None:
        self._filling, self._drafts, self._tally = filling, drafts, tally
        self._walk = Walk.of(filling.manifest)
        self._roots = roots_of(filling.manifest)
        self._siblings = _BySection(filling.siblings, filling.related)
        self._later = _BySection(filling.judging.siblings if filling.judging else iter(()), filling.related)
        self._texts: dict[int, list[tuple[int, int, Extent]]] = {}
        self._ends: dict[int, Decoded] = {}
        self.begun = self.joined = 0
        self.is_begun = False
        """Whether all sections were handed out."""

    def next(self) -> _Section | None:
        """Return the next section, None where there is no further one."""
        roots = list(islice(self._roots, SECTION))
        if not roots:
            self.is_begun = True
            return None
        chunks = list(self._walk.order(roots))
        number, manifest = self.begun, self._filling.manifest
        self.begun += 1
        self._texts[number] = []
        digests = [(chunk, manifest.digest(chunk)) for chunk in chunks]
        said: JsonObject = {
            "roots": [*roots],
            "chunks": [[chunk, digest.hex() if digest else ""] for chunk, digest in digests],
            "children": [
                [chunk, [[*found] for found in self._walk.children[chunk]]]
                for chunk in chunks
                if chunk in self._walk.children
            ],
            "siblings": [encode_result(result) for result in self._siblings.of(number)],
            "later": [encode_result(result) for result in self._later.of(number)],
            "briefs": [draft.brief() for draft in self._drafts],
        }
        names = [results_name(manifest.job, chunk, digest) for chunk, digest in digests if digest]
        return _Section(number, said, names, self._filling.store)

    def keep(self, section: int, header: Header, data: bytes) -> None:
        """Put away a piece of text."""
        scratch = self._drafts[header.document].parts[header.part].scratch
        self._texts[section].append((header.document, header.part, scratch.keep(data, header.size)))

    def end(self, section: int, said: Decoded) -> None:
        """Join a section that is complete, or keep it until all before it are."""
        self._ends[section] = said
        while self.joined in self._ends:
            said = self._ends.pop(self.joined)
            for document, part, extent in self._texts.pop(self.joined):
                self._drafts[document].parts[part].append(extent)
            for draft, told in zip(self._drafts, said["said"], strict=True):
                draft.join(told)
            self._tally.include(decode_totals(said["totals"]))
            for version, ruleset, scanners in said["tools"]:
                self._filling.watch(Tool(version, ruleset, tuple(scanners)))
            if self._filling.judging:
                new, gone = said["changes"]
                self._filling.judging.changes.new += new
                self._filling.judging.changes.gone += gone
            self.joined += 1

    @property
    def is_done(self) -> bool:
        """Whether all sections are joined."""
        return self.is_begun and self.joined == self.begun


class _BySection:
    """What files make of each other, by the section that they are in; asked for one section after the other."""

    def __init__(self, found: Iterator[UnitResult], related: Sequence[int]) -> None:
        self._found, self._related = found, related
        self._next = next(found, None)

    def of(self, section: int) -> Iterator[UnitResult]:
        """Yield what is said of the files of a section."""
        last = section + 1 >= len(self._related)
        while self._next is not None and (last or self._next.unit.index < self._related[section + 1]):
            yield self._next
            self._next = next(self._found, None)


@dataclass(slots=True)
class _Section:
    """A section on its way to a renderer."""

    number: int
    said: JsonObject
    names: Sequence[str]
    store: Store

    def messages(self) -> Generator[bytes, None, None]:
        """Yield what a renderer gets; raises Absent, StoreFault."""
        with closing(ahead(self.store.get, self.names, len)) as blobs:
            yield message(Kind.SECTION, dumps(self.said))
            for blob in blobs:
                yield message(Kind.BLOB, blob)


class _Renderer:
    """One process, and what passes to and from it."""

    def __init__(self, job: bytes) -> None:
        self._peer, other = socket.socketpair()
        command = [sys.executable, "-I", "-S", "-c", _START, str(other.fileno()), *filter(os.path.isabs, sys.path)]
        try:
            self._process = subprocess.Popen(  # noqa: S603 - our own program
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[other.fileno()],
                env={**ALLOCATION, **{name: value for name, value in os.environ.items() if name in KEPT}},
                process_group=0,  # Control-C at the terminal is for this process only
            )
        except OSError as error:
            self._peer.close()
            raise RendererFailed(f"{sys.executable} cannot be started: {error.strerror}") from error
        finally:
            other.close()
        self._peer.setblocking(False)
        self._out, self._received = memoryview(job), bytearray()
        self._messages: Generator[bytes, None, None] | None = None
        self.sections: deque[int] = deque()

    def fileno(self) -> int:
        """Return the descriptor to wait for."""
        return self._peer.fileno()

    @property
    def is_idle(self) -> bool:
        """Whether it could have another section."""
        return self._messages is None and len(self.sections) < _BUSY

    @property
    def events(self) -> int:
        """What to wait for."""
        return selectors.EVENT_READ | (selectors.EVENT_WRITE if self._out or self._messages else 0)

    def give(self, section: _Section) -> None:
        """Let it have another section."""
        self.sections.append(section.number)
        self._messages = section.messages()

    def write(self) -> None:
        """Write as much as it takes of the next few messages; raises Absent, StoreFault, RendererFailed."""
        for _ in range(_TOGETHER):
            if not self._out:
                following = next(self._messages, None) if self._messages else None
                if following is None:
                    self._messages = None
                    return
                self._out = memoryview(following)
            try:
                self._out = self._out[self._peer.send(self._out) :]
            except BlockingIOError:
                return
            except OSError:
                # What it said last, that a blob is damaged, may still wait to be read
                self._out, self._messages = memoryview(b""), None
                return

    def read(self) -> Iterator[tuple[Header, bytes]]:
        """Yield the messages that have arrived; raises RendererFailed where it is gone."""
        try:
            received = self._peer.recv(_RECEIVED)
        except BlockingIOError:
            return
        except OSError:
            received = b""
        if not received:
            raise RendererFailed("it ended before its work was done")
        self._received += received
        while len(self._received) >= HEADER.size:
            header = Header(*HEADER.unpack_from(self._received))
            stop = HEADER.size + header.length
            if len(self._received) < stop:
                return
            data = bytes(self._received[HEADER.size : stop])
            del self._received[:stop]
            yield header, data

    def close(self) -> None:
        """End the process, whatever it is doing."""
        if self._messages:
            self._messages.close()
        self._peer.close()
        self._process.kill()
        self._process.wait()


class _Exchange:
    """Waits for all renderers at once, so that neither side ever waits for one that waits for it."""

    def __init__(self, peers: Sequence[_Renderer], joining: _Joining, check: Callable[[], None]) -> None:
        self._peers, self._joining, self._check = peers, joining, check

    def run(self) -> None:
        """Have all sections put together and joined."""
        with selectors.DefaultSelector() as selector:
            for peer in self._peers:
                selector.register(peer, selectors.EVENT_READ, peer)
            while True:
                self._hand_out()
                if self._joining.is_done:
                    return
                for peer in self._peers:
                    if selector.get_key(peer).events != peer.events:
                        selector.modify(peer, peer.events, peer)
                for key, mask in selector.select(_PATIENCE):
                    self._serve(key.data, mask)
                self._check()

    def _hand_out(self) -> None:
        for peer in self._peers:
            joining = self._joining
            if peer.is_idle and not joining.is_begun and joining.begun < joining.joined + _AHEAD * len(self._peers):
                section = joining.next()
                if section:
                    peer.give(section)

    def _serve(self, peer: _Renderer, mask: int) -> None:
        if mask & selectors.EVENT_WRITE:
            peer.write()
        if not mask & selectors.EVENT_READ:
            return
        for header, data in peer.read():
            if header.kind == Kind.TEXT:
                self._joining.keep(peer.sections[0], header, data)
            elif header.kind == Kind.DONE:
                self._joining.end(peer.sections.popleft(), decoded(data))
            else:
                fault = decoded(data)
                raise Damaged(fault["name"], fault["detail"])
