"""The commands by name: each is loaded when it is called."""

from __future__ import annotations

import os
from collections.abc import Sequence
from importlib import import_module

import click

from modelsweep import __version__
from modelsweep.cli.called import COMMANDS, as_called, called_as
from modelsweep.cli.help import Formatter
from modelsweep.cli.running import guarded

COMPLETION = "_MODELSWEEP_COMPLETE"
"""Environment variable by which shells ask for completions; click's protocol."""


class Context(click.Context):
    """A context whose help shows commands as they are typed here."""

    formatter_class = Formatter

    def get_help(self) -> str:
        """Return the help of the command."""
        return as_called(super().get_help())


class Commands(click.Group):
    """The commands by name, imported one at a time."""

    context_class = Context

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order in which people need them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command, or return None where there is none of that name."""
        if cmd_name not in COMMANDS:
            return None
        command = import_module(f"modelsweep.cli.{cmd_name}").command
        assert isinstance(command, click.Command)
        command.context_class = Context
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that the first argument names; a file in its place is most likely meant for `scan`."""
        if args[0] not in COMMANDS and os.path.lexists(args[0]):
            from shlex import quote

            ctx.fail(f"{args[0]!r} is not a command. To scan it: modelsweep scan {quote(args[0])}")
        if args[0] not in COMMANDS and (close := _close_to(args[0])):
            ctx.fail(f"{args[0]!r} is not a command: did you mean {close}?")
        return super().resolve_command(ctx, args)


def _close_to(word: str) -> str:
    """Return the command that a word comes closest to, nothing where none does."""
    from difflib import get_close_matches

    return next(iter(get_close_matches(word.lower(), COMMANDS, 1, 0.6)), "")


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, "-V", "--version", message="modelsweep %(version)s")
def root() -> None:
    """Find malicious code and hidden dangers in machine-learning model files.

    Nothing that is scanned is ever loaded, imported or run.

    \b
    Begin with:
      modelsweep scan model.pt           one file
      modelsweep scan models/            a directory
      modelsweep audit models/           a large one, with many workers
      modelsweep scan --help             everything else
    """


def run(arguments: Sequence[str]) -> int:
    """Run a command and return the exit code: 0 nothing found, 1 findings, 2 it failed, 130 interrupted."""
    return guarded(lambda: _complete() if COMPLETION in os.environ else invoke(tuple(arguments)))


def invoke(arguments: tuple[str, ...]) -> int:
    """Run the command that `arguments` name, without click's own idea of exit codes for a closed pipe."""
    try:
        with root.make_context(called_as(), list(arguments) or ["--help"], obj=arguments) as context:
            code = root.invoke(context)
    except click.exceptions.Exit as leave:
        return leave.exit_code
    return code if isinstance(code, int) else 0


def _complete() -> int:
    """Answer the shell that completes a command line: `eval "$(_MODELSWEEP_COMPLETE=bash_source modelsweep)"`."""
    from click.shell_completion import shell_complete

    return shell_complete(root, {}, "modelsweep", COMPLETION, os.environ[COMPLETION])
