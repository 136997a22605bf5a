"""TorchServe archives (.mar, .war): a zip whose manifest names the Python file that serves the model, or the workflow.

Formats: https://github.com/pytorch/serve/tree/master/model-archiver, and workflow-archiver beside it. The zip scanner
examines the members, including Python files; this scanner reports which of them run, and what the manifest would
install or reach outside the archive.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import TYPE_CHECKING

from modelsweep.core import patterns as re
from modelsweep.core.finding import Fact, Finding, Json, Rule, Severity
from modelsweep.core.limits import OverLimit
from modelsweep.core.reader import Truncated
from modelsweep.core.scanner import ZIP, Blob, Context, Item, Malformed, Scanner, problem_of
from modelsweep.core.text import printable
from modelsweep.core.units import MIB
from scanners.judge.external_files import outside
from scanners.parsing.json_text import JsonFault, documents, text_of

if TYPE_CHECKING:
    from scanners.parsing.zip_directory import ZipEntry

NAME = "torchserve"
_MANIFESTS = {"MAR-INF/MANIFEST.json": "model", "WAR-INF/MANIFEST.json": "workflow"}
"""Manifests of models and of workflows, each with the key of its description."""
_MAX_TEXT = MIB
"""Maximum bytes of a manifest or of a list of requirements that are read."""
_SHOWN = 200
BUILT_IN_HANDLERS = frozenset(
    {"image_classifier", "image_segmenter", "object_detector", "text_classifier", "base_handler"}
)
_FILES = ("serializedFile", "handler", "modelFile", "requirementsFile", "configFile", "specFile")
# Lines of requirements that take a package from another place than the configured index
_FOREIGN_PACKAGE = re.compile(
    r"^[ \t]*+(?:(?:-i|-f|--index-url|--extra-index-url|--find-links|--trusted-host)[\s=]|[^#\s]{0,300}[ \t]*+@?[ \t]*+"
    r"(?:git|hg|svn|bzr)\+|(?:[\w.\[\]-]{1,300}[ \t]*+@[ \t]*+)?(?:https?|ftp|file)://|(?:-e|--editable)\s)[^\n]*",
    re.MULTILINE,
)
_ARCHIVER = "https://github.com/pytorch/serve/blob/master/model-archiver/README.md"

HANDLER = Rule(
    id="torchserve/handler",
    title="Archive whose Python code serves the model",
    severity=Severity.INFO,
    message="registering the model runs {subject}, which the manifest names as {path}",
    why="TorchServe imports an archive's handler and calls it as soon as the model is registered. It runs with the "
    "server's rights.",
    fix="Review the file as you would any program, or use one of the handlers that come with TorchServe.",
    cwe=829,
    references=(_ARCHIVER, "https://nvd.nist.gov/vuln/detail/CVE-2023-43654"),
)
OUTSIDE = Rule(
    id="torchserve/path-outside",
    title="Manifest that names a file outside the archive",
    severity=Severity.CRITICAL,
    message="the manifest names {subject} as {path}: {reason}",
    why="The server joins the path to the folder that it unpacked the archive to. This path leads to another file on "
    "the server, which it then imports or loads.",
    fix="Do not register the archive. Report it to the site you got it from.",
    cwe=22,
    references=(_ARCHIVER,),
)
REQUIREMENTS = Rule(
    id="torchserve/foreign-packages",
    title="Archive that installs packages from elsewhere",
    severity=Severity.WARNING,
    message="{path} installs packages from elsewhere: {subject}",
    why="If the server installs a model's requirements, the archive chooses the server that packages come from, and "
    "installing one runs its code.",
    fix="Install reviewed packages in the server's image, and turn install_py_dep_per_model off.",
    cwe=829,
    references=("https://github.com/pytorch/serve/blob/master/docs/custom_service.md",),
)
MISSING = Rule(
    id="torchserve/missing-handler",
    title="Archive without its handler",
    severity=Severity.WARNING,
    message="the manifest names the handler {subject}, which neither the archive nor TorchServe has",
    why="The server imports a module of that name from wherever its search path leads, so the code that runs is not "
    "what was reviewed with the archive.",
    fix="Have the archive created again with its handler inside.",
    cwe=427,
    references=(_ARCHIVER,),
)


def accepts(blob: Blob) -> bool:
    """Return whether the blob is a zip with a TorchServe manifest."""
    return any(entry.name in _MANIFESTS for entry in _entries(blob, None))


def _entries(blob: Blob, context: Context | None) -> tuple[ZipEntry, ...]:
    from scanners.parsing.zip_directory import find_archive, read_directory

    if find_archive(blob.reader, blob.head) is None:
        return ()
    return tuple(read_directory(blob.reader, context.limits if context else None).entries)


def scan(blob: Blob, context: Context) -> Iterator[Item]:
    """Yield what the manifest makes the server run, reach and install; raises Malformed if it is unreadable."""
    yield Fact("framework", NAME, blob.locator)
    entries = _entries(blob, context)
    names = {entry.name for entry in entries}
    for entry in entries:
        if entry.name not in _MANIFESTS:
            continue
        text = _text(blob, context, entry)
        try:
            found = documents(text)
        except JsonFault as fault:
            raise Malformed(f"the manifest is not JSON: {fault}") from None
        for document in found:
            model = document.get(_MANIFESTS[entry.name]) if isinstance(document, dict) else None
            if isinstance(model, dict):
                yield from _model(blob, model, names)
                yield from _requirements(blob, context, model, entries)


def _text(blob: Blob, context: Context, entry: ZipEntry) -> str:
    from scanners.parsing.zip_directory import member_blob

    with closing(member_blob(blob, entry, context).reader) as reader:
        if reader.size > _MAX_TEXT:
            raise OverLimit(f"{printable(entry.name, _SHOWN)} is longer than {_MAX_TEXT:,} bytes")
        return text_of(reader.read(0, reader.size))


def _model(blob: Blob, model: dict[str, Json], names: set[str]) -> Iterator[Item]:
    listed = [(key, model.get(key)) for key in _FILES]
    more = model.get("extraFiles")
    for key, value in [*listed, *[("extraFiles", item) for item in (more if isinstance(more, list) else [more])]]:
        if not isinstance(value, str) or not value:
            continue
        path = value.partition(":")[0] if key == "handler" and value[1:2] != ":" else value
        reason = outside(path)
        shown = printable(value, _SHOWN)
        if reason:
            yield Finding(OUTSIDE, blob.locator, shown, path=key, evidence={"reason": reason})
        elif key == "handler" and path not in BUILT_IN_HANDLERS:
            file = path if path.endswith(".py") else f"{path}.py"
            rule = HANDLER if file in names or path in names else MISSING
            yield Finding(rule, blob.locator, shown, path=key)
        elif key == "modelFile":
            yield Finding(HANDLER, blob.locator, shown, path=key)


def _requirements(
    blob: Blob, context: Context, model: dict[str, Json], entries: tuple[ZipEntry, ...]
) -> Iterator[Item]:
    """Yield the first line of the requirements that takes a package from elsewhere."""
    named = model.get("requirementsFile")
    for entry in entries:
        if not isinstance(named, str) or entry.name != named:
            continue
        try:
            match = _FOREIGN_PACKAGE.search(_text(blob, context, entry))
        except (Malformed, Truncated, OverLimit) as error:
            yield problem_of(error, blob.locator.member(printable(entry.name, _SHOWN)), NAME)
            continue
        if match:
            path = printable(entry.name, _SHOWN)
            yield Finding(REQUIREMENTS, blob.locator, printable(match[0].strip(), _SHOWN), path=path)


SCANNER = Scanner(
    name=NAME,
    title="TorchServe archives of models and workflows (.mar, .war)",
    version=3,
    accepts=accepts,
    scan=scan,
    rules=(HANDLER, OUTSIDE, REQUIREMENTS, MISSING),
    suffixes=(".mar", ".war"),
    signs=ZIP,
)
