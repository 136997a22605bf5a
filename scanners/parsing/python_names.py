"""What the names in Python code stand for, worked out as far as obfuscation commonly goes.

A dotted name stands for what was imported (`os.system`), `NAME()` for what calling it returned, and `@NAME` for a
function or class of the module itself.
"""

from __future__ import annotations

import ast
import re
from collections import ChainMap
from collections.abc import Iterable
from typing import NamedTuple, TypeVar

from modelsweep.core.limits import Budget
from scanners.parsing.python_constants import DEPTH, constant, items, text
from scanners.parsing.python_decoders import NAMES, Value
from scanners.parsing.python_literals import LITERALS, literal_in
from scanners.parsing.python_sinks import KINDS
from scanners.parsing.python_steps import RETURNED, Steps, Unknown
from scanners.parsing.python_syntax import Definition

OWN = "@"
FOLDS = 1_000_000
"""Expressions and pieces of text of one file that are worked out; they could double at each level."""
_NAMED_INSIDE = 2
"""Functions inside each other by whose result something is named."""
_CUTTING = frozenset("split rsplit splitlines partition rpartition".split())
_COMPREHENDED = 3
"""Comprehensions inside each other of whose elements it is worked out what they stand for."""
_STEPS = 20
"""Statements of a function whose result is worked out."""
_LONGEST_NAME = 1_000
"""Characters of a dotted name: no module has a longer one."""
_LONGEST_CODE = 1 << 16
"""Characters of an expression in a text."""
_BUILTINS = frozenset(
    "exec eval compile getattr setattr __import__ vars globals locals bytes bytearray open chr ord int str map filter "
    "property list tuple reversed range execfile object type enumerate zip sorted dict max min any all "
    "staticmethod isinstance issubclass hasattr callable repr id print len super iter next dir".split()
)
_SAME_MODULE = {"posix": "os", "nt": "os", "_pickle": "pickle", "cPickle": "pickle", "__builtin__": "builtins"}
_OBJECT = "builtins.object"
GLOBALS = "globals.__dict__"
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
_TABLE = ".__dict__"
_COMPREHENSIONS = (ast.ListComp, ast.GeneratorExp, ast.SetComp)
_ANYTHING = frozenset({"gc.get_objects()", "gc.get_referrers()", "gc.get_referents()"})
"""Lists in which any function of the process may be."""
_RETURNING = frozenset(
    "functools.partial builtins.staticmethod contextlib.nullcontext functools.update_wrapper functools.wraps()".split()
)
"""What returns something that does what its first argument does."""
_PARTIALS = frozenset({"functools.partial", "functools.partialmethod"})
_GETTERS = ("get", "__getitem__", "pop", "setdefault")
_RESOLVERS = frozenset(
    "resolve_name locate import_string import_object import_from_string import_attr import_item load_object get_method "
    "get_object import_by_name string_import".split()
)
"""What functions of many libraries are called that import what a text names, and return it."""
_DECIDING = frozenset({"TYPE_CHECKING", "__name__"})
_ENTRY_POINTS = frozenset({"importlib.metadata.EntryPoint().load", "importlib_metadata.EntryPoint().load"})
_COMMANDS = frozenset({"sh"})
"""Modules of which every name is a command: https://sh.readthedocs.io."""
_COPIES = frozenset({"builtins.list", "builtins.sorted"})
_TABLES_OF = frozenset("items values".split())
COMPUTED = "getattr()"
"""Stands in the place of an attribute's name that is worked out when the code runs."""
_EXECUTING = frozenset("os subprocess builtins posix pty runpy commands ctypes.CDLL()".split())
"""Modules in which a name that nobody can read may well be that of what runs commands or code."""
_LIBRARIES = frozenset("ctypes.cdll ctypes.windll ctypes.oledll ctypes.pydll".split())
_GROWN = 64
"""Entries up to which it is followed what is put into a list or a table later."""
_ROUNDS = 20_000
"""Statements in loops of one file that are worked out one after the other."""
_ELEMENTS = 200
"""Elements of what a loop goes over that are looked at."""
_PATH = "pathlib.Path()"
_HIDDEN = "pyarmor.__pyarmor__"
"""What files call that PyArmor made unreadable, from a module that has a number in its name."""
_PATHS = frozenset(
    "Path PosixPath PurePath home cwd expanduser resolve absolute joinpath with_name with_suffix".split()
)
_ROWS = (ast.Tuple, ast.List)
_FUNCTIONS = (ast.Lambda, ast.FunctionDef)
_LISTS = (ast.List, ast.Tuple, ast.ListComp, ast.GeneratorExp, ast.Call)
_Function = Definition | ast.Lambda
_Node = TypeVar("_Node", bound=ast.AST)


class Worked(NamedTuple):
    """What names stand for behind a loop: a constant, or a list of them."""

    names: dict[str, tuple[Value | None, list[Value | None] | None]]
    name: str = ""
    dotted: str = ""


class Scope:
    """What names stand for in a scope: dotted names of what was imported, and expressions that were assigned."""

    def __init__(self, above: Scope | None = None) -> None:
        self._names: ChainMap[str, str] = above._names.new_child() if above else ChainMap()
        self._values: ChainMap[str, ast.AST] = above._values.new_child() if above else ChainMap()
        self._constants: ChainMap[str, Value | None] = above._constants.new_child() if above else ChainMap()
        self._lists: ChainMap[str, list[Value | None] | None] = above._lists.new_child() if above else ChainMap()
        self._budget: Budget = above._budget if above else Budget("expressions to work out", FOLDS)
        self._inside: int = above._inside if above else 0
        self._within: int = above._within if above else 0
        self._members: dict[str, str] = above._members if above else {}
        self._member_values: dict[str, Value | None] = above._member_values if above else {}
        self._member_calls: dict[str, ast.Call] = above._member_calls if above else {}
        """Attributes of classes that `partialmethod` and `partial` made."""
        self._rounds: list[int] = above._rounds if above else [_ROUNDS]
        self._grown: dict[str, int] = {}
        self.stars: list[str] = above.stars if above else []
        """Neighbours of the file from which it takes all names."""
        self.functions: dict[str, tuple[Definition, Scope]] = above.functions if above else {}
        """Functions of the file by name, those inside others included, each with the scope that it stands in."""
        self.others: dict[str, list[tuple[Definition, Scope]]] = above.others if above else {}
        """Functions of a name that another one has, too: which of them it is hangs on a condition."""
        self._places: dict[str, int] = {}
        self.first = ""
        """What the first argument of the function stands for whose scope this is: the instance of a method."""
        self.unsure = 0
        """Conditions around the statement that is read: what may not happen does not make a name harmless."""
        self.around: Scope = self
        """The scope that functions in this one see: that of a class keeps its names to itself."""

    def set(self, name: str, dotted: str = "", node: ast.AST | None = None, constant: Value | None = None) -> None:
        """Note what a name stands for from here on; without more, for nothing that is known."""
        dotted = dotted if len(dotted) <= _LONGEST_NAME else ""
        place = self._places.get(name, 0)
        before = self._names.maps[place].get(name, "") if self.unsure else ""
        if not self.unsure or (dotted and (_executes(dotted) or not _executes(before))):
            self._names.maps[place][name] = dotted
        self._constants.maps[place][name], self._lists.maps[place][name] = constant, None
        self._values.maps[place][name] = node or ast.Constant(value=None)

    def set_member(self, owner: str, name: str, dotted: str, constant: Value | None = None) -> None:
        """Note what an attribute of a module, a class or its instances stands for."""
        if owner == GLOBALS:
            self.set(name, dotted, constant=constant)
            return
        if owner and dotted:
            self._members[f"{owner.removesuffix('()')}.{name}"] = dotted
        if owner.startswith(OWN):
            self._member_values[f"{owner.removesuffix('()')}.{name}"] = constant

    def member(self, owner: str, name: str) -> Value | None:
        """Return the constant that an attribute of a class or of its instances stands for."""
        return self._member_values.get(f"{owner.removesuffix('()')}.{name}")

    def take_all(self, module: str, owner: str = GLOBALS) -> None:
        """Note that all names of a module stand for what they do there: here, or as attributes of `owner`."""
        prefix = f"{_SAME_MODULE.get(module, module)}."
        self.unsure += 1  # a module need not hand out all that it has
        for name in (*KINDS, *NAMES):
            if name.startswith(prefix):
                top = name.removeprefix(prefix).partition(".")[0].partition("(")[0]
                self.set_member(owner, top, prefix + top)
        self.unsure -= 1

    def take_table(self, node: ast.expr, table: str, depth: int = 0) -> None:
        """Note that what a table holds is put into another one: of names here, or of attributes of something."""
        owner = table if table == GLOBALS else table.removesuffix(_TABLE)
        written, taken = self._written(node), self.name_of(node)
        if taken.endswith(_TABLE) and taken != GLOBALS:
            self.take_all(taken.removesuffix(_TABLE), owner)
        elif isinstance(written, ast.Dict) and depth < DEPTH:
            for key, value in zip(written.keys, written.values, strict=True):
                known = constant(self, key) if key else None
                if isinstance(known, str):
                    self.set_member(owner, known, self.name_of(value), constant(self, value))
                elif key is None:
                    self.take_table(value, table, depth + 1)
        elif isinstance(written, ast.BinOp) and depth < DEPTH:
            self.take_table(written.left, table, depth + 1)
            self.take_table(written.right, table, depth + 1)

    def put(self, table: str, key: ast.expr, value: ast.expr) -> None:
        """Note that something stands under a key of a table of names; one of a module under any of its names."""
        owner = table if table == GLOBALS else table.removesuffix(_TABLE)
        known, name = constant(self, key), self.name_of(value)
        if isinstance(known, str):
            self.set_member(owner, known, name, constant(self, value))
        elif name.endswith(f".{COMPUTED}"):
            self.take_all(name.removesuffix(f".{COMPUTED}"), owner)

    def define(self, function: Definition) -> None:
        """Note a function of the module, or one inside another, which stands in this scope."""
        before = self.functions.get(function.name)
        if self.unsure and before:
            self.others.setdefault(function.name, []).append(before)
        self.functions[function.name] = function, self
        self.set(function.name, f"{OWN}{function.name}", function)

    def close_class(self, name: str) -> None:
        """Take the names that the body of a class gave as attributes of the class; this is the scope of the body."""
        constants = self._constants.maps[0]
        for member, dotted in self._names.maps[0].items():
            if not dotted.startswith(OWN):
                self.set_member(f"{OWN}{name}", member, dotted, constants.get(member))
        for member, node in self._values.maps[0].items():
            if isinstance(node, ast.Call) and node.args and self.name_of(node.func) in _PARTIALS:
                self._member_calls[f"{OWN}{name}.{member}"] = node

    def call(self, function: _Function, given: ast.Call | None, caller: Scope, first: str = "") -> Scope:
        """Return the scope of a function that is called: `first` is what its first argument stands for."""
        inner = Scope(self)
        arguments = function.args
        named = [*arguments.posonlyargs, *arguments.args]
        for argument in (*named, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg):
            if argument:
                inner.set(argument.arg)
        defaults = [*zip(named[::-1], arguments.defaults[::-1], strict=False)]
        for argument, default in (*defaults, *zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)):
            if default and (dotted := self.name_of(default, 1)):
                inner.set(argument.arg, dotted)
        if first and named:
            inner.set(named.pop(0).arg, first)
            inner.first = first
        if given:
            keywords = {item.arg: item.value for item in given.keywords if item.arg}
            pairs = [*zip((item.arg for item in named), given.args, strict=False), *keywords.items()]
            for name, node in pairs:
                known = constant(caller, node, 1)
                inner.set(name, caller.name_of(node, 1), node, known)
                if known is None and isinstance(caller._written(node), ast.List | ast.Tuple):
                    inner._lists[name] = items(caller, node, 1)
            inner._take_rest(arguments, given, caller, len(named))
        return inner

    def _take_rest(self, arguments: ast.arguments, given: ast.Call, caller: Scope, named: int) -> None:
        """Note what the arguments behind stars stand for in the scope of a function that is called."""
        if arguments.vararg:
            rest = [caller._fixed(item) for item in given.args[named:]]
            self.set(arguments.vararg.arg, node=ast.copy_location(ast.Tuple(rest), given))
            self._lists[arguments.vararg.arg] = [constant(caller, item, 1) for item in given.args[named:]]
        if arguments.kwarg:
            others = {item.arg for item in (*arguments.args, *arguments.kwonlyargs)}
            left = [item for item in given.keywords if item.arg and item.arg not in others]
            table = ast.Dict([ast.Constant(item.arg) for item in left], [caller._fixed(item.value) for item in left])
            self.set(arguments.kwarg.arg, node=ast.copy_location(table, given))

    def _fixed(self, node: ast.expr) -> ast.expr:
        """Return the constant that an expression stands for here, any other as it is written."""
        known = constant(self, node, 1)
        return node if known is None else ast.copy_location(ast.Constant(known), node)

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

    def learn_loop(self, target: ast.expr, source: ast.expr) -> dict[str, str]:
        """Note that the names of a loop's target stand for something out of `source`.

        Returns what they stood for before where that runs something: a loop over nothing leaves it as it was.
        """
        named = [item.id for item in ast.walk(target) if isinstance(item, ast.Name)]
        before = {name: dotted for name in named if _executes(dotted := self._names.get(name, ""))}
        elements = self.elements(source)
        self._learn_target(target, elements, source)
        return {} if elements else before

    def regain(self, names: dict[str, str]) -> None:
        """Note that names may stand for what they did before."""
        for name, dotted in names.items():
            self.set(name, dotted)

    def _learn_target(self, target: ast.expr, elements: list[ast.expr], source: ast.expr) -> None:
        if isinstance(target, _ROWS) and elements and all(_fits(target, element) for element in elements):
            for place, inner in enumerate(target.elts):
                column = [element.elts[place] for element in elements if isinstance(element, _ROWS)]
                self._learn_target(inner, column, source)
            return
        only = constant(self, elements[0]) if len(elements) == 1 else None
        names = [name for name in map(self.name_of, elements) if name] or [self._out_of(source)]
        telling = next((name for name in names if name in KINDS or name.startswith(OWN)), "")
        for item in ast.walk(target):
            if isinstance(item, ast.Name):
                self.set(item.id, telling or next(iter(names), ""), source, only)

    def _out_of(self, source: ast.expr) -> str:
        """Return what any of the things in a table of modules, or of the names of one, may stand for."""
        made = self._written(source)
        if isinstance(made, _COMPREHENSIONS):
            return self._each(made, 1)
        for _ in range(DEPTH):  # a name may stand for what is made of itself
            if not (isinstance(made, ast.Call) and made.args and self.name_of(made.func) in _COPIES):
                break
            made = self._written(made.args[0])
        if not isinstance(made, ast.Call):
            return ""
        is_view = isinstance(made.func, ast.Attribute) and made.func.attr in _TABLES_OF and not made.args
        table = (
            self.name_of(made.func.value) if is_view and isinstance(made.func, ast.Attribute) else self.name_of(made)
        )
        if table == "sys.modules":
            return "os"
        if table in _ANYTHING:
            return f"builtins.{COMPUTED}"
        module = table.removesuffix(".__dict__")
        return f"{module}.{COMPUTED}" if module != table and module in _EXECUTING else ""

    def _each(self, node: ast.ListComp | ast.GeneratorExp | ast.SetComp, depth: int) -> str:
        """Return what the elements that a comprehension makes may stand for."""
        if depth > DEPTH or self._within >= _COMPREHENDED:  # what it goes over may be made of itself
            return ""
        inner = Scope(self)
        inner._within += 1
        for generator in node.generators:
            inner.learn_loop(generator.target, generator.iter)
        return inner.name_of(node.elt, depth + 1)

    def elements(self, source: ast.expr, depth: int = 0) -> list[ast.expr]:
        """Return the expressions that iterating over another one gives, as far as they are written out."""
        self._budget.spend()
        written = self._written(source) if depth <= DEPTH else None  # a name may stand for what is made of itself
        match written:
            case ast.List(elts=parts) | ast.Tuple(elts=parts) | ast.Set(elts=parts):
                return parts[:_ELEMENTS]
            case ast.Call(func=ast.Attribute(value=owner, attr="items" | "values" as kind), args=[]):
                table = self._written(owner)
                pairs = [*zip(table.keys, table.values, strict=True)] if isinstance(table, ast.Dict) else []
                return [
                    value if kind == "values" else ast.Tuple([key or ast.Constant(None), value])
                    for key, value in pairs[:_ELEMENTS]
                ]
            case ast.Call(func=ast.Name(id="zip"), args=[_, *_] as columns):
                rows = zip(*(self.elements(column, depth + 1) for column in columns), strict=False)
                return [ast.Tuple([*row]) for row in rows]
            case ast.Call(func=ast.Name(id="map"), args=[function, inner]):
                return [ast.Call(function, [item], []) for item in self.elements(inner, depth + 1)]
            case ast.Call(func=ast.Name(id="enumerate"), args=[inner, *_]):
                return [
                    ast.Tuple([ast.Constant(place), item]) for place, item in enumerate(self.elements(inner, depth + 1))
                ]
        return []

    def _written(self, node: ast.AST) -> ast.AST | None:
        """Return the expression that a name stands for, any other as it is."""
        return self.value_of(node.id) if isinstance(node, ast.Name) else self._literal(node)

    def _literal(self, node: _Node) -> _Node | ast.expr:
        """Return the table or list that a reader of literals makes of a text, any other expression as it is."""
        if not isinstance(node, ast.Call) or not node.args or self.name_of(node.func) not in LITERALS:
            return node
        return literal_in(text(self, node.args[0], 0)) or node

    def learn_match(self, node: ast.Match) -> None:
        """Note that names which a pattern catches stand for what is matched."""
        for case in node.cases:
            self._learn_pattern(case.pattern, node.subject)

    def _learn_pattern(self, pattern: ast.pattern, subject: ast.expr) -> None:
        written = self._written(subject)
        match pattern:
            case ast.MatchAs(name=str() as name):
                self._assign_name(name, subject)
            case ast.MatchSequence(patterns=inner) if isinstance(written, _ROWS):
                self._learn_sequence(inner, written.elts)
            case ast.MatchMapping(keys=keys, patterns=inner, rest=rest):
                for key, part in zip(keys, inner, strict=True):
                    self._learn_pattern(part, ast.Subscript(subject, key))
                if rest:
                    self._assign_name(rest, subject)
            case ast.MatchClass(kwd_attrs=names, kwd_patterns=inner):
                for attribute, part in zip(names, inner, strict=True):
                    self._learn_pattern(part, ast.Attribute(subject, attribute))
            case ast.MatchOr(patterns=inner) | ast.MatchSequence(patterns=inner):
                for part in inner:
                    self._learn_pattern(part, subject)

    def _learn_sequence(self, patterns: list[ast.pattern], elements: list[ast.expr]) -> None:
        place = 0
        for at, part in enumerate(patterns):
            if isinstance(part, ast.MatchStar):
                stop = len(elements) - (len(patterns) - at - 1)
                if part.name:
                    self._assign_name(part.name, ast.List(elements[place:stop]))
                place = max(place, stop)
            elif place < len(elements):
                self._learn_pattern(part, elements[place])
                place += 1

    def work_out(self, node: ast.For | ast.While) -> Worked | None:
        """Return what names stand for behind a loop over constants, None where that cannot be known."""
        if self._rounds[0] <= 0:
            return None
        if found := self._chained(node):
            return Worked({}, *found)
        inner = Scope(self)
        steps = Steps(inner, self._rounds[0])
        before = steps.left
        try:
            done = steps.loop(node)
        except Unknown:
            done = RETURNED
        self._rounds[0] -= before - steps.left
        if done == RETURNED or not steps.changed:
            return None
        return Worked({name: (inner.constant_of(name), inner.list_of(name)) for name in steps.changed})

    def settle(self, worked: Worked | None) -> None:
        """Note what names stand for behind a loop that was worked out."""
        if worked is None:
            return
        for name, (known, listed) in worked.names.items():
            self._constants[name], self._lists[name] = known, listed
        if worked.name:
            self.set(worked.name, worked.dotted)

    def _chained(self, node: ast.For | ast.While) -> tuple[str, str] | None:
        """Return the name, and what it stands for behind a loop that does `name = getattr(name, part)` for parts."""
        match node:
            case ast.For(
                target=ast.Name(id=part),
                iter=path,
                body=[
                    ast.Assign(targets=[ast.Name(id=name)], value=ast.Call(func, [ast.Name(id=of), ast.Name(id=key)]))
                ],
            ) if name == of and part == key and self.name_of(func) == "builtins.getattr":
                reached: ast.expr = ast.Name(name)
                for item in items(self, path) or [None]:
                    if not isinstance(item, str):
                        return None
                    reached = ast.Attribute(reached, item)
                return name, self.name_of(reached)
        return None

    def set_globals(self, name: str) -> None:
        """Note that a name stands for a table of the names that are known here."""
        self.set(name, GLOBALS)

    def set_list(self, name: str, values: list[Value | None]) -> None:
        """Note that a name stands for a list of constants."""
        self.set(name)
        self._lists[name] = values

    def grow(self, name: str, key: ast.expr | None, value: ast.expr) -> None:
        """Note that something is put into what a name stands for, a list or a table say."""
        before, count = self._values.get(name), self._grown.get(name, 0)
        if not isinstance(before, ast.expr) or count >= _GROWN:
            return
        self._grown[name] = count + 1
        listed = self._lists.get(name)
        made: ast.expr = ast.Set(elts=[before, value])
        if isinstance(before, ast.List) and key is None and len(before.elts) <= _ELEMENTS:
            made = ast.List([*before.elts, value])
            listed = [] if not before.elts else listed
        elif isinstance(before, ast.Dict) and key is not None and len(before.keys) <= _ELEMENTS:
            made = ast.Dict([key, *before.keys], [value, *before.values])
        self._values[name], self._constants[name] = made, None
        sure = listed is not None and not self.unsure and isinstance(made, ast.List)
        self._lists[name] = [*(listed or ()), constant(self, value)] if sure else None

    def change(self, name: str, method: str, given: list[ast.expr]) -> None:
        """Note what a method does to a list of constants that has a name."""
        try:
            Steps(self, self._rounds[0]).change(name, method, given)
        except Unknown:
            self._lists[name] = None

    def decides(self, test: ast.expr) -> bool:
        """Return whether the file itself gives a name of a condition, TYPE_CHECKING say, a value that holds."""
        named = (item for item in ast.walk(test) if isinstance(item, ast.Name) and item.id in _DECIDING)
        values = [self.value_of(item.id) for item in named]
        return any(isinstance(value, ast.Constant) and bool(value.value) for value in values)

    def blur(self, names: Iterable[str]) -> None:
        """Note that names are changed in a loop: what they are made of is known, what they hold is not."""
        self._constants.update(dict.fromkeys(names))

    def _learn_from(self, node: ast.ImportFrom) -> None:
        module = "." * node.level + (node.module or "")
        for item in node.names:
            joint = "." if node.module else ""
            dotted = _HIDDEN if item.name == "__pyarmor__" else module and f"{module}{joint}{item.name}"
            self.set(item.asname or item.name, dotted)
        if node.level and node.names[0].name == "*":
            self.stars.append(module)
        if module and node.names[0].name == "*":
            self.take_all(module)

    def _assign(self, target: ast.expr, value: ast.expr) -> None:
        value = self._literal(value)
        if isinstance(target, ast.Name):
            self._assign_name(target.id, value)
        elif isinstance(target, ast.Attribute) and target.attr == "__dict__":
            self.take_table(value, f"{self.name_of(target.value)}{_TABLE}")
        elif isinstance(target, ast.Attribute):
            self.set_member(self.name_of(target.value), target.attr, self.name_of(value), constant(self, value))
        elif isinstance(target, ast.Subscript) and (table := self.name_of(target.value)).endswith(_TABLE):
            self.put(table, target.slice, value)
        elif isinstance(target, ast.Subscript) and isinstance(target.value, ast.Name):
            self.grow(target.value.id, target.slice, value)
        elif isinstance(target, _ROWS):
            self._assign_row(target, value)

    def _assign_row(self, target: ast.Tuple | ast.List, value: ast.expr) -> None:
        row = self._written(value)
        for inner, item in zip(target.elts, row.elts, strict=False) if isinstance(row, _ROWS) else ():
            if isinstance(inner, ast.Starred):  # up to what a star takes
                self._assign(inner.value, ast.List(row.elts[target.elts.index(inner) :]))  # type: ignore[union-attr]
                break
            self._assign(inner, item)
        cut = isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute) and value.func.attr in _CUTTING
        listed = items(self, value) if cut or isinstance(value, ast.Name | ast.ListComp | ast.GeneratorExp) else None
        each = listed if listed and len(listed) == len(target.elts) else [None] * len(target.elts)
        for inner, known in () if isinstance(row, _ROWS) else zip(target.elts, each, strict=True):
            if isinstance(inner, ast.Name):  # one of several that a call returns
                self.set(inner.id, self._names.get(inner.id, ""), value, known)

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
        return _as_known(found) if len(found) <= _LONGEST_NAME else ""

    def _joined(self, node: ast.BinOp | ast.Dict | ast.DictComp, depth: int) -> str:
        """Return the path that something is joined to, or the module's table that is part of another one."""
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
        return next((name for part in parts if (name := self.name_of(part, depth)).endswith(_TABLE)), "")

    def _member(self, owner: str, name: str) -> str:
        """Return what an attribute of something stands for."""
        if name == "__call__" and "." in owner and not owner.endswith("()"):
            return owner
        if owner == GLOBALS and name not in _ESCAPES and name not in _GETTERS:
            return self._name(name)
        if (owner == _PATH and name == "parent") or (name == "__self__" and owner.startswith("builtins.")):
            return owner.partition(".")[0] if name == "__self__" else owner
        if owner in _COMMANDS:
            return f"{owner}.{owner}"
        found = self._members.get(f"{owner.removesuffix('()')}.{name}") or _attribute(owner, name)
        return _ESCAPES.get(name, found)

    def _got(self, owner: str, key: ast.expr, depth: int) -> str:
        """Return the attribute of something whose name an expression gives."""
        name = text(self, key, depth).removesuffix(".__call__")
        if name:
            return self._member(owner, name)
        either = [key.body, key.orelse] if isinstance(key, ast.IfExp) else []
        either += key.values if isinstance(key, ast.BoolOp) else []
        found = next(filter(None, (self._got(owner, part, depth + 1) for part in either if depth < DEPTH)), "")
        return found or (f"{owner}.{COMPUTED}" if owner in _EXECUTING else "")

    def _name(self, name: str) -> str:
        if name in self._names:
            return self._names[name]
        if name == "get_ipython":
            return f"IPython.{name}"
        if name == "__pyarmor__":
            return _HIDDEN
        if name == "__builtins__":
            return "builtins"
        return f"builtins.{name}" if name in _BUILTINS else self._members.get(f"builtins.{name}", "")

    def _called(self, node: ast.Call, depth: int) -> str:
        """Return what a call returns, where it looks a module or an attribute up, and `NAME()` elsewhere."""
        name = self.name_of(node.func, depth)
        found: str | None = None
        if name == "builtins.type" and isinstance(self._written(node.args[0]) if node.args else None, _FUNCTIONS):
            found = "types.FunctionType"
        elif name == "builtins.type" and len(node.args) > 1:
            found = f"{OWN}{text(self, node.args[0], depth)}"  # a class, which is read as if it were defined so
        elif name in ("builtins.globals", "builtins.locals", "builtins.vars") and not node.args:
            found = GLOBALS
        elif not name:
            found = self._taken(node, depth) or None
        elif name == "operator.methodcaller()" and (made := self.direct(node)) is not node and depth < DEPTH:
            found = self._called(made, depth + 1)
        elif name.endswith(".load_module") and ".__spec__" in name:
            found = name.partition(".__spec__")[0]
        elif node.args:
            found = self._looked_up(name, node, depth)
        else:
            found = self._unpacked(name, node, depth)
        returned = self.returned(node, _NAMED_INSIDE) if found is None else None
        if returned:
            inner, value = returned
            found = inner.name_of(value, depth + 1) or None
        if found is None:
            found = _PATH if name.startswith("pathlib.") and name.rpartition(".")[2] in _PATHS else name and f"{name}()"
        return found

    def _unpacked(self, name: str, node: ast.Call, depth: int) -> str | None:
        """Return the module whose names an object is made of, or what an entry point names."""
        if name.endswith(f"{_TABLE}.copy"):
            return name.removesuffix(".copy")
        spread = [item.value for item in node.keywords if not item.arg]
        if name == "types.SimpleNamespace" and spread:
            table = self.name_of(spread[0], depth)
            return table.removesuffix(".__dict__") if table.endswith(".__dict__") else None
        made = node.func.value if isinstance(node.func, ast.Attribute) else None
        if name in _ENTRY_POINTS and isinstance(made, ast.Call) and made.args[1:]:
            return text(self, made.args[1], depth).replace(":", ".") or None
        return None

    def _taken(self, node: ast.Call, depth: int) -> str:
        """Return the name of what is taken out of a table or a list that is written out, by a method of it."""
        if isinstance(node.func, ast.Attribute) and node.func.attr == "load_module" and node.args:
            return text(self, node.args[0], depth)
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
                return text(self, first, depth) or f"{name}()"
            case "builtins.getattr" if len(node.args) > 1:
                default = self.name_of(node.args[2], depth) if len(node.args) > len(("object", "name")) else ""
                return default if _executes(default) else self._got(self.name_of(first, depth), node.args[1], depth)
            case _ if name in _RETURNING:
                return self.name_of(first, depth)
            case "builtins.vars" | "inspect.getmembers":
                return _attribute(self.name_of(first, depth), "__dict__")
            case "builtins.eval":
                code = parsed_expression(text(self, first, depth))
                return self.name_of(code, depth) if code else ""
        found = self._attribute_looked_up(name, node, depth)
        return self._module_looked_up(name, node, depth) if found is None else found

    def _attribute_looked_up(self, name: str, node: ast.Call, depth: int) -> str | None:
        """Return the attribute that a call other than getattr looks up by its name."""
        first = node.args[0]
        match name:
            case "operator.attrgetter()" | "operator.itemgetter()":
                made = self._written(node.func)
                if isinstance(made, ast.Call) and made.args and name == "operator.attrgetter()":
                    return self._got(self.name_of(first, depth), made.args[0], depth)
                key = constant(self, made.args[0], depth) if isinstance(made, ast.Call) and made.args else None
                return self._item(first, key, depth)
            case "inspect.getattr_static" | "builtins.object.__getattribute__" if len(node.args) > 1:
                return self._got(self.name_of(first, depth), node.args[1], depth)
            case "builtins.next" if isinstance(made := self._written(first), _COMPREHENSIONS):
                return self._each(made, depth)
            case "functools.reduce" if len(node.args) > 2 and self.name_of(first, depth) == "builtins.getattr":
                names = items(self, node.args[1], depth) or [None]
                path = ".".join(name for name in names if isinstance(name, str))
                return _attribute(self.name_of(node.args[2], depth), path)
        return None

    def _module_looked_up(self, name: str, node: ast.Call, depth: int) -> str | None:
        """Return the name that a call looks up by its text, or in a table of modules or names."""
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
            return self._got(owner, node.args[-1], depth) or None
        if attribute in _GETTERS:
            return self._got_item(owner, node, depth) or None
        return None

    def _got_item(self, owner: str, node: ast.Call, depth: int) -> str:
        """Return the name of what a method of a table gives: `t.get(key)`, `get(key)` or `dict.get(t, key)`."""
        key = constant(self, node.args[0], depth)
        if owner == "builtins.dict":
            return self._item(node.args[0], constant(self, node.args[1], depth), depth) if len(node.args) > 1 else ""
        if isinstance(node.func, ast.Attribute) and node.func.attr in _GETTERS:
            return self._item(node.func.value, key, depth)
        return self._entry(owner, key) if isinstance(key, str) else ""

    def _item(self, node: ast.expr, key: Value | None, depth: int) -> str:
        if isinstance(node, ast.Attribute) and node.attr in ("__mro__", "__bases__"):
            return _OBJECT
        owner = self.name_of(node, depth)
        returned = self.returned(node, _NAMED_INSIDE) if isinstance(node, ast.Call) else None
        if returned and isinstance(returned[1], ast.Dict | ast.List | ast.Tuple):
            return returned[0]._element(returned[1], key, depth)
        if not owner:
            return self._element(self._written(node), key, depth)
        if isinstance(key, str) and key:
            return self._entry(owner, key)
        module = owner.removesuffix(".__dict__")
        return f"{module}.{COMPUTED}" if module in _EXECUTING and (module != owner or owner == "builtins") else ""

    def _entry(self, owner: str, key: str) -> str:
        """Return what stands under a name in the table `owner` of modules, of names, or of a library's functions."""
        if owner == GLOBALS:
            return self._name(key)
        if owner == _OTHER_GLOBALS:
            return "builtins" if key == "__builtins__" else key.lstrip("_") if key.startswith("_") else key
        if owner == "sys.modules":
            return key
        if owner in _LIBRARIES or owner == "ctypes.LibraryLoader()":
            return "ctypes.CDLL()"
        if owner == "plumbum.local":
            return "plumbum.local.__getitem__()"
        is_table = owner.endswith(_TABLE) or owner in ("builtins", "ctypes.CDLL()", "ctypes.PyDLL()")
        if owner.startswith(OWN) and is_table:
            return self._member(owner.removesuffix(_TABLE), key)
        return f"{owner.removesuffix(_TABLE)}.{key}" if is_table else ""

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
        elif isinstance(value, _COMPREHENSIONS):
            return self._each(value, depth)
        return ""

    def direct(self, node: ast.Call) -> ast.Call:
        """Return the call that `partial(f, x)(y)` or `methodcaller(name, x)(y)` is, any other as it stands.

        What is written out behind stars stands among the arguments.
        """
        node = self._spread(node)
        made: ast.AST | None = self._written(node.func)
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
        """Return the call that one of an attribute made by `partialmethod` is: of a method, or with the instance."""
        function, given = made.args[0], [*made.args[1:], *node.args]
        if isinstance(function, ast.Name) and function.id not in self._names:  # a method of the class
            function = ast.Attribute(owner, function.id)
        else:
            given.insert(0, owner)
        return ast.Call(function, given, [*made.keywords, *node.keywords])

    def _spread(self, node: ast.Call) -> ast.Call:
        """Return a call with what `*name` and `**name` stand for in the place of them, where that is written out."""
        if all(item.arg for item in node.keywords) and not any(isinstance(item, ast.Starred) for item in node.args):
            return node
        args: list[ast.expr] = []
        for item in node.args:
            row = self._written(item.value) if isinstance(item, ast.Starred) else None
            args += row.elts if isinstance(row, _ROWS) else [item]
        keywords: list[ast.keyword] = []
        for given in node.keywords:
            table = None if given.arg else self._written(given.value)
            found = [given]
            if isinstance(table, ast.Dict):
                pairs = zip(table.keys, table.values, strict=True)
                found = [ast.keyword(text(self, key, 1) or None, value) for key, value in pairs if key]
            elif isinstance(table, ast.Call) and self.name_of(table.func) == "builtins.dict" and not table.args:
                found = table.keywords
            keywords += found
        return ast.copy_location(ast.Call(node.func, args, keywords), node)

    def returned(self, node: ast.Call, inside: int) -> tuple[Scope, ast.expr] | None:
        """Return the expression that a call of a function of the module returns, and the scope that it stands in.

        None where it calls no lambda or function of a few plain statements, or stands in the `inside`th that called
        another.
        """
        function = self.value_of(node.func.id) if isinstance(node.func, ast.Name) else node.func
        around = self
        if isinstance(function, ast.Call) and self._inside < inside:  # of what another call returns
            self._inside += 1  # which may be this very one: `read(archive())` where that names it `archive`
            named = self.name_of(function).removeprefix(OWN)
            self._inside -= 1
            function, around = self.functions.get(named, (function, self))
        if self._inside >= inside or not isinstance(function, (ast.Lambda, ast.FunctionDef)):
            return None
        scope = around.call(function, node, self)
        scope._inside = self._inside + 1  # not one more than where it is defined
        value = function.body if isinstance(function, ast.Lambda) else scope._run(function.body)
        return (scope, value) if value else None

    def _run(self, statements: list[ast.stmt]) -> ast.expr | None:
        """Take in the statements of a function, and return the expression that it returns where all are plain."""
        for place, statement in enumerate(statements[:_STEPS]):
            match statement:
                case ast.Return(value=value):
                    return value
                case ast.Assign() | ast.AugAssign() | ast.Import() | ast.ImportFrom():
                    self.learn(statement)
                case ast.For() | ast.While() if worked := self.work_out(statement):
                    self.settle(worked)
                case ast.If(test=test, body=[ast.Return(value=ast.expr() as one)], orelse=rest):
                    other = self._run([*rest, *statements[place + 1 :]])
                    return ast.copy_location(ast.IfExp(test, one, other or ast.Constant(None)), statement)
                case ast.FunctionDef() | ast.AsyncFunctionDef():
                    self.define(statement)
                case ast.ClassDef(name=name):
                    self.set(name, f"{OWN}{name}", statement)
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
        """Return whether all is known that this very scope was given: nothing, or a name that stands for a constant."""
        given, lists = self._constants.maps[0], self._lists.maps[0]
        return not given or any(value is not None for value in (*given.values(), *lists.values()))


def parsed_expression(text: str) -> ast.expr | None:
    """Return the tree of an expression, None where the text is none."""
    if not text or len(text) > _LONGEST_CODE:
        return None
    try:
        return ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError):
        return None


def _as_known(dotted: str) -> str:
    """Return a name as the tables have it: modules that others import, and what has several names."""
    reached = _REACHED.fullmatch(dotted) if "." in dotted else None
    dotted = reached[1] if reached else dotted
    top, dot, rest = dotted.partition(".")
    return f"{_SAME_MODULE[top]}{dot}{rest}" if top in _SAME_MODULE else dotted


def _executes(dotted: str) -> bool:
    """Return whether a name stands for what runs commands or any code, or for a module that does."""
    return dotted in _EXECUTING or dotted in ("builtins.exec", "builtins.eval") or KINDS.get(dotted) == "command"


def _fits(target: ast.Tuple | ast.List, element: ast.expr) -> bool:
    """Return whether an element has a place for each name of a target."""
    starred = any(isinstance(item, ast.Starred) for item in target.elts)
    return isinstance(element, _ROWS) and len(element.elts) == len(target.elts) and not starred


def _attribute(owner: str, name: str) -> str:
    return f"{owner}.{name}" if owner and name and len(owner) + len(name) < _LONGEST_NAME else ""
