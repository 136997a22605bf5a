"""What a Python module stores where other code finds it and may call it: attributes, hooks, tables, finders."""

from __future__ import annotations

import ast
from typing import Protocol

from scanners.parsing.python_callees import Callees
from scanners.parsing.python_classes import Classes
from scanners.parsing.python_constants import constant
from scanners.parsing.python_found import Body
from scanners.parsing.python_names import GLOBALS, OWN
from scanners.parsing.python_scope import Scope
from scanners.parsing.python_sinks import FINDERS, GUARDING, SAFEGUARDS
from scanners.parsing.python_special import assigned
from scanners.parsing.python_syntax import Definition

_FIELDS = frozenset({"dataclasses.field", "attr.ib", "attrs.field", "pydantic.Field"})
_FACTORIES = ("default_factory", "factory")
_CODE, _GLOBAL_NAMES = "__code__", "__globals__"
_ENVIRON = "os.environ"
MAX_LIST_ITEMS = 20
"""Maximum elements of a list that are read."""


class Reader(Protocol):
    """What reads the functions that are stored somewhere."""

    def read_callback(self, item: ast.expr, given: list[ast.expr], node: ast.Call, body: Body) -> None:
        """Read a callable that is called with the arguments `given`."""

    def read_argument(self, item: ast.expr, given: list[ast.expr], node: ast.Call, body: Body) -> None:
        """Read a value that may or may not be called."""

    def record(
        self, name: str, given: list[ast.expr], node: ast.Call, body: Body, *, handed: bool = False, kind: str = ""
    ) -> None:
        """Record a call of `name` if it matters."""


class Stores:
    """Reads statements and calls that store something."""

    def __init__(self, reader: Reader, callees: Callees, module: Scope, classes: Classes) -> None:
        self._reader, self._callees = reader, callees
        self._functions, self._classes = module.functions, classes

    def read_statement(self, node: ast.AST, body: Body) -> None:
        """Read what a statement stores in a hook, an attribute or a table, from where others may call it."""
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Name() | ast.Attribute() as value) if (
                body.in_class and name.startswith("__") and name.endswith("__")
            ):
                target: ast.expr = ast.Attribute(ast.Name(OWN), name)
            case ast.Assign() | ast.AugAssign():
                for target, given in assigned(node):
                    self._read_target(target, given, body)
                return
            case ast.Return(value=ast.Tuple(elts=[value, *_])):  # as __reduce__ does
                target = ast.Attribute(ast.Name(OWN), "")
            case _:
                return
        self._read_target(target, value, body)

    def _read_target(self, target: ast.expr, value: ast.expr, body: Body) -> None:
        place = target.value if isinstance(target, ast.Subscript) else target
        if not isinstance(target, ast.Attribute | ast.Subscript):
            return
        named = body.scope.name_of(place)
        if named == _ENVIRON and isinstance(target, ast.Subscript):
            call = ast.copy_location(ast.Call(place, [target.slice, value], []), value)
            self._reader.record(_ENVIRON, call.args, call, body)
        call = ast.copy_location(ast.Call(place, [value], []), value)
        for item in list_items(value):
            self.read_finder(f"{named}.append", item, body)
        self._reader.read_argument(value, [value], call, body)
        owner = body.scope.name_of(place.value) if isinstance(place, ast.Attribute) else named
        if isinstance(target, ast.Attribute):
            self._read_code_swap(target.attr, value, body)
            holder = body.scope.name_of(target.value)
            self._record_safeguard(f"{holder}.{target.attr}", value, body)
            self._add_method(holder, target.attr, value, body)
        elif isinstance(place, ast.Attribute) and place.attr == _GLOBAL_NAMES and owner.startswith(OWN):
            body.scope.set_entry(GLOBALS, target.slice, value)
        if owner and not owner.startswith(OWN):
            self._reader.read_callback(value, [value], call, body)
            self.read_substitute(body.scope.name_of(value), body)

    def read_attribute_set(self, thing: ast.expr, key: ast.expr, value: ast.expr, node: ast.Call, body: Body) -> None:
        """Read a call that sets an attribute as `setattr` does."""
        owner, attribute = body.scope.name_of(thing), str(constant(body.scope, key))
        body.scope.set_entry(f"{owner}.__dict__", key, value)
        self._read_code_swap(attribute, value, body)
        self._record_safeguard(f"{owner}.{attribute}", value, body)
        self._add_method(owner, attribute, value, body)
        if owner and not owner.startswith(OWN):
            self.read_replacement(value, node, body)

    def add_methods(self, node: ast.ClassDef, body: Body) -> None:
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
            self._reader.read_callback(
                value.value, [value.value], ast.copy_location(ast.Call(value.value, [], []), value), body
            )

    def read_substitute(self, name: str, body: Body) -> None:
        """Read all methods of an instance that replaces something in another module, such as `sys.stdout`."""
        if name.startswith(OWN) and name.endswith("()"):
            definition = self._classes.definition(name.removeprefix(OWN).removesuffix("()"))
            named = [item.name for item in definition.body if isinstance(item, Definition)] if definition else []
            self._callees.read_methods(name, frozenset(named), None, body)

    def read_finder(self, name: str, value: ast.expr, body: Body) -> None:
        """Read the methods that later imports call on an object that is added to a list of finders."""
        if name not in FINDERS:
            return
        for item in value.elts if isinstance(value, ast.List | ast.Tuple) else [value]:
            self._callees.read_methods(body.scope.name_of(item), frozenset(FINDERS[name]), None, body)
            self._reader.read_callback(item, [item], ast.copy_location(ast.Call(item, [], []), item), body)

    def read_table(self, value: ast.expr, table: str, body: Body) -> None:
        """Read functions of the module that are stored in the namespace of another module."""
        values = value.values if isinstance(value, ast.Dict) and not table.startswith((OWN, GLOBALS)) else []
        for item in values[:MAX_LIST_ITEMS]:
            self.read_replacement(item, ast.copy_location(ast.Call(value, [item], []), value), body)

    def read_replacement(self, item: ast.expr, node: ast.Call, body: Body) -> None:
        """Read a function of the module that replaces one of another module."""
        if isinstance(item, ast.Lambda) or body.scope.name_of(item).startswith(OWN):
            self._reader.read_callback(item, [item], node, body)

    def _record_safeguard(self, name: str, value: ast.expr, body: Body) -> None:
        """Record a change of a setting that libraries check before they run or load something."""
        if SAFEGUARDS.fullmatch(name):
            call = ast.copy_location(ast.Call(value, [value], []), value)
            self._reader.record(name, [value], call, body, kind=GUARDING)


def list_items(value: ast.expr) -> list[ast.expr]:
    """Return the elements of a list, or of a concatenation of lists; any other expression is the only element."""
    if isinstance(value, ast.BinOp) and isinstance(value.op, ast.Add):
        return [part for side in (value.left, value.right) for part in list_items(side)]
    return value.elts[:MAX_LIST_ITEMS] if isinstance(value, ast.List | ast.Tuple) else [value]
