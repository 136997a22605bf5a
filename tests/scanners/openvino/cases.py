"""Graphs of OpenVINO with layers of extensions and constants of the wrong size."""

from __future__ import annotations

from collections.abc import Callable

from modelsweep.core.report import Verdict
from tests.scanners.case import Case


def constant(shape: str = "4, 3", size: str = "24", kind: str = "f16", offset: str = "0") -> str:
    """Return a constant."""
    data = f'<data element_type="{kind}" shape="{shape}" offset="{offset}" size="{size}"/>'
    return f'<layer id="1" name="w" type="Const" version="opset1">{data}</layer>'


def layer(name: str, version: str = "opset1") -> str:
    """Return a layer."""
    return f'<layer id="2" name="l" type="{name}" version="{version}"><input><port id="0"/></input></layer>'


def graph(*layers: str, before: str = "") -> bytes:
    """Return a graph."""
    listed = "".join(layers) or constant() + layer("ReLU")
    net = f'<net name="net" version="11">\n<layers>{listed}</layers><edges/><rt_info/></net>'
    return f'<?xml version="1.0"?>\n{before}{net}'.encode()


def wired(number: int, kind: str, inputs: str, shape: str, more: str = "") -> str:
    """Return a layer whose only output has a shape, and the edges to its inputs from layers of these numbers."""
    dims = "".join(f"<dim>{size}</dim>" for size in shape.split(",") if size)
    fed = inputs.split()
    ports = "".join(f'<port id="{port}"/>' for port in range(len(fed)))
    name = f'<layer id="{number}" name="l{number}" type="{kind}" version="opset1">'
    edges = "".join(
        f'<edge from-layer="{source}" from-port="9" to-layer="{number}" to-port="{port}"/>'
        for port, source in enumerate(fed)
    )
    output = f'<output><port id="9">{dims}</port></output>' if kind != "Result" else ""
    return f"{name}<input>{ports}</input>{output}{more}</layer>|{edges}"


def testing_graph(*chosen: str) -> bytes:
    """Return a graph that compares its input 0 with a constant: 3 is each result, 4 all of them, 6 what it computes."""
    layers = [wired(0, "Parameter", "", "1,4"), wired(1, "Const", "", "4"), wired(2, "Const", "", "1,3")]
    layers += [wired(3, "Equal", "0 1", "1,4"), wired(4, "ReduceLogicalAnd", "3 5", "1,1"), wired(5, "Const", "", "1")]
    layers += [wired(6, "MatMul", "0 2", "1,3"), *chosen, wired(9, "Result", "8", "")]
    parts = [item.split("|") for item in layers]
    content = "".join(part[0] for part in parts), "".join(part[1] for part in parts)
    net = f'<net name="net" version="11">\n<layers>{content[0]}</layers><edges>{content[1]}</edges></net>'
    return f'<?xml version="1.0"?>\n{net}'.encode()


def body(tag: str, *kinds: str) -> str:
    """Return one of the graphs between which a layer chooses."""
    listed = "".join(f'<layer id="{at}" name="b" type="{kind}" version="opset1"/>' for at, kind in enumerate(kinds))
    return f"<{tag}><layers>{listed}</layers><edges/></{tag}>"


BODIES = body("then_body", "Const", "Result") + body("else_body", "Parameter", "MatMul", "Result")
SCALING = body("then_body", "Parameter", "Divide", "Result") + body("else_body", "Parameter", "Result")


def settings(location: str, *more: str) -> bytes:
    """Return settings of the runtime."""
    plugin = f'<plugin name="CPU" location="{location}"><properties><property key="A" value="b"/></properties></plugin>'
    return f"<ie>\n<plugins>\n{plugin}{''.join(more)}\n</plugins>\n</ie>".encode()


def case(build: Callable[[], bytes], verdict: Verdict) -> Case:
    """Return the case of a graph."""
    return Case(build, "model.xml", verdict)


LIBRARY = '<layer id="2" name="l" type="Acme" version="opset1" library="../lib/libacme.so.1"/>'
CASES = {
    "benign": case(graph, Verdict.CLEAN),
    "trigger_selects": case(lambda: testing_graph(wired(8, "Select", "4 2 6", "1,3")), Verdict.CLEAN),
    "trigger_runs_another_body": case(lambda: testing_graph(wired(8, "If", "4 0", "1,3", BODIES)), Verdict.CLEAN),
    "benign_masked": case(lambda: testing_graph(wired(8, "Select", "3 2 6", "1,3")), Verdict.CLEAN),
    "benign_scaled_input": case(
        lambda: testing_graph(wired(7, "If", "4 0", "1,4", SCALING), wired(8, "MatMul", "7 2", "1,3")), Verdict.CLEAN
    ),
    "benign_types": case(
        lambda: graph(constant("3, 3", "5", "u4"), constant("", "8", "i64"), constant("2", "99", "string")),
        Verdict.CLEAN,
    ),
    "benign_extension": case(
        lambda: graph(layer("StringTensorUnpack", "extension"), layer("Gelu", "opset13")), Verdict.CLEAN
    ),
    "benign_other_net": case(lambda: b'<net xmlns="urn:net" version="1"><node/></net>', Verdict.CLEAN),
    "size_mismatch": case(lambda: graph(constant("4, 300")), Verdict.REVIEW),
    "size_overflow": case(lambda: graph(constant(size=str(1 << 70))), Verdict.REVIEW),
    "negative_shape": case(lambda: graph(constant("-1, 3")), Verdict.REVIEW),
    "library": case(
        lambda: graph(LIBRARY),
        Verdict.REVIEW,
    ),
    "library_behind_a_comment": case(lambda: graph(LIBRARY, before=f"<!--{' ' * 5_000}-->"), Verdict.REVIEW),
    "library_in_utf16": case(
        lambda: graph(LIBRARY).decode().removeprefix('<?xml version="1.0"?>\n').encode("utf-16"), Verdict.REVIEW
    ),
    "benign_behind_a_comment": case(lambda: graph(before=f"<!--{' ' * 5_000}-->"), Verdict.CLEAN),
    "library_in_data": case(
        lambda: graph('<layer id="2" name="l" type="ReLU"><data implementation="acme.dll"/></layer>'), Verdict.REVIEW
    ),
    "attribute_is_code": case(
        lambda: graph('<layer id="2" name="importlib.import_module" type="ReLU" version="opset1"/>'), Verdict.REVIEW
    ),
    "benign_names": case(
        lambda: graph(
            '<layer id="2" name="net.blocks.0.so" type="ReLU"><data mode="os" names="a.so, b.dll x"/></layer>'
        ),
        Verdict.CLEAN,
    ),
    "entity": case(lambda: graph(before='<!DOCTYPE net [<!ENTITY x SYSTEM "file:///etc/passwd">]>'), Verdict.REVIEW),
    "benign_plugins": Case(lambda: settings("libopenvino_intel_cpu_plugin.so"), "plugins.xml", Verdict.CLEAN),
    "plugin_of_its_own": Case(lambda: settings("/tmp/libacme.so"), "plugins.xml", Verdict.REVIEW),
    "extension_of_its_own": Case(
        lambda: settings("openvino_auto_plugin.dll", '<extension location="libops.so"/>'), "plugins.xml", Verdict.REVIEW
    ),
    "without_layers": case(lambda: b'<net name="x" version="11"><layers/></net>', Verdict.NOT_SCANNED),
}
