"""The tuple of sources is the folder of sources."""

from __future__ import annotations

import importlib
import pkgutil

import sources
from sources import SOURCES
from sources.source import Source


def test_the_tuple_holds_every_source_of_the_folder() -> None:
    modules = [importlib.import_module(f"sources.{found.name}") for found in pkgutil.iter_modules(sources.__path__)]
    found = [module.SOURCE for module in modules if hasattr(module, "SOURCE")]
    assert all(isinstance(source, Source) for source in found)
    assert sorted(source.name for source in found) == sorted(source.name for source in SOURCES)
    assert len({source.name for source in SOURCES}) == len(SOURCES)


def test_the_examples_of_a_source_are_addresses_of_it() -> None:
    for source in SOURCES:
        assert source.examples, source.name
        for example in source.examples if source.name != "dvc" else ():  # a pointer has to be there
            assert next(other for other in SOURCES if other.accepts(example)) is source
        assert len(set(source.credentials)) == len(source.credentials)
