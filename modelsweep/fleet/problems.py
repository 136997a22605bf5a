"""What of a job's targets yielded no unit, as the producer leaves it in the store when its listing is over."""

from __future__ import annotations

import json
from collections.abc import Sequence

from modelsweep.core.finding import Problem
from modelsweep.core.wire import decode_problem, dumps, encode_problem
from modelsweep.fleet.packing import pack, unpack
from modelsweep.fleet.signature import Damaged, Key


def problems_name(job: str) -> str:
    """Return where the problems of a job's targets are stored."""
    return f"jobs/{job}/problems"


def seal_problems(problems: Sequence[Problem], key: Key, job: str) -> bytes:
    """Return problems of targets as they are stored."""
    return key.seal(_purpose(job), pack([dumps(encode_problem(problem)) for problem in problems]))


def open_problems(sealed: bytes, key: Key, job: str) -> tuple[Problem, ...]:
    """Return the problems of the targets of `job`; raises Forged, Damaged."""
    name = problems_name(job)
    packed = key.open(_purpose(job), sealed, name)
    try:
        return tuple(decode_problem(json.loads(line)) for line in unpack(packed, name))
    except (ValueError, TypeError, KeyError, IndexError) as error:
        raise Damaged(name, f"no list of problems: {type(error).__name__}") from error


def _purpose(job: str) -> str:
    return f"problems {job}"
