"""Namespaces of modules (`package.module.__dict__`), which dill stores as the globals of a library's functions.

As the globals of a function stored by value, such a namespace is harmless; the fact of its import then has the key
`globals`. Any other use gives access to everything that the module has imported, or changes the module for the whole
process. Source: dill/_dill.py, `save_function` and `_create_function`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from modelsweep.core.finding import Fact, Json
from modelsweep.core.locator import Locator
from scanners.judge.by_value import NAMESPACES, WITH_GLOBALS
from scanners.judge.dangerous_names import family
from scanners.judge.described import global_name, globals_in, instance_of, items

_NAMESPACE = ".__dict__"
WRAPPING: dict[str, frozenset[str]] = {
    "dataclasses": frozenset(),
    "functools": frozenset(
        "_abc.get_cache_token _functools.cmp_to_key _functools.reduce _thread.RLock collections.namedtuple".split()
    ),
}
"""Modules whose functions become methods of classes or wrappers of functions, and what these modules import."""
WHOLE = 20
"""Minimum private names of such a module in a pickle that imply its whole namespace."""
_GLOBALS_POSITION = 1
"""Position of the globals among the arguments of `WITH_GLOBALS`."""
FILLERS = ("_setstate", "_fill_function", "_rehydrate_skeleton_class")
"""Name suffixes of functions that fill functions and classes; cloudpickle's updates the globals of a function."""


def is_namespace(name: str) -> bool:
    """Return whether a name is the namespace of a module that belongs to no dangerous family."""
    module = name.removesuffix(_NAMESPACE)
    return name.endswith(_NAMESPACE) and name not in NAMESPACES and not family(f"{module}.name")


def whole_modules(imports: Iterable[Fact]) -> set[tuple[Locator, str]]:
    """Return the pickles that import most private names of a module of the standard library, with the module.

    dill stores them as the globals of functions that a decorator of the module makes, as for a dataclass's `__repr__`.
    """
    private = Counter(
        (fact.locator, module)
        for fact in imports
        for module, _, name in [fact.value.partition(".")]
        if module in WRAPPING and name.startswith("_")
    )
    return {place for place, count in private.items() if count >= WHOLE}


def is_of_whole(fact: Fact, whole: set[tuple[Locator, str]]) -> bool:
    """Return whether an import is of a module whose whole namespace a pickle stores, or of what that module imports."""
    module = fact.value.partition(".")[0]
    return any(place == fact.locator and (module == name or fact.value in WRAPPING[name]) for place, name in whole)


def holds_namespace(described: Json) -> bool:
    """Return whether a description contains the namespace of a module."""
    return any(name.endswith(_NAMESPACE) for name in globals_in(described))


def globals_beside(described: Json) -> list[str]:
    """Return `globals_in` without the namespaces that are the globals of functions stored by value."""
    if isinstance(described, list):
        return [name for item in described for name in globals_beside(item)]
    if not isinstance(described, dict):
        return []
    own = global_name(described)
    if own:
        return [own]
    given = items(described.get("args")) if instance_of(described) in WITH_GLOBALS else []
    if given:
        return [instance_of(described), *_beside(given)]
    return globals_beside(list(described.values()))


def globals_passed(callee: str, arguments: Json) -> list[str]:
    """Return the global names in the arguments of a call that the call may use."""
    if callee in WITH_GLOBALS:
        return _beside(items(arguments))
    return globals_in(arguments) if callee.endswith(FILLERS) else globals_beside(arguments)


def _beside(given: list[Json]) -> list[str]:
    kept = [item for at, item in enumerate(given) if at != _GLOBALS_POSITION or not _is_held(item)]
    return globals_beside(kept)


def _is_held(described: Json) -> bool:
    """Return whether the globals of a function are a literal dictionary or the namespace of a module."""
    return is_namespace(global_name(described)) or (isinstance(described, dict) and "dict" in described)
