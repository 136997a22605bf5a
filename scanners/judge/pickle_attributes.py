"""Attributes that loading sets on objects: which of them a later opcode would call as a method."""

from __future__ import annotations

from modelsweep.core.finding import Fact
from scanners.judge.by_value import FROZEN_SETTER, FUNCTIONS, PLAIN_METHODS, SETTER, SHOWING
from scanners.judge.dangerous_names import family, family_of_function, is_loader
from scanners.judge.listed_names import is_call, is_class, is_class_name, is_inert_name, is_known_package
from scanners.judge.pickle_rules import HIDDEN_CALL, OWN_CALL, Opinion, finding
from scanners.parsing import standard_library

_REDUCTIONS = frozenset("all any max mean min size sum".split())
"""Methods that only read data, of any inert class; tables of statistics store them under their own names."""
_PLAIN_FUNCTIONS = (
    "builtins.hash",
    "builtins.len",
    "builtins.max",
    "builtins.min",
    "builtins.sum",
    "builtins.abs",
    "math.",
    "numpy.",
)
"""Name prefixes of functions of data, which do not call their arguments."""
_ARITHMETIC = frozenset(
    f"{module}.{name}"
    for module in ("_operator", "operator")
    for name in (
        "abs add and_ eq floordiv ge gt index inv invert is_ is_not le lshift lt matmul mod mul ne neg not_ or_ pos "
        "pow rshift sub truediv truth xor"
    ).split()
)
"""Operators on one or two values, except those that look up, set, delete or call something."""
_BY_OPCODES = frozenset("add append extend".split())
"""Methods that opcodes call with data from the file."""
_COMMON = frozenset(
    "any build cast clone count cpu cumsum default_factory empty encode exists groups key log match nodes numpy "
    "recording reverse set species sum t terms transpose union".split()
)
"""Methods that hooks of listed classes call on their content, but which are also common keys for functions."""


def is_own_setter(fact: Fact) -> bool:
    """Return whether a function stored by value is the `__setattr__` of a class, which loading rarely calls."""
    return fact.kind == "attribute" and fact.detail.get("name") == SETTER and fact.detail.get("made") in FUNCTIONS


def attribute_opinion(fact: Fact) -> Opinion:
    """Judge a callable, or the result of a call (`made`), that is stored under a name in an object's state."""
    name, made = str(fact.detail.get("name", "")), fact.detail.get("made")
    if made in FUNCTIONS:
        uses = fact.detail.get("uses")
        frozen = isinstance(uses, list) and all(isinstance(one, str) and one in FROZEN_SETTER for one in uses)
        return () if frozen else [finding(OWN_CALL, fact)]
    if isinstance(made, str) and made.startswith("numpy.") and is_call(made):
        return ()  # a number or an array, which is not callable
    if made is None and _is_harmless(name, fact.value):
        return ()
    if made is None and _is_table_entry(name, fact.value):
        return None
    return [finding(HIDDEN_CALL, fact, name=name)]


def _is_harmless(name: str, value: str) -> bool:
    """Return whether calling a global as this attribute is harmless, or reported with the import of the global."""
    a_module = value == name and name in standard_library.MODULES  # a module is not callable
    if a_module or PLAIN_METHODS.get(value) == name:
        return True
    dangerous = family(value) or family_of_function(value)
    plain = (
        is_class(value)
        or is_call(value)
        or (value.startswith(_PLAIN_FUNCTIONS) and not family(value))
        or value in _ARITHMETIC
        or (name in _REDUCTIONS and value.endswith(f".{name}") and is_inert_name(value))
        or _is_inherited(name, value)
    )
    if plain and name not in ("__class__", "__setstate__", "__dict__"):
        return True
    return (name in _COMMON and not dangerous) or shows_class(name, value)


def _is_table_entry(name: str, value: str) -> bool:
    """Return whether this may be an entry of a table of classes or functions; unknown ones are reported as imports."""
    is_word = name.isidentifier() and not name.startswith("__")
    dangerous = family(value) or family_of_function(value)
    return is_word and not dangerous and (is_class_name(value) or not is_inert_name(value))


def is_namesake(fact: Fact) -> bool:
    """Return whether an inert global is stored under its own name, as in a namespace."""
    name, value = str(fact.detail.get("name")), fact.value
    plain = fact.detail.get("made") is None and name.isidentifier() and not name.startswith("__")
    acts = name in _BY_OPCODES or is_loader(value) or family_of_function(value)
    return plain and value.endswith(f".{name}") and is_inert_name(value) and not acts


def shows_class(name: str, value: str) -> bool:
    """Return whether a class stored by value takes its string form from a class of a known framework."""
    owner, _, method = value.rpartition(".")
    return name == method and name in SHOWING and is_class_name(owner) and is_known_package(owner) and not family(value)


def _is_inherited(name: str, value: str) -> bool:
    """Return whether a class stored by value takes a special method of the same name from an inert class."""
    owner, _, method = value.rpartition(".")
    same = method == name or (name == "__call__" and is_class_name(owner))
    return name.startswith("__") and same and is_class(owner) and not (family(value) or family_of_function(value))
