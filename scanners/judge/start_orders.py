"""What takes effect when programs start: libraries, keys, rights, commands and variables that persist on a system.

Honest root file systems are full of such files, and honest images preload an allocator. So what they start and from
where is judged: nobody installs a program in a world-writable or hidden folder.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache

from modelsweep.core import patterns as re
from modelsweep.core.finding import Confidence, Fact, Finding, Rule, Severity
from modelsweep.core.options import Options
from modelsweep.core.text import shorten

_SHOWN = 160


def _rule(what: str, title: str, severity: Severity, message: str, why: str, fix: str, *references: str) -> Rule:
    confidence: Confidence = "high" if severity is Severity.CRITICAL else "medium"
    return Rule(f"persistence/{what}", title, severity, message, why, fix, confidence, cwe=506, references=references)


_REMOVE = "Remove it before you start the image or unpack the archive, and ask its author what it is for."
PRELOADED = _rule(
    "preloaded-library",
    "Library that is loaded into other programs",
    Severity.WARNING,
    "{path}: {subject} ({who})",
    "A preloaded library runs inside every program, with that program's rights, and can hide itself. Images of models "
    "preload only allocators and runtimes, which have known names.",
    _REMOVE,
    "https://attack.mitre.org/techniques/T1574/006/",
)
STRAY = _rule(
    "stray-program",
    "Automatically started program in a writable or hidden place",
    Severity.WARNING,
    "{path}: {subject} ({who})",
    "Packages install programs where only root can write. A program started from /tmp, /dev/shm or a hidden file was "
    "put there by somebody else, and comes back at every boot, login or scheduled time.",
    _REMOVE,
    "https://attack.mitre.org/tactics/TA0003/",
)
KEY = _rule(
    "login-key",
    "Key that grants a login",
    Severity.WARNING,
    "{path}: {subject} ({who})",
    "Whoever has the private half of the key can log in wherever the archive is unpacked into a home folder, or the "
    "image runs a server.",
    _REMOVE,
    "https://attack.mitre.org/techniques/T1098/004/",
)
ROOT = _rule(
    "root-for-free",
    "Account that is root, or becomes root without a password",
    Severity.WARNING,
    "{path}: {subject} ({who})",
    "Whatever runs under the account controls the system. Images of models do not need that.",
    _REMOVE,
    "https://attack.mitre.org/techniques/T1548/003/",
)
VARIABLE = _rule(
    "start-variable",
    "Environment variable that makes programs run something when they start",
    Severity.WARNING,
    "{path}: {subject} ({who})",
    "Interpreters, shells, git and others run or load what the variable names, whatever program is started and for "
    "whatever purpose.",
    "Do not apply the settings until somebody has read what they name.",
    "https://attack.mitre.org/techniques/T1574/007/",
)
KINDS = frozenset({"start-order"})
RULES = (PRELOADED, STRAY, KEY, ROOT, VARIABLE)
_RULES = {rule.id.rpartition("/")[2]: rule for rule in RULES}


def findings(facts: Sequence[Fact], _options: Options) -> Iterator[Finding]:
    """Yield a finding for each order."""
    for fact in facts:
        rule = _RULES[str(fact.detail["what"])]
        evidence = {name: fact.detail[name] for name in ("who", "line") if name in fact.detail}
        shown, path = shorten(fact.value, _SHOWN), str(fact.detail["path"])
        yield Finding(rule, fact.locator, shown, path=path, span=fact.span, evidence=evidence)


# -- what is out of the ordinary

_TEMPORARY = (
    r"(?:(?:/private)?(?:/var)?/tmp|/dev/(?:shm|mqueue)|/run/user/\d{1,9}|\$\{?(?:TMPDIR|TEMP|TMP|XDG_RUNTIME_DIR)\}?"
    r"|%(?:TEMP|TMP|PUBLIC)%|\$env:(?:TEMP|TMP|PUBLIC)|[A-Za-z]:\\(?:Windows\\Temp|Users\\Public|PerfLogs))[/\\]"
)
"""World-writable folders."""
_HIDDEN = (
    r"/(?:(?:usr|var|etc|lib|lib64|bin|sbin|opt|srv|boot|dev|mnt|media)/(?:[\w.+-]{1,60}/){0,12}\.[\w-][\w.-]{0,60}(?![\w./-])"
    r"|(?:dev|lib|lib64|bin|sbin|etc|boot|(?:usr|var)/(?:local/)?(?:s?bin|lib|share|libexec|log|cache|spool|run))"
    r"/\.[\w-][\w.-]{0,60}/[\w./-]{1,200})"
)
"""A hidden file, or a file in a hidden folder, where packages install programs."""
_PLACE = rf"(?:{_TEMPORARY}[^\s;|&'\"<>()`]{{1,200}}|{_HIDDEN})"
_DIRECTORY = rf"(?:{_TEMPORARY}[^\s:;'\"]{{0,200}}|(?:/var)?/tmp|/dev/shm)(?=[:;'\"\s]|$)"
_RUNNER = (
    r"(?:(?:/(?:usr/)?(?:local/)?s?bin/)?(?:sudo|nohup|setsid|exec|env|nice|ionice|time|command|builtin|eval|source|\.|busybox"
    r"|(?:ba|z|da|k|a)?sh|python[\d.]{0,5}|perl|ruby|node|php\d?|lua|Rscript|java|timeout\s+[\d.]+\w?|flock\s+\S{1,100}"
    r"|start-stop-daemon|chroot\s+\S{1,100}|chronic|stdbuf|unbuffer)(?:\s+-{1,2}[\w=-]{1,40}){0,6}\s+"
    r"|[A-Za-z_]\w{0,40}=(?:[^\s\"'`()]{0,100}|\"[^\"\n]{0,100}\"|'[^'\n]{0,100}')\s+)"
)
"""Programs that run the command after them."""
_BEFORE = (
    r"(?:^\s*|[;&|({`]\s*|\$\(\s*|\b(?:then|do|else|if|while|until|and|or|not)\s+"
    r"|\b(?:Exec\w{0,12}|Exec|TryExec)\s*=\s*[-@:+!|]{0,4}|\b(?:RUN|PROGRAM|IMPORT)(?:\{\w{1,12}\})?\s*[+=]{1,2}\s*\""
    r"|\balias\s+[\w-]{1,40}=['\"]?|\btrap\s+['\"]|\s-\w{0,4}c\s+['\"]|\bpam_exec\.so\s+(?:\w+\s+){0,6}"
    r"|\b(?:ProxyCommand|LocalCommand|KnownHostsCommand|AuthorizedKeysCommand|ForceCommand)[\s=]+['\"]?"
    r"|\bexec\s+['\"]|\b(?:install|remove)\s+[\w*-]{1,60}\s+|\{\s*\"|\b(?:PROMPT_COMMAND|command)\s*=\s*['\"]?"
    r"|\b(?:(?:pre|post)-)?(?:up|down)\s+|^\s*\w{0,8}:[\w]{0,12}:\w{2,12}:[-+]?"
    r"|^\s*@\w{4,10}\s+(?:[a-z_][\w-]{0,31}\s+)?|^\s*(?:[\d*/,A-Za-z-]{1,60}\s+){5}(?:[a-z_][\w-]{0,31}\s+)?"
    r"|\b(?:auth|account|session|password)\s+(?:\w+|\[[^\]\n]{1,200}\])\s+)"
)
"""What may precede a command in settings."""


@cache
def stray_program() -> re.Pattern[str]:
    """Return the pattern of a command whose program is in a world-writable folder, or hidden."""
    return re.compile(
        rf"{_BEFORE}['\"]?{_RUNNER}{{0,6}}['\"]?(?P<program>{_PLACE})"
        rf"|\bcd\s+(?P<folder>(?:/var)?/tmp|/dev/shm)\S{{0,100}}\s*(?:&&|;)\s*{_RUNNER}{{0,6}}\./[\w.-]{{1,100}}",
        re.MULTILINE,
    )


@cache
def stray_place() -> re.Pattern[str]:
    """Return the pattern of a file in a world-writable folder, or of a hidden file."""
    return re.compile(_PLACE)


@cache
def stray_folder() -> re.Pattern[str]:
    """Return the pattern of a world-writable folder in a list of folders."""
    return re.compile(_DIRECTORY)


@cache
def known_library() -> re.Pattern[str]:
    """Return the pattern of libraries that honest systems preload: allocators, and runtimes for threads and devices."""
    return re.compile(
        r"(?:lib)?(?:jemalloc|tcmalloc|mimalloc|hoard|tbb|snmalloc|rpmalloc|c_malloc|hugetlbfs|numa|g?omp|iomp|[a-z]?omp5"
        r"|stdc\+\+|c\+\+|gcc_s|gfortran|quadmath|atomic|unwind|asan|ubsan|tsan|lsan|clang_rt|nccl|mkl|svml|intlc|ipex|intel"
        r"|cu(?:da|dnn|blas|pti|fft|rand|solver|sparse|file|tensor|inj)|nv(?:idia|rtc|jpeg|jit|infer|tools|onnx|perf|cuvid|encode|ml)"
        r"|ittnotify|blas|openblas|lapack|blis|arm(?:pl|mem|_compute)|dnnl|onednn|faketime|eatmydata|nss_wrapper|uid_wrapper"
        r"|fakeroot|fakechroot|python|OpenGL|X11|SDL|v4l|gtk|proxychains|tsocks|torsocks|vgpu|ucp|ucs|ucx|fabric|mpi|pmi"
        r"|torch|c10|tensorflow|onnxruntime|hsa|hip|roc(?:blas|m|prof|tracer|fft|rand|sparse|solver)|amd(?:hip|_|ocl)|hccl|ascend"
        r"|stdbuf|SegFault|profiler|memusage|pcprofile|vglfaker|dlfaker|gssapi|krb5|protobuf|absl|grpc|sqlite3|p11-kit|glib"
        r"|gobject|freetype|fontconfig|expat|xml2|jpeg|tiff|cairo|pango|harfbuzz|readline|ncurses|tinfo|changehostname|gcompat"
        r"|oshmem|rdmacm|ibverbs"
        r"|(?:z|dl|rt|uv|ffi|ssl|png|bz2|lz4|ucc|gio|jvm|xpu|tpu|imf|irc|curl|hdfs|java|lzma|zstd|event|crypto|pthread|E?GL|GLX|GLdispatch)(?![A-Za-z]))"
        r"(?:[\w.+-]|\$\{?(?:LIB|PLATFORM)\}?){0,60}\.(?:so|dylib)(?:\.[\d.]+)?",
    )
