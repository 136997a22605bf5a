"""Find the functions stored in a pickle that run while it is loaded, by their names.

Loading runs some special methods of a class stored by value when it creates, fills or compares instances; others run
only if loading calls an object that the pickle has made, or passes it to a callable. Such code may call functions and
methods that it names, so these run too. Sources: cloudpickle/cloudpickle.py, dill/_dill.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from modelsweep.core.finding import Fact, Json
from modelsweep.core.locator import Locator
from scanners.judge.by_value import CLASSES, FUNCTIONS, MAKERS, ON_LOAD, SETTER, VIEWS, maker_of
from scanners.judge.described import global_name, instance_of, items
from scanners.judge.function_globals import FILLERS

_WHEN_CALLED = frozenset({"__init__", "__call__"})
"""Methods in `ON_LOAD` that run only if loading calls a class or instance that the pickle has made."""
_READ_METHODS = frozenset(
    "add append close extend get items keys pop read readinto readline update values write".split()
)
"""Methods that callables, and the fillers of classes and functions, call on an instance to read its content."""
_METACLASS_POSITION = {"new_class": 2}
"""Position of the argument of a maker of classes that is or contains the metaclass; 0 for other makers."""
_PLAIN_BASES = frozenset(
    "abc.ABC builtins.dict builtins.float builtins.frozenset builtins.int builtins.list builtins.object builtins.set "
    "builtins.str builtins.tuple enum.Enum enum.Flag enum.IntEnum enum.IntFlag enum.StrEnum typing.Generic "
    "typing.NamedTuple typing.Protocol".split()
)
"""Bases without a `__setstate__`, or with one that sets no attributes."""
_INERT_HOLDERS = frozenset({"copyreg._reconstructor", "builtins.setattr", "dill._dill._setattr"})
"""Callables that take classes stored by value and call none of them."""


def running_code(facts: Sequence[Fact]) -> frozenset[tuple[Locator, str]]:
    """Return the names of code objects that run on load, each with the locator of its pickle."""
    found: set[tuple[Locator, str]] = set()
    codes: dict[Locator, dict[str, list[Fact]]] = {}
    for fact in facts:
        if fact.kind == "code":
            codes.setdefault(fact.locator, {}).setdefault(_simple(fact.value), []).append(fact)
    calling = {fact.locator for fact in facts if codes and _calls_what_it_made(fact)}
    setting = setting_attributes(facts)
    methods = {
        (fact.locator, fact.detail.get("code"))
        for fact in facts
        if fact.kind == "attribute" and (fact.detail.get("name") != SETTER or fact.locator in setting)
    }
    setters = {(fact.locator, name) for fact in facts if fact.kind == "slots" for name in fact.texts("names")}
    for locator, named in codes.items():
        every = [fact for same in named.values() for fact in same]
        starts = [
            fact
            for fact in every
            if _is_special(fact.value, locator in calling, locator in setting)
            or (locator, fact.value) in methods
            or (locator, _simple(fact.value)) in setters
        ]
        found |= {(locator, fact.value) for fact in _reached(starts, named)}
    return frozenset(found)


def _reached(starts: Iterable[Fact], named: dict[str, list[Fact]]) -> Iterator[Fact]:
    """Yield code objects and all code objects that they name, directly or not; `named` has each by its simple name."""
    pending, left = list(starts), dict(named)
    while pending:
        fact = pending.pop()
        yield fact
        for name in fact.texts("names"):
            pending += left.pop(name, [])


def setting_attributes(facts: Sequence[Fact]) -> set[Locator]:
    """Return the pickles for which loading may call the `__setattr__` of a class that is stored in them.

    A state that is a dictionary bypasses it (`load_build` of `_pickle.c`); a state with slots does not, nor do
    metaclasses, nor a `__setstate__` inherited from a library.
    """
    if not any(fact.kind == "code" for fact in facts):
        return set()
    return {fact.locator for fact in facts if fact.kind == "slots" or _calls_what_it_made(fact) or _inherits_more(fact)}


def _inherits_more(fact: Fact) -> bool:
    """Return whether a call makes a class whose base has methods that loading may call."""
    if fact.kind != "call" or fact.value not in CLASSES:
        return False
    bases = [base for item in items(fact.detail.get("args")) for base in items(item)]
    return not all(_is_own_class(base) or _base_name(base) in _PLAIN_BASES for base in bases)


def _base_name(base: Json) -> str:
    """Return the name of a base, including a type that dill looks up by name."""
    loaded = items(base.get("args")) if isinstance(base, dict) and instance_of(base).endswith("._load_type") else []
    return f"builtins.{loaded[0]}" if loaded else global_name(base)


def _is_special(name: str, calling: bool, setting: bool) -> bool:
    """Return whether code belongs to a method that runs, or to a function nested in one (`C.__new__.<locals>.f`).

    `calling` says that an instance is called or passed to a callable, `setting` that an instance gets a state with
    slots.
    """
    *around, last = name.split(".")
    return any(_runs(part, calling, setting) for part in (last, *(around if "<locals>" in around else ())))


def _runs(method: str, calling: bool, setting: bool) -> bool:
    if method == SETTER:
        return setting
    if calling and (method in _READ_METHODS or (method.startswith("__") and method.endswith("__"))):
        return True
    return method in ON_LOAD and method not in _WHEN_CALLED


def _simple(name: str) -> str:
    return name.rpartition(".")[2]


def _calls_what_it_made(fact: Fact) -> bool:
    """Return whether loading calls a class or instance that the pickle has made, or passes a class to a callable."""
    if fact.kind != "call":
        return False
    computed = fact.detail.get("computed")
    if computed is not None:
        made = str(fact.detail.get("how")).startswith("NEWOBJ")
        return not made and computed != {"computed": True} and maker_of(computed) not in FUNCTIONS
    given = items(fact.detail.get("args"))
    if fact.value.endswith(FILLERS):
        state = given[1] if len(given) > 1 else None
        return any(isinstance(item, dict) and "call" in item and _holds_class(item) for item in (state, *items(state)))
    if fact.value in CLASSES:
        at = _METACLASS_POSITION.get(_simple(fact.value), 0)
        return _holds_class(given[at : at + 1])
    if fact.value in MAKERS and not fact.value.endswith(VIEWS):
        return False
    return fact.value not in _INERT_HOLDERS and _holds_class(given)


def _is_own_class(described: Json) -> bool:
    return instance_of(described) in CLASSES


def _holds_class(described: Json) -> bool:
    if isinstance(described, list):
        return any(map(_holds_class, described))
    return isinstance(described, dict) and (_is_own_class(described) or any(map(_holds_class, described.values())))
