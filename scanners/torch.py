"""PyTorch zip checkpoints (.pt, .pth, .bin, .ckpt) and TorchScript archives.

Format: caffe2/serialize/inline_container.h ("PyTorchStreamReader") and torch/serialization.py. The zip scanner yields
the members, so that the pickles are judged as such; here what the members must be to each other is checked.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from modelsweep.core.finding import Fact, Finding, Problem, ProblemKind, Rule, Severity
from modelsweep.core.limits import OverLimit
from modelsweep.core.scanner import RAW, Blob, Context, Item, Scanner

if TYPE_CHECKING:
    from scanners.parsing.zip_directory import ZipEntry

NAME = "torch"
ROOTS = 3
"""Components of a path at which `data.pkl` may stand: torch writes `NAME/data.pkl`."""

CUSTOM_OPERATOR = Rule(
    id="torch/custom-operator",
    title="TorchScript code uses an operator of its own",
    severity=Severity.INFO,
    message="the code calls the custom operator {subject}",
    why="The operator comes from a native library that has to be loaded beside the model.",
    fix="Make sure that you know which library provides it.",
    cwe=829,
    references=("https://pytorch.org/docs/stable/jit_language_reference.html",),
)
FILE_OPERATOR = Rule(
    id="torch/file-operator",
    title="TorchScript code reads or writes files",
    severity=Severity.CRITICAL,
    message="the code calls {subject}, which opens a file",
    why="TorchScript runs in the process that loads the model: these operators reach the file system when it is used.",
    fix="Do not run the model. Ask its author why a network opens files.",
    cwe=73,
    references=("https://pytorch.org/docs/stable/jit_builtin_functions.html", "CWE-73"),
)


def accepts(blob: Blob) -> bool:
    """Recognise a zip archive with a member `*/data.pkl`, as torch.save and torch.jit.save write."""
    from scanners.parsing.zip_directory import find_archive

    return find_archive(blob.reader, blob.head) is not None and bool(_data_pickles(blob))


def _data_pickles(blob: Blob) -> list[str]:
    from scanners.parsing.zip_directory import read_directory

    return [
        entry.name
        for entry in read_directory(blob.reader).entries
        if entry.name.rpartition("/")[2] == "data.pkl" and entry.name.count("/") < ROOTS
    ]


def scan(blob: Blob, context: Context) -> Iterator[Item]:
    """Yield storages that are missing or of the wrong size, tensors beyond them, and what TorchScript code uses."""
    from scanners.parsing.zip_directory import read_directory

    entries: dict[str, ZipEntry] = {}
    for entry in read_directory(blob.reader, context.limits).entries:
        entries.setdefault(entry.name, entry)
    for name in _data_pickles(blob):
        root = name.removesuffix("data.pkl")
        yield from _storages(blob, context, root, entries)
    for name, entry in entries.items():
        if "/code/" in name and name.endswith(".py"):
            yield from _code(blob, context, entry)


def _storages(blob: Blob, context: Context, root: str, entries: dict[str, ZipEntry]) -> Iterator[Item]:
    from scanners.parsing.pickle_stream import machine_of
    from scanners.parsing.torch_tensors import TorchPickle
    from scanners.parsing.zip_directory import member_blob

    member = member_blob(blob, entries[f"{root}data.pkl"], context)
    pickle = TorchPickle(machine_of(member.reader, context))
    yield from pickle.facts(member.locator)
    yield from pickle.findings(member.locator)
    for storage in pickle.storages.values():
        entry = entries.get(f"{root}data/{storage.key}")
        if entry is None:
            detail = f"storage {storage.key} of {storage.count} elements is missing"
        elif storage.size >= 0 and entry.size != storage.size:
            detail = f"storage {storage.key} has {entry.size} bytes, the pickle says {storage.size}"
        else:
            yield replace(member_blob(blob, entry, context), expect=RAW)
            continue
        yield Problem(ProblemKind.MALFORMED, member.locator, NAME, detail)


def _code(blob: Blob, context: Context, entry: ZipEntry) -> Iterator[Item]:
    """Yield the operators that a member of `code/` calls."""
    from scanners.parsing.torchscript import operators
    from scanners.parsing.zip_directory import member_blob

    member = member_blob(blob, entry, context)
    if member.size > context.limits.parsed_bytes:
        raise OverLimit(f"{entry.name}: more code than is parsed")
    for operator in operators(member.reader.read(0, member.size)):
        yield Fact("operator", operator.name, member.locator)
        if operator.opens_files:
            yield Finding(FILE_OPERATOR, member.locator, operator.name)
        elif operator.custom:
            yield Finding(CUSTOM_OPERATOR, member.locator, operator.name)


SCANNER = Scanner(
    name=NAME,
    title="PyTorch zip checkpoint and TorchScript",
    version=1,
    accepts=accepts,
    scan=scan,
    rules=(CUSTOM_OPERATOR, FILE_OPERATOR),
    suffixes=(".pt", ".pth", ".bin", ".ckpt"),
)
