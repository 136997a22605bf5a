"""Expressions in MONAI bundles: strings that begin with `$`, which its configuration parser evaluates as Python.

Reader: monai/bundle/config_item.py, `ConfigExpression`: `$import NAME` and `$from NAME import NAME` import, everything
else goes to `eval`, in which `@path::of::an#item` refers to items of the same configuration.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from modelsweep.core import patterns as re
from modelsweep.core.finding import Fact, Json
from modelsweep.core.reader import MemoryReader
from modelsweep.core.scanner import Blob, Item
from modelsweep.core.text import printable
from scanners.parsing.builtin_names import BUILTINS
from scanners.parsing.code_keys import runs_something

PREFIX = "$"
_IMPORT = re.compile(r"\$\s*(?:import|from)\s")
_ITEM = re.compile(r"%?@[\w:#@]+|%[\w./:#-]+::[\w:#]+")
_IMPORTED = re.compile(r"^__import__\(['\"]([\w.]+)['\"]\)")
_MAX_EXPRESSIONS = 1_000
"""Maximum expressions of one document; no bundle has that many."""
_SHOWN = 200


def evaluated(blob: Blob, texts: Iterable[str]) -> Iterator[Item]:
    """Yield the expressions among a document's strings as one Python file, if they import or call something.

    Names of callables that run commands or code are also reported separately.
    """
    imports, others, called = list[str](), list[str](), set[str]()
    for text in texts:
        if len(imports) + len(others) == _MAX_EXPRESSIONS:
            break
        source = _ITEM.sub("item", text[len(PREFIX) :]).strip()
        tree = _parsed(source)
        if tree is not None:
            (imports if _IMPORT.match(text) else others).append(source)
            names = (ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call))
            called |= {_full_name(name) for name in names}
    for name in sorted(filter(runs_something, called)):
        detail: dict[str, Json] = {"how": "hint", "path": "an expression"}
        yield Fact("code-reference", printable(name, _SHOWN), blob.locator, detail=detail)
    if imports or called:
        lines = "\n".join((*imports, *others)) + "\n"
        yield blob.nested("expressions.py", MemoryReader(lines.encode("utf-8", "replace")), expanded=True)


def _full_name(name: str) -> str:
    """Return the dotted name of a callee: `__import__('os').system` becomes `os.system`, and `eval` a builtin."""
    found = _IMPORTED.sub(r"\1", name)
    return f"builtins.{found}" if found in BUILTINS and found != "__import__" else found


def _parsed(source: str) -> ast.Module | None:
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    return tree if len(tree.body) == 1 else None
