"""MLflow: a real tracking server, whose registry has versions, aliases, and models in places that are not read."""

from __future__ import annotations

import hashlib
import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from modelsweep import scan
from modelsweep.core.finding import ProblemKind
from modelsweep.core.reader import ContentChanged, SourceFault
from modelsweep.core.units import MIB
from sources import mlflow as source
from sources import mlflow_registry, web
from sources.mlflow import Place, list_target, place_of
from sources.mlflow_registry import Version
from sources.source import Listed, OpenedObject
from tests.scanners.payload import EVIL
from tests.sources.double import double
from tests.sources.tracking import WRITTEN, Tracking

# Its server makes its database and starts for a quarter of a minute, longer on a busy machine
pytestmark = pytest.mark.timeout(300)
PASSWORD = "pass" + "word"
FILES = {"MLmodel": b"flavors: {}\n", "data/model.pkl": EVIL, "data/a b.txt": b"hello\n", "z.txt": b"z\n"}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of an MLflow server of its own; its artifacts go through it."""
    folder = tmp_path_factory.mktemp("mlflow")
    url = f"http://127.0.0.1:{free_port()}"
    command = [
        *(sys.executable, "-P", "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", url.rpartition(":")[2]),
        *(
            "--backend-store-uri",
            f"sqlite:///{folder}/registry.db",
            "--artifacts-destination",
            str(folder / "artifacts"),
        ),
        *("--serve-artifacts", "--workers", "1"),
    ]
    environment = {**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environment, cwd=folder, start_new_session=True)
    try:
        deadline = time.monotonic() + 240
        while True:
            try:
                urllib.request.urlopen(f"{url}/health", timeout=2).close()
                break
            except OSError:
                assert process.poll() is None, (folder / "log").read_text()
                assert time.monotonic() < deadline, (folder / "log").read_text()
                time.sleep(0.2)
        yield url
    finally:
        os.killpg(process.pid, 15)
        process.wait(120)


@pytest.fixture(scope="module")
def registry(server: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Register two versions of a model, an alias, and models that stand where nothing is read."""
    from mlflow import MlflowClient

    folder = tmp_path_factory.mktemp("model")
    for name, data in FILES.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(data)
    client = MlflowClient(server, server)
    run = client.create_run(client.create_experiment("test"))
    for place in ("model", "second"):
        client.log_artifacts(run.info.run_id, str(folder), place)
    artifacts = client.get_run(run.info.run_id).info.artifact_uri
    client.create_registered_model("tiny model")
    client.create_model_version("tiny model", f"{artifacts}/model", run.info.run_id)
    client.create_model_version("tiny model", f"{artifacts}/second/data", run.info.run_id)
    client.set_registered_model_alias("tiny model", "champion", "1")
    client.create_registered_model("empty")
    return server


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (mlflow_registry.TRACKING, mlflow_registry.USER, mlflow_registry.PASSWORD, mlflow_registry.TOKEN):
        monkeypatch.delenv(name, raising=False)
    source._root.cache_clear()


@pytest.fixture
def tracked(registry: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv(mlflow_registry.TRACKING, registry)
    return registry


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("models:/*", Place("models:")),
        ("models:/Name", Place("models:/Name", "Name")),
        ("models:/Name/3", Place("models:/Name/3", "Name", "3")),
        ("models:/Name/Latest", Place("models:/Name/Latest", "Name", "latest")),
        ("models:/My Name@champion/a/b", Place("models:/My Name@champion", "My Name", alias="champion", path="a/b")),
        ("models:/Name/3/data/model.pkl", Place("models:/Name/3", "Name", "3", path="data/model.pkl")),
    ],
)
def test_addresses(address: str, expected: Place) -> None:
    assert place_of(address) == expected


@pytest.mark.parametrize("address", ["models:/", "models:/@x", "models:/it's/1"])
def test_no_addresses(address: str) -> None:
    with pytest.raises(SourceFault, match="not the address of a model"):
        place_of(address)


def test_a_version_is_judged_like_the_same_files_on_disk(tracked: str, tmp_path: Path) -> None:
    for name, data in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(data)
    remote, local = scan("models:/tiny model/1"), scan(tmp_path)
    assert not remote.problems
    assert [result.unit.locator.uri for result in remote.results] == [
        f"models:/tiny model/1/{name}" for name in ("MLmodel", "data/a b.txt", "data/model.pkl", "z.txt")
    ]
    assert [result.digest for result in remote.results] == [result.digest for result in local.results]
    assert [item.fingerprint for item in remote.findings] == [item.fingerprint for item in local.findings] != []


@pytest.mark.parametrize(
    ("target", "names"),
    [
        ("models:/tiny model/Latest", ["a b.txt", "model.pkl"]),
        ("models:/tiny model@champion/data", ["a b.txt", "model.pkl"]),
        ("models:/tiny model/1/z.txt", ["z.txt"]),
        ("models:/tiny model", ["MLmodel", "a b.txt", "model.pkl", "z.txt", "a b.txt", "model.pkl"]),
    ],
)
def test_which_version_is_meant(tracked: str, target: str, names: list[str]) -> None:
    items = list(list_target(target))
    assert [item.locator.name for item in items] == names
    assert all(isinstance(item, Listed) and item.size for item in items)


def test_the_whole_registry_is_one_target(tracked: str) -> None:
    report = scan("models:/*")
    assert len(report.results) == 6
    assert len(report.findings) == 2
    assert "no such model, or it has no version" in report.problems[0].detail


@pytest.mark.parametrize(
    ("target", "sentence"),
    [
        ("models:/none/1", "no such model, version or alias"),
        ("models:/none", "no such model"),
        ("models:/tiny model/9", "no such model, version or alias"),
        ("models:/tiny model@none", "no such model, version or alias"),
        ("models:/tiny model/1/absent.pkl", "has no file absent.pkl"),
    ],
)
def test_what_is_not_there_is_said(tracked: str, target: str, sentence: str) -> None:
    report = scan(target)
    assert [problem.kind for problem in report.problems] == [ProblemKind.SOURCE]
    assert sentence in report.problems[0].detail


def test_without_a_registry_the_variable_is_named() -> None:
    (problem,) = scan("models:/Name/1").problems
    assert "set MLFLOW_TRACKING_URI" in problem.detail.replace("Set", "set")


def test_a_server_cannot_have_files_of_this_machine_read(
    tracked: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "model.pkl").write_bytes(EVIL)

    class Told:
        uri = ""

        def version(self, name: str, number: str) -> Version:
            return Version(number, 0.0)

        def place(self, name: str, number: str) -> str:
            return self.uri

    monkeypatch.setattr(source, "registry", Told)
    for uri in (f"file://{tmp_path}", str(tmp_path), "dbfs:/x", "http://169.254.169.254/x", "ftp://host/x"):
        source._root.cache_clear()
        Told.uri = uri
        (problem,) = scan("models:/Name/1").problems
        assert "which is not read" in problem.detail


@pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy")  # within MLflow
def test_a_registry_on_this_machine_may_name_its_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from mlflow import MlflowClient

    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "model.pkl").write_bytes(EVIL)
    uri = f"sqlite:///{tmp_path}/registry.db"
    client = MlflowClient(uri, uri)
    client.create_registered_model("local")
    client.create_model_version("local", str(tmp_path / "model"))
    monkeypatch.setenv(mlflow_registry.TRACKING, uri)
    report = scan("models:/local/1")
    assert [finding.locator.uri for finding in report.findings] == ["models:/local/1/model.pkl"]


def test_passwords_are_sent_and_never_told(tracked: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(mlflow_registry.USER, "someone")
    monkeypatch.setenv(mlflow_registry.PASSWORD, PASSWORD)
    assert mlflow_registry.web().credentials["authorization"].startswith("Basic ")
    report = scan("models:/tiny model/1")
    assert PASSWORD not in str(report.to_dict())


@pytest.mark.usefixtures("hasty")
def test_a_dead_server_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(mlflow_registry.TRACKING, f"http://127.0.0.1:{free_port()}")
    (problem,) = scan("models:/Name/1").problems
    assert (problem.kind, problem.locator.uri) == (ProblemKind.SOURCE, "models:/Name/1")
    assert "cannot be reached" in problem.detail


def test_verdicts_are_written_back_where_that_is_asked_for(tracked: str) -> None:
    from mlflow import MlflowClient

    from modelsweep.write_back import write_back

    client = MlflowClient(tracked, tracked)
    report = scan("models:/tiny model/1")
    assert client.get_model_version("tiny model", "1").tags == {}
    client.set_registered_model_alias("tiny model", "scanned", "1")
    assert write_back(report.results, "job-1", "scanned") == []
    tags = client.get_model_version("tiny model", "1").tags
    assert (tags["modelsweep.verdict"], tags["modelsweep.report"]) == ("malicious", "job-1")
    assert "scanned" not in client.get_registered_model("tiny model").aliases
    names = ("MLmodel", "data/a b.txt", "data/model.pkl", "z.txt")
    lines = "".join(f"{hashlib.sha256(FILES[name]).hexdigest()}  {name}\n" for name in names)
    assert tags["modelsweep.digest"] == hashlib.sha256(lines.encode()).hexdigest()
    assert write_back(scan("models:/tiny model/1/z.txt").results, alias="scanned") == []
    assert client.get_model_version_by_alias("tiny model", "scanned").version in ("1", 1)


def test_what_cannot_be_written_back_is_one_sentence(tracked: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from modelsweep.write_back import write_back

    report = scan("models:/tiny model/1/z.txt")
    monkeypatch.setenv(mlflow_registry.TRACKING, f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    (fault,) = write_back(report.results)
    assert fault.startswith("the verdict of models:/tiny model/1 was not written back: ")


def test_artifacts_that_were_left_alone_are_known_by_what_the_server_tells(
    server: str, tracked: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow import MlflowClient

    client, data = MlflowClient(server, server), b"0" * (2 * MIB)
    run = client.create_run(client.create_experiment("large")).info
    (tmp_path / "large.bin").write_bytes(data)
    client.log_artifact(run.run_id, str(tmp_path / "large.bin"), "model")
    client.create_registered_model("large")
    client.create_model_version("large", f"{client.get_run(run.run_id).info.artifact_uri}/model", run.run_id)

    def listed() -> Listed:
        (item,) = list_target("models:/large/1")
        assert isinstance(item, Listed)
        return item

    assert listed().locator.version == "1:", "it may be written again within one tick of the clock"
    monkeypatch.setattr(web, "SETTLED", -60.0)  # its server keeps the time of its answers for a while when it is busy
    found = listed()
    assert re.fullmatch(r'1:"[^"]+"', found.locator.version)
    assert found.modified
    opened = source.open_object(found, "models:/large/1")
    assert isinstance(opened, OpenedObject)
    assert opened.fetch(MIB, 10) == b"0" * 10
    (tmp_path / "large.bin").write_bytes(b"1" * (2 * MIB))
    client.log_artifact(run.run_id, str(tmp_path / "large.bin"), "model")
    with pytest.raises(ContentChanged):
        opened.fetch(MIB, 10)
    assert listed().locator.version != found.locator.version


def test_versions_before_an_address_are_not_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    tracking = Tracking({f"{name}/{file}": EVIL for name in ("a", "a-b", "c") for file in ("a.pkl", "d/b.pkl")})
    with double(tracking) as server:
        monkeypatch.setenv(mlflow_registry.TRACKING, server.url)
        whole = [item.locator.uri for item in list_target("models:/*")]
        assert whole == sorted(whole, key=str.encode)
        assert len(whole) == 6
        for place, uri in enumerate(whole):
            assert [item.locator.uri for item in list_target("models:/*", uri)] == whole[place + 1 :]
        assert {item.modified for item in list_target("models:/a") if isinstance(item, Listed)} == {float(WRITTEN)}
        server.requests.clear()
        assert len(list(list_target("models:/*", "models:/a/1/d/b.pkl"))) == 2
        assert "a-b" not in {request.query.get("name") for request in server.requests}
        assert not [request for request in server.requests if "a-b" in request.query.get("filter", "")]
