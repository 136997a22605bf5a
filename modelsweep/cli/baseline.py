"""`modelsweep baseline`: what is found today, as a file of what fails no scan tomorrow."""

from __future__ import annotations

import os
import sys
from typing import ClassVar, TypedDict, Unpack, cast

import click

from modelsweep.api import SandboxFailed, scan_job
from modelsweep.cli.arguments import ScanArguments, Tolerance
from modelsweep.cli.baseline_file import SAID, day, entries_of, written
from modelsweep.cli.log_lines import without_commands
from modelsweep.cli.options import GATE, HOW, WHAT, ScanCommand, option
from modelsweep.cli.outputs import STDOUT, replacing
from modelsweep.cli.scanning import job_of, threshold_gate
from modelsweep.cli.targets import gather
from modelsweep.cli.terminal import say
from modelsweep.core.units import counted

_NOT_HERE = frozenset({"dry_run", "list_scanners", "depth"})
"""Options of `scan` that write no baseline: without the SHA-256 of a file nothing of it can be accepted."""
WRITTEN = (
    option("-o", "--output", metavar="FILE", required=True, help="Write here; keep what people added to the file."),
    *(choice for choice in GATE if choice.name == "fail_on"),
    option("--until", type=day, metavar="DAY", help="The last day on which this is accepted: 2027-06-30."),
    option("--reason", metavar="TEXT", help="Why it is accepted."),
    option("--owner", metavar="TEXT", help="Who is responsible."),
)
PARAMETERS: list[click.Parameter] = [
    click.Argument(["targets"], nargs=-1, metavar="TARGET..."),
    *(choice for choice in (*WHAT, *HOW) if choice.name not in _NOT_HERE),
    *WRITTEN,
]


class BaselineCommand(ScanCommand):
    """The command, whose help has headings of its own."""

    sections: ClassVar[dict[str, tuple[click.Option, ...]]] = {
        "What to scan": WHAT,
        "How to look": HOW,
        "What to write": WRITTEN,
    }


class BaselineArguments(TypedDict):
    """What click hands to `baseline`, besides what `scan` gets."""

    targets: tuple[str, ...]
    targets_from: str | None
    fail_on: str
    output: str
    until: str | None
    reason: str | None
    owner: str | None


@click.command(
    cls=BaselineCommand, params=PARAMETERS, short_help="Accept present findings, so that later scans do not fail."
)
def command(**arguments: Unpack[BaselineArguments]) -> int:
    """Scan TARGETs, and write the findings that would fail the scan to a file: `scan --baseline FILE` still shows
    them, but fails only for others. A finding is accepted only in exactly the bytes that it was found in. Review the
    file, and add a reason, an owner and a last day (until) to its entries.

    \b
    Examples:
      modelsweep baseline models/ -o baseline.json --until 2027-06-30 --owner platform
      modelsweep scan models/ --baseline baseline.json
    """
    output = arguments["output"]
    before = entries_of(output) if output != STDOUT and os.path.exists(output) else {}
    job = job_of(cast(ScanArguments, {**arguments, "depth": "full"}))
    try:
        report = scan_job(gather(arguments["targets"], arguments["targets_from"]), job, say=say)
    except SandboxFailed as error:
        raise click.ClickException(str(error)) from error
    gate = threshold_gate(arguments["fail_on"], strict=False, tolerated=Tolerance())
    said = {name: text for name in SAID if (text := arguments[name])}  # type: ignore[literal-required]
    text = written(report, gate, said, before)
    if output == STDOUT:
        sys.stdout.write(without_commands(text, ".json"))
    else:
        with replacing(output) as stream:
            stream.write(text)
    accepted = text.count('"fingerprint"')
    where = "" if output == STDOUT else f"{output}: "
    say(f"{where}{counted(accepted, 'finding')} of {counted(report.totals.files, 'file')}")
    if gate.incomplete(report):
        say("not everything could be examined: `modelsweep scan` says what is missing here")
        return 2
    return 0
