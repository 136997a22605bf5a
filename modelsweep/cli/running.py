"""How a command ends: with its exit code, whatever happens on the way."""

from __future__ import annotations

import errno
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from modelsweep import shadowing
from modelsweep.cli.called import as_called
from modelsweep.cli.streams import prepare_streams
from modelsweep.cli.terminal import Interrupted, discard_stdout, say

INTERRUPTED = 130
FAILED = 2
ENDING = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))
"""Signals that would end this process at once, with what it has begun to write left behind."""


class Told(BaseException):
    """Somebody told this process to end, by the signal `number`: what it has in hand is tidied up first."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


@contextmanager
def _told_by_signals() -> Iterator[None]:
    """Raise Told for the first of such signals while the block runs, unless they are ignored (nohup); a second ends."""

    def tell(number: int, _frame: FrameType | None) -> None:
        signal.signal(number, signal.SIG_DFL)
        raise Told(number)

    before = [number for number in ENDING if signal.getsignal(number) is signal.SIG_DFL]
    for number in before:
        signal.signal(number, tell)
    try:
        yield
    finally:
        for number in before:
            signal.signal(number, signal.SIG_DFL)


def guarded(command: Callable[[], int]) -> int:
    """Run a command and return the exit code: 0 nothing found, 1 findings, 2 it failed, 130 interrupted.

    Told to end by another signal it is 128 and that signal's number, as shells have it.
    """
    prepare_streams()
    try:
        with _told_by_signals():
            shadowing.check()
            code = command()
            sys.stdout.flush()
    except BrokenPipeError:
        discard_stdout()
        return 0
    except (KeyboardInterrupt, Interrupted) as stop:
        say(str(stop) or "interrupted")
        return INTERRUPTED
    except Told as told:
        say(f"told to end ({signal.Signals(told.number).name})")
        return 128 + told.number
    except Exception as error:  # noqa: BLE001 - the process boundary
        return _explained(error)
    return code


def _nameless(error: OSError) -> str:
    """Return what an error means that names no file: a stream that took no more, or a folder that is gone."""
    try:
        os.getcwd()
    except OSError:
        return "the folder that this was started in is gone: change to another one"
    place = "cannot write: " if error.errno in (errno.ENOSPC, errno.EIO, errno.EDQUOT) else ""
    return f"{place}{error.strerror}"


def _explained(error: Exception) -> int:
    """Say what went wrong, in a sentence of its own where it is the user's affair; return the exit code."""
    import click

    if isinstance(error, click.Abort):
        say("interrupted")
        return INTERRUPTED
    if os.environ.get("MODELSWEEP_DEBUG"):
        raise error
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        click.echo(error.format_message(), err=True)
    elif isinstance(error, click.ClickException):
        say(as_called(error.format_message()))
        if isinstance(error, click.UsageError) and error.ctx is not None:
            say(f"see `{error.ctx.command_path} --help`")
    elif isinstance(error, OSError) and error.strerror:
        say(f"{error.filename}: {error.strerror}" if error.filename else _nameless(error))
    elif isinstance(error, (shadowing.Shadowed, OSError)):
        say(str(error))
    else:
        say(f"internal error: {type(error).__name__}: {error} (MODELSWEEP_DEBUG=1 shows where; please report it)")
    return FAILED
