"""A double of an MLflow tracking server: the registry's answer where a version is, and its proxy of artifacts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import formatdate

from tests.sources.double import Reply, Request, ranged

REGISTRY = "/api/2.0/mlflow/"
WRITTEN = 1_700_000_000
"""When all versions were registered, in seconds since the epoch."""
PROXY = "/api/2.0/mlflow-artifacts/artifacts"


@dataclass
class Tracking:
    """Artifacts by path; each folder at the top is a registered model of that name with one version, 1."""

    artifacts: Mapping[str, bytes]

    def __call__(self, request: Request) -> Reply:
        """Answer as `mlflow server` does: https://mlflow.org/docs/latest/rest-api.html, and mlflow_artifacts.proto."""
        if request.path.startswith(REGISTRY):
            return self._registry(request.path.removeprefix(REGISTRY), request.query)
        if request.path == PROXY:
            return _json({"files": self._rows(request.query.get("path", ""))})
        data = self.artifacts.get(request.path.removeprefix(f"{PROXY}/"))
        return Reply(404) if data is None else ranged(data, request, headers={"Last-Modified": formatdate(WRITTEN)})

    def _registry(self, what: str, query: Mapping[str, str]) -> Reply:
        names = sorted({path.partition("/")[0] for path in self.artifacts})
        if what == "registered-models/search":
            return _json({"registered_models": [{"name": name} for name in names]})
        if what == "model-versions/search":
            wanted = query["filter"].removeprefix("name='").removesuffix("'")
            return _json({"model_versions": [_version(name) for name in names if name == wanted]})
        if query.get("name") not in names or query.get("version", "1") != "1":
            return Reply(404, b'{"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "no"}')
        if what == "model-versions/get-download-uri":
            return _json({"artifact_uri": f"mlflow-artifacts:/{query['name']}"})
        if what in ("model-versions/get", "registered-models/alias"):
            return _json({"model_version": _version(query["name"])})
        return _json({"registered_model": {"name": query["name"]}})

    def _rows(self, folder: str) -> list[dict[str, object]]:
        rows: dict[str, dict[str, object]] = {}
        for path, data in self.artifacts.items():
            if path.startswith(f"{folder}/"):
                name, slash, _ = path.removeprefix(f"{folder}/").partition("/")
                rows[name] = {"path": name, "is_dir": True} if slash else {"path": name, "is_dir": False}
                if not slash:
                    rows[name]["file_size"] = len(data)
        return list(rows.values())


def _version(name: str) -> dict[str, object]:
    return {"name": name, "version": "1", "creation_timestamp": WRITTEN * 1000}


def _json(value: object) -> Reply:
    return Reply(200, json.dumps(value).encode(), {"Content-Type": "application/json"})
