"""`modelsweep scan`: judge files, directories and URLs now, on this machine."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, TextIO, Unpack, cast

import click

from modelsweep.cli.options import SECTIONS, ScanArguments, ScanCommand, removed_options
from modelsweep.cli.outputs import STDOUT, Output, outputs_of, replacing
from modelsweep.cli.profiles import PROFILES
from modelsweep.cli.selection import choose
from modelsweep.cli.sharing import share_directory, shared_name
from modelsweep.cli.targets import gather
from modelsweep.cli.terminal import discard_stdout, is_interactive, say, wants_colour
from modelsweep.core.finding import Severity
from modelsweep.core.options import Depth, Options
from modelsweep.core.report import Gate, Report

if TYPE_CHECKING:
    from modelsweep.cli.progress import Tally
    from producer.plan import Selection
    from reporting.writer import View

FAILED = 2
PARAMETERS = [
    click.Argument(["targets"], nargs=-1, metavar="TARGET..."),
    *(option for options in SECTIONS.values() for option in options),
    *removed_options(),
]


@click.command(cls=ScanCommand, params=cast(list[click.Parameter], PARAMETERS))
def command(**arguments: Unpack[ScanArguments]) -> int:
    """Judge model files: TARGETs are files, directories and URLs; `-` reads their names from standard input.

    Exit code: 0 nothing found, 1 findings at or above --fail-on, 2 something could not be examined or the scan failed.

    \b
    Examples:
      modelsweep scan model.pt
      modelsweep scan models/ -f sarif=out.sarif -f json=out.json
      git diff --name-only -z main | modelsweep scan -
      modelsweep scan models/ --allow-import 'acme.*' --fail-on critical
    """
    if arguments["list_scanners"]:
        from modelsweep.cli.listing import list_scanners

        list_scanners(arguments["plugins"])
        return 0
    if arguments["verbose"] and arguments["quiet"]:
        raise click.UsageError("--verbose and --quiet contradict each other")
    options, selection, gate = _options(arguments), _selection(arguments), _gate(arguments)
    if arguments["dry_run"]:
        from modelsweep.cli.dry_run import show_plan

        show_plan(gather(arguments["targets"], arguments["targets_from"]), selection, arguments["formats"] == ("json",))
        return 0
    ...
    return 0


def _options(arguments: ScanArguments) -> Options:
    """Return how every file is examined; raises BadParameter and UsageError for scanners that there are not."""
    profile = next(profile for profile in PROFILES if profile.name == arguments["profile"])
    return Options(
        depth=cast(Depth, arguments["depth"] or profile.depth),
        scanners=choose(profile, arguments["included"], arguments["excluded"], arguments["plugins"]),
        allow_imports=arguments["allowed"],
        blacklist=arguments["blacklist"],
        plugins=arguments["plugins"],
        timeout=arguments["timeout"],
    )


def _selection(arguments: ScanArguments) -> Selection:
    from producer.plan import Selection

    return Selection(arguments["max_file_size"], arguments["max_total_size"])


def _gate(arguments: ScanArguments) -> Gate:
    threshold = Severity[arguments["fail_on"].upper()]
    if arguments["strict"]:
        threshold = min(threshold, Severity.WARNING)
    return Gate(threshold, arguments["strict"], arguments["tolerated"].count, arguments["tolerated"].percent)
