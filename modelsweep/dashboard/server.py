"""The server of the pages: threads of waitress, until told to stop."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from flask import Flask
from waitress import create_server

from modelsweep.fleet.listening import cannot_listen, check_port

THREADS = 8
ADDRESS, PORT = "127.0.0.1", 8420
CONNECTIONS = 200
SILENCE = 30
"""Seconds after which a connection that says nothing is closed."""


@contextmanager
def serving(app: Flask, address: str = ADDRESS, port: int = PORT) -> Iterator[str]:
    """Serve `app` in threads while the context lasts, and give its address (port 0: any free); raises CannotListen."""
    check_port(port)
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        listening = socket.create_server((address, port), family=family)
    except OSError as error:
        raise cannot_listen(error, "dashboard", address, port) from error
    server = create_server(
        app,
        sockets=[listening],
        threads=THREADS,
        connection_limit=CONNECTIONS,
        channel_timeout=SILENCE,
        max_request_body_size=app.config["MAX_CONTENT_LENGTH"],
        ident=None,
    )
    thread = threading.Thread(target=server.run, name="dashboard", daemon=True)
    thread.start()
    try:
        host, bound = f"[{address}]" if ":" in address else address, listening.getsockname()[1]
        yield f"http://{host}:{bound}/"
    finally:
        server.close()
