"""What a module of Python gives the files beside it, and what it calls of theirs."""

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

_RENAMED = 10
"""New names of what runs something that are told of one file."""
_GIVEN = 4
"""Arguments of a call of a neighbour's function."""
_TELLING = re.compile(
    r"[|;&`<>]|\$\(|\b(?:import|exec|eval|curl|wget|bash|sh|nc|python[\d.]*|powershell|cmd|rm|chmod|echo|touch|id)\b"
)
"""What commands and code have, and few other texts that a function of any package is given."""


def renamed(tree: ast.Module, module: Scope) -> list[Call]:
    """Return what runs commands or code and gets another name in a module, for other files to call it by."""
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
    return [call for call in found if call.text not in used][:_RENAMED]


def uses(name: str, node: ast.Call, body: Body, classes: Classes) -> Iterator[Use]:
    """Yield what a function of a neighbour is given by a call, where that may be a command or code."""
    names = [name.replace("().", ".")] if name.startswith(".") else []
    if not name and isinstance(node.func, ast.Name) and body.scope.value_of(node.func.id) is None:
        names = [f"{module}.{node.func.id}" for module in body.scope.stars]
    elif name.startswith(OWN):
        names = classes.of_neighbours(name)
    elif not names and _is_of_a_sibling(name):
        names = [name.replace("().", ".")]
    texts = [command(body.scope, item) for item in node.args[:_GIVEN]] if names else []
    known = tuple("" if UNKNOWN in text else text for text in texts)
    if any(known) and (not names[0][:1].isalpha() or any(map(_TELLING.search, known))):
        for each in names:
            yield Use(each, body.when, body.line or node.lineno, known, body.owner)


def _is_of_a_sibling(name: str) -> bool:
    """Return whether a name may be one of a file beside: `module.function`, of no module of Python's own."""
    top, dot, _ = name.partition(".")
    return bool(dot) and top not in standard_library.MODULES
