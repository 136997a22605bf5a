"""A bucket listed and read by a fleet whose processes are killed, and whose credentials stand nowhere but with them."""

from __future__ import annotations

import base64
import json
import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import zstandard

from bench.counted_s3 import LISTING, OBJECT, CountedS3, counted_s3
from modelsweep.fleet.answers import JobState
from modelsweep.fleet.ledger import list_jobs
from tests.cli.conftest import START
from tests.fleet.survival.collection import objects
from tests.fleet.survival.scene import Scene, same, until
from tests.sources.buckets import s3_environment, use

AMOUNT = 320
PAGE = 20
"""Keys in an answer of a listing."""
CHUNKS = 255
"""Of one page of the producer; here a chunk is one object."""
CANARIES = {
    "AWS_ACCESS_KEY_ID": "AKIA" + "CANARYCANARY0001",
    "AWS_SECRET_ACCESS_KEY": "canary/secret+" + "0123456789abcdefABCDEFxyz",
    "AWS_SESSION_TOKEN": "canary-session-" + "token==0123456789",
    "HF_TOKEN": "hf_" + "canaryHubTokenNobodyHas",
    "MLFLOW_TRACKING_USERNAME": "canary-user-" + "of-mlflow",
    "MLFLOW_TRACKING_PASSWORD": "canary-password-" + "of-mlflow",
    "MLFLOW_TRACKING_TOKEN": "canary-token-" + "of-mlflow",
    "JFROG_ACCESS_TOKEN": "canary-access-" + "of-artifactory",
    "JFROG_API_TOKEN": "canary-api-" + "of-artifactory",
    "GOOGLE_APPLICATION_CREDENTIALS": "/nowhere/canary-of-google.json",
}


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[CountedS3]:
    """A bucket of many objects, with canaries for the credentials of all sources in the environment."""
    monkeypatch.setenv("MOTO_S3_DEFAULT_MAX_KEYS", str(PAGE))
    with counted_s3() as found:
        found.fill("bucket", objects(AMOUNT))
        use(monkeypatch, {**s3_environment(found.url), **CANARIES})
        yield found


def submitted(scene: Scene, *arguments: str) -> subprocess.Popen[str]:
    """Start `modelsweep submit`."""
    command = [sys.executable, "-P", "-c", START, "submit", *arguments]
    return subprocess.Popen(command, env=scene.environment, stdout=subprocess.PIPE, text=True, cwd=scene.folder)


def test_a_producer_killed_in_its_listing_is_gone_on_with(scene: Scene, s3: CountedS3, tmp_path: Path) -> None:
    reached, killed = threading.Event(), threading.Event()

    def hold(kind: str) -> None:
        # Behind the first page of the producer the listing stands still until it is dead
        if kind == LISTING and s3.requests[LISTING] > CHUNKS // PAGE + 2:
            reached.set()
            killed.wait(60)

    s3.before = hold
    producer = submitted(scene, "s3://bucket", "--chunk-files", "1")
    assert producer.stdout
    job = producer.stdout.readline().strip()
    assert reached.wait(60)
    producer.kill()
    producer.communicate()
    killed.set()
    progress = scene.progress(job)
    assert progress.state is JobState.LISTING
    assert 0 < progress.units <= PAGE * s3.taken()[0][LISTING]
    s3.before = lambda kind: None
    resumed = submitted(scene, "--resume", job)
    resumed.communicate(timeout=60)
    assert resumed.returncode == 0
    assert scene.progress(job).units == AMOUNT
    asked, size = s3.taken()
    assert size == 0
    assert asked[LISTING] <= (AMOUNT - progress.units) // PAGE + 2, "listed on behind what was allocated"
    scene.work("--root", "s3://bucket", slots=2)
    report = scene.report(scene.settled(job, None).report and job)
    assert s3.taken()[0][OBJECT] == AMOUNT
    assert same(report).replace(b"s3://bucket", b"tree") == audited(tmp_path)


def audited(folder: Path) -> bytes:
    """Return what `scan` says of the same objects as files."""
    for key, data in objects(AMOUNT).items():
        path = folder / "tree" / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    command = [sys.executable, "-P", "-c", START, "scan", "tree", "-f", "json=out.json"]
    environment = {**os.environ, "SOURCE_DATE_EPOCH": "0"}
    assert subprocess.run(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL).returncode == 1
    return same((folder / "out.json").read_bytes())


def test_a_watch_that_was_killed_submits_what_is_new_and_nothing_twice(scene: Scene, s3: CountedS3) -> None:
    state = scene.folder / "watch.sqlite"
    command = [sys.executable, "-P", "-c", START, "watch", "s3://bucket", "--broker", scene.redis.url]
    command += ["--store", str(scene.store), "--state", str(state)]

    def submitted() -> list[int]:
        jobs = [job for job, _ in list_jobs(scene.redis.client())]
        return sorted(scene.progress(job).units for job in jobs)

    def written() -> int:
        with suppress(sqlite3.Error), closing(sqlite3.connect(f"file:{state}?mode=ro", uri=True)) as database:
            return int(database.execute("SELECT count(*) FROM seen").fetchone()[0])
        return 0

    with open(scene.folder / "watch.log", "wb") as log:
        watch = subprocess.Popen([*command, "--every", "1"], env=scene.environment, stdout=log, stderr=log)
        try:
            until(lambda: written() == AMOUNT, "all objects seen")
        finally:
            watch.kill()
            watch.wait()
        assert submitted() == [AMOUNT]
        # As one leaves it that is killed between handing a batch over and noting that
        ((job, _),) = list_jobs(scene.redis.client())
        with closing(sqlite3.connect(state)) as database:
            database.execute("INSERT INTO begun SELECT ?, uri, version FROM seen", (job,))
            database.execute("DELETE FROM seen")
            database.commit()
        assert subprocess.run([*command, "--once"], env=scene.environment, stdout=log, stderr=log).returncode == 0
        assert (submitted(), written()) == ([AMOUNT], AMOUNT)
        s3.fill("bucket", {"0/new.pkl": b"N.", "1/0001.pkl": b"N.changed"})
        for _ in range(2):
            assert subprocess.run([*command, "--once"], env=scene.environment, stdout=log, stderr=log).returncode == 0
            assert submitted() == [2, AMOUNT]


@pytest.mark.parametrize("reuse", [True, False], ids=["cache", "no-cache"])
def test_credentials_stand_nowhere_but_in_the_environment_of_producer_and_worker(
    scene: Scene, s3: CountedS3, tmp_path: Path, reuse: bool
) -> None:
    producer = submitted(scene, "s3://bucket", *([] if reuse else ["--no-cache"]))
    said, _ = producer.communicate(timeout=60)
    job = said.split()[0]
    queued = places_of(scene)
    worker = scene.work("--root", "s3://bucket", slots=2)
    # As each was seen last: until it executes its own program, it still is a copy of the worker
    seen: dict[int, list[str]] = {}
    while not scene.progress(job).report:
        seen |= {process: told for process in scene.processes(worker)[1:] if any(told := [*told_of(process)])}
    examining = [text for told in seen.values() for text in told]
    scene.settled(job, None)
    everything = {
        **{f"before the workers: {place}": data for place, data in queued.items()},
        **places_of(scene),
        "processes": "\n".join(examining).encode(),
        "what submit said": said.encode(),
    }
    found = {place for place, data in everything.items() if any(form in data for form in FORMS)}
    assert found == set()
    # The same search finds what it should
    control = "s3://bucket"
    assert {
        place.partition(" ")[0] for place, data in everything.items() if any(f in data for f in forms(control))
    } >= {
        "redis",
        "append-only",
        "store",
    }
    assert any("worker.zygote" in text for text in examining)
    assert any(CANARIES["AWS_SECRET_ACCESS_KEY"] in text for text in told_of(worker.pid))
    assert s3.taken()[0][OBJECT] == AMOUNT


def forms(secret: str) -> list[bytes]:
    """Return the ways in which a text may stand somewhere: as it is, quoted, in hexadecimal, inside base64."""
    raw = secret.encode()
    inside = [base64.b64encode(bytes(shift) + raw)[4 if shift else 0 : -4] for shift in range(3)]
    return [raw, quote(secret, safe="").encode(), json.dumps(secret)[1:-1].encode(), raw.hex().encode(), *inside]


FORMS = [form for secret in (*CANARIES.values(), "X-Amz-Signature", "X-Amz-Credential") for form in forms(secret)]


def places_of(scene: Scene) -> dict[str, bytes]:
    """Return all that stands in Redis, in its files, in the store, in logs and in temporary files, decompressed."""
    client = scene.redis.client()
    found = {f"redis {name!r}": name + b"\n" + flat(value(client, name)) for name in client.scan_iter()}
    folders = {"append-only": Path(scene.redis.folder), "store": scene.store, "other": scene.folder}
    for kind, folder in folders.items():
        for path in folder.rglob("*"):
            with suppress(OSError):  # removed meanwhile, or a socket
                found[f"{kind} {path}"] = os.fsencode(path) + b"\n" + path.read_bytes()
    return {place: data + expanded(data) for place, data in found.items()}


def value(client: Any, name: bytes) -> object:
    """Return what Redis has under a name."""
    ask = {
        b"string": client.get,
        b"hash": client.hgetall,
        b"set": client.smembers,
        b"list": lambda name: client.lrange(name, 0, -1),
        b"zset": lambda name: client.zrange(name, 0, -1),
    }
    kind = client.type(name)
    return b"" if kind == b"none" else ask[kind](name)


def flat(data: object) -> bytes:
    """Return a value of Redis as bytes."""
    if isinstance(data, dict):
        return b"\n".join(flat(item) for pair in data.items() for item in pair)
    if isinstance(data, (list, set, tuple)):
        return b"\n".join(map(flat, data))
    return data if isinstance(data, bytes) else str(data).encode()


def expanded(data: bytes) -> bytes:
    """Return what is compressed in `data`, wherever it begins."""
    found, start = b"", 0
    while (start := data.find(b"\x28\xb5\x2f\xfd", start)) >= 0:
        with suppress(zstandard.ZstdError):
            found += b"\n" + zstandard.ZstdDecompressor().decompressobj().decompress(data[start:])
        start += 4
    return found


def told_of(process: int) -> Iterator[str]:
    """Yield what others can see of an examining process: its arguments, and its environment."""
    for name in ("cmdline", "environ"):
        with suppress(OSError):  # it has ended, or may be looked at by nobody
            yield Path(f"/proc/{process}/{name}").read_bytes().decode(errors="replace")


def test_the_search_for_secrets_finds_them_in_all_forms() -> None:
    secret = CANARIES["AWS_SECRET_ACCESS_KEY"]
    for text in (f"a{secret}b", f'"{quote(secret, safe="")}"', f"xy{secret.encode().hex()}"):
        assert any(form in text.encode() for form in FORMS)
    for lead in ("", "a", "ab", "abc"):
        assert any(form in base64.b64encode(f"{lead}{secret}tail".encode()) for form in FORMS)
    compressed = b"head" + zstandard.ZstdCompressor().compress(secret.encode() * 3)
    assert any(form in expanded(compressed) for form in FORMS)
