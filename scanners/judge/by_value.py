"""Functions and classes that dill and cloudpickle store by value: what rebuilds them, and code that runs on load.

Sources: cloudpickle/cloudpickle.py and dill/_dill.py. Rebuilding a function from its code runs nothing; calling it, or
instantiating a class whose special methods are in the pickle, does.
"""

from __future__ import annotations

from modelsweep.core.finding import Json
from scanners.judge.described import global_name, instance_of, items

_FUNCTION_MAKERS = "_make_function _make_skel_func _create_function"
_CLASS_MAKERS = "_make_skeleton_class _make_skeleton_enum _rehydrate_skeleton_class _create_type _create_namedtuple"
_PART_MAKERS = (
    "_make_empty_cell _make_cell _create_cell _function_setstate _class_setstate _fill_function _cell_set "
    "_make_typevar _make_dict_keys _make_dict_values _make_dict_items _gen_ellipsis _gen_not_implemented "
    "dynamic_subimport _get_bases _create_weakref _create_weakproxy _create_typing_tuple _dictproxy_helper "
    "_get_dataclass_field_type_sentinel"
)
_MODULES = (
    "cloudpickle",
    "dill._dill",
    "dill.dill",
    *(
        f"{package}cloudpickle.{module}"
        for package in ("", "joblib.externals.", "numba.", "ray.")
        for module in ("cloudpickle", "cloudpickle_fast")
    ),
)


def _full(names: str) -> frozenset[str]:
    return frozenset(f"{module}.{name}" for module in _MODULES for name in names.split())


BARE_FUNCTION = "types.LambdaType"
"""The type with which cloudpickle 1.3 to 2.2 makes functions; it is looked up by name, so a plain import is suspect."""
FUNCTIONS = _full(_FUNCTION_MAKERS) | {BARE_FUNCTION}
WITH_GLOBALS = frozenset({"dill._dill._create_function", "dill.dill._create_function"})
"""Makers of functions that receive the globals of the function as their second argument."""
NEW_CLASS = "types.new_class"
"""The maker that dill uses for classes whose bases have arguments (`Generic[T]`); it calls its argument `exec_body`."""
CLASSES = _full(_CLASS_MAKERS) | {NEW_CLASS}
CODE = frozenset({"types.CodeType", "dill._dill._create_code", "dill.dill._create_code", "builtins.code"})
"""Makers of code objects, which have their own kind of fact."""
NAMESPACES = frozenset({"builtins.__dict__"})
"""Values in the globals that dill stores with a function; elsewhere they are suspect."""
MAIN = frozenset({"builtins.__main__", "__main__.__dict__"})
"""Names that dill writes for the namespace of the main module; the second one when torch.save calls it."""
NAMEDTUPLES = "._create_namedtuple"
"""Name suffix of makers that return an existing class or module of that name, if there is one."""
VIEWS = ("._make_dict_keys", "._make_dict_values", "._make_dict_items", "._dictproxy_helper", ".dynamic_subimport")
"""Name suffixes of callables that iterate over a dictionary argument."""
REFERENCES = ("._create_weakref", "._create_weakproxy")
"""Name suffixes of makers of weak references, which take a callback."""
MAKERS = FUNCTIONS | CLASSES | CODE | _full(_PART_MAKERS) | MAIN
RUNNERS = ("torch.utils.data.dataloader.", "torch.utils.data.datapipes.")
"""Name prefixes of classes that call what they contain when anything iterates over them."""
STATE_FILES = frozenset({"__cuda_dependent_attributes__", "__codegen__"})
"""Keys of a state under which skorch and e3nn keep whole files as bytes, for classes of the rule `nested-state`."""
METACLASSES = frozenset(
    {
        "builtins.type",
        "abc.ABCMeta",
        "enum.EnumMeta",
        "enum.EnumType",
        "typing.GenericMeta",
        "typing._ProtocolMeta",
        "typing._TypedDictMeta",
        "types.type",
    }
)
ON_LOAD = frozenset(
    "__new__ __init__ __setstate__ __del__ __setattr__ __setitem__ __hash__ __eq__ __getattr__ __getattribute__ append "
    "extend add __init_subclass__ __set_name__ __call__ __instancecheck__ __subclasscheck__ __prepare__".split()
)
"""Methods that loading itself may call on an instance of a class stored by value."""
SETTER = "__setattr__"
FROZEN_SETTER = frozenset(
    "cannot assign to field |type|super|__setattr__|self|name|value|FrozenInstanceError|cls".split("|")
)
"""All names and strings in the setter of a frozen dataclass, which raises or calls the setter of its base."""
SUSPECT_NAMES = frozenset(
    "system popen Popen subprocess check_output check_call getoutput execv execve execvp spawnv fork pty socket "
    "urlopen urlretrieve eval exec __import__ marshal ctypes b64decode rmtree startfile".split()
)
"""Names that a model's function has little reason to use."""
SHOWING = ("__format__", "__repr__", "__str__")
"""Methods that return a string, which enumerations take from the type of their values."""
PLAIN_METHODS = {
    "attr._make._frozen_delattrs": "__delattr__",
    "attr._make._frozen_setattrs": "__setattr__",
    "dataclasses._dataclass_setstate": "__setstate__",
    "dataclasses._replace": "__replace__",
    "dataclasses.replace": "replace",
    "typing._no_init_or_replace_init": "__init__",
    **{f"enum.Enum.{name}": name for name in ("__new__", *SHOWING)},
}
"""Harmless functions that the standard library and attrs add to classes, as methods or as globals of methods: they
raise, set named fields, copy with other fields, find or show a member by its value, or find an `__init__`.
"""


KERAS_UNPICKLER = frozenset(
    "keras keras.src.saving.saving_lib src saving saving_lib _load_model_from_fileobj load_model cls bytesio".split()
)
"""All names in `_unpickle_model` of Keras 3, which is stored by value and loads a buffer as a model."""
FILLS_CLASS = ("dill._dill._setitems", "dill.dill._setitems")
"""Functions that fill the namespace of a class that dill makes from a dictionary."""
_GETATTR = ("dill._dill._getattr", "dill.dill._getattr")
_UNCHANGING = {
    one.__name__: frozenset(name for name in vars(one) if not name.startswith("_"))
    for one in (bytes, complex, float, frozenset, int, str, tuple)
}
"""Methods of immutable types by type; their results are plain values."""
_DILLS = ("dill._dill", "dill._shims._dill")
"""Names under which dill imports its own module; the second one before 0.3.6."""
_SETATTRS = frozenset(f"{module}._setattr" for module in _DILLS)
_LOOKUPS: list[list[Json]] = [[{"global": module}, "_setattr", {"global": "builtins.setattr"}] for module in _DILLS]
LOOKED_UP = (*_DILLS, *_SETATTRS, "builtins.setattr")
"""Names that occur when dill looks up `setattr`."""


def maker_of(computed: Json) -> str:
    """Return the maker of a callee that is a function or class stored by value, or an empty string."""
    made_by = instance_of(computed)
    if (
        (made_by == "types.MethodType" or _is_type_of_methods(computed))
        and isinstance(computed, dict)
        and (given := items(computed.get("args")))
    ):
        return maker_of(given[0])
    return made_by if made_by in FUNCTIONS or made_by in CLASSES else ""


def _is_type_of_methods(computed: Json) -> bool:
    """Return whether a callee is the type of bound methods, as dill looks it up."""
    loaded = computed.get("call") if isinstance(computed, dict) else None
    named = isinstance(loaded, dict) and instance_of(loaded).endswith("._load_type")
    return isinstance(loaded, dict) and named and items(loaded.get("args")) == ["MethodType"]


def is_own_attribute(name: str, given: list[Json]) -> bool:
    """Return whether a call sets an attribute of a class, function or closure cell that is stored by value."""
    if len(given) != 3 or not isinstance(given[1], str):
        return False
    if name == "builtins.setattr":
        return bool(maker_of(given[0])) or _is_its_name(given)
    return name in _SETATTRS and given[1] == "cell_contents" and instance_of(given[0]).endswith("._create_cell")


def _is_its_name(given: list[Json]) -> bool:
    """Return whether a class is given its own name, as dill does with classes that it imports."""
    name = global_name(given[0])
    return given[1] == "__qualname__" and isinstance(given[2], str) and f".{name}".endswith(f".{given[2]}")


def fills_class(given: list[Json]) -> bool:
    """Return whether `types.new_class` is called as dill does: its body only sets items from the pickle."""
    body = given[3] if len(given) == 4 else None
    if not isinstance(body, dict):
        return False
    bound, maker = items(body.get("args")), body.get("call")
    named = global_name(maker) == "functools.partial" or (
        instance_of(maker).endswith("._load_type")
        and isinstance(maker, dict)
        and items(maker["args"]) == ["PartialType"]
    )
    return named and len(bound) == 1 and global_name(bound[0]) in FILLS_CLASS


def fills_otherwise(state: Json) -> bool:
    """Return whether a partial function fills a class from something other than a literal dictionary."""
    given = items(state)
    if not given or global_name(given[0]) not in FILLS_CLASS:
        return False
    pairs = given[2].get("dict") if len(given) > 2 and isinstance(given[2], dict) else None
    literal = isinstance(pairs, list) and len(pairs) == 2 and isinstance(pairs[1], dict) and "dict" in pairs[1]
    return bool(items(given[1])) or not literal


def finds_method(name: str, given: list[Json]) -> bool:
    """Return whether a call is how protocols before 4 name one of `PLAIN_METHODS`."""
    if name != "builtins.getattr" or len(given) != 2:
        return False
    return f"{global_name(given[0])}.{given[1]}" in PLAIN_METHODS


def finds_slot(name: str, given: list[Json]) -> bool:
    """Return whether a call is how dill finds a method of a built-in type, whose representation it evaluates.

    The representation must be exactly Python's `repr` of the method.
    """
    if name not in _GETATTR or len(given) != 3 or not isinstance(given[0], dict):
        return False
    owner = global_name(given[0]).removeprefix("builtins.")
    if instance_of(given[0]).endswith("._load_type"):
        loaded = items(given[0].get("args"))
        owner = loaded[0] if len(loaded) == 1 and isinstance(loaded[0], str) else ""
    if owner in _UNCHANGING and given[1] in _UNCHANGING[owner]:
        return given[2] == f"<method '{given[1]}' of '{owner}' objects>"
    slots = {"object": (*SHOWING, "__setattr__"), "str": SHOWING, "int": SHOWING, "float": SHOWING}.get(owner, ())
    return given[1] in slots and given[2] == f"<slot wrapper '{given[1]}' of '{owner}' objects>"


def looks_up_setattr(name: str, given: list[Json]) -> bool:
    """Return whether a call is how dill finds the `setattr` that fills closure cells."""
    return name == "builtins.getattr" and given in _LOOKUPS
