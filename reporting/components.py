"""What bills of materials say of a file: its kind, its licences, and what else it states of itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from modelsweep.core.finding import Fact, Finding
from modelsweep.core.locator import Locator
from modelsweep.core.report import Artifact, UnitResult
from modelsweep.core.text import printable

NAME = 1_024
"""Characters of a name or value that came out of a file."""
MODEL, DATA_KIND, FILE = "machine-learning-model", "data", "file"
DESCRIBING = frozenset({"licence", "copyright", "task", "architecture", "dataset", "framework", "signature"})
"""Kinds of fact that a bill states of a file."""
DATA = frozenset("numpy arrow avro tfrecord riegeli search-index".split())
"""Scanners of formats that hold data, as a rule."""
FILES = frozenset(
    "zip tar compressed sevenzip unreadable oci oci-blob text media pointer executable wasm json yaml gin jsonnet "
    "jinja mlflow serving requirements commands vocabulary python python-compiled java-source licence "
    "model-card signature".split()
)
"""Scanners of containers and of what merely travels with models."""


class Licences(NamedTuple):
    """`expression` where all licences are SPDX identifiers, else their `names`."""

    expression: str
    names: tuple[str, ...]


def kind_of(artifact: Artifact) -> str:
    """Return whether it is a model, data, or a file beside them."""
    known = set(artifact.scanners) - FILES
    if not known:
        return FILE
    return DATA_KIND if known <= DATA else MODEL


def itself(result: UnitResult) -> Artifact:
    """Return the artifact that is the file, also where nothing of it was examined."""
    return result.artifacts[0] if result.artifacts else Artifact(result.unit.locator, result.unit.size, "", ())


def notable(result: UnitResult, findings: Sequence[Finding]) -> Iterator[Artifact]:
    """Yield the members that have findings or content of their own."""
    accused = {finding.locator for finding in findings}
    for item in result.artifacts[1:]:
        if item.digest or item.locator in accused:
            yield item


def facts_by_place(result: UnitResult, places: Sequence[Locator]) -> dict[Locator, list[Fact]]:
    """Return the facts of each place; those of others are the file's."""
    facts: dict[Locator, list[Fact]] = {place: [] for place in places}
    for fact in result.facts:
        facts.get(fact.locator, facts[result.unit.locator]).append(fact)
    return facts


def is_spdx(fact: Fact) -> bool:
    """Return whether a licence is an SPDX expression."""
    return bool(fact.detail.get("spdx"))


def licences_of(facts: Sequence[Fact]) -> Licences | None:
    """Return the licences that are declared, None where none is."""
    found = {fact.value: is_spdx(fact) for fact in facts if fact.kind == "licence"}
    if not found:
        return None
    if all(found.values()):
        parts = [f"({name})" if " OR " in name and len(found) > 1 else name for name in found]
        return Licences(" AND ".join(parts), ())
    return Licences("", tuple(printable(name, NAME) for name in found))


def values(facts: Sequence[Fact], kind: str) -> list[str]:
    """Return what facts of a kind say, each once."""
    return list(dict.fromkeys(printable(fact.value, NAME) for fact in facts if fact.kind == kind))
