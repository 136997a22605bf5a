"""Results of Python operators and methods on constants, as far as obfuscated code uses them; None if unknown."""

from __future__ import annotations

import ast
import operator
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from scanners.parsing.python_decoders import MAX_LENGTH, Text, Value, bytes_of, text_of

_MAX_BITS = 512
"""Maximum bits of operands: products of larger numbers would grow without bound."""
_MAX_DIGITS = 4_000
_NUMBERS: dict[type[ast.operator], Callable[[int, int], int]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.BitXor: operator.xor,
    ast.BitAnd: operator.and_,
    ast.BitOr: operator.or_,
    ast.RShift: operator.rshift,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Mult: operator.mul,
}
_METHODS: dict[str, Callable[..., Any]] = {
    name: getattr(str, name)
    for name in "replace strip lstrip rstrip lower upper swapcase casefold title capitalize removeprefix removesuffix "
    "isalpha isdigit isalnum islower isupper isspace isdecimal isnumeric isidentifier startswith endswith".split()
}
_CUTS = frozenset("split rsplit partition rpartition splitlines".split())
_COMPARED: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: lambda one, other: one in other,
    ast.NotIn: lambda one, other: one not in other,
}
_PERCENT = re.compile(r"(?:[^%]|%[scdx%])*")
_NAMED = re.compile(r"%\((\w+)\)")
_FIELD = re.compile(r"\{(\w*)\}")


def combined(one: Value | None, kind: ast.operator, other: Value | None) -> Value | None:
    """Return the result of an operator on two numbers, or a repeated string."""
    if isinstance(one, int) and isinstance(other, int) and type(kind) in _NUMBERS:
        if (not other and isinstance(kind, (ast.FloorDiv, ast.Mod))) or (other < 0 and isinstance(kind, ast.RShift)):
            return None  # raises an exception
        small = max(one.bit_length(), other.bit_length()) < _MAX_BITS
        return _NUMBERS[type(kind)](one, other) if small else None
    if isinstance(one, (str, bytes)) and isinstance(other, int) and isinstance(kind, ast.Mult):
        return one * other if len(one) * other <= MAX_LENGTH else None
    return None


def joined(parts: Iterable[Value | None], between: Text = "") -> Value | None:
    """Return concatenated strings or the sum of numbers, or None if one of them is unknown."""
    found = list(parts)
    if any(part is None for part in found):
        return None
    numbers = [part for part in found if isinstance(part, int)]
    if numbers:
        return sum(numbers) if len(numbers) == len(found) else None
    texts = [part for part in found if isinstance(part, (str, bytes))]
    if sum(map(len, texts)) + len(between) * len(texts) > MAX_LENGTH:
        return None
    if texts and all(isinstance(text, bytes) for text in texts):
        return bytes_of(between).join(bytes_of(text) for text in texts)
    return text_of(between).join(text_of(text) for text in texts)


def percent(form: Text, given: Sequence[Value | None]) -> str | None:
    """Return the result of `form % given`, if its fields are plain."""
    values = [text_of(item) if isinstance(item, bytes) else item for item in given]
    if any(item is None for item in given) or not _PERCENT.fullmatch(text_of(form)):
        return None
    if sum(len(item) for item in values if isinstance(item, str)) > MAX_LENGTH:
        return None
    try:
        return text_of(form) % tuple(values)
    except (TypeError, ValueError, OverflowError):
        return None


def percent_of_table(form: Text, given: Mapping[str, Value | None]) -> str | None:
    """Return the result of `form % table`, with named fields."""
    written = text_of(form)
    return percent(_NAMED.sub("%", written), [given.get(name) for name in _NAMED.findall(written)])


def filled(form: str, given: Mapping[str, Value | None]) -> Value | None:
    """Return the result of `form.format(...)`, if its fields are plain; positional arguments have keys such as "0"."""
    names, count = [], 0
    for name in _FIELD.findall(form):
        names.append(name or str(count))
        count += not name
    parts = _FIELD.split(form)[::2]
    texts = [given.get(name) for name in names]
    if not names or any(text is None for text in texts) or any("{" in part or "}" in part for part in parts):
        return None
    shown = [text_of(text) if isinstance(text, (str, bytes)) else str(text) for text in texts]
    return joined(piece for pair in zip(parts, [*shown, ""], strict=True) for piece in pair)


def method(owner: Text, name: str, given: Sequence[Value | None]) -> Value | None:
    """Return the result of a string method such as `replace`; 1 or 0 for a method that returns a bool."""
    texts = [text_of(item) for item in given if isinstance(item, (str, bytes))]
    if name not in _METHODS or len(texts) != len(given):
        return None
    if name == "replace" and len(texts) > 1 and text_of(owner).count(texts[0]) * len(texts[1]) > MAX_LENGTH:
        return None
    try:
        found: str | bool = _METHODS[name](text_of(owner), *texts)
    except TypeError:
        return None
    if isinstance(found, bool):
        return int(found)
    return found if isinstance(owner, str) else found.encode("utf-8", "replace")


def pieces(owner: Value | None, name: str, given: Sequence[Value | None]) -> list[Value | None] | None:
    """Return the parts that `split`, `partition` and the like make of a string."""
    if name not in _CUTS or not isinstance(owner, str) or any(item is None for item in given):
        return None
    try:
        return list(getattr(owner, name)(*given))
    except (TypeError, ValueError):
        return None


def compared(one: Value | None, kind: ast.cmpop, other: Value | None) -> int | None:
    """Return 1 if a comparison of two constants is true, 0 if it is false."""
    if one is None or other is None or type(kind) not in _COMPARED:
        return None
    try:
        return int(_COMPARED[type(kind)](one, other))
    except TypeError:
        return None


def measured(how: str, found: Sequence[Value | None]) -> Value | None:
    """Return the number of values, or the largest or smallest of them, or None if one is unknown."""
    if how == "len":
        return None if None in found else len(found)
    ordered = in_order(found)
    return ordered[0 if how == "min" else -1] if ordered else None


def in_order(found: Sequence[Value | None] | None) -> list[Value | None] | None:
    """Return sorted values, or None if one is unknown or they cannot be compared."""
    if found is None or None in found:
        return None
    try:
        return sorted(found)  # type: ignore[type-var]
    except TypeError:
        return None


def translated(owner: str, keys: Sequence[Value | None], values: Sequence[Value | None]) -> str | None:
    """Return the result of `owner.translate(table)`, if all of the table is known."""
    pairs = {
        one if isinstance(one, int) else ord(one): other
        for one, other in zip(keys, values, strict=True)
        if isinstance(other, (str, int)) and (isinstance(one, int) or (isinstance(one, str) and len(one) == 1))
    }
    longest = max((len(value) for value in pairs.values() if isinstance(value, str)), default=1)
    return owner.translate(pairs) if len(pairs) == len(keys) and len(owner) * longest <= MAX_LENGTH else None


def integer_bytes(given: Mapping[str, Value | None]) -> bytes | None:
    """Return the result of `int.to_bytes(number, length, byteorder)`."""
    number, length = given.get("number"), given.get("length")
    if not (isinstance(number, int) and isinstance(length, int) and 0 <= length <= MAX_LENGTH and number >= 0):
        return None
    try:
        return number.to_bytes(length, "little" if given.get("byteorder") == "little" else "big")
    except OverflowError:
        return None


def character(number: int) -> str | None:
    """Return the result of `chr(number)`."""
    return chr(number) if 0 <= number <= sys.maxunicode else None


def number_of(text: Text, base: Value | None) -> int | None:
    """Return the result of `int(text, base)`."""
    if not isinstance(text, str) or not isinstance(base, int) or len(text) >= _MAX_DIGITS:
        return None
    try:
        return int(text, base)
    except ValueError:
        return None


def bytes_from(numbers: Sequence[Value | None] | None) -> bytes | None:
    """Return the result of `bytes(numbers)`."""
    if numbers is None or not all(isinstance(number, int) and 0 <= number < 256 for number in numbers):
        return None
    return bytes(number for number in numbers if isinstance(number, int))
