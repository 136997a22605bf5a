"""`modelsweep hunt`: ask the stored facts of a fleet."""

from __future__ import annotations

import json

import click

from modelsweep.cli.fleet_options import broker_option, checked_job, reached, store_option
from modelsweep.cli.log_lines import without_commands
from modelsweep.cli.options import option
from modelsweep.cli.terminal import say, write_line

_FACTS_SHOWN = 3


@click.command(
    params=[
        click.Argument(["expression"]),
        click.Argument(["jobs"], nargs=-1, metavar="[JOB]...", callback=checked_job),
        broker_option(),
        store_option(),
        option("--json", "as_json", is_flag=True, help="Print a line of JSON for each file."),
    ],
    short_help="Ask the stored facts: which models call X?",
)
def command(expression: str, jobs: tuple[str, ...], broker: str | None, store: str | None, as_json: bool) -> int:
    """List the files whose stored facts match EXPRESSION, in these or all jobs, without reading a model.

    A term is KIND:PATTERN: call, import, operator, url, template, licence, framework..., or any; path: and digest: look
    at the file, detail.KEY: at details of facts, host: at hosts of addresses in both. Patterns are globs of the whole
    value; re: begins a regular expression. Terms are joined by and, or, not and parentheses.

    \b
    Examples:
      modelsweep hunt 'call:os.system or call:subprocess.*'
      modelsweep hunt 'operator:PyFunc and not path:*/archive/*'
      modelsweep hunt 'host:*.evil.example or code-reference:*'
    """
    from modelsweep.fleet.hunt import BadExpression, hunt, kinds_in

    try:
        wanted = kinds_in(expression)
    except BadExpression as error:
        raise click.UsageError(str(error)) from error
    found, seen = 0, set[str]()
    with reached(broker, store) as fleet:
        for job in jobs or tuple(job for job, _ in fleet.jobs()):
            report = fleet.report(job) if jobs else fleet.finished_report(job)
            for hit in hunt(expression, report.results if report else (), seen):
                found += 1
                facts = [f"{fact.kind} {fact.value}" for fact in hit.facts]
                if as_json:
                    file = {"job": job, "path": str(hit.locator), "sha256": hit.digest, "facts": facts}
                    click.echo(without_commands(json.dumps(file), ".json"))
                    continue
                more = f", {len(facts) - _FACTS_SHOWN} more" if len(facts) > _FACTS_SHOWN else ""
                write_line(f"{hit.locator}  {job}  {', '.join(facts[:_FACTS_SHOWN])}{more}")
    if unknown := [kind for kind in wanted if kind not in seen]:
        say(f"no file has a fact of the kind {', '.join(unknown)}; there are: {', '.join(sorted(seen)) or 'none'}")
    say(f"{found:,} file{'' if found == 1 else 's'}")
    return 0
