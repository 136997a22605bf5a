"""The rule for one call in a Python file that runs, by the kind of callable."""

from __future__ import annotations

from collections.abc import Callable

from modelsweep.core import patterns as re
from modelsweep.core.finding import Fact, Rule
from scanners.judge.attack_commands import attack_command, destroyed, hostile_command, private_file
from scanners.judge.dangerous_names import family
from scanners.judge.python_importers import is_setup
from scanners.judge.python_rules import (
    ATTACK,
    CODE,
    COMMAND,
    COMPUTED,
    DECODED,
    DESTROYS,
    DOWNLOADED,
    FOREIGN,
    LOADS,
    MODEL_COMMAND,
    NATIVE,
    NETWORK,
    ORDERED,
    PRELOADED,
    RENAMED,
    SETUID,
    SHELL,
    STARTUP,
    STOLEN,
    TOOL,
    UNGUARDED,
    UNPICKLES,
    WRITES,
)
from scanners.judge.usual_tools import (
    PRIVATE,
    fetches_weights,
    from_forges,
    installs_foreign,
    installs_unknown,
    is_handling,
    is_launch,
    is_usual,
)
from scanners.parsing.python_sinks import NAMED, READ, TEMPLATES

_ENVIRONMENT_READS = ("os.environ.get", "os.getenv", "os.environ.pop")
_KEYS = re.compile(r"AWS_(?:SECRET|ACCESS|SESSION)|PRIVATE_KEY|PASSWORD|PASSWD|SSH_|KUBE")
"""Environment variables whose values belong to one service only."""
MACHINE = frozenset(
    "getpass.getuser os.getlogin socket.gethostname socket.getfqdn platform.node platform.uname uuid.getnode".split()
)
"""Functions that identify a machine or a user."""
HIDING = (
    *("base64.", "binascii.", "zlib.decompress", "gzip.decompress", "bz2.decompress", "lzma.decompress"),
    *("codecs.decode", "marshal.loads", "builtins.bytes.fromhex", "builtins.bytearray.fromhex", "builtins.chr"),
)
_UNPACKING = (
    *("base64.b", "base64.a85decode", "base64.decode", "binascii.a2b", "binascii.unhexlify", "zlib.decompress"),
    *("gzip.decompress", "bz2.decompress", "lzma.decompress", "codecs.decode", "marshal.loads"),
    *("cryptography.fernet.", "Crypto.Cipher.", "Cryptodome.Cipher.", "torch.load", "numpy.load", "numpy.fromfile"),
    *("safetensors.", "PIL.Image.open", "h5py.File", "gguf.", "onnx.load"),
)
"""Functions that turn unreadable data into code; a script that reads its own version or settings needs none."""
FETCHING = (
    "urllib.request.",
    "urllib.urlopen",
    "urllib2.",
    "requests.",
    "httpx.",
    "urllib3.",
    "http.client.",
    "socket.",
    "aiohttp.",
    "ftplib.",
    "xmlrpc.client.",
    "dns.resolver.",
)
_HUBS = ("huggingface_hub.hf_hub_download", "huggingface_hub.snapshot_download", "modelscope.")
"""Name prefixes of functions that fetch files from a repository, which may be another one."""
_TOKENS = (
    (
        re.compile(r"HF_TOKEN|HUGGING_?FACE(?:_HUB)?_(?:API_)?(?:TOKEN|KEY)"),
        re.compile(r"huggingface|hf\.co|hf\.space|hf-mirror"),
    ),
    (re.compile(r"GITHUB_TOKEN|GH_TOKEN"), re.compile(r"github")),
)
"""Environment variables with a key, and a part of the addresses of the service that it belongs to."""
_SECRET = re.compile(
    rf"AWS_(?:SECRET|SESSION)|PRIVATE_KEY|PASSWORD|PASSWD|^(?:{'|'.join(key.pattern for key, _ in _TOKENS)})$"
)
"""Environment variables that are never part of a host name."""
_HOST = re.compile(r"https?://[^/\s]{1,200}")
_RUNNING = ("subprocess.", "os.popen", "os.system")
_FETCHERS = re.compile(r"(?:\S*/)?(?:curl|wget)\b")
_STARTED = re.compile(
    r"(?:sudo )?(?:(?:\S*/)?(?:(?:ba|z|da|k)?sh|python[\d.]*|perl|node)(?: -[a-zA-Z]+)* )?"
    r"(?:\./)?(?P<file>[^\s-]\S*)(?: |$)"
)
"""A command with the file that it starts, directly or by an interpreter."""
_STARTUP_FILES = re.compile(
    r"\.bash(?:rc|_profile|_login)$|\.zsh(?:rc|env)$|\.profile$|authorized_keys$"
    r"|/etc/(?:cron|profile|ld\.so\.preload|rc\.)|/var/spool/cron|(?:site|user)customize\.py$|LaunchAgents/|LaunchDaemons/|systemd/(?:system|user)/|autostart/|\.ipython/profile_\w+/startup/"
    r"|\\CurrentVersion\\Run(?:Once)?$|Start Menu.{1,10}Programs.{1,4}Startup"
)
_SETTINGS = re.compile(
    r"\.git/hooks/[\w-]+$|\.gitconfig$|/pip\.(?:conf|ini)$|\.(?:pypirc|npmrc|condarc)$|Code/User/(?:settings|tasks)\.json$"
    r"|\.claude/(?:CLAUDE\.md|settings(?:\.local)?\.json)$|\.cursor/mcp\.json$"
)
"""Files from which the tools of a user read commands or package sources."""
_READING = frozenset("builtins.open io.open codecs.open pathlib.Path().read_text pathlib.Path().read_bytes".split())
_TEXT_FILES = "txt in cfg toml ini md rst version tmpl template j2".replace(" ", "|")
_DATA_FILE = re.compile(rf"[^\0\n:*?<>|]{{1,200}}\.(?!(?:py[wcx]?|{_TEXT_FILES})$)[A-Za-z0-9]{{1,12}}", re.IGNORECASE)
"""Names of files other than Python, text and templates, which honest files read for a version or as a template."""
_ANY_FILE = re.compile(r"[^\0\n:*?<>|]{1,200}\.(?!py[wcx]?$)[A-Za-z][A-Za-z0-9]{0,11}", re.IGNORECASE)
_PYTHON_FILE = re.compile(r"\.pyw?$", re.IGNORECASE)
_WALKS = frozenset("os.walk os.scandir os.listdir glob.glob glob.iglob".split())
_COMPILED = ("ExtensionFileLoader", "SourcelessFileLoader", "load_dynamic", "load_compiled")
_SHELL_WITH_COMMAND = re.compile(r"\S+ -c [\"']?[\w./]")
"""A shell with a command on its command line, whose beginning is known."""
_RECEIVING = (".recv", ".recvfrom", ".recv_into")
_PRELOADING = re.compile(
    r"LD_(?:PRELOAD|AUDIT)|DYLD_INSERT_LIBRARIES|PYTHON(?:STARTUP|PATH|HOME|BREAKPOINT|WARNINGS|INSPECT)|BASH_ENV|ENV"
    r"|PROMPT_COMMAND|GIT_(?:SSH(?:_COMMAND)?|EXTERNAL_DIFF|PAGER|EDITOR)|NODE_OPTIONS|PERL5(?:OPT|LIB)|RUBYOPT"
    r"|JAVA_TOOL_OPTIONS|(?:MAN)?PAGER|EDITOR|BROWSER"
    r"|HF_ENDPOINT|(?:PIP|UV)_(?:EXTRA_|DEFAULT_)?INDEX(?:_URL)?|TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD"
)
"""Environment variables that make programs load or run something, or choose where it comes from."""
_CODE_FILE = re.compile(r"\.(?:pyw?|pyc|so|pyd|dll|dylib|sh|bat|ps1|exe)$", re.IGNORECASE)
_SITE = ("site.get", "sysconfig.get_path", "distutils.sysconfig.")
_TCL = re.compile(r"\b(?:exec|open|socket|source|load|eval|uplevel|subst|interp|package|file)\b|[\[\]$]")
"""Tcl commands that access the system or run computed code."""
_NO_FILE = re.compile(
    r"[/~.\\]+|[rwxabt+]{1,3}|utf-?8|-.*|\$(?:self|cls|__file__|(?:\w*_)?(?:dir|directory|folder|root|home|base|here))",
    re.IGNORECASE,
)
"""Strings that calls for different files share: separators, modes, encodings, options, folders."""
_SHELL_LINE = re.compile(
    r"(?:\S*/)?(?:ba|z|da|k)?sh (?:-[a-z]+ )*-[a-z]*c |cmd(?:\.exe)? /[ckCK] "
    r"|(?:powershell|pwsh)(?:\.exe)? (?:.* )?-[cC]",
    re.DOTALL,
)
"""A shell that runs a command from its command line."""
_SHELLS = re.compile(r"(?:\S*/)?(?:(?:ba|z|da|k)?sh|cmd(?:\.exe)?|powershell)\b")


def _code(fact: Fact, calls: list[Fact], loaded: bool) -> Rule | None:
    how, names = fact.texts("how"), fact.texts("sources")
    if fact.value.startswith("runpy.") and _runs_fetched(fact, calls):
        return DOWNLOADED
    if _runs_data(fact, names):
        return DECODED if fact.value == "builtins.exec" and _is_unpacked(names) else CODE
    if fact.value in NAMED or fact.value in TEMPLATES:
        return CODE if loaded and _names_danger(fact) else None
    if any(name.startswith(FETCHING) for name in names) or _is_fetched_by_command(fact, names):
        return DOWNLOADED
    if any(name.startswith(HIDING) for name in names) and ("encoded" in how or "folded" in how):
        return DECODED
    unpacked = fact.value.startswith("pyarmor.") or _is_unpacked(names)
    unpacked = unpacked and (fact.value != "types.FunctionType" or "marshal.loads" in names)
    if not unpacked and (fact.value == "types.FunctionType" or ("folded" in how and fact.value in READ)):
        return None
    if _runs_fetched(fact, calls):
        return DOWNLOADED
    return CODE if loaded or unpacked else None


def _names_danger(fact: Fact) -> bool:
    """Return whether a call that looks names up or renders a template refers to something that runs code."""
    if fact.value in NAMED:
        return any(map(family, fact.texts("mentions")))
    return any("__" in text for text in fact.texts("mentions"))


def _is_fetched_by_command(fact: Fact, sources: list[str]) -> bool:
    """Return whether the code that runs is the output of a command that downloads something."""
    ran = any(source.startswith(_RUNNING) for source in sources)
    return ran and any(_FETCHERS.match(text) for text in fact.texts("mentions"))


def _is_unpacked(sources: list[str]) -> bool:
    """Return whether the code that runs is decoded, decrypted, or read from weights, arrays or images."""
    return any(source.startswith(_UNPACKING) and "encode" not in source for source in sources)


def _runs_data(fact: Fact, sources: list[str]) -> bool:
    """Return whether the code that runs is read from a file that is not named as Python, such as a file of weights."""
    if not fact.value.startswith("runpy.run_path") and not _READING.intersection(sources):
        return False
    mentions = fact.texts("mentions")
    return any(map(_DATA_FILE.fullmatch, mentions)) and not any(map(_PYTHON_FILE.search, mentions))


def _command(fact: Fact, calls: list[Fact], loaded: bool) -> Rule | None:
    text, how = str(fact.detail["text"]), fact.texts("how")
    if attack_command().search(text):
        return ATTACK
    if ("handed" in how and not loaded) or _is_harmless_tcl(fact, text):
        return None
    if fact.value.startswith("pip."):
        return TOOL if is_setup(fact) else COMMAND
    if _is_remote_controlled(fact, calls, text):
        return SHELL
    shell = "shell" in how or _SHELL_LINE.match(text) is not None
    if not (loaded and installs_foreign(text)) and is_usual(text, shell=shell, script=not loaded):
        return COMMAND if loaded and installs_unknown(text) else TOOL
    fetched = _runs_fetched(fact, calls) or (loaded and _starts_fetched(fact, calls))
    if _is_from_server(fact, text) or (fetched and not is_handling(text, shell=shell)):
        return DOWNLOADED
    return _in_model(text, shell=shell) if loaded else _in_script(fact, calls, shell=shell)


def _is_from_server(fact: Fact, text: str) -> bool:
    """Return whether the command that a shell runs comes from a server."""
    fetched = any(source.startswith(FETCHING) for source in fact.texts("sources"))
    return fetched and text.startswith("…") and "shell" in fact.texts("how")


def _in_model(text: str, *, shell: bool) -> Rule:
    """Judge an unusual command in a file that is imported by name."""
    if is_usual(text, shell=shell, script=False) and from_forges(text):
        return COMMAND
    return MODEL_COMMAND if shell and "…" not in text else COMMAND


def _in_script(fact: Fact, calls: list[Fact], *, shell: bool) -> Rule:
    """Judge an unusual command in any other file."""
    text = str(fact.detail["text"])
    launches = is_launch(text, shell=shell) and not _runs_written(fact, calls)
    return TOOL if launches or _is_passed_on(fact, text) else COMMAND


def _is_harmless_tcl(fact: Fact, text: str) -> bool:
    return fact.value.startswith("tkinter.") and "folded" in fact.texts("how") and not _TCL.search(text)


def _is_passed_on(fact: Fact, text: str) -> bool:
    """Return whether a script runs what its own command line says, so that the user chooses it, not the author."""
    sources = fact.texts("sources")
    return "sys.argv" in sources and text.startswith(("…", "python…", "python …")) and not _is_unpacked(sources)


def _is_remote_controlled(fact: Fact, calls: list[Fact], text: str) -> bool:
    """Return whether a command comes from the network, or is a shell whose input does."""
    if any(source.endswith(_RECEIVING) for source in fact.texts("sources")):
        return True
    return (
        _SHELLS.match(text) is not None
        and _SHELL_WITH_COMMAND.match(text) is None
        and _calls_any(calls, ("connection", "descriptor"), fact)
    )


def _calls_any(calls: list[Fact], kinds: tuple[str, ...], fact: Fact) -> bool:
    """Return whether the file makes calls of `kinds` on the same occasion."""
    return any(call.detail["does"] in kinds and call.detail["when"] == fact.detail["when"] for call in calls)


def _runs_fetched(fact: Fact, calls: list[Fact]) -> bool:
    """Return whether the call names a file that data from the network is written to."""
    fetches = _calls_any(calls, ("fetching",), fact)
    return any(
        (call.value.endswith(("urlretrieve", "wget.download")) or (fetches and _writes(call))) and _shares(fact, call)
        for call in calls
    )


def _starts_fetched(fact: Fact, calls: list[Fact]) -> bool:
    """Return whether a command starts a file that another command downloads on the same occasion."""
    text = str(fact.detail["text"])
    started = _STARTED.match(text) if fact.detail["does"] == "command" and not _FETCHERS.match(text) else None
    return started is not None and any(
        call is not fact
        and call.detail["when"] == fact.detail["when"]
        and _FETCHERS.match(str(call.detail["text"])) is not None
        and started["file"] in (word.removeprefix("./") for word in str(call.detail["text"]).split())
        for call in calls
        if call.detail["does"] == "command"
    )


def _runs_written(fact: Fact, calls: list[Fact]) -> bool:
    """Return whether the call may run a file that the module writes, or downloads by a command."""
    words = set(str(fact.detail["text"]).split())
    return any(
        (call.detail["does"] == "command" and not _fetches_weights(fact, call))
        or (_writes(call) and (_shares(fact, call) or not words.isdisjoint(call.texts("mentions"))))
        for call in calls
    )


def _fetches_weights(fact: Fact, call: Fact) -> bool:
    """Return whether the command of `call` only fetches weights, and nothing that the command of `fact` starts."""
    shell = "shell" in call.texts("how")
    return fetches_weights(str(call.detail["text"]), shell=shell) and not _starts_fetched(fact, [call])


def _shares(fact: Fact, call: Fact) -> bool:
    """Return whether both calls run on the same occasion and mention what may be the same file."""
    if call is fact or call.detail["when"] != fact.detail["when"]:
        return False
    shared = set(fact.texts("mentions")) & set(call.texts("mentions"))
    return any(not _NO_FILE.fullmatch(text) for text in shared)


def _writes(call: Fact) -> bool:
    if call.detail["does"] != "writing":
        return False
    return "write" in call.value or bool(set(str(call.detail["mode"])) & set("wax+"))


def _network(fact: Fact, _calls: list[Fact], loaded: bool) -> Rule | None:
    sources = fact.texts("sources")
    reads = bool(_READING.intersection(sources))
    if (
        "os.environ" in sources
        or _sends_token(fact, sources)
        or (reads and any(private_file().search(text) for text in fact.texts("mentions")))
    ):
        return STOLEN
    keys = any(source in _ENVIRONMENT_READS for source in sources) and any(
        _KEYS.search(text) for text in fact.texts("mentions")
    )
    tells = (
        keys
        or (reads and any(PRIVATE.search(mention) for mention in fact.texts("mentions")))
        or bool(MACHINE.intersection(source.removesuffix("()") for source in sources))
    )
    return NETWORK if loaded or tells or fact.detail["does"] != "fetching" else None


def _sends_token(fact: Fact, sources: list[str]) -> bool:
    """Return whether the key of one service is sent to the address of another."""
    if not any(source in _ENVIRONMENT_READS for source in sources):
        return False
    texts = fact.texts("mentions")
    hosts = [host[0] for text in texts for host in _HOST.finditer(text)]
    return any(
        any(key.fullmatch(text) for text in texts) and bool(hosts) and not any(map(own.search, hosts))
        for key, own in _TOKENS
    )


def _resolving(fact: Fact, _calls: list[Fact], _loaded: bool) -> Rule | None:
    """Judge a DNS lookup: a name built from private data leaks it to the DNS server."""
    sources = {source.removesuffix("()") for source in fact.texts("sources")}
    asked = any(text.startswith(".") or re.search(r"\w\.\w", text) for text in fact.texts("mentions"))
    told = MACHINE.intersection(sources) or any("environ" in source for source in sources)
    if (
        told
        and asked
        and not sources.isdisjoint(_ENVIRONMENT_READS)
        and any(map(_SECRET.search, fact.texts("mentions")))
    ):
        return STOLEN
    return NETWORK if told and asked else None


def _unpickling(fact: Fact, _calls: list[Fact], loaded: bool) -> Rule | None:
    sources = fact.texts("sources")
    if any(source.startswith(FETCHING) for source in sources):
        return DOWNLOADED
    if fact.detail["when"] != "import" or any(source.endswith((".dumps", ".getbuffer")) for source in sources):
        return None
    return UNPICKLES if loaded else LOADS


def _looked_up(fact: Fact, _calls: list[Fact], loaded: bool) -> Rule | None:
    """Judge a call of a function of os, subprocess or the builtins whose name is computed."""
    when = ("import",) if fact.value.startswith("builtins.") else ("import", "use")
    return COMPUTED if loaded and fact.detail["when"] in when else None


def _handing(fact: Fact, calls: list[Fact], loaded: bool) -> Rule | None:
    """Judge data sent over a connection, which is reported separately: only secrets make it worse."""
    takes = "upload" in fact.value and any(private_file().search(text) for text in fact.texts("mentions"))
    rule = STOLEN if takes else _network(fact, calls, loaded)
    return rule if rule is STOLEN else None


def _remote(fact: Fact, _calls: list[Fact], loaded: bool) -> Rule | None:
    if fact.detail["when"] != "import":
        return None
    return FOREIGN if loaded else LOADS


def _on_path(fact: Fact, _calls: list[Fact], loaded: bool) -> Rule | None:
    """Judge an import path: downloaded code, or an archive whose name does not say so."""
    if not loaded or fact.detail["when"] not in ("import", "use"):
        return None
    if any("download" in source for source in fact.texts("sources")):
        return FOREIGN
    return CODE if fact.detail["when"] == "import" else None


def _preloading(fact: Fact, _calls: list[Fact], loaded: bool) -> Rule | None:
    named = any(_PRELOADING.fullmatch(str(text)) for text in (fact.detail["text"], *fact.texts("mentions")))
    return PRELOADED if loaded and named else None


def _loading(fact: Fact, calls: list[Fact], loaded: bool) -> Rule | None:
    """Judge a call that loads a file as a module: a file that is not named as Python hides that it is code."""
    if _runs_fetched(fact, calls):
        return DOWNLOADED
    if not loaded:
        return None
    mentions = fact.texts("mentions")
    if fact.value.endswith(_COMPILED):
        return NATIVE
    if any(source.startswith(_HUBS) for source in fact.texts("sources")):
        return FOREIGN
    hidden = any(map(_ANY_FILE.fullmatch, mentions)) and not any(map(_PYTHON_FILE.search, mentions))
    return CODE if hidden else None


def _removing(fact: Fact, _calls: list[Fact], _loaded: bool) -> Rule | None:
    if fact.value == "shutil.rmtree" and destroyed().fullmatch(str(fact.detail["text"])):
        return DESTROYS
    walks = any(source in _WALKS for source in fact.texts("sources"))
    return DESTROYS if walks and any(destroyed().fullmatch(text) for text in fact.texts("mentions")) else None


def _native(fact: Fact, calls: list[Fact], loaded: bool) -> Rule | None:
    if _runs_fetched(fact, calls):
        return DOWNLOADED
    return NATIVE if loaded or fact.detail["does"] in ("memory", "mapping") else None


def _writing(fact: Fact, _calls: list[Fact], loaded: bool) -> Rule | None:
    text, sources = str(fact.detail["text"]), fact.texts("sources")
    if not _writes(fact):
        return None
    if _STARTUP_FILES.search(text) or (text.endswith(".pth") and any(source.startswith(_SITE) for source in sources)):
        return STARTUP
    if loaded and _SETTINGS.search(text):
        return STARTUP
    if any(source in _WALKS for source in sources) and any(
        destroyed().fullmatch(mention) for mention in fact.texts("mentions")
    ):
        return DESTROYS  # overwrites all files of a home folder
    return WRITES if loaded and fact.detail["when"] == "import" and _CODE_FILE.search(text) else None


def _copying(fact: Fact, _calls: list[Fact], _loaded: bool) -> Rule | None:
    """Judge a file that is copied to where Python, a login shell or the system runs it at every start."""
    if any(source.startswith(_SITE) for source in fact.texts("sources")):
        names = (*fact.texts("mentions"), str(fact.detail["text"]))
        if any(name.endswith((".pth", "sitecustomize.py", "usercustomize.py")) for name in names):
            return STARTUP
    return STARTUP if _STARTUP_FILES.search(str(fact.detail["text"])) else None


def _descriptor(fact: Fact, calls: list[Fact], _loaded: bool) -> Rule | None:
    return SHELL if _calls_any(calls, ("connection",), fact) else None


def _ordering(fact: Fact, _calls: list[Fact], _loaded: bool) -> Rule | None:
    """Judge a command that is passed to a workflow step, a container or a job."""
    return ORDERED if hostile_command().search(str(fact.detail["text"])) else None


_IF_LOADED = {"safeguard": UNGUARDED, "naming": RENAMED, "forking": COMMAND}
"""Rules for kinds of calls that matter with any arguments, in files that are imported by name."""
_OPINIONS: dict[str, Callable[[Fact, list[Fact], bool], Rule | None]] = {
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
    "path": _on_path,
    "remote": _remote,
    "removing": _removing,
    "copying": _copying,
    "writing": _writing,
    "environment": _preloading,
    "loading": _loading,
    "lookup": _looked_up,
    "handing": _handing,
    "ordering": _ordering,
}
_EVALUATING = frozenset({"code", "unpickling"})


def opinion(fact: Fact, calls: list[Fact], *, loaded: bool) -> Rule | None:
    """Return the rule for a call that certainly runs, given the other `calls` of the same file.

    `loaded` says that the file is imported by name.
    """
    kind = str(fact.detail["does"])
    if kind == "permissions":
        return SETUID
    if kind in _IF_LOADED:
        return _IF_LOADED[kind] if loaded else None
    if kind in _EVALUATING and any(map(attack_command().search, fact.texts("mentions"))):
        return ATTACK
    return _OPINIONS[kind](fact, calls, loaded)
