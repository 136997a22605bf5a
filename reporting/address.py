"""Where a file is, in a form that is the same on every machine: relative, and without positions in it."""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Sequence
from typing import NamedTuple

from modelsweep.core.finding import FILE_LINE, Finding
from modelsweep.core.locator import Locator

_REMOTE = re.compile(r"([A-Za-z][A-Za-z0-9]+)(?:://|(?<=models):/)")
_UNRESERVED = re.compile("[A-Za-z0-9_.~/-]*")
_PLAIN_LINES = re.compile(r"([A-Za-z][A-Za-z0-9]+)://[A-Za-z0-9_.~/-]*(?:\n\1://[A-Za-z0-9_.~/-]*)*")
_ON_HUB = re.compile(r"hf://(?P<name>[^/@]+/[^/@]+)(?:@(?P<revision>[^/]+))?(?:/(?P<path>.*))?", re.DOTALL)
_REGISTERED = re.compile(r"models:/(?P<name>[^/@]+)[/@](?P<version>[^/]+)(?:/(?P<path>.*))?", re.DOTALL)
REGISTRIES = ("hf://", "models:/")
"""What the addresses of files in registries of models begin with."""
ROOT_BASE = "%SRCROOT%"
"""Base of files below the root of the view: the name that code scanning services expect."""
FILESYSTEM_BASE = "FILESYSTEM"
"""Base of local files elsewhere: the root of the file system."""


class Address(NamedTuple):
    """A relative path with `/` between its parts, and the name of its base, empty where it is a remote object's."""

    path: str
    base: str

    @property
    def uri(self) -> str:
        """The path as a relative URI reference (RFC 3986)."""
        return quote(self.path)


def address(locator: Locator, root: str) -> Address:
    """Return the address of the object that `locator` is in, members left out.

    Remote objects lose the `://` of their scheme (`s3/bucket/key`): code scanning refuses a whole upload for one
    address with a scheme other than that of its checkout.
    """
    return _address(locator.uri, root)


def uri_of(uri: str, root: str) -> str:
    """Return the URI of the address of the object at `uri`."""
    return _address(uri, root).uri


def uris_of(uris: Sequence[str], root: str) -> list[str]:
    """Return what `uri_of` says of each; all at once where there is nothing to encode in them, a fifth of the time."""
    text = "\n".join(uris)
    plain = _PLAIN_LINES.fullmatch(text)
    if plain and text.count("\n") < len(uris):  # a name may hold line feeds, too
        return text.replace(f"{plain[1]}://", f"{plain[1]}/").split("\n")
    return [uri_of(uri, root) for uri in uris]


def _address(uri: str, root: str) -> Address:
    if remote := _REMOTE.match(uri):
        return Address(f"{remote[1]}/{uri[remote.end() :]}", "")
    if _is_normal(uri) and _is_normal(root) and root[0] == os.sep == "/":
        # What normalising would come to, at a tenth of the time
        if uri[0] != "/":
            return Address(uri, ROOT_BASE)
        if not uri.startswith(f"{root}/"):
            return Address(uri[1:], FILESYSTEM_BASE) if uri != root else Address(".", ROOT_BASE)
        return Address(uri[len(root) + 1 :], ROOT_BASE)
    path = _posix(os.path.normpath(os.path.join(root, uri)))
    below = posixpath.relpath(path, _posix(root))
    if below == ".." or below.startswith("../"):
        return Address(path.lstrip("/"), FILESYSTEM_BASE)
    return Address(below, ROOT_BASE)


def _is_normal(path: str) -> bool:
    """Return whether normalising `path` would leave it as it is; False where that takes a longer look."""
    return bool(path) and path[0] != "." and path[-1] != "/" and "/." not in path and "//" not in path


def inside(finding: Finding) -> str:
    """Return where in its file a finding is, nothing where that is all of the file."""
    where = [f"in {'!'.join(finding.locator.members)}"] if finding.locator.members else []
    of_file = finding.evidence.get(FILE_LINE)
    if finding.path:
        where.append(f"at {finding.path}")
    if isinstance(of_file, int) and not finding.locator.members and not finding.path.endswith(f"line {of_file}"):
        where.append(f"line {of_file}")
    if finding.span is not None:
        line = finding.evidence.get("line")
        where += [f"line {line}"] if isinstance(line, int) and not finding.path else []
        where.append(f"pos {finding.span.offset}")
    return ", ".join(where)


def line_of(finding: Finding) -> int:
    """Return the line of its file that a finding is about, 1 where that is not known or has no lines.

    A path tells of a text inside the file, such as a template, and cells of notebooks count their own lines, unless it
    is said where in the file they stand.
    """
    of_file = finding.evidence.get(FILE_LINE)
    if isinstance(of_file, int) and of_file > 0 and not finding.locator.members:
        return of_file
    line = finding.evidence.get("line")
    is_inside = (
        finding.locator.members or finding.locator.suffix == ".ipynb" or finding.path not in ("", f"line {line}")
    )
    return line if isinstance(line, int) and line > 0 and not is_inside else 1


def purl(locator: Locator) -> str:
    """Return the package URL of a file in a registry of models, whose subpath it is; nothing elsewhere, and of members.

    https://github.com/package-url/purl-spec/blob/main/types-doc/huggingface-definition.md and mlflow-definition.md
    """
    if locator.members or not locator.uri.startswith(REGISTRIES):
        return ""
    if hub := _ON_HUB.fullmatch(locator.uri):
        revision = locator.version or hub["revision"] or "main"
        return f"pkg:huggingface/{quote(hub['name'])}@{quote(revision)}{_below(hub)}"
    if registered := _REGISTERED.fullmatch(locator.uri):
        version = locator.version.partition(":")[0] or registered["version"]
        return f"pkg:mlflow/{_part(registered['name'])}@{_part(version)}{_below(registered)}"
    return ""


def _below(found: re.Match[str]) -> str:
    return f"#{quote(found['path'])}" if found["path"] else ""


def _part(name: str) -> str:
    return quote(name).replace("/", "%2F")


def quote(name: str) -> str:
    """Return `name` percent-encoded; bytes that are no UTF-8 come back as the bytes they were."""
    if _UNRESERVED.fullmatch(name):
        return name
    from urllib.parse import quote_from_bytes  # loads `ipaddress`, which takes 5 ms

    try:
        raw = name.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raw = name.encode("utf-8", "backslashreplace")
    return quote_from_bytes(raw, safe="/")


def _posix(path: str) -> str:
    return path if os.sep == "/" else path.replace(os.sep, "/")
