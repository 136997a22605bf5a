"""Pickles with texts that a program may evaluate: shapes of layers as fairseq keeps them, and settings."""

from __future__ import annotations

import pickle

from modelsweep.core.report import Verdict
from tests.scanners.case import Case

RUNS = "__import__('os').system('echo modelsweep-test')"
PLAIN = "[(512, 10, 5)] + [(512, 3, 2)] * 4 + [(512,2,2)] + [(512,2,2)]"
TOLD = [
    "import os\n__import__('os').system('ls')\n",
    "use __import__('os').system('ls') to run it",
    "__import__('numpy').zeros(3)",
    "def f(): return __import__('json').dumps(1)",
]


def checkpoint(shapes: str, protocol: int, verdict: Verdict, key: str = "conv_feature_layers") -> Case:
    """Return the case of a checkpoint of fairseq that was saved without torch."""
    content = {"cfg": {"model": {"_name": "wav2vec2", key: shapes, "dropout": 0.1}}, "model": {}}
    return Case(lambda: pickle.dumps(content, protocol), "checkpoint.pkl", verdict)


CASES = {
    "shapes_that_run": checkpoint(RUNS, 2, Verdict.MALICIOUS),
    "shapes_of_protocol_4": checkpoint(f"[(512, 10, 5)] + [{RUNS}]", 4, Verdict.MALICIOUS),
    "setting_that_runs": checkpoint(RUNS, 2, Verdict.REVIEW, "activation"),
    "setting_of_protocol_0": checkpoint(RUNS, 0, Verdict.REVIEW, "activation"),
    "benign_shapes": checkpoint(PLAIN, 2, Verdict.CLEAN),
    "benign_texts": Case(lambda: pickle.dumps(TOLD, 4), "texts.pkl", Verdict.CLEAN),
}
