"""Alerts and dashboards: every series they ask for exists, with these labels, and alerts fire when they should."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from modelsweep.fleet.metrics import METRICS, CountedBy, series_labels
from tests.deploy import tools
from tests.deploy.tools import ROOT

RULES = ROOT / "deploy/prometheus/rules.yml"
(GROUP,) = yaml.safe_load(RULES.read_text())["groups"]
ALERTS: list[dict[str, Any]] = GROUP["rules"]
(DASHBOARD_FILE,) = (ROOT / "deploy/grafana/dashboards").glob("*.json")
DASHBOARD = json.loads(DASHBOARD_FILE.read_text())
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
TARGETS = [(panel["title"], target) for panel in PANELS for target in panel["targets"]]
QUERIES = [(alert["alert"], alert["expr"]) for alert in ALERTS] + [(title, target["expr"]) for title, target in TARGETS]
KNOWN = series_labels()
ADDED = {"job", "instance"}
"""Labels that Prometheus adds."""
VALUES = {
    (metric.name, metric.labels[0]): set(metric.source.known)
    for metric in METRICS
    if isinstance(metric.source, CountedBy)
}
_SELECTOR = re.compile(r"\b((?:celery|modelsweep)_\w+|up)\b(?:\{([^}]*)\})?")
_MATCHER = re.compile(r'(\w+)\s*(=~|!=|=|!~)\s*"([^"]*)"')
_GROUPING = re.compile(r"\b(?:by|on|without|ignoring)\s*\(([^)]*)\)")

each_query = pytest.mark.parametrize(("title", "query"), QUERIES, ids=[title for title, _ in QUERIES])


def selectors(query: str) -> list[tuple[str, str]]:
    """Return the series that a query asks for, each with its matchers."""
    return [(match[1], match[2] or "") for match in _SELECTOR.finditer(query)]


def labels_of(query: str) -> set[str]:
    """Return the labels that what a query asks for may have."""
    return ADDED.union(*(KNOWN.get(name, ()) for name, _ in selectors(query)))


@each_query
def test_what_is_asked_for_exists(title: str, query: str) -> None:
    found = selectors(query)
    assert found
    for name, matchers in found:
        assert name == "up" or name in KNOWN, f"{title} asks for {name}"
        for label, sign, wanted in _MATCHER.findall(matchers):
            assert label in ADDED | KNOWN.get(name, set()), f"{title}: {name} has no label {label}"
            if (name, label) in VALUES:
                asked = set(wanted.split("|")) if sign.endswith("~") else {wanted}
                assert asked <= VALUES[(name, label)], f"{title}: {label} has other values"


@each_query
def test_what_is_grouped_by_exists(title: str, query: str) -> None:
    for group in _GROUPING.findall(query):
        asked = {label.strip() for label in group.split(",") if label.strip()}
        assert asked <= labels_of(query), title


@each_query
def test_counters_are_asked_for_their_increase_and_gauges_are_not(title: str, query: str) -> None:
    counters = {name for metric in METRICS if metric.kind != "gauge" for name in metric.series}
    for match in re.finditer(r"(\w+\()?\b((?:celery|modelsweep)_\w+)(?:\{[^}]*\})?(\[[^\]]+\])?", query):
        function, name, window = match[1], match[2], match[3]
        if name in counters and not name.startswith("modelsweep_redis"):
            assert function in ("rate(", "increase("), f"{title}: {name}"
            assert window, f"{title}: {name}"
        if function in ("rate(", "increase("):
            assert name in counters, f"{title}: {name} is no counter"


@pytest.mark.parametrize(("title", "target"), TARGETS, ids=[title for title, _ in TARGETS])
def test_legends_name_labels_that_are_left(title: str, target: dict[str, Any]) -> None:
    asked = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
    assert asked <= labels_of(target["expr"])
    assert target["datasource"] == {"type": "prometheus", "uid": "prometheus"}
    groups = _GROUPING.findall(target["expr"])
    assert not asked or not groups or asked <= {label.strip() for group in groups for label in group.split(",")}


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["alert"])
def test_alerts_say_what_happened_and_what_to_do(alert: dict[str, Any]) -> None:
    assert alert["labels"]["severity"] in ("warning", "critical")
    assert set(alert["annotations"]) == {"summary", "description"}
    for text in alert["annotations"].values():
        assert set(re.findall(r"\$labels\.(\w+)", text)) <= labels_of(alert["expr"])
    assert f"`{alert['alert']}`" in (ROOT / "docs/deployment.md").read_text()


def test_every_metric_that_means_trouble_has_an_alert() -> None:
    asked = {name for alert in ALERTS for name, _ in selectors(alert["expr"])}
    assert {
        "celery_worker_up",
        "celery_queue_length",
        "modelsweep_up",
        "modelsweep_leases_lost_total",
        "modelsweep_chunks_open",
        "modelsweep_jobs_unattended",
        "modelsweep_job_oldest_unreported_seconds",
        "modelsweep_findings_total",
        "modelsweep_redis_evicted_keys_total",
    } <= asked


def test_the_dashboard_stands_on_a_grid() -> None:
    taken: dict[tuple[int, int], str] = {}
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        assert at["x"] + at["w"] <= 24
        for x in range(at["x"], at["x"] + at["w"]):
            for y in range(at["y"], at["y"] + at["h"]):
                assert taken.setdefault((x, y), panel["title"]) == panel["title"]
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
    assert DASHBOARD["uid"] == "modelsweep"


# What each alert is shown, when, and with which labels it fires there; none of them fires on a healthy fleet.
SITUATIONS: list[tuple[str, dict[str, str], str, list[dict[str, str]]]] = [
    ("ModelsweepExporterDown", {'up{job="modelsweep"}': "0x20"}, "10m", [{"job": "modelsweep"}]),
    ("ModelsweepExporterDown", {"celery_worker_up": "1x20"}, "10m", [{"job": "modelsweep"}]),
    ("ModelsweepExporterDown", {'up{job="modelsweep"}': "1x20"}, "10m", []),
    ("ModelsweepRedisDown", {"modelsweep_up": "0x20"}, "5m", [{}]),
    ("ModelsweepRedisDown", {"modelsweep_up": "1x20"}, "5m", []),
    ("ModelsweepNoWorker", {'celery_worker_up{hostname="a"}': "0x20", "modelsweep_chunks_open": "5x20"}, "10m", [{}]),
    ("ModelsweepNoWorker", {"modelsweep_chunks_open": "5x20"}, "10m", [{}]),
    ("ModelsweepNoWorker", {'celery_worker_up{hostname="a"}': "1x20", "modelsweep_chunks_open": "5x20"}, "10m", []),
    ("ModelsweepNoWorker", {"modelsweep_chunks_open": "0x20"}, "10m", []),
    ("ModelsweepWorkerSilent", {'celery_worker_up{hostname="a"}': "0x20"}, "10m", [{"hostname": "a"}]),
    (
        "ModelsweepQueueUnserved",
        {
            'celery_queue_length{queue_name="scan.gpu"}': "3x20",
            'celery_queue_length{queue_name="scan.cpu"}': "3x20",
            'celery_active_process_count{queue_name="scan.gpu"}': "0x20",
            'celery_active_process_count{queue_name="scan.cpu"}': "4x20",
        },
        "10m",
        [{"queue_name": "scan.gpu"}],
    ),
    (
        "ModelsweepQueueGrowing",
        {
            'celery_queue_length{queue_name="scan.cpu"}': "1100+10x100",
            'celery_queue_length{queue_name="scan.gpu"}': "9000-10x100",
            'celery_queue_length{queue_name="control"}': "1+1x100",
        },
        "90m",
        [{"queue_name": "scan.cpu"}],
    ),
    ("ModelsweepLeasesLost", {"modelsweep_leases_lost_total": "0+1x60"}, "30m", [{}]),
    ("ModelsweepLeasesLost", {"modelsweep_leases_lost_total": "7x60"}, "30m", []),
    (
        "ModelsweepCrashes",
        {f'modelsweep_problems_total{{kind="{kind}"}}': "0+1x90" for kind in ("crash", "malformed")},
        "80m",
        [{"kind": "crash"}],
    ),
    (
        "ModelsweepJobStuck",
        {"modelsweep_chunks_open": "5x120", "modelsweep_chunks_done_total": "7x120"},
        "100m",
        [{}],
    ),
    (
        "ModelsweepJobStuck",
        {"modelsweep_chunks_open": "5x120", "modelsweep_chunks_done_total": "7+1x120"},
        "100m",
        [],
    ),
    ("ModelsweepListingStopped", {"modelsweep_jobs_unattended": "2x20"}, "10m", [{}]),
    ("ModelsweepListingStopped", {"modelsweep_jobs_unattended": "0x20"}, "10m", []),
    ("ModelsweepReportMissing", {"modelsweep_job_oldest_unreported_seconds": "0+60x60"}, "40m", [{}]),
    ("ModelsweepReportMissing", {"modelsweep_job_oldest_unreported_seconds": "0+60x60"}, "20m", []),
    (
        "ModelsweepCriticalFindings",
        {
            'modelsweep_findings_total{severity="critical"}': "0x5 1x20",
            'modelsweep_findings_total{severity="warning"}': "0+1x25",
        },
        "10m",
        [{"severity": "critical"}],
    ),
    ("ModelsweepCriticalFindings", {'modelsweep_findings_total{severity="critical"}': "9x30"}, "20m", []),
    (
        "ModelsweepRedisMemory",
        {"modelsweep_redis_memory_bytes": "90x20", "modelsweep_redis_memory_limit_bytes": "100x20"},
        "10m",
        [{}],
    ),
    (
        "ModelsweepRedisMemory",
        {"modelsweep_redis_memory_bytes": "90x20", "modelsweep_redis_memory_limit_bytes": "0x20"},
        "10m",
        [],
    ),
    ("ModelsweepRedisEvicts", {"modelsweep_redis_evicted_keys_total": "0x5 1x20"}, "10m", [{}]),
]


def test_every_alert_is_shown_a_situation() -> None:
    assert {name for name, _, _, fires in SITUATIONS if fires} == {alert["alert"] for alert in ALERTS}


@pytest.mark.slow
def test_alerts_fire_when_they_should(tmp_path: Path) -> None:
    severity = {alert["alert"]: alert["labels"]["severity"] for alert in ALERTS}
    promtool = tools.promtool(tmp_path)
    tests = []
    for name, series, at, fires in SITUATIONS:
        expected = [{"exp_labels": {"severity": severity[name]} | labels} for labels in fires]
        tests.append(
            {
                "interval": "1m",
                "input_series": [{"series": key, "values": values} for key, values in series.items()],
                "alert_rule_test": [{"eval_time": at, "alertname": name, "exp_alerts": expected}],
            }
        )
    # Their wording is not compared: a copy of the rules without it
    rules = [{key: value for key, value in alert.items() if key != "annotations"} for alert in ALERTS]
    (tmp_path / "rules.yml").write_text(yaml.safe_dump({"groups": [{"name": "modelsweep", "rules": rules}]}))
    (tmp_path / "test.yml").write_text(yaml.safe_dump({"rule_files": ["rules.yml"], "tests": tests}))
    done = subprocess.run(
        [promtool, "test", "rules", "test.yml"], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
def test_prometheus_understands_its_files_and_every_query(tmp_path: Path) -> None:
    promtool = tools.promtool(tmp_path)
    queries = [query.replace("$__rate_interval", "5m").replace("$__interval", "1m") for _, query in QUERIES]
    records = [{"record": f"query:{number}", "expr": query} for number, query in enumerate(queries)]
    (tmp_path / "queries.yml").write_text(yaml.safe_dump({"groups": [{"name": "queries", "rules": records}]}))
    config = str(ROOT / "deploy/prometheus/prometheus.yml")
    for command in (["rules", str(RULES)], ["config", config], ["rules", str(tmp_path / "queries.yml")]):
        done = subprocess.run([promtool, "check", *command], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr
