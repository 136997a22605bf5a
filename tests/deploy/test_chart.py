"""The Helm chart: what it makes is what Kubernetes takes, fits our command line, and may do little."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from modelsweep import __version__
from modelsweep.core.units import parse_size
from modelsweep.fleet.messages import QUEUES
from modelsweep.fleet.metrics import series_labels
from tests.deploy import chart, tools
from tests.deploy.chart import CHART, SECRET, VALUES, WHOLE, Manifest, Refused
from tests.deploy.tools import ROOT

SCHEMA = json.loads((CHART / "values.schema.json").read_text())
FILES = {
    "redis.conf": "deploy/redis/redis.conf",
    "rules.yml": "deploy/prometheus/rules.yml",
    "dashboard.json": "deploy/grafana/dashboards/modelsweep.json",
}
OLDEST, NEWEST = "v1.29", "v1.37"
EXAMINING = ("worker", "weekly", "dashboard")
"""Parts of the names of pods that reach what models are read from."""
PROMETHEUS_AND_KEDA = {"PrometheusRule", "ServiceMonitor", "ScaledObject"}
"""Kinds that Kubernetes does not know by itself."""


@pytest.fixture(scope="module")
def helm(tmp_path_factory: pytest.TempPathFactory) -> str:
    return tools.helm(tmp_path_factory.mktemp("helm"))


@pytest.fixture(scope="module")
def whole(helm: str, tmp_path_factory: pytest.TempPathFactory) -> list[Manifest]:
    return chart.rendered(helm, tmp_path_factory.mktemp("chart"), WHOLE)


def test_it_is_of_our_version() -> None:
    described = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert described["kubeVersion"] == f">={OLDEST[1:]}.0-0"
    assert described["appVersion"] == __version__
    assert described["name"] == CHART.name == "modelsweep"


def test_what_it_says_by_default_is_what_it_allows() -> None:
    jsonschema.Draft7Validator.check_schema(SCHEMA)
    jsonschema.validate(VALUES, SCHEMA)
    assert set(SCHEMA["properties"]) - {"global"} == set(VALUES)


@pytest.mark.parametrize(("name", "origin"), FILES.items())
def test_it_brings_the_files_that_compose_uses(name: str, origin: str) -> None:
    assert (CHART / "files" / name).resolve() == ROOT / origin


def test_queues_are_ours_and_each_has_a_worker_by_default() -> None:
    known = {queue.removeprefix("scan.") for queue in QUEUES}
    allowed = SCHEMA["properties"]["workers"]["additionalProperties"]["properties"]["queues"]["items"]["enum"]
    assert set(allowed) == known
    assert known - {queue for worker in VALUES["workers"].values() for queue in worker["queues"]} == {"gpu"}


@pytest.mark.parametrize("name", VALUES["workers"])
def test_limits_of_children_fit_into_those_of_the_pod(name: str) -> None:
    worker = VALUES["workers"][name]
    limit = parse_size(worker["resources"]["limits"]["memory"] + "B")
    assert worker["concurrency"] * parse_size(worker["memory"]) < limit


@pytest.mark.slow
def test_helm_finds_nothing_wrong(helm: str, tmp_path: Path) -> None:
    (tmp_path / "values.yaml").write_text(yaml.safe_dump(WHOLE))
    said = chart.helm(helm, tmp_path, "lint", str(CHART), "-f", "values.yaml", "--strict")
    assert "[WARNING]" not in said
    assert "[ERROR]" not in said


@pytest.mark.slow
@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({}, "roots: say below what workers may read"),
        ({"roots": ["models"]}, "roots.0: Does not match pattern"),
        ({"roots": ["/m"], "worker": {}}, "Additional property worker is not allowed"),
        ({"roots": ["/m"], "workers": {"cpu": {"queues": ["cpus"]}}}, "workers.cpu.queues.0"),
        ({"roots": ["/m"], "workers": {"more": {"queues": ["cpu"]}}}, "concurrency is required"),
        ({"roots": ["/m"], "audits": {"weekly": {"schedule": "@weekly"}}}, "targets is required"),
        ({"roots": ["/m"], "image": {"digest": "latest"}}, "image.digest"),
        ({"roots": ["/m"], "store": "/mnt/store"}, "store: Does not match pattern"),
    ],
)
def test_wrong_values_are_refused_by_name(helm: str, tmp_path: Path, values: dict[str, Any], said: str) -> None:
    with pytest.raises(Refused, match=re.escape(said)):
        chart.rendered(helm, tmp_path, values)


@pytest.mark.slow
@pytest.mark.parametrize("version", [OLDEST, NEWEST])
def test_kubernetes_takes_what_it_makes(whole: list[Manifest], version: str, tmp_path: Path) -> None:
    schemas = tools.wheel(tools.KUBERNETES, tmp_path) / "kubernetes_validate/kubernetes-json-schema"
    folder = next(schemas.glob(f"{version}.*-strict"))  # strict: a misspelt key is an error, not ignored
    defined = json.loads((folder / "_definitions.json").read_text())["$defs"]
    kinds = {
        (entry["group"], entry["version"], entry["kind"]): name
        for name, definition in defined.items()
        for entry in definition.get("x-kubernetes-group-version-kind", ())
    }
    examined = [manifest for manifest in whole if manifest["kind"] not in PROMETHEUS_AND_KEDA]
    assert len(examined) > 10
    for manifest in examined:
        group, _, of_kind = manifest["apiVersion"].rpartition("/")
        schema = {"$ref": f"#/$defs/{kinds[group, of_kind, manifest['kind']]}", "$defs": defined}
        assert not [error.message for error in jsonschema.Draft202012Validator(schema).iter_errors(manifest)]


@pytest.mark.slow
def test_the_parts_are_there(whole: list[Manifest]) -> None:
    assert {(manifest["kind"], manifest["metadata"]["name"]) for manifest in whole} == {
        ("ServiceAccount", "fleet-modelsweep"),
        ("Deployment", "fleet-modelsweep-worker-cpu"),
        ("Deployment", "fleet-modelsweep-worker-large"),
        ("Deployment", "fleet-modelsweep-worker-gpu"),
        ("ScaledObject", "fleet-modelsweep-worker-cpu"),
        ("Deployment", "fleet-modelsweep-exporter"),
        ("Service", "fleet-modelsweep-exporter"),
        ("ServiceMonitor", "fleet-modelsweep-exporter"),
        ("Deployment", "fleet-modelsweep-dashboard"),
        ("Service", "fleet-modelsweep-dashboard"),
        ("NetworkPolicy", "fleet-modelsweep-dashboard"),
        ("StatefulSet", "fleet-modelsweep-redis"),
        ("Service", "fleet-modelsweep-redis"),
        ("ConfigMap", "fleet-modelsweep-redis"),
        ("CronJob", "fleet-modelsweep-weekly"),
        ("NetworkPolicy", "fleet-modelsweep-examining"),
        ("NetworkPolicy", "fleet-modelsweep-exporter"),
        ("NetworkPolicy", "fleet-modelsweep-redis"),
        ("PrometheusRule", "fleet-modelsweep"),
        ("ConfigMap", "fleet-modelsweep-dashboard"),
    }


@pytest.mark.slow
def test_pods_are_restricted(whole: list[Manifest]) -> None:
    """Everything that the Pod Security Standard `restricted` asks for, and a root that cannot be written."""
    for name, pod in chart.pods(whole).items():
        spec, only = pod["spec"], chart.container(pod)
        assert spec["securityContext"]["runAsNonRoot"] is True, name
        assert spec["securityContext"]["runAsUser"] >= 10_000, name
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert spec["automountServiceAccountToken"] is False
        assert only["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert only["resources"]["limits"]["memory"]
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(spec)
        assert not any("hostPath" in volume for volume in spec["volumes"])
        mounted = {mount["name"] for mount in only["volumeMounts"]}
        claimed = {"data"} if "redis" in name else set()
        assert mounted == {volume["name"] for volume in spec["volumes"]} | claimed


@pytest.mark.slow
def test_each_gets_only_the_secrets_that_it_needs(whole: list[Manifest]) -> None:
    for name, pod in chart.pods(whole).items():
        found = chart.variables(pod)
        examines = any(word in name for word in EXAMINING)
        assert ("MODELSWEEP_KEY" in found) == examines, name
        assert ("MODELSWEEP_DASHBOARD_TOKEN" in found) == ("dashboard" in name)
        assert ("envFrom" in chart.container(pod)) == examines
        taken = [value for value in found.values() if isinstance(value, dict)]
        assert taken
        assert {value["name"] for value in taken} == {SECRET}
    assert not any(manifest["kind"] == "Secret" for manifest in whole)


@pytest.mark.slow
@pytest.mark.parametrize("enabled", [True, False])
def test_where_redis_is(helm: str, tmp_path: Path, enabled: bool) -> None:
    made = chart.rendered(helm, tmp_path, {"roots": ["/m"], "redis": {"enabled": enabled}})
    url = chart.variables(chart.pods(made)["fleet-modelsweep-worker-cpu"])["MODELSWEEP_BROKER_URL"]
    if enabled:
        service = chart.of_kind(made, "Service")["fleet-modelsweep-redis"]
        assert url == f"redis://:$(MODELSWEEP_REDIS_PASSWORD)@{service['metadata']['name']}:6379/0"
        names = [*chart.variables(chart.pods(made)["fleet-modelsweep-worker-cpu"])]
        assert names.index("MODELSWEEP_REDIS_PASSWORD") < names.index("MODELSWEEP_BROKER_URL"), "else not filled in"
    else:
        assert url == {"name": SECRET, "key": "MODELSWEEP_BROKER_URL"}
        assert not chart.of_kind(made, "StatefulSet")


@pytest.mark.slow
def test_our_command_line_takes_what_containers_are_started_with(
    whole: list[Manifest], monkeypatch: pytest.MonkeyPatch
) -> None:
    started = [args for pod in chart.pods(whole).values() if (args := chart.container(pod).get("args"))]
    assert sorted(word for word, *_ in started) == ["audit", "exporter", "serve", "worker", "worker", "worker"]
    for word, *arguments in started:
        tools.taken(word, arguments, monkeypatch)
    audit = chart.container(chart.pods(whole)["fleet-modelsweep-weekly"])["args"]
    assert audit[audit.index("--") + 1 :] == ["s3://models", "/models/of others"]


@pytest.mark.slow
def test_what_a_worker_says_goes_before_what_all_do(whole: list[Manifest], helm: str, tmp_path: Path) -> None:
    gpu = chart.container(chart.pods(whole)["fleet-modelsweep-worker-gpu"])
    assert gpu["image"] == "acme/modelsweep-gpu:7"
    assert gpu["args"][-2:] == ["--arrays", "auto"]
    cpu = chart.of_kind(whole, "Deployment")["fleet-modelsweep-worker-cpu"]
    assert "replicas" not in cpu["spec"], "KEDA's"
    assert cpu["spec"]["template"]["spec"]["nodeSelector"] == {"pool": "scan"}
    off = {"roots": ["/m"], "workers": {"large": {"enabled": False}, "cpu": {"replicas": 0}}}
    made = chart.of_kind(chart.rendered(helm, tmp_path, off), "Deployment")
    assert "fleet-modelsweep-worker-large" not in made
    assert made["fleet-modelsweep-worker-cpu"]["spec"]["replicas"] == 0


@pytest.mark.slow
def test_pods_are_asked_to_drain_for_long_enough(whole: list[Manifest]) -> None:
    for name, pod in chart.pods(whole).items():
        if "worker" in name:
            arguments = chart.container(pod)["args"]
            assert pod["spec"]["terminationGracePeriodSeconds"] > int(arguments[arguments.index("--grace") + 1])


@pytest.mark.slow
def test_findings_are_an_answer_and_not_asked_again(whole: list[Manifest]) -> None:
    spec = chart.of_kind(whole, "CronJob")["fleet-modelsweep-weekly"]["spec"]
    assert spec["concurrencyPolicy"] == "Forbid"
    answered, moved = spec["jobTemplate"]["spec"]["podFailurePolicy"]["rules"]
    assert answered["action"] == "FailJob"
    pod = spec["jobTemplate"]["spec"]["template"]["spec"]
    assert answered["onExitCodes"] == {
        "containerName": pod["containers"][0]["name"],
        "operator": "In",
        "values": [1, 2],
    }
    assert moved["action"] == "Ignore"
    assert pod["restartPolicy"] == "Never", "podFailurePolicy asks for it"


@pytest.mark.slow
def test_networks_are_closed_but_for_what_is_needed(whole: list[Manifest], helm: str, tmp_path: Path) -> None:
    def egress(manifests: list[Manifest], name: str) -> list[int]:
        rules = chart.of_kind(manifests, "NetworkPolicy")[name]["spec"].get("egress", [])
        return [port["port"] for rule in rules for port in rule["ports"]]

    for policy in chart.of_kind(whole, "NetworkPolicy").values():
        assert policy["spec"]["policyTypes"] == ["Ingress", "Egress"] or "dashboard" in policy["metadata"]["name"]
    (rule,) = chart.of_kind(whole, "NetworkPolicy")["fleet-modelsweep-dashboard"]["spec"]["ingress"]
    assert rule["from"] == WHOLE["networkPolicy"]["dashboard"]
    assert rule["ports"][0]["port"] == VALUES["dashboard"]["port"]
    assert egress(whole, "fleet-modelsweep-examining") == [6379, 53, 53, 443]
    assert egress(whole, "fleet-modelsweep-exporter") == [6379, 53, 53]
    assert egress(whole, "fleet-modelsweep-redis") == []
    local = chart.rendered(helm, tmp_path, {"roots": ["/models"]})
    assert egress(local, "fleet-modelsweep-examining") == [6379, 53, 53], "nothing that is read is remote"
    closed = chart.rendered(helm, tmp_path, {**WHOLE, "networkPolicy": {**WHOLE["networkPolicy"], "https": False}})
    assert 443 not in egress(closed, "fleet-modelsweep-examining")
    identity = {"annotations": {"iam.gke.io/gcp-service-account": "modelsweep@models.iam.gserviceaccount.com"}}
    google = chart.rendered(helm, tmp_path, {"roots": ["gs://models"], "serviceAccount": identity})
    assert egress(google, "fleet-modelsweep-examining") == [6379, 53, 53, 443, 988, 80], "tokens of its identity"
    selected = chart.of_kind(whole, "NetworkPolicy")["fleet-modelsweep-examining"]["spec"]["podSelector"]["matchLabels"]
    chosen = {name for name, pod in chart.pods(whole).items() if selected.items() <= pod["metadata"]["labels"].items()}
    assert chosen == {name for name in chart.pods(whole) if any(word in name for word in EXAMINING)}


@pytest.mark.slow
def test_alerts_and_dashboard_are_those_of_the_repository(whole: list[Manifest]) -> None:
    rules = chart.of_kind(whole, "PrometheusRule")["fleet-modelsweep"]["spec"]
    assert rules == yaml.safe_load((ROOT / FILES["rules.yml"]).read_text())
    shown = chart.of_kind(whole, "ConfigMap")["fleet-modelsweep-dashboard"]["data"]["modelsweep.json"]
    assert json.loads(shown) == json.loads((ROOT / FILES["dashboard.json"]).read_text())
    monitor = chart.of_kind(whole, "ServiceMonitor")["fleet-modelsweep-exporter"]
    service = chart.of_kind(whole, "Service")["fleet-modelsweep-exporter"]
    assert monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    job = service["metadata"]["labels"][monitor["spec"]["jobLabel"]]
    assert f'job="{job}"' in (ROOT / FILES["rules.yml"]).read_text(), "the alerts ask for it by this name"


@pytest.mark.slow
def test_workers_are_scaled_by_series_that_there_are(whole: list[Manifest], tmp_path: Path) -> None:
    (trigger,) = chart.of_kind(whole, "ScaledObject")["fleet-modelsweep-worker-cpu"]["spec"]["triggers"]
    query = trigger["metadata"]["query"]
    series = set(re.findall(r"\b(?:celery|modelsweep)_\w+", query))
    assert series <= set(series_labels())
    (queues,) = set(re.findall(r'queue_name=~"([^"]+)"', query))
    pattern = json.loads(f'"{queues}"')
    assert {queue for queue in QUEUES if re.fullmatch(pattern, queue)} == {"scan.interactive", "scan.cpu", "control"}
    answers = scaled(query, tools.promtool(tmp_path), tmp_path)
    assert "SUCCESS" in answers, answers


def scaled(query: str, promtool: str, folder: Path) -> str:
    """Have Prometheus compute the query where 300 messages wait and 9 chunks are in hand, at most 4 of them here."""
    (folder / "rules.yml").write_text(
        yaml.safe_dump({"groups": [{"name": "g", "rules": [{"record": "r", "expr": query}]}]})
    )
    series = {
        'celery_queue_length{queue_name="scan.cpu"}': "200",
        'celery_queue_length{queue_name="scan.interactive"}': "100",
        'celery_queue_length{queue_name="scan.cpu.large"}': "7",
        "modelsweep_chunks_in_flight": "9",
        'celery_active_process_count{queue_name="scan.cpu"}': "4",
        'celery_active_process_count{queue_name="scan.cpu.large"}': "6",
    }
    busy = [{"series": name, "values": value} for name, value in series.items()]
    none = [entry for entry in busy if not entry["series"].startswith("celery_active")]
    tests = [
        {"interval": "1m", "input_series": given, "promql_expr_test": [{"expr": "r", "eval_time": "0m", "exp_samples": [
            {"labels": "r", "value": wanted}]}]}
        for given, wanted in ((busy, 304), (none, 300))
    ]  # fmt: skip
    (folder / "test.yml").write_text(yaml.safe_dump({"rule_files": ["rules.yml"], "tests": tests}))
    command = [promtool, "test", "rules", "test.yml"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60)
    return done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("release", ["modelsweep", "a" * 53])
def test_names_are_short_enough(helm: str, tmp_path: Path, release: str) -> None:
    made = chart.rendered(helm, tmp_path, WHOLE, release)
    assert all(len(manifest["metadata"]["name"]) <= 63 for manifest in made)
    assert all(len(name) <= 52 for name in chart.of_kind(made, "CronJob")), "eleven letters more for each job of it"
    names = [(manifest["kind"], manifest["metadata"]["name"]) for manifest in made]
    assert len(set(names)) == len(names)
    assert all(manifest["metadata"]["namespace"] == "scans" for manifest in made)
