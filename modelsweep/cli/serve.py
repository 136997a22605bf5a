"""`modelsweep serve`: the dashboard of a fleet."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, cast

import click

from modelsweep.cli.audit import AuditArguments, Failed, spec_of
from modelsweep.cli.called import called_as
from modelsweep.cli.fleet_options import broker_option, explained, reached, store_option
from modelsweep.cli.options import HOW, WHAT, option, several
from modelsweep.cli.outputs import NAMES
from modelsweep.cli.parameters import count
from modelsweep.cli.sharing import DIRECTORY
from modelsweep.cli.terminal import say
from modelsweep.core.installing import how_to_install
from modelsweep.core.reader import SourceFault
from sources.opening import canonical, inside
from sources.source import DVC_SUFFIX, scheme_of

if TYPE_CHECKING:
    from modelsweep.dashboard.access import Access
    from modelsweep.dashboard.setup import Field, Setup
    from modelsweep.dashboard.site import Board
    from modelsweep.fleet.job import JobSpec
    from modelsweep.jobs import Fleet

LOOK = 2.0
"""Seconds between two looks whether a private fleet still works."""
OFFERED = (
    "profile",
    "depth",
    "included",
    "excluded",
    "blacklist",
    "allowed",
    "include",
    "exclude",
    "max_file_size",
    "max_total_size",
    "timeout",
    "newest_first",
    "no_cache",
)
"""Options of `submit` that may be set in the browser: none of them opens a file of this machine."""


@click.command(
    params=[
        broker_option(),
        store_option(),
        option("--address", default="127.0.0.1", metavar="ADDRESS", help="Address to listen on [127.0.0.1]."),
        option("--port", type=int, default=8420, metavar="PORT", help="Port; 0 takes any free one [8420]."),
        several("--root", "roots", metavar="DIR|URL", help="Allow scans of what is below this. Repeatable."),
        option(
            "--shared",
            metavar="DIR",
            envvar=DIRECTORY,
            help=f"Also show the reports that --share left in this folder [${DIRECTORY}].",
        ),
        option("-j", "--jobs", type=count, metavar="N", help="Without a broker: files scanned at a time."),
    ],
    short_help="Show a fleet in the browser, and start scans.",
)
def command(
    broker: str | None,
    store: str | None,
    address: str,
    port: int,
    roots: tuple[str, ...],
    shared: str | None,
    jobs: int | None,
) -> int:
    """Show the jobs of a fleet in the browser: their progress, findings and reports; until SIGTERM.

    Without a broker, a private Redis and workers are started, and files below the working directory can be scanned;
    with one, only what is below --root. To serve other machines, set a token in MODELSWEEP_DASHBOARD_TOKEN, and put a
    proxy with TLS in front.

    \b
    Examples:
      modelsweep serve
      modelsweep serve --broker redis://10.0.0.5:6379/0 --store /mnt/modelsweep --root /mnt/models
    """
    if shared and not os.path.isdir(shared):
        raise click.UsageError(f"--shared {shared!r}: no such folder")
    access = _access(address)
    with explained(), _fleet(broker, store, jobs) as (fleet, failed):
        from modelsweep.dashboard.site import Board

        setup = setup_of(fleet, roots or (() if broker else (os.getcwd(),)))
        board = Board(fleet, setup, os.path.abspath(shared) if shared else "")
        cut_short = _serve(board, access, (address, port), failed)
        for job in cut_short if broker else ():  # the jobs of a private fleet end with it
            say(f"the listing of job {job} is incomplete: `{called_as()} submit --resume {job}` resumes it")
    return 0


def _access(address: str) -> Access:
    """Return who may see the pages; raises UsageError where everybody would."""
    try:
        from modelsweep.dashboard.access import LOOPBACK, VARIABLE, Access, BadToken
    except ImportError as error:
        raise click.ClickException(
            f"{error.name} is not installed, which the dashboard needs: {how_to_install('dashboard')}"
        ) from error
    try:
        access = Access(os.environ.pop(VARIABLE, ""))
    except BadToken as error:
        raise click.UsageError(str(error)) from error
    if access.is_open and address not in LOOPBACK:
        raise click.UsageError(
            f"--address {address}: other machines could see and start scans; set {VARIABLE} to a token"
        )
    return access


@contextmanager
def _fleet(broker: str | None, store: str | None, jobs: int | None) -> Iterator[tuple[Fleet, Failed]]:
    """Yield the fleet that is shown, and what tells that it cannot go on."""
    if broker:
        with reached(broker, store) as fleet:
            yield fleet, lambda: None
        return
    from modelsweep.private_fleet import PrivateFleet
    from worker.cpus import default_jobs

    with PrivateFleet(jobs or default_jobs()) as private:
        say("no broker given: started a private Redis and workers, which end with this command, as do their jobs")
        yield private.fleet, private.failed


def _serve(board: Board, access: Access, place: tuple[str, int], failed: Failed) -> Sequence[str]:
    """Serve until SIGTERM or Control-C, and return the jobs whose listing was cut short.

    Raises ClickException if that is impossible, and what `failed` returns.
    """
    from modelsweep.dashboard.server import serving
    from modelsweep.dashboard.setup import Listings
    from modelsweep.dashboard.site import site
    from modelsweep.fleet import liveness
    from modelsweep.fleet.listening import CannotListen

    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    listings = Listings(board.fleet)
    try:
        with serving(site(board, access, listings), *place) as shown:
            say(f"dashboard: {shown} (Ctrl-C stops it)")
            liveness.touch()
            while not stop.wait(LOOK):
                liveness.touch()
                if error := failed():
                    raise error
    except CannotListen as error:
        raise click.ClickException(str(error)) from error
    finally:
        cut_short = listings.close()
    return cut_short


def setup_of(fleet: Fleet, roots: Sequence[str]) -> Setup | None:
    """Return what scans may be set up, None where nothing was allowed."""
    from modelsweep.dashboard.setup import Field, Setup
    from modelsweep.fleet.job import REPORTS

    if not roots:
        return None
    further = [name for name in NAMES if name not in REPORTS]
    offered = {option.name: option for option in (*WHAT, *HOW)}
    formats = Field("--format", "Further reports", f"Besides {', '.join(REPORTS)}.", "choices", further)
    fields = (*(_field(offered[name]) for name in OFFERED), formats)
    return Setup(fields, roots, lambda words: _specify(fleet.broker, words, roots))


def _field(option: click.Option) -> Field:
    """Return an option as a field of the form."""
    from modelsweep.dashboard.setup import Field

    flag = next(name for name in option.opts if name.startswith("--"))
    text = (option.help or "").replace("Repeatable.", "One per line.")
    label = flag.lstrip("-").replace("-", " ").capitalize()
    default = option.default if isinstance(option.default, str) else ""
    if option.is_flag:
        return Field(flag, label, text, "switch")
    if isinstance(option.type, click.Choice):
        return Field(flag, label, text, "choice", ([] if default else [""]) + [*option.type.choices], default)
    return Field(flag, label, text, "lines" if option.multiple else "line", (), default)


def _specify(broker: str, words: Sequence[str], roots: Sequence[str]) -> JobSpec:
    """Return the job that `submit` would make of these words; raises Refused as it would refuse them."""
    from modelsweep.cli.outputs import Output
    from modelsweep.cli.submit import command as submit
    from modelsweep.dashboard.setup import Refused

    try:
        context = submit.make_context("submit", [f"--broker={broker}", *words])
        arguments = cast(AuditArguments, context.params)
        targets = [_allowed(target, roots) for target in arguments["targets"]]
        outputs = [Output(name) for name in arguments["formats"]]
        return spec_of(arguments, targets, ("submit", *words), outputs)
    except click.ClickException as error:
        raise Refused(error.format_message()) from error


def _allowed(target: str, roots: Sequence[str]) -> str:
    """Return where a target leads; raises UsageError where that is below none of the roots, or is not there."""
    if "\0" in target:
        raise click.UsageError(f"{target!r}: no such file or folder")
    try:
        place = inside(canonical(target), roots)
    except SourceFault:
        places = ", ".join(roots)
        raise click.UsageError(
            f"{target!r} is not below a folder or address that may be scanned here: {places}"
        ) from None
    if not scheme_of(place) and not os.path.lexists(place):
        raise click.UsageError(f"{target!r}: no such file or folder")
    if not scheme_of(place) and place.endswith(DVC_SUFFIX) and os.path.isfile(place):
        raise click.UsageError(f"{target!r} is a DVC pointer, which may lead anywhere: use `modelsweep submit` for it")
    return place
