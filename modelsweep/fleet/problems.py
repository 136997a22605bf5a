"""What of a job's targets yielded no unit: in parts while they are listed, and all of it when that is over.

A part is stored before the page that it was met with, and names the part before it; the cursor behind that page names
the last one. So a producer that goes on behind a cursor has all that was said up to there.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

from modelsweep.core.finding import Problem
from modelsweep.core.wire import decode_problem, dumps, encode_problem
from modelsweep.fleet.packing import pack, unpack
from modelsweep.fleet.signature import Damaged, Key
from modelsweep.fleet.store import Store


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


def put_part(problems: Sequence[Problem], before: str, store: Store, key: Key, job: str) -> str:
    """Store a part that follows the part `before`, and return its name; raises StoreFault."""
    lines = [dumps({"before": before}), *(dumps(encode_problem(problem)) for problem in problems)]
    sealed = key.seal(_part_purpose(job), pack(lines))
    name = f"jobs/{job}/listing/{hashlib.sha256(sealed).hexdigest()[:32]}"
    store.put(name, sealed)
    return name


def parts(last: str, store: Store, key: Key, job: str) -> list[Problem]:
    """Return the problems of the part `last` and of all before it; raises Absent, Forged, Damaged, StoreFault."""
    found: list[list[Problem]] = []
    name = last
    while name:
        lines = iter(unpack(key.open(_part_purpose(job), store.get(name), name), name))
        try:
            before = str(json.loads(next(lines))["before"])
            found.append([decode_problem(json.loads(line)) for line in lines])
        except (ValueError, TypeError, KeyError, IndexError, StopIteration) as error:
            raise Damaged(name, f"no list of problems: {type(error).__name__}") from error
        name = before
    return [problem for part in reversed(found) for problem in part]


def _part_purpose(job: str) -> str:
    return f"problems of a part {job}"


def _purpose(job: str) -> str:
    return f"problems {job}"
