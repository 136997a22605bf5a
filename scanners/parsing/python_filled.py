"""What calls in Python put into lists, tables and namespaces, so that it is found there afterwards."""

from __future__ import annotations

import ast

from scanners.parsing.python_constants import constant
from scanners.parsing.python_names import GLOBALS, OTHER_GLOBALS, OWN
from scanners.parsing.python_scope import Scope
from scanners.parsing.python_syntax import names_bound, parsed


def put(scope: Scope, node: ast.Call) -> None:
    """Take in what methods of lists and tables put into a thing that has a name."""
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
    """Return the table of names that a call puts other ones into, after taking them in, nothing for other calls."""
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
            scope.take_table(item, table)
        for given in node.keywords:
            if given.arg:
                scope.put(table, ast.Constant(given.arg), given.value)
            else:
                scope.take_table(given.value, table)
    elif len(node.args) > 1:
        scope.put(table, node.args[0], node.args[1])
    return table


def execute_into(scope: Scope, name: str, given: list[ast.expr]) -> None:
    """Take the tables that `exec` is given besides constant code for what holds all that this defines."""
    code = constant(scope, given[0]) if name == "builtins.exec" and given[1:] else None
    if not isinstance(code, (str, bytes)) or not code:
        return
    for item in given[1:]:
        table = scope.name_of(item)
        named = item.target if isinstance(item, ast.NamedExpr) else item
        if table.endswith(".__dict__") and table != GLOBALS:
            for defined in names_bound(parsed(code.encode("utf-8", "replace") if isinstance(code, str) else code)):
                scope.put(table, ast.Constant(defined), ast.Name(defined))
        elif isinstance(named, ast.Name):
            scope.set_globals(named.id)
