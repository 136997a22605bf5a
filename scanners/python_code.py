"""Python source in a model's repository: what importing it, or using one of its model classes, runs.

Loaders import such files with trust_remote_code, as custom pipelines, handlers and loader modules. pip runs setup.py,
and each start of Python runs the lines of a `.pth` file that begin with `import`
(https://docs.python.org/3/library/site.html). Cells of notebooks run when a user runs them. Language reference:
https://docs.python.org/3/reference/. The file is parsed to a syntax tree and names are resolved by scope. In functions
without a known caller and below `if __name__ == "__main__"`, only attacks are reported, and what model servers or
libraries call. Source that cannot be parsed is searched line by line, and reported if it names commands.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from modelsweep.core import patterns as re
from modelsweep.core.finding import FILE_LINE, Fact, Finding, Json, Problem, Rule, Severity
from modelsweep.core.limits import OverLimit
from modelsweep.core.reader import MemoryReader
from modelsweep.core.scanner import Blob, Context, Item, Malformed, Scanner, Signs
from modelsweep.core.text import printable, redact
from modelsweep.core.units import KIB, MIB
from scanners import text
from scanners.detector import isolated

if TYPE_CHECKING:
    import ast

    from scanners.parsing.notebook_cells import CellPlaces
    from scanners.parsing.python_found import Call, Use

SIZE_LIMIT = 1 * MIB
"""Maximum bytes of code that are parsed; a syntax tree takes some hundreds of times as much memory."""
LENGTH_LIMIT = 16 * MIB
"""Maximum bytes of a source file; its code without strings, comments and spaces must fit SIZE_LIMIT."""
NOTEBOOK_LIMIT = 32 * MIB
"""Maximum bytes of a notebook, whose outputs are larger than its code."""
_MEMORY_FACTOR = 256
_MAX_DOTS = 200
"""Maximum dots in the name of an import."""
_MAX_NESTING = 150
"""Maximum nesting of brackets; Python's own tokenizer stops at 200."""
_SOURCES = (".py", ".pyw")
_SUFFIXES = (*_SOURCES, ".ipynb", ".pth")
_NAMES = ("SConstruct", "SConscript", "wscript")
"""Files of the build tools SCons and Waf, which are written in Python."""
_SHEBANG = re.compile(rb"(?:\xef\xbb\xbf)?#![^\n]{0,100}\bpython[\d.]*w?\b")
_STARTUP = re.compile(rb"^import[ \t][^\r\n]*", re.MULTILINE)
"""Lines of a `.pth` file that `site` runs."""
_WORDS = tuple(
    word.encode()
    for word in "exec eval system popen spawn subprocess startfile dup2 getoutput FunctionType runpy import_module "
    "__import__ getattr coding attrgetter globals vars __builtins__ __dict__ loads ctypes socket urllib urlopen "
    "requests httpx http.client paramiko smtplib ftplib telnetlib open_connection wget commands open write_ runsource "
    "runcode pickle dill rmtree os.remove unlink rmdir removedirs trust_remote_code torch.hub hub.load joblib "
    "torch.load numpy.load weights_only allow_pickle mmap gethostbyname getaddrinfo dns.resolver webbrowser "
    "cpp_extension load_inline load_library load_op_library timeit cProfile profile.run pdb trace.Trace doctest "
    "pexpect psutil invoke.run cython Cython get_ipython sh.bash sh.sh resolve_name pydoc __subclasses__ "
    "__globals__ meta_path run_code bdb pip.main pip._internal shutil.copy copyfile shutil.move rename os.replace "
    "symlink os.link winreg interact InteractiveConsole numexpr sympy jinja2 hydra torch.serialization Tcl "
    "__code__ CodeType importlib zipimport spawnv_passfds _posixsubprocess pipepager ensurepip fabric plumbum "
    "containers.run shelve yaml load_model unsafe_deserialization jsonpickle dictConfig fileConfig chmod fork "
    "load_extension dynamic_module_utils HfApi "
    "sys.path mako.template tornado.template js2py seval rpy2 run_line_magic run_cell_magic GenericBrowser "
    "BackgroundBrowser start_matlab getRuntime pipes. websocket aiohttp gradio_client grpc. redis pymongo sentry_sdk "
    "cffi ctypeslib register_custom_ops_library load_library_permanently triton.runtime.build f2py "
    "ForwardRef upload_file upload_folder boto3 pyarmor putenv os.environ mock.patch load_source load_dynamic "
    "load_compiled resolve_trust_remote_code _default_to_weights_only _weights_only_unpickler in_safe_mode is_safe_ "
    "curl ncat netcat powershell /dev/tcp /dev/udp "
    "huggingface_hub HUGGINGFACE_CO_RESOLVE_ENDPOINT".split()
)
_SHORT_IMPORTS = re.compile(rb"(?:import|from|,)\s+(?:pip|sh)\b")
"""Imports of short names; source without these and without any of `_WORDS` has no call that is reported."""
_RELATIVE_IMPORT = re.compile(rb"(?m)^[ \t]*from[ \t]+\.")
_COMMAND_ARGUMENT = re.compile(
    rb"\([ \t]*[rRbBfFuU]{0,2}[\"'][^\"'\n]{0,200}(?:[|;&`>]|\$\("
    rb"|\b(?:curl|wget|bash|sh|nc|python[\d.]*|powershell|cmd|rm|chmod|echo|touch|id)\b)"
)
"""A string argument that may be a command, in a file that imports functions of neighbouring files."""
_BRACKETS = re.compile(rb"[(\[{]|[)\]}]")
TORCHSCRIPT = re.compile(r"(?:^|/)code/__torch__[/.]")
"""Archive members of TorchScript, which look like Python but call operators only; another scanner reads them."""
_CHUNK = 256 * KIB
_IMPORT, _CELL, _IN_COMMAND = "import", "cell", "asked"
_SHOWN = 160
_CALL_FLAGS = ("folded", "encoded", "shell", "handed", "hook", "served", "called")
"""Boolean fields of a Call that are listed in the fact under `how`."""
_SERVES_TOOLS = re.compile(rb"\b(?:FastMCP|mcp\.server|smolagents|langchain\S*\.tools)\b")
"""Packages by which a program offers tools to an assistant, with docstrings as their descriptions."""
_SUSPECT_LETTERS = re.compile(rb"\xe2\x80[\xaa-\xae]|\xe2\x81[\xa6-\xa9]|[\xd0-\xd3][\x80-\xbf]")
"""Bidirectional control characters and Cyrillic letters, in UTF-8."""
TURNED = Rule(
    id="python/turned-line",
    title="Python file with a line that is displayed in another order than it is read",
    severity=Severity.WARNING,
    message="line {line} holds bidirectional control characters that are not closed: {subject}",
    why="Editors display the line in a different order than Python reads it, so what looks like a comment or a string "
    "may be code, or the other way round.",
    fix="Do not import the file until somebody has read it with the control characters made visible. Ask its author "
    "about them.",
    confidence="medium",
    cwe=1007,
    references=("https://nvd.nist.gov/vuln/detail/CVE-2021-42574", "https://trojansource.codes"),
)
MIXED = Rule(
    id="python/lookalike-name",
    title="Python file with a lookalike name",
    severity=Severity.WARNING,
    message="line {line} names {subject}, which mixes Latin and Cyrillic letters",
    why="The name looks like one in plain letters but is a different one: a module or function that nobody would look "
    "for.",
    fix="Do not import the file until somebody has read what the name stands for.",
    confidence="medium",
    cwe=1007,
    references=("https://nvd.nist.gov/vuln/detail/CVE-2021-42694", "https://trojansource.codes"),
)
PAGE = Rule(
    id="python/page-drives-server",
    title="Notebook whose output controls the server that shows it",
    severity=Severity.WARNING,
    message="a script in the notebook's output does {subject}",
    why="Opening the notebook and trusting it runs the scripts in its outputs. They act as the user: they open "
    "terminals, start kernels, and read and write files on the server.",
    fix="Do not trust the notebook. Clear its outputs before you open it.",
    confidence="medium",
    cwe=79,
    references=("https://jupyter-notebook.readthedocs.io/en/stable/security.html",),
)


def accepts(blob: Blob) -> bool:
    """Return whether the blob is text that is named as Python or has its shebang, or a `.pth` file with code."""
    suffix = blob.locator.suffix
    if suffix == ".pth":
        return _STARTUP.search(blob.head) is not None and b"\0" not in blob.head and text.is_text(blob.head)
    if blob.locator.members and TORCHSCRIPT.search(blob.locator.members[-1]):
        return False
    named = suffix in _SUFFIXES or blob.locator.name in _NAMES or _SHEBANG.match(blob.head)
    return bool(named) and blob.size > 0 and (text.accepts(blob) or _is_odd_source(blob))


def _is_odd_source(blob: Blob) -> bool:
    """Return whether a file named as Python parses although it is not text: strings may hold any byte but NUL."""
    if blob.locator.suffix not in _SOURCES or blob.size > SIZE_LIMIT or b"\0" in blob.head:
        return False
    from scanners.parsing.python_syntax import parsed

    source = blob.reader.read(0, blob.size)
    try:
        check_nesting(source)
        return parsed(source) is not None
    except (OverLimit, RecursionError, MemoryError):
        return True  # the scan reports it


def scan(blob: Blob, context: Context) -> Iterator[Item]:
    """Yield calls that matter, and pickles among constants; raises OverLimit for more than 1 MiB of such code."""
    suffix = blob.locator.suffix
    if suffix == ".ipynb":
        data = _whole(blob, min(NOTEBOOK_LIMIT, context.limits.parsed_bytes // 4))
        yield from _notebook(blob, data, context)
        return
    limit = min(SIZE_LIMIT, context.limits.parsed_bytes // _MEMORY_FACTOR)
    if suffix != ".pth":
        begin = blob.reader.read(0, min(blob.size, limit))
        yield from _letters(blob, begin)
        yield _module_fact(blob, begin)
        yield from _tool_descriptions(blob, begin)
    if blob.size > limit and not any(may_call_sinks(chunk) for chunk in _chunks(blob)):
        return
    source = _whole(blob, min(LENGTH_LIMIT, limit * (LENGTH_LIMIT // SIZE_LIMIT)))
    check_size(source, limit)
    if suffix == ".pth":
        source = b"\n".join(_STARTUP.findall(source))
        shown = printable(redact(source.decode("utf-8", "replace")), _SHOWN)
        yield Fact("python-startup", blob.locator.name, blob.locator, detail={"text": shown})
    yield from _module(blob, source, context, _IMPORT)


def _tool_descriptions(blob: Blob, source: bytes) -> Iterator[Item]:
    """Yield an order in a tool description that makes an assistant act behind its user's back."""
    if not _SERVES_TOOLS.search(source):
        return
    from scanners.parsing.concealed_orders import concealed_order

    order = concealed_order(source.decode("utf-8", "replace"))
    if order:
        about: dict[str, Json] = {"who": "an assistant that has the tool reads it", "how": "concealed"}
        shown = printable(redact(order), 4 * _SHOWN)
        yield Fact("shell-command", shown, blob.locator, detail={**about, "path": "a description"})


def _letters(blob: Blob, source: bytes) -> Iterator[Item]:
    """Yield lines that are displayed in another order than Python reads them, and lookalike names."""
    if source.isascii() or not _SUSPECT_LETTERS.search(source):
        return
    from scanners.parsing.python_unparsed import bidi_lines, lookalike_names

    written = source.decode("utf-8", "replace")
    for rule, found in ((TURNED, bidi_lines(written)), (MIXED, lookalike_names(written))):
        for line, shown in found:
            yield Finding(rule, blob.locator, ascii(shown)[1:-1][:_SHOWN], evidence={"line": line})


def _module_fact(blob: Blob, source: bytes) -> Fact:
    """Return a fact with the modules that the file imports, and the names that its compiled form may contain.

    Whether these modules are in the same folder is checked later.
    """
    from scanners.parsing.marshal_names import REPORTED_NAMES
    from scanners.parsing.python_imports import imports_in

    names = [printable(name, _SHOWN) for name in imports_in(source.decode("utf-8", "replace"))]
    detail: dict[str, Json] = {"imports": [*names]}
    if len(source) == blob.size:
        detail |= {"size": blob.size, "names": [*sorted(name for name in REPORTED_NAMES if name.encode() in source)]}
    return Fact("python-module", printable(blob.locator.name, _SHOWN), blob.locator, detail=detail)


def _whole(blob: Blob, limit: int) -> bytes:
    if blob.size > limit:
        raise OverLimit(f"more than {limit:,} bytes of Python")
    return blob.reader.read(0, blob.size)


def _chunks(blob: Blob) -> Iterator[bytes]:
    """Yield all bytes in overlapping chunks, so that no word is cut."""
    for start in range(0, blob.size, _CHUNK):
        yield blob.reader.read(start, min(_CHUNK + KIB, blob.size - start))


def _notebook(blob: Blob, data: bytes, context: Context) -> Iterator[Item]:
    """Yield what the cells of a notebook run, and what the scripts in its outputs do."""
    from scanners.parsing.json_text import JsonFault, documents, text_of
    from scanners.parsing.notebook_cells import CellPlaces, code_of, page_scripts

    content = text_of(data)
    try:
        found = documents(content)
    except JsonFault:  # the JSON scanner reports it
        return
    reported: set[Problem] = set()
    for document in found:
        cells = [source.encode("utf-8", "replace") for source in code_of(document)]
        together = _cells_together(blob, cells, context, CellPlaces(content, document))
        yield from isolated(together, blob.locator, SCANNER.name, reported)
        for kind, script in page_scripts(document):
            context.operations.spend(len(script))
            if kind == "python":
                calls = calls_in(blob, script.encode("utf-8", "replace"), context)
                yield from isolated(calls, blob.locator, SCANNER.name, reported)
            else:
                shown = printable(redact(" ".join(script.split())), _SHOWN)
                yield Finding(PAGE, blob.locator, shown)


def _cells_together(blob: Blob, cells: list[bytes], context: Context, places: CellPlaces) -> Iterator[Item]:
    """Yield what cells do with shared names, or each on its own if they are too large for one tree."""
    import ast

    from scanners.parsing.python_syntax import joined, parsed

    if not any(map(may_call_sinks, cells)):
        return
    trees, reported = list["ast.Module"](), set[Problem]()
    alone = sum(map(len, cells)) > SIZE_LIMIT
    for number, source in enumerate(cells):
        tree = None if alone or _is_nested(source) else parsed(source)
        if tree:
            context.snippets.spend()
            trees.append(ast.increment_lineno(tree, number * places.EACH))
        else:
            yield from isolated(_module(blob, source, context, _CELL), blob.locator, SCANNER.name, reported)
    if trees:
        yield from _read(blob, joined(trees), context, _CELL, places)


def _is_nested(source: bytes) -> bool:
    try:
        check_nesting(source)
    except OverLimit:
        return True
    return False


def calls_in(blob: Blob, source: bytes, context: Context) -> Iterator[Item]:
    """Yield calls that matter in a program that a command passes to Python; none if it does not parse."""
    if len(source) <= SIZE_LIMIT:
        yield from isolated(_module(blob, source, context, _IN_COMMAND), blob.locator, SCANNER.name, set())


def _module(blob: Blob, source: bytes, context: Context, when: str) -> Iterator[Item]:
    if not may_call_sinks(source) and not (_RELATIVE_IMPORT.search(source) and _COMMAND_ARGUMENT.search(source)):
        return
    from scanners.parsing.python_syntax import parsed

    context.snippets.spend()
    check_nesting(source)
    tree = parsed(source)
    if tree is None and when == _IN_COMMAND:
        return
    if tree is None:
        yield from _unparsed(blob, source, when)
    else:
        yield from _read(blob, tree, context, when)


def _read(
    blob: Blob, tree: ast.Module, context: Context, when: str, places: CellPlaces | None = None
) -> Iterator[Item]:
    from scanners.parsing.python_calls import read

    found = read(tree, context.operations, is_setup=blob.locator.name == "setup.py")
    for call in found.calls:
        line, of_file = places.place(call.line) if places else (call.line, 0)
        yield _fact(blob, call._replace(line=line, when=call.when if when == _IMPORT else when), of_file)
    for use in found.uses if when == _IMPORT else ():
        yield _use(blob, use)
    for number, data in found.pickles:
        line = places.place(number)[0] if places else number
        yield blob.nested(f"pickle in line {line}", MemoryReader(data), expect="pickle", expanded=True)
    if found.unread:
        raise OverLimit(found.unread)


def may_call_sinks(source: bytes) -> bool:
    """Return whether the source may name a call that is reported; other source need not be parsed."""
    # Python normalises identifiers, so other characters may spell these words.
    plain = source
    if not source.isascii():
        import unicodedata

        plain = unicodedata.normalize("NFKC", source.decode("utf-8", "replace")).encode()
    return any(word in plain for word in _WORDS) or _SHORT_IMPORTS.search(plain) is not None


def check_size(source: bytes, limit: int) -> None:
    """Raise OverLimit for more than `limit` bytes of code; strings and comments do not enlarge the tree."""
    from scanners.parsing.python_unparsed import code_size

    if len(source) > limit and code_size(source.decode("latin-1")) > limit:
        raise OverLimit(f"more than {limit:,} bytes of Python apart from its strings")


def check_nesting(source: bytes) -> None:
    """Raise OverLimit for nested brackets that may exhaust the parser's stack, and imports that exhaust its memory."""
    from scanners.parsing.python_unparsed import without_texts

    def bare_of(source: bytes) -> bytes:
        return without_texts(source.decode("latin-1")).encode("latin-1")

    if _depth(source) > _MAX_NESTING and _depth(bare_of(source)) > _MAX_NESTING:
        raise OverLimit(f"more than {_MAX_NESTING} nested brackets")
    if source.count(b".") > _MAX_DOTS and _has_long_import(source) and _has_long_import(bare_of(source)):
        raise OverLimit(f"the name of an import has more than {_MAX_DOTS} parts")


def _has_long_import(source: bytes) -> bool:
    """Return whether a line imports a name with very many dots: the parser keeps every prefix of it."""
    lines = source.replace(b"\\\n", b"").replace(b"\\\r\n", b"").splitlines()
    return any(b"import" in line and line.count(b".") > _MAX_DOTS for line in lines)


def _depth(source: bytes) -> int:
    depth = deepest = 0
    for bracket in _BRACKETS.findall(source):
        depth = depth + 1 if bracket in b"([{" else max(depth - 1, 0)
        deepest = max(depth, deepest)
    return deepest


def _fact(blob: Blob, call: Call, of_file: int = 0) -> Fact:
    shown = printable(redact(" ".join(call.text[: 4 * _SHOWN].split())), 4 * _SHOWN)
    detail: dict[str, Json] = {
        "does": call.kind,
        "when": call.when,
        "line": call.line,
        "text": shown,
        "sources": [printable(source, _SHOWN) for source in call.sources],
        "mentions": [printable(redact(text), _SHOWN) for text in sorted(call.mentions)],
        "how": [name for name in _CALL_FLAGS if getattr(call, name)],
        "mode": printable(call.mode),
    }
    if of_file:
        detail[FILE_LINE] = of_file
    if call.owner:
        detail["owner"] = printable(call.owner, _SHOWN)
    if call.weights:
        detail["weights"] = True
    if call.function and call.given:
        detail |= {"function": printable(call.function, _SHOWN), "given": [*call.given]}
    return Fact("python-call", call.name, blob.locator, detail=detail)


def _use(blob: Blob, use: Use) -> Fact:
    texts: list[Json] = [printable(redact(" ".join(text[: 4 * _SHOWN].split())), 4 * _SHOWN) for text in use.texts]
    detail: dict[str, Json] = {"when": use.when, "line": use.line, "texts": texts}
    if use.owner:
        detail["owner"] = printable(use.owner, _SHOWN)
    return Fact("python-use", printable(use.name, _SHOWN), blob.locator, detail=detail)


def _unparsed(blob: Blob, source: bytes, when: str) -> Iterator[Item]:
    """Yield suspect lines of a file that does not parse; raises Malformed if others may run commands."""
    from scanners.parsing.python_unparsed import runs_unread, suspects

    content = source.decode("utf-8", "replace")
    for call in suspects(content):
        yield _fact(blob, call._replace(when=when))
    names = runs_unread(content)
    if names and when != _CELL:
        shown = ", ".join(sorted(names)[:5])
        raise Malformed(f"what importing it runs is unclear: it is not Python that we know, and names {shown}")


SCANNER = Scanner(
    name="python",
    title="Python source of models, notebooks, start-up files",
    version=26,
    accepts=accepts,
    scan=scan,
    rules=(PAGE, TURNED, MIXED),
    suffixes=_SUFFIXES,
    signs=Signs(b"#\xef", _SUFFIXES, names=_NAMES),
)
