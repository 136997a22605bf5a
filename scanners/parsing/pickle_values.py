"""Resolve symbolic pickle values: names of callables through indirection, arguments as bounded JSON."""

from __future__ import annotations

from _compat_pickle import IMPORT_MAPPING, NAME_MAPPING

from modelsweep.core.finding import Json
from modelsweep.core.text import printable
from scanners.parsing import pickle_kinds as kinds
from scanners.parsing.builtin_names import BUILTINS, TYPES
from scanners.parsing.pickle_literals import Constant, literal_at, text_at
from scanners.parsing.pickle_machine import Machine

STRING_LIMIT = 400
"""Maximum characters of a string that are kept in a fact."""
DEPTH_LIMIT = 5
MAX_ARGUMENTS = 32
"""Maximum arguments of one call that are described."""
NODE_LIMIT = 48
"""Maximum values that are described in one argument."""
MAX_CACHED_CONSTANTS = 1_000
"""Maximum decoded literals that are cached: those of a checkpoint's tensors are used several times."""
MAX_NAME_LENGTH = 1_000
"""Maximum characters of a dotted name to which attributes are appended."""
EXACT_INTEGER = 1 << 53

_GETATTR = frozenset(
    {"builtins.getattr", "operator.attrgetter", "dill._dill._getattribute", "cloudpickle.cloudpickle._getattribute"}
)
_GET_OR_BUILTIN = frozenset({"dill._dill._get_attr", "dill.dill._get_attr"})
"""How dill before 0.3.6 finds functions of compiled modules; names that the module lacks are taken from `builtins`."""
_IMPORTERS = frozenset({"builtins.__import__", "importlib.import_module", "importlib.__import__"})
_IMPORTERS |= {"dill._dill._import_module", "pkgutil.resolve_name"}
_CLOUDPICKLES = tuple(f"{package}cloudpickle.cloudpickle" for package in ("", "joblib.externals.", "numba.", "ray."))
_IMPORTERS |= {f"{module}.subimport" for module in _CLOUDPICKLES}
_TYPE_LOADERS = frozenset(
    {"dill._dill._load_type", "dill.dill._load_type", *(f"{module}._builtin_type" for module in _CLOUDPICKLES)}
)
_CLASS_MAKERS = frozenset({"copyreg._reconstructor", "copyreg.__newobj__", "copyreg.__newobj_ex__"})
# Names by which dill loads types that are not in `types`, nor in `builtins` under that name.
_TYPES = {
    "PartialType": "functools.partial", "ItemGetterType": "operator.itemgetter",
    "AttrGetterType": "operator.attrgetter", "SuperType": "builtins.super", "FileType": "_io.FileIO",
    "BufferedRandomType": "_io.BufferedRandom", "BufferedReaderType": "_io.BufferedReader",
    "BufferedWriterType": "_io.BufferedWriter", "TextWrapperType": "_io.TextIOWrapper",
}  # fmt: skip
_TYPES |= {name: f"builtins.{name}" for name in TYPES}
# Calling the result of these calls their first argument.
_PARTIAL = frozenset({"functools.partial", "_functools.partial", "types.MethodType"})
# Callables whose result is named by their first argument.
_NAMED_BY_FIRST = _PARTIAL | _GETATTR | _GET_OR_BUILTIN
_CONTAINERS = {kinds.TUPLE: "tuple", kinds.LIST: "list", kinds.DICT: "dict", kinds.SET: "set"}
_CONTAINERS[kinds.FROZENSET] = "frozenset"


# The modules that pickle records for functions of `os`; people search for the name they know.
_PLATFORM = {"posix": "os", "nt": "os"}


def full_name(module: str, name: str) -> str:
    """Return the dotted name of a global in Python 3; names of Python 2 are mapped as loaders map them."""
    module, name = NAME_MAPPING.get((module, name), (module, name))
    return f"{_PLATFORM.get(module) or IMPORT_MAPPING.get(module, module)}.{name}"


class Values:
    """Reads the values of a machine."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self._resolved: dict[int, str] = {}
        self._constants: dict[int, Constant] = {}
        self.is_brief = False
        """Whether arguments are left out from here on because there were too many."""

    def arguments(self, value: int) -> list[int]:
        """Return the positional arguments of a call, as far as they are known."""
        return self.machine.items(value) if value >= 0 and self.machine.kind(value) == kinds.TUPLE else []

    def constant(self, value: int) -> Constant:
        """Return a literal, cut to `STRING_LIMIT`."""
        if value in self._constants:
            return self._constants[value]
        found = literal_at(self.machine.reader, value >> 1, STRING_LIMIT)
        if len(self._constants) < MAX_CACHED_CONSTANTS:
            self._constants[value] = found
        return found

    def string(self, value: int, limit: int = STRING_LIMIT) -> str:
        """Return a literal string, cut to `limit`, or an empty string for any other value."""
        if value < 0 or value & 1:
            return ""
        text = text_at(self.machine.reader, value >> 1)
        constant = text.decode(self.machine.reader, limit) if text and not text.binary else ""
        return constant if isinstance(constant, str) else ""

    def callee(self, value: int) -> str:
        """Return the dotted name of a value, as far as constant arguments determine it, or an empty string.

        `getattr(import_module('os'), 'system')` is `os.system`, and so is a partial of it. Each value is resolved once,
        after the values that it depends on, without recursion.
        """
        pending = [value] if self._is_made(value) else []
        while pending:
            missing = self._missing(pending[-1])
            if missing >= 0:
                pending.append(missing)
                continue
            last = pending.pop()
            if last not in self._resolved:
                self._resolved[last] = self._returned(last)
        return self._known(value)

    def _is_made(self, value: int) -> bool:
        return self.machine.kind(value) in (kinds.CALL, kinds.OBJECT, kinds.PERSISTENT)

    def _known(self, value: int) -> str:
        """Return the name of a value that is a global or already resolved."""
        if self.machine.kind(value) == kinds.GLOBAL:
            return full_name(*self.machine.name(value))
        return self._resolved.get(value, "")

    def _missing(self, value: int) -> int:
        """Return a value that must be resolved before this one, or -1."""
        if not self._is_made(value) or value in self._resolved:
            return -1
        machine = self.machine
        if machine.kind(value) == kinds.PERSISTENT:
            needed = self.arguments(machine.first(value))[1:2]
        else:
            made_by = machine.first(value)
            if self._is_made(made_by) and made_by not in self._resolved:
                return made_by
            asks = self._is_made(made_by) or self._known(made_by) in _NAMED_BY_FIRST
            needed = self.arguments(machine.second(value))[:1] if asks else []
        return next((one for one in needed if self._is_made(one) and one not in self._resolved), -1)

    def _returned(self, value: int) -> str:
        """Return the dotted name of the result of a call, or an empty string if its arguments do not determine it."""
        machine = self.machine
        if machine.kind(value) == kinds.PERSISTENT:
            return self._persistent_class(machine.first(value))
        made_by, arguments = machine.first(value), self.arguments(machine.second(value))
        maker = self._known(made_by)
        if maker in _PARTIAL and arguments:
            return self._known(arguments[0])
        if maker in _GETATTR and len(arguments) > 1:
            return self._joined(arguments[0], self.string(arguments[1]))
        if maker in _GET_OR_BUILTIN and len(arguments) > 1:
            attribute = self.string(arguments[1])
            return f"builtins.{attribute}" if attribute in BUILTINS else self._joined(arguments[0], attribute)
        if maker in _IMPORTERS and arguments:
            return self.string(arguments[0]).replace(":", ".")
        if maker in _TYPE_LOADERS and arguments:
            return _TYPES.get(self.string(arguments[0]), f"types.{self.string(arguments[0])}")
        if machine.kind(made_by) in (kinds.CALL, kinds.OBJECT) and arguments:
            return self._applied(made_by, arguments[0])
        return ""

    def made_class(self, instance: int) -> str:
        """Return the name of an instance's class, or of the callable that returned it."""
        maker = self.callee(self.machine.first(instance))
        if maker in _CLASS_MAKERS or maker.endswith(".__new__"):
            arguments = self.arguments(self.machine.second(instance))
            return self.callee(arguments[0]) if arguments else maker
        return maker

    def _persistent_class(self, identifier: int) -> str:
        """Resolve the class of a module as torch before 1.6 saves it: `('module', class, source file, source)`."""
        parts = self.arguments(identifier)
        return self._known(parts[1]) if len(parts) > 1 and self.string(parts[0]) == "module" else ""

    def _applied(self, getter: int, target: int) -> str:
        """Resolve `attrgetter(name)(target)` and `methodcaller(name)(target)`."""
        names = self.arguments(self.machine.second(getter))
        maker = self._known(self.machine.first(getter))
        if maker in ("operator.attrgetter", "operator.methodcaller") and names:
            return self._joined(target, self.string(names[0]))
        return ""

    def _joined(self, target: int, attribute: str) -> str:
        base = self._known(target)
        return f"{base}.{attribute}" if base and attribute and len(base) < MAX_NAME_LENGTH else ""

    def is_of_package(self, callee: int, package: str) -> bool:
        """Return whether a callee is a global below `package`, or the result of one, and not a partial of it."""
        if self.machine.kind(callee) != kinds.GLOBAL:
            callee = self.machine.first(callee)
        return self.machine.kind(callee) == kinds.GLOBAL and self._known(callee).startswith(package)

    def is_plain(self, value: int, package: str, depth: int = DEPTH_LIMIT) -> bool:
        """Return whether a value contains only numbers, globals below `package`, and results of these globals."""
        machine, kind = self.machine, self.machine.kind(value)
        if kind in _CONTAINERS:
            given = machine.items(value)
            complete = depth > 0 and len(given) == machine.second(value)
            return complete and all(self.is_plain(item, package, depth - 1) for item in given)
        if kind in (kinds.CALL, kinds.OBJECT):
            maker = machine.first(value)
            return (self.callee(maker) or self.callee(machine.first(maker))).startswith(package)
        if kind:
            return kind == kinds.GLOBAL and self.callee(value).startswith(package)
        return not isinstance(self.constant(value), str | bytes)

    def describe(self, value: int) -> Json:
        """Return a value as bounded JSON: constants as themselves, everything else as an object of one key."""
        if self.is_brief:
            return {"omitted": True}
        if self.machine.kind(value) != kinds.TUPLE:
            return self._describe(value, DEPTH_LIMIT, [NODE_LIMIT])
        # Each argument has its own budget, so that a large one does not hide those after it.
        items = self.machine.items(value)[:MAX_ARGUMENTS]
        described: list[Json] = [self._describe(item, DEPTH_LIMIT, [NODE_LIMIT]) for item in items]
        more = self.machine.second(value) - len(items)
        return {"tuple": described, "more": more} if more else {"tuple": described}

    def _describe(self, value: int, depth: int, left: list[int]) -> Json:
        left[0] -= 1
        if value < 0 or depth < 0 or left[0] < 0:
            return {"omitted": True}
        if not value & 1:
            return _constant_json(self.constant(value))
        machine = self.machine
        kind = machine.kind(value)
        if kind in (kinds.CALL, kinds.OBJECT):
            made = {"call": self._describe(machine.first(value), depth - 1, left)}
            return {**made, "args": self._describe(machine.second(value), depth - 1, left)}
        if kind in _CONTAINERS:
            return self._container(_CONTAINERS[kind], value, machine.second(value), depth, left)
        if kind == kinds.PERSISTENT:
            saved_class = self.callee(value)
            if saved_class:
                return {"global": saved_class}
            return {"persistent": self._describe(machine.first(value), depth - 1, left)}
        return self._leaf(kind, value)

    def _leaf(self, kind: int, value: int) -> Json:
        machine = self.machine
        if kind == kinds.GLOBAL:
            return {"global": full_name(*machine.name(value))}
        if kind == kinds.EXTENSION:
            return {"extension": machine.first(value)}
        return {"computed": True} if kind == kinds.COMPUTED_GLOBAL else {"buffer": True}

    def _container(self, name: str, value: int, count: int, depth: int, left: list[int]) -> Json:
        items: list[Json] = []
        for item in self.machine.items(value):
            if left[0] <= 0:
                break
            items.append(self._describe(item, depth - 1, left))
        described: dict[str, Json] = {name: items}
        if count > len(items):  # a list also shows an instance among the rest
            described["more"] = count - len(items)
            if self.machine.kind(value) == kinds.LIST and self.machine.first(value):
                described["holds"] = self._describe(self.machine.first(value), depth - 1, [NODE_LIMIT])
        return described


def _constant_json(constant: Constant) -> Json:
    if isinstance(constant, bytes):
        return {"bytes": printable(constant.decode("latin-1"), STRING_LIMIT)}
    if isinstance(constant, str):
        return constant.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    if isinstance(constant, float) and not abs(constant) < float("inf"):
        return {"float": str(constant)}
    if isinstance(constant, int) and not isinstance(constant, bool) and abs(constant) >= EXACT_INTEGER:
        return {"int": hex(constant)[:STRING_LIMIT]}
    return constant


def render(value: Json) -> str:
    """Return described arguments as readable Python code."""
    if not isinstance(value, dict):
        return repr(value)
    key, content = next(iter(value.items()))
    if key == "global":
        return str(content)
    if key == "call":
        arguments = render(value.get("args", {"tuple": []}))
        return f"{render(content)}{arguments if arguments.startswith('(') else f'({arguments})'}"
    if isinstance(content, list):
        return _render_container(key, content, bool(value.get("more")))
    if key == "bytes":
        return f"b'{content}'"
    return {"omitted": "…", "persistent": "<persistent object>"}.get(
        key, f"<{key}>" if content is True else str(content)
    )


def _render_container(key: str, content: list[Json], more: bool) -> str:
    items = [render(item) for item in content] + ["…"] * more
    if key == "dict":
        pairs = [": ".join(items[at : at + 2]) for at in range(0, len(items), 2)]
        return "{" + ", ".join(pairs) + "}"
    if key == "tuple" and len(items) == 1:
        return f"({items[0]})"
    opening, closing = {"tuple": ("(", ")"), "list": ("[", "]")}.get(key, ("{", "}"))
    return f"{opening}{', '.join(items)}{closing}"
