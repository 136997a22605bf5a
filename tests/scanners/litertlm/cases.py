"""Bundles of LiteRT-LM: sections of every kind, and those that do not stand where the header says."""

from __future__ import annotations

import json
import struct
import zlib

from modelsweep.core.report import Verdict
from tests.scanners.case import Case
from tests.scanners.data.cases import vocabulary
from tests.scanners.payload import noise
from tests.scanners.pickle.assembler import EVIL_PICKLE
from tests.scanners.protobuf import data, number
from tests.scanners.tflite.cases import code, model, operator, subgraph
from tests.scanners.tflite.flatbuffer import Number, Table, written

GENERIC, MODEL, TOKENIZER, SETTINGS, COMPRESSED, WEIGHTS = 1, 3, 4, 5, 6, 7
START = 16_384
CHAT = "{% for m in messages %}{{ m.content }}{% endfor %}"
EVIL_CHAT = "{{ ''.__class__.__mro__[1].__subclasses__() }}"
TOKENS = json.dumps({"model": {"type": "BPE", "vocab": {}}}).encode()


def settings(chat: str = CHAT) -> bytes:
    """Return settings of a language model."""
    return data(1, number(1, 2)) + number(5, 4_096) + data(7, chat)


def bundle(*sections: tuple[int, bytes], version: int = 1, moved: int = 0) -> bytes:
    """Return a bundle of sections with their kinds, each `moved` to behind where it is."""
    body, placed = b"", []
    for kind, content in sections:
        begin = START + len(body)
        end = begin + len(content)
        placed.append(Table({1: Number(begin + moved, "Q"), 2: Number(end + moved, "Q"), 3: Number(kind, "B")}))
        body += content + bytes(-len(content) % 16)
    header = written(Table({0: Table({}), 1: Table({0: placed})}), bytes(4))
    start = b"LITERTLM" + struct.pack("<IIII", version, 5, 0, 0) + struct.pack("<Q", 32 + len(header))
    return (start + header).ljust(START, b"\0") + body


def compressed(content: bytes = TOKENS) -> bytes:
    """Return a tokenizer as it is packed: behind its size."""
    return struct.pack("<Q", len(content)) + zlib.compress(content)


def case(built: bytes, verdict: Verdict, *, cut: bool = False) -> Case:
    """Return the case of a bundle."""
    return Case(lambda: built, "gemma.litertlm", verdict, cut_is_clean=cut)


FLEX = model(subgraph(operator()), codes=[code(32, "FlexPyFunc")])
CASES = {
    "benign": case(
        bundle((SETTINGS, settings()), (TOKENIZER, vocabulary()), (MODEL, model()), (COMPRESSED, compressed())),
        Verdict.CLEAN,
        cut=True,
    ),
    "benign_weights": case(bundle((MODEL, model()), (WEIGHTS, noise(2_000))), Verdict.CLEAN),
    "evil_template": case(bundle((SETTINGS, settings(EVIL_CHAT)), (MODEL, model())), Verdict.MALICIOUS, cut=True),
    "custom_operator": case(bundle((MODEL, model(codes=[code(32, "Acme")]))), Verdict.CLEAN, cut=True),
    "pickle_in_section": case(bundle((GENERIC, EVIL_PICKLE), (MODEL, model())), Verdict.MALICIOUS, cut=True),
    "unknown_section": case(bundle((GENERIC, noise(300))), Verdict.NOT_SCANNED),
    "section_beyond_the_end": case(bundle((MODEL, model()), moved=1 << 40), Verdict.NOT_SCANNED),
    "another_version": case(bundle((MODEL, model()), version=9), Verdict.NOT_SCANNED),
    "header_beyond_the_end": Case(
        lambda: b"LITERTLM" + struct.pack("<IIIIQ", 1, 5, 0, 0, 1 << 50), "x.litertlm", Verdict.NOT_SCANNED
    ),
    "model_without_identifier": case(
        bundle((MODEL, model(codes=[code(32, "Acme")]).replace(b"TFL3", b"4\0\0\0"))), Verdict.CLEAN, cut=True
    ),
    "no_model_in_section": case(bundle((MODEL, noise(90))), Verdict.NOT_SCANNED),
}
