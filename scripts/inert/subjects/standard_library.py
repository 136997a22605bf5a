"""Objects of the standard library that turn up in checkpoints and pipelines."""

from __future__ import annotations

import argparse
import array
import collections
import datetime
import decimal
import enum
import fractions
import functools
import ipaddress
import itertools
import logging
import operator
import pathlib
import random
import re
import string
import types
import typing
import uuid
import zoneinfo
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


def makers() -> dict[str, Callable[[], Any]]:
    """Values by label; each is made when it is saved."""
    return {
        "builtins": lambda: [
            {1},
            frozenset({2}),
            bytearray(b"x"),
            1j,
            range(3),
            slice(1),
            ...,
            NotImplemented,
            b"\xff",
        ],
        "types": lambda: [int, float, str, dict, list, tuple, set, object, type, type(None), bytes, bool, Exception],
        "functions": lambda: [len, max, sum, operator.add, print, getattr],
        "errors": lambda: [ValueError("x"), KeyError(1), StopIteration(), OSError(2, "x"), RuntimeError("y")],
        "collections": lambda: [
            collections.OrderedDict(a=1),
            collections.Counter("ab"),
            collections.deque([1], 3),
            collections.defaultdict(list, a=[1]),
            collections.ChainMap({}),
            collections.UserDict(a=1),
            collections.UserList([1]),
            collections.UserString("x"),
            collections.defaultdict(functools.partial(collections.defaultdict, int)),
        ],
        "datetime": lambda: [
            datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC),
            datetime.date(2020, 1, 1),
            datetime.time(1, 2),
            datetime.timedelta(1),
            datetime.timezone(datetime.timedelta(hours=1)),
            datetime.datetime(2020, 1, 1, tzinfo=zoneinfo.ZoneInfo("Europe/Paris")),
        ],
        "numbers": lambda: [decimal.Decimal("1.5"), decimal.Context(), fractions.Fraction(1, 3)],
        "paths": lambda: [pathlib.PurePosixPath("a"), pathlib.PureWindowsPath("a"), pathlib.Path("a/b")],
        "uuid": lambda: [uuid.UUID(int=5), uuid.SafeUUID.safe],
        "network": lambda: [
            ipaddress.ip_address("1.2.3.4"),
            ipaddress.ip_network("1.0.0.0/8"),
            ipaddress.ip_address("::1"),
        ],
        "patterns": lambda: [re.compile("a+", re.IGNORECASE), string.Template("$x")],
        "namespaces": lambda: [argparse.Namespace(a=1), types.SimpleNamespace(b=2)],
        "partial": lambda: [functools.partial(int, base=2), functools.partial(max), operator.itemgetter(1)],
        "operators": lambda: [operator.attrgetter("a.b"), operator.methodcaller("strip", 1)],
        "array": lambda: [array.array("d", [1.0]), array.array("i", [1])],
        "iterators": lambda: [
            iter([1, 2]),
            iter((1,)),
            iter(range(3)),
            itertools.count(2),
            itertools.chain([1]),
            iter({}),
        ],
        "more iterators": lambda: [
            itertools.cycle([1]),
            itertools.repeat(1, 2),
            enumerate([1]),
            zip([1], [2], strict=False),
            reversed([1]),
        ],
        "random": lambda: random.Random(3),
        "enum": lambda: [re.IGNORECASE, uuid.SafeUUID.safe, logging.getLogger("x"), enum.Enum, pathlib.Path, enum.auto],
        "typing": lambda: [list[int], typing.Optional[int], typing.Any, typing.List[int], typing.TypeVar, int | str],  # noqa: UP006, UP045
        "bound methods": lambda: ["abc".upper, [].append, collections.Counter.fromkeys, re.compile("a").match],
    }
