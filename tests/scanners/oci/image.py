"""Container images as bytes: blobs named by their digests, documents that name them, archives of both."""

from __future__ import annotations

import hashlib
import json

from modelsweep.core.finding import Json
from tests.scanners.payload import gzipped
from tests.scanners.tar.cases import entry, tar

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
CONFIG = "application/vnd.oci.image.config.v1+json"
Object = dict[str, Json]
LAYOUT = b'{"imageLayoutVersion": "1.0.0"}'


def digest(content: bytes) -> str:
    """Return the digest of a blob in hex."""
    return hashlib.sha256(content).hexdigest()


def descriptor(content: bytes, kind: str, **more: Json) -> Object:
    """Return what a manifest says of a blob."""
    return {"mediaType": kind, "digest": f"sha256:{digest(content)}", "size": len(content), **more}


def layer(*members: bytes) -> bytes:
    """Return a layer."""
    return gzipped(tar(*members))


def config(**running: Json) -> bytes:
    """Return the configuration of an image."""
    root: Json = {"type": "layers", "diff_ids": [f"sha256:{'1a' * 32}"]}
    told: Object = {"architecture": "amd64", "os": "linux", "config": dict(running), "rootfs": root}
    return json.dumps(told).encode()


def manifest(configuration: bytes, *layers: Object, **more: Json) -> bytes:
    """Return a manifest."""
    listed: list[Json] = list(layers)
    told: Object = {"schemaVersion": 2, "mediaType": MANIFEST, "config": descriptor(configuration, CONFIG)}
    return json.dumps({**told, "layers": listed, **more}).encode()


def index(*manifests: Object) -> bytes:
    """Return the index of a layout."""
    listed: list[Json] = list(manifests)
    return json.dumps({"schemaVersion": 2, "manifests": listed}).encode()


def blobs(*contents: bytes) -> list[bytes]:
    """Return the members of a layout that hold blobs."""
    return [entry(f"blobs/sha256/{digest(content)}", content) for content in contents]


def layout(*layers: bytes, configuration: bytes | None = None, left_out: int = 0, size: int = 0) -> bytes:
    """Return an archive of a layout, in which some blobs may be missing, and a size that is not that of a layer."""
    held = config(Entrypoint=["python", "serve.py"]) if configuration is None else configuration
    described = [descriptor(content, LAYER) for content in layers]
    if size:
        described[0]["size"] = size
    told = manifest(held, *described)
    present = [*layers[left_out:], held, told]
    absent = descriptor(b"for another platform", MANIFEST)
    listed = index(descriptor(told, MANIFEST), absent)
    return tar(*blobs(*present), entry("index.json", listed), entry("oci-layout", LAYOUT))


def saved(name: str, content: bytes, *more: bytes, layers: list[Json] | None = None) -> bytes:
    """Return what `docker save` of old releases wrote: each layer in a folder, and a list of images."""
    held = config(Cmd=["sh"])
    image: Json = {"Config": f"{digest(held)}.json", "RepoTags": ["a:1"], "Layers": layers or [name]}
    listed = json.dumps([image]).encode()
    folder = name.partition("/")[0]
    return tar(
        entry(f"{folder}/VERSION", b"1.0"),
        entry(name, content),
        *more,
        entry(f"{digest(held)}.json", held),
        entry("manifest.json", listed),
    )
