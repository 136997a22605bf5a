"""Pickles hidden in bytes that are none, and bytes that only resemble them."""

from __future__ import annotations

import collections
import os
import pickle
import random
from typing import Any

import numpy as np
from safetensors.numpy import save

from modelsweep.core.report import Verdict
from tests.scanners.case import Case

NOISE = random.Random(5).randbytes(2000)
ECHO = b"echo modelsweep-test"


class Payload:
    """A harmless stand-in for code that runs when a pickle is loaded."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (ECHO.decode(),)


def pickled(protocol: int) -> bytes:
    """Return a pickle that runs a command when it is loaded."""
    return pickle.dumps({"weights": [1, 2, 3], "hook": Payload()}, protocol)


def hidden(data: bytes, verdict: Verdict = Verdict.MALICIOUS, name: str = "weights.bin") -> Case:
    """Return the case of `data` between random bytes."""
    return Case(lambda: NOISE + data + NOISE, name, verdict)


def tensor(data: bytes) -> bytes:
    """Return a safetensors file with `data` within a tensor."""
    return save({"w": np.frombuffer(NOISE + data + NOISE, np.uint8)})


STACK_GLOBAL = b"\x8c\x05posix\x8c\x06system\x93\x8c" + bytes((len(ECHO),)) + ECHO + b"\x85R."
BINARY_NAMES = b"X\x02\0\0\0osX\x06\0\0\0system\x93X" + len(ECHO).to_bytes(4, "little") + ECHO + b"\x85R."
BENIGN = pickle.dumps(collections.OrderedDict(a=1, b=[2.0, "three"]), 4)
PROSE = b"Parameters (values : array\nof int.\nminp : int64.32\n) of the window\n" * 9 + bytes(4)
WORDS = b"cos\npath\nsin\nsystem\ncode\ntypes\nio\n" * 20 + bytes(4)

CASES = {
    **{f"protocol_{protocol}": hidden(pickled(protocol)) for protocol in range(6)},
    "global_without_header": hidden(b"cos\nsystem\n(S'echo modelsweep-test'\ntR."),
    "inst_without_header": hidden(b"(S'echo modelsweep-test'\nios\nsystem\n."),
    "obj_without_header": hidden(b"(cos\nsystem\nS'echo modelsweep-test'\no."),
    "stack_global_without_header": hidden(STACK_GLOBAL),
    "binary_names_without_header": hidden(BINARY_NAMES),
    "broken_after_the_call": hidden(b"\x80\x04" + STACK_GLOBAL[:-1] + b"\xff\xff"),
    "dotted_module": hidden(b"cos.path\nos.system\n(S'echo modelsweep-test'\ntR."),
    "in_a_tensor": Case(lambda: tensor(pickled(4)), "model.safetensors", Verdict.MALICIOUS),
    "behind_a_picture": Case(
        lambda: b"\x89PNG\r\n\x1a\n" + NOISE + pickled(2), "logo.png", Verdict.MALICIOUS, cut_is_clean=True
    ),
    "unknown_callable": hidden(b"\x80\x02cacme.loader\nrun\n)R.", Verdict.REVIEW),
    "benign_pickle_in_a_tensor": Case(lambda: tensor(BENIGN), "model.safetensors", Verdict.CLEAN),
    "benign_words_in_a_tensor": Case(lambda: tensor(WORDS), "model.safetensors", Verdict.CLEAN),
    "benign_prose": Case(lambda: tensor(PROSE), "model.safetensors", Verdict.CLEAN),
    "benign_headers_alone": Case(
        lambda: tensor(b"\x80\x04\x95" + bytes(8) + b"\x80\x02cos\n"), "model.safetensors", Verdict.CLEAN
    ),
    "benign_source_about_pickles": Case(
        lambda: b'PAYLOAD = b"""cos\nsystem\n(S\'echo modelsweep-test\'\ntR."""\n',
        "exploit.py",
        Verdict.CLEAN,
        cut_is_clean=True,
    ),
}
