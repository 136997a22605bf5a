"""`modelsweep report`: the reports of a job that has ended, in any format."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypedDict, Unpack

import click

from modelsweep.cli.arguments import Tolerance
from modelsweep.cli.fleet_options import broker_option, job_argument, reached, store_option
from modelsweep.cli.options import GATE, OUTPUT
from modelsweep.cli.outputs import Output, draft_of, outputs_of, view_of
from modelsweep.cli.scanning import (
    FAILED,
    gate_of,
    in_file,
    refuse_alias_alone,
    spare,
    tagged,
    write_reports,
    writer_of,
)
from modelsweep.core.report import Attachment, Ignored, Report
from reporting import Draft, View

if TYPE_CHECKING:
    from worker.published import Published

_NOT_HERE = frozenset({"progress", "notify", "share", "quiet"})
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
    attachments: tuple[Attachment, ...]
    verbose: bool
    write_back: bool
    alias: str
    fail_on: str
    baselines: tuple[str, ...]
    policy: tuple[tuple[str, Ignored], ...]
    strict: bool
    tolerated: Tolerance


@click.command(params=PARAMETERS, short_help="Write the reports of a job that has ended.")
def command(**arguments: Unpack[ReportArguments]) -> int:
    """Write the reports of JOB from its results, in any format, without reading a model again.

    Exit code: 0 nothing found, 1 findings at or above --fail-on, 2 something could not be examined.
    """
    write = writing(arguments)
    with reached(arguments["broker"], arguments["store"]) as fleet:
        from modelsweep.fleet.stored import report_of
        from worker.published import Published

        manifest = fleet.manifest(arguments["job"])
        return write(report_of(manifest, fleet.store), Published(manifest, fleet.store))


def writing(arguments: ReportArguments) -> Callable[[Report, Published], int]:
    """Return what writes a report as the options say and returns the exit code; mistakes in them are raised now.

    The results of the report are those that were published: several processes may read them.
    """
    refuse_alias_alone(arguments["alias"], arguments["write_back"])
    places = outputs_of(arguments["formats"], arguments["outputs"], arguments["sbom"])
    spare((), places, arguments["attachments"])
    gate = gate_of(arguments)
    view = view_of(gate, verbose=arguments["verbose"])

    def write(report: Report, published: Published) -> int:
        report = report.with_attachments(arguments["attachments"])
        report, drafts = _filled(report, published, places, view) if published.is_divided else (report, {})
        code = gate.exit_code(report)
        written = write_reports(report, places, view, drafts)
        if arguments["write_back"]:
            written &= tagged(report, arguments["alias"])
        return code if written or code else FAILED

    return write


def _filled(
    report: Report, published: Published, places: Sequence[Output], view: View
) -> tuple[Report, dict[Output, Draft]]:
    """Return the report with its totals, and the documents that processes filled; others read its results again."""
    from reporting.writer import Divisible

    drafts = {place: draft_of(writer_of(place), report, place.path, in_file(view)) for place in places}
    drafts = {place: draft for place, draft in drafts.items() if isinstance(draft, Divisible)}
    try:
        counted = published.filled(report, [writer_of(place) for place in drafts], [*drafts.values()], view)
    except OSError:  # no room for what waits; whoever writes says that, where there is none for one document either
        return report, {}
    return (counted, drafts) if counted else (report, {})
