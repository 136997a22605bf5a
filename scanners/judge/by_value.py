"""Functions and classes that dill and cloudpickle store by value: what rebuilds them, and code that runs on load.

Sources: cloudpickle/cloudpickle.py and dill/_dill.py. Rebuilding a function from its code runs nothing; calling it, or
making an instance of a class whose special methods travel along, does.
"""

from __future__ import annotations

from modelsweep.core.finding import Json
from scanners.judge.described import instance_of, items

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
"""What cloudpickle 1.3 to 2.2 make functions with, which they look up by its name; named plainly it is suspect."""
FUNCTIONS = _full(_FUNCTION_MAKERS) | {BARE_FUNCTION}
WITH_GLOBALS = frozenset({"dill._dill._create_function", "dill.dill._create_function"})
"""Those that are handed the globals of the function, as the second argument."""
CLASSES = _full(_CLASS_MAKERS)
CODE = frozenset({"types.CodeType", "dill._dill._create_code", "dill.dill._create_code", "builtins.code"})
"""Makers of code objects, whose arguments are told as a fact of their own."""
NAMESPACES = frozenset({"builtins.__dict__"})
"""What the globals of a function may hold, which dill stores with it; on their own they are suspect."""
MAIN = frozenset({"builtins.__main__", "__main__.__dict__"})
"""What dill writes for the namespace of the main module; where torch.save calls it, the second."""
NAMEDTUPLES = "._create_namedtuple"
"""Ending of what returns a class or module of that name where there is one."""
VIEWS = ("._make_dict_keys", "._make_dict_values", "._make_dict_items", "._dictproxy_helper", ".dynamic_subimport")
"""Endings of what iterates over a table that it is given."""
REFERENCES = ("._create_weakref", "._create_weakproxy")
"""Endings of what refers to an object, and may be given a function for when that is gone."""
MAKERS = FUNCTIONS | CLASSES | CODE | _full(_PART_MAKERS) | MAIN
STATE_FILES = frozenset({"__cuda_dependent_attributes__", "__codegen__"})
"""Keys of a state under which skorch and e3nn keep whole files as bytes: for classes of the rule `nested-state`."""
METACLASSES = frozenset(
    {
        "builtins.type",
        "abc.ABCMeta",
        "enum.EnumMeta",
        "enum.EnumType",
        "typing.GenericMeta",
        "typing._ProtocolMeta",
        "types.type",
    }
)
ON_LOAD = frozenset(
    "__new__ __init__ __setstate__ __del__ __setattr__ __setitem__ __hash__ __eq__ __getattr__ __getattribute__ append "
    "extend add __init_subclass__ __set_name__ __call__ __instancecheck__ __subclasscheck__ __prepare__".split()
)
"""Methods that loading itself may call on an instance of a class stored by value."""
SHOWING = ("__format__", "__repr__", "__str__")
"""Methods that return a text, which enumerations take from the type of their values."""
PLAIN_METHODS = {
    "dataclasses._dataclass_setstate": "__setstate__",
    "typing._no_init_or_replace_init": "__init__",
    **{f"enum.Enum.{name}": name for name in ("__new__", *SHOWING)},
}
"""What the standard library itself puts into classes as a method: the first sets the fields that are named, the others
look for a member by its value, show it, and look for an `__init__` among the bases.
"""


_SETATTR = "dill._dill._setattr"
_LOOKUP: list[Json] = [{"global": "dill._dill"}, "_setattr", {"global": "builtins.setattr"}]
LOOKED_UP = ("dill._dill", "builtins.setattr")
"""Names that dill's way of finding `setattr` mentions."""


def maker_of(computed: Json) -> str:
    """Return what made the thing that is called, where that is a function or class stored by value, else nothing."""
    made_by = instance_of(computed)
    if made_by == "types.MethodType" and isinstance(computed, dict) and (given := items(computed.get("args"))):
        return maker_of(given[0])
    return made_by if made_by in FUNCTIONS or made_by in CLASSES else ""


def is_own_attribute(name: str, given: list[Json]) -> bool:
    """Return whether a call sets an attribute of a class, function or closure that the pickle itself brings along."""
    if len(given) != 3 or not isinstance(given[1], str):
        return False
    if name == "builtins.setattr":
        return bool(maker_of(given[0]))
    return name == _SETATTR and given[1] == "cell_contents" and instance_of(given[0]).endswith("._create_cell")


def looks_up_setattr(name: str, given: list[Json]) -> bool:
    """Return whether a call is the way in which dill finds the `setattr` that fills closures."""
    return name == "builtins.getattr" and given == _LOOKUP
