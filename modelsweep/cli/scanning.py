"""What `modelsweep scan` does once its command line is understood."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from typing import TextIO, cast

import click

from modelsweep.api import JobOptions, SandboxFailed, scan_job
from modelsweep.checked import can_require
from modelsweep.cli.arguments import GateArguments, ScanArguments, Tolerance
from modelsweep.cli.log_lines import Log
from modelsweep.cli.notification import Handover, handover_of
from modelsweep.cli.outputs import STDOUT, Output, outputs_of, view_of, write, write_file
from modelsweep.cli.profiles import PROFILES
from modelsweep.cli.progress import CountTotals, Tally, watched
from modelsweep.cli.selection import choose
from modelsweep.cli.sharing import shared_report
from modelsweep.cli.targets import gather
from modelsweep.cli.terminal import Interrupted, discard_stdout, is_interactive, say
from modelsweep.core import patterns as re
from modelsweep.core.finding import Severity
from modelsweep.core.options import Depth, Options, Reuse, Selection
from modelsweep.core.report import Attachment, Gate, Report, Unit
from modelsweep.core.units import KIB
from modelsweep.core.values import replace
from producer.plan import plan
from reporting import WRITERS, Draft, View, Writer
from sources.source import scheme_of

FAILED = 2
_LISTINGS = ((), ("text",), ("json",))
"""Formats of --dry-run."""
_CREDENTIALS = re.compile(r"(?<=://)[^/@\s]+(?=@)")


def scan(arguments: ScanArguments, command_line: Sequence[str]) -> int:
    """Do what `arguments` say and return the exit code; raises UsageError for mistakes before anything is done."""
    if arguments["list_scanners"]:
        from modelsweep.cli.listing import list_scanners

        list_scanners(arguments["plugins"])
        return 0
    refuse_contradictions(arguments)
    job = job_of(arguments)
    if arguments["dry_run"]:
        show_plan_of(arguments, job.selection)
        return 0
    return _scan(arguments, job, command_line)


def refuse_contradictions(arguments: ScanArguments) -> None:
    """Raise UsageError where one option makes another mean nothing."""
    if arguments["verbose"] and arguments["quiet"]:
        raise click.UsageError("--verbose and --quiet contradict each other")
    refuse_alias_alone(arguments["alias"], arguments["write_back"])
    if arguments["dry_run"] and (arguments["outputs"] or arguments["sbom"] or arguments["formats"] not in _LISTINGS):
        raise click.UsageError("--dry-run writes no report: it lists files on standard output, with -f json as JSON")


def refuse_alias_alone(alias: str, write_back: bool) -> None:
    """Raise UsageError for an alias that nothing would set."""
    if alias and not write_back:
        raise click.UsageError("--alias is set by --write-back: give both")


def refuse_tagging_nothing(targets: Sequence[str], write_back: bool) -> None:
    """Raise UsageError where verdicts are to be written back, and no target has a place for them."""
    if write_back and targets and not any(target.startswith("models:/") for target in targets):
        raise click.UsageError("--write-back tags MLflow model versions, but no target is one: models:/NAME/VERSION")


def show_plan_of(arguments: ScanArguments, selection: Selection) -> None:
    """List what would be read, and what not."""
    from modelsweep.cli.dry_run import show_plan

    targets = gather(arguments["targets"], arguments["targets_from"])
    show_plan(targets, selection, as_json=arguments["formats"] == ("json",))


def _scan(arguments: ScanArguments, job: JobOptions, command_line: Sequence[str]) -> int:
    """Do the job, write the reports, and return the exit code; mistakes are raised before anything is read."""
    outputs = outputs_of(arguments["formats"], arguments["outputs"], arguments["sbom"])
    handover = handover_of(arguments)
    targets = gather(arguments["targets"], arguments["targets_from"])
    refuse_tagging_nothing(targets, arguments["write_back"])
    spare(targets, outputs, arguments["attachments"])
    for output in outputs:  # while the process that examines loads its own modules
        writer_of(output).load()
    gate = gate_of(arguments)
    report = _examine(targets, job, shows_bar(arguments), command_line)
    return conclude(report.with_attachments(arguments["attachments"]), arguments, outputs, handover, gate)


def conclude(report: Report, arguments: ScanArguments, outputs: list[Output], handover: Handover, gate: Gate) -> int:
    """Write the reports of a job that ended, and return the exit code."""
    code = gate.exit_code(report)
    if arguments["quiet"] and code == 0:
        outputs = [output for output in outputs if output != Output("text")]
    elif not (report.results or report.problems or Output("text") in outputs):
        say("nothing to scan: no file matches the targets")
    if handover.shared:
        outputs.append(Output("json", shared_report(handover.shared, report)))
    view = view_of(gate, verbose=arguments["verbose"])
    written = write_reports(report, outputs, view)
    if gate.accepted:
        from modelsweep.cli.baseline_file import say_unused

        say_unused(gate.accepted, report)
    if gate.ignored:
        from modelsweep.cli.policy_file import say_needless

        say_needless(arguments["policy"], report)
    if arguments["write_back"]:
        written &= tagged(report, arguments["alias"])
    code = code if written or code else FAILED
    handover.notify(report, code, view)
    return code


def tagged(report: Report, alias: str) -> bool:
    """Write the verdicts of model versions back to their registry; return whether that worked."""
    from modelsweep.write_back import write_back

    faults = write_back(report.results, report.run.job, alias)
    for fault in faults:
        say(fault)
    return not faults


def job_of(arguments: ScanArguments) -> JobOptions:
    """Return what is examined and how; raises UsageError for scanners that there are not."""
    profile = next(profile for profile in PROFILES if profile.name == arguments["profile"])
    options = Options(
        depth=cast(Depth, arguments["depth"] or profile.depth),
        scanners=choose(profile, arguments["included"], arguments["excluded"], arguments["plugins"]),
        allow_imports=allowed_of(arguments["allowed"], arguments["allow_files"]),
        blacklist=arguments["blacklist"],
        require_signers=arguments["require_signers"],
        plugins=arguments["plugins"],
        timeout=arguments["timeout"],
    )
    try:
        can_require(options)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    selection = Selection(
        arguments["max_file_size"],
        arguments["max_total_size"],
        arguments["include"],
        arguments["exclude"],
        arguments["newest_first"],
    )
    return JobOptions(options, selection, arguments["jobs"] or 0, _reuse(arguments))


def _reuse(arguments: ScanArguments) -> Reuse:
    """Return what is not read again; `submit` has no --strict."""
    if arguments["no_cache"] or arguments.get("strict"):
        return "nothing"
    return "files" if arguments["trust_file_times"] else "objects"


def allowed_of(patterns: tuple[str, ...], files: tuple[str, ...]) -> tuple[str, ...]:
    """Return what is trusted by name; raises UsageError for a file that is no allow-list."""
    if not files:
        return patterns
    from modelsweep.cli.allow_file import patterns_of

    return (*patterns, *(name for file in files for name in patterns_of(file)))


def gate_of(arguments: GateArguments) -> Gate:
    """Return what makes the job fail; raises UsageError for a baseline that is none."""
    gate = threshold_gate(arguments["fail_on"], arguments["strict"], arguments["tolerated"])
    gate = replace(gate, ignored=tuple(ignored for _, ignored in arguments["policy"]))
    if not arguments["baselines"]:
        return gate
    from modelsweep.cli.baseline_file import accepted_by

    return replace(gate, accepted=accepted_by(arguments["baselines"]))


def threshold_gate(fail_on: str, strict: bool, tolerated: Tolerance) -> Gate:
    """Return what makes a job fail, from what the options say."""
    threshold = Severity[fail_on.upper()]
    return Gate(min(threshold, Severity.WARNING) if strict else threshold, strict, tolerated.files, tolerated.percent)


def spare(targets: Sequence[str], outputs: Sequence[Output], attachments: Sequence[Attachment]) -> None:
    """Raise UsageError where a report would be written over a file that is to be scanned, or is attached."""
    for output in outputs:
        if os.path.isfile(output.path) and any(_is_same(output.path, attachment.path) for attachment in attachments):
            raise click.UsageError(f"{output.path!r} is attached: a report would replace it")
        for target in targets if os.path.isfile(output.path) else ():
            if os.path.exists(target) and _would_lose(target, output.path):
                raise click.UsageError(f"{output.path!r} is to be scanned: a report would replace it")


def _is_same(path: str, other: str) -> bool:
    return os.path.exists(other) and os.path.samefile(path, other)


def _would_lose(target: str, path: str) -> bool:
    """Return whether an existing file is a target, or lies below one and is no report of an earlier scan."""
    if os.path.samefile(target, path):
        return True
    place = os.path.realpath(path)
    below = os.path.isdir(target) and os.path.commonpath((os.path.realpath(target), place)) == os.path.realpath(target)
    return below and _is_binary(place)


def _is_binary(place: str) -> bool:
    """Return whether a file begins as no text does, and every report is text."""
    with open(place, "rb") as stream:
        return b"\0" in stream.read(4 * KIB)


def shows_bar(arguments: ScanArguments) -> bool:
    """Return whether somebody wants to watch."""
    if arguments["progress"] is not None:
        return arguments["progress"]
    return not arguments["quiet"] and is_interactive(sys.stderr)


def _examine(targets: Sequence[str], job: JobOptions, has_bar: bool, command_line: Sequence[str]) -> Report:
    """Do the job; where it is interrupted, say how far it came."""
    tally = Tally()
    bar = watched(tally, _counter(targets, job.selection)) if has_bar else nullcontext()
    try:
        with bar:
            return scan_job(targets, job, tally.add, shown_words(command_line), say, tally.watch)
    except KeyboardInterrupt:
        raise Interrupted(f"interrupted after {tally}: no report was written") from None
    except SandboxFailed as error:
        raise click.ClickException(str(error)) from error


def shown_words(command_line: Sequence[str]) -> list[str]:
    """Return a command line without the passwords of addresses."""
    return [_CREDENTIALS.sub("***", word) for word in command_line]


def _counter(targets: Sequence[str], selection: Selection) -> CountTotals | None:
    """Return what lists the targets for the bar; None where listing again would cost requests."""
    if any(map(scheme_of, targets)):
        return None

    def count() -> tuple[int, int]:
        sizes = [item.size for item in plan(targets, selection) if isinstance(item, Unit)]
        return len(sizes), sum(sizes)

    return count


def writer_of(output: Output) -> Writer:
    """Return what writes a report in the format of an output."""
    return next(writer for writer in WRITERS if writer.name == output.format)


def in_file(view: View) -> View:
    """Return how the reader of a file wants to see a report."""
    return replace(view, colour=False, terminal=False)


def write_reports(
    report: Report, outputs: Sequence[Output], view: View, drafts: Mapping[Output, Draft] | None = None
) -> bool:
    """Write all reports; return whether that worked. Who closed the pipe has seen enough: that is no failure.

    Of outputs with `drafts`, which are filled, no results are read.
    """
    written = True
    for output in outputs:
        writer, draft = writer_of(output), (drafts or {}).get(output)
        try:
            if output.path == STDOUT:
                write(writer, report, cast(TextIO, Log(sys.stdout, writer.suffix)), view, draft)
                sys.stdout.flush()
            else:
                write_file(writer, report, output.path, in_file(view), draft)
        except BrokenPipeError:
            discard_stdout()
        except OSError as error:
            where = "standard output" if output.path == STDOUT else output.path
            say(f"cannot write {where}: {error.strerror or error}")
            written = False
    return written
