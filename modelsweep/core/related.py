"""Which results of a job have to do with each other: a light question, so that nobody loads judges to ask it."""

from __future__ import annotations

from modelsweep.core import patterns as re
from modelsweep.core.finding import Fact, Problem, ProblemKind
from modelsweep.core.members import ENGINE
from modelsweep.core.report import UnitResult

SIGNATURE = "signature"
"""The fact of a file that says what others are to be: those are compared in a pass of their own."""
KINDS = frozenset(
    {"code-reference", "python-module", "python-call", "python-compiled", "shard", "shard-index"}
    | {"python-use", "requirement-line", "requirement-list", SIGNATURE}
)
"""Kinds of facts by which a file makes something of another one, or another one of it."""
WEIGHTS = "weights-file"
"""The kind of fact by which a graph says what of a file beside it is tensors, whether both are members or not."""
_ENDINGS = (".py", ".pyw", ".pyc", ".so", ".pyd")
_SHARD = re.compile(r"-\d{5}-of-\d{5}[^/]{0,20}$", re.ASCII)
MARKS = re.compile(
    rb'\.(?:pyw?|pyc|so|pyd)"|-\d{5}-of-\d{5}|"(?:'
    + "|".join(sorted((*KINDS, WEIGHTS, ProblemKind.UNSUPPORTED))).encode()
    + rb')"'
)
"""What the JSON of every result that `is_related` holds, and perhaps of others: the rest needs no decoding."""


def is_related(result: UnitResult) -> bool:
    """Return whether a file may make something of another one, or another one of it."""
    return tells_of_others(result) or any(map(is_unknown, result.problems))


def tells_of_others(result: UnitResult) -> bool:
    """Return whether a file may make something of another one; unless one of a job does, none is made anything of."""
    where = result.unit.locator
    return is_telling(where.uri) or any(
        fact.kind in (WEIGHTS, SIGNATURE) or (fact.kind in KINDS and fact.locator == where) for fact in result.facts
    )


def is_unknown(problem: Problem) -> bool:
    """Return whether a problem says that no scanner knows a file: a neighbour of it may say that it is weights."""
    return problem.kind is ProblemKind.UNSUPPORTED and problem.scanner == ENGINE


def may_relate(fact: Fact) -> bool:
    """Return whether a fact of a member may have to do with other members of its archive."""
    return fact.kind in KINDS or is_telling(fact.locator.members[-1])


def is_telling(name: str) -> bool:
    """Return whether a file has to do with others by its name alone."""
    return name.endswith(_ENDINGS) or ("-of-" in name and _SHARD.search(name) is not None)
