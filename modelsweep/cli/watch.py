"""`modelsweep watch`: examine what is new in buckets and registries when it comes."""

from __future__ import annotations

import os
import re
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, TextIO, Unpack, cast

import click

from modelsweep.cli.audit import PARAMETERS, AuditArguments, FleetCommand, spec_of
from modelsweep.cli.fleet_options import reached
from modelsweep.cli.notification import Handover, handover_of
from modelsweep.cli.options import option
from modelsweep.cli.outputs import Output
from modelsweep.cli.parameters import interval
from modelsweep.cli.scanning import (
    FAILED,
    gate_of,
    job_of,
    refuse_alias_alone,
    refuse_tagging_nothing,
    shown_words,
    tagged,
)
from modelsweep.cli.sharing import shared_report
from modelsweep.cli.targets import gather
from modelsweep.cli.terminal import say, write_line

if TYPE_CHECKING:
    from modelsweep.core.report import Report
    from modelsweep.jobs import Fleet
    from modelsweep.watching.receiver import Receiver
    from modelsweep.watching.watcher import Examine
    from producer.submit import Producer

SECRET = "MODELSWEEP_WEBHOOK_SECRET"  # noqa: S105 - a name
_ADDRESS = re.compile(r"(?:\[(?P<v6>[0-9a-fA-F:]+)\]|(?P<host>[\w.-]*)):(?P<port>\d{1,5})")
_NOT_HERE = frozenset(
    {"outputs", "sbom", "quiet", "verbose", "progress", "dry_run", "list_scanners", "formats", "attachments"}
)
WATCHING = (
    option("--every", type=interval, default="600", metavar="SECONDS", help="Between two listings; 0: none [600]."),
    option("--once", is_flag=True, help="List once, examine what is new, and end."),
    option("--webhook", metavar="HOST:PORT", help=f"Also take notifications there; their secret is in ${SECRET}."),
    option("--state", metavar="FILE", help="What was examined already [below $XDG_STATE_HOME]."),
)


class WatchArguments(AuditArguments):
    """What click hands to `watch`."""

    every: float
    once: bool
    webhook: str | None
    state: str | None


class WatchCommand(FleetCommand):
    """A command with those options of `audit` that fit, and its own."""

    sections: ClassVar[dict[str, tuple[click.Option, ...]]] = {**FleetCommand.sections, "When to look": WATCHING}


@click.command(
    cls=WatchCommand,
    params=[*(parameter for parameter in PARAMETERS if parameter.name not in _NOT_HERE), *WATCHING],
    short_help="Examine new and changed files as they appear.",
)
@click.pass_context
def command(context: click.Context, /, **arguments: Unpack[WatchArguments]) -> int:
    """List TARGETs repeatedly, and examine what is new or has changed, until SIGTERM or Control-C.

    With --broker, each batch is a job of the fleet; without it, files are examined here. --webhook accepts
    notifications from MLflow (signed), S3, EventBridge and Pub/Sub (Authorization: Bearer SECRET), for what is below
    the TARGETs only.

    Exit code: that of `scan` with --once, where no broker is named; else 0.

    \b
    Examples:
      modelsweep watch s3://models --broker redis://10.0.0.5:6379/0
      modelsweep watch 'models:/*' --every 0 --webhook 127.0.0.1:8090 --write-back
    """
    from modelsweep.watching.seen import Seen
    from modelsweep.watching.watcher import Watcher
    from sources.opening import canonical

    if not (arguments["every"] or arguments["webhook"] or arguments["once"]):
        raise click.UsageError("--every 0 finds nothing by itself: use it with --webhook")
    refuse_alias_alone(arguments["alias"], arguments["write_back"])
    targets = tuple(map(canonical, gather(arguments["targets"], arguments["targets_from"])))
    refuse_tagging_nothing(targets, arguments["write_back"])
    state = arguments["state"] or _default_state()
    codes = set[int]()
    with ExitStack() as stack:
        stop = stack.enter_context(_stopped_by_signals())
        examine = stack.enter_context(_examining(arguments, context.obj or (), stop, codes))
        receiver = stack.enter_context(_receiver(arguments, targets))
        seen = stack.enter_context(closing(Seen(state)))
        watcher = Watcher(targets, job_of(arguments).selection, seen, examine, say)
        if arguments["once"]:
            say(f"{watcher.look():,} new")
        else:
            watcher.run(arguments["every"], receiver, stop)
            return 0  # it was told to stop, and has said what it found
    return 1 if 1 in codes else FAILED if codes - {0} or watcher.faults else 0


def _default_state() -> str:
    home = os.environ.get("XDG_STATE_HOME") or os.path.join(os.path.expanduser("~"), ".local", "state")
    return os.path.join(home, "modelsweep", "watch.sqlite")


@contextmanager
def _stopped_by_signals() -> Iterator[threading.Event]:
    """Yield what SIGTERM and Control-C set while the block runs."""
    stop = threading.Event()
    before = {number: signal.signal(number, lambda *_: stop.set()) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _receiver(arguments: WatchArguments, targets: Sequence[str]) -> Iterator[Receiver | None]:
    """Yield what takes notifications in, None where none are wanted."""
    if not arguments["webhook"]:
        yield None
        return
    from modelsweep.watching.events import Gate
    from modelsweep.watching.receiver import Receiver
    from sources.opening import above, plain

    address, secret = _ADDRESS.fullmatch(arguments["webhook"]), os.environ.get(SECRET, "")
    if not address:
        raise click.UsageError(
            f"--webhook {arguments['webhook']!r}: not an address like HOST:PORT, such as 127.0.0.1:8090"
        )
    if len(secret) < 16:
        raise click.UsageError(f"--webhook: set {SECRET} to a secret of at least 16 characters")
    watched = frozenset(map(plain, targets))
    host = address["v6"] or address["host"] or "127.0.0.1"

    def is_watched(uri: str) -> bool:
        return not watched.isdisjoint(above(uri))

    try:
        receiver = Receiver(host, int(address["port"]), Gate(secret), is_watched, say)
    except (OSError, OverflowError) as error:
        raise click.ClickException(f"--webhook {arguments['webhook']}: {error}") from error
    try:
        say(f"taking notifications at {receiver.address}")
        yield receiver
    finally:
        receiver.close()


@contextmanager
def _examining(
    arguments: WatchArguments, command_line: Sequence[str], stop: threading.Event, codes: set[int]
) -> Iterator[Examine]:
    """Yield what examines a batch of addresses, a fleet or this machine; the exit codes of reports go to `codes`."""
    from modelsweep.fleet.answers import JobState

    handover = handover_of(arguments)
    finish = _finisher(arguments, handover, codes)
    if not arguments["broker"]:
        yield lambda targets, _key: finish(_scanned(arguments, targets, command_line))
        return
    with reached(arguments["broker"], arguments["store"]) as fleet:

        def submit(targets: Sequence[str], key: str) -> None:
            producer = _producer(fleet, arguments, targets, key, command_line, stop)
            if fleet.ledger(key).progress().state is JobState.LISTING:
                producer.run()
                if fleet.ledger(key).progress().state is JobState.LISTING:
                    raise click.ClickException(
                        f"stopped while job {key} was being submitted: the next start resumes it"
                    )
            write_line(key)
            if handover.shared or arguments["notify"] or arguments["write_back"]:
                fleet.wait(key, lambda _progress: None)
                finish(fleet.report(key))

        yield submit


def _producer(
    fleet: Fleet,
    arguments: WatchArguments,
    targets: Sequence[str],
    key: str,
    command_line: Sequence[str],
    stop: threading.Event,
) -> Producer:
    """Return the producer of the job of a batch, which an earlier watcher that died may have created."""
    from modelsweep.fleet.answers import UnknownJob

    try:
        return fleet.producer(fleet.spec(key), stop)
    except UnknownJob:
        spec = replace(spec_of(arguments, targets, command_line, [Output("json")]), id=key)
        producer = fleet.producer(spec, stop)
        producer.create()
        return producer


def _scanned(arguments: WatchArguments, targets: Sequence[str], command_line: Sequence[str]) -> Report:
    from modelsweep.api import SandboxFailed, scan_job

    try:
        return scan_job(targets, job_of(arguments), None, shown_words(command_line))
    except SandboxFailed as error:
        raise click.ClickException(str(error)) from error


def _finisher(arguments: WatchArguments, handover: Handover, codes: set[int]) -> Callable[[Report], None]:
    """Return what is done with the report of a batch: said, and shared, told or written back if asked."""
    import sys

    from modelsweep.cli.log_lines import Log
    from modelsweep.cli.outputs import view_of, write_file
    from reporting import WRITERS

    writers = {writer.name: writer for writer in WRITERS}

    def finish(report: Report) -> None:
        gate = gate_of(arguments)
        codes.add(gate.exit_code(report))
        view = view_of(gate)
        writers["text"].write(report, cast(TextIO, Log(sys.stdout, "")), view)
        sys.stdout.flush()
        if handover.shared:
            write_file(writers["json"], report, shared_report(handover.shared, report), view)
        if arguments["write_back"]:
            tagged(report, arguments["alias"])
        handover.notify(report, gate.exit_code(report), view)

    return finish
