"""A folder of small models of many kinds, the same bytes each time; and files that take a process with them."""

from __future__ import annotations

import io
import json
import pickle
import random
import zipfile
from collections.abc import Callable
from pathlib import Path

from tests.fleet.survival.slow_scanner import MARK as SLOW
from tests.worker.hostile_scanner import MARK as HOSTILE

LARGE = 5_500_000
"""Bytes that do not get fewer when they are compressed: what makes a member a unit of its own, and a bit more."""
_PAST = (2020, 1, 1, 0, 0, 0)
POISON = {
    "segfault": "segfault",
    "memory": "memory",
    "hang": "hang",
    "memory-error": "raise MemoryError",
    "exit": "raise SystemExit",
    "end": "exit 3",
    "killed": "signal SIGKILL",
    "garbage": "garbage text",
}
"""What the files of `poisoned` do to the process that examines them, by name."""


def collection(folder: Path, amount: int = 200, slow: float = 0.03) -> Path:
    """Fill `folder` with `amount` files, every eighth of which takes `slow` seconds, and return it."""
    for number in range(amount):
        inner = folder / f"{number % 5}"
        inner.mkdir(parents=True, exist_ok=True)
        suffix, make = _KINDS[number % len(_KINDS)]
        (inner / f"{number:04d}{suffix}").write_bytes(make(number) if make else slow_file(slow, number))
    return folder


def objects(amount: int) -> dict[str, bytes]:
    """Return the content of so many objects of a bucket by key, none of which takes long."""
    kinds = [(suffix, make) for suffix, make in _KINDS if make]
    found = {}
    for number in range(amount):
        suffix, make = kinds[number % len(kinds)]
        found[f"{number % 5}/{number:04d}{suffix}"] = make(number)
    return found


def poisoned(folder: Path) -> Path:
    """Add a file of each kind of poison, and return the folder."""
    for name, action in POISON.items():
        (folder / f"poison-{name}.bin").write_bytes(HOSTILE + action.encode() + b"\n" + bytes(1000))
    return folder


def archives(folder: Path, amount: int = 4) -> Path:
    """Add archives with members that are so large that each is a unit of its own, and return the folder.

    One member of each takes a moment, one of them all ends the process that examines it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    filling = random.Random(1).randbytes(LARGE)
    for number in range(amount):
        members = {
            "first.pkl": malicious(number) + filling,
            "slow.bin": slow_file(0.3, number) + filling,
            "notes.txt": b"These are notes.\n",
            "last.bin": (HOSTILE + b"segfault\n" if number == 1 else b"\x93other") + filling,
        }
        with zipfile.ZipFile(folder / f"archive-{number}.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            for name, data in members.items():
                archive.writestr(zipfile.ZipInfo(name, _PAST), data, zipfile.ZIP_DEFLATED)
    return folder


def slow_file(seconds: float, number: int = 0) -> bytes:
    """Return a file that takes so long."""
    return SLOW + f"{seconds:g}\n{number}\n".encode() + bytes(200)


def malicious(number: int) -> bytes:
    """Return a pickle that would say something harmless if anybody loaded it."""
    return f"cos\nsystem\n(S'echo modelsweep-test {number}'\ntR.".encode()


def clean(number: int) -> bytes:
    """Return a pickle of numbers."""
    return pickle.dumps({"weights": [number * 0.5] * 20}, protocol=2)


def _array(number: int) -> bytes:
    header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (8,), }"
    header = header.ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + bytes([number % 256]) * 32


def _zip(number: int) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in (("config.json", b'{"layers": 3}'), ("a.pkl", clean(number)), ("b.pkl", malicious(number))):
            archive.writestr(zipfile.ZipInfo(name, _PAST), data)
    return stream.getvalue()


_KINDS: tuple[tuple[str, Callable[[int], bytes] | None], ...] = (
    (".pkl", clean),
    (".pkl", malicious),
    (".npy", _array),
    (".txt", lambda number: f"These are the notes of model {number}.\n".encode()),
    (".json", lambda number: json.dumps({"model_type": "bert", "layers": number}).encode()),
    (".zip", _zip),
    (".bin", lambda number: bytes((number * place) % 251 for place in range(400))),
    (".slow", None),
)
