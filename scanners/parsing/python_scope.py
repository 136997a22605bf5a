"""How code binds names, statement by statement: by assignments, loops, matches and function calls."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from typing import NamedTuple

from scanners.parsing.python_constants import MAX_DEPTH, constant, items
from scanners.parsing.python_decoders import Value
from scanners.parsing.python_names import (
    COMPREHENSIONS,
    COMPUTED,
    EXECUTING,
    GLOBALS,
    OWN,
    PYARMOR,
    ROWS,
    TABLE,
    Naming,
    executes,
)
from scanners.parsing.python_sinks import KINDS
from scanners.parsing.python_steps import RETURNED, Steps, Unknown
from scanners.parsing.python_syntax import Definition

_CUTTING = frozenset("split rsplit splitlines partition rpartition".split())
_MAX_LAMBDA_DEPTH = 2
"""Maximum nesting of function calls that return a lambda."""
_MAX_STATEMENTS = 20
"""Maximum statements of a function whose result is evaluated."""
_OBJECT_LISTS = frozenset({"gc.get_objects()", "gc.get_referrers()", "gc.get_referents()"})
"""Lists that may contain any function of the process."""
_PARTIALS = frozenset({"functools.partial", "functools.partialmethod"})
_CONDITION_NAMES = frozenset({"TYPE_CHECKING", "__name__"})
_COPIES = frozenset({"builtins.list", "builtins.sorted"})
_TABLES_OF = frozenset("items values".split())
_MAX_ADDED_ENTRIES = 64
"""Maximum entries that are added to one list or dictionary after its assignment."""
_MAX_ELEMENTS = 200
"""Maximum elements of an iterable that are examined."""
_LISTS = (ast.List, ast.Tuple, ast.ListComp, ast.GeneratorExp, ast.Call)
_Function = Definition | ast.Lambda


class LoopResult(NamedTuple):
    """What names stand for after a loop: a constant, or a list of constants.

    `name` stands for `dotted` after a loop of `getattr` calls.
    """

    names: dict[str, tuple[Value | None, list[Value | None] | None]]
    name: str = ""
    dotted: str = ""


class Scope(Naming):
    """The names of a scope, as statements bind them."""

    def __init__(self, above: Scope | None = None) -> None:
        super().__init__(above)
        self.functions: dict[str, tuple[Definition, Scope]] = above.functions if above else {}
        """Functions of the file by name, including nested ones, each with its enclosing scope."""
        self.others: dict[str, list[tuple[Definition, Scope]]] = above.others if above else {}
        """Further functions of the same name, where a condition decides which one is defined."""
        self.first = ""
        """What the first argument of this function stands for: the instance, in a method."""
        self.around: Scope = self
        """The scope that functions defined here see: they do not see the names of a class body."""

    def add_entries(self, node: ast.expr, table: str, depth: int = 0) -> None:
        """Note that the entries of a dictionary are added to the namespace `table`."""
        owner = table if table == GLOBALS else table.removesuffix(TABLE)
        written, taken = self.written_of(node), self.name_of(node)
        if taken.endswith(TABLE) and taken != GLOBALS:
            self.import_all(taken.removesuffix(TABLE), owner)
        elif isinstance(written, ast.Dict) and depth < MAX_DEPTH:
            for key, value in zip(written.keys, written.values, strict=True):
                known = constant(self, key) if key else None
                if isinstance(known, str):
                    self.set_member(owner, known, self.name_of(value), constant(self, value))
                elif key is None:
                    self.add_entries(value, table, depth + 1)
        elif isinstance(written, ast.BinOp) and depth < MAX_DEPTH:
            self.add_entries(written.left, table, depth + 1)
            self.add_entries(written.right, table, depth + 1)

    def set_entry(self, table: str, key: ast.expr, value: ast.expr) -> None:
        """Note an entry of the namespace `table`; for an unknown attribute of a module, all of its attributes."""
        owner = table if table == GLOBALS else table.removesuffix(TABLE)
        known, name = constant(self, key), self.name_of(value)
        if isinstance(known, str):
            self.set_member(owner, known, name, constant(self, value))
        elif name.endswith(f".{COMPUTED}"):
            self.import_all(name.removesuffix(f".{COMPUTED}"), owner)

    def define(self, function: Definition) -> None:
        """Note a function that is defined in this scope."""
        before = self.functions.get(function.name)
        if self.unsure and before:
            self.others.setdefault(function.name, []).append(before)
        self.functions[function.name] = function, self
        self.set(function.name, f"{OWN}{function.name}", function)

    def close_class(self, name: str) -> None:
        """Note the names of this scope, the body of a class, as attributes of the class."""
        constants = self._constants.maps[0]
        for member, dotted in self._names.maps[0].items():
            if not dotted.startswith(OWN):
                self.set_member(f"{OWN}{name}", member, dotted, constants.get(member))
        for member, node in self._values.maps[0].items():
            if isinstance(node, ast.Call) and node.args and self.name_of(node.func) in _PARTIALS:
                self._member_calls[f"{OWN}{name}.{member}"] = node

    def call(self, function: _Function, given: ast.Call | None, caller: Scope, first: str = "") -> Scope:
        """Return the scope of a called function; `first` is what its first argument stands for."""
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
                if known is None and isinstance(caller.written_of(node), ast.List | ast.Tuple):
                    inner._lists[name] = items(caller, node, 1)
            inner._take_rest(arguments, given, caller, len(named))
        return inner

    def _take_rest(self, arguments: ast.arguments, given: ast.Call, caller: Scope, named: int) -> None:
        """Bind the `*args` and `**kwargs` of a called function in its scope."""
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
        """Return the constant value of an expression here, or the expression if it is not constant."""
        known = constant(self, node, 1)
        return node if known is None else ast.copy_location(ast.Constant(known), node)

    def learn(self, node: ast.AST) -> None:
        """Bind the names that a statement or an assignment expression binds."""
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
        """Bind the target names of a loop to an element of `source`.

        Returns the previous meanings of those that ran code: an empty loop leaves them as they were.
        """
        named = [item.id for item in ast.walk(target) if isinstance(item, ast.Name)]
        before = {name: dotted for name in named if executes(dotted := self._names.get(name, ""))}
        elements = self.elements(source)
        self._learn_target(target, elements, source)
        return {} if elements else before

    def restore(self, names: dict[str, str]) -> None:
        """Restore previous meanings of names."""
        for name, dotted in names.items():
            self.set(name, dotted)

    def _learn_target(self, target: ast.expr, elements: list[ast.expr], source: ast.expr) -> None:
        if isinstance(target, ROWS) and elements and all(_fits(target, element) for element in elements):
            for place, inner in enumerate(target.elts):
                column = [element.elts[place] for element in elements if isinstance(element, ROWS)]
                self._learn_target(inner, column, source)
            return
        only = constant(self, elements[0]) if len(elements) == 1 else None
        names = [name for name in map(self.name_of, elements) if name] or [self._out_of(source)]
        telling = next((name for name in names if name in KINDS or name.startswith(OWN)), "")
        for item in ast.walk(target):
            if isinstance(item, ast.Name):
                self.set(item.id, telling or next(iter(names), ""), source, only)

    def _out_of(self, source: ast.expr) -> str:
        """Return what an element of `sys.modules` or of a module's namespace may stand for."""
        made = self.written_of(source)
        if isinstance(made, COMPREHENSIONS):
            return self.each_of(made, 1)
        for _ in range(MAX_DEPTH):  # a name may refer to itself
            if not (isinstance(made, ast.Call) and made.args and self.name_of(made.func) in _COPIES):
                break
            made = self.written_of(made.args[0])
        if not isinstance(made, ast.Call):
            return ""
        is_view = isinstance(made.func, ast.Attribute) and made.func.attr in _TABLES_OF and not made.args
        table = (
            self.name_of(made.func.value) if is_view and isinstance(made.func, ast.Attribute) else self.name_of(made)
        )
        if table == "sys.modules":
            return "os"
        if table in _OBJECT_LISTS:
            return f"builtins.{COMPUTED}"
        module = table.removesuffix(".__dict__")
        return f"{module}.{COMPUTED}" if module != table and module in EXECUTING else ""

    def elements(self, source: ast.expr, depth: int = 0) -> list[ast.expr]:
        """Return the expressions that iterating over `source` gives, as far as it is a literal."""
        self._budget.spend()
        written = self.written_of(source) if depth <= MAX_DEPTH else None  # a name may refer to itself
        match written:
            case ast.List(elts=parts) | ast.Tuple(elts=parts) | ast.Set(elts=parts):
                return parts[:_MAX_ELEMENTS]
            case ast.Call(func=ast.Attribute(value=owner, attr="items" | "values" as kind), args=[]):
                table = self.written_of(owner)
                pairs = [*zip(table.keys, table.values, strict=True)] if isinstance(table, ast.Dict) else []
                return [
                    value if kind == "values" else ast.Tuple([key or ast.Constant(None), value])
                    for key, value in pairs[:_MAX_ELEMENTS]
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

    def learn_match(self, node: ast.Match) -> None:
        """Bind the names that the patterns of a match statement capture."""
        for case in node.cases:
            self._learn_pattern(case.pattern, node.subject)

    def _learn_pattern(self, pattern: ast.pattern, subject: ast.expr) -> None:
        written = self.written_of(subject)
        match pattern:
            case ast.MatchAs(name=str() as name):
                self._assign_name(name, subject)
            case ast.MatchSequence(patterns=inner) if isinstance(written, ROWS):
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

    def evaluate_loop(self, node: ast.For | ast.While) -> LoopResult | None:
        """Return what names stand for after a loop over constants, or None if that is unknown."""
        if self._rounds[0] <= 0:
            return None
        if found := self._chained(node):
            return LoopResult({}, *found)
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
        return LoopResult({name: (inner.constant_of(name), inner.list_of(name)) for name in steps.changed})

    def bind_loop_result(self, result: LoopResult | None) -> None:
        """Bind the names that an evaluated loop changes."""
        if result is None:
            return
        for name, (known, listed) in result.names.items():
            self._constants[name], self._lists[name] = known, listed
        if result.name:
            self.set(result.name, result.dotted)

    def _chained(self, node: ast.For | ast.While) -> tuple[str, str] | None:
        """Return the name, and what it stands for, after a loop of `name = getattr(name, part)` over constant parts."""
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
        """Note that a name stands for the globals of the module."""
        self.set(name, GLOBALS)

    def set_list(self, name: str, values: list[Value | None]) -> None:
        """Note that a name stands for a list of constants."""
        self.set(name)
        self._lists[name] = values

    def grow(self, name: str, key: ast.expr | None, value: ast.expr) -> None:
        """Note that an item is added to a list, a dictionary or another object that a name stands for."""
        before, count = self._values.get(name), self._grown.get(name, 0)
        if not isinstance(before, ast.expr) or count >= _MAX_ADDED_ENTRIES:
            return
        self._grown[name] = count + 1
        listed = self._lists.get(name)
        made: ast.expr = ast.Set(elts=[before, value])
        if isinstance(before, ast.List) and key is None and len(before.elts) <= _MAX_ELEMENTS:
            made = ast.List([*before.elts, value])
            listed = [] if not before.elts else listed
        elif isinstance(before, ast.Dict) and key is not None and len(before.keys) <= _MAX_ELEMENTS:
            made = ast.Dict([key, *before.keys], [value, *before.values])
        self._values[name], self._constants[name] = made, None
        sure = listed is not None and not self.unsure and isinstance(made, ast.List)
        self._lists[name] = [*(listed or ()), constant(self, value)] if sure else None

    def change(self, name: str, method: str, given: list[ast.expr]) -> None:
        """Note what a method does to a named list of constants."""
        try:
            Steps(self, self._rounds[0]).change(name, method, given)
        except Unknown:
            self._lists[name] = None

    def decides(self, test: ast.expr) -> bool:
        """Return whether the file itself assigns a true value to a name in a condition, such as TYPE_CHECKING."""
        named = (item for item in ast.walk(test) if isinstance(item, ast.Name) and item.id in _CONDITION_NAMES)
        values = [self.value_of(item.id) for item in named]
        return any(isinstance(value, ast.Constant) and bool(value.value) for value in values)

    def forget_constants(self, names: Iterable[str]) -> None:
        """Forget the constant values of names that a loop changes; the expressions they are built from stay known."""
        self._constants.update(dict.fromkeys(names))

    def _learn_from(self, node: ast.ImportFrom) -> None:
        module = "." * node.level + (node.module or "")
        for item in node.names:
            joint = "." if node.module else ""
            dotted = PYARMOR if item.name == "__pyarmor__" else module and f"{module}{joint}{item.name}"
            self.set(item.asname or item.name, dotted)
        if node.level and node.names[0].name == "*":
            self.star_imports.append(module)
        if module and node.names[0].name == "*":
            self.import_all(module)

    def _assign(self, target: ast.expr, value: ast.expr) -> None:
        value = self._literal(value)
        if isinstance(target, ast.Name):
            self._assign_name(target.id, value)
        elif isinstance(target, ast.Attribute) and target.attr == "__dict__":
            self.add_entries(value, f"{self.name_of(target.value)}{TABLE}")
        elif isinstance(target, ast.Attribute):
            self.set_member(self.name_of(target.value), target.attr, self.name_of(value), constant(self, value))
        elif isinstance(target, ast.Subscript) and (table := self.name_of(target.value)).endswith(TABLE):
            self.set_entry(table, target.slice, value)
        elif isinstance(target, ast.Subscript) and isinstance(target.value, ast.Name):
            self.grow(target.value.id, target.slice, value)
        elif isinstance(target, ROWS):
            self._assign_row(target, value)

    def _assign_row(self, target: ast.Tuple | ast.List, value: ast.expr) -> None:
        row = self.written_of(value)
        for inner, item in zip(target.elts, row.elts, strict=False) if isinstance(row, ROWS) else ():
            if isinstance(inner, ast.Starred):  # takes all the rest
                self._assign(inner.value, ast.List(row.elts[target.elts.index(inner) :]))  # type: ignore[union-attr]
                break
            self._assign(inner, item)
        cut = isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute) and value.func.attr in _CUTTING
        listed = items(self, value) if cut or isinstance(value, ast.Name | ast.ListComp | ast.GeneratorExp) else None
        each = listed if listed and len(listed) == len(target.elts) else [None] * len(target.elts)
        for inner, known in () if isinstance(row, ROWS) else zip(target.elts, each, strict=True):
            if isinstance(inner, ast.Name):  # one of several results of a call
                self.set(inner.id, self._names.get(inner.id, ""), value, known)

    def _assign_name(self, name: str, value: ast.expr) -> None:
        known = constant(self, value)
        listed = items(self, value) if known is None and isinstance(value, _LISTS) else None
        made: ast.AST = value
        if any(isinstance(item, ast.Name) and item.id == name for item in ast.walk(value)) and name in self._values:
            # The new value is built from the previous one.
            before = self._values[name]
            made = ast.Set(elts=[value, *([before] if isinstance(before, ast.expr) else [])])
        self.set(name, self.name_of(value), made, known)
        self._lists[name] = listed

    def returned(self, node: ast.Call, inside: int) -> tuple[Scope, ast.expr] | None:
        """Return the expression that a function of the module returns, and the scope to evaluate it in.

        None unless the function is a lambda or a few simple statements, or if `inside` calls are already nested.
        """
        function = self.value_of(node.func.id) if isinstance(node.func, ast.Name) else node.func
        around = self
        if isinstance(function, ast.Call) and self._call_depth < inside:  # a call of what another call returns
            self._call_depth += 1  # it may call itself: `read(archive())` where that names it `archive`
            named = self.name_of(function).removeprefix(OWN)
            made = self.returned(function, inside)
            self._call_depth -= 1
            function, around = self.functions.get(named, (function, self))
            if made and isinstance(made[1], ast.Lambda):
                around, function = made
        if self._call_depth >= inside or not isinstance(function, (ast.Lambda, ast.FunctionDef)):
            return None
        scope = around.call(function, node, self)
        scope._call_depth = self._call_depth + 1  # not one more than where it is defined
        value = function.body if isinstance(function, ast.Lambda) else scope._run(function.body)
        return (scope, value) if value else None

    def lambda_of(self, node: ast.expr) -> tuple[Scope, ast.Lambda] | None:
        """Return the lambda that an expression is, stands for or returns, and its enclosing scope."""
        function = self.value_of(node.id) if isinstance(node, ast.Name) else node
        made = self.returned(function, _MAX_LAMBDA_DEPTH) if isinstance(function, ast.Call) else (self, function)
        return (made[0], made[1]) if made and isinstance(made[1], ast.Lambda) else None

    def _run(self, statements: list[ast.stmt]) -> ast.expr | None:
        """Evaluate the statements of a function, and return its returned expression, or None if one is not simple."""
        for place, statement in enumerate(statements[:_MAX_STATEMENTS]):
            match statement:
                case ast.Return(value=value):
                    return value
                case ast.Assign() | ast.AugAssign() | ast.Import() | ast.ImportFrom():
                    self.learn(statement)
                case ast.For() | ast.While() if result := self.evaluate_loop(statement):
                    self.bind_loop_result(result)
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


def _fits(target: ast.Tuple | ast.List, element: ast.expr) -> bool:
    """Return whether an element has as many items as a target has names."""
    starred = any(isinstance(item, ast.Starred) for item in target.elts)
    return isinstance(element, ROWS) and len(element.elts) == len(target.elts) and not starred
