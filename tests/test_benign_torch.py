"""What the real torch saves is clean: every kind of object in every format that torch.save and torch.jit.save write."""

from __future__ import annotations

import argparse
import functools
import io
import pathlib
import random
import warnings
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy
import pytest

from tests.benign import assert_benign

if TYPE_CHECKING:
    import torch
    from torch import nn
else:
    torch = pytest.importorskip("torch", reason="torch is not installed: see ./dev help")
    nn = torch.nn

pytestmark = pytest.mark.filterwarnings("ignore")

MODULES: dict[str, Callable[[], Any]] = {
    "linear": lambda: nn.Linear(3, 4),
    "bilinear": lambda: nn.Bilinear(2, 3, 4),
    "sequential": lambda: nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Dropout(), nn.Flatten(), nn.Softmax(dim=-1)),
    "named": lambda: nn.Sequential(OrderedDict(first=nn.Linear(2, 2), second=nn.GELU())),
    "convolutions": lambda: nn.ModuleList([nn.Conv1d(2, 2, 3), nn.Conv2d(2, 2, 3), nn.ConvTranspose2d(2, 2, 3)]),
    "norms": lambda: nn.ModuleList([nn.BatchNorm2d(2), nn.LayerNorm(2), nn.GroupNorm(1, 2), nn.InstanceNorm1d(2)]),
    "pools": lambda: nn.ModuleList([nn.MaxPool2d(2), nn.AvgPool2d(2), nn.AdaptiveAvgPool2d(1)]),
    "recurrent": lambda: nn.ModuleDict({"lstm": nn.LSTM(2, 3, 2), "gru": nn.GRU(2, 3), "cell": nn.RNNCell(2, 3)}),
    "embedding": lambda: nn.ModuleList([nn.Embedding(5, 2, padding_idx=0), nn.EmbeddingBag(5, 2)]),
    "transformer": lambda: nn.Transformer(d_model=4, nhead=2, num_encoder_layers=1, num_decoder_layers=1),
    "encoder": lambda: nn.TransformerEncoder(nn.TransformerEncoderLayer(4, 2), 2),
    "attention": lambda: nn.MultiheadAttention(4, 2),
    "upsample": lambda: nn.ModuleList([nn.Upsample(scale_factor=2), nn.PixelShuffle(2), nn.Fold((4, 4), 2)]),
    "activations": lambda: nn.ModuleList([nn.PReLU(), nn.ELU(), nn.SiLU(), nn.Mish(), nn.Hardswish(), nn.Softplus()]),
    "losses": lambda: [nn.CrossEntropyLoss(torch.ones(3)), nn.MSELoss(), nn.TripletMarginLoss(), nn.CTCLoss()],
    "parameters": lambda: nn.ParameterList([nn.Parameter(torch.ones(2)), nn.Parameter(torch.ones(3), False)]),
    "parametrized": lambda: nn.utils.parametrizations.weight_norm(nn.Linear(2, 2)).state_dict(),
    "lazy": lambda: nn.LazyLinear(3).state_dict(),
}
DTYPES = (
    "float64 float32 float16 bfloat16 complex64 complex128 int64 int32 int16 int8 uint8 uint16 uint32 uint64 bool "
    "float8_e4m3fn float8_e5m2 float8_e4m3fnuz float8_e5m2fnuz complex32"
).split()


def state_dict(name: str) -> Any:
    return MODULES[name]().state_dict()


def of_dtype(name: str) -> Any:
    return torch.zeros(3, dtype=getattr(torch, name))


def trained(name: str) -> dict[str, Any]:
    """Return the state of an optimizer after a step, with that of a schedule."""
    model = nn.Linear(2, 2)
    optimizer = getattr(torch.optim, name)(model.parameters(), lr=0.1)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 10)
    model(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    schedule.step()
    return {"optimizer": optimizer.state_dict(), "schedule": schedule.state_dict(), "model": model.state_dict()}


def sparse() -> dict[str, Any]:
    dense = torch.tensor([[0.0, 1.0], [2.0, 0.0]])
    compressed = {"csr": dense.to_sparse_csr(), "csc": dense.to_sparse_csc(), "bsr": dense.to_sparse_bsr((1, 1))}
    return {"coo": dense.to_sparse(), **compressed}


def quantized() -> dict[str, Any]:
    values = torch.tensor([[0.5, 1.0], [2.0, -1.0]])
    scales, zeros = torch.tensor([0.1, 0.2]), torch.tensor([0, 0])
    return {
        "tensor": torch.quantize_per_tensor(values, 0.1, 0, torch.qint8),
        "unsigned": torch.quantize_per_tensor(values, 0.1, 3, torch.quint8),
        "wide": torch.quantize_per_tensor(values, 0.1, 3, torch.qint32),
        "channel": torch.quantize_per_channel(values, scales, zeros, 0, torch.qint8),
    }


def views() -> dict[str, Any]:
    base = torch.arange(24.0).reshape(4, 6)
    return {
        "slice": base[1:3, ::2],
        "transposed": base.t(),
        "expanded": torch.ones(1).expand(1000),
        "row": base[3],
        "tail": base.flatten()[23:],
        "empty": base[4:],
        "channels_last": torch.zeros(1, 3, 2, 2).to(memory_format=torch.channels_last),
        "conjugate": torch.ones(2, dtype=torch.complex64).conj(),
        "negative": torch.ones(2, dtype=torch.complex64).conj().imag,
        "overlapping": base.flatten().unfold(0, 4, 1),
    }


def shared() -> dict[str, Any]:
    weight = torch.ones(2, 3)
    return {"encoder": weight, "decoder": weight, "half": weight[:1]}


def random_states() -> dict[str, Any]:
    return {
        "torch": torch.get_rng_state(),
        "numpy": numpy.random.RandomState(1).get_state(),
        "python": random.Random(1).getstate(),
        "cuda": [torch.get_rng_state()],
        "generator": numpy.random.default_rng(1),
        "random_state": numpy.random.RandomState(1),
    }


def lightning() -> dict[str, Any]:
    return {
        "epoch": 3,
        "global_step": 1200,
        "pytorch-lightning_version": "2.4.0",
        "state_dict": MODULES["convolutions"]().state_dict(),
        "loops": {"fit_loop": {"state_dict": {}, "epoch_progress": {"total": {"ready": 4, "completed": 3}}}},
        "callbacks": {"ModelCheckpoint{'monitor': 'loss'}": {"best_model_score": torch.tensor(0.5), "kth": ""}},
        "optimizer_states": [trained("Adam")["optimizer"]],
        "lr_schedulers": [{"base_lrs": [0.1], "last_epoch": 3}],
        "hyper_parameters": {"lr": 1e-3, "betas": (0.9, 0.999), "layers": [1, 2], "note": None},
    }


def learning(name: str) -> dict[str, Any]:
    """Return an optimizer of torch.optim itself, after a step where the gradient suits it, and its state."""
    weight = nn.Parameter(torch.ones(2, 2))
    optimizer = getattr(torch.optim, name)([weight], lr=0.1)
    if name not in ("LBFGS", "SparseAdam"):
        weight.sum().backward()
        optimizer.step()
    return {"optimizer": optimizer, "state": optimizer.state_dict()}


SCHEDULES: dict[str, dict[str, Any]] = {
    "StepLR": {"step_size": 1},
    "MultiStepLR": {"milestones": [1]},
    "ConstantLR": {},
    "LinearLR": {},
    "ExponentialLR": {"gamma": 0.1},
    "PolynomialLR": {},
    "CosineAnnealingLR": {"T_max": 3},
    "CosineAnnealingWarmRestarts": {"T_0": 2},
    "CyclicLR": {"base_lr": 0.1, "max_lr": 0.2},
    "OneCycleLR": {"max_lr": 0.1, "total_steps": 10},
    "ReduceLROnPlateau": {},
}


def scheduled(name: str) -> dict[str, Any]:
    """Return a schedule of torch.optim.lr_scheduler itself, and its state."""
    optimizer = torch.optim.SGD([nn.Parameter(torch.ones(1))], lr=0.1, momentum=0.9)
    schedule = getattr(torch.optim.lr_scheduler, name)(optimizer, **SCHEDULES[name])
    return {"schedule": schedule, "state": schedule.state_dict()}


def observed() -> Any:
    """Return a module with observers, before it is quantized."""
    from torch.ao import quantization

    module = nn.Sequential(quantization.QuantStub(), nn.Linear(2, 2), nn.ReLU(), quantization.DeQuantStub()).eval()
    module.qconfig = quantization.get_default_qconfig("fbgemm")
    quantization.prepare(module, inplace=True)
    module(torch.ones(1, 2))
    return module


def converted() -> Any:
    from torch.ao import quantization

    return quantization.convert(observed())


def dynamic() -> Any:
    from torch.ao import quantization

    module = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.LSTM(4, 4))
    return quantization.quantize_dynamic(module, {nn.Linear, nn.LSTM}, dtype=torch.qint8)


def pruned() -> Any:
    from torch.nn.utils import prune

    return prune.l1_unstructured(nn.Linear(2, 2), "weight", 0.5)


def averaged() -> list[Any]:
    from torch.optim.swa_utils import AveragedModel

    return [AveragedModel(nn.Linear(2, 2)), nn.DataParallel(nn.Linear(2, 2)), nn.utils.spectral_norm(nn.Linear(2, 2))]


def loaders() -> list[Any]:
    data = torch.utils.data
    items = data.TensorDataset(torch.ones(3, 2))
    return [data.DataLoader(items, batch_size=2), data.Subset(items, [0]), data.ConcatDataset([items])]


def trainers() -> dict[str, Any]:
    """Return what DeepSpeed, fairseq and timm keep beside their weights."""
    arguments = argparse.Namespace(arch="t", lr=0.1, device=torch.device("cpu"), out=pathlib.PurePosixPath("runs"))
    return {
        "module": {"a": torch.ones(1).half()},
        "param_shapes": [OrderedDict(a=torch.Size([1]))],
        "sparse_tensor_module_names": set(),
        "args": arguments,
        "extra_state": {"metrics": OrderedDict(default=[(0, "x", {"val": 1})])},
        "metric": numpy.float64(1.5),
        "amp_scaler": torch.amp.GradScaler("cpu").state_dict(),
    }


def yolo() -> dict[str, Any]:
    return {
        "epoch": -1,
        "best_fitness": numpy.float64(0.5),
        "model": nn.Sequential(nn.Conv2d(3, 4, 3, bias=False), nn.BatchNorm2d(4), nn.SiLU()).half(),
        "ema": None,
        "train_args": {"data": "coco.yaml", "imgsz": 640},
        "date": "2024-01-01T00:00:00.000000",
    }


OBJECTS: dict[str, Callable[[], Any]] = {
    **MODULES,
    **{f"state_dict_{name}": functools.partial(state_dict, name)
       for name in MODULES if name not in ("losses", "parametrized", "lazy")},
    **{f"optimizer_{name}": functools.partial(trained, name)
       for name in "SGD Adam AdamW Adagrad RMSprop Adadelta NAdam RAdam Adamax ASGD Rprop".split()},
    **{f"learning_{name}": functools.partial(learning, name)
       for name in "SGD Adam AdamW Adagrad RMSprop Adadelta NAdam RAdam Adamax ASGD Rprop LBFGS SparseAdam".split()},
    **{f"schedule_{name}": functools.partial(scheduled, name) for name in SCHEDULES},
    "observed_state": lambda: observed().state_dict(),
    "converted": converted,
    "converted_state": lambda: converted().state_dict(),
    "dynamic": dynamic,
    "graph": lambda: torch.fx.symbolic_trace(nn.Sequential(nn.Linear(2, 2), nn.ReLU())),
    "pruned": pruned,
    "averaged": averaged,
    "loaders": loaders,
    "trainers": trainers,
    "jagged": lambda: torch.nested.nested_tensor([torch.ones(2), torch.ones(3)], layout=torch.jagged),
    "named_result": lambda: torch.max(torch.ones(2, 2), 0),
    "hooked": lambda: torch.nn.TransformerEncoderLayer(4, 2, activation=nn.functional.gelu),
    **{f"dtype_{name}": functools.partial(of_dtype, name) for name in DTYPES},
    "sparse": sparse,
    "quantized": quantized,
    "views": views,
    "random_states": random_states,
    "lightning": lightning,
    "yolo": yolo,
    "shared": shared,
    "empty": lambda: {"a": torch.empty(0), "b": torch.empty(0, 3), "c": torch.empty(2, 0)},
    "scalars": lambda: {"loss": torch.tensor(0.5), "step": torch.tensor(3), "flag": torch.tensor(True)},
    "storage": lambda: torch.ones(3).untyped_storage(),
    "typed_storage": lambda: torch.ones(3).storage(),
    "sizes": lambda: {"size": torch.Size([1, 2]), "dtype": torch.float16, "device": torch.device("cpu")},
    "numpy": lambda: {"array": numpy.arange(3), "scalar": numpy.float32(1), "dtype": numpy.dtype("int8")},
    "plain": lambda: {"list": [1, 2.5, "x", None, True], "set": {1, 2}, "bytes": b"\x00\x01", "big": 2**70},
    "parameter": lambda: nn.Parameter(torch.ones(2)),
    "buffer": lambda: nn.Buffer(torch.ones(2)) if hasattr(nn, "Buffer") else torch.ones(2),
    "meta": lambda: torch.empty(3, device="meta"),
    "gradient_hook": lambda: torch.ones(2, requires_grad=True),
    "nested": lambda: torch.nested.nested_tensor([torch.ones(2), torch.ones(3)]),
    "dataset": lambda: torch.utils.data.TensorDataset(torch.ones(3, 2), torch.zeros(3)),
    "distribution": lambda: torch.distributions.Normal(torch.zeros(2), torch.ones(2)),
    "many": lambda: {f"layers.{number}.weight": torch.zeros(2) for number in range(2_000)},
}  # fmt: skip
NOT_LEGACY = frozenset({"nested", "jagged"})


def saved(value: Any, **options: Any) -> bytes:
    """Return what torch.save writes."""
    stream = io.BytesIO()
    torch.save(value, stream, **options)
    return stream.getvalue()


@pytest.mark.parametrize("name", OBJECTS)
def test_zip_checkpoints_are_clean(name: str) -> None:
    assert_benign(saved(OBJECTS[name]()), "model.pt")


@pytest.mark.parametrize("name", sorted(set(OBJECTS) - NOT_LEGACY))
def test_legacy_checkpoints_are_clean(name: str) -> None:
    assert_benign(saved(OBJECTS[name](), _use_new_zipfile_serialization=False), "model.pth")


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("modern", [True, False], ids=["zip", "legacy"])
def test_every_pickle_protocol_is_clean(protocol: int, modern: bool) -> None:
    options = {"pickle_protocol": protocol, "_use_new_zipfile_serialization": modern}
    assert_benign(saved(lightning(), **options), "model.bin")
    assert_benign(saved(MODULES["recurrent"](), **options), "model.ckpt")


class Block(nn.Module):
    """A module with all that TorchScript keeps: constants, buffers, attributes, submodules, branches."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 3)
        self.register_buffer("scale", torch.ones(3))
        self.names = ["a", "b"]
        self.steps = {"warm": 3}

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if x.sum() > 0:
            x = self.layer(x) * self.scale
        return x + torch.tensor([1.0, 2.0, 3.0])


def for_phones(module: Any, **options: Any) -> bytes:
    """Return what is saved for PyTorch Mobile as a FlatBuffer."""
    saved: bytes = module._save_to_buffer_for_lite_interpreter(_use_flatbuffer=True, **options)
    return saved


def scripted(module: Any, **options: Any) -> bytes:
    """Return what torch.jit.save writes."""
    stream = io.BytesIO()
    torch.jit.save(module, stream, **options)
    return stream.getvalue()


SCRIPTS: dict[str, Callable[[], bytes]] = {
    "script": lambda: scripted(torch.jit.script(Block())),
    "frozen": lambda: scripted(torch.jit.freeze(torch.jit.script(Block().eval()))),
    "extra_files": lambda: scripted(torch.jit.script(Block()), _extra_files={"config.json": '{"size": 3}'}),
    "trace": lambda: scripted(torch.jit.trace(MODULES["sequential"]().eval(), torch.ones(1, 2))),
    "trace_constants": lambda: scripted(torch.jit.trace(Block(), torch.ones(3))),
    "trace_convolution": lambda: scripted(torch.jit.trace(nn.Conv2d(1, 1, 3), torch.ones(1, 1, 5, 5))),
    "trace_lstm": lambda: scripted(torch.jit.trace(nn.LSTM(2, 3), torch.ones(4, 1, 2))),
    "mobile": lambda: torch.jit.script(Block())._save_to_buffer_for_lite_interpreter(),
    "mobile_flatbuffer": lambda: for_phones(torch.jit.script(Block()), _extra_files={"note.json": '{"size": 3}'}),
    "mobile_quantized": lambda: for_phones(torch.jit.script(nn.quantized.dynamic.Linear(8, 5))),
    "mobile_flatbuffer_trace": lambda: for_phones(torch.jit.trace(nn.LSTM(2, 3), torch.ones(4, 1, 2))),
}


@pytest.mark.parametrize("name", SCRIPTS)
def test_torchscript_is_clean(name: str) -> None:
    with warnings.catch_warnings(action="ignore"):
        data = SCRIPTS[name]()
    assert_benign(data, "model.pt")


def packaged() -> bytes:
    from torch.package import PackageExporter

    stream = io.BytesIO()
    with PackageExporter(stream) as exporter:
        exporter.extern("**")
        exporter.save_pickle("model", "model.pkl", nn.Linear(3, 4))
        exporter.save_text("model", "notes.txt", "trained on nothing")
        exporter.save_source_string("code", "def double(x):\n    return 2 * x\n")
    return stream.getvalue()


def exported() -> bytes:
    stream = io.BytesIO()
    torch.export.save(torch.export.export(nn.Linear(3, 4), (torch.ones(1, 3),)), stream)
    return stream.getvalue()


@pytest.mark.parametrize("build", [packaged, exported], ids=["package", "export"])
def test_other_archives_of_torch_are_clean(build: Callable[[], bytes]) -> None:
    assert_benign(build(), "model.pt2")


def test_distributed_checkpoints_are_clean(tmp_path: pathlib.Path) -> None:
    from torch.distributed import checkpoint

    model = MODULES["convolutions"]()
    state = {"model": model.state_dict(), "optimizer": trained("Adam")["optimizer"], "step": 3, "note": {"a": [1, 2]}}
    checkpoint.save(state, checkpoint_id=str(tmp_path))
    files = sorted(path for path in tmp_path.iterdir() if path.is_file())
    assert [path.name for path in files] == [".metadata", "__0_0.distcp"]
    for path in files:
        assert_benign(path.read_bytes(), path.name)


@pytest.mark.parametrize("length", range(1, 45))
def test_names_of_every_length_are_clean(length: int, tmp_path: pathlib.Path) -> None:
    path = tmp_path / ("m" * length + ".pt")
    torch.save({"a": torch.zeros(40, 40)}, path)  # the folder in the archive is named as the file
    assert_benign(path.read_bytes(), path.name)
