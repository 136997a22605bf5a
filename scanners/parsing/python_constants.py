"""Names and constants in Python expressions, worked out as far as obfuscation commonly goes.

A dotted name stands for what was imported (`os.system`), `NAME()` for what calling it returned, and `@NAME` for a
function or class of the module itself.
"""

from __future__ import annotations

import ast
import operator
import re
import string
import sys
from collections import ChainMap
from collections.abc import Callable, Iterable
from typing import Any

from modelsweep.core.limits import Budget
from scanners.parsing.python_decoders import LENGTH, NAMES, Text, Value, bytes_of, decoded, packed, recoded, text_of

OWN = "@"
FOLDS = 1_000_000
"""Expressions and pieces of text of one file that are worked out; they could double at each level."""
_PIECE = 64
_DEPTH = 60
"""Expressions inside each other that are worked out."""
_RANGE = 1 << 16
_BITS = 512
"""Bits of numbers that are reckoned with."""
_LONGEST_NUMBER = 13_000
"""Bits of a number that is written out: Python refuses to write those of more than 4,300 digits."""
_INSIDE = 4
"""Functions inside each other whose result is worked out."""
_NAMED_INSIDE = 2
_STEPS = 20
"""Statements of a function whose result is worked out."""
_BUILTINS = frozenset(
    "exec eval compile getattr setattr __import__ vars globals locals bytes bytearray open chr ord int str map filter "
    "property list tuple reversed range execfile object type enumerate zip sorted dict max min any all "
    "staticmethod isinstance issubclass hasattr callable repr id print len super iter next".split()
)
_SAME_MODULE = {"posix": "os", "nt": "os", "_pickle": "pickle", "cPickle": "pickle", "__builtin__": "builtins"}
_NUMBERS: dict[type[ast.operator], Callable[[int, int], int]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.BitXor: operator.xor,
    ast.BitAnd: operator.and_,
    ast.BitOr: operator.or_,
    ast.RShift: operator.rshift,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Mult: operator.mul,
}
_METHODS: dict[str, Callable[..., Any]] = {
    name: getattr(str, name) for name in "replace strip lstrip rstrip lower upper swapcase".split()
}
_OBJECT = "builtins.object"
_GLOBALS = "globals.__dict__"
_OTHER_GLOBALS = "other.__globals__"
"""The names of whatever module a function belongs to, where every one has the built-in ones."""
_REACHED = re.compile(
    r"(?!asyncio\.|socket\.)[\w.]+?\._?((?:os|sys|subprocess|socket|builtins|importlib|shutil|pty|posix|ctypes|pickle|marshal|runpy)"
    r"(?:\.|$).*)"
)
"""Modules that others import, reached through them: `shutil.os.system`."""
_GETTERS = ("get", "__getitem__", "pop", "setdefault")
_ALPHABETS = {
    f"string.{name}": getattr(string, name)
    for name in "ascii_letters ascii_lowercase ascii_uppercase digits hexdigits printable punctuation".split()
}
_PERCENT = re.compile(r"(?:[^%]|%[scdx%])*")
_FIELD = re.compile(r"\{(\w*)\}")
_PATH = "pathlib.Path()"
_PATHS = frozenset(
    "Path PosixPath PurePath home cwd expanduser resolve absolute joinpath with_name with_suffix".split()
)
_DIGITS = 4_000
_ROWS = (ast.Tuple, ast.List)
_LISTS = (ast.List, ast.Tuple, ast.ListComp, ast.GeneratorExp, ast.Call)
Definition = ast.FunctionDef | ast.AsyncFunctionDef
_Function = Definition | ast.Lambda


class Folder:
    """What names stand for in a scope: dotted names of what was imported, and expressions that were assigned."""

    def __init__(self, above: Folder | None = None) -> None:
        self._names: ChainMap[str, str] = above._names.new_child() if above else ChainMap()
        self._values: ChainMap[str, ast.AST] = above._values.new_child() if above else ChainMap()
        self._constants: ChainMap[str, Value | None] = above._constants.new_child() if above else ChainMap()
        self._lists: ChainMap[str, list[Value | None] | None] = above._lists.new_child() if above else ChainMap()
        self._budget: Budget = above._budget if above else Budget("expressions to work out", FOLDS)
        self._inside: int = above._inside if above else 0
        self._members: dict[str, str] = above._members if above else {}
        self.functions: dict[str, tuple[Definition, Folder]] = above.functions if above else {}
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

    def call(self, function: _Function, given: ast.Call | None, caller: Folder, first: str = "") -> Folder:
        """Return the scope of a function that is called: `first` is what its first argument stands for."""
        inner = Folder(self)
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
                inner.set(name, caller.name_of(node, 1), node, caller.constant(node, 1))
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
        only = self.constant(elements[0]) if len(elements) == 1 else None
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
        constant = self.constant(value)
        listed = self.items(value) if constant is None and isinstance(value, _LISTS) else None
        made: ast.AST = value
        if any(isinstance(item, ast.Name) and item.id == name for item in ast.walk(value)) and name in self._values:
            # What the name stood for before is part of what it is made of.
            before = self._values[name]
            made = ast.Set(elts=[value, *([before] if isinstance(before, ast.expr) else [])])
        self.set(name, self.name_of(value), made, constant)
        self._lists[name] = listed

    # Names

    def name_of(self, node: ast.AST, depth: int = 0) -> str:
        """Return the dotted name that an expression stands for, or nothing."""
        self._budget.spend()
        if depth > _DEPTH:
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
                found = self._item(value, self.constant(key, depth + 1), depth + 1)
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
        own = self._own(node.func) if found is None and self._inside < _NAMED_INSIDE else None
        if own:
            inner, value = self._result_of(own, node)
            found = (inner.name_of(value, depth + 1) if value else "") or None
        if found is None:
            found = _PATH if name.startswith("pathlib.") and name.rpartition(".")[2] in _PATHS else name and f"{name}()"
        return found

    def _taken(self, node: ast.Call, depth: int) -> str:
        """Return the name of what is taken out of a table or a list that is written out, by a method of it."""
        if not isinstance(node.func, ast.Attribute) or node.func.attr not in _GETTERS:
            return ""
        return self._item(node.func.value, self.constant(node.args[0], depth) if node.args else -1, depth)

    def _looked_up(self, name: str, node: ast.Call, depth: int) -> str | None:
        """Return the name that a call looks up, None where it does something else."""
        first = node.args[0]
        match name:
            case "builtins.__import__" | "importlib.__import__":
                return self._text(first, depth).partition(".")[0]
            case "importlib.import_module":
                return self._text(first, depth)
            case "builtins.getattr" if len(node.args) > 1:
                return _attribute(self.name_of(first, depth), self._text(node.args[1], depth))
            case "functools.partial" | "builtins.staticmethod":
                return self.name_of(first, depth)
            case "builtins.vars":
                return _attribute(self.name_of(first, depth), "__dict__")
            case "builtins.eval":
                code = expression(self._text(first, depth))
                return self.name_of(code, depth) if code else ""
        found = self._attribute_looked_up(name, node, depth)
        return self._module_looked_up(name, node, depth) if found is None else found

    def _attribute_looked_up(self, name: str, node: ast.Call, depth: int) -> str | None:
        """Return the attribute that a call other than getattr looks up by its name."""
        first = node.args[0]
        match name:
            case "operator.attrgetter()" if isinstance(node.func, ast.Call) and node.func.args:
                return _attribute(self.name_of(first, depth), self._text(node.func.args[0], depth))
            case "inspect.getattr_static" | "builtins.object.__getattribute__" if len(node.args) > 1:
                return _attribute(self.name_of(first, depth), self._text(node.args[1], depth))
            case "functools.reduce" if len(node.args) > 2 and self.name_of(first, depth) == "builtins.getattr":
                names = self.items(node.args[1], depth) or [None]
                path = ".".join(name for name in names if isinstance(name, str))
                return _attribute(self.name_of(node.args[2], depth), path)
        return None

    def _module_looked_up(self, name: str, node: ast.Call, depth: int) -> str | None:
        """Return the name that a call looks up by its text, or in a table of modules or names."""
        first = node.args[0]
        match name:
            case "importlib.util.find_spec" | "importlib.find_loader" | "pkgutil.find_loader":
                return _attribute(self._text(first, depth), "__spec__")
            case "importlib.util.module_from_spec" | "importlib.reload" | "builtins.reload":
                return self.name_of(first, depth).removesuffix(".__spec__") or None
            case "pkgutil.resolve_name" | "pydoc.locate":
                return self._text(first, depth).replace(":", ".") or None
        owner, _, attribute = name.rpartition(".")
        if attribute == "load_module" and ".__spec__" in owner:
            return owner.partition(".__spec__")[0]
        if attribute == "__getattribute__":
            return _attribute(owner, self._text(first, depth)) or None
        if attribute in _GETTERS and isinstance(node.func, ast.Attribute):
            return self._item(node.func.value, self.constant(first, depth), depth) or None
        return None

    def _item(self, node: ast.expr, key: Value | None, depth: int) -> str:
        if isinstance(node, ast.Attribute) and node.attr in ("__mro__", "__bases__"):
            return _OBJECT
        owner = self.name_of(node, depth)
        if not owner:
            value = self._values.get(node.id) if isinstance(node, ast.Name) else node
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
                if key is not None and name and self.constant(name, depth) == key:
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
        made = self._values.get(node.func.id) if isinstance(node.func, ast.Name) else node.func
        if not isinstance(made, ast.Call) or not made.args:
            return node
        name = self.name_of(made.func)
        if name == "functools.partial":
            found = ast.Call(made.args[0], [*made.args[1:], *node.args], [*made.keywords, *node.keywords])
        elif name == "operator.methodcaller" and node.args and (method := self._text(made.args[0], 0)):
            found = ast.Call(ast.Attribute(node.args[0], method), made.args[1:], made.keywords)
        else:
            return node
        return ast.copy_location(found, node)

    # Constants

    def _text(self, node: ast.expr, depth: int) -> str:
        found = self.constant(node, depth)
        return text_of(found) if isinstance(found, (str, bytes)) else ""

    def constant(self, node: ast.AST, depth: int = 0) -> Value | None:
        """Return the text, bytes or number that an expression always has, or None."""
        self._budget.spend()
        work = _CONSTANTS.get(type(node))
        if work is None or depth > _DEPTH:
            return None
        found: Value | None = work(self, node, depth + 1)
        if isinstance(found, (str, bytes)):
            self._budget.spend(len(found) // _PIECE)
            return found if len(found) <= LENGTH else None
        if isinstance(found, int):
            return found if found.bit_length() < _LONGEST_NUMBER else None
        return None

    def _binary(self, node: ast.BinOp, depth: int) -> Value | None:
        # Texts are put together of hundreds of pieces, each of which stands in the left side of the next.
        parts: list[ast.expr] = []
        left: ast.expr = node
        while isinstance(left, ast.BinOp) and isinstance(left.op, ast.Add):
            parts.append(left.right)
            left = left.left
        if parts:
            return _joined(self.constant(part, depth) for part in (left, *reversed(parts)))
        one = self.constant(node.left, depth)
        if isinstance(one, (str, bytes)) and isinstance(node.op, ast.Mod):
            return self._percent(one, node.right, depth)
        other = self.constant(node.right, depth)
        if isinstance(one, int) and isinstance(other, int) and type(node.op) in _NUMBERS:
            if not other and _divides(node.op):
                return None
            small = max(one.bit_length(), other.bit_length()) < _BITS  # products of large ones grow without an end
            return _NUMBERS[type(node.op)](one, other) if small else None
        if isinstance(one, (str, bytes)) and isinstance(other, int) and isinstance(node.op, ast.Mult):
            return one * other if len(one) * other <= LENGTH else None
        return None

    def _percent(self, form: Text, node: ast.expr, depth: int) -> Value | None:
        given = [self.constant(item, depth) for item in (node.elts if isinstance(node, ast.Tuple) else [node])]
        values = [text_of(item) if isinstance(item, bytes) else item for item in given]
        if any(item is None for item in given) or not _PERCENT.fullmatch(text_of(form)):
            return None
        try:
            return text_of(form) % tuple(values)
        except (TypeError, ValueError, OverflowError):
            return None

    def _filled(self, form: str, node: ast.Call, depth: int) -> Value | None:
        """Return what `form.format(...)` gives, where its fields are plain."""
        given: dict[str, Value | None] = {
            str(place): self.constant(item, depth) for place, item in enumerate(node.args)
        }
        given |= {item.arg: self.constant(item.value, depth) for item in node.keywords if item.arg}
        names, count = [], 0
        for name in _FIELD.findall(form):
            names.append(name or str(count))
            count += not name
        parts = _FIELD.split(form)[::2]
        texts = [given.get(name) for name in names]
        if not names or any(text is None for text in texts) or any("{" in part or "}" in part for part in parts):
            return None
        filled = [text_of(text) if isinstance(text, (str, bytes)) else str(text) for text in texts]
        return _joined(piece for pair in zip(parts, [*filled, ""], strict=True) for piece in pair)

    def _formatted(self, node: ast.JoinedStr, depth: int) -> Value | None:
        return _joined([*(self.constant(part, depth) for part in node.values), ""])

    def _field(self, node: ast.FormattedValue, depth: int) -> Value | None:
        found = self.constant(node.value, depth)
        return None if node.format_spec else str(found) if isinstance(found, int) else found

    def _subscript(self, node: ast.Subscript, depth: int) -> Value | None:
        if isinstance(node.slice, ast.Slice):
            return self._slice(node.value, node.slice, depth)
        key = self.constant(node.slice, depth)
        table = self._values.get(node.value.id) if isinstance(node.value, ast.Name) else node.value
        if isinstance(table, ast.Dict) and key is not None:
            return self._entry(table, key, depth)
        found = self.items(node.value, depth) if isinstance(key, int) else None
        return found[key] if found and isinstance(key, int) and -len(found) <= key < len(found) else None

    def _entry(self, table: ast.Dict, key: Value, depth: int) -> Value | None:
        for name, value in zip(table.keys, table.values, strict=True):
            if name and self.constant(name, depth) == key:
                return self.constant(value, depth)
        return None

    def _slice(self, node: ast.expr, bounds: ast.Slice, depth: int) -> Value | None:
        whole = self.constant(node, depth)
        edges: list[int | None] = []
        for edge in (bounds.lower, bounds.upper, bounds.step):
            found = self.constant(edge, depth) if edge else None
            if edge and not isinstance(found, int):
                return None
            edges.append(found if isinstance(found, int) else None)
        start, stop, step = edges
        return whole[start:stop:step] if isinstance(whole, (str, bytes)) and step != 0 else None

    def _call(self, node: ast.Call, depth: int) -> Value | None:
        """Return the constant that a call returns: of joining, decoding, or compiling a constant."""
        name, function = self.name_of(node.func, depth), node.func
        if name in NAMES or name == "struct.pack":
            values = [self.constant(item, depth) for item in node.args]
            return decoded(name, values) if name in NAMES else packed(values)
        if name == "builtins.int.to_bytes" and node.args:
            return self._packed(node.args, node.keywords, depth)
        if name == "pathlib.Path.home":
            return "~"
        if name.startswith(("builtins.", "os.", "io.", "pathlib.", "shutil.")) and node.args:
            return self._of_function(name, node, depth)
        found = self._own(function)
        if found:
            return self._returned(found, node, depth)
        return self._of_method(function, node, depth) if isinstance(function, ast.Attribute) else None

    def _of_method(self, function: ast.Attribute, node: ast.Call, depth: int) -> Value | None:
        owner = self.constant(function.value, depth)
        if isinstance(owner, int):
            given = [function.value, *node.args]
            return self._packed(given, node.keywords, depth) if function.attr == "to_bytes" else None
        return None if owner is None else self._method(owner, function.attr, node, depth)

    def _packed(self, given: list[ast.expr], keywords: list[ast.keyword], depth: int) -> Value | None:
        """Return what `int.to_bytes(number, length, byteorder)` gives."""
        places = ("number", "length", "byteorder")
        values = {name: self.constant(item, depth) for name, item in zip(places, given, strict=False)}
        values |= {item.arg: self.constant(item.value, depth) for item in keywords if item.arg in places}
        number, length = values.get("number"), values.get("length")
        if not (isinstance(number, int) and isinstance(length, int) and 0 <= length <= LENGTH and number >= 0):
            return None
        try:
            return number.to_bytes(length, "little" if values.get("byteorder") == "little" else "big")
        except OverflowError:
            return None

    def _of_function(self, name: str, node: ast.Call, depth: int) -> Value | None:
        first = self.constant(node.args[0], depth)
        alone = len(node.args) == 1
        match name.removeprefix("builtins."), first:
            case "ord", str() | bytes() if len(first) == 1:
                return ord(first)
            case "int", str() if len(first) < _DIGITS:
                base = 10 if alone else self.constant(node.args[1], depth)
                return _number(first, base) if isinstance(base, int) else None
            case "compile" | "bytes" | "bytearray" | "str", str() | bytes():
                return first
            case "bytes" | "bytearray", None:
                return _as_bytes(self.items(node.args[0], depth))
            case "os.path.expanduser" | "shutil.which" | "pathlib.Path" | "io.BytesIO", str() | bytes() if alone:
                return first
            case "os.path.join", str():
                return _joined((self.constant(item, depth) for item in node.args), "/")
            case "chr" | "str", int():
                return _character(first) if name == "builtins.chr" else str(first)
        return None

    def _method(self, owner: Text, name: str, node: ast.Call, depth: int) -> Value | None:
        given = [self.constant(item, depth) for item in node.args]
        if name == "join" and len(node.args) == 1:
            return _joined(self.items(node.args[0], depth) or [None], owner)
        if name in ("decode", "encode"):
            return recoded(owner, given[0]) if given else owner
        if name == "format":
            return self._filled(text_of(owner), node, depth)
        if name == "translate" and len(node.args) == 1:
            return self._translated(text_of(owner), node.args[0], depth)
        texts = [text_of(item) for item in given if isinstance(item, (str, bytes))]
        if name not in _METHODS or len(texts) != len(given):
            return None
        try:
            found: str = _METHODS[name](text_of(owner), *texts)
        except TypeError:
            return None
        return found if isinstance(owner, str) else found.encode("utf-8", "replace")

    def _translated(self, owner: str, node: ast.expr, depth: int) -> Value | None:
        table = self._values.get(node.id) if isinstance(node, ast.Name) else node
        match table:
            case ast.Dict(keys=keys, values=values):
                letters = [self.constant(key, depth) if key else None for key in keys]
                others = [self.constant(value, depth) for value in values]
                pairs = {
                    one if isinstance(one, int) else ord(one): other
                    for one, other in zip(letters, others, strict=True)
                    if isinstance(other, (str, int))
                    and (isinstance(one, int) or (isinstance(one, str) and len(one) == 1))
                }
                return owner.translate(pairs) if len(pairs) == len(keys) else None
            case ast.Call(func=ast.Attribute(attr="maketrans"), args=[one, other]):
                before, after = self.constant(one, depth), self.constant(other, depth)
                if isinstance(before, str) and isinstance(after, str) and len(before) == len(after):
                    return owner.translate(str.maketrans(before, after))
        return None

    def _own(self, function: ast.expr) -> _Function | None:
        """Return the function of the module, or the lambda, that is called."""
        node: ast.AST | None = self._values.get(function.id) if isinstance(function, ast.Name) else function
        return node if isinstance(node, (ast.Lambda, ast.FunctionDef)) else None

    def _returned(self, function: _Function, node: ast.Call, depth: int) -> Value | None:
        """Return what a lambda, or a function of a few plain statements, makes of constant arguments."""
        if self._inside >= _INSIDE:
            return None
        inner, value = self._result_of(function, node)
        return inner.constant(value, depth + 1) if value and any(inner._constants.maps[0].values()) else None

    def _result_of(self, function: _Function, node: ast.Call) -> tuple[Folder, ast.expr | None]:
        """Return the expression that a call returns, and the scope in which it stands."""
        inner = self.call(function, node, self)
        inner._inside += 1
        if isinstance(function, ast.Lambda):
            return inner, function.body
        for statement in function.body[:_STEPS]:
            match statement:
                case ast.Return(value=value):
                    return inner, value
                case ast.Assign() | ast.Import() | ast.ImportFrom():
                    inner.learn(statement)
                case ast.FunctionDef() | ast.AsyncFunctionDef():
                    inner.define(statement)
                case ast.Expr(value=ast.Constant()):
                    continue
                case _:
                    break
        return inner, None

    def items(self, node: ast.AST, depth: int = 0) -> list[Value | None] | None:
        """Return the constants that iterating over an expression gives, None where that is not known."""
        self._budget.spend()
        if depth > _DEPTH:
            return None
        match node:
            case ast.List(elts=parts) | ast.Tuple(elts=parts):
                return [self.constant(part, depth + 1) for part in parts]
            case ast.Name(id=name) if self._lists.get(name) is not None:
                return self._lists[name]
            case ast.ListComp() | ast.GeneratorExp():
                return self._comprehended(node, depth + 1)
            case ast.Call(func=ast.Attribute(value=owner, attr="split"), args=[]):
                found_text = self.constant(owner, depth + 1)
                return list(found_text.split()) if isinstance(found_text, str) else None
            case ast.Call(func=function, args=[_, *_]):
                found = self._listed(self.name_of(function, depth + 1), node, depth + 1)
                if found is not None:
                    return found
        whole = self.constant(node, depth + 1)
        return list(whole) if isinstance(whole, (str, bytes)) else None

    def _listed(self, name: str, node: ast.Call, depth: int) -> list[Value | None] | None:
        function = node.func
        if name == "builtins.map" and len(node.args) == 2:
            inner = self.items(node.args[1], depth) or []
            return [
                self.constant(ast.Call(func=node.args[0], args=[ast.Constant(value=item)], keywords=[]), depth)
                for item in inner
            ]
        if name == "builtins.range":
            edges = [self.constant(item, depth) for item in node.args]
            numbers = range(*edges) if all(isinstance(edge, int) for edge in edges) and edges[2:] != [0] else ()  # type: ignore[arg-type]
            return list(numbers) if len(numbers) < _RANGE else None
        if name in ("builtins.list", "builtins.tuple", "builtins.bytes", "builtins.reversed"):
            found = self.items(node.args[0], depth)
            return found[::-1] if found and name.endswith("reversed") else found
        if isinstance(function, ast.Attribute) and function.attr == "split":
            owner, separator = self.constant(function.value, depth), self.constant(node.args[0], depth)
            if isinstance(owner, str) and isinstance(separator, str) and separator:
                return list(owner.split(separator))
        return None

    def _comprehended(self, node: ast.ListComp | ast.GeneratorExp, depth: int) -> list[Value | None] | None:
        match node.generators:
            case [ast.comprehension(target=ast.Name() | ast.Tuple() as target, iter=source, ifs=[])]:
                names = target.elts if isinstance(target, ast.Tuple) else [target]
                rows, inner = self._rows(source, len(names), depth), Folder(self)
                made = []
                for row in rows or ():
                    for name, item in zip(names, row, strict=True):
                        if isinstance(name, ast.Name):
                            inner.set(name.id, constant=item)
                    made.append(inner.constant(node.elt, depth))
                return None if rows is None else made
        return None

    def _rows(self, source: ast.expr, width: int, depth: int) -> list[tuple[Value | None, ...]] | None:
        """Return what the names of a comprehension's target stand for, one after the other."""
        name = self.name_of(source.func, depth) if isinstance(source, ast.Call) else ""
        if width == 1 or not isinstance(source, ast.Call):
            found = self.items(source, depth) if width == 1 else None
            return None if found is None else [(item,) for item in found]
        if name == "builtins.enumerate" and width == len(("place", "item")) and source.args:
            found = self.items(source.args[0], depth)
            return None if found is None else list(enumerate(found))
        if name != "builtins.zip" or len(source.args) != width:
            return None
        columns = [self._column(item, depth) for item in source.args]
        ends = [len(column) for column, endless in columns if not endless]
        if not ends or not all(column for column, _ in columns):
            return None
        return [tuple(column[place % len(column)] for column, _ in columns) for place in range(min(ends))]

    def _column(self, node: ast.expr, depth: int) -> tuple[list[Value | None], bool]:
        """Return what one argument of `zip` gives, and whether it begins again at its end."""
        match node:
            case ast.Call(func=function, args=[inner]) if self.name_of(function, depth) == "itertools.cycle":
                return self.items(inner, depth) or [], True
        return self.items(node, depth) or [], False

    def spend(self) -> None:
        """Count one more expression; raises OverLimit for too many."""
        self._budget.spend()

    def value_of(self, name: str) -> ast.AST | None:
        """Return the expression or the definition that a name stands for."""
        return self._values.get(name)


def expression(text: str) -> ast.expr | None:
    """Return the tree of an expression, None where the text is none."""
    if not text or len(text) > _RANGE:
        return None
    try:
        return ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError):
        return None


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


def _attribute(owner: str, name: str) -> str:
    return f"{owner}.{name}" if owner and name else ""


def _divides(kind: ast.operator) -> bool:
    return isinstance(kind, (ast.FloorDiv, ast.Mod))


def _character(number: int) -> str | None:
    return chr(number) if 0 <= number <= sys.maxunicode else None


def _number(text: str, base: int) -> int | None:
    try:
        return int(text, base)
    except ValueError:
        return None


def _as_bytes(numbers: list[Value | None] | None) -> bytes | None:
    if numbers is None or not all(isinstance(number, int) and 0 <= number < 256 for number in numbers):
        return None
    return bytes(number for number in numbers if isinstance(number, int))


def _joined(parts: Iterable[Value | None], between: Text = "") -> Value | None:
    """Return texts, or numbers, put together; None where one of them is unknown."""
    found = list(parts)
    if any(part is None for part in found):
        return None
    numbers = [part for part in found if isinstance(part, int)]
    if numbers:
        return sum(numbers) if len(numbers) == len(found) else None
    texts = [part for part in found if isinstance(part, (str, bytes))]
    if sum(map(len, texts)) > LENGTH:
        return None
    if texts and all(isinstance(text, bytes) for text in texts):
        return bytes_of(between).join(bytes_of(text) for text in texts)
    return text_of(between).join(text_of(text) for text in texts)


_Work = Callable[[Folder, Any, int], Value | None]


def _own_constant(_folder: Folder, node: ast.Constant, _depth: int) -> Value | None:
    value = node.value
    return value if isinstance(value, (str, bytes)) or type(value) is int else None


def _own_name(folder: Folder, node: ast.Name, _depth: int) -> Value | None:
    return folder._constants.get(node.id)


def _negative(folder: Folder, node: ast.UnaryOp, depth: int) -> Value | None:
    found = folder.constant(node.operand, depth)
    return -found if isinstance(node.op, ast.USub) and isinstance(found, int) else None


def _alphabet(folder: Folder, node: ast.Attribute, depth: int) -> Value | None:
    return _ALPHABETS.get(folder.name_of(node, depth))


_CONSTANTS: dict[type[ast.AST], _Work] = {
    ast.Constant: _own_constant,
    ast.Attribute: _alphabet,
    ast.Name: _own_name,
    ast.UnaryOp: _negative,
    ast.BinOp: Folder._binary,
    ast.JoinedStr: Folder._formatted,
    ast.FormattedValue: Folder._field,
    ast.Subscript: Folder._subscript,
    ast.Call: Folder._call,
}
