"""Docker, where there is one: images, and containers as docker-compose.yml describes them."""

from __future__ import annotations

import os
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.tools import ROOT

PYTHON = "MODELSWEEP_TEST_PYTHON_IMAGE"
"""Environment variable: the image to build on, where that of the Dockerfile cannot be had."""
_FLAGS = {"read_only": "--read-only"}
_REPEATED = {"cap_drop": "--cap-drop", "security_opt": "--security-opt", "tmpfs": "--tmpfs", "volumes": "--volume"}
_SINGLE = {"user": "--user", "mem_limit": "--memory", "pids_limit": "--pids-limit"}


def docker(*arguments: str, seconds: float = 60) -> subprocess.CompletedProcess[str]:
    """Run the command line of Docker."""
    return subprocess.run(["docker", *arguments], capture_output=True, text=True, timeout=seconds, cwd=ROOT)


def need_engine() -> None:
    """Skip unless an engine answers."""
    if shutil.which("docker") is None:
        pytest.skip("docker is not installed: with it, the image is built and its fleet run")
    if (asked := docker("version", "--format", "{{.Server.Version}}")).returncode:
        pytest.skip(f"no engine of containers answers docker here: {asked.stderr.strip()[-200:]}")


def need_image(name: str) -> str:
    """Return `name`, an image that is here by now; skips where it cannot be fetched."""
    if (
        docker("image", "inspect", name).returncode
        and (pulled := docker("pull", "--quiet", name, seconds=300)).returncode
    ):
        pytest.skip(f"the image {name} cannot be pulled: {pulled.stderr.strip()[-200:]}")
    return name


@contextmanager
def built(base: str) -> Iterator[str]:
    """Yield our image, built on `base`, and remove it afterwards."""
    image = f"modelsweep-test:{uuid.uuid4().hex[:12]}"
    base = need_image(os.environ.get(PYTHON, base))
    made = docker(
        "build", "--network", "host", "--build-arg", f"PYTHON_IMAGE={base}", "--tag", image, ".", seconds=1500
    )
    assert made.returncode == 0, (made.stdout + made.stderr)[-3000:]
    try:
        yield image
    finally:
        docker("image", "rm", "--force", image)


class Fleet:
    """Containers of one network with the services of docker-compose.yml, run with `image` in place of ours."""

    def __init__(self, services: dict[str, dict[str, Any]], image: str, folder: Path) -> None:
        self._services, self._image, self._folder = services, image, folder
        self._name = f"modelsweep-test-{uuid.uuid4().hex[:12]}"
        self._started: list[str] = []
        assert docker("network", "create", "--internal", self._name).returncode == 0

    def start(self, service: str) -> str:
        """Start a service, and return the name of its container."""
        container = f"{self._name}-{service}"
        done = docker("run", "--detach", "--name", container, *self._options(service))
        self._started.append(container)
        assert done.returncode == 0, done.stderr
        return container

    def run(self, service: str, seconds: float) -> subprocess.CompletedProcess[str]:
        """Run a service until it ends."""
        return docker("run", "--rm", *self._options(service), seconds=seconds)

    def _options(self, name: str) -> list[str]:
        service, options = self._services[name], ["--network", self._name, "--network-alias", name]
        for key, flag in _FLAGS.items():
            options += [flag] if service.get(key) else []
        for key, flag in _REPEATED.items():
            for value in service.get(key, ()):
                options += [flag, self._placed(str(value)) if key == "volumes" else str(value)]
        for key, flag in _SINGLE.items():
            options += [flag, str(service[key])] if key in service else []
        for key, value in service.get("environment", {}).items():
            options += ["--env", f"{key}={value}"]
        image = self._image if "build" in service else service["image"]
        return [*options, image, *(word.replace("$$", "$") for word in service["command"])]

    def _placed(self, volume: str) -> str:
        """Return a volume: relative folders are those of the test, but for the checkout's own; names are ours alone."""
        source, found, rest = volume.partition(":")
        if not found:
            return volume
        if source.startswith("./deploy"):
            return f"{ROOT / source}:{rest}"
        if source.startswith("./"):
            return f"{self._folder / source}:{rest}"
        return f"{self._name}-{source}:{rest}"

    def close(self) -> None:
        """Remove all containers, volumes and the network."""
        for container in self._started:
            docker("rm", "--force", "--volumes", container)
        docker("network", "rm", self._name)
        volumes = docker("volume", "ls", "--quiet", "--filter", f"name={self._name}").stdout.split()
        if volumes:
            docker("volume", "rm", *volumes)
