"""The results of a job that was published, in reports that are written anew: by processes, as its finalizer does."""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import chain, count, islice

from modelsweep.core.options import Options
from modelsweep.core.report import Report, UnitResult
from modelsweep.core.values import replace
from modelsweep.fleet.siblings import stored_siblings
from modelsweep.fleet.store import Store
from modelsweep.fleet.stored import Manifest, all_results, related_results
from reporting.writer import Draft, View, Writer
from scanners.judge.repository.across import Siblings
from worker.renderer import Changes
from worker.renderers import APART, SECTION, Filling, Judging, RendererFailed, fill_apart, renderers


class Published:
    """The results of a job, as they are stored, or as they are judged `today` under these options."""

    def __init__(self, manifest: Manifest, store: Store, today: Options | None = None) -> None:
        self._manifest, self._store, self._today = manifest, store, today
        self.changes: Changes | None = None
        """What judging anew comes to, once processes did that."""

    @property
    def is_divided(self) -> bool:
        """Whether there are so many results, and processors, that several processes are quicker."""
        return self._manifest.units >= APART and renderers() > 0

    def filled(self, report: Report, writers: Sequence[Writer], drafts: Sequence[Draft], view: View) -> Report | None:
        """Fill the drafts of `writers`, and return the report with its totals.

        None where that cannot be done so; then the drafts are worth nothing. Raises as going over a report does.
        """
        related = _Related(self._manifest, self._store)
        judging = None
        if self._today is not None:
            from modelsweep.fleet.rejudge import siblings_today  # loads all scanners, for their rules

            later = siblings_today(related.results(), self._today, related.everything)
            first = [*islice(later, 1)]  # now all were gone over
            judging = Judging(self._today, chain(first, later))
        elif self._manifest.siblings:
            deque(related.results(), maxlen=0)
        if not related.is_complete:
            return None
        filling = Filling(self._manifest, self._store, view, related.siblings(), related.sections, judging=judging)
        try:
            counted = fill_apart(filling, report, writers, drafts, renderers())
        except RendererFailed:
            return None
        self.changes = judging.changes if judging else None
        return counted


class _Related:
    """Those results that may have to do with each other, and in which sections is what is said of them."""

    def __init__(self, manifest: Manifest, store: Store) -> None:
        self._manifest, self._store = manifest, store
        self.sections = array("Q")
        """For each section, how many of the results come before it."""
        self._places = array("Q")
        """Of each result of which something is said, how many come before it."""
        self.is_complete = not manifest.siblings
        """Whether all that is said found its result: an older version may have looked at others."""

    def results(self) -> Iterator[UnitResult]:
        """Yield them, with what is said of them; raises as going over a report does."""
        siblings = Siblings(stored_siblings(self._manifest.siblings, self._store))
        chunks, seen = count(), 0

        def begun() -> None:
            if next(chunks) % SECTION == 0:
                self.sections.append(seen)

        with closing(related_results(self._manifest, self._store, None, begun)) as results:
            for result in results:
                joined = siblings.join(result)
                if joined is not result:
                    self._places.append(seen)
                seen += 1
                yield joined
        self.is_complete = siblings.is_done

    def everything(self) -> Iterator[UnitResult]:
        """Yield all results, as they are stored."""
        return all_results(self._manifest, self._store)

    def siblings(self) -> Iterator[UnitResult]:
        """Yield what is said, numbered by how many of the results come before."""
        for place, said in zip(self._places, stored_siblings(self._manifest.siblings, self._store), strict=True):
            yield replace(said, unit=replace(said.unit, index=place))
