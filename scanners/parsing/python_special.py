"""Calls that Python makes without one being written: of operators, of enumerations, and of `type` as a statement.

Data model: https://docs.python.org/3/reference/datamodel.html#special-method-names.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

_OPERATORS: dict[type[ast.AST], str] = {
    ast.Add: "add",
    ast.Sub: "sub",
    ast.Mult: "mul",
    ast.MatMult: "matmul",
    ast.Div: "truediv",
    ast.FloorDiv: "floordiv",
    ast.Mod: "mod",
    ast.Pow: "pow",
    ast.LShift: "lshift",
    ast.RShift: "rshift",
    ast.BitAnd: "and",
    ast.BitOr: "or",
    ast.BitXor: "xor",
    ast.Eq: "eq",
    ast.NotEq: "ne",
    ast.Lt: "lt",
    ast.LtE: "le",
    ast.Gt: "gt",
    ast.GtE: "ge",
}
_MIRRORED = {"lt": "gt", "le": "ge", "gt": "lt", "ge": "le", "eq": "eq", "ne": "ne"}
_ITEMS = frozenset({"__getitem__", "__class_getitem__", "__missing__"})
_MEMBERS = frozenset({"__init__", "__new__", "_generate_next_value_"})


class Operated(NamedTuple):
    """Methods of the thing that an expression stands for, which an operator calls with what else it has."""

    owner: ast.expr
    methods: frozenset[str]
    given: list[ast.expr]


def operated(node: ast.AST) -> Iterator[Operated]:
    """Yield what an operator calls, of whichever operand has it."""
    match node:
        case ast.BinOp(left=left, op=kind, right=right) | ast.AugAssign(target=left, op=kind, value=right):
            name = _OPERATORS[type(kind)]
            yield Operated(left, frozenset({f"__{name}__", f"__i{name}__"}), [right])
            yield Operated(right, frozenset({f"__r{name}__"}), [left])
        case ast.Compare(left=left, ops=kinds, comparators=others):
            for one, test, other in zip([left, *others], kinds, others, strict=False):
                if isinstance(test, ast.In | ast.NotIn):
                    yield Operated(other, frozenset({"__contains__"}), [one])
                elif name := _OPERATORS.get(type(test), ""):
                    yield Operated(one, frozenset({f"__{name}__"}), [other])
                    yield Operated(other, frozenset({f"__{_MIRRORED[name]}__"}), [one])
        case ast.Subscript(value=owner, slice=key):
            yield Operated(owner, _ITEMS, [key])
        case ast.FormattedValue(value=owner, format_spec=ast.JoinedStr() as form):
            yield Operated(owner, frozenset({"__format__"}), [form])


def members(definition: ast.ClassDef) -> Iterator[Operated]:
    """Yield the calls by which an enumeration makes its members, of the class itself."""
    owner = ast.copy_location(ast.Name(definition.name), definition)
    for statement in definition.body:
        if isinstance(statement, ast.Assign):
            value = statement.value
            yield Operated(owner, _MEMBERS, value.elts if isinstance(value, ast.Tuple) else [value])


def class_made_by(call: ast.Call) -> ast.ClassDef | None:
    """Return the definition that `type(NAME, BASES, {...})` is another form of, None for any other call."""
    match call.args:
        case [ast.Constant(value=str() as name), ast.Tuple(elts=bases), ast.Dict(keys=keys, values=values)]:
            body = [_held(key, value) for key, value in zip(keys, values, strict=True)]
            made = ast.ClassDef(name, bases, call.keywords, body, [])
            return ast.fix_missing_locations(ast.copy_location(made, call))
    return None


def _held(key: ast.expr | None, value: ast.expr) -> ast.stmt:
    """Return the statement of a class's body that gives a name a value, of a lambda the definition of a function."""
    name = key.value if isinstance(key, ast.Constant) and isinstance(key.value, str) else "_"
    if isinstance(value, ast.Lambda):
        returned = ast.copy_location(ast.Return(value.body), value.body)
        return ast.copy_location(ast.FunctionDef(name, value.args, [returned], []), value)
    return ast.copy_location(ast.Assign([ast.Name(name, ast.Store())], value), value)
