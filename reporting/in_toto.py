"""An in-toto statement about the files that passed: a Simple Verification Result, for whoever admits models.

Statement: https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md, predicate:
https://github.com/in-toto/attestation/blob/main/spec/predicates/svr.md (version 0.2). It is not signed yet: `modelsweep
sign`, or cosign, does that. Such a statement can only vouch: what it does not name did not pass, or was not scanned.

Of a job about images alone, the subjects are the images instead of their files. Both must not be in one statement:
verifiers of images take any subject whose digest is that of the image, and a file may be the manifest of another one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TextIO

from modelsweep.core.finding import Json, Severity
from modelsweep.core.report import Report
from modelsweep.core.text import printable
from reporting.address import address
from reporting.encode import array, indented, utc
from reporting.images import has_passed, only_images, passed_images
from reporting.writer import View

STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "https://in-toto.io/attestation/svr/v0.2"
VERIFIER = "pkg:pypi/modelsweep@{}"
"""A URI for each version, whose logic is its own."""
PASSED = "MODELSWEEP_PASSED"
WHOLE = "MODELSWEEP_FULL_AUDIT"
"""All scanners and detectors looked at every byte, and no class of the user's was trusted."""
IMAGES = "MODELSWEEP_WHOLE_IMAGE"
"""Each subject is an image, by the digest of its manifest, and all files in it passed."""
FREE = {Severity.CRITICAL: "MODELSWEEP_NO_CRITICAL", Severity.WARNING: "MODELSWEEP_NO_WARNING"}
"""Properties by the severity of which there is no finding."""
MARGIN = "  "


def write(report: Report, stream: TextIO, view: View) -> None:
    """Write the statement: every file with a digest that was scanned whole, and has no finding that fails the job."""
    subjects = _images(report, view) if only_images(report) else _files(report, view)
    stream.write(f'{{\n  "_type": "{STATEMENT}",\n  "subject": ')
    stream.writelines(array(subjects, MARGIN))
    predicate = indented(_predicate(report, view), MARGIN)
    stream.write(f',\n  "predicateType": "{PREDICATE}",\n  "predicate": {predicate}\n}}\n')


def _images(report: Report, view: View) -> Iterator[Json]:
    for digest, name in passed_images(report, view).items():
        yield {"name": printable(name), "digest": {"sha256": digest}}


def _files(report: Report, view: View) -> Iterator[Json]:
    """Yield what passed; the same bytes under a name by which they did not pass are not vouched for."""
    failed = {result.digest for result in report.results if not has_passed(result, view)}
    for result in report.results:
        if result.digest not in failed and has_passed(result, view):
            where = address(result.unit.locator, view.root)
            yield {"name": printable(where.path), "digest": {"sha256": result.digest}}


def _predicate(report: Report, view: View) -> Json:
    gate = view.gate
    free = [name for severity, name in FREE.items() if severity >= gate.fail_on and not gate.excuses]
    return {
        "verifier": {
            "id": VERIFIER.format(report.tool.version),
            "policies": [{"name": "modelsweep ruleset", "digest": {"sha256": report.tool.ruleset}}],
        },
        "timeCreated": utc(report.run.start_time + report.run.duration),
        "properties": [
            PASSED,
            *([IMAGES] if only_images(report) else []),
            *([WHOLE] if is_thorough(report) and not report.options.get("allow_imports") else []),
            *free,
        ],
    }


def is_thorough(report: Report) -> bool:
    """Return whether all scanners and detectors looked at every byte."""
    return report.options.get("depth") == "full" and report.options.get("scanners") is None
