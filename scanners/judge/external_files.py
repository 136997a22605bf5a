"""External files that a model makes its loader open: where their paths must not lead."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from modelsweep.core.finding import Fact, Finding, Rule, Severity
from modelsweep.core.options import Options
from modelsweep.core.text import shorten

_SHOWN = 300
_PATH_MAX = 1_000
"""Maximum characters of a legitimate path; scanners keep somewhat more."""
_NVD = "https://nvd.nist.gov/vuln/detail/"
MEMORY_TAGS = frozenset({"*/_ORT_MEM_ADDR_/*", "__ORT_MEM_ADDR__"})
"""Locations that make onnxruntime use the offset as an address in its own memory."""
_DEVICES = frozenset({"con", "prn", "aux", "nul", "conin$", "conout$"}) | {
    f"{port}{number}" for port in ("com", "lpt") for number in range(10)
}


def _rule(what: str, title: str, message: str, why: str, cwe: int, *references: str) -> Rule:
    return Rule(
        id=what,
        title=title,
        severity=Severity.CRITICAL,
        message=message,
        why=why,
        fix="Do not load the model. External data belongs in the model's own folder, under a plain relative path.",
        cwe=cwe,
        references=references,
    )


ONNX_PATH = _rule(
    "onnx/external-path",
    "External data outside the model's folder",
    "{path} reads its data from {subject}: {reason}",
    "Loading the model reads that file of the victim's into a tensor, and saving the model again overwrites the file.",
    22,
    _NVD + "CVE-2022-25882",
    _NVD + "CVE-2024-27318",
    _NVD + "CVE-2025-51480",
)
ONNX_MEMORY = _rule(
    "onnx/memory-address",
    "Tensor whose data is a memory address",
    "{path} reads its data from the memory of the process: {subject}",
    "onnxruntime reserves this marker for itself. In a file, it makes the offset a pointer that onnxruntime reads "
    "from, so that process memory ends up in the model's output, or the process crashes.",
    822,
    "https://github.com/microsoft/onnxruntime/pull/28709",
    "https://github.com/microsoft/onnxruntime/pull/29011",
)
TENSORFLOW_ASSET = _rule(
    "tensorflow/asset-path",
    "Asset outside the model's folder",
    "{path} is the file {subject}: {reason}",
    "Assets belong in the folder `assets` of a SavedModel. Loading this one reads another file on the user's machine.",
    22,
    "https://github.com/tensorflow/tensorflow/blob/master/tensorflow/core/protobuf/meta_graph.proto",
)
TFLITE_PATH = _rule(
    "tflite/external-path",
    "External buffers outside the model's folder",
    "{path} is read from {subject}: {reason}",
    "Loading the model reads that file of the victim's into tensors.",
    22,
    "https://github.com/google-ai-edge/LiteRT/blob/main/tflite/converter/schema/schema.fbs",
)
TFJS_PATH = _rule(
    "tensorflow/weights-path",
    "Weights outside the folder of a TensorFlow.js model",
    "{path} is the file {subject}: {reason}",
    "Converting the model reads that file of the victim's into tensors, and writes it into the result.",
    22,
    "https://github.com/tensorflow/tfjs/blob/master/tfjs-converter/python/tensorflowjs/read_weights.py",
)
MNN_PATH = _rule(
    "mnn/external-path",
    "Weights outside the folder of an MNN model",
    "{path} are read from {subject}: {reason}",
    "Loading the model reads that file of the victim's into tensors.",
    22,
    "https://github.com/alibaba/MNN/blob/master/schema/default/MNN.fbs",
)
ORBAX_PATH = _rule(
    "flax/array-path",
    "Array outside the folder of a JAX checkpoint",
    "{path} is read from {subject}: {reason}",
    "Orbax and Flax join array names to the folder of the checkpoint. Restoring this one reads from elsewhere on the "
    "machine, or from a network share.",
    22,
    "https://orbax.readthedocs.io/en/latest/guides/checkpoint/checkpoint_format.html",
    "https://github.com/google/flax/issues/5487",
)
FAISS_PATH = Rule(
    id="search-index/external-lists",
    title="Index whose lists are in a file elsewhere",
    severity=Severity.WARNING,
    message="{path} are in {subject}: {reason}",
    why="Reading the index opens that file on the user's machine, even for writing, and takes vectors from it. Indexes "
    "that were built on disk name the place where they were built, so this may be no more than a leftover.",
    fix="Read the index with IO_FLAG_ONDISK_SAME_DIR and the file beside it, or build it again in memory.",
    confidence="medium",
    cwe=73,
    references=("https://github.com/facebookresearch/faiss/wiki/Indexes-that-do-not-fit-in-RAM",),
)
PADDLE_PATH = _rule(
    "paddle/variable-path",
    "Variable whose file is outside the folder of a PaddlePaddle model",
    "{path} is read from {subject}: {reason}",
    "Where parameters are in separate files, each file has the name of its variable. Paddle and OpenVINO join that "
    "name to the model's folder, and read that file of the victim's into a tensor.",
    22,
    "https://www.paddlepaddle.org.cn/documentation/docs/en/api/paddle/static/load_inference_model_en.html",
)
_PATHS = {
    "paddle": PADDLE_PATH,
    "mnn": MNN_PATH,
    "orbax": ORBAX_PATH,
    "faiss": FAISS_PATH,
    "tfjs": TFJS_PATH,
    "tflite": TFLITE_PATH,
    "onnx": ONNX_PATH,
    "tensorflow": TENSORFLOW_ASSET,
}

_PRIVATE = re.compile(
    r"^(?:file://)?(?:/|(?:\.\./)+)(?:etc|proc|(?:var/)?run/secrets)/"
    r"|(?:^|/)\.(?:ssh|aws|azure|gnupg|kube|docker|netrc|git-credentials|pypirc|npmrc|(?:bash|zsh)_history)(?:/|$)"
    r"|(?:^|/)\.(?:config/gcloud|(?:cache/)?huggingface/(?:stored_)?tokens?)(?:/|$)",
    re.MULTILINE,
)
_ELSEWHERE = re.compile(r"~[\w.-]*[/\\]|\$\{?\w+\}?[/\\]|%\w+%[/\\]|file:", re.IGNORECASE)
_ESCAPED = re.compile(r"(?:^|[/\\])(?:\.|%2e){2}(?:[/\\]|%2f|%5c|$)", re.IGNORECASE)
KINDS = frozenset({"external-file"})
RULES = (
    ONNX_PATH,
    ONNX_MEMORY,
    TENSORFLOW_ASSET,
    TFLITE_PATH,
    TFJS_PATH,
    MNN_PATH,
    ORBAX_PATH,
    FAISS_PATH,
    PADDLE_PATH,
)


def findings(facts: Sequence[Fact], _options: Options) -> Iterator[Finding]:
    """Yield the files that are, or may be, outside the folder of the model that names them."""
    for fact in facts:
        used_by = str(fact.detail["used_by"])
        framework = str(fact.detail["framework"])
        if framework == "onnx" and fact.value in MEMORY_TAGS:
            yield Finding(ONNX_MEMORY, fact.locator, fact.value, path=used_by, span=fact.span)
            continue
        reason = outside(fact.value)
        if reason:
            evidence = {"reason": reason}
            subject = shorten(fact.value, _SHOWN) or "nothing"
            yield Finding(_PATHS[framework], fact.locator, subject, path=used_by, span=fact.span, evidence=evidence)


def outside(path: str) -> str:
    """Return why a path may lead out of the folder that it is relative to, on any system, or "".

    Backslashes count as separators, as on Windows. `..` may cancel a folder of the path itself, which loaders that
    normalize the path before checking it allow.
    """
    parts = path.replace("\\", "/").split("/")
    reasons = (
        (not path.strip(), "the path is empty"),
        (len(path) > _PATH_MAX, "it is longer than any path in a model should be"),
        ("://" in path, "it is an address on a network"),
        (parts[0] == "" or path[1:2] == ":", "the path is absolute"),
        (_ELSEWHERE.match(path), "it begins with a home folder, a variable or an address"),
        (_climbs(parts) or (_ESCAPED.search(path) and "%" in path), "it leaves the folder with .."),
        (_names_device(parts), "it names a Windows device"),
        (is_private(path), "it leads to the user's keys or settings"),
        ("\\x00" in path, "it holds a NUL, at which some loaders stop reading"),
    )
    return next((reason for holds, reason in reasons if holds), "")


def leaves(name: str) -> bool:
    """Return whether a name that is joined to a folder leads out of it: it is absolute, or climbs above it."""
    parts = name.replace("\\", "/").split("/")
    return len(parts) > 1 and (parts[0] == "" or name[1:2] == ":" or ".." in parts)


def _climbs(parts: list[str]) -> bool:
    """Return whether a path leads above its starting folder at any point."""
    depth = 0
    for part in parts:
        depth += -1 if part.strip() == ".." else part.strip() not in ("", ".")
        if depth < 0:
            return True
    return False


def _names_device(parts: list[str]) -> bool:
    return any(part.partition(".")[0].strip().lower() in _DEVICES for part in parts)


def is_private(path: str) -> bool:
    """Return whether a path leads to settings or secrets of a machine, which does not happen by accident."""
    return _PRIVATE.search(path) is not None
