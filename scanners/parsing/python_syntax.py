"""Questions about the syntax tree of a Python module that do not depend on what names stand for."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from scanners.parsing.python_constants import Names, constant

Definition = ast.FunctionDef | ast.AsyncFunctionDef
_EXPLICIT_METHODS = frozenset(
    "__call__ __reduce__ __reduce_ex__ __getstate__ __class_getitem__ __init_subclass__".split()
)
"""Special methods that run only when called explicitly; all others are taken to run when an instance is used."""
_PROT_EXEC = 4
_SETUID = 0o4000
NAMING = ast.Name | ast.Attribute | ast.Subscript | ast.IfExp | ast.BoolOp | ast.NamedExpr
"""Expressions that may stand for a named object."""
_POST_ORDER = ast.Call | ast.NamedExpr | ast.Attribute | ast.Subscript
"""Nodes that take effect after everything below them is evaluated."""
_PROMPT, _PROMPTS = ">>> ", (">>> ", "... ")
_WITH_DOCSTRING = (ast.Module, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def parsed(source: bytes) -> ast.Module | None:
    """Return the syntax tree of a module in the encoding that it declares, or None if it is not Python that we know.

    Syntax newer than 3.11 is represented by nodes of 3.11, whichever version we run on. Raises RecursionError and
    MemoryError for source that is nested too deep.
    """
    import warnings

    from scanners.parsing import python_newer

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return python_newer.as_older(ast.parse(source), source)
        except (SyntaxError, ValueError, LookupError):  # ValueError: NUL; LookupError: unknown or binary encoding
            text = _decoded(source)
            return None if text is None else python_newer.module(text)


def _decoded(source: bytes) -> str | None:
    """Return the text of a module, or None if it is not valid in the encoding that it declares."""
    from tokenize import detect_encoding

    lines = iter([line + b"\n" for line in source.split(b"\n", 2)[:2]])
    try:
        return source.decode(detect_encoding(lines.__next__)[0])
    except (SyntaxError, ValueError, LookupError):
        return None


def arguments_after(item: ast.expr, given: list[ast.expr]) -> list[ast.expr]:
    """Return the probable arguments of a callable among arguments: those after it, or else all others."""
    rest = given[given.index(item) + 1 :] or [other for other in given if other is not item]
    return [part for other in rest for part in (other.elts if isinstance(other, ast.Tuple | ast.List) else [other])]


def is_shell(scope: Names, name: str, node: ast.Call) -> bool:
    """Return whether a call of the function `name` runs its command in a shell."""
    if name.endswith((".system", ".popen", ".getoutput", ".getstatusoutput", "_subprocess_shell", "invoke.run")):
        return True
    flags = [item.value for item in node.keywords if item.arg == "shell"]
    return any(_truth(scope, flag) for flag in flags)


def _truth(scope: Names, node: ast.expr) -> bool | None:
    """Return whether an expression is always true, or None if that is unknown."""
    value = scope.value_of(node.id) if isinstance(node, ast.Name) else node
    if isinstance(value, ast.Constant):
        return bool(value.value)
    found = constant(scope, value) if value else None
    return None if found is None else bool(found)


def _sets_user(node: ast.Call) -> bool:
    """Return whether a call of chmod sets the set-user-ID bit."""
    modes = [*node.args, *(item.value for item in node.keywords)]
    return any(
        (isinstance(part, ast.Attribute) and part.attr == "S_ISUID")
        or (isinstance(part, ast.Constant) and type(part.value) is int and _SETUID <= part.value < 2 * _SETUID)
        for mode in modes
        for part in ast.walk(mode)
    )


def _executable(node: ast.Call) -> bool:
    """Return whether a call of mmap maps executable memory."""
    flags = [item.value for item in node.keywords if item.arg == "prot"] or node.args[3:4]
    return any(
        (isinstance(part, ast.Attribute) and part.attr == "PROT_EXEC")
        or (isinstance(part, ast.Constant) and isinstance(part.value, int) and bool(part.value & _PROT_EXEC))
        for flag in flags
        for part in ast.walk(flag)
    )


_MATTERS = {"mapping": _executable, "permissions": _sets_user}


def matters(kind: str, node: ast.Call) -> bool:
    """Return whether a call is worth reporting: some kinds only are with certain arguments."""
    return kind not in _MATTERS or _MATTERS[kind](node)


def is_on(scope: Names, node: ast.Call, keyword: str, wanted: bool = True) -> bool:
    """Return whether a keyword of a call is always true, or always false if not `wanted`."""
    return any(item.arg == keyword and _truth(scope, item.value) is wanted for item in node.keywords)


def methods(definition: ast.ClassDef, names: frozenset[str] | None) -> list[Definition]:
    """Return the methods of a class with one of `names`, or all special methods for None."""
    return [
        item
        for item in definition.body
        if isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef)
        and (is_special(item.name) if names is None else item.name in names)
    ]


def renamed(function: Definition | ast.Lambda, name: str) -> ast.FunctionDef:
    """Return a function under another name; a lambda becomes a function definition."""
    body = [ast.copy_location(ast.Return(function.body), function.body)] if isinstance(function, ast.Lambda) else None
    made = ast.FunctionDef(name, function.args, body or function.body, [])  # type: ignore[arg-type]
    return ast.copy_location(made, function)


def doctest_examples(tree: ast.Module) -> list[str]:
    """Return the code of the examples in each docstring that has some, as doctest would run it."""
    described = (node for node in ast.walk(tree) if isinstance(node, _WITH_DOCSTRING))
    texts = [text for node in described if _PROMPT in (text := ast.get_docstring(node) or "")]
    return ["\n".join(_without_prompts(text)) for text in texts]


def _without_prompts(text: str) -> Iterator[str]:
    return (line[len(_PROMPT) :] for line in map(str.lstrip, text.splitlines()) if line.startswith(_PROMPTS))


def joined(trees: Iterable[ast.Module]) -> ast.Module:
    """Return several programs as one, which share their names and keep their line numbers."""
    return ast.Module([statement for tree in trees for statement in tree.body], [])


def names_bound(tree: ast.Module | None) -> list[str]:
    """Return the names that a module's top-level statements define, import or assign; none without a tree."""
    found: list[str] = []
    for node in tree.body if tree else ():
        match node:
            case ast.Import(names=names) | ast.ImportFrom(names=names):
                found += [item.asname or item.name.partition(".")[0] for item in names]
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                found.append(name)
            case ast.Assign(targets=targets):
                found += [item.id for item in targets if isinstance(item, ast.Name)]
    return found


def is_special(name: str) -> bool:
    """Return whether Python calls a method of this name implicitly."""
    return (name.startswith("__") and name.endswith("__") and name not in _EXPLICIT_METHODS) or name == "_missing_"


def never_on_import(node: ast.expr) -> bool:
    """Return whether a condition is false on import: `__name__ == "__main__"` or TYPE_CHECKING."""
    match node:
        case ast.Name(id="TYPE_CHECKING") | ast.Attribute(attr="TYPE_CHECKING"):
            return True
        case ast.BoolOp(op=ast.And(), values=values):
            return any(never_on_import(value) for value in values)
    return is_main_test(node)


def runs_as_script(node: ast.expr) -> bool:
    """Return whether a condition may be true when the file is started as a script, but is false on import."""
    match node:
        case ast.BoolOp(op=ast.And(), values=values):
            return any(map(is_main_test, values))
    return is_main_test(node)


def is_main_test(node: ast.expr) -> bool:
    """Return whether a condition is `__name__ == "__main__"`, either way round."""
    match node:
        case ast.Compare(left=ast.Name(id="__name__"), ops=[ast.Eq()], comparators=[ast.Constant(value="__main__")]):
            return True
        case ast.Compare(left=ast.Constant(value="__main__"), ops=[ast.Eq()], comparators=[ast.Name(id="__name__")]):
            return True
    return False


def walk(node: ast.AST) -> Iterator[tuple[ast.AST, bool]]:
    """Yield a node and all nodes below it that are evaluated with it, in order; not the bodies of lambdas.

    Nodes that take effect after everything below them are yielded a second time, with True.
    """
    left = [(node, False)]
    while left:
        item, done = left.pop()
        yield item, done
        if not done:
            if isinstance(item, _POST_ORDER):
                left.append((item, True))
            inner = item.args if isinstance(item, ast.Lambda) else item  # its defaults are evaluated at once
            left.extend((child, False) for child in reversed(list(ast.iter_child_nodes(inner))))
