"""A bucket of any number of objects that are made up as they are listed; it notes what was asked for in which order."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from bench.serving import serving

PAGE = 1000
CONTENT = b"N."
_ITEM = (
    "<Contents><Key>{0}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified><ETag>&quot;1&quot;</ETag>"
    f"<Size>{len(CONTENT)}</Size><StorageClass>STANDARD</StorageClass></Contents>"
)


class Endless:
    """`objects` objects, their keys in order; `pages` and `reads` count what was answered, `before` pages a read."""

    def __init__(self, objects: int) -> None:
        self.objects = objects
        self.pages = self.reads = 0
        self.before_first_read = 0
        self.read = threading.Event()
        self.url = ""

    def page(self, start: int) -> bytes:
        """Return the page of a listing that begins with an object."""
        stop = min(start + PAGE, self.objects)
        items = "".join(_ITEM.format(f"models/{number:09d}.pkl") for number in range(start, stop))
        more = stop < self.objects
        following = f"<NextContinuationToken>{stop}</NextContinuationToken>" if more else ""
        flag = "true" if more else "false"
        return (
            f"<ListBucketResult><Name>bucket</Name><KeyCount>{stop - start}</KeyCount><IsTruncated>{flag}</IsTruncated>"
            f"{following}{items}</ListBucketResult>"
        ).encode()

    def answer(self, path: str) -> tuple[int, dict[str, str], bytes]:
        """Return status, headers and body for a GET."""
        query = parse_qs(urlsplit(path).query)
        if "list-type" in query:
            self.pages += 1
            return 200, {"Content-Type": "application/xml"}, self.page(_start(query))
        self.reads += 1
        if not self.read.is_set():
            self.before_first_read = self.pages
            self.read.set()
        extent = f"bytes 0-{len(CONTENT) - 1}/{len(CONTENT)}"
        return 206, {"ETag": '"1"', "Content-Range": extent}, CONTENT


def _start(query: dict[str, list[str]]) -> int:
    if "continuation-token" in query:
        return int(query["continuation-token"][0])
    if "start-after" in query:
        return int(query["start-after"][0].removeprefix("models/").removesuffix(".pkl")) + 1
    return 0


@contextmanager
def endless(objects: int) -> Iterator[Endless]:
    """Yield a bucket on loopback that is gone afterwards."""
    found = Endless(objects)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # else each answer of two parts waits 40 ms for an acknowledgement

        def do_GET(self) -> None:
            status, headers, body = found.answer(self.path)
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    found.url = f"http://127.0.0.1:{server.server_address[1]}"
    with serving(server):
        yield found


LISTING = f"""\
import time
from pathlib import Path
from producer.plan import plan
def peak():
    (line,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")]
    return line.split()[1]
begun, amount, marks = time.monotonic(), 0, []
for item in plan(["s3://bucket"]):
    amount += 1
    if amount in (1, 10 * {PAGE}):
        marks += time.monotonic() - begun, peak()
print(amount, *marks, time.monotonic() - begun, peak())
"""
"""A program that lists all, and says how many objects there were; then for the first, the ten-thousandth and the last
of them the seconds until then, and the peak of its memory in KiB."""

COMMAND = (sys.executable, "-c", LISTING)
