"""A small HTTP server on loopback for tests of sources: it answers what it is told to, and remembers what was asked."""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import cast
from urllib.parse import parse_qs, unquote, urlsplit


@dataclass(frozen=True)
class Request:
    """What was asked for: `path` is decoded, without the query; `headers` know no case."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes = b""
    raw_path: str = ""
    """As it was sent."""


@dataclass(frozen=True)
class Reply:
    """What is answered. `cut` sends only so many bytes of the body and hangs up, `drip` waits so long between bytes."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: int | None = None
    drip: float = 0.0
    length: int | None = None
    """What Content-Length says, where that is not the truth."""


Answering = Callable[[Request], Reply]


class Double:
    """A server that answers by `answer`, which may be replaced at any time; `requests` are those so far."""

    def __init__(self, answer: Answering) -> None:
        self.answer = answer
        self.requests: list[Request] = []
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.double = self
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def secure(self, context: ssl.SSLContext) -> None:
        """Speak TLS from now on."""
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self.url = self.url.replace("http:", "https:")

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def asked(self, method: str = "") -> list[str]:
        """Return the paths that were asked for, by one method or any."""
        return [request.path for request in self.requests if method in ("", request.method)]


@contextmanager
def double(answer: Answering) -> Iterator[Double]:
    """Yield a server that is gone afterwards."""
    server = Double(answer)
    try:
        yield server
    finally:
        server.close()


def ranged(data: bytes, request: Request, etag: str = '"1"', headers: Mapping[str, str] | None = None) -> Reply:
    """Answer as a server does that knows ranges and conditions."""
    common = {"ETag": etag, "Accept-Ranges": "bytes", **(headers or {})}
    if request.headers.get("If-Match", etag) != etag:
        return Reply(HTTPStatus.PRECONDITION_FAILED, b"", common)
    wanted = request.headers.get("Range", "")
    if not wanted.startswith("bytes="):
        return Reply(HTTPStatus.OK, data, common)
    first, _, last = wanted.removeprefix("bytes=").partition("-")
    start = int(first) if first else max(len(data) - int(last), 0)
    stop = min(int(last) + 1, len(data)) if first and last else len(data)
    if start >= len(data):
        return Reply(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, b"", common)
    return Reply(
        HTTPStatus.PARTIAL_CONTENT,
        data[start:stop],
        {**common, "Content-Range": f"bytes {start}-{stop - 1}/{len(data)}"},
    )


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    double: Double


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else each answer of two parts waits 40 ms for an acknowledgement

    def _do(self) -> None:
        parts = urlsplit(self.path)
        query = {name: values[-1] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        request = Request(
            self.command, unquote(parts.path), query, cast(Mapping[str, str], self.headers), body, parts.path
        )
        double = cast(_Server, self.server).double
        double.requests.append(request)
        self._send(double.answer(request))

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_PATCH = _do  # noqa: N815 - the names that http.server calls

    def _send(self, reply: Reply) -> None:
        length = len(reply.body) if reply.length is None else reply.length
        self.send_response(reply.status)
        for name, value in {"Content-Length": str(length), **reply.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self._send_body(reply.body if reply.cut is None else reply.body[: reply.cut], reply.drip)
            self.close_connection |= reply.cut is not None

    def _send_body(self, body: bytes, drip: float) -> None:
        if not drip:
            self.wfile.write(body)
            return
        for number in range(len(body)):
            self.wfile.write(body[number : number + 1])
            time.sleep(drip)

    def log_message(self, format: str, *args: object) -> None:
        """Keep quiet."""

    def handle(self) -> None:
        """Serve; that a client hung up is its right."""
        try:
            super().handle()
        except (ConnectionError, ssl.SSLError):
            self.close_connection = True
