"""A process that puts together what sections of a job add to its reports: results come in, text goes out.

It gets the blobs of a section's chunks and answers with the pieces of each document's parts, compressed as they will
lie on disk, as soon as there are some: it holds no more than a piece of each. So it needs neither store nor broker, and
has no environment, no file and no credential. It ends when the other side hangs up.

A message is a header, by which document and part of a text are told, too, and its bytes.
"""

from __future__ import annotations

import enum
import socket
import struct
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from zstandard import ZstdCompressor

from modelsweep.core.collector import collect_rarely
from modelsweep.core.finding import JsonObject
from modelsweep.core.limits import Limits
from modelsweep.core.options import Options
from modelsweep.core.plain import plain_of
from modelsweep.core.report import Gate, Ignored, Plain, Report, Run, Tally, Tool, UnitResult
from modelsweep.core.values import dataclass
from modelsweep.core.wire import (
    Decoded,
    decode_options,
    decode_result,
    dumps,
    encode_options,
    encode_totals,
)
from modelsweep.fleet.results import ChunkResults, decode_chunk, results_name
from modelsweep.fleet.signature import Damaged
from modelsweep.fleet.stored import Walk, Watch, limits_of
from reporting import WRITERS, View, Writer
from reporting.scratch import LEVEL, Extent, Scratch
from reporting.writer import Section
from scanners.judge.repository.across import Siblings
from worker.channel import Closed, decoded

HEADER = struct.Struct("!BBBxII")
"""Kind, document, part, bytes of a text once it is expanded, bytes that follow."""
_RECEIVED = 1 << 18


class Kind(enum.IntEnum):
    """What a message is: of a job, a section, or a blob of one to the process; of a text, or an end, from it."""

    JOB = 1
    SECTION = 2
    BLOB = 3
    TEXT = 4
    DONE = 5
    DAMAGED = 6


class Header(NamedTuple):
    """What stands before the bytes of a message."""

    kind: int
    document: int
    part: int
    size: int
    length: int


def message(kind: Kind, data: bytes, document: int = 0, part: int = 0, size: int = 0) -> bytes:
    """Return a message."""
    return HEADER.pack(kind, document, part, size, len(data)) + data


def job_message(report: Report, job: str, view: View, formats: Sequence[str], today: Options | None = None) -> bytes:
    """Return the message that says of which job, and in which formats, sections are to be put together.

    With options of `today`, results are judged anew.
    """
    tool = report.tool
    said: JsonObject = {
        "job": job,
        "targets": list(report.targets),
        "tool": [tool.version, tool.ruleset, list(tool.scanners)],
        "options": dict(report.options),
        "start": report.run.start_time,
        "root": view.root,
        "verbose": view.verbose,
        "strict": view.gate.strict,
        "accepted": [list(key) for key in sorted(view.gate.accepted)],
        "ignored": [[ignored.rule, ignored.path] for ignored in view.gate.ignored],
        "formats": list(formats),
        "today": None if today is None else encode_options(today),
    }
    return message(Kind.JOB, dumps(said))


def main(descriptor: int) -> None:
    """Put sections together until the other side hangs up."""
    collect_rarely()
    with socket.socket(fileno=descriptor) as peer:
        try:
            channel = Channel(peer)
            job = _Job.of(decoded(channel.take(Kind.JOB)))
            while True:
                job.put_together(decoded(channel.take(Kind.SECTION)), channel)
        except (Closed, BrokenPipeError, ConnectionResetError):
            pass


class Channel:
    """The socket to whoever wants sections."""

    compressor = ZstdCompressor(LEVEL)
    """One for all that this process sends: each has megabytes of its own."""

    def __init__(self, peer: socket.socket) -> None:
        self._peer = peer

    def take(self, kind: Kind) -> bytes:
        """Return the bytes of the next message, which is of that kind; raises Closed."""
        header = Header(*HEADER.unpack(self._exactly(HEADER.size)))
        assert header.kind == kind
        return self._exactly(header.length)

    def send(self, data: bytes) -> None:
        """Send a message; raises OSError where nobody reads it any more."""
        self._peer.sendall(data)

    def _exactly(self, length: int) -> bytes:
        received = bytearray()
        while len(received) < length:
            more = self._peer.recv(min(length - len(received), _RECEIVED))
            if not more:
                raise Closed
            received += more
        return bytes(received)


class _Outlet(Scratch):
    """Where a part of a section is put away: the other side has it, as it will lie on disk."""

    def __init__(self, channel: Channel, document: int, part: int) -> None:
        super().__init__()
        self._channel, self._document, self._part = channel, document, part
        self._compressor = channel.compressor

    def put(self, text: str) -> Extent:
        """Send `text`; nobody will ask for it here."""
        data, size = self.compressed(text)
        self._channel.send(message(Kind.TEXT, data, self._document, self._part, size))
        return 0, 0, 0

    def keep(self, data: bytes, size: int) -> tuple[int, int, int]:
        """Keep nothing, and so no file."""
        return 0, 0, 0


@dataclass(slots=True)
class Changes:
    """How many findings are new, or gone, where results are judged anew."""

    new: int = 0
    gone: int = 0


class _Job(NamedTuple):
    """What is the same for all sections of a job."""

    name: str
    report: Report
    view: View
    writers: tuple[Writer, ...]
    limits: Limits
    today: Options | None

    @classmethod
    def of(cls, value: Decoded) -> _Job:
        """Return the job of a message."""
        version, ruleset, scanners = value["tool"]
        report = Report(
            tuple(value["targets"]), Tool(version, ruleset, tuple(scanners)), (), run=Run(start_time=value["start"])
        )
        by_name = {writer.name: writer for writer in WRITERS}
        writers = tuple(by_name[name] for name in value["formats"])
        accepted = frozenset((fingerprint, digest) for fingerprint, digest in value["accepted"])
        ignored = tuple(Ignored(rule, path) for rule, path in value["ignored"])
        gate = Gate(strict=value["strict"], accepted=accepted, ignored=ignored)
        view = View(verbose=value["verbose"], gate=gate, root=value["root"])
        today = None if value["today"] is None else decode_options(value["today"])
        return cls(value["job"], report, view, writers, limits_of(value["options"]), today)

    def put_together(self, said: Decoded, channel: Channel) -> None:
        """Send what one section adds to all documents; where a blob of it is damaged, say that instead of its end."""
        tools: dict[Tool, None] = {}

        def watch(results: Iterable[UnitResult]) -> None:
            if isinstance(results, ChunkResults):
                tools[results.tool] = None

        sections = [
            writer.section(self.report, self.view, brief)
            for writer, brief in zip(self.writers, said["briefs"], strict=True)
        ]
        parts = [(number, *item) for number, section in enumerate(sections) for item in enumerate(section.parts)]
        for document, number, part in parts:
            part.scratch = _Outlet(channel, document, number)
        tally, changes = Tally(), Changes()
        takers: list[Tally | Section] = [tally, *sections]
        try:
            for run in self._runs(said, self._blobs(said["chunks"], channel), watch, changes):
                for taker in takers:
                    if isinstance(run, list):
                        taker.add_plain(run)
                    else:
                        taker.add(run)
        except Damaged as fault:
            channel.send(message(Kind.DAMAGED, dumps({"name": fault.name, "detail": fault.detail})))
            raise Closed from fault
        for _, _, part in parts:
            part.settle()
        end: JsonObject = {
            "said": [section.said() for section in sections],
            "totals": encode_totals(tally.totals()),
            "tools": [[tool.version, tool.ruleset, list(tool.scanners)] for tool in tools],
            "changes": [changes.new, changes.gone],
        }
        channel.send(message(Kind.DONE, dumps(end)))

    def _runs(
        self, said: Decoded, blobs: Iterator[Iterable[UnitResult]], watch: Watch, changes: Changes
    ) -> Iterator[list[Plain] | UnitResult]:
        """Yield the results of a section, plain files together, as they are stored or judged today."""
        children = {chunk: [(position, child) for position, child in found] for chunk, found in said["children"]}
        found = [decode_result(item) for item in said["siblings"]]
        siblings, apart = Siblings(found), {item.unit.locator.uri for item in found}
        walk = Walk(children, self.limits, watch)
        if self.today is None:
            for run in walk.runs(said["roots"], blobs, apart):
                yield run if isinstance(run, list) else siblings.join(run)
            return
        from modelsweep.fleet.rejudge import rejudged  # loads all scanners, for their rules

        later = Siblings(map(decode_result, said["later"]))
        for result in walk.over(said["roots"], blobs):
            judged = rejudged(siblings.join(result), later, self.today)
            changes.new += len(judged.new)
            changes.gone += len(judged.gone)
            plain = plain_of(judged.result)
            yield [plain] if plain else judged.result

    def _blobs(self, chunks: Iterable[Sequence[object]], channel: Channel) -> Iterator[Iterable[UnitResult]]:
        """Yield the results of each chunk as they are needed; those without a digest have none."""
        for chunk, digest in chunks:
            if not digest:
                yield ()
                continue
            known = bytes.fromhex(str(digest))
            name = results_name(self.name, int(str(chunk)), known)
            yield decode_chunk(channel.take(Kind.BLOB), name, known)
