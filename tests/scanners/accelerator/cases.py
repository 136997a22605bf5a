"""Models for accelerators: those that bring code for the processor, and containers that do not add up."""

from __future__ import annotations

import io
import struct
import tarfile

from modelsweep.core.report import Verdict
from tests.scanners.case import Case
from tests.scanners.native_code import elf
from tests.scanners.payload import noise
from tests.scanners.pickle.assembler import EVIL_PICKLE

GRAPH, WEIGHTS, TASKS, KERNELS, PROCESSOR, LIBRARIES = range(6)


def om(*parts: tuple[int, bytes], more: int = 0) -> bytes:
    """Return a model for Ascend, of which the last part claims `more` bytes than it has."""
    table, body = b"", b""
    for number, (kind, content) in enumerate(parts, 1):
        table += struct.pack("<3I", kind, len(body), len(content) + (more if number == len(parts) else 0))
        body += content
    header = (b"IMOD" + struct.pack("<II", 256, 0x10000000)).ljust(256, b"\0")
    return header + struct.pack("<I", len(parts)) + table + body


def hef(*, version: int = 2, length: int = 60) -> bytes:
    """Return a model for Hailo."""
    return b"\1HEF" + struct.pack(">2I", version, length) + noise(200)


def bmodel(*, described: int = 90) -> bytes:
    """Return a model for Sophgo."""
    return struct.pack("<4I", 0xFF55AAEE, 64, described, 100).ljust(64, b"\0") + noise(190)


def kernels(machine: int) -> bytes:
    """Return an ELF for a graphics processor, whose sections are listed at its end."""
    header = b"\x7fELF\2\1\1\x33".ljust(16, b"\0") + struct.pack("<HHI", 2, machine, 1) + bytes(16)
    header += struct.pack("<Q", 264) + bytes(10) + struct.pack("<2H", 64, 2) + bytes(2)
    return header + noise(200) + bytes(128)


def neff(members: dict[str, bytes]) -> bytes:
    """Return a model for Neuron: an archive behind a header."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return struct.pack("<2Q", 2, 1024).ljust(1024, b"\0") + stream.getvalue()


def inert(data: bytes, name: str) -> Case:
    """Return the case of a model whose layout is not known, of which any part may be one."""
    return Case(lambda: data, name, Verdict.CLEAN, cut_is_clean=True)


PARTS = ((GRAPH, noise(90)), (WEIGHTS, noise(300)), (TASKS, b""), (KERNELS, noise(80)))
CASES = {
    "benign_ascend": Case(lambda: om(*PARTS), "net.om", Verdict.CLEAN),
    "benign_hailo": inert(hef(), "net.hef"),
    "benign_sophgo": inert(bmodel(), "net.bmodel"),
    "benign_kendryte": inert(b"KMDL" + struct.pack("<I", 7) + noise(90), "net.kmodel"),
    "benign_cvitek": inert(b"CviModel" + struct.pack("<I", 7) + noise(90), "net.cvimodel"),
    "benign_verisilicon": inert(b"VPMN\0\0\1\0" + noise(90), "net.nb"),
    "benign_qualcomm": inert(struct.pack("<I", 24) + b"NETD" + bytes(90), "model"),
    "benign_qualcomm_versioned": inert(
        b"\xd5\x0a\x03\0" + bytes(4) + struct.pack("<I", 24) + b"NETP" + bytes(90), "model.params"
    ),
    "benign_neuron": Case(lambda: neff({"neff.json": b"{}"}), "net.neff", Verdict.CLEAN),
    "pickle_in_neuron": Case(lambda: neff({"sg00/x.bin": EVIL_PICKLE}), "net.neff", Verdict.MALICIOUS),
    "benign_cuda": Case(lambda: kernels(190), "attention.cubin", Verdict.CLEAN),
    "benign_rocm": Case(lambda: kernels(224), "attention.hsaco", Verdict.CLEAN),
    "for_another_processor": Case(lambda: kernels(9_999), "attention.cubin", Verdict.NOT_SCANNED),
    "benign_text": Case(lambda: b"IMOD is what it begins with\n", "notes.txt", Verdict.CLEAN, cut_is_clean=True),
    "libraries": Case(lambda: om(*PARTS, (LIBRARIES, noise(64))), "net.om", Verdict.REVIEW),
    "kernels_for_processor": Case(lambda: om((GRAPH, noise(9)), (PROCESSOR, elf())), "net.om", Verdict.MALICIOUS),
    "pickle_in_weights": Case(lambda: om((WEIGHTS, noise(50) + EVIL_PICKLE)), "net.om", Verdict.MALICIOUS),
    "part_beyond_the_end": Case(lambda: om(*PARTS, more=1 << 30), "net.om", Verdict.NOT_SCANNED),
    "no_parts": Case(om, "net.om", Verdict.NOT_SCANNED),
    "another_header": Case(lambda: b"IMOD" + bytes(300), "net.om", Verdict.NOT_SCANNED),
    "hailo_beyond_the_end": Case(lambda: hef(length=900), "net.hef", Verdict.NOT_SCANNED),
    "hailo_of_another_version": Case(lambda: hef(version=200), "net.hef", Verdict.NOT_SCANNED),
    "sophgo_beyond_the_end": Case(lambda: bmodel(described=900), "net.bmodel", Verdict.NOT_SCANNED),
    "iree": Case(lambda: struct.pack("<I", 64) + b"IREE" + bytes(56), "net.vmfb", Verdict.NOT_SCANNED),
}
