"""Model repositories as a whole: what the files of a folder mean for each other.

A scanner sees one file, and reports what it names: a module, a shard, a folder of code. Here those names are matched
with the other files: for a whole job in `across`, and for one archive by the judge in this package. The outcome is a
function of all results in report order; nothing is read again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from modelsweep.core.finding import Fact, Finding
from modelsweep.core.options import Options
from modelsweep.core.related import may_relate
from scanners.judge.repository.rules import ALL as RULES
from scanners.judge.repository.rules import KINDS

__all__ = ["KINDS", "RULES", "findings"]


def findings(facts: Sequence[Fact], options: Options) -> Iterator[Finding]:
    """Yield findings that follow from the members of an archive together."""
    inner = [fact for fact in facts if fact.locator.members]
    if any(map(may_relate, inner)):
        from scanners.judge.repository.across import within

        yield from within(inner, options)
