"""The functions, classes and methods of a Python module itself that its calls run."""

from __future__ import annotations

import ast
from typing import Protocol

from scanners.parsing.python_arguments import command
from scanners.parsing.python_classes import Classes
from scanners.parsing.python_defined import is_static
from scanners.parsing.python_found import Body
from scanners.parsing.python_names import OWN
from scanners.parsing.python_scope import Scope
from scanners.parsing.python_syntax import Definition, methods
from scanners.parsing.python_visits import Visits

MAX_CALL_DEPTH = 6
"""Maximum depth of calls that are followed at once; deeper ones are followed at the end."""
_MAX_WRAPPERS = 8
"""Maximum results of decorators that are followed for one function."""


class Reader(Protocol):
    """What reads the code that a call runs."""

    def run(self, statements: list[ast.stmt], body: Body) -> None:
        """Read statements in order."""

    def read_argument(self, item: ast.expr, given: list[ast.expr], node: ast.Call, body: Body) -> None:
        """Read a value that may or may not be called."""


class Callees:
    """Follows calls to the functions and classes of a module."""

    def __init__(self, reader: Reader, module: Scope, classes: Classes) -> None:
        self._reader, self._module, self._classes = reader, module, classes
        self.visits = Visits()
        self._pending: list[tuple[list[ast.stmt], Body]] = []
        self._wrapped: dict[str, list[str]] = {}
        """Names of the functions that decorators returned, by the name of the decorated function."""

    def finish(self) -> None:
        """Read the functions whose calls were nested too deep to be followed at once."""
        while self._pending:
            self._reader.run(*self._pending.pop())

    def enter(self, function: Definition, scope: Scope, call: ast.Call | None, body: Body, first: str = "") -> None:
        """Read a function that is called, now or at the latest by `finish`, unless that was done before.

        `scope` is the scope that it is defined in, and `first` what its first argument stands for.
        """
        if is_static(function):
            first = ""
        if not self.visits.admit(function, first, [command(body.scope, item) for item in (call.args if call else ())]):
            return
        inner = scope.call(function, call, body.scope, first)
        within = body._replace(scope=inner, in_class=False, inside="", level=body.level + 1)
        if body.level < MAX_CALL_DEPTH:
            self._reader.run(function.body, within)
        else:
            self._pending.append((function.body, within._replace(level=0)))

    def note_wrapper(self, name: str, body: Body, call: ast.Call) -> None:
        """Note that calling a function also calls what its decorator returned: a function or an instance."""
        other = body.scope.name_of(call)
        if other.startswith(OWN) and other != name and len(self._wrapped.setdefault(name, [])) < _MAX_WRAPPERS:
            self._wrapped[name].append(other)

    def follow(self, name: str, call: ast.Call | None, body: Body) -> None:
        """Read what runs when a function, class or method (`@NAME().METHOD`) of the module is called."""
        if not name.startswith(OWN):
            return
        wrapped = self._wrapped.pop(name, [])
        for other in wrapped:
            # The wrapper of a method receives the instance first.
            bound = ast.Call(call.func, [ast.Name(OWN), *call.args], call.keywords) if call and "." in name else None
            self.follow(other, ast.copy_location(bound, call) if bound and call else call, body)
        if wrapped:
            self._wrapped[name] = wrapped
        owner, _, method = name.partition(".")
        if method:
            self.read_methods(owner, frozenset({method}), call, body)
            self.read_methods(f"{OWN}{method}", None, call, body)  # a class in a class
        elif owner.endswith("()"):
            self.read_methods(owner, frozenset({"__call__"}), call, body)
        elif owner.removeprefix(OWN) in self._module.functions:
            named = owner.removeprefix(OWN)
            for function, scope in (self._module.functions[named], *self._module.others.get(named, ())):
                self.enter(function, scope, call, body)
        else:
            self._read_instance(owner, call, body)

    def _read_instance(self, owner: str, call: ast.Call | None, body: Body) -> None:
        """Read what instantiating a class of the module runs, including all special methods of the instance."""
        self.read_methods(owner, None, call, body)
        for definition, scope in self._classes.lineage(owner.removeprefix(OWN)):
            for base in definition.bases:  # whose instances are commands: class Shell(subprocess.Popen)
                made = call or ast.copy_location(ast.Call(base, [], []), base)
                self._reader.read_argument(base, [base], made, body._replace(scope=scope))
            for item in definition.keywords:
                if item.arg == "metaclass" and call:
                    self.read_methods(f"{scope.name_of(item.value)}()", frozenset({"__call__"}), call, body)

    def read_property(self, name: str, body: Body) -> None:
        """Read the method behind an attribute, `@NAME().ATTRIBUTE`, that is a property."""
        owner, _, attribute = name.removeprefix(OWN).partition(".")
        definition = self._classes.definition(owner.removesuffix("()"))
        for method in methods(definition, frozenset({attribute})) if definition else ():
            if any(body.scope.name_of(item).endswith("property") for item in method.decorator_list):
                self.follow(name, None, body)

    def read_methods(self, owner: str, names: frozenset[str] | None, call: ast.Call | None, body: Body) -> None:
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
                self.enter(item, scope, call, body, first=f"{OWN}{instance}()")

    def read_inherited(self, node: ast.Call, body: Body) -> None:
        """Read the method that `super().NAME()` calls."""
        match node.func:
            case ast.Attribute(value=ast.Call(func=ast.Name(id="super")), attr=method):
                own = body.scope.first.removeprefix(OWN).removesuffix("()")
                for definition, scope in self._classes.lineage(own)[1:]:
                    for item in methods(definition, frozenset({method})):
                        self.enter(item, scope, node, body, first=body.scope.first)
