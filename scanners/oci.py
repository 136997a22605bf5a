"""Container images: the JSON documents of OCI layouts and of `docker save`, and whole archives of these.

Specifications: https://github.com/opencontainers/image-spec (index, manifest, config, image-layout), and
https://github.com/moby/docker-image-spec. Layers are archives, which the scanners of tar and compressed files open.
Artifacts (ModelKit, ORAS, Ollama) have manifests too, which name the files that pulling them writes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from modelsweep.core import patterns as re
from modelsweep.core.finding import Fact, Finding, Json, Problem, ProblemKind, Rule, Severity
from modelsweep.core.limits import OverLimit
from modelsweep.core.scanner import JSON_STARTS, Blob, Context, Item, Malformed, Scanner, Signs
from modelsweep.core.text import printable
from modelsweep.core.units import MIB
from scanners.judge.attack_commands import attack_command, hostile_command
from scanners.judge.external_files import outside
from scanners.parsing.json_text import documents_of, entries, has_keys, may_begin

if TYPE_CHECKING:
    from scanners.parsing.image_archive import ImageArchive

NAME = "oci"
_MAX_DOCUMENT = 16 * MIB
"""Maximum bytes of one document; registries accept four MiB."""
_SHOWN = 200
_MAX_REPORTED = 100
_DIGEST = re.compile(r"[a-z0-9]+(?:[+._-][a-z0-9]+)*:[0-9A-Za-z=_-]{8,256}")
_LISTS = ("layers", "manifests", "fsLayers", "blobs")
"""Keys of lists, of which a manifest has at least one."""
_DOCUMENTS = (("architecture", "os", "rootfs"), ("Config", "Layers"))
"""Keys of the configuration of an image, and of the list of images that `docker save` writes."""
_TITLES = frozenset({"org.opencontainers.image.title", "org.cncf.model.filepath", "org.cnai.model.filepath"})
"""Annotations that name the files which tools write."""
_PATHS = frozenset({"Config", "Layers", "layerSources"})
_COMMANDS = frozenset({"Entrypoint", "Cmd", "OnBuild", "Test"})
_FOREIGN = re.compile(r"https://(?:[a-z0-9-]+\.)*(?:microsoft\.com|azurecr\.io)/", re.IGNORECASE)
"""Source of the base layers of Windows, whose licence forbids redistribution."""
_REFERENCE = "https://github.com/opencontainers/image-spec/blob/main/descriptor.md"

OUTSIDE = Rule(
    id="oci/path-outside",
    title="Image that names a file outside itself",
    severity=Severity.CRITICAL,
    message="{path} names {subject}: {reason}",
    why="Programs that load or fetch the image read or write the file that it names on the user's machine.",
    fix="Do not load the image. Report it to the site you got it from.",
    cwe=22,
    references=(_REFERENCE, "https://nvd.nist.gov/vuln/detail/CVE-2021-21272"),
)
FOREIGN = Rule(
    id="oci/foreign-layer",
    title="Layer downloaded from an address in the manifest",
    severity=Severity.WARNING,
    message="{path} is fetched from {subject}",
    why="The content is not in the image and was not examined. Some programs send their registry credentials to "
    "whatever address is given here.",
    fix="Use an image that contains its layers, or make sure that you know the address.",
    confidence="medium",
    cwe=829,
    references=("https://nvd.nist.gov/vuln/detail/CVE-2020-15157", _REFERENCE),
)
SIZE = Rule(
    id="oci/size-mismatch",
    title="Blob with a different size than the manifest says",
    severity=Severity.WARNING,
    message="{subject} has {size} bytes, but the manifest says {declared}",
    why="A program that reads only the declared size sees different content than one that reads to the end.",
    fix="Fetch the image again, and verify its digest.",
    cwe=345,
    references=(_REFERENCE,),
)
COMMAND = Rule(
    id="oci/command",
    title="Image whose start-up command looks like an attack",
    severity=Severity.INFO,
    message="{path} is: {subject}",
    why="The command runs when the container is started or built on. Images of models do not fetch and run something, "
    "or open a shell to another machine.",
    fix="Read the command before you start the image.",
    confidence="medium",
    cwe=506,
    references=("https://github.com/opencontainers/image-spec/blob/main/config.md",),
)
ATTACK = Rule(
    id="oci/attack-command",
    title="Image whose start-up command is an attack",
    severity=Severity.WARNING,
    message="{path} is: {subject}",
    why="Starting the image, or building on it, runs the command: it runs what it fetches over an unprotected "
    "connection, opens a shell to another machine, or steals keys.",
    fix="Do not start the image. Ask its author what the command is for.",
    confidence="medium",
    cwe=506,
    references=("https://github.com/opencontainers/image-spec/blob/main/config.md",),
)


def accepts(blob: Blob) -> bool:
    """Return whether the blob is a document of an image, or an archive of one."""
    if may_begin(blob):
        return _is_document(blob)
    from scanners.parsing.image_archive import begins_image

    return begins_image(blob.head)


def _is_document(blob: Blob) -> bool:
    return blob.size <= _MAX_DOCUMENT and (
        has_keys(blob, "imageLayoutVersion")
        or (has_keys(blob, "schemaVersion") and any(has_keys(blob, key) for key in _LISTS))
        or any(has_keys(blob, *keys) for keys in _DOCUMENTS)
    )


def scan(blob: Blob, context: Context) -> Iterator[Item]:
    """Yield what documents refer to outside of the image; raises Malformed and OverLimit."""
    if not may_begin(blob):
        yield from _archive(blob, context)
        return
    for document in _parsed(blob, context):
        told = 0
        for entry in entries(document):
            context.operations.spend()
            for item in _entry(blob, entry.path, entry.key, entry.value):
                told += 1
                if told > _MAX_REPORTED:
                    raise OverLimit(f"more than {_MAX_REPORTED} names outside the image")
                yield item


def _parsed(blob: Blob, context: Context) -> list[Json]:
    return documents_of(blob, min(_MAX_DOCUMENT, context.limits.parsed_bytes // 4))


def _entry(blob: Blob, path: str, key: str, value: Json) -> Iterator[Item]:
    """Yield what is wrong with one value of a document."""
    shown = printable(path, _SHOWN)
    texts = [item for item in value if isinstance(item, str)] if isinstance(value, list) else []
    single = [value] if isinstance(value, str) else texts
    if key == "digest" and isinstance(value, str):
        yield from _digest(blob, shown, value)
    elif key in _PATHS or key in _TITLES:
        for text in single:
            if reason := outside(text):
                yield _outside(blob, shown, text, reason)
    elif key == "urls":
        for text in texts:
            if not _FOREIGN.match(text):
                yield Finding(FOREIGN, blob.locator, printable(text, _SHOWN), path=shown.removesuffix(".urls"))
    elif key == "Env":
        yield from (item for text in texts for item in _variable(blob, shown, text))
    elif key in _COMMANDS:
        yield from _command(blob, shown, " ".join(single))


def _command(blob: Blob, path: str, command: str) -> Iterator[Item]:
    """Yield a command that resembles an attack."""
    if attack_command().search(command):
        rule = ATTACK if hostile_command().search(command) else COMMAND
        yield Finding(rule, blob.locator, printable(command, _SHOWN), path=path)


def _variable(blob: Blob, path: str, text: str) -> Iterator[Item]:
    """Yield an environment variable of the container if it makes programs run or load something."""
    from scanners.judge.start_variables import what_of
    from scanners.parsing.other_lists import lines_of_variables
    from scanners.persistence import order
    from scanners.requirements import fact_of

    name, _, value = text.partition("=")
    yield from (fact_of(blob, line) for line in lines_of_variables(text, 1))
    what = what_of(name, value)
    if what:
        yield order(blob.locator, what, text, "each program in the container is started with it", path)


def _digest(blob: Blob, path: str, text: str) -> Iterator[Item]:
    """Yield a digest that is a path; raises Malformed if it is something else than a digest or a path."""
    if not _DIGEST.fullmatch(text):
        reason = outside(text)
        if not reason:
            raise Malformed(f"{path} is not a digest")
        yield _outside(blob, path, text, reason)


def _outside(blob: Blob, path: str, text: str, reason: str) -> Finding:
    return Finding(OUTSIDE, blob.locator, printable(text, _SHOWN), path=path, evidence={"reason": reason})


def _archive(blob: Blob, context: Context) -> Iterator[Item]:
    """Yield blobs that are missing in an archive, or differ in size from its manifests."""
    from scanners.parsing.image_archive import read_archive

    archive = read_archive(blob.reader, context)
    yield Fact("framework", "container image", blob.locator)
    for name, declared in _named(blob, archive, context):
        size = archive.sizes.get(name)
        if size is None:
            detail = f"the image lacks {printable(name, _SHOWN)}, which its manifest names: it was not examined"
            yield Problem(ProblemKind.SKIPPED, blob.locator, NAME, detail)
        elif declared not in (None, size):
            evidence: dict[str, Json] = {"size": f"{size:,}", "declared": f"{declared:,}"}
            yield Finding(SIZE, blob.locator, printable(name, _SHOWN), evidence=evidence)


def _named(blob: Blob, archive: ImageArchive, context: Context) -> Iterator[tuple[str, int | None]]:
    """Yield the members that manifests name, each once, with their declared sizes.

    An index may list manifests for other platforms that the archive leaves out.
    """
    left: list[str] = [name for name in ("manifest.json", "index.json") if name in archive.sizes]
    seen = set(left)
    read: set[tuple[int, int]] = set()
    while left:
        place = archive.places[left[-1]]
        if place in read:  # members that are links to one another
            left.pop()
            continue
        read.add(place)
        for document in _document(blob, archive, left.pop(), context):
            for name, declared, is_manifest in _descriptors(document):
                if name in seen:
                    continue
                seen.add(name)
                if is_manifest and name in archive.sizes:
                    left.append(name)
                if not is_manifest or name in archive.sizes:
                    yield name, declared


def _document(blob: Blob, archive: ImageArchive, name: str, context: Context) -> list[Json]:
    """Return the documents of one member; empty if it is not JSON, which is reported when it is examined itself."""
    window = blob.window(name, *archive.places[name])
    try:
        return _parsed(window, context)
    except (Malformed, OverLimit):
        return []


def _descriptors(document: Json) -> Iterator[tuple[str, int | None, bool]]:
    """Yield the members that a document names, their sizes, and whether each is a manifest."""
    for item in document if isinstance(document, list) else [document]:
        if not isinstance(item, dict):
            continue
        layers = item.get("Layers")
        for name in [item.get("Config"), *(layers if isinstance(layers, list) else [])]:
            if isinstance(name, str) and not outside(name):
                yield name, None, False
        for key in ("manifests", "layers", "config"):
            value = item.get(key)
            for descriptor in value if isinstance(value, list) else [value]:
                yield from _descriptor(descriptor, is_manifest=key == "manifests")


def _descriptor(descriptor: Json, *, is_manifest: bool) -> Iterator[tuple[str, int | None, bool]]:
    if not isinstance(descriptor, dict) or descriptor.get("urls") or descriptor.get("data"):
        return
    digest, size = descriptor.get("digest"), descriptor.get("size")
    if isinstance(digest, str) and _DIGEST.fullmatch(digest):
        algorithm, _, encoded = digest.partition(":")
        yield f"blobs/{algorithm}/{encoded}", size if isinstance(size, int) else None, is_manifest


SCANNER = Scanner(
    name=NAME,
    title="Container images (OCI layouts, docker save, manifests)",
    version=7,
    accepts=accepts,
    scan=scan,
    rules=(OUTSIDE, FOREIGN, SIZE, COMMAND, ATTACK),
    suffixes=(".json", ".tar"),
    signs=Signs(JSON_STARTS + b"0123456789abcdef./imor", at=tuple((place, (b"\0",)) for place in range(4))),
)
