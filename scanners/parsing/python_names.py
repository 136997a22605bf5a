"""Resolve what names in Python code stand for, as far as obfuscators commonly go.

Dotted names stand for imports (`os.system`), `NAME()` for the result of calling NAME, and `@NAME` for a function or
class of the module itself.
"""

from __future__ import annotations

import ast
import re
from abc import ABC, abstractmethod
from collections import ChainMap
from typing import Self, TypeVar

from modelsweep.core.limits import Budget
from scanners.parsing.python_constants import MAX_DEPTH, constant, items, text
from scanners.parsing.python_decoders import DECODERS, Value
from scanners.parsing.python_literals import LITERALS, literal_in
from scanners.parsing.python_sinks import KINDS

OWN = "@"
MAX_EVALUATIONS = 1_000_000
"""Maximum expressions and pieces of strings that are evaluated for one file; they could double at each level."""
_MAX_CALL_DEPTH = 2
"""Maximum nesting of function calls whose result is resolved to a name."""
_MAX_COMPREHENSION_DEPTH = 3
"""Maximum nesting of comprehensions whose elements are resolved."""
_MAX_NAME_LENGTH = 1_000
"""Maximum characters of a dotted name; no module has a longer one."""
_MAX_CODE_LENGTH = 1 << 16
"""Maximum characters of a string that is parsed as an expression."""
_BUILTINS = frozenset(
    "exec eval compile getattr setattr __import__ vars globals locals bytes bytearray open chr ord int str map filter "
    "property list tuple reversed range execfile object type enumerate zip sorted dict max min any all "
    "staticmethod classmethod isinstance issubclass hasattr callable repr id print len super iter next dir".split()
)
_SAME_MODULE = {"posix": "os", "nt": "os", "_pickle": "pickle", "cPickle": "pickle", "__builtin__": "builtins"}
_OBJECT = "builtins.object"
GLOBALS = "globals.__dict__"
OTHER_GLOBALS = "other.__globals__"
"""The globals of an unknown module; the builtins are in the globals of every module."""
_ESCAPES = {
    "__builtins__": "builtins",
    "__globals__": OTHER_GLOBALS,
    "f_builtins": "builtins",
    "f_globals": OTHER_GLOBALS,
    "f_locals": OTHER_GLOBALS,
    "__base__": _OBJECT,
    "__code__": "types.CodeType()",
}
"""Attributes that lead from any function, frame or module to builtins, globals or base classes."""
_THROUGH_MODULE = re.compile(
    r"(?!asyncio\.|socket\.|copyreg\.)[\w.]+?\._?((?:os|sys|subprocess|socket|builtins|importlib|shutil|pty|posix|ctypes|pickle|marshal|runpy)"
    r"(?:\.|$).*)"
)
"""Modules reached through another module that imports them: `shutil.os.system`."""
TABLE = ".__dict__"
COMPREHENSIONS = (ast.ListComp, ast.GeneratorExp, ast.SetComp)
_TRANSPARENT_CALLS = frozenset(
    "functools.partial builtins.staticmethod builtins.classmethod contextlib.nullcontext functools.update_wrapper "
    "functools.wraps() functools.lru_cache functools.lru_cache() functools.cache types.MethodType".split()
)
"""Functions whose result does the same as their first argument."""
CLASS_MAKERS = frozenset({"builtins.type", "types.new_class", "dataclasses.make_dataclass"})
"""Callables that make a class from a name, bases and a namespace."""
_GETTERS = ("get", "__getitem__", "pop", "setdefault")
_RESOLVERS = frozenset(
    "resolve_name locate import_string import_object import_from_string import_attr import_item load_object get_method "
    "get_object import_by_name string_import".split()
)
"""Names that many libraries give to functions that import and return the object that a string names."""
_ENTRY_POINTS = frozenset({"importlib.metadata.EntryPoint().load", "importlib_metadata.EntryPoint().load"})
_COMMAND_MODULES = frozenset({"sh"})
"""Modules whose every attribute is a command: https://sh.readthedocs.io."""
COMPUTED = "getattr()"
"""Replaces the name of an attribute that is only known when the code runs."""
EXECUTING = frozenset("os subprocess builtins posix pty runpy commands ctypes.CDLL()".split())
"""Modules where an unknown attribute may well be one that runs commands or code."""
_CTYPES_LOADERS = frozenset("ctypes.cdll ctypes.windll ctypes.oledll ctypes.pydll".split())
_COPYING = frozenset("builtins.iter builtins.list builtins.tuple".split())
"""Functions that return the same items in the same order."""
_MAX_LOOP_STATEMENTS = 20_000
"""Maximum loop statements that are evaluated for one file."""
_PATH = "pathlib.Path()"
PYARMOR = "pyarmor.__pyarmor__"
"""The function that files encrypted by PyArmor call; the number in its module's name is dropped."""
_PATHS = frozenset(
    "Path PosixPath PurePath home cwd expanduser resolve absolute joinpath with_name with_suffix".split()
)
ROWS = (ast.Tuple, ast.List)
_FUNCTIONS = (ast.Lambda, ast.FunctionDef)
_Node = TypeVar("_Node", bound=ast.AST)


class Naming(ABC):
    """What names stand for: dotted names of imports, and assigned expressions."""

    def __init__(self, above: Naming | None = None) -> None:
        self._names: ChainMap[str, str] = above._names.new_child() if above else ChainMap()
        self._values: ChainMap[str, ast.AST] = above._values.new_child() if above else ChainMap()
        self._constants: ChainMap[str, Value | None] = above._constants.new_child() if above else ChainMap()
        self._lists: ChainMap[str, list[Value | None] | None] = above._lists.new_child() if above else ChainMap()
        self._budget: Budget = above._budget if above else Budget("expressions to work out", MAX_EVALUATIONS)
        self._call_depth: int = above._call_depth if above else 0
        self._comprehension_depth: int = above._comprehension_depth if above else 0
        self._members: dict[str, str] = above._members if above else {}
        self._member_values: dict[str, Value | None] = above._member_values if above else {}
        self._member_calls: dict[str, ast.Call] = above._member_calls if above else {}
        """Attributes of classes that are made by `partialmethod` and `partial`."""
        self._rounds: list[int] = above._rounds if above else [_MAX_LOOP_STATEMENTS]
        self._grown: dict[str, int] = {}
        self.star_imports: list[str] = above.star_imports if above else []
        """Neighbouring files from which this one imports all names."""
        self._places: dict[str, int] = {}
        self.unsure = 0
        """Conditions around the current statement: an assignment that may not happen makes no name harmless."""

    def set(self, name: str, dotted: str = "", node: ast.AST | None = None, constant: Value | None = None) -> None:
        """Note what a name stands for from here on; by default, for something unknown."""
        dotted = dotted if len(dotted) <= _MAX_NAME_LENGTH else ""
        place = self._places.get(name, 0)
        before = self._names.maps[place].get(name, "") if self.unsure else ""
        if not self.unsure or (dotted and (executes(dotted) or not executes(before))):
            self._names.maps[place][name] = dotted
        self._constants.maps[place][name], self._lists.maps[place][name] = constant, None
        self._values.maps[place][name] = node or ast.Constant(value=None)

    def set_member(self, owner: str, name: str, dotted: str, constant: Value | None = None) -> None:
        """Note what an attribute of a module, or of a class and its instances, stands for."""
        if owner == GLOBALS:
            self.set(name, dotted, constant=constant)
            return
        if owner and dotted:
            self._members[f"{owner.removesuffix('()')}.{name}"] = dotted
        if owner.startswith(OWN):
            self._member_values[f"{owner.removesuffix('()')}.{name}"] = constant

    def member(self, owner: str, name: str) -> Value | None:
        """Return the constant value of an attribute of a class or of its instances, or None."""
        return self._member_values.get(f"{owner.removesuffix('()')}.{name}")

    def import_all(self, module: str, owner: str = GLOBALS) -> None:
        """Take over all names of a module: into this scope, or as attributes of `owner`."""
        prefix = f"{_SAME_MODULE.get(module, module)}."
        self.unsure += 1  # a module may not export all of its names
        for name in (*KINDS, *DECODERS):
            if name.startswith(prefix):
                top = name.removeprefix(prefix).partition(".")[0].partition("(")[0]
                self.set_member(owner, top, prefix + top)
        self.unsure -= 1

    def each_of(self, node: ast.ListComp | ast.GeneratorExp | ast.SetComp, depth: int) -> str:
        """Return the dotted name that the elements of a comprehension may stand for."""
        if depth > MAX_DEPTH or self._comprehension_depth >= _MAX_COMPREHENSION_DEPTH:  # its source may refer to itself
            return ""
        inner = self.inner()
        inner._comprehension_depth += 1
        for generator in node.generators:
            inner.learn_loop(generator.target, generator.iter)
        return inner.name_of(node.elt, depth + 1)

    def written_of(self, node: ast.AST) -> ast.AST | None:
        """Return the expression that a name stands for; any other expression unchanged."""
        return self.value_of(node.id) if isinstance(node, ast.Name) else self._literal(node)

    def _literal(self, node: _Node) -> _Node | ast.expr:
        """Return the dictionary or list that a call such as `json.loads` returns; any other expression unchanged."""
        if not isinstance(node, ast.Call) or not node.args or self.name_of(node.func) not in LITERALS:
            return node
        return literal_in(text(self, node.args[0], 0)) or node

    def name_of(self, node: ast.AST, depth: int = 0) -> str:
        """Return the dotted name that an expression stands for, or an empty string."""
        self._budget.spend()
        if depth > MAX_DEPTH:
            return ""
        match node:
            case ast.Name(id=name):
                found = self._name(name)
            case ast.Attribute(value=value, attr=name):
                found = self._member(self.name_of(value, depth + 1), name)
            case ast.Call():
                found = self._called(node, depth + 1)
            case ast.Subscript(value=value, slice=key):
                own = isinstance(key, ast.Name) and key.id == "__name__" and self.name_of(value) == "sys.modules"
                found = GLOBALS if own else self._item(value, constant(self, key, depth + 1), depth + 1)
            case ast.NamedExpr(value=value) | ast.Await(value=value):
                found = self.name_of(value, depth + 1)
            case ast.IfExp(body=one, orelse=other):
                found = self.name_of(one, depth + 1) or self.name_of(other, depth + 1)
            case ast.BoolOp(values=values):
                found = next(filter(None, (self.name_of(value, depth + 1) for value in values)), "")
            case ast.BinOp() | ast.Dict(keys=[None]) | ast.DictComp():
                found = self._joined(node, depth + 1)
            case _:
                return ""
        return _canonical(found) if len(found) <= _MAX_NAME_LENGTH else ""

    def _joined(self, node: ast.BinOp | ast.Dict | ast.DictComp, depth: int) -> str:
        """Return the name of a joined path, or of the first module namespace among merged dictionaries."""
        match node:
            case ast.BinOp(left=left, op=ast.Div()):
                return _PATH if self.name_of(left, depth) == _PATH else ""
            case ast.BinOp(left=left, op=ast.BitOr(), right=right):
                parts = [left, right]
            case ast.Dict(values=values):
                parts = values
            case ast.DictComp(generators=[ast.comprehension(iter=ast.Call(func=function, args=given))]):
                if self.name_of(function, depth) == "builtins.dir" and given:
                    return _attribute(self.name_of(given[0], depth), "__dict__")
                parts = [function.value] if isinstance(function, ast.Attribute) and function.attr == "items" else []
            case _:
                parts = []
        return next((name for part in parts if (name := self.name_of(part, depth)).endswith(TABLE)), "")

    def _member(self, owner: str, name: str) -> str:
        """Return the dotted name of an attribute of `owner`."""
        if name == "__call__" and "." in owner and not owner.endswith("()"):
            return owner
        if owner == GLOBALS and name not in _ESCAPES and name not in _GETTERS:
            return self._name(name)
        if (owner == _PATH and name == "parent") or (name == "__self__" and owner.startswith("builtins.")):
            return owner.partition(".")[0] if name == "__self__" else owner
        if owner in _COMMAND_MODULES:
            return f"{owner}.{owner}"
        found = self._members.get(f"{owner.removesuffix('()')}.{name}") or _attribute(owner, name)
        return _ESCAPES.get(name, found)

    def _attribute_named(self, owner: str, key: ast.expr, depth: int) -> str:
        """Return the dotted name of the attribute of `owner` whose name is the value of `key`."""
        name = text(self, key, depth).removesuffix(".__call__")
        if name:
            return self._member(owner, name)
        either = [key.body, key.orelse] if isinstance(key, ast.IfExp) else []
        either += key.values if isinstance(key, ast.BoolOp) else []
        found = next(
            filter(None, (self._attribute_named(owner, part, depth + 1) for part in either if depth < MAX_DEPTH)), ""
        )
        return found or (f"{owner}.{COMPUTED}" if owner in EXECUTING else "")

    def _name(self, name: str) -> str:
        if name in self._names:
            return self._names[name]
        if name == "get_ipython":
            return f"IPython.{name}"
        if name == "__pyarmor__":
            return PYARMOR
        if name == "__builtins__":
            return "builtins"
        return f"builtins.{name}" if name in _BUILTINS else self._members.get(f"builtins.{name}", "")

    def _called(self, node: ast.Call, depth: int) -> str:
        """Return the name of the module or attribute that a call looks up, or `NAME()` for any other call."""
        name = self.name_of(node.func, depth)
        found: str | None = None
        if name == "builtins.type" and isinstance(self.written_of(node.args[0]) if node.args else None, _FUNCTIONS):
            found = "types.FunctionType"
        elif name in CLASS_MAKERS and len(node.args) > (name == "builtins.type"):
            found = f"{OWN}{text(self, node.args[0], depth)}"  # read like a class definition
        elif bound := _bound(name):
            found = bound
        elif name in ("builtins.globals", "builtins.locals", "builtins.vars") and not node.args:
            found = GLOBALS
        elif not name:
            found = self._from_literal(node, depth) or None
        elif (
            name in ("operator.methodcaller()", "operator.call")
            and (made := self.direct(node)) is not node
            and depth < MAX_DEPTH
        ):
            found = self._called(made, depth + 1)
        elif node.args:
            found = self._looked_up(name, node, depth)
        else:
            found = self._unpacked(name, node, depth)
        returned = self.returned(node, _MAX_CALL_DEPTH) if found is None else None
        if returned:
            inner, value = returned
            found = inner.name_of(value, depth + 1) or None
        if found is None:
            found = _PATH if name.startswith("pathlib.") and name.rpartition(".")[2] in _PATHS else name and f"{name}()"
        return found

    def _unpacked(self, name: str, node: ast.Call, depth: int) -> str | None:
        """Return the module whose namespace an object copies, or the object that an entry point names."""
        if name.endswith(f"{TABLE}.copy"):
            return name.removesuffix(".copy")
        spread = [item.value for item in node.keywords if not item.arg]
        if name == "types.SimpleNamespace" and spread:
            table = self.name_of(spread[0], depth)
            return table.removesuffix(".__dict__") if table.endswith(".__dict__") else None
        made = node.func.value if isinstance(node.func, ast.Attribute) else None
        if name in _ENTRY_POINTS and isinstance(made, ast.Call) and made.args[1:]:
            return text(self, made.args[1], depth).replace(":", ".") or None
        return None

    def _from_literal(self, node: ast.Call, depth: int) -> str:
        """Return the name of what a method such as `get` or `pop` returns from a dictionary or list literal."""
        if isinstance(node.func, ast.Attribute) and node.func.attr == "load_module" and node.args:
            return text(self, node.args[0], depth)
        if not isinstance(node.func, ast.Attribute) or node.func.attr not in _GETTERS:
            return ""
        found = self._item(node.func.value, constant(self, node.args[0], depth) if node.args else -1, depth)
        return found or self._default(node, depth)

    def _default(self, node: ast.Call, depth: int) -> str:
        """Return the name of the default that a method such as `get` returns for a missing key."""
        return self.name_of(node.args[1], depth) if len(node.args) > 1 else ""

    def _looked_up(self, name: str, node: ast.Call, depth: int) -> str | None:
        """Return the name that a call looks up, or None if it does something else."""
        first = node.args[0]
        match name:
            case "builtins.__import__" | "importlib.__import__":
                return text(self, first, depth).partition(".")[0]
            case "importlib.import_module":
                return text(self, first, depth) or f"{name}()"
            case "builtins.getattr" if len(node.args) > 1:
                default = self.name_of(node.args[2], depth) if len(node.args) > len(("object", "name")) else ""
                return (
                    default
                    if executes(default)
                    else self._attribute_named(self.name_of(first, depth), node.args[1], depth)
                )
            case "types.FunctionType" if isinstance(first, ast.Attribute) and first.attr == "__code__":
                return self.name_of(first.value, depth) or None
            case _ if name in _TRANSPARENT_CALLS:
                return self.name_of(first, depth)
            case "builtins.vars" | "inspect.getmembers":
                return _attribute(self.name_of(first, depth), "__dict__")
            case "builtins.eval":
                code = parsed_expression(text(self, first, depth))
                return self.name_of(code, depth) if code else ""
        found = self._attribute_looked_up(name, node, depth)
        return self._module_looked_up(name, node, depth) if found is None else found

    def _attribute_looked_up(self, name: str, node: ast.Call, depth: int) -> str | None:
        """Return the attribute that a call other than getattr looks up by name."""
        first = node.args[0]
        match name:
            case "operator.attrgetter()" | "operator.itemgetter()":
                made = self.written_of(node.func)
                if isinstance(made, ast.Call) and made.args and name == "operator.attrgetter()":
                    return self._attribute_named(self.name_of(first, depth), made.args[0], depth)
                key = constant(self, made.args[0], depth) if isinstance(made, ast.Call) and made.args else None
                return self._item(first, key, depth)
            case "inspect.getattr_static" | "builtins.object.__getattribute__" if len(node.args) > 1:
                return self._attribute_named(self.name_of(first, depth), node.args[1], depth)
            case "builtins.next":
                return self._element(self._copied(first), 0, depth) or None
            case "functools.reduce" if len(node.args) > 2 and self.name_of(first, depth) == "builtins.getattr":
                names = items(self, node.args[1], depth) or [None]
                path = ".".join(name for name in names if isinstance(name, str))
                return _attribute(self.name_of(node.args[2], depth), path)
        return None

    def _copied(self, node: ast.AST) -> ast.AST | None:
        """Return the list behind an expression that may be a copy or an iterator of it."""
        made = self.written_of(node)
        for _ in range(MAX_DEPTH):
            if not (isinstance(made, ast.Call) and len(made.args) == 1 and self.name_of(made.func) in _COPYING):
                break
            made = self.written_of(made.args[0])
        return made

    def _module_looked_up(self, name: str, node: ast.Call, depth: int) -> str | None:
        """Return the module or object that a call looks up by its name, or in a namespace."""
        first = node.args[0]
        match name:
            case "builtins.dict" | "collections.ChainMap" | "types.MappingProxyType" if (
                table := self.name_of(first, depth)
            ).endswith(".__dict__"):
                return table
            case "importlib.util.find_spec" | "importlib.find_loader" | "pkgutil.find_loader":
                return _attribute(text(self, first, depth), "__spec__")
            case "importlib.util.module_from_spec" | "importlib.reload" | "builtins.reload":
                return self.name_of(first, depth).removesuffix(".__spec__") or None
        owner, _, attribute = name.rpartition(".")
        if attribute in _RESOLVERS and not owner.startswith(OWN) and (named := text(self, first, depth)):
            return named.replace(":", ".") if "." in named.replace(":", ".") else None
        if attribute == "load_module":
            return text(self, first, depth) or None
        if attribute == "__getattribute__":
            owner = self.name_of(first, depth) if len(node.args) > 1 else owner
            return self._attribute_named(owner, node.args[-1], depth) or None
        if attribute in _GETTERS:
            return self._got_item(owner, node, depth) or None
        return None

    def _got_item(self, owner: str, node: ast.Call, depth: int) -> str:
        """Return the name of a dictionary entry: `t.get(key)`, `get(key)` or `dict.get(t, key)`."""
        key = constant(self, node.args[0], depth)
        if owner == "builtins.dict":
            return self._item(node.args[0], constant(self, node.args[1], depth), depth) if len(node.args) > 1 else ""
        if isinstance(node.func, ast.Attribute) and node.func.attr in _GETTERS:
            return self._item(node.func.value, key, depth) or self._default(node, depth)
        return self._entry(owner, key) if isinstance(key, str) else ""

    def _item(self, node: ast.expr, key: Value | None, depth: int) -> str:
        if isinstance(node, ast.Attribute) and node.attr in ("__mro__", "__bases__"):
            return _OBJECT
        owner = self.name_of(node, depth)
        returned = self.returned(node, _MAX_CALL_DEPTH) if isinstance(node, ast.Call) else None
        if returned and isinstance(returned[1], ast.Dict | ast.List | ast.Tuple):
            return returned[0]._element(returned[1], key, depth)
        if not owner:
            return self._element(self.written_of(node), key, depth)
        if isinstance(key, str) and key:
            return self._entry(owner, key)
        module = owner.removesuffix(".__dict__")
        return f"{module}.{COMPUTED}" if module in EXECUTING and (module != owner or owner == "builtins") else ""

    def _entry(self, owner: str, key: str) -> str:
        """Return the entry `key` of `owner`: a namespace, `sys.modules`, or a library's functions."""
        if owner == GLOBALS:
            return self._name(key)
        if owner == OTHER_GLOBALS:
            return "builtins" if key == "__builtins__" else key.lstrip("_") if key.startswith("_") else key
        if owner == "sys.modules":
            return key
        if owner in _CTYPES_LOADERS or owner == "ctypes.LibraryLoader()":
            return "ctypes.CDLL()"
        if owner == "plumbum.local":
            return "plumbum.local.__getitem__()"
        is_table = owner.endswith(TABLE) or owner in ("builtins", "ctypes.CDLL()", "ctypes.PyDLL()")
        if owner.startswith(OWN) and is_table:
            return self._member(owner.removesuffix(TABLE), key)
        return f"{owner.removesuffix(TABLE)}.{key}" if is_table else ""

    def _element(self, value: ast.AST | None, key: Value | None, depth: int) -> str:
        """Return the name of an element of a dictionary literal, a list literal or a comprehension."""
        if isinstance(value, ast.Dict):
            for name, item in zip(value.keys, value.values, strict=True):
                if key is not None and name and constant(self, name, depth) == key:
                    return self.name_of(item, depth)
        elif (
            isinstance(value, ast.List | ast.Tuple)
            and isinstance(key, int)
            and -len(value.elts) <= key < len(value.elts)
        ):
            return self.name_of(value.elts[key], depth)
        elif isinstance(value, COMPREHENSIONS):
            return self.each_of(value, depth)
        return ""

    def direct(self, node: ast.Call) -> ast.Call:
        """Return the direct call that `partial(f, x)(y)` or `methodcaller(name, x)(y)` is equivalent to.

        Any other call is unchanged, except that literals after `*` and `**` become arguments.
        """
        node = self._spread(node)
        named = not isinstance(node.func, ast.Attribute) or node.func.attr == "call"
        if named and node.args and self.name_of(node.func) == "operator.call":
            return ast.copy_location(ast.Call(node.args[0], node.args[1:], node.keywords), node)
        made: ast.AST | None = self.written_of(node.func)
        if isinstance(node.func, ast.Attribute):
            owner = self.name_of(node.func.value).removesuffix("()") if self._member_calls else ""
            made = self._member_calls.get(f"{owner}.{node.func.attr}")
        if not isinstance(made, ast.Call) or not made.args:
            return node
        name = self.name_of(made.func)
        if isinstance(made.func, ast.Attribute) and made.func.attr == "__get__":
            found = ast.Call(made.func.value, [made.args[0], *node.args], node.keywords)
        elif name == "functools.partialmethod" and isinstance(node.func, ast.Attribute):
            found = self._bound(node.func.value, made, node)
        elif name == "functools.partial":
            found = ast.Call(made.args[0], [*made.args[1:], *node.args], [*made.keywords, *node.keywords])
        elif name == "operator.methodcaller" and node.args and (method := text(self, made.args[0], 0)):
            found = ast.Call(ast.Attribute(node.args[0], method), made.args[1:], made.keywords)
        else:
            return node
        return ast.copy_location(self._spread(found), node)

    def _bound(self, owner: ast.expr, made: ast.Call, node: ast.Call) -> ast.Call:
        """Return the direct call that a call of a `partialmethod` is equivalent to."""
        function, given = made.args[0], [*made.args[1:], *node.args]
        if isinstance(function, ast.Name) and function.id not in self._names:  # a method of the class
            function = ast.Attribute(owner, function.id)
        else:
            given.insert(0, owner)
        return ast.Call(function, given, [*made.keywords, *node.keywords])

    def _spread(self, node: ast.Call) -> ast.Call:
        """Return a call with `*name` and `**name` replaced by their elements, if those are literals."""
        if all(item.arg for item in node.keywords) and not any(isinstance(item, ast.Starred) for item in node.args):
            return node
        args: list[ast.expr] = []
        for item in node.args:
            row = self.written_of(item.value) if isinstance(item, ast.Starred) else None
            args += row.elts if isinstance(row, ROWS) else [item]
        keywords: list[ast.keyword] = []
        for given in node.keywords:
            table = None if given.arg else self.written_of(given.value)
            found = [given]
            if isinstance(table, ast.Dict):
                pairs = zip(table.keys, table.values, strict=True)
                found = [ast.keyword(text(self, key, 1) or None, value) for key, value in pairs if key]
            elif isinstance(table, ast.Call) and self.name_of(table.func) == "builtins.dict" and not table.args:
                found = table.keywords
            keywords += found
        return ast.copy_location(ast.Call(node.func, args, keywords), node)

    def spend(self, count: int = 1) -> None:
        """Count evaluated expressions; raises OverLimit for too many."""
        self._budget.spend(count)

    def value_of(self, name: str) -> ast.AST | None:
        """Return the expression or the definition that a name stands for, or None."""
        return self._values.get(name)

    def constant_of(self, name: str) -> Value | None:
        """Return the constant that a name stands for, or None."""
        return self._constants.get(name)

    def list_of(self, name: str) -> list[Value | None] | None:
        """Return the constants in the list that a name stands for, or None."""
        return self._lists.get(name)

    def has_constants(self) -> bool:
        """Return whether this scope itself has no names, or at least one whose constant is known."""
        given, lists = self._constants.maps[0], self._lists.maps[0]
        return not given or any(value is not None for value in (*given.values(), *lists.values()))

    def inner(self) -> Self:
        """Return a scope nested in this one, with the names of this one."""
        return type(self)(self)

    @abstractmethod
    def learn_loop(self, target: ast.expr, source: ast.expr) -> dict[str, str]:
        """Bind the target names of a loop to an element of `source`.

        Returns the previous meanings of those that ran code: an empty loop leaves them as they were.
        """

    @abstractmethod
    def returned(self, node: ast.Call, inside: int) -> tuple[Self, ast.expr] | None:
        """Return the expression that a function of the module returns, and the scope to evaluate it in.

        None unless the function is a lambda or a few simple statements, or if `inside` calls are already nested.
        """


def parsed_expression(text: str) -> ast.expr | None:
    """Return the syntax tree of an expression, or None if the string is not one."""
    if not text or len(text) > _MAX_CODE_LENGTH:
        return None
    try:
        return ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError):
        return None


def _bound(name: str) -> str:
    """Return the function that `__get__` binds, the module that `load_module` loads, or an empty string."""
    if name.startswith(OWN) and name.endswith(".__get__"):
        return name.removesuffix(".__get__")
    return name.partition(".__spec__")[0] if name.endswith(".load_module") and ".__spec__" in name else ""


def _canonical(dotted: str) -> str:
    """Return the canonical form of a name: without the module it is reached through, and without aliases."""
    reached = _THROUGH_MODULE.fullmatch(dotted) if "." in dotted else None
    dotted = reached[1] if reached else dotted
    top, dot, rest = dotted.partition(".")
    return f"{_SAME_MODULE[top]}{dot}{rest}" if top in _SAME_MODULE else dotted


def executes(dotted: str) -> bool:
    """Return whether a name stands for a function that runs commands or code, or for a module with such functions."""
    return dotted in EXECUTING or dotted in ("builtins.exec", "builtins.eval") or KINDS.get(dotted) == "command"


def _attribute(owner: str, name: str) -> str:
    return f"{owner}.{name}" if owner and name and len(owner) + len(name) < _MAX_NAME_LENGTH else ""
