"""Models of ONNX in the forms besides the binary one, with what leads out of them."""

from __future__ import annotations

import base64

from modelsweep.core.report import Verdict
from tests.scanners.case import Case
from tests.scanners.payload import EVIL

CLEAN, MALICIOUS, UNSCANNED = Verdict.CLEAN, Verdict.MALICIOUS, Verdict.NOT_SCANNED
NODE = 'node { input: "x" output: "y" op_type: "Relu" name: "n" }'
CLOSED = 'opset_import { domain: "" version: 17 }\n'
PYTHON = (
    'node { op_type: "PyOp" domain: "pyop" attribute { name: "module" s: "os" type: STRING } '
    'attribute { name: "class_name" s: "system" type: STRING } }'
)


def text(*parts: str, verdict: Verdict = CLEAN, name: str = "model.textproto") -> Case:
    """Return the case of a model as text; what is left of a cut one may be a model of fewer nodes."""
    whole = f'ir_version: 8\nproducer_name: "pytorch"\ngraph {{ {" ".join(parts)} name: "main" }}\n{CLOSED}'
    return Case(whole.encode, name, verdict, cut_is_clean=True)


def external(location: str) -> str:
    """Return an initializer whose data stands in another file."""
    entry = f'external_data {{ key: "location" value: "{location}" }}'
    return f'initializer {{ dims: [2, 2] data_type: 1 name: "w" data_location: EXTERNAL {entry} }}'


def in_json(*, graph: str, verdict: Verdict = CLEAN, name: str = "model.onnxjson") -> Case:
    """Return the case of a model as JSON; one that is cut is none."""
    whole = f'{{"irVersion": "8", "graph": {{"name": "main", {graph}}}, "opsetImport": [{{"version": "17"}}]}}'
    return Case(whole.encode, name, verdict)


def json_external(location: str, key: str = "externalData") -> str:
    entry = f'{{"key": "location", "value": "{location}"}}'
    return f'"initializer": [{{"dims": ["2", "2"], "dataType": 1, "{key}": [{entry}]}}]'


def json_raw(raw: bytes) -> str:
    held = base64.b64encode(raw).decode()
    return f'"initializer": [{{"dims": ["{len(raw)}"], "dataType": 2, "name": "w", "rawData": "{held}"}}]'


def syntax(weight: str, node: str, *, verdict: Verdict = CLEAN) -> Case:
    """Return the case of a model in ONNX' own syntax."""
    whole = (
        '<ir_version: 8, opset_import: ["" : 17, "acme" : 1]>\n'
        f"main (float[2] x) => (float[2] y) <float[2] w = {weight}>\n{{\n  h = Add (x, w)\n  y = {node}\n}}\n"
        '<domain: "acme", opset_import: ["" : 17]>\nScaled (x) => (y) { y = Mul (x, x) }\n'
    )
    return Case(whole.encode, "model.onnxtxt", verdict, cut_is_clean=True)


IN_FUNCTION = (
    'functions { name: "f" domain: "a" node { op_type: "Constant" attribute { name: "value" t { '
    'data_type: 1 external_data { key: "location" value: "/etc/passwd" } } } } }\n'
    f'graph {{ name: "main" }} {CLOSED}'
)


CASES = {
    "benign_text": text(NODE, external("weights/w.bin")),
    "benign_text_of_caffe": Case(
        lambda: b'name: "op_type"\nlayer { name: "a" type: "ReLU" bottom: "x" top: "y" }\n',
        "net.prototxt",
        CLEAN,
        cut_is_clean=True,
    ),
    "external_in_text": text(NODE, external("../../../etc/passwd"), verdict=MALICIOUS),
    "external_in_text_as_pbtxt": text(NODE, external("/etc/passwd"), verdict=MALICIOUS, name="model.pbtxt"),
    "external_in_function_in_text": Case(IN_FUNCTION.encode, "model.txtpb", MALICIOUS, cut_is_clean=True),
    "python_in_text": text(NODE, PYTHON, verdict=MALICIOUS),
    "damaged_text": Case(f"graph {{ {NODE} op".encode, "model.textproto", UNSCANNED),
    "benign_json": in_json(graph=f'"node": [{{"opType": "Relu"}}], {json_external("weights/w.bin")}'),
    "benign_json_of_something_else": Case(
        lambda: (
            b'{"graph": "none", "note": "the field \\"externalData\\" of a tensor", "externalData": ["/etc/passwd"]}'
        ),
        "notes.json",
        CLEAN,
    ),
    "benign_json_raw": in_json(graph=json_raw(bytes(range(16)))),
    "external_in_json": in_json(graph=json_external("/etc/passwd"), verdict=MALICIOUS),
    "external_in_json_of_proto_names": in_json(
        graph=json_external("../w.bin", "external_data"), verdict=MALICIOUS, name="model.json"
    ),
    "pickle_in_json": in_json(graph=json_raw(EVIL), verdict=MALICIOUS),
    "benign_syntax": syntax('["location": "w.bin", "offset": "0", "length": "8"]', "acme.Scaled (h)"),
    "external_in_syntax": syntax('["location": "/etc/passwd", "offset": "0"]', "Relu (h)", verdict=MALICIOUS),
    "python_in_syntax": syntax("{1, 2}", 'pyop.PyOp <module = "os", class_name = "system"> (h)', verdict=MALICIOUS),
}
