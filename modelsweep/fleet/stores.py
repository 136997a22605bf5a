"""From the address of a store to the store: a folder, a bucket, or Redis, of which only the one in use is loaded."""

from __future__ import annotations

from urllib.parse import unquote

from modelsweep.fleet.store import Store, StoreFault, shown

TEMPORARY = "temporary"


def open_store(uri: str) -> Store:
    """Return the store at `uri`: a folder or `file://` URL, made where it is missing, `s3://` or `gs://`, or Redis.

    `temporary://` is a folder that does not outlive its job, for which nothing waits for the disk.
    """
    scheme, separator, rest = uri.partition("://")
    if not separator:
        scheme, rest = "file", uri
    if scheme in ("file", TEMPORARY):
        from modelsweep.fleet.directory_store import DirectoryStore

        return DirectoryStore(_path_of(uri, rest, is_url=bool(separator)), durable=scheme != TEMPORARY)
    if scheme in ("redis", "rediss", "redis+socket", "unix"):
        from modelsweep.fleet.redis_store import RedisStore

        return RedisStore.at(uri)
    if scheme in ("s3", "r2"):
        from modelsweep.fleet.s3_store import S3Store

        return S3Store(uri)
    if scheme == "gs":
        from modelsweep.fleet.gcs_store import GcsStore

        return GcsStore(uri)
    kinds = "a folder, file://, s3://, gs:// or redis://"
    raise StoreFault(shown(uri), f"no kind of store is called {scheme!r}: give {kinds}")


def _path_of(uri: str, rest: str, *, is_url: bool) -> str:
    path = unquote(rest) if is_url else rest
    if not path or "\0" in path or (is_url and not path.startswith("/")):
        raise StoreFault(shown(uri), "no path of a folder" + (": a file URL has three slashes" if is_url else ""))
    return path
