"""The arguments of a Python call: the command as it would be written, and everything that it is built from."""

from __future__ import annotations

import ast
import re
from typing import NamedTuple

from scanners.parsing.python_constants import constant
from scanners.parsing.python_decoders import MAX_LENGTH, text_of
from scanners.parsing.python_scope import Scope

UNKNOWN = "…"
"""Replaces the parts of a command that are not constant."""
_MAX_DEPTH = 60
_VARIABLE_COST = 10
"""Levels of depth that following a variable costs."""
_TEXT_PRESERVING = frozenset(
    "builtins.str builtins.list builtins.tuple shlex.split shlex.quote os.fspath os.path.expanduser os.path.abspath "
    "os.path.expandvars shutil.which pathlib.Path".split()
)
"""Functions whose result reads like their argument."""
_ENVIRONMENT, _ARGUMENTS = "os.environ", "sys.argv"
_COPY_METHODS = ("copy", "items", "values")
_INSTANCE_NAMES = frozenset({"self", "cls"})
"""Variables that are recorded by attribute only: every method uses them."""
_MIN_ENCODED_LENGTH = 64
"""Minimum characters without a space of a constant that may be encoded code."""
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1f]")
_MIN_ENCODED_NUMBERS = 32
"""Minimum numbers in a list that may be encoded code."""
_REGEX_FUNCTIONS = frozenset(
    f"re.{name}" for name in "compile match search fullmatch sub subn split findall finditer".split()
)
"""Functions whose first argument is a regular expression: often long and without a space, yet not encoded."""


class Made(NamedTuple):
    """Everything that arguments are built from: names of calls, and variables (`$NAME`) and constants (`mentions`).

    `encoded` says whether one of the constants may be encoded code.
    """

    calls: set[str]
    mentions: set[str]
    encoded: bool


def command(scope: Scope, node: ast.AST, depth: int = 0) -> str:
    """Return a string or a list of arguments as one line, with UNKNOWN in place of what is not constant."""
    found = constant(scope, node, depth)
    if isinstance(found, (str, bytes)):
        return text_of(found)
    if depth > _MAX_DEPTH:
        return UNKNOWN
    between, parts = _parts(scope, node, depth)
    if parts:
        step = _VARIABLE_COST if isinstance(node, ast.Name | ast.Set) else 1
        return between.join(command(scope, part, depth + step) for part in parts)
    name = scope.name_of(node, depth)
    if name.endswith(".__file__"):  # of another module
        return f"{name.removesuffix('.__file__').replace('.', '/')}.py"
    return "python" if name == "sys.executable" else UNKNOWN


def _parts(scope: Scope, node: ast.AST, depth: int) -> tuple[str, list[ast.expr]]:
    """Return the separator and the expressions that a string is joined from."""
    match node:
        case ast.List(elts=parts) | ast.Tuple(elts=parts):
            return " ", parts
        case ast.JoinedStr(values=parts):
            return "", parts
        case ast.BinOp(left=left, op=ast.Add() | ast.Div() as kind, right=right):
            listed = " " if isinstance(right, ast.List | ast.Tuple) else ""
            return listed if isinstance(kind, ast.Add) else "/", [left, right]
        case ast.Call() if node.args and scope.name_of(node.func, depth) == "os.path.join":
            return "/", node.args
    return "", [part for part in (_main_part(scope, node),) if part]


def _main_part(scope: Scope, node: ast.AST) -> ast.expr | None:
    """Return the one expression that a string mostly consists of, or None."""
    found: ast.AST | None = None
    match node:
        case ast.Call(func=ast.Attribute(attr="split"), args=[kept]) if scope.name_of(node.func) in _TEXT_PRESERVING:
            found = kept
        case ast.BinOp(left=found, op=ast.Mod()) | ast.Call(func=ast.Attribute(value=found, attr="format" | "split")):
            pass
        case ast.Call(func=ast.Attribute(value=found), args=[]):
            pass
        case ast.Call(args=[found]) if scope.name_of(node.func) in _TEXT_PRESERVING:
            pass
        case ast.FormattedValue(value=found) | ast.Starred(value=found) | ast.Set(elts=[found, *_]):
            pass
        case ast.Name(id=name):
            found = scope.value_of(name)
            found = None if isinstance(found, ast.Name) else found
    return found if isinstance(found, ast.expr) else None


def arguments(scope: Scope, node: ast.AST) -> list[str]:
    """Return the arguments of a command that is a list, with UNKNOWN for what is not constant."""
    value = scope.value_of(node.id) if isinstance(node, ast.Name) else node
    return [command(scope, item, 1) for item in value.elts] if isinstance(value, ast.List | ast.Tuple) else []


def spawned(scope: Scope, name: str, given: list[ast.expr]) -> list[str]:
    """Return the program that `os.exec*`, `os.spawn*` and the like start, followed by its arguments.

    Their first argument after the program repeats its name and is dropped; `os.spawn*` has a mode before the program.
    """
    plain = [item for item in given if not isinstance(item, ast.Starred)]
    plain = plain[1:] if name.startswith("os.spawn") and len(plain) > 1 else plain
    if name.startswith("os.") and len(plain) > 1:
        listed = arguments(scope, plain[1]) or [command(scope, item) for item in plain[1:]]
        return [command(scope, plain[0]), *listed[1:]]
    return [command(scope, item) for item in plain]


def made_of(scope: Scope, nodes: list[ast.expr]) -> Made:
    """Return what expressions are built from, followed through the variables, functions and lambdas that they use."""
    left: list[tuple[ast.AST, bool]] = [(node, False) for node in nodes]
    followed: set[tuple[str, bool]] = set()
    calls = {_ENVIRONMENT for node in nodes if scope.name_of(node) == _ENVIRONMENT}
    texts: set[str] = set()
    encoded = in_pattern = False
    while left:
        item, matches = left.pop()
        if isinstance(item, ast.Name) and (item.id, matches) not in followed and _is_variable(scope, item):
            value = scope.value_of(item.id)
            followed.add((item.id, matches))
            left += [(value, matches)] if value else []
        elif isinstance(item, ast.Call):
            name = scope.name_of(item.func)
            mapped = [scope.name_of(argument) for argument in item.args[:1]] if name == "builtins.map" else []
            calls.update(filter(None, (name, *mapped)))
            calls.update(_environment(scope, item))
        elif isinstance(item, ast.Subscript) and scope.name_of(item.value) == _ENVIRONMENT:
            calls.add(f"{_ENVIRONMENT}.get")
        elif isinstance(item, ast.Constant) and isinstance(item.value, (str, bytes)):
            text = text_of(item.value[:MAX_LENGTH])
            texts.add(text)
            if len(text) >= _MIN_ENCODED_LENGTH and (" " not in text.strip() or _is_binary(item.value)):
                encoded, in_pattern = encoded or not matches, True
        elif isinstance(item, ast.Dict) and None in item.keys:
            calls.update({_ENVIRONMENT}.intersection(map(scope.name_of, item.values)))
        elif isinstance(item, ast.List | ast.Tuple):
            encoded = encoded or (len(item.elts) >= _MIN_ENCODED_NUMBERS and all(map(_is_number, item.elts)))
        elif isinstance(item, ast.Attribute):
            texts.update(_mentioned(item))
            calls.update({_ARGUMENTS} if item.attr == "argv" and scope.name_of(item) == _ARGUMENTS else ())
        scope.spend()
        pattern = item.args[:1] if isinstance(item, ast.Call) and scope.name_of(item.func) in _REGEX_FUNCTIONS else []
        left += [(child, matches or child in pattern) for child in ast.iter_child_nodes(item)]
    encoded = encoded or (in_pattern and "pattern" in texts)  # a compiled pattern gives its text back
    return Made(calls, texts | {f"${name}" for name, _ in followed}, encoded)


def _is_variable(scope: Scope, node: ast.Name) -> bool:
    """Return whether a name is a variable rather than an import or a builtin, which every file has."""
    value = scope.value_of(node.id)
    is_bare = value is None or (isinstance(value, ast.Constant) and value.value is None)
    return not (is_bare and scope.name_of(node))


def _mentioned(node: ast.Attribute) -> set[str]:
    """Return what to record of an attribute: those of an instance are variables, `pattern` gives a regex's text."""
    if isinstance(node.value, ast.Name) and node.value.id in _INSTANCE_NAMES:
        return {f"${node.value.id}.{node.attr}", *({node.attr} & {"pattern"})}
    return {node.attr} & {"pattern"}


def _environment(scope: Scope, node: ast.Call) -> set[str]:
    """Return the name of the environment if a call receives or copies all of it."""
    given = [*node.args, *(item.value for item in node.keywords)]
    owner = node.func.value if isinstance(node.func, ast.Attribute) and node.func.attr in _COPY_METHODS else None
    nodes = [item for item in (*given, owner) if isinstance(item, ast.Name | ast.Attribute)]
    return {_ENVIRONMENT for item in nodes if scope.name_of(item) == _ENVIRONMENT}


def _is_binary(value: str | bytes) -> bool:
    """Return whether a constant is bytes with control characters."""
    return isinstance(value, bytes) and _CONTROL.search(value) is not None


def _is_number(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, int)
