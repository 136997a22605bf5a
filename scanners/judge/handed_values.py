"""What harmless callables do to the values that they are handed: iterate over them, convert, compare or call them."""

from __future__ import annotations

from modelsweep.core.finding import Json
from scanners.judge import inert_names as tables
from scanners.judge.by_value import RUNNERS
from scanners.judge.described import global_name, instance_of, items, within
from scanners.judge.listed_names import CYTHON, is_call, is_class, is_class_name
from scanners.parsing import standard_library

# Calls that keep what they are given and look at none of it: errors, annotations, namespaces.
_KEEPERS = ("exceptions.", "inspect.", "types.", "ultralytics.")
# But those that take what they are given apart: from which argument on.
_UNPACKING = {
    "builtins.IndentationError": 1,
    "builtins.SyntaxError": 1,
    "builtins.TabError": 1,
    "haiku._src.data_structures.FlatMapping": 0,
    "haiku._src.data_structures.frozendict": 0,
    "collections.Counter": 0,
    "collections.OrderedDict": 0,
    "collections.UserDict": 0,
    "collections.defaultdict": 1,
    "inspect.Signature": 0,
    "spacy.pipeline._parser_internals.arc_eager.ArcEager": 1,
    "spacy.pipeline._parser_internals.ner.BiluoPushDown": 1,
    "types.SimpleNamespace": 0,
}
NEW_BLOCK = "pandas.core.internals.blocks.new_block"
"""What pandas 1.3 makes its columns with, by a partial that holds `ndim` alone: it calls what `klass` is."""
_BLOCKS = frozenset({"pandas._libs.internals._unpickle_block", NEW_BLOCK})
_METRICS = ("scipy.", "sklearn.")
"""Compiled trees and distances of these call a function that is handed to them as a metric."""
_CONVERTERS = (
    *(
        "arch.",
        "datetime.",
        "decimal.",
        "fractions.",
        "ipaddress.",
        "numpy.",
        "pandas._libs.tslibs.",
        "pyarrow.",
        "uuid.",
    ),
    *_METRICS,
)
"""Whose callables make numbers and arrays of what they are handed, also of what is in its lists."""
_HOLDERS = frozenset(
    {
        "dill._dill._create_ftype",
        "dill.dill._create_ftype",
        "functools.lru_cache",
        "functools.partial",
        "jaxlib._jax.PjitFunction",
        "jaxlib.xla_extension.PjitFunction",
        "types.MethodType",
        *(f"operator.{name}getter" for name in ("attr", "item")),
    }
) | {"operator.methodcaller", "builtins.staticmethod"}
"""Makers of what is called as the functions are that it holds, or does what it names."""
WRAPPERS = (".NumpyArrayWrapper", ".NDArrayWrapper", ".ZNDArrayWrapper")
_CONVERTING = frozenset({"torch.Size"})
"""Classes that iterate over whatever they are handed, instances of their own package, too."""
_NAMESPACES = frozenset({"argparse.Namespace", "types.SimpleNamespace"})
"""Classes whose instances have whatever attributes the file gives them, methods that a conversion looks for too."""
_MAKING = frozenset({"class-first", "setattr-state"})
"""Rules of callables that hand what follows to the class, or use it as a tensor."""
_MOST_CONVERTED = 3
"""Arguments that a builtin type takes at most: `str(bytes, encoding, errors)`."""
MADE = ("NEWOBJ", "NEWOBJ_EX")
"""Opcodes that make an instance without its constructor."""


def consumed(name: str, given: list[Json], how: str = "REDUCE") -> str:
    """Return what a harmless callable would run of its arguments: a function, or the methods of an instance's class.

    Iterating over an object, or converting it, runs methods that nothing else of a load does, and that nobody followed.
    """
    package = "" if name in _CONVERTING else name.partition(".")[0]
    functions = list[str]()
    if name.startswith(_CONVERTERS) and name.startswith(_METRICS) and _converts(name, how):
        functions = [*map(_function, given)]
    handed = taken_apart(name, given, how)
    return next((found for found in (*functions, *(foreign_class(item, package) for item in handed)) if found), "")


def taken_apart(name: str, given: list[Json], how: str = "REDUCE") -> list[Json]:
    """Return those of the arguments that a harmless callable iterates over, converts or compares."""
    if how in MADE and is_class(name):  # no constructor, but `tuple.__new__` iterates, and `int.__new__` converts
        handed = items(given[0]) if how == "NEWOBJ_EX" and given else given
        if len(handed) > _MOST_CONVERTED and not name.startswith(_CONVERTERS):
            return []  # the fields of a named tuple
        if (
            name.startswith(("numpy.", "pandas.")) or name.rpartition(".")[2].isupper()
        ):  # and what is a type of it by another name
            handed = [*handed, *(item for one in handed for item in nested(one))]
        return handed
    if name in _UNPACKING:
        handed = given[_UNPACKING[name] :]
        return [*handed, *(item for one in handed for item in _elements(one))]
    if tables.ARGUMENT_RULES.get(name) in _MAKING:
        return [*given, *(item for one in given[1:2] for item in within(one))]
    if not is_call(name) or _keeps(name):
        return []
    if _converts(name, how):
        return [*given, *(item for one in given for item in nested(one))]
    if name in _BLOCKS and given and instance_of(given[0]).endswith("Array"):
        return given[1:]  # columns of an array type of another package, as frames of geopandas have them
    return given


def _converts(name: str, how: str) -> bool:
    """Return whether a callable converts also what stands in containers that it is given."""
    other = (how in MADE and is_class(name)) or name in _UNPACKING or tables.ARGUMENT_RULES.get(name) in _MAKING
    if other or not is_call(name) or _keeps(name):
        return False
    return name.startswith(_CONVERTERS) and not CYTHON.fullmatch(name.rpartition(".")[2])


def nested(described: Json) -> list[Json]:
    """Return all that stands in literal containers, and in those within them."""
    return [item for one in within(described) for item in (one, *nested(one))]


def _elements(described: Json, depth: int = 3) -> list[Json]:
    """Return what iterating over a value yields: what stands in it, or in what an iterator over it was made of."""
    if depth and isinstance(described, dict) and "call" in described:
        given = items(described.get("args"))
        return [*given, *(item for one in given for item in _elements(one, depth - 1))]
    keys = isinstance(described, dict) and "dict" in described
    return within(described)[:: 2 if keys else 1]


def _keeps(name: str) -> bool:
    return name.startswith(_KEEPERS) or name.endswith(("Error", "Exception", "Warning"))


def _function(described: Json) -> str:
    """Return a function, or an instance that holds one, which trees and distances would call."""
    name, maker = global_name(described), instance_of(described)
    if maker:
        return maker if maker in _HOLDERS or ".PyFunc" in maker else ""
    return "" if is_class(name) or is_class_name(name) or is_call(name) else name


def foreign_class(described: Json, own: str = "") -> str:
    """Return the class of an instance whose methods nobody followed, else nothing."""
    return is_foreign(instance_of(described), own)


def is_foreign(maker: str, own: str = "") -> str:
    """Return what made an instance that is neither data nor of the standard library, NumPy, or the package `own`.

    What joblib puts in place of an array is the array, by the time anything sees it.
    """
    if maker in _NAMESPACES or maker.startswith(RUNNERS):
        return maker
    known = (
        not maker or maker.endswith(WRAPPERS) or is_call(maker) or maker in tables.ARGUMENT_RULES or not is_class(maker)
    )
    package = maker.partition(".")[0]
    return "" if known or package in ("numpy", own) or package in standard_library.MODULES else maker
