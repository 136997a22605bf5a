"""WebAssembly (runtimes in the browser, WASI programs beside models): what a module imports from its host.

Specification: https://webassembly.github.io/spec/core/binary/modules.html. The code of a module can only reach the
functions that it imports, which are reported; it is not examined itself, so a module with code is never clean.
"""

from __future__ import annotations

from collections.abc import Iterator

from modelsweep.core.finding import Fact, Finding, Json, Problem, ProblemKind, Rule, Severity, Span
from modelsweep.core.limits import OverLimit
from modelsweep.core.scanner import Blob, Context, Item, Malformed, Scanner, Signs, begins
from modelsweep.core.text import printable
from modelsweep.core.units import KIB
from scanners.parsing.cursor import Cursor

NAME = "wasm"
_MAGIC = b"\0asm\1\0\0\0"
_IMPORTS, _FUNCTIONS, _CODE = 2, 3, 10
_MAX_NAME = 4 * KIB
_SHOWN = 100
_MAX_LISTED = 8
_COST = 50
_MAX_VARINT_BITS = 35
"""Maximum bits of a varint: five groups of seven."""
_FUNCTION, _TABLE, _MEMORY, _GLOBAL, _TAG = range(5)
_SUSPICIOUS_IMPORTS = frozenset(
    "system popen execve execv execvp fork vfork posix_spawn proc_exec proc_exec2 proc_exec3 proc_spawn proc_spawn2 "
    "proc_fork syscall_execve syscall_fork emscripten_run_script emscripten_run_script_int "
    "emscripten_run_script_string emscripten_async_run_script emscripten_async_load_script dlopen "
    "sock_open sock_connect sock_send_to sock_listen syscall_connect syscall_socket eval".split()
)
"""Functions of WASIX, Emscripten and others, without leading underscores, that run commands or scripts, or connect.

Not `_dlopen_js`, which Emscripten links to modules whose libraries mention dlopen, and which then loads nothing.
"""

HOST = Rule(
    id="wasm/telling-import",
    title="WebAssembly that asks to run commands or scripts, or to open connections",
    severity=Severity.WARNING,
    message="the module imports {subject} from {path}",
    why="A module is isolated from the machine, except for what the program that runs it provides. Model runtimes need "
    "memory, a clock and the files they are given; this module asks for more.",
    fix="Run it only if you know what it does, and do not provide such a function.",
    confidence="medium",
    cwe=829,
    references=("https://webassembly.github.io/spec/core/syntax/modules.html#imports",),
)


def accepts(blob: Blob) -> bool:
    """Return whether the blob begins with the magic number and the version."""
    return blob.head.startswith(_MAGIC)


def scan(blob: Blob, context: Context) -> Iterator[Item]:
    """Yield notable imports, and a Problem for unexamined code; raises Malformed, Truncated and OverLimit."""
    cursor = _Module(blob.reader, len(_MAGIC))
    modules: set[str] = set()
    sections: set[int] = set()
    while cursor.position < blob.size:
        context.operations.spend(_COST)
        kind, length = cursor.number("B"), cursor.varint()
        end = cursor.position + length
        sections.add(kind)
        if kind == _IMPORTS:
            yield from _imports(blob, cursor, modules, context)
            if cursor.position != end:
                raise Malformed("the imports do not fill their section", cursor.position)
        else:
            cursor.skip(length)
    for name in sorted(modules)[:_MAX_LISTED]:
        detail: dict[str, Json] = {"value": name}
        yield Fact("metadata", "imports from", blob.locator, detail=detail)
    if _CODE not in sections:
        if _FUNCTIONS in sections:
            raise Malformed("functions are declared, but their code is missing: cut short?", blob.size)
        return
    detail_text = "code for WebAssembly is not examined: its imports and its raw bytes were looked at"
    yield Problem(ProblemKind.UNSUPPORTED, blob.locator, NAME, detail_text)


def _imports(blob: Blob, cursor: _Module, modules: set[str], context: Context) -> Iterator[Item]:
    told: set[str] = set()
    for _ in range(cursor.varint()):
        context.operations.spend(_COST)
        at = cursor.position
        module, name = cursor.text(), cursor.text()
        if len(modules) < _MAX_LISTED or module in modules:
            modules.add(printable(module, _SHOWN))
        cursor.pass_kind()
        if name.lstrip("_") in _SUSPICIOUS_IMPORTS and name not in told:
            told.add(name)
            where = printable(module, _SHOWN) or "nothing"
            yield Finding(HOST, blob.locator, printable(name, _SHOWN), path=where, span=Span(at))


class _Module(Cursor):
    """A cursor over a module, whose integers are varints."""

    __slots__ = ()

    def varint(self) -> int:
        """Return the next 32-bit integer; raises Malformed if it is longer."""
        value = shift = 0
        while True:
            byte = self.number("B")
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7
            if shift == _MAX_VARINT_BITS:
                raise Malformed("a number is longer than five bytes", self.position)

    def text(self) -> str:
        """Return the next name; raises OverLimit if it is too long."""
        length = self.varint()
        if length > _MAX_NAME:
            raise OverLimit(f"a name of {length:,} bytes")
        return self.take(length).decode("utf-8", "replace")

    def pass_kind(self) -> None:
        """Skip the kind and type of an import; raises Malformed if they are invalid."""
        kind = self.number("B")
        if kind == _FUNCTION:
            self.varint()
        elif kind == _GLOBAL:
            self.skip(2)
        elif kind == _TAG:
            self.skip(1)
            self.varint()
        elif kind in (_TABLE, _MEMORY):
            self.skip(kind == _TABLE)
            flags = self.varint()
            for _ in range(1 + (flags & 1)):
                self.varint()
        else:
            raise Malformed(f"no import has the kind {kind}", self.position - 1)


SCANNER = Scanner(
    name=NAME,
    title="WebAssembly (imports only)",
    version=2,
    accepts=accepts,
    scan=scan,
    rules=(HOST,),
    suffixes=(".wasm",),
    signs=Signs(begins(_MAGIC)),
)
