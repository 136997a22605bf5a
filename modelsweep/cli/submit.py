"""`modelsweep submit`: the same job as `audit`, without waiting for it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Unpack

import click

from modelsweep.cli.audit import PARAMETERS, AuditArguments, FleetCommand, spec_of
from modelsweep.cli.called import called_as
from modelsweep.cli.fleet_options import reached
from modelsweep.cli.options import option
from modelsweep.cli.outputs import Output
from modelsweep.cli.targets import gather
from modelsweep.cli.terminal import Interrupted, say, write_line
from modelsweep.core.units import counted

if TYPE_CHECKING:
    from producer.submit import Producer


class SubmitArguments(AuditArguments):
    """What click hands to `submit`."""

    resume: str | None


_NOT_HERE = frozenset(
    {
        "outputs",
        "sbom",
        "quiet",
        "verbose",
        "progress",
        "notify",
        "share",
        "write_back",
        "alias",
        "fail_on",
        "baselines",
        "strict",
        "tolerated",
    }
)
"""Options of `audit` that shape what it writes when the job ends."""


@click.command(
    cls=FleetCommand,
    params=[
        *(parameter for parameter in PARAMETERS if parameter.name not in _NOT_HERE),
        option("--resume", metavar="JOB", help="Go on listing a job whose producer died."),
    ],
    short_help="Queue a job and print its id.",
)
@click.pass_context
def command(context: click.Context, /, **arguments: Unpack[SubmitArguments]) -> int:
    """Queue TARGETs for a fleet, and print the id of the job; `report` writes its reports.

    \b
    Examples:
      modelsweep submit /mnt/models --broker redis://10.0.0.5:6379/0
      modelsweep submit --resume k3tz-8qwe-f2mn
    """
    with reached(arguments["broker"], arguments["store"]) as fleet:
        if arguments["resume"]:
            spec = fleet.spec(arguments["resume"])
            if (state := fleet.ledger(spec.id).progress().state) != "listing":
                write_line(spec.id)
                say(f"job {spec.id}: nothing to resume, its listing is over ({state})")
                return 0
            producer = fleet.producer(spec)
        else:
            targets = gather(arguments["targets"], arguments["targets_from"])
            outputs = [Output(name.partition("=")[0]) for name in arguments["formats"]]
            spec = spec_of(arguments, targets, context.obj or (), outputs)
            producer = fleet.producer(spec)
            producer.create()
        write_line(spec.id)
        sys.stdout.flush()
        _list(producer, spec.id)
        progress = fleet.ledger(spec.id).progress()
        files = counted(progress.units, "file")
        say(f"job {spec.id}: {files} queued; `{called_as()} status {spec.id}` says how far it is")
    return 0


def _list(producer: Producer, job: str) -> None:
    """List all of a job; where that is interrupted, say what becomes of it."""
    try:
        producer.run()
    except KeyboardInterrupt:
        raise Interrupted(
            f"interrupted: job {job} is listed in part, and what is listed is examined; "
            f"`{called_as()} submit --resume {job}` goes on, `{called_as()} cancel {job}` stops it"
        ) from None
