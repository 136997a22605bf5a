"""The list of builtin names: it is of no version, so each version's own must be in it."""

from __future__ import annotations

import builtins

from scanners.parsing.builtin_names import BUILTINS, TYPES

OF_THE_MODULE = {"__doc__", "__loader__", "__name__", "__package__", "__spec__", "_"}


def test_the_list_has_all_names_of_the_python_that_runs_here() -> None:
    here = {name: value for name, value in vars(builtins).items() if name not in OF_THE_MODULE}
    assert here.keys() - BUILTINS == set()
    assert {name for name, value in here.items() if isinstance(value, type)} - TYPES == set()
