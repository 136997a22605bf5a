"""The command line. What examines files is begun first, and loads its modules while this process loads its own."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence
from contextlib import suppress

from modelsweep import shadowing
from modelsweep.cli.streams import prepare_streams
from modelsweep.core.collector import collect_rarely

EXAMINING = ("scan",)
"""Commands that examine files, with hardly an exception."""
INSTEAD = frozenset({"-h", "--help", "--dry-run", "--list-scanners"})
"""Options that have them do something else."""


def main() -> int:
    """Run the command of this process and return its exit code."""
    try:
        return _main()
    except KeyboardInterrupt:  # while modules were loaded: a command says itself how far it came
        from modelsweep.cli.terminal import say

        say("interrupted")
        return 130


def _main() -> int:
    collect_rarely()
    prepare_streams()
    arguments = sys.argv[1:]
    if examines(arguments):
        _begin()
    from modelsweep.cli.commands import run

    code = run(arguments)
    if "worker.execution" in sys.modules:
        from worker.execution import abandon

        abandon()
    if examines(arguments):
        _leave(code)
    gc.freeze()  # nothing is left to collect: walking it all would take the interpreter 5 ms
    return code


def examines(arguments: Sequence[str]) -> bool:
    """Return whether a command line will have files examined, as far as can be told without understanding it."""
    return any(name in EXAMINING for name in arguments[:1]) and INSTEAD.isdisjoint(arguments)


def _leave(code: int) -> None:
    """End this process at once: what there is to tidy up was, and what the interpreter would do takes it 5 ms."""
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)


def _begin() -> None:
    """Begin the process that will examine files; what hides our packages is said when the command runs."""
    with suppress(shadowing.Shadowed):
        shadowing.check()
        from worker.execution import begin

        begin()
