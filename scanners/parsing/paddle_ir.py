"""Programs of PaddlePaddle 3 as JSON: regions of blocks of operators, whose names begin with the number of a dialect.

Format: paddle/fluid/pir/serialize_deserialize of https://github.com/PaddlePaddle/Paddle; `1.matmul` is an operator of
the dialect pd_op, and `A` lists its attributes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from modelsweep.core.finding import Json
from modelsweep.core.scanner import Blob, Context, Malformed
from modelsweep.core.units import MIB
from scanners.parsing.json_text import documents_of, has_keys

_MAX_SIZE = 64 * MIB
"""Maximum bytes of a program that is parsed; the objects take some eight times as much memory."""
_FACTOR = 4
OWN_DIALECTS = frozenset("012")
"""Builtin types, the operators of Paddle, and control flow; `p` alone is a parameter."""


class Operator(NamedTuple):
    """An operator: the number of its dialect, its name, and its string attributes by name."""

    dialect: str
    name: str
    texts: dict[str, list[str]]


def is_program(blob: Blob) -> bool:
    """Return whether the blob begins with a program."""
    return has_keys(blob, "base_code", "program")


def operators(blob: Blob, context: Context) -> Iterator[Operator]:
    """Yield the operators of all regions; raises Malformed if there is no program, and OverLimit."""
    found = documents_of(blob, min(_MAX_SIZE, context.limits.parsed_bytes // _FACTOR), "the program is no JSON")
    left = [document["program"] for document in found if isinstance(document, dict) and "program" in document]
    if not left:
        raise Malformed("there is no program")
    while left:
        context.operations.spend()
        for operator in _listed(left.pop()):
            context.operations.spend()
            yield _operator(operator)
            if "regions" in operator:
                left.append(operator)


def _listed(part: Json) -> Iterator[dict[str, Json]]:
    """Yield the operators in all blocks of the regions of a program or an operator."""
    for region in _objects(part, "regions"):
        for block in _objects(region, "blocks"):
            yield from _objects(block, "ops")


def _objects(part: Json, key: str) -> Iterator[dict[str, Json]]:
    inner = part.get(key) if isinstance(part, dict) else None
    return (item for item in inner if isinstance(item, dict)) if isinstance(inner, list) else iter(())


def _operator(operator: dict[str, Json]) -> Operator:
    dialect, _, name = str(operator.get("#", "")).partition(".")
    texts: dict[str, list[str]] = {}
    for attribute in _objects(operator, "A"):
        value = attribute.get("AT")
        content = value.get("D") if isinstance(value, dict) else None
        texts.setdefault(str(attribute.get("N", "")), []).extend(_texts(content))
    return Operator(dialect, name, texts)


def _texts(content: Json) -> Iterator[str]:
    """Yield a string, or the strings in a list."""
    for item in content if isinstance(content, list) else [content]:
        inner = item.get("D") if isinstance(item, dict) else item
        if isinstance(inner, str):
            yield inner
