"""Profiles: a question narrower than everything, as the scanners that answer it and the depth it takes.

Every scanner and detector has its place in one of the families here, which a test holds; judges follow the facts that
the chosen scanners extract.
"""

from __future__ import annotations

from typing import NamedTuple

from modelsweep.core.options import Depth

RECOGNISERS = ("text", "media", "data", "raw-weights", "search-index", "pointer", "tfrecord", "licence", "model-card")
"""Scanners that only tell what is no model."""
CONTAINERS = ("zip", "tar", "compressed", "sevenzip", "unreadable", "oci", "oci-blob")
PICKLES = ("pickle", "numpy", "torch", "torch-distributed", "torch-legacy", "torch-mobile", "torch-tar")
KERAS = ("keras", "keras-h5")
GRAPHS = (
    "onnx",
    "onnx-text",
    "ort",
    "tensorflow",
    "tensorflow-checkpoint",
    "tensorflow-text",
    "tensorflow-mapped",
    "stablehlo",
    "tflite",
    "riegeli",
)
LIBRARIES = (
    "skops",
    "torchserve",
    "r",
    "matlab",
    "java",
    "java-xml",
    "workflow",
    "dotnet",
    "julia",
    "ruby",
    "mlnet",
    "torch7",
    "coreml",
    "coreml-compiled",
    "caffe",
    "caffe2",
    "paddle",
    "mxnet",
    "openvino",
    "executorch",
    "tensorrt",
    "cntk",
    "rknn",
    "tvm",
    "accelerator",
    "pmml",
    "flax",
    "ocdbt",
    "xgboost",
    "lightgbm",
    "catboost",
    "vowpal-wabbit",
    "mnn",
    "ncnn",
    "litertlm",
    "ctranslate2",
    "arrow",
    "avro",
)
"""Formats of single libraries."""
WEIGHTS = ("safetensors", "gguf", "ggml")
"""Formats of tensors alone, with metadata."""
NUMBERS = "weights"
WEIGHED = ("safetensors", "torch", "torch-legacy", "gguf", "numpy", "onnx", "ort", "keras-h5")
"""Formats whose scanners say where tensors stand, which the scanner of their numbers looks at."""
FORMATS = (*PICKLES, *GRAPHS, *KERAS, *LIBRARIES, *WEIGHTS)
CONFIGURATIONS = (
    "json",
    "yaml",
    "gin",
    "vocabulary",
    "jsonnet",
    "jinja",
    "mlflow",
    "serving",
    "requirements",
    "commands",
    "persistence",
    "shortcuts",
    "python",
    "python-compiled",
    "java-source",
    "wasm",
)
"""Text that makes loaders import and call what it names, and the code that they import."""
SIGNING = "signature"
"""What others are to be, as somebody signed it."""
HIDDEN = ("executable", "executables", "scripts", "pickles", "encoded", "archives", "expressions")
SECRETS = ("secrets", "network", "hidden-text")
PERSONAL = "personal-data"
"""Found where somebody asks for it only: it is no attack."""
FAMILIES = {
    "recognisers": RECOGNISERS,
    "containers": CONTAINERS,
    "pickles": PICKLES,
    "Keras": KERAS,
    "graphs": GRAPHS,
    "libraries": LIBRARIES,
    "weights": WEIGHTS,
    "numbers of weights": (NUMBERS,),
    "configurations and code": CONFIGURATIONS,
    "signatures": (SIGNING,),
    "hidden code": HIDDEN,
    "secrets and addresses": SECRETS,
    "personal data": (PERSONAL,),
}
"""All scanners and detectors, each in one family."""


class Profile(NamedTuple):
    """`scanners` are ids of scanners and detectors, of which those that this version has run; none means all
    that nobody has to ask for by name.

    `awaits` are those without which the question is not answered: their absence is said.
    """

    name: str
    title: str
    scanners: tuple[str, ...] = ()
    depth: Depth = "full"
    awaits: tuple[str, ...] = ()


PROFILES = (
    Profile("quick-scan", "structure and code only, in a moment", depth="quick"),
    Profile(
        "serialization-attacks",
        "code that loading would run",
        (*PICKLES, *KERAS, *LIBRARIES, *CONFIGURATIONS, *CONTAINERS, *HIDDEN),
    ),
    Profile(
        "format-integrity", "damaged files, and bytes that no format accounts for", (*FORMATS, *CONTAINERS, SIGNING)
    ),
    Profile("archive-inspection", "what archives hide", (*CONTAINERS, *PICKLES, *KERAS, *LIBRARIES, *HIDDEN)),
    Profile(
        "secrets-network-threats",
        "credentials, addresses and network code",
        (*SECRETS, *PICKLES, *WEIGHTS, *CONFIGURATIONS, *CONTAINERS),
        awaits=SECRETS,
    ),
    Profile(
        "model-behavior",
        "what a model runs when it is used, and what its weights hide",
        (NUMBERS, *WEIGHED, *WEIGHTS, *GRAPHS, *KERAS, *LIBRARIES, *CONFIGURATIONS, *CONTAINERS),
    ),
    Profile("personal-data", "personal data in text, with the extra of that name", (PERSONAL, *CONTAINERS)),
    Profile("full-audit", "everything, but for personal data"),
)
