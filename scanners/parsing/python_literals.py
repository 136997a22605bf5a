"""What readers of literals make of a constant text, as the tree of an expression: `json.loads` and its kin."""

from __future__ import annotations

import ast
import contextlib
import json

LITERALS = frozenset("json.loads ast.literal_eval yaml.safe_load simplejson.loads ujson.loads orjson.loads".split())
"""Functions that return tables, lists, texts and numbers, and call nothing."""
_LONGEST = 1 << 16
"""Characters of a text that is read."""


def literal_in(text: str) -> ast.expr | None:
    """Return the table or list that a text of JSON, or a literal of Python, stands for, None where it is neither."""
    if not text or len(text) > _LONGEST:
        return None
    source = text.strip()
    with contextlib.suppress(ValueError, RecursionError):  # else perhaps one of Python
        source = repr(json.loads(source))
    try:
        found = ast.parse(source, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    return found if isinstance(found, ast.Dict | ast.List | ast.Tuple) else None
