"""What the names in Python code stand for, worked out as far as obfuscation commonly goes.

A dotted name stands for what was imported (`os.system`), `NAME()` for what calling it returned, and `@NAME` for a
function or class of the module itself.
"""

from __future__ import annotations

import ast
import re
from collections import ChainMap
from collections.abc import Iterable

from modelsweep.core.limits import Budget
from scanners.parsing.python_constants import DEPTH, constant, items, text
from scanners.parsing.python_decoders import NAMES, Value
from scanners.parsing.python_syntax import Definition

OWN = "@"
FOLDS = 1_000_000
"""Expressions and pieces of text of one file that are worked out; they could double at each level."""
_NAMED_INSIDE = 2
"""Functions inside each other by whose result something is named."""
_STEPS = 20
"""Statements of a function whose result is worked out."""
_LONGEST_CODE = 1 << 16
"""Characters of an expression in a text."""
_BUILTINS = frozenset(
    "exec eval compile getattr setattr __import__ vars globals locals bytes bytearray open chr ord int str map filter "
    "property list tuple reversed range execfile object type enumerate zip sorted dict max min any all "
    "staticmethod isinstance issubclass hasattr callable repr id print len super iter next".split()
)
_SAME_MODULE = {"posix": "os", "nt": "os", "_pickle": "pickle", "cPickle": "pickle", "__builtin__": "builtins"}
_OBJECT = "builtins.object"
_GLOBALS = "globals.__dict__"
_OTHER_GLOBALS = "other.__globals__"
"""The names of whatever module a function belongs to, where every one has the built-in ones."""
_ESCAPES = {
    "__builtins__": "builtins",
    "__globals__": _OTHER_GLOBALS,
    "f_builtins": "builtins",
    "f_globals": _OTHER_GLOBALS,
    "f_locals": _OTHER_GLOBALS,
    "__base__": _OBJECT,
    "__code__": "types.CodeType()",
}
"""Attributes that lead out of any function or module, whichever it is."""
_REACHED = re.compile(
    r"(?!asyncio\.|socket\.)[\w.]+?\._?((?:os|sys|subprocess|socket|builtins|importlib|shutil|pty|posix|ctypes|pickle|marshal|runpy)"
    r"(?:\.|$).*)"
)
"""Modules that others import, reached through them: `shutil.os.system`."""
_GETTERS = ("get", "__getitem__", "pop", "setdefault")
_PATH = "pathlib.Path()"
_PATHS = frozenset(
    "Path PosixPath PurePath home cwd expanduser resolve absolute joinpath with_name with_suffix".split()
)
_ROWS = (ast.Tuple, ast.List)
_LISTS = (ast.List, ast.Tuple, ast.ListComp, ast.GeneratorExp, ast.Call)
_Function = Definition | ast.Lambda


class Scope:
    """What names stand for in a scope: dotted names of what was imported, and expressions that were assigned."""

    def __init__(self, above: Scope | None = None) -> None:
        self._names: ChainMap[str, str] = above._names.new_child() if above else ChainMap()
        self._values: ChainMap[str, ast.AST] = above._values.new_child() if above else ChainMap()
        self._constants: ChainMap[str, Value | None] = above._constants.new_child() if above else ChainMap()
        self._lists: ChainMap[str, list[Value | None] | None] = above._lists.new_child() if above else ChainMap()
        self._budget: Budget = above._budget if above else Budget("expressions to work out", FOLDS)
        self._inside: int = above._inside if above else 0
        self._members: dict[str, str] = above._members if above else {}
        self.functions: dict[str, tuple[Definition, Scope]] = above.functions if above else {}
        """Functions of the file by name, those inside others included, each with the scope that it stands in."""
        self._places: dict[str, int] = {}
        self.first = ""
        """What the first argument of the function stands for whose scope this is: the instance of a method."""
        self.unsure = 0
        """Conditions around the statement that is read: what may not happen does not make a name harmless."""

    def set(self, name: str, dotted: str = "", node: ast.AST | None = None, constant: Value | None = None) -> None:
        """Note what a name stands for from here on; without more, for nothing that is known."""
        place = self._places.get(name, 0)
        if dotted or not self.unsure:
            self._names.maps[place][name] = dotted
        self._constants.maps[place][name], self._lists.maps[place][name] = constant, None
        self._values.maps[place][name] = node or ast.Constant(value=None)

    def set_member(self, owner: str, name: str, dotted: str) -> None:
        """Note what an attribute of a module, a class or its instances stands for."""
        if owner and dotted:
            self._members[f"{owner.removesuffix('()')}.{name}"] = dotted

    def define(self, function: Definition) -> None:
        """Note a function of the module, or one inside another, which stands in this scope."""
        self.functions[function.name] = function, self
        self.set(function.name, f"{OWN}{function.name}", function)

    def close_class(self, name: str) -> None:
        """Take the names that the body of a class gave as attributes of the class; this is the scope of the body."""
        for member, dotted in self._names.maps[0].items():
            if not dotted.startswith(OWN):
                self.set_member(f"{OWN}{name}", member, dotted)

    def call(self, function: _Function, given: ast.Call | None, caller: Scope, first: str = "") -> Scope:
        """Return the scope of a function that is called: `first` is what its first argument stands for."""
        inner = Scope(self)
        arguments = function.args
        named = [*arguments.posonlyargs, *arguments.args]
        for argument in (*named, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg):
            if argument:
                inner.set(argument.arg)
        if first and named:
            inner.set(named.pop(0).arg, first)
            inner.first = first
        if given:
            keywords = {item.arg: item.value for item in given.keywords if item.arg}
            pairs = [*zip((item.arg for item in named), given.args, strict=False), *keywords.items()]
            for name, node in pairs:
                inner.set(name, caller.name_of(node, 1), node, constant(caller, node, 1))
        return inner

    def learn(self, node: ast.AST) -> None:
        """Take in what a statement or an assignment in an expression makes of names."""
        match node:
            case ast.Import(names=names):
                for item in names:
                    top = item.name.partition(".")[0]
                    self.set(item.asname or top, item.name if item.asname else top)
            case ast.ImportFrom():
                self._learn_from(node)
            case ast.Assign(targets=targets, value=value):
                for target in targets:
                    self._assign(target, value)
            case ast.AnnAssign(target=target, value=ast.expr() as value) | ast.NamedExpr(target=target, value=value):
                self._assign(target, value)
            case ast.AugAssign(target=ast.Name() as target, op=kind, value=value):
                self._assign(target, ast.BinOp(left=target, op=kind, right=value))
            case ast.Global(names=names) | ast.Nonlocal(names=names):
                place = -1 if isinstance(node, ast.Global) else min(1, len(self._names.maps) - 1)
                self._places.update(dict.fromkeys(names, place))
            case ast.withitem(context_expr=value, optional_vars=ast.Name() as target):
                self._assign(target, value)

    def learn_loop(self, target: ast.expr, source: ast.expr) -> None:
        """Note that the names of a loop's target stand for something out of `source`."""
        elements = source.elts if isinstance(source, ast.List | ast.Tuple) else []
        only = constant(self, elements[0]) if len(elements) == 1 else None
        for item in ast.walk(target):
            if isinstance(item, ast.Name):
                self.set(item.id, next(filter(None, map(self.name_of, elements)), ""), source, only)

    def blur(self, names: Iterable[str]) -> None:
        """Note that names are changed in a loop: what they are made of is known, what they hold is not."""
        self._constants.update(dict.fromkeys(names))

    def _learn_from(self, node: ast.ImportFrom) -> None:
        from scanners.parsing.python_sinks import KINDS

        module = "" if node.level or not node.module else node.module
        for item in node.names:
            self.set(item.asname or item.name, module and f"{module}.{item.name}")
        if module and node.names[0].name == "*":
            prefix = f"{_SAME_MODULE.get(module, module)}."
            for name in (*KINDS, *NAMES):
                if name.startswith(prefix):
                    top = name.removeprefix(prefix).partition(".")[0].partition("(")[0]
                    self.set(top, prefix + top)

    def _assign(self, target: ast.expr, value: ast.expr) -> None:
        if isinstance(target, ast.Name):
            self._assign_name(target.id, value)
        elif isinstance(target, ast.Attribute):
            self.set_member(self.name_of(target.value), target.attr, self.name_of(value))
        elif isinstance(target, _ROWS) and isinstance(value, _ROWS):
            for inner, item in zip(target.elts, value.elts, strict=False):  # up to what a star takes
                if isinstance(inner, ast.Starred):
                    break
                self._assign(inner, item)

    def _assign_name(self, name: str, value: ast.expr) -> None:
        known = constant(self, value)
        listed = items(self, value) if known is None and isinstance(value, _LISTS) else None
        made: ast.AST = value
        if any(isinstance(item, ast.Name) and item.id == name for item in ast.walk(value)) and name in self._values:
            # What the name stood for before is part of what it is made of.
            before = self._values[name]
            made = ast.Set(elts=[value, *([before] if isinstance(before, ast.expr) else [])])
        self.set(name, self.name_of(value), made, known)
        self._lists[name] = listed

    def name_of(self, node: ast.AST, depth: int = 0) -> str:
        """Return the dotted name that an expression stands for, or nothing."""
        self._budget.spend()
        if depth > DEPTH:
            return ""
        match node:
            case ast.Name(id=name):
                found = self._name(name)
            case ast.Attribute(value=value, attr=name):
                owner = self.name_of(value, depth + 1)
                found = self._members.get(f"{owner.removesuffix('()')}.{name}") or _attribute(owner, name)
                found = owner if owner == _PATH and name == "parent" else _ESCAPES.get(name, found)
            case ast.Call():
                found = self._called(node, depth + 1)
            case ast.Subscript(value=value, slice=key):
                found = self._item(value, constant(self, key, depth + 1), depth + 1)
            case ast.NamedExpr(value=value) | ast.Await(value=value):
                found = self.name_of(value, depth + 1)
            case ast.IfExp(body=one, orelse=other):
                found = self.name_of(one, depth + 1) or self.name_of(other, depth + 1)
            case ast.BoolOp(values=values):
                found = next(filter(None, (self.name_of(value, depth + 1) for value in values)), "")
            case ast.BinOp(left=left, op=ast.Div()):
                found = _PATH if self.name_of(left, depth + 1) == _PATH else ""
            case _:
                return ""
        reached = _REACHED.fullmatch(found) if "." in found else None
        found = reached[1] if reached else found
        top, dot, rest = found.partition(".")
        return f"{_SAME_MODULE[top]}{dot}{rest}" if top in _SAME_MODULE else found

    def _name(self, name: str) -> str:
        if name in self._names:
            return self._names[name]
        if name == "get_ipython":
            return f"IPython.{name}"
        return "builtins" if name == "__builtins__" else f"builtins.{name}" if name in _BUILTINS else ""

    def _called(self, node: ast.Call, depth: int) -> str:
        """Return what a call returns, where it looks a module or an attribute up, and `NAME()` elsewhere."""
        name = self.name_of(node.func, depth)
        found: str | None = None
        if name in ("builtins.globals", "builtins.locals", "builtins.vars") and not node.args:
            found = _GLOBALS
        elif not name:
            found = self._taken(node, depth) or None
        elif node.args:
            found = self._looked_up(name, node, depth)
        returned = self.returned(node, _NAMED_INSIDE) if found is None else None
        if returned:
            inner, value = returned
            found = inner.name_of(value, depth + 1) or None
        if found is None:
            found = _PATH if name.startswith("pathlib.") and name.rpartition(".")[2] in _PATHS else name and f"{name}()"
        return found

    def _taken(self, node: ast.Call, depth: int) -> str:
        """Return the name of what is taken out of a table or a list that is written out, by a method of it."""
        if not isinstance(node.func, ast.Attribute) or node.func.attr not in _GETTERS:
            return ""
        return self._item(node.func.value, constant(self, node.args[0], depth) if node.args else -1, depth)

    def _looked_up(self, name: str, node: ast.Call, depth: int) -> str | None:
        """Return the name that a call looks up, None where it does something else."""
        first = node.args[0]
        match name:
            case "builtins.__import__" | "importlib.__import__":
                return text(self, first, depth).partition(".")[0]
            case "importlib.import_module":
                return text(self, first, depth)
            case "builtins.getattr" if len(node.args) > 1:
                return _attribute(self.name_of(first, depth), text(self, node.args[1], depth))
            case "functools.partial" | "builtins.staticmethod":
                return self.name_of(first, depth)
            case "builtins.vars":
                return _attribute(self.name_of(first, depth), "__dict__")
            case "builtins.eval":
                code = expression(text(self, first, depth))
                return self.name_of(code, depth) if code else ""
        found = self._attribute_looked_up(name, node, depth)
        return self._module_looked_up(name, node, depth) if found is None else found

    def _attribute_looked_up(self, name: str, node: ast.Call, depth: int) -> str | None:
        """Return the attribute that a call other than getattr looks up by its name."""
        first = node.args[0]
        match name:
            case "operator.attrgetter()" if isinstance(node.func, ast.Call) and node.func.args:
                return _attribute(self.name_of(first, depth), text(self, node.func.args[0], depth))
            case "inspect.getattr_static" | "builtins.object.__getattribute__" if len(node.args) > 1:
                return _attribute(self.name_of(first, depth), text(self, node.args[1], depth))
            case "functools.reduce" if len(node.args) > 2 and self.name_of(first, depth) == "builtins.getattr":
                names = items(self, node.args[1], depth) or [None]
                path = ".".join(name for name in names if isinstance(name, str))
                return _attribute(self.name_of(node.args[2], depth), path)
        return None

    def _module_looked_up(self, name: str, node: ast.Call, depth: int) -> str | None:
        """Return the name that a call looks up by its text, or in a table of modules or names."""
        first = node.args[0]
        match name:
            case "importlib.util.find_spec" | "importlib.find_loader" | "pkgutil.find_loader":
                return _attribute(text(self, first, depth), "__spec__")
            case "importlib.util.module_from_spec" | "importlib.reload" | "builtins.reload":
                return self.name_of(first, depth).removesuffix(".__spec__") or None
            case "pkgutil.resolve_name" | "pydoc.locate":
                return text(self, first, depth).replace(":", ".") or None
        owner, _, attribute = name.rpartition(".")
        if attribute == "load_module" and ".__spec__" in owner:
            return owner.partition(".__spec__")[0]
        if attribute == "__getattribute__":
            return _attribute(owner, text(self, first, depth)) or None
        if attribute in _GETTERS and isinstance(node.func, ast.Attribute):
            return self._item(node.func.value, constant(self, first, depth), depth) or None
        return None

    def _item(self, node: ast.expr, key: Value | None, depth: int) -> str:
        if isinstance(node, ast.Attribute) and node.attr in ("__mro__", "__bases__"):
            return _OBJECT
        owner = self.name_of(node, depth)
        if not owner:
            value = self.value_of(node.id) if isinstance(node, ast.Name) else node
            return self._element(value, key, depth)
        if not isinstance(key, str) or not key:
            return ""
        if owner == _GLOBALS:
            return self._name(key)
        if owner == _OTHER_GLOBALS:
            return "builtins" if key == "__builtins__" else key
        if owner == "sys.modules":
            return key
        if owner.endswith(".__dict__") or owner == "builtins":
            return f"{owner.removesuffix('.__dict__')}.{key}"
        return ""

    def _element(self, value: ast.AST | None, key: Value | None, depth: int) -> str:
        """Return the name of what stands in a table or a list that is written out."""
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
        return ""

    def direct(self, node: ast.Call) -> ast.Call:
        """Return the call that `partial(f, x)(y)` or `methodcaller(name, x)(y)` is, any other as it stands."""
        made = self.value_of(node.func.id) if isinstance(node.func, ast.Name) else node.func
        if not isinstance(made, ast.Call) or not made.args:
            return node
        name = self.name_of(made.func)
        if name == "functools.partial":
            found = ast.Call(made.args[0], [*made.args[1:], *node.args], [*made.keywords, *node.keywords])
        elif name == "operator.methodcaller" and node.args and (method := text(self, made.args[0], 0)):
            found = ast.Call(ast.Attribute(node.args[0], method), made.args[1:], made.keywords)
        else:
            return node
        return ast.copy_location(found, node)

    def returned(self, node: ast.Call, inside: int) -> tuple[Scope, ast.expr] | None:
        """Return the expression that a call of a function of the module returns, and the scope that it stands in.

        None where it calls no lambda or function of a few plain statements, or stands in the `inside`th that called
        another.
        """
        function = self.value_of(node.func.id) if isinstance(node.func, ast.Name) else node.func
        if self._inside >= inside or not isinstance(function, (ast.Lambda, ast.FunctionDef)):
            return None
        scope = self.call(function, node, self)
        scope._inside += 1
        value = function.body if isinstance(function, ast.Lambda) else scope._run(function.body)
        return (scope, value) if value else None

    def _run(self, statements: list[ast.stmt]) -> ast.expr | None:
        """Take in the statements of a function, and return the expression that it returns where all are plain."""
        for statement in statements[:_STEPS]:
            match statement:
                case ast.Return(value=value):
                    return value
                case ast.Assign() | ast.Import() | ast.ImportFrom():
                    self.learn(statement)
                case ast.FunctionDef() | ast.AsyncFunctionDef():
                    self.define(statement)
                case ast.Expr(value=ast.Constant()):
                    continue
                case _:
                    break
        return None

    def inner(self) -> Scope:
        """Return a scope inside this one, with the names of this one."""
        return Scope(self)

    def spend(self, count: int = 1) -> None:
        """Count expressions that are worked out; raises OverLimit for too many."""
        self._budget.spend(count)

    def value_of(self, name: str) -> ast.AST | None:
        """Return the expression or the definition that a name stands for."""
        return self._values.get(name)

    def constant_of(self, name: str) -> Value | None:
        """Return the constant that a name stands for."""
        return self._constants.get(name)

    def list_of(self, name: str) -> list[Value | None] | None:
        """Return the constants in the list that a name stands for."""
        return self._lists.get(name)

    def has_constants(self) -> bool:
        """Return whether a name that this very scope gave stands for a constant."""
        return any(self._constants.maps[0].values())


def expression(text: str) -> ast.expr | None:
    """Return the tree of an expression, None where the text is none."""
    if not text or len(text) > _LONGEST_CODE:
        return None
    try:
        return ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError):
        return None


def _attribute(owner: str, name: str) -> str:
    return f"{owner}.{name}" if owner and name else ""
