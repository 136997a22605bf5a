"""Unusual forms of common operations: calls by operators and enumerations, classes and attributes made by calls.

Data model: https://docs.python.org/3/reference/datamodel.html#special-method-names.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

from scanners.parsing.python_syntax import Definition, renamed

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
_KEYS = frozenset({"keys", "__getitem__"})
_TYPE, _DATACLASS = "builtins.type", "dataclasses.make_dataclass"
_ITEM_SETTERS = frozenset({"operator.setitem", "builtins.dict.__setitem__"})
_MEMBERS = frozenset({"__init__", "__new__", "_generate_next_value_"})


class Operated(NamedTuple):
    """The methods of `owner` that an operator may call, and their arguments."""

    owner: ast.expr
    methods: frozenset[str]
    given: list[ast.expr]


def operated(node: ast.AST) -> Iterator[Operated]:
    """Yield the methods that an operator may call on either operand."""
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


def unpacked_keywords(node: ast.Call) -> Iterator[Operated]:
    """Yield the methods that `f(**owner)` calls on an object that is not a dictionary."""
    for item in node.keywords:
        if item.arg is None:
            yield Operated(item.value, _KEYS, [])


def members(definition: ast.ClassDef) -> Iterator[Operated]:
    """Yield the calls by which an enumeration creates its members."""
    owner = ast.copy_location(ast.Name(definition.name), definition)
    for statement in definition.body:
        if isinstance(statement, ast.Assign):
            value = statement.value
            yield Operated(owner, _MEMBERS, value.elts if isinstance(value, ast.Tuple) else [value])


def class_made_by(call: ast.Call, maker: str, filler: Definition | ast.Lambda | None = None) -> ast.ClassDef | None:
    """Return the class definition that `type(NAME, BASES, {...})` is equivalent to, or None if it is not constant.

    Also of `make_dataclass`, and of `types.new_class`, which calls the function `filler` to fill the class namespace.
    """
    by_name = {item.arg: item.value for item in call.keywords if item.arg}
    given = dict(enumerate(call.args))
    bases = by_name.get("bases") if maker == _DATACLASS else given.get(1)
    table = given.get(2) if maker == _TYPE else by_name.get("namespace")
    first = given.get(0)
    if not (isinstance(first, ast.Constant) and isinstance(first.value, str)):
        return None
    match table:
        case _ if filler is not None:
            held = _filled(filler)
        case ast.Dict(keys=keys, values=values):
            held = [(_text(key), value) for key, value in zip(keys, values, strict=True)]
        case ast.Call(func=ast.Name(id="dict"), args=[], keywords=named):
            held = [(item.arg, item.value) for item in named]
        case _:
            return None
    keywords = call.keywords if maker == _TYPE else []
    listed = bases.elts if isinstance(bases, ast.Tuple) else []
    body = [_held(name, value) for name, value in held]
    made = ast.ClassDef(first.value, listed, keywords, body or [ast.Pass()], [])
    return ast.fix_missing_locations(ast.copy_location(made, call))


def _filled(filler: Definition | ast.Lambda) -> list[tuple[str | None, ast.expr]]:
    """Return the entries that a function adds to the dictionary that is its first argument."""
    if not filler.args.args:
        return []
    table, found = filler.args.args[0].arg, list[tuple[str | None, ast.expr]]()
    for node in ast.walk(filler):
        match node:
            case ast.Assign(targets=[ast.Subscript(value=ast.Name(id=name), slice=key)], value=value) if name == table:
                found.append((_text(key), value))
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="update"), args=given) if name == table:
                found += [(item.arg, item.value) for item in node.keywords]
                for part in given:
                    pairs = zip(part.keys, part.values, strict=True) if isinstance(part, ast.Dict) else ()
                    found += [(_text(key), value) for key, value in pairs]
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="__setitem__"), args=[key, value]):
                found += [(_text(key), value)] if name == table else []
    return found


def _text(key: ast.expr | None) -> str | None:
    return key.value if isinstance(key, ast.Constant) and isinstance(key.value, str) else None


def replacement(call: ast.Call, name: str) -> tuple[ast.expr, ast.expr, ast.expr] | None:
    """Return the object, attribute and value of a call that sets an attribute as `setattr` does, or None."""
    match call:
        case ast.Call(args=[owner, key, value, *_]) if name == "builtins.setattr" or name.endswith(".__setattr__"):
            return owner, key, value
        case ast.Call(func=ast.Attribute(value=owner, attr="__setattr__"), args=[key, value]):
            return owner, key, value
        case ast.Call(args=[ast.Attribute(value=owner, attr="__dict__"), key, value]) if name in _ITEM_SETTERS:
            return owner, key, value
        case ast.Call(args=[ast.Call(func=ast.Name(id="vars"), args=[owner]), key, value]) if name in _ITEM_SETTERS:
            return owner, key, value
    return None


def assigned(node: ast.Assign | ast.AugAssign) -> Iterator[tuple[ast.expr, ast.expr]]:
    """Yield each target of an assignment with its value; those of a tuple one by one."""
    for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
        match target, node.value:
            case ast.Tuple(elts=places) | ast.List(elts=places), ast.Tuple(elts=values) | ast.List(elts=values) if len(
                places
            ) == len(values):
                yield from zip(places, values, strict=True)
            case _:
                yield target, node.value


def _held(name: str | None, value: ast.expr) -> ast.stmt:
    """Return the statement of a class body that assigns a value to a name, or defines it as a function for a lambda."""
    name = name or "_"
    if isinstance(value, ast.Lambda):
        return renamed(value, name)
    return ast.copy_location(ast.Assign([ast.Name(name, ast.Store())], value), value)
