"""How a command ends: with its exit code, whatever happens on the way."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

from modelsweep import shadowing
from modelsweep.cli.called import as_called
from modelsweep.cli.terminal import Interrupted, discard_stdout, prepare_streams, say

INTERRUPTED = 130
FAILED = 2


def guarded(command: Callable[[], int]) -> int:
    """Run a command and return the exit code: 0 nothing found, 1 findings, 2 it failed, 130 interrupted."""
    prepare_streams()
    try:
        shadowing.check()
        code = command()
        sys.stdout.flush()
    except BrokenPipeError:
        discard_stdout()
        return 0
    except (KeyboardInterrupt, Interrupted) as stop:
        say(str(stop) or "interrupted")
        return INTERRUPTED
    except Exception as error:  # noqa: BLE001 - the process boundary
        return _explained(error)
    return code


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
    elif isinstance(error, (shadowing.Shadowed, OSError)):
        say(str(error))
    else:
        say(f"internal error: {type(error).__name__}: {error} (MODELSWEEP_DEBUG=1 shows where; please report it)")
    return FAILED
