"""`modelsweep rejudge`: what today's rules say of the stored facts of a job."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Unpack

import click

from modelsweep.cli.fleet_options import reached
from modelsweep.cli.options import several
from modelsweep.cli.parameters import names
from modelsweep.cli.report import PARAMETERS, ReportArguments, writing
from modelsweep.cli.scanning import allowed_of
from modelsweep.cli.terminal import say
from modelsweep.core.options import Options
from modelsweep.core.report import Report

if TYPE_CHECKING:
    from worker.renderer import Changes


class RejudgeArguments(ReportArguments):
    """What click hands to `rejudge`."""

    allowed: tuple[str, ...]
    allow_files: tuple[str, ...]


@click.command(
    params=[
        *PARAMETERS,
        several(
            "--allow-import", "allowed", type=names, metavar="PATTERN", help="Also trust these: 'acme.*'. Repeatable."
        ),
        several("--allow-from", "allow_files", metavar="FILE", help="Trust what learn wrote to FILE. Repeatable."),
    ],
    short_help="Judge the stored facts of a job by the current rules.",
)
def command(**arguments: Unpack[RejudgeArguments]) -> int:
    """Judge the stored facts of JOB by the rules of this version, show what is new or gone, and report, without
    reading a model.

    What scanners found in the bytes themselves stays as it was. The exit code is that of `report`.
    """
    write, job = writing(arguments), arguments["job"]
    allowed = allowed_of(arguments["allowed"], arguments["allow_files"])
    with reached(arguments["broker"], arguments["store"]) as fleet:
        from modelsweep.fleet.rejudge import rejudged_report
        from modelsweep.fleet.stored import report_of
        from worker.plugins import scanners_with, versions, working
        from worker.published import Published
        from worker.ruleset import tool

        spec, manifest = fleet.spec(job), fleet.manifest(job)
        options = replace(spec.options, allow_imports=(*spec.options.allow_imports, *allowed))
        report, published = report_of(manifest, fleet.store), Published(manifest, fleet.store, options)
        scanners = working(scanners_with(options.plugins), options.scanners)
        today = tool(scanners, versions(options.plugins, scanners))
        code = write(rejudged_report(report, options, today), published)
        changes = published.changes or _changes(report, options)
        say(f"job {job} under today's rules: {changes.new:,} findings are new, {changes.gone:,} are gone")
    return code


def _changes(report: Report, options: Options) -> Changes:
    """Return what judging results anew comes to."""
    from modelsweep.fleet.rejudge import rejudge
    from worker.renderer import Changes

    changes = Changes()
    for judged in rejudge(report.results, options):
        changes.new += len(judged.new)
        changes.gone += len(judged.gone)
    return changes
