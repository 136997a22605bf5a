"""Modules of PyTorch Mobile as FlatBuffers: what their bytecode calls, and numbers that lead out of them."""

from __future__ import annotations

from collections.abc import Callable

from modelsweep.core.report import Verdict
from tests.scanners.case import Case
from tests.scanners.pickle.assembler import EVIL_PICKLE
from tests.scanners.tflite.flatbuffer import Fields, Number, Table, Vector, numbers, octets, text, written

OP, LOAD, STORE_MANY, CONSTANT, JUMP, RETURN, MAKE_LIST = 0, 2, 4, 8, 10, 12, 26
SIX = (2, 3)


def step(opcode: int, number: int = 0, many: int = 0) -> int:
    """Return an instruction as the number that its eight bytes are."""
    return opcode | many << 16 | (number & 0xFFFFFFFF) << 32


ADD = (step(LOAD, 1), step(LOAD, 2), step(CONSTANT, 0), step(OP, 0), step(RETURN))


def value(kind: int, table: Table) -> Table:
    """Return a value of the union."""
    return Table({0: Number(kind, "B"), 1: table})


def function(*steps: int, operators: tuple[str, ...] = ("aten::add",), constant: int = 0, kind: int = 0) -> Table:
    """Return a function of three registers, with one constant and one type."""
    called = [Table({0: text(name), 1: text("Tensor")}) for name in operators]
    code: Fields = {0: text("__torch__.Net.forward"), 1: numbers(*(steps or ADD), code="Q"), 2: called}
    argument = Table({0: text("x"), 1: text("Tensor"), 2: Number(0)})
    signature: Fields = {6: Table({0: [argument], 1: []}), 7: Table({0: numbers(7, code="Q")})}
    rest: Fields = {3: numbers(constant, code="I"), 4: [text("List[int]")], 5: Number(3, "i"), 8: Number(kind)}
    return value(16, Table({**code, **rest, **signature}))


def tensor(
    storage: int = 0, sizes: tuple[int, ...] = SIX, strides: tuple[int, ...] = (3, 1), *, kind: int = 6, offset: int = 0
) -> Table:
    """Return a tensor of float32 over a storage."""
    place: Fields = {0: Number(storage), 1: Number(kind, "b"), 2: Number(offset, "i")}
    return value(5, Table({**place, 3: numbers(*sizes), 4: numbers(*strides)}))


def quantized(scales: Table, sizes: tuple[int, ...] = SIX) -> Table:
    """Return a tensor of quint8 that is quantized by channel."""
    inner = scales.fields[1]
    assert isinstance(inner, Table)
    scheme = Table({0: Number(1, "b"), 3: inner, 4: inner})
    place: Fields = {0: Number(0), 1: Number(13, "b"), 2: Number(0, "i"), 3: numbers(*sizes), 4: numbers(3, 1)}
    return value(5, Table({**place, 6: scheme}))


def instance(*attributes: int, kind: int = 0, state: int = 0, function: int = 0) -> Table:
    """Return an object of a class of the module."""
    return value(10, Table({0: Number(kind), 1: Number(state), 2: numbers(*attributes, code="I"), 3: Number(function)}))


def module(
    *values: Table,
    state: int = 0,
    methods: tuple[int, ...] = (1,),
    extra: dict[str, bytes] | None = None,
    sources: dict[str, str] | None = None,
    weights: int = 24,
) -> bytes:
    """Return a module: its object, its function, and what else there is; `weights` are the bytes of the one storage."""
    held = [instance(2), function(), tensor(), *values]
    files = {1: extra or {}, 8: {name: source.encode() for name, source in (sources or {}).items()}}
    listed: Fields = {
        slot: [Table({0: text(name), 1: Vector(data + b"\0", len(data))}) for name, data in each.items()]
        for slot, each in files.items()
        if each
    }
    fields: Fields = {
        0: Number(9),
        2: numbers(*methods, code="I"),
        3: Number(state),
        4: held,
        5: Number(1, "i"),
        6: [Table({0: octets(bytes(weights))})],
        7: [Table({0: text("__torch__.Net"), 1: Number(1, "B"), 2: [text("weight")]})],
    }
    return written(Table({**fields, **listed}), b"PTMF")


def case(build: Callable[[], bytes], verdict: Verdict, name: str = "model.ptl") -> Case:
    """Return the case of a module."""
    return Case(build, name, verdict)


def evil(build: Callable[[], bytes]) -> Case:
    """Return the case of a module that is malicious."""
    return case(build, Verdict.MALICIOUS)


def odd(*values: Table) -> Case:
    """Return the case of a module with values that lead out of it."""
    return case(lambda: module(*values), Verdict.REVIEW)


def clean(*values: Table) -> Case:
    """Return the case of a module that is in order."""
    return case(lambda: module(*values), Verdict.CLEAN)


SAVES = ("aten::add", "aten::save")
NAME = value(6, Table({0: text("name")}))
LISTED = value(7, Table({0: numbers(1, 2, code="I"), 1: text("List[Tensor]")}))
CODE = {"__torch__": "class Net(Module):\n  def forward(self: __torch__.Net, x: Tensor) -> Tensor:\n    return BODY\n"}


def coded(body: str) -> bytes:
    """Return a module with the code that torch.jit.load compiles."""
    return module(sources={name: source.replace("BODY", body) for name, source in CODE.items()})


CASES = {
    "benign": clean(),
    "benign_ff": case(module, Verdict.CLEAN, "model.ff"),
    "benign_values": clean(LISTED, NAME, quantized(tensor()), tensor(sizes=(0, 9)), tensor(kind=99, offset=9)),
    "benign_code": case(lambda: coded("torch.add(x, x)"), Verdict.CLEAN),
    "benign_code_not_called": case(lambda: coded('"torch.save"'), Verdict.CLEAN),
    "benign_extra": case(lambda: module(extra={"note.json": b'{"task": "demo"}'}), Verdict.CLEAN),
    "benign_custom_operator": clean(function(operators=("acme::attention",))),
    "benign_jumps": clean(function(step(JUMP, 2), step(JUMP, -1), step(STORE_MANY, 1, 3), step(RETURN))),
    "evil_operator_saves": evil(lambda: module(function(operators=SAVES))),
    "evil_operator_reads": evil(lambda: module(function(operators=("aten::from_file",)))),
    "evil_image_operator": evil(lambda: module(function(operators=("image::write_file",)))),
    "evil_code": evil(lambda: coded('torch.save(x, "/tmp/modelsweep-test")')),
    "evil_extra": evil(lambda: module(extra={"producer_info": EVIL_PICKLE})),
    "operator_out_of_range": odd(function(step(OP, 7), step(RETURN))),
    "negative_operator": odd(function(step(OP, -7), step(RETURN))),
    "constant_out_of_range": odd(function(step(CONSTANT, 1), step(RETURN))),
    "type_out_of_range": odd(function(step(MAKE_LIST, 4), step(RETURN))),
    "register_out_of_range": odd(function(step(LOAD, 4), step(RETURN))),
    "registers_out_of_range": odd(function(step(STORE_MANY, 2, 3), step(RETURN))),
    "jump_out_of_range": odd(function(step(JUMP, -1), step(RETURN))),
    "function_constant_out_of_range": odd(function(constant=9)),
    "function_type_out_of_range": odd(function(kind=5)),
    "list_out_of_range": odd(value(7, Table({0: numbers(1, 9, code="I")}))),
    "dictionary_out_of_range": odd(value(9, Table({0: numbers(1, code="I"), 1: numbers(99, code="I")}))),
    "enumeration_out_of_range": odd(value(15, Table({1: Number(40)}))),
    "object_out_of_range": odd(instance(1 << 30)),
    "object_type_out_of_range": odd(instance(kind=3)),
    "setstate_out_of_range": odd(instance(function=77)),
    "storage_out_of_range": odd(tensor(storage=1)),
    "tensor_beyond_storage": odd(tensor(offset=1)),
    "tensor_strides_beyond_storage": odd(tensor(strides=(1 << 30, 1))),
    "negative_stride": odd(tensor(strides=(3, -1))),
    "scales_beyond_storage": odd(quantized(tensor(offset=100))),
    "state_out_of_range": case(lambda: module(state=1 << 31), Verdict.REVIEW),
    "method_out_of_range": case(lambda: module(methods=(1, 50)), Verdict.REVIEW),
    "without_values": case(lambda: written(Table({0: Number(9)}), b"PTMF"), Verdict.NOT_SCANNED),
    "identifier_only": case(lambda: b"\xff\xff\xff\x7fPTMF" + bytes(64), Verdict.NOT_SCANNED),
}
