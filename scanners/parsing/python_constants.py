"""Evaluate constant Python expressions, as far as obfuscators commonly go."""

from __future__ import annotations

import ast
import re
import string
from collections.abc import Callable
from typing import Any, Protocol

from scanners.parsing.python_decoders import DECODERS, MAX_LENGTH, Text, Value, decoded, packed, recoded, text_of
from scanners.parsing.python_values import (
    bytes_from,
    character,
    combined,
    compared,
    filled,
    in_order,
    integer_bytes,
    joined,
    measured,
    method,
    number_of,
    percent,
    percent_of_table,
    pieces,
    translated,
)

MAX_DEPTH = 60
"""Maximum nesting of expressions that are evaluated."""
_TEXT_PER_STEP = 64
"""Characters of a string that cost as much as evaluating one expression."""
_MAX_RANGE = 1 << 16
_MAX_FILTERED = 2_000
"""Maximum items that are filtered by a test."""
_MAX_NUMBER_BITS = 13_000
"""Maximum bits of a number: Python refuses to format one of more than 4,300 digits."""
_MAX_CALL_DEPTH = 4
"""Maximum nesting of function calls whose result is evaluated."""
_SUBSTITUTING = frozenset({"substitute", "safe_substitute"})
_OPERATIONS: dict[str, type[ast.operator]] = {
    "__add__": ast.Add,
    "__mod__": ast.Mod,
    "__mul__": ast.Mult,
    "__xor__": ast.BitXor,
    "__sub__": ast.Sub,
}
"""Operators by their special method."""
_PLACEHOLDER = re.compile(r"\$\{?([A-Za-z_]\w*)\}?")
"""A placeholder of `string.Template`."""
_ALPHABETS = {
    f"string.{name}": getattr(string, name)
    for name in "ascii_letters ascii_lowercase ascii_uppercase digits hexdigits printable punctuation".split()
}


class Names(Protocol):
    """What evaluating constants requires of a scope."""

    def spend(self, count: int = 1) -> None:
        """Count evaluated expressions; raises OverLimit for too many."""

    def name_of(self, node: ast.AST, depth: int = 0) -> str:
        """Return the dotted name that an expression stands for, or an empty string."""

    def value_of(self, name: str) -> ast.AST | None:
        """Return the expression that a name stands for, or None."""

    def constant_of(self, name: str) -> Value | None:
        """Return the constant that a name stands for, or None."""

    def list_of(self, name: str) -> list[Value | None] | None:
        """Return the constants in the list that a name stands for, or None."""

    def has_constants(self) -> bool:
        """Return whether this scope itself has no names, or at least one whose constant is known."""

    def member(self, owner: str, name: str) -> Value | None:
        """Return the constant value of an attribute of a class or of its instances, or None."""

    def returned(self, node: ast.Call, inside: int) -> tuple[Names, ast.expr] | None:
        """Return the expression that a function of the module returns, and the scope to evaluate it in.

        None if another function is called, or if `inside` calls are already nested.
        """

    def inner(self) -> Names:
        """Return a scope nested in this one."""

    def set(self, name: str, dotted: str = "", node: ast.AST | None = None, constant: Value | None = None) -> None:
        """Note what a name stands for."""


def constant(scope: Names, node: ast.AST, depth: int = 0) -> Value | None:
    """Return the string, bytes or number that an expression always evaluates to, or None."""
    scope.spend()
    evaluate = _EVALUATORS.get(type(node))
    if evaluate is None or depth > MAX_DEPTH:
        return None
    found: Value | None = evaluate(scope, node, depth + 1)
    if isinstance(found, (str, bytes)):
        scope.spend(len(found) // _TEXT_PER_STEP)
        return found if len(found) <= MAX_LENGTH else None
    if isinstance(found, int):
        return found if found.bit_length() < _MAX_NUMBER_BITS else None
    return None


def text(scope: Names, node: ast.expr, depth: int) -> str:
    """Return the string that an expression always evaluates to, or an empty string."""
    found = constant(scope, node, depth)
    return text_of(found) if isinstance(found, (str, bytes)) else ""


def _binary(scope: Names, node: ast.BinOp, depth: int) -> Value | None:
    # Strings may be concatenated from hundreds of pieces, each in the left operand of the next.
    parts: list[ast.expr] = []
    left: ast.expr = node
    while isinstance(left, ast.BinOp) and isinstance(left.op, ast.Add):
        parts.append(left.right)
        left = left.left
    if parts:
        return joined(constant(scope, part, depth) for part in (left, *reversed(parts)))
    one = constant(scope, node.left, depth)
    if isinstance(node.op, ast.Div):
        return joined((one, constant(scope, node.right, depth)), "/") if isinstance(one, str) else None
    if isinstance(one, (str, bytes)) and isinstance(node.op, ast.Mod):
        if (table := _table(scope, node.right)) is not None:
            return percent_of_table(one, _entries(scope, table, depth))
        given = node.right.elts if isinstance(node.right, ast.Tuple) else [node.right]
        return percent(one, [constant(scope, item, depth) for item in given])
    return combined(one, node.op, constant(scope, node.right, depth))


def _filled(scope: Names, form: str, node: ast.Call, depth: int) -> Value | None:
    given = {str(place): constant(scope, item, depth) for place, item in enumerate(node.args)}
    given |= {item.arg: constant(scope, item.value, depth) for item in node.keywords if item.arg}
    return filled(form, given)


def _formatted(scope: Names, node: ast.JoinedStr, depth: int) -> Value | None:
    return joined([*(constant(scope, part, depth) for part in node.values), ""])


def _field(scope: Names, node: ast.FormattedValue, depth: int) -> Value | None:
    found = constant(scope, node.value, depth)
    return None if node.format_spec else str(found) if isinstance(found, int) else found


def _subscript(scope: Names, node: ast.Subscript, depth: int) -> Value | None:
    if isinstance(node.slice, ast.Slice):
        return _slice(scope, node.value, node.slice, depth)
    key = constant(scope, node.slice, depth)
    table = _table(scope, node.value)
    if table is not None and key is not None:
        return _entry(scope, table, key, depth)
    found = items(scope, node.value, depth) if isinstance(key, int) else None
    return found[key] if found and isinstance(key, int) and -len(found) <= key < len(found) else None


def _entry(scope: Names, table: ast.Dict, key: Value, depth: int) -> Value | None:
    for name, value in zip(table.keys, table.values, strict=True):
        if name and constant(scope, name, depth) == key:
            return constant(scope, value, depth)
    return None


def _slice(scope: Names, node: ast.expr, bounds: ast.Slice, depth: int) -> Value | None:
    whole = constant(scope, node, depth)
    edges: list[int | None] = []
    for edge in (bounds.lower, bounds.upper, bounds.step):
        found = constant(scope, edge, depth) if edge else None
        if edge and not isinstance(found, int):
            return None
        edges.append(found if isinstance(found, int) else None)
    start, stop, step = edges
    return whole[start:stop:step] if isinstance(whole, (str, bytes)) and step != 0 else None


def _call(scope: Names, node: ast.Call, depth: int) -> Value | None:
    """Return the constant that a call returns, for example by joining, decoding or compiling a constant."""
    name, function = scope.name_of(node.func, depth), node.func
    if name in DECODERS or name == "struct.pack":
        values = [constant(scope, item, depth) for item in node.args]
        return decoded(name, values) if name in DECODERS else packed(values)
    if name == "builtins.int.to_bytes" and node.args:
        return _packed(scope, node.args, node.keywords, depth)
    if name == "pathlib.Path.home":
        return "~"
    if name in ("builtins.len", "builtins.max", "builtins.min") and node.args:
        return measured(name.removeprefix("builtins."), _values_given(scope, node, depth))
    if name.startswith(("builtins.str.", "builtins.bytes.", "operator.")) and node.args:
        return _unbound(scope, name, node, depth)
    if name.startswith(("builtins.", "os.", "io.", "pathlib.", "shutil.", "functools.reduce")) and node.args:
        make = _MAKERS.get(name)
        found = make(scope, node, depth) if make else _function_call(scope, name, node, depth)
        if found is not None or not isinstance(function, ast.Attribute):
            return found
    returned = scope.returned(node, _MAX_CALL_DEPTH)
    if returned:
        inner, value = returned
        return constant(inner, value, depth + 1) if inner.has_constants() else None
    return _method_call(scope, function, node, depth) if isinstance(function, ast.Attribute) else None


def _unbound(scope: Names, name: str, node: ast.Call, depth: int) -> Value | None:
    """Return the result of a string method called through its class, or of a function of `operator`."""
    called = name.rpartition(".")[2]
    if name.startswith("operator."):
        called = f"__{called.replace('concat', 'add')}__"
    bound = ast.Attribute(node.args[0], called)
    return _method_call(scope, bound, ast.Call(bound, node.args[1:], node.keywords), depth)


def _first(scope: Names, node: ast.Call, depth: int) -> Value | None:
    """Return what `next` gives for a new iterator: its first item."""
    found = None if isinstance(node.args[0], ast.Name) else items(scope, node.args[0], depth)
    return found[0] if found else None


def _reduced(scope: Names, node: ast.Call, depth: int) -> Value | None:
    """Return the result of `functools.reduce`."""
    found = (items(scope, node.args[1], depth) or []) if len(node.args) > 1 else []
    values = [constant(scope, item, depth) for item in node.args[2:]] + found
    made = values[0] if values and len(values) <= _MAX_FILTERED else None
    for value in values[1:]:
        if made is None or value is None:
            return None
        made = constant(scope, ast.Call(node.args[0], [ast.Constant(made), ast.Constant(value)], []), depth)
    return made


def _operation(function: ast.Attribute, given: ast.expr) -> ast.expr | None:
    """Return the operator expression that a call of a special method is equivalent to, or None."""
    if function.attr == "__getitem__":
        return ast.Subscript(function.value, given)
    kind = _OPERATIONS.get(function.attr)
    return ast.BinOp(function.value, kind(), given) if kind else None


def _method_call(scope: Names, function: ast.Attribute, node: ast.Call, depth: int) -> Value | None:
    if len(node.args) == 1 and (operation := _operation(function, node.args[0])):
        return constant(scope, operation, depth)
    owner = constant(scope, function.value, depth)
    if owner is None and function.attr in _SUBSTITUTING:
        return _substituted(scope, function.value, node, depth)
    if isinstance(owner, int):
        given = [function.value, *node.args]
        return _packed(scope, given, node.keywords, depth) if function.attr == "to_bytes" else None
    if owner is None:
        table = _table(scope, function.value) if function.attr == "get" and node.args else None
        key = constant(scope, node.args[0], depth) if table else None
        return _entry(scope, table, key, depth) if table and key is not None else None
    return _text_method(scope, owner, function.attr, node, depth)


def _substituted(scope: Names, template: ast.expr, node: ast.Call, depth: int) -> Value | None:
    """Return the result of `string.Template(text).substitute(...)`."""
    made = scope.value_of(template.id) if isinstance(template, ast.Name) else template
    if not isinstance(made, ast.Call) or not made.args or scope.name_of(made.func, depth) != "string.Template":
        return None
    form = _PLACEHOLDER.sub(r"{\1}", text(scope, made.args[0], depth))
    return filled(form, _given(scope, node, depth))


def _given(scope: Names, node: ast.Call, depth: int) -> dict[str, Value | None]:
    """Return the named values of a call: its keywords, and the entries of a dictionary as its first argument."""
    table = _table(scope, node.args[0]) if node.args else None
    found = _entries(scope, table, depth) if table else {}
    return found | {item.arg: constant(scope, item.value, depth) for item in node.keywords if item.arg}


def _entries(scope: Names, table: ast.Dict, depth: int) -> dict[str, Value | None]:
    pairs = zip(table.keys, table.values, strict=True)
    return {str(constant(scope, key, depth)): constant(scope, value, depth) for key, value in pairs if key}


def _table(scope: Names, node: ast.expr) -> ast.Dict | None:
    """Return the dictionary literal that an expression is or stands for, or None."""
    table = scope.value_of(node.id) if isinstance(node, ast.Name) else node
    return table if isinstance(table, ast.Dict) else None


def _packed(scope: Names, given: list[ast.expr], keywords: list[ast.keyword], depth: int) -> Value | None:
    places = ("number", "length", "byteorder")
    values = {name: constant(scope, item, depth) for name, item in zip(places, given, strict=False)}
    return integer_bytes(values | {item.arg: constant(scope, item.value, depth) for item in keywords if item.arg})


def _function_call(scope: Names, name: str, node: ast.Call, depth: int) -> Value | None:
    first = constant(scope, node.args[0], depth)
    alone = len(node.args) == 1
    match name.removeprefix("builtins."), first:
        case "ord", str() | bytes() if len(first) == 1:
            return ord(first)
        case "int", str():
            return number_of(first, 10 if alone else constant(scope, node.args[1], depth))
        case "compile" | "bytes" | "bytearray" | "str" | "repr", str() | bytes():
            return repr(first) if name == "builtins.repr" else first
        case "bytes" | "bytearray", None:
            return bytes_from(items(scope, node.args[0], depth))
        case "os.path.expanduser" | "shutil.which" | "pathlib.Path" | "io.BytesIO", str() | bytes() if alone:
            return first
        case "os.path.join", str():
            return joined((constant(scope, item, depth) for item in node.args), "/")
        case "chr" | "str", int():
            return character(first) if name == "builtins.chr" else str(first)
    return None


def _values_given(scope: Names, node: ast.Call, depth: int) -> list[Value | None]:
    """Return the values of a call that takes several arguments or one list, with None for each unknown value."""
    if len(node.args) > 1 or node.keywords:
        return [None] if node.keywords else [constant(scope, item, depth) for item in node.args]
    found = items(scope, node.args[0], depth)
    return [None] if found is None else found


def _text_method(scope: Names, owner: Text, name: str, node: ast.Call, depth: int) -> Value | None:
    given = [constant(scope, item, depth) for item in node.args]
    if name == "join" and len(node.args) == 1:
        return joined(items(scope, node.args[0], depth) or [None], owner)
    if name in ("decode", "encode"):
        return recoded(owner, given[0]) if given else owner
    if name == "format":
        return _filled(scope, text_of(owner), node, depth)
    if name == "joinpath":
        return joined((owner, *given), "/")
    if name == "format_map":
        return filled(text_of(owner), _given(scope, node, depth))
    if name == "translate" and len(node.args) == 1:
        return _translated(scope, text_of(owner), node.args[0], depth)
    return method(owner, name, given)


def _translated(scope: Names, owner: str, node: ast.expr, depth: int) -> Value | None:
    table = scope.value_of(node.id) if isinstance(node, ast.Name) else node
    match table:
        case ast.Dict(keys=keys, values=values):
            letters = [constant(scope, key, depth) if key else None for key in keys]
            return translated(owner, letters, [constant(scope, value, depth) for value in values])
        case ast.Call(func=ast.Attribute(attr="maketrans"), args=[ast.Dict() as letters_of]):
            return _translated(scope, owner, letters_of, depth)
        case ast.Call(func=ast.Attribute(attr="maketrans"), args=[one, other]):
            before, after = constant(scope, one, depth), constant(scope, other, depth)
            if isinstance(before, str) and isinstance(after, str) and len(before) == len(after):
                return owner.translate(str.maketrans(before, after))
    return None


def items(scope: Names, node: ast.AST, depth: int = 0) -> list[Value | None] | None:
    """Return the constants that iterating over an expression gives, or None if they are unknown."""
    scope.spend()
    if depth > MAX_DEPTH:
        return None
    match node:
        case ast.List(elts=parts) | ast.Tuple(elts=parts):
            return [constant(scope, part, depth + 1) for part in parts]
        case ast.Name(id=name) if (known := scope.list_of(name)) is not None:
            return known
        case ast.ListComp() | ast.GeneratorExp():
            return _comprehended(scope, node, depth + 1)
        case ast.Call(func=ast.Attribute(value=owner, attr="split"), args=[]):
            found_text = constant(scope, owner, depth + 1)
            return list(found_text.split()) if isinstance(found_text, str) else None
        case ast.Call(func=ast.Attribute(value=owner, attr="values" | "keys" as part), args=[]):
            table = _table(scope, owner)
            listed = (table.values if part == "values" else table.keys) if table else ()
            return [constant(scope, item, depth + 1) if item else None for item in listed] if table else None
        case ast.Call(func=function, args=[_, *_]):
            found = _listed(scope, scope.name_of(function, depth + 1), node, depth + 1)
            if found is not None:
                return found
    whole = constant(scope, node, depth + 1)
    return list(whole) if isinstance(whole, (str, bytes)) else None


def _listed(scope: Names, name: str, node: ast.Call, depth: int) -> list[Value | None] | None:
    function = node.func
    if name == "builtins.map" and len(node.args) == 2:
        inner = items(scope, node.args[1], depth) or []
        return [
            constant(scope, ast.Call(func=node.args[0], args=[ast.Constant(value=item)], keywords=[]), depth)
            for item in inner
        ]
    if name == "builtins.range":
        edges = [constant(scope, item, depth) for item in node.args]
        numbers = range(*edges) if all(isinstance(edge, int) for edge in edges) and edges[2:] != [0] else ()  # type: ignore[arg-type]
        return list(numbers) if len(numbers) < _MAX_RANGE else None
    if name in ("builtins.list", "builtins.tuple", "builtins.bytes", "builtins.reversed", "builtins.iter"):
        found = items(scope, node.args[0], depth)
        return found[::-1] if found and name.endswith("reversed") else found
    if name == "builtins.sorted" and len(node.args) == 1 and not node.keywords:
        return in_order(items(scope, node.args[0], depth))
    if name == "builtins.filter" and len(node.args) == 2:
        inner = items(scope, node.args[1], depth) or [None]
        if len(inner) > _MAX_FILTERED:
            return None
        tests = (ast.Call(func=node.args[0], args=[ast.Constant(value=item)], keywords=[]) for item in inner)
        return _kept(inner, [constant(scope, test, depth) for test in tests])
    if isinstance(function, ast.Attribute):
        given = [constant(scope, item, depth) for item in node.args]
        return pieces(constant(scope, function.value, depth), function.attr, given)
    return None


def _kept(found: list[Value | None], holds: list[Value | None]) -> list[Value | None] | None:
    """Return the items for which a test holds, or None if the result of one test is unknown."""
    if None in holds:
        return None
    return [item for item, held in zip(found, holds, strict=True) if held]


def _comprehended(scope: Names, node: ast.ListComp | ast.GeneratorExp, depth: int) -> list[Value | None] | None:
    match node.generators:
        case [ast.comprehension(target=ast.Name() | ast.Tuple() as target, iter=source, ifs=tests)]:
            names = target.elts if isinstance(target, ast.Tuple) else [target]
            rows, inner = _rows(scope, source, len(names), depth), scope.inner()
            if tests and len(rows or ()) > _MAX_FILTERED:
                return None
            made = []
            for row in rows or ():
                for name, item in zip(names, row, strict=True):
                    if isinstance(name, ast.Name):
                        inner.set(name.id, constant=item)
                held = [constant(inner, test, depth) for test in tests]
                if None in held:
                    return None
                if all(held):
                    made.append(constant(inner, node.elt, depth))
            return None if rows is None else made
    return None


def _rows(scope: Names, source: ast.expr, width: int, depth: int) -> list[tuple[Value | None, ...]] | None:
    """Return the values that the target of a comprehension takes in each iteration, or None."""
    name = scope.name_of(source.func, depth) if isinstance(source, ast.Call) else ""
    if width == 1 or not isinstance(source, ast.Call):
        found = items(scope, source, depth) if width == 1 else None
        return None if found is None else [(item,) for item in found]
    if name == "builtins.enumerate" and width == len(("place", "item")) and source.args:
        found = items(scope, source.args[0], depth)
        return None if found is None else list(enumerate(found))
    if name != "builtins.zip" or len(source.args) != width:
        return None
    columns = [_column(scope, item, depth) for item in source.args]
    ends = [len(column) for column, endless in columns if not endless]
    if not ends or not all(column for column, _ in columns):
        return None
    return [tuple(column[place % len(column)] for column, _ in columns) for place in range(min(ends))]


def _column(scope: Names, node: ast.expr, depth: int) -> tuple[list[Value | None], bool]:
    """Return the items of one argument of `zip`, and whether it repeats without end."""
    match node:
        case ast.Call(func=function, args=[inner]) if scope.name_of(function, depth) == "itertools.cycle":
            return items(scope, inner, depth) or [], True
    return items(scope, node, depth) or [], False


def _literal(_scope: Names, node: ast.Constant, _depth: int) -> Value | None:
    value = node.value
    return value if isinstance(value, (str, bytes, int)) else None


def _name(scope: Names, node: ast.Name, _depth: int) -> Value | None:
    return scope.constant_of(node.id)


def _unary(scope: Names, node: ast.UnaryOp, depth: int) -> Value | None:
    found = constant(scope, node.operand, depth)
    if isinstance(node.op, ast.Not) and found is not None:
        return int(not found)
    if not isinstance(found, int):
        return None
    return -found if isinstance(node.op, ast.USub) else ~found if isinstance(node.op, ast.Invert) else None


def _either(scope: Names, node: ast.BoolOp, depth: int) -> Value | None:
    """Return the result of `and` or `or`; only the operands up to the deciding one must be known."""
    found: Value | None = None
    for part in node.values:
        found = constant(scope, part, depth)
        if found is None or bool(found) is isinstance(node.op, ast.Or):
            break
    return found


def _attribute(scope: Names, node: ast.Attribute, depth: int) -> Value | None:
    """Return the value of a class attribute, a name or docstring, or an alphabet of `string`."""
    found = scope.value_of(node.value.id) if isinstance(node.value, ast.Name) else None
    if isinstance(found, ast.Name):  # an argument of a function
        found = scope.value_of(found.id)
    if isinstance(found, ast.FunctionDef | ast.ClassDef):
        if node.attr == "__doc__":
            return ast.get_docstring(found, clean=False)
        if node.attr in ("__name__", "__qualname__"):
            return found.name
    known = _ALPHABETS.get(scope.name_of(node, depth))
    owner = scope.name_of(node.value, depth)
    if known is None and node.attr == "__name__" and owner.isidentifier():
        return owner  # the name of a module
    return scope.member(owner, node.attr) if known is None else known


def _chosen(scope: Names, node: ast.IfExp, depth: int) -> Value | None:
    test = constant(scope, node.test, depth)
    return None if test is None else constant(scope, node.body if test else node.orelse, depth)


def _compared(scope: Names, node: ast.Compare, depth: int) -> Value | None:
    one, other = constant(scope, node.left, depth), constant(scope, node.comparators[0], depth)
    return compared(one, node.ops[0], other) if len(node.ops) == 1 else None


def _named(scope: Names, node: ast.NamedExpr, depth: int) -> Value | None:
    return constant(scope, node.value, depth)


_MAKERS = {"builtins.next": _first, "functools.reduce": _reduced}
_EVALUATORS: dict[type[ast.AST], Callable[[Names, Any, int], Value | None]] = {
    ast.Constant: _literal,
    ast.Attribute: _attribute,
    ast.IfExp: _chosen,
    ast.Compare: _compared,
    ast.NamedExpr: _named,
    ast.Name: _name,
    ast.UnaryOp: _unary,
    ast.BoolOp: _either,
    ast.BinOp: _binary,
    ast.JoinedStr: _formatted,
    ast.FormattedValue: _field,
    ast.Subscript: _subscript,
    ast.Call: _call,
}
