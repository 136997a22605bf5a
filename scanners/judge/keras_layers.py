"""What the description of a Keras model makes Keras import, run, open and fetch when the model is loaded."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from modelsweep.core import patterns as re
from modelsweep.core.finding import Fact, Finding, Json, Rule
from modelsweep.core.locator import Locator
from modelsweep.core.options import Options
from scanners.judge.allowed import is_allowed
from scanners.judge.dangerous_names import family
from scanners.judge.external_files import outside
from scanners.judge.keras_rules import (
    ALL,
    ARGUMENT,
    DANGEROUS,
    DANGEROUS_LAMBDA,
    LAMBDA,
    LAMBDA_SOURCE,
    LAYER_NAME,
    NAMED_LAMBDA,
    OPERATION,
    OUTSIDE,
    PATH,
    TORCH_MODULE,
    UNKNOWN,
    UNSAFE,
    UNUSUAL,
)

RULES = ALL
# Packages of the Keras team, and `builtins`, to which Keras assigns functions that are known by name alone
_TRUSTED = frozenset("keras tf_keras keras_core keras_hub keras_nlp keras_cv keras_rs keras_tuner builtins".split())
_TENSORFLOW = ("tensorflow.keras.", "tensorflow.python.keras.", "tensorflow_addons.")
# Modules of Keras with parts of models, by their public names and by those in its sources
_MODELLING = frozenset(
    "activations constraints core dtype_policies engine experimental feature_column initializers layers legacy losses "
    "metrics mixed_precision models ops optimizers premade_models quantizers random regularizers tokenizers backend "
    "wrappers distribution".split()
)
_NO_MODELLING = frozenset("saving utils export callbacks datasets".split())
_ROOT = frozenset(
    "DTypePolicy FloatDTypePolicy Functional Initializer Input InputSpec KerasTensor Layer Loss Metric "
    "Model Operation Optimizer Quantizer Regularizer Sequential StatelessScope Variable".split()
)
_OTHER_MODEL_PARTS = frozenset("FeatureSpace Feature Cross LayerScale PreStem".split())
"""Parts of models in other modules of Keras."""
# Functions of Keras that load, fetch, save or build objects from configurations, wherever they are exported
_GADGETS = {
    "network access": "get_file",
    "deserialisation": "load_model load_model_from_hdf5 load_weights load_weights_from_hdf5_group model_from_json "
    "model_from_config model_from_yaml func_load deserialize deserialize_keras_object deserialize_torch_module "
    "load_own_variables",
    "file access": "save_model save_weights save_img load_img image_dataset_from_directory "
    "text_dataset_from_directory audio_dataset_from_directory timeseries_dataset_from_directory extract_archive",
}
_GADGET_FAMILIES = {name: group for group, names in _GADGETS.items() for name in names.split()}
_REFLECTIVE_BUILTINS = frozenset("getattr setattr delattr globals locals vars __build_class__".split())
"""Builtins that lead from one object to any other; no metric has such a name."""
# Names in bytecode that a layer has no use for
_CODE_NAMES = frozenset(
    "os posix nt system popen Popen subprocess check_output check_call getoutput execv execve execvp spawnv fork pty "
    "socket urlopen urlretrieve urllib requests eval exec __import__ importlib import_module builtins __builtins__ "
    "__subclasses__ __globals__ marshal pickle cloudpickle ctypes b64decode rmtree shutil open startfile runpy "
    "get_file py_function numpy_function write_file read_file load_library load_op_library sys globals compile "
    "breakpoint __class__ __mro__ __bases__ __base__ __reduce__ CodeType FunctionType zlib a2b_base64 pathlib tempfile "
    "write_text write_bytes read_text read_bytes webbrowser multiprocessing http urllib3 ftplib smtplib telnetlib "
    "sendall execl execle execlp execvpe spawnl spawnle spawnlp spawnvp".split()
)
_RUNNING_NAMES = frozenset(
    "system popen Popen subprocess check_output check_call getoutput execv execve execvp spawnv pty eval exec "
    "__import__ import_module runpy ctypes __subclasses__".split()
)
"""Names that run commands or code, or lead to functions that do."""
# What the names of TensorFlow's functions on files, on Python and on other models hold, without case and underscores
_OPERATIONS = (
    "readfile matchingfiles writefile writegraph gfile tfrecord pyfunc numpyfunction oplibrary loadlibrary savedmodel. "
    "checkpoint restorev2 savev2 dataset data. summary. keras.utils. keras.models. keras.saving. sqldataset printv2 "
    "importgraphdef"
).split()
# Beginnings of names of Keras' file functions that are not known gadgets
_FILE_VERBS = ("load_", "_load_", "save_", "_save_", "read_", "write_", "extract_", "download_", "import_", "func_")
_NAMES_SHOWN = 5
_SOURCE = re.compile(r"^\s*(?:lambda\b|def\s|import\s|from\s)|[(;=\n]")
"""What occurs in source code, but not in function names, including `<lambda>`."""
_WORD = re.compile(r"\w+")


def findings(facts: Sequence[Fact], options: Options) -> Iterator[Finding]:
    """Yield findings for what the configurations of all Keras models of a unit name, contain and open."""
    unknown: dict[tuple[object, str], list[Fact]] = {}
    named = {_owner(fact) for fact in facts if fact.kind == "keras-unsafe" and not _is_registered(fact)}
    for fact in facts:
        if _is_registered(fact) and _owner(fact) in named:
            continue  # its class is reported
        if fact.kind != "keras-object":
            yield from _JUDGES[fact.kind](fact)
            continue
        found = _object(fact)
        if found is not None:
            yield found
        elif _is_unknown(fact.value) and not _allowed(fact.value, options):
            unknown.setdefault((fact.locator, fact.value.partition(".")[0]), []).append(fact)
    for (_, package), members in unknown.items():
        names = sorted({member.value for member in members})
        shown = ", ".join(names[:_NAMES_SHOWN]) + (", …" if len(names) > _NAMES_SHOWN else "")
        yield _finding(UNKNOWN, members[0], package, count=len(names), names=shown)


def _is_registered(fact: Fact) -> bool:
    return fact.kind == "keras-unsafe" and str(fact.detail["path"]).endswith(".registered_name")


def _owner(fact: Fact) -> tuple[Locator, str]:
    """Return the object that a text belongs to."""
    return fact.locator, str(fact.detail["path"]).rpartition(".")[0]


def _object(fact: Fact) -> Finding | None:
    """Return what is wrong with a class or function by its name alone, or None if it is harmless or unknown."""
    package, _, name = fact.value.rpartition(".")
    if name == "enable_unsafe_deserialization":
        return None  # reported as a text
    registered = fact.detail.get("registered_name")
    names = [fact.value, f"{package}.{registered}"] if isinstance(registered, str) and registered else [fact.value]
    for candidate in names if package else ():
        danger = _danger(candidate)
        if danger:
            return _finding(DANGEROUS, fact, candidate, family=danger)
    if isinstance(registered, str) and (danger := _runs(registered.replace(">", "."))):
        return _finding(DANGEROUS, fact, registered, family=danger)
    return _finding(UNUSUAL, fact) if _is_unusual(fact.value) else None


def _danger(name: str) -> str:
    """Return the danger family of a dotted name, or ""."""
    package, last = name.partition(".")[0], name.rpartition(".")[2]
    in_keras = package in _TRUSTED or name.startswith(_TENSORFLOW)
    reaches = package == "builtins" and last in _REFLECTIVE_BUILTINS
    return (_GADGET_FAMILIES.get(last, "") if in_keras else "") or ("indirection" if reaches else family(name))


def _runs(name: str) -> str:
    """Return the danger family of a dotted name if it runs commands or code, or ""."""
    danger = family(name)
    return danger if danger in ("command execution", "code execution") else ""


def _is_unusual(name: str) -> bool:
    """Return whether `name` belongs to Keras, but not to the modules with parts of models."""
    parts = name.split(".")
    if name.startswith(_TENSORFLOW[:2]):
        parts = parts[parts.index("keras") :]
    if parts[0] not in ("keras", "tf_keras", "keras_core"):
        return False
    if any(part.startswith("__") for part in parts[1:]):
        return True
    inner = [part for part in parts[1:-1] if part not in ("src", "api", "_tf_keras", "keras", "_v1", "_v2")]
    if not inner:
        return parts[-1] not in _ROOT
    made_of = inner[0] in _MODELLING and not _NO_MODELLING.intersection(inner)
    return parts[-1].startswith(_FILE_VERBS) or not (made_of or parts[-1] in _OTHER_MODEL_PARTS)


def _is_unknown(name: str) -> bool:
    package, dot, _ = name.partition(".")
    return bool(dot) and package not in _TRUSTED and not name.startswith(_TENSORFLOW)


def _lambda(fact: Fact) -> Iterator[Finding]:
    if not fact.detail.get("code"):
        named = f"{fact.detail.get('module', '')}.{fact.value}"
        if danger := family(named):  # Keras 2 looks the function up in the module if that is already imported
            yield _finding(DANGEROUS, fact, named, family=danger)
        elif _is_tensorflow_function(named):
            yield _finding(OPERATION, fact, named)
        else:
            yield _finding_of_source(fact) if _SOURCE.search(fact.value) else _finding(NAMED_LAMBDA, fact)
        return
    names = fact.texts("names")
    dangerous = sorted(_CODE_NAMES.intersection(names))
    if dangerous:
        yield _finding(DANGEROUS_LAMBDA, fact, ", ".join(dangerous[:_NAMES_SHOWN]))
    else:
        shown = ", ".join(names[:_NAMES_SHOWN]) or "no names"
        yield _finding(LAMBDA, fact, size=fact.detail.get("size"), names=shown)


def _finding_of_source(fact: Fact) -> Finding:
    """Return the finding for source code in place of a function's name."""
    words = _WORD.findall(fact.value)
    if running := sorted(_RUNNING_NAMES.intersection(words)):
        return _finding(DANGEROUS_LAMBDA, fact, ", ".join(running[:_NAMES_SHOWN]))
    return _finding(LAMBDA_SOURCE if _CODE_NAMES.intersection(words) else NAMED_LAMBDA, fact)


def _path(fact: Fact) -> Iterator[Finding]:
    leaves = outside(fact.value) or fact.value.startswith("~")
    yield _finding(OUTSIDE if leaves else PATH, fact)


def _operation(fact: Fact) -> Iterator[Finding]:
    if _reaches_out(fact.value) or _runs(fact.value):
        yield _finding(OPERATION, fact)


def _is_tensorflow_function(name: str) -> bool:
    """Return whether a dotted name is that of a TensorFlow function for files, Python code or other models."""
    return name.startswith(("tensorflow.", "tf.")) and _reaches_out(name)


def _reaches_out(name: str) -> bool:
    plain = name.lower().replace("_", "")
    return any(part in plain for part in _OPERATIONS)


def _layer_name(fact: Fact) -> Iterator[Finding]:
    if outside(fact.value):
        yield _finding(LAYER_NAME, fact)


def _always(rule: Rule) -> Callable[[Fact], Iterator[Finding]]:
    return lambda fact: iter((_finding(rule, fact),))


def _finding(rule: Rule, fact: Fact, subject: str = "", **evidence: Json) -> Finding:
    path = str(fact.detail.get("path", "")) or "the configuration"
    return Finding(rule, fact.locator, subject or fact.value, path=path, evidence=evidence)


def _allowed(name: str, options: Options) -> bool:
    return is_allowed(name, options)


_JUDGES = {
    "keras-lambda": _lambda,
    "keras-torch-module": _always(TORCH_MODULE),
    "keras-unsafe": _always(UNSAFE),
    "keras-path": _path,
    "keras-argument": _always(ARGUMENT),
    "keras-operation": _operation,
    "keras-layer-name": _layer_name,
}
KINDS = frozenset({*_JUDGES, "keras-object"})
