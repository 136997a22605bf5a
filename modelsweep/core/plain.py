"""Plain files: examined as a whole, nothing was found, and nothing is inside. Nearly all of a large job are such.

So they pass from stored results to documents as tuples of what documents say of them. Making values of each takes as
long as reading its JSON.
"""

from __future__ import annotations

from json.encoder import encode_basestring_ascii as encoded

from modelsweep.core.finding import Fact
from modelsweep.core.locator import Locator
from modelsweep.core.report import Artifact, Nature, Plain, Unit, UnitResult

_NATURES: dict[Nature, Nature] = {}
_MOST = 512
"""Natures that are known again."""


def plain_of(result: UnitResult) -> Plain | None:
    """Return what is to be said of a plain file, None where it is none."""
    if result.findings or result.problems or result.members or len(result.artifacts) != 1:
        return None
    (artifact,), (where, size) = result.artifacts, (result.unit.locator, result.unit.size)
    if where.members or artifact.locator != where or artifact.size != size or not is_quotable(artifact.digest):
        return None
    if any(fact.locator != where for fact in result.facts):
        return None
    stated = tuple([(fact.kind, fact.value, bool(fact.detail.get("spdx"))) for fact in result.facts])
    return where.uri, where.version, size, artifact.digest, one_nature((artifact.scanners, stated)), result.bytes_read


def one_nature(nature: Nature) -> Nature:
    """Return the value that stands for all natures like this one, as a rule.

    So documents see by `is` that a file is like the one before it: looking into tuples takes as long as what they do.
    """
    known = _NATURES.get(nature)
    if known is None:
        if len(_NATURES) >= _MOST:
            _NATURES.clear()
        known = _NATURES[nature] = nature
    return known


def is_quotable(digest: str) -> bool:
    """Return whether a digest is there, and nothing but what may stand in quotes as it is."""
    return len(encoded(digest)) == len(digest) + 2 > 2  # a third of the time of `isalnum`


def result_of(file: Plain) -> UnitResult:
    """Return the result that says the same of a file; of its facts no more is told than documents say."""
    uri, version, size, digest, (scanners, stated), read = file
    where = Locator(uri, (), version)
    facts = tuple([Fact(kind, value, where, detail={"spdx": True} if spdx else {}) for kind, value, spdx in stated])
    return UnitResult(Unit(0, where, size), (Artifact(where, size, digest, scanners),), facts, bytes_read=read)
