"""Read the statements of a Python module in the order in which they run, and follow its calls.

Names are resolved through imports, assignments, getattr, __import__ and sys.modules; constants are folded as far as
obfuscators commonly go, and constant code is analysed at the point where it runs. Nothing is ever executed.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from functools import cached_property

from modelsweep.core.limits import Budget
from scanners.parsing.python_arguments import UNKNOWN
from scanners.parsing.python_callees import MAX_CALL_DEPTH, Callees
from scanners.parsing.python_classes import Classes
from scanners.parsing.python_constants import constant
from scanners.parsing.python_decoders import bytes_of, text_of
from scanners.parsing.python_filled import execute_into, fill_table, note_added
from scanners.parsing.python_found import DEFINED, SCRIPT, Body, Use
from scanners.parsing.python_log import CallLog
from scanners.parsing.python_names import CLASS_MAKERS, GLOBALS, OWN, parsed_expression
from scanners.parsing.python_neighbours import uses
from scanners.parsing.python_scope import Scope
from scanners.parsing.python_sink_calls import MAGICS, command_argument, expand_magic, method_of, sink_call
from scanners.parsing.python_sinks import (
    CALLERS,
    FINDERS,
    HANDLERS,
    HOOKS,
    KINDS,
    ORDERING,
    STATEMENTS,
    TRUSTING,
    UNPICKLERS,
)
from scanners.parsing.python_special import (
    Operated,
    class_made_by,
    members,
    operated,
    replacement,
    unpacked_keywords,
)
from scanners.parsing.python_stored import MAX_LIST_ITEMS, Stores, list_items
from scanners.parsing.python_syntax import (
    NAMING,
    Definition,
    arguments_after,
    doctest_examples,
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
_MAX_CODE_DEPTH = 4
"""Maximum nesting of strings that are parsed as code."""
_INERT_CALLABLES = (
    *("builtins.isinstance", "builtins.issubclass", "builtins.hasattr", "builtins.callable", "builtins.getattr"),
    *("builtins.setattr", "functools.wraps", "functools.update_wrapper", "functools.partial", "builtins.type"),
    *("inspect.", "typing.", "builtins.id", "builtins.repr", "builtins.str", "builtins.super"),
)
"""Name prefixes of functions that never call their arguments."""
_RUNNING_KINDS = frozenset({"command", "code", "memory"})
"""Kinds of callables that matter as arguments of an unknown call."""
_MAX_USES = 100
"""Maximum calls of functions in neighbouring files that are recorded for one file."""
_LOADER_BASES = ("importlib.", "zipimport.")
"""Name prefixes of classes that load modules."""
_SOURCE_METHODS = frozenset("get_source get_data get_code".split())
_LOADING_METHODS = _SOURCE_METHODS | frozenset("exec_module create_module load_module find_spec source_to_code".split())
_NEW_CLASS = "types.new_class"


class Interpreter:
    """Reads parts of a module, and keeps what is known of its names, functions and classes.

    `defined` holds the functions and lambdas that were met, with their context, and `script_blocks` the statements that
    run only if the file is started as a script; whoever uses the interpreter decides when to read them.
    """

    def __init__(self, tree: ast.Module, budget: Budget, *, is_setup: bool) -> None:
        self._tree, self._budget, self._is_setup = tree, budget, is_setup
        self.log = CallLog()
        self.pickles: list[tuple[int, bytes]] = []
        self.uses: list[Use] = []
        self.module = Scope()
        self.functions = self.module.functions
        self.classes = Classes(budget, is_setup=is_setup)
        self.callees = Callees(self, self.module, self.classes)
        self.defined: dict[int, tuple[Definition | ast.Lambda, Body]] = {}
        self.script_blocks: list[tuple[list[ast.stmt], Body]] = []
        self._stores = Stores(self, self.callees, self.module, self.classes)
        self._lazy_annotations = any(
            isinstance(node, ast.ImportFrom) and node.module == "__future__" and node.names[0].name == "annotations"
            for node in tree.body
        )

    def enter_lambda(self, function: ast.Lambda, body: Body) -> None:
        """Read a lambda without a known caller, and what it returns."""
        within = body._replace(scope=body.scope.call(function, None, body.scope), handed=True)
        self.evaluate(function.body, within)
        self._stores.read_statement(ast.copy_location(ast.Return(function.body), function.body), within)

    # -- statements and definitions

    def run(self, statements: list[ast.stmt], body: Body) -> None:
        """Read statements in order."""
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
            self.callees.follow(body.scope.name_of(node.exc), None, body)
        if isinstance(node, ast.For | ast.AsyncFor | ast.While):
            # The constant value of a variable that a loop changes is unknown.
            changed = (item.target for item in ast.walk(node) if isinstance(item, ast.AugAssign))
            body.scope.forget_constants(target.id for target in changed if isinstance(target, ast.Name))
        if isinstance(node, ast.AugAssign):
            self._read_operators(operated(node), body)
            if (table := body.scope.name_of(node.target)).endswith(".__dict__"):
                body.scope.add_entries(node.value, table)
                self._stores.read_table(node.value, table, body)
        unsure = isinstance(node, ast.Try | ast.TryStar | ast.Match | ast.While | ast.For)
        body.scope.unsure += unsure
        self._children(node, body)
        body.scope.learn(node)
        self._stores.read_statement(node, body)
        body.scope.unsure -= unsure
        body.scope.bind_loop_result(left)
        body.scope.restore(before)

    def _branches(self, node: ast.If, body: Body) -> None:
        """Read all branches: each `elif` is nested in the one before it, perhaps a thousand deep."""
        while True:
            self.evaluate(node.test, body)
            if (
                not never_on_import(node.test)
                or body.scope.decides(node.test)
                or (self._is_setup and is_main_test(node.test))
            ):
                body.scope.unsure += 1
                self.run(node.body, body)
                body.scope.unsure -= 1
            elif runs_as_script(node.test):
                self.script_blocks.append((node.body, body))
            if len(node.orelse) != 1 or not isinstance(node.orelse[0], ast.If):
                break
            node = node.orelse[0]
        body.scope.unsure += 1
        self.run(node.orelse, body)
        body.scope.unsure -= 1

    def _children(self, node: ast.AST, body: Body) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                self.evaluate(child, body)
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
            self.evaluate(expression, body)
        self.defined.setdefault(id(node), (node, body._replace(scope=body.scope.around)))
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
                self.defined.setdefault(id(item), (ast.copy_location(ast.Lambda(nothing, code), item), body))

    def _read_decorators(self, node: Definition | ast.ClassDef, body: Body) -> None:
        """Read what decorators do: each is called with the function or class that it decorates."""
        for decorator in node.decorator_list:
            call = ast.Call(decorator, [ast.Name(node.name)], [])
            if isinstance(decorator, ast.Lambda):
                scope = body.scope.call(decorator, call, body.scope)
                self.evaluate(decorator.body, body._replace(scope=scope))
            self._call(ast.copy_location(call, decorator), body)
            self.callees.note_wrapper(
                f"{OWN}{body.inside}().{node.name}" if body.in_class else f"{OWN}{node.name}", body, call
            )

    def _class(self, node: ast.ClassDef, body: Body) -> None:
        for expression in (*node.decorator_list, *node.bases, *(item.value for item in node.keywords)):
            self.evaluate(expression, body)
        self.classes.add(node, body.scope)
        body.scope.set(node.name, f"{OWN}{node.name}", node)
        inner = Scope(body.scope)
        inner.around = body.scope.around
        self.run(node.body, body._replace(scope=inner, in_class=True, inside=node.name))
        inner.close_class(node.name)
        self._stores.add_methods(node, body)
        self._read_decorators(node, body)
        given = [item for item in node.keywords if item.arg != "metaclass"]
        for base in node.bases:
            call = ast.copy_location(ast.Call(base, [], given), base)
            self.callees.read_methods(body.scope.name_of(base), frozenset({"__init_subclass__"}), call, body)
        if self.classes.is_enumeration(node.name):
            self._read_operators(members(node), body)
        if any(body.scope.name_of(base).startswith(_LOADER_BASES) for base in node.bases):
            self._read_loader(node, body)
        for item in node.keywords:
            if item.arg == "metaclass":
                for named in (None, frozenset({"mro"})):
                    self.callees.read_methods(body.scope.name_of(item.value), named, None, body)
                call = ast.copy_location(ast.Call(item.value, [], []), item.value)
                self.read_callback(item.value, [item.value], call, body)

    def _read_loader(self, node: ast.ClassDef, body: Body) -> None:
        """Read what a module loader does during an import, and the source code that it returns."""
        self.callees.read_methods(f"{OWN}{node.name}()", _LOADING_METHODS, None, body)
        for method in methods(node, _SOURCE_METHODS):
            for part in ast.walk(method):
                source = constant(body.scope, part.value) if isinstance(part, ast.Return) and part.value else None
                if isinstance(source, (str, bytes)):
                    self._inner_code(text_of(source), body._replace(line=method.lineno))

    # -- expressions and calls

    def evaluate(self, expression: ast.expr, body: Body) -> None:
        """Read the calls in an expression, in order of evaluation."""
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
                self.callees.read_property(name, body)

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
            self.defined.setdefault(id(node), (node, body._replace(scope=body.scope.around)))
        elif isinstance(node, ast.BinOp | ast.Compare | ast.FormattedValue):
            self._read_operators(operated(node), body)

    def _read_operators(self, calls: Iterable[Operated], body: Body) -> None:
        """Read the methods that operators call on instances of the module's classes."""
        for owner, names, given in calls:
            name = body.scope.name_of(owner)
            if name.startswith(OWN):
                self.callees.read_methods(name, names, ast.copy_location(ast.Call(owner, given, []), owner), body)

    def _read_lambda(self, node: ast.Call, body: Body) -> None:
        """Read the lambda that a call runs."""
        found = body.scope.lambda_of(node.func) if body.level < MAX_CALL_DEPTH else None
        if found:
            around, function = found
            scope = around.call(function, node, body.scope)
            self.evaluate(function.body, body._replace(scope=scope, level=body.level + 1))

    def _call(self, node: ast.Call, body: Body) -> None:
        written, node = node, body.scope.direct(node)
        if node.func is not written.func:
            self._read_lambda(node, body)
        name = body.scope.name_of(node.func)
        if name in MAGICS:
            node = expand_magic(node, body.scope)
            name = body.scope.name_of(node.func)
        given = [*node.args, *(item.value for item in node.keywords)]
        self.callees.read_inherited(node, body)
        self.callees.follow(name, node, body)
        self._read_arguments(name, given, node, body)
        note_added(body.scope, node)
        self._note_members(name, node, body)
        self._note_use(name, node, body)
        self._note_order(name, node, body)
        if setting := replacement(node, name):
            self._stores.read_attribute_set(*setting, node, body)
        elif (table := fill_table(body.scope, node)) and table != GLOBALS and not table.startswith(OWN):
            for item in node.keywords:
                self._stores.read_replacement(item.value, node, body)
            for part in node.args:
                self._stores.read_table(part, table, body)
        elif name in UNPICKLERS and given and isinstance(data := constant(body.scope, given[0]), (str, bytes)):
            self._record_pickle(data, node, body)
        elif name:
            name = self.classes.inherited(name)
            trusting = not name.startswith("builtins.") and is_on(body.scope, node, TRUSTING)  # no `dict` of settings
            if name in KINDS or trusting:
                self.record(name, given, node, body)
                execute_into(body.scope, name, given)

    def _note_members(self, name: str, node: ast.Call, body: Body) -> None:
        """Note the attributes of a namespace object that are set by its keyword arguments."""
        for item in node.keywords if name in _NAMESPACES else ():
            body.scope.set_member(name, item.arg or "", body.scope.name_of(item.value))

    def _note_use(self, name: str, node: ast.Call, body: Body) -> None:
        """Note the arguments of a neighbouring file's function, which may be a command or code."""
        if body.when not in (DEFINED, SCRIPT) and node.args and name not in KINDS and len(self.uses) < _MAX_USES:
            self.uses.extend(uses(name, node, body, self.classes))

    def _note_order(self, name: str, node: ast.Call, body: Body) -> None:
        """Note a command that is passed to another function to run later."""
        order = command_argument(node) if name not in KINDS else None
        if order:
            self.record(name or method_of(node), [order], node, body, kind=ORDERING)

    def _read_arguments(self, name: str, given: list[ast.expr], node: ast.Call, body: Body) -> None:
        """Read what a call does with its arguments: calls, executes or stores them, or makes a class of them."""
        if name in CLASS_MAKERS and (made := class_made_by(node, name, self._class_filler(name, given, body))):
            self._class(made, body)
        self._read_registered(name, given, node, body)
        if name == "doctest.testmod":
            for code in self._examples:
                self._inner_code(code, body)
        if name in STATEMENTS:
            self._read_code_or_callables(given, node, body)
        elif not name.startswith(_INERT_CALLABLES):
            for item in given:
                if name in CALLERS and not isinstance(item, ast.List | ast.Tuple):
                    self.read_callback(item, given, node, body)
                elif name in FINDERS:
                    for part in list_items(item):
                        self._stores.read_finder(name, part, body)
                else:
                    self.read_argument(item, given, node, body)

    def _class_filler(self, name: str, given: list[ast.expr], body: Body) -> Definition | ast.Lambda | None:
        """Return the function of the module that fills the namespace of a class made by `types.new_class`."""
        last = given[-1] if name == _NEW_CLASS and given else None
        function = body.scope.value_of(last.id) if isinstance(last, ast.Name) else last
        if isinstance(last, ast.Name) and last.id in self.functions:
            function = self.functions[last.id][0]
        return function if isinstance(function, Definition | ast.Lambda) else None

    def _read_registered(self, name: str, given: list[ast.expr], node: ast.Call, body: Body) -> None:
        """Read callbacks that are registered with a library: module hooks, logging handlers and logger classes."""
        method = name.rpartition(".")[2] or (node.func.attr if isinstance(node.func, ast.Attribute) else "")
        if method in HOOKS and given:
            self.read_callback(given[0], given, node, body)
        elif method == "register" and name.startswith(OWN) and given:  # of what functools.singledispatch made
            self.read_callback(given[-1], given, node, body)
        elif method in HANDLERS and given:
            made = body.scope.name_of(given[0])
            self._stores.read_substitute(made if made.endswith("()") else f"{made}()", body)
        target = next((item.value for item in node.keywords if item.arg == "target"), None)
        if target is not None and method == "__init__":
            self.read_callback(target, given, node, body)

    def _read_code_or_callables(self, given: list[ast.expr], node: ast.Call, body: Body) -> None:
        """Read arguments that are code or callables, last first: a later string is the setup of an earlier one."""
        for item in reversed(given):
            code = constant(body.scope, item)
            if isinstance(code, (str, bytes)):
                self._inner_code(text_of(code), body._replace(line=body.line or node.lineno))
            else:
                self.read_callback(item, given, node, body)

    @cached_property
    def _examples(self) -> list[str]:
        return doctest_examples(self._tree)

    def read_argument(self, item: ast.expr, given: list[ast.expr], node: ast.Call, body: Body) -> None:
        """Read an argument of a call that may or may not call it."""
        if isinstance(item, ast.List | ast.Tuple):
            for part in item.elts[:MAX_LIST_ITEMS] if any(isinstance(part, NAMING) for part in item.elts) else ():
                if not isinstance(part, ast.List | ast.Tuple):
                    self.read_argument(part, given, node, body)
        if not isinstance(item, NAMING | ast.Call):  # a call above all of `getattr`
            return
        name = body.scope.name_of(item)
        if KINDS.get(name) in _RUNNING_KINDS:
            rest = (
                arguments_after(item, given)
                if item in given
                else [part for part in given if item not in ast.walk(part)]
            )
            self.record(name, rest, node, body, handed=True)

    def read_callback(self, item: ast.expr, given: list[ast.expr], node: ast.Call, body: Body) -> None:
        """Read a callable that is passed to a caller such as threading.Thread."""
        name = body.scope.name_of(item)
        if name == _NAMESPACE and isinstance(item, ast.Call):  # which replaces a module
            for held in item.keywords:
                self._stores.read_replacement(held.value, node, body)
        rest = arguments_after(item, given) if item in given else []
        call = ast.copy_location(ast.Call(item, rest, []), node) if rest else None
        if isinstance(item, ast.Call):  # of `partial`, with the arguments that it binds
            made = body.scope.direct(ast.copy_location(ast.Call(item, rest, []), node))
            if made.func is not item:
                item, rest, node, call = made.func, made.args, made, made
        if isinstance(item, ast.Lambda):
            self.evaluate(item.body, body._replace(scope=body.scope.call(item, call, body.scope)))
        self.callees.follow(name, call, body)
        if name in KINDS:
            self.record(name, rest, node, body)

    # -- what is found

    def record(
        self, name: str, given: list[ast.expr], node: ast.Call, body: Body, *, handed: bool = False, kind: str = ""
    ) -> None:
        """Record a call of `name` if it matters, and read the constant code that it runs."""
        kind = kind or KINDS.get(name, "remote")
        if not self.log.has_room(name, kind):
            return
        found = sink_call(name, kind, given, node, body, handed=handed)
        if found:
            self._inner_code(found.code, body._replace(line=body.line or node.lineno))
        if found and found.call:
            self.log.add(found.call)

    def _record_pickle(self, data: str | bytes, node: ast.Call, body: Body) -> None:
        try:
            self.pickles.append((body.line or node.lineno, bytes_of(data)))
        except ValueError:  # a pickle has no characters above 255
            return

    def _inner_code(self, code: str, body: Body) -> None:
        """Read constant code at the point where it runs."""
        if not code or body.depth >= _MAX_CODE_DEPTH or UNKNOWN in code:
            return
        tree = parsed(code.strip().encode("utf-8", "replace"))
        if tree is not None:
            self.run(tree.body, body._replace(depth=body.depth + 1))
