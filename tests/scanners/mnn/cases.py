"""Models of MNN: plug-ins, and weights in files beside them or elsewhere."""

from __future__ import annotations

from modelsweep.core.report import Verdict
from tests.scanners.case import Case
from tests.scanners.native_code import elf
from tests.scanners.payload import noise
from tests.scanners.tflite.flatbuffer import Fields, Number, Table, Vector, numbers, octets, text, written

INPUT, CONVOLUTION, PLUGIN = 34, 12, 256


def operator(kind: int = CONVOLUTION, *, external: str = "", parameter: Table | None = None) -> Table:
    """Return an operator."""
    more: dict[int, Vector | Table] = {2: parameter} if parameter else {}
    path: dict[int, Vector] = {7: text(external)} if external else {}
    return Table({0: numbers(0), **more, 3: text("conv"), 4: numbers(1), 5: Number(kind, "i"), **path})


def plugin(name: str) -> Table:
    """Return an operator that a plug-in has."""
    return operator(PLUGIN, parameter=Table({0: text(name)}))


def model(*operators: Table, names: tuple[str, ...] = ("input", "output"), nodes: tuple[Table, ...] = ()) -> bytes:
    """Return a model; MNN gives its buffers no identifier."""
    subgraphs = [Table({0: text("body"), 3: [text("x")], 4: list(nodes)})]
    root: Fields = {
        3: [operator(INPUT), *(operators or (operator(),))],
        4: [text("output")],
        7: [text(name) for name in names],
        8: Number(len(names), "i"),
        **({10: subgraphs} if nodes else {}),
        12: octets(noise(40)),
    }
    return written(Table(root), bytes(4))


def case(data: bytes, verdict: Verdict, name: str = "model.mnn") -> Case:
    """Return the case of a model; what stands at its end may be a weight that nothing refers to."""
    return Case(lambda: data, name, verdict, cut_is_clean=True)


CASES = {
    "benign": case(model(), Verdict.CLEAN),
    "benign_without_name": case(model(), Verdict.CLEAN, "network"),
    "benign_weights_beside": case(model(operator(external="llm.mnn.weight")), Verdict.CLEAN),
    "benign_subgraph": case(model(nodes=(operator(),)), Verdict.CLEAN),
    "benign_text": Case(lambda: b"MNN is a runtime\n" * 3, "notes.txt", Verdict.CLEAN, cut_is_clean=True),
    "plugin": case(model(plugin("acme"), plugin("acme")), Verdict.CLEAN),
    "weights_elsewhere": case(model(operator(external="/etc/shadow")), Verdict.MALICIOUS),
    "weights_above_in_subgraph": case(model(nodes=(operator(external="../../x.weight"),)), Verdict.MALICIOUS),
    "program_inside": Case(lambda: model() + elf() + bytes(64), "model.mnn", Verdict.MALICIOUS, cut_is_clean=True),
    "no_operators": Case(
        lambda: written(Table({7: [text("x")], 8: Number(1, "i")}), bytes(4)), "model.mnn", Verdict.NOT_SCANNED
    ),
    "noise_by_name": Case(lambda: noise(400), "model.mnn", Verdict.NOT_SCANNED),
    "nameless_tensor": Case(lambda: model(names=("\x01\x02",)), "network", Verdict.NOT_SCANNED),
}
