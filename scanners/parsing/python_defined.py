"""Functions that a Python module defines but never calls: who may call them, by which name, and whether it matters."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

from modelsweep.core.limits import Budget
from scanners.parsing import standard_library
from scanners.parsing.python_classes import Classes, ClassUse, is_for_server, names_called
from scanners.parsing.python_found import Body
from scanners.parsing.python_names import OWN
from scanners.parsing.python_scope import Scope
from scanners.parsing.python_sink_calls import command_argument
from scanners.parsing.python_sinks import KINDS, ORDERING
from scanners.parsing.python_syntax import Definition, is_special

KINDS_IN_UNCALLED = frozenset({ORDERING, "command", "code", "memory", "descriptor", "sending", "permissions"})
"""Kinds of callables that matter in functions without a known caller."""
_RUNNING_MODULES = frozenset(name.partition(".")[0] for name, kind in KINDS.items() if kind in KINDS_IN_UNCALLED)
_LOOKUPS = frozenset("builtins.getattr builtins.__import__ importlib.import_module builtins.compile".split())
"""Functions that give access to any callable, whatever its name."""
_INERT_BASES = ("abc.", "typing.", "enum.", "builtins.object", "builtins.Exception")
"""Name prefixes of bases that never call the methods of their subclasses by name."""
_OPERATOR_MAKERS = "torch.library."
_SERVED_FUNCTIONS = frozenset(
    "model_fn input_fn predict_fn output_fn transform_fn handle handler lambda_handler init_context predict inference "
    "load_model".split()
)
"""Functions that servers call by name: SageMaker, DJL, TorchServe, Lambda and Nuclio."""
_AZURE_FUNCTIONS = frozenset({"init", "run"})
"""Azure calls both, so a module must define both."""
_WEIGHT_CLASSES = ("Module", "PreTrainedModel", "Config", "Tokenizer", "TokenizerFast", "Layer")
"""Name suffixes of classes that hold weights or settings and are not called by servers."""


def signature(function: Definition | ast.Lambda, body: Body, named: str) -> dict[str, Any]:
    """Return the fields `function`, the name by which other files call it, and `parameters` of a Body.

    `named` is the name of a lambda or a top-level function; a nested function has none.
    """
    given = function.args
    names = [item.arg for item in (*given.posonlyargs, *given.args)]
    if not isinstance(function, ast.Lambda) and body.inside:
        named = f"{body.inside}.{function.name}"
        names = names if is_static(function) else names[1:]
    return {"function": named, "parameters": tuple(names)}


def is_static(function: Definition) -> bool:
    """Return whether a method is static, so that it receives no instance."""
    return any(isinstance(item, ast.Name) and item.id == "staticmethod" for item in function.decorator_list)


def is_hook(function: Definition | ast.Lambda, body: Body, classes: Classes) -> bool:
    """Return whether a library may call a function by name, or because it is registered."""
    if isinstance(function, ast.Lambda):
        return False
    decorators = function.decorator_list
    if any(isinstance(item, ast.Attribute) and item.attr == "register" for item in decorators):
        return True
    if any(body.scope.name_of(item).startswith(_OPERATOR_MAKERS) for item in decorators):
        return True
    return bool(body.inside) and (is_special(function.name) or is_of_library(classes.lineage(body.inside)))


def is_of_library(lineage: list[tuple[ast.ClassDef, Scope]]) -> bool:
    """Return whether a class derives from a library's class, which may call its methods by name."""
    bases = [scope.name_of(base) for definition, scope in lineage for base in definition.bases]
    return any(base and not base.startswith((OWN, *_INERT_BASES)) for base in bases)


def is_called(function: Definition | ast.Lambda, body: Body, classes: Classes) -> bool:
    """Return whether a library calls a function: a method of a subclass of its classes, or a function it decorates."""
    if isinstance(function, ast.Lambda):
        return False
    if body.inside and is_of_library(classes.lineage(body.inside)):
        return True
    names = names_called(function.decorator_list, body.scope)
    return any(
        name and not name.startswith(OWN) and name.partition(".")[0] not in standard_library.MODULES for name in names
    )


def is_served(function: Definition | ast.Lambda, body: Body, classes: Classes, module: Mapping[str, object]) -> bool:
    """Return whether a model server calls a function; `module` holds the module's functions by name."""
    if isinstance(function, ast.Lambda):
        return False
    if body.inside:
        return function.name in classes.served_methods(body.inside)
    named = function.name in _SERVED_FUNCTIONS or (
        function.name in _AZURE_FUNCTIONS and module.keys() >= _AZURE_FUNCTIONS
    )
    return named or is_for_server(function.decorator_list, body.scope)


def passed_as_arguments(tree: ast.Module, names: set[str]) -> set[str]:
    """Return which of the functions `names` are passed as arguments, so that they may be called."""
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call)) if names else ()
    given = (item for call in calls for item in (*call.args, *(keyword.value for keyword in call.keywords)))
    return {item.id for item in given if isinstance(item, ast.Name)} & names


def may_run(function: ast.AST, scope: Scope, budget: Budget) -> bool:
    """Return whether a function names or imports something that runs code; other functions need not be read."""
    for item in ast.walk(function):
        budget.spend()
        match item:
            case ast.Import(names=names) | ast.ImportFrom(names=names):
                module = item.module or "" if isinstance(item, ast.ImportFrom) else names[0].name
                if module.partition(".")[0] in _RUNNING_MODULES:
                    return True
            case ast.Call() if command_argument(item):
                return True
            case ast.Name() | ast.Attribute():
                name = scope.name_of(item)
                if KINDS.get(name) in KINDS_IN_UNCALLED or name in _LOOKUPS:
                    return True
    return False


def holds_weights(use: ClassUse, module: Scope) -> bool:
    """Return whether a class derives from one that holds weights or settings."""
    names = (module.name_of(base) for definition, _ in use.lineage for base in definition.bases)
    return any(name.endswith(_WEIGHT_CLASSES) and not name.startswith(OWN) for name in names)
