"""Look-ups in the generated tables of `inert_names`: classes, harmless callables, names that may be held."""

from __future__ import annotations

from functools import cache

from modelsweep.core import patterns as re
from scanners.judge import inert_names as tables
from scanners.judge.by_value import BARE_FUNCTION, MAKERS, NEW_CLASS
from scanners.judge.dangerous_names import family
from scanners.judge.expressions import is_expression
from scanners.parsing import standard_library

CLASS_NAME = re.compile(r"_{0,2}[A-Z]\w*(\._{0,2}[A-Z]\w*)*")
CYTHON = re.compile(r"__pyx_unpickle_[A-Z]\w*")
FILES = {"nested-file": 0, "nested-pickle": 0, "nested-pickle-1": 1, "nested-pickle-4": 4}
"""Rules for callables whose literal bytes are examined where they are called, with the index of that argument."""
IDENTIFIER = re.compile(r"(?!__)[^\W\d]\w*")
# Classes inside a TorchScript archive: Python cannot import the module, and PyTorch compiles them from `code/`.
_TORCHSCRIPT = "__torch__."
MAX_NAME = 200
"""Length from which a name may have been cut off, so that its end is unknown."""
DATA_TYPES = frozenset(
    f"builtins.{name}"
    for name in "object dict list set frozenset tuple int float complex str bytes bytearray bool range slice".split()
)


def _splits(name: str) -> list[tuple[str, str]]:
    """Return all ways to split a dotted name into module and qualified name."""
    parts = name.split(".")
    return [(".".join(parts[:at]), ".".join(parts[at:])) for at in range(len(parts) - 1, 0, -1)]


@cache
def words_of(text: str) -> frozenset[str]:
    """Return the words in a text of the tables."""
    return frozenset(text.split())


@cache
def _modules(package: str, text: str) -> dict[str, str]:
    """Return the names in a table's text for one package by module: a line for each, `.` for the package itself."""
    lines = (line.partition(" ") for line in text.splitlines())
    return {package if module == "." else f"{package}{module}": names for module, _, names in lines}


def _names_of_package(table: dict[str, str], name: str) -> dict[str, str]:
    """Return the names, by module, of the package of a dotted name."""
    package = name.partition(".")[0]
    return _modules(package, table.get(package, ""))


def _is_listed(table: dict[str, str], name: str) -> bool:
    modules = _names_of_package(table, name)
    return any(module in modules and rest in words_of(modules[module]) for module, rest in _splits(name))


def _is_refused(name: str) -> bool:
    return f" {name} " in f" {tables.REFUSED} "


def _has_wildcard(module: str) -> bool:
    """Return whether a wildcard in CLASSES covers a module."""
    modules, parts = _names_of_package(tables.CLASSES, module), module.split(".")
    return any(".".join(parts[:at]) + ".*" in modules for at in range(len(parts), 0, -1))


@cache
def is_class(name: str) -> bool:
    """Return whether instances of a class may be created without calling it, and given a state."""
    if name.startswith(_TORCHSCRIPT):
        return True
    if name in DATA_TYPES or _is_listed(tables.CLASSES, name) or is_enum(name):
        return True
    for module, rest in _splits(name):
        if CLASS_NAME.fullmatch(rest) and not _is_refused(rest) and _has_wildcard(module):
            return (module.partition(".")[0], rest) not in _ruled_states()  # by another name than its rule knows
    return False


def is_enum(name: str) -> bool:
    """Return whether a name is an enumeration, which is called with a value or read with `getattr`."""
    return _is_listed(tables.ENUMS, name)


@cache
def _ruled_states() -> frozenset[tuple[str, str]]:
    """Return package and name of the classes whose state must be judged."""
    return frozenset((name.partition(".")[0], name.rpartition(".")[2]) for name in tables.STATE_RULES)


def is_class_name(name: str) -> bool:
    """Return whether the last part of a dotted name is spelled like a class."""
    return bool(CLASS_NAME.fullmatch(name.rpartition(".")[2]))


@cache
def is_call(name: str) -> bool:
    """Return whether a callable is harmless with any arguments."""
    if _is_listed(tables.CALLS, name):
        return True
    module, _, rest = name.rpartition(".")
    if not CYTHON.fullmatch(rest):
        return False
    return _has_wildcard(module) or module.partition(".")[0] in words_of(tables.CYTHON_PACKAGES)


def is_ruled(name: str) -> bool:
    """Return whether a callable is harmless with some arguments only."""
    return name in tables.ARGUMENT_RULES


def is_inert_name(name: str) -> bool:
    """Return whether a name may be held without a finding."""
    return len(name) < MAX_NAME and (
        (name in MAKERS and name not in (BARE_FUNCTION, NEW_CLASS))
        or is_class(name)
        or is_call(name)
        or is_expression(name)
        or (name in tables.ARGUMENT_RULES and not (loads_file(name) and family(name)))
        or _attribute_of_class(name)
        or _may_be_held(name)
    )


def loads_file(name: str) -> bool:
    """Return whether a callable loads a file from bytes, so that as an argument of another call it may get any."""
    return tables.ARGUMENT_RULES.get(name) in FILES


@cache
def _may_be_held(name: str) -> bool:
    """Return whether a name is a function for data or of a framework, such as a callback, metric or activation."""
    if is_framework(name):
        return not family(name) and not any(part.startswith("__") for part in name.split("."))
    module, _, rest = name.rpartition(".")
    held = words_of(tables.HELD.get(module, ""))
    return rest in held or ("*" in held and not rest.startswith("_"))


def _attribute_of_class(name: str) -> bool:
    owner, _, attribute = name.rpartition(".")
    return (
        bool(IDENTIFIER.fullmatch(attribute))
        and bool(owner)
        and (is_class(owner) or is_call(owner))
        and not family(name)
    )


def is_framework(name: str) -> bool:
    """Return whether a dotted name belongs to a package whose functions may be held."""
    return name.partition(".")[0] in words_of(tables.FRAMEWORK_PREFIXES)


def is_known_package(name: str) -> bool:
    """Return whether a dotted name belongs to the standard library or to a package whose sources were read."""
    return is_framework(name) or name.partition(".")[0] in standard_library.MODULES
