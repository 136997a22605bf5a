"""What a Python module defines for neighbouring files, and what it calls in them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from scanners.parsing import standard_library
from scanners.parsing.python_arguments import UNKNOWN, command
from scanners.parsing.python_classes import Classes
from scanners.parsing.python_found import IMPORT, Body, Call, Use
from scanners.parsing.python_names import OWN
from scanners.parsing.python_scope import Scope
from scanners.parsing.python_sinks import KINDS

_MAX_ALIASES = 10
"""Maximum aliases that are reported for one file."""
_MAX_ARGUMENTS = 4
"""Maximum arguments that are recorded of a call of a neighbouring file's function."""
_COMMAND_MARKS = re.compile(
    r"[|;&`<>]|\$\(|\b(?:import|exec|eval|curl|wget|bash|sh|nc|python[\d.]*|powershell|cmd|rm|chmod|echo|touch|id)\b"
)
"""Marks of commands and code, which are rare in other strings that are passed to functions."""


def aliases_of_sinks(tree: ast.Module, module: Scope) -> list[Call]:
    """Return the functions that run commands or code and get an alias in a module that it does not use itself."""
    found: list[Call] = []
    for node in tree.body:
        given: list[tuple[str, str]] = []
        if isinstance(node, ast.ImportFrom) and not node.level:
            given = [(item.asname or item.name, f"{node.module}.{item.name}") for item in node.names]
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Name | ast.Attribute):
            dotted = module.name_of(node.value)
            given = [(target.id, dotted) for target in node.targets if isinstance(target, ast.Name)]
        for name, dotted in given:
            if KINDS.get(dotted) in ("command", "code") and name.strip("_") != dotted.rpartition(".")[2]:
                found.append(Call(dotted, "naming", IMPORT, node.lineno, name))
    read = (node for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load))
    used = {node.id for node in read} if found else set[str]()
    return [call for call in found if call.text not in used][:_MAX_ALIASES]


def uses(name: str, node: ast.Call, body: Body, classes: Classes) -> Iterator[Use]:
    """Yield the calls of a neighbouring file's function whose arguments may be a command or code."""
    names = [name.replace("().", ".")] if name.startswith(".") else []
    if not name and isinstance(node.func, ast.Name) and body.scope.value_of(node.func.id) is None:
        names = [f"{module}.{node.func.id}" for module in body.scope.star_imports]
    elif name.startswith(OWN):
        names = classes.inherited_from_neighbours(name)
    elif not names and _may_be_neighbour(name):
        names = [name.replace("().", ".")]
    texts = [command(body.scope, item) for item in node.args[:_MAX_ARGUMENTS]] if names else []
    known = tuple("" if UNKNOWN in text else text for text in texts)
    if any(known) and (not names[0][:1].isalpha() or any(map(_COMMAND_MARKS.search, known))):
        for each in names:
            yield Use(each, body.when, body.line or node.lineno, known, body.owner)


def _may_be_neighbour(name: str) -> bool:
    """Return whether `module.function` may be in a neighbouring file: its module is not of the standard library."""
    top, dot, _ = name.partition(".")
    return bool(dot) and top not in standard_library.MODULES
