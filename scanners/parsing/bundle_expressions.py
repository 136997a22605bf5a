"""Expressions in bundles of MONAI: texts that begin with `$`, which its parser of configurations evaluates as Python.

Reader: monai/bundle/config_item.py, `ConfigExpression`: `$import NAME` and `$from NAME import NAME` import, all else
goes to `eval`, with `@path::of::an#item` for the items of the same configuration.
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
_EXPRESSIONS = 1_000
"""Of one document; no bundle has so many."""
_SHOWN = 200


def evaluated(blob: Blob, texts: Iterable[str]) -> Iterator[Item]:
    """Yield the expressions of a document's texts as a file of Python, where they import or call something.

    What runs commands or code is told by its name besides.
    """
    imports, others, called = list[str](), list[str](), set[str]()
    for text in texts:
        if len(imports) + len(others) == _EXPRESSIONS:
            break
        source = _ITEM.sub("item", text[len(PREFIX) :]).strip()
        tree = _parsed(source)
        if tree is not None:
            (imports if _IMPORT.match(text) else others).append(source)
            names = (ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call))
            called |= {_full(name) for name in names}
    for name in sorted(filter(runs_something, called)):
        detail: dict[str, Json] = {"how": "hint", "path": "an expression"}
        yield Fact("code-reference", printable(name, _SHOWN), blob.locator, detail=detail)
    if imports or called:
        lines = "\n".join((*imports, *others)) + "\n"
        yield blob.nested("expressions.py", MemoryReader(lines.encode("utf-8", "replace")), expanded=True)


def _full(name: str) -> str:
    """Return a dotted name of what is called: `__import__('os').system` is `os.system`, and `eval` is a builtin."""
    found = _IMPORTED.sub(r"\1", name)
    return f"builtins.{found}" if found in BUILTINS and found != "__import__" else found


def _parsed(source: str) -> ast.Module | None:
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    return tree if len(tree.body) == 1 else None
