"""The exporter against a real Redis, over HTTP: what it says, and what it says while Redis is away."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis
from prometheus_client.parser import text_string_to_metric_families

from modelsweep.core.version import VERSION
from modelsweep.fleet import exporter, liveness
from modelsweep.fleet.exporter import serving, snapshot_of
from modelsweep.fleet.ledger import METRICS as COUNTERS
from modelsweep.fleet.ledger import Ledger
from modelsweep.fleet.listening import CannotListen
from modelsweep.fleet.messages import client_of
from modelsweep.fleet.metrics import METRICS, runtime_counts
from modelsweep.fleet.private_redis import PrivateRedis

QUEUES = ("scan.cpu", "control")
Series = dict[tuple[str, frozenset[tuple[str, str]]], float]


def scrape(port: int) -> Series:
    """Return every sample that Prometheus would read."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
        text = answer.read().decode()
    families = list(text_string_to_metric_families(text))
    return {(s.name, frozenset(s.labels.items())): s.value for family in families for s in family.samples}


def value(series: Series, name: str, /, **labels: str) -> float:
    """Return one sample."""
    return series[(name, frozenset(labels.items()))]


def running_job(client: redis.Redis) -> None:
    """Begin a job of four chunks: one is done, one is leased."""
    ledger = Ledger(client, "running")
    ledger.create(b"specification")
    ledger.alloc(0, bytes([1]) * 4, "page", b"cursor", units=256)
    token = ledger.claim(0, 1, "w1@node", 60).token
    ledger.done(0, token, bytes(12), {"units": 64, "verdict:clean": 63, "verdict:malicious": 1, **runtime_counts(0.2)})
    assert ledger.claim(1, 1, "w1@node", 60).granted
    assert not ledger.claim(0, 1, "w1@node", 60).granted


def finished_job(client: redis.Redis) -> None:
    """Publish the report of a job without files."""
    ledger = Ledger(client, "finished")
    ledger.create(b"specification")
    assert ledger.seal().complete
    assert ledger.publish(ledger.begin_finalize("w1@node", 60).token, "report")


def test_everything_in_the_table_is_served_under_its_name_and_labels(redis_client: redis.Redis) -> None:
    liveness.beat(redis_client, liveness.Worker("w1@node", QUEUES, 4, "0.1.0"))
    redis_client.hincrby(COUNTERS, "bytes", 10**12)
    redis_client.lpush("scan.cpu", "a", "b")
    running_job(redis_client)
    finished_job(redis_client)
    with serving(redis_client, port=0) as port:
        series = scrape(port)
    assert {name for name, _ in series} == {name for metric in METRICS for name in metric.series}
    assert value(series, "modelsweep_up") == 1
    assert value(series, "modelsweep_build_info", version=VERSION) == 1
    assert value(series, "modelsweep_units_total", verdict="clean") == 63
    assert value(series, "modelsweep_bytes_total") == 10**12
    assert value(series, "celery_task_started_total", name="modelsweep.scan") == 2
    assert value(series, "celery_task_received_total", name="modelsweep.scan") == 3
    assert value(series, "celery_task_sent_total", name="modelsweep.scan") == 4
    assert value(series, "modelsweep_claims_refused_total", reason="done") == 1
    assert value(series, "celery_task_runtime_seconds_bucket", name="modelsweep.scan", le="0.3") == 1
    assert value(series, "celery_task_runtime_seconds_bucket", name="modelsweep.scan", le="0.1") == 0
    assert value(series, "celery_task_runtime_seconds_count", name="modelsweep.scan") == 1
    assert value(series, "celery_task_runtime_seconds_sum", name="modelsweep.scan") == pytest.approx(0.2)
    assert value(series, "celery_worker_up", hostname="w1@node") == 1
    assert value(series, "celery_queue_length", queue_name="scan.cpu") == 2
    assert value(series, "celery_queue_length", queue_name="control") == 0
    assert value(series, "celery_active_process_count", queue_name="control") == 4
    assert value(series, "modelsweep_chunks_open") == 3
    assert value(series, "modelsweep_redis_memory_bytes") > 100_000
    assert value(series, "modelsweep_chunks_in_flight") == 1
    assert value(series, "modelsweep_jobs", state="listing") == 1
    assert value(series, "modelsweep_jobs", state="finished") == 1
    assert 0 <= value(series, "modelsweep_report_age_seconds") < 3600


def test_a_job_whose_ledger_is_damaged_hides_no_other(redis_client: redis.Redis) -> None:
    running_job(redis_client)
    redis_client.zadd("ms:jobs", {"damaged": 1})
    redis_client.hset("ms:{damaged}:meta", "generation", "1")
    redis_client.set("ms:{damaged}:counts", "no hash")
    with serving(redis_client, port=0) as port:
        series = scrape(port)
    assert value(series, "modelsweep_up") == 1
    assert value(series, "modelsweep_jobs", state="listing") == 1


def test_while_redis_is_away_it_says_so_and_goes_on(own_redis: Callable[..., PrivateRedis]) -> None:
    server = own_redis(aof="always")
    client = client_of(server.url)
    running_job(client)
    with serving(client, port=0) as port:
        assert value(scrape(port), "modelsweep_chunks_open") == 3
        server.kill()
        down = scrape(port)
        assert {name for name, _ in down} == set(exporter.DOWN)
        assert value(down, "modelsweep_up") == 0
        server.start()
        again = scrape(port)
        assert value(again, "modelsweep_up") == 1
        assert value(again, "celery_task_started_total", name="modelsweep.scan") == 2


def test_a_redis_that_hangs_does_not_keep_prometheus_waiting(
    own_redis: Callable[..., PrivateRedis], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporter, "PATIENCE", 0.2)
    server = own_redis()
    with serving(client_of(server.url), port=0) as port:
        os.kill(server.pid, signal.SIGSTOP)
        try:
            assert value(scrape(port), "modelsweep_up") == 0
        finally:
            os.kill(server.pid, signal.SIGCONT)
        assert value(scrape(port), "modelsweep_up") == 1


def test_a_wrong_type_of_key_is_redis_being_down_not_a_crash(redis_client: redis.Redis) -> None:
    redis_client.set(COUNTERS, "no hash")
    with serving(redis_client, port=0) as port:
        assert value(scrape(port), "modelsweep_up") == 0


def test_a_job_that_expires_during_the_scrape_is_left_out(
    redis_client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    running_job(redis_client)
    monkeypatch.setattr(exporter, "active_jobs", lambda _client: ["expired", "running"])
    assert [job.state for job in snapshot_of(redis_client).jobs] == ["listing"]


def test_what_is_no_number_is_left_out(redis_client: redis.Redis) -> None:
    redis_client.hset(COUNTERS, mapping={"claims": "x", b"\xff": "1", "chunks_done": "2"})
    assert snapshot_of(redis_client).counters == {"chunks_done": 2, "\ufffd": 1}


@pytest.fixture
def taken() -> Iterator[int]:
    """A port of loopback on which somebody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


def test_a_port_that_is_taken_is_said_in_a_sentence(redis_client: redis.Redis, taken: int) -> None:
    with pytest.raises(CannotListen) as caught, serving(redis_client, port=taken):
        pass
    assert str(caught.value) == (
        f"port {taken} of 127.0.0.1 is taken: another exporter may run already; --port chooses another"
    )


@pytest.mark.parametrize(
    ("address", "port", "said"),
    [
        ("192.0.2.1", 0, "cannot listen on 192.0.2.1 port 0: Cannot assign requested address"),
        ("127.0.0.1", 70_000, "70000 is not a port: ports are 1 to 65535"),
        ("127.0.0.1", -1, "-1 is not a port: ports are 1 to 65535"),
    ],
)
def test_what_cannot_be_listened_on_is_said(redis_client: redis.Redis, address: str, port: int, said: str) -> None:
    with pytest.raises(CannotListen) as caught, serving(redis_client, address, port):
        pass
    assert str(caught.value) == said


def test_it_serves_until_it_is_told_to_stop_and_then_frees_the_port(
    redis_client: redis.Redis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alive = tmp_path / "alive"
    monkeypatch.setenv(liveness.FILE_VARIABLE, str(alive))
    monkeypatch.setattr(exporter, "BEAT_EVERY", 0.01)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    stop = threading.Event()
    thread = threading.Thread(target=exporter.serve, args=(redis_client, "127.0.0.1", port, stop))
    thread.start()
    while not alive.exists():
        assert thread.is_alive()
    assert value(scrape(port), "modelsweep_up") == 1
    alive.unlink()
    while not alive.exists():  # it is touched again and again
        assert thread.is_alive()
    stop.set()
    thread.join()
    with socket.create_server(("127.0.0.1", port)):
        pass


SERVE = """
import sys
from modelsweep.fleet import exporter, logs
from modelsweep.fleet.messages import client_of
logs.configure()
exporter.serve(client_of(sys.argv[1]), port=0)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_as_a_process_it_says_where_it_listens_and_ends_in_good_order(redis_url: str, number: signal.Signals) -> None:
    command = [sys.executable, "-P", "-c", SERVE, redis_url]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            line = json.loads(process.stderr.readline())
            assert line["event"] == "serving metrics"
            assert value(scrape(line["port"]), "modelsweep_up") == 1
            process.send_signal(number)
            assert process.wait(60) == 0
            assert process.stderr.read() == ""
        finally:
            process.kill()


def test_it_listens_on_loopback_unless_told_otherwise() -> None:
    assert exporter.ADDRESS == "127.0.0.1"
