"""Jsonnet files that name what runs commands, and those of honest experiments."""

from __future__ import annotations

from modelsweep.core.report import Verdict
from tests.scanners.case import Case

HONEST = """local size = 64;  // type: "os.system"
/* { _target_: "os.system" } */
{
  dataset_reader: { type: "acme.readers.Lines", url: "https://example.com/a" },
  "model": { "type": "simple", target: "labels.main" },
  encoder: { _target_: "torch.nn.Linear", in_features: size },
  note: "say _target_: os.system",
}
"""


def case(content: str, verdict: Verdict) -> Case:
    """Return the case of a Jsonnet file; a shorter one is one, too."""
    return Case(content.encode, "train.jsonnet", verdict, cut_is_clean=True)


CASES = {
    "benign": case(HONEST, Verdict.CLEAN),
    "target": case("{ model: { _target_: 'os.system', command: 'echo modelsweep-test' } }\n", Verdict.MALICIOUS),
    "target_of_a_stranger": case('{ model: { "_target_":: "acme_nets.Net" } }\n', Verdict.REVIEW),
    "type": case('{ reader: { type: "subprocess.Popen", args: ["x"] }, model: {} }\n', Verdict.REVIEW),
}
