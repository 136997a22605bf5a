"""`modelsweep jobs`: the jobs of a fleet, newest first."""

from __future__ import annotations

import json
import time

import click

from modelsweep.cli.fleet_options import broker_option, reached, store_option
from modelsweep.cli.job_progress import line_of, numbers_of
from modelsweep.cli.options import option
from modelsweep.cli.terminal import write_line


@click.command(
    params=[broker_option(), store_option(), option("--json", "as_json", is_flag=True, help="Print JSON.")],
    short_help="List the jobs of a fleet.",
)
def command(broker: str | None, store: str | None, as_json: bool) -> int:
    """List the jobs that the fleet knows, newest first; ended ones are forgotten after a week."""
    with reached(broker, store) as fleet:
        from modelsweep.fleet.answers import UnknownJob

        for job, created in reversed(fleet.jobs()):
            try:
                progress = fleet.ledger(job).progress()
            except UnknownJob:  # it expired meanwhile
                continue
            if as_json:
                write_line(json.dumps({"job": job, "created": created, **numbers_of(progress)}))
                continue
            when = time.strftime("%Y-%m-%d %H:%M", time.localtime(created))
            write_line(f"{job}  {when}  {progress.state:10}  {line_of(progress)}")
    return 0
