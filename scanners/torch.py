"""PyTorch zip checkpoints (.pt, .pth, .bin, .ckpt), and the archives of TorchScript, torch.package and torch.export.

Format: caffe2/serialize/inline_container.h ("PyTorchStreamReader") and torch/serialization.py. The zip scanner yields
the members, whose pickles are judged as such; this scanner checks that the members agree with each other.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from typing import TYPE_CHECKING

from modelsweep.core import patterns as re
from modelsweep.core.finding import Fact, Finding, Json, Problem, ProblemKind, Rule, Severity
from modelsweep.core.limits import OverLimit
from modelsweep.core.locator import Locator
from modelsweep.core.reader import Truncated, WindowReader
from modelsweep.core.scanner import RAW, ZIP, Blob, Context, Item, Malformed, Scanner, problem_of
from modelsweep.core.text import printable
from modelsweep.core.units import MIB
from modelsweep.core.values import replace
from scanners import torch_distributed
from scanners.parsing.torch_tensors import STORAGE_MISMATCH

if TYPE_CHECKING:
    from scanners.parsing.zip_directory import ZipEntry

NAME = "torch"
NAME_LENGTH = 120
"""Maximum characters of an operator's name that are kept."""
# Members that identify an archive of torch.save or torch.jit.save, of torch.package, or of torch.export (.pt2).
_TORCH_MEMBER = re.compile(r"(?:[^/]*/){0,2}(?:data\.pkl|\.data/extern_modules|archive_format)")
# Pickles whose storages are in a folder of the same name: the object, and TorchScript's constants and traced inputs.
_PICKLES = frozenset({"data.pkl", "constants.pkl", "traced_inputs.pkl"})
_WITHOUT_DATA = "traced_inputs"
# Storages that are not found through a pickle: those of torch.package and of torch.export.
_RAW_MEMBERS = re.compile(r"(?:\.data|constants)/\d+\.storage|data/(?:weights|constants)/(?:weight|tensor)_\d+")

_BYTECODE = "bytecode.pkl"
"""Bytecode that a loader for phones runs instead of the code."""
_OPERATOR_NAME = re.compile(rb"(?:(.)\0\0\0|(.))((?:aten|image)::[a-z_]{1,40})", re.DOTALL)
"""The name of an operator after its length, which has four bytes or one."""

_WEIGHTS_CONFIG = re.compile(r"/data/(?:weights|constants)/[^/]*_config\.json$")
_MAX_WEIGHTS_CONFIG = 16 * MIB
"""Maximum bytes of a list of weights that are read; real ones are far smaller."""

_INSTANTIATOR = re.compile(
    rb"(?P<key>_instantiator|_class_path)(?:q.|r.{4}|\x94|p\d+\n|\n|\0)*"
    rb"(?:X(?P<long>.{4})|[\x8cU](?P<short>.)|V(?P<line>[^\n]*)\n|(?P<other>.))",
    re.DOTALL,
)
"""Keys of Lightning for the function that creates the model and for its class, with the opcode of the value."""
_MAX_SEARCHED = 64 * MIB
"""Maximum bytes of a pickle that is searched for names."""
_PACKAGE = re.compile(r"([^/]*/)\.data/extern_modules")
_MAX_PACKAGED = 2_000
"""Maximum Python files of a torch.package that are reported."""

CUSTOM_OPERATOR = Rule(
    id="torch/custom-operator",
    title="TorchScript code that uses a custom operator",
    severity=Severity.INFO,
    message="the code calls the custom operator {subject}",
    why="The operator comes from a native library that must be loaded beside the model.",
    fix="Make sure that you know which library provides it.",
    cwe=829,
    references=("https://pytorch.org/docs/stable/jit_language_reference.html",),
)
FILE_OPERATOR = Rule(
    id="torch/file-operator",
    title="TorchScript code that reads or writes files",
    severity=Severity.CRITICAL,
    message="the code calls {subject}, which opens a file",
    why="TorchScript runs in the process that loads the model. These operators access the file system when it is used.",
    fix="Do not run the model, and ask its author why a network opens files.",
    cwe=73,
    references=("https://pytorch.org/docs/stable/jit_builtin_functions.html", "CWE-73"),
)
FOREIGN_CODE = Rule(
    id="torch/foreign-code",
    title="Python in place of TorchScript",
    severity=Severity.WARNING,
    message="the code uses {subject}, which TorchScript does not have",
    why="PyTorch compiles the code in code/ and rejects this. torch.jit.save never writes it: somebody put it there "
    "for a second step that runs it as Python.",
    fix="Do not use the model, and do not run its code. Find out where it came from.",
    confidence="medium",
    cwe=506,
    references=("https://pytorch.org/docs/stable/jit_language_reference.html",),
)


def accepts(blob: Blob) -> bool:
    """Return whether the blob is a zip archive with the members that torch writes, in any top-level folder."""
    from scanners.parsing.zip_directory import find_archive, read_directory

    if find_archive(blob.reader, blob.head) is None or torch_distributed.accepts(blob):
        return False
    return any(_TORCH_MEMBER.fullmatch(entry.name) for entry in read_directory(blob.reader).entries)


def scan(blob: Blob, context: Context) -> Iterator[Item]:
    """Yield missing storages, storages of the wrong size, tensors beyond them, and what TorchScript code uses."""
    from scanners.parsing.zip_directory import read_directory

    listed = read_directory(blob.reader, context.limits).entries
    entries: dict[str, ZipEntry] = {}
    for entry in listed:
        entries.setdefault(entry.name, entry)
    yield from _package(blob, listed)
    parsed = 0
    pickled = set(_pickled(blob, context, listed))
    for entry in listed:
        folder, _, name = entry.name.rpartition("/")
        try:
            if name in _PICKLES:
                yield from _storages(blob, context, entry, entries)
            elif name.endswith(".py") and "code" in folder.split("/"):
                parsed += yield from _code(blob, context, entry, parsed)
            elif name == _BYTECODE:
                yield from _bytecode(blob, context, entry)
            elif _RAW_MEMBERS.fullmatch(entry.name.partition("/")[2]) and entry.name not in pickled:
                yield from _raw(blob, context, entry)
        except (Malformed, Truncated):
            continue  # no local header: the zip scanner reports it for every member


def _package(blob: Blob, listed: Sequence[ZipEntry]) -> Iterator[Item]:
    """Yield the Python files of a torch.package, since its pickles make the importer run those that they name."""
    folder = next((match[1] for entry in listed if (match := _PACKAGE.fullmatch(entry.name))), None)
    if folder is not None:
        names = [entry.name for entry in listed if entry.name.startswith(folder) and entry.name.endswith(".py")]
        where = blob.locator.member(f"{folder}.data/extern_modules")
        for name in names[:_MAX_PACKAGED]:
            detail: dict[str, Json] = {"how": "packaged", "path": "the package", "roots": [".."]}
            yield Fact("code-reference", printable(name.removeprefix(folder), NAME_LENGTH), where, detail=detail)
        for name in names[:_MAX_PACKAGED]:
            module = name.removeprefix(folder).removesuffix(".py").removesuffix("/__init__").replace("/", ".")
            yield Fact("packaged", printable(module, NAME_LENGTH), blob.locator)
        if len(names) > _MAX_PACKAGED:
            more = f"more than {_MAX_PACKAGED:,} Python files in a package: what the later ones import is not followed"
            yield Problem(ProblemKind.LIMIT, where, NAME, more)


def _instantiators(member: Blob) -> Iterator[Fact]:
    """Yield the functions that Lightning calls to create the model, and the class that it imports."""
    keys = (b"_instantiator", b"_class_path")
    if member.size > _MAX_SEARCHED or all(member.reader.find(key) < 0 for key in keys):
        return
    data = member.reader.read(0, member.size)
    for match in _INSTANTIATOR.finditer(data):
        length = int.from_bytes(match["long"] or match["short"] or b"", "little")
        name = (data[match.end() : match.end() + length] if length else match["line"] or b"").decode("utf-8", "replace")
        key = match["key"].decode()
        how = "hint" if key == "_class_path" else "call" if name else "computed"
        detail: dict[str, Json] = {"how": how, "path": f"hyper_parameters.{key}"}
        yield Fact("code-reference", printable(name or "a value", NAME_LENGTH), member.locator, detail=detail)


def _pickled(blob: Blob, context: Context, listed: Sequence[ZipEntry]) -> Iterator[str]:
    """Yield the weights that configurations of torch.export declare to be pickles; all others are raw numbers."""
    from scanners.parsing.json_text import JsonFault, documents
    from scanners.parsing.zip_directory import member_blob

    for entry in listed:
        if not _WEIGHTS_CONFIG.search(entry.name):
            continue
        try:
            member = member_blob(blob, entry, context)
            with closing(member.reader):
                text = member.reader.read(0, min(member.size, _MAX_WEIGHTS_CONFIG)).decode("utf-8", "replace")
            found = documents(text)
        except (Malformed, Truncated, JsonFault, RecursionError):
            continue  # loaders cannot read it either, and the scanners of zip and JSON report it
        config = found[0].get("config") if found and isinstance(found[0], dict) else None
        for item in config.values() if isinstance(config, dict) else ():
            if isinstance(item, dict) and item.get("use_pickle"):
                yield f"{entry.name.rpartition('/')[0]}/{item.get('path_name')}"


def _storages(blob: Blob, context: Context, entry: ZipEntry, entries: dict[str, ZipEntry]) -> Iterator[Item]:
    """Yield what a pickle declares about its storages and tensors, and the storages as raw bytes."""
    from scanners.parsing.pickle_extract import interests
    from scanners.parsing.pickle_stream import machine_of
    from scanners.parsing.torch_tensors import TorchPickle
    from scanners.parsing.zip_directory import member_blob

    member = member_blob(blob, entry, context)
    with closing(member.reader):
        pickle = TorchPickle(machine_of(member.reader, interests(), context))
        items: list[Item] = [*pickle.facts(member.locator), *pickle.findings(member.locator), *_instantiators(member)]
    yield from items
    folder = entry.name.removesuffix(".pkl")
    shapes = pickle.shapes() if context.options.depth == "full" else {}  # weights are examined at full depth only
    for storage in pickle.storages:
        inside = entries.get(f"{folder}/{storage.key}") or entries.get(
            f"{folder.removesuffix('data')}tensors/{storage.key}"
        )
        if inside is None:
            detail = f"storage {storage.key} of {storage.elements} elements is missing"
            yield problem_of(Malformed(detail), member.locator, NAME)
            continue
        if storage.size not in (-1, inside.size) and not folder.endswith(_WITHOUT_DATA):
            subject = f"storage {storage.key} has {inside.size} bytes, the pickle says {storage.size}"
            yield Finding(STORAGE_MISMATCH, member.locator, subject, path=f"storage/{storage.key}")
        for raw in _raw(blob, context, inside):
            yield raw
            yield storage.numbers(shapes, _start(raw), raw.size)


def _start(member: Blob) -> int:
    """Return the offset of a stored member in its archive."""
    assert isinstance(member.reader, WindowReader)
    return member.reader.start


def _raw(blob: Blob, context: Context, entry: ZipEntry) -> Iterator[Blob]:
    """Yield a storage as raw bytes; a compressed one, which torch never writes, is left to the zip scanner."""
    from scanners.parsing.zip_directory import STORED, member_blob

    # At quick depth the zip scanner handles storages by the directory alone
    if entry.method == STORED and context.options.depth == "full":
        yield replace(member_blob(blob, entry, context), expect=RAW)


def _code(blob: Blob, context: Context, entry: ZipEntry, parsed: int) -> Generator[Item, None, int]:
    """Yield the operators that a member of `code/` calls, and return the bytes parsed; `parsed` were parsed before."""
    from scanners.parsing.torchscript import MAX_PARSED, MAX_SOURCE, called, may_be_python, mentioned, python_of
    from scanners.parsing.zip_directory import member_blob
    from scanners.python_code import TORCHSCRIPT

    member = member_blob(blob, entry, context)
    with closing(member.reader):
        if member.size > MAX_SOURCE:
            error = OverLimit(f"more than {MAX_SOURCE:,} bytes of code")
            yield problem_of(error, member.locator, NAME)
        source = member.reader.read(0, min(MAX_SOURCE, member.size))
    names = mentioned(source)
    doubtful = TORCHSCRIPT.search(entry.name) is not None and may_be_python(source)
    parse = (bool(names) or doubtful) and parsed + len(source) <= MAX_PARSED
    if names and parse and (exact := called(source)) is not None:
        names = exact
    yield from operator_items(member.locator, sorted(names))
    if doubtful and parse and (foreign := python_of(source)):
        yield Finding(FOREIGN_CODE, member.locator, printable(foreign, NAME_LENGTH))
    return len(source) if parse else 0


def _bytecode(blob: Blob, context: Context, entry: ZipEntry) -> Iterator[Item]:
    """Yield the file-opening operators that bytecode for phones names; its loader reads names only as plain text."""
    from scanners.parsing.torchscript import Operator
    from scanners.parsing.zip_directory import member_blob

    member = member_blob(blob, entry, context)
    with closing(member.reader):
        found = _OPERATOR_NAME.findall(member.reader.read(0, min(_MAX_SEARCHED, member.size)))
    called = {name[: (length or short)[0]].decode() for length, short, name in found}
    names = sorted(f"ops.{name.replace('::', '.')}" for name in called)
    yield from operator_items(member.locator, [name for name in names if Operator(name).opens_files])


def operator_items(locator: Locator, names: Iterable[str]) -> Iterator[Item]:
    """Yield the operators that code in `locator` calls, by their TorchScript names, and findings for some of them."""
    from scanners.parsing.torchscript import Operator

    for operator in (Operator(printable(name, NAME_LENGTH)) for name in names):
        yield Fact("operator", operator.name, locator)
        if operator.opens_files:
            yield Finding(FILE_OPERATOR, locator, operator.name)
        elif operator.custom:
            yield Finding(CUSTOM_OPERATOR, locator, operator.name)


SCANNER = Scanner(
    name=NAME,
    title="PyTorch zip checkpoint, TorchScript, torch.package and torch.export",
    version=10,
    accepts=accepts,
    scan=scan,
    rules=(CUSTOM_OPERATOR, FILE_OPERATOR, FOREIGN_CODE, STORAGE_MISMATCH),
    suffixes=(".pt", ".pth", ".bin", ".ckpt", ".pt2"),
    signs=ZIP,
)
