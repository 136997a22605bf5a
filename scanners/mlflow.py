"""MLmodel: the YAML file of an MLflow model that tells how to load it, and with which code of its own.

Format: https://mlflow.org/docs/latest/ml/model/#storage-format. mlflow puts the folder `code` of a flavor on the path,
imports `loader_module` and the modules of `model_class` and `keras_module`, runs the file of `model_code_path` from the
model's folder, and passes skops the list of trusted types in the file itself. What the named files do is judged with
the repository as a whole.
"""

from __future__ import annotations

from collections.abc import Iterator

from modelsweep.core.finding import Fact, Finding, Json, Rule, Severity, Span
from modelsweep.core.limits import OverLimit
from modelsweep.core.scanner import Blob, Context, Item, Malformed, Scanner, Signs
from modelsweep.core.text import printable
from modelsweep.core.units import MIB
from scanners import text
from scanners.judge.external_files import leaves, outside
from scanners.parsing.yaml_events import Entry, YamlError, entries_in_place

SIZE_LIMIT = 2 * MIB
"""Maximum bytes of an MLmodel that is read; most have a few hundred, but signatures can be long."""
_NAME = "MLmodel"
_FLAVORS = "flavors"
_OWN_PACKAGES = ("mlflow", "databricks")
"""Packages whose loader modules come with mlflow."""
_MODULES = ("pickle_module_info.txt", "keras_module.txt")
"""Files that contain only the name of a module."""
_PICKLERS = ("pickle", "cloudpickle", "dill", "torch")
_MAX_LINE = 1_000
"""Maximum characters of such a file: more than any module's name has."""
_NULLS = ("null", "Null", "NULL", "~")
_MAX_TYPES = 5_000
"""Maximum trusted types that are reported."""
_SHOWN = 200

OUTSIDE = Rule(
    id="mlflow/code-outside",
    title="MLmodel whose code is outside the model",
    severity=Severity.CRITICAL,
    message="{path} is {subject}: {reason}",
    why="mlflow joins the path to the model's folder and imports from there. This path leads to other files of the "
    "user's.",
    fix="Do not load the model. Its code belongs in a folder of the model itself.",
    cwe=22,
    references=("https://mlflow.org/docs/latest/ml/model/",),
)
FILE_OUTSIDE = Rule(
    id="mlflow/file-outside",
    title="MLmodel that loads a file outside the model",
    severity=Severity.CRITICAL,
    message="{path} is {subject}: {reason}",
    why="mlflow joins the path to the model's folder, and in most cases unpickles what it finds there. This path leads "
    "to other files of the user's.",
    fix="Do not load the model. Its parts belong in its own folder.",
    cwe=22,
    references=("https://mlflow.org/docs/latest/ml/model/",),
)


def accepts(blob: Blob) -> bool:
    """Return whether the blob is text with a file name that mlflow looks for."""
    return blob.locator.name in (_NAME, *_MODULES) and blob.size > 0 and text.accepts(blob)


def scan(blob: Blob, context: Context) -> Iterator[Item]:
    """Yield the code that loading would run, and types it would trust; raises Malformed, and OverLimit above 2 MiB."""
    if blob.size > min(SIZE_LIMIT, context.limits.parsed_bytes):
        raise OverLimit(f"more than {SIZE_LIMIT:,} bytes of MLmodel")
    if blob.locator.name in _MODULES:
        yield from _module(blob)
        return
    yield Fact("framework", "mlflow", blob.locator)
    found: list[Entry] = []
    try:
        for entry in entries_in_place(blob.reader.read(0, blob.size).decode("utf-8-sig", "replace")):
            context.operations.spend()
            if entry.value not in ("", *_NULLS) and entry.keys[:1] == (_FLAVORS,):
                found.append(entry)
    except YamlError as error:
        raise Malformed(f"how the model is loaded is unclear: the YAML is invalid in {error}") from None
    folders = list(dict.fromkeys(entry.value for entry in found if entry.keys[2:] == ("code",)))
    for folder in folders:
        reason = outside(folder)
        if reason:
            yield Finding(OUTSIDE, blob.locator, printable(folder, _SHOWN), path="code", evidence={"reason": reason})
        else:
            detail: dict[str, Json] = {"how": "folder", "path": "code", "roots": [printable(folder, _SHOWN)]}
            yield Fact("code-reference", printable(folder, _SHOWN), blob.locator, Span(0), detail)
    yield from _code(blob, found, [printable(folder, _SHOWN) for folder in folders])


def _module(blob: Blob) -> Iterator[Item]:
    """Yield the module that a file beside the model makes the flavors of torch and Keras import."""
    name = blob.reader.read(0, min(blob.size, _MAX_LINE)).decode("utf-8", "replace").strip()
    if name.partition(".")[0] not in _OWN_PACKAGES and name not in _PICKLERS:
        detail: dict[str, Json] = {"how": "module", "path": blob.locator.name}
        yield Fact("code-reference", printable(name, _SHOWN), blob.locator, Span(0), detail)


def _code(blob: Blob, found: list[Entry], roots: list[str]) -> Iterator[Item]:
    trusted = 0
    for entry in found:
        match entry.keys[2:]:
            case ("loader_module",) if entry.value.partition(".")[0] not in _OWN_PACKAGES:
                yield _reference(blob, entry, entry.value, "module", roots)
            case ("model_class",):
                yield _reference(blob, entry, entry.value, "class", roots)
            case ("keras_module",):
                yield _reference(blob, entry, entry.value, "module", roots)
            case (("pickled_model" | "python_model" | "model_path" | "model_data" | "data" | "model_binary"),):
                yield from _outside_path(blob, entry)
            case ("artifacts", *_, "path"):
                yield from _outside_path(blob, entry)
            case ("model_code_path",):
                # mlflow keeps the path from the saving machine, and looks for its last part beside the MLmodel
                name = entry.value.replace("\\", "/").rstrip("/").rpartition("/")[2]
                yield _reference(blob, entry, name, "file", [])
            case ("skops_trusted_types",):
                trusted += 1
                if trusted > _MAX_TYPES:
                    raise OverLimit(f"more than {_MAX_TYPES:,} trusted types")
                yield _reference(blob, entry, entry.value, "name", roots)


def _outside_path(blob: Blob, entry: Entry) -> Iterator[Finding]:
    """Yield a path that mlflow joins to the folder of the model, if it leads out of it."""
    reason = outside(entry.value) if leaves(entry.value) else ""
    if reason:
        where = printable(".".join(entry.keys), _SHOWN)
        yield Finding(FILE_OUTSIDE, blob.locator, printable(entry.value, _SHOWN), where, evidence={"reason": reason})


def _reference(blob: Blob, entry: Entry, name: str, how: str, roots: list[str]) -> Fact:
    detail: dict[str, Json] = {"how": how, "path": printable(".".join(entry.keys), _SHOWN)}
    if roots:
        detail["roots"] = [*roots]
    return Fact("code-reference", printable(name, _SHOWN), blob.locator, Span(entry.offset), detail)


SCANNER = Scanner(
    name="mlflow",
    title="MLflow model (MLmodel)",
    version=7,
    accepts=accepts,
    scan=scan,
    rules=(OUTSIDE, FILE_OUTSIDE),
    signs=Signs(names=(_NAME, *_MODULES)),
)
