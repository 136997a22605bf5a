"""`modelsweep report`: the reports of a job that has ended, in any format."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypedDict, Unpack

import click

from modelsweep.cli.arguments import Tolerance
from modelsweep.cli.fleet_options import broker_option, job_argument, reached, store_option
from modelsweep.cli.options import GATE, OUTPUT
from modelsweep.cli.outputs import outputs_of, view_of
from modelsweep.cli.scanning import FAILED, tagged, threshold_gate, write_reports
from modelsweep.core.report import Report

_NOT_HERE = frozenset({"progress", "share", "quiet"})
PARAMETERS: list[click.Parameter] = [
    job_argument(),
    broker_option(),
    store_option(),
    *(option for option in (*OUTPUT, *GATE) if option.name not in _NOT_HERE),
]


class ReportArguments(TypedDict):
    """What click hands to commands that report of stored results."""

    job: str
    broker: str | None
    store: str | None
    formats: tuple[str, ...]
    outputs: tuple[str, ...]
    sbom: str | None
    verbose: bool
    write_back: bool
    alias: str
    fail_on: str
    strict: bool
    tolerated: Tolerance


@click.command(params=PARAMETERS, short_help="Write the reports of a job that has ended.")
def command(**arguments: Unpack[ReportArguments]) -> int:
    """Write the reports of JOB from its results, in any format; no model is read again.

    Exit code: 0 nothing found, 1 findings at or above --fail-on, 2 something could not be examined.
    """
    write = writing(arguments)
    with reached(arguments["broker"], arguments["store"]) as fleet:
        return write(fleet.report(arguments["job"]))


def writing(arguments: ReportArguments) -> Callable[[Report], int]:
    """Return what writes a report as the options say and returns the exit code; mistakes in them are raised now."""
    places = outputs_of(arguments["formats"], arguments["outputs"], arguments["sbom"])
    gate = threshold_gate(arguments["fail_on"], arguments["strict"], arguments["tolerated"])
    view = view_of(gate, verbose=arguments["verbose"])

    def write(report: Report) -> int:
        code = gate.exit_code(report)
        written = write_reports(report, places, view)
        if arguments["write_back"]:
            written &= tagged(report, arguments["alias"])
        return code if written or code else FAILED

    return write
