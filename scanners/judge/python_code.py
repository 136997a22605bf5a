"""What Python files of a model do on import or use: decoding and running code, running commands, reaching out.

Facts of kind `python-call` say in `does` what is called, in `when` whether importing the file does it, using a model
class of it, or a cell of a notebook. CRITICAL is what no honest file does; a command or a connection on import wants a
review in files that loaders import by their name, and where it is no usual tool of builds (`git describe`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from modelsweep.core import patterns as re
from modelsweep.core.finding import Confidence, Fact, Finding, Json, Rule, Severity
from modelsweep.core.options import Options
from modelsweep.core.values import replace
from scanners.judge.attack_commands import attack_command, destroyed, hostile_command, private_file
from scanners.judge.dangerous_names import family
from scanners.parsing.python_sinks import NAMED, READ, TEMPLATES

_ATTACK = "https://attack.mitre.org/techniques/"


def _rule(what: str, title: str, severity: Severity, message: str, why: str, *references: str) -> Rule:
    confidence: Confidence = "high" if severity is Severity.CRITICAL else "medium"
    fix = "Do not import the file before somebody has read it; ask its author why it is needed."
    return Rule(f"python/{what}", title, severity, message, why, fix, confidence, cwe=94, references=references)


DECODED = _rule(
    "decoded-code",
    "Python file that decodes code and runs it",
    Severity.CRITICAL,
    "{when} runs {subject} in line {line} on what {sources} returns",
    "Code that is encoded is hidden from whoever reads the file, and runs as soon as a loader imports it.",
    f"{_ATTACK}T1027/",
)
DOWNLOADED = _rule(
    "downloaded-code",
    "Python file that fetches code and runs it",
    Severity.CRITICAL,
    "{when} runs {subject} in line {line} on what it fetched before ({sources})",
    "What runs is not in the file, and may be something else tomorrow.",
    f"{_ATTACK}T1105/",
)
ATTACK = _rule(
    "attack-command",
    "Python file that runs a command of attacks",
    Severity.CRITICAL,
    "{when} runs {subject} in line {line}: {text}",
    "Fetching a script for a shell, decoding a payload or connecting a shell to a socket has no place in a model.",
    f"{_ATTACK}T1059/",
)
SHELL = _rule(
    "reverse-shell",
    "Python file that connects a shell to the network",
    Severity.CRITICAL,
    "{when} connects to {text}, and runs {subject} in line {line}",
    "Whoever answers the connection commands the machine.",
    f"{_ATTACK}T1059/006/",
)
STARTUP = _rule(
    "startup-file",
    "Python file that writes to a file which runs later",
    Severity.CRITICAL,
    "{when} writes to {text} in line {line}",
    "What is written there runs at each login or start, long after the model is gone.",
    f"{_ATTACK}T1546/004/",
)
MODEL_COMMAND = _rule(
    "command-in-model-code",
    "Model code that runs a shell command when it is imported",
    Severity.CRITICAL,
    "{when} runs {subject} in line {line}: {text}",
    "Loaders import files of this name before the model is used; the command runs with all rights of whoever loads it.",
    f"{_ATTACK}T1059/",
)
COMMAND = _rule(
    "command-on-import",
    "Python file that runs a command on import",
    Severity.WARNING,
    "{when} runs {subject} in line {line}: {text}",
    "A command is run with all rights of whoever imports the file.",
    f"{_ATTACK}T1059/",
)
TOOL = _rule(
    "tool-on-import",
    "Python file that runs a usual tool on import",
    Severity.INFO,
    "{when} runs {subject} in line {line}: {text}",
    "Build scripts ask git for a version or a compiler for its flags; a model has no need of it.",
    f"{_ATTACK}T1059/",
)
CODE = _rule(
    "code-on-import",
    "Model code that runs computed code",
    Severity.WARNING,
    "{when} runs {subject} in line {line} on text that is put together",
    "What runs cannot be read in the file.",
    f"{_ATTACK}T1059/006/",
)
NETWORK = _rule(
    "network-on-import",
    "Python file that reaches the network on import",
    Severity.WARNING,
    "{when} calls {subject} in line {line}: {text}",
    "Importing a model needs no network: what is sent tells that, and where, the model is used; what is fetched is no "
    "part of what was reviewed.",
    f"{_ATTACK}T1071/",
)
STOLEN = _rule(
    "sends-secrets",
    "Python file that sends keys or the whole environment away",
    Severity.CRITICAL,
    "{when} hands {text} to {subject} in line {line}",
    "The environment and such files hold the keys of whoever runs it; no model has a use for them on another machine.",
    f"{_ATTACK}T1552/001/",
)
DESTROYS = _rule(
    "destroys-files",
    "Python file that removes a home folder or a system",
    Severity.CRITICAL,
    "{when} runs {subject} in line {line} on {text}",
    "Nothing but destruction removes such a folder with all that is in it.",
    f"{_ATTACK}T1485/",
)
UNPICKLES = _rule(
    "unpickles-on-import",
    "Model code that loads a pickle when it is imported",
    Severity.WARNING,
    "{when} calls {subject} in line {line}: {text}",
    "A pickle runs what it names. A loader that was asked for weights without code gets it all the same, since "
    "importing the file loads it.",
    "https://docs.python.org/3/library/pickle.html",
)
FOREIGN = _rule(
    "remote-code-on-import",
    "Model code that runs the code of another repository when it is imported",
    Severity.WARNING,
    "{when} calls {subject} in line {line}: {text}",
    "What runs is fetched from elsewhere, is no part of what was reviewed, and may be something else tomorrow.",
    f"{_ATTACK}T1195/002/",
)
LOADS = _rule(
    "loads-on-import",
    "Python file that loads a pickle or another repository's code on import",
    Severity.INFO,
    "{when} calls {subject} in line {line}: {text}",
    "Scripts that use a model do so; nothing imports the file by its name.",
    "https://docs.python.org/3/library/pickle.html",
)
CELL_ATTACK = _rule(
    "attack-in-notebook",
    "Notebook with a command of attacks",
    Severity.WARNING,
    "{when} runs {subject} in line {line} of it: {text}",
    "Whoever runs all cells runs it, too: it fetches a script unprotected, opens a shell to another machine, or takes "
    "keys along.",
    f"{_ATTACK}T1204/002/",
)
NATIVE = _rule(
    "native-code-on-import",
    "Model code that loads native code on import",
    Severity.WARNING,
    "{when} calls {subject} in line {line}: {text}",
    "A library that is loaded runs at once, and what it does cannot be read.",
    f"{_ATTACK}T1129/",
)
DEFINED = _rule(
    "execution-in-function",
    "Model code with a function that runs commands or code",
    Severity.WARNING,
    "{when} runs {subject} in line {line}: {text}",
    "Nothing in the file was seen to call the function, but a loader, a hook, a decorator or another file may; a model "
    "has no reason to run commands.",
    f"{_ATTACK}T1059/",
)
PRELOADED = _rule(
    "preloads-code",
    "Model code that has other programs load code",
    Severity.WARNING,
    "{when} sets {text} in line {line}",
    "Programs that are started later, or Python itself, load and run what this variable of the environment names.",
    f"{_ATTACK}T1574/006/",
)
SETUID = _rule(
    "sets-user-id",
    "Python file that lets a program run with the rights of its owner",
    Severity.CRITICAL,
    "{when} calls {subject} in line {line}: {text}",
    "With this bit whoever starts the file does so with the rights of its owner: a door that stays open.",
    f"{_ATTACK}T1548/001/",
)
WRITES = _rule(
    "writes-code",
    "Model code that writes code",
    Severity.WARNING,
    "{when} writes {text} in line {line}",
    "What is written runs as soon as something imports or starts it, and is not what was reviewed.",
    f"{_ATTACK}T1027/",
)
METHOD = _rule(
    "execution-in-model",
    "Model class that runs commands or code",
    Severity.WARNING,
    "{when} runs {subject} in line {line}: {text}",
    "Loading the model with its own code, or using it once, runs the method.",
    f"{_ATTACK}T1059/",
)
HOOK = _rule(
    "startup-hook",
    "File that runs Python at each start of the interpreter",
    Severity.INFO,
    "each start of Python would run: {text}",
    "In a folder of packages, lines of a .pth file that begin with import run before any program does.",
    "https://docs.python.org/3/library/site.html",
    f"{_ATTACK}T1546/018/",
)
NOTED = _rule(
    "execution-in-notebook",
    "Notebook that runs commands",
    Severity.INFO,
    "{when} runs {subject} in line {line} of it: {text}",
    "Cells run only where somebody runs them.",
    f"{_ATTACK}T1204/002/",
)
KINDS = frozenset({"python-call", "python-startup"})
RULES = (
    *(DECODED, DOWNLOADED, ATTACK, SHELL, STARTUP, MODEL_COMMAND, COMMAND, TOOL, CODE, NETWORK, NATIVE, METHOD, HOOK),
    *(STOLEN, DESTROYS, UNPICKLES, FOREIGN, LOADS, NOTED, CELL_ATTACK, DEFINED, PRELOADED, SETUID, WRITES),
)
_BESIDE = frozenset({"fetching", "writing", "connection", "descriptor"})
"""What other calls may do that makes one of them worse: files may have thousands of the rest."""
_WHEN = {
    "import": "importing the file",
    "use": "making or using the model",
    "cell": "a cell of the notebook",
    "made": "making or using the class",
    "defined": "a function of the file",
}
_IMPORTERS = (
    (r"handler\.py", "inference servers import it by its name"),
    (r"setup\.py", "pip runs it to install the folder"),
    (r"conftest\.py", "pytest imports it by its name"),
    (r"(?:site|user)customize\.py", "each start of Python imports it"),
    (r"hubconf\.py", "torch.hub imports it by its name"),
    (r"custom_generate\w*\.py|generate\.py", "transformers runs it as custom generation"),
    (r"evaluated_\w+\.py", "loaders evaluate these texts of a configuration"),
    (r"__init__\.py", "whatever imports the folder runs it"),
    (
        r"(?:modell?ing|configuration|tokenization|processing|image_processing|feature_extraction)_\w+\.py",
        "transformers imports it with trust_remote_code",
    ),
    (r"graph \d+\.py", "loading the pickle executes it"),
    (r".*\.pth", "each start of Python runs it"),
)
"""Who imports a file of that name without being told to by the user's own code."""
_ASKING = ("os.environ.get", "os.getenv", "os.environ.pop")
_KEYS = re.compile(r"AWS_(?:SECRET|ACCESS|SESSION)|PRIVATE_KEY|PASSWORD|PASSWD|SSH_|KUBE")
"""Variables whose values go to nobody but the service that they are of."""
_MACHINE = frozenset(
    "getpass.getuser os.getlogin socket.gethostname socket.getfqdn platform.node platform.uname uuid.getnode".split()
)
"""What tells one machine or person from others."""
_HIDING = (
    *("base64.", "binascii.", "zlib.decompress", "gzip.decompress", "bz2.decompress", "lzma.decompress"),
    *("codecs.decode", "marshal.loads", "builtins.bytes.fromhex", "builtins.bytearray.fromhex", "builtins.chr"),
)
_FETCHING = (
    "urllib.request.",
    "urllib.urlopen",
    "urllib2.",
    "requests.",
    "httpx.",
    "urllib3.",
    "http.client.",
    "socket.",
)
_LATER = re.compile(
    r"\.bash(?:rc|_profile|_login)$|\.zsh(?:rc|env)$|\.profile$|authorized_keys$"
    r"|/etc/(?:cron|profile|ld\.so\.preload|rc\.)|/var/spool/cron|(?:site|user)customize\.py$|LaunchAgents/|LaunchDaemons/|systemd/(?:system|user)/|autostart/"
    r"|\\CurrentVersion\\Run(?:Once)?$|Start Menu.{1,10}Programs.{1,4}Startup"
)
_MODEL_FILE = re.compile(
    r"(?:models?|modell?ing|configuration|tokenization|tokenizer|processing|processor|feature_extraction|pipeline|"
    r"image_processing|video_processing|custom_generate|custom_interface|evaluated|handler|hubconf)(?:_\w+)?\.pyw?$"
    r"|\w+_(?:pipeline|handler)\.py$|(?:site|user)customize\.py$|conftest\.py$"
)
"""Names of files that loaders, servers, or Python itself import without being told by the user's own code."""
_GRAPH = re.compile(r"graph \d+\.py")
"""The code of a graph of torch.fx in a pickle, which loading executes."""
_MODEL_PATH = re.compile(r"/custom_generate/generate\.py$|/code/inference\.py$")
"""Files that a loader imports where they stand in a folder of that name: transformers, SageMaker."""
_TOOLS = frozenset(
    "git hg svn pip pip3 uv conda mamba apt apt-get brew gcc g++ cc c++ clang nvcc hipcc cmake make ninja meson swig "
    "pkg-config llvm-config xml2-config mpicc cython protoc uname nvidia-smi rocm-smi rocminfo hipconfig ldconfig "
    "lscpu sysctl sw_vers xcrun xcode-select npm node yarn twine getconf ldd otool lsb_release java javac ffmpeg "
    "ffprobe sox xcodebuild fc-list fc-match pget".split()
)
_SCRIPT_TOOLS = frozenset(
    "which where ls dir mkdir cp cd pwd clear cls color title chcp tput stty file dpkg unzip tar module ulimit gs "
    "locale df du ps cat head tail grep tr cut wc".split()
)
"""What scripts use a shell for, and code of a model does not."""
_FETCHING_TOOLS = {
    "wget": re.compile(r"-(?:[qcnvNP]|nv|nc|q?O)|--(?:quiet|continue|no-clobber|timestamping|show-progress|no-verbose)"
                       r"|--(?:output-document|directory-prefix|tries|timeout|progress)(?:=\S+)?"),
    "curl": re.compile(r"-[LsSfJ#C]*[oO]?|--(?:location|silent|show-error|fail|output|remote-name|create-dirs|retry)"),
    "gdown": re.compile(r"-[qcO]|--(?:id|fuzzy|quiet|continue|output)"),
    "hf": re.compile(r"--(?:local-dir|local-dir-use-symlinks|repo-type|include|exclude|revision|quiet)(?:=\S+)?"),
}  # fmt: skip
_FETCHING_TOOLS["huggingface-cli"] = _FETCHING_TOOLS["hf"]
"""What fetches weights and data where a program starts, and the options with which it does no more than that."""
_FETCHED_DATA = re.compile(
    r"https://(?!\d)[\w.-]+\.[a-z]+/[^\s\"'$`]*\.(?:bin|ckpt|csv|gguf|gif|h5|jpe?g|json|jsonl|model|mp[34]|npy|npz|onnx|"
    r"parquet|pdparams|png|pt|safetensors|tar(?:\.gz)?|task|tflite|tgz|th|tsv|txt|vocab|wav|webp|weights|yaml|zip)"
    r"(?:\?download=(?:true|1))?|https://drive\.google\.com/[^\s\"'$`]+",
)
_FETCHED_WORD = re.compile(
    r"(?![/~]|(?:.*/)?\.[\w.])[\w./*-]+(?<!\.py)(?<!\.sh)(?<!\.so)(?<!\.pth)(?<!\.exe)(?<!\.bat)(?<!\.ps1)"
)
"""Where fetched data goes, and what else stands beside it: below this folder, no hidden file, nothing that is run."""
_PYTHON_TOOLS = re.compile(r"(?:\S*/)?python[\d.]*\s+(?:-m\s+pip\b|-[Vc]\b|--version\b|setup\.py\b)")
"""What Python itself is run for; the code after -c is read with the file."""
_READING = frozenset("builtins.open io.open codecs.open pathlib.Path().read_text pathlib.Path().read_bytes".split())
_TEXT_FILES = "txt in cfg toml ini md rst version tmpl template j2".replace(" ", "|")
_DATA_FILE = re.compile(rf"[^\0\n:*?<>|]{{1,200}}\.(?!(?:py[wcx]?|{_TEXT_FILES})$)[A-Za-z0-9]{{1,12}}", re.IGNORECASE)
"""Names of files from which code is not read by those who read it from another file: no version, no template."""
_PYTHON_FILE = re.compile(r"\.pyw?$", re.IGNORECASE)
_PRIVATE = re.compile(
    r"\.(?:ssh|aws|netrc|kube|docker|gnupg)\b|/etc/|>>|\$\(|`|\s(?:-C|-d)\s*(?:[/~]|\$HOME)/?(?:\s|$)"
)
"""What a usual tool has no business with."""
_BREAK = re.compile(r"\|\||&&|[|;&\n]")
_WALKS = frozenset("os.walk os.scandir os.listdir glob.glob glob.iglob".split())
_COMPILED = ("ExtensionFileLoader", "SourcelessFileLoader", "load_dynamic", "load_compiled")
_RECEIVING = (".recv", ".recvfrom", ".recv_into")
_FOREIGN_INDEX = re.compile(
    r"\bpip[\d.]*\s+(?:\S+\s+)*?install\b[^\n]*(?:\bgit\+|\bhttps?://|--(?:extra-)?index-url|--find-links|\s-[if]\s)"
)
_KNOWN_INDEX = re.compile(r"https://(?:download\.pytorch\.org|[\w.-]+\.nvidia\.com|data\.pyg\.org)/")
"""Where the wheels of frameworks are, which their own instructions name."""
_PRELOADING = re.compile(
    r"LD_(?:PRELOAD|AUDIT)|DYLD_INSERT_LIBRARIES|PYTHON(?:STARTUP|PATH|HOME|BREAKPOINT|WARNINGS|INSPECT)|BASH_ENV|ENV"
    r"|PROMPT_COMMAND|GIT_(?:SSH(?:_COMMAND)?|EXTERNAL_DIFF|PAGER|EDITOR)|NODE_OPTIONS|PERL5(?:OPT|LIB)|RUBYOPT"
    r"|JAVA_TOOL_OPTIONS|(?:MAN)?PAGER|EDITOR|BROWSER"
)
"""Variables by which a program is told what to load or run."""
_CODE_FILE = re.compile(r"\.(?:pyw?|pyc|so|pyd|dll|dylib|sh|bat|ps1|exe)$", re.IGNORECASE)
_SITE = ("site.get", "sysconfig.get_path", "distutils.sysconfig.")
_SHELLS = re.compile(r"(?:\S*/)?(?:(?:ba|z|da|k)?sh|cmd(?:\.exe)?|powershell)\b")


def findings(facts: Sequence[Fact], _options: Options) -> Iterator[Finding]:
    """Yield what importing or using Python files runs."""
    files: dict[object, list[Fact]] = {}
    for fact in facts:
        files.setdefault(fact.locator, []).append(fact)
    for members in files.values():
        yield from findings_of_file(members)


def findings_of_file(facts: Sequence[Fact], *, loaded: bool = False, named: str = "") -> Iterator[Finding]:
    """Yield what importing or using one file runs.

    `loaded` says that something makes a loader import it, whatever its name; `named` is the class that is made then.
    """
    calls = [_as_used(fact, named) for fact in facts if fact.kind == "python-call"]
    for fact in facts:
        if fact.kind == "python-startup":
            yield _finding(HOOK, fact, calls)
    surely = {(call.value, call.detail["line"]) for call in calls if call.detail["when"] in ("import", "use", "cell")}
    beside = [call for call in calls if call.detail["does"] in _BESIDE]
    for call in calls:
        if call.detail["when"] in ("made", "defined") and (call.value, call.detail["line"]) in surely:
            continue  # told as what runs in any case
        rule = _opinion(call, beside, loaded=loaded or _is_model_file(call))
        if rule:
            yield _finding(rule, call, calls)


def _as_used(fact: Fact, named: str) -> Fact:
    """Return a call in a class that nobody may ever make; making it uses it where it is the class that is named."""
    if fact.detail["when"] == "made" and fact.detail.get("owner") == named:
        return replace(fact, detail={**fact.detail, "when": "use"})
    return fact


def _finding(rule: Rule, fact: Fact, calls: list[Fact]) -> Finding:
    detail = fact.detail
    if rule is HOOK:
        return Finding(rule, fact.locator, fact.value, evidence={"text": detail["text"]})
    names = detail["sources"] if isinstance(detail["sources"], list) else []
    sources = [str(name) for name in names if str(name).startswith((*_HIDING, *_FETCHING))]
    shown = str(detail["text"])[:160] or "…"
    if rule is STOLEN:
        files = [str(text) for text in _mentions(fact) if private_file().search(str(text))]
        shown = ", ".join(files) or "the environment"
    elif rule is SHELL:
        shown = ", ".join(call.value for call in calls if call.detail["does"] == "connection")
    evidence: dict[str, Json] = {
        "line": detail["line"],
        "when": _occasion(fact),
        "text": shown,
        "sources": ", ".join(sources) or shown,
    }
    return Finding(rule, fact.locator, fact.value, evidence=evidence)


def _occasion(fact: Fact) -> str:
    """Return when something runs, and by whom."""
    occasion = _WHEN[str(fact.detail["when"])]
    who = next((who for name, who in _IMPORTERS if re.fullmatch(name, fact.locator.name)), "")
    return f"{occasion} ({who})" if who and fact.detail["when"] == "import" else occasion


def _opinion(fact: Fact, calls: list[Fact], *, loaded: bool) -> Rule | None:
    does, when = str(fact.detail["does"]), str(fact.detail["when"])
    rule = _JUDGES[does](fact, calls, loaded)
    if when == "defined":
        return _in_function(fact, rule, loaded=loaded)
    if when == "made":  # perhaps by nobody
        worst = rule in (DECODED, SHELL, STOLEN) or (rule is ATTACK and _is_hostile(fact))
        return METHOD if worst else _in_function(fact, rule, loaded=loaded)
    if when == "cell":
        return _in_cell(fact, rule)
    if when == "use" and rule and rule.severity < Severity.CRITICAL:
        return METHOD if does in ("command", "code") and rule is not TOOL and not _is_setup(fact) else None
    return METHOD if rule is MODEL_COMMAND and when == "use" else rule


def _in_function(fact: Fact, rule: Rule | None, *, loaded: bool) -> Rule | None:
    """Return what is said of a function of which nobody knows whether anything calls it."""
    if rule in (DECODED, SHELL, STOLEN) or (rule is ATTACK and _is_hostile(fact)):
        return DEFINED
    if not loaded or rule is None or rule is TOOL or _is_of_tests(fact):
        return None
    if rule.severity is Severity.CRITICAL or fact.detail["does"] == "memory":
        return DEFINED
    # A function that runs whatever it is given is told where it is given something.
    how = fact.detail["how"]
    known = str(fact.detail["text"]).strip(" …") or (isinstance(how, list) and "handed" in how)
    return DEFINED if fact.detail["does"] == "command" and known else None


def _in_cell(fact: Fact, rule: Rule | None) -> Rule | None:
    """Return what is said of a cell, which runs where somebody runs it: most of what is there is meant to be seen."""
    if rule is DECODED or rule is None:
        return rule
    if rule in (SHELL, STOLEN) or (rule is ATTACK and _is_hostile(fact)):
        return CELL_ATTACK
    told = fact.detail["does"] == "command" and rule is not TOOL
    return NOTED if told and (rule is ATTACK or not fact.value.startswith("IPython.")) else None


def _is_hostile(fact: Fact) -> bool:
    return hostile_command().search(str(fact.detail["text"])) is not None


def _code(fact: Fact, calls: list[Fact], loaded: bool) -> Rule | None:
    how, sources = fact.detail["how"], fact.detail["sources"]
    assert isinstance(how, list)
    assert isinstance(sources, list)
    names = [str(source) for source in sources]
    if fact.value.startswith("runpy.") and _runs_fetched(fact, calls):
        return DOWNLOADED
    if _runs_data(fact, names):
        return CODE
    if fact.value in NAMED:
        return _computed(loaded) if any(family(str(text)) for text in _mentions(fact)) else None
    if fact.value in TEMPLATES:
        return _computed(loaded) if any("__" in str(text) for text in _mentions(fact)) else None
    if any(name.startswith(_FETCHING) for name in names):
        return DOWNLOADED
    if any(name.startswith(_HIDING) for name in names):
        return DECODED if "encoded" in how or "folded" in how else _computed(loaded)
    if fact.value == "types.FunctionType" or ("folded" in how and fact.value in READ):
        return None
    return DOWNLOADED if _runs_fetched(fact, calls) else _computed(loaded)


def _runs_data(fact: Fact, sources: list[str]) -> bool:
    """Return whether what runs is read from a file that is no Python by its name, beside the model's weights say."""
    if not fact.value.startswith("runpy.run_path") and not _READING.intersection(sources):
        return False
    mentions = [str(mention) for mention in _mentions(fact)]
    return any(map(_DATA_FILE.fullmatch, mentions)) and not any(map(_PYTHON_FILE.search, mentions))


def _mentions(fact: Fact) -> list[Json]:
    mentions = fact.detail["mentions"]
    assert isinstance(mentions, list)
    return mentions


def _computed(loaded: bool) -> Rule | None:
    return CODE if loaded else None


def _command(fact: Fact, calls: list[Fact], loaded: bool) -> Rule | None:
    text, how = str(fact.detail["text"]), fact.detail["how"]
    assert isinstance(how, list)
    if "handed" in how and not loaded and not attack_command().search(text):
        return None
    shell = "shell" in how or re.match(r"(?:\S*/)?(?:ba|z|da)?sh -c ", text) is not None
    if attack_command().search(text):
        return ATTACK
    if fact.value.startswith("pip."):
        return TOOL if _is_setup(fact) else COMMAND
    if _is_told_by_others(fact, calls, text):
        return SHELL
    foreign = loaded and _FOREIGN_INDEX.search(text) and not _KNOWN_INDEX.search(text)
    if not foreign and _is_tool(_TOOLS if loaded else _TOOLS | _SCRIPT_TOOLS, text, shell=shell):
        return TOOL
    if _runs_fetched(fact, calls) and not _is_tool(_SCRIPT_TOOLS, text, shell=shell):
        return DOWNLOADED
    return MODEL_COMMAND if shell and loaded and "…" not in text else COMMAND


def _is_told_by_others(fact: Fact, calls: list[Fact], text: str) -> bool:
    """Return whether a command comes from the network, or is a shell whose input does."""
    if any(source.endswith(_RECEIVING) for source in _sources(fact)):
        return True
    return _SHELLS.match(text) is not None and _happens(calls, ("connection", "descriptor"), fact)


def _happens(calls: list[Fact], kinds: tuple[str, ...], fact: Fact) -> bool:
    """Return whether the file makes calls of `kinds` at the same occasion."""
    return any(call.detail["does"] in kinds and call.detail["when"] == fact.detail["when"] for call in calls)


def _is_tool(tools: frozenset[str], text: str, *, shell: bool) -> bool:
    if _PRIVATE.search(text):
        return False
    pieces = [piece.strip() for piece in _BREAK.split(text)] if shell else [text]
    return any(pieces) and all(
        _PYTHON_TOOLS.match(piece)
        or piece.partition(" ")[0].rpartition("/")[2] in tools
        or (tools is not _TOOLS and _fetches_data(piece))
        for piece in (piece.removeprefix("sudo ") for piece in pieces)
        if piece
    )


def _fetches_data(piece: str) -> bool:
    """Return whether a command fetches weights or data from a named host, and does nothing else with them."""
    tool, *words = piece.replace("'", "").replace('"', "").split()
    options = _FETCHING_TOOLS.get(tool)
    if options is None or (tool in ("hf", "huggingface-cli") and words[:1] != ["download"]):
        return False
    addresses = [word for word in words if "://" in word]
    return (bool(addresses) or tool not in ("wget", "curl")) and all(
        _FETCHED_DATA.fullmatch(word)
        if "://" in word
        else (options if word.startswith("-") else _FETCHED_WORD).fullmatch(word)
        for word in words
    )


def _runs_fetched(fact: Fact, calls: list[Fact]) -> bool:
    """Return whether the call names a file that something fetched from the network is written to."""
    mentions = fact.detail["mentions"]
    assert isinstance(mentions, list)
    fetches = _happens(calls, ("fetching",), fact)
    for call in calls:
        others = call.detail["mentions"]
        saves = call.value.endswith(("urlretrieve", "wget.download")) or (fetches and _writes(call))
        same = call is not fact and call.detail["when"] == fact.detail["when"]
        if saves and same and isinstance(others, list) and set(map(str, mentions)) & set(map(str, others)):
            return True
    return False


def _writes(call: Fact) -> bool:
    if call.detail["does"] != "writing":
        return False
    return "write" in call.value or bool(set(str(call.detail["mode"])) & set("wax+"))


def _network(fact: Fact, _calls: list[Fact], loaded: bool) -> Rule | None:
    sources = _sources(fact)
    reads = bool(_READING.intersection(sources))
    if "os.environ" in sources or (reads and any(private_file().search(str(text)) for text in _mentions(fact))):
        return STOLEN
    keys = any(source in _ASKING for source in sources) and any(_KEYS.search(str(text)) for text in _mentions(fact))
    tells = (
        keys
        or (reads and any(_PRIVATE.search(str(mention)) for mention in _mentions(fact)))
        or bool(_MACHINE.intersection(source.removesuffix("()") for source in sources))
    )
    return NETWORK if loaded or tells or fact.detail["does"] != "fetching" else None


def _sources(fact: Fact) -> list[str]:
    sources = fact.detail["sources"]
    assert isinstance(sources, list)
    return [str(source) for source in sources]


def _resolving(fact: Fact, _calls: list[Fact], _loaded: bool) -> Rule | None:
    """Judge asking for the address of a name: one that is made of what is private tells it to whoever answers."""
    sources = {source.removesuffix("()") for source in _sources(fact)}
    asked = any(str(text).startswith(".") or re.search(r"\w\.\w", str(text)) for text in _mentions(fact))
    told = _MACHINE.intersection(sources) or any("environ" in source for source in sources)
    return NETWORK if told and asked else None


def _unpickling(fact: Fact, _calls: list[Fact], loaded: bool) -> Rule | None:
    sources = _sources(fact)
    if any(source.startswith(_FETCHING) for source in sources):
        return DOWNLOADED
    if fact.detail["when"] != "import" or any(source.endswith((".dumps", ".getbuffer")) for source in sources):
        return None
    return UNPICKLES if loaded else LOADS


def _remote(fact: Fact, _calls: list[Fact], loaded: bool) -> Rule | None:
    if fact.detail["when"] != "import":
        return None
    return FOREIGN if loaded else LOADS


def _preloading(fact: Fact, _calls: list[Fact], loaded: bool) -> Rule | None:
    named = any(_PRELOADING.fullmatch(str(text)) for text in (fact.detail["text"], *_mentions(fact)))
    return PRELOADED if loaded and named else None


def _loading(fact: Fact, calls: list[Fact], loaded: bool) -> Rule | None:
    """Judge what loads a file as a module: one that is not called so hides that it is code."""
    if _runs_fetched(fact, calls):
        return DOWNLOADED
    if not loaded:
        return None
    mentions = [str(mention) for mention in _mentions(fact)]
    if fact.value.endswith(_COMPILED):
        return NATIVE
    hidden = any(map(_DATA_FILE.fullmatch, mentions)) and not any(map(_PYTHON_FILE.search, mentions))
    return CODE if hidden else None


def _permitting(_fact: Fact, _calls: list[Fact], _loaded: bool) -> Rule | None:
    return SETUID


def _forking(_fact: Fact, _calls: list[Fact], loaded: bool) -> Rule | None:
    return COMMAND if loaded else None


def _removing(fact: Fact, _calls: list[Fact], _loaded: bool) -> Rule | None:
    if fact.value == "shutil.rmtree" and destroyed().fullmatch(str(fact.detail["text"])):
        return DESTROYS
    walks = any(source in _WALKS for source in _sources(fact))
    return DESTROYS if walks and any(destroyed().fullmatch(str(text)) for text in _mentions(fact)) else None


def _native(fact: Fact, calls: list[Fact], loaded: bool) -> Rule | None:
    if _runs_fetched(fact, calls):
        return DOWNLOADED
    return NATIVE if loaded or fact.detail["does"] in ("memory", "mapping") else None


def _writing(fact: Fact, _calls: list[Fact], loaded: bool) -> Rule | None:
    text, sources = str(fact.detail["text"]), _sources(fact)
    if not _writes(fact):
        return None
    if _LATER.search(text) or (text.endswith(".pth") and any(source.startswith(_SITE) for source in sources)):
        return STARTUP
    if any(source in _WALKS for source in sources) and any(
        destroyed().fullmatch(str(mention)) for mention in _mentions(fact)
    ):
        return DESTROYS  # what is in every file of a home folder is written anew
    return WRITES if loaded and fact.detail["when"] == "import" and _CODE_FILE.search(text) else None


def _copying(fact: Fact, _calls: list[Fact], _loaded: bool) -> Rule | None:
    return STARTUP if _LATER.search(str(fact.detail["text"])) else None


def _descriptor(fact: Fact, calls: list[Fact], _loaded: bool) -> Rule | None:
    return SHELL if _happens(calls, ("connection",), fact) else None


_JUDGES = {
    "code": _code,
    "command": _command,
    "connection": _network,
    "sending": _network,
    "fetching": _network,
    "descriptor": _descriptor,
    "native": _native,
    "memory": _native,
    "mapping": _native,
    "resolving": _resolving,
    "unpickling": _unpickling,
    "remote": _remote,
    "removing": _removing,
    "copying": _copying,
    "writing": _writing,
    "environment": _preloading,
    "loading": _loading,
    "permissions": _permitting,
    "forking": _forking,
}


def _is_model_file(fact: Fact) -> bool:
    path = "/".join(("", *str(fact.locator).replace("\\", "/").replace("!", "/").split("/")[-2:]))
    return (
        _MODEL_FILE.match(fact.locator.name) is not None
        or _MODEL_PATH.search(path) is not None
        or fact.locator.name.endswith(".pth")
        or (bool(fact.locator.members) and _GRAPH.fullmatch(fact.locator.members[-1]) is not None)
    )


def _is_of_tests(fact: Fact) -> bool:
    return fact.locator.name == "conftest.py"


def _is_setup(fact: Fact) -> bool:
    return fact.locator.name == "setup.py"
