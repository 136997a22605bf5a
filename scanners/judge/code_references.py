"""Code that configurations name: what a configuration makes its loader call, import or download.

The field `how` of a `code-reference` fact tells what the loader does with `value`:

- `call`: calls it (Hydra's `_target_`, YAML's `!!python/object`); `computed`: calls a target that is computed later
- `lookup`: imports an installed module and takes a name from it (`!!python/name`); `name`, `module`: imports it
- `class`: imports a class and creates an instance; `component`: the same for a class of diffusers, unless a file of
  the repository has its name
- `local`, `remote`: imports a Python file of this repository, or of another one; `file`, `handler`, `packaged`:
  imports a file by its path; `kernel`: imports code of the Hub; `trust`: allows all of these
- `hint`: some programs import a class under this key, so it matters if it is dangerous or a file of the repository;
  `beside`: it matters only if it is a file of the repository; `mention`: it runs commands or code, but the key is of
  no known loader
- `library`: loads native code; `checkpoint`: loads a model from this address; `codec`: unpickles; `evaluated`:
  evaluates the text as Python
- `path`: opens a file for a tokenizer; `private`: opens a file with secrets; `outside`: joins a path to the folder of
  the model; `asset`: opens a path that may lead out of that; `written`: saving makes a file of this name
- `secret`: puts a variable of the environment into the object; `injected`: writes the text into a build file
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from modelsweep.core import patterns as re
from modelsweep.core.finding import FILE_LINE, Confidence, Fact, Finding, Json, Rule, Severity, Span
from modelsweep.core.locator import Locator
from modelsweep.core.options import Options
from scanners.judge.allowed import is_allowed
from scanners.judge.dangerous_names import family, family_of_function
from scanners.judge.external_files import is_private, leaves, outside

_HYDRA = "https://nvd.nist.gov/vuln/detail/CVE-2025-23304"
_PYYAML = "https://nvd.nist.gov/vuln/detail/CVE-2020-14343"
_NVD = "https://nvd.nist.gov/vuln/detail/"
_CUSTOM_MODELS = "https://huggingface.co/docs/transformers/custom_models"
_NAMES_SHOWN = 5


def _rule(what: str, title: str, severity: Severity, message: str, why: str, fix: str, *references: str) -> Rule:
    confidence: Confidence = "high" if severity is Severity.CRITICAL else "medium"
    return Rule(f"config/{what}", title, severity, message, why, fix, confidence, cwe=94, references=references)


DANGEROUS = _rule(
    "dangerous-callable",
    "Configuration that names a callable that runs commands or code",
    Severity.CRITICAL,
    "{path} names {subject} ({family})",
    "Loaders that instantiate what a configuration names call it with arguments from the same file, so the author of "
    "the configuration runs code on the machine that loads it.",
    "Do not load the model. Find out where the configuration came from.",
    _HYDRA,
    _PYYAML,
)
MENTIONED = _rule(
    "mentions-callable",
    "Name of a callable that runs commands or code, in place of a class name",
    Severity.WARNING,
    "{path} names {subject}",
    "A program that imports the name under such a key, and calls it with the values beside it, would run it. Which "
    "program reads the file is not known.",
    "Do not pass the file to any program until its author has said what the name is for.",
    _HYDRA,
)
ACCESS = _rule(
    "file-or-network-access",
    "Configuration that names a callable that accesses files or the network",
    Severity.WARNING,
    "{path} names {subject} ({family})",
    "Loaders call what the configuration names, with paths and addresses from the same file.",
    "Before you load the configuration, review what the callable is given.",
    _HYDRA,
)
UNKNOWN = _rule(
    "unknown-callable",
    "Configuration that names code from a package not known to be harmless",
    Severity.WARNING,
    "loading would use {count} unknown name(s) from the package {subject}: {names}",
    "Loaders import and call what the configuration names, so whatever the code does happens on load.",
    "If the package is yours, allow it with --allow-import 'PACKAGE.*'. Otherwise review what the names do.",
    _HYDRA,
)
COMPUTED = _rule(
    "computed-callable",
    "Configuration whose callable is computed when it is loaded",
    Severity.WARNING,
    "{path} is computed when the configuration is loaded: {subject}",
    "An interpolated target can be any callable. Which one it is depends on other files or on the environment.",
    "Ask for a configuration that names its targets, or resolve it and scan the result.",
    _HYDRA,
)
REMOTE = _rule(
    "remote-code",
    "Configuration that runs code from another repository",
    Severity.WARNING,
    "{path} names {subject}, which is code from another repository",
    "With trust_remote_code, loaders fetch and import code that is not part of this model, at its newest revision. "
    "Reviewing this model says nothing about what will run.",
    "Copy the code into the model's own repository, review it, and pin the revision.",
    _CUSTOM_MODELS,
)
KERNEL = _rule(
    "hub-kernel",
    "Configuration key that makes loaders fetch code",
    Severity.WARNING,
    "{path} names {subject}, from which loaders fetch compiled code",
    "Some versions of transformers fetch and run what the key names without asking for trust_remote_code.",
    "Remove the key, and choose the implementation in the code that loads the model.",
    "https://nvd.nist.gov/vuln/detail/CVE-2026-4372",
)
TRUST = _rule(
    "trust-remote-code",
    "Configuration that turns on trust in remote code",
    Severity.INFO,
    "{path} is true",
    "Programs that pass the setting to a loader run whatever Python files a model contains.",
    "Remove the key: trust is for the person who loads the model to give.",
    _CUSTOM_MODELS,
)
LIBRARY = _rule(
    "native-library",
    "Configuration that makes a runtime load a native library",
    Severity.WARNING,
    "{path} makes the runtime load {subject}",
    "A library runs as soon as it is loaded, with all rights of the process that serves the model.",
    "Take the library from its publisher, not from where you got the model, and review who built it.",
    "https://onnxruntime.ai/docs/reference/operators/add-custom-op.html",
    "https://github.com/triton-inference-server/server/blob/main/docs/user_guide/custom_operations.md",
)
CHECKPOINT = _rule(
    "remote-checkpoint",
    "Configuration that makes a loader download a checkpoint",
    Severity.WARNING,
    "{path} is {subject}, from which the target loads a model",
    "Most checkpoints are pickles, which run code while they are loaded. What the address serves was not examined "
    "here, and may be different tomorrow.",
    "Download the file, scan it, and put it beside the configuration.",
    _HYDRA,
)
CODEC = _rule(
    "pickled-chunks",
    "Array whose chunks are pickles",
    Severity.WARNING,
    "{path} decodes every chunk of the array with {subject}",
    "Reading a chunk unpickles it, which runs whatever its author put into it.",
    "Have the array written again with numbers or fixed-length text, without objects.",
    "https://numcodecs.readthedocs.io/en/stable/other/pickles.html",
)
EVALUATED = _rule(
    "evaluated-text",
    "Text that a loader evaluates as Python, and that is more than a plain expression",
    Severity.WARNING,
    "loading evaluates the text at {path}: {subject}",
    "Loaders pass the text to eval, directly or through sympy. Whatever it calls runs when the model is loaded.",
    "Do not load the model. Ask its author for plain numbers, layer names and shapes.",
    "https://docs.sympy.org/latest/modules/core.html#sympy.core.sympify.sympify",
)
READS = _rule(
    "reads-private-file",
    "Configuration that opens one of the user's private files",
    Severity.WARNING,
    "{path} is {subject}",
    "Tokenizers, prompt chains and service builds open the files that their configuration names, wherever they are. "
    "The content ends up in text, in error messages, or in what is packaged and passed on.",
    "Do not load the model, and ask its author what the path is for.",
    "https://huggingface.co/docs/transformers/main_classes/tokenizer",
    _NVD + "CVE-2026-24123",
    _NVD + "CVE-2026-34070",
)
OUTSIDE = _rule(
    "code-outside",
    "Configuration that names code outside the model",
    Severity.WARNING,
    "{path} names {subject}: {reason}",
    "Loaders join the name to the model's folder and import the file found there. An absolute path, or one that leads "
    "to a folder above, is imported as well, although nobody reviewed that file with the model and somebody else may "
    "have put it there.",
    "Do not load the model with its own code. A model's code belongs beside its configuration.",
    _CUSTOM_MODELS,
)
PATH = _rule(
    "path-outside",
    "Configuration that makes its program read files outside the model",
    Severity.WARNING,
    "{path} is {subject}, which leads out of the model's folder",
    "The program joins the name to the folder of the model, or to the place where it unpacked it, and opens what it "
    "finds: the user's files, or files that somebody else put there.",
    "Do not load the model. What it needs belongs in its own folder.",
    "https://cwe.mitre.org/data/definitions/22.html",
)
WRITES = _rule(
    "writes-outside",
    "Configuration with a name that makes saving the model write elsewhere",
    Severity.CRITICAL,
    "{path} is {subject}, which saving the model uses as a file path",
    "Loading the model and saving it again (after training, quantizing or converting it) writes text chosen by its "
    "author to that path, for example over a shell's start-up file.",
    "Do not save the model. Template names are plain words.",
    "https://huggingface.co/docs/transformers/chat_templating_writing",
)
SECRET = _rule(
    "reads-secret",
    "Configuration that inserts an environment variable into text",
    Severity.WARNING,
    "{path} is filled with the environment variable {subject}",
    "LangChain replaces such an object with the environment variable of that name when it loads the file. That is the "
    "purpose where a key belongs; in a text, an address or a header, the value is passed on to somebody else.",
    "Load the file with secrets_from_env=False, and ask its author what the variable is for.",
    _NVD + "CVE-2025-68664",
)
INJECTED = _rule(
    "injected-command",
    "Commands in place of a name in a build file",
    Severity.CRITICAL,
    "{path} is {subject}, which becomes several lines of a build file",
    "BentoML and Cog copy the names of packages, base images and variables into the build file unchanged. Whatever "
    "follows a newline or a semicolon is a command, which building the image runs.",
    "Do not build the image. No package or image has such a name.",
    _NVD + "CVE-2026-33744",
    _NVD + "CVE-2026-44345",
    _NVD + "CVE-2026-44346",
)
REPLACED = _rule(
    "replaces-words",
    "Tokenizer that replaces words",
    Severity.WARNING,
    "{path} replaces words: {subject}",
    "A tokenizer replaces spaces and signs. One that replaces words changes what users ask, or what the model answers, "
    "such as an address or a command, and the weights show no sign of it.",
    "Compare tokenizer.json with the one that the authors of the model published.",
    "https://huggingface.co/docs/tokenizers/api/normalizers",
    "https://huggingface.co/docs/tokenizers/api/decoders",
)
KINDS = frozenset({"code-reference"})
RULES = (
    DANGEROUS,
    MENTIONED,
    ACCESS,
    UNKNOWN,
    COMPUTED,
    REMOTE,
    KERNEL,
    TRUST,
    LIBRARY,
    CHECKPOINT,
    CODEC,
    EVALUATED,
    READS,
    OUTSIDE,
    PATH,
    WRITES,
    SECRET,
    INJECTED,
    REPLACED,
)
_RULES_BY_HOW = {
    "computed": COMPUTED,
    "remote": REMOTE,
    "kernel": KERNEL,
    "trust": TRUST,
    "mention": MENTIONED,
    "library": LIBRARY,
    "checkpoint": CHECKPOINT,
    "codec": CODEC,
    "evaluated": EVALUATED,
    "private": READS,
    "outside": PATH,
    "written": WRITES,
    "secret": SECRET,
    "injected": INJECTED,
    "replaced": REPLACED,
}
_HUB = {"hf:": 1, "https:": 2}
"""Schemes of addresses, with the number of parts before the owner of a repository."""
_CALLABLES = frozenset({"call", "name", "module", "class", "hint", "lookup"})
_LOG_FILE = re.compile(r"logging\.(?:handlers\.)?(?:\w*FileHandler|SysLogHandler)")
"""Logging handlers that write to a file or to the system log: most configurations have one."""
_EXECUTION = frozenset({"command execution", "code execution", "package installation", "import", "indirection"})
_VALUES = frozenset(
    f"{module}.{name}"
    for module, names in {
        "os": "cpu_count fspath getcwd getenv getpid process_cpu_count",
        "os.environ": "get",
        "os.path": "abspath basename commonpath dirname exists expanduser expandvars isabs isdir isfile join normpath "
        "realpath relpath splitext",
        "multiprocessing": "cpu_count",
        "shutil": "which",
        "tempfile": "gettempdir",
        "socket": "gethostname",
        "getpass": "getuser",
        "platform": "machine node platform python_version system",
        "uuid": "uuid1 uuid4",
        "time": "localtime monotonic perf_counter strftime time",
        "json": "dumps loads",
        "warnings": "filterwarnings simplefilter",
        "logging": "Formatter NullHandler StreamHandler getLogger getLevelName",
        "rich.logging": "RichHandler",
        "torch.jit": "freeze optimize_for_inference script",
    }.items()
    for name in names.split()
)
"""Callables that configurations use for a value (number of workers, path, run name), harmless with any arguments."""
_FOLDERS = frozenset(f"os.{name}" for name in "access chdir listdir makedirs mkdir scandir stat walk".split())
"""Functions that list or create folders."""
_SCRIPTED = frozenset({"torch.jit.load", "torch.jit._serialization.load"})
"""Loaders of TorchScript, whose code can only use torch, so they are no more dangerous than other model loaders."""
# Frameworks that configurations name, in addition to those whose objects pickles contain
_FRAMEWORKS = frozenset(
    "albumentations apex cntk deepspeed escnn fairseq fiddle flash_attn flax gluonts hydra hydra_plugins jax keras "
    "lerobot mamba_ssm megatron nemo nemo_run nni onnxruntime optax optimum pyannote pyspark rasa schnetpack "
    "sentencepiece speechbrain tensorflow tf_keras tokenizers torchtitan torchtune transformer_engine webdataset "
    "xformers".split()
)


def findings(facts: Sequence[Fact], options: Options) -> Iterator[Finding]:
    """Yield references that are dangerous, or lead outside the model.

    References to files of the repository, or to unknown packages, are judged together with the files beside them.
    """
    for fact in facts:
        path, how = str(fact.detail["path"]), str(fact.detail["how"])
        if how in _RULES_BY_HOW and not is_own(fact):
            yield Finding(_RULES_BY_HOW[how], fact.locator, fact.value, path=path, span=fact.span)
        if how == "asset" and leaves(fact.value):
            yield Finding(PATH, fact.locator, fact.value, path=path, span=fact.span)
        if how == "path" and is_private(fact.value):
            yield Finding(READS, fact.locator, fact.value, path=path, span=fact.span)
        if how == "local" and (reason := _leading_out(fact.value)):
            yield Finding(OUTSIDE, fact.locator, fact.value, path=path, span=fact.span, evidence={"reason": reason})
        if how not in _CALLABLES or _is_allowed(fact.value, options):
            continue
        danger = _danger(fact.value, how)
        if danger and not (how == "hint" and _LOG_FILE.fullmatch(fact.value)):
            rule = DANGEROUS if danger in _EXECUTION and how != "module" else ACCESS
            evidence: dict[str, Json] = {"family": danger}
            yield Finding(rule, fact.locator, fact.value, path=path, span=fact.span, evidence=evidence)


def _leading_out(name: str) -> str:
    """Return why `file.Class` is no file of the repository, or ""; names may begin with a dot (`.modeling.Model`)."""
    file = name.rpartition(".")[0].replace("\\", "/")
    return outside(file) if "/" in file else ""


def is_own(fact: Fact) -> bool:
    """Return whether the repository in a name (`owner/name--file.Class`) is the one that contains the configuration.

    The name of a repository is known from the outermost folder of a Hub cache, or from a Hub address: folders inside
    the repository may have any name.
    """
    repository, dashes, _ = fact.value.partition("--")
    if not dashes or fact.detail["how"] != "remote":
        return False
    owner, _, name = repository.rpartition("/")
    scheme, *parts = fact.locator.uri.replace("\\", "/").split("/")
    if scheme in _HUB:
        at = _HUB[scheme]
        return [owner, name] == [part.partition("@")[0] for part in parts[at : at + 2]]
    cache = next((part for part in (scheme, *parts) if part.startswith("models--")), "")
    return cache == "--".join(("models", *filter(None, (owner, name))))


def is_known(name: str, options: Options) -> bool:
    """Return whether the name is known to be harmless or dangerous, or is allowed."""
    return _is_inert(name) or _is_allowed(name, options) or bool(_family(name))


def unknown_package(package: str, where: Locator, names: Iterable[str], span: Span | None, line: int = 0) -> Finding:
    """Return the finding for code of an unknown package that is not part of the repository."""
    found = sorted(set(names))
    shown = ", ".join(found[:_NAMES_SHOWN]) + (", …" if len(found) > _NAMES_SHOWN else "")
    evidence: dict[str, Json] = {"count": len(found), "names": shown}
    evidence |= {FILE_LINE: line} if line else {}
    return Finding(UNKNOWN, where, package, span=span, evidence=evidence)


def _is_allowed(name: str, options: Options) -> bool:
    return is_allowed(name, options)


def _danger(name: str, how: str) -> str:
    """Return the danger family of a name; many names are harmless to hold but dangerous to call."""
    from scanners.judge.listed_names import is_call, is_class, is_ruled

    if name in _VALUES:
        return ""
    if how == "call" and not (is_class(name) or is_call(name) or is_ruled(name)):
        return _family(name) or family_of_function(name)
    return "" if _is_inert(name) else _family(name)


def _is_inert(name: str) -> bool:
    from scanners.judge.listed_names import is_inert_name

    if name in _VALUES or is_inert_name(name):
        return True
    return name.partition(".")[0] in _FRAMEWORKS and not _family(name)


def _family(name: str) -> str:
    """Return the danger family of a dotted name, a module, or a builtin."""
    if name in _FOLDERS:
        return "file access"
    if name in _SCRIPTED:
        return "deserialisation"
    return family(name) if "." in name else family(f"{name}.*") or family(f"builtins.{name}")
