"""The command line: commands are loaded when they are called, so that a small scan starts quickly."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module

import click

from modelsweep import __version__, shadowing
from modelsweep.cli.terminal import discard_stdout, say, tolerate_any_text

COMMANDS = ("scan", "rules", "metadata", "doctor")
"""In the order of `--help`; each is `command` in the module of its name."""
INTERRUPTED = 130
FAILED = 2


class Commands(click.Group):
    """The commands by name, imported one at a time."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order in which people need them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command, or return None where there is none of that name."""
        if cmd_name not in COMMANDS:
            return None
        command = import_module(f"modelsweep.cli.{cmd_name}").command
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that the first argument names; a file in its place is most likely meant for `scan`."""
        if args[0] not in COMMANDS and os.path.lexists(args[0]):
            ctx.fail(f"{args[0]!r} is no command. To scan it: modelsweep scan {args[0]}")
        return super().resolve_command(ctx, args)


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, "-V", "--version", message="modelsweep %(version)s")
def root() -> None:
    """Find malicious code and hidden dangers in machine-learning model files.

    Nothing that is scanned is ever loaded, imported or run.

    \b
    Begin with:
      modelsweep scan model.pt           one file
      modelsweep scan models/            a directory
      modelsweep scan --help             everything else
    """


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return the exit code: 0 nothing found, 1 findings, 2 it failed, 130 interrupted."""
    tolerate_any_text()
    try:
        shadowing.check()
        code = root.main(arguments, prog_name="modelsweep", standalone_mode=False)
        sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except BrokenPipeError:
        discard_stdout()
        return 0
    except (KeyboardInterrupt, click.Abort):
        say("interrupted")
        return INTERRUPTED
    except click.ClickException as error:
        _say_error(error)
        return FAILED
    except shadowing.Shadowed as error:
        say(str(error))
        return FAILED
    except Exception as error:
        if os.environ.get("MODELSWEEP_DEBUG"):
            raise
        say(f"internal error: {type(error).__name__}: {error} (MODELSWEEP_DEBUG=1 shows where; please report it)")
        return FAILED


def _say_error(error: click.ClickException) -> None:
    context = error.ctx if isinstance(error, click.UsageError) else None
    say(error.format_message())
    if context is not None:
        say(f"see `{context.command_path} --help`")
