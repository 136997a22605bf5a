"""Whether a call, a state or a name is inert: the generated tables of `inert_names`, and the rules on arguments.

Arguments are what `scanners.parsing.pickle_values` describes: constants as themselves, all else as an object whose
first key says what it is.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from modelsweep.core import patterns as re
from modelsweep.core.finding import Json
from scanners.judge import formulas
from scanners.judge import inert_names as tables
from scanners.judge.by_value import (
    BARE_FUNCTION,
    CLASSES,
    MAKERS,
    METACLASSES,
    NAMEDTUPLES,
    NEW_CLASS,
    REFERENCES,
    RUNNERS,
    SHOWING,
    STATE_FILES,
    VIEWS,
    fills_class,
    fills_otherwise,
    finds_slot,
)
from scanners.judge.dangerous_names import family, family_of_function, method_family
from scanners.judge.described import (
    global_name,
    globals_in,
    instance_of,
    is_data,
    is_encoded,
    is_literal,
    is_whole,
    items,
    within,
)
from scanners.judge.expressions import is_expression, is_named_maker
from scanners.judge.function_globals import FILLERS, globals_beside, holds_namespace
from scanners.parsing import standard_library

_CLASS_NAME = re.compile(r"_{0,2}[A-Z]\w*(\._{0,2}[A-Z]\w*)*")
_CYTHON = re.compile(r"__pyx_unpickle_[A-Z]\w*")
_HEADER = re.compile(r"(?:\x80|\\x80)[^\n]", re.DOTALL)
"""How bytes are described that begin as pickles of protocols 2 and later do, or latin-1 text of them."""
_FILES = {"nested-file": 0, "nested-pickle": 0, "nested-pickle-1": 1, "nested-pickle-4": 4}
"""Rules of callables whose literal bytes are examined where they are called, and only there; which argument it is."""
_LITERAL_REPR = re.compile(r"None|Ellipsis|NotImplemented|range\(-?[0-9]+(?:, -?[0-9]+){1,2}\)")
_IDENTIFIER = re.compile(r"(?!__)[^\W\d]\w*")
_TEXT_CODECS = frozenset("latin1 latin-1 iso-8859-1 utf8 utf-8 ascii".split())
_CONSTRUCTORS = "numpy.random._pickle."
"""Functions that call the class they are handed, and do not only make an instance of it."""
_ACTS = frozenset("antigravity idlelib lib2to3 test this turtledemo".split())
"""Modules that do something when they are imported: the first opens a browser, some of the others run programs."""
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
_NEW_BLOCK = "pandas.core.internals.blocks.new_block"
"""What pandas 1.3 makes its columns with, by a partial that holds `ndim` alone: it calls what `klass` is."""
_BLOCKS = frozenset({"pandas._libs.internals._unpickle_block", _NEW_BLOCK})
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
_WRAPPERS = (".NumpyArrayWrapper", ".NDArrayWrapper", ".ZNDArrayWrapper")
_PLAIN_ATTRIBUTES = {
    "torch.nested._internal.nested_tensor.NestedTensor": "_lengths _metadata_cache _offsets _ragged_idx _size _values",
    "torchao": "scale",
    "torchvision.tv_tensors._bounding_boxes.BoundingBoxes": "canvas_size clamping_mode format",
}
"""Attributes that a class, or all classes of a package, set themselves and have no property of, where classes of other
packages have one.
"""
_CONVERTING = frozenset({"torch.Size"})
"""Classes that iterate over whatever they are handed, instances of their own package, too."""
_NAMESPACES = frozenset({"argparse.Namespace", "types.SimpleNamespace"})
"""Classes whose instances have whatever attributes the file gives them, methods that a conversion looks for too."""
_MAKING = frozenset({"class-first", "setattr-state"})
"""Rules of callables that hand what follows to the class, or use it as a tensor."""
_MOST_CONVERTED = 3
"""Arguments that a builtin type takes at most: `str(bytes, encoding, errors)`."""
_MADE = ("NEWOBJ", "NEWOBJ_EX")
"""Opcodes that make an instance without its constructor."""
_MAKERS_OF_TYPES = frozenset("types.GenericAlias functools.reduce _functools.reduce operator.getitem".split())
# Classes that a TorchScript archive brings along: Python cannot import the module, PyTorch compiles them from `code/`.
_TORCHSCRIPT = "__torch__."
LONGEST_NAME = 200
"""Characters from which on a name may have been cut, so that what it ends in is unknown."""
_FOLDER = re.compile(r"(?:[A-Za-z]:[\\/])?[^:]*")
_CONTEXT = "torch._dynamo.eval_frame.OptimizeContext"
_CONTEXT_OPTIONS = frozenset({"compiler_config", "dynamic", "export"})
CREATOR = "deap.creator.meta_create"
_ARRAYS = frozenset({"array.array", "numpy.ndarray", "deap.creator._array"})
_LITERALS = frozenset("tuple list set frozenset bytes float int".split())
_DATA_TYPES = frozenset(
    f"builtins.{name}"
    for name in "object dict list set frozenset tuple int float complex str bytes bytearray bool range slice".split()
)


def _splits(name: str) -> list[tuple[str, str]]:
    """Return all ways to read a dotted name as module and qualified name."""
    parts = name.split(".")
    return [(".".join(parts[:at]), ".".join(parts[at:])) for at in range(len(parts) - 1, 0, -1)]


@cache
def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


@cache
def _modules(package: str, text: str) -> dict[str, str]:
    """Return names by module of what a table has of one package: a line for each, a dot for the package itself."""
    lines = (line.partition(" ") for line in text.splitlines())
    return {package if module == "." else f"{package}{module}": names for module, _, names in lines}


def _of_package(table: dict[str, str], name: str) -> dict[str, str]:
    """Return names by module of the package that a dotted name is of."""
    package = name.partition(".")[0]
    return _modules(package, table.get(package, ""))


def _listed(table: dict[str, str], name: str) -> bool:
    modules = _of_package(table, name)
    return any(module in modules and rest in _words(modules[module]) for module, rest in _splits(name))


def _refused(name: str) -> bool:
    return f" {name} " in f" {tables.REFUSED} "


def _wildcard(module: str) -> bool:
    """Return whether a wildcard of CLASSES covers a module."""
    modules, parts = _of_package(tables.CLASSES, module), module.split(".")
    return any(".".join(parts[:at]) + ".*" in modules for at in range(len(parts), 0, -1))


@cache
def is_class(name: str) -> bool:
    """Return whether instances of a class may be made without calling it, and given a state."""
    if name.startswith(_TORCHSCRIPT):
        return True
    if name in _DATA_TYPES or _listed(tables.CLASSES, name) or _listed(tables.ENUMS, name):
        return True
    for module, rest in _splits(name):
        if _CLASS_NAME.fullmatch(rest) and not _refused(rest) and _wildcard(module):
            return (module.partition(".")[0], rest) not in _ruled_states()  # by another name than its rule knows
    return False


@cache
def _ruled_states() -> frozenset[tuple[str, str]]:
    """Return packages and names of the classes whose state decides."""
    return frozenset((name.partition(".")[0], name.rpartition(".")[2]) for name in tables.STATE_RULES)


def is_class_name(name: str) -> bool:
    """Return whether the last part of a dotted name is written as classes are."""
    return bool(_CLASS_NAME.fullmatch(name.rpartition(".")[2]))


@cache
def is_call(name: str) -> bool:
    """Return whether a callable is harmless whatever its arguments."""
    if _listed(tables.CALLS, name):
        return True
    module, _, rest = name.rpartition(".")
    if not _CYTHON.fullmatch(rest):
        return False
    return _wildcard(module) or module.partition(".")[0] in _words(tables.CYTHON_PACKAGES)


def is_ruled(name: str) -> bool:
    """Return whether it depends on the arguments of a callable whether it is harmless."""
    return name in tables.ARGUMENT_RULES


def is_inert_maker(name: str, given: list[Json]) -> bool:
    """Return whether a call rebuilds something stored by value and runs nothing but the metaclass that it names."""
    if name not in MAKERS:
        return False
    if name.endswith(FILLERS):  # what is filled came along, and neither it nor its globals are imported
        filled = instance_of(given[0]) if given else ""
        own = filled in MAKERS and not filled.endswith(NAMEDTUPLES)
        return own and not holds_namespace(given[0]) and not any(map(_foreign, given[1:]))
    if name.endswith(NAMEDTUPLES):
        return _is_new_tuple(given)
    if name.endswith(VIEWS):
        pairs = name.endswith(("items", "_helper"))  # of a literal table these take nothing apart
        inner = [
            item for one in given if pairs and not (isinstance(one, dict) and "dict" in one) for item in within(one)
        ]
        return not any(map(_foreign, (*given, *inner)))
    if name == NEW_CLASS:
        return fills_class(given) and _is_only_metaclass(given[2])
    if name.endswith(REFERENCES):
        return all(map(is_data, given[1:]))
    if name in CLASSES and any(one.endswith(_WRAPPERS) for one in globals_in(given)):
        return False  # joblib reads raw bytes behind instances of such a class, too
    return name not in CLASSES or name.endswith("_make_skeleton_enum") or (bool(given) and _is_metaclass(given[0]))


def _is_new_tuple(given: list[Json]) -> bool:
    """Return whether a named tuple is made anew: dill looks for a class or module of that name first."""
    if len(given) < 3 or not isinstance(given[0], str) or not isinstance(given[2], str):
        return False
    found, module = f"{given[2]}.{given[0]}", given[2]
    known = _framework(module) or module.partition(".")[0] in standard_library.MODULES
    named = bool(_IDENTIFIER.fullmatch(given[0])) and (not known or is_class_name(found) or module.startswith("__"))
    return named and not family(found) and not family(f"{found}.{given[0]}")


def _is_only_metaclass(described: Json) -> bool:
    """Return whether the keywords of a class are its metaclass, or none."""
    pairs = described.get("dict") if isinstance(described, dict) and not described.get("more") else None
    if not isinstance(pairs, list):
        return False
    return not pairs or (len(pairs) == 2 and pairs[0] == "metaclass" and _is_metaclass(pairs[1]))


def _is_metaclass(described: Json) -> bool:
    name = global_name(described)
    if name:  # any other class would be called, its constructor with it
        return name in METACLASSES or (is_class(name) and "Meta" in name.rpartition(".")[2])
    if not isinstance(described, dict):
        return False
    # dill names builtin types by `_load_type("type")`; a metaclass may itself be stored by value.
    return instance_of(described) in CLASSES or (
        instance_of(described).endswith("._load_type") and described.get("args") == {"tuple": ["type"]}
    )


def is_inert_name(name: str) -> bool:
    """Return whether a name may be held without a word."""
    return len(name) < LONGEST_NAME and (
        (name in MAKERS and name not in (BARE_FUNCTION, NEW_CLASS))
        or is_class(name)
        or is_call(name)
        or is_expression(name)
        or (name in tables.ARGUMENT_RULES and not (_loads(name) and family(name)))
        or _attribute_of_class(name)
        or _held(name)
    )


def _loads(name: str) -> bool:
    """Return whether a callable loads a file out of bytes: as an argument of another call it may be given any."""
    return tables.ARGUMENT_RULES.get(name) in _FILES


def loads_computed(name: str, given: list[Json]) -> bool:
    """Return whether a callable would load a file out of bytes that a call makes of others, where nobody sees them."""
    at = _FILES.get(tables.ARGUMENT_RULES.get(name, ""), len(given))
    described = given[at] if at < len(given) else None
    if not isinstance(described, dict) or "call" not in described:
        return False
    return bool(items(described.get("args"))) and not is_encoded(described) and not _is_buffer(described)


@cache
def _held(name: str) -> bool:
    """Return whether a name is a function of data or of a framework: callbacks, metrics, activations."""
    if _framework(name):
        return not family(name) and not any(part.startswith("__") for part in name.split("."))
    module, _, rest = name.rpartition(".")
    words = _words(tables.HELD.get(module, ""))
    return rest in words or ("*" in words and not rest.startswith("_"))


def _attribute_of_class(name: str) -> bool:
    owner, _, attribute = name.rpartition(".")
    return (
        bool(_IDENTIFIER.fullmatch(attribute))
        and bool(owner)
        and (is_class(owner) or is_call(owner))
        and not family(name)
    )


def is_inert_call(name: str, how: str, arguments: Json) -> bool:
    """Return whether calling `name` with described arguments is inert; `how` is the opcode."""
    given = items(arguments)
    if name in MAKERS:
        return is_literal(arguments) and is_inert_maker(name, given)
    if name.endswith(".__new__"):
        return _made_by_new(name.removesuffix(".__new__"), given)
    if how in _MADE and is_class(name):
        return is_literal(arguments) and not consumed(name, given, how)
    if name.startswith("keras.") and is_keras_unpickler(name, given):
        return True
    # Rules, and what is consumed, are about arguments that are all there to be seen.
    return is_whole(arguments) and _called_with(name, how, given)


def _made_by_new(owner: str, given: list[Json]) -> bool:
    plain = is_class(owner) and owner not in tables.STATE_RULES and not any(map(_foreign, given))
    return plain and global_name(given[0] if given else None) == owner


def _called_with(name: str, how: str, given: list[Json]) -> bool:
    rule = tables.ARGUMENT_RULES.get(name)
    if rule == "same-package":
        return _same_package(name, given)
    if rule:
        return RULES[rule](given) and not consumed(name, given)
    if is_call(name):
        return consumed(name, given) == ""
    if how in ("INST", "OBJ") and not given and is_class(name):
        return True
    return _listed(tables.ENUMS, name) and len(given) == 1 and _is_value(given[0])


def consumed(name: str, given: list[Json], how: str = "REDUCE") -> str:
    """Return what a harmless callable would run of its arguments: a function, or the methods of an instance's class.

    Iterating over an object, or converting it, runs methods that nothing else of a load does, and that nobody followed.
    """
    package = "" if name in _CONVERTING else name.partition(".")[0]
    functions = list[str]()
    if name.startswith(_CONVERTERS) and name.startswith(_METRICS) and _converts(name, how):
        functions = [*map(_function, given)]
    handed = taken_apart(name, given, how)
    return next((found for found in (*functions, *(_foreign(item, package) for item in handed)) if found), "")


def taken_apart(name: str, given: list[Json], how: str = "REDUCE") -> list[Json]:
    """Return those of the arguments that a harmless callable iterates over, converts or compares."""
    if how in _MADE and is_class(name):  # no constructor, but `tuple.__new__` iterates, and `int.__new__` converts
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
    other = (how in _MADE and is_class(name)) or name in _UNPACKING or tables.ARGUMENT_RULES.get(name) in _MAKING
    if other or not is_call(name) or _keeps(name):
        return False
    return name.startswith(_CONVERTERS) and not _CYTHON.fullmatch(name.rpartition(".")[2])


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


def _foreign(described: Json, own: str = "") -> str:
    """Return the class of an instance whose methods nobody followed, else nothing."""
    return is_foreign(instance_of(described), own)


def is_foreign(maker: str, own: str = "") -> str:
    """Return what made an instance that is neither data nor of the standard library, NumPy, or the package `own`.

    What joblib puts in place of an array is the array, by the time anything sees it.
    """
    if maker in _NAMESPACES or maker.startswith(RUNNERS):
        return maker
    known = (
        not maker
        or maker.endswith(_WRAPPERS)
        or is_call(maker)
        or maker in tables.ARGUMENT_RULES
        or not is_class(maker)
    )
    package = maker.partition(".")[0]
    return "" if known or package in ("numpy", own) or package in standard_library.MODULES else maker


def _is_value(described: Json) -> bool:
    """Return whether a member of an enumeration is found by it: data, or a member of another (`regex` and `re`)."""
    return is_data(described) or _listed(tables.ENUMS, instance_of(described))


def _class_at(given: list[Json], at: int) -> bool:
    return len(given) > at and is_class(_type_name(given[at]))


def _type_name(described: Json) -> str:
    """Return the dotted name of a described global, or of a builtin type as dill and cloudpickle write it."""
    name = global_name(described)
    if (
        name
        or not isinstance(described, dict)
        or not instance_of(described).endswith(("._load_type", "._builtin_type"))
    ):
        return name
    given = items(described.get("args"))
    return f"builtins.{given[0]}" if len(given) == 1 and f"builtins.{given[0]}" in _DATA_TYPES else ""


def _class_first(given: list[Json]) -> bool:
    return _class_at(given, 0)


def _reconstructor(given: list[Json]) -> bool:
    """Return whether the base, whose `__init__` is called with the state, is object or takes whatever it is given."""
    base = _type_name(given[1]) if len(given) > 1 else ""
    if base == "builtins.object" and is_own_class(given[0]):
        return True
    if not _class_at(given, 0) or base == "builtins.object":
        return _class_at(given, 0)
    state = given[2:3]
    return (base in _DATA_TYPES and not any(map(_foreign, state))) or (is_call(base) and not consumed(base, state))


def is_own_class(described: Json) -> bool:
    """Return whether a value is a class that the pickle brings along, and no other that is found by its name."""
    maker = instance_of(described)
    return maker in CLASSES and not maker.endswith(NAMEDTUPLES)


def subscripts_own_class(name: str, given: list[Json]) -> bool:
    """Return whether a generic class that came along is given types (`Box[int]`), for which it may have a method."""
    if name not in _SUBSCRIPTING or len(given) != 2 or not is_own_class(given[0]):
        return False
    return all(map(_is_type, items(given[1]) or [given[1]]))


def _getattr(given: list[Json]) -> bool:
    if not 2 <= len(given) <= 3:
        return False
    owner = _type_name(given[0]) or instance_of(given[0])
    attribute = given[1]
    if is_data(given[0]):
        return isinstance(attribute, str) and bool(_IDENTIFIER.fullmatch(attribute))
    if attribute == "__new__" or attribute in SHOWING:
        made = attribute == "__new__" and (is_class(owner) or is_named_maker(f"{owner}.__new__"))
        return made or (attribute in SHOWING and owner in _DATA_TYPES)
    if not isinstance(attribute, str) or not _IDENTIFIER.fullmatch(attribute):
        return attribute in ("__setattr__", "__get__") and _is_setter(given)
    if is_call(f"{owner}.{attribute}") or is_ruled(f"{owner}.{attribute}"):
        return True
    if _framework(owner) and is_class_name(owner):
        return is_class(owner) or not family(f"{owner}.{attribute}")
    if family(f"{owner}.{attribute}") and not family(owner):  # a method that opens a file, of a path
        return False
    return is_class(owner) or is_call(owner) or (owner in tables.ARGUMENT_RULES and not _loads(owner))


def _is_setter(given: list[Json]) -> bool:
    """Return whether `object.__setattr__` is looked up, or what binds it, which attrs keeps: it is not called yet."""
    if given[1] == "__setattr__":
        return len(given) == 2 and _type_name(given[0]) == "builtins.object"
    if not isinstance(given[0], dict) or len(given) != 2:
        return False
    found, inner = instance_of(given[0]), items(given[0].get("args"))
    looked_up = found == "builtins.getattr" and len(inner) == 2 and _type_name(inner[0]) == "builtins.object"
    return inner[1:2] == ["__setattr__"] and (looked_up or finds_slot(found, inner))


def _global_by_name(given: list[Json]) -> bool:
    if len(given) != 2 or not all(isinstance(item, str) for item in given):
        return False
    found = f"{given[0]}.{given[1]}"  # it may be a module, too
    return found.partition(".")[0] in ("numpy", "scipy") and not family(found) and not family(f"{given[1]}.name")


def _callable_first(given: list[Json]) -> bool:
    if not given or given[0] is None:
        return True
    name = global_name(given[0])
    if name:
        return is_inert_name(name) or (_framework(name) and not family(name))
    return isinstance(given[0], dict) and all(map(is_inert_name, globals_beside(given[0])))


def _is_partial_type(described: Json) -> bool:
    loaded = items(described.get("args")) if isinstance(described, dict) else []
    by_name = instance_of(described).endswith("._load_type") and loaded == ["PartialType"]
    return by_name or global_name(described) == "functools.partial"


def _holds_a_block(function: Json, arguments: Json, keywords: Json) -> bool:
    """Return whether a partial makes a block of pandas, and holds nothing that this would call."""
    pairs = keywords.get("dict") if isinstance(keywords, dict) and not keywords.get("more") else None
    held = keywords is None or (isinstance(pairs, list) and pairs[::2] in ([], ["ndim"]) and is_data(keywords))
    return global_name(function) == _NEW_BLOCK and not items(arguments) and held


def makes_block(described: Json, arguments: Json) -> bool:
    """Return whether a partial makes a block of pandas; what its state holds is judged where that is given."""
    given = items(described.get("args")) if isinstance(described, dict) else []
    if instance_of(described) == "functools.partial":
        held = len(given) == 1 and global_name(given[0]) == _NEW_BLOCK
    else:
        made = instance_of(described).endswith("._create_ftype") and len(given) == 4 and _is_partial_type(given[0])
        held = made and _holds_a_block(given[1], given[2], given[3])
    return held and len(items(arguments)) == 2 and is_inert_call(_NEW_BLOCK, "REDUCE", arguments)


def _callables(given: list[Json]) -> bool:
    return all(isinstance(item, str) or _callable_first([item]) for item in given)


def _framework(name: str) -> bool:
    return name.partition(".")[0] in _words(tables.FRAMEWORK_PREFIXES)


def is_known_package(name: str) -> bool:
    """Return whether a dotted name is of the standard library or of a package whose sources were read."""
    return _framework(name) or name.partition(".")[0] in standard_library.MODULES


def _calls(given: list[Json], at: int) -> bool:
    name = global_name(given[0] if given else None)
    return len(given) > at and not _loads(name) and is_inert_call(name, "REDUCE", given[at])


def _rebuild_type(given: list[Json]) -> bool:
    made = _class_at(given, 1) and _type_name(given[1]) not in tables.STATE_RULES
    name = _type_name(given[1]) if made else ""
    plain = _PLAIN_ATTRIBUTES.get(name) or _PLAIN_ATTRIBUTES.get(name.partition(".")[0], "")
    return made and _calls(given, 2) and _setattr_state(given[3:], plain)


def _setattr_state(given: list[Json], plain: str = "") -> bool:
    """Return whether the last argument is a state whose names may all be set by `setattr`, or are `plain`."""
    if not given or given[-1] is None:
        return True
    if not isinstance(given[-1], dict) or not {"call", "omitted"}.isdisjoint(given[-1]):
        return False
    refused = _words(tables.SETTER_KEYS) | _words(tables.STATE_KEYS)
    return all(_IDENTIFIER.fullmatch(key) and key not in refused - _words(plain) for key in _pairs(given[-1]))


def _same_package(name: str, given: list[Json]) -> bool:
    """Return whether what is handed over directly, and so called, is inert and of the package of its caller."""
    package = name.partition(".")[0]
    handed = [other for other in map(global_name, given) if other]
    made = not name.startswith(_CONSTRUCTORS)
    own = f"{package}." if made else _CONSTRUCTORS.rpartition("_pickle")[0]
    return all(
        other.partition(".")[0] == package and ((made and is_class(other)) or is_call(other) or _ruled(other))
        for other in handed
    ) and all(_is_own(item, own) for item in given)


def _is_own(described: Json, own: str) -> bool:
    """Return whether a value is no instance, or one of the package `own`: another may be callable, or have its methods.

    What a literal table holds is taken apart, but not called.
    """
    if not isinstance(described, dict) or global_name(described):
        return True
    if "dict" in described:
        return not any(_foreign(item, own.partition(".")[0]) for item in within(described))
    maker = instance_of(described)
    return maker.startswith(own) if "call" in described else next(iter(described)) in _LITERALS


def _ruled(name: str) -> bool:
    return name in tables.ARGUMENT_RULES


def _one_datum(given: list[Json]) -> bool:
    named = ("builtins.Ellipsis", "builtins.NotImplemented")
    return len(given) == 1 and (given[0] is None or global_name(given[0]) in named)


def _one_argument(given: list[Json]) -> bool:
    return len(given) == 1 and not _foreign(given[0])


def _data_arguments(given: list[Json]) -> bool:
    return all(map(is_data, given))


def _sequence_arguments(given: list[Json]) -> bool:
    """Return whether what is copied is data or a literal sequence: Paddle's tensors are tuples of name and array."""
    return all(is_data(item) or (isinstance(item, dict) and not {"tuple", "list"}.isdisjoint(item)) for item in given)


def _held_names(given: list[Json]) -> bool:
    return all(
        is_data(item) and (not isinstance(item, str) or ("__" not in item and not family_of_function(item)))
        for item in given
    )


def _held_method(given: list[Json]) -> bool:
    """Return whether a method that is called of whatever it is handed neither runs nor writes anything, by its name."""
    return _held_names(given) and bool(given) and isinstance(given[0], str) and not method_family(given[0])


def _by_name(given: list[Json]) -> bool:
    """Return whether a module that a name imports is the standard library's or a framework's."""
    name = given[0] if given else None
    if not isinstance(name, str) or name.partition(".")[0] in _ACTS or name.endswith(".__main__"):
        return False
    return name in standard_library.SUBMODULES or (is_known_package(name) and not family(name))


def _type_by_name(given: list[Json]) -> bool:
    return len(given) == 1 and isinstance(given[0], str)


def _union_type(given: list[Json]) -> bool:
    named = ("_operator.or_", "operator.or_")
    return len(given) == 2 and global_name(given[0]) in named and all(map(_is_type, items(given[1])))


def _is_type(described: Json) -> bool:
    """Return whether a value is a type: by its name, that of None, of a container (`list[int]`), or a union itself."""
    if _type_name(described) or instance_of(described).endswith(("._load_type", "._builtin_type")):
        return True
    if instance_of(described) == "builtins.type":
        return isinstance(described, dict) and described.get("args") == {"tuple": [None]}
    return instance_of(described) in _MAKERS_OF_TYPES


def _literal_repr(given: list[Json]) -> bool:
    return len(given) == 1 and isinstance(given[0], str) and bool(_LITERAL_REPR.fullmatch(given[0]))


def _typing_subscript(given: list[Json]) -> bool:
    return len(given) == 2 and global_name(given[0]).partition(".")[0] in ("typing", "collections", "builtins")


def _nested_file(given: list[Json]) -> bool:
    """Return whether the bytes that would be loaded are literal, and so examined as a file of their own."""
    if not given or not isinstance(given[0], dict):
        return False
    if _is_buffer(given[0]):
        return True
    return "bytes" in given[0] or is_encoded(given[0])


def _nested_pickle(given: list[Json], at: int) -> bool:
    """Return whether the pickle that would be loaded is literal bytes, and so examined as one."""
    described = given[at] if len(given) > at else None
    if not isinstance(described, dict):
        return False
    raw = items(described.get("args"))[0] if is_encoded(described) else described.get("bytes")
    return isinstance(raw, str) and bool(_HEADER.match(raw))


def _is_buffer(described: Json) -> bool:
    """Return whether a value is a buffer that nothing but a state fills; what it holds is examined as a file."""
    if not isinstance(described, dict) or instance_of(described) != "_io.BytesIO":
        return False
    return global_name(described.get("call")) == "copyreg._reconstructor" or described.get("args") == {"tuple": []}


def is_keras_unpickler(name: str, given: list[Json]) -> bool:
    """Return whether a model of Keras reads itself from a buffer: its class method does so whatever the class."""
    return name.endswith("._unpickle_model") and len(given) == 1 and _is_buffer(given[0])


def _compiled_context(given: list[Json]) -> bool:
    """Return whether a context of a compiled module holds a callback for later, and no other context than none."""
    return (
        len(given) > 1
        and is_class(instance_of(given[0]))
        and global_name(given[1]) == "contextlib.nullcontext"
        and all(map(is_data, given[2:]))
    )


def _compiled_module(given: list[Json]) -> bool:
    """Return whether a compiled module wraps an instance in a context that was itself judged."""
    return len(given) == 2 and bool(instance_of(given[0])) and instance_of(given[1]) == _CONTEXT


def _local_files(given: list[Json]) -> bool:
    """Return whether an instance is made of the file system of this machine, which only keeps options."""
    local = "fsspec.implementations.local.LocalFileSystem"
    return bool(given) and global_name(given[0]) == local and all(map(is_data, given[1:]))


def _graph_code(given: list[Json]) -> bool:
    """Return whether the imports of a saved graph are literal; they are examined as Python, with its code."""
    return len(given) == 2 and isinstance(given[1], str)


def _text_codec(given: list[Json]) -> bool:
    return len(given) < 2 or (isinstance(given[1], str) and given[1].lower() in _TEXT_CODECS)


def _created_class(given: list[Json]) -> bool:
    """Return whether deap makes a class of a base and attributes that run nothing: data, and classes of instances' own.

    Its name becomes one of the module's, which has functions and classes of its own.
    """
    if len(given) != 3 or not isinstance(given[2], dict) or given[2].get("more"):
        return False
    name, base, content = given[0], given[1], given[2].get("dict")
    named = isinstance(name, str) and _CLASS_NAME.fullmatch(name) and not is_class(f"deap.creator.{name}")
    if not named or not isinstance(content, list):
        return False
    keys = all(isinstance(key, str) and _IDENTIFIER.fullmatch(key) for key in content[::2])
    return keys and _is_base(base) and all(is_data(value) or _is_base(value) for value in content[1::2])


def _is_base(described: Json) -> bool:
    """Return whether a class is one of data or of deap, harmless as a whole, or unknown: of that its import tells."""
    name = _type_name(described)
    if _is_plain_base(described) or (is_class(name) and is_call(name)):
        return True
    return is_class_name(name) and not is_inert_name(name) and not family(name)


def _is_plain_base(described: Json) -> bool:
    """Return whether a class is one of data, of deap, or created by it, which is a call that is judged by itself."""
    name = _type_name(described)
    if not name:
        return instance_of(described) == CREATOR
    return name in _DATA_TYPES or name in _ARRAYS or (name.startswith("deap.") and is_class(name))


def is_created_instance(described: Json, arguments: Json) -> bool:
    """Return whether a class that deap creates is called as its instances are saved: with what they hold, or not."""
    if not isinstance(described, dict) or instance_of(described) != CREATOR:
        return False
    made_of, given = items(described.get("args")), items(arguments)
    if not _created_class(made_of):
        return False
    if global_name(made_of[1]) in _ARRAYS and len(given) == 2 and isinstance(given[0], str):
        return _sequence_arguments(given[1:])  # an array of protocol 2: the type of its items, and these
    return not given or (len(given) == 1 and _sequence_arguments(given) and _is_plain_base(made_of[1]))


def is_harmless_method(computed: Json) -> bool:
    """Return whether what is called is a method of an instance, by its name one that is harmless with any arguments."""
    given = items(computed.get("args")) if isinstance(computed, dict) else []
    if instance_of(computed) != "builtins.getattr" or len(given) != 2 or not isinstance(given[1], str):
        return False
    owner = instance_of(given[0])
    return bool(owner) and is_call(owner) and is_call(f"{owner}.{given[1]}")


def _local_uri(given: list[Json]) -> bool:
    """Return whether a file system is that of this machine, of which nothing is opened."""
    return len(given) == 1 and isinstance(given[0], str) and given[0].startswith("file:///")


_BOUND = frozenset("findall finditer fullmatch match search".split())


def _bound_patterns(given: list[Json]) -> bool:
    """Return whether what a tokenizer calls while it is made are methods of patterns, or None."""
    return len(given) > 2 and all(item is None or _is_bound(item) for item in given[2:])


def _is_bound(described: Json) -> bool:
    given = items(described.get("args")) if isinstance(described, dict) else []
    if instance_of(described) != "builtins.getattr" or len(given) != 2:
        return False
    return instance_of(given[0]) in ("re._compile", "regex._regex.compile") and given[1] in _BOUND


RULES: dict[str, Callable[[list[Json]], bool]] = {
    "bound-patterns": _bound_patterns,
    "local-uri": _local_uri,
    "created-class": _created_class,
    "class-first": _class_first,
    "reconstructor": _reconstructor,
    "getattr": _getattr,
    "global-by-name": _global_by_name,
    "callable-first": _callable_first,
    "callables": _callables,
    "cached-function": lambda given: _data_arguments(given) or (len(given) == 1 and _callable_first(given)),
    "calls-0-with-1": lambda given: _calls(given, 1),
    "calls-0-with-2": _rebuild_type,
    "setattr-state": _setattr_state,
    "one-argument": _one_argument,
    "one-datum": _one_datum,
    "data-arguments": _data_arguments,
    "sequence-arguments": _sequence_arguments,
    "held-method": _held_method,
    "held-names": _held_names,
    "made-partial": lambda given: _is_partial_type(given[0] if given else None) and _callable_first(given[1:]),
    "module-by-name": _by_name,
    "type-by-name": _type_by_name,
    "literal-repr": _literal_repr,
    "typing-subscript": _typing_subscript,
    "union-type": _union_type,
    "nested-file": _nested_file,
    "nested-pickle": lambda given: len(given) == 1 and _nested_pickle(given, 0),
    "nested-pickle-1": lambda given: _nested_pickle(given, 1),
    "nested-pickle-4": lambda given: _nested_pickle(given, 4),
    "text-codec": _text_codec,
    "graph-code": _graph_code,
    "compiled-context": _compiled_context,
    "compiled-module": _compiled_module,
    "local-files": _local_files,
}


def _pairs(described: Json) -> dict[str, Json]:
    """Return the string keys of a described state, of its slots part too."""
    if not isinstance(described, dict):
        return {}
    content = described.get("dict")
    if isinstance(content, list):
        return {key: value for key, value in zip(content[::2], content[1::2], strict=False) if isinstance(key, str)}
    return {key: value for item in items(described) for key, value in _pairs(item).items()}


def _distribution_state(state: Json) -> bool:
    """Return whether scipy would pass nothing but its own template to exec; older states have none."""
    if not (isinstance(state, dict) and "dict" in state):
        generator = items(state)[1:2] if len(items(state)) == 2 else []  # which is kept as it is
        rest = items(state)[0] if generator and instance_of(generator[0]).startswith(_CONSTRUCTORS) else state
        return is_data(rest) and _TEMPLATE_KEY not in str(rest) and "'more'" not in str(rest)
    templates = _values_of(state, _TEMPLATE_KEY)
    return all(isinstance(one, str) and re.fullmatch(tables.DISTRIBUTION_TEMPLATE, one) for one in templates)


def _values_of(state: Json, *keys: str) -> list[Json]:
    """Return all that is stored under some keys of a described dictionary: a later value does not hide an earlier."""
    content = state.get("dict") if isinstance(state, dict) else None
    if not isinstance(content, list):
        return []
    return [value for key, value in zip(content[::2], content[1::2], strict=False) if key in keys]


def _raw_handle(state: Json) -> bool:
    """Return whether no handle is a number, which would be freed as a pointer."""
    if not (isinstance(state, dict) and "dict" in state):
        return False
    handles = _values_of(state, "handle", "_handle")
    return not any(isinstance(one, int | float) or (isinstance(one, dict) and "int" in one) for one in handles)


def _is_dict(state: Json) -> bool:
    return isinstance(state, dict) and "dict" in state


def _nested_state(state: Json) -> bool:
    """Return whether all that loading would read as files is literal, and so examined."""
    return isinstance(state, dict) and "dict" in state and all(map(_is_literal, _values_of(state, *STATE_FILES)))


def _is_literal(described: Json) -> bool:
    if not isinstance(described, dict) or is_encoded(described):
        return True
    kind, content = next(iter(described.items()))
    if kind in ("tuple", "list", "dict") and isinstance(content, list):
        return all(map(_is_literal, content)) and "more" not in described
    return kind == "bytes"


def _local_folder(state: Json) -> bool:
    """Return whether a folder that loading opens is a path, and no address of another machine."""
    folders = _values_of(state, "work_dir", "model_name")
    plain = all(one is None or (isinstance(one, str) and _FOLDER.fullmatch(one)) for one in folders)
    return isinstance(state, dict) and "dict" in state and plain


def _file_beside(state: Json) -> bool:
    """Return whether joblib would read its array from a file beside the one that it loads."""
    return isinstance(state, dict) and "dict" in state and not file_elsewhere(state)


def file_elsewhere(state: Json) -> str:
    """Return the file elsewhere, or the computed name of one, from which joblib would read an array; or nothing."""
    from scanners.judge.external_files import leaves  # few pickles name a file

    named = _values_of(state, "filename")
    computed = any(not isinstance(one, str) for one in named)
    return next((one for one in named if isinstance(one, str) and leaves(one)), "a computed path" if computed else "")


def _uncompiled_state(state: Json) -> bool:
    compiled = _values_of(state, "_compile_kwargs", "define_params")
    return isinstance(state, dict) and "dict" in state and all(one is None for one in compiled)


def _held_functions(state: Json) -> bool:
    """Return whether a descriptor holds nothing of a name that may not be held."""
    return _is_dict(state) and all(map(is_inert_name, globals_beside(state)))


_SUBSCRIPTING = frozenset({"_operator.getitem", "operator.getitem"})
_TEMPLATE_KEY = "_parse_arg_template"


def _formula_state(state: Json) -> bool:
    return isinstance(state, dict) and "dict" in state and all(map(_plain_formula, _values_of(state, "formula")))


def _plain_formula(formula: Json) -> bool:
    return formula is None or (isinstance(formula, str) and formulas.is_plain(formula))


def _spoils_block(state: Json) -> bool:
    """Return whether a partial that makes a block of pandas is given more than `ndim`."""
    given = items(state)
    named = bool(given) and global_name(given[0]) == _NEW_BLOCK
    return named and not (len(given) > 2 and _holds_a_block(given[0], given[1], given[2]))


STATE_RULES: dict[str, Callable[[Json], bool]] = {
    "callable-first": lambda state: (
        _callable_first(items(state)) and not fills_otherwise(state) and not _spoils_block(state)
    ),
    "distribution-state": _distribution_state,
    "raw-handle": _raw_handle,
    "nested-state": _nested_state,
    "local-folder": _local_folder,
    "file-beside": _file_beside,
    "held-functions": _held_functions,
    "uncompiled-state": _uncompiled_state,
    "formula-state": _formula_state,
    "pickled-keys": _is_dict,
    "pickled-module": lambda state: (
        _is_dict(state) and all(_nested_pickle([one], 0) for one in _values_of(state, "module"))
    ),
    "plain-metadata": lambda state: _is_dict(state) and is_data(_values_of(state, "_var_metadata")),
    "plain-state": _is_dict,
    "state-pickle": lambda state: _nested_pickle([state], 0),
}


# Rules of callables whose results real saves give a state; what others return may be a class, a module or anything.
_BUILDABLE = frozenset("calls-0-with-1 calls-0-with-2 class-first one-argument same-package setattr-state".split())


_EXECUTED = {"distribution-state": _TEMPLATE_KEY, "formula-state": "formula"}


def executed_text(name: str, state: Json) -> str:
    """Return the text that an instance of the class `name` would execute of a state that is not inert, else nothing.

    A formula that may call functions of the script alone is for review.
    """
    key = _EXECUTED.get(tables.STATE_RULES.get(name, ""), "")
    rule = _distribution_state if key == _TEMPLATE_KEY else _formula_state
    texts = [text for text in _values_of(state, key) if isinstance(text, str) and not rule({"dict": [key, text]})]
    worse = [text for text in texts if key != "formula" or not formulas.is_tame(text)]
    return worse[0] if worse else ""


def is_inert_build(name: str, state: Json) -> bool:
    """Return whether giving an instance that `name` made a described state is inert."""
    rule = tables.STATE_RULES.get(name)
    if rule:
        return not (isinstance(state, dict) and state.get("more")) and STATE_RULES[rule](state)
    if name in MAKERS:
        return not name.endswith(NAMEDTUPLES)
    ruled = tables.ARGUMENT_RULES.get(name)
    if ruled == "compiled-context":
        return is_data(state) and _CONTEXT_OPTIONS.issuperset(_pairs(state))
    return not name or is_class(name) or is_call(name) or ruled in _BUILDABLE
