"""Which images passed: OCI images and artifacts that a job named by digest, where all of them passed."""

from __future__ import annotations

import re

from modelsweep.core.report import Report, UnitResult
from reporting.writer import View

_PINNED = re.compile(r"oci://(?P<name>[^@]+)@sha256:(?P<digest>[0-9a-f]{64})/?")
"""A tag may mean something else by the time that somebody admits it."""


def only_images(report: Report) -> bool:
    """Return whether all that a job was about are images that are named by their digest."""
    return bool(report.targets) and all(map(_PINNED.fullmatch, report.targets))


def passed_images(report: Report, view: View) -> dict[str, str]:
    """Return the images all files of which passed: the SHA-256 of the manifest in hex, and the name of each."""
    asked = {found["digest"]: found["name"] for target in report.targets if (found := _PINNED.fullmatch(target))}
    failed = {_manifest(problem.locator.uri) for problem in report.problems}
    seen = set()
    for result in report.results if asked else ():
        manifest = _manifest(result.unit.locator.uri)
        seen.add(manifest)
        if not has_passed(result, view):
            failed.add(manifest)
    return {digest: name for digest, name in asked.items() if digest in seen - failed}


def has_passed(result: UnitResult, view: View) -> bool:
    """Return whether nothing in a file fails the job, and all of it was scanned, whatever the job tolerates."""
    if not result.digest or result.problems:
        return False
    gate = view.gate
    return not any(gate.counts(item.rule) and not gate.accepts(item, result.digest) for item in result.findings)


def _manifest(uri: str) -> str:
    """Return the digest of the image that something is in, or nothing."""
    found = _PINNED.match(uri)
    return found["digest"] if found else ""
