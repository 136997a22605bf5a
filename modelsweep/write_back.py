"""Verdicts written back to the MLflow registry, as tags of model versions: only on request.

modelsweep.verdict   the worst verdict of the version's files
modelsweep.digest    SHA-256 of what `sha256sum` would say of them, a line `DIGEST  PATH` each, in byte order
modelsweep.report    where the report is, if that was said
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from modelsweep.core.reader import SourceFault
from modelsweep.core.report import UnitResult, Verdict
from sources.mlflow import place_of

if TYPE_CHECKING:
    from mlflow import MlflowClient

SCHEME = "models:/"
ORDER = (Verdict.CLEAN, Verdict.NOT_SCANNED, Verdict.REVIEW, Verdict.MALICIOUS)
"""From best to worst."""


@dataclass(slots=True)
class Judged:
    """What is known of a model version so far."""

    verdict: Verdict = Verdict.CLEAN
    lines: hashlib._Hash = field(default_factory=hashlib.sha256)

    def add(self, path: str, result: UnitResult) -> None:
        """Count one file."""
        self.verdict = max(self.verdict, result.verdict, key=ORDER.index)
        self.lines.update(f"{result.digest}  {path}\n".encode("utf-8", "surrogateescape"))


def judged_versions(results: Iterable[UnitResult]) -> dict[tuple[str, str], Judged]:
    """Return what is to be said of each model version, by name and version."""
    found: dict[tuple[str, str], Judged] = {}
    for result in results:
        where = result.unit.locator
        version = where.version.partition(":")[0]
        if where.uri.startswith(SCHEME) and version and not where.members:
            place = place_of(where.uri)
            found.setdefault((place.name, version), Judged()).add(place.path, result)
    return found


def write_back(results: Iterable[UnitResult], report: str = "", alias: str = "") -> list[str]:
    """Tag every model version among `results`; return what went wrong, a sentence each.

    `alias` is given to a version that is clean, and taken from one that is malicious.
    """
    faults = []
    for (name, version), judged in judged_versions(results).items():
        try:
            _tag(name, version, judged, report, alias)
        except SourceFault as fault:
            faults.append(f"the verdict of models:/{name}/{version} was not written back: {fault}")
    return faults


def _tag(name: str, version: str, judged: Judged, report: str, alias: str) -> None:
    from sources.mlflow_registry import client, client_explained

    registry = client()
    with client_explained(f"models:/{name}/{version}"):
        tags = {"verdict": judged.verdict.value, "digest": judged.lines.hexdigest(), "report": report}
        for key, value in tags.items():
            if value:
                registry.set_model_version_tag(name, version, f"modelsweep.{key}", value)
        if alias and judged.verdict is Verdict.CLEAN:
            registry.set_registered_model_alias(name, alias, version)
        elif alias and judged.verdict is Verdict.MALICIOUS and _holder(registry, name, alias) == version:
            registry.delete_registered_model_alias(name, alias)


def _holder(registry: MlflowClient, name: str, alias: str) -> str:
    """Return the version that bears an alias now, or nothing."""
    return str(registry.get_registered_model(name).aliases.get(alias, ""))
