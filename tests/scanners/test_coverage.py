"""Every format and every check that we claim has an attack that is found, a look-alike that is clean, and a page."""

from __future__ import annotations

from pathlib import Path

import pytest

from modelsweep.core.report import Verdict
from scanners.formats import FORMATS, Format
from tests.scanners.case import Case, examine_bytes
from tests.scanners.test_cases import all_cases
from tests.scanners.test_formats import SAMPLES, case_of

RULES = Path(__file__).parents[2] / "docs" / "rules"
FOUND = (Verdict.MALICIOUS, Verdict.REVIEW)
FOLDERS = {
    "Keras zip": "keras_h5",
    "NumPy archive": "numpy",
    "OCI blob": "oci_blob",
    "Weights beside their graph (ONNX, OpenVINO, TensorFlow.js, ncnn, MNN, MLC, Chroma)": "raw_weights",
    "Compiled Python": "python_compiled",
    "Triton and DJL Serving configs": "serving",
    "requirements, TOML configs, model cards, licences": "requirements",
}
"""Where the cases of formats are that `SAMPLES` has none of, or of another name."""
WITHOUT_ATTACK = {
    "TensorFlow checkpoint": "a table of names and places: nothing in it runs",
    "Orbax checkpoint": "as Flax, and OCDBT, whose nodes hold raw numbers",
    "ncnn": "a list of layers and their numbers: nothing in it runs",
    "TFRecord and event files": "records of numbers and texts",
    "OCI blob": "what is in it is examined as the format that it is",
    "RAR": "never read, so never clean",
}
WITHOUT_BENIGN = {
    "Llamafile": "an executable is always worth a word",
    "Native executables and libraries": "so are these",
    "TensorRT engine": "its layout is not published, so it is never clean",
}


def reason(reasons: dict[str, str], title: str) -> str:
    """Return why a format has none, which `reasons` say by the beginning of its title."""
    return next((why for begin, why in reasons.items() if title.startswith(begin)), "")


def cases_of(item: Format) -> dict[str, Case]:
    folder = FOLDERS.get(item.title) or SAMPLES.get(item.title, "unreadable/").partition("/")[0]
    return {name: case for place, name, case in all_cases() if place == folder}


@pytest.mark.parametrize("item", FORMATS, ids=lambda item: item.title)
def test_every_format_has_an_attack_and_a_lookalike(item: Format) -> None:
    cases = cases_of(item)
    attacked = [name for name, case in cases.items() if case.verdict in FOUND]
    benign = [name for name, case in cases.items() if case.verdict is Verdict.CLEAN and name.startswith("benign")]
    assert attacked or reason(WITHOUT_ATTACK, item.title), "no case of it is malicious or for review"
    assert benign or reason(WITHOUT_BENIGN, item.title), "no case of it is benign"


CHECKS = {
    "malicious code in pickles": ("pickle/dangerous-call", "pickle/call_protocol_4", "pickle/benign_nested"),
    "suspicious TensorFlow operations": ("tensorflow/writes-file", "tensorflow/writes_file", "tensorflow/benign_words"),
    "custom ONNX operators": ("onnx/python-operator", "onnx/python_operator", "onnx/benign_microsoft_operator"),
    "Keras Lambda layers": ("keras/dangerous-lambda", "keras/lambda_dangerous", "keras/benign_lambda_names_own"),
    "module injection": ("keras/dangerous-callable", "keras/dangerous_module", "keras/benign_registered_class"),
    "nested pickles": ("pickle/dangerous-call", "pickles/in_a_tensor", "pickles/benign_pickle_in_a_tensor"),
    "decode-exec chains": ("python/decoded-code", "python_code/decoded_base64", "python_code/benign_pickled_constant"),
    "encoded payloads": ("encoded/executable", "encoded/executable_in_config", "encoded/benign_digests"),
    "risky configurations": ("config/dangerous-callable", "json_config/hydra_target", "json_config/benign_lookalikes"),
    "XML attacks in PMML": ("pmml/external-entity", "pmml/external_entity", "pmml/benign_own_dtd"),
    "embedded programs": ("executable/embedded", "executable/elf_in_weights", "weights/benign_magic_only"),
    "scripts": ("script/attack-command", "scripts/attack_pipe", "scripts/benign_script_file"),
    "container layers": ("archive/path-escape", "oci/climbs_out_of_layer", "oci/benign_saved_link"),
    "compression attacks": ("archive/decompression-bomb", "compressed/bomb_of_zeros", "compressed/benign_zlib"),
    "format integrity": (
        "safetensors/overlapping-tensors",
        "safetensors/overlapping_tensors",
        "safetensors/benign_real",
    ),
    "licence obligations": ("licence/network-copyleft", "licence/agpl", "licence/benign_mit"),
    "secrets": ("secrets/credential", "secrets/aws", "secrets/benign_fillers"),
    "network indicators": ("network/suspicious-host", "network/tunnel", "network/benign_prose"),
    "repository-level execution": (
        "repository/dangerous-code",
        "repository/imported_file_runs_command",
        "repository/benign_transformers",
    ),
    "steganography in weights": (
        "weights/hidden-executable",
        "weights/elf_in_lowest_bits",
        "weights/benign_network",
    ),
    "weight anomalies": ("weights/outlier-unit", "weights/grown_class", "weights/benign_zero_class"),
}
"""What people ask for → a rule of it, a case that breaks the rule, and a look-alike that does not."""


@pytest.mark.parametrize("check", CHECKS)
def test_every_check_has_a_rule_an_attack_a_lookalike_and_a_page(check: str) -> None:
    rule, attack, benign = CHECKS[check]
    assert (RULES / f"{rule.replace('/', '-')}.md").is_file()
    found, quiet = case_of(attack), case_of(benign)
    broken = examine_bytes(found.build(), found.name, found.options)
    assert rule in {finding.rule.id for finding in broken.findings}
    clean = examine_bytes(quiet.build(), quiet.name, quiet.options)
    assert rule not in {finding.rule.id for finding in clean.findings}
    assert clean.verdict is Verdict.CLEAN
