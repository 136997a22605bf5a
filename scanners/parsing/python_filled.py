"""Calls in Python that store something in lists, dictionaries and namespaces, where later code finds it."""

from __future__ import annotations

import ast

from scanners.parsing.python_constants import constant
from scanners.parsing.python_names import GLOBALS, OTHER_GLOBALS, OWN
from scanners.parsing.python_scope import Scope
from scanners.parsing.python_syntax import names_bound, parsed


def note_added(scope: Scope, node: ast.Call) -> None:
    """Note what a method such as `append` or `update` stores in a named list or dictionary."""
    match node:
        case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="append" | "add" | "put"), args=[value]):
            scope.grow(name, None, value)
        case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="extend"), args=[value]):
            for item in scope.elements(value) or [value]:
                scope.grow(name, None, item)
        case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="update"), args=[], keywords=given):
            for part in given:
                scope.grow(name, ast.Constant(part.arg) if part.arg else None, part.value)
        case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="setdefault"), args=[key, value]):
            scope.grow(name, key, value)
        case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="reverse" | "insert" as method), args=given):
            scope.change(name, method, given)


def fill_table(scope: Scope, node: ast.Call) -> str:
    """Note what a call stores in a namespace, and return the namespace, or an empty string for other calls."""
    match node.func:
        case ast.Attribute(value=of, attr="update" | "__ior__" | "__setitem__" | "setdefault" as method):
            table = scope.name_of(of)
        case _:
            return ""
    if table == OTHER_GLOBALS and isinstance(of, ast.Attribute) and scope.name_of(of.value).startswith(OWN):
        table = GLOBALS
    if not table.endswith(".__dict__"):
        return ""
    if method in ("update", "__ior__"):
        for item in node.args:
            scope.add_entries(item, table)
        for given in node.keywords:
            if given.arg:
                scope.set_entry(table, ast.Constant(given.arg), given.value)
            else:
                scope.add_entries(given.value, table)
    elif len(node.args) > 1:
        scope.set_entry(table, node.args[0], node.args[1])
    return table


def execute_into(scope: Scope, name: str, given: list[ast.expr]) -> None:
    """Note that the namespaces passed to `exec` with constant code hold everything that the code defines."""
    code = constant(scope, given[0]) if name == "builtins.exec" and given[1:] else None
    if not isinstance(code, (str, bytes)) or not code:
        return
    for item in given[1:]:
        table = scope.name_of(item)
        named = item.target if isinstance(item, ast.NamedExpr) else item
        if table.endswith(".__dict__") and table != GLOBALS:
            for defined in names_bound(parsed(code.encode("utf-8", "replace") if isinstance(code, str) else code)):
                scope.set_entry(table, ast.Constant(defined), ast.Name(defined))
        elif isinstance(named, ast.Name):
            scope.set_globals(named.id)
