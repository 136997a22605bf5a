"""The file that `baseline` writes and `--baseline` reads: JSON, where people fill in who reviewed what, until when.

Its list has the name that the example for OPA (deploy/policy) looks for.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import click

from modelsweep.cli.json_file import Form
from modelsweep.cli.terminal import say
from modelsweep.core import patterns as re
from modelsweep.core.finding import Finding
from modelsweep.core.report import Gate, Report
from modelsweep.core.shape import place
from modelsweep.core.text import printable
from modelsweep.core.units import MIB, counted

_FORM = Form("baseline", "modelsweep-baseline", 1, "`modelsweep baseline`", 64 * MIB)
LIST = "modelsweep_accepted"
SAID = ("until", "reason", "owner")
"""What people say of an entry; it is kept when the file is written anew."""
_DAY = re.compile(r"[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])")
Key = tuple[str, str]
"""Fingerprint of a finding, and the SHA-256 of its file."""


def is_day(text: object) -> bool:
    """Return whether it is a day such as 2027-06-30."""
    return isinstance(text, str) and bool(_DAY.fullmatch(text))


def day(text: str) -> str:
    """Return a day such as 2027-06-30."""
    if not is_day(text):
        raise click.BadParameter(f"{text!r} is not a date such as 2027-06-30")
    return text


def written(report: Report, gate: Gate, said: Mapping[str, str], before: Mapping[Key, Mapping[str, str]]) -> str:
    """Return the baseline of the findings that fail a scan, each once for a file; what was `said` before is kept."""
    entries: dict[Key, dict[str, str]] = {}
    for result in report.results:
        for finding in result.findings if result.digest else ():
            if gate.counts(finding.rule):
                key = (finding.fingerprint, result.digest)
                entries.setdefault(key, {**_described(finding, *key), **before.get(key, said)})
    return _FORM.written(**{LIST: list(entries.values())})


def _described(finding: Finding, fingerprint: str, digest: str) -> dict[str, str]:
    return {
        "fingerprint": fingerprint,
        "digest": digest,
        "rule": finding.rule.id,
        "location": printable(place(finding.locator, None)),
        "message": printable(finding.message),
    }


def entries_of(file: str) -> dict[Key, dict[str, str]]:
    """Return what a file accepts, and what is said of each; raises UsageError where it is no baseline."""
    entries = _FORM.read(file).get(LIST)
    return dict(_entry(file, entry) for entry in (entries if isinstance(entries, list) else [None]))


def _entry(file: str, entry: Any) -> tuple[Key, dict[str, str]]:
    key = (entry.get("fingerprint"), entry.get("digest")) if isinstance(entry, dict) else (None, None)
    if not (isinstance(key[0], str) and key[0] and isinstance(key[1], str) and key[1]):
        raise click.UsageError(f"{file}: an entry lacks a fingerprint or a digest")
    said = {name: entry[name] for name in SAID if name in entry}
    if not all(isinstance(text, str) for text in said.values()):
        raise click.UsageError(f"{file}: {', '.join(SAID)} are texts")
    if not is_day(said.get("until", "2027-06-30")):
        raise click.UsageError(f"{file}: until {said['until']!r} is not a date such as 2027-06-30")
    return (key[0], key[1]), said


def accepted_by(files: Sequence[str]) -> frozenset[Key]:
    """Return what the files accept today; how many entries are past their day is said."""
    today = time.strftime("%Y-%m-%d", time.gmtime())
    accepted: set[Key] = set()
    for file in files:
        entries = entries_of(file)
        valid = [key for key, said in entries.items() if said.get("until", today) >= today]
        accepted.update(valid)
        if expired := len(entries) - len(valid):
            say(f"{file}: {counted(expired, 'finding')} accepted until a day that is past: they count again")
    return frozenset(accepted)


def say_unused(accepted: frozenset[Key], report: Report) -> None:
    """Say how much of the baseline nothing needs any more."""
    if accepted and (unused := accepted - _keys(report)):
        whole = counted(len(accepted), "finding")
        say(f"{len(unused):,} of {whole} in the baseline are not among these files any more")


def _keys(report: Report) -> set[Key]:
    return {(finding.fingerprint, result.digest) for result in report.results for finding in result.findings}
