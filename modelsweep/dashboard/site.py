"""The pages by address: what is shown comes from the ledger and the store each time, and nothing is kept here."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from http import HTTPStatus
from tempfile import SpooledTemporaryFile
from typing import IO, TYPE_CHECKING, Any

from flask import Flask, Response, abort, redirect, render_template, request, send_file, url_for
from redis.exceptions import RedisError
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as AnyResponse

from modelsweep.core.shape import place
from modelsweep.core.text import printable
from modelsweep.core.units import KIB, MIB, format_duration, format_size
from modelsweep.core.version import VERSION
from modelsweep.dashboard.access import Access
from modelsweep.dashboard.setup import TARGETS, Listings, Refused, Setup, words_of
from modelsweep.dashboard.shown import (
    FEW,
    FINDINGS,
    NotShown,
    fleetwide,
    found_in,
    job_of,
    jobs_on,
    shared_file,
    shared_in,
    shared_report,
)
from modelsweep.fleet.answers import LedgerFault, RetryStatus, UnknownJob
from modelsweep.fleet.job import is_id
from modelsweep.fleet.messages import BrokerFault
from modelsweep.fleet.redis_faults import explain
from modelsweep.fleet.signature import Damaged
from modelsweep.fleet.store import StoreFault
from modelsweep.jobs import NoReport
from reporting import WRITERS, View, Writer
from reporting.address import inside
from reporting.encode import Document
from reporting.html import STYLE
from reporting.writer import LISTED

if TYPE_CHECKING:
    from modelsweep.jobs import Fleet

TEXT = 1_000
"""Characters of anything that comes out of a file, or a job."""
FORM = 256 * KIB
"""Bytes of what is sent."""
IN_MEMORY = 8 * MIB
"""Of a report that is written anew."""
PIECE = 256 * KIB
AT_ONCE = 2
"""Pages at a time that go over all results of a job, or read a shared report: each takes seconds, or much memory."""
NO_RETRY = {
    RetryStatus.NOTHING: "Nothing to retry: another try would not change what was not scanned.",
    RetryStatus.RUNNING: "The job is still running.",
    RetryStatus.CANCELLED: "The job was cancelled.",
}
PAGE_OF_REPORT = "default-src 'none'; style-src 'unsafe-inline'; sandbox allow-popups; frame-ancestors 'none'"
"""The page of a report is all in one file."""
BY_NAME = {writer.name: writer for writer in WRITERS}


@dataclass(frozen=True, slots=True)
class Board:
    """What a dashboard shows: a fleet, and a folder of shared reports if there is one; `setup` where it may scan."""

    fleet: Fleet
    setup: Setup | None = None
    shared: str = ""


def site(board: Board, access: Access, listings: Listings) -> Flask:
    """Return the site."""
    app = Flask(__name__, template_folder="pages", static_folder="static")
    app.config.update(MAX_CONTENT_LENGTH=FORM, MAX_FORM_MEMORY_SIZE=FORM)
    app.jinja_options = {"trim_blocks": True, "lstrip_blocks": True}
    app.jinja_env.filters.update(
        shown=lambda value: printable(str(value), TEXT),
        size=format_size,
        seconds=format_duration,
        moment=lambda when: time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(when)),
        place=lambda item: printable(place(item.locator, item.span), TEXT),
        inside=lambda finding: printable(inside(finding), TEXT),
        kind=lambda verdict: verdict.lower().replace(" ", "-"),
    )
    app.jinja_env.globals.update(version=VERSION, board=board, access=access)
    access.protect(app)
    pages = _Pages(board, listings)
    for address, endpoint, methods in ADDRESSES:
        app.add_url_rule(address, endpoint, getattr(pages, endpoint), methods=methods)
    for fault, status in FAULTS.items():
        app.register_error_handler(fault, lambda error, status=status: _fault(error, status))
    return app


GET, POST = ["GET"], ["POST"]
ADDRESSES = (
    ("/", "jobs", GET),
    ("/jobs/<job>", "job", GET),
    ("/jobs/<job>/cancel", "cancel", POST),
    ("/jobs/<job>/retry", "retry", POST),
    ("/jobs/<job>/report", "report", GET),
    ("/jobs/<job>/reports/<name>", "fetch", GET),
    ("/new", "new", GET),
    ("/new", "begin", POST),
    ("/shared", "shared", GET),
    ("/shared/<name>", "shared_one", GET),
    ("/shared/<name>/file", "shared_file", GET),
    ("/palette.css", "palette", GET),
    ("/health", "health", GET),
)
FAULTS: dict[type[Exception], HTTPStatus] = {
    HTTPException: HTTPStatus.INTERNAL_SERVER_ERROR,  # has a status of its own
    UnknownJob: HTTPStatus.NOT_FOUND,
    NoReport: HTTPStatus.NOT_FOUND,
    NotShown: HTTPStatus.NOT_FOUND,
    Refused: HTTPStatus.BAD_REQUEST,
    RedisError: HTTPStatus.SERVICE_UNAVAILABLE,
    LedgerFault: HTTPStatus.SERVICE_UNAVAILABLE,
    BrokerFault: HTTPStatus.SERVICE_UNAVAILABLE,
    StoreFault: HTTPStatus.SERVICE_UNAVAILABLE,
    Damaged: HTTPStatus.SERVICE_UNAVAILABLE,
    OSError: HTTPStatus.SERVICE_UNAVAILABLE,
}


def _fault(error: Exception, status: HTTPStatus) -> tuple[str, int]:
    """Return the page that says what went wrong."""
    if isinstance(error, HTTPException):
        code = error.code or status
        return render_template("fault.html", title=error.name, sentence=error.description), code
    sentence = str(explain(error)) if isinstance(error, RedisError) else str(error)
    return render_template("fault.html", title=status.phrase, sentence=printable(sentence, TEXT)), status


class _Pages:
    """One method for each address, of the same name as its endpoint."""

    def __init__(self, board: Board, listings: Listings) -> None:
        self._board, self._listings = board, listings
        self._heavy = threading.Semaphore(AT_ONCE)

    def jobs(self) -> str:
        """Show the jobs, newest first, and who works on them."""
        page = request.args.get("page", 0, int)
        if not 0 <= page < 1_000_000:
            abort(HTTPStatus.NOT_FOUND)
        found, has_older = jobs_on(self._board.fleet, page)
        around = fleetwide(self._board.fleet)
        return render_template("jobs.html", jobs=found, around=around, page=page, has_older=has_older)

    def job(self, job: str) -> str:
        """Show one job, and what it found once it has ended."""
        shown = job_of(self._board.fleet, _known(job))
        # The report of a job that is retried is from before; its page is asked for every other second
        has_ended = shown.progress.report and not shown.is_going
        with self._heavy:
            found = found_in(self._board.fleet, shown) if has_ended else None
        failure = self._listings.failures.get(job, "")
        limits = {"few": FEW, "most": FINDINGS}
        return render_template("job.html", job=shown, found=found, failure=failure, writers=WRITERS, **limits)

    def cancel(self, job: str) -> AnyResponse:
        """Stop a job where it is."""
        with self._board.fleet.another() as fleet:
            fleet.cancel(_known(job))
        return redirect(url_for("job", job=job), HTTPStatus.SEE_OTHER)

    def retry(self, job: str) -> AnyResponse:
        """Have examined again what could not be."""
        with self._board.fleet.another() as fleet:
            status = fleet.retry(_known(job)).status
        if status is not RetryStatus.AGAIN:
            raise Refused(NO_RETRY[status])
        return redirect(url_for("job", job=job), HTTPStatus.SEE_OTHER)

    def report(self, job: str) -> Response:
        """Show the page of a report."""
        answer = self._document(_known(job), BY_NAME["html"])
        answer.mimetype = "text/html"
        answer.headers["Content-Security-Policy"] = PAGE_OF_REPORT
        return answer

    def fetch(self, job: str, name: str) -> Response:
        """Hand out a report in one format, as a file."""
        writer = BY_NAME.get(name)
        if writer is None:
            abort(HTTPStatus.NOT_FOUND, f"Unknown format: {printable(name, 40)}.")
        answer = self._document(_known(job), writer)
        answer.mimetype = "application/octet-stream"
        answer.headers.set("Content-Disposition", "attachment", filename=f"modelsweep-{job}{writer.suffix}")
        return answer

    def _document(self, job: str, writer: Writer) -> Response:
        """Return a report as it was stored, or written anew where it is not."""
        fleet = self._board.fleet
        progress = fleet.ledger(job).progress()
        if progress.report and (stored := fleet.stored_report(progress.report, writer)):
            return Response(_pieces(stored), direct_passthrough=True)
        if progress.units > FEW:
            raise Refused(f"This job has more than {FEW:,} files: run `modelsweep report {job} -f {writer.name}`.")
        spool: IO[bytes] = SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115 - closed by the answer that reads it
        text = Document(spool, encoding="utf-8", errors="backslashreplace", newline="\n")
        writer.write(fleet.report(job), text, View())
        text.detach()
        spool.seek(0)
        return Response(_pieces(spool), direct_passthrough=True)

    def new(self) -> str:
        """Show the form that sets up a scan."""
        return render_template("new.html", setup=self._setup(), values=request.args, targets=TARGETS, refusal="")

    def begin(self) -> AnyResponse | tuple[str, HTTPStatus]:
        """Submit what the form says, and show the job."""
        setup = self._setup()
        try:
            values = {name: request.form.getlist(name) for name in request.form}
            spec = setup.specify(words_of(setup.fields, values))
            self._listings.begin(spec)
        except Refused as refusal:
            page = render_template(
                "new.html", setup=setup, values=request.form, targets=TARGETS, refusal=printable(str(refusal), TEXT)
            )
            return page, HTTPStatus.BAD_REQUEST
        return redirect(url_for("job", job=spec.id), HTTPStatus.SEE_OTHER)

    def _setup(self) -> Setup:
        if self._board.setup is None:
            abort(HTTPStatus.NOT_FOUND, "This dashboard cannot start scans: allow it with `modelsweep serve --root`.")
        return self._board.setup

    def shared(self) -> str:
        """Show the reports that were shared."""
        return render_template("shared.html", reports=shared_in(self._folder()))

    def shared_one(self, name: str) -> str:
        """Show a report that was shared."""
        with self._heavy:
            report = shared_report(shared_file(self._folder(), name))
        issues: list[dict[str, Any]] = report["issues"]
        return render_template("shared_one.html", name=name, report=report, issues=issues[:LISTED], all=len(issues))

    def shared_file(self, name: str) -> Response:
        """Hand out a report that was shared."""
        path = shared_file(self._folder(), name)
        return send_file(path, "application/json", as_attachment=True, download_name=name)

    def _folder(self) -> str:
        if not self._board.shared:
            abort(
                HTTPStatus.NOT_FOUND,
                "This dashboard has no shared reports: name their folder with `modelsweep serve --shared`.",
            )
        return self._board.shared

    def palette(self) -> Response:
        """Hand out the style of the HTML report, which is that of all pages."""
        return Response(STYLE, mimetype="text/css")

    def health(self) -> Response:
        """Say that we are here, for probes."""
        return Response(json.dumps({"status": "ok"}), mimetype="application/json")


def _known(job: str) -> str:
    if not is_id(job):
        abort(HTTPStatus.NOT_FOUND, "This is not a job id.")
    return job


def _pieces(opened: AbstractContextManager[IO[bytes]]) -> Iterator[bytes]:
    with opened as file:
        while piece := file.read(PIECE):
            yield piece
