"""Telling a webhook what a job came to: only on request, and only where the environment says.

The message is JSON with a `text` for chats (Slack, Mattermost and others show it), and, where there is a secret, its
HMAC-SHA256 in the header `X-Modelsweep-Signature-256: sha256=HEX`, as GitHub signs its own.
"""

from __future__ import annotations

import hmac
import time
from collections.abc import Callable
from http import HTTPStatus

from urllib3.exceptions import HTTPError

from modelsweep.core.finding import Json, JsonObject
from modelsweep.core.reader import SourceFault
from modelsweep.core.report import Report, Verdict
from modelsweep.core.shape import place
from modelsweep.core.text import printable
from modelsweep.core.units import counted
from modelsweep.core.version import VERSION
from modelsweep.core.wire import dumps
from reporting.worst import worst_files
from reporting.writer import View
from sources.connections import PrivateAddress, request

SIGNATURE = "X-Modelsweep-Signature-256"
FINDINGS = 20
"""In a message: the worst ones."""
TEXT = 500
"""Characters of anything that comes out of a file."""
TARGETS = 100
"""In a message: the first ones."""
TRIES, PAUSE = 3, 1.0
"""How often it is tried, and seconds before it is tried again."""
AGAIN = frozenset({HTTPStatus.TOO_MANY_REQUESTS, *(status for status in HTTPStatus if status >= 500)})


def message_of(report: Report, code: int, view: View) -> JsonObject:
    """Return what is told of a job that ended with this exit code."""
    totals = report.totals
    verdicts = {verdict.value: totals.verdicts[verdict] for verdict in Verdict if totals.verdicts[verdict]}
    worst: list[Json] = [
        {
            "rule": finding.rule.id,
            "severity": finding.severity.name.lower(),
            "location": printable(place(finding.locator, finding.span), TEXT),
            "message": printable(finding.message, TEXT),
        }
        for _, findings in worst_files(report, view, FINDINGS)
        for finding in findings
    ]
    said = ", ".join(f"{count:,} {verdict}" for verdict, count in verdicts.items()) or "nothing to scan"
    targets = ", ".join(printable(target, TEXT) for target in report.targets[:3])
    return {
        "text": f"modelsweep: {said} ({counted(totals.files, 'file')} in {targets}; exit code {code})",
        "version": VERSION,
        "job": report.run.job,
        "targets": [printable(target, TEXT) for target in report.targets[:TARGETS]],
        "exit_code": code,
        "verdicts": dict(verdicts),
        "problems": {kind.value: count for kind, count in totals.problems.items()},
        "findings": worst,
    }


def send(url: str, secret: str, message: JsonObject, pause: Callable[[float], object] = time.sleep) -> str:
    """Send a message, and return what went wrong as a sentence without the address, nothing where it arrived."""
    body = dumps(message)
    headers = {"Content-Type": "application/json", "User-Agent": f"modelsweep/{VERSION}"}
    if secret:
        headers[SIGNATURE] = f"sha256={hmac.new(secret.encode(), body, 'sha256').hexdigest()}"
    fault = ""
    for attempt in range(TRIES):
        if attempt:
            pause(PAUSE * attempt)
        try:
            answer = request("POST", url, headers, private=True, authorities="", body=body)
        except (PrivateAddress, SourceFault) as error:
            return f"the webhook cannot be called: {printable(str(error), 200)}"
        except ValueError as error:  # its text may be the address
            return f"the webhook cannot be called ({type(error).__name__})"
        except HTTPError as error:
            fault = f"the webhook cannot be reached ({type(error).__name__})"
            continue
        answer.close()  # what else it says may be endless
        if 200 <= answer.status < 300:
            return ""
        fault = f"the webhook answered with status {answer.status}"
        if answer.status not in AGAIN:
            break
    return fault
