"""Models of CNTK: functions that loading imports, text that it would run, and libraries that it would load."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import replace

from modelsweep.core.report import Verdict
from tests.scanners.case import Case
from tests.scanners.native_code import elf
from tests.scanners.payload import noise
from tests.scanners.protobuf import data, number

BOOL, SIZE, TEXT, VECTOR, DICTIONARY, ARRAY = 1, 3, 6, 9, 10, 11
_FIELD = {BOOL: 3, SIZE: 5, TEXT: 8, VECTOR: 11, DICTIONARY: 12, ARRAY: 13}


def value(kind: int, content: bytes | str | int) -> bytes:
    """Return a value of a dictionary."""
    field = _FIELD[kind]
    written = number(field, content) if isinstance(content, int) else data(field, content)
    return number(1, 1) + number(2, kind) + written


def dictionary(**entries: bytes) -> bytes:
    """Return a dictionary."""
    listed = (data(2, data(1, key), data(2, content)) for key, content in entries.items())
    return number(1, 1) + b"".join(listed)


def vector(*values: bytes) -> bytes:
    """Return a list of values."""
    return value(VECTOR, b"".join(data(1, item) for item in values))


def text(content: str) -> bytes:
    """Return a text."""
    return value(TEXT, content)


WEIGHTS = value(ARRAY, number(1, 1) + data(3, data(1, b"\3\4")) + data(4, data(1, noise(48))))
PARAMETER = dictionary(uid=text("W"), kind=value(SIZE, 2), value=WEIGHTS)
TIMES = dictionary(type=text("PrimitiveFunction"), op=value(SIZE, 31), uid=text("Times5"), inputs=vector(text("W")))


def model(*functions: bytes) -> bytes:
    """Return a model of one product and more functions."""
    listed = vector(*(value(DICTIONARY, function) for function in (TIMES, *functions)))
    return dictionary(
        inputs=vector(value(DICTIONARY, PARAMETER)),
        primitive_functions=listed,
        name=text("classifier"),
        type=text("CompositeFunction"),
        root=text("Times5"),
        uid=text("CompositeFunction7"),
        version=value(SIZE, 1),
    )


def user(**state: bytes) -> bytes:
    """Return a user-defined function with its state."""
    return dictionary(
        type=text("UserDefinedFunction"),
        uid=text("User9"),
        native=value(BOOL, int("deserialize_method" in state)),
        user_defined_state=value(DICTIONARY, dictionary(**state)),
    )


def python(module: str, name: str) -> bytes:
    """Return a model with a function of Python."""
    state = value(DICTIONARY, dictionary(rate=value(SIZE, 1)))
    return model(user(**{"class": text(name), "module": text(module), "op_name": text("plus"), "state": state}))


def native(module: str) -> bytes:
    """Return a model with a function of a library."""
    return model(user(module=text(module), deserialize_method=text("CreateBinaryConvolve"), op=text("Bin")))


def checkpoint() -> bytes:
    """Return the state of a trainer."""
    return dictionary(Version=value(SIZE, 1), Learners=vector(), ExternalState=value(DICTIONARY, dictionary()))


def wide(*words: str) -> bytes:
    """Return texts as version 1 writes them."""
    return b"".join(f"{word}\0".encode("utf-16-le") for word in words)


def names(*words: str) -> bytes:
    """Return a list of texts."""
    return struct.pack("<Q", len(words)) + wide(*words)


def network(matrix: bytes = noise(96), count: int = 2, tail: bytes = b"") -> bytes:
    """Return a network of version 1 with a matrix."""
    nodes = wide("float", "LearnableParameter", "W") + bytes(8) + b"d" + wide("BMAT") + matrix + wide("EMAT")
    nodes += wide("float", "Plus", "z")
    relations = wide("W") + names() + wide("z") + names("W", "features")
    roots = wide("BFeatureNodes") + names("features") + wide("EFeatureNodes", "BOutputNodes") + names("z")
    return (
        wide("BCN", "BVersion") + struct.pack("<Q", 26) + wide("EVersion") + struct.pack("<Q", count)
        + wide("BNodeList") + nodes + wide("ENodeList", "BRelation") + relations
        + wide("ERelation", "BRootNodes") + roots + wide("EOutputNodes", "ERootNodes", "ECN") + tail
    )  # fmt: skip


def case(build: Callable[[], bytes], verdict: Verdict, name: str = "model.dnn") -> Case:
    """Return the case of a file."""
    return Case(build, name, verdict)


CASES = {
    "benign": case(model, Verdict.CLEAN),
    "benign_named_otherwise": case(model, Verdict.CLEAN, "weights.bin"),
    "benign_contrib": case(lambda: python("cntk.contrib.crosstalk", "Probe"), Verdict.CLEAN),
    "benign_checkpoint": case(checkpoint, Verdict.CLEAN, "model.dnn.ckp"),
    "benign_network": case(network, Verdict.CLEAN),
    "benign_other_message": Case(
        lambda: number(1, 1) + data(2, data(1, b"\x08\1"), data(2, b"x")), "m.dnn", Verdict.NOT_SCANNED
    ),
    "own_class": case(lambda: python("__main__", "MyPlus"), Verdict.REVIEW),
    "dangerous_class": case(lambda: python("os", "system"), Verdict.MALICIOUS),
    "injected_class": case(
        lambda: python("math", "pi; import os; os.system('echo modelsweep-test')"), Verdict.MALICIOUS
    ),
    "injected_module": case(
        lambda: python("math import pi\nprint('modelsweep-test')\nfrom math", "pi"), Verdict.MALICIOUS
    ),
    "native_library": case(lambda: native("Cntk.BinaryConvolutionExample-2.7"), Verdict.REVIEW),
    "native_library_path": case(lambda: native("\\\\10.0.0.5\\share\\x.dll"), Verdict.MALICIOUS),
    "program_in_network": case(lambda: network(noise(40) + elf() + bytes(64)), Verdict.MALICIOUS),
    "network_with_too_few_relations": case(lambda: network(count=1 << 40), Verdict.NOT_SCANNED),
    "network_with_more_behind": replace(case(lambda: network(tail=b"more"), Verdict.NOT_SCANNED), cut_is_clean=True),
}
