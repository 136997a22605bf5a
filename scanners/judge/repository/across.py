"""Combines the results of a job: findings that follow from several files are added to those of single files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby

from modelsweep.core.finding import Fact, Finding, Problem, in_order
from modelsweep.core.locator import Locator
from modelsweep.core.options import Options
from modelsweep.core.related import is_related, is_unknown
from modelsweep.core.report import Unit, UnitResult
from modelsweep.core.values import replace
from scanners.judge.repository.neighbours import KNOWN, Neighbours, path_of
from scanners.judge.repository.rules import KINDS, MISSING_SHARD
from scanners.judge.repository.signatures import Signatures
from scanners.judge.repository.tree import Addition, Entry, Tree


def across(
    results: Iterable[UnitResult], options: Options, everything: Callable[[], Iterable[UnitResult]]
) -> Iterator[Addition]:
    """Yield what follows from several files of a job, as soon as it is certain; `results` are in report order.

    `results` may leave out those that are not `is_related`. `everything` must be complete; it is called if some files
    are signed, or a signer is required. Memory is bounded in any case.
    """
    tree, neighbours, signatures = Tree(options), Neighbours(), Signatures(options)
    for order, result in enumerate(results):
        if is_related(result):
            neighbours.add(order, result)
            yield from tree.add(_entry(order, result))
            yield from signatures.note(order, result)
    yield from tree.close()
    yield from (Addition(order, locator, fact) for order, locator, fact in neighbours.known())
    if signatures.needs_second_pass:
        yield from signatures.compare(everything())


def within(facts: Sequence[Fact], options: Options) -> Iterator[Finding]:
    """Yield findings that follow from several members of one archive, given their facts."""
    members: dict[Locator, list[Fact]] = {}
    for fact in facts:
        members.setdefault(fact.locator, []).append(fact)
    paths = sorted((path_of(locator), locator) for locator in members)
    tree = Tree(options)
    for order, (path, locator) in enumerate(paths):
        for addition in tree.add(Entry(order, locator, path, members[locator])):
            yield from _findings(addition)
    for addition in tree.close():
        yield from _findings(addition)


def _findings(addition: Addition) -> Iterator[Finding]:
    # Shards of formats without facts cannot be distinguished from missing ones
    if isinstance(addition.item, Finding) and addition.item.rule != MISSING_SHARD:
        yield addition.item


def _entry(order: int, result: UnitResult) -> Entry:
    where = result.unit.locator
    facts = [fact for fact in result.facts if fact.kind in KINDS and fact.locator == where]
    unread = frozenset(problem.scanner for problem in result.problems if problem.locator == where)
    return Entry(order, where, where.uri, facts, unread)


def gathered(additions: Iterable[Addition]) -> Iterator[UnitResult]:
    """Yield the additions to each file as a result, in the order of `additions`, which is that of the results."""
    for (order, locator), group in groupby(additions, key=lambda item: (item.order, item.locator)):
        items = [item.item for item in group]
        findings = tuple(item for item in items if isinstance(item, Finding))
        problems = tuple(item for item in items if isinstance(item, Problem))
        facts = tuple(item for item in items if isinstance(item, Fact))
        yield UnitResult(Unit(order, locator, 0), facts=facts, findings=findings, problems=problems)


class Siblings:
    """Additions from `gathered`, to be joined to their results in order."""

    def __init__(self, found: Iterable[UnitResult]) -> None:
        self._found = iter(found)
        self._next = next(self._found, None)

    @property
    def is_done(self) -> bool:
        """Whether all additions have been joined."""
        return self._next is None

    def join(self, result: UnitResult) -> UnitResult:
        """Return the next result with its additions."""
        more = self._next
        if more is None or more.unit.locator != result.unit.locator:
            return result
        self._next = next(self._found, None)
        findings = in_order((*result.findings, *more.findings))
        known = {fact.locator for fact in more.facts if fact.kind == KNOWN}
        problems = tuple(item for item in result.problems if item.locator not in known or not is_unknown(item))
        facts = (*result.facts, *more.facts)
        return replace(result, facts=facts, findings=findings, problems=(*problems, *more.problems))


def together(results: Sequence[UnitResult], options: Options) -> list[UnitResult]:
    """Return the results of a job, in report order, with what follows from several files."""
    siblings = Siblings(gathered(sorted(across(results, options, lambda: results), key=lambda item: item.order)))
    return [siblings.join(result) for result in results]
