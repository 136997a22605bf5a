"""Addresses of services that hide who receives data, hidden in random bytes and in metadata; and ordinary ones."""

from __future__ import annotations

import base64
import hashlib
import json
import random

from modelsweep.core.report import Verdict
from tests.scanners.case import Case

NOISE = random.Random(12).randbytes(2500)
PATH = "://{}/modelsweep-test"


def onion(*, true: bool = True) -> str:
    """Return the name of an onion service of a random key, which nobody holds, with its checksum or another."""
    key, version = random.Random(4).randbytes(32), b"\x03"
    checksum = hashlib.sha3_256(b".onion checksum" + key + version).digest()[:2]
    return base64.b32encode(key + (checksum if true else checksum[::-1]) + version).decode().lower() + ".onion"


def hidden(*hosts: str, scheme: str = "https") -> Case:
    """Return the case of addresses between random bytes: they inform, and the file stays of unknown format."""
    text = "\0".join(scheme + PATH.format(host) for host in hosts).encode()
    return Case(lambda: NOISE + b"\0" + text + b"\0" + NOISE, "weights.bin", Verdict.NOT_SCANNED)


def text(host: str, name: str) -> Case:
    """Return the case of a text that names an address."""

    def line() -> bytes:
        return f'SITE = "http{PATH.format(host)}"\n'.encode()

    return Case(line, name, Verdict.CLEAN, cut_is_clean=True)


def metadata(*hosts: str) -> Case:
    """Return the case of a safetensors file whose metadata names addresses."""

    def build() -> bytes:
        note = " ".join("https" + PATH.format(host) for host in hosts)
        header = json.dumps({"__metadata__": {"source": note}}).encode()
        return len(header).to_bytes(8, "little") + header

    return Case(build, "model.safetensors", Verdict.CLEAN)


ORDINARY = (
    "huggingface.co/org/model",
    "github.com/org/repo",
    "arxiv.org/abs/2508.19774",
    "pypi.org/project/x",
    "ngrok.com/docs",
    "notpastebin.com",
    "pastebin.com.acme.io",
    "onion.acme.io",
    "discord.com/invite/x",
    "api.telegram.org",
    "localhost:8080",
)
LOCAL = (
    "127.0.0.1:8000",
    "10.1.2.3:80",
    "192.168.1.10:8080",
    "172.20.0.2:5000",
    "169.254.169.254",
    "100.64.0.7:80",
    "203.0.113.9:4444",
    "239.1.1.1:80",
    "999.1.1.1:80",
    "045.33.32.156:80",
    "8.8.8.8:53",
)
CASES = {
    "onion": hidden(onion(), scheme="http"),
    "raw_address": hidden("45.33.32.156:4444", "45.33.32.156", scheme="http"),
    "tunnel": hidden("ab12-45-33.ngrok-free.app", "quiet-lake.trycloudflare.com"),
    "paste": hidden("pastebin.com/raw"),
    "collector": hidden("webhook.site", "x1y2z3.oast.fun", "abc.m.pipedream.net"),
    "webhook": hidden("discord.com/api/webhooks/1", "api.telegram.org/bot1"),
    "in_metadata": metadata("webhook.site"),
    "in_script": text("45.33.32.156:4444", "train.sh"),
    "named_often": hidden(*["webhook.site", "webhook.site", "pastebin.com"] * 5),
    "benign_ordinary": hidden(*ORDINARY),
    "benign_ordinary_metadata": metadata(*ORDINARY),
    "benign_local": hidden(*LOCAL, scheme="http"),
    "benign_checksum": hidden(onion(true=False)),
    "benign_prose": text("webhook.site", "README.md"),
    "benign_config": text("45.33.32.156:4444", "config.txt"),
    "benign_many_addresses": Case(
        lambda: b"".join(b"http://45.33.%d.%d:80/\n" % divmod(number, 250) for number in range(20_000)),
        "addresses.csv",
        Verdict.CLEAN,
        cut_is_clean=True,
    ),
}
