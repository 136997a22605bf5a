"""A ConfigMap of approved images, the parameter of deploy/policy/admission.yaml: kubectl applies it.

Each key is the SHA-256 of a manifest in hex, each value when it was scanned (RFC 3339). Only what was scanned at full
depth with all scanners is approved. https://kubernetes.io/docs/reference/kubernetes-api/config-and-storage-resources/config-map-v1/
"""

from __future__ import annotations

from typing import TextIO

from modelsweep.core.finding import Json
from modelsweep.core.report import Report
from reporting.encode import indented, utc
from reporting.images import passed_images
from reporting.in_toto import is_thorough
from reporting.writer import View

NAME = "modelsweep-approved"


def write(report: Report, stream: TextIO, view: View) -> None:
    """Write the ConfigMap; where nothing passed it is empty, and applying it takes approvals back."""
    when = utc(report.run.start_time + report.run.duration)
    approved: dict[str, Json] = {}
    if is_thorough(report):
        approved = dict.fromkeys(sorted(passed_images(report, view)), when)
    manifest: dict[str, Json] = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": NAME, "labels": {"app.kubernetes.io/managed-by": "modelsweep"}},
        "data": approved,
    }
    stream.write(f"{indented(manifest, '')}\n")
