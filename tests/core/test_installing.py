"""What people are told to type where a package is missing works for how modelsweep runs."""

from __future__ import annotations

import shlex
import sys
from importlib import metadata

import pytest
from packaging.requirements import Requirement

from modelsweep.core.installing import how_to_install


@pytest.mark.parametrize("extra", ["7z", "h5", "cloud", "mlflow", "fleet"])
def test_the_packages_of_an_extra_are_named_for_the_python_that_runs(extra: str) -> None:
    python, *pip = shlex.split(how_to_install(extra))
    assert (python, pip[:3]) == (sys.executable, ["-m", "pip", "install"])
    named = [Requirement(word) for word in pip[3:]]
    declared = [Requirement(line) for line in metadata.requires("modelsweep") or []]
    wanted = [
        item
        for item in declared
        if item.marker and "extra" in str(item.marker) and item.marker.evaluate({"extra": extra})
    ]
    here = [item for item in named if item.marker is None or item.marker.evaluate()]
    assert {(item.name, str(item.specifier)) for item in here} == {(item.name, str(item.specifier)) for item in wanted}
    assert not any("extra" in str(item.marker) for item in named)


def test_a_bare_source_tree_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(_: str) -> list[str]:
        raise metadata.PackageNotFoundError

    monkeypatch.setattr(metadata, "requires", absent)
    assert how_to_install("fleet") == "install the extra `fleet` of pyproject.toml"
