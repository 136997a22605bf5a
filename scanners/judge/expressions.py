"""Expressions of sympy, whose classes are called with their parts: numbers and other expressions.

They evaluate string arguments (`sympify`), except names of symbols and digits of numbers. So a call is inert if the
pickle passes it no string, which extraction records under the key `plain`. Source: sympy/core/basic.py,
`Basic.__reduce_ex__`, and `__new__` of symbols, numbers and undefined functions.
"""

from __future__ import annotations

from modelsweep.core import patterns as re
from modelsweep.core.finding import Json
from scanners.judge.dangerous_names import family
from scanners.judge.described import instance_of, is_data, items

PREFIX = "sympy."
_PARTS = "concrete|core|functions|geometry|integrals|logic|matrices|polys|series|sets|stats|tensor"
_CLASS = re.compile(rf"sympy\.(?:{_PARTS})(?:\.[a-z]\w*)*\.[A-Z]\w*")
_FUNCTION = re.compile(r"sympy\.functions(?:\.[a-z]\w*)+")
"""Functions are classes with lower-case names: `sin`, `exp`."""
_UNDEFINED = "sympy.core.function._rebuild_undef"
_NAMED = frozenset(
    {_UNDEFINED}
    | {f"sympy.core.symbol.{name}" for name in ("Dummy", "Str", "Symbol", "Wild")}
    | {f"sympy.core.numbers.{name}" for name in ("Float", "Integer", "Rational")}
)
"""Classes that take strings as names or as digits."""


def is_expression(name: str) -> bool:
    """Return whether a dotted name is that of a class of expressions."""
    return name.startswith(PREFIX) and bool(_CLASS.fullmatch(name) or _FUNCTION.fullmatch(name)) and not family(name)


def is_inert_expression(name: str, arguments: Json, plain: Json) -> bool:
    """Return whether calling `name` evaluates no string; `plain` tells that the pickle passes it none."""
    if name in _NAMED:
        return isinstance(arguments, dict) and "more" not in arguments and all(map(is_data, items(arguments)))
    return (plain is True and is_expression(name)) or is_named_maker(name)


def is_named_maker(name: str) -> bool:
    """Return whether a name is the `__new__` of a symbol or number, which before protocol 4 a partial calls."""
    return name.removesuffix(".__new__") in _NAMED and name.endswith(".__new__")


def runs_text(name: str, arguments: Json) -> bool:
    """Return whether an expression gets a string that calls something, or reaches into an object."""
    return is_expression(name) and name not in _NAMED and _calls(arguments)


def _calls(described: Json) -> bool:
    if isinstance(described, str):
        return "(" in described or "__" in described
    if isinstance(described, dict):  # a nested expression is a call of its own, and reported as such
        return "call" not in described and any(map(_calls, described.values()))
    return isinstance(described, list) and any(map(_calls, described))


def is_undefined_function(computed: Json, plain: Json) -> bool:
    """Return whether the callee is an undefined function, so that its result is another expression."""
    if instance_of(computed) != _UNDEFINED or not isinstance(computed, dict):
        return False
    return plain is True and is_inert_expression(_UNDEFINED, computed.get("args"), plain=True)
