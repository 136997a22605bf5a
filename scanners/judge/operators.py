"""Operators that reach outside the graph they stand in: files, Python, native libraries."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from modelsweep.core.finding import Fact, Finding, Rule, Severity
from modelsweep.core.options import Options
from modelsweep.core.text import shorten

_SHOWN = 5
"""Operators that are named of one custom domain."""
_STRINGS_SHOWN = 200

ONNX_PYTHON = Rule(
    id="onnx/python-operator",
    title="Operator that runs Python or PyTorch by name",
    severity=Severity.WARNING,
    message="node {path} is {subject}: {reason}",
    why="What such a node does is not in the model: it names code that the runtime finds and calls. "
    "It runs with the rights of whoever runs the model.",
    fix="Export the model without it. If it is needed, read the code that it names before you register it.",
    confidence="medium",
    cwe=829,
    references=(
        "https://github.com/microsoft/onnxruntime-extensions/blob/main/docs/custom_ops.md",
        "https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md",
    ),
)
ONNX_CUSTOM = Rule(
    id="onnx/custom-operator",
    title="Operators of a custom domain",
    severity=Severity.INFO,
    message="the model needs a library for the operators of {subject}: {operators}",
    why="The operators are native code of a library that must be loaded before the model. It runs with the rights of "
    "whoever loads it, and is not part of this file.",
    fix="Take the library from its publisher, not from where the model came from.",
    cwe=829,
    references=("https://onnxruntime.ai/docs/reference/operators/add-custom-op.html",),
)
_STANDARD = frozenset(
    {"", "ai.onnx", "ai.onnx.ml", "ai.onnx.training", "ai.onnx.preview", "ai.onnx.preview.training", "com.microsoft"}
)
_STANDARD_PREFIXES = ("com.microsoft.", "com.ms.internal.")
# Why, by name of operator, in any domain: interpreters have moved from one to another
_PYTHON = {
    "PyOp": "it calls a Python function or class that it names",
    "PyCustomOp": "it calls a Python function that it names",
    "PythonOp": "it calls a Python autograd function that it names",
    "PythonOpGrad": "it calls a Python autograd function that it names",
    "ATen": "it calls a PyTorch operator that it names, among which are some that open files",
    "TritonOp": "it calls a Python function that compiles and runs a kernel",
}


def _tensorflow(what: str, title: str, severity: Severity, message: str, why: str, cwe: int) -> Rule:
    return Rule(
        id=f"tensorflow/{what}",
        title=title,
        severity=severity,
        message=message,
        why=why,
        fix="Export the model for inference only, without the operator; ask its author what it is for.",
        confidence="high" if severity is Severity.CRITICAL else "medium",
        cwe=cwe,
        references=("https://github.com/tensorflow/tensorflow/blob/master/SECURITY.md",),
    )


TENSORFLOW_WRITES = _tensorflow(
    "writes-file",
    "Operator that writes files",
    Severity.CRITICAL,
    "node {path} is {subject}: it writes {strings}",
    "Running the model writes files of its choice with the rights of whoever runs it: a start-up script or a key is "
    "enough to run code. Inference needs no such operator.",
    73,
)
TENSORFLOW_READS = _tensorflow(
    "reads-file",
    "Operator that reads files",
    Severity.WARNING,
    "node {path} is {subject}: it reads {strings}",
    "Running the model reads files of whoever runs it, and can put what they hold into its output.",
    73,
)
TENSORFLOW_DATASET = _tensorflow(
    "reads-dataset",
    "Operator that reads a data set",
    Severity.INFO,
    "node {path} is {subject}: it reads {strings}",
    "Graphs saved in training hold the pipeline that fed them. A model for inference has no need of it.",
    73,
)
TENSORFLOW_NETWORK = _tensorflow(
    "network",
    "Operator that connects to other machines",
    Severity.WARNING,
    "node {path} is {subject}: it connects to {strings}",
    "Running the model sends tensors to, or takes them from, machines that the model names.",
    918,
)
TENSORFLOW_PYTHON = _tensorflow(
    "python-operator",
    "Operator that calls Python",
    Severity.WARNING,
    "node {path} is {subject}: it calls the Python function registered as {strings}",
    "What such a node does is not in the model: it calls whatever function the running program registered under the "
    "token. A model for inference does not need it, and does not run elsewhere with it.",
    829,
)
TENSORFLOW_SHELL = _tensorflow(
    "shell-operator",
    "Custom operator named for running commands",
    Severity.WARNING,
    "node {path} is {subject}, with {strings}",
    "TensorFlow has no operator of this kind: a library brings it, and by its name it runs commands.",
    78,
)
TENSORFLOW_CUSTOM = _tensorflow(
    "custom-operator",
    "Custom operator",
    Severity.INFO,
    "node {path} is {subject}, which needs a library of its own",
    "The operator is native code of a library that must be loaded before the model, and is not part of this file.",
    829,
)
_READERS = "WholeFileReader TextLineReader FixedLengthRecordReader TFRecordReader LMDBReader IdentityReader".split()
_TENSORFLOW = {
    **dict.fromkeys(
        "WriteFile SaveDataset SaveDatasetV2 DistributedSave".split(),
        TENSORFLOW_WRITES,
    ),
    **dict.fromkeys("ReadFile MatchingFiles MatchingFilesDataset SqlDataset".split(), TENSORFLOW_READS),
    **dict.fromkeys("ExperimentalMatchingFilesDataset ExperimentalSqlDataset".split(), TENSORFLOW_READS),
    **dict.fromkeys([*_READERS, *(f"{reader}V2" for reader in _READERS)], TENSORFLOW_DATASET),
    **dict.fromkeys(
        "TextLineDataset TFRecordDataset TFRecordDatasetV2 FixedLengthRecordDataset FixedLengthRecordDatasetV2 "
        "LMDBDataset ExperimentalLMDBDataset LoadDataset SnapshotDataset SnapshotDatasetV2 CSVDataset CSVDatasetV2 "
        "ExperimentalCSVDataset".split(),
        TENSORFLOW_DATASET,
    ),
    **dict.fromkeys(
        "Rpc TryRpc DataServiceDataset DataServiceDatasetV2 DataServiceDatasetV3 DataServiceDatasetV4 "
        "RegisterDataset RegisterDatasetV2 BigQueryReader RpcClient RpcCall RpcServer".split(),
        TENSORFLOW_NETWORK,
    ),
    **dict.fromkeys("PyFunc PyFuncStateless EagerPyFunc".split(), TENSORFLOW_PYTHON),
}
"""By name of operator; SaveV2, RestoreV2, MergeV2Checkpoints and ShardedFilename are left out: all SavedModels save."""
_STREAMS = {
    "PrintV2": "",
    **dict.fromkeys(
        "DebugIdentity DebugIdentityV2 DebugIdentityV3 DebugNanCount DebugNumericSummary".split(), "grpc://"
    ),
}
"""Operators that send what passes through them where their attributes say: to the log, to a file, to a machine."""
_SHELL = ("shell", "popen", "subprocess", "runcommand", "execcommand", "executecommand", "systemcommand", "oscommand")
KINDS = frozenset({"operator"})
RULES = (
    ONNX_PYTHON,
    ONNX_CUSTOM,
    TENSORFLOW_WRITES,
    TENSORFLOW_READS,
    TENSORFLOW_DATASET,
    TENSORFLOW_NETWORK,
    TENSORFLOW_PYTHON,
    TENSORFLOW_SHELL,
    TENSORFLOW_CUSTOM,
)


def findings(facts: Sequence[Fact], _options: Options) -> Iterator[Finding]:
    """Yield operators that do more than compute, and those that this file does not define."""
    yield from _onnx([fact for fact in facts if fact.detail.get("framework") == "onnx" and not fact.detail["defined"]])
    for fact in facts:
        rule = _rule_of(fact) if fact.detail.get("framework") == "tensorflow" else None
        if rule:
            strings = ", ".join(str(string) for string in _strings(fact)) or "what it is given when it runs"
            node = str(fact.detail["node"]) or "without a name"
            evidence = {"strings": shorten(strings, _STRINGS_SHOWN)}
            yield Finding(rule, fact.locator, fact.value, path=node, span=fact.span, evidence=evidence)


def concerns(operator: str) -> bool:
    """Return whether what an operator of TensorFlow is given matters: the files, addresses and functions it names."""
    return operator in _TENSORFLOW or operator in _STREAMS or _is_shell(operator)


def _rule_of(fact: Fact) -> Rule | None:
    operator = fact.value
    if operator in _STREAMS:
        strings = _strings(fact)
        if any(string.startswith("file://") for string in strings):
            return TENSORFLOW_WRITES
        remote = _STREAMS[operator]
        return TENSORFLOW_NETWORK if remote and any(string.startswith(remote) for string in strings) else None
    if operator not in _TENSORFLOW and _is_shell(operator):
        return TENSORFLOW_SHELL
    return _TENSORFLOW.get(operator, TENSORFLOW_CUSTOM if ">" in operator else None)


def _is_shell(operator: str) -> bool:
    lower = operator.lower().replace("_", "")
    return not operator.startswith("__") and any(word in lower for word in _SHELL)


def _strings(fact: Fact) -> list[str]:
    strings = fact.detail["strings"]
    return [str(string) for string in strings] if isinstance(strings, list) else []


def _onnx(facts: Sequence[Fact]) -> Iterator[Finding]:
    custom: dict[tuple[str, str], list[Fact]] = {}
    for fact in facts:
        domain, name = str(fact.detail["domain"]), str(fact.detail["name"])
        if name in _PYTHON:
            evidence = {"reason": _PYTHON[name]}
            node = str(fact.detail["node"]) or "without a name"
            yield Finding(ONNX_PYTHON, fact.locator, fact.value, path=node, span=fact.span, evidence=evidence)
        elif domain not in _STANDARD and not domain.startswith(_STANDARD_PREFIXES):
            custom.setdefault((str(fact.locator), domain), []).append(fact)
    for (_, domain), used in custom.items():
        names = ", ".join(str(fact.detail["name"]) for fact in used[:_SHOWN])
        more = f" and {len(used) - _SHOWN} more" if len(used) > _SHOWN else ""
        yield Finding(ONNX_CUSTOM, used[0].locator, domain, span=used[0].span, evidence={"operators": names + more})
