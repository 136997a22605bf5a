"""Operators that reach outside their graph: files, Python, native libraries."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache

from modelsweep.core import patterns as re
from modelsweep.core.finding import Fact, Finding, Json, Rule, Severity
from modelsweep.core.options import Options
from modelsweep.core.text import shorten
from scanners.judge.attack_commands import private_file
from scanners.judge.dangerous_names import family
from scanners.judge.external_files import is_private, outside
from scanners.judge.tensorflow_operators import TENSORFLOW_OPERATORS

_SHOWN = 5
"""Maximum operators that are named per custom domain."""
_STRINGS_SHOWN = 200

ONNX_PYTHON = Rule(
    id="onnx/python-operator",
    title="Operator that runs Python or PyTorch by name",
    severity=Severity.WARNING,
    message="node {path} is {subject}: {reason}",
    why="What such a node does is not part of the model: it names code that the runtime finds and calls, with the "
    "rights of the user who runs the model.",
    fix="Export the model without it. If it is needed, read the code that it names before you register it.",
    confidence="medium",
    cwe=829,
    references=(
        "https://github.com/microsoft/onnxruntime-extensions/blob/main/docs/custom_ops.md",
        "https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md",
    ),
)
ONNX_DANGEROUS = Rule(
    id="onnx/dangerous-callable",
    title="Operator that calls dangerous Python",
    severity=Severity.CRITICAL,
    message="node {path} is {subject}: it calls {callee} ({family})",
    why="The runtime imports what the node names, and calls it with the user's rights when the model is loaded or run.",
    fix="Do not load the model. Ask its author what the operator is for.",
    cwe=94,
    references=("https://github.com/microsoft/onnxruntime-extensions/blob/main/docs/custom_ops.md",),
)
ONNX_CUSTOM = Rule(
    id="onnx/custom-operator",
    title="Operators from a custom domain",
    severity=Severity.INFO,
    message="the model needs a library for the operators of {subject}: {operators}",
    why="The operators are native code in a library that must be loaded before the model. The library runs with the "
    "rights of the user who loads it, and is not part of this file.",
    fix="Take the library from its publisher, not from where you got the model.",
    cwe=829,
    references=("https://onnxruntime.ai/docs/reference/operators/add-custom-op.html",),
)
ONNX_SUSPICIOUS = Rule(
    id="onnx/telling-operator",
    title="Operator named after running commands or accessing files",
    severity=Severity.WARNING,
    message="node {path} is {subject}",
    why="ONNX has no standard operator of this kind. A library provides it, and by its name it reaches outside the "
    "graph.",
    fix="Export the model without it. If it is needed, read the library's code before you register it.",
    confidence="medium",
    cwe=829,
    references=("https://onnxruntime.ai/docs/reference/operators/add-custom-op.html",),
)
_STANDARD = frozenset(
    {"", "ai.onnx", "ai.onnx.ml", "ai.onnx.training", "ai.onnx.preview", "ai.onnx.preview.training", "com.microsoft"}
)
_STANDARD_PREFIXES = ("com.microsoft.", "com.ms.internal.")
_SENDING = re.compile(r"(?:Azure|OpenAI)\w+")
"""Operators of onnxruntime-extensions that send their inputs to an address in the model."""
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
        fix="Export the model for inference only, without the operator, and ask its author what it is for.",
        confidence="high" if severity is Severity.CRITICAL else "medium",
        cwe=cwe,
        references=("https://github.com/tensorflow/tensorflow/blob/master/SECURITY.md",),
    )


TENSORFLOW_WRITES = _tensorflow(
    "writes-file",
    "Operator that writes files",
    Severity.CRITICAL,
    "node {path} is {subject}: it writes {strings}",
    "Running the model writes files that it chooses, with the user's rights. A start-up script or a key is enough to "
    "run code. Inference needs no such operator.",
    73,
)
TENSORFLOW_READS = _tensorflow(
    "reads-file",
    "Operator that reads files",
    Severity.WARNING,
    "node {path} is {subject}: it reads {strings}",
    "Running the model reads the user's files, and can put their content into its output.",
    73,
)
TENSORFLOW_PRIVATE = _tensorflow(
    "reads-private-file",
    "Operator that reads the user's passwords or keys",
    Severity.CRITICAL,
    "node {path} is {subject}: it reads {strings}",
    "The path is part of the model. Running it reads a file of accounts, passwords or keys, and can put it into its "
    "output. No model has a use for it.",
    73,
)
TENSORFLOW_DATASET = _tensorflow(
    "reads-dataset",
    "Operator that reads a data set",
    Severity.INFO,
    "node {path} is {subject}: it reads {strings}",
    "Graphs saved during training contain the pipeline that fed them. A model for inference does not need it.",
    73,
)
TENSORFLOW_NETWORK = _tensorflow(
    "network",
    "Operator that connects to other machines",
    Severity.WARNING,
    "node {path} is {subject}: it connects to {strings}",
    "Running the model sends tensors to, or receives them from, machines that the model names.",
    918,
)
TENSORFLOW_PYTHON = _tensorflow(
    "python-operator",
    "Operator that calls Python",
    Severity.WARNING,
    "node {path} is {subject}: it calls the Python function registered as {strings}",
    "What such a node does is not part of the model: it calls whatever function the running program registered under "
    "the token. A model for inference does not need it, and does not run elsewhere with it.",
    829,
)
TENSORFLOW_SHELL = _tensorflow(
    "shell-operator",
    "Custom operator named after running commands",
    Severity.WARNING,
    "node {path} is {subject}, with {strings}",
    "TensorFlow has no operator of this kind. A library provides it, and by its name it runs commands.",
    78,
)
TENSORFLOW_CUSTOM = _tensorflow(
    "custom-operator",
    "Custom operator",
    Severity.INFO,
    "node {path} is {subject}, which needs a separate library",
    "The operator is native code in a library that must be loaded before the model. It is not part of this file.",
    829,
)
TENSORFLOW_LOCAL = _tensorflow(
    "local-path",
    "Operator that reads a file outside the model's folder",
    Severity.INFO,
    "node {path} is {subject}: it reads {strings}",
    "Weights or a vocabulary are read from a path on the machine where the graph was saved, as training graphs do. On "
    "another machine that fails, or reads whatever happens to be there.",
    73,
)
TENSORFLOW_LEAVES = _tensorflow(
    "leaves-files",
    "Operator that writes logs or caches outside the model's folder",
    Severity.WARNING,
    "node {path} is {subject}: it writes below {strings}",
    "Running the model creates files in a place that it chooses. Their names and format are TensorFlow's own.",
    73,
)
TFLITE_CUSTOM = Rule(
    id="tflite/custom-operator",
    title="Custom TensorFlow Lite operator",
    severity=Severity.INFO,
    message="the model uses the operator {subject}, which the runtime must provide",
    why="The operator is native code that must be registered before the model is loaded. It is not part of this file.",
    fix="Load the model only with a runtime whose operators you trust.",
    cwe=829,
    references=("https://ai.google.dev/edge/litert/models/ops_custom",),
)
TFLITE_SUSPICIOUS = Rule(
    id="tflite/telling-operator",
    title="Custom operator named after running commands or accessing files",
    severity=Severity.WARNING,
    message="the model uses the operator {subject}, which the runtime must provide",
    why="By its name the operator reaches outside the graph: it runs commands or Python, loads libraries, or opens "
    "files.",
    fix="Convert the model without it. If it is needed, read the library's code before you register it.",
    confidence="medium",
    cwe=829,
    references=("https://ai.google.dev/edge/litert/models/ops_custom",),
)
_READERS = "WholeFileReader TextLineReader FixedLengthRecordReader TFRecordReader LMDBReader IdentityReader".split()
_TENSORFLOW = {
    **dict.fromkeys(
        "WriteFile SaveDataset SaveDatasetV2 DistributedSave DatasetToTFRecord ExperimentalDatasetToTFRecord "
        "DumpTensor CalibrationStatisticsSaver".split(),
        TENSORFLOW_WRITES,
    ),
    **dict.fromkeys(
        "ReadFile MatchingFiles MatchingFilesDataset SqlDataset ExperimentalMatchingFilesDataset "
        "ExperimentalSqlDataset ImmutableConst".split(),
        TENSORFLOW_READS,
    ),
    **dict.fromkeys([*_READERS, *(f"{reader}V2" for reader in _READERS)], TENSORFLOW_DATASET),
    **dict.fromkeys(
        "TextLineDataset TFRecordDataset TFRecordDatasetV2 FixedLengthRecordDataset FixedLengthRecordDatasetV2 "
        "LMDBDataset ExperimentalLMDBDataset LoadDataset SnapshotChunkDataset SnapshotDatasetReader "
        "ListSnapshotChunksDataset CSVDataset CSVDatasetV2 ExperimentalCSVDataset RecordInput Skipgram".split(),
        TENSORFLOW_DATASET,
    ),
    **dict.fromkeys(
        "Rpc TryRpc DataServiceDataset DataServiceDatasetV2 DataServiceDatasetV3 DataServiceDatasetV4 "
        "RegisterDataset RegisterDatasetV2 BigQueryReader RpcClient RpcCall RpcServer "
        "FileSystemSetConfiguration".split(),
        TENSORFLOW_NETWORK,
    ),
    **dict.fromkeys("PyFunc PyFuncStateless EagerPyFunc".split(), TENSORFLOW_PYTHON),
    # Of XLA: their attribute names a function that a library has to register
    **dict.fromkeys("XlaCustomCall XlaCustomCallV2".split(), TENSORFLOW_CUSTOM),
}
"""Rules by operator name, for operators that are judged without their paths."""
_PATH_RULES = {
    **dict.fromkeys("Save SaveV2 SaveSlices MergeV2Checkpoints".split(), TENSORFLOW_WRITES),
    **dict.fromkeys(
        "CacheDataset CacheDatasetV2 SnapshotDataset SnapshotDatasetV2 CreateSummaryFileWriter "
        "CreateSummaryDbWriter".split(),
        TENSORFLOW_LEAVES,
    ),
    **dict.fromkeys(
        "Restore RestoreV2 RestoreSlice DTensorRestoreV2 LoadAndRemapMatrix GenerateVocabRemapping "
        "InitializeTableFromTextFile InitializeTableFromTextFileV2 FixedUnigramCandidateSampler".split(),
        TENSORFLOW_LOCAL,
    ),
}
"""Operators of ordinary models, such as those that save and restore: only a path outside the model is suspicious."""
_FIRST = (0,)
_SECOND = (1,)
_INPUTS = {
    **dict.fromkeys([*_TENSORFLOW, *_PATH_RULES], _FIRST),
    **dict.fromkeys(
        "SaveDataset SaveDatasetV2 DistributedSave DatasetToTFRecord ExperimentalDatasetToTFRecord SnapshotDataset "
        "SnapshotDatasetV2 SnapshotDatasetReader CacheDataset CacheDatasetV2 CreateSummaryFileWriter "
        "CreateSummaryDbWriter InitializeTableFromTextFile InitializeTableFromTextFileV2 RegisterDataset "
        "RegisterDatasetV2".split(),
        _SECOND,
    ),
    "MergeV2Checkpoints": (0, 1),
    "GenerateVocabRemapping": (0, 1),
    "SqlDataset": (0, 1, 2),
    "ExperimentalSqlDataset": (0, 1, 2),
    "FileSystemSetConfiguration": (0, 1, 2),
    **dict.fromkeys("DataServiceDataset DataServiceDatasetV2 DataServiceDatasetV3".split(), (2, 3)),
    "DataServiceDatasetV4": (2, 3),
    "CalibrationStatisticsSaver": None,
    "DumpTensor": None,
    "ImmutableConst": None,
    "RecordInput": None,
    "Skipgram": None,
    "FixedUnigramCandidateSampler": None,
    **dict.fromkeys([*_READERS, *(f"{reader}V2" for reader in _READERS)], None),
    **dict.fromkeys("PyFunc PyFuncStateless EagerPyFunc".split(), None),
}
"""Indices of the inputs with files and addresses, by operator; None if attributes hold them."""
_SENDING_ATTRIBUTES = {
    "PrintV2": "",
    **dict.fromkeys(
        "DebugIdentity DebugIdentityV2 DebugIdentityV3 DebugNanCount DebugNumericSummary".split(), "grpc://"
    ),
}
"""Operators that send their input to a log, file or machine, as attributes specify."""
_ADDRESSES = ("http://", "https://", "ftp://")
_MEMMAPPED_PREFIX = "memmapped_package://"
"""Prefix of constants that TensorFlow's own converter moved out of a graph."""
_SUSPICIOUS_NAMES = (
    *("shell", "popen", "subprocess", "runcommand", "execcommand", "executecommand", "systemcommand", "oscommand"),
    *("pyfunc", "numpyfunc", "callpython", "runpython", "execpython", "pythonfunc", "runcode", "evalcode", "execcode"),
    *("readfile", "writefile", "deletefile", "removefile", "loadlibrary", "dlopen", "httprequest", "downloadfile"),
)
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+|[^\W_A-Za-z0-9]+")
"""A word of a name in CamelCase or with underscores."""
_WHOLE_NAMES = frozenset("exec execute eval system command cmd spawn python".split())
"""Words of many honest names, which are suspicious only as a whole name."""
TEXT_OPERATORS = frozenset(
    "StringJoin ShardedFilename ShardedFilespec StringFormat StringStrip StringLower StringUpper Substr RegexReplace "
    "StaticRegexReplace DecodeBase64 EncodeBase64 AsString ReduceJoin UnicodeTranscode UnicodeEncode StringSplit "
    "StringSplitV2 UnsortedSegmentJoin".split()
)
"""Operators whose results are strings, although no attribute says so."""
TENSORFLOW_NAMED = re.compile(
    rb"(?<![\w>])(?:tf\.)?(" + "|".join(sorted(_TENSORFLOW)).encode() + rb")(?![\w>])",
)
"""Names of operators in an MLIR program."""
KINDS = frozenset({"operator"})
RULES = (
    ONNX_PYTHON,
    ONNX_DANGEROUS,
    ONNX_CUSTOM,
    ONNX_SUSPICIOUS,
    TENSORFLOW_WRITES,
    TENSORFLOW_READS,
    TENSORFLOW_PRIVATE,
    TENSORFLOW_DATASET,
    TENSORFLOW_NETWORK,
    TENSORFLOW_PYTHON,
    TENSORFLOW_SHELL,
    TENSORFLOW_CUSTOM,
    TENSORFLOW_LOCAL,
    TENSORFLOW_LEAVES,
    TFLITE_CUSTOM,
    TFLITE_SUSPICIOUS,
)


def findings(facts: Sequence[Fact], _options: Options) -> Iterator[Finding]:
    """Yield operators that do more than compute, and custom operators that the file does not define."""
    yield from _onnx([fact for fact in facts if fact.detail.get("framework") == "onnx" and not fact.detail["defined"]])
    for fact in facts:
        if fact.detail.get("framework") == "tflite":
            told = TFLITE_SUSPICIOUS if _is_suspicious_name(fact.value) or _is_outside(fact.value) else TFLITE_CUSTOM
            yield Finding(told, fact.locator, fact.value or "without a name", span=fact.span)
        rule = _rule_of(fact) if fact.detail.get("framework") == "tensorflow" else None
        if rule:
            strings = ", ".join(fact.texts("strings")) or "what it is given when it runs"
            node = str(fact.detail["node"]) or "without a name"
            evidence = {"strings": shorten(strings, _STRINGS_SHOWN)}
            yield Finding(rule, fact.locator, fact.value, path=node, span=fact.span, evidence=evidence)


def concerns(operator: str) -> bool:
    """Return whether the files, addresses and functions that a TensorFlow operator receives matter."""
    return (
        operator in _TENSORFLOW
        or operator in _PATH_RULES
        or operator in _SENDING_ATTRIBUTES
        or _is_suspicious_name(operator)
    )


def paths_only(operator: str) -> bool:
    """Return whether an operator is ordinary unless it receives a path outside the folder of the model."""
    return operator in _PATH_RULES


def by_path(operator: str) -> bool:
    """Return whether the rule for an operator depends on its paths."""
    return operator in _PATH_RULES or _reads_by_path(operator)


def relevant_strings(operator: str, strings: list[str]) -> list[str]:
    """Return the strings from a function's caller that matter to an operator in the function.

    A function may also receive other texts, so of an operator that merely reads a data set, only private files and
    addresses matter.
    """
    if operator in _PATH_RULES:
        return strings
    return [string for string in strings if _rule_of_paths(operator, [string])]


def path_inputs(operator: str) -> tuple[int, ...] | None:
    """Return which inputs name files and addresses; None if any input or attribute may."""
    return _INPUTS.get(operator)


def paths_first(operator: str, strings: list[str]) -> list[str]:
    """Return the strings with the decisive ones first: files and addresses outside the folder of the model.

    For operators that only a path makes suspicious, strings that begin like binary data are left out.
    """
    if operator in _PATH_RULES:
        strings = [string for string in strings if string[:1].isprintable()]
    elif operator not in _SENDING_ATTRIBUTES:
        return strings
    return sorted(strings, key=lambda string: not _is_outside(string))


def _is_outside(string: str) -> bool:
    return string != "" and bool(outside(string))


def _rule_of(fact: Fact) -> Rule | None:
    operator, strings = fact.value, fact.texts("strings")
    if operator in _SENDING_ATTRIBUTES:
        if any(string.startswith("file://") for string in strings):
            return TENSORFLOW_WRITES
        remote = _SENDING_ATTRIBUTES[operator]
        return TENSORFLOW_NETWORK if remote and any(string.startswith(remote) for string in strings) else None
    if _reads(operator) and (read := _rule_of_paths(operator, strings)):
        return read
    if operator in _PATH_RULES:
        return _PATH_RULES[operator] if any(_is_outside(string) for string in strings) else None
    if operator == "ImmutableConst" and strings and all(string.startswith(_MEMMAPPED_PREFIX) for string in strings):
        return None
    if operator in _TENSORFLOW:
        return _TENSORFLOW[operator]
    if _is_suspicious_name(operator):
        return TENSORFLOW_SHELL
    return None if not operator or operator.startswith("_") or operator in TENSORFLOW_OPERATORS else TENSORFLOW_CUSTOM


def _rule_of_paths(operator: str, strings: list[str]) -> Rule | None:
    """Return the rule for a reader, depending on what it reads."""
    if any(private_file().search(string) for string in strings):
        return TENSORFLOW_PRIVATE
    if not _reads_by_path(operator):
        return None
    if any(string.startswith(_ADDRESSES) for string in strings):
        return TENSORFLOW_NETWORK
    return TENSORFLOW_READS if any(map(is_private, strings)) else None


def _reads(operator: str) -> bool:
    return _TENSORFLOW.get(operator) is TENSORFLOW_READS or _reads_by_path(operator)


def _reads_by_path(operator: str) -> bool:
    return _TENSORFLOW.get(operator) is TENSORFLOW_DATASET or _PATH_RULES.get(operator) is TENSORFLOW_LOCAL


@lru_cache(maxsize=1_000)  # a graph has few operators, and many nodes of each
def _is_suspicious_name(operator: str) -> bool:
    """Return whether the name of a custom operator says that it reaches outside the graph."""
    if operator.startswith("__"):
        return False
    words = _WORD.findall(operator)
    own = "".join(_WORD.findall(operator.rpartition(">")[2].rpartition(".")[2]))
    # Only at the beginning of a word, or as a whole word: "CopyFunction" does not mention Python
    tails = ["".join(words[at:]).lower() for at in range(len(words))]
    return own.lower() in _WHOLE_NAMES or any(
        any(tail.startswith(told) for tail in tails) or any(told in word.lower() for word in words)
        for told in _SUSPICIOUS_NAMES
    )


def _dangerous(fact: Fact) -> str:
    """Return the first dangerous function that a node which calls Python names."""
    named = fact.detail.get("python")
    return (
        next((str(name) for name in named if "." in str(name) and family(str(name))), "")
        if isinstance(named, list)
        else ""
    )


def _calls_arithmetic(fact: Fact) -> bool:
    """Return whether a node only calls PyTorch's own operators, and none that opens a file."""
    calls = fact.detail.get("calls")
    return isinstance(calls, list) and bool(calls) and all(_ARITHMETIC.fullmatch(str(call)) for call in calls)


_ARITHMETIC = re.compile(r"(?:aten::)?(?!.*(?:file|load|save|path|open|pickle))[a-z_][a-z0-9_]*")
"""Names of PyTorch's own operators, except those that map files (`from_file`) or sound like it."""


def _onnx(facts: Sequence[Fact]) -> Iterator[Finding]:
    custom: dict[tuple[str, str], list[Fact]] = {}
    for fact in facts:
        domain, name = str(fact.detail["domain"]), str(fact.detail["name"])
        node = str(fact.detail["node"]) or "without a name"
        if callee := _dangerous(fact):
            told: dict[str, Json] = {"callee": callee, "family": family(callee)}
            yield Finding(ONNX_DANGEROUS, fact.locator, fact.value, path=node, span=fact.span, evidence=told)
        elif name in _PYTHON and not _calls_arithmetic(fact):
            evidence = {"reason": _PYTHON[name]}
            yield Finding(ONNX_PYTHON, fact.locator, fact.value, path=node, span=fact.span, evidence=evidence)
        elif _is_suspicious_name(name) or _SENDING.fullmatch(name):
            yield Finding(ONNX_SUSPICIOUS, fact.locator, fact.value, path=node, span=fact.span)
        elif domain not in _STANDARD and not domain.startswith(_STANDARD_PREFIXES):
            custom.setdefault((str(fact.locator), domain), []).append(fact)
    for (_, domain), used in custom.items():
        names = ", ".join(str(fact.detail["name"]) for fact in used[:_SHOWN])
        more = f" and {len(used) - _SHOWN} more" if len(used) > _SHOWN else ""
        yield Finding(ONNX_CUSTOM, used[0].locator, domain, span=used[0].span, evidence={"operators": names + more})
