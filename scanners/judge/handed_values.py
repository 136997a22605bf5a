"""What harmless callables do with their arguments: iterate over them, convert, compare or call them."""

from __future__ import annotations

from modelsweep.core.finding import Json
from scanners.judge import inert_names as tables
from scanners.judge.by_value import RUNNERS
from scanners.judge.described import global_name, instance_of, items, within
from scanners.judge.listed_names import CYTHON, is_call, is_class, is_class_name
from scanners.parsing import standard_library

# Callables that keep their arguments without examining them: errors, annotations, namespaces.
_KEEPING = ("exceptions.", "inspect.", "types.", "ultralytics.")
# Except these, which unpack their arguments, with the position of the first such argument.
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
"""How pandas 1.3 creates columns, through a partial with `ndim` only: it would call an argument `klass`."""
_BLOCKS = frozenset({"pandas._libs.internals._unpickle_block", NEW_BLOCK})
_METRICS = ("scipy.", "sklearn.")
"""Packages whose compiled trees and distances call a function that is passed as a metric."""
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
"""Name prefixes of callables that convert their arguments, including nested items, to numbers and arrays."""
_CALLABLE_MAKERS = frozenset(
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
"""Makers of callables that call a function which they contain or name."""
WRAPPERS = (".NumpyArrayWrapper", ".NDArrayWrapper", ".ZNDArrayWrapper")
_CONVERTING = frozenset({"torch.Size"})
"""Classes that iterate over any argument, including instances of their own package."""
_NAMESPACES = frozenset({"argparse.Namespace", "types.SimpleNamespace"})
"""Classes whose instances have any attributes that the file sets, including methods that a conversion calls."""
_MAKING = frozenset({"class-first", "setattr-state"})
"""Rules of callables that pass their other arguments to a class, or use them as a tensor."""
_MOST_CONVERTED = 3
"""Maximum arguments of a builtin type: `str(bytes, encoding, errors)`."""
MADE = ("NEWOBJ", "NEWOBJ_EX")
"""Opcodes that create an instance without its constructor."""


def consumed(name: str, given: list[Json], how: str = "REDUCE") -> str:
    """Return the argument that a harmless callable would run: a function, or a class whose methods it calls.

    Iterating over an object or converting it runs methods that nothing else in a load calls, and that are not analysed.
    """
    package = "" if name in _CONVERTING else name.partition(".")[0]
    functions = list[str]()
    if name.startswith(_CONVERTERS) and name.startswith(_METRICS) and _converts(name, how):
        functions = [*map(_function, given)]
    taken = taken_apart(name, given, how)
    return next((found for found in (*functions, *(foreign_class(item, package) for item in taken)) if found), "")


def taken_apart(name: str, given: list[Json], how: str = "REDUCE") -> list[Json]:
    """Return the arguments that a harmless callable iterates over, converts or compares."""
    if how in MADE and is_class(name):  # no constructor runs, but `tuple.__new__` iterates and `int.__new__` converts
        taken = items(given[0]) if how == "NEWOBJ_EX" and given else given
        if len(taken) > _MOST_CONVERTED and not name.startswith(_CONVERTERS):
            return []  # the fields of a named tuple
        if (
            name.startswith(("numpy.", "pandas.")) or name.rpartition(".")[2].isupper()
        ):  # or a type of these under another name
            taken = [*taken, *(item for one in taken for item in nested(one))]
        return taken
    if name in _UNPACKING:
        taken = given[_UNPACKING[name] :]
        return [*taken, *(item for one in taken for item in _elements(one))]
    if tables.ARGUMENT_RULES.get(name) in _MAKING:
        return [*given, *(item for one in given[1:2] for item in within(one))]
    if not is_call(name) or _keeps(name):
        return []
    if _converts(name, how):
        return [*given, *(item for one in given for item in nested(one))]
    if name in _BLOCKS and given and instance_of(given[0]).endswith("Array"):
        return given[1:]  # columns of another package's array type, as in geopandas
    return given


def _converts(name: str, how: str) -> bool:
    """Return whether a callable also converts the items of container arguments."""
    other = (how in MADE and is_class(name)) or name in _UNPACKING or tables.ARGUMENT_RULES.get(name) in _MAKING
    if other or not is_call(name) or _keeps(name):
        return False
    return name.startswith(_CONVERTERS) and not CYTHON.fullmatch(name.rpartition(".")[2])


def nested(described: Json) -> list[Json]:
    """Return all items of literal containers, and of containers in them."""
    return [item for one in within(described) for item in (one, *nested(one))]


def _elements(described: Json, depth: int = 3) -> list[Json]:
    """Return the items that iterating over a value yields, also through iterators that are made of it."""
    if depth and isinstance(described, dict) and "call" in described:
        given = items(described.get("args"))
        return [*given, *(item for one in given for item in _elements(one, depth - 1))]
    keys = isinstance(described, dict) and "dict" in described
    return within(described)[:: 2 if keys else 1]


def _keeps(name: str) -> bool:
    return name.startswith(_KEEPING) or name.endswith(("Error", "Exception", "Warning"))


def _function(described: Json) -> str:
    """Return the name of a function, or of an instance that contains one, which trees and distances would call."""
    name, maker = global_name(described), instance_of(described)
    if maker:
        return maker if maker in _CALLABLE_MAKERS or ".PyFunc" in maker else ""
    return "" if is_class(name) or is_class_name(name) or is_call(name) else name


def foreign_class(described: Json, own: str = "") -> str:
    """Return the class of an instance whose methods are not analysed, or an empty string."""
    return is_foreign(instance_of(described), own)


def is_foreign(maker: str, own: str = "") -> str:
    """Return the maker if its instances are neither data nor from the standard library, NumPy or the package `own`.

    joblib's placeholders of arrays are replaced by the arrays before anything uses them.
    """
    if maker in _NAMESPACES or maker.startswith(RUNNERS):
        return maker
    known = (
        not maker or maker.endswith(WRAPPERS) or is_call(maker) or maker in tables.ARGUMENT_RULES or not is_class(maker)
    )
    package = maker.partition(".")[0]
    return "" if known or package in ("numpy", own) or package in standard_library.MODULES else maker
