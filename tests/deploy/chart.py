"""The Helm chart as a cluster would get it."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import yaml

from tests.deploy.tools import ROOT

CHART = ROOT / "helm/modelsweep"
VALUES: dict[str, Any] = yaml.safe_load((CHART / "values.yaml").read_text())
SECRET = VALUES["secret"]
WHOLE: dict[str, Any] = {
    "roots": ["s3://models", "/models"],
    "store": "s3://results/modelsweep",
    "credentials": ["aws"],
    "volumes": [{"name": "models", "persistentVolumeClaim": {"claimName": "models", "readOnly": True}}],
    "volumeMounts": [{"name": "models", "mountPath": "/models", "readOnly": True}],
    "workers": {
        "cpu": {"autoscaling": {"enabled": True, "minReplicas": 0}, "nodeSelector": {"pool": "scan"}},
        "gpu": {
            "queues": ["gpu"],
            "replicas": 1,
            "concurrency": 1,
            "memory": "16GB",
            "image": {"repository": "acme/modelsweep-gpu", "tag": "7"},
            "options": ["--arrays", "auto"],
            "resources": {"limits": {"nvidia.com/gpu": 1, "memory": "20Gi"}},
        },
    },
    "audits": {
        "weekly": {
            "schedule": "0 2 * * 0",
            "targets": ["s3://models", "/models/of others"],
            "options": ["--fail-on", "critical"],
        }
    },
    "dashboard": {"enabled": True, "roots": ["s3://models"]},
    "networkPolicy": {"dashboard": [{"namespaceSelector": {"matchLabels": {"name": "ingress"}}}]},
    "monitoring": {
        "serviceMonitor": {"enabled": True, "labels": {"release": "prometheus"}},
        "rules": {"enabled": True},
        "dashboard": {"enabled": True},
    },
}
"""Values under which every part of the chart is made."""
Manifest = dict[str, Any]


class Refused(Exception):
    """Helm does not make the chart with these values; the text is what it says."""


def helm(program: str, folder: Path, *arguments: str) -> str:
    """Run Helm with everything of its own below `folder`, and return what it prints; raises Refused."""
    environment = {"HOME": str(folder), "PATH": "/usr/bin:/bin"}
    command = [program, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=folder, env=environment)
    if done.returncode:
        raise Refused(done.stderr)
    return done.stdout


def rendered(program: str, folder: Path, values: dict[str, Any], release: str = "fleet") -> list[Manifest]:
    """Return all that the chart makes of `values`; raises Refused."""
    (folder / "values.yaml").write_text(yaml.safe_dump(values))
    text = helm(program, folder, "template", release, str(CHART), "-f", "values.yaml", "--namespace", "scans")
    return [manifest for manifest in yaml.safe_load_all(text) if manifest]


def of_kind(manifests: list[Manifest], kind: str) -> dict[str, Manifest]:
    """Return the manifests of one kind by their names."""
    return {manifest["metadata"]["name"]: manifest for manifest in manifests if manifest["kind"] == kind}


def pods(manifests: list[Manifest]) -> dict[str, Manifest]:
    """Return the templates of all pods by the names of what makes them."""
    found = {}
    for manifest in manifests:
        spec = manifest.get("spec", {})
        spec = spec["jobTemplate"]["spec"] if manifest["kind"] == "CronJob" else spec
        if "template" in spec:
            found[manifest["metadata"]["name"]] = spec["template"]
    return found


def container(pod: Manifest) -> Manifest:
    """Return the only container of a pod."""
    (only,) = pod["spec"]["containers"]
    return dict(only)


def variables(pod: Manifest) -> dict[str, Any]:
    """Return the environment of a pod: a text, or the secret and the key that it is taken from."""
    return {
        entry["name"]: entry.get("value", entry.get("valueFrom", {}).get("secretKeyRef"))
        for entry in container(pod)["env"]
    }
