"""PyTorch zip checkpoints and TorchScript archives: storages against the pickle, code against what it may call."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable

from modelsweep.core.report import Verdict
from tests.scanners.case import Case
from tests.scanners.native_code import elf
from tests.scanners.pickle.assembler import (
    BUILD,
    EMPTY_DICT,
    EMPTY_LIST,
    EMPTY_TUPLE,
    EVIL,
    EVIL_PICKLE,
    NEWOBJ,
    POP,
    SETITEM,
    call,
    get,
    global_,
    number,
    put,
    text,
    tuple_,
)
from tests.scanners.torch.checkpoint import (
    BIAS,
    STATE,
    WEIGHT_TENSOR,
    WEIGHTS,
    pickled,
    state,
    storage,
    tensor,
)
from tests.scanners.zip.cases import Member, made

SIX = storage("0", 6)
PLAIN = pickled(STATE)


def checkpoint(
    pickle: bytes = PLAIN, *more: Member, weights: bytes | None = WEIGHTS, bias: bytes | None = BIAS
) -> bytes:
    """Return what torch.save writes, with `weights` as storage 0 and `bias` as storage 1."""
    storages = [(f"m/data/{key}", data) for key, data in enumerate((weights, bias)) if data is not None]
    fixed = (("m/version", b"3\n"), ("m/.data/serialization_id", b"0" * 40))
    return made(("m/data.pkl", pickle), ("m/byteorder", b"little"), *storages, *fixed, *more)


def script(*lines: str, constants: Member = ("m/constants/0", WEIGHTS), more: tuple[Member, ...] = ()) -> bytes:
    """Return what torch.jit.save writes of a module whose method has these lines."""
    body = "".join(f"    {line}\n" for line in lines)
    code = (
        f"class Net(Module):\n  training : bool\n  def forward(self: __torch__.Net,\n    x: Tensor) -> Tensor:\n{body}"
    )
    module = pickled(global_("__torch__", "Net"), EMPTY_TUPLE, NEWOBJ, EMPTY_DICT, BUILD)
    return made(
        ("m/data.pkl", module),
        ("m/code/__torch__.py", code.encode()),
        ("m/code/__torch__.py.debug_pkl", pickled(tuple_(number(0), number(1)))),
        ("m/constants.pkl", pickled(tuple_(WEIGHT_TENSOR))),
        constants,
        *more,
        ("m/version", b"3\n"),
    )


def bytecode(operator: str) -> bytes:
    """Return what a loader for phones runs: a function of one operator."""
    operators = tuple_(text("operators"), tuple_(tuple_(text(operator), text(""))))
    return pickled(tuple_(number(9), tuple_(text("__torch__.Net.forward"), tuple_(operators))))


def hidden_in_storage(content: bytes = EVIL_PICKLE) -> bytes:
    """Return a checkpoint with something that fills a storage, as large as the tensor is."""
    data = content + bytes(-len(content) % 4)
    count = len(data) // 4
    return checkpoint(pickled(state(w=tensor(storage("0", count), (count,), (1,)))), weights=data)


def packed_again(storage: bytes) -> bytes:
    """Return a checkpoint that somebody unpacked, and packed again with compression, as any zip program does."""
    members = (("m/data.pkl", PLAIN), ("m/version", b"3\n"), ("m/data/0", storage), ("m/data/1", BIAS))
    return made(*members, method=zipfile.ZIP_DEFLATED)


def one(held: bytes, sizes: tuple[int, ...], strides: tuple[int, ...], offset: int = 0) -> bytes:
    """Return a checkpoint of one tensor over one storage."""
    return checkpoint(pickled(state(w=tensor(held, sizes, strides, offset))), bias=None)


def exported(content: bytes, *, pickled: bool) -> bytes:
    """Return a program of torch.export with one constant, which is said to be a pickle or raw numbers."""
    payload = {"path_name": "tensor_0", "is_param": False, "use_pickle": pickled, "tensor_meta": None}
    return made(
        ("m/archive_format", b"pt2"),
        ("m/data/constants/tensor_0", content),
        ("m/data/constants/model_constants_config.json", json.dumps({"config": {"c": payload}}).encode()),
        ("m/models/model.json", b'{"graph_module": {}}'),
    )


def packaged(source: str, content: bytes = EMPTY_LIST, name: str = "model/model.pkl") -> bytes:
    """Return a torch.package with a module that its pickle may name."""
    return made(
        ("m/.data/extern_modules", b"torch.nn\n"),
        ("m/.data/version", b"6\n"),
        ("m/acme/__init__.py", b""),
        ("m/acme/net.py", source.encode()),
        (f"m/{name}", pickled(content)),
    )


def instance(module: str, name: str) -> bytes:
    """Return the opcodes of an instance of a class, with a state."""
    return global_(module, name) + EMPTY_TUPLE + NEWOBJ + EMPTY_DICT + BUILD


def lightning(instantiator: bytes) -> bytes:
    """Return a checkpoint of Lightning's command line, which keeps what makes its model."""
    parameters = text("a") + put(0) + POP + EMPTY_DICT + text("_instantiator") + put(1) + instantiator + SETITEM
    return checkpoint(pickled(parameters), bias=None, weights=None)


def clean(build: Callable[[], bytes], name: str = "model.pt") -> Case:
    return Case(build, name, Verdict.CLEAN)


def evil(build: Callable[[], bytes], name: str = "model.pt") -> Case:
    return Case(build, name, Verdict.MALICIOUS)


def review(build: Callable[[], bytes], name: str = "model.pt") -> Case:
    return Case(build, name, Verdict.REVIEW)


def unscanned(build: Callable[[], bytes], name: str = "model.pt") -> Case:
    return Case(build, name, Verdict.NOT_SCANNED)


CASES = {
    "benign": clean(checkpoint),
    "benign_other_name": clean(checkpoint, "pytorch_model.bin"),
    "benign_shared_storage": clean(
        lambda: checkpoint(pickled(state(a=tensor(SIX, (2,), (1,), 4), b=tensor(SIX, (3, 2), (2, 1)))), bias=None)
    ),
    "benign_transposed": clean(lambda: one(SIX, (3, 2), (1, 3))),
    "benign_expanded": clean(lambda: one(SIX, (1000, 6), (0, 1))),
    "benign_scalar": clean(lambda: one(SIX, (), (), 5)),
    "benign_empty_tensor": clean(lambda: one(SIX, (0, 3), (3, 1), 6)),
    "benign_unused_storage_class": clean(lambda: one(storage("0", 24, "UntypedStorage"), (24,), (1,))),
    "benign_compressed_pickle": clean(
        lambda: made(("m/data.pkl", pickled(state())), ("m/version", b"3\n"), method=zipfile.ZIP_DEFLATED)
    ),
    "benign_script": clean(lambda: script("y = torch.linear(x, x, None)", "_0 = ops.quantized.add(x, y, 1., 0)")),
    "benign_script_not_called": clean(lambda: script('label = "torch.save"', "# torch.from_file(x)")),
    "benign_package": clean(
        lambda: made(
            ("m/.data/extern_modules", b"torch.nn\n"),
            ("m/.data/0.storage", WEIGHTS),
            ("m/.data/version", b"6\n"),
            ("m/model/model.pkl", pickled(EMPTY_LIST)),
        )
    ),
    "benign_export": clean(
        lambda: made(
            ("m/archive_format", b"pt2"),
            ("m/data/weights/weight_0", WEIGHTS),
            ("m/models/model.json", b'{"graph_module": {}}'),
        )
    ),
    "benign_package_of_code": clean(lambda: packaged("class Net:\n    pass\n")),
    "benign_package_of_own_class": clean(lambda: packaged("class Net:\n    pass\n", instance("acme.net", "Net"))),
    "package_without_the_class": review(lambda: packaged("class Net:\n    pass\n", instance("acme.other", "Net"))),
    "package_that_calls": review(
        lambda: packaged("def net(a):\n    pass\n", call(global_("acme.net", "net"), text("a"), text("b")))
    ),
    "package_that_torch_loads": review(
        lambda: packaged("class Net:\n    pass\n", instance("acme.net", "Net"), "data.pkl")
    ),
    "evil_package_of_code": evil(lambda: packaged("import os\nos.system('echo modelsweep-test')\n")),
    "benign_instantiator": clean(lambda: lightning(text("lightning.pytorch.cli.instantiate_module"))),
    "evil_class_path": evil(
        lambda: lightning(
            text("lightning.pytorch.cli.instantiate_module") + SETITEM + text("_class_path") + text("os.system")
        )
    ),
    "evil_instantiator": evil(lambda: lightning(text("os.system"))),
    "evil_instantiator_by_memo": review(lambda: lightning(get(0))),
    "benign_export_of_numbers": clean(lambda: exported(WEIGHTS, pickled=False)),
    "evil_export_of_a_pickle": evil(lambda: exported(EVIL_PICKLE, pickled=True)),
    "evil_export_of_a_checkpoint": evil(lambda: exported(checkpoint(pickled(EVIL)), pickled=True)),
    "evil_pickle": evil(lambda: checkpoint(pickled(EVIL))),
    "evil_behind_state": evil(lambda: checkpoint(pickled(STATE, EVIL))),
    "evil_in_state": evil(lambda: checkpoint(pickled(state(w=EVIL)))),
    "evil_compressed_pickle": evil(
        lambda: made(("m/data.pkl", pickled(state(w=EVIL))), ("m/version", b"3\n"), method=zipfile.ZIP_DEFLATED)
    ),
    "benign_packed_again": clean(lambda: packed_again(WEIGHTS)),
    "evil_storage_packed_again": evil(lambda: packed_again(EVIL_PICKLE)),
    "benign_of_1_4": clean(
        lambda: made(("m/version", b"1\n"), ("m/data.pkl", PLAIN), ("m/tensors/0", WEIGHTS), ("m/tensors/1", BIAS))
    ),
    "storage_of_1_4_too_short": review(
        lambda: made(("m/version", b"1\n"), ("m/data.pkl", PLAIN), ("m/tensors/0", WEIGHTS[:-4]), ("m/tensors/1", BIAS))
    ),
    "evil_second_pickle": evil(lambda: checkpoint(PLAIN, ("m/data.pkl", EVIL_PICKLE))),
    "evil_other_pickle": evil(lambda: checkpoint(PLAIN, ("m/extra/config.pkl", EVIL_PICKLE))),
    "program_fills_storage": Case(lambda: hidden_in_storage(elf() + bytes(64)), "model.pt", Verdict.MALICIOUS),
    "evil_storage": evil(hidden_in_storage),
    "evil_storage_class": evil(
        lambda: checkpoint(pickled(state(w=tensor(storage("0", 6, "FloatStorage", EVIL), (2, 3), (3, 1)))))
    ),
    "evil_constants": evil(lambda: script("return x", constants=("m/constants.pkl", pickled(EVIL)))),
    "evil_debug_pickle": evil(lambda: script("return x", constants=("m/code/a.py.debug_pkl", EVIL_PICKLE))),
    "evil_script_saves": evil(lambda: script('torch.save(x, "/tmp/modelsweep-test")', "return x")),
    "evil_script_reads": evil(lambda: script('return torch.from_file("/etc/passwd", False, 10)')),
    "evil_script_with_gaps": evil(lambda: script("return torch \\", "  . from_file (x, False, 1)")),
    "evil_script_not_parsed": evil(lambda: script("$ torch.save (x, 1)")),
    "python_in_place_of_script": review(lambda: script("return __import__('os').system('echo modelsweep-test')")),
    "python_by_way_of_globals": review(lambda: script("return __globals__['__builtins__']")),
    "module_in_place_of_script": review(
        lambda: checkpoint(PLAIN, ("m/code/__torch__/a.py", b"import os\nos.system('echo modelsweep-test')\n"))
    ),
    "benign_script_names_modules": clean(
        lambda: script(
            'label = "os.system and __import__("', "nt = self.nt", "return (nt).forward((self.os).forward(x, ), )"
        )
    ),
    "benign_script_of_an_earlier_version": clean(
        lambda: checkpoint(PLAIN, ("m/code/__torch__.py", b"op_version_set = 1\nimport __torch__.torch.nn\n"))
    ),
    "evil_bytecode_saves": evil(lambda: script("return x", more=(("m/bytecode.pkl", bytecode("aten::save")),))),
    "benign_bytecode": clean(lambda: script("return x", more=(("m/bytecode.pkl", bytecode("aten::add_file")),))),
    "custom_operator": clean(lambda: script("return ops.acme.attention(x)")),
    "storage_too_short": review(lambda: checkpoint(weights=WEIGHTS[:-4])),
    "storage_too_long": review(lambda: checkpoint(weights=WEIGHTS + bytes(4))),
    "storage_empty": review(lambda: checkpoint(weights=b"")),
    "storage_declared_twice": review(
        lambda: checkpoint(pickled(state(a=tensor(SIX, (6,), (1,)), b=tensor(storage("0", 600), (600,), (1,)))))
    ),
    "tensor_beyond_storage": review(lambda: one(SIX, (2, 4), (4, 1))),
    "tensor_offset_beyond": review(lambda: one(SIX, (2, 3), (3, 1), 1)),
    "tensor_negative_offset": review(lambda: one(SIX, (2,), (1,), -4)),
    "tensor_negative_size": review(lambda: one(SIX, (-2, 3), (3, 1))),
    "tensor_negative_stride": review(lambda: one(SIX, (2, 3), (-3, 1))),
    "tensor_huge_stride": review(lambda: one(SIX, (2, 2), (0x7FFFFFFF, 0x7FFFFFFF))),
    "tensor_missing_stride": review(lambda: one(SIX, (2, 3), (3,))),
    "storage_missing": unscanned(lambda: checkpoint(weights=None)),
    "pickle_cut": unscanned(lambda: checkpoint(PLAIN[:-20])),
}
