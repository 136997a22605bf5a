"""Parse constant strings as `json.loads`, `ast.literal_eval` and the like would, into an expression tree."""

from __future__ import annotations

import ast
import contextlib
import json

LITERALS = frozenset("json.loads ast.literal_eval yaml.safe_load simplejson.loads ujson.loads orjson.loads".split())
"""Functions that parse dictionaries, lists, strings and numbers, and call nothing."""
_MAX_LENGTH = 1 << 16
"""Maximum characters of a string that is parsed."""


def literal_in(text: str) -> ast.expr | None:
    """Return the dictionary or list in a string of JSON or a Python literal, or None if it is neither."""
    if not text or len(text) > _MAX_LENGTH:
        return None
    source = text.strip()
    with contextlib.suppress(ValueError, RecursionError):  # not JSON: perhaps a Python literal
        source = repr(json.loads(source))
    try:
        found = ast.parse(source, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    return found if isinstance(found, ast.Dict | ast.List | ast.Tuple) else None
