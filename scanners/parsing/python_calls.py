"""Find the calls that a Python module makes on import, or when one of its classes is used, from its syntax tree.

Names are resolved through imports, assignments, getattr, __import__ and sys.modules; constants are folded as far as
obfuscators commonly go, and constant code is analysed at the point where it runs. A function runs on import if code
that runs on import calls it. Code below `if __name__ == "__main__"` runs only if the file is started as a script.
Calls in classes that do not look like a model are recorded with their class, since a configuration may name it.
Functions without a known caller are analysed last, since they may be called in a way that is not followed. Nothing is
ever executed.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterable
from functools import cached_property

from modelsweep.core.limits import Budget, OverLimit
from scanners.parsing.python_arguments import UNKNOWN, command
from scanners.parsing.python_classes import Classes, ClassUse
from scanners.parsing.python_constants import constant
from scanners.parsing.python_decoders import bytes_of, text_of
from scanners.parsing.python_defined import (
    KINDS_IN_UNCALLED,
    holds_weights,
    is_called,
    is_hook,
    is_of_library,
    is_served,
    is_static,
    may_run,
    passed_as_arguments,
    signature,
)
from scanners.parsing.python_filled import execute_into, fill_table, note_added
from scanners.parsing.python_found import DEFINED, IMPORT, MADE, SCRIPT, USE, Body, Found
from scanners.parsing.python_names import CLASS_MAKERS, GLOBALS, OWN, parsed_expression
from scanners.parsing.python_neighbours import aliases_of_sinks, uses
from scanners.parsing.python_scope import Scope
from scanners.parsing.python_sink_calls import MAGICS, command_argument, expand_magic, method_of, sink_call
from scanners.parsing.python_sinks import (
    CALLERS,
    FINDERS,
    GUARDING,
    HANDLERS,
    HOOKS,
    KINDS,
    ORDERING,
    SAFEGUARDS,
    STATEMENTS,
    TRUSTING,
    UNPICKLERS,
)
from scanners.parsing.python_special import (
    Operated,
    assigned,
    class_made_by,
    members,
    operated,
    replacement,
    unpacked_keywords,
)
from scanners.parsing.python_syntax import (
    NAMING,
    Definition,
    arguments_after,
    is_main_test,
    is_on,
    methods,
    never_on_import,
    parsed,
    runs_as_script,
    walk,
)

_NAMESPACE = "types.SimpleNamespace()"
_NAMESPACES = frozenset({"types.SimpleNamespace", "argparse.Namespace"})
"""Classes whose attributes are their keyword arguments; all instances share one set of attributes here."""
_FIELDS = frozenset({"dataclasses.field", "attr.ib", "attrs.field", "pydantic.Field"})
_FACTORIES = ("default_factory", "factory")
_CODE, _GLOBAL_NAMES, _NEW_CLASS = "__code__", "__globals__", "types.new_class"
_MODULE_HOOKS = ("__getattr__", "__dir__", "_load_pyfunc")
"""Functions called by looking a class up in the module, and the entry point of an MLflow loader module."""
_MAX_CODE_DEPTH = 4
"""Maximum nesting of strings that are parsed as code."""
_MAX_CALL_DEPTH = 6
"""Maximum depth of calls that are followed at once; deeper ones are followed at the end."""
_MAX_ARGUMENT_LISTS = 8
"""Maximum different argument lists with which one function is followed."""
_MAX_SEPARATE_CLASSES = 20
"""Classes of no known kind that are read with everything they call; later ones skip functions already read."""
_INERT_CALLABLES = (
    *("builtins.isinstance", "builtins.issubclass", "builtins.hasattr", "builtins.callable", "builtins.getattr"),
    *("builtins.setattr", "functools.wraps", "functools.update_wrapper", "functools.partial", "builtins.type"),
    *("inspect.", "typing.", "builtins.id", "builtins.repr", "builtins.str", "builtins.super"),
)
"""Name prefixes of functions that never call their arguments."""
_RUNNING_KINDS = frozenset({"command", "code", "memory"})
"""Kinds of callables that matter as arguments of an unknown call."""
_ENVIRON = "os.environ"
_MAX_USES = 100
"""Maximum calls of functions in neighbouring files that are recorded for one file."""
_MAX_CALLS_PER_KIND = 500
"""Maximum calls of one kind that are recorded for one file; with more, the file counts as not fully read."""
_LOADER_BASES = ("importlib.", "zipimport.")
"""Name prefixes of classes that load modules."""
_SOURCE_METHODS = frozenset("get_source get_data get_code".split())
_LOADING_METHODS = _SOURCE_METHODS | frozenset("exec_module create_module load_module find_spec source_to_code".split())
_PROMPT, _PROMPTS = ">>> ", (">>> ", "... ")
_WITH_DOCSTRING = (ast.Module, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_MAX_LIST_ITEMS = 20
"""Maximum elements of a list argument that are read."""


def read(tree: ast.Module, budget: Budget, *, is_setup: bool = False) -> Found:
    """Return what a module does on import and on use; a setup.py also runs as a script."""
    reading = _Reading(budget, is_setup=is_setup)
    try:
        reading.run(tree)
    except OverLimit as fault:
        return reading.found._replace(unread=str(fault))
    return reading.found._replace(unread=reading.left_out())


class _Reading:
    """The state of reading a module, whose statements are read in the order in which they run."""

    def __init__(self, budget: Budget, *, is_setup: bool) -> None:
        self.found = Found([], [], [])
        self._recorded: Counter[str] = Counter()
        self._left_out_call = ""
        """Name of the first call that was left out because too many of its kind were recorded."""
        self._budget, self._is_setup = budget, is_setup
        self._module = Scope()
        self._functions = self._module.functions
        self._classes = Classes(budget, is_setup=is_setup)
        self._pending: list[tuple[list[ast.stmt], Body]] = []
        self._entered: dict[int, set[str]] = {}
        self._seen: set[tuple[int, str, str]] = set()
        self._harmless: set[tuple[int, str, str]] = set()
        """Functions, with owner and arguments, where nothing was found, either in them or in their callees."""
        self._wrapped: dict[str, list[str]] = {}
        """Names of the functions that decorators returned, by the name of the decorated function."""
        self._defined: dict[int, tuple[Definition | ast.Lambda, Body]] = {}
        self._lambdas: dict[int, str] = {}
        """Names of the lambdas that are written as `name = lambda ...`, by the id of their node."""
        self._script_blocks: list[tuple[list[ast.stmt], Body]] = []
        """Statements that run if the file is started as a script, but not on import."""
        self._lazy_annotations = False
        self._tree = ast.Module([], [])

    def run(self, tree: ast.Module) -> None:
        self._lazy_annotations = any(
            isinstance(node, ast.ImportFrom) and node.module == "__future__" and node.names[0].name == "annotations"
            for node in tree.body
        )
        for node in tree.body:
            match node:
                case ast.Assign(targets=[ast.Name(id=name)], value=ast.Lambda() as function):
                    self._lambdas[id(function)] = name
        self._module.set("__doc__", constant=ast.get_docstring(tree, clean=False))
        self._tree = tree
        self._block(tree.body, Body(self._module, IMPORT))
        self._drain()
        self.found.calls.extend(aliases_of_sinks(tree, self._module))
        uses = list(self._classes.uses())
        for use in uses:
            if use.is_known:
                self._read_use(use, USE)
        self._read_module_hooks()
        self._drain()
        for place, use in enumerate(use for use in uses if not use.is_known):
            if place < _MAX_SEPARATE_CLASSES:
                self._entered.clear()
                self._seen.clear()
            recorded = len(self.found.calls) + len(self.found.pickles)
            self._read_use(use, MADE)
            self._drain()
            if place < _MAX_SEPARATE_CLASSES and len(self.found.calls) + len(self.found.pickles) == recorded:
                self._harmless |= self._seen
        self._read_all_uncalled()

    def left_out(self) -> str:
        """Return why the recorded calls are incomplete, or an empty string if they are complete."""
        return (
            f"more than {_MAX_CALLS_PER_KIND:,} calls of one kind, {self._left_out_call} among them"
            if self._left_out_call
            else ""
        )

    def _read_all_uncalled(self) -> None:
        """Read the functions without a known caller; their calls are kept only if one of them runs something."""
        before = len(self.found.calls)
        self._recorded.clear()
        self._read_all_served()
        while self._defined:
            function, body = self._defined.pop(next(iter(self._defined)))
            if id(function) not in self._entered and may_run(function, body.scope, self._budget):
                self._read_uncalled(function, body, served=False)
        for statements, body in self._script_blocks:
            self._block(statements, body._replace(when=SCRIPT))
            self._drain()
        given = passed_as_arguments(self._tree, {call.function for call in self.found.calls[before:] if call.function})
        self.found.calls[before:] = [
            call._replace(called=True) if call.function in given else call for call in self.found.calls[before:]
        ]
        if not any(call.kind in KINDS_IN_UNCALLED for call in self.found.calls[before:]):
            del self.found.calls[before:]

    def _read_all_served(self) -> None:
        """Read what model servers call; other callers may pass the same functions other arguments."""
        entered = {function: set(given) for function, given in self._entered.items()}
        for function, body in list(self._defined.values()):
            if id(function) not in self._entered and is_served(function, body, self._classes, self._functions):
                self._read_uncalled(function, body, served=True)
                entered[id(function)] = set()
        self._entered = entered

    def _read_uncalled(self, function: Definition | ast.Lambda, body: Body, *, served: bool) -> None:
        """Read a function that is defined but has no known caller."""
        self._entered[id(function)] = set()
        hook = is_hook(function, body, self._classes)
        called = is_called(function, body, self._classes)
        within = body._replace(when=DEFINED, owner="", level=0, line=0, hook=hook, served=served, called=called)
        within = within._replace(**signature(function, body, self._name_outside(function, body)))
        if isinstance(function, ast.Lambda):
            scope = body.scope.call(function, None, body.scope)
            within = within._replace(scope=scope, handed=True)
            self._expression(function.body, within)
            self._read_stored(ast.copy_location(ast.Return(function.body), function.body), within)
        else:
            self._enter(function, body.scope, None, within, first=body.inside and f"{OWN}{body.inside}()")
        self._drain()

    def _name_outside(self, function: Definition | ast.Lambda, body: Body) -> str:
        """Return the name by which other files call a function, or an empty string if it is nested in another."""
        if isinstance(function, ast.Lambda):
            return self._lambdas.get(id(function), "")
        return function.name if body.scope is self._module else ""

    def _read_use(self, use: ClassUse, when: str) -> None:
        """Read the methods that run when a class is instantiated and used."""
        for definition, scope in use.lineage:
            owner = use.name if when == MADE else ""
            weights = holds_weights(use, self._module)
            called = is_of_library(use.lineage)
            body = Body(scope, when, owner=owner, weights=weights, served=use.is_served, called=called)
            for method in methods(definition, use.methods):
                self._enter(method, scope, None, body, first=f"{OWN}{use.name}()")

    def _read_module_hooks(self) -> None:
        for name in _MODULE_HOOKS:
            if name in self._functions:
                function, scope = self._functions[name]
                self._enter(function, scope, None, Body(scope, USE))

    def _drain(self) -> None:
        while self._pending:
            self._block(*self._pending.pop())

    def _enter(self, function: Definition, scope: Scope, call: ast.Call | None, body: Body, first: str = "") -> None:
        if is_static(function):
            first = ""
        given = [command(body.scope, item) for item in (call.args if call else ())]
        entered = self._entered.setdefault(id(function), set())
        key = repr(given)
        reading = id(function), first, key
        if key in entered or len(entered) >= _MAX_ARGUMENT_LISTS or reading in self._harmless:
            return
        entered.add(key)
        self._seen.add(reading)
        inner = scope.call(function, call, body.scope, first)
        within = body._replace(scope=inner, in_class=False, inside="", level=body.level + 1)
        if body.level < _MAX_CALL_DEPTH:
            self._block(function.body, within)
        else:
            self._pending.append((function.body, within._replace(level=0)))

    # -- statements and definitions

    def _block(self, statements: list[ast.stmt], body: Body) -> None:
        for statement in statements:
            self._statement(statement, body)

    def _statement(self, node: ast.AST, body: Body) -> None:
        self._budget.spend()
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                self._function(node, body)
            case ast.ClassDef():
                self._class(node, body)
            case ast.If():
                self._branches(node, body)
            case ast.AnnAssign(annotation=ast.Constant() as annotation) if body.in_class:
                self._keep_annotations([annotation], body)
                self._other_statement(node, body)
            case _:
                self._other_statement(node, body)

    def _other_statement(self, node: ast.AST, body: Body) -> None:
        """Read a statement other than a definition or a condition, and everything below it."""
        left = body.scope.evaluate_loop(node) if isinstance(node, ast.For | ast.While) else None
        before: dict[str, str] = {}
        if isinstance(node, ast.For | ast.AsyncFor):
            before = body.scope.learn_loop(node.target, node.iter)
        elif isinstance(node, ast.Match):
            body.scope.learn_match(node)
        elif isinstance(node, ast.Raise) and isinstance(node.exc, ast.Name):
            self._follow(body.scope.name_of(node.exc), None, body)
        if isinstance(node, ast.For | ast.AsyncFor | ast.While):
            # The constant value of a variable that a loop changes is unknown.
            changed = (item.target for item in ast.walk(node) if isinstance(item, ast.AugAssign))
            body.scope.forget_constants(target.id for target in changed if isinstance(target, ast.Name))
        if isinstance(node, ast.AugAssign):
            self._read_operators(operated(node), body)
            if (table := body.scope.name_of(node.target)).endswith(".__dict__"):
                body.scope.add_entries(node.value, table)
                self._read_table(node.value, table, body)
        unsure = isinstance(node, ast.Try | ast.TryStar | ast.Match | ast.While | ast.For)
        body.scope.unsure += unsure
        self._children(node, body)
        body.scope.learn(node)
        self._read_stored(node, body)
        body.scope.unsure -= unsure
        body.scope.bind_loop_result(left)
        body.scope.restore(before)

    def _branches(self, node: ast.If, body: Body) -> None:
        """Read all branches: each `elif` is nested in the one before it, perhaps a thousand deep."""
        while True:
            self._expression(node.test, body)
            if (
                not never_on_import(node.test)
                or body.scope.decides(node.test)
                or (self._is_setup and is_main_test(node.test))
            ):
                body.scope.unsure += 1
                self._block(node.body, body)
                body.scope.unsure -= 1
            elif runs_as_script(node.test):
                self._script_blocks.append((node.body, body))
            if len(node.orelse) != 1 or not isinstance(node.orelse[0], ast.If):
                break
            node = node.orelse[0]
        body.scope.unsure += 1
        self._block(node.orelse, body)
        body.scope.unsure -= 1

    def _children(self, node: ast.AST, body: Body) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                self._expression(child, body)
            else:  # statements, and parts of them: handlers, cases, with items
                self._statement(child, body)

    def _function(self, node: Definition, body: Body) -> None:
        given = node.args
        at_once = [item for item in (*given.defaults, *given.kw_defaults) if item]
        if not self._lazy_annotations:
            named = (*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg)
            at_once += [item.annotation for item in named if item and item.annotation]
            at_once += [node.returns] if node.returns else []
            self._keep_annotations(at_once, body)
        for expression in (*node.decorator_list, *at_once):
            self._expression(expression, body)
        self._defined.setdefault(id(node), (node, body._replace(scope=body.scope.around)))
        if body.in_class:
            body.scope.set(node.name, f"{OWN}{node.name}", node)
        else:
            body.scope.define(node)
        self._read_decorators(node, body)

    def _keep_annotations(self, annotations: list[ast.expr], body: Body) -> None:
        """Keep string annotations as functions that may be called: resolving their types evaluates them."""
        for item in annotations:
            written = item.value if isinstance(item, ast.Constant) else None
            code = parsed_expression(written) if isinstance(written, str) and "(" in written else None
            if code:
                for part in ast.walk(code):
                    ast.copy_location(part, item)
                nothing = ast.arguments(posonlyargs=[], args=[], kwonlyargs=[], kw_defaults=[], defaults=[])
                self._defined.setdefault(id(item), (ast.copy_location(ast.Lambda(nothing, code), item), body))

    def _read_decorators(self, node: Definition | ast.ClassDef, body: Body) -> None:
        """Read what decorators do: each is called with the function or class that it decorates."""
        for decorator in node.decorator_list:
            call = ast.Call(decorator, [ast.Name(node.name)], [])
            if isinstance(decorator, ast.Lambda):
                scope = body.scope.call(decorator, call, body.scope)
                self._expression(decorator.body, body._replace(scope=scope))
            self._call(ast.copy_location(call, decorator), body)
            self._note_wrapper(
                f"{OWN}{body.inside}().{node.name}" if body.in_class else f"{OWN}{node.name}", body, call
            )

    def _note_wrapper(self, name: str, body: Body, call: ast.Call) -> None:
        """Note that calling a function also calls what its decorator returned: a function or an instance."""
        other = body.scope.name_of(call)
        if other.startswith(OWN) and other != name and len(self._wrapped.setdefault(name, [])) < _MAX_ARGUMENT_LISTS:
            self._wrapped[name].append(other)

    def _class(self, node: ast.ClassDef, body: Body) -> None:
        for expression in (*node.decorator_list, *node.bases, *(item.value for item in node.keywords)):
            self._expression(expression, body)
        self._classes.add(node, body.scope)
        body.scope.set(node.name, f"{OWN}{node.name}", node)
        inner = Scope(body.scope)
        inner.around = body.scope.around
        self._block(node.body, body._replace(scope=inner, in_class=True, inside=node.name))
        inner.close_class(node.name)
        self._add_methods(node, body)
        self._read_decorators(node, body)
        given = [item for item in node.keywords if item.arg != "metaclass"]
        for base in node.bases:
            call = ast.copy_location(ast.Call(base, [], given), base)
            self._method(body.scope.name_of(base), frozenset({"__init_subclass__"}), call, body)
        if self._classes.is_enumeration(node.name):
            self._read_operators(members(node), body)
        if any(body.scope.name_of(base).startswith(_LOADER_BASES) for base in node.bases):
            self._read_loader(node, body)
        for item in node.keywords:
            if item.arg == "metaclass":
                for named in (None, frozenset({"mro"})):
                    self._method(body.scope.name_of(item.value), named, None, body)
                call = ast.copy_location(ast.Call(item.value, [], []), item.value)
                self._read_callback(item.value, [item.value], call, body)

    def _read_loader(self, node: ast.ClassDef, body: Body) -> None:
        """Read what a module loader does during an import, and the source code that it returns."""
        self._method(f"{OWN}{node.name}()", _LOADING_METHODS, None, body)
        for method in methods(node, _SOURCE_METHODS):
            for part in ast.walk(method):
                source = constant(body.scope, part.value) if isinstance(part, ast.Return) and part.value else None
                if isinstance(source, (str, bytes)):
                    self._inner_code(text_of(source), body._replace(line=method.lineno))

    # -- expressions and calls

    def _expression(self, expression: ast.expr, body: Body) -> None:
        for node, done in walk(expression):
            self._budget.spend()
            if not done:
                self._bind_before(node, body)
            elif isinstance(node, ast.Call):
                self._read_lambda(node, body)
                self._read_operators(unpacked_keywords(node), body)
                self._call(node, body)
            elif isinstance(node, ast.NamedExpr):
                body.scope.learn(node)
            elif isinstance(node, ast.Subscript):
                self._read_operators(operated(node), body)
            elif isinstance(node, ast.Attribute) and (name := body.scope.name_of(node)).startswith(OWN):
                self._read_property(name, body)

    def _bind_before(self, node: ast.AST, body: Body) -> None:
        """Bind the names that parts of an expression depend on before those parts are read."""
        if isinstance(node, ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
            for generator in node.generators:
                if body.scope.elements(generator.iter):
                    body.scope.learn_loop(generator.target, generator.iter)
                for test in generator.ifs:  # evaluated before the element
                    for part in ast.walk(test):
                        if isinstance(part, ast.NamedExpr):
                            body.scope.learn(part)
        elif isinstance(node, ast.Lambda):
            self._defined.setdefault(id(node), (node, body._replace(scope=body.scope.around)))
        elif isinstance(node, ast.BinOp | ast.Compare | ast.FormattedValue):
            self._read_operators(operated(node), body)

    def _read_operators(self, calls: Iterable[Operated], body: Body) -> None:
        """Read the methods that operators call on instances of the module's classes."""
        for owner, names, given in calls:
            name = body.scope.name_of(owner)
            if name.startswith(OWN):
                self._method(name, names, ast.copy_location(ast.Call(owner, given, []), owner), body)

    def _read_lambda(self, node: ast.Call, body: Body) -> None:
        """Read the lambda that a call runs."""
        found = body.scope.lambda_of(node.func) if body.level < _MAX_CALL_DEPTH else None
        if found:
            around, function = found
            scope = around.call(function, node, body.scope)
            self._expression(function.body, body._replace(scope=scope, level=body.level + 1))

    def _call(self, node: ast.Call, body: Body) -> None:
        written, node = node, body.scope.direct(node)
        if node.func is not written.func:
            self._read_lambda(node, body)
        name = body.scope.name_of(node.func)
        if name in MAGICS:
            node = expand_magic(node, body.scope)
            name = body.scope.name_of(node.func)
        given = [*node.args, *(item.value for item in node.keywords)]
        self._read_inherited(node, body)
        self._follow(name, node, body)
        self._read_arguments(name, given, node, body)
        note_added(body.scope, node)
        self._note_members(name, node, body)
        self._note_use(name, node, body)
        self._note_order(name, node, body)
        if setting := replacement(node, name):
            self._read_attribute_set(*setting, node, body)
        elif (table := fill_table(body.scope, node)) and table != GLOBALS and not table.startswith(OWN):
            for item in node.keywords:
                self._read_replacement(item.value, node, body)
            for part in node.args:
                self._read_table(part, table, body)
        elif name in UNPICKLERS and given and isinstance(data := constant(body.scope, given[0]), (str, bytes)):
            self._record_pickle(data, node, body)
        elif name:
            name = self._classes.inherited(name)
            trusting = not name.startswith("builtins.") and is_on(body.scope, node, TRUSTING)  # no `dict` of settings
            if name in KINDS or trusting:
                self._record(name, given, node, body)
                execute_into(body.scope, name, given)

    def _note_members(self, name: str, node: ast.Call, body: Body) -> None:
        """Note the attributes of a namespace object that are set by its keyword arguments."""
        for item in node.keywords if name in _NAMESPACES else ():
            body.scope.set_member(name, item.arg or "", body.scope.name_of(item.value))

    def _note_use(self, name: str, node: ast.Call, body: Body) -> None:
        """Note the arguments of a neighbouring file's function, which may be a command or code."""
        if body.when not in (DEFINED, SCRIPT) and node.args and name not in KINDS and len(self.found.uses) < _MAX_USES:
            self.found.uses.extend(uses(name, node, body, self._classes))

    def _note_order(self, name: str, node: ast.Call, body: Body) -> None:
        """Note a command that is passed to another function to run later."""
        order = command_argument(node) if name not in KINDS else None
        if order:
            self._record(name or method_of(node), [order], node, body, kind=ORDERING)

    def _read_arguments(self, name: str, given: list[ast.expr], node: ast.Call, body: Body) -> None:
        """Read what a call does with its arguments: calls, executes or stores them, or makes a class of them."""
        if name in CLASS_MAKERS and (made := class_made_by(node, name, self._class_filler(name, given, body))):
            self._class(made, body)
        self._read_registered(name, given, node, body)
        if name == "doctest.testmod":
            self._read_examples(body)
        if name in STATEMENTS:
            self._read_code_or_callables(given, node, body)
        elif not name.startswith(_INERT_CALLABLES):
            for item in given:
                if name in CALLERS and not isinstance(item, ast.List | ast.Tuple):
                    self._read_callback(item, given, node, body)
                elif name in FINDERS:
                    for part in _list_items(item):
                        self._read_finder(name, part, body)
                else:
                    self._read_passed_on(item, given, node, body)

    def _class_filler(self, name: str, given: list[ast.expr], body: Body) -> Definition | ast.Lambda | None:
        """Return the function of the module that fills the namespace of a class made by `types.new_class`."""
        last = given[-1] if name == _NEW_CLASS and given else None
        function = body.scope.value_of(last.id) if isinstance(last, ast.Name) else last
        if isinstance(last, ast.Name) and last.id in self._functions:
            function = self._functions[last.id][0]
        return function if isinstance(function, Definition | ast.Lambda) else None

    def _read_registered(self, name: str, given: list[ast.expr], node: ast.Call, body: Body) -> None:
        """Read callbacks that are registered with a library: module hooks, logging handlers and logger classes."""
        method = name.rpartition(".")[2] or (node.func.attr if isinstance(node.func, ast.Attribute) else "")
        if method in HOOKS and given:
            self._read_callback(given[0], given, node, body)
        elif method == "register" and name.startswith(OWN) and given:  # of what functools.singledispatch made
            self._read_callback(given[-1], given, node, body)
        elif method in HANDLERS and given:
            made = body.scope.name_of(given[0])
            self._read_substitute(made if made.endswith("()") else f"{made}()", body)
        target = next((item.value for item in node.keywords if item.arg == "target"), None)
        if target is not None and method == "__init__":
            self._read_callback(target, given, node, body)

    def _read_code_or_callables(self, given: list[ast.expr], node: ast.Call, body: Body) -> None:
        """Read arguments that are code or callables, last first: a later string is the setup of an earlier one."""
        for item in reversed(given):
            code = constant(body.scope, item)
            if isinstance(code, (str, bytes)):
                self._inner_code(text_of(code), body._replace(line=body.line or node.lineno))
            else:
                self._read_callback(item, given, node, body)

    def _read_examples(self, body: Body) -> None:
        """Read the examples in the file's docstrings, which doctest runs."""
        for text in self._docstrings:
            lines = [line[len(_PROMPT) :] for line in map(str.lstrip, text.splitlines()) if line.startswith(_PROMPTS)]
            self._inner_code("\n".join(lines), body)

    @cached_property
    def _docstrings(self) -> list[str]:
        """Docstrings that contain examples."""
        described = (node for node in ast.walk(self._tree) if isinstance(node, _WITH_DOCSTRING))
        return [text for node in described if _PROMPT in (text := ast.get_docstring(node) or "")]

    def _read_passed_on(self, item: ast.expr, given: list[ast.expr], node: ast.Call, body: Body) -> None:
        """Read an argument of a call that may or may not call it."""
        if isinstance(item, ast.List | ast.Tuple):
            for part in item.elts[:_MAX_LIST_ITEMS] if any(isinstance(part, NAMING) for part in item.elts) else ():
                if not isinstance(part, ast.List | ast.Tuple):
                    self._read_passed_on(part, given, node, body)
        if not isinstance(item, NAMING | ast.Call):  # a call above all of `getattr`
            return
        name = body.scope.name_of(item)
        if KINDS.get(name) in _RUNNING_KINDS:
            rest = (
                arguments_after(item, given)
                if item in given
                else [part for part in given if item not in ast.walk(part)]
            )
            self._record(name, rest, node, body, handed=True)

    def _read_callback(self, item: ast.expr, given: list[ast.expr], node: ast.Call, body: Body) -> None:
        """Read a callable that is passed to a caller such as threading.Thread."""
        name = body.scope.name_of(item)
        if name == _NAMESPACE and isinstance(item, ast.Call):  # which replaces a module
            for held in item.keywords:
                self._read_replacement(held.value, node, body)
        rest = arguments_after(item, given) if item in given else []
        call = ast.copy_location(ast.Call(item, rest, []), node) if rest else None
        if isinstance(item, ast.Call):  # of `partial`, with the arguments that it binds
            made = body.scope.direct(ast.copy_location(ast.Call(item, rest, []), node))
            if made.func is not item:
                item, rest, node, call = made.func, made.args, made, made
        if isinstance(item, ast.Lambda):
            self._expression(item.body, body._replace(scope=body.scope.call(item, call, body.scope)))
        self._follow(name, call, body)
        if name in KINDS:
            self._record(name, rest, node, body)

    # -- functions and classes of the module

    def _follow(self, name: str, call: ast.Call | None, body: Body) -> None:
        """Read what runs when a function, class or method (`@NAME().METHOD`) of the module is called."""
        if not name.startswith(OWN):
            return
        wrapped = self._wrapped.pop(name, [])
        for other in wrapped:
            # The wrapper of a method receives the instance first.
            bound = ast.Call(call.func, [ast.Name(OWN), *call.args], call.keywords) if call and "." in name else None
            self._follow(other, ast.copy_location(bound, call) if bound and call else call, body)
        if wrapped:
            self._wrapped[name] = wrapped
        owner, _, method = name.partition(".")
        if method:
            self._method(owner, frozenset({method}), call, body)
            self._method(f"{OWN}{method}", None, call, body)  # a class in a class
        elif owner.endswith("()"):
            self._method(owner, frozenset({"__call__"}), call, body)
        elif owner.removeprefix(OWN) in self._functions:
            named = owner.removeprefix(OWN)
            for function, scope in (self._functions[named], *self._module.others.get(named, ())):
                self._enter(function, scope, call, body)
        else:
            self._read_instance(owner, call, body)

    def _read_instance(self, owner: str, call: ast.Call | None, body: Body) -> None:
        """Read what instantiating a class of the module runs, including all special methods of the instance."""
        self._method(owner, None, call, body)
        for definition, scope in self._classes.lineage(owner.removeprefix(OWN)):
            for base in definition.bases:  # whose instances are commands: class Shell(subprocess.Popen)
                made = call or ast.copy_location(ast.Call(base, [], []), base)
                self._read_passed_on(base, [base], made, body._replace(scope=scope))
            for item in definition.keywords:
                if item.arg == "metaclass" and call:
                    self._method(f"{scope.name_of(item.value)}()", frozenset({"__call__"}), call, body)

    def _read_property(self, name: str, body: Body) -> None:
        owner, _, attribute = name.removeprefix(OWN).partition(".")
        definition = self._classes.definition(owner.removesuffix("()"))
        for method in methods(definition, frozenset({attribute})) if definition else ():
            if any(body.scope.name_of(item).endswith("property") for item in method.decorator_list):
                self._follow(name, None, body)

    def _method(self, owner: str, names: frozenset[str] | None, call: ast.Call | None, body: Body) -> None:
        """Read methods of a class of the module; `owner` is its name or stands for an instance.

        Without names, all special methods are read except those that run only when called explicitly.
        """
        if names and "start" in names:
            names |= {"run"}  # of threads and processes
        instance = owner.removeprefix(OWN).removesuffix("()")
        if not owner.startswith(OWN) or self._classes.definition(instance) is None:
            return
        for definition, scope in self._classes.lineage(instance):
            for item in methods(definition, names):
                self._enter(item, scope, call, body, first=f"{OWN}{instance}()")

    def _read_inherited(self, node: ast.Call, body: Body) -> None:
        """Read the method that `super().NAME()` calls."""
        match node.func:
            case ast.Attribute(value=ast.Call(func=ast.Name(id="super")), attr=method):
                own = body.scope.first.removeprefix(OWN).removesuffix("()")
                for definition, scope in self._classes.lineage(own)[1:]:
                    for item in methods(definition, frozenset({method})):
                        self._enter(item, scope, node, body, first=body.scope.first)

    # -- what is stored where others find it and call it

    def _read_stored(self, node: ast.AST, body: Body) -> None:
        """Read what a statement stores in a hook, an attribute or a table, from where others may call it."""
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Name() | ast.Attribute() as value) if (
                body.in_class and name.startswith("__") and name.endswith("__")
            ):
                target: ast.expr = ast.Attribute(ast.Name(OWN), name)
            case ast.Assign() | ast.AugAssign():
                for target, given in assigned(node):
                    self._read_stored_in(target, given, body)
                return
            case ast.Return(value=ast.Tuple(elts=[value, *_])):  # as __reduce__ does
                target = ast.Attribute(ast.Name(OWN), "")
            case _:
                return
        self._read_stored_in(target, value, body)

    def _read_stored_in(self, target: ast.expr, value: ast.expr, body: Body) -> None:
        place = target.value if isinstance(target, ast.Subscript) else target
        if not isinstance(target, ast.Attribute | ast.Subscript):
            return
        named = body.scope.name_of(place)
        if named == _ENVIRON and isinstance(target, ast.Subscript):
            call = ast.copy_location(ast.Call(place, [target.slice, value], []), value)
            self._record(_ENVIRON, call.args, call, body)
        call = ast.copy_location(ast.Call(place, [value], []), value)
        for item in _list_items(value):
            self._read_finder(f"{named}.append", item, body)
        self._read_passed_on(value, [value], call, body)
        owner = body.scope.name_of(place.value) if isinstance(place, ast.Attribute) else named
        if isinstance(target, ast.Attribute):
            self._read_code_swap(target.attr, value, body)
            holder = body.scope.name_of(target.value)
            self._record_safeguard(f"{holder}.{target.attr}", value, body)
            self._add_method(holder, target.attr, value, body)
        elif isinstance(place, ast.Attribute) and place.attr == _GLOBAL_NAMES and owner.startswith(OWN):
            body.scope.set_entry(GLOBALS, target.slice, value)
        if owner and not owner.startswith(OWN):
            self._read_callback(value, [value], call, body)
            self._read_substitute(body.scope.name_of(value), body)

    def _read_attribute_set(self, thing: ast.expr, key: ast.expr, value: ast.expr, node: ast.Call, body: Body) -> None:
        """Read a call that sets an attribute as `setattr` does."""
        owner, attribute = body.scope.name_of(thing), str(constant(body.scope, key))
        body.scope.set_entry(f"{owner}.__dict__", key, value)
        self._read_code_swap(attribute, value, body)
        self._record_safeguard(f"{owner}.{attribute}", value, body)
        self._add_method(owner, attribute, value, body)
        if owner and not owner.startswith(OWN):
            self._read_replacement(value, node, body)

    def _add_methods(self, node: ast.ClassDef, body: Body) -> None:
        """Note methods of a class that are functions defined outside it, or default factories of its fields."""
        for statement in node.body:
            value = statement.value if isinstance(statement, ast.Assign | ast.AnnAssign) else None
            if isinstance(value, ast.Call) and body.scope.name_of(value.func) in _FIELDS:
                for item in value.keywords:
                    if item.arg in _FACTORIES:
                        self._add_method(f"{OWN}{node.name}", "__post_init__", item.value, body)
            for target, value in assigned(statement) if isinstance(statement, ast.Assign) else ():
                if isinstance(target, ast.Name):
                    self._add_method(f"{OWN}{node.name}", target.id, value, body)

    def _add_method(self, owner: str, method: str, value: ast.expr, body: Body) -> None:
        """Note that a function of the module becomes a method of one of its classes or of an instance."""
        name = body.scope.name_of(value)
        function = self._functions.get(name.removeprefix(OWN)) if name.startswith(OWN) else None
        given = value if isinstance(value, ast.Lambda) else function[0] if function else None
        if given is not None and owner.startswith(OWN):
            self._classes.extend(owner.removeprefix(OWN).removesuffix("()"), method, given)

    def _read_code_swap(self, attribute: str, value: ast.expr, body: Body) -> None:
        """Read a function whose code object replaces that of another function."""
        if attribute == _CODE and isinstance(value, ast.Attribute) and value.attr == _CODE:
            self._read_callback(
                value.value, [value.value], ast.copy_location(ast.Call(value.value, [], []), value), body
            )

    def _read_substitute(self, name: str, body: Body) -> None:
        """Read all methods of an instance that replaces something in another module, such as `sys.stdout`."""
        if name.startswith(OWN) and name.endswith("()"):
            definition = self._classes.definition(name.removeprefix(OWN).removesuffix("()"))
            named = [item.name for item in definition.body if isinstance(item, Definition)] if definition else []
            self._method(name, frozenset(named), None, body)

    def _read_finder(self, name: str, value: ast.expr, body: Body) -> None:
        """Read the methods that later imports call on an object that is added to a list of finders."""
        if name not in FINDERS:
            return
        for item in value.elts if isinstance(value, ast.List | ast.Tuple) else [value]:
            self._method(body.scope.name_of(item), frozenset(FINDERS[name]), None, body)
            self._read_callback(item, [item], ast.copy_location(ast.Call(item, [], []), item), body)

    def _read_table(self, value: ast.expr, table: str, body: Body) -> None:
        """Read functions of the module that are stored in the namespace of another module."""
        values = value.values if isinstance(value, ast.Dict) and not table.startswith((OWN, GLOBALS)) else []
        for item in values[:_MAX_LIST_ITEMS]:
            self._read_replacement(item, ast.copy_location(ast.Call(value, [item], []), value), body)

    def _read_replacement(self, item: ast.expr, node: ast.Call, body: Body) -> None:
        """Read a function of the module that replaces one of another module."""
        if isinstance(item, ast.Lambda) or body.scope.name_of(item).startswith(OWN):
            self._read_callback(item, [item], node, body)

    # -- what is found

    def _record(
        self, name: str, given: list[ast.expr], node: ast.Call, body: Body, *, handed: bool = False, kind: str = ""
    ) -> None:
        kind = kind or KINDS.get(name, "remote")
        if self._recorded[kind] >= _MAX_CALLS_PER_KIND:
            self._left_out_call = self._left_out_call or name
            return
        found = sink_call(name, kind, given, node, body, handed=handed)
        if found:
            self._inner_code(found.code, body._replace(line=body.line or node.lineno))
        if found and found.call:
            self._recorded[kind] += 1
            self.found.calls.append(found.call)

    def _record_safeguard(self, name: str, value: ast.expr, body: Body) -> None:
        """Record a change of a setting that libraries check before they run or load something."""
        if SAFEGUARDS.fullmatch(name):
            call = ast.copy_location(ast.Call(value, [value], []), value)
            self._record(name, [value], call, body, kind=GUARDING)

    def _record_pickle(self, data: str | bytes, node: ast.Call, body: Body) -> None:
        try:
            self.found.pickles.append((body.line or node.lineno, bytes_of(data)))
        except ValueError:  # a pickle has no characters above 255
            return

    def _inner_code(self, code: str, body: Body) -> None:
        """Read constant code at the point where it runs."""
        if not code or body.depth >= _MAX_CODE_DEPTH or UNKNOWN in code:
            return
        tree = parsed(code.strip().encode("utf-8", "replace"))
        if tree is not None:
            self._block(tree.body, body._replace(depth=body.depth + 1))


def _list_items(value: ast.expr) -> list[ast.expr]:
    """Return the elements of a list, or of a concatenation of lists; any other expression is the only element."""
    if isinstance(value, ast.BinOp) and isinstance(value.op, ast.Add):
        return [part for side in (value.left, value.right) for part in _list_items(side)]
    return value.elts[:_MAX_LIST_ITEMS] if isinstance(value, ast.List | ast.Tuple) else [value]
