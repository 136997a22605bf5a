"""SPDX licence expressions: `MIT`, `Apache-2.0 OR MIT`, `GPL-2.0-only WITH Classpath-exception-2.0`, `LicenseRef-x`.

Grammar: https://spdx.github.io/spdx-spec/v3.0.1/annexes/spdx-license-expressions/. It has only five rules, so it is
parsed here: license-expression takes 35 ms to import, a third of a scan. Identifiers get the spelling of the list.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache

from scanners.parsing.spdx_ids import EXCEPTIONS, LICENCES

MAX_LENGTH = 500
"""Maximum characters of an expression."""
MAX_TOKENS = 50
"""Maximum tokens of an expression: real ones have a dozen."""
_WORD = r"\s*(?:[()]|[A-Za-z0-9.+:-]+)"
_REFERENCE = r"(?:DocumentRef-[A-Za-z0-9.-]+:)?LicenseRef-[A-Za-z0-9.-]+"
# Deprecated identifiers, which do not tell whether later versions are allowed
_DEPRECATED = r"((?:A|L)?GPL-\d\.\d|GFDL-1\.\d)(\+?)"

Expression = tuple["Expression | str", ...]
"""`(licence, exception or "")` for one licence, `("AND" or "OR", left, right)` for two expressions."""


class NoExpression(Exception):
    """Raised for a text that is not an SPDX expression."""


def parsed(text: str) -> Expression:
    """Return the tree of `text`; raises NoExpression if it is invalid, or has identifiers that are not on the list."""
    if len(text) > MAX_LENGTH:
        raise NoExpression
    tokens: list[str] = []
    position = 0
    while position < len(text.rstrip()):
        match = re.compile(_WORD).match(text, position)
        if match is None or len(tokens) >= MAX_TOKENS:
            raise NoExpression
        tokens.append(match[0].strip())
        position = match.end()
    tree, rest = _either(tokens)
    if rest:
        raise NoExpression
    return tree


def written(tree: Expression, *, inside: bool = False) -> str:
    """Return an expression as text; alternatives `inside` another expression get parentheses."""
    if tree[0] in ("AND", "OR"):
        _, left, right = tree
        text = f"{_inner(left, tree)} {tree[0]} {_inner(right, tree)}"
        return f"({text})" if inside and tree[0] == "OR" else text
    return f"{tree[0]} WITH {tree[1]}" if tree[1] else str(tree[0])


def _inner(part: Expression | str, within: Expression) -> str:
    assert not isinstance(part, str)
    return written(part, inside=within[0] == "AND")


def joined(expressions: list[str]) -> str:
    """Return one expression that requires all of `expressions`."""
    if len(expressions) == 1:
        return expressions[0]
    return " AND ".join(f"({text})" if " OR " in text else text for text in expressions)


def binds(tree: Expression, is_bound: Callable[[str], bool]) -> list[str]:
    """Return the licences for which `is_bound` is true and that no alternative avoids."""
    if tree[0] not in ("AND", "OR"):
        return [written(tree)] if is_bound(written(tree)) else []
    left, right = (binds(part, is_bound) for part in tree[1:] if not isinstance(part, str))
    return left + right if tree[0] == "AND" or (left and right) else []


def spelled(identifier: str) -> str | None:
    """Return a licence in the spelling of the list, a reference unchanged, or None for anything else."""
    if re.fullmatch(_REFERENCE, identifier):
        return identifier
    plain = identifier.removesuffix("+")
    known = _spellings().get(identifier.lower()) or _spellings().get(plain.lower())
    if known is None:
        return None
    old = re.fullmatch(_DEPRECATED, known)
    if old:
        return f"{old[1]}-or-later" if old[2] or identifier.endswith("+") else f"{old[1]}-only"
    return f"{known}+" if identifier.endswith("+") and not known.endswith("+") else known


def _either(tokens: list[str]) -> tuple[Expression, list[str]]:
    tree, rest = _both(tokens)
    while rest and rest[0].upper() == "OR":
        right, rest = _both(rest[1:])
        tree = ("OR", tree, right)
    return tree, rest


def _both(tokens: list[str]) -> tuple[Expression, list[str]]:
    tree, rest = _one(tokens)
    while rest and rest[0].upper() == "AND":
        right, rest = _one(rest[1:])
        tree = ("AND", tree, right)
    return tree, rest


def _one(tokens: list[str]) -> tuple[Expression, list[str]]:
    if not tokens:
        raise NoExpression
    if tokens[0] == "(":
        tree, rest = _either(tokens[1:])
        if rest[:1] != [")"]:
            raise NoExpression
        return tree, rest[1:]
    licence = spelled(tokens[0])
    if licence is None:
        raise NoExpression
    if len(tokens) > 2 and tokens[1].upper() == "WITH":
        exception = _exceptions().get(tokens[2].lower())
        if exception is None:
            raise NoExpression
        return (licence, exception), tokens[3:]
    return (licence, ""), tokens[1:]


@cache
def _spellings() -> dict[str, str]:
    return {name.lower(): name for name in LICENCES.split()}


@cache
def _exceptions() -> dict[str, str]:
    return {name.lower(): name for name in EXCEPTIONS.split()}
