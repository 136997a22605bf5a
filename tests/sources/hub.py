"""A double of the Hugging Face Hub: what its client asks for, of repositories that are dictionaries."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tests.sources.double import Reply, Request, ranged
from tests.sources.sparse import Sparse

COMMIT = hashlib.sha1(b"a commit", usedforsecurity=False).hexdigest()
LARGE = 200
"""Bytes from which the double keeps files in LFS."""
PAGE = 3
"""Files on one page of a listing."""


@dataclass
class Hub:
    """Repositories by name, their files by path; those in `private` need `token`; `cdn` is where LFS files redirect."""

    repositories: Mapping[str, Mapping[str, bytes]]
    private: frozenset[str] = frozenset()
    token: str = ""
    cdn: str = ""
    gated: frozenset[str] = frozenset()
    url: str = ""
    asked: list[str] = field(default_factory=list)
    """Paths of files, one for each request."""
    written: float = 1_700_000_000.0
    """When the last commit was made."""
    pages: Callable[[list[dict[str, Any]]], list[dict[str, Any]]] = field(default=lambda page: page)

    def __call__(self, request: Request) -> Reply:
        """Answer as the Hub does: https://huggingface.co/docs/hub/api."""
        if request.path == "/api/models":
            return self._models(request)
        parts = request.path.strip("/").split("/")
        if parts[:2] == ["api", "models"]:
            return self._api(request, parts[2:])
        if "resolve" in parts:
            at = parts.index("resolve")
            name, commit, path = "/".join(parts[:at]), parts[at + 1], "/".join(parts[at + 2 :])
            return self._refusal(request, name) or self._file(request, name, commit, path)
        return Reply(404)

    def _models(self, request: Request) -> Reply:
        wanted = request.query.get("author", "").lower() + "/"
        found = [{"id": name, "_id": name} for name in self.repositories if name.lower().startswith(wanted)]
        return _json(found)

    def _api(self, request: Request, parts: list[str]) -> Reply:
        for word in ("tree", "revision"):
            if word in parts:
                at = parts.index(word)
                name, rest = "/".join(parts[:at]), parts[at + 1 :]
                break
        else:
            name, word, rest = "/".join(parts), "info", []
        if refusal := self._refusal(request, name):
            return refusal
        if rest and rest[0] not in ("main", COMMIT, "v1"):
            return Reply(404, b"{}", {"X-Error-Code": "RevisionNotFound"})
        if word != "tree":
            written = datetime.fromtimestamp(self.written, UTC).isoformat().replace("+00:00", "Z")
            return _json({"id": name, "_id": name, "sha": COMMIT, "lastModified": written, "siblings": []})
        return self._tree(request, name)

    def _tree(self, request: Request, name: str) -> Reply:
        rows = self.pages([_row(path, data) for path, data in self.repositories[name].items()])
        start = int(request.query.get("cursor", "0"))
        headers = {}
        if start + PAGE < len(rows):
            headers["Link"] = f'<{self.url}{request.path}?recursive=true&cursor={start + PAGE}>; rel="next"'
        return _json(rows[start : start + PAGE], headers)

    def _refusal(self, request: Request, name: str) -> Reply | None:
        authorised = self.token and request.headers.get("Authorization", "") == f"Bearer {self.token}"
        if name in self.gated and not authorised:
            return Reply(403, b"{}", {"X-Error-Code": "GatedRepo"})
        if name not in self.repositories or (name in self.private and not authorised):
            return Reply(401 if not authorised else 404, b"{}", {"X-Error-Code": "RepoNotFound"})
        return None

    def _file(self, request: Request, name: str, commit: str, path: str) -> Reply:
        self.asked.append(path)
        data = self.repositories[name].get(path)
        if data is None or commit != COMMIT:
            return Reply(404, b"", {"X-Error-Code": "EntryNotFound"})
        if self.cdn and len(data) >= LARGE:
            return Reply(302, b"", {"Location": f"{self.cdn}/{name}/{path}?signature=1"})
        return ranged(data, request)


def _row(path: str, data: bytes | Sparse) -> dict[str, Any]:
    row: dict[str, Any] = {"type": "file", "path": path, "size": len(data), "oid": "0" * 40}
    if len(data) >= LARGE:
        row["lfs"] = {
            "oid": hashlib.sha256(data if isinstance(data, bytes) else b"").hexdigest(),
            "size": len(data),
            "pointerSize": 134,
        }
    return row


def _json(value: Any, headers: Mapping[str, str] | None = None) -> Reply:
    return Reply(200, json.dumps(value).encode(), {"Content-Type": "application/json", **(headers or {})})
