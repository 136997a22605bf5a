"""Names with which a Jinja template reaches the interpreter."""

from __future__ import annotations

LEADING = (
    *("__globals__", "__builtins__", "__subclasses__", "__import__", "__mro__", "__base__", "__bases__", "__loader__"),
    *("__code__", "__getattribute__", "__reduce__", "__reduce_ex__"),
)
"""Names that lead from an object to the interpreter; `__name__` and `__class__` alone have legitimate uses."""
INTERNALS = frozenset(
    "func_globals func_code gi_frame gi_code cr_frame cr_code ag_frame ag_code f_globals f_locals f_builtins f_back "
    "tb_frame tb_next co_code mro".split()
)
"""Attributes without underscores that lead to the interpreter's internals, as Jinja's own sandbox lists them."""
