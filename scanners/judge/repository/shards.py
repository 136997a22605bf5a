"""Weights in several files: the shards that an index names, and families of `NAME-00001-of-00005.SUFFIX`.

Formats: https://huggingface.co/docs/transformers/big_models for `*.index.json`, GGUF and TensorFlow by their names. An
index maps tensors to shards; the tensors of a shard are compared as sets, by number and by one hash of their names.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from modelsweep.core.finding import Fact, Finding, Json
from modelsweep.core.locator import Locator
from modelsweep.core.text import printable
from scanners.judge.external_files import outside
from scanners.judge.repository.rules import MISSING_SHARD, SHARD_OUTSIDE, SHARD_TENSORS, TOTAL_SIZE

SHARD = re.compile(
    r"(?P<stem>.*)-(?P<number>\d{5})-of-(?P<total>\d{5})(?P<suffix>\.(?:safetensors|bin|pt|pth|gguf|msgpack|h5|ckpt)|)$"
)
_TENSORFLOW = ".data"
"""End of the name of TensorFlow's shards, which have no suffix, before their number."""
_MAX_LISTED = 5
_SHOWN = 120
_TOLERANCE = 0.05
"""Tolerated relative error of a total, since many indexes count tensors with shared memory differently."""


class Tensors(NamedTuple):
    """The number of tensors, an order-independent hash of their names, and their bytes."""

    amount: int
    names: str
    size: int = 0


class Shard(NamedTuple):
    """An existing file of a family, with its `tensors` if its format tells them."""

    order: int
    locator: Locator
    tensors: Tensors | None


class Index(NamedTuple):
    """An index: the tensors of each shard, and the total bytes, or 0 if absent."""

    order: int
    locator: Locator
    shards: dict[str, Tensors]
    total: int


class Families:
    """The shards and indexes of one folder."""

    def __init__(self) -> None:
        self.shards: dict[str, Shard] = {}
        self.indexes: list[Index] = []
        self.held = 0
        """Number of shards and of names of shards."""

    def take(self, other: Families) -> None:
        """Add the families of another revision of the folder, in which equal names are the same file."""
        self.shards = {**other.shards, **self.shards}
        self.indexes += other.indexes
        self.held += other.held

    def add(self, order: int, locator: Locator, facts: Sequence[Fact]) -> int:
        """Add the facts of a file; return how many items are held of it."""
        if family_of(locator.name):
            tensors = next((_tensors(fact) for fact in facts if fact.kind == "tensors"), None)
            self.shards[locator.name] = Shard(order, locator, tensors)
            self.held += 1
            return 1
        named = {fact.value: _tensors(fact) for fact in facts if fact.kind == "shard"}
        total = next((_number(fact.detail.get("total")) for fact in facts if fact.kind == "shard-index"), 0)
        if named:
            self.indexes.append(Index(order, locator, named, total))
        self.held += len(named)
        return len(named)

    def findings(self) -> Iterator[tuple[int, Finding]]:
        """Yield what is missing or contradictory, each with the position of its file."""
        told: set[tuple[str, ...]] = set()
        for index in self.indexes:
            told.update(family for name in index.shards if (family := family_of(name)))
            yield from self._index_findings(index)
        families: dict[tuple[str, ...], list[Shard]] = {}
        for name, shard in self.shards.items():
            family = family_of(name)
            if family and family not in told:
                families.setdefault(family, []).append(shard)
        for family, members in families.items():
            yield from _family_findings(family, members)

    def _index_findings(self, index: Index) -> Iterator[tuple[int, Finding]]:
        size, whole, missing = 0, True, []
        for name, declared in index.shards.items():
            reason = outside(name)
            shard = self.shards.get(name)
            if reason:
                evidence: dict[str, Json] = {"reason": reason}
                yield index.order, Finding(SHARD_OUTSIDE, index.locator, printable(name, _SHOWN), evidence=evidence)
            elif shard is None:
                missing += [name] if family_of(name) else []
            elif shard.tensors:
                size += shard.tensors.size
                yield from _difference(index, shard, declared, shard.tensors)
            whole = whole and shard is not None and shard.tensors is not None
        if missing:
            yield index.order, _missing(index.locator, missing, len(missing), f"{printable(index.locator.name)} names")
        if whole and index.total and abs(index.total - size) > _TOLERANCE * max(index.total, size):
            evidence = {"held": f"{size:,}"}
            yield index.order, Finding(TOTAL_SIZE, index.locator, f"{index.total:,}", evidence=evidence)


def family_of(name: str) -> tuple[str, ...]:
    """Return what the names of all shards in a family have in common, or () for other files."""
    match = SHARD.fullmatch(name)
    if match is None or (not match["suffix"] and not match["stem"].endswith(_TENSORFLOW)):
        return ()
    return match["stem"], match["total"], match["suffix"]


def _family_findings(family: tuple[str, ...], members: Sequence[Shard]) -> Iterator[tuple[int, Finding]]:
    stem, total, suffix = family
    there = {int(match["number"]) for shard in members if (match := SHARD.fullmatch(shard.locator.name))}
    first = 0 if 0 in there else 1
    missing = int(total) - len(there)
    if missing <= 0:
        return
    numbers = (number for number in range(first, first + int(total)) if number not in there)
    names = [f"{stem}-{number:05d}-of-{total}{suffix}" for number, _ in zip(numbers, range(_MAX_LISTED), strict=False)]
    yield members[0].order, _missing(members[0].locator, names, missing, "of its family")


def _missing(locator: Locator, names: Sequence[str], count: int, who: str) -> Finding:
    shown = printable(", ".join(names[:_MAX_LISTED]) + (", …" if count > _MAX_LISTED else ""), 5 * _SHOWN)
    return Finding(
        MISSING_SHARD, locator, printable(names[0], _SHOWN), evidence={"count": count, "names": shown, "who": who}
    )


def _difference(index: Index, shard: Shard, declared: Tensors, there: Tensors) -> Iterator[tuple[int, Finding]]:
    if declared.names == there.names or not (declared.names and there.names):
        return
    evidence: dict[str, Json] = {"said": declared.amount, "there": there.amount, "index": printable(index.locator.name)}
    yield shard.order, Finding(SHARD_TENSORS, shard.locator, printable(shard.locator.name, _SHOWN), evidence=evidence)


def _tensors(fact: Fact) -> Tensors:
    names = fact.detail.get("names")
    size = fact.span.length if fact.span else 0
    return Tensors(_number(fact.detail.get("count")), names if isinstance(names, str) else "", size)


def _number(value: Json) -> int:
    return value if type(value) is int else 0
