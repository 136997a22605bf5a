"""Zip archives as values of pickles, in tensors and in texts, and documents that are such archives, too."""

from __future__ import annotations

import base64
import gzip
import io
import lzma
import pickle
import random
import tarfile
import zipfile

from modelsweep.core.report import Verdict
from tests.scanners.case import Case
from tests.scanners.native_code import elf
from tests.scanners.pickle.assembler import EVIL_PICKLE
from tests.scanners.safetensors.cases import built as safetensors
from tests.scanners.zip.cases import made

NOISE = random.Random(6).randbytes(2_000)
FAR = random.Random(7).randbytes(100_000)
"""More than the last bytes of a file in which a zip is looked for."""
DOCUMENT = (
    ("[Content_Types].xml", b"<Types/>" * 20),
    ("xl/printerSettings/printerSettings1.bin", NOISE[:300]),
    ("xl/media/image1.png", b"\x89PNG\r\n\x1a\n" + NOISE[:200]),
)


def tensor(data: bytes, verdict: Verdict = Verdict.MALICIOUS) -> Case:
    """Return the case of a tensor in which `data` stands among others."""
    body = NOISE + data + FAR
    entry = {"dtype": "U8", "shape": [len(body)], "data_offsets": [0, len(body)]}
    return Case(lambda: safetensors({"w": entry}, body), "model.safetensors", verdict)


def value(data: bytes, protocol: int, verdict: Verdict = Verdict.MALICIOUS) -> Case:
    """Return the case of a pickle that holds `data`."""
    return Case(lambda: pickle.dumps({"data": data, "weights": FAR}, protocol), "model.pkl", verdict)


def config(data: bytes, verdict: Verdict = Verdict.MALICIOUS) -> Case:
    """Return the case of a configuration that holds `data` in base64."""
    text = b'{"model_type": "bert", "note": "%b"}' % base64.b64encode(data)
    return Case(lambda: text, "config.json", verdict, cut_is_clean=True)


def packed(*members: tuple[str, bytes]) -> bytes:
    """Return a zip whose members are compressed."""
    return made(*members, method=zipfile.ZIP_DEFLATED)


def tarred(data: bytes) -> bytes:
    """Return a tar with one member."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        member = tarfile.TarInfo("data.pkl")
        member.size = len(data)
        tar.addfile(member, io.BytesIO(data))
    return stream.getvalue()


def objects(data: bytes) -> bytes:
    """Return an array of objects, whose pickle is `data`."""
    header = b"{'descr': '|O', 'fortran_order': False, 'shape': (1,), }".ljust(117) + b"\n"
    return b"\x93NUMPY\x01\0" + len(header).to_bytes(2, "little") + header + data


EVIL = packed(("m/version", b"3\n"), ("m/data.pkl", EVIL_PICKLE + b"\0" * 300))
PROGRAM = packed(("libs/plugin.so", elf()))
CASES = {
    "pickle_in_tensor": tensor(EVIL),
    "program_in_tensor": tensor(PROGRAM),
    "pickle_in_pickle": value(EVIL, 4),
    "program_in_pickle": value(PROGRAM, 4),
    "program_in_old_pickle": value(PROGRAM, 2),
    "pickle_in_base64": config(EVIL),
    "array_in_base64": config(objects(EVIL_PICKLE)),
    "tar_under_gzip_in_base64": config(gzip.compress(tarred(EVIL_PICKLE), mtime=0)),
    "tar_under_gzip_in_tensor": tensor(gzip.compress(tarred(EVIL_PICKLE), mtime=0)),
    "tar_under_xz_in_tensor": tensor(lzma.compress(tarred(EVIL_PICKLE))),
    "benign_document_in_tensor": tensor(packed(*DOCUMENT), Verdict.CLEAN),
    "benign_document_in_pickle": value(packed(*DOCUMENT), 4, Verdict.CLEAN),
    "benign_document_in_old_pickle": value(packed(*DOCUMENT), 2, Verdict.CLEAN),
    "benign_document_in_base64": config(packed(*DOCUMENT), Verdict.CLEAN),
    "benign_tar_in_base64": config(gzip.compress(tarred(NOISE), mtime=0), Verdict.CLEAN),
    "benign_last_record_alone": tensor(b"PK\x05\x06" + bytes(18), Verdict.CLEAN),
}
