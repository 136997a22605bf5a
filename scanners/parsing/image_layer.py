"""Where layers of container images stand: what unpacks them knows that their root is a file system of its own.

https://github.com/opencontainers/image-spec/blob/main/image-layout.md, and the older layout of `docker save`.
"""

from __future__ import annotations

from modelsweep.core import patterns as re
from modelsweep.core.locator import Locator

_BLOB = re.compile(r"(?:^|/)blobs/sha256[/-](?P<digest>[0-9a-f]{64})$")
_LAYER = re.compile(r"(?:^|/)(?:blobs/sha256/[0-9a-f]{64}|[0-9a-f]{64}/layer\.tar|[0-9a-f]{64}\.tar)$")
_DIGEST = 64
"""Digits of a SHA-256."""
_CONTENT = "content"
"""How the content of a compressed file is named that has no ending of its own."""


def blob_digest(locator: Locator) -> str:
    """Return the SHA-256 that a blob is named by, or nothing."""
    if len(locator.name) < _DIGEST:
        return ""
    found = _BLOB.search(locator.path.replace("\\", "/"))
    return found["digest"] if found else ""


def is_layer(locator: Locator) -> bool:
    """Return whether an archive stands where an image has its layers, as it is or compressed."""
    names = [name for name in (locator.telling_path, *locator.members) if name != _CONTENT]
    return _LAYER.search(names[-1].replace("\\", "/")) is not None


def in_layer(locator: Locator) -> bool:
    """Return whether a file is a member of a layer, or lies in one."""
    return any(_LAYER.search(name.replace("\\", "/")) for name in (locator.telling_path, *locator.members[:-1]))
