"""What tells the bytes of a unit from others before they are read, in words of those who do not parse them.

A sandboxed child that hostile bytes took over may lie about them, their digest included. So an entry is never found
under a digest that a child told, but under what the store or the file system told the process that opened the unit: a
lie stays with the file that told it.

    content   the SHA-256 that a store vouches for, believed of that store only
    object    an address in a store, and the version of it that every read is pinned to: etag, generation or commit
    file      path, device, inode, size, and both times of a local file that nobody touched for a while

Scanners see the telling part of the path of a unit beside its bytes, so that is part of it. Blacklists, allow-lists and
judges are not: they are asked anew.
"""

from __future__ import annotations

import os
import time

from modelsweep.core.finding import Json
from modelsweep.core.report import Unit
from sources.source import scheme_of

SETTLED = 60.0
"""Seconds that a file must have been left alone before what is read of it is kept. Times are coarse (a tick of the
kernel), and a page that is written through a memory map counts as changed once, until it reaches the disk (30 s)."""

_PINNING = frozenset({"gs:", "hf:", "models:", "oci:", "r2:", "s3:"})
"""Addresses whose version no other content will ever have; a server of `https:` may send others under one ETag."""
_PLAIN = frozenset({"http:", "https:"})


def of_object(unit: Unit, digest: str, seen: Json, *, trusting: bool = False) -> Json:
    """Return the identity of a remote object, None where its store tells nothing that holds.

    `digest` is what it vouches for, if anything, and `seen` what `seen_of` says. Where it is `trusting`, a strong ETag
    of any server is believed, too.
    """
    where = unit.locator
    if digest:
        return ["content", _voucher(where.uri), digest, unit.size, seen]
    # The version of a model in a registry pins nothing; what stands behind the colon does, that of its store
    scheme = scheme_of(where.uri)
    pinned = scheme in _PINNING and where.version.rpartition(":")[2]
    if pinned or (trusting and scheme in _PLAIN and where.version.startswith('"')):
        return ["object", where.uri, where.version, unit.size, seen]
    return None


def of_file(unit: Unit, descriptor: int, seen: Json) -> Json:
    """Return the identity of a local file that is open, None where it may just be changing; `seen` as `seen_of`."""
    found = os.fstat(descriptor)
    if found.st_ctime_ns > (time.time() - SETTLED) * 1e9:
        return None
    path, times = os.path.abspath(unit.locator.uri), [found.st_mtime_ns, found.st_ctime_ns]
    return ["file", path, found.st_dev, found.st_ino, found.st_size, *times, seen]


def seen_of(unit: Unit, *, whole: bool) -> Json:
    """Return all that scanners may know of a unit besides its bytes.

    Of its address that is a little, but the `whole` of it where there are scanners of others. Two members of an archive
    may have one name.
    """
    where = unit.locator
    address = where.uri if whole else where.telling_path
    return [address, unit.index, unit.part, *where.members] if where.members else [address]


def _voucher(uri: str) -> str:
    """Return who vouches: `s3://bucket`, `hf://organisation`, `oci://host`."""
    scheme, _, rest = uri.partition("://")
    return f"{scheme}://{rest.partition('/')[0]}"
