"""Find the calls that a Python module makes on import, or when one of its classes is used, from its syntax tree.

A function runs on import if code that runs on import calls it. Code below `if __name__ == "__main__"` runs only if the
file is started as a script. Calls in classes that do not look like a model are recorded with their class, since a
configuration may name it. Functions without a known caller are analysed last, since they may be called in a way that is
not followed.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable

from modelsweep.core.limits import Budget, OverLimit
from scanners.parsing.python_classes import ClassUse
from scanners.parsing.python_defined import (
    KINDS_IN_UNCALLED,
    holds_weights,
    is_called,
    is_hook,
    is_of_library,
    is_served,
    may_run,
    passed_as_arguments,
    signature,
)
from scanners.parsing.python_found import DEFINED, IMPORT, MADE, SCRIPT, USE, Body, Found
from scanners.parsing.python_interpreter import Interpreter
from scanners.parsing.python_names import OWN
from scanners.parsing.python_neighbours import aliases_of_sinks
from scanners.parsing.python_scope import Scope
from scanners.parsing.python_syntax import Definition, methods

_MODULE_HOOKS = ("__getattr__", "__dir__", "_load_pyfunc")
"""Functions called by looking a class up in the module, and the entry point of an MLflow loader module."""
_MAX_SEPARATE_CLASSES = 20
"""Classes of no known kind that are read with everything they call; later ones skip functions already read."""


def read(tree: ast.Module, budget: Budget, *, is_setup: bool = False) -> Found:
    """Return what a module does on import and on use; a setup.py also runs as a script."""
    interpreter = Interpreter(tree, budget, is_setup=is_setup)
    log, unread = interpreter.log, ""
    try:
        _Phases(tree, interpreter, budget).run()
    except OverLimit as fault:
        unread = str(fault)
    return Found(log.calls, interpreter.pickles, interpreter.uses, unread or log.overflow)


class _Phases:
    """Reads the parts of a module by the occasions on which they run, the most certain one first."""

    def __init__(self, tree: ast.Module, interpreter: Interpreter, budget: Budget) -> None:
        self._tree, self._interpreter, self._budget = tree, interpreter, budget
        self._lambdas: dict[int, str] = {}
        """Names of the lambdas that are written as `name = lambda ...`, by the id of their node."""
        for node in tree.body:
            match node:
                case ast.Assign(targets=[ast.Name(id=name)], value=ast.Lambda() as function):
                    self._lambdas[id(function)] = name

    def run(self) -> None:
        self._read_import()
        uses = list(self._interpreter.classes.uses())
        for use in uses:
            if use.is_known:
                self._read_use(use, USE)
        self._read_module_hooks()
        self._interpreter.callees.finish()
        self._read_other_classes(use for use in uses if not use.is_known)
        self._read_all_uncalled()

    def _read_import(self) -> None:
        module = self._interpreter.module
        module.set("__doc__", constant=ast.get_docstring(self._tree, clean=False))
        self._interpreter.run(self._tree.body, Body(module, IMPORT))
        self._interpreter.callees.finish()
        self._interpreter.log.calls.extend(aliases_of_sinks(self._tree, module))

    def _read_module_hooks(self) -> None:
        for name in _MODULE_HOOKS:
            if name in self._interpreter.functions:
                function, scope = self._interpreter.functions[name]
                self._interpreter.callees.enter(function, scope, None, Body(scope, USE))

    def _read_other_classes(self, uses: Iterable[ClassUse]) -> None:
        """Read classes that may never be instantiated: each records the calls of all functions that it reaches."""
        visits = self._interpreter.callees.visits
        for number, use in enumerate(uses):
            is_separate = number < _MAX_SEPARATE_CLASSES
            if is_separate:
                visits.start_over()
            recorded = self._count()
            self._read_use(use, MADE)
            self._interpreter.callees.finish()
            if is_separate and self._count() == recorded:
                visits.note_harmless()

    def _count(self) -> int:
        return len(self._interpreter.log.calls) + len(self._interpreter.pickles)

    def _read_use(self, use: ClassUse, when: str) -> None:
        """Read the methods that run when a class is instantiated and used."""
        for definition, scope in use.lineage:
            owner = use.name if when == MADE else ""
            weights = holds_weights(use, self._interpreter.module)
            called = is_of_library(use.lineage)
            body = Body(scope, when, owner=owner, weights=weights, served=use.is_served, called=called)
            for method in methods(definition, use.methods):
                self._interpreter.callees.enter(method, scope, None, body, first=f"{OWN}{use.name}()")

    # -- functions without a known caller

    def _read_all_uncalled(self) -> None:
        """Read the functions without a known caller; their calls are kept only if one of them runs something."""
        interpreter, calls = self._interpreter, self._interpreter.log.calls
        before = len(calls)
        interpreter.log.reset_counts()
        self._read_all_served()
        while interpreter.defined:
            function, body = interpreter.defined.pop(next(iter(interpreter.defined)))
            if function not in interpreter.callees.visits and may_run(function, body.scope, self._budget):
                self._read_uncalled(function, body, served=False)
        for statements, body in interpreter.script_blocks:
            interpreter.run(statements, body._replace(when=SCRIPT))
            interpreter.callees.finish()
        found = calls[before:]
        passed = passed_as_arguments(self._tree, {call.function for call in found if call.function})
        found = [call._replace(called=True) if call.function in passed else call for call in found]
        calls[before:] = found if any(call.kind in KINDS_IN_UNCALLED for call in found) else []

    def _read_all_served(self) -> None:
        """Read what model servers call; other callers may pass the same functions other arguments."""
        interpreter = self._interpreter
        visits = interpreter.callees.visits.copy()
        for function, body in list(interpreter.defined.values()):
            if function in interpreter.callees.visits:
                continue
            if is_served(function, body, interpreter.classes, interpreter.functions):
                self._read_uncalled(function, body, served=True)
                visits.mark(function)
        interpreter.callees.visits = visits

    def _read_uncalled(self, function: Definition | ast.Lambda, body: Body, *, served: bool) -> None:
        """Read a function that is defined but has no known caller."""
        interpreter = self._interpreter
        interpreter.callees.visits.mark(function)
        hook = is_hook(function, body, interpreter.classes)
        called = is_called(function, body, interpreter.classes)
        within = body._replace(when=DEFINED, owner="", level=0, line=0, hook=hook, served=served, called=called)
        within = within._replace(**signature(function, body, self._name_outside(function, body.scope)))
        if isinstance(function, ast.Lambda):
            interpreter.enter_lambda(function, within)
        else:
            interpreter.callees.enter(function, body.scope, None, within, first=body.inside and f"{OWN}{body.inside}()")
        interpreter.callees.finish()

    def _name_outside(self, function: Definition | ast.Lambda, scope: Scope) -> str:
        """Return the name by which other files call a function, or an empty string if it is nested in another."""
        if isinstance(function, ast.Lambda):
            return self._lambdas.get(id(function), "")
        return function.name if scope is self._interpreter.module else ""
