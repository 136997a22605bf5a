"""`modelsweep metadata`: what files say of the models in them, read without loading any."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import click

from modelsweep.api import JobOptions, SandboxFailed, scan_job
from modelsweep.cli.log_lines import without_commands
from modelsweep.cli.targets import gather
from modelsweep.cli.terminal import write_line
from modelsweep.core.finding import Fact, Json
from modelsweep.core.report import Gate, Report, UnitResult
from modelsweep.core.text import printable
from modelsweep.core.units import KIB, format_size

NOT_METADATA = frozenset("call import code-reference embedded executable script url secret template operator".split())
"""Kinds of fact that are evidence for judges, not descriptions of a model."""
VALUE_LIMIT = 200
"""Characters of one value shown in text."""
FACT_LIMIT = 20
"""Facts of one kind shown in text for one file."""


@click.command(short_help="Show what model files hold, without loading them.")
@click.argument("targets", nargs=-1, metavar="TARGET...")
@click.option(
    "--targets-from",
    metavar="FILE",
    help="Read more targets from FILE (-: standard input), separated by lines or NULs.",
)
@click.option("--format", "-f", "form", type=click.Choice(["text", "json"]), default="text", help="Output format.")
def command(targets: tuple[str, ...], targets_from: str | None, form: str) -> int:
    """Show formats, sizes, digests, frameworks, tensors and licences of model files.

    Nothing is loaded: the files are examined as by `scan`, but findings are left out.

    \b
    Examples:
      modelsweep metadata model.safetensors
      modelsweep metadata models/ -f json
    """
    try:
        report = scan_job(gather(targets, targets_from), JobOptions())
    except SandboxFailed as error:
        raise click.ClickException(str(error)) from error
    if form == "json":
        from json import dumps

        click.echo(without_commands(dumps(_as_json(report), indent=2), ".json"))
    else:
        for line in _lines(report):
            write_line(line)
    return 2 if Gate().incomplete(report) else 0


def _described(facts: Iterable[Fact]) -> list[Fact]:
    return [fact for fact in facts if fact.kind not in NOT_METADATA]


def _as_json(report: Report) -> Json:
    return {
        "files": [_file(result) for result in report.results],
        "problems": [f"{problem.locator}: {problem.detail}" for problem in report.problems],
    }


def _file(result: UnitResult) -> Json:
    return {
        "path": str(result.unit.locator),
        "size": result.unit.size,
        "sha256": result.digest or None,
        "members": [
            {
                "path": str(item.locator),
                "formats": list(item.scanners),
                "size": item.size,
                "sha256": item.digest or None,
            }
            for item in result.artifacts
        ],
        "facts": [
            {"path": str(fact.locator), "kind": fact.kind, "value": fact.value, "detail": dict(fact.detail)}
            for fact in _described(result.facts)
        ],
        "problems": [f"{problem.locator}: {problem.detail}" for problem in result.problems],
    }


def _lines(report: Report) -> Iterator[str]:
    for result in report.results:
        yield from _describe(result)
        yield ""
    for problem in report.problems:
        yield f"{problem.locator}: {problem.detail}"
    if not (report.results or report.problems):
        yield "Nothing to show: no file matches the targets."


def _describe(result: UnitResult) -> Iterator[str]:
    yield str(result.unit.locator)
    formats = dict.fromkeys(name for item in result.artifacts for name in item.scanners)
    yield _row("format", ", ".join(formats) or "unknown")
    size = result.unit.size
    yield _row("size", f"{format_size(size)} ({size:,} bytes)" if size >= KIB else format_size(size))
    if result.digest:
        yield _row("sha256", result.digest)
    if len(result.artifacts) > 1:
        yield _row("members", f"{len(result.artifacts) - 1:,}")
    shown: dict[str, int] = {}
    for fact in _described(result.facts):
        shown[fact.kind] = shown.get(fact.kind, 0) + 1
        if shown[fact.kind] <= FACT_LIMIT:
            yield _row(fact.kind, _value(fact))
    for kind, count in shown.items():
        if count > FACT_LIMIT:
            yield _row(kind, f"and {count - FACT_LIMIT:,} more (-f json shows all)")
    for problem in result.problems:
        yield _row("problem", problem.detail)


def _value(fact: Fact) -> str:
    """Return a fact in one line: a key with its text, or a value with what else is known of it."""
    text = fact.detail.get("text")
    if isinstance(text, str):
        shown = text if text == fact.value else f"{fact.value}: {text}"
    else:
        details = ", ".join(f"{key} {_plain(value)}" for key, value in fact.detail.items() if value not in ([], {}))
        shown = f"{fact.value} ({details})" if details else fact.value
    return printable(shown, VALUE_LIMIT)


def _plain(value: Json) -> str:
    """Return a detail as people write it: lists and tables without brackets."""
    if isinstance(value, dict):
        return ", ".join(f"{key} {_plain(inner)}" for key, inner in value.items())
    if isinstance(value, list):
        return ", ".join(map(_plain, value))
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def _row(name: str, value: str) -> str:
    return f"  {name:<13} {value}"
