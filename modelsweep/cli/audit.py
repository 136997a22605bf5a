"""`modelsweep audit`: the fleet's job from listing to reports; without a broker, on this machine alone."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, ClassVar, Unpack

import click

from modelsweep.cli.arguments import ScanArguments
from modelsweep.cli.fleet_options import broker_option, chunk_option, explained, reached, store_option
from modelsweep.cli.job_progress import watched
from modelsweep.cli.notification import handover_of
from modelsweep.cli.options import SECTIONS, ScanCommand, option, removed_options
from modelsweep.cli.outputs import Output, outputs_of
from modelsweep.cli.scanning import (
    conclude,
    gate_of,
    job_of,
    refuse_contradictions,
    refuse_tagging_nothing,
    show_plan_of,
    shown_words,
    shows_bar,
    spare,
)
from modelsweep.cli.targets import gather
from modelsweep.cli.terminal import Interrupted, say
from modelsweep.core.values import replace
from sources.source import scheme_of

if TYPE_CHECKING:
    from modelsweep.fleet.job import JobSpec
    from modelsweep.jobs import Fleet, Watch
    from producer.submit import Producer

Failed = Callable[[], BaseException | None]
FLEET = (
    broker_option(),
    store_option(),
    chunk_option(),
    option("--gpu", is_flag=True, help="Examine large weights on workers with a GPU, if there are any."),
)


class AuditArguments(ScanArguments):
    """What click hands to `audit` and `submit`."""

    broker: str | None
    store: str | None
    chunk_files: int
    gpu: bool


class FleetCommand(ScanCommand):
    """A command with the options of `scan`, and those of a fleet."""

    sections: ClassVar[dict[str, tuple[click.Option, ...]]] = {**SECTIONS, "Where": FLEET}


PARAMETERS: list[click.Parameter] = [
    click.Argument(["targets"], nargs=-1, metavar="TARGET..."),
    *(option for options in FleetCommand.sections.values() for option in options),
    *removed_options(),
]


@click.command(cls=FleetCommand, params=PARAMETERS, short_help="Judge whole collections, with many workers.")
@click.pass_context
def command(context: click.Context, /, **arguments: Unpack[AuditArguments]) -> int:
    """Judge model files with many workers: list TARGETs, queue them, examine them, and write reports at the end.

    With --broker, that fleet's workers do the work. Without it, a private Redis and private workers do the same here,
    and leave nothing behind. Nothing is lost when a worker or this machine dies: `modelsweep jobs` shows the
    job, and `modelsweep submit --resume JOB` goes on listing.

    Exit code: 0 nothing found, 1 findings at or above --fail-on, 2 something could not be examined or the job failed.

    \b
    Examples:
      modelsweep audit models/ -f sarif=out.sarif --sbom bom.json
      modelsweep audit /mnt/models --broker redis://10.0.0.5:6379/0 --store /mnt/store
    """
    if arguments["list_scanners"]:
        from modelsweep.cli.listing import list_scanners

        list_scanners(arguments["plugins"])
        return 0
    refuse_contradictions(arguments)
    job = job_of(arguments)
    if arguments["dry_run"]:
        show_plan_of(arguments, job.selection)
        return 0
    targets = gather(arguments["targets"], arguments["targets_from"])
    refuse_tagging_nothing(targets, arguments["write_back"])
    outputs = outputs_of(arguments["formats"], arguments["outputs"], arguments["sbom"])
    handover = handover_of(arguments)
    spare(targets, outputs, arguments["attachments"])
    gate = gate_of(arguments)
    with explained(), _fleet(arguments) as (fleet, failed):
        spec = spec_of(arguments, targets, context.obj or (), outputs)
        with watched(fleet, spec.id, shows_bar(arguments)) as watch:
            _run(fleet, spec, watch, failed)
        return conclude(fleet.report(spec.id), arguments, outputs, handover, gate)


def spec_of(
    arguments: AuditArguments, targets: Sequence[str], command_line: Sequence[str], outputs: Sequence[Output]
) -> JobSpec:
    """Return what is submitted; local targets of another machine's broker are named in full."""
    from modelsweep.fleet.job import REPORTS, JobSpec, new_id

    job = job_of(arguments)
    from sources.opening import canonical

    named = tuple(
        os.path.abspath(name) if arguments["broker"] and not scheme_of(name) else canonical(name) for name in targets
    )
    # What is asked for here is written here; a fleet keeps reports for whoever comes later
    formats = dict.fromkeys((*REPORTS, *(output.format for output in outputs))) if arguments["broker"] else ()
    return JobSpec(
        id=new_id(),
        targets=named,
        options=job.options,
        selection=job.selection,
        reuse=job.reuse,
        reports=tuple(formats),
        arguments=tuple(shown_words(command_line)),
        created=time.time(),
        chunk_files=arguments["chunk_files"],
        gpu=arguments["gpu"] and bool(arguments["broker"]),
        root=os.getcwd(),
        attachments=tuple(
            replace(attachment, path=os.path.abspath(attachment.path)) if arguments["broker"] else attachment
            for attachment in arguments.get("attachments", ())
        ),
    )


@contextmanager
def _fleet(arguments: AuditArguments) -> Iterator[tuple[Fleet, Failed]]:
    """Yield the fleet that does the job, and what tells that it cannot go on."""
    if arguments["broker"]:
        with reached(arguments["broker"], arguments["store"]) as fleet:
            yield fleet, lambda: None
        return
    if arguments["store"]:
        (store,) = shown_words([arguments["store"]])
        say(f"without a broker the store {store} is not used: --broker URL says where the fleet is")
    from modelsweep.private_fleet import PrivateFleet
    from worker.cpus import default_jobs

    with PrivateFleet(arguments["jobs"] or default_jobs()) as private:
        yield private.fleet, private.failed


def _run(fleet: Fleet, spec: JobSpec, watch: Watch, failed: Failed) -> None:
    """Submit a job and wait until it has its reports; one that is interrupted is cancelled."""
    producer = fleet.producer(spec, stop := threading.Event())
    producer.create()
    listing = _Listing(producer)
    listing.start()
    try:
        progress = fleet.wait(spec.id, watch, lambda: listing.failed or failed())
        if progress.state == "cancelled":
            raise click.ClickException(f"job {spec.id} was cancelled by another user")
    except KeyboardInterrupt:
        stop.set()
        fleet.cancel(spec.id)
        progress = fleet.ledger(spec.id).progress()
        raise Interrupted(
            f"interrupted after {progress.units_done:,} of {progress.units:,} files: job {spec.id} is cancelled"
        ) from None
    finally:
        stop.set()
        listing.join()


class _Listing(threading.Thread):
    """The producer, beside whoever watches the job."""

    def __init__(self, producer: Producer) -> None:
        super().__init__(name="producer")
        self._producer = producer
        self.failed: BaseException | None = None

    def run(self) -> None:
        """List, and keep what went wrong for the one who waits."""
        try:
            self._producer.run()
            self._producer.attend()
        except Exception as error:  # noqa: BLE001 - raised again in the main thread
            self.failed = error
