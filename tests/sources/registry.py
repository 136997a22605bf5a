"""A registry of one repository that speaks the distribution protocol, for tests."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.sources.double import Reply, Request, ranged

INDEX = "application/vnd.oci.image.index.v1+json"


def digest_of(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def layer(name: str, data: bytes) -> bytes:
    """Return a layer as registries keep them: a compressed tar of one file."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        entry = tarfile.TarInfo(name)
        entry.size = len(data)
        archive.addfile(entry, io.BytesIO(data))
    return gzip.compress(stream.getvalue(), mtime=0)


@dataclass
class Registry:
    """A registry of one repository, `models/tiny`; with `users` it wants a token, which opens `uses` requests."""

    blobs: dict[str, bytes] = field(default_factory=dict)
    manifests: dict[str, bytes] = field(default_factory=dict)
    users: Mapping[str, str] = field(default_factory=dict)
    uses: int = 1_000_000
    url: str = ""
    realm: str = ""
    token: int = 0

    def add(self, tag: str, *layers: bytes, titles: Mapping[int, str] | None = None, **more: Any) -> dict[str, Any]:
        """Keep an image, and return what describes its manifest in an index."""
        config = json.dumps({"os": "linux", "tag": tag}).encode()
        described = [{"digest": digest_of(data), "size": len(data), "mediaType": "x"} for data in layers]
        for place, title in (titles or {}).items():
            described[place]["annotations"] = {"org.opencontainers.image.title": title}
        self.blobs |= {digest_of(data): data for data in (config, *layers)}
        manifest = {
            "schemaVersion": 2,
            "config": {"digest": digest_of(config), "size": len(config)},
            "layers": described,
        }
        return self.keep(tag, {**manifest, **more})

    def keep(self, tag: str, manifest: Any) -> dict[str, Any]:
        """Keep a manifest or an index, by tag and by digest."""
        data = json.dumps(manifest).encode()
        self.manifests |= {tag: data, digest_of(data): data}
        return {"digest": digest_of(data), "size": len(data)}

    def __call__(self, request: Request) -> Reply:
        """Answer as the distribution specification says."""
        if request.path == "/token":
            return self._token(request)
        if self.users and request.headers.get("Authorization") != f"Bearer token-{self.token}":
            realm = self.realm or f"{self.url}/token"
            return Reply(401, b"{}", {"WWW-Authenticate": f'Bearer realm="{realm}",service="double",scope="pull"'})
        self.uses -= 1
        if self.uses == 0:
            self.token += 1  # from now on another one is wanted
        kind, _, reference = request.path.removeprefix("/v2/models/tiny/").partition("/")
        found = {"manifests": self.manifests, "blobs": self.blobs}.get(kind, {}).get(reference)
        return Reply(404) if found is None else ranged(found, request, headers={"Content-Type": INDEX})

    def _token(self, request: Request) -> Reply:
        given = request.headers.get("Authorization", "").removeprefix("Basic ")
        user, _, password = base64.b64decode(given).decode().partition(":")
        if self.users.get(user) != password:
            return Reply(401)
        return Reply(200, json.dumps({"token": f"token-{self.token}"}).encode())
