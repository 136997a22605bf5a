"""R data (.rds, .RData, .rda): serialized objects, of which functions and promises are code.

Format: src/main/serialize.c of R, see `scanners.parsing.r_stream`. An unevaluated promise runs its code when its value
is first used, in the process that loaded the file (CVE-2024-27322).
"""

from __future__ import annotations

from collections.abc import Iterator

from modelsweep.core.finding import Fact, Finding, Json, Rule, Severity, Span
from modelsweep.core.limits import OverLimit
from modelsweep.core.reader import Truncated
from modelsweep.core.scanner import Blob, Context, Item, Malformed, Scanner, Signs, begins
from modelsweep.core.text import printable, shorten

NAME = "r"
_WORKSPACES = (b"RDX2\n", b"RDX3\n", b"RDA2\n", b"RDA3\n", b"RDB2\n", b"RDB3\n")
_STARTS = tuple(
    marker + version
    for marker, versions in (
        (b"X\n", (b"\0\0\0\x02", b"\0\0\0\x03")),
        (b"B\n", (b"\x02\0\0\0", b"\x03\0\0\0")),
        (b"A\n", (b"2\n", b"3\n")),
    )
    for version in versions
)
_SHOWN = 160
_NAMES_SHOWN = 8
_COMMANDS = frozenset(
    "system system2 shell shell.exec pipe socketConnection serverSocket download.file install.packages source "
    "sys.source dyn.load dyn.unload py_run_string py_run_file callr processx unlink file.remove Sys.setenv Sys.chmod "
    "file.symlink writeLines writeBin file.copy file.rename fifo socketAccept browseURL Rcmd cppFunction sourceCpp "
    "cfunction py_eval exec_wait exec_background exec_internal curl_download curl_fetch_memory install_github "
    "install_url install_git library.dynam setHook reg.finalizer makeActiveBinding delayedAssign mcparallel".split()
)
_EVALUATES = frozenset("eval evalq parse str2lang str2expression do.call readRDS load unserialize url".split())
_STRONG = frozenset(
    "system system2 shell shell.exec pipe dyn.load install.packages py_run_string py_eval exec_wait exec_background "
    "exec_internal".split()
)
_REFERENCES = (
    "https://nvd.nist.gov/vuln/detail/CVE-2024-27322",
    "https://cran.r-project.org/doc/manuals/r-release/R-ints.html#Serialization-Formats",
)


def _rule(what: str, title: str, severity: Severity, message: str, why: str) -> Rule:
    return Rule(
        id=f"r/{what}",
        title=title,
        severity=severity,
        message=message,
        why=why,
        fix="Do not load the file in R. Ask its author for the data alone, as CSV, Parquet or arrays.",
        confidence="high" if severity is Severity.CRITICAL else "medium",
        cwe=502,
        references=_REFERENCES,
    )


PROMISE_RUNS = _rule(
    "promise-runs-commands",
    "Code that runs commands as soon as the object is used",
    Severity.CRITICAL,
    "a promise calls {subject}; its code uses {names}",
    "R stores an expression that has not been needed yet as a promise, and runs it when the object is first used, "
    "which loading or printing may do. The author of the file chose the expression.",
)
PROMISE_EVALUATES = _rule(
    "promise-evaluates",
    "Code that evaluates other code as soon as the object is used",
    Severity.WARNING,
    "a promise calls {subject}; its code uses {names}",
    "R runs the expression of a promise when the object is first used. This one assembles or loads code, so what runs "
    "is not in the expression itself.",
)
PROMISE = _rule(
    "promise",
    "Code that runs as soon as the object is used",
    Severity.INFO,
    "{count} unevaluated promise(s); their code uses {subject}",
    "R runs the expression of a promise when the object is first used. Promises come along with the environments of "
    "the functions that a model keeps.",
)
FUNCTION_RUNS = _rule(
    "function-runs-commands",
    "Function that runs commands or loads code",
    Severity.WARNING,
    "a function in the file calls {subject}",
    "The function runs when the object is used as its class intends: to print it, predict with it, or inspect it.",
)
ACTIVE_BINDING = _rule(
    "active-binding",
    "Variable that is a function in disguise",
    Severity.WARNING,
    "{count} active binding(s): reading the variable calls a function from the file",
    "R calls the function whenever the variable is read, so loading a workspace and listing it runs code.",
)
STARTUP = _rule(
    "startup-function",
    "Function that R runs by its name",
    Severity.WARNING,
    "the workspace holds {subject}",
    "R restores the workspace of the folder in which it is started, and runs the function of this name at the start or "
    "at the end. Nobody has to call it.",
)
FUNCTION = _rule(
    "function",
    "Functions stored with the data",
    Severity.INFO,
    "the file holds {count} function(s)",
    "Formulas, families and fitted models carry functions, which run when the model is used.",
)


def accepts(blob: Blob) -> bool:
    """Return whether the blob begins with a serialized object or a workspace."""
    return _start(blob.head) is not None


def _start(head: bytes) -> int | None:
    start = 5 if head.startswith(_WORKSPACES) else 0
    return start if head.startswith(_STARTS, start) else None


def scan(blob: Blob, context: Context) -> Iterator[Item]:
    """Yield the code in the file; raises Malformed, Truncated and OverLimit."""
    from scanners.parsing.r_stream import RStream

    yield Fact("framework", "R", blob.locator)
    stream = RStream(blob.reader, _start(blob.head) or 0, context)
    seen = _Seen()
    fault: Exception | None = None
    try:
        for event in stream.events():
            seen.take(event.kind, event.name, event.within, event.offset)
        if stream.position < blob.size and not _blank(blob, stream.position):
            left = blob.size - stream.position
            fault = Malformed(f"{left:,} bytes follow the object", stream.position)
    except (Malformed, Truncated, OverLimit) as error:
        fault = error
    yield from seen.findings(blob)
    if fault:
        raise fault


def _blank(blob: Blob, start: int) -> bool:
    return blob.size - start < 16 and not blob.reader.read(start, blob.size - start).strip()


class _Seen:
    """Code seen so far, by kind: how often, the first offset, and the names in it."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self._first: dict[str, int] = {}
        self._hook = ""
        self._names: dict[str, dict[str, int]] = {"function": {}, "promise": {}}

    def take(self, kind: str, name: str, within: str, offset: int) -> None:
        """Record one event of a stream."""
        self._counts[kind] = self._counts.get(kind, 0) + 1
        self._first.setdefault(kind, offset)
        if kind == "hook":
            self._hook = name
        names = self._names.get(within, {})
        if kind in ("name", "text") and (len(names) < 10_000 or name in _COMMANDS):
            names.setdefault(name, offset)

    def findings(self, blob: Blob) -> Iterator[Finding]:
        """Yield the findings for the whole object."""
        lazy, called = self._names["promise"], self._names["function"]
        evidence: dict[str, Json] = {"names": _listed(lazy)}
        for rule, dangerous in ((PROMISE_RUNS, _COMMANDS), (PROMISE_EVALUATES, _EVALUATES)):
            name = next((name for name in lazy if name in dangerous), "")
            if name:
                yield Finding(rule, blob.locator, name, span=Span(lazy[name]), evidence=evidence)
                break
        else:
            if "promise" in self._counts:
                yield self._finding(PROMISE, blob, "promise", _listed(lazy))
        for name in [name for name in called if name in _STRONG][:_NAMES_SHOWN]:
            yield Finding(FUNCTION_RUNS, blob.locator, name, span=Span(called[name]))
        if "hook" in self._counts and "function" in self._counts:
            yield self._finding(STARTUP, blob, "hook", self._hook)
        if "active" in self._counts:
            yield self._finding(ACTIVE_BINDING, blob, "active")
        if "function" in self._counts:
            yield self._finding(FUNCTION, blob, "function")

    def _finding(self, rule: Rule, blob: Blob, kind: str, subject: str = "") -> Finding:
        evidence: dict[str, Json] = {"count": f"{self._counts[kind]:,}"}
        return Finding(rule, blob.locator, subject, span=Span(self._first[kind]), evidence=evidence)


def _listed(names: dict[str, int]) -> str:
    shown = [printable(name, _SHOWN) for name in list(names)[:_NAMES_SHOWN]]
    more = ", …" if len(names) > _NAMES_SHOWN else ""
    return shorten(", ".join(shown), 2 * _SHOWN) + more if shown else "nothing by name"


SCANNER = Scanner(
    name=NAME,
    title="R data (.rds, .RData)",
    version=2,
    accepts=accepts,
    scan=scan,
    rules=(PROMISE_RUNS, PROMISE_EVALUATES, PROMISE, FUNCTION_RUNS, ACTIVE_BINDING, STARTUP, FUNCTION),
    suffixes=(".rds", ".rdata", ".rda"),
    signs=Signs(begins(*_STARTS, *_WORKSPACES)),
)
