"""Networks of ncnn as text: what they say of their weights, and networks of which layers are missing."""

from __future__ import annotations

from modelsweep.core.report import Verdict
from tests.scanners.case import Case

LAYERS = (
    "Input data 0 1 data 0=8 1=8 2=3",
    "Convolution conv1 1 1 data a 0=16 1=3 4=1 5=1 6=432",
    "BatchNorm bn1 1 1 a b 0=16",
    "PReLU act1 1 1 b c 0=16",
    "MemoryData token 0 1 t 0=4 1=3",
    "LayerNorm norm 1 1 c d 0=16 1=1.0e-05",
    "LSTM lstm 1 1 d e 0=8 1=512 2=0",
    "MultiHeadAttention mha 1 1 e f 0=8 1=2 2=64",
    "InnerProduct fc 1 1 f prob 0=10 1=1 2=160",
)


def network(*layers: str, count: int = 0) -> bytes:
    """Return a network of layers; `count` is how many it says to have."""
    listed = layers or LAYERS
    return "\n".join(("7767517", f"{count or len(listed)} {len(listed)}", *listed, "")).encode()


def case(build: bytes, verdict: Verdict) -> Case:
    """Return the case of a network; without its last numbers it is one as well."""
    return Case(lambda: build, "face.param", verdict, cut_is_clean=True)


CASES = {
    "benign": case(network(), Verdict.CLEAN),
    "benign_on_windows": case(network().replace(b"\n", b"\r\n"), Verdict.CLEAN),
    "benign_without_weights": case(network("Input data 0 1 data"), Verdict.CLEAN),
    "benign_odd_numbers": case(network("Convolution a 1 1 a b 0=x 6=1e9 -23300=2,1,1 5=99999999999999"), Verdict.CLEAN),
    "benign_other_numbers": Case(lambda: b"7767517 is a number\n", "notes.txt", Verdict.CLEAN),
    "layers_are_missing": case(network(count=12), Verdict.NOT_SCANNED),
    "without_counts": case(b"7767517\nInput data 0 1 data\n", Verdict.NOT_SCANNED),
}
