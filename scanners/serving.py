"""Configurations of model servers: Triton's config.pbtxt, DJL's serving.properties, graphs of OpenVINO Model Server.

Triton: https://github.com/triton-inference-server/common/blob/main/protobuf/model_config.proto. It loads the libraries
of `model_operations` and the shared object of `runtime`, looks for those of `backend` beside the model first, and its
OpenVINO backend loads `CPU_EXTENSION_PATH`; the Python backend runs in the environment under `EXECUTION_ENV_PATH`.
DJL: https://docs.djl.ai/master/docs/serving/serving/docs/configurations.html. Its Python engine imports
`option.entryPoint`, and its server instantiates the Java class under `translatorFactory`. OpenVINO Model Server imports
`handler_path` of Python nodes in MediaPipe graphs:
https://docs.openvino.ai/2025/model-server/ovms_docs_python_support_reference.html. OpenNLP instantiates the classes
that `manifest.properties` of a model names: https://nvd.nist.gov/vuln/detail/CVE-2026-42027. Files that servers run by
their name alone (`1/model.py`, `model.py`) are judged as code of models.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from modelsweep.core import patterns as re
from modelsweep.core.finding import Fact, Finding, Json, Rule, Severity
from modelsweep.core.limits import OverLimit
from modelsweep.core.reader import MemoryReader
from modelsweep.core.scanner import Blob, Context, Item, Scanner, Signs
from modelsweep.core.text import printable
from modelsweep.core.units import MIB
from scanners import text
from scanners.judge.external_files import outside

if TYPE_CHECKING:
    from scanners.parsing.protobuf import Record

_TRITON, _DJL, _GRAPH = "config.pbtxt", "serving.properties", ".pbtxt"
_OPENNLP = "manifest.properties"
_PYTHON = b"PythonExecutorCalculator"
_HANDLER = re.compile(rb"\bhandler_path\s*:\s*(?:\"([^\"\n]{1,1000})\"|'([^'\n]{1,1000})')")
_FIELDS = (b"name", b"backend", b"platform", b"max_batch_size", b"input", b"model_operations", b"runtime")
SIZE_LIMIT = MIB
_SHOWN = 200
_SCHEMA = {
    "Model": {
        1: ("default_model_filename", "text"),
        2: ("backend", "text"),
        3: ("runtime", "text"),
        4: ("model_operations", "Operations"),
        5: ("parameters", "Parameter"),
        6: ("model_warmup", "Warmup"),
        7: ("model_repository_agents", "Agents"),
        8: ("cc_model_filenames", "Filename"),
    },
    "Warmup": {1: ("inputs", "Input")},
    "Input": {1: ("key", "text"), 2: ("value", "Sample")},
    "Sample": {1: ("input_data_file", "text")},
    "Agents": {1: ("agents", "Agent")},
    "Agent": {1: ("name", "text")},
    "Filename": {1: ("key", "text"), 2: ("value", "text")},
    "Parameter": {1: ("key", "text"), 2: ("value", "Value")},
    "Value": {1: ("string_value", "text")},
    "Operations": {1: ("op_library_filename", "text")},
}
_EXTENSION = "CPU_EXTENSION_PATH"
_ENVIRONMENT, _OWN_FOLDER = "EXECUTION_ENV_PATH", "$$TRITON_MODEL_DIRECTORY/"
_WORKER, _OWN_WORKER = "executor_worker_path", "/trtllmExecutorWorker"
"""The setting for the program that the backend of TensorRT-LLM starts, and the usual end of its path."""
_WORLD_WRITABLE = re.compile(r"/(?:tmp|var/tmp|dev/shm)/")
"""World-writable folders; an environment elsewhere on the machine was prepared by its owner."""
_TRANSLATORS = ("translatorFactory", "translator", "option.translatorFactory", "option.translator")
_DJL_PACKAGE = "ai.djl."
_TRUE = ("true", "1", "yes", "on")
_JAVA_CLASS = re.compile(r"(?:[a-z_]\w*\.)+[A-Z][\w$]*")

OUTSIDE = Rule(
    id="serving/path-outside",
    title="Model server that loads its model from elsewhere",
    severity=Severity.WARNING,
    message="{path} is {subject}: {reason}",
    why="The server joins the name to the model's folder. This name leads to other files on the server's machine.",
    fix="Do not serve the model. What it needs belongs in its own folder.",
    cwe=22,
    references=("https://github.com/triton-inference-server/server/blob/main/docs/user_guide/model_configuration.md",),
)


def accepts(blob: Blob) -> bool:
    """Return whether the blob is text with a name that a server looks for, and with what it reads there."""
    name = blob.locator.name
    if name == _TRITON:
        return any(blob.reader.find(field) >= 0 for field in _FIELDS) and text.accepts(blob)
    if blob.locator.suffix == _GRAPH and blob.reader.find(_PYTHON) >= 0:
        return text.accepts(blob)
    if name == _OPENNLP and b"OpenNLP-Version" not in blob.head:
        return False
    return name in (_DJL, _OPENNLP) and blob.size > 0 and text.accepts(blob)


def scan(blob: Blob, context: Context) -> Iterator[Item]:
    """Yield what a server would load and import; raises OverLimit above 1 MiB, and Malformed if that is unclear."""
    if blob.size > min(SIZE_LIMIT, context.limits.parsed_bytes):
        raise OverLimit(f"more than {SIZE_LIMIT:,} bytes of configuration")
    data = blob.reader.read(0, blob.size)
    if blob.locator.name == _DJL:
        yield from _djl(blob, data)
    elif blob.locator.name == _OPENNLP:
        yield from _opennlp(blob, data)
    elif blob.locator.name == _TRITON:
        yield from _triton(blob, data, context)
    else:
        yield from _graph(blob, data)


def _graph(blob: Blob, data: bytes) -> Iterator[Item]:
    """Yield the Python files that nodes in a graph of OpenVINO Model Server import."""
    for double, single in _HANDLER.findall(data):
        name = (double or single).decode("utf-8", "replace")
        if outside(name):
            yield _outside(blob, name, "handler_path", outside(name))
        else:
            yield _reference(blob, name, "handler", "handler_path")


def _triton(blob: Blob, data: bytes, context: Context) -> Iterator[Item]:
    from scanners.parsing.protobuf import Walker, Wire
    from scanners.parsing.protobuf_text import TextMessage

    names = {
        kind: {name.encode(): (number, what) for number, (name, what) in fields.items()}
        for kind, fields in _SCHEMA.items()
    }
    encoded = MemoryReader(TextMessage(data, names, {}, context).encoded("Model"))
    walker = Walker(Wire(encoded, context), _SCHEMA, frozenset({"Model"}), context.limits.parsed_bytes)
    for model in walker.walk("Model", 0, encoded.size):
        for operations in model.records.get("model_operations", ()):
            for library in operations.texts.get("op_library_filename", ()):
                yield _reference(blob, library, "library", "model_operations.op_library_filename")
        for parameter in model.records.get("parameters", ()):
            for given in parameter.records.get("value", ()):
                yield from _parameter(blob, parameter.text("key"), given.text("string_value"))
        for key in ("runtime", "backend"):
            yield from _named_library(blob, model.text(key), key)
        for agents in model.records.get("model_repository_agents", ()):
            for agent in agents.records.get("agents", ()):
                yield from _named_library(blob, agent.text("name"), "model_repository_agents.agents.name")
        name = model.text("default_model_filename")
        if name.endswith(".py") and not outside(name):
            yield _reference(blob, name, "handler", "default_model_filename", "1")
        yield from _files(blob, model)


def _parameter(blob: Blob, key: str, value: str) -> Iterator[Item]:
    """Yield the library of the OpenVINO backend, and the environment that the Python backend unpacks and uses."""
    if key == _EXTENSION:
        yield _reference(blob, value, "library", f"parameters.{_EXTENSION}")
    elif key == _WORKER and value and not value.endswith(_OWN_WORKER):
        yield _reference(blob, value, "library", f"parameters.{_WORKER}")
    elif key == _ENVIRONMENT and value:
        shared = "anybody may put something there" if _WORLD_WRITABLE.match(value) else ""
        reason = shared if value.startswith("/") else outside(value.removeprefix(_OWN_FOLDER))
        if reason:
            yield _outside(blob, value, f"parameters.{_ENVIRONMENT}", reason)


def _named_library(blob: Blob, value: str, key: str) -> Iterator[Item]:
    """Yield a name that the server turns into the name of a library, if it leads to another one than its own."""
    if set(value) & set("/\\") or value.endswith((".so", ".dll")):
        yield _reference(blob, value, "library", key)


def _files(blob: Blob, model: Record) -> Iterator[Item]:
    """Yield files that the server opens outside the folder of the model."""
    named = [("default_model_filename", model.text("default_model_filename"))]
    named += [("cc_model_filenames", file.text("value")) for file in model.records.get("cc_model_filenames", ())]
    for warmup in model.records.get("model_warmup", ()):
        for entry in warmup.records.get("inputs", ()):
            samples = entry.records.get("value", ())
            named += [("model_warmup.inputs.input_data_file", sample.text("input_data_file")) for sample in samples]
    for path, name in named:
        if name and outside(name):
            yield _outside(blob, name, path, outside(name))


def _outside(blob: Blob, name: str, path: str, reason: str) -> Finding:
    evidence: dict[str, Json] = {"reason": reason}
    return Finding(OUTSIDE, blob.locator, printable(name, _SHOWN), path, evidence=evidence)


def _djl(blob: Blob, data: bytes) -> Iterator[Item]:
    """Yield the code that properties name; all of a repeated key are reported, though only the last counts."""
    for line in data.decode("utf-8", "replace").splitlines():
        key, separator, value = (part.strip() for part in line.partition("="))
        if not separator or key.startswith(("#", "!")):
            continue
        if key == "option.entryPoint" and value:
            how = "remote" if "://" in value else "handler" if value.endswith(".py") else "hint"
            yield _reference(blob, value, how, key)
        elif key in _TRANSLATORS and value and not value.startswith(_DJL_PACKAGE):
            yield _reference(blob, value, "class", key)
        elif key == "option.trust_remote_code" and value.lower() in _TRUE:
            yield _reference(blob, key.rpartition(".")[2], "trust", key)


def _opennlp(blob: Blob, data: bytes) -> Iterator[Item]:
    """Yield the classes that OpenNLP instantiates while it loads a model (CVE-2026-42027)."""
    for line in data.decode("utf-8", "replace").splitlines():
        key, _, value = (part.strip() for part in line.replace(":", "=", 1).partition("="))
        if _JAVA_CLASS.fullmatch(value) and not value.startswith("opennlp."):
            detail: dict[str, Json] = {"how": "made", "path": printable(key, _SHOWN)}
            yield Fact("java-class", printable(value, _SHOWN), blob.locator, detail=detail)


def _reference(blob: Blob, name: str, how: str, path: str, root: str = "") -> Fact:
    detail: dict[str, Json] = {"how": how, "path": path}
    if root:
        detail["roots"] = [root]
    return Fact("code-reference", printable(name, _SHOWN), blob.locator, detail=detail)


SCANNER = Scanner(
    name="serving",
    title="Configurations of model servers (Triton, DJL Serving, OpenVINO), manifests of OpenNLP",
    version=6,
    accepts=accepts,
    scan=scan,
    rules=(OUTSIDE,),
    signs=Signs(suffixes=(_GRAPH,), names=(_TRITON, _DJL, _OPENNLP)),
)
