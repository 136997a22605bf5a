"""Model repositories as a whole: what one file of a folder makes of another.

A scanner sees one file, and says what it names: a module, a shard, a folder of code. Here those names meet the files
that stand beside: of a whole job in `across`, and of one archive by the judge that this package is. The outcome is a
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
    """Yield what the members of an archive make of each other."""
    inner = [fact for fact in facts if fact.locator.members]
    if any(map(may_relate, inner)):
        from scanners.judge.repository.across import within

        yield from within(inner, options)
