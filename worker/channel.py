"""Messages between our processes: four bytes of length, JSON, and open files beside it."""

from __future__ import annotations

import array
import json
import os
import socket
from collections.abc import Sequence
from typing import Any

from modelsweep.core.finding import JsonObject
from modelsweep.core.units import MIB
from modelsweep.core.wire import Decoded, dumps

HEADER = 4
SANDBOX_FAULT = 70
"""Exit status of a child that could not enter its sandbox (EX_SOFTWARE)."""
LARGEST = 256 * MIB
"""Bytes of one message: more than a result with every list at its limit."""
OPEN_FILES = 16
"""Files beside one message at most."""
_decode = json.JSONDecoder().raw_decode  # less than half the time of json.loads for a short line


class BadMessage(Exception):
    """The other side sent what is no message; the sentence says why."""


class Closed(Exception):
    """The other side is gone."""


def framed(body: bytes) -> bytes:
    """Return the bytes of a message; raises BadMessage where it is larger than `LARGEST`."""
    if len(body) > LARGEST:
        raise BadMessage(f"{len(body):,} bytes are more than a message may have")
    return len(body).to_bytes(HEADER, "big") + body


def unframe(received: bytearray) -> bytes | None:
    """Take the body of the first message out of what was `received`, None while it is incomplete; raises BadMessage."""
    if len(received) < HEADER:
        return None
    stop = HEADER + int.from_bytes(received[:HEADER], "big")
    if stop > HEADER + LARGEST:
        raise BadMessage("more bytes than a message may have")
    if len(received) < stop:
        return None
    body = bytes(received[HEADER:stop])
    del received[:stop]
    return body


def decoded(body: bytes) -> Decoded:
    """Return the object that `body` holds; raises BadMessage."""
    message: Any
    try:
        message, end = _decode(body.decode("ascii"))
    except (ValueError, RecursionError) as error:
        raise BadMessage(f"no JSON: {type(error).__name__}") from error
    if not isinstance(message, dict) or end != len(body):
        raise BadMessage("no JSON object")
    return message


def send(peer: socket.socket, message: JsonObject, descriptors: Sequence[int] = ()) -> None:
    """Send a message with duplicates of open files; raises Closed, BlockingIOError where a peer does not read."""
    data = framed(dumps(message))
    ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))] if descriptors else []
    try:
        sent = peer.sendmsg([data], ancillary)
        if sent < len(data):
            peer.sendall(memoryview(data)[sent:])
    except (BrokenPipeError, ConnectionResetError) as error:
        raise Closed from error


def receive(peer: socket.socket) -> tuple[Decoded, list[int]]:
    """Wait for a message, with the open files beside it; raises Closed, BadMessage."""
    header, descriptors = _first_bytes(peer)
    try:
        body = exactly(peer, int.from_bytes(header, "big"))
        return decoded(body), descriptors
    except BaseException:
        for descriptor in descriptors:
            os.close(descriptor)
        raise


def _first_bytes(peer: socket.socket) -> tuple[bytes, list[int]]:
    try:
        header, descriptors, _, _ = socket.recv_fds(peer, HEADER, OPEN_FILES)
    except ConnectionResetError as error:
        raise Closed from error
    if not header:
        raise Closed
    return header + exactly(peer, HEADER - len(header)), descriptors


def exactly(peer: socket.socket, length: int) -> bytes:
    """Wait for `length` bytes; raises Closed, and BadMessage for more than `LARGEST`."""
    if length > LARGEST:
        raise BadMessage("more bytes than a message may have")
    received = bytearray()
    while len(received) < length:
        chunk = peer.recv(min(length - len(received), MIB))
        if not chunk:
            raise Closed
        received += chunk
    return bytes(received)
