"""What google-cloud-storage asks of a bucket, answered from memory: listing, metadata, media, uploads and removal.

Its requests were recorded (version 3.17); what it does not send is refused, as is what Google would refuse. Among that
is the bucket itself: reading objects needs no right to it. https://cloud.google.com/storage/docs/json_api/v1
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from urllib.parse import unquote

from tests.sources.double import Reply, Request, ranged

WRITTEN = "2026-01-02T03:04:05.000Z"
MOST = 1000
"""Names in an answer, whatever is asked for."""
KNOWN: Mapping[str, frozenset[str]] = {
    "list": frozenset(
        {"maxResults", "pageToken", "projection", "prefix", "fields", "startOffset", "prettyPrint"},
    ),
    "describe": frozenset({"generation", "projection", "prettyPrint"}),
    "media": frozenset({"alt", "generation", "ifGenerationMatch"}),
    "delete": frozenset({"prettyPrint"}),
    "upload": frozenset({"uploadType", "upload_id"}),
}
"""Parameters of each request."""


class Bucket:
    """A bucket called `bucket`; objects are pages of `page` names at most."""

    def __init__(self, page: int = MOST) -> None:
        self.objects: dict[str, tuple[bytes, int]] = {}
        self.page = page
        self.sessions: dict[str, tuple[str, bytearray]] = {}
        """Uploads in several requests: name, and what has come."""
        self.refused: list[str] = []
        """Requests that Google would not have answered, or that its client does not make."""

    def put(self, name: str, data: bytes) -> int:
        """Store an object; return its generation."""
        generation = self.objects.get(name, (b"", 1000))[1] + 1
        self.objects[name] = (data, generation)
        return generation

    def answer(self, request: Request) -> Reply:
        """Answer as Google does."""
        place = request.raw_path
        if place.startswith("/upload/storage/v1/b/bucket/o"):
            return self._known("upload", request) or self._upload(request)
        if place.removeprefix("/storage/v1/b/bucket") in ("/o", "/o/"):
            return self._known("list", request) or self._list(request)
        for prefix in ("/download/storage/v1/b/bucket/o/", "/storage/v1/b/bucket/o/"):
            if place.startswith(prefix):
                return self._object(request, unquote(place.removeprefix(prefix)))
        if place == "/storage/v1/b/bucket":
            return self._refuse(403, request)
        return problem(404)

    def _refuse(self, status: int, request: Request) -> Reply:
        self.refused.append(f"{request.method} {request.path} {dict(request.query)}")
        return problem(status)

    def _known(self, kind: str, request: Request) -> Reply | None:
        """Return a refusal of parameters that there are not, or that are no numbers where they must be."""
        numbers = [request.query.get(name, "0") for name in ("generation", "ifGenerationMatch", "maxResults")]
        if set(request.query) <= KNOWN[kind] and all(number.isdecimal() for number in numbers):
            return None
        return self._refuse(400, request)

    def _object(self, request: Request, name: str) -> Reply:
        kind = "delete" if request.method == "DELETE" else "media" if "alt" in request.query else "describe"
        if refused := self._known(kind, request):
            return refused
        if name not in self.objects:
            return problem(404)
        data, generation = self.objects[name]
        if request.query.get("generation", str(generation)) != str(generation):
            return problem(404)
        if request.query.get("ifGenerationMatch", str(generation)) != str(generation):
            return problem(412)
        if kind == "delete":
            del self.objects[name]
            return Reply(204)
        if kind == "media":
            return ranged(data, request, f'"{generation}"')
        return as_json(self._described(name))

    def _described(self, name: str) -> dict[str, str]:
        data, generation = self.objects[name]
        return {
            "kind": "storage#object",
            "name": name,
            "bucket": "bucket",
            "size": str(len(data)),
            "generation": str(generation),
            "updated": WRITTEN,
        }

    def _list(self, request: Request) -> Reply:
        start, prefix = request.query.get("startOffset", "").encode(), request.query.get("prefix", "")
        names = [name for name in self.objects if name.startswith(prefix) and name.encode() >= start]
        names.sort(key=lambda name: name.encode())
        token = request.query.get("pageToken", "0")
        if not token.isdecimal():
            return self._refuse(400, request)
        begin = int(token)
        end = begin + min(self.page, int(request.query.get("maxResults", MOST)), MOST)
        wanted = re.fullmatch(r"items\(([a-z,]+)\),nextPageToken", request.query.get("fields", ""))
        if "fields" in request.query and not wanted:
            return self._refuse(400, request)
        keys = wanted[1].split(",") if wanted else None
        items = [self._described(name) for name in names[begin:end]]
        found: dict[str, object] = {}
        if items:  # a page without any has no such key
            found["items"] = [{key: item[key] for key in keys or item} for item in items]
        if end < len(names):
            found["nextPageToken"] = str(end)
        return as_json(found)

    def _upload(self, request: Request) -> Reply:
        """Take what comes in one request, or in several."""
        if request.query.get("uploadType") == "resumable":
            return self._session(request)
        if request.query.get("uploadType") != "multipart":
            return self._refuse(400, request)
        boundary = request.headers["content-type"].partition("boundary=")[2].strip("\"'").encode()
        _, described, content, _ = request.body.split(b"--" + boundary)
        name = json.loads(described.partition(b"\r\n\r\n")[2])["name"]
        self.put(name, content.partition(b"\r\n\r\n")[2][:-2])
        return as_json(self._described(name))

    def _session(self, request: Request) -> Reply:
        """Begin an upload in several requests, or take the next part: https://cloud.google.com/storage/docs/resumable-uploads."""
        if request.method == "POST":
            session = str(len(self.sessions))
            self.sessions[session] = (json.loads(request.body)["name"], bytearray())
            host = request.headers["host"]
            where = f"http://{host}/upload/storage/v1/b/bucket/o?uploadType=resumable&upload_id={session}"
            return Reply(200, b"", {"Location": where})
        name, come = self.sessions[request.query["upload_id"]]
        extent = re.fullmatch(r"bytes ([0-9]+)-([0-9]+)/([0-9]+|\*)", request.headers.get("content-range", ""))
        if not extent or int(extent[1]) != len(come) or int(extent[2]) + 1 - len(come) != len(request.body):
            return self._refuse(400, request)
        come += request.body
        if extent[3] != str(len(come)):
            return Reply(308, b"", {"Range": f"bytes=0-{len(come) - 1}"})
        self.put(name, bytes(come))
        return as_json(self._described(name))


def as_json(value: object) -> Reply:
    return Reply(200, json.dumps(value).encode(), {"Content-Type": "application/json"})


def problem(status: int) -> Reply:
    return Reply(status, json.dumps({"error": {"code": status, "message": "no"}}).encode())
