"""Networks of Caffe, as text and in binary form, with layers that are Python and layers that write files."""

from __future__ import annotations

from modelsweep.core.report import Verdict
from tests.scanners.case import Case
from tests.scanners.native_code import elf
from tests.scanners.protobuf import data, number

TEXT = """# LeNet
name: "LeNet"
input: "data"
layer {
  name: "conv1" type: "Convolution" bottom: "data" top: "conv1"
  param { lr_mult: 1 decay_mult: 0.0005 }
  convolution_param { num_output: 20 kernel_size: 5 weight_filler { type: "xavier" std: 0.01 } }
}
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "conv1" top: "loss" include { phase: TRAIN } }
"""
LAYER = """layer {
  name: "proposal" type: "Python" bottom: "rois" top: "rois"
  python_param { module: "MODULE" layer: "CLASS" param_str: "PARAMETERS" }
}
"""
SAVE = '{ name: "out" type: "HDF5Output" bottom: "conv1" hdf5_output_param { file_name: "PATH" } }'
BLOB = data(7, data(5, bytes(64)), data(7, number(1, 4)))


def python(module: str, name: str, parameters: str = "'feat_stride': 16") -> bytes:
    """Return a network as text with a layer that is Python."""
    layer = LAYER.replace("MODULE", module).replace("CLASS", name)
    return (TEXT + layer.replace("PARAMETERS", parameters)).encode()


def layer(kind: str, *more: bytes) -> bytes:
    """Return a layer in binary form."""
    return data(100, data(1, "layer1"), data(2, kind), data(3, "data"), data(4, "out"), *more)


def weights(*more: bytes) -> bytes:
    """Return a network with its weights."""
    return data(1, "LeNet") + b"".join(more) + layer("Convolution", BLOB, number(10, 1)) + layer("ReLU")


def case(content: bytes, verdict: Verdict, name: str = "deploy.prototxt") -> Case:
    """Return the case of a network; a shorter one may be whole, as text and in binary form."""
    return Case(lambda: content, name, verdict, cut_is_clean=True)


OLD = data(2, data(2, "data"), data(3, "out"), data(4, "old"), number(5, 4), data(6, bytes(8)))
BINARY = "lenet.caffemodel"
MODULE = data(130, data(1, "os"), data(2, "system"), data(3, "echo modelsweep-test"))
CASES = {
    "benign": case(TEXT.encode(), Verdict.CLEAN),
    "benign_weights": case(weights(), Verdict.CLEAN, BINARY),
    "benign_old_weights": case(
        weights(data(2, data(4, "old"), number(5, 4), data(6, bytes(8)))), Verdict.CLEAN, BINARY
    ),
    "benign_solver": case(b'net: "train.prototxt"\nbase_lr: 0.01\nsnapshot_prefix: "lenet"\n', Verdict.CLEAN),
    "benign_output": case((TEXT + f"layer {SAVE}").replace("PATH", "out.h5").encode(), Verdict.CLEAN),
    "unknown_layer": case(python("rpn.proposal_layer", "ProposalLayer"), Verdict.REVIEW),
    "evil_layer": case(python("os", "system"), Verdict.MALICIOUS),
    "evil_layer_behind_a_comment": case(b"# " + b"x" * 5_000 + b"\n" + python("os", "system"), Verdict.MALICIOUS),
    "evil_layer_escaped": case(python("subp\\x72ocess", "Popen"), Verdict.MALICIOUS),
    "evil_parameters": case(
        python("rpn.layer", "Layer", "!!python/object/apply:os.system ['echo modelsweep-test']"), Verdict.MALICIOUS
    ),
    "evil_weights": case(weights(layer("Python", MODULE)), Verdict.MALICIOUS, BINARY),
    "evil_weights_first": case(layer("Python", MODULE) + layer("ReLU"), Verdict.MALICIOUS, "model.bin"),
    "executable_in_weights": case(weights(layer("Scale", data(7, data(5, elf())))), Verdict.MALICIOUS, BINARY),
    "writes_elsewhere": case((TEXT + f"layer {SAVE}").replace("PATH", "/home/me/.bashrc").encode(), Verdict.REVIEW),
    "writes_above": case((TEXT + f"layer {SAVE}").replace("PATH", "../../notes").encode(), Verdict.REVIEW),
    "broken": case((TEXT + "layer { name: ").encode(), Verdict.NOT_SCANNED),
    "broken_weights": Case(lambda: weights() + b"\xa2\x06\xff\x7f", BINARY, Verdict.NOT_SCANNED, cut_is_clean=True),
}
