"""What google-cloud-storage asks of a bucket, answered from memory: listing, metadata, media, uploads and removal."""

from __future__ import annotations

import json
from urllib.parse import unquote

from tests.sources.double import Reply, Request, ranged

WRITTEN = "2026-01-02T03:04:05.000Z"


class Bucket:
    """A bucket called `bucket`; objects are pages of `page` names at most."""

    def __init__(self, page: int = 1000) -> None:
        self.objects: dict[str, tuple[bytes, int]] = {}
        self.page = page

    def put(self, name: str, data: bytes) -> int:
        """Store an object; return its generation."""
        generation = self.objects.get(name, (b"", 1000))[1] + 1
        self.objects[name] = (data, generation)
        return generation

    def answer(self, request: Request) -> Reply:
        """Answer as Google does."""
        place = request.raw_path
        if place.startswith("/upload/storage/v1/b/bucket/o"):
            return self._upload(request)
        if place.removeprefix("/storage/v1/b/bucket") in ("/o", "/o/"):
            return self._list(request)
        for prefix in ("/download/storage/v1/b/bucket/o/", "/storage/v1/b/bucket/o/"):
            if place.startswith(prefix):
                return self._object(request, unquote(place.removeprefix(prefix)))
        return problem(404)

    def _object(self, request: Request, name: str) -> Reply:
        if name not in self.objects:
            return problem(404)
        data, generation = self.objects[name]
        if request.query.get("generation", str(generation)) != str(generation):
            return problem(404)
        if request.query.get("ifGenerationMatch", str(generation)) != str(generation):
            return problem(412)
        if request.method == "DELETE":
            del self.objects[name]
            return Reply(204)
        if request.query.get("alt") == "media":
            return ranged(data, request, f'"{generation}"')
        return as_json(self._described(name))

    def _described(self, name: str) -> dict[str, str]:
        data, generation = self.objects[name]
        return {
            "name": name,
            "bucket": "bucket",
            "size": str(len(data)),
            "generation": str(generation),
            "updated": WRITTEN,
        }

    def _list(self, request: Request) -> Reply:
        names = [name for name in self.objects if name.startswith(request.query.get("prefix", ""))]
        names.sort(key=lambda name: name.encode())
        begin = int(request.query.get("pageToken") or 0)
        end = begin + min(self.page, int(request.query.get("maxResults", 1000)))
        found: dict[str, object] = {"items": [self._described(name) for name in names[begin:end]]}
        if end < len(names):
            found["nextPageToken"] = str(end)
        return as_json(found)

    def _upload(self, request: Request) -> Reply:
        """Take `multipart/related`: the description, then the bytes."""
        boundary = request.headers["content-type"].partition("boundary=")[2].strip("\"'").encode()
        _, described, content, _ = request.body.split(b"--" + boundary)
        name = json.loads(described.partition(b"\r\n\r\n")[2])["name"]
        self.put(name, content.partition(b"\r\n\r\n")[2][:-2])
        return as_json(self._described(name))


def as_json(value: object) -> Reply:
    return Reply(200, json.dumps(value).encode(), {"Content-Type": "application/json"})


def problem(status: int) -> Reply:
    return Reply(status, json.dumps({"error": {"code": status, "message": "no"}}).encode())
