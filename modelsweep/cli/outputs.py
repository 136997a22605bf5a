"""Where reports go: `-f sarif=out.sarif -f json=out.json`, `-f sarif -o out.sarif`, `-o out.sarif`, `--sbom FILE`."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple, TextIO

import click

from modelsweep.cli.called import called_as
from modelsweep.cli.terminal import say, wants_colour, width
from modelsweep.core import patterns as re
from modelsweep.core.report import Gate, Report
from modelsweep.core.units import counted
from reporting import WRITERS, Draft, View, Writer, fill

STDOUT = "-"
SBOM = "cyclonedx"
SHARDED = "sarif"
"""The format that may go to a directory, in as many files as it takes."""
SHARD = "modelsweep-{}.sarif"
_OPEN_FILE = re.compile(r"(?:/dev/(stdout|stderr)|(?:/dev/fd|/proc/self/fd)/([0-9]{1,5}))")
"""Opened by its name such a file would be cut or replaced, whatever others wrote to it before."""
NAMES = tuple(writer.name for writer in WRITERS)
ENDINGS = {writer.suffix: writer.name for writer in WRITERS} | {".sarif.json": "sarif", ".bom.json": SBOM}
"""What the end of a file name says of its format; the longest that matches decides."""


class Output(NamedTuple):
    """One report to write: in which format, and to which file (`-`: standard output)."""

    format: str
    path: str = STDOUT


def outputs_of(formats: Sequence[str], files: Sequence[str], sbom: str | None) -> list[Output]:
    """Return the outputs that the options ask for; raises UsageError where they contradict each other."""
    placed = [Output(*text.split("=", 1)) for text in formats if "=" in text]
    outputs = placed + _paired([text for text in formats if "=" not in text], files)
    if sbom is not None:
        outputs.append(Output(SBOM, sbom))
    outputs = [output._replace(path=STDOUT) if _descriptor(output.path) == 1 else output for output in outputs]
    if not any(output.path == STDOUT for output in outputs):
        outputs.append(Output("text"))
    for output in outputs:
        if output.format not in NAMES:
            raise click.UsageError(f"no format {output.format!r}: choose from {', '.join(NAMES)}")
    _check_places(outputs)
    return outputs


def _paired(formats: Sequence[str], files: Sequence[str]) -> list[Output]:
    if not formats:
        return [Output(_guess(path), path) for path in files]
    if not files:
        return [Output(format) for format in formats]
    if len(formats) != len(files):
        pairs = f"{counted(len(formats), 'format')} for {counted(len(files), 'file')}"
        raise click.UsageError(f"{pairs}: write -f FORMAT=FILE for each, or as many -o as -f")
    return [Output(format, path) for format, path in zip(formats, files, strict=True)]


def _guess(path: str) -> str:
    if path == STDOUT:
        return "text"
    for ending in sorted(ENDINGS, key=len, reverse=True):
        if path.lower().endswith(ending):
            return ENDINGS[ending]
    raise click.UsageError(f"the ending of {path!r} names no format: say which with -f FORMAT={path}")


def _check_places(outputs: Sequence[Output]) -> None:
    """Raise UsageError where a file cannot be written, or two reports would go to one place."""
    seen: set[str] = set()
    for output in outputs:
        place = output.path if output.path == STDOUT or _is_special(output.path) else os.path.realpath(output.path)
        if place in seen:
            where = "standard output" if output.path == STDOUT else repr(output.path)
            raise click.UsageError(f"two reports would go to {where}")
        seen.add(place)
        if output.path != STDOUT:
            _check_writable(output, place)


def _check_writable(output: Output, place: str) -> None:
    path, folder = output.path, os.path.dirname(place)
    if not path:
        raise click.UsageError("an output needs a file name")
    if _descriptor(path) is not None:
        return
    if os.path.isdir(place):
        if output.format != SHARDED:
            raise click.UsageError(f"{path!r} is a directory: only {SHARDED} writes to a directory")
        folder = place
    if not os.path.isdir(folder):
        raise click.UsageError(f"cannot write {path!r}: there is no directory {folder!r}")
    if not os.access(place if _is_special(place) else folder, os.W_OK):
        raise click.UsageError(f"cannot write {path!r}: permission denied")


def _descriptor(path: str) -> int | None:
    """Return the number of the open file that a path such as /dev/stderr or /dev/fd/63 names, None for other paths."""
    number = _OPEN_FILE.fullmatch(path)
    if not number:
        return None
    return {"stdout": 1, "stderr": 2}.get(number[1]) or int(number[2])


def _is_special(place: str) -> bool:
    """Return whether `place` is a device, pipe or socket, or an open file: written to and not replaced."""
    if _descriptor(place) is not None:
        return True
    try:
        mode = os.stat(place).st_mode
        return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))
    except OSError:
        return False


def view_of(gate: Gate, *, verbose: bool = False) -> View:
    """Return how whoever reads standard output wants to see a report."""
    stream = sys.stdout
    return View(verbose, wants_colour(stream), width(stream), gate, terminal=stream.isatty(), program=called_as())


def draft_of(writer: Writer, report: Report, path: str, view: View) -> Draft:
    """Return the document that is to go to `path`, before any result is added to it."""
    if os.path.isdir(path):
        from reporting.sarif import Draft as Log

        return Log(report, view, sharded=True)
    return writer.draft(report, view)


def write_file(writer: Writer, report: Report, path: str, view: View, draft: Draft | None = None) -> None:
    """Write a report to a file, or to files of a directory where `path` is one; raises OSError.

    Of a `draft` that is filled already no results are read.
    """
    if os.path.isdir(path):
        _write_shards(report, path, view, draft)
        return
    with replacing(path) as stream:
        write(writer, report, stream, view, draft)
    if writer.name == SHARDED:
        from reporting.sarif import RUN_RESULTS, RUNS

        room, count = RUNS * RUN_RESULTS, view.count(report)
        if count > room:
            say(f"{path} has room for {room:,} of {count:,} results: a directory instead of a file gets them all")


def write(writer: Writer, report: Report, stream: TextIO, view: View, draft: Draft | None = None) -> None:
    """Write a report to a stream, from a `draft` where one is filled already."""
    if draft:
        draft.finish(report, stream)
    else:
        writer.write(report, stream, view)


def _write_shards(report: Report, folder: str, view: View, draft: Draft | None) -> None:
    """Write SARIF into a directory, a file for each category, and remove those that a longer report left there."""
    from reporting.sarif import Draft as Log

    if not isinstance(draft, Log):
        draft = Log(report, view, sharded=True)
        report = fill(report, [draft])
    draft.finish_shards(report, lambda number: replacing(os.path.join(folder, SHARD.format(number))))
    number = draft.shards + 1
    while os.path.exists(stale := os.path.join(folder, SHARD.format(number))):
        os.unlink(stale)
        number += 1


@contextmanager
def replacing(path: str) -> Iterator[TextIO]:
    """Open `path` for writing text so that it holds the old bytes or all of the new ones, whatever happens.

    The new file gets the usual permissions; where `path` is a link, what it names is replaced. Raises OSError.
    """
    if _is_special(path):
        number = _descriptor(path)
        with _open(path if number is None else os.dup(number), "w") as stream:
            yield stream
        return
    place = os.path.realpath(path)
    draft = f"{place}.{os.getpid()}.part"
    stream = _open(draft, "x")
    try:
        with stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(draft, place)
    except BaseException:
        os.unlink(draft)
        raise


def _open(path: str | int, mode: str) -> TextIO:
    from reporting.encode import Document

    return Document(open(path, f"{mode}b"), encoding="utf-8", errors="backslashreplace", newline="\n")
