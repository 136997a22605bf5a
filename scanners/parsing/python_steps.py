"""Evaluate loops over constants, statement by statement, as long as every value is known.

Obfuscated code assembles names in loops. Only strings, numbers and lists of them are evaluated; a loop that needs
anything else, or takes too many steps, is given up. Nothing is executed.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Protocol

from scanners.parsing.python_constants import Names, constant, items
from scanners.parsing.python_decoders import Value

MAX_STEPS = 2_000
"""Maximum statements that are evaluated for one loop, counting repetitions."""
TEXT_PER_STEP = 64
"""Characters of a string that cost as much as a statement."""
_MAX_ELEMENTS = 4_096
"""Maximum elements of a list that a loop builds."""
_NEXT, _BREAK, _CONTINUE, RETURNED = range(4)
_Loop = ast.For | ast.While


class Place(Names, Protocol):
    """The scope in which a loop is evaluated."""

    def set_list(self, name: str, values: list[Value | None]) -> None:
        """Note that a name stands for a list of constants."""


class Unknown(Exception):
    """A value that a loop needs is not constant, or the loop takes too many steps."""


class Steps:
    """Evaluates statements in `scope`; `changed` are the names that they assign."""

    def __init__(self, scope: Place, left: int) -> None:
        self.scope, self.left = scope, min(left, MAX_STEPS)
        self.changed: set[str] = set()
        self.returned: Value | None = None

    def loop(self, node: _Loop) -> int:
        """Evaluate a loop; raises Unknown if that is not possible."""
        return self._for(node) if isinstance(node, ast.For) else self._while(node)

    def _spend(self, count: int = 1) -> None:
        self.left -= count
        if self.left < 0:
            raise Unknown

    def _block(self, statements: Sequence[ast.stmt]) -> int:
        for statement in statements:
            self._spend()
            done = self._statement(statement)
            if done != _NEXT:
                return done
        return _NEXT

    def _statement(self, node: ast.stmt) -> int:
        match node:
            case ast.Assign(targets=[target], value=value) | ast.AnnAssign(target=target, value=ast.expr() as value):
                self._assign(target, value)
            case ast.AugAssign(target=ast.Name() as target, op=kind, value=value):
                self._assign(target, ast.BinOp(target, kind, self._evaluate_pop(value)))
            case ast.Expr(value=ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=method), args=given)):
                self.change(name, method, given)
            case ast.If(test=test, body=body, orelse=other):
                return self._block(body if self._holds(test) else other)
            case ast.For() | ast.While():
                return self.loop(node)
            case ast.Break():
                return _BREAK
            case ast.Continue():
                return _CONTINUE
            case ast.Return(value=ast.expr() as value):
                self.returned = self._value(value)
                return RETURNED
            case ast.Pass() | ast.Expr(value=ast.Constant()):
                pass
            case _:
                raise Unknown
        return _NEXT

    def _for(self, node: ast.For) -> int:
        rows = self._rows(node.iter)
        for row in rows:
            self._spend()
            self._give(node.target, row)
            done = self._block(node.body)
            if done in (_BREAK, RETURNED):
                return done if done == RETURNED else _NEXT
        return self._block(node.orelse)

    def _while(self, node: ast.While) -> int:
        while self._holds(node.test):
            self._spend()
            done = self._block(node.body)
            if done in (_BREAK, RETURNED):
                return done if done == RETURNED else _NEXT
        return self._block(node.orelse)

    def _rows(self, node: ast.expr) -> list[Value | list[Value]]:
        """Return the values that the target of a loop takes, as rows for `enumerate`, `zip` and lists of tuples."""
        match node:
            case ast.Call(func=ast.Name(id="enumerate"), args=[inner]):
                return [[place, item] for place, item in enumerate(self._listed(inner))]
            case ast.Call(func=ast.Name(id="zip"), args=[_, *_] as columns):
                return [[*row] for row in zip(*map(self._listed, columns), strict=False)]
            case ast.List(elts=rows) | ast.Tuple(elts=rows) if rows and all(isinstance(row, ast.Tuple) for row in rows):
                return [self._listed(row) for row in rows]
        return [*self._listed(node)]

    def _listed(self, node: ast.expr) -> list[Value]:
        found = items(self.scope, node)
        known = [item for item in found or () if item is not None]
        if found is None or len(known) != len(found):
            raise Unknown
        return known

    def _give(self, target: ast.expr, row: Value | list[Value]) -> None:
        if isinstance(target, ast.Name) and not isinstance(row, list):
            self._set(target.id, row)
        elif isinstance(target, ast.Tuple | ast.List) and isinstance(row, list) and len(row) == len(target.elts):
            for inner, item in zip(target.elts, row, strict=True):
                self._give(inner, item)
        else:
            raise Unknown

    def _assign(self, target: ast.expr, value: ast.expr) -> None:
        if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
            self._give(target, [self._value(item) for item in value.elts])
            return
        if not isinstance(target, ast.Name):
            raise Unknown
        known = constant(self.scope, self._evaluate_pop(value))
        if known is not None:
            self._set(target.id, known)
            return
        match value:  # [*before, x], list(...), before + [x]
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                self._set_list(target.id, self._listed(left) + self._listed(right))
            case _:
                self._set_list(target.id, self._listed(value))

    def _evaluate_pop(self, value: ast.expr) -> ast.expr:
        """Evaluate `name.pop()` to a constant; return any other expression unchanged."""
        match value:
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="pop"), args=given) if len(given) < 2:
                place = self._value(given[0]) if given else -1
                listed = self.scope.list_of(name)
                if listed is None or not isinstance(place, int) or not -len(listed) <= place < len(listed):
                    raise Unknown
                rest = list(listed)
                found = rest.pop(place)
                self._set_list(name, [item for item in rest if item is not None])
                return ast.Constant(found)
        return value

    def change(self, name: str, method: str, given: list[ast.expr]) -> None:
        """Evaluate a call of a list method that changes the list `name`; raises Unknown."""
        listed = self.scope.list_of(name)
        if listed is None or None in listed:
            raise Unknown
        values = [item for item in listed if item is not None]
        match method, given:
            case "append", [value]:
                values.append(self._value(value))
            case "extend", [value]:
                values.extend(self._listed(value))
            case "insert", [place, value] if isinstance(at := self._value(place), int):
                values.insert(at, self._value(value))
            case "reverse", []:
                values.reverse()
            case "pop", _:
                self._evaluate_pop(ast.Call(ast.Attribute(ast.Name(name), "pop"), given, []))
                return
            case _:
                raise Unknown
        self._set_list(name, values)

    def _holds(self, test: ast.expr) -> bool:
        match test:
            case ast.Name(id=name) if (listed := self.scope.list_of(name)) is not None:
                return bool(listed)
            case ast.UnaryOp(op=ast.Not(), operand=inner):
                return not self._holds(inner)
            case ast.BoolOp(op=kind, values=values):
                held = (self._holds(value) for value in values)
                return all(held) if isinstance(kind, ast.And) else any(held)
            case ast.Constant(value=value):
                return bool(value)
        return bool(self._value(test))

    def _value(self, node: ast.expr) -> Value:
        found = constant(self.scope, node)
        if found is None:
            raise Unknown
        return found

    def _set(self, name: str, value: Value) -> None:
        self._spend(len(value) // TEXT_PER_STEP if isinstance(value, str | bytes) else 0)
        self.changed.add(name)
        self.scope.set(name, constant=value)

    def _set_list(self, name: str, values: Sequence[Value]) -> None:
        self._spend(len(values) // TEXT_PER_STEP)
        if len(values) > _MAX_ELEMENTS:
            raise Unknown
        self.changed.add(name)
        self.scope.set_list(name, [*values])
