"""`modelsweep cancel`: stop a job where it is."""

from __future__ import annotations

import click

from modelsweep.cli.fleet_options import broker_option, job_argument, reached, store_option
from modelsweep.cli.terminal import say


@click.command(params=[job_argument(), broker_option(), store_option()], short_help="Stop a job.")
def command(job: str, broker: str | None, store: str | None) -> int:
    """Stop JOB: workers drop its files within seconds, and read nothing more of it."""
    with reached(broker, store) as fleet:
        status = fleet.cancel(job)
        said = {"cancelled": "cancelled", "already": "was cancelled before", "finished": "has ended: nothing to cancel"}
        say(f"job {job} {said[status]}")
    return 0 if status == "cancelled" else 2
