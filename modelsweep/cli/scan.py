"""`modelsweep scan`: judge files and directories now, on this machine."""

from __future__ import annotations

from typing import Unpack

import click

from modelsweep.cli.arguments import ScanArguments
from modelsweep.cli.options import SECTIONS, ScanCommand, removed_options
from modelsweep.cli.scanning import scan

PARAMETERS: list[click.Parameter] = [
    click.Argument(["targets"], nargs=-1, metavar="TARGET..."),
    *(option for options in SECTIONS.values() for option in options),
    *removed_options(),
]


@click.command(cls=ScanCommand, params=PARAMETERS, short_help="Judge model files: what is wrong with them, and why.")
@click.pass_context
def command(context: click.Context, /, **arguments: Unpack[ScanArguments]) -> int:
    """Judge model files: TARGETs are files, directories, or addresses such as
    s3://bucket or hf://org/name; `-` reads them from standard input.

    Exit code: 0 nothing found, 1 findings at or above --fail-on, 2 something could not be examined or the scan failed.

    \b
    Examples:
      modelsweep scan model.pt
      modelsweep scan models/ -f sarif=out.sarif -f json=out.json
      git diff --name-only -z --diff-filter=d main | modelsweep scan -
      modelsweep scan models/ --allow-import 'acme.*' --fail-on critical
    """
    return scan(arguments, context.obj or ())
