"""`modelsweep rules`: what is looked for, and why it matters."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from modelsweep.cli.called import called_as
from modelsweep.cli.parameters import SEVERITIES
from modelsweep.cli.terminal import write_line
from modelsweep.core.finding import Json, Severity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scanners.catalogue import Declared

FORMAT = click.option(
    "--format", "-f", "form", type=click.Choice(["text", "json"]), default="text", help="Output format."
)
WIDTH = 96


@click.group(invoke_without_command=True)
@click.option("--severity", type=SEVERITIES, help="Only rules of this severity.")
@click.option("--scanner", metavar="NAME", help="Only rules of this scanner, detector or judge.")
@FORMAT
@click.pass_context
def command(context: click.Context, severity: str | None, scanner: str | None, form: str) -> None:
    """List the rules; `rules show ID` explains one.

    \b
    Examples:
      modelsweep rules --severity critical
      modelsweep rules show pickle/dangerous-call
    """
    if context.invoked_subcommand:
        return
    from scanners.catalogue import declared_rules

    known = declared_rules()
    owners = None if scanner is None else _owners(scanner, {name for item in known for name in _names(item)})
    declared = [
        item
        for item in known
        if (severity is None or item.rule.severity is Severity[severity.upper()])
        and (owners is None or not owners.isdisjoint(_names(item)))
    ]
    if form == "json":
        _write_json([_as_json(item) for item in declared])
    else:
        _write_table(declared)


def _names(item: Declared) -> tuple[str, str]:
    """Return by which names a rule is found: who declares it, and what its id begins with."""
    return item.owner, item.rule.id.partition("/")[0]


def _owners(scanner: str, known: set[str]) -> set[str]:
    """Return the names that are meant; none where a scanner declares no rule. Raises UsageError for no scanner."""
    from modelsweep.cli.selection import known_names, resolve

    return {scanner.lower()} & known or {*resolve(scanner, [*sorted(known), *known_names()])}


@command.command()
@click.argument("slug", metavar="ID")
@FORMAT
def show(slug: str, form: str) -> None:
    """Explain a rule: what it means, why it matters, what to do."""
    from scanners.catalogue import declared_rules

    rules = {item.rule.id: item for item in declared_rules()}
    item = rules.get(slug.lower())
    if item is None:
        raise click.UsageError(f"no rule {slug!r}{_hint(slug, list(rules))}")
    if form == "json":
        _write_json(_as_json(item))
    else:
        _explain(item)


def _hint(slug: str, known: list[str]) -> str:
    from difflib import get_close_matches

    if any(rule.startswith(f"{slug.lower()}/") for rule in known):
        return f": `modelsweep rules --scanner {slug.lower()}` lists those that begin so"
    close = get_close_matches(slug.lower(), known, 3, 0.5) or [rule for rule in known if slug.lower() in rule][:3]
    return f": did you mean {' or '.join(close)}?" if close else ": `modelsweep rules` lists them"


def _write_table(declared: Sequence[Declared]) -> None:
    if not declared:
        write_line("no such rules")
        return
    wide = max(len(item.rule.id) for item in declared)
    for item in declared:
        write_line(f"{item.rule.severity.name:<8}  {item.rule.id:<{wide}}  {item.rule.title}")
    write_line()
    write_line(f"{len(declared)} rules; `{called_as()} rules show ID` explains one")


def _explain(item: Declared) -> None:
    rule = item.rule
    write_line(f"{rule.id}  ({rule.severity.name}, {rule.confidence} confidence, {item.owner})")
    write_line(rule.title)
    for heading, text in (("Says", rule.message), ("Why it matters", rule.why), ("What to do", rule.fix)):
        write_line()
        write_line(heading)
        for line in click.wrap_text(text, WIDTH, "  ", "  ").splitlines():
            write_line(line)
    references = [f"CWE-{rule.cwe}: https://cwe.mitre.org/data/definitions/{rule.cwe}.html"] if rule.cwe else []
    references += rule.references
    if references:
        write_line()
        write_line("References")
    for reference in references:
        write_line(f"  {reference}")


def _as_json(item: Declared) -> dict[str, Json]:
    return {**asdict(item.rule), "severity": item.rule.severity.name.lower(), "scanner": item.owner}


def _write_json(value: Json) -> None:
    from json import dumps

    click.echo(dumps(value, indent=2))
