"""`modelsweep retry`: examine again what could not be examined."""

from __future__ import annotations

import click

from modelsweep.cli.fleet_options import broker_option, job_argument, reached, store_option
from modelsweep.cli.terminal import say


@click.command(params=[job_argument(), broker_option(), store_option()], short_help="Try again what failed.")
def command(job: str, broker: str | None, store: str | None) -> int:
    """Examine again the files of JOB that could not be read, took too long or crashed; then report again."""
    with reached(broker, store) as fleet:
        retried = fleet.retry(job)
        count = len(retried.again)
        said = {
            "again": f"{count:,} task{'' if count == 1 else 's'} queued again",
            "nothing": "nothing of it is worth another try",
            "running": "has not ended yet",
            "cancelled": "was cancelled: submit it anew",
        }
        say(f"job {job}: {said[retried.status]}")
    return 0 if retried.status in ("again", "nothing") else 2
