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


def settings(location: str, *more: str) -> bytes:
    """Return settings of the runtime."""
    plugin = f'<plugin name="CPU" location="{location}"><properties><property key="A" value="b"/></properties></plugin>'
    return f"<ie>\n<plugins>\n{plugin}{''.join(more)}\n</plugins>\n</ie>".encode()


def case(build: Callable[[], bytes], verdict: Verdict) -> Case:
    """Return the case of a graph."""
    return Case(build, "model.xml", verdict)


CASES = {
    "benign": case(graph, Verdict.CLEAN),
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
        lambda: graph('<layer id="2" name="l" type="Acme" version="opset1" library="../lib/libacme.so.1"/>'),
        Verdict.REVIEW,
    ),
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
