"""Networks of Caffe2, and operators in them that read, write, connect and call Python."""

from __future__ import annotations

import struct

from modelsweep.core.report import Verdict
from tests.scanners.case import Case
from tests.scanners.protobuf import data, number


def argument(name: str, value: str | int | bytes, field: int = 8) -> bytes:
    """Return an argument: a text, a number, or a network."""
    if isinstance(value, bytes):
        return data(5, data(1, name), data(field, value))
    return data(5, data(1, name), number(3, value) if isinstance(value, int) else data(4, value))


def operator(kind: str, *arguments: bytes) -> bytes:
    """Return an operator."""
    return data(2, data(1, "x"), data(2, "y"), data(3, ""), data(4, kind), *arguments)


def net(*operators: bytes) -> bytes:
    """Return a network."""
    return data(1, "net") + b"".join(operators) + data(7, "x") + data(8, "y")


def case(content: bytes, verdict: Verdict, name: str = "predict_net.pb") -> Case:
    """Return the case of a network; one of fewer operators is whole."""
    return Case(lambda: content, name, verdict, cut_is_clean=True)


CONV = operator("Conv", argument("kernel", 3), argument("order", "NCHW"))
FILL = operator(
    "GivenTensorFill", data(5, data(1, "values"), data(5, struct.pack("<9f", *range(9)))), data(5, data(1, "shape"))
)
SAVE = operator("Save", argument("db", "/root/.ssh/authorized_keys"), argument("absolute_path", 1))

CASES = {
    "benign": case(net(CONV, operator("Relu")), Verdict.CLEAN),
    "benign_weights": case(net(FILL), Verdict.CLEAN, "init_net.pb"),
    "benign_paths": case(
        net(operator("Load", argument("db", "weights.minidb"), argument("db_type", "minidb"))), Verdict.CLEAN
    ),
    "benign_words": case(net(operator("Conv", argument("db", "/etc/passwd"))), Verdict.CLEAN),
    "writes_file": case(net(CONV, SAVE), Verdict.MALICIOUS),
    "writes_file_in_loop": case(net(operator("While", argument("loop_net", net(SAVE)))), Verdict.MALICIOUS),
    "writes_file_in_branches": case(net(operator("If", argument("nets", net(CONV) + SAVE, 9))), Verdict.MALICIOUS),
    "reads_file": case(net(operator("Load", argument("db", "../../etc/passwd"))), Verdict.REVIEW),
    "connects": case(net(operator("RedisStoreHandlerCreate", argument("host", "192.0.2.1"))), Verdict.REVIEW),
    "python": case(net(operator("Python", argument("token", "f:1"))), Verdict.REVIEW),
    "damaged": Case(lambda: net(CONV) + b"\x12\x7f", "predict_net.pb", Verdict.NOT_SCANNED, cut_is_clean=True),
}
