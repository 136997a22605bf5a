"""The component for Kubeflow Pipelines: kfp takes it, and its command line does what the page says."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from modelsweep import __version__
from tests.cli.conftest import CLEAN, MALICIOUS, ROOT, START, UNKNOWN_CLASS
from tests.deploy import tools

FOLDER = ROOT / "deploy/kubeflow"
FILES = {"scan-model.yaml": {"inputPath": "model"}, "scan-address.yaml": {"inputValue": "target"}}
COMPONENTS: dict[str, dict[str, Any]] = {name: yaml.safe_load((FOLDER / name).read_text()) for name in FILES}
KFP = (
    "kfp==2.17.3 --hash=sha256:13f365673ba419efd8c90382b4a2bbac80a6702254c27e64ce4745ec8d4f7b47",
    "kfp-pipeline-spec==2.17.3 --hash=sha256:f0703cbf97891b6884a0230a1e72256367ccd03d8177581f6ed5b168fbfa1a64",
    "docstring-parser==0.18.0 --hash=sha256:b3fcbed555c47d8479be0796ef7e19c2670d428d72e96da63f3a40122860374b",
)
COMPILE = """
import runpy, sys, types
# What talks to a cluster needs many packages, and compiling needs none of them
client = types.ModuleType("kfp.client")
client.Client = object
sys.modules["kfp.client"] = client
runpy.run_path(sys.argv[1], run_name="__main__")
"""


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """A folder with `modelsweep` in it, as the image has it on its PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    program = folder / "modelsweep"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -P -c "{START}" "$@"\n')
    program.chmod(0o700)
    return folder


def step(programs: Path, target: str, file: str = "scan-model.yaml", **inputs: str) -> tuple[int, str, dict[str, str]]:
    """Run a step as Kubeflow does; return its exit code, its log, and its outputs."""
    component = COMPONENTS[file]
    folder = programs.parent
    outputs = {item["name"]: folder / item["name"] for item in component["outputs"]}
    values = {item["name"]: item.get("default", target) for item in component["inputs"]} | inputs

    def filled(word: Any) -> str:
        if isinstance(word, str):
            return word
        ((kind, name),) = word.items()
        return str(outputs[name]) if kind == "outputPath" else values[name]

    container = component["implementation"]["container"]
    done = subprocess.run(
        [filled(word) for word in (*container["command"], *container["args"])],
        env={**os.environ, "PATH": f"{programs}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT), "TMPDIR": str(folder)},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=100,
    )
    return done.returncode, done.stdout, {name: path.read_text() for name, path in outputs.items() if path.exists()}


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize(
    ("data", "inputs", "code"),
    [
        (CLEAN, {}, 0),
        (MALICIOUS, {}, 1),
        (b"\x80\x04", {}, 2),
        (UNKNOWN_CLASS, {"fail_on": "critical"}, 0),
        (UNKNOWN_CLASS, {"policy": "modelsweep_policy: 1\noptions: {allow-import: ['acme.*']}"}, 0),
        (CLEAN, {"policy": "$(touch ran)"}, 2),
        (CLEAN, {"fail_on": "; touch ran"}, 2),
    ],
)
def test_the_step_fails_as_a_scan_does(
    file: str, data: bytes, inputs: dict[str, str], code: int, programs: Path
) -> None:
    model = programs.parent / "a model's file.pkl"
    model.write_bytes(data)
    returned, log, outputs = step(programs, str(model), file, **inputs)
    assert (returned, outputs["exit_code"]) == (code, str(code))
    assert not (programs.parent / "ran").exists()
    if data == MALICIOUS:
        assert "os.system" in log, "Kubeflow keeps the log of a step that failed, and no artifacts"


@pytest.mark.parametrize("gate", ["false", "False"])
def test_without_the_gate_the_pipeline_decides(gate: str, programs: Path) -> None:
    model = programs.parent / "model.pkl"
    model.write_bytes(MALICIOUS)
    returned, _, outputs = step(programs, str(model), gate=gate)
    assert (returned, outputs["exit_code"]) == (0, "1")
    assert "os.system" in outputs["report"]
    assert "os.system" in outputs["page"]


def test_both_components_do_the_same() -> None:
    model, address = (component["implementation"]["container"] for component in COMPONENTS.values())
    assert model["command"] == address["command"]
    assert model["args"][1:] == address["args"][1:]
    for name, given in FILES.items():
        container = COMPONENTS[name]["implementation"]["container"]
        assert container["args"][0] == given
        assert container["image"] == f"modelsweep:{__version__}"


@pytest.mark.slow
def test_kfp_compiles_the_example(tmp_path: Path) -> None:
    for number, requirement in enumerate(KFP):
        (tmp_path / str(number)).mkdir()
        tools.wheel(requirement, tmp_path / str(number))
    path = os.pathsep.join(str(tmp_path / str(number)) for number in range(len(KFP)))
    done = subprocess.run(
        [sys.executable, "-c", COMPILE, str(FOLDER / "pipeline.py")],
        env={**os.environ, "PYTHONPATH": path},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    made = next(yaml.safe_load_all((tmp_path / "pipeline.yaml").read_text()))
    tasks = made["root"]["dag"]["tasks"]
    assert "modelsweep" in tasks["register"]["dependentTasks"], "what did not pass is not registered"
    assert not tasks["modelsweep"]["cachingOptions"].get("enableCache")
    taken = made["components"]["comp-modelsweep"]
    assert set(taken["inputDefinitions"]["artifacts"]) == {"model"}
    assert set(taken["inputDefinitions"]["parameters"]) == {"fail_on", "policy", "gate"}
    assert taken["outputDefinitions"]["artifacts"]["page"]["artifactType"]["schemaTitle"] == "system.HTML"
