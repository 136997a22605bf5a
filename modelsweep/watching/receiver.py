"""Takes in notifications over HTTP, and lets whoever examines have their targets one after the other."""

from __future__ import annotations

import threading
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Full, Queue
from typing import cast

from modelsweep.core.units import MIB
from modelsweep.watching.events import Gate, Refused, targets_of

LARGEST = 1 * MIB
"""Bytes of a notification."""
WAITING = 10_000
"""Targets that wait to be examined; more are refused, and come again."""
CONNECTIONS = 64
SILENCE = 10.0
"""Seconds that a sender may take for the next bytes."""

Say = Callable[[str], None]


class Receiver:
    """Listens at an address until closed; `targets` are what was told to be new, below what `is_watched`."""

    def __init__(self, host: str, port: int, gate: Gate, is_watched: Callable[[str], bool], say: Say) -> None:
        self.targets: Queue[str] = Queue(WAITING)
        self._server = _Server((host, port), _Handler)
        self._server.receiver = self
        self.gate, self.is_watched, self.say = gate, is_watched, say
        self._thread = threading.Thread(target=self._server.serve_forever, name="receiver", daemon=True)
        self._thread.start()

    @property
    def address(self) -> str:
        """Where it listens."""
        host, port = self._server.server_address[:2]
        return f"http://{host!s}:{port}"

    def take(self, headers: dict[str, str], body: bytes) -> HTTPStatus:
        """Take in a notification, and return what its sender is told."""
        try:
            self.gate.check(headers, body)
        except Refused as refusal:
            self.say(f"notification refused: {refusal}")
            return HTTPStatus.UNAUTHORIZED
        try:
            for target in targets_of(body):
                if self.is_watched(target):
                    self.targets.put_nowait(target)
                else:
                    self.say(f"notification passed over: {target} is not below any target")
        except Refused as refusal:
            self.say(f"notification refused: {refusal}")
            return HTTPStatus.BAD_REQUEST
        except Full:
            return HTTPStatus.SERVICE_UNAVAILABLE
        return HTTPStatus.ACCEPTED

    def close(self) -> None:
        """Listen no more."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    receiver: Receiver

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        super().__init__(address, handler)
        self.slots = threading.BoundedSemaphore(CONNECTIONS)

    def process_request(self, request: object, client_address: object) -> None:
        """Serve in a thread, but no more than `CONNECTIONS` at a time."""
        if self.slots.acquire(blocking=False):
            super().process_request(request, client_address)  # type: ignore[arg-type]
        else:
            self.shutdown_request(request)  # type: ignore[arg-type]

    def process_request_thread(self, request: object, client_address: object) -> None:
        """Serve, and give the place back."""
        try:
            super().process_request_thread(request, client_address)  # type: ignore[arg-type]
        finally:
            self.slots.release()


class _Handler(BaseHTTPRequestHandler):
    timeout = SILENCE

    def do_GET(self) -> None:
        """Say that we are here, for probes."""
        self._answer(HTTPStatus.OK if self.path == "/health" else HTTPStatus.NOT_FOUND)

    def do_POST(self) -> None:
        """Take in a notification."""
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal():
            self._answer(HTTPStatus.LENGTH_REQUIRED)
        elif int(length) > LARGEST:
            self._answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        else:
            body = self.rfile.read(int(length))
            headers = cast(dict[str, str], self.headers)  # knows no case
            self._answer(cast(_Server, self.server).receiver.take(headers, body))

    def _answer(self, status: HTTPStatus) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing of each request: senders would fill the log."""
