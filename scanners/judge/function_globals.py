"""Namespaces of modules, which dill stores as the globals of functions of a library: `package.module.__dict__`.

As the globals of a function that the pickle brings along, such a namespace is only held: the machine tells where one
goes anywhere else, and the fact of its import says so by the key `globals`. Whatever else is done to it
leads to all that the module has imported, or changes the module for the whole process. Source: dill/_dill.py,
`save_function` and `_create_function`.
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
"""Modules whose functions come to be those of the script, of a class or around a function, and what they import."""
WHOLE = 20
"""Private names of such a module that nobody names one by one."""
_AT = 1
"""Which argument of these the globals are."""
FILLERS = ("_setstate", "_fill_function", "_rehydrate_skeleton_class")
"""Endings of what fills functions and classes: cloudpickle's updates the globals of the function it is handed."""


def is_namespace(name: str) -> bool:
    """Return whether a name is the namespace of a module that is of no dangerous family."""
    module = name.removesuffix(_NAMESPACE)
    return name.endswith(_NAMESPACE) and name not in NAMESPACES and not family(f"{module}.name")


def whole_modules(imports: Iterable[Fact]) -> set[tuple[Locator, str]]:
    """Return the pickles that name most of what a module of the standard library has for itself, with the module.

    So dill stores the globals of a function that a decorator of that module made, as dataclasses make `__repr__`.
    """
    private = Counter(
        (fact.locator, module)
        for fact in imports
        for module, _, name in [fact.value.partition(".")]
        if module in WRAPPING and name.startswith("_")
    )
    return {place for place, count in private.items() if count >= WHOLE}


def is_of_whole(fact: Fact, whole: set[tuple[Locator, str]]) -> bool:
    """Return whether an import is of a module that a pickle names as a whole, or of what that module imports."""
    module = fact.value.partition(".")[0]
    return any(place == fact.locator and (module == name or fact.value in WRAPPING[name]) for place, name in whole)


def holds_namespace(described: Json) -> bool:
    """Return whether the namespace of a module stands anywhere in a description."""
    return any(name.endswith(_NAMESPACE) for name in globals_in(described))


def globals_beside(described: Json) -> list[str]:
    """Return what `globals_in` does, without the namespaces that functions stored by value have as their globals."""
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


def globals_handed(callee: str, arguments: Json) -> list[str]:
    """Return the globals that a call hands over, and may use."""
    if callee in WITH_GLOBALS:
        return _beside(items(arguments))
    return globals_in(arguments) if callee.endswith(FILLERS) else globals_beside(arguments)


def _beside(given: list[Json]) -> list[str]:
    kept = [item for at, item in enumerate(given) if at != _AT or not _is_held(item)]
    return globals_beside(kept)


def _is_held(described: Json) -> bool:
    """Return whether the globals of a function are a literal table, or the namespace of a module."""
    return is_namespace(global_name(described)) or (isinstance(described, dict) and "dict" in described)
