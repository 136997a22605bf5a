"""The engine runs every matching scanner over a blob and everything nested in it, then has judges assess the facts.

This module holds the only broad `except` besides the process boundary: what a scanner raises becomes a Problem.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

from modelsweep.core.finding import FILE_LINE, Fact, Finding, Problem, ProblemKind, Span, in_order
from modelsweep.core.locator import Locator
from modelsweep.core.members import ENGINE, left_out
from modelsweep.core.options import Options
from modelsweep.core.reader import ContentChanged, MemoryReader, Reader, SourceFault, Truncated, WindowReader
from modelsweep.core.related import SIGNATURE
from modelsweep.core.report import Artifact, Member, Unit, UnitResult
from modelsweep.core.scanner import (
    DECODED,
    HEAD,
    RAW,
    WEIGHED,
    Apart,
    Blob,
    Context,
    Item,
    Malformed,
    Numbers,
    Scanner,
    Spool,
    is_chosen,
    problem_of,
)
from modelsweep.core.text import printable
from modelsweep.core.units import MIB
from modelsweep.core.values import replace
from scanners import SCANNERS
from scanners.concealment import conceal_fact, conceal_finding, conceal_problem, concealer
from scanners.judge import judge
from scanners.judge.blacklist import named
from scanners.recognition import recognition_with
from scanners.sweep import Sweep, digest_of

if TYPE_CHECKING:
    from scanners.places import Places

MAX_BUFFERED = 1 * MIB
"""Maximum size in bytes of a unit that is read into memory at once, since its scanners make many small reads."""
MAX_REHASH_RATIO = 2
"""Maximum bytes of stored members that are read again to hash them, as a multiple of the size of their archive."""
MAX_TENSORS = 50_000
"""Maximum tensors of one blob that are kept for the scanners of weights."""
KINDS_WITH_LINE = frozenset(
    {"code-reference", "java-class", "keras-object", "metadata-code", "shell-command", "template"}
)
"""Kinds of facts whose line in the file is looked up when their scanner does not know it."""
Kept = TypeVar("Kept", Fact, Finding, Problem)


def examine(
    unit: Unit, reader: Reader, options: Options, spool: Spool, scanners: Sequence[Scanner] = SCANNERS
) -> UnitResult:
    """Examine one unit with everything nested in it; never raises because of the content.

    `reader` reads the whole file, even if the unit is a member of it.
    """
    started = time.perf_counter()
    if unit.size != reader.size:
        unit = replace(unit, size=reader.size)
    examination = Examination(options, Context(options, unit.extent, spool), scanners)
    if unit.locator.members:
        examination.enter_member(unit, reader)
    else:
        examination.enter(Blob(unit.locator, reader), None)
    if examination.context.secrets:
        examination.conceal()
    return UnitResult(
        unit=unit,
        artifacts=tuple(examination.artifacts),
        facts=tuple(examination.facts),
        findings=conclude(examination.findings, examination.facts, examination.artifacts, options),
        problems=tuple(examination.problems),
        bytes_read=examination.bytes_read,
        duration=time.perf_counter() - started,
        members=tuple(examination.members),
    )


def conclude(
    found: Sequence[Finding], facts: Sequence[Fact], artifacts: Sequence[Artifact], options: Options
) -> tuple[Finding, ...]:
    """Return the findings of a unit in order: those that scanners `found`, and those that judges derive from facts."""
    # Names are judged with the content but are not stored as facts: two files of equal content share their facts.
    judged = judge([*facts, *named(artifacts)] if options.blacklist else facts, options)
    return in_order((*found, *judged))


def _with_content(blob: Blob) -> Blob:
    """Return `blob` with its head read, and with all of its bytes in memory if it is a small unit."""
    if blob.depth or blob.size > MAX_BUFFERED:
        return blob.with_head()
    data = blob.reader.read(0, blob.size)
    return Blob(blob.locator, MemoryReader(data), blob.depth, blob.expect, blob.expanded, data[:HEAD])


class Examination:
    """The results of examining one unit, so far."""

    def __init__(self, options: Options, context: Context, scanners: Sequence[Scanner]) -> None:
        self.options, self.context, self.scanners = options, context, scanners
        self.artifacts: list[Artifact] = []
        self.facts: list[Fact] = []
        self.findings: list[Finding] = []
        self.problems: list[Problem] = []
        self.members: list[Member] = []
        self.bytes_read = 0
        self._recognition = recognition_with(scanners)
        self._tensors: list[list[Numbers]] = []
        """Tensors of the blobs that are being examined, the innermost last."""
        self._places: Places | None = None
        self._windows: list[tuple[int, Reader]] = []
        """Members that lie unchanged in the bytes of the unit, each with the index of its artifact."""
        self._spent: set[str] = set()
        self._entered: set[tuple[Locator, int, int]] = set()

    def enter(self, blob: Blob, sweep: Sweep | None) -> None:
        """Examine `blob`; `sweep` is the raw pass over the bytes around it, or None if it needs a pass of its own."""
        if blob.depth > self.context.limits.depth:
            self._report(ProblemKind.LIMIT, blob, ENGINE, f"nested deeper than {self.context.limits.depth} containers")
            return
        windows = len(self._windows)
        try:
            self._enter(_with_content(blob), sweep)
        except (Truncated, SourceFault) as error:
            del self._windows[windows:]  # their readers may be closed together with the bytes around them
            self._report_error(blob, ENGINE, error)

    def _enter(self, blob: Blob, sweep: Sweep | None) -> None:
        own = sweep is None or blob.expanded
        artifact, below = len(self.artifacts), (len(self._windows), len(self.facts))
        self.artifacts.append(Artifact(blob.locator, blob.size, "", ()))
        current = self._sweep(blob) if own or sweep is None else sweep
        accepted = self._accepted(blob)
        current.claim(blob, {scanner.name for scanner in accepted})
        chosen = [scanner for scanner in accepted if self._chosen(scanner)]
        if not blob.depth:
            self.context.divider = next((scanner.name for scanner in chosen if scanner.member), "")
        try:
            self._tensors.append([])
            for scanner in chosen:
                self._run(scanner, blob, current)
            chosen += self._weigh(blob, self._tensors.pop(), current)
        finally:
            if own:
                current.finish()
        self._report_unexamined(blob, accepted, chosen)
        if own:
            self._guard(blob, ENGINE, current.confirm(self.context), current)
            self._digest_signed(blob, *below)
        elif self.options.depth == "full":
            self._windows.append((artifact, blob.reader))
        names = tuple(scanner.name for scanner in chosen)
        self.artifacts[artifact] = Artifact(blob.locator, blob.size, current.digest if own else "", names)

    def _digest_signed(self, blob: Blob, first: int, facts: int) -> None:
        """Hash the stored members of `blob`, starting with number `first`, if one of them is a signature.

        `facts` is the number of facts that were known before `blob` was examined.
        """
        windows = self._windows[first:]
        del self._windows[first:]
        if not any(fact.kind == SIGNATURE and fact.locator.members for fact in self.facts[facts:]):
            return
        left = MAX_REHASH_RATIO * blob.size  # members may overlap
        for place, reader in windows:
            left -= reader.size
            if left < 0:
                return
            with suppress(Truncated, SourceFault):  # reported when it was examined
                self.artifacts[place] = replace(self.artifacts[place], digest=digest_of(reader))

    def enter_member(self, unit: Unit, reader: Reader) -> None:
        """Examine one member of the archive that `reader` reads, with the archive's scanner."""
        whole = Blob(unit.locator.outermost, reader)
        member = Blob(unit.locator, reader)
        try:
            whole = whole.with_head()
        except (Truncated, SourceFault) as error:
            self._report_error(member, ENGINE, error)
            return
        dividers = (scanner for scanner in self.scanners if scanner.member and self._chosen(scanner))
        divider = next(self._accepting(dividers, whole), None)
        if divider is None or divider.member is None:
            self._report_error(
                member, ENGINE, ContentChanged("the file is no longer the archive in which this was found")
            )
            return
        self.context.divider = divider.name
        self._guard(member, divider.name, divider.member(whole, self.context, unit.index), Sweep(whole))

    def conceal(self) -> None:
        """Remove the credentials that were found from all facts, findings and problems."""
        conceal = concealer(self.context.secrets)
        self.facts = [conceal_fact(fact, conceal) for fact in self.facts]
        self.findings = [conceal_finding(finding, conceal) for finding in self.findings]
        self.problems = [conceal_problem(problem, conceal) for problem in self.problems]

    def _sweep(self, blob: Blob) -> Sweep:
        sweep = Sweep(blob)
        if self.options.depth == "full":
            sweep.start()
            self.bytes_read += blob.size
        return sweep

    def _accepted(self, blob: Blob) -> list[Scanner]:
        """Return the scanners that accept `blob`, in order."""
        if blob.expect:
            return [scanner for scanner in self.scanners if scanner.name == blob.expect]
        return list(self._accepting(self._recognition.candidates(blob), blob))

    def _accepting(self, candidates: Iterable[Scanner], blob: Blob) -> Iterator[Scanner]:
        """Yield those of the scanners that accept `blob`."""
        for scanner in candidates:
            try:
                if scanner.accepts(blob):
                    yield scanner
            except (Truncated, Malformed):
                pass
            except Exception as error:  # noqa: BLE001 - recognition meets hostile bytes as well
                self._report_error(blob, scanner.name, error)

    def _chosen(self, scanner: Scanner) -> bool:
        return is_chosen(scanner, self.options.scanners)

    def _run(self, scanner: Scanner, blob: Blob, sweep: Sweep) -> None:
        self._guard(blob, scanner.name, scanner.scan(blob, self.context), sweep)

    def _weigh(self, blob: Blob, tensors: list[Numbers], sweep: Sweep) -> list[Scanner]:
        """Run the scanners of weights over the tensors of `blob`, and return those scanners."""
        if self.options.depth != "full" or sum(tensor.length for tensor in tensors) < WEIGHED:
            return []
        chosen = [scanner for scanner in self.scanners if scanner.weigh and self._chosen(scanner)]
        for scanner in chosen:
            assert scanner.weigh
            self._guard(blob, scanner.name, scanner.weigh(blob, tensors, self.context), sweep)
        return chosen

    def _guard(self, blob: Blob, scanner: str, items: Iterator[Item], sweep: Sweep) -> None:
        """Collect what a scanner yields, and turn an exception that it raises into one Problem."""
        try:
            for item in items:
                self._collect(self._with_line(blob, item) if isinstance(item, Fact) else item, sweep)
        except Exception as error:  # noqa: BLE001 - what a scanner raises becomes a Problem
            self._report_error(blob, scanner, error)

    def _with_line(self, blob: Blob, fact: Fact) -> Fact:
        """Return `fact` with its line number, if it is about a setting in a text file."""
        if blob.depth or fact.kind not in KINDS_WITH_LINE or FILE_LINE in fact.detail:
            return fact
        if self._places is None:
            from scanners.places import Places

            self._places = Places(blob)
        return self._places.with_line(fact)

    def _collect(self, item: Item, sweep: Sweep) -> None:
        limits = self.context.limits
        if isinstance(item, Blob):
            self._nested(item, sweep)
        elif isinstance(item, Apart):
            self._leave_out(item, sweep.blob.size)
        elif isinstance(item, Fact):
            self._keep(self.facts, item, limits.facts, "facts")
        elif isinstance(item, Finding):
            self._keep(self.findings, item, limits.findings, "findings")
        elif isinstance(item, Numbers):
            if self._tensors and len(self._tensors[-1]) < MAX_TENSORS:
                self._tensors[-1].append(item)
        else:
            self._keep_problem(item)

    def _nested(self, blob: Blob, sweep: Sweep) -> None:
        if isinstance(blob.reader, WindowReader):
            # Two scanners of one container see the same member: the first may know more about it than the second.
            place = (blob.locator, blob.reader.start, blob.size)
            if place in self._entered:
                return
            self._entered.add(place)
        if blob.expect in (RAW, DECODED):
            sweep.claim(blob, {blob.expect} - {RAW})
            return
        try:
            self.context.members.spend()
            self.enter(blob, None if blob.expanded else sweep)
        finally:
            if blob.expanded:
                blob.reader.close()

    def _leave_out(self, item: Apart, size: int) -> None:
        """Record a member that becomes a unit of its own; `size` is the size of its archive."""
        unit = Unit(len(self.members), item.locator, size, part=item.size)
        self.members.append(Member(unit, len(self.artifacts), len(self.facts), len(self.problems)))

    def _keep_problem(self, problem: Problem) -> None:
        self._keep(self.problems, problem, self.context.limits.problems, "problems")

    def _keep(self, kept: list[Kept], item: Kept, limit: int, what: str) -> None:
        """Append `item` to `kept`; a full list is reported once for each kind (`what`)."""
        if len(kept) < limit:
            kept.append(item)
            return
        overflow = left_out(item, limit, what)
        if overflow.detail not in self._spent:
            self._spent.add(overflow.detail)
            self.problems.append(overflow)

    def _report_unexamined(self, blob: Blob, accepted: list[Scanner], chosen: list[Scanner]) -> None:
        if any(scanner.judged for scanner in chosen):
            return
        skipped = [scanner.name for scanner in accepted if scanner.judged]
        if skipped:
            detail = f"not examined: {', '.join(skipped)} was not chosen"
            self._report(ProblemKind.DESELECTED, blob, ENGINE, detail)
        elif blob.size == 0:
            self._report(ProblemKind.MALFORMED, blob, ENGINE, "the file is empty")
        else:
            self._report(ProblemKind.UNSUPPORTED, blob, ENGINE, f"unknown format, begins with {preview(blob.head)}")

    def _report_error(self, blob: Blob, scanner: str, error: Exception) -> None:
        self._keep_problem(problem_of(error, blob.locator, scanner))

    def _report(self, kind: ProblemKind, blob: Blob, scanner: str, detail: str, span: Span | None = None) -> None:
        self._keep_problem(Problem(kind, blob.locator, scanner, printable(detail, 300), span))


def preview(head: bytes) -> str:
    """Return the first eight bytes in hexadecimal, for comparison with a list of magic numbers."""
    return head[:8].hex(" ") or "nothing"
