"""Access to described values, the JSON form of arguments from `scanners.parsing.pickle_values`.

Constants are themselves; everything else is an object whose first key tells its kind.
"""

from __future__ import annotations

from modelsweep.core.finding import Json

TYPE_LOADER = "._builtin_type"
"""The function of cloudpickle that finds types, such as those of code and functions, by their names in `types`."""


def is_literal(described: Json) -> bool:
    """Return whether arguments are a literal tuple; the content of a call's result is unknown."""
    return isinstance(described, dict) and "tuple" in described


def is_whole(described: Json) -> bool:
    """Return whether arguments are a complete literal tuple."""
    return isinstance(described, dict) and is_literal(described) and not described.get("more")


def within(described: Json) -> list[Json]:
    """Return the items of a literal container, including keys and values of a dictionary."""
    if not isinstance(described, dict) or "call" in described:
        return []
    content, held = next(iter(described.values())), described.get("holds")
    return [*content, held] if isinstance(content, list) else []


def items(described: Json) -> list[Json]:
    """Return the items of a described tuple or list, as far as they were described."""
    if isinstance(described, dict):
        for kind in ("tuple", "list"):
            content = described.get(kind)
            if isinstance(content, list):
                return content
    return []


def global_name(described: Json) -> str:
    """Return the dotted name of a described global, or ""."""
    name = described.get("global") if isinstance(described, dict) else None
    return name if isinstance(name, str) else ""


def globals_in(described: Json) -> list[str]:
    """Return the dotted names of all globals in a description."""
    if isinstance(described, list):
        return [name for item in described for name in globals_in(item)]
    if not isinstance(described, dict):
        return []
    own = global_name(described)
    return [own] if own else [name for item in described.values() for name in globals_in(item)]


def tables_in(described: Json) -> list[dict[str, Json]]:
    """Return the dictionaries in a description, with only their string keys."""
    if isinstance(described, list):
        return [table for item in described for table in tables_in(item)]
    if not isinstance(described, dict):
        return []
    content = described.get("dict")
    pairs = content if isinstance(content, list) else []
    table = {key: value for key, value in zip(pairs[::2], pairs[1::2], strict=False) if isinstance(key, str)}
    return [*([table] if table else []), *tables_in(list(described.values()))]


_SETS = frozenset(f"{module}.{name}" for module in ("builtins", "__builtin__") for name in ("frozenset", "set"))
"""Callables with which protocols before 4 write a set."""


def is_encoded(described: Json) -> bool:
    """Return whether a value is bytes in the form of protocols 0 to 2."""
    if not isinstance(described, dict) or global_name(described.get("call")) != "_codecs.encode":
        return False
    given = items(described.get("args"))
    return len(given) == 2 and isinstance(given[0], str) and given[1] == "latin1"


def is_data(described: Json) -> bool:
    """Return whether a description contains only constants and containers of constants."""
    if isinstance(described, list):
        return all(map(is_data, described))
    if not isinstance(described, dict):
        return True
    if global_name(described.get("call")) in _SETS or is_encoded(described):
        return is_data(described.get("args"))
    return next(iter(described)) in ("tuple", "list", "dict", "set", "frozenset", "bytes", "float", "int") and all(
        map(is_data, described.values())
    )


def instance_of(described: Json) -> str:
    """Return the name of the class, or of the callable, that created a described instance, or ""."""
    if not isinstance(described, dict):
        return ""
    called = described.get("call")
    maker, given = global_name(called), items(described.get("args"))
    if maker == "copyreg._reconstructor" and given:
        return global_name(given[0])
    return maker or _type_by_name(called)


def _type_by_name(described: Json) -> str:
    """Return the name of a type that cloudpickle looks up in `types`, or ""."""
    if not isinstance(described, dict) or not global_name(described.get("call")).endswith(TYPE_LOADER):
        return ""
    given = items(described.get("args"))
    return f"types.{given[0]}" if len(given) == 1 and isinstance(given[0], str) else ""
