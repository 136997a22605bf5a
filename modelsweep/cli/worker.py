"""`modelsweep worker`: examine what the queues of a fleet ask for, until told to stop."""

from __future__ import annotations

import os
import sys

import click

from modelsweep.cli.fleet_options import broker_option, explained, store_option
from modelsweep.cli.options import option, politeness_options, several
from modelsweep.cli.parameters import count, seconds, size
from sources.opening import ANYWHERE
from sources.source import scheme_of
from worker.backends import CHOICES, NUMPY, VARIABLE

SCANS = "interactive, cpu, cpu.large, gpu, isolated"
PARAMETERS: list[click.Parameter] = [
    broker_option(),
    store_option(),
    option(
        "--queues",
        default="interactive,cpu,cpu.large,isolated,control",
        metavar="NAME,...",
        help=f"Queues to serve: {SCANS}, and control for reports [all but gpu].",
    ),
    option("-c", "--concurrency", type=count, metavar="N", help="Simultaneous tasks [one per processor]."),
    several("--root", "roots", metavar="DIR|URL", help="Read only what is below this. Repeatable."),
    option("--memory", type=size, default="2GB", metavar="SIZE", help="Memory limit of each sandboxed process [2GB]."),
    option(
        "--cache",
        metavar="URI",
        envvar="MODELSWEEP_CACHE",
        help="Cache of earlier jobs: a Redis, a folder, or off [$MODELSWEEP_CACHE, else the broker].",
    ),
    option(
        "--arrays",
        type=click.Choice(CHOICES),
        default=NUMPY,
        envvar=VARIABLE,
        help=f"Array library for weights in the queue gpu; auto finds a GPU [${VARIABLE}, else {NUMPY}].",
    ),
    option(
        "--lease",
        type=seconds,
        default="60",
        metavar="SECONDS",
        help="Time after which silent workers are given up [60].",
    ),
    option(
        "--grace",
        type=seconds,
        default="60",
        metavar="SECONDS",
        help="Time to finish the current tasks when stopped [60].",
    ),
    *politeness_options(),
    option("--log-level", metavar="LEVEL", default="", help="debug, info, warning or error [info]."),
    option("--with-parent", is_flag=True, hidden=True, help="End with the process at standard input."),
]


@click.command(params=PARAMETERS, short_help="Serve the queues of a fleet.")
def command(  # noqa: PLR0913 - one for each option
    broker: str | None,
    store: str | None,
    queues: str,
    concurrency: int | None,
    roots: tuple[str, ...],
    memory: int,
    cache: str | None,
    arrays: str,
    lease: float,
    grace: float,
    log_level: str,
    with_parent: bool,
) -> int:
    """Work on the queues of a fleet, until SIGTERM.

    MODELSWEEP_KEY holds the key that producers sign with. A worker reads only below its own --root folders and
    addresses, whatever a job asks for. On SIGTERM, it finishes its current tasks within --grace seconds, or gives them
    back.
    """
    if not broker:
        raise click.UsageError("which fleet? Name its broker: --broker URL, or set MODELSWEEP_BROKER_URL")
    if not roots:
        raise click.UsageError("a worker reads only what it is allowed to: name folders or addresses with --root")
    for root in roots:
        if not (scheme_of(root) or root == ANYWHERE or os.path.exists(root)):
            raise click.UsageError(f"--root {root!r}: no such folder: is it mounted on this machine?")
    with explained():
        from modelsweep.cache.opening import OFF
        from modelsweep.fleet.logs import UnknownLevel, configure
        from modelsweep.fleet.messages import QUEUES
        from modelsweep.fleet.signature import Key
        from worker.cpus import default_jobs
        from worker.fleet import run
        from worker.node import WorkerSettings

        named = tuple(name if name in QUEUES else f"scan.{name}" for name in queues.replace(",", " ").split())
        if unknown := [name.removeprefix("scan.") for name in named if name not in QUEUES]:
            raise click.UsageError(f"no queue {unknown[0]!r}: there are {SCANS} and control")
        try:
            configure(log_level, sys.stderr)
        except UnknownLevel as error:
            raise click.UsageError(str(error)) from error
        key = Key.from_environment()
        os.environ.pop("MODELSWEEP_KEY", None)  # children have an environment of their own; nobody else needs it
        settings = WorkerSettings(
            broker,
            store or broker,
            named,
            concurrency or default_jobs(),
            roots,
            lease,
            memory,
            "" if cache == OFF else cache or broker,
            _backend(arrays),
            is_private=with_parent,
        )
        return run(settings, key, grace=grace, with_parent=with_parent)


def _backend(wanted: str) -> str:
    """Return what weights are computed with; raises UsageError where what was named does not work."""
    from modelsweep.fleet.logs import logger
    from worker.backends import BackendFault, usable

    try:
        backend = usable(wanted)
    except BackendFault as fault:
        raise click.UsageError(str(fault)) from fault
    if wanted != NUMPY:
        logger("modelsweep.worker").info("weights", arrays=backend)
    return backend
