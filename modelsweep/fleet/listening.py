"""Why a server of ours cannot listen, in a sentence."""

from __future__ import annotations

import errno

HIGHEST_PORT = 65_535


class CannotListen(OSError):
    """The address cannot be listened on: the message is a sentence."""

    def __str__(self) -> str:
        return str(self.args[0])


def check_port(port: int) -> None:
    """Raise CannotListen for what is no port; 0 stands for a free one."""
    if not 0 <= port <= HIGHEST_PORT:
        raise CannotListen(f"{port} is not a port: ports are 1 to {HIGHEST_PORT}")


def cannot_listen(error: OSError, what: str, address: str, port: int) -> CannotListen:
    """Return why `what`, our server, cannot listen there."""
    if error.errno == errno.EADDRINUSE:
        return CannotListen(
            f"port {port} of {address} is taken: another {what} may run already; --port chooses another"
        )
    detail = error.strerror or error
    return CannotListen(f"cannot listen on {address} port {port}: {detail}")
