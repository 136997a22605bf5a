"""The options of `scan`, below the headings of its `--help`."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import ClassVar

import click

from modelsweep.cli.outputs import NAMES
from modelsweep.cli.parameters import (
    SEVERITIES,
    attachment,
    count,
    names,
    pattern,
    rate,
    seconds,
    signing,
    size,
    tolerance,
)
from modelsweep.cli.profiles import PROFILES
from modelsweep.cli.selection import known_names, spread
from modelsweep.core.report import Attachment
from sources.politeness import BANDWIDTH, CONNECTIONS, REQUEST_RATE

REMOVED = {
    "--jfrog-api-token": "JFROG_API_TOKEN",
    "--jfrog-access-token": "JFROG_ACCESS_TOKEN",
    "--registry-uri": "MLFLOW_TRACKING_URI",
}
"""Options of other tools, and the environment variable that takes their place: secrets stay off command lines."""
ATTACHED = 100
"""Files attached to one report: each takes up to 15 KiB of it."""
SPREAD = frozenset({"--include-scanner", "--exclude-scanner"})
"""Options that take several names."""


def option(*declarations: str, **attributes: object) -> click.Option:
    """Return an option of click, to be put below a heading."""
    return click.Option(declarations, **attributes)  # type: ignore[arg-type]  # click's own table of attributes


def several(*declarations: str, metavar: str, **attributes: object) -> click.Option:
    """Return an option that may be repeated."""
    return option(*declarations, multiple=True, metavar=metavar, **attributes)


WHAT = (
    option(
        "--targets-from",
        metavar="FILE",
        help="Read more targets from FILE (-: standard input), separated by lines or NULs.",
    ),
    several(
        "-b",
        "--blacklist",
        type=pattern,
        metavar="PATTERN",
        help="Report models and files whose names match. Repeatable.",
    ),
    option("--max-file-size", "--max-size", type=size, metavar="SIZE", help="Skip larger files: 500MB, 1GB."),
    option("--max-total-size", type=size, metavar="SIZE", help="Read at most this much in total."),
    several(
        "--include",
        type=pattern,
        metavar="GLOB",
        help="Only files whose path or name matches: '*.pt', 'models/*'. Repeatable.",
    ),
    several("--exclude", type=pattern, metavar="GLOB", help="No files whose path or name matches. Repeatable."),
    option("--newest-first", is_flag=True, help="Examine the newest files first; --max-total-size keeps these."),
    option("--dry-run", is_flag=True, help="Only list what would be read, and its size."),
)
HOW = (
    option(
        "--profile",
        type=click.Choice([profile.name for profile in PROFILES]),
        default="full-audit",
        metavar="NAME",
        help=f"What to look for: {', '.join(profile.name for profile in PROFILES)} (default).",
    ),
    option("--depth", type=click.Choice(["quick", "full"]), help="quick: structure only; full: every byte (default)."),
    several(
        "--include-scanner",
        "included",
        metavar="NAME...",
        help="Use only these: ids or class names, one or more; or personal-data, besides what else runs.",
    ),
    several("--exclude-scanner", "excluded", metavar="NAME...", help="Use all but these."),
    option("--list-scanners", is_flag=True, help="List the scanners and stop."),
    several(
        "--allow-import", "allowed", type=names, metavar="PATTERN", help="Trust your own classes: 'acme.*'. Repeatable."
    ),
    several("--allow-from", "allow_files", metavar="FILE", help="Trust what learn wrote to FILE. Repeatable."),
    several(
        "--require-signer",
        "require_signers",
        type=signing,
        metavar="FILE[=WHO]",
        help="Report files not signed with this key, or for WHO by one of these certificates. Repeatable.",
    ),
    several("--plugin", "plugins", metavar="NAME", help="Also use the scanners of this installed package."),
    option(
        "-t",
        "--timeout",
        type=seconds,
        default="300",
        metavar="SECONDS",
        help="Time for one file; larger files get more [300].",
    ),
    option("-j", "--jobs", type=count, metavar="N", help="Files examined at the same time [one per processor]."),
    option("--no-cache", is_flag=True, help="Read everything, even what an earlier scan knows."),
    option(
        "--trust-file-times",
        is_flag=True,
        help="Do not read again a local file with unchanged inode and times, or an address with an unchanged ETag.",
    ),
)


def _sets(variable: str) -> Callable[[click.Context, click.Parameter, object], None]:
    """Return a callback that puts the value of an option where this process, and those it starts, look for it."""

    def remember(_context: click.Context, _option: click.Parameter, value: object) -> None:
        if value is not None:
            os.environ[variable] = str(value)

    return remember


def politeness_options() -> tuple[click.Option, ...]:
    """Return the options that say how hard servers are leaned on."""
    described = (
        ("--bandwidth", BANDWIDTH, size, "SIZE", "Bytes per second from all servers together: 50MB [no limit]."),
        ("--connections", CONNECTIONS, count, "N", "Simultaneous requests to one server [8]."),
        ("--request-rate", REQUEST_RATE, rate, "N", "Requests per second to one server [no limit]."),
    )
    return tuple(
        option(flag, type=kind, metavar=name, help=words, expose_value=False, callback=_sets(variable))
        for flag, variable, kind, name, words in described
    )


def _few(_context: click.Context, _option: click.Parameter, attachments: tuple[Attachment, ...]) -> object:
    """Refuse more attachments than the specification of a job has room for."""
    if len(attachments) > ATTACHED:
        raise click.UsageError(f"--attach: {len(attachments):,} files are too many, {ATTACHED} is the most")
    return attachments


OUTPUT = (
    several("-f", "--format", "formats", metavar="FORMAT[=FILE]", help=f"One or more of {', '.join(NAMES)}."),
    several(
        "-o", "--output", "outputs", metavar="FILE", help="Write here; without -f, the extension chooses the format."
    ),
    option("--sbom", metavar="FILE", help="Write a CycloneDX SBOM with licences."),
    several(
        "--attach",
        "attachments",
        type=attachment,
        callback=_few,
        metavar="FILE",
        help="Add results of another tool (garak, Giskard, ART, RESTler) to the reports. Repeatable.",
    ),
    option("-v", "--verbose", is_flag=True, help="Also show findings for developers (DEBUG), and details."),
    option("-q", "--quiet", is_flag=True, help="Print nothing if nothing is found."),
    option("--progress/--no-progress", default=None, help="Show a progress bar [on a terminal]."),
    option("--write-back", is_flag=True, help="Tag MLflow model versions with their verdict (modelsweep.verdict)."),
    option("--alias", metavar="NAME", default="", help="With --write-back: the alias for clean versions."),
    option("--notify", is_flag=True, help="Notify the webhook $MODELSWEEP_NOTIFY_URL unless the exit code is 0."),
    option("--share/--no-share", default=False, help="Also leave the report in $MODELSWEEP_SHARE_DIR."),
)


def _policy(context: click.Context, _option: click.Parameter, files: tuple[str, ...]) -> object:
    """Have the options of policies stand where none is typed, and return what they ignore."""
    if not files:
        return ()
    from modelsweep.cli.policy_file import applied

    others = ("targets_from", "dry_run", "list_scanners", "policy")
    return applied(context, (known for known in (*WHAT, *HOW, *GATE) if known.name not in others), files)


GATE = (
    several(
        "--policy",
        metavar="FILE",
        is_eager=True,
        callback=_policy,
        help="A team's common options and ignored findings. Repeatable.",
    ),
    option(
        "--fail-on",
        type=SEVERITIES,
        default="warning",
        metavar="SEVERITY",
        help="Lowest severity for exit code 1 [warning].",
    ),
    several(
        "--baseline", "baselines", metavar="FILE", help="Do not fail for what `baseline` wrote to FILE. Repeatable."
    ),
    option("--strict", is_flag=True, help="Also fail for whatever could not be judged; implies --no-cache."),
    option(
        "--tolerate-problems",
        "tolerated",
        type=tolerance,
        default="0",
        metavar="N|P%",
        help="Unexamined files to tolerate without failing [0].",
    ),
)
SECTIONS: dict[str, tuple[click.Option, ...]] = {
    "What to scan": WHAT,
    "How to look": (*HOW, *politeness_options()),
    "What to write": OUTPUT,
    "When to fail": GATE,
}


def _refuse(context: click.Context, option: click.Parameter, value: str | None) -> None:
    """Refuse a removed option, without repeating its value."""
    if value is not None:
        flag = option.opts[0]
        raise click.UsageError(f"there is no {flag}: set the environment variable {REMOVED[flag]} instead", context)


def removed_options() -> list[click.Option]:
    """Return the options that only say what takes their place."""
    return [
        option(flag, is_flag=False, flag_value="", hidden=True, expose_value=False, is_eager=True, callback=_refuse)
        for flag in REMOVED
    ]


class ScanCommand(click.Command):
    """A command whose scanner options take several names, and whose help has headings."""

    sections: ClassVar[dict[str, tuple[click.Option, ...]]] = SECTIONS

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the arguments, with `--include-scanner A B` spread first."""
        return super().parse_args(ctx, spread(args, SPREAD, known_names))

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options that the command has below their headings."""
        mine = {parameter.name for parameter in self.params}
        for title, options in self.sections.items():
            records = [option.get_help_record(ctx) for option in options if option.name in mine]
            if records:
                with formatter.section(title):
                    formatter.write_dl([record for record in records if record])
