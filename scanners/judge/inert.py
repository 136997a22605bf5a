"""Whether a call is inert: rules on the arguments of callables that the tables of `inert_names` list with one.

Arguments are what `scanners.parsing.pickle_values` describes: constants as themselves, all else as an object whose
first key says what it is.
"""

from __future__ import annotations

from collections.abc import Callable

from modelsweep.core import patterns as re
from modelsweep.core.finding import Json
from scanners.judge import inert_names as tables
from scanners.judge.by_value import (
    CLASSES,
    MAKERS,
    METACLASSES,
    NAMEDTUPLES,
    NEW_CLASS,
    REFERENCES,
    SHOWING,
    VIEWS,
    fills_class,
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
from scanners.judge.expressions import is_named_maker
from scanners.judge.function_globals import FILLERS, globals_beside, holds_namespace
from scanners.judge.handed_values import MADE, NEW_BLOCK, WRAPPERS, consumed, foreign_class
from scanners.judge.listed_names import (
    CLASS_NAME,
    DATA_TYPES,
    FILES,
    IDENTIFIER,
    is_call,
    is_class,
    is_class_name,
    is_enum,
    is_framework,
    is_inert_name,
    is_known_package,
    is_ruled,
    loads_file,
    words_of,
)
from scanners.parsing import standard_library

_SUBSCRIPTING = frozenset({"_operator.getitem", "operator.getitem"})
_HEADER = re.compile(r"(?:\x80|\\x80)[^\n]", re.DOTALL)
"""How bytes are described that begin as pickles of protocols 2 and later do, or latin-1 text of them."""
_LITERAL_REPR = re.compile(r"None|Ellipsis|NotImplemented|range\(-?[0-9]+(?:, -?[0-9]+){1,2}\)")
_TEXT_CODECS = frozenset("latin1 latin-1 iso-8859-1 utf8 utf-8 ascii".split())
CONSTRUCTORS = "numpy.random._pickle."
"""Functions that call the class they are handed, and do not only make an instance of it."""
_ACTS = frozenset("antigravity idlelib lib2to3 test this turtledemo".split())
"""Modules that do something when they are imported: the first opens a browser, some of the others run programs."""
_PLAIN_ATTRIBUTES = {
    "torch.nested._internal.nested_tensor.NestedTensor": "_lengths _metadata_cache _offsets _ragged_idx _size _values",
    "torchao": "scale",
    "torchvision.tv_tensors._bounding_boxes.BoundingBoxes": "canvas_size clamping_mode format",
}
"""Attributes that a class, or all classes of a package, set themselves and have no property of, where classes of other
packages have one.
"""
_MAKERS_OF_TYPES = frozenset("types.GenericAlias functools.reduce _functools.reduce operator.getitem".split())
_CONTEXT = "torch._dynamo.eval_frame.OptimizeContext"
CREATOR = "deap.creator.meta_create"
_ARRAYS = frozenset({"array.array", "numpy.ndarray", "deap.creator._array"})
_LITERALS = frozenset("tuple list set frozenset bytes float int".split())


def is_inert_maker(name: str, given: list[Json]) -> bool:
    """Return whether a call rebuilds something stored by value and runs nothing but the metaclass that it names."""
    if name not in MAKERS:
        return False
    if name.endswith(FILLERS):  # what is filled came along, and neither it nor its globals are imported
        filled = instance_of(given[0]) if given else ""
        own = filled in MAKERS and not filled.endswith(NAMEDTUPLES)
        return own and not holds_namespace(given[0]) and not any(map(foreign_class, given[1:]))
    if name.endswith(NAMEDTUPLES):
        return _is_new_tuple(given)
    if name.endswith(VIEWS):
        pairs = name.endswith(("items", "_helper"))  # of a literal table these take nothing apart
        inner = [
            item for one in given if pairs and not (isinstance(one, dict) and "dict" in one) for item in within(one)
        ]
        return not any(map(foreign_class, (*given, *inner)))
    if name == NEW_CLASS:
        return fills_class(given) and _is_only_metaclass(given[2])
    if name.endswith(REFERENCES):
        return all(map(is_data, given[1:]))
    if name in CLASSES and any(one.endswith(WRAPPERS) for one in globals_in(given)):
        return False  # joblib reads raw bytes behind instances of such a class, too
    return name not in CLASSES or name.endswith("_make_skeleton_enum") or (bool(given) and _is_metaclass(given[0]))


def _is_new_tuple(given: list[Json]) -> bool:
    """Return whether a named tuple is made anew: dill looks for a class or module of that name first."""
    if len(given) < 3 or not isinstance(given[0], str) or not isinstance(given[2], str):
        return False
    found, module = f"{given[2]}.{given[0]}", given[2]
    known = is_framework(module) or module.partition(".")[0] in standard_library.MODULES
    named = bool(IDENTIFIER.fullmatch(given[0])) and (not known or is_class_name(found) or module.startswith("__"))
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


def loads_computed(name: str, given: list[Json]) -> bool:
    """Return whether a callable would load a file out of bytes that a call makes of others, where nobody sees them."""
    at = FILES.get(tables.ARGUMENT_RULES.get(name, ""), len(given))
    described = given[at] if at < len(given) else None
    if not isinstance(described, dict) or "call" not in described:
        return False
    return bool(items(described.get("args"))) and not is_encoded(described) and not _is_buffer(described)


def is_inert_call(name: str, how: str, arguments: Json) -> bool:
    """Return whether calling `name` with described arguments is inert; `how` is the opcode."""
    given = items(arguments)
    if name in MAKERS:
        return is_literal(arguments) and is_inert_maker(name, given)
    if name.endswith(".__new__"):
        return _made_by_new(name.removesuffix(".__new__"), given)
    if how in MADE and is_class(name):
        return is_literal(arguments) and not consumed(name, given, how)
    if name.startswith("keras.") and is_keras_unpickler(name, given):
        return True
    # Rules, and what is consumed, are about arguments that are all there to be seen.
    return is_whole(arguments) and _called_with(name, how, given)


def _made_by_new(owner: str, given: list[Json]) -> bool:
    plain = is_class(owner) and owner not in tables.STATE_RULES and not any(map(foreign_class, given))
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
    return is_enum(name) and len(given) == 1 and _is_value(given[0])


def _is_value(described: Json) -> bool:
    """Return whether a member of an enumeration is found by it: data, or a member of another (`regex` and `re`)."""
    return is_data(described) or is_enum(instance_of(described))


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
    return f"builtins.{given[0]}" if len(given) == 1 and f"builtins.{given[0]}" in DATA_TYPES else ""


def _class_first(given: list[Json]) -> bool:
    return _class_at(given, 0)


def _reconstructor(given: list[Json]) -> bool:
    """Return whether the base, whose `__init__` is called with the state, is object or takes whatever it is given."""
    base = _type_name(given[1]) if len(given) > 1 else ""
    if base == "builtins.object":
        # Whatever a call of it does: only an instance without `__init__` is made, and a function is refused
        return is_own_class(given[0]) or _class_at(given, 0) or is_call(_type_name(given[0]))
    if not _class_at(given, 0):
        return False
    state = given[2:3]
    return (base in DATA_TYPES and not any(map(foreign_class, state))) or (is_call(base) and not consumed(base, state))


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
        return isinstance(attribute, str) and bool(IDENTIFIER.fullmatch(attribute))
    if attribute == "__new__" or attribute in SHOWING:
        made = attribute == "__new__" and (is_class(owner) or is_named_maker(f"{owner}.__new__"))
        return made or (attribute in SHOWING and owner in DATA_TYPES)
    if not isinstance(attribute, str) or not IDENTIFIER.fullmatch(attribute):
        return attribute in ("__setattr__", "__get__") and _is_setter(given)
    if is_call(f"{owner}.{attribute}") or is_ruled(f"{owner}.{attribute}"):
        return True
    if is_framework(owner) and is_class_name(owner):
        return is_class(owner) or not family(f"{owner}.{attribute}")
    if family(f"{owner}.{attribute}") and not family(owner):  # a method that opens a file, of a path
        return False
    return is_class(owner) or is_call(owner) or (owner in tables.ARGUMENT_RULES and not loads_file(owner))


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


def callable_first(given: list[Json]) -> bool:
    if not given or given[0] is None:
        return True
    name = global_name(given[0])
    if name:
        return is_inert_name(name) or (is_framework(name) and not family(name))
    return isinstance(given[0], dict) and all(map(is_inert_name, globals_beside(given[0])))


def _is_partial_type(described: Json) -> bool:
    loaded = items(described.get("args")) if isinstance(described, dict) else []
    by_name = instance_of(described).endswith("._load_type") and loaded == ["PartialType"]
    return by_name or global_name(described) == "functools.partial"


def holds_a_block(function: Json, arguments: Json, keywords: Json) -> bool:
    """Return whether a partial makes a block of pandas, and holds nothing that this would call."""
    pairs = keywords.get("dict") if isinstance(keywords, dict) and not keywords.get("more") else None
    held = keywords is None or (isinstance(pairs, list) and pairs[::2] in ([], ["ndim"]) and is_data(keywords))
    return global_name(function) == NEW_BLOCK and not items(arguments) and held


def makes_block(described: Json, arguments: Json) -> bool:
    """Return whether a partial makes a block of pandas; what its state holds is judged where that is given."""
    given = items(described.get("args")) if isinstance(described, dict) else []
    if instance_of(described) == "functools.partial":
        held = len(given) == 1 and global_name(given[0]) == NEW_BLOCK
    else:
        made = instance_of(described).endswith("._create_ftype") and len(given) == 4 and _is_partial_type(given[0])
        held = made and holds_a_block(given[1], given[2], given[3])
    return held and len(items(arguments)) == 2 and is_inert_call(NEW_BLOCK, "REDUCE", arguments)


def _callables(given: list[Json]) -> bool:
    return all(isinstance(item, str) or callable_first([item]) for item in given)


def _calls(given: list[Json], at: int) -> bool:
    name = global_name(given[0] if given else None)
    return len(given) > at and not loads_file(name) and is_inert_call(name, "REDUCE", given[at])


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
    refused = words_of(tables.SETTER_KEYS) | words_of(tables.STATE_KEYS)
    return all(IDENTIFIER.fullmatch(key) and key not in refused - words_of(plain) for key in pairs_of(given[-1]))


def _same_package(name: str, given: list[Json]) -> bool:
    """Return whether what is handed over directly, and so called, is inert and of the package of its caller."""
    package = name.partition(".")[0]
    handed = [other for other in map(global_name, given) if other]
    made = not name.startswith(CONSTRUCTORS)
    own = f"{package}." if made else CONSTRUCTORS.rpartition("_pickle")[0]
    return all(
        other.partition(".")[0] == package and ((made and is_class(other)) or is_call(other) or is_ruled(other))
        for other in handed
    ) and all(_is_own(item, own) for item in given)


def _is_own(described: Json, own: str) -> bool:
    """Return whether a value is no instance, or one of the package `own`: another may be callable, or have its methods.

    What a literal table holds is taken apart, but not called.
    """
    if not isinstance(described, dict) or global_name(described):
        return True
    if "dict" in described:
        return not any(foreign_class(item, own.partition(".")[0]) for item in within(described))
    maker = instance_of(described)
    return maker.startswith(own) if "call" in described else next(iter(described)) in _LITERALS


def _one_datum(given: list[Json]) -> bool:
    named = ("builtins.Ellipsis", "builtins.NotImplemented")
    return len(given) == 1 and (given[0] is None or global_name(given[0]) in named)


def _one_argument(given: list[Json]) -> bool:
    return len(given) == 1 and not foreign_class(given[0])


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


def nested_pickle(given: list[Json], at: int) -> bool:
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


def _no_folder(given: list[Json]) -> bool:
    """Return whether a cache of joblib has no folder: with one, it is made when the cache is."""
    return bool(given) and given[0] is None and all(map(is_data, given[1:]))


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
    named = isinstance(name, str) and CLASS_NAME.fullmatch(name) and not is_class(f"deap.creator.{name}")
    if not named or not isinstance(content, list):
        return False
    keys = all(isinstance(key, str) and IDENTIFIER.fullmatch(key) for key in content[::2])
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
    return name in DATA_TYPES or name in _ARRAYS or (name.startswith("deap.") and is_class(name))


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
    "callable-first": callable_first,
    "callables": _callables,
    "cached-function": lambda given: _data_arguments(given) or (len(given) == 1 and callable_first(given)),
    "calls-0-with-1": lambda given: _calls(given, 1),
    "calls-0-with-2": _rebuild_type,
    "setattr-state": _setattr_state,
    "one-argument": _one_argument,
    "one-datum": _one_datum,
    "data-arguments": _data_arguments,
    "sequence-arguments": _sequence_arguments,
    "held-method": _held_method,
    "held-names": _held_names,
    "made-partial": lambda given: _is_partial_type(given[0] if given else None) and callable_first(given[1:]),
    "module-by-name": _by_name,
    "type-by-name": _type_by_name,
    "literal-repr": _literal_repr,
    "typing-subscript": _typing_subscript,
    "union-type": _union_type,
    "nested-file": _nested_file,
    "nested-pickle": lambda given: len(given) == 1 and nested_pickle(given, 0),
    "nested-pickle-1": lambda given: nested_pickle(given, 1),
    "nested-pickle-4": lambda given: nested_pickle(given, 4),
    "text-codec": _text_codec,
    "graph-code": _graph_code,
    "compiled-context": _compiled_context,
    "compiled-module": _compiled_module,
    "local-files": _local_files,
    "no-folder": _no_folder,
}


def pairs_of(described: Json) -> dict[str, Json]:
    """Return the string keys of a described state, of its slots part too."""
    if not isinstance(described, dict):
        return {}
    content = described.get("dict")
    if isinstance(content, list):
        return {key: value for key, value in zip(content[::2], content[1::2], strict=False) if isinstance(key, str)}
    return {key: value for item in items(described) for key, value in pairs_of(item).items()}
