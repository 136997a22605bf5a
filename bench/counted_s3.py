"""A real S3 on loopback (moto's server) that counts what it is asked for, and how many bytes of objects it gives."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs

from bench.serving import serving

REGION = "eu-west-3"
ACCOUNT = "123456789012"
LISTING, OBJECT, HEAD, OTHER = "listings", "objects", "heads", "others"


class CountedS3:
    """Counts requests by kind, and the bytes of objects; `before` is called with the kind of each request first."""

    def __init__(self) -> None:
        from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

        self._inner = DomainDispatcherApplication(create_backend_app)
        self._lock = threading.Lock()
        self.requests: Counter[str] = Counter()
        self.bytes = 0
        self.url = ""
        self.before = _nothing

    def __call__(self, environment: dict[str, Any], start: Any) -> Iterable[bytes]:
        """Answer one request (WSGI)."""
        kind = _kind(environment)
        with self._lock:
            self.requests[kind] += 1
        self.before(kind)
        body = b"".join(self._inner(environment, start))
        if kind == OBJECT:
            with self._lock:
                self.bytes += len(body)
        return [body]

    def taken(self) -> tuple[dict[str, int], int]:
        """Return the requests by kind, and the bytes of objects, since this was asked last."""
        with self._lock:
            found = dict(sorted(self.requests.items())), self.bytes
            self.requests, self.bytes = Counter(), 0
        return found

    def fill(self, bucket: str, objects: Mapping[str, bytes]) -> None:
        """Make a bucket that holds these objects, without a request for each."""
        from moto.s3.models import s3_backends

        backend = s3_backends[ACCOUNT]["aws"]
        if bucket not in backend.buckets:
            backend.create_bucket(bucket, REGION)
        for key, data in objects.items():
            backend.put_object(bucket, key, data)


def _nothing(kind: str) -> None:
    pass


def _kind(environment: Mapping[str, Any]) -> str:
    if "list-type" in parse_qs(environment.get("QUERY_STRING", "")):
        return LISTING
    if environment["PATH_INFO"].strip("/").count("/") and environment["REQUEST_METHOD"] in ("GET", "HEAD"):
        return OBJECT if environment["REQUEST_METHOD"] == "GET" else HEAD
    return OTHER


@contextmanager
def counted_s3() -> Iterator[CountedS3]:
    """Yield an S3 without buckets that is gone afterwards."""
    from moto.moto_server.werkzeug_app import MotoRequestHandler
    from moto.s3.models import s3_backends
    from werkzeug.serving import make_server

    class Quiet(MotoRequestHandler):
        def log(self, type: str, message: str, *args: Any) -> None:
            """Say nothing of requests."""

    s3_backends.reset()  # all servers of a process share them
    found = CountedS3()
    server = make_server("127.0.0.1", 0, found, threaded=True, request_handler=Quiet)
    found.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        with serving(server):
            yield found
    finally:
        s3_backends.reset()
