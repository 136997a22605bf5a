"""The table of metrics: names, what each is made from, and the page that is made from it."""

from __future__ import annotations

import re

import pytest

from modelsweep.core.finding import ProblemKind
from modelsweep.core.report import Verdict
from modelsweep.fleet.liveness import LOST_AFTER, Worker
from modelsweep.fleet.metrics import (
    METRICS,
    MOST_SERIES,
    RUNTIME_BOUNDS,
    Buckets,
    Counted,
    CountedBy,
    JobSample,
    Snapshot,
    runtime_counts,
    series_labels,
)
from modelsweep.fleet.scripts import load, names
from scripts import docs

BY_NAME = {metric.name: metric for metric in METRICS}
CELERY = """
    celery_task_sent_total celery_task_received_total celery_task_started_total celery_task_succeeded_total
    celery_task_failed_total celery_task_retried_total celery_task_runtime_seconds celery_worker_up
    celery_queue_length celery_active_process_count
""".split()


def values(name: str, snapshot: Snapshot) -> dict[tuple[str, ...], float]:
    """Return the series of a metric."""
    source = BY_NAME[name].source
    assert not isinstance(source, Buckets)
    found = list(source.samples(snapshot))
    assert len({sample.labels for sample in found}) == len(found), "no series twice"
    assert all(len(sample.labels) == len(BY_NAME[name].labels) for sample in found)
    return {sample.labels: sample.value for sample in found}


def one(name: str, snapshot: Snapshot) -> float:
    """Return the value of a metric that has one series."""
    (value,) = values(name, snapshot).values()
    return value


def test_names_are_unique_and_follow_the_conventions() -> None:
    assert len(BY_NAME) == len(METRICS)
    for metric in METRICS:
        assert re.fullmatch(r"(celery|modelsweep)(_[a-z]+)+", metric.name)
        assert metric.name.endswith("_total") == (metric.kind == "counter"), metric.name
        assert metric.help.endswith("."), metric.name
        assert metric.help[0].isupper() or metric.help[0] in "0123456789`", metric.name
        assert (metric.kind == "histogram") == isinstance(metric.source, Buckets)


def test_the_names_that_dashboards_for_celery_know_are_there() -> None:
    assert [name for name in BY_NAME if name.startswith("celery_")] == CELERY


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_an_empty_fleet_has_values_for_every_counter(metric) -> None:
    if metric.kind == "counter" and "redis" not in metric.name:
        found = values(metric.name, Snapshot())
        assert found
        assert set(found.values()) == {0}


def test_tasks_are_sums_of_what_the_ledger_counts() -> None:
    counters = {"chunks_allocated": 100, "published_again": 7, "claims": 90, "claims_refused": 5, "chunks_done": 80}
    snapshot = Snapshot(counters=counters | {"leases_lost": 3, "chunks_released": 2, "claims_refused:done": 5})
    found = [one(f"celery_task_{name}_total", snapshot) for name in "sent received started succeeded".split()]
    assert found == [109, 95, 90, 80]
    assert [one(f"celery_task_{name}_total", snapshot) for name in ("failed", "retried")] == [3, 7]


def test_verdicts_and_problems_are_all_there_and_so_is_what_a_newer_worker_counts() -> None:
    snapshot = Snapshot(counters={"verdict:clean": 5, "problem:crash": 2, "problem:new\nkind": 1, "problems": 9})
    assert values("modelsweep_units_total", snapshot) == {(v.value,): 5 if v is Verdict.CLEAN else 0 for v in Verdict}
    problems = values("modelsweep_problems_total", snapshot)
    assert set(problems) == {(kind.value,) for kind in ProblemKind} | {(r"new\nkind",)}
    assert (problems[("crash",)], problems[(r"new\nkind",)]) == (2, 1)


def test_a_damaged_hash_does_not_flood_prometheus() -> None:
    snapshot = Snapshot(counters={f"problem:{number}{'x' * 500}": 1 for number in range(5_000)})
    found = values("modelsweep_problems_total", snapshot)
    assert len(found) == len(ProblemKind) + MOST_SERIES
    assert max(len(label) for (label,) in found) <= 100


@pytest.mark.parametrize(
    ("seconds", "bound"), [(0, "0.1"), (0.1, "0.1"), (0.11, "0.3"), (9, "10"), (3000, "3000"), (1e9, "+Inf")]
)
def test_a_runtime_falls_into_the_first_bucket_that_holds_it(seconds: float, bound: str) -> None:
    assert runtime_counts(seconds) == {f"runtime:{bound}": 1, "runtime_ms": round(seconds * 1000)}


def test_the_histogram_is_cumulative() -> None:
    counters: dict[str, int] = {}
    for seconds in (0.05, 0.2, 0.25, 2, 5000):
        for name, count in runtime_counts(seconds).items():
            counters[name] = counters.get(name, 0) + count
    source = BY_NAME["celery_task_runtime_seconds"].source
    assert isinstance(source, Buckets)
    found = source.cumulative(Snapshot(counters=counters))
    assert [bound for bound, _ in found] == list(RUNTIME_BOUNDS)
    assert [count for _, count in found] == [1, 3, 3, 4, 4, 4, 4, 4, 4, 4, 5]
    assert source.seconds(Snapshot(counters=counters)) == pytest.approx(5002.5)


def test_workers_count_while_they_are_heard_of() -> None:
    fleet = (
        Worker("a", ("scan.cpu", "control"), 4, "0.1.0", 3),
        Worker("b", ("scan.cpu",), 2, "0.2.0", LOST_AFTER),
        Worker("c", ("scan.cpu.large",), 8, "0.1.0", LOST_AFTER + 1),
    )
    snapshot = Snapshot(workers=fleet, queues={"scan.cpu": 5, "scan.cpu.large": 1})
    assert values("celery_worker_up", snapshot) == {("a",): 1, ("b",): 1, ("c",): 0}
    assert values("modelsweep_workers", snapshot) == {("0.1.0",): 1, ("0.2.0",): 1}
    expected = {("scan.cpu",): 6, ("control",): 4, ("scan.cpu.large",): 0}
    assert values("celery_active_process_count", snapshot) == expected
    assert values("celery_queue_length", snapshot) == {("scan.cpu",): 5, ("scan.cpu.large",): 1}


def test_jobs_by_state_and_what_is_open() -> None:
    jobs = (
        JobSample("running", 100, 40, 3, created=1000),
        JobSample("running", 10, 10, 0, created=1500),
        JobSample("finished", 7, 7, 0, created=10, ended=1900, reported=True),
        JobSample("finished", 7, 7, 0, created=10, ended=1800, reported=True),
        JobSample("cancelled", 70, 7, 2, created=10, ended=1950),
        JobSample("novel", created=1990),
    )
    snapshot = Snapshot(now=2000, jobs=jobs)
    assert values("modelsweep_jobs", snapshot) == {
        ("listing",): 0,
        ("running",): 2,
        ("finalizing",): 0,
        ("finished",): 2,
        ("cancelled",): 1,
        ("novel",): 1,
    }
    assert one("modelsweep_chunks_open", snapshot) == 60
    assert one("modelsweep_chunks_in_flight", snapshot) == 3
    assert one("modelsweep_job_oldest_running_seconds", snapshot) == 1000
    assert one("modelsweep_report_age_seconds", snapshot) == 100
    assert values("modelsweep_report_age_seconds", Snapshot(now=2000)) == {}
    assert one("modelsweep_job_oldest_running_seconds", Snapshot(now=2000)) == 0


def test_jobs_that_nobody_lists_or_reports() -> None:
    """Nothing of them is open, so that no other alert tells of them."""
    jobs = (
        JobSample("listing", 9, 9, 0, created=10, producer_seen=6300),
        JobSample("listing", 9, 9, 0, created=10, producer_seen=6500),
        JobSample("listing", created=9990),
        JobSample("listing", created=10),
        JobSample("running", 9, 8, 1, created=10, producer_seen=20),
        JobSample("finalizing", 9, 9, 0, created=10, completed=9000),
        JobSample("finished", 9, 9, 0, created=10, completed=20, ended=30, reported=True),
        JobSample("cancelled", 9, 9, 0, created=10, ended=30, reported=True),
    )
    assert one("modelsweep_jobs_unattended", Snapshot(now=10_000, jobs=jobs)) == 2
    assert one("modelsweep_job_oldest_unreported_seconds", Snapshot(now=10_000, jobs=jobs)) == 1000
    cancelled = JobSample("cancelled", 9, 8, 0, created=10, ended=8000)
    assert one("modelsweep_job_oldest_unreported_seconds", Snapshot(now=10_000, jobs=(*jobs, cancelled))) == 2000
    assert one("modelsweep_jobs_unattended", Snapshot(now=10_000)) == 0
    assert one("modelsweep_job_oldest_unreported_seconds", Snapshot(now=10_000)) == 0


def test_all_that_the_scripts_count_is_exported_and_nothing_else_is_waited_for() -> None:
    sources = " ".join(load(name).source.decode() for name in names())
    scripts = set(re.findall(r"(?:count|tally)\('(\w+)", sources)) | set(re.findall(r"'ms:metrics', '(\w+)", sources))
    workers = {
        "bytes",
        "known",
        "verdict",
        "severity",
        "problem",
        *(name.partition(":")[0] for name in runtime_counts(1)),
    }
    asked: set[str] = set()
    for metric in METRICS:
        if isinstance(metric.source, Counted):
            asked.update(metric.source.fields)
        elif isinstance(metric.source, CountedBy):
            asked.add(metric.source.prefix)
        elif isinstance(metric.source, Buckets):
            asked.update((metric.source.prefix, f"{metric.source.prefix}_ms"))
    assert asked == scripts | workers


def test_series_of_a_histogram_are_its_three() -> None:
    labels = series_labels()
    assert labels["celery_task_runtime_seconds_bucket"] == {"name", "le"}
    assert labels["celery_task_runtime_seconds_sum"] == {"name"}
    assert "celery_task_runtime_seconds" not in labels


def test_the_page_lists_every_metric() -> None:
    text = docs.metrics_page()
    for metric in METRICS:
        assert f"| `{metric.name}` | {metric.kind} |" in text
        assert metric.help in text
    assert "not scanned" in text
