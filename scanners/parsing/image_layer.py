"""Paths of layers in container images, whose root is a file system of its own.

https://github.com/opencontainers/image-spec/blob/main/image-layout.md, and the older layout of `docker save`.
"""

from __future__ import annotations

from modelsweep.core import patterns as re
from modelsweep.core.locator import Locator

_BLOB = re.compile(r"(?:^|/)blobs/sha256[/-](?P<digest>[0-9a-f]{64})$")
_LAYER = re.compile(r"(?:^|/)(?:blobs/sha256/[0-9a-f]{64}|[0-9a-f]{64}/layer\.tar|[0-9a-f]{64}\.tar)$")
_DIGEST = 64
"""Hexadecimal digits of a SHA-256."""
_CONTENT = "content"
"""Name of the content of a compressed file without a suffix."""


def blob_digest(locator: Locator) -> str:
    """Return the SHA-256 in the name of a blob, or ""."""
    if len(locator.name) < _DIGEST:
        return ""
    found = _BLOB.search(locator.path.replace("\\", "/"))
    return found["digest"] if found else ""


def is_layer(locator: Locator) -> bool:
    """Return whether an archive, possibly decompressed, has the path of an image's layer."""
    names = [name for name in (locator.telling_path, *locator.members) if name != _CONTENT]
    return _LAYER.search(names[-1].replace("\\", "/")) is not None


def in_layer(locator: Locator) -> bool:
    """Return whether a file is a member of a layer, or nested in one."""
    return any(_LAYER.search(name.replace("\\", "/")) for name in (locator.telling_path, *locator.members[:-1]))
