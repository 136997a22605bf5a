"""Parts of compiled models of Core ML, and programs that take weights from elsewhere."""

from __future__ import annotations

import struct

from modelsweep.core.report import Verdict
from tests.scanners.case import Case
from tests.scanners.payload import noise
from tests.scanners.pickle.assembler import EVIL_PICKLE
from tests.scanners.protobuf import data

HEAD = 'program(1.3)\n[buildInfo = dict<string, string>({{"coremlc-component-MIL", "3600.16.1"}})]\n{\n'


def program(path: str = "@model_path/weights/weight.bin", *, old: bool = False) -> bytes:
    """Return a program with one weight."""
    kind = "tensor<string, []>" if old else "string"
    weight = f'const()[val = tensor<fp32, [4]>(BLOBFILE(path = {kind}("{path}"), offset = uint64(64)))]'
    body = f"  tensor<fp32, [4]> w = {weight};"
    return f"{HEAD}    func main<ios17>(tensor<fp32, [1, 4]> x) {{\n{body}\n }} -> (w);\n}}\n".encode()


def description(kind: int = 502, *, target: bytes = b"generic", more: int = 0) -> bytes:
    """Return the description of a model, which claims `more` bytes than it has."""
    message = data(1, data(1, "x")) + data(10, data(1, "y")) + data(100, data(3, "acme"))
    begin = struct.pack("<II", kind, 8) + bytes(20) + struct.pack("<Q", len(target)) + target
    return (
        begin
        + b"\x08"
        + bytes(31)
        + struct.pack("<Q", len(message) + more)
        + message
        + struct.pack("<I", kind)
        + bytes(12)
    )


def text(value: str) -> bytes:
    """Return a text behind its length."""
    return struct.pack("<Q", len(value)) + value.encode()


def analytics(*groups: str) -> bytes:
    """Return what is noted of a model, in groups of these names."""
    pairs = b"".join(map(text, ("containsCustomLayer", "0", "modelHash", "jIBO60")))
    return b"".join(text(name) + struct.pack("<Q", 2) + pairs for name in groups)


NETWORK, SPECIFICATION = "NeuralNetworkModelDetails", "SpecificationDetails"


def espresso(*blobs: bytes, more: int = 0) -> bytes:
    """Return weights of an older network, the last of which claims `more` bytes."""
    sizes = [len(blob) for blob in blobs]
    sizes[-1] += more
    table = b"".join(struct.pack("<QQ", key, size) for key, size in enumerate(sizes))
    return struct.pack("<Q", len(blobs)) + table + b"".join(blobs)


def mil(path: str, verdict: Verdict, *, old: bool = False) -> Case:
    """Return the case of a program, which is text however it ends."""
    return Case(lambda: program(path, old=old), "model.mlmodelc/model.mil", verdict, cut_is_clean=True)


CASES = {
    "benign_program": mil("@model_path/weights/weight.bin", Verdict.CLEAN),
    "benign_old_program": mil("@model_path/weights/weight.bin", Verdict.CLEAN, old=True),
    "benign_description": Case(description, "model.mlmodelc/coremldata.bin", Verdict.CLEAN, cut_is_clean=True),
    "benign_network": Case(lambda: description(500), "coremldata.bin", Verdict.CLEAN, cut_is_clean=True),
    "benign_analytics": Case(lambda: analytics(NETWORK), "analytics/coremldata.bin", Verdict.CLEAN),
    "benign_analytics_in_groups": Case(
        lambda: analytics(NETWORK, SPECIFICATION), "analytics/coremldata.bin", Verdict.CLEAN, cut_is_clean=True
    ),
    "benign_analytics_of_a_program": Case(lambda: analytics(SPECIFICATION), "analytics/coremldata.bin", Verdict.CLEAN),
    "analytics_of_a_group_beyond_the_end": Case(
        lambda: analytics(NETWORK) + text(SPECIFICATION) + struct.pack("<Q", 1 << 60) + text("modelHash"),
        "analytics/coremldata.bin",
        Verdict.NOT_SCANNED,
        cut_is_clean=True,
    ),
    "pickle_behind_analytics": Case(
        lambda: analytics(NETWORK, SPECIFICATION) + EVIL_PICKLE,
        "analytics/coremldata.bin",
        Verdict.MALICIOUS,
        cut_is_clean=True,
    ),
    "benign_espresso": Case(lambda: espresso(noise(40), noise(90)), "model.espresso.weights", Verdict.CLEAN),
    "benign_prose": Case(
        lambda: b'program(1.0) is how it begins, BLOBFILE(path = "/etc/passwd") is in it\n',
        "notes.txt",
        Verdict.CLEAN,
        cut_is_clean=True,
    ),
    "absolute": mil("/etc/shadow", Verdict.MALICIOUS),
    "climbs_out": mil("@model_path/../../secret.bin", Verdict.MALICIOUS, old=True),
    "pickle_in_espresso": Case(lambda: espresso(noise(40) + EVIL_PICKLE), "model.espresso.weights", Verdict.MALICIOUS),
    "description_beyond_the_end": Case(lambda: description(more=900), "coremldata.bin", Verdict.NOT_SCANNED),
    "another_target": Case(lambda: description(target=b""), "coremldata.bin", Verdict.NOT_SCANNED),
    "weights_beyond_the_end": Case(
        lambda: espresso(noise(40), more=1 << 50), "model.espresso.weights", Verdict.NOT_SCANNED
    ),
    "huge_table": Case(lambda: b"\xff" * 8 + noise(64), "model.espresso.weights", Verdict.NOT_SCANNED),
    "analytics_with_more": Case(
        lambda: analytics(NETWORK) + b"x", "analytics/coremldata.bin", Verdict.NOT_SCANNED, cut_is_clean=True
    ),
}
